/* A rate that is near its ceiling in every arm cannot tell the arms apart. */
#include <math.h>
#include <string.h>

#include "lab/audit/outcome_internal.h"
#include "lab/stats/paired.h"

static const as_param params[] = {
    {"rates", AS_PARAM_NUMBERS, "", "published rates", NULL},
    {"a", AS_PARAM_COLUMN, "", "values of one arm, averaged", NULL},
    {"b", AS_PARAM_COLUMN, "", "values of the other arm, averaged", NULL},
    {"ceiling", AS_PARAM_NUMBER, "0.9", "rate from which a measure is saturated", "0 to 1"},
    {"scale", AS_PARAM_NUMBER, "1", "what the rates are given in: 100 for percent", NULL},
    {NULL, AS_PARAM_TEXT, NULL, NULL, NULL},
};

static bool need_rate(const as_audit *a, const char *param, double x, as_error *err)
{
    if (x >= 0 && x <= 1) return true;
    return as_audit_fail(a, param, err, "rate (found %g, expected 0 to 1; see scale)", x);
}

static bool emit_published(as_audit *a, size_t i, double x, as_error *err)
{
    const char *of = as_arena_printf(a->arena, err, "%zu", i + 1);
    as_statistic *s = of ? as_emit(a, "rate", of, "as published [Saturation]", err) : NULL;
    if (!s) return false;
    s->estimate = x;
    return need_rate(a, "rates", x, err);
}

static bool emit_column(as_audit *a, const char *param, double scale, as_error *err)
{
    const as_column *c = as_arg_column(a, param);
    size_t n = 0, ones = 0;
    bool binary = true;
    if (!as_need_kind(a, param, AS_COLUMN_NUMBER, err)) return false;
    double *x = as_arena_push(a->arena, c->n, sizeof *x, err);
    if (!x) return false;
    for (size_t i = 0; i < c->n; i++) {
        if (isnan(c->number[i])) continue;
        x[n] = c->number[i] / scale;
        if (!need_rate(a, param, x[n], err)) return false;
        binary = binary && (x[n] == 0 || x[n] == 1);
        ones += x[n++] == 1;
    }
    if (binary && n > 1) return as_outcome_rate(a, "rate", param, ones, n, c->n - n, err);
    as_statistic *s = as_emit(a, "rate", param, "mean of the items [Saturation]", err);
    if (!s) return false;
    as_estimate mean = as_paired_mean(x, NULL, n, AS_LEVEL);
    s->n = n;
    s->missing = c->n - n;
    if (n) s->estimate = mean.estimate;
    as_stat_interval(s, mean.interval, AS_LEVEL, "Student's t");
    return true;
}

static bool measure(as_audit *a, as_error *err)
{
    const as_arg *rates = as_arg_of(a, "rates");
    bool has_a = as_arg_of(a, "a")->given, has_b = as_arg_of(a, "b")->given;
    double scale = as_arg_number(a, "scale");
    if (!(scale > 0)) return as_audit_fail(a, "scale", err, "found %g, expected above 0", scale);
    if (!rates->given && !has_a && !has_b)
        return as_audit_fail(a, "rates", err, "found neither rates nor columns (expected some)");
    for (size_t i = 0; i < rates->n; i++)
        if (!emit_published(a, i, rates->number[i] / scale, err)) return false;
    return (!has_a || emit_column(a, "a", scale, err)) &&
           (!has_b || emit_column(a, "b", scale, err));
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    double ceiling = as_arg_number(a, "ceiling"), smallest = INFINITY;
    as_buf list = {0};
    bool ok = false, known = a->n_stats > 0;
    for (size_t i = 0; i < a->n_stats; i++) {
        const as_statistic *s = a->stats[i];
        as_buf_printf(&list, "%s%.3f", i ? ", " : "", s->estimate);
        if (s->n > 1) as_buf_printf(&list, " (n = %zu)", (size_t)s->n);
        if (isnan(s->estimate))
            known = false;
        else
            smallest = fmin(smallest, s->estimate);
    }
    bool full = known && smallest >= ceiling;
    if (as_buf_ok(&list, err))
        ok = as_leaf_set(a, leaf,
                         !known ? AS_UNKNOWN
                         : full ? AS_FAILS
                                : AS_HOLDS,
                         !known ? "no values"
                         : full ? "saturated"
                                : "",
                         err, "rates %s; %s the ceiling of %g.", as_buf_text(&list),
                         !known ? "not all are known, so nothing can be said of"
                         : full ? "every one is at or above"
                                : "not all reach",
                         ceiling);
    as_buf_clear(&list);
    return ok;
}

const as_check as_check_saturation = {
    .name = "saturation",
    .summary = "is a rate at its ceiling in every arm?",
    .catches = "\"no loss\" read from a measure that could not have shown one",
    .params = params,
    .measure = measure,
    .decide = decide,
};
