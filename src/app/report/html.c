/* The page as a whole: head, what was audited, the parts in order. No script; the one style block
 * is allowed by its hash and nothing else is (Content Security Policy Level 3, 'sha256-...'). */
#include "app/report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/report/page.h"

enum { deviations_shown = 50 };

bool as_page_head_put(as_buf *b, const char *title, bool is_study, as_error *err)
{
    as_key digest;
    char base64[45];
    as_buf style = {0};
    as_page_style_put(&style, is_study);
    bool ok = as_buf_ok(&style, err) && as_sha256_of(style.data, style.size, digest, err);
    if (!ok) {
        as_buf_clear(&style);
        return false;
    }
    as_html_base64(digest, base64);
    as_buf_printf(b,
                  "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                  "style-src 'sha256-%s'; base-uri 'none'; form-action 'none'\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                  "<meta name=\"color-scheme\" content=\"light dark\">\n"
                  "<meta name=\"referrer\" content=\"no-referrer\">\n"
                  "<meta name=\"generator\" content=\"assay\">\n<title>",
                  base64);
    as_html_put(b, title);
    as_buf_puts(b, "</title>\n<style>");
    as_buf_add(b, style.data, style.size);
    as_buf_clear(&style);
    as_buf_puts(b, "</style>\n</head>\n<body>\n");
    return true;
}

void as_page_symbols_put(as_buf *b)
{
    as_buf_puts(b, "<svg class=\"symbols\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>"
                   "<circle id=\"m0\" r=\"5\"/><path id=\"m1\" d=\"M0-6.5L6.5 0L0 6.5L-6.5 0Z\"/>"
                   "<path id=\"m2\" d=\"M-4.8-4.8H4.8V4.8H-4.8Z\"/><circle id=\"m3\" r=\"4.5\"/>"
                   "<circle id=\"p0\" r=\"3.2\"/><path id=\"p1\" d=\"M0-4.4L4.4 0L0 4.4L-4.4 0Z\"/>"
                   "<circle id=\"p3\" r=\"3\"/></defs></svg>\n");
}

static void put_count(as_buf *b, const json_t *summary, const char *word)
{
    char text[AS_HTML_NUMBER];
    const json_t *n = json_object_get(summary, word);
    if (!json_is_number(n)) return;
    as_buf_printf(b, "<li><span class=\"big\">%s</span> ",
                  as_html_number(json_number_value(n), true, text));
    as_badge_put(b, word);
    as_buf_puts(b, "</li>\n");
}

static void put_size(as_buf *b, const char *name, const json_t *list)
{
    size_t n = json_array_size(list);
    as_buf_printf(b, "<li><b>%zu</b> %s%s</li>\n", n, name, n == 1 ? "" : "s");
}

static const char *default_title(const as_page *p)
{
    return p->is_study ? "Study report" : "Audit report";
}

/* What was locked before the run, and how the run departs from it. */
static void put_deviation(as_buf *b, const json_t *deviation)
{
    as_buf_puts(b, "<tr><th scope=\"row\"><code>");
    as_html_put(b, as_html_text_of(deviation, "at"));
    as_buf_puts(b, "</code></th><td>");
    as_html_value(b, json_object_get(deviation, "locked"));
    as_buf_puts(b, "</td><td>");
    as_html_value(b, json_object_get(deviation, "now"));
    as_buf_puts(b, "</td></tr>\n");
}

static void put_deviations(as_buf *b, const json_t *list)
{
    const size_t n = json_array_size(list);
    if (!n) return;
    as_buf_printf(b,
                  "<details><summary>%zu deviation%s from what was locked</summary>\n<div "
                  "class=\"scroll\" tabindex=\"0\"><table class=\"data\">\n<thead><tr><th "
                  "scope=\"col\">where in the plan</th><th scope=\"col\">locked</th><th "
                  "scope=\"col\">as run</th></tr></thead>\n<tbody>\n",
                  n, n == 1 ? "" : "s");
    for (size_t i = 0; i < n && i < deviations_shown; i++)
        put_deviation(b, json_array_get(list, i));
    as_buf_puts(b, "</tbody></table></div></details>\n");
    if (n > deviations_shown)
        as_buf_printf(b, "<p class=\"note\">%zu more stand in the report\u2019s JSON.</p>\n",
                      n - deviations_shown);
}

