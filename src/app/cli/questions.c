/* What users give to verbs that run a model, as rows of token ids. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/cli/engine.h"
#include "base/file.h"
#include "base/jsonl.h"

static as_question *add(as_questions *p, as_error *err)
{
    if (p->n == p->room) {
        size_t room = p->room ? p->room * 2 : 16;
        as_question *grown = realloc(p->question, room * sizeof *grown);
        if (!grown) {
            as_fail(err, AS_EMEM, "out of memory");
            return NULL;
        }
        p->question = grown;
        p->room = room;
    }
    p->question[p->n] = (as_question){0};
    return &p->question[p->n++];
}

void as_questions_clear(as_questions *p)
{
    for (size_t i = 0; i < p->n; i++) {
        as_ids_clear(&p->question[i].ids);
        as_ids_clear(&p->question[i].reply);
        as_buf_clear(&p->question[i].text);
        as_template_spans_clear(&p->question[i].spans);
    }
    free(p->question);
    *p = (as_questions){0};
}

static bool need_tokenizer(const as_engine *e, as_error *err)
{
    return e->local.tokenizer ||
           as_fail(err, AS_EUSAGE, "%s has no tokenizer; give token ids", e->local.path);
}

/* -1 not set, 0 off, 1 on. */
static bool thinking_of(const as_engine *e, int *out, as_error *err)
{
    const char *when = as_cli_value(e->cli, "thinking", NULL);
    char shown[AS_ESCAPE_SIZE];
    *out = -1;
    if (!when) return true;
    *out = strcmp(when, "on") == 0;
    if (!*out && strcmp(when, "off") != 0)
        return as_fail(err, AS_EUSAGE, "--thinking (found %s, expected on or off)",
                       as_escape(when, strlen(when), shown));
    return e->local.has_thinking ||
           as_fail(err, AS_EUSAGE, "--thinking: the template of %s has no such switch",
                   e->local.path);
}

static bool encode_chat(const as_engine *e, as_question *p, const char *place,
                        const json_t *messages, const json_t *tools, as_error *err)
{
    int thinking;
    if (!need_tokenizer(e, err)) return false;
    if (!e->local.chat)
        return as_fail(err, AS_EUSAGE, "%s has no chat template; --raw takes the text as it is",
                       e->local.path);
    return thinking_of(e, &thinking, err) &&
           as_local_render(&e->local, place, messages, tools, thinking, &p->text, &p->spans,
                           &p->ids, err);
}

/* UTF-8, as JSON would have made sure of? */
static bool check_utf8(const char *option, const char *text, as_error *err)
{
    size_t at;
    if (!text || as_utf8_valid(text, strlen(text), &at)) return true;
    return as_fail(err, AS_EUSAGE, "--%s: not UTF-8 at byte %zu", option, at);
}

/* A prompt given as text: raw, or the user's message. */
static bool encode_text(const as_engine *e, as_question *p, const char *place, const char *text,
                        size_t size, as_error *err)
{
    const char *system = as_cli_value(e->cli, "system", NULL);
    if (!need_tokenizer(e, err)) return false;
    if (as_cli_flag(e->cli, "raw")) {
        if (system) return as_fail(err, AS_EUSAGE, "--system needs the chat template, not --raw");
        as_text_kind kind = as_cli_flag(e->cli, "marked") ? AS_TEXT_MARKED : AS_TEXT_PLAIN;
        as_buf_add(&p->text, text, size);
        return as_buf_ok(&p->text, err) &&
               as_tokenizer_encode(e->local.tokenizer, text, size, kind, &p->ids, err);
    }
    if (as_cli_flag(e->cli, "marked")) return as_fail(err, AS_EUSAGE, "--marked goes with --raw");
    json_t *messages = as_local_messages(system, text, size);
    bool ok = messages || as_fail(err, AS_EMEM, "out of memory");
    ok = ok && encode_chat(e, p, place, messages, NULL, err);
    json_decref(messages);
    return ok;
}

static bool read_ids(const json_t *list, const char *key, as_ids *out, as_error *err)
{
    if (!json_is_array(list)) return as_fail(err, AS_EFORMAT, "%s (expected a list of ids)", key);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > UINT32_MAX)
            return as_fail(err, AS_EFORMAT, "%s[%zu] (expected a token id)", key, i);
        if (!as_ids_add(out, (uint32_t)json_integer_value(v), err)) return false;
    }
    return true;
}

/* Which of the keys a row has: exactly one when needed, NULL when none. */
static bool one_of(const json_t *row, const char *const *keys, size_t n, bool need,
                   const char **found, as_error *err)
{
    *found = NULL;
    for (size_t i = 0; i < n; i++) {
        if (!json_object_get(row, keys[i])) continue;
        if (*found) return as_fail(err, AS_EFORMAT, "both %s and %s", *found, keys[i]);
        *found = keys[i];
    }
    return *found || !need || as_fail(err, AS_EFORMAT, "none of prompt, messages, ids");
}

