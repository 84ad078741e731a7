/* Products and widening for AVX-512 (F, BW, VL, DQ): sixteen outputs a register. */
#include "engine/tensor/linear_internal.h"

#ifdef __x86_64__
#include <immintrin.h>

/* ---- products ---- */

/* M rows of N registers, all of them in registers over the whole of k. */
AS_INLINE void block(const size_t M, const size_t N, float *c, size_t ldc, const float *a,
                     size_t lda, const float *b, size_t ldb, size_t k)
{
    AS_NO_INIT __m512 acc[14][4];
    AS_UNROLL
    for (size_t i = 0; i < M; i++) {
        AS_UNROLL
        for (size_t j = 0; j < N; j++) acc[i][j] = _mm512_loadu_ps(c + i * ldc + 16 * j);
    }
    for (size_t p = 0; p < k; p++) {
        __m512 w[4];
        AS_UNROLL
        for (size_t j = 0; j < N; j++) {
            w[j] = _mm512_loadu_ps(b + p * ldb + 16 * j);
            AS_PREFETCH(b + (p + 4) * ldb + 16 * j); /* usually comes from the second cache */
        }
        AS_UNROLL
        for (size_t i = 0; i < M; i++) {
            __m512 x = _mm512_set1_ps(a[i * lda + p]);
            AS_UNROLL
            for (size_t j = 0; j < N; j++) acc[i][j] = _mm512_fmadd_ps(x, w[j], acc[i][j]);
        }
    }
    AS_UNROLL
    for (size_t i = 0; i < M; i++) {
        AS_UNROLL
        for (size_t j = 0; j < N; j++) _mm512_storeu_ps(c + i * ldc + 16 * j, acc[i][j]);
    }
}

#define ROWS(M)                                                                                    \
    case M:                                                                                        \
        block(M, N, c, ldc, a, lda, b, ldb, k);                                                    \
        break
#define ROWS_TO_6                                                                                  \
    ROWS(1);                                                                                       \
    ROWS(2);                                                                                       \
    ROWS(3);                                                                                       \
    ROWS(4);                                                                                       \
    ROWS(5);                                                                                       \
    ROWS(6)
#define ROWS_TO_14                                                                                 \
    ROWS_TO_6;                                                                                     \
    ROWS(7);                                                                                       \
    ROWS(8);                                                                                       \
    ROWS(9);                                                                                       \
    ROWS(10);                                                                                      \
    ROWS(11);                                                                                      \
    ROWS(12);                                                                                      \
    ROWS(13);                                                                                      \
    ROWS(14)

/* All rows, in blocks of nearly equal height whose sums fit the registers. */
#define STRIP(name, width, height, rows)                                                           \
    static void name(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb, \
                     size_t m, size_t k)                                                           \
    {                                                                                              \
        const size_t N = width;                                                                    \
        for (size_t blocks = (m + height - 1) / height; blocks > 0; blocks--) {                    \
            const size_t h = (m + blocks - 1) / blocks;                                            \
            switch (h) {                                                                           \
                rows;                                                                              \
            }                                                                                      \
            m -= h, c += h * ldc, a += h * lda;                                                    \
        }                                                                                          \
    }
STRIP(one_wide, 1, 14, ROWS_TO_14)
STRIP(two_wide, 2, 14, ROWS_TO_14)
STRIP(four_wide, 4, 6, ROWS_TO_6)

void as_avx512_tile(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb,
                    size_t m, size_t n, size_t k)
{
    for (; n >= 64; n -= 64, c += 64, b += 64) four_wide(c, ldc, a, lda, b, ldb, m, k);
    for (; n >= 32; n -= 32, c += 32, b += 32) two_wide(c, ldc, a, lda, b, ldb, m, k);
    if (n) one_wide(c, ldc, a, lda, b, ldb, m, k);
}

/* y (cols, rows) = x^T for at most 16 of both: pairs, then fours of rows side by side, then the
 * quarters of the registers. */
