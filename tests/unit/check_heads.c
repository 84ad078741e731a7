/* Effects and directions of heads, and the two checks that rest on them: planted heads, pure noise,
 * cohort means that nearly coincide, small cohorts, hand-made answers. */
#include <inttypes.h>
#include <stdlib.h>

#include "lab/stats/attribution.h"
#include "lab/stats/fold.h"
#include "lab/stats/paired.h"
#include "probe_case.h"

static as_resample draws_of(size_t draws, as_pool *pool)
{
    return (as_resample){draws, SEED, "test/heads", pool};
}

/* n rows of `width` normals, `place` added to all; columns from..to-1 of the first n_pos rows moved
 * by signal. */
static double *normals(const char *name, size_t n, size_t n_pos, size_t width, size_t from,
                       size_t to, double signal, double place)
{
    double *x = push(n * width, sizeof *x);
    for (size_t i = 0; i < n; i++) {
        as_rng r = as_rng_at(SEED, name, i);
        for (size_t j = 0; j < width; j++)
            x[i * width + j] =
                as_rng_normal(&r) + place + (i < n_pos && j >= from && j < to ? signal : 0);
    }
    return x;
}

static uint8_t *labels(size_t n, size_t n_pos)
{
    uint8_t *y = push(n, 1);
    for (size_t i = 0; i < n; i++) y[i] = i < n_pos;
    return y;
}

/* --- effects --------------------------------------------------------------------------------- */

static void effects_by_hand(void)
{
    /* head 0: 4 5 6 against 1 2 3, d = 3/1; head 1 the other way round, twice as far; head 2
     * constant */
    const double x[] = {4, 1, 7, 5, 2, 7, 6, 3, 7, 1, 7, 7, 2, 8, 7, 3, 9, 7};
    const uint8_t y[] = {1, 1, 1, 0, 0, 0};
    double d[3], null[200];
    size_t order[3];
    as_attribution out;
    as_resample null_of = draws_of(200, NULL);
    CHECK(as_attribution_of(&out, d, order, null, x, 6, 3, y, AS_EFFECT_SIGNED, &null_of, &err));
    CHECK_NEAR(d[0], 3, 1e-14);
    CHECK_NEAR(d[1], -6, 1e-14);
    CHECK(d[2] == 0 && out.n_pos == 3 && out.n_neg == 3);
    CHECK(order[0] == 0 && order[1] == 2 && order[2] == 1 && out.head == 0 && out.maximum == d[0]);
    CHECK(as_attribution_of(&out, d, order, null, x, 6, 3, y, AS_EFFECT_ABSOLUTE, &null_of, &err));
    CHECK(order[0] == 1 && order[1] == 0 && order[2] == 2 && out.head == 1);
    CHECK_NEAR(out.maximum, 6, 1e-14);
    /* 2 of the 20 arrangements are as extreme: all of the larger values on one side */
    CHECK(out.p > 0.04 && out.p < 0.2);
    CHECK_NEAR(out.p, as_null_p(null, 200, 6, AS_TAIL_UPPER), 0);
    CHECK(as_attribution_of(&out, d, order, null, x, 6, 3, (uint8_t[6]){0}, AS_EFFECT_SIGNED,
                            &null_of, &err));
    CHECK(isnan(d[0]) && isnan(out.maximum) && isnan(out.p) && isnan(null[0]) && order[2] == 2);
    CHECK(!as_attribution_of(&out, d, order, null, x, 6, 3, (uint8_t[6]){0, 1, 2}, AS_EFFECT_SIGNED,
                             &null_of, &err));
    CHECK(strstr(err.what, "label of row 2 (found 2"));
    double bad[] = {1, 2, 3, (double)NAN};
    err = (as_error){0};
    CHECK(!as_attribution_of(&out, d, order, null, bad, 2, 2, y, AS_EFFECT_SIGNED, &null_of, &err));
    CHECK(strstr(err.what, "row 1, column 1"));
}

