/* The token loop: admit, step, choose, repeat. What a step is made of (which rows, which pieces of
 * prompts) is free, because a row's bits do not depend on it. */
#include "engine/infer/infer.h"

#include <stdlib.h>
#include <string.h>

#include "engine/infer/row.h"
#include "engine/tensor/ops.h"

enum { HEAD_ROWS = 64 }; /* rows of logits held at a time */

/* A position whose logits are wanted, and what came of them. */
typedef struct {
    as_row *row;
    size_t position;
    uint32_t id;
    double logprob;
    bool is_finite;
} choice;

typedef struct {
    as_row_world world;
    const as_exec *ex;
    const as_config *config;
    const as_sink *sink;
    as_infer_options options;
    as_row **row; /* under way, in the order of a step */
    size_t n_rows;
    as_row **waiting; /* a group that does not fit yet */
    size_t n_waiting;
    as_request ahead; /* looked at, of the next group */
    bool has_ahead, is_over;
    size_t n_seen;
    as_work *work;
    as_run *run;
    choice *chosen; /* (step tokens) */
    float *final, *picked, *logits;
    as_candidate *candidates;      /* (workers, vocab) */
    unsigned char *marks;          /* (workers, (vocab + 7) / 8) */
    size_t n_chosen, first_chosen; /* of the chunk under way */
    as_infer_count count;
} loop;

/* ---- admission ---- */

static bool look(loop *l, as_error *err)
{
    if (l->has_ahead || l->is_over) return true;
    memset(&l->ahead, 0, sizeof l->ahead);
    bool has = false;
    if (!l->sink->next(l->sink->context, &l->ahead, &has, err)) return false;
    l->has_ahead = has;
    l->is_over = !has;
    return true;
}

static bool same_prompt(const as_request *a, const as_request *b)
{
    return a->n == b->n && memcmp(a->ids, b->ids, a->n * sizeof *a->ids) == 0;
}

/* Neighbouring requests with one prompt become the waiting group, at most as many as rows fit. */
static bool gather(loop *l, as_error *err)
{
    while (l->n_waiting < l->options.rows) {
        if (!look(l, err)) return false;
        if (!l->has_ahead) return true;
        if (l->n_waiting && !same_prompt(&l->waiting[0]->request, &l->ahead)) return true;
        as_row *r = as_row_new(&l->world, &l->ahead, l->n_seen, err);
        if (!r) return false;
        l->waiting[l->n_waiting++] = r;
        l->n_seen++;
        l->has_ahead = false;
        if (l->options.no_sharing) return true;
    }
    return true;
}

static int by_arm(const void *a, const void *b)
{
    const as_row *x = *(as_row *const *)a, *y = *(as_row *const *)b;
    if (x->request.arm != y->request.arm) return x->request.arm < y->request.arm ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Admits groups as long as they fit. Rows of one arm lie together, leaders before followers. */
static bool admit(loop *l, as_error *err)
{
    for (;;) {
        if (!l->n_waiting && !gather(l, err)) return false;
        if (!l->n_waiting || l->n_rows + l->n_waiting > l->options.rows) break;
        qsort(l->waiting, l->n_waiting, sizeof *l->waiting, by_arm);
        if (l->n_waiting > 1) as_row_link(l->waiting, l->n_waiting, l->config);
        for (size_t i = 0; i < l->n_waiting; i++) {
            l->count.n_prompt += l->waiting[i]->request.n;
            l->row[l->n_rows++] = l->waiting[i];
        }
        l->n_waiting = 0;
    }
    qsort(l->row, l->n_rows, sizeof *l->row, by_arm);
    return true;
}

/* ---- a step ---- */

/* The place of a row in a list of n; AS_NO_PARENT when it is not there. */
static size_t place_of(as_row *const *list, size_t n, const as_row *r)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == r) return i;
    return AS_NO_PARENT;
}

/* Prompt tokens that a row which leads its group, or is alone, gets of what is left of a step: a
 * group in equal pieces, a single token in any case (it was put aside before). */
static size_t piece_of(const loop *l, const as_row *r, size_t *left)
{
    size_t take = as_row_pending(r), group = r->n_followers + 1;
    if (take == 1) return 1;
    if (take > *left / group) take = *left / group;
    if (take > l->options.piece) take = l->options.piece;
    *left -= take * group;
    return take;
}

