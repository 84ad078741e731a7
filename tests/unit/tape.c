/* Gradients of the four families against numbers made in double precision by other code
 * (tests/golden/engine/tiny_*.json): LoRA gradients of a cross-entropy and of a DPO loss;
 * whole-model gradients against central differences; and that nothing but the sequence decides a
 * gradient's bits. The low-rank hook here is this file's own, written for plainness. */
#include "tiny_models.h"

#include "base/json.h"
#include "engine/model/weights.h"
#include "engine/train/loss.h"

enum { RANK = 4, MAX_PAIRS = 64 };

/* ---- a low-rank pair on the output of a map ---- */

typedef struct {
    size_t in, out;
    float *a, *b;   /* (RANK, in), (out, RANK) */
    float *da, *db; /* gradients */
    char module[160];
} pair;

static void pair_forward(const as_hook *h, const as_exec *ex, const as_site_rows *runs, size_t n)
{
    const pair *p = h->state;
    (void)ex;
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < runs[r].rows; i++)
            for (size_t k = 0; k < RANK; k++) {
                const float *x = runs[r].x + i * runs[r].ldx;
                float v = 0, *y = runs[r].y + i * runs[r].ldy;
                for (size_t j = 0; j < p->in; j++) v += p->a[k * p->in + j] * x[j];
                for (size_t o = 0; o < p->out; o++) y[o] += 2 * p->b[o * RANK + k] * v;
            }
}

static void pair_backward(const as_hook *h, const as_exec *ex, const as_site_rows *runs, size_t n)
{
    const pair *p = h->state;
    (void)ex;
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < runs[r].rows; i++)
            for (size_t k = 0; k < RANK; k++) {
                const float *x = runs[r].x + i * runs[r].ldx, *dy = runs[r].y + i * runs[r].ldy;
                float v = 0, dv = 0, *dx = runs[r].dx + i * runs[r].lddx;
                for (size_t j = 0; j < p->in; j++) v += p->a[k * p->in + j] * x[j];
                for (size_t o = 0; o < p->out; o++) {
                    p->db[o * RANK + k] += 2 * dy[o] * v;
                    dv += 2 * p->b[o * RANK + k] * dy[o];
                }
                for (size_t j = 0; j < p->in; j++) {
                    p->da[k * p->in + j] += dv * x[j];
                    dx[j] += dv * p->a[k * p->in + j];
                }
            }
}

typedef struct {
    pair pair[MAX_PAIRS];
    as_hook hook[MAX_PAIRS];
    const as_hook *list[MAX_PAIRS];
    size_t n;
    as_hooks hooks;
} adapter;

/* The values of a tensor of this name, as the golden models have them. */
static void fill(float *x, size_t n, const char *name)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (const char *p = name; *p; p++) h = (h ^ (unsigned char)*p) * 0x100000001b3u;
    for (size_t i = 0; i < n; i++) {
        uint64_t z = h + (i + 1) * 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        z ^= z >> 31;
        x[i] = (float)((double)(z >> 40) / 8388608 - 1) * 0.125f;
    }
}

/* "model.layers.3.self_attn.q_proj" */
static void add_pair(adapter *a, const as_config *c, const char *module)
{
    char name[256];
    pair *p = &a->pair[a->n];
    CHECK(a->n < MAX_PAIRS);
    const char *at = strstr(module, "layers.");
    size_t layer = strtoul(at + 7, NULL, 10), proj = 0;
    for (; proj < AS_N_PROJ; proj++) {
        const char *tail = strstr(module, as_proj_name((as_proj)proj));
        if (tail && strcmp(tail, as_proj_name((as_proj)proj)) == 0) break;
    }
    CHECK(proj < AS_N_PROJ && as_proj_shape(c, layer, (as_proj)proj, &p->out, &p->in));
    (void)snprintf(p->module, sizeof p->module, "%s", module);
    p->a = room(RANK * p->in, sizeof(float));
    p->b = room(RANK * p->out, sizeof(float));
    p->da = room(RANK * p->in, sizeof(float));
    p->db = room(RANK * p->out, sizeof(float));
    (void)snprintf(name, sizeof name, "base_model.model.%s.lora_A.weight", module);
    fill(p->a, RANK * p->in, name);
    (void)snprintf(name, sizeof name, "base_model.model.%s.lora_B.weight", module);
    fill(p->b, RANK * p->out, name);
    a->hook[a->n] = (as_hook){.site = AS_SITE_OUTPUT,
                              .layer = layer,
                              .proj = (as_proj)proj,
                              .forward = pair_forward,
                              .backward = pair_backward,
                              .state = p};
    a->list[a->n] = &a->hook[a->n];
    a->n++;
    a->hooks = (as_hooks){a->list, a->n};
}

