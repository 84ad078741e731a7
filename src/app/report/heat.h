/* A heat map of attention heads by layer and head. */
#ifndef AS_APP_REPORT_HEAT_H
#define AS_APP_REPORT_HEAT_H

#include "app/report/chart.h"

typedef struct {
    const char *title, *caption; /* our own words */
    const char *of;              /* foreign, after the title; or NULL */
    const json_t *heads;         /* list of {layer, head, d} */
    const char *top;             /* "LAYER.HEAD,LAYER.HEAD": those that were chosen; or NULL */
    const json_t *placebos;      /* list of such texts; or NULL */
} as_heat;

/* The whole figure with its table. Returns false, having written nothing, without heads, with more
 * than a page can show, or out of memory, which fails the buffer. */
bool as_heat_put(as_buf *b, size_t number, const as_heat *f);

/* Does "L.H,L.H" list that head? NULL lists none. */
bool as_heat_lists(const char *list, size_t layer, size_t head);
/* The first of the placebos that lists that head, from 1; 0: none. */
size_t as_heat_placebo(const json_t *placebos, size_t layer, size_t head);

#endif
