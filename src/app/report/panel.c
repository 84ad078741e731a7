/* Panels of small multiples: rows of marks, lines over a plane. */
#include "app/report/panel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/report/curve.h"

enum { panel_width = 304, right_edge = 292 };

static double along(const as_scale *s, double left, double right, double x)
{
    return left + (right - left) * as_scale_at(s, x) / 100;
}

static double of_interval(const json_t *stat, const char *key)
{
    return as_html_number_of(json_object_get(stat, "interval"), key);
}

static void put_line(as_buf *b, const char *class, double x0, double y0, double x1, double y1)
{
    as_buf_printf(b, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>", class,
                  x0, y0, x1, y1);
}

/* "cal-1: 0.536 (0.474 to 0.598), n = 193" */
static void put_words(as_buf *b, const char *name, const json_t *stat)
{
    char text[4][AS_HTML_NUMBER];
    const double lo = of_interval(stat, "lo"), hi = of_interval(stat, "hi");
    as_html_put(b, name);
    if (!stat) {
        as_buf_puts(b, ": not measured");
        return;
    }
    as_buf_printf(b, ": %s", as_html_number(as_html_number_of(stat, "estimate"), false, text[0]));
    if (isfinite(lo) && isfinite(hi))
        as_buf_printf(b, " (%s to %s)", as_html_number(lo, false, text[1]),
                      as_html_number(hi, false, text[2]));
    as_buf_printf(b, ", n = %s", as_html_number(as_html_number_of(stat, "n"), true, text[3]));
}

static void put_shape(as_buf *b, size_t series, double x, double y)
{
    as_buf_printf(b, "<use href=\"#m%zu\" class=\"m%zu\" x=\"%.1f\" y=\"%.1f\"/>",
                  series % AS_N_SHAPES, series % AS_N_SHAPES, x, y);
}

static void add_stat(as_span *span, const json_t *stat)
{
    as_span_add(span, as_html_number_of(stat, "estimate"));
    as_span_add(span, of_interval(stat, "lo"));
    as_span_add(span, of_interval(stat, "hi"));
}

static void open_panel(as_buf *b, const char *title, double height)
{
    as_buf_puts(b, "<div class=\"panel\"><h4>");
    as_html_put(b, title);
    as_buf_printf(b, "</h4>\n<svg role=\"img\" width=\"%d\" height=\"%.0f\" aria-label=\"",
                  panel_width, height);
    as_html_put(b, title);
}

/* --- marks by row ---------------------------------------------------------------------------- */

enum { dots_left = 84, row_height = 22, mark_height = 13, row_columns = 12 };

static bool starts_row(const as_dots *f, size_t i)
{
    return i == 0 || strcmp(f->dot[i].row, f->dot[i - 1].row) != 0;
}

/* Where mark i stands, counted from the top. */
static double dot_at(const as_dots *f, size_t i)
{
    double y = row_height / 2.0;
    for (size_t k = 1; k <= i; k++) y += starts_row(f, k) ? row_height : mark_height;
    return y;
}

static as_scale dots_scale(const as_dots *f)
{
    as_span span = f->span;
    for (size_t i = 0; i < f->n_dots; i++) add_stat(&span, f->dot[i].stat);
    if (f->has_zero) as_span_add(&span, 0);
    return as_scale_of(&span);
}

static void put_ticks(as_buf *b, const as_scale *s, double left, double height)
{
    char text[AS_HTML_NUMBER];
    const size_t every = s->n_ticks > 6 ? 2 : 1; /* so that they do not touch */
    for (size_t i = 0; i < s->n_ticks; i++) {
        const double x = along(s, left, right_edge, s->tick[i]);
        put_line(b, "grid", x, 0, x, height);
        if (i % every == 0)
            as_buf_printf(b, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", x,
                          height + 14, as_html_fixed(s->tick[i], s->decimals, text));
    }
    put_line(b, "axis", left, height, right_edge, height);
}

static void put_reach(as_buf *b, const as_scale *s, const json_t *stat, size_t series, double y)
{
    const double lo = of_interval(stat, "lo"), hi = of_interval(stat, "hi");
    if (!isfinite(lo) || !isfinite(hi)) return;
    as_buf_printf(b, "<g class=\"w%zu\">", series % AS_N_SHAPES);
    put_line(b, "reach", along(s, dots_left, right_edge, lo), y,
             along(s, dots_left, right_edge, hi), y);
    as_buf_puts(b, "</g>");
}

