/* Groups sorted once; then a shuffle, or a resample, costs one pass over the rows. */
#include "lab/stats/grouped.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "lab/stats/blas_internal.h"
#include "lab/stats/fold.h"
#include "lab/stats/tasks_internal.h"

bool as_fold_trains(const uint8_t *fold, const uint8_t *y, size_t n, size_t k)
{
    size_t count[AS_FOLD_MAX + 1][2] = {{0}}, all[2] = {0, 0};
    AS_CHECK(k <= AS_FOLD_MAX);
    for (size_t i = 0; i < n; i++) {
        count[fold[i]][y[i] != 0]++;
        all[y[i] != 0]++;
    }
    for (size_t f = 0; f < k; f++)
        if (count[f][0] == all[0] || count[f][1] == all[1]) return false;
    return true;
}

bool as_crossval_margins(const as_crossval *cv, double *s, as_logistic *fits, const uint8_t *y,
                         double c, double *work, as_error *err)
{
    const uint8_t *fold = as_crossval_fold(cv);
    if (!as_crossval_predict(cv, s, fits, y, c, work, err)) return false;
    for (size_t f = 0; f < as_crossval_folds(cv); f++)
        if (!fits[f].is_converged)
            return as_fail(err, AS_ENUMERIC,
                           "fold %zu did not converge (gradient %g after %zu steps)", f,
                           fits[f].gradient, fits[f].n_iter);
    for (size_t i = 0; i < as_crossval_rows(cv); i++)
        s[i] = log(s[i]) - log1p(-s[i]) - fits[fold[i]].b;
    return true;
}

/* --- shuffling ------------------------------------------------------------------------------- */

typedef struct {
    uint64_t group;
    size_t row;
} member;

static int by_group(const void *a, const void *b)
{
    const member *p = a, *q = b;
    if (p->group != q->group) return p->group < q->group ? -1 : 1;
    return (p->row > q->row) - (p->row < q->row);
}

/* Rows in the order of their groups; group g is row[start[g]] .. row[start[g + 1] - 1]. */
typedef struct {
    size_t n, n_groups, n_whole;
    size_t *row, *start;
    size_t *whole; /* (n_whole) groups whose rows agree, and may be exchanged as blocks */
} herds;

static void herds_clear(herds *h)
{
    free(h->row);
    free(h->start);
    free(h->whole);
}

static bool rows_agree(const herds *h, const uint8_t *y, size_t g)
{
    for (size_t i = h->start[g] + 1; i < h->start[g + 1]; i++)
        if (y[h->row[i]] != y[h->row[h->start[g]]]) return false;
    return true;
}

/* With groups, those whose rows agree are exchanged as blocks; with folds, none is. */
static bool herds_init(herds *h, const uint64_t *group, const uint8_t *fold, const uint8_t *y,
                       size_t n, as_error *err)
{
    *h = (herds){.n = n};
    member *m = as_new(n, sizeof *m, err);
    h->row = as_new(n, sizeof *h->row, err);
    h->start = as_new(n + 1, sizeof *h->start, err);
    h->whole = as_new(n, sizeof *h->whole, err);
    if (!m || !h->row || !h->start || !h->whole) {
        free(m);
        herds_clear(h);
        return false;
    }
    for (size_t i = 0; i < n; i++) m[i] = (member){group ? group[i] : fold[i], i};
    if (n > 1) qsort(m, n, sizeof *m, by_group);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || m[i].group != m[i - 1].group) h->start[h->n_groups++] = i;
        h->row[i] = m[i].row;
    }
    h->start[h->n_groups] = n;
    for (size_t g = 0; group && g < h->n_groups; g++)
        if (rows_agree(h, y, g)) h->whole[h->n_whole++] = g;
    free(m);
    return true;
}

/* out (n) = y shuffled; from (n) is scratch. */
static void shuffle(const herds *h, uint8_t *out, const uint8_t *y, size_t *from, as_rng *rng)
{
    for (size_t w = 0; w < h->n_whole; w++) from[w] = w;
    as_rng_shuffle(rng, from, h->n_whole);
    for (size_t w = 0; w < h->n_whole; w++) {
        uint8_t label = y[h->row[h->start[h->whole[from[w]]]]];
        for (size_t i = h->start[h->whole[w]]; i < h->start[h->whole[w] + 1]; i++)
            out[h->row[i]] = label;
    }
    for (size_t g = 0, w = 0; g < h->n_groups; g++) {
        size_t first = h->start[g], size = h->start[g + 1] - first;
        if (w < h->n_whole && h->whole[w] == g) {
            w++;
            continue;
        }
        for (size_t i = 0; i < size; i++) from[i] = h->row[first + i];
        as_rng_shuffle(rng, from, size);
        for (size_t i = 0; i < size; i++) out[h->row[first + i]] = y[from[i]];
    }
}

/* --- refitting ------------------------------------------------------------------------------- */

typedef struct {
    double *auc;
    const as_crossval *cv;
    const uint8_t *y;
    const double *c;
    size_t n_c;
    uint64_t seed;
    herds groups;
    double *work;      /* as_crossval_work a worker */
    double *margin;    /* n a worker */
    uint8_t *labels;   /* n a worker */
    size_t *from;      /* n a worker */
    as_logistic *fits; /* k a worker */
} refit;

