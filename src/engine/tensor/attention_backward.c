/* Gradients of causal attention. The queries of one head are taken in items of up to ROWS
 * positions. An item meets the pages it sees in order, and a page meets the items in order (block
 * after block, in each the heads of the group), so every element of dq adds its keys as they come,
 * and every element of dk and dv its queries, whoever does it. Scores stand with a row for each
 * key: of all that the five products then need, only a page's keys have to be turned, and once for
 * each item its queries and what flows into them. */
#include "engine/tensor/attention.h"

#include <math.h>
#include <string.h>

#include "engine/tensor/ops_internal.h"

enum {
    ROWS = 64,  /* positions of an item */
    STRIP = 16, /* keys taken together where not every query sees them */
    ITEMS = 4,  /* that share a page's turned keys, at most */
    PAGES = 2   /* that share an item, at most, where pages are shared out */
};

typedef struct {
    const as_exec *ex;
    const as_attention_back *runs;
    size_t n_runs;
    size_t ldq, ldk, heads, key_heads, group, d, window;
    float scale;
    size_t n_items, n_pages;           /* that a worker's scratch holds */
    size_t n_page_tasks, n_item_tasks; /* of the longest run; no page tasks: items do it all */
} call;

/* Queries first .. first + n - 1 of one head. */
typedef struct {
    size_t first, n;
    float *dq;                    /* of the first query; rows ldq apart */
    float *q, *d_o;               /* (n, d) */
    float *q_turned, *d_o_turned; /* (d, ROWS), zero from n on; d_o times scale */
    float *dq_turned;             /* (d, ROWS): the sum so far */
    float *lse, *along;           /* (ROWS): -lse_i, -scale D_i; zero from n on */
} item;

/* One task: a run, a key head, what is wanted of them, and where the worker keeps things. */
typedef struct {
    const call *c;
    const as_attention_back *run;
    size_t key_head;
    bool is_dq, is_dkv; /* wanted */
    item items[ITEMS];
    float *turned[PAGES]; /* keys (AS_PAGE, d) */
    float *p, *ds;        /* (keys, queries) of one part */
} work;

/* Floats of an item. */
static size_t item_size(size_t d)
{
    return ROWS * (5 * d + 2);
}

static void work_init(work *w, const call *c, size_t run, size_t key_head, size_t n_items,
                      size_t worker)
{
    size_t d = c->d;
    float *at = as_exec_scratch(c->ex, worker);
    *w = (work){.c = c, .run = &c->runs[run], .key_head = key_head};
    w->p = at, at += ROWS * AS_PAGE;
    w->ds = at, at += ROWS * AS_PAGE;
    for (size_t i = 0; i < n_items; i++) {
        item *t = &w->items[i];
        t->q_turned = at, at += ROWS * d;
        t->d_o_turned = at, at += ROWS * d;
        t->dq_turned = at, at += ROWS * d;
        t->q = at, at += ROWS * d;
        t->d_o = at, at += ROWS * d;
        t->lse = at, at += ROWS;
        t->along = at, at += ROWS;
    }
    w->turned[0] = at;
}

/* The keys of a page that the run has written. */
static size_t page_keys(const work *w, size_t page)
{
    return as_min(AS_PAGE, w->run->rows - page * AS_PAGE);
}

static const float *page_at(const work *w, size_t page)
{
    return w->run->pages[page] + w->key_head * AS_PAGE * w->c->d * 2;
}

static void turn_keys(const work *w, float *turned, size_t page)
{
    w->c->ex->kernels->transpose(turned, w->c->d, page_at(w, page), AS_PAGE, w->c->d,
                                 page_keys(w, page));
}

/* --- items ------------------------------------------------------------------------------------ */

static size_t n_items_of(const call *c, size_t rows)
{
    return as_n_chunks(rows, ROWS) * c->group;
}