/* The null of the maximum is far from 0 with many heads, and its p is near uniform under noise. */
static void maximum_of_noise(void)
{
    enum { N = 60, HEADS = 80, WORLDS = 40 };
    size_t low = 0;
    double d[HEADS], null[200], median[1], half = 0.5;
    size_t order[HEADS];
    as_attribution out;
    as_resample null_of = draws_of(200, NULL);
    for (size_t i = 0; i < WORLDS; i++) {
        char name[16];
        snprintf(name, sizeof name, "noise%zu", i);
        const double *x = normals(name, N, 25, HEADS, 0, 0, 0, 0);
        CHECK(as_attribution_of(&out, d, order, null, x, N, HEADS, labels(N, 25), AS_EFFECT_SIGNED,
                                &null_of, &err));
        CHECK(as_quantiles(null, 200, &half, 1, median, &err));
        CHECK(median[0] > 0.5 && median[0] < 0.85);
        low += out.p <= 0.2;
    }
    CHECK(low >= 2 && low <= 16); /* 8 expected, sd 2.5 */
}

/* --- directions ------------------------------------------------------------------------------ */

/* The definition, written out: means of the rows outside fold f (none: k), projections, d. */
static double naive_direction(const double *x, size_t n, size_t stride, size_t dim,
                              const uint8_t *y, const uint8_t *fold, size_t k, bool crossfit)
{
    double side[2][64], mu[2][256];
    size_t m[2] = {0, 0};
    for (size_t f = crossfit ? 0 : k; f < (crossfit ? k : k + 1); f++) {
        double count[2] = {0, 0}, norm = 0;
        memset(mu, 0, sizeof mu);
        for (size_t i = 0; i < n; i++) {
            if (fold[i] == f) continue;
            count[y[i]]++;
            for (size_t j = 0; j < dim; j++) mu[y[i]][j] += x[i * stride + j];
        }
        for (size_t c = 0; c < 2; c++)
            for (size_t j = 0; j < dim; j++) mu[c][j] /= count[c];
        for (size_t j = 0; j < dim; j++) norm += (mu[1][j] - mu[0][j]) * (mu[1][j] - mu[0][j]);
        for (size_t i = 0; i < n; i++) {
            double s = 0;
            if (crossfit && fold[i] != f) continue;
            for (size_t j = 0; j < dim; j++)
                s += (x[i * stride + j] - (mu[0][j] + mu[1][j]) / 2) * (mu[1][j] - mu[0][j]);
            side[y[i]][m[y[i]]++] = s / sqrt(norm);
        }
    }
    return as_cohens_d(side[1], m[1], side[0], m[0]);
}

