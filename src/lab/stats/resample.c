/* The bootstrap and null draws. Each draw owns its random stream and its slot in the array of
 * values; a worker owns one index buffer. Sums over draws run in one fixed order afterwards. */
#include "lab/stats/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "lab/stats/distribution.h"

#define CHUNK 32 /* draws in one task */

/* --- order --------------------------------------------------------------------------------------
 */

static int ascending(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    if (isnan(a) || isnan(b)) return (isnan(a) != 0) - (isnan(b) != 0);
    return (a > b) - (a < b);
}

void as_sort(double *x, size_t n)
{
    if (n > 1) qsort(x, n, sizeof *x, ascending);
}

/* How many of sorted x are not NaN. */
static size_t defined(const double *x, size_t n)
{
    while (n > 0 && isnan(x[n - 1])) n--;
    return n;
}

double as_quantile(const double *sorted, size_t n, double q)
{
    if (n == 0 || !(q >= 0 && q <= 1)) return NAN;
    double h = (double)(n - 1) * q, whole = floor(h);
    size_t i = (size_t)whole;
    if (h == whole || i + 1 >= n) return sorted[i];
    return sorted[i] + (h - whole) * (sorted[i + 1] - sorted[i]);
}

bool as_quantiles(const double *x, size_t n, const double *q, size_t n_q, double *out,
                  as_error *err)
{
    double *sorted = as_new(n, sizeof *sorted, err);
    if (!sorted) return false;
    if (n) memcpy(sorted, x, n * sizeof *x);
    as_sort(sorted, n);
    size_t m = defined(sorted, n);
    for (size_t j = 0; j < n_q; j++) out[j] = as_quantile(sorted, m, q[j]);
    free(sorted);
    return true;
}

/* --- bootstrap intervals ------------------------------------------------------------------------
 */

static bool good_level(double level)
{
    return level > 0 && level < 1;
}

/* Share of the sorted draws below the estimate, ties counted half, as a normal quantile. */
static double bias_correction(const double *sorted, size_t m, double estimate)
{
    double below = 0;
    for (size_t i = 0; i < m && sorted[i] <= estimate; i++) below += sorted[i] < estimate ? 1 : 0.5;
    return as_normal_quantile(below / (double)m);
}

/* sum (m - x)^3 / (6 (sum (m - x)^2)^(3/2)) over the leave-one-out values x with mean m. */
static double skew_acceleration(const double *x, size_t n)
{
    double mean = 0, square = 0, cube = 0, most = 0;
    for (size_t i = 0; i < n; i++) mean += x[i] / (double)n;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(mean - x[i]));
    if (most <= 1e-14 * fabs(mean)) return NAN; /* all alike, up to rounding */
    for (size_t i = 0; i < n; i++) {
        double d = mean - x[i];
        square += d * d, cube += d * d * d;
    }
    return cube / (6 * square * sqrt(square));
}

/* The quantile of the draws that BCa takes in place of the normal quantile z. */
static double bca_limit(const double *sorted, size_t m, double z0, double a, double z)
{
    double turn = 1 - a * (z0 + z);
    if (!(turn > 0)) return NAN; /* past the pole: the correction has no meaning */
    return as_quantile(sorted, m, as_normal_cdf(z0 + (z0 + z) / turn));
}

as_bootstrap as_bootstrap_summary(double *values, size_t draws, const double *leave_one_out,
                                  size_t n, double estimate, double level)
{
    as_bootstrap b = {.n = n, .draws = draws, .estimate = estimate, .se = NAN, .bias = NAN};
    b.percentile = b.bca = as_interval_none();
    b.z0 = b.acceleration = NAN;
    as_sort(values, draws);
    size_t m = defined(values, draws);
    b.n_undefined = draws - m;
    if (m < 2 || isnan(estimate) || !good_level(level)) return b;
    double mean = 0, square = 0, tail = (1 - level) / 2;
    for (size_t i = 0; i < m; i++) mean += values[i];
    mean /= (double)m;
    for (size_t i = 0; i < m; i++) square += (values[i] - mean) * (values[i] - mean);
    b.se = sqrt(square / (double)(m - 1));
    b.bias = mean - estimate;
    b.percentile = (as_interval){as_quantile(values, m, tail), as_quantile(values, m, 1 - tail)};
    if (values[m - 1] - values[0] <= 1e-14 * fabs(estimate)) { /* all alike, up to rounding */
        b.bca = b.percentile;
        return b;
    }
    b.z0 = bias_correction(values, m, estimate);
    b.acceleration = skew_acceleration(leave_one_out, n);
    if (isinf(b.z0) || isnan(b.acceleration)) return b;
    double z = as_normal_quantile(1 - tail);
    b.bca.lo = bca_limit(values, m, b.z0, b.acceleration, -z);
    b.bca.hi = bca_limit(values, m, b.z0, b.acceleration, z);
    if (isnan(b.bca.lo) || isnan(b.bca.hi)) b.bca = as_interval_none();
    return b;
}

