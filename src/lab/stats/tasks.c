/* Keeps, for each worker, the failure with the lowest task number. */
#include "lab/stats/tasks_internal.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/bytes.h"

typedef struct {
    size_t task; /* SIZE_MAX while nothing failed */
    as_error err;
} failure;

typedef struct {
    as_tasks_work *work;
    void *ctx;
    failure *first; /* one a worker */
} batch;

static void run_one(void *ctx, size_t task, size_t worker)
{
    const batch *b = ctx;
    as_error err = {0};
    if (b->work(b->ctx, task, worker, &err) || task > b->first[worker].task) return;
    b->first[worker] = (failure){task, err};
}

bool as_tasks_run(as_pool *pool, size_t n, as_tasks_work *work, void *ctx, as_error *err)
{
    size_t n_workers = as_pool_size(pool), lowest = 0;
    batch b = {work, ctx, as_new(n_workers, sizeof *b.first, err)};
    if (!b.first) return false;
    for (size_t i = 0; i < n_workers; i++) b.first[i].task = SIZE_MAX;
    as_pool_run(pool, n, run_one, &b);
    for (size_t i = 1; i < n_workers; i++)
        if (b.first[i].task < b.first[lowest].task) lowest = i;
    bool ok = b.first[lowest].task == SIZE_MAX;
    if (!ok) *err = b.first[lowest].err;
    free(b.first);
    return ok;
}
