/* Grouped cross-validation, a gate carried to new rows, and plain numbers beside a probe: worlds in
 * which the answer is planted, both ways, and worlds too small to tell. */
#include <inttypes.h>
#include <stdlib.h>

#include "lab/stats/crossval.h"
#include "lab/stats/fold.h"
#include "lab/stats/grouped.h"
#include "lab/stats/scaler.h"
#include "probe_case.h"

/* --- statistics ------------------------------------------------------------------------------ */

static void folds_that_train(void)
{
    const uint8_t y[] = {1, 1, 0, 0, 0, 0}, good[] = {0, 1, 0, 1, 2, 2}, bad[] = {0, 0, 1, 1, 2, 2};
    CHECK(as_fold_trains(good, y, 6, 3));
    CHECK(!as_fold_trains(bad, y, 6, 3)); /* fold 0 holds both positives */
    CHECK(!as_fold_trains(good, (const uint8_t[6]){0}, 6, 3));
}

static void bootstrap_of_auc(void)
{
    enum { N = 60 };
    double a[N], b[N];
    uint8_t y[N];
    uint64_t own[N], herd[N];
    as_auc u, v;
    as_bootstrap one, two, three, pair;
    as_delong delong;
    as_resample way = {400, SEED, "test/auc", NULL};
    for (size_t i = 0; i < N; i++) {
        as_rng r = as_rng_at(SEED, "auc", i);
        y[i] = i % 3 == 0;
        a[i] = floor(3 * as_rng_normal(&r) + 3 * y[i]) / 2; /* with ties */
        b[i] = as_rng_normal(&r) + y[i];
        own[i] = i;
        herd[i] = i / 6;
    }
    CHECK(as_auc_of(&u, a, y, N, &err) && as_auc_of(&v, b, y, N, &err) && u.ties > 0);
    CHECK(as_bootstrap_auc(&way, NULL, a, NULL, y, N, 0.95, &one, &err));
    CHECK(as_bootstrap_auc(&way, own, a, NULL, y, N, 0.95, &two, &err));
    CHECK(as_bootstrap_auc(&way, herd, a, NULL, y, N, 0.95, &three, &err));
    CHECK(as_bootstrap_auc(&way, NULL, a, b, y, N, 0.95, &pair, &err));
    CHECK_NEAR(one.estimate, u.auc, 1e-14);
    CHECK_NEAR(pair.estimate, u.auc - v.auc, 1e-14);
    /* groups of one row are rows */
    CHECK(one.percentile.lo == two.percentile.lo && one.percentile.hi == two.percentile.hi);
    CHECK(three.n == 10 && one.n == N && three.percentile.lo != one.percentile.lo);
    CHECK(as_delong_of(&delong, a, y, N, 0.95, &err));
    CHECK(fabs(one.se - delong.se) < 0.2 * delong.se);
    CHECK(pair.percentile.lo < pair.estimate && pair.estimate < pair.percentile.hi);
    /* a score against itself differs by nothing, draw by draw */
    CHECK(as_bootstrap_auc(&way, herd, a, a, y, N, 0.95, &pair, &err));
    CHECK(pair.estimate == 0 && pair.percentile.lo == 0 && pair.percentile.hi == 0);
    /* all positives in one group: draws without it are undefined */
    for (size_t i = 0; i < N; i++) herd[i] = y[i] ? 99 : i % 10;
    CHECK(as_bootstrap_auc(&way, herd, a, NULL, y, N, 0.95, &three, &err));
    CHECK(three.n_undefined > 50 && three.n_undefined < 250);
    a[4] = (double)NAN;
    CHECK(!as_bootstrap_auc(&way, NULL, a, NULL, y, N, 0.95, &one, &err));
    CHECK(strstr(err.what, "score of row 4"));
}

/* Rows of `size` in each of n_groups groups: a vector of the group (place), and of the label
 * (signal). Labels are those of groups, or within each group alternate. */
static as_table *topics(world *w, const char *name, size_t n_groups, size_t size, double place,
                        double signal, bool by_group)
{
    enum { D = 24 };
    size_t n = n_groups * size;
    as_table *t = add_table(w, name, n);
    float *x = push(n * D, sizeof *x);
    double *y = push(n, sizeof *y), *length = push(n, sizeof *length);
    const char **topic = push(n, sizeof *topic);
    for (size_t i = 0; i < n; i++) {
        size_t g = i % n_groups;
        as_rng r = as_rng_at(SEED, name, i), own = as_rng_at(SEED, "topic", g);
        y[i] = by_group ? (double)(g % 2) : (double)((i / n_groups + g) % 2);
        length[i] = as_rng_normal(&r);
        for (size_t j = 0; j < D; j++) {
            double v = as_rng_normal(&r) + place * as_rng_normal(&own);
            x[i * D + j] = (float)(v + (j < 3 ? signal * y[i] : 0));
        }
        topic[i] = as_arena_printf(arena, &err, "topic %zu", g);
    }
    add_numbers(t, "y", y);
    add_numbers(t, "length", length);
    add_column(t, (as_column){.name = "topic", .kind = AS_COLUMN_TEXT, .n = n, .text = topic});
    add_column(t,
               (as_column){.name = "x", .kind = AS_COLUMN_MATRIX, .n = n, .matrix = x, .dim = D});
    return t;
}

