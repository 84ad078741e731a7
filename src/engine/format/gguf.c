/* Reading GGUF: header, metadata, tensor table, each length held against the bytes left before it
 * is used. Access to the metadata is gguf_metadata.c, the writer gguf_write.c. */
#include <stdlib.h>
#include <string.h>

#include "engine/format/gguf_internal.h"

enum { LEAST_ENTRY = 13, LEAST_TENSOR = 24, MAX_DIMS = 4, DEFAULT_ALIGNMENT = 32 };

/* Tensor types by their number in the file; a NULL name is a number never given or taken back. */
typedef struct {
    const char *name;
    size_t block, bytes;
    as_dtype dtype;
} type_row;
static const type_row types[] = {
    [0] = {"F32", 1, 4, AS_F32},
    [1] = {"F16", 1, 2, AS_F16},
    [2] = {"Q4_0", 32, sizeof(as_block_q4_0), AS_Q4_0},
    [3] = {"Q4_1", 32, 20, AS_OTHER},
    [6] = {"Q5_0", 32, 22, AS_OTHER},
    [7] = {"Q5_1", 32, 24, AS_OTHER},
    [8] = {"Q8_0", 32, sizeof(as_block_q8_0), AS_Q8_0},
    [9] = {"Q8_1", 32, 36, AS_OTHER},
    [10] = {"Q2_K", 256, 84, AS_OTHER},
    [11] = {"Q3_K", 256, 110, AS_OTHER},
    [12] = {"Q4_K", 256, sizeof(as_block_q4_k), AS_Q4_K},
    [13] = {"Q5_K", 256, sizeof(as_block_q5_k), AS_Q5_K},
    [14] = {"Q6_K", 256, sizeof(as_block_q6_k), AS_Q6_K},
    [15] = {"Q8_K", 256, 292, AS_OTHER},
    [16] = {"IQ2_XXS", 256, 66, AS_OTHER},
    [17] = {"IQ2_XS", 256, 74, AS_OTHER},
    [18] = {"IQ3_XXS", 256, 98, AS_OTHER},
    [19] = {"IQ1_S", 256, 50, AS_OTHER},
    [20] = {"IQ4_NL", 32, 18, AS_OTHER},
    [21] = {"IQ3_S", 256, 110, AS_OTHER},
    [22] = {"IQ2_S", 256, 82, AS_OTHER},
    [23] = {"IQ4_XS", 256, 136, AS_OTHER},
    [24] = {"I8", 1, 1, AS_OTHER},
    [25] = {"I16", 1, 2, AS_OTHER},
    [26] = {"I32", 1, 4, AS_OTHER},
    [27] = {"I64", 1, 8, AS_OTHER},
    [28] = {"F64", 1, 8, AS_OTHER},
    [29] = {"IQ1_M", 256, 56, AS_OTHER},
    [30] = {"BF16", 1, 2, AS_BF16},
    [34] = {"TQ1_0", 256, 54, AS_OTHER},
    [35] = {"TQ2_0", 256, 66, AS_OTHER},
    [39] = {"MXFP4", 32, 17, AS_OTHER},
};
enum { N_TYPES = sizeof types / sizeof types[0] };

typedef struct {
    as_gguf *g;
    const unsigned char *bytes;
    size_t size, at;
    as_error *err;
} reader;

static size_t left(const reader *r)
{
    return r->size - r->at;
}

/* ---- pieces ---- */

/* `n` bytes of which the file has enough; NULL otherwise, with what they were to be. */
static const unsigned char *take(reader *r, size_t n, const char *what)
{
    if (n > left(r)) {
        (void)as_fail(r->err, AS_EFORMAT, "byte %zu: %s (found %zu bytes left, expected %zu)",
                      r->at, what, left(r), n);
        return NULL;
    }
    r->at += n;
    return r->bytes + r->at - n;
}

static bool read_u32(reader *r, const char *what, uint32_t *out)
{
    const unsigned char *p = take(r, 4, what);
    if (p) *out = as_gguf_load_u32(p);
    return p != NULL;
}

