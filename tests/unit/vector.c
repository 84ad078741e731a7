/* The inner loops over vectors: every supported table against the scalar one, bit for bit, and the
 * scalar one against double precision. */
#include "check.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/rng.h"
#include "engine/tensor/kernels.h"

enum { LONGEST = 67, ROOM = 96 };

typedef void map(float *y, const float *x, size_t n);
typedef enum { NORMAL, ZEROS, HUGE_VALUES, TINY, WIDE, N_KINDS } kind;

static const as_kernels *scalar;

static float value(as_rng *r, kind k)
{
    double sign = as_rng_below(r, 2) ? 1 : -1;
    switch (k) {
    case ZEROS:
        return (float)(sign * 0.0);
    case HUGE_VALUES:
        return (float)(sign * ldexp(as_rng_uniform(r) + 1, 100 + (int)as_rng_below(r, 27)));
    case TINY: /* products and quotients that vanish, of either sign */
        return (float)(sign * ldexp(as_rng_uniform(r), -60 - (int)as_rng_below(r, 88)));
    case WIDE:
        return (float)(sign * 120 * as_rng_uniform(r));
    default:
        return (float)as_rng_normal(r);
    }
}

static void fill(float *x, size_t n, kind k, uint64_t seed)
{
    as_rng r = as_rng_at(seed, "vector", (uint64_t)k);
    for (size_t i = 0; i < n; i++) x[i] = value(&r, k);
}

/* Equal bits, or both NaN. */
static bool same(const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (a[i] != a[i] && b[i] != b[i]) continue;
        if (memcmp(&a[i], &b[i], sizeof a[i]) != 0) return false;
    }
    return true;
}

/* --- every table against the scalar one ------------------------------------------------------ */

/* y has room on both sides of the n elements it may write. */
static void one_map_agrees(map *fast, map *slow, const float *x, size_t n)
{
    float a[ROOM], b[ROOM];
    fill(a, ROOM, NORMAL, 9);
    memcpy(b, a, sizeof a);
    fast(a + 5, x, n);
    slow(b + 5, x, n);
    CHECK(same(a, b, ROOM));
    for (size_t i = 0; i < n; i++) { /* an element does not know its place */
        slow(b, x + i, 1);
        CHECK(same(b, a + 5 + i, 1));
    }
    memcpy(b, x, n * sizeof *x);
    fast(b, b, n);
    CHECK(same(b, a + 5, n));
}

static void maps_agree(const as_kernels *k, const float *x, size_t n)
{
    one_map_agrees(k->exp, scalar->exp, x, n);
    one_map_agrees(k->silu, scalar->silu, x, n);
    one_map_agrees(k->sigmoid, scalar->sigmoid, x, n);
    one_map_agrees(k->tanh, scalar->tanh, x, n);
    one_map_agrees(k->gelu, scalar->gelu, x, n);
}

static void pairs_agree(const as_kernels *k, const float *x, const float *w, size_t n)
{
    float a[4][ROOM], b[4][ROOM];
    for (uint64_t i = 0; i < 4; i++) fill(a[i], ROOM, NORMAL, i), memcpy(b[i], a[i], sizeof a[i]);
    k->mul(a[0] + 3, x, w, n), scalar->mul(b[0] + 3, x, w, n);
    k->add(a[1] + 3, x, w, n), scalar->add(b[1] + 3, x, w, n);
    k->scale(a[2] + 3, x, w[n], n), scalar->scale(b[2] + 3, x, w[n], n);
    k->axpy(a[3] + 3, x, w[n], n), scalar->axpy(b[3] + 3, x, w[n], n);
    for (size_t i = 0; i < 4; i++) CHECK(same(a[i], b[i], ROOM));
}

static void reductions_agree(const as_kernels *k, const float *x, const float *w, size_t n)
{
    float a[3] = {k->dot(x, w, n), k->sum(x, n), n ? k->max(x, n) : 0};
    float b[3] = {scalar->dot(x, w, n), scalar->sum(x, n), n ? scalar->max(x, n) : 0};
    CHECK(same(a, b, 3));
    CHECK(k->is_finite(x, n));
    if (n == 0) return;
    float s[ROOM], t[ROOM];
    memcpy(s, w, sizeof s), memcpy(t, w, sizeof t);
    a[0] = k->soften(s + 1, n, 0.125f, -1.5f), b[0] = scalar->soften(t + 1, n, 0.125f, -1.5f);
    a[1] = k->soften(s + 1, n, -3.0f, -INFINITY), b[1] = scalar->soften(t + 1, n, -3.0f, -INFINITY);
    CHECK(same(a, b, 2) && same(s, t, ROOM));
}

