/* Intervals of proportions. Wilson's limits are the bricks; Newcombe's intervals are built from
 * them. */
#include "lab/stats/interval.h"

#include <math.h>
#include <stdbool.h>

#include "lab/stats/distribution.h"

as_interval as_interval_none(void)
{
    return (as_interval){NAN, NAN};
}

static bool good_level(double level)
{
    return level > 0 && level < 1;
}

as_interval as_wilson(size_t k, size_t n, double level)
{
    if (n == 0 || k > n || !good_level(level)) return as_interval_none();
    double z = as_normal_quantile(0.5 * (1 + level)), m = (double)n, p = (double)k / m;
    double z2 = z * z / m, centre = p + z2 / 2;
    double half = z * sqrt(p * (1 - p) / m + z2 / (4 * m));
    as_interval i = {(centre - half) / (1 + z2), (centre + half) / (1 + z2)};
    if (k == 0) i.lo = 0;
    if (k == n) i.hi = 1;
    return i;
}

as_interval as_clopper_pearson(size_t k, size_t n, double level)
{
    if (n == 0 || k > n || !good_level(level)) return as_interval_none();
    double a = (1 - level) / 2, x = (double)k, rest = (double)(n - k);
    as_interval i = {0, 1};
    if (k > 0) i.lo = as_beta_quantile(a, x, rest + 1);
    if (k < n) i.hi = as_beta_quantile(1 - a, x + 1, rest);
    return i;
}

/* sqrt(a^2 - 2 phi a b + b^2); rounding may push the sum of squares below 0. */
static double joined(double a, double b, double phi)
{
    return sqrt(fmax(0, a * a - 2 * phi * a * b + b * b));
}

static as_interval newcombe(double p1, as_interval w1, double p2, as_interval w2, double phi)
{
    double d = p1 - p2;
    return (as_interval){d - joined(p1 - w1.lo, w2.hi - p2, phi),
                         d + joined(w1.hi - p1, p2 - w2.lo, phi)};
}

as_interval as_newcombe_difference(size_t k1, size_t n1, size_t k2, size_t n2, double level)
{
    if (n1 == 0 || n2 == 0 || k1 > n1 || k2 > n2 || !good_level(level)) return as_interval_none();
    return newcombe((double)k1 / (double)n1, as_wilson(k1, n1, level), (double)k2 / (double)n2,
                    as_wilson(k2, n2, level), 0);
}

/* Correlation of the two margins, the numerator of a positive one reduced by n/2. */
static double paired_phi(double a, double b, double c, double d)
{
    double margins = (a + b) * (c + d) * (a + c) * (b + d);
    if (margins <= 0) return 0;
    double top = a * d - b * c;
    if (top > 0) top = fmax(0, top - 0.5 * (a + b + c + d));
    return top / sqrt(margins);
}

as_interval as_newcombe_paired(size_t both, size_t first, size_t second, size_t neither,
                               double level)
{
    size_t n = both + first + second + neither, k1 = both + first, k2 = both + second;
    if (n == 0 || !good_level(level)) return as_interval_none();
    double phi = paired_phi((double)both, (double)first, (double)second, (double)neither);
    return newcombe((double)k1 / (double)n, as_wilson(k1, n, level), (double)k2 / (double)n,
                    as_wilson(k2, n, level), phi);
}

as_interval as_normal_interval(double estimate, double se, double level)
{
    return as_t_interval(estimate, se, INFINITY, level);
}

as_interval as_t_interval(double estimate, double se, double df, double level)
{
    if (!good_level(level) || !(se >= 0) || !(df > 0)) return as_interval_none();
    double half = se == 0 ? 0 : se * as_t_quantile(0.5 * (1 + level), df);
    return (as_interval){estimate - half, estimate + half};
}
