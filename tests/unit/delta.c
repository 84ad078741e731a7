/* The gated delta rule: against the recurrence and against the chunked form (Yang, Kautz &
 * Hatamizadeh 2024), both in double precision, and against itself in other cuts, tables and
 * threads. */
#include "check.h"

#include <stdlib.h>

#include "base/rng.h"
#include "engine/tensor/ops.h"

typedef struct {
    size_t rows, heads, key_heads, dk, dv;
    float *q, *k, *v, *g, *beta, *state; /* state before row 0 */
} problem;

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

/* Keys and queries of length near 1, decays from nearly none to nearly all, strengths in (0, 1). */
static problem problem_new(size_t rows, size_t heads, size_t key_heads, size_t dk, size_t dv,
                           uint64_t seed)
{
    problem p = {.rows = rows, .heads = heads, .key_heads = key_heads, .dk = dk, .dv = dv};
    double unit = 1 / sqrt((double)dk);
    p.q = noise(rows * key_heads * dk, "q", seed, unit);
    p.k = noise(rows * key_heads * dk, "k", seed, unit);
    p.v = noise(rows * heads * dv, "v", seed, 1);
    p.g = noise(rows * heads, "g", seed, 2);
    p.beta = noise(rows * heads, "beta", seed, 1);
    p.state = noise(heads * dk * dv, "state", seed, 1);
    for (size_t i = 0; i < rows * heads; i++) {
        p.g[i] = -0.3f * p.g[i] * p.g[i];
        p.beta[i] = 1 / (1 + fabsf(p.beta[i]));
    }
    return p;
}

static void problem_free(problem *p)
{
    free(p->q), free(p->k), free(p->v), free(p->g), free(p->beta), free(p->state);
}

static size_t key_at(const problem *p, size_t t, size_t h)
{
    return (t * p->key_heads + h / (p->heads / p->key_heads)) * p->dk;
}

/* --- references ------------------------------------------------------------------------------- */

/* s (dk, dv) and o (rows, dv) of one head. */
static void recurrence(const problem *p, size_t h, double *s, double *o)
{
    for (size_t t = 0; t < p->rows; t++) {
        const float *q = p->q + key_at(p, t, h), *k = p->k + key_at(p, t, h);
        double decay = exp(p->g[t * p->heads + h]);
        for (size_t c = 0; c < p->dv; c++) {
            double a = 0, sum = 0;
            for (size_t i = 0; i < p->dk; i++) a += k[i] * (s[i * p->dv + c] *= decay);
            double u = p->beta[t * p->heads + h] * (p->v[(t * p->heads + h) * p->dv + c] - a);
            for (size_t i = 0; i < p->dk; i++) sum += q[i] * (s[i * p->dv + c] += k[i] * u);
            o[t * p->dv + c] = sum;
        }
    }
}

static double product(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * b[i];
    return sum;
}

/* The chunked form with the whole sequence as one chunk: with c_t the sum of g up to t and
 * D_ij = exp(c_i - c_j), rows u_i solve u_i = beta_i (v_i - exp(c_i) S0^T k_i
 * - sum_{j<i} D_ij (k_i . k_j) u_j); o_i = exp(c_i) S0^T q_i + sum_{j<=i} D_ij (q_i . k_j) u_j;
 * S = exp(c_n) S0 + sum_j D_nj k_j u_j^T. */
static void chunk(const problem *p, size_t h, double *s, double *o)
{
    size_t n = p->rows, dv = p->dv, dk = p->dk;
    double *c = need(n, sizeof *c), *u = need(n * dv, sizeof *u), sum = 0;
    for (size_t t = 0; t < n; t++) c[t] = sum += p->g[t * p->heads + h];
    for (size_t i = 0; i < n; i++) {
        const float *q = p->q + key_at(p, i, h), *k = p->k + key_at(p, i, h);
        for (size_t e = 0; e < dv; e++) {
            double from_k = 0, from_q = 0;
            for (size_t a = 0; a < dk; a++) from_k += k[a] * s[a * dv + e];
            for (size_t a = 0; a < dk; a++) from_q += q[a] * s[a * dv + e];
            u[i * dv + e] = p->v[(i * p->heads + h) * dv + e] - exp(c[i]) * from_k;
            o[i * dv + e] = exp(c[i]) * from_q;
        }
        for (size_t j = 0; j < i; j++) {
            double l = exp(c[i] - c[j]) * product(k, p->k + key_at(p, j, h), dk);
            for (size_t e = 0; e < dv; e++) u[i * dv + e] -= l * u[j * dv + e];
        }
        for (size_t e = 0; e < dv; e++) u[i * dv + e] *= p->beta[i * p->heads + h];
        for (size_t j = 0; j <= i; j++) {
            double w = exp(c[i] - c[j]) * product(q, p->k + key_at(p, j, h), dk);
            for (size_t e = 0; e < dv; e++) o[i * dv + e] += w * u[j * dv + e];
        }
    }
    for (size_t a = 0; a < dk * dv; a++) s[a] *= exp(c[n - 1]);
    for (size_t j = 0; j < n; j++) {
        const float *k = p->k + key_at(p, j, h);
        for (size_t a = 0; a < dk * dv; a++) {
            s[a] += exp(c[n - 1] - c[j]) * k[a / dv] * u[j * dv + a % dv];
        }
    }
    free(c), free(u);
}