static void delta_agrees(const as_kernels *k, const float *x, const float *w, size_t n)
{
    enum { DK = 7, LDS = 70 };
    float s[DK * LDS], t[DK * LDS], o[LDS], p[LDS];
    fill(s, DK * LDS, NORMAL, n), memcpy(t, s, sizeof s);
    fill(o, LDS, NORMAL, n), memcpy(p, o, sizeof o);
    for (int step = 0; step < 3; step++) {
        k->delta_step(o + 1, s + 1, LDS, x, w, w, 0.75f, x[0], DK, n);
        scalar->delta_step(p + 1, t + 1, LDS, x, w, w, 0.75f, x[0], DK, n);
    }
    CHECK(same(s, t, DK * LDS) && same(o, p, LDS));
}

static const as_adamw adam = {
    .of_m = 0.1f, .of_v = 1e-3f, .rate = 0.01f, .eps = 1e-8f, .decay = 1e-3f};

/* Three steps, each tried first; a trial writes nothing and says what the step will say. */
static void adamw_agrees(const as_kernels *k, const float *x, const float *w, size_t n)
{
    float a[3][ROOM], b[3][ROOM];
    memset(a, 0, sizeof a), fill(a[0], ROOM, NORMAL, n);
    if (n % 2) memcpy(a[0] + 3, w, n * sizeof *w);
    for (int step = 0; step < 3; step++) {
        const float *g = step == 1 ? w : x;
        memcpy(b, a, sizeof a);
        bool will = k->adamw(a[0] + 3, a[1] + 2, a[2] + 1, g, &adam, n, true);
        CHECK(memcmp(a, b, sizeof a) == 0);
        CHECK(will == k->adamw(a[0] + 3, a[1] + 2, a[2] + 1, g, &adam, n, false));
        CHECK(will == scalar->adamw(b[0] + 3, b[1] + 2, b[2] + 1, g, &adam, n, false));
        CHECK(same(a[0], b[0], ROOM) && same(a[1], b[1], ROOM) && same(a[2], b[2], ROOM));
        CHECK(will == (k->is_finite(a[0] + 3, n) && k->is_finite(a[1] + 2, n) &&
                       k->is_finite(a[2] + 1, n)));
    }
}

static void tables_agree(void)
{
    size_t n_tables;
    const as_kernels *const *all = as_kernels_all(&n_tables);
    for (size_t t = 0; t < n_tables; t++) {
        if (!all[t]->is_supported()) continue;
        for (size_t n = 0; n <= LONGEST; n++) {
            for (kind k = NORMAL; k < N_KINDS; k++) {
                float x[ROOM], w[ROOM];
                size_t shift = (n + k) % 4;
                fill(x, ROOM, k, n), fill(w, ROOM, k, n + 1000);
                maps_agree(all[t], x + shift, n);
                pairs_agree(all[t], x + shift, w + 1, n);
                reductions_agree(all[t], x + shift, w, n);
                delta_agrees(all[t], x + shift, w, n);
                adamw_agrees(all[t], x + shift, w, n);
            }
        }
    }
}

/* NaN and infinity at every place of every length: kept where they were, seen by is_finite, and
 * nothing else changed. */
static void nan_is_kept(void)
{
    size_t n_tables;
    const as_kernels *const *all = as_kernels_all(&n_tables);
    for (size_t t = 0; t < n_tables; t++) {
        const as_kernels *k = all[t];
        if (!k->is_supported()) continue;
        map *const maps[] = {k->exp, k->silu, k->sigmoid, k->tanh, k->gelu};
        for (size_t n = 1; n <= LONGEST; n += 3) {
            for (size_t at = 0; at < n; at++) {
                float x[ROOM], y[ROOM];
                fill(x, ROOM, NORMAL, n);
                x[n] = NAN; /* not ours to see */
                CHECK(k->is_finite(x, n));
                x[at] = at % 2 ? NAN : -NAN;
                for (size_t m = 0; m < 5; m++) {
                    maps[m](y, x, n);
                    for (size_t i = 0; i < n; i++) CHECK((y[i] != y[i]) == (i == at));
                }
                CHECK(!k->is_finite(x, n));
                CHECK(isnan(k->dot(x, y, n)) && isnan(k->sum(x, n)));
                k->soften(x, n, 1.0f, 0.0f);
                CHECK(isnan(x[at]) && isnan(k->sum(x, n)));
                x[at] = at % 2 ? INFINITY : -INFINITY;
                CHECK(!k->is_finite(x, n));
            }
        }
    }
}

