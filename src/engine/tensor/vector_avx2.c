/* The loops over vectors for AVX2 with FMA, 8 elements at a time; what they compute is in
 * vector_internal.h. Sums keep lanes 0..7 and 8..15 in two registers. Tails are masked: a masked
 * lane keeps its bits. */
#include "engine/tensor/vector_internal.h"

#ifdef __x86_64__
#include <immintrin.h>
#include <math.h>
#include <stdint.h>

/* Ones in the first n lanes; n >= 8: in all. */
static inline __m256i first(size_t n)
{
    static const int32_t ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(const void *)(ones + 8 - (n < 8 ? n : 8)));
}

/* 2^(n - 127) for the low 8 bits of each n. */
static inline __m256 power(__m256i n)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(n, 23));
}

/* exp(x) = 2^n (1 + return value). */
static inline __m256 reduce(__m256 x, __m256i *n_bits)
{
    const __m256 bias = _mm256_set1_ps(AS_ROUND_BIAS);
    __m256 z = _mm256_fmadd_ps(x, _mm256_set1_ps(AS_LOG2_E), bias);
    __m256 n = _mm256_sub_ps(z, bias);
    *n_bits = _mm256_sub_epi32(_mm256_castps_si256(z), _mm256_castps_si256(bias));
    __m256 r = _mm256_fmadd_ps(n, _mm256_set1_ps(-AS_LN2_HIGH), x);
    r = _mm256_fmadd_ps(n, _mm256_set1_ps(-AS_LN2_LOW), r);
    __m256 q = _mm256_fmadd_ps(_mm256_set1_ps(AS_EXP_6), r, _mm256_set1_ps(AS_EXP_5));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(AS_EXP_4));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(AS_EXP_3));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(AS_EXP_2));
    return _mm256_fmadd_ps(q, _mm256_mul_ps(r, r), r);
}

/* Lanes outside the range are computed from 0: a subnormal result nobody wants is slow. */
static inline __m256 exp_of(__m256 x)
{
    __m256 low = _mm256_cmp_ps(x, _mm256_set1_ps(AS_EXP_LOW), _CMP_LT_OQ);
    __m256 high = _mm256_cmp_ps(x, _mm256_set1_ps(AS_EXP_HIGH), _CMP_GT_OQ);
    __m256 nan = _mm256_cmp_ps(x, x, _CMP_UNORD_Q);
    __m256i n;
    __m256 e = reduce(_mm256_andnot_ps(_mm256_or_ps(_mm256_or_ps(low, high), nan), x), &n);
    e = _mm256_add_ps(e, _mm256_set1_ps(1.0f));
    n = _mm256_add_epi32(n, _mm256_set1_epi32(256)); /* positive */
    __m256i half = _mm256_srli_epi32(n, 1), one = _mm256_set1_epi32(127 - 128);
    e = _mm256_mul_ps(e, power(_mm256_add_epi32(half, one)));
    e = _mm256_mul_ps(e, power(_mm256_add_epi32(_mm256_sub_epi32(n, half), one)));
    e = _mm256_andnot_ps(low, e);
    e = _mm256_blendv_ps(e, _mm256_set1_ps(INFINITY), high);
    return _mm256_blendv_ps(e, x, nan);
}

static inline __m256 negative(__m256 x)
{
    return _mm256_xor_ps(x, _mm256_set1_ps(-0.0f));
}

static inline __m256 over_one_plus_exp(__m256 x, __m256 z)
{
    return _mm256_div_ps(x, _mm256_add_ps(_mm256_set1_ps(1.0f), exp_of(z)));
}

static inline __m256 sigmoid_of(__m256 x)
{
    return over_one_plus_exp(_mm256_set1_ps(1.0f), negative(x));
}

static inline __m256 silu_of(__m256 x)
{
    return over_one_plus_exp(x, negative(x));
}

static inline __m256 tanh_of(__m256 x)
{
    const __m256 one = _mm256_set1_ps(1.0f), sign = _mm256_set1_ps(-0.0f);
    __m256 nan = _mm256_cmp_ps(x, x, _CMP_UNORD_Q);
    __m256 a = _mm256_min_ps(_mm256_andnot_ps(sign, x), _mm256_set1_ps(AS_TANH_END));
    __m256i n;
    __m256 e = reduce(_mm256_add_ps(a, a), &n);
    __m256 s = power(_mm256_add_epi32(n, _mm256_set1_epi32(127)));
    __m256 u = _mm256_fmadd_ps(e, s, _mm256_sub_ps(s, one));
    __m256 t = _mm256_div_ps(u, _mm256_add_ps(u, _mm256_set1_ps(2.0f)));
    t = _mm256_or_ps(_mm256_andnot_ps(sign, t), _mm256_and_ps(sign, x));
    return _mm256_blendv_ps(t, x, nan);
}

