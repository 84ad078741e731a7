/* A run as one object, assay.report/1, made of what the store holds and nothing else; and the page
 * made of that object. Fields: docs/formats.md. */
#ifndef AS_APP_REPORT_REPORT_H
#define AS_APP_REPORT_REPORT_H

#include "lab/store/store.h"

/* The report of a design. `time` is the RFC 3339 text to put in, borrowed. Gives: json_decref. */
AS_MUST_CHECK json_t *as_report_json(as_store *store, const as_design *design, const char *time,
                                     as_error *err);

/* The page: one HTML file without outside resources, readable without script, appended to out. The
 * report object is borrowed. Computes no number that the report does not hold. */
AS_MUST_CHECK bool as_report_html(const json_t *report, as_buf *out, as_error *err);

/* One run of training as one object, assay.training/1, made of what the store holds: the rows, and
 * of each measure the first, last, least and greatest value. Gives: json_decref. */
AS_MUST_CHECK json_t *as_training_json(as_store *store, const as_training *training,
                                       const char *time, as_error *err);

/* Its page, like that of a report. The object is borrowed. */
AS_MUST_CHECK bool as_training_html(const json_t *report, as_buf *out, as_error *err);

#endif
