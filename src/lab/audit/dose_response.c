/* A setting tried at several strengths: the asymmetry at each dose, corrected for the number of
 * doses, held against a replication, and the trend over all of them. The arms are compared as if
 * independent, because only their cells are known. */
#include <math.h>
#include <string.h>

#include "lab/audit/outcome_internal.h"
#include "lab/stats/distribution.h"
#include "lab/stats/multiple.h"
#include "lab/stats/paired.h"

static const as_param params[] = {
    {"dose", AS_PARAM_COLUMN, NULL, "strength of the setting, one row an arm", NULL},
    {"cr", AS_PARAM_COLUMN, NULL, "count of correct and asserted", NULL},
    {"hr", AS_PARAM_COLUMN, NULL, "count of correct and hedged", NULL},
    {"cw", AS_PARAM_COLUMN, NULL, "count of wrong and asserted", NULL},
    {"hw", AS_PARAM_COLUMN, NULL, "count of wrong and hedged", NULL},
    {"run", AS_PARAM_COLUMN, "", "which run a row belongs to (text)", NULL},
    {"main", AS_PARAM_TEXT, "main", "the run that is tested", NULL},
    {"replication", AS_PARAM_TEXT, "replication", "the run that repeats it", NULL},
    {"baseline", AS_PARAM_NUMBER, "1", "the dose that changes nothing", NULL},
    {"expect", AS_PARAM_CHOICE, "nonzero", "sign of the asymmetry the setting is said to give",
     "negative|positive|nonzero"},
    {NULL, AS_PARAM_TEXT, NULL, NULL, NULL},
};

typedef struct {
    double dose;
    const char *of; /* "dose=0.5" */
    size_t cr, hr, cw, hw;
    as_estimate asym;
} arm;

typedef struct {
    arm *arms;
    size_t n, missing; /* missing: rows of the run without a dose */
    size_t baseline;   /* n when no arm has the baseline dose */
} run_arms;

static bool read_arm(as_audit *a, size_t row, arm *out, as_error *err)
{
    out->dose = as_arg_column(a, "dose")->number[row];
    out->of = as_of_number(a, "dose", out->dose, err);
    if (!out->of) return false;
    if (!as_outcome_count_at(a, "cr", row, &out->cr, err) ||
        !as_outcome_count_at(a, "hr", row, &out->hr, err) ||
        !as_outcome_count_at(a, "cw", row, &out->cw, err) ||
        !as_outcome_count_at(a, "hw", row, &out->hw, err))
        return false;
    out->asym =
        as_two_proportions(out->cw, out->cw + out->hw, out->cr, out->cr + out->hr, AS_LEVEL);
    return true;
}

/* The arms of the run called name; all rows when there is no run column. */
static bool read_run(as_audit *a, const char *name, run_arms *out, as_error *err)
{
    const as_column *dose = as_arg_column(a, "dose"), *run = as_arg_column(a, "run");
    double baseline = as_arg_number(a, "baseline");
    *out = (run_arms){.arms = as_arena_push(a->arena, dose->n, sizeof *out->arms, err)};
    if (!out->arms) return false;
    for (size_t i = 0; i < dose->n; i++) {
        if (run && (!run->text[i] || strcmp(run->text[i], name) != 0)) continue;
        if (isnan(dose->number[i])) {
            out->missing++;
            continue;
        }
        for (size_t j = 0; j < out->n; j++)
            if (out->arms[j].dose == dose->number[i])
                return as_audit_fail(a, "dose", err, "item %zu (%g occurs twice in one run)", i,
                                     dose->number[i]);
        if (!read_arm(a, i, &out->arms[out->n++], err)) return false;
    }
    out->baseline = 0;
    while (out->baseline < out->n && out->arms[out->baseline].dose != baseline) out->baseline++;
    return true;
}

static size_t arm_n(const arm *m)
{
    return m->cr + m->hr + m->cw + m->hw;
}

/* holm NULL: not one of a family. */
static bool emit_asymmetry(as_audit *a, const char *name, const arm *m, const double *holm,
                           as_error *err)
{
    size_t n = arm_n(m);
    as_statistic *s = as_emit(a, name, m->of,
                              "P(assert | wrong) - P(assert | correct), unpooled z "
                              "[Dose response]",
                              err);
    if (!s) return false;
    s->n = n;
    s->estimate = m->asym.estimate;
    s->p = m->asym.p;
    if (m->asym.se > 0) as_stat_interval(s, m->asym.interval, AS_LEVEL, "normal");
    const as_named detail[] = {
        {"dose", m->dose},
        {"se", m->asym.se},
        {"p_holm", holm ? *holm : NAN},
        {"cr", (double)m->cr},
        {"hr", (double)m->hr},
        {"cw", (double)m->cw},
        {"hw", (double)m->hw},
        {"accuracy", n ? (double)(m->cr + m->hr) / (double)n : NAN},
        {"assertion", n ? (double)(m->cr + m->cw) / (double)n : NAN},
    };
    return as_outcome_detail(a, s, detail, sizeof detail / sizeof *detail, err);
}

