/* Principal components of the columns of a table, by singular values (LAPACK dgesdd). */
#ifndef AS_LAB_STATS_PCA_H
#define AS_LAB_STATS_PCA_H

#include "base/error.h"
#include "lab/stats/scaler.h"

/* Centred (and, when asked, standardised: scaler.h) X = U S V^T, r = min(n, d) components. The
 * share of component i is s_i^2 / sum s^2; s_r is 0 in exact arithmetic when n <= d. Sign: the
 * loading of largest magnitude is positive, the first such on a tie. Pearson 1901. */
typedef struct {
    size_t n, d, r;
    as_scaler scaler; /* scale all 1 when only centred */
    double *singular; /* (r), falling */
    double *share;    /* (r), explained-variance ratios; NaN when X is constant */
    double *loading;  /* (r, d), rows orthonormal */
} as_pca;

/* x (n, d), n >= 2. Owns its arrays: release with as_pca_clear. */
AS_MUST_CHECK bool as_pca_fit(as_pca *p, const double *x, size_t n, size_t d, bool standardise,
                              as_error *err);
void as_pca_clear(as_pca *p);

/* How many components it takes: 1 + the first index with cumulative share >= level; r when rounding
 * keeps the sum below it; 0 when shares are undefined. */
size_t as_pca_rank(const as_pca *p, double level);

/* Scores of m rows (the fitted ones or others) on the first n_comp components: out (m, n_comp) =
 * ((x - mean) / scale) loading^T. x (m, d), n_comp <= r. */
AS_MUST_CHECK bool as_pca_project(double *out, const as_pca *p, const double *x, size_t m,
                                  size_t n_comp, as_error *err);

#endif
