/* Gradients of the gated delta rule: against the recurrence taken backwards in double precision,
 * which is itself held against central differences; and against themselves in other tables, with
 * other threads and company. */
#include "check.h"

#include <stdlib.h>

#include "base/rng.h"
#include "engine/tensor/ops.h"

enum { GAP = 3 }; /* unused floats behind each row of q, k, v, o */

/* One set of tensors: the arguments, or their gradients. */
typedef struct {
    float *o, *q, *k, *v, *g, *beta;
} set;

typedef struct {
    size_t rows, heads, key_heads, dk, dv, ldqk, ldv;
    set x, d_o; /* d_o: only o */
    float *state, *kept;
} problem;

typedef enum { FORGETS_SOME, FORGETS_ALL, FORGETS_NOTHING, FORGETS_AT_TIMES, N_HABITS } habit;

static void *need(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);
    if (!p) abort();
    return p;
}

static float *noise(size_t n, const char *what, uint64_t seed, double scale)
{
    float *x = need(n, sizeof *x);
    as_rng r = as_rng_at(seed, what, 0);
    for (size_t i = 0; i < n; i++) x[i] = (float)(scale * as_rng_normal(&r));
    return x;
}

static float decay_of(habit h, size_t i, float noise)
{
    if (h == FORGETS_ALL) return -50;
    if (h == FORGETS_NOTHING) return i % 3 ? 0 : -1e-3f;
    if (h == FORGETS_AT_TIMES && i % 11 == 0) return -50;
    return -0.3f * noise * noise;
}

/* Keys and queries of length near 1, strengths in [0, 1], one of them 0. */
static problem problem_new(size_t rows, size_t heads, size_t key_heads, size_t dk, size_t dv,
                           habit h)
{
    problem p = {.rows = rows, .heads = heads, .key_heads = key_heads, .dk = dk, .dv = dv};
    uint64_t seed = rows + 1000 * dk + 1000000 * h;
    double unit = 1 / sqrt((double)dk);
    p.ldqk = key_heads * dk + GAP, p.ldv = heads * dv + GAP;
    p.x.q = noise(rows * p.ldqk, "q", seed, unit);
    p.x.k = noise(rows * p.ldqk, "k", seed, unit);
    p.x.v = noise(rows * p.ldv, "v", seed, 1);
    p.x.g = noise(rows * heads, "g", seed, 1);
    p.x.beta = noise(rows * heads, "beta", seed, 1);
    p.d_o.o = noise(rows * p.ldv, "o", seed, 1);
    p.state = noise(heads * dk * dv, "state", seed, 1);
    for (size_t i = 0; i < rows * heads; i++) {
        p.x.g[i] = decay_of(h, i, p.x.g[i]);
        p.x.beta[i] = 1 / (1 + fabsf(p.x.beta[i]));
    }
    p.x.beta[rows * heads / 2] = 0;
    p.kept = need(((rows + AS_DELTA_CHUNK - 1) / AS_DELTA_CHUNK) * heads * dk * dv, sizeof(float));
    return p;
}

static void set_free(set *s)
{
    free(s->o), free(s->q), free(s->k), free(s->v), free(s->g), free(s->beta);
}

static void problem_free(problem *p)
{
    set_free(&p->x), set_free(&p->d_o), free(p->state), free(p->kept);
}

static size_t key_at(const problem *p, size_t t, size_t h)
{
    return t * p->ldqk + h / (p->heads / p->key_heads) * p->dk;
}

/* o (new, the caller frees); fills kept when asked, and the state behind the last row. */
static float *forward(const as_exec *ex, problem *p, float *state, float *kept)
{
    float *o = need(p->rows * p->ldv, sizeof *o);
    memcpy(state, p->state, p->heads * p->dk * p->dv * sizeof *state);
    as_delta_run run = {.o = o,
                        .q = p->x.q,
                        .k = p->x.k,
                        .v = p->x.v,
                        .g = p->x.g,
                        .beta = p->x.beta,
                        .state = state,
                        .rows = p->rows,
                        .kept = kept};
    as_delta(ex, &run, 1, p->ldv, p->ldqk, p->ldv, p->heads, p->key_heads, p->dk, p->dv);
    return o;
}

