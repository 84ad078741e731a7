/* The first arc: dispositions trained in. Of each family a table of measures by arm, the same as
 * small multiples, and the curves of the trainings. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/report/arc.h"

enum { most_arms = 24, most_runs = 24, most_points = 20000 };

typedef struct {
    as_page *p;
    const json_t *arc, *arms, *changes;
    const char *step, *base;
} section;

static const char *name_of(const json_t *arm)
{
    return as_html_text_of(arm, "arm");
}

static bool is_kind(const json_t *arm, const char *kind)
{
    return strcmp(as_html_text_of(arm, "kind"), kind) == 0;
}

static size_t n_shown(const section *s)
{
    const size_t n = json_array_size(s->arms);
    return n < most_arms ? n : most_arms;
}

/* --- the table -------------------------------------------------------------------------------- */

/* What a check says of that arm's change; NULL when none measured it. */
static const json_t *change_of(const section *s, const char *arm, const char *measure)
{
    for (size_t i = 0; i < json_array_size(s->changes); i++) {
        const json_t *change = json_array_get(s->changes, i);
        if (strcmp(as_html_text_of(change, "arm"), arm) == 0 &&
            strcmp(as_html_text_of(change, "measure"), measure) == 0 && as_arc_change(s->p, change))
            return change;
    }
    return NULL;
}

/* The change against the base, a link to the check that measured it, with interval and p. */
static void put_moved(const section *s, const json_t *change)
{
    as_buf *b = s->p->b;
    char text[AS_HTML_NUMBER], words[AS_HTML_NUMBER + 8];
    const json_t *moved = as_arc_change(s->p, change);
    const double x = as_html_number_of(moved, "estimate"), chance = as_html_number_of(moved, "p");
    (void)snprintf(words, sizeof words, "\u0394 %s%s", x > 0 ? "+" : "",
                   as_html_number(x, false, text));
    as_buf_puts(b, "<div class=\"change\">");
    as_arc_link(s->p, as_html_text_of(change, "check"), words);
    as_buf_puts(b, "<br><small>");
    if (json_is_object(json_object_get(moved, "interval"))) {
        as_page_interval(b, moved);
        as_buf_puts(b, "<br>");
    }
    if (isfinite(chance))
        as_buf_printf(b, "<i>p</i> %s%s", chance < 0.001 ? "" : "= ", as_html_p(chance, text));
    as_buf_puts(b, "</small></div>");
}

static void put_cell(const section *s, const json_t *arm, const char *measure)
{
    as_buf *b = s->p->b;
    char text[AS_HTML_NUMBER];
    const json_t *stat = as_arc_stat(s->p, s->step, name_of(arm), measure);
    const json_t *change = change_of(s, name_of(arm), measure);
    if (!stat) {
        as_arc_cell(b, NULL);
        return;
    }
    as_buf_printf(b, "<td class=\"num\">%s<br><small>",
                  as_html_number(as_html_number_of(stat, "estimate"), false, text));
    as_page_interval(b, stat);
    as_buf_puts(b, "</small>");
    if (change) put_moved(s, change);
    as_buf_puts(b, "</td>");
}

static void put_table(const section *s)
{
    as_buf *b = s->p->b;
    char text[AS_HTML_NUMBER];
    as_buf_puts(b,
                "<div class=\"scroll\" tabindex=\"0\"><table class=\"data arms by-arm\">\n<thead>"
                "<tr><th scope=\"col\">measure</th>");
    for (size_t i = 0; i < n_shown(s); i++) {
        const json_t *arm = json_array_get(s->arms, i);
        const json_t *found = as_arc_arm(s->p, s->step, name_of(arm));
        as_buf_puts(b, "<th scope=\"col\" class=\"num\">");
        as_html_put(b, name_of(arm));
        if (is_kind(arm, "mixed")) as_buf_puts(b, "<br><small>and treated otherwise</small>");
        if (found)
            as_buf_printf(b, "<br><small>n = %s</small>",
                          as_html_number(as_html_number_of(found, "n"), true, text));
        as_buf_puts(b, "</th>");
    }
    as_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t k = 0; k < AS_ARC_MEASURES; k++) {
        as_buf_printf(b, "<tr><th scope=\"row\">%s</th>", as_arc_measures[k].head);
        for (size_t i = 0; i < n_shown(s); i++)
            put_cell(s, json_array_get(s->arms, i), as_arc_measures[k].name);
        as_buf_puts(b, "</tr>\n");
    }
    as_buf_puts(b, "</tbody></table></div>\n");
    if (json_array_size(s->arms) > most_arms)
        as_buf_printf(b, "<p class=\"note\">%zu more arms stand in the report\u2019s JSON.</p>\n",
                      json_array_size(s->arms) - most_arms);
}

