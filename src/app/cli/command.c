/* The table of verbs, and what every verb shares. */
#include "app/cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/file.h"

extern const as_command as_command_run, as_command_task, as_command_reaudit, as_command_verify,
    as_command_gate, as_command_report, as_command_list, as_command_sql, as_command_recover,
    as_command_synth, as_command_doctor, as_command_models, as_command_generate, as_command_score,
    as_command_features, as_command_show, as_command_bench, as_command_train, as_command_adapter,
    as_command_tokenizer, as_command_plan, as_command_lock, as_command_resume;

static const as_command *const commands[] = {
    &as_command_plan,   &as_command_lock,     &as_command_run,     &as_command_resume,
    &as_command_task,   &as_command_reaudit,  &as_command_verify,  &as_command_gate,
    &as_command_report, &as_command_list,     &as_command_sql,     &as_command_recover,
    &as_command_models, &as_command_generate, &as_command_score,   &as_command_features,
    &as_command_show,   &as_command_train,    &as_command_adapter, &as_command_tokenizer,
    &as_command_synth,  &as_command_bench,    &as_command_doctor,
};

const as_command *const *as_commands(size_t *n)
{
    *n = sizeof commands / sizeof commands[0];
    return commands;
}

const as_command *as_command_find(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i]->name, name) == 0) return commands[i];
    return NULL;
}

bool as_print(const as_buf *b, as_error *err)
{
    if (!as_buf_ok(b, err)) return false;
    if (fwrite(as_buf_text(b), 1, b->size, stdout) == b->size && fflush(stdout) == 0) return true;
    return as_fail(err, AS_EIO, "standard output: %s", strerror(errno));
}

bool as_print_json(json_t *object, as_error *err)
{
    as_buf b = {0};
    if (!object) return as_fail(err, AS_EMEM, "out of memory");
    as_json_write_pretty(&b, object);
    bool ok = as_print(&b, err);
    as_buf_clear(&b);
    json_decref(object);
    return ok;
}

/* The nearest assay.db in this folder or one above it. */
static const char *found_upward(const as_cli *c, as_error *err)
{
    char here[4096];
    if (!getcwd(here, sizeof here)) return NULL;
    for (;;) {
        const char *path =
            as_arena_printf(c->arena, err, "%s/assay.db", strcmp(here, "/") ? here : "");
        if (!path || as_file_exists(path)) return path;
        char *slash = strrchr(here, '/');
        if (!slash || strcmp(here, "/") == 0) return NULL;
        if (slash == here) slash++;
        *slash = '\0';
    }
}

const char *as_cli_store_path(const as_cli *c, as_error *err)
{
    const char *path = as_cli_value(c, "db", getenv("ASSAY_DB"));
    if (path && *path) return path;
    path = found_upward(c, err);
    if (path || err->class_) return path;
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    const char *dir = data && *data ? as_arena_printf(c->arena, err, "%s/assay", data)
                      : home && *home
                          ? as_arena_printf(c->arena, err, "%s/.local/share/assay", home)
                          : NULL;
    if (!dir) {
        as_fail(err, AS_EUSAGE,
                "store: place (found neither HOME nor XDG_DATA_HOME, expected "
                "--db FILE)");
        return NULL;
    }
    return as_dir_make(dir, err) ? as_arena_printf(c->arena, err, "%s/assay.db", dir) : NULL;
}

const char *as_cli_folder_of(const as_cli *c, const char *path, as_error *err)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return ".";
    return as_arena_copy(c->arena, path, slash == path ? 1 : (size_t)(slash - path), err);
}

/* From here on only the data folder can be read and only the folders of the store, the report and
 * the JUnit file written. A kernel that cannot do this is worth a note, not an error. */
static bool confine(const as_cli *c, const char *store, as_error *err)
{
    const char *read[] = {"/usr",  "/lib", "/lib64", "/etc",
                          "/proc", "/sys", "/dev",   as_cli_value(c, "data", "/usr")};
    const char *files[] = {store, as_cli_value(c, "report", store), as_cli_value(c, "junit", store),
                           as_cli_value(c, "plan", store)};
    const char *write[4];
    as_error why = {0};
    char text[1024];
    for (size_t i = 0; i < 4; i++)
        if (!(write[i] = as_cli_folder_of(c, files[i], err))) return false;
    if (!as_confine(read, sizeof read / sizeof read[0], write, 4, &why))
        as_log_note(c->log, "%s", as_error_text(&why, text, sizeof text));
    return true;
}

