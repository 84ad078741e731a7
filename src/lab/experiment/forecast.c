/* The steps of a forecast: samples of what each would do, and how often the study does it. */
#include "lab/experiment/forecast.h"

#include <math.h>
#include <string.h>

#include "base/progress.h"
#include "engine/tensor/ceiling.h"
#include "lab/experiment/forecast_internal.h"
#include "lab/treatment/training.h"

enum {
    LEAST_ROWS = 16, /* of a sample of answers */
    MOST_ROWS = 64,  /* as many as the run has side by side */
    SHARE = 4,       /* of the rows one in so many, between the two */
    UPDATES = 2      /* of a training, after one that touches all memory */
};
#define PATIENCE 0.25 /* seconds for each judge on trial and on the sample */

bool as_forecast_goes_on(const as_forecaster *f, as_error *err)
{
    return !f->o->stop || !*f->o->stop || as_fail(err, AS_ESTATE, "interrupted");
}

static as_forecast_step *told(const as_forecaster *f, const as_step_spec *s)
{
    return &f->out->step[s->place];
}

static const as_items *items_of(const as_forecaster *f, const as_step_spec *s)
{
    return &f->items[s->set - f->plan->set];
}

/* As the run does, which opens a model anew whenever it is another one's turn. */
static bool open_model(as_forecaster *f, const as_step_spec *s, as_error *err)
{
    const as_local_options options = {.cache = f->o->cache};
    const char *note = NULL;
    if (f->opened == s->model) return true;
    if (f->opened) as_local_close(&f->local);
    f->opened = NULL;
    const double since = as_seconds();
    if (!as_local_open(&f->local, s->model->path, f->o->ex, &options, &note, err)) return false;
    f->opened = s->model;
    told(f, s)->seconds += as_seconds() - since;
    return true;
}

/* --- judges --- */

/* Seconds of a judge for one item of a set when it is tried. */
static bool try_judge(const as_forecaster *f, const as_judge *j, const as_items *items, double *out,
                      as_error *err)
{
    const as_tools tools = {f->o->sandbox, f->a};
    const double since = as_seconds();
    as_gate_count count;
    size_t n = 0;
    while (n < items->n && as_seconds() - since < PATIENCE) {
        const as_items one = {.item = items->item + n++, .n = 1};
        if (!as_judge_gate(j, &tools, &one, &count, err)) return false;
    }
    *out = n ? (as_seconds() - since) / (double)n * (double)items->n : 0;
    return true;
}

/* Every judge of every step is tried; the same one on the same set costs the same again. */
static bool try_judges(as_forecaster *f, as_error *err)
{
    size_t n_judges = 0;
    const as_judge *const *judges = as_judges(&n_judges);
    double *seconds = as_arena_push(f->a, f->plan->n_sets * n_judges + 1, sizeof *seconds, err);
    if (!seconds) return false;
    for (size_t i = 0; i < f->plan->n_steps; i++) {
        const as_step_spec *s = &f->plan->step[i];
        for (size_t k = 0; s->set && k < s->n_judges; k++) {
            size_t j = 0;
            while (judges[j] != s->judge[k]) j++;
            double *known = &seconds[(size_t)(s->set - f->plan->set) * n_judges + j];
            if (*known == 0 && (!as_forecast_goes_on(f, err) ||
                                !try_judge(f, s->judge[k], items_of(f, s), known, err)))
                return false;
            f->out->before += *known;
        }
    }
    return true;
}

/* Seconds of the step's judges for one answer of the sample. */
static bool time_judges(const as_forecaster *f, const as_step_spec *s, as_tasting *m, as_error *err)
{
    as_ruling ruling[AS_JUDGE_AXES];
    bool ok = true;
    as_arena *a = as_arena_new(err);
    const as_tools tools = {f->o->sandbox, a};
    m->judging = 0;
    for (size_t k = 0; a && ok && k < s->n_judges; k++) {
        const double since = as_seconds();
        size_t n = 0;
        while (ok && n < m->n && as_seconds() - since < PATIENCE) {
            const as_answer answer = {&items_of(f, s)->item[m->position[n]], m->text[n],
                                      m->finish[n]};
            ok = s->judge[k]->judge(&tools, &answer, ruling, err);
            n++;
        }
        if (n) m->judging += (as_seconds() - since) / (double)n;
    }
    as_arena_free(a);
    return a && ok;
}