static void item_open(const work *w, item *t, size_t index)
{
    const call *c = w->c;
    const as_kernels *k = c->ex->kernels;
    size_t d = c->d, head = w->key_head * c->group + index % c->group;
    t->first = index / c->group * ROWS;
    t->n = as_min(ROWS, w->run->rows - t->first);
    t->dq = w->run->dq + t->first * c->ldq + head * d;
    if (w->is_dq) memset(t->dq_turned, 0, ROWS * d * sizeof(float));
    if (t->n < ROWS) {
        memset(t->q_turned, 0, ROWS * d * sizeof(float));
        memset(t->d_o_turned, 0, ROWS * d * sizeof(float));
        memset(t->lse, 0, ROWS * sizeof(float));
        memset(t->along, 0, ROWS * sizeof(float));
    }
    for (size_t i = 0; i < t->n; i++) {
        size_t row = t->first + i, at = row * c->ldq + head * d;
        memcpy(t->q + i * d, w->run->q + at, d * sizeof(float));
        memcpy(t->d_o + i * d, w->run->d_o + at, d * sizeof(float));
        t->lse[i] = -w->run->lse[row * c->heads + head];
        t->along[i] = -c->scale * k->dot(t->d_o + i * d, w->run->o + at, d);
    }
    k->transpose(t->q_turned, ROWS, t->q, d, t->n, d);
    k->transpose(t->d_o_turned, ROWS, t->d_o, d, t->n, d);
    k->scale(t->d_o_turned, t->d_o_turned, c->scale, ROWS * d);
}

/* Adds what an item has gathered to dq. */
static void item_close(const work *w, item *t)
{
    size_t d = w->c->d;
    w->c->ex->kernels->transpose(t->q, d, t->dq_turned, ROWS, d, t->n);
    for (size_t i = 0; i < t->n; i++) {
        float *dq = t->dq + i * w->c->ldq;
        w->c->ex->kernels->add(dq, dq, t->q + i * d, d);
    }
}

/* --- an item and a page ----------------------------------------------------------------------- */

/* Keys key .. key + n - 1 of a page, and the queries from .. to - 1 of an item that see some of
 * them. */
typedef struct {
    size_t page, key, n, from, to;
} part;

/* Queries of an item that see some of keys first .. last; none when from >= to. */
static void part_queries(const call *c, const item *t, size_t first, size_t last, part *of)
{
    of->from = first > t->first ? first - t->first : 0;
    of->to = t->n;
    if (!c->window) return;
    size_t end = last + c->window;
    of->to = end > t->first ? as_min(t->n, end - t->first) : 0;
}

/* n rows, each the same. */
static void fill(float *y, const float *row, size_t width, size_t n)
{
    for (size_t i = 0; i < n; i++) memcpy(y + i * width, row, width * sizeof *y);
}

/* Weights of keys that a query does not see become 0, over all `width` columns of the part. */
static void mask(const work *w, const item *t, const part *x, size_t width)
{
    size_t end = x->from + width;
    for (size_t i = 0; i < x->n; i++) {
        part one;
        size_t key = x->page * AS_PAGE + x->key + i;
        part_queries(w->c, t, key, key, &one);
        float *p = w->p + i * width;
        if (one.from >= one.to) one.from = one.to = end;
        for (size_t j = x->from; j < one.from; j++) p[j - x->from] = 0;
        for (size_t j = one.to; j < end; j++) p[j - x->from] = 0;
    }
}

/* y (n, d; rows ldk apart) += a (n, k) b (k, d); rows of a are lda apart. */
static void add_rows(const call *c, float *y, const float *a, size_t lda, const float *b, size_t n,
                     size_t k)
{
    size_t whole = c->d / AS_LANES * AS_LANES;
    if (whole) c->ex->kernels->tile(y, c->ldk, a, lda, b, c->d, n, whole, k);
    for (size_t i = 0; whole < c->d && i < n; i++) {
        for (size_t e = whole; e < c->d; e++) {
            float *at = y + i * c->ldk + e;
            for (size_t j = 0; j < k; j++) *at = fmaf(a[i * lda + j], b[j * c->d + e], *at);
        }
    }
}

