/* The gradients of the small ops: against central differences of the op in double precision, and
 * against themselves with other tables, other numbers of threads and their rows in pieces, bit for
 * bit. Every gradient starts from noise, which must still be in the sum. */
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
    as_rng r = as_rng_at(seed, "ops backward", 0);
    for (size_t i = 0; i < n; i++) x[i] = (float)as_rng_normal(&r);
}

static float *noise(size_t n, uint64_t seed)
{
    float *x = need(n, sizeof *x);
    fill(x, n, seed);
    return x;
}

/* --- the same bits from every table, any number of threads and any cut ------------------------ */

/* More groups than a norm takes at once; odd widths; several tasks. */
enum { ROWS = 160, GROUPS = 13, DIM = 67, WIDTH = GROUPS * DIM, N = ROWS * WIDTH };
static float in[N], other[N], slope[N], gain[WIDTH], turn[ROWS * WIDTH];

/* Adds the gradients of rows first..first + rows to g: one for every element, then a second one,
 * then those that all rows share. */
enum { SHARED = 4 * WIDTH, GRADIENTS = 2 * N + SHARED };
typedef void op(const as_exec *ex, float *g, size_t first, size_t rows);

/* All rows at once, in calls of 1 and of 71, on every table: what the plain table gives. */
static void agrees(op *run, bool cut)
{
    static const size_t threads[] = {1, 2, 7}, steps[] = {ROWS, 1, 71};
    size_t n_tables;
    const as_kernels *const *all = as_kernels_all(&n_tables);
    float *start = noise(GRADIENTS, 4), *expected = noise(GRADIENTS, 4);
    float *g = need(GRADIENTS, sizeof *g);
    run(&plain, expected, 0, ROWS);
    CHECK(memcmp(start, expected, GRADIENTS * sizeof *g) != 0);
    for (size_t i = 0; i < 3 * n_tables; i++) {
        as_error err = {0};
        as_exec ex;
        if (!all[i / 3]->is_supported()) continue;
        if (!as_exec_init(&ex, all[i / 3]->name, threads[i % 3], &err)) abort();
        for (size_t s = 0; s < (cut ? 3 : 1); s++) {
            memcpy(g, start, GRADIENTS * sizeof *g);
            for (size_t r = 0; r < ROWS; r += steps[s])
                run(&ex, g, r, steps[s] < ROWS - r ? steps[s] : ROWS - r);
            CHECK(memcmp(g, expected, GRADIENTS * sizeof *g) == 0);
        }
        as_exec_clear(&ex);
    }
    free(start), free(expected), free(g);
}

static void run_rmsnorm(const as_exec *ex, float *g, size_t first, size_t rows)
{
    size_t at = first * WIDTH;
    as_rmsnorm_backward(ex, g + at, WIDTH, g + 2 * N, slope + at, WIDTH, in + at, WIDTH, gain, 1.0f,
                        rows, GROUPS, DIM, 1e-6f);
    as_rmsnorm_backward(ex, g + N + at, WIDTH, NULL, slope + at, WIDTH, in + at, WIDTH, NULL, 0.0f,
                        rows, 1, WIDTH, 1e-6f);
}

static void run_l2norm(const as_exec *ex, float *g, size_t first, size_t rows)
{
    size_t at = first * WIDTH;
    as_l2norm_backward(ex, g + at, WIDTH, slope + at, WIDTH, in + at, WIDTH, rows, GROUPS, DIM,
                       1e-6f, 0.1f);
}

static void run_gate(const as_exec *ex, float *g, size_t first, size_t rows)
{
    size_t at = first * WIDTH;
    for (int act = AS_SILU; act <= AS_SIGMOID; act++)
        as_gate_backward(ex, (as_activation)act, g + at, WIDTH, g + N + at, WIDTH, slope + at,
                         WIDTH, in + at, WIDTH, other + at, WIDTH, rows, WIDTH);
}

static void run_softcap(const as_exec *ex, float *g, size_t first, size_t rows)
{
    as_softcap_backward(ex, g + first * WIDTH, in + first * WIDTH, 3.0f, rows, WIDTH);
}

static void run_rope(const as_exec *ex, float *g, size_t first, size_t rows)
{
    enum { HALF = 33 };
    as_rope_backward(ex, g + first * WIDTH, WIDTH, in + first * HALF, other + first * HALF, rows,
                     GROUPS, DIM, HALF);
}

static void run_conv(const as_exec *ex, float *g, size_t first, size_t rows)
{
    size_t at = first * WIDTH;
    as_conv_backward(ex, g + at, WIDTH, g + 2 * N, slope + at, WIDTH, in + at, WIDTH, turn, rows,
                     WIDTH, 4);
}

