/* The arms of a study: what each looks like by itself, step by step, as a table and as figures. */
#include <math.h>
#include <string.h>

#include "app/report/page.h"

/* The measures of an arm in the order of the table. A rare one has a column only where it is. */
static const struct {
    const char *name, *head;
    bool is_rare;
} measures[] = {
    {"accuracy", "right", false},
    {"assertion_rate", "asserts", false},
    {"hallucination_rate", "hallucinates", false},
    {"over_hedging_rate", "over-hedges", false},
    {"asymmetry", "asymmetry", false},
    {"coverage", "coverage", false},
    {"cut_rate", "cut", false},
    {"passed", "passes tests", true},
    {"tokens", "tokens", true},
};
enum { n_measures = sizeof measures / sizeof measures[0] };

/* How much of the page the arms of all steps may take, and the lines of one figure. */
enum { arms_bytes = 900 * 1024, every_bytes = 500 * 1024, arms_drawn = 40 };

typedef struct {
    as_page *p;
    const json_t *step, *arms;
    const char *id;
    size_t start; /* of the section, in the page */
    size_t every; /* bytes that the tables of every measure take so far */
    bool has[n_measures];
} section;

static bool is_of(const json_t *arm, const char *step)
{
    return strcmp(as_html_text_of(arm, "step"), step) == 0;
}

static bool has_any(const as_page *p, const char *step)
{
    const json_t *arms = json_object_get(p->report, "arms");
    for (size_t i = 0; i < json_array_size(arms); i++)
        if (is_of(json_array_get(arms, i), step)) return true;
    return false;
}

void as_page_step_title(as_buf *b, const json_t *step, const char *tag)
{
    const char *about = as_html_text_of(step, "about");
    as_buf_printf(b, "<%s>Step <code>", tag);
    as_html_put(b, as_html_text_of(step, "id"));
    as_buf_puts(b, "</code>");
    if (*about) as_buf_puts(b, ": ");
    as_html_put(b, about);
    as_buf_printf(b, "</%s>\n", tag);
}

/* --- the table of arms ----------------------------------------------------------------------- */

static void find_columns(section *s)
{
    for (size_t k = 0; k < n_measures; k++) s->has[k] = !measures[k].is_rare;
    for (size_t i = 0; i < json_array_size(s->arms); i++) {
        const json_t *arm = json_array_get(s->arms, i);
        for (size_t k = 0; k < n_measures && is_of(arm, s->id); k++)
            if (as_check_stat(arm, measures[k].name, NULL)) s->has[k] = true;
    }
}

/* Estimate, interval, the answers it rests on and those left out. */
static void put_cell(as_buf *b, const json_t *stat)
{
    char text[3][AS_HTML_NUMBER];
    double missing = as_html_number_of(stat, "missing");
    if (!json_is_object(stat)) {
        as_buf_puts(b, "<td class=\"num\">\u2013</td>");
        return;
    }
    as_buf_printf(b, "<td class=\"num\">%s",
                  as_html_number(as_html_number_of(stat, "estimate"), false, text[0]));
    if (json_is_object(json_object_get(stat, "interval"))) {
        as_buf_puts(b, "<br><small>");
        as_page_interval(b, stat);
        as_buf_puts(b, "</small>");
    }
    as_buf_printf(b, "<br><small>n = %s",
                  as_html_number(as_html_number_of(stat, "n"), true, text[1]));
    if (missing > 0) as_buf_printf(b, "<br>%s missing", as_html_number(missing, true, text[2]));
    as_buf_puts(b, "</small></td>");
}

static void put_row(const section *s, const json_t *arm)
{
    as_buf *b = s->p->b;
    char text[AS_HTML_NUMBER];
    as_buf_puts(b, "<tr><th scope=\"row\">");
    as_html_put(b, as_html_text_of(arm, "arm"));
    as_buf_printf(b, "</th><td class=\"num\">%s</td>",
                  as_html_number(as_html_number_of(arm, "n"), true, text));
    if (json_object_get(arm, "absent")) {
        size_t n = 0;
        for (size_t k = 0; k < n_measures; k++) n += s->has[k];
        as_buf_printf(b, "<td colspan=\"%zu\">not measured: ", n);
        as_html_put(b, as_html_text_of(arm, "absent"));
        as_buf_puts(b, "</td></tr>\n");
        return;
    }
    for (size_t k = 0; k < n_measures; k++)
        if (s->has[k]) put_cell(b, as_check_stat(arm, measures[k].name, NULL));
    as_buf_puts(b, "</tr>\n");
}

