/* Memory with one lifetime: everything pushed is freed at once. */
#ifndef AS_BASE_ARENA_H
#define AS_BASE_ARENA_H

#include "base/bytes.h"

typedef struct as_arena as_arena;

AS_MUST_CHECK as_arena *as_arena_new(as_error *err);
void as_arena_free(as_arena *a); /* accepts NULL */

/* n * size zeroed bytes, aligned for any type. Borrowed until as_arena_free. */
AS_MUST_CHECK void *as_arena_push(as_arena *a, size_t n, size_t size, as_error *err);
/* A NUL-terminated copy of `size` bytes. */
AS_MUST_CHECK char *as_arena_copy(as_arena *a, const char *text, size_t size, as_error *err);
/* The whole text, NUL-terminated. */
AS_MUST_CHECK char *as_arena_text(as_arena *a, const char *text, as_error *err);
/* printf into the arena. */
AS_MUST_CHECK char *as_arena_printf(as_arena *a, as_error *err, const char *fmt, ...)
    AS_PRINTF(3, 4);

#endif
