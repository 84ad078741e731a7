/* One step of all runs: the rows of all runs are stacked, each layer's maps read once for all of
 * them, and the four families are one layer function driven by as_config. Everything that can fail
 * comes before the first product. */
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/model/step_internal.h"

/* ---- before the step: what may fail ---- */

/* The layer where a run begins to compute: that of its own rows. */
static size_t begin_of(const as_run *run)
{
    return run->parent == AS_NO_PARENT ? 0 : run->from_layer;
}

static void check_parent(const as_step *s, size_t r)
{
    const as_run *run = &s->runs[r];
    if (run->parent == AS_NO_PARENT) return;
    AS_CHECK(run->parent < r && run->from_layer <= s->m->config->n_layers);
    const as_run *parent = &s->runs[run->parent];
    AS_CHECK(parent->parent == AS_NO_PARENT && parent->n == run->n);
    AS_CHECK(memcmp(parent->ids, run->ids, run->n * sizeof *run->ids) == 0);
    AS_CHECK(as_cache_row_length(parent->cache) == as_cache_row_length(run->cache));
}

static bool check_run(const as_step *s, size_t r, as_error *err)
{
    const as_config *c = s->m->config;
    const as_run *run = &s->runs[r];
    AS_CHECK(run->n > 0 && run->n_final <= run->n);
    check_parent(s, r);
    size_t held = as_cache_row_length(run->cache), room = as_cache_row_capacity(run->cache);
    size_t most = room < c->max_positions ? room : c->max_positions;
    if (held > most || run->n > most - held)
        return as_fail(err, AS_ELIMIT, "tokens (found %zu and %zu more, expected at most %zu: %s)",
                       held, run->n, most,
                       room < c->max_positions ? "capacity of the row" : "positions of the model");
    for (size_t i = 0; i < run->n; i++)
        if (run->ids[i] >= c->vocab)
            return as_fail(err, AS_EFORMAT, "token %zu: id (found %lu, expected below %zu)", i,
                           (unsigned long)run->ids[i], c->vocab);
    return true;
}

static bool check_runs(const as_step *s, as_error *err)
{
    size_t tokens = 0;
    for (size_t r = 0; r < s->n_runs; r++) {
        if (!check_run(s, r, err)) {
            as_error_at(err, "run %zu", r);
            return false;
        }
        tokens += s->runs[r].n;
    }
    if (tokens <= s->w->max_tokens) return true;
    return as_fail(err, AS_ELIMIT, "step (found %zu tokens, expected at most %zu)", tokens,
                   s->w->max_tokens);
}

/* Pages for all runs. Children let go of what they share with a parent first, or the parent would
 * have to copy a page that they take back from it anyway. */
static bool make_room(const as_step *s, as_error *err)
{
    bool ok = true;
    for (size_t r = 0; r < s->n_runs; r++)
        as_cache_release(s->runs[r].cache, begin_of(&s->runs[r]));
    for (size_t r = 0; r < s->n_runs && ok; r++) {
        const as_run *run = &s->runs[r];
        ok = as_cache_grow(run->cache, run->n, begin_of(run), err);
    }
    if (ok) return true;
    for (size_t r = 0; r < s->n_runs; r++) {
        const as_run *run = &s->runs[r];
        as_cache_trim(run->cache);
        if (run->parent == AS_NO_PARENT) continue;
        bool shared =
            as_cache_share_pages(run->cache, s->runs[run->parent].cache, run->from_layer, err);
        AS_CHECK(shared);
    }
    return false;
}

/* ---- which runs compute ---- */

/* Numbers the runs that are not idle and joins their rows to spans. */
static void number_runs(as_step *s)
{
    as_work *w = s->w;
    size_t place = 0;
    s->rows = s->n_spans = 0;
    for (size_t r = 0; r < s->n_runs; r++) {
        as_run_state *state = &w->state[r];
        if (state->is_idle) {
            if (s->runs[r].parent != AS_NO_PARENT) state->row = w->state[s->runs[r].parent].row;
            continue;
        }
        state->place = place++;
        s->rows += state->rows;
        as_span *last = s->n_spans > 0 ? &w->span[s->n_spans - 1] : NULL;
        if (last && last->source + last->rows == state->source)
            last->rows += state->rows;
        else
            w->span[s->n_spans++] = (as_span){state->row, state->source, state->rows};
    }
}

