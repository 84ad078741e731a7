/* auc-power: could this many positives and negatives have shown an AUC at the bar at all? Planning
 * formulas of Hanley & McNeil 1982, one-sided, because a gate asks for "at least". */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "lab/audit/probe_internal.h"
#include "lab/stats/power.h"

static const as_param params[] = {
    {"label", AS_PARAM_COLUMN, "", "0 or 1 for each row; or the two counts", NULL},
    {"positives", AS_PARAM_SIZE, "", "rows labelled 1", "0 to 1e9"},
    {"negatives", AS_PARAM_SIZE, "", "rows labelled 0", "0 to 1e9"},
    {"gate_auc", AS_PARAM_NUMBER, "0.63", "the AUC that would pass", "0.5 to 1"},
    {"power", AS_PARAM_NUMBER, "0.8", "least power", "0 to 1"},
    AS_PROBE_PARAMS_END,
};

static bool count(as_audit *a, size_t *n_pos, size_t *n_neg, size_t *missing, as_error *err)
{
    const as_column *label = as_arg_column(a, "label");
    bool has_counts = as_arg_of(a, "positives")->given && as_arg_of(a, "negatives")->given;
    *n_pos = *n_neg = *missing = 0;
    if (label && (as_arg_of(a, "positives")->given || as_arg_of(a, "negatives")->given))
        return as_audit_fail(a, "label", err,
                             "labels (found counts as well, expected one of both)");
    if (!label && !has_counts)
        return as_audit_fail(a, "label", err,
                             "labels (found none, expected label or positives and negatives)");
    if (!label) {
        *n_pos = as_arg_size(a, "positives");
        *n_neg = as_arg_size(a, "negatives");
        return true;
    }
    uint8_t *y;
    const size_t *rows;
    size_t n;
    if (!as_probe_labels(a, "label", &y, &rows, &n, err)) return false;
    for (size_t i = 0; i < n; i++) *n_pos += y[i];
    *n_neg = n - *n_pos;
    *missing = label->n - n;
    return true;
}

static bool emit(as_audit *a, const char *name, const char *method, double estimate, size_t n,
                 size_t missing, as_error *err)
{
    as_statistic *s = as_emit(a, name, "", method, err);
    if (!s) return false;
    s->estimate = estimate;
    s->n = n;
    s->missing = missing;
    json_t *o = json_object();
    as_json_put_real(&o, "alpha", a->alpha);
    as_json_put_size(&o, "sides", 1);
    return as_emit_detail(a, s, o, err);
}

static bool measure(as_audit *a, as_error *err)
{
    size_t n_pos, n_neg, missing;
    double gate = as_arg_number(a, "gate_auc"), power = as_arg_number(a, "power");
    if (!(gate > 0.5 && gate < 1))
        return as_audit_fail(a, "gate_auc", err, "AUC (found %g, expected 0.5 to 1)", gate);
    if (!(power > 0 && power < 1))
        return as_audit_fail(a, "power", err, "power (found %g, expected 0 to 1)", power);
    if (!count(a, &n_pos, &n_neg, &missing, err)) return false;
    return as_probe_emit_rate(a, "positive_rate", "", n_pos, n_pos + n_neg, missing, err) &&
           emit(a, "detectable_auc",
                "smallest AUC told from 1/2 with that power, one-sided [Power]",
                as_mde_auc(0.5, n_pos, n_neg, a->alpha, 1, power), n_pos + n_neg, missing, err) &&
           emit(a, "power_at_gate", "power to tell an AUC at the bar from 1/2, one-sided [Power]",
                as_power_auc(gate, 0.5, n_pos, n_neg, a->alpha, 1), n_pos + n_neg, missing, err);
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    const as_statistic *rate = as_stat_find(a, "positive_rate", ""),
                       *least = as_stat_find(a, "detectable_auc", ""),
                       *power = as_stat_find(a, "power_at_gate", "");
    if (!rate || !least || !power)
        return as_leaf_set(a, leaf, AS_UNKNOWN, "under-powered", err, "No labels were counted.");
    bool holds = power->estimate >= as_arg_number(a, "power");
    double n_pos = as_stat_detail(rate, "/n_pos"), n_neg = as_stat_detail(rate, "/n_neg");
    if (!(n_pos > 0 && n_neg > 0))
        return as_leaf_set(a, leaf, AS_UNKNOWN, "under-powered", err,
                           "n = %" PRIu64 " with %.0f positive and %.0f negative: no AUC exists.",
                           rate->n, n_pos, n_neg);
    return as_leaf_set(a, leaf, holds ? AS_HOLDS : AS_UNKNOWN, holds ? "" : "under-powered", err,
                       "With %.0f positive and %.0f negative (n = %" PRIu64
                       ") a true AUC of %.2f is told from 0.5 with power %.3f (needed %.2f); the "
                       "smallest AUC seen with that power is %.3f.",
                       n_pos, n_neg, rate->n, as_arg_number(a, "gate_auc"), power->estimate,
                       as_arg_number(a, "power"), least->estimate);
}

const as_check as_check_auc_power = {
    .name = "auc-power",
    .summary = "the smallest AUC that so many positives and negatives can show",
    .catches = "a failure, or a success, that the sample size decided",
    .params = params,
    .measure = measure,
    .decide = decide,
};
