/* From logits to one token. The order is the reference's (transformers' generate): repetition
 * penalty, temperature, top-k, top-p, min-p, then the draw. */
#ifndef AS_ENGINE_INFER_SAMPLE_H
#define AS_ENGINE_INFER_SAMPLE_H

#include <stdint.h>

#include "base/error.h"
#include "base/rng.h"

typedef struct {
    double temperature; /* 0: greedy, the largest logit, lowest id on ties; else 1e-6 to 100 */
    size_t top_k;       /* 0: off; ties with the k-th stay */
    double top_p;       /* 1: off; in (0, 1] */
    double min_p;       /* 0: off; in [0, 1) */
    double penalty;     /* repetition penalty, 1: off; above 0 */
} as_decoding;

/* Greedy, all off. */
extern const as_decoding as_decoding_greedy;
/* AS_EUSAGE naming the field out of its range. */
AS_MUST_CHECK bool as_decoding_check(const as_decoding *d, as_error *err);

/* Work space of one draw: vocab entries. */
typedef struct {
    float logit;
    uint32_t id;
} as_candidate;

/* The processed distribution: candidates (room for vocab) hold what is left, logits after penalty
 * and temperature, the largest first when top-p or min-p cut, else in order of ids. Returns how
 * many. The penalty divides positive logits of ids that `seen` holds (n_seen, any order, repeats
 * allowed) and multiplies negative ones. Not for temperature 0.
 *   marks   (vocab + 7) / 8 zero bytes, zero again on return */
size_t as_sample_process(as_candidate *candidates, unsigned char *marks, const float *logits,
                         size_t vocab, const as_decoding *d, const uint32_t *seen, size_t n_seen);

/* One token: greedy, or the candidate where the cumulated probability passes one uniform number of
 * (seed, "sample", index). index is the token's number in the reply. */
uint32_t as_sample(as_candidate *candidates, unsigned char *marks, const float *logits,
                   size_t vocab, const as_decoding *d, const uint32_t *seen, size_t n_seen,
                   uint64_t seed, uint64_t index);

#endif
