/* Agreement between judges. Margins are summed anew where they are needed: the tables are small,
 * and so no memory is asked for. */
#include "lab/stats/agreement.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "lab/stats/distribution.h"

double as_raw_agreement(const int *a, const int *b, size_t n)
{
    size_t same = 0;
    for (size_t i = 0; i < n; i++) same += a[i] == b[i];
    return n ? (double)same / (double)n : NAN;
}

size_t as_label_table(size_t *table, size_t k, const int *a, const int *b, size_t n)
{
    size_t counted = 0;
    memset(table, 0, k * k * sizeof *table);
    for (size_t i = 0; i < n; i++) {
        if (a[i] < 0 || b[i] < 0 || (size_t)a[i] >= k || (size_t)b[i] >= k) continue;
        table[(size_t)a[i] * k + (size_t)b[i]]++;
        counted++;
    }
    return counted;
}

/* --- kappa --------------------------------------------------------------------------------------
 */

typedef struct {
    const size_t *table;
    size_t k;
    double n;
    as_kappa_weights weights;
} square;

static double weight(const square *s, size_t i, size_t j)
{
    double d = (i > j ? (double)(i - j) : (double)(j - i)) / (double)(s->k - 1);
    if (s->weights == AS_KAPPA_LINEAR) return 1 - d;
    if (s->weights == AS_KAPPA_QUADRATIC) return 1 - d * d;
    return i == j;
}

static double row_share(const square *s, size_t i)
{
    double sum = 0;
    for (size_t j = 0; j < s->k; j++) sum += (double)s->table[i * s->k + j];
    return sum / s->n;
}

static double col_share(const square *s, size_t j)
{
    double sum = 0;
    for (size_t i = 0; i < s->k; i++) sum += (double)s->table[i * s->k + j];
    return sum / s->n;
}

/* Mean weight of label i of the first judge under the second's margin, and the other way round. */
static double row_weight(const square *s, size_t i)
{
    double sum = 0;
    for (size_t j = 0; j < s->k; j++) sum += weight(s, i, j) * col_share(s, j);
    return sum;
}

static double col_weight(const square *s, size_t j)
{
    double sum = 0;
    for (size_t i = 0; i < s->k; i++) sum += weight(s, i, j) * row_share(s, i);
    return sum;
}

/* The two variances of Fleiss, Cohen & Everitt 1969 for weighted kappa, times n (1 - expected)^2;
 * with 0/1 weights they are those of plain kappa. */
static void variances(const square *s, const as_kappa *k, double *var, double *var0)
{
    double full = 0, null = 0;
    for (size_t i = 0; i < s->k; i++) {
        double wi = row_weight(s, i), pi = row_share(s, i);
        for (size_t j = 0; j < s->k; j++) {
            double w = weight(s, i, j), both = wi + col_weight(s, j);
            double d = w - both * (1 - k->kappa);
            full += (double)s->table[i * s->k + j] / s->n * d * d;
            null += pi * col_share(s, j) * (w - both) * (w - both);
        }
    }
    double mean = k->kappa - k->expected * (1 - k->kappa);
    *var = full - mean * mean;
    *var0 = null - k->expected * k->expected;
    if (*var < 1e-14) *var = 0; /* only rounding is left */
    if (*var0 < 1e-14) *var0 = 0;
}

as_kappa as_cohens_kappa(const size_t *table, size_t k, as_kappa_weights weights, double level)
{
    as_kappa out = {0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, as_interval_none()};
    for (size_t i = 0; i < k * k; i++) out.n += table[i];
    if (k < 2 || out.n == 0) return out;
    square s = {table, k, (double)out.n, weights};
    out.observed = out.expected = 0;
    for (size_t i = 0; i < k; i++) {
        out.expected += row_share(&s, i) * row_weight(&s, i);
        for (size_t j = 0; j < k; j++)
            out.observed += weight(&s, i, j) * (double)table[i * k + j] / s.n;
    }
    if (out.expected == 1) return out; /* both judges know a single label, the same one */
    out.kappa = (out.observed - out.expected) / (1 - out.expected);
    double var, var0, scale = sqrt(s.n) * (1 - out.expected);
    variances(&s, &out, &var, &var0);
    out.se = sqrt(var) / scale;
    out.se0 = sqrt(var0) / scale;
    out.interval = as_normal_interval(out.kappa, out.se, level);
    if (out.se0 > 0) {
        out.z = out.kappa / out.se0;
        out.p = as_t_two_sided(out.z, INFINITY);
    }
    return out;
}

