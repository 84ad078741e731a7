/* A row's bytes depend on the row alone: final states, caches and taps are the same for any
 * neighbours, order, number of threads and cut of the prompt, with a shared prefix or without. And
 * a step that fails has not happened. */
#include "tiny_models.h"

#include "engine/model/model_internal.h"

enum {
    N_ROWS = 9,
    N_ARMS = 7,
    N_OPS = 2, /* of an arm, at most */
    TAIL = 3,  /* tokens after the prompt, one a step */
    MOST = 160,
    MAX_LAYERS = 8
};

/* Rows of one group have the same prompt; rows 3 and 8 have the arm in common as well, so that one
 * can take everything from the other. */
static const struct {
    size_t group, prompt, arm;
} rows[N_ROWS] = {{0, 70, 0},  {0, 70, 1},  {0, 70, 2}, {0, 70, 3}, {0, 70, 4},
                  {1, 140, 4}, {1, 140, 5}, {2, 1, 6},  {0, 70, 3}};

static uint32_t id_of(size_t row, size_t at)
{
    bool is_tail = at >= rows[row].prompt;
    as_rng r = as_rng_at(is_tail ? 100 + row : rows[row].group, "model_step", at);
    return (uint32_t)as_rng_below(&r, 512);
}

/* ---- arms ---- */

typedef struct {
    as_hook op[N_ARMS][N_OPS];
    change what[N_ARMS][N_OPS];
    size_t n[N_ARMS];
} arms;

static void add_op(arms *a, size_t arm, as_site site, size_t layer, as_proj proj, change what)
{
    size_t i = a->n[arm]++;
    a->what[arm][i] = what;
    a->op[arm][i] = (as_hook){.site = site,
                              .layer = layer,
                              .proj = proj,
                              .forward = change_rows,
                              .state = &a->what[arm][i]};
}

/* Arm 0 is the base; the others change one place each, the last one the same place twice. */
static void make_arms(arms *a, const as_config *c)
{
    const change plus = {0, 1000, 1, 0.1f}, half = {0, 1000, 0.5f, 0};
    const size_t last = c->n_layers - 1;
    const bool is_delta = c->layer[0].mixer == AS_MIX_DELTA;
    *a = (arms){0};
    add_op(a, 1, AS_SITE_INPUT, last, head_map(c, last), (change){8, 16, 0.5f, 0});
    add_op(a, 2, AS_SITE_OUTPUT, 1, AS_DOWN_PROJ, plus);
    add_op(a, 3, AS_SITE_RESIDUAL, 2, 0, plus);
    add_op(a, 4, AS_SITE_FINAL, 0, 0, plus);
    add_op(a, 5, AS_SITE_OUTPUT, 0, is_delta ? AS_IN_QKV : AS_K_PROJ, half);
    add_op(a, 6, AS_SITE_RESIDUAL, 1, 0, plus);
    add_op(a, 6, AS_SITE_RESIDUAL, 1, 0, half);
}

/* ---- what a row leaves ---- */

typedef struct {
    kept stream[MAX_LAYERS], heads[MAX_LAYERS], maps[MAX_LAYERS], last;
    as_hook tap[3 * MAX_LAYERS + 1];
    const as_hook *list[3 * MAX_LAYERS + 1 + N_OPS];
    as_hooks hooks;
    float *final;         /* (MOST, dim) */
    bool has_final[MOST]; /* asked for */
    float *cache;         /* what the caches hold at the end */
    size_t n_cache;
} trace;

static kept keep_new(size_t width)
{
    return (kept){room(MOST * width, sizeof(float)), width, 0};
}

static void add_tap(trace *t, as_hook h)
{
    t->tap[t->hooks.n] = h;
    t->list[t->hooks.n] = &t->tap[t->hooks.n];
    t->hooks.n++;
}

