/* do: answer. A model answers the prompts of a set under several arms, all in one batch; every
 * answer is read and judged. An arm that is asked in another way than the others has to say so. */
#include <math.h>
#include <string.h>

#include "base/progress.h"
#include "lab/experiment/study.h"

typedef struct {
    as_decoding decoding;
    size_t budget, cut;
    uint64_t seed;
    int thinking;
} own;

static const char *const keys[] = {"model", "set",  "judges",   "read",     "ladder", "budget",
                                   "cut",   "seed", "decoding", "thinking", "arms",   NULL};

/* --- plan --- */

static bool parse_decoding(const as_tree *node, as_decoding *d, as_error *err)
{
    static const char *const known[] = {"temperature", "top_k", "top_p", "min_p", "penalty", NULL};
    *d = as_decoding_greedy;
    if (!node) return true;
    if (!as_tree_kind_is(node, AS_TREE_MAP, err) || !as_tree_keys(node, known, err) ||
        !as_tree_double_or(node, "temperature", &d->temperature, err) ||
        !as_tree_size_or(node, "top_k", &d->top_k, err) ||
        !as_tree_double_or(node, "top_p", &d->top_p, err) ||
        !as_tree_double_or(node, "min_p", &d->min_p, err) ||
        !as_tree_double_or(node, "penalty", &d->penalty, err))
        return false;
    as_error why = {0};
    return as_decoding_check(d, &why) || as_tree_fail(node, err, "%s", why.what);
}

/* Is the arm's field the step's, or the difference named under treats? */
static bool declared(const as_arm_spec *arm, const char *field, bool is_same, as_error *err)
{
    if (is_same) return true;
    const as_tree *treats = as_tree_find(arm->at, "treats");
    for (size_t i = 0; treats && treats->kind == AS_TREE_LIST && i < treats->n; i++)
        if (treats->child[i]->text && strcmp(treats->child[i]->text, field) == 0) return true;
    (void)as_tree_fail(as_tree_find(arm->at, field), err,
                       "arms differ in %s (expected the same as the step's, or treats: [%s])",
                       field, field);
    err->class_ = AS_ESTATE; /* refused before work: unequal arms */
    return false;
}

/* Are the words under treats fields that can differ? */
static bool known_treats(const as_tree *treats, as_error *err)
{
    static const char *const fields[] = {"system", "budget", "cut", "seed"};
    char shown[AS_ESCAPE_SIZE];
    if (!treats) return true;
    if (!as_tree_kind_is(treats, AS_TREE_LIST, err)) return false;
    for (size_t i = 0; i < treats->n; i++) {
        const char *word = NULL;
        size_t k = 0;
        if (!as_tree_text(treats->child[i], &word, err)) return false;
        while (k < 4 && strcmp(fields[k], word) != 0) k++;
        if (k == 4)
            return as_tree_fail(treats->child[i], err,
                                "treats (found %s, expected system, budget, cut or seed)",
                                as_escape(word, strlen(word), shown));
    }
    return true;
}

/* Every {STEP.NAME} names what a step that stands before this one makes. */
static bool known_products(const as_plan *p, const as_tree *node, const char *text, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const char *open = text ? strchr(text, '{') : NULL;
    for (; open; open = strchr(open + 1, '{')) {
        const size_t n = strcspn(open + 1, ".}"), all = strcspn(open, "}");
        const as_step_spec *step = NULL;
        for (size_t i = 0; open[all] && open[1 + n] == '.' && i < p->n_steps; i++)
            if (strlen(p->step[i].id) == n && strncmp(p->step[i].id, open + 1, n) == 0)
                step = &p->step[i];
        if (!step)
            return as_tree_fail(node, err,
                                "operators (found %s, expected {STEP.NAME} of an earlier step)",
                                as_escape(open, open[all] ? all + 1 : all, shown));
        if (!as_step_makes(step, open + n + 2, all - n - 2, node, err)) return false;
    }
    return true;
}