static set gradients_new(const problem *p, float start)
{
    set d = {.q = need(p->rows * p->ldqk, sizeof(float)),
             .k = need(p->rows * p->ldqk, sizeof(float)),
             .v = need(p->rows * p->ldv, sizeof(float)),
             .g = need(p->rows * p->heads, sizeof(float)),
             .beta = need(p->rows * p->heads, sizeof(float))};
    for (size_t i = 0; i < p->rows * p->ldqk; i++) d.q[i] = d.k[i] = start;
    for (size_t i = 0; i < p->rows * p->ldv; i++) d.v[i] = start;
    for (size_t i = 0; i < p->rows * p->heads; i++) d.g[i] = d.beta[i] = start;
    return d;
}

static as_delta_back back_of(const problem *p, const set *d)
{
    return (as_delta_back){.d_o = p->d_o.o,
                           .q = p->x.q,
                           .k = p->x.k,
                           .v = p->x.v,
                           .g = p->x.g,
                           .beta = p->x.beta,
                           .kept = p->kept,
                           .dq = d->q,
                           .dk = d->k,
                           .dv = d->v,
                           .dg = d->g,
                           .dbeta = d->beta,
                           .rows = p->rows};
}

static set backward(const as_exec *ex, const problem *p, float start)
{
    set d = gradients_new(p, start);
    as_delta_back back = back_of(p, &d);
    as_delta_backward(ex, &back, 1, p->ldv, p->ldqk, p->ldv, p->heads, p->key_heads, p->dk, p->dv);
    return d;
}

/* --- the recurrence in double ------------------------------------------------------------------
 */

typedef struct {
    double *q, *k, *v, *g, *beta, *state; /* as in set; state as in problem */
} wide;

static double *widened(const float *x, size_t n)
{
    double *y = need(n, sizeof *y);
    for (size_t i = 0; x && i < n; i++) y[i] = x[i];
    return y;
}

/* x NULL: zeros. */
static wide wide_new(const problem *p, const set *x)
{
    static const set none;
    const set *s = x ? x : &none;
    return (wide){.q = widened(s->q, p->rows * p->ldqk),
                  .k = widened(s->k, p->rows * p->ldqk),
                  .v = widened(s->v, p->rows * p->ldv),
                  .g = widened(s->g, p->rows * p->heads),
                  .beta = widened(s->beta, p->rows * p->heads),
                  .state = widened(x ? p->state : NULL, p->heads * p->dk * p->dv)};
}

static void wide_free(wide *w)
{
    free(w->q), free(w->k), free(w->v), free(w->g), free(w->beta), free(w->state);
}

/* Row t of head h: s is decayed, then written to. Returns o_t . dO_t; u (dv); decayed may be NULL.
 */
static double step(const problem *p, const wide *x, size_t t, size_t h, double *s, double *decayed,
                   double *u)
{
    const double *q = x->q + key_at(p, t, h), *k = x->k + key_at(p, t, h);
    double decay = exp(x->g[t * p->heads + h]), loss = 0;
    for (size_t i = 0; i < p->dk * p->dv; i++) s[i] *= decay;
    if (decayed) memcpy(decayed, s, p->dk * p->dv * sizeof *s);
    for (size_t c = 0; c < p->dv; c++) {
        double a = 0, o = 0;
        size_t at = t * p->ldv + h * p->dv + c;
        for (size_t i = 0; i < p->dk; i++) a += k[i] * s[i * p->dv + c];
        u[c] = x->beta[t * p->heads + h] * (x->v[at] - a);
        for (size_t i = 0; i < p->dk; i++) o += q[i] * (s[i * p->dv + c] += k[i] * u[c]);
        loss += o * p->d_o.o[at];
    }
    return loss;
}

static double loss_of(const problem *p, const wide *x)
{
    size_t n = p->dk * p->dv;
    double *s = need(n, sizeof *s), *u = need(p->dv, sizeof *u), loss = 0;
    for (size_t h = 0; h < p->heads; h++) {
        memcpy(s, x->state + h * n, n * sizeof *s);
        for (size_t t = 0; t < p->rows; t++) loss += step(p, x, t, h, s, NULL, u);
    }
    free(s), free(u);
    return loss;
}

