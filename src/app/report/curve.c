/* Curves over steps: which points are drawn, the plane they are drawn on, and the columns that say
 * the values when pointed at. */
#include "app/report/curve.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* Lines are drawn in a box of this width that is stretched to the width of the column; strokes are
 * not (vector-effect), so text and marks stand outside of it. */
enum { box_width = 1000, plot_height = 220 };

/* --- points ---------------------------------------------------------------------------------- */

/* The least and the greatest of known points first..last, both marked. */
typedef struct {
    size_t least, greatest, n;
} bucket_ends;

static void close_bucket(bucket_ends *e, unsigned char *drawn, unsigned char bit)
{
    if (e->n) {
        drawn[e->least] |= bit;
        drawn[e->greatest] |= bit;
    }
    e->n = 0;
}

size_t as_curve_thin(const double *value, size_t n, unsigned char *drawn, unsigned char bit,
                     size_t *known, size_t *bucket)
{
    size_t first = n, last = n, count = 0;
    bucket_ends e = {0};
    *known = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(value[i])) continue;
        if (first == n) first = i;
        last = i;
        ++*known;
    }
    *bucket = 1;
    if (*known > AS_CURVE_POINTS) { /* two of each bucket, and both ends */
        size_t buckets = AS_CURVE_POINTS / 2 - 1;
        *bucket = (*known + buckets - 1) / buckets;
    }
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(value[i])) continue;
        if (!e.n || value[i] < value[e.least]) e.least = i;
        if (!e.n || value[i] > value[e.greatest]) e.greatest = i;
        if (++e.n == *bucket) close_bucket(&e, drawn, bit);
    }
    close_bucket(&e, drawn, bit);
    if (*known) {
        drawn[first] |= bit;
        drawn[last] |= bit;
    }
    for (size_t i = 0; i < n; i++) count += (drawn[i] & bit) != 0;
    return count;
}

/* --- the plane ------------------------------------------------------------------------------- */

typedef struct {
    const as_curve *f;
    unsigned char *drawn; /* n; bit k: line k has a point there */
    size_t n_drawn[AS_CURVE_LINES], known[AS_CURVE_LINES], bucket[AS_CURVE_LINES];
    as_scale x, y; /* y in units of 10^power */
    int power;
} plane;

/* Ticks on whole steps; the axis ends where the run does. */
static as_scale step_scale(double lo, double hi)
{
    as_scale s = {.lo = lo, .hi = hi > lo ? hi : lo + 1};
    double raw = (s.hi - s.lo) / 6, power = pow(10, floor(log10(raw < 1 ? 1 : raw)));
    double part = raw / power;
    double step = power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
    for (double k = ceil(s.lo / step);
         k * step <= s.hi && s.n_ticks < sizeof s.tick / sizeof s.tick[0]; k++)
        s.tick[s.n_ticks++] = k * step;
    return s;
}

static double scaled(const plane *p, double value)
{
    return value * pow(10, -p->power);
}

static void measure(plane *p)
{
    const as_curve *f = p->f;
    as_span span = {0};
    double most = 0;
    uint64_t first = f->step[0], last = f->step[f->n - 1];
    for (size_t k = 0; k < f->n_lines; k++)
        for (size_t i = 0; i < f->n; i++)
            if (isfinite(f->line[k].value[i])) most = fmax(most, fabs(f->line[k].value[i]));
    if (most > 0 && (most < 0.01 || most >= 1e5)) p->power = (int)floor(log10(most));
    for (size_t k = 0; k < f->n_lines; k++)
        for (size_t i = 0; i < f->n; i++)
            if (isfinite(f->line[k].value[i])) as_span_add(&span, scaled(p, f->line[k].value[i]));
    if (f->has_zero || f->is_share) as_span_add(&span, 0);
    if (f->is_share) as_span_add(&span, 1);
    p->x = step_scale((double)first, (double)last);
    p->y = as_scale_of(&span);
}

