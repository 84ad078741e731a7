/* The gates of the delta rule: how much of the state each head keeps and how strongly it writes. */
#include "engine/tensor/ops.h"

#include <math.h>

#include "engine/tensor/ops_internal.h"

typedef struct {
    const as_kernels *kernels;
    float *g, *beta;
    const float *a, *b, *decay, *dt_bias;
    size_t rows, heads, chunk;
} gates;

static float softplus(float x)
{
    return x > 20.0f ? x : (float)log1p(exp(x));
}

static void gate_rows(void *ctx, size_t task, size_t worker)
{
    (void)worker;
    const gates *p = ctx;
    size_t end = as_min(p->rows, (task + 1) * p->chunk);
    for (size_t r = task * p->chunk; r < end; r++) {
        for (size_t h = 0; h < p->heads; h++) {
            size_t i = r * p->heads + h;
            p->g[i] = p->decay[h] * softplus(p->a[i] + p->dt_bias[h]);
        }
        p->kernels->sigmoid(p->beta + r * p->heads, p->b + r * p->heads, p->heads);
    }
}

void as_delta_gates(const as_exec *ex, float *g, float *beta, const float *a, const float *b,
                    const float *decay, const float *dt_bias, size_t rows, size_t heads)
{
    gates p = {.kernels = ex->kernels,
               .g = g,
               .beta = beta,
               .a = a,
               .b = b,
               .decay = decay,
               .dt_bias = dt_bias,
               .rows = rows,
               .heads = heads,
               .chunk = as_task_items(32 * heads)};
    as_pool_run(ex->pool, as_n_chunks(rows, p.chunk), gate_rows, &p);
}

/* --- gradients -------------------------------------------------------------------------------- */

enum { HEADS = 16 }; /* taken together */

typedef struct {
    const as_kernels *kernels;
    float *da, *db, *d_a_log, *d_dt_bias;
    const float *dg, *dbeta, *a, *b, *decay, *dt_bias;
    size_t rows, heads, chunk;
} gates_back;

/* decay sigmoid(a + dt_bias), the slope of g, for n heads from element i of the row. */
static void decay_slope(const gates_back *p, float *slope, size_t r, size_t h, size_t n)
{
    p->kernels->add(slope, p->a + r * p->heads + h, p->dt_bias + h, n);
    p->kernels->sigmoid(slope, slope, n);
    p->kernels->mul(slope, slope, p->decay + h, n);
}

static void gate_back_rows(void *ctx, size_t task, size_t worker)
{
    (void)worker;
    const gates_back *p = ctx;
    size_t end = as_min(p->rows, (task + 1) * p->chunk);
    for (size_t r = task * p->chunk; r < end; r++) {
        for (size_t h = 0; h < p->heads; h += HEADS) {
            float slope[HEADS], s[HEADS];
            size_t n = as_min(HEADS, p->heads - h), at = r * p->heads + h;
            decay_slope(p, slope, r, h, n);
            p->kernels->sigmoid(s, p->b + at, n);
            for (size_t i = 0; i < n; i++) {
                p->da[at + i] += p->dg[at + i] * slope[i];
                p->db[at + i] += p->dbeta[at + i] * (s[i] * (1 - s[i]));
            }
        }
    }
}

/* The sums over rows of some heads. */
static void gate_back_heads(void *ctx, size_t task, size_t worker)
{
    (void)worker;
    const gates_back *p = ctx;
    size_t h = task * HEADS, n = as_min(HEADS, p->heads - h);
    for (size_t r = 0; r < p->rows; r++) {
        float slope[HEADS];
        const float *dg = p->dg + r * p->heads + h, *a = p->a + r * p->heads + h;
        if (p->d_dt_bias) decay_slope(p, slope, r, h, n);
        for (size_t i = 0; i < n; i++) {
            if (p->d_dt_bias) p->d_dt_bias[h + i] += dg[i] * slope[i];
            if (p->d_a_log)
                p->d_a_log[h + i] += dg[i] * (p->decay[h + i] * softplus(a[i] + p->dt_bias[h + i]));
        }
    }
}

void as_delta_gates_backward(const as_exec *ex, float *da, float *db, float *d_a_log,
                             float *d_dt_bias, const float *dg, const float *dbeta, const float *a,
                             const float *b, const float *decay, const float *dt_bias, size_t rows,
                             size_t heads)
{
    gates_back p = {.kernels = ex->kernels,
                    .da = da,
                    .db = db,
                    .d_a_log = d_a_log,
                    .d_dt_bias = d_dt_bias,
                    .dg = dg,
                    .dbeta = dbeta,
                    .a = a,
                    .b = b,
                    .decay = decay,
                    .dt_bias = dt_bias,
                    .rows = rows,
                    .heads = heads,
                    .chunk = as_task_items(4 * heads)};
    as_pool_run(ex->pool, as_n_chunks(rows, p.chunk), gate_back_rows, &p);
    if (d_a_log || d_dt_bias) as_pool_run(ex->pool, as_n_chunks(heads, HEADS), gate_back_heads, &p);
}
