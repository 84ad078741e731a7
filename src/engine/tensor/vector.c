/* The scalar loops over vectors: they define what is correct (vector_internal.h). */
#include "engine/tensor/vector_internal.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "engine/tensor/kernels.h"

/* 2^(n - 127) for the low 8 bits of n: a float made from its exponent. */
static float power(uint32_t n)
{
    return as_f32_of_bits(n << 23);
}

/* exp(x) = 2^n (1 + return value); |x| < 2^20. */
static float reduce(float x, float *n, uint32_t *n_bits)
{
    float z = fmaf(x, AS_LOG2_E, AS_ROUND_BIAS);
    *n = z - AS_ROUND_BIAS;
    *n_bits = as_f32_bits(z) - as_f32_bits(AS_ROUND_BIAS);
    float r = fmaf(*n, -AS_LN2_LOW, fmaf(*n, -AS_LN2_HIGH, x));
    float q = fmaf(AS_EXP_6, r, AS_EXP_5);
    q = fmaf(q, r, AS_EXP_4);
    q = fmaf(q, r, AS_EXP_3);
    q = fmaf(q, r, AS_EXP_2);
    return fmaf(q, r * r, r);
}

static float exp_of(float x)
{
    if (x != x) return x;
    if (x < AS_EXP_LOW) return 0.0f;
    if (x > AS_EXP_HIGH) return INFINITY;
    float n;
    uint32_t bits;
    float e = reduce(x, &n, &bits) + 1.0f;
    uint32_t half = (bits + 256) >> 1; /* n + 256 is positive */
    return e * power(half - 128 + 127) * power(bits + 256 - half - 128 + 127);
}

static float sigmoid_of(float x)
{
    return 1.0f / (1.0f + exp_of(-x));
}

static float silu_of(float x)
{
    return x / (1.0f + exp_of(-x));
}

static float tanh_of(float x)
{
    if (x != x) return x;
    float a = fabsf(x), n;
    uint32_t bits;
    if (a > AS_TANH_END) a = AS_TANH_END;
    float e = reduce(a + a, &n, &bits), s = power(bits + 127);
    float u = fmaf(e, s, s - 1.0f);
    return copysignf(u / (u + 2.0f), x);
}

static float gelu_of(float x)
{
    float w = fmaf(x * x * AS_GELU_CUBE, x, x);
    return x / (1.0f + exp_of(w * AS_GELU_SCALE));
}

/* The fixed tree over lanes, in place. */
static float tree(float lane[AS_LANES])
{
    for (size_t w = AS_LANES / 2; w > 0; w /= 2) {
        for (size_t i = 0; i < w; i++) lane[i] += lane[i + w];
    }
    return lane[0];
}

float as_scalar_dot(const float *x, const float *y, size_t n)
{
    float lane[AS_LANES] = {0};
    for (size_t i = 0; i < n; i++) lane[i % AS_LANES] = fmaf(x[i], y[i], lane[i % AS_LANES]);
    return tree(lane);
}

float as_scalar_sum(const float *x, size_t n)
{
    float lane[AS_LANES] = {0};
    for (size_t i = 0; i < n; i++) lane[i % AS_LANES] += x[i];
    return tree(lane);
}

/* Adding 0 turns -0, which compares equal to 0, into it. */
float as_scalar_max(const float *x, size_t n)
{
    float m = x[0];
    for (size_t i = 1; i < n; i++) m = x[i] > m ? x[i] : m;
    return m + 0.0f;
}

void as_scalar_exp(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = exp_of(x[i]);
}

void as_scalar_silu(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = silu_of(x[i]);
}

void as_scalar_sigmoid(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = sigmoid_of(x[i]);
}

void as_scalar_tanh(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = tanh_of(x[i]);
}

void as_scalar_gelu(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = gelu_of(x[i]);
}

void as_scalar_mul(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = a[i] * b[i];
}

void as_scalar_add(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = a[i] + b[i];
}

void as_scalar_scale(float *y, const float *x, float s, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = s * x[i];
}

void as_scalar_axpy(float *y, const float *x, float s, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = fmaf(s, x[i], y[i]);
}

bool as_scalar_is_finite(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) return false;
    }
    return true;
}

float as_scalar_soften(float *s, size_t n, float scale, float m)
{
    for (size_t i = 0; i < n; i++) {
        s[i] = scale * s[i];
        m = s[i] > m ? s[i] : m;
    }
    m += 0.0f;
    for (size_t i = 0; i < n; i++) s[i] = exp_of(s[i] - m);
    return m;
}

void as_scalar_delta_step(float *o, float *s, size_t lds, const float *q, const float *k,
                          const float *v, float decay, float beta, size_t dk, size_t n)
{
    for (size_t c = 0; c < n; c++) {
        float a = 0.0f, sum = 0.0f;
        for (size_t i = 0; i < dk; i++) {
            float *at = s + i * lds + c;
            *at = decay * *at;
            a = fmaf(k[i], *at, a);
        }
        float u = beta * (v[c] - a);
        for (size_t i = 0; i < dk; i++) {
            float *at = s + i * lds + c;
            *at = fmaf(k[i], u, *at);
            sum = fmaf(q[i], *at, sum);
        }
        o[c] = sum;
    }
}

/* x - x is 0, or NaN for what is not finite. */
bool as_scalar_adamw(float *p, float *m, float *v, const float *g, const as_adamw *a, size_t n,
                     bool is_trial)
{
    bool is_finite = true;
    for (size_t i = 0; i < n; i++) {
        float m1 = m[i] + a->of_m * (g[i] - m[i]);
        float v1 = v[i] + a->of_v * (g[i] * g[i] - v[i]);
        float change = a->rate * (m1 / (sqrtf(v1) + a->eps)) + a->decay * p[i];
        float p1 = p[i] - change;
        is_finite = is_finite && (m1 - m1) + (v1 - v1) + (p1 - p1) == 0.0f;
        if (is_trial) continue;
        m[i] = m1, v[i] = v1, p[i] = p1;
    }
    return is_finite;
}
