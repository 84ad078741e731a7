/* Writing JSON in the canonical form, and finding a value by its pointer. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

enum { WRITE_DEPTH = 1024 }; /* values built deeper than this are our own mistake */

typedef struct {
    as_buf *out;
    bool pretty;
} writer;

typedef struct {
    const char *name;
    size_t size;
    const json_t *value;
} pair;

static void write_value(const writer *w, const json_t *value, size_t depth);

static void write_string(as_buf *out, const char *text, size_t size)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    as_buf_add(out, "\"", 1);
    size_t plain = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        as_buf_add(out, text + plain, i - plain);
        plain = i + 1;
        const char *at = c ? strchr(from, c) : NULL;
        if (at) {
            as_buf_add(out, "\\", 1);
            as_buf_add(out, to + (at - from), 1);
        } else {
            as_buf_printf(out, "\\u%04x", (unsigned)c);
        }
    }
    as_buf_add(out, text + plain, size - plain);
    as_buf_add(out, "\"", 1);
}

static void new_line(const writer *w, size_t depth)
{
    if (!w->pretty) return;
    as_buf_add(w->out, "\n", 1);
    for (size_t i = 0; i < depth; i++) as_buf_add(w->out, "  ", 2);
}

static void write_array(const writer *w, const json_t *value, size_t depth)
{
    size_t n = json_array_size(value);
    as_buf_add(w->out, "[", 1);
    for (size_t i = 0; i < n; i++) {
        if (i) as_buf_add(w->out, ",", 1);
        new_line(w, depth + 1);
        write_value(w, json_array_get(value, i), depth + 1);
    }
    if (n) new_line(w, depth);
    as_buf_add(w->out, "]", 1);
}

static int by_name(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    size_t n = x->size < y->size ? x->size : y->size;
    int order = n ? memcmp(x->name, y->name, n) : 0;
    if (order) return order;
    return (x->size > y->size) - (x->size < y->size);
}

static void write_object(const writer *w, const json_t *value, size_t depth)
{
    json_t *object = (json_t *)value; /* jansson's iterator wants it so; nothing is changed */
    size_t n = json_object_size(value), i = 0;
    as_error err = {0};
    pair *pairs = as_new(n, sizeof *pairs, &err);
    if (!pairs) {
        w->out->failed = true;
        return;
    }
    for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it)) {
        pairs[i++] = (pair){json_object_iter_key(it), json_object_iter_key_len(it),
                            json_object_iter_value(it)};
    }
    qsort(pairs, n, sizeof *pairs, by_name);
    as_buf_add(w->out, "{", 1);
    for (i = 0; i < n; i++) {
        if (i) as_buf_add(w->out, ",", 1);
        new_line(w, depth + 1);
        write_string(w->out, pairs[i].name, pairs[i].size);
        as_buf_puts(w->out, w->pretty ? ": " : ":");
        write_value(w, pairs[i].value, depth + 1);
    }
    if (n) new_line(w, depth);
    as_buf_add(w->out, "}", 1);
    free(pairs);
}

static void write_value(const writer *w, const json_t *value, size_t depth)
{
    char number[32];
    AS_CHECK(depth <= WRITE_DEPTH);
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        write_object(w, value, depth);
        return;
    case JSON_ARRAY:
        write_array(w, value, depth);
        return;
    case JSON_STRING:
        write_string(w->out, json_string_value(value), json_string_length(value));
        return;
    case JSON_INTEGER:
        as_buf_printf(w->out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return;
    case JSON_REAL: /* + 0.0: "-0" would come back as the integer 0 */
        as_buf_puts(w->out, as_double_text(json_real_value(value) + 0.0, number));
        return;
    case JSON_TRUE:
        as_buf_puts(w->out, "true");
        return;
    case JSON_FALSE:
        as_buf_puts(w->out, "false");
        return;
    case JSON_NULL:
        as_buf_puts(w->out, "null");
        return;
    }
}

void as_json_write(as_buf *out, const json_t *value)
{
    write_value(&(writer){.out = out}, value, 0);
}

