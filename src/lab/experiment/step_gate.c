/* do: probe, do: gate. A probe of correctness on frozen states, with a threshold that was chosen on
 * out-of-fold predictions; and the sidecar gate that puts a hedge before answers it does not trust,
 * leaving their content alone (arXiv:2604.11867, third arc). */
#include <math.h>
#include <string.h>

#include "lab/experiment/study.h"
#include "lab/stats/crossval.h"
#include "lab/stats/fold.h"
#include "lab/stats/gate.h"
#include "lab/stats/scaler.h"

typedef struct {
    const char *reading, *probe, *prefix;
    double c, coverage;
} own;

static const char *const probe_keys[] = {"from", "reading", "c", "coverage", NULL};
static const char *const gate_keys[] = {"from", "probe", "prefix", "judges", NULL};

static bool has_reading(const as_plan *p, const as_step_spec *s, const own *o, as_error *err)
{
    const as_step_spec *from = as_plan_step(p, s->from);
    char shown[AS_ESCAPE_SIZE];
    for (size_t i = 0; !strchr(s->from_arm, '@') && i < from->n_readings; i++)
        if (strcmp(from->reading[i], o->reading) == 0) return true;
    return as_tree_fail(s->at, err, "reading %s (expected one of %s.%s)",
                        as_escape(o->reading, strlen(o->reading), shown), s->from, s->from_arm);
}

static bool parse_probe(const as_plan *p, as_step_spec *s, as_arena *a, as_error *err)
{
    own *o = as_arena_push(a, 1, sizeof *o, err);
    if (!o) return false;
    *o = (own){.reading = "h_last", .c = 0.1, .coverage = 0.7};
    s->own = o;
    if (!s->from) return as_tree_fail(s->at, err, "probe (expected from: STEP.ARM)");
    if (!as_tree_text_or(s->at, "reading", &o->reading, err) ||
        !as_tree_double_or(s->at, "c", &o->c, err) ||
        !as_tree_double_or(s->at, "coverage", &o->coverage, err) || !has_reading(p, s, o, err))
        return false;
    if (!(o->c > 0)) return as_tree_fail(as_tree_find(s->at, "c"), err, "c (expected above 0)");
    return (o->coverage >= 0 && o->coverage <= 1) ||
           as_tree_fail(as_tree_find(s->at, "coverage"), err, "coverage (expected 0 to 1)");
}

static bool parse_gate(const as_plan *p, as_step_spec *s, as_arena *a, as_error *err)
{
    own *o = as_arena_push(a, 1, sizeof *o, err);
    const as_tree *node = as_tree_find(s->at, "probe");
    if (!o) return false;
    o->prefix = "I am not certain, but this may help. ";
    s->own = o;
    if (!s->from) return as_tree_fail(s->at, err, "gate (expected from: STEP.ARM)");
    if (!as_tree_text_or(s->at, "probe", &o->probe, err) ||
        !as_tree_text_or(s->at, "prefix", &o->prefix, err))
        return false;
    const as_step_spec *probe = as_plan_step(p, o->probe);
    if (!probe || probe->kind != &as_step_probe)
        return as_tree_fail(node ? node : s->at, err,
                            "probe (expected an earlier step of that kind)");
    if (probe->model != s->model)
        return as_tree_fail(node, err, "probe (found one of another model, expected one of %s)",
                            s->model->name);
    o->reading = ((const own *)probe->own)->reading; /* what it was fitted on */
    if (!has_reading(p, s, o, err)) return false;
    const as_step_spec *from = as_plan_step(p, s->from);
    if (!s->n_judges) {
        s->judge = from->judge;
        s->n_judges = from->n_judges;
    }
    s->arm = as_arena_push(a, 2, sizeof *s->arm, err);
    if (!s->arm) return false;
    s->arm[0] = (as_arm_spec){.name = "gated", .at = s->at};
    s->n_arms = 1;
    return true;
}

/* --- the probe --- */

typedef struct {
    as_table table;
    double *x; /* (n, dim) */
    uint8_t *y;
    size_t n, dim;
} rows_of;

