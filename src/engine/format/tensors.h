/* Named tensors in checkpoint files, whatever the format: the common face of safetensors.h and
 * gguf.h. Files are mapped, checked whole when opened, and never trusted; tensor bytes are not
 * copied. Nothing here interprets a name, except that the pieces of one bitsandbytes NF4 weight
 * appear as that weight. */
#ifndef AS_ENGINE_FORMAT_TENSORS_H
#define AS_ENGINE_FORMAT_TENSORS_H

#include "base/hash.h"
#include "base/pool.h"
#include "engine/tensor/quant.h"

#define AS_TENSOR_DIMS 8 /* dimensions a tensor may have */

typedef struct {
    const char *name; /* UTF-8 without NUL; escape it before it goes into a message */
    as_dtype dtype;
    const char *type; /* the file's word for it: "BF16", "Q4_K"; "I64" where dtype is AS_OTHER */
    size_t n_dims;    /* 0: a single element */
    size_t dim[AS_TENSOR_DIMS]; /* C order: the last one is contiguous, in GGUF files too */
    const void *data;           /* at any alignment; for as_dequantise */
    size_t bytes;
    const as_nf4 *nf4; /* beside data; NULL unless dtype is AS_NF4 */
    const char *file;  /* which file, escaped, for messages */
} as_tensor;

size_t as_tensor_count(const as_tensor *t); /* elements: product of dim */

/* Fails with "FILE: tensor "NAME": shape (found 8x1024, expected 8x896)". */
AS_MUST_CHECK bool as_tensor_shape_is(const as_tensor *t, size_t n_dims, const size_t *dim,
                                      as_error *err);

/* One format: a row of formats[]. */
typedef struct as_tensors as_tensors;
typedef struct {
    const char *name, *summary;
    const char *suffix; /* of file names, decides first */
    /* Could these be the first bytes of a file of this format? */
    bool (*probe)(const unsigned char *head, size_t size);
    /* Reads one file's header (bytes borrowed until close; name for messages) into t. */
    bool (*open)(as_tensors *t, const char *name, const void *bytes, size_t size, as_error *err);
} as_format;
/* All of them. */
const as_format *const *as_formats(size_t *n);

/* path: a model folder (model.safetensors.index.json and its shards, or else model.safetensors),
 * one .safetensors file, or one .gguf file. A folder with nothing but pickle files is refused.
 * Every header is checked: no name twice, also across shards; shards lie in the folder (or in the
 * blobs of the hub cache it belongs to). Values are not read. Used by any number of threads once it
 * is open. */
AS_MUST_CHECK as_tensors *as_tensors_open(const char *path, as_error *err);
/* One file in memory, borrowed until close; its format by its first bytes. */
AS_MUST_CHECK as_tensors *as_tensors_over(const char *name, const void *bytes, size_t size,
                                          as_error *err);
void as_tensors_close(as_tensors *t); /* accepts NULL */

/* Fails (AS_ESTATE) when a path no longer leads to its file as it was opened (base/map.h). */
AS_MUST_CHECK bool as_tensors_check(const as_tensors *t, as_error *err);

size_t as_tensors_count(const as_tensors *t);
const as_tensor *as_tensors_at(const as_tensors *t, size_t i); /* in order of names, by bytes */
const as_tensor *as_tensors_find(const as_tensors *t, const char *name); /* NULL: none */
/* The same, failing with the file and the nearest name; also for a type that nothing here reads. */
AS_MUST_CHECK const as_tensor *as_tensors_need(const as_tensors *t, const char *name,
                                               as_error *err);

/* The file opened, escaped: the index of a sharded model, else the file. */
const char *as_tensors_name(const as_tensors *t);
/* What a user should be told about tensors that were left out (a shard holds some that the index
 * does not list); NULL: nothing. */
const char *as_tensors_note(const as_tensors *t);
/* An entry of the first safetensors file's metadata; NULL: none. */
const char *as_tensors_metadata(const as_tensors *t, const char *key);
/* The metadata of a GGUF file; NULL for other formats. */
struct as_gguf;
const struct as_gguf *as_tensors_gguf(const as_tensors *t);

/* Values that are not finite. For block types the scales are looked at, each counting once, and
 * `first` is the first element of its block; for NF4 the decoded absmax. */
typedef struct {
    size_t n_nan, n_inf;
    size_t first; /* flat index; defined when n_nan + n_inf > 0 */
} as_scan;
/* AS_U8 and AS_OTHER have none. pool may be NULL; the result is the same for any. */
as_scan as_tensors_scan(const as_tensor *t, as_pool *pool);

/* SHA-256 over all tensors as stored (the pieces of NF4 weights one by one), in order of names,
 * each as: name, NUL, type, NUL, dimensions in C order as decimal numbers each followed by a NUL,
 * the number of bytes as 64 bits little-endian, the bytes. So it does not depend on how a model is
 * cut into files, nor on metadata. */
AS_MUST_CHECK bool as_tensors_digest(const as_tensors *t, as_key out, as_error *err);
/* The same, remembered below the folder `cache` (made when it is missing; NULL: not remembered) for
 * files whose device, inode, size, mtime and ctime are those of last time. Neither a file that
 * changed less than a minute before it was opened is remembered, nor one that changed while it was
 * read. What stands in the cache is believed only when it is whole and this user's own; what cannot
 * be written there is not remembered. Before it is remembered, a file whose name behind all links
 * is blobs/ and 64 hex digits, as in the hub's cache, must have that SHA-256. */
AS_MUST_CHECK bool as_tensors_digest_in(const as_tensors *t, const char *cache, as_key out,
                                        as_error *err);

/* A tensor to write: bytes in memory, or made piece by piece. */
typedef struct {
    const char *name;
    as_dtype dtype;
    size_t n_dims, dim[AS_TENSOR_DIMS]; /* C order */
    const void *data;                   /* borrowed; NULL: ask make */
    /* Bytes [at, at + size) of the tensor into out; at and size are whole blocks. Pieces are asked
     * for in order. */
    bool (*make)(void *context, size_t at, void *out, size_t size, as_error *err);
    void *context;
} as_tensor_source;

#endif