/* Labels of topics, folds that tear topics apart: exchanging whole topics keeps the leak, so the
 * null is as good as the probe; exchanging rows breaks it. */
static void null_by_groups(void)
{
    enum { N = 60, DRAWS = 40 };
    world w = {0};
    const as_table *t = topics(&w, "null", 12, 5, 2, 0, true);
    const as_column *x = as_column_find(t, "x"), *label = as_column_find(t, "y");
    double *value = push(N * x->dim, sizeof *value), whole[DRAWS], rows[DRAWS], again[DRAWS];
    uint8_t y[N], fold[N];
    uint64_t group[N];
    double c = 0.1;
    for (size_t i = 0; i < N * x->dim; i++) value[i] = (double)x->matrix[i];
    for (size_t i = 0; i < N; i++) y[i] = label->number[i] == 1, group[i] = 1000 - i % 12;
    CHECK(as_fold_stratified(fold, y, N, 5, SEED, 0, &err));
    as_crossval *cv = as_crossval_new(value, N, x->dim, fold, 5, NULL, &err);
    CHECK(cv && as_null_grouped(whole, cv, y, group, &c, 1, SEED, DRAWS, NULL, &err));
    CHECK(as_null_grouped(rows, cv, y, NULL, &c, 1, SEED, DRAWS, NULL, &err));
    double half = 0.5, median[2];
    CHECK(as_quantiles(whole, DRAWS, &half, 1, &median[0], &err));
    CHECK(as_quantiles(rows, DRAWS, &half, 1, &median[1], &err));
    CHECK(median[0] > 0.9);
    CHECK(fabs(median[1] - 0.5) < 0.1);
    /* a shorter run is the beginning of a longer one */
    CHECK(as_null_grouped(again, cv, y, group, &c, 1, SEED, 7, NULL, &err));
    CHECK(memcmp(again, whole, 7 * sizeof *again) == 0);
    as_crossval_free(cv);
    /* each group with both labels: exchanged inside, and folds keep groups together */
    for (size_t i = 0; i < N; i++) y[i] = (i / 12) % 2 == 0;
    CHECK(as_fold_grouped(fold, group, N, 5, SEED, 0, &err));
    cv = as_crossval_new(value, N, x->dim, fold, 5, NULL, &err);
    CHECK(cv && as_null_grouped(again, cv, y, group, &c, 1, SEED, DRAWS, NULL, &err));
    CHECK(as_quantiles(again, DRAWS, &half, 1, median, &err) && fabs(median[0] - 0.5) < 0.1);
    /* positives that a draw may gather in one fold: that draw is undefined, not an error */
    for (size_t i = 0; i < N; i++) group[i] = fold[i], y[i] = fold[i] < 2;
    CHECK(as_null_grouped(again, cv, y, group, &c, 1, SEED, DRAWS, NULL, &err));
    for (size_t i = 0; i < N; i++) y[i] = fold[i] < 1;
    CHECK(as_null_grouped(again, cv, y, group, &c, 1, SEED, DRAWS, NULL, &err));
    for (size_t i = 0; i < DRAWS; i++) CHECK(isnan(again[i]));
    as_crossval_free(cv);
}

/* Topics that follow nothing, folds whose shares of positives differ: with its intercept a probe of
 * noise is pulled far below 1/2, its margins are not. */
static void margins(void)
{
    enum { N = 60, DRAWS = 60 };
    world w = {0};
    const as_table *t = topics(&w, "margin", 12, 5, 0, 0, true);
    const as_column *x = as_column_find(t, "x"), *label = as_column_find(t, "y");
    double *value = push(N * x->dim, sizeof *value), p[N], s[N], null[DRAWS], c = 0.1;
    uint8_t y[N], fold[N];
    uint64_t group[N];
    as_logistic fits[5];
    as_auc raw, clean;
    for (size_t i = 0; i < N * x->dim; i++) value[i] = (double)x->matrix[i];
    for (size_t i = 0; i < N; i++) {
        y[i] = label->number[i] == 1;
        group[i] = i % 12;
        fold[i] = (uint8_t)(group[i] / 2 % 5); /* fold 0 has four topics, the others two */
        if (group[i] == 2) y[i] = 1;           /* and fold 1 is all positive */
    }
    as_crossval *cv = as_crossval_new(value, N, x->dim, fold, 5, NULL, &err);
    double *space = push(as_crossval_work(cv), sizeof *space);
    CHECK(cv && as_crossval_predict(cv, p, fits, y, c, space, &err));
    CHECK(as_crossval_margins(cv, s, fits, y, c, space, &err));
    for (size_t i = 0; i < N; i++) CHECK_NEAR(as_sigmoid(s[i] + fits[fold[i]].b), p[i], 1e-13);
    CHECK(as_auc_of(&raw, p, y, N, &err) && as_auc_of(&clean, s, y, N, &err));
    CHECK(clean.auc > raw.auc + 0.03);
    CHECK(as_null_grouped(null, cv, y, group, &c, 1, SEED, DRAWS, NULL, &err));
    double sum = 0;
    for (size_t i = 0; i < DRAWS; i++) sum += null[i] / DRAWS;
    CHECK(fabs(sum - 0.5) < 0.05);
    /* without groups labels stay in their folds: where a fold has one label, nothing moves */
    for (size_t i = 0; i < N; i++) y[i] = fold[i] % 2;
    CHECK(as_crossval_margins(cv, s, fits, y, c, space, &err) && as_auc_of(&clean, s, y, N, &err));
    CHECK(as_null_grouped(null, cv, y, NULL, &c, 1, SEED, DRAWS, NULL, &err));
    for (size_t i = 0; i < DRAWS; i++) CHECK(null[i] == clean.auc);
    as_crossval_free(cv);
}

