/* Does a judge say what an independent checklist says? */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "lab/audit/instrument_internal.h"
#include "lab/stats/agreement.h"

static const as_param params[] = {
    {"a", AS_PARAM_COLUMN, NULL, "labels 0 and 1 of the judge", NULL},
    {"b", AS_PARAM_COLUMN, NULL, "labels 0 and 1 of the checklist, same rows", NULL},
    {"bar", AS_PARAM_NUMBER, "0.80", "agreement from which the judge may be used", "0 to 1"},
    AS_INSTRUMENT_PARAMS_END};

static bool measure(as_audit *a, as_error *err)
{
    as_instrument_rows rows;
    size_t table[4];
    if (!as_instrument_rows_of(a, "a", "b", AS_COLUMN_NUMBER, &rows, err)) return false;
    const int *x = as_instrument_labels(a, "a", &rows, err);
    const int *y = x ? as_instrument_labels(a, "b", &rows, err) : NULL;
    if (!y) return false;
    as_label_table(table, 2, x, y, rows.n);
    json_t *detail = json_object();
    as_json_put_size(&detail, "both_0", table[0]);
    as_json_put_size(&detail, "only_b", table[1]);
    as_json_put_size(&detail, "only_a", table[2]);
    as_json_put_size(&detail, "both_1", table[3]);
    as_statistic *s = as_emit(a, "agreement", "", "share of equal labels [Agreement]", err);
    if (!s) {
        json_decref(detail);
        return false;
    }
    as_stat_share(s, table[0] + table[3], rows.n, rows.n_missing);
    if (!as_emit_detail(a, s, detail, err)) return false;

    as_kappa k = as_cohens_kappa(table, 2, AS_KAPPA_PLAIN, AS_LEVEL);
    s = as_emit(a, "kappa", "", "Cohen's kappa; p of kappa 0 [Agreement]", err);
    if (!s) return false;
    s->n = rows.n;
    s->missing = rows.n_missing;
    s->estimate = k.kappa;
    s->p = k.p;
    as_stat_interval(s, (as_interval){k.interval.lo, k.interval.hi}, AS_LEVEL,
                     "Fleiss, Cohen & Everitt");
    detail = json_object();
    as_json_put_real(&detail, "expected", k.expected);
    return as_emit_detail(a, s, detail, err);
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    const as_statistic *s = as_stat_need(a, "agreement", "", err);
    const as_statistic *k = s ? as_stat_need(a, "kappa", "", err) : NULL;
    double bar = as_arg_number(a, "bar");
    if (!k) return false;
    if (s->n == 0)
        return as_leaf_set(a, leaf, AS_UNKNOWN, "evidence missing", err, "no item has both labels");
    char kappa[32] = "undefined";
    if (!isnan(k->estimate)) snprintf(kappa, sizeof kappa, "%.3f", k->estimate);
    as_outcome outcome = s->estimate >= bar ? AS_HOLDS : s->hi < bar ? AS_FAILS : AS_UNKNOWN;
    const char *cause = outcome == AS_HOLDS   ? ""
                        : outcome == AS_FAILS ? "judge disagrees with the checklist"
                                              : "under-powered";
    return as_leaf_set(a, leaf, outcome, cause, err,
                       "the two agree on %.0f of %" PRIu64
                       " items (%.3f, 95 %% interval %.3f to %.3f; kappa %s); the bar is %.2f",
                       s->estimate * (double)s->n, s->n, s->estimate, s->lo, s->hi, kappa, bar);
}

const as_check as_check_agreement = {
    "agreement",
    "does a judge agree with a checklist, or with another judge",
    "labels of a judge that agrees with the truth no better than chance",
    params,
    measure,
    decide};
