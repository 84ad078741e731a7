/* Making an adapter: which maps are adapted, with which rank and scale, and what their factors
 * begin as. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/operator/adapter_internal.h"
#include "engine/tensor/matmul.h"

enum { ALIGNMENT = 64 };

/* ---- building ---- */

as_adapter *as_adapter_begin(const as_model *m, const as_exec *ex, size_t room, as_error *err)
{
    as_arena *arena = as_arena_new(err);
    as_adapter *a = arena ? as_arena_push(arena, 1, sizeof *a, err) : NULL;
    if (!a) goto fail;
    a->arena = arena;
    a->config = as_model_config(m);
    a->ex = ex;
    a->map = as_arena_push(arena, room, sizeof *a->map, err);
    a->param = as_arena_push(arena, room, 2 * sizeof *a->param, err);
    a->hook = as_arena_push(arena, room, sizeof *a->hook, err);
    if (a->map && a->param && a->hook) return a;
fail:
    as_arena_free(arena);
    return NULL;
}

void as_adapter_close(as_adapter *a)
{
    if (!a) return;
    json_decref(a->peft);
    as_arena_free(a->arena);
}

const char *as_adapter_module(as_arena *arena, const as_config *c, size_t layer, as_proj proj,
                              as_error *err)
{
    return as_arena_printf(arena, err, "%slayers.%zu.%s", c->prefix, layer, as_proj_name(proj));
}

static float *push_floats(as_arena *arena, size_t n, as_error *err)
{
    unsigned char *at = NULL;
    size_t bytes;
    if (as_size_mul(n, sizeof(float), &bytes, err) && as_size_add(bytes, ALIGNMENT, &bytes, err))
        at = as_arena_push(arena, bytes, 1, err);
    if (at) at += (ALIGNMENT - (uintptr_t)at % ALIGNMENT) % ALIGNMENT;
    return (float *)(void *)at;
}

as_adapter_map *as_adapter_add(as_adapter *a, const char *module, size_t layer, as_proj proj,
                               size_t rank, double alpha, as_error *err)
{
    as_adapter_map *m = &a->map[a->n];
    char purpose[80];
    *m = (as_adapter_map){.owner = a, .module = module, .layer = layer, .proj = proj};
    bool is_there = as_proj_shape(a->config, layer, proj, &m->out, &m->in);
    AS_CHECK(is_there);
    m->rank = rank;
    m->wide = (rank + 15) / 16 * 16;
    m->alpha = alpha;
    m->scale = as_peft_scale(alpha, rank, a->is_rslora);
    (void)snprintf(purpose, sizeof purpose, "dropout layers.%zu.%s", layer, as_proj_name(proj));
    m->mask = as_rng_at(a->seed, purpose, 0);
    const size_t n_a = rank * m->in, n_b = m->out * rank, n_wide = m->out * m->wide;
    m->a = push_floats(a->arena, n_a, err);
    m->b = m->a ? push_floats(a->arena, n_b, err) : NULL;
    m->grad_a = m->b ? push_floats(a->arena, n_a, err) : NULL;
    m->grad_b = m->grad_a ? push_floats(a->arena, n_b, err) : NULL;
    m->a_turned = m->grad_b ? push_floats(a->arena, m->in * m->wide, err) : NULL;
    m->b_turned = m->a_turned ? push_floats(a->arena, n_b, err) : NULL;
    m->b_wide = m->wide == rank ? m->b : m->b_turned ? push_floats(a->arena, n_wide, err) : NULL;
    if (!m->b_turned || !m->b_wide) return NULL;
    a->n++;
    return m;
}

