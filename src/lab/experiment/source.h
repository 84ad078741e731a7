/* The files of a data folder, each opened once, and the values a plan's references point to. */
#ifndef AS_LAB_EXPERIMENT_SOURCE_H
#define AS_LAB_EXPERIMENT_SOURCE_H

#include "lab/experiment/plan.h"

typedef struct as_sources as_sources;

/* dir is borrowed until close. */
AS_MUST_CHECK as_sources *as_sources_open(const char *dir, as_error *err);
void as_sources_close(as_sources *s);

/* Opens, parses and hashes a file of the folder unless that has been done. *found is false, without
 * an error, when the folder has no such file. Types: .json .jsonl .npz. */
AS_MUST_CHECK bool as_sources_load(as_sources *s, const as_ref *ref, bool *found, as_error *err);

/* What a reference points to: JSON values with the names they had in their object (NULL in an
 * array), or the numbers or vectors of an array. Borrowed until as_sources_close; arrays of
 * pointers are the arena's. */
typedef struct {
    size_t n;
    const json_t *const *json; /* (n); NULL for .npz */
    const char *const *key;    /* (n) */
    const double *number;      /* (n) of a one-dimensional array */
    const float *matrix;       /* (n, dim) of a two-dimensional array */
    size_t dim;
} as_values;

/* "*" in a pointer means each item of the array or object there, in file order; it may stand more
 * than once. NaN and Inf in arrays, and places that are not there, are errors. */
AS_MUST_CHECK bool as_sources_values(as_sources *s, const as_ref *ref, as_arena *a, as_values *out,
                                     as_error *err);

/* Canonical JSON {file: sha256} of everything opened so far. */
AS_MUST_CHECK bool as_sources_digests(const as_sources *s, as_buf *out, as_error *err);
/* Canonical JSON [{"file":..., "sha256":...}] of one file, in the arena. */
AS_MUST_CHECK const char *as_sources_digest(const as_sources *s, const char *file, as_arena *a,
                                            as_error *err);

#endif
