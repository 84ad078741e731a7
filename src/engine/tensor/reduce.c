/* Sums over a long row. */
#include "engine/tensor/ops.h"

#include <math.h>

#include "engine/tensor/ops_internal.h"

enum { BLOCK = 512 }; /* a multiple of AS_LANES: element i stays in lane i % 16 */

static void add_lanes(float *restrict lane, const float *restrict x, size_t n)
{
    for (; n >= AS_LANES; n -= AS_LANES, x += AS_LANES) {
        for (size_t i = 0; i < AS_LANES; i++) lane[i] += x[i];
    }
    for (size_t i = 0; i < n; i++) lane[i] += x[i];
}

/* One thread: the lanes run through the whole row. */
double as_logsumexp(const as_exec *ex, const float *x, size_t n)
{
    float top = ex->kernels->max(x, n), lane[AS_LANES] = {0}, minus[BLOCK];
    for (size_t i = 0; i < BLOCK; i++) minus[i] = -top;
    for (size_t i = 0; i < n; i += BLOCK) {
        float e[BLOCK];
        size_t len = as_min(BLOCK, n - i);
        ex->kernels->add(e, x + i, minus, len);
        ex->kernels->exp(e, e, len);
        add_lanes(lane, e, len);
    }
    /* Sixteen numbers are one per lane: what is left is the fixed tree. */
    return (double)top + log((double)ex->kernels->sum(lane, AS_LANES));
}
