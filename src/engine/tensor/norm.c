/* RMS and L2 norms over groups of a row. */
#include "engine/tensor/ops.h"

#include <math.h>

#include "engine/tensor/ops_internal.h"

enum { BLOCK = 256 };

typedef struct {
    const as_kernels *kernels;
    float *y;
    const float *x, *w;
    size_t ldy, ldx, rows, groups, dim, chunk;
    float offset, eps, scale;
    bool is_rms;
} norm;

/* y = y (w + offset) */
static void gain(const norm *n, float *y)
{
    if (n->offset == 0.0f) {
        n->kernels->mul(y, y, n->w, n->dim);
        return;
    }
    for (size_t i = 0; i < n->dim; i += BLOCK) {
        float sum[BLOCK];
        size_t len = as_min(BLOCK, n->dim - i);
        for (size_t j = 0; j < len; j++) sum[j] = n->w[i + j] + n->offset;
        n->kernels->mul(y + i, y + i, sum, len);
    }
}

static void norm_rows(void *ctx, size_t task, size_t worker)
{
    (void)worker;
    const norm *n = ctx;
    size_t end = as_min(n->rows, (task + 1) * n->chunk);
    for (size_t r = task * n->chunk; r < end; r++) {
        for (size_t g = 0; g < n->groups; g++) {
            const float *x = n->x + r * n->ldx + g * n->dim;
            float *y = n->y + r * n->ldy + g * n->dim;
            float square = n->kernels->dot(x, x, n->dim);
            if (n->is_rms) square /= (float)n->dim;
            n->kernels->scale(y, x, n->scale / sqrtf(square + n->eps), n->dim);
            if (n->w) gain(n, y);
        }
    }
}

static void norm_run(const as_exec *ex, norm *n)
{
    n->kernels = ex->kernels;
    n->chunk = as_task_items(n->groups * n->dim);
    as_pool_run(ex->pool, as_n_chunks(n->rows, n->chunk), norm_rows, n);
}

void as_rmsnorm(const as_exec *ex, float *y, size_t ldy, const float *x, size_t ldx, const float *w,
                float offset, size_t rows, size_t groups, size_t dim, float eps)
{
    norm n = {.y = y,
              .x = x,
              .w = w,
              .ldy = ldy,
              .ldx = ldx,
              .rows = rows,
              .groups = groups,
              .dim = dim,
              .offset = offset,
              .eps = eps,
              .scale = 1.0f,
              .is_rms = true};
    norm_run(ex, &n);
}

void as_l2norm(const as_exec *ex, float *y, size_t ldy, const float *x, size_t ldx, size_t rows,
               size_t groups, size_t dim, float eps, float scale)
{
    norm n = {.y = y,
              .x = x,
              .ldy = ldy,
              .ldx = ldx,
              .rows = rows,
              .groups = groups,
              .dim = dim,
              .eps = eps,
              .scale = scale};
    norm_run(ex, &n);
}
