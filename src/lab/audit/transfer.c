/* transfer: does a probe fitted on one set of answers say anything about another? The fit sees all
 * training rows, the test rows are scored once. Shuffled test labels say what chance gives, for
 * each penalty and for the best of them. The threshold is chosen in four ways, of which only one
 * (out of fold on the training rows) is a choice a user could have made and trusted. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/audit/probe_internal.h"
#include "lab/stats/scaler.h"

static const as_param params[] = {
    {"train_features", AS_PARAM_COLUMN, NULL, "rows of features to fit on", NULL},
    {"train_label", AS_PARAM_COLUMN, NULL, "0 or 1 for each of them", NULL},
    {"test_features", AS_PARAM_COLUMN, NULL, "rows of features to score", NULL},
    {"test_label", AS_PARAM_COLUMN, NULL, "0 or 1 for each of them", NULL},
    AS_PROBE_C_PARAM,
    AS_PROBE_FOLD_PARAMS,
    AS_PROBE_GATE_PARAMS("0.63", "-0.15"),
    {"min_positives", AS_PARAM_SIZE, "30", "fewest positive test rows that may decide", NULL},
    AS_PROBE_PARAMS_END,
};

typedef struct {
    as_probe_gate gate;
    as_probe_rows train, test;
    uint64_t fold_seed, null_seed;
    const double *c; /* (n_c) */
    size_t n_c;
    as_logistic *fit; /* (n_c) */
    double *score;    /* (n_c, test.n) */
    double *own;      /* (n_c, train.n) fitted rows scored by their own fit */
    double *held;     /* (n_c, train.n) the same out of fold; NaN when it cannot be folded */
    bool is_folded;
    as_gate_score *observed; /* (n_c) */
    as_gate_score *draw;     /* (permutations, n_c) */
    as_probe_draws draws;
    as_gate_score *one;           /* (permutations) of one penalty */
    double *null_auc, *null_asym; /* (permutations) of one penalty */
} work;

static void work_clear(work *w)
{
    as_probe_rows_clear(&w->train);
    as_probe_rows_clear(&w->test);
    free(w->fit);
    free(w->score);
    free(w->own);
    free(w->held);
    free(w->observed);
    free(w->draw);
    free(w->one);
    free(w->null_auc);
    free(w->null_asym);
}

static bool work_room(work *w, const as_audit *a, as_error *err)
{
    size_t n_draw, n_train, n_test;
    if (!as_size_mul(a->permutations, w->n_c, &n_draw, err) ||
        !as_size_mul(w->train.n, w->n_c, &n_train, err) ||
        !as_size_mul(w->test.n, w->n_c, &n_test, err))
        return false;
    w->fit = as_new(w->n_c, sizeof *w->fit, err);
    w->score = as_new(n_test, sizeof *w->score, err);
    w->own = as_new(n_train, sizeof *w->own, err);
    w->held = as_new(n_train, sizeof *w->held, err);
    w->observed = as_new(w->n_c, sizeof *w->observed, err);
    w->draw = as_new(n_draw, sizeof *w->draw, err);
    w->one = as_new(a->permutations, sizeof *w->one, err);
    w->null_auc = as_new(a->permutations, sizeof *w->null_auc, err);
    w->null_asym = as_new(a->permutations, sizeof *w->null_asym, err);
    w->draws = (as_probe_draws){w->draw, a->permutations, w->n_c, "test labels shuffled"};
    return w->fit && w->score && w->own && w->held && w->observed && w->draw && w->one &&
           w->null_auc && w->null_asym;
}

/* Fits of all training rows, one for each penalty, and their predictions on both sets. */
static bool fit_all(work *w, as_error *err)
{
    bool ok = false;
    size_t d = w->train.d;
    as_scaler scaler = {0};
    double *z = as_new(w->train.n * d, sizeof *z, err);
    double *z_test = as_new(w->test.n * d, sizeof *z_test, err);
    double *weight = as_new(d, sizeof *weight, err);
    if (!z || !z_test || !weight ||
        !as_scaler_fit(&scaler, w->train.x, w->train.n, d, NULL, w->train.n, err))
        goto out;
    as_scaler_apply(&scaler, z, w->train.x, w->train.n);
    as_scaler_apply(&scaler, z_test, w->test.x, w->test.n);
    for (size_t j = 0; j < w->n_c; j++) {
        double *score = w->score + j * w->test.n;
        if (!as_probe_fit(&w->fit[j], weight, w->own + j * w->train.n, z, &w->train, w->c[j], err))
            goto out;
        as_logistic_predict(score, z_test, w->test.n, d, weight, w->fit[j].b);
        if (!as_gate_score_of(&w->observed[j], score, w->test.y, w->test.n, w->gate.terms, err))
            goto out;
    }
    ok = true;
out:
    as_scaler_clear(&scaler);
    free(z);
    free(z_test);
    free(weight);
    return ok;
}

