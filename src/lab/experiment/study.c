/* The walk over a study's steps, and what the steps share: models, items, products, rows. */
#include "lab/experiment/study.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/progress.h"

/* --- models and items ----------------------------------------------------------------------------
 */

bool as_study_open(as_study *st, const as_model_spec *m, as_error *err)
{
    const as_local_options options = {.cache = st->o->cache};
    const char *note = NULL;
    if (st->opened == m) return true;
    if (st->opened) as_local_close(&st->local);
    st->opened = NULL;
    as_log_note(st->o->log, "loading %s", m->path);
    if (!as_local_open(&st->local, m->path, st->o->ex, &options, &note, err)) return false;
    if (note && *note) as_log_warn(st->o->log, "%s", note);
    st->opened = m;
    return true;
}

/* A set is asked as it was before: data that changed under a store would mix two sets in it. */
static bool is_as_asked(as_study *st, const as_set_spec *set, const as_items *items, as_error *err)
{
    const as_store_where w = {.design = st->design->key, .set = set->name};
    as_prompt_list list = {0};
    if (!as_store_prompts(st->o->store, &w, st->a, &list, err)) return false;
    bool same = list.n == 0 || list.n == items->n;
    for (size_t i = 0; same && i < list.n; i++)
        same = list.rows[i].position < items->n &&
               strcmp(list.rows[i].text, items->item[list.rows[i].position].prompt) == 0;
    return same || as_fail(err, AS_ESTATE,
                           "%s: set %s: the store holds other questions (its data has changed)",
                           as_store_path(st->o->store), set->name);
}

const as_items *as_study_items(as_study *st, const as_set_spec *set, as_error *err)
{
    as_items *items = &st->items[set - st->plan->set];
    if (items->item) return items;
    if (!set->task->items(set->data, set->set, set->n, set->seed, st->a, items, err))
        as_error_at(err, "set %s", set->name);
    else if (is_as_asked(st, set, items, err))
        return items;
    items->item = NULL;
    return NULL;
}

/* --- what is lacking ----------------------------------------------------------------------------
 */

/* The step under way lacks for the reason of another, whose name stands in it. */
static bool lack_for(as_study *st, const char *why, as_error *err)
{
    st->lacking[st->step->place] = why;
    return as_fail(err, AS_ENUMERIC, "%s", why);
}

bool as_study_lack(as_study *st, as_error *err, const char *fmt, ...)
{
    as_error first = {0};
    va_list values;
    va_start(values, fmt);
    (void)vsnprintf(first.what, sizeof first.what, fmt, values);
    va_end(values);
    const char *why = as_arena_printf(st->a, err, "step %s: %s", st->step->id, first.what);
    if (why) as_log_warn(st->o->log, "%s; what rests on it is left out", why);
    return why && lack_for(st, why, err);
}

const char *as_study_lacks(const as_study *st, const char *text)
{
    const char *open = text ? strchr(text, '{') : NULL;
    for (; open; open = strchr(open + 1, '{'))
        for (size_t i = 0; i < st->plan->n_steps; i++) {
            const size_t n = strlen(st->plan->step[i].id);
            if (strncmp(st->plan->step[i].id, open + 1, n) == 0 && open[1 + n] == '.' &&
                st->lacking[i])
                return st->lacking[i];
        }
    return NULL;
}

/* The same of the answers of an arm, or of a rung of it. */
static const char *arm_lacks(const as_study *st, const as_step_spec *s, const char *arm)
{
    const size_t n = strcspn(arm, "@");
    if (st->lacking[s->place]) return st->lacking[s->place];
    for (size_t i = 0; i < s->n_arms; i++)
        if (strncmp(s->arm[i].name, arm, n) == 0 && !s->arm[i].name[n])
            return as_study_lacks(st, s->arm[i].operators);
    return NULL;
}

/* --- products --- */

bool as_study_make(as_study *st, const as_step_spec *s, const char *name, const char *text,
                   as_error *err)
{
    if (st->n_products == st->room) {
        const size_t room = st->room ? 2 * st->room : 64;
        as_product *more = as_arena_push(st->a, room, sizeof *more, err);
        if (!more) return false;
        if (st->n_products) memcpy(more, st->product, st->n_products * sizeof *more);
        st->product = more;
        st->room = room;
    }
    as_product *p = &st->product[st->n_products];
    p->name = as_arena_printf(st->a, err, "%s.%s", s->id, name);
    p->text = as_arena_text(st->a, text, err);
    st->n_products += p->name && p->text;
    return p->name && p->text;
}

