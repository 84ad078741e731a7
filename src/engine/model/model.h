/* A language model: token ids in, final states and logits out, hooks on the way. Computed in
 * float32 whatever the weights are stored in. */
#ifndef AS_ENGINE_MODEL_MODEL_H
#define AS_ENGINE_MODEL_MODEL_H

#include "base/hash.h"
#include "engine/model/cache.h"
#include "engine/model/hook.h"

typedef struct as_model as_model;

typedef struct {
    bool no_scan;      /* do not look for NaN and Inf in the weights */
    bool no_digest;    /* do not hash the weights */
    const char *cache; /* folder that remembers digests (as_tensors_digest_in); NULL: none */
} as_model_options;

/* path: a checkpoint folder (config.json, model.safetensors or shards), or a GGUF file; names are
 * resolved before (engine/format/hub.h). Weights are laid out at once (parallel over ex's pool);
 * per- layer embedding tables stay mapped. Refused by name: unknown families, missing, misshapen,
 * doubled or unknown tensors, NaN or Inf (unless no_scan), keys that the family does not have. */
AS_MUST_CHECK as_model *as_model_open(const char *path, const as_exec *ex,
                                      const as_model_options *options, as_error *err);
/* The configuration alone, in the arena. file: the tensors of the same path, open. */
AS_MUST_CHECK as_config *as_model_config_of(const char *path, const as_tensors *file, as_arena *a,
                                            as_error *err);
void as_model_close(as_model *m);

const as_config *as_model_config(const as_model *m);
const char *as_model_digest(const as_model *m); /* weight digest; "" with no_digest */
const char *as_model_dtype(const as_model *m);  /* of the first layer's down_proj: "BF16" */
size_t as_model_bytes(const as_model *m);       /* weights held, laid out */
size_t as_model_step_bytes(const as_model *m);  /* weights read for one token */
size_t as_model_flops(const as_model *m); /* 2 x weights in products, of one token, with head */
const as_tensors *as_model_tensors(const as_model *m); /* the file(s), for GGUF vocabularies */

/* Consecutive tokens of one row, following what its cache holds.
 * parent, from_layer: prefix sharing. With parent < its own index the run has the same tokens at
 * the same positions as runs[parent] (whose own parent is AS_NO_PARENT), and its hooks change
 * nothing below from_layer (0..n_layers): it takes the parent's stream and caches there and
 * computes the rest itself. The bits are those it would have computed. */
#define AS_NO_PARENT ((size_t)-1)
typedef struct {
    const uint32_t *ids;
    size_t n;
    as_cache_row *cache;
    const as_hooks *hooks;
    size_t n_final; /* final states wanted: of the last n_final tokens */
    size_t parent, from_layer;
} as_run;

/* Work memory of steps of at most max_tokens tokens in all runs. */
typedef struct as_work as_work;
AS_MUST_CHECK as_work *as_work_new(const as_model *m, size_t max_tokens, as_error *err);
void as_work_free(as_work *w);
size_t as_work_tokens(const as_work *w); /* max_tokens */

/* One step of all runs. final (sum of n_final, dim): the states wanted, in order of the runs. The
 * caches hold the new tokens afterwards. Fails for an id >= vocab, a row beyond its capacity or the
 * model's positions, and for memory (pages); then the step has not happened for any row. */
AS_MUST_CHECK bool as_model_step(const as_model *m, const as_exec *ex, as_work *w,
                                 const as_run *runs, size_t n_runs, float *final, as_error *err);

/* logits (rows, vocab) = softcap(head final); rows of logits are vocab apart. */
void as_model_head(const as_model *m, const as_exec *ex, float *logits, const float *final,
                   size_t rows);

#endif
