/* Does a judge reward what it says it rewards? Its scores are held against how often the answers
 * use the words in question, which takes no judgement to count. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "lab/audit/instrument_internal.h"
#include "lab/stats/paired.h"

static const as_param params[] = {
    {"score", AS_PARAM_COLUMN, NULL, "what the judge gave", NULL},
    {"rate", AS_PARAM_COLUMN, NULL, "words of the list per 100 words of the answer", NULL},
    {"expect", AS_PARAM_CHOICE, NULL, "sign of the correlation if the judge does what it says",
     "positive|negative"},
    AS_INSTRUMENT_PARAMS_END};

static void fill(as_statistic *s, const as_estimate *e, size_t missing, const char *method)
{
    s->n = e->n;
    s->missing = missing;
    s->estimate = e->estimate;
    s->p = e->p;
    as_stat_interval(s, e->interval, AS_LEVEL, method);
}

static bool measure(as_audit *a, as_error *err)
{
    as_instrument_rows rows;
    if (!as_instrument_rows_of(a, "score", "rate", AS_COLUMN_NUMBER, &rows, err)) return false;
    const double *x = as_instrument_numbers(a, "score", &rows, err);
    const double *y = as_instrument_numbers(a, "rate", &rows, err);
    if (!x || !y) return false;
    as_estimate e = as_pearson(x, y, rows.n, AS_LEVEL);
    as_statistic *s = as_emit(a, "pearson", "", "Pearson's correlation, t test [Correlation]", err);
    if (!s) return false;
    e.n = rows.n;
    fill(s, &e, rows.n_missing, "Fisher z");

    if (!as_spearman(x, y, rows.n, AS_LEVEL, &e, err)) return false;
    s = as_emit(a, "spearman", "", "Spearman's rank correlation, t test [Correlation]", err);
    if (!s) return false;
    e.n = rows.n;
    fill(s, &e, rows.n_missing, "Fisher z, Bonett & Wright");
    return true;
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    const as_statistic *s = as_stat_need(a, "pearson", "", err);
    if (!s) return false;
    const char *expect = as_arg_text(a, "expect");
    double sign = strcmp(expect, "positive") == 0 ? 1 : -1;
    if (isnan(s->estimate) || isnan(s->p))
        return as_leaf_set(a, leaf, AS_UNKNOWN, "undefined", err,
                           "no correlation of score and word rate: a column is constant or n is "
                           "too small (n %" PRIu64 ")",
                           s->n);
    char p[AS_P_TEXT_SIZE];
    bool seen = s->p <= a->alpha;
    as_outcome outcome = !seen ? AS_UNKNOWN : sign * s->estimate >= 0 ? AS_HOLDS : AS_FAILS;
    const char *cause = outcome == AS_HOLDS   ? ""
                        : outcome == AS_FAILS ? "rewards the opposite"
                                              : "under-powered";
    return as_leaf_set(a, leaf, outcome, cause, err,
                       "score and word rate correlate at %.3f (95 %% interval %.3f to %.3f, "
                       "%s, n %" PRIu64 "); expected %s",
                       s->estimate, s->lo, s->hi, as_p_text(s->p, p), s->n, expect);
}

const as_check as_check_lexical_bias = {"lexical-bias",
                                        "does a score follow the words it claims to reward",
                                        "an axis that rewards the opposite of its name",
                                        params,
                                        measure,
                                        decide};