static bool read_reply(const as_engine *e, as_question *p, const json_t *row, as_error *err)
{
    static const char *const keys[] = {"reply", "completion", "reply_ids"};
    const char *key;
    if (!one_of(row, keys, 3, false, &key, err)) return false;
    if (!key) return true;
    const json_t *v = json_object_get(row, key);
    p->has_reply = true;
    if (strcmp(key, "reply_ids") == 0) return read_ids(v, key, &p->reply, err);
    if (!json_is_string(v)) return as_fail(err, AS_EFORMAT, "%s (expected text)", key);
    return need_tokenizer(e, err) &&
           as_tokenizer_encode(e->local.tokenizer, json_string_value(v), json_string_length(v),
                               AS_TEXT_PLAIN, &p->reply, err);
}

/* Ids without a row in the embedding, and more tokens than the model has positions. */
static bool check_fits(const as_engine *e, const as_question *p, const char *key, as_error *err)
{
    if (!e->local.model) return true;
    const as_config *c = as_model_config(e->local.model);
    for (size_t i = 0; i < p->ids.n + p->reply.n; i++) {
        size_t at = i < p->ids.n ? i : i - p->ids.n;
        uint32_t id = i < p->ids.n ? p->ids.id[at] : p->reply.id[at];
        if (id >= c->vocab)
            return as_fail(err, AS_EFORMAT, "%s[%zu] (found id %u, expected below %zu)",
                           i < p->ids.n ? key : "reply_ids", at, (unsigned)id, c->vocab);
    }
    if (p->ids.n + p->reply.n <= c->max_positions) return true;
    return as_fail(err, AS_ELIMIT, "%s (found %zu tokens, expected at most %zu)", key,
                   p->ids.n + p->reply.n, c->max_positions);
}

static bool read_row(as_questions *all, const as_engine *e, const char *place, const json_t *row,
                     as_error *err)
{
    static const char *const keys[] = {"prompt", "messages", "ids"};
    const char *key, *id = json_string_value(json_object_get(row, "id"));
    as_question *p = add(all, err);
    if (!p) return false;
    if (json_object_get(row, "id") && !id) return as_fail(err, AS_EFORMAT, "id (expected text)");
    p->id = id ? as_arena_text(e->cli->arena, id, err)
               : as_arena_printf(e->cli->arena, err, "%zu", all->n - 1);
    if (!p->id || !one_of(row, keys, 3, true, &key, err)) return false;
    const json_t *v = json_object_get(row, key);
    bool ok;
    if (strcmp(key, "ids") == 0) {
        ok = read_ids(v, key, &p->ids, err);
    } else if (strcmp(key, "messages") == 0) {
        ok = encode_chat(e, p, place, v, json_object_get(row, "tools"), err);
    } else {
        ok = json_is_string(v) || as_fail(err, AS_EFORMAT, "prompt (expected text)");
        ok = ok && encode_text(e, p, place, json_string_value(v), json_string_length(v), err);
    }
    if (ok && !p->ids.n) ok = as_fail(err, AS_EFORMAT, "%s: no tokens", key);
    all->n_text += strcmp(key, "prompt") == 0;
    all->n_chat +=
        strcmp(key, "messages") == 0 || (strcmp(key, "prompt") == 0 && !as_cli_flag(e->cli, "raw"));
    return ok && read_reply(e, p, row, err) && check_fits(e, p, key, err);
}

static int by_id(const void *a, const void *b)
{
    return strcmp((*(const as_question *const *)a)->id, (*(const as_question *const *)b)->id);
}

static bool check_unique(const as_questions *p, const char *name, as_error *err)
{
    bool ok = true;
    const as_question **sorted = as_new(p->n, sizeof *sorted, err);
    if (!sorted) return false;
    for (size_t i = 0; i < p->n; i++) sorted[i] = &p->question[i];
    qsort(sorted, p->n, sizeof *sorted, by_id);
    for (size_t i = 1; ok && i < p->n; i++) {
        char shown[AS_ESCAPE_SIZE];
        if (strcmp(sorted[i - 1]->id, sorted[i]->id) == 0)
            ok = as_fail(err, AS_EFORMAT, "%s: id \"%s\" twice", name,
                         as_escape(sorted[i]->id, strlen(sorted[i]->id), shown));
    }
    free(sorted);
    return ok;
}

/* All of standard input, which may be a pipe. */
static bool read_stdin(const as_cli *c, as_buf *out, as_error *err)
{
    enum { PIECE = 1 << 16 };
    for (;;) {
        if (!as_buf_reserve(out, PIECE)) return as_buf_ok(out, err);
        ssize_t n = read(0, out->data + out->size, PIECE);
        if (n < 0 && errno == EINTR && !*c->stop) continue;
        if (n < 0) return as_fail(err, AS_EIO, "standard input: %s", strerror(errno));
        out->size += (size_t)n;
        out->data[out->size] = 0;
        if (n == 0) return true;
        if (out->size > AS_JSON_MAX_BYTES)
            return as_fail(err, AS_ELIMIT, "standard input: size (expected at most %zu bytes)",
                           AS_JSON_MAX_BYTES);
    }
}

