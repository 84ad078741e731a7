/* Products with packed weights. A task is a few panels of one product. For few rows the panels are
 * read once and widened in registers. For many, a task widens a stretch of its panels' inputs into
 * its scratch and multiplies all rows with it, stretch after stretch. Either way every element adds
 * its products in the order of the inputs. */
#include "engine/tensor/linear.h"

#include <string.h>

#include "engine/tensor/linear_internal.h"
#include "engine/tensor/tiles_internal.h"

enum {
    GROUP = 4,     /* panels multiplied together, for few rows */
    GRAIN = 12,    /* panels of a task at most, for many rows */
    FEW_GRAIN = 64 /* and for few, when every start of a task waits for memory */
};

/* Where a worker keeps what it works on, in floats from the start of its scratch: for many rows the
 * rows multiplied and the widened stretch; for few whether x has been copied, the padded outputs,
 * and the copy. */
enum {
    AT_EDGE = 16,
    AT_X = AT_EDGE + 16 * AS_FEW,
    AT_ROOM = 16,
    AT_WIDE = AT_ROOM + AS_TILES_ROOM
};
_Static_assert(AT_WIDE % 16 == 0 && AT_WIDE + GRAIN * 16 * AS_STRETCH <= AS_SCRATCH, "scratch");

typedef struct {
    const as_exec *ex;
    const as_product *products;
    size_t n;
    const float *x;
    size_t ldx, rows, in, grain;
    bool is_few;
} job;

static size_t n_panels(const as_weight *w)
{
    return w->out / 16 + (w->out % 16 != 0);
}

static const char *panel_at(const as_weight *w, size_t panel)
{
    return (const char *)w->panels + panel * w->panel_bytes;
}

/* Panels multiplied together from panel i on: a group, or one. */
static size_t group_at(const as_weight *w, size_t i, size_t end)
{
    return i + GROUP <= end && 16 * (i + GROUP) <= w->out ? GROUP : 1;
}

/* ---- few rows ---- */

/* A block of rows, and the height the kernel takes it at: as_kernels.few. Blocks are cut as evenly
 * as the heights allow. */
typedef struct {
    size_t row, m, height;
} rows_block;

static rows_block block_at(const job *j, size_t row)
{
    size_t left = j->rows - row, blocks = (left + AS_FEW - 1) / AS_FEW;
    size_t height = (left + blocks - 1) / blocks;
    if (height > 2) height = (height + 3) / 4 * 4;
    return (rows_block){row, left < height ? left : height, height};
}

/* x input by input, a block of rows after the other. */
static void copy_x(const job *j, float *copy)
{
    for (rows_block b = {0}; b.row < j->rows; b.row += b.m, copy += b.height * j->in) {
        b = block_at(j, b.row);
        for (size_t k0 = 0; k0 < j->in; k0 += 16) {
            size_t n = j->in - k0 < 16 ? j->in - k0 : 16;
            for (size_t i = 0; i < b.m; i++) {
                const float *x = j->x + (b.row + i) * j->ldx + k0;
                for (size_t k = 0; k < n; k++) copy[(k0 + k) * b.height + i] = x[k];
            }
            for (size_t i = b.m; i < b.height; i++) {
                for (size_t k = 0; k < n; k++) copy[(k0 + k) * b.height + i] = 0;
            }
        }
    }
}

static void few_rows(const job *j, const as_product *p, float *scratch, size_t first, size_t end)
{
    const as_weight *w = p->w;
    const float *x = j->x;
    if (j->rows > 1) {
        if (scratch[0] == 0) copy_x(j, scratch + AT_X);
        scratch[0] = 1;
        x = scratch + AT_X;
    }
    for (size_t i = first, n; i < end; i += n) {
        n = j->rows <= 4 ? group_at(w, i, end) : 1;
        bool is_edge = 16 * (i + 1) > w->out;
        for (rows_block b = {0}; b.row < j->rows; b.row += b.m) {
            b = block_at(j, b.row);
            float *y = p->y + b.row * p->ldy + 16 * i;
            j->ex->kernels->few(w->type, is_edge ? scratch + AT_EDGE : y, is_edge ? 16 : p->ldy,
                                x + b.row * j->in, b.height, b.m, panel_at(w, i), w->panel_bytes, n,
                                j->in);
            for (size_t r = 0; is_edge && r < b.m; r++)
                memcpy(y + r * p->ldy, scratch + AT_EDGE + 16 * r, w->out % 16 * sizeof *y);
        }
    }
}

