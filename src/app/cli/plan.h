/* What the verbs of studies share: the plan with its overrides, and the lock beside it. */
#ifndef AS_APP_CLI_PLAN_H
#define AS_APP_CLI_PLAN_H

#include "app/cli/command.h"
#include "base/tree.h"
#include "lab/experiment/lock.h"

/* The plan of the first operand with the values of -o. */
AS_MUST_CHECK as_tree *as_cli_plan(const as_cli *c, as_error *err);
/* A plan that says what it asks; all in the arena. */
AS_MUST_CHECK bool as_cli_facts(const as_cli *c, as_plan *plan, as_study_facts *out, as_error *err);
/* Where the lock of a plan lies: its path with .yaml, .yml or .json replaced by .lock.json. */
AS_MUST_CHECK const char *as_cli_lock_path(const as_cli *c, as_error *err);
/* Does the operand name a file of a plan, by its ending? */
bool as_cli_is_plan(const char *operand);

#endif
