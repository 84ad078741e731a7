/* Causal attention over paged caches. Queries are taken in blocks of up to ROWS (position, head)
 * rows that read the same key head; a block walks the pages in order, and rows whose page is the
 * same memory go through it together. How rows are grouped changes no bit: in every product a row
 * adds its own terms in the order of its keys, and rescaling by exp(0) = 1 may be left out. */
#include "engine/tensor/attention.h"

#include <math.h>
#include <string.h>

#include "engine/tensor/ops_internal.h"

enum {
    ROWS = 64,    /* of a block */
    PIECES = 256, /* planned at once */
    FEW = 16,     /* rows that wait for memory rather than compute */
    STEP = 16,    /* rows of keys or values between two requests */
    LINE = 16,    /* floats in a cache line */
    RAGGED = 32   /* rows mixed together where they do not see the same keys */
};

size_t as_page_floats(size_t key_heads, size_t d)
{
    return AS_PAGE * key_heads * d * 2;
}

/* --- writing pages ---------------------------------------------------------------------------- */

typedef struct {
    float *const *pages;
    const float *k, *v;
    size_t ldk, ldv, first, rows, d, chunk, key_heads;
} store;

static void store_heads(void *ctx, size_t task, size_t worker)
{
    (void)worker;
    const store *s = ctx;
    size_t end = as_min(s->key_heads, (task + 1) * s->chunk);
    for (size_t h = task * s->chunk; h < end; h++) {
        for (size_t r = 0; r < s->rows; r++) {
            size_t at = s->first + r, slot = at % AS_PAGE;
            float *keys = s->pages[at / AS_PAGE] + h * AS_PAGE * s->d * 2;
            const float *k = s->k + r * s->ldk + h * s->d;
            for (size_t i = 0; i < s->d; i++) keys[i * AS_PAGE + slot] = k[i];
            float *value = keys + AS_PAGE * s->d + slot * s->d;
            memcpy(value, s->v + r * s->ldv + h * s->d, s->d * sizeof *value);
        }
    }
}

void as_page_store(const as_exec *ex, float *const *pages, uint32_t first, const float *k,
                   size_t ldk, const float *v, size_t ldv, size_t rows, size_t key_heads, size_t d)
{
    store s = {.pages = pages,
               .k = k,
               .v = v,
               .ldk = ldk,
               .ldv = ldv,
               .first = first,
               .rows = rows,
               .d = d,
               .chunk = as_task_items(4 * rows * d),
               .key_heads = key_heads};
    as_pool_run(ex->pool, as_n_chunks(key_heads, s.chunk), store_heads, &s);
}

/* --- one block of queries --------------------------------------------------------------------- */

/* Consecutive positions of one run. */
typedef struct {
    const as_attention_run *run;
    size_t row, rows;
} piece;

/* A call, and the part of it that is planned: bundle b is pieces[bundle[b]] .. bundle[b + 1] - 1,
 * ROWS / group positions at most (or one). */
typedef struct {
    const as_exec *ex;
    size_t ldq, ldo, heads, key_heads, group, d, window;
    float scale;
    size_t positions;         /* of a bundle, at most */
    size_t n_parts, per_part; /* a group's heads are shared out over n_parts tasks */
    piece pieces[PIECES];
    size_t bundle[PIECES + 1], n_bundles;
} call;

typedef struct {
    const call *c;
    size_t n;                    /* rows in use */
    size_t from[ROWS], to[ROWS]; /* keys that a row sees */
    float *const *pages[ROWS];
    float top[ROWS];    /* running maximum */
    float *q, *o;       /* (n, d) */
    float *s;           /* (n, AS_PAGE) scores, then weights */
    const float *ahead; /* the next page's keys, when they may be asked for early */
    float *l;           /* (n, 16): sixteen times the same sum */
} block;

static size_t window_start(const call *c, size_t position)
{
    return c->window && position + 1 > c->window ? position + 1 - c->window : 0;
}

static void block_init(block *b, const call *c, float *scratch)
{
    b->c = c;
    b->n = 0;
    b->q = scratch;
    b->o = b->q + ROWS * c->d;
    b->s = b->o + ROWS * c->d;
    b->l = b->s + ROWS * AS_PAGE;
}

