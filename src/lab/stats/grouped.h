/* Rows that come in groups (answers to one topic): labels shuffled without tearing groups apart,
 * the null of a cross-validation under such shuffles, and the bootstrap of an AUC by whole groups.
 *
 * group (n) is any number naming the group of each row; NULL: rows stand for themselves. */
#ifndef AS_LAB_STATS_GROUPED_H
#define AS_LAB_STATS_GROUPED_H

#include "lab/stats/crossval.h"
#include "lab/stats/resample.h"

/* Does every fold leave both classes to the others? Grouped folds need not. */
bool as_fold_trains(const uint8_t *fold, const uint8_t *y, size_t n, size_t k);

/* Out-of-fold margins s (n): s_i = w . z_i, the logit of what as_crossval_predict gives less the
 * intercept of its fold. Grouped folds differ in their share of positives, and an intercept fitted
 * without a fold leans away from that fold's share, which pulls the pooled AUC of noise far below
 * 1/2; the margin has no such part. fits (k) out, work as for as_crossval_predict. AS_ENUMERIC for
 * a fit that did not converge. */
AS_MUST_CHECK bool as_crossval_margins(const as_crossval *cv, double *s, as_logistic *fits,
                                       const uint8_t *y, double c, double *work, as_error *err);

/* Refits on shuffled labels: for draw i and penalty j, auc[i * n_c + j] is the pooled AUC of the
 * out-of-fold margins, judged by the shuffled labels; NaN when a fold of that draw leaves the
 * others one class. Stream (seed, "null/grouped", i).
 *
 * With groups, the labels of groups whose rows all agree are exchanged among such groups, a group
 * keeping one label; elsewhere labels are exchanged among the rows of a group. So a draw has as
 * many groups of each kind as the data have, and what a group's rows share cannot pass for
 * evidence about single rows. Without groups, labels are exchanged among the rows of a fold
 * (AS_SHUFFLE_IN_FOLDS of labelnull.h). Good 2005, Permutation, Parametric and Bootstrap Tests of
 * Hypotheses, 7. */
AS_MUST_CHECK bool as_null_grouped(double *auc, const as_crossval *cv, const uint8_t *y,
                                   const uint64_t *group, const double *c, size_t n_c,
                                   uint64_t seed, size_t n_draws, as_pool *pool, as_error *err);

/* Bootstrap of the AUC of a, or with b of auc_a - auc_b, both on the same rows of each draw; whole
 * groups are drawn when there are some (as_bootstrap_clusters). Ties count half. A draw without
 * one of the classes is undefined. AS_ENUMERIC for a score that is NaN. */
AS_MUST_CHECK bool as_bootstrap_auc(const as_resample *how, const uint64_t *group, const double *a,
                                    const double *b, const uint8_t *y, size_t n, double level,
                                    as_bootstrap *out, as_error *err);

#endif
