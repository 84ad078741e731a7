/* Typed access to GGUF metadata: nothing is converted, a value has the type asked for or the call
 * fails. */
#include <string.h>

#include "engine/format/gguf_internal.h"

static const struct {
    const char *name;
    size_t size;
} types[AS_GGUF_N_TYPES] = {
    [AS_GGUF_U8] = {"u8", 1},       [AS_GGUF_I8] = {"i8", 1},     [AS_GGUF_U16] = {"u16", 2},
    [AS_GGUF_I16] = {"i16", 2},     [AS_GGUF_U32] = {"u32", 4},   [AS_GGUF_I32] = {"i32", 4},
    [AS_GGUF_F32] = {"f32", 4},     [AS_GGUF_BOOL] = {"bool", 1}, [AS_GGUF_TEXT] = {"text", 0},
    [AS_GGUF_ARRAY] = {"array", 0}, [AS_GGUF_U64] = {"u64", 8},   [AS_GGUF_I64] = {"i64", 8},
    [AS_GGUF_F64] = {"f64", 8},
};

const char *as_gguf_type_name(as_gguf_type t)
{
    return types[t].name;
}

size_t as_gguf_type_size(as_gguf_type t)
{
    return types[t].size;
}

uint32_t as_gguf_load_u32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint64_t as_gguf_load_u64(const unsigned char *p)
{
    return as_gguf_load_u32(p) | (uint64_t)as_gguf_load_u32(p + 4) << 32;
}

int as_gguf_compare_keys(const char *a, size_t a_size, const char *b, size_t b_size)
{
    int c = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return c ? c : a_size < b_size ? -1 : a_size > b_size;
}

const as_gguf_entry *as_gguf_find(const as_gguf *g, const char *key)
{
    size_t low = 0, high = g->n_entries, size = strlen(key);
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const as_gguf_entry *e = &g->entry[mid];
        int c = as_gguf_compare_keys(key, size, e->key, e->key_size);
        if (c == 0) return e;
        if (c < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

bool as_gguf_has(const as_gguf *g, const char *key)
{
    return as_gguf_find(g, key) != NULL;
}

static bool fail_key(const as_gguf *g, const char *key, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    as_error_at(err, "%s: key \"%s\"", g->file, as_escape(key, strlen(key), shown));
    return false;
}

static const as_gguf_entry *need(const as_gguf *g, const char *key, as_gguf_type type,
                                 as_error *err)
{
    const as_gguf_entry *e = as_gguf_find(g, key);
    if (e && e->type == type) return e;
    (void)as_fail(err, AS_EFORMAT, "value (found %s, expected %s)",
                  e ? as_gguf_type_name(e->type) : "none", as_gguf_type_name(type));
    (void)fail_key(g, key, err);
    return NULL;
}

static float f32_at(const unsigned char *p)
{
    return as_f32_of_bits(as_gguf_load_u32(p));
}

bool as_gguf_u32(const as_gguf *g, const char *key, uint32_t *out, as_error *err)
{
    const as_gguf_entry *e = need(g, key, AS_GGUF_U32, err);
    if (e) *out = as_gguf_load_u32(e->value);
    return e != NULL;
}

bool as_gguf_f32(const as_gguf *g, const char *key, float *out, as_error *err)
{
    const as_gguf_entry *e = need(g, key, AS_GGUF_F32, err);
    if (e) *out = f32_at(e->value);
    return e != NULL;
}

bool as_gguf_bool(const as_gguf *g, const char *key, bool *out, as_error *err)
{
    const as_gguf_entry *e = need(g, key, AS_GGUF_BOOL, err);
    if (e) *out = e->value[0] == 1;
    return e != NULL;
}

bool as_gguf_text(const as_gguf *g, const char *key, const char **text, size_t *size, as_error *err)
{
    const as_gguf_entry *e = need(g, key, AS_GGUF_TEXT, err);
    if (!e) return false;
    *text = (const char *)e->value;
    *size = e->size;
    return true;
}

bool as_gguf_is_array(const as_gguf *g, const char *key)
{
    const as_gguf_entry *e = as_gguf_find(g, key);
    return e && e->type == AS_GGUF_ARRAY;
}

bool as_gguf_array_of(const as_gguf *g, const char *key, as_gguf_type type, size_t n,
                      as_gguf_array *out, as_error *err)
{
    const as_gguf_entry *e = need(g, key, AS_GGUF_ARRAY, err);
    if (!e) return false;
    if (e->array.type != type) {
        (void)as_fail(err, AS_EFORMAT, "array (found elements of %s, expected %s)",
                      as_gguf_type_name(e->array.type), as_gguf_type_name(type));
        return fail_key(g, key, err);
    }
    if (n != AS_GGUF_ANY && e->array.n != n) {
        (void)as_fail(err, AS_EFORMAT, "array (found %zu elements, expected %zu)", e->array.n, n);
        return fail_key(g, key, err);
    }
    *out = e->array;
    return true;
}

/* Reading past an array, or as another type, is our own bug. */
static const unsigned char *element(const as_gguf_array *a, as_gguf_type type, size_t i)
{
    AS_CHECK(a->type == type && i < a->n);
    return a->data + i * types[type].size;
}

uint32_t as_gguf_array_u32(const as_gguf_array *a, size_t i)
{
    return as_gguf_load_u32(element(a, AS_GGUF_U32, i));
}

int32_t as_gguf_array_i32(const as_gguf_array *a, size_t i)
{
    uint32_t u = as_gguf_load_u32(element(a, AS_GGUF_I32, i));
    int32_t x;
    memcpy(&x, &u, sizeof x);
    return x;
}

float as_gguf_array_f32(const as_gguf_array *a, size_t i)
{
    return f32_at(element(a, AS_GGUF_F32, i));
}

bool as_gguf_array_bool(const as_gguf_array *a, size_t i)
{
    return *element(a, AS_GGUF_BOOL, i) == 1;
}

const char *as_gguf_array_text(const as_gguf_array *a, size_t i, size_t *size)
{
    const unsigned char *p = element(a, AS_GGUF_TEXT, i) + a->text[i];
    *size = (size_t)as_gguf_load_u64(p);
    return (const char *)p + 8;
}
