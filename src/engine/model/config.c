/* config.json and GGUF metadata into as_config: what all families share. The rest is theirs
 * (llama.c, qwen3.c, qwen35.c, gemma4.c). */
#include "engine/model/config.h"

#include <stdio.h>
#include <string.h>

#include "engine/model/families.h"

/* ---- which family ---- */

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0) return true;
    return false;
}

/* "gemma4, gemma4_text, llama, ...": what model_type may be. */
static const char *known_types(char *out, size_t size)
{
    size_t n, at = 0;
    const as_family *const *row = as_families(&n);
    out[0] = '\0';
    for (size_t i = 0; i < n; i++)
        for (const char *const *t = row[i]->types; *t && at < size; t++) {
            int wrote = snprintf(out + at, size - at, "%s%s", at ? ", " : "", *t);
            at += wrote > 0 ? (size_t)wrote : 0;
        }
    return out;
}

static const as_family *family_of_type(const as_keys *k, as_error *err)
{
    size_t n;
    char known[256];
    const json_t *type = json_object_get(k->top, "model_type");
    const as_keys top = {.object = k->top, .place = ""};
    const as_family *const *row = as_families(&n);
    for (size_t i = 0; i < n && json_is_string(type); i++) {
        if (!is_one_of(json_string_value(type), row[i]->types)) continue;
        const json_t *inner = as_keys_find(k, "model_type"), *class_ = NULL;
        if (inner && !(json_is_string(inner) && is_one_of(json_string_value(inner), row[i]->types)))
            return (void)as_keys_fail(k, "model_type", inner, err, "a type of the %s family",
                                      row[i]->name),
                   NULL;
        const json_t *classes = as_keys_find(&top, "architectures");
        if (classes && !json_is_array(classes))
            return (void)as_keys_fail(&top, "architectures", classes, err, "a list of names"), NULL;
        class_ = json_array_get(classes, 0);
        if (!class_ ||
            (json_is_string(class_) && is_one_of(json_string_value(class_), row[i]->classes)))
            return row[i];
        (void)as_keys_fail(&top, "architectures", class_, err, "%s", row[i]->classes[0]);
        return NULL;
    }
    (void)as_keys_fail(&top, "model_type", type, err, "one of %s",
                       known_types(known, sizeof known));
    return NULL;
}

/* ---- keys of every family ---- */

static bool read_sizes(const as_keys *k, const as_family *f, as_config *c, as_error *err)
{
    double eps;
    if (!as_keys_size(k, "hidden_size", "embedding_length", 1, AS_MAX_DIM, &c->dim, err) ||
        !as_keys_size(k, "num_hidden_layers", "block_count", 1, AS_MAX_LAYERS, &c->n_layers, err) ||
        !as_keys_size(k, "max_position_embeddings", "context_length", 1, AS_MAX_POSITIONS,
                      &c->max_positions, err))
        return false;
    const char *hf = "rms_norm_eps", *gguf = "attention.layer_norm_rms_epsilon";
    if (f->eps_or > 0 && !k->gguf) {
        if (!as_keys_real_or(k, hf, gguf, f->eps_or, 0, 1e-2, &eps, err)) return false;
    } else if (!as_keys_real(k, hf, gguf, 0, 1e-2, &eps, err)) {
        return false;
    }
    c->eps = (float)eps;
    return true;
}

static bool add_stop(as_config *c, uint32_t id, as_error *err)
{
    size_t at = 0, room = sizeof c->stop / sizeof c->stop[0];
    while (at < c->n_stop && c->stop[at] < id) at++;
    if (at < c->n_stop && c->stop[at] == id) return true;
    if (c->n_stop == room)
        return as_fail(err, AS_ELIMIT, "stop ids (found more, expected at most %zu)", room);
    memmove(&c->stop[at + 1], &c->stop[at], (c->n_stop - at) * sizeof c->stop[0]);
    c->stop[at] = id;
    c->n_stop++;
    return true;
}

/* eos_token_id: a number, a list or null. */
static bool add_stops(const as_keys *k, as_config *c, as_error *err)
{
    const char *hf = "eos_token_id";
    const json_t *value = as_keys_find(k, hf);
    size_t n = json_is_array(value) ? json_array_size(value) : value ? 1 : 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *id = json_is_array(value) ? json_array_get(value, i) : value;
        json_int_t x = json_is_integer(id) ? json_integer_value(id) : -1;
        if (x < 0 || (uint64_t)x >= c->vocab)
            return as_keys_fail(k, hf, id, err, "0 to %zu (the vocabulary)", c->vocab - 1);
        if (!add_stop(c, (uint32_t)x, err)) {
            as_error_at(err, "%s%s", k->place, hf);
            return false;
        }
    }
    return true;
}

