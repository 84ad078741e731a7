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

/* All rows, in blocks of nearly equal height. */
static void strip(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb,
                  size_t m, size_t k)
{
    for (size_t blocks = (m + 5) / 6, h; blocks > 0; blocks--) {
        h = (m + blocks - 1) / blocks;
        if (h == 1) block(1, c, ldc, a, lda, b, ldb, k);
        if (h == 2) block(2, c, ldc, a, lda, b, ldb, k);
        if (h == 3) block(3, c, ldc, a, lda, b, ldb, k);
        if (h == 4) block(4, c, ldc, a, lda, b, ldb, k);
        if (h == 5) block(5, c, ldc, a, lda, b, ldb, k);
        if (h == 6) block(6, c, ldc, a, lda, b, ldb, k);
        m -= h, c += h * ldc, a += h * lda;
    }
}

void as_avx2_tile(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb,
                  size_t m, size_t n, size_t k)
{
    for (; m == 1 && n >= 64; n -= 64, c += 64, b += 64) row(c, a, b, ldb, k);
    for (; n >= 16; n -= 16, c += 16, b += 16) strip(c, ldc, a, lda, b, ldb, m, k);
}

/* y (8, 8) = x^T: pairs, then fours of rows side by side, then halves. */
static void turn(float *y, size_t ldy, const float *x, size_t ldx)
{
    __m256 r[8], t[8];
    AS_UNROLL
    for (size_t i = 0; i < 8; i += 2) {
        __m256 a = _mm256_loadu_ps(x + i * ldx), b = _mm256_loadu_ps(x + (i + 1) * ldx);
        t[i] = _mm256_unpacklo_ps(a, b);
        t[i + 1] = _mm256_unpackhi_ps(a, b);
    }
    AS_UNROLL
    for (size_t i = 0; i < 8; i += 4) {
        r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    AS_UNROLL
    for (size_t j = 0; j < 4; j++) {
        _mm256_storeu_ps(y + j * ldy, _mm256_permute2f128_ps(r[j], r[4 + j], 0x20));
        _mm256_storeu_ps(y + (4 + j) * ldy, _mm256_permute2f128_ps(r[j], r[4 + j], 0x31));
    }
}

void as_avx2_transpose(float *y, size_t ldy, const float *x, size_t ldx, size_t rows, size_t cols)
{
    const size_t whole_rows = rows / 8 * 8, whole_cols = cols / 8 * 8;
    for (size_t i = 0; i < whole_rows; i += 8) {
        for (size_t j = 0; j < whole_cols; j += 8) turn(y + j * ldy + i, ldy, x + i * ldx + j, ldx);
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = i < whole_rows ? whole_cols : 0; j < cols; j++)
            y[j * ldy + i] = x[i * ldx + j];
    }
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

/* ---- packed panels: linear_internal.h says how they are read ---- */

typedef struct {
    const uint8_t *word;  /* first of the part */
    const uint8_t *bytes; /* of the word taken, for Q8_0 */
    __m256 scale[2], min[2];
    __m256i codes[2];
} reader;

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

/* Scale and minimum of outputs 8h to 8h + 7 of a part of Q4_K or Q5_K. */
AS_INLINE void k_scale(reader *r, size_t h, const uint16_t *d, const uint16_t *dmin,
                       const uint8_t *scale, const uint8_t *min)
{
    r->scale[h] = _mm256_mul_ps(half_floats(d + 8 * h), unsigned_bytes(scale + 8 * h));
    r->min[h] = _mm256_mul_ps(half_floats(dmin + 8 * h), unsigned_bytes(min + 8 * h));
}

/* Goes to the part that holds input k, its first. */
AS_INLINE void open_part(const as_dtype t, reader *r, const uint8_t *panel, size_t k)
{
    if (t == AS_F32) r->word = panel + 64 * k;
    if (t == AS_F16 || t == AS_BF16) r->word = panel + 32 * k;
    AS_UNROLL
    for (size_t h = 0; h < 2; h++) {
        if (t == AS_Q8_0) {
            const as_panel_q8_0 *b = (const as_panel_q8_0 *)panel + k / 32;
            r->scale[h] = half_floats(b->d + 8 * h);
            r->word = (const uint8_t *)b->q;
        }
        if (t == AS_Q4_0) {
            const as_panel_q4_0 *b = (const as_panel_q4_0 *)panel + k / 32;
            r->scale[h] = half_floats(b->d + 8 * h);
            r->word = (const uint8_t *)b->q;
        }
        const size_t s = k % 256 / (t == AS_Q6_K ? 16 : 32);
        if (t == AS_Q4_K) {
            const as_panel_q4_k *b = (const as_panel_q4_k *)panel + k / 256;
            k_scale(r, h, b->d, b->dmin, b->sub[s].scale, b->sub[s].min);
            r->word = (const uint8_t *)b->sub[s].q;
        }
        if (t == AS_Q5_K) {
            const as_panel_q5_k *b = (const as_panel_q5_k *)panel + k / 256;
            k_scale(r, h, b->d, b->dmin, b->sub[s].scale, b->sub[s].min);
            r->word = (const uint8_t *)b->sub[s].q;
        }
        if (t == AS_Q6_K) { /* codes are brought to the top of their lanes: 2^26 times too large */
            const as_panel_q6_k *b = (const as_panel_q6_k *)panel + k / 256;
            __m256 d = _mm256_mul_ps(half_floats(b->d + 8 * h), _mm256_set1_ps(0x1p-26f));
            r->scale[h] = _mm256_mul_ps(d, bytes(b->sub[s].scale + 8 * h));
            r->word = (const uint8_t *)b->sub[s].q;
        }
        if (t == AS_NF4) {
            const void *blocks = panel + sizeof(as_panel_nf4_head);
            const as_panel_nf4 *b = (const as_panel_nf4 *)blocks + k / 64;
            r->scale[h] = _mm256_loadu_ps(b->scale + 8 * h);
            r->word = (const uint8_t *)b->q;
        }
    }
}

/* The pair of bits above the codes of a word, moved to bits `to` and `to` + 1. */
AS_INLINE __m256i left_over(const uint8_t *half, size_t word, int to)
{
    return _mm256_slli_epi32(_mm256_srli_epi32(lanes(half + 64 * word), 30), to);
}

AS_INLINE void take_word(const as_dtype t, reader *r, size_t word)
{
    AS_UNROLL
    for (size_t h = 0; h < 2; h++) {
        const uint8_t *half = r->word + 32 * h;
        if (t == AS_F16) {
            const uint16_t *at = (const uint16_t *)(const void *)r->word + 8 * h;
            r->codes[h] = _mm256_castps_si256(half_floats(at));
        } else if (t == AS_Q8_0) {
            r->bytes = r->word + 64 * word;
        } else if (t == AS_Q5_K && word == 5) {
            const __m256i one = _mm256_set1_epi32(1);
            __m256i top = _mm256_srli_epi32(lanes(half + 64 * 4), 30),
                    low = _mm256_and_si256(top, one);
            __m256i a = _mm256_or_si256(left_over(half, 0, 0), left_over(half, 1, 2));
            __m256i b = _mm256_or_si256(left_over(half, 2, 5), left_over(half, 3, 7));
            a = _mm256_or_si256(a, _mm256_slli_epi32(low, 4));
            b = _mm256_or_si256(b, _mm256_slli_epi32(_mm256_srli_epi32(top, 1), 9));
            r->codes[h] = _mm256_or_si256(a, b);
        } else if (t == AS_Q6_K && word == 3) {
            __m256i a = _mm256_or_si256(left_over(half, 0, 0), left_over(half, 1, 2));
            r->codes[h] = _mm256_or_si256(a, left_over(half, 2, 4));
        } else {
            r->codes[h] = lanes(half + 64 * word);
        }
    }
}

/* What NF4 codes stand for: bits 0 to 2 choose within eight values, bit 3, brought to the sign,
 * which eight. */
AS_INLINE __m256 nf4_value(const float *map, __m256i q, __m256 scale, const as_dtype to)
{
    const __m256i half = _mm256_set1_epi32(0x8000), top = _mm256_set1_epi32((int)0xffff0000u);
    __m256 low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(map), q);
    __m256 high = _mm256_permutevar8x32_ps(_mm256_loadu_ps(map + 8), q);
    __m256 w = _mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(q, 28)));
    w = _mm256_mul_ps(w, scale);
    if (to == AS_F16) return _mm256_cvtph_ps(_mm256_cvtps_ph(w, _MM_FROUND_TO_NEAREST_INT));
    if (to == AS_F32) return w;
    __m256i sum = _mm256_add_epi32(_mm256_castps_si256(w), half);
    return _mm256_castsi256_ps(_mm256_and_si256(sum, top));
}

