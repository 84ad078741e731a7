/* What the checks of arms that answered the same items share: columns of several tables joined into
 * rows, the unit that is drawn (an item, or a cluster of items), and the two effects that more than
 * one of these checks looks at: the mean change between two arms, and the change of the assertion
 * asymmetry. */
#ifndef AS_LAB_AUDIT_ARMS_INTERNAL_H
#define AS_LAB_AUDIT_ARMS_INTERNAL_H

#include "lab/audit/audit.h"
#include "lab/audit/outcome_internal.h"

/* Fewer correct, or fewer wrong, items of an arm say nothing of its asymmetry. */
#define AS_ARMS_MIN_CELL 10
/* A bootstrap over fewer units is too narrow to decide anything. */
#define AS_ARMS_MIN_UNITS 10

/* The parameters as_arms_read looks at besides those a check asks for. */
#define AS_ARMS_PARAMS                                                                             \
    {"cluster", AS_PARAM_COLUMN, "", "what items belong together (one prompt, many samples)",      \
     NULL},                                                                                        \
    {                                                                                              \
        "keys", AS_PARAM_COLUMNS, "",                                                              \
            "key of each item, one column a table; without keys rows are matched in order", NULL   \
    }

/* --- rows ----------------------------------------------------------------------------------------
 */

typedef enum {
    AS_ARMS_NUMBER,
    AS_ARMS_BINARY,  /* 0 or 1 */
    AS_ARMS_ASSERTS, /* 0 or 1, or "hedge" or "assert" */
    AS_ARMS_CUT      /* a finish reason: 1 for "length", 0 for any other */
} as_arms_kind;

typedef struct {
    const char *param; /* of one column or several; one that is not given is passed over */
    as_arms_kind kind;
} as_arms_want;

/* Items that have a value in every column asked for, in the order of the first column's table. */
typedef struct {
    size_t n, missing;
    size_t n_columns;
    const char *const *param; /* (n_columns) which parameter a column came by */
    const char *const *label; /* (n_columns) "TABLE.COLUMN" */
    const double *const *x;   /* (n_columns)(n) */
    bool is_clustered;
    size_t n_units;        /* clusters, or items */
    const size_t *unit;    /* (n) the unit of each item */
    const double *of_unit; /* (n_units) items of each unit */
} as_arms;

/* Joins the columns of the parameters (and `cluster`) by `keys`, or row by row when there are none.
 * Tables of unequal length, a key that is missing, doubled or without its counterpart, a column
 * listed twice under one parameter, and a value that is not of its kind are errors. */
AS_MUST_CHECK bool as_arms_read(as_audit *a, const as_arms_want *want, size_t n_want, as_arms *out,
                                as_error *err);

/* Place in x of column i of a parameter that was read (AS_CHECK). */
size_t as_arms_place(const as_arms *m, const char *param, size_t i);
const double *as_arms_values(const as_arms *m, const char *param, size_t i);

/* --- drawing -------------------------------------------------------------------------------------
 */

/* A statistic of the units index[0..n-1], repeats allowed; rng is for whatever else is drawn. A
 * function of its arguments alone, called from several threads at once. NaN: undefined. */
typedef double as_arms_stat(const void *ctx, const size_t *index, size_t n, as_rng *rng);

/* Percentile intervals of one set of draws. Nothing varies among the draws, or fewer than two
 * units: se is 0 or NaN and the intervals are NaN, for that is no proof of certainty. */
typedef struct {
    double se;
    as_interval wide;   /* AS_LEVEL */
    as_interval narrow; /* 1 - 2 alpha */
    size_t n_undefined;
} as_arms_spread;

/* Draws n_units units with replacement, for the statistic NAME [OF]. */
AS_MUST_CHECK bool as_arms_bootstrap(as_audit *a, const char *name, const char *of, size_t n_units,
                                     as_arms_stat *stat, const void *ctx, as_arms_spread *out,
                                     as_error *err);

/* --- effects -------------------------------------------------------------------------------------
 */

/* Emits the mean of y - x over items: percentile bootstrap and sign flips, both over units. detail
 * {se, units, mean_a, mean_b, narrow_lo, narrow_hi, narrow_level, moved_up, moved_down, unchanged}.
 * NULL on failure. */
AS_MUST_CHECK as_statistic *as_arms_change(as_audit *a, const char *name, const char *of,
                                           const char *heading, const as_arms *m, const double *x,
                                           const double *y, as_error *err);

/* Emits, from the columns correct_a, asserts_a, correct_b, asserts_b: `cell` [a cr] .. [b hw]
 * (counts), `asym` [a] and [b], `smallest_cell` (of the correct and the wrong items of each arm)
 * and `asym_change`, b - a, with a percentile bootstrap over units, p by exchanging the arms of
 * units, detail {se, units, narrow_lo, narrow_hi, narrow_level, undefined}. heading: of
 * docs/method.md. */
AS_MUST_CHECK bool as_arms_asymmetry(as_audit *a, const as_arms *m, const char *heading,
                                     as_error *err);

/* --- decisions -----------------------------------------------------------------------------------
 */

/* 1 for `expect` "positive", -1 for "negative". */
double as_arms_sign(const as_audit *a);

/* A statistic seen in the expected direction: near is the bound of its 95 % interval that speaks
 * least for it, far the one that speaks most; NaN without an interval. */
typedef struct {
    double estimate, near, far;
} as_arms_view;
as_arms_view as_arms_toward(const as_statistic *s, double sign);

/* Enough units, and variation among them, for the interval of s to decide. */
bool as_arms_can_decide(const as_statistic *s);

/* The leaf when no item has every value: unknown, "under-powered". */
AS_MUST_CHECK bool as_arms_empty_leaf(const as_audit *a, as_leaf *leaf, const as_statistic *s,
                                      as_error *err);

/* "0.010 to 0.030", "undefined". Returns out. */
#define AS_ARMS_RANGE_SIZE 64
const char *as_arms_range(double lo, double hi, char out[AS_ARMS_RANGE_SIZE]);

/* p <= alpha and the 95 % interval excludes 0. */
bool as_arms_is_significant(const as_audit *a, const as_statistic *s);

/* The 1 - 2 alpha interval lies strictly inside -+margin. */
bool as_arms_is_within(const as_statistic *s, double margin);

/* The share of units that may change although none of n did, with confidence 1 - alpha:
 * 1 - alpha^(1/n). Clopper & Pearson 1934, Biometrika 26:404-413, at none of n. */
double as_arms_unseen(const as_audit *a, double n);
/* No unit of a change changed, and so few might that the mean moves by less than bound, each by the
 * range of the scores at most. Such a change has no bootstrap interval. */
bool as_arms_is_still(const as_audit *a, const as_statistic *s, double bound);

/* The same of a change of the asymmetry that is 0 in every draw: each of its two rates might move
 * by as_arms_unseen of the smallest cell at most. */
bool as_arms_asym_is_still(const as_audit *a, const as_statistic *s, double cell, double bound);

#endif
