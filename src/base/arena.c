/* An arena is a list of blocks, filled from the front; what does not fit gets a block of its own.
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 64 << 10 };

typedef struct block {
    struct block *next;
    size_t used, room;
    alignas(max_align_t) unsigned char bytes[];
} block;

struct as_arena {
    block *first; /* the one being filled */
};

as_arena *as_arena_new(as_error *err)
{
    return as_new(1, sizeof(as_arena), err);
}

void as_arena_free(as_arena *a)
{
    if (!a) return;
    for (block *b = a->first, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(a);
}

static block *block_new(size_t room, as_error *err)
{
    size_t bytes;
    if (!as_size_add(sizeof(block), room, &bytes, err)) return NULL;
    block *b = as_new(bytes, 1, err);
    if (b) b->room = room;
    return b;
}

void *as_arena_push(as_arena *a, size_t n, size_t size, as_error *err)
{
    const size_t unit = alignof(max_align_t);
    size_t bytes;
    if (!as_size_mul(n, size, &bytes, err)) return NULL;
    if (!as_size_add(bytes ? bytes : 1, unit - 1, &bytes, err)) return NULL;
    bytes -= bytes % unit;

    block *b = a->first;
    if (!b || bytes > b->room - b->used) {
        bool alone = bytes > BLOCK_BYTES / 4;
        b = block_new(alone ? bytes : BLOCK_BYTES, err);
        if (!b) return NULL;
        if (alone && a->first) { /* keep filling the present block */
            b->next = a->first->next;
            a->first->next = b;
        } else {
            b->next = a->first;
            a->first = b;
        }
    }
    void *p = b->bytes + b->used;
    b->used += bytes;
    return p;
}

char *as_arena_copy(as_arena *a, const char *text, size_t size, as_error *err)
{
    size_t bytes;
    if (!as_size_add(size, 1, &bytes, err)) return NULL;
    char *p = as_arena_push(a, bytes, 1, err);
    if (p && size) memcpy(p, text, size);
    return p;
}

char *as_arena_text(as_arena *a, const char *text, as_error *err)
{
    return as_arena_copy(a, text, strlen(text), err);
}

char *as_arena_printf(as_arena *a, as_error *err, const char *fmt, ...)
{
    va_list args, again;
    char *p = NULL;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    if (n < 0) {
        (void)as_fail(err, AS_ELIMIT, "text too long to format");
    } else {
        p = as_arena_push(a, (size_t)n + 1, 1, err);
        if (p) (void)vsnprintf(p, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    va_end(args);
    return p;
}
