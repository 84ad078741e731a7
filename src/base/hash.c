/* SHA-256 through libcrypto. Its plain functions are used rather than the EVP ones because they
 * neither allocate nor fail, which as_rng_at needs; libcrypto 3 calls them old, hence the macro. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/hash.h"

#include <openssl/sha.h>
#include <stdlib.h>

#include "base/hash_internal.h"

struct as_sha256 {
    SHA256_CTX state;
};

as_sha256 *as_sha256_new(as_error *err)
{
    as_sha256 *h = as_new(1, sizeof *h, err);
    if (h) (void)SHA256_Init(&h->state);
    return h;
}

bool as_sha256_add(as_sha256 *h, const void *bytes, size_t size, as_error *err)
{
    (void)err;
    if (size) (void)SHA256_Update(&h->state, bytes, size);
    return true;
}

static void hex(const unsigned char digest[SHA256_DIGEST_LENGTH], as_key out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[64] = '\0';
}

bool as_sha256_end(as_sha256 *h, as_key out, as_error *err)
{
    (void)err;
    unsigned char digest[SHA256_DIGEST_LENGTH];
    (void)SHA256_Final(digest, &h->state);
    hex(digest, out);
    as_sha256_free(h);
    return true;
}

void as_sha256_free(as_sha256 *h)
{
    free(h);
}

bool as_sha256_of(const void *bytes, size_t size, as_key out, as_error *err)
{
    (void)err;
    unsigned char digest[SHA256_DIGEST_LENGTH];
    as_sha256_pair(bytes, size, NULL, 0, digest);
    hex(digest, out);
    return true;
}

void as_sha256_pair(const void *a, size_t a_size, const void *b, size_t b_size,
                    unsigned char out[32])
{
    SHA256_CTX state;
    (void)SHA256_Init(&state);
    if (a_size) (void)SHA256_Update(&state, a, a_size);
    if (b_size) (void)SHA256_Update(&state, b, b_size);
    (void)SHA256_Final(out, &state);
}
