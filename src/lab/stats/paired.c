/* Tests and effect sizes for two conditions. Sums run in index order; permutation tests allow for
 * rounding when they ask whether an arrangement is as extreme as the observed one. */
#include "lab/stats/paired.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "lab/stats/distribution.h"

#define EXACT_FLIPS 20         /* 2^20 sign patterns take a few milliseconds */
#define EXACT_CHOICES 200000.0 /* so do so many ways to choose a group */
#define TIE 1e-12

static const as_estimate undefined = {
    .estimate = NAN, .se = NAN, .statistic = NAN, .df = NAN, .p = NAN, .interval = {NAN, NAN}};

/* --- tables -------------------------------------------------------------------------------------
 */

double as_mcnemar_exact(size_t b, size_t c)
{
    return fmin(1, 2 * as_binomial_cdf(b < c ? b : c, b + c, 0.5));
}

double as_fisher_exact(size_t a, size_t b, size_t c, size_t d)
{
    size_t total = a + b + c + d, good = a + b, drawn = a + c;
    if (good == 0 || drawn == 0 || good == total || drawn == total) return 1;
    size_t lo = drawn > total - good ? drawn - (total - good) : 0;
    size_t hi = good < drawn ? good : drawn;
    double limit = as_hypergeometric_pmf(a, total, good, drawn) * (1 + 1e-7), sum = 0;
    for (size_t k = lo; k <= hi; k++) {
        double mass = as_hypergeometric_pmf(k, total, good, drawn);
        if (mass <= limit) sum += mass;
    }
    return fmin(1, sum);
}

as_estimate as_two_proportions(size_t k1, size_t n1, size_t k2, size_t n2, double level)
{
    as_estimate e = undefined;
    e.n = n1 + n2;
    if (n1 == 0 || n2 == 0 || k1 > n1 || k2 > n2) return e;
    double p1 = (double)k1 / (double)n1, p2 = (double)k2 / (double)n2;
    e.estimate = p1 - p2;
    e.se = sqrt(p1 * (1 - p1) / (double)n1 + p2 * (1 - p2) / (double)n2);
    e.df = INFINITY;
    e.interval = as_normal_interval(e.estimate, e.se, level);
    if (e.se == 0) return e;
    e.statistic = e.estimate / e.se;
    e.p = as_t_two_sided(e.statistic, INFINITY);
    return e;
}

static size_t row_sum(const size_t *t, size_t r, size_t cols)
{
    size_t sum = 0;
    for (size_t j = 0; j < cols; j++) sum += t[r * cols + j];
    return sum;
}

static size_t col_sum(const size_t *t, size_t c, size_t rows, size_t cols)
{
    size_t sum = 0;
    for (size_t i = 0; i < rows; i++) sum += t[i * cols + c];
    return sum;
}

as_chi_square as_contingency(const size_t *table, size_t rows, size_t cols)
{
    as_chi_square x = {0, NAN, NAN, NAN, NAN, NAN};
    size_t used_rows = 0, used_cols = 0;
    for (size_t i = 0; i < rows; i++) {
        size_t sum = row_sum(table, i, cols);
        x.n += sum, used_rows += sum > 0;
    }
    for (size_t j = 0; j < cols; j++) used_cols += col_sum(table, j, rows, cols) > 0;
    if (used_rows < 2 || used_cols < 2) return x;
    double sum = 0, n = (double)x.n, least = INFINITY;
    for (size_t j = 0; j < cols; j++) {
        double column = (double)col_sum(table, j, rows, cols);
        for (size_t i = 0; i < rows; i++) {
            double expected = column * (double)row_sum(table, i, cols) / n;
            if (expected == 0) continue;
            double d = (double)table[i * cols + j] - expected;
            sum += d * d / expected;
            least = fmin(least, expected);
        }
    }
    size_t side = used_rows < used_cols ? used_rows : used_cols;
    x.statistic = sum, x.min_expected = least;
    x.df = (double)(used_rows - 1) * (double)(used_cols - 1);
    x.p = as_chi2_upper(sum, x.df);
    x.cramers_v = sqrt(sum / (n * (double)(side - 1)));
    return x;
}

