/* Gemma 4, text: sliding and full layers of different head widths, keys and values shared by the
 * last layers, per-layer inputs, norms after each branch. Gains are plain, not stored around zero.
 */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/families.h"

/* ---- layers ---- */

/* is_full (n_layers). Without layer_types every sixth layer is full. */
static bool read_layers(const as_keys *k, const as_config *c, bool *is_full, as_error *err)
{
    bool found = true;
    if (k->gguf) {
        as_gguf_array sliding;
        if (!as_gguf_array_of(k->gguf, "gemma4.attention.sliding_window_pattern", AS_GGUF_BOOL,
                              c->n_layers, &sliding, err))
            return false;
        for (size_t l = 0; l < c->n_layers; l++) is_full[l] = !as_gguf_array_bool(&sliding, l);
    } else if (!as_keys_layer_types(k, "sliding_attention", "full_attention", is_full, c->n_layers,
                                    &found, err)) {
        return false;
    }
    for (size_t l = 0; l < c->n_layers && !found; l++) is_full[l] = (l + 1) % 6 == 0;
    if (is_full[c->n_layers - 1]) return true;
    const char *what = "last layer (found sliding_attention, expected full_attention)";
    if (k->gguf)
        return as_keys_fail_gguf(k->gguf, "gemma4.attention.sliding_window_pattern", err, "%s",
                                 what);
    (void)as_fail(err, AS_EFORMAT, "%s", what);
    as_error_at(err, "%slayer_types", k->place);
    return false;
}

/* The last `shared` layers read the keys of the last layer of their kind that makes its own. */
static bool share_keys(const as_keys *k, as_config *c, const bool *is_full, as_error *err)
{
    size_t shared, own;
    const char *hf = "num_kv_shared_layers", *gguf = "attention.shared_kv_layers";
    if (!as_keys_size_or(k, hf, gguf, 0, 0, c->n_layers - 1, &shared, err)) return false;
    own = c->n_layers - shared;
    for (size_t l = 0; l < c->n_layers; l++) {
        size_t from = l;
        if (l >= own) {
            for (from = own; from > 0 && is_full[from - 1] != is_full[l];) from--;
            if (from == 0)
                return as_keys_fail_size(k, hf, gguf, shared, err,
                                         "a %s layer before layer %zu, which shares its keys",
                                         is_full[l] ? "full" : "sliding", own);
            from--;
        }
        c->layer[l].kv_layer = from;
    }
    return true;
}

static bool read_mlps(const as_keys *k, as_config *c, as_error *err)
{
    bool wide = false;
    size_t mlp;
    const char *key = "gemma4.feed_forward_length";
    if (k->gguf && as_gguf_is_array(k->gguf, key)) {
        as_gguf_array list;
        if (!as_gguf_array_of(k->gguf, key, AS_GGUF_I32, c->n_layers, &list, err)) return false;
        for (size_t l = 0; l < c->n_layers; l++) {
            int32_t x = as_gguf_array_i32(&list, l);
            if (x < 1 || (size_t)x > AS_MAX_MLP)
                return as_keys_fail_gguf(k->gguf, key, err,
                                         "element %zu (found %ld, expected 1 to %zu)", l, (long)x,
                                         AS_MAX_MLP);
            c->layer[l].mlp = (size_t)x;
        }
        return true;
    }
    if (!as_read_mlp(k, &mlp, err) || !as_keys_flag_or(k, "use_double_wide_mlp", false, &wide, err))
        return false;
    for (size_t l = 0; l < c->n_layers; l++)
        c->layer[l].mlp = wide && c->layer[l].kv_layer != l ? 2 * mlp : mlp;
    return true;
}

/* ---- head widths ---- */

/* per_layer_config: {"4": {"head_dim": 512}, ...}, a newer way to say global_head_dim: all full
 * layers must come out alike, and no sliding one differ. *full: 0 before. */
