/* Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011, section 3.3 and table 2) and what is drawn from
 * it. The key of a stream is the first eight bytes of SHA-256(seed as 8 little-endian bytes,
 * purpose), read as two little-endian words; the counter is (block low, block high, index low,
 * index high). A 64-bit draw takes two words, the lower one first. */
#include "base/rng.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/hash_internal.h"

static uint32_t word_le(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

as_rng as_rng_at(uint64_t seed, const char *purpose, uint64_t index)
{
    unsigned char bytes[8], digest[32];
    for (size_t i = 0; i < 8; i++) bytes[i] = (unsigned char)(seed >> (8 * i));
    as_sha256_pair(bytes, sizeof bytes, purpose, strlen(purpose), digest);
    as_rng r = {.key = {word_le(digest), word_le(digest + 4)},
                .counter = {0, 0, (uint32_t)index, (uint32_t)(index >> 32)},
                .used = 4};
    return r;
}

static void philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4])
{
    uint32_t k0 = key[0], k1 = key[1];
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int round = 0; round < 10; round++) {
        uint64_t a = UINT64_C(0xD2511F53) * c0, b = UINT64_C(0xCD9E8D57) * c2;
        uint32_t n0 = (uint32_t)(b >> 32) ^ c1 ^ k0, n2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c0 = n0, c1 = (uint32_t)b, c2 = n2, c3 = (uint32_t)a;
        k0 += UINT32_C(0x9E3779B9), k1 += UINT32_C(0xBB67AE85);
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

uint64_t as_rng_u64(as_rng *r)
{
    if (r->used > 2) {
        philox(r->key, r->counter, r->block);
        if (++r->counter[0] == 0) r->counter[1]++;
        r->used = 0;
    }
    uint64_t x = r->block[r->used] | (uint64_t)r->block[r->used + 1] << 32;
    r->used += 2;
    return x;
}

double as_rng_uniform(as_rng *r)
{
    return (double)(as_rng_u64(r) >> 11) * 0x1p-53;
}

/* The upper and lower halves of a * b. */
static uint64_t mul_wide(uint64_t a, uint64_t b, uint64_t *low)
{
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t p00 = a0 * b0, p01 = a0 * b1, p10 = a1 * b0;
    uint64_t mid = (p00 >> 32) + (uint32_t)p01 + (uint32_t)p10;
    *low = mid << 32 | (uint32_t)p00;
    return a1 * b1 + (p01 >> 32) + (p10 >> 32) + (mid >> 32);
}

uint64_t as_rng_below(as_rng *r, uint64_t n)
{
    AS_CHECK(n > 0);
    uint64_t low, high = mul_wide(as_rng_u64(r), n, &low);
    if (low < n) { /* Lemire 2019, algorithm 5: draw again below 2^64 mod n */
        for (uint64_t least = (0 - n) % n; low < least;) high = mul_wide(as_rng_u64(r), n, &low);
    }
    return high;
}

double as_rng_normal(as_rng *r)
{
    const double turn = 6.283185307179586476925286766559;
    double u = 1.0 - as_rng_uniform(r); /* (0, 1]: the logarithm is finite */
    double v = as_rng_uniform(r);
    return sqrt(-2.0 * log(u)) * cos(turn * v);
}

void as_rng_shuffle(as_rng *r, size_t *x, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)as_rng_below(r, i), t = x[i - 1];
        x[i - 1] = x[j];
        x[j] = t;
    }
}
