/* The small ops between products: norms, activations, rotary angles, convolution, reductions.
 * All borrow their arguments, allocate nothing and cannot fail. Row-wise work is shared out over
 * the pool where it pays; a row's bits depend on that row alone. */
#ifndef AS_ENGINE_TENSOR_OPS_H
#define AS_ENGINE_TENSOR_OPS_H

#include <stdint.h>

#include "engine/tensor/exec.h"

/* RMSNorm, Zhang & Sennrich 2019 (arXiv:1910.07467), eq. 4: y = x * inv * (w + offset), with
 * inv = 1 / sqrt(mean(x^2) + eps) for each group of `dim` elements.
 *   y, x    (rows, groups, dim); rows are ldy, ldx floats apart; y may be x
 *   w       (dim) gain, or NULL for y = x * inv
 *   offset  0, or 1 for gains stored around zero */
void as_rmsnorm(const as_exec *ex, float *y, size_t ldy, const float *x, size_t ldx, const float *w,
                float offset, size_t rows, size_t groups, size_t dim, float eps);

/* Its gradient. With n = x inv, W = w + offset (1 without w) and u = dy W, for each group:
 *   dx += inv (u - n mean(u n));   dw += dy n, rows and groups in order
 *   dx  (rows, groups, dim), rows lddx apart; may be NULL, may not be dy
 *   dw  (dim), or NULL
 *   x   what went forward; inv is computed again */
void as_rmsnorm_backward(const as_exec *ex, float *dx, size_t lddx, float *dw, const float *dy,
                         size_t lddy, const float *x, size_t ldx, const float *w, float offset,
                         size_t rows, size_t groups, size_t dim, float eps);

/* L2 norm, eps inside the root: y = x * scale / sqrt(sum(x^2) + eps) for each group. */
void as_l2norm(const as_exec *ex, float *y, size_t ldy, const float *x, size_t ldx, size_t rows,
               size_t groups, size_t dim, float eps, float scale);

/* Its gradient. With r = 1 / sqrt(sum(x^2) + eps), n = x r: dx += scale r (dy - n (n . dy)). */
void as_l2norm_backward(const as_exec *ex, float *dx, size_t lddx, const float *dy, size_t lddy,
                        const float *x, size_t ldx, size_t rows, size_t groups, size_t dim,
                        float eps, float scale);

typedef enum { AS_SILU, AS_GELU, AS_SIGMOID } as_activation;
/* y = act(a) * b, elementwise on (rows, dim); y may be a or b. For AS_SIGMOID this is a gate. */
void as_gate(const as_exec *ex, as_activation act, float *y, size_t ldy, const float *a, size_t lda,
             const float *b, size_t ldb, size_t rows, size_t dim);

/* Its gradient: da += dy b act'(a), db += dy act(a); da or db may be NULL. da, db, dy are three
 * different pieces of memory. With s = sigmoid(a): silu' = s (1 + a (1 - s)), sigmoid' = s (1 - s);
 * with k = sqrt(2/pi), t = tanh(k (a + 0.044715 a^3)):
 * gelu' = (1 + t) / 2 + a (1 - t^2) k (1 + 3 0.044715 a^2) / 2. */
void as_gate_backward(const as_exec *ex, as_activation act, float *da, size_t ldda, float *db,
                      size_t lddb, const float *dy, size_t lddy, const float *a, size_t lda,
                      const float *b, size_t ldb, size_t rows, size_t dim);

/* y = x + f on (rows, dim), dense. */
void as_add(const as_exec *ex, float *y, const float *x, const float *f, size_t rows, size_t dim);
void as_scale(const as_exec *ex, float *y, const float *x, float s, size_t rows, size_t dim);
/* y = 0, y = x on (rows, dim), dense. */
void as_zero(const as_exec *ex, float *y, size_t rows, size_t dim);
void as_copy(const as_exec *ex, float *y, const float *x, size_t rows, size_t dim);
/* x = cap * tanh(x / cap), dense. */
void as_softcap(const as_exec *ex, float *x, float cap, size_t rows, size_t dim);

/* Turns the gradient of y = cap tanh(x / cap) into that of x, in place: dy = dy (1 - (y / cap)^2).
 */
void as_softcap_backward(const as_exec *ex, float *dy, const float *y, float cap, size_t rows,
                         size_t dim);

/* Rotary embedding, Su et al. 2021 (arXiv:2104.09864), half-split pairs: element i turns with
 * i + R/2. inv_freq_i = 1 / base^(2i / d_exp) for i < n_rot, 0 beyond; the exponent, the power
 * (double, rounded) and the reciprocal in float.
 *   inv_freq (R/2) */
void as_rope_freqs(float *inv_freq, size_t half, size_t n_rot, size_t d_exp, double base,
                   double factor);
/* cosine and sine (rows, half) of the float product position * inv_freq, evaluated in double and
 * rounded, so that every processor has the same table. */
void as_rope_angles(const as_exec *ex, float *cosine, float *sine, const uint32_t *position,
                    const float *inv_freq, size_t rows, size_t half);
