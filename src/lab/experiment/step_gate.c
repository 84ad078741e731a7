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

static bool has_reading(const as_step_spec *s, const own *o, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    for (size_t i = 0; i < s->from->n_readings; i++)
        if (strcmp(s->from->reading[i], o->reading) == 0) return true;
    return as_tree_fail(s->at, err, "reading %s (expected one of %s.%s)",
                        as_escape(o->reading, strlen(o->reading), shown), s->from->id, s->from_arm);
}

static bool parse_probe(const as_plan *p, as_step_spec *s, as_arena *a, as_error *err)
{
    static const char *const makes[] = {"model", NULL};
    own *o = as_arena_push(a, 1, sizeof *o, err);
    if (!o) return false;
    (void)p;
    *o = (own){.reading = "h_last", .c = 0.1, .coverage = 0.7};
    s->own = o;
    s->makes = makes;
    if (!s->from) return as_tree_fail(s->at, err, "probe (expected from: STEP.ARM)");
    if (!as_tree_text_or(s->at, "reading", &o->reading, err) ||
        !as_tree_double_or(s->at, "c", &o->c, err) ||
        !as_tree_double_or(s->at, "coverage", &o->coverage, err) || !has_reading(s, o, err))
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
    if (!has_reading(s, o, err)) return false;
    if (!s->n_judges) {
        s->judge = s->from->judge;
        s->n_judges = s->from->n_judges;
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
    size_t n, dim, n_right;
} rows_of;

static bool gather(as_study *st, const as_step_spec *s, const char *reading, rows_of *r,
                   as_error *err)
{
    if (!as_study_table(st, s->from, s->from_arm, &r->table, err)) return false;
    const as_column *x = as_column_find(&r->table, reading);
    const as_column *coverage = as_column_find(&r->table, "coverage");
    if (!x || x->kind != AS_COLUMN_MATRIX || !coverage || !coverage->number)
        return as_fail(err, AS_EUSAGE, "%s.%s: columns (expected %s and coverage)", s->from->id,
                       s->from_arm, reading);
    r->n = r->table.n;
    r->dim = x->dim;
    r->x = as_arena_push(st->a, r->n * r->dim + 1, sizeof *r->x, err);
    r->y = as_arena_push(st->a, r->n + 1, sizeof *r->y, err);
    if (!r->x || !r->y) return false;
    r->n = r->n_right = 0;
    for (size_t i = 0; i < r->table.n; i++) {
        if (isnan(coverage->number[i]) || as_column_lacks(x, i)) continue;
        for (size_t k = 0; k < r->dim; k++) r->x[r->n * r->dim + k] = x->matrix[i * r->dim + k];
        r->y[r->n] = coverage->number[i] >= 0.5;
        r->n_right += r->y[r->n++];
    }
    if (r->n_right >= 5 && r->n - r->n_right >= 5) return true;
    return as_study_lack(
        st, err, "%s.%s: answers (found %zu right and %zu wrong, expected at least 5 of each)",
        s->from->id, s->from_arm, r->n_right, r->n - r->n_right);
}

static json_t *numbers(const double *x, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) as_json_append(&list, json_real(x[i]));
    return list;
}

/* What passes at every threshold that was tried, out of fold. */
typedef struct {
    as_gate_point *point; /* n */
    size_t n;
    as_gate_best best;
} scan;

static json_t *curve_of(const scan *c)
{
    json_t *o = json_object(), *t = json_array(), *p_c = json_array(), *p_w = json_array();
    for (size_t i = 0; i < c->n; i++) {
        as_json_append(&t, as_json_real(c->point[i].t));
        as_json_append(&p_c, as_json_real(c->point[i].p_c));
        as_json_append(&p_w, as_json_real(c->point[i].p_w));
    }
    as_json_put(&o, "t", t);
    as_json_put(&o, "p_c", p_c);
    as_json_put(&o, "p_w", p_w);
    return o;
}

