/* Arms that answered the same items: drawing and the effects; see arms_internal.h. */
#include "lab/audit/arms_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "lab/stats/paired.h"

/* --- drawing -------------------------------------------------------------------------------------
 */

typedef struct {
    size_t n;
    size_t *index; /* (workers, n) */
    as_arms_stat *stat;
    const void *ctx;
} drawing;

static void draw_units(void *ctx, as_rng *rng, size_t draw, size_t worker, double *row)
{
    const drawing *d = ctx;
    size_t *index = d->index + worker * d->n;
    (void)draw;
    for (size_t i = 0; i < d->n; i++) index[i] = (size_t)as_rng_below(rng, d->n);
    *row = d->stat(d->ctx, index, d->n, rng);
}

static void set_spread(const as_audit *a, double *values, size_t draws, as_arms_spread *out)
{
    as_bootstrap b = as_bootstrap_summary(values, draws, NULL, 0, 0, AS_LEVEL);
    size_t m = draws - b.n_undefined;
    out->n_undefined = b.n_undefined;
    out->se = b.se;
    if (m < 2 || values[m - 1] - values[0] <= 1e-12 * fabs(values[0])) {
        out->se = m < 2 ? NAN : 0;
        return;
    }
    out->wide = b.percentile;
    out->narrow =
        (as_interval){as_quantile(values, m, a->alpha), as_quantile(values, m, 1 - a->alpha)};
}

bool as_arms_bootstrap(as_audit *a, const char *name, const char *of, size_t n_units,
                       as_arms_stat *stat, const void *ctx, as_arms_spread *out, as_error *err)
{
    as_resample how;
    size_t room;
    drawing d = {.n = n_units, .stat = stat, .ctx = ctx};
    *out = (as_arms_spread){NAN, as_interval_none(), as_interval_none(), 0};
    if (n_units < 2) return true;
    if (!as_outcome_resample(a, name, of, a->bootstrap, &how, err)) return false;
    if (!as_size_mul(n_units, as_pool_size(a->pool), &room, err)) return false;
    d.index = as_new(room, sizeof *d.index, err);
    double *values = d.index ? as_new(how.draws, sizeof *values, err) : NULL;
    if (values) {
        as_null_draws(&how, 1, draw_units, &d, values);
        set_spread(a, values, how.draws, out);
    }
    free(d.index);
    free(values);
    return values != NULL;
}

/* --- mean change ---------------------------------------------------------------------------------
 */

typedef struct {
    const double *sum, *count; /* (units) */
} unit_sums;

static double mean_of_units(const void *ctx, const size_t *index, size_t n, as_rng *rng)
{
    const unit_sums *u = ctx;
    double sum = 0, count = 0;
    (void)rng;
    for (size_t i = 0; i < n; i++) {
        sum += u->sum[index[i]];
        count += u->count[index[i]];
    }
    return sum / count;
}

static bool change_detail(as_audit *a, as_statistic *s, const as_arms *m, const double *x,
                          const double *y, const as_arms_spread *b, as_error *err)
{
    double up = 0, down = 0, first = 0, second = 0, least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < m->n; i++) {
        least = fmin(least, fmin(x[i], y[i]));
        most = fmax(most, fmax(x[i], y[i]));
        up += y[i] > x[i];
        down += y[i] < x[i];
        first += x[i];
        second += y[i];
    }
    const as_named detail[] = {{"se", b->se},
                               {"units", (double)m->n_units},
                               {"mean_a", first / (double)m->n},
                               {"mean_b", second / (double)m->n},
                               {"narrow_lo", b->narrow.lo},
                               {"narrow_hi", b->narrow.hi},
                               {"narrow_level", 1 - 2 * a->alpha},
                               {"moved_up", up},
                               {"moved_down", down},
                               {"unchanged", (double)m->n - up - down},
                               {"range", most - least}};
    return as_outcome_detail(a, s, detail, sizeof detail / sizeof *detail, err);
}

