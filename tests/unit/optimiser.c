/* train: optimisers against torch, bitsandbytes and a naive double APOLLO-Mini (tests/golden/train,
 * tools/golden/optimiser.py); the same bytes for any number of threads and every kernel table;
 * steps that fail and change nothing; gradients together; schedules. */
#include "check.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/rng.h"
#include "engine/train/optimiser_internal.h"

static as_error err;
static json_t *golden;

static const as_optimiser_options usual = {.name = "adamw",
                                           .beta1 = 0.9,
                                           .beta2 = 0.999,
                                           .eps = 1e-8,
                                           .seed = 77,
                                           .scale = 128,
                                           .period = 200};

/* ---- from the fixture ---- */

static double number(const json_t *o, const char *name)
{
    return json_number_value(json_object_get(o, name));
}

static size_t whole(const json_t *o, const char *name)
{
    return (size_t)json_integer_value(json_object_get(o, name));
}

static size_t floats(float *out, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        out[i] = (float)json_number_value(json_array_get(list, i));
    return json_array_size(list);
}

/* Largest |a - b| relative to |b| or to `size`, whichever is larger. */
static double worst(const float *a, const float *b, size_t n, double size)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - (double)b[i]) / fmax(fabs((double)b[i]), size);
        if (!(d <= most)) most = d;
    }
    return most;
}

/* Follows one trajectory; `reach` is how far a parameter may have come in one step. */
static double follow(const json_t *c, as_optimiser *o, const as_exec *ex, const as_parameter *moved,
                     double reach)
{
    float expected[512];
    double most = 0;
    const json_t *grads = json_object_get(c, "grads"), *values = json_object_get(c, "values");
    for (size_t k = 0; k < json_array_size(grads); k++) {
        size_t n = floats(moved->grad, json_array_get(grads, k));
        CHECK(as_optimiser_step(o, ex, number(c, "lr"), &err));
        floats(expected, json_array_get(values, k));
        most = fmax(most, worst(moved->value, expected, n, reach * (double)(k + 1)));
    }
    CHECK(as_optimiser_steps(o) == json_array_size(grads));
    return most;
}

/* ---- adamw ---- */

/* Both sides round each value (2^-24 of |p|) and each change (a few 2^-24 of lr) in every one of 12
 * steps, and torch rounds 1 - lr decay to float besides: 12 steps of 2^-24 are 7e-7. */
static void adamw_is_torchs(void)
{
    as_exec ex;
    CHECK(as_exec_init(&ex, "auto", 1, &err));
    const json_t *cases = json_object_get(golden, "adamw");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i);
        float value[512], grad[512];
        as_parameter p = {"w", value, grad, whole(c, "rows"), whole(c, "cols"), true};
        as_optimiser_options by = usual;
        by.weight_decay = number(c, "decay");
        floats(value, json_object_get(c, "start"));
        as_optimiser *o = as_optimiser_new(&by, &p, 1, &err);
        CHECK(o != NULL);
        double most = follow(c, o, &ex, &p, number(c, "lr"));
        if (most > 1e-6) printf("case %zu: %g\n", i, most);
        CHECK(json_array_size(json_object_get(c, "grads")) == 12 && most <= 1e-6);
        as_optimiser_free(o);
    }
    CHECK(json_array_size(cases) == 5);
    as_exec_clear(&ex);
}

/* ---- adamw8 ---- */

static void maps_are_the_published(void)
{
    as_codebook b;
    float expected[256];
    const json_t *maps = json_object_get(golden, "maps");
    for (int is_signed = 0; is_signed < 2; is_signed++) {
        as_codebook_fill(&b, is_signed);
        CHECK(floats(expected, json_object_get(maps, is_signed ? "signed" : "unsigned")) == 256);
        CHECK(memcmp(b.value, expected, sizeof expected) == 0);
    }
}

