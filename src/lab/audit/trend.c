/* A cause that is given in doses should answer in doses. The same items at rising doses: a trend
 * test that exchanges the doses of an item, the change at each dose, and how many items moved
 * against it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "lab/audit/arms_internal.h"
#include "lab/stats/multiple.h"
#include "lab/stats/paired.h"

static const as_param params[] = {
    {"doses", AS_PARAM_COLUMNS, NULL, "score at each dose, the base first", NULL},
    {"dose", AS_PARAM_NUMBERS, NULL, "strength of each of them, ascending", NULL},
    {"expect", AS_PARAM_CHOICE, "positive", "the way the score should go", "positive|negative"},
    {"at_least", AS_PARAM_NUMBER, "0.05", "smallest change at the largest dose that counts", NULL},
    {"tolerance", AS_PARAM_NUMBER, "0.02", "a step back of the mean that is let pass", NULL},
    AS_ARMS_PARAMS,
    {NULL, AS_PARAM_TEXT, NULL, NULL, NULL},
};

/* --- trend ------------------------------------------------------------------------------------ */

/* rank: (units, doses) mid-ranks of an item's scores about their mean, summed over the unit. */
typedef struct {
    size_t n_units, n_doses;
    double *rank;
    const double *count; /* (units) items */
    size_t *order;       /* (workers, doses) */
} ranked;

/* Spearman's correlation of dose and score is 12 sum / (k (k^2 - 1)), averaged over items. */
static double scale_of(size_t k)
{
    return 12 / ((double)k * ((double)k * (double)k - 1));
}

static double centred(const ranked *r, size_t j)
{
    return (double)j - (double)(r->n_doses - 1) / 2;
}

static double unit_trend(const ranked *r, size_t u)
{
    double sum = 0;
    for (size_t j = 0; j < r->n_doses; j++) sum += centred(r, j) * r->rank[u * r->n_doses + j];
    return sum;
}

static double trend_of_units(const void *ctx, const size_t *index, size_t n, as_rng *rng)
{
    const ranked *r = ctx;
    double sum = 0, count = 0;
    (void)rng;
    for (size_t i = 0; i < n; i++) {
        sum += unit_trend(r, index[i]);
        count += r->count[index[i]];
    }
    return scale_of(r->n_doses) * sum / count;
}

/* The doses of each unit in random order. */
static void exchange_draw(void *ctx, as_rng *rng, size_t draw, size_t worker, double *row)
{
    const ranked *r = ctx;
    size_t k = r->n_doses, *order = r->order + worker * k;
    double sum = 0;
    (void)draw;
    for (size_t u = 0; u < r->n_units; u++) {
        for (size_t j = 0; j < k; j++) order[j] = j;
        as_rng_shuffle(rng, order, k);
        for (size_t j = 0; j < k; j++) sum += centred(r, order[j]) * r->rank[u * k + j];
    }
    *row = sum;
}

static bool rank_items(as_audit *a, const as_arms *m, ranked *out, as_error *err)
{
    size_t k = m->n_columns, room, workers;
    if (!as_size_mul(m->n_units, k, &room, err)) return false;
    if (!as_size_mul(as_pool_size(a->pool), k, &workers, err)) return false;
    double *score = as_arena_push(a->arena, k, sizeof *score, err);
    double *rank = as_arena_push(a->arena, k, sizeof *rank, err);
    *out = (ranked){.n_units = m->n_units, .n_doses = k, .count = m->of_unit};
    out->rank = as_arena_push(a->arena, room, sizeof *out->rank, err);
    out->order = as_arena_push(a->arena, workers, sizeof *out->order, err);
    if (!score || !rank || !out->rank || !out->order) return false;
    for (size_t i = 0; i < m->n; i++) {
        for (size_t j = 0; j < k; j++) score[j] = m->x[j][i];
        if (!as_mid_ranks(rank, score, k, err)) return false;
        for (size_t j = 0; j < k; j++)
            out->rank[m->unit[i] * k + j] += rank[j] - (double)(k + 1) / 2;
    }
    return true;
}

static bool exchange_test(as_audit *a, ranked *r, as_statistic *s, double observed, as_error *err)
{
    as_resample how;
    if (!as_outcome_resample(a, "trend", "exchange", a->permutations, &how, err)) return false;
    double *values = as_new(how.draws, sizeof *values, err);
    if (!values) return false;
    as_null_draws(&how, 1, exchange_draw, r, values);
    s->p = as_null_p(values, how.draws, observed, AS_TAIL_BOTH);
    s->null_kind = "permutation";
    s->null_draws = how.draws;
    free(values);
    return true;
}

static bool emit_trend(as_audit *a, const as_arms *m, as_error *err)
{
    ranked r;
    as_arms_spread b;
    double sum = 0;
    as_statistic *s = as_emit(a, "trend", "",
                              "mean rank correlation of dose and score within items, doses "
                              "exchanged within units [Dose trend]",
                              err);
    if (!s || !rank_items(a, m, &r, err)) return false;
    s->n = m->n;
    s->missing = m->missing;
    if (!m->n) return true;
    for (size_t u = 0; u < r.n_units; u++) sum += unit_trend(&r, u);
    s->estimate = scale_of(r.n_doses) * sum / (double)m->n;
    if (!exchange_test(a, &r, s, sum, err)) return false;
    if (!as_arms_bootstrap(a, "trend", "", r.n_units, trend_of_units, &r, &b, err)) return false;
    as_stat_interval(s, b.wide, AS_LEVEL, "percentile bootstrap over units");
    const as_named detail[] = {
        {"se", b.se}, {"units", (double)m->n_units}, {"doses", (double)r.n_doses}};
    return as_outcome_detail(a, s, detail, 3, err);
}

