/* SHA-256 (FIPS 180-4) through libcrypto. */
#ifndef AS_BASE_HASH_H
#define AS_BASE_HASH_H

#include "base/bytes.h"

typedef char as_key[65]; /* 64 lower-case hex digits and a NUL; "" means none */

typedef struct as_sha256 as_sha256;

AS_MUST_CHECK as_sha256 *as_sha256_new(as_error *err);
AS_MUST_CHECK bool as_sha256_add(as_sha256 *h, const void *bytes, size_t size, as_error *err);
/* Writes the hex digest and frees h. */
AS_MUST_CHECK bool as_sha256_end(as_sha256 *h, as_key out, as_error *err);
void as_sha256_free(as_sha256 *h);

/* One piece. */
AS_MUST_CHECK bool as_sha256_of(const void *bytes, size_t size, as_key out, as_error *err);

#endif
