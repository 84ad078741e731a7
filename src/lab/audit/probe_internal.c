/* What the checks of the probe family share. */
#include "lab/audit/probe_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "lab/stats/fold.h"
#include "lab/stats/interval.h"
#include "lab/stats/paired.h"
#include "lab/stats/resample.h"

/* --- parameters ------------------------------------------------------------------------------ */

bool as_probe_gate_read(const as_audit *a, as_probe_gate *out, as_error *err)
{
    as_gate_grid grid = {as_arg_number(a, "thr_lo"), as_arg_number(a, "thr_hi"),
                         as_arg_size(a, "thr_count")};
    double coverage = as_arg_number(a, "pc_min");
    if (grid.n < 2 || grid.n > AS_GATE_MAX)
        return as_audit_fail(a, "thr_count", err, "thresholds (found %zu, expected 2 to %d)",
                             grid.n, AS_GATE_MAX);
    if (!(grid.lo < grid.hi))
        return as_audit_fail(a, "thr_hi", err, "highest threshold (found %g, expected above %g)",
                             grid.hi, grid.lo);
    if (!(coverage >= 0 && coverage <= 1))
        return as_audit_fail(a, "pc_min", err, "share (found %g, expected 0 to 1)", coverage);
    out->terms = (as_gate_terms){
        .grid = grid,
        .rule = strcmp(as_arg_text(a, "rule"), ">") == 0 ? AS_GATE_ABOVE : AS_GATE_AT_LEAST,
        .coverage = coverage};
    out->bars = (as_gate_bars){as_arg_number(a, "gate_auc"), as_arg_number(a, "gate_asym")};
    return true;
}

bool as_probe_c_check(const as_audit *a, as_error *err)
{
    const as_arg *c = as_arg_of(a, "C");
    for (size_t i = 0; i < c->n; i++)
        if (!(c->number[i] > 0))
            return as_audit_fail(a, "C", err, "number (found %g, expected above 0)", c->number[i]);
    return true;
}

bool as_probe_seed(const as_audit *a, const char *what, uint64_t *seed, as_error *err)
{
    const char *purpose = as_arena_printf(a->arena, err, "%s/%s", a->id, what);
    if (!purpose) return false;
    as_rng r = as_rng_at(a->seed, purpose, 0);
    *seed = as_rng_u64(&r);
    return true;
}

/* --- rows ------------------------------------------------------------------------------------ */

bool as_probe_labels(as_audit *a, const char *label, uint8_t **y, const size_t **rows,
                     size_t *n_rows, as_error *err)
{
    const as_column *column = as_arg_column(a, label);
    if (!as_need_kind(a, label, AS_COLUMN_NUMBER, err) ||
        !as_complete_rows(a, &column, 1, rows, n_rows, err))
        return false;
    *y = as_arena_push(a->arena, *n_rows + 1, 1, err);
    if (!*y) return false;
    for (size_t i = 0; i < *n_rows; i++) {
        double value = column->number[(*rows)[i]];
        if (value != 0 && value != 1)
            return as_audit_fail(a, label, err, "item %zu: label (found %g, expected 0 or 1)",
                                 (*rows)[i], value);
        (*y)[i] = value == 1;
    }
    return true;
}

bool as_probe_rows_load(as_probe_rows *r, as_audit *a, const char *features, const char *label,
                        as_error *err)
{
    const as_column *x = as_arg_column(a, features);
    const size_t *row;
    uint8_t *y;
    size_t n, n_values;
    *r = (as_probe_rows){0};
    if (!as_need_kind(a, features, AS_COLUMN_MATRIX, err) ||
        !as_need_same_rows(a, features, label, err) ||
        !as_probe_labels(a, label, &y, &row, &n, err) || !as_size_mul(n, x->dim, &n_values, err))
        return false;
    r->d = x->dim;
    r->n_items = x->n;
    r->x = as_new(n_values, sizeof *r->x, err);
    r->y = as_new(n, 1, err);
    r->row = as_new(n, sizeof *r->row, err);
    if (!r->x || !r->y || !r->row) {
        as_probe_rows_clear(r);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const float *from = x->matrix + row[i] * r->d;
        if (as_column_lacks(x, row[i])) continue;
        r->y[r->n] = y[i];
        r->row[r->n] = row[i];
        r->n_pos += y[i];
        for (size_t j = 0; j < r->d; j++) r->x[r->n * r->d + j] = (double)from[j];
        r->n++;
    }
    r->n_missing = x->n - r->n;
    return true;
}

