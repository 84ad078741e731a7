/* The figures with two dimensions: rows on two principal components, counts in two by two cells,
 * asymmetry by dose. */
#include "app/report/page.h"

#include <math.h>

enum { points_drawn = 4000, points_listed = 500, plane_height = 360 };

/* --- a plane --------------------------------------------------------------------------------- */

typedef struct {
    as_scale x, y;
    double height;
} plane;

static double down(const plane *f, double y)
{
    return f->height * (1 - as_scale_at(&f->y, y) / 100);
}

static void put_axes(as_buf *b, const plane *f, const char *x_name)
{
    char text[AS_HTML_NUMBER];
    for (size_t i = 0; i < f->y.n_ticks; i++) {
        double y = down(f, f->y.tick[i]);
        as_level_put(b, "grid", 0, 100, y);
        as_buf_printf(b, "<text class=\"level\" x=\"-8\" y=\"%.1f\">%s</text>\n", y + 4,
                      as_html_fixed(f->y.tick[i], f->y.decimals, text));
    }
    as_axis_put(b, &f->x, x_name, 0, f->height);
}

/* The name of the level axis stands above the plot, where it needs no turned letters. */
static void put_level_name(as_buf *b, const char *name)
{
    as_buf_puts(b, "<p class=\"level-name\">\u2191 ");
    as_html_put(b, name);
    as_buf_puts(b, "</p>");
}

/* --- principal components -------------------------------------------------------------------- */

typedef struct {
    const json_t *x, *y, *label;
    size_t n;
} cloud;

static bool cloud_of(const json_t *check, cloud *c)
{
    const json_t *detail = json_object_get(as_check_stat(check, "scores", NULL), "detail");
    c->x = json_object_get(detail, "pc1");
    c->y = json_object_get(detail, "pc2");
    c->label = json_object_get(detail, "label");
    c->n = json_array_size(c->x);
    if (json_array_size(c->y) < c->n) c->n = json_array_size(c->y);
    return c->n > 0;
}

/* Series of a row: 0 for label 1, 1 for label 0, 3 without label. */
static size_t series_of(const cloud *c, size_t i)
{
    double label = as_html_number_in(json_array_get(c->label, i));
    return label == 1 ? 0 : label == 0 ? 1 : 3;
}

static void component_name(const json_t *check, const char *of, const char *name, char out[96])
{
    char text[AS_HTML_NUMBER];
    double share = as_html_number_of(as_check_stat(check, "explained_variance", of), "estimate");
    if (isfinite(share))
        snprintf(out, 96, "%s component (%s %% of variance)", name,
                 as_html_fixed(100 * share, 1, text));
    else
        snprintf(out, 96, "%s component", name);
}

static void put_cloud(as_buf *b, const plane *f, const cloud *c)
{
    for (size_t i = 0; i < c->n && i < points_drawn; i++) {
        double x = as_html_number_in(json_array_get(c->x, i));
        double y = as_html_number_in(json_array_get(c->y, i));
        size_t s = series_of(c, i);
        if (isfinite(x) && isfinite(y))
            as_buf_printf(b, "<use href=\"#p%zu\" class=\"m%zu\" x=\"%.2f%%\" y=\"%.1f\"/>\n", s, s,
                          as_scale_at(&f->x, x), down(f, y));
    }
}

static void put_cloud_table(as_buf *b, const cloud *c)
{
    char text[2][AS_HTML_NUMBER];
    as_figure_table(b, c->n < points_listed ? c->n : points_listed);
    if (c->n > points_listed)
        as_buf_printf(b, "<caption>the first %d of %zu rows</caption>", points_listed, c->n);
    as_buf_puts(b, "<thead><tr><th scope=\"col\" class=\"num\">row</th><th scope=\"col\" "
                   "class=\"num\">first</th><th scope=\"col\" class=\"num\">second</th><th "
                   "scope=\"col\" class=\"num\">label</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < c->n && i < points_listed; i++) {
        as_buf_printf(b,
                      "<tr><th scope=\"row\" class=\"num\">%zu</th><td class=\"num\">%s</td><td "
                      "class=\"num\">%s</td><td "
                      "class=\"num\">",
                      i, as_html_number(as_html_number_in(json_array_get(c->x, i)), false, text[0]),
                      as_html_number(as_html_number_in(json_array_get(c->y, i)), false, text[1]));
        as_html_value(b, json_array_get(c->label, i));
        as_buf_puts(b, "</td></tr>\n");
    }
    as_buf_puts(b, "</tbody>");
    as_figure_close(b);
}

