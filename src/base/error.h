/* One way to fail. What can fail takes `as_error *err` last (never NULL) and returns false or NULL
 * with `err` set; what cannot fail has no `err`. Messages read outside in:
 *
 *     FILE: WHERE: WHAT (found X, expected Y)
 *
 * `where` collects the places, outermost first; `what` is the first cause. */
#ifndef AS_BASE_ERROR_H
#define AS_BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

typedef enum {
    AS_OK,
    AS_EFORMAT,  /* malformed input */
    AS_ELIMIT,   /* a named limit was reached */
    AS_EIO,      /* the system refused: open, read, write, sync */
    AS_EMEM,     /* out of memory */
    AS_EREMOTE,  /* a service failed */
    AS_ENUMERIC, /* NaN, Inf, no convergence */
    AS_ESANDBOX, /* no way to run untrusted code */
    AS_ESTATE,   /* locked, foreign, newer or changed state */
    AS_EUSAGE    /* command line or plan key */
} as_class;

typedef struct {
    as_class class_;
    char where[768];
    char what[1024];
    char hint[256];
} as_error;

/* "AS_EFORMAT" and so on. */
const char *as_class_name(as_class c);

/* Records the first cause and returns false, so that `return as_fail(...)` reads well. Arguments
 * that come from outside must have gone through as_escape() (base/bytes.h). When `err` already
 * holds a cause it is kept. */
bool as_fail(as_error *err, as_class c, const char *fmt, ...) AS_PRINTF(3, 4);

/* Prepends a place: "PLACE: " goes before what `where` holds. No-op when err holds no cause. */
void as_error_at(as_error *err, const char *fmt, ...) AS_PRINTF(2, 3);

/* Sets the one-line advice shown after the message. */
void as_error_hint(as_error *err, const char *fmt, ...) AS_PRINTF(2, 3);

/* "WHERE: WHAT" into out (cut to size, always terminated). Returns out. */
const char *as_error_text(const as_error *err, char *out, size_t size);

/* For our own bugs, never for input: prints file, line and condition, then aborts. On in release.
 */
#define AS_CHECK(cond) ((cond) ? (void)0 : as_check_failed(#cond, __FILE__, __LINE__))
AS_NORETURN void as_check_failed(const char *cond, const char *file, int line);

#endif
