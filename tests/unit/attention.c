/* Attention over pages: against the formula in double precision, and against its own definition,
 * written out for one query, bit for bit however runs are cut, joined, shared out or computed. */
#include "check.h"

#include <stdlib.h>

#include "base/rng.h"
#include "engine/tensor/attention.h"

typedef struct {
    size_t heads, key_heads, d, window;
    float scale;
    size_t n; /* positions */
} shape;

/* One row's history: queries (n, heads, d), keys and values (n, key_heads, d), its pages. */
typedef struct {
    shape s;
    float *q, *k, *v;
    float **pages;
    size_t n_pages;
} row;

static void *need(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);
    if (!p) abort();
    return p;
}

static float *noise(size_t n, const char *what, uint64_t seed)
{
    float *x = need(n, sizeof *x);
    as_rng r = as_rng_at(seed, what, 0);
    for (size_t i = 0; i < n; i++) x[i] = (float)as_rng_normal(&r);
    return x;
}

/* Pages begin as NaN: what nobody wrote, nobody may use. */
static float *page_new(const shape *s)
{
    size_t n = as_page_floats(s->key_heads, s->d);
    float *p = need(n, sizeof *p);
    for (size_t i = 0; i < n; i++) p[i] = NAN;
    return p;
}

static row row_new(const as_exec *ex, shape s, uint64_t seed)
{
    row r = {.s = s, .n_pages = (s.n + AS_PAGE - 1) / AS_PAGE};
    r.q = noise(s.n * s.heads * s.d, "q", seed);
    r.k = noise(s.n * s.key_heads * s.d, "k", seed);
    r.v = noise(s.n * s.key_heads * s.d, "v", seed);
    r.pages = need(r.n_pages, sizeof *r.pages);
    for (size_t i = 0; i < r.n_pages; i++) r.pages[i] = page_new(&s);
    size_t ld = s.key_heads * s.d, half = s.n / 3;
    as_page_store(ex, r.pages, 0, r.k, ld, r.v, ld, half, s.key_heads, s.d);
    as_page_store(ex, r.pages, (uint32_t)half, r.k + half * ld, ld, r.v + half * ld, ld, s.n - half,
                  s.key_heads, s.d);
    return r;
}

static void row_free(row *r)
{
    for (size_t i = 0; i < r->n_pages; i++) free(r->pages[i]);
    free(r->pages), free(r->q), free(r->k), free(r->v);
}

static size_t width(const shape *s)
{
    return s->heads * s->d;
}

/* --- the formula, and the definition ---------------------------------------------------------- */

static size_t first_key(const shape *s, size_t i)
{
    return s->window && i + 1 > s->window ? i + 1 - s->window : 0;
}

static const float *key_of(const row *r, const float *x, size_t j, size_t h)
{
    const shape *s = &r->s;
    return x + (j * s->key_heads + h / (s->heads / s->key_heads)) * s->d;
}

static void formula(const row *r, size_t i, size_t h, double *o)
{
    const shape *s = &r->s;
    const float *q = r->q + (i * s->heads + h) * s->d;
    double *p = need(s->n, sizeof *p), top = -INFINITY, sum = 0;
    for (size_t j = first_key(s, i); j <= i; j++) {
        const float *k = key_of(r, r->k, j, h);
        for (size_t e = 0; e < s->d; e++) p[j] += (double)q[e] * k[e];
        p[j] *= s->scale;
        top = fmax(top, p[j]);
    }
    for (size_t e = 0; e < s->d; e++) o[e] = 0;
    for (size_t j = first_key(s, i); j <= i; j++) {
        double w = exp(p[j] - top);
        const float *v = key_of(r, r->v, j, h);
        sum += w;
        for (size_t e = 0; e < s->d; e++) o[e] += w * v[e];
    }
    for (size_t e = 0; e < s->d; e++) o[e] /= sum;
    free(p);
}

/* attention.h, step by step, for one query and head. */
static void definition(const as_kernels *k, const row *r, size_t i, size_t h, float *o)
{
    const shape *s = &r->s;
    const float *q = r->q + (i * s->heads + h) * s->d;
    float m = -INFINITY, l = 0;
    for (size_t e = 0; e < s->d; e++) o[e] = 0;
    for (size_t j = first_key(s, i); j <= i;) {
        size_t end = (j / AS_PAGE + 1) * AS_PAGE, n = (end < i + 1 ? end : i + 1) - j;
        float p[AS_PAGE], top = m;
        for (size_t a = 0; a < n; a++) {
            const float *key = key_of(r, r->k, j + a, h);
            float c = 0;
            for (size_t e = 0; e < s->d; e++) c = fmaf(q[e], key[e], c);
            p[a] = s->scale * c;
            if (p[a] > top) top = p[a];
        }
        for (size_t a = 0; a < n; a++) p[a] -= top;
        k->exp(p, p, n);
        float shrink = m - top;
        k->exp(&shrink, &shrink, 1);
        l *= shrink;
        for (size_t a = 0; a < n; a++) l += p[a];
        for (size_t e = 0; e < s->d; e++) {
            o[e] *= shrink;
            for (size_t a = 0; a < n; a++) o[e] = fmaf(p[a], key_of(r, r->v, j + a, h)[e], o[e]);
        }
        m = top;
        j += n;
    }
    for (size_t e = 0; e < s->d; e++) o[e] /= l;
}

