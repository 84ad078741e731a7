/* The checks around a probe that need no fit of their own, or only one: counts, power, shift,
 * components, published figures. On seeded tables. */
#include "probe_case.h"

static void power(void)
{
    world w = {0};
    as_audit a;
    as_leaf leaf;
    plant(&w, "a", 193, 9, 2, 0, 0);
    CHECK(RUN_CHECK(&a, &leaf, "auc-power", &w, quick, {"label", "a.y"}));
    CHECK(leaf.outcome == AS_UNKNOWN && strcmp(leaf.cause, "under-powered") == 0);
    CHECK_NEAR(estimate(&a, "positive_rate", ""), 9.0 / 193, 1e-15);
    CHECK(fabs(estimate(&a, "detectable_auc", "") - 0.75) < 0.02);
    CHECK(RUN_CHECK(&a, &leaf, "auc-power", &w, quick, {"positives", "55"}, {"negatives", "138"}));
    CHECK(leaf.outcome == AS_HOLDS);
    CHECK(fabs(estimate(&a, "power_at_gate", "") - 0.88) < 0.005);
    CHECK(RUN_CHECK(&a, &leaf, "auc-power", &w, quick, {"positives", "0"}, {"negatives", "138"}));
    CHECK(leaf.outcome == AS_UNKNOWN);
    CHECK(!RUN_CHECK(&a, &leaf, "auc-power", &w, quick, {"positives", "55"}));
}

static void shift(void)
{
    world w = {0};
    as_audit a;
    as_leaf leaf;
    plant(&w, "a", 120, 60, 10, 0, 0);
    plant(&w, "b", 120, 62, 10, 0, 0);
    plant(&w, "c", 120, 20, 10, 0, 1);
    CHECK(RUN_CHECK(&a, &leaf, "shift", &w, quick, {"a", "a.x"}, {"b", "b.x"}, {"label_a", "a.y"},
                    {"label_b", "b.y"}));
    CHECK(leaf.outcome == AS_HOLDS);
    CHECK_NEAR(estimate(&a, "rate_difference", ""), 2.0 / 120, 1e-15);
    CHECK(RUN_CHECK(&a, &leaf, "shift", &w, quick, {"a", "a.x"}, {"b", "c.x"}));
    CHECK(leaf.outcome == AS_FAILS && !as_stat_find(&a, "rate_difference", NULL));
    CHECK_TEXT(leaf.cause, "distribution shift");
    CHECK(RUN_CHECK(&a, &leaf, "shift", &w, quick, {"label_a", "a.y"}, {"label_b", "c.y"},
                    {"value_a", "a.y"}, {"value_b", "c.y"}));
    CHECK(leaf.outcome == AS_FAILS && !as_stat_find(&a, "domain_auc", NULL));
    CHECK_NEAR(estimate(&a, "mean_b", ""), estimate(&a, "rate_b", ""), 1e-15);
    CHECK(!RUN_CHECK(&a, &leaf, "shift", &w, quick, {"value_a", "a.y"}, {"value_b", "c.y"}));
    CHECK(!RUN_CHECK(&a, &leaf, "shift", &w, quick, {"a", "a.x"}));
}

static void pca(void)
{
    world w = {0};
    as_audit a;
    as_leaf leaf;
    as_table *t = add_table(&w, "p", 40);
    float *x = push(40 * 4, sizeof *x);
    double *y = push(40, sizeof *y);
    for (size_t i = 0; i < 40; i++) { /* two directions in four columns, 16 : 1 */
        as_rng r = as_rng_at(SEED, "pca", i / 2);
        float sign = i % 2 ? -1.0f : 1.0f;
        float u = sign * (float)as_rng_normal(&r), v = sign * (float)as_rng_normal(&r);
        x[4 * i] = x[4 * i + 1] = 4 * u;
        x[4 * i + 2] = v;
        x[4 * i + 3] = -v;
        y[i] = i == 5 ? (double)NAN : (double)(i % 2);
    }
    add_column(t,
               (as_column){.name = "x", .kind = AS_COLUMN_MATRIX, .n = 40, .matrix = x, .dim = 4});
    add_numbers(t, "y", y);
    CHECK(RUN_CHECK(&a, &leaf, "pca", &w, quick, {"features", "p.x"}, {"label", "p.y"},
                    {"standardise", "false"}, {"project", "p.x"}));
    CHECK(leaf.outcome == AS_SHOWN);
    double one = estimate(&a, "explained_variance", "PC1");
    CHECK(0.90 < one && one < 0.95);
    CHECK(estimate(&a, "rank", "90%") == 1 && estimate(&a, "rank", "95%") == 2);
    CHECK(estimate(&a, "rank", "50%") == 1 && estimate(&a, "rank", "99%") == 2);
    CHECK_NEAR(one + estimate(&a, "explained_variance", "PC2"), 1, 1e-12);
    const as_statistic *s = as_stat_find(&a, "scores", ""),
                       *q = as_stat_find(&a, "scores", "project");
    CHECK(s && q && s->n == 40 && isnan(s->estimate));
    CHECK(s && strstr(s->detail, "\"label\":[0,1,0,1,0,null,0"));
    double variance = 0, cross = 0; /* mean square of the first score is its share of the total */
    for (int i = 0; i < 40; i++) {
        char at[16];
        snprintf(at, sizeof at, "/pc1/%d", i);
        variance += pow(as_stat_detail(s, at), 2) / 40;
        CHECK(as_stat_detail(s, at) == as_stat_detail(q, at));
        double first = as_stat_detail(s, at);
        at[3] = '2';
        cross += first * as_stat_detail(s, at);
    }
    CHECK_NEAR(cross, 0, 1e-9);
    CHECK_NEAR(variance / as_stat_detail(s, "/total_variance"), one, 1e-12);
    CHECK(RUN_CHECK(&a, &leaf, "pca", &w, quick, {"features", "p.x"}));
    CHECK_NEAR(detail(&a, "scores", "", "/total_variance"), 4, 1e-12); /* four columns of SD 1 */
}