/* The runs of a step: one token for rows that decode, prompts share the rest. Rows that get nothing
 * this time stay out. Returns how many runs; which[i] is the row of run i. */
static size_t plan(loop *l, as_row **which)
{
    size_t left = l->options.step_tokens, n = 0;
    for (size_t i = 0; i < l->n_rows; i++) left -= as_row_pending(l->row[i]) == 1;
    for (size_t i = 0; i < l->n_rows; i++) {
        as_row *r = l->row[i];
        size_t parent = r->leader ? place_of(which, n, r->leader) : AS_NO_PARENT, take;
        if (!r->leader)
            take = piece_of(l, r, &left);
        else
            take = parent == AS_NO_PARENT ? 0 : l->run[parent].n;
        if (!take) continue;
        which[n] = r;
        l->run[n++] = (as_run){.ids = r->ids + r->fed,
                               .n = take,
                               .cache = r->cache,
                               .hooks = &r->hooks,
                               .n_final = as_row_finals(r, take),
                               .parent = parent,
                               .from_layer = r->leader ? r->from_layer : 0};
        if (!r->leader || r->from_layer < l->config->n_layers) l->count.n_computed += take;
    }
    return n;
}

/* Which final states lead to logits; their places in `final` go to the front of `picked`. */
static void choose(loop *l, as_row *const *which, size_t n_runs)
{
    const float *at = l->final;
    size_t dim = l->config->dim;
    l->n_chosen = 0;
    for (size_t i = 0; i < n_runs; i++) {
        as_row *r = which[i];
        size_t first = r->fed + l->run[i].n - l->run[i].n_final;
        for (size_t j = 0; j < l->run[i].n_final; j++, at += dim) {
            if (!as_row_predicts(r, first + j) && !r->request.every_logits) continue;
            memcpy(l->picked + l->n_chosen * dim, at, dim * sizeof *at);
            l->chosen[l->n_chosen++] = (choice){.row = r, .position = first + j};
        }
    }
}

static void draw(void *context, size_t task, size_t worker)
{
    loop *l = context;
    size_t vocab = l->config->vocab, mark_bytes = (vocab + 7) / 8;
    choice *c = &l->chosen[l->first_chosen + task];
    const as_row *r = c->row;
    const float *row = l->logits + task * vocab;
    c->is_finite = l->ex->kernels->is_finite(row, vocab);
    if (!c->is_finite || !as_row_predicts(r, c->position)) return;
    size_t index = c->position + 1 - r->request.n;
    if (r->is_scoring)
        c->id = r->ids[c->position + 1];
    else
        c->id = as_sample(l->candidates + worker * vocab, l->marks + worker * mark_bytes, row,
                          vocab, &r->request.decoding, r->ids, r->request.n + r->n_reply,
                          r->request.seed, index);
    c->logprob = (double)row[c->id] - as_logsumexp(l->ex, row, vocab);
}

static bool keep(loop *l, const choice *c, const float *row, as_error *err)
{
    as_row *r = c->row;
    if (!c->is_finite)
        return as_fail(err, AS_ENUMERIC, "request %zu: position %zu: logits that are not finite",
                       r->number, c->position);
    if (r->request.every_logits &&
        !l->sink->logits(l->sink->context, &r->request, c->position, row, err))
        return false;
    if (!as_row_predicts(r, c->position)) return true;
    if (r->is_scoring) r->logprob[c->position + 1 - r->request.n] = c->logprob;
    return as_row_take(r, &l->world, c->id, c->logprob, err);
}

static bool heads(loop *l, as_error *err)
{
    size_t dim = l->config->dim, vocab = l->config->vocab;
    for (size_t at = 0; at < l->n_chosen; at += HEAD_ROWS) {
        size_t n = l->n_chosen - at < HEAD_ROWS ? l->n_chosen - at : HEAD_ROWS;
        as_model_head(l->world.model, l->ex, l->logits, l->picked + at * dim, n);
        l->first_chosen = at;
        as_pool_run(l->ex->pool, n, draw, l);
        for (size_t i = 0; i < n; i++)
            if (!keep(l, &l->chosen[at + i], l->logits + i * vocab, err)) return false;
    }
    return true;
}

static bool finish(loop *l, as_row *r, as_error *err)
{
    as_reply reply = {.ids = r->ids + r->request.n,
                      .logprob = r->logprob,
                      .n = r->n_reply,
                      .finish = r->finish,
                      .readings = r->tap};
    l->count.n_reply += r->n_reply;
    return l->sink->done(l->sink->context, &r->request, &reply, err);
}

