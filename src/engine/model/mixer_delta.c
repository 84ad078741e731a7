/* Gated delta rule of a layer (Yang, Kautz & Hatamizadeh 2024, arXiv:2412.06464): maps, short
 * convolution, recurrence, gated norm; and the way back through them. */
#include <math.h>
#include <string.h>

#include "engine/model/step_internal.h"

/* Where a layer's pieces lie, each dense over the rows: in `wide`, or in what a tape keeps. */
typedef struct {
    size_t channels, v_width, k_width;
    float *m, *mixed; /* (rows, channels): q, k, v before and after the convolution */
    float *qk;        /* (rows, 2 k_width): q and k at unit length */
    float *z, *o, *y; /* (rows, heads, dv): gate; out of the rule; what enters out_proj */
    float *b, *a, *beta, *g;
} pieces;

static const float l2_eps = 1e-6f;
enum { TOGETHER = 16 }; /* runs whose states a tape holds at once */

static size_t channels_of(const as_layer_shape *l)
{
    return 2 * l->key_heads * l->key_dim + l->heads * l->head_dim;
}

static size_t state_floats(const as_layer_shape *l)
{
    return l->heads * l->key_dim * l->head_dim;
}

size_t as_delta_floats(const as_layer_shape *l)
{
    return 2 * channels_of(l) + 2 * l->key_heads * l->key_dim + 3 * l->heads * l->head_dim +
           4 * l->heads;
}

size_t as_delta_back_floats(const as_layer_shape *l)
{
    return 2 * channels_of(l) + 2 * l->key_heads * l->key_dim + 4 * l->heads * l->head_dim +
           4 * l->heads;
}

/* States of TOGETHER runs with their last inputs, then those before each chunk of the longest run.
 */
size_t as_delta_tape_floats(const as_layer_shape *l, size_t longest)
{
    size_t chunks = (longest + AS_DELTA_CHUNK - 1) / AS_DELTA_CHUNK;
    return TOGETHER * (state_floats(l) + (l->kernel - 1) * channels_of(l)) +
           chunks * state_floats(l);
}

static pieces place_pieces(const as_step *s, const as_layer_shape *l)
{
    pieces p = {.channels = channels_of(l),
                .v_width = l->heads * l->head_dim,
                .k_width = l->key_heads * l->key_dim};
    const size_t rows = s->rows, heads = rows * l->heads;
    p.qk = s->w->wide;
    p.y = p.qk + rows * 2 * p.k_width;
    p.beta = p.y + rows * p.v_width;
    p.g = p.beta + heads;
    p.m = p.g + heads;
    p.mixed = p.m + rows * p.channels;
    p.z = p.mixed + rows * p.channels;
    p.b = p.z + rows * p.v_width;
    p.a = p.b + heads;
    p.o = p.y;
    if (!s->kept) return p;
    p.m = s->kept->m;
    p.mixed = s->kept->mixed;
    p.z = s->kept->z;
    p.b = s->kept->b;
    p.a = s->kept->a;
    p.o = s->kept->y;
    return p;
}

/* Where run r's last inputs and states are. A tape's runs begin with nothing. */
static float *conv_of(const as_step *s, size_t layer, size_t r)
{
    if (!s->kept) return as_cache_conv(s->runs[r].cache, layer);
    const as_layer_shape *l = &s->m->config->layer[layer];
    const size_t n = (l->kernel - 1) * channels_of(l);
    float *conv = s->tape->states + TOGETHER * state_floats(l);
    memset(conv, 0, n * sizeof *conv);
    return conv;
}

static float *state_of(const as_step *s, size_t layer, size_t r)
{
    if (!s->kept) return as_cache_state(s->runs[r].cache, layer);
    const size_t n = state_floats(&s->m->config->layer[layer]);
    float *state = s->tape->states + r % TOGETHER * n;
    memset(state, 0, n * sizeof *state);
    return state;
}

static void unit_lengths(const as_step *s, const as_layer_shape *l, const pieces *p)
{
    const size_t n = 2 * p->k_width;
    as_l2norm(s->ex, p->qk, n, p->mixed, p->channels, s->rows, l->key_heads, l->key_dim, l2_eps,
              1.0f / sqrtf((float)l->key_dim));
    as_l2norm(s->ex, p->qk + p->k_width, n, p->mixed + p->k_width, p->channels, s->rows,
              l->key_heads, l->key_dim, l2_eps, 1);
}

/* mixed = silu(convolution of m), one run after the other; q and k of its heads at unit length. */
static void convolve(as_step *s, size_t layer, const pieces *p)
{
    const as_layer_shape *l = &s->m->config->layer[layer];
    for (size_t r = 0; r < s->n_runs; r++) {
        const as_run_state *state = &s->w->state[r];
        if (state->is_idle) continue;
        as_conv(s->ex, p->mixed + state->row * p->channels, p->channels,
                p->m + state->row * p->channels, p->channels, conv_of(s, layer, r),
                s->m->layer[layer].conv, state->rows, p->channels, l->kernel);
    }
    unit_lengths(s, l, p);
}

