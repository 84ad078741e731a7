/* The smallest effect that a check can see with n units. The threshold that an estimate has to pass
 * is that of the check's own `decide`. */
#include <math.h>
#include <string.h>

#include "lab/experiment/power_internal.h"
#include "lab/stats/auc.h"
#include "lab/stats/distribution.h"
#include "lab/stats/power.h"

static const as_power_kind kinds[] = {
    {"asymmetry-change", AS_ASYM_CHANGE, AS_BY_BOTH, "correct_a", "cluster", "at_least"},
    {"budget-ladder", AS_MEAN, AS_BY_BOTH, "a", "cluster", NULL},
    {"cells", AS_ASYM, AS_BY_P, "correct", "cluster", NULL},
    {"equivalence", AS_ASYM_WITHIN, AS_BY_P, "correct", "cluster", "margin"},
    {"gate-transfer", AS_GATE_ASYM, AS_BY_P, "test_label", NULL, "asym_gate"},
    {"grouped-cv", AS_AREA, AS_BY_P, "label", "group", "gate"},
    {"mimicry", AS_ASYM_CHANGE, AS_BY_BOTH, "correct_a", "cluster", "margin"},
    {"ordinal-change", AS_MEAN, AS_BY_P, "a", NULL, NULL},
    {"paired-binary", AS_DISCORDANT, AS_BY_P, "a", NULL, NULL},
    {"paired-change", AS_MEAN, AS_BY_P, "a", NULL, NULL},
    {"placebo", AS_MEAN_FAR, AS_BY_INTERVAL, "base", "cluster", "at_least"},
    {"preserved", AS_WITHIN, AS_BY_P, "a", "cluster", "margin"},
    {"score-validity", AS_AREA_TWO, AS_BY_P, "label", NULL, "bar"},
    {"seeds", AS_MEAN, AS_BY_INTERVAL, "base", "cluster", "at_least"},
    {"transfer", AS_AREA_01, AS_BY_P, "test_label", NULL, "gate_auc"},
    {"trend", AS_MEAN_FAR, AS_BY_P, "doses", "cluster", "at_least"},
    {"within-cv", AS_AREA_01, AS_BY_P, "label", NULL, "gate_auc"},
};

static const char *const formulas[] = {
    [AS_MEAN] = "max(bar, t se) + z(power) se, se^2 = sd^2/n",
    [AS_MEAN_FAR] = "max(t se, bar - t(0.975) se) + z(power) se, se^2 = sd^2/n",
    [AS_WITHIN] = "(t(1-alpha) + z((1+power)/2)) se, se^2 = sd^2/n",
    [AS_DISCORDANT] = "(z + z(power)) sqrt(discordance/n)",
    [AS_ASYM_CHANGE] = "max(bar, z se) + z(power) se, se^2 = discordance (1/right + 1/wrong)",
    [AS_ASYM] = "pooled test of two proportions",
    [AS_ASYM_WITHIN] =
        "(z(1-alpha) + z((1+power)/2)) se, se^2 = assertion (1-assertion) (1/right + 1/wrong)",
    [AS_GATE_ASYM] = "max(bar, z(1-alpha) s0) + z(power) s1, two proportions",
    [AS_AREA] = "max(bar, 1/2 + z(1-alpha) s0) + z(power) s1, Hanley-McNeil",
    [AS_AREA_01] = "max(bar, 1/2 + z(0.99) s0) + z(power) s1, Hanley-McNeil",
    [AS_AREA_TWO] = "max(bar, 1/2 + z(0.975) s0) + z(power) s1, Hanley-McNeil",
};

const as_power_kind *as_power_kind_of(const char *check)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].check, check) == 0) return &kinds[i];
    return NULL;
}

const char *as_power_formula(as_power_shape shape)
{
    return formulas[shape];
}

bool as_power_is_within(as_power_shape shape)
{
    return shape == AS_WITHIN || shape == AS_ASYM_WITHIN;
}

double as_power_level(as_power_rule rule, double alpha)
{
    return rule == AS_BY_P          ? alpha
           : rule == AS_BY_INTERVAL ? 1 - AS_LEVEL
                                    : fmin(alpha, 1 - AS_LEVEL);
}

/* As `decide` of the checks of arms has it. */
#define MIN_UNITS 10

/* --- the smallest effect at n --------------------------------------------------------------------
 */

static double normal(double p)
{
    return as_normal_quantile(p);
}

typedef struct {
    size_t n, right, wrong;
} cohorts;

static cohorts split(const as_power_question *q, size_t n)
{
    const size_t right = (size_t)nearbyint(q->right * (double)n);
    return (cohorts){n, right, n - right};
}

/* Of a mean of paired changes whose true value is d, beside d itself. */
static double mean_needs(const as_power_question *q, size_t n, double d)
{
    const double least = q->is_binary ? fmax(q->variance - d * d, 0) : q->variance;
    const double se = sqrt(least / (double)n + q->seeds), df = (double)n - 1;
    const double null_se = sqrt(q->variance / (double)n + q->seeds);
    const double seen =
        as_t_quantile(1 - q->alpha / 2, df) * (q->kind->rule == AS_BY_INTERVAL ? se : null_se);
    const double far = q->kind->shape == AS_MEAN_FAR ? as_t_quantile((1 + AS_LEVEL) / 2, df) : 0;
    const double bar = isnan(q->bar) ? 0 : q->bar - far * se;
    return fmax(bar, seen) + normal(AS_PLANNED_POWER) * se;
}

