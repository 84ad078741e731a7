/* Checks a conversation field by field; what a template will see is what was checked. */
#include "engine/text/chat_json.h"

#include <stdlib.h>
#include <string.h>

struct as_chat {
    json_t *messages, *tools; /* owned; tools may be NULL */
};

static const char *kind_of(const json_t *v)
{
    if (!v) return "nothing";
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "text";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_NULL:
        return "null";
    default:
        return "a boolean";
    }
}

static bool fail_kind(const json_t *v, const char *expected, as_error *err)
{
    return as_fail(err, AS_EFORMAT, "kind (found %s, expected %s)", kind_of(v), expected);
}

static bool fail_text(const json_t *v, const char *what, const char *expected, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    return as_fail(err, AS_EFORMAT, "%s (found \"%s\", expected %s)", what,
                   as_escape(json_string_value(v), json_string_length(v), shown), expected);
}

static bool is_one_of(const json_t *v, const char *const *words)
{
    while (*words && strcmp(*words, json_string_value(v)) != 0) words++;
    return *words != NULL;
}

/* Where in the conversation: messages[MESSAGE].FIELD[ITEM]LEAF. */
typedef struct {
    size_t message, item;
    const char *field, *leaf; /* field NULL: the message itself */
    bool in_item;
} spot;

static void place(const spot *at, as_error *err)
{
    char field[AS_ESCAPE_SIZE] = "", item[32] = "";
    if (at->field) as_escape(at->field, strlen(at->field), field);
    if (at->in_item) (void)snprintf(item, sizeof item, "[%zu]", at->item);
    as_error_at(err, "messages[%zu]%s%s%s%s", at->message, at->field ? "." : "", field, item,
                at->leaf ? at->leaf : "");
}

/* ---- content ---- */

static bool check_part(const json_t *part, spot *at, as_error *err)
{
    if (!json_is_object(part)) return fail_kind(part, "an object", err);
    const json_t *type = json_object_get(part, "type"), *text = json_object_get(part, "text");
    at->leaf = ".type";
    if (!json_is_string(type)) return fail_kind(type, "\"text\"", err);
    if (strcmp(json_string_value(type), "text") != 0)
        return fail_text(type, "content part", "\"text\"; only text is supported", err);
    at->leaf = ".text";
    if (!json_is_string(text)) return fail_kind(text, "text", err);
    at->leaf = "";
    if (json_object_size(part) == 2) return true;
    return as_fail(err, AS_EFORMAT, "content part (found %zu fields, expected type and text only)",
                   json_object_size(part));
}

static bool check_content(const json_t *message, spot *at, as_error *err)
{
    const json_t *v = json_object_get(message, "content");
    bool has_calls = json_array_size(json_object_get(message, "tool_calls")) > 0;
    if (json_is_string(v)) return true;
    if ((!v || json_is_null(v)) && has_calls) return true;
    if (!json_is_array(v)) return fail_kind(v, "text or a list of text parts", err);
    if (json_array_size(v) == 0)
        return as_fail(err, AS_EFORMAT, "content (found an empty list, expected text parts)");
    at->in_item = true;
    for (at->item = 0; at->item < json_array_size(v); at->item++)
        if (!check_part(json_array_get(v, at->item), at, err)) return false;
    at->in_item = false;
    return true;
}

/* ---- messages ---- */

static bool check_role(const json_t *v, as_error *err)
{
    static const char *const roles[] = {"system", "developer", "user", "assistant", "tool", NULL};
    if (!json_is_string(v)) return fail_kind(v, "text", err);
    if (is_one_of(v, roles)) return true;
    return fail_text(v, "unknown role", "system, developer, user, assistant or tool", err);
}

static bool check_calls(const json_t *v, spot *at, as_error *err)
{
    if (json_is_null(v)) return true;
    if (!json_is_array(v)) return fail_kind(v, "a list", err);
    at->in_item = true;
    for (at->item = 0; at->item < json_array_size(v); at->item++) {
        const json_t *call = json_array_get(v, at->item);
        if (!json_is_object(call)) return fail_kind(call, "an object", err);
    }
    at->in_item = false;
    return true;
}