static void part_back(const work *w, const item *t, const part *x, const float *turned,
                      bool is_masked)
{
    const call *c = w->c;
    const as_kernels *k = c->ex->kernels;
    const float *keys = page_at(w, x->page), *values = keys + AS_PAGE * c->d;
    size_t width = as_n_chunks(x->to - x->from, AS_LANES) * AS_LANES, n = x->n * width;
    memset(w->ds, 0, n * sizeof(float));
    k->tile(w->ds, width, turned + x->key * c->d, c->d, t->q_turned + x->from, ROWS, x->n, width,
            c->d);
    fill(w->p, t->lse + x->from, width, x->n);
    k->axpy(w->p, w->ds, c->scale, n);
    k->exp(w->p, w->p, n);
    if (is_masked) mask(w, t, x, width);
    fill(w->ds, t->along + x->from, width, x->n);
    k->tile(w->ds, width, values + x->key * c->d, c->d, t->d_o_turned + x->from, ROWS, x->n, width,
            c->d);
    k->mul(w->ds, w->ds, w->p, n);
    if (w->is_dq) {
        k->tile(t->dq_turned + x->from, ROWS, keys + x->key, AS_PAGE, w->ds, width, c->d, width,
                x->n);
    }
    if (w->is_dkv) {
        size_t at = (x->page * AS_PAGE + x->key) * c->ldk + w->key_head * c->d;
        size_t skip = x->from * c->d, depth = x->to - x->from;
        add_rows(c, w->run->dv + at, w->p, width, t->d_o + skip, x->n, depth);
        add_rows(c, w->run->dk + at, w->ds, width, t->q + skip, x->n, depth);
    }
}

/* One item and one page: as a whole where all see all, else strip by strip. */
static void meet(const work *w, const item *t, size_t page, const float *turned)
{
    size_t start = page * AS_PAGE, n = page_keys(w, page), window = w->c->window;
    bool is_whole = start + n <= t->first + 1 && (!window || start + window >= t->first + t->n);
    size_t step = is_whole ? AS_PAGE : STRIP;
    for (size_t key = 0; key < n; key += step) {
        part x = {.page = page, .key = key, .n = as_min(step, n - key)};
        part_queries(w->c, t, start + key, start + key + x.n - 1, &x);
        if (x.from >= x.to) continue;
        x.from -= x.from % AS_LANES;
        part_back(w, t, &x, turned, !is_whole);
    }
}

/* --- tasks ------------------------------------------------------------------------------------ */

/* Items from .. to - 1 of the run, a few at a time, through all the pages that one of them sees. */
static void walk_pages(work *w, size_t from, size_t to)
{
    const call *c = w->c;
    for (size_t n; from < to; from += n) {
        n = as_min(c->n_items, to - from);
        for (size_t i = 0; i < n; i++) item_open(w, &w->items[i], from + i);
        size_t first = w->items[0].first, last = w->items[n - 1].first / AS_PAGE;
        size_t page = c->window && first + 1 > c->window ? (first + 1 - c->window) / AS_PAGE : 0;
        for (; page <= last; page++) {
            turn_keys(w, w->turned[0], page);
            for (size_t i = 0; i < n; i++) meet(w, &w->items[i], page, w->turned[0]);
        }
        for (size_t i = 0; w->is_dq && i < n; i++) item_close(w, &w->items[i]);
    }
}

