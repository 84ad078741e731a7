/* How open checkpoint files lie together; never leaves the room. */
#ifndef AS_ENGINE_FORMAT_TENSORS_INTERNAL_H
#define AS_ENGINE_FORMAT_TENSORS_INTERNAL_H

#include "base/arena.h"
#include "engine/format/gguf.h"
#include "engine/format/safetensors.h"

struct as_tensors {
    as_arena *arena;
    const char *name; /* what was opened, escaped, in the arena */
    const char *note;
    as_map **map; /* (room) owned; those opened */
    as_safetensors **part;
    size_t n_maps, n_parts, room;
    as_gguf *gguf;
    const as_tensor **all;  /* (n_all) as stored, in order of names */
    const as_tensor **seen; /* (n_seen) as callers see them, in order of names */
    size_t n_all, n_seen;
};

/* Puts FILE: tensor "NAME" before a failure; returns false. */
bool as_tensor_fail_at(as_error *err, const char *file, const char *name);

/* Position of name in an ascending list, or n. */
size_t as_tensors_search(const as_tensor *const *list, size_t n, const char *name);

/* Fills seen from all: the pieces of each bitsandbytes NF4 weight become that weight. */
AS_MUST_CHECK bool as_tensors_join_nf4(as_tensors *t, as_error *err);

/* Opens a sharded model: `dir` holds `index`. Fills part, all and note; name is set. */
AS_MUST_CHECK bool as_tensors_open_shards(as_tensors *t, const char *dir, const char *index,
                                          as_error *err);
/* Maps one file and reads its header through `format`, or the format its name or bytes tell when
 * that is NULL. There must be room. */
AS_MUST_CHECK bool as_tensors_add_file(as_tensors *t, const as_format *format, const char *path,
                                       as_error *err);
AS_MUST_CHECK bool as_tensors_make_room(as_tensors *t, size_t n_files, as_error *err);
/* Sorts all by names; AS_EFORMAT when one is there twice. */
AS_MUST_CHECK bool as_tensors_sort(as_tensors *t, as_error *err);

/* as_tensors_digest_in for files that have been quiet for more than quiet_s seconds. */
AS_MUST_CHECK bool as_tensors_digest_quiet(const as_tensors *t, const char *cache, int64_t quiet_s,
                                           as_key out, as_error *err);

extern const as_format as_format_safetensors, as_format_gguf;

#endif
