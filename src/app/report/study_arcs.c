/* What belongs together in a study, read from its plan: the arms of a training and the checks that
 * hold them against the base, the arms of chosen heads with their placebos, probes with their
 * gates. Tables and figures of the page are made along these lines; every number stays where it is,
 * but the losses of trainings, which have no other place in a report. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/report/study.h"
#include "base/tree.h"

typedef struct {
    const as_report_rows *rows;
    const json_t *steps, *tables, *checks; /* of the plan */
    const json_t *report;                  /* with its steps and arms */
    as_error *err;
} maker;

static bool out_of_memory(const maker *m)
{
    return as_fail(m->err, AS_EMEM, "out of memory");
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

static bool is_kind(const json_t *entry, const char *kind)
{
    return strcmp(text_of(entry, "do"), kind) == 0;
}

/* --- what the plan says of an arm ------------------------------------------------------------- */

enum { name_size = 256 };

/* A product that the operators of an arm use: "VERB: {STEP.NAME}REST". */
typedef struct {
    char verb[16], step[name_size], name[name_size];
    const char *rest;
} operand;

static bool copy(char *out, size_t size, const char *text, size_t n)
{
    if (n >= size) return false;
    memcpy(out, text, n);
    out[n] = '\0';
    return true;
}

/* The first of the operators, which are joined by ';'. */
static bool read_operand(const char *text, operand *o)
{
    const char *open = strchr(text, '{'), *close = open ? strchr(open, '}') : NULL;
    const char *dot = open ? strchr(open, '.') : NULL, *colon = strchr(text, ':');
    if (!close || !dot || dot > close || !colon || colon > open) return false;
    o->rest = close + 1;
    return copy(o->verb, sizeof o->verb, text, (size_t)(colon - text)) &&
           copy(o->step, sizeof o->step, open + 1, (size_t)(dot - open - 1)) &&
           copy(o->name, sizeof o->name, dot + 1, (size_t)(close - dot - 1));
}

static const char *operators_of(const json_t *arm)
{
    const char *text = json_string_value(arm);
    return text ? text : text_of(arm, "operators");
}

static bool is_base(const json_t *arm)
{
    const char *text = operators_of(arm);
    return (!*text || strcmp(text, "base") == 0) && !json_object_get(arm, "treats");
}

/* An arm that is only asked otherwise: nothing but its system message differs. */
static bool is_asked(const json_t *arm)
{
    const char *text = operators_of(arm);
    return (!*text || strcmp(text, "base") == 0) && *text_of(arm, "system") &&
           json_array_size(json_object_get(arm, "treats")) <= 1;
}

/* The first step of that kind, or of that id, that made what the arm uses: "" is any. NULL: none
 * did. */
static const json_t *maker_of(const maker *m, const json_t *arm, const char *kind, const char *id,
                              operand *o)
{
    for (const char *at = operators_of(arm); at; at = strchr(at, ';')) {
        at += strspn(at, "; ");
        const json_t *by = read_operand(at, o) ? json_object_get(m->steps, o->step) : NULL;
        if (by && (!*kind || is_kind(by, kind)) && (!*id || strcmp(o->step, id) == 0)) return by;
    }
    return NULL;
}

/* More is done to the arm than what one product does. */
static bool is_mixed(const json_t *arm)
{
    return strchr(operators_of(arm), ';') || json_array_size(json_object_get(arm, "treats"));
}

/* --- tables of the plan ----------------------------------------------------------------------- */

/* "TABLE.COLUMN" of a check. */
typedef struct {
    const json_t *table;
    const char *answers; /* STEP.ARM; "" for a table of a file */
    const char *column;
} column_of;

static bool find_column(const maker *m, const char *text, column_of *out)
{
    char name[name_size];
    const char *dot = text ? strchr(text, '.') : NULL;
    if (!dot || !copy(name, sizeof name, text, (size_t)(dot - text))) return false;
    out->table = json_object_get(m->tables, name);
    out->answers = text_of(out->table, "answers");
    out->column = dot + 1;
    return *out->answers != '\0';
}

/* What an arm calls the mean of that column; NULL when it has none. */
static const char *measure_of(const column_of *c)
{
    const json_t *own = json_object_get(json_object_get(c->table, "columns"), c->column);
    const char *from = text_of(own, "from"), *cut = text_of(own, "cut");
    if (!own) return c->column;
    if (strcmp(from, "coverage") == 0 && strcmp(text_of(own, "rule"), ">=") == 0 &&
        (strcmp(cut, "1/2") == 0 || strcmp(cut, "0.5") == 0))
        return "accuracy";
    if (strcmp(from, "verbal") == 0 && strcmp(text_of(own, "equals"), "ASSERT") == 0)
        return "assertion_rate";
    return NULL;
}

/* The model of a step, or of the step whose answers it takes; "" when there is none. */
static const char *model_of(const maker *m, const char *step)
{
    char name[name_size];
    if (!copy(name, sizeof name, step, strcspn(step, "."))) return "";
    for (size_t i = 0; i <= json_object_size(m->steps); i++) {
        const json_t *entry = json_object_get(m->steps, name);
        const char *model = text_of(entry, "model"), *from = text_of(entry, "from");
        if (*model || !*from) return model;
        if (!copy(name, sizeof name, from, strcspn(from, "."))) break;
    }
    return "";
}

/* --- changes against the base ----------------------------------------------------------------- */

/* Checks that compare arms with the base: the parameters that hold the columns, and the statistic
 * with its variant: as it stands, that of the column, of the dose (the base is the first), or of
 * the budget (the base of each). `measure` NULL: that of the column. */
static const struct {
    const char *check, *base, *treated, *statistic;
    enum { OF_TEXT, OF_COLUMN, OF_DOSE, OF_BUDGET } by;
    const char *of, *measure;
} comparisons[] = {
    {"paired-change", "a", "b", "change", OF_TEXT, "", NULL},
    {"paired-binary", "a", "b", "difference", OF_TEXT, "", NULL},
    {"budget-ladder", "a", "b", "difference", OF_BUDGET, "", NULL},
    {"preserved", "a", "b", "change", OF_TEXT, "", NULL},
    {"seeds", "base", "treated", "effect", OF_COLUMN, "", NULL},
    {"trend", "doses", "doses", "effect", OF_DOSE, "", NULL},
    {"placebo", "base", "treated", "effect", OF_TEXT, "treated", NULL},
    {"placebo", "base", "placebo", "placebo", OF_COLUMN, "", NULL},
    {"asymmetry-change", "correct_a", "correct_b", "asym_change", OF_TEXT, "", "asymmetry"},
    {"mimicry", "correct_a", "correct_b", "asym_change", OF_TEXT, "", "asymmetry"},
    {"mimicry", "asserts_a", "asserts_b", "asserts_change", OF_TEXT, "", NULL},
};

/* One text of a parameter, which may be a list of them. */
static const char *item_of(const json_t *value, size_t i)
{
    if (json_is_array(value)) return json_string_value(json_array_get(value, i));
    return i == 0 ? json_string_value(value) : NULL;
}

static bool is_arm(const char *answers, const char *step, const char *arm)
{
    size_t n = strlen(step);
    return strncmp(answers, step, n) == 0 && answers[n] == '.' && strcmp(answers + n + 1, arm) == 0;
}

/* The arms of a step that are held against its base. */
typedef struct {
    const char *step, *base;
    const json_t *arms;
} against;

static bool is_among(const json_t *arms, const char *arm)
{
    for (size_t i = 0; i < json_array_size(arms); i++)
        if (strcmp(text_of(json_array_get(arms, i), "arm"), arm) == 0) return true;
    return false;
}

static bool is_filtered(const column_of *c)
{
    return json_array_size(json_object_get(c->table, "where")) > 0;
}

/* "NAME=X" as the statistic has it, of a number as the plan has it: 0.10 and 1/10 are 0.1. */
static bool put_number(char *out, size_t size, const char *name, const char *text)
{
    char number[32];
    double x;
    as_error err = {0};
    const as_tree t = {.kind = AS_TREE_TEXT, .text = text, .file = "plan"};
    if (!text || !as_tree_double(&t, &x, &err)) return false;
    (void)snprintf(out, size, "%s=%s", name, as_double_text(x, number));
    return true;
}

/* The change of one arm that one check measured, if it did so against the base and of all items:
 * beside the mean of an arm, the change of some of its items would be read as that of the arm. */
static void add_change(const maker *m, json_t **list, const char *id, const against *at, size_t k,
                       size_t i)
{
    const json_t *check = json_object_get(m->checks, id);
    const char *text = item_of(json_object_get(check, comparisons[k].treated), i);
    const bool is_budget = comparisons[k].by == OF_BUDGET;
    char of[name_size];
    const size_t n = strlen(at->step);
    column_of from, to;
    if (!find_column(m, item_of(json_object_get(check, comparisons[k].base), is_budget ? i : 0),
                     &from) ||
        !find_column(m, text, &to) || is_filtered(&from) || is_filtered(&to) ||
        !is_arm(from.answers, at->step, at->base) || strncmp(to.answers, at->step, n) != 0 ||
        to.answers[n] != '.' || strcmp(to.answers + n + 1, at->base) == 0 ||
        !is_among(at->arms, to.answers + n + 1))
        return;
    const char *measure = comparisons[k].measure ? comparisons[k].measure : measure_of(&to);
    if (!measure) return;
    if (comparisons[k].by == OF_DOSE || is_budget) {
        const char *name = is_budget ? "budget" : "dose";
        const json_t *list_of = json_object_get(check, is_budget ? "budgets" : "dose");
        if (!put_number(of, sizeof of, name, item_of(list_of, i))) return;
    } else {
        (void)snprintf(of, sizeof of, "%s",
                       comparisons[k].by == OF_COLUMN ? text : comparisons[k].of);
    }
    as_json_append(list,
                   json_pack("{s:s,s:s,s:s,s:s,s:s}", "arm", to.answers + n + 1, "measure", measure,
                             "check", id, "name", comparisons[k].statistic, "of", of));
}

/* Of these arms alone. */
static json_t *changes_of(const maker *m, const char *step, const char *base, const json_t *arms)
{
    const against at = {step, base, arms};
    json_t *list = json_array(), *check;
    const char *id;
    json_object_foreach((json_t *)m->checks, id, check)
    {
        for (size_t k = 0; k < sizeof comparisons / sizeof comparisons[0]; k++) {
            if (strcmp(text_of(check, "check"), comparisons[k].check) != 0) continue;
            const json_t *treated = json_object_get(check, comparisons[k].treated);
            const size_t n = json_is_array(treated) ? json_array_size(treated) : 1;
            for (size_t i = 0; i < n; i++) add_change(m, &list, id, &at, k, i);
        }
    }
    return list;
}

/* --- the first arc: what was trained ---------------------------------------------------------- */

static const json_t *step_of(const maker *m, const char *id)
{
    const json_t *steps = json_object_get(m->report, "steps");
    for (size_t i = 0; i < json_array_size(steps); i++)
        if (strcmp(text_of(json_array_get(steps, i), "id"), id) == 0)
            return json_array_get(steps, i);
    return NULL;
}

/* The losses of one training by step. NULL is a failure that has been told. */
static json_t *losses_of(const maker *m, const char *training)
{
    as_training_step *row = NULL;
    size_t n = 0;
    json_t *steps = json_array(), *loss = json_array(), *held = json_array(), *o = NULL;
    as_arena *a = as_arena_new(m->err);
    bool ok = a && as_store_training_steps(m->rows->store, training, a, &row, &n, m->err);
    for (size_t i = 0; ok && i < n; i++) {
        json_t *values = as_json_parse("values", row[i].values, strlen(row[i].values), m->err);
        const json_t *x = json_object_get(values, "loss"),
                     *y = json_object_get(values, "held_loss");
        ok = values != NULL;
        as_json_append(&steps, json_integer((json_int_t)row[i].step));
        as_json_append(&loss, x ? json_incref((json_t *)x) : json_null());
        as_json_append(&held, y ? json_incref((json_t *)y) : json_null());
        json_decref(values);
    }
    as_arena_free(a);
    if (ok) o = json_pack("{s:O,s:O,s:O}", "steps", steps, "loss", loss, "held_loss", held);
    if (ok && !o) out_of_memory(m);
    json_decref(steps);
    json_decref(loss);
    json_decref(held);
    return o;
}

/* Every training of that step that the store has. */
static bool add_runs(const maker *m, json_t *list, const char *step)
{
    const json_t *stats = json_object_get(step_of(m, step), "statistics");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(text_of(json_array_get(list, i), "from"), step) == 0) return true;
    for (size_t i = 0; i < json_array_size(stats); i++) {
        const json_t *stat = json_array_get(stats, i), *detail = json_object_get(stat, "detail");
        const char *training = text_of(detail, "training");
        if (strcmp(text_of(stat, "name"), "training") != 0 || !*training) continue;
        json_t *run = losses_of(m, training);
        if (!run) return false;
        as_json_put_text(&run, "from", step);
        as_json_put_text(&run, "number", text_of(stat, "of"));
        as_json_put_text(&run, "training", training);
        if (!run || json_array_append_new(list, run) != 0) return out_of_memory(m);
    }
    return true;
}

