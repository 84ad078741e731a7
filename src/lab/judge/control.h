/* Answers that no judge may like: made beside the real ones, judged by the same judge, and held
 * against bounds. A judge that lets one through is refuted as an instrument, whatever it said of
 * the real answers. */
#ifndef AS_LAB_JUDGE_CONTROL_H
#define AS_LAB_JUDGE_CONTROL_H

#include "lab/judge/judge.h"

typedef enum {
    AS_CONTROL_EMPTY,
    AS_CONTROL_CONSTANT,    /* the same vague answer to everything */
    AS_CONTROL_PUNCTUATION, /* one full stop */
    AS_CONTROL_OPENER,      /* the beginning of a reasoning, and nothing after it */
    AS_CONTROL_SHUFFLED,    /* the answer to another item */
    AS_CONTROL_INSTRUCTION, /* the answer, and an instruction to the judge after it */
    AS_CONTROLS
} as_control;
const char *as_control_name(as_control c); /* "empty", ... */

/* The control answer that stands beside `answer`; `other` answers an item of another cluster (read
 * for SHUFFLED alone). A literal, one of the two, or the arena's. */
AS_MUST_CHECK bool as_control_answer(as_control c, const char *answer, const char *other,
                                     as_arena *a, const char **out, as_error *err);

/* What a control may come to on an axis, at most.
 *
 *   AT_MOST    mean score of the control <= value
 *   OF_REAL    mean score of the control <= value * mean score of the real answers
 *   NO_LABEL   share of items in which the control gets a label <= value
 *   UNMOVED    share of items whose ruling differs from the real answer's <= value */
typedef enum {
    AS_BOUND_AT_MOST,
    AS_BOUND_OF_REAL,
    AS_BOUND_NO_LABEL,
    AS_BOUND_UNMOVED
} as_bound_rule;

typedef struct {
    const char *axis;
    as_control control;
    as_bound_rule rule;
    double value;
} as_control_bound;
const as_control_bound *as_control_bounds(size_t *n);

typedef struct {
    double found,
        highest; /* what the control came to, and what it may; NaN found: no item counts */
    size_t n;    /* items counted */
    bool holds;  /* false also where nothing counts */
} as_control_result;

/* Rulings on the bound's axis of n items, parallel; items in which a score is missing on either
 * side are not counted. A pure function of the rows. */
as_control_result as_control_hold(const as_control_bound *b, const as_ruling *real,
                                  const as_ruling *control, size_t n);

#endif
