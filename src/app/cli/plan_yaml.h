/* Plans from YAML (and so JSON) into base/tree.h, through libyaml, whose one home this is. Types
 * are the schema's business, not YAML's: every scalar stays the text that stands in the file, so
 * `no`, `off`, `12:30`, `0123`, `~` and nothing at all are text. Unknown keys are the schema's
 * business too.
 *
 * Refused, as "FILE:LINE:COL: WHAT": a key twice in a mapping, a key that is not a scalar, `<<`
 * merge keys, any tag but !!str !!map !!seq on their own kind, an anchor twice, an alias without or
 * within its anchor, more than one document, an empty document, a top level that is not a mapping,
 * invalid UTF-8, NUL (also as an escape), and what exceeds a limit below. */
#ifndef AS_APP_CLI_PLAN_YAML_H
#define AS_APP_CLI_PLAN_YAML_H

#include "base/tree.h"

#define AS_PLAN_MAX_BYTES ((size_t)4 << 20) /* a plan with all its includes */
#define AS_PLAN_MAX_NODES ((size_t)10000)   /* the same, aliases expanded; key and value are one */
#define AS_PLAN_MAX_DEPTH ((size_t)64)      /* the root mapping is depth 1 */
#define AS_PLAN_MAX_INCLUDES ((size_t)8)    /* files on the way down, the plan itself not counted */

/* The plan at path, a mapping, in the arena `a` (also its texts and names).
 *
 * Top-level `include: [NAME, ...]` is handled here and does not appear in the tree. Each NAME is a
 * file beside the one that names it (as_path_join: relative, no ".."), may itself include, and must
 * not lead back to a file being read. Its top-level keys are added whole when the including file
 * does not have them; of two included files the later one wins. Nothing below the top level is
 * merged. Keys of the including file come first, then the added ones in order of inclusion. */
AS_MUST_CHECK as_tree *as_plan_read(const char *path, as_arena *a, as_error *err);

/* The same over bytes in memory, borrowed during the call; name is for messages. `include` is an
 * error: there is no directory to look in. */
AS_MUST_CHECK as_tree *as_plan_read_over(const char *name, const void *bytes, size_t size,
                                         as_arena *a, as_error *err);

/* Places: a scalar and a list's item stand where they begin, a list or mapping below a key where
 * the key begins; what an alias expands to stands where its anchor does. */

/* Applies "key.path=value" to a tree read by the above: everything after the first '=' is the text.
 * Steps are separated by dots; [N] selects item N, from 0, of a list that has it. A scalar is
 * replaced; missing keys, and mappings on the way to them, are added. A mapping or list is never
 * replaced. The new node's file is "command line". A key that holds '.', '[' or '=' cannot be
 * addressed. Fails with AS_EUSAGE; the tree is then not to be used. */
AS_MUST_CHECK bool as_plan_set(as_tree *root, const char *assignment, as_arena *a, as_error *err);

#endif
