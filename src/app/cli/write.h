/* What the verbs that end in a report share. */
#ifndef AS_APP_CLI_WRITE_H
#define AS_APP_CLI_WRITE_H

#include "app/cli/command.h"
#include "app/report/report.h"

/* --threads, else ASSAY_THREADS, else 0 (all processors). */
AS_MUST_CHECK bool as_cli_threads(const as_cli *c, size_t *out, as_error *err);

/* The report of a design with the time of this run. Gives: json_decref. */
AS_MUST_CHECK json_t *as_cli_report(const as_cli *c, as_store *store, const as_design *design,
                                    as_error *err);

/* Writes a page and its object: the page, made by `html`, to path, and the object beside it (.json
 * for .html, or added). Nothing when path is NULL. */
typedef bool as_cli_page(const json_t *object, as_buf *out, as_error *err);
/* Asked before any work: may --report, when it is given, be written, and is neither of its files
 * `plan`? */
AS_MUST_CHECK bool as_cli_may_report(const as_cli *c, const char *plan, as_error *err);
AS_MUST_CHECK bool as_cli_write_page(const as_cli *c, const json_t *object, as_cli_page *html,
                                     const char *path, as_error *err);

/* The same shown: the page at --report and the object beside it
 * (.json for .html, or added), then the object (--json) or the claims with their verdicts on
 * stdout. Exit status; failure sets err. */
int as_cli_show(const as_cli *c, as_store *store, const as_design *design, as_error *err);

#endif
