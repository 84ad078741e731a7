/* What is done to all gradients together. They are cut into chunks, each inside one tensor, and
 * equal runs of chunks go to at most 256 tasks: a division that depends on the shapes alone. */
#include <math.h>
#include <string.h>

#include "engine/train/optimiser_internal.h"

enum { CHUNK = 4096, MAX_TASKS = 256, LANES = 8 };

typedef void each_chunk(const as_exec *ex, float *g, size_t n, float s, double *sum);

typedef struct {
    const as_exec *ex;
    const as_parameter *params;
    size_t n_params, n_chunks, per_task;
    each_chunk *work;
    float s;
    double sums[MAX_TASKS];
} job;

static size_t chunks_of(const as_parameter *p)
{
    return (p->rows * p->cols + CHUNK - 1) / CHUNK;
}

static void run_task(void *ctx, size_t task, size_t worker)
{
    (void)worker;
    job *j = ctx;
    size_t first = task * j->per_task, last = first + j->per_task, t = 0;
    if (last > j->n_chunks) last = j->n_chunks;
    size_t before = 0; /* chunks of tensors before t */
    for (size_t c = first; c < last; c++) {
        while (c - before >= chunks_of(&j->params[t])) before += chunks_of(&j->params[t++]);
        const as_parameter *p = &j->params[t];
        size_t at = (c - before) * CHUNK, left = p->rows * p->cols - at;
        j->work(j->ex, p->grad + at, left < CHUNK ? left : CHUNK, j->s, &j->sums[task]);
    }
}

/* Returns how many tasks there were. */
static size_t run(job *j)
{
    for (size_t t = 0; t < j->n_params; t++) j->n_chunks += chunks_of(&j->params[t]);
    j->per_task = (j->n_chunks + MAX_TASKS - 1) / MAX_TASKS;
    if (j->per_task == 0) return 0;
    size_t n_tasks = (j->n_chunks + j->per_task - 1) / j->per_task;
    as_pool_run(j->ex->pool, n_tasks, run_task, j);
    return n_tasks;
}

double as_tree_sum(double *x, size_t n)
{
    if (n == 0) return 0.0;
    size_t width = 1;
    while (width < n) width *= 2;
    for (size_t h = width / 2; h > 0; h /= 2) {
        for (size_t i = 0; i < h && i + h < n; i++) x[i] += x[i + h];
    }
    return x[0];
}

/* A product of two floats is exact in double. */
static void add_squares(const as_exec *ex, float *g, size_t n, float s, double *sum)
{
    (void)ex, (void)s;
    double lane[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t l = 0; l < LANES; l++) lane[l] += (double)g[i + l] * (double)g[i + l];
    }
    for (size_t l = 0; i < n; i++, l++) lane[l] += (double)g[i] * (double)g[i];
    *sum += as_tree_sum(lane, LANES);
}

static void scale_chunk(const as_exec *ex, float *g, size_t n, float s, double *sum)
{
    (void)sum;
    ex->kernels->scale(g, g, s, n);
}

static void zero_chunk(const as_exec *ex, float *g, size_t n, float s, double *sum)
{
    (void)ex, (void)s, (void)sum;
    memset(g, 0, n * sizeof *g);
}

double as_gradient_norm(const as_exec *ex, const as_parameter *params, size_t n)
{
    job j = {.ex = ex, .params = params, .n_params = n, .work = add_squares};
    size_t n_tasks = run(&j);
    return sqrt(as_tree_sum(j.sums, n_tasks));
}

void as_gradient_scale(const as_exec *ex, const as_parameter *params, size_t n, float s)
{
    job j = {.ex = ex, .params = params, .n_params = n, .work = scale_chunk, .s = s};
    (void)run(&j);
}

void as_gradient_zero(const as_exec *ex, const as_parameter *params, size_t n)
{
    job j = {.ex = ex, .params = params, .n_params = n, .work = zero_chunk};
    (void)run(&j);
}
