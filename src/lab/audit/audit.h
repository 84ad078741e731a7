/* A check is one way a claim could be false. It has a table of parameters, `measure`, which turns
 * evidence into statistics, and `decide`, a pure function of those statistics and the parameters.
 * `decide` must give the same leaf when the statistics come back from the store years later, so
 * whatever it needs is in a statistic.
 *
 * New check: one file lab/audit/NAME.c with a `const as_check as_check_NAME`, one row in
 * checks[] (audit.c), one entry in docs/method.md, one test. */
#ifndef AS_LAB_AUDIT_H
#define AS_LAB_AUDIT_H

#include "base/pool.h"
#include "lab/audit/evidence.h"
#include "lab/record.h"
#include "lab/stats/interval.h"

/* --- parameters ------------------------------------------------------------------------------ */

/* Wherever a plan writes a scalar, "@TABLE.FACT" stands for a fact of one of its tables. */
typedef enum {
    AS_PARAM_COLUMN,  /* table.column */
    AS_PARAM_COLUMNS, /* list of them */
    AS_PARAM_TABLES,  /* list of tables */
    AS_PARAM_NUMBER,  /* 0.5, 1/2, -1e-3 */
    AS_PARAM_NUMBERS, /* list of them */
    AS_PARAM_SIZE,    /* digits */
    AS_PARAM_TEXT,
    AS_PARAM_TEXTS,  /* list */
    AS_PARAM_FLAG,   /* true or false */
    AS_PARAM_CHOICE, /* one of `choices` */
    AS_PARAM_MAP,    /* name: text */
    AS_PARAM_CHECK   /* id of an earlier check, whose statistics may be read */
} as_param_type;

typedef struct {
    const char *name;
    as_param_type type;
    const char *fallback; /* as written in a plan, list items separated by blanks; NULL: required;
                             "": optional, no value */
    const char *help;
    const char *choices; /* "a|b|c" for AS_PARAM_CHOICE; "LO to HI", inclusive, for numbers and
                            sizes that have a range; else NULL */
} as_param;

typedef struct {
    bool given; /* in the plan or by a non-empty fallback */
    const as_column *const *column;
    const as_table *const *table;
    const double *number;
    const char *const *text;
    const char *const *name;               /* keys of a map */
    size_t n;                              /* how many of column, table, number, text */
    const as_statistic *const *statistics; /* AS_PARAM_CHECK: those of that check */
} as_arg;

/* --- a check at work ----------------------------------------------------------------------------
 */

typedef struct as_check as_check;

typedef struct {
    const as_check *check;
    const char *id;     /* in the plan */
    const as_arg *args; /* one for each row of check->params */
    as_arena *arena;    /* everything a statistic or leaf points to goes here */
    as_pool *pool;
    uint64_t seed;
    size_t permutations;        /* draws of every permutation or Monte Carlo null */
    size_t bootstrap;           /* bootstrap draws */
    size_t cv_repeats;          /* fold seeds of repeated cross-validation */
    double alpha;               /* 0.05 unless the plan says otherwise */
    const as_statistic **stats; /* what was measured, in order */
    size_t n_stats, room;
} as_audit;

typedef enum {
    AS_HOLDS,   /* what the check tests for is there (an effect), or clean (an instrument) */
    AS_FAILS,   /* shown not to be */
    AS_UNKNOWN, /* the evidence does not tell: under-powered or missing */
    AS_SHOWN    /* a description; decides nothing */
} as_outcome;

typedef struct {
    as_outcome outcome;
    const char *cause;    /* short and fixed ("truncation", "under-powered"), "" when it holds */
    const char *sentence; /* what was found, with its numbers; one or two sentences */
} as_leaf;

struct as_check {
    const char *name;
    const char *summary;    /* one line for `assay list checks` */
    const char *catches;    /* the false positive it is there for */
    const as_param *params; /* ends with a row whose name is NULL */
    bool (*measure)(as_audit *a, as_error *err);
    bool (*decide)(const as_audit *a, as_leaf *leaf, as_error *err);
};

/* The registry, in the order of `assay list checks`. */
const as_check *const *as_checks(size_t *n);
const as_check *as_check_find(const char *name);

/* --- for the conductor
 * ----------------------------------------------------------------------------- */

/* What the arguments of a check may point to. */
typedef struct {
    const as_table *table;
    size_t n_tables;
    const as_audit *done; /* earlier checks, measured; one that is absent has n_stats 0 */
    size_t n_done;
} as_scope;

/* Reads a check's entry in the plan ({check: NAME, about: ..., effect: ..., PARAM: ...}) into one
 * as_arg for each row of check->params, in the arena; effect, where it is no parameter, is the
 * conductor's. When it points to a table (or an earlier check) that is absent, *absent says why and
 * args are incomplete: such a check is not measured. Errors are AS_EUSAGE with the place in the
 * plan. */
