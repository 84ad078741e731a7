/* The forward pass of the four families against numbers made in double precision by other code
 * (tests/golden/engine/tiny_*.json): logits, hidden states, inputs of o_proj, a tempered head. The
 * bound of 1e-4 on values near 1 is ten times what float32 costs in these models. */
#include "tiny_models.h"

#include "base/json.h"

static const double bound = 1e-4;

static const json_t *need(const json_t *v, const char *pointer)
{
    as_error err = {0};
    const json_t *found = as_json_at(v, pointer);
    if (!found) (void)as_fail(&err, AS_EFORMAT, "fixture: %s is missing", pointer);
    must(found != NULL, &err);
    return found;
}

static json_t *fixture(const char *name)
{
    char path[256];
    as_error err = {0};
    const char *file = strcmp(name, "llama") == 0 ? "smollm2" : name;
    (void)snprintf(path, sizeof path, "tests/golden/engine/tiny_%s.json", file);
    json_t *v = as_json_read(path, &err);
    must(v != NULL, &err);
    return v;
}

/* The largest difference seen, absolute below 1 and relative above. */
static void compare(double *most, double found, double expected)
{
    double d = fabs(found - expected) / (fabs(expected) > 1 ? fabs(expected) : 1);
    if (!(d <= *most)) *most = d;
}

static void compare_list(double *most, const float *found, const json_t *expected)
{
    const json_t *list = expected;
    CHECK(json_array_size(list) > 0);
    for (size_t i = 0; i < json_array_size(list); i++)
        compare(most, (double)found[i], json_number_value(json_array_get(list, i)));
}

static double norm_of(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

/* ---- one pass with everything seen ---- */

typedef struct {
    size_t n, n_layers;
    uint32_t *ids;
    kept *stream;  /* (n_layers + 1) */
    kept *heads;   /* (n_layers) inputs of o_proj */
    float *final;  /* (n, dim) */
    float *logits; /* (n, vocab) */
} pass;

static pass pass_new(const as_config *c, const json_t *ids)
{
    pass p = {.n = json_array_size(ids), .n_layers = c->n_layers};
    p.ids = room(p.n, sizeof *p.ids);
    for (size_t i = 0; i < p.n; i++)
        p.ids[i] = (uint32_t)json_integer_value(json_array_get(ids, i));
    p.stream = room(p.n_layers + 1, sizeof *p.stream);
    p.heads = room(p.n_layers, sizeof *p.heads);
    for (size_t l = 0; l <= p.n_layers; l++)
        p.stream[l] = (kept){room(p.n * c->dim, sizeof(float)), c->dim, 0};
    for (size_t l = 0; l < p.n_layers; l++) {
        size_t width = head_columns(c, l);
        p.heads[l] = (kept){room(p.n * width, sizeof(float)), width, 0};
    }
    p.final = room(p.n * c->dim, sizeof(float));
    p.logits = room(p.n * c->vocab, sizeof(float));
    return p;
}

static void pass_free(pass *p)
{
    for (size_t l = 0; l <= p->n_layers; l++) free(p->stream[l].at);
    for (size_t l = 0; l < p->n_layers; l++) free(p->heads[l].at);
    free(p->stream);
    free(p->heads);
    free(p->final);
    free(p->logits);
    free(p->ids);
}

/* extra: an operator to go before the taps, or NULL. */
static void pass_run(pass *p, const as_model *m, const as_exec *ex, const as_hook *extra)
{
    as_error err = {0};
    const as_config *c = as_model_config(m);
    as_hook hook[32];
    const as_hook *list[33];
    size_t n = 0, n_list = 0;
    for (size_t l = 0; l < c->n_layers; l++) {
        hook[n++] = tap(AS_SITE_RESIDUAL, l, AS_Q_PROJ, &p->stream[l]);
        hook[n++] = tap(AS_SITE_INPUT, l, head_map(c, l), &p->heads[l]);
    }
    hook[n++] = tap(AS_SITE_FINAL, 0, AS_Q_PROJ, &p->stream[c->n_layers]);
    if (extra) list[n_list++] = extra;
    for (size_t i = 0; i < n; i++) list[n_list++] = &hook[i];

    const as_hooks hooks = {list, n_list};
    as_cache *cache = as_cache_new(c, &err);
    must(cache != NULL, &err);
    as_cache_row *row = as_cache_row_new(cache, p->n, &err);
    must(row != NULL, &err);
    as_work *w = as_work_new(m, p->n, &err);
    must(w != NULL, &err);
    const as_run run = {p->ids, p->n, row, &hooks, p->n, AS_NO_PARENT, 0};
    must(as_model_step(m, ex, w, &run, 1, p->final, &err), &err);
    as_model_head(m, ex, p->logits, p->final, p->n);
    as_work_free(w);
    as_cache_row_free(row);
    as_cache_free(cache);
}

/* ---- against the fixture ---- */

static double logits_off(const pass *p, const json_t *g, size_t vocab)
{
    double most = 0, sum = 0;
    const char *key;
    json_t *row;
    compare_list(&most, p->logits + (p->n - 1) * vocab, need(g, "/logits_last"));
    json_t *rows = json_object_get(g, "logits_rows");
    CHECK(json_object_size(rows) == 11);
    json_object_foreach(rows, key, row)
    {
        compare_list(&most, p->logits + strtoul(key, NULL, 10) * vocab, row);
    }
    for (size_t i = 0; i < p->n * vocab; i++) sum += fabs((double)p->logits[i]);
    compare(&most, sum, json_number_value(need(g, "/logits_sum_abs")));
    for (size_t t = 0; t < p->n; t++) {
        const float *x = p->logits + t * vocab;
        size_t best = 0;
        for (size_t i = 1; i < vocab; i++)
            if (x[i] > x[best]) best = i;
        CHECK((json_int_t)best == json_integer_value(json_array_get(need(g, "/argmax"), t)));
    }
    return most;
}

static double states_off(const pass *p, const json_t *g)
{
    double most = 0;
    const json_t *list = need(g, "/hidden_states");
    CHECK(json_array_size(list) == p->n_layers + 1);
    for (size_t l = 0; l <= p->n_layers; l++) {
        const json_t *v = json_array_get(list, l);
        const kept *k = &p->stream[l];
        CHECK(k->rows == p->n);
        compare(&most, norm_of(k->at, p->n * k->width), json_number_value(need(v, "/l2")));
        compare_list(&most, k->at + (p->n - 1) * k->width, need(v, "/last_pos_first8"));
        compare_list(&most, k->at, need(v, "/pos0_first4"));
    }
    return most;
}

static double heads_off(const pass *p, const json_t *g, const as_config *c)
{
    double most = 0;
    const json_t *list = need(g, "/o_proj_input");
    CHECK(json_array_size(list) > 0);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        size_t l = (size_t)json_integer_value(need(v, "/layer")), heads = c->layer[l].heads;
        const kept *k = &p->heads[l];
        const size_t d = k->width / heads;
        compare(&most, norm_of(k->at, p->n * k->width), json_number_value(need(v, "/l2")));
        compare_list(&most, k->at + (p->n - 1) * k->width, need(v, "/last_pos_first8"));
        CHECK(json_array_size(need(v, "/head_mean_l2_last32")) == heads);
        for (size_t h = 0; h < heads; h++) {
            double mean = 0;
            for (size_t t = p->n - 32; t < p->n; t++)
                mean += norm_of(k->at + t * k->width + h * d, d) / 32;
            compare(&most, mean,
                    json_number_value(json_array_get(need(v, "/head_mean_l2_last32"), h)));
        }
    }
    return most;
}