/* Outputs 8h to 8h + 7 of the next input of the word. */
AS_INLINE __m256 next_value(const as_dtype t, const as_dtype to, reader *r, const float *map,
                            size_t h, size_t input)
{
    const __m256i q = r->codes[h], top = _mm256_set1_epi32((int)0xffff0000u);
    if (t <= AS_F16) return _mm256_castsi256_ps(q);
    if (t == AS_BF16)
        return _mm256_castsi256_ps(input == 0 ? _mm256_slli_epi32(q, 16)
                                              : _mm256_and_si256(q, top));
    if (t == AS_Q8_0) return _mm256_mul_ps(r->scale[h], bytes(r->bytes + 16 * input + 8 * h));
    r->codes[h] = _mm256_srli_epi32(q, t == AS_Q5_K ? 5 : t == AS_Q6_K ? 6 : 4);
    if (t == AS_NF4) return nf4_value(map, q, r->scale[h], to);
    if (t == AS_Q6_K)
        return _mm256_mul_ps(r->scale[h], _mm256_cvtepi32_ps(_mm256_slli_epi32(q, 26)));
    __m256i code = _mm256_and_si256(q, _mm256_set1_epi32(t == AS_Q5_K ? 31 : 15));
    if (t == AS_Q4_0) {
        code = _mm256_sub_epi32(code, _mm256_set1_epi32(8));
        return _mm256_mul_ps(r->scale[h], _mm256_cvtepi32_ps(code));
    }
    /* scale * code is exact (22 bits), so one rounding is all there is. */
    return _mm256_fmsub_ps(r->scale[h], _mm256_cvtepi32_ps(code), r->min[h]);
}

