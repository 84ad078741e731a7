/* Byte pair encoding: Sennrich, Haddow & Birch 2016 (arXiv:1508.07909), algorithm 1, with the
 * merges ranked by their place in the list. A text starts as one symbol for each byte or character;
 * the adjacent pair of lowest rank is merged, the leftmost first among equals, until no adjacent
 * pair is in the list. It knows nothing of added tokens, normalisation or splitting. */
#ifndef AS_TEXT_BPE_H
#define AS_TEXT_BPE_H

#include "engine/text/ids.h"

/* What a text starts as. Of characters, one without a token becomes the tokens of its UTF-8 bytes
 * (as_bpe_fall_back) or the unknown token. */
typedef enum { AS_BPE_BYTES, AS_BPE_CHARS } as_bpe_unit;

#define AS_BPE_MAX_TOKEN 65535 /* bytes of a token's text */

typedef struct as_bpe as_bpe;

/* n_ids: largest id + 1; n_tokens, n_merges: how many will be added at most. The n_ids is at most a
 * small multiple of n_tokens; the caller has checked it. */
AS_MUST_CHECK as_bpe *as_bpe_new(as_bpe_unit unit, size_t n_ids, size_t n_tokens, size_t n_merges,
                                 as_error *err);
void as_bpe_free(as_bpe *b); /* accepts NULL */

/* Building, in this order. Texts are borrowed until as_bpe_free.
 *
 * token: gives an id its text. A hidden one can be found and named in merges but is never encoded
 *   to: text that spells it out stays in parts.
 * fall_back: id[byte] for characters without a token.
 * unknown: the token of what has none; fused: neighbours that have none share one.
 * merge: joins two texts, of the next rank; both and their concatenation must have tokens,
 *   and neither may stand for a byte or the unknown.
 * ready: call last. */
AS_MUST_CHECK bool as_bpe_token(as_bpe *b, uint32_t id, const char *text, size_t size,
                                bool is_hidden, as_error *err);
void as_bpe_fall_back(as_bpe *b, const uint32_t id[256]);
void as_bpe_unknown(as_bpe *b, uint32_t id, bool is_fused);
AS_MUST_CHECK bool as_bpe_merge(as_bpe *b, const char *left, size_t left_size, const char *right,
                                size_t right_size, as_error *err);
AS_MUST_CHECK bool as_bpe_ready(as_bpe *b, as_error *err);

/* The token of a text as given to as_bpe_token. */
AS_MUST_CHECK bool as_bpe_find(const as_bpe *b, const char *text, size_t size, uint32_t *id);

/* Memory of one thread's encoding; start from {0}. */
typedef struct {
    uint32_t *word;
    size_t room;
} as_bpe_scratch;
void as_bpe_scratch_clear(as_bpe_scratch *s);

/* Appends the ids of text, which is valid UTF-8 in the case of characters. b is ready and is not
 * written, so threads share it. Takes O(n log n). Fails (AS_EFORMAT) on a byte or character that
 * has no token where there is neither fall-back nor unknown token; AS_ELIMIT from 2^28 bytes on
 * without a place to cut. */
AS_MUST_CHECK bool as_bpe_encode(const as_bpe *b, as_bpe_scratch *s, const char *text, size_t size,
                                 as_ids *out, as_error *err);

#endif
