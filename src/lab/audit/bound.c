/* Every value of a column lies inside declared bounds. */
#include <math.h>
#include <string.h>

#include "lab/audit/outcome_internal.h"

static const as_param params[] = {
    {"values", AS_PARAM_COLUMN, NULL, "the values", NULL},
    {"min", AS_PARAM_NUMBER, "", "smallest value allowed", NULL},
    {"max", AS_PARAM_NUMBER, "", "largest value allowed", NULL},
    {"absolute", AS_PARAM_FLAG, "false", "whether sizes are meant, without the sign", NULL},
    {"why", AS_PARAM_TEXT, NULL, "what it means when a value lies outside", NULL},
    {NULL, AS_PARAM_TEXT, NULL, NULL, NULL},
};

static bool emit_extreme(as_audit *a, const char *name, const as_column *c, size_t row, double x,
                         size_t n, as_error *err)
{
    as_statistic *s = as_emit(a, name, "", "over the values present [Bounds]", err);
    if (!s) return false;
    s->n = n;
    s->missing = c->n - n;
    s->estimate = x;
    return as_outcome_detail(a, s, &(as_named){"item", n ? (double)row : NAN}, 1, err);
}

static bool measure(as_audit *a, as_error *err)
{
    const as_column *c = as_arg_column(a, "values");
    bool absolute = as_arg_flag(a, "absolute");
    size_t n = 0, low_at = 0, high_at = 0;
    double low = NAN, high = NAN;
    if (!as_need_kind(a, "values", AS_COLUMN_NUMBER, err)) return false;
    if (!as_arg_of(a, "min")->given && !as_arg_of(a, "max")->given)
        return as_audit_fail(a, "min", err, "found neither min nor max (expected one or both)");
    for (size_t i = 0; i < c->n; i++) {
        double x = absolute ? fabs(c->number[i]) : c->number[i];
        if (isnan(x)) continue;
        if (!n || x < low) low = x, low_at = i;
        if (!n || x > high) high = x, high_at = i;
        n++;
    }
    return emit_extreme(a, "smallest", c, low_at, low, n, err) &&
           emit_extreme(a, "largest", c, high_at, high, n, err);
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    char lo[32] = "", hi[32] = "";
    const as_statistic *small = as_stat_need(a, "smallest", "", err),
                       *large = as_stat_need(a, "largest", "", err);
    if (!small || !large) return false;
    bool has_min = as_arg_of(a, "min")->given, has_max = as_arg_of(a, "max")->given;
    double min = as_arg_number(a, "min"), max = as_arg_number(a, "max");
    if (small->n == 0)
        return as_leaf_set(a, leaf, AS_UNKNOWN, "no values", err,
                           "no value is present (%zu missing).", (size_t)small->missing);
    if (has_min) as_double_text(min, lo);
    if (has_max) as_double_text(max, hi);
    bool inside = !(has_min && small->estimate < min) && !(has_max && large->estimate > max);
    return as_leaf_set(
        a, leaf, inside ? AS_HOLDS : AS_FAILS, inside ? "" : as_arg_text(a, "why"), err,
        "%zu values%s lie between %.4g and %.4g; allowed%s%s%s%s%s (missing %zu).",
        (size_t)small->n, as_arg_flag(a, "absolute") ? ", without sign," : "", small->estimate,
        large->estimate, has_min ? " at least " : "", lo, has_min && has_max ? " and" : "",
        has_max ? " at most " : "", hi, (size_t)small->missing);
}

const as_check as_check_bound = {
    .name = "bound",
    .summary = "does every value lie inside declared bounds?",
    .catches = "one value out of range behind a mean that is in range",
    .params = params,
    .measure = measure,
    .decide = decide,
};
