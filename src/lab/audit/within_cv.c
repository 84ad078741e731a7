/* within-cv: is there any signal where the probe was trained? Out-of-fold predictions of a
 * standardised L2 logistic probe against three measures of luck: shuffled labels with every fold
 * refitted, the spread over fold seeds, and how often noise reaches the asymmetry bar. A pass is
 * not evidence of transfer; a failure ends the line. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/audit/probe_internal.h"
#include "lab/stats/scaler.h"

static const as_param params[] = {
    {"features", AS_PARAM_COLUMN, NULL, "rows of features", NULL},
    {"label", AS_PARAM_COLUMN, NULL, "0 or 1 for each row", NULL},
    AS_PROBE_C_PARAM,
    AS_PROBE_FOLD_PARAMS,
    AS_PROBE_GATE_PARAMS("0.65", "-0.20"),
    AS_PROBE_PARAMS_END,
};

typedef struct {
    as_probe_gate gate;
    as_probe_rows rows;
    uint64_t seed; /* of the folds; repeat 0 are those of the main result */
    uint8_t *fold; /* (n) */
    size_t k;
    as_crossval *cv;
    const double *c; /* (n_c) */
    size_t n_c;
    double *p;               /* (n_c, n) out-of-fold predictions */
    as_gate_score *observed; /* (n_c) */
    as_gate_score *draw;     /* (permutations, n_c) */
    as_probe_draws draws;
    double *null_auc, *null_asym; /* (permutations) of one penalty */
} work;

static void work_clear(work *w)
{
    as_crossval_free(w->cv);
    as_probe_rows_clear(&w->rows);
    free(w->fold);
    free(w->p);
    free(w->observed);
    free(w->draw);
    free(w->null_auc);
    free(w->null_asym);
}

static bool work_room(work *w, const as_audit *a, as_error *err)
{
    size_t n_draw, n_p;
    if (!as_size_mul(a->permutations, w->n_c, &n_draw, err) ||
        !as_size_mul(w->rows.n, w->n_c, &n_p, err))
        return false;
    w->fold = as_new(w->rows.n, 1, err);
    w->p = as_new(n_p, sizeof *w->p, err);
    w->observed = as_new(w->n_c, sizeof *w->observed, err);
    w->draw = as_new(n_draw, sizeof *w->draw, err);
    w->null_auc = as_new(a->permutations, sizeof *w->null_auc, err);
    w->null_asym = as_new(a->permutations, sizeof *w->null_asym, err);
    w->draws = (as_probe_draws){w->draw, a->permutations, w->n_c, "labels shuffled within folds"};
    return w->fold && w->p && w->observed && w->draw && w->null_auc && w->null_asym;
}

/* Predictions and nulls of all penalties. */
static bool predict(work *w, const as_audit *a, as_error *err)
{
    uint64_t seed;
    bool ok = false;
    double *scratch = NULL;
    if (!as_probe_seed(a, "shuffled labels", &seed, err) ||
        !as_probe_folds(w->fold, &w->k, a, &w->rows, w->seed, err))
        goto out;
    w->cv = as_crossval_new(w->rows.x, w->rows.n, w->rows.d, w->fold, w->k, a->pool, err);
    if (!w->cv) goto out;
    scratch = as_new(as_crossval_work(w->cv), sizeof *scratch, err);
    if (!scratch) goto out;
    for (size_t j = 0; j < w->n_c; j++) {
        double *p = w->p + j * w->rows.n;
        if (!as_crossval_predict(w->cv, p, NULL, w->rows.y, w->c[j], scratch, err) ||
            !as_gate_score_of(&w->observed[j], p, w->rows.y, w->rows.n, w->gate.terms, err))
            goto out;
    }
    ok = as_null_refit(w->draw, w->cv, w->rows.y, w->c, w->n_c, AS_SHUFFLE_IN_FOLDS, w->gate.terms,
                       seed, a->permutations, a->pool, err);
out:
    free(scratch);
    return ok;
}

static bool emit_auc(work *w, as_audit *a, const as_probe_scores *s, const as_null_tail *tail,
                     as_error *err)
{
    as_statistic *out;
    json_t *o = NULL;
    bool ok = false;
    double *each = as_new(w->k, sizeof *each, err);
    char *digits = as_arena_push(a->arena, s->n + 1, 1, err);
    if (!each || !digits || !as_crossval_fold_auc(each, s->p, s->y, w->fold, s->n, w->k, err))
        goto out;
    if (!as_probe_emit_auc(a, "auc_out_of_fold",
                           "pooled pair counts; p one-sided, labels shuffled within folds, every "
                           "fold refitted [AUC]",
                           s, &out, &o, err))
        goto out;
    for (size_t i = 0; i < s->n; i++) digits[i] = (char)('0' + w->fold[i]);
    out->p = tail->p_auc;
    as_json_put(&o, "fold_auc", as_probe_reals(each, w->k));
    as_json_put_real(&o, "null_sd", tail->auc_sd);
    as_json_put(&o, "folds", json_string(digits));
    ok = as_probe_null(out, w->null_auc, a->permutations, err);
    ok = as_emit_detail(a, out, o, err) && ok;
out:
    free(each);
    return ok;
}