/* --- grouped-cv ------------------------------------------------------------------------------ */

/* clang-format off */
#define GROUPED(t) {"features", t ".x"}, {"label", t ".y"}, {"group", t ".topic"}
#define ACROSS(train, test)                                                                        \
    {"train_features", train ".x"}, {"train_label", train ".y"},                                   \
    {"test_features", test ".x"}, {"test_label", test ".y"}
/* clang-format on */

static void grouped_leak(void)
{
    world w = {0};
    as_audit a;
    as_leaf leaf;
    topics(&w, "leak", 24, 5, 2, 0, true);
    CHECK(RUN_CHECK(&a, &leaf, "grouped-cv", &w, quick, GROUPED("leak")));
    CHECK(leaf.outcome == AS_FAILS);
    CHECK_TEXT(leaf.cause, "topic leak");
    CHECK(estimate(&a, "auc_stratified", "C=0.1") > 0.9);
    CHECK(estimate(&a, "auc_grouped", "C=0.1") < 0.65);
    CHECK(as_stat_find(&a, "auc_grouped", "C=0.1")->p > 0.05);
    const as_statistic *gain = as_stat_find(&a, "leak", "C=0.1");
    CHECK(gain && gain->lo > 0 &&
          fabs(gain->estimate - (estimate(&a, "auc_stratified", "C=0.1") -
                                 estimate(&a, "auc_grouped", "C=0.1"))) < 1e-14);
    CHECK(estimate(&a, "groups", "") == 24 && detail(&a, "groups", "", "/with_one_label") == 24 &&
          detail(&a, "groups", "", "/largest") == 5);
    /* repeat 0 is the folding that decides */
    CHECK(detail(&a, "auc_grouped_mean", "C=0.1", "/values/0") ==
          estimate(&a, "auc_grouped", "C=0.1"));
    CHECK(!isnan(detail(&a, "auc_stratified_mean", "C=0.1", "/values/3")));
}

static void grouped_signal(void)
{
    world w = {0};
    as_audit a;
    as_leaf leaf;
    topics(&w, "sig", 24, 5, 0.3, 1.5, true);
    topics(&w, "mixed", 24, 6, 0.3, 1.5, false);
    CHECK(RUN_CHECK(&a, &leaf, "grouped-cv", &w, quick, GROUPED("sig")));
    CHECK(leaf.outcome == AS_HOLDS);
    CHECK(as_stat_find(&a, "auc_grouped", "C=0.1")->p <= 0.05);
    /* labels that differ inside topics */
    CHECK(RUN_CHECK(&a, &leaf, "grouped-cv", &w, quick, GROUPED("mixed"), {"c", "1"}));
    CHECK(leaf.outcome == AS_HOLDS && detail(&a, "groups", "", "/with_one_label") == 0);
    const as_statistic *s = as_stat_find(&a, "auc_grouped", "C=1");
    CHECK(s && s->n == 144 && s->null_draws == 200 && s->lo < s->estimate && s->estimate < s->hi);
    CHECK(s && strstr(s->interval, "groups"));
    /* a bar above the signal is not reached, and does not show a leak either */
    CHECK(RUN_CHECK(&a, &leaf, "grouped-cv", &w, quick, GROUPED("mixed"), {"gate", "0.999"}));
    CHECK(leaf.outcome == AS_UNKNOWN);
}

/* Several penalties: each p is against the best of each draw, so none falls below its own. */
static void grouped_penalties(void)
{
    static const double c[2] = {0.001, 10};
    world w = {0};
    as_audit a, one;
    as_leaf leaf;
    as_arg args[8];
    size_t n = 0;
    topics(&w, "pen", 20, 4, 0.3, 0.25, true);
    CHECK(RUN_CHECK(&one, &leaf, "grouped-cv", &w, quick, GROUPED("pen"), {"c", "10"}));
    for (; one.check->params[n].name; n++) {
        args[n] = one.args[n];
        if (strcmp(one.check->params[n].name, "c") == 0) args[n].number = c, args[n].n = 2;
    }
    a = one;
    a.args = args, a.stats = NULL, a.n_stats = a.room = 0;
    CHECK(a.check->measure(&a, &err) && a.check->decide(&a, &leaf, &err));
    const as_statistic *both = as_stat_find(&a, "auc_grouped", "C=10"),
                       *alone = as_stat_find(&one, "auc_grouped", "C=10");
    CHECK(both && alone && both->estimate == alone->estimate && both->p > alone->p);
    CHECK(as_stat_find(&a, "leak", "C=0.001") && as_stat_find(&a, "auc_grouped_mean", "C=0.001"));
    CHECK(estimate(&a, "auc_stratified", "C=0.001") != estimate(&a, "auc_stratified", "C=10"));
}