static bool read_file(as_questions *p, const as_engine *e, const char *path, as_error *err)
{
    bool ok = true, is_stdin = strcmp(path, "-") == 0;
    as_buf piped = {0};
    as_jsonl *r = NULL;
    if (is_stdin) path = "standard input";
    if (!is_stdin)
        r = as_jsonl_open(path, err);
    else if (read_stdin(e->cli, &piped, err))
        r = as_jsonl_over(path, as_buf_text(&piped), piped.size, err);
    ok = r;
    while (ok) {
        json_t *row = NULL;
        char place[AS_ESCAPE_SIZE + 32], shown[AS_ESCAPE_SIZE];
        ok = as_jsonl_next(r, &row, err);
        if (!ok || !row) break;
        snprintf(place, sizeof place, "%s:%zu", as_escape(path, strlen(path), shown),
                 as_jsonl_line(r));
        ok = read_row(p, e, place, row, err);
        if (!ok && !strstr(err->where, place) && !strstr(err->what, place))
            as_error_at(err, "%s", place);
        json_decref(row);
    }
    as_jsonl_close(r);
    as_buf_clear(&piped);
    if (ok && !p->n) ok = as_fail(err, AS_EFORMAT, "%s: no rows", path);
    return ok && check_unique(p, path, err);
}

/* "1,2,3". */
static bool read_list(as_questions *p, const char *text, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    as_question *one = add(p, err);
    if (!one) return false;
    one->id = "0";
    for (const char *s = text;;) {
        char *end = NULL;
        unsigned long long id = *s >= '0' && *s <= '9' ? strtoull(s, &end, 10) : UINT64_MAX;
        if (id > UINT32_MAX || (*end && *end != ','))
            return as_fail(err, AS_EUSAGE, "--ids (found %s, expected numbers apart by commas)",
                           as_escape(text, strlen(text), shown));
        if (!as_ids_add(&one->ids, (uint32_t)id, err)) return false;
        if (!*end) return true;
        s = end + 1;
    }
}

static bool digest(as_questions *p, as_error *err)
{
    as_sha256 *h = as_sha256_new(err);
    bool ok = h;
    for (size_t i = 0; ok && i < p->n; i++) {
        const as_question *q = &p->question[i];
        uint64_t size[3] = {q->ids.n, q->reply.n, q->has_reply};
        ok = as_sha256_add(h, q->id, strlen(q->id) + 1, err) &&
             as_sha256_add(h, size, sizeof size, err) &&
             as_sha256_add(h, q->ids.id, q->ids.n * sizeof *q->ids.id, err) &&
             as_sha256_add(h, q->reply.id, q->reply.n * sizeof *q->reply.id, err);
    }
    if (ok) return as_sha256_end(h, p->digest, err);
    as_sha256_free(h);
    return false;
}

/* An option on text that met none would be passed over in silence. */
static bool check_used(const as_questions *p, const as_cli *c, as_error *err)
{
    static const char *const text[] = {"system", "raw", "marked"};
    for (size_t i = 0; i < 3; i++)
        if (as_cli_flag(c, text[i]) && !p->n_text)
            return as_fail(err, AS_EUSAGE, "--%s: no prompt is given as text", text[i]);
    if (as_cli_flag(c, "thinking") && !p->n_chat)
        return as_fail(err, AS_EUSAGE, "--thinking: no prompt is put into the template");
    return true;
}

bool as_questions_read(as_questions *p, const as_engine *e, as_error *err)
{
    const char *file = as_cli_value(e->cli, "prompts", NULL);
    const char *text = as_cli_value(e->cli, "prompt", NULL);
    const char *ids = as_cli_value(e->cli, "ids", NULL);
    if (!!file + !!text + !!ids != 1)
        return as_fail(err, AS_EUSAGE, "%s needs one of --prompts, --prompt, --ids",
                       e->cli->command->name);
    *p = (as_questions){0};
    bool ok;
    if (!check_utf8("prompt", text, err) ||
        !check_utf8("system", as_cli_value(e->cli, "system", NULL), err))
        return false;
    if (file) {
        ok = read_file(p, e, file, err);
    } else if (ids) {
        ok = read_list(p, ids, err) && check_fits(e, &p->question[0], "--ids", err);
    } else {
        as_question *one = add(p, err);
        if (one) one->id = "0";
        ok = one && encode_text(e, one, "--prompt", text, strlen(text), err) &&
             (one->ids.n || as_fail(err, AS_EUSAGE, "--prompt: no tokens")) &&
             check_fits(e, one, "--prompt", err);
        p->n_text = 1;
        p->n_chat = !as_cli_flag(e->cli, "raw");
    }
    return ok && check_used(p, e->cli, err) && digest(p, err);
}
