/* The second arc: heads, or a direction, that were chosen. Where the effect is (a heat map beside
 * the largest that shuffled labels give), and what a dose of it does, with placebos and the arm
 * that is only asked. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/report/arc.h"
#include "app/report/heat.h"

enum { most_arms = 48, most_placebos = 12 };

typedef struct {
    as_page *p;
    const json_t *arc, *arms;
    const char *step, *base;
    double none; /* the dose of the base: 1 of a factor, 0 of a vector */
} section;

static bool is_kind(const json_t *arm, const char *kind)
{
    return strcmp(as_html_text_of(arm, "kind"), kind) == 0;
}

static bool is_heads(const json_t *arc)
{
    return strcmp(as_html_text_of(arc, "do"), "heads") == 0;
}

static double dose_of(const section *s, const json_t *arm)
{
    return is_kind(arm, "base") ? s->none : as_html_number_of(arm, "dose");
}

/* --- where it is ------------------------------------------------------------------------------ */

/* What the step says of itself. */
static const json_t *found_by(const as_page *p, const json_t *arc)
{
    return as_check_stat(as_arc_step(p, as_html_text_of(arc, "from")),
                         is_heads(arc) ? "maximum" : "direction", NULL);
}

static bool is_first(const json_t *arcs, size_t i)
{
    const char *from = as_html_text_of(json_array_get(arcs, i), "from");
    for (size_t k = 0; k < i; k++)
        if (strcmp(as_html_text_of(json_array_get(arcs, k), "from"), from) == 0) return false;
    return true;
}

static void put_heat(as_page *p, const json_t *arc)
{
    const json_t *stat = found_by(p, arc), *detail = json_object_get(stat, "detail");
    const char *top = json_string_value(json_object_get(detail, "top"));
    const as_heat f = {
        .title = "Effect of each head",
        .of = as_html_text_of(arc, "from"),
        .caption = "Cohen\u2019s d of the norm of each head between two cohorts of answers: "
                   "above zero where the label of the step holds more, below zero where it "
                   "holds less.",
        .heads = json_object_get(detail, "heads"),
        .top = top,
        .placebos = json_object_get(detail, "placebos")};
    if (is_heads(arc) && as_heat_put(p->b, p->n_figures + 1, &f)) {
        p->n_figures++;
    } else if (!stat) {
        as_buf_puts(p->b, "<p class=\"note\">The effects of <code>");
        as_html_put(p->b, as_html_text_of(arc, "from"));
        as_buf_puts(p->b, "</code>: not measured.</p>\n");
    } else if (is_heads(arc) && json_array_size(f.heads)) {
        as_buf_printf(p->b,
                      "<p class=\"note\">The effects of the %zu heads are too many to draw; "
                      "they stand in the report\u2019s JSON.</p>\n",
                      json_array_size(f.heads));
    }
}

static void put_member(json_t **o, const char *name, json_t *value)
{
    as_json_put(o, name, value ? json_incref(value) : json_null());
}

/* A statistic as lines draw it, with the null that its detail holds. NULL when out of memory. */
static json_t *with_null(const json_t *stat, bool is_crossfit)
{
    const json_t *detail = json_object_get(stat, "detail");
    const json_t *null = json_object_get(detail, "null");
    json_t *o = json_object(), *band = json_null();
    if (json_is_object(null)) {
        static const char *const parts[] = {"draws", "q05", "median", "q95"};
        band = json_pack("{s:s}", "kind", "shuffled labels");
        for (size_t i = 0; i < 4; i++) put_member(&band, parts[i], json_object_get(null, parts[i]));
    }
    put_member(&o, "estimate",
               is_crossfit ? json_object_get(detail, "crossfit")
                           : json_object_get(stat, "estimate"));
    put_member(&o, "n", json_object_get(stat, "n"));
    put_member(&o, "missing", json_object_get(stat, "missing"));
    put_member(&o, "p", json_object_get(detail, "p"));
    as_json_put(&o, "null", band);
    return o;
}

