/* Scales, marks, the frame of a figure, and the chart of lines. */
#include "app/report/chart.h"

#include <math.h>
#include <string.h>

/* --- scales ---------------------------------------------------------------------------------- */

void as_span_add(as_span *s, double x)
{
    if (!(fabs(x) <= 1e12)) return;
    if (!s->any || x < s->lo) s->lo = x;
    if (!s->any || x > s->hi) s->hi = x;
    s->any = true;
}

as_scale as_scale_of(const as_span *span)
{
    as_scale s = {.lo = span->any ? span->lo : 0, .hi = span->any ? span->hi : 1};
    if (s.hi - s.lo < 1e-5 * (1 + fabs(s.hi))) { /* one value: some room on both sides */
        double room = s.hi == 0 ? 0.5 : 0.5 * fabs(s.hi);
        s.lo -= room;
        s.hi += room;
    }
    double raw = (s.hi - s.lo) / 5, power = pow(10, floor(log10(raw))), part = raw / power;
    double step = power * (part <= 1.001 ? 1 : part <= 2.001 ? 2 : part <= 5.001 ? 5 : 10);
    double first = floor(s.lo / step + 1e-9), last = ceil(s.hi / step - 1e-9);
    s.lo = first * step;
    s.hi = last * step;
    for (double k = first; k <= last + 0.5 && s.n_ticks < sizeof s.tick / sizeof s.tick[0]; k++)
        s.tick[s.n_ticks++] = k * step;
    s.decimals = step >= 1 ? 0 : (int)ceil(-log10(step) - 1e-9);
    return s;
}

double as_scale_at(const as_scale *s, double x)
{
    double at = 100 * (x - s->lo) / (s->hi - s->lo);
    return at < 0 ? 0 : at > 100 ? 100 : at;
}

/* --- frame ----------------------------------------------------------------------------------- */

static void put_title(as_buf *b, const char *title, const char *of)
{
    as_html_put(b, title);
    if (!of || !*of) return;
    as_buf_puts(b, ": ");
    as_html_put(b, of);
}

void as_figure_open(as_buf *b, size_t number, const char *title, const char *of, const char *class)
{
    as_buf_printf(b, "<figure id=\"figure-%zu\">\n<h3><span class=\"no\">Figure %zu.</span> ",
                  number, number);
    put_title(b, title, of);
    as_buf_printf(b, "</h3>\n<div class=\"figure\">\n<div class=\"%s\">", class);
}

void as_svg_open(as_buf *b, size_t number, const char *title, const char *of, double height)
{
    as_buf_printf(
        b,
        "<svg role=\"img\" width=\"100%%\" height=\"%.0f\" aria-labelledby=\"figure-%zu-t\""
        " aria-describedby=\"figure-%zu-d\"><title id=\"figure-%zu-t\">",
        height, number, number, number);
    put_title(b, title, of);
    as_buf_printf(b, "</title><desc id=\"figure-%zu-d\">", number);
}

void as_svg_described(as_buf *b)
{
    as_buf_puts(b, "</desc>\n");
}

void as_svg_close(as_buf *b)
{
    as_buf_puts(b, "</svg>");
}

void as_figure_caption(as_buf *b, const char *caption)
{
    as_buf_puts(b, "</div>\n<figcaption><p>");
    as_html_put(b, caption);
    as_buf_puts(b, "</p>\n");
}

void as_figure_table(as_buf *b, size_t n_rows)
{
    as_buf_printf(b,
                  "</figcaption></div>\n<details><summary>The figure as a table (%zu row%s)"
                  "</summary>\n<div class=\"scroll\" tabindex=\"0\"><table class=\"data\">\n",
                  n_rows, n_rows == 1 ? "" : "s");
}

void as_figure_close(as_buf *b)
{
    as_buf_puts(b, "</table></div></details>\n</figure>\n");
}

/* --- marks ----------------------------------------------------------------------------------- */

void as_mark_put(as_buf *b, size_t series, double x, double y)
{
    as_buf_printf(b, "<use href=\"#m%zu\" class=\"m%zu\" x=\"%.2f%%\" y=\"%.1f\"/>",
                  series % AS_N_SHAPES, series % AS_N_SHAPES, x, y);
}

void as_upright_put(as_buf *b, const char *class, double x, double y0, double y1)
{
    as_buf_printf(b, "<line class=\"%s\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%.1f\" y2=\"%.1f\"/>",
                  class, x, x, y0, y1);
}

void as_level_put(as_buf *b, const char *class, double x0, double x1, double y)
{
    as_buf_printf(b, "<line class=\"%s\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%.1f\" y2=\"%.1f\"/>",
                  class, x0, x1, y, y);
}

