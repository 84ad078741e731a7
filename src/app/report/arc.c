/* What the three arcs share: finding rows, cells, the table of changes. */
#include "app/report/arc.h"

#include <math.h>
#include <string.h>

const as_arc_measure as_arc_measures[] = {
    {"coverage", "coverage", 0, 1, false},
    {"accuracy", "right", 0, 1, false},
    {"factual_accuracy", "factual accuracy", 1, 5, false},
    {"hedging_appropriateness", "hedging appropriateness", 1, 5, false},
    {"pedagogical_framing", "pedagogical framing", 1, 5, false},
    {"self_verification", "self-verification", 1, 5, false},
    {"completeness", "completeness", 1, 5, false},
    {"assertion_rate", "asserts", 0, 1, false},
    {"asymmetry", "asymmetry", 0, 0, true},
    {"cut_rate", "cut", 0, 0.1, false},
};

/* --- finding ---------------------------------------------------------------------------------- */

static bool is_text(const json_t *o, const char *key, const char *text)
{
    return strcmp(as_html_text_of(o, key), text) == 0;
}

const json_t *as_arc_arm(const as_page *p, const char *step, const char *arm)
{
    const json_t *arms = json_object_get(p->report, "arms");
    for (size_t i = 0; i < json_array_size(arms); i++) {
        const json_t *o = json_array_get(arms, i);
        if (is_text(o, "step", step) && is_text(o, "arm", arm)) return o;
    }
    return NULL;
}

const json_t *as_arc_stat(const as_page *p, const char *step, const char *arm, const char *measure)
{
    return as_check_stat(as_arc_arm(p, step, arm), measure, NULL);
}

const json_t *as_arc_step(const as_page *p, const char *id)
{
    const json_t *steps = json_object_get(p->report, "steps");
    for (size_t i = 0; i < json_array_size(steps); i++)
        if (is_text(json_array_get(steps, i), "id", id)) return json_array_get(steps, i);
    return NULL;
}

const json_t *as_arc_check(const as_page *p, const char *id)
{
    const size_t i = as_check_place(p, id);
    return i < json_array_size(p->checks) ? json_array_get(p->checks, i) : NULL;
}

const json_t *as_arc_change(const as_page *p, const json_t *change)
{
    return as_check_stat(as_arc_check(p, as_html_text_of(change, "check")),
                         as_html_text_of(change, "name"), as_html_text_of(change, "of"));
}

/* --- cells ------------------------------------------------------------------------------------ */

void as_arc_cell(as_buf *b, const json_t *stat)
{
    char text[AS_HTML_NUMBER];
    if (!stat) {
        as_buf_puts(b, "<td class=\"num\"><small>not measured</small></td>");
        return;
    }
    as_buf_printf(b, "<td class=\"num\">%s",
                  as_html_number(as_html_number_of(stat, "estimate"), false, text));
    if (json_is_object(json_object_get(stat, "interval"))) {
        as_buf_puts(b, "<br><small>");
        as_page_interval(b, stat);
        as_buf_puts(b, "</small>");
    }
    as_buf_puts(b, "</td>");
}

void as_arc_link(const as_page *p, const char *check, const char *words)
{
    const size_t i = as_check_place(p, check);
    const bool known = i < json_array_size(p->checks);
    if (known) as_buf_printf(p->b, "<a href=\"#check-%zu\">", i + 1);
    as_html_put(p->b, words ? words : check);
    if (known) as_buf_puts(p->b, "</a>");
}

static void put_mde(as_buf *b, const json_t *stat, bool is_whole)
{
    char text[AS_HTML_NUMBER];
    const json_t *detail = json_object_get(stat, "detail");
    const json_t *assumed = json_object_get(detail, "assumptions");
    const char *unit = as_html_text_of(detail, "unit");
    const double share = as_html_number_of(detail, "power");
    if (*as_html_text_of(detail, "why")) {
        as_buf_puts(b, "not known: ");
        as_html_put(b, as_html_text_of(detail, "why"));
        return;
    }
    as_buf_printf(b, "%s (", as_html_number(as_html_number_of(stat, "estimate"), false, text));
    if (isfinite(share)) as_buf_printf(b, "power %s, ", as_html_short(share, text));
    as_buf_printf(b, "n = %s", as_html_number(as_html_number_of(stat, "n"), true, text));
    if (*unit) as_buf_puts(b, " ");
    as_html_put(b, unit);
    as_buf_puts(b, ")");
    if (!is_whole) return;
    if (as_html_number_of(detail, "n_needed") > as_html_number_of(stat, "n"))
        as_buf_printf(b, "; n = %s would do",
                      as_html_number(as_html_number_of(detail, "n_needed"), true, text));
    if (!json_object_size(assumed)) return;
    as_buf_puts(b, ", assuming ");
    as_html_value(b, assumed);
}