/* One number that is not finite, anywhere, is seen, and beyond the end it is not. */
static void adamw_sees_what_is_not_finite(void)
{
    size_t n_tables;
    const as_kernels *const *all = as_kernels_all(&n_tables);
    for (size_t t = 0; t < n_tables; t++) {
        for (size_t n = 1; n <= LONGEST && all[t]->is_supported(); n += 3) {
            for (size_t at = 0; at <= n; at++) {
                for (size_t which = 0; which < 4; which++) {
                    float x[4][ROOM] = {{0}};
                    x[which][at] = at % 2 ? NAN : INFINITY;
                    bool is_finite = all[t]->adamw(x[0], x[1], x[2], x[3], &adam, n, at % 3 == 0);
                    CHECK(is_finite == (at == n));
                }
            }
            float x[4][ROOM] = {{0}}; /* without eps, 0 / 0 stands beyond the end */
            for (size_t i = 0; i < n; i++) x[2][i] = 1.0f;
            const as_adamw bare = {.of_m = 0.1f, .of_v = 1e-3f, .rate = 0.01f};
            CHECK(all[t]->adamw(x[0], x[1], x[2], x[3], &bare, n, false));
        }
    }
}

/* --- the scalar table against double precision ------------------------------------------------ */

/* |y - exact| in units of the last place of a float near exact. */
static double ulps(float y, double exact)
{
    int e;
    (void)frexp(exact, &e);
    return fabs(y - exact) / ldexp(1, e - 24 < -149 ? -149 : e - 24);
}

/* The largest error over floats from..to, by bits, in steps. */
typedef double error_of(float x, float y);
static double worst(map *f, error_of *error, float from, float to, uint32_t step)
{
    double most = 0;
    for (uint32_t b = as_f32_bits(from); b <= as_f32_bits(to); b += step) {
        float x = as_f32_of_bits(b), y;
        f(&y, &x, 1);
        double e = error(x, y);
        if (!(e <= most)) most = e;
    }
    return most;
}

static double exp_error(float x, float y)
{
    return ulps(y, exp(x));
}

static void exp_is_within_two_ulps(void)
{
    CHECK(worst(scalar->exp, exp_error, 0.0f, 88.72283f, 1009) <= 2);
    CHECK(worst(scalar->exp, exp_error, -0.0f, -104.0f, 1009) <= 2);
    CHECK(worst(scalar->exp, exp_error, -87.0f, -104.0f, 1) <= 2); /* subnormal results */
    float x[] = {-104.0001f, -1e30f, -INFINITY, 88.73f, 89.0f, 1e30f, INFINITY, 0.0f, -0.0f}, y[9];
    const float expected[] = {0, 0, 0, INFINITY, INFINITY, INFINITY, INFINITY, 1, 1};
    scalar->exp(y, x, 9);
    CHECK(memcmp(y, expected, sizeof y) == 0);
}

static double sigmoid_error(float x, float y)
{
    return ulps(y, 1 / (1 + exp(-(double)x)));
}

static double silu_error(float x, float y)
{
    return ulps(y, x / (1 + exp(-(double)x)));
}

static double tanh_error(float x, float y)
{
    return fabs(y - tanh(x));
}

static double tanh_relative(float x, float y)
{
    return ulps(y, tanh(x));
}

/* The argument of exp, up to 66 here, carries five roundings of at most 2^-24 each (two of them of
 * the constants); they come back in the result as 330 last places at most. Within 1 the argument is
 * below 1.7. */
static double gelu_error(float x, float y)
{
    double z = sqrt(2 / acos(-1)) * (x + 0.044715 * pow(x, 3));
    return ulps(y, x / (1 + exp(-2 * z)));
}