const char *as_study_product(const as_study *st, const char *name)
{
    for (size_t i = 0; i < st->n_products; i++)
        if (strcmp(st->product[i].name, name) == 0) return st->product[i].text;
    return NULL;
}

const char *as_study_fill(as_study *st, const char *text, as_error *err)
{
    as_buf b = {0};
    const char *out = NULL;
    while (*text) {
        const char *open = strchr(text, '{'), *close = open ? strchr(open, '}') : NULL;
        if (!close) break; /* a plan with { alone is refused when it is read */
        as_buf_add(&b, text, (size_t)(open - text));
        const char *name = as_arena_copy(st->a, open + 1, (size_t)(close - open - 1), err);
        const char *product = name ? as_study_product(st, name) : NULL;
        if (!product) {
            const char *why = name ? as_study_lacks(st, open) : NULL;
            if (why)
                lack_for(st, why, err);
            else if (name)
                as_fail(err, AS_EUSAGE, "{%s} (found nothing of that name)", name);
            goto out;
        }
        as_buf_puts(&b, product);
        text = close + 1;
    }
    as_buf_puts(&b, text);
    if (as_buf_ok(&b, err)) out = as_arena_text(st->a, as_buf_text(&b), err);
out:
    as_buf_clear(&b);
    return out;
}

/* --- rows --- */

static bool put_statistic(as_study *st, const char *check, uint64_t position, const char *name,
                          const char *of, const char *method, double estimate, size_t n,
                          size_t missing, json_t *detail, as_error *err)
{
    as_statistic row = {.position = position,
                        .check = check,
                        .name = name,
                        .of = of,
                        .method = method,
                        .estimate = estimate,
                        .n = n,
                        .missing = missing};
    return as_statistic_note(st->o->store, st->design, &row, detail, err);
}

bool as_study_note(as_study *st, const as_step_spec *s, const char *name, const char *of,
                   double estimate, size_t n, size_t missing, json_t *detail, as_error *err)
{
    const char *check = as_arena_printf(st->a, err, "step/%s", s->id);
    if (!check) {
        json_decref(detail);
        return false;
    }
    return put_statistic(st, check, s->place, name, of, "step of the plan [Studies]", estimate, n,
                         missing, detail, err);
}

static json_t *reason(const char *why)
{
    json_t *detail = json_object();
    as_json_put_text(&detail, "why", why);
    return detail;
}

static bool close_absent(as_study *st, const as_step_spec *s, const char *arm, const char *why,
                         as_error *err)
{
    const char *check = as_arena_printf(st->a, err, "answers/%s.%s", s->id, arm);
    return check && put_statistic(st, check, s->place, "absent", "", "rows of a step [Studies]",
                                  NAN, 0, 0, reason(why), err);
}

bool as_study_absent(as_study *st, const as_step_spec *s, const char *arm, const char *why,
                     as_error *err)
{
    for (size_t i = 0; i < s->n_ladder; i++) {
        const char *rung = as_arena_printf(st->a, err, "%s@%zu", arm, s->ladder[i]);
        if (!rung || !close_absent(st, s, rung, why, err)) return false;
    }
    return close_absent(st, s, arm, why, err) &&
           as_study_note(st, s, "lacking", arm, NAN, 0, 0, reason(why), err);
}

bool as_study_ask(as_study *st, const as_set_spec *set, const as_key **keys, as_error *err)
{
    const as_items *items = as_study_items(st, set, err);
    as_key *out = items ? as_arena_push(st->a, items->n + 1, sizeof *out, err) : NULL;
    if (!out || !as_store_begin(st->o->store, err)) return false;
    for (size_t i = 0; i < items->n; i++) {
        as_prompt row = {.set = set->name,
                         .position = i,
                         .text = items->item[i].prompt,
                         .cluster = items->item[i].cluster};
        memcpy(row.design, st->design->key, sizeof row.design);
        if (!as_prompt_key(&row, err) || !as_store_put_prompt(st->o->store, &row, err)) {
            as_store_rollback(st->o->store);
            return false;
        }
        memcpy(out[i], row.key, sizeof row.key);
    }
    *keys = (const as_key *)out;
    return as_store_commit(st->o->store, err);
}

static bool put_judgement(as_study *st, const char *generation, const char *judge,
                          const as_ruling *r, as_error *err)
{
    as_judgement row = {.axis = r->axis,
                        .score = r->label || r->missing ? NAN : r->score,
                        .label = r->label,
                        .missing = r->missing,
                        .judge = judge};
    if (!row.label && !row.missing && isnan(row.score)) row.missing = "unknown";
    memcpy(row.generation, generation, sizeof row.generation);
    return as_judgement_key(&row, err) && as_store_put_judgement(st->o->store, &row, err);
}

