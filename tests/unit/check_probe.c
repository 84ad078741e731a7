/* The checks that fit a probe, on seeded matrices: planted signal, pure noise, a handful of
 * positives, empty classes; the same bytes for 1, 2 and 7 threads; and, where the folder
 * ASSAY_PUBLISHED names is there, the figures of the released features. */
#include <inttypes.h>
#include <stdlib.h>

#include "engine/format/npz.h"
#include "probe_case.h"

/* clang-format off */
#define WITHIN(table) {"features", table ".x"}, {"label", table ".y"}
#define ACROSS(train, test)                                                                        \
    {"train_features", train ".x"}, {"train_label", train ".y"},                                   \
    {"test_features", test ".x"}, {"test_label", test ".y"}
/* clang-format on */

/* --- within-cv ------------------------------------------------------------------------------- */

static void within_signal(void)
{
    world w = {0};
    as_audit a;
    as_leaf leaf;
    plant(&w, "s", 80, 40, 20, 1.2, 0);
    CHECK(RUN_CHECK(&a, &leaf, "within-cv", &w, quick, WITHIN("s")));
    CHECK(leaf.outcome == AS_HOLDS);
    CHECK_TEXT(leaf.cause, "");
    for (int i = 0; i < 2; i++) {
        const char *of = i ? "C=0.1" : "C=1";
        const as_statistic *s = as_stat_find(&a, "auc_out_of_fold", of);
        CHECK(s && s->n == 80 && s->missing == 0);
        if (!s) return;
        double pairs = as_stat_detail(s, "/pairs");
        CHECK(pairs == 40 * 40);
        CHECK_NEAR(s->estimate,
                   (as_stat_detail(s, "/wins") + as_stat_detail(s, "/ties") / 2) / pairs, 1e-15);
        CHECK(s->lo < s->estimate && s->estimate < s->hi && s->level == 0.95);
        CHECK_NEAR(s->p, 1.0 / 201, 1e-15); /* no shuffle comes near */
        CHECK(s->null_draws == 200 && s->null_q05 < s->null_q50 && s->null_q50 < s->null_q95);
        CHECK(fabs(s->null_q50 - 0.5) < 0.05);
        CHECK(as_stat_detail(s, "/fold_auc/4") > 0.5);
        CHECK(detail(&a, "objective", of, "/gradient_norm") < 1e-10);
        CHECK(estimate(&a, "auc_in_sample", of) > s->estimate);
        const as_statistic *r = as_stat_find(&a, "auc_repeated", of);
        CHECK(r && r->lo <= r->estimate && r->estimate <= r->hi && isnan(r->level));
        /* repeat 0 is the folding of the main result */
        CHECK(r && as_stat_detail(r, "/values/0") == s->estimate);
        CHECK(r && isnan(as_stat_detail(r, "/values/4")));
    }
    CHECK(estimate(&a, "best_auc", "any C") >= estimate(&a, "auc_out_of_fold", "C=1"));
    CHECK(estimate(&a, "gate_false_positive_rate", "any C") >=
          estimate(&a, "gate_false_positive_rate", "C=0.1"));
    CHECK(detail(&a, "gate_false_positive_rate", "C=1", "/share_at/-0.15") >=
          estimate(&a, "gate_false_positive_rate", "C=1"));
    CHECK(estimate(&a, "gate_false_positive_rate", "C=1") ==
          detail(&a, "gate_false_positive_rate", "C=1", "/share_at/-0.2"));
}

