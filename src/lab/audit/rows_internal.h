/* Rows that a check leaves out, groups that rows belong to, and cross-validation that respects
 * them: shared by the checks of heads, groups, gates and nuisances. */
#ifndef AS_LAB_AUDIT_ROWS_INTERNAL_H
#define AS_LAB_AUDIT_ROWS_INTERNAL_H

#include "lab/audit/probe_internal.h"

/* Drops the rows at which one of the columns of param (numbers or texts) is missing, and counts
 * them as missing. Nothing when param was not given. */
AS_MUST_CHECK bool as_rows_complete(as_probe_rows *r, as_audit *a, const char *param,
                                    as_error *err);
/* Keeps the rows at which every column of param (0 or 1) is 1. A row with a missing value counts
 * as missing, the others that go as *n_left. */
AS_MUST_CHECK bool as_rows_only(as_probe_rows *r, size_t *n_left, as_audit *a, const char *param,
                                as_error *err);
/* A number column at those rows: values (r->n), in arena memory. */
AS_MUST_CHECK const double *as_rows_numbers(const as_probe_rows *r, as_audit *a,
                                            const as_column *column, as_error *err);
/* Numbers group (r->n), in arena memory, equal where the texts of param are; NULL with n_groups 0
 * when param was not given. */
AS_MUST_CHECK bool as_rows_groups(const as_probe_rows *r, as_audit *a, const char *param,
                                  const uint64_t **group, size_t *n_groups, as_error *err);

/* Folding number `repeat` of seed: grouped when group is there, else stratified. *found is false
 * when there is none: fewer groups than folds, fewer rows of a class than folds, or a fold that
 * leaves the others one class. */
AS_MUST_CHECK bool as_rows_fold(uint8_t *fold, bool *found, const as_probe_rows *r,
                                const uint64_t *group, size_t k, uint64_t seed, uint64_t repeat,
                                as_error *err);

/* One cross-validation. Borrows. */
typedef struct {
    const double *x; /* (n, d) */
    size_t n, d;
    const uint8_t *y, *fold;
    const uint64_t *group; /* shuffles and resamples by it; NULL: by rows */
    size_t k;
    const double *c; /* (n_c) */
    size_t n_c;
} as_rows_cv;

/* margin (n_c, n) out: as_crossval_margins. null (a->permutations, n_c) out: the AUCs of
 * as_null_grouped; may be NULL. */
AS_MUST_CHECK bool as_rows_hold_out(const as_rows_cv *q, const as_audit *a, double *margin,
                                    double *null, uint64_t seed, as_error *err);

/* An AUC: as as_probe_emit_auc, but with groups (NULL: none) the interval is that of a bootstrap of
 * groups. */
AS_MUST_CHECK bool as_rows_emit_auc(as_audit *a, const char *name, const char *method,
                                    const as_probe_scores *s, const uint64_t *group,
                                    as_statistic **out, as_error *err);
/* Sets the null and p of s from column j of null (a->permutations, width). */
AS_MUST_CHECK bool as_rows_set_null(as_statistic *s, const as_audit *a, const double *null,
                                    size_t width, size_t j, double p, as_error *err);

#endif
