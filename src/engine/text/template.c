/* From a template's text to its tree, and from a chat to the variables the tree is run on. */
#include "engine/text/template.h"

#include <stdlib.h>
#include <string.h>

#include "engine/text/template_internal.h"

/* ---- parsing ---- */

static bool check_text(const char *text, size_t size, as_error *err)
{
    size_t bad = 0;
    if (size > AS_TEMPLATE_TEXT)
        return as_fail(err, AS_ELIMIT, "size (found %zu bytes, expected at most %zu)", size,
                       AS_TEMPLATE_TEXT);
    if (!as_utf8_valid(text, size, &bad))
        return as_fail(err, AS_EFORMAT, "byte %zu: invalid UTF-8", bad);
    const char *nul = size ? memchr(text, '\0', size) : NULL;
    return !nul || as_fail(err, AS_EFORMAT, "byte %zu: NUL", (size_t)(nul - text));
}

static tpl_node *parse_root(as_arena *a, const char *text, size_t size, as_error *err)
{
    tpl_parser p = {.arena = a, .err = err};
    if (!as_tpl_lexer_init(&p.lex, a, text, size, err)) return NULL;
    tpl_node *root = as_tpl_advance(&p) && as_tpl_advance(&p) ? as_tpl_parse_body(&p) : NULL;
    if (root && p.now.kind != TPL_T_END) {
        (void)as_tpl_unexpected(&p, "the end of the template");
        root = NULL;
    }
    /* the lexer says where itself; so does nobody who is out of memory */
    if (!root && !err->where[0] && err->class_ != AS_EMEM) as_error_at(err, "%zu", p.now.line);
    return root;
}

as_template *as_template_parse(const char *name, const char *text, size_t size, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    as_template *t = as_new(1, sizeof *t, err);
    if (!t) goto out;
    t->arena = as_arena_new(err);
    if (!t->arena) goto out;
    t->name = as_arena_text(t->arena, as_escape(name, strlen(name), shown), err);
    if (!t->name || !check_text(text, size, err)) goto out;
    t->root = parse_root(t->arena, text, size, err);
    if (t->root) return t;
out:
    as_template_free(t);
    as_error_at(err, "%s", as_escape(name, strlen(name), shown));
    return NULL;
}

void as_template_free(as_template *t)
{
    if (!t) return;
    as_arena_free(t->arena);
    free(t);
}

/* ---- JSON to values ---- */

/* Recursion is bounded by the depth of JSON. */
static bool from_json(tpl_run *r, const json_t *j, bool is_content, tpl_value *out);

static bool text_value(tpl_run *r, const char *text, size_t size, bool is_content, tpl_value *out)
{
    if (!as_utf8_valid(text, size, NULL))
        return as_fail(r->err, AS_EFORMAT, "text of a chat (found invalid UTF-8)");
    const tpl_text *t = as_tpl_text(r->arena, text, size, is_content, r->err);
    *out = as_tpl_of_text(t);
    return t != NULL;
}

static bool from_array(tpl_run *r, const json_t *j, bool is_content, tpl_value *out)
{
    size_t n = json_array_size(j);
    if (!as_tpl_list_new(r, TPL_LIST, n, out)) return false;
    for (size_t i = 0; i < n; i++)
        if (!from_json(r, json_array_get(j, i), is_content, &out->list->item[i])) return false;
    return true;
}

static bool from_object(tpl_run *r, const json_t *j, bool is_content, tpl_value *out)
{
    json_t *object = (json_t *)j; /* jansson's iterator wants it so; nothing is changed */
    size_t n = json_object_size(j);
    tpl_dict *d = as_tpl_dict_new(r);
    if (!d) return false;
    d->entry = as_tpl_new(r, n, sizeof *d->entry);
    if (!d->entry) return false;
    d->room = n;
    for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it)) {
        tpl_entry *e = &d->entry[d->n++];
        if (!text_value(r, json_object_iter_key(it), json_object_iter_key_len(it), is_content,
                        &e->key) ||
            !as_tpl_hash(r, &e->key, &e->hash) ||
            !from_json(r, json_object_iter_value(it), is_content, &e->value))
            return false;
    }
    *out = (tpl_value){.kind = TPL_DICT, .dict = d};
    return true;
}

static bool from_json(tpl_run *r, const json_t *j, bool is_content, tpl_value *out)
{
    if (r->depth >= AS_TEMPLATE_NESTING)
        return as_fail(r->err, AS_ELIMIT, "nesting (found a chat more than %d levels deep)",
                       AS_TEMPLATE_NESTING);
    if (!as_tpl_step(r, 1)) return false;
    bool ok = true;
    r->depth++;
    switch (json_typeof(j)) {
    case JSON_OBJECT:
        ok = from_object(r, j, is_content, out);
        break;
    case JSON_ARRAY:
        ok = from_array(r, j, is_content, out);
        break;
    case JSON_STRING:
        ok = text_value(r, json_string_value(j), json_string_length(j), is_content, out);
        break;
    case JSON_INTEGER:
        *out = as_tpl_int(json_integer_value(j));
        break;
    case JSON_REAL:
        *out = (tpl_value){.kind = TPL_REAL, .f = json_real_value(j)};
        break;
    case JSON_NULL:
        *out = (tpl_value){.kind = TPL_NONE};
        break;
    default:
        *out = as_tpl_bool(json_is_true(j));
    }
    r->depth--;
    return ok;
}

