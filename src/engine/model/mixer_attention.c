/* Attention of a layer: maps, head norms, rope, cache, gate. Families differ in the flags of
 * as_config alone. */
#include <math.h>
#include <string.h>

#include "engine/model/step_internal.h"

/* Where a layer's pieces lie in `wide`, each dense over the rows. */
typedef struct {
    size_t heads, key_heads, d, o_width, k_width;
    float *k, *v;
    float *q, *o;
    float *u, *gate; /* has_gate: the map's output, and the gates of all heads */
} pieces;

size_t as_attention_floats(const as_layer_shape *l, bool has_gate)
{
    size_t q = l->heads * l->head_dim, k = l->key_heads * l->head_dim;
    return 2 * k + 2 * q + (has_gate ? 3 * q : 0);
}

static pieces place_pieces(const as_step *s, const as_layer_shape *l)
{
    pieces p = {.heads = l->heads, .key_heads = l->key_heads, .d = l->head_dim};
    p.o_width = p.heads * p.d;
    p.k_width = p.key_heads * p.d;
    p.k = s->w->wide;
    p.v = p.k + s->rows * p.k_width;
    p.q = p.v + s->rows * p.k_width;
    p.o = p.q + s->rows * p.o_width;
    p.gate = p.o + s->rows * p.o_width;
    p.u = s->m->config->has_gate ? p.gate + s->rows * p.o_width : p.q;
    return p;
}

static void map_qkv(as_step *s, size_t layer, const pieces *p)
{
    static const as_proj maps[] = {AS_Q_PROJ, AS_K_PROJ, AS_V_PROJ};
    float *const y[] = {p->u, p->k, p->v};
    bool is_producer = s->m->config->layer[layer].kv_layer == layer;
    as_step_maps(s, layer, maps, y, is_producer ? 3 : 1, s->w->a);
}

/* u holds, for each head, d of query and d of gate. */
static void split_gate(const as_step *s, const pieces *p)
{
    for (size_t i = 0; i < s->rows * p->heads; i++) {
        memcpy(p->q + i * p->d, p->u + 2 * i * p->d, p->d * sizeof(float));
        memcpy(p->gate + i * p->d, p->u + (2 * i + 1) * p->d, p->d * sizeof(float));
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

static void make_keys(as_step *s, size_t layer, const pieces *p)
{
    const as_config *c = s->m->config;
    const as_layer *weights = &s->m->layer[layer];
    if (c->has_qk_norm)
        as_rmsnorm(s->ex, p->k, p->k_width, p->k, p->k_width, weights->norm_k, c->norm_offset,
                   s->rows, p->key_heads, p->d, c->eps);
    if (c->has_v_norm)
        as_rmsnorm(s->ex, p->v, p->k_width, p->v, p->k_width, NULL, 0, s->rows, p->key_heads, p->d,
                   c->eps);
    turn(s, &c->layer[layer], p->k, p->key_heads);
    for (size_t r = 0; r < s->n_runs; r++) {
        const as_run_state *state = &s->w->state[r];
        if (state->is_idle) continue;
        as_page_store(s->ex, as_cache_pages(s->runs[r].cache, layer), state->first,
                      p->k + state->row * p->k_width, p->k_width, p->v + state->row * p->k_width,
                      p->k_width, state->rows, p->key_heads, p->d);
    }
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
        };
    }
    float scale = c->score_scale != 0 ? c->score_scale : 1.0f / sqrtf((float)p->d);
    as_attention(s->ex, s->w->attention, n, p->o_width, p->o_width, p->heads, p->key_heads, p->d,
                 scale, c->layer[layer].window);
}

void as_step_attention(as_step *s, size_t layer)
{
    static const as_proj map = AS_O_PROJ;
    const as_config *c = s->m->config;
    const as_layer_shape *l = &c->layer[layer];
    const pieces p = place_pieces(s, l);

    map_qkv(s, layer, &p);
    if (c->has_gate) split_gate(s, &p);
    if (c->has_qk_norm)
        as_rmsnorm(s->ex, p.q, p.o_width, p.q, p.o_width, s->m->layer[layer].norm_q, c->norm_offset,
                   s->rows, p.heads, p.d, c->eps);
    turn(s, l, p.q, p.heads);
    if (l->kv_layer == layer) make_keys(s, layer, &p);
    attend(s, layer, &p);
    if (c->has_gate)
        as_gate(s->ex, AS_SIGMOID, p.o, p.o_width, p.gate, p.o_width, p.o, p.o_width, s->rows,
                p.o_width);

    as_step_hooks(s, layer * AS_N_SLOTS + AS_SLOT_INPUT,
                  &(as_site_view){.y = p.o, .ldy = p.o_width, .width = p.o_width});
    as_step_maps(s, layer, &map, &s->w->out, 1, p.o);
}
