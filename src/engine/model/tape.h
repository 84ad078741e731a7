/* Gradients through a model. A tape runs whole sequences forward, each from its own start and blind
 * to the others, keeps what the way back needs, and takes the gradient of the final states down to
 * the hooks (adapters), and to every weight when the model is trained whole. Forward is the step of
 * model.h, so its numbers are those of inference bit for bit. What is kept of a layer is its input
 * and, where memory allows, all that its products made; otherwise the layer is run again (Chen et
 * al. 2016, arXiv:1604.06174).
 *
 * A sequence's part in every gradient is added token after token, sequence after sequence: cutting
 * a batch into more or fewer calls changes no bit (a tied head's part waits for as_weights_gather).
 */
#ifndef AS_ENGINE_MODEL_TAPE_H
#define AS_ENGINE_MODEL_TAPE_H

#include "engine/model/model.h"
#include "engine/tensor/param.h"

typedef struct as_weights as_weights; /* weights.h */
typedef struct as_tape as_tape;

typedef struct {
    size_t max_tokens; /* of one call, all sequences together */
    size_t longest;    /* of one sequence, at most max_tokens */
    size_t n_kept;     /* layers, from the last, of which everything is kept; at most all */
    size_t most_runs;  /* sequences of one call that as_tape_bytes counts caches for; more may come,
                          each of which takes whole pages. 0: as many as there are of the longest */
} as_tape_options;

/* Bytes that a tape holds, its caches for max_tokens tokens in most_runs sequences included. */
AS_MUST_CHECK bool as_tape_bytes(const as_model *m, const as_tape_options *o, size_t *bytes,
                                 as_error *err);

/* Borrows model, ex and weights (NULL: the weights are frozen) until free. */
AS_MUST_CHECK as_tape *as_tape_new(const as_model *m, const as_exec *ex, as_weights *weights,
                                   const as_tape_options *o, as_error *err);
void as_tape_free(as_tape *t); /* accepts NULL */

typedef struct {
    const uint32_t *ids;
    size_t n;
    const as_hooks *hooks; /* NULL: none */
} as_tape_run;

/* Runs the sequences, none of them empty; *final (sum of n, dim), in their order, is what enters
 * the head, and stays until the next call. Runs are borrowed until the end of backward. Fails as
 * as_model_step does, and for a hook that has no backward (AS_EUSAGE; not with forward_only).
 * forward_only: backward will not be called. */
AS_MUST_CHECK bool as_tape_forward(as_tape *t, const as_tape_run *runs, size_t n_runs,
                                   bool forward_only, const float **final, as_error *err);

/* d_final (rows, dim): gradient of the states forward gave. Adds to the gradients of the hooks and
 * of the weights. Once after each forward. Cannot fail. */
void as_tape_backward(as_tape *t, const float *d_final);

/* Head of `rows` states: turns d_logits, the gradient of what as_model_head gave as `logits` (both
 * (rows, vocab)), into d_final += its gradient; with weights, also adds to the head's own. d_logits
 * is used up. final: the states. */
void as_tape_head_backward(as_tape *t, float *d_final, float *d_logits, const float *logits,
                           const float *final, size_t rows);

#endif
