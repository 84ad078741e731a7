/* Qwen3 (arXiv:2505.09388): Llama's blocks with RMSNorm on the heads of q and k. */
#include <stddef.h>

#include "engine/model/families.h"

static bool read_qwen3(const as_keys *k, const as_tensors *file, as_config *c, as_arena *arena,
                       as_error *err)
{
    as_layer_shape shape = {.mixer = AS_MIX_ATTENTION};
    bool found;
    (void)file; /* metadata says it all */
    c->has_qk_norm = true;
    return as_keys_layer_types(k, "full_attention", NULL, NULL, c->n_layers, &found, err) &&
           as_keys_flag_is(k, "use_sliding_window", false, err) &&
           as_read_heads(k, false, k->gguf ? 0 : 128, &shape, err) &&
           as_read_plain(k, c, arena, shape, 0, err);
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
    {"self_attn.q_norm.weight",
     "attn_q_norm.weight",
     offsetof(as_layer, norm_q),
     AS_IN_ATTENTION,
     {AS_EXTENT_HEAD}},
    {"self_attn.k_norm.weight",
     "attn_k_norm.weight",
     offsetof(as_layer, norm_k),
     AS_IN_OWN_KV,
     {AS_EXTENT_HEAD}},
};
static const char *const types[] = {"qwen3", NULL};
static const char *const classes[] = {"Qwen3ForCausalLM", NULL};
static const char *const ignored[] = {NULL};
static const char *const ignored_ends[] = {NULL};

const as_family as_family_qwen3 = {
    .name = "qwen3",
    .types = types,
    .classes = classes,
    .vectors = vectors,
    .n_vectors = sizeof vectors / sizeof vectors[0],
    .ignored = ignored,
    .ignored_ends = ignored_ends,
    .read = read_qwen3,
};
