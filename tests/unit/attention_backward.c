/* Gradients of attention: against the formula in double precision, which itself is held against
 * central differences of the loss, and against themselves, bit for bit, however they are computed.
 */
#include "check.h"

#include <stdlib.h>

#include "base/rng.h"
#include "engine/tensor/attention.h"

enum { GAP = 3 }; /* floats between two rows that nobody may write */

typedef struct {
    size_t heads, key_heads, d, window;
    float scale;
    size_t n; /* positions */
} shape;

/* One sequence: q, o, d_o, dq (n, heads, d; rows ldq apart), k, v, dk, dv (n, key_heads, d; rows
 * ldk apart), lse (n, heads). */
typedef struct {
    shape s;
    size_t ldq, ldk, n_pages;
    float *q, *o, *d_o, *dq, *k, *v, *dk, *dv, *lse;
    float **pages;
} sequence;

/* The same in double precision, by the formulas, from the sequence's q, k, v, d_o. */
typedef struct {
    double *o, *lse, *dq, *dk, *dv;
} exact;

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

static as_attention_run forward_of(const sequence *x)
{
    return (as_attention_run){
        .q = x->q, .o = x->o, .pages = x->pages, .first = 0, .rows = x->s.n, .lse = x->lse};
}

static void forward(const as_exec *ex, const sequence *x)
{
    const shape *s = &x->s;
    as_attention_run run = forward_of(x);
    as_attention(ex, &run, 1, x->ldq, x->ldq, s->heads, s->key_heads, s->d, s->scale, s->window);
}

/* A sequence with its forward pass done. Its gradients are not zero to begin with. */
static sequence sequence_new(const as_exec *ex, shape s, uint64_t seed)
{
    sequence x = {.s = s, .ldq = s.heads * s.d + GAP, .ldk = s.key_heads * s.d + GAP};
    size_t nq = s.n * x.ldq, nk = s.n * x.ldk;
    x.q = noise(nq, "q", seed), x.k = noise(nk, "k", seed), x.v = noise(nk, "v", seed);
    x.d_o = noise(nq, "d_o", seed), x.o = need(nq, sizeof(float));
    x.dq = noise(nq, "dq", seed), x.dk = noise(nk, "dk", seed), x.dv = noise(nk, "dv", seed);
    x.lse = need(s.n * s.heads, sizeof(float));
    x.n_pages = (s.n + AS_PAGE - 1) / AS_PAGE;
    x.pages = need(x.n_pages, sizeof *x.pages);
    for (size_t i = 0; i < x.n_pages; i++) x.pages[i] = page_new(&s);
    as_page_store(ex, x.pages, 0, x.k, x.ldk, x.v, x.ldk, s.n, s.key_heads, s.d);
    forward(ex, &x);
    return x;
}

static void sequence_free(sequence *x)
{
    for (size_t i = 0; i < x->n_pages; i++) free(x->pages[i]);
    free(x->pages), free(x->q), free(x->o), free(x->d_o), free(x->dq), free(x->k), free(x->v);
    free(x->dk), free(x->dv), free(x->lse);
}

static as_attention_back back_of(const sequence *x)
{
    return (as_attention_back){.q = x->q,
                               .o = x->o,
                               .d_o = x->d_o,
                               .lse = x->lse,
                               .pages = x->pages,
                               .dq = x->dq,
                               .dk = x->dk,
                               .dv = x->dv,
                               .rows = x->s.n};
}

static void backward(const as_exec *ex, const sequence *x, const as_attention_back *runs, size_t n)
{
    const shape *s = &x->s;
    as_attention_backward(ex, runs, n, x->ldq, x->ldk, s->heads, s->key_heads, s->d, s->scale,
                          s->window);
}

/* --- the formula ------------------------------------------------------------------------------ */

static size_t first_key(const shape *s, size_t i)
{
    return s->window && i + 1 > s->window ? i + 1 - s->window : 0;
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* q (n, heads, d) and k, v (n, key_heads, d) without gaps. */
typedef struct {
    double *q, *k, *v, *d_o;
} values;

static double *widen(const float *x, size_t ld, size_t rows, size_t width)
{
    double *y = need(rows * width, sizeof *y);
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < width; i++) y[r * width + i] = (double)x[r * ld + i];
    }
    return y;
}

static values values_of(const sequence *x)
{
    const shape *s = &x->s;
    size_t wq = s->heads * s->d, wk = s->key_heads * s->d;
    return (values){.q = widen(x->q, x->ldq, s->n, wq),
                    .k = widen(x->k, x->ldk, s->n, wk),
                    .v = widen(x->v, x->ldk, s->n, wk),
                    .d_o = widen(x->d_o, x->ldq, s->n, wq)};
}