/* --- means --------------------------------------------------------------------------------------
 */

static double difference(const double *x, const double *y, size_t i)
{
    return y ? x[i] - y[i] : x[i];
}

static double mean_of(const double *x, const double *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += difference(x, y, i);
    return sum / (double)n;
}

/* Sum of squares about the mean; 0 when the values agree up to the rounding of their subtraction.
 */
static double squares_about(const double *x, const double *y, size_t n, double mean)
{
    double sum = 0, least = INFINITY, most = -INFINITY, size = 0;
    if (isnan(mean)) return NAN;
    for (size_t i = 0; i < n; i++) {
        double d = difference(x, y, i);
        least = fmin(least, d), most = fmax(most, d);
        size = fmax(size, fmax(fabs(x[i]), y ? fabs(y[i]) : 0));
        sum += (d - mean) * (d - mean);
    }
    return most - least <= 4 * DBL_EPSILON * size ? 0 : sum;
}

as_estimate as_paired_mean(const double *x, const double *y, size_t n, double level)
{
    as_estimate e = undefined;
    e.n = n;
    if (n == 0) return e;
    e.estimate = mean_of(x, y, n);
    if (n < 2 || isnan(e.estimate)) return e;
    e.df = (double)(n - 1);
    e.se = sqrt(squares_about(x, y, n, e.estimate) / e.df / (double)n);
    e.interval = as_t_interval(e.estimate, e.se, e.df, level);
    if (e.se == 0) return e;
    e.statistic = e.estimate / e.se;
    e.p = as_t_two_sided(e.statistic, e.df);
    return e;
}

double as_cohens_d(const double *a, size_t na, const double *b, size_t nb)
{
    if (na == 0 || nb == 0) return NAN;
    double ma = mean_of(a, NULL, na), mb = mean_of(b, NULL, nb);
    double df = na + nb > 3 ? (double)(na + nb - 2) : 1;
    double s = sqrt((squares_about(a, NULL, na, ma) + squares_about(b, NULL, nb, mb)) / df);
    if (s <= 1e-8) return 0;
    return (ma - mb) / s;
}

/* --- correlation --------------------------------------------------------------------------------
 */

/* r alone; NaN when a variable does not vary. */
static double correlation(const double *x, const double *y, size_t n)
{
    double mx = mean_of(x, NULL, n), my = mean_of(y, NULL, n), xy = 0;
    double xx = squares_about(x, NULL, n, mx), yy = squares_about(y, NULL, n, my);
    for (size_t i = 0; i < n; i++) xy += (x[i] - mx) * (y[i] - my);
    if (!(xx > 0 && yy > 0)) return NAN;
    return fmax(-1, fmin(1, xy / sqrt(xx) / sqrt(yy)));
}

/* Test and interval of a correlation; `widen` multiplies the variance 1/(n-3) of atanh r. */
static as_estimate correlation_test(double r, size_t n, double level, double widen)
{
    as_estimate e = undefined;
    e.n = n;
    if (n < 3 || isnan(r)) return e;
    e.estimate = r;
    e.df = (double)(n - 2);
    if (1 - fabs(r) < 1e-15) { /* the last bit of rounding */
        e.se = 0, e.p = 0, e.statistic = copysign(INFINITY, r);
        e.estimate = copysign(1, r);
        e.interval = (as_interval){e.estimate, e.estimate};
        return e;
    }
    e.statistic = r * sqrt(e.df / ((1 - r) * (1 + r)));
    e.p = as_t_two_sided(e.statistic, e.df);
    if (n < 4) return e;
    double se = sqrt(widen / (double)(n - 3));
    as_interval z = as_normal_interval(atanh(r), se, level);
    e.interval = (as_interval){tanh(z.lo), tanh(z.hi)};
    e.se = (1 - r * r) * se;
    return e;
}