static void trace_init(trace *t, const as_config *c, const arms *a, size_t arm)
{
    *t = (trace){0};
    for (size_t l = 0; l < c->n_layers; l++) {
        t->stream[l] = keep_new(c->dim);
        t->heads[l] = keep_new(head_columns(c, l));
        t->maps[l] = keep_new(c->dim);
        add_tap(t, tap(AS_SITE_RESIDUAL, l, 0, &t->stream[l]));
        add_tap(t, tap(AS_SITE_INPUT, l, head_map(c, l), &t->heads[l]));
        add_tap(t, tap(AS_SITE_OUTPUT, l, AS_DOWN_PROJ, &t->maps[l]));
    }
    t->last = keep_new(c->dim);
    add_tap(t, tap(AS_SITE_FINAL, 0, 0, &t->last));
    memmove(t->list + a->n[arm], t->list, t->hooks.n * sizeof *t->list);
    for (size_t i = 0; i < a->n[arm]; i++) t->list[i] = &a->op[arm][i];
    t->hooks.n += a->n[arm];
    t->hooks.hook = t->list;
    t->final = room(MOST * c->dim, sizeof(float));
}

static void trace_clear(trace *t)
{
    for (size_t l = 0; l < MAX_LAYERS; l++) {
        free(t->stream[l].at);
        free(t->heads[l].at);
        free(t->maps[l].at);
    }
    free(t->last.at);
    free(t->final);
    free(t->cache);
}

static void put(trace *t, const float *x, size_t n)
{
    memcpy(t->cache + t->n_cache, x, n * sizeof(float));
    t->n_cache += n;
}

/* Keys and values of the positions that can still be seen, and the states. */
static void read_cache(trace *t, const as_config *c, const as_cache_row *r)
{
    free(t->cache);
    t->cache = room(MOST * c->n_layers * 256 + c->n_layers * 4096, sizeof(float));
    t->n_cache = 0;
    for (size_t l = 0; l < c->n_layers; l++) {
        const as_layer_shape *s = &c->layer[l];
        if (s->mixer == AS_MIX_DELTA) {
            put(t, as_cache_state(r, l), s->heads * s->key_dim * s->head_dim);
            put(t, as_cache_conv(r, l),
                (s->kernel - 1) * (2 * s->key_heads * s->key_dim + s->heads * s->head_dim));
            continue;
        }
        if (s->kv_layer != l) continue;
        size_t n = as_cache_row_length(r), d = s->head_dim;
        size_t first = s->window > 0 && n + 1 > s->window ? n + 1 - s->window : 0;
        for (size_t i = first; i < n; i++) {
            const float *page = as_cache_pages(r, l)[i / AS_PAGE];
            const size_t at = i % AS_PAGE;
            for (size_t h = 0; h < s->key_heads; h++, page += 2 * AS_PAGE * d) {
                for (size_t e = 0; e < d; e++) put(t, &page[e * AS_PAGE + at], 1);
                put(t, page + (AS_PAGE + at) * d, d);
            }
        }
    }
}

static bool same_kept(const kept *a, const kept *b)
{
    return a->rows == b->rows && memcmp(a->at, b->at, MOST * a->width * sizeof(float)) == 0;
}

/* `all`: every final state was asked for in both. */
static bool same_trace(const trace *a, const trace *b, const as_config *c, bool all)
{
    const size_t row = c->dim * sizeof(float);
    bool same = true;
    for (size_t l = 0; l < c->n_layers; l++)
        same = same && same_kept(&a->stream[l], &b->stream[l]) &&
               same_kept(&a->heads[l], &b->heads[l]) && same_kept(&a->maps[l], &b->maps[l]);
    if (all) same = same && same_kept(&a->last, &b->last);
    for (size_t i = 0; i < MOST; i++)
        if (a->has_final[i] && b->has_final[i])
            same = same && memcmp(a->final + i * c->dim, b->final + i * c->dim, row) == 0 &&
                   memcmp(a->last.at + i * c->dim, b->last.at + i * c->dim, row) == 0;
    return same && a->n_cache == b->n_cache &&
           memcmp(a->cache, b->cache, a->n_cache * sizeof(float)) == 0;
}

/* ---- playing rows together ---- */

typedef struct {
    size_t n, order[N_ROWS]; /* which rows, as they stand in a step */
    size_t piece;            /* of a prompt in one step */
    bool share;              /* prefixes */
    bool last_only;          /* one final state a step, none inside a prompt */
    size_t max_rows;         /* of a step; the others wait */
} way;

/* A row earlier in the step with the same tokens now, that has no parent itself. */
static size_t parent_in(const as_run *runs, const size_t *who, size_t n, size_t row)
{
    for (size_t i = 0; i < n; i++) {
        if (rows[who[i]].group == rows[row].group && runs[i].parent == AS_NO_PARENT) return i;
    }
    return AS_NO_PARENT;
}

