/* The page as a whole: head, what was audited, the parts in order. No script; the one style block
 * is allowed by its hash and nothing else is (Content Security Policy Level 3, 'sha256-...'). */
#include "app/report/report.h"

#include <stdlib.h>
#include <string.h>

#include "app/report/page.h"

bool as_page_head_put(as_buf *b, const char *title, as_error *err)
{
    as_key digest;
    char base64[45];
    as_buf style = {0};
    as_page_style_put(&style);
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

static void put_front(as_page *p)
{
    as_buf *b = p->b;
    const json_t *study = json_object_get(p->report, "study");
    const json_t *summary = json_object_get(p->report, "summary");
    const char *title = as_html_text_of(study, "title"), *source = as_html_text_of(study, "source");
    const char *about = as_html_text_of(study, "about");
    as_buf_puts(b,
                "<a class=\"skip\" href=\"#claims\">To the claims</a>\n<header>\n<p class=\"kind\">"
                "Assay audit report</p>\n<h1>");
    as_html_put(b, *title ? title : "Audit report");
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
    put_size(b, "file", json_object_get(p->report, "inputs"));
    as_buf_puts(b, "</ul>\n</section>\n");
}

static void put_contents(as_page *p, bool has_figures)
{
    const struct {
        const char *id, *name;
        bool shown;
    } part[] = {
        {"claims", "Claims", true},
        {"trees", "Claim by claim", json_array_size(json_object_get(p->report, "claims")) > 0},
        {"figures", "Figures", has_figures},
        {"checks", "Checks", json_array_size(p->checks) > 0},
        {"tables", "Tables", json_array_size(json_object_get(p->report, "tables")) > 0},
        {"files", "Files", json_array_size(json_object_get(p->report, "inputs")) > 0},
        {"again", "Run it again", true},
    };
    as_buf_puts(p->b, "<nav aria-label=\"Contents\"><ul>\n");
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++)
        if (part[i].shown)
            as_buf_printf(p->b, "<li><a href=\"#%s\">%s</a></li>\n", part[i].id, part[i].name);
    as_buf_puts(p->b, "</ul></nav>\n");
}

/* Everything after the head. The figures are made first, since the contents name them. */
static void put_body(as_page *p, as_buf *figures)
{
    as_buf *page = p->b;
    p->b = figures;
    as_page_figures(p);
    p->b = page;
    as_page_symbols_put(page);
    put_front(p);
    put_contents(p, p->n_figures > 0);
    as_buf_puts(page, "<main>\n");
    as_page_claims_table(p);
    as_page_claims(p);
    if (p->n_figures) {
        as_buf_puts(page,
                    "<section aria-labelledby=\"figures\">\n<h2 id=\"figures\">The figures</h2>\n");
        as_buf_add(page, figures->data, figures->size);
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
    as_buf figures = {0};
    as_page p = {.b = out, .report = report, .room = AS_LINES_SHOWN};
    const char *title = as_html_text_of(json_object_get(report, "study"), "title");
    const char *schema = as_html_text_of(report, "schema");
    if (!json_is_object(report) || (*schema && strcmp(schema, "assay.report/1") != 0)) {
        char found[AS_ESCAPE_SIZE];
        return as_fail(err, AS_EFORMAT, "report: schema (found %s, expected assay.report/1)",
                       as_escape(schema, strlen(schema), found));
    }
    p.checks = json_object_get(report, "checks");
    p.line = as_new(p.room, sizeof *p.line, err);
    if (!p.line || !as_page_head_put(out, *title ? title : "Audit report", err)) goto out;
    put_body(&p, &figures);
    ok = as_buf_ok(&figures, err) && as_buf_ok(out, err);
out:
    as_buf_clear(&figures);
    free(p.line);
    return ok;
}