static void grouped_unknown(void)
{
    world w = {0};
    as_audit a;
    as_leaf leaf;
    as_table *t = topics(&w, "weak", 12, 3, 0, 0.4, true);
    topics(&w, "four", 4, 8, 0.2, 1, true);
    CHECK(RUN_CHECK(&a, &leaf, "grouped-cv", &w, quick, GROUPED("weak")));
    CHECK(leaf.outcome == AS_UNKNOWN);
    CHECK_TEXT(leaf.cause, "under-powered");
    CHECK(RUN_CHECK(&a, &leaf, "grouped-cv", &w, quick, GROUPED("four")));
    CHECK(leaf.outcome == AS_UNKNOWN && !as_stat_find(&a, "auc_grouped", NULL));
    CHECK(estimate(&a, "groups", "") == 4);
    /* a row without a topic is missing */
    const char **topic = push(36, sizeof *topic);
    for (size_t i = 0; i < 36; i++) topic[i] = i == 5 ? NULL : i % 2 ? "odd" : "even";
    add_column(t, (as_column){.name = "side", .kind = AS_COLUMN_TEXT, .n = 36, .text = topic});
    CHECK(RUN_CHECK(&a, &leaf, "grouped-cv", &w, quick, {"features", "weak.x"}, {"label", "weak.y"},
                    {"group", "weak.side"}, {"n_folds", "2"}));
    CHECK(as_stat_find(&a, "groups", "")->n == 35 && as_stat_find(&a, "groups", "")->missing == 1);
    CHECK(!RUN_CHECK(&a, &leaf, "grouped-cv", &w, quick, {"features", "weak.x"},
                     {"label", "weak.y"}, {"group", "weak.y"}));
    CHECK(strstr(err.what, "expected texts"));
    CHECK(!RUN_CHECK(&a, &leaf, "grouped-cv", &w, quick, {"features", "weak.x"},
                     {"label", "weak.y"}, {"group", "four.topic"}));
    CHECK(strstr(err.what, "rows (found 32, expected 36)"));
}

/* --- gate-transfer --------------------------------------------------------------------------- */

/* The same gate, by hand. */
static void gate_by_hand(const as_table *train, const as_table *test, double t, double *threshold,
                         as_gate_point *at)
{
    size_t n = train->n, m = test->n;
    const as_column *x = as_column_find(train, "x"), *x2 = as_column_find(test, "x");
    double *z = push(n * x->dim, sizeof *z), *z2 = push(m * x->dim, sizeof *z2);
    double *weight = push(x->dim, sizeof *weight), *p = push(m, sizeof *p);
    uint8_t *y = push(n, 1), *y2 = push(m, 1);
    as_scaler scaler;
    as_logistic fit;
    for (size_t i = 0; i < n; i++) y[i] = as_column_find(train, "y")->number[i] == 1;
    for (size_t i = 0; i < m; i++) y2[i] = as_column_find(test, "y")->number[i] == 1;
    for (size_t i = 0; i < n * x->dim; i++) z[i] = (double)x->matrix[i];
    for (size_t i = 0; i < m * x->dim; i++) z2[i] = (double)x2->matrix[i];
    CHECK(as_scaler_fit(&scaler, z, n, x->dim, NULL, n, &err));
    as_scaler_apply(&scaler, z, z, n);
    as_scaler_apply(&scaler, z2, z2, m);
    as_scaler_clear(&scaler);
    CHECK(as_logistic_fit(&fit, weight, z, y, n, x->dim, 0.1, &err));
    as_logistic_predict(p, z2, m, x->dim, weight, fit.b);
    *at = as_gate_at(p, y2, m, t, AS_GATE_ABOVE);
    *threshold = t;
}

