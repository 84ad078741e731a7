/* Reading safetensors. The header is walked as a flat object: each name and each entry is a piece
 * of JSON that base/json parses on its own, so that no tree of the whole header is ever built and
 * memory stays a small multiple of its text. Then every entry is held against the file's size and
 * its neighbours. The writer is safetensors_write.c. */
#include "engine/format/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"

enum { LENGTH_BYTES = 8 };

typedef struct {
    const char *name;
    size_t bits;
    as_dtype dtype;
} type_row;
static const type_row types[] = {
    {"F32", 32, AS_F32},      {"F16", 16, AS_F16},      {"BF16", 16, AS_BF16},
    {"U8", 8, AS_U8},         {"BOOL", 8, AS_OTHER},    {"I8", 8, AS_OTHER},
    {"F8_E5M2", 8, AS_OTHER}, {"F8_E4M3", 8, AS_OTHER}, {"F8_E8M0", 8, AS_OTHER},
    {"I16", 16, AS_OTHER},    {"U16", 16, AS_OTHER},    {"I32", 32, AS_OTHER},
    {"U32", 32, AS_OTHER},    {"C64", 64, AS_OTHER},    {"F64", 64, AS_OTHER},
    {"I64", 64, AS_OTHER},    {"U64", 64, AS_OTHER},    {"F4", 4, AS_OTHER},
    {"F6_E2M3", 6, AS_OTHER}, {"F6_E3M2", 6, AS_OTHER},
};
enum { N_TYPES = sizeof types / sizeof types[0] };

struct as_safetensors {
    as_map *map; /* NULL when the bytes are borrowed */
    as_arena *arena;
    const char *file; /* escaped, in the arena */
    as_tensor *tensor;
    size_t n, room;
    json_t *metadata; /* NULL: none */
};

/* The header under the reader. */
typedef struct {
    as_safetensors *s;
    const char *text;
    size_t size, at;
    const unsigned char *data; /* of all tensors */
    size_t data_size;
    as_error *err;
} header;

typedef struct {
    size_t start, size; /* in the header's text */
    bool has_minus;     /* outside of strings */
} span;

/* ---- the outer object ---- */

/* Offsets in messages are those of the file. */
static bool fail_found(const header *h, const char *what, const char *expected)
{
    char shown[AS_ESCAPE_SIZE];
    size_t left = h->size - h->at;
    if (left == 0)
        return as_fail(h->err, AS_EFORMAT, "byte %zu: %s (found the header's end, expected %s)",
                       LENGTH_BYTES + h->at, what, expected);
    return as_fail(h->err, AS_EFORMAT, "byte %zu: %s (found \"%s\", expected %s)",
                   LENGTH_BYTES + h->at, what,
                   as_escape(h->text + h->at, left < 8 ? left : 8, shown), expected);
}

static void skip_blank(header *h)
{
    while (h->at < h->size && memchr(" \t\n\r", h->text[h->at], 4)) h->at++;
}

static bool is_at(const header *h, char c)
{
    return h->at < h->size && h->text[h->at] == c;
}

/* From the quote at `at` to behind the closing one. */
static bool skip_string(header *h, span *out)
{
    out->start = h->at++;
    while (h->at < h->size && h->text[h->at] != '"') h->at += h->text[h->at] == '\\' ? 2 : 1;
    if (h->at >= h->size) {
        h->at = out->start;
        return fail_found(h, "string without end", "a closing '\"'");
    }
    out->size = ++h->at - out->start;
    return true;
}

/* From the brace at `at` to behind its partner; what lies between is base/json's to judge. */
static bool skip_object(header *h, span *out)
{
    size_t depth = 0, start = h->at;
    span inner;
    out->has_minus = false;
    do {
        if (h->at == h->size) {
            h->at = start;
            return fail_found(h, "object without end", "a closing '}'");
        }
        char c = h->text[h->at];
        if (c == '"') {
            if (!skip_string(h, &inner)) return false;
            continue;
        }
        if (c == '{') depth++;
        if (c == '}') depth--;
        if (c == '-') out->has_minus = true;
        h->at++;
    } while (depth > 0);
    out->start = start;
    out->size = h->at - start;
    return true;
}

/* The next member of the outer object, or *more = false behind its brace. */
static bool next_member(header *h, bool *more, span *name, span *value)
{
    bool first = h->at == 0;
    if (first) h->at++; /* the opening brace, seen before */
    skip_blank(h);
    *more = !is_at(h, '}');
    if (!*more) {
        h->at++;
        return true;
    }
    if (!first) {
        if (!is_at(h, ',')) return fail_found(h, "object", "',' or '}'");
        h->at++;
        skip_blank(h);
    }
    if (!is_at(h, '"')) return fail_found(h, "name", first ? "'\"' or '}'" : "'\"'");
    if (!skip_string(h, name)) return false;
    skip_blank(h);
    if (!is_at(h, ':')) return fail_found(h, "name", "':' after it");
    h->at++;
    skip_blank(h);
    if (!is_at(h, '{')) return fail_found(h, "entry", "an object");
    return skip_object(h, value);
}

