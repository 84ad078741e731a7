/* Training a byte-level BPE vocabulary (Sennrich, Haddow & Birch 2016, arXiv:1508.07909, over bytes
 * as in Radford et al. 2019), written as a tokenizer.json that as_tokenizer_open and the
 * `tokenizers` library read alike. */
#ifndef AS_TEXT_BPE_TRAIN_H
#define AS_TEXT_BPE_TRAIN_H

#include "base/bytes.h"
#include "base/progress.h"

typedef struct {
    const char *pipeline; /* whose split pattern and normaliser: "qwen3", "qwen35", "smollm" */
    size_t vocab;         /* entries in all: 256 bytes, merges, specials */
    size_t least;         /* a pair that occurs fewer times is not merged; usually 2 */
    const char *const *special; /* added after the vocabulary, in this order, as special tokens */
    size_t n_special;
} as_bpe_train_options;

/* Counts of a text are those of its pieces (split.h). Of pairs equally frequent the one with the
 * smaller left id, then the smaller right id, is merged first, as the `tokenizers` library does. A
 * pair whose text would be over AS_BPE_MAX_TOKEN bytes is not merged. Ids: the 256 bytes in the
 * order of their characters in the byte alphabet, the merges' tokens, the specials.
 *
 *   text, size  (n) texts, borrowed during the call; bytes that are no UTF-8 are mended (detok.h);
 *               special tokens in them are cut out first
 *   progress    counts to 100; may be NULL
 *   json        gets the tokenizer.json
 *   n_merges    made; fewer than asked for when pairs ran out
 *
 * AS_EUSAGE: vocab below 256 + specials, unknown pipeline, a special twice, empty, too long, not
 * UTF-8 or the same as a token that was made. AS_ELIMIT: 2^30 bytes of different pieces. Takes
 * memory in proportion to those bytes, besides a normal form of the largest text. */
AS_MUST_CHECK bool as_bpe_train(const as_bpe_train_options *o, const char *const *text,
                                const size_t *size, size_t n, as_progress *progress, as_buf *json,
                                size_t *n_merges, as_error *err);

#endif