/* --- calls ------------------------------------------------------------------------------------ */

static as_delta_run run_of(const problem *p, float *o, float *state, size_t first, size_t rows)
{
    size_t keys = first * p->key_heads * p->dk, values = first * p->heads * p->dv;
    return (as_delta_run){.o = o + values,
                          .q = p->q + keys,
                          .k = p->k + keys,
                          .v = p->v + values,
                          .g = p->g + first * p->heads,
                          .beta = p->beta + first * p->heads,
                          .state = state,
                          .rows = rows};
}

static void call(const as_exec *ex, const problem *p, const as_delta_run *runs, size_t n)
{
    size_t keys = p->key_heads * p->dk, values = p->heads * p->dv;
    as_delta(ex, runs, n, values, keys, values, p->heads, p->key_heads, p->dk, p->dv);
}

/* o and state (new, the caller frees) after calls of `step` rows. */
static float *in_steps(const as_exec *ex, const problem *p, size_t step, float **state)
{
    size_t n = p->heads * p->dk * p->dv;
    float *o = need(p->rows * p->heads * p->dv, sizeof *o);
    *state = need(n, sizeof **state);
    memcpy(*state, p->state, n * sizeof **state);
    for (size_t t = 0; t < p->rows; t += step) {
        as_delta_run run = run_of(p, o, *state, t, p->rows - t < step ? p->rows - t : step);
        call(ex, p, &run, 1);
    }
    return o;
}

static const struct {
    size_t rows, heads, key_heads, dk, dv;
} sizes[] = {{70, 2, 2, 32, 32}, {9, 4, 2, 16, 8}, {150, 2, 1, 24, 136}, {5, 3, 3, 7, 67}};
enum { N_SIZES = sizeof sizes / sizeof *sizes };

static problem problem_at(size_t i)
{
    return problem_new(sizes[i].rows, sizes[i].heads, sizes[i].key_heads, sizes[i].dk, sizes[i].dv,
                       i);
}

/* A state near 1 that forgets: dk roundings of 2^-24 a step, and few steps are remembered. */
static void matches_both_forms(void)
{
    as_error err = {0};
    as_exec ex;
    if (!as_exec_init(&ex, "auto", 2, &err)) abort();
    for (size_t i = 0; i < N_SIZES; i++) {
        problem p = problem_at(i);
        size_t n = p.dk * p.dv;
        float *state, *o = in_steps(&ex, &p, p.rows, &state);
        double *s[2] = {need(n, sizeof(double)), need(n, sizeof(double))};
        double *e[2] = {need(p.rows * p.dv, sizeof(double)), need(p.rows * p.dv, sizeof(double))};
        for (size_t h = 0; h < p.heads; h++) {
            for (size_t a = 0; a < n; a++) s[0][a] = s[1][a] = p.state[h * n + a];
            recurrence(&p, h, s[0], e[0]);
            chunk(&p, h, s[1], e[1]);
            for (size_t a = 0; a < n; a++) {
                CHECK_NEAR(s[1][a], s[0][a], 1e-11);
                CHECK_NEAR(state[h * n + a], s[1][a], 3e-6);
            }
            for (size_t a = 0; a < p.rows * p.dv; a++) {
                float got = o[(a / p.dv * p.heads + h) * p.dv + a % p.dv];
                CHECK_NEAR(e[1][a], e[0][a], 1e-11);
                CHECK_NEAR(got, e[1][a], 3e-6);
            }
        }
        for (size_t a = 0; a < 2; a++) free(s[a]), free(e[a]);
        free(o), free(state), problem_free(&p);
    }
    as_exec_clear(&ex);
}