/* Two-sided normal test and interval of x with standard error se. */
static void set_normal(as_statistic *s, double x, double se)
{
    s->estimate = x;
    if (!(se > 0)) return;
    s->p = 2 * as_normal_upper(fabs(x / se));
    as_stat_interval(s, as_normal_interval(x, se, AS_LEVEL), AS_LEVEL, "normal");
}

static bool emit_change(as_audit *a, const arm *m, const arm *base, as_error *err)
{
    as_statistic *s = as_emit(a, "change", m->of,
                              "asymmetry less that of the baseline dose, arms as if independent "
                              "[Dose response]",
                              err);
    if (!s) return false;
    double se = hypot(m->asym.se, base->asym.se);
    s->n = arm_n(m) + arm_n(base);
    set_normal(s, m->asym.estimate - base->asym.estimate, se);
    return as_outcome_detail(a, s, &(as_named){"se", se}, 1, err);
}

/* Slope of the asymmetry on the dose, each arm weighted by 1/se^2 (Draper & Smith 1998, Applied
 * Regression Analysis, 9.2); arms without a standard error carry no weight. */
static bool emit_trend(as_audit *a, const run_arms *r, as_error *err)
{
    double sw = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
    size_t used = 0;
    as_statistic *s = as_emit(
        a, "trend", "", "weighted least squares slope of asymmetry on dose [Dose response]", err);
    if (!s) return false;
    for (size_t i = 0; i < r->n; i++) {
        const as_estimate *e = &r->arms[i].asym;
        if (!(e->se > 0)) continue;
        double w = 1 / (e->se * e->se);
        sw += w;
        sx += w * r->arms[i].dose;
        sy += w * e->estimate;
        used++;
    }
    for (size_t i = 0; i < r->n; i++) {
        const as_estimate *e = &r->arms[i].asym;
        if (!(e->se > 0)) continue;
        double w = 1 / (e->se * e->se), dx = r->arms[i].dose - sx / sw;
        sxx += w * dx * dx;
        sxy += w * dx * (e->estimate - sy / sw);
    }
    s->n = used;
    s->missing = r->missing + r->n - used;
    if (used >= 2 && sxx > 0) set_normal(s, sxy / sxx, 1 / sqrt(sxx));
    return as_outcome_detail(a, s, &(as_named){"se", sxx > 0 ? 1 / sqrt(sxx) : NAN}, 1, err);
}

static bool emit_main(as_audit *a, const run_arms *r, as_error *err)
{
    double *p = as_arena_push(a->arena, r->n, sizeof *p, err);
    if (!p) return false;
    for (size_t i = 0; i < r->n; i++) p[i] = r->arms[i].asym.p;
    if (!as_holm(p, p, r->n, err)) return false;
    for (size_t i = 0; i < r->n; i++)
        if (!emit_asymmetry(a, "asym", &r->arms[i], &p[i], err)) return false;
    for (size_t i = 0; i < r->n; i++)
        if (i != r->baseline && !emit_change(a, &r->arms[i], &r->arms[r->baseline], err))
            return false;
    for (size_t i = 0; i < r->n; i++) {
        const arm *m = &r->arms[i];
        if (!as_outcome_rate(a, "accuracy", m->of, m->cr + m->hr, arm_n(m), 0, err)) return false;
    }
    return emit_trend(a, r, err);
}

static bool measure(as_audit *a, as_error *err)
{
    static const char *const column[] = {"cr", "hr", "cw", "hw", "run"};
    run_arms tested, repeated;
    if (!as_need_kind(a, "dose", AS_COLUMN_NUMBER, err)) return false;
    if (!as_need_kind(a, "run", AS_COLUMN_TEXT, err)) return false;
    for (size_t i = 0; i < sizeof column / sizeof *column; i++)
        if (!as_need_same_rows(a, "dose", column[i], err)) return false;
    if (!read_run(a, as_arg_text(a, "main"), &tested, err)) return false;
    if (tested.n == 0)
        return as_audit_fail(a, "main", err, "rows of that run (found none, expected some)");
    if (tested.baseline == tested.n)
        return as_audit_fail(a, "baseline", err, "no row has the dose %g",
                             as_arg_number(a, "baseline"));
    if (!emit_main(a, &tested, err)) return false;
    if (!as_arg_of(a, "run")->given) return true;
    if (!read_run(a, as_arg_text(a, "replication"), &repeated, err)) return false;
    for (size_t i = 0; i < repeated.n; i++)
        if (!emit_asymmetry(a, "replication_asym", &repeated.arms[i], NULL, err)) return false;
    return true;
}