as_statistic *as_arms_change(as_audit *a, const char *name, const char *of, const char *heading,
                             const as_arms *m, const double *x, const double *y, as_error *err)
{
    as_arms_spread b;
    as_resample how;
    as_permutation flip;
    double total = 0;
    const char *unit = m->is_clustered ? "clusters" : "items";
    const char *method = as_arena_printf(
        a->arena, err, "mean difference, sign-flip test over %s [%s]", unit, heading);
    const char *flip_of = as_arena_printf(a->arena, err, "%s/flip", of);
    double *sum = as_arena_push(a->arena, m->n_units, sizeof *sum, err);
    as_statistic *s = method && flip_of && sum ? as_emit(a, name, of, method, err) : NULL;
    if (!s) return NULL;
    s->n = m->n;
    s->missing = m->missing;
    if (!m->n) return as_outcome_detail(a, s, &(as_named){"units", 0}, 1, err) ? s : NULL;
    for (size_t i = 0; i < m->n; i++) {
        sum[m->unit[i]] += y[i] - x[i];
        total += y[i] - x[i];
    }
    const unit_sums u = {sum, m->of_unit};
    if (!as_arms_bootstrap(a, name, of, m->n_units, mean_of_units, &u, &b, err)) return NULL;
    if (!as_outcome_resample(a, name, flip_of, a->permutations, &how, err)) return NULL;
    if (!as_sign_flip(&how, sum, NULL, m->n_units, &flip, err)) return NULL;
    s->estimate = total / (double)m->n;
    s->p = flip.p;
    s->null_kind = "permutation";
    s->null_draws = flip.draws;
    as_stat_interval(s, b.wide, AS_LEVEL,
                     m->is_clustered ? "percentile bootstrap over clusters"
                                     : "percentile bootstrap");
    return change_detail(a, s, m, x, y, &b, err) ? s : NULL;
}

/* --- asymmetry -----------------------------------------------------------------------------------
 */

/* Counts of one arm by as_cell, for a unit or for many. */
typedef struct {
    double cell[4];
} counts;

typedef struct {
    size_t n;
    const counts *arm[2]; /* (n units) */
} unit_cells;

static double wrong_of(const counts *c)
{
    return c->cell[AS_CELL_CW] + c->cell[AS_CELL_HW];
}

static double correct_of(const counts *c)
{
    return c->cell[AS_CELL_CR] + c->cell[AS_CELL_HR];
}

/* NaN when there are no wrong or no correct items. */
static double asymmetry_of(const counts *c)
{
    return c->cell[AS_CELL_CW] / wrong_of(c) - c->cell[AS_CELL_CR] / correct_of(c);
}

static void add_counts(counts *to, const counts *c)
{
    for (size_t k = 0; k < 4; k++) to->cell[k] += c->cell[k];
}

static double change_of_units(const void *ctx, const size_t *index, size_t n, as_rng *rng)
{
    const unit_cells *u = ctx;
    counts first = {{0}}, second = {{0}};
    (void)rng;
    for (size_t i = 0; i < n; i++) {
        add_counts(&first, &u->arm[0][index[i]]);
        add_counts(&second, &u->arm[1][index[i]]);
    }
    return asymmetry_of(&second) - asymmetry_of(&first);
}

/* The arms of each unit exchanged, or not, by a coin. */
static void exchange_draw(void *ctx, as_rng *rng, size_t draw, size_t worker, double *row)
{
    const unit_cells *u = ctx;
    counts sum[2] = {{{0}}, {{0}}};
    uint64_t coins = 0;
    (void)draw, (void)worker;
    for (size_t i = 0; i < u->n; i++, coins >>= 1) {
        if (i % 64 == 0) coins = as_rng_u64(rng);
        add_counts(&sum[coins & 1], &u->arm[0][i]);
        add_counts(&sum[~coins & 1], &u->arm[1][i]);
    }
    *row = asymmetry_of(&sum[1]) - asymmetry_of(&sum[0]);
}

