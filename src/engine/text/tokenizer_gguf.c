/* A tokenizer from GGUF metadata (github.com/ggml-org/ggml, docs/gguf.md, "Tokenizer"). */
#include <string.h>

#include "engine/format/gguf.h"
#include "engine/text/tokenizer_internal.h"

#define KEY(name) "tokenizer.ggml." name

/* tokenizer.ggml.token_type */
enum { NORMAL = 1, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE };

typedef struct {
    const as_gguf *meta;
    as_gguf_array tokens, types, merges;
    const char *model, *pre;
    size_t model_size, pre_size;
    as_buf unknown; /* text of the unknown token */
} source;

static bool text_is(const char *text, size_t size, const char *expected)
{
    return size == strlen(expected) && memcmp(text, expected, size) == 0;
}

/* model and pre to a recipe. */
static bool read_recipe(source *s, as_recipe *out, as_error *err)
{
    static const struct {
        const char *model, *pre;
        as_recipe recipe;
    } rows[] = {
        {"gpt2", "qwen2", {.has_nfc = true, .split = AS_SPLIT_QWEN3}},
        {"gpt2", "qwen35", {.has_nfc = true, .split = AS_SPLIT_QWEN35}},
        {"gpt2", "smollm", {.split = AS_SPLIT_GPT2_DIGITS}},
        {"gemma4", "", {.is_spaced = true, .has_fall_back = true, .is_fused = true}},
        {"gemma4", "gemma4", {.is_spaced = true, .has_fall_back = true, .is_fused = true}},
    };
    char model[AS_ESCAPE_SIZE], pre[AS_ESCAPE_SIZE];
    s->pre = "";
    if (!as_gguf_text(s->meta, KEY("model"), &s->model, &s->model_size, err)) return false;
    if (as_gguf_has(s->meta, KEY("pre")) &&
        !as_gguf_text(s->meta, KEY("pre"), &s->pre, &s->pre_size, err))
        return false;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!text_is(s->model, s->model_size, rows[i].model)) continue;
        if (!text_is(s->pre, s->pre_size, rows[i].pre)) continue;
        *out = rows[i].recipe;
        return true;
    }
    return as_fail(err, AS_EFORMAT,
                   KEY("model") " and .pre (found \"%s\" and \"%s\", expected \"gpt2\" with "
                                "\"qwen2\", \"qwen35\" or \"smollm\", or \"gemma4\")",
                   as_escape(s->model, s->model_size, model), as_escape(s->pre, s->pre_size, pre));
}

static bool read_arrays(source *s, as_error *err)
{
    return as_gguf_array_of(s->meta, KEY("tokens"), AS_GGUF_TEXT, AS_GGUF_ANY, &s->tokens, err) &&
           as_gguf_array_of(s->meta, KEY("token_type"), AS_GGUF_I32, s->tokens.n, &s->types, err) &&
           as_gguf_array_of(s->meta, KEY("merges"), AS_GGUF_TEXT, AS_GGUF_ANY, &s->merges, err);
}

/* Types and texts, and which is the unknown token. */
static bool check_tokens(source *s, as_recipe *recipe, as_error *err)
{
    for (size_t i = 0; i < s->tokens.n; i++) {
        size_t size;
        const char *text = as_gguf_array_text(&s->tokens, i, &size);
        int32_t type = as_gguf_array_i32(&s->types, i);
        if (type < NORMAL || type > BYTE)
            return as_fail(err, AS_EFORMAT, KEY("token_type") "[%zu] (found %d, expected 1 to 6)",
                           i, (int)type);
        if (type == BYTE && !recipe->has_fall_back)
            return as_fail(err, AS_EFORMAT, KEY("token_type") "[%zu]: a byte token among bytes", i);
        if (!as_utf8_valid(text, size, NULL) || memchr(text, '\0', size))
            return as_fail(err, AS_EFORMAT, KEY("tokens") "[%zu]: not valid UTF-8, or a NUL", i);
        if (type != UNKNOWN) continue;
        if (recipe->unknown)
            return as_fail(err, AS_EFORMAT, KEY("token_type") "[%zu]: a second unknown token", i);
        as_buf_add(&s->unknown, text, size);
        if (!as_buf_ok(&s->unknown, err)) return false;
        recipe->unknown = as_buf_text(&s->unknown);
    }
    return true;
}

static bool put_added(as_tokenizer *t, const source *s, as_error *err)
{
    for (size_t i = 0; i < s->tokens.n; i++) {
        size_t size;
        const char *text = as_gguf_array_text(&s->tokens, i, &size);
        int32_t type = as_gguf_array_i32(&s->types, i);
        if (type != UNKNOWN && type != CONTROL && type != USER_DEFINED) continue;
        if (as_build_added(t, i, text, size, type != USER_DEFINED, err)) continue;
        as_error_at(err, KEY("tokens") "[%zu]", i);
        return false;
    }
    return true;
}

