/* Puts together what every op receives. */
#define _DEFAULT_SOURCE /* madvise */
#include "engine/tensor/exec.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bytes.h"
#include "engine/tensor/linear_internal.h"

bool as_exec_init(as_exec *ex, const char *kernels, size_t n_threads, as_error *err)
{
    *ex = (as_exec){0};
    ex->kernels = as_kernels_find(kernels, err);
    if (!ex->kernels) return false;
    ex->pool = as_pool_new(n_threads, err);
    if (ex->pool)
        ex->scratch = as_aligned_new(as_pool_size(ex->pool) * AS_SCRATCH, sizeof(float), err);
    if (ex->scratch) return true;
    as_exec_clear(ex);
    return false;
}

void as_exec_clear(as_exec *ex)
{
    as_aligned_free(ex->scratch);
    as_pool_free(ex->pool);
    *ex = (as_exec){0};
}

float *as_exec_scratch(const as_exec *ex, size_t worker)
{
    return ex->scratch + worker * AS_SCRATCH;
}

enum { ALIGN = 64, HUGE = 2 << 20 };

void as_prefer_huge(void *memory, size_t bytes)
{
    const size_t skip = (HUGE - (uintptr_t)memory % HUGE) % HUGE;
    if (bytes < skip + HUGE) return;
    (void)madvise((char *)memory + skip, (bytes - skip) / HUGE * HUGE, MADV_HUGEPAGE);
}

/* The address that malloc gave stands in front of the aligned one. What holds whole huge pages asks
 * for them: reading weights is then a fifth faster. */
void *as_aligned_new(size_t n, size_t size, as_error *err)
{
    size_t bytes = 0, with_room = 0;
    if (!as_size_mul(n, size, &bytes, err)) return NULL;
    const size_t align = bytes >= HUGE ? HUGE : ALIGN;
    if (!as_size_add(bytes, align + sizeof(void *), &with_room, err)) return NULL;
    char *given = malloc(with_room);
    if (!given) {
        (void)as_fail(err, AS_EMEM, "out of memory (asked for %zu bytes)", bytes);
        return NULL;
    }
    size_t skip = align - (uintptr_t)(given + sizeof given) % align;
    char *aligned = given + sizeof given + skip % align;
    memcpy(aligned - sizeof given, &given, sizeof given);
    as_prefer_huge(aligned, bytes);
    return aligned;
}

void as_aligned_free(void *p)
{
    char *given = NULL;
    if (p) memcpy(&given, (char *)p - sizeof given, sizeof given);
    free(given);
}
