/* The adapter's part of forward and backward. With v = A x~ and t = s dy B, for each row:
 *   y  += s (B v)
 *   dB += dy (s v)^T,  dA += t x~^T,  dx += mask t A
 * Every element adds its terms in the order of the sum's index, rows in order, so a cut of the rows
 * into several calls changes no bit; forward adds as operator/lora.c does. v is computed anew on
 * the way back instead of kept. */
#include <math.h>
#include <string.h>

#include "engine/operator/adapter_internal.h"
#include "engine/tensor/matmul.h"

/* ---- dropout ---- */

/* A row's mask comes from one draw of the stream (seed, map) at (example, position): element k has
 * 16 bits of word k / 4, and word i is mix(draw + (i + 1) golden) with the finaliser of SplitMix64
 * (Steele, Lea & Flood 2014). So the probability is a multiple of 2^-16, and what stays is divided
 * by the one that is. */
#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static unsigned least_of(const as_adapter *a)
{
    double least = floor(a->dropout * 65536 + 0.5);
    return least > 65535 ? 65535 : (unsigned)least;
}

static bool has_mask(const as_adapter *a)
{
    return a->keys && a->dropped && least_of(a) > 0;
}

/* Something done to the rows of one pass. */
typedef struct {
    const as_adapter_map *map;
    const as_exec *ex;
    float *to; /* rows ldto apart */
    size_t ldto;
    const float *from;
    size_t ldfrom;
    size_t rows, n; /* elements of a row */
    unsigned least;
    float keep;
    bool adds;
} rows_job;

enum { TASK = 16 /* rows of one task */ };

static void run_rows(const rows_job *j, as_pool_work *work)
{
    as_pool_run(j->ex->pool, (j->rows + TASK - 1) / TASK, work, (void *)(uintptr_t)j);
}

/* to = mask from, or to += mask from; four elements of a word. */
static void mask_word(const rows_job *j, float *to, const float *from, uint64_t word, size_t n)
{
    const float factor[2] = {j->keep, 0};
    for (size_t i = 0; i < n; i++, word >>= 16) {
        float kept = factor[(word & 0xffff) < j->least] * from[i];
        to[i] = j->adds ? to[i] + kept : kept;
    }
}

static void mask_row(const rows_job *j, size_t row)
{
    const as_adapter_row *id = &j->map->owner->row[row];
    const float *from = j->from + row * j->ldfrom;
    float *to = j->to + row * j->ldto;
    as_rng r = j->map->mask;
    r.counter[1] = id->position;
    r.counter[2] = (uint32_t)id->key;
    r.counter[3] = (uint32_t)(id->key >> 32);
    uint64_t at = as_rng_u64(&r);
    size_t k = 0;
    for (; k + 4 <= j->n; k += 4) mask_word(j, to + k, from + k, mix(at += GOLDEN), 4);
    if (k < j->n) mask_word(j, to + k, from + k, mix(at + GOLDEN), j->n - k);
}

static void mask_rows(void *context, size_t task, size_t worker)
{
    const rows_job *j = context;
    (void)worker;
    for (size_t row = task * TASK; row < (task + 1) * TASK && row < j->rows; row++)
        mask_row(j, row);
}

static void mask(const as_adapter_map *m, const as_exec *ex, rows_job j)
{
    j.map = m;
    j.ex = ex;
    j.least = least_of(m->owner);
    j.keep = (float)(1 / (1 - j.least / 65536.0));
    j.n = m->in;
    run_rows(&j, mask_rows);
}

/* ---- one pass ---- */

/* A stretch of the rows of all runs. */
typedef struct {
    size_t rows, ldy, ldx, lddx;
    float *y, *dx;
    const float *x; /* x~, once `enter` has been there */
} pass;

static size_t count_rows(const as_site_rows *runs, size_t n_runs)
{
    size_t rows = 0;
    for (size_t i = 0; i < n_runs; i++) rows += runs[i].rows;
    return rows;
}

/* Says whose the rows at, at + 1, ... are. */
static void name_rows(const as_adapter *a, const as_site_rows *runs, size_t n_runs, size_t at,
                      size_t n)
{
    size_t begin = 0;
    for (size_t i = 0; i < n_runs; begin += runs[i++].rows)
        for (size_t k = 0; k < runs[i].rows; k++) {
            if (begin + k < at || begin + k >= at + n) continue;
            AS_CHECK(runs[i].run < a->n_keys);
            a->row[begin + k - at] =
                (as_adapter_row){a->keys[runs[i].run], runs[i].first + (uint32_t)k};
        }
}