/* Both ways of working (n <= dim: inner products; n > dim: columns) against the definition. */
static void directions_by_definition(void)
{
    enum { N = 40, HEADS = 3 };
    for (size_t dim = 5; dim <= 85; dim += 80) {
        as_direction out[HEADS];
        uint8_t fold[N];
        double *unit = push(HEADS * dim, sizeof *unit), *in = push(50 * HEADS, sizeof *in);
        double *cross = push(50 * HEADS, sizeof *cross);
        const uint8_t *y = labels(N, 17);
        const double *x = normals("naive", N, 17, HEADS * dim, dim, 2 * dim, 0.6, 3);
        as_resample null_of = draws_of(50, NULL);
        CHECK(as_fold_stratified(fold, y, N, 4, SEED, 0, &err));
        CHECK(as_direction_of(out, unit, in, cross, x, N, HEADS, dim, y, fold, 4, &null_of, &err));
        for (size_t h = 0; h < HEADS; h++) {
            const double *own = x + h * dim;
            double length = 0, mu[2][256] = {{0}}, dot = 0, sq[2] = {0, 0}, gap = 0;
            CHECK_NEAR(out[h].in_sample,
                       naive_direction(own, N, HEADS * dim, dim, y, fold, 4, false), 1e-11);
            CHECK_NEAR(out[h].crossfit, naive_direction(own, N, HEADS * dim, dim, y, fold, 4, true),
                       1e-11);
            for (size_t i = 0; i < N; i++)
                for (size_t j = 0; j < dim; j++)
                    mu[y[i]][j] += own[i * HEADS * dim + j] / (y[i] ? 17 : N - 17);
            for (size_t j = 0; j < dim; j++) {
                dot += mu[0][j] * mu[1][j];
                sq[0] += mu[0][j] * mu[0][j], sq[1] += mu[1][j] * mu[1][j];
                gap += (mu[1][j] - mu[0][j]) * (mu[1][j] - mu[0][j]);
                length += unit[h * dim + j] * unit[h * dim + j];
                CHECK_NEAR(unit[h * dim + j] * out[h].distance, mu[1][j] - mu[0][j], 1e-12);
            }
            CHECK_NEAR(out[h].cosine, dot / sqrt(sq[0] * sq[1]), 1e-12);
            CHECK_NEAR(out[h].distance, sqrt(gap), 1e-12);
            CHECK_NEAR(length, 1, 1e-12);
            size_t as_large = 0, any = 0;
            for (size_t i = 0; i < 50; i++) {
                double top = fmax(cross[i * 3], fmax(cross[i * 3 + 1], cross[i * 3 + 2]));
                as_large += cross[i * 3 + h] >= out[h].crossfit;
                any += top >= out[h].crossfit;
            }
            CHECK_NEAR(out[h].p, (1.0 + (double)as_large) / 51, 1e-15);
            CHECK_NEAR(out[h].p_max, (1.0 + (double)any) / 51, 1e-15);
        }
        CHECK(out[1].crossfit > 0.8 && out[1].p_max < 0.05);
    }
}

/* In sample every direction of noise looks strong, and the more so the more columns; cross-fitted
 * none does. */
static void direction_of_noise(void)
{
    enum { N = 80, DRAWS = 100 };
    double before = 0, cross[DRAWS], in[DRAWS];
    uint8_t fold[N];
    const uint8_t *y = labels(N, 40);
    as_resample null_of = draws_of(DRAWS, NULL);
    CHECK(as_fold_stratified(fold, y, N, 5, SEED, 0, &err));
    for (size_t dim = 4; dim <= 256; dim *= 4) {
        as_direction out;
        const double *x = normals("double use", N, 0, dim, 0, 0, 0, 0);
        CHECK(as_direction_of(&out, NULL, in, cross, x, N, 1, dim, y, fold, 5, &null_of, &err));
        CHECK(out.in_sample > before && fabs(out.crossfit) < 0.8 && out.p > 0.05);
        CHECK(out.p == out.p_max);
        before = out.in_sample;
    }
    CHECK(before > 3); /* 256 columns */
    /* no difference at all: no direction */
    as_direction none;
    double flat[N], unit[1] = {7};
    for (size_t i = 0; i < N; i++) flat[i] = 2;
    CHECK(as_direction_of(&none, unit, NULL, cross, flat, N, 1, 1, y, fold, 5, &null_of, &err));
    CHECK(none.distance == 0 && none.in_sample == 0 && none.crossfit == 0 && none.p == 1);
    CHECK(none.cosine == 1 && unit[0] == 0);
    /* a class that is only in one fold leaves the others without it; none at all is NaN */
    uint8_t lone[N] = {0};
    for (size_t i = 0; i < N; i++) lone[i] = fold[i] == 0 && y[i];
    CHECK(as_direction_of(&none, NULL, NULL, cross, flat, N, 1, 1, lone, fold, 5, &null_of, &err));
    CHECK(none.in_sample == 0 && isnan(none.crossfit) && isnan(none.p));
    CHECK(as_direction_of(&none, unit, NULL, cross, flat, N, 1, 1, (uint8_t[N]){0}, fold, 5,
                          &null_of, &err));
    CHECK(isnan(none.in_sample) && isnan(none.cosine) && isnan(none.p_max) && unit[0] == 0);
    fold[0] = 9;
    CHECK(!as_direction_of(&none, NULL, NULL, cross, flat, N, 1, 1, y, fold, 5, &null_of, &err));
}