static bool check_field(const json_t *message, const json_t *v, spot *at, as_error *err)
{
    static const char *const texts[] = {"reasoning_content", "reasoning", "name", "tool_call_id",
                                        NULL};
    const char *name = at->field;
    if (strcmp(name, "role") == 0) return true; /* before the others */
    if (strcmp(name, "content") == 0) return check_content(message, at, err);
    if (strcmp(name, "tool_calls") == 0) return check_calls(v, at, err);
    for (const char *const *t = texts; *t; t++) {
        if (strcmp(*t, name) != 0) continue;
        return json_is_string(v) || json_is_null(v) || fail_kind(v, "text or null", err);
    }
    return as_fail(err, AS_EFORMAT,
                   "unknown field (expected role, content, reasoning_content, reasoning, name, "
                   "tool_calls or tool_call_id)");
}

static bool check_message(const json_t *m, spot *at, as_error *err)
{
    at->field = NULL;
    if (!json_is_object(m)) return fail_kind(m, "an object", err);
    at->field = "role";
    if (!check_role(json_object_get(m, "role"), err)) return false;
    json_t *object = (json_t *)m; /* jansson's iterator wants it so; nothing is changed */
    for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it)) {
        at->field = json_object_iter_key(it);
        if (!check_field(m, json_object_iter_value(it), at, err)) return false;
    }
    at->field = "content";
    return json_object_get(m, "content") || check_content(m, at, err);
}

/* The message as templates see it: itself, or a copy with the text of its only part. New
 * reference; NULL when out of memory (json_copy would lose fields then). */
static json_t *with_plain_content(const json_t *m)
{
    json_t *object = (json_t *)m; /* jansson's iterator wants it so; nothing is changed */
    const json_t *content = json_object_get(m, "content");
    if (!json_is_array(content) || json_array_size(content) != 1) return json_incref(object);
    json_t *copy = json_object();
    bool ok = copy != NULL;
    for (void *it = json_object_iter(object); ok && it; it = json_object_iter_next(object, it)) {
        json_t *v = json_object_iter_value(it);
        if (v == content) v = json_object_get(json_array_get(content, 0), "text");
        ok = json_object_set_nocheck(copy, json_object_iter_key(it), v) == 0;
    }
    if (ok) return copy;
    json_decref(copy);
    return NULL;
}

static json_t *take_messages(const json_t *messages, as_error *err)
{
    bool is_list = json_is_array(messages);
    size_t n = is_list ? json_array_size(messages) : 0;
    if (!is_list) (void)fail_kind(messages, "a list of messages", err);
    if (n == 0) {
        (void)as_fail(err, AS_EFORMAT, "empty list (expected at least one message)");
        as_error_at(err, "messages");
        return NULL;
    }
    json_t *list = json_array();
    if (!list) (void)as_fail(err, AS_EMEM, "out of memory");
    for (size_t i = 0; list && i < n; i++) {
        const json_t *m = json_array_get(messages, i);
        spot at = {.message = i};
        bool ok = check_message(m, &at, err);
        if (!ok) place(&at, err);
        json_t *v = ok ? with_plain_content(m) : NULL;
        if (v && json_array_append_new(list, v) == 0) continue;
        if (ok) (void)as_fail(err, AS_EMEM, "out of memory");
        json_decref(list);
        list = NULL;
    }
    return list;
}

static bool check_tools(const json_t *tools, as_error *err)
{
    if (!json_is_array(tools)) {
        (void)fail_kind(tools, "a list of tools", err);
        as_error_at(err, "tools");
        return false;
    }
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *t = json_array_get(tools, i);
        if (json_is_object(t)) continue;
        (void)fail_kind(t, "an object", err);
        as_error_at(err, "tools[%zu]", i);
        return false;
    }
    return true;
}

as_chat *as_chat_new(const char *place, const json_t *messages, const json_t *tools, as_error *err)
{
    bool ok = false;
    if (json_is_null(tools)) tools = NULL;
    as_chat *c = as_new(1, sizeof *c, err);
    if (!c) goto out;
    c->messages = take_messages(messages, err);
    if (!c->messages || (tools && !check_tools(tools, err))) goto out;
    c->tools = tools ? json_incref((json_t *)tools) : NULL;
    ok = true;
out:
    if (ok) return c;
    as_chat_free(c);
    as_error_at(err, "%s", place);
    return NULL;
}

void as_chat_free(as_chat *c)
{
    if (!c) return;
    json_decref(c->messages);
    json_decref(c->tools);
    free(c);
}

const json_t *as_chat_messages(const as_chat *c)
{
    return c->messages;
}

const json_t *as_chat_tools(const as_chat *c)
{
    return c->tools;
}
