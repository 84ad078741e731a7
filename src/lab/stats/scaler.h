/* Columns to mean 0 and standard deviation 1, both taken from the rows a model may see. */
#ifndef AS_LAB_STATS_SCALER_H
#define AS_LAB_STATS_SCALER_H

#include "base/error.h"

/* mean_j and scale_j = population standard deviation (divisor n) of column j over the fit rows; a
 * column whose fit rows are all equal gets scale 1. Owns its arrays. */
typedef struct {
    size_t d;
    double *mean;  /* (d) */
    double *scale; /* (d), never 0 */
} as_scaler;

/* x (n, d). rows: indexes of the n_rows rows to fit on; NULL means all n. AS_ENUMERIC when a fit
 * value is not finite (names row and column) or overflows, AS_EUSAGE without rows. The sums run
 * in row order. Release with as_scaler_clear. */
AS_MUST_CHECK bool as_scaler_fit(as_scaler *s, const double *x, size_t n, size_t d,
                                 const size_t *rows, size_t n_rows, as_error *err);

/* out (n, d) = (x - mean) / scale; out may be x. */
void as_scaler_apply(const as_scaler *s, double *out, const double *x, size_t n);

void as_scaler_clear(as_scaler *s); /* frees; accepts a zeroed struct */

#endif
