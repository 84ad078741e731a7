/* Text to token ids and back, by the rules of a checkpoint's tokenizer.json (the `tokenizers`
 * library's format) or of a GGUF file's metadata. Four kinds are known: Qwen3, Qwen3.5 and SmolLM2
 * (byte-level BPE) and Gemma 4 (BPE of characters with bytes to fall back on); any other component
 * or parameter is an error that names it.
 *
 * The steps of encoding: mend invalid UTF-8 (detok.h) - cut out added tokens (leftmost, then
 * longest) - normalise - split - BPE. Nothing is added at the ends, nothing truncated. */
#ifndef AS_TEXT_TOKENIZER_H
#define AS_TEXT_TOKENIZER_H

#include "base/hash.h"
#include "engine/text/ids.h"

struct as_gguf; /* engine/format/gguf.h */

/* Immutable once made, so any number of threads may use it at once. */
typedef struct as_tokenizer as_tokenizer;

/* DIR/tokenizer.json, with tokenizer_config.json beside it when there is one: its
 * added_tokens_decoder joins the added tokens (a conflict of ids or texts is an error), and it
 * names bos, eos and template. */
AS_MUST_CHECK as_tokenizer *as_tokenizer_open(const char *dir, as_error *err);
/* Does DIR hold a tokenizer.json? */
bool as_tokenizer_exists(const char *dir);
/* The same from memory; config may be NULL. `name` and "NAME: config" are the places in messages.
 * Borrows nothing afterwards. */
AS_MUST_CHECK as_tokenizer *as_tokenizer_parse(const char *name, const char *json, size_t size,
                                               const char *config, size_t config_size,
                                               as_error *err);
/* From the metadata of a GGUF file: tokenizer.ggml.model "gpt2" with .pre "qwen2" (Qwen3), "qwen35"
 * or "smollm", or "gemma4". Tokens of type control are special, user-defined ones added, unused
 * ones do not exist. Of a text that several ids share, as happens in Gemma's, the last id is the
 * one encoded to. add_bos_token has no effect. Borrows nothing afterwards. */
AS_MUST_CHECK as_tokenizer *as_tokenizer_gguf(const struct as_gguf *meta, as_error *err);
void as_tokenizer_free(as_tokenizer *t); /* accepts NULL */

/* What a text may become. PLAIN: any text from outside; what looks like an added token is spelled
 * out, and no special token can come of it. MARKED: text that we or the template wrote; added
 * tokens are cut out. */
typedef enum { AS_TEXT_PLAIN, AS_TEXT_MARKED } as_text_kind;

/* Appends the ids of text; on failure ids is as it was. Linear in size up to a factor log(size) in
 * pieces that cannot be split. Fails only for memory, for a byte or character without any token
 * (AS_EFORMAT), and for pieces of 2^28 bytes (AS_ELIMIT). */
AS_MUST_CHECK bool as_tokenizer_encode(const as_tokenizer *t, const char *text, size_t size,
                                       as_text_kind kind, as_ids *ids, as_error *err);

/* The same for a text in parts of different kinds, as a rendered template with the messages in it
 * is. Added tokens are found only within what is marked; otherwise the parts are one text, so that
 * the ids are those of the whole wherever no plain part looks like an added token. */
typedef struct {
    const char *text;
    size_t size;
    as_text_kind kind;
} as_text_part;
AS_MUST_CHECK bool as_tokenizer_encode_parts(const as_tokenizer *t, const as_text_part *part,
                                             size_t n, as_ids *ids, as_error *err);

/* Appends the text of n ids as valid UTF-8 (invalid bytes mended, see detok.h). Ids without a token
 * add nothing. skip_special leaves out the special tokens; added tokens that are not special stay.
 * Appending fails through out (as_buf_ok). */
void as_tokenizer_decode(const as_tokenizer *t, const uint32_t *ids, size_t n, bool skip_special,
                         as_buf *out);

/* Largest id + 1. */
size_t as_tokenizer_size(const as_tokenizer *t);
/* The added token of this text, or else the vocabulary's token that stands for these bytes. */
AS_MUST_CHECK bool as_tokenizer_find(const as_tokenizer *t, const char *text, uint32_t *id);
/* The bytes that the token adds to a text, not always whole characters; NULL for an id without a
 * token. Borrowed from t. */
const char *as_tokenizer_piece(const as_tokenizer *t, uint32_t id, size_t *size);
bool as_tokenizer_is_special(const as_tokenizer *t, uint32_t id);
/* Begin and end of text as the checkpoint names them; false when it names none. */
AS_MUST_CHECK bool as_tokenizer_bos(const as_tokenizer *t, uint32_t *id);
AS_MUST_CHECK bool as_tokenizer_eos(const as_tokenizer *t, uint32_t *id);
/* The chat template that came along ("default" among named ones); NULL. Borrowed from t. */
const char *as_tokenizer_template(const as_tokenizer *t);
/* SHA-256 of tokenizer.json, or of the GGUF's model, pre, tokens, types and merges; 64 hex digits.
 * Borrowed from t. */
const char *as_tokenizer_digest(const as_tokenizer *t);

#endif