/* What was found beside what shuffled labels give, one line for each choice. */
static void put_nulls(as_page *p, const json_t *arcs)
{
    as_lines f = {
        .title = "The largest effect, and the largest of shuffled labels",
        .caption = "Of heads the largest d, or |d|, of all; of a direction the d out of fold. The "
                   "band is what the same search finds when the labels are shuffled; an effect "
                   "inside it is no finding.",
        .axis = "Cohen\u2019s d",
        .series = {"observed"},
        .null = "shuffled labels: 5 % to 95 %, median"};
    json_t *made[AS_LINES_SHOWN];
    p->n_lines = 0;
    for (size_t i = 0; i < json_array_size(arcs) && p->n_lines < p->room; i++) {
        const json_t *arc = json_array_get(arcs, i), *stat = found_by(p, arc);
        if (!stat || !is_first(arcs, i)) continue;
        made[p->n_lines] = with_null(stat, !is_heads(arc));
        if (!made[p->n_lines]) {
            p->b->failed = true;
            break;
        }
        p->line[p->n_lines] = (as_line){.label = as_html_text_of(arc, "from"),
                                        .check = as_html_text_of(arc, "from"),
                                        .from = arc,
                                        .stat = made[p->n_lines],
                                        .gate = NAN,
                                        .also = NAN};
        p->n_lines++;
    }
    f.line = p->line;
    f.n_lines = p->n_lines;
    if (p->n_lines) as_lines_put(p->b, ++p->n_figures, &f);
    for (size_t i = 0; i < p->n_lines; i++) json_decref(made[i]);
    p->n_lines = 0;
}

/* --- dose and response ------------------------------------------------------------------------ */

static const struct {
    const char *name, *title;
    bool is_share, has_zero;
} responses[] = {{"assertion_rate", "asserts", true, false},
                 {"hallucination_rate", "hallucinates: wrong and asserted", true, false},
                 {"asymmetry", "asymmetry", false, true},
                 {"coverage", "coverage", true, false}};
enum { n_responses = sizeof responses / sizeof responses[0] };

/* Points of one line, room for the base and every arm. */
typedef struct {
    double x[most_arms + 1], y[most_arms + 1], lo[most_arms + 1], hi[most_arms + 1];
    size_t n;
} points;

static void add_point(points *t, double x, const json_t *stat)
{
    const json_t *interval = json_object_get(stat, "interval");
    size_t i = t->n;
    if (!stat || !isfinite(x) || t->n > most_arms) return;
    while (i > 0 && t->x[i - 1] > x) { /* by dose */
        t->x[i] = t->x[i - 1];
        t->y[i] = t->y[i - 1];
        t->lo[i] = t->lo[i - 1];
        t->hi[i] = t->hi[i - 1];
        i--;
    }
    t->x[i] = x;
    t->y[i] = as_html_number_of(stat, "estimate");
    t->lo[i] = as_html_number_of(interval, "lo");
    t->hi[i] = as_html_number_of(interval, "hi");
    t->n++;
}

static as_trace trace_of(const points *t, const char *name, size_t series, double bare)
{
    return (as_trace){name, t->x, t->y, t->lo, t->hi, t->n, series, true, bare};
}

/* The line of the base and every arm that uses that product. */
static void gather(const section *s, const char *product, const char *measure, points *t)
{
    for (size_t i = 0; i < json_array_size(s->arms) && i < most_arms; i++) {
        const json_t *arm = json_array_get(s->arms, i);
        const char *name = as_html_text_of(arm, "arm");
        if (strcmp(name, s->base) == 0 ||
            (*as_html_text_of(arm, "name") && strcmp(as_html_text_of(arm, "name"), product) == 0))
            add_point(t, dose_of(s, arm), as_arc_stat(s->p, s->step, name, measure));
    }
}

static bool is_new(const section *s, size_t i)
{
    const char *name = as_html_text_of(json_array_get(s->arms, i), "name");
    for (size_t k = 0; k < i; k++)
        if (strcmp(as_html_text_of(json_array_get(s->arms, k), "name"), name) == 0) return false;
    return *name != '\0';
}

/* Every dose of the section, ascending, each once. */
static size_t doses_of(const section *s, double *dose)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(s->arms) && i < most_arms; i++) {
        const double x = dose_of(s, json_array_get(s->arms, i));
        size_t at = 0;
        while (at < n && dose[at] < x) at++;
        if (!isfinite(x) || (at < n && dose[at] == x)) continue;
        memmove(dose + at + 1, dose + at, (n - at) * sizeof *dose);
        dose[at] = x;
        n++;
    }
    return n;
}

