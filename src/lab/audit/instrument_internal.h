/* What the checks of texts, labels, judges and instruments share among themselves. */
#ifndef AS_LAB_AUDIT_INSTRUMENT_INTERNAL_H
#define AS_LAB_AUDIT_INSTRUMENT_INTERNAL_H

#include "lab/audit/audit.h"

#define AS_INSTRUMENT_PARAMS_END                                                                   \
    {                                                                                              \
        NULL, AS_PARAM_TEXT, NULL, NULL, NULL                                                      \
    }

/* --- rows ------------------------------------------------------------------------------------ */

/* The rows at which one or two columns are both there. */
typedef struct {
    size_t n, n_missing;
    const size_t *row; /* (n) in arena memory */
} as_instrument_rows;

/* first and second name parameters whose columns are of kind; second may be NULL. */
AS_MUST_CHECK bool as_instrument_rows_of(as_audit *a, const char *first, const char *second,
                                         as_column_kind kind, as_instrument_rows *out,
                                         as_error *err);
/* The values of a 0/1 column at those rows, in arena memory; another value is an error. */
AS_MUST_CHECK const int *as_instrument_labels(as_audit *a, const char *param,
                                              const as_instrument_rows *rows, as_error *err);
/* The values of a number column at those rows, in arena memory. */
AS_MUST_CHECK const double *as_instrument_numbers(as_audit *a, const char *param,
                                                  const as_instrument_rows *rows, as_error *err);

/* --- statistics ------------------------------------------------------------------------------ */

/* "table.column", in the arena. */
AS_MUST_CHECK const char *as_instrument_title(as_audit *a, const as_column *c, as_error *err);
/* "ID/WHAT", in the arena: names a stream of random numbers of this check alone. */
AS_MUST_CHECK const char *as_instrument_purpose(as_audit *a, const char *what, as_error *err);

/* --- leaves ---------------------------------------------------------------------------------- */

/* The detail of a statistic, parsed. Gives: json_decref. */
AS_MUST_CHECK json_t *as_instrument_detail(const as_audit *a, const as_statistic *s, as_error *err);

/* A list for a sentence: "a, b, c and 4 more". Start from {0}; as_buf_clear(&text) afterwards. */
typedef struct {
    as_buf text;
    size_t n;
} as_instrument_list;
void as_instrument_list_add(as_instrument_list *l, const char *item); /* escapes it */
/* The text; fails for memory only. Call once, after the last item. */
AS_MUST_CHECK const char *as_instrument_list_end(as_instrument_list *l, as_error *err);

#endif