static void blocks_round_as_published(void)
{
    const json_t *cases = json_object_get(golden, "blocks");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i);
        float x[1024], tops[4], back[1024];
        uint8_t codes[AS_BLOCK];
        as_codebook b;
        as_codebook_fill(&b, json_is_true(json_object_get(c, "is_signed")));
        size_t n = floats(x, json_object_get(c, "x"));
        CHECK(floats(tops, json_object_get(c, "tops")) == 4 && n == 808);
        floats(back, json_object_get(c, "back"));
        for (size_t at = 0; at < n; at += AS_BLOCK) {
            float part[AS_BLOCK] = {0}, again[AS_BLOCK], top;
            size_t len = n - at < AS_BLOCK ? n - at : AS_BLOCK;
            memcpy(part, x + at, len * sizeof *part);
            as_codes_encode(&b, codes, &top, part, len);
            CHECK(top == tops[at / AS_BLOCK]);
            for (size_t k = 0; k < len; k++) {
                const json_t *code = json_array_get(json_object_get(c, "codes"), at + k);
                CHECK(codes[k] == json_integer_value(code));
            }
            as_codes_decode(&b, again, codes, top, len);
            CHECK(memcmp(again, back + at, len * sizeof *again) == 0);
        }
    }
    CHECK(json_array_size(cases) == 2);
}

/* The table of starts against a plain search: at every value, every middle and beside them. */
static uint8_t plain_code(const as_codebook *b, float x)
{
    size_t c = 0;
    while (c < 255 && x > b->middle[c]) c++;
    return (uint8_t)c;
}

static void codes_are_the_nearest(void)
{
    as_codebook b;
    for (int is_signed = 0; is_signed < 2; is_signed++) {
        as_codebook_fill(&b, is_signed);
        as_rng r = as_rng_at(1, "codes", (uint64_t)is_signed);
        for (size_t i = 0; i < 4000; i++) {
            float x[AS_BLOCK] = {1.0f}, top;
            uint8_t codes[AS_BLOCK];
            for (size_t k = 1; k < AS_BLOCK; k++) {
                size_t c = as_rng_below(&r, 255);
                float at = as_rng_below(&r, 2) ? b.value[c] : b.middle[c];
                if (i % 2) at = (float)exp2(-26 * as_rng_uniform(&r));
                if (i % 2 && is_signed && k % 2) at = -at;
                x[k] = k % 3 == 0 ? at : nextafterf(at, k % 3 == 1 ? -1.0f : 1.0f);
                if (!is_signed) x[k] = fabsf(x[k]);
            }
            float before[AS_BLOCK];
            memcpy(before, x, sizeof x);
            as_codes_encode(&b, codes, &top, x, AS_BLOCK);
            CHECK(top == 1.0f);
            for (size_t k = 0; k < AS_BLOCK; k++) CHECK(codes[k] == plain_code(&b, before[k]));
        }
        float none[AS_BLOCK] = {0}, top;
        uint8_t codes[AS_BLOCK];
        as_codes_encode(&b, codes, &top, none, AS_BLOCK);
        CHECK(top == 0.0f && b.value[codes[0]] == 0.0f && b.value[codes[255]] == 0.0f);
    }
}

/* ---- worlds of several tensors ---- */

enum { N_TENSORS = 5, N_ALL = 3 * 17 + 40 + 96 * 70 + 5 * 2000 + 20000 };
typedef struct {
    float value[N_ALL], grad[N_ALL];
    as_parameter params[N_TENSORS];
} world;

static world *world_new(void)
{
    static const as_parameter shapes[N_TENSORS] = {{"a", 0, 0, 3, 17, true},
                                                   {"gain", 0, 0, 1, 40, false},
                                                   {"b", 0, 0, 96, 70, true},
                                                   {"c", 0, 0, 5, 2000, true},
                                                   {"long", 0, 0, 1, 20000, false}};
    world *w = malloc(sizeof *w);
    AS_CHECK(w);
    as_rng r = as_rng_at(3, "world", 0);
    for (size_t i = 0; i < N_ALL; i++) w->value[i] = (float)as_rng_normal(&r), w->grad[i] = 0;
    for (size_t t = 0, at = 0; t < N_TENSORS; t++) {
        w->params[t] = shapes[t];
        w->params[t].value = w->value + at;
        w->params[t].grad = w->grad + at;
        at += shapes[t].rows * shapes[t].cols;
    }
    return w;
}

