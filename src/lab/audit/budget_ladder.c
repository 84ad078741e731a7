/* A difference of two arms at a token budget may be a difference in who was cut. The same items at
 * rising budgets: a difference that turns, or goes, when there is room to finish was the budget's.
 */
#include <math.h>
#include <string.h>

#include "lab/audit/arms_internal.h"
#include "lab/stats/paired.h"

static const as_param params[] = {
    {"a", AS_PARAM_COLUMNS, NULL, "score of the first arm, one column a budget", NULL},
    {"b", AS_PARAM_COLUMNS, NULL, "score of the second arm, one column a budget", NULL},
    {"budgets", AS_PARAM_NUMBERS, NULL, "the budgets, ascending", NULL},
    {"claimed", AS_PARAM_NUMBER, NULL, "the budget at which the claim was made", NULL},
    {"expect", AS_PARAM_CHOICE, "nonzero",
     "the sign b - a is claimed to have; nonzero: the one seen at the claimed budget",
     "positive|negative|nonzero"},
    {"cut_a", AS_PARAM_COLUMNS, "", "1 where an answer of a was cut, one column a budget", NULL},
    {"cut_b", AS_PARAM_COLUMNS, "", "the same of b", NULL},
    {"finish_a", AS_PARAM_COLUMN, "", "finish reason of a at the claimed budget; \"length\": cut",
     NULL},
    {"finish_b", AS_PARAM_COLUMN, "", "the same of b", NULL},
    {"cap_share", AS_PARAM_NUMBER, "0.01", "largest share cut at the largest budget", "0 to 1"},
    {"gap", AS_PARAM_NUMBER, "0.02", "largest difference of the cut rates", "0 to 1"},
    {"at_least", AS_PARAM_NUMBER, "0.05", "smallest difference that counts", NULL},
    AS_ARMS_PARAMS,
    {NULL, AS_PARAM_TEXT, NULL, NULL, NULL},
};

/* --- reading ---------------------------------------------------------------------------------- */

/* Place of the claimed budget; the number of budgets when it is not one of them. */
static size_t claimed_place(const as_audit *a)
{
    const as_arg *budgets = as_arg_of(a, "budgets");
    double claimed = as_arg_number(a, "claimed");
    size_t i = 0;
    while (i < budgets->n && budgets->number[i] != claimed) i++;
    return i;
}

static bool need_pair(const as_audit *a, const char *x, const char *y, as_error *err)
{
    if (as_arg_of(a, x)->given == as_arg_of(a, y)->given) return true;
    return as_audit_fail(a, as_arg_of(a, x)->given ? y : x, err, "one arm needs the other");
}

static bool check_params(const as_audit *a, as_error *err)
{
    static const char *const list[] = {"a", "b", "cut_a", "cut_b"};
    const as_arg *budgets = as_arg_of(a, "budgets");
    double at_least = as_arg_number(a, "at_least");
    for (size_t i = 0; i < 4; i++) {
        const as_arg *g = as_arg_of(a, list[i]);
        if (g->given && g->n != budgets->n)
            return as_audit_fail(a, list[i], err,
                                 "columns (found %zu, expected one for each of "
                                 "%zu budgets)",
                                 g->n, budgets->n);
    }
    for (size_t i = 1; i < budgets->n; i++)
        if (!(budgets->number[i] > budgets->number[i - 1]))
            return as_audit_fail(a, "budgets", err, "found %g after %g, expected ascending",
                                 budgets->number[i], budgets->number[i - 1]);
    if (claimed_place(a) == budgets->n)
        return as_audit_fail(a, "claimed", err, "found %g, expected one of the budgets",
                             as_arg_number(a, "claimed"));
    if (!(at_least > 0))
        return as_audit_fail(a, "at_least", err, "found %g, expected above 0", at_least);
    if (as_arg_of(a, "cut_a")->given && as_arg_of(a, "finish_a")->given)
        return as_audit_fail(a, "finish_a", err, "cut_a says it already");
    return need_pair(a, "cut_a", "cut_b", err) && need_pair(a, "finish_a", "finish_b", err);
}

/* --- measuring -------------------------------------------------------------------------------- */