void as_rect_put(as_buf *b, const char *class, double x0, double x1, double y, double height)
{
    as_buf_printf(b,
                  "<rect class=\"%s\" x=\"%.2f%%\" y=\"%.1f\" width=\"%.2f%%\" height=\"%.1f\"/>",
                  class, x0, y, x1 - x0, height);
}

void as_legend_open(as_buf *b)
{
    as_buf_puts(b, "<ul class=\"key\">\n");
}

static void put_sample(as_buf *b, const char *kind)
{
    as_buf_puts(b, "<svg width=\"30\" height=\"14\" aria-hidden=\"true\">");
    if (kind[0] == 'm' && kind[1] >= '0' && kind[1] <= '3' && !kind[2])
        as_mark_put(b, (size_t)(kind[1] - '0'), 50, 7);
    else if (strcmp(kind, "null") == 0)
        as_buf_puts(b, "<rect class=\"null\" x=\"0\" y=\"1\" width=\"30\" height=\"12\"/>"
                       "<line class=\"mid\" x1=\"15\" x2=\"15\" y1=\"1\" y2=\"13\"/>");
    else if (strcmp(kind, "bar") == 0)
        as_buf_puts(b, "<rect class=\"track\" x=\"0\" y=\"1\" width=\"30\" height=\"12\"/>"
                       "<rect class=\"bar\" x=\"0\" y=\"1\" width=\"16\" height=\"12\"/>");
    else if (strcmp(kind, "points") == 0)
        as_buf_puts(b, "<circle class=\"dot\" cx=\"6\" cy=\"7\" r=\"3.5\"/><circle class=\"dot\" "
                       "cx=\"14\" cy=\"7\" r=\"3.5\"/><circle class=\"dot\" cx=\"24\" cy=\"7\" "
                       "r=\"3.5\"/>");
    else if (strcmp(kind, "also") == 0)
        as_buf_puts(b, "<circle class=\"also\" cx=\"15\" cy=\"7\" r=\"4.5\"/>");
    else if (strcmp(kind, "interval") == 0)
        as_buf_puts(b, "<path class=\"whisker\" d=\"M3 7H27M3 3V11M27 3V11\"/>");
    else if (strcmp(kind, "ref") == 0)
        as_buf_puts(b, "<line class=\"ref\" x1=\"15\" x2=\"15\" y1=\"0\" y2=\"14\"/>");
    else
        as_buf_printf(b, "<line class=\"%s\" x1=\"15\" x2=\"15\" y1=\"0\" y2=\"14\"/>",
                      strcmp(kind, "margin") == 0 ? "margin" : "gate");
    as_buf_puts(b, "</svg>");
}

void as_legend_item(as_buf *b, const char *kind, const char *text)
{
    if (!text) return;
    as_buf_puts(b, "<li>");
    put_sample(b, kind);
    as_buf_puts(b, "<span>");
    as_html_put(b, text);
    as_buf_puts(b, "</span></li>\n");
}

void as_legend_close(as_buf *b)
{
    as_buf_puts(b, "</ul>\n");
}

void as_axis_put(as_buf *b, const as_scale *s, const char *axis, double y0, double y1)
{
    char text[AS_HTML_NUMBER];
    for (size_t i = 0; i < s->n_ticks; i++) {
        double x = as_scale_at(s, s->tick[i]);
        as_upright_put(b, "grid", x, y0, y1);
        as_buf_printf(b, "<text class=\"tick\" x=\"%.2f%%\" y=\"%.1f\">%s</text>\n", x, y1 + 16,
                      as_html_fixed(s->tick[i], s->decimals, text));
    }
    as_buf_printf(b,
                  "<line class=\"axis\" x1=\"0\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>"
                  "<text class=\"axis-name\" x=\"50%%\" y=\"%.1f\">",
                  y1, y1, y1 + 36);
    as_html_put(b, axis);
    as_buf_puts(b, "</text>\n");
}

/* --- a statistic in cells -------------------------------------------------------------------- */

static double of_part(const json_t *stat, const char *part, const char *key)
{
    return as_html_number_of(json_object_get(stat, part), key);
}

void as_stat_head(as_buf *b)
{
    as_buf_puts(b, "<th scope=\"col\" class=\"num\">estimate</th>"
                   "<th scope=\"col\">interval</th>"
                   "<th scope=\"col\" class=\"num\">n</th>"
                   "<th scope=\"col\" class=\"num\">missing</th>"
                   "<th scope=\"col\" class=\"num\"><i>p</i></th>"
                   "<th scope=\"col\">null</th>");
}