static bool read_u64(reader *r, const char *what, uint64_t *out)
{
    const unsigned char *p = take(r, 8, what);
    if (p) *out = as_gguf_load_u64(p);
    return p != NULL;
}

/* A count of things of at least `least` bytes each. */
static bool read_count(reader *r, const char *what, size_t least, size_t *out)
{
    uint64_t n;
    size_t at = r->at;
    if (!read_u64(r, what, &n)) return false;
    if (n > left(r) / least)
        return as_fail(r->err, AS_EFORMAT,
                       "byte %zu: %s (found %llu, expected at most %zu in the %zu bytes left)", at,
                       what, (unsigned long long)n, left(r) / least, left(r));
    *out = (size_t)n;
    return true;
}

/* u64 length, bytes. */
static bool read_text(reader *r, const char *what, const char **text, size_t *size)
{
    if (!read_count(r, what, 1, size)) return false;
    *text = (const char *)take(r, *size, what);
    return *text != NULL;
}

/* A key or a tensor's name: UTF-8 without NUL, at most `most` bytes. */
static bool read_name(reader *r, const char *what, size_t most, const char **text, size_t *size)
{
    size_t at = r->at, bad;
    if (!read_text(r, what, text, size)) return false;
    if (*size > most)
        return as_fail(r->err, AS_EFORMAT, "byte %zu: %s (found %zu bytes, expected at most %zu)",
                       at, what, *size, most);
    if (memchr(*text, '\0', *size))
        return as_fail(r->err, AS_EFORMAT, "byte %zu: %s (found a NUL in it, expected none)", at,
                       what);
    if (!as_utf8_valid(*text, *size, &bad))
        return as_fail(r->err, AS_EFORMAT, "byte %zu: %s (found invalid UTF-8, expected text)",
                       at + 8 + bad, what);
    return true;
}

/* ---- metadata ---- */

static bool read_type(reader *r, const char *what, as_gguf_type *out)
{
    uint32_t type;
    size_t at = r->at;
    if (!read_u32(r, what, &type)) return false;
    if (type >= AS_GGUF_N_TYPES)
        return as_fail(r->err, AS_EFORMAT, "byte %zu: %s (found %u, expected 0 to %d)", at, what,
                       (unsigned)type, AS_GGUF_N_TYPES - 1);
    *out = (as_gguf_type)type;
    return true;
}

static bool check_bools(reader *r, const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] <= 1) continue;
        return as_fail(r->err, AS_EFORMAT, "byte %zu: bool (found %u, expected 0 or 1)",
                       (size_t)(p - r->bytes) + i, (unsigned)p[i]);
    }
    return true;
}

static bool read_texts(reader *r, as_gguf_array *a)
{
    size_t start = r->at, size;
    const char *text;
    size_t *begin = as_arena_push(r->g->arena, a->n, sizeof *begin, r->err);
    if (!begin) return false;
    for (size_t i = 0; i < a->n; i++) {
        begin[i] = r->at - start;
        if (!read_text(r, "text", &text, &size)) return false;
    }
    a->text = begin;
    return true;
}

static bool read_array(reader *r, as_gguf_array *a)
{
    size_t at = r->at;
    if (!read_type(r, "element type", &a->type)) return false;
    if (a->type == AS_GGUF_ARRAY)
        return as_fail(r->err, AS_EFORMAT,
                       "byte %zu: element type (found an array in an array, expected values)", at);
    size_t unit = a->type == AS_GGUF_TEXT ? 8 : as_gguf_type_size(a->type);
    if (!read_count(r, "array length", unit, &a->n)) return false;
    a->data = r->bytes + r->at;
    if (a->type == AS_GGUF_TEXT) return read_texts(r, a);
    if (!take(r, a->n * unit, "array"))
        return false; /* fits: the count was held against the rest */
    return a->type != AS_GGUF_BOOL || check_bools(r, a->data, a->n);
}

