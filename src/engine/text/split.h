/* Cutting text into the pieces that byte pair encoding works on, by the regular expressions that
 * tokenizer.json carries. Only the expressions listed here are known. Regular expressions: PCRE2,
 * whose one home is split.c. */
#ifndef AS_TEXT_SPLIT_H
#define AS_TEXT_SPLIT_H

#include "base/bytes.h"

typedef enum {
    AS_SPLIT_QWEN3,      /* Qwen2 and Qwen3 */
    AS_SPLIT_QWEN35,     /* the same with marks beside letters */
    AS_SPLIT_GPT2,       /* the expression inside the ByteLevel pre-tokeniser */
    AS_SPLIT_GPT2_DIGITS /* every numeric character alone, then the above in what lies between */
} as_split_kind;

/* The expression as tokenizer.json writes it; NULL for the two that it only names. */
const char *as_split_pattern(as_split_kind kind);

/* A compiled expression; immutable, so threads share it. */
typedef struct as_split as_split;
AS_MUST_CHECK as_split *as_split_new(as_split_kind kind, as_error *err);
void as_split_free(as_split *s); /* accepts NULL */

/* What one thread needs to match. */
typedef struct as_split_scratch as_split_scratch;
AS_MUST_CHECK as_split_scratch *as_split_scratch_new(as_error *err);
void as_split_scratch_free(as_split_scratch *s); /* accepts NULL */

/* *end = where the piece that starts at `at` < size ends; at < *end <= size. The pieces of a text
 * are its bytes, whole and in order. text (size bytes) is valid UTF-8 and at a character's start.
 * Takes time linear in the size of the text for all of its pieces together. */
AS_MUST_CHECK bool as_split_next(const as_split *s, as_split_scratch *scratch, const char *text,
                                 size_t size, size_t at, size_t *end, as_error *err);

#endif
