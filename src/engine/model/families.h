/* The families of models. A family is a row of data and two short readers; everything that differs
 * in the forward pass stands in the as_config that they fill. Never leaves the room. */
#ifndef AS_ENGINE_MODEL_FAMILIES_H
#define AS_ENGINE_MODEL_FAMILIES_H

#include "engine/model/keys.h"
#include "engine/model/model_internal.h"

/* What a tensor of a layer that is no map measures, by the layer's shape. */
typedef enum {
    AS_EXTENT_NONE,     /* no such dimension */
    AS_EXTENT_ONE,      /* 1 */
    AS_EXTENT_DIM,      /* width of the stream */
    AS_EXTENT_HEAD,     /* head_dim */
    AS_EXTENT_HEADS,    /* heads */
    AS_EXTENT_CHANNELS, /* of the convolution: 2 key_heads key_dim + heads head_dim */
    AS_EXTENT_KERNEL    /* its length */
} as_extent;

typedef enum {
    AS_IN_ALL,
    AS_IN_ATTENTION,
    AS_IN_OWN_KV, /* attention that makes its own keys */
    AS_IN_DELTA,
    AS_IN_PER_LAYER /* when there are per-layer inputs */
} as_layers_with;

/* A tensor of a layer that is held as floats: gains, the convolution, delta's decay. */
typedef struct {
    const char *hf;   /* after "PREFIXlayers.N." */
    const char *gguf; /* after "blk.N." */
    size_t field;     /* offset in as_layer: a float *, or the float `scalar` */
    as_layers_with with;
    as_extent extent[3]; /* as config.json's checkpoints store it; GGUF drops a dimension of 1 */
} as_vector_row;

typedef struct {
    const char *name;           /* and general.architecture of GGUF files */
    const char *const *types;   /* model_type, also of text_config; NULL-terminated */
    const char *const *classes; /* architectures[0] */
    const as_vector_row *vectors;
    size_t n_vectors;
    bool may_nest;         /* tensors may stand under "model.language_model." */
    bool tied_by_default;  /* when tie_word_embeddings is absent */
    double eps_or;         /* when rms_norm_eps is absent; 0 refuses */
    bool may_predict_more; /* the last blocks of a GGUF file may predict further tokens */
    bool gguf_interleaves; /* GGUF rows of q_proj and k_proj are ordered for pairs (2i, 2i+1) */
    const char *const *ignored; /* beginnings of names of tensors that text does not need */
    const char *const *ignored_ends;
    /* Fills the config from either source; common keys are done (config.c). file: of GGUF. */
    bool (*read)(const as_keys *k, const as_tensors *file, as_config *c, as_arena *arena,
                 as_error *err);
} as_family;

extern const as_family as_family_llama, as_family_qwen3, as_family_qwen35, as_family_gemma4;
const as_family *const *as_families(size_t *n);
const as_family *as_family_find(const char *name); /* of as_config; NULL: none */

/* Does layer l of the model have such a tensor, and how large is it? dim (3) takes n dimensions. */
bool as_vector_shape(const as_config *c, const as_vector_row *row, size_t l, size_t *dim,
                     size_t *n);

/* Name of a map in GGUF files, after "blk.N.", without ".weight": "attn_q". */
const char *as_proj_gguf(as_proj p);

/* ---- what readers share ---- */

/* H, Hk and d of attention: d must be even, H a multiple of Hk. kv_or: whether absent key heads are
 * as many as heads; head_dim_or: for an absent width, 0 refuses. */
AS_MUST_CHECK bool as_read_heads(const as_keys *k, bool kv_or, size_t head_dim_or,
                                 as_layer_shape *out, as_error *err);
/* intermediate_size */
AS_MUST_CHECK bool as_read_mlp(const as_keys *k, size_t *out, as_error *err);

/* Ordinary rotation in both spellings (rope_theta with rope_scaling; rope_parameters). Where both
 * stand they must agree. *part: partial_rotary_factor, part_or when absent. base_or: 0 refuses. */
AS_MUST_CHECK bool as_read_rope(const as_keys *k, double base_or, double part_or, double *base,
                                double *part, as_error *err);
/* "rope_type" or "type" of an object of rope parameters is `only`, when there. */
AS_MUST_CHECK bool as_rope_type_is(const as_keys *rope, const char *only, as_error *err);
/* Adds a table to c->rope: as_rope_freqs. */
AS_MUST_CHECK bool as_add_rope(as_config *c, as_arena *arena, size_t half, size_t n_rot,
                               size_t d_exp, double base, double factor, as_error *err);

/* The rest of a family whose layers are all `shape`: silu, width of the mlp, one full rotation. */
AS_MUST_CHECK bool as_read_plain(const as_keys *k, as_config *c, as_arena *arena,
                                 as_layer_shape shape, double base_or, as_error *err);

#endif