static bool parse_arm(const as_plan *p, const as_step_spec *s, const as_tree *node,
                      as_arm_spec *arm, as_error *err)
{
    const own *o = s->own;
    static const char *const known[] = {"operators", "system", "budget", "cut",
                                        "seed",      "treats", NULL};
    size_t seed = (size_t)o->seed;
    *arm = (as_arm_spec){.name = node->key, .budget = o->budget, .cut = o->cut, .at = node};
    if (strpbrk(node->key, ".@ /"))
        return as_tree_fail(node, err, "arm name (expected no dot, slash, blank or @)");
    if (node->kind == AS_TREE_TEXT) {
        arm->seed = seed;
        arm->operators = strcmp(node->text, "base") == 0 ? NULL : node->text;
        return known_products(p, node, arm->operators, err);
    }
    if (!as_tree_kind_is(node, AS_TREE_MAP, err) || !as_tree_keys(node, known, err) ||
        !as_tree_text_or(node, "operators", &arm->operators, err) ||
        !as_tree_text_or(node, "system", &arm->system, err) ||
        !as_tree_size_or(node, "budget", &arm->budget, err) ||
        !as_tree_size_or(node, "cut", &arm->cut, err) ||
        !as_tree_size_or(node, "seed", &seed, err) ||
        !known_treats(as_tree_find(node, "treats"), err) ||
        !known_products(p, as_tree_find(node, "operators"), arm->operators, err))
        return false;
    arm->seed = seed;
    if (arm->budget == 0)
        return as_tree_fail(as_tree_find(node, "budget"), err,
                            "budget (found 0, expected at least 1)");
    if (!declared(arm, "system", !arm->system, err) ||
        !declared(arm, "budget", arm->budget == o->budget, err) ||
        !declared(arm, "cut", arm->cut == o->cut, err) ||
        !declared(arm, "seed", arm->seed == o->seed, err))
        return false;
    for (size_t i = 0; i < s->n_ladder; i++)
        if (s->ladder[i] >= arm->budget)
            return as_tree_fail(as_tree_find(node, "budget"), err,
                                "budget (found %zu, expected above the ladder's %zu)", arm->budget,
                                s->ladder[i]);
    return true;
}

static bool parse(const as_plan *p, as_step_spec *s, as_arena *a, as_error *err)
{
    const as_tree *arms = as_tree_find(s->at, "arms"), *think = as_tree_find(s->at, "thinking");
    size_t seed = (size_t)p->seed;
    bool thinks = false;
    own *o = as_arena_push(a, 1, sizeof *o, err);
    if (!o) return false;
    o->budget = 256;
    if (!s->model || !s->set || !arms)
        return as_tree_fail(s->at, err, "answer (expected model, set and arms)");
    if (!as_tree_size_or(s->at, "budget", &o->budget, err) ||
        !as_tree_size_or(s->at, "cut", &o->cut, err) ||
        !as_tree_size_or(s->at, "seed", &seed, err) ||
        (think && !as_tree_bool(think, &thinks, err)) ||
        !parse_decoding(as_tree_find(s->at, "decoding"), &o->decoding, err) ||
        !as_tree_kind_is(arms, AS_TREE_MAP, err))
        return false;
    o->thinking = think ? thinks : -1;
    o->seed = seed;
    if (o->budget == 0)
        return as_tree_fail(as_tree_find(s->at, "budget"), err,
                            "budget (found 0, expected at least 1)");
    for (size_t i = 0; i < s->n_ladder; i++)
        if (s->ladder[i] >= o->budget)
            return as_tree_fail(as_tree_find(s->at, "ladder"), err,
                                "budget (found %zu, expected below the step's %zu)", s->ladder[i],
                                o->budget);
    s->own = o;
    s->arm = as_arena_push(a, arms->n + 1, sizeof *s->arm, err);
    if (!s->arm || arms->n == 0)
        return s->arm ? as_tree_fail(arms, err, "arms (found none)") : false;
    for (size_t i = 0; i < arms->n; i++, s->n_arms++)
        if (!parse_arm(p, s, arms->child[i], &s->arm[i], err)) return false;
    return true;
}

/* --- what an answer is made with --- */

typedef struct {
    as_study *st;
    const as_step_spec *s;
    const own *o;
    const as_key *prompt;
    const as_probe **probe;
    size_t *dim;
    const char **selector;
    as_subject_arm *arm;  /* (n_arms) */
    const char **subject; /* (n_arms) "local/HASH" */
    json_t **facts;       /* (n_arms) */
    as_question_row *row; /* what is not answered yet */
    size_t *position;     /* of each row */
    bool *answered;       /* (n_arms, n_items) */
    size_t n, n_done, n_group;
    bool is_torn; /* a row of the group is half there */
    as_progress *progress;
} job;

