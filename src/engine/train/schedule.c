/* The learning rate of each step. */
#include <math.h>

#include "engine/train/optimiser.h"

static const char *const names[AS_RATE_N] = {
    [AS_RATE_CONSTANT] = "constant",
    [AS_RATE_LINEAR] = "linear",
    [AS_RATE_COSINE] = "cosine",
};

const char *as_rate_name(as_rate r)
{
    AS_CHECK((unsigned)r < AS_RATE_N);
    return names[r];
}

double as_rate_at(as_rate r, double peak, size_t k, size_t warm, size_t total)
{
    const double pi = 3.14159265358979323846;
    AS_CHECK((unsigned)r < AS_RATE_N);
    if (k < warm) return peak * (double)k / (double)warm;
    if (r == AS_RATE_CONSTANT) return peak;
    if (k >= total) return 0.0; /* past the end; here also total <= warm, which has no fall */
    const double left = (double)(total - k) / (double)(total - warm);
    if (r == AS_RATE_LINEAR) return peak * left;
    return peak * (1.0 + cos(pi * (1.0 - left))) / 2.0;
}
