/* do: heads, do: direction. What the states of two cohorts of answers differ in: a few attention
 * heads, as many others at random for placebos; or one direction of the residual stream, and random
 * ones of its length. The choice is made on the answers of one step and tried on others. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "engine/format/npz.h"
#include "lab/experiment/study.h"
#include "lab/stats/attribution.h"
#include "lab/stats/fold.h"

typedef struct {
    const char *reading, *label, *only;
    bool absolute;
    size_t k, n_placebos, layer;
    uint64_t seed;
} own;

static const char *const head_keys[] = {"from", "reading",  "label", "only", "sided",
                                        "k",    "placebos", "seed",  NULL};
static const char *const direction_keys[] = {"from",  "reading",  "label", "only",
                                             "layer", "placebos", "seed",  NULL};

static bool has_column(const as_step_spec *s, const char *name)
{
    const char *names[AS_STEP_COLUMNS];
    const size_t n = as_step_columns(s->from, names);
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return true;
    return strcmp(name, "correct") == 0 || strcmp(name, "asserts") == 0;
}

static bool parse(const as_plan *p, as_step_spec *s, as_arena *a, as_error *err)
{
    own *o = as_arena_push(a, 1, sizeof *o, err);
    size_t seed = (size_t)p->seed;
    static const char *const heads[] = {"top", NULL}, *const vector[] = {"v", NULL};
    const char *sided = "absolute";
    char shown[AS_ESCAPE_SIZE];
    if (!o) return false;
    s->own = o;
    if (!s->from) return as_tree_fail(s->at, err, "%s (expected from: STEP.ARM)", s->kind->name);
    o->reading = s->kind == &as_step_direction ? "h_last" : "heads";
    o->label = "correct";
    o->k = 5;
    o->n_placebos = 3;
    if (!as_tree_text_or(s->at, "reading", &o->reading, err) ||
        !as_tree_text_or(s->at, "label", &o->label, err) ||
        !as_tree_text_or(s->at, "only", &o->only, err) ||
        !as_tree_text_or(s->at, "sided", &sided, err) || !as_tree_size_or(s->at, "k", &o->k, err) ||
        !as_tree_size_or(s->at, "placebos", &o->n_placebos, err) ||
        !as_tree_size_or(s->at, "layer", &o->layer, err) ||
        !as_tree_size_or(s->at, "seed", &seed, err))
        return false;
    o->seed = seed;
    s->makes = s->kind == &as_step_direction ? vector : heads;
    s->numbered = "placebo-";
    s->n_numbered = o->n_placebos;
    o->absolute = strcmp(sided, "absolute") == 0;
    if (!o->absolute && strcmp(sided, "signed") != 0)
        return as_tree_fail(as_tree_find(s->at, "sided"), err,
                            "sided (found %s, expected absolute or signed)",
                            as_escape(sided, strlen(sided), shown));
    if (o->n_placebos > 1000)
        return as_tree_fail(as_tree_find(s->at, "placebos"), err,
                            "placebos (found %zu, expected at most 1000)", o->n_placebos);
    if (o->k == 0)
        return as_tree_fail(as_tree_find(s->at, "k"), err, "k (found 0, expected at least 1)");
    const char *const used[] = {o->reading, o->label, o->only};
    for (size_t i = 0; i < 3; i++)
        if (used[i] && !has_column(s, used[i]))
            return as_tree_fail(s->at, err, "column %s (expected one of step %s)",
                                as_escape(used[i], strlen(used[i]), shown), s->from->id);
    return true;
}

/* --- cohorts --- */

typedef struct {
    const float *x; /* (n, dim) */
    double *d;      /* the same in double */
    uint8_t *y;
    size_t n, dim, n_pos;
} cohorts;

/* A column by name, or one that every study has: correct (coverage of at least a half) and asserts.
 */