static json_t *decoding_json(const as_decoding *d)
{
    json_t *o = json_object();
    as_json_put_real(&o, "temperature", d->temperature);
    as_json_put_size(&o, "top_k", d->top_k);
    as_json_put_real(&o, "top_p", d->top_p);
    as_json_put_real(&o, "min_p", d->min_p);
    as_json_put_real(&o, "penalty", d->penalty);
    return o;
}

/* Everything that measures and is not the treatment. */
static json_t *instrument(const job *j, const as_arm_spec *arm)
{
    const as_step_spec *s = j->s;
    json_t *o = as_local_record(&j->st->local), *judges = json_array(), *readings = json_array();
    as_json_put_text(&o, "code", "assay " AS_VERSION);
    as_json_put(&o, "decoding", decoding_json(&j->o->decoding));
    as_json_put_size(&o, "budget", arm->budget);
    as_json_put_size(&o, "cut", arm->cut);
    as_json_put_text(&o, "system", arm->system);
    as_json_put(&o, "thinking", json_integer(j->o->thinking));
    as_json_put_text(&o, "items", as_study_items(j->st, s->set, &(as_error){0})->digest);
    for (size_t i = 0; i < s->n_judges; i++)
        as_json_append(&judges,
                       json_pack("{s:s,s:s,s:I}", "judge", s->judge[i]->name, "version",
                                 s->judge[i]->version, "cut", (json_int_t)s->judge[i]->cut));
    as_json_put(&o, "judges", judges);
    for (size_t i = 0; i < s->n_readings; i++)
        as_json_append(&readings, json_string(s->reading[i]));
    as_json_put(&o, "readings", readings);
    return o;
}

/* What the operators are, without the places where their files lie. */
static json_t *operators_json(const job *j, const char *text, as_error *err)
{
    as_arm_options options = {0};
    as_arm *arm =
        as_arm_open(text ? text : "base", j->st->local.model, j->st->o->ex, &options, err);
    json_t *o = arm ? json_deep_copy(as_arm_record(arm)) : NULL;
    for (size_t i = 0; i < json_array_size(o); i++) { /* their digests stay */
        json_object_del(json_array_get(o, i), "path");
        json_object_del(json_array_get(o, i), "vector");
    }
    as_arm_close(arm);
    return o;
}

static bool prepare_arm(job *j, size_t i, size_t n_items, as_error *err)
{
    as_study *st = j->st;
    const as_arm_spec *arm = &j->s->arm[i];
    as_key hash, all;
    const char *text = arm->operators ? as_study_fill(st, arm->operators, err) : NULL;
    if (arm->operators && !text) return false;
    j->arm[i] = (as_subject_arm){arm->name, text, arm->system};
    json_t *record = instrument(j, arm), *what = operators_json(j, text, err), *whole = NULL;
    bool ok = what && as_json_hash(record, hash, err);
    if (ok) {
        whole = json_pack("{s:O,s:O,s:I}", "instrument", record, "operators", what, "seed",
                          (json_int_t)arm->seed);
        ok =
            as_json_hash(whole, all, err) &&
            (j->subject[i] = as_arena_printf(st->a, err, "local/%.16s", all)) &&
            as_study_answered(st, j->s, arm->name, j->subject[i], j->answered + i * n_items, err) &&
            as_study_note(st, j->s, "arm", arm->name, NAN, 0, 0, json_incref(whole), err);
    }
    if (ok) {
        j->facts[i] = json_object();
        as_json_put_text(&j->facts[i], "instrument", hash);
        as_json_put_text(&j->facts[i], "subject", j->subject[i]);
        as_json_put_text(&j->facts[i], "token_budget",
                         as_arena_printf(st->a, err, "%zu", arm->budget));
        as_json_put_text(&j->facts[i], "judge_cut", as_arena_printf(st->a, err, "%zu", arm->cut));
        as_json_put_text(&j->facts[i], "system", arm->system ? arm->system : "none");
        as_json_put_text(&j->facts[i], "selector",
                         j->s->n_readings ? j->probe[0]->selector : "none");
        as_json_put_text(&j->facts[i], "decoding",
                         j->o->decoding.temperature > 0 ? "sampled" : "greedy");
    }
    json_decref(record);
    json_decref(what);
    json_decref(whole);
    return ok;
}

