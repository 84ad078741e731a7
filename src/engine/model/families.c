/* The table of families, and the shapes that follow from a config alone. */
#include "engine/model/families.h"

#include <string.h>

static const as_family *const families[] = {
    &as_family_llama,
    &as_family_qwen3,
    &as_family_qwen35,
    &as_family_gemma4,
};

const as_family *const *as_families(size_t *n)
{
    *n = sizeof families / sizeof families[0];
    return families;
}

const as_family *as_family_find(const char *name)
{
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (strcmp(families[i]->name, name) == 0) return families[i];
    return NULL;
}

/* ---- maps ---- */

static const struct {
    const char *hf, *gguf;
} projs[AS_N_PROJ] = {
    [AS_Q_PROJ] = {"self_attn.q_proj", "attn_q"},
    [AS_K_PROJ] = {"self_attn.k_proj", "attn_k"},
    [AS_V_PROJ] = {"self_attn.v_proj", "attn_v"},
    [AS_O_PROJ] = {"self_attn.o_proj", "attn_output"},
    [AS_GATE_PROJ] = {"mlp.gate_proj", "ffn_gate"},
    [AS_UP_PROJ] = {"mlp.up_proj", "ffn_up"},
    [AS_DOWN_PROJ] = {"mlp.down_proj", "ffn_down"},
    [AS_IN_QKV] = {"linear_attn.in_proj_qkv", "attn_qkv"},
    [AS_IN_Z] = {"linear_attn.in_proj_z", "attn_gate"},
    [AS_IN_B] = {"linear_attn.in_proj_b", "ssm_beta"},
    [AS_IN_A] = {"linear_attn.in_proj_a", "ssm_alpha"},
    [AS_OUT_PROJ] = {"linear_attn.out_proj", "ssm_out"},
    [AS_PLE_GATE] = {"per_layer_input_gate", "inp_gate"},
    [AS_PLE_PROJ] = {"per_layer_projection", "proj"},
};

const char *as_proj_name(as_proj p)
{
    return projs[p].hf;
}

const char *as_proj_gguf(as_proj p)
{
    return projs[p].gguf;
}

static size_t channels(const as_layer_shape *s)
{
    return 2 * s->key_heads * s->key_dim + s->heads * s->head_dim;
}

bool as_proj_shape(const as_config *c, size_t layer, as_proj p, size_t *out, size_t *in)
{
    const as_layer_shape *s = &c->layer[layer];
    bool is_delta = s->mixer == AS_MIX_DELTA, own_kv = !is_delta && s->kv_layer == layer;
    size_t wide = s->heads * s->head_dim, narrow = s->key_heads * s->head_dim;
    struct {
        bool has;
        size_t out, in;
    } shape[AS_N_PROJ] = {
        [AS_Q_PROJ] = {!is_delta, c->has_gate ? 2 * wide : wide, c->dim},
        [AS_K_PROJ] = {own_kv, narrow, c->dim},
        [AS_V_PROJ] = {own_kv, narrow, c->dim},
        [AS_O_PROJ] = {!is_delta, c->dim, wide},
        [AS_GATE_PROJ] = {true, s->mlp, c->dim},
        [AS_UP_PROJ] = {true, s->mlp, c->dim},
        [AS_DOWN_PROJ] = {true, c->dim, s->mlp},
        [AS_IN_QKV] = {is_delta, channels(s), c->dim},
        [AS_IN_Z] = {is_delta, wide, c->dim},
        [AS_IN_B] = {is_delta, s->heads, c->dim},
        [AS_IN_A] = {is_delta, s->heads, c->dim},
        [AS_OUT_PROJ] = {is_delta, c->dim, wide},
        [AS_PLE_GATE] = {c->per_layer > 0, c->per_layer, c->dim},
        [AS_PLE_PROJ] = {c->per_layer > 0, c->dim, c->per_layer},
    };
    *out = shape[p].has ? shape[p].out : 0;
    *in = shape[p].has ? shape[p].in : 0;
    return shape[p].has;
}

size_t as_head_width(const as_config *c, size_t layer)
{
    return c->layer[layer].head_dim;
}

/* ---- vectors ---- */

static bool layer_has(const as_config *c, as_layers_with with, size_t l)
{
    const as_layer_shape *s = &c->layer[l];
    switch (with) {
    case AS_IN_ALL:
        return true;
    case AS_IN_ATTENTION:
        return s->mixer == AS_MIX_ATTENTION;
    case AS_IN_OWN_KV:
        return s->mixer == AS_MIX_ATTENTION && s->kv_layer == l;
    case AS_IN_DELTA:
        return s->mixer == AS_MIX_DELTA;
    case AS_IN_PER_LAYER:
        return c->per_layer > 0;
    }
    return false;
}

static size_t extent(const as_config *c, const as_layer_shape *s, as_extent e)
{
    switch (e) {
    case AS_EXTENT_NONE:
        return 0;
    case AS_EXTENT_ONE:
        return 1;
    case AS_EXTENT_DIM:
        return c->dim;
    case AS_EXTENT_HEAD:
        return s->head_dim;
    case AS_EXTENT_HEADS:
        return s->heads;
    case AS_EXTENT_CHANNELS:
        return channels(s);
    case AS_EXTENT_KERNEL:
        return s->kernel;
    }
    return 0;
}

bool as_vector_shape(const as_config *c, const as_vector_row *row, size_t l, size_t *dim, size_t *n)
{
    *n = 0;
    if (!layer_has(c, row->with, l)) return false;
    while (*n < 3 && row->extent[*n] != AS_EXTENT_NONE) {
        dim[*n] = extent(c, &c->layer[l], row->extent[*n]);
        ++*n;
    }
    return true;
}
