/* The small ops: each against its formula in double precision, and against itself with other
 * tables, other numbers of threads, and its rows one at a time, bit for bit. */
#include "check.h"

#include <stdlib.h>

#include "base/rng.h"
#include "engine/tensor/ops.h"

static as_exec plain; /* scalar, one thread */

static void *need(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);
    if (!p) abort();
    return p;
}

static void fill(float *x, size_t n, uint64_t seed)
{
    as_rng r = as_rng_at(seed, "ops", 0);
    for (size_t i = 0; i < n; i++) x[i] = (float)as_rng_normal(&r);
}

static float *noise(size_t n, uint64_t seed)
{
    float *x = need(n, sizeof *x);
    fill(x, n, seed);
    return x;
}

/* --- the same bits from every table and any number of threads --------------------------------- */

/* Runs an op on `rows` rows from its own inputs into y. */
typedef void op(const as_exec *ex, float *y, size_t first, size_t rows);

/* All rows at once, and one by one, on every table: what the plain table gives. */
static void agrees(op *run, size_t rows, size_t row_floats)
{
    static const size_t threads[] = {1, 2, 7};
    size_t n_tables, n = rows * row_floats;
    const as_kernels *const *all = as_kernels_all(&n_tables);
    float *expected = need(n, sizeof(float)), *y = need(n, sizeof(float));
    run(&plain, expected, 0, rows);
    for (size_t i = 0; i < n_tables; i++) {
        if (!all[i]->is_supported()) continue;
        for (size_t t = 0; t < 3; t++) {
            as_error err = {0};
            as_exec ex;
            if (!as_exec_init(&ex, all[i]->name, threads[t], &err)) abort();
            memset(y, 0, n * sizeof *y);
            run(&ex, y, 0, rows);
            CHECK(memcmp(y, expected, n * sizeof *y) == 0);
            memset(y, 0, n * sizeof *y);
            for (size_t r = 0; r < rows; r++) run(&ex, y + r * row_floats, r, 1);
            CHECK(memcmp(y, expected, n * sizeof *y) == 0);
            as_exec_clear(&ex);
        }
    }
    free(expected), free(y);
}

/* Enough rows for several tasks; odd widths. */
enum { ROWS = 40, GROUPS = 13, DIM = 67, WIDTH = GROUPS * DIM };
static float data[ROWS * WIDTH + 8], other[ROWS * WIDTH], gain[DIM];

static void run_rmsnorm(const as_exec *ex, float *y, size_t first, size_t rows)
{
    as_rmsnorm(ex, y, WIDTH, data + first * WIDTH, WIDTH, gain, 1.0f, rows, GROUPS, DIM, 1e-6f);
}

static void run_l2norm(const as_exec *ex, float *y, size_t first, size_t rows)
{
    memcpy(y, data + first * WIDTH, rows * WIDTH * sizeof *y);
    as_l2norm(ex, y, WIDTH, y, WIDTH, rows, GROUPS, DIM, 1e-6f, 0.1f);
}

static void run_gate(const as_exec *ex, float *y, size_t first, size_t rows)
{
    memcpy(y, other + first * WIDTH, rows * WIDTH * sizeof *y);
    as_gate(ex, AS_SILU, y, WIDTH, data + first * WIDTH, WIDTH, y, WIDTH, rows, WIDTH);
    as_gate(ex, AS_GELU, y, WIDTH, y, WIDTH, data + first * WIDTH, WIDTH, rows, WIDTH);
    as_gate(ex, AS_SIGMOID, y, WIDTH, other + first * WIDTH, WIDTH, y, WIDTH, rows, WIDTH);
}

static void run_dense(const as_exec *ex, float *y, size_t first, size_t rows)
{
    as_add(ex, y, data + first * WIDTH, other + first * WIDTH, rows, WIDTH);
    as_scale(ex, y, y, 1.7f, rows, WIDTH);
    as_softcap(ex, y, 3.0f, rows, WIDTH);
}

static void run_rope(const as_exec *ex, float *y, size_t first, size_t rows)
{
    enum { HALF = 20 };
    float inv_freq[HALF], cosine[ROWS * HALF], sine[ROWS * HALF];
    uint32_t position[ROWS];
    for (size_t r = 0; r < rows; r++) position[r] = (uint32_t)(1000 + 37 * (first + r));
    as_rope_freqs(inv_freq, HALF, HALF, 2 * HALF, 1e6, 1.0);
    as_rope_angles(ex, cosine, sine, position, inv_freq, rows, HALF);
    memcpy(y, data + first * WIDTH, rows * WIDTH * sizeof *y);
    as_rope(ex, y, WIDTH, cosine, sine, rows, GROUPS, DIM, HALF);
}

