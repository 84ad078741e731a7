/* Products and widening for AVX2 with FMA and F16C: sixteen outputs in two registers. */
#include "engine/tensor/linear_internal.h"

#ifdef __x86_64__
#include <immintrin.h>

/* ---- products ---- */

/* M rows of one panel, in registers over the whole of k. */
AS_INLINE void block(const size_t M, float *c, size_t ldc, const float *a, size_t lda,
                     const float *b, size_t ldb, size_t k)
{
    __m256 acc[6][2];
    AS_UNROLL
    for (size_t i = 0; i < M; i++) {
        acc[i][0] = _mm256_loadu_ps(c + i * ldc);
        acc[i][1] = _mm256_loadu_ps(c + i * ldc + 8);
    }
    for (size_t p = 0; p < k; p++) {
        __m256 low = _mm256_loadu_ps(b + p * ldb), high = _mm256_loadu_ps(b + p * ldb + 8);
        AS_UNROLL
        for (size_t i = 0; i < M; i++) {
            __m256 x = _mm256_broadcast_ss(a + i * lda + p);
            acc[i][0] = _mm256_fmadd_ps(x, low, acc[i][0]);
            acc[i][1] = _mm256_fmadd_ps(x, high, acc[i][1]);
        }
    }
    AS_UNROLL
    for (size_t i = 0; i < M; i++) {
        _mm256_storeu_ps(c + i * ldc, acc[i][0]);
        _mm256_storeu_ps(c + i * ldc + 8, acc[i][1]);
    }
}

/* One row of four panels: eight sums keep the multipliers busy where one panel cannot. */
static void row(float *c, const float *a, const float *b, size_t ldb, size_t k)
{
    __m256 acc[8];
    AS_UNROLL
    for (size_t j = 0; j < 8; j++) acc[j] = _mm256_loadu_ps(c + 8 * j);
    for (size_t p = 0; p < k; p++) {
        __m256 x = _mm256_broadcast_ss(a + p);
        AS_UNROLL
        for (size_t j = 0; j < 8; j++)
            acc[j] = _mm256_fmadd_ps(x, _mm256_loadu_ps(b + p * ldb + 8 * j), acc[j]);
    }
    AS_UNROLL
    for (size_t j = 0; j < 8; j++) _mm256_storeu_ps(c + 8 * j, acc[j]);
}

static void strip(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb,
                  size_t m, size_t k)
{
    for (; m >= 6; m -= 6, c += 6 * ldc, a += 6 * lda) block(6, c, ldc, a, lda, b, ldb, k);
    if (m >= 3) {
        block(3, c, ldc, a, lda, b, ldb, k);
        m -= 3, c += 3 * ldc, a += 3 * lda;
    }
    if (m == 2) block(2, c, ldc, a, lda, b, ldb, k);
    if (m == 1) block(1, c, ldc, a, lda, b, ldb, k);
}

void as_avx2_tile(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb,
                  size_t m, size_t n, size_t k)
{
    for (; m == 1 && n >= 64; n -= 64, c += 64, b += 64) row(c, a, b, ldb, k);
    for (; n >= 16; n -= 16, c += 16, b += 16) strip(c, ldc, a, lda, b, ldb, m, k);
}

double as_avx2_peak(size_t n)
{
    __m256 x[12], half = _mm256_set1_ps(0.5f), three = _mm256_set1_ps(0.75f), sum = half;
    AS_UNROLL
    for (int j = 0; j < 12; j++) x[j] = _mm256_set1_ps((float)j);
    for (size_t i = 0; i < n; i++) {
        AS_UNROLL
        for (int j = 0; j < 12; j++) x[j] = _mm256_fmadd_ps(x[j], three, half);
    }
    AS_UNROLL
    for (int j = 0; j < 12; j++) sum = _mm256_add_ps(sum, x[j]);
    volatile float used = _mm256_cvtss_f32(sum);
    (void)used;
    return 192 * (double)n;
}

/* ---- widening: eight outputs of one input at a time, `half` 0 or 8 ---- */

AS_INLINE __m256i lanes(const void *p)
{
    return _mm256_loadu_si256(p);
}

AS_INLINE __m256 half_floats(const uint16_t *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
}

AS_INLINE __m256 bytes(const void *p)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(p)));
}

AS_INLINE __m256 unsigned_bytes(const void *p)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(p)));
}

AS_INLINE __m256i low_bits(__m256i q, size_t from, int mask)
{
    return _mm256_and_si256(_mm256_srl_epi32(q, _mm_cvtsi32_si128((int)from)),
                            _mm256_set1_epi32(mask));
}

void as_avx2_widen_f32(float *out, size_t ldo, const void *panel, size_t n_in, size_t k0, size_t nk)
{
    (void)n_in;
    const float *w = (const float *)panel + 16 * k0;
    for (size_t k = 0; k < nk; k++, out += ldo, w += 16) {
        _mm256_storeu_ps(out, _mm256_loadu_ps(w));
        _mm256_storeu_ps(out + 8, _mm256_loadu_ps(w + 8));
    }
}