AS_MUST_CHECK bool as_args_bind(const as_check *check, const as_tree *entry, const as_scope *scope,
                                as_arena *arena, const as_arg **args, const char **absent,
                                as_error *err);

/* The parameters in force, {PARAM: text, list or mapping}: those of the entry, and the fallbacks.
 * Gives: json_decref. */
AS_MUST_CHECK json_t *as_args_json(const as_check *check, const as_tree *entry, as_error *err);

/* --- for the checks ------------------------------------------------------------------------------
 */

/* The argument of a parameter; an unknown name is our bug (AS_CHECK). Never NULL; look at ->given.
 */
const as_arg *as_arg_of(const as_audit *a, const char *name);
double as_arg_number(const as_audit *a, const char *name);
size_t as_arg_size(const as_audit *a, const char *name);
bool as_arg_flag(const as_audit *a, const char *name);
const char *as_arg_text(const as_audit *a, const char *name);        /* also choices */
const as_column *as_arg_column(const as_audit *a, const char *name); /* NULL when not given */

/* Appends a statistic named name (of: "" or which variant), with everything unknown (NaN, NULL),
 * check, inputs and detail "{}" filled in. `method` ends in the heading of docs/method.md in
 * brackets: "mid-rank pair counts [AUC]". The pointer is good until the run ends. */
AS_MUST_CHECK as_statistic *as_emit(as_audit *a, const char *name, const char *of,
                                    const char *method, as_error *err);
/* Sets s->detail to the canonical text of object, and takes the reference (also on failure). A NULL
 * object is AS_EMEM. */
AS_MUST_CHECK bool as_emit_detail(as_audit *a, as_statistic *s, json_t *object, as_error *err);

#define AS_LEVEL 0.95 /* of intervals, unless a statistic says otherwise */

/* Sets the interval unless it is undefined; `method` is a literal. */
void as_stat_interval(as_statistic *s, as_interval interval, double level, const char *method);
/* n, missing, estimate = k/n and Wilson's interval; estimate and interval NaN when n is 0. */
void as_stat_share(as_statistic *s, size_t k, size_t n, size_t missing);

/* What was measured: NULL when there is none. `of` NULL matches any. */
const as_statistic *as_stat_find(const as_audit *a, const char *name, const char *of);
/* The same with `of` given; NULL with err set (AS_ESTATE) when it is not there. */
AS_MUST_CHECK const as_statistic *as_stat_need(const as_audit *a, const char *name, const char *of,
                                               as_error *err);
/* A number inside a statistic's detail by JSON pointer; NaN when absent or null. */
double as_stat_detail(const as_statistic *s, const char *pointer);

/* Fills the leaf; the sentence is formatted into the arena, begins with a capital and ends in a
 * full stop. */
AS_MUST_CHECK bool as_leaf_set(const as_audit *a, as_leaf *leaf, as_outcome outcome,
                               const char *cause, as_error *err, const char *fmt, ...)
    AS_PRINTF(6, 7);

/* "p = 0.020", "p = 3.1e-05", "p undefined". Returns out. */
#define AS_P_TEXT_SIZE 32
const char *as_p_text(double p, char out[AS_P_TEXT_SIZE]);

/* "C=0.1" for a number, in the arena. */
AS_MUST_CHECK const char *as_of_number(as_audit *a, const char *name, double x, as_error *err);

/* Fails with AS_EFORMAT "CHECK: PARAM: WHAT". */
bool as_audit_fail(const as_audit *a, const char *param, as_error *err, const char *fmt, ...)
    AS_PRINTF(4, 5);

/* Checks the kind of a column argument and that columns belong to tables of one length. */
AS_MUST_CHECK bool as_need_kind(const as_audit *a, const char *param, as_column_kind kind,
                                as_error *err);
AS_MUST_CHECK bool as_need_same_rows(const as_audit *a, const char *param, const char *other,
                                     as_error *err);

/* Is there no value at row i? Of vectors: a reading that the answer is too short for; its numbers
 * are NaN. */
bool as_column_lacks(const as_column *c, size_t i);
/* The rows at which none of the n columns is missing: indexes into arena memory. */
AS_MUST_CHECK bool as_complete_rows(as_audit *a, const as_column *const *columns, size_t n,
                                    const size_t **rows, size_t *n_rows, as_error *err);
/* The column at those rows alone, n_missing the rows left out; in the arena. */
AS_MUST_CHECK const as_column *as_column_at(as_audit *a, const as_column *c, const size_t *rows,
                                            size_t n_rows, as_error *err);

#endif
