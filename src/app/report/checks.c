/* What the verdicts rest on: every check with its statistics, the tables, the files, the command.
 */
#include "app/report/page.h"

#include <math.h>
#include <string.h>

/* --- checks ---------------------------------------------------------------------------------- */

/* "0.65", a list as "a, b", a mapping as "x: y; z: w": as the plan gives them. */
static void put_parameters(as_buf *b, const json_t *parameters)
{
    const char *key;
    json_t *value;
    if (!json_object_size(parameters)) return;
    as_buf_puts(b, "<dl class=\"parameters\">\n");
    json_object_foreach((json_t *)parameters, key, value)
    {
        as_buf_puts(b, "<div><dt>");
        as_html_put(b, key);
        as_buf_puts(b, "</dt><dd>");
        as_html_value(b, value);
        as_buf_puts(b, "</dd></div>\n");
    }
    as_buf_puts(b, "</dl>\n");
}

/* Columns with the digest of their rows, shortened; the whole digests stand with the tables. */
static void put_inputs(as_buf *b, const json_t *inputs)
{
    size_t n = json_array_size(inputs);
    for (size_t i = 0; i < n && i < 50; i++) {
        const json_t *input = json_array_get(inputs, i);
        char head[13];
        if (i) as_buf_puts(b, ", ");
        if (!json_is_object(input)) {
            as_html_value(b, input);
            continue;
        }
        as_html_put(b, as_html_text_of(input, "column"));
        snprintf(head, sizeof head, "%.12s", as_html_text_of(input, "rows"));
        if (!*head) continue;
        as_buf_puts(b, " (");
        as_html_put(b, head);
        as_buf_puts(b, "\u2026)");
    }
    if (n > 50) as_buf_printf(b, ", \u2026 %zu in all", n);
}

static void put_detail(as_buf *b, const json_t *stat)
{
    const json_t *detail = json_object_get(stat, "detail");
    as_buf_puts(b, "<details><summary>detail</summary><dl class=\"detail\">");
    if (json_object_size(detail)) {
        as_buf_puts(b, "<dt>detail</dt><dd>");
        as_html_value(b, detail);
        as_buf_puts(b, "</dd>");
    }
    as_buf_puts(b, "<dt>inputs</dt><dd>");
    put_inputs(b, json_object_get(stat, "inputs"));
    as_buf_puts(b, "</dd><dt>row</dt><dd>");
    as_html_put(b, as_html_text_of(stat, "key"));
    as_buf_puts(b, "</dd></dl></details>");
}

/* Whether the estimate counts something: whole, and without an interval. */
static bool is_count(const json_t *stat)
{
    double x = as_html_number_of(stat, "estimate");
    return x == floor(x) && !json_is_object(json_object_get(stat, "interval"));
}

static void put_statistic(as_buf *b, const json_t *stat)
{
    as_buf_puts(b, "<tr><th scope=\"row\">");
    as_html_put(b, as_html_text_of(stat, "name"));
    as_buf_puts(b, "</th><td>");
    as_html_put(b, as_html_text_of(stat, "of"));
    as_buf_puts(b, "</td>");
    as_stat_cells(b, stat, is_count(stat));
    as_buf_puts(b, "<td class=\"method\">");
    as_html_put(b, as_html_text_of(stat, "method"));
    put_detail(b, stat);
    as_buf_puts(b, "</td></tr>\n");
}

static void put_statistics(as_buf *b, const json_t *check)
{
    const json_t *stats = json_object_get(check, "statistics");
    const json_t *parameters = json_object_get(check, "parameters");
    size_t n = json_array_size(stats), n_parameters = json_object_size(parameters);
    as_buf_printf(
        b, "<details class=\"numbers\"><summary>%zu parameter%s, %zu statistic%s</summary>\n",
        n_parameters, n_parameters == 1 ? "" : "s", n, n == 1 ? "" : "s");
    put_parameters(b, parameters);
    if (n) {
        as_buf_puts(b, "<div class=\"scroll\" tabindex=\"0\"><table class=\"data\">\n<thead><tr>"
                       "<th scope=\"col\">statistic</th><th scope=\"col\">of</th>");
        as_stat_head(b);
        as_buf_puts(b, "<th scope=\"col\">method</th></tr></thead>\n<tbody>\n");
        for (size_t i = 0; i < n; i++) put_statistic(b, json_array_get(stats, i));
        as_buf_puts(b, "</tbody></table></div>\n");
    }
    as_buf_puts(b, "</details>\n");
}