/* --- drawing ------------------------------------------------------------------------------------
 */

/* Observations sorted into clusters: members of cluster k are member[start[k]] ..
 * member[start[k+1]-1]. Without clusters (NULL) each observation is its own. */
typedef struct {
    size_t n, n_clusters, longest;
    size_t *member, *start;
} groups;

typedef struct {
    const as_resample *how;
    const groups *g;
    as_resample_stat *stat;
    void *ctx;
    size_t *index; /* (workers, room) */
    size_t room;
    double *draws, *leave_one_out;
} boot;

static size_t add_cluster(const groups *g, size_t k, size_t *index, size_t at)
{
    size_t size = g->start[k + 1] - g->start[k];
    memcpy(index + at, g->member + g->start[k], size * sizeof *index);
    return at + size;
}

static void boot_chunk(void *ctx, size_t task, size_t worker)
{
    boot *b = ctx;
    size_t *index = b->index + worker * b->room, end = (task + 1) * CHUNK;
    if (end > b->how->draws) end = b->how->draws;
    for (size_t i = task * CHUNK; i < end; i++) {
        as_rng rng = as_rng_at(b->how->seed, b->how->purpose, i);
        size_t len = 0;
        for (size_t k = 0; k < b->g->n_clusters; k++)
            len = add_cluster(b->g, (size_t)as_rng_below(&rng, b->g->n_clusters), index, len);
        b->draws[i] = b->stat(b->ctx, index, len, worker);
    }
}

static void leave_chunk(void *ctx, size_t task, size_t worker)
{
    boot *b = ctx;
    size_t *index = b->index + worker * b->room, end = (task + 1) * CHUNK;
    if (end > b->g->n_clusters) end = b->g->n_clusters;
    for (size_t i = task * CHUNK; i < end; i++) {
        size_t len = 0;
        for (size_t k = 0; k < b->g->n_clusters; k++)
            if (k != i) len = add_cluster(b->g, k, index, len);
        b->leave_one_out[i] = len ? b->stat(b->ctx, index, len, worker) : NAN;
    }
}

static size_t chunks(size_t n)
{
    return n / CHUNK + (n % CHUNK != 0);
}

static double estimate_of(const boot *b)
{
    for (size_t i = 0; i < b->g->n; i++) b->index[i] = i;
    return b->stat(b->ctx, b->index, b->g->n, 0);
}

static bool boot_run(boot *b, double level, as_bootstrap *out, as_error *err)
{
    bool ok = false;
    size_t total, draws = b->how->draws, k = b->g->n_clusters;
    if (!as_size_mul(k, b->g->longest, &b->room, err)) return false;
    if (!as_size_mul(b->room, as_pool_size(b->how->pool), &total, err)) return false;
    b->draws = as_new(draws, sizeof *b->draws, err);
    b->leave_one_out = as_new(k, sizeof *b->leave_one_out, err);
    b->index = as_new(total, sizeof *b->index, err);
    if (!b->draws || !b->leave_one_out || !b->index) goto out;
    ok = true;
    double estimate = b->g->n ? estimate_of(b) : NAN;
    if (k > 0 && draws > 1) {
        as_pool_run(b->how->pool, chunks(draws), boot_chunk, b);
        as_pool_run(b->how->pool, chunks(k), leave_chunk, b);
    }
    *out = as_bootstrap_summary(b->draws, k > 1 && draws > 1 ? draws : 0, b->leave_one_out, k,
                                estimate, level);
    out->draws = draws;
out:
    free(b->draws);
    free(b->leave_one_out);
    free(b->index);
    return ok;
}

typedef struct {
    size_t cluster, at;
} tagged;

static int by_cluster(const void *x, const void *y)
{
    const tagged *a = x, *b = y;
    if (a->cluster != b->cluster) return a->cluster < b->cluster ? -1 : 1;
    return (a->at > b->at) - (a->at < b->at);
}

