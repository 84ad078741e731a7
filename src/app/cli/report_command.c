/* assay report: the report of a stored run, or of a training, from its rows. */
#include <string.h>

#include "app/cli/plan.h"
#include "app/cli/write.h"
#include "base/file.h"
#include "lab/experiment/run.h"

static const as_option options[] = {
    {"db", 0, "FILE", "store of the rows (default: the nearest assay.db)", false},
    {"design", 0, "KEY", "which run (default: the last one)", false},
    {"training", 0, NULL, "of a training: the one of NAME or key, or the last one", false},
    {"report", 0, "FILE", "write the page (HTML) there, and FILE.json beside it", false},
    {"plan", 0, "FILE", "write the plan as it was run there (JSON)", false},
    {"set", 'o', "KEY.PATH=VALUE", "change PLAN as the run did; may be repeated", true},
    {0},
};

/* The training of that key or name (NULL: any) that was put last. */
static bool find_training(const as_cli *c, as_store *store, const char *name, as_training *out,
                          int *status, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    bool found = false, by_key = name && strlen(name) == 64;
    if ((by_key && !as_store_find_training(store, name, c->arena, out, &found, err)) ||
        (!found && !as_store_latest_training(store, name, c->arena, out, &found, err))) {
        *status = as_exit_of_rows(err);
        return false;
    }
    if (found) return true;
    as_fail(err, AS_ESTATE, "%s: training (found none, expected %s)", as_store_path(store),
            name ? as_escape(name, strlen(name), shown) : "any");
    as_error_hint(err, "run `assay train` first");
    return false;
}

static bool print_training(const as_training *t, const json_t *report, as_error *err)
{
    as_buf b = {0};
    const json_t *list = json_object_get(report, "sentences");
    as_buf_escape(&b, t->name, strlen(t->name));
    as_buf_puts(&b, " (");
    as_buf_escape(&b, t->kind, strlen(t->kind));
    as_buf_printf(&b, ")  %s\n", t->key);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        as_buf_puts(&b, "    ");
        as_buf_escape(&b, text, strlen(text));
        as_buf_puts(&b, "\n");
    }
    bool ok = as_print(&b, err);
    as_buf_clear(&b);
    return ok;
}

static bool show_training(const as_cli *c, as_store *store, const as_training *t, as_error *err)
{
    const char *time = as_cli_time(c, err), *plan = as_cli_value(c, "plan", NULL);
    json_t *report = time ? as_training_json(store, t, time, err) : NULL;
    bool ok =
        report && (!plan || as_file_replace(plan, t->plan, strlen(t->plan), err)) &&
        as_cli_write_page(c, report, as_training_html, as_cli_value(c, "report", NULL), err) &&
        (c->json ? as_print_json(json_incref(report), err) : print_training(t, report, err));
    json_decref(report);
    return ok;
}

static int run_training(as_cli *c, as_error *err)
{
    int status = AS_EXIT_FAILED;
    as_training t = {0};
    if (as_cli_flag(c, "design")) {
        as_fail(err, AS_EUSAGE, "--design and --training (found both, expected one)");
        return AS_EXIT_USAGE;
    }
    if (as_cli_flag(c, "set")) {
        as_fail(err, AS_EUSAGE, "--set and --training (found both, expected one)");
        return AS_EXIT_USAGE;
    }
    as_store *store = as_cli_store(c, AS_STORE_READ, err);
    const char *name = c->n_operands ? c->operand[0] : NULL;
    if (store && find_training(c, store, name, &t, &status, err) &&
        show_training(c, store, &t, err))
        status = AS_EXIT_DONE;
    as_store_close(store);
    return status;
}

/* The plan of the operand as designs have it. */
static bool read_plan(const as_cli *c, const char **text, as_error *err)
{
    as_plan *p = as_arena_push(c->arena, 1, sizeof *p, err);
    if (p && as_cli_flag(c, "design"))
        return as_fail(err, AS_EUSAGE, "--design and a plan (found both, expected one)");
    const as_tree *tree = p ? as_cli_plan(c, err) : NULL;
    if (!tree || !as_plan_parse(tree, c->arena, p, err)) return false;
    *text = as_plan_text(p, c->arena, err);
    return *text != NULL;
}

/* The last run of exactly that plan. */
static bool find_run(const as_cli *c, as_store *store, const char *text, as_design *out,
                     int *status, as_error *err)
{
    as_design *rows;
    size_t n;
    char shown[AS_ESCAPE_SIZE];
    if (!as_store_designs(store, c->arena, &rows, &n, err)) {
        *status = as_exit_of_rows(err);
        return false;
    }
    while (n > 0 && strcmp(rows[n - 1].plan, text) != 0) n--;
    if (n > 0) {
        *out = rows[n - 1];
        return true;
    }
    as_fail(err, AS_ESTATE, "%s: run (found none, expected one of %s as it is now)",
            as_store_path(store), as_escape(c->operand[0], strlen(c->operand[0]), shown));
    as_error_hint(err, "`assay run` begins one");
    return false;
}

static int run(as_cli *c, as_error *err)
{
    const char *operand = c->n_operands ? c->operand[0] : "";
    if (!as_cli_may_report(c, operand, err)) return AS_EXIT_FAILED;
    if (as_cli_flag(c, "training")) return run_training(c, err);

    int status = AS_EXIT_FAILED;
    as_design d = {0};
    as_store *store = NULL;
    const char *plan = as_cli_value(c, "plan", NULL), *text = NULL;
    const char *name = c->n_operands ? c->operand[0] : NULL;
    const bool is_file = name && as_cli_is_plan(name);
    if (!is_file && as_cli_flag(c, "set")) {
        as_fail(err, AS_EUSAGE, "--set (expected a plan beside it)");
        return AS_EXIT_USAGE;
    }
    if (is_file && !read_plan(c, &text, err))
        return status; /* before the process confines itself */
    store = as_cli_store(c, AS_STORE_READ, err);
    if (!store || !(is_file ? find_run(c, store, text, &d, &status, err)
                            : as_cli_design(c, store, name, &d, &status, err)))
        goto out;
    if (plan && !as_file_replace(plan, d.plan, strlen(d.plan), err)) goto out;
    status = as_cli_show(c, store, &d, err);
out:
    as_store_close(store);
    return status;
}

const as_command as_command_report = {
    "report",
    "write the report of a stored run",
    "[NAME|PLAN]",
    0,
    1,
    "Makes the report of a stored run from its rows; no file of the study and no model is needed. "
    "The run is the last one, or the last of that name, or of the plan in that file. "
    "With --training, that of a training: its curves over the steps.",
    options,
    {"assay report --report report.html", "assay report --training my-run --report training.html"},
    run,
};
