/* The way back through a layer, branch after branch from its end: what block.c makes forward, taken
 * from what the tape kept. */
#include <math.h>

#include "engine/model/step_internal.h"
#include "engine/tensor/matmul.h"

void as_step_maps_back(as_step *s, size_t layer, const as_proj *maps, const float *const *dy,
                       size_t n, const float *x, float *dx)
{
    as_product_back product[4] = {0};
    const as_weight *weights = s->m->layer[layer].proj;
    const size_t in = weights[maps[0]].in;
    AS_CHECK(n <= 4);
    for (size_t i = n; i-- > 0;) {
        const size_t out = weights[maps[i]].out;
        /* a hook on an output reads y alone */
        as_step_hooks_back(s, layer * AS_N_SLOTS + (size_t)maps[i],
                           &(as_site_view){(float *)(uintptr_t)dy[i], out, out, x, in, in, dx});
        product[i] = (as_product_back){&weights[maps[i]], dy[i], out};
        if (s->tape->weights)
            as_matmul_tn(s->ex, s->tape->weights->d_proj[layer][maps[i]], in, dy[i], out, x, in,
                         out, in, s->rows);
    }
    as_linear_backward(s->ex, dx, in, product, n, s->rows);
}

static void norm_back(const as_step *s, float *dx, const float *dy, const float *x,
                      const float *gain, float *d_gain)
{
    const as_config *c = s->m->config;
    as_rmsnorm_backward(s->ex, dx, c->dim, d_gain, dy, c->dim, x, c->dim, gain, c->norm_offset,
                        s->rows, 1, c->dim, c->eps);
}

/* d_out, what the branch's last map gave, from the gradient of the stream. */
static void open_branch(const as_step *s, const float *gain, float *d_gain, size_t branch)
{
    const as_tape *t = s->tape;
    const size_t dim = s->m->config->dim;
    if (!gain) {
        as_copy(s->ex, t->d_out, t->d_x, s->rows, dim);
        return;
    }
    as_zero(s->ex, t->d_out, s->rows, dim);
    norm_back(s, t->d_out, t->d_x, s->kept->out[branch], gain, d_gain);
}

/* Before the mixer or the mlp, whose input is norm(x): d_x += gradient of x. */
static void enter_branch(const as_step *s, const float *x, const float *gain, float *d_gain)
{
    norm_back(s, s->tape->d_x, s->tape->d_a, x, gain, d_gain);
}

static void mlp_back(as_step *s, size_t layer)
{
    static const as_proj in[] = {AS_GATE_PROJ, AS_UP_PROJ}, out = AS_DOWN_PROJ;
    const as_tape *t = s->tape;
    const size_t width = s->m->config->layer[layer].mlp;
    const as_activation act = as_step_activation(s->m->config);
    const float *gate = s->kept->gate, *up = s->kept->up;
    float *h = t->wide, *dh = h + s->rows * width, *d_up = dh + s->rows * width;
    float *d_gate = h; /* h is done with by then */
    const float *const dy[] = {t->d_out}, *const d_in[] = {d_gate, d_up};
    as_gate(s->ex, act, h, width, gate, width, up, width, s->rows, width);
    as_zero(s->ex, dh, s->rows, width);
    as_step_maps_back(s, layer, &out, dy, 1, h, dh);
    as_zero(s->ex, d_gate, s->rows, width);
    as_zero(s->ex, d_up, s->rows, width);
    as_gate_backward(s->ex, act, d_gate, width, d_up, width, dh, width, gate, width, up, width,
                     s->rows, width);
    as_step_maps_back(s, layer, in, d_in, 2, s->w->a, t->d_a);
}

static void per_layer_back(as_step *s, size_t layer)
{
    static const as_proj in = AS_PLE_GATE, out = AS_PLE_PROJ;
    const as_config *c = s->m->config;
    const as_tape *t = s->tape;
    const size_t p = c->per_layer, width = c->n_layers * p;
    const float *pi = s->w->ple + layer * p;
    float *e = t->wide, *de = e + s->rows * p, *d_raw = de + s->rows * p;
    const float *const dy[] = {t->d_out}, *const d_in[] = {d_raw};
    as_gate(s->ex, as_step_activation(c), e, p, s->kept->e, p, pi, width, s->rows, p);
    as_zero(s->ex, de, s->rows, p);
    as_step_maps_back(s, layer, &out, dy, 1, e, de);
    as_zero(s->ex, d_raw, s->rows, p);
    as_gate_backward(s->ex, as_step_activation(c), d_raw, p, t->d_ple ? t->d_ple + layer * p : NULL,
                     width, de, p, s->kept->e, p, pi, width, s->rows, p);
    as_step_maps_back(s, layer, &in, d_in, 1, s->kept->x_ple, t->d_x);
}

size_t as_block_back_floats(const as_config *c, size_t layer)
{
    const as_layer_shape *l = &c->layer[layer];
    size_t mixer = l->mixer == AS_MIX_DELTA ? as_delta_back_floats(l) : as_attention_back_floats(l);
    size_t mlp = 3 * l->mlp, ple = 3 * c->per_layer;
    size_t most = mixer > mlp ? mixer : mlp;
    return most > ple ? most : ple;
}

