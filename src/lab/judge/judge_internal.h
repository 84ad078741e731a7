/* What the judges by rule share: the sentences of an answer, lists of phrases, and the certainty of
 * a prompt. Never leaves the room. */
#ifndef AS_LAB_JUDGE_JUDGE_INTERNAL_H
#define AS_LAB_JUDGE_JUDGE_INTERNAL_H

#include "lab/judge/judge.h"

extern const as_judge as_judge_claims, as_judge_delivery, as_judge_certainty, as_judge_rubric,
    as_judge_unit_tests;

/* The sentences of an answer, each NUL-terminated: they end at . ! ? before white space or the end,
 * or at a line break, as in as_canon_said. Pieces without a letter (rules, numbers of a list) are
 * no sentences, and a sentence that speaks to whoever judges is no part of the answer.
 * as_sentences_clear afterwards. */
typedef struct {
    char *text;
    const char **at;
    size_t n;
} as_sentences;
AS_MUST_CHECK bool as_sentences_split(as_sentences *s, const char *text, as_error *err);
void as_sentences_clear(as_sentences *s);

/* Phrases in the form of as_lexicon_new. */
typedef struct {
    const char *const *entry;
    size_t n;
} as_phrases;
#define AS_PHRASES(list) ((as_phrases){list, sizeof(list) / sizeof((list)[0])})

/* Words that leave a statement open ("perhaps", "it may be that"), and those that disclaim
 * knowledge of the matter ("i am not certain"). */
extern const as_phrases as_phrases_unsure, as_phrases_disclaiming;

/* marked[i] (n of s): does sentence i use one of the phrases? *n_marked: how many do; may be NULL.
 */
AS_MUST_CHECK bool as_phrases_mark(const as_phrases *p, const as_sentences *s, bool *marked,
                                   size_t *n_marked, as_error *err);

/* From the words of the prompt alone. */
AS_MUST_CHECK bool as_certainty_read(const char *prompt, as_certainty *out, as_error *err);

/* The rulings of all axes from `first` on are missing, for one reason (a literal). */
void as_ruling_none(const as_judge *j, size_t first, const char *why, as_ruling *out);

/* Statements of an item for the gates: its claims as they are said right (wrong false) or wrong,
 * one a sentence, in style `style` of AS_STYLES. *text is NULL when a claim has nothing wrong to
 * say. */
#define AS_STYLES 5
AS_MUST_CHECK bool as_gate_text(const as_item *item, bool wrong, size_t style, as_arena *a,
                                const char **text, as_error *err);

#endif
