/* How an open GGUF file lies in memory; never leaves the room. */
#ifndef AS_ENGINE_FORMAT_GGUF_INTERNAL_H
#define AS_ENGINE_FORMAT_GGUF_INTERNAL_H

#include "base/arena.h"
#include "engine/format/gguf.h"

/* One entry of the metadata. */
typedef struct {
    const char *key; /* in the file, not terminated */
    size_t key_size;
    as_gguf_type type;
    const unsigned char *value; /* of a text or an array: behind its length */
    size_t size;                /* of a text: its bytes */
    as_gguf_array array;        /* AS_GGUF_ARRAY */
} as_gguf_entry;

struct as_gguf {
    as_map *map; /* NULL when the bytes are borrowed */
    as_arena *arena;
    const char *file; /* escaped, in the arena */
    as_gguf_entry *entry;
    size_t n_entries; /* in order of keys */
    as_tensor *tensor;
    size_t n;
};

enum { AS_GGUF_N_TYPES = AS_GGUF_F64 + 1 };

/* Bytes of one value; 0 for text and array. */
size_t as_gguf_type_size(as_gguf_type t);

/* Order of keys: by bytes, a shorter one before its continuations. */
int as_gguf_compare_keys(const char *a, size_t a_size, const char *b, size_t b_size);

/* NULL: none. */
const as_gguf_entry *as_gguf_find(const as_gguf *g, const char *key);

uint32_t as_gguf_load_u32(const unsigned char *p);
uint64_t as_gguf_load_u64(const unsigned char *p);

#endif
