/* Values of config.json and of GGUF metadata, checked one by one. */
#include "engine/model/keys.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { KEY_SIZE = 160 };

static const char *gguf_key(const as_keys *k, const char *gguf, char out[KEY_SIZE])
{
    (void)snprintf(out, KEY_SIZE, "%s.%s", k->arch, gguf);
    return out;
}

const json_t *as_keys_find(const as_keys *k, const char *hf)
{
    const json_t *value = k->object && hf ? json_object_get(k->object, hf) : NULL;
    return json_is_null(value) ? NULL : value;
}

bool as_keys_has(const as_keys *k, const char *hf, const char *gguf)
{
    char key[KEY_SIZE];
    if (k->gguf) return gguf && as_gguf_has(k->gguf, gguf_key(k, gguf, key));
    return as_keys_find(k, hf) != NULL;
}

/* ---- failing ---- */

static bool fail_at(const as_keys *k, const char *hf, const char *gguf, as_class c,
                    const char *found, as_error *err, const char *expected, va_list args)
    AS_PRINTF(7, 0);
static bool fail_at(const as_keys *k, const char *hf, const char *gguf, as_class c,
                    const char *found, as_error *err, const char *expected, va_list args)
{
    char text[512];
    (void)vsnprintf(text, sizeof text, expected, args);
    if (found) {
        (void)as_fail(err, c, "value (found %s, expected %s)", found, text);
    } else {
        (void)as_fail(err, c, "missing (found nothing, expected %s)", text);
    }
    if (k->gguf) {
        as_error_at(err, "%s: key \"%s.%s\"", as_gguf_name(k->gguf), k->arch, gguf);
    } else {
        as_error_at(err, "%s%s", k->place, hf);
    }
    return false;
}

bool as_keys_fail(const as_keys *k, const char *hf, const json_t *found, as_error *err,
                  const char *expected, ...)
{
    va_list args;
    as_buf text = {0};
    char shown[AS_ESCAPE_SIZE];
    if (found) {
        as_json_write(&text, found);
        if (json_is_real(found) && !strpbrk(as_buf_text(&text), ".e")) as_buf_puts(&text, ".0");
        bool ok = as_buf_ok(&text, err);
        if (ok) (void)as_escape(as_buf_text(&text), text.size, shown);
        as_buf_clear(&text);
        if (!ok) return false;
    }
    va_start(args, expected);
    (void)fail_at(k, hf, hf, AS_EFORMAT, found ? shown : NULL, err, expected, args);
    va_end(args);
    return false;
}

bool as_keys_fail_size(const as_keys *k, const char *hf, const char *gguf, size_t found,
                       as_error *err, const char *expected, ...)
{
    va_list args;
    char shown[32];
    (void)snprintf(shown, sizeof shown, "%zu", found);
    va_start(args, expected);
    (void)fail_at(k, hf, gguf, AS_EFORMAT, shown, err, expected, args);
    va_end(args);
    return false;
}

bool as_keys_fail_gguf(const as_gguf *g, const char *key, as_error *err, const char *fmt, ...)
{
    va_list args;
    char text[AS_ESCAPE_SIZE + 128];
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    (void)as_fail(err, AS_EFORMAT, "%s", text);
    as_error_at(err, "%s: key \"%s\"", as_gguf_name(g), key);
    return false;
}

/* "1 to 65536", for numbers outside and for absent keys. */
static bool fail_range(const as_keys *k, const char *hf, const char *gguf, as_class c,
                       const char *found, as_error *err, const char *expected, ...) AS_PRINTF(7, 8);
static bool fail_range(const as_keys *k, const char *hf, const char *gguf, as_class c,
                       const char *found, as_error *err, const char *expected, ...)
{
    va_list args;
    va_start(args, expected);
    (void)fail_at(k, hf, gguf ? gguf : hf, c, found, err, expected, args);
    va_end(args);
    return false;
}

/* ---- whole numbers ---- */

static bool size_in_range(const as_keys *k, const char *hf, const char *gguf, uint64_t x,
                          size_t low, size_t high, as_error *err)
{
    char shown[32];
    if (x >= low && x <= high) return true;
    (void)snprintf(shown, sizeof shown, "%llu", (unsigned long long)x);
    return fail_range(k, hf, gguf, x > high ? AS_ELIMIT : AS_EFORMAT, shown, err, "%zu to %zu", low,
                      high);
}

/* A value a block: those that are not 0 (a layer without such heads) must agree. */
static bool read_array(const as_keys *k, const char *key, uint32_t *out, as_error *err)
{
    as_gguf_array list;
    as_error other = {0};
    char blocks[KEY_SIZE];
    uint32_t n;
    if (!as_gguf_u32(k->gguf, gguf_key(k, "block_count", blocks), &n, err)) return false;
    bool is_signed = as_gguf_array_of(k->gguf, key, AS_GGUF_I32, AS_GGUF_ANY, &list, &other);
    as_gguf_type type = is_signed ? AS_GGUF_I32 : AS_GGUF_U32;
    if (!as_gguf_array_of(k->gguf, key, type, n, &list, err)) return false;
    *out = 0;
    for (size_t i = 0; i < list.n; i++) {
        uint32_t x =
            is_signed ? (uint32_t)as_gguf_array_i32(&list, i) : as_gguf_array_u32(&list, i);
        if (x != 0 && *out != 0 && x != *out)
            return as_keys_fail_gguf(k->gguf, key, err,
                                     "element %zu (found %lu, expected %lu as before)", i,
                                     (unsigned long)x, (unsigned long)*out);
        if (x != 0) *out = x;
    }
    return true;
}