static double value_of(const as_table *t, const char *name, size_t i)
{
    const as_column *c = as_column_find(t, name);
    if (c && c->number) return c->number[i];
    if (strcmp(name, "correct") == 0) {
        c = as_column_find(t, "coverage");
        return c && c->number && !isnan(c->number[i]) ? c->number[i] >= 0.5 : NAN;
    }
    if (strcmp(name, "asserts") == 0) {
        c = as_column_find(t, "verbal");
        return c && c->text && c->text[i] ? strcmp(c->text[i], "ASSERT") == 0 : NAN;
    }
    return NAN;
}

static bool gather(as_study *st, const as_step_spec *s, cohorts *c, as_error *err)
{
    const own *o = s->own;
    as_table t;
    if (!as_study_table(st, s->from, s->from_arm, &t, err)) return false;
    const as_column *x = as_column_find(&t, o->reading);
    if (!x || x->kind != AS_COLUMN_MATRIX)
        return as_fail(err, AS_EUSAGE, "reading %s (found none in %s)", o->reading, t.name);
    const char *const used[] = {o->label, o->only};
    for (size_t i = 0; i < 2; i++) {
        const as_column *by = used[i] ? as_column_find(&t, used[i]) : NULL;
        if (by && by->kind != AS_COLUMN_NUMBER)
            return as_fail(err, AS_EUSAGE, "%s: column %s (expected numbers)", t.name, used[i]);
    }
    c->dim = x->dim;
    float *rows = as_arena_push(st->a, t.n * x->dim + 1, sizeof *rows, err);
    c->d = as_arena_push(st->a, t.n * x->dim + 1, sizeof *c->d, err);
    c->y = as_arena_push(st->a, t.n + 1, sizeof *c->y, err);
    if (!rows || !c->d || !c->y) return false;
    for (size_t i = 0; i < t.n; i++) {
        const double y = value_of(&t, o->label, i);
        if (isnan(y) || as_column_lacks(x, i) || (o->only && !(value_of(&t, o->only, i) > 0)))
            continue;
        memcpy(rows + c->n * x->dim, x->matrix + i * x->dim, x->dim * sizeof *rows);
        for (size_t k = 0; k < x->dim; k++) c->d[c->n * x->dim + k] = x->matrix[i * x->dim + k];
        c->y[c->n] = y > 0;
        c->n_pos += y > 0;
        c->n++;
    }
    c->x = rows;
    const size_t least = s->kind == &as_step_direction ? 5 : 2; /* one for each fold */
    if (c->n_pos >= least && c->n - c->n_pos >= least) return true;
    return as_study_lack(st, err, "cohorts (found %zu and %zu answers, expected at least %zu)",
                         c->n_pos, c->n - c->n_pos, least);
}

/* --- heads --- */

/* "L.H,L.H" of the heads at the places listed. */
static bool make_list(as_study *st, const as_step_spec *s, const char *name, const size_t *place,
                      size_t k, const size_t *layer, const size_t *head, as_error *err)
{
    as_buf b = {0};
    for (size_t i = 0; i < k; i++)
        as_buf_printf(&b, "%s%zu.%zu", i ? "," : "", layer[place[i]], head[place[i]]);
    bool ok = as_buf_ok(&b, err) && as_study_make(st, s, name, as_buf_text(&b), err);
    as_buf_clear(&b);
    return ok;
}

/* The null distribution of a maximum or of an effect: how many draws, their 5 %, 50 %, 95 %. */
static bool put_null(json_t **detail, const double *draw, size_t n, as_error *err)
{
    static const double at[] = {0.05, 0.5, 0.95};
    double q[3] = {NAN, NAN, NAN};
    json_t *null = json_object();
    if (!as_quantiles(draw, n, at, 3, q, err)) {
        json_decref(null);
        return false;
    }
    as_json_put_size(&null, "draws", n);
    as_json_put_real(&null, "q05", q[0]);
    as_json_put_real(&null, "median", q[1]);
    as_json_put_real(&null, "q95", q[2]);
    as_json_put(detail, "null", null);
    return true;
}

/* What an earlier call made under that name of this step. */
static const char *made(as_study *st, const as_step_spec *s, const char *name, as_error *err)
{
    const char *full = as_arena_printf(st->a, err, "%s.%s", s->id, name);
    return full ? as_study_product(st, full) : NULL;
}