/* Heads head .. head + n - 1 of each position become rows. */
static void block_add(block *b, const piece *p, size_t head, size_t n)
{
    const call *c = b->c;
    for (size_t t = p->row; t < p->row + p->rows; t++) {
        memcpy(b->q + b->n * c->d, p->run->q + t * c->ldq + head * c->d, n * c->d * sizeof(float));
        memset(b->o + b->n * c->d, 0, n * c->d * sizeof(float));
        memset(b->l + b->n * AS_LANES, 0, n * AS_LANES * sizeof(float));
        for (size_t end = b->n + n; b->n < end; b->n++) {
            b->to[b->n] = p->run->first + t + 1;
            b->from[b->n] = window_start(c, p->run->first + t);
            b->pages[b->n] = p->run->pages;
            b->top[b->n] = -INFINITY;
        }
    }
}

/* The part of a page, in positions of that page, that a row sees; empty when from >= to. */
typedef struct {
    size_t from, to;
} range;

static range seen(const block *b, size_t row, size_t page)
{
    size_t start = page * AS_PAGE, from = b->from[row], to = b->to[row];
    return (range){from > start ? from - start : 0, to > start ? as_min(to - start, AS_PAGE) : 0};
}

/* kernels->tile, `depth` deep. Few rows are done sooner than their keys and values arrive: they ask
 * for what comes next, at `ahead` (NULL: nothing), laid out as b is, while they work. Leaving off
 * and going on changes no bit. */
static void tile_ahead(const block *b, float *c, size_t ldc, const float *a, size_t lda,
                       const float *from, size_t ld, size_t m, size_t n, size_t depth,
                       const float *ahead)
{
    bool is_early = ahead && m <= FEW;
    for (size_t i = 0, len; i < depth; i += len) {
        len = is_early ? as_min(STEP, depth - i) : depth;
        for (size_t j = 0; is_early && j < len * ld; j += LINE) AS_PREFETCH(ahead + i * ld + j);
        b->c->ex->kernels->tile(c, ldc, a + i, lda, from + i * ld, ld, m, n, len);
    }
}

/* Weights of keys from .. to - 1 into the sums of rows r .. r + n - 1. */
static void mix_rows(block *b, size_t r, size_t n, const float *values, size_t from, size_t to)
{
    static const float one[AS_LANES] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    if (from >= to) return;
    const as_kernels *k = b->c->ex->kernels;
    size_t d = b->c->d, wide = d / AS_LANES * AS_LANES, n_keys = to - from;
    const float *p = b->s + r * AS_PAGE + from, *v = values + from * d;
    k->tile(b->l + r * AS_LANES, AS_LANES, p, AS_PAGE, one, 0, n, AS_LANES, n_keys);
    if (wide) tile_ahead(b, b->o + r * d, d, p, AS_PAGE, v, d, n, wide, n_keys, b->ahead);
    for (size_t i = 0; wide < d && i < n; i++) {
        for (size_t c = wide; c < d; c++) {
            float *o = b->o + (r + i) * d + c;
            for (size_t j = 0; j < n_keys; j++) *o = fmaf(p[i * AS_PAGE + j], v[j * d + c], *o);
        }
    }
}

/* The first row from r on, up to end, that does not see the same part of the page as row r: the
 * heads of one position do, and so do all rows well behind their queries. */
static size_t alike(const block *b, size_t r, size_t end, size_t page)
{
    range first = seen(b, r, page);
    for (size_t i = r + 1; i < end; i++) {
        range one = seen(b, i, page);
        if (one.from != first.from || one.to != first.to) return i;
    }
    return end;
}

/* Rows r .. end - 1, whose ranges may differ: each row's keys before those that all of them see,
 * then these, then the rest. */
static void mix_ragged(block *b, size_t r, size_t end, size_t page, const float *values)
{
    range all = seen(b, r, page);
    for (size_t i = r + 1; i < end; i++) {
        range one = seen(b, i, page);
        if (one.from > all.from) all.from = one.from;
        if (one.to < all.to) all.to = one.to;
    }
    if (all.to < all.from) all.to = all.from; /* nothing in common */
    for (size_t i = r, next; i < end; i = next) {
        range one = seen(b, i, page);
        next = alike(b, i, end, page);
        mix_rows(b, i, next - i, values, one.from, as_min(one.to, all.from));
    }
    mix_rows(b, r, end - r, values, all.from, all.to);
    for (size_t i = r, next; i < end; i = next) {
        next = alike(b, i, end, page);
        mix_rows(b, i, next - i, values, all.to, seen(b, i, page).to);
    }
}

