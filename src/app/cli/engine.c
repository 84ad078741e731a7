/* A model as the command line names it, and its arms. */
#include "app/cli/engine.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "engine/format/hub.h"

bool as_engine_exec(as_exec *ex, const as_cli *c, as_error *err)
{
    size_t threads = 0;
    const char *env = getenv("ASSAY_THREADS");
    if (env && *env) {
        char *end = NULL;
        threads = strtoul(env, &end, 10);
        if (*end || env[0] < '0' || env[0] > '9' || !threads)
            return as_fail(err, AS_EUSAGE, "ASSAY_THREADS (expected a number from 1)");
    }
    if (!as_cli_size(c, "threads", threads, &threads, err)) return false;
    if (threads > 1024) return as_fail(err, AS_EUSAGE, "--threads (expected at most 1024)");
    return as_exec_init(ex, as_cli_value(c, "kernels", "auto"), threads, err);
}

static bool open_arms(as_engine *e, as_error *err)
{
    const as_cli *c = e->cli;
    as_arm_options options = {.as_published = as_cli_flag(c, "as-published")};
    char shown[AS_ESCAPE_SIZE];
    e->arm = as_arena_push(c->arena, c->n_given + 1, sizeof *e->arm, err);
    if (!e->arm) return false;
    for (size_t i = 0; i < c->n_given; i++) {
        if (strcmp(c->given_name[i], "arm") != 0) continue;
        as_arm *arm = as_arm_open(c->given_value[i], e->local.model, &e->exec, &options, err);
        if (!arm) return false;
        e->arm[e->n_arms++] = arm;
        for (size_t j = 0; j + 1 < e->n_arms; j++)
            if (strcmp(as_arm_name(e->arm[j]), as_arm_name(arm)) == 0)
                return as_fail(err, AS_EUSAGE, "two arms of one name (found \"%s\" twice)",
                               as_escape(as_arm_name(arm), strlen(as_arm_name(arm)), shown));
    }
    if (e->n_arms) return true;
    e->arm[0] = as_arm_open("base", e->local.model, &e->exec, &options, err);
    e->n_arms = e->arm[0] != NULL;
    return e->arm[0];
}

bool as_engine_load(as_engine *e, const as_cli *c, const char *name, as_error *err)
{
    *e = (as_engine){.cli = c};
    as_buf path = {0};
    const char *note = NULL;
    const as_local_options options = {.no_scan = as_cli_flag(c, "no-scan"),
                                      .cache = as_cli_cache(c, err)};
    bool ok =
        as_map_guard(err) && as_engine_exec(&e->exec, c, err) && as_hub_resolve(name, &path, err);
    if (ok) {
        as_log_note(c->log, "loading %s", as_buf_text(&path));
        ok = as_local_open(&e->local, as_buf_text(&path), &e->exec, &options, &note, err);
        if (note) as_log_warn(c->log, "%s", note);
    }
    as_buf_clear(&path);
    return ok;
}

bool as_engine_open(as_engine *e, const as_cli *c, as_error *err)
{
    const char *name = as_cli_value(c, "model", NULL);
    *e = (as_engine){.cli = c};
    if (!name) return as_fail(err, AS_EUSAGE, "%s needs --model", c->command->name);
    return as_engine_load(e, c, name, err) && open_arms(e, err);
}

void as_engine_close(as_engine *e)
{
    for (size_t i = 0; i < e->n_arms; i++) as_arm_close(e->arm[i]);
    as_local_close(&e->local);
    as_exec_clear(&e->exec);
}

json_t *as_engine_record(const as_engine *e)
{
    json_t *o = as_local_record(&e->local), *arms = json_array();
    for (size_t i = 0; i < e->n_arms; i++) {
        json_t *arm = json_object();
        as_json_put_text(&arm, "name", as_arm_name(e->arm[i]));
        as_json_put(&arm, "operators", json_incref((json_t *)as_arm_record(e->arm[i])));
        as_json_append(&arms, arm);
    }
    as_json_put(&o, "arms", arms);
    return o;
}

bool as_engine_rows(const as_cli *c, as_infer_options *o, as_error *err)
{
    if (!as_cli_size(c, "batch", 0, &o->rows, err) || !as_cli_size(c, "piece", 0, &o->piece, err))
        return false;
    const char *bad = as_cli_flag(c, "batch") && (!o->rows || o->rows > AS_INFER_MOST) ? "batch"
                      : as_cli_flag(c, "piece") && !o->piece                           ? "piece"
                                                                                       : NULL;
    return !bad || as_fail(err, AS_EUSAGE, "--%s (found %zu, expected 1 to %zu)", bad,
                           *bad == 'b' ? o->rows : o->piece, AS_INFER_MOST);
}

bool as_cli_can_write(const char *path, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    struct stat st;
    as_buf folder = {0};
    const char *slash = strrchr(path, '/');
    if (slash)
        as_buf_add(&folder, path, slash == path ? 1 : (size_t)(slash - path));
    else
        as_buf_puts(&folder, ".");
    bool ok = as_buf_ok(&folder, err);
    (void)as_escape(path, strlen(path), shown);
    if (ok && stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        ok = as_fail(err, AS_EIO, "%s: cannot write there: not a regular file", shown);
    if (ok && access(folder.data, W_OK | X_OK) != 0)
        ok = as_fail(err, AS_EIO, "%s: cannot write there: %s", shown, strerror(errno));
    as_buf_clear(&folder);
    return ok;
}

bool as_cli_real(const as_cli *c, const char *name, double fallback, double *out, as_error *err)
{
    const char *text = as_cli_value(c, name, NULL);
    char *end = NULL, shown[AS_ESCAPE_SIZE];
    *out = fallback;
    if (!text) return true;
    *out = strtod(text, &end);
    if (end != text && !*end && isfinite(*out)) return true;
    return as_fail(err, AS_EUSAGE, "--%s (found %s, expected a number)", name,
                   as_escape(text, strlen(text), shown));
}

/* One number of a list; moves *p behind it. */
static bool list_number(const char **p, size_t *out)
{
    char *end = NULL;
    if (**p < '0' || **p > '9') return false;
    *out = strtoul(*p, &end, 10);
    *p = end;
    return true;
}

bool as_cli_list(const as_cli *c, const char *name, size_t limit, size_t **out, size_t *n,
                 as_error *err)
{
    const char *text = as_cli_value(c, name, NULL), *p = text;
    char shown[AS_ESCAPE_SIZE];
    *n = 0;
    *out = as_arena_push(c->arena, limit, sizeof **out, err);
    if (!*out || !text) return *out;
    bool all = strcmp(text, "all") == 0;
    for (size_t i = 0; all && i < limit; i++) (*out)[(*n)++] = i;
    while (!all) {
        size_t from, to;
        if (!list_number(&p, &from)) break;
        to = from;
        if (*p == '-' && (p++, !list_number(&p, &to))) break;
        if (to >= limit || from > to || (*n && from <= (*out)[*n - 1])) break;
        for (; from <= to; from++) (*out)[(*n)++] = from;
        if (!*p) return true;
        if (*p++ != ',') break;
    }
    if (all) return true;
    return as_fail(err, AS_EUSAGE, "--%s (found %s, expected all or an ascending list below %zu)",
                   name, as_escape(text, strlen(text), shown), limit);
}