/* One lock; what: how its line begins. */
static void put_one_lock(as_buf *b, const json_t *lock, const char *what)
{
    const json_t *list = json_object_get(lock, "deviations");
    char head[17];
    snprintf(head, sizeof head, "%.16s", as_html_text_of(lock, "hash"));
    as_buf_printf(b, "<p class=\"note\"><b>%s:</b> locked ", what);
    as_html_put(b, as_html_text_of(lock, "time"));
    as_buf_puts(b, " as <code>");
    as_html_put(b, head);
    as_buf_puts(b, json_is_true(json_object_get(lock, "agrees")) && !json_array_size(list)
                       ? "\u2026</code>; what was run agrees with it."
                       : "\u2026</code>; what was run departs from it.");
    if (json_is_true(json_object_get(lock, "is_after")))
        as_buf_puts(b, " <strong>It was locked after the first answers were there.</strong>");
    as_buf_puts(b, "</p>\n");
    put_deviations(b, list);
}

static void put_lock(as_buf *b, const json_t *report)
{
    const json_t *lock = json_object_get(report, "lock");
    const json_t *earlier = json_object_get(lock, "earlier");
    if (!lock) return; /* not a study of steps */
    as_buf_puts(b, "<div class=\"lock\">\n");
    for (size_t i = 0; i < json_array_size(earlier); i++)
        put_one_lock(b, json_array_get(earlier, i), "Earlier lock");
    if (json_is_object(lock))
        put_one_lock(b, lock, "Lock");
    else
        as_buf_puts(b, "<p class=\"note\"><b>Lock:</b> the plan was not locked before the "
                       "run.</p>\n");
    as_buf_puts(b, "</div>\n");
}

static void put_front(as_page *p)
{
    as_buf *b = p->b;
    const json_t *study = json_object_get(p->report, "study");
    const json_t *summary = json_object_get(p->report, "summary");
    const char *title = as_html_text_of(study, "title"), *source = as_html_text_of(study, "source");
    const char *about = as_html_text_of(study, "about");
    as_buf_printf(b,
                  "<a class=\"skip\" href=\"#claims\">To the claims</a>\n<header>\n"
                  "<p class=\"kind\">Assay %s report</p>\n<h1>",
                  p->is_study ? "study" : "audit");
    as_html_put(b, *title ? title : default_title(p));
    as_buf_puts(b, "</h1>\n");
    if (*source) {
        as_buf_puts(b, "<p class=\"source\">Source: ");
        as_html_put(b, source);
        as_buf_puts(b, "</p>\n");
    }
    if (*about) {
        as_buf_puts(b, "<p class=\"about\">");
        as_html_put(b, about);
        as_buf_puts(b, "</p>\n");
    }
    as_buf_puts(
        b,
        "</header>\n<section class=\"summary\" aria-label=\"Summary\">\n<ul class=\"counts\">\n");
    put_count(b, summary, "supported");
    put_count(b, summary, "refuted");
    put_count(b, summary, "inconclusive");
    as_buf_puts(b, "</ul>\n<ul class=\"audited\">\n");
    put_size(b, "claim", json_object_get(p->report, "claims"));
    put_size(b, "check", p->checks);
    put_size(b, "table", json_object_get(p->report, "tables"));
    if (!p->is_study || json_array_size(json_object_get(p->report, "inputs")))
        put_size(b, "file", json_object_get(p->report, "inputs"));
    if (json_array_size(json_object_get(p->report, "steps"))) {
        put_size(b, "step", json_object_get(p->report, "steps"));
        put_size(b, "arm", json_object_get(p->report, "arms"));
    }
    as_buf_puts(b, "</ul>\n");
    put_lock(b, p->report);
    as_buf_puts(b, "</section>\n");
}

/* The parts that only a study has, in the order of the page. */
static const struct {
    const char *id, *name;
    void (*put)(as_page *p);
} study_parts[] = {
    {"trained", "Arc 1: trained in", as_page_trained},
    {"chosen", "Arc 2: tempered", as_page_chosen},
    {"gated", "Arc 3: gated", as_page_gated},
    {"arms", "Arms", as_page_arms},
    {"answers", "Answers", as_page_answers},
    {"made", "Steps", as_page_made},
    {"judges", "Judges", as_page_judges},
    {"losses", "Losses", as_page_losses},
};
enum { n_study_parts = sizeof study_parts / sizeof study_parts[0] };

