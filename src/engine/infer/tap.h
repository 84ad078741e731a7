/* Reading what goes on inside while a row is decoded, under a position contract: a selector names
 * the token, and what it names may be missing (no end of turn when the reply was cut). */
#ifndef AS_ENGINE_INFER_TAP_H
#define AS_ENGINE_INFER_TAP_H

#include "base/bytes.h"
#include "engine/model/hook.h"

typedef enum {
    AS_READ_HIDDEN, /* hidden_states[layer], 0 to n_layers; n_layers is after the final norm */
    AS_READ_HEADS   /* what enters the output projection of a layer, 0 to n_layers - 1 */
} as_reading_site;

typedef enum {
    AS_LAST_PROMPT,  /* the last token of the prompt, generation prompt included */
    AS_LAST_CONTENT, /* the last token of the reply that is not a stop token */
    AS_END_OF_TURN,  /* the stop token that ended the reply; missing when it was cut */
    AS_MEAN_CONTENT, /* mean over the reply's tokens without the stop token, added in order */
    AS_EVERY         /* all tokens that were computed, prompt and reply, one after the other */
} as_selector;

typedef struct {
    as_reading_site site;
    size_t layer, n_layers; /* mean over n_layers layers from layer on; AS_READ_HIDDEN only */
    as_selector selector;
} as_tap;

/* "hidden", "heads"; "last_prompt", ... */
const char *as_reading_site_name(as_reading_site s);
const char *as_selector_name(as_selector s);
/* A selector by name; "mean_last_layers:K" is last_content over the last K hidden states, and sets
 * layer and n_layers too. AS_EUSAGE. */
AS_MUST_CHECK bool as_tap_parse(as_tap *t, const char *selector, const as_config *config,
                                as_error *err);

/* One tap of one row: its hooks and what they gather. */
typedef struct {
    as_tap tap;
    as_hook *hook; /* (n_layers of the tap) */
    size_t width;
    size_t prompt;  /* tokens of the prompt */
    size_t stop_at; /* position of the stop token; SIZE_MAX while there is none */
    float *last;    /* (tap.n_layers, width): the newest of the kind selected */
    double *sum;    /* AS_MEAN_CONTENT: (width) */
    float *every;   /* AS_EVERY: (positions, width) */
    size_t n_every, room;
    size_t n; /* tokens that counted */
} as_tap_row;

/* Room for `capacity` positions when every token is wanted. Layers out of range, heads of a layer
 * that has none: AS_EUSAGE. */
AS_MUST_CHECK bool as_tap_row_init(as_tap_row *r, const as_tap *tap, const as_config *config,
                                   size_t prompt, size_t capacity, as_error *err);
void as_tap_row_clear(as_tap_row *r);

/* The vector: out (width) in float, mean over layers taken in double. False when nothing counted.
 * Not of AS_EVERY, whose states are in `every`. */
bool as_tap_row_value(const as_tap_row *r, float *out);

#endif
