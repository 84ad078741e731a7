/* Gates, residual sums, scaling and the soft cap: elementwise over rows. */
#include "engine/tensor/ops.h"

#include "engine/tensor/ops_internal.h"

enum { BLOCK = 512 };

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
