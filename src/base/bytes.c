/* Checked sizes, growable byte strings, UTF-8, shortest doubles, and the escaping of foreign text.
 */
#include "base/bytes.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool as_size_mul(size_t a, size_t b, size_t *out, as_error *err)
{
    if (b != 0 && a > SIZE_MAX / b) {
        return as_fail(err, AS_ELIMIT, "size (found %zu x %zu, expected at most %zu)", a, b,
                       (size_t)SIZE_MAX);
    }
    *out = a * b;
    return true;
}

bool as_size_add(size_t a, size_t b, size_t *out, as_error *err)
{
    if (a > SIZE_MAX - b) {
        return as_fail(err, AS_ELIMIT, "size (found %zu + %zu, expected at most %zu)", a, b,
                       (size_t)SIZE_MAX);
    }
    *out = a + b;
    return true;
}

void *as_new(size_t n, size_t size, as_error *err)
{
    size_t bytes = 0;
    if (!as_size_mul(n, size, &bytes, err)) return NULL;
    void *p = calloc(bytes ? bytes : 1, 1);
    if (!p) (void)as_fail(err, AS_EMEM, "out of memory (asked for %zu bytes)", bytes);
    return p;
}

/* --- byte strings -------------------------------------------------------------------------- */

void as_buf_clear(as_buf *b)
{
    free(b->data);
    *b = (as_buf){0};
}

bool as_buf_reserve(as_buf *b, size_t more)
{
    if (b->failed) return false;
    if (b->data && more < b->room - b->size) return true;
    b->failed = true;
    if (more >= SIZE_MAX - b->size) return false;
    size_t need = b->size + more + 1;
    size_t room = b->room < 32 ? 32 : b->room;
    if (room < need) room = room <= SIZE_MAX / 2 && need < room * 2 ? room * 2 : need;
    char *data = realloc(b->data, room);
    if (!data) return false;
    data[b->size] = '\0';
    b->data = data;
    b->room = room;
    b->failed = false;
    return true;
}

void as_buf_add(as_buf *b, const void *bytes, size_t size)
{
    if (size == 0 || !as_buf_reserve(b, size)) return;
    memcpy(b->data + b->size, bytes, size);
    b->size += size;
    b->data[b->size] = '\0';
}

void as_buf_puts(as_buf *b, const char *text)
{
    as_buf_add(b, text, strlen(text));
}

void as_buf_printf(as_buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    if (n < 0) b->failed = true;
    if (n > 0 && as_buf_reserve(b, (size_t)n)) {
        (void)vsnprintf(b->data + b->size, (size_t)n + 1, fmt, again);
        b->size += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

bool as_buf_ok(const as_buf *b, as_error *err)
{
    if (!b->failed) return true;
    return as_fail(err, AS_EMEM, "out of memory (text of more than %zu bytes)", b->size);
}

const char *as_buf_text(const as_buf *b)
{
    return b->data ? b->data : "";
}

/* --- numbers ------------------------------------------------------------------------------- */

const char *as_double_text(double x, char out[32])
{
    if (!isfinite(x)) {
        memcpy(out, "null", 5);
        return out;
    }
    /* A decimal of at most 15 digits survives the way through a normal double, so %.15g finds it;
     * 17 digits always suffice. Numbers below the normal range may need fewer. */
    for (int digits = fabs(x) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        (void)snprintf(out, 32, "%.*g", digits, x);
        if (strtod(out, NULL) == x) break;
    }
    return out;
}

/* --- UTF-8 --------------------------------------------------------------------------------- */

size_t as_utf8_next(const char *p, size_t left, uint32_t *cp)
{
    const unsigned char *s = (const unsigned char *)p;
    if (left == 0) return 0;
    if (s[0] < 0x80) {
        *cp = s[0];
        return 1;
    }
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || left < n) return 0;
    uint32_t c = s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0;
        c = c << 6 | (s[i] & 0x3fu);
    }
    if ((n == 3 && c < 0x800) || (n == 4 && c < 0x10000)) return 0;
    if ((c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff) return 0;
    *cp = c;
    return n;
}

bool as_utf8_valid(const char *p, size_t size, size_t *bad_at)
{
    size_t i = 0;
    while (i < size) {
        uint32_t cp;
        size_t n = as_utf8_next(p + i, size - i, &cp);
        if (n == 0) {
            if (bad_at) *bad_at = i;
            return false;
        }
        i += n;
    }
    return true;
}

/* --- foreign text -------------------------------------------------------------------------- */

/* Control codes (C0, DEL, C1), marks that turn the writing direction, line separators. */
static bool is_hidden(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* Escapes one character at p into out (at most 16 bytes and a NUL) and returns how many bytes of p
 * it took; *n is the length of the escaped text. */
static size_t escape_one(const char *p, size_t left, char out[17], size_t *n)
{
    uint32_t cp = 0;
    size_t took = as_utf8_next(p, left, &cp);
    if (took > 0 && !is_hidden(cp)) {
        memcpy(out, p, took);
        *n = took;
        return took;
    }
    if (took == 0) took = 1;
    for (size_t i = 0; i < took; i++) {
        (void)snprintf(out + 4 * i, 5, "\\x%02x", (unsigned)(unsigned char)p[i]);
    }
    *n = 4 * took;
    return took;
}

const char *as_escape(const char *text, size_t size, char out[AS_ESCAPE_SIZE])
{
    enum { CUT = 200 };
    size_t at = 0, used = 0;
    while (at < size) {
        char piece[17];
        size_t n, took = escape_one(text + at, size - at, piece, &n);
        if (at + took > CUT) break;
        memcpy(out + used, piece, n);
        used += n;
        at += took;
    }
    memcpy(out + used, at < size ? "..." : "", at < size ? 4 : 1);
    return out;
}

void as_buf_escape(as_buf *b, const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        char piece[17];
        size_t n;
        at += escape_one(text + at, size - at, piece, &n);
        as_buf_add(b, piece, n);
    }
}