/* The parts of an arc: arms in the order of the plan, and the base among them ("": none). */
typedef struct {
    json_t *arms, *runs;
    const char *base;
    size_t n; /* arms that use a product */
} members;

static void add_plain(members *all, const char *name, const json_t *arm)
{
    const char *kind = is_base(arm) ? "base" : is_asked(arm) ? "asked" : NULL;
    if (!kind) return;
    if (strcmp(kind, "base") == 0 && !*all->base) all->base = name;
    as_json_append(&all->arms,
                   json_pack("{s:s,s:s,s:n,s:n}", "arm", name, "kind", kind, "from", "name"));
}

static void add_mixed(members *all, const char *name)
{
    as_json_append(&all->arms,
                   json_pack("{s:s,s:s,s:n,s:n}", "arm", name, "kind", "mixed", "from", "name"));
}

static bool gather_trained(const maker *m, const json_t *entry, members *all)
{
    const char *name;
    json_t *arm;
    operand o;
    bool ok = true;
    json_object_foreach(json_object_get(entry, "arms"), name, arm)
    {
        if (!maker_of(m, arm, "train", "", &o)) {
            add_plain(all, name, arm);
            continue;
        }
        all->n++;
        if (is_mixed(arm))
            add_mixed(all, name);
        else
            as_json_append(&all->arms, json_pack("{s:s,s:s,s:s,s:s}", "arm", name, "kind",
                                                 "trained", "from", o.step, "name", o.name));
        ok = ok && add_runs(m, all->runs, o.step);
    }
    return ok;
}

