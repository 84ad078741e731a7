/* assay list: what there is to choose from. */
#include <string.h>

#include "app/cli/command.h"
#include "base/tree.h"
#include "lab/audit/audit.h"
#include "lab/distil/distil.h"
#include "lab/experiment/study.h"

static const as_option options[] = {
    {"db", 0, "FILE", "store of the rows, for runs and claims (default: the nearest assay.db)",
     false},
    {0},
};

static const char *type_name(as_param_type t)
{
    static const char *const names[] = {"column",  "columns", "tables", "number",
                                        "numbers", "size",    "text",   "texts",
                                        "flag",    "choice",  "map",    "check"};
    return names[t];
}

static json_t *params_json(const as_check *k)
{
    json_t *list = json_array();
    for (const as_param *p = k->params; list && p->name; p++)
        json_array_append_new(list, json_pack("{s:s,s:s,s:s?,s:s,s:s?}", "name", p->name, "type",
                                              type_name(p->type), "default", p->fallback, "help",
                                              p->help, "choices", p->choices));
    return list;
}

static bool list_checks(const as_cli *c, json_t *rows, as_buf *text)
{
    size_t n = 0;
    const as_check *const *all = as_checks(&n);
    for (size_t i = 0; i < n; i++) {
        if (c->json) {
            json_array_append_new(rows,
                                  json_pack("{s:s,s:s,s:s,s:o}", "name", all[i]->name, "summary",
                                            all[i]->summary, "catches", all[i]->catches,
                                            "parameters", params_json(all[i])));
            continue;
        }
        as_buf_printf(text, "%-22s %s\n", all[i]->name, all[i]->summary);
        if (!c->verbose) continue;
        for (const as_param *p = all[i]->params; p->name; p++)
            as_buf_printf(text, "    %-18s %-8s %s%s%s%s%s%s\n", p->name, type_name(p->type),
                          p->help, p->choices ? " (" : "", p->choices ? p->choices : "",
                          p->choices ? ")" : "",
                          !p->fallback     ? "; required"
                          : p->fallback[0] ? "; default "
                                           : "",
                          p->fallback && p->fallback[0] ? p->fallback : "");
    }
    return true;
}

static void option_json(json_t *rows, const char *verb, const as_option *o)
{
    for (; o && o->name; o++)
        json_array_append_new(rows, json_pack("{s:s,s:s,s:s?,s:s}", "verb", verb, "name", o->name,
                                              "value", o->value, "help", o->help));
}

static bool list_options(const as_cli *c, json_t *rows, as_buf *text)
{
    size_t n = 0;
    const as_command *const *all = as_commands(&n);
    for (size_t i = 0; i < n; i++) {
        if (c->json) option_json(rows, all[i]->name, all[i]->options);
        for (const as_option *o = all[i]->options; !c->json && o && o->name; o++)
            as_buf_printf(text, "%-10s --%s%s%s\n", all[i]->name, o->name, o->value ? " " : "",
                          o->value ? o->value : "");
    }
    if (c->json) option_json(rows, "", as_common_options);
    return true;
}

static bool list_runs(const as_cli *c, json_t *rows, as_buf *text, as_error *err)
{
    as_design *d = NULL;
    size_t n = 0;
    as_store *store = as_cli_store(c, AS_STORE_READ, err);
    bool ok = store && as_store_designs(store, c->arena, &d, &n, err);
    for (size_t i = 0; ok && i < n; i++) {
        if (c->json)
            json_array_append_new(rows, json_pack("{s:s,s:s,s:s,s:I}", "design", d[i].key, "name",
                                                  d[i].name, "code", d[i].code, "seed",
                                                  (json_int_t)d[i].seed));
        else
            as_buf_printf(text, "%s  %s  seed %llu\n", d[i].key, d[i].name,
                          (unsigned long long)d[i].seed);
    }
    as_store_close(store);
    return ok;
}

static void add(const as_cli *c, json_t *rows, as_buf *text, const char *name, const char *summary)
{
    if (c->json)
        json_array_append_new(rows, json_pack("{s:s,s:s}", "name", name, "summary", summary));
    else
        as_buf_printf(text, "%-14s %s\n", name, summary);
}

