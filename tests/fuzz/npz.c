/* Any bytes are an error with a message, or arrays that read. */
#include <stdlib.h>
#include <string.h>

#include "engine/format/npz.h"
#include "replay.h"

enum { MOST = 1 << 20 }; /* elements read; more would only be slow */

static void read_one(as_npz *z, size_t i)
{
    as_error wide = {0}, narrow = {0}, whole = {0}, full = {0};
    as_npz_scan scan;
    const as_npz_array *a = as_npz_at(z, i);
    size_t product = 1;
    AS_CHECK(a->name && a->n_dims <= AS_NPZ_MAX_DIMS);
    for (size_t k = 0; k < a->n_dims; k++) product *= a->dim[k];
    AS_CHECK(product == a->count);
    if (a->count > MOST) return;
    void *out = as_new(a->count, 8, &full);
    AS_CHECK(out);
    AS_CHECK(as_npz_read_f64(z, i, out, a->count, &scan, &wide) == (wide.class_ == AS_OK));
    AS_CHECK(scan.n_nan + scan.n_inf <= a->count);
    AS_CHECK(scan.n_nan + scan.n_inf == 0 || scan.first < a->count);
    AS_CHECK(as_npz_read_f32(z, i, out, a->count, &scan, &narrow) == (narrow.class_ == AS_OK));
    AS_CHECK(as_npz_read_i64(z, i, out, a->count, &whole) == (whole.class_ == AS_OK));
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_error err = {0};
    as_npz *z = as_npz_over("fuzz", data, size, &err);
    if (!z) {
        AS_CHECK(err.class_ == AS_EFORMAT || err.class_ == AS_ELIMIT);
        AS_CHECK(err.where[0] && err.what[0] && as_utf8_valid(err.what, strlen(err.what), NULL));
        return 0;
    }
    AS_CHECK(err.class_ == AS_OK);
    for (size_t i = 0; i < as_npz_count(z); i++) read_one(z, i);
    as_npz_close(z);
    return 0;
}
