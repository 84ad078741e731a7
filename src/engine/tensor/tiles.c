/* See tiles_internal.h. A block of rows of a stays in the first cache while the strips of b pass
 * by; strips' padding never reaches c. */
#include "engine/tensor/tiles_internal.h"

#include <string.h>

enum { AT_EDGE = AS_TURNED * (AS_STRETCH + AS_LANES) };

/* c (m, up to a strip) = or += a b. */
static void add_strip(const as_kernels *kernels, const as_tiles *t, float *c, size_t m,
                      const float *a, size_t lda, size_t strip, float *edge)
{
    const size_t width = as_strip_width(t->n, strip), first = strip * AS_STRIP;
    const size_t left = t->n - first;
    const bool is_cut = left < width;
    float *out = is_cut ? edge : c + first;
    const size_t ldo = is_cut ? AS_STRIP : t->ldc;
    c += first;
    for (size_t i = 0; i < m; i++) {
        if (t->is_first)
            memset(out + i * ldo, 0, width * sizeof *out);
        else if (is_cut)
            memcpy(out + i * ldo, c + i * t->ldc, left * sizeof *out);
    }
    kernels->tile(out, ldo, a, lda, t->b + first * t->k, width, m, width, t->k);
    for (size_t i = 0; is_cut && i < m; i++)
        memcpy(c + i * t->ldc, out + i * ldo, left * sizeof *out);
}

/* Rows [first, first + rows) of c; a begins with them. */
static void add_rows(const as_kernels *kernels, const as_tiles *t, size_t first, size_t rows,
                     const float *a, size_t lda, float *edge)
{
    const size_t strips = (t->n + AS_STRIP - 1) / AS_STRIP;
    for (size_t row = 0, left = (rows + AS_HEIGHT - 1) / AS_HEIGHT, m; left > 0; left--, row += m) {
        m = (rows - row + left - 1) / left;
        for (size_t s = 0; s < strips; s++)
            add_strip(kernels, t, t->c + (first + row) * t->ldc, m, a + row * lda, lda, s, edge);
    }
}

void as_tiles_add(const as_kernels *kernels, const as_tiles *t, float *room)
{
    if (!t->is_turned) {
        add_rows(kernels, t, 0, t->m, t->a, t->lda, room + AT_EDGE);
        return;
    }
    /* Rows that lie whole pages apart push each other out of the cache. */
    const size_t lda = (t->k + AS_LANES - 1) / AS_LANES * AS_LANES + AS_LANES;
    for (size_t row = 0, m; row < t->m; row += m) {
        m = t->m - row < AS_TURNED ? t->m - row : AS_TURNED;
        kernels->transpose(room, lda, t->a + row, t->lda, t->k, m);
        add_rows(kernels, t, row, m, room, lda, room + AT_EDGE);
    }
}