AS_INLINE void widen(const as_dtype t, const as_dtype to, float *out, size_t ldo,
                     const uint8_t *panel, size_t k0, size_t nk)
{
    const float *map = (const float *)(const void *)panel;
    const size_t end = k0 + nk;
    reader r = {0};
    if (t == AS_BF16 && k0 % 2 == 1 && nk > 0) {
        open_part(t, &r, panel, k0 - 1);
        take_word(t, &r, 0);
        _mm256_storeu_ps(out, next_value(t, to, &r, map, 0, 1));
        _mm256_storeu_ps(out + 8, next_value(t, to, &r, map, 1, 1));
        out += ldo;
        k0++;
    }
    for (size_t k = k0; k < end; k += as_part_inputs(t)) {
        open_part(t, &r, panel, k);
        for (size_t word = 0; word < as_part_words(t); word++) {
            take_word(t, &r, word);
            for (size_t i = 0; i < as_word_inputs(t, word); i++, out += ldo) {
                if (t == AS_BF16 && k + i == end) return;
                _mm256_storeu_ps(out, next_value(t, to, &r, map, 0, i));
                _mm256_storeu_ps(out + 8, next_value(t, to, &r, map, 1, i));
            }
        }
    }
}

/* One input of N panels for M rows: x (M). */
AS_INLINE void add_input(const as_dtype t, const as_dtype to, const size_t M, const size_t N,
                         __m256 acc[4][4], reader r[2], const float *map, size_t input,
                         const float *x)
{
    AS_UNROLL
    for (size_t j = 0; j < 2 * N; j++) {
        __m256 w = next_value(t, to, &r[j / 2], map, j % 2, input);
        AS_UNROLL
        for (size_t i = 0; i < M; i++)
            acc[i][j] = _mm256_fmadd_ps(_mm256_broadcast_ss(x + i), w, acc[i][j]);
    }
}

/* y (m, 16 N) of N panels and m <= M rows, from 0, over all inputs; x (n_in, ldx). */
AS_INLINE void product(const as_dtype t, const as_dtype to, const size_t M, const size_t N,
                       float *y, size_t ldy, const float *x, size_t m, const uint8_t *panels,
                       size_t panel_bytes, size_t n_in)
{
    enum { AHEAD = 2048 }; /* bytes */
    const float *map = (const float *)(const void *)panels;
    AS_NO_INIT __m256 acc[4][4];
    AS_NO_INIT reader r[2];
    AS_UNROLL
    for (size_t i = 0; i < M; i++) {
        AS_UNROLL
        for (size_t j = 0; j < 2 * N; j++) acc[i][j] = _mm256_setzero_ps();
    }
    const size_t whole = t == AS_BF16 ? n_in - n_in % 2 : n_in;
    for (size_t k = 0; k < whole; k += as_part_inputs(t)) {
        AS_UNROLL
        for (size_t j = 0; j < N; j++) open_part(t, &r[j], panels + j * panel_bytes, k);
        for (size_t word = 0; word < as_part_words(t); word++) {
            AS_UNROLL
            for (size_t j = 0; j < N; j++) {
                take_word(t, &r[j], word);
                AS_PREFETCH(r[j].word + 64 * word + AHEAD);
            }
            if (t == AS_BF16) {
                add_input(t, to, M, N, acc, r, map, 0, x);
                add_input(t, to, M, N, acc, r, map, 1, x + M);
                x += 2 * M;
                continue;
            }
            for (size_t i = 0; i < as_word_inputs(t, word); i++, x += M)
                add_input(t, to, M, N, acc, r, map, i, x);
        }
    }
    if (whole < n_in) {
        AS_UNROLL
        for (size_t j = 0; j < N; j++) {
            open_part(t, &r[j], panels + j * panel_bytes, whole);
            take_word(t, &r[j], 0);
        }
        add_input(t, to, M, N, acc, r, map, 0, x);
    }
    AS_UNROLL
    for (size_t i = 0; i < M; i++) {
        AS_UNROLL
        for (size_t j = 0; j < 2 * N; j++) {
            if (i < m) _mm256_storeu_ps(y + i * ldy + 8 * j, acc[i][j]);
        }
    }
}

