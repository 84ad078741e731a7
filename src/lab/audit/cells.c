/* The 2x2 of correct by asserted, every rate that is read from it, and the assertion asymmetry
 * P(assert | wrong) - P(assert | correct) with an interval and a test. Negative is the calibrated
 * direction. With clusters (several samples of one prompt) also what pairs and best-of-N choices
 * the samples would yield. */
#include <math.h>
#include <string.h>

#include "lab/audit/outcome_internal.h"
#include "lab/stats/paired.h"

static const as_param params[] = {
    AS_OUTCOME_PARAMS,
    {"expect", AS_PARAM_CHOICE, "negative", "the sign the asymmetry should have",
     "negative|positive|nonzero"},
    {NULL, AS_PARAM_TEXT, NULL, NULL, NULL},
};

static const char *const cell_name[] = {"cr", "hr", "cw", "hw"}; /* by as_cell */

static bool emit_counts(as_audit *a, const as_outcomes *o, as_error *err)
{
    const size_t count[] = {o->cr, o->hr, o->cw, o->hw};
    for (size_t i = 0; i < 4; i++)
        if (!as_outcome_count(a, "cell", cell_name[i], "count of items [Cells]", count[i], o->n,
                              o->missing, err))
            return false;
    return true;
}

static bool emit_rates(as_audit *a, const as_outcomes *o, as_error *err)
{
    size_t correct = o->cr + o->hr, wrong = o->cw + o->hw, asserted = o->cr + o->cw;
    const struct {
        const char *name;
        size_t k, n;
    } rate[] = {
        {"accuracy", correct, o->n},          {"assertion_rate", asserted, o->n},
        {"hallucination_rate", o->cw, wrong}, {"over_hedging_rate", o->hr, correct},
        {"p_assert_correct", o->cr, correct}, {"p_assert_wrong", o->cw, wrong},
    };
    for (size_t i = 0; i < sizeof rate / sizeof *rate; i++)
        if (!as_outcome_rate(a, rate[i].name, "", rate[i].k, rate[i].n, o->missing, err))
            return false;
    return true;
}

static bool emit_asymmetry(as_audit *a, const as_outcomes *o, as_error *err)
{
    as_bootstrap boot;
    size_t correct = o->cr + o->hr, wrong = o->cw + o->hw;
    as_statistic *s = as_emit(a, "asym", "",
                              "P(assert | wrong) - P(assert | correct), Fisher's exact test "
                              "[Assertion asymmetry]",
                              err);
    if (!s) return false;
    s->n = o->n;
    s->missing = o->missing;
    if (!correct || !wrong) return true;
    as_estimate z = as_two_proportions(o->cw, wrong, o->cr, correct, AS_LEVEL);
    s->estimate = z.estimate;
    s->p = as_fisher_exact(o->cw, o->hw, o->cr, o->hr);
    as_stat_interval(s, as_newcombe_difference(o->cw, wrong, o->cr, correct, AS_LEVEL), AS_LEVEL,
                     "Newcombe hybrid score");
    if (!as_outcome_asymmetry_bootstrap(a, "asym", o, &boot, err)) return false;
    const as_named detail[] = {{"se", z.se},
                               {"bootstrap_lo", boot.percentile.lo},
                               {"bootstrap_hi", boot.percentile.hi},
                               {"bootstrap_undefined", (double)boot.n_undefined},
                               {"clusters", o->cluster.n ? (double)o->cluster.n : NAN}};
    return as_outcome_detail(a, s, detail, sizeof detail / sizeof *detail, err);
}

/* --- coverage and clusters ------------------------------------------------------------------- */

typedef struct {
    const double *x; /* (n) coverage of the items that have one */
    size_t n, missing;
    as_groups cluster;
} coverages;