/* Links to the claims whose trees hold this check. */
static void put_uses(const as_page *p, const char *id)
{
    const json_t *claims = json_object_get(p->report, "claims");
    bool any = false;
    for (size_t i = 0; i < json_array_size(claims); i++) {
        const json_t *leaves = json_object_get(json_array_get(claims, i), "leaves");
        bool uses = false;
        for (size_t k = 0; k < json_array_size(leaves) && !uses; k++)
            uses = strcmp(as_html_text_of(json_array_get(leaves, k), "check"), id) == 0;
        if (!uses) continue;
        as_buf_printf(p->b, "%s<a href=\"#claim-%zu\">%zu</a>",
                      any ? ", " : " \u00b7 used by claim ", i + 1, i + 1);
        any = true;
    }
}

static void put_check(const as_page *p, const json_t *check, size_t i)
{
    as_buf *b = p->b;
    const char *cause = as_html_text_of(check, "cause");
    const json_t *needs = json_object_get(check, "needs");
    as_buf_printf(b, "<section class=\"check\" aria-labelledby=\"check-%zu\">\n", i + 1);
    as_badge_put(b, as_html_text_of(check, "outcome"));
    as_buf_printf(b, "<div>\n<h3 id=\"check-%zu\">", i + 1);
    as_html_put(b, as_check_title(check));
    as_buf_puts(b, "</h3>\n<p class=\"by\"><code>");
    as_html_put(b, as_html_text_of(check, "id"));
    as_buf_puts(b, "</code> \u00b7 ");
    as_html_put(b, as_html_text_of(check, "check"));
    put_uses(p, as_html_text_of(check, "id"));
    as_buf_puts(b, "</p>\n<p>");
    if (*cause) {
        as_buf_puts(b, "<span class=\"cause\">");
        as_html_put(b, cause);
        as_buf_puts(b, ":</span> ");
    }
    as_html_put(b, as_html_text_of(check, "sentence"));
    as_buf_puts(b, "</p>\n");
    if (json_array_size(needs) || json_object_size(needs) ||
        (json_is_string(needs) && json_string_length(needs))) {
        as_buf_puts(b, "<p class=\"note\">Evidence it would need: ");
        as_html_value(b, needs);
        as_buf_puts(b, "</p>\n");
    }
    put_statistics(b, check);
    as_buf_puts(b, "</div></section>\n");
}

void as_page_checks(const as_page *p)
{
    if (!json_array_size(p->checks)) return;
    as_buf_puts(p->b,
                "<section aria-labelledby=\"checks\">\n<h2 id=\"checks\">The checks</h2>\n"
                "<p>In the order of the plan. Behind each stand its parameters and every "
                "statistic with its interval, null distribution and method; <i>p</i> is "
                "two-sided unless the method says otherwise, and a dash means that there is no "
                "such number.</p>\n");
    for (size_t i = 0; i < json_array_size(p->checks); i++)
        put_check(p, json_array_get(p->checks, i), i);
    as_buf_puts(p->b, "</section>\n");
}

/* --- tables and files ------------------------------------------------------------------------ */

static void put_table_row(as_buf *b, const json_t *table)
{
    char text[2][AS_HTML_NUMBER];
    const char *absent = as_html_text_of(table, "absent");
    as_buf_puts(b, "<tr><th scope=\"row\">");
    as_html_put(b, as_html_text_of(table, "name"));
    as_buf_puts(b, "</th><td class=\"wide\">");
    as_html_put(b, as_html_text_of(table, "about"));
    if (*absent) {
        as_buf_puts(b, "<br><strong>Not in the data folder:</strong> ");
        as_html_put(b, absent);
    }
    as_buf_printf(b, "</td><td class=\"num\">%s</td><td class=\"num\">%s</td><td>",
                  as_html_number(as_html_number_of(table, "n"), true, text[0]),
                  as_html_number(as_html_number_of(table, "n_all"), true, text[1]));
    if (json_object_size(json_object_get(table, "facts")))
        as_html_value(b, json_object_get(table, "facts"));
    else
        as_buf_puts(b, "\u2013");
    as_buf_puts(b, "</td><td class=\"hash\">");
    as_html_put(b, as_html_text_of(table, "digest"));
    as_buf_puts(b, "</td></tr>\n");
}