/* --- the same bits ---------------------------------------------------------------------------- */

static void all_ways_agree(void)
{
    static const size_t threads[] = {1, 2, 7}, steps[] = {1, 3, 65, 1000};
    as_error err = {0};
    size_t n_tables;
    const as_kernels *const *all = as_kernels_all(&n_tables);
    as_exec plain;
    if (!as_exec_init(&plain, "scalar", 1, &err)) abort();
    for (size_t i = 0; i < N_SIZES; i++) {
        problem p = problem_at(i);
        float *state, *o = in_steps(&plain, &p, p.rows, &state);
        for (size_t c = 0; c < n_tables * 12; c++) {
            if (!all[c / 12]->is_supported()) continue;
            as_exec ex;
            if (!as_exec_init(&ex, all[c / 12]->name, threads[c / 4 % 3], &err)) abort();
            float *s, *y = in_steps(&ex, &p, steps[c % 4], &s);
            CHECK(memcmp(y, o, p.rows * p.heads * p.dv * sizeof *o) == 0);
            CHECK(memcmp(s, state, p.heads * p.dk * p.dv * sizeof *s) == 0);
            free(s), free(y), as_exec_clear(&ex);
        }
        free(o), free(state), problem_free(&p);
    }
    as_exec_clear(&plain);
}

/* Several runs in one call, of different lengths, one of them empty. */
static void runs_do_not_meet(void)
{
    as_error err = {0};
    as_exec ex;
    if (!as_exec_init(&ex, "auto", 2, &err)) abort();
    problem p = problem_new(40, 2, 2, 16, 70, 9);
    size_t n = p.heads * p.dk * p.dv;
    as_delta_run runs[3];
    float *o[3], *s[3];
    const size_t rows[3] = {40, 0, 17};
    for (size_t i = 0; i < 3; i++) {
        o[i] = need(p.rows * p.heads * p.dv, sizeof **o);
        s[i] = need(n, sizeof **s);
        memcpy(s[i], p.state, n * sizeof **s);
        runs[i] = run_of(&p, o[i], s[i], 0, rows[i]);
    }
    call(&ex, &p, runs, 3);
    for (size_t i = 0; i < 3; i++) {
        problem cut = p;
        cut.rows = rows[i];
        float *state, *y = in_steps(&ex, &cut, 7, &state);
        CHECK(memcmp(y, o[i], rows[i] * p.heads * p.dv * sizeof *y) == 0);
        CHECK(memcmp(state, s[i], n * sizeof *state) == 0);
        free(y), free(state);
    }
    for (size_t i = 0; i < 3; i++) free(o[i]), free(s[i]);
    problem_free(&p), as_exec_clear(&ex);
}

/* --- gates ------------------------------------------------------------------------------------ */

static void gates_match_the_formula(void)
{
    enum { R = 300, H = 3 };
    float *a = noise(R * H, "a", 1, 15), *b = noise(R * H, "b", 1, 5), g[R * H], beta[R * H];
    const float decay[H] = {-0.5f, -1.0f, -16.0f}, bias[H] = {0.5f, -3.0f, 2.0f};
    as_error err = {0};
    a[0] = 19.5f, a[3] = 19.6f; /* 20 in float, and just beyond */
    for (size_t threads = 1; threads <= 7; threads += 3) {
        as_exec ex;
        if (!as_exec_init(&ex, "auto", threads, &err)) abort();
        as_delta_gates(&ex, g, beta, a, b, decay, bias, R, H);
        for (size_t i = 0; i < R * H; i++) {
            double x = (double)a[i] + bias[i % H], soft = x > 20 ? x : log1p(exp(x));
            /* The argument's rounding, up to 2^-20 at 60, passes through softplus. */
            CHECK(fabs(g[i] - decay[i % H] * soft) <= 2e-6 * -decay[i % H] * fmax(soft, 1e-3));
            CHECK_NEAR(beta[i], 1 / (1 + exp(-(double)b[i])), 3e-7);
            CHECK(g[i] <= 0 && isfinite(g[i]));
        }
        as_exec_clear(&ex);
    }
    free(a), free(b);
}

int main(void)
{
    RUN(matches_both_forms);
    RUN(all_ways_agree);
    RUN(runs_do_not_meet);
    RUN(gates_match_the_formula);
    return check_end();
}