/* A message: names of fields and the role are of fixed sets, the rest is content. */
static bool from_message(tpl_run *r, const json_t *message, bool *seen, tpl_value *out)
{
    if (!from_object(r, message, true, out)) return false;
    for (size_t i = 0; i < out->dict->n; i++) {
        tpl_entry *e = &out->dict->entry[i];
        const tpl_text *key = e->key.text;
        bool is_role = as_tpl_text_is(key, "role") && e->value.kind == TPL_TEXT;
        if (!text_value(r, key->bytes, key->size, false, &e->key)) return false;
        if (is_role && !text_value(r, e->value.text->bytes, e->value.text->size, false, &e->value))
            return false;
        if (as_tpl_text_is(key, "content") && e->value.kind == TPL_LIST) {
            *seen = false;
            e->value.list->seen = seen;
        }
    }
    return true;
}

/* seen[i]: message i has no parts, or the template looked into them. */
static bool from_chat(tpl_run *r, const as_chat *chat, bool **seen, tpl_value *out)
{
    const json_t *messages = as_chat_messages(chat);
    size_t n = json_array_size(messages);
    *seen = as_tpl_new(r, n, sizeof **seen);
    if (!*seen || !as_tpl_list_new(r, TPL_LIST, n, out)) return false;
    for (size_t i = 0; i < n; i++) {
        (*seen)[i] = true;
        if (!from_message(r, json_array_get(messages, i), &(*seen)[i], &out->list->item[i]))
            return false;
    }
    return true;
}

/* ---- variables ---- */

static bool bind(tpl_run *r, const char *name, const tpl_value *v)
{
    const tpl_text *t = as_tpl_text(r->arena, name, strlen(name), false, r->err);
    return t && as_tpl_bind_name(r, r->scope, t, as_tpl_hash_text(name, strlen(name)), v);
}

static bool bind_token(tpl_run *r, const char *name, const char *token)
{
    tpl_value v;
    if (!token) return true;
    return text_value(r, token, strlen(token), false, &v) && bind(r, name, &v);
}

static bool bind_all(tpl_run *r, const as_chat *chat, const as_template_vars *vars, bool **seen)
{
    tpl_value messages, tools = {.kind = TPL_NONE}, none = {.kind = TPL_NONE};
    tpl_value thinking = as_tpl_bool(vars->enable_thinking == AS_THINKING_ON);
    tpl_value prompt = as_tpl_bool(vars->add_generation_prompt);
    const json_t *j = as_chat_tools(chat);
    r->scope = as_tpl_new(r, 1, sizeof *r->scope);
    if (!r->scope || !from_chat(r, chat, seen, &messages)) return false;
    if (j && !from_json(r, j, true, &tools)) return false;
    return bind(r, "messages", &messages) && bind(r, "tools", &tools) &&
           bind(r, "documents", &none) && bind(r, "add_generation_prompt", &prompt) &&
           (vars->enable_thinking == AS_THINKING_UNSET || bind(r, "enable_thinking", &thinking)) &&
           bind_token(r, "bos_token", vars->bos_token) &&
           bind_token(r, "eos_token", vars->eos_token) &&
           bind_token(r, "pad_token", vars->pad_token) &&
           bind_token(r, "unk_token", vars->unk_token);
}

/* ---- rendering ---- */

void as_template_spans_clear(as_template_spans *s)
{
    free(s->span);
    *s = (as_template_spans){0};
}

static bool add_span(as_template_spans *s, size_t start, size_t end, as_error *err)
{
    if (s->n > 0 && s->span[s->n - 1].end == start) {
        s->span[s->n - 1].end = end;
        return true;
    }
    if (s->n == s->room) {
        size_t room = s->room ? 2 * s->room : 16, bytes;
        if (!as_size_mul(room, sizeof *s->span, &bytes, err)) return false;
        as_template_span *span = realloc(s->span, bytes);
        if (!span) return as_fail(err, AS_EMEM, "out of memory (asked for %zu bytes)", bytes);
        s->span = span;
        s->room = room;
    }
    s->span[s->n++] = (as_template_span){start, end};
    return true;
}

static bool give(const tpl_rope *rope, as_buf *out, as_template_spans *spans, as_error *err)
{
    as_template_spans found = {0};
    size_t at = 0;
    if (!as_buf_reserve(out, rope->size)) return as_buf_ok(out, err);
    for (const tpl_piece *p = rope->first; p; p = p->next) {
        if (spans && p->is_content && !add_span(&found, at, at + p->size, err)) {
            as_template_spans_clear(&found);
            return false;
        }
        at += p->size;
    }
    for (const tpl_piece *p = rope->first; p; p = p->next) as_buf_add(out, p->bytes, p->size);
    if (!spans) return true;
    as_template_spans_clear(spans);
    *spans = found;
    return true;
}

static bool check_seen(const as_chat *chat, const bool *seen, as_error *err)
{
    for (size_t i = 0; i < json_array_size(as_chat_messages(chat)); i++) {
        if (seen[i]) continue;
        return as_fail(err, AS_EFORMAT,
                       "messages[%zu].content: the template does not read content in parts", i);
    }
    return true;
}

bool as_template_render(const as_template *t, const as_chat *chat, const as_template_vars *vars,
                        as_buf *out, as_template_spans *spans, as_error *err)
{
    tpl_rope rope = {.is_output = true};
    bool *seen = NULL;
    tpl_run r = {.err = err, .out = &rope};
    r.arena = as_arena_new(err);
    bool ok = r.arena && bind_all(&r, chat, vars, &seen) && as_tpl_exec_root(&r, t->root) &&
              check_seen(chat, seen, err) && give(&rope, out, spans, err);
    as_arena_free(r.arena);
    if (!ok) as_error_at(err, "%s", t->name);
    return ok;
}
