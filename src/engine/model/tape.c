/* What a tape holds, and the walk forward and back. */
#include "engine/model/tape.h"

#include <stdlib.h>
#include <string.h>

#include "engine/model/carve_internal.h"
#include "engine/model/step_internal.h"
#include "engine/tensor/matmul.h"

static float *floats(as_carver *k, const as_tape *t, size_t width)
{
    return width > 0 ? as_carve(k, t->max_tokens, width, sizeof(float)) : NULL;
}

/* ---- what is kept of a layer ---- */

static void keep_attention(as_kept *p, const as_tape *t, as_carver *k, const as_config *c,
                           size_t layer)
{
    const as_layer_shape *l = &c->layer[layer];
    const size_t q = l->heads * l->head_dim, kv = l->key_heads * l->head_dim;
    const bool is_producer = l->kv_layer == layer;
    p->u = floats(k, t, c->has_gate ? 2 * q : q);
    p->k = floats(k, t, is_producer && c->has_qk_norm ? kv : 0);
    p->v = floats(k, t, is_producer && c->has_v_norm ? kv : 0);
    p->o = floats(k, t, q);
    p->lse = floats(k, t, l->heads);
}

static void keep_delta(as_kept *p, const as_tape *t, as_carver *k, const as_layer_shape *l)
{
    const size_t v = l->heads * l->head_dim, channels = 2 * l->key_heads * l->key_dim + v;
    p->m = floats(k, t, channels);
    p->mixed = floats(k, t, channels);
    p->z = floats(k, t, v);
    p->b = floats(k, t, l->heads);
    p->a = floats(k, t, l->heads);
    p->y = floats(k, t, v);
}

/* Everything but the input. */
static void keep_layer(as_kept *p, const as_tape *t, as_carver *k, const as_config *c, size_t layer)
{
    const as_layer_shape *l = &c->layer[layer];
    if (l->mixer == AS_MIX_DELTA)
        keep_delta(p, t, k, l);
    else
        keep_attention(p, t, k, c, layer);
    p->x_mlp = floats(k, t, c->dim);
    p->gate = floats(k, t, l->mlp);
    p->up = floats(k, t, l->mlp);
    p->x_ple = floats(k, t, c->per_layer ? c->dim : 0);
    p->e = floats(k, t, c->per_layer);
    for (size_t i = 0; i < 3; i++)
        p->out[i] = floats(k, t, c->has_post_norms && (i < 2 || c->per_layer) ? c->dim : 0);
}

/* Layers that are not kept share one piece, as large as the largest. */
static void keep_layers(as_tape *t, as_carver *k, const as_config *c, as_kept *kept)
{
    size_t shared = k->at, end = shared;
    for (size_t l = 0; l + t->n_kept < c->n_layers; l++) {
        k->at = shared;
        keep_layer(&kept[l], t, k, c, l);
        if (k->at > end) end = k->at;
    }
    k->at = end;
    for (size_t l = c->n_layers - t->n_kept; l < c->n_layers; l++) keep_layer(&kept[l], t, k, c, l);
    for (size_t l = 0; l < c->n_layers; l++) kept[l].x_in = floats(k, t, c->dim);
}

/* ---- memory ---- */

static bool is_read_by_others(const as_config *c, size_t layer)
{
    for (size_t l = layer + 1; l < c->n_layers; l++)
        if (c->layer[l].mixer == AS_MIX_ATTENTION && c->layer[l].kv_layer == layer) return true;
    return false;
}

static size_t kv_floats(const as_config *c, size_t layer)
{
    const as_layer_shape *l = &c->layer[layer];
    return l->mixer == AS_MIX_ATTENTION ? 2 * l->key_heads * l->head_dim : 0;
}

static void keep_key_grads(as_tape *t, as_carver *k, const as_config *c, float **d_keys)
{
    size_t own = 0;
    for (size_t l = 0; l < c->n_layers; l++) {
        const size_t n = kv_floats(c, l);
        if (n > 0 && is_read_by_others(c, l))
            d_keys[l] = floats(k, t, n);
        else if (n > own)
            own = n;
    }
    t->d_own = floats(k, t, own);
}

static void lay_out(as_tape *t, const as_config *c, as_carver *k, as_kept *kept, float **d_keys)
{
    size_t wide = c->n_layers * c->per_layer, states = 0;
    for (size_t l = 0; l < c->n_layers; l++) {
        const as_layer_shape *shape = &c->layer[l];
        const size_t w = as_block_back_floats(c, l);
        const size_t n = shape->mixer == AS_MIX_DELTA ? as_delta_tape_floats(shape, t->longest) : 0;
        if (w > wide) wide = w;
        if (n > states) states = n;
    }
    keep_layers(t, k, c, kept);
    keep_key_grads(t, k, c, d_keys);
    t->last = floats(k, t, c->dim);
    t->final = floats(k, t, c->dim);
    t->d_x = floats(k, t, c->dim);
    t->d_a = floats(k, t, c->dim);
    t->d_out = floats(k, t, c->dim);
    t->wide = floats(k, t, wide);
    if (t->weights) t->d_ple = floats(k, t, c->n_layers * c->per_layer);
    t->states = as_carve(k, states, 1, sizeof(float));
    t->run = as_carve(k, t->max_tokens, 1, sizeof *t->run);
    t->row = as_carve(k, t->max_tokens, 1, sizeof *t->row);
    t->attention = as_carve(k, t->max_tokens, 1, sizeof *t->attention);
}