static void within_noise(void)
{
    world w = {0};
    as_audit a;
    as_leaf leaf;
    plant(&w, "noise", 300, 150, 20, 0, 0);
    plant(&w, "few", 40, 3, 5, 0, 0);
    plant(&w, "small", 40, 20, 5, 0.8, 0);
    CHECK(RUN_CHECK(&a, &leaf, "within-cv", &w, quick, WITHIN("noise"), {"C", "0.1"}));
    CHECK(leaf.outcome == AS_FAILS);
    CHECK_TEXT(leaf.cause, "no within-distribution signal");
    CHECK(as_stat_find(&a, "auc_out_of_fold", NULL)->p > 0.01);
    CHECK(!as_stat_find(&a, "auc_out_of_fold", "C=1"));
    /* bars that anything reaches do not make up for the permutation test */
    CHECK(RUN_CHECK(&a, &leaf, "within-cv", &w, quick, WITHIN("noise"), {"C", "0.1"},
                    {"gate_auc", "0.1"}, {"gate_asym", "1"}));
    CHECK(leaf.outcome == AS_UNKNOWN);
    /* and an interval that contains the bar does not refute */
    CHECK(RUN_CHECK(&a, &leaf, "within-cv", &w, quick, WITHIN("small"), {"C", "0.1"},
                    {"gate_auc", "0.9"}));
    const as_statistic *s = as_stat_find(&a, "auc_out_of_fold", NULL);
    CHECK(s->estimate < 0.9 && 0.9 < s->hi && leaf.outcome == AS_UNKNOWN);
    /* three positives cannot be dealt to five folds */
    CHECK(RUN_CHECK(&a, &leaf, "within-cv", &w, quick, WITHIN("few")));
    CHECK(leaf.outcome == AS_UNKNOWN && strcmp(leaf.cause, "under-powered") == 0);
    CHECK(a.n_stats == 1);
}

/* A folding above the bar does not hold when the mean over fold seeds is below it. */
static void within_lucky_folding(void)
{
    static const char *const name[] = {"l1", "l2", "l3", "l4", "l5", "l6"};
    size_t lucky = 0;
    for (size_t i = 0; i < 6; i++) {
        world w = {0};
        as_audit a;
        as_leaf leaf;
        char features[16], label[16], gate[32];
        snprintf(features, sizeof features, "%s.x", name[i]);
        snprintf(label, sizeof label, "%s.y", name[i]);
        plant(&w, name[i], 80, 40, 20, 0.8, 0);
        CHECK(RUN_CHECK(&a, &leaf, "within-cv", &w, quick, {"features", features}, {"label", label},
                        {"C", "1"}, {"gate_auc", "0.5"}, {"gate_asym", "1"}));
        CHECK(leaf.outcome == AS_HOLDS);
        double auc = estimate(&a, "auc_out_of_fold", "C=1");
        double mean = estimate(&a, "auc_repeated", "C=1");
        if (auc < mean + 0.002) continue;
        lucky++;
        snprintf(gate, sizeof gate, "%.6f", (auc + mean) / 2);
        CHECK(RUN_CHECK(&a, &leaf, "within-cv", &w, quick, {"features", features}, {"label", label},
                        {"C", "1"}, {"gate_auc", gate}, {"gate_asym", "1"}));
        CHECK(leaf.outcome == AS_UNKNOWN);
    }
    CHECK(lucky > 0);
}

static void within_folds(void)
{
    world w = {0};
    as_audit a, b;
    as_leaf leaf;
    char digits[61];
    as_table *t = plant(&w, "f", 60, 30, 8, 1, 0);
    for (int i = 0; i < 60; i++) digits[i] = (char)('0' + i % 3);
    digits[60] = '\0';
    CHECK(RUN_CHECK(&a, &leaf, "within-cv", &w, quick, WITHIN("f"), {"C", "1"}, {"folds", digits}));
    CHECK(!isnan(detail(&a, "auc_out_of_fold", "C=1", "/fold_auc/2")));
    CHECK(isnan(detail(&a, "auc_out_of_fold", "C=1", "/fold_auc/3")));
    CHECK(strstr(as_stat_find(&a, "auc_out_of_fold", "C=1")->detail, "\"folds\":\"012012"));
    /* an item without a label takes its digit with it */
    double *y = push(60, sizeof *y);
    for (size_t i = 0; i < 60; i++) y[i] = i == 7 ? (double)NAN : (double)(i < 30);
    add_numbers(t, "z", y);
    CHECK(RUN_CHECK(&a, &leaf, "within-cv", &w, quick, {"features", "f.x"}, {"label", "f.z"},
                    {"C", "1"}, {"folds", digits}));
    memmove(digits + 7, digits + 8, 53);
    CHECK(RUN_CHECK(&b, &leaf, "within-cv", &w, quick, {"features", "f.x"}, {"label", "f.z"},
                    {"C", "1"}, {"folds", digits}));
    const as_statistic *s = as_stat_find(&a, "auc_out_of_fold", "C=1");
    CHECK(s->n == 59 && s->missing == 1);
    CHECK_TEXT(s->detail, as_stat_find(&b, "auc_out_of_fold", "C=1")->detail);
    digits[50] = '\0';
    CHECK(!RUN_CHECK(&a, &leaf, "within-cv", &w, quick, WITHIN("f"), {"folds", digits}));
    CHECK(strstr(err.what, "digits (found 50, expected 60"));
    y[3] = 2;
    CHECK(!RUN_CHECK(&a, &leaf, "within-cv", &w, quick, {"features", "f.x"}, {"label", "f.z"}));
    CHECK(strstr(err.what, "item 3: label (found 2, expected 0 or 1)"));
    CHECK(!RUN_CHECK(&a, &leaf, "within-cv", &w, quick, WITHIN("f"), {"C", "-1"}));
    CHECK(strstr(err.what, "value (found -1, expected 1e-9 to 1e9)"));
}

