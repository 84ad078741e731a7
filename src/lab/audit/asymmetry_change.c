/* Did one arm tell its right answers from its wrong ones better than the other? The assertion
 * asymmetry P(assert | wrong) - P(assert | correct) of two arms that answered the same items, one
 * less the other. An arm that hedges more everywhere moves neither. */
#include <math.h>

#include "lab/audit/arms_internal.h"

static const as_param params[] = {
    {"correct_a", AS_PARAM_COLUMN, NULL, "1 where the first arm is correct, 0 where wrong", NULL},
    {"asserts_a", AS_PARAM_COLUMN, NULL, "1 or \"assert\" where it asserts, 0 or \"hedge\"", NULL},
    {"correct_b", AS_PARAM_COLUMN, NULL, "the same of the second arm", NULL},
    {"asserts_b", AS_PARAM_COLUMN, NULL, "the same of the second arm", NULL},
    AS_ARMS_PARAMS,
    {"expect", AS_PARAM_CHOICE, "negative", "the sign the change b - a should have",
     "negative|positive"},
    {"at_least", AS_PARAM_NUMBER, "0.1", "smallest change that counts", "0 to 1"},
    {NULL, AS_PARAM_TEXT, NULL, NULL, NULL},
};

static bool measure(as_audit *a, as_error *err)
{
    static const as_arms_want want[] = {{"correct_a", AS_ARMS_BINARY},
                                        {"asserts_a", AS_ARMS_ASSERTS},
                                        {"correct_b", AS_ARMS_BINARY},
                                        {"asserts_b", AS_ARMS_ASSERTS}};
    as_arms m;
    return as_arms_read(a, want, 4, &m, err) && as_arms_asymmetry(a, &m, "Asymmetry change", err);
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    char p[AS_P_TEXT_SIZE], range[AS_ARMS_RANGE_SIZE];
    const as_statistic *s = as_stat_need(a, "asym_change", "", err);
    const as_statistic *cell = as_stat_need(a, "smallest_cell", "", err);
    const as_statistic *first = as_stat_need(a, "asym", "a", err);
    const as_statistic *second = as_stat_need(a, "asym", "b", err);
    if (!s || !cell || !first || !second) return false;
    double at_least = as_arg_number(a, "at_least");
    as_arms_view v = as_arms_toward(s, as_arms_sign(a));
    as_outcome outcome = AS_UNKNOWN;
    const char *cause = "under-powered";
    if (cell->estimate < AS_ARMS_MIN_CELL) {
        cause = "cells too small";
    } else if (as_arms_is_significant(a, s) && v.estimate >= at_least) {
        outcome = AS_HOLDS;
        cause = "";
    } else if (as_arms_is_significant(a, s) && v.far < 0) {
        outcome = AS_FAILS;
        cause = "opposite sign";
    } else if ((as_arms_can_decide(s) && v.far < at_least) ||
               as_arms_asym_is_still(a, s, cell->estimate, at_least)) {
        outcome = AS_FAILS;
        cause = "no effect";
    }
    if (isnan(s->estimate))
        return as_leaf_set(
            a, leaf, outcome, cause, err,
            "asymmetry undefined: an arm has no correct or no wrong items (n = %zu).",
            (size_t)s->n);
    return as_leaf_set(a, leaf, outcome, cause, err,
                       "asymmetry %+.3f to %+.3f, change %+.3f, 95 %% interval %s, "
                       "exchanged arms %s, at least %g asked for, n = %zu, smallest cell %zu.",
                       first->estimate, second->estimate, s->estimate,
                       as_arms_range(s->lo, s->hi, range), as_p_text(s->p, p), at_least,
                       (size_t)s->n, (size_t)cell->estimate);
}

const as_check as_check_asymmetry_change = {
    .name = "asymmetry-change",
    .summary = "does assertion follow correctness more in one arm than in the other?",
    .catches = "more hedging everywhere read as calibration",
    .params = params,
    .measure = measure,
    .decide = decide,
};