void as_avx2_widen_f16(float *out, size_t ldo, const void *panel, size_t n_in, size_t k0, size_t nk)
{
    (void)n_in;
    const uint16_t *w = (const uint16_t *)panel + 16 * k0;
    for (size_t k = 0; k < nk; k++, out += ldo, w += 16) {
        _mm256_storeu_ps(out, half_floats(w));
        _mm256_storeu_ps(out + 8, half_floats(w + 8));
    }
}

AS_INLINE __m256 low_half(__m256i pair)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(pair, 16));
}

AS_INLINE __m256 high_half(__m256i pair)
{
    return _mm256_castsi256_ps(_mm256_and_si256(pair, _mm256_set1_epi32((int)0xffff0000u)));
}

void as_avx2_widen_bf16(float *out, size_t ldo, const void *panel, size_t n_in, size_t k0,
                        size_t nk)
{
    (void)n_in;
    const uint32_t *w = (const uint32_t *)panel + 16 * (k0 / 2);
    const size_t end = k0 + nk;
    for (size_t k = k0; k < end; w += 16) {
        __m256i a = lanes(w), b = lanes(w + 8);
        if (k % 2 == 0) {
            _mm256_storeu_ps(out, low_half(a));
            _mm256_storeu_ps(out + 8, low_half(b));
            out += ldo;
            if (++k == end) return;
        }
        _mm256_storeu_ps(out, high_half(a));
        _mm256_storeu_ps(out + 8, high_half(b));
        out += ldo;
        k++;
    }
}

void as_avx2_widen_q8_0(float *out, size_t ldo, const void *panel, size_t n_in, size_t k0,
                        size_t nk)
{
    (void)n_in;
    const as_panel_q8_0 *b = (const as_panel_q8_0 *)panel + k0 / 32;
    for (size_t k = 0; k < nk; k += 32, b++) {
        __m256 d0 = half_floats(b->d), d1 = half_floats(b->d + 8);
        for (size_t i = 0; i < 32; i++, out += ldo) {
            _mm256_storeu_ps(out, _mm256_mul_ps(d0, bytes(b->q[i])));
            _mm256_storeu_ps(out + 8, _mm256_mul_ps(d1, bytes(b->q[i] + 8)));
        }
    }
}

void as_avx2_widen_q4_0(float *out, size_t ldo, const void *panel, size_t n_in, size_t k0,
                        size_t nk)
{
    (void)n_in;
    const as_panel_q4_0 *b = (const as_panel_q4_0 *)panel + k0 / 32;
    const __m256i eight = _mm256_set1_epi32(8);
    for (size_t k = 0; k < nk; k += 32, b++, out += 32 * ldo) {
        for (size_t half = 0; half < 16; half += 8) {
            __m256 d = half_floats(b->d + half);
            for (size_t i = 0; i < 32; i++) {
                __m256i q = low_bits(lanes(b->q[i / 8] + half), 4 * (i % 8), 15);
                __m256 code = _mm256_cvtepi32_ps(_mm256_sub_epi32(q, eight));
                _mm256_storeu_ps(out + i * ldo + half, _mm256_mul_ps(d, code));
            }
        }
    }
}

void as_avx2_widen_q4_k(float *out, size_t ldo, const void *panel, size_t n_in, size_t k0,
                        size_t nk)
{
    (void)n_in;
    const as_panel_q4_k *b = (const as_panel_q4_k *)panel + k0 / 256;
    for (size_t at = 0; at < nk; at += 32, out += 32 * ldo) {
        const as_panel_q4_k *p = b + at / 256;
        const size_t s = at % 256 / 32;
        for (size_t half = 0; half < 16; half += 8) {
            __m256 scale =
                _mm256_mul_ps(half_floats(p->d + half), unsigned_bytes(p->sub[s].scale + half));
            __m256 min =
                _mm256_mul_ps(half_floats(p->dmin + half), unsigned_bytes(p->sub[s].min + half));
            for (size_t i = 0; i < 32; i++) {
                __m256i q = low_bits(lanes(p->sub[s].q[i / 8] + half), 4 * (i % 8), 15);
                /* scale * code is exact (21 bits), so one rounding is all there is. */
                _mm256_storeu_ps(out + i * ldo + half,
                                 _mm256_fmsub_ps(scale, _mm256_cvtepi32_ps(q), min));
            }
        }
    }
}

/* The code of input i of a run of 32 codes of five bits. */
AS_INLINE __m256i five_bits(const uint32_t q[5][16], size_t half, size_t i)
{
    if (i < 30) return low_bits(lanes(q[i / 6] + half), 5 * (i % 6), 31);
    const size_t first = i == 30 ? 0 : 2;
    __m256i low = low_bits(lanes(q[first] + half), 30, 3);
    __m256i mid = low_bits(lanes(q[first + 1] + half), 30, 3);
    __m256i top = low_bits(lanes(q[4] + half), i, 1);
    return _mm256_or_si256(low,
                           _mm256_or_si256(_mm256_slli_epi32(mid, 2), _mm256_slli_epi32(top, 4)));
}

