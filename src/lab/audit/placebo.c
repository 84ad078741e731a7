/* Would any edit of that size have done it? The effect of the treatment beside those of placebos:
 * random heads, a direction of the same norm, shuffled cohorts. The base drops out of the
 * comparison, which is paired on items. */
#include <math.h>
#include <string.h>

#include "lab/audit/arms_internal.h"

static const as_param params[] = {
    {"base", AS_PARAM_COLUMN, NULL, "score without any edit", NULL},
    {"treated", AS_PARAM_COLUMN, NULL, "score with the treatment", NULL},
    {"placebo", AS_PARAM_COLUMNS, NULL, "score with a matched placebo, one column each", NULL},
    {"expect", AS_PARAM_CHOICE, "positive", "the sign treated - base should have",
     "positive|negative"},
    {"at_least", AS_PARAM_NUMBER, "0.05", "smallest advantage over the placebos that counts", NULL},
    AS_ARMS_PARAMS,
    {NULL, AS_PARAM_TEXT, NULL, NULL, NULL},
};

/* The mean of the placebos of each item. */
static const double *mean_placebo(as_audit *a, const as_arms *m, as_error *err)
{
    size_t n = as_arg_of(a, "placebo")->n;
    double *mean = as_arena_push(a->arena, m->n, sizeof *mean, err);
    if (!mean) return NULL;
    for (size_t k = 0; k < n; k++) {
        const double *x = as_arms_values(m, "placebo", k);
        for (size_t i = 0; i < m->n; i++) mean[i] += x[i] / (double)n;
    }
    return mean;
}

static bool measure(as_audit *a, as_error *err)
{
    static const as_arms_want want[] = {
        {"base", AS_ARMS_NUMBER}, {"treated", AS_ARMS_NUMBER}, {"placebo", AS_ARMS_NUMBER}};
    as_arms m;
    double at_least = as_arg_number(a, "at_least");
    if (!(at_least >= 0))
        return as_audit_fail(a, "at_least", err, "found %g, expected 0 or more", at_least);
    if (!as_arms_read(a, want, 3, &m, err)) return false;
    const double *base = as_arms_values(&m, "base", 0), *x = as_arms_values(&m, "treated", 0);
    const double *placebo = mean_placebo(a, &m, err);
    if (!placebo || !as_arms_change(a, "effect", "treated", "Placebo", &m, base, x, err))
        return false;
    for (size_t i = 0; i < as_arg_of(a, "placebo")->n; i++) {
        size_t k = as_arms_place(&m, "placebo", i);
        if (strcmp(m.label[k], m.label[as_arms_place(&m, "treated", 0)]) == 0)
            return as_audit_fail(a, "placebo", err, "%s is the treatment", m.label[k]);
        if (!as_arms_change(a, "placebo", m.label[k], "Placebo", &m, base, m.x[k], err))
            return false;
    }
    return as_arms_change(a, "advantage", "", "Placebo", &m, placebo, x, err) != NULL;
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    char p[AS_P_TEXT_SIZE], range[AS_ARMS_RANGE_SIZE];
    const as_statistic *s = as_stat_need(a, "advantage", "", err);
    const as_statistic *effect = as_stat_need(a, "effect", "treated", err);
    if (!s || !effect) return false;
    if (s->n == 0) return as_arms_empty_leaf(a, leaf, s, err);
    double sign = as_arms_sign(a), at_least = as_arg_number(a, "at_least"), best = -INFINITY;
    size_t n = 0, passed = 0;
    for (size_t i = 0; i < a->n_stats; i++) {
        const as_statistic *t = a->stats[i];
        if (strcmp(t->name, "placebo") != 0) continue;
        best = fmax(best, sign * t->estimate);
        passed += sign * effect->estimate > sign * t->estimate;
        n++;
    }
    as_arms_view v = as_arms_toward(s, sign);
    bool can_decide = as_arms_can_decide(s);
    as_outcome outcome = AS_UNKNOWN;
    const char *cause = "under-powered";
    if (can_decide && v.far < at_least) {
        outcome = AS_FAILS;
        cause = "no more than placebo";
    } else if (can_decide && v.near > 0 && passed < n) {
        cause = "a placebo does as much";
    } else if (can_decide && v.near > 0 && !(sign * effect->estimate > 0)) {
        cause = "not above the base";
    } else if (can_decide && v.near > 0) {
        outcome = AS_HOLDS;
        cause = "";
    }
    return as_leaf_set(a, leaf, outcome, cause, err,
                       "effect %+.3f, above %zu of %zu placebos (the strongest %+.3f); over their "
                       "mean %+.3f, 95 %% interval %s, %s, at least %g asked for, n = "
                       "%zu.",
                       effect->estimate, passed, n, sign * best, s->estimate,
                       as_arms_range(s->lo, s->hi, range), as_p_text(s->p, p), at_least,
                       (size_t)s->n);
}

const as_check as_check_placebo = {
    .name = "placebo",
    .summary = "does the treatment do more than a matched placebo?",
    .catches = "the effect of any edit of that size credited to this one",
    .params = params,
    .measure = measure,
    .decide = decide,
};
