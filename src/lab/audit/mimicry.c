/* Words of doubt are cheap. An arm that learned only the words asserts less often, but as little of
 * its right answers as of its wrong ones; and pasting its markers on the base's answers does the
 * same to the judge. So: did hedging change, did the change follow correctness, and how much of it
 * do pasted markers reproduce? */
#include <math.h>

#include "lab/audit/arms_internal.h"

#define MOST_OF_IT 0.8 /* share of the change from which pasted markers explain it */

static const as_param params[] = {
    {"correct_a", AS_PARAM_COLUMN, NULL, "1 where the base is correct, 0 where wrong", NULL},
    {"asserts_a", AS_PARAM_COLUMN, NULL, "1 or \"assert\" where it asserts, 0 or \"hedge\"", NULL},
    {"correct_b", AS_PARAM_COLUMN, NULL, "the same of the treated arm", NULL},
    {"asserts_b", AS_PARAM_COLUMN, NULL, "the same of the treated arm", NULL},
    {"asserts_t", AS_PARAM_COLUMN, "", "of the base's answers with the markers pasted on", NULL},
    AS_ARMS_PARAMS,
    {"margin", AS_PARAM_NUMBER, "0.1", "largest change that counts as none", "0 to 1"},
    {NULL, AS_PARAM_TEXT, NULL, NULL, NULL},
};

typedef struct {
    const double *pasted, *all; /* (units) sums of the change by markers, and of the whole */
} shares;

static double share_of_units(const void *ctx, const size_t *index, size_t n, as_rng *rng)
{
    const shares *x = ctx;
    double pasted = 0, all = 0;
    (void)rng;
    for (size_t i = 0; i < n; i++) {
        pasted += x->pasted[index[i]];
        all += x->all[index[i]];
    }
    return all != 0 ? pasted / all : NAN;
}

static bool emit_share(as_audit *a, const as_arms *m, as_error *err)
{
    as_arms_spread b;
    const double *base = as_arms_values(m, "asserts_a", 0);
    const double *treated = as_arms_values(m, "asserts_b", 0);
    const double *pasted = as_arms_values(m, "asserts_t", 0);
    double *sum = as_arena_push(a->arena, m->n_units, sizeof *sum, err);
    double *all = as_arena_push(a->arena, m->n_units, sizeof *all, err);
    double of_pasted = 0, of_all = 0;
    as_statistic *s = sum && all ? as_emit(a, "marker_share", "",
                                           "change by pasted markers over the whole [Mimicry]", err)
                                 : NULL;
    if (!s) return false;
    for (size_t i = 0; i < m->n; i++) {
        sum[m->unit[i]] += pasted[i] - base[i];
        all[m->unit[i]] += treated[i] - base[i];
        of_pasted += pasted[i] - base[i];
        of_all += treated[i] - base[i];
    }
    const shares x = {sum, all};
    s->n = m->n;
    s->missing = m->missing;
    if (of_all != 0) s->estimate = of_pasted / of_all;
    if (!as_arms_bootstrap(a, "marker_share", "", m->n_units, share_of_units, &x, &b, err))
        return false;
    if (of_all != 0) as_stat_interval(s, b.wide, AS_LEVEL, "percentile bootstrap");
    return as_outcome_detail(a, s, &(as_named){"undefined", (double)b.n_undefined}, 1, err);
}

static bool measure(as_audit *a, as_error *err)
{
    static const as_arms_want want[] = {{"correct_a", AS_ARMS_BINARY},
                                        {"asserts_a", AS_ARMS_ASSERTS},
                                        {"correct_b", AS_ARMS_BINARY},
                                        {"asserts_b", AS_ARMS_ASSERTS},
                                        {"asserts_t", AS_ARMS_ASSERTS}};
    as_arms m;
    double margin = as_arg_number(a, "margin");
    if (!(margin > 0))
        return as_audit_fail(a, "margin", err, "margin (found %g, expected above 0)", margin);
    if (!as_arms_read(a, want, 5, &m, err)) return false;
    const double *base = as_arms_values(&m, "asserts_a", 0);
    if (!as_arms_change(a, "asserts_change", "", "Mimicry", &m, base,
                        as_arms_values(&m, "asserts_b", 0), err) ||
        !as_arms_asymmetry(a, &m, "Mimicry", err))
        return false;
    if (!as_arg_of(a, "asserts_t")->given) return true;
    return as_arms_change(a, "transplant_change", "", "Mimicry", &m, base,
                          as_arms_values(&m, "asserts_t", 0), err) &&
           emit_share(a, &m, err);
}

