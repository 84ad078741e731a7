/* One table of inner loops per instruction set. The scalar table defines what is correct, and every
 * other table gives the same bits: each loop adds in the order stated here, with fused
 * multiply-adds where it says fma, so no result depends on the processor, the number of rows or the
 * number of threads. Lanes are always 16: a sum over n elements keeps 16 partial sums, element i
 * going to lane i % 16 in order, and adds them up as a fixed tree (lane i + lane i+8, then +4, +2,
 * +1). */
#ifndef AS_ENGINE_TENSOR_KERNELS_H
#define AS_ENGINE_TENSOR_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "engine/tensor/quant.h"

#define AS_LANES 16
#define AS_FEW 28 /* rows that `few` takes at once, at most */

/* One step of AdamW (kernels.adamw): the share of a new value in each moment, rate and eps with the
 * corrections of bias in them, and the share of a parameter that decays. */
typedef struct {
    float of_m, of_v, rate, eps, decay;
} as_adamw;

typedef struct as_kernels {
    const char *name; /* "scalar", "avx2", "avx512": stored with every result */
    bool (*is_supported)(void);

    /* c (m, n) = c + a (m, k) b (k, n): each element of c adds its products for k = 0, 1, 2, ... by
     * one fma each. Rows of a, b, c are lda, ldb, ldc floats apart; n is a multiple of 16. */
    void (*tile)(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb,
                 size_t m, size_t n, size_t k);

    /* Widens inputs [k0, k0 + nk) of one packed panel (16 outputs, linear.h) to float, exactly as
     * as_dequantise does: out[k * ldo + lane]. k0 and, except at the panel's end, nk are whole
     * blocks of the type or multiples of 64. NULL for a type that is not packed. */
    void (*widen[AS_N_DTYPES])(float *out, size_t ldo, const void *panel, size_t n_in, size_t k0,
                               size_t nk);

    /* y (cols, rows) = x^T for x (rows, cols), any sizes; rows ldy, ldx apart. */
    void (*transpose)(float *y, size_t ldy, const float *x, size_t ldx, size_t rows, size_t cols);

    float (*dot)(const float *x, const float *y, size_t n); /* lanes, fma */
    float (*sum)(const float *x, size_t n);                 /* lanes */
    float (*max)(const float *x, size_t n);                 /* n > 0; no NaN */
    /* y = exp(x), within 2 units in the last place; 0 below -104, +inf above 88.8; NaN kept. */
    void (*exp)(float *y, const float *x, size_t n);
    void (*silu)(float *y, const float *x, size_t n);    /* x / (1 + exp(-x)) */
    void (*sigmoid)(float *y, const float *x, size_t n); /* 1 / (1 + exp(-x)) */
    /* tanh, absolute error below 2e-7; gelu is the tanh form,
     * 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). Hendrycks & Gimpel 2016. */
    void (*tanh)(float *y, const float *x, size_t n);
    void (*gelu)(float *y, const float *x, size_t n);
    void (*mul)(float *y, const float *a, const float *b, size_t n); /* y = a b */
    void (*add)(float *y, const float *a, const float *b, size_t n); /* y = a + b */
    void (*scale)(float *y, const float *x, float s, size_t n);      /* y = s x */
    void (*axpy)(float *y, const float *x, float s, size_t n);       /* y = fma(s, x, y) */
    bool (*is_finite)(const float *x, size_t n);
    /* One block of a running softmax (attention.h), n > 0: s_j = scale * s_j; m' = max(m, max s);
     * s_j = exp(s_j - m'). Returns m', never -0. */
    float (*soften)(float *s, size_t n, float scale, float m);
    /* One token of the gated delta rule on n columns of a state s (dk, n; rows lds apart):
     *   s_i = decay * s_i;  a = sum_i k_i s_i;  u = beta * (v - a);  s_i = fma(k_i, u, s_i);
     *   o = sum_i q_i s_i   -- both sums from 0 by fma, i = 0, 1, ...
     * o, v (n); q, k (dk); o may be v. */
    void (*delta_step)(float *o, float *s, size_t lds, const float *q, const float *k,
                       const float *v, float decay, float beta, size_t dk, size_t n);

    /* One step of AdamW on n elements, each operation rounded as written:
     *   m = m + of_m (g - m);  v = v + of_v (g g - v);
     *   p = p - (rate (m / (sqrt(v) + eps)) + decay p)
     * True when every new m, v and p is finite. A trial writes nothing. */
    bool (*adamw)(float *p, float *m, float *v, const float *g, const as_adamw *a, size_t n,
                  bool is_trial);

    /* n rounds of independent fmas on registers alone; returns how many floating-point operations
     * that were, an fma being two for each lane. For measuring what the processor can do. */
    double (*peak)(size_t n);

    /* y (m, 16 n_panels) = x W^T for packed panels of type t, widened in registers, over all n_in
     * inputs, from 0; rows of y are ldy apart. x lies input by input: element k of row i is
     * x[k * ldx + i]. m <= ldx; ldx is 1, 2 or a multiple of 4 up to AS_FEW and few_rows, its
     * columns beyond m are any numbers; n_panels is 1 or 4. */
    void (*few)(as_dtype t, float *y, size_t ldy, const float *x, size_t ldx, size_t m,
                const void *panels, size_t panel_bytes, size_t n_panels, size_t n_in);
    size_t few_rows; /* the most rows for which this beats widening into memory; 0: none */
} as_kernels;

/* The table of that name, or the fastest supported one for "auto". AS_EUSAGE for an unknown name or
 * one this processor lacks (the message names those it has). */
const as_kernels *as_kernels_find(const char *name, as_error *err);
const as_kernels *const *as_kernels_all(size_t *n);

#endif
