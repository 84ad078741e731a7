/* What a run does before any work: whether the study can see what it claims, whether it is the one
 * that was locked, and the rows that say so. */
#ifndef AS_LAB_EXPERIMENT_BEFORE_H
#define AS_LAB_EXPERIMENT_BEFORE_H

#include "lab/experiment/lock.h"
#include "lab/experiment/run.h"

/* Puts the design (whose key is known), the smallest effects (check power/ID, name mde) and what is
 * to be said of the lock (check lock, names lock and deviation) into the store, once. Before that:
 * AS_ESTATE, and *o->refused set, for a claim below its smallest effect, and for a plan that is not
 * the locked one unless o->allows_change. */
AS_MUST_CHECK bool as_before_run(const as_plan *p, const as_run_options *o, const as_design *design,
                                 as_arena *a, as_error *err);
/* Says the differences from o->lock (as_lock_changes) to o->log. AS_ESTATE, and *o->refused set,
 * when there are any, unless o->allows_change. */
AS_MUST_CHECK bool as_lock_allows(const as_run_options *o, const json_t *changes, as_error *err);

#endif