void as_page_interval(as_buf *b, const json_t *stat)
{
    char lo[AS_HTML_NUMBER], hi[AS_HTML_NUMBER];
    if (!json_is_object(json_object_get(stat, "interval"))) {
        as_buf_puts(b, "\u2013");
        return;
    }
    as_buf_printf(b, "<span class=\"nb\">%s to %s</span>",
                  as_html_number(of_part(stat, "interval", "lo"), false, lo),
                  as_html_number(of_part(stat, "interval", "hi"), false, hi));
}

static void put_interval_cell(as_buf *b, const json_t *stat)
{
    const json_t *interval = json_object_get(stat, "interval");
    double level = as_html_number_of(interval, "level");
    as_buf_puts(b, "<td>");
    as_page_interval(b, stat);
    if (json_is_object(interval)) {
        as_buf_puts(b, "<br><small>");
        if (isfinite(level)) as_buf_printf(b, "%.4g\u00a0%%, ", 100 * level);
        as_html_put(b, as_html_text_of(interval, "method"));
        as_buf_puts(b, "</small>");
    }
    as_buf_puts(b, "</td>");
}

static void put_null_cell(as_buf *b, const json_t *stat)
{
    char text[4][AS_HTML_NUMBER];
    const json_t *null = json_object_get(stat, "null");
    if (!json_is_object(null)) {
        as_buf_puts(b, "<td>\u2013</td>");
        return;
    }
    as_buf_puts(b, "<td>");
    if (isfinite(as_html_number_of(null, "median")))
        as_buf_printf(b,
                      "<span class=\"nb\">%s (%s to %s)</span><br><small>median, 5 to "
                      "95\u00a0%%; ",
                      as_html_number(as_html_number_of(null, "median"), false, text[0]),
                      as_html_number(as_html_number_of(null, "q05"), false, text[1]),
                      as_html_number(as_html_number_of(null, "q95"), false, text[2]));
    else
        as_buf_puts(b, "<small>");
    as_html_put(b, as_html_text_of(null, "kind"));
    as_buf_printf(b, ", %s draws</small></td>",
                  as_html_number(as_html_number_of(null, "draws"), true, text[3]));
}

void as_stat_cells(as_buf *b, const json_t *stat, bool is_whole)
{
    char text[4][AS_HTML_NUMBER];
    as_buf_printf(b, "<td class=\"num\">%s</td>",
                  as_html_number(as_html_number_of(stat, "estimate"), is_whole, text[0]));
    put_interval_cell(b, stat);
    as_buf_printf(b, "<td class=\"num\">%s</td><td class=\"num\">%s</td><td class=\"num\">%s</td>",
                  as_html_number(as_html_number_of(stat, "n"), true, text[1]),
                  as_html_number(as_html_number_of(stat, "missing"), true, text[2]),
                  as_html_p(as_html_number_of(stat, "p"), text[3]));
    put_null_cell(b, stat);
}

/* --- the chart of lines ---------------------------------------------------------------------- */

enum { group_height = 26, line_height = 36, mark_at = 25 };

/* Columns of a label on a narrow and on a wide page; a label that is longer is written twice, and
 * the style sheet shows the one that fits. */
enum { short_label = 30, long_label = 58, short_group = 36, long_group = 80 };

static bool starts_group(const as_lines *f, size_t i)
{
    const char *group = f->line[i].group;
    return group && (!i || !f->line[i - 1].group || strcmp(group, f->line[i - 1].group) != 0);
}

static double height_of(const as_lines *f)
{
    double y = 0;
    for (size_t i = 0; i < f->n_lines; i++)
        y += line_height + (starts_group(f, i) ? group_height : 0);
    return y;
}

static as_scale scale_of(const as_lines *f)
{
    as_span span = {0};
    if (f->is_share) {
        as_span_add(&span, 0);
        as_span_add(&span, 1);
    }
    for (size_t i = 0; i < f->n_references; i++) as_span_add(&span, f->reference[i]);
    for (size_t i = 0; i < f->n_lines; i++) {
        const as_line *l = &f->line[i];
        as_span_add(&span, as_html_number_of(l->stat, "estimate"));
        as_span_add(&span, of_part(l->stat, "interval", "lo"));
        as_span_add(&span, of_part(l->stat, "interval", "hi"));
        as_span_add(&span, of_part(l->stat, "null", "q05"));
        as_span_add(&span, of_part(l->stat, "null", "q95"));
        as_span_add(&span, l->gate);
        as_span_add(&span, l->also);
        for (size_t k = 0; k < l->n_margins; k++) {
            as_span_add(&span, l->margin[k]);
            as_span_add(&span, -l->margin[k]);
        }
        for (size_t k = 0; k < json_array_size(l->points); k++)
            as_span_add(&span, as_html_number_in(json_array_get(l->points, k)));
    }
    return as_scale_of(&span);
}

