/* What the writers share: tensors on their way into a file. Never leaves the room. */
#ifndef AS_ENGINE_FORMAT_SOURCE_INTERNAL_H
#define AS_ENGINE_FORMAT_SOURCE_INTERNAL_H

#include "base/file.h"
#include "engine/format/tensors.h"

/* Bytes of the whole tensor; fails when its last dimension is no whole number of blocks, or it has
 * too many dimensions. */
AS_MUST_CHECK bool as_source_bytes(const as_tensor_source *t, size_t *bytes, as_error *err);

/* All of them into the file. */
AS_MUST_CHECK bool as_source_put(const as_tensor_source *t, as_file_out *out, as_error *err);

#endif