static bool add_trained(const maker *m, json_t **list, const char *step, const json_t *entry)
{
    members all = {json_array(), json_array(), "", 0};
    bool ok = (all.arms && all.runs) || out_of_memory(m);
    ok = ok && gather_trained(m, entry, &all) && (all.arms || out_of_memory(m));
    if (ok && all.n)
        as_json_append(list, json_pack("{s:s,s:s,s:s,s:s,s:O,s:o,s:O}", "family", model_of(m, step),
                                       "step", step, "set", text_of(entry, "set"), "base", all.base,
                                       "arms", all.arms, "changes",
                                       changes_of(m, step, all.base, all.arms), "runs", all.runs));
    json_decref(all.arms);
    json_decref(all.runs);
    return ok;
}

/* --- the second arc: what was chosen ---------------------------------------------------------- */

/* The number after "=" or "*"; a vector without one has strength 1. */
static json_t *dose_of(const operand *o)
{
    const char *text = o->rest + strspn(o->rest, " =*");
    char *end;
    if (!*text) return strcmp(o->verb, "steer") == 0 ? json_real(1) : json_null();
    double x = strtod(text, &end);
    return end == text || end[strspn(end, " ")] ? json_null() : as_json_real(x);
}

static void gather_chosen(const maker *m, const json_t *entry, const char *by, members *all)
{
    const char *name;
    json_t *arm;
    operand o;
    json_object_foreach(json_object_get(entry, "arms"), name, arm)
    {
        if (!maker_of(m, arm, "", by, &o)) {
            add_plain(all, name, arm);
            continue;
        }
        bool is_placebo = strncmp(o.name, "placebo", 7) == 0;
        all->n++;
        if (is_mixed(arm)) {
            add_mixed(all, name);
            continue;
        }
        as_json_append(&all->arms, json_pack("{s:s,s:s,s:s,s:s,s:o}", "arm", name, "kind",
                                             is_placebo ? "placebo" : "chosen", "from", o.step,
                                             "name", o.name, "dose", dose_of(&o)));
    }
}

