/* Gates, residual sums, scaling, copies and the soft cap: elementwise over rows. */
#include "engine/tensor/ops.h"

#include <string.h>

#include "base/compiler.h"
#include "engine/tensor/ops_internal.h"

enum {
    BLOCK = 512,
    BACK = 128 /* elements of a gate's gradient: short blocks overlap its seven streams */
};

/* Calls f with the number of elements, in full blocks as a constant: only then are its loops made
 * of vectors. */
#define BY_BLOCK(f, full, n, ...) ((n) == (full) ? f(__VA_ARGS__, full) : f(__VA_ARGS__, n))

typedef struct {
    const as_kernels *kernels;
    void (*activate)(float *y, const float *x, size_t n);
    float *y;
    const float *a, *b;
    size_t ldy, lda, ldb, rows, dim, chunk;
} gate;

/* Through a block, because y may be b. */
static void gate_rows(void *ctx, size_t task, size_t worker)
{
    (void)worker;
    const gate *g = ctx;
    size_t end = as_min(g->rows, (task + 1) * g->chunk);
    for (size_t r = task * g->chunk; r < end; r++) {
        for (size_t i = 0; i < g->dim; i += BLOCK) {
            float c[BLOCK];
            size_t n = as_min(BLOCK, g->dim - i);
            g->activate(c, g->a + r * g->lda + i, n);
            g->kernels->mul(g->y + r * g->ldy + i, c, g->b + r * g->ldb + i, n);
        }
    }
}

void as_gate(const as_exec *ex, as_activation act, float *y, size_t ldy, const float *a, size_t lda,
             const float *b, size_t ldb, size_t rows, size_t dim)
{
    const as_kernels *k = ex->kernels;
    gate g = {.kernels = k,
              .activate = act == AS_SILU   ? k->silu
                          : act == AS_GELU ? k->gelu
                                           : k->sigmoid,
              .y = y,
              .a = a,
              .b = b,
              .ldy = ldy,
              .lda = lda,
              .ldb = ldb,
              .rows = rows,
              .dim = dim,
              .chunk = as_task_items(2 * dim)}; /* an exponential counts double */
    as_pool_run(ex->pool, as_n_chunks(rows, g.chunk), gate_rows, &g);
}

typedef struct {
    const as_exec *ex;
    as_activation act;
    float *da, *db;
    const float *dy, *a, *b;
    size_t ldda, lddb, lddy, lda, ldb, rows, dim, chunk;
} gate_back;

#define GELU_K 0.7978845608028654f /* sqrt(2/pi) */
#define GELU_CUBE 0.044715f

/* (1 + tanh(z)) / 2 is the sigmoid of 2z: gelu(a) is a times the sigmoid of this. */
AS_INLINE void gelu_angle(float *restrict z, const float *restrict a, size_t n)
{
    for (size_t i = 0; i < n; i++) z[i] = 2 * GELU_K * (a[i] * (1 + GELU_CUBE * (a[i] * a[i])));
}

AS_INLINE void sigmoid_slope(float *restrict slope, const float *restrict s, size_t n)
{
    for (size_t i = 0; i < n; i++) slope[i] = s[i] * (1 - s[i]);
}

/* c = a s */
AS_INLINE void silu_slope(float *restrict slope, const float *restrict s, const float *restrict c,
                          size_t n)
{
    for (size_t i = 0; i < n; i++) slope[i] = s[i] + c[i] * (1 - s[i]);
}

/* With (1 - t^2) / 2 = 2 s (1 - s). Where s has become 0 or 1 the second term is 0 for every a,
 * because the squares of a come last. */
AS_INLINE void gelu_slope(float *restrict slope, const float *restrict s, const float *restrict c,
                          const float *restrict a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float h = 2 * GELU_K * (c[i] * (1 - s[i]));
        slope[i] = s[i] + (h + 3 * GELU_CUBE * (h * a[i] * a[i]));
    }
}

/* act(a), and act'(a) if slope is not NULL; s: a block of its own. */
static const float *activate_block(const gate_back *g, float *c, float *slope, float *s,
                                   const float *a, size_t n)
{
    const as_kernels *k = g->ex->kernels;
    if (g->act == AS_GELU) BY_BLOCK(gelu_angle, BACK, n, s, a);
    k->sigmoid(s, g->act == AS_GELU ? s : a, n);
    if (g->act == AS_SIGMOID) {
        if (slope) BY_BLOCK(sigmoid_slope, BACK, n, slope, s);
        return s;
    }
    k->mul(c, a, s, n);
    if (slope && g->act == AS_SILU) BY_BLOCK(silu_slope, BACK, n, slope, s, c);
    if (slope && g->act == AS_GELU) BY_BLOCK(gelu_slope, BACK, n, slope, s, c, a);
    return c;
}

/* Elements i to i + n of row r; s: three blocks of scratch. */
static void gate_back_block(const gate_back *g, float *s, size_t r, size_t i, size_t n)
{
    const as_kernels *k = g->ex->kernels;
    float *c = s + BACK, *slope = g->da ? c + BACK : NULL;
    const float *dy = g->dy + r * g->lddy + i;
    const float *y = activate_block(g, c, slope, s, g->a + r * g->lda + i, n);
    if (g->db) {
        float *db = g->db + r * g->lddb + i;
        k->mul(c, dy, y, n);
        k->add(db, db, c, n);
    }
    if (g->da) {
        float *da = g->da + r * g->ldda + i;
        k->mul(c, dy, g->b + r * g->ldb + i, n);
        k->mul(c, c, slope, n);
        k->add(da, da, c, n);
    }
}

