/* `each`: one entry of a plan's mapping that stands for several. The language is documented in
 * docs/formats.md, "Many alike". */
#ifndef AS_LAB_EXPERIMENT_PLAN_EACH_H
#define AS_LAB_EXPERIMENT_PLAN_EACH_H

#include "base/tree.h"

#define AS_EACH_MAX_NODES ((size_t)10000)   /* of the whole tree, expanded */
#define AS_EACH_MAX_BYTES ((size_t)4 << 20) /* of all texts and keys that were filled in */

/* A copy of the tree in which every entry `KEY: {each: {NAME: [V, ...], ...}, ...}` below the top
 * level's own entries is as many entries as the names have combinations, the first name slowest:
 * without `each`, and with <NAME> replaced by V in KEY and in every text and key below it. What
 * was filled in is not looked at again. Places are those of the entry that was written.
 *
 * The copy is the arena's and borrows texts of root. NULL on failure; errors are AS_EUSAGE
 * "FILE:LINE:COL: key.path: WHAT". */
AS_MUST_CHECK as_tree *as_plan_each(const as_tree *root, as_arena *a, as_error *err);

#endif