/* ---- keys of config.json alone ---- */

static bool read_quantization(const as_keys *k, as_config *c, as_error *err)
{
    as_keys q;
    char place[AS_PLACE_SIZE];
    const char *name = "quantization_config";
    const as_keys top = {.object = k->top, .top = k->top, .place = ""};
    if (!as_keys_sub(as_keys_has(k, name, NULL) ? k : &top, name, &q, place, err)) return false;
    if (!q.object) return true;
    static const struct {
        const char *key, *only;
    } texts[] = {{"quant_method", "bitsandbytes"}, {"bnb_4bit_quant_type", "nf4"}};
    for (size_t i = 0; i < 2; i++) {
        if (!as_keys_has(&q, texts[i].key, NULL))
            return as_keys_fail(&q, texts[i].key, NULL, err, "\"%s\"", texts[i].only);
        if (!as_keys_text_is(&q, texts[i].key, texts[i].only, err)) return false;
        if (i == 1) continue;
        if (!as_keys_has(&q, "load_in_4bit", NULL))
            return as_keys_fail(&q, "load_in_4bit", NULL, err, "true");
        if (!as_keys_flag_is(&q, "load_in_4bit", true, err)) return false;
    }
    c->is_nf4 = true;
    return as_keys_flag_is(&q, "load_in_8bit", false, err) &&
           as_keys_text_is(&q, "bnb_4bit_quant_storage", "uint8", err);
}

/* Text in text_config, else the top's; a disagreement would leave the head in doubt. */
static bool read_tied(const as_keys *k, const as_family *f, as_config *c, as_error *err)
{
    const char *hf = "tie_word_embeddings";
    bool outer;
    const as_keys top = {.object = k->top, .top = k->top, .place = ""};
    if (!as_keys_flag_or(&top, hf, f->tied_by_default, &outer, err) ||
        !as_keys_flag_or(k, hf, outer, &c->is_tied, err))
        return false;
    if (as_keys_has(&top, hf, NULL) && outer != c->is_tied)
        return as_keys_fail(&top, hf, as_keys_find(&top, hf), err, "%s, as %s%s",
                            c->is_tied ? "true" : "false", k->place, hf);
    return true;
}

static bool read_dtype(const as_keys *k, as_error *err)
{
    const json_t *older = as_keys_find(k, "torch_dtype"), *newer = as_keys_find(k, "dtype");
    if (older && !json_is_string(older))
        return as_keys_fail(k, "torch_dtype", older, err, "a name, like \"bfloat16\"");
    if (newer && !json_is_string(newer))
        return as_keys_fail(k, "dtype", newer, err, "a name, like \"bfloat16\"");
    if (older && newer && !json_equal(older, newer))
        return as_keys_fail(k, "torch_dtype", older, err, "what dtype says");
    return true;
}

static bool read_json(const as_keys *k, as_config *c, as_arena *arena, as_error *err)
{
    const as_keys top = {.object = k->top, .top = k->top, .place = ""};
    const as_family *f = family_of_type(k, err);
    if (!f) return false;
    c->family = f->name;
    c->prefix = k->object != k->top ? "model.language_model." : "model.";
    if (k->object != k->top && !f->may_nest)
        return as_keys_fail(&top, "text_config", NULL, err, "none in the %s family", f->name);
    return read_quantization(k, c, err) && read_dtype(k, err) && read_dtype(&top, err) &&
           as_keys_size(k, "vocab_size", NULL, 1, AS_MAX_VOCAB, &c->vocab, err) &&
           read_sizes(k, f, c, err) && read_tied(k, f, c, err) &&
           as_keys_flag_is(k, "attention_bias", false, err) &&
           as_keys_flag_is(k, "mlp_bias", false, err) && f->read(k, NULL, c, arena, err) &&
           add_stops(k, c, err) && (k->object == k->top || add_stops(&top, c, err));
}

static as_config *config_new(as_arena *arena, as_error *err)
{
    as_config *c = as_arena_push(arena, 1, sizeof *c, err);
    if (c) *c = (as_config){.embed_scale = 1};
    return c;
}

static bool is_object(const json_t *value, as_error *err)
{
    static const char *const words[] = {"an object", "a list", "a text", "a whole number",
                                        "a number",  "true",   "false",  "null"};
    return json_is_object(value) || as_fail(err, AS_EFORMAT, "value (found %s, expected an object)",
                                            words[json_typeof(value)]);
}