static void groups_clear(groups *g)
{
    free(g->member);
    free(g->start);
}

/* cluster NULL: each observation is a cluster of one. */
static bool groups_init(groups *g, const size_t *cluster, size_t n, as_error *err)
{
    *g = (groups){.n = n};
    tagged *t = as_new(n, sizeof *t, err);
    g->member = as_new(n, sizeof *g->member, err);
    size_t limit;
    if (as_size_add(n, 1, &limit, err)) g->start = as_new(limit, sizeof *g->start, err);
    if (!t || !g->member || !g->start) {
        free(t);
        groups_clear(g);
        return false;
    }
    for (size_t i = 0; i < n; i++) t[i] = (tagged){cluster ? cluster[i] : i, i};
    if (n > 1) qsort(t, n, sizeof *t, by_cluster);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || t[i].cluster != t[i - 1].cluster) g->start[g->n_clusters++] = i;
        size_t size = i + 1 - g->start[g->n_clusters - 1];
        if (size > g->longest) g->longest = size;
        g->member[i] = t[i].at;
    }
    g->start[g->n_clusters] = n;
    free(t);
    return true;
}

bool as_bootstrap_clusters(const as_resample *how, const size_t *cluster, size_t n,
                           as_resample_stat *stat, void *ctx, double level, as_bootstrap *out,
                           as_error *err)
{
    groups g;
    if (!groups_init(&g, cluster, n, err)) return false;
    boot b = {.how = how, .g = &g, .stat = stat, .ctx = ctx};
    bool ok = boot_run(&b, level, out, err);
    groups_clear(&g);
    return ok;
}

bool as_bootstrap_stat(const as_resample *how, size_t n, as_resample_stat *stat, void *ctx,
                       double level, as_bootstrap *out, as_error *err)
{
    return as_bootstrap_clusters(how, NULL, n, stat, ctx, level, out, err);
}

typedef struct {
    const double *x, *y;
} pairs;

static double mean_stat(void *ctx, const size_t *index, size_t n, size_t worker)
{
    const pairs *p = ctx;
    (void)worker;
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += p->y ? p->x[index[i]] - p->y[index[i]] : p->x[index[i]];
    return sum / (double)n;
}

bool as_bootstrap_mean(const as_resample *how, const double *x, const double *y, size_t n,
                       double level, as_bootstrap *out, as_error *err)
{
    return as_bootstrap_cluster_mean(how, NULL, x, y, n, level, out, err);
}

bool as_bootstrap_cluster_mean(const as_resample *how, const size_t *cluster, const double *x,
                               const double *y, size_t n, double level, as_bootstrap *out,
                               as_error *err)
{
    pairs p = {x, y};
    return as_bootstrap_clusters(how, cluster, n, mean_stat, &p, level, out, err);
}

/* --- null distributions -------------------------------------------------------------------------
 */

typedef struct {
    const as_resample *how;
    size_t width;
    as_null_draw *draw;
    void *ctx;
    double *values;
} nulls;

static void null_chunk(void *ctx, size_t task, size_t worker)
{
    nulls *d = ctx;
    size_t end = (task + 1) * CHUNK;
    if (end > d->how->draws) end = d->how->draws;
    for (size_t i = task * CHUNK; i < end; i++) {
        as_rng rng = as_rng_at(d->how->seed, d->how->purpose, i);
        d->draw(d->ctx, &rng, i, worker, d->values + i * d->width);
    }
}

void as_null_draws(const as_resample *how, size_t width, as_null_draw *draw, void *ctx,
                   double *values)
{
    nulls d = {how, width, draw, ctx, values};
    as_pool_run(how->pool, chunks(how->draws), null_chunk, &d);
}

double as_null_p(const double *values, size_t draws, double observed, as_tail tail)
{
    if (isnan(observed) || draws == 0) return NAN;
    size_t count = 1;
    double slack = isinf(observed) ? 0 : 1e-12 * fabs(observed);
    for (size_t i = 0; i < draws; i++) {
        double x = values[i];
        bool extreme = isnan(x);
        if (tail == AS_TAIL_LOWER) extreme = extreme || x <= observed + slack;
        if (tail == AS_TAIL_UPPER) extreme = extreme || x >= observed - slack;
        if (tail == AS_TAIL_BOTH) extreme = extreme || fabs(x) >= fabs(observed) - slack;
        count += extreme;
    }
    return (double)count / (double)(draws + 1);
}
