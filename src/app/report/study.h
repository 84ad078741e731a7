/* What a study adds to its report: steps, arms, answers side by side, known truths, how to run it
 * again. Made of rows of the store; nothing is computed but what a table of verdicts counts. */
#ifndef AS_APP_REPORT_STUDY_H
#define AS_APP_REPORT_STUDY_H

#include "lab/store/store.h"

/* Borrowed. Statistics in the store's order (check, position, key). */
typedef struct {
    as_store *store;
    const as_design *design;
    const json_t *plan;
    const as_statistic *stat;
    size_t n_stats;
} as_report_rows;

/* How many prompts of each step stand in a report, and how many characters of a text. */
enum { AS_EXAMPLES = 5, AS_EXAMPLE_CHARACTERS = 2000 };

/* A statistic as the report writes it. Gives: json_decref. */
AS_MUST_CHECK json_t *as_report_statistic(const as_statistic *s, as_error *err);

/* Puts steps, arms, examples and rerun into the report of a plan with steps, and truths into that
 * of a plan whose claims carry them; leaves any other report alone. The report holds its claims
 * already. */
AS_MUST_CHECK bool as_report_study_put(json_t *report, const as_report_rows *rows, as_error *err);

/* study_arcs.c: what belongs together in a study, {"trained", "chosen", "gated"}, each a list in
 * the order of the plan. The report holds its steps already. Gives: json_decref. */
AS_MUST_CHECK json_t *as_report_arcs(const json_t *report, const as_report_rows *rows,
                                     as_error *err);

#endif