/* The next run of row `row`, which stands at `at`. */
static as_run run_of(const way *w, trace *t, size_t row, size_t at, as_cache_row *cache,
                     uint32_t *ids)
{
    const size_t left = at < rows[row].prompt ? rows[row].prompt - at : 0;
    as_run run = {.ids = ids, .n = 1, .cache = cache, .hooks = &t->hooks, .parent = AS_NO_PARENT};
    if (left > 0) run.n = left < w->piece ? left : w->piece;
    for (size_t i = 0; i < run.n; i++) ids[i] = id_of(row, at + i);
    run.n_final = !w->last_only ? run.n : run.n >= left ? 1 : 0;
    return run;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* One step of the rows of `w` that have tokens left; how many there were. */
static size_t step(const way *w, const as_model *m, const as_exec *ex, as_work *work, trace *t,
                   as_cache_row **cache)
{
    as_error err = {0};
    const as_config *c = as_model_config(m);
    as_run runs[N_ROWS];
    size_t who[N_ROWS], n = 0, row = 0;
    uint32_t ids[N_ROWS][MOST];
    for (size_t i = 0; i < w->n && n < w->max_rows; i++) {
        const size_t r = w->order[i], at = as_cache_row_length(cache[r]);
        if (at == rows[r].prompt + TAIL) continue;
        runs[n] = run_of(w, &t[r], r, at, cache[r], ids[n]);
        const size_t p =
            w->share && at < rows[r].prompt ? parent_in(runs, who, n, r) : AS_NO_PARENT;
        if (p != AS_NO_PARENT) {
            runs[n].parent = p;
            size_t from = least(as_hooks_first(runs[n].hooks, c->n_layers),
                                as_hooks_first(runs[p].hooks, c->n_layers));
            const bool same_arm = rows[who[p]].arm == rows[r].arm;
            runs[n].from_layer = same_arm ? c->n_layers : least(from, c->n_layers);
        }
        who[n++] = r;
    }
    if (n == 0) return 0;
    float *final = room(N_ROWS * MOST * c->dim, sizeof(float));
    must(as_model_step(m, ex, work, runs, n, final, &err), &err);
    for (size_t i = 0; i < n; i++) {
        const size_t end = as_cache_row_length(runs[i].cache);
        for (size_t k = end - runs[i].n_final; k < end; k++, row++) {
            memcpy(t[who[i]].final + k * c->dim, final + row * c->dim, c->dim * sizeof(float));
            t[who[i]].has_final[k] = true;
        }
    }
    free(final);
    return n;
}

/* t (N_ROWS), indexed by row. */
static void play(const way *w, const as_model *m, const as_exec *ex, const arms *a, trace *t)
{
    as_error err = {0};
    const as_config *c = as_model_config(m);
    as_cache_row *cache[N_ROWS] = {0};
    as_cache *all = as_cache_new(c, &err);
    must(all != NULL, &err);
    as_work *work = as_work_new(m, N_ROWS * MOST, &err);
    must(work != NULL, &err);
    for (size_t i = 0; i < w->n; i++) {
        const size_t r = w->order[i];
        trace_init(&t[r], c, a, rows[r].arm);
        cache[r] = as_cache_row_new(all, rows[r].prompt + TAIL, &err);
        must(cache[r] != NULL, &err);
    }
    while (step(w, m, ex, work, t, cache) > 0) {
    }
    for (size_t i = 0; i < w->n; i++) {
        read_cache(&t[w->order[i]], c, cache[w->order[i]]);
        as_cache_row_free(cache[w->order[i]]);
    }
    as_work_free(work);
    as_cache_free(all);
}

/* ---- the matrix ---- */

static const way ways[] = {
    {N_ROWS, {0, 1, 2, 3, 4, 5, 6, 7, 8}, MOST, false, false, N_ROWS},
    {N_ROWS, {8, 7, 6, 5, 4, 3, 2, 1, 0}, MOST, false, false, N_ROWS},
    {N_ROWS, {0, 8, 4, 5, 3, 2, 1, 6, 7}, 1, false, false, N_ROWS},
    {N_ROWS, {3, 1, 4, 0, 5, 8, 2, 6, 7}, 17, false, true, 4},
    {N_ROWS, {0, 1, 2, 3, 4, 5, 6, 7, 8}, 64, false, false, 5},
    {N_ROWS, {0, 1, 2, 3, 4, 5, 6, 7, 8}, MOST, true, false, N_ROWS},
    {N_ROWS, {8, 7, 6, 5, 4, 3, 2, 1, 0}, MOST, true, true, N_ROWS},
    {N_ROWS, {0, 8, 4, 5, 3, 2, 1, 6, 7}, 1, true, false, N_ROWS},
    {N_ROWS, {3, 1, 4, 0, 5, 8, 2, 6, 7}, 17, true, false, N_ROWS},
    {N_ROWS, {5, 2, 6, 1, 0, 8, 3, 4, 7}, 64, true, true, N_ROWS},
};
enum { N_WAYS = sizeof ways / sizeof *ways };

static void alone(const as_model *m, const as_exec *ex, const arms *a, trace *t)
{
    for (size_t r = 0; r < N_ROWS; r++) {
        const way w = {1, {r}, MOST, false, false, 1};
        play(&w, m, ex, a, t);
    }
}

static void invariance(const char *name)
{
    static const size_t threads[] = {1, 2, 7};
    as_error err = {0};
    trace expected[N_ROWS], found[N_ROWS];
    arms a;
    for (size_t n = 0; n < 3; n++) {
        as_exec ex;
        must(as_exec_init(&ex, "auto", threads[n], &err), &err);
        as_model *m = tiny_open(name, &ex, &err);
        must(m != NULL, &err);
        const as_config *c = as_model_config(m);
        make_arms(&a, c);
        if (n == 0) alone(m, &ex, &a, expected);
        for (size_t k = 0; k < N_WAYS; k++) {
            if (n > 0 && k % 3 != n) continue; /* a third of the ways each */
            play(&ways[k], m, &ex, &a, found);
            for (size_t r = 0; r < N_ROWS; r++) {
                bool same = same_trace(&found[r], &expected[r], c, !ways[k].last_only);
                if (!same) printf("%s: way %zu, row %zu, %zu threads\n", name, k, r, threads[n]);
                CHECK(same);
                trace_clear(&found[r]);
            }
        }
        as_model_close(m);
        as_exec_clear(&ex);
    }
    for (size_t r = 0; r < N_ROWS; r++) trace_clear(&expected[r]);
}

static void qwen3(void)
{
    invariance("qwen3");
}

static void llama(void)
{
    invariance("llama");
}

static void qwen35(void)
{
    invariance("qwen35");
}

static void gemma4(void)
{
    invariance("gemma4");
}

/* ---- smaller promises ---- */

typedef struct {
    as_exec ex;
    as_model *m;
    const as_config *c;
    as_cache *cache;
    as_work *work;
    float *final;
} stage;

static stage stage_open(const char *name, size_t max_tokens)
{
    as_error err = {0};
    stage s;
    must(as_exec_init(&s.ex, "auto", 2, &err), &err);
    s.m = tiny_open(name, &s.ex, &err);
    must(s.m != NULL, &err);
    s.c = as_model_config(s.m);
    s.cache = as_cache_new(s.c, &err);
    must(s.cache != NULL, &err);
    s.work = as_work_new(s.m, max_tokens, &err);
    must(s.work != NULL, &err);
    CHECK(as_work_tokens(s.work) == max_tokens);
    s.final = room(max_tokens * s.c->dim, sizeof(float));
    return s;
}

static void stage_close(stage *s)
{
    free(s->final);
    as_work_free(s->work);
    as_cache_free(s->cache);
    as_model_close(s->m);
    as_exec_clear(&s->ex);
}

static as_cache_row *stage_row(const stage *s, size_t capacity)
{
    as_error err = {0};
    as_cache_row *r = as_cache_row_new(s->cache, capacity, &err);
    must(r != NULL, &err);
    return r;
}

static const uint32_t some_ids[] = {5, 17, 300, 2, 511, 44, 9, 260};

static as_run plain_run(as_cache_row *r, const as_hooks *hooks, size_t n)
{
    return (as_run){some_ids, n, r, hooks, 1, AS_NO_PARENT, 0};
}

/* A row of NaN is NaN, and its neighbours are what they are without it. */
static void nan_stays_alone(void)
{
    for (size_t i = 0; i < N_TINY; i++) {
        as_error err = {0};
        stage s = stage_open(tiny_names[i], 32);
        change poison = {0, 1000, NAN, 0};
        const as_hook hook = {
            .site = AS_SITE_RESIDUAL, .layer = 1, .forward = change_rows, .state = &poison};
        const as_hook *const list[] = {&hook};
        const as_hooks hooks = {list, 1}, none = {0};
        as_cache_row *r[6];
        float *expected = room(3 * s.c->dim, sizeof(float));
        for (size_t k = 0; k < 6; k++) r[k] = stage_row(&s, 8);
        as_run clean[3], mixed[3];
        for (size_t k = 0; k < 3; k++) {
            clean[k] = plain_run(r[k], &none, 8);
            mixed[k] = plain_run(r[3 + k], k == 1 ? &hooks : &none, 8);
        }
        must(as_model_step(s.m, &s.ex, s.work, clean, 3, expected, &err), &err);
        must(as_model_step(s.m, &s.ex, s.work, mixed, 3, s.final, &err), &err);
        const size_t row = s.c->dim * sizeof(float);
        CHECK(memcmp(s.final, expected, row) == 0);
        CHECK(memcmp(s.final + 2 * s.c->dim, expected + 2 * s.c->dim, row) == 0);
        for (size_t k = 0; k < s.c->dim; k++) CHECK(isnan(s.final[s.c->dim + k]));
        for (size_t k = 0; k < 6; k++) as_cache_row_free(r[k]);
        free(expected);
        stage_close(&s);
    }
}

/* A step refused for one row has not happened for any: the next one gives the same bytes. */
static void refusals(void)
{
    static const uint32_t bad[] = {1, 512};
    as_error err = {0};
    stage s = stage_open("gemma4", 600);
    const as_hooks none = {0};
    as_cache_row *r[3] = {stage_row(&s, 8), stage_row(&s, 8), stage_row(&s, 1000)};
    as_run run[3];
    for (size_t k = 0; k < 3; k++) run[k] = plain_run(r[k], &none, 5);
    must(as_model_step(s.m, &s.ex, s.work, run, 2, s.final, &err), &err);
    size_t bytes = as_cache_bytes(s.cache);

    run[0].n = 1;
    run[1] = (as_run){bad, 2, r[1], &none, 1, AS_NO_PARENT, 0};
    CHECK(!as_model_step(s.m, &s.ex, s.work, run, 2, s.final, &err));
    CHECK(err.class_ == AS_EFORMAT);
    CHECK_TEXT(err.where, "run 1");
    CHECK_TEXT(err.what, "token 1: id (found 512, expected below 512)");
    err = (as_error){0};
    run[1] = plain_run(r[1], &none, 4); /* of three */
    CHECK(!as_model_step(s.m, &s.ex, s.work, run, 2, s.final, &err) && err.class_ == AS_ELIMIT);
    CHECK_TEXT(err.what, "tokens (found 5 and 4 more, expected at most 8: capacity of the row)");
    err = (as_error){0};
    uint32_t *many = room(513, sizeof *many);
    run[2] = (as_run){many, 513, r[2], &none, 1, AS_NO_PARENT, 0};
    CHECK(!as_model_step(s.m, &s.ex, s.work, run + 2, 1, s.final, &err));
    CHECK_TEXT(err.what, "tokens (found 0 and 513 more, expected at most 512: positions of the "
                         "model)");
    err = (as_error){0};
    run[2].n = 512;
    must(as_model_step(s.m, &s.ex, s.work, run + 2, 1, s.final, &err), &err);
    CHECK(as_cache_row_length(r[0]) == 5 && as_cache_row_length(r[1]) == 5);
    CHECK(as_cache_bytes(s.cache) > bytes);

    run[0].n = run[1].n = 1;
    must(as_model_step(s.m, &s.ex, s.work, run, 2, s.final, &err), &err);
    CHECK(memcmp(s.final, s.final + s.c->dim, s.c->dim * sizeof(float)) == 0);
    free(many);
    for (size_t k = 0; k < 3; k++) as_cache_row_free(r[k]);
    stage_close(&s);
}

typedef struct {
    size_t calls, runs[8], n_runs;
    bool follow; /* each piece's rows begin where those before it end */
} called;

static void count_calls(const as_hook *h, const as_exec *ex, const as_site_rows *runs,
                        size_t n_runs)
{
    called *k = h->state;
    (void)ex;
    k->calls++;
    for (size_t i = 0; i < n_runs; i++) k->runs[k->n_runs++ % 8] = runs[i].run;
    for (size_t i = 1; i < n_runs; i++)
        if (runs[i].y != runs[i - 1].y + runs[i - 1].rows * runs[i - 1].ldy) k->follow = false;
}

/* Runs 0 1 3 4 of five hold one hook, in two lists: two calls, with 0 1 and 3 4; run 1's tap one
 * more. Then run 4 shares all layers with run 3: what changes nothing is called for it alone; and
 * runs 1 and 2 want no final state, so the rows of the others neighbour each other. */
static void stretches(void)
{
    as_error err = {0};
    stage s = stage_open("llama", 64);
    called seen = {.follow = true}, tapped = {.follow = true}, late = {.follow = true};
    const as_hook both = {.site = AS_SITE_OUTPUT,
                          .layer = 2,
                          .proj = AS_UP_PROJ,
                          .forward = count_calls,
                          .state = &seen,
                          .reads_only = true};
    const as_hook own = {.site = AS_SITE_OUTPUT,
                         .layer = 2,
                         .proj = AS_UP_PROJ,
                         .forward = count_calls,
                         .state = &tapped,
                         .reads_only = true};
    const as_hook final = {
        .site = AS_SITE_FINAL, .forward = count_calls, .state = &late, .reads_only = true};
    const as_hook *const list[] = {&both, &final, &own};
    const as_hooks one = {list, 2}, two = {list, 3}, none = {0};
    as_cache_row *r[5];
    as_run run[5];
    for (size_t k = 0; k < 5; k++) {
        r[k] = stage_row(&s, 8);
        run[k] = plain_run(r[k], k == 2 ? &none : k == 1 ? &two : &one, 3 + k % 3);
    }
    run[4].n = run[3].n;
    must(as_model_step(s.m, &s.ex, s.work, run, 5, s.final, &err), &err);
    CHECK(seen.calls == 2 && seen.n_runs == 4 && seen.follow);
    CHECK(seen.runs[0] == 0 && seen.runs[1] == 1 && seen.runs[2] == 3 && seen.runs[3] == 4);
    CHECK(tapped.calls == 1 && tapped.runs[0] == 1);
    CHECK(late.calls == 2 && late.n_runs == 4 && late.follow);

    seen = late = (called){.follow = true};
    for (size_t k = 0; k < 5; k++) run[k].n = 1;
    run[1].n_final = run[2].n_final = 0;
    run[4].parent = 3;
    run[4].from_layer = s.c->n_layers;
    must(as_model_step(s.m, &s.ex, s.work, run, 5, s.final, &err), &err);
    CHECK(seen.calls == 3 && seen.n_runs == 4 && seen.runs[2] == 3 && seen.runs[3] == 4);
    CHECK(late.calls == 1 && late.n_runs == 3 && late.follow);
    for (size_t k = 0; k < 5; k++) as_cache_row_free(r[k]);
    stage_close(&s);
}

static void first_changed_layer(void)
{
    const as_hook tapped = {
        .site = AS_SITE_OUTPUT, .proj = AS_V_PROJ, .forward = keep_rows, .reads_only = true};
    const as_hook final = {.site = AS_SITE_FINAL, .forward = change_rows};
    const as_hook map = {
        .site = AS_SITE_OUTPUT, .layer = 3, .proj = AS_K_PROJ, .forward = change_rows};
    const as_hook stream = {.site = AS_SITE_RESIDUAL, .layer = 5, .forward = change_rows};
    const as_hook *const list[] = {&tapped, &final, &stream, &map};
    static const size_t expected[] = {9, 9, 8, 5, 3};
    for (size_t n = 0; n <= 4; n++) {
        const as_hooks h = {list, n};
        CHECK(as_hooks_first(&h, 8) == expected[n]);
    }
}

int main(void)
{
    RUN(qwen3);
    RUN(llama);
    RUN(qwen35);
    RUN(gemma4);
    RUN(nan_stays_alone);
    RUN(refusals);
    RUN(stretches);
    RUN(first_changed_layer);
    return check_end();
}