static void ops_agree(void)
{
    fill(data, ROWS * WIDTH, 1), fill(other, ROWS * WIDTH, 2), fill(gain, DIM, 3);
    agrees(run_rmsnorm, ROWS, WIDTH);
    agrees(run_l2norm, ROWS, WIDTH);
    agrees(run_gate, ROWS, WIDTH);
    agrees(run_dense, ROWS, WIDTH);
    agrees(run_rope, ROWS, WIDTH);
}

/* --- norms ------------------------------------------------------------------------------------ */

/* Half a dozen roundings an element, the sum's among them: 1e-6 relative. */
static void norms_match_the_formula(void)
{
    enum { R = 3, G = 2, D = 300, LDX = 700, LDY = 650 }; /* rows apart, gain in two blocks */
    float *x = noise(R * LDX, 5), *w = noise(D, 6), *y = need(R * LDY, sizeof *y);
    for (int kind = 0; kind < 4; kind++) { /* plain, around zero, no gain, L2 */
        float offset = kind == 1;
        if (kind < 3) as_rmsnorm(&plain, y, LDY, x, LDX, kind < 2 ? w : NULL, offset, R, G, D, .1f);
        if (kind == 3) as_l2norm(&plain, y, LDY, x, LDX, R, G, D, 0.1f, 0.25f);
        for (size_t r = 0; r < R; r++) {
            for (size_t g = 0; g < G; g++) {
                const float *in = x + r * LDX + g * D, *out = y + r * LDY + g * D;
                double sum = 0;
                for (size_t i = 0; i < D; i++) sum += (double)in[i] * in[i];
                double s =
                    kind == 3 ? 0.25 / sqrt(sum + (double)0.1f) : 1 / sqrt(sum / D + (double)0.1f);
                for (size_t i = 0; i < D; i++) {
                    double e = in[i] * s * (kind < 2 ? (double)w[i] + offset : 1);
                    CHECK(fabs(out[i] - e) <= 1e-6 * fabs(e));
                }
            }
        }
        for (size_t i = G * D; i < LDY; i++) CHECK(y[i] == 0); /* between rows: untouched */
    }
    free(x), free(w), free(y);
}

static void zeros_stay_zero(void)
{
    float x[32] = {0}, y[32];
    as_rmsnorm(&plain, y, 32, x, 32, NULL, 0, 1, 1, 32, 1e-6f);
    CHECK(memcmp(x, y, sizeof x) == 0);
    as_l2norm(&plain, y, 32, x, 32, 1, 1, 32, 1e-6f, 1);
    CHECK(memcmp(x, y, sizeof x) == 0);
}

/* --- elementwise ------------------------------------------------------------------------------ */

static double activation(as_activation act, double x)
{
    double z = sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x);
    if (act == AS_GELU) return 0.5 * x * (1 + tanh(z));
    return (act == AS_SILU ? x : 1) / (1 + exp(-x));
}

static void gates_match_the_formula(void)
{
    enum { R = 2, D = 777, LD = 800 };
    float *a = noise(R * LD, 7), *b = noise(R * LD, 8), *y = need(R * LD, sizeof *y);
    for (int act = AS_SILU; act <= AS_SIGMOID; act++) {
        as_gate(&plain, (as_activation)act, y, LD, a, LD, b, LD, R, D);
        for (size_t i = 0; i < R * LD; i++) {
            if (i % LD >= D) continue;
            double e = activation((as_activation)act, a[i]) * b[i];
            CHECK(fabs(y[i] - e) <= 2e-6 * fabs(e) + 1e-30);
        }
        CHECK(y[D] == 0 && y[LD + D] == 0);
        float *in_place[] = {noise(R * LD, 7), noise(R * LD, 8)};
        as_gate(&plain, (as_activation)act, in_place[0], LD, in_place[0], LD, b, LD, R, D);
        as_gate(&plain, (as_activation)act, in_place[1], LD, a, LD, in_place[1], LD, R, D);
        for (size_t i = 0; i < R * LD; i++) {
            if (i % LD < D) CHECK(in_place[0][i] == y[i] && in_place[1][i] == y[i]);
        }
        free(in_place[0]), free(in_place[1]);
    }
    free(a), free(b), free(y);
}

