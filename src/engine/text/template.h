/* Chat templates: a bounded interpreter for the part of Jinja that chat templates are written in,
 * set up as the reference library sets it up (trim_blocks, lstrip_blocks, loop controls, an
 * immutable sandbox, its own tojson and raise_exception). What it accepts it renders as jinja2 3.1
 * does, byte for byte; what it does not know it refuses by name, most of it when parsing.
 *
 * Not here: which template a model has, and turning the text into token ids. */
#ifndef AS_ENGINE_TEXT_TEMPLATE_H
#define AS_ENGINE_TEXT_TEMPLATE_H

#include "engine/text/chat_json.h"

/* Limits; reaching one is AS_ELIMIT with the limit's name in the message. */
#define AS_TEMPLATE_NESTING 100   /* blocks or brackets inside each other; depth of values */
#define AS_TEMPLATE_CALLS 64      /* macros inside each other */
#define AS_TEMPLATE_STEPS 1000000 /* nodes evaluated, values made, 64 bytes made */
#define AS_TEMPLATE_OUTPUT ((size_t)4 << 20) /* bytes rendered */
#define AS_TEMPLATE_TEXT ((size_t)1 << 20)   /* bytes of one string, and of the template itself */
#define AS_TEMPLATE_RANGE 100000             /* numbers in one range() */

typedef struct as_template as_template;

/* Parses `size` bytes of UTF-8. `name` is the file in messages ("NAME: LINE: WHAT") and is copied,
 * as is the text. Gives: as_template_free. A parsed template never changes: any number of threads
 * may render it at once. */
AS_MUST_CHECK as_template *as_template_parse(const char *name, const char *text, size_t size,
                                             as_error *err);
void as_template_free(as_template *t); /* accepts NULL */

typedef enum { AS_THINKING_UNSET, AS_THINKING_OFF, AS_THINKING_ON } as_thinking;

/* What a template sees beside `messages` and `tools` (none when the chat has none) and `documents`
 * (always none). */
typedef struct {
    bool add_generation_prompt;
    as_thinking enable_thinking; /* unset: the variable is undefined */
    const char *bos_token, *eos_token, *pad_token, *unk_token; /* NULL: undefined */
} as_template_vars;

/* Bytes [start, end) of the rendered text. */
typedef struct {
    size_t start, end;
} as_template_span;

/* In order, not empty, not touching. Start from {0}. */
typedef struct {
    as_template_span *span;
    size_t n, room;
} as_template_spans;

void as_template_spans_clear(as_template_spans *s);

/* Appends the rendered text to `out`. `spans`, when not NULL, is filled with the bytes of that text
 * that came from the chat (contents, names, tool calls, tools; not roles, which are of a fixed
 * set): inside them, and across their ends, a control token's spelling is plain text. A caller that
 * passes NULL cannot tell them apart, as the reference does not. Offsets count from the start of
 * what was appended.
 *
 * The mark goes with the bytes through slices, splits, strips, replacements, case changes, joins
 * and escapes. Numbers carry no mark.
 *
 * Content in several parts that the template never looks into is an error rather than a prompt
 * without it. Same input, same bytes. On failure `out` (but for its mark of
 * failed memory) and `spans` are as before. */
AS_MUST_CHECK bool as_template_render(const as_template *t, const as_chat *chat,
                                      const as_template_vars *vars, as_buf *out,
                                      as_template_spans *spans, as_error *err);

#endif
