/* Gradients of the gated delta rule, in chunks of AS_DELTA_CHUNK rows from the last to the first.
 * docs/method.md has the formulas; the names here are the words beside the symbols there.
 *
 * Every gradient is a sum over the columns of the state, and columns do not meet. So a head is done
 * in strips of columns, which fit the scratch of a worker, and the rows of the state in pieces.
 * What is short of a multiple of 16 is filled up with zeros: rows without keys, values and
 * gradients, which change no sum. All matrices are row by row. */
#include "engine/tensor/ops.h"

#include <math.h>
#include <string.h>

#include "base/compiler.h"
#include "engine/tensor/ops_internal.h"

enum {
    CHUNK = AS_DELTA_CHUNK,
    PIECE = 128,  /* rows of the state whose keys and queries lie ready */
    COLUMNS = 128 /* of a strip, at most */
};

typedef struct {
    const as_exec *ex;
    const as_delta_back *runs;
    size_t ldo, ldqk, ldv, heads, key_heads, dk, dv;
    size_t width; /* columns of a strip */
} call;

/* One strip of one head, and its current chunk. c: CHUNK, w: width, p: piece. */
typedef struct {
    const call *c;
    const as_kernels *kernels;
    const as_delta_back *run;
    size_t head, column, columns; /* the strip, and how many of its columns there are */
    size_t w, p;                  /* distances between rows */
    size_t first, n, rows;        /* of the chunk; rows: n filled up */
    bool is_last;
    float *grad;                             /* (dk, w) of the state behind the chunk */
    float *state, *state_t, *grad_t;         /* (p, w), (w, p), (w, p) */
    float *k, *q, *k_t, *q_t, *dk, *dq, *kx; /* (c, p), but (p, c) for k_t, q_t */
    float *wish, *u, *u_t, *d_o, *dr;        /* (c, w), but (w, c) for u_t; u = beta wish */
    float *ux, *ox, *rx;                     /* (c, w): u, d_o, dr with their decays */
    float *decay;                            /* (c, c) from column to row, lower triangle */
    float *m, *l, *l_t, *s, *s_t;            /* (c, c) keys, keys beta, scores; and transposed */
    float *ds, *dl;                          /* (c, c) */
    float into[CHUNK], out[CHUNK], beta[CHUNK], total;
    float early[CHUNK], late[CHUNK], across;
} work;

static size_t filled(size_t n)
{
    return as_n_chunks(n, AS_LANES) * AS_LANES;
}

static size_t piece_of(const call *c)
{
    return as_min(PIECE, filled(c->dk));
}

/* --- matrices --------------------------------------------------------------------------------- */

/* Copies (n, len) and fills it up with zeros to (rows, w). */
static void load(float *to, size_t w, size_t rows, const float *from, size_t ld, size_t n,
                 size_t len)
{
    for (size_t i = 0; i < n; i++, to += w, from += ld) {
        memcpy(to, from, len * sizeof *to);
        memset(to + len, 0, (w - len) * sizeof *to);
    }
    memset(to, 0, (rows - n) * w * sizeof *to);
}

/* Rows and columns are multiples of 16. */
static void transpose(float *to, size_t ldt, const float *from, size_t ld, size_t rows,
                      size_t columns)
{
    for (size_t r = 0; r < rows; r += AS_LANES, from += AS_LANES * ld) {
        for (size_t c = 0; c < columns; c++) {
            AS_UNROLL
            for (size_t i = 0; i < AS_LANES; i++) to[c * ldt + r + i] = from[i * ld + c];
        }
    }
}

/* to_i = by_i from_i. */
static void scale_rows(const work *x, float *to, const float *from, const float *by, size_t w)
{
    for (size_t i = 0; i < x->rows; i++) x->kernels->scale(to + i * w, from + i * w, by[i], w);
}

/* c (rows, rows) += a b up to the diagonal, in blocks: a (rows, depth), b (depth, rows). */
static void add_lower(const work *x, float *c, const float *a, size_t lda, const float *b,
                      size_t depth)
{
    for (size_t i = 0; i < x->rows; i += AS_LANES)
        x->kernels->tile(c + i * CHUNK, CHUNK, a + i * lda, lda, b, CHUNK, AS_LANES, i + AS_LANES,
                         depth);
}