/* Row t of head h backwards: s and before are the state after the write and before it, u what was
 * written; grad is the gradient of s, and of the state before the decay on return. */
static void step_back(const problem *p, const wide *x, wide *d, size_t t, size_t h, const double *s,
                      const double *before, const double *u, double *grad)
{
    size_t key = key_at(p, t, h), value = t * p->ldv + h * p->dv, at = t * p->heads + h;
    const double *q = x->q + key, *k = x->k + key;
    for (size_t c = 0; c < p->dv; c++) {
        double d_o = p->d_o.o[value + c], du = 0, had = 0;
        for (size_t i = 0; i < p->dk; i++) {
            double *g = grad + i * p->dv + c;
            *g += q[i] * d_o;
            d->q[key + i] += s[i * p->dv + c] * d_o;
            d->k[key + i] += *g * u[c];
            du += *g * k[i];
            had += before[i * p->dv + c] * k[i];
        }
        double dv = x->beta[at] * du;
        d->beta[at] += du * (x->v[value + c] - had);
        d->v[value + c] += dv;
        for (size_t i = 0; i < p->dk; i++) {
            double *g = grad + i * p->dv + c;
            d->k[key + i] -= before[i * p->dv + c] * dv;
            *g -= k[i] * dv;
            d->g[at] += *g * before[i * p->dv + c];
            *g *= exp(x->g[at]);
        }
    }
}

static wide expected(const problem *p)
{
    size_t n = p->dk * p->dv;
    wide x = wide_new(p, &p->x), d = wide_new(p, NULL);
    double *after = need(p->rows * n, sizeof *after), *before = need(p->rows * n, sizeof *before);
    double *u = need(p->rows * p->dv, sizeof *u), *s = need(n, sizeof *s);
    double *grad = need(n, sizeof *grad);
    for (size_t h = 0; h < p->heads; h++) {
        memcpy(s, x.state + h * n, n * sizeof *s);
        memset(grad, 0, n * sizeof *grad);
        for (size_t t = 0; t < p->rows; t++) {
            (void)step(p, &x, t, h, s, before + t * n, u + t * p->dv);
            memcpy(after + t * n, s, n * sizeof *s);
        }
        for (size_t t = p->rows; t-- > 0;)
            step_back(p, &x, &d, t, h, after + t * n, before + t * n, u + t * p->dv, grad);
    }
    free(after), free(before), free(u), free(s), free(grad), wide_free(&x);
    return d;
}

static void check_slopes(const problem *p, wide *x, double *at, const double *got, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double h = 1e-5, was = at[i];
        at[i] = was + h;
        double up = loss_of(p, x);
        at[i] = was - h;
        double slope = (up - loss_of(p, x)) / (2 * h);
        at[i] = was;
        CHECK_NEAR(got[i], slope, 1e-7); /* h^2 and 2^-52 / h, times sums near 100 */
    }
}

static void recurrence_matches_differences(void)
{
    problem p = problem_new(7, 4, 2, 5, 3, FORGETS_SOME);
    wide x = wide_new(&p, &p.x), d = expected(&p);
    check_slopes(&p, &x, x.q, d.q, p.rows * p.ldqk);
    check_slopes(&p, &x, x.k, d.k, p.rows * p.ldqk);
    check_slopes(&p, &x, x.v, d.v, p.rows * p.ldv);
    check_slopes(&p, &x, x.g, d.g, p.rows * p.heads);
    check_slopes(&p, &x, x.beta, d.beta, p.rows * p.heads);
    wide_free(&x), wide_free(&d), problem_free(&p);
}

/* --- the gradients -----------------------------------------------------------------------------
 */

/* The largest difference as a share of the largest gradient. */
static double worst(const float *got, const double *want, size_t n)
{
    double off = 0, most = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(got[i])) return HUGE_VAL;
        off = fmax(off, fabs(got[i] - want[i]));
        most = fmax(most, fabs(want[i]));
    }
    return off == 0 ? 0 : off / most;
}