/* Gradients of a bowl around 0.1 with noise: what a step leads to matters for the next. */
static void world_pull(world *w, size_t k)
{
    as_rng r = as_rng_at(4, "pull", k);
    for (size_t i = 0; i < N_ALL; i++)
        w->grad[i] = w->value[i] - 0.1f + 0.3f * (float)as_rng_normal(&r);
}

static as_optimiser *begin(const char *name, world *w, double decay)
{
    as_optimiser_options by = usual;
    by.name = name;
    by.weight_decay = decay;
    by.period = 3;
    as_optimiser *o = as_optimiser_new(&by, w->params, N_TENSORS, &err);
    AS_CHECK(o);
    return o;
}

/* ---- adamw8 against adamw ---- */

enum { N_EIGHT = 4200 };

/* Of element i in step k, as tools/golden/optimiser.py draws it. */
static float drawn_gradient(size_t i, size_t k)
{
    double x = (double)i, y = (double)k;
    return (float)(pow(10, sin(0.7 * x)) * (0.5 + sin(1.3 * x + 0.9 * y * y)));
}

static void walk_eight(const char *rule, const json_t *c, const as_exec *ex, float *value)
{
    static float grad[N_EIGHT];
    as_parameter p = {"w", value, grad, 1, N_EIGHT, true};
    as_optimiser_options by = usual;
    by.name = rule;
    by.weight_decay = number(c, "decay");
    as_optimiser *o = as_optimiser_new(&by, &p, 1, &err);
    AS_CHECK(o);
    for (size_t i = 0; i < N_EIGHT; i++) value[i] = (float)cos((double)i);
    for (size_t k = 1; k <= whole(c, "steps"); k++) {
        for (size_t i = 0; i < N_EIGHT; i++) grad[i] = drawn_gradient(i, k);
        CHECK(as_optimiser_step(o, ex, number(c, "lr"), &err));
    }
    as_optimiser_free(o);
}

/* Root mean square of a - b, over n elements. */
static double distance(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += pow((double)a[i] - (double)b[i], 2);
    return sqrt(sum / (double)n);
}

/* In 200 steps the codes lead 7 % of the way astray: a moment that changes by less than half the
 * distance of two codes does not change, and 0.001 of a new square is soon less. So the distance
 * from AdamW is held against that of the reference, which rounds the same codes after the same
 * steps; where one of millions of roundings falls otherwise, an element differs by part of a step.
 */
static void adamw8_stays_near_adamw(void)
{
    static float full[N_EIGHT], eight[N_EIGHT], start[N_EIGHT], expected[N_EIGHT], some[N_EIGHT];
    as_exec ex;
    CHECK(as_exec_init(&ex, "auto", 2, &err));
    const json_t *c = json_object_get(golden, "adamw8");
    CHECK(whole(c, "n") == N_EIGHT && whole(c, "steps") == 200);
    walk_eight("adamw", c, &ex, full);
    walk_eight("adamw8", c, &ex, eight);
    for (size_t i = 0; i < N_EIGHT; i++) start[i] = (float)cos((double)i);
    double apart = distance(full, eight, N_EIGHT) / distance(full, start, N_EIGHT);
    CHECK_NEAR(apart / number(c, "apart"), 1, 1e-3);
    CHECK(apart < 0.1);
    const size_t n = floats(expected, json_object_get(c, "values")), every = whole(c, "every");
    for (size_t i = 0; i < n; i++) some[i] = eight[i * every];
    CHECK(n == N_EIGHT / every && distance(some, expected, n) <= 1e-2 * number(c, "lr"));
    as_exec_clear(&ex);
}

