/* Rows of a study to the parts of its report. */
#include "app/report/study.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const as_report_rows *rows;
    const json_t *steps; /* of the plan */
    as_error *err;
} maker;

static bool out_of_memory(const maker *m)
{
    return as_fail(m->err, AS_EMEM, "out of memory");
}

static json_t *keep(const maker *m, json_t *value)
{
    if (!value) out_of_memory(m);
    return value;
}

/* Takes the value's reference; NULL is a failure that has been told. */
static bool append(const maker *m, json_t *list, json_t *value)
{
    if (!value) return false;
    return json_array_append_new(list, value) == 0 || out_of_memory(m);
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

/* --- statistics ------------------------------------------------------------------------------ */

/* The first statistic whose check is not before that text; they stand sorted by it. */
static size_t first_of(const maker *m, const char *check)
{
    size_t from = 0, to = m->rows->n_stats;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (strcmp(m->rows->stat[mid].check, check) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

static bool joined(const maker *m, as_buf *b, const char *kind, const char *step, const char *arm)
{
    b->size = 0;
    as_buf_puts(b, kind);
    as_buf_puts(b, step);
    if (arm) as_buf_puts(b, ".");
    if (arm) as_buf_puts(b, arm);
    return as_buf_ok(b, m->err);
}

static json_t *statistics_of(const maker *m, const char *check)
{
    json_t *list = keep(m, json_array());
    for (size_t i = first_of(m, check); list && i < m->rows->n_stats; i++) {
        if (strcmp(m->rows->stat[i].check, check) != 0) break;
        if (!append(m, list, as_report_statistic(&m->rows->stat[i], m->err))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* --- steps ----------------------------------------------------------------------------------- */

/* What the plan says of a step beside what has a field of its own. */
static json_t *settings_of(const json_t *entry)
{
    static const char *const own[] = {"do", "about", "from"};
    const char *key;
    json_t *o = json_object(), *value;
    json_object_foreach((json_t *)entry, key, value)
    {
        size_t i = 0;
        while (i < sizeof own / sizeof own[0] && strcmp(own[i], key) != 0) i++;
        if (i == sizeof own / sizeof own[0]) as_json_put(&o, key, json_incref(value));
    }
    return o;
}

static json_t *steps_of(const maker *m)
{
    json_t *list = keep(m, json_array()), *entry;
    const char *id;
    as_buf check = {0};
    bool ok = list != NULL;
    json_object_foreach((json_t *)m->steps, id, entry)
    {
        json_t *stats = ok && joined(m, &check, "step/", id, NULL)
                            ? statistics_of(m, as_buf_text(&check))
                            : NULL;
        const char *from = json_string_value(json_object_get(entry, "from"));
        ok =
            stats &&
            append(m, list,
                   keep(m, json_pack("{s:s,s:s,s:s,s:s?,s:o,s:O}", "id", id, "do",
                                     text_of(entry, "do"), "about", text_of(entry, "about"), "from",
                                     from, "settings", settings_of(entry), "statistics", stats)));
        json_decref(stats);
    }
    as_buf_clear(&check);
    if (ok) return list;
    json_decref(list);
    return NULL;
}

/* --- arms ------------------------------------------------------------------------------------ */

/* A step speaks of a set, or of the set of the step whose answers it takes. */
static const char *set_of(const maker *m, const json_t *entry)
{
    char step[256];
    for (size_t i = 0; entry && i <= json_object_size(m->steps); i++) {
        const char *set = json_string_value(json_object_get(entry, "set"));
        if (set) return set;
        const char *from = text_of(entry, "from");
        size_t n = strcspn(from, ".");
        if (n >= sizeof step) break;
        snprintf(step, sizeof step, "%.*s", (int)n, from);
        entry = json_object_get(m->steps, step);
    }
    return "";
}

static bool is_listed(const json_t *arms, const char *step, const char *arm)
{
    for (size_t i = json_array_size(arms); i-- > 0;) {
        const json_t *o = json_array_get(arms, i);
        if (strcmp(text_of(o, "step"), step) != 0)
            return false; /* those of a step stand together */
        if (strcmp(text_of(o, "arm"), arm) == 0) return true;
    }
    return false;
}

/* The arm whose answers an arm ARM@BUDGET is cut from, as the plan gives it; NULL: no entry. */
static const json_t *treatment_of(const json_t *entry, const char *arm)
{
    const char *name;
    json_t *value;
    size_t n = strcspn(arm, "@");
    json_object_foreach(json_object_get(entry, "arms"), name, value)
    {
        if (strlen(name) == n && strncmp(name, arm, n) == 0) return value;
    }
    return NULL;
}

/* An arm by the row that closes it, which may say that there is none, and why. */
static json_t *arm_of(const maker *m, const char *step, const json_t *entry, const char *arm,
                      const as_statistic *closing, json_t *stats)
{
    json_t *detail = as_json_parse("detail", closing->detail, strlen(closing->detail), m->err);
    if (!detail) return NULL;
    json_t *o = json_pack("{s:s,s:s,s:s,s:I,s:O?,s:O?,s:O}", "step", step, "arm", arm, "set",
                          set_of(m, entry), "n", (json_int_t)closing->n, "treatment",
                          treatment_of(entry, arm), "facts", json_object_get(detail, "facts"),
                          "statistics", stats);
    if (strcmp(closing->name, "absent") == 0)
        as_json_put_text(&o, "absent", text_of(detail, "why"));
    json_decref(detail);
    return keep(m, o);
}

/* One arm when its rows are closed; nothing otherwise. */
static bool add_arm(const maker *m, json_t *arms, const char *step, const json_t *entry,
                    const char *arm)
{
    as_buf check = {0};
    json_t *stats = NULL;
    bool ok = false;
    if (!joined(m, &check, "answers/", step, arm)) goto out;
    size_t at = first_of(m, as_buf_text(&check));
    const as_statistic *closing = at < m->rows->n_stats ? &m->rows->stat[at] : NULL;
    if (!closing || strcmp(closing->check, as_buf_text(&check)) != 0 ||
        is_listed(arms, step, arm)) {
        ok = true;
        goto out;
    }
    if (!joined(m, &check, "arm/", step, arm)) goto out;
    stats = statistics_of(m, as_buf_text(&check));
    ok = stats && append(m, arms, arm_of(m, step, entry, arm, closing, stats));
out:
    json_decref(stats);
    as_buf_clear(&check);
    return ok;
}

/* In the order of the plan, each arm before its shorter budgets. */
static bool add_planned(const maker *m, json_t *arms, const char *step, const json_t *entry)
{
    const json_t *ladder = json_object_get(entry, "ladder");
    const char *name;
    json_t *value;
    bool ok = true;
    as_buf rung = {0};
    json_object_foreach(json_object_get(entry, "arms"), name, value)
    {
        ok = ok && add_arm(m, arms, step, entry, name);
        for (size_t i = 0; ok && i < json_array_size(ladder); i++) {
            const char *budget = json_string_value(json_array_get(ladder, i));
            rung.size = 0;
            as_buf_puts(&rung, name);
            as_buf_puts(&rung, "@");
            as_buf_puts(&rung, budget ? budget : "");
            ok = as_buf_ok(&rung, m->err) && add_arm(m, arms, step, entry, as_buf_text(&rung));
        }
    }
    as_buf_clear(&rung);
    return ok;
}

static json_t *arms_of(const maker *m)
{
    json_t *arms = keep(m, json_array()), *entry;
    const char *step;
    as_buf prefix = {0};
    bool ok = arms != NULL;
    json_object_foreach((json_t *)m->steps, step, entry)
    {
        ok = ok && add_planned(m, arms, step, entry) && joined(m, &prefix, "answers/", step, "");
        for (size_t i = ok ? first_of(m, as_buf_text(&prefix)) : SIZE_MAX; i < m->rows->n_stats;
             i++) {
            const char *check = m->rows->stat[i].check;
            if (strncmp(check, as_buf_text(&prefix), prefix.size) != 0) break;
            ok = ok && add_arm(m, arms, step, entry, check + prefix.size);
        }
    }
    as_buf_clear(&prefix);
    if (ok) return arms;
    json_decref(arms);
    return NULL;
}

/* --- answers side by side -------------------------------------------------------------------- */

typedef struct {
    const char *step, *set;
    const as_prompt *prompt; /* n */
    json_t *list[AS_EXAMPLES];
    size_t n;
} examples;

/* The text's first characters; null for NULL. */
static json_t *beginning(const char *text, bool *is_cut)
{
    size_t at = 0, left = text ? strlen(text) : 0, n = 0;
    *is_cut = false;
    if (!text) return json_null();
    for (; left && n < AS_EXAMPLE_CHARACTERS; n++) {
        uint32_t cp;
        size_t size = as_utf8_next(text + at, left, &cp);
        at += size ? size : 1;
        left -= size ? size : 1;
    }
    *is_cut = left > 0;
    return json_stringn(text, at);
}

static int by_axis(const void *a, const void *b)
{
    const as_judgement *const *x = a, *const *y = b;
    int order = strcmp((*x)->axis, (*y)->axis);
    return order ? order : strcmp((*x)->key, (*y)->key);
}

static json_t *said(const as_judgement *j)
{
    if (j->missing) return json_pack("{s:s}", "missing", j->missing);
    return j->label ? json_string(j->label) : as_json_real(j->score);
}

/* What was said of one answer, by axis; a second word on an axis also names its judge. */
static json_t *judgements_of(const maker *m, const as_judgement_list *all, const char *generation)
{
    json_t *o = json_object();
    as_buf name = {0};
    size_t n = 0;
    const as_judgement **own = as_new(all->n, sizeof *own, m->err);
    for (size_t i = 0; own && i < all->n; i++)
        if (strcmp(all->rows[i].generation, generation) == 0) own[n++] = &all->rows[i];
    if (n) qsort(own, n, sizeof *own, by_axis);
    for (size_t i = 0; i < n; i++) {
        name.size = 0;
        as_buf_puts(&name, own[i]->axis);
        if (o && json_object_get(o, as_buf_text(&name))) {
            as_buf_puts(&name, "/");
            as_buf_puts(&name, own[i]->judge ? own[i]->judge : "");
        }
        as_json_put(&o, as_buf_text(&name), said(own[i]));
    }
    if (!own || !as_buf_ok(&name, m->err)) {
        json_decref(o);
        o = NULL;
    }
    free(own);
    as_buf_clear(&name);
    return o;
}

static json_t *answer_of(const maker *m, const char *arm, const as_generation *g,
                         const as_judgement_list *judged)
{
    bool is_cut;
    json_t *text = beginning(g->text, &is_cut), *what = judgements_of(m, judged, g->key);
    if (!text || !what) {
        json_decref(text);
        json_decref(what);
        return keep(m, NULL);
    }
    return keep(m, json_pack("{s:s,s:o,s:b,s:s?,s:o}", "arm", arm, "text", text, "is_cut", is_cut,
                             "finish", g->finish, "judgements", what));
}

/* The answers of one arm to the prompts chosen. Its rows live only as long as this call. */
static bool add_answers(const maker *m, const examples *e, const char *arm)
{
    as_generation_list answers = {0};
    as_judgement_list judged = {0};
    as_buf name = {0};
    bool ok = false;
    as_arena *a = as_arena_new(m->err);
    if (!a || !joined(m, &name, "", e->step, arm)) goto out;
    const as_store_where where = {
        .design = m->rows->design->key, .set = e->set, .arm = as_buf_text(&name)};
    if (!as_store_generations(m->rows->store, &where, a, &answers, m->err) ||
        !as_store_judgements(m->rows->store, &where, a, &judged, m->err))
        goto out;
    ok = true;
    for (size_t k = 0; k < e->n; k++)
        for (size_t i = 0; ok && i < answers.n; i++)
            if (strcmp(answers.rows[i].prompt, e->prompt[k].key) == 0)
                ok = append(m, json_object_get(e->list[k], "answers"),
                            answer_of(m, arm, &answers.rows[i], &judged));
out:
    as_buf_clear(&name);
    as_arena_free(a);
    return ok;
}

static json_t *example_of(const maker *m, const examples *e, const as_prompt *prompt)
{
    bool is_cut;
    json_t *text = beginning(prompt->text, &is_cut);
    return keep(m, !text ? NULL
                         : json_pack("{s:s,s:s,s:I,s:o,s:b,s:[]}", "step", e->step, "set", e->set,
                                     "position", (json_int_t)prompt->position, "prompt", text,
                                     "is_cut", is_cut, "answers"));
}

/* The first prompts of a step's set with the answers of all its arms. */
static bool add_examples(const maker *m, const json_t *arms, const char *step, const json_t *entry,
                         json_t *list)
{
    examples e = {.step = step, .set = set_of(m, entry)};
    as_prompt_list prompts = {0};
    bool ok = false;
    if (!*e.set) return true;
    as_arena *a = as_arena_new(m->err);
    const as_store_where where = {.design = m->rows->design->key, .set = e.set};
    if (!a || !as_store_prompts(m->rows->store, &where, a, &prompts, m->err)) goto out;
    e.prompt = prompts.rows;
    for (; e.n < prompts.n && e.n < AS_EXAMPLES; e.n++) {
        e.list[e.n] = example_of(m, &e, &prompts.rows[e.n]);
        if (!append(m, list, e.list[e.n])) goto out;
    }
    ok = true;
    for (size_t i = 0; ok && i < json_array_size(arms); i++)
        if (strcmp(text_of(json_array_get(arms, i), "step"), step) == 0)
            ok = add_answers(m, &e, text_of(json_array_get(arms, i), "arm"));
out:
    as_arena_free(a);
    return ok;
}

static bool has_arms(const json_t *arms, const char *step)
{
    for (size_t i = 0; i < json_array_size(arms); i++)
        if (strcmp(text_of(json_array_get(arms, i), "step"), step) == 0) return true;
    return false;
}

static json_t *examples_of(const maker *m, const json_t *arms)
{
    json_t *list = keep(m, json_array()), *entry;
    const char *step;
    bool ok = list != NULL;
    json_object_foreach((json_t *)m->steps, step, entry)
    {
        ok = ok && (!has_arms(arms, step) || add_examples(m, arms, step, entry, list));
    }
    if (ok) return list;
    json_decref(list);
    return NULL;
}

/* --- how to run it again --------------------------------------------------------------------- */

static json_t *rerun_of(const maker *m)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    const as_design *d = m->rows->design;
    const char *name = d->name; /* fit for a shell, or another one */
    if (!*name || *name == '-' || name[strspn(name, letters)]) name = "plan";
    as_buf out = {0}, run = {0};
    as_buf_printf(&out, "assay report --db STORE --design %s --plan %s.plan.json", d->key, name);
    as_buf_printf(&run, "assay run %s.plan.json --db STORE --work FOLDER --report %s.html", name,
                  name);
    json_t *o = NULL;
    if (as_buf_ok(&out, m->err) && as_buf_ok(&run, m->err))
        o = keep(m, json_pack("{s:s,s:s,s:[s,s]}", "plan", d->name, "design", d->key, "commands",
                              as_buf_text(&out), as_buf_text(&run)));
    as_buf_clear(&out);
    as_buf_clear(&run);
    return o;
}

/* --- lock ------------------------------------------------------------------------------------ */

/* How a run departs from the lock of that detail. A deviation stands beside the lock whose hash and
 * time it has. */
static json_t *deviations_of(const maker *m, const json_t *lock)
{
    const bool agrees = json_is_true(json_object_get(lock, "agrees"));
    json_t *list = json_array();
    for (size_t i = first_of(m, "lock"); !agrees && list && i < m->rows->n_stats; i++) {
        const as_statistic *s = &m->rows->stat[i];
        if (strcmp(s->check, "lock") != 0) break;
        if (strcmp(s->name, "deviation") != 0) continue;
        json_t *detail = as_json_parse("detail", s->detail, strlen(s->detail), m->err);
        if (strcmp(text_of(detail, "hash"), text_of(lock, "hash")) == 0 &&
            strcmp(text_of(detail, "time"), text_of(lock, "time")) == 0)
            as_json_append(&list, json_pack("{s:s,s:O?,s:O?}", "at", s->of, "locked",
                                            json_object_get(detail, "locked"), "now",
                                            json_object_get(detail, "now")));
        json_decref(detail);
        if (m->err->class_) break;
    }
    if (list && !m->err->class_) return list;
    json_decref(list);
    return m->err->class_ ? NULL : keep(m, NULL);
}

static json_t *one_lock(const maker *m, const as_statistic *row)
{
    json_t *o = NULL, *detail = as_json_parse("detail", row->detail, strlen(row->detail), m->err);
    json_t *deviations = detail ? deviations_of(m, detail) : NULL;
    if (deviations)
        o = keep(m,
                 json_pack("{s:O?,s:O?,s:O?,s:O?,s:O?,s:O}", "time",
                           json_object_get(detail, "time"), "hash", json_object_get(detail, "hash"),
                           "agrees", json_object_get(detail, "agrees"), "is_after",
                           json_object_get(detail, "is_after"), "asked_by",
                           json_object_get(detail, "asked_by"), "deviations", deviations));
    json_decref(deviations);
    json_decref(detail);
    return o;
}

/* What the store says of the plans that were locked beside the run: the last one, and under
 * `earlier` those before it in order; null when it says nothing. */
static json_t *lock_of(const maker *m)
{
    json_t *earlier = keep(m, json_array()), *last = keep(m, json_null());
    bool ok = earlier && last;
    for (size_t i = first_of(m, "lock"); ok && i < m->rows->n_stats; i++) {
        const as_statistic *s = &m->rows->stat[i];
        if (strcmp(s->check, "lock") != 0) break;
        if (strcmp(s->name, "lock") != 0) continue;
        ok = json_is_null(last) || append(m, earlier, json_incref(last));
        json_decref(last);
        last = ok ? one_lock(m, s) : NULL;
        ok = last != NULL;
    }
    if (ok && json_is_object(last))
        ok = json_object_set(last, "earlier", earlier) == 0 || out_of_memory(m);
    json_decref(earlier);
    if (ok) return last;
    json_decref(last);
    return NULL;
}

/* --- known truths ---------------------------------------------------------------------------- */

static const char *const words[] = {"supported", "refuted", "inconclusive"};
enum { n_words = sizeof words / sizeof words[0] };

static size_t word_of(const char *text)
{
    size_t i = 0;
    while (i < n_words && strcmp(words[i], text) != 0) i++;
    return i;
}

static json_t *counts_of(json_int_t n[n_words][n_words])
{
    json_t *o = json_object();
    for (size_t i = 0; i < n_words; i++)
        as_json_put(
            &o, words[i],
            json_pack("{s:I,s:I,s:I}", words[0], n[i][0], words[1], n[i][1], words[2], n[i][2]));
    return o;
}

/* Claims of the plan whose truth is known, beside what was found. NULL without an error when there
 * are none. */
static json_t *truths_of(const maker *m, const json_t *claims, bool *ok)
{
    json_int_t n[n_words][n_words] = {{0}}, right = 0;
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(claims); i++) {
        const json_t *claim = json_array_get(claims, i);
        const char *id = text_of(claim, "id"), *verdict = text_of(claim, "verdict");
        const json_t *truth =
            json_object_get(json_object_get(json_object_get(m->rows->plan, "claims"), id), "truth");
        const char *word = text_of(truth, "verdict"), *cause = text_of(truth, "cause");
        if (!json_is_object(truth)) continue;
        bool is_right = strcmp(word, verdict) == 0 &&
                        (*cause == '\0' || strcmp(cause, text_of(claim, "cause")) == 0);
        right += is_right;
        if (word_of(word) < n_words && word_of(verdict) < n_words)
            n[word_of(word)][word_of(verdict)]++;
        as_json_append(&list, json_pack("{s:s,s:s,s:s,s:s,s:s,s:b}", "id", id, "truth", word,
                                        "truth_cause", cause, "verdict", verdict, "cause",
                                        text_of(claim, "cause"), "is_right", is_right));
    }
    json_int_t all = (json_int_t)json_array_size(list);
    *ok = list || out_of_memory(m);
    if (!all) {
        json_decref(list);
        return NULL;
    }
    json_t *o = json_pack("{s:o,s:o,s:I,s:I}", "claims", list, "counts", counts_of(n), "right",
                          right, "wrong", all - right);
    *ok = o || out_of_memory(m);
    return o;
}

static bool put(const maker *m, json_t *report, const char *name, json_t *value)
{
    if (!value) return false;
    return json_object_set_new(report, name, value) == 0 || out_of_memory(m);
}

bool as_report_study_put(json_t *report, const as_report_rows *rows, as_error *err)
{
    const maker m = {rows, json_object_get(rows->plan, "steps"), err};
    bool ok;
    json_t *truths = truths_of(&m, json_object_get(report, "claims"), &ok);
    if (!ok || (truths && !put(&m, report, "truths", truths))) return false;
    const bool has_steps = json_object_size(m.steps) > 0;
    json_t *lock = lock_of(&m);
    if (!lock) return false;
    if (!has_steps && json_is_null(lock)) return true;
    if (!put(&m, report, "lock", lock)) return false;
    if (!has_steps) return true;
    if (!put(&m, report, "steps", steps_of(&m)) || !put(&m, report, "arms", arms_of(&m)) ||
        !put(&m, report, "arcs", as_report_arcs(report, rows, err)))
        return false;
    return put(&m, report, "examples", examples_of(&m, json_object_get(report, "arms"))) &&
           put(&m, report, "rerun", rerun_of(&m));
}
