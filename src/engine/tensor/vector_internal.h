/* The inner loops over vectors, once per instruction set, and the formulas all of them evaluate
 * with the same IEEE operations in the same order, so that the sets agree bit for bit (in a NaN,
 * only the fact). What each loop does, and in which order it adds: kernels.h. n may be 0 but for
 * max and soften; nothing need be aligned; y may be x, a or b itself, and otherwise overlaps
 * nothing. An element's bits do not depend on its place.
 *
 * exp: n = round(x log2 e), taken from the sum x log2(e) + 3 2^22, whose low bits are n;
 * r = x - n ln2 with ln2 in two parts; exp(r) - 1 = r + r^2 q(r), q of degree 4 with the least
 * largest relative error on |r| <= ln2 / 2 (3e-9 before its coefficients are rounded); the result
 * is scaled by 2^n in two steps, the first exact, so that overflow and subnormal results round
 * once.
 *
 * tanh: with u = exp(2|x|) - 1 = 2^n (exp(r) - 1) + (2^n - 1), u / (u + 2) and the sign of x.
 * Nothing cancels near 0, so the relative error is small there too.
 *
 * gelu: 0.5 (1 + tanh(z)) = 1 / (1 + exp(-2z)), which keeps its precision for negative x:
 * x / (1 + exp(-2 sqrt(2/pi) (x + 0.044715 x^3))). */
#ifndef AS_ENGINE_TENSOR_VECTOR_INTERNAL_H
#define AS_ENGINE_TENSOR_VECTOR_INTERNAL_H

#include "engine/tensor/kernels.h"

#define AS_EXP_LOW (-104.0f)
#define AS_EXP_HIGH 88.8f
#define AS_LOG2_E 0x1.715476p+0f
#define AS_ROUND_BIAS 0x1.8p+23f
#define AS_LN2_HIGH 0x1.62e4p-1f /* 14 bits: n times it is exact */
#define AS_LN2_LOW 0x1.7f7d1cp-20f
#define AS_EXP_2 0x1.fffffcp-2f
#define AS_EXP_3 0x1.555492p-3f
#define AS_EXP_4 0x1.5558f2p-5f
#define AS_EXP_5 0x1.1239f4p-7f
#define AS_EXP_6 0x1.6a2416p-10f
#define AS_TANH_END 10.0f /* tanh is 1 in float from 9.02 on */
#define AS_GELU_CUBE 0.044715f
#define AS_GELU_SCALE (-1.5957691216057308f) /* -2 sqrt(2/pi) */

#define AS_VECTOR_LOOPS(set)                                                                       \
    float as_##set##_dot(const float *x, const float *y, size_t n);                                \
    float as_##set##_sum(const float *x, size_t n);                                                \
    float as_##set##_max(const float *x, size_t n);                                                \
    void as_##set##_exp(float *y, const float *x, size_t n);                                       \
    void as_##set##_silu(float *y, const float *x, size_t n);                                      \
    void as_##set##_sigmoid(float *y, const float *x, size_t n);                                   \
    void as_##set##_tanh(float *y, const float *x, size_t n);                                      \
    void as_##set##_gelu(float *y, const float *x, size_t n);                                      \
    void as_##set##_mul(float *y, const float *a, const float *b, size_t n);                       \
    void as_##set##_add(float *y, const float *a, const float *b, size_t n);                       \
    void as_##set##_scale(float *y, const float *x, float s, size_t n);                            \
    void as_##set##_axpy(float *y, const float *x, float s, size_t n);                             \
    bool as_##set##_is_finite(const float *x, size_t n);                                           \
    float as_##set##_soften(float *s, size_t n, float scale, float m);                             \
    void as_##set##_delta_step(float *o, float *s, size_t lds, const float *q, const float *k,     \
                               const float *v, float decay, float beta, size_t dk, size_t n);      \
    bool as_##set##_adamw(float *p, float *m, float *v, const float *g, const as_adamw *a,         \
                          size_t n, bool is_trial)

AS_VECTOR_LOOPS(scalar);
#ifdef __x86_64__
AS_VECTOR_LOOPS(avx2);
AS_VECTOR_LOOPS(avx512);
#endif

#endif