static void run_gates(const as_exec *ex, float *g, size_t first, size_t rows)
{
    size_t at = first * WIDTH;
    as_delta_gates_backward(ex, g + at, g + N + at, g + 2 * N, g + 2 * N + WIDTH, slope + at,
                            turn + at, in + at, other + at, gain, other, rows, WIDTH);
}

static void gradients_agree(void)
{
    fill(in, N, 1), fill(other, N, 2), fill(slope, N, 3), fill(gain, WIDTH, 5), fill(turn, N, 6);
    agrees(run_rmsnorm, true);
    agrees(run_l2norm, true);
    agrees(run_gate, true);
    agrees(run_softcap, true);
    agrees(run_rope, true);
    agrees(run_gates, true);
    agrees(run_conv, false); /* a sequence is one call */
}

/* What is not asked for changes nothing of what is. */
static void each_gradient_alone(void)
{
    float *a = noise(GRADIENTS, 4), *b = noise(GRADIENTS, 4);
    enum { R = 7 };
    run_rmsnorm(&plain, a, 0, R);
    as_rmsnorm_backward(&plain, b, WIDTH, NULL, slope, WIDTH, in, WIDTH, gain, 1, R, GROUPS, DIM,
                        1e-6f);
    as_rmsnorm_backward(&plain, NULL, 0, b + 2 * N, slope, WIDTH, in, WIDTH, gain, 1, R, GROUPS,
                        DIM, 1e-6f);
    CHECK(memcmp(a, b, N * sizeof *a) == 0);
    CHECK(memcmp(a + 2 * N, b + 2 * N, SHARED * sizeof *a) == 0);
    fill(a, GRADIENTS, 4), fill(b, GRADIENTS, 4);
    run_gate(&plain, a, 0, R);
    for (int act = AS_SILU; act <= AS_SIGMOID; act++) {
        as_gate_backward(&plain, (as_activation)act, b, WIDTH, NULL, 0, slope, WIDTH, in, WIDTH,
                         other, WIDTH, R, WIDTH);
        as_gate_backward(&plain, (as_activation)act, NULL, 0, b + N, WIDTH, slope, WIDTH, in, WIDTH,
                         other, WIDTH, R, WIDTH);
    }
    CHECK(memcmp(a, b, GRADIENTS * sizeof *a) == 0);
    fill(a, GRADIENTS, 4), fill(b, GRADIENTS, 4);
    run_gates(&plain, a, 0, R);
    as_delta_gates_backward(&plain, b, b + N, NULL, NULL, slope, turn, in, other, gain, other, R,
                            WIDTH);
    CHECK(memcmp(a, b, 2 * N * sizeof *a) == 0);
    memcpy(b, a, 2 * N * sizeof *a);
    float *spare = need(2 * N, sizeof *spare);
    as_delta_gates_backward(&plain, spare, spare + N, b + 2 * N, NULL, slope, turn, in, other, gain,
                            other, R, WIDTH);
    as_delta_gates_backward(&plain, spare, spare + N, NULL, b + 2 * N + WIDTH, slope, turn, in,
                            other, gain, other, R, WIDTH);
    CHECK(memcmp(a, b, GRADIENTS * sizeof *a) == 0);
    fill(a, GRADIENTS, 4), fill(b, GRADIENTS, 4);
    run_conv(&plain, a, 0, R);
    as_conv_backward(&plain, b, WIDTH, NULL, slope, WIDTH, in, WIDTH, turn, R, WIDTH, 4);
    CHECK(memcmp(a, b, N * sizeof *a) == 0);
    free(a), free(b), free(spare);
}

/* --- against central differences -------------------------------------------------------------- */

/* One op in double on all its inputs p, weighted: sum of dy y. */
typedef double loss(const double *p);

/* got = start + d loss / dp for p[from..from + n). In double the differences are good to 1e-8;
 * what remains are some dozen float roundings of sums of numbers below 10. */
static void follows(loss *f, double *p, size_t from, size_t n, const float *got, const float *start)
{
    const double h = 1e-5;
    for (size_t i = 0; i < n; i++) {
        double kept = p[from + i];
        p[from + i] = kept + h;
        double up = f(p);
        p[from + i] = kept - h;
        double down = f(p);
        p[from + i] = kept;
        CHECK_NEAR(got[i], start[i] + (up - down) / (2 * h), 5e-6);
    }
}

static void widen(double *to, const float *from, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] = from[i];
}

/* Rows lie LD apart: what is between them has no part in the loss, and keeps its gradient. */
enum { R = 3, LD = 170, CELLS = R * LD };
static float dy[CELLS];
static as_activation act;
static int kind; /* of a norm: gain, gain around zero, no gain, L2 */

