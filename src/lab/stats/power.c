/* Power formulas and their inverses. Every smallest detectable effect is found by bisection of the
 * power itself, so the two can never disagree. */
#include "lab/stats/power.h"

#include <math.h>

#include "lab/stats/auc.h"
#include "lab/stats/distribution.h"

static bool good_test(double alpha, int sides)
{
    return alpha > 0 && alpha < 1 && (sides == 1 || sides == 2);
}

static double critical(double alpha, int sides)
{
    return as_normal_quantile(1 - alpha / sides);
}

/* Chance that N(effect, s1) passes z s0, effect >= 0, on the near side and, two-sided, on the far
 * one. */
static double normal_power(double effect, double s0, double s1, double z, int sides)
{
    if (isnan(effect) || isnan(s0) || isnan(s1)) return NAN;
    if (s1 == 0) return effect > z * s0 ? 1 : 0;
    double near = as_normal_cdf((effect - z * s0) / s1);
    return sides == 2 ? near + as_normal_cdf((-effect - z * s0) / s1) : near;
}

/* A power as a function of the effect. */
typedef double power_of(const void *ctx, double effect);

/* Smallest effect in (0, most] with the power; NaN when `most` does not have it. */
static double smallest(power_of *power_at, const void *ctx, double most, double power)
{
    if (!(power > 0 && power < 1) || !(most > 0) || !(power_at(ctx, most) >= power)) return NAN;
    double lo = 0, hi = most;
    for (int i = 0; i < 200 && hi - lo > 1e-14 * hi; i++) {
        double mid = 0.5 * (lo + hi);
        if (power_at(ctx, mid) >= power)
            hi = mid;
        else
            lo = mid;
    }
    return hi;
}

/* --- two proportions ----------------------------------------------------------------------------
 */

static bool is_share(double p)
{
    return p >= 0 && p <= 1;
}

double as_power_proportions(double p1, size_t n1, double p2, size_t n2, double alpha, int sides,
                            bool is_pooled)
{
    if (!is_share(p1) || !is_share(p2) || n1 == 0 || n2 == 0 || !good_test(alpha, sides))
        return NAN;
    double m1 = (double)n1, m2 = (double)n2, p = (m1 * p1 + m2 * p2) / (m1 + m2);
    double s1 = sqrt(p1 * (1 - p1) / m1 + p2 * (1 - p2) / m2);
    double s0 = is_pooled ? sqrt(p * (1 - p) * (1 / m1 + 1 / m2)) : s1;
    return normal_power(fabs(p1 - p2), s0, s1, critical(alpha, sides), sides);
}

typedef struct {
    double base, sign, alpha;
    size_t n1, n2;
    int sides;
    bool is_pooled;
} two_shares;

static double two_shares_power(const void *ctx, double effect)
{
    const two_shares *t = ctx;
    double p1 = fmax(0, fmin(1, t->base + t->sign * effect));
    return as_power_proportions(p1, t->n1, t->base, t->n2, t->alpha, t->sides, t->is_pooled);
}

double as_mde_proportions(double base, int sign, size_t n1, size_t n2, double alpha, int sides,
                          double power, bool is_pooled)
{
    if (!is_share(base) || (sign != 1 && sign != -1)) return NAN;
    two_shares t = {base, sign, alpha, n1, n2, sides, is_pooled};
    return smallest(two_shares_power, &t, sign > 0 ? 1 - base : base, power);
}

double as_power_asymmetry(double asymmetry, double base, size_t n_wrong, size_t n_correct,
                          double alpha, int sides)
{
    return as_power_proportions(base + asymmetry, n_wrong, base, n_correct, alpha, sides, true);
}

double as_mde_asymmetry(double base, size_t n_wrong, size_t n_correct, double alpha, int sides,
                        double power)
{
    return as_mde_proportions(base, -1, n_wrong, n_correct, alpha, sides, power, true);
}

/* --- paired proportions -------------------------------------------------------------------------
 */