static bool read_overrides(const as_keys *k, const as_config *c, const bool *is_full,
                           size_t sliding, size_t *full, as_error *err)
{
    as_keys all;
    char place[AS_PLACE_SIZE];
    if (!as_keys_sub(k, "per_layer_config", &all, place, err)) return false;
    if (!all.object) return true;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)all.object, name, value)
    {
        char number[24];
        unsigned long l = strtoul(name, NULL, 10);
        (void)snprintf(number, sizeof number, "%lu", l);
        if (strcmp(name, number) != 0 || l >= c->n_layers) {
            char shown[AS_ESCAPE_SIZE];
            (void)as_fail(err, AS_EFORMAT, "layer (found \"%s\", expected 0 to %zu)",
                          as_escape(name, strlen(name), shown), c->n_layers - 1);
            as_error_at(err, "%sper_layer_config", k->place);
            return false;
        }
        if (json_object_size(value) != 1 || !json_object_get(value, "head_dim"))
            return as_keys_fail(k, "per_layer_config", value, err,
                                "\"head_dim\" and nothing else in layer %lu", l);
    }
    for (size_t l = 0; l < c->n_layers; l++) {
        char number[24];
        as_keys one;
        size_t d;
        char inner[AS_PLACE_SIZE];
        (void)snprintf(number, sizeof number, "%zu", l);
        size_t plain = is_full[l] && *full ? *full : sliding;
        if (!as_keys_sub(&all, number, &one, inner, err) ||
            !as_keys_size_or(&one, "head_dim", NULL, plain, 1, AS_MAX_HEAD_DIM, &d, err))
            return false;
        size_t expected = !is_full[l] ? sliding : *full ? *full : d;
        if (is_full[l]) *full = expected;
        if (d != expected)
            return as_keys_fail_size(&one, "head_dim", NULL, d, err, "%zu in %s layers", expected,
                                     is_full[l] ? "all full" : "sliding");
    }
    return true;
}

static bool read_full_dim(const as_keys *k, const as_config *c, const bool *is_full, size_t sliding,
                          size_t *full, as_error *err)
{
    const char *hf = "global_head_dim";
    if (!as_keys_size_or(k, hf, NULL, 0, 1, AS_MAX_HEAD_DIM, full, err) ||
        !read_overrides(k, c, is_full, sliding, full, err))
        return false;
    if (*full == 0) *full = 512; /* the class's default */
    return *full % 2 == 0 || as_keys_fail_size(k, hf, NULL, *full, err, "an even number");
}

/* Widths of GGUF files: the plain keys are those of full layers. */
static bool read_gguf_dims(const as_keys *k, size_t full, size_t *sliding, as_error *err)
{
    static const char *const rotated[] = {"rope.dimension_count", "rope.dimension_count_swa",
                                          "attention.value_length_swa"};
    const char *swa = "attention.key_length_swa";
    if (!as_keys_size(k, NULL, swa, 1, AS_MAX_HEAD_DIM, sliding, err)) return false;
    if (*sliding % 2 != 0) return as_keys_fail_size(k, "", swa, *sliding, err, "an even number");
    for (size_t i = 0; i < 3; i++) {
        size_t d, expected = i == 0 ? full : *sliding;
        if (!as_keys_size_or(k, NULL, rotated[i], expected, 1, AS_MAX_HEAD_DIM, &d, err))
            return false;
        if (d != expected)
            return as_keys_fail_size(k, "", rotated[i], d, err, "%zu, the head's width", expected);
    }
    return true;
}

static bool read_shapes(const as_keys *k, as_config *c, const bool *is_full, as_error *err)
{
    as_layer_shape heads = {.mixer = AS_MIX_ATTENTION};
    size_t sliding, full, window, global;
    if (!as_read_heads(k, false, 0, &heads, err)) return false;
    if (k->gguf) {
        full = heads.head_dim;
        if (!read_gguf_dims(k, full, &sliding, err)) return false;
    } else {
        sliding = heads.head_dim;
        if (!read_full_dim(k, c, is_full, sliding, &full, err)) return false;
    }
    const char *key = "num_global_key_value_heads";
    if (!as_keys_size_or(k, key, NULL, heads.key_heads, 1, AS_MAX_HEADS, &global, err))
        return false;
    if (global != heads.key_heads)
        return as_keys_fail_size(k, key, NULL, global, err, "%zu, as num_key_value_heads",
                                 heads.key_heads);
    if (!as_keys_size(k, "sliding_window", "attention.sliding_window", 1, AS_MAX_POSITIONS, &window,
                      err))
        return false;
    for (size_t l = 0; l < c->n_layers; l++) {
        c->layer[l] = heads;
        c->layer[l].head_dim = is_full[l] ? full : sliding;
        c->layer[l].window = is_full[l] ? 0 : window;
        c->layer[l].rope = is_full[l] ? 1 : 0;
    }
    return true;
}

/* ---- rotation ---- */

/* GGUF says the turned pairs by factors that divide the frequencies: ones, then 1e30 for those that
 * stand still. */