static void gate_holds(void)
{
    world w = {0};
    as_audit a;
    as_leaf leaf;
    double t;
    as_gate_point g;
    const as_table *train = plant(&w, "a", 120, 60, 20, 1, 0),
                   *test = plant(&w, "b", 160, 80, 20, 1, 0);
    CHECK(RUN_CHECK(&a, &leaf, "gate-transfer", &w, quick, ACROSS("a", "b")));
    CHECK(leaf.outcome == AS_HOLDS);
    CHECK_TEXT(leaf.cause, "");
    const as_statistic *s = as_stat_find(&a, "asym", "");
    CHECK(s && s->n == 160 && s->lo < s->estimate && s->estimate < s->hi && s->p <= 0.05);
    gate_by_hand(train, test, estimate(&a, "threshold", ""), &t, &g);
    CHECK(s && s->estimate == g.asym && as_stat_detail(s, "/p_c") == g.p_c);
    CHECK(estimate(&a, "p_c", "") == g.p_c && estimate(&a, "p_w", "") == g.p_w);
    /* the threshold owes nothing to the test rows: with other test rows it is the same */
    plant(&w, "c", 90, 45, 20, 0, 3);
    as_audit b;
    CHECK(RUN_CHECK(&b, &leaf, "gate-transfer", &w, quick, ACROSS("a", "c")));
    CHECK(estimate(&b, "threshold", "") == t);
    CHECK(detail(&a, "threshold", "", "/train_p_c") >= 0.7);
    CHECK(detail(&a, "auc", "", "/n_pos") == 80 && detail(&a, "auc", "", "/detectable") < 0.63);
    /* the coverage is kept, where the smallest asymmetry would not keep it */
    CHECK(RUN_CHECK(&b, &leaf, "gate-transfer", &w, quick, ACROSS("a", "b"), {"coverage", "0.95"}));
    CHECK(detail(&b, "threshold", "", "/train_p_c") >= 0.95 && estimate(&b, "threshold", "") < t);
    /* a bar that noise reaches: how often is measured, and more often when it is looked for */
    CHECK(
        RUN_CHECK(&b, &leaf, "gate-transfer", &w, quick, ACROSS("a", "c"), {"asym_gate", "-0.02"}));
    double fixed = estimate(&b, "gate_false_positive_rate", "");
    double searched = detail(&b, "gate_false_positive_rate", "", "/share_searched");
    CHECK(fixed > 0.1 && fixed < 0.6 && searched > fixed);
}

static void gate_fails(void)
{
    world w = {0};
    as_audit a;
    as_leaf leaf;
    plant(&w, "a", 120, 60, 20, 1, 0);
    plant(&w, "n", 600, 300, 20, 0, 0);
    CHECK(RUN_CHECK(&a, &leaf, "gate-transfer", &w, quick, ACROSS("a", "n")));
    CHECK(leaf.outcome == AS_FAILS);
    CHECK_TEXT(leaf.cause, "does not transfer");
    CHECK(as_stat_find(&a, "asym", "")->lo > -0.15);
    /* a bar inside the interval: the AUC, with enough rows to show one, still says so */
    CHECK(
        RUN_CHECK(&a, &leaf, "gate-transfer", &w, quick, ACROSS("a", "n"), {"asym_gate", "-0.06"}));
    const as_statistic *s = as_stat_find(&a, "asym", ""), *u = as_stat_find(&a, "auc", "");
    CHECK(leaf.outcome ==
          (s->lo > -0.06 || (u->lo <= 0.5 && u->hi >= 0.5) ? AS_FAILS : AS_UNKNOWN));
    CHECK(leaf.outcome == AS_FAILS);
}

static void gate_unknown(void)
{
    world w = {0};
    as_audit a;
    as_leaf leaf;
    plant(&w, "a", 120, 60, 20, 1, 0);
    plant(&w, "nine", 193, 9, 20, 1, 0);
    plant(&w, "small", 70, 35, 20, 0.1, 0);
    CHECK(RUN_CHECK(&a, &leaf, "gate-transfer", &w, quick, ACROSS("a", "nine")));
    CHECK(leaf.outcome == AS_UNKNOWN && estimate(&a, "asym", "") <= -0.15);
    CHECK_TEXT(leaf.cause, "degenerate");
    CHECK(
        RUN_CHECK(&a, &leaf, "gate-transfer", &w, quick, ACROSS("a", "nine"), {"min_class", "9"}));
    CHECK(leaf.outcome == AS_HOLDS);
    CHECK(RUN_CHECK(&a, &leaf, "gate-transfer", &w, quick, ACROSS("a", "small")));
    CHECK(leaf.outcome == AS_UNKNOWN);
    CHECK_TEXT(leaf.cause, "under-powered");
    /* no threshold asserts every correct row */
    plant(&w, "mute", 60, 30, 20, 0, 0);
    CHECK(RUN_CHECK(&a, &leaf, "gate-transfer", &w, quick, ACROSS("mute", "nine"), {"c", "1000"},
                    {"coverage", "1"}, {"min_class", "1"}));
    CHECK(leaf.outcome == AS_UNKNOWN && !as_stat_find(&a, "asym", ""));
    CHECK_TEXT(leaf.cause, "no threshold");
    /* too few positive training rows to be folded: no threshold, no gate */
    world thin = {0};
    plant(&thin, "few", 40, 3, 20, 1, 0);
    plant(&thin, "a", 60, 30, 20, 1, 0);
    CHECK(RUN_CHECK(&a, &leaf, "gate-transfer", &thin, quick, ACROSS("few", "a")));
    CHECK(leaf.outcome == AS_UNKNOWN && !as_stat_find(&a, "threshold", ""));
    CHECK_TEXT(leaf.cause, "under-powered");
}