enum { G = 2, D = 81 };
static double norm_loss(const double *p)
{
    double sum = 0;
    for (size_t i = 0; i < R * G; i++) {
        const double *x = p + i / G * LD + i % G * D, *w = p + CELLS;
        const float *d = dy + i / G * LD + i % G * D;
        double square = 0;
        for (size_t j = 0; j < D; j++) square += x[j] * x[j];
        double s =
            kind == 3 ? 0.25 / sqrt(square + (double)0.1f) : 1 / sqrt(square / D + (double)0.1f);
        for (size_t j = 0; j < D; j++) sum += d[j] * x[j] * s * (kind < 2 ? w[j] + (kind == 1) : 1);
    }
    return sum;
}

static void norms_follow(void)
{
    float *x = noise(CELLS, 11), *w = noise(D, 12), *start = noise(CELLS + D, 13);
    double *p = need(CELLS + D, sizeof *p);
    fill(dy, CELLS, 14), widen(p, x, CELLS), widen(p + CELLS, w, D);
    for (kind = 0; kind < 4; kind++) {
        float *g = noise(CELLS + D, 13), *dw = kind < 2 ? g + CELLS : NULL;
        if (kind == 3) as_l2norm_backward(&plain, g, LD, dy, LD, x, LD, R, G, D, 0.1f, 0.25f);
        if (kind < 3)
            as_rmsnorm_backward(&plain, g, LD, dw, dy, LD, x, LD, kind < 2 ? w : NULL, kind == 1, R,
                                G, D, 0.1f);
        follows(norm_loss, p, 0, CELLS, g, start);
        follows(norm_loss, p, CELLS, D, g + CELLS, start + CELLS);
        free(g);
    }
    free(x), free(w), free(start), free(p);
}

static double activation(double x)
{
    double z = sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x);
    if (act == AS_GELU) return 0.5 * x * (1 + tanh(z));
    return (act == AS_SILU ? x : 1) / (1 + exp(-x));
}

enum { GATE = 150 }; /* a block and a part */
static double gate_loss(const double *p)
{
    double sum = 0;
    for (size_t i = 0; i < CELLS; i++)
        if (i % LD < GATE) sum += dy[i] * activation(p[i]) * p[CELLS + i];
    return sum;
}

static void gates_follow(void)
{
    float *x = noise(2 * CELLS, 21), *start = noise(2 * CELLS, 22);
    for (size_t i = 0; i < CELLS; i++) x[i] *= 3;
    double *p = need(2 * CELLS, sizeof *p);
    fill(dy, CELLS, 23), widen(p, x, 2 * CELLS);
    for (int i = AS_SILU; i <= AS_SIGMOID; i++) {
        float *g = noise(2 * CELLS, 22);
        act = (as_activation)i;
        as_gate_backward(&plain, act, g, LD, g + CELLS, LD, dy, LD, x, LD, x + CELLS, LD, R, GATE);
        follows(gate_loss, p, 0, 2 * CELLS, g, start);
        free(g);
    }
    free(x), free(start), free(p);
}

/* Far out an activation is 0 or a straight line; nothing overflows on the way. */
static void far_gates_are_straight(void)
{
    const float far[] = {-3e38f, -1e20f, -1e4f, 1e4f, 1e20f, 3e38f, 0.0f};
    const float at_zero[] = {0.5f, 0.5f, 0.25f};
    for (int i = AS_SILU; i <= AS_SIGMOID; i++) {
        float one[7] = {1, 1, 1, 1, 1, 1, 1}, da[7] = {0}, db[7] = {0};
        as_gate_backward(&plain, (as_activation)i, da, 7, db, 7, one, 7, far, 7, one, 7, 1, 7);
        for (size_t j = 0; j < 6; j++) {
            float line = i == AS_SIGMOID ? 1 : far[j];
            CHECK(da[j] == (j >= 3 && i != AS_SIGMOID) && db[j] == (j >= 3 ? line : 0));
        }
        CHECK(da[6] == at_zero[i] && db[6] == (i == AS_SIGMOID ? 0.5f : 0));
    }
}

static double cap_loss(const double *p)
{
    double sum = 0;
    for (size_t i = 0; i < CELLS; i++) sum += dy[i] * 3 * tanh(p[i] / 3);
    return sum;
}

static void softcap_follows(void)
{
    float *x = noise(CELLS, 31), none[CELLS] = {0}, g[CELLS];
    double *p = need(CELLS, sizeof *p);
    for (size_t i = 0; i < CELLS; i++) x[i] *= 4;
    fill(dy, CELLS, 32), widen(p, x, CELLS), memcpy(g, dy, sizeof g);
    as_softcap(&plain, x, 3, R, LD);
    as_softcap_backward(&plain, g, x, 3, R, LD);
    follows(cap_loss, p, 0, CELLS, g, none);
    free(x), free(p);
}