/* --- answers --- */

typedef struct {
    as_forecaster *f;
    as_tasting *m;
    size_t n_readings;
} taker;

static bool take(void *context, const as_question_row *q, const as_answer_row *r, as_error *err)
{
    taker *t = context;
    as_tasting *m = t->m;
    m->position[m->n] = *(const size_t *)q->user;
    m->text[m->n] = as_arena_text(t->f->a, r->text, err);
    m->finish[m->n] = as_arena_text(t->f->a, r->finish, err);
    m->tokens += (double)r->n;
    for (size_t i = 0; i < t->n_readings; i++)
        if (r->reading[i])
            memcpy(m->reading[i] + m->n * m->dim[i], r->reading[i], m->dim[i] * sizeof(float));
    m->n++;
    return m->text[m->n - 1] && m->finish[m->n - 1];
}

static bool sample_room(as_forecaster *f, const as_step_spec *s, size_t n, const as_probe **probe,
                        as_tasting *m, as_error *err)
{
    m->position = as_arena_push(f->a, n + 1, sizeof *m->position, err);
    m->text = as_arena_push(f->a, n + 1, sizeof *m->text, err);
    m->finish = as_arena_push(f->a, n + 1, sizeof *m->finish, err);
    m->reading = as_arena_push(f->a, s->n_readings + 1, sizeof *m->reading, err);
    m->dim = as_arena_push(f->a, s->n_readings + 1, sizeof *m->dim, err);
    if (!m->position || !m->text || !m->finish || !m->reading || !m->dim) return false;
    for (size_t i = 0; i < s->n_readings; i++) {
        as_error why = {0};
        probe[i] = as_probe_parse(s->reading[i], as_model_config(f->local.model), f->a, &why);
        if (!probe[i]) return as_tree_fail(as_tree_find(s->at, "read"), err, "%s", why.what);
        m->dim[i] = probe[i]->dim;
        m->reading[i] = as_arena_push(f->a, n * m->dim[i] + 1, sizeof(float), err);
        if (!m->reading[i]) return false;
    }
    return true;
}

/* An arm whose operators name what an earlier step makes is there as the base model. */
static as_subject_arm *arms_of(const as_forecaster *f, const as_step_spec *s, as_error *err)
{
    as_subject_arm *arm = as_arena_push(f->a, s->n_arms + 1, sizeof *arm, err);
    for (size_t i = 0; arm && i < s->n_arms; i++) {
        const char *text = s->arm[i].operators;
        arm[i] = (as_subject_arm){.name = s->arm[i].name,
                                  .operators = text && strchr(text, '{') ? NULL : text,
                                  .system = s->arm[i].system};
    }
    return arm;
}

/* Rows of different questions, the arms in turn. */
static as_question_row *rows_of(const as_forecaster *f, const as_step_spec *s, size_t n,
                                as_error *err)
{
    const as_items *items = items_of(f, s);
    as_question_row *row = as_arena_push(f->a, n + 1, sizeof *row, err);
    size_t *position = as_arena_push(f->a, n + 1, sizeof *position, err);
    if (!row || !position) return NULL;
    for (size_t i = 0; i < n; i++) {
        const as_arm_spec *arm = &s->arm[i % s->n_arms];
        position[i] = n <= items->n ? i * items->n / n : i % items->n;
        row[i] = (as_question_row){.prompt = items->item[position[i]].prompt,
                                   .arm = i % s->n_arms,
                                   .seed = arm->seed + position[i],
                                   .max_tokens = arm->budget,
                                   .user = &position[i]};
    }
    return row;
}

