/* Each axis of a rubric: mean, how many items are high or low, how much the grades vary at all,
 * and which axes move together. Describes; decides nothing. */
#include <math.h>
#include <string.h>

#include "lab/audit/outcome_internal.h"
#include "lab/stats/agreement.h"
#include "lab/stats/paired.h"

static const as_param params[] = {
    {"scores", AS_PARAM_COLUMNS, NULL, "one column an axis", NULL},
    {"high", AS_PARAM_NUMBER, "4", "grades from here on are high", NULL},
    {"low", AS_PARAM_NUMBER, "2", "grades up to here are low", NULL},
    {NULL, AS_PARAM_TEXT, NULL, NULL, NULL},
};

/* The values present, sorted, and how often each distinct one occurs. */
typedef struct {
    const char *of;
    double *value; /* (n) sorted */
    size_t n, missing;
    double *distinct; /* (n_distinct) */
    size_t *count;
    size_t n_distinct;
} axis;

/* The column's name, with its table when another axis has the same one. */
static const char *axis_name(as_audit *a, size_t i, as_error *err)
{
    const as_arg *scores = as_arg_of(a, "scores");
    const as_column *c = scores->column[i];
    for (size_t j = 0; j < scores->n; j++)
        if (j != i && strcmp(scores->column[j]->name, c->name) == 0)
            return as_arena_printf(a->arena, err, "%s.%s", c->table->name, c->name);
    return c->name;
}

static bool read_axis(as_audit *a, size_t i, axis *out, as_error *err)
{
    const as_column *c = as_arg_of(a, "scores")->column[i];
    *out = (axis){.of = axis_name(a, i, err),
                  .value = as_arena_push(a->arena, c->n, sizeof *out->value, err),
                  .distinct = as_arena_push(a->arena, c->n, sizeof *out->distinct, err),
                  .count = as_arena_push(a->arena, c->n, sizeof *out->count, err)};
    if (!out->of || !out->value || !out->distinct || !out->count) return false;
    for (size_t r = 0; r < c->n; r++)
        if (!isnan(c->number[r])) out->value[out->n++] = c->number[r];
    out->missing = c->n - out->n;
    as_sort(out->value, out->n);
    for (size_t r = 0; r < out->n; r++) {
        if (r == 0 || out->value[r] != out->value[r - 1])
            out->distinct[out->n_distinct++] = out->value[r];
        out->count[out->n_distinct - 1]++;
    }
    return true;
}

static bool emit_mean(as_audit *a, const axis *x, as_error *err)
{
    char digits[32];
    as_statistic *s = as_emit(a, "mean", x->of, "mean of the items [Axis summary]", err);
    if (!s) return false;
    as_estimate mean = as_paired_mean(x->value, NULL, x->n, AS_LEVEL);
    s->n = x->n;
    s->missing = x->missing;
    if (x->n) s->estimate = mean.estimate;
    as_stat_interval(s, mean.interval, AS_LEVEL, "Student's t");
    json_t *counts = json_object();
    for (size_t i = 0; counts && i < x->n_distinct; i++)
        if (json_object_set_new(counts, as_double_text(x->distinct[i], digits),
                                json_integer((json_int_t)x->count[i]))) {
            json_decref(counts);
            counts = NULL;
        }
    json_t *detail = counts ? json_object() : NULL;
    if (!detail) {
        json_decref(counts);
        return as_emit_detail(a, s, NULL, err);
    }
    double sd = mean.se * sqrt((double)x->n);
    bool failed = json_object_set_new(detail, "sd", as_json_real(sd)) != 0;
    failed = json_object_set_new(detail, "counts", counts) != 0 || failed;
    if (failed) {
        json_decref(detail);
        detail = NULL;
    }
    return as_emit_detail(a, s, detail, err);
}