static void put_upright(as_buf *b, const as_scale *s, const char *class, double x, double y0,
                        double y1)
{
    if (isfinite(x)) as_upright_put(b, class, as_scale_at(s, x), y0, y1);
}

static void put_interval(as_buf *b, const as_scale *s, const as_line *l, double y)
{
    double lo = of_part(l->stat, "interval", "lo"), hi = of_part(l->stat, "interval", "hi");
    if (!isfinite(lo) || !isfinite(hi)) return;
    as_buf_printf(b, "<g class=\"%s%zu\">", l->is_bar ? "whisker w" : "w", l->series % AS_N_SHAPES);
    as_level_put(b, "reach", as_scale_at(s, lo), as_scale_at(s, hi), y);
    put_upright(b, s, "cap", lo, y - 4, y + 4);
    put_upright(b, s, "cap", hi, y - 4, y + 4);
    as_buf_puts(b, "</g>");
}

static void put_null(as_buf *b, const as_scale *s, const as_line *l, double y)
{
    double lo = of_part(l->stat, "null", "q05"), hi = of_part(l->stat, "null", "q95");
    if (!isfinite(lo) || !isfinite(hi) || !(lo <= hi)) return;
    as_rect_put(b, "null", as_scale_at(s, lo), as_scale_at(s, hi), y - 7, 14);
    put_upright(b, s, "mid", of_part(l->stat, "null", "median"), y - 7, y + 7);
}

static void put_marks(as_buf *b, const as_scale *s, const as_line *l, double y)
{
    double x = as_html_number_of(l->stat, "estimate");
    put_null(b, s, l, y);
    if (l->is_bar) as_rect_put(b, "track", 0, 100, y - 6, 12);
    if (l->is_bar && isfinite(x))
        as_rect_put(b, l->series ? "bar b1" : "bar", as_scale_at(s, 0), as_scale_at(s, x), y - 6,
                    12);
    for (size_t k = 0; k < l->n_margins; k++) {
        put_upright(b, s, "margin", l->margin[k], y - 11, y + 11);
        put_upright(b, s, "margin", -l->margin[k], y - 11, y + 11);
    }
    put_upright(b, s, "gate", l->gate, y - 11, y + 11);
    for (size_t k = 0; k < json_array_size(l->points) && k < 2000; k++) {
        double at = as_scale_at(s, as_html_number_in(json_array_get(l->points, k)));
        if (isfinite(at))
            as_buf_printf(b, "<circle class=\"dot\" cx=\"%.2f%%\" cy=\"%.1f\" r=\"3.5\"/>", at, y);
    }
    if (!l->points) put_interval(b, s, l, y); /* the dots show the range themselves */
    if (isfinite(l->also))
        as_buf_printf(b, "<circle class=\"also\" cx=\"%.2f%%\" cy=\"%.1f\" r=\"4.5\"/>",
                      as_scale_at(s, l->also), y);
    if (isfinite(x) && !l->is_bar) as_mark_put(b, l->series, as_scale_at(s, x), y);
}

static void put_estimate(as_buf *b, const as_line *l)
{
    char text[3][AS_HTML_NUMBER];
    double lo = of_part(l->stat, "interval", "lo"), hi = of_part(l->stat, "interval", "hi");
    as_buf_puts(b, as_html_number(as_html_number_of(l->stat, "estimate"), l->is_whole, text[0]));
    if (isfinite(lo) && isfinite(hi))
        as_buf_printf(b, " (%s to %s)", as_html_number(lo, false, text[1]),
                      as_html_number(hi, false, text[2]));
}

static void put_words(as_buf *b, const char *text, size_t narrow, size_t wide)
{
    if (as_html_width(text) <= narrow) {
        as_html_put(b, text);
        return;
    }
    as_buf_puts(b, "<tspan class=\"narrow\">");
    as_html_put_cut(b, text, narrow);
    as_buf_puts(b, "</tspan><tspan class=\"broad\">");
    as_html_put_cut(b, text, wide);
    as_buf_puts(b, "</tspan>");
}

