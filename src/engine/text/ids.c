/* A growable list of token ids. */
#include "engine/text/ids.h"

#include <stdlib.h>

void as_ids_clear(as_ids *ids)
{
    free(ids->id);
    *ids = (as_ids){0};
}

bool as_ids_reserve(as_ids *ids, size_t more, as_error *err)
{
    size_t need, bytes, room = ids->room < 32 ? 32 : ids->room;
    if (more <= ids->room - ids->n) return true;
    if (!as_size_add(ids->n, more, &need, err)) return false;
    if (room < need) room = room <= SIZE_MAX / 2 && need < room * 2 ? room * 2 : need;
    if (!as_size_mul(room, sizeof *ids->id, &bytes, err)) return false;
    uint32_t *id = realloc(ids->id, bytes);
    if (!id) return as_fail(err, AS_EMEM, "out of memory (asked for %zu token ids)", room);
    ids->id = id;
    ids->room = room;
    return true;
}

bool as_ids_add(as_ids *ids, uint32_t id, as_error *err)
{
    if (!as_ids_reserve(ids, 1, err)) return false;
    ids->id[ids->n++] = id;
    return true;
}
