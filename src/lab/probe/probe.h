/* What went on inside while it answered: one vector an answer, under a position contract. A probe
 * only reads; it neither changes what it watches nor fits anything.
 *
 * New probe: one file lab/probe/NAME.c, one row in kinds[] (probe.c). */
#ifndef AS_LAB_PROBE_H
#define AS_LAB_PROBE_H

#include "base/arena.h"
#include "engine/infer/tap.h"

typedef struct as_probe as_probe;
struct as_probe {
    const char *text;     /* "h_last", "heads: 64", ...: the site of its readings */
    const char *selector; /* which tokens: "last_content", "last_tokens:32", ... */
    as_tap *tap;          /* (n_taps) what the engine gathers for it */
    size_t n_taps, dim;
    /* rows (n_taps) to out (dim); false when its token was not there, and out is then as it was. */
    bool (*reduce)(const as_probe *probe, const as_tap_row *rows, float *out);
    size_t window; /* of probes over the last tokens */
    const as_config *config;
};

/* One kind of probe: a row of kinds[]. */
typedef struct {
    const char *name;    /* "heads" */
    const char *syntax;  /* "heads[: WINDOW]" */
    const char *summary; /* one line */
    /* Fills all but text of *p, whose config is set; argument is NULL when there is none. */
    bool (*open)(as_probe *p, const char *argument, as_arena *a, as_error *err);
} as_probe_kind;
const as_probe_kind *const *as_probe_kinds(size_t *n);

/* A probe by its text in a plan, in the arena; config is borrowed as long:
 *
 *   h_last[: SELECTOR]     the state after the final norm at one token of tap.h's selectors, or
 *                          their mean (default last_content)
 *   h_mean: LAYER          mean over the reply's content of hidden state LAYER (0: embeddings;
 *                          n_layers: after the final norm)
 *   last_layers: K         mean of the last K hidden states at the last content token
 *   heads[: WINDOW]        for each attention head the L2 norm of its columns of the output
 *                          projection's input, mean over the last WINDOW (32) tokens of the
 *                          reply's content: layers with attention in order, heads in order
 *   head_vectors[: WINDOW] the mean vectors instead of the mean norms
 *
 * Content is the reply without the stop token that ended it, so an answer read while it is made and
 * read again from its text gives the same vector. Windows take the tokens there are when the reply
 * is shorter, never a token of the prompt, and have no value for fewer than 2. Sums are in double,
 * in the order of tokens.
 *
 * AS_EUSAGE naming what is wrong. */
AS_MUST_CHECK const as_probe *as_probe_parse(const char *text, const as_config *config, as_arena *a,
                                             as_error *err);

/* Decoder layer and head of each value of `heads`; either may be NULL. Returns their number. */
size_t as_probe_heads(const as_config *config, size_t *layer, size_t *head);

/* A whole number from `least` to `most` of an argument. AS_EUSAGE "WHAT (found X, expected Y)". */
AS_MUST_CHECK bool as_probe_number(const char *argument, const char *what, size_t least,
                                   size_t most, size_t *out, as_error *err);

extern const as_probe_kind as_probe_h_last, as_probe_h_mean, as_probe_last_layers, as_probe_norms,
    as_probe_vectors;

#endif