/* One entry for each step of answers that has arms of this choice; one without, if there is none.
 */
static bool add_chosen(const maker *m, json_t **list, const char *by, const json_t *choice)
{
    const char *step;
    json_t *entry;
    size_t n = 0;
    json_object_foreach((json_t *)m->steps, step, entry)
    {
        members all = {json_array(), NULL, "", 0};
        if (!all.arms) return out_of_memory(m);
        gather_chosen(m, entry, by, &all);
        if (!all.arms) return out_of_memory(m);
        if (all.n)
            as_json_append(list,
                           json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:O,s:o}", "family", model_of(m, by),
                                     "from", by, "do", text_of(choice, "do"), "step", step, "set",
                                     text_of(entry, "set"), "base", all.base, "arms", all.arms,
                                     "changes", changes_of(m, step, all.base, all.arms)));
        n += all.n;
        json_decref(all.arms);
    }
    if (n == 0)
        as_json_append(list, json_pack("{s:s,s:s,s:s,s:n,s:s,s:s,s:[],s:[]}", "family",
                                       model_of(m, by), "from", by, "do", text_of(choice, "do"),
                                       "step", "set", "", "base", "", "arms", "changes"));
    return *list || out_of_memory(m);
}

/* --- the third arc: what was gated ------------------------------------------------------------ */