/* --- the checks ------------------------------------------------------------------------------ */

/* A table of n items, n_pos of them labelled 1, with a matrix x of `width` columns. */
static as_table *heads_table(world *w, const char *name, size_t n, size_t n_pos, size_t width,
                             size_t from, size_t to, double signal, double place)
{
    as_table *t = add_table(w, name, n);
    double *value = normals(name, n, n_pos, width, from, to, signal, place);
    double *y = push(n, sizeof *y);
    float *x = push(n * width, sizeof *x);
    for (size_t i = 0; i < n * width; i++) x[i] = (float)value[i];
    for (size_t i = 0; i < n; i++) y[i] = i < n_pos;
    add_numbers(t, "y", y);
    add_column(
        t, (as_column){.name = "x", .kind = AS_COLUMN_MATRIX, .n = n, .matrix = x, .dim = width});
    return t;
}

static void maximum_planted(void)
{
    world w = {0};
    as_audit a;
    as_leaf leaf;
    heads_table(&w, "up", 90, 40, 60, 17, 18, 1.3, 0);
    heads_table(&w, "down", 90, 40, 60, 17, 18, -1.3, 0);
    CHECK(RUN_CHECK(&a, &leaf, "head-maximum", &w, quick, {"heads", "up.x"}, {"label", "up.y"}));
    CHECK(leaf.outcome == AS_HOLDS);
    CHECK_TEXT(leaf.cause, "");
    const as_statistic *s = as_stat_find(&a, "maximum", "");
    CHECK(s && s->n == 90 && s->missing == 0 && s->null_draws == 200);
    CHECK(s && as_stat_detail(s, "/top/0/head") == 17 && as_stat_detail(s, "/heads") == 60);
    CHECK(s && as_stat_detail(s, "/top/0/d") == s->estimate && s->estimate > s->null_q95);
    CHECK(s && !isnan(as_stat_detail(s, "/top/9/d")) && isnan(as_stat_detail(s, "/top/10/d")));
    CHECK(s && s->null_q05 < s->null_q50 && s->null_q50 < s->null_q95 && s->null_q50 > 0.4);
    /* a head that is weaker in class 1 is sought by |d| alone */
    CHECK(
        RUN_CHECK(&a, &leaf, "head-maximum", &w, quick, {"heads", "down.x"}, {"label", "down.y"}));
    CHECK(leaf.outcome != AS_HOLDS);
    CHECK(RUN_CHECK(&a, &leaf, "head-maximum", &w, quick, {"heads", "down.x"}, {"label", "down.y"},
                    {"sided", "absolute"}));
    CHECK(leaf.outcome == AS_HOLDS && detail(&a, "maximum", "", "/top/0/head") == 17);
    CHECK(estimate(&a, "maximum", "") > 0 && detail(&a, "maximum", "", "/top/0/d") < 0);
}

static void maximum_noise(void)
{
    world w = {0};
    as_audit a;
    as_leaf leaf;
    size_t fails = 0, holds = 0;
    static const char *const name[] = {"n1", "n2", "n3", "n4"};
    for (size_t i = 0; i < 4; i++) {
        char x[8], y[8];
        heads_table(&w, name[i], 90, 40, 60, 0, 0, 0, 0);
        snprintf(x, sizeof x, "%s.x", name[i]), snprintf(y, sizeof y, "%s.y", name[i]);
        CHECK(RUN_CHECK(&a, &leaf, "head-maximum", &w, quick, {"heads", x}, {"label", y}));
        fails += leaf.outcome == AS_FAILS && strcmp(leaf.cause, "noise") == 0;
        holds += leaf.outcome == AS_HOLDS;
    }
    CHECK(fails >= 2 && holds == 0);
    /* the same noise, and a signal too weak for so few items: nothing is known */
    world few = {0};
    heads_table(&few, "few", 40, 12, 60, 0, 0, 0, 0);
    heads_table(&few, "none", 40, 0, 6, 0, 0, 0, 0);
    CHECK(
        RUN_CHECK(&a, &leaf, "head-maximum", &few, quick, {"heads", "few.x"}, {"label", "few.y"}));
    CHECK(leaf.outcome == AS_UNKNOWN);
    CHECK_TEXT(leaf.cause, "cells too small");
    CHECK(RUN_CHECK(&a, &leaf, "head-maximum", &few, quick, {"heads", "none.x"},
                    {"label", "none.y"}));
    CHECK(leaf.outcome == AS_UNKNOWN && !as_stat_find(&a, "maximum", ""));
    CHECK_TEXT(leaf.cause, "cells too small");
}