/* --- small multiples -------------------------------------------------------------------------- */

/* Square: base, diamond: asked, disc and circle: what was trained, by turns. */
static size_t series_of(const section *s, const json_t *arm)
{
    size_t n = 0;
    const char *last = NULL;
    if (is_kind(arm, "base")) return 2;
    if (is_kind(arm, "asked")) return 1;
    for (size_t i = 0; i < json_array_size(s->arms); i++) {
        const json_t *other = json_array_get(s->arms, i);
        const char *from = as_html_text_of(other, "from");
        if (!is_kind(other, "trained")) continue;
        if (last && strcmp(last, from) != 0) n++;
        if (strcmp(from, as_html_text_of(arm, "from")) == 0) break;
        last = from;
    }
    return n % 2 ? 3 : 0;
}

static void put_panel(const section *s, size_t k)
{
    as_dot dot[most_arms];
    const as_arc_measure *m = &as_arc_measures[k];
    as_dots f = {.title = m->head,
                 .dot = dot,
                 .base = as_arc_stat(s->p, s->step, s->base, m->name),
                 .has_zero = m->has_zero};
    if (m->lo < m->hi) {
        as_span_add(&f.span, m->lo);
        as_span_add(&f.span, m->hi);
    }
    bool any = false;
    for (size_t i = 0; i < n_shown(s); i++) {
        const json_t *arm = json_array_get(s->arms, i);
        const bool is_trained = is_kind(arm, "trained");
        if (is_kind(arm, "mixed")) continue; /* no seed of a training: in the table alone */
        dot[f.n_dots++] = (as_dot){.row = is_trained ? as_html_text_of(arm, "from") : name_of(arm),
                                   .name = name_of(arm),
                                   .stat = as_arc_stat(s->p, s->step, name_of(arm), m->name),
                                   .series = series_of(s, arm)};
        any = any || dot[f.n_dots - 1].stat;
    }
    if (any) as_dots_put(s->p->b, &f);
}

static void put_panels(const section *s)
{
    as_buf *b = s->p->b;
    as_arc_panels_open(s->p, "Each measure, arm by arm", s->step, "panels");
    for (size_t k = 0; k < AS_ARC_MEASURES; k++) put_panel(s, k);
    as_figure_caption(b, "Means of the arms with their intervals, one mark for each seed of a "
                         "training; the dashed line is the base. The table above has the "
                         "numbers, and each mark says its own.");
    as_legend_open(b);
    as_legend_item(b, "m2", "base");
    as_legend_item(b, "m1", "only asked to");
    const char *last = "";
    for (size_t i = 0; i < n_shown(s); i++) {
        const json_t *arm = json_array_get(s->arms, i);
        const char *from = as_html_text_of(arm, "from");
        if (!is_kind(arm, "trained") || strcmp(last, from) == 0) continue;
        last = from;
        as_legend_item(b, series_of(s, arm) ? "m3" : "m0", from);
    }
    as_legend_close(b);
    as_arc_panels_close(b);
}

/* --- curves of the trainings ------------------------------------------------------------------ */

typedef struct {
    as_trace trace[most_runs];
    size_t n;
    double *value; /* most_points */
    size_t used;
} curves;

/* The numbers of a list at the end of `value`; NULL when there is no room. */
static const double *numbers(curves *c, const json_t *list)
{
    double *at = c->value + c->used;
    const size_t n = json_array_size(list);
    if (n > most_points - c->used) return NULL;
    for (size_t i = 0; i < n; i++) at[i] = as_html_number_in(json_array_get(list, i));
    c->used += n;
    return at;
}

static void gather_runs(const section *s, curves *c, const char *from)
{
    const json_t *runs = json_object_get(s->arc, "runs");
    for (size_t i = 0; i < json_array_size(runs) && c->n < most_runs; i++) {
        const json_t *run = json_array_get(runs, i);
        if (strcmp(as_html_text_of(run, "from"), from) != 0) continue;
        as_trace *t = &c->trace[c->n];
        t->name = as_html_text_of(run, "number");
        t->n = json_array_size(json_object_get(run, "loss"));
        t->series = c->n % AS_N_SHAPES;
        t->bare = NAN;
        t->x = numbers(c, json_object_get(run, "steps"));
        t->y = t->x ? numbers(c, json_object_get(run, "loss")) : NULL;
        if (t->y && t->n) c->n++;
    }
}

