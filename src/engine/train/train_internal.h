/* What the files of the loop share; never leaves the room. */
#ifndef AS_ENGINE_TRAIN_TRAIN_INTERNAL_H
#define AS_ENGINE_TRAIN_TRAIN_INTERNAL_H

#include "engine/train/loss.h"
#include "engine/train/train.h"

/* Work memory of micro-batches: runs, targets and their losses. */
typedef struct {
    const as_train_options *o;
    const as_trainee *what;
    as_tape *tape;
    as_loss *loss;
    size_t dim, most;    /* tokens of a micro-batch, at most */
    as_tape_run *run;    /* (most) */
    uint64_t *key;       /* (most) for dropout, by run */
    as_target *target;   /* (most) */
    double *nll, *kl;    /* (most) by target */
    size_t *cut, *order; /* (examples + 1), (examples) */
    float *d_final;      /* (most, dim) */
    float *other;        /* (most, dim) states of the base model, for divergence */
    const double *logp;  /* (2 n) reference log-probabilities of all pairs that are trained on */
} as_batches;

/* kept: bytes that stand beside the model and the batch's memory. */
AS_MUST_CHECK bool as_batches_init(as_batches *b, const as_train_options *o, const as_trainee *what,
                                   const as_dataset *data, const as_dataset *held, size_t kept,
                                   size_t *n_kept, as_error *err);
void as_batches_clear(as_batches *b);

/* Sums of a step or an evaluation. */
typedef struct {
    double loss;    /* sum of what is divided by n_units */
    size_t n_units; /* targets, or pairs */
    size_t n_tokens, n_targets;
    double margin, accuracy, reward_chosen, reward_rejected, drift_chosen, drift_rejected;
    double length_delta, kl;
} as_sums;

/* Loss and gradients of the examples order[0..n) of one step, added in their order. step names the
 * dropout masks. Errors name the example. */
AS_MUST_CHECK bool as_batches_step(as_batches *b, const as_dataset *d, const size_t *order,
                                   size_t n, size_t step, as_sums *sums, as_error *err);
/* The same without gradients, over the whole of d; ref (2 n) are its reference log-probabilities
 * (pairs). With a base to compare to, kl. */
AS_MUST_CHECK bool as_batches_evaluate(as_batches *b, const as_dataset *d, const double *ref,
                                       as_sums *sums, as_error *err);
/* Sums of log-probabilities of pairs first .. first + n - 1 of d under `hooks`, into their places
 * in ref (2 d->n): chosen then rejected. */
AS_MUST_CHECK bool as_batches_reference(as_batches *b, const as_dataset *d, size_t first, size_t n,
                                        const as_hooks *hooks, double *ref, as_error *err);

#endif