/* From the last id down, so that the last one of a text is found first. */
static bool put_vocab(as_tokenizer *t, const source *s, as_error *err)
{
    bool ok = true;
    for (size_t i = s->tokens.n; ok && i-- > 0;) {
        size_t size;
        const char *text = as_gguf_array_text(&s->tokens, i, &size);
        int32_t type = as_gguf_array_i32(&s->types, i);
        if (type == UNUSED) continue;
        bool is_added = type != NORMAL && type != BYTE;
        if (is_added && !t->recipe.is_spaced) continue; /* written as it is, not in the alphabet */
        bool knows = false;
        ok = is_added || !t->recipe.is_spaced || as_build_knows(t, text, size, &knows, err);
        if (ok)
            ok = knows ? as_build_spare(t, i, text, size, err)
                       : as_build_token(t, i, text, size, err);
        if (!ok) as_error_at(err, KEY("tokens") "[%zu]", i);
    }
    return ok;
}

static bool put_merges(as_tokenizer *t, const source *s, as_error *err)
{
    for (size_t i = 0; i < s->merges.n; i++) {
        size_t size;
        const char *text = as_gguf_array_text(&s->merges, i, &size);
        if (as_build_merge_text(t, text, size, err)) continue;
        as_error_at(err, KEY("merges") "[%zu]", i);
        return false;
    }
    return true;
}

/* An optional id that must name a token. */
static bool read_end(const as_tokenizer *t, const source *s, const char *key, bool *has,
                     uint32_t *id, as_error *err)
{
    size_t size;
    *has = as_gguf_has(s->meta, key);
    if (!*has) return true;
    if (!as_gguf_u32(s->meta, key, id, err)) return false;
    return as_tokenizer_piece(t, *id, &size) ||
           as_fail(err, AS_EFORMAT, "%s (found %u, expected a token's id)", key, (unsigned)*id);
}

static bool read_template(as_tokenizer *t, const source *s, as_error *err)
{
    const char *text;
    size_t size;
    if (!as_gguf_has(s->meta, "tokenizer.chat_template")) return true;
    if (!as_gguf_text(s->meta, "tokenizer.chat_template", &text, &size, err)) return false;
    if (!as_utf8_valid(text, size, NULL) || memchr(text, '\0', size))
        return as_fail(err, AS_EFORMAT, "tokenizer.chat_template: not valid UTF-8, or a NUL");
    t->chat = as_arena_copy(t->arena, text, size, err);
    return t->chat != NULL;
}

/* Every text with its length before it, every type as a number. */
static bool digest(const source *s, as_key out, as_error *err)
{
    as_buf b = {0};
    as_buf_printf(&b, "%zu ", s->model_size);
    as_buf_add(&b, s->model, s->model_size);
    as_buf_printf(&b, "%zu ", s->pre_size);
    as_buf_add(&b, s->pre, s->pre_size);
    for (size_t i = 0; i < s->tokens.n + s->merges.n; i++) {
        size_t size;
        bool is_token = i < s->tokens.n;
        const char *text = is_token ? as_gguf_array_text(&s->tokens, i, &size)
                                    : as_gguf_array_text(&s->merges, i - s->tokens.n, &size);
        as_buf_printf(&b, "%d %zu ", is_token ? (int)as_gguf_array_i32(&s->types, i) : 0, size);
        as_buf_add(&b, text, size);
    }
    bool ok = as_buf_ok(&b, err) && as_sha256_of(b.data, b.size, out, err);
    as_buf_clear(&b);
    return ok;
}

as_tokenizer *as_tokenizer_gguf(const as_gguf *meta, as_error *err)
{
    source s = {.meta = meta};
    as_recipe recipe;
    as_tokenizer *t = NULL;
    bool ok =
        read_recipe(&s, &recipe, err) && read_arrays(&s, err) && check_tokens(&s, &recipe, err);
    if (ok) t = as_build_new(&recipe, s.tokens.n, s.tokens.n, s.tokens.n, s.merges.n, err);
    ok = t && put_added(t, &s, err) && put_vocab(t, &s, err) && as_build_fall_back(t, err) &&
         put_merges(t, &s, err) && as_build_end(t, err) &&
         read_end(t, &s, KEY("bos_token_id"), &t->has_bos, &t->bos, err) &&
         read_end(t, &s, KEY("eos_token_id"), &t->has_eos, &t->eos, err) &&
         read_template(t, &s, err) && digest(&s, t->digest, err);
    as_buf_clear(&s.unknown);
    if (ok) return t;
    as_tokenizer_free(t);
    as_error_at(err, "%s", as_gguf_name(meta));
    return NULL;
}
