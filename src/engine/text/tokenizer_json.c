/* tokenizer.json and tokenizer_config.json: vocabulary, merges, added tokens from both, names of
 * the ends, chat template. The components are tokenizer_pipeline.c's business. `truncation` and
 * `padding` of tokenizer.json are settings of the program that saved it and have no effect. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "engine/text/tokenizer_internal.h"

enum { MAX_CONFIG = 64 << 20 };

/* An id: whole, not negative. */
static bool read_id(const json_t *v, uint64_t *id, as_error *err)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return as_fail(err, AS_EFORMAT, "id (expected a whole number of at least 0)");
    *id = (uint64_t)json_integer_value(v);
    return true;
}

/* --- added tokens ---------------------------------------------------------------------------- */

/* Calls put for every added token of both files. */
typedef struct {
    uint64_t id;
    const char *text;
    size_t size;
    bool is_special;
} added_row;

/* The fields but the id. Those that change how a token is matched must be off. */
static bool read_added(const json_t *o, added_row *row, as_error *err)
{
    static const char *const keys[] = {"id",     "content",     "special",    "lstrip",
                                       "rstrip", "single_word", "normalized", NULL};
    static const char *const off[] = {"lstrip", "rstrip", "single_word", "normalized"};
    const json_t *text = json_object_get(o, "content");
    if (!as_recipe_keys(o, keys, err)) return false;
    if (!json_is_string(text)) return as_fail(err, AS_EFORMAT, "content (expected a text)");
    row->text = json_string_value(text);
    row->size = json_string_length(text);
    for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
        bool is;
        if (!as_recipe_flag(o, off[i], false, &is, err)) return false;
        if (is) return as_fail(err, AS_EFORMAT, "%s (found true, expected false)", off[i]);
    }
    return as_recipe_flag(o, "special", false, &row->is_special, err);
}

/* The rows of tokenizer.json's list. */
static bool read_added_list(const json_t *list, added_row *row, as_error *err)
{
    size_t i, n = json_array_size(list);
    for (i = 0; i < n; i++) {
        const json_t *o = json_array_get(list, i);
        if (!read_added(o, &row[i], err) || !read_id(json_object_get(o, "id"), &row[i].id, err))
            break;
    }
    if (i == n) return true;
    as_error_at(err, "added_tokens[%zu]", i);
    return false;
}

/* Decimal digits, as a key of added_tokens_decoder. */
static bool read_key(const char *key, uint64_t *id, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    size_t n = strlen(key);
    *id = 0;
    for (size_t i = 0; i < n && n <= 18; i++) {
        if (key[i] < '0' || key[i] > '9') n = 0;
        *id = *id * 10 + (uint64_t)(key[i] - '0');
    }
    if (n > 0 && n <= 18) return true;
    return as_fail(err, AS_EFORMAT, "id (found \"%s\", expected a whole number)",
                   as_escape(key, strlen(key), shown));
}

/* The rows of tokenizer_config.json's object. */
static bool read_added_object(const json_t *object, added_row *row, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const char *key;
    json_t *o;
    size_t i = 0;
    json_object_foreach((json_t *)(uintptr_t)object, key, o)
    {
        if (!read_key(key, &row[i].id, err) || !read_added(o, &row[i], err)) {
            as_error_at(err, "added_tokens_decoder.%s", as_escape(key, strlen(key), shown));
            return false;
        }
        i++;
    }
    return true;
}

/* --- vocabulary and merges ------------------------------------------------------------------- */

/* The largest id + 1 of vocabulary and rows. */
static bool count_ids(json_t *vocab, const added_row *row, size_t n, uint64_t *n_ids, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const char *text;
    json_t *v;
    *n_ids = 0;
    for (size_t i = 0; i < n; i++)
        if (row[i].id >= *n_ids) *n_ids = row[i].id + 1;
    json_object_foreach(vocab, text, v)
    {
        uint64_t id = 0;
        if (!read_id(v, &id, err)) {
            as_error_at(err, "model.vocab.\"%s\"", as_escape(text, strlen(text), shown));
            return false;
        }
        if (id >= *n_ids) *n_ids = id + 1;
    }
    return true;
}

