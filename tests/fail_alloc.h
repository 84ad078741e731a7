/* Allocations that fail on purpose. A test that includes this header is linked with
 * tests/fail_alloc.c and -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free, so that what
 * Assay's own code asks for can be refused; jansson is steered through its own hooks. Works with
 * the sanitizers, whose malloc stays underneath. */
#ifndef FAIL_ALLOC_H
#define FAIL_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* Routes jansson through the same counter. Once, before any JSON is made. */
void fail_alloc_init(void);

/* From now on the k-th allocation fails (counted from 1), only that one or all from it on. 0: none.
 */
void fail_alloc_at(size_t k, bool from_on);

/* Has one failed since fail_alloc_at? */
bool fail_alloc_hit(void);

/* Bytes now in use and the most since fail_alloc_at, as malloc counts them. */
size_t fail_alloc_live(void);
size_t fail_alloc_peak(void);

#endif
