/* From leaves to a verdict with three values. Pure: the same leaves give the same verdict.
 *
 * A claim is tested in one of two ways.
 *
 * By its leaves, in this order of precedence:
 *   1. an artefact leaf fails              refuted      "artefact: CAUSE"
 *   2. an instrument leaf fails            inconclusive "instrument refuted: CAUSE"
 *   3. a must_hold leaf fails, or a
 *      must_fail leaf holds                refuted      CAUSE ("no effect", ...)
 *   4. an instrument or artefact leaf is
 *      unknown or its evidence is missing  inconclusive "instrument unverified: CAUSE"
 *   5. a must_ leaf is unknown             inconclusive CAUSE
 *      a must_ leaf is a description       inconclusive "decides nothing"
 *   6. otherwise                           supported
 * Instruments come before effects because an effect measured, or not seen, with an instrument that
 * is shown to be wrong says nothing either way; an unverified instrument only caps support.
 *
 * By its steps, in order: the claim is that all of them hold. It stops at the first step with a
 * leaf that does not hold: refuted ("stops at step N: CAUSE") when that leaf fails, inconclusive
 * when it is unknown or a description. Leaves under instrument and artefact that do not hold cap
 * "supported" at inconclusive.
 *
 * must_fail leaves belong to claims of absence ("does not transfer"): there a leaf that fails is
 * what the claim says. */
#ifndef AS_LAB_AUDIT_VERDICT_H
#define AS_LAB_AUDIT_VERDICT_H

#include "lab/audit/audit.h"

typedef enum {
    AS_MUST_HOLD,
    AS_MUST_FAIL,
    AS_INSTRUMENT,
    AS_ARTEFACT,
    AS_CONTEXT,
    AS_STEP
} as_role;

const char *as_role_name(as_role r);       /* "must_hold", ..., "step" */
const char *as_outcome_name(as_outcome o); /* "holds", "fails", "unknown", "shown" */

/* One check in one role of a claim. */
typedef struct {
    as_role role;
    size_t step;           /* 1-based; AS_STEP only */
    const char *step_name; /* AS_STEP only */
    const char *check;     /* id */
    as_leaf leaf;
} as_branch;

typedef struct {
    const char *word;     /* "supported", "refuted", "inconclusive" */
    const char *cause;    /* "" when supported */
    const char *sentence; /* made of the leaves' words alone */
    size_t stopped_at;    /* step, 0: not stopped or no steps */
} as_judged;

/* Branches are borrowed; texts of *out are the arena's. */
AS_MUST_CHECK bool as_verdict_of(const as_branch *branch, size_t n, as_arena *a, as_judged *out,
                                 as_error *err);

#endif