static as_delta_run run_of(const as_step *s, size_t layer, const pieces *p, size_t r)
{
    const as_layer_shape *l = &s->m->config->layer[layer];
    const as_run_state *state = &s->w->state[r];
    const float *q = p->qk + state->row * 2 * p->k_width;
    return (as_delta_run){
        .o = p->o + state->row * p->v_width,
        .q = q,
        .k = q + p->k_width,
        .v = p->mixed + state->row * p->channels + 2 * p->k_width,
        .g = p->g + state->row * l->heads,
        .beta = p->beta + state->row * l->heads,
        .state = state_of(s, layer, r),
        .rows = state->rows,
    };
}

static void recur_runs(const as_step *s, size_t layer, const pieces *p, size_t n)
{
    const as_layer_shape *l = &s->m->config->layer[layer];
    as_delta(s->ex, s->w->delta, n, p->v_width, 2 * p->k_width, p->channels, l->heads, l->key_heads,
             l->key_dim, l->head_dim);
}

static void recur(as_step *s, size_t layer, const pieces *p)
{
    size_t n = 0;
    for (size_t r = 0; r < s->n_runs; r++) {
        if (s->w->state[r].is_idle) continue;
        s->w->delta[n++] = run_of(s, layer, p, r);
        if (!s->kept || n < TOGETHER) continue;
        recur_runs(s, layer, p, n);
        n = 0;
    }
    recur_runs(s, layer, p, n);
}

/* What enters out_proj: the gated norm of o, and its hooks. */
static void gate_heads(as_step *s, size_t layer, const pieces *p, float *normed)
{
    const as_config *c = s->m->config;
    const as_layer_shape *l = &c->layer[layer];
    as_rmsnorm(s->ex, normed, p->v_width, p->o, p->v_width, s->m->layer[layer].norm_delta, 0,
               s->rows, l->heads, l->head_dim, c->eps);
    as_gate(s->ex, AS_SILU, p->y, p->v_width, p->z, p->v_width, normed, p->v_width, s->rows,
            p->v_width);
    as_step_hooks(s, layer * AS_N_SLOTS + AS_SLOT_INPUT,
                  &(as_site_view){.y = p->y, .ldy = p->v_width, .width = p->v_width});
}

void as_step_delta(as_step *s, size_t layer)
{
    static const as_proj in[] = {AS_IN_QKV, AS_IN_Z, AS_IN_B, AS_IN_A}, out = AS_OUT_PROJ;
    const as_config *c = s->m->config;
    const as_layer_shape *l = &c->layer[layer];
    const as_layer *weights = &s->m->layer[layer];
    const pieces p = place_pieces(s, l);
    float *const y[] = {p.m, p.z, p.b, p.a};

    as_step_maps(s, layer, in, y, 4, s->w->a);
    convolve(s, layer, &p);
    as_delta_gates(s->ex, p.g, p.beta, p.a, p.b, weights->decay, weights->dt_bias, s->rows,
                   l->heads);
    recur(s, layer, &p);
    gate_heads(s, layer, &p, p.y);
    as_step_maps(s, layer, &out, &s->w->out, 1, p.y);
}

/* ---- the way back ---- */

/* Gradients, dense, in the tape's `wide`. */
typedef struct {
    float *m, *mixed, *qk;
    float *normed, *d_normed, *y, *o; /* o takes the place of y */
    float *z;
    float *b, *a, *beta, *g;
} back_pieces;

static back_pieces place_back(const as_step *s, const as_layer_shape *l, const pieces *p)
{
    back_pieces b;
    const size_t rows = s->rows, v = rows * p->v_width, heads = rows * l->heads;
    b.m = s->tape->wide;
    b.mixed = b.m + rows * p->channels;
    b.qk = b.mixed + rows * p->channels;
    b.normed = b.qk + rows * 2 * p->k_width;
    b.d_normed = b.normed + v;
    b.y = b.d_normed + v;
    b.z = b.y + v;
    b.b = b.z + v;
    b.a = b.b + heads;
    b.beta = b.a + heads;
    b.g = b.beta + heads;
    b.o = b.normed;
    as_zero(s->ex, b.m, 1, (size_t)(b.g + heads - b.m));
    return b;
}

