/* Gated delta rule of a layer (Yang, Kautz & Hatamizadeh 2024, arXiv:2412.06464): maps, short
 * convolution, recurrence, gated norm. */
#include <math.h>

#include "engine/model/step_internal.h"

/* Where a layer's pieces lie in `wide`, each dense over the rows. */
typedef struct {
    size_t channels, v_width, k_width;
    float *m, *mixed; /* (rows, channels): q, k, v before and after the convolution */
    float *z, *o;     /* (rows, heads, dv) */
    float *b, *a, *beta, *g;
} pieces;

static const float l2_eps = 1e-6f;

static size_t channels_of(const as_layer_shape *l)
{
    return 2 * l->key_heads * l->key_dim + l->heads * l->head_dim;
}

size_t as_delta_floats(const as_layer_shape *l)
{
    return 2 * channels_of(l) + 2 * l->heads * l->head_dim + 4 * l->heads;
}

static pieces place_pieces(const as_step *s, const as_layer_shape *l)
{
    pieces p = {.channels = channels_of(l),
                .v_width = l->heads * l->head_dim,
                .k_width = l->key_heads * l->key_dim};
    p.m = s->w->wide;
    p.mixed = p.m + s->rows * p.channels;
    p.z = p.mixed + s->rows * p.channels;
    p.o = p.z + s->rows * p.v_width;
    p.b = p.o + s->rows * p.v_width;
    p.a = p.b + s->rows * l->heads;
    p.beta = p.a + s->rows * l->heads;
    p.g = p.beta + s->rows * l->heads;
    return p;
}

/* mixed = silu(convolution of m), one run after the other; q and k of its heads at unit length. */
static void convolve(as_step *s, size_t layer, const pieces *p)
{
    const as_layer_shape *l = &s->m->config->layer[layer];
    for (size_t r = 0; r < s->n_runs; r++) {
        const as_run_state *state = &s->w->state[r];
        if (state->is_idle) continue;
        as_conv(s->ex, p->mixed + state->row * p->channels, p->channels,
                p->m + state->row * p->channels, p->channels,
                as_cache_conv(s->runs[r].cache, layer), s->m->layer[layer].conv, state->rows,
                p->channels, l->kernel);
    }
    float *q = p->mixed, *k = q + p->k_width;
    as_l2norm(s->ex, q, p->channels, q, p->channels, s->rows, l->key_heads, l->key_dim, l2_eps,
              1.0f / sqrtf((float)l->key_dim));
    as_l2norm(s->ex, k, p->channels, k, p->channels, s->rows, l->key_heads, l->key_dim, l2_eps, 1);
}

static void recur(as_step *s, size_t layer, const pieces *p)
{
    const as_layer_shape *l = &s->m->config->layer[layer];
    size_t n = 0;
    for (size_t r = 0; r < s->n_runs; r++) {
        const as_run_state *state = &s->w->state[r];
        if (state->is_idle) continue;
        const float *q = p->mixed + state->row * p->channels;
        s->w->delta[n++] = (as_delta_run){
            .o = p->o + state->row * p->v_width,
            .q = q,
            .k = q + p->k_width,
            .v = q + 2 * p->k_width,
            .g = p->g + state->row * l->heads,
            .beta = p->beta + state->row * l->heads,
            .state = as_cache_state(s->runs[r].cache, layer),
            .rows = state->rows,
        };
    }
    as_delta(s->ex, s->w->delta, n, p->v_width, p->channels, p->channels, l->heads, l->key_heads,
             l->key_dim, l->head_dim);
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
    as_rmsnorm(s->ex, p.o, p.v_width, p.o, p.v_width, weights->norm_delta, 0, s->rows, l->heads,
               l->head_dim, c->eps);
    as_gate(s->ex, AS_SILU, p.o, p.v_width, p.z, p.v_width, p.o, p.v_width, s->rows, p.v_width);

    as_step_hooks(s, layer * AS_N_SLOTS + AS_SLOT_INPUT,
                  &(as_site_view){.y = p.o, .ldy = p.v_width, .width = p.v_width});
    as_step_maps(s, layer, &out, &s->w->out, 1, p.o);
}
