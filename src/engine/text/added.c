/* A tree of bytes; the first byte through a table, since most texts hold few places to look. */
#include "engine/text/added.h"

#include <stdlib.h>

#define NO_ID UINT32_MAX

typedef struct {
    uint32_t child, sibling; /* 0: none */
    uint32_t id;             /* of the text that ends here; NO_ID */
    unsigned char byte;
} node;

struct as_added {
    node *node; /* node[0] stands for "none" */
    size_t n, room;
    uint32_t root[256];
};

as_added *as_added_new(as_error *err)
{
    as_added *a = as_new(1, sizeof *a, err);
    if (!a) return NULL;
    a->room = 64;
    a->n = 1;
    a->node = as_new(a->room, sizeof *a->node, err);
    if (a->node) return a;
    as_added_free(a);
    return NULL;
}

void as_added_free(as_added *a)
{
    if (!a) return;
    free(a->node);
    free(a);
}

static bool add_node(as_added *a, unsigned char byte, uint32_t sibling, uint32_t *at, as_error *err)
{
    if (a->n == a->room) {
        size_t bytes;
        if (a->n > NO_ID / 2) return as_fail(err, AS_ELIMIT, "too many bytes of added tokens");
        if (!as_size_mul(a->room * 2, sizeof *a->node, &bytes, err)) return false;
        node *more = realloc(a->node, bytes);
        if (!more) return as_fail(err, AS_EMEM, "out of memory (asked for %zu bytes)", bytes);
        a->node = more;
        a->room *= 2;
    }
    *at = (uint32_t)a->n;
    a->node[a->n++] = (node){.sibling = sibling, .id = NO_ID, .byte = byte};
    return true;
}

/* The child of `first`'s row that holds byte; 0. */
static uint32_t among(const as_added *a, uint32_t first, unsigned char byte)
{
    while (first && a->node[first].byte != byte) first = a->node[first].sibling;
    return first;
}

bool as_added_put(as_added *a, const char *text, size_t size, uint32_t id, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    uint32_t at = 0;
    if (size == 0) return as_fail(err, AS_EFORMAT, "added token %u has no text", (unsigned)id);
    if (size > AS_ADDED_MAX_TEXT)
        return as_fail(err, AS_ELIMIT, "added token %u (found %zu bytes, expected at most %d)",
                       (unsigned)id, size, AS_ADDED_MAX_TEXT);
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        uint32_t first = i == 0 ? a->root[byte] : a->node[at].child;
        uint32_t next = among(a, first, byte);
        if (!next) {
            if (!add_node(a, byte, first, &next, err)) return false;
            *(i == 0 ? &a->root[byte] : &a->node[at].child) = next;
        }
        at = next;
    }
    if (a->node[at].id != NO_ID)
        return as_fail(err, AS_EFORMAT, "added token \"%s\": text given twice (id %u and id %u)",
                       as_escape(text, size, shown), (unsigned)a->node[at].id, (unsigned)id);
    a->node[at].id = id;
    return true;
}

bool as_added_find(const as_added *a, const char *text, size_t size, uint32_t *id)
{
    uint32_t at = size ? a->root[(unsigned char)text[0]] : 0;
    for (size_t i = 1; at && i < size; i++)
        at = among(a, a->node[at].child, (unsigned char)text[i]);
    if (!at || a->node[at].id == NO_ID) return false;
    *id = a->node[at].id;
    return true;
}

/* Bytes of the longest added token at the start of text; 0. */
static size_t longest(const as_added *a, const char *text, size_t size, uint32_t *id)
{
    size_t best = 0;
    uint32_t at = a->root[(unsigned char)text[0]];
    for (size_t i = 1; at; i++) {
        if (a->node[at].id != NO_ID) {
            best = i;
            *id = a->node[at].id;
        }
        at = i < size ? among(a, a->node[at].child, (unsigned char)text[i]) : 0;
    }
    return best;
}

bool as_added_next(const as_added *a, const char *text, size_t size, size_t *at, size_t *length,
                   uint32_t *id)
{
    for (; *at < size; ++*at) {
        if (!a->root[(unsigned char)text[*at]]) continue;
        *length = longest(a, text + *at, size - *at, id);
        if (*length) return true;
    }
    return false;
}
