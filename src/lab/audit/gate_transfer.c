/* gate-transfer: one gate, fixed before the test rows are looked at. The probe is fitted on the
 * training rows, its threshold chosen on their out-of-fold predictions, and the pair is applied
 * once. (transfer looks at all thresholds and penalties; this check at the one a user would have
 * set.) */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "lab/audit/rows_internal.h"
#include "lab/stats/power.h"
#include "lab/stats/scaler.h"

#define POWER 0.8
#define DETECTABLE 0.63 /* an AUC the test rows must be able to show before 1/2 means none */

static const as_param params[] = {
    {"train_features", AS_PARAM_COLUMN, NULL, "rows of features to fit on", NULL},
    {"train_label", AS_PARAM_COLUMN, NULL, "0 or 1 for each of them", NULL},
    {"test_features", AS_PARAM_COLUMN, NULL, "rows of features to score", NULL},
    {"test_label", AS_PARAM_COLUMN, NULL, "0 or 1 for each of them", NULL},
    {"group", AS_PARAM_COLUMN, "", "topic of each training row, which no fold tears apart", NULL},
    {"c", AS_PARAM_NUMBER, "0.1", "inverse strength of the L2 penalty", "1e-9 to 1e9"},
    {"coverage", AS_PARAM_NUMBER, "0.7", "least share of correct training rows asserted", "0 to 1"},
    {"asym_gate", AS_PARAM_NUMBER, "-0.15", "highest asymmetry that passes", "-1 to 1"},
    {"min_class", AS_PARAM_SIZE, "30", "fewest positive and negative test rows that may decide",
     NULL},
    {"n_folds", AS_PARAM_SIZE, "5", "folds of the training rows, 2 to 10", "2 to 10"},
    AS_PROBE_PARAMS_END,
};

typedef struct {
    as_probe_rows train, test;
    const uint64_t *group; /* of the training rows */
    double c;
    uint8_t *fold;
    double *held;  /* (train.n) out-of-fold predictions */
    double *score; /* (test.n) */
    double t;
    as_gate_score *draw, *search; /* (permutations) at the threshold; at the best of each draw */
    double *value;                /* (permutations) */
} work;

static void work_clear(work *w)
{
    as_probe_rows_clear(&w->train);
    as_probe_rows_clear(&w->test);
    free(w->fold);
    free(w->held);
    free(w->score);
    free(w->draw);
    free(w->search);
    free(w->value);
}

static bool work_room(work *w, const as_audit *a, as_error *err)
{
    w->fold = as_new(w->train.n, 1, err);
    w->held = as_new(w->train.n, sizeof *w->held, err);
    w->score = as_new(w->test.n, sizeof *w->score, err);
    w->draw = as_new(a->permutations, sizeof *w->draw, err);
    w->search = as_new(a->permutations, sizeof *w->search, err);
    w->value = as_new(a->permutations, sizeof *w->value, err);
    return w->fold && w->held && w->score && w->draw && w->search && w->value;
}

static as_gate_terms terms_of(const as_audit *a)
{
    as_gate_terms terms = AS_GATE_TERMS;
    terms.coverage = as_arg_number(a, "coverage");
    return terms;
}

/* The threshold, from training rows alone; NaN when none has the coverage. */
static bool choose(work *w, as_audit *a, as_error *err)
{
    as_auc u;
    as_probe_gated g;
    as_probe_gate gate = {terms_of(a), {0, 0}};
    as_probe_scores s = {.of = "", .c = w->c, .p = w->held, .y = w->train.y, .n = w->train.n};
    if (!as_crossval_once(w->held, NULL, w->train.x, w->train.n, w->train.d, w->train.y, w->fold,
                          as_arg_size(a, "n_folds"), w->c, a->pool, err) ||
        !as_probe_gated_of(&g, &s, &gate, err) ||
        !as_auc_of(&u, w->held, w->train.y, w->train.n, err))
        return false;
    as_statistic *out = as_emit(a, "threshold", "",
                                "smallest p_w - p_c among thresholds with the coverage, out of "
                                "fold on the training rows [Threshold provenance]",
                                err);
    if (!out) return false;
    out->estimate = w->t = g.balanced.found ? g.balanced.at.t : NAN;
    out->n = w->train.n;
    out->missing = w->train.n_missing;
    json_t *o = json_object();
    as_json_put_real(&o, "train_auc", u.auc);
    as_json_put_real(&o, "train_p_c", g.balanced.at.p_c);
    as_json_put_real(&o, "train_p_w", g.balanced.at.p_w);
    as_json_put_real(&o, "train_asym", g.balanced.at.asym);
    return as_emit_detail(a, out, o, err);
}