static void adapter_clear(adapter *a)
{
    for (size_t i = 0; i < a->n; i++) {
        free(a->pair[i].a);
        free(a->pair[i].b);
        free(a->pair[i].da);
        free(a->pair[i].db);
    }
    free(a);
}

static adapter *adapter_of(const as_config *c, const json_t *golden)
{
    adapter *a = room(1, sizeof *a);
    const json_t *modules = as_json_at(golden, "/lora/modules");
    for (size_t i = 0; i < json_array_size(modules); i++)
        add_pair(a, c, json_string_value(json_array_get(modules, i)));
    return a;
}

static double square(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

static double adapter_norm(const adapter *a)
{
    double sum = 0;
    for (size_t i = 0; i < a->n; i++)
        sum += square(a->pair[i].da, RANK * a->pair[i].in) +
               square(a->pair[i].db, RANK * a->pair[i].out);
    return sqrt(sum);
}

static void adapter_zero(adapter *a)
{
    for (size_t i = 0; i < a->n; i++) {
        memset(a->pair[i].da, 0, RANK * a->pair[i].in * sizeof(float));
        memset(a->pair[i].db, 0, RANK * a->pair[i].out * sizeof(float));
    }
}

/* ---- one pass ---- */

typedef struct {
    uint32_t ids[128];
    size_t n, n_prompt; /* tokens from n_prompt on are labels */
} text;

static text text_of(const json_t *ids, size_t n_prompt)
{
    text t = {.n = json_array_size(ids), .n_prompt = n_prompt};
    for (size_t i = 0; i < t.n; i++)
        t.ids[i] = (uint32_t)json_integer_value(json_array_get(ids, i));
    return t;
}

/* Sum of the losses of the labels of each text, all in one call; their gradients, each text's times
 * its scale, go back. */
static void pass(as_tape *tape, as_loss *loss, size_t dim, const text *t, size_t n,
                 const as_hooks *hooks, const double *scale, double *sum)
{
    as_error err = {0};
    as_tape_run run[8];
    as_target target[1024];
    double nll[1024];
    size_t first[9] = {0}, rows = 0, n_targets = 0;
    const float *final;
    for (size_t r = 0; r < n; r++) {
        run[r] = (as_tape_run){t[r].ids, t[r].n, hooks};
        for (size_t i = t[r].n_prompt; i < t[r].n; i++)
            target[n_targets++] = (as_target){rows + i - 1, t[r].ids[i]};
        rows += t[r].n;
        first[r + 1] = n_targets;
    }
    must(as_tape_forward(tape, run, n, !scale, &final, &err), &err);
    float *d = room(rows * dim, sizeof *d);
    for (size_t r = 0; r < n; r++) {
        as_loss_nll(loss, final, target + first[r], first[r + 1] - first[r], nll, scale ? d : NULL,
                    scale ? (float)scale[r] : 0);
        sum[r] = 0;
        for (size_t i = 0; i < first[r + 1] - first[r]; i++) sum[r] += nll[i];
    }
    if (scale) as_tape_backward(tape, d);
    free(d);
}

typedef struct {
    as_exec ex;
    as_model *m;
    as_tape *tape;
    as_loss *loss;
    size_t dim;
} bench;

static bench *open_bench(const char *name, size_t threads, size_t n_kept, const char *kernels)
{
    as_error err = {0};
    bench *b = room(1, sizeof *b);
    must(as_exec_init(&b->ex, kernels, threads, &err), &err);
    b->m = tiny_open(name, &b->ex, &err);
    must(b->m != NULL, &err);
    const as_config *c = as_model_config(b->m);
    const as_tape_options o = {
        .max_tokens = 512, .longest = 128, .n_kept = n_kept > c->n_layers ? c->n_layers : n_kept};
    b->dim = c->dim;
    b->tape = as_tape_new(b->m, &b->ex, NULL, &o, &err);
    must(b->tape != NULL, &err);
    b->loss = as_loss_new(b->m, &b->ex, b->tape, 37, &err);
    must(b->loss != NULL, &err);
    return b;
}

static void close_bench(bench *b)
{
    as_loss_free(b->loss);
    as_tape_free(b->tape);
    as_model_close(b->m);
    as_exec_clear(&b->ex);
    free(b);
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

static double real_at(const json_t *v, const char *pointer)
{
    const json_t *found = as_json_at(v, pointer);
    CHECK(json_is_number(found));
    return json_number_value(found);
}

/* |found - expected| / |expected| */
static double off(double found, double expected)
{
    return fabs(found - expected) / fabs(expected);
}

/* ---- golden ---- */

/* Each tensor's norm, and its first values relative to that norm spread over its elements. */
static double pairs_off(const adapter *a, const json_t *golden)
{
    const json_t *grads = as_json_at(golden, "/lora/grads");
    double worst = 0;
    CHECK(json_object_size(grads) == a->n);
    for (size_t i = 0; i < a->n; i++) {
        const pair *p = &a->pair[i];
        const json_t *g = json_object_get(grads, p->module);
        const size_t n_a = RANK * p->in, n_b = RANK * p->out;
        double norm_a = real_at(g, "/A_l2"), norm_b = real_at(g, "/B_l2");
        double d =
            fmax(off(sqrt(square(p->da, n_a)), norm_a), off(sqrt(square(p->db, n_b)), norm_b));
        for (size_t k = 0; k < 4; k++) {
            const json_t *first_a = json_array_get(json_object_get(g, "A_first4"), k),
                         *first_b = json_array_get(json_object_get(g, "B_first4"), k);
            d = fmax(d, fabs((double)p->da[k] - json_number_value(first_a)) / norm_a);
            d = fmax(d, fabs((double)p->db[k] - json_number_value(first_b)) / norm_b);
        }
        worst = fmax(worst, d);
    }
    return worst;
}

static void golden_of(const char *name, size_t n_kept, double bound)
{
    bench *b = open_bench(name, 2, n_kept, "auto");
    json_t *golden = fixture(name);
    adapter *a = adapter_of(as_model_config(b->m), golden);
    text t = text_of(as_json_at(golden, "/input_ids"), 30);
    double sum, scale = 1.0 / (double)(t.n - t.n_prompt);

    pass(b->tape, b->loss, b->dim, &t, 1, NULL, NULL, &sum);
    CHECK_NEAR(off(sum * scale, real_at(golden, "/ce/loss")), 0, 1e-5);
    pass(b->tape, b->loss, b->dim, &t, 1, &a->hooks, &scale, &sum);
    CHECK_NEAR(off(sum * scale, real_at(golden, "/lora/loss")), 0, 1e-5);
    const double total = off(adapter_norm(a), real_at(golden, "/lora/grad_norm"));
    const double each = pairs_off(a, golden);
    CHECK(total < bound && each < bound);

    const size_t n_prompt = (size_t)real_at(golden, "/dpo/prompt_len");
    text two[] = {text_of(as_json_at(golden, "/dpo/chosen_ids"), n_prompt),
                  text_of(as_json_at(golden, "/dpo/rejected_ids"), n_prompt)};
    double ref[2], policy[2], slope;
    pass(b->tape, b->loss, b->dim, two, 2, NULL, NULL, ref);
    pass(b->tape, b->loss, b->dim, two, 2, &a->hooks, NULL, policy);
    const as_pair_logps logps = {-policy[0], -policy[1], -ref[0], -ref[1]};
    const double loss = as_dpo(&logps, real_at(golden, "/dpo/beta"), 0, &slope);
    CHECK_NEAR(off(logps.chosen, real_at(golden, "/dpo/policy_chosen")), 0, 1e-5);
    CHECK_NEAR(off(logps.ref_rejected, real_at(golden, "/dpo/ref_rejected")), 0, 1e-5);
    CHECK_NEAR(off(loss, real_at(golden, "/dpo/loss")), 0, 1e-4);
    /* nll falls as the log-probability rises */
    const double scales[] = {-slope, slope};
    adapter_zero(a);
    pass(b->tape, b->loss, b->dim, two, 2, &a->hooks, scales, policy);
    const double dpo = off(adapter_norm(a), real_at(golden, "/dpo/grad_norm"));
    CHECK(dpo < bound);
    printf("  %s, %zu layers kept: gradient %.2g, worst tensor %.2g, dpo %.2g\n", name, n_kept,
           total, each, dpo);
    adapter_clear(a);
    json_decref(golden);
    close_bench(b);
}

static void golden(void)
{
    for (size_t i = 0; i < N_TINY; i++) {
        golden_of(tiny_names[i], 99, 1e-4);
        golden_of(tiny_names[i], 0, 1e-4);
        golden_of(tiny_names[i], 2, 1e-4);
    }
}

/* ---- every weight ---- */

/* The reference's name of a tensor has no infix. */
static const json_t *reference_of(const json_t *grads, const char *name)
{
    char plain[256];
    const char *infix = strstr(name, "language_model.");
    (void)snprintf(plain, sizeof plain, "%.*s%s", (int)(infix ? infix - name : 0), name,
                   infix ? infix + strlen("language_model.") : name);
    return json_object_get(grads, plain);
}

static double weights_off(const as_weights *w, const json_t *grads, size_t *n_seen)
{
    size_t n;
    double worst = 0;
    const as_parameter *p = as_weights_params(w, &n);
    for (size_t i = 0; i < n; i++) {
        const json_t *g = reference_of(grads, p[i].name);
        if (!g) {
            CHECK(strstr(p[i].name, "layer_scalar")); /* no parameter of the reference */
            continue;
        }
        ++*n_seen;
        const size_t count = p[i].rows * p[i].cols;
        const double norm = real_at(g, "/l2");
        double d = off(sqrt(square(p[i].grad, count)), norm);
        CHECK(count == (size_t)real_at(g, "/n"));
        for (size_t k = 0; k < json_array_size(as_json_at(g, "/at")); k++) {
            const size_t at = (size_t)json_integer_value(json_array_get(as_json_at(g, "/at"), k));
            const double expected = json_number_value(json_array_get(as_json_at(g, "/values"), k));
            d = fmax(d, fabs((double)p[i].grad[at] - expected) / norm);
        }
        if (d > 1e-4) printf("  %s: %.2g\n", p[i].name, d);
        worst = fmax(worst, d);
    }
    return worst;
}

static double loss_at(bench *b, const text *t, float *value, float x)
{
    const float was = *value;
    double sum;
    *value = x;
    pass(b->tape, b->loss, b->dim, t, 1, NULL, NULL, &sum);
    *value = was;
    return sum;
}

/* The slope of the loss along each scalar of a layer, which the reference has no gradient of, from
 * four points: noise of 1e-6 of a loss near 7 over h is 1e-3 of the gradients here, truncation h^4.
 */
static void scalars(const char *name, bench *b, const as_weights *w, const text *t, double scale)
{
    size_t n;
    const as_parameter *p = as_weights_params(w, &n);
    const float h = 0.01f;
    for (size_t i = 0; i < n; i++) {
        if (!strstr(p[i].name, "layer_scalar")) continue;
        float *v = p[i].value;
        const double found = (double)p[i].grad[0];
        const double near = loss_at(b, t, v, *v + h) - loss_at(b, t, v, *v - h),
                     far = loss_at(b, t, v, *v + 2 * h) - loss_at(b, t, v, *v - 2 * h);
        const double slope = (8 * near - far) * scale / (12 * (double)h);
        if (!(fabs(found - slope) < 1e-3))
            printf("  %s %s: %g, slope %g\n", name, p[i].name, found, slope);
        CHECK(fabs(found - slope) < 1e-3);
    }
}

static void weights_of(const char *name, const json_t *reference)
{
    as_error err = {0};
    bench *b = open_bench(name, 2, 99, "auto");
    json_t *golden = fixture(name);
    const json_t *expected = json_object_get(reference, name);
    text t = text_of(as_json_at(golden, "/input_ids"), 30);
    double sum, scale = 1.0 / (double)(t.n - t.n_prompt);
    as_weights *w = as_weights_new(b->m, &b->ex, &err);
    must(w != NULL, &err);
    as_loss_free(b->loss);
    as_tape_free(b->tape);
    const as_tape_options o = {.max_tokens = 128, .longest = 128, .n_kept = 1};
    b->tape = as_tape_new(b->m, &b->ex, w, &o, &err);
    must(b->tape != NULL, &err);
    b->loss = as_loss_new(b->m, &b->ex, b->tape, 37, &err);
    must(b->loss != NULL, &err);

    pass(b->tape, b->loss, b->dim, &t, 1, NULL, &scale, &sum);
    as_weights_gather(w);
    size_t n_seen = 0;
    const double each = weights_off(w, json_object_get(expected, "grads"), &n_seen);
    CHECK_NEAR(off(sum * scale, real_at(expected, "/loss")), 0, 1e-5);
    CHECK(n_seen == json_object_size(json_object_get(expected, "grads")));
    CHECK(each < 1e-4);
    printf("  %s: %zu tensors, worst %.2g\n", name, n_seen, each);
    scalars(name, b, w, &t, scale);
    as_weights_free(w);
    json_decref(golden);
    close_bench(b);
}

static void weights(void)
{
    as_error err = {0};
    json_t *reference = as_json_read("tests/golden/train/gradients.json", &err);
    must(reference != NULL, &err);
    for (size_t i = 0; i < N_TINY; i++) weights_of(tiny_names[i], reference);
    json_decref(reference);
}

int main(void)
{
    RUN(golden);
    RUN(weights);
    return check_end();
}