static bool foretell_answers(as_forecaster *f, const as_step_spec *s, as_error *err)
{
    const size_t all = items_of(f, s)->n * s->n_arms, part = all / SHARE;
    const size_t least = all < LEAST_ROWS ? all : LEAST_ROWS;
    const size_t n = part < least ? least : part < MOST_ROWS ? part : MOST_ROWS;
    as_tasting *m = &f->sample[s->place];
    as_forecast_step *out = told(f, s);
    as_answer_options options = {.n_probes = s->n_readings, .stop = f->o->stop};
    taker t = {f, m, s->n_readings};
    const as_answer_sink sink = {&t, take};
    const as_probe **probe = as_arena_push(f->a, s->n_readings + 1, sizeof *probe, err);
    if (!probe || !open_model(f, s, err) || !sample_room(f, s, n, probe, m, err)) return false;
    const as_subject_arm *arm = arms_of(f, s, err);
    const as_question_row *row = arm ? rows_of(f, s, n, err) : NULL;
    as_step_answer_how(s, &options);
    options.probes = probe;
    const double since = as_seconds();
    if (!row || !as_answer_all(&f->local, f->o->ex, arm, s->n_arms, row, n, &options, &sink, err))
        return false;
    const double took = as_seconds() - since;
    if (!time_judges(f, s, m, err)) return false;
    f->out->answers += n;
    out->answers = all;
    out->tokens = m->tokens / (double)n * (double)all;
    out->seconds += (took / (double)n + m->judging * (double)(1 + s->n_ladder)) * (double)all;
    return true;
}

/* The answers of another step, edited: their judging is all that takes time. */
static bool foretell_edits(as_forecaster *f, const as_step_spec *s, as_error *err)
{
    as_tasting *m = &f->sample[s->place];
    as_forecast_step *out = told(f, s);
    *m = f->sample[s->from->place];
    if (!time_judges(f, s, m, err)) return false;
    out->answers = items_of(f, s)->n;
    out->seconds += m->judging * (double)out->answers;
    return true;
}

/* --- training --- */

static bool foretell_distil(as_forecaster *f, const as_step_spec *s, as_error *err)
{
    const as_items *items = items_of(f, s);
    const as_tasting *m = &f->sample[s->from->place];
    as_lesson_rows *out = &f->lesson[s->place];
    as_distil_count count = {0};
    json_t *records = json_array();
    as_arena *a = as_arena_new(err);
    const as_tools tools = {f->o->sandbox, a};
    bool *seen = as_arena_push(f->a, items->n + 1, sizeof *seen, err);
    size_t n = 0;
    bool ok = a && seen && (records || as_fail(err, AS_EMEM, "out of memory"));
    const double since = as_seconds();
    for (size_t i = 0; ok && i < m->n; i++) {
        const size_t at = m->position[i];
        if (seen[at]) continue; /* another arm's answer */
        seen[at] = true;
        n++;
        ok = as_step_distil_one(s, &tools, &items->item[at], m->text[i], records, &count, err);
    }
    ok = ok && as_step_distil_keep(s, records, err) &&
         as_distil_rows(records, false, &out->rows[0], err) &&
         as_distil_rows(records, true, &out->rows[1], err);
    const double scale = n ? (double)items->n / (double)n : 0;
    told(f, s)->seconds += (as_seconds() - since) * scale;
    for (size_t i = 0; i < 2; i++) {
        size_t lines = 0;
        for (size_t k = 0; k < out->rows[i].size; k++) lines += out->rows[i].data[k] == '\n';
        out->n_rows[i] = round((double)lines * scale);
    }
    json_decref(records);
    as_arena_free(a);
    return ok;
}

/* Rows of the sample of all steps that the training learns from, one after the other. */
static bool gather_rows(const as_forecaster *f, const as_step_spec *s, bool pairs, as_buf *rows,
                        double *n, as_error *err)
{
    const as_tree *node = as_tree_find(s->at, "data");
    const bool is_list = node->kind == AS_TREE_LIST;
    *n = 0;
    for (size_t i = 0; i < (is_list ? node->n : 1); i++) {
        const as_step_spec *from =
            as_plan_step(f->plan, is_list ? node->child[i]->text : node->text);
        const as_lesson_rows *l = &f->lesson[from->place];
        as_buf_add(rows, as_buf_text(&l->rows[pairs]), l->rows[pairs].size);
        *n += l->n_rows[pairs];
    }
    return as_buf_ok(rows, err);
}

/* The step's plan. One that goes on from an adapter that an earlier step makes starts with a fresh
 * one of that step's settings. */
