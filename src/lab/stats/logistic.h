/* L2 logistic regression, solved to the bottom.
 *
 *   F(w, b) = |w|^2 / (2C) + sum_i log(1 + exp(-s_i (w.x_i + b))),   s_i = 2 y_i - 1,
 *
 * b not penalised. F is strictly convex in w; b is finite because both classes are present, so
 * separable data are no trouble. Newton's method, each step halved until F falls enough (Armijo).
 *
 * With n <= d the minimum is sought as w = sum_i a_i x_i, on the n + 1 unknowns (a, b), and X
 * enters through K = X X^T (n, n) alone: one Cholesky factorisation of I + C sqrt(V) K sqrt(V), V =
 * diag(p (1 - p)), a step (Rasmussen & Williams 2006, algorithm 3.1), n^3 / 3 operations whatever
 * d. With d < n the unknowns are (w, b) themselves.
 *
 * "Gradient" means the Euclidean norm of (dF/dw, dF/db), dF/dw = w/C - sum (y_i - p_i) x_i.
 * Iteration ends when it is below 1e-12 or can no longer fall; is_converged says that it is below
 * 1e-12 * max(1, gradient at w = 0, b = log odds). On standardised columns with C <= 1 rounding
 * leaves near 1e-13; with huge values or C (from 1e4) it can leave more, and then says so. */
#ifndef AS_LAB_STATS_LOGISTIC_H
#define AS_LAB_STATS_LOGISTIC_H

#include <stdint.h>

#include "base/error.h"

typedef struct {
    double b;         /* intercept */
    double w_norm;    /* |w| */
    double objective; /* F */
    double gradient;  /* |(dF/dw, dF/db)| at the result */
    size_t n_iter;    /* Newton steps, or L-BFGS iterations */
    bool is_converged;
} as_logistic;

#define AS_LOGISTIC_GOAL 1e-12
#define AS_LOGISTIC_MAX 20000 /* the smaller of n and d */

/* x (n, d), used as it is (standardise first). w (d) out, may be NULL. c > 0. AS_ENUMERIC when all
 * labels are the same or x is not finite, AS_EFORMAT for a label other than 0 and 1. */
AS_MUST_CHECK bool as_logistic_fit(as_logistic *out, double *w, const double *x, const uint8_t *y,
                                   size_t n, size_t d, double c, as_error *err);

/* P(y = 1) for m rows: p_i = 1 / (1 + exp(-(w.x_i + b))). x (m, d), p (m) out. */
void as_logistic_predict(double *p, const double *x, size_t m, size_t d, const double *w, double b);

double as_sigmoid(double t);

/* The same fit from a Gram matrix computed once, for many labellings of the same rows.
 *   a     (n)     out; w = X^T a
 *   k     (n, n)  X X^T, symmetric
 *   work  as_logistic_work(n) doubles, not shared between threads
 * The gradient reported is sqrt(r^T K r + g_b^2), r = a/C - (y - p): the same quantity in exact
 * arithmetic. */
AS_MUST_CHECK bool as_logistic_fit_gram(as_logistic *out, double *a, const double *k,
                                        const uint8_t *y, size_t n, double c, double *work,
                                        as_error *err);
size_t as_logistic_work(size_t n);

/* p_i = sigmoid(sum_j k_ij a_j + b), k (m, n) = X_new X^T. */
void as_logistic_predict_gram(double *p, const double *k, size_t m, size_t n, const double *a,
                              double b);

/* What an optimiser that stops early returns: L-BFGS (Liu & Nocedal 1989; memory 10, first step
 * 1/|g|, then 1; line search of More & Thuente 1994 with 1e-3 and 0.9) from zero, stopped when the
 * largest component of the gradient of F, the *sum* loss, is <= tol, or after max_iter.
 * is_converged says the tolerance was reached, not that the result is the minimum. The path, and
 * so the last digits, belong to this implementation. w (d) out. */
AS_MUST_CHECK bool as_logistic_lbfgs(as_logistic *out, double *w, const double *x, const uint8_t *y,
                                     size_t n, size_t d, double c, double tol, size_t max_iter,
                                     as_error *err);

#endif
