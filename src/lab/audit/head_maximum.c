/* head-maximum: is the strongest of many heads stronger than the strongest when labels mean
 * nothing? Here the heads' numbers are at hand, item by item, so labels are shuffled and the
 * maximum is taken anew; what heads share stays shared, which independent noise cannot imitate. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/audit/rows_internal.h"
#include "lab/stats/attribution.h"

#define TOP 10
#define MIN_COHORT 20
#define NO_EVIDENCE 0.2 /* a p above it is what noise gives */

static const as_param params[] = {
    {"heads", AS_PARAM_COLUMN, NULL, "one number for each head, a row for each item", NULL},
    {"label", AS_PARAM_COLUMN, NULL, "0 or 1 for each item: the cohort", NULL},
    {"only", AS_PARAM_COLUMNS, "", "columns of 0 and 1; items that are 1 in all of them count",
     NULL},
    {"sided", AS_PARAM_CHOICE, "signed", "is the largest d sought or the largest |d|",
     "signed|absolute"},
    AS_PROBE_PARAMS_END,
};

static bool is_absolute(const as_audit *a)
{
    return strcmp(as_arg_text(a, "sided"), "absolute") == 0;
}

/* The strongest heads, and how the effects lie as a whole. */
static json_t *top_heads(const double *d, const size_t *order, size_t heads, size_t n_left)
{
    double sum = 0;
    size_t n_positive = 0;
    json_t *detail = json_object(), *top = json_array();
    for (size_t h = 0; h < heads; h++) {
        sum += d[h];
        n_positive += d[h] > 0;
    }
    for (size_t i = 0; i < heads && i < TOP; i++) {
        json_t *one = json_object();
        as_json_put_size(&one, "head", order[i]);
        as_json_put_real(&one, "d", d[order[i]]);
        as_json_append(&top, one);
    }
    as_json_put_size(&detail, "heads", heads);
    as_json_put(&detail, "top", top);
    as_json_put_size(&detail, "n_positive", n_positive);
    as_json_put_real(&detail, "mean_d", sum / (double)heads);
    as_json_put_size(&detail, "n_left_out", n_left);
    return detail;
}

static bool emit_maximum(as_audit *a, const as_probe_rows *r, size_t n_left, as_error *err)
{
    bool ok = false, absolute = is_absolute(a);
    as_attribution best;
    as_resample how = {a->permutations, 0, "heads/maximum", a->pool};
    double *d = as_new(r->d, sizeof *d, err), *null = as_new(a->permutations, sizeof *null, err);
    size_t *order = as_new(r->d, sizeof *order, err);
    if (!d || !null || !order || !as_probe_seed(a, "shuffled labels", &how.seed, err)) goto out;
    if (!as_attribution_of(&best, d, order, null, r->x, r->n, r->d, r->y,
                           absolute ? AS_EFFECT_ABSOLUTE : AS_EFFECT_SIGNED, &how, err))
        goto out;
    as_statistic *s =
        as_emit(a, "maximum", "",
                absolute ? "largest |d| over heads; one-sided p, labels shuffled [Head maximum]"
                         : "largest d over heads; one-sided p, labels shuffled [Head maximum]",
                err);
    if (!s || !as_probe_null(s, null, a->permutations, err)) goto out;
    s->estimate = best.maximum;
    s->n = r->n;
    s->missing = r->n_missing;
    s->p = best.p;
    ok = as_emit_detail(a, s, top_heads(d, order, r->d, n_left), err);
out:
    free(d);
    free(null);
    free(order);
    return ok;
}

static bool measure(as_audit *a, as_error *err)
{
    as_probe_rows r;
    size_t n_left;
    if (!as_probe_rows_load(&r, a, "heads", "label", err)) return false;
    bool ok = as_rows_only(&r, &n_left, a, "only", err) &&
              as_probe_emit_rate(a, "positive_rate", "", r.n_pos, r.n, r.n_missing, err) &&
              (as_probe_smaller_class(&r) == 0 || emit_maximum(a, &r, n_left, err));
    as_probe_rows_clear(&r);
    return ok;
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    const as_statistic *s = as_stat_find(a, "maximum", ""),
                       *rate = as_stat_need(a, "positive_rate", "", err);
    if (!rate) return false;
    double n_pos = as_stat_detail(rate, "/n_pos"), n_neg = as_stat_detail(rate, "/n_neg");
    bool enough = n_pos >= MIN_COHORT && n_neg >= MIN_COHORT;
    if (!s)
        return as_leaf_set(a, leaf, AS_UNKNOWN, "cells too small", err,
                           "The cohorts have %.0f and %.0f items: nothing to compare.", n_pos,
                           n_neg);
    as_outcome outcome = s->p <= a->alpha               ? AS_HOLDS
                         : enough && s->p > NO_EVIDENCE ? AS_FAILS
                                                        : AS_UNKNOWN;
    const char *cause = outcome == AS_HOLDS   ? ""
                        : outcome == AS_FAILS ? "noise"
                        : enough              ? "under-powered"
                                              : "cells too small";
    char p[AS_P_TEXT_SIZE];
    return as_leaf_set(a, leaf, outcome, cause, err,
                       "The largest %s of %.0f heads is %.3f (head %.0f); with labels shuffled the "
                       "largest is %.3f in the median and %.3f to %.3f in nine of ten cases (%s, "
                       "n = %" PRIu64 ", %.0f against %.0f).",
                       is_absolute(a) ? "|d|" : "d", as_stat_detail(s, "/heads"), s->estimate,
                       as_stat_detail(s, "/top/0/head"), s->null_q50, s->null_q05, s->null_q95,
                       as_p_text(s->p, p), s->n, n_pos, n_neg);
}

const as_check as_check_head_maximum = {
    .name = "head-maximum",
    .summary = "the strongest of many heads against the strongest under shuffled labels",
    .catches = "the best of hundreds of heads reported without a null",
    .params = params,
    .measure = measure,
    .decide = decide,
};
