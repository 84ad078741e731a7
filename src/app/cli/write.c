/* Reports to files and to the terminal. */
#include "app/cli/write.h"

#include <stdlib.h>
#include <string.h>

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

bool as_cli_write_page(const as_cli *c, const json_t *report, as_cli_page *html, const char *path,
                       as_error *err)
{
    as_buf page = {0}, object = {0}, name = {0};
    bool ok = false;
    if (!path) return true;
    size_t n = strlen(path);
    if (n > 5 && strcmp(path + n - 5, ".html") == 0) n -= 5;
    as_buf_add(&name, path, n);
    as_buf_puts(&name, ".json");
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
