/* The functions of the installed header: what `assay reaudit` does, without a terminal. */
#include <assay.h>

#include <stdlib.h>
#include <string.h>

#include "app/cli/command.h"
#include "app/cli/plan_yaml.h"
#include "app/report/report.h"
#include "lab/experiment/run.h"
#include "lab/stats/blas.h"

const char *as_assay_version(void)
{
    return AS_VERSION;
}

void as_assay_free(char *text)
{
    free(text);
}

static bool check_arguments(const char *plan, const char *data, const char *store, unsigned threads,
                            as_error *err)
{
    const char *const name[] = {"plan", "data", "store"};
    const char *const path[] = {plan, data, store};
    for (size_t i = 0; i < 3; i++)
        if (!path[i] || !*path[i])
            return as_fail(err, AS_EUSAGE, "%s: path (found none, expected one)", name[i]);
    if (threads <= 256) return true;
    return as_fail(err, AS_EUSAGE, "threads: value (found %u, expected at most 256)", threads);
}

/* The report as text into *text. */
static bool reaudit(const char *plan, const char *data, const char *path, unsigned threads,
                    as_arena *a, as_buf *text, as_error *err)
{
    const as_cli cli = {.arena = a};
    bool ok = false;
    as_design design = {0};
    json_t *report = NULL;
    as_store *store = NULL;
    as_pool *pool = as_pool_new(threads, err);
    as_tree *tree = pool ? as_plan_read(plan, a, err) : NULL;
    if (!tree) goto out;
    store = as_store_open(path, AS_STORE_WRITE, err);
    if (!store) goto out;
    const as_run_options o = {.data = data, .store = store, .pool = pool};
    if (!as_reaudit(tree, &o, a, &design, err)) goto out;
    const char *time = as_cli_time(&cli, err);
    report = time ? as_report_json(store, &design, time, err) : NULL;
    if (!report) goto out;
    as_json_write_pretty(text, report);
    ok = as_buf_ok(text, err);
out:
    json_decref(report);
    as_store_close(store);
    as_pool_free(pool);
    return ok;
}

int as_assay_reaudit(const char *plan, const char *data, const char *store, unsigned threads,
                     char **report_json, char **message)
{
    as_error err = {0};
    as_buf text = {0};
    as_arena *a = NULL;
    bool ok = false;
    if (report_json) *report_json = NULL;
    if (message) *message = NULL;
    if (!check_arguments(plan, data, store, threads, &err)) goto out;
    as_stats_init();
    a = as_arena_new(&err);
    ok = a && reaudit(plan, data, store, threads, a, &text, &err);
out:
    as_arena_free(a);
    if (ok && report_json) {
        *report_json = text.data; /* now the caller's */
        return AS_ASSAY_DONE;
    }
    as_buf_clear(&text);
    if (ok) return AS_ASSAY_DONE;
    if (message) {
        char what[2048];
        *message = strdup(as_error_text(&err, what, sizeof what));
    }
    return err.class_ == AS_EUSAGE ? AS_ASSAY_USAGE : AS_ASSAY_FAILED;
}
