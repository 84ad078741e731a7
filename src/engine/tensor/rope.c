/* Rotary embedding: frequencies, angles and the turn itself. */
#include "engine/tensor/ops.h"

#include <math.h>

#include "base/compiler.h"
#include "engine/tensor/ops_internal.h"

void as_rope_freqs(float *inv_freq, size_t half, size_t n_rot, size_t d_exp, double base,
                   double factor)
{
    for (size_t i = 0; i < half; i++) {
        float exponent = (float)(2 * i) / (float)d_exp;
        float power = (float)pow(base, exponent);
        inv_freq[i] = i < n_rot ? 1.0f / power / (float)factor : 0.0f;
    }
}

typedef struct {
    float *cosine, *sine;
    const uint32_t *position;
    const float *inv_freq;
    size_t rows, half, chunk;
} angles;

/* The double result is good to more than twice a float's digits: rounding it gives one table. */
static void angle_rows(void *ctx, size_t task, size_t worker)
{
    (void)worker;
    const angles *p = ctx;
    size_t end = as_min(p->rows, (task + 1) * p->chunk);
    for (size_t r = task * p->chunk; r < end; r++) {
        for (size_t i = 0; i < p->half; i++) {
            double angle = (float)p->position[r] * p->inv_freq[i];
            p->cosine[r * p->half + i] = (float)cos(angle);
            p->sine[r * p->half + i] = (float)sin(angle);
        }
    }
}

void as_rope_angles(const as_exec *ex, float *cosine, float *sine, const uint32_t *position,
                    const float *inv_freq, size_t rows, size_t half)
{
    angles p = {.cosine = cosine,
                .sine = sine,
                .position = position,
                .inv_freq = inv_freq,
                .rows = rows,
                .half = half,
                .chunk = as_task_items(32 * half)};
    as_pool_run(ex->pool, as_n_chunks(rows, p.chunk), angle_rows, &p);
}

enum { PAIRS = 32 }; /* turned together */

typedef struct {
    float *x;
    const float *cosine, *sine;
    size_t ldx, rows, heads, d, half, chunk;
    float sign; /* of the turn: a product with -s has the bits of one with s, negated */
} rope;

AS_INLINE void turn(float *restrict low, float *restrict high, const float *restrict c,
                    const float *restrict s, float sign, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float a = low[i], b = high[i], t = sign * s[i];
        low[i] = a * c[i] - b * t;
        high[i] = b * c[i] + a * t;
    }
}

/* A count that the compiler knows makes the loop one of vectors. */
static void turn_head(float *x, const float *c, const float *s, float sign, size_t half)
{
    size_t i = 0;
    for (; i + PAIRS <= half; i += PAIRS) turn(x + i, x + half + i, c + i, s + i, sign, PAIRS);
    turn(x + i, x + half + i, c + i, s + i, sign, half - i);
}

static void turn_rows(void *ctx, size_t task, size_t worker)
{
    (void)worker;
    const rope *p = ctx;
    size_t end = as_min(p->rows, (task + 1) * p->chunk);
    for (size_t r = task * p->chunk; r < end; r++) {
        const float *c = p->cosine + r * p->half, *s = p->sine + r * p->half;
        for (size_t h = 0; h < p->heads; h++)
            turn_head(p->x + r * p->ldx + h * p->d, c, s, p->sign, p->half);
    }
}

static void rope_run(const as_exec *ex, rope *p)
{
    p->chunk = as_task_items(4 * p->heads * p->half);
    as_pool_run(ex->pool, as_n_chunks(p->rows, p->chunk), turn_rows, p);
}

void as_rope(const as_exec *ex, float *x, size_t ldx, const float *cosine, const float *sine,
             size_t rows, size_t heads, size_t d, size_t half)
{
    rope p = {.x = x,
              .cosine = cosine,
              .sine = sine,
              .ldx = ldx,
              .rows = rows,
              .heads = heads,
              .d = d,
              .half = half,
              .sign = 1};
    rope_run(ex, &p);
}

void as_rope_backward(const as_exec *ex, float *dx, size_t lddx, const float *cosine,
                      const float *sine, size_t rows, size_t heads, size_t d, size_t half)
{
    rope p = {.x = dx,
              .cosine = cosine,
              .sine = sine,
              .ldx = lddx,
              .rows = rows,
              .heads = heads,
              .d = d,
              .half = half,
              .sign = -1};
    rope_run(ex, &p);
}
