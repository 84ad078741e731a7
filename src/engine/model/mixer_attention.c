/* Attention of a layer: maps, head norms, rope, cache, gate; and the way back through them.
 * Families differ in the flags of as_config alone. */
#include <math.h>
#include <string.h>

#include "engine/model/step_internal.h"

/* Where a layer's pieces lie, each dense over the rows: in `wide`, or in what a tape keeps. Maps
 * write u, k_map and v_map; where nothing is kept, heads are made of them in place. */
typedef struct {
    size_t heads, key_heads, d, o_width, k_width;
    float *u, *k_map, *v_map;
    float *k, *v, *q;
    float *gate;  /* has_gate: u holds d of query and d of gate for each head */
    float *o, *y; /* of the heads; what enters o_proj */
} pieces;

size_t as_attention_floats(const as_layer_shape *l, bool has_gate)
{
    size_t q = l->heads * l->head_dim, k = l->key_heads * l->head_dim;
    return 2 * k + 3 * q + (has_gate ? 2 * q : 0);
}

size_t as_attention_back_floats(const as_layer_shape *l)
{
    size_t q = l->heads * l->head_dim, k = l->key_heads * l->head_dim;
    return 8 * q + 2 * k;
}

static pieces place_pieces(const as_step *s, const as_layer_shape *l)
{
    pieces p = {.heads = l->heads, .key_heads = l->key_heads, .d = l->head_dim};
    p.o_width = p.heads * p.d;
    p.k_width = p.key_heads * p.d;
    p.k = s->w->wide;
    p.v = p.k + s->rows * p.k_width;
    p.q = p.v + s->rows * p.k_width;
    p.y = p.q + s->rows * p.o_width;
    p.gate = p.y + s->rows * p.o_width;
    p.u = s->m->config->has_gate ? p.gate + s->rows * p.o_width : p.q;
    p.k_map = p.k;
    p.v_map = p.v;
    p.o = p.y;
    if (!s->kept) return p;
    p.u = s->kept->u;
    p.o = s->kept->o;
    if (s->kept->k) p.k_map = s->kept->k;
    if (s->kept->v) p.v_map = s->kept->v;
    return p;
}

static void map_qkv(as_step *s, size_t layer, const pieces *p)
{
    static const as_proj maps[] = {AS_Q_PROJ, AS_K_PROJ, AS_V_PROJ};
    float *const y[] = {p->u, p->k_map, p->v_map};
    bool is_producer = s->m->config->layer[layer].kv_layer == layer;
    as_step_maps(s, layer, maps, y, is_producer ? 3 : 1, s->w->a);
}

static void split_gate(const as_step *s, const pieces *p, float *q, float *gate)
{
    for (size_t i = 0; i < s->rows * p->heads; i++) {
        memcpy(q + i * p->d, p->u + 2 * i * p->d, p->d * sizeof(float));
        memcpy(gate + i * p->d, p->u + (2 * i + 1) * p->d, p->d * sizeof(float));
    }
}

static void turn(const as_step *s, const as_layer_shape *l, float *x, size_t heads)
{
    const as_work *w = s->w;
    size_t d = l->head_dim, half = s->m->config->rope[l->rope].half;
    for (size_t i = 0; i < s->n_spans; i++) {
        const as_span *span = &w->span[i];
        as_rope(s->ex, x + span->row * heads * d, heads * d,
                w->cosine[l->rope] + span->source * half, w->sine[l->rope] + span->source * half,
                span->rows, heads, d, half);
    }
}

/* q = turned norm of raw, the queries that the map made. */
static void make_queries(const as_step *s, size_t layer, const pieces *p, const float *raw)
{
    const as_config *c = s->m->config;
    if (c->has_qk_norm)
        as_rmsnorm(s->ex, p->q, p->o_width, raw, p->o_width, s->m->layer[layer].norm_q,
                   c->norm_offset, s->rows, p->heads, p->d, c->eps);
    else if (raw != p->q)
        as_copy(s->ex, p->q, raw, s->rows, p->o_width);
    turn(s, &c->layer[layer], p->q, p->heads);
}

static void make_keys(as_step *s, size_t layer, const pieces *p)
{
    const as_config *c = s->m->config;
    const as_layer *weights = &s->m->layer[layer];
    if (c->has_qk_norm)
        as_rmsnorm(s->ex, p->k, p->k_width, p->k_map, p->k_width, weights->norm_k, c->norm_offset,
                   s->rows, p->key_heads, p->d, c->eps);
    if (c->has_v_norm)
        as_rmsnorm(s->ex, p->v, p->k_width, p->v_map, p->k_width, NULL, 0, s->rows, p->key_heads,
                   p->d, c->eps);
    turn(s, &c->layer[layer], p->k, p->key_heads);
    for (size_t r = 0; r < s->n_runs; r++) {
        const as_run_state *state = &s->w->state[r];
        if (state->is_idle) continue;
        as_page_store(s->ex, as_cache_pages(s->runs[r].cache, layer), state->first,
                      p->k + state->row * p->k_width, p->k_width, p->v + state->row * p->k_width,
                      p->k_width, state->rows, p->key_heads, p->d);
    }
}