static inline __m256 gelu_of(__m256 x)
{
    __m256 t = _mm256_mul_ps(_mm256_mul_ps(x, x), _mm256_set1_ps(AS_GELU_CUBE));
    __m256 w = _mm256_fmadd_ps(t, x, x);
    return over_one_plus_exp(x, _mm256_mul_ps(w, _mm256_set1_ps(AS_GELU_SCALE)));
}

/* Lane i + lane i+8, then +4, +2, +1. */
static inline float tree(__m256 low, __m256 high)
{
    __m256 a = _mm256_add_ps(low, high);
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
}

/* lane + x y in the first n lanes. */
static inline __m256 dot_tail(__m256 lane, const float *x, const float *y, size_t n)
{
    __m256i m = first(n);
    __m256 sum = _mm256_fmadd_ps(_mm256_maskload_ps(x, m), _mm256_maskload_ps(y, m), lane);
    return _mm256_blendv_ps(lane, sum, _mm256_castsi256_ps(m));
}

float as_avx2_dot(const float *x, const float *y, size_t n)
{
    __m256 low = _mm256_setzero_ps(), high = low;
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        low = _mm256_fmadd_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i), low);
        high = _mm256_fmadd_ps(_mm256_loadu_ps(x + i + 8), _mm256_loadu_ps(y + i + 8), high);
    }
    if (i < n) low = dot_tail(low, x + i, y + i, n - i);
    if (i + 8 < n) high = dot_tail(high, x + i + 8, y + i + 8, n - i - 8);
    return tree(low, high);
}

static inline __m256 sum_tail(__m256 lane, const float *x, size_t n)
{
    __m256i m = first(n);
    __m256 sum = _mm256_add_ps(lane, _mm256_maskload_ps(x, m));
    return _mm256_blendv_ps(lane, sum, _mm256_castsi256_ps(m));
}

float as_avx2_sum(const float *x, size_t n)
{
    __m256 low = _mm256_setzero_ps(), high = low;
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        low = _mm256_add_ps(low, _mm256_loadu_ps(x + i));
        high = _mm256_add_ps(high, _mm256_loadu_ps(x + i + 8));
    }
    if (i < n) low = sum_tail(low, x + i, n - i);
    if (i + 8 < n) high = sum_tail(high, x + i + 8, n - i - 8);
    return tree(low, high);
}

static inline float largest(__m256 a)
{
    __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(b, _mm_movehdup_ps(b))) + 0.0f;
}

float as_avx2_max(const float *x, size_t n)
{
    __m256 lane = _mm256_set1_ps(x[0]);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) lane = _mm256_max_ps(lane, _mm256_loadu_ps(x + i));
    __m256i m = first(n - i);
    __m256 top = _mm256_max_ps(lane, _mm256_maskload_ps(x + i, m));
    return largest(_mm256_blendv_ps(lane, top, _mm256_castsi256_ps(m)));
}

#define LOOP(name, f)                                                                              \
    void as_avx2_##name(float *y, const float *x, size_t n)                                        \
    {                                                                                              \
        size_t i = 0;                                                                              \
        for (; i + 8 <= n; i += 8) _mm256_storeu_ps(y + i, f(_mm256_loadu_ps(x + i)));             \
        __m256i m = first(n - i);                                                                  \
        if (i < n) _mm256_maskstore_ps(y + i, m, f(_mm256_maskload_ps(x + i, m)));                 \
    }

LOOP(exp, exp_of)
LOOP(silu, silu_of)
LOOP(sigmoid, sigmoid_of)
LOOP(tanh, tanh_of)
LOOP(gelu, gelu_of)

void as_avx2_mul(float *y, const float *a, const float *b, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i, _mm256_mul_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i)));
    __m256i m = first(n - i);
    __m256 x = _mm256_mul_ps(_mm256_maskload_ps(a + i, m), _mm256_maskload_ps(b + i, m));
    _mm256_maskstore_ps(y + i, m, x);
}

void as_avx2_add(float *y, const float *a, const float *b, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i, _mm256_add_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i)));
    __m256i m = first(n - i);
    __m256 x = _mm256_add_ps(_mm256_maskload_ps(a + i, m), _mm256_maskload_ps(b + i, m));
    _mm256_maskstore_ps(y + i, m, x);
}

void as_avx2_scale(float *y, const float *x, float s, size_t n)
{
    const __m256 factor = _mm256_set1_ps(s);
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i, _mm256_mul_ps(factor, _mm256_loadu_ps(x + i)));
    __m256i m = first(n - i);
    _mm256_maskstore_ps(y + i, m, _mm256_mul_ps(factor, _mm256_maskload_ps(x + i, m)));
}