static void put_table(section *s)
{
    as_buf *b = s->p->b;
    size_t dropped = 0;
    find_columns(s);
    as_buf_puts(b, "<div class=\"scroll\" tabindex=\"0\"><table class=\"data arms\">\n<thead><tr>"
                   "<th scope=\"col\">arm</th><th scope=\"col\" class=\"num\">answers</th>");
    for (size_t k = 0; k < n_measures; k++)
        if (s->has[k])
            as_buf_printf(b, "<th scope=\"col\" class=\"num\">%s</th>", measures[k].head);
    as_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < json_array_size(s->arms); i++) {
        const json_t *arm = json_array_get(s->arms, i);
        if (!is_of(arm, s->id)) continue;
        if (b->size - s->start < arms_bytes)
            put_row(s, arm);
        else
            dropped++;
    }
    as_buf_puts(b, "</tbody></table></div>\n");
    if (dropped)
        as_buf_printf(b,
                      "<p class=\"note\">%zu more arms are not shown; they stand in the "
                      "report\u2019s JSON.</p>\n",
                      dropped);
}

/* --- figures --------------------------------------------------------------------------------- */

static void put_figure(const section *s, const char *name, as_lines *f)
{
    as_page *p = s->p;
    p->n_lines = 0;
    for (size_t i = 0; i < json_array_size(s->arms); i++) {
        const json_t *arm = json_array_get(s->arms, i), *stat = as_check_stat(arm, name, NULL);
        if (!stat || !is_of(arm, s->id) || p->n_lines == arms_drawn) continue;
        p->line[p->n_lines++] = (as_line){.label = as_html_text_of(arm, "arm"),
                                          .check = s->id,
                                          .from = arm,
                                          .stat = stat,
                                          .gate = NAN,
                                          .also = NAN};
    }
    f->of = s->id;
    f->line = p->line;
    f->n_lines = p->n_lines;
    f->interval = "interval (level in the table)";
    if (p->n_lines) as_lines_put(p->b, ++p->n_figures, f);
    p->n_lines = 0;
}

static void put_figures(const section *s)
{
    as_buf *b = s->p->b;
    if (b->size - s->start >= arms_bytes) return;
    as_buf_puts(b, "<div class=\"charts\">\n");
    as_lines accuracy = {.title = "Right answers by arm",
                         .caption = "The share of each arm\u2019s answers that are right.",
                         .axis = "share of the answers",
                         .is_share = true,
                         .series = {"right"}};
    put_figure(s, "accuracy", &accuracy);
    as_lines asymmetry = {.title = "Asymmetry by arm",
                          .caption = "An arm that hedges where it is wrong lies left of zero.",
                          .axis = "P(asserts | wrong) \u2212 P(asserts | right)",
                          .reference = {0},
                          .n_references = 1,
                          .series = {"asymmetry"}};
    put_figure(s, "asymmetry", &asymmetry);
    as_buf_puts(b, "</div>\n");
}

/* --- everything of the arms ------------------------------------------------------------------ */

