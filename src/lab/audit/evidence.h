/* What a re-audit may look at: tables of items with named columns, as the plan declares them and
 * the store holds them. Filled by lab/experiment; checks only read. Everything is borrowed from the
 * arena of the run. */
#ifndef AS_LAB_AUDIT_EVIDENCE_H
#define AS_LAB_AUDIT_EVIDENCE_H

#include "base/hash.h"
#include "base/tree.h"

typedef enum { AS_COLUMN_NUMBER, AS_COLUMN_TEXT, AS_COLUMN_MATRIX } as_column_kind;

typedef struct as_table as_table;

/* n values, one an item. A missing value is NaN or NULL and has its reason; present ones have none.
 */
typedef struct {
    const char *name;
    const as_table *table;
    as_column_kind kind;
    size_t n, n_missing;
    const double *number;    /* (n) AS_COLUMN_NUMBER; truth values are 0 and 1 */
    const char *const *text; /* (n) AS_COLUMN_TEXT, UTF-8 */
    const char *const *why;  /* (n) reason of a missing value; NULL when none is missing */
    const float *matrix;     /* (n, dim) row-major, AS_COLUMN_MATRIX; never missing */
    size_t dim;
} as_column;

/* One named fact about how a table was made ("token_budget" -> "512"). */
typedef struct {
    const char *name, *value;
} as_fact;

struct as_table {
    const char *name, *about;
    const char
        *absent;  /* why the table is not there ("FILE is not in the folder"); NULL when it is */
    size_t n;     /* items after `where` */
    size_t n_all; /* items before it */
    const uint64_t *position; /* (n) place of each item in the file */
    const as_column *column;
    size_t n_columns;
    const as_fact *fact;
    size_t n_facts;
    as_key digest; /* of the keys of the rows the table was loaded from */
};

/* NULL when there is none. */
const as_column *as_column_find(const as_table *t, const char *name);
const char *as_fact_find(const as_table *t, const char *name);

#endif