static bool is_binary(const as_arms *m)
{
    for (size_t k = 0; k < m->n_columns; k++)
        for (size_t i = 0; i < m->n; i++)
            if (m->x[k][i] != 0 && m->x[k][i] != 1) return false;
    return true;
}

/* Right or wrong, items on their own: the items on which the arms differ carry the evidence. */
static bool emit_exact(as_audit *a, const char *of, const as_arms *m, const double *x,
                       const double *y, as_error *err)
{
    size_t both = 0, only_a = 0, only_b = 0, n = m->n;
    as_statistic *s =
        as_emit(a, "difference", of, "b - a, exact McNemar test [Budget ladder]", err);
    if (!s) return false;
    for (size_t i = 0; i < n; i++) {
        both += x[i] != 0 && y[i] != 0;
        only_a += x[i] != 0 && y[i] == 0;
        only_b += x[i] == 0 && y[i] != 0;
    }
    s->n = n;
    s->missing = m->missing;
    if (!n) return true;
    size_t neither = n - both - only_a - only_b;
    s->estimate = ((double)only_b - (double)only_a) / (double)n;
    s->p = as_mcnemar_exact(only_b, only_a);
    as_stat_interval(s, as_newcombe_paired(both, only_b, only_a, neither, AS_LEVEL), AS_LEVEL,
                     "Newcombe paired score");
    as_interval narrow = as_newcombe_paired(both, only_b, only_a, neither, 1 - 2 * a->alpha);
    const as_named detail[] = {{"units", (double)n},
                               {"mean_a", (double)(both + only_a) / (double)n},
                               {"mean_b", (double)(both + only_b) / (double)n},
                               {"narrow_lo", narrow.lo},
                               {"narrow_hi", narrow.hi},
                               {"narrow_level", 1 - 2 * a->alpha},
                               {"moved_up", (double)only_b},
                               {"moved_down", (double)only_a}};
    return as_outcome_detail(a, s, detail, sizeof detail / sizeof *detail, err);
}

/* Cut rates of one arm: one for each budget of a ladder, else one for the claimed budget. */
static bool emit_cuts(as_audit *a, const char *name, const char *ladder, const char *finish,
                      as_error *err)
{
    const as_arg *budgets = as_arg_of(a, "budgets");
    bool is_ladder = as_arg_of(a, ladder)->given;
    as_arms_want want = {is_ladder ? ladder : finish, is_ladder ? AS_ARMS_BINARY : AS_ARMS_CUT};
    as_arms m;
    if (!as_arg_of(a, want.param)->given) return true;
    if (!as_arms_read(a, &want, 1, &m, err)) return false;
    for (size_t k = 0; k < m.n_columns; k++) {
        size_t cut = 0, place = is_ladder ? k : claimed_place(a);
        const char *of = as_of_number(a, "budget", budgets->number[place], err);
        for (size_t i = 0; i < m.n; i++) cut += m.x[k][i] != 0;
        if (!of || !as_outcome_rate(a, name, of, cut, m.n, m.missing, err)) return false;
    }
    return true;
}

static bool measure(as_audit *a, as_error *err)
{
    static const as_arms_want want[] = {{"a", AS_ARMS_NUMBER}, {"b", AS_ARMS_NUMBER}};
    const as_arg *budgets = as_arg_of(a, "budgets");
    as_arms m;
    if (!check_params(a, err) || !as_arms_read(a, want, 2, &m, err)) return false;
    bool exact = !m.is_clustered && is_binary(&m);
    for (size_t i = 0; i < budgets->n; i++) {
        const char *of = as_of_number(a, "budget", budgets->number[i], err);
        const double *x = as_arms_values(&m, "a", i), *y = as_arms_values(&m, "b", i);
        if (!of) return false;
        if (exact ? !emit_exact(a, of, &m, x, y, err)
                  : !as_arms_change(a, "difference", of, "Budget ladder", &m, x, y, err))
            return false;
    }
    return emit_cuts(a, "cut_a", "cut_a", "finish_a", err) &&
           emit_cuts(a, "cut_b", "cut_b", "finish_b", err);
}

/* --- decision --------------------------------------------------------------------------------- */

/* What was seen at one budget. */
typedef struct {
    const as_statistic *difference;
    double cut_a, cut_b; /* NaN: not known */
    bool is_seen;        /* the difference is significant */
} rung;