static const char *arm_of(as_study *st, const as_step_spec *s, const char *arm, as_error *err)
{
    return as_arena_printf(st->a, err, "%s.%s", s->id, arm);
}

bool as_study_keep(as_study *st, const as_step_spec *s, const as_key *prompt,
                   const as_study_answer *a, as_error *err)
{
    as_generation row = {.arm = arm_of(st, s, a->arm, err),
                         .text = a->text,
                         .finish = a->finish,
                         .subject = a->subject,
                         .seed = a->seed};
    const as_ruling engine[] = {{"tokens", a->tokens, NULL, NULL},
                                {"logprob", a->logprob, NULL, NULL}};
    memcpy(row.prompt, *prompt, sizeof row.prompt);
    if (!row.arm || !as_generation_key(&row, err) ||
        !as_store_put_generation(st->o->store, &row, err) ||
        !put_judgement(st, row.key, "engine", &engine[0], err) ||
        !put_judgement(st, row.key, "engine", &engine[1], err))
        return false;
    for (size_t i = 0; a->reading && i < s->n_readings; i++) {
        as_reading r = {.site = s->reading[i],
                        .selector = a->selector[i],
                        .values = a->reading[i],
                        .dim = a->dim[i]};
        memcpy(r.generation, row.key, sizeof r.generation);
        if (!r.values) continue;
        if (!as_reading_key(&r, err) || !as_store_put_reading(st->o->store, &r, err)) return false;
    }
    return true;
}

static bool answers_of(as_study *st, const as_step_spec *s, const char *arm,
                       as_generation_list *out, as_error *err)
{
    as_store_where w = {.design = st->design->key, .set = s->set->name};
    w.arm = arm_of(st, s, arm, err);
    return w.arm && as_store_generations(st->o->store, &w, st->a, out, err);
}

bool as_study_answered(as_study *st, const as_step_spec *s, const char *arm, const char *subject,
                       bool *answered, as_error *err)
{
    as_generation_list list = {0};
    if (!answers_of(st, s, arm, &list, err)) return false;
    for (size_t i = 0; i < list.n; i++) {
        if (strcmp(list.rows[i].subject, subject) != 0)
            return as_fail(err, AS_ESTATE,
                           "%s: answers by another instrument (found %s, expected %s)",
                           as_store_path(st->o->store), list.rows[i].subject, subject);
        answered[list.position[i]] = true;
    }
    return true;
}

/* --- judging --- */

static const char *cut_text(as_study *st, const char *text, size_t cut, as_error *err)
{
    size_t n = 0, size = strlen(text), at = 0;
    if (cut == 0) return text;
    while (at < size && n < cut) {
        uint32_t cp;
        size_t step = as_utf8_next(text + at, size - at, &cp);
        at += step ? step : 1;
        n++;
    }
    return as_arena_copy(st->a, text, at, err);
}

static bool judge_one(as_study *st, const as_step_spec *s, const as_item *item,
                      const as_generation *g, size_t cut, as_error *err)
{
    const as_tools tools = {st->o->sandbox, st->a};
    const as_ruling task[] = {{"category", NAN, item->category, item->category ? NULL : "unknown"},
                              {"item_certainty", NAN, as_certainty_name(item->certainty), NULL}};
    for (size_t i = 0; i < 2; i++)
        if (!put_judgement(st, g->key, "task", &task[i], err)) return false;
    for (size_t i = 0; i < s->n_judges; i++) {
        const as_judge *j = s->judge[i];
        const size_t most = cut && (!j->cut || cut < j->cut) ? cut : j->cut;
        const as_answer answer = {item, cut_text(st, g->text, most, err), g->finish};
        as_ruling ruling[AS_JUDGE_AXES] = {{0}};
        if (!answer.text || !j->judge(&tools, &answer, ruling, err)) {
            as_error_at(err, "judge %s", j->name);
            return false;
        }
        for (size_t k = 0; j->axes[k]; k++)
            if (!put_judgement(st, g->key, j->name, &ruling[k], err)) return false;
    }
    return true;
}

static bool is_closed(as_study *st, const char *check, bool *closed, as_error *err)
{
    as_statistic *rows = NULL;
    size_t n = 0;
    if (!as_store_statistics(st->o->store, st->design->key, check, st->a, &rows, &n, err))
        return false;
    *closed = n > 0;
    return true;
}