/* c (rows, w) += a b, where a (rows, rows) is 0 above the diagonal. */
static void add_lower_times(const work *x, float *c, const float *a, const float *b, size_t w)
{
    for (size_t i = 0; i < x->rows; i += AS_LANES)
        x->kernels->tile(c + i * w, w, a + i * CHUNK, CHUNK, b, w, AS_LANES, w, i + AS_LANES);
}

/* c (rows, w) += a b, where a (rows, rows) is 0 below the diagonal. */
static void add_upper_times(const work *x, float *c, const float *a, const float *b, size_t w)
{
    for (size_t i = 0; i < x->rows; i += AS_LANES)
        x->kernels->tile(c + i * w, w, a + i * CHUNK + i, CHUNK, b + i * w, w, AS_LANES, w,
                         x->rows - i);
}

/* --- one chunk -------------------------------------------------------------------------------- */

/* Of a decay, never above 0. A decay below e^-64 counts as 0: what it scales would come near the
 * denormal numbers, which take some hundred times as long, and change no digit of its sum. */
static float exponent(double difference)
{
    return difference < -64 ? -INFINITY : (float)difference;
}

/* Decays between rows of the chunk. Their exponents are differences of sums of many, perhaps large,
 * terms: taken in double. */
static void decays(work *x)
{
    double sum[CHUNK], last = 0;
    for (size_t i = 0; i < x->rows; i++) {
        size_t at = (x->first + i) * x->c->heads + x->head;
        x->beta[i] = i < x->n ? x->run->beta[at] : 0;
        sum[i] = last += i < x->n ? x->run->g[at] : 0;
    }
    for (size_t i = 0; i < x->rows; i++) {
        float *row = x->decay + i * CHUNK;
        for (size_t j = 0; j <= i; j++) row[j] = exponent(sum[i] - sum[j]);
        x->kernels->exp(row, row, i + 1);
        x->into[i] = exponent(sum[i]);
        x->out[i] = exponent(last - sum[i]);
    }
    x->kernels->exp(x->into, x->into, x->rows);
    x->kernels->exp(x->out, x->out, x->rows);
    x->total = x->into[x->rows - 1];
}

/* Keys, queries and state of rows at .. at + len - 1 of the state. */
static void load_piece(work *x, size_t at, size_t len)
{
    const call *c = x->c;
    size_t key = x->head / (c->heads / c->key_heads) * c->dk + at + x->first * c->ldqk;
    size_t chunk = x->first / CHUNK * c->heads + x->head;
    load(x->k, x->p, x->rows, x->run->k + key, c->ldqk, x->n, len);
    load(x->q, x->p, x->rows, x->run->q + key, c->ldqk, x->n, len);
    transpose(x->k_t, CHUNK, x->k, x->p, x->rows, x->p);
    transpose(x->q_t, CHUNK, x->q, x->p, x->rows, x->p);
    load(x->state, x->w, x->p, x->run->kept + (chunk * c->dk + at) * c->dv + x->column, c->dv, len,
         x->columns);
}

/* What sums over the rows of the state: m = k k^T, s = q k^T, wish = v - into k state,
 * dr = out k grad. */
static void gather(work *x)
{
    const call *c = x->c;
    float minus[CHUNK];
    size_t value = x->head * c->dv + x->column;
    memset(x->m, 0, x->rows * CHUNK * sizeof *x->m);
    memset(x->s, 0, x->rows * CHUNK * sizeof *x->s);
    memset(x->dr, 0, x->rows * x->w * sizeof *x->dr);
    load(x->wish, x->w, x->rows, x->run->v + x->first * c->ldv + value, c->ldv, x->n, x->columns);
    load(x->d_o, x->w, x->rows, x->run->d_o + x->first * c->ldo + value, c->ldo, x->n, x->columns);
    x->kernels->scale(minus, x->into, -1, x->rows);
    for (size_t at = 0; at < c->dk; at += PIECE) {
        load_piece(x, at, as_min(PIECE, c->dk - at));
        add_lower(x, x->m, x->k, x->p, x->k_t, x->p);
        add_lower(x, x->s, x->q, x->p, x->k_t, x->p);
        scale_rows(x, x->kx, x->k, minus, x->p);
        x->kernels->tile(x->wish, x->w, x->kx, x->p, x->state, x->w, x->rows, x->w, x->p);
        if (x->is_last) continue;
        scale_rows(x, x->kx, x->k, x->out, x->p);
        x->kernels->tile(x->dr, x->w, x->kx, x->p, x->grad + at * x->w, x->w, x->rows, x->w, x->p);
    }
}

