/* A score of the same items before and after: the mean change, a permutation test that needs no
 * normal distribution, and how many items moved which way. */
#include "lab/audit/outcome_internal.h"

static const as_param params[] = {
    {"a", AS_PARAM_COLUMN, NULL, "score before", NULL},
    {"b", AS_PARAM_COLUMN, NULL, "score after", NULL},
    {"key_a", AS_PARAM_COLUMN, "", "key of each item of a; without keys rows are matched in order",
     NULL},
    {"key_b", AS_PARAM_COLUMN, "", "key of each item of b", NULL},
    {"expect", AS_PARAM_CHOICE, "nonzero", "the sign b - a should have",
     "positive|negative|nonzero"},
    {"margin", AS_PARAM_NUMBER, "", "largest change that counts as none", NULL},
    {NULL, AS_PARAM_TEXT, NULL, NULL, NULL},
};

static bool measure(as_audit *a, as_error *err)
{
    as_pairs pairs;
    if (!as_outcome_pairs(a, true, &pairs, err)) return false;
    return as_outcome_mean(a, "mean_a", "", "mean over pairs [Paired change]", pairs.a, NULL,
                           pairs.n, pairs.missing, err) &&
           as_outcome_mean(a, "mean_b", "", "mean over pairs [Paired change]", pairs.b, NULL,
                           pairs.n, pairs.missing, err) &&
           as_outcome_change(a, "change", "",
                             "mean of b - a, sign-flip permutation [Paired change]", &pairs,
                             AS_CHANGE_BY_T, err);
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    const as_statistic *s = as_stat_need(a, "change", "", err);
    const as_statistic *before = as_stat_need(a, "mean_a", "", err);
    const as_statistic *after = as_stat_need(a, "mean_b", "", err);
    if (!s || !before || !after) return false;
    const char *what =
        as_arena_printf(a->arena, err, "mean %.3f to %.3f (%.0f up, %.0f down, %.0f same), change",
                        before->estimate, after->estimate, as_stat_detail(s, "/moved_up"),
                        as_stat_detail(s, "/moved_down"), as_stat_detail(s, "/unchanged"));
    return what && as_outcome_effect_leaf(a, leaf, s, as_arg_text(a, "expect"),
                                          as_outcome_margin(a), what, err);
}

const as_check as_check_paired_change = {
    .name = "paired-change",
    .summary = "did the mean score of the same items change?",
    .catches = "a change of two means read without the spread of the items' own changes",
    .params = params,
    .measure = measure,
    .decide = decide,
};
