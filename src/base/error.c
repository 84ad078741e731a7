/* The one way to fail: first cause kept, places put in front of it. Texts that do not fit are cut
 * at a character and end in "...". */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *as_class_name(as_class c)
{
    static const char *const names[] = {"AS_OK",     "AS_EFORMAT", "AS_ELIMIT",   "AS_EIO",
                                        "AS_EMEM",   "AS_EREMOTE", "AS_ENUMERIC", "AS_ESANDBOX",
                                        "AS_ESTATE", "AS_EUSAGE"};
    size_t i = (size_t)c;
    return i < sizeof names / sizeof names[0] ? names[i] : "AS_?";
}

/* Ends a text that was cut to fill `size` bytes: no half UTF-8 character, "..." last. */
static void mark_cut(char *text, size_t size)
{
    if (size < 8) return;
    size_t n = size - 4;
    while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) n--;
    memcpy(text + n, "...", 4);
}

static void format(char *out, size_t size, const char *fmt, va_list args) AS_PRINTF(3, 0);
static void format(char *out, size_t size, const char *fmt, va_list args)
{
    int n = vsnprintf(out, size, fmt, args);
    if (n < 0) out[0] = '\0';
    if (n >= 0 && (size_t)n >= size) mark_cut(out, size);
}

bool as_fail(as_error *err, as_class c, const char *fmt, ...)
{
    if (err->class_ != AS_OK) return false;
    va_list args;
    va_start(args, fmt);
    format(err->what, sizeof err->what, fmt, args);
    va_end(args);
    err->class_ = c;
    err->where[0] = '\0';
    err->hint[0] = '\0';
    return false;
}

void as_error_at(as_error *err, const char *fmt, ...)
{
    if (err->class_ == AS_OK) return;
    char place[sizeof err->where], inner[sizeof err->where];
    va_list args;
    va_start(args, fmt);
    format(place, sizeof place, fmt, args);
    va_end(args);
    memcpy(inner, err->where, sizeof inner);
    int n = snprintf(err->where, sizeof err->where, "%s%s%s", place, inner[0] ? ": " : "", inner);
    if (n >= 0 && (size_t)n >= sizeof err->where) mark_cut(err->where, sizeof err->where);
}

void as_error_hint(as_error *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    format(err->hint, sizeof err->hint, fmt, args);
    va_end(args);
}

const char *as_error_text(const as_error *err, char *out, size_t size)
{
    if (size == 0) return out;
    int n = snprintf(out, size, "%s%s%s", err->where, err->where[0] ? ": " : "", err->what);
    if (n >= 0 && (size_t)n >= size) mark_cut(out, size);
    return out;
}

void as_check_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr, "%s:%d: this is a bug in assay: not true: %s\n", file, line, cond);
    abort();
}