static bool put_vocab(as_tokenizer *t, json_t *vocab, as_error *err)
{
    const char *text;
    json_t *v;
    json_object_foreach(vocab, text, v)
    {
        if (as_build_token(t, (uint64_t)json_integer_value(v), text, strlen(text), err)) continue;
        as_error_at(err, "model.vocab");
        return false;
    }
    return true;
}

static bool put_merge(as_tokenizer *t, const json_t *m, as_error *err)
{
    const json_t *left = json_array_get(m, 0), *right = json_array_get(m, 1);
    if (json_is_string(m))
        return as_build_merge_text(t, json_string_value(m), json_string_length(m), err);
    if (json_array_size(m) != 2 || !json_is_string(left) || !json_is_string(right))
        return as_fail(err, AS_EFORMAT, "expected \"LEFT RIGHT\" or [\"LEFT\", \"RIGHT\"]");
    return as_build_merge(t, json_string_value(left), json_string_length(left),
                          json_string_value(right), json_string_length(right), err);
}

static bool put_merges(as_tokenizer *t, const json_t *merges, as_error *err)
{
    for (size_t i = 0; i < json_array_size(merges); i++) {
        if (put_merge(t, json_array_get(merges, i), err)) continue;
        as_error_at(err, "model.merges[%zu]", i);
        return false;
    }
    return true;
}

static bool put_added(as_tokenizer *t, const added_row *row, size_t n, as_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (!as_build_added(t, row[i].id, row[i].text, row[i].size, row[i].is_special, err))
            return false;
    return true;
}

/* --- tokenizer_config.json ------------------------------------------------------------------- */

/* A named end of text: null, a text, or an object with a content. */
static bool read_end(const as_tokenizer *t, const json_t *config, const char *key, bool *has,
                     uint32_t *id, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const json_t *v = json_object_get(config, key);
    *has = false;
    if (!v || json_is_null(v)) return true;
    const char *text = json_string_value(json_is_object(v) ? json_object_get(v, "content") : v);
    if (!text) return as_fail(err, AS_EFORMAT, "%s (expected a text or null)", key);
    *has = as_tokenizer_find(t, text, id);
    return *has || as_fail(err, AS_EFORMAT, "%s: \"%s\" is no token", key,
                           as_escape(text, strlen(text), shown));
}

/* A text, or a list of {name, template} of which "default" counts. */
static bool read_template(as_tokenizer *t, const json_t *config, as_error *err)
{
    const json_t *v = json_object_get(config, "chat_template"), *found = v;
    if (!v || json_is_null(v)) return true;
    if (json_is_array(v)) {
        found = NULL;
        for (size_t i = 0; i < json_array_size(v) && !found; i++) {
            const json_t *o = json_array_get(v, i);
            const char *name = json_string_value(json_object_get(o, "name"));
            if (name && strcmp(name, "default") == 0) found = json_object_get(o, "template");
        }
        if (!found) return as_fail(err, AS_EFORMAT, "chat_template: none is named \"default\"");
    }
    if (!json_is_string(found))
        return as_fail(err, AS_EFORMAT,
                       "chat_template (expected a text, or a list of objects "
                       "with name and template)");
    t->chat = as_arena_copy(t->arena, json_string_value(found), json_string_length(found), err);
    return t->chat != NULL;
}

static bool read_config(as_tokenizer *t, const json_t *config, as_error *err)
{
    return read_end(t, config, "bos_token", &t->has_bos, &t->bos, err) &&
           read_end(t, config, "eos_token", &t->has_eos, &t->eos, err) &&
           read_template(t, config, err);
}

/* --- the whole ------------------------------------------------------------------------------- */