as_estimate as_pearson(const double *x, const double *y, size_t n, double level)
{
    return correlation_test(n ? correlation(x, y, n) : NAN, n, level, 1);
}

typedef struct {
    double x;
    size_t at;
} placed;

static int by_value(const void *x, const void *y)
{
    const placed *a = x, *b = y;
    return (a->x > b->x) - (a->x < b->x);
}

bool as_mid_ranks(double *rank, const double *x, size_t n, as_error *err)
{
    placed *p = as_new(n, sizeof *p, err);
    if (!p) return false;
    bool has_nan = false;
    for (size_t i = 0; i < n; i++) {
        p[i] = (placed){x[i], i};
        if (isnan(x[i])) has_nan = true;
    }
    if (n > 1 && !has_nan) qsort(p, n, sizeof *p, by_value);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && p[end].x == p[i].x;) end++;
        for (size_t j = i; j < end; j++)
            rank[p[j].at] = has_nan ? NAN : 0.5 * (double)(i + 1 + end);
    }
    free(p);
    return true;
}

bool as_spearman(const double *x, const double *y, size_t n, double level, as_estimate *out,
                 as_error *err)
{
    bool ok = false;
    double *rx = as_new(n, sizeof *rx, err), *ry = as_new(n, sizeof *ry, err);
    if (!rx || !ry) goto out;
    if (!as_mid_ranks(rx, x, n, err) || !as_mid_ranks(ry, y, n, err)) goto out;
    double r = n ? correlation(rx, ry, n) : NAN;
    *out = correlation_test(r, n, level, 1 + r * r / 2);
    ok = true;
out:
    free(rx);
    free(ry);
    return ok;
}

/* --- permutation tests --------------------------------------------------------------------------
 */

typedef struct {
    const double *x; /* (n) differences, or both groups one after the other */
    size_t n, n_a;
    size_t *order; /* (workers, n) */
} shuffled;

static void flip_draw(void *ctx, as_rng *rng, size_t draw, size_t worker, double *row)
{
    const shuffled *s = ctx;
    (void)draw, (void)worker;
    uint64_t bits = 0;
    double sum = 0;
    for (size_t i = 0; i < s->n; i++, bits >>= 1) {
        if (i % 64 == 0) bits = as_rng_u64(rng);
        sum += bits & 1 ? -s->x[i] : s->x[i];
    }
    *row = sum;
}

/* Share of all sign patterns whose |sum| is at least `least`. The last sign stays: a pattern and
 * its opposite have the same |sum|. */
static double flip_all(const double *x, size_t n, double least)
{
    size_t half = (size_t)1 << (n - 1), count = 0;
    for (size_t mask = 0; mask < half; mask++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) sum += mask >> i & 1 ? -x[i] : x[i];
        count += fabs(sum) >= least;
    }
    return (double)count / (double)half;
}

/* Runs the draws and counts |value| >= least. */
static bool monte_carlo(const as_resample *how, as_null_draw *draw, shuffled *s, double least,
                        double *p, as_error *err)
{
    *p = NAN;
    if (how->draws == 0) return true;
    double *values = as_new(how->draws, sizeof *values, err);
    if (!values) return false;
    as_null_draws(how, 1, draw, s, values);
    size_t count = 1;
    for (size_t i = 0; i < how->draws; i++) count += fabs(values[i]) >= least;
    *p = (double)count / ((double)how->draws + 1);
    free(values);
    return true;
}

