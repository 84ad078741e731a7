/* What the files of a step share: its work memory, its runs while they go through the layers, and
 * the index of hooks. Never leaves the room. */
#ifndef AS_ENGINE_MODEL_STEP_INTERNAL_H
#define AS_ENGINE_MODEL_STEP_INTERNAL_H

#include "engine/model/model_internal.h"
#include "engine/model/tape.h"
#include "engine/model/weights.h"

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

/* What a tape keeps of a layer; each dense over the rows. NULL where the layer has no such thing.
 */
typedef struct {
    float *x_in;                      /* (dim) the stream, as the first norm finds it */
    float *u, *k, *v, *o, *lse;       /* attention: outputs of the maps, heads before gate, lse */
    float *m, *mixed, *z, *b, *a, *y; /* delta: outputs of the maps, convolution, rule */
    float *x_mlp, *gate, *up;         /* the stream before the mlp; outputs of its maps */
    float *x_ple, *e; /* per-layer inputs: the stream before, output of the gate map */
    float *out[3];    /* with norms at the ends of branches: mixer, mlp, per-layer */
} as_kept;

/* One step on its way. */
typedef struct {
    const as_model *m;
    const as_exec *ex;
    as_work *w;
    const as_run *runs;
    size_t n_runs;
    size_t rows, n_spans; /* of the runs that are not idle */
    const as_kept *kept;  /* of the present layer; NULL: nothing is kept */
    as_tape *tape;        /* or NULL */
} as_step;

/* ---- the way back ---- */

struct as_tape {
    size_t max_tokens, longest, n_kept, n_rows;
    as_weights *weights; /* or NULL */
    as_work *work;
    as_cache *cache;
    as_cache_row **row; /* (max_tokens) made when needed */
    as_run *run;        /* (max_tokens) */
    as_step step;
    size_t first;        /* layer below which nothing is trained; n_layers + 1: nothing at all */
    as_kept *kept;       /* (n_layers) */
    float *last, *final; /* (tokens, dim) before and after the final norm */
    float *d_x;          /* (tokens, dim) gradient of the stream */
    float *d_a, *d_out;  /* (tokens, dim) of what enters and leaves a branch */
    float *wide;         /* (tokens, width) of what is inside */
    float *d_ple;        /* (tokens, n_layers * per_layer), with weights */
    float **d_keys;      /* (n_layers) keys, then values, of layers that others read; d_own for the
                            others */
    float *d_own;
    float *states;                /* of delta layers */
    as_attention_back *attention; /* (max_tokens) */
    unsigned char *memory;
};

/* Weights of a model under training. */
struct as_weights {
    as_model *m;
    const as_exec *ex;
    as_arena *arena;
    as_parameter *param;
    as_tensor_source *tensor; /* (n_params) the same, as files store them */
    size_t n_params;
    as_layer *grad;              /* (n_layers) gradients of the vectors; decay: of A_log */
    float *(*proj)[AS_N_PROJ];   /* (n_layers) values of the maps, row-major */
    float *(*d_proj)[AS_N_PROJ]; /* their gradients */
    float **a_log;               /* (n_layers) delta layers: what decay is made of */
    float *embed, *d_embed, *head, *d_norm_final;
    float *d_head; /* of its own also where the head is the embedding */
    float *ple_table, *d_ple_table, *ple_model, *d_ple_model, *d_norm_ple;
};

/* Gradients of a layer's vectors, or NULL; gradients of the keys and values that its pages hold. */
as_layer *as_tape_grads(const as_tape *t, size_t layer);
void as_tape_keys(const as_tape *t, size_t layer, float **dk, float **dv);

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
    float *dx; /* on the way back, outputs only; dense */
} as_site_view;
/* Calls the hooks of a slot: those of the runs that are not idle, and what idle ones only read. */
void as_step_hooks(as_step *s, size_t slot, const as_site_view *view);
/* They may be called again, but for those that only read: a row is read once. */
void as_step_hooks_again(as_step *s, size_t slot);
/* Calls their backward, the last of each run first. */
void as_step_hooks_back(as_step *s, size_t slot, const as_site_view *view);

/* ---- block.c ---- */

/* y[i] = maps[i] of x for all rows, outputs dense, with the hooks of their outputs. n <= 4. */
void as_step_maps(as_step *s, size_t layer, const as_proj *maps, float *const *y, size_t n,
                  const float *x);

/* The parts of a step: what can fail and the embedding; the hooks of a layer's input; the layer;
 * the final norm and its hooks. */
AS_MUST_CHECK bool as_step_begin(as_step *s, as_error *err);
void as_step_enter(as_step *s, size_t layer);
void as_step_layer(as_step *s, size_t layer);
void as_step_finish(as_step *s, float *final);
void as_step_norm(const as_step *s, float *y, const float *x, const float *gain);
as_activation as_step_activation(const as_config *c);

/* ---- mixer_attention.c, mixer_delta.c: out = mixer(a); floats of `wide` they need for a row ----
 */

size_t as_attention_floats(const as_layer_shape *l, bool has_gate);
size_t as_delta_floats(const as_layer_shape *l);
void as_step_attention(as_step *s, size_t layer);
void as_step_delta(as_step *s, size_t layer);

size_t as_attention_back_floats(const as_layer_shape *l);
size_t as_delta_back_floats(const as_layer_shape *l);
size_t as_delta_tape_floats(const as_layer_shape *l, size_t longest);
/* d_a += gradient of the mixer of a layer, given d_out. a: what entered it. */
void as_step_attention_back(as_step *s, size_t layer);
void as_step_delta_back(as_step *s, size_t layer);

/* ---- block_back.c ---- */

/* The way back through as_step_maps: dx += gradient of x, which entered; maps add to theirs. */
void as_step_maps_back(as_step *s, size_t layer, const as_proj *maps, const float *const *dy,
                       size_t n, const float *x, float *dx);
/* d_x becomes the gradient of the stream that entered the layer, its hooks included. */
void as_step_layer_back(as_step *s, size_t layer);
/* With weights: from d_x of the first layer to the embedding and per-layer tables. */
void as_step_embed_back(as_step *s);
size_t as_block_back_floats(const as_config *c, size_t layer);

/* ---- work.c ---- */

AS_MUST_CHECK bool as_work_bytes(const as_model *m, size_t max_tokens, size_t *bytes,
                                 as_error *err);

/* ---- cache.c ---- */

/* Rows made from now on hold no states of delta layers: a tape has its own. */
void as_cache_pages_only(as_cache *c);
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