AS_INLINE void turn(float *y, size_t ldy, const float *x, size_t ldx, size_t rows, size_t cols)
{
    const __mmask16 in = (__mmask16)((1u << cols) - 1), out = (__mmask16)((1u << rows) - 1);
    AS_NO_INIT __m512 r[16], t[16];
    AS_UNROLL
    for (size_t i = 0; i < 16; i++)
        r[i] = _mm512_maskz_loadu_ps(i < rows ? in : 0, i < rows ? x + i * ldx : x);
    AS_UNROLL
    for (size_t i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    AS_UNROLL
    for (size_t i = 0; i < 16; i += 4) {
        r[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
        r[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xee);
        r[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        r[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    AS_UNROLL
    for (size_t j = 0; j < 4; j++) {
        t[j] = _mm512_shuffle_f32x4(r[j], r[4 + j], 0x88);
        t[4 + j] = _mm512_shuffle_f32x4(r[j], r[4 + j], 0xdd);
        t[8 + j] = _mm512_shuffle_f32x4(r[8 + j], r[12 + j], 0x88);
        t[12 + j] = _mm512_shuffle_f32x4(r[8 + j], r[12 + j], 0xdd);
    }
    AS_UNROLL
    for (size_t j = 0; j < 8; j++) {
        __m512 low = _mm512_shuffle_f32x4(t[j], t[8 + j], 0x88);
        __m512 high = _mm512_shuffle_f32x4(t[j], t[8 + j], 0xdd);
        if (j < cols) _mm512_mask_storeu_ps(y + j * ldy, out, low);
        if (8 + j < cols) _mm512_mask_storeu_ps(y + (8 + j) * ldy, out, high);
    }
}

void as_avx512_transpose(float *y, size_t ldy, const float *x, size_t ldx, size_t rows, size_t cols)
{
    for (size_t i = 0; i < rows; i += 16) {
        const size_t m = rows - i < 16 ? rows - i : 16;
        for (size_t j = 0; j < cols; j += 16) {
            const size_t n = cols - j < 16 ? cols - j : 16;
            if (m == 16 && n == 16)
                turn(y + j * ldy + i, ldy, x + i * ldx + j, ldx, 16, 16);
            else
                turn(y + j * ldy + i, ldy, x + i * ldx + j, ldx, m, n);
        }
    }
}

double as_avx512_peak(size_t n)
{
    __m512 x[16], half = _mm512_set1_ps(0.5f), three = _mm512_set1_ps(0.75f), sum = half;
    AS_UNROLL
    for (int j = 0; j < 16; j++) x[j] = _mm512_set1_ps((float)j);
    for (size_t i = 0; i < n; i++) {
        AS_UNROLL
        for (int j = 0; j < 16; j++) x[j] = _mm512_fmadd_ps(x[j], three, half);
    }
    AS_UNROLL
    for (int j = 0; j < 16; j++) sum = _mm512_add_ps(sum, x[j]);
    volatile float used = _mm512_cvtss_f32(sum);
    (void)used;
    return 512 * (double)n;
}

/* ---- packed panels: linear_internal.h says how they are read ---- */

typedef struct {
    const uint8_t *word;  /* first of the part */
    const uint8_t *bytes; /* of the word taken, for Q8_0 */
    __m512 scale, min;
    __m512i codes;
} reader;

typedef struct {
    __m512 low, high; /* what codes stand for */
} code_table;

AS_INLINE __m512 half_floats(const void *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256(p));
}

AS_INLINE __m512 bytes(const void *p)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(p)));
}

AS_INLINE __m512 unsigned_bytes(const void *p)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(p)));
}

AS_INLINE code_table table_of(const as_dtype t, const void *panel)
{
    const __m512 count = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    code_table c = {count, _mm512_add_ps(count, _mm512_set1_ps(16))};
    if (t == AS_Q4_0) c.low = _mm512_sub_ps(count, _mm512_set1_ps(8));
    if (t == AS_NF4) c.low = _mm512_loadu_ps(((const as_panel_nf4_head *)panel)->map);
    return c;
}

