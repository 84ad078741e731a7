/* Writing GGUF version 3: what tests and synthetic models need. */
#include <stdlib.h>
#include <string.h>

#include "engine/format/gguf_internal.h"
#include "engine/format/source_internal.h"

enum { ALIGNMENT = 32 };

/* ---- metadata ---- */

static void put_number(as_buf *b, uint64_t x, size_t bytes)
{
    unsigned char raw[8];
    for (size_t i = 0; i < bytes; i++) raw[i] = (unsigned char)(x >> (8 * i));
    as_buf_add(b, raw, bytes);
}

static void put_text(as_buf *b, const char *text, size_t size)
{
    put_number(b, size, 8);
    as_buf_add(b, text, size);
}

static void put_key(as_gguf_out *o, const char *key, as_gguf_type type)
{
    put_text(&o->bytes, key, strlen(key));
    put_number(&o->bytes, type, 4);
    o->n++;
}

void as_gguf_put_u32(as_gguf_out *o, const char *key, uint32_t x)
{
    put_key(o, key, AS_GGUF_U32);
    put_number(&o->bytes, x, 4);
}

void as_gguf_put_f32(as_gguf_out *o, const char *key, float x)
{
    put_key(o, key, AS_GGUF_F32);
    put_number(&o->bytes, as_f32_bits(x), 4);
}

void as_gguf_put_bool(as_gguf_out *o, const char *key, bool x)
{
    put_key(o, key, AS_GGUF_BOOL);
    put_number(&o->bytes, x, 1);
}

void as_gguf_put_text(as_gguf_out *o, const char *key, const char *text, size_t size)
{
    put_key(o, key, AS_GGUF_TEXT);
    put_text(&o->bytes, text, size);
}

static void put_array(as_gguf_out *o, const char *key, as_gguf_type type, size_t n)
{
    put_key(o, key, AS_GGUF_ARRAY);
    put_number(&o->bytes, type, 4);
    put_number(&o->bytes, n, 8);
}

void as_gguf_put_array(as_gguf_out *o, const char *key, as_gguf_type type, const void *x, size_t n)
{
    AS_CHECK(type == AS_GGUF_U32 || type == AS_GGUF_I32 || type == AS_GGUF_F32 ||
             type == AS_GGUF_BOOL);
    put_array(o, key, type, n);
    size_t unit = as_gguf_type_size(type);
    for (size_t i = 0; i < n; i++) {
        uint32_t raw = 0;
        if (type == AS_GGUF_BOOL)
            raw = ((const unsigned char *)x)[i] != 0;
        else
            memcpy(&raw, (const unsigned char *)x + i * unit, sizeof raw);
        put_number(&o->bytes, raw, unit);
    }
}

void as_gguf_put_texts(as_gguf_out *o, const char *key, const char *const *texts, size_t n)
{
    put_array(o, key, AS_GGUF_TEXT, n);
    for (size_t i = 0; i < n; i++) put_text(&o->bytes, texts[i], strlen(texts[i]));
}

void as_gguf_out_clear(as_gguf_out *o)
{
    as_buf_clear(&o->bytes);
    o->n = 0;
}

/* ---- the file ---- */

static bool type_number(as_dtype t, uint32_t *out)
{
    switch (t) {
    case AS_F32:
        *out = 0;
        return true;
    case AS_F16:
        *out = 1;
        return true;
    case AS_Q4_0:
        *out = 2;
        return true;
    case AS_Q8_0:
        *out = 8;
        return true;
    case AS_BF16:
        *out = 30;
        return true;
    default:
        return false;
    }
}

/* Appends one row of the tensor table; *at is where its data goes, and moves on. */
static bool put_row(as_buf *b, const as_tensor_source *t, size_t *at, as_error *err)
{
    uint32_t type = 0;
    size_t bytes, size = strlen(t->name);
    if (size > AS_GGUF_MAX_NAME)
        return as_fail(err, AS_EUSAGE, "name to write (found %zu bytes, expected at most %zu)",
                       size, AS_GGUF_MAX_NAME);
    if (t->n_dims > 4)
        return as_fail(err, AS_EUSAGE, "shape to write (found %zu dimensions, expected at most 4)",
                       t->n_dims);
    if (!type_number(t->dtype, &type))
        return as_fail(err, AS_EUSAGE,
                       "type to write (found %s, expected F32, F16, BF16, Q8_0 or Q4_0)",
                       as_dtype_name(t->dtype));
    if (!as_source_bytes(t, &bytes, err)) return false;
    put_text(b, t->name, size);
    put_number(b, t->n_dims, 4);
    for (size_t i = t->n_dims; i-- > 0;) put_number(b, t->dim[i], 8);
    put_number(b, type, 4);
    put_number(b, *at, 8);
    if (!as_size_add(*at, bytes, at, err)) return false;
    if (!as_size_add(*at, ALIGNMENT - 1, at, err)) return false;
    *at -= *at % ALIGNMENT;
    return true;
}

typedef struct {
    as_buf header;
    const as_tensor_source *tensors;
    size_t n;
} writer;

static bool put_padding(as_file_out *out, size_t written, as_error *err)
{
    static const char zeros[ALIGNMENT];
    size_t over = written % ALIGNMENT;
    return over == 0 || as_file_put(out, zeros, ALIGNMENT - over, err);
}

static bool fill(void *context, as_file_out *out, as_error *err)
{
    const writer *w = context;
    size_t bytes;
    if (!as_file_put(out, w->header.data, w->header.size, err)) return false;
    if (!put_padding(out, w->header.size, err)) return false;
    for (size_t i = 0; i < w->n; i++) {
        if (!as_source_bytes(&w->tensors[i], &bytes, err)) return false;
        if (!as_source_put(&w->tensors[i], out, err)) return false;
        if (!put_padding(out, bytes, err)) return false;
    }
    return true;
}

bool as_gguf_write(const char *path, const as_gguf_out *metadata, const as_tensor_source *tensors,
                   size_t n, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    bool ok = false;
    size_t at = 0;
    writer w = {.tensors = tensors, .n = n};
    if (!as_buf_ok(&metadata->bytes, err)) goto out;
    as_buf_puts(&w.header, "GGUF");
    put_number(&w.header, 3, 4);
    put_number(&w.header, n, 8);
    put_number(&w.header, metadata->n, 8);
    as_buf_add(&w.header, as_buf_text(&metadata->bytes), metadata->bytes.size);
    for (size_t i = 0; i < n; i++) {
        if (put_row(&w.header, &tensors[i], &at, err)) continue;
        as_error_at(err, "tensor \"%s\"",
                    as_escape(tensors[i].name, strlen(tensors[i].name), shown));
        goto out;
    }
    ok = as_buf_ok(&w.header, err);
out:
    if (!ok) as_error_at(err, "%s", as_escape(path, strlen(path), shown));
    ok = ok && as_file_replace_by(path, fill, &w, err);
    as_buf_clear(&w.header);
    return ok;
}
