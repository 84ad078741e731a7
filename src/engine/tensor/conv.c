/* Causal depthwise convolution with silu, and the inputs it keeps between calls. */
#include "engine/tensor/ops.h"

#include <string.h>

#include "base/compiler.h"
#include "engine/tensor/ops_internal.h"

enum {
    BLOCK = 128, /* channels that go together */
    AHEAD = 4    /* rows asked for early */
};

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

/* Rows lie pages apart, which no processor foresees: asks for a block some rows ahead. */
static void fetch(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += 16) AS_PREFETCH(x + i);
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
        if (t + AHEAD < v->rows) fetch(v->x + (t + AHEAD) * v->ldx + c, n);
        if (t + AHEAD < v->rows) fetch(v->y + (t + AHEAD) * v->ldy + c, n);
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

/* --- gradients -------------------------------------------------------------------------------- */

typedef struct {
    const as_exec *ex;
    float *dx, *dw;
    const float *dy, *x, *w;
    size_t lddx, lddy, ldx, rows, channels, kernel, chunk;
} conv_back;

/* A block of channels: taps (kernel rows of n), and dz of the last `kernel` rows, row t in t %
 * kernel. */
typedef struct {
    float *w, *dw, *dz, *z, *s;
    size_t c, n;
} back_block;

static void swap_taps(float *taps, const float *w, const back_block *b, size_t kernel)
{
    for (size_t i = 0; i < b->n; i++) {
        for (size_t j = 0; j < kernel; j++) taps[j * b->n + i] = w[(b->c + i) * kernel + j];
    }
}

/* dz = dy silu'(z), with s = sigmoid(z) */
AS_INLINE void silu_back(float *restrict dz, const float *restrict dy, const float *restrict z,
                         const float *restrict s, size_t n)
{
    for (size_t i = 0; i < n; i++) dz[i] = dy[i] * (s[i] + z[i] * s[i] * (1 - s[i]));
}

/* dz of row t, from z with the bits it had; and what row t gives dw. Inputs before row 0 are 0. */
static void back_row(const conv_back *v, const back_block *b, size_t t)
{
    const size_t n = b->n, kept = v->kernel - 1, missing = t < kept ? kept - t : 0;
    const float *x = v->x + b->c, *dy = v->dy + t * v->lddy + b->c;
    float *dz = b->dz + t % v->kernel * n;
    memset(b->z, 0, n * sizeof *b->z);
    for (size_t j = missing; j < v->kernel; j++)
        add_products(b->z, b->w + j * n, x + (t + j - kept) * v->ldx, n);
    v->ex->kernels->sigmoid(b->s, b->z, n);
    if (n == BLOCK) silu_back(dz, dy, b->z, b->s, BLOCK);
    if (n != BLOCK) silu_back(dz, dy, b->z, b->s, n);
    for (size_t j = missing; j < v->kernel && v->dw; j++)
        add_products(b->dw + j * n, dz, x + (t + j - kept) * v->ldx, n);
}

/* dx of row s: rows s to s + kernel - 1 read it. */
static void back_input(const conv_back *v, const back_block *b, size_t s)
{
    for (size_t j = 0; j < v->kernel; j++) {
        size_t t = s + v->kernel - 1 - j;
        if (t >= v->rows) continue;
        const float *dz = b->dz + t % v->kernel * b->n;
        add_products(v->dx + s * v->lddx + b->c, b->w + j * b->n, dz, b->n);
    }
}

static void conv_back_block(const conv_back *v, float *scratch, size_t c, size_t n)
{
    const size_t taps = v->kernel * n;
    back_block b = {.w = scratch,
                    .dw = scratch + taps,
                    .dz = scratch + 2 * taps,
                    .z = scratch + 3 * taps,
                    .s = scratch + 3 * taps + n,
                    .c = c,
                    .n = n};
    swap_taps(b.w, v->w, &b, v->kernel);
    if (v->dw) swap_taps(b.dw, v->dw, &b, v->kernel);
    for (size_t t = 0; t < v->rows + v->kernel - 1; t++) {
        if (t + AHEAD < v->rows) {
            fetch(v->x + (t + AHEAD) * v->ldx + c, n);
            fetch(v->dy + (t + AHEAD) * v->lddy + c, n);
            fetch(v->dx + (t + AHEAD) * v->lddx + c, n);
        }
        if (t < v->rows) back_row(v, &b, t);
        if (t + 1 >= v->kernel) back_input(v, &b, t + 1 - v->kernel);
    }
    for (size_t i = 0; i < n && v->dw; i++) {
        for (size_t j = 0; j < v->kernel; j++) v->dw[(c + i) * v->kernel + j] = b.dw[j * n + i];
    }
}

static void conv_back_blocks(void *ctx, size_t task, size_t worker)
{
    const conv_back *v = ctx;
    size_t end = as_min(v->channels, (task + 1) * v->chunk * BLOCK);
    for (size_t c = task * v->chunk * BLOCK; c < end; c += BLOCK)
        conv_back_block(v, as_exec_scratch(v->ex, worker), c, as_min(BLOCK, end - c));
}

void as_conv_backward(const as_exec *ex, float *dx, size_t lddx, float *dw, const float *dy,
                      size_t lddy, const float *x, size_t ldx, const float *w, size_t rows,
                      size_t channels, size_t kernel)
{
    AS_CHECK(kernel > 0 && kernel < AS_SCRATCH / BLOCK / 3);
    conv_back v = {.ex = ex,
                   .dx = dx,
                   .dw = dw,
                   .dy = dy,
                   .x = x,
                   .w = w,
                   .lddx = lddx,
                   .lddy = lddy,
                   .ldx = ldx,
                   .rows = rows,
                   .channels = channels,
                   .kernel = kernel,
                   .chunk = as_task_items((rows + 1) * 3 * kernel * BLOCK)};
    as_pool_run(ex->pool, as_n_chunks(channels, v.chunk * BLOCK), conv_back_blocks, &v);
}