static bool gather(as_study *st, const as_step_spec *s, const char *reading, rows_of *r,
                   as_error *err)
{
    if (!as_study_table(st, as_plan_step(st->plan, s->from), s->from_arm, &r->table, err))
        return false;
    const as_column *x = as_column_find(&r->table, reading);
    const as_column *coverage = as_column_find(&r->table, "coverage");
    if (!x || x->kind != AS_COLUMN_MATRIX || !coverage || !coverage->number)
        return as_fail(err, AS_EUSAGE, "%s.%s: columns (expected %s and coverage)", s->from,
                       s->from_arm, reading);
    r->n = r->table.n;
    r->dim = x->dim;
    r->x = as_arena_push(st->a, r->n * r->dim + 1, sizeof *r->x, err);
    r->y = as_arena_push(st->a, r->n + 1, sizeof *r->y, err);
    if (!r->x || !r->y) return false;
    size_t n_right = 0;
    r->n = 0;
    for (size_t i = 0; i < r->table.n; i++) {
        if (isnan(coverage->number[i])) continue;
        for (size_t k = 0; k < r->dim; k++) r->x[r->n * r->dim + k] = x->matrix[i * r->dim + k];
        r->y[r->n] = coverage->number[i] >= 0.5;
        n_right += r->y[r->n++];
    }
    if (n_right >= 5 && r->n - n_right >= 5) return true;
    return as_fail(err, AS_ENUMERIC,
                   "%s.%s: answers (found %zu right and %zu wrong, expected at least 5 of each)",
                   s->from, s->from_arm, n_right, r->n - n_right);
}

static json_t *numbers(const double *x, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) as_json_append(&list, json_real(x[i]));
    return list;
}

/* The threshold with the smallest asymmetry among those that keep the coverage, out of fold. */
static bool choose(as_study *st, const own *o, const rows_of *r, as_gate_best *best, as_error *err)
{
    uint8_t *fold = as_arena_push(st->a, r->n + 1, sizeof *fold, err);
    double *p = as_arena_push(st->a, r->n + 1, sizeof *p, err);
    const as_gate_grid grid = {0.05, 0.95, 91};
    as_gate_point *points = as_arena_push(st->a, grid.n, sizeof *points, err);
    if (!fold || !p || !points ||
        !as_fold_stratified(fold, r->y, r->n, 5, st->plan->seed, 0, err) ||
        !as_crossval_once(p, NULL, r->x, r->n, r->dim, r->y, fold, 5, o->c, st->o->pool, err) ||
        !as_gate_scan(points, p, r->y, r->n, grid, AS_GATE_ABOVE, err))
        return false;
    *best = as_gate_balanced(points, grid.n, o->coverage);
    return true;
}

static bool run_probe(as_study *st, const as_step_spec *s, as_error *err)
{
    const own *o = s->own;
    rows_of r = {0};
    as_scaler scaler = {0};
    as_logistic fit;
    as_gate_best best;
    as_buf b = {0};
    bool ok = false;
    json_t *model = NULL;
    if (!gather(st, s, o->reading, &r, err)) return false;
    double *w = as_arena_push(st->a, r.dim + 1, sizeof *w, err);
    if (!w || !choose(st, o, &r, &best, err) ||
        !as_scaler_fit(&scaler, r.x, r.n, r.dim, NULL, 0, err))
        goto out;
    as_scaler_apply(&scaler, r.x, r.x, r.n);
    if (!as_logistic_fit(&fit, w, r.x, r.y, r.n, r.dim, o->c, err)) goto out;
    model = json_object();
    as_json_put(&model, "mean", numbers(scaler.mean, r.dim));
    as_json_put(&model, "scale", numbers(scaler.scale, r.dim));
    as_json_put(&model, "w", numbers(w, r.dim));
    as_json_put_real(&model, "b", fit.b);
    as_json_put_real(&model, "threshold", best.found ? best.at.t : NAN);
    as_json_put_text(&model, "reading", o->reading);
    as_json_write(&b, model);
    json_t *detail = json_object();
    as_json_put_real(&detail, "threshold", best.found ? best.at.t : NAN);
    as_json_put_real(&detail, "asym", best.found ? best.at.asym : NAN);
    as_json_put_real(&detail, "p_c", best.found ? best.at.p_c : NAN);
    as_json_put_real(&detail, "p_w", best.found ? best.at.p_w : NAN);
    as_json_put(&detail, "is_converged", json_boolean(fit.is_converged));
    ok = as_buf_ok(&b, err) && as_study_make(st, s, "model", as_buf_text(&b), err) &&
         as_study_note(st, s, "probe", "", best.found ? best.at.asym : NAN, r.n, 0, detail, err);
out:
    as_buf_clear(&b);
    json_decref(model);
    as_scaler_clear(&scaler);
    return ok;
}

