/* Rows of training data to token ids with a label mask: which tokens count in the loss. Reads the
 * JSON Lines that TRL's trainers read. Refuses what would train something else than meant. */
#ifndef AS_ENGINE_TRAIN_DATASET_H
#define AS_ENGINE_TRAIN_DATASET_H

#include "base/arena.h"
#include "base/json.h"
#include "engine/text/template.h"
#include "engine/text/tokenizer.h"

/* Which tokens are targets. */
typedef enum {
    AS_MASK_COMPLETION, /* what follows the prompt */
    AS_MASK_ASSISTANT, /* what the assistant wrote, in every turn, with its end token and newline */
    AS_MASK_TEXT       /* every token */
} as_mask;
const char *as_mask_name(as_mask m); /* "completion", "assistant", "text" */

typedef struct {
    bool is_pair;      /* prompt, chosen, rejected (or chosen, rejected with a common beginning) */
    as_mask mask;      /* pairs: AS_MASK_COMPLETION */
    bool masks_think;  /* thinking, with its marks, is no target (see below) */
    bool marks_text;   /* plain text rows: control tokens spelled in them are recognised */
    size_t max_length; /* tokens of a sequence, from 2; the end is cut */
    size_t max_prompt; /* pairs and prompt-completion rows: the prompt's beginning is cut; 0: no
                          limit */
    bool allow_truncated_pairs; /* otherwise a pair of which only one side is cut is refused */
    int thinking;               /* template switch: -1 not set, 0 off, 1 on */
} as_dataset_options;

/* One sequence. Token i is a target when label[i] is 1; label[0] never counts. */
typedef struct {
    uint32_t *ids;
    unsigned char *label;
    size_t n, n_prompt; /* n_prompt: tokens before the completion; 0 where there is no such thing */
    size_t n_labels;    /* targets */
    bool is_cut;        /* at its end */
    bool is_prompt_cut; /* at its beginning */
} as_sequence;

/* One row: one sequence, or two (chosen, rejected) for a pair. */
typedef struct {
    const char *id; /* "id" of the row, else the SHA-256 of its canonical form */
    size_t line;
    uint64_t key; /* first 64 bits of SHA-256 of id: names the example to random functions */
    as_sequence sequence[2];
    const json_t *row; /* everything the row held, unknown keys included */
} as_example;

typedef struct {
    as_arena *arena;
    as_example *example;
    size_t n, n_sides; /* sequences of a row: 2 for pairs, else 1 */
    as_key digest;     /* over names, tokens, labels, prompt lengths and order */
    size_t n_tokens, n_labels, n_cut, n_cut_chosen, n_cut_rejected, n_prompt_cut, longest;
    size_t n_no_stop; /* sequences without a stop token at their end although not cut: 0 after an
                         open that succeeded */
} as_dataset;

