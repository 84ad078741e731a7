/* The loops over vectors for AVX-512, 16 lanes at a time; what they compute is in
 * vector_internal.h. Tails are masked: a masked lane keeps its bits. */
#include "engine/tensor/vector_internal.h"

#ifdef __x86_64__
#include <immintrin.h>
#include <math.h>

static __mmask16 first(size_t n)
{
    return (__mmask16)((1u << n) - 1);
}

/* exp(x) = 2^n (1 + return value). */
static inline __m512 reduce(__m512 x, __m512 *n)
{
    const __m512 bias = _mm512_set1_ps(AS_ROUND_BIAS);
    __m512 z = _mm512_fmadd_ps(x, _mm512_set1_ps(AS_LOG2_E), bias);
    *n = _mm512_sub_ps(z, bias);
    __m512 r = _mm512_fmadd_ps(*n, _mm512_set1_ps(-AS_LN2_HIGH), x);
    r = _mm512_fmadd_ps(*n, _mm512_set1_ps(-AS_LN2_LOW), r);
    __m512 q = _mm512_fmadd_ps(_mm512_set1_ps(AS_EXP_6), r, _mm512_set1_ps(AS_EXP_5));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(AS_EXP_4));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(AS_EXP_3));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(AS_EXP_2));
    return _mm512_fmadd_ps(q, _mm512_mul_ps(r, r), r);
}

/* scalef multiplies by 2^n and rounds once, as two exact-then-rounded steps do. Lanes outside the
 * range are computed from 0: a subnormal result nobody wants is slow. */
static inline __m512 exp_of(__m512 x)
{
    __mmask16 low = _mm512_cmp_ps_mask(x, _mm512_set1_ps(AS_EXP_LOW), _CMP_LT_OQ);
    __mmask16 high = _mm512_cmp_ps_mask(x, _mm512_set1_ps(AS_EXP_HIGH), _CMP_GT_OQ);
    __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    __m512 n, inside = _mm512_maskz_mov_ps((__mmask16) ~(low | high | nan), x);
    __m512 e = _mm512_add_ps(reduce(inside, &n), _mm512_set1_ps(1.0f));
    e = _mm512_scalef_ps(e, n);
    e = _mm512_mask_mov_ps(e, low, _mm512_setzero_ps());
    e = _mm512_mask_mov_ps(e, high, _mm512_set1_ps(INFINITY));
    return _mm512_mask_mov_ps(e, nan, x);
}

static inline __m512 negative(__m512 x)
{
    return _mm512_xor_ps(x, _mm512_set1_ps(-0.0f));
}

static inline __m512 over_one_plus_exp(__m512 x, __m512 z)
{
    return _mm512_div_ps(x, _mm512_add_ps(_mm512_set1_ps(1.0f), exp_of(z)));
}

static inline __m512 sigmoid_of(__m512 x)
{
    return over_one_plus_exp(_mm512_set1_ps(1.0f), negative(x));
}

static inline __m512 silu_of(__m512 x)
{
    return over_one_plus_exp(x, negative(x));
}

static inline __m512 tanh_of(__m512 x)
{
    const __m512 one = _mm512_set1_ps(1.0f), sign = _mm512_set1_ps(-0.0f);
    __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    __m512 a = _mm512_min_ps(_mm512_andnot_ps(sign, x), _mm512_set1_ps(AS_TANH_END)), n;
    __m512 e = reduce(_mm512_add_ps(a, a), &n), s = _mm512_scalef_ps(one, n);
    __m512 u = _mm512_fmadd_ps(e, s, _mm512_sub_ps(s, one));
    __m512 t = _mm512_div_ps(u, _mm512_add_ps(u, _mm512_set1_ps(2.0f)));
    t = _mm512_or_ps(_mm512_andnot_ps(sign, t), _mm512_and_ps(sign, x));
    return _mm512_mask_mov_ps(t, nan, x);
}

static inline __m512 gelu_of(__m512 x)
{
    __m512 t = _mm512_mul_ps(_mm512_mul_ps(x, x), _mm512_set1_ps(AS_GELU_CUBE));
    __m512 w = _mm512_fmadd_ps(t, x, x);
    return over_one_plus_exp(x, _mm512_mul_ps(w, _mm512_set1_ps(AS_GELU_SCALE)));
}

/* Lane i + lane i+8, then +4, +2, +1. */
static inline float tree(__m512 lane)
{
    __m256 a = _mm256_add_ps(_mm512_castps512_ps256(lane), _mm512_extractf32x8_ps(lane, 1));
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
}

