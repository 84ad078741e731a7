/* Qwen3.5, text: layers of gated delta rule (Yang, Kautz & Hatamizadeh 2024, arXiv:2412.06464)
 * among layers of gated attention. Norm gains are stored around zero, but for the gated norm. */
#include <stddef.h>
#include <stdlib.h>

#include "engine/model/families.h"

/* is_full (n_layers): by layer_types, else by the interval. */
static bool read_layers(const as_keys *k, const as_config *c, bool *is_full, as_error *err)
{
    bool found;
    size_t interval;
    if (!as_keys_layer_types(k, "linear_attention", "full_attention", is_full, c->n_layers, &found,
                             err))
        return false;
    if (found) return true;
    if (!as_keys_size(k, "full_attention_interval", "full_attention_interval", 1, AS_MAX_LAYERS,
                      &interval, err))
        return false;
    for (size_t l = 0; l < c->n_layers; l++) is_full[l] = (l + 1) % interval == 0;
    return true;
}

/* GGUF says dv as the width of all value heads together. */
static bool read_value_dim(const as_keys *k, as_layer_shape *s, as_error *err)
{
    size_t inner;
    if (!k->gguf)
        return as_keys_size(k, "linear_value_head_dim", NULL, 1, AS_MAX_HEAD_DIM, &s->head_dim,
                            err);
    if (!as_keys_size(k, NULL, "ssm.inner_size", 1, AS_MAX_HEADS * AS_MAX_HEAD_DIM, &inner, err))
        return false;
    s->head_dim = inner / s->heads;
    if (inner % s->heads == 0 && s->head_dim <= AS_MAX_HEAD_DIM) return true;
    return as_keys_fail_size(k, "", "ssm.inner_size", inner, err, "a multiple of %zu heads, to %zu",
                             s->heads, s->heads * AS_MAX_HEAD_DIM);
}

static bool read_delta(const as_keys *k, as_layer_shape *s, as_error *err)
{
    s->mixer = AS_MIX_DELTA;
    if (!as_keys_size(k, "linear_num_key_heads", "ssm.group_count", 1, AS_MAX_HEADS, &s->key_heads,
                      err) ||
        !as_keys_size(k, "linear_num_value_heads", "ssm.time_step_rank", 1, AS_MAX_HEADS, &s->heads,
                      err) ||
        !as_keys_size(k, "linear_key_head_dim", "ssm.state_size", 1, AS_MAX_HEAD_DIM, &s->key_dim,
                      err) ||
        !as_keys_size(k, "linear_conv_kernel_dim", "ssm.conv_kernel", 2, 8, &s->kernel, err) ||
        !read_value_dim(k, s, err))
        return false;
    return s->heads % s->key_heads == 0 ||
           as_keys_fail_size(k, "linear_num_value_heads", "ssm.time_step_rank", s->heads, err,
                             "a multiple of %zu key heads", s->key_heads);
}

/* The sections of a multimodal position, all equal in text; they must fill the table. */
static bool check_sections(const as_keys *k, size_t half, as_error *err)
{
    static const char *const places[] = {"rope_parameters", "rope_scaling"};
    for (size_t i = 0; i < 2 && !k->gguf; i++) {
        as_keys rope;
        char place[AS_PLACE_SIZE];
        if (!as_keys_sub(k, places[i], &rope, place, err)) return false;
        const json_t *list = as_keys_find(&rope, "mrope_section");
        json_int_t sum = 0;
        for (size_t j = 0; j < json_array_size(list); j++) {
            json_int_t x = json_integer_value(json_array_get(list, j));
            sum += x >= 0 && x <= (json_int_t)half ? x : (json_int_t)half + 1;
        }
        if (list && sum != (json_int_t)half)
            return as_keys_fail(&rope, "mrope_section", list, err, "sections that add up to %zu",
                                half);
    }
    return true;
}

