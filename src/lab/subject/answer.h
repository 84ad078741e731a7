/* Asking a local model under several arms at once: texts in, texts and readings out. */
#ifndef AS_LAB_SUBJECT_ANSWER_H
#define AS_LAB_SUBJECT_ANSWER_H

#include "engine/infer/infer.h"
#include "lab/probe/probe.h"
#include "lab/subject/local.h"

/* One arm: what is done to the model, and what is said before the question. */
typedef struct {
    const char *name;      /* for messages */
    const char *operators; /* as_arm_open's text without the name; NULL: the base model */
    const char *system;    /* NULL: none */
} as_subject_arm;

/* One row to answer. */
typedef struct {
    const char *prompt;
    size_t arm;
    uint64_t seed;      /* of its draw */
    size_t max_tokens;  /* of a generated answer, from 1 */
    const char *stored; /* an answer to read instead of making one (replay); NULL: generate */
    void *user;
} as_question_row;

/* What came back; borrowed for the call. */
typedef struct {
    const char *text;             /* without the stop token; of a replay the text as stored */
    const char *finish;           /* as_finish_name; "given" of a replay */
    const uint32_t *ids;          /* (n) with the stop token */
    size_t n;                     /* tokens */
    double mean_logprob;          /* of these tokens, temperature 1; NaN for none */
    const char *const *rung_text; /* (n_ladder) what its first ladder[i] tokens say; the text of an
                                     answer that has no more */
    const float *const *reading;  /* a vector for each probe; NULL where its token was not there */
    const char *ids_digest;       /* SHA-256 of the prompt's token ids (uint32, little-endian) */
} as_answer_row;

typedef struct {
    as_decoding decoding;
    int thinking;                  /* the template's switch: -1 not set, 0 off, 1 on */
    const as_probe *const *probes; /* (n_probes) made for this model's configuration */
    size_t n_probes;
    const size_t *ladder; /* (n_ladder) budgets below an answer's own, from 1, at which its text is
                             wanted too: decoding is causal, so it is what that budget gives */
    size_t n_ladder;
    size_t rows; /* side by side at most; 0: 64. Fewer where readings would take more than 2 GiB */
    const volatile sig_atomic_t *stop; /* may be NULL */
} as_answer_options;

typedef struct {
    void *context;
    bool (*done)(void *context, const as_question_row *q, const as_answer_row *a, as_error *err);
} as_answer_sink;

/* Answers all rows, all arms in one batch; told once for each, in the order they end. A row's
 * answer depends on the row, its arm and the options alone: not on the other rows, their order, or
 * how many run side by side. Prompts go through the chat template; a stored answer is encoded as
 * content behind it and scored, so that a replay has the readings of the answer it is of wherever
 * encoding its text gives the tokens that were generated.
 *
 * Everything is checked before the first token: AS_EUSAGE for arms and options, AS_ELIMIT for what
 * does not fit into the model's positions, AS_EFORMAT for texts that are not UTF-8, each naming the
 * row (from 0). AS_ESTATE "interrupted" when `stop` ended it; the rows told until then are whole.
 */
AS_MUST_CHECK bool as_answer_all(const as_local *l, const as_exec *ex, const as_subject_arm *arms,
                                 size_t n_arms, const as_question_row *rows, size_t n,
                                 const as_answer_options *o, const as_answer_sink *sink,
                                 as_error *err);

/* The text of a reply, appended: special tokens left out, without the stop token, cut where the
 * first stop text of the request begins. U+0000, which JSON's readers here refuse, becomes U+FFFD;
 * the ids tell. */
AS_MUST_CHECK bool as_reply_text(const as_tokenizer *t, const as_request *q, const as_reply *r,
                                 as_buf *out, as_error *err);

#endif