float as_avx512_dot(const float *x, const float *y, size_t n)
{
    __m512 lane = _mm512_setzero_ps();
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        lane = _mm512_fmadd_ps(_mm512_loadu_ps(x + i), _mm512_loadu_ps(y + i), lane);
    __mmask16 m = first(n - i);
    lane = _mm512_mask3_fmadd_ps(_mm512_maskz_loadu_ps(m, x + i), _mm512_maskz_loadu_ps(m, y + i),
                                 lane, m);
    return tree(lane);
}

float as_avx512_sum(const float *x, size_t n)
{
    __m512 lane = _mm512_setzero_ps();
    size_t i = 0;
    for (; i + 16 <= n; i += 16) lane = _mm512_add_ps(lane, _mm512_loadu_ps(x + i));
    __mmask16 m = first(n - i);
    lane = _mm512_mask_add_ps(lane, m, lane, _mm512_maskz_loadu_ps(m, x + i));
    return tree(lane);
}

float as_avx512_max(const float *x, size_t n)
{
    __m512 lane = _mm512_set1_ps(x[0]);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) lane = _mm512_max_ps(lane, _mm512_loadu_ps(x + i));
    __mmask16 m = first(n - i);
    lane = _mm512_mask_max_ps(lane, m, lane, _mm512_maskz_loadu_ps(m, x + i));
    return _mm512_reduce_max_ps(lane) + 0.0f;
}

#define LOOP(name, f)                                                                              \
    void as_avx512_##name(float *y, const float *x, size_t n)                                      \
    {                                                                                              \
        size_t i = 0;                                                                              \
        for (; i + 16 <= n; i += 16) _mm512_storeu_ps(y + i, f(_mm512_loadu_ps(x + i)));           \
        __mmask16 m = first(n - i);                                                                \
        if (m) _mm512_mask_storeu_ps(y + i, m, f(_mm512_maskz_loadu_ps(m, x + i)));                \
    }

LOOP(exp, exp_of)
LOOP(silu, silu_of)
LOOP(sigmoid, sigmoid_of)
LOOP(tanh, tanh_of)
LOOP(gelu, gelu_of)

void as_avx512_mul(float *y, const float *a, const float *b, size_t n)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        _mm512_storeu_ps(y + i, _mm512_mul_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i)));
    __mmask16 m = first(n - i);
    __m512 x = _mm512_mul_ps(_mm512_maskz_loadu_ps(m, a + i), _mm512_maskz_loadu_ps(m, b + i));
    _mm512_mask_storeu_ps(y + i, m, x);
}

void as_avx512_add(float *y, const float *a, const float *b, size_t n)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        _mm512_storeu_ps(y + i, _mm512_add_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i)));
    __mmask16 m = first(n - i);
    __m512 x = _mm512_add_ps(_mm512_maskz_loadu_ps(m, a + i), _mm512_maskz_loadu_ps(m, b + i));
    _mm512_mask_storeu_ps(y + i, m, x);
}

void as_avx512_scale(float *y, const float *x, float s, size_t n)
{
    const __m512 factor = _mm512_set1_ps(s);
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        _mm512_storeu_ps(y + i, _mm512_mul_ps(factor, _mm512_loadu_ps(x + i)));
    __mmask16 m = first(n - i);
    _mm512_mask_storeu_ps(y + i, m, _mm512_mul_ps(factor, _mm512_maskz_loadu_ps(m, x + i)));
}

void as_avx512_axpy(float *y, const float *x, float s, size_t n)
{
    const __m512 factor = _mm512_set1_ps(s);
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        _mm512_storeu_ps(y + i,
                         _mm512_fmadd_ps(factor, _mm512_loadu_ps(x + i), _mm512_loadu_ps(y + i)));
    __mmask16 m = first(n - i);
    __m512 z =
        _mm512_fmadd_ps(factor, _mm512_maskz_loadu_ps(m, x + i), _mm512_maskz_loadu_ps(m, y + i));
    _mm512_mask_storeu_ps(y + i, m, z);
}

bool as_avx512_is_finite(const float *x, size_t n)
{
    const __m512i exponent = _mm512_set1_epi32(0x7f800000);
    size_t i = 0;
    for (; i < n; i += 16) {
        __mmask16 m = n - i >= 16 ? (__mmask16)0xffff : first(n - i);
        __m512i bits = _mm512_maskz_loadu_epi32(m, x + i);
        if (_mm512_cmpeq_epi32_mask(_mm512_and_epi32(bits, exponent), exponent)) return false;
    }
    return true;
}

