/* What the files of the dataset share: a reader that turns one row after another into sequences. */
#ifndef AS_ENGINE_TRAIN_DATASET_INTERNAL_H
#define AS_ENGINE_TRAIN_DATASET_INTERNAL_H

#include "engine/train/dataset.h"

/* One text on its way to ids; kept from row to row for its memory. */
typedef struct {
    as_buf text;
    as_template_spans spans; /* of text: what came from messages */
    as_ids ids;
    unsigned char *label; /* (label_room), the first ids.n in use */
    size_t label_room;
} as_encoded;

/* What is known of a token id. */
enum {
    AS_ID_STOP = 1,    /* ends a turn */
    AS_ID_BLANK = 2,   /* spaces and line breaks only */
    AS_ID_BREAK = 4,   /* line breaks only */
    AS_ID_OPENING = 8, /* a control token before the first content of a prompt, no stop */
    AS_ID_KNOWN = 16,  /* the next bit has been asked for */
    AS_ID_CONTROL = 32 /* no message can write it */
};

enum { AS_THINK_KINDS = 2 }; /* <think> </think>, <|channel> <channel|> */

typedef struct {
    const as_dataset_options *options;
    const as_tokenizer *tokenizer;
    as_template *chat;
    size_t vocab;
    as_template_vars vars;
    bool has_eos;
    uint32_t eos;
    as_arena *arena;

    const char *place;   /* FILE:LINE of the present row */
    size_t first_line;   /* of the first row; 0: none yet */
    unsigned parts;      /* which keys that row had */
    bool is_chat;        /* lists of messages, not texts */
    as_encoded prompt;   /* scratch */
    as_encoded whole[2]; /* scratch: the sides */
    as_buf joined;       /* scratch */

    unsigned char *id_is; /* (n_ids) AS_ID_* */
    size_t n_ids;
    bool has_think[AS_THINK_KINDS]; /* both marks are control tokens */
    uint32_t think_open[AS_THINK_KINDS], think_close[AS_THINK_KINDS];
    bool has_learnt; /* header and AS_ID_OPENING are set */
    as_ids header;   /* of a turn of the assistant */
    as_ids one;      /* scratch */

    size_t no_stop_line, n_no_stop, opening_line, n_opening; /* found over the whole file */
    uint32_t opening_id;
} as_row_reader;

/* ---- dataset_rows.c ---- */

/* Turns a row into out->sequence[], in the arena. Messages begin with the place of the row. */
AS_MUST_CHECK bool as_row_read(as_row_reader *r, const json_t *row, as_example *out, as_error *err);
void as_encoded_clear(as_encoded *e);
/* Encodes text into ids, which are replaced. */
AS_MUST_CHECK bool as_row_encode(const as_row_reader *r, const char *text, size_t size,
                                 as_text_kind kind, as_ids *ids, as_error *err);

/* ---- dataset_mask.c ---- */

/* Sets id_is, think_open and think_close. Once, before any row. */
AS_MUST_CHECK bool as_mask_start(as_row_reader *r, const uint32_t *stop, size_t n_stop,
                                 as_error *err);
/* Learns the header of a turn and the opening tokens from a prompt rendered with and without the
 * generation prompt. */
AS_MUST_CHECK bool as_mask_learn(as_row_reader *r, const as_encoded *with,
                                 const as_encoded *without, as_error *err);
/* Labels the turns of the assistant in e; n_said messages are the assistant's, in n_runs runs. */
AS_MUST_CHECK bool as_mask_turns(const as_row_reader *r, as_encoded *e, size_t n_said,
                                 size_t n_runs, as_error *err);
/* Takes thinking out of the labels. */
AS_MUST_CHECK bool as_mask_think(as_row_reader *r, as_encoded *e, as_error *err);
/* Counts what is refused over the whole file. */
void as_mask_count(as_row_reader *r, const as_sequence *s, size_t line);
/* Fails when as_mask_count has found something. `path` is escaped. */
AS_MUST_CHECK bool as_mask_finish(const as_row_reader *r, const char *path, as_error *err);

/* ---- dataset.c ---- */

/* The sums, longest and digest of d's rows. */
AS_MUST_CHECK bool as_dataset_sum(as_dataset *d, as_error *err);

#endif