static void put_dot(as_buf *b, const as_scale *s, const as_dots *f, size_t i)
{
    const as_dot *d = &f->dot[i];
    const double y = dot_at(f, i), x = as_html_number_of(d->stat, "estimate");
    as_buf_puts(b, "<g><title>");
    put_words(b, d->name, d->stat);
    as_buf_printf(b,
                  "</title><rect class=\"touch\" x=\"0\" y=\"%.1f\" width=\"%d\" height=\"%d\"/>",
                  y - mark_height / 2.0, panel_width, mark_height);
    if (starts_row(f, i)) {
        as_buf_printf(b, "<text class=\"level\" x=\"%d\" y=\"%.1f\">", dots_left - 10, y + 4);
        as_html_put_cut(b, d->row, row_columns);
        as_buf_puts(b, "</text>");
    }
    put_reach(b, s, d->stat, d->series, y);
    if (isfinite(x)) put_shape(b, d->series, along(s, dots_left, right_edge, x), y);
    if (!d->stat)
        as_buf_printf(b, "<text class=\"n\" x=\"%d\" y=\"%.1f\">not measured</text>", dots_left + 4,
                      y + 4);
    as_buf_puts(b, "</g>\n");
}

void as_dots_put(as_buf *b, const as_dots *f)
{
    const as_scale s = dots_scale(f);
    const double height = dot_at(f, f->n_dots ? f->n_dots - 1 : 0) + row_height / 2.0;
    const double base = as_html_number_of(f->base, "estimate");
    open_panel(b, f->title, height + 20);
    for (size_t i = 0; i < f->n_dots; i++) {
        as_buf_puts(b, i ? "; " : ": ");
        put_words(b, f->dot[i].name, f->dot[i].stat);
    }
    as_buf_puts(b, "\">\n");
    put_ticks(b, &s, dots_left, height);
    if (f->has_zero) {
        const double x = along(&s, dots_left, right_edge, 0);
        put_line(b, "ref", x, 0, x, height);
    }
    if (isfinite(base)) {
        const double x = along(&s, dots_left, right_edge, base);
        put_line(b, "as-base", x, 0, x, height);
    }
    for (size_t i = 0; i < f->n_dots; i++) put_dot(b, &s, f, i);
    as_buf_puts(b, "</svg></div>\n");
}

/* --- lines over a plane ---------------------------------------------------------------------- */

enum { plane_left = 44, plane_top = 6, plane_bottom = 156, aside_width = 52, inset = 10 };

typedef struct {
    const as_traces *f;
    as_scale x, y;
    double right;
} plane;

static double across(const plane *p, double x)
{
    const double at = along(&p->x, plane_left + inset, p->right - inset, x);
    return p->f->is_falling ? plane_left + p->right - at : at;
}

static double down(const plane *p, double y)
{
    return along(&p->y, plane_bottom, plane_top, y);
}

static void measure(plane *p)
{
    as_span x = p->f->x, y = p->f->y;
    for (size_t k = 0; k < p->f->n_traces; k++) {
        const as_trace *t = &p->f->trace[k];
        for (size_t i = 0; i < t->n; i++) {
            as_span_add(&x, t->x[i]);
            as_span_add(&y, t->y[i]);
            if (t->lo) as_span_add(&y, t->lo[i]);
            if (t->hi) as_span_add(&y, t->hi[i]);
        }
    }
    for (size_t i = 0; i < p->f->n_aside; i++) add_stat(&y, p->f->aside[i].stat);
    if (p->f->has_zero) as_span_add(&y, 0);
    if (isfinite(p->f->level)) as_span_add(&y, p->f->level);
    p->x = as_scale_of(&x);
    if (p->f->tick && x.any && x.hi > x.lo) { /* named places need no round ends */
        p->x.lo = x.lo;
        p->x.hi = x.hi;
    }
    p->y = as_scale_of(&y);
    p->right = right_edge - (p->f->n_aside ? aside_width : 0);
}

