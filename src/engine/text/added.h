/* Added tokens: texts that stand for one id each and are cut out before anything else. */
#ifndef AS_TEXT_ADDED_H
#define AS_TEXT_ADDED_H

#include <stdint.h>

#include "base/bytes.h"

#define AS_ADDED_MAX_TEXT 1024 /* bytes of one */

typedef struct as_added as_added;

AS_MUST_CHECK as_added *as_added_new(as_error *err);
void as_added_free(as_added *a); /* accepts NULL */

/* Fails (AS_EFORMAT) on an empty text and on one given before. */
AS_MUST_CHECK bool as_added_put(as_added *a, const char *text, size_t size, uint32_t id,
                                as_error *err);
/* The id of exactly this text. */
AS_MUST_CHECK bool as_added_find(const as_added *a, const char *text, size_t size, uint32_t *id);

/* The leftmost added token that begins at *at or later and ends by `size`, the longest of those
 * that begin there: *at is where, *length its bytes. False when there is none. */
AS_MUST_CHECK bool as_added_next(const as_added *a, const char *text, size_t size, size_t *at,
                                 size_t *length, uint32_t *id);

#endif
