/* Element types of weights on disk and what their bytes mean. Every decoder here is the plain
 * reference in float32 that faster kernels are held against; blocks are read at any alignment.
 *
 * Layouts Q8_0, Q4_0, Q4_K, Q5_K, Q6_K: ggml's quantised blocks (github.com/ggml-org/ggml), little
 * endian. NF4: Dettmers et al. 2023, "QLoRA" (arXiv:2305.14314), as bitsandbytes stores it. */
#ifndef AS_ENGINE_TENSOR_QUANT_H
#define AS_ENGINE_TENSOR_QUANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"

typedef enum {
    AS_F32,
    AS_F16,
    AS_BF16,
    AS_Q8_0,
    AS_Q4_0,
    AS_Q4_K,
    AS_Q5_K,
    AS_Q6_K,
    AS_NF4,  /* needs an as_nf4 beside its bytes */
    AS_U8,   /* bytes; not a weight by itself */
    AS_OTHER /* a type that files may hold and nothing here reads */
} as_dtype;
enum { AS_N_DTYPES = AS_OTHER + 1 };

/* "F32", "BF16", "Q4_K", "NF4", "other". */
const char *as_dtype_name(as_dtype t);
/* 1 for plain types; 32, 64 or 256 for blocks. */
size_t as_dtype_block(as_dtype t);
/* Bytes of one block (of one element for plain types); 0 for AS_OTHER. */
size_t as_dtype_block_bytes(as_dtype t);

/* ---- block layouts ---- */

typedef struct {
    uint16_t d; /* f16 scale */
    int8_t q[32];
} as_block_q8_0;
_Static_assert(sizeof(as_block_q8_0) == 34, "Q8_0 block");

typedef struct {
    uint16_t d;
    uint8_t q[16]; /* element j: low nibble of q[j]; element j + 16: its high nibble; minus 8 */
} as_block_q4_0;
_Static_assert(sizeof(as_block_q4_0) == 18, "Q4_0 block");

typedef struct {
    uint16_t d, dmin;
    uint8_t scale[12]; /* eight 6-bit scales and eight 6-bit minima: as_k_scale */
    uint8_t q[128];
} as_block_q4_k;
_Static_assert(sizeof(as_block_q4_k) == 144, "Q4_K block");

typedef struct {
    uint16_t d, dmin;
    uint8_t scale[12];
    uint8_t high[32]; /* bit 2c and 2c + 1 of high[l]: fifth bits of chunk c */
    uint8_t q[128];
} as_block_q5_k;
_Static_assert(sizeof(as_block_q5_k) == 176, "Q5_K block");

typedef struct {
    uint8_t low[128], high[64];
    int8_t scale[16];
    uint16_t d;
} as_block_q6_k;
_Static_assert(sizeof(as_block_q6_k) == 210, "Q6_K block");

/* The 6-bit scale and minimum of sub-block k (0..7) of Q4_K and Q5_K. */
static inline void as_k_scale(const uint8_t packed[12], size_t k, uint8_t *scale, uint8_t *min)
{
    if (k < 4) {
        *scale = packed[k] & 63;
        *min = packed[k + 4] & 63;
    } else {
        *scale = (uint8_t)((packed[k + 4] & 15) | (packed[k - 4] >> 6) << 4);
        *min = (uint8_t)((packed[k + 4] >> 4) | (packed[k] >> 6) << 4);
    }
}

enum { AS_NF4_BLOCK = 64, AS_NF4_NEST = 256 };

/* What decodes NF4 codes: element i is map[code i] * absmax[i / 64], rounded to round_to. Code 2j
 * is the high nibble of byte j, code 2j + 1 its low nibble; the last block may be partial. */
typedef struct {
    float map[16];
    const float *absmax; /* one per block, nested quantisation already decoded; borrowed */
    size_t n_blocks;
    as_dtype round_to; /* AS_F32, AS_F16 or AS_BF16 */
} as_nf4;

/* ---- conversions of one element ---- */