void as_probe_rows_clear(as_probe_rows *r)
{
    free(r->x);
    free(r->y);
    free(r->row);
    *r = (as_probe_rows){0};
}

size_t as_probe_smaller_class(const as_probe_rows *r)
{
    return r->n_pos < r->n - r->n_pos ? r->n_pos : r->n - r->n_pos;
}

static bool is_seeded(const as_audit *a)
{
    return strcmp(as_arg_text(a, "folds"), "seeded") == 0;
}

bool as_probe_fold_count(size_t *k, const as_audit *a, as_error *err)
{
    if (is_seeded(a)) {
        *k = as_arg_size(a, "n_folds");
        if (*k >= 2 && *k <= 10) return true;
        return as_audit_fail(a, "n_folds", err, "folds (found %zu, expected 2 to 10)", *k);
    }
    *k = 0;
    for (const char *c = as_arg_text(a, "folds"); *c; c++)
        if (*c >= '0' && *c <= '9' && (size_t)(*c - '0') >= *k) *k = (size_t)(*c - '0') + 1;
    return true;
}

/* Digits for the items, of which only those with a label are used, or for the latter alone. */
static bool literal_folds(uint8_t *fold, size_t *k, const as_audit *a, const as_probe_rows *r,
                          as_error *err)
{
    const char *text = as_arg_text(a, "folds");
    size_t size = strlen(text);
    if (size == r->n && as_fold_parse(fold, k, text, r->n, err)) return true;
    if (size == r->n) goto out;
    if (size != r->n_items)
        return as_audit_fail(a, "folds", err,
                             "digits (found %zu, expected %zu, one an item, or seeded)", size,
                             r->n_items);
    uint8_t *all = as_arena_push(a->arena, size, 1, err);
    if (!all) return false;
    if (!as_fold_parse(all, k, text, size, err)) goto out;
    for (size_t i = 0; i < r->n; i++) fold[i] = all[r->row[i]];
    if (as_fold_check(fold, r->n, *k, err)) return true;
out:
    as_error_at(err, "checks.%s.folds", a->id);
    return false;
}

bool as_probe_folds(uint8_t *fold, size_t *k, const as_audit *a, const as_probe_rows *r,
                    uint64_t seed, as_error *err)
{
    if (!is_seeded(a)) return literal_folds(fold, k, a, r, err);
    return as_probe_fold_count(k, a, err) && as_fold_stratified(fold, r->y, r->n, *k, seed, 0, err);
}

bool as_probe_fit(as_logistic *out, double *w, double *p, const double *z, const as_probe_rows *r,
                  double c, as_error *err)
{
    if (!as_logistic_fit(out, w, z, r->y, r->n, r->d, c, err)) return false;
    if (!out->is_converged)
        return as_fail(err, AS_ENUMERIC,
                       "logistic fit at C=%g: gradient (found %.3g, expected 1e-12)", c,
                       out->gradient);
    if (p) as_logistic_predict(p, z, r->n, r->d, w, out->b);
    return true;
}

/* --- statistics ------------------------------------------------------------------------------ */

json_t *as_probe_reals(const double *x, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < n; i++)
        if (json_array_append_new(list, as_json_real(x[i]))) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

