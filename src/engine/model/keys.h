/* One way to ask config.json and GGUF metadata for a value: every question names the key in both,
 * and every refusal names key, value found and values expected. Never leaves the room. */
#ifndef AS_ENGINE_MODEL_KEYS_H
#define AS_ENGINE_MODEL_KEYS_H

#include "base/json.h"
#include "engine/format/gguf.h"

/* More than any model of the families; they keep every product of sizes within 64 bits. */
#define AS_MAX_VOCAB ((size_t)1 << 24)
#define AS_MAX_DIM ((size_t)1 << 16)
#define AS_MAX_MLP ((size_t)1 << 20)
#define AS_MAX_LAYERS ((size_t)1024)
#define AS_MAX_HEADS ((size_t)1024)
#define AS_MAX_HEAD_DIM ((size_t)640) /* what attention has scratch for */
#define AS_MAX_POSITIONS ((size_t)1 << 30)

/* Where answers come from: an object of config.json, or the metadata under "ARCH.". */
typedef struct {
    const json_t *object; /* text_config, or the whole; NULL with gguf */
    const json_t *top;    /* the whole */
    const char *place;    /* "", "text_config.", "rope_parameters.": before keys in messages */
    const as_gguf *gguf;  /* or NULL */
    const char *arch;
} as_keys;

/* The value of a key of config.json; null counts as absent. */
const json_t *as_keys_find(const as_keys *k, const char *hf);
bool as_keys_has(const as_keys *k, const char *hf, const char *gguf);

/* Fails with "PLACE.KEY: value (found ..., expected ...)", or "missing" when found is NULL. The
 * last argument may be a format. */
bool as_keys_fail(const as_keys *k, const char *hf, const json_t *found, as_error *err,
                  const char *expected, ...) AS_PRINTF(5, 6);
/* The same for a number that either source gave. */
bool as_keys_fail_size(const as_keys *k, const char *hf, const char *gguf, size_t found,
                       as_error *err, const char *expected, ...) AS_PRINTF(6, 7);

/* "FILE: key "KEY": WHAT", as the accessors of gguf.h say it. */
bool as_keys_fail_gguf(const as_gguf *g, const char *key, as_error *err, const char *fmt, ...)
    AS_PRINTF(4, 5);

/* A whole number (digits only) from low to high. _or: `otherwise` when the key is absent. A name
 * that is NULL is absent in that source. A GGUF array holds a value a layer: those that are not 0
 * must agree. */
AS_MUST_CHECK bool as_keys_size(const as_keys *k, const char *hf, const char *gguf, size_t low,
                                size_t high, size_t *out, as_error *err);
AS_MUST_CHECK bool as_keys_size_or(const as_keys *k, const char *hf, const char *gguf,
                                   size_t otherwise, size_t low, size_t high, size_t *out,
                                   as_error *err);
/* A number above `above` and below `below`, however it is spelled; above 0 means as a float too. */
AS_MUST_CHECK bool as_keys_real(const as_keys *k, const char *hf, const char *gguf, double above,
                                double below, double *out, as_error *err);
AS_MUST_CHECK bool as_keys_real_or(const as_keys *k, const char *hf, const char *gguf,
                                   double otherwise, double above, double below, double *out,
                                   as_error *err);

/* Of config.json only; GGUF sources pass. */
AS_MUST_CHECK bool as_keys_flag_or(const as_keys *k, const char *hf, bool otherwise, bool *out,
                                   as_error *err);
/* A flag that must be `only` when it is there. */
AS_MUST_CHECK bool as_keys_flag_is(const as_keys *k, const char *hf, bool only, as_error *err);
/* A text that must be `only` when it is there. */
AS_MUST_CHECK bool as_keys_text_is(const as_keys *k, const char *hf, const char *only,
                                   as_error *err);

/* The object under hf as a source of its own, its keys shown as PLACE.hf.KEY; sub->object is NULL
 * when there is none. place: room for the new place. */
#define AS_PLACE_SIZE 96
AS_MUST_CHECK bool as_keys_sub(const as_keys *k, const char *hf, as_keys *sub,
                               char place[AS_PLACE_SIZE], as_error *err);

/* layer_types: n names, each one of two; is_second (n) says which. second and
 * is_second NULL: there is only the first. *found: there is such a key. */
AS_MUST_CHECK bool as_keys_layer_types(const as_keys *k, const char *first, const char *second,
                                       bool *is_second, size_t n, bool *found, as_error *err);

#endif