static float scale_of(const as_config *c, size_t d)
{
    return c->score_scale != 0 ? c->score_scale : 1.0f / sqrtf((float)d);
}

static void attend(as_step *s, size_t layer, const pieces *p)
{
    const as_config *c = s->m->config;
    size_t n = 0;
    for (size_t r = 0; r < s->n_runs; r++) {
        const as_run_state *state = &s->w->state[r];
        if (state->is_idle) continue;
        s->w->attention[n++] = (as_attention_run){
            .q = p->q + state->row * p->o_width,
            .o = p->o + state->row * p->o_width,
            .pages = as_cache_pages(s->runs[r].cache, layer),
            .first = state->first,
            .rows = state->rows,
            .lse = s->kept ? s->kept->lse + state->row * p->heads : NULL,
        };
    }
    as_attention(s->ex, s->w->attention, n, p->o_width, p->o_width, p->heads, p->key_heads, p->d,
                 scale_of(c, p->d), c->layer[layer].window);
}

/* y, what enters o_proj, from o. */
static void gate_heads(const as_step *s, const pieces *p)
{
    if (s->m->config->has_gate)
        as_gate(s->ex, AS_SIGMOID, p->y, p->o_width, p->gate, p->o_width, p->o, p->o_width, s->rows,
                p->o_width);
    else if (p->y != p->o)
        as_copy(s->ex, p->y, p->o, s->rows, p->o_width);
}

static void hooks_of_heads(as_step *s, size_t layer, const pieces *p)
{
    as_step_hooks(s, layer * AS_N_SLOTS + AS_SLOT_INPUT,
                  &(as_site_view){.y = p->y, .ldy = p->o_width, .width = p->o_width});
}

void as_step_attention(as_step *s, size_t layer)
{
    static const as_proj map = AS_O_PROJ;
    const as_config *c = s->m->config;
    const as_layer_shape *l = &c->layer[layer];
    const pieces p = place_pieces(s, l);

    map_qkv(s, layer, &p);
    if (c->has_gate) split_gate(s, &p, p.q, p.gate);
    make_queries(s, layer, &p, c->has_gate ? p.q : p.u);
    if (l->kv_layer == layer) make_keys(s, layer, &p);
    attend(s, layer, &p);
    gate_heads(s, &p);
    hooks_of_heads(s, layer, &p);
    as_step_maps(s, layer, &map, &s->w->out, 1, p.y);
}

/* ---- the way back ---- */

/* Gradients, dense, in the tape's `wide`; raw: the queries before their norm, for which dq serves
 * when there is no gate to tell apart. */
typedef struct {
    float *y, *o, *gate, *q, *q_map, *u, *raw;
    float *k, *v;         /* of what is in the pages: gathered from every layer that reads them */
    float *k_map, *v_map; /* of the maps */
} back_pieces;

static back_pieces place_back(const as_step *s, size_t layer, const pieces *p)
{
    back_pieces b;
    const size_t q = s->rows * p->o_width, k = s->rows * p->k_width;
    as_tape_keys(s->tape, layer, &b.k, &b.v);
    b.k_map = s->tape->wide;
    b.v_map = b.k_map + k;
    b.y = b.v_map + k;
    b.q = b.y + q;
    b.q_map = b.q + q;
    b.o = b.q_map + q;
    b.gate = b.o + q;
    b.raw = b.gate + q;
    b.u = b.raw + q;
    if (s->m->config->has_gate) return b;
    b.o = b.y;
    b.raw = p->u;
    return b;
}

/* dy to do, and the gate's own gradient. */
static void gate_back(const as_step *s, const pieces *p, const back_pieces *b)
{
    if (!s->m->config->has_gate) return;
    const size_t n = p->o_width;
    as_zero(s->ex, b->o, s->rows, n);
    as_zero(s->ex, b->gate, s->rows, n);
    as_gate_backward(s->ex, AS_SIGMOID, b->gate, n, b->o, n, b->y, n, p->gate, n, p->o, n, s->rows,
                     n);
}