/* The pass from row `at` on, its x~ and v = A x~. */
static pass enter(const as_adapter_map *m, const as_exec *ex, const as_site_rows *runs,
                  size_t n_runs, size_t at, size_t rows)
{
    const as_adapter *a = m->owner;
    const as_site_rows *r = &runs[0];
    pass p = {.rows = rows - at < AS_ADAPTER_CHUNK ? rows - at : AS_ADAPTER_CHUNK,
              .ldy = r->ldy,
              .ldx = r->ldx,
              .lddx = r->lddx,
              .y = r->y + at * r->ldy,
              .dx = r->dx ? r->dx + at * r->lddx : NULL,
              .x = r->x + at * r->ldx};
    if (has_mask(a)) {
        name_rows(a, runs, n_runs, at, p.rows);
        mask(m, ex,
             (rows_job){
                 .to = a->dropped, .ldto = m->in, .from = p.x, .ldfrom = p.ldx, .rows = p.rows});
        p.x = a->dropped;
        p.ldx = m->in;
    }
    memset(a->low, 0, p.rows * m->wide * sizeof *a->low);
    as_matmul(ex, a->low, m->wide, p.x, p.ldx, m->a_turned, m->wide, p.rows, m->wide, m->in);
    return p;
}

/* to += s from */
static void add_rows(void *context, size_t task, size_t worker)
{
    const rows_job *j = context;
    (void)worker;
    for (size_t row = task * TASK; row < (task + 1) * TASK && row < j->rows; row++)
        j->ex->kernels->axpy(j->to + row * j->ldto, j->from + row * j->ldfrom, (float)j->map->scale,
                             j->n);
}

void as_adapter_forward(const as_hook *h, const as_exec *ex, const as_site_rows *runs,
                        size_t n_runs)
{
    const as_adapter_map *m = h->state;
    const as_adapter *a = m->owner;
    size_t rows = count_rows(runs, n_runs);
    for (size_t at = 0; at < rows; at += AS_ADAPTER_CHUNK) {
        pass p = enter(m, ex, runs, n_runs, at, rows);
        memset(a->side, 0, p.rows * m->out * sizeof *a->side);
        as_matmul(ex, a->side, m->out, a->low, m->wide, m->b_turned, m->out, p.rows, m->out,
                  m->rank);
        rows_job add = {.map = m, .ex = ex, .to = p.y, .ldto = p.ldy, .from = a->side};
        add.ldfrom = add.n = m->out;
        add.rows = p.rows;
        run_rows(&add, add_rows);
    }
}

/* dx += mask t A */
static void back_to_input(const as_adapter_map *m, const as_exec *ex, const pass *p)
{
    const as_adapter *a = m->owner;
    if (!has_mask(a)) {
        as_matmul(ex, p->dx, p->lddx, a->back, m->wide, m->a, m->in, p->rows, m->in, m->rank);
        return;
    }
    memset(a->side, 0, p->rows * m->in * sizeof *a->side);
    as_matmul(ex, a->side, m->in, a->back, m->wide, m->a, m->in, p->rows, m->in, m->rank);
    mask(m, ex,
         (rows_job){.to = p->dx,
                    .ldto = p->lddx,
                    .from = a->side,
                    .ldfrom = m->in,
                    .rows = p->rows,
                    .adds = true});
}

void as_adapter_backward(const as_hook *h, const as_exec *ex, const as_site_rows *runs,
                         size_t n_runs)
{
    const as_adapter_map *m = h->state;
    const as_adapter *a = m->owner;
    size_t rows = count_rows(runs, n_runs);
    for (size_t at = 0; at < rows; at += AS_ADAPTER_CHUNK) {
        pass p = enter(m, ex, runs, n_runs, at, rows);
        size_t n = p.rows * m->wide;
        memset(a->back, 0, n * sizeof *a->back);
        as_matmul(ex, a->back, m->wide, p.y, p.ldy, m->b_wide, m->wide, p.rows, m->wide, m->out);
        ex->kernels->scale(a->back, a->back, (float)m->scale, n);
        ex->kernels->scale(a->low, a->low, (float)m->scale, n);
        as_matmul_tn(ex, m->grad_b, m->rank, p.y, p.ldy, a->low, m->wide, m->out, m->rank, p.rows);
        as_matmul_tn(ex, m->grad_a, m->in, a->back, m->wide, p.x, p.ldx, m->rank, m->in, p.rows);
        if (p.dx) back_to_input(m, ex, &p);
    }
}
