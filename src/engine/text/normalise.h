/* Unicode normalisation form C (UAX #15). Unicode data: utf8proc, whose one home is normalise.c. */
#ifndef AS_TEXT_NORMALISE_H
#define AS_TEXT_NORMALISE_H

#include "base/bytes.h"

/* Which characters NFC leaves alone; immutable, so threads share it. */
typedef struct as_nfc as_nfc;
AS_MUST_CHECK as_nfc *as_nfc_new(as_error *err);
void as_nfc_free(as_nfc *nfc); /* accepts NULL */

/* The text's NFC. *is_same says that every character is one which NFC leaves alone, and nothing was
 * written; otherwise the form is appended to out. text (size bytes) is valid UTF-8. Takes linear
 * time, also for long runs of combining marks. */
AS_MUST_CHECK bool as_nfc_apply(const as_nfc *nfc, const char *text, size_t size, as_buf *out,
                                bool *is_same, as_error *err);

#endif