static bool emit_asym(work *w, as_audit *a, const as_probe_scores *s, const as_null_tail *tail,
                      as_error *err)
{
    as_probe_gated g;
    if (!as_probe_gated_of(&g, s, &w->gate, err)) return false;
    as_statistic *out = as_emit(a, "asym_out_of_fold", s->of,
                                "smallest p_w - p_c over the thresholds with enough p_c; p "
                                "one-sided, same shuffles [Balanced asymmetry]",
                                err);
    if (!out || !as_probe_null(out, w->null_asym, a->permutations, err)) return false;
    out->estimate = g.balanced.at.asym;
    out->n = s->n;
    out->missing = s->missing;
    out->p = tail->p_asym;
    json_t *o = json_object();
    as_json_put_real(&o, "threshold", g.balanced.at.t);
    as_json_put_real(&o, "p_c", g.balanced.at.p_c);
    as_json_put_real(&o, "p_w", g.balanced.at.p_w);
    as_json_put_real(&o, "asym_at_half", g.half.asym);
    as_json_put_real(&o, "min_asym", g.smallest.at.asym);
    as_json_put_real(&o, "min_threshold", g.smallest.at.t);
    return as_emit_detail(a, out, o, err) && as_probe_emit_named(a, s, w->gate.terms.rule, err);
}

/* The lottery of one folding: the same cross-validation under other fold seeds. */
static bool emit_repeated(work *w, as_audit *a, const as_probe_scores *s, as_error *err)
{
    bool ok = false;
    size_t n = a->cv_repeats;
    as_gate_score *score = as_new(n, sizeof *score, err);
    double *auc = as_new(n, sizeof *auc, err);
    as_statistic *out = NULL;
    if (!score || !auc) goto out;
    if (!as_crossval_repeat(score, w->rows.x, s->n, w->rows.d, s->y, w->k, s->c, w->gate.terms,
                            w->seed, n, a->pool, err))
        goto out;
    out = as_emit(a, "auc_repeated", s->of,
                  "mean over seeded stratified foldings [Repeated cross-validation]", err);
    if (!out) goto out;
    double sum = 0, squares = 0, lo = INFINITY, hi = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        auc[i] = score[i].auc;
        sum += auc[i];
        lo = fmin(lo, auc[i]);
        hi = fmax(hi, auc[i]);
    }
    double mean = n ? sum / (double)n : NAN;
    for (size_t i = 0; i < n; i++) squares += (auc[i] - mean) * (auc[i] - mean);
    out->estimate = mean;
    out->n = s->n;
    out->missing = s->missing;
    if (n) {
        as_stat_interval(out, (as_interval){lo, hi}, AS_LEVEL, "range over fold seeds");
        out->level = NAN;
    }
    json_t *o = json_object();
    as_json_put_real(&o, "sd", n > 1 ? sqrt(squares / (double)(n - 1)) : NAN);
    as_json_put(&o, "values", as_probe_reals(auc, n));
    ok = as_emit_detail(a, out, o, err);
out:
    free(score);
    free(auc);
    return ok;
}

/* The fit of all rows on themselves: what resubstitution would have claimed. */
static bool emit_in_sample(work *w, as_audit *a, const as_probe_scores *s, const double *z,
                           as_error *err)
{
    as_logistic fit;
    bool ok = false;
    double *weight = as_new(w->rows.d, sizeof *weight, err);
    double *p = as_new(s->n, sizeof *p, err);
    if (weight && p && as_probe_fit(&fit, weight, p, z, &w->rows, s->c, err)) {
        as_probe_scores own = *s;
        own.p = p;
        ok = as_probe_emit_plain_auc(a, "auc_in_sample", "fitted and scored on the same rows [AUC]",
                                     &own, err) &&
             as_probe_emit_objective(a, &own, &fit, err);
    }
    free(weight);
    free(p);
    return ok;
}

static bool emit_penalty(work *w, as_audit *a, size_t j, const double *z, as_gate_score *one,
                         as_error *err)
{
    as_probe_scores s = {.of = as_of_number(a, "C", w->c[j], err),
                         .c = w->c[j],
                         .p = w->p + j * w->rows.n,
                         .y = w->rows.y,
                         .n = w->rows.n,
                         .missing = w->rows.n_missing};
    if (!s.of) return false;
    as_probe_draws_of(&w->draws, j, one, w->null_auc, w->null_asym);
    as_null_tail tail = as_null_compare(w->observed[j], one, a->permutations);
    return emit_auc(w, a, &s, &tail, err) && emit_asym(w, a, &s, &tail, err) &&
           emit_repeated(w, a, &s, err) && emit_in_sample(w, a, &s, z, err) &&
           as_probe_emit_gate_rate(a, s.of, &w->draws, j, &w->gate, err);
}