static void put_plane_axes(as_buf *b, const plane *p)
{
    char text[AS_HTML_NUMBER];
    const as_traces *f = p->f;
    const size_t n = f->tick ? f->n_ticks : p->x.n_ticks;
    for (size_t i = 0; i < p->y.n_ticks; i++) {
        const double y = down(p, p->y.tick[i]);
        put_line(b, "grid", plane_left, y, right_edge, y);
        as_buf_printf(b, "<text class=\"level\" x=\"%d\" y=\"%.1f\">%s</text>\n", plane_left - 6,
                      y + 4, as_html_fixed(p->y.tick[i], p->y.decimals, text));
    }
    double last = -99;
    for (size_t i = 0; i < n; i++) {
        const double value = f->tick ? f->tick[i] : p->x.tick[i], x = across(p, value);
        put_line(b, "axis", x, plane_bottom, x, plane_bottom + 4);
        if (fabs(x - last) < 26) continue; /* no room for its name */
        last = x;
        as_buf_printf(
            b, "<text class=\"tick\" x=\"%.1f\" y=\"%d\">%s</text>\n", x, plane_bottom + 18,
            f->tick ? as_html_short(value, text) : as_html_fixed(value, p->x.decimals, text));
    }
    put_line(b, "axis", plane_left, plane_bottom, p->right, plane_bottom);
    as_buf_printf(b, "<text class=\"axis-name\" x=\"%.1f\" y=\"%d\">", (plane_left + p->right) / 2,
                  plane_bottom + 36);
    as_html_put(b, f->x_axis);
    as_buf_puts(b, "</text>\n");
    if (f->has_zero) put_line(b, "ref", plane_left, down(p, 0), right_edge, down(p, 0));
    if (isfinite(f->level))
        put_line(b, "margin", plane_left, down(p, f->level), p->right, down(p, f->level));
    if (isfinite(f->at))
        put_line(b, "gate", across(p, f->at), plane_top, across(p, f->at), plane_bottom);
}

static void put_point_words(as_buf *b, const plane *p, const as_trace *t, size_t i)
{
    char text[4][AS_HTML_NUMBER];
    as_html_put(b, t->name);
    as_buf_puts(b, ", ");
    as_html_put(b, p->f->of);
    as_buf_printf(b, " %s: %s", as_html_short(t->x[i], text[0]),
                  as_html_number(t->y[i], false, text[1]));
    if (t->lo && isfinite(t->lo[i]) && isfinite(t->hi[i]))
        as_buf_printf(b, " (%s to %s)", as_html_number(t->lo[i], false, text[2]),
                      as_html_number(t->hi[i], false, text[3]));
}

static void put_marks(as_buf *b, const plane *p, const as_trace *t)
{
    char class[8];
    if (t->series == AS_TRACE_GREY)
        (void)snprintf(class, sizeof class, "grey");
    else
        (void)snprintf(class, sizeof class, "w%zu", t->series % AS_N_SHAPES);
    for (size_t i = 0; i < t->n; i++) {
        if (!isfinite(t->y[i]) || !isfinite(t->x[i]) || t->x[i] == t->bare) continue;
        const bool is_grey = t->series == AS_TRACE_GREY; /* beside the others, not beneath them */
        const double x = across(p, t->x[i]) + (is_grey ? 7 : 0), y = down(p, t->y[i]);
        as_buf_printf(b, "<g class=\"%s\"><title>", class);
        put_point_words(b, p, t, i);
        as_buf_puts(b, "</title>");
        if (t->lo && isfinite(t->lo[i]) && isfinite(t->hi[i]))
            put_line(b, "reach", x, down(p, t->lo[i]), x, down(p, t->hi[i]));
        if (is_grey)
            as_buf_printf(b, "<circle class=\"placebo\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/>", x, y);
        else
            put_shape(b, t->series, x, y);
        as_buf_puts(b, "</g>\n");
    }
}

/* The line, through the points that are known; of very many the least and greatest of each few. */
static void put_trace(as_buf *b, const plane *p, const as_trace *t)
{
    as_error err = {0};
    size_t known, bucket;
    bool open = false;
    unsigned char *drawn = as_new(t->n + 1, 1, &err);
    if (!drawn) {
        b->failed = true;
        return;
    }
    if (as_curve_thin(t->y, t->n, drawn, 1, &known, &bucket)) {
        if (t->series == AS_TRACE_GREY)
            as_buf_puts(b, "<path class=\"run grey\" d=\"");
        else
            as_buf_printf(b, "<path class=\"run t%zu\" d=\"", t->series % AS_N_SHAPES);
        for (size_t i = 0; i < t->n; i++) {
            if (!drawn[i] || !isfinite(t->x[i])) continue;
            as_buf_printf(b, "%c%.1f %.1f", open ? 'L' : 'M', across(p, t->x[i]), down(p, t->y[i]));
            open = true;
        }
        as_buf_puts(b, "\"/>\n");
    }
    free(drawn);
}