/* The threshold with the smallest asymmetry among those that keep the coverage, out of fold. */
static bool choose(as_study *st, const own *o, const rows_of *r, scan *c, as_error *err)
{
    uint8_t *fold = as_arena_push(st->a, r->n + 1, sizeof *fold, err);
    double *p = as_arena_push(st->a, r->n + 1, sizeof *p, err);
    const as_gate_grid grid = AS_GATE_STANDARD;
    c->n = grid.n;
    c->point = as_arena_push(st->a, grid.n, sizeof *c->point, err);
    if (!fold || !p || !c->point ||
        !as_fold_stratified(fold, r->y, r->n, 5, st->plan->seed, 0, err) ||
        !as_crossval_once(p, NULL, r->x, r->n, r->dim, r->y, fold, 5, o->c, st->o->pool, err) ||
        !as_gate_scan(c->point, p, r->y, r->n, grid, AS_GATE_ABOVE, err))
        return false;
    c->best = as_gate_balanced(c->point, grid.n, o->coverage);
    return true;
}

static bool note_probe(as_study *st, const as_step_spec *s, const rows_of *r, const scan *c,
                       bool is_converged, as_error *err)
{
    const own *o = s->own;
    const as_gate_point at = c->best.at;
    const double asym = c->best.found ? at.asym : NAN;
    json_t *detail = json_object();
    as_json_put_real(&detail, "threshold", c->best.found ? at.t : NAN);
    as_json_put_real(&detail, "asym", asym);
    as_json_put_real(&detail, "p_c", c->best.found ? at.p_c : NAN);
    as_json_put_real(&detail, "p_w", c->best.found ? at.p_w : NAN);
    as_json_put_real(&detail, "coverage", o->coverage);
    as_json_put_size(&detail, "right", r->n_right);
    as_json_put(&detail, "curve", curve_of(c));
    as_json_put(&detail, "is_converged", json_boolean(is_converged));
    return as_study_note(st, s, "probe", "", asym, r->n, 0, detail, err);
}

static bool run_probe(as_study *st, const as_step_spec *s, as_error *err)
{
    const own *o = s->own;
    rows_of r = {0};
    as_scaler scaler = {0};
    as_logistic fit;
    scan c = {0};
    as_buf b = {0};
    bool ok = false;
    json_t *model = NULL;
    if (!gather(st, s, o->reading, &r, err)) return false;
    double *w = as_arena_push(st->a, r.dim + 1, sizeof *w, err);
    if (!w || !choose(st, o, &r, &c, err) || !as_scaler_fit(&scaler, r.x, r.n, r.dim, NULL, 0, err))
        goto out;
    const double threshold = c.best.found ? c.best.at.t : NAN;
    as_scaler_apply(&scaler, r.x, r.x, r.n);
    if (!as_logistic_fit(&fit, w, r.x, r.y, r.n, r.dim, o->c, err)) goto out;
    model = json_object();
    as_json_put(&model, "mean", numbers(scaler.mean, r.dim));
    as_json_put(&model, "scale", numbers(scaler.scale, r.dim));
    as_json_put(&model, "w", numbers(w, r.dim));
    as_json_put_real(&model, "b", fit.b);
    as_json_put_real(&model, "threshold", threshold);
    as_json_put_text(&model, "reading", o->reading);
    as_json_write(&b, model);
    ok = as_buf_ok(&b, err) && as_study_make(st, s, "model", as_buf_text(&b), err) &&
         note_probe(st, s, &r, &c, fit.is_converged, err);
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
    const json_t *threshold = json_object_get(model, "threshold");
    as_table t;
    if (!as_study_table(st, s->from, s->from_arm, &t, err)) return false;
    const as_column *x = as_column_find(&t, o->reading), *text = as_column_find(&t, "answer");
    const as_column *finish = as_column_find(&t, "finish");
    if (!x || x->kind != AS_COLUMN_MATRIX || x->dim != json_array_size(json_object_get(model, "w")))
        return as_fail(err, AS_EUSAGE, "reading %s (expected that of the probe)", o->reading);
    for (size_t i = 0; i < t.n; i++) {
        const double p = trust(model, x->matrix + i * x->dim, x->dim); /* NaN: not trusted */
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
    const char *name = as_arena_printf(st->a, err, "{%s.model}", o->probe);
    const char *text = name ? as_study_fill(st, name, err) : NULL;
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
    return as_study_judge_edited(st, s, s->from, s->from_arm, subject, err);
}

const as_step_kind as_step_gate = {
    "gate", "answers of an arm with a hedge before those that a probe does not trust", gate_keys,
    parse_gate, run_gate};