static bool emit_all(work *w, as_audit *a, as_error *err)
{
    bool ok = false;
    as_scaler scaler = {0};
    as_gate_score *one = as_new(a->permutations, sizeof *one, err);
    double *z = as_new(w->rows.n * w->rows.d, sizeof *z, err);
    if (!one || !z ||
        !as_scaler_fit(&scaler, w->rows.x, w->rows.n, w->rows.d, NULL, w->rows.n, err))
        goto out;
    as_scaler_apply(&scaler, z, w->rows.x, w->rows.n);
    for (size_t j = 0; j < w->n_c; j++)
        if (!emit_penalty(w, a, j, z, one, err)) goto out;
    ok = as_probe_emit_best(a, w->observed, &w->draws, w->rows.n, w->rows.n_missing, err) &&
         as_probe_emit_gate_rate(a, "any C", &w->draws, w->n_c, &w->gate, err);
out:
    as_scaler_clear(&scaler);
    free(one);
    free(z);
    return ok;
}

static bool measure(as_audit *a, as_error *err)
{
    bool ok = false;
    size_t k;
    work w = {.c = as_arg_of(a, "C")->number, .n_c = as_arg_of(a, "C")->n};
    if (!as_probe_gate_read(a, &w.gate, err) || !as_probe_c_check(a, err) ||
        !as_probe_fold_count(&k, a, err) || !as_probe_seed(a, "folds", &w.seed, err) ||
        !as_probe_rows_load(&w.rows, a, "features", "label", err))
        goto out;
    if (!as_probe_emit_rate(a, "positive_rate", "", w.rows.n_pos, w.rows.n, w.rows.n_missing, err))
        goto out;
    ok = as_probe_smaller_class(&w.rows) < k ||
         (work_room(&w, a, err) && predict(&w, a, err) && emit_all(&w, a, err));
out:
    work_clear(&w);
    return ok;
}

/* What decide has seen of all penalties. */
typedef struct {
    const as_statistic *auc, *asym; /* of the best that passes, else of the highest AUC */
    size_t n_c;
    bool passes;   /* that one passes both bars and its permutation test, and so does its mean AUC
                      over fold seeds the AUC bar: one folding does not decide alone */
    bool is_below; /* every interval lies below the bar, and every mean over fold seeds */
} seen;

static seen look(const as_audit *a)
{
    double bar = as_arg_number(a, "gate_auc"), asym_bar = as_arg_number(a, "gate_asym");
    seen v = {.is_below = true};
    for (size_t i = 0; i < a->n_stats; i++) {
        const as_statistic *s = a->stats[i];
        if (strcmp(s->name, "auc_out_of_fold") != 0) continue;
        const as_statistic *asym = as_stat_find(a, "asym_out_of_fold", s->of);
        const as_statistic *mean = as_stat_find(a, "auc_repeated", s->of);
        bool passes = asym && s->estimate >= bar && asym->estimate <= asym_bar && s->p <= 0.01 &&
                      mean && mean->estimate >= bar;
        v.n_c++;
        if (!(s->hi < bar && mean && mean->estimate < bar)) v.is_below = false;
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
    const as_statistic *rate = as_stat_find(a, "positive_rate", NULL);
    if (!v.auc || !v.asym)
        return as_leaf_set(a, leaf, AS_UNKNOWN, "under-powered", err,
                           "%.0f of %" PRIu64 " rows are positive and %.0f negative: too few of a "
                           "class to be folded.",
                           rate ? as_stat_detail(rate, "/n_pos") : NAN, rate ? rate->n : 0,
                           rate ? as_stat_detail(rate, "/n_neg") : NAN);
    const as_statistic *spread = as_stat_find(a, "auc_repeated", v.auc->of),
                       *noise = as_stat_find(a, "gate_false_positive_rate", v.auc->of);
    char p[AS_P_TEXT_SIZE], q[AS_P_TEXT_SIZE];
    as_outcome outcome = v.passes ? AS_HOLDS : v.is_below ? AS_FAILS : AS_UNKNOWN;
    const char *cause = v.passes     ? ""
                        : v.is_below ? "no within-distribution signal"
                                     : "under-powered";
    return as_leaf_set(
        a, leaf, outcome, cause, err,
        "Out-of-fold AUC %.3f (95 %% interval %.3f to %.3f, permutation %s; bar %.2f) and "
        "balanced asymmetry %.3f (%s; bar %.2f) at %s, the best of %zu, n = %" PRIu64
        " with %.0f positive. Over fold seeds the AUC runs from %.3f to %.3f; shuffled labels "
        "reach the asymmetry bar in %.1f %% of all runs.",
        v.auc->estimate, v.auc->lo, v.auc->hi, as_p_text(v.auc->p, p), as_arg_number(a, "gate_auc"),
        v.asym->estimate, as_p_text(v.asym->p, q), as_arg_number(a, "gate_asym"), v.auc->of, v.n_c,
        v.auc->n, as_stat_detail(v.auc, "/n_pos"), spread ? spread->lo : NAN,
        spread ? spread->hi : NAN, noise ? 100 * as_stat_detail(noise, "/share_all") : NAN);
}

const as_check as_check_within_cv = {
    .name = "within-cv",
    .summary =
        "a probe's signal inside its own distribution, by cross-validation and shuffled labels",
    .catches = "a lucky folding, or a bar that noise reaches",
    .params = params,
    .measure = measure,
    .decide = decide,
};
