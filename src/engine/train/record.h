/* What a run leaves in its folder besides checkpoints: what it is, its rows, the reference's
 * log-probabilities, and the result. Never leaves the room. */
#ifndef AS_ENGINE_TRAIN_RECORD_H
#define AS_ENGINE_TRAIN_RECORD_H

#include "base/file.h"
#include "engine/train/checkpoint.h"
#include "engine/train/train.h"

typedef struct {
    const char *folder; /* borrowed */
    char *checkpoints;  /* folder/checkpoints */
    as_lock *lock;      /* folder/lock: one process trains a run */
    as_key digest;      /* of the identity: checkpoints say whose they are */
    as_train_log *log, *timing;
    size_t n_rows; /* in log */
    as_key chain;  /* of these rows: SHA-256 over the one before and the row; "" of none */
} as_record;

/* Makes the folder or finds the run in it; run.json must hold the same identity (AS_ESTATE, naming
 * the first place that differs with both values). */
AS_MUST_CHECK bool as_record_open(as_record *r, const char *folder, const json_t *identity,
                                  as_error *err);
void as_record_close(as_record *r);

/* Cuts log.jsonl to its first `rows` rows (AS_ESTATE when it has fewer, or their chain is not
 * `chain`) and tells them to the sink, with their times as far as timing.jsonl has them. A notice
 * that is not empty is added to notices.jsonl: {rows, notice}. */
AS_MUST_CHECK bool as_record_resume(as_record *r, size_t rows, const char *chain,
                                    const char *notice, const as_train_sink *sink, as_error *err);
AS_MUST_CHECK bool as_record_add(as_record *r, const as_update *u, as_error *err);

/* reference.json: n numbers. *found: it is there; one of another length is AS_ESTATE. */
AS_MUST_CHECK bool as_record_reference(const as_record *r, double *x, size_t n, bool *found,
                                       as_error *err);
AS_MUST_CHECK bool as_record_keep_reference(const as_record *r, const double *x, size_t n,
                                            as_error *err);

/* adapter/ in PEFT's form, and report.json: what is attached (as_adapter_report); or model/, the
 * weights as F32 and copies of the files beside them. AS_ESTATE when the delta of a map is zero. */
AS_MUST_CHECK bool as_record_result(const as_record *r, const as_trainee *what, as_error *err);

#endif