static void states_have_their_size(void)
{
    world *w = world_new();
    const size_t small = 3 * 17 + 40, large = 96 * 70 + 5 * 2000 + 20000;
    const size_t n_blocks = (96 * 70 + 255) / 256 + (5 * 2000 + 255) / 256 + (20000 + 255) / 256;
    const size_t low = 17 + 96 + 2000;
    const size_t expected[] = {8 * (small + large), 8 * small + 2 * large + 8 * n_blocks,
                               8 * (40 + 20000) + 8 * low + 3 * 8};
    size_t n_rules, n_parts;
    const as_optimiser_rule *rules = as_optimiser_rules(&n_rules);
    CHECK(n_rules == 3);
    for (size_t i = 0; i < n_rules; i++) {
        as_optimiser *o = begin(rules[i].name, w, 0);
        size_t sum = 0;
        const as_part *parts = as_optimiser_parts(o, &n_parts);
        for (size_t k = 0; k < n_parts; k++) {
            sum += parts[k].bytes;
            for (size_t j = 0; j < k; j++) CHECK(strcmp(parts[j].name, parts[k].name) != 0);
        }
        CHECK_TEXT(parts[0].name, "a.m");
        CHECK(as_optimiser_bytes(o) == sum && sum == expected[i]);
        as_optimiser_free(o);
    }
    free(w);
}

/* ---- apollo-mini ---- */

/* The reference is in double: ours rounds the projected gradient, its moments and each value to
 * float. Tensor numbers choose projections, so the case's tensor stands behind as many others. */
static void apollo_is_the_naive_one(void)
{
    as_exec ex;
    CHECK(as_exec_init(&ex, "auto", 2, &err));
    const json_t *cases = json_object_get(golden, "apollo");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i);
        float value[512], grad[512], other[4] = {0}, still[4] = {0};
        size_t before = whole(c, "number");
        as_parameter p[8];
        for (size_t t = 0; t < before; t++)
            p[t] = (as_parameter){"other", other, still, 2, 2, true};
        p[before] = (as_parameter){"w", value, grad, whole(c, "rows"), whole(c, "cols"), true};
        as_optimiser_options by = usual;
        by.name = "apollo-mini";
        by.weight_decay = number(c, "decay");
        by.eps = number(c, "eps");
        by.seed = whole(c, "seed");
        by.scale = number(c, "scale");
        by.period = whole(c, "period");
        floats(value, json_object_get(c, "start"));
        as_optimiser *o = as_optimiser_new(&by, p, before + 1, &err);
        CHECK(o != NULL);
        double most = follow(c, o, &ex, &p[before], number(c, "lr"));
        if (most > 1e-6) printf("case %zu: %g\n", i, most);
        CHECK(most <= 1e-6 && other[0] == 0);
        as_optimiser_free(o);
    }
    CHECK(json_array_size(cases) == 6);
    as_exec_clear(&ex);
}

/* ---- bytes ---- */

/* Parameters and state after seven steps; resumed from copied parts in the middle when asked. */
static void walk(const char *rule, const char *kernels, size_t n_threads, bool is_resumed, world *w,
                 uint8_t *state)
{
    as_exec ex;
    CHECK(as_exec_init(&ex, kernels, n_threads, &err));
    as_optimiser *o = begin(rule, w, 0.1);
    size_t n_parts;
    for (size_t k = 0; k < 7; k++) {
        world_pull(w, k);
        double norm = as_gradient_norm(&ex, w->params, N_TENSORS);
        as_gradient_scale(&ex, w->params, N_TENSORS, (float)(1.0 / norm));
        CHECK(as_optimiser_step(o, &ex, 1e-2, &err));
        if (!is_resumed || k != 4) continue;
        as_optimiser *next = begin(rule, w, 0.1);
        const as_part *from = as_optimiser_parts(o, &n_parts);
        const as_part *to = as_optimiser_parts(next, &n_parts);
        for (size_t i = 0; i < n_parts; i++) memcpy(to[i].data, from[i].data, from[i].bytes);
        as_optimiser_resume(next, as_optimiser_steps(o));
        as_optimiser_free(o);
        o = next;
    }
    const as_part *parts = as_optimiser_parts(o, &n_parts);
    for (size_t i = 0; i < n_parts; state += parts[i++].bytes)
        memcpy(state, parts[i].data, parts[i].bytes);
    as_optimiser_free(o);
    as_exec_clear(&ex);
}

