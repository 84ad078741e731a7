/* assay run: a plan with steps, from its first question to its verdicts. The same command again
 * does only what is missing. assay resume: the same, for a run that has begun. */
#include <string.h>

#include "app/cli/engine.h"
#include "app/cli/forecast.h"
#include "app/cli/plan.h"
#include "app/cli/write.h"
#include "base/file.h"
#include "base/map.h"
#include "lab/experiment/before.h"
#include "lab/experiment/study.h"

static const as_option options[] = {
    {"data", 0, "DIR", "folder of the files the plan names, if it names any", false},
    {"work", 0, "DIR", "folder for what steps make (default: beside the store)", false},
    {"report", 0, "FILE", "write the page (HTML) there, and FILE.json beside it", false},
    {"db", 0, "FILE", "store of the rows (default: the nearest assay.db)", false},
    {"kernels", 0, "NAME", "auto, scalar, avx2 or avx512: same bits, other speed", false},
    {"threads", 0, "N", "threads (default: ASSAY_THREADS, else all processors)", false},
    {"set", 'o', "KEY.PATH=VALUE", "change the plan for this run; may be repeated", true},
    {"allow-change", 0, NULL, "run a plan that is not the locked one, and keep the differences",
     false},
    {"dry-run", 0, NULL, "check the plan, try a little of each step, and say how long it will take",
     false},
    {0},
};

typedef struct {
    as_cli *cli;
    as_tree *tree;
    as_plan plan;
    const char *work;
    as_exec ex;
    as_store *store;
    as_sandbox *sandbox;
    const char *lock_path; /* NULL: none */
    json_t *lock;
    bool refused;
} job;

static bool read_plan(job *j, as_error *err)
{
    j->tree = as_cli_plan(j->cli, err);
    if (!j->tree) return false;
    if (as_plan_parse(j->tree, j->cli->arena, &j->plan, err)) return true;
    j->refused = err->class_ == AS_ESTATE; /* unequal arms */
    return false;
}

/* Before there are threads, and before the process confines itself. */
static bool open_sandbox(job *j, as_error *err)
{
    const as_sandbox_options how = {.stop = j->cli->stop};
    bool needs = false;
    for (size_t i = 0; i < j->plan.n_steps; i++)
        for (size_t k = 0; k < j->plan.step[i].n_judges; k++)
            needs = needs || j->plan.step[i].judge[k]->runs_code;
    if (!needs) return true;
    j->sandbox = as_sandbox_open(&how, err);
    return j->sandbox != NULL;
}

static int dry_run(job *j, as_error *err)
{
    if (!open_sandbox(j, err)) return AS_EXIT_FAILED;
    return as_cli_forecast(j->cli, &j->plan, j->sandbox, err);
}

static bool open_places(job *j, as_error *err)
{
    const as_cli *c = j->cli;
    const char *store = as_cli_store_path(c, err), *report = as_cli_value(c, "report", NULL);
    const char *folder[3] = {store ? as_cli_folder_of(c, store, err) : NULL, NULL, NULL};
    size_t n = 2;
    if (!folder[0]) return false;
    j->work = as_cli_value(c, "work", NULL);
    if (!j->work) j->work = as_arena_printf(c->arena, err, "%s/%s", folder[0], j->plan.name);
    if (!j->work || !as_dir_make(j->work, err)) return false;
    folder[1] = j->work;
    if (report && !(folder[n++] = as_cli_folder_of(c, report, err))) return false;
    as_cli_write_only(c, folder, n, as_cli_cache(c, err));
    j->store = as_store_open(store, AS_STORE_WRITE, err);
    if (j->store && as_store_notice(j->store))
        as_log_warn(c->log, "%s: %s", store, as_store_notice(j->store));
    return j->store != NULL;
}

/* The lock beside the plan; j->lock_path NULL: none. */
static bool find_lock(job *j, as_error *err)
{
    const char *path = as_cli_lock_path(j->cli, err);
    char shown[AS_ESCAPE_SIZE];
    if (!path) return false;
    if (as_name_exists(path)) {
        j->lock_path = path;
        j->lock = as_lock_read(path, err);
        return j->lock != NULL;
    }
    return !as_cli_flag(j->cli, "allow-change") ||
           as_fail(err, AS_EUSAGE, "--allow-change: lock (found none, expected %s)",
                   as_escape(path, strlen(path), shown));
}

/* Looks before anything is made or written. */
static bool has_begun(const job *j, as_error *err)
{
    const as_cli *c = j->cli;
    const char *path = as_cli_store_path(c, err);
    char shown[AS_ESCAPE_SIZE];
    if (!path) return false;
    if (!as_file_exists(path)) {
        as_fail(err, AS_ESTATE, "%s: store (found none)", as_escape(path, strlen(path), shown));
        as_error_hint(err, "`assay run` begins one");
        return false;
    }
    as_store *store = as_store_open(path, AS_STORE_READ, err);
    const as_run_options o = {.data = as_cli_value(c, "data", NULL), .store = store, .log = c->log};
    const bool ok = store && as_run_begun(j->tree, &o, c->arena, err);
    as_store_close(store);
    return ok;
}

