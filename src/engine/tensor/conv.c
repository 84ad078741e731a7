/* Causal depthwise convolution with silu, and the inputs it keeps between calls. */
#include "engine/tensor/ops.h"

#include <string.h>

#include "engine/tensor/ops_internal.h"

enum { BLOCK = 128 }; /* channels that go together */

typedef struct {
    const as_exec *ex;
    float *y, *state;
    const float *x, *w;
    size_t ldy, ldx, rows, channels, kernel, chunk;
} conv;

/* z += w x, two roundings. The full block has a count the compiler knows. */
static void add_products(float *restrict z, const float *restrict w, const float *restrict x,
                         size_t n)
{
    if (n == BLOCK) {
        for (size_t i = 0; i < BLOCK; i++) z[i] += w[i] * x[i];
        return;
    }
    for (size_t i = 0; i < n; i++) z[i] += w[i] * x[i];
}

/* The inputs before this call and those of this call are one sequence: state, then x. */
static const float *input(const conv *v, size_t s)
{
    size_t kept = v->kernel - 1;
    return s < kept ? v->state + s * v->channels : v->x + (s - kept) * v->ldx;
}

/* w: the block's weights, one row of n for each tap. */
static void conv_block(const conv *v, float *w, size_t c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < v->kernel; j++) w[j * n + i] = v->w[(c + i) * v->kernel + j];
    }
    for (size_t t = 0; t < v->rows; t++) {
        float z[BLOCK] = {0};
        for (size_t j = 0; j < v->kernel; j++) add_products(z, w + j * n, input(v, t + j) + c, n);
        v->ex->kernels->silu(v->y + t * v->ldy + c, z, n);
    }
    /* Row j of the new state is not read by a later one. */
    for (size_t j = 0; j + 1 < v->kernel; j++) {
        memmove(v->state + j * v->channels + c, input(v, v->rows + j) + c, n * sizeof(float));
    }
}

static void conv_blocks(void *ctx, size_t task, size_t worker)
{
    const conv *v = ctx;
    size_t end = as_min(v->channels, (task + 1) * v->chunk * BLOCK);
    for (size_t c = task * v->chunk * BLOCK; c < end; c += BLOCK) {
        conv_block(v, as_exec_scratch(v->ex, worker), c, as_min(BLOCK, end - c));
    }
}

void as_conv(const as_exec *ex, float *y, size_t ldy, const float *x, size_t ldx, float *state,
             const float *w, size_t rows, size_t channels, size_t kernel)
{
    AS_CHECK(kernel > 0 && kernel <= AS_SCRATCH / BLOCK);
    conv v = {.ex = ex,
              .y = y,
              .state = state,
              .x = x,
              .w = w,
              .ldy = ldy,
              .ldx = ldx,
              .rows = rows,
              .channels = channels,
              .kernel = kernel,
              .chunk = as_task_items((rows + 1) * kernel * BLOCK)};
    as_pool_run(ex->pool, as_n_chunks(channels, v.chunk * BLOCK), conv_blocks, &v);
}