static bool read_value(reader *r, as_gguf_entry *e)
{
    const char *text;
    if (!read_type(r, "value type", &e->type)) return false;
    if (e->type == AS_GGUF_ARRAY) return read_array(r, &e->array);
    if (e->type == AS_GGUF_TEXT) {
        if (!read_text(r, "text", &text, &e->size)) return false;
        e->value = (const unsigned char *)text;
        return true;
    }
    e->value = take(r, as_gguf_type_size(e->type), "value");
    return e->value && (e->type != AS_GGUF_BOOL || check_bools(r, e->value, 1));
}

static bool read_entry(reader *r, as_gguf_entry *e)
{
    char shown[AS_ESCAPE_SIZE];
    if (!read_name(r, "key", AS_GGUF_MAX_KEY, &e->key, &e->key_size)) return false;
    if (read_value(r, e)) return true;
    as_error_at(r->err, "key \"%s\"", as_escape(e->key, e->key_size, shown));
    return false;
}

static int compare_entries(const void *a, const void *b)
{
    const as_gguf_entry *x = a, *y = b;
    return as_gguf_compare_keys(x->key, x->key_size, y->key, y->key_size);
}

static bool read_metadata(reader *r, size_t n)
{
    as_gguf *g = r->g;
    char shown[AS_ESCAPE_SIZE];
    g->entry = as_arena_push(g->arena, n, sizeof *g->entry, r->err);
    if (!g->entry) return false;
    for (g->n_entries = 0; g->n_entries < n; g->n_entries++) {
        if (!read_entry(r, &g->entry[g->n_entries])) return false;
    }
    if (n > 0) qsort(g->entry, n, sizeof *g->entry, compare_entries);
    for (size_t i = 1; i < n; i++) {
        const as_gguf_entry *e = &g->entry[i];
        if (compare_entries(e - 1, e) != 0) continue;
        return as_fail(r->err, AS_EFORMAT, "key \"%s\" (found twice, expected once)",
                       as_escape(e->key, e->key_size, shown));
    }
    return true;
}

static bool find_alignment(reader *r, size_t *out)
{
    static const char key[] = "general.alignment";
    const as_gguf_entry *e = as_gguf_find(r->g, key);
    *out = DEFAULT_ALIGNMENT;
    if (!e) return true;
    if (e->type != AS_GGUF_U32)
        return as_fail(r->err, AS_EFORMAT, "key \"%s\": value (found %s, expected u32)", key,
                       as_gguf_type_name(e->type));
    uint32_t n = as_gguf_load_u32(e->value);
    *out = n;
    if (n > 0 && n <= AS_GGUF_MAX_ALIGNMENT && (n & (n - 1)) == 0) return true;
    return as_fail(r->err, AS_EFORMAT,
                   "key \"%s\": value (found %u, expected a power of two of at most %u)", key,
                   (unsigned)n, (unsigned)AS_GGUF_MAX_ALIGNMENT);
}

/* ---- tensors ---- */

/* Dimensions, turned into C order, and the number of bytes. */
static bool read_shape(reader *r, as_tensor *t)
{
    uint32_t n_dims;
    uint64_t dim;
    size_t at = r->at, count = 1;
    if (!read_u32(r, "dimensions", &n_dims)) return false;
    if (n_dims > MAX_DIMS)
        return as_fail(r->err, AS_EFORMAT, "byte %zu: dimensions (found %u, expected at most %d)",
                       at, (unsigned)n_dims, MAX_DIMS);
    t->n_dims = n_dims;
    for (size_t i = 0; i < n_dims; i++) {
        at = r->at;
        if (!read_u64(r, "dimension", &dim)) return false;
        if (dim > INT64_MAX || (dim > 0 && count > (size_t)INT64_MAX / dim))
            return as_fail(r->err, AS_ELIMIT,
                           "byte %zu: dimension (found %llu, expected a product below 2^63)", at,
                           (unsigned long long)dim);
        t->dim[n_dims - 1 - i] = (size_t)dim;
        count *= (size_t)dim;
    }
    return true;
}

