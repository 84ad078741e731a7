/* Dense products, cut over c alone: a task is a block of c, whose share of b it lays out in strips
 * in its scratch, stretch of k after stretch. */
#include "engine/tensor/matmul.h"

#include <string.h>

#include "engine/tensor/tiles_internal.h"

enum {
    LEAST_ROWS = 4 * AS_HEIGHT, /* of a task, where c has more: copying its share of b must pay */
    LEAST_COLUMNS = AS_STRIP,
    FEW_ROWS = AS_TURNED,      /* up to which a turned product is computed across */
    STRETCH = 256,             /* of k: so that what is turned of a is small, and used for many
                                  columns */
    AT_STRIPS = AS_TILES_ROOM, /* in a worker's scratch, in floats */
    SHARE = 3 * AS_STRIP * AS_STRETCH /* of b, at most */
};
_Static_assert(AT_STRIPS % 16 == 0 && AT_STRIPS + SHARE <= AS_SCRATCH, "scratch");

typedef struct {
    const as_exec *ex;
    as_tiles whole; /* its b row-major, with rows ldb apart */
    size_t ldb;
    bool is_across; /* c and the products are computed turned: b^T a instead of a^T b */
    size_t rows, columns, stretch; /* of a task */
} job;

/* Rows of b as strips; padding is zeros. Rows may lie pages apart, where no processor reads ahead
 * by itself. */
static void lay_out(float *strips, const float *b, size_t ldb, size_t n, size_t k)
{
    enum { AHEAD = 8, LINE = 16 };
    for (size_t p = 0; p < k; p++, b += ldb) {
        const float *ahead = b + (p + AHEAD < k ? AHEAD : 0) * ldb;
        for (size_t i = 0; i < n; i += LINE) AS_PREFETCH(ahead + i);
        for (size_t i = 0; i < n; i += AS_STRIP) {
            const size_t width = as_strip_width(n, i / AS_STRIP);
            float *to = strips + i * k + p * width;
            if (n - i >= AS_STRIP) {
                memcpy(to, b + i, AS_STRIP * sizeof *b);
                continue;
            }
            memcpy(to, b + i, (n - i) * sizeof *b);
            for (size_t l = n - i; l < width; l++) to[l] = 0;
        }
    }
}

/* A block of c: all k, stretch after stretch. */
static void add_block(const job *j, as_tiles *t, float *scratch, size_t row, size_t column)
{
    const as_tiles *all = &j->whole;
    t->b = scratch + AT_STRIPS;
    for (size_t k0 = 0; k0 < all->k; k0 += t->k) {
        t->k = all->k - k0 < j->stretch ? all->k - k0 : j->stretch;
        t->a = all->a + (t->is_turned ? k0 * t->lda + row : row * t->lda + k0);
        lay_out(scratch + AT_STRIPS, all->b + k0 * j->ldb + column, j->ldb, t->n, t->k);
        as_tiles_add(j->ex->kernels, t, scratch);
    }
}

static void work(void *context, size_t task, size_t worker)
{
    const job *j = context;
    const as_tiles *all = &j->whole;
    float *scratch = as_exec_scratch(j->ex, worker);
    const size_t across = (all->n + j->columns - 1) / j->columns;
    const size_t row = task / across * j->rows, column = task % across * j->columns;
    as_tiles t = *all;
    t.m = all->m - row < j->rows ? all->m - row : j->rows;
    t.n = all->n - column < j->columns ? all->n - column : j->columns;
    if (!j->is_across) {
        t.c += row * t.ldc + column;
        add_block(j, &t, scratch, row, column);
        return;
    }
    float *c = all->c + column * all->ldc + row;
    t.c = scratch + AT_STRIPS + j->stretch * j->columns;
    t.ldc = j->columns;
    j->ex->kernels->transpose(t.c, t.ldc, c, all->ldc, t.n, t.m);
    add_block(j, &t, scratch, row, column);
    j->ex->kernels->transpose(c, all->ldc, t.c, t.ldc, t.m, t.n);
}

