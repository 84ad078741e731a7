/* Tensors on their way into a file: their size, and their bytes in pieces. */
#include "engine/format/source_internal.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE_BYTES = 1 << 20 };

bool as_source_bytes(const as_tensor_source *t, size_t *bytes, as_error *err)
{
    size_t block = as_dtype_block(t->dtype), count = 1;
    if (t->n_dims > AS_TENSOR_DIMS)
        return as_fail(err, AS_EUSAGE, "shape to write (found %zu dimensions, expected at most %d)",
                       t->n_dims, AS_TENSOR_DIMS);
    for (size_t i = 0; i < t->n_dims; i++) {
        if (!as_size_mul(count, t->dim[i], &count, err)) return false;
    }
    size_t row = t->n_dims ? t->dim[t->n_dims - 1] : 1;
    if (row % block != 0)
        return as_fail(err, AS_EUSAGE,
                       "shape to write (found rows of %zu, expected a multiple of %zu for %s)", row,
                       block, as_dtype_name(t->dtype));
    return as_size_mul(count / block, as_dtype_block_bytes(t->dtype), bytes, err);
}

bool as_source_put(const as_tensor_source *t, as_file_out *out, as_error *err)
{
    size_t bytes, piece = PIECE_BYTES - PIECE_BYTES % as_dtype_block_bytes(t->dtype);
    if (!as_source_bytes(t, &bytes, err)) return false;
    if (t->data) return as_file_put(out, t->data, bytes, err);
    unsigned char *room = as_new(bytes < piece ? bytes : piece, 1, err);
    bool ok = room != NULL;
    for (size_t at = 0; ok && at < bytes; at += piece) {
        size_t size = bytes - at < piece ? bytes - at : piece;
        ok = t->make(t->context, at, room, size, err) && as_file_put(out, room, size, err);
    }
    free(room);
    return ok;
}
