/* What a row remembers between steps: pages of keys and values for each layer that makes its own,
 * and the recurrent state of delta layers. Pages are counted references, so rows with the same
 * prefix share them; a shared page is copied before it is written. */
#ifndef AS_ENGINE_MODEL_CACHE_H
#define AS_ENGINE_MODEL_CACHE_H

#include "engine/model/config.h"

typedef struct as_cache as_cache;         /* the pages of one model in one process */
typedef struct as_cache_row as_cache_row; /* one row */

AS_MUST_CHECK as_cache *as_cache_new(const as_config *config, as_error *err);
void as_cache_free(as_cache *c);          /* all rows must be gone */
size_t as_cache_bytes(const as_cache *c); /* memory held now */

/* An empty row that can grow to `capacity` tokens. */
AS_MUST_CHECK as_cache_row *as_cache_row_new(as_cache *c, size_t capacity, as_error *err);
void as_cache_row_free(as_cache_row *r);           /* its pages go back */
size_t as_cache_row_length(const as_cache_row *r); /* tokens held */

/* `to` becomes a copy of `from` (both of one cache): pages shared, states copied. */
AS_MUST_CHECK bool as_cache_row_copy(as_cache_row *to, const as_cache_row *from, as_error *err);

#endif
