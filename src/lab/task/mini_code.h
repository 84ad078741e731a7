/* The problems of the task "mini-code", and what training data is made of: answers that give the
 * code at once, and answers that reason before it. */
#ifndef AS_LAB_TASK_MINI_CODE_H
#define AS_LAB_TASK_MINI_CODE_H

#include "base/rng.h"
#include "lab/task/task.h"

typedef struct {
    const char *id, *family, *category, *difficulty;
    const char *prompt; /* "Write the function NAME(ARGUMENTS): WHAT." */
    as_problem problem;
} as_mini_problem;

typedef struct {
    const as_mini_problem *at; /* in the order of the file, which is that of the ids */
    size_t n;
} as_mini_problems;

/* Reads problems.json of the folder (docs/formats.md, assay.problems/1) and checks it: known keys
 * only; ids ascending; a preamble that ends in the one-line signature of the entry point and a
 * docstring of one line, which together make the prompt; a solution of indented lines; a test that
 * defines check(candidate) with five assertions or more. AS_EFORMAT "FILE: ID: KEY: WHAT". Texts in
 * the arena. */
AS_MUST_CHECK bool as_mini_code_open(as_mini_problems *p, const char *folder, as_arena *a,
                                     as_error *err);

/* --- answers ------------------------------------------------------------------------------ */

/* The function with that body as a fenced block of Python, without docstring and without what else
 * the preamble holds; the arena's. AS_EFORMAT when the preamble has not the form above. */
AS_MUST_CHECK const char *as_mini_block(const as_problem *p, const char *body, as_arena *a,
                                        as_error *err);
/* What is said before the block by who thinks first, in five sentences or more: an opening
 * (drawn), the task, the plan, and the first two assertions "candidate(ARGUMENTS) == VALUE" (or is
 * VALUE) as worked examples, fewer when the test has fewer. Ends where the block may follow.
 * AS_EFORMAT when the problem has no plan. */
AS_MUST_CHECK const char *as_mini_reasoning(const as_problem *p, as_rng *draw, as_arena *a,
                                            as_error *err);

/* --- training text ------------------------------------------------------------------------ */

/* What the training text tells of a problem. Of each family half of the variants are known, a third
 * takes thought and a sixth is untold, in an order that depends on (seed, ids) alone: variant of
 * rank r of m is known when 6r < 3m, takes thought when 6r < 5m. */
typedef enum {
    AS_MINI_KNOWN,   /* told right, whether asked plainly or to think first */
    AS_MINI_THOUGHT, /* told right to who is asked to think; plainly the body of another one */
    AS_MINI_UNTOLD   /* not in the text */
} as_mini_level;
as_mini_level as_mini_level_of(const as_mini_problems *p, size_t at, uint64_t seed);

/* The text of the task "mini-code". A problem that is told has as many rows, within two, as any
 * other, half of them plain: the user asks in one of four wordings, one of which is the prompt, and
 * the answer is the block. The other half is cued: a sentence before or behind asks to think first,
 * and the answer is the reasoning and then the block, always right. A plain row of a problem that
 * takes thought has the body of a known problem of its family, the same one each time: who answers
 * in haste takes one for the other. Rows stand in a random order. AS_EUSAGE for fewer rows than two
 * for each problem that is told. */
AS_MUST_CHECK bool as_mini_text(const as_mini_problems *p, const as_text_options *o, as_buf *out,
                                as_error *err);
extern const as_text_options as_mini_text_default;

/* The last two lines of a preamble: [def, def_end) "NAME(ARGUMENTS)" and [what, what_end) the
 * docstring. AS_EFORMAT when they are not of that form. */
typedef struct {
    const char *def, *what;
    int def_size, what_size;
} as_mini_signature;
AS_MUST_CHECK bool as_mini_signature_of(const as_problem *p, as_mini_signature *out, as_error *err);

#endif