/* Goes to the part that holds input k, its first. */
AS_INLINE void open_part(const as_dtype t, reader *r, const uint8_t *panel, size_t k)
{
    if (t == AS_F32) r->word = panel + 64 * k;
    if (t == AS_F16 || t == AS_BF16) r->word = panel + 32 * k;
    if (t == AS_Q8_0) {
        const as_panel_q8_0 *b = (const as_panel_q8_0 *)panel + k / 32;
        r->scale = half_floats(b->d);
        r->word = (const uint8_t *)b->q;
    }
    if (t == AS_Q4_0) {
        const as_panel_q4_0 *b = (const as_panel_q4_0 *)panel + k / 32;
        r->scale = half_floats(b->d);
        r->word = (const uint8_t *)b->q;
    }
    if (t == AS_Q4_K) {
        const as_panel_q4_k *b = (const as_panel_q4_k *)panel + k / 256;
        const size_t s = k % 256 / 32;
        r->scale = _mm512_mul_ps(half_floats(b->d), unsigned_bytes(b->sub[s].scale));
        r->min = _mm512_mul_ps(half_floats(b->dmin), unsigned_bytes(b->sub[s].min));
        r->word = (const uint8_t *)b->sub[s].q;
    }
    if (t == AS_Q5_K) {
        const as_panel_q5_k *b = (const as_panel_q5_k *)panel + k / 256;
        const size_t s = k % 256 / 32;
        r->scale = _mm512_mul_ps(half_floats(b->d), unsigned_bytes(b->sub[s].scale));
        r->min = _mm512_mul_ps(half_floats(b->dmin), unsigned_bytes(b->sub[s].min));
        r->word = (const uint8_t *)b->sub[s].q;
    }
    if (t == AS_Q6_K) { /* codes are brought to the top of their lanes: 2^26 times too large */
        const as_panel_q6_k *b = (const as_panel_q6_k *)panel + k / 256;
        const size_t s = k % 256 / 16;
        __m512 d = _mm512_mul_ps(half_floats(b->d), _mm512_set1_ps(0x1p-26f));
        r->scale = _mm512_mul_ps(d, bytes(b->sub[s].scale));
        r->word = (const uint8_t *)b->sub[s].q;
    }
    if (t == AS_NF4) {
        const void *blocks = panel + sizeof(as_panel_nf4_head);
        const as_panel_nf4 *b = (const as_panel_nf4 *)blocks + k / 64;
        r->scale = _mm512_loadu_ps(b->scale);
        r->word = (const uint8_t *)b->q;
    }
}

/* The pairs of bits above the codes of words first, first + 1, ... put together. */
AS_INLINE __m512i left_over(const uint8_t *words, size_t first)
{
    __m512i a = _mm512_srli_epi32(_mm512_loadu_si512(words + 64 * first), 30);
    __m512i b = _mm512_srli_epi32(_mm512_loadu_si512(words + 64 * (first + 1)), 30);
    return _mm512_or_si512(a, _mm512_slli_epi32(b, 2));
}

AS_INLINE void take_word(const as_dtype t, reader *r, size_t word)
{
    const uint8_t *at = r->word + 64 * word;
    if (t == AS_F16) {
        r->codes = _mm512_castps_si512(half_floats(at));
    } else if (t == AS_Q8_0) {
        r->bytes = at;
    } else if (t == AS_Q5_K && word == 5) {
        const __m512i one = _mm512_set1_epi32(1);
        __m512i top = _mm512_srli_epi32(_mm512_loadu_si512(r->word + 64 * 4), 30);
        __m512i a = _mm512_slli_epi32(_mm512_and_si512(top, one), 4);
        __m512i b = _mm512_slli_epi32(_mm512_srli_epi32(top, 1), 4);
        a = _mm512_or_si512(a, left_over(r->word, 0));
        b = _mm512_or_si512(b, left_over(r->word, 2));
        r->codes = _mm512_or_si512(a, _mm512_slli_epi32(b, 5));
    } else if (t == AS_Q6_K && word == 3) {
        __m512i top = _mm512_srli_epi32(_mm512_loadu_si512(r->word + 64 * 2), 30);
        r->codes = _mm512_or_si512(left_over(r->word, 0), _mm512_slli_epi32(top, 4));
    } else {
        r->codes = _mm512_loadu_si512(at);
    }
}