static void values_free(values *x)
{
    free(x->q), free(x->k), free(x->v), free(x->d_o);
}

/* Weights p (n) and output o (d) of one query; returns the log of the sum. */
static double attend(const shape *s, const values *x, size_t i, size_t h, double *p, double *o)
{
    size_t wk = s->key_heads * s->d, kh = h / (s->heads / s->key_heads) * s->d;
    double top = -INFINITY, sum = 0;
    for (size_t j = first_key(s, i); j <= i; j++) {
        p[j] = (double)s->scale * dot(x->q + (i * s->heads + h) * s->d, x->k + j * wk + kh, s->d);
        top = fmax(top, p[j]);
    }
    for (size_t j = first_key(s, i); j <= i; j++) sum += exp(p[j] - top);
    for (size_t e = 0; e < s->d; e++) o[e] = 0;
    for (size_t j = first_key(s, i); j <= i; j++) {
        p[j] = exp(p[j] - top) / sum;
        for (size_t e = 0; e < s->d; e++) o[e] += p[j] * x->v[j * wk + kh + e];
    }
    return top + log(sum);
}

static exact exact_new(const shape *s, const values *x)
{
    size_t wq = s->heads * s->d, wk = s->key_heads * s->d;
    exact y = {.o = need(s->n * wq, sizeof(double)),
               .lse = need(s->n * s->heads, sizeof(double)),
               .dq = need(s->n * wq, sizeof(double)),
               .dk = need(s->n * wk, sizeof(double)),
               .dv = need(s->n * wk, sizeof(double))};
    double *p = need(s->n, sizeof *p), scale = (double)s->scale;
    for (size_t i = 0; i < s->n; i++) {
        for (size_t h = 0; h < s->heads; h++) {
            size_t at = i * wq + h * s->d, kh = h / (s->heads / s->key_heads) * s->d;
            y.lse[i * s->heads + h] = attend(s, x, i, h, p, y.o + at);
            double along = dot(x->d_o + at, y.o + at, s->d);
            for (size_t j = first_key(s, i); j <= i; j++) {
                size_t key = j * wk + kh;
                double ds = p[j] * (dot(x->d_o + at, x->v + key, s->d) - along);
                for (size_t e = 0; e < s->d; e++) {
                    y.dv[key + e] += p[j] * x->d_o[at + e];
                    y.dq[at + e] += scale * ds * x->k[key + e];
                    y.dk[key + e] += scale * ds * x->q[at + e];
                }
            }
        }
    }
    free(p);
    return y;
}

static void exact_free(exact *y)
{
    free(y->o), free(y->lse), free(y->dq), free(y->dk), free(y->dv);
}

static double loss(const shape *s, const values *x)
{
    double *p = need(s->n, sizeof *p), *o = need(s->d, sizeof *o), sum = 0;
    for (size_t i = 0; i < s->n; i++) {
        for (size_t h = 0; h < s->heads; h++) {
            (void)attend(s, x, i, h, p, o);
            sum += dot(x->d_o + (i * s->heads + h) * s->d, o, s->d);
        }
    }
    free(p), free(o);
    return sum;
}

/* Truncation is near h^2 = 1e-8 of the loss's curvature, noise near 1e-14 / h. */
static void slopes_match(const shape *s, const values *x, double *of, const double *gradient,
                         size_t n)
{
    const double h = 1e-4;
    for (size_t i = 0; i < n; i++) {
        double kept = of[i];
        of[i] = kept + h;
        double above = loss(s, x);
        of[i] = kept - h;
        double below = loss(s, x);
        of[i] = kept;
        CHECK_NEAR(gradient[i], (above - below) / (2 * h), 1e-6);
    }
}

static void formula_is_the_slope_of_the_loss(void)
{
    static const shape few[] = {{4, 2, 4, 0, 0.5f, 7}, {2, 1, 8, 3, 0.4f, 9}};
    as_error err = {0};
    as_exec ex;
    if (!as_exec_init(&ex, "auto", 1, &err)) abort();
    for (size_t c = 0; c < 2; c++) {
        const shape *s = &few[c];
        sequence x = sequence_new(&ex, *s, c);
        values v = values_of(&x);
        exact y = exact_new(s, &v);
        slopes_match(s, &v, v.q, y.dq, s->n * s->heads * s->d);
        slopes_match(s, &v, v.k, y.dk, s->n * s->key_heads * s->d);
        slopes_match(s, &v, v.v, y.dv, s->n * s->key_heads * s->d);
        exact_free(&y), values_free(&v), sequence_free(&x);
    }
    as_exec_clear(&ex);
}

/* --- against the formula ---------------------------------------------------------------------- */

/* x is what was there before plus the gradient, to within `tol` of the largest gradient; between
 * rows nothing has changed. A weight is the exponential of a difference that rounds at 2^-24 of a
 * few units, some 5e-7 relative, and the sums that follow round once per term. */