void as_avx2_axpy(float *y, const float *x, float s, size_t n)
{
    const __m256 factor = _mm256_set1_ps(s);
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i,
                         _mm256_fmadd_ps(factor, _mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i)));
    __m256i m = first(n - i);
    __m256 z = _mm256_fmadd_ps(factor, _mm256_maskload_ps(x + i, m), _mm256_maskload_ps(y + i, m));
    _mm256_maskstore_ps(y + i, m, z);
}

bool as_avx2_is_finite(const float *x, size_t n)
{
    const __m256i exponent = _mm256_set1_epi32(0x7f800000);
    for (size_t i = 0; i < n; i += 8) {
        __m256i bits = _mm256_castps_si256(_mm256_maskload_ps(x + i, first(n - i)));
        bits = _mm256_cmpeq_epi32(_mm256_and_si256(bits, exponent), exponent);
        if (_mm256_movemask_epi8(bits)) return false;
    }
    return true;
}

float as_avx2_soften(float *s, size_t n, float scale, float m)
{
    const __m256 factor = _mm256_set1_ps(scale), low = _mm256_set1_ps(m);
    __m256 top = low;
    for (size_t i = 0; i < n; i += 8) {
        __m256i k = first(n - i);
        __m256 x = _mm256_mul_ps(factor, _mm256_maskload_ps(s + i, k));
        _mm256_maskstore_ps(s + i, k, x);
        top = _mm256_max_ps(top, _mm256_blendv_ps(low, x, _mm256_castsi256_ps(k)));
    }
    m = largest(top);
    const __m256 shift = _mm256_set1_ps(m);
    for (size_t i = 0; i < n; i += 8) {
        __m256i k = first(n - i);
        __m256 x = _mm256_sub_ps(_mm256_maskload_ps(s + i, k), shift);
        _mm256_maskstore_ps(s + i, k, exp_of(x));
    }
    return m;
}

/* a = fma(k, decay * s, a) for 8 columns of one row. */
static inline __m256 recall(const float *s, __m256 decay, __m256 k, __m256 a)
{
    return _mm256_fmadd_ps(k, _mm256_mul_ps(decay, _mm256_loadu_ps(s)), a);
}

/* s = fma(k, u, decay * s); returns fma(q, s, o). */
static inline __m256 renew(float *s, __m256 decay, __m256 k, __m256 u, __m256 q, __m256 o)
{
    __m256 x = _mm256_fmadd_ps(k, u, _mm256_mul_ps(decay, _mm256_loadu_ps(s)));
    _mm256_storeu_ps(s, x);
    return _mm256_fmadd_ps(q, x, o);
}

static inline __m256 correct(const float *v, __m256 a, __m256 beta)
{
    return _mm256_mul_ps(beta, _mm256_sub_ps(_mm256_loadu_ps(v), a));
}

/* Four times 8 columns: the sums' four chains hide the latency of fma. The decayed state is
 * computed twice and stored once. */
static void delta_32(float *o, float *s, size_t lds, const float *q, const float *k, const float *v,
                     float decay, float beta, size_t dk)
{
    const __m256 g = _mm256_set1_ps(decay), b = _mm256_set1_ps(beta), zero = _mm256_setzero_ps();
    __m256 a0 = zero, a1 = zero, a2 = zero, a3 = zero;
    const float *from = s;
    for (size_t i = 0; i < dk; i++, from += lds) {
        __m256 key = _mm256_set1_ps(k[i]);
        a0 = recall(from, g, key, a0);
        a1 = recall(from + 8, g, key, a1);
        a2 = recall(from + 16, g, key, a2);
        a3 = recall(from + 24, g, key, a3);
    }
    __m256 u0 = correct(v, a0, b), u1 = correct(v + 8, a1, b);
    __m256 u2 = correct(v + 16, a2, b), u3 = correct(v + 24, a3, b);
    __m256 o0 = zero, o1 = zero, o2 = zero, o3 = zero;
    for (size_t i = 0; i < dk; i++, s += lds) {
        __m256 key = _mm256_set1_ps(k[i]), query = _mm256_set1_ps(q[i]);
        o0 = renew(s, g, key, u0, query, o0);
        o1 = renew(s + 8, g, key, u1, query, o1);
        o2 = renew(s + 16, g, key, u2, query, o2);
        o3 = renew(s + 24, g, key, u3, query, o3);
    }
    _mm256_storeu_ps(o, o0);
    _mm256_storeu_ps(o + 8, o1);
    _mm256_storeu_ps(o + 16, o2);
    _mm256_storeu_ps(o + 24, o3);
}

