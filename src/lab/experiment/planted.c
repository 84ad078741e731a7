/* Planted labels: a coin for a text, a side of a random direction for a vector. */
#include "lab/experiment/planted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/rng.h"

#define FLIPS 0.1 /* so that no probe can be right of all */

/* The stream of one content: (seed, purpose, the first 8 bytes of its SHA-256). */
static bool stream_of(as_rng *r, uint64_t seed, const char *purpose, const void *bytes, size_t size,
                      as_error *err)
{
    as_key key;
    if (!as_sha256_of(bytes, size, key, err)) return false;
    key[16] = '\0';
    *r = as_rng_at(seed, purpose, strtoull(key, NULL, 16));
    return true;
}

bool as_planted_text(uint64_t seed, const char *text, double *out, as_error *err)
{
    as_rng coin;
    if (!stream_of(&coin, seed, "planted", text, strlen(text), err)) return false;
    *out = (double)as_rng_below(&coin, 2);
    return true;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

bool as_planted_vectors(uint64_t seed, double *out, const float *x, size_t n, size_t dim,
                        as_error *err)
{
    bool ok = false;
    double *along = as_new(n, sizeof *along, err), *sorted = as_new(n, sizeof *sorted, err);
    if (!along || !sorted) goto out;
    for (size_t k = 0; k < dim; k++) {
        as_rng r = as_rng_at(seed, "planted direction", k);
        const double u = as_rng_normal(&r);
        for (size_t i = 0; i < n; i++) along[i] += u * x[i * dim + k];
    }
    size_t there = 0; /* a vector that is missing has no label */
    for (size_t i = 0; i < n; i++)
        if (!isnan(along[i])) sorted[there++] = along[i];
    qsort(sorted, there, sizeof *sorted, ascending);
    const double median = there ? (sorted[(there - 1) / 2] + sorted[there / 2]) / 2 : 0;
    for (size_t i = 0; i < n; i++) {
        as_rng r;
        if (!stream_of(&r, seed, "planted flip", x + i * dim, dim * sizeof *x, err)) goto out;
        out[i] = NAN;
        if (isnan(along[i])) continue;
        out[i] = (along[i] > median) != (as_rng_uniform(&r) < FLIPS);
    }
    ok = true;
out:
    free(along);
    free(sorted);
    return ok;
}