/* Out-of-fold predictions of the training rows. */
static bool hold_out(work *w, const as_audit *a, as_error *err)
{
    bool ok = false;
    size_t k, n = w->train.n;
    as_crossval *cv = NULL;
    double *scratch = NULL;
    uint8_t *fold = as_new(n, 1, err);
    if (!fold || !as_probe_folds(fold, &k, a, &w->train, w->fold_seed, err)) goto out;
    cv = as_crossval_new(w->train.x, n, w->train.d, fold, k, a->pool, err);
    if (!cv) goto out;
    scratch = as_new(as_crossval_work(cv), sizeof *scratch, err);
    if (!scratch) goto out;
    for (size_t j = 0; j < w->n_c; j++)
        if (!as_crossval_predict(cv, w->held + j * n, NULL, w->train.y, w->c[j], scratch, err))
            goto out;
    ok = true;
out:
    as_crossval_free(cv);
    free(scratch);
    free(fold);
    return ok;
}

static bool emit_auc(work *w, as_audit *a, const as_probe_scores *s, const as_null_tail *tail,
                     as_error *err)
{
    as_statistic *out;
    json_t *o;
    if (!as_probe_emit_auc(a, "auc",
                           "pair counts on the test rows; p one-sided, test labels shuffled [AUC]",
                           s, &out, &o, err))
        return false;
    out->p = tail->p_auc;
    as_json_put_real(&o, "hanley_mcneil_null_se",
                     as_hanley_null_se(w->test.n_pos, w->test.n - w->test.n_pos));
    bool ok = as_probe_null(out, w->null_auc, a->permutations, err);
    return as_emit_detail(a, out, o, err) && ok;
}

/* The two thresholds chosen on the test rows themselves. */
static bool emit_searched(work *w, as_audit *a, const as_probe_scores *s, const char *name,
                          const char *method, const as_gate_best *best, double p, as_error *err)
{
    as_statistic *out = as_emit(a, name, s->of, method, err);
    if (!out) return false;
    out->estimate = best->at.asym;
    out->n = s->n;
    out->missing = s->missing;
    out->p = p;
    if (!isnan(p) && !as_probe_null(out, w->null_asym, a->permutations, err)) return false;
    json_t *o = json_object();
    as_json_put_real(&o, "threshold", best->found ? best->at.t : NAN);
    as_json_put_real(&o, "p_c", best->at.p_c);
    as_json_put_real(&o, "p_w", best->at.p_w);
    as_json_put_size(&o, "n_pos", w->test.n_pos);
    as_json_put_size(&o, "n_neg", w->test.n - w->test.n_pos);
    return as_emit_detail(a, out, o, err);
}

/* A threshold chosen by the balanced rule on predictions p of the training rows, applied to the
 * test rows. */
static bool emit_carried(work *w, as_audit *a, const as_probe_scores *s, const char *name,
                         const char *method, const double *p, as_error *err)
{
    as_auc u;
    as_probe_gated g;
    as_probe_scores from = {.of = s->of, .c = s->c, .p = p, .y = w->train.y, .n = w->train.n};
    if (!as_probe_gated_of(&g, &from, &w->gate, err) ||
        !as_auc_of(&u, p, w->train.y, w->train.n, err))
        return false;
    json_t *o = json_object();
    as_json_put_real(&o, "train_auc", u.auc);
    as_json_put_real(&o, "train_asym", g.balanced.at.asym);
    return as_probe_emit_fixed(a, name, method, s, g.balanced.found ? g.balanced.at.t : NAN,
                               w->gate.terms.rule, o, err);
}