/* At the start only the runs without parent compute. */
static void start_runs(as_step *s)
{
    as_work *w = s->w;
    size_t row = 0;
    for (size_t r = 0; r < s->n_runs; r++) {
        const as_run *run = &s->runs[r];
        as_run_state *state = &w->state[r];
        *state = (as_run_state){.rows = run->n, .first = (uint32_t)as_cache_row_length(run->cache)};
        state->is_idle = run->parent != AS_NO_PARENT;
        if (state->is_idle) {
            state->source = w->state[run->parent].source;
            continue;
        }
        state->row = state->source = row;
        for (size_t i = 0; i < run->n; i++) w->position[row++] = state->first + (uint32_t)i;
    }
    number_runs(s);
}

static void take_caches(const as_step *s, size_t r)
{
    as_error err = {0};
    const as_run *run = &s->runs[r];
    bool ok = as_cache_share(run->cache, s->runs[run->parent].cache, run->from_layer, &err);
    AS_CHECK(ok); /* its capacity was checked */
}

/* Runs that begin at this layer take their parent's stream; the rows behind move up. From the last
 * run down, no row is written before it has been read: a parent stands before its children. */
static void start_children(as_step *s, size_t layer)
{
    as_work *w = s->w;
    size_t dim = s->m->config->dim, row = s->rows;
    for (size_t r = 0; r < s->n_runs; r++)
        if (w->state[r].is_idle && s->runs[r].from_layer == layer) row += s->runs[r].n;
    if (row == s->rows) return;
    for (size_t r = s->n_runs; r-- > 0;) {
        as_run_state *state = &w->state[r];
        bool begins = state->is_idle && s->runs[r].from_layer == layer;
        if (state->is_idle && !begins) continue;
        size_t from = state->row; /* an idle run's row is its parent's */
        row -= state->rows;
        if (row != from)
            memmove(w->x + row * dim, w->x + from * dim, state->rows * dim * sizeof(float));
        state->row = row;
        state->is_idle = false;
        if (begins) take_caches(s, r);
    }
    number_runs(s);
}

/* ---- what depends on tokens alone ---- */

/* pi = (norm(x W^T / sqrt(dim)) + sqrt(per_layer) table) / sqrt(2), for all layers at once. */
static void per_layer_inputs(as_step *s)
{
    const as_config *c = s->m->config;
    const as_tensor *table = &s->m->ple_table;
    const as_kernels *k = s->ex->kernels;
    as_work *w = s->w;
    const size_t width = c->n_layers * c->per_layer;
    const as_product product = {&s->m->ple_model, w->ple, width};
    as_linear(s->ex, &product, 1, w->x, c->dim, s->rows);
    as_scale(s->ex, w->ple, w->ple, (float)(1 / sqrt((double)c->dim)), s->rows, width);
    as_rmsnorm(s->ex, w->ple, width, w->ple, width, s->m->norm_ple, c->norm_offset, s->rows,
               c->n_layers, c->per_layer, c->eps);
    for (size_t r = 0; r < s->n_runs; r++) {
        if (w->state[r].is_idle) continue;
        float *row = w->ple + w->state[r].row * width;
        for (size_t i = 0; i < s->runs[r].n; i++, row += width) {
            bool ok = as_dequantise(table->dtype, table->nf4, w->ple_row, table->data,
                                    s->runs[r].ids[i] * width, width);
            AS_CHECK(ok); /* its type was checked when the model was opened */
            k->scale(w->ple_row, w->ple_row, sqrtf((float)c->per_layer), width);
            k->add(row, row, w->ple_row, width);
            k->scale(row, row, (float)sqrt(0.5), width);
        }
    }
}

