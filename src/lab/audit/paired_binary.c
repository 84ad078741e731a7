/* Two arms answering the same items, right or wrong: the items on which they differ carry all the
 * evidence. Exact McNemar test, Newcombe's paired interval, and the smallest difference this many
 * items could have shown. */
#include <math.h>
#include <stdio.h>

#include "lab/audit/outcome_internal.h"
#include "lab/stats/equivalence.h"
#include "lab/stats/paired.h"
#include "lab/stats/power.h"

static const as_param params[] = {
    {"a", AS_PARAM_COLUMN, NULL, "first arm, 0 or 1", NULL},
    {"b", AS_PARAM_COLUMN, NULL, "second arm, 0 or 1", NULL},
    {"key_a", AS_PARAM_COLUMN, "", "key of each item of a; without keys rows are matched in order",
     NULL},
    {"key_b", AS_PARAM_COLUMN, "", "key of each item of b", NULL},
    {"margin", AS_PARAM_NUMBER, "", "largest difference that counts as none", NULL},
    {"expect", AS_PARAM_CHOICE, "nonzero", "the sign b - a should have",
     "positive|negative|nonzero"},
    {NULL, AS_PARAM_TEXT, NULL, NULL, NULL},
};

typedef struct {
    size_t both, only_a, only_b, neither, n, missing;
} contingency;

static contingency count_pairs(const as_pairs *pairs)
{
    contingency t = {.n = pairs->n, .missing = pairs->missing};
    for (size_t i = 0; i < pairs->n; i++) {
        bool a = pairs->a[i] != 0, b = pairs->b[i] != 0;
        t.both += a && b;
        t.only_a += a && !b;
        t.only_b += !a && b;
        t.neither += !a && !b;
    }
    return t;
}

static bool emit_counts(as_audit *a, const contingency *t, as_error *err)
{
    static const char *const of[] = {"only a", "only b", "both", "neither"};
    const size_t count[] = {t->only_a, t->only_b, t->both, t->neither};
    if (!as_outcome_rate(a, "rate_a", "", t->both + t->only_a, t->n, t->missing, err)) return false;
    if (!as_outcome_rate(a, "rate_b", "", t->both + t->only_b, t->n, t->missing, err)) return false;
    for (size_t i = 0; i < 4; i++)
        if (!as_outcome_count(a, "discordant", of[i], "count of pairs [Paired proportions]",
                              count[i], t->n, t->missing, err))
            return false;
    return true;
}

static bool emit_difference(as_audit *a, const contingency *t, as_error *err)
{
    as_statistic *s =
        as_emit(a, "difference", "", "b - a, exact McNemar test [Paired proportions]", err);
    if (!s) return false;
    s->n = t->n;
    s->missing = t->missing;
    if (!t->n) return true;
    s->estimate = ((double)t->only_b - (double)t->only_a) / (double)t->n;
    s->p = as_mcnemar_exact(t->only_b, t->only_a);
    as_stat_interval(s, as_newcombe_paired(t->both, t->only_b, t->only_a, t->neither, AS_LEVEL),
                     AS_LEVEL, "Newcombe paired score");
    as_interval narrow =
        as_newcombe_paired(t->both, t->only_b, t->only_a, t->neither, 1 - 2 * a->alpha);
    const as_named detail[] = {
        {"narrow_lo", narrow.lo}, {"narrow_hi", narrow.hi}, {"narrow_level", 1 - 2 * a->alpha}};
    return as_outcome_detail(a, s, detail, 3, err);
}

static bool emit_detectable(as_audit *a, const contingency *t, as_error *err)
{
    const double power = 0.8;
    as_statistic *s = as_emit(a, "detectable_difference", "",
                              "smallest difference seen with power 0.8 at the observed discordance "
                              "[Paired proportions]",
                              err);
    if (!s) return false;
    double discordance = t->n ? (double)(t->only_a + t->only_b) / (double)t->n : NAN;
    s->n = t->n;
    s->missing = t->missing;
    if (discordance > 0)
        s->estimate = as_mde_paired(discordance, t->n, a->alpha, 2, power, AS_PAIRED_SIMPLE);
    const as_named detail[] = {{"power", power}, {"discordance", discordance}};
    return as_outcome_detail(a, s, detail, 2, err);
}

static bool measure(as_audit *a, as_error *err)
{
    as_pairs pairs;
    if (!as_outcome_binary(a, "a", err) || !as_outcome_binary(a, "b", err)) return false;
    if (!as_outcome_pairs(a, true, &pairs, err)) return false;
    contingency t = count_pairs(&pairs);
    return emit_counts(a, &t, err) && emit_difference(a, &t, err) && emit_detectable(a, &t, err);
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    static const char *const of[] = {"both", "only a", "only b"};
    char text[32] = "undefined";
    size_t n[3];
    const as_statistic *s = as_stat_need(a, "difference", "", err);
    const as_statistic *see = as_stat_need(a, "detectable_difference", "", err);
    if (!s || !see) return false;
    for (size_t i = 0; i < 3; i++) {
        const as_statistic *count = as_stat_need(a, "discordant", of[i], err);
        if (!count) return false;
        n[i] = (size_t)count->estimate;
    }
    if (!isnan(see->estimate)) snprintf(text, sizeof text, "%.3f", see->estimate);
    const char *first = as_outcome_arm(a, "a"), *second = as_outcome_arm(a, "b");
    const char *what =
        as_arena_printf(a->arena, err,
                        "%s is right on %zu items and %s on %zu (%zu only %s, %zu "
                        "only %s; 80 %% power to see %s); difference",
                        first, n[0] + n[1], second, n[0] + n[2], n[2], second, n[1], first, text);
    return what && as_outcome_effect_leaf(a, leaf, s, as_arg_text(a, "expect"),
                                          as_outcome_margin(a), what, err);
}

const as_check as_check_paired_binary = {
    .name = "paired-binary",
    .summary = "do two arms differ on the same right-or-wrong items?",
    .catches = "arms compared as if they had answered different items",
    .params = params,
    .measure = measure,
    .decide = decide,
};
