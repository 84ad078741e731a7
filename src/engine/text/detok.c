/* Ids to text. The state between ids is the at most three bytes of a character not yet whole. */
#include "engine/text/detok.h"

#include <string.h>

static const char replacement[] = "\xef\xbf\xbd";

/* How far the bytes go as a character: *whole when they hold one, otherwise the length (at least 1)
 * of the longest part that could begin one. Unicode 15.0, table 3-7. */
static size_t subpart(const unsigned char *s, size_t n, bool *whole)
{
    unsigned char c = s[0], low = 0x80, high = 0xbf;
    size_t need = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    *whole = need == 1;
    if (need < 2) return 1;
    if (c == 0xe0) low = 0xa0;
    if (c == 0xed) high = 0x9f;
    if (c == 0xf0) low = 0x90;
    if (c == 0xf4) high = 0x8f;
    size_t i = 1;
    for (; i < need && i < n && s[i] >= low && s[i] <= high; i++) low = 0x80, high = 0xbf;
    *whole = i == need;
    return i;
}

/* Bytes that open a character of which n may be only the beginning. */
static bool is_open(const unsigned char *s, size_t n)
{
    bool whole;
    size_t need = s[0] < 0xc2 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 1;
    return n < need && subpart(s, n, &whole) == n;
}

/* The held bytes and the next ones, until none are held. Returns how many of bytes were taken. */
static size_t finish_held(as_mend *m, const char *bytes, size_t size, as_buf *out)
{
    size_t taken = 0;
    while (m->n > 0 && taken < size) {
        bool whole;
        m->held[m->n] = (unsigned char)bytes[taken];
        size_t part = subpart(m->held, m->n + 1, &whole);
        if (part == m->n) { /* the next byte does not go on with it */
            as_buf_add(out, replacement, 3);
            m->n = 0;
            break;
        }
        taken++;
        m->n++;
        if (whole) {
            as_buf_add(out, m->held, m->n);
            m->n = 0;
        }
    }
    return taken;
}

void as_mend_push(as_mend *m, const char *bytes, size_t size, as_buf *out)
{
    size_t at = finish_held(m, bytes, size, out), start = at;
    while (at < size) {
        const unsigned char *s = (const unsigned char *)bytes + at;
        bool whole = true;
        size_t part = s[0] < 0x80 ? 1 : subpart(s, size - at, &whole);
        if (!whole) {
            as_buf_add(out, bytes + start, at - start);
            if (is_open(s, size - at)) {
                m->n = size - at;
                memcpy(m->held, s, m->n);
                return;
            }
            as_buf_add(out, replacement, 3);
            start = at + part;
        }
        at += part;
    }
    as_buf_add(out, bytes + start, at - start);
}

void as_mend_end(as_mend *m, as_buf *out)
{
    if (m->n > 0) as_buf_add(out, replacement, 3);
    m->n = 0;
}

void as_detok_init(as_detok *d, const as_tokenizer *t, bool skip_special)
{
    *d = (as_detok){.tokenizer = t, .skip_special = skip_special};
}

void as_detok_push(as_detok *d, uint32_t id, as_buf *out)
{
    size_t size;
    if (d->skip_special && as_tokenizer_is_special(d->tokenizer, id)) return;
    const char *piece = as_tokenizer_piece(d->tokenizer, id, &size);
    if (piece) as_mend_push(&d->mend, piece, size, out);
}

void as_detok_end(as_detok *d, as_buf *out)
{
    as_mend_end(&d->mend, out);
}

void as_tokenizer_decode(const as_tokenizer *t, const uint32_t *ids, size_t n, bool skip_special,
                         as_buf *out)
{
    as_detok d;
    as_detok_init(&d, t, skip_special);
    for (size_t i = 0; i < n; i++) as_detok_push(&d, ids[i], out);
    as_detok_end(&d, out);
}