static bool exchange_test(as_audit *a, const unit_cells *u, as_statistic *s, as_error *err)
{
    as_resample how;
    unit_cells copy = *u; /* the callback's context is not const */
    if (!as_outcome_resample(a, "asym_change", "exchange", a->permutations, &how, err))
        return false;
    double *values = as_new(how.draws, sizeof *values, err);
    if (!values) return false;
    as_null_draws(&how, 1, exchange_draw, &copy, values);
    s->p = as_null_p(values, how.draws, s->estimate, AS_TAIL_BOTH);
    s->null_kind = "permutation";
    s->null_draws = how.draws;
    free(values);
    return true;
}

static bool count_units(as_audit *a, const as_arms *m, const char *correct, const char *asserts,
                        const counts **out, counts *all, as_error *err)
{
    const double *right = as_arms_values(m, correct, 0), *sure = as_arms_values(m, asserts, 0);
    counts *of = as_arena_push(a->arena, m->n_units, sizeof *of, err);
    if (!of) return false;
    *all = (counts){{0}};
    for (size_t i = 0; i < m->n; i++) {
        as_cell c = right[i] != 0 ? (sure[i] != 0 ? AS_CELL_CR : AS_CELL_HR)
                                  : (sure[i] != 0 ? AS_CELL_CW : AS_CELL_HW);
        of[m->unit[i]].cell[c] += 1;
        all->cell[c] += 1;
    }
    *out = of;
    return true;
}

static bool emit_arm(as_audit *a, const as_arms *m, const char *arm, const counts *c,
                     const char *heading, as_error *err)
{
    static const char *const cell[] = {"cr", "hr", "cw", "hw"};
    for (size_t k = 0; k < 4; k++) {
        const char *of = as_arena_printf(a->arena, err, "%s %s", arm, cell[k]);
        if (!of || !as_outcome_count(a, "cell", of, "count of items [Cells]", (size_t)c->cell[k],
                                     m->n, m->missing, err))
            return false;
    }
    const char *method =
        as_arena_printf(a->arena, err, "P(assert | wrong) - P(assert | correct) [%s]", heading);
    as_statistic *s = method ? as_emit(a, "asym", arm, method, err) : NULL;
    if (!s) return false;
    s->n = m->n;
    s->missing = m->missing;
    s->estimate = asymmetry_of(c);
    as_stat_interval(s,
                     as_newcombe_difference((size_t)c->cell[AS_CELL_CW], (size_t)wrong_of(c),
                                            (size_t)c->cell[AS_CELL_CR], (size_t)correct_of(c),
                                            AS_LEVEL),
                     AS_LEVEL, "Newcombe hybrid score");
    return true;
}

static bool emit_asymmetry_change(as_audit *a, const as_arms *m, const unit_cells *u,
                                  double estimate, const char *heading, as_error *err)
{
    as_arms_spread b;
    const char *method = as_arena_printf(a->arena, err,
                                         "asymmetry of b less that of a, arms exchanged over %s "
                                         "[%s]",
                                         m->is_clustered ? "clusters" : "items", heading);
    as_statistic *s = method ? as_emit(a, "asym_change", "", method, err) : NULL;
    if (!s) return false;
    s->n = m->n;
    s->missing = m->missing;
    s->estimate = estimate;
    if (isnan(estimate)) return true;
    if (!exchange_test(a, u, s, err)) return false;
    if (!as_arms_bootstrap(a, "asym_change", "", u->n, change_of_units, u, &b, err)) return false;
    as_stat_interval(s, b.wide, AS_LEVEL,
                     m->is_clustered ? "percentile bootstrap over clusters"
                                     : "percentile bootstrap");
    const as_named detail[] = {{"se", b.se},
                               {"units", (double)m->n_units},
                               {"narrow_lo", b.narrow.lo},
                               {"narrow_hi", b.narrow.hi},
                               {"narrow_level", 1 - 2 * a->alpha},
                               {"undefined", (double)b.n_undefined}};
    return as_outcome_detail(a, s, detail, sizeof detail / sizeof *detail, err);
}

