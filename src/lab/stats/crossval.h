/* Out-of-fold predictions of a standardised L2 logistic probe, once or many times over. The scaler
 * and the fit see training rows alone; the folds are the caller's. */
#ifndef AS_LAB_STATS_CROSSVAL_H
#define AS_LAB_STATS_CROSSVAL_H

#include "base/pool.h"
#include "lab/stats/auc.h"
#include "lab/stats/gate.h"
#include "lab/stats/logistic.h"

/* The parts of a cross-validation that do not depend on labels: for each fold the rows standardised
 * on its training part, as Gram matrices K_train (n_train, n_train) and K_test (n_test, n_train)
 * when n_train <= d, as they are otherwise. Owns its arrays: at most k n min(n, d) doubles. */
typedef struct as_crossval as_crossval;

/* x (n, d), fold (n) of 0..k-1. Any thread of the pool (NULL: this one) works on one fold. */
AS_MUST_CHECK as_crossval *as_crossval_new(const double *x, size_t n, size_t d, const uint8_t *fold,
                                           size_t k, as_pool *pool, as_error *err);
void as_crossval_free(as_crossval *cv); /* accepts NULL */

size_t as_crossval_rows(const as_crossval *cv);
size_t as_crossval_folds(const as_crossval *cv);
const uint8_t *as_crossval_fold(const as_crossval *cv); /* (n), borrowed */

/* Fits each fold's training rows and predicts its test rows: p (n) out. fits (k) out, may be NULL.
 * work: as_crossval_work(cv) doubles, one block a thread. AS_ENUMERIC naming the fold when its
 * training labels are all the same. A fit that did not converge is reported in fits, and is an
 * error (AS_ENUMERIC) when fits is NULL. */
AS_MUST_CHECK bool as_crossval_predict(const as_crossval *cv, double *p, as_logistic *fits,
                                       const uint8_t *y, double c, double *work, as_error *err);
size_t as_crossval_work(const as_crossval *cv);

/* new + predict + free in one, for a single labelling. */
AS_MUST_CHECK bool as_crossval_once(double *p, as_logistic *fits, const double *x, size_t n,
                                    size_t d, const uint8_t *y, const uint8_t *fold, size_t k,
                                    double c, as_pool *pool, as_error *err);

/* What a gate is judged by. */
typedef struct {
    as_gate_grid grid;
    as_gate_rule rule;
    double coverage; /* balanced asymmetry at p_c >= coverage */
} as_gate_terms;

#define AS_GATE_TERMS ((as_gate_terms){AS_GATE_STANDARD, AS_GATE_ABOVE, 0.70})

/* (AUC, balanced asymmetry): the two numbers a gate is judged by. */
typedef struct {
    double auc;
    double asym; /* NaN when no threshold qualifies */
} as_gate_score;

AS_MUST_CHECK bool as_gate_score_of(as_gate_score *out, const double *p, const uint8_t *y, size_t n,
                                    as_gate_terms terms, as_error *err);

/* Repeated stratified k-fold: repeat r has folds as_fold_stratified(.., seed, r); out (n_repeats)
 * are the pooled AUC and balanced asymmetry of its out-of-fold predictions. In parallel over
 * repeats, same bytes for any number of threads. */
AS_MUST_CHECK bool as_crossval_repeat(as_gate_score *out, const double *x, size_t n, size_t d,
                                      const uint8_t *y, size_t k, double c, as_gate_terms terms,
                                      uint64_t seed, size_t n_repeats, as_pool *pool,
                                      as_error *err);

/* Mean of the AUCs of each fold's own test rows: auc (k) out, NaN in a one-class fold. */
AS_MUST_CHECK bool as_crossval_fold_auc(double *auc, const double *p, const uint8_t *y,
                                        const uint8_t *fold, size_t n, size_t k, as_error *err);

#endif
