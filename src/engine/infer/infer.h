/* Rows side by side: the token loop. Requests of any arms are decoded in one batch, refilled as
 * rows end; the tokens, log-probabilities and readings of a request depend on the request alone. */
#ifndef AS_ENGINE_INFER_INFER_H
#define AS_ENGINE_INFER_INFER_H

#include <signal.h>

#include "engine/infer/sample.h"
#include "engine/infer/tap.h"
#include "engine/model/model.h"
#include "engine/operator/operator.h"
#include "engine/text/tokenizer.h"

typedef enum {
    AS_FINISH_STOP,    /* a stop token, the last of ids */
    AS_FINISH_TEXT,    /* a stop text; ids go on to the token that completed it */
    AS_FINISH_LENGTH,  /* the budget */
    AS_FINISH_CONTEXT, /* the model's positions */
    AS_FINISH_GIVEN    /* a stored reply was scored to its end */
} as_finish;
const char *as_finish_name(as_finish f); /* "stop", "stop_text", "length", "context", "given" */

/* Everything is borrowed until the request is done. */
typedef struct {
    size_t arm;
    const uint32_t *ids; /* the prompt, at least one token */
    size_t n;
    const uint32_t *reply; /* a stored reply to score; NULL: generate */
    size_t n_reply;
    as_decoding decoding; /* with its seed: which token is drawn */
    uint64_t seed;
    size_t max_tokens;
    const uint32_t *stop; /* ids that end a reply */
    size_t n_stop;
    const char *const *stop_text; /* texts that end a reply; need a tokenizer */
    size_t n_stop_text;
    const as_tap *taps;
    size_t n_taps;
    bool every_logits; /* logits of every position are shown to the sink */
    void *user;
} as_request;

/* Borrowed during the call. */
typedef struct {
    const uint32_t *ids;   /* the reply, with its stop token */
    const double *logprob; /* log-probability of each under the model as it stands (temperature 1,
                              nothing cut) */
    size_t n;
    as_finish finish;
    const as_tap_row *readings; /* one for each tap of the request */
} as_reply;

typedef struct {
    void *context;
    /* Fills the next request, or says there is none. */
    bool (*next)(void *context, as_request *request, bool *has, as_error *err);
    /* Called once for each request, in the order they end. */
    bool (*done)(void *context, const as_request *request, const as_reply *reply, as_error *err);
    /* Logits of one position (vocab), for requests with every_logits; else may be NULL. */
    bool (*logits)(void *context, const as_request *request, size_t position, const float *row,
                   as_error *err);
    const volatile sig_atomic_t *stop; /* set: ends with AS_ESTATE after the step; may be NULL */
} as_sink;

/* Rows side by side and tokens of a step; work memory grows with them. */
#define AS_INFER_MOST ((size_t)4096)

typedef struct {
    size_t rows;        /* side by side; 0: 16 */
    size_t step_tokens; /* tokens of a step at most; 0: 512 */
    size_t piece;       /* prompt tokens of one row in a step at most; 0: step_tokens */
    bool no_sharing;    /* every row prefills its own prompt */
} as_infer_options;

typedef struct {
    size_t n_prompt, n_reply; /* tokens of all requests */
    size_t n_computed;        /* tokens that went through all layers */
    size_t n_steps;
} as_infer_count;

/* Runs all requests of the sink to their end. arms (n_arms) are what request.arm counts. Neighbours
 * in the order of requests that have the same prompt are prefilled once, up to the first layer that
 * their arms change. tokenizer may be NULL when no request has stop texts. AS_EUSAGE for options
 * over AS_INFER_MOST. Errors name the request (by its number) and the position; AS_ENUMERIC for
 * logits that are not finite. count may be NULL. */
AS_MUST_CHECK bool as_infer(const as_model *m, const as_exec *ex, const as_tokenizer *tokenizer,
                            as_arm *const *arms, size_t n_arms, const as_infer_options *options,
                            const as_sink *sink, as_infer_count *count, as_error *err);

#endif