bool as_sign_flip(const as_resample *how, const double *x, const double *y, size_t n,
                  as_permutation *out, as_error *err)
{
    *out = (as_permutation){.estimate = n ? mean_of(x, y, n) : NAN, .p = NAN};
    if (isnan(out->estimate)) return true;
    double *d = as_new(n, sizeof *d, err);
    if (!d) return false;
    double size = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        d[i] = difference(x, y, i);
        size += fabs(x[i]) + (y ? fabs(y[i]) : 0), sum += d[i];
    }
    double least = fabs(sum) - TIE * size;
    shuffled s = {.x = d, .n = n};
    bool ok = true;
    out->is_exact = n <= EXACT_FLIPS;
    out->draws = out->is_exact ? (size_t)1 << n : how->draws;
    if (out->is_exact)
        out->p = flip_all(d, n, least);
    else
        ok = monte_carlo(how, flip_draw, &s, least, &out->p, err);
    free(d);
    return ok;
}

/* Sum of the first n_a after a shuffle of all. */
static void group_draw(void *ctx, as_rng *rng, size_t draw, size_t worker, double *row)
{
    const shuffled *s = ctx;
    (void)draw;
    size_t *order = s->order + worker * s->n;
    for (size_t i = 0; i < s->n; i++) order[i] = i;
    double sum = 0;
    for (size_t i = 0; i < s->n_a; i++) { /* only as much of Fisher-Yates as is needed */
        size_t j = i + (size_t)as_rng_below(rng, s->n - i), k = order[j];
        order[j] = order[i], order[i] = k;
        sum += s->x[k];
    }
    *row = sum;
}

/* Number of ways to choose k of n, or something above EXACT_CHOICES. */
static double choices(size_t n, size_t k)
{
    if (k > n - k) k = n - k;
    double c = 1;
    for (size_t i = 1; i <= k && c <= EXACT_CHOICES; i++) c = c * (double)(n - k + i) / (double)i;
    return floor(c + 0.5);
}

/* Counts the choices of n_a out of n whose |sum| is at least `least`, in lexical order. pick has
 * room for n_a. */
static double choose_all(const shuffled *s, size_t *pick, double least)
{
    size_t count = 0, all = 0, k = s->n_a;
    for (size_t i = 0; i < k; i++) pick[i] = i;
    for (;;) {
        double sum = 0;
        for (size_t i = 0; i < k; i++) sum += s->x[pick[i]];
        count += fabs(sum) >= least, all++;
        size_t i = k;
        while (i > 0 && pick[i - 1] == s->n - k + i - 1) i--;
        if (i == 0) return (double)count / (double)all;
        pick[i - 1]++;
        for (; i < k; i++) pick[i] = pick[i - 1] + 1;
    }
}

bool as_permute_means(const as_resample *how, const double *a, size_t na, const double *b,
                      size_t nb, as_permutation *out, as_error *err)
{
    *out = (as_permutation){.estimate = NAN, .p = NAN};
    if (na == 0 || nb == 0) return true;
    out->estimate = mean_of(a, NULL, na) - mean_of(b, NULL, nb);
    if (isnan(out->estimate)) return true;
    bool ok = false;
    size_t n, room;
    double *x = NULL;
    shuffled s = {.n_a = na};
    if (!as_size_add(na, nb, &n, err)) return false;
    if (!as_size_mul(n, as_pool_size(how->pool), &room, err)) return false;
    x = as_new(n, sizeof *x, err);
    s.order = as_new(room, sizeof *s.order, err);
    if (!x || !s.order) goto out;
    memcpy(x, a, na * sizeof *a);
    memcpy(x + na, b, nb * sizeof *b);
    /* about the common mean, |sum of group a| orders arrangements as |mean a - mean b| does */
    double mean = mean_of(x, NULL, n), size = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        size += fabs(x[i]);
        x[i] -= mean;
        if (i < na) sum += x[i];
    }
    s.x = x, s.n = n;
    double least = fabs(sum) - TIE * size;
    out->is_exact = choices(n, na) <= EXACT_CHOICES;
    out->draws = out->is_exact ? (size_t)choices(n, na) : how->draws;
    ok = true;
    if (out->is_exact)
        out->p = choose_all(&s, s.order, least);
    else
        ok = monte_carlo(how, group_draw, &s, least, &out->p, err);
out:
    free(x);
    free(s.order);
    return ok;
}
