/* SHA-256 that cannot fail, for base/rng.c. */
#ifndef AS_BASE_HASH_INTERNAL_H
#define AS_BASE_HASH_INTERNAL_H

#include <stddef.h>

/* The digest of two pieces, one after the other. Neither allocates nor fails. */
void as_sha256_pair(const void *a, size_t a_size, const void *b, size_t b_size,
                    unsigned char out[32]);

#endif