static void put_run_row(as_buf *b, const json_t *run)
{
    char text[4][AS_HTML_NUMBER];
    const json_t *steps = json_object_get(run, "steps"), *loss = json_object_get(run, "loss");
    const json_t *held = json_object_get(run, "held_loss");
    const size_t n = json_array_size(steps);
    size_t first = 0, last = n, known = n;
    while (first < n && !json_is_number(json_array_get(loss, first))) first++;
    while (last > first && !json_is_number(json_array_get(loss, last - 1))) last--;
    while (known > 0 && !json_is_number(json_array_get(held, known - 1))) known--;
    as_buf_puts(b, "<tr><th scope=\"row\"><code>");
    as_html_put(b, as_html_text_of(run, "from"));
    as_buf_puts(b, ".");
    as_html_put(b, as_html_text_of(run, "number"));
    as_buf_printf(
        b,
        "</code></th><td class=\"num\">%s</td><td class=\"num\">%s</td><td class=\"num\">%s</td>"
        "<td class=\"num\">%s</td><td class=\"hash\">",
        as_html_number(n ? as_html_number_in(json_array_get(steps, n - 1)) : NAN, true, text[0]),
        as_html_number(as_html_number_in(json_array_get(loss, first)), false, text[1]),
        as_html_number(last ? as_html_number_in(json_array_get(loss, last - 1)) : NAN, false,
                       text[2]),
        as_html_number(known ? as_html_number_in(json_array_get(held, known - 1)) : NAN, false,
                       text[3]));
    as_html_put(b, as_html_text_of(run, "training"));
    as_buf_puts(b, "</td></tr>\n");
}

static void put_run_table(as_buf *b, const json_t *runs)
{
    static const char *const heads[] = {"steps", "first loss", "last loss", "last held-out loss"};
    as_figure_table(b, json_array_size(runs));
    as_buf_puts(b, "<thead><tr><th scope=\"col\">training</th>");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        as_buf_printf(b, "<th scope=\"col\" class=\"num\">%s</th>", heads[i]);
    as_buf_puts(b, "<th scope=\"col\">key</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < json_array_size(runs); i++) put_run_row(b, json_array_get(runs, i));
    as_buf_puts(b, "</tbody>");
    as_figure_close(b);
}

static void put_curves(const section *s)
{
    as_buf *b = s->p->b;
    const json_t *runs = json_object_get(s->arc, "runs");
    as_error err = {0};
    double *value = as_new(most_points, sizeof *value, &err);
    const char *last = "";
    if (!value || !json_array_size(runs)) {
        b->failed = b->failed || !value;
        if (value) as_buf_puts(b, "<p class=\"note\">Losses of the trainings: not measured.</p>\n");
        free(value);
        return;
    }
    as_arc_panels_open(s->p, "Loss of the trainings", s->step, "panels");
    for (size_t i = 0; i < json_array_size(runs); i++) {
        const char *from = as_html_text_of(json_array_get(runs, i), "from");
        curves c = {.value = value};
        if (strcmp(from, last) == 0) continue;
        last = from;
        gather_runs(s, &c, from);
        as_traces f = {.title = from,
                       .x_axis = "step",
                       .of = "step",
                       .trace = c.trace,
                       .n_traces = c.n,
                       .at = NAN,
                       .level = NAN};
        as_span_add(&f.y, 0);
        if (c.n) as_traces_put(b, &f);
    }
    as_figure_caption(b, "Loss at each step of the optimiser, one line for each seed.");
    put_run_table(b, runs);
    free(value);
}

/* --- the section ------------------------------------------------------------------------------ */

void as_page_trained(as_page *p)
{
    const json_t *arcs = json_object_get(json_object_get(p->report, "arcs"), "trained");
    const size_t start = p->b->size;
    size_t left = 0;
    if (!json_array_size(arcs)) return;
    as_buf_puts(
        p->b,
        "<section aria-labelledby=\"trained\">\n<h2 id=\"trained\">Arc 1: trained in</h2>\n<p>Each "
        "measure "
        "for the base, for the base that is only asked to, and for every seed of every training, "
        "on "
        "the same questions. Below a number stand its interval and, where a check measured it, the "
        "change \u0394 against the base with the interval and the <i>p</i> of that check.</p>\n");
    for (size_t i = 0; i < json_array_size(arcs); i++) {
        const json_t *arc = json_array_get(arcs, i);
        const section s = {.p = p,
                           .arc = arc,
                           .arms = json_object_get(arc, "arms"),
                           .changes = json_object_get(arc, "changes"),
                           .step = as_html_text_of(arc, "step"),
                           .base = as_html_text_of(arc, "base")};
        if (p->b->size - start >= AS_ARC_BYTES / 3) {
            left++;
            continue;
        }
        as_arc_title(p->b, arc, "answers of", s.step);
        put_table(&s);
        as_arc_changes(p, arc);
        put_panels(&s);
        put_curves(&s);
    }
    if (left)
        as_buf_printf(p->b, "<p class=\"note\">%zu more stand in the report\u2019s JSON.</p>\n",
                      left);
    as_buf_puts(p->b, "</section>\n");
}
