/* Effects of heads with their permutation nulls. A draw's labels are made once and shared by all
 * heads; the work is split over draws for numbers, over heads for directions. */
#include "lab/stats/attribution.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "lab/stats/blas_internal.h"
#include "lab/stats/fold.h"
#include "lab/stats/multiple.h"
#include "lab/stats/paired.h"
#include "lab/stats/tasks_internal.h"

static bool check_input(const double *x, size_t n, size_t width, const uint8_t *y, as_error *err)
{
    size_t size;
    if (!as_size_mul(n, width, &size, err)) return false;
    for (size_t i = 0; i < size; i++)
        if (!isfinite(x[i]))
            return as_fail(err, AS_ENUMERIC, "row %zu, column %zu (found %g, expected a number)",
                           i / width, i % width, x[i]);
    for (size_t i = 0; i < n; i++)
        if (y[i] > 1)
            return as_fail(err, AS_EFORMAT, "label of row %zu (found %u, expected 0 or 1)", i,
                           (unsigned)y[i]);
    return true;
}

static size_t positives(const uint8_t *y, size_t n)
{
    size_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += y[i];
    return sum;
}

/* d of class 1 against class 0; part (n) is scratch. */
static double effect(const double *value, const uint8_t *y, size_t n, double *part)
{
    size_t n_pos = 0, n_neg = 0;
    for (size_t i = 0; i < n; i++) {
        if (y[i])
            part[n_pos++] = value[i];
        else
            part[n - ++n_neg] = value[i];
    }
    return as_cohens_d(part, n_pos, part + n_pos, n_neg);
}

/* --- the maximum over heads ------------------------------------------------------------------ */

typedef struct {
    const double *column; /* (heads, n) */
    const uint8_t *y;
    size_t n, heads;
    as_effect_side side;
    size_t *from;    /* n a worker */
    uint8_t *labels; /* n a worker */
    double *part;    /* n a worker */
} maxima;

static double size_of(double d, as_effect_side side)
{
    return side == AS_EFFECT_ABSOLUTE ? fabs(d) : d;
}

static void draw_maximum(void *ctx, as_rng *rng, size_t draw, size_t worker, double *row)
{
    const maxima *m = ctx;
    size_t *from = m->from + worker * m->n;
    uint8_t *labels = m->labels + worker * m->n;
    double top = -INFINITY;
    (void)draw;
    for (size_t i = 0; i < m->n; i++) from[i] = i;
    as_rng_shuffle(rng, from, m->n);
    for (size_t i = 0; i < m->n; i++) labels[i] = m->y[from[i]];
    for (size_t h = 0; h < m->heads; h++) {
        double d = effect(m->column + h * m->n, labels, m->n, m->part + worker * m->n);
        top = fmax(top, size_of(d, m->side));
    }
    row[0] = top;
}

typedef struct {
    double size;
    size_t head;
} ranked;

static int by_size(const void *a, const void *b)
{
    const ranked *p = a, *q = b;
    if (p->size != q->size) return p->size < q->size ? 1 : -1;
    return (p->head > q->head) - (p->head < q->head);
}

static bool fill_order(size_t *order, const double *d, size_t heads, as_effect_side side,
                       as_error *err)
{
    ranked *r = as_new(heads, sizeof *r, err);
    if (!r) return false;
    for (size_t h = 0; h < heads; h++) r[h] = (ranked){size_of(d[h], side), h};
    if (heads > 1 && !isnan(d[0])) qsort(r, heads, sizeof *r, by_size);
    for (size_t h = 0; h < heads; h++) order[h] = r[h].head;
    free(r);
    return true;
}