/* Labels of topics: torn folds choose the threshold on predictions that know the topic. */
static void gate_grouped(void)
{
    world w = {0};
    as_audit a, b;
    as_leaf leaf;
    topics(&w, "t", 24, 5, 2, 0, true);
    plant(&w, "new", 100, 50, 24, 0, 0);
    CHECK(RUN_CHECK(&a, &leaf, "gate-transfer", &w, quick, ACROSS("t", "new")));
    CHECK(
        RUN_CHECK(&b, &leaf, "gate-transfer", &w, quick, ACROSS("t", "new"), {"group", "t.topic"}));
    CHECK(detail(&a, "threshold", "", "/train_auc") > 0.9);
    CHECK(detail(&b, "threshold", "", "/train_auc") < 0.8);
    CHECK(estimate(&a, "auc", "") == estimate(&b, "auc", "")); /* the fit is the same */
}

/* --- nuisance -------------------------------------------------------------------------------- */

/* n rows: `signal` in the features; numbers "length" that follow the label by `leak`, and "other"
 * that follow nothing. The features carry the length in column 5. */
static void lengths(world *w, const char *name, size_t n, double signal, double leak)
{
    as_table *t = plant(w, name, n, n / 2, 20, signal, 0);
    const as_column *x = as_column_find(t, "x");
    float *own = push(n * 20, sizeof *own);
    double *length = push(n, sizeof *length), *other = push(n, sizeof *other);
    memcpy(own, x->matrix, n * 20 * sizeof *own);
    for (size_t i = 0; i < n; i++) {
        as_rng r = as_rng_at(SEED, "length", i);
        length[i] = 100 + 20 * (as_rng_normal(&r) + (i < n / 2 ? leak : 0));
        other[i] = as_rng_normal(&r);
        own[i * 20 + 5] = (float)length[i];
    }
    add_numbers(t, "length", length);
    add_numbers(t, "other", other);
    add_column(
        t, (as_column){.name = "all", .kind = AS_COLUMN_MATRIX, .n = n, .matrix = own, .dim = 20});
}

#define LENGTHS(t)                                                                                 \
    {"features", t ".all"}, {"label", t ".y"},                                                     \
    {                                                                                              \
        "nuisances", t ".length"                                                                   \
    }

static void nuisance_both_ways(void)
{
    world w = {0};
    as_audit a;
    as_leaf leaf;
    lengths(&w, "more", 160, 1, 0.3);
    lengths(&w, "only", 160, 0, 1.5);
    CHECK(RUN_CHECK(&a, &leaf, "nuisance", &w, quick, LENGTHS("more")));
    CHECK(leaf.outcome == AS_HOLDS);
    const as_statistic *s = as_stat_find(&a, "difference", "more.length");
    CHECK(s && s->lo > 0 && s->lo < s->estimate && s->estimate < s->hi);
    CHECK(s && fabs(s->estimate - (estimate(&a, "auc_probe", "") -
                                   estimate(&a, "auc_nuisance", "more.length"))) < 1e-14);
    CHECK(RUN_CHECK(&a, &leaf, "nuisance", &w, quick, LENGTHS("only")));
    CHECK(leaf.outcome == AS_FAILS);
    CHECK_TEXT(leaf.cause, "nuisance");
    CHECK(as_stat_find(&a, "auc_probe", "")->p <= 0.05);
    /* with a plain number that says nothing the probe wins, for all it reads is the length */
    CHECK(RUN_CHECK(&a, &leaf, "nuisance", &w, quick, {"features", "only.all"}, {"label", "only.y"},
                    {"nuisances", "only.other"}));
    CHECK(leaf.outcome == AS_HOLDS);
}

/* The best of several is the one compared with, and its p pays for the choice. */
static void nuisance_list(void)
{
    world w = {0};
    as_audit a, b;
    as_leaf leaf;
    lengths(&w, "only", 160, 0, 1.5);
    CHECK(RUN_CHECK(&a, &leaf, "nuisance", &w, quick, LENGTHS("only")));
    const as_column *both[2] = {as_column_find(&w.table[0], "other"),
                                as_column_find(&w.table[0], "length")};
    as_arg args[8];
    size_t n = 0;
    while (a.check->params[n].name) {
        args[n] = a.args[n];
        if (strcmp(a.check->params[n].name, "nuisances") == 0) args[n].column = both, args[n].n = 2;
        n++;
    }
    b = a;
    b.args = args, b.stats = NULL, b.n_stats = b.room = 0;
    CHECK(b.check->measure(&b, &err) && b.check->decide(&b, &leaf, &err));
    CHECK(leaf.outcome == AS_FAILS && as_stat_find(&b, "difference", "only.length"));
    CHECK(estimate(&b, "auc_nuisance", "only.length") ==
          estimate(&a, "auc_nuisance", "only.length"));
    CHECK(as_stat_find(&b, "auc_nuisance", "only.other")->p > 0.05);
    CHECK(detail(&b, "difference", "only.length", "/nuisances") == 2);
}