/* Columns over lines without marks that say every line's value there; at most 128 of them. */
static void put_columns(as_buf *b, const plane *p)
{
    const as_trace *first = NULL;
    for (size_t k = 0; k < p->f->n_traces && !first; k++)
        if (!p->f->trace[k].is_marked) first = &p->f->trace[k];
    if (!first || first->n < 2) return;
    const size_t every = (first->n + 127) / 128;
    for (size_t i = 0; i < first->n; i += every) {
        const double x = across(p, first->x[i]);
        const size_t next = i + every < first->n ? i + every : i;
        const double width = next > i ? fabs(across(p, first->x[next]) - x) : 6;
        as_buf_printf(b,
                      "<rect class=\"col\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\">"
                      "<title>",
                      x - width / 2, plane_top, width, plane_bottom - plane_top);
        for (size_t k = 0; k < p->f->n_traces; k++) {
            const as_trace *t = &p->f->trace[k];
            if (t->is_marked || i >= t->n || !isfinite(t->y[i])) continue;
            put_point_words(b, p, t, i);
            as_buf_puts(b, "; ");
        }
        as_buf_puts(b, "</title></rect>\n");
    }
}

static void put_aside(as_buf *b, const plane *p)
{
    for (size_t i = 0; i < p->f->n_aside; i++) {
        const as_dot *d = &p->f->aside[i];
        const double x = p->right + aside_width * (0.5 + (double)i) / (double)p->f->n_aside;
        const double y = as_html_number_of(d->stat, "estimate");
        const double lo = of_interval(d->stat, "lo"), hi = of_interval(d->stat, "hi");
        as_buf_printf(b, "<g class=\"w%zu\"><title>", d->series % AS_N_SHAPES);
        put_words(b, d->name, d->stat);
        as_buf_puts(b, "</title>");
        if (isfinite(lo) && isfinite(hi)) put_line(b, "reach", x, down(p, lo), x, down(p, hi));
        if (isfinite(y)) put_shape(b, d->series, x, down(p, y));
        as_buf_puts(b, "</g>");
        if (p->f->n_aside > 1) continue;
        as_buf_printf(b, "<text class=\"tick\" x=\"%.1f\" y=\"%d\">", x, plane_bottom + 18);
        as_html_put_cut(b, d->name, 7);
        as_buf_puts(b, "</text>\n");
    }
}

/* The points with marks in words; lines without are told by their ends. */
static void describe(as_buf *b, const plane *p)
{
    const char *mark = ": ";
    for (size_t k = 0; k < p->f->n_traces; k++) {
        const as_trace *t = &p->f->trace[k];
        for (size_t i = 0; i < t->n; i++) {
            if (!isfinite(t->y[i]) || (!t->is_marked && i && i + 1 < t->n)) continue;
            as_buf_puts(b, mark);
            put_point_words(b, p, t, i);
            mark = "; ";
        }
    }
    for (size_t i = 0; i < p->f->n_aside; i++) {
        as_buf_puts(b, mark);
        put_words(b, p->f->aside[i].name, p->f->aside[i].stat);
        mark = "; ";
    }
}

void as_traces_put(as_buf *b, const as_traces *f)
{
    plane p = {.f = f};
    measure(&p);
    open_panel(b, f->title, plane_bottom + 42);
    describe(b, &p);
    as_buf_puts(b, "\">\n");
    put_plane_axes(b, &p);
    for (size_t k = f->n_traces; k-- > 0;) put_trace(b, &p, &f->trace[k]);
    put_columns(b, &p);
    for (size_t k = f->n_traces; k-- > 0;)
        if (f->trace[k].is_marked) put_marks(b, &p, &f->trace[k]);
    put_aside(b, &p);
    as_buf_puts(b, "</svg></div>\n");
}
