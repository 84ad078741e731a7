/* Caches, work memory and steps with the k-th allocation refused: a clean AS_EMEM, no leak, and a
 * step that has not happened for any of its rows. */
#include "tiny_models.h"

#include "engine/model/model_internal.h"
#include "fail_alloc.h"

static as_exec ex;
static as_model *model;

static const uint32_t ids[70] = {7, 80, 9, 400, 2};

/* Makes everything a step needs and lets it go again. */
static bool open_all(as_error *err)
{
    bool ok = false;
    as_cache_row *r = NULL;
    as_work *w = NULL;
    as_cache *c = as_cache_new(as_model_config(model), err);
    if (!c) goto out;
    r = as_cache_row_new(c, 200, err);
    if (!r) goto out;
    w = as_work_new(model, 100, err);
    ok = w != NULL;
out:
    as_work_free(w);
    as_cache_row_free(r);
    as_cache_free(c);
    return ok;
}

static void opening(void)
{
    for (size_t k = 1;; k++) {
        as_error err = {0};
        const size_t before = fail_alloc_live();
        fail_alloc_at(k, false);
        bool ok = open_all(&err), hit = fail_alloc_hit();
        fail_alloc_at(0, false);
        CHECK(fail_alloc_live() == before);
        if (!hit) {
            CHECK(ok && k > 5);
            return;
        }
        CHECK(!ok && err.class_ == AS_EMEM);
    }
}

/* ---- steps ---- */

enum { N_RUNS = 3, N_STEPS = 3, DIM = 64 };

typedef struct {
    as_cache *cache;
    as_cache_row *row[N_RUNS];
    as_work *work;
} scene;

static scene scene_open(void)
{
    as_error err = {0};
    scene s;
    must((s.cache = as_cache_new(as_model_config(model), &err)) != NULL, &err);
    for (size_t i = 0; i < N_RUNS; i++)
        must((s.row[i] = as_cache_row_new(s.cache, 200, &err)) != NULL, &err);
    must((s.work = as_work_new(model, 70 * N_RUNS, &err)) != NULL, &err);
    return s;
}

static void scene_close(scene *s)
{
    as_work_free(s->work);
    for (size_t i = 0; i < N_RUNS; i++) as_cache_row_free(s->row[i]);
    as_cache_free(s->cache);
}

/* Step 0 and 1 read a prompt in two pieces, children sharing the layers below 3 and all layers;
 * step 2 parts the rows, so pages are copied. */
static bool scene_step(scene *s, size_t step, const as_hooks *hooks, float *final, as_error *err)
{
    as_run run[N_RUNS];
    for (size_t i = 0; i < N_RUNS; i++) {
        run[i] = (as_run){ids, step < 2 ? 50 : 1, s->row[i], hooks, 1, AS_NO_PARENT, 0};
        if (step < 2 && i > 0) {
            run[i].parent = 0;
            run[i].from_layer = i == 1 ? 3 : as_model_config(model)->n_layers;
        }
        if (step == 2) run[i].ids = ids + i;
    }
    return as_model_step(model, &ex, s->work, run, N_RUNS, final, err);
}

/* Every layer holds the pages of the row's tokens (those that its window still reaches), no other.
 */
static bool holds_its_pages(const as_cache_row *r)
{
    const as_config *c = as_model_config(model);
    const size_t n = as_cache_row_length(r);
    for (size_t l = 0; l < c->n_layers; l++) {
        const as_layer_shape *s = &c->layer[l];
        if (s->mixer == AS_MIX_DELTA || s->kv_layer != l) continue;
        const size_t old = s->window > 0 && n + 1 > s->window ? (n + 1 - s->window) / AS_PAGE : 0;
        for (size_t p = 0; p < 200 / AS_PAGE; p++) {
            const bool holds = p >= old && p * AS_PAGE < n;
            if ((as_cache_pages(r, l)[p] != NULL) != holds) return false;
        }
    }
    return true;
}

/* Refuses the k-th allocation of step `at`, then plays it again: the bytes are the undisturbed
 * ones. False when there was no k-th. */
static bool disturbed(size_t at, size_t k, const as_hooks *hooks, const float *expected)
{
    float final[N_RUNS * DIM];
    bool hit = false;
    scene s = scene_open();
    for (size_t step = 0; step < N_STEPS; step++) {
        as_error err = {0};
        const size_t length = as_cache_row_length(s.row[0]);
        if (step == at) {
            fail_alloc_at(k, false);
            bool ok = scene_step(&s, step, hooks, final, &err);
            hit = fail_alloc_hit();
            fail_alloc_at(0, false);
            CHECK(ok == !hit && (ok || err.class_ == AS_EMEM));
            if (ok) break;
            for (size_t i = 0; i < N_RUNS; i++)
                CHECK(as_cache_row_length(s.row[i]) == length && holds_its_pages(s.row[i]));
        }
        err = (as_error){0};
        must(scene_step(&s, step, hooks, final, &err), &err);
        CHECK(memcmp(final, expected + step * N_RUNS * DIM, sizeof final) == 0);
    }
    scene_close(&s);
    return hit;
}

static void steps(void)
{
    as_error err = {0};
    float expected[N_STEPS * N_RUNS * DIM];
    kept seen = {room(200 * DIM, sizeof(float)), DIM, 0};
    const as_hook h = tap(AS_SITE_RESIDUAL, 1, 0, &seen);
    const as_hook *const list[] = {&h};
    const as_hooks hooks = {list, 1};
    scene s = scene_open();
    for (size_t step = 0; step < N_STEPS; step++)
        must(scene_step(&s, step, &hooks, expected + step * N_RUNS * DIM, &err), &err);
    scene_close(&s);

    const size_t live = fail_alloc_live();
    for (size_t at = 0; at < N_STEPS; at++) {
        size_t k = 1;
        while (disturbed(at, k, &hooks, expected)) k++;
        CHECK(k > 3); /* pages, and in the first step the index of hooks */
    }
    CHECK(fail_alloc_live() == live);
    free(seen.at);
}

static void with_model(const char *name, void (*test)(void))
{
    as_error err = {0};
    must((model = tiny_open(name, &ex, &err)) != NULL, &err);
    test();
    as_model_close(model);
}

static void opening_qwen35(void)
{
    with_model("qwen35", opening);
}

static void opening_gemma4(void)
{
    with_model("gemma4", opening);
}

static void steps_qwen35(void)
{
    with_model("qwen35", steps);
}

static void steps_gemma4(void)
{
    with_model("gemma4", steps);
}

int main(void)
{
    as_error err = {0};
    fail_alloc_init();
    if (!as_exec_init(&ex, "auto", 1, &err)) return 1;
    RUN(opening_qwen35);
    RUN(opening_gemma4);
    RUN(steps_qwen35);
    RUN(steps_gemma4);
    as_exec_clear(&ex);
    return check_end();
}
