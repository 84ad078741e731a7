/* Writing safetensors: header and data go straight to the new file, one piece at a time. */
#include "engine/format/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "engine/format/source_internal.h"

typedef struct {
    const as_tensor_source **order;
    size_t n;
    const as_safetensors_pair *metadata;
    size_t n_metadata;
    as_buf header; /* with its length in front */
} writer;

static int compare_names(const void *a, const void *b)
{
    const as_tensor_source *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* Larger elements first, so that every tensor is aligned to its own. */
static int compare_places(const void *a, const void *b)
{
    const as_tensor_source *const *x = a, *const *y = b;
    size_t p = as_dtype_block_bytes((*x)->dtype), q = as_dtype_block_bytes((*y)->dtype);
    if (p != q) return p > q ? -1 : 1;
    return compare_names(a, b);
}

static bool check_source(const as_tensor_source *t, as_error *err)
{
    if (t->dtype != AS_F32 && t->dtype != AS_F16 && t->dtype != AS_BF16 && t->dtype != AS_U8)
        return as_fail(err, AS_EUSAGE, "type to write (found %s, expected F32, F16, BF16 or U8)",
                       as_dtype_name(t->dtype));
    if (strcmp(t->name, "__metadata__") == 0)
        return as_fail(err, AS_EUSAGE, "name to write (found the one of the metadata)");
    if (!as_utf8_valid(t->name, strlen(t->name), NULL))
        return as_fail(err, AS_EUSAGE, "name to write (found invalid UTF-8)");
    return true;
}

static bool put_in_order(writer *w, const as_tensor_source *tensors, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    w->order = as_new(w->n, sizeof *w->order, err);
    if (!w->order) return false;
    for (size_t i = 0; i < w->n; i++) w->order[i] = &tensors[i];
    if (w->n > 0) qsort(w->order, w->n, sizeof(*w->order), compare_names);
    for (size_t i = 0; i < w->n; i++) {
        const char *name = w->order[i]->name;
        size_t bytes;
        bool ok = check_source(w->order[i], err) && as_source_bytes(w->order[i], &bytes, err);
        if (ok && i > 0 && strcmp(name, w->order[i - 1]->name) == 0)
            ok = as_fail(err, AS_EUSAGE, "name to write (found twice, expected once)");
        if (ok) continue;
        as_error_at(err, "tensor \"%s\"", as_escape(name, strlen(name), shown));
        return false;
    }
    if (w->n > 0) qsort(w->order, w->n, sizeof(*w->order), compare_places);
    return true;
}

static bool put_text(as_buf *out, const char *text, as_error *err)
{
    json_t *value = json_string(text);
    if (!value)
        return as_utf8_valid(text, strlen(text), NULL)
                   ? as_fail(err, AS_EMEM, "out of memory")
                   : as_fail(err, AS_EUSAGE, "text to write (found invalid UTF-8)");
    as_json_write(out, value);
    json_decref(value);
    return true;
}

static bool make_header(writer *w, as_error *err)
{
    as_buf *b = &w->header;
    size_t at = 0, bytes;
    as_buf_add(b, "\0\0\0\0\0\0\0\0", 8);
    as_buf_puts(b, "{");
    for (size_t i = 0; i < w->n_metadata; i++) {
        as_buf_puts(b, i == 0 ? "\"__metadata__\":{" : ",");
        if (!put_text(b, w->metadata[i].key, err)) return false;
        as_buf_puts(b, ":");
        if (!put_text(b, w->metadata[i].value, err)) return false;
    }
    if (w->n_metadata > 0) as_buf_puts(b, w->n > 0 ? "}," : "}");
    for (size_t i = 0; i < w->n; i++) {
        const as_tensor_source *t = w->order[i];
        if (!as_source_bytes(t, &bytes, err)) return false;
        if (!put_text(b, t->name, err)) return false;
        as_buf_printf(b, ":{\"dtype\":\"%s\",\"shape\":[", as_dtype_name(t->dtype));
        for (size_t k = 0; k < t->n_dims; k++) as_buf_printf(b, k ? ",%zu" : "%zu", t->dim[k]);
        as_buf_printf(b, "],\"data_offsets\":[%zu,", at);
        if (!as_size_add(at, bytes, &at, err)) return false;
        as_buf_printf(b, "%zu]}%s", at, i + 1 < w->n ? "," : "");
    }
    as_buf_puts(b, "}");
    while (b->size % 8 != 0 && !b->failed) as_buf_puts(b, " ");
    if (!as_buf_ok(b, err)) return false;
    uint64_t length = b->size - 8;
    if (length > AS_SAFETENSORS_MAX_HEADER)
        return as_fail(err, AS_ELIMIT, "header to write (found %llu bytes, expected at most %llu)",
                       (unsigned long long)length, (unsigned long long)AS_SAFETENSORS_MAX_HEADER);
    for (size_t i = 0; i < 8; i++) b->data[i] = (char)(unsigned char)(length >> (8 * i));
    return true;
}

static bool fill(void *context, as_file_out *out, as_error *err)
{
    const writer *w = context;
    if (!as_file_put(out, w->header.data, w->header.size, err)) return false;
    for (size_t i = 0; i < w->n; i++) {
        if (!as_source_put(w->order[i], out, err)) return false;
    }
    return true;
}

bool as_safetensors_write(const char *path, const as_tensor_source *tensors, size_t n,
                          const as_safetensors_pair *metadata, size_t n_metadata, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    writer w = {.n = n, .metadata = metadata, .n_metadata = n_metadata};
    bool made = put_in_order(&w, tensors, err) && make_header(&w, err);
    if (!made) as_error_at(err, "%s", as_escape(path, strlen(path), shown));
    bool ok = made && as_file_replace_by(path, fill, &w, err);
    as_buf_clear(&w.header);
    free(w.order);
    return ok;
}
