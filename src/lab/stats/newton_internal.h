/* The Newton iteration behind logistic.h, over either set of unknowns:
 *
 *   rows      u = a (n),  w = X^T a,  table K = X X^T (n, n); for n <= d
 *   columns   u = w (d),              table X (n, d); for d < n, where a is not unique and, with a
 *                                     weak penalty, large beside w
 *
 * Both give f = table u, so a caller keeps the table and need not know which it is. */
#ifndef AS_LAB_STATS_NEWTON_INTERNAL_H
#define AS_LAB_STATS_NEWTON_INTERNAL_H

#include "lab/stats/logistic.h"

/* log(1 + exp(t)) */
double as_softplus(double t);

/* m is the length of u: n when by_rows, d otherwise. work: as_newton_work(n, m, by_rows) doubles.
 */
AS_MUST_CHECK bool as_newton_fit(as_logistic *out, double *u, const double *table, const uint8_t *y,
                                 size_t n, size_t m, bool by_rows, double c, double *work,
                                 as_error *err);
size_t as_newton_work(size_t n, size_t m, bool by_rows);

#endif