/* Fitted on all training rows, standardised by them; scores of the test rows. */
static bool fit(work *w, as_error *err)
{
    bool ok = false;
    size_t d = w->train.d;
    as_logistic fitted;
    as_scaler scaler = {0};
    double *z = as_new(w->train.n * d, sizeof *z, err), *weight = as_new(d, sizeof *weight, err);
    double *z_test = as_new(w->test.n * d, sizeof *z_test, err);
    if (!z || !weight || !z_test ||
        !as_scaler_fit(&scaler, w->train.x, w->train.n, d, NULL, w->train.n, err))
        goto out;
    as_scaler_apply(&scaler, z, w->train.x, w->train.n);
    as_scaler_apply(&scaler, z_test, w->test.x, w->test.n);
    if (!as_probe_fit(&fitted, weight, NULL, z, &w->train, w->c, err)) goto out;
    as_logistic_predict(w->score, z_test, w->test.n, d, weight, fitted.b);
    ok = true;
out:
    as_scaler_clear(&scaler);
    free(z);
    free(weight);
    free(z_test);
    return ok;
}

static bool emit_asym(work *w, as_audit *a, const as_probe_scores *s, const as_null_tail *tail,
                      as_error *err)
{
    as_gate_point g = as_gate_at(s->p, s->y, s->n, w->t, AS_GATE_ABOVE);
    size_t n_pos = w->test.n_pos, n_neg = s->n - n_pos;
    as_statistic *c = as_emit(a, "p_c", "", "share of correct rows asserted [Proportion]", err);
    if (!c) return false;
    as_stat_share(c, g.c, n_pos, s->missing);
    as_statistic *v = as_emit(a, "p_w", "", "share of wrong rows asserted [Proportion]", err);
    if (!v) return false;
    as_stat_share(v, g.w, n_neg, s->missing);
    as_statistic *out = as_emit(a, "asym", "",
                                "p_w - p_c at the threshold of the training rows; p one-sided, "
                                "test labels shuffled [Balanced asymmetry]",
                                err);
    if (!out) return false;
    out->estimate = g.asym;
    out->n = s->n;
    out->missing = s->missing;
    out->p = tail->p_asym;
    as_stat_interval(out, as_newcombe_difference(g.w, n_neg, g.c, n_pos, AS_LEVEL), AS_LEVEL,
                     "Newcombe");
    for (size_t i = 0; i < a->permutations; i++) w->value[i] = w->draw[i].asym;
    if (!as_probe_null(out, w->value, a->permutations, err)) return false;
    json_t *o = json_object();
    as_json_put_real(&o, "threshold", w->t);
    as_json_put_real(&o, "p_c", g.p_c);
    as_json_put_real(&o, "p_w", g.p_w);
    as_json_put_size(&o, "n_pos", n_pos);
    as_json_put_size(&o, "n_neg", n_neg);
    return as_emit_detail(a, out, o, err);
}

static bool emit_auc(work *w, as_audit *a, const as_probe_scores *s, const as_null_tail *tail,
                     as_error *err)
{
    as_statistic *out;
    json_t *o;
    if (!as_probe_emit_auc(a, "auc", "pair counts; p one-sided, test labels shuffled [AUC]", s,
                           &out, &o, err))
        return false;
    out->p = tail->p_auc;
    as_json_put_real(&o, "detectable",
                     as_mde_auc(0.5, w->test.n_pos, s->n - w->test.n_pos, a->alpha, 1, POWER));
    for (size_t i = 0; i < a->permutations; i++) w->value[i] = w->draw[i].auc;
    bool ok = as_probe_null(out, w->value, a->permutations, err);
    return as_emit_detail(a, out, o, err) && ok;
}

/* How often noise passes: at the fixed threshold, and had it been looked for on the test rows. */
static bool emit_rate(work *w, as_audit *a, as_error *err)
{
    as_gate_bars bars = {-INFINITY, as_arg_number(a, "asym_gate")};
    as_null_passes k = as_null_pass(w->draw, a->permutations, 1, bars);
    as_null_passes searched = as_null_pass(w->search, a->permutations, 1, bars);
    as_statistic *s = as_emit(a, "gate_false_positive_rate", "",
                              "share of runs with test labels shuffled that reach the bar at the "
                              "fixed threshold [Gate transfer]",
                              err);
    if (!s) return false;
    as_stat_share(s, k.n_asym, k.n_draws, 0);
    json_t *o = json_object();
    as_json_put_real(&o, "bar", bars.asym);
    as_json_put_real(&o, "share_searched",
                     searched.n_draws ? (double)searched.n_asym / (double)searched.n_draws : NAN);
    return as_emit_detail(a, s, o, err);
}

