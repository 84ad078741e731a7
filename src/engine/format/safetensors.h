/* safetensors: eight bytes of header length, a JSON header, the bytes of all tensors without holes
 * (github.com/huggingface/safetensors). Reader of one file and writer; the common face is
 * tensors.h. What is refused, with the messages: docs/formats.md. */
#ifndef AS_ENGINE_FORMAT_SAFETENSORS_H
#define AS_ENGINE_FORMAT_SAFETENSORS_H

#include "base/map.h"
#include "engine/format/tensors.h"

#define AS_SAFETENSORS_MAX_HEADER ((uint64_t)100000000) /* bytes */

typedef struct as_safetensors as_safetensors;

/* Checks the whole header against the file's size. Errors: "FILE: WHERE: WHAT". */
AS_MUST_CHECK as_safetensors *as_safetensors_open(const char *path, as_error *err);
/* Bytes in memory, borrowed until close; name is for messages. */
AS_MUST_CHECK as_safetensors *as_safetensors_over(const char *name, const void *bytes, size_t size,
                                                  as_error *err);
void as_safetensors_close(as_safetensors *s); /* accepts NULL */

size_t as_safetensors_count(const as_safetensors *s);
/* In order of names. Types that are not F32, F16, BF16 or U8 appear as AS_OTHER. Borrowed. */
const as_tensor *as_safetensors_at(const as_safetensors *s, size_t i);
/* The text under key in __metadata__; NULL: none. Borrowed. */
const char *as_safetensors_metadata(const as_safetensors *s, const char *key);

typedef struct {
    const char *key, *value;
} as_safetensors_pair;

/* Replaces path (base/file.h) by a file of n tensors of types F32, F16, BF16 and U8, larger
 * elements first, then by name; data starts at a multiple of 8. The same arguments give the same
 * bytes. */
AS_MUST_CHECK bool as_safetensors_write(const char *path, const as_tensor_source *tensors, size_t n,
                                        const as_safetensors_pair *metadata, size_t n_metadata,
                                        as_error *err);

#endif