static double tempered_off(pass *p, const json_t *g, const as_model *m, const as_exec *ex)
{
    double most = 0;
    const as_config *c = as_model_config(m);
    size_t l = (size_t)json_integer_value(need(g, "/temper/layer")),
           h = (size_t)json_integer_value(need(g, "/temper/head")), d = c->layer[l].head_dim;
    change half = {h * d, (h + 1) * d, (float)json_number_value(need(g, "/temper/lam")), 0};
    const as_hook hook = {.site = AS_SITE_INPUT,
                          .layer = l,
                          .proj = head_map(c, l),
                          .forward = change_rows,
                          .state = &half};
    pass_run(p, m, ex, &hook);
    compare_list(&most, p->logits + (p->n - 1) * c->vocab, need(g, "/temper/logits_last_first16"));
    return most;
}

static bool same_bytes(const pass *a, const pass *b, const as_config *c)
{
    const size_t f = sizeof(float);
    bool same = memcmp(a->final, b->final, a->n * c->dim * f) == 0 &&
                memcmp(a->logits, b->logits, a->n * c->vocab * f) == 0;
    for (size_t l = 0; l < c->n_layers; l++)
        same = same && memcmp(a->heads[l].at, b->heads[l].at, a->n * a->heads[l].width * f) == 0 &&
               memcmp(a->stream[l].at, b->stream[l].at, a->n * c->dim * f) == 0;
    return same;
}

/* Everything above with one table of kernels; the first table's pass stays in *first. */
static void with_kernels(const char *name, const char *kernels, pass *first, bool is_first)
{
    as_error err = {0};
    as_exec ex;
    must(as_exec_init(&ex, kernels, 2, &err), &err);
    as_model *m = tiny_open(name, &ex, &err);
    must(m != NULL, &err);
    const as_config *c = as_model_config(m);
    json_t *g = fixture(name);
    pass p = pass_new(c, need(g, "/input_ids"));

    pass_run(&p, m, &ex, NULL);
    double logits = logits_off(&p, g, c->vocab), states = states_off(&p, g),
           heads = heads_off(&p, g, c);
    if (!is_first) CHECK(same_bytes(&p, first, c));
    pass q = pass_new(c, need(g, "/input_ids"));
    double tempered = tempered_off(&q, g, m, &ex);
    CHECK(logits <= bound && states <= bound && heads <= bound && tempered <= bound);
    printf("%s, %s: logits within %.1e, states %.1e, heads %.1e, tempered %.1e\n", name, kernels,
           logits, states, heads, tempered);
    pass_free(&q);
    if (is_first)
        *first = p;
    else
        pass_free(&p);
    json_decref(g);
    as_model_close(m);
    as_exec_clear(&ex);
}

static void with_all_kernels(const char *name)
{
    size_t n;
    const as_kernels *const *all = as_kernels_all(&n);
    pass first = {0};
    for (size_t i = 0; i < n; i++)
        if (all[i]->is_supported()) with_kernels(name, all[i]->name, &first, i == 0);
    pass_free(&first);
}

static void qwen3(void)
{
    with_all_kernels("qwen3");
}

static void llama(void)
{
    with_all_kernels("llama");
}

static void qwen35(void)
{
    with_all_kernels("qwen35");
}

static void gemma4(void)
{
    with_all_kernels("gemma4");
}

int main(void)
{
    RUN(qwen3);
    RUN(llama);
    RUN(qwen35);
    RUN(gemma4);
    return check_end();
}
