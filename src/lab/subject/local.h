/* A model on this machine with all that belongs to it: weights, tokenizer, chat template, stop ids;
 * and what the template makes of a conversation. */
#ifndef AS_LAB_SUBJECT_LOCAL_H
#define AS_LAB_SUBJECT_LOCAL_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/json.h"
#include "engine/model/model.h"
#include "engine/text/template.h"
#include "engine/text/tokenizer.h"

typedef struct {
    as_arena *arena;         /* of the texts and lists below */
    const char *path;        /* resolved */
    as_model *model;         /* NULL after as_local_open_text */
    as_tokenizer *tokenizer; /* NULL: the folder has none, and only ids can be given */
    as_template *chat;       /* NULL: none */
    as_key chat_digest;      /* of the template's text; "" without */
    bool has_thinking;       /* the template asks for the switch */
    const char *bos, *eos;   /* texts of the tokens that begin and end; NULL: none */
    uint32_t *stop;          /* (n_stop) the model's stop ids and the tokenizer's eos */
    size_t n_stop;
} as_local;

typedef struct {
    bool no_scan;      /* do not look for NaN and Inf in the weights */
    const char *cache; /* folder for digests; NULL: none */
} as_local_options;

/* Opens a folder, FILE.gguf, or ORG/NAME[@REV] of the local cache. ex is borrowed until close.
 * AS_EFORMAT when tokenizer and embedding disagree. *note (note may be NULL) is what the user
 * should know of the files, NULL when nothing; borrowed until close. On failure nothing is open. */
AS_MUST_CHECK bool as_local_open(as_local *l, const char *name, const as_exec *ex,
                                 const as_local_options *o, const char **note, as_error *err);
/* The tokenizer and template alone, without weights. path: a folder or FILE.gguf. file: the same,
 * where it is open already; else NULL. config: whose stop ids count; NULL: the tokenizer's eos
 * alone. */
AS_MUST_CHECK bool as_local_open_text(as_local *l, const char *path, const as_tensors *file,
                                      const as_config *config, as_error *err);
void as_local_close(as_local *l); /* accepts one that was never opened: {0} */

/* What decides answers beside the weights: digests of configuration, tokenizer and template, the
 * stop ids, the text of bos. Gives: json_decref; NULL when out of memory. */
json_t *as_local_text_record(const as_local *l, const as_config *config);
/* The same with family, digest of weights, and dtype: what results carry. Of a model with weights.
 * Gives: json_decref; NULL when out of memory. */
json_t *as_local_record(const as_local *l);

/* A conversation (as as_chat_new takes it; `place` begins its messages) as the template writes it,
 * with the generation prompt, and as token ids: the template's text marked, what came from messages
 * plain. thinking: -1 not set, 0 off, 1 on. Appends to text and ids. AS_EUSAGE without a tokenizer
 * or template, or when the template has no such switch. */
AS_MUST_CHECK bool as_local_render(const as_local *l, const char *place, const json_t *messages,
                                   const json_t *tools, int thinking, as_buf *text,
                                   as_template_spans *spans, as_ids *ids, as_error *err);
/* The list of messages of a user's (size bytes of UTF-8) after a system's (NULL: none). Gives:
 * json_decref; NULL when out of memory. */
json_t *as_local_messages(const char *system, const char *user, size_t size);
/* Both at once, to ids alone. AS_EFORMAT for texts that are not UTF-8. Gives: as_ids_clear. */
AS_MUST_CHECK bool as_local_prompt(const as_local *l, const char *system, const char *user,
                                   int thinking, as_ids *out, as_error *err);

#endif