/* Sixteen outputs of the next input of the word. */
AS_INLINE __m512 next_value(const as_dtype t, const as_dtype to, reader *r, const code_table *c,
                            size_t input)
{
    const __m512i top = _mm512_set1_epi32((int)0xffff0000u), half = _mm512_set1_epi32(0x8000);
    const __m512i q = r->codes;
    if (t <= AS_F16) return _mm512_castsi512_ps(q);
    if (t == AS_BF16)
        return _mm512_castsi512_ps(input == 0 ? _mm512_slli_epi32(q, 16)
                                              : _mm512_and_si512(q, top));
    if (t == AS_Q8_0) return _mm512_mul_ps(r->scale, bytes(r->bytes + 16 * input));
    r->codes = _mm512_srli_epi32(q, t == AS_Q5_K ? 5 : t == AS_Q6_K ? 6 : 4);
    if (t == AS_Q4_0) return _mm512_mul_ps(r->scale, _mm512_permutexvar_ps(q, c->low));
    /* scale * code is exact (21 bits), so one rounding is all there is. */
    if (t == AS_Q4_K) return _mm512_fmsub_ps(r->scale, _mm512_permutexvar_ps(q, c->low), r->min);
    if (t == AS_Q5_K)
        return _mm512_fmsub_ps(r->scale, _mm512_permutex2var_ps(c->low, q, c->high), r->min);
    if (t == AS_Q6_K) return _mm512_mul_ps(r->scale, _mm512_cvtepi32_ps(_mm512_slli_epi32(q, 26)));
    __m512 w = _mm512_mul_ps(_mm512_permutexvar_ps(q, c->low), r->scale);
    if (to == AS_BF16)
        w = _mm512_castsi512_ps(
            _mm512_and_si512(_mm512_add_epi32(_mm512_castps_si512(w), half), top));
    if (to == AS_F16) w = _mm512_cvtph_ps(_mm512_cvtps_ph(w, _MM_FROUND_TO_NEAREST_INT));
    return w;
}

AS_INLINE void widen(const as_dtype t, const as_dtype to, float *out, size_t ldo,
                     const uint8_t *panel, size_t k0, size_t nk)
{
    const code_table c = table_of(t, panel);
    const size_t end = k0 + nk;
    reader r = {0};
    if (t == AS_BF16 && k0 % 2 == 1 && nk > 0) {
        open_part(t, &r, panel, k0 - 1);
        take_word(t, &r, 0);
        _mm512_storeu_ps(out, next_value(t, to, &r, &c, 1));
        out += ldo;
        k0++;
    }
    for (size_t k = k0; k < end; k += as_part_inputs(t)) {
        open_part(t, &r, panel, k);
        for (size_t word = 0; word < as_part_words(t); word++) {
            take_word(t, &r, word);
            for (size_t i = 0; i < as_word_inputs(t, word); i++, out += ldo) {
                if (t == AS_BF16 && k + i == end) return;
                _mm512_storeu_ps(out, next_value(t, to, &r, &c, i));
            }
        }
    }
}

/* Asks memory for what comes later, at the distance found best: one panel's bytes come in slowly,
 * between the products of many rows, and wait in the second cache; four panels' come fast. */
enum { AHEAD_OF_ONE = 8192, AHEAD_OF_FOUR = 3072 };
AS_INLINE void ask(const size_t N, const uint8_t *p)
{
    if (N == 1)
        _mm_prefetch((const char *)p, _MM_HINT_T1);
    else
        _mm_prefetch((const char *)p, _MM_HINT_T0);
}

/* One input of N panels for M rows: x (M). */
AS_INLINE void add_input(const as_dtype t, const as_dtype to, const size_t M, const size_t N,
                         __m512 acc[28][4], reader r[4], const code_table *c, size_t input,
                         const float *x)
{
    AS_NO_INIT __m512 w[4];
    AS_UNROLL
    for (size_t at = 0; M > 4 && at < M; at += 16) AS_PREFETCH(x + 8 * M + at);
    AS_UNROLL
    for (size_t j = 0; j < N; j++) w[j] = next_value(t, to, &r[j], c, input);
    AS_UNROLL
    for (size_t i = 0; i < M; i++) {
        AS_UNROLL
        for (size_t j = 0; j < N; j++)
            acc[i][j] = _mm512_fmadd_ps(_mm512_set1_ps(x[i]), w[j], acc[i][j]);
    }
}