static void gate_back_rows(void *ctx, size_t task, size_t worker)
{
    const gate_back *g = ctx;
    float *scratch = as_exec_scratch(g->ex, worker);
    size_t end = as_min(g->rows, (task + 1) * g->chunk);
    for (size_t r = task * g->chunk; r < end; r++) {
        for (size_t i = 0; i < g->dim; i += BACK)
            gate_back_block(g, scratch, r, i, as_min(BACK, g->dim - i));
    }
}

void as_gate_backward(const as_exec *ex, as_activation act, float *da, size_t ldda, float *db,
                      size_t lddb, const float *dy, size_t lddy, const float *a, size_t lda,
                      const float *b, size_t ldb, size_t rows, size_t dim)
{
    gate_back g = {.ex = ex,
                   .act = act,
                   .da = da,
                   .db = db,
                   .dy = dy,
                   .a = a,
                   .b = b,
                   .ldda = ldda,
                   .lddb = lddb,
                   .lddy = lddy,
                   .lda = lda,
                   .ldb = ldb,
                   .rows = rows,
                   .dim = dim,
                   .chunk = as_task_items(3 * dim)};
    as_pool_run(ex->pool, as_n_chunks(rows, g.chunk), gate_back_rows, &g);
}

/* --- dense ops, cut anywhere ------------------------------------------------------------------ */

typedef struct {
    const as_kernels *kernels;
    float *y;
    const float *x, *f;
    float s;
    size_t n;
} dense;

static void dense_run(const as_exec *ex, as_pool_work *work, dense *d)
{
    d->kernels = ex->kernels;
    as_pool_run(ex->pool, as_n_chunks(d->n, AS_TASK_WORK), work, d);
}

static void add_chunk(void *ctx, size_t task, size_t worker)
{
    (void)worker;
    const dense *d = ctx;
    size_t i = task * AS_TASK_WORK;
    d->kernels->add(d->y + i, d->x + i, d->f + i, as_min(AS_TASK_WORK, d->n - i));
}

void as_add(const as_exec *ex, float *y, const float *x, const float *f, size_t rows, size_t dim)
{
    dense d = {.y = y, .x = x, .f = f, .n = rows * dim};
    dense_run(ex, add_chunk, &d);
}

static void scale_chunk(void *ctx, size_t task, size_t worker)
{
    (void)worker;
    const dense *d = ctx;
    size_t i = task * AS_TASK_WORK;
    d->kernels->scale(d->y + i, d->x + i, d->s, as_min(AS_TASK_WORK, d->n - i));
}

void as_scale(const as_exec *ex, float *y, const float *x, float s, size_t rows, size_t dim)
{
    dense d = {.y = y, .x = x, .s = s, .n = rows * dim};
    dense_run(ex, scale_chunk, &d);
}

static void zero_chunk(void *ctx, size_t task, size_t worker)
{
    (void)worker;
    const dense *d = ctx;
    size_t i = task * AS_TASK_WORK;
    memset(d->y + i, 0, as_min(AS_TASK_WORK, d->n - i) * sizeof *d->y);
}

void as_zero(const as_exec *ex, float *y, size_t rows, size_t dim)
{
    dense d = {.y = y, .n = rows * dim};
    dense_run(ex, zero_chunk, &d);
}

static void copy_chunk(void *ctx, size_t task, size_t worker)
{
    (void)worker;
    const dense *d = ctx;
    size_t i = task * AS_TASK_WORK;
    memcpy(d->y + i, d->x + i, as_min(AS_TASK_WORK, d->n - i) * sizeof *d->y);
}

void as_copy(const as_exec *ex, float *y, const float *x, size_t rows, size_t dim)
{
    dense d = {.y = y, .x = x, .n = rows * dim};
    dense_run(ex, copy_chunk, &d);
}

static void cap_chunk(void *ctx, size_t task, size_t worker)
{
    (void)worker;
    const dense *d = ctx;
    size_t end = as_min(d->n, (task + 1) * AS_TASK_WORK);
    for (size_t i = task * AS_TASK_WORK; i < end; i += BLOCK) {
        size_t n = as_min(BLOCK, end - i);
        for (size_t j = i; j < i + n; j++) d->y[j] /= d->s;
        d->kernels->tanh(d->y + i, d->y + i, n);
        d->kernels->scale(d->y + i, d->y + i, d->s, n);
    }
}

void as_softcap(const as_exec *ex, float *x, float cap, size_t rows, size_t dim)
{
    dense d = {.y = x, .s = cap, .n = rows * dim};
    dense_run(ex, cap_chunk, &d);
}

AS_INLINE void uncap(float *restrict dy, const float *restrict y, float cap, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float t = y[i] / cap;
        dy[i] *= 1 - t * t;
    }
}

static void uncap_chunk(void *ctx, size_t task, size_t worker)
{
    (void)worker;
    const dense *d = ctx;
    size_t end = as_min(d->n, (task + 1) * AS_TASK_WORK);
    for (size_t i = task * AS_TASK_WORK; i < end; i += BLOCK) {
        size_t n = as_min(BLOCK, end - i);
        BY_BLOCK(uncap, BLOCK, n, d->y + i, d->x + i, d->s);
    }
}

void as_softcap_backward(const as_exec *ex, float *dy, const float *y, float cap, size_t rows,
                         size_t dim)
{
    dense d = {.y = dy, .x = y, .s = cap, .n = rows * dim};
    dense_run(ex, uncap_chunk, &d);
}