static bool find_rung(const as_audit *a, size_t place, rung *out, as_error *err)
{
    for (size_t i = 0; i < a->n_stats; i++) {
        if (strcmp(a->stats[i]->name, "difference") != 0 || place--) continue;
        const as_statistic *s = a->stats[i];
        const as_statistic *x = as_stat_find(a, "cut_a", s->of),
                           *y = as_stat_find(a, "cut_b", s->of);
        *out =
            (rung){s, x ? x->estimate : NAN, y ? y->estimate : NAN, as_arms_is_significant(a, s)};
        return true;
    }
    return as_stat_need(a, "difference", "of that budget", err) != NULL;
}

/* 0 when there is no sign to speak of. */
static double sign_of(double x)
{
    return (x > 0) - (x < 0);
}

static bool is_budget(const as_audit *a, const rung *at, const rung *top, double sign)
{
    bool survives = top->is_seen && sign_of(top->difference->estimate) == sign;
    if (!at->is_seen || at->difference == top->difference) return false;
    if (top->is_seen && sign_of(top->difference->estimate) != sign_of(at->difference->estimate))
        return true;
    if (as_arms_is_within(top->difference, as_arg_number(a, "at_least"))) return true;
    return fabs(at->cut_a - at->cut_b) > as_arg_number(a, "gap") && !survives;
}

static bool say(const as_audit *a, as_leaf *leaf, as_outcome outcome, const char *cause,
                const rung *at, const rung *top, as_error *err)
{
    char p[2][AS_P_TEXT_SIZE], range[2][AS_ARMS_RANGE_SIZE];
    const as_statistic *x = at->difference, *y = top->difference;
    const char *cuts = "cut rates not known";
    if (!isnan(at->cut_a))
        cuts = as_arena_printf(a->arena, err, "cut %.3f and %.3f", at->cut_a, at->cut_b);
    const char *end = "";
    if (!isnan(top->cut_a))
        end = as_arena_printf(a->arena, err, "; cut %.3f and %.3f", top->cut_a, top->cut_b);
    if (!cuts || !end) return false;
    return as_leaf_set(a, leaf, outcome, cause, err,
                       "b - a is %+.3f at %s, as claimed (95 %% interval %s, %s; %s), and %+.3f at "
                       "%s, the largest (%s, %s%s), n = %zu.",
                       x->estimate, x->of, as_arms_range(x->lo, x->hi, range[0]),
                       as_p_text(x->p, p[0]), cuts, y->estimate, y->of,
                       as_arms_range(y->lo, y->hi, range[1]), as_p_text(y->p, p[1]), end,
                       (size_t)y->n);
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    rung at = {0}, top = {0};
    size_t n = as_arg_of(a, "budgets")->n;
    const char *expect = as_arg_text(a, "expect");
    if (!find_rung(a, claimed_place(a), &at, err) || !find_rung(a, n - 1, &top, err)) return false;
    if (top.difference->n == 0) return as_arms_empty_leaf(a, leaf, top.difference, err);
    double sign = strcmp(expect, "positive") == 0   ? 1
                  : strcmp(expect, "negative") == 0 ? -1
                                                    : sign_of(at.difference->estimate);
    double cap = as_arg_number(a, "cap_share");
    as_outcome outcome = AS_UNKNOWN;
    const char *cause = "under-powered";
    if (is_budget(a, &at, &top, sign)) {
        outcome = AS_FAILS;
        cause = "budget";
    } else if (top.cut_a > cap || top.cut_b > cap) {
        cause = "still cut at the largest budget";
    } else if (at.difference == top.difference && isnan(top.cut_a)) {
        cause = "no longer budget";
    } else if (top.is_seen && sign_of(top.difference->estimate) == sign) {
        outcome = AS_HOLDS;
        cause = "";
    } else if (top.is_seen && strcmp(expect, "nonzero") != 0) {
        outcome = AS_FAILS;
        cause = "opposite sign";
    }
    return say(a, leaf, outcome, cause, &at, &top, err);
}

const as_check as_check_budget_ladder = {
    .name = "budget-ladder",
    .summary = "does the difference of two arms survive a larger token budget?",
    .catches = "a difference in who was cut read as a difference in who was right",
    .params = params,
    .measure = measure,
    .decide = decide,
};
