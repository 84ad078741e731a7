/* The judge "unit_tests" in parts, for callers that run many answers at a time, and its self-test.
 */
#ifndef AS_LAB_JUDGE_UNIT_TESTS_H
#define AS_LAB_JUDGE_UNIT_TESTS_H

#include "lab/judge/judge.h"

/* The code of an answer, appended to out: think spans are left out (<think>...</think>; what stands
 * before a </think> that nothing opened; from a <think> that nothing closes to the end), then the
 * first fenced block whose language is Python or not named, else the first fenced block, else all.
 * A block without an end goes to the end. Indentation is never touched. */
AS_MUST_CHECK bool as_code_extract(const char *answer, as_buf *out, as_error *err);

/* The program of an answer: the preamble of the prompt, then its code. Texts in the arena. */
AS_MUST_CHECK bool as_unit_tests_program(const as_problem *problem, const char *answer, as_arena *a,
                                         as_program *out, as_error *err);

/* What a run is worth: the two rulings of the judge. Not-run is missing; its reason is the arena's
 * (NULL: a literal). */
AS_MUST_CHECK bool as_unit_tests_rule(const as_run_result *run, as_arena *a, as_ruling out[2],
                                      as_error *err);

/* Why an answer does not pass, such as "wrong: assert candidate(1) == 2", in the arena; NULL when
 * it passes. AS_ESANDBOX without a sandbox. */
AS_MUST_CHECK bool as_unit_tests_why(const as_tools *tools, const as_problem *problem,
                                     const char *answer, const char **why, as_error *err);

/* Ways in which an answer may hand over a body. */
typedef enum {
    AS_FORM_FENCED, /* whole function between ```python and ``` */
    AS_FORM_BARE,   /* whole function, nothing else */
    AS_FORM_THINK,  /* a think span with other code in it, then as FENCED */
    AS_FORM_BODY,   /* the indented body alone */
    AS_FORM_FENCED_BODY,
    AS_FORMS
} as_answer_form;
/* That answer, in the arena. body: indented lines. */
AS_MUST_CHECK const char *as_unit_tests_answer(const as_problem *p, as_answer_form form,
                                               const char *body, as_arena *a, as_error *err);

/* Before any scoring: every item's canonical solution passes in every form, and `return None` never
 * does. AS_ESANDBOX naming the first item that tells otherwise. Answers that come to the same
 * program are run once. */
AS_MUST_CHECK bool as_unit_tests_self_test(as_sandbox *s, const as_items *items, as_error *err);

#endif
