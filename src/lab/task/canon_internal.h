/* What the files of lab/task that read data share. */
#ifndef AS_LAB_TASK_CANON_INTERNAL_H
#define AS_LAB_TASK_CANON_INTERNAL_H

#include "base/json.h"
#include "lab/task/canon.h"

/* --- said.c ---------------------------------------------------------------------------- */

/* The text as lower-case words of a-z and 0-9 with one blank between two, and a line break between
 * two sentences. Gives: free(). */
AS_MUST_CHECK char *as_said_fold(const char *text, as_error *err);
/* The same answer as as_canon_said, for a text that is folded. */
bool as_said_in(const as_texts *keys, const char *folded);
/* Words of a-z and 0-9 with alternatives between | and * at the end only, one blank between two. */
bool as_said_is_key(const char *key);
/* One or two letters a-z (into out, NUL-terminated) for a letter; "" for every other character. */
const char *as_said_letters(uint32_t cp, char out[3]);

/* --- fields.c -------------------------------------------------------------------------- */

/* The value is an object with no key but those of `known` (which ends with NULL). */
AS_MUST_CHECK bool as_field_known(const json_t *object, const char *const *known, as_error *err);
/* Its "schema" is that one. */
AS_MUST_CHECK bool as_field_schema(const json_t *object, const char *schema, as_error *err);
/* The text under a name, copied into the arena; not empty, at most 400 bytes. */
AS_MUST_CHECK bool as_field_text(const json_t *object, const char *name, as_arena *a,
                                 const char **out, as_error *err);
/* The list of texts under a name: at least `least`, none twice. */
AS_MUST_CHECK bool as_field_texts(const json_t *object, const char *name, size_t least, as_arena *a,
                                  as_texts *out, as_error *err);
/* The array under a name: at least one element, at most `most`. */
AS_MUST_CHECK bool as_field_list(const json_t *object, const char *name, size_t most,
                                 const json_t **out, as_error *err);
bool as_texts_have(const as_texts *t, const char *text);
/* Words between blanks. */
size_t as_field_words(const char *text);

/* Lower-case a-z, 0-9 and -. */
AS_MUST_CHECK bool as_form_id(const char *id, as_error *err);
/* A phrase as it stands inside a sentence: ASCII, letters with accents and the degree sign; no
 * "quotation marks", (parentheses), {braces} or semicolons; single blanks; no final stop; `least`
 * to `most` words. */
AS_MUST_CHECK bool as_form_phrase(const char *text, size_t least, size_t most, as_error *err);
/* The same with a ? at the end. */
AS_MUST_CHECK bool as_form_question(const char *text, as_error *err);
/* A phrase of a grammar: whole sentences, {slots} of a-z closed. */
AS_MUST_CHECK bool as_form_skeleton(const char *text, as_error *err);
/* Keys as as_said_is_key wants them. */
AS_MUST_CHECK bool as_form_keys(const as_texts *keys, as_error *err);

/* --- reading one file ------------------------------------------------------------------- */

#define AS_CANON_MAX_ENTRIES 4096

/* Each reads a parsed file and checks the rules that need no other file but works. Texts in the
 * arena; messages lack the name of the file. */
AS_MUST_CHECK bool as_canon_read_works(const json_t *file, as_arena *a, as_canon *c, as_error *err);
AS_MUST_CHECK bool as_canon_read_disputes(const json_t *file, as_arena *a, as_canon *c,
                                          as_error *err);
/* Into out (room for AS_CANON_MAX_ENTRIES in all), from *n on. */
AS_MUST_CHECK bool as_canon_read_entries(const json_t *file, const as_canon *works, as_arena *a,
                                         as_canon_entry *out, size_t *n, as_error *err);
AS_MUST_CHECK bool as_canon_read_grammar(const json_t *file, as_arena *a, as_canon_grammar *out,
                                         as_error *err);

#endif