static float soften_64(float *s, float scale, float m)
{
    const __m512 factor = _mm512_set1_ps(scale);
    __m512 a = _mm512_mul_ps(factor, _mm512_loadu_ps(s));
    __m512 b = _mm512_mul_ps(factor, _mm512_loadu_ps(s + 16));
    __m512 c = _mm512_mul_ps(factor, _mm512_loadu_ps(s + 32));
    __m512 d = _mm512_mul_ps(factor, _mm512_loadu_ps(s + 48));
    __m512 top = _mm512_max_ps(_mm512_max_ps(a, b), _mm512_max_ps(c, d));
    top = _mm512_max_ps(top, _mm512_set1_ps(m));
    m = _mm512_reduce_max_ps(top) + 0.0f;
    const __m512 shift = _mm512_set1_ps(m);
    _mm512_storeu_ps(s, exp_of(_mm512_sub_ps(a, shift)));
    _mm512_storeu_ps(s + 16, exp_of(_mm512_sub_ps(b, shift)));
    _mm512_storeu_ps(s + 32, exp_of(_mm512_sub_ps(c, shift)));
    _mm512_storeu_ps(s + 48, exp_of(_mm512_sub_ps(d, shift)));
    return m;
}

float as_avx512_soften(float *s, size_t n, float scale, float m)
{
    if (n == 64) return soften_64(s, scale, m);
    as_avx512_scale(s, s, scale, n);
    float top = as_avx512_max(s, n);
    m = (top > m ? top : m) + 0.0f;
    const __m512 shift = _mm512_set1_ps(m);
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        _mm512_storeu_ps(s + i, exp_of(_mm512_sub_ps(_mm512_loadu_ps(s + i), shift)));
    __mmask16 tail = first(n - i);
    __m512 x = _mm512_sub_ps(_mm512_maskz_loadu_ps(tail, s + i), shift);
    if (tail) _mm512_mask_storeu_ps(s + i, tail, exp_of(x));
    return m;
}

/* a = fma(k, decay * s, a) for 16 columns of one row. */
static inline __m512 recall(const float *s, __m512 decay, __m512 k, __m512 a)
{
    return _mm512_fmadd_ps(k, _mm512_mul_ps(decay, _mm512_loadu_ps(s)), a);
}

/* s = fma(k, u, decay * s); returns fma(q, s, o). */
static inline __m512 renew(float *s, __m512 decay, __m512 k, __m512 u, __m512 q, __m512 o)
{
    __m512 x = _mm512_fmadd_ps(k, u, _mm512_mul_ps(decay, _mm512_loadu_ps(s)));
    _mm512_storeu_ps(s, x);
    return _mm512_fmadd_ps(q, x, o);
}

static inline __m512 correct(const float *v, __m512 a, __m512 beta)
{
    return _mm512_mul_ps(beta, _mm512_sub_ps(_mm512_loadu_ps(v), a));
}

/* Four times 16 columns: the sums' four chains hide the latency of fma. The decayed state is
 * computed twice and stored once. */
static void delta_64(float *o, float *s, size_t lds, const float *q, const float *k, const float *v,
                     float decay, float beta, size_t dk)
{
    const __m512 g = _mm512_set1_ps(decay), b = _mm512_set1_ps(beta), zero = _mm512_setzero_ps();
    __m512 a0 = zero, a1 = zero, a2 = zero, a3 = zero;
    const float *from = s;
    for (size_t i = 0; i < dk; i++, from += lds) {
        __m512 key = _mm512_set1_ps(k[i]);
        a0 = recall(from, g, key, a0);
        a1 = recall(from + 16, g, key, a1);
        a2 = recall(from + 32, g, key, a2);
        a3 = recall(from + 48, g, key, a3);
    }
    __m512 u0 = correct(v, a0, b), u1 = correct(v + 16, a1, b);
    __m512 u2 = correct(v + 32, a2, b), u3 = correct(v + 48, a3, b);
    __m512 o0 = zero, o1 = zero, o2 = zero, o3 = zero;
    for (size_t i = 0; i < dk; i++, s += lds) {
        __m512 key = _mm512_set1_ps(k[i]), query = _mm512_set1_ps(q[i]);
        o0 = renew(s, g, key, u0, query, o0);
        o1 = renew(s + 16, g, key, u1, query, o1);
        o2 = renew(s + 32, g, key, u2, query, o2);
        o3 = renew(s + 48, g, key, u3, query, o3);
    }
    _mm512_storeu_ps(o, o0);
    _mm512_storeu_ps(o + 16, o1);
    _mm512_storeu_ps(o + 32, o2);
    _mm512_storeu_ps(o + 48, o3);
}