/* Between "shown" and "noise" there is a gap, which 20 items on a side do not close. */
static void maximum_gap(void)
{
    as_audit a;
    as_leaf leaf;
    as_statistic
        s = {.name = "maximum", .of = "", .estimate = 0.7, .n = 90, .p = 0.12, .detail = "{}"},
        rate = {.name = "positive_rate", .of = "", .detail = "{\"n_neg\":50,\"n_pos\":40}"};
    const as_statistic *stats[] = {&s, &rate};
    world w = {0};
    heads_table(&w, "g", 60, 30, 4, 0, 0, 0, 0);
    CHECK(RUN_CHECK(&a, &leaf, "head-maximum", &w, quick, {"heads", "g.x"}, {"label", "g.y"}));
    a.stats = stats, a.n_stats = 2;
    CHECK(a.check->decide(&a, &leaf, &err) && leaf.outcome == AS_UNKNOWN);
    CHECK_TEXT(leaf.cause, "under-powered");
    s.p = 0.21;
    CHECK(a.check->decide(&a, &leaf, &err) && leaf.outcome == AS_FAILS);
    s.p = 0.05;
    CHECK(a.check->decide(&a, &leaf, &err) && leaf.outcome == AS_HOLDS);
    rate.detail = "{\"n_neg\":50,\"n_pos\":19}";
    s.p = 0.21;
    CHECK(a.check->decide(&a, &leaf, &err) && leaf.outcome == AS_UNKNOWN);
}

/* Only asserted items count, and an item without a label or a mark is missing. */
static void maximum_only(void)
{
    world w = {0};
    as_audit a;
    as_leaf leaf;
    as_table *t = heads_table(&w, "o", 100, 50, 5, 2, 3, 2, 0);
    double *y = push(100, sizeof *y), *mark = push(100, sizeof *mark),
           *odd = push(100, sizeof *odd);
    for (size_t i = 0; i < 100; i++) {
        y[i] = i == 3 ? (double)NAN : (double)(i < 50);
        mark[i] = i == 4 ? (double)NAN : (double)(i % 50 < 40);
        odd[i] = i == 60 ? 3 : 1;
    }
    add_numbers(t, "z", y), add_numbers(t, "asserted", mark), add_numbers(t, "odd", odd);
    CHECK(RUN_CHECK(&a, &leaf, "head-maximum", &w, quick, {"heads", "o.x"}, {"label", "o.z"},
                    {"only", "o.asserted"}));
    const as_statistic *s = as_stat_find(&a, "maximum", "");
    CHECK(s && s->n == 78 && s->missing == 2 && as_stat_detail(s, "/n_left_out") == 20);
    CHECK(detail(&a, "positive_rate", "", "/n_pos") == 38);
    CHECK(leaf.outcome == AS_HOLDS);
    /* the rows that stay are the right ones */
    double top[2][100];
    size_t n[2] = {0, 0};
    const as_column *x = as_column_find(t, "x");
    for (size_t i = 0; i < 100; i++)
        if (i != 3 && mark[i] == 1) top[i < 50][n[i < 50]++] = (double)x->matrix[i * 5 + 2];
    CHECK_NEAR(s->estimate, as_cohens_d(top[1], n[1], top[0], n[0]), 1e-12);
    CHECK(!RUN_CHECK(&a, &leaf, "head-maximum", &w, quick, {"heads", "o.x"}, {"label", "o.y"},
                     {"only", "o.odd"}));
    CHECK(strstr(err.what, "only: item 60: value (found 3, expected 0 or 1)"));
    CHECK(!RUN_CHECK(&a, &leaf, "head-maximum", &w, quick, {"heads", "o.y"}, {"label", "o.y"}));
}

