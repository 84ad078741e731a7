/* MANIFEST, the file that makes a folder a checkpoint, and what the files of checkpoints share. It
 * is one JSON object in canonical form with two-space indentation:
 *
 *   format   "assay.checkpoint/1"
 *   version  of the program that wrote it
 *   step
 *   parts    [{name, bytes, sha256}], in the order of the file `parts`, which has nothing else
 *   state    {bytes, sha256} of state.json
 *   sha256   of the canonical form of all the other fields
 *
 * so that a change of any byte of any file of the checkpoint is seen. Never leaves the room. */
#ifndef AS_ENGINE_TRAIN_MANIFEST_H
#define AS_ENGINE_TRAIN_MANIFEST_H

#include "base/hash.h"
#include "engine/train/checkpoint.h"

typedef struct {
    const char *name; /* borrowed from the manifest; UTF-8 */
    size_t bytes;
    as_key sha256;
} as_manifest_part;

typedef struct {
    size_t step;
    as_manifest_part *part;
    size_t n, bytes; /* of all parts */
    as_manifest_part state;
    json_t *json; /* owns the names */
} as_manifest;

/* The text of MANIFEST for m (its json is not looked at), appended to out. */
AS_MUST_CHECK bool as_manifest_write(const as_manifest *m, as_buf *out, as_error *err);
/* Adds `sha256` to *object, or puts the right one in place, and writes the text; *object is NULL
 * when memory ran out. */
AS_MUST_CHECK bool as_manifest_seal(json_t **object, as_buf *out, as_error *err);
/* Any bytes are a manifest, to be cleared, or an error; name is the place in messages. */
AS_MUST_CHECK bool as_manifest_parse(as_manifest *m, const char *name, const char *bytes,
                                     size_t size, as_error *err);
void as_manifest_clear(as_manifest *m);

/* ---- checkpoints in their folder ---- */

/* FOLDER/step-N and what follows, into path. */
AS_MUST_CHECK bool as_checkpoint_path(as_buf *path, const char *folder, size_t step,
                                      const char *suffix, as_error *err);
/* The steps of all step-N in folder, newest first. Gives: free. */
AS_MUST_CHECK bool as_checkpoint_steps(const char *folder, size_t **steps, size_t *n,
                                       as_error *err);
/* Is every byte of folder/step-N as it was written? */
AS_MUST_CHECK bool as_checkpoint_check(const char *folder, size_t step, as_error *err);

#endif