static void embed(as_step *s)
{
    const as_config *c = s->m->config;
    as_work *w = s->w;
    for (size_t r = 0; r < s->n_runs; r++) {
        if (w->state[r].is_idle) continue;
        float *row = w->x + w->state[r].row * c->dim;
        for (size_t i = 0; i < s->runs[r].n; i++, row += c->dim)
            as_weight_row(s->ex, &s->m->embed, s->runs[r].ids[i], row);
    }
    if (c->embed_scale != 1) as_scale(s->ex, w->x, w->x, c->embed_scale, s->rows, c->dim);
    for (size_t i = 0; i < c->n_ropes; i++)
        as_rope_angles(s->ex, w->cosine[i], w->sine[i], w->position, c->rope[i].inv_freq, s->rows,
                       c->rope[i].half);
    if (c->per_layer > 0) per_layer_inputs(s);
}

/* ---- layers ---- */

void as_step_maps(as_step *s, size_t layer, const as_proj *maps, float *const *y, size_t n,
                  const float *x)
{
    as_product product[4] = {0};
    const as_weight *weights = s->m->layer[layer].proj;
    AS_CHECK(n <= 4);
    for (size_t i = 0; i < n; i++)
        product[i] = (as_product){&weights[maps[i]], y[i], weights[maps[i]].out};
    const size_t in = weights[maps[0]].in;
    as_linear(s->ex, product, n, x, in, s->rows);
    for (size_t i = 0; i < n; i++) {
        const size_t out = product[i].ldy;
        as_step_hooks(s, layer * AS_N_SLOTS + (size_t)maps[i],
                      &(as_site_view){y[i], out, out, x, in, in, NULL});
    }
}

void as_step_norm(const as_step *s, float *y, const float *x, const float *gain)
{
    const as_config *c = s->m->config;
    as_rmsnorm(s->ex, y, c->dim, x, c->dim, gain, c->norm_offset, s->rows, 1, c->dim, c->eps);
}

static void keep(const as_step *s, float *to, const float *x)
{
    if (to) as_copy(s->ex, to, x, s->rows, s->m->config->dim);
}

/* x = x + out, or x + norm(out) where a branch has a norm at its end. */
static void close_branch(const as_step *s, const float *gain, size_t branch)
{
    as_work *w = s->w;
    if (gain && s->kept) keep(s, s->kept->out[branch], w->out);
    if (gain) as_step_norm(s, w->out, w->out, gain);
    as_add(s->ex, w->x, w->x, w->out, s->rows, s->m->config->dim);
}

as_activation as_step_activation(const as_config *c)
{
    return c->activation == AS_ACT_GELU ? AS_GELU : AS_SILU;
}

static void mlp(as_step *s, size_t layer)
{
    static const as_proj in[] = {AS_GATE_PROJ, AS_UP_PROJ}, out = AS_DOWN_PROJ;
    const size_t width = s->m->config->layer[layer].mlp;
    float *h = s->w->wide;
    float *const y[] = {s->kept ? s->kept->gate : h, s->kept ? s->kept->up : h + s->rows * width};
    as_step_maps(s, layer, in, y, 2, s->w->a);
    as_gate(s->ex, as_step_activation(s->m->config), h, width, y[0], width, y[1], width, s->rows,
            width);
    as_step_maps(s, layer, &out, &s->w->out, 1, h);
}

/* The stream itself enters, without a norm. */
static void per_layer_branch(as_step *s, size_t layer)
{
    static const as_proj in = AS_PLE_GATE, out = AS_PLE_PROJ;
    const as_config *c = s->m->config;
    const size_t p = c->per_layer, width = c->n_layers * p;
    float *e = s->w->wide, *raw = s->kept ? s->kept->e : e;
    as_step_maps(s, layer, &in, &raw, 1, s->w->x);
    for (size_t i = 0; i < s->n_spans; i++) {
        const as_span *span = &s->w->span[i];
        as_gate(s->ex, as_step_activation(c), e + span->row * p, p, raw + span->row * p, p,
                s->w->ple + span->source * width + layer * p, width, span->rows, p);
    }
    as_step_maps(s, layer, &out, &s->w->out, 1, e);
}