static void nuisance_unknown(void)
{
    world w = {0};
    as_audit a;
    as_leaf leaf;
    lengths(&w, "noise", 120, 0, 0);
    lengths(&w, "small", 44, 0.6, 0.2);
    CHECK(RUN_CHECK(&a, &leaf, "nuisance", &w, quick, LENGTHS("noise")));
    CHECK(leaf.outcome == AS_UNKNOWN); /* nothing to explain */
    CHECK(RUN_CHECK(&a, &leaf, "nuisance", &w, quick, LENGTHS("small")));
    CHECK(leaf.outcome == AS_UNKNOWN);
    CHECK_TEXT(leaf.cause, "under-powered");
    CHECK(RUN_CHECK(&a, &leaf, "nuisance", &w, quick, LENGTHS("small"), {"n_folds", "10"}));
    /* grouped: the same leak as grouped-cv shows, and a missing length */
    as_table *t = topics(&w, "t", 24, 5, 2, 0, true);
    double *length = push(120, sizeof *length);
    for (size_t i = 0; i < 120; i++) length[i] = i == 8 ? (double)NAN : (double)(i % 7);
    add_numbers(t, "tokens", length);
    CHECK(RUN_CHECK(&a, &leaf, "nuisance", &w, quick, {"features", "t.x"}, {"label", "t.y"},
                    {"nuisances", "t.tokens"}, {"group", "t.topic"}));
    CHECK(leaf.outcome == AS_UNKNOWN && estimate(&a, "auc_probe", "") < 0.65);
    CHECK(as_stat_find(&a, "auc_probe", "")->n == 119 &&
          as_stat_find(&a, "auc_probe", "")->missing == 1);
}

/* --- decisions ------------------------------------------------------------------------------- */

/* What a check decides from statistics as the store would give them back. */
static const char *decision(const as_audit *from, as_statistic *s, size_t n, char out[64])
{
    as_leaf leaf;
    as_audit a = *from;
    static const char *const word[] = {"holds", "fails", "unknown", "shown"};
    a.stats = push(n, sizeof *a.stats);
    for (size_t i = 0; i < n; i++) a.stats[i] = &s[i];
    a.n_stats = n;
    CHECK(a.check->decide(&a, &leaf, &err));
    snprintf(out, 64, "%s %s", word[leaf.outcome], leaf.cause);
    return out;
}

static void decide_grouped(void)
{
    char is[64];
    world w = {0};
    as_audit a;
    as_leaf leaf;
    topics(&w, "four", 4, 8, 0.2, 1, true);
    CHECK(RUN_CHECK(&a, &leaf, "grouped-cv", &w, quick, GROUPED("four")));
    as_statistic s[] = {
        {.name = "auc_grouped", .of = "C=1", .estimate = 0.7, .lo = 0.6, .hi = 0.8, .p = 0.05},
        {.name = "auc_grouped_mean", .of = "C=1", .estimate = 0.66},
        {.name = "auc_stratified", .of = "C=1", .estimate = 0.8, .lo = 0.7, .hi = 0.9},
        {.name = "auc_stratified_mean", .of = "C=1", .estimate = 0.8},
        {.name = "leak", .of = "C=1", .estimate = 0.1, .lo = 0.01, .hi = 0.2}};
    for (int i = 0; i < 5; i++) s[i].detail = "{}";
    CHECK_TEXT(decision(&a, s, 5, is), "holds ");
    s[1].estimate = 0.64; /* a lucky folding */
    CHECK_TEXT(decision(&a, s, 5, is), "unknown under-powered");
    s[1].estimate = 0.66, s[0].p = 0.06;
    CHECK_TEXT(decision(&a, s, 5, is), "unknown under-powered");
    s[0].p = 0.21;
    CHECK_TEXT(decision(&a, s, 5, is), "fails topic leak");
    s[4].lo = -0.01; /* the two foldings are not told apart */
    CHECK_TEXT(decision(&a, s, 5, is), "unknown under-powered");
    s[4].lo = 0.01, s[3].estimate = 0.64; /* nothing was claimed */
    CHECK_TEXT(decision(&a, s, 5, is), "unknown under-powered");
    s[3].estimate = 0.8, s[0].p = 0.1, s[0].hi = 0.64;
    CHECK_TEXT(decision(&a, s, 5, is), "fails topic leak");
}

static void decide_gate(void)
{
    char is[64];
    world w = {0};
    as_audit a;
    as_leaf leaf;
    plant(&w, "a", 60, 30, 5, 1, 0);
    CHECK(RUN_CHECK(&a, &leaf, "gate-transfer", &w, quick, ACROSS("a", "a")));
    as_statistic s[] = {
        {.name = "asym", .estimate = -0.16, .lo = -0.3, .hi = 0, .p = 0.05, .n = 90},
        {.name = "auc", .estimate = 0.6, .lo = 0.51, .hi = 0.7, .p = 0.05},
        {.name = "gate_false_positive_rate", .estimate = 0.1},
        {.name = "positive_rate", .estimate = 0.5, .n = 90}};
    s[0].of = s[1].of = s[2].of = "", s[3].of = "test";
    s[0].detail = s[2].detail = "{}";
    s[1].detail = "{\"detectable\":0.62}";
    s[3].detail = "{\"n_neg\":30,\"n_pos\":60}";
    CHECK_TEXT(decision(&a, s, 4, is), "holds ");
    s[0].estimate = -0.14; /* told from none, short of the bar */
    CHECK_TEXT(decision(&a, s, 4, is), "unknown under-powered");
    s[0].lo = -0.149;
    CHECK_TEXT(decision(&a, s, 4, is), "fails does not transfer");
    s[0].estimate = -0.16, s[0].lo = -0.3, s[0].p = 0.06;
    CHECK_TEXT(decision(&a, s, 4, is), "unknown under-powered");
    s[1].lo = 0.49;
    CHECK_TEXT(decision(&a, s, 4, is), "fails does not transfer");
    s[1].detail = "{\"detectable\":0.64}"; /* too few rows to show an AUC at all */
    CHECK_TEXT(decision(&a, s, 4, is), "unknown under-powered");
    s[0].p = 0.01, s[3].detail = "{\"n_neg\":29,\"n_pos\":61}";
    CHECK_TEXT(decision(&a, s, 4, is), "unknown degenerate");
}