typedef struct {
    as_buf study, figures;
    bool has_figures, has[n_study_parts];
} body;

static void put_link(as_buf *b, const char *id, const char *name, bool is_shown)
{
    if (is_shown) as_buf_printf(b, "<li><a href=\"#%s\">%s</a></li>\n", id, name);
}

static size_t members(const as_page *p, const char *key)
{
    return json_array_size(json_object_get(p->report, key));
}

static void put_contents(const as_page *p, const body *parts)
{
    as_buf *b = p->b;
    const json_t *truths = json_object_get(p->report, "truths");
    as_buf_puts(b, "<nav aria-label=\"Contents\"><ul>\n");
    put_link(b, "claims", "Claims", true);
    put_link(b, "truths", "Known truths", json_array_size(json_object_get(truths, "claims")) > 0);
    put_link(b, "trees", "Claim by claim", members(p, "claims") > 0);
    for (size_t i = 0; i < n_study_parts; i++)
        put_link(b, study_parts[i].id, study_parts[i].name, parts->has[i]);
    put_link(b, "figures", "Figures", parts->has_figures);
    put_link(b, "checks", "Checks", json_array_size(p->checks) > 0);
    put_link(b, "tables", "Tables", members(p, "tables") > 0);
    put_link(b, "files", "Files", members(p, "inputs") > 0);
    put_link(b, "again", "Run it again", true);
    as_buf_puts(b, "</ul></nav>\n");
}

/* The parts of a study and the figures, made before the contents that name them. */
static void make_parts(as_page *p, body *parts)
{
    as_buf *page = p->b;
    p->b = &parts->study;
    for (size_t i = 0; i < n_study_parts; i++) {
        size_t before = p->b->size;
        study_parts[i].put(p);
        parts->has[i] = p->b->size > before;
    }
    size_t n = p->n_figures;
    p->b = &parts->figures;
    as_page_figures(p);
    parts->has_figures = p->n_figures > n;
    p->b = page;
}

/* Everything after the head. */
static void put_body(as_page *p, body *parts)
{
    as_buf *page = p->b;
    make_parts(p, parts);
    as_page_symbols_put(page);
    put_front(p);
    put_contents(p, parts);
    as_buf_puts(page, "<main>\n");
    as_page_claims_table(p);
    as_page_truths(p);
    as_page_claims(p);
    as_buf_add(page, as_buf_text(&parts->study), parts->study.size);
    if (parts->has_figures) {
        as_buf_puts(page,
                    "<section aria-labelledby=\"figures\">\n<h2 id=\"figures\">The figures</h2>\n");
        as_buf_add(page, parts->figures.data, parts->figures.size);
        as_buf_puts(page, "</section>\n");
    }
    as_page_checks(p);
    as_page_tables(p);
    as_page_inputs(p);
    as_page_rerun(p);
    as_buf_puts(page, "</main>\n</body>\n</html>\n");
}

bool as_report_html(const json_t *report, as_buf *out, as_error *err)
{
    bool ok = false;
    body parts = {0};
    as_page p = {.b = out, .report = report, .room = AS_LINES_SHOWN};
    const char *title = as_html_text_of(json_object_get(report, "study"), "title");
    const char *schema = as_html_text_of(report, "schema");
    if (!json_is_object(report) || (*schema && strcmp(schema, "assay.report/1") != 0)) {
        char found[AS_ESCAPE_SIZE];
        return as_fail(err, AS_EFORMAT, "report: schema (found %s, expected assay.report/1)",
                       as_escape(schema, strlen(schema), found));
    }
    p.checks = json_object_get(report, "checks");
    p.is_study = members(&p, "steps") || json_is_object(json_object_get(report, "truths"));
    p.line = as_new(p.room, sizeof *p.line, err);
    if (!p.line || !as_page_head_put(out, *title ? title : default_title(&p), p.is_study, err))
        goto out;
    put_body(&p, &parts);
    ok = as_buf_ok(&parts.study, err) && as_buf_ok(&parts.figures, err) && as_buf_ok(out, err);
out:
    as_buf_clear(&parts.study);
    as_buf_clear(&parts.figures);
    free(p.line);
    return ok;
}
