/* assay gate: a claim's verdict as an exit status, for scripts and CI. */
#include <string.h>

#include "app/cli/write.h"
#include "base/file.h"

static const as_option options[] = {
    {"db", 0, "FILE", "store of the rows (default: the nearest assay.db)", false},
    {"design", 0, "KEY", "which run (default: the last one)", false},
    {"claim", 0, "ID", "a claim that must be supported; may be repeated (default: all)", true},
    {"junit", 0, "FILE", "write JUnit XML, a test case for each claim", false},
    {"prml-status", 0, NULL, "exit 0 supported, 10 not, 3 tampered with", false},
    {0},
};

/* Exit statuses of PRML tools. */
enum { PRML_TAMPERED = 3, PRML_FAILED = 10 };

static bool is_asked(const as_cli *c, const char *id)
{
    bool any = false;
    for (size_t i = 0; i < c->n_given; i++) {
        if (strcmp(c->given_name[i], "claim") != 0) continue;
        any = true;
        if (strcmp(c->given_value[i], id) == 0) return true;
    }
    return !any;
}

static bool all_known(const as_cli *c, const as_verdict *v, size_t n, as_error *err)
{
    for (size_t i = 0; i < c->n_given; i++) {
        bool known = strcmp(c->given_name[i], "claim") != 0;
        char shown[AS_ESCAPE_SIZE];
        for (size_t k = 0; !known && k < n; k++)
            known =
                strncmp(v[k].claim, "check/", 6) != 0 && strcmp(v[k].claim, c->given_value[i]) == 0;
        if (!known)
            return as_fail(err, AS_EUSAGE, "--claim: id (found %s, expected a claim of the plan)",
                           as_escape(c->given_value[i], strlen(c->given_value[i]), shown));
    }
    return true;
}

/* XML 1.0 text: markup escaped, characters XML forbids shown as \xNN. */
static void xml(as_buf *out, const char *text)
{
    as_buf safe = {0};
    as_buf_escape(&safe, text, strlen(text));
    for (const char *p = as_buf_text(&safe); *p; p++) {
        if (*p == '<')
            as_buf_puts(out, "&lt;");
        else if (*p == '>')
            as_buf_puts(out, "&gt;");
        else if (*p == '&')
            as_buf_puts(out, "&amp;");
        else if (*p == '"')
            as_buf_puts(out, "&quot;");
        else
            as_buf_add(out, p, 1);
    }
    if (safe.failed) out->failed = true;
    as_buf_clear(&safe);
}

static bool write_junit(const char *path, const char *name, const as_verdict *const *v, size_t n,
                        as_error *err)
{
    as_buf b = {0};
    size_t refuted = 0, skipped = 0;
    for (size_t i = 0; i < n; i++) {
        refuted += strcmp(v[i]->word, "refuted") == 0;
        skipped += strcmp(v[i]->word, "inconclusive") == 0;
    }
    as_buf_puts(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"");
    xml(&b, name);
    as_buf_printf(&b, "\" tests=\"%zu\" failures=\"%zu\" skipped=\"%zu\">\n", n, refuted, skipped);
    for (size_t i = 0; i < n; i++) {
        as_buf_puts(&b, "  <testcase name=\"");
        xml(&b, v[i]->claim);
        as_buf_puts(&b, "\">");
        if (strcmp(v[i]->word, "supported") != 0) {
            as_buf_puts(&b, strcmp(v[i]->word, "refuted") == 0 ? "<failure message=\""
                                                               : "<skipped message=\"");
            xml(&b, v[i]->word);
            as_buf_puts(&b, ": ");
            xml(&b, v[i]->cause);
            as_buf_puts(&b, "\"/>");
        }
        as_buf_puts(&b, "</testcase>\n");
    }
    as_buf_puts(&b, "</testsuite>\n");
    bool ok = as_buf_ok(&b, err) && as_file_replace(path, b.data, b.size, err);
    as_buf_clear(&b);
    return ok;
}

static bool print(const as_cli *c, const as_verdict *const *v, size_t n, as_error *err)
{
    if (c->json) {
        json_t *list = json_array();
        for (size_t i = 0; list && i < n; i++)
            json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "claim", v[i]->claim, "verdict",
                                                  v[i]->word, "cause", v[i]->cause));
        return as_print_json(json_pack("{s:s,s:o}", "schema", "assay.gate/1", "claims", list), err);
    }
    as_buf b = {0};
    for (size_t i = 0; i < n; i++)
        as_buf_printf(&b, "%-13s %s%s%s\n", v[i]->word, v[i]->claim, v[i]->cause[0] ? ": " : "",
                      v[i]->cause);
    bool ok = as_print(&b, err);
    as_buf_clear(&b);
    return ok;
}

/* The status of the worst verdict. */
static int status_of(const as_cli *c, const as_verdict *const *v, size_t n)
{
    int status = AS_EXIT_DONE;
    for (size_t i = 0; i < n; i++) {
        int s = as_exit_of(v[i]->word);
        if (status == AS_EXIT_DONE || s == AS_EXIT_REFUTED) status = s == AS_EXIT_DONE ? status : s;
    }
    return as_cli_flag(c, "prml-status") && status != AS_EXIT_DONE ? PRML_FAILED : status;
}

static int run(as_cli *c, as_error *err)
{
    int status = AS_EXIT_FAILED;
    as_design d = {0};
    as_verdict *v = NULL;
    size_t n = 0, n_asked = 0;
    const char *junit = as_cli_value(c, "junit", NULL);
    as_store *store = as_cli_store(c, AS_STORE_READ, err);
    if (!store || !as_cli_design(c, store, c->n_operands ? c->operand[0] : NULL, &d, &status, err))
        goto out;
    if (!as_store_verdicts(store, d.key, NULL, c->arena, &v, &n, err)) {
        status = as_exit_of_rows(err);
        goto out;
    }
    if (!all_known(c, v, n, err)) goto out;
    const as_verdict **asked = as_arena_push(c->arena, n + 1, sizeof *asked, err);
    if (!asked) goto out;
    for (size_t i = 0; i < n; i++)
        if (strncmp(v[i].claim, "check/", 6) != 0 && is_asked(c, v[i].claim))
            asked[n_asked++] = &v[i];
    if (n_asked == 0) {
        as_fail(err, AS_ESTATE, "%s: claims (found none; the run did not end)", d.name);
        goto out;
    }
    if (junit && !write_junit(junit, d.name, asked, n_asked, err)) goto out;
    if (print(c, asked, n_asked, err)) status = status_of(c, asked, n_asked);
out:
    as_store_close(store);
    if (as_cli_flag(c, "prml-status") && status == AS_EXIT_REFUSED) status = PRML_TAMPERED;
    return status;
}

const as_command as_command_gate = {
    "gate",
    "a claim's verdict as an exit status",
    "[NAME]",
    0,
    1,
    "Exits 0 when every claim asked for is supported, 3 when one is refuted, 4 when one is "
    "inconclusive. NAME is a plan's name; the last run of it counts.",
    options,
    {"assay gate --claim humaneval-gain", "assay gate arxiv-2604.11867 --junit gate.xml"},
    run,
};
