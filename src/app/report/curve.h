/* Curves over the steps of a run: lines through known values, wide as their column (chart.h),
 * readable at every step by pointing at it, without script. */
#ifndef AS_APP_REPORT_CURVE_H
#define AS_APP_REPORT_CURVE_H

#include "app/report/chart.h"

/* Points drawn of one line at most, and the first count at which they get marks no more. */
enum { AS_CURVE_POINTS = 400, AS_CURVE_MARKS = 61, AS_CURVE_LINES = 2 };

typedef struct {
    const char *name;    /* our own words, for legend and reading */
    const double *value; /* n; NaN: not known at that step, and the line goes past it */
} as_curve_line;

typedef struct {
    const char *title, *caption; /* our own words */
    const char *axis;            /* of the values, with the unit */
    const uint64_t *step;        /* n, ascending */
    size_t n;
    as_curve_line line[AS_CURVE_LINES];
    size_t n_lines;
    bool is_share; /* the axis runs from 0 to 1 */
    bool has_zero; /* 0 is on the axis, and drawn */
} as_curve;

/* Which points of a line are drawn: all known ones up to AS_CURVE_POINTS; of more, the first, the
 * last, and of each run of *bucket known points the least and the greatest. Sets bits `bit` of
 * drawn (n, ORed) and returns how many points were chosen; *known how many there are. */
size_t as_curve_thin(const double *value, size_t n, unsigned char *drawn, unsigned char bit,
                     size_t *known, size_t *bucket);

/* The whole figure. Nothing when no line has a value; returns whether there was one. Values are
 * shown as they are; out of memory fails the buffer. */
bool as_curve_put(as_buf *b, size_t number, const as_curve *f);

#endif