static void added(const float *x, const float *before, const double *gradient, size_t rows,
                  size_t width, double tol)
{
    size_t ld = width + GAP, bad = 0;
    double most = 1;
    for (size_t i = 0; i < rows * width; i++) most = fmax(most, fabs(gradient[i]));
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < width; i++) {
            double expected = (double)before[r * ld + i] + gradient[r * width + i];
            double off = fabs((double)x[r * ld + i] - expected);
            if (!(off <= tol * most) && bad++ == 0) {
                printf("row %zu, %zu: %g, expected %g\n", r, i, (double)x[r * ld + i], expected);
            }
        }
        CHECK(memcmp(x + r * ld + width, before + r * ld + width, GAP * sizeof *x) == 0);
    }
    CHECK(bad == 0);
}

static float *copy_of(const float *x, size_t n)
{
    float *y = need(n, sizeof *y);
    memcpy(y, x, n * sizeof *y);
    return y;
}

static void is_as_the_formula(const as_exec *ex, shape s, uint64_t seed)
{
    sequence x = sequence_new(ex, s, seed);
    size_t wq = s.heads * s.d, wk = s.key_heads * s.d;
    float *dq = copy_of(x.dq, s.n * x.ldq), *dk = copy_of(x.dk, s.n * x.ldk);
    float *dv = copy_of(x.dv, s.n * x.ldk);
    values v = values_of(&x);
    exact y = exact_new(&s, &v);
    for (size_t i = 0; i < s.n * s.heads; i++) CHECK_NEAR((double)x.lse[i], y.lse[i], 1e-6);
    as_attention_back run = back_of(&x);
    backward(ex, &x, &run, 1);
    added(x.dq, dq, y.dq, s.n, wq, 2e-6);
    added(x.dk, dk, y.dk, s.n, wk, 2e-6);
    added(x.dv, dv, y.dv, s.n, wk, 2e-6);
    free(dq), free(dk), free(dv);
    exact_free(&y), values_free(&v), sequence_free(&x);
}

/* Single, grouped and many key heads; windows shorter and longer than a page; narrow and odd heads;
 * the widths in use. */