static bool read_tensor_type(reader *r, as_tensor *t)
{
    uint32_t number;
    size_t at = r->at, row = t->n_dims ? t->dim[t->n_dims - 1] : 1;
    if (!read_u32(r, "type", &number)) return false;
    if (number >= N_TYPES || !types[number].name)
        return as_fail(r->err, AS_EFORMAT,
                       "byte %zu: type (found %u, expected a type that ggml has today)", at,
                       (unsigned)number);
    const type_row *type = &types[number];
    t->dtype = type->dtype;
    t->type = type->name;
    if (row % type->block != 0)
        return as_fail(r->err, AS_EFORMAT,
                       "byte %zu: row (found %zu elements, expected a multiple of %zu for %s)", at,
                       row, type->block, type->name);
    size_t blocks = as_tensor_count(t) / type->block;
    if (as_size_mul(blocks, type->bytes, &t->bytes, r->err)) return true;
    as_error_at(r->err, "byte %zu", at);
    return false;
}

/* Offsets count from the data's start, which is not known yet: *offset keeps it. */
static bool read_tensor(reader *r, as_tensor *t, uint64_t *offset)
{
    char shown[AS_ESCAPE_SIZE];
    const char *name;
    size_t size;
    if (!read_name(r, "tensor name", AS_GGUF_MAX_NAME, &name, &size)) return false;
    t->name = as_arena_copy(r->g->arena, name, size, r->err);
    t->file = r->g->file;
    if (!t->name) return false;
    if (read_shape(r, t) && read_tensor_type(r, t) && read_u64(r, "offset", offset)) return true;
    as_error_at(r->err, "tensor \"%s\"", as_escape(name, size, shown));
    return false;
}

static bool place(const reader *r, as_tensor *t, uint64_t offset, size_t start, size_t alignment)
{
    char shown[AS_ESCAPE_SIZE];
    size_t room = r->size > start ? r->size - start : 0;
    bool ok;
    if (offset % alignment != 0)
        ok = as_fail(r->err, AS_EFORMAT, "offset (found %llu, expected a multiple of %zu)",
                     (unsigned long long)offset, alignment);
    else if (t->bytes > room || offset > room - t->bytes)
        ok = as_fail(r->err, AS_EFORMAT,
                     "offset (found %zu bytes at %llu, expected them within the %zu bytes of data)",
                     t->bytes, (unsigned long long)offset, room);
    else
        ok = true;
    if (!ok) as_error_at(r->err, "tensor \"%s\"", as_escape(t->name, strlen(t->name), shown));
    if (ok) t->data = r->bytes + (r->size > start ? start : r->size) + offset;
    return ok;
}

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

static bool check_overlap(const reader *r)
{
    const as_gguf *g = r->g;
    char shown[AS_ESCAPE_SIZE], before[AS_ESCAPE_SIZE];
    bool ok = true;
    const as_tensor **order = as_new(g->n, sizeof *order, r->err);
    if (!order) return false;
    for (size_t i = 0; i < g->n; i++) order[i] = &g->tensor[i];
    if (g->n > 0) qsort(order, g->n, sizeof(*order), compare_places);
    for (size_t i = 1; ok && i < g->n; i++) {
        const as_tensor *a = order[i - 1], *b = order[i];
        if ((uintptr_t)a->data + a->bytes <= (uintptr_t)b->data) continue;
        ok = as_fail(r->err, AS_EFORMAT,
                     "tensor \"%s\": offset (found an overlap with \"%s\", expected none)",
                     as_escape(b->name, strlen(b->name), shown),
                     as_escape(a->name, strlen(a->name), before));
    }
    free(order);
    return ok;
}

static bool check_names(const reader *r)
{
    as_gguf *g = r->g;
    char shown[AS_ESCAPE_SIZE];
    if (g->n > 0) qsort(g->tensor, g->n, sizeof *g->tensor, compare_names);
    for (size_t i = 1; i < g->n; i++) {
        if (compare_names(&g->tensor[i - 1], &g->tensor[i]) != 0) continue;
        return as_fail(r->err, AS_EFORMAT, "tensor \"%s\": name (found twice, expected once)",
                       as_escape(g->tensor[i].name, strlen(g->tensor[i].name), shown));
    }
    return true;
}

