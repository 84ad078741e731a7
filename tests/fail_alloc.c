/* See fail_alloc.h. */
#include "fail_alloc.h"

#include <errno.h>
#include <jansson.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>

/* The linker's names for the wrapped and the real functions. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

static atomic_size_t count, fail_at, live, peak;
static atomic_bool fail_on, hit;

static bool refuse(void)
{
    size_t n = atomic_fetch_add(&count, 1) + 1, k = atomic_load(&fail_at);
    if (k == 0 || n < k || (n > k && !atomic_load(&fail_on))) return false;
    atomic_store(&hit, true);
    errno = ENOMEM;
    return true;
}

static void *taken(void *p)
{
    size_t size = p ? malloc_usable_size(p) : 0;
    size_t now = atomic_fetch_add(&live, size) + size, most = atomic_load(&peak);
    while (now > most && !atomic_compare_exchange_weak(&peak, &most, now)) {
    }
    return p;
}

static void given_back(void *p)
{
    if (p) (void)atomic_fetch_sub(&live, malloc_usable_size(p));
}

void *__wrap_malloc(size_t size)
{
    return refuse() ? NULL : taken(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
    return refuse() ? NULL : taken(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t size)
{
    if (refuse()) return NULL;
    size_t before = p ? malloc_usable_size(p) : 0;
    void *q = __real_realloc(p, size);
    if (q || size == 0) (void)atomic_fetch_sub(&live, before);
    return q ? taken(q) : NULL;
}

void __wrap_free(void *p)
{
    given_back(p);
    __real_free(p);
}

void fail_alloc_init(void)
{
    json_set_alloc_funcs(__wrap_malloc, __wrap_free);
}

void fail_alloc_at(size_t k, bool from_on)
{
    atomic_store(&fail_at, 0);
    atomic_store(&count, 0);
    atomic_store(&hit, false);
    atomic_store(&peak, atomic_load(&live));
    atomic_store(&fail_on, from_on);
    atomic_store(&fail_at, k);
}

bool fail_alloc_hit(void)
{
    return atomic_load(&hit);
}

size_t fail_alloc_live(void)
{
    return atomic_load(&live);
}

size_t fail_alloc_peak(void)
{
    return atomic_load(&peak);
}