/* ---- many rows ---- */

static void many_rows(const job *j, const as_product *p, float *scratch, size_t first, size_t end)
{
    const as_weight *w = p->w;
    const size_t n = 16 * end < w->out ? 16 * (end - first) : w->out - 16 * first;
    as_tiles t = {.c = p->y + 16 * first, .ldc = p->ldy, .m = j->rows, .n = n, .lda = j->ldx};
    t.b = scratch + AT_WIDE;
    for (size_t k0 = 0; k0 < j->in; k0 += t.k) {
        t.k = j->in - k0 < AS_STRETCH ? j->in - k0 : AS_STRETCH;
        for (size_t i = 0; i < end - first; i++) {
            float *wide = scratch + AT_WIDE + i / 4 * AS_STRIP * t.k + i % 4 * 16;
            j->ex->kernels->widen[w->type](wide, as_strip_width(n, i / 4), panel_at(w, first + i),
                                           j->in, k0, t.k);
        }
        t.a = j->x + k0;
        t.is_first = k0 == 0;
        as_tiles_add(j->ex->kernels, &t, scratch + AT_ROOM);
    }
}

/* ---- sharing out ---- */

static void work(void *context, size_t task, size_t worker)
{
    const job *j = context;
    const as_product *p = j->products;
    for (size_t tasks; task >= (tasks = (n_panels(p->w) + j->grain - 1) / j->grain); p++)
        task -= tasks;
    size_t first = task * j->grain, end = first + j->grain;
    if (end > n_panels(p->w)) end = n_panels(p->w);
    float *scratch = as_exec_scratch(j->ex, worker);
    if (j->is_few)
        few_rows(j, p, scratch, first, end);
    else
        many_rows(j, p, scratch, first, end);
}

/* May x be copied whole, beside nothing else? */
static bool is_few(const job *j)
{
    if (j->rows > j->ex->kernels->few_rows) return false;
    return j->rows == 1 || (j->rows + 4) * (j->in + 1) <= AS_SCRATCH - AT_X;
}

void as_linear(const as_exec *ex, const as_product *products, size_t n, const float *x, size_t ldx,
               size_t rows)
{
    if (n == 0 || rows == 0) return;
    job j = {.ex = ex, .products = products, .n = n, .x = x, .ldx = ldx, .rows = rows};
    size_t panels = 0, tasks = 0;
    j.in = products[0].w->in;
    j.is_few = is_few(&j);
    for (size_t i = 0; i < n; i++) {
        AS_CHECK(products[i].w->in == j.in);
        panels += n_panels(products[i].w);
        for (size_t r = 0; j.in == 0 && r < rows; r++)
            memset(products[i].y + r * products[i].ldy, 0, products[i].w->out * sizeof(float));
    }
    if (j.in == 0) return;
    /* Four tasks for each thread, if that leaves whole groups. */
    j.grain = panels / (4 * as_pool_size(ex->pool)) / GROUP * GROUP;
    const size_t most = j.is_few ? FEW_GRAIN : GRAIN;
    j.grain = j.grain < GROUP ? GROUP : j.grain > most ? most : j.grain;
    for (size_t i = 0; i < n; i++) tasks += (n_panels(products[i].w) + j.grain - 1) / j.grain;
    for (size_t i = 0; i < as_pool_size(ex->pool); i++) as_exec_scratch(ex, i)[0] = 0;
    as_pool_run(ex->pool, tasks, work, &j);
}

void as_weight_row(const as_exec *ex, const as_weight *w, size_t o, float *out)
{
    enum { PIECE = 256 }; /* a multiple of every block */
    float wide[16 * PIECE];
    for (size_t k0 = 0; k0 < w->in; k0 += PIECE) {
        size_t k = w->in - k0 < PIECE ? w->in - k0 : PIECE;
        ex->kernels->widen[w->type](wide, 16, panel_at(w, o / 16), w->in, k0, k);
        for (size_t i = 0; i < k; i++) out[k0 + i] = wide[16 * i + o % 16];
    }
}
