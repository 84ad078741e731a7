/* The heat map of attention heads: a cell for each, layer by layer, tinted by its effect. The sign
 * is in the text and in the hue, the size in the text and in the strength of the tint; heads that
 * were chosen have a bold frame, placebos a dashed one and the number of their draw. */
#include "app/report/heat.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { label_width = 62, head_height = 24, most_cells = 1200, wide_cells = 12, text_cells = 24 };

typedef struct {
    const as_heat *f;
    size_t *layer; /* n_layers, ascending: those that have heads */
    size_t n_layers, n_heads;
    double most; /* greatest |d| */
    int width, height;
} map;

static size_t whole(const json_t *o, const char *key)
{
    const double x = as_html_number_of(o, key);
    return x >= 0 && x < 1e6 ? (size_t)x : 0;
}

static int ascending(const void *a, const void *b)
{
    const size_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* False when there is nothing to draw, or too much; out of memory fails the buffer. */
static bool lay_out(map *m, as_buf *b)
{
    const size_t n = json_array_size(m->f->heads);
    as_error err = {0};
    if (!n || n > most_cells) return false;
    m->layer = as_new(n, sizeof *m->layer, &err);
    if (!m->layer) {
        b->failed = true;
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *head = json_array_get(m->f->heads, i);
        const double d = fabs(as_html_number_of(head, "d"));
        m->layer[i] = whole(head, "layer");
        if (whole(head, "head") + 1 > m->n_heads) m->n_heads = whole(head, "head") + 1;
        if (isfinite(d) && d > m->most) m->most = d;
    }
    qsort(m->layer, n, sizeof *m->layer, ascending);
    for (size_t i = 0; i < n; i++)
        if (!i || m->layer[i] != m->layer[m->n_layers - 1]) m->layer[m->n_layers++] = m->layer[i];
    m->width = m->n_heads <= wide_cells ? 58 : m->n_heads <= text_cells ? 42 : 14;
    m->height = m->n_heads <= text_cells ? 36 : 14;
    return m->n_heads <= 512;
}

static size_t row_of(const map *m, size_t layer)
{
    size_t i = 0;
    while (i + 1 < m->n_layers && m->layer[i] != layer) i++;
    return i;
}

/* --- which ones were chosen ------------------------------------------------------------------- */

bool as_heat_lists(const char *list, size_t layer, size_t head)
{
    char name[48];
    const int n = snprintf(name, sizeof name, "%zu.%zu", layer, head);
    for (const char *at = list; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : "")
        if (strncmp(at, name, (size_t)n) == 0 && (!at[n] || at[n] == ',')) return true;
    return false;
}

size_t as_heat_placebo(const json_t *placebos, size_t layer, size_t head)
{
    for (size_t i = 0; i < json_array_size(placebos); i++)
        if (as_heat_lists(json_string_value(json_array_get(placebos, i)), layer, head))
            return i + 1;
    return 0;
}

/* --- cells ------------------------------------------------------------------------------------ */

static void put_cell(as_buf *b, const map *m, const json_t *head)
{
    char text[AS_HTML_NUMBER];
    const size_t layer = whole(head, "layer"), k = whole(head, "head");
    const double d = as_html_number_of(head, "d");
    const bool chosen = as_heat_lists(m->f->top, layer, k);
    const size_t placebo = as_heat_placebo(m->f->placebos, layer, k);
    const int x = label_width + (int)k * m->width;
    const int y = head_height + (int)row_of(m, layer) * m->height;
    as_buf_printf(b, "<g><title>layer %zu, head %zu: d = %s", layer, k,
                  as_html_number(d, false, text));
    if (chosen) as_buf_puts(b, ", chosen");
    if (placebo) as_buf_printf(b, ", placebo %zu", placebo);
    as_buf_printf(b,
                  "</title><rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
                  "fill-opacity=\"%.3f\"/>",
                  d < 0 ? "below" : "above", x, y, m->width, m->height,
                  isfinite(d) && m->most > 0 ? 0.5 * fabs(d) / m->most : 0.0);
    if (chosen || placebo)
        as_buf_printf(b, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>",
                      chosen ? "chosen" : "drawn", x + 2, y + 2, m->width - 4, m->height - 4);
    if (m->n_heads <= text_cells)
        as_buf_printf(b, "<text class=\"cell-text\" x=\"%d\" y=\"%d\">%s</text>",
                      x + m->width / 2 - (placebo ? 4 : 0), y + m->height / 2 + 2,
                      isfinite(d) ? as_html_fixed(d, 2, text) : "\u2013");
    if (placebo && m->n_heads <= text_cells)
        as_buf_printf(b, "<text class=\"corner\" x=\"%d\" y=\"%d\">%zu</text>", x + m->width - 6,
                      y + m->height - 6, placebo);
    as_buf_puts(b, "</g>\n");
}

static void put_names(as_buf *b, const map *m)
{
    const size_t every = m->n_heads <= text_cells ? 1 : 4;
    for (size_t k = 0; k < m->n_heads; k += every)
        as_buf_printf(b, "<text class=\"tick\" x=\"%d\" y=\"16\">%s%zu</text>",
                      label_width + (int)k * m->width + m->width / 2,
                      m->n_heads <= wide_cells ? "head " : "", k);
    for (size_t i = 0; i < m->n_layers; i++)
        as_buf_printf(b, "<text class=\"level\" x=\"%d\" y=\"%d\">layer %zu</text>",
                      label_width - 8, head_height + (int)i * m->height + m->height / 2 + 4,
                      m->layer[i]);
    as_buf_puts(b, "\n");
}

/* --- legend and table ------------------------------------------------------------------------- */

static void put_legend(as_buf *b, const map *m)
{
    char text[2][AS_HTML_NUMBER];
    as_legend_open(b);
    as_buf_printf(b, "<li><svg width=\"132\" height=\"14\" aria-hidden=\"true\">");
    for (int i = 0; i < 9; i++)
        as_buf_printf(b,
                      "<rect class=\"%s\" x=\"%.1f\" y=\"0\" width=\"14.6\" height=\"14\" "
                      "fill-opacity=\"%.3f\"/>",
                      i < 4 ? "below" : "above", 14.6 * i, 0.5 * abs(i - 4) / 4.0);
    as_buf_printf(b, "</svg><span>d from %s to %s</span></li>\n",
                  as_html_fixed(-m->most, 2, text[0]), as_html_fixed(m->most, 2, text[1]));
    as_buf_puts(b,
                "<li><svg width=\"30\" height=\"16\" aria-hidden=\"true\"><rect class=\"chosen\" "
                "x=\"2\" y=\"2\" width=\"26\" height=\"12\"/></svg><span>chosen</span></li>\n");
    if (json_array_size(m->f->placebos))
        as_buf_puts(b, "<li><svg width=\"30\" height=\"16\" aria-hidden=\"true\"><rect "
                       "class=\"drawn\" x=\"2\" y=\"2\" width=\"26\" height=\"12\"/></svg><span>"
                       "drawn as a placebo, with its number</span></li>\n");
    as_legend_close(b);
}

static void put_table(as_buf *b, const map *m)
{
    char text[3][AS_HTML_NUMBER];
    const size_t n = json_array_size(m->f->heads);
    as_figure_table(b, n);
    as_buf_puts(b, "<thead><tr><th scope=\"col\" class=\"num\">layer</th><th scope=\"col\" "
                   "class=\"num\">head</th><th scope=\"col\" class=\"num\">d</th><th "
                   "scope=\"col\">used as</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < n; i++) {
        const json_t *head = json_array_get(m->f->heads, i);
        const size_t layer = whole(head, "layer"), k = whole(head, "head");
        const size_t placebo = as_heat_placebo(m->f->placebos, layer, k);
        as_buf_printf(b,
                      "<tr><th scope=\"row\" class=\"num\">%s</th><td class=\"num\">%s</td><td "
                      "class=\"num\">%s</td><td>",
                      as_html_number((double)layer, true, text[0]),
                      as_html_number((double)k, true, text[1]),
                      as_html_number(as_html_number_of(head, "d"), false, text[2]));
        if (as_heat_lists(m->f->top, layer, k))
            as_buf_puts(b, "chosen");
        else if (placebo)
            as_buf_printf(b, "placebo %zu", placebo);
        else
            as_buf_puts(b, "\u2013");
        as_buf_puts(b, "</td></tr>\n");
    }
    as_buf_puts(b, "</tbody>");
    as_figure_close(b);
}

bool as_heat_put(as_buf *b, size_t number, const as_heat *f)
{
    map m = {.f = f};
    char text[2][AS_HTML_NUMBER];
    const bool ok = lay_out(&m, b);
    if (ok) {
        const json_t *first = json_array_get(f->heads, 0);
        as_figure_open(b, number, f->title, f->of, "heat scroll\" tabindex=\"0");
        as_buf_printf(b, "<svg role=\"img\" width=\"%d\" height=\"%d\" aria-label=\"",
                      label_width + (int)m.n_heads * m.width + 2,
                      head_height + (int)m.n_layers * m.height + 2);
        as_html_put(b, f->title);
        as_buf_printf(b,
                      ": %zu heads in %zu layers, the strongest %zu.%zu with d = %s. The table "
                      "lists them.\">\n",
                      json_array_size(f->heads), m.n_layers, whole(first, "layer"),
                      whole(first, "head"),
                      as_html_number(as_html_number_of(first, "d"), false, text[0]));
        put_names(b, &m);
        for (size_t i = 0; i < json_array_size(f->heads); i++)
            put_cell(b, &m, json_array_get(f->heads, i));
        as_buf_puts(b, "</svg>");
        as_figure_caption(b, f->caption);
        put_legend(b, &m);
        put_table(b, &m);
    }
    free(m.layer);
    return ok;
}