static bool read_tensors(reader *r, size_t n)
{
    as_gguf *g = r->g;
    size_t alignment, start;
    bool ok = false;
    uint64_t *offset = NULL;
    if (!find_alignment(r, &alignment)) return false;
    if (n > left(r) / LEAST_TENSOR)
        return as_fail(
            r->err, AS_EFORMAT,
            "byte 8: tensor count (found %zu, expected at most %zu in the %zu bytes after "
            "the metadata)",
            n, left(r) / LEAST_TENSOR, left(r));
    g->tensor = as_arena_push(g->arena, n, sizeof *g->tensor, r->err);
    offset = as_new(n, sizeof *offset, r->err);
    if (!g->tensor || !offset) goto out;
    for (; g->n < n; g->n++) {
        if (!read_tensor(r, &g->tensor[g->n], &offset[g->n])) goto out;
    }
    if (!as_size_add(r->at, alignment - 1, &start, r->err)) goto out;
    start -= start % alignment;
    for (size_t i = 0; i < n; i++) {
        if (!place(r, &g->tensor[i], offset[i], start, alignment)) goto out;
    }
    ok = check_overlap(r) && check_names(r);
out:
    free(offset);
    return ok;
}

/* ---- opening ---- */

static bool check_version(reader *r)
{
    uint32_t version;
    const unsigned char *magic = take(r, 4, "magic");
    char shown[AS_ESCAPE_SIZE];
    if (!magic) return false;
    if (memcmp(magic, "GGUF", 4) != 0)
        return as_fail(r->err, AS_EFORMAT, "byte 0: magic (found \"%s\", expected \"GGUF\")",
                       as_escape((const char *)magic, 4, shown));
    if (!read_u32(r, "version", &version)) return false;
    if (version == 2 || version == 3) return true;
    if (version == 2u << 24 || version == 3u << 24)
        return as_fail(r->err, AS_EFORMAT,
                       "byte 4: version (found %u with its bytes turned round: a big-endian file, "
                       "expected little-endian)",
                       (unsigned)(version >> 24));
    return as_fail(r->err, AS_EFORMAT, "byte 4: version (found %u, expected 2 or 3)",
                   (unsigned)version);
}

static bool read_all(reader *r)
{
    size_t n_tensors, n_entries;
    return check_version(r) && read_count(r, "tensor count", LEAST_TENSOR, &n_tensors) &&
           read_count(r, "metadata count", LEAST_ENTRY, &n_entries) &&
           read_metadata(r, n_entries) && read_tensors(r, n_tensors);
}

as_gguf *as_gguf_over(const char *name, const void *bytes, size_t size, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    (void)as_escape(name, strlen(name), shown);
    reader r = {.bytes = bytes, .size = size, .err = err};
    r.g = as_new(1, sizeof *r.g, err);
    if (r.g && (r.g->arena = as_arena_new(err)) &&
        (r.g->file = as_arena_text(r.g->arena, shown, err)) && read_all(&r))
        return r.g;
    as_gguf_close(r.g);
    as_error_at(err, "%s", shown);
    return NULL;
}

as_gguf *as_gguf_open(const char *path, as_error *err)
{
    as_map *map = as_map_open(path, err);
    if (!map) return NULL;
    as_gguf *g = as_gguf_over(path, as_map_bytes(map), as_map_size(map), err);
    if (g)
        g->map = map;
    else
        as_map_close(map);
    return g;
}

void as_gguf_close(as_gguf *g)
{
    if (!g) return;
    as_arena_free(g->arena);
    as_map_close(g->map);
    free(g);
}

size_t as_gguf_count(const as_gguf *g)
{
    return g->n;
}

const as_tensor *as_gguf_at(const as_gguf *g, size_t i)
{
    AS_CHECK(i < g->n);
    return &g->tensor[i];
}

const char *as_gguf_name(const as_gguf *g)
{
    return g->file;
}
