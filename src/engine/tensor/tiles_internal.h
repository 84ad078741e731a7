/* The inside of every product with many rows: c += a b for a stretch of k, with b laid out in
 * strips that lie in the second cache. Every element of c adds its products in the order of k, by
 * one fma each. */
#ifndef AS_ENGINE_TENSOR_TILES_INTERNAL_H
#define AS_ENGINE_TENSOR_TILES_INTERNAL_H

#include "engine/tensor/kernels.h"

enum {
    AS_STRIP = 64,     /* columns multiplied together */
    AS_STRETCH = 1024, /* of k, at most; a multiple of every block */
    AS_HEIGHT = 6,     /* rows multiplied together */
    AS_TURNED = 48,    /* rows turned together */
    AS_TILES_ROOM = AS_TURNED * (AS_STRETCH + AS_LANES) + AS_HEIGHT * AS_STRIP /* floats */
};

/* How far apart the rows of strip s lie, for n columns. */
static inline size_t as_strip_width(size_t n, size_t s)
{
    const size_t left = n - s * AS_STRIP;
    return left < AS_STRIP ? (left + AS_LANES - 1) / AS_LANES * AS_LANES : AS_STRIP;
}

typedef struct {
    float *c; /* (m, n), rows ldc apart; n is any number */
    size_t ldc, m, n;
    bool is_first;  /* c counts as 0 */
    bool is_turned; /* a is (k, m), not (m, k) */
    const float *a; /* rows lda apart */
    size_t lda;
    const float *b; /* strip s, columns from 64 s on, at b + 64 s k: (k, as_strip_width), padded */
    size_t k;       /* at most AS_STRETCH */
} as_tiles;

/* room: AS_TILES_ROOM floats that nothing else uses meanwhile, 64-byte aligned. */
void as_tiles_add(const as_kernels *kernels, const as_tiles *t, float *room);

#endif