as_config *as_config_read(as_arena *arena, const char *name, const json_t *config,
                          const json_t *generation, as_error *err)
{
    char place[AS_PLACE_SIZE] = "";
    as_keys k = {.object = config, .top = config, .place = ""}, text = {0};
    const as_keys more = {.object = generation, .top = generation, .place = ""};
    const char *slash = strrchr(name, '/');
    as_config *c = config_new(arena, err);
    if (!c) return NULL;
    if (!is_object(config, err) || !as_keys_sub(&k, "text_config", &text, place, err)) goto out;
    if (text.object) k = text;
    if (!read_json(&k, c, arena, err)) goto out;
    if (!generation) return c;
    if (is_object(generation, err) && add_stops(&more, c, err)) return c;
    as_error_at(err, "%.*sgeneration_config.json", slash ? (int)(slash - name + 1) : 0, name);
    return NULL;
out:
    as_error_at(err, "%s", name);
    return NULL;
}

/* ---- GGUF ---- */

static const as_family *family_of_gguf(const as_gguf *g, as_error *err)
{
    const char *key = "general.architecture", *text;
    char known[128] = "", shown[AS_ESCAPE_SIZE];
    size_t size, n, at = 0;
    const as_family *const *row = as_families(&n);
    if (!as_gguf_text(g, key, &text, &size, err)) return NULL;
    for (size_t i = 0; i < n; i++) {
        if (size == strlen(row[i]->name) && memcmp(text, row[i]->name, size) == 0) return row[i];
        int wrote = snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "", row[i]->name);
        at += wrote > 0 ? (size_t)wrote : 0;
    }
    (void)as_keys_fail_gguf(g, key, err, "value (found \"%s\", expected one of %s)",
                            as_escape(text, size, shown), known);
    return NULL;
}

/* Most files do not say vocab_size; then the embedding's rows do. */
static bool gguf_vocab(const as_keys *k, const as_tensors *file, as_config *c, as_error *err)
{
    if (as_keys_has(k, NULL, "vocab_size"))
        return as_keys_size(k, NULL, "vocab_size", 1, AS_MAX_VOCAB, &c->vocab, err);
    const as_tensor *embed = as_tensors_need(file, "token_embd.weight", err);
    if (!embed) return false;
    c->vocab = embed->n_dims == 2 ? embed->dim[0] : 0;
    if (c->vocab >= 1 && c->vocab <= AS_MAX_VOCAB) return true;
    (void)as_fail(err, AS_EFORMAT, "rows (found %zu, expected 1 to %zu)", c->vocab, AS_MAX_VOCAB);
    as_error_at(err, "%s: tensor \"%s\"", embed->file, embed->name);
    return false;
}

static bool gguf_stops(const as_gguf *g, as_config *c, as_error *err)
{
    static const char *const keys[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                       "tokenizer.ggml.eom_token_id"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        uint32_t id;
        if (!as_gguf_has(g, keys[i])) continue;
        if (!as_gguf_u32(g, keys[i], &id, err)) return false;
        if (id >= c->vocab)
            return as_keys_fail_gguf(g, keys[i], err,
                                     "value (found %lu, expected 0 to %zu (the vocabulary))",
                                     (unsigned long)id, c->vocab - 1);
        if (!add_stop(c, id, err)) return false;
    }
    return true;
}

/* The last blocks may be a head that predicts further tokens; it is no part of the model. */
static bool gguf_layers(const as_keys *k, const as_family *f, as_config *c, as_error *err)
{
    size_t extra, most = f->may_predict_more ? c->n_layers - 1 : 0;
    if (!as_keys_size_or(k, NULL, "nextn_predict_layers", 0, 0, most, &extra, err)) return false;
    c->n_layers -= extra;
    return true;
}

as_config *as_config_gguf(as_arena *arena, const as_tensors *file, as_error *err)
{
    const as_gguf *g = as_tensors_gguf(file);
    as_config *c = config_new(arena, err);
    if (!c) return NULL;
    const as_family *f = family_of_gguf(g, err);
    if (!f) return NULL;
    const as_keys k = {.place = "", .gguf = g, .arch = f->name};
    c->family = f->name;
    c->prefix = "model.";
    c->is_tied = !as_tensors_find(file, "output.weight");
    if (gguf_vocab(&k, file, c, err) && read_sizes(&k, f, c, err) && gguf_layers(&k, f, c, err) &&
        f->read(&k, file, c, arena, err) && gguf_stops(g, c, err))
        return c;
    return NULL;
}