/* Largest k with P(X <= k) <= tail for X binomial(m, 1/2), plus one; 0 when there is none. Starts
 * at the normal approximation and walks. */
static size_t tail_length(size_t m, double tail, double z)
{
    double start = 0.5 * ((double)m - z * sqrt((double)m)) - 0.5;
    size_t k = start > 0 ? (size_t)start : 0;
    while (as_binomial_cdf(k, m, 0.5) <= tail) k++;
    while (k > 0 && as_binomial_cdf(k - 1, m, 0.5) > tail) k--;
    return k;
}

/* Rejection probability of the exact test, over the number m of discordant pairs. */
static double exact_power(double difference, double discordance, size_t n, double alpha, int sides)
{
    double tail = alpha / sides, z = as_normal_quantile(1 - tail), sum = 0;
    double up = (discordance + fabs(difference)) / (2 * discordance);
    for (size_t m = 1; m <= n; m++) {
        double weight = as_binomial_pmf(m, n, discordance);
        if (weight < 1e-18) continue;
        size_t k = tail_length(m, tail, z);
        if (k == 0) continue;
        double near = as_binomial_cdf(k - 1, m, 1 - up); /* few against the effect */
        double far = sides == 2 ? as_binomial_cdf(k - 1, m, up) : 0;
        sum += weight * (near + far);
    }
    return fmin(1, sum);
}

double as_power_paired(double difference, double discordance, size_t n, double alpha, int sides,
                       as_paired_method method)
{
    if (!(discordance > 0 && discordance <= 1 && fabs(difference) <= discordance)) return NAN;
    if (n == 0 || !good_test(alpha, sides)) return NAN;
    if (method == AS_PAIRED_EXACT) return exact_power(difference, discordance, n, alpha, sides);
    double s0 = sqrt(discordance / (double)n), s1 = s0;
    if (method == AS_PAIRED_CONNOR) s1 = sqrt((discordance - difference * difference) / (double)n);
    return normal_power(fabs(difference), s0, s1, critical(alpha, sides), sides);
}

typedef struct {
    double discordance, alpha;
    size_t n;
    int sides;
    as_paired_method method;
} paired;

static double paired_power(const void *ctx, double effect)
{
    const paired *p = ctx;
    return as_power_paired(effect, p->discordance, p->n, p->alpha, p->sides, p->method);
}

double as_mde_paired(double discordance, size_t n, double alpha, int sides, double power,
                     as_paired_method method)
{
    paired p = {discordance, alpha, n, sides, method};
    return smallest(paired_power, &p, discordance, power);
}

/* --- area under the ROC curve -------------------------------------------------------------------
 */

double as_power_auc(double auc, double auc_null, size_t n_pos, size_t n_neg, double alpha,
                    int sides)
{
    if (!good_test(alpha, sides)) return NAN;
    return normal_power(fabs(auc - auc_null), as_hanley_se(auc_null, n_pos, n_neg),
                        as_hanley_se(auc, n_pos, n_neg), critical(alpha, sides), sides);
}

typedef struct {
    double null, alpha;
    size_t n_pos, n_neg;
    int sides;
} area;

static double area_power(const void *ctx, double effect)
{
    const area *a = ctx;
    return as_power_auc(fmin(1, a->null + effect), a->null, a->n_pos, a->n_neg, a->alpha, a->sides);
}

double as_mde_auc(double auc_null, size_t n_pos, size_t n_neg, double alpha, int sides,
                  double power)
{
    area a = {auc_null, alpha, n_pos, n_neg, sides};
    return auc_null + smallest(area_power, &a, 1 - auc_null, power);
}

/* --- paired mean --------------------------------------------------------------------------------
 */

double as_power_paired_mean(double d, size_t n, double alpha, int sides)
{
    if (n < 2 || !good_test(alpha, sides)) return NAN;
    double t = as_t_quantile(1 - alpha / sides, (double)(n - 1));
    return normal_power(fabs(d) * sqrt((double)n), 1, 1, t, sides);
}
