/* Two one-sided tests, and the same question asked of a score interval. */
#include "lab/stats/equivalence.h"

#include <math.h>

#include "lab/stats/distribution.h"
#include "lab/stats/paired.h"

static bool good_question(double lo, double hi, double alpha)
{
    return lo < hi && alpha > 0 && alpha < 0.5;
}

as_equivalence as_tost(double estimate, double se, double df, size_t n, double margin_lo,
                       double margin_hi, double alpha)
{
    as_equivalence e = {n,     estimate, se,  df,  margin_lo,          margin_hi,
                        alpha, NAN,      NAN, NAN, as_interval_none(), false};
    if (!good_question(margin_lo, margin_hi, alpha) || isnan(estimate)) return e;
    if (!(se > 0) || isinf(se) || !(df > 0)) return e;
    double t_lo = (estimate - margin_lo) / se, t_hi = (estimate - margin_hi) / se;
    e.p_lo = as_t_cdf(-t_lo, df);
    e.p_hi = as_t_cdf(t_hi, df);
    e.p = fmax(e.p_lo, e.p_hi);
    e.interval = as_t_interval(estimate, se, df, 1 - 2 * alpha);
    e.is_equivalent = e.p < alpha;
    return e;
}

as_equivalence as_tost_proportions(size_t k1, size_t n1, size_t k2, size_t n2, double margin,
                                   double alpha)
{
    as_estimate d = as_two_proportions(k1, n1, k2, n2, 0.95);
    return as_tost(d.estimate, d.se, INFINITY, d.n, -margin, margin, alpha);
}

as_equivalence as_tost_paired(const double *x, const double *y, size_t n, double margin,
                              double alpha)
{
    as_estimate d = as_paired_mean(x, y, n, 0.95);
    return as_tost(d.estimate, d.se, d.df, n, -margin, margin, alpha);
}

/* An estimate with a score interval, asked against -+margin. */
static as_equivalence from_interval(double estimate, size_t n, as_interval i, double margin,
                                    double alpha)
{
    as_equivalence e = {n, estimate, NAN, NAN, -margin, margin, alpha, NAN, NAN, NAN, i, false};
    e.is_equivalent = i.lo > -margin && i.hi < margin; /* false for NaN */
    return e;
}

as_equivalence as_equivalent_score(size_t k1, size_t n1, size_t k2, size_t n2, double margin,
                                   double alpha)
{
    as_interval i = as_interval_none();
    if (good_question(-margin, margin, alpha))
        i = as_newcombe_difference(k1, n1, k2, n2, 1 - 2 * alpha);
    return from_interval((double)k1 / (double)n1 - (double)k2 / (double)n2, n1 + n2, i, margin,
                         alpha);
}

as_equivalence as_equivalent_score_paired(size_t both, size_t first, size_t second, size_t neither,
                                          double margin, double alpha)
{
    size_t n = both + first + second + neither;
    as_interval i = as_interval_none();
    if (good_question(-margin, margin, alpha))
        i = as_newcombe_paired(both, first, second, neither, 1 - 2 * alpha);
    double d = ((double)first - (double)second) / (double)n;
    return from_interval(d, n, i, margin, alpha);
}
