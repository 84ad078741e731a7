/* RMS and L2 norms over groups of a row. */
#include "engine/tensor/ops.h"

#include <math.h>

#include "base/compiler.h"
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

/* --- gradients -------------------------------------------------------------------------------- */

enum {
    COLUMNS = 64, /* of a gain's gradient that a task sums up */
    KEPT = 2048,  /* groups whose scales are kept between the two passes */
    KEPT_ELEMENTS =
        (int)1 << 18 /* and at most so many elements: the second pass reads from cache */
};

/* Items are groups, numbered through the rows. */
typedef struct {
    const as_exec *ex;
    float *dx, *dw;
    const float *dy, *x, *w;
    size_t lddx, lddy, ldx, groups, dim, chunk;
    float offset, eps, scale;
    bool is_rms;
    size_t first, end; /* items of this pass */
    float inv[KEPT];   /* of each of them */
} norm_back;

/* Where an item lies in its row, and which row. */
typedef struct {
    size_t row, at;
} place;

static place place_of(const norm_back *n, size_t item)
{
    return (place){item / n->groups, item % n->groups * n->dim};
}

static place place_after(const norm_back *n, place p)
{
    p.at += n->dim;
    if (p.at == n->groups * n->dim) p = (place){p.row + 1, 0};
    return p;
}

/* dx of one item; u: room for dy W, where W is not 1. */
static void norm_back_item(const norm_back *n, float *u, const float *gains, place p, float inv)
{
    const as_kernels *k = n->ex->kernels;
    const float *dy = n->dy + p.row * n->lddy + p.at, *x = n->x + p.row * n->ldx + p.at;
    float *dx = n->dx + p.row * n->lddx + p.at;
    if (gains) {
        k->mul(u, dy, gains, n->dim);
        dy = u;
    }
    float along = inv * k->dot(dy, x, n->dim), s = n->scale * inv;
    if (n->is_rms) along /= (float)n->dim;
    k->axpy(dx, dy, s, n->dim);
    k->axpy(dx, x, -(s * (along * inv)), n->dim);
}

/* The scales, and dx where it is asked for. */
static void norm_back_items(void *ctx, size_t task, size_t worker)
{
    norm_back *n = ctx;
    float *u = as_exec_scratch(n->ex, worker), *sum = u + n->dim;
    const float *gains = n->w;
    if (n->w && n->offset != 0.0f) {
        for (size_t i = 0; i < n->dim; i++) sum[i] = n->w[i] + n->offset;
        gains = sum;
    }
    size_t first = n->first + task * n->chunk, end = as_min(n->end, first + n->chunk);
    place p = place_of(n, first);
    for (size_t i = first; i < end; i++, p = place_after(n, p)) {
        const float *x = n->x + p.row * n->ldx + p.at;
        float square = n->ex->kernels->dot(x, x, n->dim);
        if (n->is_rms) square /= (float)n->dim;
        float inv = 1.0f / sqrtf(square + n->eps);
        if (n->dw) n->inv[i - n->first] = inv;
        if (n->dx) norm_back_item(n, u, gains, p, inv);
    }
}

/* dw += dy (x inv). A count that the compiler knows makes the loop one of vectors. */
AS_INLINE void add_gain(float *restrict dw, const float *restrict dy, const float *restrict x,
                        float inv, size_t n)
{
    for (size_t i = 0; i < n; i++) dw[i] += dy[i] * (x[i] * inv);
}

static void norm_back_columns(void *ctx, size_t task, size_t worker)
{
    (void)worker;
    const norm_back *n = ctx;
    size_t c = task * COLUMNS, len = as_min(COLUMNS, n->dim - c);
    place p = place_of(n, n->first);
    for (size_t i = n->first; i < n->end; i++, p = place_after(n, p)) {
        const float *dy = n->dy + p.row * n->lddy + p.at + c, *x = n->x + p.row * n->ldx + p.at + c;
        float inv = n->inv[i - n->first];
        if (len == COLUMNS) add_gain(n->dw + c, dy, x, inv, COLUMNS);
        if (len != COLUMNS) add_gain(n->dw + c, dy, x, inv, len);
    }
}

/* Without dw all groups at once; with it, as many as keep their scales. */
static void norm_back_run(const as_exec *ex, norm_back *n, size_t rows)
{
    AS_CHECK(n->dim <= AS_SCRATCH / 2);
    size_t items = rows * n->groups, step = items;
    if (n->dw && n->dim) step = as_min(KEPT, KEPT_ELEMENTS / n->dim + 1);
    n->ex = ex;
    n->chunk = as_task_items(2 * n->dim);
    for (n->first = 0; n->first < items; n->first = n->end) {
        n->end = as_min(items, n->first + step);
        as_pool_run(ex->pool, as_n_chunks(n->end - n->first, n->chunk), norm_back_items, n);
        if (n->dw) as_pool_run(ex->pool, as_n_chunks(n->dim, COLUMNS), norm_back_columns, n);
    }
}

void as_rmsnorm_backward(const as_exec *ex, float *dx, size_t lddx, float *dw, const float *dy,
                         size_t lddy, const float *x, size_t ldx, const float *w, float offset,
                         size_t rows, size_t groups, size_t dim, float eps)
{
    norm_back n = {.dx = dx,
                   .dw = dw,
                   .dy = dy,
                   .x = x,
                   .w = w,
                   .lddx = lddx,
                   .lddy = lddy,
                   .ldx = ldx,
                   .groups = groups,
                   .dim = dim,
                   .offset = offset,
                   .eps = eps,
                   .scale = 1.0f,
                   .is_rms = true};
    norm_back_run(ex, &n, rows);
}

void as_l2norm_backward(const as_exec *ex, float *dx, size_t lddx, const float *dy, size_t lddy,
                        const float *x, size_t ldx, size_t rows, size_t groups, size_t dim,
                        float eps, float scale)
{
    norm_back n = {.dx = dx,
                   .dy = dy,
                   .x = x,
                   .lddx = lddx,
                   .lddy = lddy,
                   .ldx = ldx,
                   .groups = groups,
                   .dim = dim,
                   .eps = eps,
                   .scale = scale};
    norm_back_run(ex, &n, rows);
}