static void put_response(const section *s, size_t k, points *t, const double *dose, size_t n_doses)
{
    as_trace trace[most_placebos + 2];
    as_dot aside[4];
    size_t n = 0, n_aside = 0, used = 0;
    for (size_t i = 0; i < json_array_size(s->arms) && n < most_placebos + 2; i++) {
        const json_t *arm = json_array_get(s->arms, i);
        const char *name = as_html_text_of(arm, "name");
        if (is_kind(arm, "asked") && n_aside < 4)
            aside[n_aside++] = (as_dot){
                .name = as_html_text_of(arm, "arm"),
                .row = "",
                .stat = as_arc_stat(s->p, s->step, as_html_text_of(arm, "arm"), responses[k].name),
                .series = 1};
        if (!is_new(s, i)) continue;
        t[used].n = 0;
        gather(s, name, responses[k].name, &t[used]);
        const bool is_placebo = is_kind(arm, "placebo");
        trace[n++] =
            trace_of(&t[used++], name, is_placebo ? AS_TRACE_GREY : 0, is_placebo ? s->none : NAN);
    }
    as_traces f = {.title = responses[k].title,
                   .x_axis = is_heads(s->arc) ? "factor \u03bb of the heads (1: the base)"
                                              : "strength of the vector (0: the base)",
                   .of = is_heads(s->arc) ? "\u03bb" : "strength",
                   .trace = trace,
                   .n_traces = n,
                   .tick = dose,
                   .n_ticks = n_doses,
                   .is_falling = is_heads(s->arc),
                   .has_zero = responses[k].has_zero,
                   .at = NAN,
                   .level = NAN,
                   .aside = aside,
                   .n_aside = n_aside};
    if (responses[k].is_share) {
        as_span_add(&f.y, 0);
        as_span_add(&f.y, 1);
    }
    if (n) as_traces_put(s->p->b, &f);
}

static void put_responses(const section *s)
{
    as_buf *b = s->p->b;
    as_error err = {0};
    double dose[most_arms + 1];
    const size_t n_doses = doses_of(s, dose);
    points *t = as_new(most_placebos + 2, sizeof *t, &err);
    bool has_placebo = false, has_asked = false;
    if (!t) {
        b->failed = true;
        return;
    }
    for (size_t i = 0; i < json_array_size(s->arms); i++) {
        has_placebo = has_placebo || is_kind(json_array_get(s->arms, i), "placebo");
        has_asked = has_asked || is_kind(json_array_get(s->arms, i), "asked");
    }
    as_arc_panels_open(s->p, "Dose and response", as_html_text_of(s->arc, "from"), "panels two");
    for (size_t k = 0; k < n_responses; k++) put_response(s, k, t, dose, n_doses);
    as_figure_caption(
        b, "Each measure by dose with its intervals. What is chosen has "
           "to do more than as many others at random (grey), and than asking (right of the plane). "
           "The table below has the numbers.");
    as_legend_open(b);
    as_legend_item(b, "m0", "chosen");
    if (has_placebo)
        as_buf_puts(b, "<li><svg width=\"30\" height=\"14\" aria-hidden=\"true\"><path class=\"run "
                       "grey\" d=\"M0 7H30\"/><circle class=\"placebo\" cx=\"15\" cy=\"7\" "
                       "r=\"3.5\"/></svg><span>placebos</span></li>\n");
    if (has_asked) as_legend_item(b, "m1", "only asked to");
    as_legend_item(b, "interval", "interval (in the table)");
    as_legend_close(b);
    as_arc_panels_close(b);
    free(t);
}

/* --- the table of cells ----------------------------------------------------------------------- */

