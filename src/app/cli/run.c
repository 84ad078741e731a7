/* assay run: a plan with steps, from its first question to its verdicts. The same command again
 * does only what is missing. */
#include <string.h>

#include "app/cli/engine.h"
#include "app/cli/plan_yaml.h"
#include "app/cli/write.h"
#include "base/file.h"
#include "base/map.h"
#include "lab/experiment/study.h"

static const as_option options[] = {
    {"data", 0, "DIR", "folder of the files the plan names, if it names any", false},
    {"work", 0, "DIR", "folder for what steps make (default: beside the store)", false},
    {"report", 0, "FILE", "write the page (HTML) there, and FILE.json beside it", false},
    {"db", 0, "FILE", "store of the rows (default: the nearest assay.db)", false},
    {"kernels", 0, "NAME", "auto, scalar, avx2 or avx512: same bits, other speed", false},
    {"threads", 0, "N", "threads (default: ASSAY_THREADS, else all processors)", false},
    {"set", 'o', "KEY.PATH=VALUE", "change the plan for this run; may be repeated", true},
    {"dry-run", 0, NULL, "check the whole plan and say what would be done, open no model", false},
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
    bool refused;
} job;

static bool read_plan(job *j, as_error *err)
{
    const as_cli *c = j->cli;
    j->tree = as_plan_read(c->operand[0], c->arena, err);
    for (size_t i = 0; j->tree && i < c->n_given; i++)
        if (strcmp(c->given_name[i], "set") == 0 &&
            !as_plan_set(j->tree, c->given_value[i], c->arena, err))
            return false;
    if (!j->tree) return false;
    if (as_plan_parse(j->tree, c->arena, &j->plan, err)) return true;
    j->refused = err->class_ == AS_ESTATE; /* unequal arms */
    return false;
}

/* What a step will do, in answers; trainings say their steps when they begin. */
static void describe_step(as_buf *b, const as_step_spec *s)
{
    as_buf_printf(b, "  %-14s %s", s->id, s->kind->name);
    if (s->kind == &as_step_answer || s->from)
        as_buf_printf(b, "%*s", (int)(10 - strlen(s->kind->name)), "");
    if (s->kind == &as_step_answer && s->set->n == 0)
        as_buf_printf(b, " all prompts of %s x %zu arms", s->set->name, s->n_arms);
    else if (s->kind == &as_step_answer)
        as_buf_printf(b, " %zu prompts x %zu arms = %zu answers", s->set->n, s->n_arms,
                      s->set->n * s->n_arms);
    if (s->from) as_buf_printf(b, " from %s.%s", s->from, s->from_arm);
    as_buf_puts(b, "\n");
}

static int dry_run(const job *j, as_error *err)
{
    const as_plan *p = &j->plan;
    as_buf b = {0};
    as_buf_printf(&b, "%s: %zu steps, %zu tables, %zu checks, %zu claims\n", p->name, p->n_steps,
                  p->n_tables, p->n_checks, p->n_claims);
    for (size_t i = 0; i < p->n_steps; i++) describe_step(&b, &p->step[i]);
    bool ok = as_print(&b, err);
    as_buf_clear(&b);
    return ok ? AS_EXIT_DONE : AS_EXIT_FAILED;
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

static int run(as_cli *c, as_error *err)
{
    int status = AS_EXIT_FAILED;
    as_design design = {0};
    job *j = as_arena_push(c->arena, 1, sizeof *j, err);
    if (!j) return status;
    j->cli = c;
    if (!read_plan(j, err)) goto out;
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
                              .store = j->store,
                              .pool = j->ex.pool,
                              .log = c->log,
                              .stop = c->stop};
    if (!as_reaudit(j->tree, &o, c->arena, &design, err)) goto out;
    status = as_cli_show(c, j->store, &design, err);
out:
    if (j->refused) status = AS_EXIT_REFUSED;
    as_store_close(j->store);
    as_sandbox_close(j->sandbox);
    as_exec_clear(&j->ex);
    return status;
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
