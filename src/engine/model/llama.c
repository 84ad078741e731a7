/* Llama: Touvron et al. 2023 (arXiv:2302.13971), as SmolLM2 uses it. */
#include <stddef.h>

#include "engine/model/families.h"

bool as_read_plain(const as_keys *k, as_config *c, as_arena *arena, as_layer_shape shape,
                   double base_or, as_error *err)
{
    double base, part;
    size_t rotated;
    const char *gguf = "rope.dimension_count";
    if (!as_keys_text_is(k, "hidden_act", "silu", err) || !as_read_mlp(k, &shape.mlp, err) ||
        !as_read_rope(k, base_or, 1, &base, &part, err))
        return false;
    if (part != 1)
        return as_keys_fail(k, "partial_rotary_factor", as_keys_find(k, "partial_rotary_factor"),
                            err, "1");
    if (!as_keys_size_or(k, NULL, gguf, shape.head_dim, 1, AS_MAX_HEAD_DIM, &rotated, err))
        return false;
    if (rotated != shape.head_dim)
        return as_keys_fail_size(k, "", gguf, rotated, err, "%zu, the head's width",
                                 shape.head_dim);
    c->layer = as_arena_push(arena, c->n_layers, sizeof *c->layer, err);
    if (!c->layer) return false;
    for (size_t l = 0; l < c->n_layers; l++) {
        c->layer[l] = shape;
        c->layer[l].kv_layer = l;
    }
    return as_add_rope(c, arena, shape.head_dim / 2, shape.head_dim / 2, shape.head_dim, base, 1,
                       err);
}

static bool read_llama(const as_keys *k, const as_tensors *file, as_config *c, as_arena *arena,
                       as_error *err)
{
    as_layer_shape shape = {.mixer = AS_MIX_ATTENTION};
    size_t heads;
    bool found;
    (void)file; /* metadata says it all */
    if (!as_keys_size(k, "num_attention_heads", "attention.head_count", 1, AS_MAX_HEADS, &heads,
                      err) ||
        !as_keys_layer_types(k, "full_attention", NULL, NULL, c->n_layers, &found, err))
        return false;
    bool given = as_keys_has(k, "head_dim", "attention.key_length");
    if (!given && c->dim % heads != 0)
        return as_keys_fail_size(k, "num_attention_heads", "attention.head_count", heads, err,
                                 "a divisor of width %zu, or head_dim", c->dim);
    return as_read_heads(k, true, c->dim / heads, &shape, err) &&
           as_read_plain(k, c, arena, shape, 10000, err);
}

static const as_vector_row vectors[] = {
    {"input_layernorm.weight",
     "attn_norm.weight",
     offsetof(as_layer, norm_in),
     AS_IN_ALL,
     {AS_EXTENT_DIM}},
    {"post_attention_layernorm.weight",
     "ffn_norm.weight",
     offsetof(as_layer, norm_mlp_in),
     AS_IN_ALL,
     {AS_EXTENT_DIM}},
};
static const char *const types[] = {"llama", NULL};
static const char *const classes[] = {"LlamaForCausalLM", NULL};
static const char *const ignored[] = {NULL};
static const char *const ignored_ends[] = {".rotary_emb.inv_freq", NULL};

const as_family as_family_llama = {
    .name = "llama",
    .types = types,
    .classes = classes,
    .vectors = vectors,
    .n_vectors = sizeof vectors / sizeof vectors[0],
    .eps_or = 1e-6,
    .gguf_interleaves = true,
    .ignored = ignored,
    .ignored_ends = ignored_ends,
    .read = read_llama,
};
