/* How a model lies in memory; never leaves the room. */
#ifndef AS_ENGINE_MODEL_MODEL_INTERNAL_H
#define AS_ENGINE_MODEL_MODEL_INTERNAL_H

#include "engine/model/model.h"
#include "engine/tensor/attention.h"
#include "engine/tensor/linear.h"
#include "engine/tensor/ops.h"

/* Gains are float32, as stored (config.norm_offset is added when used). NULL where the family has
 * none. */
typedef struct {
    float *norm_in;            /* input_layernorm (dim) */
    float *norm_attn_out;      /* has_post_norms: post_attention_layernorm */
    float *norm_mlp_in;        /* post_attention_layernorm, or pre_feedforward_layernorm */
    float *norm_mlp_out;       /* has_post_norms: post_feedforward_layernorm */
    float *norm_ple;           /* post_per_layer_input_norm */
    float *norm_q, *norm_k;    /* (head_dim) */
    float *conv;               /* delta: (channels, kernel) */
    float *decay;              /* delta: -exp(A_log) (heads) */
    float *dt_bias;            /* delta: (heads) */
    float *norm_delta;         /* delta: (dv), offset 0 */
    float scalar;              /* layer_scalar; 1 without */
    as_weight proj[AS_N_PROJ]; /* empty where as_proj_shape says the layer has none */
} as_layer;

struct as_model {
    as_arena *arena;
    as_tensors *tensors;
    as_config *config;
    as_layer *layer;
    as_weight embed; /* (vocab, dim); also the head when tied */
    as_weight head;  /* empty when tied */
    float *norm_final;
    /* per-layer inputs: the table stays mapped; the projection is laid out */
    as_tensor ple_table; /* (vocab, n_layers * per_layer) */
    as_weight ple_model; /* per_layer_model_projection (n_layers * per_layer, dim) */
    float *norm_ple;     /* per_layer_projection_norm (per_layer) */
    as_key digest;
    size_t step_bytes, flops, bytes;
};

/* Pages and states of a row, for block.c. */
float *const *as_cache_pages(const as_cache_row *r, size_t layer); /* table of layer's pages */
float *as_cache_state(const as_cache_row *r, size_t layer);        /* delta: (heads, dk, dv) */
float *as_cache_conv(const as_cache_row *r, size_t layer);         /* delta: (K-1, channels) */
/* Makes room for n more tokens in layers from_layer..: new pages, own copies of shared ones. */
AS_MUST_CHECK bool as_cache_grow(as_cache_row *r, size_t n, size_t from_layer, as_error *err);
/* Layers 0..from_layer-1 become the parent's: pages shared, states copied. */
AS_MUST_CHECK bool as_cache_share(as_cache_row *r, const as_cache_row *parent, size_t from_layer,
                                  as_error *err);
/* The row now holds n more tokens; pages that no window can reach any more are given back. */
void as_cache_advance(as_cache_row *r, size_t n);

#endif
