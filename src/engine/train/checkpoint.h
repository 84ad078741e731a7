/* Durable states of a run, so that it can be killed at any instruction and go on to the same bytes;
 * and its log. A checkpoint is a folder step-N: one file of all parts, state.json, and MANIFEST,
 * which is written last. A folder without a whole MANIFEST does not exist. Writing happens on a
 * thread of its own from a copy, so that training goes on meanwhile. */
#ifndef AS_ENGINE_TRAIN_CHECKPOINT_H
#define AS_ENGINE_TRAIN_CHECKPOINT_H

#include "base/json.h"
#include "engine/train/part.h"

typedef struct as_saver as_saver;

/* folder is made. Leftovers of dead processes (step-N.tmp) are removed. keep: checkpoints that
 * stay, at least 2. */
AS_MUST_CHECK as_saver *as_saver_new(const char *folder, size_t keep, as_error *err);
/* Waits for what is being written; its failure is lost (as_saver_wait says it). */
void as_saver_free(as_saver *s);

/* Copies parts and state and begins to write folder/step-N: step-N.tmp, parts and state.json
 * written and synced, then MANIFEST (JSON: step, and name, size and SHA-256 of each part and of
 * state.json), synced, renamed, the parent synced; after that the oldest beyond `keep` go. Waits
 * first for the one before; when that failed, fails with its error. Disk space (need + 10 %) is
 * checked before: AS_EIO "disk (found N bytes free, expected at least M)". A step that is already
 * there whole is left as it is. */
AS_MUST_CHECK bool as_saver_begin(as_saver *s, size_t step, const as_part *parts, size_t n,
                                  const json_t *state, as_error *err);
/* Until nothing is being written. */
AS_MUST_CHECK bool as_saver_wait(as_saver *s, as_error *err);

/* The newest whole checkpoint of folder: *found and *step. One whose hashes do not hold is passed
 * over; *notice then says which part (as_buf text; empty otherwise). */
AS_MUST_CHECK bool as_checkpoint_find(const char *folder, bool *found, size_t *step, as_buf *notice,
                                      as_error *err);
/* Fills the parts, which must be those of the checkpoint by name and size (AS_ESTATE otherwise),
 * and gives its state (json_decref). Hashes are checked before a byte of `data` changes. */
AS_MUST_CHECK bool as_checkpoint_read(const char *folder, size_t step, const as_part *parts,
                                      size_t n, json_t **state, as_error *err);

/* ---- log ---- */

/* JSON Lines, each line appended with one write and made durable (fdatasync). */
typedef struct as_train_log as_train_log;
/* Opens or makes path and keeps its first `lines` lines; a cut last line and those beyond are
 * dropped. AS_ESTATE when it has fewer. */
AS_MUST_CHECK as_train_log *as_train_log_open(const char *path, size_t lines, as_error *err);
AS_MUST_CHECK bool as_train_log_add(as_train_log *l, const json_t *row, as_error *err);
void as_train_log_close(as_train_log *l);

#endif
