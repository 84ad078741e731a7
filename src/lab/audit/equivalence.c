/* "Preserved" and "decoupled" are claims of no difference, and a large p is no ground for one. Two
 * one-sided tests of the assertion asymmetry against declared margins are. */
#include <math.h>
#include <string.h>

#include "lab/audit/outcome_internal.h"
#include "lab/stats/equivalence.h"
#include "lab/stats/paired.h"

static const as_param params[] = {
    AS_OUTCOME_PARAMS,
    {"margin", AS_PARAM_NUMBER, "0.10", "largest asymmetry that counts as none", "0 to 1"},
    {"also", AS_PARAM_NUMBERS, "0.15", "further margins to report", "0 to 1"},
    {NULL, AS_PARAM_TEXT, NULL, NULL, NULL},
};

/* The asymmetry with the standard error the tests use. Samples of one cluster repeat each other, so
 * with clusters it is that of the bootstrap over clusters. */
typedef struct {
    const as_outcomes *o;
    double estimate, se;
    const char *method, *interval;
    as_interval range; /* 1 - 2 alpha */
} asymmetry;

static bool find_asymmetry(as_audit *a, const as_outcomes *o, asymmetry *out, as_error *err)
{
    as_bootstrap boot;
    size_t wrong = o->cw + o->hw, correct = o->cr + o->hr;
    as_estimate z = as_two_proportions(o->cw, wrong, o->cr, correct, AS_LEVEL);
    *out = (asymmetry){
        o, z.estimate, z.se, "unpooled standard error", "normal, unpooled", as_interval_none()};
    if (!o->cluster.n && out->se == 0) { /* where nothing varies only a score interval says more */
        out->interval = "Newcombe";
        out->range = as_newcombe_difference(o->cw, wrong, o->cr, correct, 1 - 2 * a->alpha);
    } else if (out->se > 0) {
        out->range = as_normal_interval(z.estimate, z.se, 1 - 2 * a->alpha);
    }
    if (!o->cluster.n) return true;
    if (!as_outcome_asymmetry_bootstrap(a, "asym", o, &boot, err)) return false;
    out->se = boot.se;
    out->method = "standard error of the bootstrap over clusters";
    out->interval = "normal, bootstrap over clusters";
    out->range = out->se > 0 ? as_normal_interval(z.estimate, out->se, 1 - 2 * a->alpha)
                             : as_interval_none();
    return true;
}

static as_statistic *emit(as_audit *a, const char *name, const char *of, const char *what,
                          const asymmetry *x, as_error *err)
{
    const char *method = as_arena_printf(a->arena, err, "%s, %s [Equivalence]", what, x->method);
    as_statistic *s = method ? as_emit(a, name, of, method, err) : NULL;
    if (!s) return NULL;
    s->n = x->o->n;
    s->missing = x->o->missing;
    s->estimate = x->estimate;
    if (!isnan(x->range.lo)) as_stat_interval(s, x->range, 1 - 2 * a->alpha, x->interval);
    return s;
}

static bool emit_asymmetry(as_audit *a, const asymmetry *x, as_error *err)
{
    as_statistic *s = emit(a, "asym", "", "P(assert | wrong) - P(assert | correct)", x, err);
    return s && as_outcome_detail(a, s, &(as_named){"se", x->se}, 1, err);
}

static bool emit_tost(as_audit *a, const asymmetry *x, double margin, as_error *err)
{
    const as_outcomes *o = x->o;
    size_t wrong = o->cw + o->hw, correct = o->cr + o->hr;
    const char *of = as_of_number(a, "margin", margin, err);
    as_statistic *s =
        of ? emit(a, "tost", of, "the larger p of two one-sided z tests", x, err) : NULL;
    if (!s) return false;
    as_equivalence e = as_tost(x->estimate, x->se, INFINITY, o->n, -margin, margin, a->alpha);
    as_equivalence score = as_equivalent_score(o->cw, wrong, o->cr, correct, margin, a->alpha);
    s->p = e.p;
    /* the score interval counts items, so it has no say when they come in clusters */
    if (o->cluster.n) score.interval = as_interval_none();
    const as_named detail[] = {{"margin", margin},
                               {"p_lower", e.p_lo},
                               {"p_upper", e.p_hi},
                               {"score_lo", score.interval.lo},
                               {"score_hi", score.interval.hi}};
    return as_outcome_detail(a, s, detail, sizeof detail / sizeof *detail, err);
}

