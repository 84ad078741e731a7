/* One block of memory for many pieces, each on a cache line of its own. */
#ifndef AS_ENGINE_MODEL_CARVE_INTERNAL_H
#define AS_ENGINE_MODEL_CARVE_INTERNAL_H

#include "base/bytes.h"

#define AS_CARVE_LINE ((size_t)64)

/* With base NULL it only counts; a size that does not fit sets failed and err. */
typedef struct {
    unsigned char *base; /* of as_carve_base */
    size_t at;           /* bytes handed out */
    bool failed;
    as_error *err;
} as_carver;

/* n * m * size bytes. */
void *as_carve(as_carver *c, size_t n, size_t m, size_t size);
/* The first line in memory that is AS_CARVE_LINE larger than what a carver counted. */
unsigned char *as_carve_base(void *memory);

#endif
