/* Gradients of products with packed weights. A task is a few columns of dx, for all rows or, where
 * columns alone would leave threads idle, for some. Stretch of outputs after stretch it widens its
 * columns of the panels, turns them so that outputs follow each other, and multiplies its rows of
 * dy with them. */
#include <string.h>

#include "engine/tensor/linear.h"
#include "engine/tensor/linear_internal.h"
#include "engine/tensor/tiles_internal.h"

enum {
    UNIT = 64,      /* columns, at least; whole parts of every type */
    GRAIN = 3,      /* units of a task at most */
    LEAST_ROWS = 96 /* of a task, where there are more: widening must pay */
};

/* Where a worker keeps what it works on, in floats from the start of its scratch: one panel's
 * columns widened, the rows multiplied, and the turned stretch. */
enum { AT_ROOM = GRAIN * UNIT * 16, AT_TURNED = AT_ROOM + AS_TILES_ROOM };
_Static_assert(UNIT % AS_STRIP == 0 && AT_TURNED % 16 == 0, "strips");
_Static_assert(AT_TURNED + GRAIN * UNIT * AS_STRETCH <= AS_SCRATCH, "scratch");

typedef struct {
    const as_exec *ex;
    const as_product_back *products;
    size_t n;
    float *dx;
    size_t lddx, rows, in;
    size_t grain, cuts; /* columns of a task; parts that the rows are cut into */
} job;

/* Turned: columns [i0, i0 + n) of outputs [o0, o0 + k), in strips. o0 is a multiple of 16. */
static void turn(const job *j, const as_weight *w, float *turned, float *wide, size_t i0, size_t n,
                 size_t o0, size_t k)
{
    const size_t last = n / AS_STRIP, width = as_strip_width(n, last);
    if (n % AS_STRIP != 0) memset(turned + last * AS_STRIP * k, 0, width * k * sizeof *turned);
    for (size_t o = 0; o < k; o += 16) {
        const void *panel = (const char *)w->panels + (o0 + o) / 16 * w->panel_bytes;
        j->ex->kernels->widen[w->type](wide, 16, panel, w->in, i0, n);
        for (size_t i = 0; i < n; i += AS_STRIP) {
            const size_t ld = as_strip_width(n, i / AS_STRIP);
            j->ex->kernels->transpose(turned + i * k + o * ld, ld, wide + 16 * i, 16,
                                      n - i < ld ? n - i : ld, k - o < 16 ? k - o : 16);
        }
    }
}

static void work(void *context, size_t task, size_t worker)
{
    const job *j = context;
    float *scratch = as_exec_scratch(j->ex, worker);
    const size_t i0 = task / j->cuts * j->grain, cut = task % j->cuts;
    const size_t row = j->rows * cut / j->cuts, end = j->rows * (cut + 1) / j->cuts;
    as_tiles t = {.c = j->dx + row * j->lddx + i0, .ldc = j->lddx, .m = end - row};
    t.n = j->in - i0 < j->grain ? j->in - i0 : j->grain;
    t.b = scratch + AT_TURNED;
    for (const as_product_back *p = j->products; p < j->products + j->n; p++) {
        t.lda = p->lddy;
        for (size_t o0 = 0; o0 < p->w->out; o0 += t.k) {
            t.k = p->w->out - o0 < AS_STRETCH ? p->w->out - o0 : AS_STRETCH;
            turn(j, p->w, scratch + AT_TURNED, scratch, i0, t.n, o0, t.k);
            t.a = p->dy + row * p->lddy + o0;
            as_tiles_add(j->ex->kernels, &t, scratch + AT_ROOM);
        }
    }
}

void as_linear_backward(const as_exec *ex, float *dx, size_t lddx, const as_product_back *products,
                        size_t n, size_t rows)
{
    if (n == 0 || rows == 0 || products[0].w->in == 0) return;
    job j = {.ex = ex, .products = products, .n = n, .dx = dx, .lddx = lddx, .rows = rows};
    j.in = products[0].w->in;
    for (size_t i = 0; i < n; i++) AS_CHECK(products[i].w->in == j.in);
    /* Four tasks for each thread: by columns, and by rows if that is not enough. */
    const size_t wanted = 4 * as_pool_size(ex->pool), units = (j.in + UNIT - 1) / UNIT;
    const size_t grain = units / wanted;
    j.grain = UNIT * (grain < 1 ? 1 : grain > GRAIN ? GRAIN : grain);
    const size_t columns = (j.in + j.grain - 1) / j.grain, most = rows / LEAST_ROWS;
    j.cuts = (wanted + columns - 1) / columns;
    if (j.cuts > most) j.cuts = most < 1 ? 1 : most;
    as_pool_run(ex->pool, columns * j.cuts, work, &j);
}
