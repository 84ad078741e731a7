/* A tensor that training changes: what makes it (a model, an adapter) and what moves it (an
 * optimiser) meet here. */
#ifndef AS_ENGINE_TENSOR_PARAM_H
#define AS_ENGINE_TENSOR_PARAM_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    const char *name;    /* as files call it */
    float *value, *grad; /* (rows, cols), dense; borrowed from its maker */
    size_t rows, cols;   /* rows is 1 for a vector */
    bool decays;         /* weight decay is meant for it: matrices, not gains */
} as_parameter;

#endif