static as_train_plan plan_of(const as_forecaster *f, const as_step_spec *s, size_t *n_seeds)
{
    const as_tree *start = as_tree_find(s->at, "start");
    as_train_plan plan = *as_step_train_how(s, n_seeds);
    plan.data = s->id;
    for (const as_step_spec *at = s; start; start = as_tree_find(at->at, "start")) {
        size_t n;
        at = as_plan_step(f->plan, start->text);
        plan.adapter = as_step_train_how(at, &n)->adapter;
        plan.start = as_step_train_how(at, &n)->start;
        plan.from_start = false;
    }
    return plan;
}

/* Of n rows: how many updates, and what all of it takes, for one seed. */
static void count_training(const as_train_plan *plan, const as_learning *t,
                           const as_train_cost *cost, double n, as_forecast_step *out)
{
    const as_dataset *d = as_learning_data(t), *held = as_learning_held(t);
    const as_train_options *o = &plan->train;
    const bool is_split = held && !plan->held;
    const double given = (double)(d->n + (is_split ? held->n : 0)), grows = n / given;
    const double rows = (double)d->n * grows, batch = (double)o->batch;
    const double updates = o->steps ? (double)o->steps : ceil(rows / batch) * (double)o->epochs;
    const double seen = o->steps ? updates * batch : rows * (double)o->epochs;
    const double tokens = seen * (double)d->n_tokens / (double)d->n;
    const double looks =
        2 + (o->evaluate_every ? floor((updates - 1) / (double)o->evaluate_every) : 0);
    out->updates += (size_t)updates;
    out->tokens += tokens;
    out->seconds += tokens * cost->steps / (double)cost->tokens + cost->reference * grows +
                    looks * cost->evaluation * (is_split ? grows : 1);
}

static bool foretell_training(as_forecaster *f, const as_step_spec *s, as_error *err)
{
    size_t n_seeds = 0;
    const as_train_plan plan = plan_of(f, s, &n_seeds);
    as_forecast_step *out = told(f, s);
    as_train_cost cost;
    as_buf rows = {0};
    double n = 0;
    as_learning *t = NULL;
    bool ok = open_model(f, s, err) && gather_rows(f, s, plan.kind == AS_TRAIN_DPO, &rows, &n, err);
    if (!ok || n == 0) goto out; /* nothing to try it on */
    const double since = as_seconds();
    const as_learning_options options = {.plan = &plan,
                                         .name = s->id,
                                         .local = &f->local,
                                         .ex = f->o->ex,
                                         .rows = as_buf_text(&rows),
                                         .n_rows_bytes = rows.size};
    t = as_learning_open(&options, err);
    const double opened = as_seconds() - since;
    ok = t && as_learning_try(t, UPDATES, &cost, err);
    if (!ok) goto out;
    f->out->updates += UPDATES;
    out->tokens = 0;
    for (size_t i = 0; i < n_seeds; i++) count_training(&plan, t, &cost, n, out);
    out->seconds += opened * (double)n_seeds;
out:
    if (ok && n == 0) out->seconds = NAN;
    as_learning_close(t);
    as_buf_clear(&rows);
    if (plan.all_weights && f->opened) { /* they have changed */
        as_local_close(&f->local);
        f->opened = NULL;
    }
    return ok;
}

/* --- the whole --- */

static bool make_items(as_forecaster *f, as_error *err)
{
    const as_plan *p = f->plan;
    const double since = as_seconds();
    f->items = as_arena_push(f->a, p->n_sets + 1, sizeof *f->items, err);
    for (size_t i = 0; f->items && i < p->n_sets; i++) {
        const as_set_spec *set = &p->set[i];
        if (set->task->items(set->data, set->set, set->n, set->seed, f->a, &f->items[i], err))
            continue;
        as_error_at(err, "set %s", set->name);
        return false;
    }
    f->out->before = as_seconds() - since;
    return f->items;
}

