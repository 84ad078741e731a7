/* Independent tasks that can fail, over a pool. */
#ifndef AS_LAB_STATS_TASKS_INTERNAL_H
#define AS_LAB_STATS_TASKS_INTERNAL_H

#include "base/pool.h"

/* Task i of n; worker < as_pool_size(pool). */
typedef bool as_tasks_work(void *ctx, size_t task, size_t worker, as_error *err);

/* Runs every task, also after one has failed, and reports the failure with the lowest number, so
 * the message too is the same for any number of threads. pool NULL: this thread alone. */
AS_MUST_CHECK bool as_tasks_run(as_pool *pool, size_t n, as_tasks_work *work, void *ctx,
                                as_error *err);

#endif
