/* The reference decoders of block types, and the encoders that tests and synthetic models need.
 * Plain float32, one operation at a time, in the order the formats define. Not fast: kernels are.
 */
#include "engine/tensor/quant.h"

#include <math.h>

enum { MOST_BLOCK = 256 };

typedef struct {
    const char *name;
    size_t block, bytes;
} type_row;
static const type_row types[AS_N_DTYPES] = {
    [AS_F32] = {"F32", 1, 4},
    [AS_F16] = {"F16", 1, 2},
    [AS_BF16] = {"BF16", 1, 2},
    [AS_Q8_0] = {"Q8_0", 32, sizeof(as_block_q8_0)},
    [AS_Q4_0] = {"Q4_0", 32, sizeof(as_block_q4_0)},
    [AS_Q4_K] = {"Q4_K", 256, sizeof(as_block_q4_k)},
    [AS_Q5_K] = {"Q5_K", 256, sizeof(as_block_q5_k)},
    [AS_Q6_K] = {"Q6_K", 256, sizeof(as_block_q6_k)},
    [AS_NF4] = {"NF4", AS_NF4_BLOCK, AS_NF4_BLOCK / 2},
    [AS_U8] = {"U8", 1, 1},
    [AS_OTHER] = {"other", 1, 0},
};

const char *as_dtype_name(as_dtype t)
{
    return types[t].name;
}

size_t as_dtype_block(as_dtype t)
{
    return types[t].block;
}

size_t as_dtype_block_bytes(as_dtype t)
{
    return types[t].bytes;
}

/* ---- one block to floats ---- */

/* Block data stands at any address, so each decoder copies it into its struct first. */

static void decode_f32(float *y, const uint8_t *bytes)
{
    memcpy(y, bytes, sizeof *y);
}

static void decode_f16(float *y, const uint8_t *bytes)
{
    uint16_t h;
    memcpy(&h, bytes, sizeof h);
    *y = as_f32_of_f16(h);
}

static void decode_bf16(float *y, const uint8_t *bytes)
{
    uint16_t h;
    memcpy(&h, bytes, sizeof h);
    *y = as_f32_of_bf16(h);
}

static void decode_q8_0(float *y, const uint8_t *bytes)
{
    as_block_q8_0 b;
    memcpy(&b, bytes, sizeof b);
    float d = as_f32_of_f16(b.d);
    for (size_t j = 0; j < 32; j++) y[j] = d * (float)b.q[j];
}

static void decode_q4_0(float *y, const uint8_t *bytes)
{
    as_block_q4_0 b;
    memcpy(&b, bytes, sizeof b);
    float d = as_f32_of_f16(b.d);
    for (size_t j = 0; j < 16; j++) {
        y[j] = d * (float)((b.q[j] & 15) - 8);
        y[j + 16] = d * (float)((b.q[j] >> 4) - 8);
    }
}

/* What Q4_K and Q5_K share: 64 values of chunk c from the low and high nibbles of 32 bytes; `high`
 * holds fifth bits, or is NULL. */
static void decode_chunk(float *y, const uint8_t *q, const uint8_t *high, size_t c, float d,
                         float dmin, const uint8_t scale[12])
{
    uint8_t s0, m0, s1, m1;
    as_k_scale(scale, 2 * c, &s0, &m0);
    as_k_scale(scale, 2 * c + 1, &s1, &m1);
    float d0 = d * (float)s0, d1 = d * (float)s1, min0 = dmin * (float)m0, min1 = dmin * (float)m1;
    for (size_t l = 0; l < 32; l++) {
        int low = q[l] & 15, up = q[l] >> 4;
        if (high && high[l] >> (2 * c) & 1) low += 16;
        if (high && high[l] >> (2 * c + 1) & 1) up += 16;
        y[l] = d0 * (float)low - min0;
        y[l + 32] = d1 * (float)up - min1;
    }
}

static void decode_q4_k(float *y, const uint8_t *bytes)
{
    as_block_q4_k b;
    memcpy(&b, bytes, sizeof b);
    float d = as_f32_of_f16(b.d), dmin = as_f32_of_f16(b.dmin);
    for (size_t c = 0; c < 4; c++)
        decode_chunk(y + 64 * c, b.q + 32 * c, NULL, c, d, dmin, b.scale);
}

static void decode_q5_k(float *y, const uint8_t *bytes)
{
    as_block_q5_k b;
    memcpy(&b, bytes, sizeof b);
    float d = as_f32_of_f16(b.d), dmin = as_f32_of_f16(b.dmin);
    for (size_t c = 0; c < 4; c++)
        decode_chunk(y + 64 * c, b.q + 32 * c, b.high, c, d, dmin, b.scale);
}

