/* A growable list of token ids. */
#ifndef AS_TEXT_IDS_H
#define AS_TEXT_IDS_H

#include <stdint.h>

#include "base/bytes.h"

/* Start from `as_ids ids = {0}`. */
typedef struct {
    uint32_t *id; /* NULL while empty */
    size_t n, room;
} as_ids;

void as_ids_clear(as_ids *ids); /* frees; ids is empty again */
/* Room for `more` ids after n, to be written in place by the caller, who then raises n. */
AS_MUST_CHECK bool as_ids_reserve(as_ids *ids, size_t more, as_error *err);
AS_MUST_CHECK bool as_ids_add(as_ids *ids, uint32_t id, as_error *err);

#endif