/* The layers' tables stand before the rest, so that counting needs no memory of its own. */
static bool count(const as_config *c, const as_tape *like, as_kept *kept, float **d_keys,
                  size_t *bytes, as_error *err)
{
    as_tape t = *like;
    as_carver k = {.err = err};
    lay_out(&t, c, &k, kept, d_keys);
    return !k.failed && as_size_add(k.at, AS_CARVE_LINE, bytes, err);
}

/* Tokens that the pages of most_runs sequences have room for: the last page of each is begun. */
static bool page_tokens(const as_tape_options *o, size_t *tokens, as_error *err)
{
    size_t runs = o->most_runs;
    if (runs == 0 && o->longest > 0) runs = (o->max_tokens + o->longest - 1) / o->longest;
    return as_size_mul(runs, AS_PAGE - 1, tokens, err) &&
           as_size_add(*tokens, o->max_tokens, tokens, err);
}

bool as_tape_bytes(const as_model *m, const as_tape_options *o, size_t *bytes, as_error *err)
{
    const as_config *c = m->config;
    bool ok = false;
    size_t pages = 0, tokens, work, n;
    as_tape t = {.max_tokens = o->max_tokens, .longest = o->longest, .n_kept = o->n_kept};
    as_kept *kept = as_new(c->n_layers, sizeof *kept, err);
    float **d_keys = kept ? as_new(c->n_layers, sizeof *d_keys, err) : NULL;
    AS_CHECK(o->n_kept <= c->n_layers);
    for (size_t l = 0; l < c->n_layers; l++)
        if (c->layer[l].kv_layer == l) pages += kv_floats(c, l);
    ok = d_keys && count(c, &t, kept, d_keys, bytes, err) &&
         as_work_bytes(m, o->max_tokens, &work, err) && as_size_add(*bytes, work, bytes, err) &&
         page_tokens(o, &tokens, err) && as_size_mul(tokens, pages * sizeof(float), &n, err) &&
         as_size_add(*bytes, n, bytes, err);
    free(d_keys);
    free(kept);
    return ok;
}

as_tape *as_tape_new(const as_model *m, const as_exec *ex, as_weights *weights,
                     const as_tape_options *o, as_error *err)
{
    const as_config *c = m->config;
    bool ok = false;
    size_t bytes;
    as_tape *t = as_new(1, sizeof *t, err);
    if (!t) return NULL;
    AS_CHECK(o->n_kept <= c->n_layers && o->longest <= o->max_tokens);
    *t = (as_tape){.max_tokens = o->max_tokens,
                   .longest = o->longest,
                   .n_kept = o->n_kept,
                   .weights = weights};
    t->step = (as_step){.m = m, .ex = ex, .tape = t};
    t->kept = as_new(c->n_layers, sizeof *t->kept, err);
    t->d_keys = t->kept ? as_new(c->n_layers, sizeof *t->d_keys, err) : NULL;
    if (!t->d_keys || !count(c, t, t->kept, t->d_keys, &bytes, err)) goto out;
    t->memory = as_new(1, bytes, err);
    if (!t->memory) goto out;
    as_prefer_huge(t->memory, bytes);
    as_carver k = {.base = as_carve_base(t->memory), .err = err};
    lay_out(t, c, &k, t->kept, t->d_keys);
    t->work = as_work_new(m, o->max_tokens, err);
    t->cache = t->work ? as_cache_new(c, err) : NULL;
    if (t->cache) as_cache_pages_only(t->cache);
    t->step.w = t->work;
    t->step.runs = t->run;
    ok = t->cache != NULL;
out:
    if (ok) return t;
    as_tape_free(t);
    return NULL;
}

void as_tape_free(as_tape *t)
{
    if (!t) return;
    for (size_t i = 0; i < t->n_rows; i++) as_cache_row_free(t->row[i]);
    as_cache_free(t->cache);
    as_work_free(t->work);
    free(t->memory);
    free(t->kept);
    free(t->d_keys);
    free(t);
}

as_layer *as_tape_grads(const as_tape *t, size_t layer)
{
    return t->weights ? &t->weights->grad[layer] : NULL;
}

void as_tape_keys(const as_tape *t, size_t layer, float **dk, float **dv)
{
    const as_config *c = t->step.m->config;
    const size_t owner = c->layer[layer].kv_layer, n = t->step.rows * kv_floats(c, layer);
    *dk = t->d_keys[owner] ? t->d_keys[owner] : t->d_own;
    *dv = *dk + n / 2;
    if (!t->d_keys[owner]) as_zero(t->step.ex, *dk, 1, n);
}