static bool emit_spread(as_audit *a, const axis *x, as_error *err)
{
    double high = as_arg_number(a, "high"), low = as_arg_number(a, "low");
    size_t n_high = 0, n_low = 0;
    for (size_t i = 0; i < x->n; i++) {
        n_high += x->value[i] >= high;
        n_low += x->value[i] <= low;
    }
    if (!as_outcome_count(a, "n_high", x->of, "count of items [Axis summary]", n_high, x->n,
                          x->missing, err) ||
        !as_outcome_count(a, "n_low", x->of, "count of items [Axis summary]", n_low, x->n,
                          x->missing, err))
        return false;
    as_statistic *s = as_emit(a, "entropy", x->of, "bits over distinct values [Axis summary]", err);
    if (!s) return false;
    s->n = x->n;
    s->missing = x->missing;
    s->estimate = as_entropy_bits(x->count, x->n_distinct);
    return as_outcome_detail(a, s, &(as_named){"distinct", (double)x->n_distinct}, 1, err);
}

static bool emit_correlation(as_audit *a, const as_column *const pair[2], const char *of,
                             as_error *err)
{
    const size_t *rows;
    size_t n;
    as_statistic *s = as_emit(a, "correlation", of, "Pearson, complete rows [Axis summary]", err);
    if (!s || !as_complete_rows(a, pair, 2, &rows, &n, err)) return false;
    double *x = as_arena_push(a->arena, n, sizeof *x, err);
    double *y = as_arena_push(a->arena, n, sizeof *y, err);
    if (!x || !y) return false;
    for (size_t i = 0; i < n; i++) {
        x[i] = pair[0]->number[rows[i]];
        y[i] = pair[1]->number[rows[i]];
    }
    as_estimate r = as_pearson(x, y, n, AS_LEVEL);
    s->n = n;
    s->missing = pair[0]->n - n;
    s->estimate = r.estimate;
    s->p = r.p;
    as_stat_interval(s, r.interval, AS_LEVEL, "Fisher z");
    return true;
}

static bool measure(as_audit *a, as_error *err)
{
    const as_arg *scores = as_arg_of(a, "scores");
    if (!as_need_kind(a, "scores", AS_COLUMN_NUMBER, err)) return false;
    axis *axes = as_arena_push(a->arena, scores->n, sizeof *axes, err);
    if (!axes) return false;
    for (size_t i = 0; i < scores->n; i++)
        if (!read_axis(a, i, &axes[i], err) || !emit_mean(a, &axes[i], err) ||
            !emit_spread(a, &axes[i], err))
            return false;
    for (size_t i = 0; i < scores->n; i++)
        for (size_t j = i + 1; j < scores->n; j++) {
            const as_column *const pair[2] = {scores->column[i], scores->column[j]};
            if (pair[0]->table != pair[1]->table) continue; /* other items */
            const char *of = as_arena_printf(a->arena, err, "%s~%s", axes[i].of, axes[j].of);
            if (!of || !emit_correlation(a, pair, of, err)) return false;
        }
    return true;
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    as_buf list = {0};
    bool ok = false;
    for (size_t i = 0; i < a->n_stats; i++) {
        const as_statistic *s = a->stats[i];
        if (strcmp(s->name, "mean") != 0) continue;
        const as_statistic *high = as_stat_need(a, "n_high", s->of, err),
                           *low = as_stat_need(a, "n_low", s->of, err);
        if (!high || !low) goto out;
        as_buf_puts(&list, list.size ? "; " : "");
        as_buf_escape(&list, s->of, strlen(s->of));
        as_buf_printf(&list, " %.3f (%.0f high, %.0f low, n = %zu)", s->estimate, high->estimate,
                      low->estimate, (size_t)s->n);
    }
    if (as_buf_ok(&list, err))
        ok = as_leaf_set(a, leaf, AS_SHOWN, "", err, "means: %s.", as_buf_text(&list));
out:
    as_buf_clear(&list);
    return ok;
}

const as_check as_check_axis_summary = {
    .name = "axis-summary",
    .summary = "each rubric axis: mean, spread, and which axes move together",
    .catches = "an axis that everybody passes, or two axes that are one",
    .params = params,
    .measure = measure,
    .decide = decide,
};