/* All queries of a row by the definition, in scalar arithmetic. */
static float *defined(const row *r)
{
    as_error err = {0};
    const as_kernels *k = as_kernels_find("scalar", &err);
    const shape *s = &r->s;
    float *o = need(s->n * width(s), sizeof *o);
    for (size_t i = 0; i < s->n; i++) {
        for (size_t h = 0; h < s->heads; h++) {
            definition(k, r, i, h, o + (i * s->heads + h) * s->d);
        }
    }
    return o;
}

/* --- calls ------------------------------------------------------------------------------------ */

static as_attention_run run_of(const row *r, float *o, size_t first, size_t rows)
{
    return (as_attention_run){.q = r->q + first * width(&r->s),
                              .o = o + first * width(&r->s),
                              .pages = r->pages,
                              .first = (uint32_t)first,
                              .rows = rows};
}

static void attend(const as_exec *ex, const shape *s, const as_attention_run *runs, size_t n)
{
    as_attention(ex, runs, n, width(s), width(s), s->heads, s->key_heads, s->d, s->scale,
                 s->window);
}

/* The row cut at every `step` positions: calls one after the other, then all cuts in one call. */
static void cut_is_as_defined(const as_exec *ex, const row *r, const float *expected, size_t step)
{
    const shape *s = &r->s;
    size_t n = s->n * width(s), n_runs = 0;
    float *o = need(n, sizeof *o);
    as_attention_run *runs = need(s->n / step + 1, sizeof *runs);
    for (size_t i = 0; i < s->n; i += step) {
        runs[n_runs++] = run_of(r, o, i, s->n - i < step ? s->n - i : step);
        attend(ex, s, &runs[n_runs - 1], 1);
    }
    CHECK(memcmp(o, expected, n * sizeof *o) == 0);
    memset(o, 0, n * sizeof *o);
    attend(ex, s, runs, n_runs);
    CHECK(memcmp(o, expected, n * sizeof *o) == 0);
    free(o), free(runs);
}

static void every_table(void (*test)(const as_exec *ex))
{
    static const size_t threads[] = {1, 2, 7};
    size_t n_tables;
    const as_kernels *const *all = as_kernels_all(&n_tables);
    for (size_t i = 0; i < n_tables; i++) {
        if (!all[i]->is_supported()) continue;
        for (size_t t = 0; t < 3; t++) {
            as_error err = {0};
            as_exec ex;
            bool ok = as_exec_init(&ex, all[i]->name, threads[t], &err);
            CHECK(ok);
            if (!ok) return;
            test(&ex);
            as_exec_clear(&ex);
        }
    }
}

/* Grouped, single and many key heads, windows shorter and longer than a page, narrow and odd
 * heads, a group wider than a block. */