static bool count_turned(const as_tensors *file, size_t half, size_t *n_rot, as_error *err)
{
    const as_tensor *t = as_tensors_need(file, "rope_freqs.weight", err);
    if (!t || !as_tensor_shape_is(t, 1, &half, err)) return false;
    *n_rot = 0;
    for (size_t i = 0; i < half; i++) {
        float x;
        if (t->dtype != AS_F32 || !as_dequantise(AS_F32, NULL, &x, t->data, i, 1)) {
            (void)as_fail(err, AS_EFORMAT, "dtype (found %s, expected F32)", t->type);
            goto out;
        }
        if (x == 1 && *n_rot == i) {
            ++*n_rot;
        } else if (!(x >= 1e29f) || isinf(x)) {
            (void)as_fail(err, AS_EFORMAT, "value %zu (found %g, expected ones, then 1e30)", i,
                          (double)x);
            goto out;
        }
    }
    return true;
out:
    as_error_at(err, "%s: tensor \"rope_freqs.weight\"", t->file);
    return false;
}

/* Base, part and factor of one layer kind; absent keys of an absent object: `base_or`, `part_or`.
 */
static bool read_kind(const as_keys *ropes, const char *kind, const char *type, double base_or,
                      double *base, double *part, double *factor, as_error *err)
{
    as_keys one;
    char place[AS_PLACE_SIZE];
    bool is_full = type[0] == 'p';
    *base = base_or;
    *part = is_full ? 0.25 : 1;
    *factor = 1;
    if (!ropes->object) return true;
    if (!as_keys_sub(ropes, kind, &one, place, err)) return false;
    if (!one.object) return as_keys_fail(ropes, kind, NULL, err, "an object");
    if (!as_keys_has(&one, "rope_type", NULL) && !as_keys_has(&one, "type", NULL))
        return as_keys_fail(&one, "rope_type", NULL, err, "\"%s\"", type);
    if (!as_rope_type_is(&one, type, err) ||
        !as_keys_real(&one, "rope_theta", NULL, 1, 1e30, base, err) ||
        !as_keys_real_or(&one, "partial_rotary_factor", NULL, 1, 0, 1.0000001, part, err) ||
        !as_keys_real_or(&one, "factor", NULL, 1, 1e-3, 1e6, factor, err))
        return false;
    if (is_full || (*part == 1 && *factor == 1)) return true;
    const char *which = *part != 1 ? "partial_rotary_factor" : "factor";
    return as_keys_fail(&one, which, as_keys_find(&one, which), err, "1");
}

static bool add_ropes(const as_keys *k, const as_tensors *file, as_config *c, as_arena *arena,
                      size_t sliding, size_t full, as_error *err)
{
    as_keys ropes = {0}, older;
    char place[AS_PLACE_SIZE], other[AS_PLACE_SIZE];
    double base[2], part[2] = {1, 1}, factor[2] = {1, 1};
    size_t n_rot = 0;
    if (k->gguf) {
        if (!as_keys_real(k, NULL, "rope.freq_base_swa", 1, 1e30, &base[0], err) ||
            !as_read_rope(k, 0, 1, &base[1], &part[1], err) ||
            !count_turned(file, full / 2, &n_rot, err))
            return false;
    } else {
        if (!as_keys_sub(k, "rope_parameters", &ropes, place, err) ||
            !as_keys_sub(k, "rope_scaling", &older, other, err) ||
            !read_kind(&ropes, "sliding_attention", "default", 1e4, &base[0], &part[0], &factor[0],
                       err) ||
            !read_kind(&ropes, "full_attention", "proportional", 1e6, &base[1], &part[1],
                       &factor[1], err))
            return false;
        if (older.object) return as_keys_fail(k, "rope_scaling", older.object, err, "null");
        double theta;
        if (!as_keys_real_or(k, "rope_theta", NULL, base[1], 1, 1e30, &theta, err)) return false;
        if (theta != base[1])
            return as_keys_fail(k, "rope_theta", as_keys_find(k, "rope_theta"), err,
                                "that of rope_parameters.full_attention");
        n_rot = (size_t)(part[1] * (double)full / 2);
    }
    return as_add_rope(c, arena, sliding / 2, sliding / 2, sliding, base[0], 1, err) &&
           as_add_rope(c, arena, full / 2, n_rot < full / 2 ? n_rot : full / 2, full, base[1],
                       factor[1], err);
}

/* ---- the rest ---- */

