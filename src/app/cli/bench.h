/* What the two halves of `assay bench` share. */
#ifndef AS_APP_CLI_BENCH_H
#define AS_APP_CLI_BENCH_H

#include "app/cli/engine.h"

enum { AS_BENCH_RUNS = 99 }; /* of a workload, at most */

/* The lesser and greater of the two in the middle are averaged; sorts x (n > 0). */
double as_bench_median(double *x, size_t n);

/* The numbers of --only, below `limit`. */
AS_MUST_CHECK bool as_bench_wants(const as_cli *c, size_t limit, bool *wanted, as_error *err);

/* assay bench --training: measures and prints. */
AS_MUST_CHECK bool as_bench_training(const as_engine *e, const as_cli *c, double load_seconds,
                                     as_error *err);

#endif