enum { HEADS = 2, HEAD = 83, HALF = 40 }; /* pairs: a block and a part */
static float cosine[R * HALF], sine[R * HALF];
static double rope_loss(const double *p)
{
    double sum = 0;
    for (size_t i = 0; i < CELLS; i++) {
        size_t e = i % LD % HEAD, a = i / LD * HALF + e % HALF;
        if (i % LD >= HEADS * HEAD || e >= 2 * HALF)
            sum += dy[i] * p[i];
        else if (e < HALF)
            sum += dy[i] * (p[i] * cosine[a] - p[i + HALF] * sine[a]);
        else
            sum += dy[i] * (p[i] * cosine[a] + p[i - HALF] * sine[a]);
    }
    return sum;
}

static void rope_follows(void)
{
    float none[CELLS] = {0}, g[CELLS];
    double p[CELLS] = {0};
    for (size_t i = 0; i < R * HALF; i++)
        cosine[i] = (float)cos((double)i), sine[i] = (float)sin((double)i);
    fill(dy, CELLS, 41), memcpy(g, dy, sizeof g);
    as_rope_backward(&plain, g, LD, cosine, sine, R, HEADS, HEAD, HALF);
    follows(rope_loss, p, 0, CELLS, g, none);
    as_rope(&plain, g, LD, cosine, sine, R, HEADS, HEAD, HALF); /* a turn and back */
    for (size_t i = 0; i < CELLS; i++) CHECK_NEAR(g[i], dy[i], 1e-6);
}

enum { CHANNELS = 140, MOST_TAPS = 5 };
static size_t taps, rows_used;
static double conv_loss(const double *p)
{
    double sum = 0;
    for (size_t i = 0; i < rows_used * CHANNELS; i++) {
        size_t t = i / CHANNELS, c = i % CHANNELS;
        double z = 0;
        for (size_t j = 0; j < taps; j++)
            if (t + 1 + j >= taps) z += p[CELLS + c * taps + j] * p[(t + 1 + j - taps) * LD + c];
        sum += dy[t * LD + c] * z / (1 + exp(-z));
    }
    return sum;
}

/* Fewer rows than taps, as many, and one tap; a block of channels and a part. */
static void conv_follows(void)
{
    enum { W = CHANNELS * MOST_TAPS };
    float *x = noise(CELLS + W, 51), *start = noise(CELLS + W, 52);
    double *p = need(CELLS + W, sizeof *p);
    fill(dy, CELLS, 53), widen(p, x, CELLS + W);
    for (taps = 1; taps <= MOST_TAPS; taps += 2) {
        for (rows_used = 0; rows_used <= R; rows_used++) {
            float *g = noise(CELLS + W, 52);
            as_conv_backward(&plain, g, LD, g + CELLS, dy, LD, x, LD, x + CELLS, rows_used,
                             CHANNELS, taps);
            follows(conv_loss, p, 0, CELLS + W, g, start);
            free(g);
        }
    }
    free(x), free(start), free(p);
}

enum { DELTA = 37, AT_BIAS = 2 * R * DELTA, AT_LOG = AT_BIAS + DELTA, ALL = AT_LOG + DELTA };
static double delta_loss(const double *p)
{
    double sum = 0;
    for (size_t i = 0; i < R * DELTA; i++) {
        double a = p[i] + p[AT_BIAS + i % DELTA], b = p[R * DELTA + i];
        sum += dy[i] * -exp(p[AT_LOG + i % DELTA]) * (a > 20 ? a : log1p(exp(a)));
        sum += dy[R * DELTA + i] / (1 + exp(-b));
    }
    return sum;
}

static void delta_gates_follow(void)
{
    float *x = noise(ALL, 61), *start = noise(ALL, 62), *g = noise(ALL, 62), decay[DELTA];
    double *p = need(ALL, sizeof *p);
    for (size_t i = 0; i < R * DELTA; i += 5) x[i] *= 12; /* some beyond 20 */
    fill(dy, CELLS, 63), widen(p, x, ALL);
    for (size_t i = 0; i < DELTA; i++) {
        decay[i] = (float)-exp(p[AT_LOG + i]);
        p[AT_LOG + i] = log(-(double)decay[i]);
    }
    as_delta_gates_backward(&plain, g, g + R * DELTA, g + AT_LOG, g + AT_BIAS, dy, dy + R * DELTA,
                            x, x + R * DELTA, decay, x + AT_BIAS, R, DELTA);
    follows(delta_loss, p, 0, ALL, g, start);
    free(x), free(start), free(g), free(p);
}

int main(void)
{
    as_error err = {0};
    if (!as_exec_init(&plain, "scalar", 1, &err)) abort();
    RUN(gradients_agree);
    RUN(each_gradient_alone);
    RUN(norms_follow);
    RUN(gates_follow);
    RUN(far_gates_are_straight);
    RUN(softcap_follows);
    RUN(rope_follows);
    RUN(conv_follows);
    RUN(delta_gates_follow);
    as_exec_clear(&plain);
    return check_end();
}
