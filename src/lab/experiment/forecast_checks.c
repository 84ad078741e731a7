/* What the checks of a study will take: each measures tables of the right size and kind with few
 * draws, twice, and what it takes grows with the draws. What the columns hold is made up, but for
 * texts, clusters and readings, which are those of the sampled answers. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "engine/tensor/ceiling.h"
#include "lab/experiment/forecast_internal.h"

/* One draw in so many is measured. */
enum { FEW = 100, MORE = 20 };

/* --- tables --- */

typedef struct {
    const as_forecaster *f;
    const as_table_spec *spec;
    const as_step_spec *step;
    const as_tasting *sample; /* with at least one answer */
    as_table *table;
    as_error *err;
} maker;

/* The readings of the sample in turn, each moved a little: rows differ as those of other answers
 * would. */
static bool make_vectors(const maker *m, const as_step_spec *from, size_t which, as_column *c)
{
    const as_tasting *x = m->sample;
    const size_t n = m->table->n, dim = x->dim[which];
    float *matrix = as_arena_push(m->f->a, n * dim + 1, sizeof *matrix, m->err);
    if (!matrix) return false;
    for (size_t i = 0; i < n; i++) {
        as_rng r = as_rng_at(m->f->plan->seed, from->reading[which], i);
        const float *like = x->reading[which] + i % x->n * dim;
        const float *other = x->reading[which] + (i + 1 + as_rng_below(&r, x->n)) % x->n * dim;
        for (size_t k = 0; k < dim; k++)
            matrix[i * dim + k] = like[k] + (other[k] - like[k]) * (float)as_rng_uniform(&r) / 2;
    }
    c->kind = AS_COLUMN_MATRIX;
    c->matrix = matrix;
    c->dim = dim;
    return true;
}

static bool make_texts(const maker *m, const char *name, as_column *c)
{
    const as_items *items = &m->f->items[m->step->set - m->f->plan->set];
    const as_tasting *x = m->sample;
    const char **text = as_arena_push(m->f->a, m->table->n + 1, sizeof *text, m->err);
    for (size_t i = 0; text && i < m->table->n; i++) {
        const as_item *item = &items->item[i];
        text[i] = strcmp(name, "prompt") == 0     ? item->prompt
                  : strcmp(name, "cluster") == 0  ? item->cluster
                  : strcmp(name, "category") == 0 ? item->category
                  : strcmp(name, "answer") == 0   ? x->text[i % x->n]
                  : strcmp(name, "finish") == 0   ? x->finish[i % x->n]
                                                  : (i % 2 ? "ASSERT" : "HEDGE");
        if (!text[i]) text[i] = item->id;
    }
    c->kind = AS_COLUMN_TEXT;
    c->text = text;
    return text;
}

/* Truth values where they are asked for, else sixths. */
static bool make_numbers(const maker *m, const as_column_spec *s, as_column *c)
{
    const bool is_flag = s->origin == AS_DERIVED &&
                         (s->derive == AS_DERIVE_RULE || s->derive == AS_DERIVE_EQUALS ||
                          s->derive == AS_DERIVE_ENDING || s->derive == AS_DERIVE_PLANTED);
    double *number = as_arena_push(m->f->a, m->table->n + 1, sizeof *number, m->err);
    for (size_t i = 0; number && i < m->table->n; i++) {
        as_rng r = as_rng_at(m->f->plan->seed, m->spec->name, i);
        for (const char *p = s->name; *p; p++) (void)as_rng_u64(&r);
        number[i] = is_flag ? (double)as_rng_below(&r, 2) : (double)as_rng_below(&r, 7) / 6;
    }
    c->kind = AS_COLUMN_NUMBER;
    c->number = number;
    return number;
}

static bool make_column(const maker *m, const as_column_spec *s, as_column *c)
{
    static const char *const texts[] = {"prompt",  "answer",    "finish",
                                        "cluster", "category",  "item_certainty",
                                        "verbal",  "certainty", "outcome"};
    const as_step_spec *from = m->step;
    *c = (as_column){.name = s->name, .table = m->table, .n = m->table->n};
    for (size_t i = 0; s->origin != AS_DERIVED && i < sizeof texts / sizeof texts[0]; i++)
        if (strcmp(s->name, texts[i]) == 0) return make_texts(m, s->name, c);
    for (size_t i = 0; s->origin != AS_DERIVED && i < from->n_readings; i++)
        if (strcmp(s->name, from->reading[i]) == 0) return make_vectors(m, from, i, c);
    return make_numbers(m, s, c);
}