static void direction_checked(void)
{
    world w = {0};
    as_audit a;
    as_leaf leaf;
    /* head 3 of 8 is real; all heads lie far from 0, so cohort means nearly coincide */
    heads_table(&w, "real", 100, 45, 8 * 24, 3 * 24, 4 * 24, 0.5, 4);
    heads_table(&w, "noise", 100, 45, 8 * 24, 0, 0, 0, 4);
    heads_table(&w, "apart", 100, 45, 8 * 24, 0, 0, 0, 0);
    CHECK(RUN_CHECK(&a, &leaf, "head-direction", &w, quick, {"vectors", "real.x"}, {"n_heads", "8"},
                    {"label", "real.y"}));
    CHECK(leaf.outcome == AS_HOLDS);
    CHECK(detail(&a, "crossfit_maximum", "", "/head") == 3);
    CHECK(detail(&a, "crossfit_maximum", "", "/each_p/3") <= 0.05);
    CHECK(detail(&a, "crossfit_maximum", "", "/each_p/2") > 0.05);
    CHECK(detail(&a, "crossfit_maximum", "", "/each_cosine/0") > 0.95);
    CHECK(estimate(&a, "crossfit_maximum", "") < estimate(&a, "in_sample_maximum", ""));
    CHECK(RUN_CHECK(&a, &leaf, "head-direction", &w, quick, {"vectors", "noise.x"},
                    {"n_heads", "8"}, {"label", "noise.y"}));
    CHECK(leaf.outcome == AS_FAILS);
    CHECK_TEXT(leaf.cause, "double use of the samples");
    CHECK(estimate(&a, "in_sample_maximum", "") > 0.8);
    const as_statistic *own = as_stat_find(&a, "in_sample_maximum", "");
    CHECK(own && own->p > 0.05 && own->null_q50 > 0.8); /* shuffled labels look as strong */
    /* the same noise, but the guard has nothing to say where means do not coincide */
    CHECK(RUN_CHECK(&a, &leaf, "head-direction", &w, quick, {"vectors", "apart.x"},
                    {"n_heads", "8"}, {"label", "apart.y"}));
    CHECK(leaf.outcome == AS_UNKNOWN);
    CHECK_TEXT(leaf.cause, "under-powered");
    CHECK(!RUN_CHECK(&a, &leaf, "head-direction", &w, quick, {"vectors", "apart.x"},
                     {"n_heads", "7"}, {"label", "apart.y"}));
    CHECK(strstr(err.what, "n_heads: heads (found 7, expected a divisor of the 192"));
}

/* In-sample luck alone decides nothing, and a gap stays between "shown" and "double use". */
static void direction_gap(void)
{
    world w = {0};
    as_audit a;
    as_leaf leaf;
    as_statistic
        own = {.name = "in_sample_maximum",
               .of = "",
               .estimate = 1.5,
               .p = 0.01,
               .detail = "{\"cosine\":0.99}"},
        cross = {.name = "crossfit_maximum", .of = "", .estimate = 0.3, .p = 0.12, .detail = "{}"},
        rate = {.name = "positive_rate", .of = "", .detail = "{\"n_neg\":50,\"n_pos\":20}"};
    const as_statistic *stats[] = {&own, &cross, &rate};
    heads_table(&w, "g", 60, 30, 4, 0, 0, 0, 0);
    CHECK(RUN_CHECK(&a, &leaf, "head-direction", &w, quick, {"vectors", "g.x"}, {"n_heads", "2"},
                    {"label", "g.y"}));
    a.stats = stats, a.n_stats = 3;
    CHECK(a.check->decide(&a, &leaf, &err) && leaf.outcome == AS_UNKNOWN);
    CHECK_TEXT(leaf.cause, "under-powered");
    cross.p = 0.21;
    CHECK(a.check->decide(&a, &leaf, &err) && leaf.outcome == AS_FAILS);
    own.estimate = 0.79; /* nobody would have reported it */
    CHECK(a.check->decide(&a, &leaf, &err) && leaf.outcome == AS_UNKNOWN);
    cross.p = 0.05;
    CHECK(a.check->decide(&a, &leaf, &err) && leaf.outcome == AS_HOLDS);
}