bool as_study_judge(as_study *st, const as_step_spec *s, const char *arm, size_t cut, json_t *facts,
                    as_error *err)
{
    as_generation_list list = {0};
    const as_items *items = as_study_items(st, s->set, err);
    const char *check = as_arena_printf(st->a, err, "answers/%s.%s", s->id, arm);
    bool closed = false;
    if (!items || !check || !is_closed(st, check, &closed, err) || closed ||
        !answers_of(st, s, arm, &list, err)) {
        json_decref(facts);
        return closed;
    }
    if (list.n != items->n) {
        as_fail(err, AS_ESTATE, "%s: %s: answers (found %zu, expected %zu)",
                as_store_path(st->o->store), check, list.n, items->n);
        goto out;
    }
    if (!as_store_begin(st->o->store, err)) goto out;
    for (size_t i = 0; i < list.n; i++)
        if (!judge_one(st, s, &items->item[list.position[i]], &list.rows[i], cut, err)) {
            as_error_at(err, "step %s: arm %s: item %zu", s->id, arm, i);
            as_store_rollback(st->o->store);
            goto out;
        }
    json_t *detail = json_object();
    as_json_put(&detail, "facts", facts);
    if (!put_statistic(st, check, s->place, "items", "", "rows of a step [Studies]", (double)list.n,
                       list.n, 0, detail, err) ||
        !as_study_summarise(st, s, arm, err)) {
        as_store_rollback(st->o->store);
        return false;
    }
    return as_store_commit(st->o->store, err);
out:
    json_decref(facts);
    return false;
}

bool as_study_judge_edited(as_study *st, const as_step_spec *s, const as_step_spec *from,
                           const char *from_arm, const char *subject, as_error *err)
{
    as_table t;
    size_t cut = 0;
    if (!as_study_table(st, from, from_arm, &t, err)) return false;
    json_t *facts = json_object();
    for (size_t i = 0; i < t.n_facts; i++) {
        as_json_put_text(&facts, t.fact[i].name, t.fact[i].value);
        if (strcmp(t.fact[i].name, "judge_cut") == 0) cut = strtoul(t.fact[i].value, NULL, 10);
    }
    as_json_put_text(&facts, "subject", subject);
    return as_study_judge(st, s, s->arm[0].name, cut, facts, err);
}

/* --- an arm as a table --- */

bool as_study_table(as_study *st, const as_step_spec *step, const char *arm, as_table *out,
                    as_error *err)
{
    const char *names[AS_STEP_COLUMNS];
    const char *why = arm_lacks(st, step, arm);
    as_step_spec read = *step;
    if (why) return lack_for(st, why, err);
    if (strchr(arm, '@')) read.n_readings = 0; /* a rung is judged, not read */
    const size_t n = as_step_columns(&read, names);
    as_column_spec *column = as_arena_push(st->a, n + 1, sizeof *column, err);
    as_table_spec *spec = column ? as_arena_push(st->a, 1, sizeof *spec, err) : NULL;
    if (!spec) return false;
    for (size_t i = 0; i < n; i++)
        column[i] = (as_column_spec){.name = names[i], .at = step->at, .origin = AS_FROM_STEP};
    *spec = (as_table_spec){.name = arm_of(st, step, arm, err),
                            .about = "",
                            .at = step->at,
                            .set = step->set->name,
                            .column = column,
                            .n_columns = n};
    spec->arm = spec->name;
    return spec->name && as_load_table(st->o->store, st->design, st->plan, spec, st->a, out, err);
}

/* --- the gate of the judges --- */

/* The count of a judge that passed, when it holds for the judge as it is and for these items. */
static bool read_count(const as_statistic *row, const as_judge *j, const as_items *items,
                       as_gate_count *out, bool *found, as_error *err)
{
    json_t *detail = as_json_parse("gate", row->detail, strlen(row->detail), err);
    const char *version = json_string_value(json_object_get(detail, "version"));
    const char *digest = json_string_value(json_object_get(detail, "items"));
    if (version && digest && strcmp(version, j->version) == 0 &&
        strcmp(digest, items->digest) == 0) {
        *found = true;
        *out =
            (as_gate_count){.n = row->n,
                            .right = (size_t)json_integer_value(json_object_get(detail, "right")),
                            .missing = row->missing};
    }
    json_decref(detail);
    return detail != NULL;
}