static void delta_16(float *o, float *s, size_t lds, const float *q, const float *k, const float *v,
                     float decay, float beta, size_t dk, __mmask16 m)
{
    const __m512 g = _mm512_set1_ps(decay);
    __m512 a = _mm512_setzero_ps(), sum = _mm512_setzero_ps();
    for (size_t i = 0; i < dk; i++) {
        __m512 x = _mm512_mul_ps(g, _mm512_maskz_loadu_ps(m, s + i * lds));
        a = _mm512_fmadd_ps(_mm512_set1_ps(k[i]), x, a);
    }
    __m512 u = _mm512_sub_ps(_mm512_maskz_loadu_ps(m, v), a);
    u = _mm512_mul_ps(_mm512_set1_ps(beta), u);
    for (size_t i = 0; i < dk; i++) {
        __m512 x = _mm512_mul_ps(g, _mm512_maskz_loadu_ps(m, s + i * lds));
        x = _mm512_fmadd_ps(_mm512_set1_ps(k[i]), u, x);
        _mm512_mask_storeu_ps(s + i * lds, m, x);
        sum = _mm512_fmadd_ps(_mm512_set1_ps(q[i]), x, sum);
    }
    _mm512_mask_storeu_ps(o, m, sum);
}

void as_avx512_delta_step(float *o, float *s, size_t lds, const float *q, const float *k,
                          const float *v, float decay, float beta, size_t dk, size_t n)
{
    size_t c = 0;
    for (; c + 64 <= n; c += 64) delta_64(o + c, s + c, lds, q, k, v + c, decay, beta, dk);
    for (; c < n; c += 16) {
        __mmask16 m = n - c >= 16 ? (__mmask16)0xffff : first(n - c);
        delta_16(o + c, s + c, lds, q, k, v + c, decay, beta, dk, m);
    }
}

typedef struct {
    __m512 of_m, of_v, rate, eps, decay;
    __mmask16 odd; /* where a result is not finite */
} adamw;

static inline void adamw_16(adamw *a, float *p, float *m, float *v, const float *g, __mmask16 k,
                            bool is_trial)
{
    __m512 p1 = _mm512_maskz_loadu_ps(k, p), m1 = _mm512_maskz_loadu_ps(k, m);
    __m512 v1 = _mm512_maskz_loadu_ps(k, v), g1 = _mm512_maskz_loadu_ps(k, g);
    m1 = _mm512_add_ps(m1, _mm512_mul_ps(a->of_m, _mm512_sub_ps(g1, m1)));
    __m512 square = _mm512_sub_ps(_mm512_mul_ps(g1, g1), v1);
    v1 = _mm512_add_ps(v1, _mm512_mul_ps(a->of_v, square));
    __m512 ratio = _mm512_div_ps(m1, _mm512_add_ps(_mm512_sqrt_ps(v1), a->eps));
    __m512 change = _mm512_add_ps(_mm512_mul_ps(a->rate, ratio), _mm512_mul_ps(a->decay, p1));
    p1 = _mm512_sub_ps(p1, change);
    __m512 odd = _mm512_add_ps(_mm512_sub_ps(m1, m1), _mm512_sub_ps(v1, v1));
    odd = _mm512_add_ps(odd, _mm512_sub_ps(p1, p1)); /* 0 or NaN */
    a->odd |= _mm512_mask_cmp_ps_mask(k, odd, odd, _CMP_UNORD_Q);
    if (is_trial) return;
    _mm512_mask_storeu_ps(p, k, p1);
    _mm512_mask_storeu_ps(m, k, m1);
    _mm512_mask_storeu_ps(v, k, v1);
}

bool as_avx512_adamw(float *p, float *m, float *v, const float *g, const as_adamw *a, size_t n,
                     bool is_trial)
{
    adamw x = {.of_m = _mm512_set1_ps(a->of_m),
               .of_v = _mm512_set1_ps(a->of_v),
               .rate = _mm512_set1_ps(a->rate),
               .eps = _mm512_set1_ps(a->eps),
               .decay = _mm512_set1_ps(a->decay)};
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        adamw_16(&x, p + i, m + i, v + i, g + i, (__mmask16)0xffff, is_trial);
    if (i < n) adamw_16(&x, p + i, m + i, v + i, g + i, first(n - i), is_trial);
    return x.odd == 0;
}
#endif