const as_step_kind as_step_probe = {
    "probe", "a linear probe of correctness on frozen states, its threshold chosen out of fold",
    probe_keys, parse_probe, run_probe};

/* --- the gate --- */

static double part(const json_t *model, const char *name, size_t i)
{
    return json_number_value(json_array_get(json_object_get(model, name), i));
}

static double trust(const json_t *model, const float *x, size_t dim)
{
    double t = json_number_value(json_object_get(model, "b"));
    for (size_t i = 0; i < dim; i++)
        t += part(model, "w", i) * (x[i] - part(model, "mean", i)) / part(model, "scale", i);
    return as_sigmoid(t);
}

static bool gate_all(as_study *st, const as_step_spec *s, const json_t *model, const as_key *prompt,
                     const char *subject, as_error *err)
{
    const own *o = s->own;
    const as_step_spec *from = as_plan_step(st->plan, s->from);
    const json_t *threshold = json_object_get(model, "threshold");
    as_table t;
    if (!as_study_table(st, from, s->from_arm, &t, err)) return false;
    const as_column *x = as_column_find(&t, o->reading), *text = as_column_find(&t, "answer");
    const as_column *finish = as_column_find(&t, "finish");
    if (!x || x->kind != AS_COLUMN_MATRIX || x->dim != json_array_size(json_object_get(model, "w")))
        return as_fail(err, AS_EUSAGE, "reading %s (expected that of the probe)", o->reading);
    for (size_t i = 0; i < t.n; i++) {
        const double p = trust(model, x->matrix + i * x->dim, x->dim);
        const bool hedges = json_is_number(threshold) && !(p > json_number_value(threshold));
        as_study_answer a = {.position = t.position[i],
                             .arm = "gated",
                             .finish = finish && finish->text ? finish->text[i] : NULL,
                             .subject = subject,
                             .tokens = NAN,
                             .logprob = NAN};
        a.text = as_arena_printf(st->a, err, "%s%s", hedges ? o->prefix : "", text->text[i]);
        if (!a.text || !as_study_keep(st, s, &prompt[a.position], &a, err)) return false;
    }
    return true;
}

static bool run_gate(as_study *st, const as_step_spec *s, as_error *err)
{
    const own *o = s->own;
    as_key hash;
    const as_key *prompt = NULL;
    const char *name = as_arena_printf(st->a, err, "%s.model", o->probe);
    const char *text = name ? as_study_product(st, name) : NULL;
    const as_items *items = as_study_items(st, s->set, err);
    if (!text || !items || !as_study_ask(st, s->set, &prompt, err)) return false;
    if (!as_sha256_of(text, strlen(text), hash, err)) return false;
    const char *subject = as_arena_printf(st->a, err, "gate/%.16s", hash);
    bool *answered = as_arena_push(st->a, items->n + 1, sizeof *answered, err);
    if (!subject || !answered || !as_study_answered(st, s, "gated", subject, answered, err))
        return false;
    if (!answered[0]) {
        json_t *model = as_json_parse("probe", text, strlen(text), err);
        bool ok = model && as_store_begin(st->o->store, err);
        if (ok && !gate_all(st, s, model, prompt, subject, err)) {
            as_store_rollback(st->o->store);
            ok = false;
        }
        json_decref(model);
        if (!ok || !as_store_commit(st->o->store, err)) return false;
    }
    return as_study_judge_edited(st, s, as_plan_step(st->plan, s->from), s->from_arm, subject, err);
}

const as_step_kind as_step_gate = {
    "gate", "answers of an arm with a hedge before those that a probe does not trust", gate_keys,
    parse_gate, run_gate};