bool as_probe_null(as_statistic *s, const double *values, size_t draws, as_error *err)
{
    static const double at[3] = {0.05, 0.50, 0.95};
    double q[3];
    if (!as_quantiles(values, draws, at, 3, q, err)) return false;
    s->null_kind = "permutation";
    s->null_draws = draws;
    s->null_q05 = q[0];
    s->null_q50 = q[1];
    s->null_q95 = q[2];
    return true;
}

static json_t *auc_detail(const as_auc *u)
{
    json_t *o = json_object();
    as_json_put(&o, "wins", json_integer((json_int_t)u->wins));
    as_json_put(&o, "ties", json_integer((json_int_t)u->ties));
    as_json_put_size(&o, "pairs", u->n_pos * u->n_neg);
    as_json_put_size(&o, "n_pos", u->n_pos);
    as_json_put_size(&o, "n_neg", u->n_neg);
    return o;
}

bool as_probe_emit_auc(as_audit *a, const char *name, const char *method, const as_probe_scores *s,
                       as_statistic **out, json_t **detail, as_error *err)
{
    as_auc u;
    as_delong d;
    *detail = NULL;
    if (!as_auc_of(&u, s->p, s->y, s->n, err) || !as_delong_of(&d, s->p, s->y, s->n, AS_LEVEL, err))
        return false;
    *out = as_emit(a, name, s->of, method, err);
    if (!*out) return false;
    (*out)->estimate = u.auc;
    (*out)->n = s->n;
    (*out)->missing = s->missing;
    as_stat_interval(*out, (as_interval){d.low, d.high}, AS_LEVEL, "DeLong");
    *detail = auc_detail(&u);
    return true;
}

bool as_probe_emit_plain_auc(as_audit *a, const char *name, const char *method,
                             const as_probe_scores *s, as_error *err)
{
    as_statistic *out;
    json_t *detail;
    return as_probe_emit_auc(a, name, method, s, &out, &detail, err) &&
           as_emit_detail(a, out, detail, err);
}

bool as_probe_emit_objective(as_audit *a, const as_probe_scores *s, const as_logistic *fit,
                             as_error *err)
{
    as_statistic *out = as_emit(a, "objective", s->of,
                                "minimum of |w|^2/(2C) + sum of log losses [Logistic probe]", err);
    if (!out) return false;
    out->estimate = fit->objective;
    out->n = s->n;
    out->missing = s->missing;
    json_t *o = json_object();
    as_json_put_real(&o, "w_norm", fit->w_norm);
    as_json_put_real(&o, "intercept", fit->b);
    as_json_put_real(&o, "gradient_norm", fit->gradient);
    as_json_put_size(&o, "iterations", fit->n_iter);
    as_json_put_real(&o, "c_times_sum_objective", s->c * fit->objective);
    return as_emit_detail(a, out, o, err);
}

bool as_probe_emit_rate(as_audit *a, const char *name, const char *of, size_t k, size_t n,
                        size_t missing, as_error *err)
{
    as_statistic *s = as_emit(a, name, of, "share of rows labelled 1 [Proportion]", err);
    if (!s) return false;
    as_stat_share(s, k, n, missing);
    json_t *o = json_object();
    as_json_put_size(&o, "n_pos", k);
    as_json_put_size(&o, "n_neg", n - k);
    return as_emit_detail(a, s, o, err);
}

static bool emit_positive(as_audit *a, const char *of, const as_probe_rows *r, as_error *err)
{
    return as_probe_emit_rate(a, "positive_rate", of, r->n_pos, r->n, r->n_missing, err);
}

bool as_probe_pair_load(as_probe_rows *train, as_probe_rows *test, as_audit *a, as_error *err)
{
    if (!as_probe_rows_load(train, a, "train_features", "train_label", err) ||
        !as_probe_rows_load(test, a, "test_features", "test_label", err))
        return false;
    if (train->d != test->d)
        return as_audit_fail(a, "test_features", err, "numbers in a row (found %zu, expected %zu)",
                             test->d, train->d);
    return emit_positive(a, "train", train, err) && emit_positive(a, "test", test, err);
}

