/* A piece of memory with a name of its own: what a checkpoint is made of. */
#ifndef AS_ENGINE_TRAIN_PART_H
#define AS_ENGINE_TRAIN_PART_H

#include <stddef.h>

typedef struct {
    const char *name;
    void *data;
    size_t bytes;
} as_part;

#endif