typedef struct {
    as_attribution found;
    double *d, *null;             /* of each head, of each draw */
    size_t *order, *layer, *head; /* by effect; where each stands */
} ranking;

/* Every head with its effect, those that were chosen, and what shuffled labels give. */
static bool note_heads(as_study *st, const as_step_spec *s, const cohorts *c, const ranking *r,
                       as_error *err)
{
    const own *o = s->own;
    const size_t draws = st->plan->permutations;
    json_t *detail = json_object(), *all = json_array(), *placebos = json_array();
    for (size_t i = 0; i < c->dim; i++) {
        const size_t at = r->order[i];
        as_json_append(&all, json_pack("{s:I,s:I,s:o}", "layer", (json_int_t)r->layer[at], "head",
                                       (json_int_t)r->head[at], "d", as_json_real(r->d[at])));
    }
    for (size_t i = 0; i < o->n_placebos; i++) {
        const char *name = as_arena_printf(st->a, err, "placebo-%zu", i + 1);
        const char *heads = name ? made(st, s, name, err) : NULL;
        if (heads) as_json_append(&placebos, json_string(heads));
    }
    as_json_put(&detail, "heads", all);
    as_json_put_text(&detail, "top", made(st, s, "top", err));
    as_json_put(&detail, "placebos", placebos);
    as_json_put_real(&detail, "p", r->found.p);
    as_json_put_text(&detail, "sided", o->absolute ? "absolute" : "signed");
    as_json_put_size(&detail, "positive", c->n_pos);
    if (!put_null(&detail, r->null, draws, err)) {
        json_decref(detail);
        return false;
    }
    return as_study_note(st, s, "maximum", "", r->found.maximum, c->n, 0, detail, err);
}

/* As many heads at random among those not chosen, for each placebo. */
static bool make_placebos(as_study *st, const as_step_spec *s, const size_t *order, size_t n_heads,
                          const size_t *layer, const size_t *head, as_error *err)
{
    const own *o = s->own;
    const size_t n = n_heads - o->k;
    size_t *other = as_arena_push(st->a, n + 1, sizeof *other, err);
    for (size_t i = 0; other && i < o->n_placebos; i++) {
        as_rng r = as_rng_at(o->seed, "placebo heads", i);
        const char *name = as_arena_printf(st->a, err, "placebo-%zu", i + 1);
        memcpy(other, order + o->k, n * sizeof *other);
        as_rng_shuffle(&r, other, n);
        if (!name || !make_list(st, s, name, other, o->k, layer, head, err)) return false;
    }
    return other;
}

static as_resample draws_of(const as_study *st, const char *purpose)
{
    return (as_resample){st->plan->permutations, st->plan->seed, purpose, st->o->pool};
}

static bool rank_heads(as_study *st, const as_step_spec *s, const cohorts *c, ranking *r,
                       as_error *err)
{
    const own *o = s->own;
    const as_resample how = draws_of(st, "step/heads");
    r->layer = as_arena_push(st->a, c->dim + 1, sizeof *r->layer, err);
    r->head = as_arena_push(st->a, c->dim + 1, sizeof *r->head, err);
    r->d = as_arena_push(st->a, c->dim + how.draws, sizeof *r->d, err);
    r->order = as_arena_push(st->a, c->dim + 1, sizeof *r->order, err);
    if (!r->layer || !r->head || !r->d || !r->order) return false;
    r->null = r->d + c->dim;
    const as_config *config = as_model_config(st->local.model);
    const size_t n_heads = as_probe_heads(config, NULL, NULL);
    const size_t most = o->n_placebos ? n_heads / 2 : n_heads; /* placebos are as many others */
    if (o->k > most)
        return as_fail(err, AS_EUSAGE, "k (found %zu, expected at most %zu of %zu heads)", o->k,
                       most, n_heads);
    if (n_heads != c->dim)
        return as_fail(err, AS_EUSAGE, "heads (found %zu values, expected those of %zu heads)",
                       c->dim, n_heads);
    (void)as_probe_heads(config, r->layer, r->head);
    return as_attribution_of(&r->found, r->d, r->order, r->null, c->d, c->n, c->dim, c->y,
                             o->absolute ? AS_EFFECT_ABSOLUTE : AS_EFFECT_SIGNED, &how, err);
}

