/* A method is more than one lucky run of it. The effect of each training seed against the same
 * base, and the effect of the method over seeds and items together: the bootstrap draws seeds and
 * units both, so that a seed which differs from the others widens the interval. */
#include <math.h>
#include <string.h>

#include "lab/audit/arms_internal.h"

#define MIN_SEEDS 3

static const as_param params[] = {
    {"base", AS_PARAM_COLUMN, NULL, "score without the treatment", NULL},
    {"treated", AS_PARAM_COLUMNS, NULL, "score with it, one column a seed", NULL},
    {"expect", AS_PARAM_CHOICE, "positive", "the sign treated - base should have",
     "positive|negative"},
    {"at_least", AS_PARAM_NUMBER, "0.05", "smallest effect that counts", NULL},
    AS_ARMS_PARAMS,
    {NULL, AS_PARAM_TEXT, NULL, NULL, NULL},
};

typedef struct {
    size_t n_seeds, n_units;
    const double *sum;   /* (seeds, units) of treated - base */
    const double *count; /* (units) items */
} effects;

static double seed_sum(const effects *e, size_t seed, const size_t *index, size_t n)
{
    const double *of = e->sum + seed * e->n_units;
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += of[index[i]];
    return sum;
}

/* Mean effect over as many seeds as there are, drawn with replacement, and the units of index. Few
 * draws of few seeds spread less than the seeds do, by (n - 1) / n in variance, which is put right
 * (Davison & Hinkley 1997, 2.3.2). */
static double two_levels(const void *ctx, const size_t *index, size_t n, as_rng *rng)
{
    const effects *e = ctx;
    double all = 0, drawn = 0, count = 0, seeds = (double)e->n_seeds;
    for (size_t i = 0; i < n; i++) count += e->count[index[i]];
    for (size_t s = 0; s < e->n_seeds; s++) {
        all += seed_sum(e, s, index, n);
        drawn += seed_sum(e, as_rng_below(rng, e->n_seeds), index, n);
    }
    if (e->n_seeds > 1) drawn = all + sqrt(seeds / (seeds - 1)) * (drawn - all);
    return drawn / (count * seeds);
}

static bool sum_effects(as_audit *a, const as_arms *m, effects *out, double *mean, as_error *err)
{
    const double *base = as_arms_values(m, "base", 0);
    size_t n_seeds = as_arg_of(a, "treated")->n, room;
    double total = 0;
    if (!as_size_mul(n_seeds, m->n_units, &room, err)) return false;
    double *sum = as_arena_push(a->arena, room, sizeof *sum, err);
    if (!sum) return false;
    for (size_t s = 0; s < n_seeds; s++) {
        const double *x = as_arms_values(m, "treated", s);
        for (size_t i = 0; i < m->n; i++) {
            sum[s * m->n_units + m->unit[i]] += x[i] - base[i];
            total += x[i] - base[i];
        }
    }
    *out = (effects){n_seeds, m->n_units, sum, m->of_unit};
    *mean = m->n ? total / ((double)m->n * (double)n_seeds) : NAN;
    return true;
}

static bool emit_pooled(as_audit *a, const as_arms *m, as_error *err)
{
    effects e;
    as_arms_spread b;
    double mean;
    if (!sum_effects(a, m, &e, &mean, err)) return false;
    as_statistic *s =
        as_emit(a, "pooled", "", "mean effect over seeds and items [Effect over seeds]", err);
    if (!s) return false;
    s->n = m->n;
    s->missing = m->missing;
    s->estimate = mean;
    if (!as_arms_bootstrap(a, "pooled", "", m->n_units, two_levels, &e, &b, err)) return false;
    as_stat_interval(s, b.wide, AS_LEVEL, "percentile bootstrap over seeds and units");
    const as_named detail[] = {
        {"se", b.se}, {"units", (double)m->n_units}, {"seeds", (double)e.n_seeds}};
    return as_outcome_detail(a, s, detail, 3, err);
}

static bool measure(as_audit *a, as_error *err)
{
    static const as_arms_want want[] = {{"base", AS_ARMS_NUMBER}, {"treated", AS_ARMS_NUMBER}};
    as_arms m;
    double at_least = as_arg_number(a, "at_least");
    if (!(at_least >= 0))
        return as_audit_fail(a, "at_least", err, "found %g, expected 0 or more", at_least);
    if (!as_arms_read(a, want, 2, &m, err)) return false;
    for (size_t i = 0; i < as_arg_of(a, "treated")->n; i++) {
        size_t k = as_arms_place(&m, "treated", i);
        if (!as_arms_change(a, "effect", m.label[k], "Effect over seeds", &m,
                            as_arms_values(&m, "base", 0), m.x[k], err))
            return false;
    }
    return emit_pooled(a, &m, err);
}

typedef struct {
    size_t n, agree, for_it, against; /* the last two: significant */
} tally;

/* Counts the seeds, and appends their effects to list. */
static tally count_seeds(const as_audit *a, double sign, as_buf *list)
{
    tally t = {0};
    for (size_t i = 0; i < a->n_stats; i++) {
        const as_statistic *s = a->stats[i];
        if (strcmp(s->name, "effect") != 0) continue;
        bool agrees = sign * s->estimate > 0, shown = as_arms_is_significant(a, s);
        t.agree += agrees;
        t.for_it += shown && agrees;
        t.against += shown && !agrees;
        as_buf_printf(list, "%s%+.3f", t.n++ ? ", " : "", s->estimate);
    }
    return t;
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    as_buf list = {0};
    char range[AS_ARMS_RANGE_SIZE];
    const as_statistic *s = as_stat_need(a, "pooled", "", err);
    if (!s) return false;
    if (s->n == 0) return as_arms_empty_leaf(a, leaf, s, err);
    double sign = as_arms_sign(a), at_least = as_arg_number(a, "at_least");
    tally t = count_seeds(a, sign, &list);
    as_arms_view v = as_arms_toward(s, sign);
    bool can_decide = as_arms_can_decide(s), ok = false;
    as_outcome outcome = AS_UNKNOWN;
    const char *cause = "under-powered";
    if (t.n < MIN_SEEDS) {
        cause = "fewer than three seeds";
    } else if (t.for_it && t.against) {
        outcome = AS_FAILS;
        cause = "seeds disagree";
    } else if (can_decide && v.far < at_least) {
        outcome = AS_FAILS;
        cause = "no effect";
    } else if (can_decide && t.agree == t.n && v.near > 0 && v.estimate >= at_least) {
        outcome = AS_HOLDS;
        cause = "";
    }
    if (as_buf_ok(&list, err))
        ok = as_leaf_set(a, leaf, outcome, cause, err,
                         "effect %+.3f over %zu seeds (%s), 95 %% interval over seeds and items "
                         "%s, at least %g asked for, n = %zu.",
                         s->estimate, t.n, as_buf_text(&list), as_arms_range(s->lo, s->hi, range),
                         at_least, (size_t)s->n);
    as_buf_clear(&list);
    return ok;
}

const as_check as_check_seeds = {
    .name = "seeds",
    .summary = "does the effect of a method repeat over its training seeds?",
    .catches = "one lucky seed reported as a property of the method",
    .params = params,
    .measure = measure,
    .decide = decide,
};