static void delta_8(float *o, float *s, size_t lds, const float *q, const float *k, const float *v,
                    float decay, float beta, size_t dk, __m256i m)
{
    const __m256 g = _mm256_set1_ps(decay);
    __m256 a = _mm256_setzero_ps(), sum = a;
    for (size_t i = 0; i < dk; i++) {
        __m256 x = _mm256_mul_ps(g, _mm256_maskload_ps(s + i * lds, m));
        a = _mm256_fmadd_ps(_mm256_set1_ps(k[i]), x, a);
    }
    __m256 u = _mm256_sub_ps(_mm256_maskload_ps(v, m), a);
    u = _mm256_mul_ps(_mm256_set1_ps(beta), u);
    for (size_t i = 0; i < dk; i++) {
        __m256 x = _mm256_mul_ps(g, _mm256_maskload_ps(s + i * lds, m));
        x = _mm256_fmadd_ps(_mm256_set1_ps(k[i]), u, x);
        _mm256_maskstore_ps(s + i * lds, m, x);
        sum = _mm256_fmadd_ps(_mm256_set1_ps(q[i]), x, sum);
    }
    _mm256_maskstore_ps(o, m, sum);
}

void as_avx2_delta_step(float *o, float *s, size_t lds, const float *q, const float *k,
                        const float *v, float decay, float beta, size_t dk, size_t n)
{
    size_t c = 0;
    for (; c + 32 <= n; c += 32) delta_32(o + c, s + c, lds, q, k, v + c, decay, beta, dk);
    for (; c < n; c += 8) {
        delta_8(o + c, s + c, lds, q, k, v + c, decay, beta, dk, first(n - c));
    }
}

typedef struct {
    __m256 of_m, of_v, rate, eps, decay, odd; /* odd: NaN where a result is not finite, else 0 */
} adamw;

static inline void adamw_8(adamw *a, __m256 *p, __m256 *m, __m256 *v, __m256 g)
{
    *m = _mm256_add_ps(*m, _mm256_mul_ps(a->of_m, _mm256_sub_ps(g, *m)));
    __m256 square = _mm256_sub_ps(_mm256_mul_ps(g, g), *v);
    *v = _mm256_add_ps(*v, _mm256_mul_ps(a->of_v, square));
    __m256 ratio = _mm256_div_ps(*m, _mm256_add_ps(_mm256_sqrt_ps(*v), a->eps));
    __m256 change = _mm256_add_ps(_mm256_mul_ps(a->rate, ratio), _mm256_mul_ps(a->decay, *p));
    *p = _mm256_sub_ps(*p, change);
    __m256 odd = _mm256_add_ps(_mm256_sub_ps(*m, *m), _mm256_sub_ps(*v, *v));
    a->odd = _mm256_or_ps(a->odd, _mm256_add_ps(odd, _mm256_sub_ps(*p, *p)));
}

static void adamw_tail(adamw *a, float *p, float *m, float *v, const float *g, __m256i k,
                       bool is_trial)
{
    __m256 p1 = _mm256_maskload_ps(p, k), m1 = _mm256_maskload_ps(m, k);
    __m256 v1 = _mm256_maskload_ps(v, k), before = a->odd;
    adamw_8(a, &p1, &m1, &v1, _mm256_maskload_ps(g, k));
    a->odd = _mm256_blendv_ps(before, a->odd, _mm256_castsi256_ps(k));
    if (is_trial) return;
    _mm256_maskstore_ps(p, k, p1);
    _mm256_maskstore_ps(m, k, m1);
    _mm256_maskstore_ps(v, k, v1);
}

bool as_avx2_adamw(float *p, float *m, float *v, const float *g, const as_adamw *a, size_t n,
                   bool is_trial)
{
    adamw x = {_mm256_set1_ps(a->of_m), _mm256_set1_ps(a->of_v),  _mm256_set1_ps(a->rate),
               _mm256_set1_ps(a->eps),  _mm256_set1_ps(a->decay), _mm256_setzero_ps()};
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 p1 = _mm256_loadu_ps(p + i), m1 = _mm256_loadu_ps(m + i);
        __m256 v1 = _mm256_loadu_ps(v + i);
        adamw_8(&x, &p1, &m1, &v1, _mm256_loadu_ps(g + i));
        if (is_trial) continue;
        _mm256_storeu_ps(p + i, p1);
        _mm256_storeu_ps(m + i, m1);
        _mm256_storeu_ps(v + i, v1);
    }
    if (i < n) adamw_tail(&x, p + i, m + i, v + i, g + i, first(n - i), is_trial);
    return _mm256_movemask_ps(_mm256_cmp_ps(x.odd, x.odd, _CMP_UNORD_Q)) == 0;
}
#endif