static bool prepare(job *j, size_t n_items, as_error *err)
{
    as_study *st = j->st;
    const size_t n = j->s->n_arms;
    j->probe = as_arena_push(st->a, j->s->n_readings + 1, sizeof *j->probe, err);
    j->dim = as_arena_push(st->a, j->s->n_readings + 1, sizeof *j->dim, err);
    j->selector = as_arena_push(st->a, j->s->n_readings + 1, sizeof *j->selector, err);
    j->arm = as_arena_push(st->a, n + 1, sizeof *j->arm, err);
    j->subject = as_arena_push(st->a, n + 1, sizeof *j->subject, err);
    j->facts = as_arena_push(st->a, n + 1, sizeof *j->facts, err);
    j->answered = as_arena_push(st->a, n * n_items + 1, sizeof *j->answered, err);
    if (!j->probe || !j->dim || !j->selector || !j->arm || !j->subject || !j->facts || !j->answered)
        return false;
    for (size_t i = 0; i < j->s->n_readings; i++) {
        as_error why = {0};
        j->probe[i] =
            as_probe_parse(j->s->reading[i], as_model_config(st->local.model), st->a, &why);
        if (!j->probe[i]) return as_tree_fail(as_tree_find(j->s->at, "read"), err, "%s", why.what);
        j->dim[i] = j->probe[i]->dim;
        j->selector[i] = j->probe[i]->selector;
    }
    for (size_t i = 0; i < n; i++)
        if (!prepare_arm(j, i, n_items, err)) {
            as_error_at(err, "arm %s", j->s->arm[i].name);
            return false;
        }
    return true;
}

/* Rows of one prompt stand together, so that it is prefilled once for all arms. */
static bool list_rows(job *j, const as_items *items, as_error *err)
{
    const size_t n_arms = j->s->n_arms;
    as_study *st = j->st;
    j->row = as_arena_push(st->a, n_arms * items->n + 1, sizeof *j->row, err);
    j->position = as_arena_push(st->a, n_arms * items->n + 1, sizeof *j->position, err);
    if (!j->row || !j->position) return false;
    for (size_t k = 0; k < items->n; k++)
        for (size_t i = 0; i < n_arms; i++) {
            if (j->answered[i * items->n + k]) continue;
            j->position[j->n] = k;
            j->row[j->n] = (as_question_row){.prompt = items->item[k].prompt,
                                             .arm = i,
                                             .seed = j->s->arm[i].seed + k,
                                             .max_tokens = j->s->arm[i].budget,
                                             .user = &j->position[j->n]};
            j->n++;
        }
    return true;
}

/* --- answering --- */

static bool keep_rungs(job *j, const as_question_row *q, const as_answer_row *r, as_study_answer *a,
                       as_error *err)
{
    const char *name = a->arm;
    a->reading = NULL;
    for (size_t i = 0; i < j->s->n_ladder; i++) {
        a->arm = as_arena_printf(j->st->a, err, "%s@%zu", name, j->s->ladder[i]);
        a->text = r->rung_text[i];
        a->finish = r->n > j->s->ladder[i] ? "length" : r->finish;
        a->tokens = (double)(r->n > j->s->ladder[i] ? j->s->ladder[i] : r->n);
        a->logprob = NAN;
        if (!a->arm || !as_study_keep(j->st, j->s, &j->prompt[a->position], a, err)) return false;
    }
    (void)q;
    return true;
}

/* Groups of answers are durable together. */
static bool done(void *context, const as_question_row *q, const as_answer_row *r, as_error *err)
{
    job *j = context;
    as_store *store = j->st->o->store;
    as_study_answer a = {.position = *(const size_t *)q->user,
                         .arm = j->s->arm[q->arm].name,
                         .text = r->text,
                         .finish = r->finish,
                         .subject = j->subject[q->arm],
                         .seed = q->seed,
                         .tokens = (double)r->n,
                         .logprob = r->mean_logprob,
                         .reading = r->reading,
                         .dim = j->dim,
                         .selector = j->selector};
    if (j->n_group == 0 && !as_store_begin(store, err)) return false;
    j->n_group++;
    j->is_torn = true; /* until all of the row is there */
    if (!as_study_keep(j->st, j->s, &j->prompt[a.position], &a, err) ||
        !keep_rungs(j, q, r, &a, err))
        return false;
    j->is_torn = false;
    as_progress_set(j->progress, ++j->n_done, j->s->id);
    if (j->n_group < 128) return true;
    j->n_group = 0;
    return as_store_commit(store, err);
}