static void decode_q6_k(float *y, const uint8_t *bytes)
{
    as_block_q6_k b;
    memcpy(&b, bytes, sizeof b);
    float d = as_f32_of_f16(b.d);
    for (size_t half = 0; half < 2; half++, y += 128) {
        const uint8_t *low = b.low + 64 * half, *high = b.high + 32 * half;
        const int8_t *scale = b.scale + 8 * half;
        for (size_t part = 0; part < 4; part++) {
            for (size_t l = 0; l < 32; l++) {
                int nibble = low[l + 32 * (part & 1)] >> (part < 2 ? 0 : 4) & 15;
                int q = (nibble | (high[l] >> (2 * part) & 3) << 4) - 32;
                y[32 * part + l] = d * (float)scale[2 * part + l / 16] * (float)q;
            }
        }
    }
}

typedef void decoder(float *y, const uint8_t *bytes);
static decoder *const decoders[AS_N_DTYPES] = {
    [AS_F32] = decode_f32,   [AS_F16] = decode_f16,   [AS_BF16] = decode_bf16,
    [AS_Q8_0] = decode_q8_0, [AS_Q4_0] = decode_q4_0, [AS_Q4_K] = decode_q4_k,
    [AS_Q5_K] = decode_q5_k, [AS_Q6_K] = decode_q6_k,
};

static void decode_nf4(const as_nf4 *nf4, float *out, const uint8_t *codes, size_t first, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = first + i;
        unsigned code = codes[at / 2] >> (at % 2 ? 0 : 4) & 15;
        out[i] = as_round_to(nf4->round_to, nf4->map[code] * nf4->absmax[at / AS_NF4_BLOCK]);
    }
}

bool as_dequantise(as_dtype t, const as_nf4 *nf4, float *out, const void *blocks, size_t first,
                   size_t n)
{
    if (t == AS_NF4) {
        if (nf4) decode_nf4(nf4, out, blocks, first, n);
        return nf4 != NULL;
    }
    decoder *decode = decoders[t];
    if (!decode) return false;
    size_t block = types[t].block, skip = first % block;
    const uint8_t *p = (const uint8_t *)blocks + first / block * types[t].bytes;
    for (; n > 0; p += types[t].bytes, skip = 0) {
        size_t take = block - skip < n ? block - skip : n;
        if (take == block) {
            decode(out, p);
        } else {
            float whole[MOST_BLOCK];
            decode(whole, p);
            memcpy(out, whole + skip, take * sizeof *out);
        }
        out += take;
        n -= take;
    }
    return true;
}

/* ---- floats to blocks ---- */

static void encode_f32(uint8_t *bytes, const float *x)
{
    memcpy(bytes, x, sizeof *x);
}

static void encode_f16(uint8_t *bytes, const float *x)
{
    uint16_t h = as_f16_of_f32(*x);
    memcpy(bytes, &h, sizeof h);
}

static void encode_bf16(uint8_t *bytes, const float *x)
{
    uint16_t h = as_bf16_of_f32(*x);
    memcpy(bytes, &h, sizeof h);
}

/* d = max|x| / 127, q = x/d rounded half away from zero. */
static void encode_q8_0(uint8_t *bytes, const float *x)
{
    as_block_q8_0 b;
    float most = 0;
    for (size_t j = 0; j < 32; j++) most = fabsf(x[j]) > most ? fabsf(x[j]) : most;
    float d = most / 127.0f, id = d > 0 ? 1.0f / d : 0.0f;
    b.d = as_f16_of_f32(d);
    for (size_t j = 0; j < 32; j++) {
        float q = roundf(x[j] * id);
        b.q[j] = (int8_t)(q >= 127.0f ? 127 : q > -127.0f ? (int)q : -127);
    }
    memcpy(bytes, &b, sizeof b);
}

static uint8_t nibble_of(float x, float id)
{
    float q = x * id + 8.5f;
    return (uint8_t)(q >= 15.0f ? 15 : q > 0.0f ? (int)q : 0);
}