/* --- transfer and its guards ----------------------------------------------------------------- */

static void transfer_signal(void)
{
    world w = {0};
    as_audit a, g;
    as_leaf leaf;
    plant(&w, "a", 100, 55, 30, 1, 0);
    plant(&w, "b", 160, 60, 30, 1, 0);
    CHECK(RUN_CHECK(&a, &leaf, "transfer", &w, quick, ACROSS("a", "b")));
    CHECK(leaf.outcome == AS_HOLDS);
    for (int i = 0; i < 2; i++) {
        const char *of = i ? "C=0.1" : "C=1";
        CHECK(detail(&a, "auc", of, "/n_pos") == 60 && detail(&a, "auc", of, "/pairs") == 6000);
        CHECK_NEAR(detail(&a, "auc", of, "/hanley_mcneil_null_se"), sqrt(161.0 / 12 / 6000), 1e-15);
        CHECK(estimate(&a, "asym_min", of) <= estimate(&a, "asym_balanced", of));
        /* no threshold chosen elsewhere does better than the one searched on the test rows */
        CHECK(estimate(&a, "asym_min", of) <= estimate(&a, "asym_oof_threshold", of));
        CHECK(estimate(&a, "asym_min", of) <= estimate(&a, "asym_train_threshold", of));
        const as_statistic *half = as_stat_find(&a, "asym_at_half", of);
        CHECK(half->lo < half->estimate && half->estimate < half->hi && half->hi < 0);
        CHECK_NEAR(half->estimate,
                   detail(&a, "asym_at_half", of, "/p_w") - detail(&a, "asym_at_half", of, "/p_c"),
                   1e-15);
        /* no shuffle comes near; one in which no threshold qualifies does not either */
        const as_statistic *rate = as_stat_find(&a, "gate_false_positive_rate", of);
        CHECK(rate->n + rate->missing == 200 && rate->n > 150);
        CHECK_NEAR(as_stat_find(&a, "asym_balanced", of)->p, 1.0 / (1 + 200), 1e-15);
        CHECK(detail(&a, "asym_train_threshold", of, "/train_auc") ==
              estimate(&a, "auc_in_sample", of));
    }
    CHECK(RUN_CHECK(&g, &leaf, "degenerate-asymmetry", &w,
                    ((how){.permutations = 10, .threads = 1, .done = &a, .n_done = 1}),
                    {"of", "transfer"}));
    CHECK(leaf.outcome == AS_HOLDS && estimate(&g, "positives", "") == 60);
    CHECK(estimate(&g, "auc_contains_half", "C=1") == 0);
    CHECK(RUN_CHECK(&g, &leaf, "degenerate-asymmetry", &w,
                    ((how){.permutations = 10, .threads = 1, .done = &a, .n_done = 1}),
                    {"of", "transfer"}, {"min_positives", "61"}));
    CHECK(leaf.outcome == AS_FAILS && strstr(leaf.sentence, "(fewer than 61)"));
    CHECK(RUN_CHECK(&a, &leaf, "transfer", &w, quick, ACROSS("a", "b"), {"min_positives", "61"}));
    CHECK(leaf.outcome == AS_UNKNOWN && strstr(leaf.sentence, "too few positives"));
}