static void check_against_recurrence(const as_exec *ex, problem *p)
{
    /* Rounding alone: products of up to 300 terms and sums over 200 rows, each term off by a few
     * 2^-24 of itself, and decays off by their exponent (at most 88) times 2^-24. Elements are sums
     * of terms as large as the largest element; so that is what the error is a share of. */
    const double tolerance = 1e-5;
    float *state = need(p->heads * p->dk * p->dv, sizeof *state);
    free(forward(ex, p, state, p->kept));
    set d = backward(ex, p, 0);
    wide e = expected(p);
    double off[] = {worst(d.q, e.q, p->rows * p->ldqk), worst(d.k, e.k, p->rows * p->ldqk),
                    worst(d.v, e.v, p->rows * p->ldv), worst(d.g, e.g, p->rows * p->heads),
                    worst(d.beta, e.beta, p->rows * p->heads)};
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) CHECK(off[i] <= tolerance);
    set_free(&d), wide_free(&e), free(state);
}

static void matches_recurrence(void)
{
    static const size_t rows[] = {1, 5, 63, 64, 65, 130, 200};
    as_error err = {0};
    as_exec ex;
    if (!as_exec_init(&ex, "auto", 2, &err)) abort();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (habit h = 0; h < N_HABITS; h++) {
            problem p = problem_new(rows[i], 2 + i % 2 * 2, 2, 16, 16, h);
            check_against_recurrence(&ex, &p);
            problem_free(&p);
        }
    }
    as_exec_clear(&ex);
}

static const struct {
    size_t rows, heads, key_heads, dk, dv;
} sizes[] = {{130, 2, 1, 128, 128}, {70, 2, 2, 24, 136}, {9, 3, 3, 7, 5}, {66, 2, 1, 300, 20}};
enum { N_SIZES = sizeof sizes / sizeof *sizes };

static problem problem_at(size_t i, habit h)
{
    return problem_new(sizes[i].rows, sizes[i].heads, sizes[i].key_heads, sizes[i].dk, sizes[i].dv,
                       h);
}

static void matches_recurrence_at_other_sizes(void)
{
    as_error err = {0};
    as_exec ex;
    if (!as_exec_init(&ex, "auto", 2, &err)) abort();
    for (size_t i = 0; i < N_SIZES; i++) {
        for (habit h = 0; h < N_HABITS; h++) {
            problem p = problem_at(i, h);
            check_against_recurrence(&ex, &p);
            problem_free(&p);
        }
    }
    as_exec_clear(&ex);
}

/* --- kept states -------------------------------------------------------------------------------
 */

/* What is kept before a chunk is the state behind as many rows, and keeping changes no bit. */
static void keeps_states(void)
{
    as_error err = {0};
    as_exec ex;
    if (!as_exec_init(&ex, "auto", 2, &err)) abort();
    for (size_t i = 0; i < N_SIZES; i++) {
        problem p = problem_at(i, FORGETS_SOME);
        size_t n = p.heads * p.dk * p.dv, all = p.rows;
        float *with = need(n, sizeof *with), *without = need(n, sizeof *without);
        float *a = forward(&ex, &p, with, p.kept), *b = forward(&ex, &p, without, NULL);
        CHECK(memcmp(a, b, p.rows * p.ldv * sizeof *a) == 0);
        CHECK(memcmp(with, without, n * sizeof *with) == 0);
        for (p.rows = 0; p.rows < all; p.rows += AS_DELTA_CHUNK) {
            free(forward(&ex, &p, without, NULL));
            CHECK(memcmp(p.kept + p.rows / AS_DELTA_CHUNK * n, without, n * sizeof *with) == 0);
        }
        free(a), free(b), free(with), free(without), problem_free(&p);
    }
    as_exec_clear(&ex);
}

/* --- the same bits -----------------------------------------------------------------------------
 */

static bool are_same(const problem *p, const set *a, const set *b)
{
    return memcmp(a->q, b->q, p->rows * p->ldqk * sizeof *a->q) == 0 &&
           memcmp(a->k, b->k, p->rows * p->ldqk * sizeof *a->k) == 0 &&
           memcmp(a->v, b->v, p->rows * p->ldv * sizeof *a->v) == 0 &&
           memcmp(a->g, b->g, p->rows * p->heads * sizeof *a->g) == 0 &&
           memcmp(a->beta, b->beta, p->rows * p->heads * sizeof *a->beta) == 0;
}

