/* Heads, widths and rotary frequencies: the keys of config.json and GGUF metadata that families
 * read alike. */
#include <stdio.h>
#include <string.h>

#include "engine/model/families.h"

bool as_read_heads(const as_keys *k, bool kv_or, size_t head_dim_or, as_layer_shape *out,
                   as_error *err)
{
    const char *kv = "num_key_value_heads", *gguf_kv = "attention.head_count_kv";
    const char *d = "head_dim", *gguf_d = "attention.key_length";
    if (!as_keys_size(k, "num_attention_heads", "attention.head_count", 1, AS_MAX_HEADS,
                      &out->heads, err))
        return false;
    if (kv_or) {
        if (!as_keys_size_or(k, kv, gguf_kv, out->heads, 1, AS_MAX_HEADS, &out->key_heads, err))
            return false;
    } else if (!as_keys_size(k, kv, gguf_kv, 1, AS_MAX_HEADS, &out->key_heads, err)) {
        return false;
    }
    if (out->heads % out->key_heads != 0)
        return as_keys_fail_size(k, kv, gguf_kv, out->key_heads, err, "a divisor of %zu heads",
                                 out->heads);
    if (head_dim_or) {
        if (!as_keys_size_or(k, d, gguf_d, head_dim_or, 1, AS_MAX_HEAD_DIM, &out->head_dim, err))
            return false;
    } else if (!as_keys_size(k, d, gguf_d, 1, AS_MAX_HEAD_DIM, &out->head_dim, err)) {
        return false;
    }
    if (out->head_dim % 2 != 0)
        return as_keys_fail_size(k, d, gguf_d, out->head_dim, err, "an even number");
    size_t value;
    if (!as_keys_size_or(k, NULL, "attention.value_length", out->head_dim, 1, AS_MAX_HEAD_DIM,
                         &value, err))
        return false;
    return value == out->head_dim || as_keys_fail_size(k, "", "attention.value_length", value, err,
                                                       "%zu, as %s", out->head_dim, gguf_d);
}

bool as_read_mlp(const as_keys *k, size_t *out, as_error *err)
{
    return as_keys_size(k, "intermediate_size", "feed_forward_length", 1, AS_MAX_MLP, out, err);
}

/* ---- rotation ---- */

bool as_rope_type_is(const as_keys *rope, const char *only, as_error *err)
{
    return as_keys_text_is(rope, "rope_type", only, err) &&
           as_keys_text_is(rope, "type", only, err);
}

/* One value that up to three objects may give; those that do must agree. */
static bool read_agreed(const as_keys *const place[3], const char *hf, double otherwise,
                        double above, double below, double *out, as_error *err)
{
    bool found = false;
    for (size_t i = 0; i < 3; i++) {
        double x;
        if (!as_keys_has(place[i], hf, NULL)) continue;
        if (!as_keys_real(place[i], hf, NULL, above, below, &x, err)) return false;
        if (found && x != *out) {
            char text[32];
            return as_keys_fail(place[i], hf, as_keys_find(place[i], hf), err,
                                "%s, as the other spelling", as_double_text(*out, text));
        }
        *out = x;
        found = true;
    }
    if (found) return true;
    *out = otherwise;
    return otherwise > 0 || as_keys_fail(place[0], hf, NULL, err, "a number above %g", above);
}

static bool read_gguf_rope(const as_keys *k, double base_or, double *base, as_error *err)
{
    const char *type = "rope.scaling.type", *text;
    char key[64], shown[AS_ESCAPE_SIZE];
    size_t size;
    double one;
    if (as_keys_has(k, NULL, type)) {
        (void)snprintf(key, sizeof key, "%s.%s", k->arch, type);
        if (!as_gguf_text(k->gguf, key, &text, &size, err)) return false;
        if (size != 4 || memcmp(text, "none", 4) != 0)
            return as_keys_fail_gguf(k->gguf, key, err, "value (found \"%s\", expected \"none\")",
                                     as_escape(text, size, shown));
    } else if (as_keys_has(k, NULL, "rope.scaling.factor")) {
        if (!as_keys_real(k, NULL, "rope.scaling.factor", 0.999999, 1.000001, &one, err))
            return false;
    }
    const char *name = "rope.freq_base";
    if (base_or > 0) return as_keys_real_or(k, NULL, name, base_or, 1, 1e30, base, err);
    return as_keys_real(k, NULL, name, 1, 1e30, base, err);
}

bool as_read_rope(const as_keys *k, double base_or, double part_or, double *base, double *part,
                  as_error *err)
{
    as_keys newer, older;
    char newer_place[AS_PLACE_SIZE], older_place[AS_PLACE_SIZE];
    if (k->gguf) {
        *part = part_or;
        return read_gguf_rope(k, base_or, base, err);
    }
    if (!as_keys_sub(k, "rope_parameters", &newer, newer_place, err) ||
        !as_keys_sub(k, "rope_scaling", &older, older_place, err) ||
        !as_rope_type_is(&newer, "default", err) || !as_rope_type_is(&older, "default", err))
        return false;
    if (older.object && !as_keys_has(&older, "rope_type", NULL) &&
        !as_keys_has(&older, "type", NULL)) /* a scaling of some kind: never guess which */
        return as_keys_fail(&older, "rope_type", NULL, err, "\"default\"");
    const as_keys *const place[3] = {k, &newer, &older};
    return read_agreed(place, "rope_theta", base_or, 1, 1e30, base, err) &&
           read_agreed(place, "partial_rotary_factor", part_or, 0, 1.0000001, part, err);
}

bool as_add_rope(as_config *c, as_arena *arena, size_t half, size_t n_rot, size_t d_exp,
                 double base, double factor, as_error *err)
{
    as_rope_shape *r = &c->rope[c->n_ropes];
    r->inv_freq = as_arena_push(arena, half, sizeof *r->inv_freq, err);
    if (!r->inv_freq) return false;
    as_rope_freqs(r->inv_freq, half, n_rot, d_exp, base, factor);
    r->half = half;
    c->n_ropes++;
    return true;
}