/* Where a column lies is taken from the fitted rows, so moving it in both sets changes nothing. */
static void transfer_scaled(void)
{
    world w = {0}, moved = {0};
    as_audit a, b;
    as_leaf leaf;
    plant(&w, "a", 50, 25, 8, 1, 0);
    plant(&w, "b", 50, 25, 8, 1, 0);
    plant(&moved, "a", 50, 25, 8, 1, 20);
    plant(&moved, "b", 50, 25, 8, 1, 20);
    CHECK(RUN_CHECK(&a, &leaf, "transfer", &w, quick, ACROSS("a", "b"), {"C", "1"}));
    CHECK(RUN_CHECK(&b, &leaf, "transfer", &moved, quick, ACROSS("a", "b"), {"C", "1"}));
    CHECK_NEAR(estimate(&b, "probability_mean", "C=1"), estimate(&a, "probability_mean", "C=1"),
               1e-5);
}

/* A vector that is missing leaves its row out, as a label that is missing does. */
static void missing_vectors(void)
{
    static const char *const name[] = {"label", "vector"};
    static const char *const checks[] = {"shift", "pca"};
    world w = {0};
    as_audit a;
    as_leaf leaf;
    double auc[2];
    for (size_t i = 0; i < 2; i++) {
        as_table *t = plant(&w, "full", 60, 30, 8, 1, 0);
        const as_column full = *as_column_find(t, "x");
        as_column x = full;
        float *values = push(60 * 8, sizeof *values);
        const char **why = push(60, sizeof *why);
        double *y = push(60, sizeof *y);
        memcpy(values, full.matrix, 60 * 8 * sizeof *values);
        for (size_t k = 0; k < 60; k++) y[k] = k < 30;
        if (i == 0) y[7] = NAN;
        for (size_t k = 0; i == 1 && k < 8; k++) values[7 * 8 + k] = NAN;
        why[7] = "too short";
        x.matrix = values;
        x.why = i ? why : NULL;
        x.n_missing = i;
        t = add_table(&w, name[i], 60);
        add_column(t, x);
        add_numbers(t, "y", y);
        CHECK(RUN_CHECK(&a, &leaf, "within-cv", &w, quick, {"features", i ? "vector.x" : "label.x"},
                        {"label", i ? "vector.y" : "label.y"}, {"C", "1"}));
        const as_statistic *s = as_stat_find(&a, "auc_out_of_fold", "C=1");
        CHECK(s && s->n == 59 && s->missing == 1 && s->estimate > 0.5);
        auc[i] = s ? s->estimate : NAN;
    }
    CHECK(auc[0] == auc[1]);
    CHECK(RUN_CHECK(&a, &leaf, checks[0], &w, quick, {"a", "vector.x"}, {"b", "full.x"}));
    const as_statistic *s = as_stat_find(&a, "domain_auc", "");
    CHECK(s && s->n == 119 && s->missing == 1 && !isnan(s->estimate));
    CHECK(RUN_CHECK(&a, &leaf, checks[1], &w, quick, {"features", "vector.x"}, {"label", "label.y"},
                    {"project", "vector.x"}));
    s = as_stat_find(&a, "scores", "project");
    CHECK(s && s->n == 59 && s->missing == 1 && !isnan(as_stat_detail(s, "/pc1/7")));
    CHECK(as_stat_detail(s, "/pc1/58") ==
          as_stat_detail(as_stat_find(&a, "scores", ""), "/pc1/58"));
}

/* Constant features leave p = 1/2 everywhere: a tie with the threshold. */
static void transfer_tie(void)
{
    world w = {0};
    as_audit a;
    as_leaf leaf;
    as_table *t = add_table(&w, "t", 20);
    float *x = push(20, sizeof *x);
    double *y = push(20, sizeof *y);
    for (int i = 0; i < 20; i++) y[i] = i % 2;
    add_numbers(t, "y", y);
    add_column(t,
               (as_column){.name = "x", .kind = AS_COLUMN_MATRIX, .n = 20, .matrix = x, .dim = 1});
    CHECK(RUN_CHECK(&a, &leaf, "transfer", &w, quick, ACROSS("t", "t")));
    CHECK(detail(&a, "asym_at_half", "C=1", "/p_c") == 0);
    CHECK(detail(&a, "auc", "C=1", "/ties") == 100 && estimate(&a, "auc", "C=1") == 0.5);
    CHECK(RUN_CHECK(&a, &leaf, "transfer", &w, quick, ACROSS("t", "t"), {"rule", ">="}));
    CHECK(detail(&a, "asym_at_half", "C=1", "/p_c") == 1);
}