bool as_attribution_of(as_attribution *out, double *d, size_t *order, double *null, const double *x,
                       size_t n, size_t heads, const uint8_t *y, as_effect_side side,
                       const as_resample *how, as_error *err)
{
    bool ok = false;
    size_t workers = as_pool_size(how->pool), size, scratch;
    *out = (as_attribution){.maximum = NAN, .p = NAN};
    if (!as_size_mul(n, heads, &size, err) || !as_size_mul(n, workers, &scratch, err)) return false;
    if (heads == 0) return as_fail(err, AS_EUSAGE, "no head to attribute");
    if (!check_input(x, n, heads, y, err)) return false;
    double *column = as_new(size, sizeof *column, err);
    maxima m = {.column = column, .y = y, .n = n, .heads = heads, .side = side};
    m.from = as_new(scratch, sizeof *m.from, err);
    m.labels = as_new(scratch, 1, err);
    m.part = as_new(scratch, sizeof *m.part, err);
    if (!column || !m.from || !m.labels || !m.part) goto out;
    for (size_t i = 0; i < n; i++)
        for (size_t h = 0; h < heads; h++) column[h * n + i] = x[i * heads + h];
    out->n_pos = positives(y, n);
    out->n_neg = n - out->n_pos;
    for (size_t h = 0; h < heads; h++) d[h] = effect(column + h * n, y, n, m.part);
    if (!fill_order(order, d, heads, side, err)) goto out;
    out->head = order[0];
    out->maximum = size_of(d[order[0]], side);
    bool has_both = out->n_pos > 0 && out->n_neg > 0;
    for (size_t i = 0; i < how->draws; i++) null[i] = NAN;
    if (has_both) as_null_draws(how, 1, draw_maximum, &m, null);
    if (has_both) out->p = as_null_p(null, how->draws, out->maximum, AS_TAIL_UPPER);
    ok = true;
out:
    free(column);
    free(m.from);
    free(m.labels);
    free(m.part);
    return ok;
}

/* --- directions ------------------------------------------------------------------------------ */

typedef struct {
    as_direction *out;
    double *unit, *in_sample, *crossfit;
    const double *x;
    size_t n, heads, dim;
    const uint8_t *y, *fold;
    size_t k;
    size_t draws;
    const uint8_t *labels; /* (draws, n) */
} directions;

/* One head at work. table (n, m): the centred rows, or their inner products (n, n). */
typedef struct {
    size_t n, m, k;
    bool by_rows;
    double *table;
    const uint8_t *fold;
    double *sum;   /* (k + 1, 2, m) of each fold and class; the last is the sum over folds */
    size_t *count; /* (k + 1, 2) */
    double *mean;  /* (2, m) */
    double *along; /* (n) projections on mu_1 - mu_0 */
    double *score; /* (n) */
    double *part;  /* (n) */
} head;

static void head_clear(head *t)
{
    free(t->table);
    free(t->sum);
    free(t->count);
    free(t->mean);
    free(t->along);
    free(t->score);
    free(t->part);
}

/* Centring moves every row alike and changes no distance; it keeps the inner products small. */
static bool centred_rows(double *z, const directions *q, size_t h, as_error *err)
{
    double *mean = as_new(q->dim, sizeof *mean, err);
    if (!mean) return false;
    for (size_t i = 0; i < q->n; i++) {
        const double *row = q->x + (i * q->heads + h) * q->dim;
        for (size_t j = 0; j < q->dim; j++) mean[j] += row[j];
    }
    for (size_t j = 0; j < q->dim; j++) mean[j] /= (double)q->n;
    for (size_t i = 0; i < q->n; i++) {
        const double *row = q->x + (i * q->heads + h) * q->dim;
        for (size_t j = 0; j < q->dim; j++) z[i * q->dim + j] = row[j] - mean[j];
    }
    free(mean);
    return true;
}

static bool head_init(head *t, const directions *q, size_t h, as_error *err)
{
    size_t size;
    *t = (head){.n = q->n, .k = q->k, .fold = q->fold, .by_rows = q->n <= q->dim};
    t->m = t->by_rows ? q->n : q->dim;
    if (!as_size_mul(2 * (q->k + 1), t->m, &size, err)) return false;
    t->sum = as_new(size, sizeof *t->sum, err);
    t->count = as_new(2 * (q->k + 1), sizeof *t->count, err);
    t->mean = as_new(2 * t->m, sizeof *t->mean, err);
    t->along = as_new(q->n, sizeof *t->along, err);
    t->score = as_new(q->n, sizeof *t->score, err);
    t->part = as_new(q->n, sizeof *t->part, err);
    t->table = as_new(q->n * t->m, sizeof *t->table, err);
    double *z = t->by_rows ? as_new(q->n * q->dim, sizeof *z, err) : t->table;
    bool ok = t->sum && t->count && t->mean && t->along && t->score && t->part && t->table && z &&
              centred_rows(z, q, h, err);
    if (ok && t->by_rows) as_blas_gram(t->table, z, q->n, q->dim);
    if (t->by_rows) free(z);
    return ok;
}