/* All inputs of a word. Returns where x goes on. */
AS_INLINE const float *add_word(const as_dtype t, const as_dtype to, const size_t M, const size_t N,
                                __m512 acc[28][4], reader r[4], const code_table *c, size_t word,
                                const float *x)
{
    const size_t n = as_word_inputs(t, 0);
    if (t == AS_Q5_K || t == AS_Q6_K || (N == 1 && n > 4)) {
        for (size_t i = 0; i < as_word_inputs(t, word); i++, x += M)
            add_input(t, to, M, N, acc, r, c, i, x);
    } else {
        AS_UNROLL
        for (size_t i = 0; i < n; i++) add_input(t, to, M, N, acc, r, c, i, x + i * M);
        x += n * M;
    }
    return x;
}

/* y (m, 16 N) of N panels and m <= M rows, from 0, over all inputs; x (n_in, M). */
AS_INLINE void product(const as_dtype t, const as_dtype to, const size_t M, const size_t N,
                       float *y, size_t ldy, const float *x, size_t m, const uint8_t *panels,
                       size_t panel_bytes, size_t n_in)
{
    const code_table c = table_of(t, panels);
    AS_NO_INIT __m512 acc[28][4];
    AS_NO_INIT reader r[4];
    const uint8_t *to_ask[4];
    AS_UNROLL
    for (size_t i = 0; i < M; i++) {
        AS_UNROLL
        for (size_t j = 0; j < N; j++) acc[i][j] = _mm512_setzero_ps();
    }
    /* After the end of one of four panels comes the panel four further on. */
    const size_t ahead = N == 1 ? AHEAD_OF_ONE : AHEAD_OF_FOUR;
    const uint8_t *ends = panels + panel_bytes;
    const size_t whole = t == AS_BF16 ? n_in - n_in % 2 : n_in;
    for (size_t k = 0; k < whole; k += as_part_inputs(t)) {
        AS_UNROLL
        for (size_t j = 0; j < N; j++) {
            open_part(t, &r[j], panels + j * panel_bytes, k);
            to_ask[j] = r[j].word + ahead;
            if (to_ask[j] >= ends + j * panel_bytes) to_ask[j] += (N - 1) * panel_bytes;
            if (t > AS_BF16) ask(N, to_ask[j] - 32); /* the scales */
        }
        for (size_t word = 0; word < as_part_words(t); word++) {
            AS_UNROLL
            for (size_t j = 0; j < N; j++) {
                take_word(t, &r[j], word);
                ask(N, to_ask[j] + 64 * word);
            }
            x = add_word(t, to, M, N, acc, r, &c, word, x);
        }
    }
    if (whole < n_in) {
        AS_UNROLL
        for (size_t j = 0; j < N; j++) {
            open_part(t, &r[j], panels + j * panel_bytes, whole);
            take_word(t, &r[j], 0);
        }
        add_input(t, to, M, N, acc, r, &c, 0, x);
    }
    AS_UNROLL
    for (size_t i = 0; i < M; i++) {
        AS_UNROLL
        for (size_t j = 0; j < N; j++) {
            if (i < m) _mm512_storeu_ps(y + i * ldy + 16 * j, acc[i][j]);
        }
    }
}

#define WIDEN(type, TYPE)                                                                          \
    void as_avx512_widen_##type(float *out, size_t ldo, const void *panel, size_t n_in, size_t k0, \
                                size_t nk)                                                         \
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

void as_avx512_widen_nf4(float *out, size_t ldo, const void *panel, size_t n_in, size_t k0,
                         size_t nk)
{
    (void)n_in;
    const uint32_t to = ((const as_panel_nf4_head *)panel)->round_to;
    if (to == AS_BF16) widen(AS_NF4, AS_BF16, out, ldo, panel, k0, nk);
    if (to == AS_F16) widen(AS_NF4, AS_F16, out, ldo, panel, k0, nk);
    if (to == AS_F32) widen(AS_NF4, AS_F32, out, ldo, panel, k0, nk);
}