/* m = -decay m and l = beta m below the diagonal, s = decay s up to it; 0 beyond. */
static void weigh(work *x)
{
    const as_kernels *kernels = x->kernels;
    for (size_t i = 0; i < x->rows; i++) {
        float *m = x->m + i * CHUNK, *l = x->l + i * CHUNK, *s = x->s + i * CHUNK;
        const float *decay = x->decay + i * CHUNK;
        kernels->mul(m, m, decay, i);
        kernels->scale(m, m, -1, i);
        kernels->scale(l, m, x->beta[i], i);
        kernels->mul(s, s, decay, i + 1);
        memset(l + i, 0, (x->rows - i) * sizeof *l);
        memset(s + i + 1, 0, (x->rows - i - 1) * sizeof *s);
    }
    transpose(x->l_t, CHUNK, x->l, CHUNK, x->rows, x->rows);
    transpose(x->s_t, CHUNK, x->s, CHUNK, x->rows, x->rows);
}

/* wish_i += sum_{j<i} m_ij u_j and u_i = beta_i wish_i, row by row. */
static void solve(work *x)
{
    size_t w = x->w;
    for (size_t b = 0; b < x->rows; b += AS_LANES) {
        x->kernels->tile(x->wish + b * w, w, x->m + b * CHUNK, CHUNK, x->u, w, AS_LANES, w, b);
        for (size_t i = b; i < b + AS_LANES; i++) {
            float *wish = x->wish + i * w;
            x->kernels->tile(wish, w, x->m + i * CHUNK + b, CHUNK, x->u + b * w, w, 1, w, i - b);
            x->kernels->scale(x->u + i * w, wish, x->beta[i], w);
        }
    }
}

/* dr_i += sum_{j>i} l_ji dr_j, from the last row to the first. */
static void solve_transposed(work *x)
{
    size_t w = x->w;
    for (size_t end = x->rows; end > 0; end -= AS_LANES) {
        size_t b = end - AS_LANES;
        x->kernels->tile(x->dr + b * w, w, x->l_t + b * CHUNK + end, CHUNK, x->dr + end * w, w,
                         AS_LANES, w, x->rows - end);
        for (size_t i = end - 1; i-- > b;) {
            x->kernels->tile(x->dr + i * w, w, x->l_t + i * CHUNK + i + 1, CHUNK,
                             x->dr + (i + 1) * w, w, 1, w, end - i - 1);
        }
    }
}

/* From the products ds = d_o u^T and dl = dr u^T: the gradients of q k^T (ds), its transpose (s_t)
 * and, of k k^T, the sum of both (dl). m gets dl l + ds s, the gradient of the exponents. */
static void weigh_gradients(work *x)
{
    const as_kernels *kernels = x->kernels;
    for (size_t i = 0; i < x->rows; i++) {
        float *ds = x->ds + i * CHUNK, *dl = x->dl + i * CHUNK, *m = x->m + i * CHUNK;
        const float *decay = x->decay + i * CHUNK;
        float *s = x->s + i * CHUNK;
        kernels->mul(m, dl, x->l + i * CHUNK, i);
        kernels->mul(s, s, ds, i);
        kernels->add(m, m, s, i);
        kernels->mul(ds, ds, decay, i + 1);
        kernels->mul(dl, dl, decay, i);
        kernels->scale(dl, dl, -x->beta[i], i);
        memset(ds + i + 1, 0, (x->rows - i - 1) * sizeof *ds);
        memset(dl + i, 0, (x->rows - i) * sizeof *dl);
    }
    transpose(x->s_t, CHUNK, x->ds, CHUNK, x->rows, x->rows);
    transpose(x->l_t, CHUNK, x->dl, CHUNK, x->rows, x->rows);
    for (size_t i = 0; i < x->rows; i++)
        kernels->add(x->dl + i * CHUNK, x->dl + i * CHUNK, x->l_t + i * CHUNK, x->rows);
}

