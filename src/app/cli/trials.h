/* The trials of assay doctor that run a model. */
#ifndef AS_APP_CLI_TRIALS_H
#define AS_APP_CLI_TRIALS_H

#include "app/cli/command.h"

/* The same requests in every way a row may be computed: batch 1, 2, 7, 16, threads 1, 2, 7, pieces
 * 1, 17, 64, other order, no sharing, neutral operator, replay, every kernel table. Prints one line
 * a way; false when a byte differs, with AS_ENUMERIC unless the JSON object says it. */
AS_MUST_CHECK bool as_trial_invariance(as_cli *c, as_error *err);

/* Every kernel table against the scalar one, and, with --against FILE, against another
 * implementation's numbers in the form that `assay score --json` prints. False when over
 * --tolerance, with AS_ENUMERIC unless the JSON object says it. */
AS_MUST_CHECK bool as_trial_parity(as_cli *c, as_error *err);

#endif
