/* The conductor of a re-audit: freeze the design, import the files, measure and decide each check
 * in the order of the plan, then the claims. It contains no method of its own.
 *
 * Every step finds its rows when they are there already: the same plan over the same files with the
 * same seed and version goes on where it stopped, and a second run computes nothing. One check's
 * statistics are one transaction. */
#ifndef AS_LAB_EXPERIMENT_RUN_H
#define AS_LAB_EXPERIMENT_RUN_H

#include <signal.h>

#include "base/log.h"
#include "engine/tensor/exec.h"
#include "lab/experiment/import.h"
#include "lab/sandbox/sandbox.h"

typedef struct {
    const char *data;    /* folder of files; NULL: the plan names none, or as_redecide */
    const char *work;    /* folder for what steps make; NULL: the plan has no steps */
    const char *cache;   /* for digests of weights; NULL: none */
    const as_exec *ex;   /* what computes with models; NULL: the plan has no steps */
    as_sandbox *sandbox; /* for judges that run code; NULL: none */
    bool *refused;       /* set when the run was refused before work; NULL: not asked */
    const char *lock;    /* file of the lock that lies beside the plan; NULL: none */
    bool allows_change;  /* a plan that is not the locked one is run, and the changes kept */
    as_store *store;     /* open for writing; for as_redecide reading is enough */
    as_pool *pool;       /* NULL: one thread */
    as_log *log;         /* NULL: silent */
    const volatile sig_atomic_t *stop; /* not 0: end after the check under way; NULL: never */
} as_run_options;

/* The plan's own text, in the arena: JSON in the order of the file. */
const char *as_plan_text(const as_plan *p, as_arena *a, as_error *err);
/* Whether `data` is a folder, and there is one when the plan names files. */
AS_MUST_CHECK bool as_run_has_data(const as_plan *p, const char *data, as_error *err);
/* The design of a plan over the files of `data` (NULL: it names none), without a store. */
AS_MUST_CHECK bool as_design_of(const as_plan *p, const char *data, as_arena *a, as_design *out,
                                as_error *err);
/* AS_ESTATE when the store holds nothing of this plan, after saying to the log where the last
 * design of its name differs. */
AS_MUST_CHECK bool as_run_begun(const as_tree *plan, const as_run_options *options, as_arena *a,
                                as_error *err);

/* Runs the plan. *design is filled (texts in the arena). AS_ESTATE "interrupted" when `stop` ended
 * it; the same call goes on. */
AS_MUST_CHECK bool as_reaudit(const as_tree *plan, const as_run_options *options, as_arena *a,
                              as_design *design, as_error *err);

/* Decides every check and claim again from the stored statistics and compares with the stored
 * verdicts: AS_ESTATE with the first difference. `plan` is the design's own. */
AS_MUST_CHECK bool as_redecide(const as_tree *plan, const as_design *design,
                               const as_run_options *options, as_arena *a, as_error *err);

/* The statistics of one check in the order in which they were measured. */
AS_MUST_CHECK bool as_statistics_of(as_store *store, const as_design *design, const char *check,
                                    as_arena *a, const as_statistic ***out, size_t *n,
                                    as_error *err);

/* Puts a statistic that no check measured: *s with its inputs empty, no interval, p or null, and
 * `detail` (takes the reference, also on failure; NULL: out of memory). */
AS_MUST_CHECK bool as_statistic_note(as_store *store, const as_design *design, as_statistic *s,
                                     json_t *detail, as_error *err);

#endif
