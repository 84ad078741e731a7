/* Ids back to text, as they come, and the mending of broken UTF-8 that this needs. */
#ifndef AS_TEXT_DETOK_H
#define AS_TEXT_DETOK_H

#include "engine/text/tokenizer.h"

/* Text that is not valid UTF-8 is mended as Unicode 15.0, 3.9 "U+FFFD Substitution of Maximal
 * Subparts" recommends (and Python's errors="replace" does): each longest run of bytes that could
 * begin a character, or else each byte, becomes one U+FFFD. */

/* Bytes, in any pieces, to valid UTF-8; start from {0}. */
typedef struct {
    unsigned char held[4]; /* the beginning of a character */
    size_t n;              /* 0 to 3 */
} as_mend;

/* Appends what is decided so far. Appending fails through out (as_buf_ok). */
void as_mend_push(as_mend *m, const char *bytes, size_t size, as_buf *out);
/* Nothing follows: what was held back becomes U+FFFD. m can be used again. */
void as_mend_end(as_mend *m, as_buf *out);

/* Decoding id by id. What the pushes and the end append is, together, what as_tokenizer_decode
 * appends for all ids at once. */
typedef struct {
    const as_tokenizer *tokenizer; /* borrowed */
    bool skip_special;
    as_mend mend;
} as_detok;

void as_detok_init(as_detok *d, const as_tokenizer *t, bool skip_special);
void as_detok_push(as_detok *d, uint32_t id, as_buf *out);
void as_detok_end(as_detok *d, as_buf *out);

#endif
