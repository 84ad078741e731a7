/* What the checks of outcomes share: the four cells of correct by asserted, pairs of values matched
 * by key, groups of items, and the statistics that more than one of these checks emits. Pure
 * reading and reporting; the statistics themselves are lab/stats'. */
#ifndef AS_LAB_AUDIT_OUTCOME_INTERNAL_H
#define AS_LAB_AUDIT_OUTCOME_INTERNAL_H

#include "lab/audit/audit.h"
#include "lab/stats/interval.h"
#include "lab/stats/resample.h"

/* Cells given as counts are spread out into items for the bootstrap; more than this is refused. */
#define AS_OUTCOME_MAX_ITEMS ((size_t)10000000)

/* --- groups of items ----------------------------------------------------------------------------
 */

/* id (items) is the group of each item, in order of first appearance; name (n) its text, a number
 * in shortest form. n 0: nothing to group. Arena memory. */
typedef struct {
    size_t n;
    const size_t *id;
    const char *const *name;
} as_groups;

/* Groups column c (text or number) at rows (n_rows); rows NULL: the first n_rows. None of the
 * values may be missing. */
AS_MUST_CHECK bool as_outcome_groups(as_audit *a, const as_column *c, const size_t *rows,
                                     size_t n_rows, as_groups *out, as_error *err);

/* --- the four cells ------------------------------------------------------------------------------
 */

typedef enum { AS_CELL_CR, AS_CELL_HR, AS_CELL_CW, AS_CELL_HW } as_cell;

/* correct or wrong by asserted or hedged, for n items; `missing` had no label. */
typedef struct {
    size_t cr, hr, cw, hw;
    size_t n, missing;
    const unsigned char *cell; /* (n) as_cell of each item */
    as_groups cluster;         /* of each item; n 0 when there is none */
} as_outcomes;

/* The parameters as_outcome_read looks at, to stand first in a check's table. */
#define AS_OUTCOME_PARAMS                                                                          \
    {"correct", AS_PARAM_COLUMN, "", "1 where the item is correct, 0 where wrong", NULL},          \
        {"assert", AS_PARAM_COLUMN, "",                                                            \
         "1 or \"assert\" where asserted, 0 or \"hedge\" where not", NULL},                        \
        {"coverage", AS_PARAM_COLUMN, "", "share of required claims the item makes, 0 to 1",       \
         NULL},                                                                                    \
        {"cluster", AS_PARAM_COLUMN, "", "what items belong together (one prompt, many samples)",  \
         NULL},                                                                                    \
        {"cr", AS_PARAM_COLUMN, "", "count of correct and asserted, a one-row table", NULL},       \
        {"hr", AS_PARAM_COLUMN, "", "count of correct and hedged", NULL},                          \
        {"cw", AS_PARAM_COLUMN, "", "count of wrong and asserted", NULL},                          \
    {                                                                                              \
        "hw", AS_PARAM_COLUMN, "", "count of wrong and hedged", NULL                               \
    }

/* Reads the cells from `correct` and `assert`, or from the four counts; never from a mixture. */
AS_MUST_CHECK bool as_outcome_read(as_audit *a, as_outcomes *out, as_error *err);

/* A count at row i of the column given as `param`: a whole number from 0 on. */
AS_MUST_CHECK bool as_outcome_count_at(const as_audit *a, const char *param, size_t i, size_t *out,
                                       as_error *err);

/* --- pairs ---------------------------------------------------------------------------------------
 */

/* Complete pairs, in the order of a's rows. */
typedef struct {
    const double *a, *b; /* (n) */
    const size_t *row;   /* (n) row of a */
    size_t n, missing;   /* missing: pairs with a value missing on either side */
    const as_column *column_a, *column_b;
} as_pairs;

/* Pairs columns `a` and `b`: row by row, or, with has_keys and the parameters key_a and key_b
 * given, by equal key. A key that is missing, doubled or without its counterpart is an error. */
AS_MUST_CHECK bool as_outcome_pairs(as_audit *a, bool has_keys, as_pairs *out, as_error *err);