static double across(const plane *p, size_t i)
{
    return as_scale_at(&p->x, (double)p->f->step[i]);
}

static double down(const plane *p, double value)
{
    return plot_height * (1 - as_scale_at(&p->y, scaled(p, value)) / 100);
}

/* "learning rate, in 10⁻⁵" above the plot, where it needs no turned letters. */
static void put_level_name(as_buf *b, const plane *p)
{
    static const char *const digit[] = {"\u2070", "\u00b9", "\u00b2", "\u00b3", "\u2074",
                                        "\u2075", "\u2076", "\u2077", "\u2078", "\u2079"};
    char text[16];
    as_buf_puts(b, "<p class=\"level-name\">\u2191 ");
    as_html_put(b, p->f->axis);
    if (p->power) {
        as_buf_puts(b, p->power < 0 ? ", in 10\u207b" : ", in 10");
        (void)snprintf(text, sizeof text, "%d", abs(p->power));
        for (const char *c = text; *c; c++) as_buf_puts(b, digit[*c - '0']);
    }
    as_buf_puts(b, "</p>");
}

static void put_axes(as_buf *b, const plane *p)
{
    char text[AS_HTML_NUMBER];
    for (size_t i = 0; i < p->y.n_ticks; i++) {
        double y = plot_height * (1 - as_scale_at(&p->y, p->y.tick[i]) / 100);
        bool is_zero = p->f->has_zero && fabs(p->y.tick[i]) < 1e-9 * (p->y.hi - p->y.lo);
        as_level_put(b, is_zero ? "axis" : "grid", 0, 100, y);
        as_buf_printf(b, "<text class=\"level\" x=\"-8\" y=\"%.1f\">%s</text>\n", y + 4,
                      as_html_fixed(p->y.tick[i], p->y.decimals, text));
    }
    as_axis_put(b, &p->x, "step", 0, plot_height);
}

static void put_line(as_buf *b, const plane *p, size_t k)
{
    const as_curve *f = p->f;
    bool open = false;
    if (!p->n_drawn[k]) return;
    as_buf_printf(b, "<path class=\"run r%zu\" d=\"", k);
    for (size_t i = 0; i < f->n; i++) {
        if (!(p->drawn[i] & 1u << k)) continue;
        as_buf_printf(b, "%c%.2f %.2f", open ? 'L' : 'M', across(p, i) * (box_width / 100),
                      down(p, f->line[k].value[i]));
        open = true;
    }
    as_buf_puts(b, "\"/>\n");
}

static void put_marks(as_buf *b, const plane *p, size_t k)
{
    static const char *const mark[AS_CURVE_LINES] = {"p0", "p1"};
    if (p->n_drawn[k] >= AS_CURVE_MARKS) return;
    for (size_t i = 0; i < p->f->n; i++)
        if (p->drawn[i] & 1u << k)
            as_buf_printf(b, "<use href=\"#%s\" class=\"m%zu\" x=\"%.2f%%\" y=\"%.2f\"/>\n",
                          mark[k], k, across(p, i), down(p, p->f->line[k].value[i]));
}

/* A column for each step that has a point: as wide as half the way to its neighbours. Its title
 * says every line's value there. */
static void put_columns(as_buf *b, const plane *p)
{
    const as_curve *f = p->f;
    char text[32];
    double left = 0;
    for (size_t i = 0, next; i < f->n; i = next) {
        for (next = i + 1; next < f->n && !p->drawn[next];) next++;
        if (!p->drawn[i]) continue;
        double right = next < f->n ? (across(p, i) + across(p, next)) / 2 : 100;
        as_buf_printf(b,
                      "<rect class=\"col\" x=\"%.3f%%\" width=\"%.3f%%\" height=\"%d\"><title>step "
                      "%" PRIu64,
                      left, right - left, plot_height, f->step[i]);
        const char *mark = ": ";
        for (size_t k = 0; k < f->n_lines; k++) {
            if (!isfinite(f->line[k].value[i])) continue;
            as_buf_puts(b, mark);
            mark = "; ";
            as_html_put(b, f->line[k].name);
            as_buf_printf(b, " %s", as_double_text(f->line[k].value[i], text));
        }
        as_buf_puts(b, "</title></rect>\n");
        left = right;
    }
}

