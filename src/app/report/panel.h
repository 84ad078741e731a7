/* Small multiples: panels of one size side by side, each a plot of its own with real text.
 * Positions are pixels, so a panel fits the narrowest page. Two kinds: marks on a number line, row
 * by row, and lines over a plane. Every mark says its values when pointed at. */
#ifndef AS_APP_REPORT_PANEL_H
#define AS_APP_REPORT_PANEL_H

#include "app/report/chart.h"

/* --- marks by row ---------------------------------------------------------------------------- */

typedef struct {
    const char *row;    /* foreign; marks of the same row stand together, named once */
    const char *name;   /* foreign, for the title */
    const json_t *stat; /* estimate and interval; NULL: not measured */
    size_t series;      /* shape and colour */
} as_dot;

typedef struct {
    const char *title; /* our own words */
    const as_dot *dot; /* n_dots, those of a row in sequence */
    size_t n_dots;
    as_span span;       /* the axis holds this and all that is shown */
    const json_t *base; /* its estimate is drawn over the whole height; or NULL */
    bool has_zero;      /* a line at 0 */
} as_dots;

/* One panel, to stand in a figure of class "panels". */
void as_dots_put(as_buf *b, const as_dots *f);

/* --- lines over a plane ---------------------------------------------------------------------- */

enum { AS_TRACE_POINTS = 400, AS_TRACE_GREY = AS_N_SHAPES };

/* Points in the order of x. */
typedef struct {
    const char *name;              /* foreign, for titles */
    const double *x, *y, *lo, *hi; /* n; lo, hi NULL: no intervals */
    size_t n;
    size_t series;  /* or AS_TRACE_GREY */
    bool is_marked; /* every point has a mark with its title */
    double bare;    /* but the one at this x, which another line marks; NaN: every one */
} as_trace;

typedef struct {
    const char *title;  /* foreign */
    const char *x_axis; /* our own words */
    const char *of;     /* what x is called in titles, "λ" */
    const as_trace *trace;
    size_t n_traces;
    as_span x, y;       /* the axes hold these and all that is shown */
    const double *tick; /* n_ticks places of x to be named; NULL: round ones */
    size_t n_ticks;
    bool is_falling;     /* x from the greatest to the least */
    bool has_zero;       /* a line at y = 0 */
    double at;           /* an upright line at this x; NaN: none */
    double level;        /* a level line at this y; NaN: none */
    const as_dot *aside; /* marks that have no x, to the right of the plane */
    size_t n_aside;
} as_traces;

/* One panel, to stand in a figure of class "panels". Out of memory fails the buffer. */
void as_traces_put(as_buf *b, const as_traces *f);

#endif
