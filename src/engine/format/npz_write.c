/* .npz, writing: NPY 1.0 members of float, double and int64_t, byte for byte the same each time. */
#include <stdlib.h>
#include <string.h>

#include "base/zip.h"
#include "engine/format/npz.h"

enum { PREFIX = 10, ALIGN = 64 }; /* bytes before the header text; of header and prefix */

/* The header numpy would write, blanks up to a multiple of 64 bytes. */
static void put_header(as_buf *out, const as_npz_array *a)
{
    as_buf text = {0};
    as_buf_printf(&text, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                  as_npz_type_name(a->type));
    for (size_t k = 0; k < a->n_dims; k++) as_buf_printf(&text, k ? ", %zu" : "%zu", a->dim[k]);
    as_buf_puts(&text, a->n_dims == 1 ? ",), }" : "), }");
    while ((PREFIX + text.size + 1) % ALIGN != 0 && !text.failed) as_buf_puts(&text, " ");
    as_buf_puts(&text, "\n");
    const char prefix[PREFIX] = {
        '\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, (char)(text.size & 255), (char)(text.size >> 8)};
    as_buf_add(out, prefix, sizeof prefix);
    as_buf_add(out, as_buf_text(&text), text.size);
    out->failed |= text.failed;
    as_buf_clear(&text);
}

/* Elements of 4 or 8 bytes, least significant byte first on every machine. */
static void put_data(as_buf *out, const void *data, size_t count, size_t size)
{
    unsigned char piece[4096];
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t raw = 0;
        uint32_t low;
        if (size == 8) {
            memcpy(&raw, (const unsigned char *)data + 8 * i, 8);
        } else {
            memcpy(&low, (const unsigned char *)data + 4 * i, 4);
            raw = low;
        }
        for (size_t b = 0; b < size; b++) piece[used++] = (unsigned char)(raw >> 8 * b);
        if (used == sizeof piece || i + 1 == count) {
            as_buf_add(out, piece, used);
            used = 0;
        }
    }
}

static bool put_array(as_buf *out, const as_npz_source *s, as_error *err)
{
    const as_npz_array *a = &s->array;
    size_t count = 1;
    AS_CHECK(a->type == AS_NPZ_F4 || a->type == AS_NPZ_F8 || a->type == AS_NPZ_I8);
    AS_CHECK(a->n_dims <= AS_NPZ_MAX_DIMS);
    for (size_t k = 0; k < a->n_dims; k++)
        if (!as_size_mul(count, a->dim[k], &count, err)) return false;
    put_header(out, a);
    put_data(out, s->data, count, as_npz_type_size(a->type));
    return as_buf_ok(out, err);
}

bool as_npz_write(const char *path, const as_npz_source *arrays, size_t n, as_error *err)
{
    bool ok = false;
    as_zip_member *members = NULL;
    as_buf *name = NULL, *data = as_new(n, sizeof *data, err);
    if (!data) return false;
    name = as_new(n, sizeof *name, err);
    if (!name) goto out;
    members = as_new(n, sizeof *members, err);
    if (!members) goto out;
    for (size_t i = 0; i < n; i++) {
        as_buf_printf(&name[i], "%s.npy", arrays[i].array.name);
        if (!as_buf_ok(&name[i], err) || !put_array(&data[i], &arrays[i], err)) goto out;
        members[i] = (as_zip_member){name[i].data, data[i].data, data[i].size};
    }
    ok = as_zip_write(path, members, n, err);
out:
    for (size_t i = 0; i < n; i++) {
        as_buf_clear(&data[i]);
        if (name) as_buf_clear(&name[i]);
    }
    free(members);
    free(name);
    free(data);
    return ok;
}