static bool emit_asym(work *w, as_audit *a, const as_probe_scores *s, size_t j,
                      const as_null_tail *tail, as_error *err)
{
    as_probe_gated g;
    return as_probe_gated_of(&g, s, &w->gate, err) &&
           as_probe_emit_fixed(a, "asym_at_half", "p_w - p_c at threshold 1/2 [Balanced asymmetry]",
                               s, 0.5, w->gate.terms.rule, json_object(), err) &&
           as_probe_emit_named(a, s, w->gate.terms.rule, err) &&
           emit_searched(w, a, s, "asym_balanced",
                         "smallest p_w - p_c over the thresholds with enough p_c, chosen on the "
                         "test rows; p one-sided, test labels shuffled [Balanced asymmetry]",
                         &g.balanced, tail->p_asym, err) &&
           emit_searched(w, a, s, "asym_min",
                         "smallest p_w - p_c over all thresholds, chosen on the test rows "
                         "[Balanced asymmetry]",
                         &g.smallest, NAN, err) &&
           emit_carried(w, a, s, "asym_train_threshold",
                        "threshold chosen on the fitted rows themselves [Threshold provenance]",
                        w->own + j * w->train.n, err) &&
           (!w->is_folded ||
            emit_carried(w, a, s, "asym_oof_threshold",
                         "threshold chosen out of fold on the training rows [Threshold provenance]",
                         w->held + j * w->train.n, err));
}

static bool emit_probability(as_audit *a, const as_probe_scores *s, as_error *err)
{
    as_statistic *out =
        as_emit(a, "probability_mean", s->of,
                "mean predicted probability of the test rows [Logistic probe]", err);
    if (!out) return false;
    double sum = 0;
    for (size_t i = 0; i < s->n; i++) sum += s->p[i];
    out->estimate = s->n ? sum / (double)s->n : NAN;
    out->n = s->n;
    out->missing = s->missing;
    json_t *o = json_object();
    as_json_put(&o, "first", as_probe_reals(s->p, s->n < 5 ? s->n : 5));
    return as_emit_detail(a, out, o, err);
}

static bool emit_penalty(work *w, as_audit *a, size_t j, as_error *err)
{
    as_probe_scores s = {.of = as_of_number(a, "C", w->c[j], err),
                         .c = w->c[j],
                         .p = w->score + j * w->test.n,
                         .y = w->test.y,
                         .n = w->test.n,
                         .missing = w->test.n_missing};
    if (!s.of) return false;
    as_probe_scores own = s;
    own.p = w->own + j * w->train.n;
    own.y = w->train.y;
    own.n = w->train.n;
    own.missing = w->train.n_missing;
    as_probe_draws_of(&w->draws, j, w->one, w->null_auc, w->null_asym);
    as_null_tail tail = as_null_compare(w->observed[j], w->one, a->permutations);
    return emit_auc(w, a, &s, &tail, err) && emit_asym(w, a, &s, j, &tail, err) &&
           emit_probability(a, &s, err) &&
           as_probe_emit_plain_auc(a, "auc_in_sample", "fitted and scored on the same rows [AUC]",
                                   &own, err) &&
           as_probe_emit_objective(a, &own, &w->fit[j], err) &&
           as_probe_emit_gate_rate(a, s.of, &w->draws, j, &w->gate, err);
}

static bool measure_fitted(work *w, as_audit *a, size_t k, as_error *err)
{
    w->is_folded = as_probe_smaller_class(&w->train) >= k;
    if (!as_probe_seed(a, "folds", &w->fold_seed, err) ||
        !as_probe_seed(a, "shuffled labels", &w->null_seed, err) || !work_room(w, a, err) ||
        !fit_all(w, err) || (w->is_folded && !hold_out(w, a, err)) ||
        !as_null_fixed(w->draw, w->score, w->n_c, w->test.y, w->test.n, w->gate.terms, w->null_seed,
                       a->permutations, a->pool, err))
        return false;
    for (size_t j = 0; j < w->n_c; j++)
        if (!emit_penalty(w, a, j, err)) return false;
    return as_probe_emit_best(a, w->observed, &w->draws, w->test.n, w->test.n_missing, err) &&
           as_probe_emit_gate_rate(a, "any C", &w->draws, w->n_c, &w->gate, err);
}