/* Shown not to have moved by the margin, or the same on every item. */
static bool is_still(const as_audit *a, const as_statistic *s, double margin)
{
    if (s->estimate == 0 && as_stat_detail(s, "/se") == 0) return true;
    return !as_arms_is_significant(a, s) && as_arms_is_within(s, margin);
}

/* Hedging changed and correctness did not guide it: the change of the asymmetry is inside the
 * margin, or excludes the margin in the calibrated direction. One that is shown to go the other way
 * is more than words, unless pasted markers do most of the work. */
static bool is_mimicry(const as_audit *a, const as_statistic *asserts, const as_statistic *asym,
                       const as_statistic *share, double cell, double margin)
{
    if (!as_arms_is_significant(a, asserts)) return false;
    if (as_arms_is_within(asym, margin) || as_arms_asym_is_still(a, asym, cell, margin))
        return true;
    if (!as_arms_can_decide(asym) || !(asym->lo > -margin)) return false;
    return !as_arms_is_significant(a, asym) || (share && share->estimate >= MOST_OF_IT);
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    char p[2][AS_P_TEXT_SIZE], range[2][AS_ARMS_RANGE_SIZE];
    const as_statistic *asserts = as_stat_need(a, "asserts_change", "", err);
    const as_statistic *asym = as_stat_need(a, "asym_change", "", err);
    const as_statistic *cell = as_stat_need(a, "smallest_cell", "", err);
    const as_statistic *share = as_stat_find(a, "marker_share", "");
    if (!asserts || !asym || !cell) return false;
    double margin = as_arg_number(a, "margin");
    as_outcome outcome = AS_UNKNOWN;
    const char *cause = "under-powered", *tail = "; no transplant";
    if (cell->estimate < AS_ARMS_MIN_CELL) {
        cause = "cells too small";
    } else if (as_arms_is_significant(a, asym) && asym->estimate <= -margin) {
        outcome = AS_HOLDS;
        cause = "";
    } else if (is_mimicry(a, asserts, asym, share, cell->estimate, margin)) {
        outcome = AS_FAILS;
        cause = "mimicry";
    } else if (is_still(a, asserts, margin) && is_still(a, asym, margin)) {
        outcome = AS_SHOWN;
        cause = "nothing moved";
    } else if (as_arms_is_significant(a, asym) && asym->lo > 0) {
        cause = "asymmetry moved the other way";
    }
    if (isnan(asym->estimate))
        return as_leaf_set(
            a, leaf, outcome, cause, err,
            "asymmetry undefined: an arm has no correct or no wrong items (n = %zu).",
            (size_t)asym->n);
    if (share)
        tail = as_arena_printf(a->arena, err,
                               "; pasted markers give %.2f of the change in assertion (%s)",
                               share->estimate, as_arms_range(share->lo, share->hi, range[0]));
    if (!tail) return false;
    return as_leaf_set(
        a, leaf, outcome, cause, err,
        "assertion %.3f to %.3f (%+.3f, %s); asymmetry change %+.3f, 95 %% interval %s, %s, margin "
        "+-%g, n = %zu, smallest cell %zu%s.",
        as_stat_detail(asserts, "/mean_a"), as_stat_detail(asserts, "/mean_b"), asserts->estimate,
        as_p_text(asserts->p, p[0]), asym->estimate, as_arms_range(asym->lo, asym->hi, range[1]),
        as_p_text(asym->p, p[1]), margin, (size_t)asserts->n, (size_t)cell->estimate, tail);
}

const as_check as_check_mimicry = {
    .name = "mimicry",
    .summary = "did hedging change without following correctness?",
    .catches = "the words of a disposition taken for the disposition",
    .params = params,
    .measure = measure,
    .decide = decide,
};
