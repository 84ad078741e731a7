/* threshold-provenance: where a gate's threshold was chosen, and among how many. A threshold chosen
 * on the rows it is judged by is part of the result; one chosen on separable training rows says
 * nothing about other rows. */
#include <math.h>
#include <string.h>

#include "lab/audit/probe_internal.h"

static const as_param params[] = {
    {"chosen_on", AS_PARAM_CHOICE, NULL, "the rows the threshold was chosen on",
     "test|train|out-of-fold|fixed"},
    {"thresholds", AS_PARAM_SIZE, NULL, "how many were tried", "1 to 1e9"},
    {"configurations", AS_PARAM_SIZE, "1", "how many classifiers each was tried with", "1 to 1e9"},
    AS_PROBE_PARAMS_END,
};

static bool measure(as_audit *a, as_error *err)
{
    size_t looks;
    size_t thresholds = as_arg_size(a, "thresholds"), tried = as_arg_size(a, "configurations");
    if (thresholds == 0)
        return as_audit_fail(a, "thresholds", err, "count (found 0, expected 1 or more)");
    if (tried == 0)
        return as_audit_fail(a, "configurations", err, "count (found 0, expected 1 or more)");
    if (!as_size_mul(thresholds, tried, &looks, err)) return false;
    as_statistic *s =
        as_emit(a, "looks", "", "thresholds times configurations [Threshold provenance]", err);
    if (!s) return false;
    s->estimate = (double)looks;
    s->n = looks;
    json_t *o = json_object();
    as_json_put_size(&o, "thresholds", thresholds);
    as_json_put_size(&o, "configurations", tried);
    as_json_put(&o, "chosen_on", json_string(as_arg_text(a, "chosen_on")));
    return as_emit_detail(a, s, o, err);
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    const as_statistic *s = as_stat_find(a, "looks", "");
    const char *on = as_arg_text(a, "chosen_on");
    double looks = s ? s->estimate : NAN, thresholds = s ? as_stat_detail(s, "/thresholds") : NAN,
           tried = s ? as_stat_detail(s, "/configurations") : NAN;
    if (strcmp(on, "test") == 0)
        return as_leaf_set(a, leaf, AS_FAILS, "threshold chosen on the test set", err,
                           "The best of %.0f looks (%.0f thresholds, %.0f configurations) was "
                           "chosen on the rows it is judged by.",
                           looks, thresholds, tried);
    if (strcmp(on, "train") == 0)
        return as_leaf_set(a, leaf, AS_FAILS, "threshold chosen where the fit is separable", err,
                           "The best of %.0f looks (%.0f thresholds, %.0f configurations) was "
                           "chosen on the fitted rows themselves, where many thresholds look "
                           "perfect.",
                           looks, thresholds, tried);
    return as_leaf_set(a, leaf, AS_HOLDS, "", err,
                       "The threshold was %s, not chosen on the rows it is judged by (%.0f looks).",
                       strcmp(on, "fixed") == 0 ? "fixed beforehand" : "chosen out of fold", looks);
}

const as_check as_check_threshold_provenance = {
    .name = "threshold-provenance",
    .summary = "where a gate's threshold was chosen, and among how many",
    .catches = "a threshold that was looked for on the test rows",
    .params = params,
    .measure = measure,
    .decide = decide,
};
