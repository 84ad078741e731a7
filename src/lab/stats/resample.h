/* Bootstrap intervals, and null distributions by permutation. Draw i takes its random numbers from
 * stream (seed, purpose, i), and the draws are shared out in fixed chunks, so every number here is
 * the same bytes for any number of threads. */
#ifndef AS_LAB_STATS_RESAMPLE_H
#define AS_LAB_STATS_RESAMPLE_H

#include "base/error.h"
#include "base/pool.h"
#include "base/rng.h"
#include "lab/stats/interval.h"

/* How to draw. Borrowed for the call. */
typedef struct {
    size_t draws;
    uint64_t seed;
    const char *purpose; /* names the stream: two analyses in one report use two purposes */
    as_pool *pool;       /* NULL: the caller's thread alone */
} as_resample;

/* A statistic of the observations index[0..n-1] (repeats allowed). Called from several threads at
 * once; worker < as_pool_size(pool) picks scratch of one's own. Must be a function of ctx and index
 * alone. NaN means undefined for this resample. */
typedef double as_resample_stat(void *ctx, const size_t *index, size_t n, size_t worker);

typedef struct {
    size_t n, draws;
    size_t n_undefined;     /* draws whose statistic was NaN: left out of all that follows */
    double estimate;        /* of the observations themselves */
    double se;              /* standard deviation of the draws */
    double bias;            /* mean of the draws - estimate */
    as_interval percentile; /* type-7 quantiles of the draws */
    as_interval bca;        /* bias-corrected and accelerated; NaN when undefined, see below */
    double z0, acceleration;
} as_bootstrap;

/* Bootstrap of stat over n observations. Percentile interval: Efron 1979. BCa: Efron 1987, JASA
 * 82:171-185, with z0 = Phi^-1(share of draws below the estimate, ties counted half) and the
 * acceleration from the n leave-one-out values (Efron & Tibshirani 1993, 14.15). All draws equal:
 * the interval is the point. z0 infinite, or the leave-one-out values all alike or one undefined:
 * bca is NaN. n < 2 or draws < 2: everything NaN but the estimate. Fails for memory only. */
AS_MUST_CHECK bool as_bootstrap_stat(const as_resample *how, size_t n, as_resample_stat *stat,
                                     void *ctx, double level, as_bootstrap *out, as_error *err);

/* Bootstrap of the mean of x[i] - y[i]; y NULL: of x[i]. */
AS_MUST_CHECK bool as_bootstrap_mean(const as_resample *how, const double *x, const double *y,
                                     size_t n, double level, as_bootstrap *out, as_error *err);

/* The same with whole clusters drawn: cluster[i] is any number naming the cluster of observation i.
 * As many clusters as there are are drawn with replacement, each brings all its observations, so
 * resamples differ in length. The acceleration leaves out one cluster at a time; out->n counts
 * clusters. Davison & Hinkley 1997, 3.8; Field &
 * Welsh 2007, JRSS B 69:369-390. */
AS_MUST_CHECK bool as_bootstrap_clusters(const as_resample *how, const size_t *cluster, size_t n,
                                         as_resample_stat *stat, void *ctx, double level,
                                         as_bootstrap *out, as_error *err);
/* Mean of x[i] - y[i] (y NULL: x[i]) with clusters drawn. */
AS_MUST_CHECK bool as_bootstrap_cluster_mean(const as_resample *how, const size_t *cluster,
                                             const double *x, const double *y, size_t n,
                                             double level, as_bootstrap *out, as_error *err);

/* The intervals from draws made elsewhere: `draws` values of the statistic, sorted in place (NaN
 * goes last and is counted), and the `n` leave-one-out values for the acceleration. Cannot fail. */
as_bootstrap as_bootstrap_summary(double *values, size_t draws, const double *leave_one_out,
                                  size_t n, double estimate, double level);

/* One draw under the null hypothesis: writes `width` numbers to row. rng is at (seed, purpose,
 * draw). Same rules as as_resample_stat. */
typedef void as_null_draw(void *ctx, as_rng *rng, size_t draw, size_t worker, double *row);

/* Fills values (how->draws, width), row-major, with draws from the null. Borrows all; cannot fail.
 */
void as_null_draws(const as_resample *how, size_t width, as_null_draw *draw, void *ctx,
                   double *values);

typedef enum { AS_TAIL_LOWER, AS_TAIL_UPPER, AS_TAIL_BOTH } as_tail;

/* (1 + number of draws at least as extreme as observed) / (1 + draws). Extreme is: low, high, or
 * large in absolute value; a tie is anything within 1e-12 |observed|. An undefined (NaN) draw
 * counts as extreme, so it cannot help a claim. observed NaN or draws 0: NaN. Phipson & Smyth 2010,
 * Stat. Appl. Genet. Mol. Biol. 9:39. */
double as_null_p(const double *values, size_t draws, double observed, as_tail tail);

/* Type-7 quantile of values sorted in ascending order: linear between order statistics at
 * h = (n-1) q. Hyndman & Fan 1996, American Statistician 50:361-365. n = 0 or q outside [0,1]: NaN.
 */
double as_quantile(const double *sorted, size_t n, double q);

/* out[j] = quantile q[j] of x in any order; NaN values are left out. Fails for memory only. */
AS_MUST_CHECK bool as_quantiles(const double *x, size_t n, const double *q, size_t n_q, double *out,
                                as_error *err);

/* Sorts ascending in place; NaN last. */
void as_sort(double *x, size_t n);

#endif