static void dense_ops_match_the_formula(void)
{
    enum { N = 3 * 100 };
    float *x = noise(N, 9), *f = noise(N, 10), y[N];
    as_add(&plain, y, x, f, 3, 100);
    for (size_t i = 0; i < N; i++) CHECK(y[i] == x[i] + f[i]);
    as_scale(&plain, y, x, 0.3f, 3, 100);
    for (size_t i = 0; i < N; i++) CHECK(y[i] == 0.3f * x[i]);
    for (size_t i = 0; i < N; i++) y[i] = 100 * x[i];
    as_softcap(&plain, y, 30, 3, 100);
    for (size_t i = 0; i < N; i++) CHECK_NEAR(y[i], 30 * tanh(100.0 * x[i] / 30), 2e-6);
    free(x), free(f);
}

/* More than one task, and a part of one. */
static void long_rows_are_copied_whole(void)
{
    enum { N_ROWS = 3, LONG = 20000, N = N_ROWS * LONG };
    float *x = noise(N, 9), *y = noise(N + 1, 10);
    const float beyond = y[N];
    as_error err = {0};
    as_exec ex;
    if (!as_exec_init(&ex, "scalar", 2, &err)) abort();
    as_copy(&ex, y, x, N_ROWS, LONG);
    CHECK(memcmp(y, x, N * sizeof *y) == 0 && y[N] == beyond);
    as_zero(&ex, y, N_ROWS, LONG);
    for (size_t i = 0; i < N; i++) CHECK(y[i] == 0);
    CHECK(y[N] == beyond);
    as_exec_clear(&ex);
    free(x), free(y);
}

/* --- rotary ----------------------------------------------------------------------------------- */

static void frequencies_are_rounded_as_stated(void)
{
    float f[256];
    as_rope_freqs(f, 64, 64, 128, 1e6, 1.0);
    CHECK(f[0] == 1);
    for (size_t i = 0; i < 64; i++) { /* exact to two float roundings and the exponent's */
        CHECK(fabs(f[i] - pow(1e6, -2.0 * (double)i / 128)) <= 6e-7 * f[i]);
        CHECK(f[i] == 1.0f / (float)pow(1e6, (float)(2 * i) / 128.0f));
    }
    as_rope_freqs(f, 256, 64, 512, 1e6, 8.0);
    CHECK(f[0] == 0.125f && f[63] > 0 && f[64] == 0 && f[255] == 0);
}

static void angles_are_those_of_the_float_product(void)
{
    float f[3] = {1.0f, 0.0123f, 0}, c[6], s[6];
    const uint32_t position[2] = {3, 262143};
    as_rope_angles(&plain, c, s, position, f, 2, 3);
    for (size_t i = 0; i < 6; i++) {
        float angle = (float)position[i / 3] * f[i % 3];
        CHECK(c[i] == (float)cos((double)angle) && s[i] == (float)sin((double)angle));
    }
}

/* Pairs (i, i + half) turn, the rest of a head stays, and so does what lies between rows. */
static void rope_turns_pairs(void)
{
    enum { R = 2, H = 3, D = 10, HALF = 4, LD = 33 };
    float *x = noise(R * LD, 11), y[R * LD], c[R * HALF], s[R * HALF];
    for (size_t i = 0; i < R * HALF; i++)
        c[i] = (float)cos((double)i), s[i] = (float)sin((double)i);
    memcpy(y, x, sizeof y);
    as_rope(&plain, y, LD, c, s, R, H, D, HALF);
    for (size_t i = 0; i < R * LD; i++) {
        size_t r = i / LD, e = i % LD % D, p = e % HALF;
        double e0 = x[i];
        if (i % LD < H * D && e < HALF)
            e0 = (double)x[i] * c[r * HALF + p] - (double)x[i + HALF] * s[r * HALF + p];
        if (i % LD < H * D && e >= HALF && e < 2 * HALF)
            e0 = (double)x[i] * c[r * HALF + p] + (double)x[i - HALF] * s[r * HALF + p];
        CHECK_NEAR(y[i], e0, 3e-7);
    }
    free(x);
}

/* --- reductions ------------------------------------------------------------------------------- */

