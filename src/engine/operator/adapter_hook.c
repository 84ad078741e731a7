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

/* A stretch of the rows of all runs. What is a matter of one row is done row block after row block,
 * with the outputs of a block in a worker's scratch. */
typedef struct {
    const as_adapter_map *map;
    const as_exec *ex;
    size_t rows, ldy, ldx, lddx;
    float *y, *dx;
    const float *x; /* x~, once `enter` has been there */
} pass;

enum {
    BLOCK = 28, /* rows of a block: twice what the kernels keep in registers */
    COLUMNS = 256
};

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

/* The pass from row `at` on, and its x~. */
static pass enter(const as_adapter_map *m, const as_exec *ex, const as_site_rows *runs,
                  size_t n_runs, size_t at, size_t rows)
{
    const as_adapter *a = m->owner;
    const as_site_rows *r = &runs[0];
    pass p = {.map = m,
              .ex = ex,
              .rows = rows - at < AS_ADAPTER_CHUNK ? rows - at : AS_ADAPTER_CHUNK,
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
    return p;
}

static void run_blocks(pass *p, as_pool_work *work)
{
    as_pool_run(p->ex->pool, (p->rows + BLOCK - 1) / BLOCK, work, p);
}

static size_t rows_of(const pass *p, size_t block)
{
    const size_t left = p->rows - block * BLOCK;
    return left < BLOCK ? left : BLOCK;
}

/* c (m, n) += a (m, k) b (k, n), for any n: the kernel's order of terms. */
static void multiply(const as_exec *ex, float *c, size_t ldc, const float *a, size_t lda,
                     const float *b, size_t ldb, size_t m, size_t n, size_t k)
{
    const size_t whole = n / AS_LANES * AS_LANES;
    if (whole > 0) ex->kernels->tile(c, ldc, a, lda, b, ldb, m, whole, k);
    for (size_t i = 0; whole < n && i < m; i++)
        for (size_t j = whole; j < n; j++)
            for (size_t p = 0; p < k; p++)
                c[i * ldc + j] = fmaf(a[i * lda + p], b[p * ldb + j], c[i * ldc + j]);
}

/* low = x~ A^T of a block. */
static void find_low(const pass *p, size_t row, size_t m)
{
    const as_adapter_map *map = p->map;
    float *low = map->owner->low + row * map->wide;
    memset(low, 0, m * map->wide * sizeof *low);
    multiply(p->ex, low, map->wide, p->x + row * p->ldx, p->ldx, map->a_turned, map->wide, m,
             map->wide, map->in);
}

/* y += s (B v) */
static void forward_block(void *context, size_t task, size_t worker)
{
    const pass *p = context;
    const as_adapter_map *map = p->map;
    const size_t row = task * BLOCK, m = rows_of(p, task);
    float *side = as_exec_scratch(p->ex, worker);
    find_low(p, row, m);
    for (size_t at = 0, n; at < map->out; at += n) {
        n = map->out - at < COLUMNS ? map->out - at : COLUMNS;
        memset(side, 0, m * COLUMNS * sizeof *side);
        multiply(p->ex, side, COLUMNS, map->owner->low + row * map->wide, map->wide,
                 map->b_turned + at, map->out, m, n, map->rank);
        for (size_t i = 0; i < m; i++)
            p->ex->kernels->axpy(p->y + (row + i) * p->ldy + at, side + i * COLUMNS,
                                 (float)map->scale, n);
    }
}

void as_adapter_forward(const as_hook *h, const as_exec *ex, const as_site_rows *runs,
                        size_t n_runs)
{
    const as_adapter_map *m = h->state;
    const size_t rows = count_rows(runs, n_runs);
    for (size_t at = 0; at < rows; at += AS_ADAPTER_CHUNK) {
        pass p = enter(m, ex, runs, n_runs, at, rows);
        run_blocks(&p, forward_block);
    }
}

/* s v, t = s dy B, and dx += t A where no mask stands between. */
static void backward_block(void *context, size_t task, size_t worker)
{
    const pass *p = context;
    const as_adapter_map *map = p->map;
    const as_adapter *a = map->owner;
    const as_kernels *k = p->ex->kernels;
    const size_t row = task * BLOCK, m = rows_of(p, task), n = m * map->wide;
    float *low = a->low + row * map->wide, *back = a->back + row * map->wide;
    (void)worker;
    find_low(p, row, m);
    memset(back, 0, n * sizeof *back);
    multiply(p->ex, back, map->wide, p->y + row * p->ldy, p->ldy, map->b_wide, map->wide, m,
             map->wide, map->out);
    k->scale(low, low, (float)map->scale, n);
    k->scale(back, back, (float)map->scale, n);
    if (p->dx && !has_mask(a))
        multiply(p->ex, p->dx + row * p->lddx, p->lddx, back, map->wide, map->a, map->in, m,
                 map->in, map->rank);
}

/* dx += mask t A */
static void back_through_mask(const pass *p)
{
    const as_adapter_map *m = p->map;
    const as_adapter *a = m->owner;
    memset(a->side, 0, p->rows * m->in * sizeof *a->side);
    as_matmul(p->ex, a->side, m->in, a->back, m->wide, m->a, m->in, p->rows, m->in, m->rank);
    mask(m, p->ex,
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
    const size_t rows = count_rows(runs, n_runs);
    for (size_t at = 0; at < rows; at += AS_ADAPTER_CHUNK) {
        pass p = enter(m, ex, runs, n_runs, at, rows);
        run_blocks(&p, backward_block);
        as_matmul_tn(ex, m->grad_b, m->rank, p.y, p.ldy, a->low, m->wide, m->out, m->rank, p.rows);
        as_matmul_tn(ex, m->grad_a, m->in, a->back, m->wide, p.x, p.ldx, m->rank, m->in, p.rows);
        if (p.dx && has_mask(a)) back_through_mask(&p);
    }
}