/* Pages from .. to - 1, at most PAGES, through all the items that see one of them. */
static void walk_items(work *w, size_t from, size_t to)
{
    const call *c = w->c;
    size_t seen = to * AS_PAGE - 1 + c->window, end = n_items_of(c, w->run->rows);
    for (size_t page = from; page < to; page++) {
        w->turned[page - from] = w->turned[0] + (page - from) * AS_PAGE * c->d;
        turn_keys(w, w->turned[page - from], page);
    }
    for (size_t i = from * AS_PAGE / ROWS * c->group; i < end; i++) {
        if (c->window && i / c->group * ROWS >= seen) return;
        item_open(w, &w->items[0], i);
        for (size_t page = from; page < to; page++) {
            meet(w, &w->items[0], page, w->turned[page - from]);
        }
    }
}

static void whole_task(void *ctx, size_t task, size_t worker)
{
    const call *c = ctx;
    work w;
    work_init(&w, c, task / c->key_heads, task % c->key_heads, c->n_items, worker);
    w.is_dq = w.is_dkv = true;
    walk_pages(&w, 0, n_items_of(c, w.run->rows));
}

/* The first pages and the last items, which have most to do, come first. */
static void split_task(void *ctx, size_t task, size_t worker)
{
    const call *c = ctx;
    size_t streams = c->n_runs * c->key_heads, level = task / streams, at = task % streams;
    work w;
    bool is_dq = level >= c->n_page_tasks;
    work_init(&w, c, at / c->key_heads, at % c->key_heads, is_dq ? c->n_items : 1, worker);
    w.is_dq = is_dq;
    w.is_dkv = !is_dq;
    if (w.is_dkv) {
        size_t end = as_n_chunks(w.run->rows, AS_PAGE);
        walk_items(&w, level * c->n_pages, as_min(end, (level + 1) * c->n_pages));
    } else {
        size_t end = n_items_of(c, w.run->rows), i = c->n_page_tasks + c->n_item_tasks - 1 - level;
        walk_pages(&w, i * c->n_items, as_min(end, (i + 1) * c->n_items));
    }
}

/* Whether to take dq and dk, dv apart. That is seven products instead of five, and pays where runs
 * and key heads (counted in the largest run's work) are too few for the threads. It changes no bit.
 */
static bool is_split(const call *c)
{
    double sum = 0, most = 1;
    for (size_t i = 0; i < c->n_runs; i++) {
        double rows = (double)c->runs[i].rows;
        double seen = c->window ? fmin(rows, (double)c->window) : rows;
        sum += rows * seen;
        most = fmax(most, rows * seen);
    }
    double threads = (double)as_pool_size(c->ex->pool);
    double tasks = sum / most * (double)c->key_heads;
    return 5 * ceil(tasks / threads) > 8 * tasks / threads;
}

void as_attention_backward(const as_exec *ex, const as_attention_back *runs, size_t n_runs,
                           size_t ldq, size_t ldk, size_t heads, size_t key_heads, size_t d,
                           float scale, size_t window)
{
    size_t page = AS_PAGE * d, one = item_size(d), room = AS_SCRATCH - 2 * ROWS * AS_PAGE;
    size_t rows = 0;
    AS_CHECK(one + page <= room);
    for (size_t i = 0; i < n_runs; i++) rows = runs[i].rows > rows ? runs[i].rows : rows;
    call c = {.ex = ex,
              .runs = runs,
              .n_runs = n_runs,
              .ldq = ldq,
              .ldk = ldk,
              .heads = heads,
              .key_heads = key_heads,
              .group = heads / key_heads,
              .d = d,
              .window = window < rows ? window : 0, /* a wider one hides nothing */
              .scale = scale,
              .n_items = as_min(ITEMS, (room - page) / one),
              .n_pages = as_min(PAGES, (room - one) / page)};
    if (!is_split(&c)) {
        as_pool_run(ex->pool, n_runs * key_heads, whole_task, &c);
        return;
    }
    c.n_page_tasks = as_n_chunks(as_n_chunks(rows, AS_PAGE), c.n_pages);
    c.n_item_tasks = as_n_chunks(n_items_of(&c, rows), c.n_items);
    as_pool_run(ex->pool, n_runs * key_heads * (c.n_page_tasks + c.n_item_tasks), split_task, &c);
}