/* Table rows added up by fold and class. */
static void add_up(head *t, const uint8_t *y)
{
    size_t m = t->m;
    memset(t->sum, 0, 2 * (t->k + 1) * m * sizeof *t->sum);
    memset(t->count, 0, 2 * (t->k + 1) * sizeof *t->count);
    for (size_t i = 0; i < t->n; i++) {
        size_t bin = 2 * (size_t)t->fold[i] + y[i];
        double *sum = t->sum + bin * m;
        const double *row = t->table + i * m;
        for (size_t j = 0; j < m; j++) sum[j] += row[j];
        t->count[bin]++;
    }
    for (size_t bin = 0; bin < 2 * t->k; bin++) {
        double *sum = t->sum + (2 * t->k + bin % 2) * m;
        for (size_t j = 0; j < m; j++) sum[j] += t->sum[bin * m + j];
        t->count[2 * t->k + bin % 2] += t->count[bin];
    }
}

/* Means of the rows outside fold f (f = k: of all rows). False when a class is empty there. */
static bool means_without(head *t, size_t f)
{
    for (size_t c = 0; c < 2; c++) {
        bool all = f == t->k;
        size_t count = t->count[2 * t->k + c] - (all ? 0 : t->count[2 * f + c]);
        const double *total = t->sum + (2 * t->k + c) * t->m, *own = t->sum + (2 * f + c) * t->m;
        if (count == 0) return false;
        for (size_t j = 0; j < t->m; j++)
            t->mean[c * t->m + j] = (total[j] - (all ? 0 : own[j])) / (double)count;
    }
    return true;
}

/* along_i = x_i . (mu_1 - mu_0) for the rows wanted, and the two things a score needs besides:
 * |mu_1 - mu_0| and (mu_0 + mu_1)/2 . (mu_1 - mu_0). From inner products, mu_c . (mu_1 - mu_0) is
 * the mean of along over the rows of class c that made mu_c. */
static void project(head *t, const uint8_t *y, size_t f, double *distance, double *middle)
{
    const double *mu0 = t->mean, *mu1 = t->mean + t->m;
    double at[2] = {0, 0};
    size_t count[2] = {0, 0};
    if (t->by_rows) {
        for (size_t i = 0; i < t->n; i++) {
            t->along[i] = mu1[i] - mu0[i];
            if (t->fold[i] == f) continue;
            at[y[i]] += t->along[i];
            count[y[i]]++;
        }
        for (size_t c = 0; c < 2; c++) at[c] /= (double)count[c];
    } else {
        for (size_t j = 0; j < t->m; j++) {
            at[0] += mu0[j] * (mu1[j] - mu0[j]);
            at[1] += mu1[j] * (mu1[j] - mu0[j]);
        }
        for (size_t i = 0; i < t->n; i++) {
            const double *row = t->table + i * t->m;
            if (f < t->k && t->fold[i] != f) continue;
            t->along[i] = 0;
            for (size_t j = 0; j < t->m; j++) t->along[i] += row[j] * (mu1[j] - mu0[j]);
        }
    }
    *distance = sqrt(fmax(0, at[1] - at[0]));
    *middle = (at[0] + at[1]) / 2;
}

/* Both effects of one labelling; distance may be NULL. */
static void head_effects(head *t, const uint8_t *y, double *distance, double *in_sample,
                         double *crossfit)
{
    double norm, middle;
    bool has_all = true;
    add_up(t, y);
    *in_sample = *crossfit = NAN;
    if (distance) *distance = NAN;
    if (!means_without(t, t->k)) return;
    project(t, y, t->k, &norm, &middle);
    if (distance) *distance = norm;
    for (size_t i = 0; i < t->n; i++) t->score[i] = norm > 1e-8 ? (t->along[i] - middle) / norm : 0;
    *in_sample = effect(t->score, y, t->n, t->part);
    for (size_t f = 0; f < t->k && has_all; f++) {
        has_all = means_without(t, f);
        if (!has_all) break;
        project(t, y, f, &norm, &middle);
        for (size_t i = 0; i < t->n; i++)
            if (t->fold[i] == f) t->score[i] = norm > 1e-8 ? (t->along[i] - middle) / norm : 0;
    }
    if (has_all) *crossfit = effect(t->score, y, t->n, t->part);
}