static void attend_back(as_step *s, size_t layer, const pieces *p, const back_pieces *b)
{
    const as_config *c = s->m->config;
    as_attention_back *runs = s->tape->attention;
    for (size_t r = 0; r < s->n_runs; r++) {
        const as_run_state *state = &s->w->state[r];
        const size_t q = state->row * p->o_width, k = state->row * p->k_width;
        runs[r] = (as_attention_back){
            .q = p->q + q,
            .o = p->o + q,
            .d_o = b->o + q,
            .lse = s->kept->lse + state->row * p->heads,
            .pages = as_cache_pages(s->runs[r].cache, layer),
            .dq = b->q + q,
            .dk = b->k + k,
            .dv = b->v + k,
            .rows = state->rows,
        };
    }
    as_zero(s->ex, b->q, s->rows, p->o_width);
    as_attention_backward(s->ex, runs, s->n_runs, p->o_width, p->k_width, p->heads, p->key_heads,
                          p->d, scale_of(c, p->d), c->layer[layer].window);
}

/* dx of a turned norm of x: first the turn, then the norm. Returns where the gradient is. */
static float *head_back(const as_step *s, size_t layer, float *dx, float *dy, const float *x,
                        const float *gain, float *d_gain, size_t heads)
{
    const as_config *c = s->m->config;
    const size_t d = c->layer[layer].head_dim, n = heads * d, l = c->layer[layer].rope;
    const size_t half = c->rope[l].half;
    as_rope_backward(s->ex, dy, n, s->w->cosine[l], s->w->sine[l], s->rows, heads, d, half);
    if (!c->has_qk_norm) return dy;
    as_zero(s->ex, dx, s->rows, n);
    as_rmsnorm_backward(s->ex, dx, n, d_gain, dy, n, x, n, gain, c->norm_offset, s->rows, heads, d,
                        c->eps);
    return dx;
}

static void join_gate(const as_step *s, const pieces *p, const back_pieces *b, const float *dq)
{
    for (size_t i = 0; i < s->rows * p->heads; i++) {
        memcpy(b->u + 2 * i * p->d, dq + i * p->d, p->d * sizeof(float));
        memcpy(b->u + (2 * i + 1) * p->d, b->gate + i * p->d, p->d * sizeof(float));
    }
}

/* From dq, dk, dv of the heads to d_a. */
static void maps_back(as_step *s, size_t layer, const pieces *p, const back_pieces *b)
{
    static const as_proj maps[] = {AS_Q_PROJ, AS_K_PROJ, AS_V_PROJ};
    const as_config *c = s->m->config;
    const as_layer *weights = &s->m->layer[layer];
    as_layer *grads = as_tape_grads(s->tape, layer);
    const bool is_producer = c->layer[layer].kv_layer == layer;
    float *dq = head_back(s, layer, b->q_map, b->q, b->raw, weights->norm_q,
                          grads ? grads->norm_q : NULL, p->heads);
    float *dk = b->k, *dv = b->v;
    if (c->has_gate) join_gate(s, p, b, dq);
    if (is_producer)
        dk = head_back(s, layer, b->k_map, b->k, p->k_map, weights->norm_k,
                       grads ? grads->norm_k : NULL, p->key_heads);
    if (is_producer && c->has_v_norm) {
        as_zero(s->ex, b->v_map, s->rows, p->k_width);
        as_rmsnorm_backward(s->ex, b->v_map, p->k_width, NULL, b->v, p->k_width, p->v_map,
                            p->k_width, NULL, 0, s->rows, p->key_heads, p->d, c->eps);
        dv = b->v_map;
    }
    const float *const dy[] = {c->has_gate ? b->u : dq, dk, dv};
    as_step_maps_back(s, layer, maps, dy, is_producer ? 3 : 1, s->w->a, s->tape->d_a);
}

void as_step_attention_back(as_step *s, size_t layer)
{
    static const as_proj map = AS_O_PROJ;
    const as_config *c = s->m->config;
    const pieces p = place_pieces(s, &c->layer[layer]);
    const back_pieces b = place_back(s, layer, &p);
    const float *const dy[] = {s->tape->d_out};

    if (c->has_gate) split_gate(s, &p, b.raw, p.gate);
    make_queries(s, layer, &p, b.raw);
    gate_heads(s, &p);
    as_step_hooks_again(s, layer * AS_N_SLOTS + AS_SLOT_INPUT);
    hooks_of_heads(s, layer, &p);

    as_zero(s->ex, b.y, s->rows, p.o_width);
    as_step_maps_back(s, layer, &map, dy, 1, p.y, b.y);
    as_step_hooks_back(s, layer * AS_N_SLOTS + AS_SLOT_INPUT,
                       &(as_site_view){.y = b.y, .ldy = p.o_width, .width = p.o_width});
    gate_back(s, &p, &b);
    attend_back(s, layer, &p, &b);
    maps_back(s, layer, &p, &b);
}