bool as_keys_size(const as_keys *k, const char *hf, const char *gguf, size_t low, size_t high,
                  size_t *out, as_error *err)
{
    char key[KEY_SIZE];
    if (!as_keys_has(k, hf, gguf))
        return fail_range(k, hf, gguf, AS_EFORMAT, NULL, err, "%zu to %zu", low, high);
    if (k->gguf) {
        uint32_t x;
        gguf_key(k, gguf, key);
        if (as_gguf_is_array(k->gguf, key) ? !read_array(k, key, &x, err)
                                           : !as_gguf_u32(k->gguf, key, &x, err))
            return false;
        *out = x;
        return size_in_range(k, hf, gguf, x, low, high, err);
    }
    const json_t *value = as_keys_find(k, hf);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return as_keys_fail(k, hf, value, err, "%zu to %zu", low, high);
    *out = (size_t)json_integer_value(value);
    return size_in_range(k, hf, gguf, *out, low, high, err);
}

bool as_keys_size_or(const as_keys *k, const char *hf, const char *gguf, size_t otherwise,
                     size_t low, size_t high, size_t *out, as_error *err)
{
    if (as_keys_has(k, hf, gguf)) return as_keys_size(k, hf, gguf, low, high, out, err);
    *out = otherwise;
    return true;
}

/* ---- real numbers ---- */

/* Also as a float: a positive number must not become 0. */
static bool is_between(double x, double above, double below)
{
    return x > above && x < below && (above < 0 || (float)x > 0);
}

bool as_keys_real(const as_keys *k, const char *hf, const char *gguf, double above, double below,
                  double *out, as_error *err)
{
    char key[KEY_SIZE], low[32], high[32], found[32];
    as_double_text(above, low);
    as_double_text(below, high);
    if (!as_keys_has(k, hf, gguf))
        return fail_range(k, hf, gguf, AS_EFORMAT, NULL, err, "above %s and below %s", low, high);
    if (k->gguf) {
        float x;
        if (!as_gguf_f32(k->gguf, gguf_key(k, gguf, key), &x, err)) return false;
        *out = (double)x;
    } else {
        const json_t *value = as_keys_find(k, hf);
        *out = json_is_number(value) ? json_number_value(value) : (double)NAN;
        if (!is_between(*out, above, below))
            return as_keys_fail(k, hf, value, err, "above %s and below %s", low, high);
    }
    if (is_between(*out, above, below)) return true;
    return fail_range(k, hf, gguf, AS_EFORMAT, as_double_text(*out, found), err,
                      "above %s and below %s", low, high);
}

bool as_keys_real_or(const as_keys *k, const char *hf, const char *gguf, double otherwise,
                     double above, double below, double *out, as_error *err)
{
    if (as_keys_has(k, hf, gguf)) return as_keys_real(k, hf, gguf, above, below, out, err);
    *out = otherwise;
    return true;
}

/* ---- of config.json ---- */

bool as_keys_flag_or(const as_keys *k, const char *hf, bool otherwise, bool *out, as_error *err)
{
    const json_t *value = as_keys_find(k, hf);
    *out = value ? json_is_true(value) : otherwise;
    return !value || json_is_boolean(value) || as_keys_fail(k, hf, value, err, "true or false");
}

bool as_keys_flag_is(const as_keys *k, const char *hf, bool only, as_error *err)
{
    const json_t *value = as_keys_find(k, hf);
    if (!value || (only ? json_is_true(value) : json_is_false(value))) return true;
    return as_keys_fail(k, hf, value, err, only ? "true" : "false");
}

bool as_keys_text_is(const as_keys *k, const char *hf, const char *only, as_error *err)
{
    const json_t *value = as_keys_find(k, hf);
    if (!value || (json_is_string(value) && strcmp(json_string_value(value), only) == 0))
        return true;
    return as_keys_fail(k, hf, value, err, "\"%s\"", only);
}

bool as_keys_sub(const as_keys *k, const char *hf, as_keys *sub, char place[AS_PLACE_SIZE],
                 as_error *err)
{
    const json_t *value = as_keys_find(k, hf);
    if (value && !json_is_object(value)) return as_keys_fail(k, hf, value, err, "an object");
    (void)snprintf(place, AS_PLACE_SIZE, "%s%s.", k->place, hf);
    *sub = (as_keys){.object = value, .top = k->top, .place = place};
    return true;
}

bool as_keys_layer_types(const as_keys *k, const char *first, const char *second, bool *is_second,
                         size_t n, bool *found, as_error *err)
{
    const char *hf = "layer_types";
    const json_t *list = as_keys_find(k, hf);
    *found = list != NULL;
    if (!list) return true;
    if (!json_is_array(list)) return as_keys_fail(k, hf, list, err, "a list of names");
    if (json_array_size(list) != n) {
        (void)as_fail(err, AS_EFORMAT, "length (found %zu, expected %zu, as num_hidden_layers)",
                      json_array_size(list), n);
        as_error_at(err, "%s%s", k->place, hf);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        char item[48];
        const json_t *value = json_array_get(list, i);
        const char *name = json_is_string(value) ? json_string_value(value) : "";
        bool other = second && strcmp(name, second) == 0;
        if (is_second) is_second[i] = other;
        if (other || strcmp(name, first) == 0) continue;
        (void)snprintf(item, sizeof item, "layer_types[%zu]", i);
        return second ? as_keys_fail(k, item, value, err, "\"%s\" or \"%s\"", first, second)
                      : as_keys_fail(k, item, value, err, "\"%s\"", first);
    }
    return true;
}
