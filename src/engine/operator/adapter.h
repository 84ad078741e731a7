/* A LoRA adapter that is being trained, and adapters as files: y = W x + s B (A x~), s = alpha / r
 * or alpha / sqrt(r) (Hu et al. 2021, arXiv:2106.09685; Kalajdzievski 2023, arXiv:2312.03732), x~ =
 * x with inverted dropout while training. Factors are float32. Forward adds in the order of the
 * `lora:` operator (operator/lora.c), so what was trained is what is run, bit for bit. */
#ifndef AS_ENGINE_OPERATOR_ADAPTER_H
#define AS_ENGINE_OPERATOR_ADAPTER_H

#include "base/arena.h"
#include "engine/model/model.h"
#include "engine/tensor/param.h"

typedef struct {
    const char *pattern; /* as PEFT's rank_pattern: matches the end of a module path */
    double value;
} as_adapter_pattern;

typedef enum { AS_INIT_KAIMING, AS_INIT_GAUSSIAN, AS_INIT_RANDOM } as_adapter_init;

typedef struct {
    size_t rank;
    double alpha, dropout;
    bool is_rslora;
    /* What is adapted: one of the words "attention" (q k v o), "all-linear" (every map of the
     * layers that has a name in as_proj, which leaves out Gemma's per_layer_model_projection), or a
     * regular expression that must match the whole module path; or, with target NULL, a list of
     * names that module paths end with. */
    const char *target;
    const char *const *targets;
    size_t n_targets;
    const char *const *exclude; /* names, as targets */
    size_t n_exclude;
    const size_t *layers; /* NULL: all */
    size_t n_layers;
    const as_adapter_pattern *ranks, *alphas; /* the first that matches decides */
    size_t n_ranks, n_alphas;
    as_adapter_init init; /* KAIMING: A ~ U(-1/sqrt(in), 1/sqrt(in)), B = 0; GAUSSIAN: A ~ N(0,
                             1/r^2), B = 0; RANDOM: both as KAIMING (for tests) */
    uint64_t seed;        /* value i of a factor is a function of (seed, its name, i) */
} as_adapter_options;

typedef struct as_adapter as_adapter;

/* Model and ex are borrowed until close. AS_EUSAGE: a target, pattern or layer that meets nothing
 * (named, with what there is); a rank above both widths of a map is allowed, 0 is not. */
AS_MUST_CHECK as_adapter *as_adapter_new(const as_model *m, const as_exec *ex,
                                         const as_adapter_options *o, as_error *err);
/* A PEFT folder, to go on training it (or to look at it). seed: of dropout masks. */
AS_MUST_CHECK as_adapter *as_adapter_open(const as_model *m, const as_exec *ex, const char *folder,
                                          uint64_t seed, as_error *err);
void as_adapter_close(as_adapter *a);

/* One hook a map, with forward and backward. */
const as_hooks *as_adapter_hooks(const as_adapter *a);
/* A and B of every map, in order of layer and map, A first; named as in the file. */
const as_parameter *as_adapter_params(const as_adapter *a, size_t *n);
/* After values changed: what forward and backward read is made again from them. */
void as_adapter_refresh(as_adapter *a);
/* From now on run i of a step is the example of this key (n of them; borrowed until the next call):
 * the dropout mask of an element is a function of (seed, map, key, position, element). keys NULL:
 * no dropout. */
void as_adapter_keys(as_adapter *a, const uint64_t *keys, size_t n);

/* Writes adapter_config.json and adapter_model.safetensors into folder (made), as PEFT does; `base`
 * is base_model_name_or_path. Each file is replaced whole. */
AS_MUST_CHECK bool as_adapter_save(const as_adapter *a, const char *folder, const char *base,
                                   as_error *err);

/* What was attached, for people and records: {"maps": [{"module", "rank", "alpha", "scale",
 * "norm_a", "norm_b", "norm_delta"}], "n_maps", "n_parameters", "dropout"}; norm_delta = ||s B
 * A||_F, in double. With must_move it fails (AS_ESTATE, listing them) when the delta of a map is
 * zero. Gives.
 */
AS_MUST_CHECK json_t *as_adapter_report(const as_adapter *a, bool must_move, as_error *err);

/* ---- files to files ---- */

/* out_folder gets the checkpoint of model_folder with W + s B A in place of each adapted W,
 * computed in float (the sum over r in double) and stored as dtype (F32, F16, BF16; AS_N_DTYPES: as
 * the base has it; quantised weights need one named). The other tensors are copied as they are, and
 * so are config.json, generation_config.json, the tokenizer's and the template's files. */
AS_MUST_CHECK bool as_adapter_merge(const as_model *m, const as_exec *ex, const char *model_folder,
                                    const char *adapter_folder, const char *out_folder,
                                    as_dtype dtype, as_error *err);
/* A GGUF adapter: general.type "adapter", adapter.type "lora", general.architecture, and
 * adapter.lora.alpha (alpha sqrt(r) for rslora: readers divide by r); tensors NAME.lora_a (r, in),
 * NAME.lora_b (out, r), with the orders of rows and columns that the family's GGUF has. One alpha
 * for all maps is all the format holds: refused when scale * r differs between maps. */
AS_MUST_CHECK bool as_adapter_write_gguf(const as_adapter *a, const char *path, as_error *err);
/* Reads one back into a PEFT folder. */
AS_MUST_CHECK bool as_adapter_from_gguf(const as_model *m, const as_exec *ex, const char *path,
                                        const char *folder, as_error *err);

#endif
