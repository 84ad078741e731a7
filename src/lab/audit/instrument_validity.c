/* An instrument that should not reward a behaviour where the behaviour is out of place: on the
 * group that must not rise, a rise speaks against the instrument, not for the model. */
#include <math.h>
#include <string.h>

#include "lab/audit/outcome_internal.h"

static const as_param params[] = {
    {"a", AS_PARAM_COLUMN, NULL, "score before", NULL},
    {"b", AS_PARAM_COLUMN, NULL, "score after", NULL},
    {"group", AS_PARAM_COLUMN, NULL, "kind of item", NULL},
    {"must_not_rise", AS_PARAM_TEXT, NULL, "the group whose score should not rise", NULL},
    {NULL, AS_PARAM_TEXT, NULL, NULL, NULL},
};

static bool measure(as_audit *a, as_error *err)
{
    as_pairs pairs;
    as_groups groups;
    const as_pairs *split;
    size_t ungrouped;
    const char *name = as_arg_text(a, "must_not_rise");
    char shown[AS_ESCAPE_SIZE];
    bool found = false;
    if (!as_need_same_rows(a, "a", "group", err)) return false;
    if (!as_outcome_pairs(a, false, &pairs, err)) return false;
    if (!as_outcome_split(a, &pairs, as_arg_column(a, "group"), &groups, &split, &ungrouped, err))
        return false;
    for (size_t g = 0; g < groups.n; g++) found = found || strcmp(groups.name[g], name) == 0;
    if (!found)
        return as_audit_fail(a, "must_not_rise", err, "no item is of the group %s",
                             as_escape(name, strlen(name), shown));
    for (size_t g = 0; g < groups.n; g++)
        if (!as_outcome_change(a, "change", groups.name[g],
                               "mean of b - a, sign-flip permutation [Paired change]", &split[g],
                               AS_CHANGE_BY_T, err))
            return false;
    return true;
}

/* "tricky +0.620" for the other groups. */
static void list_others(const as_audit *a, const char *name, as_buf *out)
{
    for (size_t i = 0; i < a->n_stats; i++) {
        const as_statistic *s = a->stats[i];
        if (strcmp(s->name, "change") != 0 || strcmp(s->of, name) == 0) continue;
        as_buf_puts(out, out->size ? ", " : "; other groups: ");
        as_buf_escape(out, s->of, strlen(s->of));
        as_buf_printf(out, " %+.3f (n = %zu)", s->estimate, (size_t)s->n);
    }
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    char shown[AS_ESCAPE_SIZE], p[AS_P_TEXT_SIZE];
    as_buf others = {0};
    const char *name = as_arg_text(a, "must_not_rise");
    const as_statistic *s = as_stat_need(a, "change", name, err);
    as_outcome outcome = AS_UNKNOWN;
    const char *cause = "under-powered";
    bool ok = false;
    if (!s) return false;
    if (s->estimate > 0 && s->p <= a->alpha) {
        outcome = AS_FAILS;
        cause = "instrument rewards the trained style";
    } else if (s->hi <= 0) {
        outcome = AS_HOLDS;
        cause = "";
    }
    list_others(a, name, &others);
    if (as_buf_ok(&others, err))
        ok = as_leaf_set(a, leaf, outcome, cause, err,
                         "on %s, which should not rise, the score changes by %+.3f, 95 %% interval "
                         "%.3f to %.3f, %s, n = %zu (%.0f up, %.0f down)%s.",
                         as_escape(name, strlen(name), shown), s->estimate, s->lo, s->hi,
                         as_p_text(s->p, p), (size_t)s->n, as_stat_detail(s, "/moved_up"),
                         as_stat_detail(s, "/moved_down"), as_buf_text(&others));
    as_buf_clear(&others);
    return ok;
}

const as_check as_check_instrument_validity = {
    .name = "instrument-validity",
    .summary = "does the score stay down where the behaviour is out of place?",
    .catches = "an instrument that rewards the trained style on every item",
    .params = params,
    .measure = measure,
    .decide = decide,
};