static const shape shapes[] = {
    {4, 2, 32, 0, 0.18f, 150},  {3, 3, 16, 0, 0.25f, 130}, {8, 1, 64, 0, 0.125f, 140},
    {4, 2, 24, 20, 0.2f, 150},  {2, 1, 8, 100, 1.0f, 230}, {4, 2, 16, 64, 0.25f, 200},
    {70, 1, 10, 40, 0.3f, 100}, {2, 2, 128, 0, 0.09f, 70}, {2, 1, 2, 1, 1.0f, 66},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

/* Scores, weights and sums each round once per term: some 2^-24 sqrt(d + n) of values near 1. */
static void matches_the_formula(void)
{
    as_error err = {0};
    as_exec ex;
    if (!as_exec_init(&ex, "auto", 2, &err)) abort();
    for (size_t c = 0; c < N_SHAPES; c++) {
        shape s = shapes[c];
        row r = row_new(&ex, s, c);
        float *o = need(s.n * width(&s), sizeof *o);
        as_attention_run run = run_of(&r, o, 0, s.n);
        attend(&ex, &s, &run, 1);
        for (size_t i = 0; i < s.n; i++) {
            for (size_t h = 0; h < s.heads; h++) {
                double exact[512];
                formula(&r, i, h, exact);
                for (size_t e = 0; e < s.d; e++) {
                    CHECK_NEAR(o[(i * s.heads + h) * s.d + e], exact[e], 4e-6);
                }
            }
        }
        free(o), row_free(&r);
    }
    as_exec_clear(&ex);
}

static void cuts_of(const as_exec *ex)
{
    static const size_t steps[] = {1, 7, 64, 1000};
    bool is_slow = strcmp(ex->kernels->name, "scalar") == 0; /* one emulated fma at a time */
    for (size_t c = 0; c < N_SHAPES; c++) {
        row r = row_new(ex, shapes[c], c);
        float *expected = defined(&r);
        for (size_t i = is_slow ? c % 4 : 0; i < 4; i += is_slow ? 4 : 1) {
            cut_is_as_defined(ex, &r, expected, steps[i]);
        }
        free(expected), row_free(&r);
    }
}

static void cuts_change_nothing(void)
{
    every_table(cuts_of);
}

/* Three rows over the same first pages, of different lengths, with a stranger between them. */
static void shared_pages(const as_exec *ex)
{
    for (size_t window = 0; window <= 90; window += 90) {
        shape s = {4, 2, 16, window, 0.25f, 200};
        row r[4];
        float *expected[4], *o[4];
        as_attention_run runs[4];
        for (size_t i = 0; i < 4; i++) {
            shape own = s;
            own.n = s.n - 21 * i;
            r[i] = row_new(ex, own, i == 1 ? 5 : 0);
            size_t ld = s.key_heads * s.d, shared = 2 * AS_PAGE;
            for (size_t j = shared * ld; i != 1 && j < own.n * ld; j++) { /* part after page 1 */
                r[i].k[j] += (float)i, r[i].v[j] -= (float)i;
            }
            as_page_store(ex, r[i].pages, (uint32_t)shared, r[i].k + shared * ld, ld,
                          r[i].v + shared * ld, ld, own.n - shared, s.key_heads, s.d);
            expected[i] = defined(&r[i]);
            o[i] = need(own.n * width(&s), sizeof **o);
        }
        float *const own[2][2] = {{r[2].pages[0], r[2].pages[1]}, {r[3].pages[0], r[3].pages[1]}};
        for (size_t p = 0; p < 2; p++) r[2].pages[p] = r[3].pages[p] = r[0].pages[p];
        for (size_t rows = 1; rows <= 9; rows += 4) {
            for (size_t i = 0; i < 4; i++) runs[i] = run_of(&r[i], o[i], r[i].s.n - rows, rows);
            attend(ex, &s, runs, 4);
            for (size_t i = 0; i < 4; i++) {
                size_t at = (r[i].s.n - rows) * width(&s);
                CHECK(memcmp(o[i] + at, expected[i] + at, rows * width(&s) * sizeof **o) == 0);
            }
        }
        for (size_t p = 0; p < 2; p++) r[2].pages[p] = own[0][p], r[3].pages[p] = own[1][p];
        for (size_t i = 0; i < 4; i++) free(expected[i]), free(o[i]), row_free(&r[i]);
    }
}

static void sharing_changes_nothing(void)
{
    every_table(shared_pages);
}

/* More runs than a plan holds, some of them empty. */
static void many_runs_are_all_done(void)
{
    as_error err = {0};
    as_exec ex;
    if (!as_exec_init(&ex, "auto", 2, &err)) abort();
    shape s = {2, 1, 16, 0, 0.25f, 700};
    row r = row_new(&ex, s, 1);
    float *whole = need(s.n * width(&s), sizeof *whole), *o = need(s.n * width(&s), sizeof *o);
    as_attention_run *runs = need(2 * s.n, sizeof *runs), all = run_of(&r, whole, 0, s.n);
    attend(&ex, &s, &all, 1);
    for (size_t i = 0; i < s.n; i++) {
        runs[2 * i] = run_of(&r, o, i, 1);
        runs[2 * i + 1] = run_of(&r, o, i, 0);
    }
    attend(&ex, &s, runs, 2 * s.n);
    CHECK(memcmp(o, whole, s.n * width(&s) * sizeof *o) == 0);
    free(whole), free(o), free(runs), row_free(&r);
    as_exec_clear(&ex);
}

/* Large scores, and a NaN that stays with the queries that see it. */
static void extremes(const as_exec *ex)
{
    shape s = {2, 1, 16, 0, 40.0f, 100};
    row r = row_new(ex, s, 3);
    float *expected = defined(&r);
    cut_is_as_defined(ex, &r, expected, 33);
    r.q[50 * width(&s) + 3] = NAN;
    float *o = need(s.n * width(&s), sizeof *o);
    as_attention_run run = run_of(&r, o, 0, s.n);
    attend(ex, &s, &run, 1);
    for (size_t e = 0; e < s.d; e++) CHECK(isnan(o[50 * width(&s) + e]));
    memcpy(o + 50 * width(&s), expected + 50 * width(&s), s.d * sizeof *o);
    CHECK(memcmp(o, expected, s.n * width(&s) * sizeof *o) == 0);
    free(o), free(expected), row_free(&r);
}

static void extremes_stay_in_place(void)
{
    every_table(extremes);
}

int main(void)
{
    RUN(matches_the_formula);
    RUN(cuts_change_nothing);
    RUN(sharing_changes_nothing);
    RUN(many_runs_are_all_done);
    RUN(extremes_stay_in_place);
    return check_end();
}