/* Counts the members, and checks that only spaces follow the object. */
static bool count_members(header *h, size_t *n)
{
    bool more = true;
    span name, value;
    for (*n = 0; more; *n += more) {
        if (!next_member(h, &more, &name, &value)) return false;
    }
    while (is_at(h, ' ')) h->at++;
    if (h->at < h->size) return fail_found(h, "text after the object", "only spaces");
    h->at = 0;
    return true;
}

static json_t *parse_span(const header *h, const char *what, span p)
{
    char place[64];
    (void)snprintf(place, sizeof place, "%s at byte %zu", what, LENGTH_BYTES + p.start);
    return as_json_parse(place, h->text + p.start, p.size, h->err);
}

/* ---- one entry ---- */

/* A value for a message. */
static const char *describe(const json_t *v, char out[32])
{
    if (json_is_integer(v)) {
        (void)snprintf(out, 32, "%lld", (long long)json_integer_value(v));
        return out;
    }
    return !v                   ? "nothing"
           : json_is_real(v)    ? "a fraction or exponent"
           : json_is_string(v)  ? "a string"
           : json_is_array(v)   ? "an array"
           : json_is_object(v)  ? "an object"
           : json_is_boolean(v) ? "a bool"
                                : "null";
}

static bool read_size(const json_t *v, const char *field, size_t i, size_t *out, as_error *err)
{
    char found[32];
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return as_fail(err, AS_EFORMAT, "%s[%zu] (found %s, expected digits)", field, i,
                       describe(v, found));
    *out = (size_t)json_integer_value(v);
    return true;
}

static bool check_fields(const json_t *entry, as_error *err)
{
    static const char *const fields[] = {"dtype", "shape", "data_offsets"};
    char shown[AS_ESCAPE_SIZE];
    const char *name;
    json_t *value;
    for (size_t i = 0; i < 3; i++) {
        if (!json_object_get(entry, fields[i]))
            return as_fail(err, AS_EFORMAT, "%s (found none, expected it)", fields[i]);
    }
    json_object_foreach((json_t *)(uintptr_t)entry, name, value)
    {
        if (strcmp(name, fields[0]) == 0 || strcmp(name, fields[1]) == 0 ||
            strcmp(name, fields[2]) == 0)
            continue;
        return as_fail(err, AS_EFORMAT,
                       "field (found \"%s\", expected dtype, shape and data_offsets alone)",
                       as_escape(name, strlen(name), shown));
    }
    return true;
}

static const type_row *find_type(const json_t *dtype, as_error *err)
{
    char shown[AS_ESCAPE_SIZE], found[32];
    if (!json_is_string(dtype)) {
        (void)as_fail(err, AS_EFORMAT, "dtype (found %s, expected a string)",
                      describe(dtype, found));
        return NULL;
    }
    const char *word = json_string_value(dtype);
    for (size_t i = 0; i < N_TYPES; i++) {
        if (strcmp(word, types[i].name) == 0) return &types[i];
    }
    (void)as_fail(err, AS_EFORMAT, "dtype (found \"%s\", expected a type of the format, like BF16)",
                  as_escape(word, strlen(word), shown));
    return NULL;
}

static bool read_shape(as_tensor *t, const json_t *shape, size_t bits, as_error *err)
{
    char found[32];
    size_t count = 1, all_bits;
    if (!json_is_array(shape))
        return as_fail(err, AS_EFORMAT, "shape (found %s, expected an array)",
                       describe(shape, found));
    t->n_dims = json_array_size(shape);
    if (t->n_dims > AS_TENSOR_DIMS)
        return as_fail(err, AS_ELIMIT, "shape (found %zu dimensions, expected at most %d)",
                       t->n_dims, AS_TENSOR_DIMS);
    for (size_t i = 0; i < t->n_dims; i++) {
        if (!read_size(json_array_get(shape, i), "shape", i, &t->dim[i], err)) return false;
        if (!as_size_mul(count, t->dim[i], &count, err)) goto too_large;
    }
    if (!as_size_mul(count, bits, &all_bits, err)) goto too_large;
    if (all_bits % 8 != 0)
        return as_fail(err, AS_EFORMAT,
                       "shape (found %zu elements of %zu bits, expected whole bytes)", count, bits);
    t->bytes = all_bits / 8;
    return true;
too_large:
    as_error_at(err, "shape");
    return false;
}