static void put_cloud_legend(as_buf *b, const cloud *c)
{
    size_t n[AS_N_SHAPES] = {0};
    char text[64];
    for (size_t i = 0; i < c->n; i++) n[series_of(c, i)]++;
    as_legend_open(b);
    snprintf(text, sizeof text, "label 1, n = %zu", n[0]);
    if (n[0]) as_legend_item(b, "m0", text);
    snprintf(text, sizeof text, "label 0, n = %zu", n[1]);
    if (n[1]) as_legend_item(b, "m1", text);
    snprintf(text, sizeof text, "no label, n = %zu", n[3]);
    if (n[3]) as_legend_item(b, "m3", text);
    as_legend_close(b);
}

static void put_principal(as_page *p, const json_t *check, const cloud *c)
{
    static const char title[] = "Hidden states on two principal components";
    as_buf *b = p->b;
    as_span x = {0}, y = {0};
    char name[2][96];
    size_t number = ++p->n_figures;
    for (size_t i = 0; i < c->n; i++) {
        as_span_add(&x, as_html_number_in(json_array_get(c->x, i)));
        as_span_add(&y, as_html_number_in(json_array_get(c->y, i)));
    }
    plane f = {as_scale_of(&x), as_scale_of(&y), plane_height};
    component_name(check, "PC1", "first", name[0]);
    component_name(check, "PC2", "second", name[1]);
    as_figure_open(b, number, title, as_check_title(check), "plot plane");
    put_level_name(b, name[1]);
    as_svg_open(b, number, title, as_check_title(check), f.height + 46);
    as_buf_printf(b, "%zu rows as points; across: ", c->n);
    as_html_put(b, name[0]);
    as_buf_puts(b, "; up: ");
    as_html_put(b, name[1]);
    as_buf_puts(b, ". The table lists them.");
    as_svg_described(b);
    put_axes(b, &f, name[0]);
    put_cloud(b, &f, c);
    as_svg_close(b);
    as_figure_caption(b,
                      "Each point is one row; where the two labels lie mixed, these two directions "
                      "do not tell them apart.");
    as_buf_printf(b, "<p class=\"note\">n = %zu rows%s.</p>\n", c->n,
                  c->n > points_drawn ? ", of which the first 4000 are drawn" : "");
    put_cloud_legend(b, c);
    put_cloud_table(b, c);
}

void as_page_principal(as_page *p)
{
    for (size_t i = 0; i < json_array_size(p->checks); i++) {
        const json_t *check = json_array_get(p->checks, i);
        cloud c;
        if (as_check_is(check, "pca") && cloud_of(check, &c)) put_principal(p, check, &c);
    }
}

/* --- two by two ------------------------------------------------------------------------------ */

static const char *const cell_name[] = {"cr", "cw", "hr", "hw"}; /* in reading order */

static double count_of(const json_t *check, size_t cell)
{
    return as_html_number_of(as_check_stat(check, "cell", cell_name[cell]), "estimate");
}

static void put_rate(as_buf *b, const json_t *check, const char *name, const char *words)
{
    char text[2][AS_HTML_NUMBER];
    const json_t *stat = as_check_stat(check, name, NULL);
    if (!stat) return;
    as_buf_printf(b, "<dt>%s</dt><dd>%s (", words,
                  as_html_number(as_html_number_of(stat, "estimate"), false, text[0]));
    as_page_interval(b, stat);
    as_buf_printf(b, "), n = %s</dd>", as_html_number(as_html_number_of(stat, "n"), true, text[1]));
}