static void compare_walks(const char *rule, const char *kernels, size_t n_threads, bool is_resumed)
{
    world *a = world_new(), *b = world_new();
    uint8_t *s = calloc(N_ALL, 8), *t = calloc(N_ALL, 8);
    walk(rule, "scalar", 1, false, a, s);
    walk(rule, kernels, n_threads, is_resumed, b, t);
    CHECK(memcmp(a->value, b->value, sizeof a->value) == 0);
    CHECK(memcmp(s, t, (size_t)N_ALL * 8) == 0);
    free(a), free(b), free(s), free(t);
}

static void bytes_are_the_same(void)
{
    static const size_t threads[] = {1, 2, 7};
    size_t n_rules, n_tables;
    const as_optimiser_rule *rules = as_optimiser_rules(&n_rules);
    const as_kernels *const *tables = as_kernels_all(&n_tables);
    for (size_t r = 0; r < n_rules; r++) {
        for (size_t i = 0; i < n_tables; i++) {
            if (tables[i]->is_supported()) compare_walks(rules[r].name, tables[i]->name, 2, false);
        }
        for (size_t i = 0; i < 3; i++) compare_walks(rules[r].name, "auto", threads[i], i == 1);
    }
}

/* ---- steps that fail ---- */

/* Taken after some good steps: the same step, failing, changes nothing, and once mended it gives
 * what it would have given. */
static void fails_clean(const char *rule, size_t at, float bad_grad, float bad_value,
                        const char *message)
{
    as_exec ex;
    char text[512];
    CHECK(as_exec_init(&ex, "auto", 2, &err));
    world *w = world_new(), *same = world_new();
    as_optimiser *o = begin(rule, w, 0.1), *twin = begin(rule, same, 0.1);
    for (size_t k = 0; k < 3; k++) {
        world_pull(w, k), world_pull(same, k);
        CHECK(as_optimiser_step(o, &ex, 1e-2, &err) && as_optimiser_step(twin, &ex, 1e-2, &err));
    }
    world_pull(w, 3), world_pull(same, 3);
    float grad = w->grad[at], value = w->value[at];
    if (bad_grad != 0) w->grad[at] = bad_grad;
    if (bad_value != 0) w->value[at] = bad_value;
    float *before = malloc(sizeof w->value);
    memcpy(before, w->value, sizeof w->value);
    err = (as_error){0};
    CHECK(!as_optimiser_step(o, &ex, bad_value != 0 ? 0.9e6 : 1e-2, &err));
    CHECK(err.class_ == AS_ENUMERIC);
    CHECK_TEXT(as_error_text(&err, text, sizeof text), message);
    CHECK(memcmp(before, w->value, sizeof w->value) == 0 && as_optimiser_steps(o) == 3);
    w->grad[at] = grad, w->value[at] = value;
    err = (as_error){0};
    CHECK(as_optimiser_step(o, &ex, 1e-2, &err) && as_optimiser_step(twin, &ex, 1e-2, &err));
    CHECK(memcmp(same->value, w->value, sizeof w->value) == 0);
    as_optimiser_free(o), as_optimiser_free(twin);
    free(w), free(same), free(before);
    as_exec_clear(&ex);
}

static void failing_steps_change_nothing(void)
{
    const size_t b = 3 * 17 + 40, last = N_ALL - 1;
    size_t n;
    const as_optimiser_rule *rules = as_optimiser_rules(&n);
    for (size_t i = 0; i < n; i++) {
        const char *r = rules[i].name;
        fails_clean(r, b + 73, NAN, 0, "b[1, 3]: gradient (found NaN, expected a finite number)");
        fails_clean(r, 16, -INFINITY, 0,
                    "a[0, 16]: gradient (found infinity, expected a finite number)");
        fails_clean(r, last, INFINITY, 0,
                    "long[0, 19999]: gradient (found infinity, expected a finite number)");
        /* finite, but its square is not */
        fails_clean(r, last, 1e30f, 0,
                    "long: update (found values that are not finite, expected finite "
                    "ones)");
        fails_clean(r, b + 73, 1e38f, 0,
                    "b: update (found values that are not finite, expected finite ones)");
        /* decay moves it out of range: 3e38 (1 - 0.9e6 0.1) */
        fails_clean(r, b + 73, 0, 3e38f,
                    "b: update (found values that are not finite, expected finite ones)");
    }
}

