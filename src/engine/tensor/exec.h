/* What every op receives: what computes, who computes, and where scratch lives. */
#ifndef AS_ENGINE_TENSOR_EXEC_H
#define AS_ENGINE_TENSOR_EXEC_H

#include "base/pool.h"
#include "engine/tensor/kernels.h"

typedef struct {
    const as_kernels *kernels;
    as_pool *pool;  /* NULL: the caller's thread alone */
    float *scratch; /* AS_SCRATCH floats for each worker, 64-byte aligned */
} as_exec;

#define AS_SCRATCH ((size_t)1 << 18) /* floats per worker: 1 MiB, half a second-level cache */

/* kernels: a name for as_kernels_find; n_threads 0: all processors. */
AS_MUST_CHECK bool as_exec_init(as_exec *ex, const char *kernels, size_t n_threads, as_error *err);
void as_exec_clear(as_exec *ex);

/* Scratch of one worker: AS_SCRATCH floats. An op may use it only inside one task. */
float *as_exec_scratch(const as_exec *ex, size_t worker);

/* Asks for huge pages where a fresh block holds whole ones: what walks through megabytes with long
 * strides then waits less for addresses. Changes no byte. */
void as_prefer_huge(void *memory, size_t bytes);

#endif
