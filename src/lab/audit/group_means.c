/* The mean of a value over all items and over buckets of another column. Describes; decides
 * nothing. */
#include <math.h>
#include <string.h>

#include "lab/audit/outcome_internal.h"
#include "lab/stats/paired.h"

static const as_param params[] = {
    {"value", AS_PARAM_COLUMN, NULL, "what is averaged", NULL},
    {"by", AS_PARAM_COLUMN, "", "what items are grouped by", NULL},
    {"cuts", AS_PARAM_NUMBERS, "",
     "rising bucket borders of a numeric `by`; without them each value "
     "is a group",
     NULL},
    {NULL, AS_PARAM_TEXT, NULL, NULL, NULL},
};

static bool emit_mean(as_audit *a, const char *of, const double *x, size_t n, size_t missing,
                      as_error *err)
{
    as_statistic *s = as_emit(a, "mean", of, "mean of the items [Group means]", err);
    if (!s) return false;
    as_estimate mean = as_paired_mean(x, NULL, n, AS_LEVEL);
    s->n = n;
    s->missing = missing;
    if (n) s->estimate = mean.estimate;
    as_stat_interval(s, as_normal_interval(mean.estimate, mean.se, AS_LEVEL), AS_LEVEL, "normal");
    return as_outcome_detail(a, s, &(as_named){"sd", mean.se * sqrt((double)n)}, 1, err);
}

/* The mean of those of x (n) whose group is g. */
static bool emit_group(as_audit *a, const char *of, const double *x, const size_t *id, size_t n,
                       size_t g, size_t missing, as_error *err)
{
    size_t kept = 0;
    double *y = as_arena_push(a->arena, n, sizeof *y, err);
    if (!y) return false;
    for (size_t i = 0; i < n; i++)
        if (id[i] == g) y[kept++] = x[i];
    return emit_mean(a, of, y, kept, missing, err);
}

/* Name of bucket k of n_cuts + 1: "<0.3", "0.3..0.7", ">=0.7". */
static const char *bucket_name(as_audit *a, const as_arg *cuts, size_t k, as_error *err)
{
    char lo[32], hi[32];
    if (k > 0) as_double_text(cuts->number[k - 1], lo);
    if (k < cuts->n) as_double_text(cuts->number[k], hi);
    if (k == 0) return as_arena_printf(a->arena, err, "<%s", hi);
    if (k == cuts->n) return as_arena_printf(a->arena, err, ">=%s", lo);
    return as_arena_printf(a->arena, err, "%s..%s", lo, hi);
}

static bool emit_buckets(as_audit *a, const double *x, const size_t *rows, size_t n, size_t missing,
                         as_error *err)
{
    const as_arg *cuts = as_arg_of(a, "cuts");
    const as_column *by = as_arg_column(a, "by");
    size_t *id = as_arena_push(a->arena, n, sizeof *id, err);
    if (!id || !as_need_kind(a, "by", AS_COLUMN_NUMBER, err)) return false;
    for (size_t k = 1; k < cuts->n; k++)
        if (!(cuts->number[k] > cuts->number[k - 1]))
            return as_audit_fail(a, "cuts", err, "found %g after %g (expected rising numbers)",
                                 cuts->number[k], cuts->number[k - 1]);
    for (size_t i = 0; i < n; i++)
        while (id[i] < cuts->n && by->number[rows[i]] >= cuts->number[id[i]]) id[i]++;
    for (size_t k = cuts->n + 1; k-- > 0;) {
        const char *of = bucket_name(a, cuts, k, err);
        if (!of || !emit_group(a, of, x, id, n, k, missing, err)) return false;
    }
    return true;
}

static bool emit_values(as_audit *a, const double *x, const size_t *rows, size_t n, size_t missing,
                        as_error *err)
{
    as_groups groups;
    if (!as_outcome_groups(a, as_arg_column(a, "by"), rows, n, &groups, err)) return false;
    for (size_t g = 0; g < groups.n; g++)
        if (!emit_group(a, groups.name[g], x, groups.id, n, g, missing, err)) return false;
    return true;
}

static bool measure(as_audit *a, as_error *err)
{
    const as_column *column[] = {as_arg_column(a, "value"), as_arg_column(a, "by")};
    const size_t *rows;
    size_t n;
    if (!as_need_kind(a, "value", AS_COLUMN_NUMBER, err)) return false;
    if (!as_need_same_rows(a, "value", "by", err)) return false;
    double *x = as_arena_push(a->arena, column[0]->n, sizeof *x, err);
    if (!x) return false;
    for (size_t pass = 1; pass <= (column[1] ? 2 : 1); pass++) {
        if (!as_complete_rows(a, column, pass, &rows, &n, err)) return false;
        for (size_t i = 0; i < n; i++) x[i] = column[0]->number[rows[i]];
        if (pass == 1 && !emit_mean(a, "all", x, n, column[0]->n - n, err)) return false;
    }
    if (!column[1]) return true;
    return as_arg_of(a, "cuts")->given ? emit_buckets(a, x, rows, n, column[0]->n - n, err)
                                       : emit_values(a, x, rows, n, column[0]->n - n, err);
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    as_buf list = {0};
    bool ok = false;
    for (size_t i = 0; i < a->n_stats; i++) {
        const as_statistic *s = a->stats[i];
        as_buf_puts(&list, i ? "; " : "");
        as_buf_escape(&list, s->of, strlen(s->of));
        as_buf_printf(&list, " %.6g (n = %zu)", s->estimate, (size_t)s->n);
    }
    if (as_buf_ok(&list, err))
        ok = as_leaf_set(a, leaf, AS_SHOWN, "", err, "mean: %s.", as_buf_text(&list));
    as_buf_clear(&list);
    return ok;
}

const as_check as_check_group_means = {
    .name = "group-means",
    .summary = "the mean of a value, for all items and by group",
    .catches = "a token mean taken for an item mean, or a bucket of a few for a finding",
    .params = params,
    .measure = measure,
    .decide = decide,
};
