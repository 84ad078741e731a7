/* What a study has fixed before anything is asked, as one JSON object: what `assay plan` prints and
 * `assay lock` writes, and how a run differs from what was locked. Layout: docs/formats.md. */
#ifndef AS_LAB_EXPERIMENT_LOCK_H
#define AS_LAB_EXPERIMENT_LOCK_H

#include "lab/experiment/power.h"

typedef struct {
    const as_plan *plan;
    const as_items *items; /* of as_power_items */
    const as_power *power; /* of as_power_of */
} as_study_facts;

/* SHA-256 of the plan's canonical JSON, as reports have it under plan_sha256. */
AS_MUST_CHECK bool as_plan_hash(const as_plan *p, as_key out, as_error *err);

/* What follows from the plan and its questions: alpha, arms, claims, code, draws, name,
 * plan_sha256, seed, sets, steps, thresholds, title. Gives: json_decref. */
json_t *as_study_json(const as_study_facts *f, as_arena *a, as_error *err);
/* The same with models (digests of weights, tokenizer and template), inputs (canonical JSON of
 * as_design) and the plan itself; cache: folder for digests, NULL: none. Gives: json_decref. */
json_t *as_lock_json(const as_study_facts *f, const char *inputs, const char *cache, as_arena *a,
                     as_error *err);

/* A lock from its file: has a schema, a time (RFC 3339 UTC), a plan_sha256 and a plan. Gives:
 * json_decref. */
json_t *as_lock_read(const char *path, as_error *err);
/* A lock's text under key; "" when there is none. */
const char *as_lock_text(const json_t *lock, const char *key);
/* Does a stored detail speak of the lock of that hash and time? */
bool as_lock_is(const json_t *detail, const char *hash, const char *time);
/* [{"at": JSON pointer, "locked": value, "now": value}, ...] of what differs between a lock and
 * `now`, as as_lock_json or as_study_json made it; what `now` has not is not compared. A value that
 * is on one side alone is absent on the other. When the plan differs, what follows from it is not
 * listed again. Gives: json_decref; NULL when out of memory. */
json_t *as_lock_changes(const json_t *lock, const json_t *now, as_error *err);
/* Name of the plan that was locked, borrowed, when the differences say that it is another; or NULL.
 */
const char *as_lock_other(const json_t *changes);
/* The same of any two values, pointers after `at`. */
json_t *as_json_changes(const char *at, const json_t *locked, const json_t *now, as_error *err);
/* "POINTER: BEFORE X, now Y" of one of them, appended. */
void as_change_text(const json_t *change, const char *before, as_buf *out);

#endif
