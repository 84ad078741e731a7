/* Named arrays in .npz files, as numpy.savez and numpy.savez_compressed write them: a ZIP archive
 * (base/zip.h and its limits) of NPY members, format 1.0 and 2.0. Nothing in a file is trusted and
 * nothing in it is run: the header is read by a fixed grammar, object arrays are refused. What is
 * accepted and refused, with the messages: docs/formats.md. */
#ifndef AS_ENGINE_FORMAT_NPZ_H
#define AS_ENGINE_FORMAT_NPZ_H

#include "base/bytes.h"

#define AS_NPZ_MAX_DIMS 8
#define AS_NPZ_MAX_HEADER ((size_t)65536) /* bytes of the NPY header text */

typedef enum {
    AS_NPZ_F2, /* IEEE binary16; read only */
    AS_NPZ_F4,
    AS_NPZ_F8,
    AS_NPZ_I1,
    AS_NPZ_I2,
    AS_NPZ_I4,
    AS_NPZ_I8,
    AS_NPZ_U1,
    AS_NPZ_U2,
    AS_NPZ_U4,
    AS_NPZ_U8,
    AS_NPZ_B1 /* one byte, 0 or 1 */
} as_npz_type;

/* numpy's own name: "<f4", "|b1". */
const char *as_npz_type_name(as_npz_type t);
size_t as_npz_type_size(as_npz_type t); /* bytes per element */

/* One array. Little-endian, C order (last index fastest). */
typedef struct {
    const char *name; /* without ".npy"; borrowed until close */
    as_npz_type type;
    size_t n_dims; /* 0 to AS_NPZ_MAX_DIMS; 0 is a single element */
    size_t dim[AS_NPZ_MAX_DIMS];
    size_t count; /* product of dim; 1 when n_dims is 0 */
} as_npz_array;

typedef struct as_npz as_npz;

/* Opens and checks every header; for each array, shape x element size equals the bytes stored.
 * Checksums are verified when an array is read. Holds the archive's bytes in memory. An as_npz is
 * used by one thread at a time.
 * Errors: "FILE: MEMBER: byte N: WHAT (found X, expected Y)". */
AS_MUST_CHECK as_npz *as_npz_open(const char *path, as_error *err);
/* The same over bytes in memory, borrowed until close; name is for messages. */
AS_MUST_CHECK as_npz *as_npz_over(const char *name, const void *bytes, size_t size, as_error *err);
void as_npz_close(as_npz *z); /* accepts NULL */

size_t as_npz_count(const as_npz *z);
const as_npz_array *as_npz_at(const as_npz *z, size_t i); /* i < count; borrowed until close */
/* The array of that name and its index (i may be NULL); NULL when there is none. */
const as_npz_array *as_npz_find(const as_npz *z, const char *name, size_t *i);
/* The same, failing with the names that are there. */
AS_MUST_CHECK bool as_npz_need(const as_npz *z, const char *name, size_t *i, as_error *err);

/* Values that are not finite in an array just read. They are delivered as they are; the caller
 * decides whether they are an error, and names them. */
typedef struct {
    size_t n_nan, n_inf;
    size_t first; /* flat index of the first NaN or Inf; defined when n_nan + n_inf > 0 */
} as_npz_scan;

/* All elements of array i into out (n), n = its count, in C order; converted.
 *   f64: every type; i8 and u8 values beyond 2^53 that a double cannot hold are errors.
 *   f32: every type; f8 is rounded to nearest, a finite f8 that would become infinite is an error,
 *        and so is an integer that a float cannot hold exactly.
 *   i64: integer and bool types only; a u8 value of 2^63 or more is an error.
 * Also fails when n differs from the count, a b1 byte is neither 0 nor 1, or the member is damaged.
 * On failure out is unspecified. */
AS_MUST_CHECK bool as_npz_read_f64(as_npz *z, size_t i, double *out, size_t n, as_npz_scan *scan,
                                   as_error *err);
AS_MUST_CHECK bool as_npz_read_f32(as_npz *z, size_t i, float *out, size_t n, as_npz_scan *scan,
                                   as_error *err);
AS_MUST_CHECK bool as_npz_read_i64(as_npz *z, size_t i, int64_t *out, size_t n, as_error *err);

/* An array to write; data is in C order and borrowed. type is F4 (float), F8 (double) or I8
 * (int64_t); count is computed from dim and need not be set. name has no ".npy". */
typedef struct {
    as_npz_array array;
    const void *data;
} as_npz_source;

/* Replaces path by an archive of n stored members, readable by numpy.load; the same arrays give the
 * same bytes. */
AS_MUST_CHECK bool as_npz_write(const char *path, const as_npz_source *arrays, size_t n,
                                as_error *err);

#endif
