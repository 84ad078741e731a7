/* A fixed set of threads that share out independent tasks. Task i may write only what belongs to i,
 * so the bytes do not depend on the number of threads. */
#ifndef AS_BASE_POOL_H
#define AS_BASE_POOL_H

#include "base/error.h"

typedef struct as_pool as_pool;

/* Calls work(ctx, task, worker) once for each task; worker < as_pool_size(). */
typedef void as_pool_work(void *ctx, size_t task, size_t worker);

/* n_threads 0 means the number of processors online; the caller's thread is one of them. */
AS_MUST_CHECK as_pool *as_pool_new(size_t n_threads, as_error *err);
void as_pool_free(as_pool *p);
size_t as_pool_size(const as_pool *p); /* 1 when p is NULL */

/* Returns when all n tasks are done. p may be NULL: the caller does the work alone. Not re-entrant:
 * work() must not call as_pool_run on the same pool. Cannot fail; tasks keep their own errors. */
void as_pool_run(as_pool *p, size_t n, as_pool_work *work, void *ctx);

#endif