static void put_cell(as_buf *b, const json_t *check, size_t cell, double most)
{
    char text[AS_HTML_NUMBER];
    double n = count_of(check, cell), x = cell % 2 ? 190 : 74, y = cell / 2 ? 78 : 22;
    as_buf_printf(b,
                  "<rect class=\"cell\" x=\"%.0f\" y=\"%.0f\" width=\"112\" height=\"52\" "
                  "fill-opacity=\"%.3f\"/><text class=\"count\" x=\"%.0f\" y=\"%.0f\">%s</text>",
                  x, y, n > 0 && most > 0 ? 0.04 + 0.36 * n / most : 0.0, x + 56, y + 33,
                  as_html_number(n, true, text));
}

void as_cells_put(as_buf *b, const char *title, const json_t *check)
{
    double most = 0;
    char text[4][AS_HTML_NUMBER];
    for (size_t i = 0; i < 4; i++) most = fmax(most, count_of(check, i));
    as_buf_puts(b, "<div class=\"panel\"><h4>");
    as_html_put(b, title);
    as_buf_puts(b, "</h4>\n<svg role=\"img\" width=\"304\" height=\"132\" aria-label=\"");
    as_html_put(b, title);
    as_buf_printf(b,
                  ": asserted and right %s, asserted and wrong %s, hedged and right %s, hedged and "
                  "wrong %s\">",
                  as_html_number(count_of(check, 0), true, text[0]),
                  as_html_number(count_of(check, 1), true, text[1]),
                  as_html_number(count_of(check, 2), true, text[2]),
                  as_html_number(count_of(check, 3), true, text[3]));
    as_buf_puts(b, "<text class=\"tick\" x=\"130\" y=\"14\">right</text><text class=\"tick\" "
                   "x=\"246\" y=\"14\">wrong</text><text class=\"level\" x=\"66\" y=\"52\">asserted"
                   "</text><text class=\"level\" x=\"66\" y=\"108\">hedged</text>");
    for (size_t i = 0; i < 4; i++) put_cell(b, check, i, most);
    as_buf_puts(b, "</svg>\n");
}

static void put_panel(as_buf *b, const json_t *check)
{
    as_cells_put(b, as_check_title(check), check);
    as_buf_puts(b, "<dl class=\"rates\">");
    put_rate(b, check, "p_assert_correct", "asserted when right");
    put_rate(b, check, "p_assert_wrong", "asserted when wrong");
    put_rate(b, check, "asym", "asymmetry");
    as_buf_puts(b, "</dl></div>\n");
}

static void put_cells_row(as_buf *b, const json_t *check)
{
    static const char *const rates[] = {"accuracy", "assertion_rate", "p_assert_correct",
                                        "p_assert_wrong", "asym"};
    char text[AS_HTML_NUMBER];
    as_buf_puts(b, "<tr><th scope=\"row\">");
    as_html_put(b, as_check_title(check));
    as_buf_puts(b, "</th>");
    for (size_t i = 0; i < 4; i++)
        as_buf_printf(b, "<td class=\"num\">%s</td>",
                      as_html_number(count_of(check, i), true, text));
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        const json_t *stat = as_check_stat(check, rates[i], NULL);
        as_buf_printf(b, "<td class=\"num\">%s<br><small>",
                      as_html_number(as_html_number_of(stat, "estimate"), false, text));
        as_page_interval(b, stat);
        as_buf_puts(b, "</small></td>");
    }
    as_buf_printf(b, "<td class=\"num\">%s</td>",
                  as_html_p(as_html_number_of(as_check_stat(check, "asym", NULL), "p"), text));
    as_buf_puts(b, "</tr>\n");
}