static void direction_small(void)
{
    world w = {0};
    as_audit a;
    as_leaf leaf;
    heads_table(&w, "few", 60, 12, 4 * 24, 0, 0, 0, 4);
    heads_table(&w, "three", 60, 3, 4 * 24, 0, 0, 0, 4);
    CHECK(RUN_CHECK(&a, &leaf, "head-direction", &w, quick, {"vectors", "few.x"}, {"n_heads", "4"},
                    {"label", "few.y"}));
    CHECK(leaf.outcome == AS_UNKNOWN && estimate(&a, "in_sample_maximum", "") > 0.8);
    CHECK_TEXT(leaf.cause, "cells too small");
    CHECK(RUN_CHECK(&a, &leaf, "head-direction", &w, quick, {"vectors", "three.x"},
                    {"n_heads", "4"}, {"label", "three.y"}));
    CHECK(leaf.outcome == AS_UNKNOWN && !as_stat_find(&a, "crossfit_maximum", ""));
    CHECK_TEXT(leaf.cause, "cells too small");
}

/* --- invariants ------------------------------------------------------------------------------ */

static void threads(void)
{
    static const size_t count[] = {1, 2, 7};
    as_buf text[3] = {{0}, {0}, {0}};
    world w = {0};
    heads_table(&w, "t", 50, 22, 6 * 30, 30, 60, 0.3, 1);
    for (int i = 0; i < 3; i++) {
        how h = {.permutations = 70, .threads = count[i]};
        for (int j = 0; j < 2; j++) {
            as_audit a;
            as_leaf leaf, again;
            if (j)
                CHECK(RUN_CHECK(&a, &leaf, "head-maximum", &w, h, {"heads", "t.x"},
                                {"label", "t.y"}));
            else
                CHECK(RUN_CHECK(&a, &leaf, "head-direction", &w, h, {"vectors", "t.x"},
                                {"n_heads", "6"}, {"label", "t.y"}));
            for (size_t k = 0; k < a.n_stats; k++) {
                const as_statistic *s = a.stats[k];
                as_buf_printf(&text[i], "%s %a %" PRIu64 " %a %a %a %s\n", s->name, s->estimate,
                              s->n, s->p, s->null_q05, s->null_q95, s->detail);
            }
            CHECK(a.check->decide(&a, &again, &err));
            CHECK_TEXT(again.sentence, leaf.sentence);
            as_buf_puts(&text[i], leaf.sentence);
        }
    }
    CHECK_TEXT(as_buf_text(&text[1]), as_buf_text(&text[0]));
    CHECK_TEXT(as_buf_text(&text[2]), as_buf_text(&text[0]));
    for (int i = 0; i < 3; i++) as_buf_clear(&text[i]);
}

int main(void)
{
    begin();
    RUN(effects_by_hand);
    RUN(maximum_of_noise);
    RUN(directions_by_definition);
    RUN(direction_of_noise);
    RUN(maximum_planted);
    RUN(maximum_noise);
    RUN(maximum_gap);
    RUN(maximum_only);
    RUN(direction_checked);
    RUN(direction_gap);
    RUN(direction_small);
    RUN(threads);
    as_arena_free(arena);
    return check_end();
}