/* Checks that read states: the parameter that names the column of the rows they judge. */
static const struct {
    const char *check, *features;
} readers[] = {{"within-cv", "features"},
               {"grouped-cv", "features"},
               {"nuisance", "features"},
               {"gate-transfer", "test_features"},
               {"transfer", "test_features"}};

static json_t *probes_of(const maker *m, const char *family)
{
    json_t *list = json_array(), *check;
    const char *id;
    json_object_foreach((json_t *)m->checks, id, check)
    {
        for (size_t k = 0; k < sizeof readers / sizeof readers[0]; k++) {
            column_of c;
            if (strcmp(text_of(check, "check"), readers[k].check) != 0 ||
                !find_column(m, text_of(check, readers[k].features), &c) ||
                strcmp(model_of(m, c.answers), family) != 0)
                continue;
            as_json_append(&list, json_pack("{s:s,s:s,s:s}", "check", id, "reading", c.column,
                                            "answers", c.answers));
        }
    }
    return list;
}

/* One entry for each gate, and for each probe that no gate uses. */
static bool add_gated(const maker *m, json_t **list, const char *probe, const json_t *fitted)
{
    const char *step;
    json_t *entry;
    bool any = false;
    const char *family = model_of(m, probe), *reading = text_of(fitted, "reading");
    json_object_foreach((json_t *)m->steps, step, entry)
    {
        if (!is_kind(entry, "gate") || strcmp(text_of(entry, "probe"), probe) != 0) continue;
        any = true;
        as_json_append(list,
                       json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "family", family, "probe", probe,
                                 "reading", *reading ? reading : "h_last", "gate", step, "from",
                                 text_of(entry, "from"), "probes", probes_of(m, family)));
    }
    if (!any)
        as_json_append(list, json_pack("{s:s,s:s,s:s,s:n,s:n,s:o}", "family", family, "probe",
                                       probe, "reading", *reading ? reading : "h_last", "gate",
                                       "from", "probes", probes_of(m, family)));
    return *list || out_of_memory(m);
}

json_t *as_report_arcs(const json_t *report, const as_report_rows *rows, as_error *err)
{
    const maker m = {rows,
                     json_object_get(rows->plan, "steps"),
                     json_object_get(rows->plan, "tables"),
                     json_object_get(rows->plan, "checks"),
                     report,
                     err};
    json_t *trained = json_array(), *chosen = json_array(), *gated = json_array(), *entry,
           *o = NULL;
    const char *id;
    bool ok = true;
    json_object_foreach((json_t *)m.steps, id, entry)
    {
        if (ok && is_kind(entry, "answer")) ok = add_trained(&m, &trained, id, entry);
        if (ok && (is_kind(entry, "heads") || is_kind(entry, "direction")))
            ok = add_chosen(&m, &chosen, id, entry);
        if (ok && is_kind(entry, "probe")) ok = add_gated(&m, &gated, id, entry);
    }
    if (ok) {
        o = json_pack("{s:O,s:O,s:O}", "trained", trained, "chosen", chosen, "gated", gated);
        if (!o) as_fail(err, AS_EMEM, "out of memory");
    }
    json_decref(trained);
    json_decref(chosen);
    json_decref(gated);
    return o;
}