/* clang-format off */
#define FIGURES {"name", "p.name"}, {"auc", "p.auc"}, {"n_pos", "p.pos"}, {"n_neg", "p.neg"}
/* clang-format on */
static void published(void)
{
    static const double auc[] = {0.75, 0.68, 0.45, NAN}, pos[] = {20, 2, 100, 5},
                        neg[] = {20, 2, 100, 5};
    static const double possible[] = {0.75, 0.75, 0.45, NAN}, likely[] = {0.75, 0.45, 0.45, NAN};
    static const double many[] = {20, 100, 100, 5};
    static const char *const name[] = {"whole", "not", "low", "gone"};
    world w = {0};
    as_audit a;
    as_leaf leaf;
    as_table *t = add_table(&w, "p", 4);
    add_column(t, (as_column){.name = "name", .kind = AS_COLUMN_TEXT, .n = 4, .text = name});
    add_numbers(t, "auc", auc), add_numbers(t, "pos", pos), add_numbers(t, "neg", neg);
    CHECK(RUN_CHECK(&a, &leaf, "published-auc", &w, quick, FIGURES, {"gate", "0.6"}));
    CHECK(leaf.outcome == AS_FAILS && strcmp(leaf.cause, "no such pair count") == 0);
    CHECK(detail(&a, "auc", "whole", "/pairs_won") == 300);
    CHECK(detail(&a, "auc", "whole", "/is_whole") == 1);
    CHECK(detail(&a, "auc", "not", "/is_whole") == 0); /* 0.68 of four pairs */
    const as_statistic *s = as_stat_find(&a, "auc", "low");
    double z = 0.05 / sqrt(201.0 / 12 / 10000);
    CHECK_NEAR(s->p, erfc(z / sqrt(2)), 1e-12);
    CHECK(s->hi < 0.6 && s->lo < 0.45);
    CHECK(detail(&a, "auc", "low", "/p_holm") >= s->p);
    s = as_stat_find(&a, "below_half", "");
    CHECK(s->estimate == 1 && s->n == 3 && s->missing == 1);
    CHECK(strstr(s->detail, "\"names\":[\"low\"]"));
    w = (world){0};
    t = add_table(&w, "p", 4);
    add_column(t, (as_column){.name = "name", .kind = AS_COLUMN_TEXT, .n = 4, .text = name});
    add_numbers(t, "auc", likely), add_numbers(t, "pos", many), add_numbers(t, "neg", many);
    CHECK(RUN_CHECK(&a, &leaf, "published-auc", &w, quick, FIGURES, {"gate", "0.6"}));
    CHECK(leaf.outcome == AS_FAILS && strcmp(leaf.cause, "below the gate") == 0);
    w = (world){0};
    t = add_table(&w, "p", 4);
    add_column(t, (as_column){.name = "name", .kind = AS_COLUMN_TEXT, .n = 4, .text = name});
    add_numbers(t, "auc", possible), add_numbers(t, "pos", pos), add_numbers(t, "neg", neg);
    CHECK(RUN_CHECK(&a, &leaf, "published-auc", &w, quick, FIGURES, {"gate", "0.6"},
                    {"require", "any"}));
    CHECK(leaf.outcome == AS_HOLDS);
    CHECK(RUN_CHECK(&a, &leaf, "published-auc", &w, quick, FIGURES, {"gate", "0.6"}));
    CHECK(leaf.outcome == AS_UNKNOWN); /* 3 of 4 pairs reach the gate and show nothing */
    CHECK(RUN_CHECK(&a, &leaf, "published-auc", &w, quick, FIGURES, {"gate", "0.8"},
                    {"require", "any"}));
    CHECK(leaf.outcome == AS_UNKNOWN); /* the upper ends of two intervals are above */
}

static void provenance(void)
{
    static const char *const on[] = {"test", "train", "out-of-fold", "fixed"};
    world w = {0};
    as_audit a;
    as_leaf leaf;
    for (int i = 0; i < 4; i++) {
        CHECK(RUN_CHECK(&a, &leaf, "threshold-provenance", &w, quick, {"chosen_on", on[i]},
                        {"thresholds", "91"}, {"configurations", "2"}));
        CHECK(leaf.outcome == (i < 2 ? AS_FAILS : AS_HOLDS));
        CHECK(estimate(&a, "looks", "") == 182);
    }
    CHECK(!RUN_CHECK(&a, &leaf, "threshold-provenance", &w, quick, {"chosen_on", "test"},
                     {"thresholds", "0"}));
}

int main(void)
{
    begin();
    RUN(power);
    RUN(shift);
    RUN(pca);
    RUN(published);
    RUN(provenance);
    as_arena_free(arena);
    return check_end();
}