void as_step_layer(as_step *s, size_t layer)
{
    const as_config *c = s->m->config;
    const as_layer *weights = &s->m->layer[layer];
    as_work *w = s->w;
    as_step_norm(s, w->a, w->x, weights->norm_in);
    if (c->layer[layer].mixer == AS_MIX_DELTA)
        as_step_delta(s, layer);
    else
        as_step_attention(s, layer);
    close_branch(s, weights->norm_attn_out, 0);

    if (s->kept) keep(s, s->kept->x_mlp, w->x);
    as_step_norm(s, w->a, w->x, weights->norm_mlp_in);
    mlp(s, layer);
    close_branch(s, weights->norm_mlp_out, 1);

    if (c->per_layer > 0) {
        if (s->kept) keep(s, s->kept->x_ple, w->x);
        per_layer_branch(s, layer);
        close_branch(s, weights->norm_ple, 2);
    }
    if (weights->scalar != 1) as_scale(s->ex, w->x, w->x, weights->scalar, s->rows, c->dim);
}

void as_step_enter(as_step *s, size_t layer)
{
    const size_t dim = s->m->config->dim;
    as_step_hooks(s, layer * AS_N_SLOTS + AS_SLOT_RESIDUAL,
                  &(as_site_view){.y = s->w->x, .ldy = dim, .width = dim});
}

/* ---- the end ---- */

/* The wanted rows, in order of the runs, normed, and seen by the hooks of the final state. */
void as_step_finish(as_step *s, float *final)
{
    const as_config *c = s->m->config;
    size_t rows = 0;
    for (size_t r = 0; r < s->n_runs; r++) {
        const as_run *run = &s->runs[r];
        as_run_state *state = &s->w->state[r];
        size_t skip = run->n - run->n_final;
        if (run->n_final > 0)
            memcpy(final + rows * c->dim, s->w->x + (state->row + skip) * c->dim,
                   run->n_final * c->dim * sizeof(float));
        state->row = rows;
        state->rows = run->n_final;
        state->first += (uint32_t)skip;
        state->is_idle = run->n_final == 0;
        rows += run->n_final;
    }
    number_runs(s);
    if (rows == 0) return;
    as_step_norm(s, final, final, s->m->norm_final);
    as_step_hooks(s, c->n_layers * AS_N_SLOTS,
                  &(as_site_view){.y = final, .ldy = c->dim, .width = c->dim});
}

bool as_step_begin(as_step *s, as_error *err)
{
    if (!check_runs(s, err) || !as_step_index(s, err) || !make_room(s, err)) return false;
    start_runs(s);
    embed(s);
    return true;
}

bool as_model_step(const as_model *m, const as_exec *ex, as_work *w, const as_run *runs,
                   size_t n_runs, float *final, as_error *err)
{
    as_step s = {.m = m, .ex = ex, .w = w, .runs = runs, .n_runs = n_runs};
    if (!as_step_begin(&s, err)) return false;
    for (size_t l = 0; l < m->config->n_layers; l++) {
        start_children(&s, l);
        as_step_enter(&s, l);
        as_step_layer(&s, l);
    }
    for (size_t r = 0; r < n_runs; r++)
        if (w->state[r].is_idle) take_caches(&s, r);
    as_step_finish(&s, final);
    for (size_t r = 0; r < n_runs; r++) as_cache_advance(runs[r].cache, runs[r].n);
    return true;
}

void as_model_head(const as_model *m, const as_exec *ex, float *logits, const float *final,
                   size_t rows)
{
    const as_config *c = m->config;
    const as_product product = {m->head.panels ? &m->head : &m->embed, logits, c->vocab};
    as_linear(ex, &product, 1, final, c->dim, rows);
    if (c->softcap != 0) as_softcap(ex, logits, c->softcap, rows, c->vocab);
}