static bool check_keys(const as_keys *k, as_error *err)
{
    const char *name = "use_bidirectional_attention";
    const json_t *both = as_keys_find(k, name);
    bool known = !both || json_is_false(both) ||
                 (json_is_string(both) && strcmp(json_string_value(both), "vision") == 0);
    if (!known) return as_keys_fail(k, name, both, err, "null or \"vision\"");
    if (!k->gguf && !as_keys_has(k, "hidden_activation", NULL))
        return as_keys_fail(k, "hidden_activation", NULL, err, "\"gelu_pytorch_tanh\"");
    return as_keys_text_is(k, "hidden_activation", "gelu_pytorch_tanh", err) &&
           as_keys_flag_is(k, "attention_k_eq_v", false, err) &&
           as_keys_flag_is(k, "enable_moe_block", false, err);
}

static bool read_extras(const as_keys *k, as_config *c, as_error *err)
{
    double cap;
    size_t rows;
    const char *table = "vocab_size_per_layer_input", *width = "hidden_size_per_layer_input";
    if (!as_keys_real_or(k, "final_logit_softcapping", "final_logit_softcapping", 0, 0, 1e6, &cap,
                         err) ||
        !as_keys_size(k, width, "embedding_length_per_layer_input", 0, AS_MAX_DIM, &c->per_layer,
                      err))
        return false;
    c->softcap = (float)cap;
    if (c->per_layer == 0) return true;
    if (!as_keys_size_or(k, table, NULL, c->vocab, 1, AS_MAX_VOCAB, &rows, err)) return false;
    return rows == c->vocab ||
           as_keys_fail_size(k, table, NULL, rows, err, "%zu, as vocab_size", c->vocab);
}

static bool read_gemma4(const as_keys *k, const as_tensors *file, as_config *c, as_arena *arena,
                        as_error *err)
{
    bool *is_full = as_arena_push(arena, c->n_layers, sizeof *is_full, err);
    c->layer = as_arena_push(arena, c->n_layers, sizeof *c->layer, err);
    if (!is_full || !c->layer || !check_keys(k, err) || !read_layers(k, c, is_full, err) ||
        !read_shapes(k, c, is_full, err) || !share_keys(k, c, is_full, err) ||
        !read_mlps(k, c, err) || !read_extras(k, c, err))
        return false;
    size_t full = c->layer[c->n_layers - 1].head_dim, sliding = full;
    for (size_t l = 0; l < c->n_layers; l++)
        if (!is_full[l]) sliding = c->layer[l].head_dim;
    c->embed_scale = (float)sqrt((double)c->dim);
    c->score_scale = 1;
    c->activation = AS_ACT_GELU;
    c->has_qk_norm = c->has_v_norm = c->has_post_norms = true;
    return add_ropes(k, file, c, arena, sliding, full, err);
}

static const as_vector_row vectors[] = {
    {"input_layernorm.weight",
     "attn_norm.weight",
     offsetof(as_layer, norm_in),
     AS_IN_ALL,
     {AS_EXTENT_DIM}},
    {"post_attention_layernorm.weight",
     "post_attention_norm.weight",
     offsetof(as_layer, norm_attn_out),
     AS_IN_ALL,
     {AS_EXTENT_DIM}},
    {"pre_feedforward_layernorm.weight",
     "ffn_norm.weight",
     offsetof(as_layer, norm_mlp_in),
     AS_IN_ALL,
     {AS_EXTENT_DIM}},
    {"post_feedforward_layernorm.weight",
     "post_ffw_norm.weight",
     offsetof(as_layer, norm_mlp_out),
     AS_IN_ALL,
     {AS_EXTENT_DIM}},
    {"post_per_layer_input_norm.weight",
     "post_norm.weight",
     offsetof(as_layer, norm_ple),
     AS_IN_PER_LAYER,
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
    {"layer_scalar",
     "layer_output_scale.weight",
     offsetof(as_layer, scalar),
     AS_IN_ALL,
     {AS_EXTENT_ONE}},
};
static const char *const types[] = {"gemma4", "gemma4_text", NULL};
static const char *const classes[] = {"Gemma4ForConditionalGeneration", "Gemma4ForCausalLM", NULL};
static const char *const ignored[] = {"model.vision_tower.", "model.audio_tower.",
                                      "model.embed_vision.", "model.embed_audio.",
                                      "rope_freqs.weight",   NULL};
static const char *const ignored_ends[] = {NULL};

const as_family as_family_gemma4 = {
    .name = "gemma4",
    .types = types,
    .classes = classes,
    .vectors = vectors,
    .n_vectors = sizeof vectors / sizeof vectors[0],
    .may_nest = true,
    .tied_by_default = true,
    .ignored = ignored,
    .ignored_ends = ignored_ends,
    .read = read_gemma4,
};