static bool read_offsets(header *h, as_tensor *t, const json_t *offsets)
{
    char found[32];
    size_t begin, end;
    if (!json_is_array(offsets) || json_array_size(offsets) != 2)
        return as_fail(h->err, AS_EFORMAT, "data_offsets (found %s, expected two numbers)",
                       json_is_array(offsets) ? "an array of another length"
                                              : describe(offsets, found));
    if (!read_size(json_array_get(offsets, 0), "data_offsets", 0, &begin, h->err)) return false;
    if (!read_size(json_array_get(offsets, 1), "data_offsets", 1, &end, h->err)) return false;
    if (begin > end)
        return as_fail(h->err, AS_EFORMAT,
                       "data_offsets (found %zu before %zu, expected them in order)", begin, end);
    if (end > h->data_size)
        return as_fail(h->err, AS_EFORMAT, "data_offsets (found the end %zu, expected at most %zu)",
                       end, h->data_size);
    if (end - begin != t->bytes)
        return as_fail(h->err, AS_EFORMAT,
                       "data_offsets (found %zu bytes, expected %zu for the shape)", end - begin,
                       t->bytes);
    t->data = h->data + begin;
    return true;
}

static bool read_entry(header *h, as_tensor *t, span value)
{
    char shown[AS_ESCAPE_SIZE];
    bool ok = false;
    json_t *entry = parse_span(h, "entry", value);
    if (!entry) return false;
    if (value.has_minus) {
        (void)as_fail(h->err, AS_EFORMAT, "sign (found \"-\", expected digits)");
        goto out;
    }
    if (!check_fields(entry, h->err)) goto out;
    const type_row *type = find_type(json_object_get(entry, "dtype"), h->err);
    if (!type) goto out;
    t->dtype = type->dtype;
    t->type = type->name;
    t->file = h->s->file;
    ok = read_shape(t, json_object_get(entry, "shape"), type->bits, h->err) &&
         read_offsets(h, t, json_object_get(entry, "data_offsets"));
out:
    json_decref(entry);
    if (!ok) as_error_at(h->err, "tensor \"%s\"", as_escape(t->name, strlen(t->name), shown));
    return ok;
}

static bool read_metadata(header *h, span value)
{
    const char *name;
    char shown[AS_ESCAPE_SIZE], found[32];
    json_t *v;
    if (h->s->metadata)
        return as_fail(h->err, AS_EFORMAT, "byte %zu: __metadata__ (found again, expected it once)",
                       LENGTH_BYTES + value.start);
    h->s->metadata = parse_span(h, "__metadata__", value);
    if (!h->s->metadata) return false;
    json_object_foreach(h->s->metadata, name, v)
    {
        if (json_is_string(v)) continue;
        return as_fail(h->err, AS_EFORMAT, "__metadata__ \"%s\" (found %s, expected a string)",
                       as_escape(name, strlen(name), shown), describe(v, found));
    }
    return true;
}

static bool read_member(header *h, span name, span value)
{
    as_safetensors *s = h->s;
    bool ok = false;
    json_t *text = parse_span(h, "name", name);
    if (!text) return false;
    if (strcmp(json_string_value(text), "__metadata__") == 0) {
        ok = read_metadata(h, value);
        goto out;
    }
    as_tensor t = {0};
    t.name = as_arena_copy(s->arena, json_string_value(text), json_string_length(text), h->err);
    if (!t.name || !read_entry(h, &t, value)) goto out;
    AS_CHECK(s->n < s->room);
    s->tensor[s->n++] = t;
    ok = true;
out:
    json_decref(text);
    return ok;
}

/* ---- all entries together ---- */