static void transfer_noise(void)
{
    world w = {0};
    as_audit a, g;
    as_leaf leaf;
    how after = {.permutations = 10, .threads = 1, .done = &a, .n_done = 1};
    plant(&w, "a", 100, 55, 30, 0, 0);
    plant(&w, "b", 500, 200, 30, 0, 0);
    CHECK(RUN_CHECK(&a, &leaf, "transfer", &w, quick, ACROSS("a", "b")));
    CHECK(leaf.outcome == AS_FAILS);
    CHECK_TEXT(leaf.cause, "does not transfer");
    CHECK(RUN_CHECK(&g, &leaf, "transfer", &w, quick, ACROSS("a", "b"), {"gate_auc", "0.1"},
                    {"gate_asym", "1"}));
    CHECK(leaf.outcome == AS_UNKNOWN);
    CHECK(RUN_CHECK(&g, &leaf, "degenerate-asymmetry", &w, after, {"of", "transfer"}));
    CHECK(leaf.outcome == AS_SHOWN && strstr(leaf.sentence, "Nothing to guard"));
}

/* Nine positives of 193: noise reaches the asymmetry bar in a good part of the draws. */
static void degenerate(void)
{
    static const char *const name[] = {"d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7"};
    bool reached = false;
    for (int i = 0; i < 8 && !reached; i++) {
        world w = {0};
        as_audit a, g;
        as_leaf leaf;
        how after = {.permutations = 10, .threads = 1, .done = &a, .n_done = 1};
        plant(&w, "a", 60, 30, 40, 0, 0);
        plant(&w, name[i], 193, 9, 40, 0, 0);
        char x[8], y[8];
        snprintf(x, sizeof x, "%s.x", name[i]), snprintf(y, sizeof y, "%s.y", name[i]);
        CHECK(RUN_CHECK(&a, &leaf, "transfer", &w, quick, {"train_features", "a.x"},
                        {"train_label", "a.y"}, {"test_features", x}, {"test_label", y}));
        CHECK(leaf.outcome != AS_HOLDS);
        const as_statistic *rate = as_stat_find(&a, "gate_false_positive_rate", "C=1");
        CHECK(rate->missing > 0 && rate->n + rate->missing == 200 && rate->estimate > 0.2);
        CHECK_NEAR(rate->estimate * (double)rate->n, 200 * as_stat_detail(rate, "/share_all"),
                   1e-9);
        reached = estimate(&a, "asym_balanced", "C=1") <= -0.15 ||
                  estimate(&a, "asym_balanced", "C=0.1") <= -0.15;
        if (!reached) continue;
        CHECK(RUN_CHECK(&g, &leaf, "degenerate-asymmetry", &w, after, {"of", "transfer"}));
        CHECK(leaf.outcome == AS_FAILS);
        CHECK_TEXT(leaf.cause, "degenerate asymmetry");
        CHECK(strstr(leaf.sentence, "9 positive of n = 193 (fewer than 30)"));
    }
    CHECK(reached);
}

static void empty_class(void)
{
    world w = {0};
    as_audit a, g;
    as_leaf leaf;
    how after = {.permutations = 10, .threads = 1, .done = &a, .n_done = 1};
    plant(&w, "a", 40, 20, 6, 0, 0);
    plant(&w, "none", 30, 0, 6, 0, 0);
    plant(&w, "thin", 30, 10, 5, 0, 0);
    CHECK(RUN_CHECK(&a, &leaf, "transfer", &w, quick, ACROSS("a", "none")));
    CHECK(leaf.outcome == AS_UNKNOWN && estimate(&a, "positive_rate", "test") == 0);
    CHECK(RUN_CHECK(&g, &leaf, "degenerate-asymmetry", &w, after, {"of", "transfer"}));
    CHECK(leaf.outcome == AS_SHOWN && estimate(&g, "positives", "") == 0);
    CHECK(RUN_CHECK(&a, &leaf, "transfer", &w, quick, ACROSS("none", "a")));
    CHECK(leaf.outcome == AS_UNKNOWN);
    CHECK(RUN_CHECK(&a, &leaf, "convergence", &w, quick, ACROSS("a", "none")));
    CHECK(leaf.outcome == AS_UNKNOWN);
    CHECK(!RUN_CHECK(&a, &leaf, "transfer", &w, quick, ACROSS("a", "thin")));
    CHECK(strstr(err.what, "test_features: numbers in a row (found 5, expected 6)"));
}

