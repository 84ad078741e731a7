/* degenerate-asymmetry: a gate's balanced asymmetry is a minimum over thresholds, and with a
 * handful of positives noise reaches any bar. Where an earlier check reached the bar, this one asks
 * for enough positives, a small permutation p and an AUC that is told from 1/2. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lab/audit/probe_internal.h"

static const as_param params[] = {
    {"of", AS_PARAM_CHECK, NULL, "an earlier transfer or within-cv check", NULL},
    {"gate_asym", AS_PARAM_NUMBER, "-0.15", "the bar to be guarded", "-1 to 1"},
    {"min_positives", AS_PARAM_SIZE, "30", "fewest positive rows", NULL},
    {"max_p", AS_PARAM_NUMBER, "0.01", "largest permutation p of the asymmetry", "0 to 1"},
    AS_PROBE_PARAMS_END,
};

static const as_statistic *find(const as_arg *from, const char *name, const char *of)
{
    for (size_t i = 0; i < from->n; i++)
        if (strcmp(from->statistics[i]->name, name) == 0 &&
            strcmp(from->statistics[i]->of, of) == 0)
            return from->statistics[i];
    return NULL;
}

static bool is_asymmetry(const as_statistic *s)
{
    return strcmp(s->name, "asym_balanced") == 0 || strcmp(s->name, "asym_out_of_fold") == 0;
}

static bool emit_pair(as_audit *a, const as_statistic *asym, const as_statistic *auc, as_error *err)
{
    as_statistic *p = as_emit(a, "p_asym", asym->of,
                              "one-sided permutation p of the balanced asymmetry [Degenerate "
                              "asymmetry]",
                              err);
    if (!p) return false;
    p->estimate = p->p = asym->p;
    p->n = asym->n;
    p->missing = asym->missing;
    p->null_kind = asym->null_kind;
    p->null_draws = asym->null_draws;
    p->null_q05 = asym->null_q05;
    p->null_q50 = asym->null_q50;
    p->null_q95 = asym->null_q95;
    json_t *o = json_object();
    as_json_put_real(&o, "asym", asym->estimate);
    if (!as_emit_detail(a, p, o, err)) return false;
    as_statistic *c = as_emit(a, "auc_contains_half", asym->of,
                              "1 when the AUC's interval contains 1/2 [Degenerate asymmetry]", err);
    if (!c) return false;
    if (!isnan(auc->lo) && !isnan(auc->hi)) c->estimate = auc->lo <= 0.5 && 0.5 <= auc->hi;
    c->n = auc->n;
    c->missing = auc->missing;
    o = json_object();
    as_json_put_real(&o, "auc", auc->estimate);
    as_json_put_real(&o, "lo", auc->lo);
    as_json_put_real(&o, "hi", auc->hi);
    return as_emit_detail(a, c, o, err);
}

static bool measure(as_audit *a, as_error *err)
{
    const as_arg *from = as_arg_of(a, "of");
    as_statistic *positives = as_emit(
        a, "positives", "", "rows labelled 1 among those scored [Degenerate asymmetry]", err);
    if (!positives) return false;
    size_t n_pairs = 0;
    for (size_t i = 0; i < from->n; i++) {
        const as_statistic *asym = from->statistics[i];
        if (!is_asymmetry(asym)) continue;
        bool is_transfer = strcmp(asym->name, "asym_balanced") == 0;
        const as_statistic *auc = find(from, is_transfer ? "auc" : "auc_out_of_fold", asym->of);
        if (!auc) continue;
        positives->estimate = as_stat_detail(auc, "/n_pos");
        positives->n = auc->n;
        positives->missing = auc->missing;
        if (!emit_pair(a, asym, auc, err)) return false;
        n_pairs++;
    }
    if (n_pairs > 0) return true;
    /* too few of a class: no gate was scored, only its rows were counted */
    const as_statistic *rate = find(from, "positive_rate", "test");
    if (!rate) rate = find(from, "positive_rate", "");
    if (rate) {
        positives->estimate = as_stat_detail(rate, "/n_pos");
        positives->n = rate->n;
        positives->missing = rate->missing;
    }
    return rate ||
           as_audit_fail(a, "of", err,
                         "check (found one without an asymmetry, expected transfer or within-cv)");
}

/* The penalties that reach the bar, and the worst that can be said of them. */
typedef struct {
    size_t n_c, n_reach, n_bad;
    const as_statistic *p, *contains; /* the lowest asymmetry among the bad, else among all */
    double asym;
    bool is_bad;
} seen;

static seen look(const as_audit *a, bool enough)
{
    seen v = {.asym = NAN};
    for (size_t i = 0; i < a->n_stats; i++) {
        const as_statistic *p = a->stats[i];
        if (strcmp(p->name, "p_asym") != 0) continue;
        const as_statistic *c = as_stat_find(a, "auc_contains_half", p->of);
        double asym = as_stat_detail(p, "/asym");
        bool reaches = asym <= as_arg_number(a, "gate_asym");
        bool bad = reaches &&
                   !(enough && p->estimate <= as_arg_number(a, "max_p") && c && c->estimate == 0);
        v.n_c++;
        v.n_reach += reaches;
        v.n_bad += bad;
        if (!v.p || bad > v.is_bad || (bad == v.is_bad && asym < v.asym)) {
            v.p = p;
            v.contains = c;
            v.asym = asym;
            v.is_bad = bad;
        }
    }
    return v;
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    const as_statistic *positives = as_stat_find(a, "positives", "");
    double n_pos = positives ? positives->estimate : NAN;
    size_t least = as_arg_size(a, "min_positives");
    double bar = as_arg_number(a, "gate_asym");
    seen v = look(a, n_pos >= (double)least);
    if (!v.p || !v.contains || v.n_reach == 0)
        return as_leaf_set(a, leaf, AS_SHOWN, "", err,
                           "Nothing to guard: none of %zu penalties reaches the asymmetry bar of "
                           "%.2f (n = %" PRIu64 ", %.0f positive).",
                           v.n_c, bar, positives ? positives->n : 0, n_pos);
    double max_p = as_arg_number(a, "max_p");
    char few[64] = "", p[AS_P_TEXT_SIZE];
    if (!(n_pos >= (double)least)) snprintf(few, sizeof few, " (fewer than %zu)", least);
    return as_leaf_set(
        a, leaf, v.n_bad ? AS_FAILS : AS_HOLDS, v.n_bad ? "degenerate asymmetry" : "", err,
        "Balanced asymmetry %.3f at %s reaches the bar of %.2f with %.0f positive of n = %" PRIu64
        "%s, permutation %s (%s %g) and AUC %.3f whose 95 %% interval, %.3f to %.3f, %s 0.5.",
        v.asym, v.p->of, bar, n_pos, positives->n, few, as_p_text(v.p->estimate, p),
        v.p->estimate <= max_p ? "at most" : "above", max_p, as_stat_detail(v.contains, "/auc"),
        as_stat_detail(v.contains, "/lo"), as_stat_detail(v.contains, "/hi"),
        v.contains->estimate == 0 ? "excludes" : "does not exclude");
}

const as_check as_check_degenerate_asymmetry = {
    .name = "degenerate-asymmetry",
    .summary = "positives, permutation p and AUC behind an asymmetry that reaches its bar",
    .catches = "a bar reached by noise on a handful of positives",
    .params = params,
    .measure = measure,
    .decide = decide,
};
