/* Words and numbers of a page. Everything that comes from a report is foreign: it reaches the page
 * only through these functions. */
#ifndef AS_APP_REPORT_TEXT_H
#define AS_APP_REPORT_TEXT_H

#include "base/bytes.h"
#include "base/hash.h"
#include "base/json.h"

/* Foreign text, fit for content and for a quoted attribute: & < > " ' become entities, control
 * characters their pictures (U+2400 block), bidi marks, invisible characters, noncharacters and
 * piled-up combining marks the symbol for their code, as in ⟨U+202E⟩. Nothing is left out. */
void as_html_put(as_buf *b, const char *text);
/* The same, cut to `width` columns with an ellipsis in the middle, since names often differ at the
 * end (CJK and emoji count two). */
void as_html_put_cut(as_buf *b, const char *text, size_t width);
/* Columns the text takes. */
size_t as_html_width(const char *text);

/* Members of an object; "" and NaN when absent or of another type. Borrow. */
const char *as_html_text_of(const json_t *o, const char *key);
double as_html_number_of(const json_t *o, const char *key);
/* The number that a text holds in full ("0.65", "-1e-3", "1/2") or that a JSON number is. */
double as_html_number_in(const json_t *value);

/* Any JSON value in words, for details: members and items in order, numbers with six digits, at
 * most 200 items of a list and then how many there are. */
void as_html_value(as_buf *b, const json_t *value);

/* A number for reading: three decimals below ten, fewer above, powers of ten when tiny or huge, a
 * true minus, an en dash for NaN. Whole numbers have no decimals when is_count. Returns out. */
#define AS_HTML_NUMBER 64
const char *as_html_number(double x, bool is_count, char out[AS_HTML_NUMBER]);
/* A p value: "&lt; 0.001" or three decimals. */
const char *as_html_p(double p, char out[AS_HTML_NUMBER]);
/* As few digits as it needs, four at most, true minus: a dose, a bar. */
const char *as_html_short(double x, char out[AS_HTML_NUMBER]);
/* Fixed decimals, true minus: a tick. */
const char *as_html_fixed(double x, int decimals, char out[AS_HTML_NUMBER]);

/* The digest of a hex key in base64 (RFC 4648), 44 characters and a NUL. */
void as_html_base64(const as_key key, char out[45]);

#endif
