/* Products of dense float matrices, as training needs them: low-rank factors and weight gradients.
 * Each element of c adds its products in the order of k by fma, starting from what c holds; so the
 * bits do not depend on the number of threads, and adding the terms of k in two calls gives the
 * bits of one. Any sizes. Allocate nothing, cannot fail. */
#ifndef AS_ENGINE_TENSOR_MATMUL_H
#define AS_ENGINE_TENSOR_MATMUL_H

#include "engine/tensor/exec.h"

/* c (m, n) += a (m, k) b (k, n); rows ldc, lda, ldb floats apart. */
void as_matmul(const as_exec *ex, float *c, size_t ldc, const float *a, size_t lda, const float *b,
               size_t ldb, size_t m, size_t n, size_t k);

/* c (m, n) += a^T b with a (k, m): a weight gradient dW (out, in) += dy^T x over k rows. */
void as_matmul_tn(const as_exec *ex, float *c, size_t ldc, const float *a, size_t lda,
                  const float *b, size_t ldb, size_t m, size_t n, size_t k);

/* y (cols, rows) = x^T for x (rows, cols); rows ldy, ldx apart. */
void as_transpose(const as_exec *ex, float *y, size_t ldy, const float *x, size_t ldx, size_t rows,
                  size_t cols);

#endif
