/* Work memory of steps: everything as large as the most tokens a step may have, in one piece. */
#include <stdlib.h>

#include "engine/model/carve_internal.h"
#include "engine/model/step_internal.h"

void *as_carve(as_carver *c, size_t n, size_t m, size_t size)
{
    size_t bytes, at = c->at;
    if (c->failed) return NULL;
    c->failed = !as_size_mul(n, m, &bytes, c->err) || !as_size_mul(bytes, size, &bytes, c->err) ||
                !as_size_add(bytes, AS_CARVE_LINE - 1, &bytes, c->err) ||
                !as_size_add(c->at, bytes - bytes % AS_CARVE_LINE, &c->at, c->err);
    return c->base && !c->failed ? c->base + at : NULL;
}

unsigned char *as_carve_base(void *memory)
{
    const size_t over = (uintptr_t)memory % AS_CARVE_LINE;
    return (unsigned char *)memory + (AS_CARVE_LINE - over) % AS_CARVE_LINE;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Floats of `wide` a row needs: the most that lives at once inside a branch. */
static size_t width_of(const as_config *c)
{
    size_t width = c->per_layer;
    for (size_t l = 0; l < c->n_layers; l++) {
        const as_layer_shape *shape = &c->layer[l];
        width = larger(width, 2 * shape->mlp);
        width =
            larger(width, shape->mixer == AS_MIX_DELTA ? as_delta_floats(shape)
                                                       : as_attention_floats(shape, c->has_gate));
    }
    return width;
}

static void lay_out(as_work *w, const as_config *c, as_carver *k)
{
    const size_t n = w->max_tokens, f = sizeof(float);
    w->x = as_carve(k, n, c->dim, f);
    w->a = as_carve(k, n, c->dim, f);
    w->out = as_carve(k, n, c->dim, f);
    w->wide = as_carve(k, n, width_of(c), f);
    for (size_t i = 0; i < c->n_ropes; i++) {
        w->cosine[i] = as_carve(k, n, c->rope[i].half, f);
        w->sine[i] = as_carve(k, n, c->rope[i].half, f);
    }
    w->ple = as_carve(k, n, c->n_layers * c->per_layer, f);
    w->ple_row = as_carve(k, 1, c->n_layers * c->per_layer, f);
    w->position = as_carve(k, n, 1, sizeof *w->position);
    w->state = as_carve(k, n, 1, sizeof *w->state);
    w->span = as_carve(k, n, 1, sizeof *w->span);
    w->site = as_carve(k, n, 1, sizeof *w->site);
    w->attention = as_carve(k, n, 1, sizeof *w->attention);
    w->delta = as_carve(k, n, 1, sizeof *w->delta);
    w->slot = as_carve(k, w->n_slots + 2, 1, sizeof *w->slot);
}

static bool plan_work(as_work *plan, const as_config *c, size_t max_tokens, size_t *bytes,
                      as_error *err)
{
    as_carver k = {.err = err};
    *plan = (as_work){.max_tokens = max_tokens, .n_slots = c->n_layers * AS_N_SLOTS + 1};
    (void)as_carve(&k, 1, 1, sizeof *plan);
    lay_out(plan, c, &k);
    return !k.failed && as_size_add(k.at, AS_CARVE_LINE, bytes, err);
}

bool as_work_bytes(const as_model *m, size_t max_tokens, size_t *bytes, as_error *err)
{
    as_work plan;
    return plan_work(&plan, m->config, max_tokens, bytes, err);
}

as_work *as_work_new(const as_model *m, size_t max_tokens, as_error *err)
{
    as_work plan;
    size_t bytes;
    if (!plan_work(&plan, m->config, max_tokens, &bytes, err)) return NULL;
    unsigned char *memory = as_new(1, bytes, err);
    if (!memory) return NULL;
    as_prefer_huge(memory, bytes);

    /* The struct itself stands at the front, where free() wants it; the rest begins on a line. */
    as_work *w = (as_work *)(void *)memory;
    *w = plan;
    as_carver k = {.base = as_carve_base(memory), .err = err};
    (void)as_carve(&k, 1, 1, sizeof *w);
    lay_out(w, m->config, &k);
    return w;
}

void as_work_free(as_work *w)
{
    if (!w) return;
    free(w->entry);
    free(w);
}

size_t as_work_tokens(const as_work *w)
{
    return w->max_tokens;
}
