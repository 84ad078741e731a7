/* All weights of a model as trainable tensors: float32 values and gradients, with the names of the
 * checkpoint. For models small enough to be trained whole. */
#ifndef AS_ENGINE_MODEL_WEIGHTS_H
#define AS_ENGINE_MODEL_WEIGHTS_H

#include "engine/model/model.h"
#include "engine/tensor/param.h"

typedef struct as_weights as_weights;

/* Widens every weight of the model to float32 and lays it out anew; from then on the model computes
 * with these. The model (borrowed until free) must not be stepped from another thread meanwhile,
 * and keeps what was trained after as_weights_free. Gradients are zero. */
AS_MUST_CHECK as_weights *as_weights_new(as_model *m, const as_exec *ex, as_error *err);
void as_weights_free(as_weights *w); /* accepts NULL */

/* In order: embedding, head, final norm, per-layer inputs, then layer by layer. Gains, decays and
 * the like do not decay. */
const as_parameter *as_weights_params(const as_weights *w, size_t *n);
/* After the last backward of a step: a head that is the embedding has gathered its gradient by
 * itself, so that the order of its sum does not depend on how the step was cut; here it joins the
 * embedding's.
 */
void as_weights_gather(as_weights *w);
/* After values changed: the model's own forms of them are made again. */
void as_weights_refresh(as_weights *w);

/* Replaces path by a safetensors file of all weights, as dtype (F32, F16, BF16). */
AS_MUST_CHECK bool as_weights_save(const as_weights *w, const char *path, as_dtype dtype,
                                   as_error *err);

#endif
