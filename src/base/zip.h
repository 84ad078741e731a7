/* Members of a ZIP archive through libzip (its one home), with our limits in front: stored or
 * deflate, no encryption, equal sizes in local and central header (64-bit extra fields count),
 * checksums equal, at most 1,000 members, no name twice, no unsafe name, at most 8 GiB expanded
 * and, above 64 MiB, at most 200 times the archive's size. */
#ifndef AS_BASE_ZIP_H
#define AS_BASE_ZIP_H

#include <stdint.h>

#include "base/bytes.h"

#define AS_ZIP_MAX_ARCHIVE ((uint64_t)8 << 30) /* bytes of the file */
#define AS_ZIP_MAX_MEMBERS ((size_t)1000)
#define AS_ZIP_MAX_EXPANDED ((uint64_t)8 << 30)   /* bytes of all members */
#define AS_ZIP_FREE_EXPANDED ((uint64_t)64 << 20) /* up to here any ratio will do */
#define AS_ZIP_MAX_RATIO ((uint64_t)200)          /* beyond: expanded / archive */

typedef struct as_zip as_zip;

AS_MUST_CHECK as_zip *as_zip_open(const char *path, as_error *err);
/* An archive in memory; borrows the bytes until close. */
AS_MUST_CHECK as_zip *as_zip_over(const char *name, const void *bytes, size_t size, as_error *err);
void as_zip_close(as_zip *z);

size_t as_zip_count(const as_zip *z);
const char *as_zip_name(const as_zip *z, size_t i); /* borrows until close */
uint64_t as_zip_size(const as_zip *z, size_t i);    /* expanded size in bytes */
AS_MUST_CHECK bool as_zip_find(const as_zip *z, const char *name, size_t *i);
/* The expanded bytes of member i, appended to out; checksum verified. */
AS_MUST_CHECK bool as_zip_read(as_zip *z, size_t i, as_buf *out, as_error *err);
/* The same bytes handed over in pieces, so that memory does not grow with the member; a false from
 * `take` (err set) ends the walk. */
typedef bool as_zip_take(void *context, const unsigned char *bytes, size_t size, as_error *err);
AS_MUST_CHECK bool as_zip_walk(as_zip *z, size_t i, as_zip_take *take, void *context,
                               as_error *err);
/* The first bytes of member i, at most limit, appended to out; checksum not verified. */
AS_MUST_CHECK bool as_zip_head(as_zip *z, size_t i, size_t limit, as_buf *out, as_error *err);

/* Writes an archive of stored members with a fixed date (1980-01-01), so the same members give the
 * same bytes; replaces path as as_file_replace does. */
typedef struct {
    const char *name;
    const void *bytes;
    size_t size;
} as_zip_member;
AS_MUST_CHECK bool as_zip_write(const char *path, const as_zip_member *members, size_t n,
                                as_error *err);

#endif