static void logsumexp_is_the_formula_on_every_table(void)
{
    size_t n_tables;
    const as_kernels *const *all = as_kernels_all(&n_tables);
    for (size_t n = 1; n <= 2000; n = n * 3 / 2 + 1) {
        float *x = noise(n, n);
        double top = -INFINITY, sum = 0, expected = as_logsumexp(&plain, x, n);
        for (size_t i = 0; i < n; i++) top = fmax(top, x[i]);
        for (size_t i = 0; i < n; i++) sum += exp(x[i] - top);
        CHECK_NEAR(expected, top + log(sum), 1e-6);
        for (size_t i = 0; i < n; i++) x[i] = 50 * x[i];
        expected = as_logsumexp(&plain, x, n);
        for (size_t t = 0; t < n_tables; t++) {
            as_exec ex = plain;
            ex.kernels = all[t];
            if (all[t]->is_supported()) CHECK(as_logsumexp(&ex, x, n) == expected);
        }
        free(x);
    }
    float one[] = {-7.5f}, bad[] = {1, NAN, 2};
    CHECK(as_logsumexp(&plain, one, 1) == -7.5);
    CHECK(isnan(as_logsumexp(&plain, bad, 3)));
}

/* --- convolution ------------------------------------------------------------------------------ */

enum { CONV_T = 9, CONV_C = 300, CONV_K = 4 };

/* The definition over the whole sequence, from a history. */
static void conv_formula(double *y, const float *x, const float *history, const float *w)
{
    for (size_t t = 0; t < CONV_T; t++) {
        for (size_t c = 0; c < CONV_C; c++) {
            double z = 0;
            for (size_t j = 0; j < CONV_K; j++) {
                size_t s = t + j;
                float in =
                    s < CONV_K - 1 ? history[s * CONV_C + c] : x[(s - (CONV_K - 1)) * CONV_C + c];
                z += (double)w[c * CONV_K + j] * in;
            }
            y[t * CONV_C + c] = z / (1 + exp(-z));
        }
    }
}

/* In calls of `step` rows, the state carried along; last: the last K - 1 inputs. */
static void conv_in_steps(const as_exec *ex, size_t step, float *y, const float *x,
                          const float *history, const float *w)
{
    enum { KEPT = (CONV_K - 1) * CONV_C };
    float state[KEPT];
    memcpy(state, history, sizeof state);
    for (size_t t = 0; t < CONV_T; t += step) {
        size_t rows = CONV_T - t < step ? CONV_T - t : step;
        as_conv(ex, y + t * CONV_C, CONV_C, x + t * CONV_C, CONV_C, state, w, rows, CONV_C, CONV_K);
    }
    CHECK(memcmp(state, x + CONV_T * CONV_C - KEPT, sizeof state) == 0);
}

static void conv_matches_the_formula_in_any_steps(void)
{
    enum { N = CONV_T * CONV_C };
    float *x = noise(N, 12), *w = noise(CONV_C * CONV_K, 13), *history = noise(CONV_K * CONV_C, 14);
    float *y = need(N, sizeof *y), *z = need(N, sizeof *z);
    double *exact = need(N, sizeof *exact);
    conv_formula(exact, x, history, w);
    conv_in_steps(&plain, CONV_T, y, x, history, w);
    for (size_t i = 0; i < N; i++) CHECK_NEAR(y[i], exact[i], 2e-6);
    static const char *const tables[] = {"scalar", "auto"};
    for (size_t t = 0; t < 6; t++) {
        as_error err = {0};
        as_exec ex;
        static const size_t threads[] = {1, 2, 7};
        if (!as_exec_init(&ex, tables[t % 2], threads[t / 2], &err)) abort();
        for (size_t step = 1; step <= 5; step++) {
            conv_in_steps(&ex, step, z, x, history, w);
            CHECK(memcmp(y, z, N * sizeof *y) == 0);
        }
        as_exec_clear(&ex);
    }
    free(x), free(w), free(history), free(y), free(z), free(exact);
}

int main(void)
{
    as_error err = {0};
    if (!as_exec_init(&plain, "scalar", 1, &err)) abort();
    RUN(ops_agree);
    RUN(norms_match_the_formula);
    RUN(zeros_stay_zero);
    RUN(gates_match_the_formula);
    RUN(dense_ops_match_the_formula);
    RUN(long_rows_are_copied_whole);
    RUN(frequencies_are_rounded_as_stated);
    RUN(angles_are_those_of_the_float_product);
    RUN(rope_turns_pairs);
    RUN(logsumexp_is_the_formula_on_every_table);
    RUN(conv_matches_the_formula_in_any_steps);
    as_exec_clear(&plain);
    return check_end();
}