bool as_arc_power(as_buf *b, const json_t *check, bool is_whole)
{
    const json_t *power = json_object_get(check, "power");
    bool any = false;
    for (size_t i = 0; i < json_array_size(power); i++) {
        if (!as_stat_is(json_array_get(power, i), "mde")) continue;
        as_buf_puts(b, any ? "; " : "");
        any = true;
        put_mde(b, json_array_get(power, i), is_whole);
    }
    return any;
}

/* --- changes ---------------------------------------------------------------------------------- */

static const char *measure_words(const char *name)
{
    for (size_t i = 0; i < AS_ARC_MEASURES; i++)
        if (strcmp(as_arc_measures[i].name, name) == 0) return as_arc_measures[i].head;
    return name;
}

static void put_change(const as_page *p, const json_t *change, bool has_power)
{
    as_buf *b = p->b;
    const json_t *stat = as_arc_change(p, change);
    const json_t *check = as_arc_check(p, as_html_text_of(change, "check"));
    as_buf_puts(b, "<tr><th scope=\"row\">");
    as_html_put(b, as_html_text_of(change, "arm"));
    as_buf_puts(b, "</th><td>");
    as_html_put(b, measure_words(as_html_text_of(change, "measure")));
    as_buf_puts(b, "</td><td>");
    as_arc_link(p, as_html_text_of(change, "check"), NULL);
    as_buf_puts(b, "</td>");
    if (stat)
        as_stat_cells(b, stat, false);
    else
        as_buf_puts(b, "<td colspan=\"6\">not measured</td>");
    if (has_power) {
        as_buf_puts(b, "<td>");
        if (!as_arc_power(b, check, false)) as_buf_puts(b, "\u2013");
        as_buf_puts(b, "</td>");
    }
    as_buf_puts(b, "<td>");
    as_badge_put(b, as_html_text_of(check, "outcome"));
    as_buf_puts(b, "</td></tr>\n");
}

void as_arc_changes(const as_page *p, const json_t *arc)
{
    as_buf *b = p->b;
    const json_t *changes = json_object_get(arc, "changes");
    const size_t n = json_array_size(changes);
    bool has_power = false;
    if (!n) return;
    for (size_t i = 0; i < n; i++) {
        const char *id = as_html_text_of(json_array_get(changes, i), "check");
        has_power = has_power || json_object_get(as_arc_check(p, id), "power");
    }
    as_buf_printf(
        b,
        "<details><summary>Changes against the base that checks measured on all items (%zu)"
        "</summary>\n<div class=\"scroll\" tabindex=\"0\"><table class=\"data\">\n<thead>"
        "<tr><th scope=\"col\">arm</th><th scope=\"col\">measure</th><th scope=\"col\">"
        "check</th>",
        n);
    as_stat_head(b);
    if (has_power) as_buf_puts(b, "<th scope=\"col\">could see</th>");
    as_buf_puts(b, "<th scope=\"col\">outcome</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < n; i++) put_change(p, json_array_get(changes, i), has_power);
    as_buf_puts(b, "</tbody></table></div></details>\n");
}

/* --- titles and frames ------------------------------------------------------------------------ */

void as_arc_title(as_buf *b, const json_t *arc, const char *words, const char *step)
{
    const char *family = as_html_text_of(arc, "family"), *set = as_html_text_of(arc, "set");
    as_buf_puts(b, "<h3>");
    if (*family) {
        as_buf_puts(b, "Family <code>");
        as_html_put(b, family);
        as_buf_puts(b, "</code>: ");
    }
    as_buf_puts(b, words);
    if (*step) {
        as_buf_puts(b, " <code>");
        as_html_put(b, step);
        as_buf_puts(b, "</code>");
    }
    if (*set) {
        as_buf_puts(b, ", set <code>");
        as_html_put(b, set);
        as_buf_puts(b, "</code>");
    }
    as_buf_puts(b, "</h3>\n");
}

void as_arc_panels_open(as_page *p, const char *title, const char *of, const char *class)
{
    as_figure_open(p->b, ++p->n_figures, title, of, class);
}

void as_arc_panels_close(as_buf *b)
{
    as_buf_puts(b, "</figcaption></div>\n</figure>\n");
}