/* ---- forward ---- */

static bool make_rows(as_tape *t, size_t n, as_error *err)
{
    for (; t->n_rows < n; t->n_rows++) {
        t->row[t->n_rows] = as_cache_row_new(t->cache, t->longest, err);
        if (!t->row[t->n_rows]) return false;
    }
    return true;
}

/* The lowest layer that a hook is trained in, or 0 with weights. */
static bool find_first(as_tape *t, const as_tape_run *runs, size_t n, as_error *err)
{
    const size_t n_layers = t->step.m->config->n_layers;
    t->first = t->weights ? 0 : n_layers + 1;
    for (size_t r = 0; r < n; r++) {
        const as_hooks *h = runs[r].hooks;
        for (size_t i = 0; h && i < h->n; i++)
            if (!h->hook[i]->reads_only && !h->hook[i]->backward)
                return as_fail(err, AS_EUSAGE,
                               "an operator of layer %zu has no way back (found it under training)",
                               h->hook[i]->layer);
        const size_t first = h ? as_hooks_first(h, n_layers) : n_layers + 1;
        if (first < t->first) t->first = first;
    }
    return true;
}

bool as_tape_forward(as_tape *t, const as_tape_run *runs, size_t n_runs, bool forward_only,
                     const float **final, as_error *err)
{
    as_step *s = &t->step;
    const as_config *c = s->m->config;
    size_t tokens = 0;
    for (size_t r = 0; r < n_runs; r++) {
        AS_CHECK(runs[r].n > 0);
        tokens += runs[r].n;
    }
    if (tokens > t->max_tokens)
        return as_fail(err, AS_ELIMIT, "step (found %zu tokens, expected at most %zu)", tokens,
                       t->max_tokens);
    if (!forward_only && !find_first(t, runs, n_runs, err)) return false;
    if (!make_rows(t, n_runs, err)) return false;
    for (size_t r = 0; r < n_runs; r++)
        t->run[r] = (as_run){.ids = runs[r].ids,
                             .n = runs[r].n,
                             .cache = t->row[r],
                             .hooks = runs[r].hooks,
                             .n_final = runs[r].n,
                             .parent = AS_NO_PARENT};
    s->n_runs = n_runs;
    s->kept = NULL;
    if (!as_step_begin(s, err)) return false;
    for (size_t l = 0; l < c->n_layers; l++) {
        as_step_enter(s, l);
        s->kept = &t->kept[l];
        as_copy(s->ex, s->kept->x_in, t->work->x, tokens, c->dim);
        as_step_layer(s, l);
    }
    as_copy(s->ex, t->last, t->work->x, tokens, c->dim);
    as_step_finish(s, t->final);
    if (forward_only)
        for (size_t r = 0; r < n_runs; r++) as_cache_trim(t->row[r]);
    *final = t->final;
    return true;
}

/* ---- back ---- */

void as_tape_backward(as_tape *t, const float *d_final)
{
    as_step *s = &t->step;
    const as_config *c = s->m->config;
    for (size_t l = 0; l < c->n_layers; l++)
        if (t->d_keys[l]) as_zero(s->ex, t->d_keys[l], s->rows, kv_floats(c, l));
    as_copy(s->ex, t->d_out, d_final, s->rows, c->dim);
    as_step_hooks_back(s, c->n_layers * AS_N_SLOTS,
                       &(as_site_view){.y = t->d_out, .ldy = c->dim, .width = c->dim});
    as_zero(s->ex, t->d_x, s->rows, c->dim);
    as_rmsnorm_backward(s->ex, t->d_x, c->dim, t->weights ? t->weights->d_norm_final : NULL,
                        t->d_out, c->dim, t->last, c->dim, s->m->norm_final, c->norm_offset,
                        s->rows, 1, c->dim, c->eps);
    if (t->d_ple) as_zero(s->ex, t->d_ple, s->rows, c->n_layers * c->per_layer);
    for (size_t l = c->n_layers; l-- > 0 && l >= t->first;) as_step_layer_back(s, l);
    if (t->weights) as_step_embed_back(s);
    for (size_t r = 0; r < s->n_runs; r++) as_cache_trim(t->row[r]);
}

void as_tape_head_backward(as_tape *t, float *d_final, float *d_logits, const float *logits,
                           const float *final, size_t rows)
{
    const as_step *s = &t->step;
    const as_config *c = s->m->config;
    const as_weight *head = s->m->head.panels ? &s->m->head : &s->m->embed;
    const as_product_back product = {head, d_logits, c->vocab};
    if (c->softcap != 0) as_softcap_backward(s->ex, d_logits, logits, c->softcap, rows, c->vocab);
    if (t->weights)
        as_matmul_tn(s->ex, t->weights->d_head, c->dim, d_logits, c->vocab, final, c->dim, c->vocab,
                     c->dim, rows);
    as_linear_backward(s->ex, d_final, c->dim, &product, 1, rows);
}
