/* What the files of a step share: its work memory, its runs while they go through the layers, and
 * the index of hooks. Never leaves the room. */
#ifndef AS_ENGINE_MODEL_STEP_INTERNAL_H
#define AS_ENGINE_MODEL_STEP_INTERNAL_H

#include "engine/model/model_internal.h"

/* ---- places where hooks are called ---- */

/* Each layer has a slot for the output of each map, then these; the final state comes last. */
enum { AS_SLOT_INPUT = AS_N_PROJ, AS_SLOT_RESIDUAL, AS_N_SLOTS };

/* A hook of one run. Entries are sorted by slot, then run, then place in the run's list. */
typedef struct {
    const as_hook *hook;
    size_t run;
    bool done;
} as_hook_entry;

/* ---- runs ---- */

/* A run in the present layer. Its rows follow those of the run before it. A run that has not left
 * its parent yet is idle: it costs nothing, and its row is its parent's. */
typedef struct {
    size_t row, rows;
    size_t place;   /* among the runs that are not idle */
    size_t source;  /* first row of what depends on tokens alone: angles, per-layer inputs */
    uint32_t first; /* position of its first row */
    bool is_idle;
} as_run_state;

/* Rows that neighbour each other in the layer and in what depends on tokens alone. */
typedef struct {
    size_t row, source, rows;
} as_span;

struct as_work {
    size_t max_tokens, n_slots;
    float *x;                   /* (tokens, dim) the stream */
    float *a;                   /* (tokens, dim) what enters a branch */
    float *out;                 /* (tokens, dim) what leaves it */
    float *wide;                /* (tokens, width) everything inside a branch */
    float *cosine[2], *sine[2]; /* (tokens, half) of each rope */
    float *ple;                 /* (tokens, n_layers * per_layer) */
    float *ple_row;             /* (n_layers * per_layer) */
    uint32_t *position;         /* (tokens) */
    as_run_state *state;        /* (tokens) by run */
    as_span *span;              /* (tokens) */
    as_site_rows *site;         /* (tokens) */
    as_attention_run *attention;
    as_delta_run *delta;
    size_t *slot;         /* (n_slots + 2) first entry of each slot */
    as_hook_entry *entry; /* as many as a step has had so far */
    size_t n_entries, entry_room;
};

/* One step on its way. */
typedef struct {
    const as_model *m;
    const as_exec *ex;
    as_work *w;
    const as_run *runs;
    size_t n_runs;
    size_t rows, n_spans; /* of the runs that are not idle */
} as_step;

/* ---- hook.c ---- */

/* Sorts the hooks of all runs. Fails for memory only, which is asked for when a step has more hooks
 * than any before it. */
AS_MUST_CHECK bool as_step_index(as_step *s, as_error *err);

/* What a slot's hooks see: row 0 is the first row of the first run. */
typedef struct {
    float *y;
    size_t ldy, width;
    const float *x; /* outputs only */
    size_t ldx, in;
} as_site_view;
/* Calls the hooks of a slot: those of the runs that are not idle, and what idle ones only read. */
void as_step_hooks(as_step *s, size_t slot, const as_site_view *view);

/* ---- block.c ---- */

/* y[i] = maps[i] of x for all rows, outputs dense, with the hooks of their outputs. n <= 4. */
void as_step_maps(as_step *s, size_t layer, const as_proj *maps, float *const *y, size_t n,
                  const float *x);

/* ---- mixer_attention.c, mixer_delta.c: out = mixer(a); floats of `wide` they need for a row ----
 */

size_t as_attention_floats(const as_layer_shape *l, bool has_gate);
size_t as_delta_floats(const as_layer_shape *l);
void as_step_attention(as_step *s, size_t layer);
void as_step_delta(as_step *s, size_t layer);

/* ---- cache.c ---- */

/* The pages alone of as_cache_share. Needs no memory. */
AS_MUST_CHECK bool as_cache_share_pages(as_cache_row *r, const as_cache_row *parent,
                                        size_t from_layer, as_error *err);
/* Lets go of the partial pages below from_layer, so that their other holder may write them. The row
 * must share again before it is used. */
void as_cache_release(as_cache_row *r, size_t from_layer);
/* Gives back the pages beyond the row's length. */
void as_cache_trim(as_cache_row *r);
size_t as_cache_row_capacity(const as_cache_row *r);

#endif