static bool add_rope(const as_keys *k, as_config *c, as_arena *arena, size_t d, as_error *err)
{
    double base, part;
    size_t rotated;
    if (!as_read_rope(k, 0, 0.25, &base, &part, err)) return false;
    rotated = (size_t)((double)d * part);
    if (k->gguf && !as_keys_size(k, NULL, "rope.dimension_count", 2, d, &rotated, err))
        return false;
    if (rotated == 0 || rotated % 2 != 0)
        return as_keys_fail_size(k, "partial_rotary_factor", "rope.dimension_count", rotated, err,
                                 "an even number of rotated elements of %zu", d);
    return check_sections(k, rotated / 2, err) &&
           as_add_rope(c, arena, rotated / 2, rotated / 2, rotated, base, 1, err);
}

static bool check_keys(const as_keys *k, as_error *err)
{
    const json_t *only = as_keys_find(k, "mlp_only_layers"), *n = as_keys_find(k, "num_experts");
    if (only && !(json_is_array(only) && json_array_size(only) == 0))
        return as_keys_fail(k, "mlp_only_layers", only, err, "an empty list");
    if (n && !(json_is_integer(n) && json_integer_value(n) == 0))
        return as_keys_fail(k, "num_experts", n, err, "0");
    return as_keys_text_is(k, "hidden_act", "silu", err) &&
           as_keys_flag_is(k, "attn_output_gate", true, err);
}

static bool read_qwen35(const as_keys *k, const as_tensors *file, as_config *c, as_arena *arena,
                        as_error *err)
{
    size_t mlp;
    as_layer_shape full = {.mixer = AS_MIX_ATTENTION}, delta = {0};
    (void)file; /* metadata says it all */
    bool *is_full = as_arena_push(arena, c->n_layers, sizeof *is_full, err);
    c->layer = as_arena_push(arena, c->n_layers, sizeof *c->layer, err);
    if (!is_full || !c->layer || !check_keys(k, err) || !read_layers(k, c, is_full, err) ||
        !as_read_heads(k, false, k->gguf ? 0 : 256, &full, err) || !read_delta(k, &delta, err) ||
        !as_read_mlp(k, &mlp, err) || !add_rope(k, c, arena, full.head_dim, err))
        return false;
    for (size_t l = 0; l < c->n_layers; l++) {
        c->layer[l] = is_full[l] ? full : delta;
        c->layer[l].kv_layer = l;
        c->layer[l].mlp = mlp;
    }
    c->norm_offset = k->gguf ? 0 : 1; /* GGUF files hold the sum */
    c->has_qk_norm = c->has_gate = true;
    return true;
}

static const as_vector_row vectors[] = {
    {"input_layernorm.weight",
     "attn_norm.weight",
     offsetof(as_layer, norm_in),
     AS_IN_ALL,
     {AS_EXTENT_DIM}},
    {"post_attention_layernorm.weight",
     "post_attention_norm.weight",
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
    {"linear_attn.conv1d.weight",
     "ssm_conv1d.weight",
     offsetof(as_layer, conv),
     AS_IN_DELTA,
     {AS_EXTENT_CHANNELS, AS_EXTENT_ONE, AS_EXTENT_KERNEL}},
    {"linear_attn.A_log", "ssm_a", offsetof(as_layer, decay), AS_IN_DELTA, {AS_EXTENT_HEADS}},
    {"linear_attn.dt_bias",
     "ssm_dt.bias",
     offsetof(as_layer, dt_bias),
     AS_IN_DELTA,
     {AS_EXTENT_HEADS}},
    {"linear_attn.norm.weight",
     "ssm_norm.weight",
     offsetof(as_layer, norm_delta),
     AS_IN_DELTA,
     {AS_EXTENT_HEAD}},
};
static const char *const types[] = {"qwen3_5", "qwen3_5_text", NULL};
static const char *const classes[] = {"Qwen3_5ForConditionalGeneration", "Qwen3_5ForCausalLM",
                                      NULL};
static const char *const ignored[] = {"model.visual.", "visual.", "mtp.", "model.mtp.", NULL};
static const char *const ignored_ends[] = {NULL};

const as_family as_family_qwen35 = {
    .name = "qwen35",
    .types = types,
    .classes = classes,
    .vectors = vectors,
    .n_vectors = sizeof vectors / sizeof vectors[0],
    .may_nest = true,
    .may_predict_more = true,
    .ignored = ignored,
    .ignored_ends = ignored_ends,
    .read = read_qwen35,
};