static bool step(loop *l, as_row **which, as_error *err)
{
    size_t n_runs = plan(l, which);
    if (!as_model_step(l->world.model, l->ex, l->work, l->run, n_runs, l->final, err)) return false;
    l->count.n_steps++;
    choose(l, which, n_runs);
    if (!heads(l, err)) return false;
    for (size_t i = 0; i < n_runs; i++) {
        if (!as_row_fed(which[i], l->run[i].n)) continue;
        size_t at = place_of(l->row, l->n_rows, which[i]);
        bool ok = finish(l, which[i], err);
        as_row_free(which[i]);
        memmove(l->row + at, l->row + at + 1, (l->n_rows - at - 1) * sizeof *l->row);
        l->n_rows--;
        if (!ok) return false;
    }
    return true;
}

/* ---- the whole ---- */

static bool make(loop *l, as_error *err)
{
    as_infer_options *o = &l->options;
    if (!o->rows) o->rows = 16;
    if (!o->step_tokens) o->step_tokens = 512;
    if (o->rows > AS_INFER_MOST || o->step_tokens > AS_INFER_MOST)
        return as_fail(err, AS_EUSAGE,
                       "rows and tokens of a step (found %zu and %zu, expected at "
                       "most %zu)",
                       o->rows, o->step_tokens, AS_INFER_MOST);
    if (o->step_tokens < o->rows) o->step_tokens = o->rows;
    if (!o->piece) o->piece = o->step_tokens;
    size_t dim = l->config->dim, vocab = l->config->vocab, floats, work;
    size_t workers = as_pool_size(l->ex->pool);
    if (!as_size_mul(o->step_tokens, dim, &floats, err) || !as_size_mul(workers, vocab, &work, err))
        return false;
    l->row = as_new(o->rows, sizeof *l->row, err);
    l->waiting = l->row ? as_new(o->rows, sizeof *l->waiting, err) : NULL;
    l->run = l->waiting ? as_new(o->rows, sizeof *l->run, err) : NULL;
    l->chosen = l->run ? as_new(o->step_tokens, sizeof *l->chosen, err) : NULL;
    l->final = l->chosen ? as_new(floats, sizeof *l->final, err) : NULL;
    l->picked = l->final ? as_new(floats, sizeof *l->picked, err) : NULL;
    l->logits = l->picked ? as_new(HEAD_ROWS * vocab, sizeof *l->logits, err) : NULL;
    l->candidates = l->logits ? as_new(work, sizeof *l->candidates, err) : NULL;
    l->marks = l->candidates ? as_new(workers * ((vocab + 7) / 8), 1, err) : NULL;
    l->work = l->marks ? as_work_new(l->world.model, o->step_tokens, err) : NULL;
    l->world.cache = l->work ? as_cache_new(l->config, err) : NULL;
    return l->world.cache;
}

static void clear(loop *l)
{
    for (size_t i = 0; i < l->n_rows; i++) as_row_free(l->row[i]);
    for (size_t i = 0; i < l->n_waiting; i++) as_row_free(l->waiting[i]);
    as_cache_free(l->world.cache);
    as_work_free(l->work);
    free(l->row);
    free(l->waiting);
    free(l->run);
    free(l->chosen);
    free(l->final);
    free(l->picked);
    free(l->logits);
    free(l->candidates);
    free(l->marks);
}

bool as_infer(const as_model *m, const as_exec *ex, const as_tokenizer *tokenizer,
              as_arm *const *arms, size_t n_arms, const as_infer_options *options,
              const as_sink *sink, as_infer_count *count, as_error *err)
{
    loop l = {.world = {m, tokenizer, arms, n_arms, NULL},
              .ex = ex,
              .config = as_model_config(m),
              .sink = sink};
    if (options) l.options = *options;
    bool ok = make(&l, err);
    as_row **which = ok ? as_new(l.options.rows, sizeof *which, err) : NULL;
    ok = which;
    while (ok) {
        ok = admit(&l, err);
        if (!ok || !l.n_rows) break;
        if (sink->stop && *sink->stop)
            ok = as_fail(err, AS_ESTATE, "interrupted");
        else
            ok = step(&l, which, err);
    }
    if (count) *count = l.count;
    free(which);
    clear(&l);
    return ok;
}