static int compare_names(const void *a, const void *b)
{
    const as_tensor *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static int compare_places(const void *a, const void *b)
{
    const as_tensor *const *x = a, *const *y = b;
    uintptr_t p = (uintptr_t)(*x)->data, q = (uintptr_t)(*y)->data;
    if (p != q) return p < q ? -1 : 1;
    return (*x)->bytes < (*y)->bytes ? -1 : (*x)->bytes > (*y)->bytes;
}

static bool check_names(header *h)
{
    as_safetensors *s = h->s;
    char shown[AS_ESCAPE_SIZE];
    if (s->n > 0) qsort(s->tensor, s->n, sizeof *s->tensor, compare_names);
    for (size_t i = 1; i < s->n; i++) {
        const char *name = s->tensor[i].name;
        if (strcmp(name, s->tensor[i - 1].name) != 0) continue;
        return as_fail(h->err, AS_EFORMAT, "tensor \"%s\": name (found twice, expected once)",
                       as_escape(name, strlen(name), shown));
    }
    return true;
}

/* Every byte of data belongs to exactly one tensor. */
static bool check_places(header *h)
{
    as_safetensors *s = h->s;
    char shown[AS_ESCAPE_SIZE];
    bool ok = false;
    size_t end = 0;
    const as_tensor **order = as_new(s->n, sizeof *order, h->err);
    if (!order) return false;
    for (size_t i = 0; i < s->n; i++) order[i] = &s->tensor[i];
    if (s->n > 0) qsort(order, s->n, sizeof(*order), compare_places);
    for (size_t i = 0; i < s->n; i++) {
        size_t begin = (size_t)((const unsigned char *)order[i]->data - h->data);
        if (begin != end) {
            (void)as_fail(
                h->err, AS_EFORMAT,
                "tensor \"%s\": data_offsets (found the begin %zu, expected %zu, the end of "
                "the one before: %s)",
                as_escape(order[i]->name, strlen(order[i]->name), shown), begin, end,
                begin > end ? "a hole" : "an overlap");
            goto out;
        }
        end = begin + order[i]->bytes;
    }
    ok = end == h->data_size || as_fail(h->err, AS_EFORMAT,
                                        "byte %zu: data (found %zu bytes after the last tensor, "
                                        "expected none)",
                                        LENGTH_BYTES + h->size + end, h->data_size - end);
out:
    free(order);
    return ok;
}

/* A well-formed entry is at least this long: `"":{"dtype":"F4","shape":[],"data_offsets":[0,0]}`.
 * So the room for tensors follows from the header's true size, whatever stands in it. */
enum { LEAST_ENTRY = 49 };

static bool read_header(header *h)
{
    bool more = true;
    span name, value;
    size_t n;
    if (!count_members(h, &n)) return false;
    if (n > h->size / LEAST_ENTRY) n = h->size / LEAST_ENTRY;
    h->s->room = n;
    h->s->tensor = as_arena_push(h->s->arena, n, sizeof *h->s->tensor, h->err);
    if (!h->s->tensor) return false;
    for (;;) {
        if (!next_member(h, &more, &name, &value)) return false;
        if (!more) return check_names(h) && check_places(h);
        if (!read_member(h, name, value)) return false;
    }
}

/* The header's length, held against the file. */
static bool find_header(header *h, const unsigned char *bytes, size_t size)
{
    uint64_t n = 0;
    if (size < LENGTH_BYTES)
        return as_fail(h->err, AS_EFORMAT, "size (found %zu bytes, expected at least %d)", size,
                       LENGTH_BYTES);
    for (size_t i = LENGTH_BYTES; i-- > 0;) n = n << 8 | bytes[i];
    if (n > AS_SAFETENSORS_MAX_HEADER)
        return as_fail(h->err, AS_ELIMIT,
                       "byte 0: header length (found %llu, expected at most %llu)",
                       (unsigned long long)n, (unsigned long long)AS_SAFETENSORS_MAX_HEADER);
    if (n > size - LENGTH_BYTES)
        return as_fail(h->err, AS_EFORMAT,
                       "byte 0: header length (found %llu, expected at most %zu, the bytes left)",
                       (unsigned long long)n, size - LENGTH_BYTES);
    h->text = (const char *)bytes + LENGTH_BYTES;
    h->size = (size_t)n;
    h->data = bytes + LENGTH_BYTES + h->size;
    h->data_size = size - LENGTH_BYTES - h->size;
    return is_at(h, '{') || fail_found(h, "header", "'{'");
}

/* ---- opening ---- */

as_safetensors *as_safetensors_over(const char *name, const void *bytes, size_t size, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    (void)as_escape(name, strlen(name), shown);
    header h = {.err = err};
    h.s = as_new(1, sizeof *h.s, err);
    if (h.s && (h.s->arena = as_arena_new(err)) &&
        (h.s->file = as_arena_text(h.s->arena, shown, err)) && find_header(&h, bytes, size) &&
        read_header(&h))
        return h.s;
    as_safetensors_close(h.s);
    as_error_at(err, "%s", shown);
    return NULL;
}

as_safetensors *as_safetensors_open(const char *path, as_error *err)
{
    as_map *map = as_map_open(path, err);
    if (!map) return NULL;
    as_safetensors *s = as_safetensors_over(path, as_map_bytes(map), as_map_size(map), err);
    if (s)
        s->map = map;
    else
        as_map_close(map);
    return s;
}

void as_safetensors_close(as_safetensors *s)
{
    if (!s) return;
    json_decref(s->metadata);
    as_arena_free(s->arena);
    as_map_close(s->map);
    free(s);
}

size_t as_safetensors_count(const as_safetensors *s)
{
    return s->n;
}

const as_tensor *as_safetensors_at(const as_safetensors *s, size_t i)
{
    AS_CHECK(i < s->n);
    return &s->tensor[i];
}

const char *as_safetensors_metadata(const as_safetensors *s, const char *key)
{
    return json_string_value(json_object_get(s->metadata, key));
}