/* --- decision -------------------------------------------------------------------------------- */

/* The dose to speak of: the smallest p among those other than the baseline, and among those that
 * pass the correction one that moved from the baseline and whose replication agrees, if any does.
 */
typedef struct {
    const as_statistic *asym, *change, *replication;
    double p_holm;
    size_t n_doses;
    bool passes;  /* p after Holm, and the sign */
    bool moved;   /* passes, and differs from the baseline to the same side */
    bool repeats; /* moved, and so does the replication */
} finding;

static bool sign_agrees(const as_audit *a, double x)
{
    const char *expect = as_arg_text(a, "expect");
    return strcmp(expect, "negative") == 0 ? x < 0 : strcmp(expect, "positive") == 0 ? x > 0 : true;
}

static bool differs(const as_audit *a, const as_statistic *asym, const as_statistic *change)
{
    return change && change->p <= a->alpha && (change->estimate > 0) == (asym->estimate > 0);
}

static bool agrees(const as_audit *a, const as_statistic *s, const as_statistic *again)
{
    if (!again) return true;
    return again->p <= a->alpha && (again->estimate > 0) == (s->estimate > 0);
}

static finding find_best(const as_audit *a)
{
    finding best = {.p_holm = NAN};
    double baseline = as_arg_number(a, "baseline");
    for (size_t i = 0; i < a->n_stats; i++) {
        const as_statistic *s = a->stats[i];
        if (strcmp(s->name, "asym") != 0) continue;
        best.n_doses++;
        if (as_stat_detail(s, "/dose") == baseline || isnan(s->p)) continue;
        const as_statistic *again = as_stat_find(a, "replication_asym", s->of);
        const as_statistic *change = as_stat_find(a, "change", s->of);
        double holm = as_stat_detail(s, "/p_holm");
        bool passes = holm <= a->alpha && sign_agrees(a, s->estimate);
        bool moved = passes && differs(a, s, change), repeats = moved && agrees(a, s, again);
        int rank = passes + moved + repeats, top = best.passes + best.moved + best.repeats;
        if (best.asym && (rank < top || (rank == top && !(s->p < best.asym->p)))) continue;
        best = (finding){s, change, again, holm, best.n_doses, passes, moved, repeats};
    }
    size_t n = 0;
    for (size_t i = 0; i < a->n_stats; i++) n += strcmp(a->stats[i]->name, "asym") == 0;
    best.n_doses = n;
    return best;
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    char p[AS_P_TEXT_SIZE], again[AS_P_TEXT_SIZE], moved[AS_P_TEXT_SIZE];
    finding f = find_best(a);
    const char *tail = "; no replication";
    as_outcome outcome = AS_UNKNOWN;
    const char *cause = "under-powered";
    if (!f.asym)
        return as_leaf_set(a, leaf, AS_UNKNOWN, cause, err,
                           "the asymmetry is undefined at every dose but the baseline (%zu doses).",
                           f.n_doses);
    if (f.repeats) {
        outcome = AS_HOLDS;
        cause = "";
    } else if (f.moved) {
        outcome = AS_FAILS;
        cause = "replication";
    } else if (f.passes) {
        cause = "no change from the baseline shown";
    } else if (f.p_holm <= a->alpha) {
        outcome = AS_FAILS;
        cause = "opposite sign";
    } else if (f.asym->p <= a->alpha) {
        outcome = AS_FAILS;
        cause = "multiplicity";
    }
    if (f.replication)
        tail = as_arena_printf(a->arena, err, "; replication %+.3f, %s, n = %zu",
                               f.replication->estimate, as_p_text(f.replication->p, again),
                               (size_t)f.replication->n);
    if (!tail) return false;
    return as_leaf_set(a, leaf, outcome, cause, err,
                       "asymmetry %+.3f at %s: %s alone, %.3f after Holm over %zu doses, n = %zu; "
                       "%+.3f against the "
                       "baseline, %s%s.",
                       f.asym->estimate, f.asym->of, as_p_text(f.asym->p, p), f.p_holm, f.n_doses,
                       (size_t)f.asym->n, f.change ? f.change->estimate : NAN,
                       as_p_text(f.change ? f.change->p : NAN, moved), tail);
}

const as_check as_check_dose_response = {
    .name = "dose-response",
    .summary = "does the asymmetry at some dose survive the number of doses and a replication?",
    .catches = "the best of several doses reported as if it had been the only one",
    .params = params,
    .measure = measure,
    .decide = decide,
};
