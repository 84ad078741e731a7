/* Gradients to updates: AdamW with states of 32 or 8 bits, APOLLO-Mini, and what every optimiser
 * shares: the global norm, clipping, the learning-rate schedule. All bytes are functions of the
 * gradients and the step alone, for any number of threads. */
#ifndef AS_ENGINE_TRAIN_OPTIMISER_H
#define AS_ENGINE_TRAIN_OPTIMISER_H

#include <stdint.h>

#include "engine/tensor/exec.h"
#include "engine/tensor/param.h"
#include "engine/train/part.h"

typedef struct as_optimiser as_optimiser;

typedef struct {
    const char *name;         /* a row of as_optimiser_rules: "adamw", "adamw8", "apollo-mini" */
    double beta1, beta2, eps; /* 0 < beta < 1 */
    double weight_decay;      /* decoupled (Loshchilov & Hutter 2019, arXiv:1711.05101) */
    uint64_t seed;            /* of random projections */
    double scale;             /* apollo-mini: 128 */
    size_t period;            /* apollo-mini: steps between projections, 200 */
} as_optimiser_options;

/* One rule: a row of the table. */
typedef struct {
    const char *name, *summary;
    double eps; /* its usual eps: 1e-8, and 1e-6 for apollo-mini */
} as_optimiser_rule;
const as_optimiser_rule *as_optimiser_rules(size_t *n);

/* State for these parameters (borrowed, with their arrays, until free), all zero.
 * AS_EUSAGE: unknown name, value out of range. */
AS_MUST_CHECK as_optimiser *as_optimiser_new(const as_optimiser_options *o,
                                             const as_parameter *params, size_t n, as_error *err);
void as_optimiser_free(as_optimiser *o);

/* Step k = 1, 2, ... with rate lr:
 *   adamw        m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;  p -= lr wd p;
 *                p -= lr (m / (1-b1^k)) / (sqrt(v / (1-b2^k)) + eps)
 *   adamw8       the same with m and v kept as 8-bit codes of blocks of 256 values (Dettmers et al.
 *                2022, arXiv:2110.02861); tensors below 4,096 elements keep 32 bits
 *   apollo-mini  Zhu et al. 2024, arXiv:2412.05270; vectors (rows = 1) take adamw
 * Fails (AS_ENUMERIC, naming the tensor) when a gradient or an updated value is not
 * finite; then no parameter has changed. */
AS_MUST_CHECK bool as_optimiser_step(as_optimiser *o, const as_exec *ex, double lr, as_error *err);
size_t as_optimiser_steps(const as_optimiser *o); /* taken */
size_t as_optimiser_bytes(const as_optimiser *o); /* of state */

/* The state as bytes, for checkpoints: pieces in fixed order, each with a name. Borrowed, live. */
const as_part *as_optimiser_parts(const as_optimiser *o, size_t *n);
/* After the parts were filled from a checkpoint of step k. */
void as_optimiser_resume(as_optimiser *o, size_t steps);

/* ---- gradients ---- */

/* sqrt of the sum of squares of all gradients, in double over fixed chunks and a fixed tree. NaN or
 * Inf when a gradient is. */
double as_gradient_norm(const as_exec *ex, const as_parameter *params, size_t n);
/* All gradients times s. */
void as_gradient_scale(const as_exec *ex, const as_parameter *params, size_t n, float s);
void as_gradient_zero(const as_exec *ex, const as_parameter *params, size_t n);

/* ---- schedule ---- */

typedef enum { AS_RATE_CONSTANT, AS_RATE_LINEAR, AS_RATE_COSINE, AS_RATE_N } as_rate;
const char *as_rate_name(as_rate r); /* "constant", "linear", "cosine" */
/* The rate of step k = 0, 1, ... of `total`, after `warm` steps of peak k / warm:
 *   linear  peak max(0, (total - k) / (total - warm));
 *   cosine  peak max(0, (1 + cos(pi (k - warm) / (total - warm))) / 2). */
double as_rate_at(as_rate r, double peak, size_t k, size_t warm, size_t total);

#endif