/* Two documents to a tokenizer; config may be NULL. */
static as_tokenizer *build(const json_t *root, const json_t *config, as_error *err)
{
    as_recipe recipe;
    uint64_t n_ids;
    const json_t *list = json_object_get(root, "added_tokens");
    const json_t *more = json_object_get(config, "added_tokens_decoder");
    json_t *vocab = json_object_get(json_object_get(root, "model"), "vocab");
    const json_t *merges = json_object_get(json_object_get(root, "model"), "merges");
    if (!as_recipe_read(root, &recipe, err)) return NULL;
    if (!json_is_object(vocab) || !json_is_array(merges) || (list && !json_is_array(list)) ||
        (more && !json_is_object(more))) {
        (void)as_fail(err, AS_EFORMAT, "%s",
                      !json_is_object(vocab)   ? "model.vocab (expected an object)"
                      : !json_is_array(merges) ? "model.merges (expected a list)"
                      : (list && !json_is_array(list))
                          ? "added_tokens (expected a list)"
                          : "added_tokens_decoder (expected an object)");
        return NULL;
    }
    size_t n_list = json_array_size(list), n = n_list + json_object_size(more);
    added_row *row = as_new(n, sizeof *row, err);
    as_tokenizer *t = NULL;
    bool ok = row && read_added_list(list, row, err) &&
              read_added_object(more, row + n_list, err) && count_ids(vocab, row, n, &n_ids, err);
    if (ok)
        t = as_build_new(&recipe, n_ids, json_object_size(vocab), n, json_array_size(merges), err);
    ok = t && put_added(t, row, n, err) && put_vocab(t, vocab, err) && as_build_fall_back(t, err) &&
         put_merges(t, merges, err) && as_build_end(t, err) &&
         (!config || read_config(t, config, err));
    free(row);
    if (ok) return t;
    as_tokenizer_free(t);
    return NULL;
}

as_tokenizer *as_tokenizer_parse(const char *name, const char *json, size_t size,
                                 const char *config, size_t config_size, as_error *err)
{
    char shown[AS_ESCAPE_SIZE], config_name[AS_ESCAPE_SIZE + 16];
    as_tokenizer *t = NULL;
    json_t *second = NULL, *root = as_json_parse(name, json, size, err);
    if (!root) goto out;
    if (config) {
        (void)snprintf(config_name, sizeof config_name, "%s: config",
                       as_escape(name, strlen(name), shown));
        second = as_json_parse_wide(config_name, config, config_size, err);
        if (!second) goto out;
    }
    t = build(root, second, err);
    if (t && !as_sha256_of(json, size, t->digest, err)) {
        as_tokenizer_free(t);
        t = NULL;
    }
    if (!t) as_error_at(err, "%s", as_escape(name, strlen(name), shown));
out:
    json_decref(root);
    json_decref(second);
    return t;
}

bool as_tokenizer_exists(const char *dir)
{
    as_buf path = {0};
    as_buf_printf(&path, "%s/tokenizer.json", dir);
    bool is = path.data && !path.failed && as_file_exists(path.data);
    as_buf_clear(&path);
    return is;
}

as_tokenizer *as_tokenizer_open(const char *dir, as_error *err)
{
    as_buf path = {0}, config_path = {0}, json = {0}, config = {0};
    as_tokenizer *t = NULL;
    as_buf_printf(&path, "%s/tokenizer.json", dir);
    as_buf_printf(&config_path, "%s/tokenizer_config.json", dir);
    if (!as_buf_ok(&path, err) || !as_buf_ok(&config_path, err)) goto out;
    if (!as_file_read(path.data, AS_JSON_MAX_BYTES, &json, err)) goto out;
    bool has_config = as_file_exists(config_path.data);
    if (has_config && !as_file_read(config_path.data, MAX_CONFIG, &config, err)) goto out;
    t = as_tokenizer_parse(path.data, as_buf_text(&json), json.size,
                           has_config ? as_buf_text(&config) : NULL, config.size, err);
out:
    as_buf_clear(&path);
    as_buf_clear(&config_path);
    as_buf_clear(&json);
    as_buf_clear(&config);
    return t;
}