static bool answer(job *j, as_error *err)
{
    as_study *st = j->st;
    const as_answer_options options = {.decoding = j->o->decoding,
                                       .thinking = j->o->thinking,
                                       .probes = j->probe,
                                       .n_probes = j->s->n_readings,
                                       .ladder = j->s->ladder,
                                       .n_ladder = j->s->n_ladder,
                                       .stop = st->o->stop};
    const as_answer_sink sink = {j, done};
    if (j->n == 0) return true;
    j->progress = as_progress_new(st->o->log, "answers", j->n, err);
    bool ok = j->progress && as_answer_all(&st->local, st->o->ex, j->arm, j->s->n_arms, j->row,
                                           j->n, &options, &sink, err);
    as_progress_end(j->progress);
    if (j->is_torn) as_store_rollback(st->o->store);
    if (j->n_group > 0 && !j->is_torn) { /* also when stopped: what is answered is kept */
        as_error second = {0};
        const bool kept = as_store_commit(st->o->store, ok ? err : &second);
        ok = ok && kept;
    }
    return ok;
}

static bool judge(job *j, as_error *err)
{
    for (size_t i = 0; i < j->s->n_arms; i++) {
        const as_arm_spec *arm = &j->s->arm[i];
        for (size_t k = 0; k < j->s->n_ladder; k++) {
            const char *name = as_arena_printf(j->st->a, err, "%s@%zu", arm->name, j->s->ladder[k]);
            json_t *facts = json_copy(j->facts[i]);
            as_json_put_text(&facts, "token_budget",
                             as_arena_printf(j->st->a, err, "%zu", j->s->ladder[k]));
            if (!name || !as_study_judge(j->st, j->s, name, arm->cut, facts, err)) return false;
        }
        json_t *facts = j->facts[i];
        j->facts[i] = NULL;
        if (!as_study_judge(j->st, j->s, arm->name, arm->cut, facts, err)) return false;
    }
    return true;
}

/* The arms that there are; one that needs what an earlier step could not make is absent. */
static bool leave_out(as_study *st, as_step_spec *s, as_error *err)
{
    const as_arm_spec *all = s->arm;
    const size_t n = s->n_arms;
    s->n_arms = 0;
    s->arm = as_arena_push(st->a, n + 1, sizeof *s->arm, err);
    for (size_t i = 0; s->arm && i < n; i++) {
        const char *why = as_study_lacks(st, all[i].operators);
        if (!why)
            s->arm[s->n_arms++] = all[i];
        else if (!as_study_absent(st, s, all[i].name, why, err))
            return false;
    }
    return s->arm;
}

static bool run(as_study *st, const as_step_spec *planned, as_error *err)
{
    as_step_spec there = *planned, *s = &there;
    if (!leave_out(st, s, err)) return false;
    if (s->n_arms == 0) return true;
    job j = {.st = st, .s = s, .o = s->own};
    const as_items *items = as_study_items(st, s->set, err);
    bool ok = items && as_study_open(st, s->model, err) &&
              as_study_ask(st, s->set, &j.prompt, err) && prepare(&j, items->n, err) &&
              list_rows(&j, items, err) && answer(&j, err) && judge(&j, err);
    for (size_t i = 0; j.facts && i < s->n_arms; i++) json_decref(j.facts[i]);
    return ok;
}

void as_step_answer_how(const as_step_spec *s, as_answer_options *out)
{
    const own *o = s->own;
    out->decoding = o->decoding;
    out->thinking = o->thinking;
    out->ladder = s->ladder;
    out->n_ladder = s->n_ladder;
}

const as_step_kind as_step_answer = {
    "answer", "a model answers a set under several arms, side by side; answers are read and judged",
    keys, parse, run};