static inline uint32_t as_f32_bits(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline float as_f32_of_bits(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static inline float as_f32_of_bf16(uint16_t h)
{
    return as_f32_of_bits((uint32_t)h << 16);
}

/* Nearest, ties to even; NaN stays NaN and becomes quiet. */
static inline uint16_t as_bf16_of_f32(float x)
{
    uint32_t u = as_f32_bits(x);
    if ((u & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(u >> 16 | 0x40u);
    return (uint16_t)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

/* Exact; NaN becomes quiet and keeps its payload, as the processor's own conversion does. */
static inline float as_f32_of_f16(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, rest = h & 0x7fffu;
    if (rest > 0x7c00u) return as_f32_of_bits(sign | 0x7fc00000u | rest << 13);
    if (rest == 0x7c00u) return as_f32_of_bits(sign | 0x7f800000u);
    if (rest >= 0x0400u) return as_f32_of_bits(sign | ((rest << 13) + 0x38000000u));
    float small = (float)rest * 0x1p-24f; /* zero and subnormals */
    return as_f32_of_bits(sign | as_f32_bits(small));
}

/* Nearest, ties to even, subnormals kept, overflow to infinity; NaN becomes quiet. */
static inline uint16_t as_f16_of_f32(float x)
{
    uint32_t u = as_f32_bits(x), sign = u >> 16 & 0x8000u, a = u & 0x7fffffffu;
    if (a > 0x7f800000u) return (uint16_t)(sign | 0x7e00u | (a >> 13 & 0x3ffu));
    if (a >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* 65520 and more */
    if (a >= 0x38800000u)
        return (uint16_t)(sign | (a - 0x38000000u + 0xfffu + (a >> 13 & 1u)) >> 13);
    /* Below 2^-14: adding 0.5 leaves multiples of 2^-24 in the low bits, rounded by the addition.
     */
    return (uint16_t)(sign | (as_f32_bits(as_f32_of_bits(a) + 0.5f) - 0x3f000000u));
}

static inline float as_round_to(as_dtype t, float x)
{
    return t == AS_BF16  ? as_f32_of_bf16(as_bf16_of_f32(x))
           : t == AS_F16 ? as_f32_of_f16(as_f16_of_f32(x))
                         : x;
}

/* ---- many elements ---- */

/* Elements first .. first + n - 1 of the blocks into out (n); first and n need not be multiples of
 * the block. nf4 is read for AS_NF4 only, whose absmax must reach element first + n - 1. False,
 * with out untouched, for AS_U8 and AS_OTHER, and for AS_NF4 without nf4. Any thread. */
AS_MUST_CHECK bool as_dequantise(as_dtype t, const as_nf4 *nf4, float *out, const void *blocks,
                                 size_t first, size_t n);

/* n floats to blocks of F32, F16, BF16, Q8_0 or Q4_0, rounded as ggml's reference does; n must be a
 * multiple of the block. False, with out untouched, for other types and other n. */
AS_MUST_CHECK bool as_quantise(as_dtype t, void *blocks, const float *x, size_t n);

/* The sixteen NF4 values. */
extern const float as_nf4_map[16];

/* n floats to (n + 1) / 2 bytes of codes and one absmax per 64 elements, the last block partial. A
 * code is the number of midpoints between neighbouring values that lie strictly below
 * x * (1 / absmax); a block of zeros takes code 7. */
void as_nf4_quantise(uint8_t *codes, float *absmax, const float *x, size_t n);

/* The signed dynamic map of 8-bit codes, ascending (Dettmers et al. 2022, arXiv:2110.02861). */
void as_nf4_nest_map(float map[256]);

/* Double quantisation: offset = mean of absmax; each difference from it, over the largest in its
 * 256, takes the nearest entry of the map. code (n), nested_absmax ((n + 255) / 256). */
void as_nf4_nest(uint8_t *code, float *nested_absmax, float *offset, const float map[256],
                 const float *absmax, size_t n);
/* absmax[b] = map[code[b]] * nested_absmax[b / 256] + offset. */
void as_nf4_unnest(float *absmax, const float map[256], const uint8_t *code,
                   const float *nested_absmax, float offset, size_t n);

#endif