/* d = x / -8 for the x of largest magnitude (the first such), so that it takes code 0. */
static void encode_q4_0(uint8_t *bytes, const float *x)
{
    as_block_q4_0 b;
    float most = 0, signed_most = 0;
    for (size_t j = 0; j < 32; j++) {
        if (!(fabsf(x[j]) > most)) continue;
        most = fabsf(x[j]);
        signed_most = x[j];
    }
    float d = signed_most / -8.0f, id = most > 0 ? 1.0f / d : 0.0f;
    b.d = as_f16_of_f32(d);
    for (size_t j = 0; j < 16; j++)
        b.q[j] = (uint8_t)(nibble_of(x[j], id) | nibble_of(x[j + 16], id) << 4);
    memcpy(bytes, &b, sizeof b);
}

typedef void encoder(uint8_t *bytes, const float *x);
static encoder *const encoders[AS_N_DTYPES] = {
    [AS_F32] = encode_f32,   [AS_F16] = encode_f16,   [AS_BF16] = encode_bf16,
    [AS_Q8_0] = encode_q8_0, [AS_Q4_0] = encode_q4_0,
};

bool as_quantise(as_dtype t, void *blocks, const float *x, size_t n)
{
    encoder *encode = encoders[t];
    if (!encode || n % types[t].block != 0) return false;
    uint8_t *p = blocks;
    for (size_t i = 0; i < n; i += types[t].block, p += types[t].bytes) encode(p, x + i);
    return true;
}

/* ---- NF4 ---- */

const float as_nf4_map[16] = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f,
};

/* How many midpoints between neighbours of the ascending map lie strictly below x. */
static size_t nearest(const float *map, size_t n, float x)
{
    size_t low = 0, high = n - 1; /* the answer is in [low, high] */
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        float midpoint = (float)(((double)map[mid] + (double)map[mid + 1]) / 2);
        if (midpoint < x)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void as_nf4_quantise(uint8_t *codes, float *absmax, const float *x, size_t n)
{
    memset(codes, 0, n / 2 + n % 2);
    for (size_t b = 0; b * AS_NF4_BLOCK < n; b++) {
        size_t start = b * AS_NF4_BLOCK;
        size_t end = n - start < AS_NF4_BLOCK ? n : start + AS_NF4_BLOCK;
        float most = 0;
        for (size_t i = start; i < end; i++) most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
        float inverse = most > 0 ? 1.0f / most : 0.0f;
        for (size_t i = start; i < end; i++) {
            size_t code = nearest(as_nf4_map, 16, x[i] * inverse);
            codes[i / 2] = (uint8_t)(codes[i / 2] | code << (i % 2 ? 0 : 4));
        }
        absmax[b] = most;
    }
}

void as_nf4_nest_map(float map[256])
{
    static const float powers[7] = {1e-6f, 1e-5f, 1e-4f, 1e-3f, 1e-2f, 1e-1f, 1.0f};
    size_t above = 128; /* map[127] is 0; positive values ascend with e and with i */
    map[127] = 0.0f;
    map[255] = 1.0f;
    for (size_t e = 0; e < 7; e++) {
        size_t n = (size_t)1 << e; /* n + 1 points from 0.1 to 1, the halves from their own ends */
        float step = (1.0f - 0.1f) / (float)n;
        float before = 0.1f;
        for (size_t i = 1; i <= n; i++) {
            float point =
                i < (n + 1) / 2 ? fmaf(step, (float)i, 0.1f) : fmaf(-step, (float)(n - i), 1.0f);
            float value = powers[e] * ((before + point) / 2.0f);
            map[above] = value;
            map[254 - above] = -value;
            above++;
            before = point;
        }
    }
}

void as_nf4_nest(uint8_t *code, float *nested_absmax, float *offset, const float map[256],
                 const float *absmax, size_t n)
{
    double sum = 0;
    for (size_t b = 0; b < n; b++) sum += (double)absmax[b];
    *offset = n ? (float)(sum / (double)n) : 0.0f;
    for (size_t start = 0; start < n; start += AS_NF4_NEST) {
        size_t end = n - start < AS_NF4_NEST ? n : start + AS_NF4_NEST;
        float most = 0;
        for (size_t b = start; b < end; b++) {
            float away = fabsf(absmax[b] - *offset);
            most = away > most ? away : most;
        }
        float inverse = most > 0 ? 1.0f / most : 0.0f;
        for (size_t b = start; b < end; b++)
            code[b] = (uint8_t)nearest(map, 256, (absmax[b] - *offset) * inverse);
        nested_absmax[start / AS_NF4_NEST] = most;
    }
}

void as_nf4_unnest(float *absmax, const float map[256], const uint8_t *code,
                   const float *nested_absmax, float offset, size_t n)
{
    for (size_t b = 0; b < n; b++)
        absmax[b] = map[code[b]] * nested_absmax[b / AS_NF4_NEST] + offset;
}