static void all_ways_agree(void)
{
    static const size_t threads[] = {1, 2, 7};
    as_error err = {0};
    size_t n_tables;
    const as_kernels *const *all = as_kernels_all(&n_tables);
    as_exec plain;
    if (!as_exec_init(&plain, "scalar", 1, &err)) abort();
    for (size_t i = 0; i < N_SIZES; i++) {
        problem p = problem_at(i, FORGETS_AT_TIMES);
        float *state = need(p.heads * p.dk * p.dv, sizeof *state);
        free(forward(&plain, &p, state, p.kept));
        set want = backward(&plain, &p, 0);
        for (size_t c = 0; c < n_tables * 3; c++) {
            if (!all[c / 3]->is_supported()) continue;
            as_exec ex;
            if (!as_exec_init(&ex, all[c / 3]->name, threads[c % 3], &err)) abort();
            set got = backward(&ex, &p, 0);
            CHECK(are_same(&p, &got, &want));
            set_free(&got), as_exec_clear(&ex);
        }
        set_free(&want), free(state), problem_free(&p);
    }
    as_exec_clear(&plain);
}

static void check_sum(const float *got, const float *d, size_t n, size_t ld, size_t used)
{
    for (size_t i = 0; i < n; i++) CHECK(got[i] == (i % ld < used ? 0.75f + d[i] : 0.75f));
}

/* Gradients are added to what is there, and what lies between rows is left alone. With one value
 * head a key head, in one strip, each gets one sum. */
static void adds(void)
{
    as_error err = {0};
    as_exec ex;
    if (!as_exec_init(&ex, "auto", 2, &err)) abort();
    problem p = problem_new(70, 3, 3, 16, 24, FORGETS_SOME);
    float *state = need(p.heads * p.dk * p.dv, sizeof *state);
    free(forward(&ex, &p, state, p.kept));
    set zero = backward(&ex, &p, 0), more = backward(&ex, &p, 0.75f);
    check_sum(more.q, zero.q, p.rows * p.ldqk, p.ldqk, p.key_heads * p.dk);
    check_sum(more.k, zero.k, p.rows * p.ldqk, p.ldqk, p.key_heads * p.dk);
    check_sum(more.g, zero.g, p.rows * p.heads, 1, 1);
    check_sum(more.beta, zero.beta, p.rows * p.heads, 1, 1);
    for (size_t i = 0; i < p.rows * p.ldv; i++) { /* dv is added by fma: one rounding less */
        bool is_used = i % p.ldv < p.heads * p.dv;
        if (is_used)
            CHECK_NEAR(more.v[i], 0.75f + zero.v[i], 2e-7);
        else
            CHECK(more.v[i] == 0.75f);
    }
    set_free(&zero), set_free(&more), free(state), problem_free(&p), as_exec_clear(&ex);
}

/* Several runs in one call, of different lengths, one of them empty. */
static void runs_do_not_meet(void)
{
    const size_t rows[3] = {70, 0, 17};
    as_error err = {0};
    as_exec ex;
    if (!as_exec_init(&ex, "auto", 2, &err)) abort();
    problem p[3];
    set got[3];
    as_delta_back back[3];
    for (size_t i = 0; i < 3; i++) {
        p[i] = problem_new(70, 4, 2, 16, 32, (habit)i);
        p[i].rows = rows[i];
        float *state = need(p[i].heads * p[i].dk * p[i].dv, sizeof *state);
        free(forward(&ex, &p[i], state, p[i].kept));
        got[i] = gradients_new(&p[i], 0);
        back[i] = back_of(&p[i], &got[i]);
        free(state);
    }
    as_delta_backward(&ex, back, 3, p[0].ldv, p[0].ldqk, p[0].ldv, 4, 2, 16, 32);
    for (size_t i = 0; i < 3; i++) {
        set alone = backward(&ex, &p[i], 0);
        CHECK(are_same(&p[i], &alone, &got[i]));
        set_free(&alone), set_free(&got[i]), problem_free(&p[i]);
    }
    as_exec_clear(&ex);
}

int main(void)
{
    RUN(recurrence_matches_differences);
    RUN(matches_recurrence);
    RUN(matches_recurrence_at_other_sizes);
    RUN(keeps_states);
    RUN(all_ways_agree);
    RUN(adds);
    RUN(runs_do_not_meet);
    return check_end();
}
