/* What this room asks of the dense algebra library. */
#ifndef AS_LAB_STATS_BLAS_INTERNAL_H
#define AS_LAB_STATS_BLAS_INTERNAL_H

#include "base/error.h"

/* Aborts when as_stats_init has not been called: a bug of ours, which would change results. */
void as_blas_check(void);

/* k (n, n) = X X^T, both halves filled; x (n, d). */
void as_blas_gram(double *k, const double *x, size_t n, size_t d);
/* k (d, d) = X^T X in a table of rows `stride` apart, only the half with column <= row; x (n, d).
 */
void as_blas_gram_columns(double *k, size_t stride, const double *x, size_t n, size_t d);
/* out (m, n) = A B^T; a (m, d), b (n, d). */
void as_blas_rows(double *out, const double *a, size_t m, const double *b, size_t n, size_t d);
/* y (n) = A x, a (n, n) symmetric, both halves filled. */
void as_blas_symv(double *y, const double *a, const double *x, size_t n);
/* y (n) = A x; a (n, d). */
void as_blas_times(double *y, const double *a, const double *x, size_t n, size_t d);
/* y (d) = A^T x; a (n, d). */
void as_blas_transposed(double *y, const double *a, const double *x, size_t n, size_t d);
double as_blas_dot(const double *a, const double *b, size_t n);

/* Solves A Z = B for symmetric positive definite a (n, n), which is overwritten; b holds n_rhs
 * right-hand sides of n numbers, one after the other, and then the solutions. False when a is not
 * positive definite. Only the part of a with column <= row is read. */
AS_MUST_CHECK bool as_blas_solve(double *a, double *b, size_t n, size_t n_rhs);

/* Thin SVD: x (n, d) overwritten; s (r) falling, vt (r, d) right singular vectors as rows,
 * r = min(n, d). */
AS_MUST_CHECK bool as_blas_svd(double *x, size_t n, size_t d, double *s, double *vt, as_error *err);

#endif
