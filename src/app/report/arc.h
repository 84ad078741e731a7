/* What the three arcs of a page share: finding arms and checks, cells with a number and what a
 * check says of its change, the table of changes. */
#ifndef AS_APP_REPORT_ARC_H
#define AS_APP_REPORT_ARC_H

#include "app/report/page.h"
#include "app/report/panel.h"

/* How much of the page the arcs may take together; what has no room is said, and in the JSON. */
enum { AS_ARC_BYTES = 900 * 1024 };

/* The arm of a step in the report; NULL when the store has none. */
const json_t *as_arc_arm(const as_page *p, const char *step, const char *arm);
const json_t *as_arc_stat(const as_page *p, const char *step, const char *arm, const char *measure);
const json_t *as_arc_step(const as_page *p, const char *id);
/* The check with that id; NULL. */
const json_t *as_arc_check(const as_page *p, const char *id);
/* The statistic that an entry of "changes" names; NULL. */
const json_t *as_arc_change(const as_page *p, const json_t *change);

/* The measures of an arm that the arcs show, in their order. */
typedef struct {
    const char *name, *head;
    double lo, hi; /* what the axis holds at least; equal: its values */
    bool has_zero;
} as_arc_measure;
extern const as_arc_measure as_arc_measures[];
enum { AS_ARC_MEASURES = 10 };

/* "<td>0.42<br>0.36 to 0.48", or "not measured". */
void as_arc_cell(as_buf *b, const json_t *stat);
/* A link to a check, by the words given or by its id. */
void as_arc_link(const as_page *p, const char *check, const char *words);
/* The smallest effect that the check could have seen: "0.05 (power 0.8, n = 193 items)", with what
 * was assumed when is_whole; nothing when the store does not say. Returns whether it does. */
bool as_arc_power(as_buf *b, const json_t *check, bool is_whole);
/* Folded: everything that checks measured of these arms against the base. */
void as_arc_changes(const as_page *p, const json_t *arc);
/* "Family <code>first</code>: ..." in a heading; the family "" is left out. */
void as_arc_title(as_buf *b, const json_t *arc, const char *words, const char *step);
/* Opens a figure of panels, "panels" or "panels two"; the end of one whose table stands open beside
 * it, after its caption. */
void as_arc_panels_open(as_page *p, const char *title, const char *of, const char *class);
void as_arc_panels_close(as_buf *b);

#endif
