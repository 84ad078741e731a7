/* Between what a plan says of a check (power.c) and the smallest effect it can see (power_mde.c).
 */
#ifndef AS_LAB_EXPERIMENT_POWER_INTERNAL_H
#define AS_LAB_EXPERIMENT_POWER_INTERNAL_H

#include "lab/experiment/power.h"

typedef enum {
    AS_MEAN,       /* of paired changes: the test, and the estimate at the bar */
    AS_MEAN_FAR,   /* the same, but the far end of the interval at the bar */
    AS_WITHIN,     /* of paired changes, shown inside a margin */
    AS_DISCORDANT, /* paired proportions */
    AS_ASYM_CHANGE,
    AS_ASYM,
    AS_ASYM_WITHIN,
    AS_GATE_ASYM, /* asymmetry of two cohorts at a threshold, one-sided */
    AS_AREA,      /* under the ROC curve, one-sided at alpha */
    AS_AREA_01,   /* one-sided at 0.01 */
    AS_AREA_TWO   /* two-sided at 0.05 */
} as_power_shape;

/* What the threshold is of. */
typedef enum {
    AS_BY_P,        /* a p value at alpha, under a null that nothing differs */
    AS_BY_INTERVAL, /* an interval at AS_LEVEL, with the spread that is seen */
    AS_BY_BOTH
} as_power_rule;

typedef struct {
    const char *check;
    as_power_shape shape;
    as_power_rule rule;
    const char *column, *cluster, *bar; /* parameters; NULL: none */
} as_power_kind;

/* NULL: a check of that name decides without a sampling error. */
const as_power_kind *as_power_kind_of(const char *check);
const char *as_power_formula(as_power_shape shape);
/* Shown inside a margin: the mde is the smallest margin. */
bool as_power_is_within(as_power_shape shape);
/* Level of the two-sided threshold, of a plan with that alpha. */
double as_power_level(as_power_rule rule, double alpha);

/* All that the smallest effect of a check depends on beside n. */
typedef struct {
    const as_power_kind *kind;
    double alpha, bar;
    double variance;  /* of one unit's change, or the discordance */
    bool is_binary;   /* mean of differences of 0 and 1: variance is the discordance, and that at a
                         difference d smaller by d^2 */
    double seeds;     /* variance of the effect over seeds, over how many there are */
    double most;      /* no effect can be larger */
    double right;     /* share of the positive cohort */
    double assertion; /* share asserted; of a gate that of the positive cohort */
    int sign;         /* of an asymmetry: -1, 1, or 0 for the harder of the two */
    size_t least;     /* smallest cohort that may decide */
    const char *why;  /* not NULL: nothing can be planned */
} as_power_question;

/* Smallest true effect at which the check holds with AS_PLANNED_POWER; NaN with the reason in *why
 * (else NULL). */
double as_power_mde(const as_power_question *q, size_t n, const char **why);
/* Smallest n whose mde is at most the effect, below 1e8; 0: none. */
size_t as_power_needed(const as_power_question *q, double effect);

#endif
