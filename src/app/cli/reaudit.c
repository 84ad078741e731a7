/* assay reaudit: a plan over a folder of released files, to verdicts. */
#include <stdlib.h>
#include <string.h>

#include "app/cli/command.h"
#include "app/cli/plan_yaml.h"
#include "app/cli/write.h"
#include "base/file.h"
#include "lab/experiment/run.h"

static const as_option options[] = {
    {"data", 0, "DIR", "folder of the files the plan names", false},
    {"report", 0, "FILE", "write the page (HTML) there, and FILE.json beside it", false},
    {"db", 0, "FILE", "store of the rows (default: the nearest assay.db)", false},
    {"threads", 0, "N", "threads (default: ASSAY_THREADS, else all processors)", false},
    {"set", 'o', "KEY.PATH=VALUE", "change the plan for this run; may be repeated", true},
    {"dry-run", 0, NULL, "check the whole plan, open no data, measure nothing", false},
    {0},
};

static as_tree *read_plan(as_cli *c, as_error *err)
{
    as_tree *plan = as_plan_read(c->operand[0], c->arena, err);
    for (size_t i = 0; plan && i < c->n_given; i++)
        if (strcmp(c->given_name[i], "set") == 0 &&
            !as_plan_set(plan, c->given_value[i], c->arena, err))
            plan = NULL;
    return plan;
}

static int dry_run(as_cli *c, const as_tree *tree, as_error *err)
{
    as_plan *plan = as_arena_push(c->arena, 1, sizeof *plan, err);
    if (!plan || !as_plan_parse(tree, c->arena, plan, err)) return AS_EXIT_FAILED;
    if (c->json)
        return as_print_json(json_pack("{s:s,s:s,s:I,s:I,s:I,s:I}", "schema", "assay.dry_run/1",
                                       "plan", plan->name, "tables", (json_int_t)plan->n_tables,
                                       "checks", (json_int_t)plan->n_checks, "claims",
                                       (json_int_t)plan->n_claims, "permutations",
                                       (json_int_t)plan->permutations),
                             err)
                   ? AS_EXIT_DONE
                   : AS_EXIT_FAILED;
    as_buf b = {0};
    as_buf_printf(&b,
                  "%s: %zu tables, %zu checks, %zu claims; %zu permutations, %zu bootstrap "
                  "draws, %zu fold seeds\n",
                  plan->name, plan->n_tables, plan->n_checks, plan->n_claims, plan->permutations,
                  plan->bootstrap, plan->cv_repeats);
    bool ok = as_print(&b, err);
    as_buf_clear(&b);
    return ok ? AS_EXIT_DONE : AS_EXIT_FAILED;
}

static int run(as_cli *c, as_error *err)
{
    int status = AS_EXIT_FAILED;
    as_design design = {0};
    size_t threads = 0;
    as_pool *pool = NULL;
    as_store *store = NULL;
    as_tree *plan = read_plan(c, err);
    const char *data = as_cli_value(c, "data", NULL);
    if (!plan || !as_cli_may_report(c, c->operand[0], err)) return AS_EXIT_FAILED;
    if (as_cli_flag(c, "dry-run")) return dry_run(c, plan, err);
    if (!data) {
        as_fail(err, AS_EUSAGE, "reaudit: --data (found none, expected a folder)");
        return AS_EXIT_USAGE;
    }
    if (!as_file_exists(data)) {
        char shown[AS_ESCAPE_SIZE];
        as_fail(err, AS_EIO, "%s: folder (found none)", as_escape(data, strlen(data), shown));
        return AS_EXIT_FAILED;
    }
    store = as_cli_threads(c, &threads, err) ? as_cli_store(c, AS_STORE_WRITE, err) : NULL;
    if (!store || !(pool = as_pool_new(threads, err))) goto out;
    const as_run_options o = {
        .data = data, .store = store, .pool = pool, .log = c->log, .stop = c->stop};
    if (!as_reaudit(plan, &o, c->arena, &design, err)) goto out;
    status = as_cli_show(c, store, &design, err);
out:
    as_store_close(store);
    as_pool_free(pool);
    return status;
}

const as_command as_command_reaudit = {
    "reaudit",
    "audit the released files of a study",
    "PLAN",
    1,
    1,
    "Reads the files that PLAN names from the folder given by --data, measures every check of the "
    "plan and decides its claims: supported, refuted, or inconclusive with the reason. Rows are "
    "kept in the store, so a run that was ended goes on with the same command.",
    options,
    {"assay reaudit plans/arxiv-2604.11867.yaml --data DIR --report report.html",
     "assay reaudit my-plan.yaml --data DIR -o draws.permutations=200 --json"},
    run,
};
