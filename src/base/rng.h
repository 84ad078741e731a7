/* Random numbers as a function of (seed, purpose, index): Philox4x32-10, Salmon, Moraes, Dror &
 * Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3". The key is taken from SHA-256 of the
 * seed and the purpose, the counter's upper half is the index, the lower half counts the blocks
 * drawn. No global state, no order dependence: stream (seed, purpose, index) is the same whoever
 * asks, and whenever. */
#ifndef AS_BASE_RNG_H
#define AS_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t key[2];
    uint32_t counter[4];
    uint32_t block[4];
    unsigned used; /* words of block already given out; 4 = draw a new one */
} as_rng;

as_rng as_rng_at(uint64_t seed, const char *purpose, uint64_t index);

uint64_t as_rng_u64(as_rng *r);
double as_rng_uniform(as_rng *r);             /* [0, 1), 53 bits */
uint64_t as_rng_below(as_rng *r, uint64_t n); /* 0..n-1 without bias (Lemire 2019); n > 0 */
double as_rng_normal(as_rng *r);              /* N(0,1), Box & Muller 1958, both halves not kept */
void as_rng_shuffle(as_rng *r, size_t *x, size_t n); /* Fisher-Yates, from the end */

#endif