static void decide_nuisance(void)
{
    char is[64];
    world w = {0};
    as_audit a;
    as_leaf leaf;
    lengths(&w, "d", 44, 0, 0);
    CHECK(RUN_CHECK(&a, &leaf, "nuisance", &w, quick, LENGTHS("d")));
    as_statistic s[] = {{.name = "auc_probe", .of = "", .estimate = 0.7, .p = 0.05},
                        {.name = "auc_nuisance", .of = "d.x", .estimate = 0.5, .p = 0.04},
                        {.name = "auc_nuisance", .of = "d.y", .estimate = 0.6, .p = 0.05},
                        {.name = "difference", .of = "d.y", .estimate = 0.1, .lo = 0.01}};
    for (int i = 0; i < 4; i++) s[i].detail = "{}";
    CHECK_TEXT(decision(&a, s, 4, is), "holds ");
    s[3].lo = 0;
    CHECK_TEXT(decision(&a, s, 4, is), "fails nuisance");
    s[2].p = 0.06; /* a number that says nothing explains nothing */
    CHECK_TEXT(decision(&a, s, 4, is), "unknown under-powered");
    s[2].p = 0.05, s[0].p = 0.06;
    CHECK_TEXT(decision(&a, s, 4, is), "unknown under-powered");
    s[3].lo = 0.01;
    CHECK_TEXT(decision(&a, s, 4, is), "unknown under-powered");
}

/* --- invariants ------------------------------------------------------------------------------ */

static void write_all(as_buf *b, const as_audit *a, const as_leaf *leaf)
{
    for (size_t i = 0; i < a->n_stats; i++) {
        const as_statistic *s = a->stats[i];
        as_buf_printf(b, "%s[%s] %a %" PRIu64 " %a %a %a %a %a %a %s\n", s->name, s->of,
                      s->estimate, s->n, s->lo, s->hi, s->p, s->null_q05, s->null_q50, s->null_q95,
                      s->detail);
    }
    as_buf_puts(b, leaf->sentence);
}

static void threads(void)
{
    static const size_t count[] = {1, 2, 7};
    as_buf text[3] = {{0}, {0}, {0}};
    world w = {0};
    topics(&w, "t", 14, 4, 0.5, 0.5, true);
    topics(&w, "u", 14, 4, 0.5, 0.5, false);
    for (int i = 0; i < 3; i++) {
        how h = {.permutations = 40, .threads = count[i]};
        as_audit a;
        as_leaf leaf, again;
        CHECK(RUN_CHECK(&a, &leaf, "grouped-cv", &w, h, GROUPED("t")));
        write_all(&text[i], &a, &leaf);
        CHECK(RUN_CHECK(&a, &leaf, "nuisance", &w, h, GROUPED("u"), {"nuisances", "u.length"}));
        write_all(&text[i], &a, &leaf);
        CHECK(RUN_CHECK(&a, &leaf, "gate-transfer", &w, h, ACROSS("t", "u"), {"group", "t.topic"},
                        {"min_class", "5"}));
        write_all(&text[i], &a, &leaf);
        CHECK(a.check->decide(&a, &again, &err));
        CHECK_TEXT(again.sentence, leaf.sentence);
    }
    CHECK_TEXT(as_buf_text(&text[1]), as_buf_text(&text[0]));
    CHECK_TEXT(as_buf_text(&text[2]), as_buf_text(&text[0]));
    for (int i = 0; i < 3; i++) as_buf_clear(&text[i]);
}

int main(void)
{
    begin();
    RUN(folds_that_train);
    RUN(bootstrap_of_auc);
    RUN(null_by_groups);
    RUN(margins);
    RUN(grouped_leak);
    RUN(grouped_signal);
    RUN(grouped_penalties);
    RUN(grouped_unknown);
    RUN(gate_holds);
    RUN(gate_fails);
    RUN(gate_unknown);
    RUN(gate_grouped);
    RUN(nuisance_both_ways);
    RUN(nuisance_list);
    RUN(nuisance_unknown);
    RUN(decide_grouped);
    RUN(decide_gate);
    RUN(decide_nuisance);
    RUN(threads);
    as_arena_free(arena);
    return check_end();
}
