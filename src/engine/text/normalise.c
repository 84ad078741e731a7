/* NFC by segments. A character is inert when it is a starter, is its own NFC, and never composes
 * with what stands before it: text may be cut before it, and it changes only when a character that
 * is not inert follows. So only those runs, with the inert character before them, are decomposed,
 * put in order and composed. utf8proc supplies the decompositions and the composition; its ordering
 * of marks is quadratic and is replaced here. */
#include "engine/text/normalise.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { N_KNOWN = 0x30000, MOST = 18, SHORT = 32 }; /* planes 0 to 2; the rest takes the long way */
static const utf8proc_option_t form = UTF8PROC_STABLE | UTF8PROC_COMPOSE;

struct as_nfc {
    uint8_t inert[N_KNOWN / 8]; /* one bit a code point */
};

typedef struct {
    utf8proc_int32_t *c;
    size_t n, room;
} points;

static void set_inert(as_nfc *nfc, uint32_t c, bool is)
{
    uint8_t bit = (uint8_t)(1u << (c & 7));
    nfc->inert[c >> 3] = (uint8_t)(is ? nfc->inert[c >> 3] | bit : nfc->inert[c >> 3] & ~bit);
}

static bool is_inert(const as_nfc *nfc, uint32_t c)
{
    return c < N_KNOWN && nfc->inert[c >> 3] >> (c & 7) & 1;
}

static unsigned combining(utf8proc_int32_t c)
{
    return (unsigned)utf8proc_get_property(c)->combining_class;
}

/* Full canonical decomposition; returns its length. */
static size_t decompose(uint32_t c, utf8proc_int32_t out[MOST])
{
    int boundary = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)c, out, MOST, form, &boundary);
    AS_CHECK(n > 0 && n <= MOST); /* the longest has 4 */
    return (size_t)n;
}

as_nfc *as_nfc_new(as_error *err)
{
    utf8proc_int32_t d[MOST];
    as_nfc *nfc = as_new(1, sizeof *nfc, err);
    if (!nfc) return NULL;
    memset(nfc->inert, 0xff, sizeof nfc->inert);
    for (uint32_t c = 0x80; c < N_KNOWN; c++) { /* what composes with something before it */
        if (combining((utf8proc_int32_t)c)) set_inert(nfc, c, false);
        size_t n = decompose(c, d);
        for (size_t i = 1; i < n; i++)
            if (d[i] < N_KNOWN) set_inert(nfc, (uint32_t)d[i], false);
    }
    for (uint32_t c = 0x80; c < N_KNOWN; c++) { /* what is not its own form, or begins with that */
        size_t n = decompose(c, d);
        if (n == 1 && d[0] == (utf8proc_int32_t)c) continue;
        bool begins_well = is_inert(nfc, (uint32_t)d[0]);
        bool is_own = utf8proc_normalize_utf32(d, (utf8proc_ssize_t)n, form) == 1 &&
                      d[0] == (utf8proc_int32_t)c;
        if (!begins_well || !is_own) set_inert(nfc, c, false);
    }
    return nfc;
}

void as_nfc_free(as_nfc *nfc)
{
    free(nfc);
}

static bool reserve(points *p, size_t more, as_error *err)
{
    if (p->room - p->n >= more) return true;
    size_t room = p->room * 2 + more + 64, bytes;
    if (!as_size_mul(room, sizeof *p->c, &bytes, err)) return false;
    utf8proc_int32_t *c = realloc(p->c, bytes);
    if (!c) return as_fail(err, AS_EMEM, "out of memory (asked for %zu bytes)", bytes);
    p->c = c;
    p->room = room;
    return true;
}

/* Sorts n combining marks by class, equal ones kept in order. */
static bool order_marks(utf8proc_int32_t *c, size_t n, as_error *err)
{
    size_t start[256] = {0}, sum = 0;
    if (n <= SHORT) {
        for (size_t i = 1; i < n; i++)
            for (size_t k = i; k > 0 && combining(c[k - 1]) > combining(c[k]); k--) {
                utf8proc_int32_t t = c[k];
                c[k] = c[k - 1];
                c[k - 1] = t;
            }
        return true;
    }
    utf8proc_int32_t *copy = as_new(n, sizeof *copy, err);
    if (!copy) return false;
    memcpy(copy, c, n * sizeof *copy);
    for (size_t i = 0; i < n; i++) start[combining(copy[i])]++;
    for (size_t k = 0; k < 256; k++) {
        size_t count = start[k];
        start[k] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++) c[start[combining(copy[i])]++] = copy[i];
    free(copy);
    return true;
}

/* The NFC of one segment, appended to out. */
static bool compose_segment(points *p, const char *text, size_t size, as_buf *out, as_error *err)
{
    p->n = 0;
    for (size_t at = 0; at < size;) {
        uint32_t c = 0;
        at += as_utf8_next(text + at, size - at, &c);
        if (!reserve(p, MOST, err)) return false;
        p->n += decompose(c, p->c + p->n);
    }
    for (size_t i = 0; i < p->n;) {
        size_t end = i;
        while (end < p->n && combining(p->c[end])) end++;
        if (end > i + 1 && !order_marks(p->c + i, end - i, err)) return false;
        i = end + 1;
    }
    size_t n = (size_t)utf8proc_normalize_utf32(p->c, (utf8proc_ssize_t)p->n, form);
    for (size_t i = 0; i < n; i++) {
        utf8proc_uint8_t u[4];
        as_buf_add(out, u, (size_t)utf8proc_encode_char(p->c[i], u));
    }
    return as_buf_ok(out, err);
}

/* From `at`, the first character that is not inert: *from is the start of the inert character
 * before it (or `at`), *to is where the next inert character begins. False at the end. */
static bool find_segment(const as_nfc *nfc, const char *text, size_t size, size_t at, size_t *from,
                         size_t *to)
{
    size_t before = at, n;
    uint32_t c;
    for (;; before = at, at += n) {
        while (at < size && !((unsigned char)text[at] & 0x80)) before = at++;
        if (at == size) return false;
        n = as_utf8_next(text + at, size - at, &c);
        if (!is_inert(nfc, c)) break;
    }
    *from = before;
    for (at += n; at < size; at += n) {
        n = as_utf8_next(text + at, size - at, &c);
        if (is_inert(nfc, c)) break;
    }
    *to = at;
    return true;
}

bool as_nfc_apply(const as_nfc *nfc, const char *text, size_t size, as_buf *out, bool *is_same,
                  as_error *err)
{
    size_t at = 0, from, to;
    points p = {0};
    bool ok = true;
    *is_same = true;
    while (ok && find_segment(nfc, text, size, at, &from, &to)) {
        *is_same = false;
        as_buf_add(out, text + at, from - at);
        ok = compose_segment(&p, text + from, to - from, out, err);
        at = to;
    }
    if (ok && !*is_same) {
        as_buf_add(out, text + at, size - at);
        ok = as_buf_ok(out, err);
    }
    free(p.c);
    return ok;
}