static void activations_are_accurate(void)
{
    /* exp's two units, one addition and one division. */
    CHECK(worst(scalar->sigmoid, sigmoid_error, 0.0f, 100.0f, 3001) <= 3);
    CHECK(worst(scalar->sigmoid, sigmoid_error, -0.0f, -87.0f, 3001) <= 3);
    CHECK(worst(scalar->silu, silu_error, 0.0f, 1e30f, 3001) <= 3);
    CHECK(worst(scalar->silu, silu_error, -1e-30f, -87.0f, 3001) <= 3);
    CHECK(worst(scalar->tanh, tanh_error, 0.0f, INFINITY, 3001) <= 2e-7);
    CHECK(worst(scalar->tanh, tanh_error, -0.0f, -INFINITY, 3001) <= 2e-7);
    CHECK(worst(scalar->tanh, tanh_relative, 1e-30f, 20.0f, 3001) <= 4);
    CHECK(worst(scalar->gelu, gelu_error, 0.0f, 1e30f, 3001) <= 4);
    CHECK(worst(scalar->gelu, gelu_error, -1e-30f, -1.0f, 3001) <= 6);
    CHECK(worst(scalar->gelu, gelu_error, -1.0f, -9.0f, 101) <= 330);
    float x[] = {-3e38f, 3e38f, -0.0f}, y[3];
    scalar->gelu(y, x, 3);
    CHECK(y[0] == 0 && y[1] == 3e38f && y[2] == 0 && signbit(y[2]));
    scalar->silu(y, x, 3);
    CHECK(y[0] == 0 && y[1] == 3e38f && y[2] == 0 && signbit(y[2]));
    scalar->tanh(y, x, 3);
    CHECK(y[0] == -1 && y[1] == 1 && y[2] == 0 && signbit(y[2]));
}

/* --- order ------------------------------------------------------------------------------------ */

/* The order of addition as the contract states it, written out. */
static void sums_follow_the_lanes(void)
{
    for (size_t n = 0; n <= LONGEST; n++) {
        float x[ROOM], y[ROOM], dot[16] = {0}, sum[16] = {0};
        fill(x, ROOM, NORMAL, n), fill(y, ROOM, NORMAL, n + 1);
        for (size_t i = 0; i < n; i++) {
            dot[i % 16] = fmaf(x[i], y[i], dot[i % 16]);
            sum[i % 16] += x[i];
        }
        float *const lanes[] = {dot, sum};
        float got[] = {scalar->dot(x, y, n), scalar->sum(x, n)};
        for (size_t s = 0; s < 2; s++) {
            float *l = lanes[s], b[8];
            for (size_t i = 0; i < 8; i++) b[i] = l[i] + l[i + 8];
            float tree = ((b[0] + b[4]) + (b[2] + b[6])) + ((b[1] + b[5]) + (b[3] + b[7]));
            CHECK(same(&tree, &got[s], 1));
        }
    }
}

/* Products that vanish below zero leave -0 in every lane, and a tail must not wake the others. */
static void vanishing_sums_keep_their_sign(void)
{
    size_t n_tables;
    const as_kernels *const *all = as_kernels_all(&n_tables);
    float x[ROOM], y[ROOM];
    for (size_t i = 0; i < ROOM; i++) x[i] = 1e-30f, y[i] = -1e-30f;
    for (size_t t = 0; t < n_tables; t++) {
        for (size_t n = 0; n <= LONGEST && all[t]->is_supported(); n++) {
            float dot = all[t]->dot(x, y, n);
            CHECK(dot == 0 && !signbit(dot) == (n < 16)); /* below 16 a lane is still +0 */
        }
    }
}

static void softening_is_a_softmax_block(void)
{
    float x[40], s[40], scale = 0.3f;
    fill(x, 40, WIDE, 1), memcpy(s, x, sizeof s);
    float m = scalar->soften(s, 40, scale, 2.0f);
    double top = 2;
    for (size_t i = 0; i < 40; i++) top = fmax(top, scale * (double)x[i]);
    CHECK_NEAR(m, top, 1e-7);
    for (size_t i = 0; i < 40; i++) { /* the score's rounding (36 * 2^-24) passes into exp */
        double e = exp(scale * (double)x[i] - top);
        CHECK(fabs(s[i] - e) <= 4e-6 * e + 1e-44);
    }
    float zeros[2] = {-0.0f, -0.0f};
    m = scalar->soften(zeros, 2, 1.0f, -INFINITY);
    CHECK(m == 0 && !signbit(m) && zeros[0] == 1);
    float minus[] = {-0.0f, -1.0f};
    CHECK(!signbit(scalar->max(minus, 2)));
}

int main(void)
{
    as_error err = {0};
    scalar = as_kernels_find("scalar", &err);
    RUN(tables_agree);
    RUN(nan_is_kept);
    RUN(adamw_sees_what_is_not_finite);
    RUN(exp_is_within_two_ulps);
    RUN(activations_are_accurate);
    RUN(sums_follow_the_lanes);
    RUN(vanishing_sums_keep_their_sign);
    RUN(softening_is_a_softmax_block);
    return check_end();
}