static int compare_maps(const void *a, const void *b)
{
    const as_adapter_map *x = a, *y = b;
    if (x->layer != y->layer) return x->layer < y->layer ? -1 : 1;
    return x->proj < y->proj ? -1 : x->proj > y->proj;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static bool push_params(as_adapter *a, size_t i, as_error *err)
{
    const as_adapter_map *m = &a->map[i];
    as_arena *arena = a->arena;
    const char *name_a =
        as_arena_printf(arena, err, "base_model.model.%s.lora_A.weight", m->module);
    const char *name_b =
        as_arena_printf(arena, err, "base_model.model.%s.lora_B.weight", m->module);
    if (!name_a || !name_b) return false;
    a->param[2 * i] = (as_parameter){name_a, m->a, m->grad_a, m->rank, m->in, true};
    a->param[2 * i + 1] = (as_parameter){name_b, m->b, m->grad_b, m->out, m->rank, true};
    return true;
}

bool as_adapter_finish(as_adapter *a, as_error *err)
{
    size_t wide = 0, in = 0, side = 0;
    qsort(a->map, a->n, sizeof *a->map, compare_maps);
    for (size_t i = 0; i < a->n; i++) {
        as_adapter_map *m = &a->map[i];
        m->hook = (as_hook){.site = AS_SITE_OUTPUT,
                            .layer = m->layer,
                            .proj = m->proj,
                            .forward = as_adapter_forward,
                            .backward = as_adapter_backward,
                            .state = m};
        a->hook[i] = &m->hook;
        if (!push_params(a, i, err)) return false;
        wide = larger(wide, m->wide);
        in = larger(in, m->in);
        side = larger(side, m->out);
    }
    a->hooks = (as_hooks){a->hook, a->n};
    if (a->dropout > 0) {
        side = larger(side, in);
        a->dropped = push_floats(a->arena, AS_ADAPTER_CHUNK * in, err);
        if (!a->dropped) return false;
    }
    a->row = as_arena_push(a->arena, AS_ADAPTER_CHUNK, sizeof *a->row, err);
    a->low = a->row ? push_floats(a->arena, AS_ADAPTER_CHUNK * wide, err) : NULL;
    a->back = a->low ? push_floats(a->arena, AS_ADAPTER_CHUNK * wide, err) : NULL;
    a->side = a->back ? push_floats(a->arena, AS_ADAPTER_CHUNK * side, err) : NULL;
    return a->side;
}

void as_adapter_refresh(as_adapter *a)
{
    for (size_t i = 0; i < a->n; i++) {
        const as_adapter_map *m = &a->map[i];
        as_transpose(a->ex, m->a_turned, m->wide, m->a, m->in, m->rank, m->in);
        as_transpose(a->ex, m->b_turned, m->out, m->b, m->rank, m->out, m->rank);
        for (size_t o = 0; m->b_wide != m->b && o < m->out; o++)
            memcpy(m->b_wide + o * m->wide, m->b + o * m->rank, m->rank * sizeof *m->b);
    }
}

const as_hooks *as_adapter_hooks(const as_adapter *a)
{
    return &a->hooks;
}

const as_parameter *as_adapter_params(const as_adapter *a, size_t *n)
{
    *n = 2 * a->n;
    return a->param;
}

void as_adapter_keys(as_adapter *a, const uint64_t *keys, size_t n)
{
    a->keys = keys;
    a->n_keys = n;
}

/* ---- what is adapted ---- */

typedef struct {
    const as_config *config;
    const as_adapter_options *options;
    as_arena *arena; /* of module names */
    as_buf known;    /* names of the model's maps, for messages */
} choice;

static bool fail_choice(choice *c, as_error *err, const char *what, const char *found)
{
    char shown[AS_ESCAPE_SIZE];
    size_t out, in;
    for (as_proj p = 0; p < AS_N_PROJ; p++)
        for (size_t l = 0; l < c->config->n_layers; l++) {
            if (!as_proj_shape(c->config, l, p, &out, &in)) continue;
            as_buf_printf(&c->known, "%s%s", c->known.size ? ", " : "", as_proj_name(p));
            break;
        }
    if (!as_buf_ok(&c->known, err)) return false;
    return as_fail(err, AS_EUSAGE, "adapter: %s (found \"%s\", which meets nothing; there are %s)",
                   what, as_escape(found, strlen(found), shown), as_buf_text(&c->known));
}

/* A pattern that comes from options is the user's, not a file's. */
static bool matches(const char *pattern, const char *module, bool is_whole, bool *yes,
                    as_error *err)
{
    if (as_peft_matches(pattern, module, is_whole, yes, err)) return true;
    if (err->class_ == AS_EFORMAT) err->class_ = AS_EUSAGE;
    as_error_at(err, "adapter");
    return false;
}

static bool ends_with_any(const char *module, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (as_peft_ends(module, names[i])) return true;
    return false;
}

static bool has_layer(const as_adapter_options *o, size_t layer)
{
    if (!o->layers) return true;
    for (size_t i = 0; i < o->n_layers; i++)
        if (o->layers[i] == layer) return true;
    return false;
}

static bool is_target(const as_adapter_options *o, const char *module, as_proj proj, bool *yes,
                      as_error *err)
{
    if (!o->target)
        *yes = ends_with_any(module, o->targets, o->n_targets);
    else if (strcmp(o->target, "attention") == 0)
        *yes = proj == AS_Q_PROJ || proj == AS_K_PROJ || proj == AS_V_PROJ || proj == AS_O_PROJ;
    else if (strcmp(o->target, "all-linear") == 0)
        *yes = true;
    else
        return matches(o->target, module, true, yes, err);
    return true;
}

/* The first pattern that names the module decides. In a file the patterns stand in order of their
 * bytes, and must decide the same there. */
static bool decide(const as_adapter_pattern *patterns, size_t n, const char *module, double *value,
                   as_error *err)
{
    const as_adapter_pattern *given = NULL, *sorted = NULL;
    char one[AS_ESCAPE_SIZE], other[AS_ESCAPE_SIZE];
    for (size_t i = 0; i < n; i++) {
        bool yes = false;
        if (!matches(patterns[i].pattern, module, false, &yes, err)) return false;
        if (!yes) continue;
        if (!given) given = &patterns[i];
        if (!sorted || strcmp(patterns[i].pattern, sorted->pattern) < 0) sorted = &patterns[i];
    }
    if (!given) return true;
    *value = given->value;
    if (given->value == sorted->value) return true;
    return as_fail(err, AS_EUSAGE,
                   "adapter: patterns \"%s\" and \"%s\" both name %s, and files keep them in the "
                   "other order",
                   as_escape(given->pattern, strlen(given->pattern), one),
                   as_escape(sorted->pattern, strlen(sorted->pattern), other), module);
}

static bool add_map(as_adapter *a, const as_adapter_options *o, const char *module, size_t layer,
                    as_proj proj, as_error *err)
{
    double rank = (double)o->rank, alpha = o->alpha;
    return decide(o->ranks, o->n_ranks, module, &rank, err) &&
           decide(o->alphas, o->n_alphas, module, &alpha, err) &&
           as_adapter_add(a, module, layer, proj, (size_t)rank, alpha, err);
}

static bool add_maps(as_adapter *a, choice *c, as_error *err)
{
    size_t out, in;
    const as_adapter_options *o = c->options;
    for (size_t l = 0; l < c->config->n_layers; l++)
        for (as_proj p = 0; p < AS_N_PROJ; p++) {
            bool yes = false;
            if (!has_layer(o, l) || !as_proj_shape(c->config, l, p, &out, &in)) continue;
            const char *module = as_adapter_module(a->arena, c->config, l, p, err);
            if (!module || !is_target(o, module, p, &yes, err)) return false;
            if (!yes || ends_with_any(module, o->exclude, o->n_exclude)) continue;
            if (!add_map(a, o, module, l, p, err)) return false;
        }
    if (a->n > 0) return true;
    return fail_choice(c, err, "targets", o->target ? o->target : "none left");
}

/* ---- every word of the options has met something ---- */

/* Does a name end the path of any map of the chosen layers? */
static bool name_meets(const choice *c, const char *name, bool *yes, as_error *err)
{
    size_t out, in;
    *yes = false;
    for (size_t l = 0; l < c->config->n_layers && !*yes; l++)
        for (as_proj p = 0; p < AS_N_PROJ && !*yes; p++) {
            if (!has_layer(c->options, l) || !as_proj_shape(c->config, l, p, &out, &in)) continue;
            const char *module = as_adapter_module(c->arena, c->config, l, p, err);
            if (!module) return false;
            *yes = as_peft_ends(module, name);
        }
    return true;
}

static bool check_names(choice *c, const char *what, const char *const *names, size_t n,
                        as_error *err)
{
    for (size_t i = 0; i < n; i++) {
        bool yes;
        if (!name_meets(c, names[i], &yes, err)) return false;
        if (!yes) return fail_choice(c, err, what, names[i]);
    }
    return true;
}

/* A name that only meets what is excluded, or other layers, adapts nothing. */
static bool check_targets(choice *c, const as_adapter *a, as_error *err)
{
    const as_adapter_options *o = c->options;
    for (size_t i = 0; !o->target && i < o->n_targets; i++) {
        bool met = false;
        for (size_t k = 0; k < a->n && !met; k++)
            met = as_peft_ends(a->map[k].module, o->targets[i]);
        if (!met) return fail_choice(c, err, "target", o->targets[i]);
    }
    return true;
}

static bool check_layers(const as_adapter *a, const as_adapter_options *o, as_error *err)
{
    for (size_t i = 0; o->layers && i < o->n_layers; i++) {
        bool met = false;
        for (size_t k = 0; k < a->n && !met; k++) met = a->map[k].layer == o->layers[i];
        if (!met)
            return as_fail(err, AS_EUSAGE,
                           "adapter: layer (found %zu, which has no such map; there are 0 to %zu)",
                           o->layers[i], a->config->n_layers - 1);
    }
    return true;
}

static bool check_patterns(choice *c, const as_adapter *a, const char *what,
                           const as_adapter_pattern *patterns, size_t n, as_error *err)
{
    for (size_t i = 0; i < n; i++) {
        bool met = false;
        for (size_t k = 0; k < a->n && !met; k++)
            if (!matches(patterns[i].pattern, a->map[k].module, false, &met, err)) return false;
        if (!met) return fail_choice(c, err, what, patterns[i].pattern);
    }
    return true;
}

/* ---- numbers ---- */

static bool check_rank(double rank, as_error *err)
{
    return (rank >= 1 && rank <= AS_MOST_RANK && rank == floor(rank)) ||
           as_fail(err, AS_EUSAGE, "adapter: rank (found %g, expected a whole number from 1 to %d)",
                   rank, (int)AS_MOST_RANK);
}

static bool check_alpha(double alpha, as_error *err)
{
    return (alpha > 0 && isfinite(alpha)) ||
           as_fail(err, AS_EUSAGE, "adapter: alpha (found %g, expected a number above 0)", alpha);
}

static bool check_numbers(const as_adapter_options *o, as_error *err)
{
    if (!check_rank((double)o->rank, err) || !check_alpha(o->alpha, err)) return false;
    for (size_t i = 0; i < o->n_ranks; i++)
        if (!check_rank(o->ranks[i].value, err)) return false;
    for (size_t i = 0; i < o->n_alphas; i++)
        if (!check_alpha(o->alphas[i].value, err)) return false;
    return (o->dropout >= 0 && o->dropout < 1) ||
           as_fail(err, AS_EUSAGE, "adapter: dropout (found %g, expected from 0 to below 1)",
                   o->dropout);
}

/* ---- first values ---- */

enum { DRAWS = 4096 /* values of one task */ };

typedef struct {
    as_rng stream; /* value i is drawn at index i */
    float *x;
    size_t n;
    double spread;
    bool is_normal;
} first_values;

static void draw_some(void *context, size_t task, size_t worker)
{
    const first_values *f = context;
    size_t end = (task + 1) * DRAWS < f->n ? (task + 1) * DRAWS : f->n;
    (void)worker;
    for (size_t i = task * DRAWS; i < end; i++) {
        as_rng r = f->stream;
        r.counter[2] = (uint32_t)i;
        r.counter[3] = (uint32_t)((uint64_t)i >> 32);
        double u = f->is_normal ? as_rng_normal(&r) : 2 * as_rng_uniform(&r) - 1;
        f->x[i] = (float)(u * f->spread);
    }
}

static void draw(const as_adapter *a, const as_parameter *p, double spread, bool is_normal)
{
    first_values f = {.stream = as_rng_at(a->seed, p->name, 0),
                      .x = p->value,
                      .n = p->rows * p->cols,
                      .spread = spread,
                      .is_normal = is_normal};
    as_pool_run(a->ex->pool, (f.n + DRAWS - 1) / DRAWS, draw_some, &f);
}

static void draw_all(as_adapter *a, as_adapter_init init)
{
    for (size_t i = 0; i < a->n; i++) {
        const as_adapter_map *m = &a->map[i];
        if (init == AS_INIT_GAUSSIAN)
            draw(a, &a->param[2 * i], 1 / (double)m->rank, true);
        else
            draw(a, &a->param[2 * i], 1 / sqrt((double)m->in), false);
        if (init == AS_INIT_RANDOM) draw(a, &a->param[2 * i + 1], 1 / sqrt((double)m->rank), false);
    }
}

/* ---- new ---- */

static json_t *pattern_object(const as_adapter_pattern *patterns, size_t n)
{
    json_t *o = json_object();
    for (size_t i = 0; i < n; i++) as_json_put_real(&o, patterns[i].pattern, patterns[i].value);
    return o;
}

static bool describe(as_adapter *a, const as_adapter_options *o, as_error *err)
{
    json_t *ranks = pattern_object(o->ranks, o->n_ranks);
    json_t *alphas = pattern_object(o->alphas, o->n_alphas);
    if (ranks && alphas) a->peft = as_adapter_describe(a, o->rank, o->alpha, ranks, alphas, err);
    json_decref(ranks);
    json_decref(alphas);
    if (o->init == AS_INIT_GAUSSIAN)
        as_json_put(&a->peft, "init_lora_weights", json_string("gaussian"));
    if (o->init == AS_INIT_RANDOM) as_json_put(&a->peft, "init_lora_weights", json_false());
    return a->peft || as_fail(err, AS_EMEM, "out of memory");
}

static bool check_range(const as_adapter *a, const as_adapter_options *o, as_error *err)
{
    for (size_t i = 0; o->layers && i < o->n_layers; i++)
        if (o->layers[i] >= a->config->n_layers)
            return as_fail(err, AS_EUSAGE, "adapter: layer (found %zu, expected 0 to %zu)",
                           o->layers[i], a->config->n_layers - 1);
    return true;
}

as_adapter *as_adapter_new(const as_model *m, const as_exec *ex, const as_adapter_options *o,
                           as_error *err)
{
    choice c = {.config = as_model_config(m), .options = o};
    if (!check_numbers(o, err)) return NULL;
    as_adapter *a = as_adapter_begin(m, ex, c.config->n_layers * AS_N_PROJ, err);
    bool ok = a;
    if (!ok) goto out;
    c.arena = a->arena;
    a->is_rslora = o->is_rslora;
    a->dropout = o->dropout;
    a->seed = o->seed;
    ok = check_range(a, o, err) &&
         (o->target || check_names(&c, "target", o->targets, o->n_targets, err)) &&
         check_names(&c, "exclude", o->exclude, o->n_exclude, err) && add_maps(a, &c, err) &&
         check_layers(a, o, err) && check_targets(&c, a, err) &&
         check_patterns(&c, a, "rank pattern", o->ranks, o->n_ranks, err) &&
         check_patterns(&c, a, "alpha pattern", o->alphas, o->n_alphas, err) &&
         as_adapter_finish(a, err) && describe(a, o, err);
    if (!ok) goto out;
    draw_all(a, o->init);
    as_adapter_refresh(a);
out:
    as_buf_clear(&c.known);
    if (ok) return a;
    as_adapter_close(a);
    return NULL;
}
