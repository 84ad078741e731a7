/* Where a model's name leads: a path, or ORG/NAME[@REV] in the local cache of the Hugging Face hub.
 * Nothing is downloaded. */
#ifndef AS_ENGINE_FORMAT_HUB_H
#define AS_ENGINE_FORMAT_HUB_H

#include "base/bytes.h"

/* The folder or file that name means, appended to path. An existing path is itself. Else the cache
 * ($HF_HUB_CACHE, or $HF_HOME/hub, or ~/.cache/huggingface/hub) is asked:
 * models--ORG--NAME/refs/REV (REV is main when not given) holds a commit, whose files are in
 * models--ORG--NAME/snapshots/COMMIT; REV may also be such a commit. Errors say where it looked. */
AS_MUST_CHECK bool as_hub_resolve(const char *name, as_buf *path, as_error *err);

#endif
