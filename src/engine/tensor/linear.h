/* Products with frozen weight matrices. A weight is laid out once, at load, in panels of 16
 * outputs, input by input, in its stored type; it is widened in registers or in a cache-sized tile,
 * never in memory. Each output element is acc = fma(x[k], w[k], acc) for k = 0, 1, ..., from acc =
 * 0, where w[k] is the float that as_dequantise gives; so a row's bits depend on that row and the
 * weight alone, for every kernel table, batch and number of threads. */
#ifndef AS_ENGINE_TENSOR_LINEAR_H
#define AS_ENGINE_TENSOR_LINEAR_H

#include "engine/tensor/exec.h"

typedef struct {
    as_dtype type;
    size_t out, in;
    size_t panel_bytes; /* of one panel of 16 outputs; the last panel is padded with zeros */
    void *panels;       /* 64-byte aligned; NULL: no weight */
    as_nf4 nf4;         /* AS_NF4: code map and rounding (its absmax lies in the panels) */
} as_weight;

/* Where rows come from: out rows of `in` elements stored row-major as `type`. */
typedef struct {
    as_dtype type;
    size_t out, in;
    const void *data;   /* borrowed during the call */
    const as_nf4 *nf4;  /* AS_NF4 only */
    const size_t *rows; /* output i is stored row rows[i]; NULL: i */
    const size_t *cols; /* input k is stored column cols[k]; NULL: k. Not for block types */
} as_weight_source;

/* Lays a weight out. Types: F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q5_K, Q6_K, NF4. A NF4 weight whose
 * `in` is not a multiple of 64 (blocks run across rows) is laid out as what it decodes to. Parallel
 * over panels. Gives: as_weight_clear. */
AS_MUST_CHECK bool as_weight_pack(const as_exec *ex, as_weight *w, const as_weight_source *source,
                                  as_error *err);
/* Other values (out, in), row-major, into a weight of type F32. */
void as_weight_refill(const as_exec *ex, as_weight *w, const float *values);
void as_weight_clear(as_weight *w); /* accepts an empty one */
size_t as_weight_bytes(const as_weight *w);

/* Row `o` widened: out (in). For embedding lookups from a tied head. */
void as_weight_row(const as_exec *ex, const as_weight *w, size_t o, float *out);

/* One product y (rows, out) = x (rows, in) W^T; rows of y are ldy apart. */
typedef struct {
    const as_weight *w;
    float *y;
    size_t ldy;
} as_product;

/* n products of the same x (rows of x are ldx apart), shared out together over the threads.
 * Cannot fail, allocates nothing. */
void as_linear(const as_exec *ex, const as_product *products, size_t n, const float *x, size_t ldx,
               size_t rows);

/* Gradient of products of one x: dx (rows, in) += sum over products of dy W, where dy is the
 * product's y (read only). Each element of dx adds, by fma, product after product and output after
 * output, in order; so its bits depend on its row and the weights alone. The panels are turned in
 * cache, never in memory. Cannot fail, allocates nothing. */
typedef struct {
    const as_weight *w;
    const float *dy;
    size_t lddy;
} as_product_back;
void as_linear_backward(const as_exec *ex, float *dx, size_t lddx, const as_product_back *products,
                        size_t n, size_t rows);

#endif