static bool foretell(as_forecaster *f, const as_step_spec *s, as_error *err)
{
    bool ok = true;
    if (s->kind == &as_step_answer)
        ok = foretell_answers(f, s, err);
    else if (s->kind == &as_step_distil)
        ok = foretell_distil(f, s, err);
    else if (s->kind == &as_step_train)
        ok = foretell_training(f, s, err);
    else if (s->n_arms > 0)
        ok = foretell_edits(f, s, err);
    else
        told(f, s)->seconds = NAN;
    if (!ok) as_error_at(err, "step %s", s->id);
    return ok;
}

static bool walk(as_forecaster *f, as_progress *progress, as_error *err)
{
    const as_plan *p = f->plan;
    f->sample = as_arena_push(f->a, p->n_steps + 1, sizeof *f->sample, err);
    f->lesson = as_arena_push(f->a, p->n_steps + 1, sizeof *f->lesson, err);
    f->out->step = as_arena_push(f->a, p->n_steps + 1, sizeof *f->out->step, err);
    if (!f->sample || !f->lesson || !f->out->step) return false;
    for (size_t i = 0; i < p->n_steps; i++)
        f->out->step[i] = (as_forecast_step){.step = &p->step[i], .tokens = NAN};
    if (!make_items(f, err) || !try_judges(f, err)) return false;
    for (size_t i = 0; i < p->n_steps; i++) {
        as_progress_set(progress, i, p->step[i].id);
        if (!as_forecast_goes_on(f, err) || !foretell(f, &p->step[i], err)) return false;
    }
    return as_forecast_checks(f, err);
}

bool as_forecast_make(const as_plan *plan, const as_run_options *o, as_arena *a, as_forecast *out,
                      as_error *err)
{
    as_forecaster f = {.plan = plan, .o = o, .a = a, .out = out};
    *out = (as_forecast){.plan = plan, .threads = as_pool_size(o->pool)};
    as_progress *progress = as_progress_new(o->log, "measuring", plan->n_steps, err);
    bool ok = progress && walk(&f, progress, err);
    as_progress_end(progress);
    if (f.opened) as_local_close(&f.local);
    for (size_t i = 0; f.lesson && i < plan->n_steps; i++) {
        as_buf_clear(&f.lesson[i].rows[0]);
        as_buf_clear(&f.lesson[i].rows[1]);
    }
    if (!ok) return false;
    out->seconds = out->before + out->checks;
    for (size_t i = 0; i < plan->n_steps; i++)
        if (!isnan(out->step[i].seconds)) out->seconds += out->step[i].seconds;
    return true;
}

static json_t *size_or_null(size_t n)
{
    return n ? json_integer((json_int_t)n) : json_null();
}

json_t *as_forecast_json(const as_forecast *f)
{
    json_t *o = json_object(), *steps = json_array(), *checks = json_object();
    json_t *unknown = json_array(), *measured = json_object();
    for (size_t i = 0; i < f->plan->n_steps; i++) {
        const as_forecast_step *s = &f->step[i];
        json_t *one = json_object();
        as_json_put_text(&one, "id", s->step->id);
        as_json_put_text(&one, "do", s->step->kind->name);
        as_json_put(&one, "answers", size_or_null(s->answers));
        as_json_put(&one, "updates", size_or_null(s->updates));
        as_json_put_real(&one, "tokens", isnan(s->tokens) ? NAN : round(s->tokens));
        as_json_put_real(&one, "seconds", s->seconds);
        as_json_append(&steps, one);
    }
    for (size_t i = 0; i < f->n_unknown; i++) as_json_append(&unknown, json_string(f->unknown[i]));
    as_json_put_size(&checks, "n", f->plan->n_checks);
    as_json_put_real(&checks, "seconds", f->checks);
    as_json_put(&checks, "unknown", unknown);
    as_json_put_size(&measured, "answers", f->answers);
    as_json_put_size(&measured, "updates", f->updates);
    as_json_put_text(&o, "schema", "assay.forecast/1");
    as_json_put_text(&o, "plan", f->plan->name);
    as_json_put(&o, "steps", steps);
    as_json_put_real(&o, "before", f->before);
    as_json_put(&o, "checks", checks);
    as_json_put(&o, "measured", measured);
    as_json_put_real(&o, "seconds", f->seconds);
    as_json_put_size(&o, "threads", f->threads);
    return o;
}