/* Turns elements 0..2*half-1 of each head: x (rows, heads, d), rows ldx apart. */
void as_rope(const as_exec *ex, float *x, size_t ldx, const float *cosine, const float *sine,
             size_t rows, size_t heads, size_t d, size_t half);

/* The gradient turns back: the same with the sign of sine changed, in place. */
void as_rope_backward(const as_exec *ex, float *dx, size_t lddx, const float *cosine,
                      const float *sine, size_t rows, size_t heads, size_t d, size_t half);

/* log sum exp of x (n): max + log(sum of exp(x - max)), the sum in lanes. n > 0. */
double as_logsumexp(const as_exec *ex, const float *x, size_t n);

/* Causal depthwise convolution with silu: y[t][c] = silu(sum_j w[c][j] x[t-K+1+j][c]), j ascending.
 *   y, x   (rows, channels), rows ldy, ldx apart; y is not x
 *   state  (K-1, channels): the K-1 inputs before row 0, oldest first; on return the last K-1
 *   w      (channels, K) */
void as_conv(const as_exec *ex, float *y, size_t ldy, const float *x, size_t ldx, float *state,
             const float *w, size_t rows, size_t channels, size_t kernel);

/* Its gradient over a whole sequence (zero state before row 0), z being the sum and dz = dy
 * silu'(z).
 *
 * dx[s][c] += sum_j w[c][j] dz[s+K-1-j][c], j ascending, terms beyond the last row left out;
 *
 * dw[c][j] += sum_t dz[t][c] x[t-K+1+j][c], t ascending; dw (channels, K) or NULL.
 *
 * dx, dy, x are (rows, channels), rows lddx, lddy, ldx apart; dx is neither dy nor x. */
void as_conv_backward(const as_exec *ex, float *dx, size_t lddx, float *dw, const float *dy,
                      size_t lddy, const float *x, size_t ldx, const float *w, size_t rows,
                      size_t channels, size_t kernel);

#define AS_DELTA_CHUNK 64 /* rows whose gradients are taken together */

/* Gated delta rule, recurrent form (Yang, Kautz & Hatamizadeh 2024, arXiv:2412.06464), for each
 * value head h with key head h / (heads / key_heads), for t = 0, 1, ...:
 *   S = exp(g_t) S;  u = beta_t (v_t - S^T k_t);  S = S + k_t u^T;  o_t = S^T q_t
 *   o         (rows, heads, dv), rows ldo apart
 *   q, k      (rows, key_heads, dk), normalised and scaled, rows ldqk apart
 *   v         (rows, heads, dv), rows ldv apart
 *   g, beta   (rows, heads)
 *   state     (heads, dk, dv), read and written
 * Sums over dk run in order 0, 1, ... by fma. Shared out over heads (and over n_runs). */
typedef struct {
    float *o;
    const float *q, *k, *v, *g, *beta;
    float *state;
    size_t rows;
    float *
        kept; /* NULL, or (chunks, heads, dk, dv): gets the state before each AS_DELTA_CHUNK rows */
} as_delta_run;
void as_delta(const as_exec *ex, const as_delta_run *runs, size_t n_runs, size_t ldo, size_t ldqk,
              size_t ldv, size_t heads, size_t key_heads, size_t dk, size_t dv);

/* Its gradients, chunk by chunk from the last to the first (Yang, Kautz & Hatamizadeh 2024, with
 * the formulas of docs/method.md): adds to dq, dk, dv, dg, dbeta, which lie as q, k, v, g, beta do
 * (same distances between rows). The state before row 0 is the first of `kept`; nothing follows the
 * last row. A decay below e^-64 counts as 0. Value heads of one key head add to dq, dk in order.
 * Shared out over (run, key head). */
typedef struct {
    const float *d_o, *q, *k, *v, *g, *beta, *kept;
    float *dq, *dk, *dv, *dg, *dbeta;
    size_t rows;
} as_delta_back;
void as_delta_backward(const as_exec *ex, const as_delta_back *runs, size_t n_runs, size_t ldo,
                       size_t ldqk, size_t ldv, size_t heads, size_t key_heads, size_t dk,
                       size_t dv);

/* g = -exp(a_log) softplus(a + dt_bias), beta = sigmoid(b); all (rows, heads) but a_log, dt_bias
 * (heads). softplus(x) = log1p(exp(x)) up to 20, x beyond. decay: -exp(a_log), computed once. */
void as_delta_gates(const as_exec *ex, float *g, float *beta, const float *a, const float *b,
                    const float *decay, const float *dt_bias, size_t rows, size_t heads);

/* Its gradients: with e = decay = -exp(a_log), p = sigmoid(a + dt_bias), s = sigmoid(b):
 *   da += dg e p;   db += dbeta s (1 - s);   d_a_log += dg g;   d_dt_bias += dg e p
 * (the last two (heads) or NULL, rows in order). */
void as_delta_gates_backward(const as_exec *ex, float *da, float *db, float *d_a_log,
                             float *d_dt_bias, const float *dg, const float *dbeta, const float *a,
                             const float *b, const float *decay, const float *dt_bias, size_t rows,
                             size_t heads);

#endif
