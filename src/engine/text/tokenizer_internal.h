/* What the tokenizer's files share: the thing itself, and the steps of building one, which every
 * source (tokenizer.json, GGUF) goes through. */
#ifndef AS_TEXT_TOKENIZER_INTERNAL_H
#define AS_TEXT_TOKENIZER_INTERNAL_H

#include "base/arena.h"
#include "base/json.h"
#include "engine/text/added.h"
#include "engine/text/bpe.h"
#include "engine/text/normalise.h"
#include "engine/text/split.h"
#include "engine/text/tokenizer.h"

/* How text becomes pieces and symbols. Two alphabets are in use for vocabulary and merges:
 *   bytes: every byte is written as one printable character (the table of GPT-2's encoder);
 *   spaced: text, with U+2581 for the space and "<0xHH>" for a byte.
 * Both are undone while reading: inside, a token's text is the bytes it stands for. In the spaced
 * alphabet U+2581 in a text and the space are the same, so U+2581 is read as a space. */
typedef struct {
    bool is_spaced;
    bool has_nfc;        /* bytes */
    as_split_kind split; /* bytes */
    bool has_fall_back;  /* spaced: characters without a token become byte tokens */
    bool is_fused;       /* unknown neighbours share one token */
    const char *unknown; /* text of the unknown token; NULL: none */
} as_recipe;

typedef struct {
    const char *text; /* NULL: no token has this id */
    uint32_t size;
    bool is_added, is_special;
} as_token;

struct as_tokenizer {
    as_arena *arena; /* all texts */
    as_token *token;
    size_t n; /* largest id + 1 */
    as_recipe recipe;
    as_added *added;
    as_bpe *bpe;
    as_split *split; /* NULL when spaced */
    as_nfc *nfc;     /* NULL without */
    bool has_bos, has_eos;
    uint32_t bos, eos;
    const char *chat; /* the template; NULL */
    as_key digest;
};

/* --- building: new, every added token, every vocabulary token, every merge, end ------------- */

/* n_ids: largest id + 1; n_vocab, n_added, n_merges: how many will follow at most. Fails
 * (AS_EFORMAT) without tokens and for ids above four times their number. recipe->unknown is
 * borrowed until as_build_end. */
AS_MUST_CHECK as_tokenizer *as_build_new(const as_recipe *recipe, uint64_t n_ids, size_t n_vocab,
                                         size_t n_added, size_t n_merges, as_error *err);
/* An added token, as it stands in text. One given again with the same id and text is no error. */
AS_MUST_CHECK bool as_build_added(as_tokenizer *t, uint64_t id, const char *text, size_t size,
                                  bool is_special, as_error *err);
/* Vocabulary and merges, in the alphabet of the recipe. An added token may stand in the vocabulary
 * with the same id. */
AS_MUST_CHECK bool as_build_token(as_tokenizer *t, uint64_t id, const char *text, size_t size,
                                  as_error *err);
/* Has a vocabulary text, in the recipe's alphabet, an id so far? */
AS_MUST_CHECK bool as_build_knows(const as_tokenizer *t, const char *text, size_t size, bool *knows,
                                  as_error *err);
/* One more id of a vocabulary text that has one: decoded, never encoded to. */
AS_MUST_CHECK bool as_build_spare(as_tokenizer *t, uint64_t id, const char *text, size_t size,
                                  as_error *err);
/* Between vocabulary and merges: finds the byte tokens (all 256, or none) and the unknown one. */
AS_MUST_CHECK bool as_build_fall_back(as_tokenizer *t, as_error *err);
AS_MUST_CHECK bool as_build_merge(as_tokenizer *t, const char *left, size_t left_size,
                                  const char *right, size_t right_size, as_error *err);
/* "LEFT RIGHT" with its only space between. */
AS_MUST_CHECK bool as_build_merge_text(as_tokenizer *t, const char *text, size_t size,
                                       as_error *err);
AS_MUST_CHECK bool as_build_end(as_tokenizer *t, as_error *err);

/* --- reading JSON ---------------------------------------------------------------------------- */

/* Normaliser, pre-tokeniser, post-processor, decoder and the model's parameters of a tokenizer.json
 * into *out, which borrows from root. */
AS_MUST_CHECK bool as_recipe_read(const json_t *root, as_recipe *out, as_error *err);

/* Fails when o is not an object or has a key that is not among keys (NULL at the end). */
AS_MUST_CHECK bool as_recipe_keys(const json_t *o, const char *const *keys, as_error *err);
/* o[key] as true or false; `missing` when it is not there. */
AS_MUST_CHECK bool as_recipe_flag(const json_t *o, const char *key, bool missing, bool *out,
                                  as_error *err);

#endif
