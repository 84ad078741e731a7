/* How an optimiser is put together. Each tensor has a slot, and a keeper says in which form the
 * slot's moments are kept: adamw.c 32 bits, adamw8.c codes of 8 bits, apollo.c the moments of a
 * projection. A step runs over the same pieces twice: once as a trial that writes nothing and asks
 * whether every new value would be finite, and then, if so, for good. That costs reading everything
 * once more, and a step that fails has changed neither a parameter nor a state. */
#ifndef AS_ENGINE_TRAIN_OPTIMISER_INTERNAL_H
#define AS_ENGINE_TRAIN_OPTIMISER_INTERNAL_H

#include "base/arena.h"
#include "engine/train/optimiser.h"

enum {
    AS_BLOCK = 256,       /* values under one scale in adamw8 */
    AS_PIECE = 1 << 14,   /* elements of one task: a multiple of AS_BLOCK */
    AS_SMALL = 4096,      /* adamw8 keeps tensors below this in 32 bits */
    AS_PARTS_OF_SLOT = 4, /* at most */
};

typedef struct as_keeper as_keeper;

typedef struct {
    const as_parameter *param;
    const as_keeper *keeper;
    size_t n, number;           /* elements; place among the tensors */
    float *m, *v;               /* adamw: (n); apollo-mini: (n_low) */
    uint8_t *m_codes, *v_codes; /* adamw8: (n) */
    float *m_tops, *v_tops;     /* adamw8: largest magnitude of each block */
    double *norm;               /* apollo-mini: (1), of the last scaled gradient; 0: none yet */
    size_t n_low;               /* apollo-mini: max(rows, cols) */
    float *low, *new_m, *new_v; /* of this step: the projected gradient and its moments (n_low) */
    float *projector;           /* (min(rows, cols)) */
    size_t drawn;               /* the number of its draw; SIZE_MAX: none */
    double new_norm;            /* of this step */
    float rate;                 /* of this step: what the gradient is multiplied with */
    size_t first_low, n_low_pieces;
} as_slot;

/* A task: elements [at, at + n) of a tensor, or entries of its projected gradient. */
typedef struct {
    size_t slot, at, n;
} as_piece;

struct as_keeper {
    /* Makes the arrays of s, its parts first. */
    bool (*begin)(as_optimiser *o, as_slot *s, as_error *err);
    /* Steps one piece; true when everything it computed is finite. A trial writes nothing. */
    bool (*step)(const as_optimiser *o, const as_exec *ex, as_slot *s, const as_piece *p,
                 size_t worker, bool is_trial);
};
extern const as_keeper as_keeper_adamw, as_keeper_adamw8, as_keeper_apollo;

/* The dynamic 8-bit map of Dettmers et al. 2022 (arXiv:2110.02861, section 2.1): 0, 1, and for each
 * decade 10^-6 .. 10^0 the centres of 2^i equal parts of [0.1, 1] (signed, with their negatives) or
 * of 2^(i+1) (unsigned), i = 0 .. 6. */
enum { AS_CODE_BITS = 17, AS_CODE_FLOOR = (127 - 24) << 6, AS_CODE_STARTS = (24 << 6) + 1 };
typedef struct {
    float value[256];  /* rising */
    float middle[257]; /* between value[c] and value[c + 1]; infinite from 255 on */
    /* By sign and leading bits of x (9 of the exponent from 2^-24 on, 6 of the mantissa): the code
     * of the least such x. At most two more values lie that near to each other. */
    uint8_t start[2][AS_CODE_STARTS];
} as_codebook;
void as_codebook_fill(as_codebook *b, bool is_signed);
/* One block: *top = max |x|, codes of the values of b nearest to x / *top, in a tie the lower one;
 * all zero: the code of 0. x (AS_BLOCK) is zero from n on and is overwritten. */
void as_codes_encode(const as_codebook *b, uint8_t *codes, float *top, float *x, size_t n);
void as_codes_decode(const as_codebook *b, float *x, const uint8_t *codes, float top, size_t n);

struct as_optimiser {
    as_optimiser_options options;
    as_arena *arena; /* everything below */
    as_slot *slots;
    size_t n;
    as_piece *pieces, *low_pieces; /* by slot, in order */
    size_t n_pieces, n_low_pieces;
    bool *is_good;   /* (n_pieces) of the last trial */
    double *squares; /* (n_low_pieces) of the gradient */
    as_part *parts;
    size_t n_parts, steps, bytes;
    as_codebook *signed_codes, *unsigned_codes; /* adamw8 */
    double lr, correction; /* of this step: its rate; sqrt(1 - beta2^k) / (1 - beta1^k) */
    as_adamw adamw[2];     /* of this step: without and with decay */
};

/* n zeroed values that checkpoints keep, under the name "TENSOR.NAME". */
AS_MUST_CHECK void *as_state_push(as_optimiser *o, const as_slot *s, const char *name, size_t n,
                                  size_t size, as_error *err);

/* apollo-mini: what all pieces of a tensor need of the next step before any of them; nothing of the
 * state is written. And the new state of the projections, once the trial has passed. */
void as_apollo_prepare(as_optimiser *o, const as_exec *ex);
void as_apollo_commit(as_optimiser *o);

/* Sum in place over a fixed tree: x[i] + x[i + h] for h = half of the next power of two, and so on.
 * 0 when n is 0. */
double as_tree_sum(double *x, size_t n);

#endif