static void put_label(as_buf *b, const as_line *l, double y)
{
    char n[AS_HTML_NUMBER];
    double size = as_html_number_of(l->stat, "n");
    as_buf_printf(b, "<text x=\"0\" y=\"%.1f\">", y);
    put_words(b, l->label, short_label, long_label);
    if (isfinite(size))
        as_buf_printf(b, "<tspan class=\"n\" dx=\"6\">n = %s</tspan>",
                      as_html_number(size, true, n));
    as_buf_printf(b, "</text><text class=\"value\" x=\"100%%\" y=\"%.1f\">", y);
    put_estimate(b, l);
    as_buf_puts(b, "</text>\n");
}

static void describe(as_buf *b, const as_lines *f)
{
    for (size_t i = 0; i < f->n_lines && i < 60; i++) {
        const as_line *l = &f->line[i];
        if (starts_group(f, i)) {
            as_html_put_cut(b, l->group, 120);
            as_buf_puts(b, ". ");
        }
        as_html_put_cut(b, l->label, 80);
        as_buf_puts(b, ": ");
        put_estimate(b, l);
        as_buf_puts(b, i + 1 < f->n_lines ? "; " : ".");
    }
    if (f->n_lines > 60) as_buf_printf(b, "%zu lines in all; see the table.", f->n_lines);
}

static void put_legend(as_buf *b, const as_lines *f)
{
    static const char *const kind[AS_N_SHAPES] = {"m0", "m1", "m2", "m3"};
    as_legend_open(b);
    for (size_t i = 0; i < AS_N_SHAPES; i++) as_legend_item(b, kind[i], f->series[i]);
    as_legend_item(b, "bar", f->bar);
    as_legend_item(b, "interval", f->interval);
    as_legend_item(b, "also", f->also);
    as_legend_item(b, "points", f->points);
    as_legend_item(b, "null", f->null);
    as_legend_item(b, "gate", f->gate);
    as_legend_item(b, "margin", f->margin);
    as_legend_close(b);
}

static void put_table(as_buf *b, const as_lines *f)
{
    char text[AS_HTML_NUMBER];
    as_figure_table(b, f->n_lines);
    as_buf_puts(b, "<thead><tr><th scope=\"col\">measured by</th><th scope=\"col\">of</th>");
    as_stat_head(b);
    if (f->gate) as_buf_puts(b, "<th scope=\"col\" class=\"num\">gate</th>");
    if (f->also) as_buf_puts(b, "<th scope=\"col\" class=\"num\">both bars</th>");
    as_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < f->n_lines; i++) {
        const as_line *l = &f->line[i];
        as_buf_puts(b, "<tr><th scope=\"row\">");
        as_html_put(b, l->check);
        as_buf_puts(b, "</th><td>");
        bool is_named = l->group && strcmp(l->group, l->check) != 0; /* by more than its check */
        bool is_labelled = strcmp(l->label, l->check) != 0 || !is_named;
        if (is_named) as_html_put(b, l->group);
        if (is_named && is_labelled) as_buf_puts(b, ", ");
        if (is_labelled) as_html_put(b, l->label);
        as_buf_puts(b, "</td>");
        as_stat_cells(b, l->stat, l->is_whole);
        if (f->gate)
            as_buf_printf(b, "<td class=\"num\">%s</td>", as_html_number(l->gate, false, text));
        if (f->also)
            as_buf_printf(b, "<td class=\"num\">%s</td>", as_html_number(l->also, false, text));
        as_buf_puts(b, "</tr>\n");
    }
    as_buf_puts(b, "</tbody>");
    as_figure_close(b);
}

void as_lines_put(as_buf *b, size_t number, const as_lines *f)
{
    double height = height_of(f), y = 0;
    as_scale s = scale_of(f);
    as_figure_open(b, number, f->title, f->of, "plot");
    as_svg_open(b, number, f->title, f->of, height + 46);
    describe(b, f);
    as_svg_described(b);
    as_axis_put(b, &s, f->axis, 0, height);
    for (size_t i = 0; i < f->n_references; i++)
        put_upright(b, &s, "ref", f->reference[i], 0, height);
    for (size_t i = 0; i < f->n_lines; i++, y += line_height) {
        const as_line *l = &f->line[i];
        if (starts_group(f, i)) {
            as_buf_printf(b, "<text class=\"group\" x=\"0\" y=\"%.1f\">", y + 18);
            put_words(b, l->group, short_group, long_group);
            as_buf_puts(b, "</text>\n");
            y += group_height;
        }
        put_marks(b, &s, l, y + mark_at);
        put_label(b, l, y + 13);
    }
    as_svg_close(b);
    as_figure_caption(b, f->caption);
    put_legend(b, f);
    put_table(b, f);
}