static void mix(block *b, size_t r, size_t end, size_t page, const float *values)
{
    size_t step = alike(b, r, end, page) == end ? end - r : RAGGED;
    for (; r < end; r += step) mix_ragged(b, r, as_min(end, r + step), page, values);
}

/* Scores of rows r .. end - 1 with every key that one of them sees, by the sixteen. */
static void score(block *b, size_t r, size_t end, size_t page, const float *keys)
{
    size_t d = b->c->d, from = AS_PAGE, to = 0;
    for (size_t i = r; i < end; i++) {
        range one = seen(b, i, page);
        from = as_min(from, one.from);
        if (one.to > to) to = one.to;
    }
    memset(b->s + r * AS_PAGE, 0, (end - r) * AS_PAGE * sizeof(float));
    from -= from % AS_LANES;
    size_t n = as_n_chunks(to - from, AS_LANES) * AS_LANES;
    tile_ahead(b, b->s + r * AS_PAGE + from, AS_PAGE, b->q + r * d, d, keys + from, AS_PAGE,
               end - r, n, d, keys + AS_PAGE * d);
}

/* One page of one key head for rows r .. end - 1, all of which see some of it. */
static void attend(block *b, size_t r, size_t end, size_t page, const float *keys)
{
    const as_kernels *k = b->c->ex->kernels;
    size_t d = b->c->d;
    float shrink[ROWS];
    score(b, r, end, page, keys);
    for (size_t i = r; i < end; i++) {
        range one = seen(b, i, page);
        float *s = b->s + i * AS_PAGE + one.from;
        float top = k->soften(s, one.to - one.from, b->c->scale, b->top[i]);
        shrink[i] = b->top[i] - top;
        b->top[i] = top;
    }
    k->exp(shrink + r, shrink + r, end - r);
    for (size_t i = r; i < end; i++) {
        if (shrink[i] == 1.0f) continue;
        k->scale(b->o + i * d, b->o + i * d, shrink[i], d);
        k->scale(b->l + i * AS_LANES, b->l + i * AS_LANES, shrink[i], AS_LANES);
    }
    mix(b, r, end, page, keys + AS_PAGE * d);
}

static bool sees(const block *b, size_t row, size_t page)
{
    range one = seen(b, row, page);
    return one.from < one.to;
}

static void walk(block *b, size_t key_head)
{
    size_t first = SIZE_MAX, end = 0;
    for (size_t r = 0; r < b->n; r++) {
        first = as_min(first, b->from[r] / AS_PAGE);
        if (b->to[r] > end) end = b->to[r];
    }
    for (size_t page = first; page * AS_PAGE < end; page++) {
        for (size_t r = 0, next; r < b->n; r = next) {
            next = r + 1;
            if (!sees(b, r, page)) continue;
            const float *at = b->pages[r][page];
            while (next < b->n && sees(b, next, page) && b->pages[next][page] == at) next++;
            size_t head = key_head * AS_PAGE * b->c->d * 2;
            b->ahead = sees(b, r, page + 1) ? b->pages[r][page + 1] + head : NULL;
            attend(b, r, next, page, at + head);
        }
    }
}

static void divide(float *x, float by, size_t n)
{
    for (; n >= AS_LANES; n -= AS_LANES, x += AS_LANES) {
        for (size_t i = 0; i < AS_LANES; i++) x[i] /= by;
    }
    for (size_t i = 0; i < n; i++) x[i] /= by;
}

static void lse_write(const block *b, float *lse, size_t first, size_t n)
{
    for (size_t i = first; i < first + n; i++) {
        *lse++ = (float)(b->top[i] + log((double)b->l[i * AS_LANES]));
    }
}

/* Rows come back in the order of block_add. */
static void block_write(block *b, const piece *p, size_t first, size_t head, size_t n)
{
    size_t d = b->c->d;
    for (size_t t = p->row; t < p->row + p->rows; t++, first += n) {
        float *o = b->o + first * d;
        for (size_t i = 0; i < n; i++) divide(o + i * d, b->l[(first + i) * AS_LANES], d);
        memcpy(p->run->o + t * b->c->ldo + head * d, o, n * d * sizeof *o);
        if (p->run->lse) lse_write(b, p->run->lse + t * b->c->heads + head, first, n);
    }
}