/* Every value present in column `param` is 0 or 1. */
AS_MUST_CHECK bool as_outcome_binary(const as_audit *a, const char *param, as_error *err);

/* Splits pairs by `group` (text or number), whose rows are those of a. out[g] are the pairs of
 * group g (arena, groups->n of them); pairs without a group are left out and counted in *ungrouped.
 */
AS_MUST_CHECK bool as_outcome_split(as_audit *a, const as_pairs *pairs, const as_column *group,
                                    as_groups *groups, const as_pairs **out, size_t *ungrouped,
                                    as_error *err);

/* --- statistics ----------------------------------------------------------------------------------
 */

typedef struct {
    const char *name;
    double value; /* NaN becomes null */
} as_named;

/* detail = {name: value, ...}. */
AS_MUST_CHECK bool as_outcome_detail(as_audit *a, as_statistic *s, const as_named *values, size_t n,
                                     as_error *err);

/* A count of something, without interval. */
AS_MUST_CHECK bool as_outcome_count(as_audit *a, const char *name, const char *of,
                                    const char *method, size_t count, size_t n, size_t missing,
                                    as_error *err);

/* k of n with Wilson's interval; detail {count}. n 0: undefined. */
AS_MUST_CHECK bool as_outcome_rate(as_audit *a, const char *name, const char *of, size_t k,
                                   size_t n, size_t missing, as_error *err);

/* Draws for the statistic NAME [OF] of this check, a stream of its own. */
AS_MUST_CHECK bool as_outcome_resample(as_audit *a, const char *name, const char *of, size_t draws,
                                       as_resample *out, as_error *err);

/* Bootstrap of P(assert | wrong) - P(assert | correct) over items, or over clusters when there are
 * some; a resample without correct or without wrong items is undefined. name: of the statistic. */
AS_MUST_CHECK bool as_outcome_asymmetry_bootstrap(as_audit *a, const char *name,
                                                  const as_outcomes *o, as_bootstrap *out,
                                                  as_error *err);

/* Mean of x (n) with a percentile bootstrap interval from two observations on; cluster NULL or the
 * cluster of each. detail {se, sd, clusters}. Gives the statistic, NULL on failure. */
AS_MUST_CHECK as_statistic *as_outcome_mean(as_audit *a, const char *name, const char *of,
                                            const char *method, const double *x,
                                            const size_t *cluster, size_t n, size_t missing,
                                            as_error *err);

typedef enum { AS_CHANGE_BY_T, AS_CHANGE_BY_BOOTSTRAP } as_change_interval;

/* Mean of b - a with an interval of the asked kind and the sign-flip permutation p; detail {se, sd,
 * t_lo, t_hi, bootstrap_lo, bootstrap_hi, narrow_lo, narrow_hi, narrow_level, moved_up, moved_down,
 * unchanged}. narrow is Student's interval of level 1 - 2 alpha, which decides equivalence. */
AS_MUST_CHECK bool as_outcome_change(as_audit *a, const char *name, const char *of,
                                     const char *method, const as_pairs *pairs,
                                     as_change_interval kind, as_error *err);

/* --- leaves --------------------------------------------------------------------------------------
 */

/* What an arm ("a" or "b") is called in a sentence: its table, or its column when both arms are
 * columns of one table. */
const char *as_outcome_arm(const as_audit *a, const char *param);

/* The leaf of an effect: holds when p <= alpha and the sign is the `expect`ed one ("positive",
 * "negative", "nonzero"), fails with "opposite sign" when p <= alpha and it is not, fails with "no
 * effect within the margin" when the statistic's detail narrow_lo and narrow_hi lie strictly inside
 * -+margin (NaN: no margin), else unknown, "under-powered". what: what the figures are, at the head
 * of the sentence. */
AS_MUST_CHECK bool as_outcome_effect_leaf(const as_audit *a, as_leaf *leaf, const as_statistic *s,
                                          const char *expect, double margin, const char *what,
                                          as_error *err);

/* The margin parameter, NaN when not given. */
double as_outcome_margin(const as_audit *a);

#endif
