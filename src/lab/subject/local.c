/* A model with all that belongs to it. Nothing here runs it. */
#include "lab/subject/local.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "engine/format/gguf.h"
#include "engine/format/hub.h"

/* ---- tokenizer and template ---- */

/* chat_template.jinja beside the weights wins over what the tokenizer's files say. */
static bool open_chat(as_local *l, as_error *err)
{
    bool ok = false;
    as_buf path = {0}, text = {0};
    const char *name, *body = as_tokenizer_template(l->tokenizer);
    as_buf_printf(&path, "%s/chat_template.jinja", l->path);
    if (!as_buf_ok(&path, err)) goto out;
    name = as_buf_text(&path);
    if (as_file_exists(name)) {
        if (!as_file_read(name, AS_TEMPLATE_TEXT, &text, err)) goto out;
        body = as_buf_text(&text);
    } else {
        name = l->path;
    }
    ok = true;
    if (!body) goto out;
    l->chat = as_template_parse(name, body, strlen(body), err);
    ok = l->chat && as_sha256_of(body, strlen(body), l->chat_digest, err);
    l->has_thinking = strstr(body, "enable_thinking");
out:
    as_buf_clear(&path);
    as_buf_clear(&text);
    return ok;
}

/* The text of a token that the tokenizer names; NULL without one. */
static bool token_text(as_local *l, bool has, uint32_t id, const char **out, as_error *err)
{
    size_t size = 0;
    const char *piece = has ? as_tokenizer_piece(l->tokenizer, id, &size) : NULL;
    *out = piece ? as_arena_copy(l->arena, piece, size, err) : NULL;
    return *out || !piece;
}

/* `file` may be NULL for a folder. */
static bool open_text(as_local *l, const as_tensors *file, as_error *err)
{
    uint32_t bos = 0, eos = 0;
    const as_gguf *gguf = file ? as_tensors_gguf(file) : NULL;
    if (gguf ? !as_gguf_has(gguf, "tokenizer.ggml.model") : !as_tokenizer_exists(l->path))
        return true;
    l->tokenizer = gguf ? as_tokenizer_gguf(gguf, err) : as_tokenizer_open(l->path, err);
    if (!l->tokenizer || !open_chat(l, err)) return false;
    bool has_bos = as_tokenizer_bos(l->tokenizer, &bos),
         has_eos = as_tokenizer_eos(l->tokenizer, &eos);
    return token_text(l, has_bos, bos, &l->bos, err) && token_text(l, has_eos, eos, &l->eos, err);
}

/* The model's stop ids and the tokenizer's eos, each once. */
static bool list_stops(as_local *l, const as_config *config, as_error *err)
{
    size_t n = config ? config->n_stop : 0;
    uint32_t eos = 0;
    bool has = l->tokenizer && as_tokenizer_eos(l->tokenizer, &eos);
    l->stop = as_arena_push(l->arena, n + 1, sizeof *l->stop, err);
    if (!l->stop) return false;
    for (size_t i = 0; i < n; i++) {
        l->stop[i] = config->stop[i];
        has = has && l->stop[i] != eos;
    }
    if (has) l->stop[n] = eos;
    l->n_stop = n + has;
    return true;
}

/* ---- the whole ---- */

/* The model's rows and the tokenizer's ids must agree. */
static bool check_vocabulary(const as_local *l, as_error *err)
{
    size_t vocab = as_model_config(l->model)->vocab;
    size_t ids = l->tokenizer ? as_tokenizer_size(l->tokenizer) : 0;
    if (ids <= vocab) return true;
    return as_fail(
        err, AS_EFORMAT,
        "%s: tokenizer and embedding disagree (found %zu token ids, expected at most %zu)", l->path,
        ids, vocab);
}

static bool begin(as_local *l, const char *path, as_error *err)
{
    l->arena = as_arena_new(err);
    l->path = l->arena ? as_arena_text(l->arena, path, err) : NULL;
    return l->path;
}

static bool open_all(as_local *l, const char *name, const as_exec *ex, const as_local_options *o,
                     as_error *err)
{
    as_buf path = {0};
    const as_model_options options = {.no_scan = o->no_scan, .cache = o->cache};
    bool ok = as_hub_resolve(name, &path, err) && begin(l, as_buf_text(&path), err);
    as_buf_clear(&path);
    l->model = ok ? as_model_open(l->path, ex, &options, err) : NULL;
    return l->model && open_text(l, as_model_tensors(l->model), err) && check_vocabulary(l, err) &&
           list_stops(l, as_model_config(l->model), err);
}

bool as_local_open(as_local *l, const char *name, const as_exec *ex, const as_local_options *o,
                   const char **note, as_error *err)
{
    *l = (as_local){0};
    bool ok = open_all(l, name, ex, o, err);
    const char *told = ok ? as_tensors_note(as_model_tensors(l->model)) : NULL;
    if (note) *note = told && *told ? told : NULL;
    if (!ok) as_local_close(l);
    return ok;
}

