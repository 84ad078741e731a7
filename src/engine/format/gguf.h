/* GGUF, versions 2 and 3, little-endian: typed metadata and tensors in one file
 * (github.com/ggml-org/ggml, docs/gguf.md). Reader and a small writer; the common face of the
 * tensors is tensors.h. What is refused, with the messages: docs/formats.md. */
#ifndef AS_ENGINE_FORMAT_GGUF_H
#define AS_ENGINE_FORMAT_GGUF_H

#include "base/map.h"
#include "engine/format/tensors.h"

#define AS_GGUF_MAX_KEY ((size_t)65535) /* bytes of a metadata key */
#define AS_GGUF_MAX_NAME ((size_t)63)   /* bytes of a tensor name */
#define AS_GGUF_MAX_ALIGNMENT ((uint32_t)65536)

typedef enum {
    AS_GGUF_U8,
    AS_GGUF_I8,
    AS_GGUF_U16,
    AS_GGUF_I16,
    AS_GGUF_U32,
    AS_GGUF_I32,
    AS_GGUF_F32,
    AS_GGUF_BOOL,
    AS_GGUF_TEXT,
    AS_GGUF_ARRAY,
    AS_GGUF_U64,
    AS_GGUF_I64,
    AS_GGUF_F64
} as_gguf_type;
const char *as_gguf_type_name(as_gguf_type t); /* "u32", "text" */

typedef struct as_gguf as_gguf;

/* Checks all of the metadata and every tensor's place. Errors: "FILE: WHERE: WHAT". */
AS_MUST_CHECK as_gguf *as_gguf_open(const char *path, as_error *err);
/* Bytes in memory, borrowed until close; name is for messages. */
AS_MUST_CHECK as_gguf *as_gguf_over(const char *name, const void *bytes, size_t size,
                                    as_error *err);
void as_gguf_close(as_gguf *g); /* accepts NULL */

size_t as_gguf_count(const as_gguf *g);
const as_tensor *as_gguf_at(const as_gguf *g, size_t i); /* in order of names; borrowed */
const char *as_gguf_name(const as_gguf *g);              /* the file, escaped */

/* ---- metadata ---- */

bool as_gguf_has(const as_gguf *g, const char *key);

/* The value under key, which must be there with exactly this type; messages give what was found.
 * Text is borrowed until close, not terminated, any bytes. */
AS_MUST_CHECK bool as_gguf_u32(const as_gguf *g, const char *key, uint32_t *out, as_error *err);
AS_MUST_CHECK bool as_gguf_f32(const as_gguf *g, const char *key, float *out, as_error *err);
AS_MUST_CHECK bool as_gguf_bool(const as_gguf *g, const char *key, bool *out, as_error *err);
AS_MUST_CHECK bool as_gguf_text(const as_gguf *g, const char *key, const char **text, size_t *size,
                                as_error *err);

/* Elements of one type; never an array. Borrowed until close. */
typedef struct {
    as_gguf_type type;
    size_t n;
    const unsigned char *data; /* at any alignment; elements, or the texts with their lengths */
    const size_t *text;        /* AS_GGUF_TEXT: where each begins in data */
} as_gguf_array;

/* The array under key, which must have this element type and, unless n is AS_GGUF_ANY, n elements.
 * Is there an array at all? as_gguf_is_array (some keys hold one value or one a layer). */
#define AS_GGUF_ANY ((size_t)-1)
AS_MUST_CHECK bool as_gguf_array_of(const as_gguf *g, const char *key, as_gguf_type type, size_t n,
                                    as_gguf_array *out, as_error *err);
bool as_gguf_is_array(const as_gguf *g, const char *key);

/* Element i < n of an array of that very type. */
uint32_t as_gguf_array_u32(const as_gguf_array *a, size_t i);
int32_t as_gguf_array_i32(const as_gguf_array *a, size_t i);
float as_gguf_array_f32(const as_gguf_array *a, size_t i);
bool as_gguf_array_bool(const as_gguf_array *a, size_t i);
const char *as_gguf_array_text(const as_gguf_array *a, size_t i, size_t *size);

/* ---- writing ---- */

/* Metadata to write, in the order it is put. Failures of memory are kept until as_gguf_write. */
typedef struct {
    as_buf bytes;
    uint64_t n;
} as_gguf_out;

void as_gguf_put_u32(as_gguf_out *o, const char *key, uint32_t x);
void as_gguf_put_f32(as_gguf_out *o, const char *key, float x);
void as_gguf_put_bool(as_gguf_out *o, const char *key, bool x);
void as_gguf_put_text(as_gguf_out *o, const char *key, const char *text, size_t size);
/* Arrays of n elements in memory: type is U32, I32, F32 or BOOL (as bytes 0 and 1). */
void as_gguf_put_array(as_gguf_out *o, const char *key, as_gguf_type type, const void *x, size_t n);
/* n texts, each terminated. */
void as_gguf_put_texts(as_gguf_out *o, const char *key, const char *const *texts, size_t n);
void as_gguf_out_clear(as_gguf_out *o);

/* Replaces path by a version 3 file: this metadata, then n tensors of types F32, F16, BF16, Q8_0
 * and Q4_0 with at most four dimensions, in the order given, aligned to 32 bytes. */
AS_MUST_CHECK bool as_gguf_write(const char *path, const as_gguf_out *metadata,
                                 const as_tensor_source *tensors, size_t n, as_error *err);

#endif
