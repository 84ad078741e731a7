/* Shapes, and the scan of all values for NaN and infinity. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "engine/format/tensors_internal.h"

size_t as_tensor_count(const as_tensor *t)
{
    size_t n = 1;
    for (size_t i = 0; i < t->n_dims; i++) n *= t->dim[i]; /* fits: checked when opened */
    return n;
}

bool as_tensor_fail_at(as_error *err, const char *file, const char *name)
{
    char shown[AS_ESCAPE_SIZE];
    as_error_at(err, "%s: tensor \"%s\"", file, as_escape(name, strlen(name), shown));
    return false;
}

static const char *shape_text(as_buf *out, size_t n_dims, const size_t *dim)
{
    if (n_dims == 0) as_buf_puts(out, "a single element");
    for (size_t i = 0; i < n_dims; i++) as_buf_printf(out, i ? "x%zu" : "%zu", dim[i]);
    return as_buf_text(out);
}

bool as_tensor_shape_is(const as_tensor *t, size_t n_dims, const size_t *dim, as_error *err)
{
    as_buf found = {0}, expected = {0};
    bool same = t->n_dims == n_dims;
    for (size_t i = 0; same && i < n_dims; i++) same = t->dim[i] == dim[i];
    if (same) return true;
    (void)as_fail(err, AS_EFORMAT, "shape (found %s, expected %s)",
                  shape_text(&found, t->n_dims, t->dim), shape_text(&expected, n_dims, dim));
    as_buf_clear(&found);
    as_buf_clear(&expected);
    return as_tensor_fail_at(err, t->file, t->name);
}

/* ---- scan ---- */

/* Where a type keeps its floats: n of `width` bits from `offset` in every block. */
typedef struct {
    size_t offset, n;
    unsigned width;    /* bits; 0: the type has none */
    uint32_t exponent; /* all ones: NaN or infinity */
} float_row;
static const float_row floats[AS_N_DTYPES] = {
    [AS_F32] = {0, 1, 32, 0x7f800000},
    [AS_F16] = {0, 1, 16, 0x7c00},
    [AS_BF16] = {0, 1, 16, 0x7f80},
    [AS_Q8_0] = {offsetof(as_block_q8_0, d), 1, 16, 0x7c00},
    [AS_Q4_0] = {offsetof(as_block_q4_0, d), 1, 16, 0x7c00},
    [AS_Q4_K] = {offsetof(as_block_q4_k, d), 2, 16, 0x7c00},
    [AS_Q5_K] = {offsetof(as_block_q5_k, d), 2, 16, 0x7c00},
    [AS_Q6_K] = {offsetof(as_block_q6_k, d), 1, 16, 0x7c00},
};

enum { CHUNK = 1 << 16 }; /* blocks looked at by one task */

typedef struct {
    const unsigned char *data;
    size_t n_blocks, block, bytes; /* elements and bytes of a block */
    float_row row;
    atomic_size_t n_nan, n_inf, first;
} scan;

static uint32_t load(const unsigned char *p, unsigned width)
{
    uint16_t half;
    uint32_t whole;
    if (width == 32) {
        memcpy(&whole, p, sizeof whole);
        return whole;
    }
    memcpy(&half, p, sizeof half);
    return half;
}

/* Is there anything at all? The usual case, so in loops that a compiler can widen. */
static bool any_bad(const scan *s, const unsigned char *p, size_t n)
{
    size_t bad = 0;
    if (s->row.width == 32 && s->bytes == 4) {
        for (size_t i = 0; i < n; i++) bad += (load(p + 4 * i, 32) & 0x7f800000) == 0x7f800000;
        return bad > 0;
    }
    if (s->row.width == 16 && s->bytes == 2) {
        for (size_t i = 0; i < n; i++)
            bad += (load(p + 2 * i, 16) & s->row.exponent) == s->row.exponent;
        return bad > 0;
    }
    return true;
}

static void lower(atomic_size_t *first, size_t to)
{
    size_t now = atomic_load(first);
    while (to < now && !atomic_compare_exchange_weak(first, &now, to)) {
    }
}

static void scan_chunk(void *context, size_t task, size_t worker)
{
    scan *s = context;
    (void)worker;
    size_t start = task * CHUNK, n = s->n_blocks - start < CHUNK ? s->n_blocks - start : CHUNK;
    const unsigned char *p = s->data + start * s->bytes;
    if (!any_bad(s, p, n)) return;
    uint32_t mantissa = s->row.width == 32 ? 0x7fffff : s->row.exponent == 0x7c00 ? 0x3ff : 0x7f;
    for (size_t i = 0; i < n; i++, p += s->bytes) {
        for (size_t k = 0; k < s->row.n; k++) {
            uint32_t u = load(p + s->row.offset + k * s->row.width / 8, s->row.width);
            if ((u & s->row.exponent) != s->row.exponent) continue;
            atomic_fetch_add(u & mantissa ? &s->n_nan : &s->n_inf, 1);
            lower(&s->first, (start + i) * s->block);
        }
    }
}

as_scan as_tensors_scan(const as_tensor *t, as_pool *pool)
{
    scan s = {.data = t->data, .row = floats[t->dtype]};
    if (t->dtype == AS_NF4) { /* its absmax, one a block */
        s.row = floats[AS_F32];
        s.data = (const unsigned char *)t->nf4->absmax;
        s.n_blocks = t->nf4->n_blocks;
        s.block = AS_NF4_BLOCK;
        s.bytes = sizeof(float);
    } else if (s.row.width) {
        s.block = as_dtype_block(t->dtype);
        s.bytes = as_dtype_block_bytes(t->dtype);
        s.n_blocks = t->bytes / s.bytes;
    }
    atomic_init(&s.first, SIZE_MAX);
    as_pool_run(pool, s.n_blocks / CHUNK + (s.n_blocks % CHUNK != 0), scan_chunk, &s);
    return (as_scan){atomic_load(&s.n_nan), atomic_load(&s.n_inf), atomic_load(&s.first)};
}