static const shape shapes[] = {
    {4, 2, 32, 0, 0.18f, 150},  {3, 3, 16, 0, 0.25f, 130},  {8, 1, 64, 0, 0.125f, 140},
    {4, 2, 24, 20, 0.2f, 150},  {2, 1, 8, 100, 0.35f, 230}, {4, 2, 16, 64, 0.25f, 200},
    {8, 1, 20, 40, 0.22f, 100}, {2, 2, 128, 0, 0.09f, 130}, {4, 2, 4, 1, 0.5f, 66},
    {2, 1, 256, 0, 0.06f, 70},  {4, 1, 512, 65, 0.04f, 65},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

/* One thread takes everything at once; two threads and one key head take dq and dk, dv apart. */
static void gradients_match_the_formula(void)
{
    static const size_t lengths[] = {1, 5, 63, 64, 65, 130};
    for (size_t threads = 1; threads <= 2; threads++) {
        as_error err = {0};
        as_exec ex;
        if (!as_exec_init(&ex, "auto", threads, &err)) abort();
        for (size_t c = 0; c < N_SHAPES; c++) is_as_the_formula(&ex, shapes[c], c);
        for (size_t i = 0; i < 6; i++) {
            is_as_the_formula(&ex, (shape){4, 1, 16, 0, 0.25f, lengths[i]}, i);
            is_as_the_formula(&ex, (shape){4, 2, 64, 50, 0.125f, lengths[i]}, i);
        }
        as_exec_clear(&ex);
    }
}

/* --- the same bytes --------------------------------------------------------------------------- */

/* The gradients of a sequence, one after the other. */
static float *gradients(const sequence *x)
{
    size_t nq = x->s.n * x->ldq, nk = x->s.n * x->ldk;
    float *all = need(nq + 2 * nk, sizeof *all);
    memcpy(all, x->dq, nq * sizeof *all);
    memcpy(all + nq, x->dk, nk * sizeof *all);
    memcpy(all + nq + nk, x->dv, nk * sizeof *all);
    return all;
}

static bool has_gradients(const sequence *x, const float *expected)
{
    float *all = gradients(x);
    bool same = memcmp(all, expected, x->s.n * (x->ldq + 2 * x->ldk) * sizeof *all) == 0;
    free(all);
    return same;
}

static float *alone(const as_exec *ex, shape s, uint64_t seed)
{
    sequence x = sequence_new(ex, s, seed);
    as_attention_back run = back_of(&x);
    backward(ex, &x, &run, 1);
    float *all = gradients(&x);
    sequence_free(&x);
    return all;
}

static void nothing_matters(const as_exec *scalar, shape s, uint64_t seed)
{
    static const size_t threads[] = {1, 2, 7};
    float *expected = alone(scalar, s, seed);
    size_t n_tables;
    const as_kernels *const *all = as_kernels_all(&n_tables);
    for (size_t i = 0; i < n_tables; i++) {
        if (!all[i]->is_supported()) continue;
        bool is_slow = strcmp(all[i]->name, "scalar") == 0; /* one emulated fma at a time */
        for (size_t t = is_slow ? 2 : 0; t < 3; t++) {
            as_error err = {0};
            as_exec ex;
            if (!as_exec_init(&ex, all[i]->name, threads[t], &err)) abort();
            sequence x = sequence_new(&ex, s, seed);
            as_attention_back run = back_of(&x);
            backward(&ex, &x, &run, 1);
            CHECK(has_gradients(&x, expected));
            sequence_free(&x);
            as_exec_clear(&ex);
        }
    }
    free(expected);
}

static void threads_and_tables_change_nothing(void)
{
    as_error err = {0};
    as_exec scalar;
    if (!as_exec_init(&scalar, "scalar", 1, &err)) abort();
    for (size_t c = 0; c < N_SHAPES; c++) nothing_matters(&scalar, shapes[c], c);
    nothing_matters(&scalar, (shape){2, 1, 16, 0, 0.25f, 450}, 1);
    as_exec_clear(&scalar);
}

/* Sequences of several lengths, one of them empty, together and each alone. */
static void company_changes_nothing(void)
{
    static const size_t lengths[] = {130, 1, 0, 65, 200, 64}, threads[] = {1, 2, 7};
    enum { N = 6 };
    for (size_t t = 0; t < 3; t++) {
        as_error err = {0};
        as_exec ex;
        if (!as_exec_init(&ex, "auto", threads[t], &err)) abort();
        for (size_t window = 0; window <= 90; window += 90) {
            sequence x[N];
            float *expected[N];
            as_attention_back runs[N];
            for (size_t i = 0; i < N; i++) {
                shape s = {6, 2, 16, window, 0.25f, lengths[i]};
                expected[i] = alone(&ex, s, i);
                x[i] = sequence_new(&ex, s, i);
                runs[i] = back_of(&x[i]);
            }
            backward(&ex, &x[0], runs, N);
            for (size_t i = 0; i < N; i++) {
                CHECK(has_gradients(&x[i], expected[i]));
                free(expected[i]), sequence_free(&x[i]);
            }
        }
        as_exec_clear(&ex);
    }
}

/* --- the forward pass ------------------------------------------------------------------------- */

/* Asking for lse changes no output, and how a prompt is cut changes no lse. */
static void lse_is_beside_the_point(void)
{
    as_error err = {0};
    as_exec ex;
    if (!as_exec_init(&ex, "auto", 2, &err)) abort();
    shape s = {4, 2, 32, 70, 0.2f, 150};
    sequence x = sequence_new(&ex, s, 0);
    float *o = copy_of(x.o, s.n * x.ldq), *lse = copy_of(x.lse, s.n * s.heads);
    as_attention_run runs[15], whole = forward_of(&x);
    whole.lse = NULL;
    memset(x.o, 0, s.n * x.ldq * sizeof *o);
    as_attention(&ex, &whole, 1, x.ldq, x.ldq, s.heads, s.key_heads, s.d, s.scale, s.window);
    CHECK(memcmp(x.o, o, s.n * x.ldq * sizeof *o) == 0);
    memset(x.lse, 0, s.n * s.heads * sizeof *lse);
    for (size_t i = 0; i < 15; i++) {
        runs[i] = forward_of(&x);
        runs[i].first = (uint32_t)(10 * i), runs[i].rows = 10;
        runs[i].q += 10 * i * x.ldq, runs[i].o += 10 * i * x.ldq;
        runs[i].lse = i == 4 ? NULL : x.lse + 10 * i * s.heads;
    }
    as_attention(&ex, runs, 15, x.ldq, x.ldq, s.heads, s.key_heads, s.d, s.scale, s.window);
    memset(lse + 40 * s.heads, 0, 10 * s.heads * sizeof *lse);
    CHECK(memcmp(x.o, o, s.n * x.ldq * sizeof *o) == 0);
    CHECK(memcmp(x.lse, lse, s.n * s.heads * sizeof *lse) == 0);
    free(o), free(lse), sequence_free(&x);
    as_exec_clear(&ex);
}

int main(void)
{
    RUN(formula_is_the_slope_of_the_loss);
    RUN(gradients_match_the_formula);
    RUN(threads_and_tables_change_nothing);
    RUN(company_changes_nothing);
    RUN(lse_is_beside_the_point);
    return check_end();
}