#define WIDEN(type, TYPE)                                                                          \
    void as_avx2_widen_##type(float *out, size_t ldo, const void *panel, size_t n_in, size_t k0,   \
                              size_t nk)                                                           \
    {                                                                                              \
        (void)n_in;                                                                                \
        widen(TYPE, AS_F32, out, ldo, panel, k0, nk);                                              \
    }
WIDEN(f32, AS_F32)
WIDEN(f16, AS_F16)
WIDEN(bf16, AS_BF16)
WIDEN(q8_0, AS_Q8_0)
WIDEN(q4_0, AS_Q4_0)
WIDEN(q4_k, AS_Q4_K)
WIDEN(q5_k, AS_Q5_K)
WIDEN(q6_k, AS_Q6_K)

void as_avx2_widen_nf4(float *out, size_t ldo, const void *panel, size_t n_in, size_t k0, size_t nk)
{
    (void)n_in;
    const uint32_t to = ((const as_panel_nf4_head *)panel)->round_to;
    if (to == AS_BF16) widen(AS_NF4, AS_BF16, out, ldo, panel, k0, nk);
    if (to == AS_F16) widen(AS_NF4, AS_F16, out, ldo, panel, k0, nk);
    if (to == AS_F32) widen(AS_NF4, AS_F32, out, ldo, panel, k0, nk);
}

/* One row of two panels at a time, or up to four rows of one. */
#define FEW(TYPE, to)                                                                              \
    static void few_##TYPE##_##to(float *y, size_t ldy, const float *x, size_t ldx, size_t m,      \
                                  const uint8_t *panels, size_t panel_bytes, size_t n_panels,      \
                                  size_t n_in)                                                     \
    {                                                                                              \
        for (; ldx == 1 && n_panels >= 2; n_panels -= 2, panels += 2 * panel_bytes, y += 32)       \
            product(TYPE, to, 1, 2, y, ldy, x, m, panels, panel_bytes, n_in);                      \
        for (; n_panels > 0; n_panels--, panels += panel_bytes, y += 16) {                         \
            if (ldx == 1) product(TYPE, to, 1, 1, y, ldy, x, m, panels, panel_bytes, n_in);        \
            if (ldx == 2) product(TYPE, to, 2, 1, y, ldy, x, m, panels, panel_bytes, n_in);        \
            if (ldx == 4) product(TYPE, to, 4, 1, y, ldy, x, m, panels, panel_bytes, n_in);        \
        }                                                                                          \
    }
FEW(AS_F32, AS_F32)
FEW(AS_F16, AS_F32)
FEW(AS_BF16, AS_F32)
FEW(AS_Q8_0, AS_F32)
FEW(AS_Q4_0, AS_F32)
FEW(AS_Q4_K, AS_F32)
FEW(AS_Q5_K, AS_F32)
FEW(AS_Q6_K, AS_F32)
FEW(AS_NF4, AS_F32)
FEW(AS_NF4, AS_F16)
FEW(AS_NF4, AS_BF16)

typedef void few(float *y, size_t ldy, const float *x, size_t ldx, size_t m, const uint8_t *panels,
                 size_t panel_bytes, size_t n_panels, size_t n_in);
static few *const by_type[AS_N_DTYPES] = {
    [AS_F32] = few_AS_F32_AS_F32,   [AS_F16] = few_AS_F16_AS_F32,   [AS_BF16] = few_AS_BF16_AS_F32,
    [AS_Q8_0] = few_AS_Q8_0_AS_F32, [AS_Q4_0] = few_AS_Q4_0_AS_F32, [AS_Q4_K] = few_AS_Q4_K_AS_F32,
    [AS_Q5_K] = few_AS_Q5_K_AS_F32, [AS_Q6_K] = few_AS_Q6_K_AS_F32, [AS_NF4] = few_AS_NF4_AS_F32,
};

void as_avx2_few(as_dtype t, float *y, size_t ldy, const float *x, size_t ldx, size_t m,
                 const void *panels, size_t panel_bytes, size_t n_panels, size_t n_in)
{
    few *f = by_type[t];
    if (t == AS_NF4) {
        const uint32_t to = ((const as_panel_nf4_head *)panels)->round_to;
        if (to == AS_BF16) f = few_AS_NF4_AS_BF16;
        if (to == AS_F16) f = few_AS_NF4_AS_F16;
    }
    f(y, ldy, x, ldx, m, panels, panel_bytes, n_panels, n_in);
}
#endif
