/* What the tests of a study's report share. */
#ifndef REPORT_CASE_H
#define REPORT_CASE_H

#define STORE_IN_MEMORY
#include "store_rows.h"

#include "app/report/report.h"
#include "base/json.h"

static const char time_text[] = "2026-01-01T00:00:00Z";

/* With its page, when page is not NULL. json_decref. */
static inline json_t *report_of(as_store *s, const as_design *d, as_buf *page)
{
    json_t *report = as_report_json(s, d, time_text, &err);
    must(report != NULL);
    if (page) must(as_report_html(report, page, &err));
    return report;
}

/* How often the piece stands in the text. */
static inline size_t count(const char *text, const char *piece)
{
    size_t n = 0;
    for (text = strstr(text, piece); text; text = strstr(text + 1, piece)) n++;
    return n;
}

static inline const char *text_at(const json_t *o, const char *pointer)
{
    return json_string_value(as_json_at(o, pointer));
}

#endif
