/* What the files of a trainable adapter share. Never leaves the room. */
#ifndef AS_ENGINE_OPERATOR_ADAPTER_INTERNAL_H
#define AS_ENGINE_OPERATOR_ADAPTER_INTERNAL_H

#include "base/rng.h"
#include "engine/operator/adapter.h"
#include "engine/operator/peft.h"

/* One adapted map. Factors are dense; what the products read are copies of them, laid out so that
 * each is one as_matmul, with r padded by zeros to `wide`, a multiple of 16. */
typedef struct {
    as_adapter *owner;
    const char *module; /* "model.layers.0.self_attn.q_proj" */
    size_t layer;
    as_proj proj;
    size_t rank, wide, out, in;
    double alpha, scale;
    float *a, *b, *grad_a, *grad_b; /* (r, in), (out, r) */
    float *a_turned;                /* (in, wide) */
    float *b_turned;                /* (r, out) */
    float *b_wide;                  /* (out, wide); b itself when r is wide */
    as_rng mask;                    /* its key is that of (seed, map) */
    as_hook hook;
} as_adapter_map;

/* Rows of one pass through the buffers. */
enum { AS_ADAPTER_CHUNK = 256 };

/* Which example a row of the pass belongs to, and where in it the row stands. */
typedef struct {
    uint64_t key;
    uint32_t position;
} as_adapter_row;

struct as_adapter {
    as_arena *arena;
    const as_config *config;
    const as_exec *ex;
    as_adapter_map *map; /* in order of layer and map */
    size_t n;
    as_parameter *param; /* (2 n) */
    const as_hook **hook;
    as_hooks hooks;
    json_t *peft; /* adapter_config.json */
    bool is_rslora;
    double dropout;
    uint64_t seed;
    const uint64_t *keys; /* NULL: no dropout */
    size_t n_keys;
    as_adapter_row *row; /* (chunk) */
    float *low, *back;   /* (chunk, widest wide): v; dv */
    float *side;         /* (chunk, widest in or out): s B v; the gradient behind a mask */
    float *dropped;      /* (chunk, widest in): x~; NULL without dropout */
};

/* Builds an adapter bottom up: begin, add for each map in any order, finish. A map that is added
 * twice is the caller's error. On failure the caller closes. */
AS_MUST_CHECK as_adapter *as_adapter_begin(const as_model *m, const as_exec *ex, size_t room,
                                           as_error *err);
AS_MUST_CHECK as_adapter_map *as_adapter_add(as_adapter *a, const char *module, size_t layer,
                                             as_proj proj, size_t rank, double alpha,
                                             as_error *err);
/* Sorts the maps, makes parameters, hooks and buffers. Values are filled in afterwards, and
 * as_adapter_refresh called. */
AS_MUST_CHECK bool as_adapter_finish(as_adapter *a, as_error *err);

void as_adapter_forward(const as_hook *h, const as_exec *ex, const as_site_rows *runs,
                        size_t n_runs);
void as_adapter_backward(const as_hook *h, const as_exec *ex, const as_site_rows *runs,
                         size_t n_runs);

/* "model.layers.0.self_attn.q_proj", in the arena. */
AS_MUST_CHECK const char *as_adapter_module(as_arena *arena, const as_config *c, size_t layer,
                                            as_proj proj, as_error *err);
/* adapter_config.json of the maps that were added, when all have these but for the patterns:
 * objects {pattern: number}, or NULL. NULL on failure (memory). */
AS_MUST_CHECK json_t *as_adapter_describe(const as_adapter *a, size_t rank, double alpha,
                                          const json_t *ranks, const json_t *alphas, as_error *err);

#endif