/* Within the chunk, with the gradient that comes from behind it in dr. */
static void within(work *x)
{
    float by[CHUNK];
    size_t w = x->w;
    weigh(x);
    solve(x);
    add_upper_times(x, x->dr, x->s_t, x->d_o, w);
    solve_transposed(x);
    transpose(x->u_t, CHUNK, x->u, w, x->rows, w);
    memset(x->ds, 0, x->rows * CHUNK * sizeof *x->ds);
    memset(x->dl, 0, x->rows * CHUNK * sizeof *x->dl);
    add_lower(x, x->ds, x->d_o, w, x->u_t, w);
    add_lower(x, x->dl, x->dr, w, x->u_t, w);
    weigh_gradients(x);
    for (size_t i = 0; i < x->rows; i++) by[i] = -x->beta[i] * x->into[i];
    scale_rows(x, x->rx, x->dr, by, w);
    scale_rows(x, x->ox, x->d_o, x->into, w);
    scale_rows(x, x->ux, x->u, x->out, w);
}

/* dq, dk of one piece, and what it adds to the gradients of the decays. */
static void spread(work *x, size_t at, size_t len)
{
    const as_kernels *kernels = x->kernels;
    size_t p = x->p, w = x->w, rows = x->rows, ld = x->c->ldqk;
    float *grad = x->grad + at * w;
    memset(x->dq, 0, rows * p * sizeof *x->dq);
    memset(x->dk, 0, rows * p * sizeof *x->dk);
    transpose(x->state_t, p, x->state, w, p, w);
    kernels->tile(x->dq, p, x->ox, w, x->state_t, p, rows, p, w);
    kernels->tile(x->dk, p, x->rx, w, x->state_t, p, rows, p, w);
    for (size_t i = 0; i < rows; i++) {
        x->late[i] += kernels->dot(x->dq + i * p, x->q + i * p, p);
        x->late[i] += kernels->dot(x->dk + i * p, x->k + i * p, p);
    }
    if (!x->is_last) {
        memset(x->kx, 0, rows * p * sizeof *x->kx);
        transpose(x->grad_t, p, grad, w, p, w);
        kernels->tile(x->kx, p, x->ux, w, x->grad_t, p, rows, p, w);
        for (size_t i = 0; i < rows; i++)
            x->early[i] += kernels->dot(x->kx + i * p, x->k + i * p, p);
        kernels->add(x->dk, x->dk, x->kx, rows * p);
        x->across += x->total * kernels->dot(grad, x->state, p * w);
    }
    add_lower_times(x, x->dq, x->ds, x->k, p);
    kernels->tile(x->dk, p, x->dl, CHUNK, x->k, p, rows, p, rows);
    add_upper_times(x, x->dk, x->s_t, x->q, p);
    size_t key = x->head / (x->c->heads / x->c->key_heads) * x->c->dk + at + x->first * ld;
    for (size_t i = 0; i < x->n; i++) {
        float *dq = x->run->dq + key + i * ld, *dk = x->run->dk + key + i * ld;
        kernels->add(dq, dq, x->dq + i * p, len);
        kernels->add(dk, dk, x->dk + i * p, len);
    }
}

/* The gradient of the state before the chunk, for one piece. */
static void carry(work *x, size_t at)
{
    size_t w = x->w;
    float *grad = x->grad + at * w;
    x->kernels->scale(grad, grad, x->total, x->p * w);
    x->kernels->tile(grad, w, x->q_t, CHUNK, x->ox, w, x->p, w, x->rows);
    x->kernels->tile(grad, w, x->k_t, CHUNK, x->rx, w, x->p, w, x->rows);
}

/* dv and dbeta; and dg_t, which gets from each decay that row t is part of, without a difference:
 * those between rows j < t <= i, into rows i >= t, out of rows i < t, and across the chunk. */
static void store(const work *x)
{
    const as_kernels *kernels = x->kernels;
    const call *c = x->c;
    float between[CHUNK] = {0};
    double late = x->across, early[CHUNK + 1] = {0};
    for (size_t i = 0; i < x->n; i++) early[i + 1] = early[i] + x->early[i];
    for (size_t t = x->n; t-- > 0;) {
        size_t at = (x->first + t) * c->heads + x->head;
        kernels->axpy(x->run->dv + (x->first + t) * c->ldv + x->head * c->dv + x->column,
                      x->dr + t * x->w, x->beta[t], x->columns);
        x->run->dbeta[at] += kernels->dot(x->dr + t * x->w, x->wish + t * x->w, x->w);
        kernels->add(between, between, x->m + t * CHUNK, t);
        late += x->late[t];
        x->run->dg[at] += (float)(late + early[t] + kernels->sum(between, t));
    }
}