/* Is it what was locked? Models and files are looked at when it runs, and what was allowed to
 * change is said then. */
static bool keeps_lock(job *j, const as_study_facts *f, as_error *err)
{
    const as_cli *c = j->cli;
    const bool allows = as_cli_flag(c, "allow-change");
    const as_run_options o = {
        .refused = &j->refused, .lock = j->lock_path, .allows_change = allows, .log = c->log};
    if (!j->lock || (allows && !as_cli_flag(c, "dry-run"))) return true;
    json_t *now = as_study_json(f, c->arena, err);
    if (now) as_json_put(&now, "plan", as_tree_json(j->plan.root, err));
    if (!now && !err->class_) as_fail(err, AS_EMEM, "out of memory");
    json_t *changes = now && !err->class_ ? as_lock_changes(j->lock, now, err) : NULL;
    const bool ok = changes && as_lock_allows(&o, changes, err);
    json_decref(now);
    json_decref(changes);
    return ok;
}

/* Can the study see what it claims, and is it the locked one? Asked before there is a store or a
 * folder. */
static bool may_begin(job *j, bool resumes, as_error *err)
{
    as_study_facts f = {.plan = &j->plan};
    as_power *power = NULL;
    if (!as_run_has_data(&j->plan, as_cli_value(j->cli, "data", NULL), err)) return false;
    if (j->plan.n_steps || j->lock) {
        if (!as_power_items(&j->plan, j->cli->arena, &f.items, err) ||
            !as_power_of(&j->plan, f.items, j->cli->arena, &power, err))
            return false;
        f.power = power;
        j->refused = j->plan.n_steps && !as_power_allows(&j->plan, power, err);
        if (j->refused) return false;
    }
    return (!resumes || has_begun(j, err)) && keeps_lock(j, &f, err);
}

static int go(as_cli *c, bool resumes, as_error *err)
{
    int status = AS_EXIT_FAILED;
    as_design design = {0};
    job *j = as_arena_push(c->arena, 1, sizeof *j, err);
    if (!j) return status;
    j->cli = c;
    if (!read_plan(j, err) || !as_cli_may_report(c, c->operand[0], err) || !find_lock(j, err) ||
        !may_begin(j, resumes, err))
        goto out;
    if (as_cli_flag(c, "dry-run")) {
        status = dry_run(j, err);
        goto out;
    }
    if (!as_map_guard(err) || !open_sandbox(j, err) || !open_places(j, err) ||
        !as_engine_exec(&j->ex, c, err))
        goto out;
    const as_run_options o = {.data = as_cli_value(c, "data", NULL),
                              .work = j->work,
                              .cache = as_cli_cache(c, err),
                              .ex = &j->ex,
                              .sandbox = j->sandbox,
                              .refused = &j->refused,
                              .lock = j->lock_path,
                              .allows_change = as_cli_flag(c, "allow-change"),
                              .store = j->store,
                              .pool = j->ex.pool,
                              .log = c->log,
                              .stop = c->stop};
    if (!as_reaudit(j->tree, &o, c->arena, &design, err)) goto out;
    status = as_cli_show(c, j->store, &design, err);
out:
    if (j->refused) status = AS_EXIT_REFUSED;
    json_decref(j->lock);
    as_store_close(j->store);
    as_sandbox_close(j->sandbox);
    as_exec_clear(&j->ex);
    return status;
}

static int run(as_cli *c, as_error *err)
{
    return go(c, false, err);
}

static int resume(as_cli *c, as_error *err)
{
    return go(c, true, err);
}

const as_command as_command_run = {
    "run",
    "run a study: ask, train, edit, judge, doubt",
    "PLAN",
    1,
    1,
    "Walks the steps of PLAN: models answer sets of prompts under several arms side by side, "
    "teachers write training records, adapters are trained, heads and directions chosen, answers "
    "judged. Then every check is measured and the claims are decided. Every row is kept in the "
    "store: the same command again goes on where the last one stopped, and a run that is done "
    "computes nothing.",
    options,
    {"assay run plans/three-arcs.yaml --report report.html",
     "assay run my-plan.yaml -o models.student=DIR --dry-run"},
    run,
};

const as_command as_command_resume = {
    "resume",
    "go on with a study that has begun",
    "PLAN",
    1,
    1,
    "What `assay run` does, for a run of PLAN that the store holds already. Without one it is an "
    "error that says where the plan differs from the last one of its name.",
    options,
    {"assay resume my-plan.yaml --report report.html",
     "assay resume plans/three-arcs.yaml --db arcs.db"},
    resume,
};
