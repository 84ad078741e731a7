/* How a weight lies in memory: panels of 16 outputs, input by input, so that sixteen neighbouring
 * lanes hold the sixteen outputs of one input. Codes of four to six bits fill 32-bit lanes from the
 * low end, input after input, so that one shift brings the codes of all lanes into place.
 *
 *   F32, F16   16 values for each input
 *   BF16       16 lanes of 32 bits for each pair of inputs, the even one in the low half; an odd
 *              last input is paired with zeros
 *   others     the blocks below, one after the other */
#ifndef AS_ENGINE_TENSOR_LINEAR_INTERNAL_H
#define AS_ENGINE_TENSOR_LINEAR_INTERNAL_H

#include "base/error.h"
#include "engine/tensor/kernels.h"
#include "engine/tensor/linear.h"

/* 32 inputs: q * d. */
typedef struct {
    uint16_t d[16]; /* f16 */
    int8_t q[32][16];
} as_panel_q8_0;
_Static_assert(sizeof(as_panel_q8_0) == 16 * sizeof(as_block_q8_0), "Q8_0 panel");

/* 32 inputs: (code - 8) * d; input 8j + i in bits 4i of q[j]. */
typedef struct {
    uint16_t d[16];
    uint32_t q[4][16];
} as_panel_q4_0;
_Static_assert(sizeof(as_panel_q4_0) == 16 * sizeof(as_block_q4_0), "Q4_0 panel");

/* 256 inputs, eight times 32: (d scale) code - dmin min. */
typedef struct {
    uint16_t d[16], dmin[16];
    struct {
        uint8_t scale[16], min[16];
        uint32_t q[4][16];
    } sub[8];
} as_panel_q4_k;
_Static_assert(sizeof(as_panel_q4_k) == 16 * (sizeof(as_block_q4_k) + 4), "Q4_K panel");

/* The same with 32 codes of five bits in five lanes: input 6j + i in bits 5i of q[j] up to input
 * 29; of the pairs of bits t[j] above them, t[0], t[1] and the low bit of t[4] make input 30, and
 * t[2], t[3] and the high bit of t[4] make input 31, low bits first. */
typedef struct {
    uint16_t d[16], dmin[16];
    struct {
        uint8_t scale[16], min[16];
        uint32_t q[5][16];
    } sub[8];
} as_panel_q5_k;
_Static_assert(sizeof(as_panel_q5_k) == 16 * (sizeof(as_block_q5_k) + 4), "Q5_K panel");

/* 256 inputs, sixteen times 16: (d scale) code, the code in two's complement (32 less than on
 * disk); input 5j + i in bits 6i of q[j] up to input 14; the three pairs of bits above them make
 * input 15, low bits first. */
typedef struct {
    uint16_t d[16];
    struct {
        int8_t scale[16];
        uint32_t q[3][16];
    } sub[16];
} as_panel_q6_k;
_Static_assert(sizeof(as_panel_q6_k) == 16 * sizeof(as_block_q6_k), "Q6_K panel");

/* A NF4 panel opens with its head; then 64 inputs a block: input 8j + i in bits 4i of q[j].
 * Rounding to BF16 adds half to the bits of map * scale and cuts: where that would break a tie the
 * wrong way the scale is a neighbour of the stored absmax, for which all sixteen values come out
 * right (as_nf4_scale). */
typedef struct {
    float map[16];
    uint32_t round_to; /* as_dtype */
    uint32_t unused[15];
} as_panel_nf4_head;
_Static_assert(sizeof(as_panel_nf4_head) == 128, "NF4 panel head");

typedef struct {
    float scale[16];
    uint32_t q[8][16];
} as_panel_nf4;
_Static_assert(sizeof(as_panel_nf4) == 576, "NF4 panel");

/* Rounds to BF16 what as_panel_nf4 describes. */
static inline float as_nf4_cut(float x)
{
    return as_f32_of_bits((as_f32_bits(x) + 0x8000u) & 0xffff0000u);
}

/* Every type is read alike: a panel is cut into parts that share their scales, a part into words of
 * 64 bytes, and a word gives one input after the other. The type is a constant wherever
 * these are called, so that each reader keeps only its own type's instructions. */
AS_INLINE size_t as_part_inputs(const as_dtype t)
{
    return t == AS_NF4 ? 64 : t == AS_Q6_K ? 16 : t == AS_BF16 ? 2 : t <= AS_F16 ? 1 : 32;
}

AS_INLINE size_t as_part_words(const as_dtype t)
{
    return t <= AS_BF16 ? 1 : t == AS_Q8_0 || t == AS_NF4 ? 8 : t == AS_Q5_K ? 6 : 4;
}

AS_INLINE size_t as_word_inputs(const as_dtype t, size_t word)
{
    if (t == AS_Q5_K) return word == 5 ? 2 : 6;
    if (t == AS_Q6_K) return word == 3 ? 1 : 5;
    return t <= AS_F16 ? 1 : t == AS_BF16 ? 2 : t == AS_Q8_0 ? 4 : 8;
}

#define AS_PANEL_LOOPS(set)                                                                        \
    void as_##set##_tile(float *c, size_t ldc, const float *a, size_t lda, const float *b,         \
                         size_t ldb, size_t m, size_t n, size_t k);                                \
    void as_##set##_transpose(float *y, size_t ldy, const float *x, size_t ldx, size_t rows,       \
                              size_t cols);                                                        \
    AS_WIDEN_LOOP(set, f32);                                                                       \
    AS_WIDEN_LOOP(set, f16);                                                                       \
    AS_WIDEN_LOOP(set, bf16);                                                                      \
    AS_WIDEN_LOOP(set, q8_0);                                                                      \
    AS_WIDEN_LOOP(set, q4_0);                                                                      \
    AS_WIDEN_LOOP(set, q4_k);                                                                      \
    AS_WIDEN_LOOP(set, q5_k);                                                                      \
    AS_WIDEN_LOOP(set, q6_k);                                                                      \
    AS_WIDEN_LOOP(set, nf4);                                                                       \
    double as_##set##_peak(size_t n)
#define AS_WIDEN_LOOP(set, type)                                                                   \
    void as_##set##_widen_##type(float *out, size_t ldo, const void *panel, size_t n_in,           \
                                 size_t k0, size_t nk)

AS_PANEL_LOOPS(scalar);
#ifdef __x86_64__
AS_PANEL_LOOPS(avx2);
AS_PANEL_LOOPS(avx512);
void as_avx2_few(as_dtype t, float *y, size_t ldy, const float *x, size_t ldx, size_t m,
                 const void *panels, size_t panel_bytes, size_t n_panels, size_t n_in);
void as_avx512_few(as_dtype t, float *y, size_t ldy, const float *x, size_t ldx, size_t m,
                   const void *panels, size_t panel_bytes, size_t n_panels, size_t n_in);
#endif

/* n * size bytes, not zeroed, 64-byte aligned. Gives: as_aligned_free, which accepts NULL. */
AS_MUST_CHECK void *as_aligned_new(size_t n, size_t size, as_error *err);
void as_aligned_free(void *p);

#endif
