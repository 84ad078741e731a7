/* A grade of 0 to `top` given to the same items twice: counts, percent of the top grade for all
 * items and for each group, the change, and who moved from which grade to which. */
#include <math.h>

#include "lab/audit/outcome_internal.h"

enum { MAX_TOP = 20 };

static const as_param params[] = {
    {"a", AS_PARAM_COLUMN, NULL, "grade before, 0 to top", NULL},
    {"b", AS_PARAM_COLUMN, NULL, "grade after, 0 to top", NULL},
    {"group", AS_PARAM_COLUMN, "", "kind of item, to be reported apart", NULL},
    {"top", AS_PARAM_SIZE, "2", "highest grade, 1 to 20", NULL},
    {"expect", AS_PARAM_CHOICE, "nonzero", "the sign b - a should have",
     "positive|negative|nonzero"},
    {"margin", AS_PARAM_NUMBER, "", "largest change, in percent points, that counts as none", NULL},
    {NULL, AS_PARAM_TEXT, NULL, NULL, NULL},
};

static bool check_grades(const as_audit *a, const char *param, as_error *err)
{
    double top = as_arg_number(a, "top");
    if (!as_need_kind(a, param, AS_COLUMN_NUMBER, err)) return false;
    const as_column *c = as_arg_column(a, param);
    for (size_t i = 0; i < c->n; i++) {
        double x = c->number[i];
        if (!isnan(x) && (x < 0 || x > top || x != floor(x)))
            return as_audit_fail(a, param, err, "item %zu (found %g, expected a whole 0 to %g)", i,
                                 x, top);
    }
    return true;
}

/* count [a=0] .. [a=top] over all items that have a grade. */
static bool emit_counts(as_audit *a, const char *param, as_error *err)
{
    const as_column *c = as_arg_column(a, param);
    size_t top = as_arg_size(a, "top"), count[MAX_TOP + 1] = {0}, n = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (isnan(c->number[i])) continue;
        count[(size_t)c->number[i]]++;
        n++;
    }
    for (size_t g = 0; g <= top; g++) {
        const char *of = as_of_number(a, param, (double)g, err);
        if (!of || !as_outcome_count(a, "count", of, "count of items [Ordinal change]", count[g], n,
                                     c->n - n, err))
            return false;
    }
    return true;
}

/* sum / (top * n) * 100 over the items of one group (id NULL: all) that have a grade in column c.
 */
static as_statistic *emit_percent(as_audit *a, const char *name, const char *of, const as_column *c,
                                  const size_t *id, size_t group, as_error *err)
{
    double unit = 100 / as_arg_number(a, "top"), *x;
    size_t n = 0, missing = 0;
    x = as_arena_push(a->arena, c->n, sizeof *x, err);
    if (!x) return NULL;
    for (size_t i = 0; i < c->n; i++) {
        if (id && id[i] != group) continue;
        if (isnan(c->number[i]))
            missing++;
        else
            x[n++] = unit * c->number[i];
    }
    return as_outcome_mean(a, name, of, "percent of the top grade [Ordinal change]", x, NULL, n,
                           missing, err);
}

/* Group of every row of column c; n (no such group) for rows without one. */
static bool group_rows(as_audit *a, const as_column *c, as_groups *groups, const size_t **id,
                       as_error *err)
{
    const size_t *rows;
    size_t n, *full = as_arena_push(a->arena, c->n, sizeof *full, err);
    if (!full || !as_complete_rows(a, &c, 1, &rows, &n, err)) return false;
    if (!as_outcome_groups(a, c, rows, n, groups, err)) return false;
    for (size_t i = 0; i < c->n; i++) full[i] = groups->n;
    for (size_t i = 0; i < n; i++) full[rows[i]] = groups->id[i];
    *id = full;
    return true;
}

static double standard_error(const as_statistic *s)
{
    return as_stat_detail(s, "/sd") / sqrt((double)s->n);
}

static bool emit_percents(as_audit *a, const char *name, const char *contrast, const as_column *c,
                          const as_groups *groups, const size_t *id, as_error *err)
{
    const as_statistic *first = NULL, *second = NULL;
    if (!emit_percent(a, name, "all", c, NULL, 0, err)) return false;
    for (size_t g = 0; g < groups->n; g++) {
        first = second;
        second = emit_percent(a, name, groups->name[g], c, id, g, err);
        if (!second) return false;
    }
    if (groups->n != 2) return true;
    const char *of = as_arena_printf(a->arena, err, "%s - %s", first->of, second->of);
    if (!of) return false;
    as_statistic *s = as_emit(a, contrast, of,
                              "percent of one group less that of the other [Ordinal change]", err);
    if (!s) return false;
    s->estimate = first->estimate - second->estimate;
    s->n = first->n + second->n;
    s->missing = first->missing + second->missing;
    double se = hypot(standard_error(first), standard_error(second));
    as_stat_interval(s, as_normal_interval(s->estimate, se, AS_LEVEL), AS_LEVEL,
                     "normal, groups independent");
    return as_outcome_detail(a, s, &(as_named){"se", se}, 1, err);
}

