/* The hinge between a model and what is done to it: a hook is called at one site of one layer for
 * the rows of its arm, and reads or changes what is there. Model code knows sites, never who hooks
 * in. A row's hooks run in the order of its list. */
#ifndef AS_ENGINE_MODEL_HOOK_H
#define AS_ENGINE_MODEL_HOOK_H

#include "engine/model/config.h"
#include "engine/tensor/exec.h"

typedef enum {
    AS_SITE_INPUT,    /* x entering o_proj or out_proj of a layer (no other map: their inputs are
                         shared); may be changed in place */
    AS_SITE_OUTPUT,   /* y leaving a map, with the x that entered; y may be changed */
    AS_SITE_RESIDUAL, /* the stream entering layer l, 0 <= l < n_layers: hidden_states[l] */
    AS_SITE_FINAL     /* after the final norm, what enters the head: hidden_states[n_layers] */
} as_site;

/* Consecutive tokens of one row. y (rows, width), rows ldy apart; x (rows, in) of AS_SITE_OUTPUT.
 */
typedef struct {
    size_t run;     /* index of the run in the step */
    uint32_t first; /* position of the first token */
    size_t rows;
    float *y;
    size_t ldy, width;
    const float *x;
    size_t ldx, in;
    float *dx; /* backward of AS_SITE_OUTPUT: gradient of x, to be added to */
    size_t lddx;
} as_site_rows;

typedef struct as_hook as_hook;
struct as_hook {
    as_site site;
    size_t layer;
    as_proj proj; /* AS_SITE_INPUT, AS_SITE_OUTPUT */
    /* Called once for each stretch of neighbouring runs that hold this very hook (rows of one arm
     * lie together), on the thread that runs the step; may use ex's pool. Cannot fail. `runs` are
     * the n_runs pieces, whose rows follow each other in memory: y of runs[0] with the sum of rows
     * is the whole. */
    void (*forward)(const as_hook *h, const as_exec *ex, const as_site_rows *runs, size_t n_runs);
    /* The gradient on its way back through the same rows: y now holds that of what forward left.
     * AS_SITE_OUTPUT adds to dx and to gradients of its own, and leaves y alone; the other sites
     * turn y into the gradient of what forward found. NULL: training through it is refused. */
    void (*backward)(const as_hook *h, const as_exec *ex, const as_site_rows *runs, size_t n_runs);
    void *state;
    bool reads_only; /* a tap: does not change what it sees */
};

/* The hooks of a row: its arm's operators, then its taps. Borrowed by the step. */
typedef struct {
    const as_hook *const *hook;
    size_t n;
} as_hooks;

/* First layer that a hook of the list changes: n_layers + 1 when none does, n_layers for a change
 * of the final state only. Rows with the same prompt share all layers below it. A hook on the
 * output of k_proj or v_proj, like any map's, belongs to its layer. */
size_t as_hooks_first(const as_hooks *h, size_t n_layers);

#endif