bool as_probe_gated_of(as_probe_gated *out, const as_probe_scores *s, const as_probe_gate *gate,
                       as_error *err)
{
    const as_gate_terms *t = &gate->terms;
    as_gate_point *points = as_new(t->grid.n, sizeof *points, err);
    bool ok = points && as_gate_scan(points, s->p, s->y, s->n, t->grid, t->rule, err);
    if (ok) {
        out->balanced = as_gate_balanced(points, t->grid.n, t->coverage);
        out->smallest = as_gate_min(points, t->grid.n);
        out->half = as_gate_at(s->p, s->y, s->n, 0.5, t->rule);
    }
    free(points);
    return ok;
}

bool as_probe_emit_fixed(as_audit *a, const char *name, const char *method,
                         const as_probe_scores *s, double t, as_gate_rule rule, json_t *detail,
                         as_error *err)
{
    as_statistic *out = as_emit(a, name, s->of, method, err);
    if (!out) {
        json_decref(detail);
        return false;
    }
    size_t n_pos = 0;
    for (size_t i = 0; i < s->n; i++) n_pos += s->y[i];
    size_t n_neg = s->n - n_pos;
    out->n = s->n;
    out->missing = s->missing;
    as_gate_point g = {.t = NAN, .p_c = NAN, .p_w = NAN, .asym = NAN};
    if (!isnan(t)) {
        g = as_gate_at(s->p, s->y, s->n, t, rule);
        as_interval i = as_newcombe_difference(g.w, n_neg, g.c, n_pos, AS_LEVEL);
        out->estimate = g.asym;
        as_stat_interval(out, (as_interval){i.lo, i.hi}, AS_LEVEL, "Newcombe");
        if (n_pos && n_neg) out->p = as_fisher_exact(g.w, n_neg - g.w, g.c, n_pos - g.c);
    }
    as_json_put_real(&detail, "threshold", t);
    as_json_put_real(&detail, "p_c", g.p_c);
    as_json_put_real(&detail, "p_w", g.p_w);
    as_json_put_size(&detail, "n_pos", n_pos);
    as_json_put_size(&detail, "n_neg", n_neg);
    return as_emit_detail(a, out, detail, err);
}

bool as_probe_emit_named(as_audit *a, const as_probe_scores *s, as_gate_rule rule, as_error *err)
{
    const as_arg *fixed = as_arg_of(a, "fixed");
    for (size_t i = 0; fixed->given && i < fixed->n; i++) {
        char text[32];
        as_probe_scores named = *s;
        named.of = as_arena_printf(a->arena, err, "%s t=%s", s->of,
                                   as_double_text(fixed->number[i], text));
        if (!named.of ||
            !as_probe_emit_fixed(a, "asym_fixed",
                                 "p_w - p_c at a threshold named in advance [Balanced asymmetry]",
                                 &named, fixed->number[i], rule, json_object(), err))
            return false;
    }
    return true;
}

/* --- nulls ----------------------------------------------------------------------------------- */

void as_probe_draws_of(const as_probe_draws *d, size_t j, as_gate_score *out, double *auc,
                       double *asym)
{
    for (size_t i = 0; i < d->n_draws; i++) {
        as_gate_score s = d->score[i * d->n_c + j];
        if (out) out[i] = s;
        if (auc) auc[i] = s.auc;
        if (asym) asym[i] = s.asym;
    }
}

static json_t *share(size_t k, size_t n)
{
    return as_json_real(n ? (double)k / (double)n : NAN);
}