static bool measure(as_audit *a, as_error *err)
{
    bool ok = false;
    size_t k;
    work w = {.c = as_arg_of(a, "C")->number, .n_c = as_arg_of(a, "C")->n};
    if (!as_probe_gate_read(a, &w.gate, err) || !as_probe_c_check(a, err) ||
        !as_probe_fold_count(&k, a, err) || !as_probe_pair_load(&w.train, &w.test, a, err))
        goto out;
    ok = as_probe_smaller_class(&w.train) == 0 || as_probe_smaller_class(&w.test) == 0 ||
         measure_fitted(&w, a, k, err);
out:
    work_clear(&w);
    return ok;
}

/* What decide has seen of all penalties. */
typedef struct {
    const as_statistic *auc, *asym; /* of the best that passes, else of the highest AUC */
    size_t n_c;
    bool passes;   /* that one passes both bars */
    bool is_below; /* every interval lies below the bar */
} seen;

static seen look(const as_audit *a)
{
    double bar = as_arg_number(a, "gate_auc"), asym_bar = as_arg_number(a, "gate_asym");
    seen v = {.is_below = true};
    for (size_t i = 0; i < a->n_stats; i++) {
        const as_statistic *s = a->stats[i];
        if (strcmp(s->name, "auc") != 0) continue;
        const as_statistic *asym = as_stat_find(a, "asym_balanced", s->of);
        bool passes = asym && s->estimate >= bar && asym->estimate <= asym_bar;
        v.n_c++;
        if (!(s->hi < bar)) v.is_below = false;
        if (!v.auc || passes > v.passes || (passes == v.passes && s->estimate > v.auc->estimate)) {
            v.auc = s;
            v.asym = asym;
            v.passes = passes;
        }
    }
    return v;
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    seen v = look(a);
    const as_statistic *rate = as_stat_find(a, "positive_rate", "test"),
                       *best = as_stat_find(a, "best_auc", "any C"),
                       *gate = as_stat_find(a, "gate_false_positive_rate", "any C");
    size_t least = as_arg_size(a, "min_positives");
    double bar = as_arg_number(a, "gate_auc");
    if (!v.auc || !v.asym || !best || !gate)
        return as_leaf_set(a, leaf, AS_UNKNOWN, "under-powered", err,
                           "One class is empty in the training or the test rows (test: %.0f "
                           "positive of n = %" PRIu64 "): nothing to fit or to compare.",
                           rate ? as_stat_detail(rate, "/n_pos") : NAN, rate ? rate->n : 0);
    double n_pos = as_stat_detail(v.auc, "/n_pos");
    bool holds = v.passes && n_pos >= (double)least && best->p <= 0.01;
    as_outcome outcome = holds ? AS_HOLDS : v.is_below ? AS_FAILS : AS_UNKNOWN;
    bool contains = v.auc->lo <= bar && bar <= v.auc->hi;
    char p[AS_P_TEXT_SIZE], top[AS_P_TEXT_SIZE];
    const char *why = "";
    if (outcome == AS_UNKNOWN && contains) why = ": the interval contains the bar";
    if (outcome == AS_UNKNOWN && n_pos < (double)least)
        why = contains ? ": too few positives, and the interval contains the bar"
                       : ": too few positives";
    return as_leaf_set(
        a, leaf, outcome,
        holds        ? ""
        : v.is_below ? "does not transfer"
                     : "under-powered",
        err,
        "On new rows AUC %.3f (95 %% interval %.3f to %.3f; bar %.2f) and balanced asymmetry %.3f "
        "(%s; bar %.2f) at %s, the best of %zu; permutation test of the best AUC %s; n = "
        "%" PRIu64
        " with %.0f positive%s. Shuffled labels reach the asymmetry bar in %.1f %% of all runs and "
        "both bars in %.1f %%.",
        v.auc->estimate, v.auc->lo, v.auc->hi, bar, v.asym->estimate, as_p_text(v.asym->p, p),
        as_arg_number(a, "gate_asym"), v.auc->of, v.n_c, as_p_text(best->p, top), v.auc->n, n_pos,
        why, 100 * as_stat_detail(gate, "/share_all"), 100 * as_stat_detail(gate, "/share_both"));
}

const as_check as_check_transfer = {
    .name = "transfer",
    .summary = "a probe fitted on one set of answers and scored on another",
    .catches = "a probe that reads its training set, and a threshold that was looked for",
    .params = params,
    .measure = measure,
    .decide = decide,
};