static void chunk_backward(work *x)
{
    const call *c = x->c;
    decays(x);
    gather(x);
    within(x);
    x->across = 0;
    for (size_t i = 0; i < CHUNK; i++) x->early[i] = x->late[i] = 0;
    for (size_t at = 0; at < c->dk; at += PIECE) {
        size_t len = as_min(PIECE, c->dk - at);
        if (c->dk > PIECE) load_piece(x, at, len);
        spread(x, at, len);
        if (x->first) carry(x, at);
    }
    store(x);
}

/* --- tasks ------------------------------------------------------------------------------------ */

static size_t floats(const call *c, size_t w)
{
    const size_t p = piece_of(c), pieces = as_n_chunks(c->dk, PIECE);
    return (pieces + 3) * p * w + CHUNK * (7 * p + 8 * w + 8 * CHUNK);
}

static float *take(float **at, size_t n)
{
    float *p = *at;
    *at += n;
    return p;
}

static void deal(work *x, float *scratch)
{
    const size_t w = x->c->width, p = piece_of(x->c);
    const size_t keys = CHUNK * p, values = CHUNK * w, pairs = CHUNK * CHUNK;
    float *at = scratch;
    x->w = w, x->p = p;
    x->grad = take(&at, as_n_chunks(x->c->dk, PIECE) * p * w);
    x->state = take(&at, p * w), x->state_t = take(&at, p * w), x->grad_t = take(&at, p * w);
    x->k = take(&at, keys), x->k_t = take(&at, keys), x->dk = take(&at, keys);
    x->q = take(&at, keys), x->q_t = take(&at, keys), x->dq = take(&at, keys);
    x->kx = take(&at, keys);
    x->wish = take(&at, values), x->u = take(&at, values), x->u_t = take(&at, values);
    x->d_o = take(&at, values), x->dr = take(&at, values);
    x->ux = take(&at, values), x->ox = take(&at, values), x->rx = take(&at, values);
    x->decay = take(&at, pairs), x->m = take(&at, pairs);
    x->l = take(&at, pairs), x->l_t = take(&at, pairs);
    x->s = take(&at, pairs), x->s_t = take(&at, pairs);
    x->ds = take(&at, pairs), x->dl = take(&at, pairs);
    AS_CHECK(at == scratch + floats(x->c, w));
}

/* The heads of one key head in order, each from its first column to its last. */
static void backward_task(void *ctx, size_t task, size_t worker)
{
    const call *c = ctx;
    work x = {.c = c, .kernels = c->ex->kernels, .run = &c->runs[task / c->key_heads]};
    const size_t group = c->heads / c->key_heads, rows = x.run->rows;
    deal(&x, as_exec_scratch(c->ex, worker));
    for (size_t i = 0; i < group; i++) {
        x.head = task % c->key_heads * group + i;
        for (x.column = 0; x.column < c->dv; x.column += x.w) {
            x.columns = as_min(x.w, c->dv - x.column);
            memset(x.grad, 0, (size_t)(x.state - x.grad) * sizeof *x.grad);
            for (size_t chunk = as_n_chunks(rows, CHUNK); chunk-- > 0;) {
                x.first = chunk * CHUNK;
                x.n = as_min(CHUNK, rows - x.first);
                x.rows = filled(x.n);
                x.is_last = x.first + x.n == rows;
                chunk_backward(&x);
            }
        }
    }
}

void as_delta_backward(const as_exec *ex, const as_delta_back *runs, size_t n_runs, size_t ldo,
                       size_t ldqk, size_t ldv, size_t heads, size_t key_heads, size_t dk,
                       size_t dv)
{
    call c = {.ex = ex,
              .runs = runs,
              .ldo = ldo,
              .ldqk = ldqk,
              .ldv = ldv,
              .heads = heads,
              .key_heads = key_heads,
              .dk = dk,
              .dv = dv,
              .width = as_min(COLUMNS, filled(dv))};
    while (floats(&c, c.width) > AS_SCRATCH) c.width -= AS_LANES;
    AS_CHECK(c.width > 0);
    as_pool_run(ex->pool, n_runs * key_heads, backward_task, &c);
}