static void put_dose_row(const section *s, const json_t *arm)
{
    static const char *const cells[] = {"cr", "cw", "hr", "hw"};
    static const char *const rates[] = {"accuracy",          "assertion_rate", "hallucination_rate",
                                        "over_hedging_rate", "asymmetry",      "coverage"};
    char text[2][AS_HTML_NUMBER];
    as_buf *b = s->p->b;
    const char *name = as_html_text_of(arm, "arm");
    const json_t *found = as_arc_arm(s->p, s->step, name);
    const double dose = dose_of(s, arm);
    as_buf_puts(b, "<tr><th scope=\"row\">");
    as_html_put(b, name);
    as_buf_printf(b, "<br><small>%s</small></th><td class=\"num\">%s</td><td class=\"num\">%s</td>",
                  is_kind(arm, "base")      ? "base"
                  : is_kind(arm, "asked")   ? "only asked to"
                  : is_kind(arm, "placebo") ? "placebo"
                  : is_kind(arm, "mixed")   ? "and treated otherwise"
                                            : "chosen",
                  as_html_short(dose, text[0]),
                  as_html_number(as_html_number_of(found, "n"), true, text[1]));
    for (size_t i = 0; i < 4; i++) {
        const json_t *stat = as_check_stat(found, "cell", cells[i]);
        if (stat)
            as_buf_printf(b, "<td class=\"num\">%s</td>",
                          as_html_number(as_html_number_of(stat, "estimate"), true, text[0]));
        else
            as_arc_cell(b, NULL);
    }
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
        as_arc_cell(b, as_check_stat(found, rates[i], NULL));
    as_buf_puts(b, "</tr>\n");
}

static void put_doses(const section *s)
{
    static const char *const heads[] = {
        "n",       "right, asserted", "wrong, asserted", "right, hedged", "wrong, hedged", "right",
        "asserts", "hallucinates",    "over-hedges",     "asymmetry",     "coverage"};
    as_buf *b = s->p->b;
    as_buf_printf(
        b,
        "<div class=\"scroll\" tabindex=\"0\"><table class=\"data arms dense\">\n<thead><tr><th "
        "scope=\"col\">arm</th><th scope=\"col\" "
        "class=\"num\">%s</th>",
        is_heads(s->arc) ? "\u03bb" : "strength");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        as_buf_printf(b, "<th scope=\"col\" class=\"num\">%s</th>", heads[i]);
    as_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < json_array_size(s->arms) && i < most_arms; i++)
        put_dose_row(s, json_array_get(s->arms, i));
    as_buf_puts(b, "</tbody></table></div>\n");
}

/* --- the section ------------------------------------------------------------------------------ */

static void put_doses_of(as_page *p, const json_t *arc)
{
    const section s = {.p = p,
                       .arc = arc,
                       .arms = json_object_get(arc, "arms"),
                       .step = as_html_text_of(arc, "step"),
                       .base = as_html_text_of(arc, "base"),
                       .none = is_heads(arc) ? 1 : 0};
    if (!json_array_size(s.arms)) return;
    put_responses(&s);
    put_doses(&s);
    as_arc_changes(p, arc);
}

void as_page_chosen(as_page *p)
{
    const json_t *arcs = json_object_get(json_object_get(p->report, "arcs"), "chosen");
    const size_t start = p->b->size;
    size_t left = 0;
    if (!json_array_size(arcs)) return;
    as_buf_puts(
        p->b,
        "<section aria-labelledby=\"chosen\">\n<h2 id=\"chosen\">Arc 2: tempered and steered</h2>\n"
        "<p>Heads, or a direction, in which two cohorts of answers differ: where they are, "
        "whether noise would give as much, and what answers become when they are scaled or "
        "added, beside as many others at random and the base that is only asked to.</p>\n");
    put_nulls(p, arcs);
    for (size_t i = 0; i < json_array_size(arcs); i++) {
        const json_t *arc = json_array_get(arcs, i);
        if (p->b->size - start >= AS_ARC_BYTES / 3) {
            left++;
            continue;
        }
        as_arc_title(p->b, arc, is_heads(arc) ? "heads of" : "direction of",
                     as_html_text_of(arc, "from"));
        if (is_first(arcs, i)) put_heat(p, arc);
        put_doses_of(p, arc);
    }
    if (left)
        as_buf_printf(p->b, "<p class=\"note\">%zu more stand in the report\u2019s JSON.</p>\n",
                      left);
    as_buf_puts(p->b, "</section>\n");
}