const char *as_cli_cache(const as_cli *c, as_error *err)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && *cache) return as_arena_printf(c->arena, err, "%s/assay", cache);
    return home && *home ? as_arena_printf(c->arena, err, "%s/.cache/assay", home) : NULL;
}

void as_cli_write_only(const as_cli *c, const char *const *folder, size_t n, const char *cache)
{
    const char *read[] = {"/"}, *write[9];
    as_error why = {0};
    char text[1024];
    AS_CHECK(n <= 8);
    for (size_t i = 0; i < n; i++) write[i] = folder[i];
    if (cache && as_dir_make(cache, &why)) write[n++] = cache;
    why = (as_error){0}; /* a cache that cannot be is no error */
    if (!as_confine(read, 1, write, n, &why))
        as_log_note(c->log, "%s", as_error_text(&why, text, sizeof text));
}

bool as_cli_write_only_out(const as_cli *c, const char *cache, as_error *err)
{
    const char *out = as_cli_value(c, "out", NULL);
    const char *folder = out ? as_cli_folder_of(c, out, err) : NULL;
    if (out && !folder) return false;
    as_cli_write_only(c, &folder, out ? 1 : 0, cache);
    return true;
}

as_store *as_cli_store(const as_cli *c, as_store_mode mode, as_error *err)
{
    const char *path = as_cli_store_path(c, err);
    if (path && !confine(c, path, err)) return NULL;
    as_store *s = path ? as_store_open(path, mode, err) : NULL;
    if (s && as_store_notice(s)) as_log_warn(c->log, "%s: %s", path, as_store_notice(s));
    return s;
}

bool as_cli_design(const as_cli *c, as_store *store, const char *name, as_design *out, int *status,
                   as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const char *key = as_cli_value(c, "design", NULL);
    bool found = false;
    if (key ? !as_store_find_design(store, key, c->arena, out, &found, err)
            : !as_store_latest_design(store, name, c->arena, out, &found, err)) {
        *status = as_exit_of_rows(err);
        return false;
    }
    if (found) return true;
    const char *want = key ? key : name ? name : "any";
    as_fail(err, AS_ESTATE, "%s: design (found none, expected %s)", as_store_path(store),
            as_escape(want, strlen(want), shown));
    as_error_hint(err, "run `assay reaudit PLAN --data DIR` first");
    *status = AS_EXIT_FAILED;
    return false;
}

const char *as_cli_time(const as_cli *c, as_error *err)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    time_t t = time(NULL);
    struct tm utc;
    if (epoch && *epoch) {
        char *end = NULL, shown[AS_ESCAPE_SIZE];
        errno = 0;
        long long seconds = strtoll(epoch, &end, 10);
        if (errno || *end || seconds < 0 || seconds > 253402300799LL) {
            as_fail(err, AS_EUSAGE,
                    "SOURCE_DATE_EPOCH: value (found %s, expected seconds since 1970)",
                    as_escape(epoch, strlen(epoch), shown));
            return NULL;
        }
        t = (time_t)seconds;
    }
    if (!gmtime_r(&t, &utc)) {
        as_fail(err, AS_EIO, "clock: unreadable");
        return NULL;
    }
    return as_arena_printf(c->arena, err, "%04d-%02d-%02dT%02d:%02d:%02dZ", utc.tm_year + 1900,
                           utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

int as_exit_of_rows(const as_error *err)
{
    bool not_whole = err->class_ == AS_ESTATE || err->class_ == AS_EFORMAT;
    return not_whole ? AS_EXIT_REFUSED : AS_EXIT_FAILED;
}

int as_exit_of(const char *word)
{
    if (strcmp(word, "supported") == 0) return AS_EXIT_DONE;
    return strcmp(word, "refuted") == 0 ? AS_EXIT_REFUTED : AS_EXIT_INCONCLUSIVE;
}