/* Four tasks for each thread, as square as they can be: what is copied for a task is used along
 * its other side. */
static void share_out(job *j)
{
    const as_tiles *t = &j->whole;
    const size_t wanted = 4 * as_pool_size(j->ex->pool);
    j->stretch = t->k < STRETCH ? t->k : STRETCH;
    const size_t most = SHARE / (j->stretch + (j->is_across ? t->m : 0)) / AS_STRIP * AS_STRIP;
    size_t down = 1, across = (t->n + most - 1) / most;
    for (;;) {
        j->rows = (t->m + down - 1) / down;
        j->rows = (j->rows + AS_HEIGHT - 1) / AS_HEIGHT * AS_HEIGHT;
        j->columns = (t->n + across - 1) / across;
        j->columns = (j->columns + AS_STRIP - 1) / AS_STRIP * AS_STRIP;
        const bool is_low = j->rows <= LEAST_ROWS, is_narrow = j->columns <= LEAST_COLUMNS;
        if (down * across >= wanted || (is_low && is_narrow)) return;
        if (is_narrow || (!is_low && j->rows >= j->columns))
            down *= 2;
        else
            across *= 2;
    }
}

static void multiply(job *j)
{
    const as_tiles *t = &j->whole;
    if (t->m == 0 || t->n == 0 || t->k == 0) return;
    share_out(j);
    const size_t down = (t->m + j->rows - 1) / j->rows;
    as_pool_run(j->ex->pool, down * ((t->n + j->columns - 1) / j->columns), work, j);
}

void as_matmul(const as_exec *ex, float *c, size_t ldc, const float *a, size_t lda, const float *b,
               size_t ldb, size_t m, size_t n, size_t k)
{
    multiply(
        &(job){.ex = ex,
               .whole = {.c = c, .ldc = ldc, .m = m, .n = n, .a = a, .lda = lda, .b = b, .k = k},
               .ldb = ldb});
}

/* A narrow c is computed as its transpose, so that only b, which is as narrow, has to be turned. */
void as_matmul_tn(const as_exec *ex, float *c, size_t ldc, const float *a, size_t lda,
                  const float *b, size_t ldb, size_t m, size_t n, size_t k)
{
    job j = {.ex = ex, .ldb = ldb};
    j.whole = (as_tiles){.c = c, .ldc = ldc, .m = m, .n = n, .a = a, .lda = lda, .b = b, .k = k};
    j.whole.is_turned = true;
    if (n <= FEW_ROWS && n < m) {
        j.is_across = true;
        j.ldb = lda;
        j.whole.a = b, j.whole.lda = ldb, j.whole.b = a;
        j.whole.m = n, j.whole.n = m;
    }
    multiply(&j);
}

/* ---- transposing ---- */

enum { SIDE = 64 };

typedef struct {
    const as_exec *ex;
    float *y;
    const float *x;
    size_t ldy, ldx, rows, cols;
} turn_job;

/* Columns of x, which are rows of y; in squares, so that lines of both stay in the first cache. */
static void turn(void *context, size_t task, size_t worker)
{
    (void)worker;
    const turn_job *j = context;
    const size_t col = task * SIDE, n = j->cols - col < SIDE ? j->cols - col : SIDE;
    for (size_t row = 0; row < j->rows; row += SIDE) {
        const size_t m = j->rows - row < SIDE ? j->rows - row : SIDE;
        j->ex->kernels->transpose(j->y + col * j->ldy + row, j->ldy, j->x + row * j->ldx + col,
                                  j->ldx, m, n);
    }
}

void as_transpose(const as_exec *ex, float *y, size_t ldy, const float *x, size_t ldx, size_t rows,
                  size_t cols)
{
    turn_job j = {ex, y, x, ldy, ldx, rows, cols};
    as_pool_run(ex->pool, (cols + SIDE - 1) / SIDE, turn, &j);
}