void as_avx2_widen_q5_k(float *out, size_t ldo, const void *panel, size_t n_in, size_t k0,
                        size_t nk)
{
    (void)n_in;
    const as_panel_q5_k *b = (const as_panel_q5_k *)panel + k0 / 256;
    for (size_t at = 0; at < nk; at += 32, out += 32 * ldo) {
        const as_panel_q5_k *p = b + at / 256;
        const size_t s = at % 256 / 32;
        for (size_t half = 0; half < 16; half += 8) {
            __m256 scale =
                _mm256_mul_ps(half_floats(p->d + half), unsigned_bytes(p->sub[s].scale + half));
            __m256 min =
                _mm256_mul_ps(half_floats(p->dmin + half), unsigned_bytes(p->sub[s].min + half));
            for (size_t i = 0; i < 32; i++) {
                __m256 code = _mm256_cvtepi32_ps(five_bits(p->sub[s].q, half, i));
                _mm256_storeu_ps(out + i * ldo + half, _mm256_fmsub_ps(scale, code, min));
            }
        }
    }
}

AS_INLINE __m256i six_bits(const uint32_t q[3][16], size_t half, size_t i)
{
    if (i < 15) return low_bits(lanes(q[i / 5] + half), 6 * (i % 5), 63);
    __m256i low = low_bits(lanes(q[0] + half), 30, 3), mid = low_bits(lanes(q[1] + half), 30, 3);
    __m256i top = low_bits(lanes(q[2] + half), 30, 3);
    return _mm256_or_si256(low,
                           _mm256_or_si256(_mm256_slli_epi32(mid, 2), _mm256_slli_epi32(top, 4)));
}

void as_avx2_widen_q6_k(float *out, size_t ldo, const void *panel, size_t n_in, size_t k0,
                        size_t nk)
{
    (void)n_in;
    const as_panel_q6_k *b = (const as_panel_q6_k *)panel + k0 / 256;
    const __m256i middle = _mm256_set1_epi32(32);
    for (size_t at = 0; at < nk; at += 16, out += 16 * ldo) {
        const as_panel_q6_k *p = b + at / 256;
        const size_t s = at % 256 / 16;
        for (size_t half = 0; half < 16; half += 8) {
            __m256 scale = _mm256_mul_ps(half_floats(p->d + half), bytes(p->sub[s].scale + half));
            for (size_t i = 0; i < 16; i++) {
                __m256i q = _mm256_xor_si256(six_bits(p->sub[s].q, half, i), middle);
                q = _mm256_sub_epi32(q, middle); /* two's complement */
                _mm256_storeu_ps(out + i * ldo + half, _mm256_mul_ps(scale, _mm256_cvtepi32_ps(q)));
            }
        }
    }
}

AS_INLINE __m256 cut(__m256 x)
{
    const __m256i half = _mm256_set1_epi32(0x8000), top = _mm256_set1_epi32((int)0xffff0000u);
    return _mm256_castsi256_ps(
        _mm256_and_si256(_mm256_add_epi32(_mm256_castps_si256(x), half), top));
}

AS_INLINE __m256 nf4_round(__m256 x, uint32_t to)
{
    return to == AS_BF16  ? cut(x)
           : to == AS_F16 ? _mm256_cvtph_ps(_mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT))
                          : x;
}

void as_avx2_widen_nf4(float *out, size_t ldo, const void *panel, size_t n_in, size_t k0, size_t nk)
{
    (void)n_in;
    const as_panel_nf4_head *head = panel;
    const as_panel_nf4 *b = (const as_panel_nf4 *)(head + 1) + k0 / 64;
    const __m256 low = _mm256_loadu_ps(head->map), high = _mm256_loadu_ps(head->map + 8);
    for (size_t k = 0; k < nk; k += 64, b++, out += 64 * ldo) {
        for (size_t half = 0; half < 16; half += 8) {
            __m256 scale = _mm256_loadu_ps(b->scale + half);
            for (size_t i = 0; i < 64; i++) {
                __m256i q = _mm256_srl_epi32(lanes(b->q[i / 8] + half),
                                             _mm_cvtsi32_si128((int)(4 * (i % 8))));
                /* Bits 0 to 2 choose within eight values, bit 3 (brought to the sign) which eight.
                 */
                __m256 value = _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, q),
                                                _mm256_permutevar8x32_ps(high, q),
                                                _mm256_castsi256_ps(_mm256_slli_epi32(q, 28)));
                _mm256_storeu_ps(out + i * ldo + half,
                                 nf4_round(_mm256_mul_ps(value, scale), head->round_to));
            }
        }
    }
}
#endif