static bool need_margin(const as_audit *a, const char *param, double x, as_error *err)
{
    if (x > 0 && x < 1) return true;
    return as_audit_fail(a, param, err, "margin (found %g, expected above 0 and below 1)", x);
}

static bool measure(as_audit *a, as_error *err)
{
    as_outcomes o;
    asymmetry x;
    double margin = as_arg_number(a, "margin");
    const as_arg *also = as_arg_of(a, "also");
    if (!need_margin(a, "margin", margin, err)) return false;
    for (size_t i = 0; i < also->n; i++)
        if (!need_margin(a, "also", also->number[i], err)) return false;
    if (!as_outcome_read(a, &o, err)) return false;
    if (!find_asymmetry(a, &o, &x, err)) return false;
    if (!emit_asymmetry(a, &x, err) || !emit_tost(a, &x, margin, err)) return false;
    for (size_t i = 0; i < also->n; i++)
        if (also->number[i] != margin && !emit_tost(a, &x, also->number[i], err)) return false;
    return true;
}

/* By the tests; where nothing varies and they have no p, by the interval lying strictly inside. */
static bool is_equivalent(const as_audit *a, const as_statistic *tost)
{
    const double margin = as_stat_detail(tost, "/margin");
    return isnan(tost->p) ? tost->lo > -margin && tost->hi < margin : tost->p < a->alpha;
}

/* "; LEAD +-0.15 (p = 0.008), ...": the margins at which the tests say equivalent, or do not;
 * nothing when there are none. */
static void list_margins(const as_audit *a, const char *lead, bool equivalent, as_buf *out)
{
    char digits[32], p[AS_P_TEXT_SIZE];
    const char *join = lead;
    for (size_t i = 0; i < a->n_stats; i++) {
        const as_statistic *s = a->stats[i];
        if (strcmp(s->name, "tost") != 0 || is_equivalent(a, s) != equivalent) continue;
        as_buf_printf(out, "%s +-%s", join, as_double_text(as_stat_detail(s, "/margin"), digits));
        if (!isnan(s->p)) as_buf_printf(out, " (%s)", as_p_text(s->p, p));
        join = ",";
    }
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    as_buf margins = {0};
    double margin = as_arg_number(a, "margin");
    const as_statistic *s = as_stat_need(a, "asym", "", err);
    const as_statistic *first = s ? as_stat_find(a, "tost", NULL) : NULL;
    as_outcome outcome = AS_UNKNOWN;
    const char *cause = "equivalence not shown";
    bool ok = false;
    if (!s) return false;
    if (!first || isnan(s->estimate))
        return as_leaf_set(a, leaf, AS_UNKNOWN, cause, err,
                           "asymmetry undefined: no correct or no wrong items (n = %zu).",
                           (size_t)s->n);
    if (is_equivalent(a, first)) {
        outcome = AS_HOLDS;
        cause = "";
    } else if (s->lo >= margin || s->hi <= -margin) {
        outcome = AS_FAILS;
        cause = "outside the margin";
    }
    list_margins(a, "; equivalent to zero within", true, &margins);
    list_margins(a, "; not shown within", false, &margins);
    const char *varies = isnan(first->p) ? " exactly (nothing varies)" : "";
    if (!as_buf_ok(&margins, err))
        ok = false;
    else if (isnan(s->lo))
        ok = as_leaf_set(a, leaf, outcome, cause, err, "asymmetry %+.3f%s, no interval, n = %zu%s.",
                         s->estimate, varies, (size_t)s->n, as_buf_text(&margins));
    else
        ok = as_leaf_set(a, leaf, outcome, cause, err,
                         "asymmetry %+.3f%s, %.0f %% interval %.3f to %.3f, n = %zu%s.",
                         s->estimate, varies, 100 * (1 - 2 * a->alpha), s->lo, s->hi, (size_t)s->n,
                         as_buf_text(&margins));
    as_buf_clear(&margins);
    return ok;
}

const as_check as_check_equivalence = {
    .name = "equivalence",
    .summary = "is the assertion asymmetry shown to be within a margin of zero?",
    .catches =
        "\"preserved\" or \"decoupled\" said of a difference that was merely not significant",
    .params = params,
    .measure = measure,
    .decide = decide,
};