/* d_x = scalar d_x; the scalar's own gradient sums over the rows in order. */
static void scalar_back(const as_step *s, size_t layer, float *d_scalar)
{
    const as_config *c = s->m->config;
    const as_tape *t = s->tape;
    const float scalar = s->m->layer[layer].scalar;
    if (d_scalar) { /* what it scaled: the last branch's sum */
        const float *x = c->per_layer > 0 ? s->kept->x_ple : s->kept->x_mlp;
        const size_t branch = c->per_layer > 0 ? 2 : 1;
        const float *gain =
            branch == 2 ? s->m->layer[layer].norm_ple : s->m->layer[layer].norm_mlp_out;
        as_step_norm(s, t->d_out, s->kept->out[branch], gain);
        as_add(s->ex, t->d_out, t->d_out, x, s->rows, c->dim);
        for (size_t r = 0; r < s->rows; r++)
            *d_scalar += s->ex->kernels->dot(t->d_x + r * c->dim, t->d_out + r * c->dim, c->dim);
    }
    if (scalar != 1) as_scale(s->ex, t->d_x, t->d_x, scalar, s->rows, c->dim);
}

/* A layer of which only the input was kept is run again, into the piece its kind shares. */
static void run_again(as_step *s, size_t layer)
{
    const size_t dim = s->m->config->dim;
    for (size_t i = 0; i <= AS_SLOT_INPUT; i++) as_step_hooks_again(s, layer * AS_N_SLOTS + i);
    as_copy(s->ex, s->w->x, s->kept->x_in, s->rows, dim);
    as_step_layer(s, layer);
}

void as_step_layer_back(as_step *s, size_t layer)
{
    const as_config *c = s->m->config;
    const as_tape *t = s->tape;
    const as_layer *weights = &s->m->layer[layer];
    as_layer *g = as_tape_grads(t, layer);
    s->kept = &t->kept[layer];
    if (layer + t->n_kept < c->n_layers) run_again(s, layer);

    if (c->has_post_norms) scalar_back(s, layer, g ? &g->scalar : NULL);
    if (c->per_layer > 0) {
        open_branch(s, weights->norm_ple, g ? g->norm_ple : NULL, 2);
        per_layer_back(s, layer);
    }

    open_branch(s, weights->norm_mlp_out, g ? g->norm_mlp_out : NULL, 1);
    as_step_norm(s, s->w->a, s->kept->x_mlp, weights->norm_mlp_in);
    as_zero(s->ex, t->d_a, s->rows, c->dim);
    mlp_back(s, layer);
    enter_branch(s, s->kept->x_mlp, weights->norm_mlp_in, g ? g->norm_mlp_in : NULL);

    open_branch(s, weights->norm_attn_out, g ? g->norm_attn_out : NULL, 0);
    as_step_norm(s, s->w->a, s->kept->x_in, weights->norm_in);
    as_zero(s->ex, t->d_a, s->rows, c->dim);
    if (c->layer[layer].mixer == AS_MIX_DELTA)
        as_step_delta_back(s, layer);
    else
        as_step_attention_back(s, layer);
    enter_branch(s, s->kept->x_in, weights->norm_in, g ? g->norm_in : NULL);

    as_step_hooks_back(s, layer * AS_N_SLOTS + AS_SLOT_RESIDUAL,
                       &(as_site_view){.y = t->d_x, .ldy = c->dim, .width = c->dim});
}

/* ---- embeddings ---- */

/* d_x += through the projection of the embedding; the table's rows, token after token. */
static void per_layer_inputs_back(as_step *s)
{
    const as_config *c = s->m->config;
    const as_tape *t = s->tape;
    as_weights *w = t->weights;
    const size_t p = c->per_layer, width = c->n_layers * p;
    const float *x = t->kept[0].x_in;
    float *raw = s->w->ple, *d_raw = t->wide; /* ple is not read any more */
    const as_product product = {&s->m->ple_model, raw, width};
    const as_product_back back = {&s->m->ple_model, d_raw, width};
    const float scale = (float)(1 / sqrt((double)c->dim));

    as_scale(s->ex, t->d_ple, t->d_ple, (float)sqrt(0.5), s->rows, width);
    for (size_t r = 0, i = 0; r < s->n_runs; r++)
        for (size_t k = 0; k < s->runs[r].n; k++, i++)
            s->ex->kernels->axpy(w->d_ple_table + s->runs[r].ids[k] * width, t->d_ple + i * width,
                                 sqrtf((float)p), width);
    as_linear(s->ex, &product, 1, x, c->dim, s->rows);
    as_scale(s->ex, raw, raw, scale, s->rows, width);
    as_zero(s->ex, d_raw, s->rows, width);
    as_rmsnorm_backward(s->ex, d_raw, width, w->d_norm_ple, t->d_ple, width, raw, width,
                        s->m->norm_ple, c->norm_offset, s->rows, c->n_layers, p, c->eps);
    as_scale(s->ex, d_raw, d_raw, scale, s->rows, width);
    as_matmul_tn(s->ex, w->d_ple_model, c->dim, d_raw, width, x, c->dim, width, c->dim, s->rows);
    as_linear_backward(s->ex, t->d_x, c->dim, &back, 1, s->rows);
}

void as_step_embed_back(as_step *s)
{
    const as_config *c = s->m->config;
    const as_tape *t = s->tape;
    if (c->per_layer > 0) per_layer_inputs_back(s);
    for (size_t r = 0, i = 0; r < s->n_runs; r++)
        for (size_t k = 0; k < s->runs[r].n; k++, i++)
            s->ex->kernels->axpy(t->weights->d_embed + s->runs[r].ids[k] * c->dim,
                                 t->d_x + i * c->dim, c->embed_scale, c->dim);
}