/* Kinds of rows, all rows of a file being of one kind:
 *
 *     {text} {messages} {prompt, completion} {prompt, chosen, rejected} {chosen, rejected}
 *
 * where prompt, completion, chosen and rejected are texts or lists of messages. A row may have an
 * "id" (a text or a whole number), and "tools" beside messages; every other key is kept in `row`
 * and not looked at.
 *
 * Text. Encoded as content, so that a control token spelled in it stays text, unless `marks_text`:
 * rows rendered beforehand hold control tokens as text. The tokenizer's eos token is put at the end
 * where it is not there. Prompt and completion are encoded as one text, and the prompt's tokens
 * must be its beginning; of {chosen, rejected} the prompt is the tokens both begin with.
 *
 * Messages. Rendered by the template, its own text marked, what came from messages plain. The
 * prompt is rendered with the generation prompt, the whole without; the prompt's text and tokens
 * must both be the beginning of the whole's, and what follows is the completion. Under
 * AS_MASK_COMPLETION that is one message of the assistant: of {messages} the last one; of {chosen,
 * rejected} what follows the messages both begin with.
 *
 * AS_MASK_ASSISTANT. Needs messages. The generation prompt up to where it opens thinking is the
 * header of a turn; it is learnt from the first row. In the tokens of the whole each header, up to
 * the first stop token behind it, is a turn: what is between them, the stop token and one token of
 * line breaks after it are targets. Only control tokens begin and end turns, those that a message
 * cannot write; a header that does not begin with one is refused. There must be as many turns as
 * messages of the assistant, or as runs of them where the template joins neighbours; a row where a
 * turn cannot be located so is refused. Thinking that the template writes into a turn counts as
 * written by the assistant, wherever the generation prompt ends.
 *
 * masks_think. Marks are <think> </think> and <|channel> <channel|>. As tokens that no message can
 * write they count wherever they stand, so that thinking opened in the prompt is seen; spelled,
 * they count within targets, and a lone closing mark counts when the prompt ends in the opening
 * one. Thinking that is opened and not closed is refused.
 *
 * Refused, as FILE:LINE: ...: rows of mixed kinds, a row without a target, an empty completion or
 * turn, a pair whose sides are equal, ids not unique, a prompt that is no beginning, a pair with
 * one side cut (see options), ids beyond the model's vocabulary; and, over the whole file (naming
 * the first line and how many), a sequence that was not cut and does not end in a stop token that
 * is a target (blanks after it do not count), and a target, not under AS_MASK_TEXT, that is a
 * control token of the kind with which the template opens a prompt: its boilerplate. Unpaired
 * preferences (label), ShareGPT's conversations, compressed files and Parquet are refused by name.
 *
 *   stop, n_stop  the model's stop ids
 *   vocab         rows of the embedding
 *   chat          NULL when the checkpoint has no template; then only plain text rows are read
 *
 * Gives: as_dataset_clear. Borrows nothing afterwards. Options that do not go together are
 * AS_EUSAGE. Linear in the file, up to the sort of the ids. */
AS_MUST_CHECK bool as_dataset_open(as_dataset *d, const char *path, const as_dataset_options *o,
                                   const as_tokenizer *tokenizer, as_template *chat,
                                   const uint32_t *stop, size_t n_stop, size_t vocab,
                                   as_error *err);
/* The same from memory; `name` is the place in messages. */
AS_MUST_CHECK bool as_dataset_parse(as_dataset *d, const char *name, const char *bytes, size_t size,
                                    const as_dataset_options *o, const as_tokenizer *tokenizer,
                                    as_template *chat, const uint32_t *stop, size_t n_stop,
                                    size_t vocab, as_error *err);
void as_dataset_clear(as_dataset *d);

/* Moves a share of the rows, above 0 and below 1, from d into `held`: the first of an order
 * shuffled by (seed, "split"), rounded to whole rows, at least one on each side. In both the order
 * stays that of the file. `held` owns its rows, to be cleared by itself, in any order. On failure d
 * is as it was and held empty. */
AS_MUST_CHECK bool as_dataset_split(as_dataset *d, as_dataset *held, double share, uint64_t seed,
                                    as_error *err);

/* ---- order and packing ---- */

typedef enum { AS_ORDER_GIVEN, AS_ORDER_SHUFFLED, AS_ORDER_BUCKETED, AS_ORDER_N } as_order;
const char *as_order_name(as_order o); /* "given", "shuffled", "length" */
/* The order of epoch e: order[i] (n) is which example comes i-th. SHUFFLED: a permutation by (seed,
 * "epoch", e). BUCKETED: the shuffled list is cut into stretches of 50 batches, each sorted by
 * length, longest first, so that the examples of a batch are of like length; the batches are then
 * shuffled by (seed, "batches", e), but a last one that is not full stays last. The length of an
 * example is that of its sequences together. `batch` is at least 1. */
AS_MUST_CHECK bool as_dataset_order(const as_dataset *d, as_order o, uint64_t seed, size_t epoch,
                                    size_t batch, size_t *order, as_error *err);

/* Cuts the examples order[0..n) of one step into micro-batches, in that order: piece p is
 * order[cut[p]] .. order[cut[p+1] - 1], with at most `tokens` tokens together (one longer example
 * stands alone) and at most `examples` examples (0: no limit). cut has room for n + 1. Returns the
 * number of pieces. */
size_t as_dataset_pack(const as_dataset *d, const size_t *order, size_t n, size_t tokens,
                       size_t examples, size_t *cut);

#endif