static void convergence(void)
{
    world w = {0};
    as_audit a;
    as_leaf leaf;
    char text[32];
    plant(&w, "a", 60, 30, 100, 0.3, 0);
    plant(&w, "b", 90, 40, 100, 0.3, 0);
    CHECK(RUN_CHECK(&a, &leaf, "convergence", &w, quick, ACROSS("a", "b")));
    CHECK(leaf.outcome == AS_SHOWN);
    double auc = estimate(&a, "auc_converged", "C=1");
    CHECK(detail(&a, "auc_converged", "C=1", "/gradient_norm") < 1e-10);
    CHECK(detail(&a, "auc_early_stopped", "C=1", "/gradient_norm") > 1e-6);
    CHECK(detail(&a, "auc_early_stopped", "C=1", "/objective") >=
          detail(&a, "auc_converged", "C=1", "/objective"));
    CHECK(RUN_CHECK(&a, &leaf, "convergence", &w, quick, ACROSS("a", "b"),
                    {"published_auc", as_double_text(auc, text)}, {"published_C", "1"}));
    CHECK(leaf.outcome == AS_HOLDS);
    CHECK_NEAR(estimate(&a, "pair_difference", "C=1"), 0, 1e-9);
    CHECK(RUN_CHECK(&a, &leaf, "convergence", &w, quick, ACROSS("a", "b"),
                    {"published_auc", as_double_text(auc - 2.0 / 2000, text)},
                    {"published_C", "1"}));
    CHECK(leaf.outcome == AS_FAILS);
    CHECK_TEXT(leaf.cause, "optimiser not converged");
    CHECK_NEAR(estimate(&a, "pair_difference", "C=1"), -2, 1e-9);
    CHECK(!RUN_CHECK(&a, &leaf, "convergence", &w, quick, ACROSS("a", "b"),
                     {"published_auc", "0.5"}));
    CHECK(strstr(err.what, "published_C"));
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

/* Every statistic to the last bit, and decide once more on copies of them. */
static void threads(void)
{
    static const size_t count[] = {1, 2, 7};
    as_buf text[3] = {{0}, {0}, {0}};
    world w = {0};
    plant(&w, "a", 60, 30, 20, 0.5, 0);
    plant(&w, "b", 70, 25, 20, 0.5, 0.5);
    for (int i = 0; i < 3; i++) {
        how h = {.permutations = 50, .threads = count[i]};
        as_audit a;
        as_leaf leaf, again;
        CHECK(RUN_CHECK(&a, &leaf, "within-cv", &w, h, WITHIN("a")));
        write_all(&text[i], &a, &leaf);
        CHECK(RUN_CHECK(&a, &leaf, "shift", &w, h, {"a", "a.x"}, {"b", "b.x"}));
        write_all(&text[i], &a, &leaf);
        CHECK(RUN_CHECK(&a, &leaf, "convergence", &w, h, ACROSS("a", "b")));
        write_all(&text[i], &a, &leaf);
        CHECK(RUN_CHECK(&a, &leaf, "transfer", &w, h, ACROSS("a", "b")));
        write_all(&text[i], &a, &leaf);
        for (size_t j = 0; j < a.n_stats; j++) {
            as_statistic *copy = push(1, sizeof *copy);
            *copy = *a.stats[j];
            a.stats[j] = copy;
        }
        CHECK(a.check->decide(&a, &again, &err));
        CHECK_TEXT(again.sentence, leaf.sentence);
    }
    CHECK_TEXT(as_buf_text(&text[1]), as_buf_text(&text[0]));
    CHECK_TEXT(as_buf_text(&text[2]), as_buf_text(&text[0]));
    for (int i = 0; i < 3; i++) as_buf_clear(&text[i]);
}

/* --- the released features ------------------------------------------------------------------- */

static const char *folder;

static void load_features(world *w, const char *name, const char *file)
{
    size_t at;
    as_npz_scan scan;
    char *path = as_arena_printf(arena, &err, "%s/%s", folder, file);
    as_npz *z = as_npz_open(path, &err);
    AS_CHECK(z && as_npz_need(z, "X", &at, &err));
    const as_npz_array *x = as_npz_at(z, at);
    as_table *t = add_table(w, name, x->dim[0]);
    float *values = push(x->count, sizeof *values);
    AS_CHECK(as_npz_read_f32(z, at, values, x->count, &scan, &err));
    add_column(
        t,
        (as_column){
            .name = "x", .kind = AS_COLUMN_MATRIX, .n = t->n, .matrix = values, .dim = x->dim[1]});
    if (as_npz_find(z, "coverage", &at)) {
        double *y = push(t->n, sizeof *y);
        AS_CHECK(as_npz_read_f64(z, at, y, t->n, &scan, &err));
        for (size_t i = 0; i < t->n; i++) y[i] = y[i] >= 0.5;
        add_numbers(t, "y", y);
    }
    as_npz_close(z);
}

static void load_released(world *w)
{
    load_features(w, "step16", "smollm_step16_features.npz");
    load_features(w, "fresh", "smollm_fresh_features.npz");
    char *path = as_arena_printf(arena, &err, "%s/smollm_fresh_judged_gold.json", folder);
    json_t *root = as_json_read(path, &err);
    const json_t *list = as_json_at(root, "/labels");
    double *y = push(w->table[1].n, sizeof *y);
    AS_CHECK(json_array_size(list) == w->table[1].n);
    for (size_t i = 0; i < w->table[1].n; i++)
        y[i] = json_integer_value(json_array_get(list, i)) == 1;
    add_numbers(&w->table[1], "y", y);
    json_decref(root);
}

static void released_transfer(const world *w, const char *folds)
{
    as_audit a, g;
    as_leaf leaf;
    how h = {.permutations = 2000, .threads = 2, .done = &a, .n_done = 1};
    CHECK(RUN_CHECK(&a, &leaf, "transfer", w, ((how){.permutations = 2000, .threads = 2}),
                    ACROSS("step16", "fresh"), {"folds", folds}));
    CHECK(leaf.outcome == AS_UNKNOWN);
    CHECK(2 * detail(&a, "auc", "C=1", "/wins") + detail(&a, "auc", "C=1", "/ties") == 2 * 864);
    CHECK(2 * detail(&a, "auc", "C=0.1", "/wins") + detail(&a, "auc", "C=0.1", "/ties") == 2 * 836);
    CHECK_NEAR(estimate(&a, "asym_balanced", "C=1"), -0.155193237, 1e-9);
    CHECK_NEAR(estimate(&a, "asym_balanced", "C=0.1"), -0.187801932, 1e-9);
    CHECK_NEAR(detail(&a, "asym_balanced", "C=0.1", "/threshold"), 0.16, 1e-12);
    CHECK_NEAR(estimate(&a, "asym_at_half", "C=1"), 0.074275, 1e-6);
    CHECK_NEAR(estimate(&a, "asym_at_half", "C=0.1"), 0.063406, 1e-6);
    CHECK_NEAR(detail(&a, "objective", "C=1", "/w_norm"), 1.988030974791, 1e-11);
    CHECK_NEAR(detail(&a, "objective", "C=0.1", "/w_norm"), 1.146346523313, 1e-11);
    CHECK_NEAR(detail(&a, "objective", "C=1", "/intercept"), 0.933432907, 1e-9);
    CHECK_NEAR(estimate(&a, "objective", "C=1"), 2.9236469040, 1e-10);
    CHECK_NEAR(estimate(&a, "objective", "C=0.1"), 12.0834382796, 1e-10);
    CHECK_NEAR(estimate(&a, "probability_mean", "C=1"), 0.4214738693, 1e-10);
    CHECK_NEAR(detail(&a, "probability_mean", "C=1", "/first/4"), 0.9997284, 1e-7);
    CHECK(estimate(&a, "auc_in_sample", "C=1") == 1 && estimate(&a, "auc_in_sample", "C=0.1") == 1);
    CHECK_NEAR(estimate(&a, "asym_train_threshold", "C=0.1"), 0.007246377, 1e-9);
    CHECK_NEAR(estimate(&a, "asym_oof_threshold", "C=0.1"), -0.133454106, 1e-9);
    CHECK(fabs(estimate(&a, "gate_false_positive_rate", "C=0.1") - 0.42) < 0.04);
    CHECK(fabs(estimate(&a, "gate_false_positive_rate", "C=1") - 0.58) < 0.04);
    CHECK(RUN_CHECK(&g, &leaf, "degenerate-asymmetry", w, h, {"of", "transfer"}));
    CHECK(leaf.outcome == AS_FAILS);
}

static void released(void)
{
    static const char folds[] = "4012232120331402403132233344420020431224301123421142301103021241"
                                "410121344301033021204231410304400443";
    world w = {0};
    as_audit a;
    as_leaf leaf;
    load_released(&w);
    CHECK(RUN_CHECK(&a, &leaf, "within-cv", &w, ((how){.permutations = 100, .threads = 2}),
                    WITHIN("step16"), {"folds", folds}));
    CHECK(leaf.outcome == AS_FAILS);
    CHECK_NEAR(estimate(&a, "auc_out_of_fold", "C=0.1"), 0.517857142857, 1e-12);
    CHECK_NEAR(detail(&a, "auc_out_of_fold", "C=0.1", "/fold_auc/0"), 0.468750, 1e-6);
    CHECK_NEAR(detail(&a, "auc_out_of_fold", "C=0.1", "/fold_auc/1"), 0.585859, 1e-6);
    CHECK_NEAR(estimate(&a, "asym_out_of_fold", "C=0.1"), -0.110389610, 1e-9);
    CHECK_NEAR(detail(&a, "asym_out_of_fold", "C=0.1", "/threshold"), 0.11, 1e-12);
    released_transfer(&w, folds);
    CHECK(RUN_CHECK(&a, &leaf, "convergence", &w, quick, ACROSS("step16", "fresh"),
                    {"published_auc", "0.518719807"}, {"published_C", "1"}));
    CHECK(leaf.outcome == AS_FAILS);
    CHECK_NEAR(estimate(&a, "pair_difference", "C=1"), -5, 1e-5);
    CHECK(RUN_CHECK(&a, &leaf, "shift", &w, quick, {"a", "step16.x"}, {"b", "fresh.x"},
                    {"label_a", "step16.y"}, {"label_b", "fresh.y"}));
    CHECK(leaf.outcome == AS_FAILS);
    CHECK(fabs(estimate(&a, "domain_auc", "") - 0.85) < 0.04); /* moves with the folding */
    CHECK(RUN_CHECK(&a, &leaf, "pca", &w, quick, {"features", "fresh.x"}));
    CHECK_NEAR(estimate(&a, "explained_variance", "PC1"), 0.137622, 1e-6);
    CHECK_NEAR(estimate(&a, "explained_variance", "PC2"), 0.078716, 1e-6);
    CHECK(estimate(&a, "rank", "50%") == 12 && estimate(&a, "rank", "80%") == 47 &&
          estimate(&a, "rank", "90%") == 80 && estimate(&a, "rank", "95%") == 112 &&
          estimate(&a, "rank", "99%") == 162);
}

int main(void)
{
    begin();
    folder = getenv("ASSAY_PUBLISHED");
    RUN(within_signal);
    RUN(within_noise);
    RUN(within_lucky_folding);
    RUN(within_folds);
    RUN(transfer_signal);
    RUN(transfer_scaled);
    RUN(transfer_tie);
    RUN(transfer_noise);
    RUN(missing_vectors);
    RUN(degenerate);
    RUN(empty_class);
    RUN(convergence);
    RUN(threads);
    if (folder && *folder)
        RUN(released);
    else
        SKIP(released, "ASSAY_PUBLISHED names no folder");
    as_arena_free(arena);
    return check_end();
}