static bool read_coverage(as_audit *a, coverages *out, as_error *err)
{
    const as_column *column[] = {as_arg_column(a, "coverage"), as_arg_column(a, "cluster")};
    const size_t *rows;
    size_t n;
    if (!as_need_kind(a, "coverage", AS_COLUMN_NUMBER, err)) return false;
    if (column[1] && !as_need_same_rows(a, "coverage", "cluster", err)) return false;
    if (!as_complete_rows(a, column, column[1] ? 2 : 1, &rows, &n, err)) return false;
    double *x = as_arena_push(a->arena, n, sizeof *x, err);
    if (!x) return false;
    for (size_t i = 0; i < n; i++) {
        x[i] = column[0]->number[rows[i]];
        if (!(x[i] >= 0 && x[i] <= 1))
            return as_audit_fail(a, "coverage", err, "item %zu (found %g, expected 0 to 1)",
                                 rows[i], x[i]);
    }
    *out = (coverages){.x = x, .n = n, .missing = column[0]->n - n};
    return !column[1] || as_outcome_groups(a, column[1], rows, n, &out->cluster, err);
}

/* For each prompt the preference pairs its samples could give, summed; `balanced` has equal counts
 * of the two kinds that teach calibration. */
static bool emit_pair_yield(as_audit *a, const as_outcomes *o, as_error *err)
{
    static const char *const of[] = {"type1", "type2", "type3", "balanced"};
    size_t yield[4] = {0};
    size_t *count = as_arena_push(a->arena, o->cluster.n, 4 * sizeof *count, err);
    if (!count) return false;
    for (size_t i = 0; i < o->n; i++) count[4 * o->cluster.id[i] + o->cell[i]]++;
    for (size_t g = 0; g < o->cluster.n; g++) {
        const size_t *c = count + 4 * g;
        size_t correct = c[AS_CELL_CR] + c[AS_CELL_HR], wrong = c[AS_CELL_CW] + c[AS_CELL_HW];
        yield[0] += c[AS_CELL_HW] < c[AS_CELL_CW] ? c[AS_CELL_HW] : c[AS_CELL_CW];
        yield[1] += c[AS_CELL_CR] < c[AS_CELL_HR] ? c[AS_CELL_CR] : c[AS_CELL_HR];
        yield[2] += correct < wrong ? correct : wrong;
    }
    yield[3] = yield[0] < yield[1] ? yield[0] : yield[1];
    for (size_t i = 0; i < 4; i++)
        if (!as_outcome_count(a, "pair_yield", of[i], "sum over clusters [Pair yield]", yield[i],
                              o->cluster.n, o->missing, err))
            return false;
    return true;
}

/* best (n clusters), worst, mean, spread of the coverage in each cluster. */
static bool cluster_summary(as_audit *a, const coverages *c, double *of[4], as_error *err)
{
    size_t n = c->cluster.n;
    size_t *count = as_arena_push(a->arena, n, sizeof *count, err);
    if (!count) return false;
    for (size_t j = 0; j < 4; j++) {
        of[j] = as_arena_push(a->arena, n, sizeof *of[j], err);
        if (!of[j]) return false;
    }
    for (size_t i = 0; i < c->n; i++) {
        size_t g = c->cluster.id[i];
        of[0][g] = count[g] ? fmax(of[0][g], c->x[i]) : c->x[i];
        of[1][g] = count[g] ? fmin(of[1][g], c->x[i]) : c->x[i];
        of[2][g] += c->x[i];
        count[g]++;
    }
    for (size_t g = 0; g < n; g++) {
        of[2][g] /= (double)count[g];
        of[3][g] = of[0][g] - of[1][g];
    }
    return true;
}