/* --- in words -------------------------------------------------------------------------------- */

static void describe(as_buf *b, const plane *p)
{
    const as_curve *f = p->f;
    char text[2][AS_HTML_NUMBER];
    for (size_t k = 0; k < f->n_lines; k++) {
        size_t first = 0, last = f->n - 1;
        if (!p->known[k]) continue;
        while (!isfinite(f->line[k].value[first])) first++;
        while (!isfinite(f->line[k].value[last])) last--;
        as_html_put(b, f->line[k].name);
        as_buf_printf(b, ": %s at step %" PRIu64 ", %s at step %" PRIu64 ". ",
                      as_html_number(f->line[k].value[first], false, text[0]), f->step[first],
                      as_html_number(f->line[k].value[last], false, text[1]), f->step[last]);
    }
}

static void put_caption(as_buf *b, const plane *p)
{
    const as_curve *f = p->f;
    as_figure_caption(b, f->caption);
    for (size_t k = 0; k < f->n_lines; k++) {
        if (p->bucket[k] == 1) continue;
        as_buf_puts(b, "<p>");
        as_html_put(b, f->line[k].name);
        as_buf_printf(b,
                      ": %zu of %zu values are drawn, the least and the greatest of every %zu.</p>"
                      "\n",
                      p->n_drawn[k], p->known[k], p->bucket[k]);
    }
}

static void put_legend(as_buf *b, const plane *p)
{
    if (p->f->n_lines < 2) return;
    as_legend_open(b);
    for (size_t k = 0; k < p->f->n_lines; k++) {
        if (!p->known[k]) continue;
        as_buf_printf(b,
                      "<li><svg width=\"36\" height=\"14\" aria-hidden=\"true\"><path class=\"run "
                      "r%zu\" d=\"M0 7H36\"/><use href=\"#p%zu\" class=\"m%zu\" x=\"18\" y=\"7\"/>"
                      "</svg><span>",
                      k, k, k);
        as_html_put(b, p->f->line[k].name);
        as_buf_puts(b, "</span></li>\n");
    }
    as_legend_close(b);
}

bool as_curve_put(as_buf *b, size_t number, const as_curve *f)
{
    as_error err = {0};
    plane p = {.f = f, .drawn = as_new(f->n + 1, 1, &err)};
    size_t known = 0;
    if (!p.drawn) b->failed = true;
    for (size_t k = 0; p.drawn && k < f->n_lines; k++) {
        p.n_drawn[k] = as_curve_thin(f->line[k].value, f->n, p.drawn, (unsigned char)(1u << k),
                                     &p.known[k], &p.bucket[k]);
        known += p.known[k];
    }
    if (known) {
        measure(&p);
        as_figure_open(b, number, f->title, NULL, "plot plane");
        put_level_name(b, &p);
        as_svg_open(b, number, f->title, NULL, plot_height + 46);
        describe(b, &p);
        as_svg_described(b);
        put_axes(b, &p);
        as_buf_printf(b,
                      "<svg width=\"100%%\" height=\"%d\" viewBox=\"0 0 %d %d\" "
                      "preserveAspectRatio=\"none\">\n",
                      plot_height, box_width, plot_height);
        for (size_t k = 0; k < f->n_lines; k++) put_line(b, &p, k);
        as_buf_puts(b, "</svg>\n");
        for (size_t k = 0; k < f->n_lines; k++) put_marks(b, &p, k);
        put_columns(b, &p);
        as_svg_close(b);
        put_caption(b, &p);
        put_legend(b, &p);
        as_buf_puts(b, "</figcaption></div>\n</figure>\n");
    }
    free(p.drawn);
    return known > 0;
}
