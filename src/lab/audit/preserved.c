/* Is the content of the answers what it was? A claim of no change needs an interval inside a margin
 * that was declared before: two one-sided tests, by the bootstrap interval of the mean change. */
#include "lab/audit/arms_internal.h"

static const as_param params[] = {
    {"a", AS_PARAM_COLUMN, NULL, "score before (coverage, correctness)", NULL},
    {"b", AS_PARAM_COLUMN, NULL, "score after", NULL},
    {"margin", AS_PARAM_NUMBER, NULL, "largest change of the mean that counts as none", NULL},
    AS_ARMS_PARAMS,
    {NULL, AS_PARAM_TEXT, NULL, NULL, NULL},
};

static bool measure(as_audit *a, as_error *err)
{
    static const as_arms_want want[] = {{"a", AS_ARMS_NUMBER}, {"b", AS_ARMS_NUMBER}};
    as_arms m;
    double margin = as_arg_number(a, "margin");
    if (!(margin > 0))
        return as_audit_fail(a, "margin", err, "margin (found %g, expected above 0)", margin);
    return as_arms_read(a, want, 2, &m, err) &&
           as_arms_change(a, "change", "", "Preserved", &m, as_arms_values(&m, "a", 0),
                          as_arms_values(&m, "b", 0), err);
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    char range[2][AS_ARMS_RANGE_SIZE];
    const as_statistic *s = as_stat_need(a, "change", "", err);
    if (!s) return false;
    if (s->n == 0) return as_arms_empty_leaf(a, leaf, s, err);
    double margin = as_arg_number(a, "margin");
    bool can_decide = as_arms_can_decide(s);
    as_outcome outcome = AS_UNKNOWN;
    const char *cause = "under-powered";
    if (as_arms_is_within(s, margin) || as_arms_is_still(a, s, margin)) {
        outcome = AS_HOLDS;
        cause = "";
    } else if (can_decide && s->hi < -margin) {
        outcome = AS_FAILS;
        cause = "content damaged";
    } else if (can_decide && s->lo > margin) {
        outcome = AS_FAILS;
        cause = "content moved";
    }
    return as_leaf_set(
        a, leaf, outcome, cause, err,
        "mean %.3f to %.3f, change %+.3f, %.0f %% interval %s, 95 %% "
        "interval %s, margin +-%g, n = %zu in %zu units.",
        as_stat_detail(s, "/mean_a"), as_stat_detail(s, "/mean_b"), s->estimate,
        100 * (1 - 2 * a->alpha),
        as_arms_range(as_stat_detail(s, "/narrow_lo"), as_stat_detail(s, "/narrow_hi"), range[0]),
        as_arms_range(s->lo, s->hi, range[1]), margin, (size_t)s->n,
        (size_t)as_stat_detail(s, "/units"));
}

const as_check as_check_preserved = {
    .name = "preserved",
    .summary = "is the content of the same items shown to be unchanged within a margin?",
    .catches = "a style that was bought with content, behind a change that was not significant",
    .params = params,
    .measure = measure,
    .decide = decide,
};