/* A bundle, a key head, a part of its group; the last bundles, which see most, come first. */
static void attend_task(void *ctx, size_t task, size_t worker)
{
    const call *c = ctx;
    size_t part = task % c->n_parts, key_head = task / c->n_parts % c->key_heads;
    size_t at = c->n_bundles - 1 - task / c->n_parts / c->key_heads;
    size_t skip = part * c->per_part;
    if (skip >= c->group) return;
    size_t head = key_head * c->group + skip, n = as_min(c->per_part, c->group - skip);
    block b;
    block_init(&b, c, as_exec_scratch(c->ex, worker));
    const piece *p = c->pieces + c->bundle[at], *end = c->pieces + c->bundle[at + 1];
    for (const piece *i = p; i < end; i++) block_add(&b, i, head, n);
    walk(&b, key_head);
    size_t row = 0;
    for (const piece *i = p; i < end; i++) {
        block_write(&b, i, row, head, n);
        row += i->rows * n;
    }
}

/* --- the plan --------------------------------------------------------------------------------- */

/* A group is split when a block cannot hold it, or to give every thread something to do. */
static void flush(call *c)
{
    size_t tasks = c->n_bundles * c->key_heads;
    if (tasks == 0) return;
    size_t n_parts = as_n_chunks(as_pool_size(c->ex->pool), tasks);
    if (n_parts < as_n_chunks(c->group, ROWS)) n_parts = as_n_chunks(c->group, ROWS);
    if (n_parts > c->group) n_parts = c->group;
    c->n_parts = n_parts;
    c->per_part = as_n_chunks(c->group, n_parts);
    as_pool_run(c->ex->pool, tasks * n_parts, attend_task, c);
    c->n_bundles = 0;
}

static void bundle_open(call *c)
{
    size_t used = c->n_bundles ? c->bundle[c->n_bundles] : 0;
    if (used + c->positions > PIECES) {
        flush(c);
        used = 0;
    }
    c->bundle[c->n_bundles] = used;
    c->bundle[++c->n_bundles] = used;
}

static void bundle_add(call *c, const as_attention_run *run, size_t row, size_t rows)
{
    c->pieces[c->bundle[c->n_bundles]++] = (piece){run, row, rows};
}

/* Whether two runs begin at the same page of the same memory. */
static bool is_shared(const call *c, const as_attention_run *a, const as_attention_run *b)
{
    size_t i = window_start(c, a->first) / AS_PAGE, j = window_start(c, b->first) / AS_PAGE;
    return i == j && a->pages[i] == b->pages[j];
}

/* A long run is cut into bundles of its own, a short one is joined
 * by later short ones that share its first page. */
static void plan(call *c, const as_attention_run *runs, size_t n)
{
    bool taken[PIECES] = {false};
    for (size_t i = 0; i < n; i++) {
        if (taken[i]) continue;
        size_t rows = runs[i].rows, row = 0;
        for (; rows - row > c->positions; row += c->positions) {
            bundle_open(c);
            bundle_add(c, &runs[i], row, c->positions);
        }
        if (row == rows) continue;
        bundle_open(c);
        bundle_add(c, &runs[i], row, rows - row);
        size_t room = c->positions - (rows - row);
        for (size_t j = i + 1; row == 0 && j < n && room; j++) {
            if (taken[j] || runs[j].rows == 0 || runs[j].rows > room) continue;
            if (!is_shared(c, &runs[i], &runs[j])) continue;
            bundle_add(c, &runs[j], 0, runs[j].rows);
            room -= runs[j].rows;
            taken[j] = true;
        }
    }
}

void as_attention(const as_exec *ex, const as_attention_run *runs, size_t n_runs, size_t ldq,
                  size_t ldo, size_t heads, size_t key_heads, size_t d, float scale, size_t window)
{
    AS_CHECK(ROWS * (2 * d + AS_PAGE + AS_LANES) <= AS_SCRATCH);
    size_t group = heads / key_heads;
    call c = {.ex = ex,
              .ldq = ldq,
              .ldo = ldo,
              .heads = heads,
              .key_heads = key_heads,
              .group = group,
              .d = d,
              .window = window,
              .scale = scale,
              .positions = group < ROWS ? ROWS / group : 1};
    for (size_t i = 0; i < n_runs; i += PIECES) plan(&c, runs + i, as_min(PIECES, n_runs - i));
    flush(&c);
}
