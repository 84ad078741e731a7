/* The gated delta rule in its recurrent form. */
#include "engine/tensor/ops.h"

#include <string.h>

#include "engine/tensor/ops_internal.h"

enum {
    COLUMNS = 64, /* of the state that a task carries through all its tokens: they stay in cache */
    TOKENS = AS_DELTA_CHUNK, /* whose decays are raised together; a state is kept before them */
    LONG = 4                 /* tokens that pay for a copy of the state */
};

typedef struct {
    const as_exec *ex;
    const as_delta_run *runs;
    size_t ldo, ldqk, ldv, heads, key_heads, dk, dv, n_strips;
} delta;

/* One strip of head h of the state before row `first`, for the gradients. */
static void keep(const delta *d, const as_delta_run *run, size_t h, size_t column, size_t n,
                 const float *s, size_t lds, size_t first)
{
    float *kept = run->kept + (first / TOKENS * d->heads + h) * d->dk * d->dv + column;
    for (size_t i = 0; i < d->dk; i++) memcpy(kept + i * d->dv, s + i * lds, n * sizeof *s);
}

/* The tokens of one strip of head h; s is its state, rows lds apart. */
static void delta_tokens(const delta *d, const as_delta_run *run, size_t h, size_t column, size_t n,
                         float *s, size_t lds)
{
    const as_kernels *kernels = d->ex->kernels;
    size_t key = h / (d->heads / d->key_heads) * d->dk, at = h * d->dv + column;
    for (size_t first = 0; first < run->rows; first += TOKENS) {
        float decay[TOKENS];
        size_t len = as_min(TOKENS, run->rows - first);
        if (run->kept) keep(d, run, h, column, n, s, lds, first);
        for (size_t i = 0; i < len; i++) decay[i] = run->g[(first + i) * d->heads + h];
        kernels->exp(decay, decay, len);
        for (size_t i = 0; i < len; i++) {
            size_t t = first + i;
            kernels->delta_step(run->o + t * d->ldo + at, s, lds, run->q + t * d->ldqk + key,
                                run->k + t * d->ldqk + key, run->v + t * d->ldv + at, decay[i],
                                run->beta[t * d->heads + h], d->dk, n);
        }
    }
}

/* A strip of columns depends on no other. Short runs work on the state where it lies; long ones on
 * a copy without gaps, which does not collide with itself in the cache. */
static void delta_strip(void *ctx, size_t task, size_t worker)
{
    const delta *d = ctx;
    size_t column = task % d->n_strips * COLUMNS, n = as_min(COLUMNS, d->dv - column);
    size_t h = task / d->n_strips % d->heads;
    const as_delta_run *run = &d->runs[task / d->n_strips / d->heads];
    float *state = run->state + h * d->dk * d->dv + column;
    if (run->rows < LONG || n == d->dv || d->dk * n > AS_SCRATCH) {
        delta_tokens(d, run, h, column, n, state, d->dv);
        return;
    }
    float *s = as_exec_scratch(d->ex, worker);
    for (size_t i = 0; i < d->dk; i++) memcpy(s + i * n, state + i * d->dv, n * sizeof *s);
    delta_tokens(d, run, h, column, n, s, n);
    for (size_t i = 0; i < d->dk; i++) memcpy(state + i * d->dv, s + i * n, n * sizeof *s);
}

void as_delta(const as_exec *ex, const as_delta_run *runs, size_t n_runs, size_t ldo, size_t ldqk,
              size_t ldv, size_t heads, size_t key_heads, size_t dk, size_t dv)
{
    delta d = {.ex = ex,
               .runs = runs,
               .ldo = ldo,
               .ldqk = ldqk,
               .ldv = ldv,
               .heads = heads,
               .key_heads = key_heads,
               .dk = dk,
               .dv = dv,
               .n_strips = as_n_chunks(dv, COLUMNS)};
    as_pool_run(ex->pool, n_runs * heads * d.n_strips, delta_strip, &d);
}