static bool refit_draw(void *ctx, size_t draw, size_t worker, as_error *err)
{
    const refit *q = ctx;
    size_t n = as_crossval_rows(q->cv);
    double *work = q->work + worker * as_crossval_work(q->cv), *margin = q->margin + worker * n;
    as_logistic *fits = q->fits + worker * as_crossval_folds(q->cv);
    uint8_t *labels = q->labels + worker * n;
    as_rng rng = as_rng_at(q->seed, "null/grouped", draw);
    shuffle(&q->groups, labels, q->y, q->from + worker * n, &rng);
    bool trains = as_fold_trains(as_crossval_fold(q->cv), labels, n, as_crossval_folds(q->cv));
    for (size_t j = 0; j < q->n_c; j++) {
        as_auc u = {.auc = NAN};
        if (trains && (!as_crossval_margins(q->cv, margin, fits, labels, q->c[j], work, err) ||
                       !as_auc_of(&u, margin, labels, n, err))) {
            as_error_at(err, "draw %zu, C %g", draw, q->c[j]);
            return false;
        }
        q->auc[draw * q->n_c + j] = u.auc;
    }
    return true;
}

bool as_null_grouped(double *auc, const as_crossval *cv, const uint8_t *y, const uint64_t *group,
                     const double *c, size_t n_c, uint64_t seed, size_t n_draws, as_pool *pool,
                     as_error *err)
{
    bool ok = false;
    size_t n = as_crossval_rows(cv), workers = as_pool_size(pool), size;
    refit q = {.auc = auc, .cv = cv, .y = y, .c = c, .n_c = n_c, .seed = seed};
    as_blas_check();
    if (!as_size_mul(workers, as_crossval_work(cv), &size, err)) return false;
    if (!herds_init(&q.groups, group, as_crossval_fold(cv), y, n, err)) return false;
    q.work = as_new(size, sizeof *q.work, err);
    q.margin = as_new(workers * n, sizeof *q.margin, err);
    q.labels = as_new(workers * n, sizeof *q.labels, err);
    q.from = as_new(workers * n, sizeof *q.from, err);
    q.fits = as_new(workers * as_crossval_folds(cv), sizeof *q.fits, err);
    if (!q.work || !q.margin || !q.labels || !q.from || !q.fits) goto out;
    ok = as_tasks_run(pool, n_draws, refit_draw, &q, err);
out:
    herds_clear(&q.groups);
    free(q.work);
    free(q.margin);
    free(q.fits);
    free(q.labels);
    free(q.from);
    return ok;
}

/* --- the bootstrap of an AUC ----------------------------------------------------------------- */

typedef struct {
    double score;
    size_t row;
} ranked;

static int by_score(const void *a, const void *b)
{
    const ranked *p = a, *q = b;
    if (p->score != q->score) return p->score < q->score ? -1 : 1;
    return (p->row > q->row) - (p->row < q->row);
}

typedef struct {
    size_t n;
    const uint8_t *y;
    ranked *order[2]; /* rows by rising score; order[1] NULL: no second score */
    uint32_t *times;  /* n a worker: how often a row was drawn */
} areas;

/* Pairs won and half of the pairs tied, with every row counted as often as it was drawn. */
static double weighted_auc(const ranked *order, const uint8_t *y, const uint32_t *times, size_t n)
{
    double won = 0, below = 0, positives = 0;
    for (size_t i = 0; i < n;) {
        double pos = 0, neg = 0, score = order[i].score;
        for (; i < n && order[i].score == score; i++) {
            double w = (double)times[order[i].row];
            if (y[order[i].row])
                pos += w;
            else
                neg += w;
        }
        won += pos * (below + neg / 2);
        below += neg;
        positives += pos;
    }
    return positives > 0 && below > 0 ? won / (positives * below) : NAN;
}

static double area_stat(void *ctx, const size_t *index, size_t n, size_t worker)
{
    const areas *s = ctx;
    uint32_t *times = s->times + worker * s->n;
    memset(times, 0, s->n * sizeof *times);
    for (size_t i = 0; i < n; i++) times[index[i]]++;
    double auc = weighted_auc(s->order[0], s->y, times, s->n);
    return s->order[1] ? auc - weighted_auc(s->order[1], s->y, times, s->n) : auc;
}

static ranked *sorted(const double *score, size_t n, as_error *err)
{
    ranked *r = as_new(n, sizeof *r, err);
    for (size_t i = 0; r && i < n; i++) {
        if (isnan(score[i])) {
            as_fail(err, AS_ENUMERIC, "score of row %zu (found NaN)", i);
            free(r);
            return NULL;
        }
        r[i] = (ranked){score[i], i};
    }
    if (r && n > 1) qsort(r, n, sizeof *r, by_score);
    return r;
}

bool as_bootstrap_auc(const as_resample *how, const uint64_t *group, const double *a,
                      const double *b, const uint8_t *y, size_t n, double level, as_bootstrap *out,
                      as_error *err)
{
    bool ok = false;
    size_t size, *cluster = NULL;
    areas s = {.n = n, .y = y};
    if (!as_size_mul(n, as_pool_size(how->pool), &size, err)) return false;
    s.order[0] = sorted(a, n, err);
    s.order[1] = b && s.order[0] ? sorted(b, n, err) : NULL;
    s.times = as_new(size, sizeof *s.times, err);
    if (!s.order[0] || (b && !s.order[1]) || !s.times) goto out;
    if (group) {
        cluster = as_new(n, sizeof *cluster, err);
        if (!cluster) goto out;
        for (size_t i = 0; i < n; i++) cluster[i] = (size_t)group[i];
    }
    ok = as_bootstrap_clusters(how, cluster, n, area_stat, &s, level, out, err);
out:
    free(s.order[0]);
    free(s.order[1]);
    free(s.times);
    free(cluster);
    return ok;
}