static bool apply(work *w, as_audit *a, as_error *err)
{
    uint64_t seed;
    as_gate_terms fixed = {{w->t, w->t, 1}, AS_GATE_ABOVE, 0};
    as_probe_scores s = {.of = "",
                         .c = w->c,
                         .p = w->score,
                         .y = w->test.y,
                         .n = w->test.n,
                         .missing = w->test.n_missing};
    as_gate_score observed;
    if (!fit(w, err) || !as_probe_seed(a, "shuffled labels", &seed, err) ||
        !as_gate_score_of(&observed, s.p, s.y, s.n, fixed, err) ||
        !as_null_fixed(w->draw, s.p, 1, s.y, s.n, fixed, seed, a->permutations, a->pool, err) ||
        !as_null_fixed(w->search, s.p, 1, s.y, s.n, terms_of(a), seed, a->permutations, a->pool,
                       err))
        return false;
    as_null_tail tail = as_null_compare(observed, w->draw, a->permutations);
    return emit_asym(w, a, &s, &tail, err) && emit_auc(w, a, &s, &tail, err) &&
           emit_rate(w, a, err);
}

static bool measure(as_audit *a, as_error *err)
{
    bool ok = false, found;
    size_t n_groups;
    uint64_t seed;
    work w = {.c = as_arg_number(a, "c"), .t = NAN};
    if (!as_probe_pair_load(&w.train, &w.test, a, err) ||
        !as_rows_complete(&w.train, a, "group", err) ||
        !as_rows_groups(&w.train, a, "group", &w.group, &n_groups, err) ||
        !as_probe_seed(a, "folds", &seed, err) || !work_room(&w, a, err) ||
        !as_rows_fold(w.fold, &found, &w.train, w.group, as_arg_size(a, "n_folds"), seed, 0, err))
        goto out;
    ok = !found || as_probe_smaller_class(&w.test) == 0 ||
         (choose(&w, a, err) && (isnan(w.t) || apply(&w, a, err)));
out:
    work_clear(&w);
    return ok;
}

static bool decide_missing(const as_audit *a, as_leaf *leaf, as_error *err)
{
    const as_statistic *rate = as_stat_find(a, "positive_rate", "train");
    if (as_stat_find(a, "threshold", ""))
        return as_leaf_set(a, leaf, AS_UNKNOWN, "no threshold", err,
                           "No threshold asserts %.2f of the correct training rows.",
                           as_arg_number(a, "coverage"));
    return as_leaf_set(a, leaf, AS_UNKNOWN, "under-powered", err,
                       "%.0f of %" PRIu64 " training rows are positive: too few of a class, or too "
                       "few groups, to be folded.",
                       rate ? as_stat_detail(rate, "/n_pos") : NAN, rate ? rate->n : 0);
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    const as_statistic *asym = as_stat_find(a, "asym", ""), *auc = as_stat_find(a, "auc", ""),
                       *noise = as_stat_find(a, "gate_false_positive_rate", ""),
                       *rate = as_stat_find(a, "positive_rate", "test");
    double n_pos = rate ? as_stat_detail(rate, "/n_pos") : NAN;
    double n_neg = rate ? as_stat_detail(rate, "/n_neg") : NAN;
    double bar = as_arg_number(a, "asym_gate"), least = as_arg_number(a, "min_class");
    if (rate && !(n_pos >= least && n_neg >= least))
        return as_leaf_set(a, leaf, AS_UNKNOWN, "degenerate", err,
                           "%.0f test rows are positive and %.0f negative (needed %.0f of each): "
                           "an asymmetry%s of so few says nothing.",
                           n_pos, n_neg, least, asym && asym->estimate <= bar ? " at the bar" : "");
    if (!asym || !auc || !noise) return decide_missing(a, leaf, err);
    double detectable = as_stat_detail(auc, "/detectable");
    bool holds = asym->estimate <= bar && asym->p <= a->alpha;
    bool blind = auc->lo <= 0.5 && 0.5 <= auc->hi && detectable < DETECTABLE;
    bool fails = !holds && (asym->lo > bar || blind);
    char p[AS_P_TEXT_SIZE], q[AS_P_TEXT_SIZE];
    return as_leaf_set(
        a, leaf,
        holds   ? AS_HOLDS
        : fails ? AS_FAILS
                : AS_UNKNOWN,
        holds   ? ""
        : fails ? "does not transfer"
                : "under-powered",
        err,
        "At threshold %.3g, chosen out of fold on the training rows, %.3f of the correct and %.3f "
        "of the wrong test rows are asserted: asymmetry %.3f (95 %% interval %.3f to %.3f, %s; bar "
        "%.2f); AUC %.3f (%.3f to %.3f, %s; detectable %.3f). Shuffled labels reach the bar in "
        "%.1f %% of all runs, n = %" PRIu64 " with %.0f positive.",
        as_stat_detail(asym, "/threshold"), as_stat_detail(asym, "/p_c"),
        as_stat_detail(asym, "/p_w"), asym->estimate, asym->lo, asym->hi, as_p_text(asym->p, p),
        bar, auc->estimate, auc->lo, auc->hi, as_p_text(auc->p, q), detectable,
        100 * noise->estimate, asym->n, n_pos);
}

const as_check as_check_gate_transfer = {
    .name = "gate-transfer",
    .summary = "a gate fixed on one set of answers and applied once to another",
    .catches = "a threshold that was looked for where it is praised",
    .params = params,
    .measure = measure,
    .decide = decide,
};
