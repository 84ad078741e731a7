/* One request under way: what it has been fed, what it has said, and the hooks it carries. Never
 * leaves the room. */
#ifndef AS_ENGINE_INFER_ROW_H
#define AS_ENGINE_INFER_ROW_H

#include "engine/infer/infer.h"
#include "engine/text/detok.h"

typedef struct as_row as_row;
struct as_row {
    as_request request;
    size_t number; /* of the request, in the order they came */
    as_cache_row *cache;
    uint32_t *ids;       /* prompt, then reply */
    double *logprob;     /* of the reply */
    size_t n_reply, fed; /* tokens of the reply known; tokens the model has seen */
    bool is_ended, is_scoring;
    as_finish finish;
    as_tap_row *tap;      /* (request.n_taps) */
    const as_hook **hook; /* the arm's, then the taps' */
    as_hooks hooks;
    as_row *leader;    /* whose prefill this row follows; NULL: its own */
    size_t from_layer; /* of a follower */
    size_t n_followers;
    as_buf text; /* reply so far, when there are stop texts */
    as_detok detok;
};

/* What rows need from outside. */
typedef struct {
    const as_model *model;
    const as_tokenizer *tokenizer;
    as_arm *const *arms;
    size_t n_arms;
    as_cache *cache;
} as_row_world;

/* Checks the request and makes its row. NULL on failure. */
AS_MUST_CHECK as_row *as_row_new(const as_row_world *world, const as_request *request,
                                 size_t number, as_error *err);
void as_row_free(as_row *r); /* accepts NULL */

/* Rows of the same prompt, in the order they will run: the first prefills for all. */
void as_row_link(as_row *const *rows, size_t n, const as_config *config);

/* Tokens known and not yet fed. */
size_t as_row_pending(const as_row *r);
/* Of the next n tokens, how many at the end need final states. */
size_t as_row_finals(const as_row *r, size_t n);
/* Does the state after this position choose or score the token that follows? */
bool as_row_predicts(const as_row *r, size_t position);
/* The next token of a reply, drawn by as_sample: kept, and the end of the reply decided. */
AS_MUST_CHECK bool as_row_take(as_row *r, const as_row_world *world, uint32_t id, double logprob,
                               as_error *err);
/* n tokens were fed: is the row done? */
bool as_row_fed(as_row *r, size_t n);

#endif