/* A table of a step's answers; one of files stays unknown. */
static bool make_table(const as_forecaster *f, const as_table_spec *spec, as_table *out,
                       as_error *err)
{
    maker m = {.f = f, .spec = spec, .table = out, .err = err};
    *out = (as_table){.name = spec->name, .about = spec->about, .absent = "not an answer"};
    for (size_t i = 0; spec->arm && i < f->plan->n_steps; i++) {
        const char *id = f->plan->step[i].id;
        if (strncmp(spec->arm, id, strlen(id)) == 0 && spec->arm[strlen(id)] == '.')
            m.step = &f->plan->step[i];
    }
    if (!m.step || f->sample[m.step->place].n == 0) return true;
    m.sample = &f->sample[m.step->place];
    out->absent = NULL;
    out->n = out->n_all = f->items[m.step->set - f->plan->set].n;
    as_column *column = as_arena_push(f->a, spec->n_columns + 1, sizeof *column, err);
    as_fact *fact = as_arena_push(f->a, spec->n_facts + 8, sizeof *fact, err);
    uint64_t *position = as_arena_push(f->a, out->n + 1, sizeof *position, err);
    if (!column || !fact || !position) return false;
    for (size_t i = 0; i < out->n; i++) position[i] = i;
    for (size_t i = 0; i < spec->n_columns; i++)
        if (!make_column(&m, &spec->column[i], &column[i])) return false;
    static const char *const facts[] = {"instrument", "subject",  "token_budget", "judge_cut",
                                        "system",     "selector", "decoding"};
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
        fact[out->n_facts++] = (as_fact){facts[i], "1"};
    out->position = position;
    out->column = column;
    out->n_columns = spec->n_columns;
    out->fact = fact;
    return true;
}

/* --- checks --- */

static size_t part(size_t draws, size_t of)
{
    return (draws + of - 1) / of;
}

/* Seconds of check i with one draw in `of`; its statistics stay in *audit. */
static bool time_check(const as_forecaster *f, const as_scope *scope, size_t i, size_t of,
                       as_audit *audit, double *seconds, bool *is_known, as_error *err)
{
    const as_plan *p = f->plan;
    const char *absent = NULL;
    as_error why = {0};
    *audit = (as_audit){.check = p->check[i].check,
                        .id = p->check[i].id,
                        .arena = f->a,
                        .pool = f->o->pool,
                        .seed = p->seed,
                        .permutations = part(p->permutations, of),
                        .bootstrap = part(p->bootstrap, of),
                        .cv_repeats = p->cv_repeats,
                        .alpha = p->alpha};
    *is_known = false;
    if (!as_args_bind(p->check[i].check, p->check[i].at, scope, f->a, &audit->args, &absent, err))
        return false;
    if (absent) return true;
    const double since = as_seconds();
    *is_known = p->check[i].check->measure(audit, &why);
    *seconds = as_seconds() - since;
    if (!*is_known) *audit = (as_audit){.check = p->check[i].check, .id = p->check[i].id};
    if (!*is_known && why.class_ == AS_EMEM) *err = why;
    return err->class_ == AS_OK;
}

/* Two measurements tell what is spent once and what each draw takes. */
static bool foretell_check(const as_forecaster *f, const as_scope *scope, size_t i, as_audit *audit,
                           double *seconds, bool *is_known, as_error *err)
{
    double few = 0, more = 0;
    if (!time_check(f, scope, i, FEW, audit, &few, is_known, err) || !*is_known ||
        !time_check(f, scope, i, MORE, audit, &more, is_known, err))
        return err->class_ == AS_OK;
    const double draws = (double)(f->plan->permutations + f->plan->bootstrap);
    const double n_few = (double)(part(f->plan->permutations, FEW) + part(f->plan->bootstrap, FEW));
    const double n_more =
        (double)(part(f->plan->permutations, MORE) + part(f->plan->bootstrap, MORE));
    const double each = n_more > n_few ? (more - few) / (n_more - n_few) : 0;
    *seconds = more + fmax(each, 0) * (draws - n_more);
    return true;
}

bool as_forecast_checks(as_forecaster *f, as_error *err)
{
    const as_plan *p = f->plan;
    as_table *table = as_arena_push(f->a, p->n_tables + 1, sizeof *table, err);
    as_audit *audit = as_arena_push(f->a, p->n_checks + 1, sizeof *audit, err);
    f->out->unknown = as_arena_push(f->a, p->n_checks + 1, sizeof *f->out->unknown, err);
    if (!table || !audit || !f->out->unknown) return false;
    for (size_t i = 0; i < p->n_tables; i++)
        if (!make_table(f, &p->table[i], &table[i], err)) {
            as_error_at(err, "table %s", p->table[i].name);
            return false;
        }
    for (size_t i = 0; i < p->n_checks; i++) {
        const as_scope scope = {table, p->n_tables, audit, i};
        double seconds = 0;
        bool is_known = false;
        if (!as_forecast_goes_on(f, err) ||
            !foretell_check(f, &scope, i, &audit[i], &seconds, &is_known, err))
            return false;
        if (is_known)
            f->out->checks += seconds;
        else
            f->out->unknown[f->out->n_unknown++] = p->check[i].id;
    }
    return true;
}
