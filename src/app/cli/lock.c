/* assay lock: what a study has fixed, written beside its plan before it is run. */
#include <string.h>

#include "app/cli/plan.h"
#include "base/file.h"
#include "lab/experiment/run.h"

static const as_option options[] = {
    {"data", 0, "DIR", "folder of the files the plan names, if it names any", false},
    {"out", 0, "FILE", "write the lock there (default: beside the plan, .lock.json)", false},
    {"replace", 0, NULL, "replace a lock that says something else", false},
    {"set", 'o', "KEY.PATH=VALUE", "change the plan; may be repeated", true},
    {0},
};

static json_t *make(const as_cli *c, const as_study_facts *f, as_error *err)
{
    as_design design = {0};
    const char *time = as_cli_time(c, err);
    if (!time || !as_design_of(f->plan, as_cli_value(c, "data", NULL), c->arena, &design, err))
        return NULL;
    json_t *o = as_lock_json(f, design.inputs, as_cli_cache(c, err), c->arena, err);
    as_json_put_text(&o, "schema", "assay.lock/1");
    as_json_put_text(&o, "time", time);
    if (!o && !err->class_) as_fail(err, AS_EMEM, "out of memory");
    return o;
}

/* Is there a lock already? *same: it says what the new one does; *whose: what it is. */
static bool find_old(const as_cli *c, const char *path, const json_t *lock, bool *found, bool *same,
                     const char **whose, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    *found = as_file_exists(path);
    *same = false;
    if (!*found) return true;
    json_t *old = as_lock_read(path, err), *changes = old ? as_lock_changes(old, lock, err) : NULL;
    const char *other = as_lock_other(changes);
    *whose = "another";
    if (other)
        *whose = as_arena_printf(c->arena, err, "that of another plan (%s)",
                                 as_escape(other, strlen(other), shown));
    const bool ok = changes && *whose;
    *same = json_array_size(changes) == 0;
    json_decref(old);
    json_decref(changes);
    return ok;
}

/* May path be written? What lies there is a lock, or has the name of the plan's own. */
static bool is_lock(const as_cli *c, const char *path, const char *shown, as_error *err)
{
    if (!as_cli_value(c, "out", NULL) || !as_file_exists(path)) return true;
    as_error why = {0};
    json_t *old = as_lock_read(path, &why);
    json_decref(old);
    if (old) return true;
    if (why.class_ == AS_EFORMAT)
        return as_fail(err, AS_EFORMAT, "%s: file (found one that is no lock, expected none)",
                       shown);
    *err = why;
    return false;
}

/* The lock into path, unless another one is there. */
static int keep(const as_cli *c, const char *path, const json_t *lock, as_error *err)
{
    bool found = false, same = false;
    const char *whose = NULL;
    char shown[AS_ESCAPE_SIZE];
    as_buf b = {0};
    const bool replaces = as_cli_flag(c, "replace");
    as_escape(path, strlen(path), shown);
    if (!is_lock(c, path, shown, err)) return AS_EXIT_FAILED;
    if (!replaces && !find_old(c, path, lock, &found, &same, &whose, err)) return AS_EXIT_FAILED;
    if (same) {
        as_log_say(c->log, "lock: %s says so already", shown);
        return AS_EXIT_DONE;
    }
    if (found) {
        as_fail(err, AS_ESTATE, "%s: lock (found %s, expected none)", shown, whose);
        as_error_hint(err, "--replace replaces it; `assay plan` says where they differ");
        return AS_EXIT_REFUSED;
    }
    as_json_write_pretty(&b, lock);
    const bool ok = as_buf_ok(&b, err) && as_file_replace(path, b.data, b.size, err);
    as_buf_clear(&b);
    if (ok) as_log_say(c->log, "lock: %s", shown);
    return ok ? AS_EXIT_DONE : AS_EXIT_FAILED;
}

static int run(as_cli *c, as_error *err)
{
    as_plan *plan = as_arena_push(c->arena, 1, sizeof *plan, err);
    as_study_facts f;
    const char *beside = as_cli_lock_path(c, err);
    int status = AS_EXIT_FAILED;
    if (!plan || !beside) return status;
    const char *path = as_cli_value(c, "out", beside);
    if (!as_cli_facts(c, plan, &f, err) || !as_power_allows(plan, f.power, err))
        return err->class_ == AS_ESTATE ? AS_EXIT_REFUSED : status;
    json_t *lock = make(c, &f, err);
    const char *folder = lock ? as_cli_folder_of(c, path, err) : NULL;
    if (folder) {
        as_cli_write_only(c, &folder, 1, NULL);
        status = keep(c, path, lock, err);
    }
    if (status == AS_EXIT_DONE && c->json && !as_print_json(json_incref(lock), err))
        status = AS_EXIT_FAILED;
    json_decref(lock);
    return status;
}

const as_command as_command_lock = {
    "lock",
    "fix a study before it is run",
    "PLAN",
    1,
    1,
    "Writes beside PLAN what the study has fixed: the whole plan and its hash, claims, thresholds, "
    "arms, and the digests of questions, models and files. `assay run` refuses a plan that is not "
    "the locked one, and keeps in the report whether the lock came before the first answer.",
    options,
    {"assay lock my-plan.yaml", "assay lock my-plan.yaml -o seed=8 --replace"},
    run,
};
