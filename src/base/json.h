/* JSON as jansson's values (its one home), read with the strictness of RFC 8259 and more: duplicate
 * names, invalid UTF-8, raw control bytes, NUL (\u0000) in names and texts, integers of more than
 * 64 bits, depth over 64, text after the value, and NaN or Infinity are errors. A tree takes at
 * most 8 times the size of its text and 64 MiB (AS_ELIMIT). Values are json_t, reference counted
 * (json_decref). */
#ifndef AS_BASE_JSON_H
#define AS_BASE_JSON_H

#include <jansson.h>

#include "base/bytes.h"
#include "base/hash.h"

#define AS_JSON_DEPTH 64
#define AS_JSON_MAX_BYTES ((size_t)1 << 30)

/* Parses one value. `name` is the place in messages ("NAME: LINE:COL: ..."). Gives: json_decref. */
AS_MUST_CHECK json_t *as_json_parse(const char *name, const char *bytes, size_t size,
                                    as_error *err);
/* The same, but an integer beyond 64 bits is read as a real number: tokenizer_config.json says
 * "model_max_length": 1000000000000000019884624838656 for no limit. */
AS_MUST_CHECK json_t *as_json_parse_wide(const char *name, const char *bytes, size_t size,
                                         as_error *err);
/* Reads and parses a file of at most AS_JSON_MAX_BYTES. */
AS_MUST_CHECK json_t *as_json_read(const char *path, as_error *err);

/* Canonical form: names sorted by bytes, no blanks, shortest numbers, only the escapes that JSON
 * demands. NaN and infinities are written as null. Fails only for memory (see as_buf_ok). */
void as_json_write(as_buf *out, const json_t *value);
/* The SHA-256 of that form. AS_EMEM also when value is NULL. */
AS_MUST_CHECK bool as_json_hash(const json_t *value, as_key out, as_error *err);
/* The canonical form with two-space indentation and a final newline, names in sorted order. */
void as_json_write_pretty(as_buf *out, const json_t *value);

/* Indented, names in sorted order, and 30.0 stays "30.0": for files that other programs read by
 * type. False when out of memory. */
AS_MUST_CHECK bool as_json_write_typed(as_buf *out, const json_t *value);

/* A value for a message: its canonical form, escaped and cut; "nothing" for NULL. Returns out. */
const char *as_json_shown(const json_t *value, char out[AS_ESCAPE_SIZE]);

/* Number or null: null when x is not finite. Gives a new reference, NULL when out of memory. */
json_t *as_json_real(double x);

/* Puts name: value into *object, or value at the end of *list, taking value's reference. When that
 * fails (memory) the container is released and becomes NULL, and later puts do nothing but release
 * their value; so a writer checks once, at the end. */
void as_json_put(json_t **object, const char *name, json_t *value);
void as_json_put_size(json_t **object, const char *name, size_t x);
void as_json_put_real(json_t **object, const char *name, double x);      /* NaN: null */
void as_json_put_text(json_t **object, const char *name, const char *x); /* NULL: null */
void as_json_append(json_t **list, json_t *value);

/* A JSON pointer (RFC 6901) into value, "" is value itself. NULL when there is nothing. Borrows. */
const json_t *as_json_at(const json_t *value, const char *pointer);

#endif