void as_page_tables(const as_page *p)
{
    const json_t *tables = json_object_get(p->report, "tables");
    if (!json_array_size(tables)) return;
    as_buf_puts(p->b,
                "<section aria-labelledby=\"tables\">\n<h2 id=\"tables\">The tables</h2>\n<p>What "
                "the checks read: rows as ");
    as_buf_puts(p->b, p->is_study ? "answered or imported" : "imported from the files");
    as_buf_puts(p->b,
                ", rows kept after the plan\u2019s "
                "filters, what is known of how they were made, and the digest of the rows.</p>\n"
                "<div class=\"scroll\" tabindex=\"0\"><table class=\"data\">\n<thead><tr><th "
                "scope=\"col\">table</th><th scope=\"col\">about</th><th scope=\"col\" "
                "class=\"num\">kept</th><th scope=\"col\" class=\"num\">rows</th><th "
                "scope=\"col\">facts</th><th scope=\"col\">digest</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < json_array_size(tables); i++)
        put_table_row(p->b, json_array_get(tables, i));
    as_buf_puts(p->b, "</tbody></table></div>\n</section>\n");
}

void as_page_inputs(const as_page *p)
{
    const json_t *inputs = json_object_get(p->report, "inputs");
    if (!json_array_size(inputs)) return;
    as_buf_puts(
        p->b,
        "<section aria-labelledby=\"files\">\n<h2 id=\"files\">The files</h2>\n<p>Every "
        "file that was read, with its SHA-256.</p>\n<div class=\"scroll\" tabindex=\"0\">"
        "<table class=\"data files\">\n<thead><tr><th scope=\"col\">file</th><th scope=\"col\">"
        "SHA-256</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        as_buf_puts(p->b, "<tr><th scope=\"row\">");
        as_html_put(p->b, as_html_text_of(json_array_get(inputs, i), "file"));
        as_buf_puts(p->b, "</th><td class=\"hash\">");
        as_html_put(p->b, as_html_text_of(json_array_get(inputs, i), "sha256"));
        as_buf_puts(p->b, "</td></tr>\n");
    }
    as_buf_puts(p->b, "</tbody></table></div>\n</section>\n");
}

/* --- how to repeat it ------------------------------------------------------------------------ */

static void put_value_row(as_buf *b, const char *name, const json_t *value)
{
    if (!value || json_is_null(value)) return;
    as_buf_printf(b, "<div><dt>%s</dt><dd>", name);
    as_html_value(b, value);
    as_buf_puts(b, "</dd></div>\n");
}

static void put_reaudit(as_buf *b, const json_t *study)
{
    as_buf_puts(
        b,
        "<section aria-labelledby=\"again\">\n<h2 id=\"again\">How to run it again</h2>\n<p>With "
        "the same program, plan, files, seed and draws the numbers come out the same, whatever the "
        "number of threads. The first line takes the plan as it was run, changes on the command "
        "line included, out of the store; STORE is the one that the run had as --db, DIR the "
        "folder with the "
        "released files.</p>\n"
        "<pre tabindex=\"0\"><code>assay report --db STORE --design ");
    as_html_put(b, as_html_text_of(study, "design"));
    as_buf_puts(b, " --plan plan.json\nassay reaudit plan.json --db STORE --data DIR --report "
                   "report.html");
}

static void put_run(as_buf *b, const json_t *commands)
{
    as_buf_puts(
        b,
        "<section aria-labelledby=\"again\">\n<h2 id=\"again\">How to run it again</h2>\n<p>With "
        "the same program, plan, models, sets, seed and draws the numbers come out the same, "
        "whatever the number of threads. The first line takes the plan as it was run out of the "
        "store. Both are for the folder of the plan that was run, since the paths in it start "
        "there. STORE and FOLDER are what that run had as --db and --work; what is in them is not "
        "made again.</p>\n"
        "<pre tabindex=\"0\"><code>");
    for (size_t i = 0; i < json_array_size(commands); i++) {
        const char *command = json_string_value(json_array_get(commands, i));
        as_buf_puts(b, i ? "\n" : "");
        as_html_put(b, command ? command : "");
    }
}

void as_page_rerun(const as_page *p)
{
    as_buf *b = p->b;
    const json_t *study = json_object_get(p->report, "study");
    const json_t *made_by = json_object_get(p->report, "made_by");
    const json_t *rerun = json_object_get(p->report, "rerun");
    if (rerun)
        put_run(b, json_object_get(rerun, "commands"));
    else
        put_reaudit(b, study);
    as_buf_puts(b, "</code></pre>\n<dl class=\"facts\">\n");
    put_value_row(b, "Plan", json_object_get(study, "name"));
    put_value_row(b, "Plan as run, SHA-256 of its canonical JSON",
                  json_object_get(study, "plan_sha256"));
    put_value_row(b, "Design", json_object_get(study, "design"));
    put_value_row(b, "Seed", json_object_get(study, "seed"));
    put_value_row(b, "Draws", json_object_get(study, "draws"));
    put_value_row(b, "Level of the tests", json_object_get(study, "alpha"));
    put_value_row(b, "Made by", json_object_get(made_by, "assay"));
    put_value_row(b, "Time", json_object_get(made_by, "time"));
    put_value_row(b, "Schema", json_object_get(p->report, "schema"));
    as_buf_puts(b, "</dl>\n</section>\n");
}