/* Did the judge pass at that step in this study before? One that failed is tried again. */
static bool past_gate(as_study *st, const as_step_spec *s, const as_judge *j, const as_items *items,
                      as_gate_count *out, bool *found, as_error *err)
{
    const char *check = as_arena_printf(st->a, err, "step/%s", s->id);
    as_statistic *rows = NULL;
    size_t n = 0;
    if (!check || !as_store_statistics(st->o->store, st->design->key, check, st->a, &rows, &n, err))
        return false;
    for (size_t i = 0; i < n && !*found; i++)
        if (strcmp(rows[i].name, "gate") == 0 && strcmp(rows[i].of, j->name) == 0 &&
            rows[i].estimate >= AS_GATE_SHARE && !read_count(&rows[i], j, items, out, found, err))
            return false;
    return true;
}

/* At this step, or at an earlier one that asks the same. */
static bool gate_judge(as_study *st, const as_step_spec *s, const as_judge *j, as_error *err)
{
    as_gate_count count = {0};
    const as_tools tools = {st->o->sandbox, st->a};
    const as_items *items = as_study_items(st, s->set, err);
    bool found = false;
    if (!items) return false;
    for (size_t i = s->place + 1; i-- > 0;) {
        const as_step_spec *at = &st->plan->step[i];
        if (at->set == s->set && !past_gate(st, at, j, items, &count, &found, err)) return false;
        if (found && i == s->place) return true;
        if (found) break;
    }
    if (!found && !as_judge_gate(j, &tools, items, &count, err)) return false;
    if (count.n == 0) return true;
    const double share = (double)count.right / (double)count.n;
    json_t *detail = json_object();
    as_json_put_text(&detail, "judge", j->name);
    as_json_put_text(&detail, "version", j->version);
    as_json_put_text(&detail, "items", items->digest);
    as_json_put_size(&detail, "right", count.right);
    as_json_put_real(&detail, "bar", AS_GATE_SHARE);
    if (!as_study_note(st, s, "gate", j->name, share, count.n, count.missing, detail, err))
        return false;
    if (share >= AS_GATE_SHARE) return true;
    *st->o->refused = true;
    return as_fail(
        err, AS_ESTATE,
        "step %s: judge %s: known-good above known-bad (found %zu of %zu pairs, expected "
        "at least %.0f %%)",
        s->id, j->name, count.right, count.n, 100 * AS_GATE_SHARE);
}

static bool gate_judges(as_study *st, const as_step_spec *s, as_error *err)
{
    for (size_t i = 0; s->set && i < s->n_judges; i++) {
        if (!gate_judge(st, s, s->judge[i], err)) return false;
    }
    return true;
}

/* --- the walk --- */

static bool walk_step(as_study *st, const as_step_spec *s, as_error *err)
{
    st->step = s;
    if (s->kind->run(st, s, err)) return true;
    const char *why = st->lacking[s->place];
    if (!why || err->class_ != AS_ENUMERIC) return false;
    *err = (as_error){0};
    for (size_t i = 0; i < s->n_arms; i++)
        if (!as_study_absent(st, s, s->arm[i].name, why, err)) return false;
    return s->n_arms || as_study_note(st, s, "lacking", "", NAN, 0, 0, reason(why), err);
}

bool as_study_run(as_study *st, as_error *err)
{
    const as_plan *p = st->plan;
    bool ok = false;
    st->items = as_arena_push(st->a, p->n_sets + 1, sizeof *st->items, err);
    st->lacking = as_arena_push(st->a, p->n_steps + 1, sizeof *st->lacking, err);
    as_progress *progress = as_progress_new(st->o->log, "steps", p->n_steps, err);
    if (!st->items || !st->lacking || !progress) goto out;
    /* what can be refused is refused before anything is asked */
    for (size_t i = 0; i < p->n_sets; i++)
        if (!as_study_items(st, &p->set[i], err)) goto out;
    for (size_t i = 0; i < p->n_steps; i++)
        if (!gate_judges(st, &p->step[i], err)) goto out;
    for (size_t i = 0; i < p->n_steps; i++) {
        const as_step_spec *s = &p->step[i];
        as_progress_set(progress, i, s->id);
        if (st->o->stop && *st->o->stop) {
            as_fail(err, AS_ESTATE, "interrupted before step %s", s->id);
            goto out;
        }
        if (!walk_step(st, s, err)) {
            as_error_at(err, "step %s", s->id);
            goto out;
        }
    }
    ok = true;
out:
    as_progress_end(progress);
    if (!ok && st->o->stop && *st->o->stop)
        as_error_hint(err, "the same command goes on from there");
    return ok;
}

void as_study_clear(as_study *st)
{
    if (st->opened) as_local_close(&st->local);
}
