/* assay report: the report of a stored run, again. */
#include <string.h>

#include "app/cli/write.h"
#include "base/file.h"

static const as_option options[] = {
    {"db", 0, "FILE", "store of the rows (default: the nearest assay.db)", false},
    {"design", 0, "KEY", "which run (default: the last one)", false},
    {"report", 0, "FILE", "write the page (HTML) there, and FILE.json beside it", false},
    {"plan", 0, "FILE", "write the plan as it was run there (JSON)", false},
    {0},
};

static int run(as_cli *c, as_error *err)
{
    int status = AS_EXIT_FAILED;
    as_design d = {0};
    const char *plan = as_cli_value(c, "plan", NULL);
    as_store *store = as_cli_store(c, AS_STORE_READ, err);
    if (!store || !as_cli_design(c, store, c->n_operands ? c->operand[0] : NULL, &d, &status, err))
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
    "[NAME]",
    0,
    1,
    "Makes the report of a stored run from its rows; no file of the study and no model is needed.",
    options,
    {"assay report --report report.html", "assay report arxiv-2604.11867 --json"},
    run,
};
