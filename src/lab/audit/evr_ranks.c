/* How many principal components it takes to explain a share of the variance, from a published list
 * of explained-variance ratios. A list that ends too early says nothing beyond its end. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lab/audit/instrument_internal.h"

static const as_param params[] = {
    {"evr", AS_PARAM_COLUMN, NULL, "explained-variance ratios, largest first", NULL},
    {"thresholds", AS_PARAM_NUMBERS, "0.5 0.8 0.9 0.95 0.99", "shares of the variance", "0 to 1"},
    AS_INSTRUMENT_PARAMS_END};

static bool emit_rank(as_audit *a, const as_column *c, double threshold, as_error *err)
{
    char of[32];
    double sum = 0;
    size_t rank = 0;
    snprintf(of, sizeof of, "%.10g%%", 100 * threshold);
    while (rank < c->n && sum < threshold) sum += c->number[rank++];
    as_statistic *s = as_emit(
        a, "rank", of, "first partial sum of the listed ratios to reach the share [PCA]", err);
    if (!s) return false;
    bool reached = rank > 0 && sum >= threshold;
    s->n = c->n;
    s->estimate = reached ? (double)rank : NAN;
    json_t *detail = json_object();
    as_json_put(&detail, "reached", json_boolean(reached));
    as_json_put_real(&detail, "sum", sum);
    return as_emit_detail(a, s, detail, err);
}

static bool measure(as_audit *a, as_error *err)
{
    const as_column *c = as_arg_column(a, "evr");
    const as_arg *thresholds = as_arg_of(a, "thresholds");
    if (!as_need_kind(a, "evr", AS_COLUMN_NUMBER, err)) return false;
    for (size_t i = 0; i < c->n; i++)
        if (!(c->number[i] >= 0 && c->number[i] <= 1))
            return as_audit_fail(a, "evr", err, "row %zu: ratio (found %g, expected 0 to 1)", i,
                                 c->number[i]);
    for (size_t i = 0; i < thresholds->n; i++) {
        double t = thresholds->number[i];
        if (!(t > 0 && t <= 1))
            return as_audit_fail(a, "thresholds", err, "share (found %g, expected over 0, up to 1)",
                                 t);
        if (!emit_rank(a, c, t, err)) return false;
    }
    return true;
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    as_instrument_list list = {0};
    size_t n = 0;
    for (size_t i = 0; i < a->n_stats; i++) {
        const as_statistic *s = a->stats[i];
        char item[80];
        if (strcmp(s->name, "rank") != 0) continue;
        n = s->n;
        if (isnan(s->estimate))
            snprintf(item, sizeof item, "beyond the list for %.20s", s->of);
        else
            snprintf(item, sizeof item, "%.0f for %.20s", s->estimate, s->of);
        as_instrument_list_add(&list, item);
    }
    const char *text = as_instrument_list_end(&list, err);
    bool ok = text && as_leaf_set(a, leaf, AS_SHOWN, "", err,
                                  "components needed: %s (%zu ratios listed)", text, n);
    as_buf_clear(&list.text);
    return ok;
}

const as_check as_check_evr_ranks = {
    "evr-ranks",
    "components needed for shares of the variance, from published ratios",
    "a rank read off a list that ends before it",
    params,
    measure,
    decide};