/* --- each dose -------------------------------------------------------------------------------- */

static bool emit_against(as_audit *a, const char *of, const as_arms *m, size_t j, as_error *err)
{
    size_t against = 0;
    double sign = as_arms_sign(a);
    for (size_t i = 0; i < m->n; i++) against += sign * (m->x[j][i] - m->x[0][i]) < 0;
    return as_outcome_rate(a, "anti_moved", of, against, m->n, m->missing, err);
}

static bool emit_doses(as_audit *a, const as_arms *m, as_error *err)
{
    const as_arg *dose = as_arg_of(a, "dose");
    size_t k = m->n_columns;
    const as_statistic **effect = as_arena_push(a->arena, k, sizeof *effect, err);
    double *p = as_arena_push(a->arena, k, sizeof *p, err);
    if (!effect || !p) return false;
    p[0] = NAN; /* the base is not tested against itself */
    for (size_t j = 1; j < k; j++) {
        const char *of = as_of_number(a, "dose", dose->number[j], err);
        effect[j] =
            of ? as_arms_change(a, "effect", of, "Dose trend", m, m->x[0], m->x[j], err) : NULL;
        if (!effect[j] || !emit_against(a, of, m, j, err)) return false;
        p[j] = effect[j]->p;
    }
    if (!as_holm(p, p, k, err)) return false;
    for (size_t j = 1; j < k; j++) {
        as_statistic *s = as_emit(a, "effect_holm", effect[j]->of,
                                  "mean difference, p after Holm over the doses [Dose trend]", err);
        if (!s) return false;
        s->n = effect[j]->n;
        s->missing = effect[j]->missing;
        s->estimate = effect[j]->estimate;
        s->p = p[j];
    }
    return true;
}

static bool measure(as_audit *a, as_error *err)
{
    static const as_arms_want want[] = {{"doses", AS_ARMS_NUMBER}};
    const as_arg *dose = as_arg_of(a, "dose"), *doses = as_arg_of(a, "doses");
    as_arms m;
    if (doses->n < 3 || dose->n != doses->n)
        return as_audit_fail(a, "dose", err,
                             "found %zu doses and %zu columns, expected as many of both, at least "
                             "3",
                             dose->n, doses->n);
    for (size_t j = 1; j < dose->n; j++)
        if (!(dose->number[j] > dose->number[j - 1]))
            return as_audit_fail(a, "dose", err, "found %g after %g, expected ascending",
                                 dose->number[j], dose->number[j - 1]);
    if (!(as_arg_number(a, "at_least") >= 0) || !(as_arg_number(a, "tolerance") >= 0))
        return as_audit_fail(a, "at_least", err, "at_least and tolerance (expected 0 or more)");
    return as_arms_read(a, want, 1, &m, err) && emit_trend(a, &m, err) && emit_doses(a, &m, err);
}

/* --- decision --------------------------------------------------------------------------------- */

/* The change at the largest dose, and the largest step back on the way there. */
static const as_statistic *walk_doses(const as_audit *a, double sign, double *step_back)
{
    const as_statistic *last = NULL;
    *step_back = 0;
    for (size_t i = 0; i < a->n_stats; i++) {
        const as_statistic *s = a->stats[i];
        if (strcmp(s->name, "effect") != 0) continue;
        *step_back = fmax(*step_back, sign * ((last ? last->estimate : 0) - s->estimate));
        last = s;
    }
    return last;
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    char p[2][AS_P_TEXT_SIZE], range[AS_ARMS_RANGE_SIZE];
    double sign = as_arms_sign(a), at_least = as_arg_number(a, "at_least"), step_back;
    const as_statistic *trend = as_stat_need(a, "trend", "", err);
    const as_statistic *last = trend ? walk_doses(a, sign, &step_back) : NULL;
    if (!last) return trend && as_stat_need(a, "effect", "dose", err);
    const as_statistic *holm = as_stat_need(a, "effect_holm", last->of, err);
    const as_statistic *against = as_stat_need(a, "anti_moved", last->of, err);
    if (!holm || !against) return false;
    if (trend->n == 0) return as_arms_empty_leaf(a, leaf, trend, err);
    bool enough = as_stat_detail(trend, "/units") >= AS_ARMS_MIN_UNITS;
    as_outcome outcome = AS_UNKNOWN;
    const char *cause = "under-powered";
    if ((as_arms_can_decide(last) && as_arms_toward(last, sign).far < at_least) ||
        as_arms_is_still(a, last, at_least)) {
        outcome = AS_FAILS;
        cause = "no dose response";
    } else if (enough && trend->p <= a->alpha) {
        bool agrees = sign * trend->estimate > 0;
        bool is_monotone = step_back <= as_arg_number(a, "tolerance");
        if (agrees && is_monotone) outcome = AS_HOLDS;
        cause = !agrees ? "trend the other way" : is_monotone ? "" : "not monotone";
    }
    return as_leaf_set(a, leaf, outcome, cause, err,
                       "trend %+.3f (%s); change %+.3f at %s, the largest, 95 %% interval %s, %s "
                       "after Holm, at least %g asked for; largest step back %.3f, %.0f of %zu "
                       "items moved against it.",
                       trend->estimate, as_p_text(trend->p, p[0]), last->estimate, last->of,
                       as_arms_range(last->lo, last->hi, range), as_p_text(holm->p, p[1]), at_least,
                       step_back + 0.0, as_stat_detail(against, "/count"), (size_t)last->n);
}

const as_check as_check_trend = {
    .name = "trend",
    .summary = "do the same items answer to the dose?",
    .catches = "one dose that happened to work, without an answer to more or less of it",
    .params = params,
    .measure = measure,
    .decide = decide,
};