bool as_local_open_text(as_local *l, const char *path, const as_tensors *file,
                        const as_config *config, as_error *err)
{
    size_t n = strlen(path);
    as_tensors *own = NULL;
    *l = (as_local){0};
    bool ok = begin(l, path, err);
    if (ok && !file && n > 5 && strcmp(path + n - 5, ".gguf") == 0) {
        file = own = as_tensors_open(path, err);
        ok = own;
    }
    ok = ok && open_text(l, file, err) && list_stops(l, config, err);
    as_tensors_close(own);
    if (!ok) as_local_close(l);
    return ok;
}

void as_local_close(as_local *l)
{
    as_template_free(l->chat);
    as_tokenizer_free(l->tokenizer);
    as_model_close(l->model);
    as_arena_free(l->arena);
    *l = (as_local){0};
}

json_t *as_local_text_record(const as_local *l, const as_config *config)
{
    as_key digest;
    as_error err = {0};
    json_t *o = json_object(), *stop = json_array();
    for (size_t i = 0; i < l->n_stop; i++) as_json_append(&stop, json_integer(l->stop[i]));
    if (as_config_digest(config, digest, &err)) {
        as_json_put_text(&o, "bos", l->bos);
        as_json_put_text(&o, "config", digest);
        as_json_put(&o, "stop", stop);
        as_json_put_text(&o, "template", l->chat ? l->chat_digest : NULL);
        as_json_put_text(&o, "tokenizer", l->tokenizer ? as_tokenizer_digest(l->tokenizer) : NULL);
        return o;
    }
    json_decref(stop);
    json_decref(o);
    return NULL;
}

json_t *as_local_record(const as_local *l)
{
    const as_config *config = as_model_config(l->model);
    json_t *o = as_local_text_record(l, config);
    as_json_put_text(&o, "family", config->family);
    as_json_put_text(&o, "weights", as_model_digest(l->model));
    as_json_put_text(&o, "dtype", as_model_dtype(l->model));
    return o;
}

/* ---- prompts ---- */

/* The template's text is marked, what came from messages is plain. */
static bool encode_spans(const as_local *l, const char *text, size_t size,
                         const as_template_spans *spans, as_ids *ids, as_error *err)
{
    size_t n = 0, at = 0, room;
    if (!as_size_mul(spans->n + 1, 2, &room, err)) return false;
    as_text_part *part = as_new(room, sizeof *part, err);
    if (!part) return false;
    for (size_t i = 0; i < spans->n; i++) {
        as_template_span s = spans->span[i];
        part[n++] = (as_text_part){text + at, s.start - at, AS_TEXT_MARKED};
        part[n++] = (as_text_part){text + s.start, s.end - s.start, AS_TEXT_PLAIN};
        at = s.end;
    }
    part[n++] = (as_text_part){text + at, size - at, AS_TEXT_MARKED};
    bool ok = as_tokenizer_encode_parts(l->tokenizer, part, n, ids, err);
    free(part);
    return ok;
}

bool as_local_render(const as_local *l, const char *place, const json_t *messages,
                     const json_t *tools, int thinking, as_buf *text, as_template_spans *spans,
                     as_ids *ids, as_error *err)
{
    const as_template_vars vars = {.add_generation_prompt = true,
                                   .enable_thinking = thinking < 0 ? AS_THINKING_UNSET
                                                      : thinking   ? AS_THINKING_ON
                                                                   : AS_THINKING_OFF,
                                   .bos_token = l->bos,
                                   .eos_token = l->eos};
    if (!l->tokenizer) return as_fail(err, AS_EUSAGE, "%s has no tokenizer", l->path);
    if (!l->chat) return as_fail(err, AS_EUSAGE, "%s has no chat template", l->path);
    if (thinking >= 0 && !l->has_thinking)
        return as_fail(err, AS_EUSAGE, "thinking: the template of %s has no such switch", l->path);
    size_t before = text->size;
    as_chat *chat = as_chat_new(place, messages, tools, err);
    bool ok = chat && as_template_render(l->chat, chat, &vars, text, spans, err) &&
              encode_spans(l, as_buf_text(text) + before, text->size - before, spans, ids, err);
    as_chat_free(chat);
    return ok;
}

json_t *as_local_messages(const char *system, const char *user, size_t size)
{
    json_t *messages = json_array();
    for (int i = system ? 0 : 1; i < 2; i++) {
        json_t *m = json_object();
        as_json_put_text(&m, "role", i ? "user" : "system");
        as_json_put(&m, "content", i ? json_stringn(user, size) : json_string(system));
        as_json_append(&messages, m);
    }
    return messages;
}

static bool check_utf8(const char *what, const char *text, as_error *err)
{
    size_t at;
    if (!text || as_utf8_valid(text, strlen(text), &at)) return true;
    return as_fail(err, AS_EFORMAT, "%s: not UTF-8 at byte %zu", what, at);
}

bool as_local_prompt(const as_local *l, const char *system, const char *user, int thinking,
                     as_ids *out, as_error *err)
{
    as_buf text = {0};
    as_template_spans spans = {0};
    if (!check_utf8("system", system, err) || !check_utf8("prompt", user, err)) return false;
    json_t *messages = as_local_messages(system, user, strlen(user));
    bool ok = messages || as_fail(err, AS_EMEM, "out of memory");
    ok = ok && as_local_render(l, "prompt", messages, NULL, thinking, &text, &spans, out, err);
    json_decref(messages);
    as_buf_clear(&text);
    as_template_spans_clear(&spans);
    return ok;
}
