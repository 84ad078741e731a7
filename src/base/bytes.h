/* Sizes that come from outside, growable byte strings, UTF-8, and the escaping of foreign text. */
#ifndef AS_BASE_BYTES_H
#define AS_BASE_BYTES_H

#include <stdint.h>

#include "base/error.h"

/* *out = a * b or a + b; AS_ELIMIT when it does not fit. The only arithmetic allowed on sizes that
 * a file claims. */
AS_MUST_CHECK bool as_size_mul(size_t a, size_t b, size_t *out, as_error *err);
AS_MUST_CHECK bool as_size_add(size_t a, size_t b, size_t *out, as_error *err);

/* calloc with the product checked; never returns NULL for n == 0. Gives: free(). */
AS_MUST_CHECK void *as_new(size_t n, size_t size, as_error *err);

/* Growable byte string, always followed by a NUL that `size` does not count. Start from
 * `as_buf b = {0}`. Appending to a buffer that failed once is a no-op, so a writer checks once, at
 * the end, with as_buf_ok. */
typedef struct {
    char *data; /* NULL while empty */
    size_t size, room;
    bool failed;
} as_buf;

void as_buf_clear(as_buf *b); /* frees; b is empty again */
void as_buf_add(as_buf *b, const void *bytes, size_t size);
void as_buf_puts(as_buf *b, const char *text);
/* Room for `more` bytes after size, to be written in place by the caller (who then raises size and
 * writes the NUL). False when out of memory; the buffer has then failed. */
bool as_buf_reserve(as_buf *b, size_t more);
void as_buf_printf(as_buf *b, const char *fmt, ...) AS_PRINTF(2, 3);
AS_MUST_CHECK bool as_buf_ok(const as_buf *b, as_error *err); /* AS_EMEM if an append failed */
const char *as_buf_text(const as_buf *b);                     /* "" when empty */

/* Shortest decimal text that reads back as the same double ("0.1", "-3", "1e-07"); NaN and
 * infinities give "null". `out` has room for 32 bytes. Returns out. */
const char *as_double_text(double x, char out[32]);

/* Length in bytes (1 to 4) of the UTF-8 character at p, with its code point in *cp; 0 when the
 * bytes are not valid UTF-8 (overlong, surrogate, above U+10FFFF, cut). */
size_t as_utf8_next(const char *p, size_t left, uint32_t *cp);
bool as_utf8_valid(const char *p, size_t size, size_t *bad_at); /* bad_at may be NULL */

/* Foreign text for a message: control bytes, bidi marks (U+061C U+200E U+200F U+202A..202E
 * U+2066..2069), line separators and invalid UTF-8 become \xNN; cut at 200 bytes with "..." after.
 * Returns out. */
#define AS_ESCAPE_SIZE 832
const char *as_escape(const char *text, size_t size, char out[AS_ESCAPE_SIZE]);

/* Like as_escape, without the cut, appended to b. */
void as_buf_escape(as_buf *b, const char *text, size_t size);

#endif