/* dy, dz of the gate, then do of the norm. */
static void gate_back(as_step *s, size_t layer, const pieces *p, const back_pieces *b)
{
    const as_config *c = s->m->config;
    const as_layer_shape *l = &c->layer[layer];
    as_layer *grads = as_tape_grads(s->tape, layer);
    const size_t n = p->v_width;
    as_gate_backward(s->ex, AS_SILU, b->z, n, b->d_normed, n, b->y, n, p->z, n, b->normed, n,
                     s->rows, n);
    as_zero(s->ex, b->o, s->rows, n);
    as_rmsnorm_backward(s->ex, b->o, n, grads ? grads->norm_delta : NULL, b->d_normed, n, p->o, n,
                        s->m->layer[layer].norm_delta, 0, s->rows, l->heads, l->head_dim, c->eps);
}

/* One run after the other: its states again, then its gradients. */
static void recur_back(as_step *s, size_t layer, const pieces *p, const back_pieces *b)
{
    const as_layer_shape *l = &s->m->config->layer[layer];
    float *kept = s->tape->states + TOGETHER * (state_floats(l) + (l->kernel - 1) * channels_of(l));
    for (size_t r = 0; r < s->n_runs; r++) {
        const as_run_state *state = &s->w->state[r];
        as_delta_run *run = &s->w->delta[0];
        *run = run_of(s, layer, p, r);
        run->kept = kept;
        recur_runs(s, layer, p, 1);
        float *dq = b->qk + state->row * 2 * p->k_width;
        const as_delta_back back = {
            .d_o = b->o + state->row * p->v_width,
            .q = run->q,
            .k = run->k,
            .v = run->v,
            .g = run->g,
            .beta = run->beta,
            .kept = kept,
            .dq = dq,
            .dk = dq + p->k_width,
            .dv = b->mixed + state->row * p->channels + 2 * p->k_width,
            .dg = b->g + state->row * l->heads,
            .dbeta = b->beta + state->row * l->heads,
            .rows = state->rows,
        };
        as_delta_backward(s->ex, &back, 1, p->v_width, 2 * p->k_width, p->channels, l->heads,
                          l->key_heads, l->key_dim, l->head_dim);
    }
}

static void convolve_back(as_step *s, size_t layer, const pieces *p, const back_pieces *b)
{
    const as_layer_shape *l = &s->m->config->layer[layer];
    as_layer *grads = as_tape_grads(s->tape, layer);
    const size_t n = 2 * p->k_width;
    as_l2norm_backward(s->ex, b->mixed, p->channels, b->qk, n, p->mixed, p->channels, s->rows,
                       l->key_heads, l->key_dim, l2_eps, 1.0f / sqrtf((float)l->key_dim));
    as_l2norm_backward(s->ex, b->mixed + p->k_width, p->channels, b->qk + p->k_width, n,
                       p->mixed + p->k_width, p->channels, s->rows, l->key_heads, l->key_dim,
                       l2_eps, 1);
    for (size_t r = 0; r < s->n_runs; r++) {
        const as_run_state *state = &s->w->state[r];
        const size_t at = state->row * p->channels;
        as_conv_backward(s->ex, b->m + at, p->channels, grads ? grads->conv : NULL, b->mixed + at,
                         p->channels, p->m + at, p->channels, s->m->layer[layer].conv, state->rows,
                         p->channels, l->kernel);
    }
}

void as_step_delta_back(as_step *s, size_t layer)
{
    static const as_proj in[] = {AS_IN_QKV, AS_IN_Z, AS_IN_B, AS_IN_A}, out = AS_OUT_PROJ;
    const as_layer_shape *l = &s->m->config->layer[layer];
    const as_layer *weights = &s->m->layer[layer];
    as_layer *grads = as_tape_grads(s->tape, layer);
    const pieces p = place_pieces(s, l);
    const back_pieces b = place_back(s, l, &p);
    const float *const dy[] = {s->tape->d_out}, *const d_maps[] = {b.m, b.z, b.b, b.a};

    unit_lengths(s, l, &p);
    as_delta_gates(s->ex, p.g, p.beta, p.a, p.b, weights->decay, weights->dt_bias, s->rows,
                   l->heads);
    as_step_hooks_again(s, layer * AS_N_SLOTS + AS_SLOT_INPUT);
    gate_heads(s, layer, &p, b.normed);

    as_step_maps_back(s, layer, &out, dy, 1, p.y, b.y);
    as_step_hooks_back(s, layer * AS_N_SLOTS + AS_SLOT_INPUT,
                       &(as_site_view){.y = b.y, .ldy = p.v_width, .width = p.v_width});
    gate_back(s, layer, &p, &b);
    recur_back(s, layer, &p, &b);
    as_delta_gates_backward(s->ex, b.a, b.b, grads ? grads->decay : NULL,
                            grads ? grads->dt_bias : NULL, b.g, b.beta, p.a, p.b, weights->decay,
                            weights->dt_bias, s->rows, l->heads);
    convolve_back(s, layer, &p, &b);
    as_step_maps_back(s, layer, in, d_maps, 4, s->w->a, s->tape->d_a);
}
