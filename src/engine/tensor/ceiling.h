/* What the machine can do at most, measured as the products are: with the threads of an as_exec,
 * shared out in small tasks. A speed is worth reading only beside these, from the same minute. */
#ifndef AS_ENGINE_TENSOR_CEILING_H
#define AS_ENGINE_TENSOR_CEILING_H

#include "engine/tensor/exec.h"

double as_seconds(void); /* of a clock that only goes forward */

/* Floating-point operations a second of fused multiply-adds on registers, over about `seconds`. */
double as_ceiling_flops(const as_exec *ex, double seconds);

/* Bytes a second of reading buffer once from end to end. It should be several times larger than the
 * last cache. */
double as_ceiling_bytes(const as_exec *ex, const void *buffer, size_t bytes);

#endif
