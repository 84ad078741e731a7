/* Reports to files and to the terminal. */
#include "app/cli/write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

bool as_cli_threads(const as_cli *c, size_t *out, as_error *err)
{
    const char *env = getenv("ASSAY_THREADS");
    as_cli from_env = *c;
    const char *name = "threads";
    if (!as_cli_flag(c, "threads") && env && *env) {
        from_env.given_name = &name;
        from_env.given_value = &env;
        from_env.n_given = 1;
    }
    if (!as_cli_size(&from_env, "threads", 0, out, err)) return false;
    if (*out <= 256) return true;
    return as_fail(err, AS_ELIMIT, "--threads: value (found %zu, expected at most 256)", *out);
}

json_t *as_cli_report(const as_cli *c, as_store *store, const as_design *design, as_error *err)
{
    const char *time = as_cli_time(c, err);
    return time ? as_report_json(store, design, time, err) : NULL;
}

/* FILE.json for FILE.html. */
static void object_path(const char *page, as_buf *out)
{
    size_t n = strlen(page);
    if (n > 5 && strcmp(page + n - 5, ".html") == 0) n -= 5;
    as_buf_add(out, page, n);
    as_buf_puts(out, ".json");
}

/* Both exist and are one file. */
static bool is_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Nothing stands there, or a file that holds one of the marks; nothing else is written over. */
static bool may_replace(const char *path, const char *const *marks, const char *what, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    struct stat st;
    as_buf text = {0};
    bool ok = false;
    if (lstat(path, &st) != 0 && errno == ENOENT) return true;
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
        as_file_read(path, (size_t)1 << 30, &text, err))
        for (; *marks && !ok; marks++) ok = strstr(as_buf_text(&text), *marks);
    as_buf_clear(&text);
    return ok || as_fail(err, AS_EUSAGE, "--report: %s: file (found one that is no %s)",
                         as_escape(path, strlen(path), shown), what);
}

bool as_cli_may_report(const as_cli *c, const char *plan, as_error *err)
{
    static const char *const pages[] = {"<!DOCTYPE html>", NULL};
    static const char *const objects[] = {"\"schema\": \"assay.report/1\"",
                                          "\"schema\": \"assay.training/1\"", NULL};
    const char *path = as_cli_value(c, "report", NULL);
    char shown[AS_ESCAPE_SIZE];
    as_buf object = {0};
    if (!path) return true;
    if (!*path) return as_fail(err, AS_EUSAGE, "--report: file (found nothing)");
    const char *folder = as_cli_folder_of(c, path, err);
    object_path(path, &object);
    bool ok = folder && as_buf_ok(&object, err);
    if (ok && (is_same_file(path, plan) || is_same_file(as_buf_text(&object), plan)))
        ok = as_fail(err, AS_EUSAGE, "--report: %s: file (found one that would replace the plan)",
                     as_escape(path, strlen(path), shown));
    else if (ok && (!may_replace(path, pages, "page", err) ||
                    !may_replace(as_buf_text(&object), objects, "report", err)))
        ok = false;
    else if (ok && access(folder, W_OK | X_OK) != 0)
        ok = as_fail(err, AS_EIO, "--report: %s: folder: %s",
                     as_escape(folder, strlen(folder), shown), strerror(errno));
    as_buf_clear(&object);
    return ok;
}

bool as_cli_write_page(const as_cli *c, const json_t *report, as_cli_page *html, const char *path,
                       as_error *err)
{
    as_buf page = {0}, object = {0}, name = {0};
    bool ok = false;
    if (!path) return true;
    object_path(path, &name);
    as_json_write_pretty(&object, report);
    if (!html(report, &page, err) || !as_buf_ok(&object, err) || !as_buf_ok(&name, err)) goto out;
    if (!as_file_replace(as_buf_text(&name), object.data, object.size, err) ||
        !as_file_replace(path, page.data, page.size, err))
        goto out;
    as_log_say(c->log, "report: %s and %s", path, as_buf_text(&name));
    ok = true;
out:
    as_buf_clear(&page);
    as_buf_clear(&object);
    as_buf_clear(&name);
    return ok;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

static bool print_claims(const json_t *report, as_error *err)
{
    as_buf b = {0};
    const json_t *claims = json_object_get(report, "claims");
    for (size_t i = 0; i < json_array_size(claims); i++) {
        const json_t *c = json_array_get(claims, i);
        const char *cause = text_of(c, "cause");
        as_buf_puts(&b, text_of(c, "verdict"));
        if (*cause) {
            as_buf_puts(&b, " (");
            as_buf_escape(&b, cause, strlen(cause));
            as_buf_puts(&b, ")");
        }
        as_buf_puts(&b, "  ");
        as_buf_escape(&b, text_of(c, "id"), strlen(text_of(c, "id")));
        as_buf_puts(&b, "\n    ");
        as_buf_escape(&b, text_of(c, "says"), strlen(text_of(c, "says")));
        as_buf_puts(&b, "\n    ");
        as_buf_escape(&b, text_of(c, "sentence"), strlen(text_of(c, "sentence")));
        as_buf_puts(&b, "\n");
    }
    bool ok = as_print(&b, err);
    as_buf_clear(&b);
    return ok;
}

int as_cli_show(const as_cli *c, as_store *store, const as_design *design, as_error *err)
{
    json_t *report = as_cli_report(c, store, design, err);
    const char *path = as_cli_value(c, "report", NULL);
    bool ok = report && as_cli_write_page(c, report, as_report_html, path, err) &&
              (c->json ? as_print_json(json_incref(report), err) : print_claims(report, err));
    json_decref(report);
    return ok ? AS_EXIT_DONE : AS_EXIT_FAILED;
}