static void put_cells_table(as_page *p, size_t n)
{
    static const char *const heads[] = {
        "asserted, right", "asserted, wrong", "hedged, right",       "hedged, wrong",
        "accuracy",        "assertion rate",  "asserted when right", "asserted when wrong",
        "asymmetry",       "p of asymmetry"};
    as_figure_table(p->b, n);
    as_buf_puts(p->b, "<thead><tr><th scope=\"col\">measured by</th>");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        as_buf_printf(p->b, "<th scope=\"col\" class=\"num\">%s</th>", heads[i]);
    as_buf_puts(p->b, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < json_array_size(p->checks); i++)
        if (as_check_is(json_array_get(p->checks, i), "cells"))
            put_cells_row(p->b, json_array_get(p->checks, i));
    as_buf_puts(p->b, "</tbody>");
    as_figure_close(p->b);
}

static bool is_counted(const json_t *check)
{
    return as_check_is(check, "cells") && as_check_stat(check, "cell", NULL);
}

void as_page_cells(as_page *p)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(p->checks); i++)
        n += is_counted(json_array_get(p->checks, i));
    if (!n) return;
    as_figure_open(p->b, ++p->n_figures, "Right or wrong, asserted or hedged", NULL, "panels");
    for (size_t i = 0; i < json_array_size(p->checks); i++)
        if (is_counted(json_array_get(p->checks, i))) put_panel(p->b, json_array_get(p->checks, i));
    as_figure_caption(p->b,
                      "Counts of answers, tinted more where there are more; the rates below each "
                      "table stand with their intervals, and asymmetry is the second rate less "
                      "the first.");
    put_cells_table(p, n);
}

/* --- doses ----------------------------------------------------------------------------------- */

static double dose_of(const json_t *stat)
{
    return as_html_number_of(json_object_get(stat, "detail"), "dose");
}

static bool has_dose(const json_t *stat)
{
    return (as_stat_is(stat, "asym") || as_stat_is(stat, "replication_asym")) &&
           isfinite(dose_of(stat));
}

static void put_dose(as_buf *b, const plane *f, const json_t *stat, size_t series)
{
    const json_t *interval = json_object_get(stat, "interval");
    double lo = as_html_number_of(interval, "lo"), hi = as_html_number_of(interval, "hi");
    double x = as_scale_at(&f->x, dose_of(stat)), y = as_html_number_of(stat, "estimate");
    as_buf_printf(b, "<g class=\"w%zu\"%s>", series, series ? " transform=\"translate(9 0)\"" : "");
    if (isfinite(lo) && isfinite(hi)) {
        as_upright_put(b, "reach", x, down(f, lo), down(f, hi));
        as_buf_printf(b,
                      "<svg x=\"%.2f%%\" class=\"ends\"><line x1=\"-4\" x2=\"4\" y1=\"%.1f\" "
                      "y2=\"%.1f\"/><line x1=\"-4\" x2=\"4\" y1=\"%.1f\" y2=\"%.1f\"/></svg>",
                      x, down(f, lo), down(f, lo), down(f, hi), down(f, hi));
    }
    if (isfinite(y)) as_mark_put(b, series, x, down(f, y));
    as_buf_puts(b, "</g>\n");
}

static void put_doses_table(as_buf *b, const json_t *stats, size_t n)
{
    char text[2][AS_HTML_NUMBER];
    as_figure_table(b, n);
    as_buf_puts(b,
                "<thead><tr><th scope=\"col\">run</th><th scope=\"col\" class=\"num\">dose</th>");
    as_stat_head(b);
    as_buf_puts(b,
                "<th scope=\"col\" class=\"num\"><i>p</i> after Holm</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < json_array_size(stats); i++) {
        const json_t *stat = json_array_get(stats, i);
        if (!has_dose(stat)) continue;
        as_buf_printf(b, "<tr><th scope=\"row\">%s</th><td class=\"num\">%s</td>",
                      as_stat_is(stat, "asym") ? "main" : "replication",
                      as_html_number(dose_of(stat), true, text[0]));
        as_stat_cells(b, stat, false);
        as_buf_printf(
            b, "<td class=\"num\">%s</td></tr>\n",
            as_html_p(as_html_number_of(json_object_get(stat, "detail"), "p_holm"), text[1]));
    }
    as_buf_puts(b, "</tbody>");
    as_figure_close(b);
}

