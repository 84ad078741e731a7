/* Charts as inline SVG with real text. Across, positions are percentages, so a chart is as wide as
 * its column while its text keeps its size; down, they are pixels. The page's style sheet gives
 * colours (classes m0..m3 for series); shapes differ too, so no meaning hangs on colour. */
#ifndef AS_APP_REPORT_CHART_H
#define AS_APP_REPORT_CHART_H

#include "app/report/text.h"

/* A number line with ticks on round values. */
typedef struct {
    double lo, hi;
    double tick[16];
    size_t n_ticks;
    int decimals;
} as_scale;

/* Growing range of what is to be shown; NaN and values beyond 1e12 are left out. */
typedef struct {
    double lo, hi;
    bool any;
} as_span;

void as_span_add(as_span *s, double x);
/* Round ends around the span and 3 to 8 ticks; 0 to 1 when the span is empty. */
as_scale as_scale_of(const as_span *s);
/* 0 at lo, 100 at hi, kept between; NaN for NaN. */
double as_scale_at(const as_scale *s, double x);

/* Series 0..3: disc, diamond, square, hollow circle. */
enum { AS_N_SHAPES = 4 };

/* One line of a chart of lines: label above, marks on a line of its own. */
typedef struct {
    const char *group; /* foreign heading, written where it differs from the line before; or NULL */
    const char *label; /* foreign; n is written after it when n_known */
    const char *check; /* foreign, for the table: which check measured this */
    const json_t *from; /* that check */
    const json_t *stat; /* a statistic of the report: estimate, interval, null, n, p; or NULL */
    size_t series;      /* shape and colour */
    double gate;        /* a bar across the line; NaN: none */
    double margin[4];   /* thin bars, with their mirror images; the first n_margins */
    size_t n_margins;
    double also;          /* a second value, hollow; NaN: none */
    const json_t *points; /* numbers drawn as dots, or NULL */
    bool is_bar;          /* filled from the low end to the estimate */
    bool is_whole;        /* estimate is a count */
} as_line;

typedef struct {
    const char *title, *caption; /* our own words */
    const char *of;              /* foreign, after the title; or NULL */
    const char *axis;            /* our own words, with the unit */
    double reference[2];         /* lines over the whole height */
    size_t n_references;
    bool is_share;                   /* the axis runs from 0 to 1 */
    const char *series[AS_N_SHAPES]; /* legend, foreign or ours; NULL: not in the legend */
    const char *gate, *margin, *null, *also, *points, *bar, *interval; /* legend, ours, or NULL */
    as_line *line;
    size_t n_lines;
} as_lines;

/* Frame of every figure: <figure> with heading, plot, caption and legend, data in <details>. The
 * number counts the figures of a page and makes the ids; `class` is the plot's. */
void as_figure_open(as_buf *b, size_t number, const char *title, const char *of, const char *class);
/* Opens <svg> with its accessible name; the caller writes the description, then calls
 * as_svg_described. */
void as_svg_open(as_buf *b, size_t number, const char *title, const char *of, double height);
void as_svg_described(as_buf *b);
void as_svg_close(as_buf *b);
/* Closes the plot, opens the caption; the caller adds legend items (as_legend_*) in between. */
void as_figure_caption(as_buf *b, const char *caption);
void as_figure_table(as_buf *b, size_t n_rows); /* closes the caption, opens details and table */
void as_figure_close(as_buf *b);

/* Legend. `kind` names the sample drawn: "m0".."m3", "gate", "margin", "null", "also", "points",
 * "bar", "ref". The text is escaped. */
void as_legend_open(as_buf *b);
void as_legend_item(as_buf *b, const char *kind, const char *text);
void as_legend_close(as_buf *b);

/* A mark of a series at x percent, y pixels. */
void as_mark_put(as_buf *b, size_t series, double x, double y);
/* An upright or level line, or a rectangle, of a class; x in percent, y in pixels. */
void as_upright_put(as_buf *b, const char *class, double x, double y0, double y1);
void as_level_put(as_buf *b, const char *class, double x0, double x1, double y);
void as_rect_put(as_buf *b, const char *class, double x0, double x1, double y, double height);
/* Ticks with grid lines from y0 down to y1, labels below, the axis in words below them. */
void as_axis_put(as_buf *b, const as_scale *s, const char *axis, double y0, double y1);

/* The whole figure of lines with its table. */
void as_lines_put(as_buf *b, size_t number, const as_lines *f);

/* Cells of the data tables: estimate, interval, level and method, n, missing, p, null. */
void as_stat_head(as_buf *b);
void as_stat_cells(as_buf *b, const json_t *stat, bool is_whole);
void as_page_interval(as_buf *b, const json_t *stat);

#endif