/* --- intraclass correlation ---------------------------------------------------------------------
 */

/* Mean squares: between targets, within targets, between judges, residual. */
typedef struct {
    double targets, within, judges, residual;
} mean_squares;

static mean_squares anova(const double *x, size_t n, size_t k)
{
    double rows = (double)n, cols = (double)k, grand = 0, st = 0, sw = 0, sj = 0, se = 0;
    for (size_t i = 0; i < n * k; i++) grand += x[i];
    grand /= rows * cols;
    for (size_t j = 0; j < k; j++) {
        double mean = 0;
        for (size_t i = 0; i < n; i++) mean += x[i * k + j] / rows;
        sj += rows * (mean - grand) * (mean - grand);
    }
    for (size_t i = 0; i < n; i++) {
        double mean = 0;
        for (size_t j = 0; j < k; j++) mean += x[i * k + j] / cols;
        st += cols * (mean - grand) * (mean - grand);
        for (size_t j = 0; j < k; j++) sw += (x[i * k + j] - mean) * (x[i * k + j] - mean);
    }
    se = sw - sj;
    double total = st + sw;
    if (fabs(se) <= 1e-14 * total) se = 0; /* additive ratings: only rounding is left */
    if (sw <= 1e-28 * total) sw = 0;
    return (mean_squares){st / (rows - 1), sw / (rows * (cols - 1)), sj / (cols - 1),
                          se / ((rows - 1) * (cols - 1))};
}

/* Limits of (F - 1)/(F + k - 1) when F/F' is spread as F(df1, df2). */
static as_interval icc_interval(double f, double k, double df1, double df2, double level)
{
    double lo = f / as_f_quantile(0.5 * (1 + level), df1, df2);
    double hi = f * as_f_quantile(0.5 * (1 + level), df2, df1);
    return (as_interval){(lo - 1) / (lo + k - 1), (hi - 1) / (hi + k - 1)};
}

/* Limits of ICC(2,1): the denominator's variance matched by Satterthwaite's degrees of freedom. */
static as_interval icc2_interval(mean_squares m, double r, double n, double k, double level)
{
    double fj = m.judges / m.residual, w = n * (1 + (k - 1) * r) - k * r;
    double top = k * r * fj + w;
    double below = (n - 1) * k * k * r * r * fj * fj + w * w;
    double v = (k - 1) * (n - 1) * top * top / below, q = 0.5 * (1 + level);
    double f1 = as_f_quantile(q, n - 1, v), f2 = as_f_quantile(q, v, n - 1);
    double spread = k * m.judges + (k * n - k - n) * m.residual;
    return (as_interval){n * (m.targets - f1 * m.residual) / (f1 * spread + n * m.targets),
                         n * (f2 * m.targets - m.residual) / (spread + n * f2 * m.targets)};
}

as_icc_result as_icc(const double *x, size_t n_targets, size_t n_judges, as_icc_kind kind,
                     double level)
{
    as_icc_result out = {n_targets, n_judges, NAN, NAN, NAN, NAN, NAN, as_interval_none()};
    if (n_targets < 2 || n_judges < 2) return out;
    double n = (double)n_targets, k = (double)n_judges;
    mean_squares m = anova(x, n_targets, n_judges);
    bool one_way = kind == AS_ICC_1;
    double noise = one_way ? m.within : m.residual;
    double below = m.targets + (k - 1) * noise;
    if (kind == AS_ICC_2) below += k * (m.judges - m.residual) / n;
    if (!(below > 0)) return out; /* no variation, or NaN */
    out.icc = (m.targets - noise) / below;
    out.df1 = n - 1, out.df2 = one_way ? n * (k - 1) : (n - 1) * (k - 1);
    out.f = m.targets / noise;
    out.p = as_f_upper(out.f, out.df1, out.df2);
    if (noise == 0 || !(level > 0 && level < 1)) return out;
    out.interval = kind == AS_ICC_2 ? icc2_interval(m, out.icc, n, k, level)
                                    : icc_interval(out.f, k, out.df1, out.df2, level);
    return out;
}

double as_entropy_bits(const size_t *count, size_t k)
{
    double n = 0, sum = 0;
    for (size_t i = 0; i < k; i++) n += (double)count[i];
    if (n == 0) return NAN;
    for (size_t i = 0; i < k; i++) {
        double p = (double)count[i] / n;
        if (p > 0) sum -= p * log2(p);
    }
    return fabs(sum); /* -0 for a single label */
}