/* The pairs on the percent scale. */
static bool scale_pairs(as_audit *a, const as_pairs *from, as_pairs *to, as_error *err)
{
    double unit = 100 / as_arg_number(a, "top");
    double *x = as_arena_push(a->arena, from->n, sizeof *x, err);
    double *y = as_arena_push(a->arena, from->n, sizeof *y, err);
    if (!x || !y) return false;
    for (size_t i = 0; i < from->n; i++) {
        x[i] = unit * from->a[i];
        y[i] = unit * from->b[i];
    }
    *to = *from;
    to->a = x;
    to->b = y;
    return true;
}

static bool emit_changes(as_audit *a, const as_pairs *pairs, as_error *err)
{
    static const char method[] = "percent points, sign-flip permutation [Ordinal change]";
    const as_column *group = as_arg_column(a, "group");
    as_groups groups;
    const as_pairs *split;
    as_pairs scaled;
    size_t ungrouped;
    if (!scale_pairs(a, pairs, &scaled, err)) return false;
    if (!as_outcome_change(a, "change", "all", method, &scaled, AS_CHANGE_BY_BOOTSTRAP, err))
        return false;
    if (!group) return true;
    if (!as_outcome_split(a, &scaled, group, &groups, &split, &ungrouped, err)) return false;
    for (size_t g = 0; g < groups.n; g++)
        if (!as_outcome_change(a, "change", groups.name[g], method, &split[g],
                               AS_CHANGE_BY_BOOTSTRAP, err))
            return false;
    return true;
}

static bool emit_transitions(as_audit *a, const as_pairs *pairs, as_error *err)
{
    size_t side = as_arg_size(a, "top") + 1, count[(MAX_TOP + 1) * (MAX_TOP + 1)] = {0};
    for (size_t i = 0; i < pairs->n; i++) count[(size_t)pairs->a[i] * side + (size_t)pairs->b[i]]++;
    for (size_t i = 0; i < side * side; i++) {
        const char *of = as_arena_printf(a->arena, err, "%zu->%zu", i / side, i % side);
        if (!of || !as_outcome_count(a, "transition", of, "count of pairs [Ordinal change]",
                                     count[i], pairs->n, pairs->missing, err))
            return false;
    }
    return true;
}

static bool measure(as_audit *a, as_error *err)
{
    as_pairs pairs;
    as_groups groups = {0};
    const size_t *id = NULL;
    const as_column *group = as_arg_column(a, "group");
    size_t top = as_arg_size(a, "top");
    if (top < 1 || top > MAX_TOP)
        return as_audit_fail(a, "top", err, "grade (found %zu, expected 1 to %d)", top, MAX_TOP);
    if (!check_grades(a, "a", err) || !check_grades(a, "b", err)) return false;
    if (!as_need_same_rows(a, "a", "group", err)) return false;
    if (!as_outcome_pairs(a, false, &pairs, err)) return false;
    if (group && !group_rows(a, group, &groups, &id, err)) return false;
    return emit_counts(a, "a", err) && emit_counts(a, "b", err) &&
           emit_percents(a, "percent_a", "discrimination_a", pairs.column_a, &groups, id, err) &&
           emit_percents(a, "percent_b", "discrimination_b", pairs.column_b, &groups, id, err) &&
           emit_changes(a, &pairs, err) && emit_transitions(a, &pairs, err);
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    const as_statistic *s = as_stat_need(a, "change", "all", err);
    const as_statistic *before = as_stat_need(a, "percent_a", "all", err);
    const as_statistic *after = as_stat_need(a, "percent_b", "all", err);
    if (!s || !before || !after) return false;
    const char *what = as_arena_printf(
        a->arena, err,
        "%.2f %% to %.2f %% of the top grade (%.0f up, %.0f down, %.0f same), change",
        before->estimate, after->estimate, as_stat_detail(s, "/moved_up"),
        as_stat_detail(s, "/moved_down"), as_stat_detail(s, "/unchanged"));
    return what && as_outcome_effect_leaf(a, leaf, s, as_arg_text(a, "expect"),
                                          as_outcome_margin(a), what, err);
}

const as_check as_check_ordinal_change = {
    .name = "ordinal-change",
    .summary = "did the grades of the same items change, and in which group?",
    .catches = "a total that hides where the change came from",
    .params = params,
    .measure = measure,
    .decide = decide,
};