/* Of two cohorts: the change of an asymmetry, or equivalence of one to 0. */
static double cohort_mde(const as_power_question *q, cohorts c)
{
    const double each = 1 / (double)c.right + 1 / (double)c.wrong;
    if (q->kind->shape == AS_ASYM_WITHIN)
        return (normal(1 - q->alpha) + normal((1 + AS_PLANNED_POWER) / 2)) *
               sqrt(q->assertion * (1 - q->assertion) * each);
    const double se = sqrt(q->variance * each);
    return fmax(q->bar, normal(1 - q->alpha / 2) * se) + normal(AS_PLANNED_POWER) * se;
}

/* Smallest x in (lo, hi] at which excess(x) >= 0, which rises once; NaN: none. */
typedef double excess_of(const as_power_question *q, cohorts c, double x);

static double solve(excess_of *excess, const as_power_question *q, cohorts c, double lo, double hi)
{
    if (!(excess(q, c, hi) >= 0)) return NAN;
    for (int i = 0; i < 100; i++) {
        const double mid = 0.5 * (lo + hi);
        if (excess(q, c, mid) >= 0)
            hi = mid;
        else
            lo = mid;
    }
    return hi;
}

static double mean_excess(const as_power_question *q, cohorts c, double d)
{
    return d - mean_needs(q, c.n, d);
}

static double mean_mde(const as_power_question *q, size_t n)
{
    const cohorts all = {n, 0, 0};
    if (q->kind->shape == AS_WITHIN)
        return (as_t_quantile(1 - q->alpha, (double)n - 1) + normal((1 + AS_PLANNED_POWER) / 2)) *
               sqrt(q->variance / (double)n);
    return q->is_binary ? solve(mean_excess, q, all, 0, q->variance) : mean_needs(q, n, 0);
}

/* One asymmetry, from the share asserted of the right ones. */
static double asymmetry_mde(const as_power_question *q, cohorts c)
{
    const double down =
        as_mde_asymmetry(q->assertion, c.wrong, c.right, q->alpha, 2, AS_PLANNED_POWER);
    const double up =
        as_mde_proportions(q->assertion, 1, c.wrong, c.right, q->alpha, 2, AS_PLANNED_POWER, true);
    if (q->sign) return q->sign < 0 ? down : up;
    return isnan(up) || up > down ? up : down;
}

static double gate_excess(const as_power_question *q, cohorts c, double d)
{
    const double n_r = (double)c.right, n_w = (double)c.wrong, base = q->assertion;
    const double p_w = base - d, p = (n_r * base + n_w * p_w) / (n_r + n_w);
    const double s0 = sqrt(p * (1 - p) * (1 / n_r + 1 / n_w));
    const double s1 = sqrt(base * (1 - base) / n_r + p_w * (1 - p_w) / n_w);
    return d - fmax(q->bar, normal(1 - q->alpha) * s0) - normal(AS_PLANNED_POWER) * s1;
}

static double area_excess(const as_power_question *q, cohorts c, double auc)
{
    const as_power_shape s = q->kind->shape;
    const double level = s == AS_AREA ? 1 - q->alpha : s == AS_AREA_01 ? 0.99 : 0.975;
    const double seen = 0.5 + normal(level) * as_hanley_null_se(c.right, c.wrong);
    return auc - fmax(q->bar, seen) -
           normal(AS_PLANNED_POWER) * as_hanley_se(auc, c.right, c.wrong);
}

static double cohorts_mde(const as_power_question *q, cohorts c)
{
    switch (q->kind->shape) {
    case AS_ASYM:
        return asymmetry_mde(q, c);
    case AS_GATE_ASYM:
        return solve(gate_excess, q, c, 0, q->assertion);
    case AS_AREA:
    case AS_AREA_01:
    case AS_AREA_TWO:
        return solve(area_excess, q, c, 0.5, 1);
    default:
        return cohort_mde(q, c);
    }
}

double as_power_mde(const as_power_question *q, size_t n, const char **why)
{
    double mde = NAN;
    *why = q->why;
    if (*why) return NAN;
    switch (q->kind->shape) {
    case AS_MEAN:
    case AS_MEAN_FAR:
    case AS_WITHIN:
        *why = n < MIN_UNITS ? "too few to decide" : NULL;
        if (!*why) mde = mean_mde(q, n);
        break;
    case AS_DISCORDANT:
        mde = as_mde_paired(q->variance, n, q->alpha, 2, AS_PLANNED_POWER, AS_PAIRED_SIMPLE);
        break;
    default: {
        const cohorts c = split(q, n);
        *why = c.right < q->least || c.wrong < q->least ? "a cohort is too small to decide" : NULL;
        if (!*why) mde = cohorts_mde(q, c);
    }
    }
    if (!*why && !(mde <= q->most)) *why = "no effect that there can be is seen so often";
    return *why ? NAN : mde;
}

size_t as_power_needed(const as_power_question *q, double effect)
{
    const size_t most = 100000000;
    const char *why;
    size_t lo = 0, hi = 1;
    while (hi < most && !(as_power_mde(q, hi, &why) <= effect)) {
        lo = hi;
        hi *= 2;
    }
    if (!(as_power_mde(q, hi, &why) <= effect)) return 0;
    while (hi - lo > 1) {
        const size_t mid = lo + (hi - lo) / 2;
        if (as_power_mde(q, mid, &why) <= effect)
            hi = mid;
        else
            lo = mid;
    }
    return hi;
}