bool as_json_hash(const json_t *value, as_key out, as_error *err)
{
    as_buf text = {0};
    if (!value) return as_fail(err, AS_EMEM, "out of memory");
    as_json_write(&text, value);
    bool ok = as_buf_ok(&text, err) && as_sha256_of(text.data, text.size, out, err);
    as_buf_clear(&text);
    return ok;
}

void as_json_write_pretty(as_buf *out, const json_t *value)
{
    write_value(&(writer){.out = out, .pretty = true}, value, 0);
    as_buf_add(out, "\n", 1);
}

const char *as_json_shown(const json_t *value, char out[AS_ESCAPE_SIZE])
{
    as_buf text = {0};
    if (value)
        as_json_write(&text, value);
    else
        as_buf_puts(&text, "nothing");
    if (text.failed)
        (void)as_escape("...", 3, out);
    else
        (void)as_escape(as_buf_text(&text), text.size, out);
    as_buf_clear(&text);
    return out;
}

static int take_text(const char *bytes, size_t size, void *context)
{
    as_buf_add(context, bytes, size);
    return 0;
}

bool as_json_write_typed(as_buf *out, const json_t *value)
{
    if (json_dump_callback(value, take_text, out, JSON_INDENT(2) | JSON_SORT_KEYS) != 0)
        return false;
    as_buf_puts(out, "\n");
    return !out->failed;
}

json_t *as_json_real(double x)
{
    json_t *value = json_real(x); /* NULL for what is not finite, too */
    return value || (x - x) == 0 ? value : json_null();
}

/* --- pointers (RFC 6901) -------------------------------------------------------------------- */

/* Is token (with ~0 for ~ and ~1 for /) the name? */
static bool token_is(const char *token, size_t size, const char *name, size_t name_size)
{
    size_t at = 0;
    for (size_t i = 0; i < size; i++, at++) {
        char c = token[i];
        if (c == '~') {
            if (++i >= size || (token[i] != '0' && token[i] != '1')) return false;
            c = token[i] == '0' ? '~' : '/';
        }
        if (at >= name_size || name[at] != c) return false;
    }
    return at == name_size;
}

static const json_t *member(const json_t *object, const char *token, size_t size)
{
    if (!memchr(token, '~', size)) return json_object_getn(object, token, size);
    json_t *o = (json_t *)object;
    for (void *it = json_object_iter(o); it; it = json_object_iter_next(o, it)) {
        if (token_is(token, size, json_object_iter_key(it), json_object_iter_key_len(it))) {
            return json_object_iter_value(it);
        }
    }
    return NULL;
}

static const json_t *element(const json_t *array, const char *token, size_t size)
{
    size_t i = 0;
    if (size == 0 || size > 18 || (size > 1 && token[0] == '0')) return NULL;
    for (size_t k = 0; k < size; k++) {
        if (token[k] < '0' || token[k] > '9') return NULL;
        i = i * 10 + (size_t)(token[k] - '0');
    }
    return json_array_get(array, i);
}

const json_t *as_json_at(const json_t *value, const char *pointer)
{
    while (value && *pointer) {
        if (*pointer++ != '/') return NULL;
        size_t size = strcspn(pointer, "/");
        if (json_is_object(value)) {
            value = member(value, pointer, size);
        } else if (json_is_array(value)) {
            value = element(value, pointer, size);
        } else {
            return NULL;
        }
        pointer += size;
    }
    return value;
}

/* --- building ------------------------------------------------------------------------------- */

void as_json_put(json_t **object, const char *name, json_t *value)
{
    if (*object && json_object_set_new(*object, name, value) == 0) return;
    if (!*object) json_decref(value); /* else json_object_set_new took it */
    json_decref(*object);
    *object = NULL;
}

void as_json_put_size(json_t **object, const char *name, size_t x)
{
    as_json_put(object, name, json_integer((json_int_t)x));
}

void as_json_put_real(json_t **object, const char *name, double x)
{
    as_json_put(object, name, as_json_real(x));
}

void as_json_put_text(json_t **object, const char *name, const char *x)
{
    as_json_put(object, name, x ? json_string(x) : json_null());
}

void as_json_append(json_t **list, json_t *value)
{
    if (*list && json_array_append_new(*list, value) == 0) return;
    if (!*list) json_decref(value);
    json_decref(*list);
    *list = NULL;
}
