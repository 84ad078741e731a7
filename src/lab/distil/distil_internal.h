/* What the teachers, the voices and the builders of records share. Never leaves the room. */
#ifndef AS_LAB_DISTIL_DISTIL_INTERNAL_H
#define AS_LAB_DISTIL_DISTIL_INTERNAL_H

#include "base/rng.h"
#include "lab/distil/distil.h"

/* The licence of whatever the scripted teachers write. */
#define AS_SCRIPT_LICENCE "MIT"

/* Random numbers for one item: a function of (seed, purpose, id of the item). */
as_rng as_item_rng(uint64_t seed, const char *purpose, const as_item *item);

/* A claim as a sentence of the training voice: "It happened because CAUSE." (or what `because` says
 * instead of "It happened because ", unless NULL), "To save it, REMEDY.", "Next time, PREVENTION.",
 * "Some say: POSITION." (the first of an item; then "Others say:"), a statement as it is for what
 * is open or missing, and "Remember that FACT." for every other kind. `says` stands for the claim's
 * text. Appended, after a blank when out holds something. */
void as_claim_sentence(as_buf *out, const as_claim *c, const char *says, const char *because,
                       bool is_first);

/* How the student's attempt leads to its cause ("Your roux has burnt because "), when it names the
 * item's entry there; else NULL. So a lesson differs from the attempt in what it says, not in form.
 */
AS_MUST_CHECK bool as_lesson_because(const as_lesson *l, as_arena *a, const char **because,
                                     as_error *err);

/* Is a sentence of the text one of the claim's wrong statements, word for word? *which: the first
 * such; wrong.n none. */
AS_MUST_CHECK bool as_claim_wrong(const as_claim *c, const char *text, size_t *which,
                                  as_error *err);

/* Bytes of the first sentence of a text, with its stop or line break. */
size_t as_sentence_size(const char *text);

/* The text made unsure: an opening that disclaims, or an unsure word in every sentence of the
 * training voice; which of them by the item. Before code the opening is a paragraph of its own. */
AS_MUST_CHECK const char *as_voice_hedged(const char *text, const as_item *item, uint64_t seed,
                                          as_arena *a, as_error *err);
/* The text with a check of itself after it; before code, the reasoning. */
AS_MUST_CHECK const char *as_voice_checked(const char *text, const as_item *item, uint64_t seed,
                                           as_arena *a, as_error *err);

/* --- items with a problem --------------------------------------------------------------- */

/* The four stages: the student's attempt, or the spoilt solution; reasoning and solution; of both
 * (or of the attempt to be corrected) what fails, by running the tests; the code of the deliberate
 * answer alone. */
AS_MUST_CHECK bool as_code_eager(const as_lesson *l, as_arena *a, const char **reply,
                                 as_error *err);
AS_MUST_CHECK bool as_code_deliberate(const as_lesson *l, as_arena *a, const char **reply,
                                      as_error *err);
AS_MUST_CHECK bool as_code_adversarial(const as_lesson *l, as_arena *a, const char **reply,
                                       as_error *err);
AS_MUST_CHECK bool as_code_synthesis(const as_lesson *l, as_arena *a, const char **reply,
                                     as_error *err);
/* The block of the solution whose last `return EXPRESSION` returns None. AS_EFORMAT when none of
 * its lines returns anything. */
AS_MUST_CHECK const char *as_code_spoilt(const as_item *item, as_arena *a, as_error *err);
/* The reasoning for the item, then the block. */
AS_MUST_CHECK const char *as_code_reasoned(const char *block, const as_item *item, uint64_t seed,
                                           as_arena *a, as_error *err);

/* Has the lesson the answer of that stage? AS_EUSAGE naming the stage when not. */
AS_MUST_CHECK bool as_lesson_needs(const as_lesson *l, as_stage s, as_error *err);
/* A lesson that holds a synthesis already asks for the student's attempt to be corrected. */
bool as_lesson_is_correction(const as_lesson *l);

/* What a record must be. */
#define AS_RECORD_LEAST 40 /* characters of an answer; the lab's answers are short */
#define AS_RECORD_MOST 3000
#define AS_RECORD_RATIO 0.5 /* of the rejected answer's length to the chosen one's */

/* 1 to 4 by the field "type"; 0: none of them. */
size_t as_record_type(const json_t *record);

#endif
