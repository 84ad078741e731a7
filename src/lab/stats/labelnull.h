/* What a probe's numbers are worth when the labels mean nothing: permutation nulls. Draw i uses
 * stream (seed, purpose, i), so a result does not depend on the number of threads, and a longer run
 * begins with the draws of a shorter one. Ojala & Garriga 2010, "Permutation tests for studying
 * classifier performance". */
#ifndef AS_LAB_STATS_LABELNULL_H
#define AS_LAB_STATS_LABELNULL_H

#include "lab/stats/crossval.h"

typedef enum {
    /* Labels are exchanged among the rows of one fold, so each fold keeps its class counts: exact
     * for stratified foldings, which leave no other choice. */
    AS_SHUFFLE_IN_FOLDS,
    AS_SHUFFLE_ALL /* among all rows; a fold may lose its balance, which pulls the AUC below 1/2 */
} as_shuffle;

/* Refits on shuffled labels: for draw i and penalty j, out[i * n_c + j] is (AUC, balanced
 * asymmetry) of the out-of-fold predictions, judged by the shuffled labels. Purpose
 * "null/refit". c (n_c). A draw whose training labels are all the same is AS_ENUMERIC. */
AS_MUST_CHECK bool as_null_refit(as_gate_score *out, const as_crossval *cv, const uint8_t *y,
                                 const double *c, size_t n_c, as_shuffle shuffle,
                                 as_gate_terms terms, uint64_t seed, size_t n_draws, as_pool *pool,
                                 as_error *err);

/* Shuffles the labels of a test set under fixed predictions: scores (n_scores, n), for instance one
 * row for each penalty tried; out[i * n_scores + j]. All score vectors see the same shuffled labels
 * in a draw. Purpose "null/fixed". */
AS_MUST_CHECK bool as_null_fixed(as_gate_score *out, const double *scores, size_t n_scores,
                                 const uint8_t *y, size_t n, as_gate_terms terms, uint64_t seed,
                                 size_t n_draws, as_pool *pool, as_error *err);

/* A gate that must pass both bars: AUC >= auc and balanced asymmetry <= asym. An infinite bar is
 * no bar: auc = -INFINITY, asym = +INFINITY (then a NaN asym passes). */
typedef struct {
    double auc, asym;
} as_gate_bars;

bool as_gate_passes(as_gate_score s, as_gate_bars bars);

/* How often noise passes, from draws (n_draws, n_tries): a draw counts when at least one of its
 * tries passes, which is what picking the best of several does. */
typedef struct {
    size_t n_draws;
    size_t n_auc;     /* some try reaches the AUC bar */
    size_t n_asym;    /* some try reaches the asymmetry bar */
    size_t n_both;    /* some one try reaches both: the gate */
    size_t n_no_asym; /* no try has a qualifying threshold */
} as_null_passes;

as_null_passes as_null_pass(const as_gate_score *draws, size_t n_draws, size_t n_tries,
                            as_gate_bars bars);

/* The best over tries of each draw: out (n_draws), highest AUC and lowest asymmetry, each on its
 * own (the max-statistic of Westfall & Young 1993). NaN loses to any number. */
void as_null_best(as_gate_score *out, const as_gate_score *draws, size_t n_draws, size_t n_tries);

/* p of an observed pair against draws: (1 + draws at least as extreme) / (1 + n_draws), AUC upward,
 * asymmetry downward; a NaN draw counts as not extreme, a NaN observation gives NaN.
 * Phipson & Smyth 2010. */
typedef struct {
    double p_auc, p_asym;
    double auc_mean, auc_sd; /* of the draws, sd with divisor n_draws - 1 */
} as_null_tail;

as_null_tail as_null_compare(as_gate_score observed, const as_gate_score *draws, size_t n_draws);

#endif