/* The angle between the means as they are, and the direction in the columns of x. */
static bool describe(const directions *q, size_t h, double distance, as_error *err)
{
    double cross = 0, square0 = 0, square1 = 0;
    size_t count[2] = {0, 0};
    double *mean = as_new(2 * q->dim, sizeof *mean, err);
    if (!mean) return false;
    double *mu1 = mean + q->dim;
    for (size_t i = 0; i < q->n; i++) {
        const double *row = q->x + (i * q->heads + h) * q->dim;
        count[q->y[i]]++;
        for (size_t j = 0; j < q->dim; j++) mean[q->y[i] * q->dim + j] += row[j];
    }
    bool has_both = count[0] && count[1];
    for (size_t j = 0; has_both && j < q->dim; j++) {
        mean[j] /= (double)count[0];
        mu1[j] /= (double)count[1];
        cross += mean[j] * mu1[j];
        square0 += mean[j] * mean[j];
        square1 += mu1[j] * mu1[j];
    }
    bool has_cosine = has_both && square0 > 0 && square1 > 0;
    q->out[h].cosine = has_cosine ? cross / (sqrt(square0) * sqrt(square1)) : NAN;
    for (size_t j = 0; q->unit && j < q->dim; j++)
        q->unit[h * q->dim + j] = has_both && distance > 1e-8 ? (mu1[j] - mean[j]) / distance : 0;
    free(mean);
    return true;
}

static bool direction_head(void *ctx, size_t h, size_t worker, as_error *err)
{
    const directions *q = ctx;
    as_direction *o = &q->out[h];
    head t = {0};
    double in_sample, *null = as_new(q->draws, sizeof *null, err);
    (void)worker;
    bool ok = null && head_init(&t, q, h, err);
    if (!ok) goto out;
    head_effects(&t, q->y, &o->distance, &o->in_sample, &o->crossfit);
    for (size_t i = 0; i < q->draws; i++) {
        head_effects(&t, q->labels + i * q->n, NULL, &in_sample, &null[i]);
        if (q->in_sample) q->in_sample[i * q->heads + h] = in_sample;
        q->crossfit[i * q->heads + h] = null[i];
    }
    o->p = as_null_p(null, q->draws, o->crossfit, AS_TAIL_UPPER);
    ok = describe(q, h, o->distance, err);
out:
    head_clear(&t);
    free(null);
    return ok;
}

/* labels (draws, n): y shuffled inside folds. */
static bool fill_labels(uint8_t *labels, const directions *q, const as_resample *how, as_error *err)
{
    size_t *rows = as_new(2 * q->n, sizeof *rows, err);
    if (!rows) return false;
    size_t *from = rows + q->n;
    for (size_t draw = 0; draw < how->draws; draw++) {
        as_rng rng = as_rng_at(how->seed, how->purpose, draw);
        for (size_t f = 0; f < q->k; f++) {
            size_t m = 0;
            for (size_t i = 0; i < q->n; i++)
                if (q->fold[i] == f) rows[m++] = i;
            memcpy(from, rows, m * sizeof *rows);
            as_rng_shuffle(&rng, from, m);
            for (size_t i = 0; i < m; i++) labels[draw * q->n + rows[i]] = q->y[from[i]];
        }
    }
    free(rows);
    return true;
}

bool as_direction_of(as_direction *out, double *unit, double *in_sample, double *crossfit,
                     const double *x, size_t n, size_t heads, size_t dim, const uint8_t *y,
                     const uint8_t *fold, size_t k, const as_resample *how, as_error *err)
{
    bool ok = false;
    size_t width, size;
    as_blas_check();
    if (heads == 0 || dim == 0) return as_fail(err, AS_EUSAGE, "no column to take a direction of");
    if (!as_size_mul(heads, dim, &width, err) || !as_size_mul(how->draws, n, &size, err))
        return false;
    if (!as_fold_check(fold, n, k, err) || !check_input(x, n, width, y, err)) return false;
    uint8_t *labels = as_new(size, 1, err);
    double *each = as_new(heads, sizeof *each, err), *adjusted = as_new(heads, sizeof *each, err);
    directions q = {out, unit, in_sample, crossfit, x,          n,     heads,
                    dim, y,    fold,      k,        how->draws, labels};
    if (!labels || !each || !adjusted || !fill_labels(labels, &q, how, err)) goto out;
    if (!as_tasks_run(how->pool, heads, direction_head, &q, err)) goto out;
    for (size_t h = 0; h < heads; h++) each[h] = out[h].crossfit;
    as_max_t(adjusted, each, crossfit, how->draws, heads, AS_TAIL_UPPER);
    for (size_t h = 0; h < heads; h++) out[h].p_max = how->draws ? adjusted[h] : NAN;
    ok = true;
out:
    free(labels);
    free(each);
    free(adjusted);
    return ok;
}
