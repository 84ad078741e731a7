/* How the small ops cut their work into tasks: by size alone, never by the number of threads. */
#ifndef AS_ENGINE_TENSOR_OPS_INTERNAL_H
#define AS_ENGINE_TENSOR_OPS_INTERNAL_H

#include <stddef.h>

/* Elements a task should have: some ten microseconds of work, several times what waking costs. */
#define AS_TASK_WORK ((size_t)1 << 14)

static inline size_t as_n_chunks(size_t n, size_t chunk)
{
    return (n + chunk - 1) / chunk;
}

/* Items a task takes when one item costs as much as `work` elements. */
static inline size_t as_task_items(size_t work)
{
    return work < AS_TASK_WORK ? AS_TASK_WORK / (work ? work : 1) : 1;
}

static inline size_t as_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

#endif
