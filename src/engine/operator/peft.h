/* LoRA adapters as PEFT's files hold them (Hu et al. 2021, arXiv:2106.09685): adapter_config.json,
 * and pairs of tensors base_model.model.MODULE.lora_A.weight (r, in) and .lora_B.weight (out, r) in
 * adapter_model.safetensors. What is refused, with the messages: docs/formats.md. Never leaves the
 * room. */
#ifndef AS_ENGINE_OPERATOR_PEFT_H
#define AS_ENGINE_OPERATOR_PEFT_H

#include "base/arena.h"
#include "base/json.h"
#include "engine/model/config.h"

enum { AS_MOST_RANK = 65536 };

/* One adapted map. */
typedef struct {
    const char *module; /* as the file calls it: "model.layers.0.self_attn.q_proj" */
    size_t layer;
    as_proj proj;
    size_t rank;
    double alpha, scale; /* scale = alpha / r, or alpha / sqrt(r) */
    const as_tensor *a, *b;
} as_peft_pair;

typedef struct {
    const char *file; /* of the configuration, for messages */
    json_t *json;
    double rank, alpha, dropout; /* where no pattern says otherwise */
    bool is_rslora;
    as_arena *arena;
    as_tensors *tensors;
    as_peft_pair *pair; /* in the file's order of names */
    size_t n;
} as_peft;

/* Reads a folder's two files and pairs the tensors up. Every tensor must be a factor of a map of
 * this model, none twice, with the rank that the configuration gives it; every target that the
 * model has must have met a tensor. Values are not looked at. Gives: as_peft_clear, which accepts
 * what failed. */
AS_MUST_CHECK bool as_peft_open(as_peft *p, const char *folder, const as_config *c, as_error *err);
void as_peft_clear(as_peft *p);

/* The configuration alone. `file` is borrowed, the reference to json is taken. */
AS_MUST_CHECK bool as_peft_configure(as_peft *p, const char *file, json_t *json, as_error *err);
/* Rank and alpha of one module. */
AS_MUST_CHECK bool as_peft_module(const as_peft *p, const char *module, size_t *rank, double *alpha,
                                  as_error *err);
double as_peft_scale(double alpha, size_t rank, bool is_rslora);

/* All values of a factor as floats, refusing NaN and Inf. Gives: free(). */
AS_MUST_CHECK float *as_peft_factor(const as_tensor *t, as_pool *pool, as_error *err);

/* Does the pattern name this module path: the whole of it, or (is_whole false) an end that begins
 * after a dot? PEFT's regular expressions are taken in the POSIX extended form; what means
 * something else there is refused (an escape other than "\.", a lazy count, a named class,
 * parentheses that do not pair up), and so is a count in braces, because nested ones can take any
 * memory. */
AS_MUST_CHECK bool as_peft_matches(const char *pattern, const char *path, bool is_whole, bool *yes,
                                   as_error *err);
/* Is `path` this name, or does it end with it after a dot? */
bool as_peft_ends(const char *path, const char *name);

#endif