static bool run_heads(as_study *st, const as_step_spec *s, as_error *err)
{
    const own *o = s->own;
    cohorts c = {0};
    ranking r = {0};
    return gather(st, s, &c, err) && as_study_open(st, s->model, err) &&
           rank_heads(st, s, &c, &r, err) &&
           make_list(st, s, "top", r.order, o->k, r.layer, r.head, err) &&
           make_placebos(st, s, r.order, c.dim, r.layer, r.head, err) &&
           note_heads(st, s, &c, &r, err);
}

const as_step_kind as_step_heads = {
    "heads", "the attention heads in which two cohorts of answers differ most, and random others",
    head_keys, parse, run_heads};

/* --- a direction --- */

static bool write_vectors(const char *path, const float *v, size_t dim, as_error *err)
{
    const as_npz_source array = {{.name = "v", .type = AS_NPZ_F4, .n_dims = 1, .dim = {dim}}, v};
    return as_npz_write(path, &array, 1, err);
}

/* Vector 0 is the direction with the length of the difference; the others are random ones as long.
 */
static bool make_vector(as_study *st, const as_step_spec *s, size_t i, const double *unit,
                        size_t dim, double length, as_error *err)
{
    const own *o = s->own;
    as_rng r = as_rng_at(o->seed, "placebo direction", i);
    const char *name = i ? as_arena_printf(st->a, err, "placebo-%zu", i) : "v";
    const char *path =
        name ? as_arena_printf(st->a, err, "%s/%s-%s.npz", st->o->work, s->id, name) : NULL;
    const char *text = path ? as_arena_printf(st->a, err, "%s#v@%zu", path, o->layer) : NULL;
    double norm = 0, *x = as_arena_push(st->a, dim + 1, sizeof *x, err);
    float *v = as_arena_push(st->a, dim + 1, sizeof *v, err);
    if (!text || !x || !v) return false;
    for (size_t k = 0; k < dim; k++) {
        x[k] = i ? as_rng_normal(&r) : unit[k];
        norm += x[k] * x[k];
    }
    for (size_t k = 0; k < dim; k++) v[k] = (float)(x[k] * length / sqrt(norm > 0 ? norm : 1));
    return write_vectors(path, v, dim, err) && as_study_make(st, s, name, text, err);
}

static bool run_direction(as_study *st, const as_step_spec *s, as_error *err)
{
    const own *o = s->own;
    const as_resample how = {st->plan->permutations, st->plan->seed, "step/direction", st->o->pool};
    cohorts c = {0};
    as_direction found;
    if (!gather(st, s, &c, err)) return false;
    double *unit = as_arena_push(st->a, c.dim + how.draws + 1, sizeof *unit, err);
    uint8_t *fold = as_arena_push(st->a, c.n + 1, sizeof *fold, err);
    if (!unit || !fold || !as_fold_stratified(fold, c.y, c.n, 5, st->plan->seed, 0, err) ||
        !as_direction_of(&found, unit, NULL, unit + c.dim, c.d, c.n, 1, c.dim, c.y, fold, 5, &how,
                         err) ||
        !as_dir_make(st->o->work, err))
        return false;
    for (size_t i = 0; i <= o->n_placebos; i++)
        if (!make_vector(st, s, i, unit, c.dim, found.distance, err)) return false;
    json_t *detail = json_object();
    as_json_put_real(&detail, "crossfit", found.crossfit);
    as_json_put_real(&detail, "p", found.p);
    as_json_put_real(&detail, "cosine", found.cosine);
    as_json_put_real(&detail, "distance", found.distance);
    if (!put_null(&detail, unit + c.dim, how.draws, err)) {
        json_decref(detail);
        return false;
    }
    return as_study_note(st, s, "direction", "", found.in_sample, c.n, 0, detail, err);
}

const as_step_kind as_step_direction = {
    "direction", "the direction between the mean states of two cohorts, and random ones as long",
    direction_keys, parse, run_direction};
