/* What a study could see, from its plan alone: before anything is asked, the smallest true effect
 * at which each check holds with 80 % power, under assumptions that are named. Formulas and
 * sources: docs/method.md, "Power before the run". */
#ifndef AS_LAB_EXPERIMENT_POWER_H
#define AS_LAB_EXPERIMENT_POWER_H

#include "lab/experiment/plan.h"

#define AS_PLANNED_POWER 0.8

typedef struct {
    const char *name;
    double value;
} as_assumption;

#define AS_ASSUMPTIONS 4 /* at most, of one check */

typedef struct {
    const as_check_spec *check;
    const char *formula; /* NULL: the check decides without a sampling error, all below is unset */
    size_t n;            /* items, or clusters where the check names a column of them; 0: unknown */
    bool is_clustered;
    double mde;      /* in the check's own units, without sign; NaN: none, and why says so */
    const char *why; /* NULL: there is an mde */
    double bar;      /* what the estimate has to reach, or the margin; NaN: none */
    size_t n_needed; /* smallest n whose mde is at most the effect, or the margin where that is
                        less or no effect is said; 0: none below 1e8 */
    double kept;     /* share of the items that is in n */
    as_assumption assumes[AS_ASSUMPTIONS];
    size_t n_assumes;
    const char *claim; /* rests on the check by must_hold or steps, the first one; NULL: none */
    bool is_below;     /* the mde is not at most the effect that the plan wants to see, or margin */
    bool is_too_wide;  /* the mde is above the margin to be shown */
} as_power;

/* assume and the effects of the checks, into p, whose checks are read. AS_EUSAGE for an effect of a
 * check that has no formula or that its values cannot give, for the SD of a column that no table
 * has, and for either in a plan without steps. */
AS_MUST_CHECK bool as_power_parse(as_plan *p, as_error *err);

/* The items of every set of the plan (n_sets), in the arena. */
AS_MUST_CHECK bool as_power_items(const as_plan *p, as_arena *a, const as_items **out,
                                  as_error *err);
/* Different clusters among the items. An item without one is its own. */
AS_MUST_CHECK bool as_power_clusters(const as_items *items, as_arena *a, size_t *out,
                                     as_error *err);
/* One for each check (n_checks). items: of as_power_items. */
AS_MUST_CHECK bool as_power_of(const as_plan *p, const as_items *items, as_arena *a, as_power **out,
                               as_error *err);
/* AS_ESTATE naming the first claim that rests on a check which cannot see the effect it is meant
 * to. */
AS_MUST_CHECK bool as_power_allows(const as_plan *p, const as_power *power, as_error *err);

/* {assumptions, bar, effect, formula, n_needed, power, unit, why}. Gives: json_decref; NULL when
 * out of memory. */
json_t *as_power_json(const as_power *w);

#endif
