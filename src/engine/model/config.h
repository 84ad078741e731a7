/* What a model is, read from config.json or GGUF metadata: a family is mostly these data. */
#ifndef AS_ENGINE_MODEL_CONFIG_H
#define AS_ENGINE_MODEL_CONFIG_H

#include <stdint.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/json.h"
#include "engine/format/tensors.h"

typedef enum { AS_MIX_ATTENTION, AS_MIX_DELTA } as_mixer;

/* The linear maps of a layer, by the names of the checkpoint. */
typedef enum {
    AS_Q_PROJ,
    AS_K_PROJ,
    AS_V_PROJ,
    AS_O_PROJ, /* attention */
    AS_GATE_PROJ,
    AS_UP_PROJ,
    AS_DOWN_PROJ, /* mlp */
    AS_IN_QKV,
    AS_IN_Z,
    AS_IN_B,
    AS_IN_A,
    AS_OUT_PROJ, /* linear_attn */
    AS_PLE_GATE,
    AS_PLE_PROJ, /* per_layer_input_gate, per_layer_projection */
    AS_N_PROJ
} as_proj;

/* "self_attn.q_proj", "linear_attn.in_proj_qkv", "per_layer_projection": the module path inside a
 * layer. */
const char *as_proj_name(as_proj p);

typedef struct {
    as_mixer mixer;
    size_t heads, key_heads; /* attention: query and key heads; delta: value and key heads */
    size_t head_dim;         /* attention: d; delta: value width dv */
    size_t key_dim;          /* delta: dk */
    size_t kernel;           /* delta: convolution length K */
    size_t window;           /* attention: 0 for all positions */
    size_t kv_layer; /* attention: whose keys and values it reads; itself, or the producer */
    size_t rope;     /* attention: index into ropes */
    size_t mlp;      /* width */
} as_layer_shape;

typedef struct {
    size_t half;     /* pairs (i, i + half) turn */
    float *inv_freq; /* (half) */
} as_rope_shape;

typedef enum { AS_ACT_SILU, AS_ACT_GELU } as_mlp_act;

typedef struct {
    const char *family; /* "llama", "qwen3", "qwen35", "gemma4": the row of families[] */
    const char *prefix; /* of tensor names: "model." or "model.language_model." */
    size_t vocab, dim, n_layers, max_positions;
    as_layer_shape *layer; /* (n_layers) */
    as_rope_shape rope[2];
    size_t n_ropes;
    float eps;
    float norm_offset; /* added to norm gains: 1 when stored around zero (not linear_attn.norm) */
    float embed_scale; /* 1, or sqrt(dim) as float */
    float score_scale; /* of attention; 0: 1/sqrt(head_dim) of the layer */
    float softcap;     /* of logits; 0: none */
    as_mlp_act activation;
    bool is_tied;        /* the head is the embedding */
    bool has_qk_norm;    /* RMSNorm of q and k heads */
    bool has_v_norm;     /* RMSNorm without gain of v heads */
    bool has_gate;       /* q_proj holds query and gate per head; o *= sigmoid(gate) */
    bool has_post_norms; /* a norm on each branch's output; the layer's scalar at the end */
    size_t per_layer;    /* width of per-layer inputs; 0: none */
    uint32_t stop[16];   /* union of eos ids of the files, ascending */
    size_t n_stop;
    bool is_nf4; /* a quantization_config was read */
} as_config;

/* Where a message says it stands. Everything lives in the arena.
 *   config      the object of config.json
 *   generation  of generation_config.json, or NULL
 * Both spellings of 2024 and 2026 are read; a value that the families do not have is refused by
 * key, found and expected value. */
AS_MUST_CHECK as_config *as_config_read(as_arena *arena, const char *name, const json_t *config,
                                        const json_t *generation, as_error *err);
/* The same from GGUF metadata. */
AS_MUST_CHECK as_config *as_config_gguf(as_arena *arena, const as_tensors *file, as_error *err);

/* SHA-256 of every field that decides what is computed from given weights: not names, limits or
 * stop ids. */
AS_MUST_CHECK bool as_config_digest(const as_config *c, as_key out, as_error *err);

/* Input and output width of a layer's map; false when that layer has none such. */
bool as_proj_shape(const as_config *c, size_t layer, as_proj p, size_t *out, size_t *in);
/* Columns of o_proj's or out_proj's input that belong to head h: [h * width, (h+1) * width). */
size_t as_head_width(const as_config *c, size_t layer);

#endif
