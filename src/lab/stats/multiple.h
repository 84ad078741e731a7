/* Several tests at once: adjusted p values. A p value that is NaN belongs to a test that was not
 * done: it stays NaN and does not count among the tests. */
#ifndef AS_LAB_STATS_MULTIPLE_H
#define AS_LAB_STATS_MULTIPLE_H

#include "base/error.h"
#include "lab/stats/resample.h"

/* Step-down Bonferroni: sorted ascending, adjusted p_(i) = max over j <= i of min(1, (m-j+1)
 * p_(j)). Controls the family-wise error rate. Holm 1979, Scand. J. Statistics 6:65-70. adjusted
 * may be p. Fails for memory only. */
AS_MUST_CHECK bool as_holm(double *adjusted, const double *p, size_t n, as_error *err);

/* Step-up: adjusted p_(i) = min over j >= i of min(1, m p_(j) / j). Controls the false discovery
 * rate of independent or positively dependent tests. Benjamini & Hochberg 1995, JRSS B 57:289-300.
 * adjusted may be p. Fails for memory only. */
AS_MUST_CHECK bool as_benjamini_hochberg(double *adjusted, const double *p, size_t n,
                                         as_error *err);

/* Single-step max-T: adjusted[j] = (1 + draws whose largest statistic is >= observed[j]) / (1 +
 * draws). Westfall & Young 1993, Resampling-Based Multiple Testing, 2.3.
 *
 *   adjusted (tests)         out
 *   observed (tests)         NaN: not done, its column is left out of the maximum
 *   null     (draws, tests)  the statistics of each permutation, all tests from the same one; a NaN
 *                            counts as larger than anything
 *   tail                     LOWER negates, BOTH takes absolute values
 *
 * Borrows all. Cannot fail. */
void as_max_t(double *adjusted, const double *observed, const double *null, size_t draws,
              size_t tests, as_tail tail);

#endif