/* How often the asymmetry bar alone would be reached, at the two bars in common use. */
static json_t *share_at(const as_gate_score *draws, size_t n_draws, size_t tries,
                        const as_probe_gate *gate)
{
    const double bars[3] = {-0.15, -0.20, gate->bars.asym};
    json_t *o = json_object();
    for (int i = 0; i < 3; i++) {
        char name[32];
        as_null_passes k = as_null_pass(draws, n_draws, tries, (as_gate_bars){-INFINITY, bars[i]});
        as_json_put(&o, as_double_text(bars[i], name), share(k.n_asym, n_draws - k.n_no_asym));
    }
    return o;
}

bool as_probe_emit_gate_rate(as_audit *a, const char *of, const as_probe_draws *d, size_t j,
                             const as_probe_gate *gate, as_error *err)
{
    bool ok = false;
    size_t tries = j < d->n_c ? 1 : d->n_c;
    const as_gate_score *draws = d->score;
    as_gate_score *one = as_new(d->n_draws, sizeof *one, err);
    const char *method = as_arena_printf(
        a->arena, err,
        "share that reach the bar among the runs with %s in which some threshold qualifies "
        "[Gate false-positive rate]",
        d->kind);
    if (!one || !method) goto out;
    if (j < d->n_c) {
        as_probe_draws_of(d, j, one, NULL, NULL);
        draws = one;
    }
    as_statistic *s = as_emit(a, "gate_false_positive_rate", of, method, err);
    if (!s) goto out;
    as_null_passes k = as_null_pass(draws, d->n_draws, tries, gate->bars);
    size_t n = d->n_draws - k.n_no_asym;
    as_interval i = as_wilson(k.n_asym, n, AS_LEVEL);
    s->estimate = n ? (double)k.n_asym / (double)n : NAN;
    s->n = n;
    s->missing = k.n_no_asym;
    as_stat_interval(s, (as_interval){i.lo, i.hi}, AS_LEVEL, "Wilson");
    json_t *o = json_object();
    as_json_put_real(&o, "bar", gate->bars.asym);
    as_json_put(&o, "share_all", share(k.n_asym, d->n_draws));
    as_json_put(&o, "share_auc", share(k.n_auc, d->n_draws));
    as_json_put(&o, "share_both", share(k.n_both, d->n_draws));
    as_json_put(&o, "share_at", share_at(draws, d->n_draws, tries, gate));
    ok = as_emit_detail(a, s, o, err);
out:
    free(one);
    return ok;
}

bool as_probe_emit_best(as_audit *a, const as_gate_score *observed, const as_probe_draws *d,
                        size_t n, size_t missing, as_error *err)
{
    static const char *const name[2] = {"best_auc", "best_asym"};
    bool ok = false;
    as_gate_score top = {NAN, NAN};
    as_gate_score *best = as_new(d->n_draws, sizeof *best, err);
    double *value[2] = {as_new(d->n_draws, sizeof(double), err),
                        as_new(d->n_draws, sizeof(double), err)};
    const char *method = as_arena_printf(a->arena, err,
                                         "best over the penalties; p one-sided against the best of "
                                         "each run with %s [Permutation null]",
                                         d->kind);
    if (!best || !value[0] || !value[1] || !method) goto out;
    as_null_best(&top, observed, 1, d->n_c);
    as_null_best(best, d->score, d->n_draws, d->n_c);
    /* a draw in which no threshold qualifies does not reach the observed asymmetry */
    as_null_tail tail = as_null_compare(top, best, d->n_draws);
    as_probe_draws each = {best, d->n_draws, 1, d->kind};
    as_probe_draws_of(&each, 0, NULL, value[0], value[1]);
    for (int i = 0; i < 2; i++) {
        as_statistic *s = as_emit(a, name[i], "any C", method, err);
        if (!s) goto out;
        s->estimate = i ? top.asym : top.auc;
        s->n = n;
        s->missing = missing;
        s->p = i ? tail.p_asym : tail.p_auc;
        if (!as_probe_null(s, value[i], d->n_draws, err)) goto out;
    }
    ok = true;
out:
    free(best);
    free(value[0]);
    free(value[1]);
    return ok;
}