static void put_every(section *s)
{
    as_buf *b = s->p->b;
    size_t start = b->size, n = 0, shown = 0;
    for (size_t i = 0; i < json_array_size(s->arms); i++)
        if (is_of(json_array_get(s->arms, i), s->id))
            n += json_array_size(json_object_get(json_array_get(s->arms, i), "statistics"));
    if (!n) return;
    as_buf_printf(b,
                  "<details><summary>Every measure of every arm (%zu)</summary>\n<div "
                  "class=\"scroll\" tabindex=\"0\"><table class=\"data\">\n<thead><tr><th "
                  "scope=\"col\">arm</th><th scope=\"col\">measure</th>",
                  n);
    as_stat_head(b);
    as_buf_puts(b, "<th scope=\"col\">method</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < json_array_size(s->arms); i++) {
        const json_t *arm = json_array_get(s->arms, i), *stats;
        stats = is_of(arm, s->id) ? json_object_get(arm, "statistics") : NULL;
        for (size_t k = 0; k < json_array_size(stats); k++) {
            const json_t *stat = json_array_get(stats, k);
            if (s->every + b->size - start >= every_bytes) continue;
            shown++;
            as_buf_puts(b, "<tr><th scope=\"row\">");
            as_html_put(b, as_html_text_of(arm, "arm"));
            as_buf_puts(b, "</th><td>");
            as_html_put(b, as_html_text_of(stat, "name"));
            as_buf_puts(b, "</td>");
            as_stat_cells(b, stat, false);
            as_buf_puts(b, "<td>");
            as_html_put(b, as_html_text_of(stat, "method"));
            as_buf_puts(b, "</td></tr>\n");
        }
    }
    as_buf_puts(b, "</tbody></table></div>\n");
    if (n > shown)
        as_buf_printf(b, "<p class=\"note\">%zu more stand in the report\u2019s JSON.</p>\n",
                      n - shown);
    as_buf_puts(b, "</details>\n");
    s->every += b->size - start;
}

/* How each arm was asked. */
static void put_asked(section *s)
{
    as_buf *b = s->p->b;
    size_t start = b->size;
    as_buf_puts(b, "<details><summary>How the arms were asked</summary>\n<div class=\"scroll\" "
                   "tabindex=\"0\"><table class=\"data\">\n<thead><tr><th scope=\"col\">arm</th>"
                   "<th scope=\"col\">in the plan</th><th scope=\"col\">facts</th></tr></thead>\n"
                   "<tbody>\n");
    for (size_t i = 0; i < json_array_size(s->arms); i++) {
        const json_t *arm = json_array_get(s->arms, i);
        if (!is_of(arm, s->id) || s->every + b->size - start >= every_bytes) continue;
        as_buf_puts(b, "<tr><th scope=\"row\">");
        as_html_put(b, as_html_text_of(arm, "arm"));
        as_buf_puts(b, "</th><td>");
        as_html_value(b, json_object_get(arm, "treatment"));
        as_buf_puts(b, "</td><td class=\"facts-of\">");
        as_html_value(b, json_object_get(arm, "facts"));
        as_buf_puts(b, "</td></tr>\n");
    }
    as_buf_puts(b, "</tbody></table></div></details>\n");
    s->every += b->size - start;
}

void as_page_arms(as_page *p)
{
    const json_t *steps = json_object_get(p->report, "steps");
    section s = {.p = p, .arms = json_object_get(p->report, "arms")};
    if (!json_array_size(s.arms)) return;
    as_buf_puts(
        p->b,
        "<section aria-labelledby=\"arms\">\n<h2 id=\"arms\">The arms</h2>\n<p>Each arm by itself, "
        "with the interval of each number, the answers that it rests on and those it misses. "
        "<b>Right</b>: share of right answers. <b>Asserts</b>: share said without a hedge. "
        "<b>Hallucinates</b>: share of the wrong answers that are asserted. <b>Over-hedges</b>: "
        "share of the right answers that are hedged. <b>Asymmetry</b>: share asserted among the "
        "wrong minus share asserted among the right; below zero is better. <b>Coverage</b>: share "
        "of the expected claims that an answer makes. <b>Cut</b>: share that ran into the token "
        "budget. Whether arms differ is for the checks to say.</p>\n");
    s.start = p->b->size;
    for (size_t i = 0; i < json_array_size(steps); i++) {
        s.step = json_array_get(steps, i);
        s.id = as_html_text_of(s.step, "id");
        if (!has_any(p, s.id)) continue;
        size_t before = s.every;
        as_page_step_title(p->b, s.step, "h3");
        put_table(&s);
        put_figures(&s);
        put_every(&s);
        put_asked(&s);
        s.start += s.every - before; /* these have room of their own */
    }
    as_buf_puts(p->b, "</section>\n");
}