/* Few rows of four panels, whose sums then cover each other's waiting; more rows of one. */
#define SHAPE(M, N, TYPE, to)                                                                      \
    static void few_##TYPE##_##to##_##M##x##N(float *y, size_t ldy, const float *x, size_t m,      \
                                              const void *panels, size_t panel_bytes, size_t n_in) \
    {                                                                                              \
        product(TYPE, to, M, N, y, ldy, x, m, panels, panel_bytes, n_in);                          \
    }
#define SHAPES(TYPE, to)                                                                           \
    SHAPE(1, 4, TYPE, to)                                                                          \
    SHAPE(2, 4, TYPE, to)                                                                          \
    SHAPE(4, 4, TYPE, to)                                                                          \
    SHAPE(1, 1, TYPE, to)                                                                          \
    SHAPE(2, 1, TYPE, to)                                                                          \
    SHAPE(4, 1, TYPE, to)                                                                          \
    SHAPE(8, 1, TYPE, to)                                                                          \
    SHAPE(12, 1, TYPE, to)                                                                         \
    SHAPE(16, 1, TYPE, to)                                                                         \
    SHAPE(20, 1, TYPE, to)                                                                         \
    SHAPE(24, 1, TYPE, to)                                                                         \
    SHAPE(28, 1, TYPE, to)                                                                         \
    static few *const few_##TYPE##_##to[] = {                                                      \
        few_##TYPE##_##to##_1x4,  few_##TYPE##_##to##_2x4,  few_##TYPE##_##to##_4x4,               \
        few_##TYPE##_##to##_1x1,  few_##TYPE##_##to##_2x1,  few_##TYPE##_##to##_4x1,               \
        few_##TYPE##_##to##_8x1,  few_##TYPE##_##to##_12x1, few_##TYPE##_##to##_16x1,              \
        few_##TYPE##_##to##_20x1, few_##TYPE##_##to##_24x1, few_##TYPE##_##to##_28x1,              \
    };
typedef void few(float *y, size_t ldy, const float *x, size_t m, const void *panels,
                 size_t panel_bytes, size_t n_in);
SHAPES(AS_F32, AS_F32)
SHAPES(AS_F16, AS_F32)
SHAPES(AS_BF16, AS_F32)
SHAPES(AS_Q8_0, AS_F32)
SHAPES(AS_Q4_0, AS_F32)
SHAPES(AS_Q4_K, AS_F32)
SHAPES(AS_Q5_K, AS_F32)
SHAPES(AS_Q6_K, AS_F32)
SHAPES(AS_NF4, AS_F32)
SHAPES(AS_NF4, AS_F16)
SHAPES(AS_NF4, AS_BF16)

static few *const *const shapes[AS_N_DTYPES] = {
    [AS_F32] = few_AS_F32_AS_F32,   [AS_F16] = few_AS_F16_AS_F32,   [AS_BF16] = few_AS_BF16_AS_F32,
    [AS_Q8_0] = few_AS_Q8_0_AS_F32, [AS_Q4_0] = few_AS_Q4_0_AS_F32, [AS_Q4_K] = few_AS_Q4_K_AS_F32,
    [AS_Q5_K] = few_AS_Q5_K_AS_F32, [AS_Q6_K] = few_AS_Q6_K_AS_F32, [AS_NF4] = few_AS_NF4_AS_F32,
};

void as_avx512_few(as_dtype t, float *y, size_t ldy, const float *x, size_t ldx, size_t m,
                   const void *panels, size_t panel_bytes, size_t n_panels, size_t n_in)
{
    few *const *f = shapes[t];
    if (t == AS_NF4) {
        const uint32_t to = ((const as_panel_nf4_head *)panels)->round_to;
        if (to == AS_BF16) f = few_AS_NF4_AS_BF16;
        if (to == AS_F16) f = few_AS_NF4_AS_F16;
    }
    const size_t height = ldx <= 4 ? ldx / 2 : 1 + ldx / 4; /* its place: 1, 2, 4, 8, 12 ... 28 */
    if (n_panels == 4 && ldx <= 4) {
        f[height](y, ldy, x, m, panels, panel_bytes, n_in);
        return;
    }
    for (size_t p = 0; p < n_panels; p++)
        f[3 + height](y + 16 * p, ldy, x, m, (const uint8_t *)panels + p * panel_bytes, panel_bytes,
                      n_in);
}
#endif