static bool emit_best_of(as_audit *a, const coverages *c, as_error *err)
{
    static const char *const of[] = {"best", "worst", "mean", "spread"};
    double *value[4];
    size_t good = 0, right = 0, n = c->cluster.n;
    if (!cluster_summary(a, c, value, err)) return false;
    for (size_t j = 0; j < 4; j++)
        if (!as_outcome_mean(a, "best_of", of[j], "mean over clusters [Best of N]", value[j], NULL,
                             n, c->missing, err))
            return false;
    for (size_t g = 0; g < n; g++) {
        good += value[0][g] >= 0.5;
        right += value[0][g] >= 1;
    }
    return as_outcome_rate(a, "best_of", "has_good", good, n, c->missing, err) &&
           as_outcome_rate(a, "best_of", "all_right", right, n, c->missing, err);
}

static bool measure(as_audit *a, as_error *err)
{
    as_outcomes o;
    coverages c;
    if (!as_outcome_read(a, &o, err)) return false;
    if (!emit_counts(a, &o, err) || !emit_rates(a, &o, err) || !emit_asymmetry(a, &o, err))
        return false;
    if (o.cluster.n && !emit_pair_yield(a, &o, err)) return false;
    if (!as_arg_of(a, "coverage")->given) return true;
    if (!read_coverage(a, &c, err)) return false;
    if (!as_outcome_mean(a, "coverage_mean", "", "mean over items [Cells]", c.x,
                         c.cluster.n ? c.cluster.id : NULL, c.n, c.missing, err))
        return false;
    return !c.cluster.n || emit_best_of(a, &c, err);
}

/* --- decision -------------------------------------------------------------------------------- */

static bool read_cells(const as_audit *a, size_t count[4], as_error *err)
{
    for (size_t i = 0; i < 4; i++) {
        const as_statistic *s = as_stat_need(a, "cell", cell_name[i], err);
        if (!s) return false;
        count[i] = (size_t)s->estimate;
    }
    return true;
}

/* Clustered samples repeat each other: Fisher's test counts them as if they did not, so the
 * interval over clusters has to agree. */
static bool is_shown(const as_audit *a, const as_statistic *s)
{
    if (!(s->p <= a->alpha)) return false;
    if (isnan(as_stat_detail(s, "/clusters"))) return true;
    return as_stat_detail(s, "/bootstrap_lo") > 0 || as_stat_detail(s, "/bootstrap_hi") < 0;
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    char p[AS_P_TEXT_SIZE];
    const as_statistic *s = as_stat_need(a, "asym", "", err);
    const char *expect = as_arg_text(a, "expect");
    size_t n[4];
    as_outcome outcome = AS_UNKNOWN;
    const char *cause = "under-powered";
    if (!s || !read_cells(a, n, err)) return false;
    size_t correct = n[AS_CELL_CR] + n[AS_CELL_HR], wrong = n[AS_CELL_CW] + n[AS_CELL_HW];
    if (isnan(s->estimate))
        return as_leaf_set(a, leaf, AS_UNKNOWN, cause, err,
                           "asymmetry undefined: %zu correct and %zu wrong items.", correct, wrong);
    if (is_shown(a, s)) {
        bool agrees = strcmp(expect, "negative") == 0   ? s->estimate < 0
                      : strcmp(expect, "positive") == 0 ? s->estimate > 0
                                                        : true;
        outcome = agrees ? AS_HOLDS : AS_FAILS;
        cause = agrees ? "" : "opposite sign";
    }
    return as_leaf_set(a, leaf, outcome, cause, err,
                       "asymmetry %+.3f (asserted: %zu of %zu wrong, %zu of %zu correct), 95 %% "
                       "interval %.3f to %.3f, Fisher %s, n = %zu.",
                       s->estimate, n[AS_CELL_CW], wrong, n[AS_CELL_CR], correct, s->lo, s->hi,
                       as_p_text(s->p, p), (size_t)s->n);
}

const as_check as_check_cells = {
    .name = "cells",
    .summary = "correct by asserted: rates, and does assertion follow correctness?",
    .catches = "an asymmetry of a few items read as calibration, or as its absence",
    .params = params,
    .measure = measure,
    .decide = decide,
};
