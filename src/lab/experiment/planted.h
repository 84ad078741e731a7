/* Labels that nothing measured, made of a seed and a column alone, so that what a check ought to
 * say of them is known. docs/method.md, "Planted labels". */
#ifndef AS_LAB_EXPERIMENT_PLANTED_H
#define AS_LAB_EXPERIMENT_PLANTED_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* A fair coin for each distinct text: below(2) of stream (seed, "planted", head), with head the
 * first 8 bytes of the text's SHA-256. */
AS_MUST_CHECK bool as_planted_text(uint64_t seed, const char *text, double *out, as_error *err);

/* With a_i = u . x_i and m the median of a: out_i = 1 where a_i > m, else 0, turned over where a
 * uniform draw of (seed, "planted flip", head of the bytes of x_i) is below 0.1. Component k of u
 * is the first standard normal of (seed, "planted direction", k).
 *
 * A vector that is missing (NaN) counts for nothing, and its label is NaN.
 *
 *   out (n), x (n, dim) */
AS_MUST_CHECK bool as_planted_vectors(uint64_t seed, double *out, const float *x, size_t n,
                                      size_t dim, as_error *err);

#endif