static void refuses(as_optimiser_options by, size_t n, const char *message)
{
    char text[512];
    float value[2] = {0}, grad[2] = {0};
    as_parameter p = {"w", value, grad, 1, 2, true};
    err = (as_error){0};
    CHECK(!as_optimiser_new(&by, &p, n, &err) && err.class_ == AS_EUSAGE);
    CHECK_TEXT(as_error_text(&err, text, sizeof text), message);
    err = (as_error){0};
}

static void options_are_checked(void)
{
    as_optimiser_options by = usual;
    by.name = "sgd\n";
    refuses(by, 1, "optimiser (found \"sgd\\x0a\", expected adamw, adamw8 or apollo-mini)");
    by = usual, by.beta1 = 1;
    refuses(by, 1, "optimiser: beta1 (found 1, expected 1e-06 to 0.999999)");
    by = usual, by.beta2 = NAN;
    refuses(by, 1, "optimiser: beta2 (found nan, expected 1e-06 to 0.999999)");
    by = usual, by.eps = 0;
    refuses(by, 1, "optimiser: eps (found 0, expected 1e-30 to 1)");
    by = usual, by.weight_decay = -1;
    refuses(by, 1, "optimiser: weight_decay (found -1, expected 0 to 1)");
    refuses(usual, 0, "optimiser: nothing to train (found 0 tensors)");
    by = usual, by.scale = 0;
    CHECK((by.name = "apollo-mini"));
    refuses(by, 1, "optimiser: scale (found 0, expected 1e-06 to 1e+06)");
    by.scale = 1, by.period = 0;
    refuses(by, 1, "optimiser: period (found 0, expected 1 or more)");
    float value[2] = {0}, grad[2] = {0};
    as_parameter p = {"w", value, grad, 0, 2, true};
    CHECK(!as_optimiser_new(&usual, &p, 1, &err) && err.class_ == AS_EUSAGE);
    CHECK_TEXT(err.what, "w: shape (found 0x2, expected elements)");
    err = (as_error){0};
    p.rows = 1;
    as_exec ex = {.kernels = as_kernels_find("auto", &err)};
    as_optimiser *o = as_optimiser_new(&usual, &p, 1, &err);
    CHECK(o && !as_optimiser_step(o, &ex, NAN, &err) && err.class_ == AS_EUSAGE);
    err = (as_error){0};
    as_optimiser_free(o);
    as_optimiser_free(NULL);
}

/* Decay reaches what wants it: from gradients of zero only decay moves. */
static void decay_is_where_it_is_meant(void)
{
    as_exec ex;
    CHECK(as_exec_init(&ex, "auto", 1, &err));
    size_t n;
    const as_optimiser_rule *rules = as_optimiser_rules(&n);
    for (size_t i = 0; i < n; i++) {
        world *w = world_new(), *start = world_new();
        as_optimiser *o = begin(rules[i].name, w, 0.5);
        CHECK(as_optimiser_step(o, &ex, 1e-2, &err));
        for (size_t t = 0, at = 0; t < N_TENSORS; t++) {
            const double keep = w->params[t].decays ? 1 - 0.5 * 1e-2 : 1;
            for (size_t k = 0; k < w->params[t].rows * w->params[t].cols; k++, at++)
                CHECK_NEAR(w->value[at], keep * (double)start->value[at], 1e-7);
        }
        as_optimiser_free(o);
        free(w), free(start);
    }
    as_exec_clear(&ex);
}

/* ---- gradients together ---- */