static bool list_verbs(const as_cli *c, json_t *rows, as_buf *text)
{
    size_t n = 0;
    const as_command *const *all = as_commands(&n);
    for (size_t i = 0; i < n; i++) add(c, rows, text, all[i]->name, all[i]->summary);
    return true;
}

static bool list_tasks(const as_cli *c, json_t *rows, as_buf *text)
{
    size_t n = 0;
    const as_task *const *all = as_tasks(&n);
    for (size_t i = 0; i < n; i++) {
        add(c, rows, text, all[i]->name, all[i]->summary);
        for (const as_task_set *s = all[i]->sets; c->verbose && !c->json && s->name; s++)
            as_buf_printf(text, "    %-10s %4zu  %s\n", s->name, s->n, s->about);
    }
    return true;
}

static bool list_judges(const as_cli *c, json_t *rows, as_buf *text)
{
    size_t n = 0;
    const as_judge *const *all = as_judges(&n);
    for (size_t i = 0; i < n; i++) {
        add(c, rows, text, all[i]->name, all[i]->summary);
        for (const char *const *axis = all[i]->axes; c->verbose && !c->json && *axis; axis++)
            as_buf_printf(text, "    %s\n", *axis);
    }
    return true;
}

static bool list_teachers(const as_cli *c, json_t *rows, as_buf *text)
{
    size_t n = 0;
    const as_teacher *const *all = as_teachers(&n);
    for (size_t i = 0; i < n; i++) add(c, rows, text, all[i]->name, all[i]->summary);
    return true;
}

static bool list_steps(const as_cli *c, json_t *rows, as_buf *text)
{
    size_t n = 0;
    const as_step_kind *const *all = as_step_kinds(&n);
    for (size_t i = 0; i < n; i++) add(c, rows, text, all[i]->name, all[i]->summary);
    return true;
}

/* What can be listed without a store. */
static const struct {
    const char *name;
    bool (*list)(const as_cli *c, json_t *rows, as_buf *text);
} kinds[] = {{"checks", list_checks}, {"judges", list_judges}, {"options", list_options},
             {"steps", list_steps},   {"tasks", list_tasks},   {"teachers", list_teachers},
             {"verbs", list_verbs}};
#define N_KINDS (sizeof kinds / sizeof kinds[0])

static bool list(const as_cli *c, const char *what, json_t *rows, as_buf *text, as_error *err)
{
    const char *names[N_KINDS + 2] = {NULL};
    char shown[AS_ESCAPE_SIZE];
    if (strcmp(what, "runs") == 0) return list_runs(c, rows, text, err);
    for (size_t i = 0; i < N_KINDS; i++) {
        if (strcmp(what, kinds[i].name) == 0) return kinds[i].list(c, rows, text);
        names[i] = kinds[i].name;
    }
    names[N_KINDS] = "runs";
    const char *near = as_nearest(what, names);
    return as_fail(err, AS_EUSAGE,
                   "list: kind (found %s, expected checks, judges, options, runs, steps, tasks, "
                   "teachers or verbs%s%s)",
                   as_escape(what, strlen(what), shown), near ? "; nearest: " : "",
                   near ? near : "");
}

static int run(as_cli *c, as_error *err)
{
    const char *what = c->operand[0];
    as_buf text = {0};
    json_t *rows = json_array();
    bool ok = rows ? list(c, what, rows, &text, err) : as_fail(err, AS_EMEM, "out of memory");
    if (ok)
        ok = c->json
                 ? as_print_json(json_pack("{s:s,s:O}", "schema", "assay.list/1", what, rows), err)
                 : as_print(&text, err);
    json_decref(rows);
    as_buf_clear(&text);
    return ok ? AS_EXIT_DONE : AS_EXIT_FAILED;
}

const as_command as_command_list = {
    "list",
    "checks, judges, tasks, steps and more",
    "checks|judges|options|runs|steps|tasks|teachers|verbs",
    1,
    1,
    "Lists what there is. With -v, the parameters of each check, the sets of each task and the "
    "axes "
    "of each judge too.",
    options,
    {"assay list checks -v", "assay list options --json"},
    run,
};