bool as_arms_asymmetry(as_audit *a, const as_arms *m, const char *heading, as_error *err)
{
    counts all[2];
    unit_cells u = {.n = m->n_units};
    if (!count_units(a, m, "correct_a", "asserts_a", &u.arm[0], &all[0], err)) return false;
    if (!count_units(a, m, "correct_b", "asserts_b", &u.arm[1], &all[1], err)) return false;
    if (!emit_arm(a, m, "a", &all[0], heading, err)) return false;
    if (!emit_arm(a, m, "b", &all[1], heading, err)) return false;
    double least = fmin(fmin(wrong_of(&all[0]), correct_of(&all[0])),
                        fmin(wrong_of(&all[1]), correct_of(&all[1])));
    if (!as_outcome_count(a, "smallest_cell", "", "count of items [Asymmetry change]",
                          (size_t)least, m->n, m->missing, err))
        return false;
    return emit_asymmetry_change(a, m, &u, asymmetry_of(&all[1]) - asymmetry_of(&all[0]), heading,
                                 err);
}

/* --- decisions -----------------------------------------------------------------------------------
 */

double as_arms_sign(const as_audit *a)
{
    return strcmp(as_arg_text(a, "expect"), "negative") == 0 ? -1 : 1;
}

as_arms_view as_arms_toward(const as_statistic *s, double sign)
{
    if (sign > 0) return (as_arms_view){s->estimate, s->lo, s->hi};
    return (as_arms_view){-s->estimate, -s->hi, -s->lo};
}

bool as_arms_empty_leaf(const as_audit *a, as_leaf *leaf, const as_statistic *s, as_error *err)
{
    return as_leaf_set(a, leaf, AS_UNKNOWN, "under-powered", err,
                       "no item has a value in every column (missing %zu).", (size_t)s->missing);
}

const char *as_arms_range(double lo, double hi, char out[AS_ARMS_RANGE_SIZE])
{
    if (isnan(lo) || isnan(hi)) return "undefined";
    snprintf(out, AS_ARMS_RANGE_SIZE, "%.3f to %.3f", lo, hi);
    return out;
}

bool as_arms_can_decide(const as_statistic *s)
{
    return as_stat_detail(s, "/units") >= AS_ARMS_MIN_UNITS && !isnan(s->lo);
}

bool as_arms_is_significant(const as_audit *a, const as_statistic *s)
{
    if (!(s->p <= a->alpha)) return false;
    if (as_arms_can_decide(s)) return s->lo > 0 || s->hi < 0;
    /* every unit changed by the same: no draw differs, and nothing could be clearer */
    return isnan(s->lo) && s->estimate != 0 && as_stat_detail(s, "/units") >= AS_ARMS_MIN_UNITS;
}

bool as_arms_is_within(const as_statistic *s, double margin)
{
    return as_arms_can_decide(s) && as_stat_detail(s, "/narrow_lo") > -margin &&
           as_stat_detail(s, "/narrow_hi") < margin;
}

bool as_arms_is_still(const as_audit *a, const as_statistic *s, double bound)
{
    if (as_stat_detail(s, "/moved_up") > 0 || as_stat_detail(s, "/moved_down") > 0) return false;
    return as_arms_unseen(a, as_stat_detail(s, "/units")) * as_stat_detail(s, "/range") < bound;
}

double as_arms_unseen(const as_audit *a, double n)
{
    return 1 - pow(a->alpha, 1 / n);
}

bool as_arms_asym_is_still(const as_audit *a, const as_statistic *s, double cell, double bound)
{
    return isnan(s->lo) && s->estimate == 0 && 2 * as_arms_unseen(a, cell) < bound;
}