static void gradients_together(void)
{
    as_exec ex;
    world *w = world_new();
    world_pull(w, 0);
    long double sum = 0;
    double norm[3];
    static const size_t threads[] = {1, 2, 7};
    for (size_t i = 0; i < N_ALL; i++) sum += (long double)w->grad[i] * w->grad[i];
    for (size_t i = 0; i < 3; i++) {
        CHECK(as_exec_init(&ex, "auto", threads[i], &err));
        norm[i] = as_gradient_norm(&ex, w->params, N_TENSORS);
        if (i < 2) as_exec_clear(&ex);
    }
    CHECK_NEAR(norm[0], sqrt((double)sum), 1e-14);
    CHECK(norm[0] == norm[1] && norm[0] == norm[2]);
    CHECK(as_gradient_norm(&ex, w->params, 0) == 0);
    float first = w->grad[0], last = w->grad[N_ALL - 1];
    as_gradient_scale(&ex, w->params, N_TENSORS, 0.5f);
    CHECK(w->grad[0] == 0.5f * first && w->grad[N_ALL - 1] == 0.5f * last);
    CHECK_NEAR(as_gradient_norm(&ex, w->params, N_TENSORS), norm[0] / 2, 1e-15);
    w->grad[5000] = 3e38f; /* its square is no float */
    CHECK_NEAR(as_gradient_norm(&ex, w->params, N_TENSORS), (double)3e38f, 1e-15);
    w->grad[N_ALL - 1] = INFINITY;
    CHECK(isinf(as_gradient_norm(&ex, w->params, N_TENSORS)));
    w->grad[0] = NAN;
    CHECK(isnan(as_gradient_norm(&ex, w->params, N_TENSORS)));
    as_gradient_zero(&ex, w->params, N_TENSORS);
    for (size_t i = 0; i < N_ALL; i++) CHECK(w->grad[i] == 0 && !signbit(w->grad[i]));
    as_exec_clear(&ex);
    free(w);
}

/* ---- schedules ---- */

static void schedules(void)
{
    CHECK_TEXT(as_rate_name(AS_RATE_CONSTANT), "constant");
    CHECK_TEXT(as_rate_name(AS_RATE_LINEAR), "linear");
    CHECK_TEXT(as_rate_name(AS_RATE_COSINE), "cosine");
    for (as_rate r = AS_RATE_CONSTANT; r < AS_RATE_N; r++) {
        CHECK(as_rate_at(r, 2, 0, 10, 110) == 0 && as_rate_at(r, 2, 5, 10, 110) == 1);
        CHECK(as_rate_at(r, 2, 10, 10, 110) == 2 && as_rate_at(r, 2, 0, 0, 100) == 2);
        CHECK(as_rate_at(r, 2, 1, 2, 2) == 1); /* all of it is warming up */
    }
    CHECK(as_rate_at(AS_RATE_CONSTANT, 2, 999, 10, 110) == 2);
    CHECK_NEAR(as_rate_at(AS_RATE_LINEAR, 2, 85, 10, 110), 0.5, 1e-15);
    CHECK_NEAR(as_rate_at(AS_RATE_LINEAR, 2, 109, 10, 110), 0.02, 1e-15);
    CHECK(as_rate_at(AS_RATE_LINEAR, 2, 110, 10, 110) == 0);
    CHECK(as_rate_at(AS_RATE_LINEAR, 2, 2, 2, 2) == 0);
    CHECK_NEAR(as_rate_at(AS_RATE_COSINE, 2, 60, 10, 110), 1, 1e-15);
    CHECK_NEAR(as_rate_at(AS_RATE_COSINE, 2, 35, 10, 110), 1 + sqrt(0.5), 1e-15);
    CHECK(as_rate_at(AS_RATE_COSINE, 2, 110, 10, 110) == 0);
    CHECK(as_rate_at(AS_RATE_COSINE, 2, 150, 10, 110) == 0);
}

int main(void)
{
    golden = as_json_read("tests/golden/train/optimiser.json", &err);
    AS_CHECK(golden);
    RUN(adamw_is_torchs);
    RUN(maps_are_the_published);
    RUN(blocks_round_as_published);
    RUN(codes_are_the_nearest);
    RUN(adamw8_stays_near_adamw);
    RUN(states_have_their_size);
    RUN(apollo_is_the_naive_one);
    RUN(bytes_are_the_same);
    RUN(failing_steps_change_nothing);
    RUN(options_are_checked);
    RUN(decay_is_where_it_is_meant);
    RUN(gradients_together);
    RUN(schedules);
    json_decref(golden);
    return check_end();
}
