/* Stored weights of every type for the tests of products: seeded, with the values that go wrong. */
#ifndef WEIGHTS_H
#define WEIGHTS_H

#include <stdlib.h>

#include "base/rng.h"
#include "engine/tensor/linear.h"

/* out rows of `in` elements; in is a multiple of the type's block but for NF4. */
typedef struct {
    as_weight_source source;
    uint8_t *data;
    float *absmax;
    as_nf4 nf4;
} stored;

static inline uint16_t small_half(as_rng *r)
{
    return as_f16_of_f32((float)as_rng_normal(r) * 0.01f);
}

/* Any codes, with scales of ordinary size. */
static inline void random_block(as_dtype t, uint8_t *block, as_rng *r)
{
    size_t bytes = as_dtype_block_bytes(t);
    for (size_t i = 0; i < bytes; i++) block[i] = (uint8_t)as_rng_below(r, 256);
    uint16_t d = small_half(r), dmin = small_half(r);
    if (t == AS_F16) memcpy(block, &d, 2);
    if (t == AS_BF16) memcpy(block, &(uint16_t){as_bf16_of_f32((float)as_rng_normal(r))}, 2);
    if (t == AS_F32) memcpy(block, &(float){(float)as_rng_normal(r)}, 4);
    if (t == AS_Q8_0 || t == AS_Q4_0) memcpy(block, &d, 2);
    if (t == AS_Q4_K || t == AS_Q5_K) memcpy(block, &d, 2), memcpy(block + 2, &dmin, 2);
    if (t == AS_Q6_K) memcpy(block + offsetof(as_block_q6_k, d), &d, 2);
}

static inline stored stored_new(as_dtype t, size_t out, size_t in, as_dtype nf4_to, uint64_t seed)
{
    stored s = {0};
    as_rng r = as_rng_at(seed, "weights", t);
    size_t n = out * in, blocks = (n + as_dtype_block(t) - 1) / as_dtype_block(t);
    size_t bytes = as_dtype_block_bytes(t);
    s.data = malloc(blocks * bytes + 1);
    s.absmax = malloc((blocks + 1) * sizeof *s.absmax);
    for (size_t i = 0; s.data && i < blocks; i++) random_block(t, s.data + i * bytes, &r);
    for (size_t i = 0; t == AS_NF4 && s.absmax && i < blocks; i++) {
        float x = fabsf((float)as_rng_normal(&r)) * 0.02f;
        /* Eleven bits make ties in rounding to BF16 common; a block of zeros has no maximum. */
        s.absmax[i] = i % 4 == 0 ? as_round_to(AS_F16, x) : i % 13 == 5 ? 0 : x;
    }
    s.nf4 = (as_nf4){.absmax = s.absmax, .n_blocks = blocks, .round_to = nf4_to};
    memcpy(s.nf4.map, as_nf4_map, sizeof s.nf4.map);
    s.source = (as_weight_source){.type = t, .out = out, .in = in, .data = s.data};
    return s;
}

static inline void stored_free(stored *s)
{
    free(s->data);
    free(s->absmax);
}

/* Row o of the source, maps applied, as the reference decoder reads it. */
static inline void stored_row_floats(const stored *s, size_t o, float *row, float *spare)
{
    size_t at = s->source.rows ? s->source.rows[o] : o, in = s->source.in;
    bool ok = as_dequantise(s->source.type, &s->nf4, spare, s->data, at * in, in);
    for (size_t k = 0; ok && k < in; k++) row[k] = spare[s->source.cols ? s->source.cols[k] : k];
}

/* The same bits, or both no number. */
static inline bool same_floats(const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (as_f32_bits(a[i]) != as_f32_bits(b[i]) && !(a[i] != a[i] && b[i] != b[i])) return false;
    }
    return true;
}

#endif