typedef struct {
    as_span x, y, n;
    size_t shown;
    bool replicated;
} dose_range;

static dose_range range_of(const json_t *stats)
{
    dose_range r = {0};
    as_span_add(&r.y, 0);
    for (size_t i = 0; i < json_array_size(stats); i++) {
        const json_t *stat = json_array_get(stats, i);
        const json_t *interval = json_object_get(stat, "interval");
        if (!has_dose(stat)) continue;
        r.shown++;
        r.replicated = r.replicated || as_stat_is(stat, "replication_asym");
        as_span_add(&r.x, dose_of(stat));
        as_span_add(&r.y, as_html_number_of(stat, "estimate"));
        as_span_add(&r.y, as_html_number_of(interval, "lo"));
        as_span_add(&r.y, as_html_number_of(interval, "hi"));
        as_span_add(&r.n, as_html_number_of(stat, "n"));
    }
    double room = r.x.any ? 0.06 * (r.x.hi - r.x.lo) : 0; /* the outer marks stand inside */
    as_span_add(&r.x, r.x.lo - room);
    as_span_add(&r.x, r.x.hi + room);
    return r;
}

static void put_doses(as_page *p, const json_t *check, const dose_range *r)
{
    static const char title[] = "Dose and response";
    const json_t *stats = json_object_get(check, "statistics");
    char n[2][AS_HTML_NUMBER], text[3][AS_HTML_NUMBER];
    as_buf *b = p->b;
    size_t number = ++p->n_figures;
    plane f = {as_scale_of(&r->x), as_scale_of(&r->y), 280};
    as_figure_open(b, number, title, as_check_title(check), "plot plane");
    put_level_name(b, "asymmetry, P(assert | wrong) \u2212 P(assert | right)");
    as_svg_open(b, number, title, as_check_title(check), f.height + 46);
    for (size_t i = 0; i < json_array_size(stats); i++) {
        const json_t *stat = json_array_get(stats, i);
        if (!has_dose(stat)) continue;
        as_buf_printf(b, "dose %s%s: %s; ", as_html_number(dose_of(stat), true, text[0]),
                      as_stat_is(stat, "asym") ? "" : " again",
                      as_html_number(as_html_number_of(stat, "estimate"), false, text[1]));
    }
    as_svg_described(b);
    put_axes(b, &f, "dose");
    as_level_put(b, "ref", 0, 100, down(&f, 0));
    for (size_t i = 0; i < json_array_size(stats); i++)
        if (has_dose(json_array_get(stats, i)))
            put_dose(b, &f, json_array_get(stats, i),
                     as_stat_is(json_array_get(stats, i), "asym") ? 0 : 1);
    as_svg_close(b);
    as_figure_caption(b,
                      "Asymmetry at each dose with its interval; a finding must stay clear of zero "
                      "after correction for the number of doses, and come back when repeated.");
    as_buf_printf(b, "<p class=\"note\">n = %s%s%s answers for each mark.</p>\n",
                  as_html_number(r->n.lo, true, n[0]), r->n.lo < r->n.hi ? " to " : "",
                  r->n.lo < r->n.hi ? as_html_number(r->n.hi, true, n[1]) : "");
    as_legend_open(b);
    as_legend_item(b, "m0", "main run");
    as_legend_item(b, "m1", r->replicated ? "replication" : NULL);
    as_legend_item(b, "interval", "interval (level in the table)");
    as_legend_close(b);
    put_doses_table(b, stats, r->shown);
}

void as_page_doses(as_page *p)
{
    for (size_t i = 0; i < json_array_size(p->checks); i++) {
        const json_t *check = json_array_get(p->checks, i);
        if (!as_check_is(check, "dose-response")) continue;
        dose_range r = range_of(json_object_get(check, "statistics"));
        if (r.shown) put_doses(p, check, &r);
    }
}
