/* Dense products: every table and all kinds of shapes against one fused multiply-add after the
 * other, and a few against double precision. */
#include "check.h"

#include <math.h>

#include "base/rng.h"
#include "engine/tensor/matmul.h"

enum { MOST = 1 << 19, GUARD = 3 };

static float a[MOST], b[MOST], start[MOST], want[MOST], got[MOST];
static as_error err;

typedef struct {
    size_t m, n, k;
} shape;

/* Thin in each direction, wide in each, with parts of strips and of stretches. */
static const shape shapes[] = {
    {1, 1, 1},     {1, 1, 3000},  {5, 16, 2},    {6, 64, 64},   {7, 65, 63},   {13, 17, 1025},
    {300, 16, 40}, {300, 8, 257}, {50, 300, 16}, {16, 500, 40}, {48, 70, 300}, {49, 47, 300},
    {130, 48, 30}, {200, 200, 1}, {64, 64, 90},  {97, 130, 20}, {2, 1500, 5},  {1500, 2, 7},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

static void fill(uint64_t seed)
{
    as_rng r = as_rng_at(seed, "matmul", 0);
    for (size_t i = 0; i < MOST; i++) {
        a[i] = (float)as_rng_normal(&r);
        b[i] = (float)as_rng_normal(&r);
        start[i] = (float)as_rng_normal(&r);
    }
}

/* Rows of all three are GUARD longer than needed, at odd addresses. */
static void reference(const shape *s, bool is_turned)
{
    const size_t lda = (is_turned ? s->m : s->k) + GUARD, ld = s->n + GUARD;
    memcpy(want, start, sizeof want);
    for (size_t i = 0; i < s->m; i++) {
        for (size_t p = 0; p < s->k; p++) {
            const float x = a[1 + (is_turned ? p * lda + i : i * lda + p)];
            for (size_t j = 0; j < s->n; j++)
                want[1 + i * ld + j] = fmaf(x, b[1 + p * ld + j], want[1 + i * ld + j]);
        }
    }
}

/* Adds the terms of k from `first` on. */
static void multiply(const as_exec *ex, const shape *s, bool is_turned, size_t first, size_t n_k)
{
    const size_t lda = (is_turned ? s->m : s->k) + GUARD, ld = s->n + GUARD;
    const float *from = b + 1 + first * ld;
    if (is_turned)
        as_matmul_tn(ex, got + 1, ld, a + 1 + first * lda, lda, from, ld, s->m, s->n, n_k);
    else
        as_matmul(ex, got + 1, ld, a + 1 + first, lda, from, ld, s->m, s->n, n_k);
}

/* Threads 1, 2 and 7; k whole and in two calls. */
static void check_shape(const char *kernels, const shape *s)
{
    for (size_t threads = 1; threads <= 7; threads += threads == 1 ? 1 : 5) {
        as_exec ex;
        CHECK(as_exec_init(&ex, kernels, threads, &err));
        for (int is_turned = 0; is_turned <= 1; is_turned++) {
            reference(s, is_turned);
            for (size_t cut = 0; cut <= s->k; cut += s->k / 3 + 1) {
                memcpy(got, start, sizeof got);
                multiply(&ex, s, is_turned, 0, cut);
                multiply(&ex, s, is_turned, cut, s->k - cut);
                CHECK(memcmp(got, want, sizeof got) == 0);
                if (!check_bad) continue;
                printf("%s, %zu threads, %s, m %zu, n %zu, k %zu, cut %zu\n", kernels, threads,
                       is_turned ? "turned" : "straight", s->m, s->n, s->k, cut);
                as_exec_clear(&ex);
                return;
            }
        }
        as_exec_clear(&ex);
    }
}

static void every_table(void)
{
    size_t n;
    const as_kernels *const *all = as_kernels_all(&n);
    fill(1);
    for (size_t t = 0; t < n; t++) {
        for (size_t i = 0; i < N_SHAPES && all[t]->is_supported() && !check_bad; i++)
            check_shape(all[t]->name, &shapes[i]);
    }
}

static void nothing_to_do(void)
{
    as_exec ex;
    fill(2);
    memcpy(got, start, sizeof got);
    CHECK(as_exec_init(&ex, "auto", 1, &err));
    for (size_t i = 0; i < 3; i++) {
        const size_t m = i == 0 ? 0 : 9, n = i == 1 ? 0 : 9, k = i == 2 ? 0 : 9;
        as_matmul(&ex, got, 9, a, 9, b, 9, m, n, k);
        as_matmul_tn(&ex, got, 9, a, 9, b, 9, m, n, k);
    }
    as_transpose(&ex, got, 9, a, 9, 0, 9);
    as_transpose(&ex, got, 9, a, 9, 9, 0);
    CHECK(memcmp(got, start, sizeof got) == 0);
    as_exec_clear(&ex);
}

/* A chain of k fused multiply-adds from c is off by at most (k + 1) u / (1 - (k + 1) u) times the
 * sum of sizes, u = 2^-24 (Higham 2002, section 3.1). */
static void close_to_the_exact_sum(void)
{
    enum { M = 20, N = 30, K = 1500 };
    const double u = (K + 1) * 0x1p-24, bound = u / (1 - u);
    as_exec ex;
    fill(3);
    CHECK(as_exec_init(&ex, "auto", 2, &err));
    memcpy(got, start, sizeof got);
    as_matmul(&ex, got, N, a, K, b, N, M, N, K);
    for (size_t i = 0; i < M; i++) {
        for (size_t j = 0; j < N; j++) {
            double exact = (double)start[i * N + j], size = fabs(exact);
            for (size_t p = 0; p < K; p++) {
                const double term = (double)a[i * K + p] * (double)b[p * N + j];
                exact += term, size += fabs(term);
            }
            CHECK(fabs((double)got[i * N + j] - exact) <= bound * size);
        }
    }
    as_exec_clear(&ex);
}

static void transposes(void)
{
    static const size_t sides[] = {1, 5, 16, 63, 64, 65, 200};
    fill(4);
    for (size_t threads = 1; threads <= 2; threads++) {
        as_exec ex;
        CHECK(as_exec_init(&ex, "auto", threads, &err));
        for (size_t s = 0; s < 49; s++) {
            const size_t rows = sides[s / 7], cols = sides[s % 7];
            memcpy(got, start, sizeof got);
            memcpy(want, start, sizeof want);
            for (size_t i = 0; i < rows * cols; i++)
                want[1 + i % cols * (rows + 2) + i / cols] =
                    a[1 + i / cols * (cols + 3) + i % cols];
            as_transpose(&ex, got + 1, rows + 2, a + 1, cols + 3, rows, cols);
            CHECK(memcmp(got, want, sizeof got) == 0);
        }
        as_exec_clear(&ex);
    }
}

int main(void)
{
    RUN(every_table);
    RUN(nothing_to_do);
    RUN(close_to_the_exact_sum);
    RUN(transposes);
    return check_end();
}
