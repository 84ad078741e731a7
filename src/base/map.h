/* Whole files mapped read-only. A mapping costs no memory of its own; the kernel reads pages as
 * they are touched. */
#ifndef AS_BASE_MAP_H
#define AS_BASE_MAP_H

#include <stdint.h>

#include "base/bytes.h"

typedef struct as_map as_map;

/* What tells one state of a file from another. */
typedef struct {
    uint64_t device, inode, size;
    int64_t mtime_s, mtime_ns; /* of the bytes; anyone may set it */
    int64_t ctime_s, ctime_ns; /* of bytes or name or rights; nobody may */
    int64_t seen_s;            /* wall clock when the file was looked at */
} as_map_stamp;

/* A regular file; an empty one maps to no bytes. Errors: "FILE: WHAT". */
AS_MUST_CHECK as_map *as_map_open(const char *path, as_error *err);
void as_map_close(as_map *m); /* accepts NULL */

const unsigned char *as_map_bytes(const as_map *m); /* never NULL; borrowed until close */
size_t as_map_size(const as_map *m);                /* when it was opened */
const char *as_map_name(const as_map *m);           /* the path escaped, for messages */
const char *as_map_path(const as_map *m);           /* as it was given */
as_map_stamp as_map_seen(const as_map *m);          /* when it was opened */

/* The whole pages inside [at, at + size) need not stay in memory; read again when touched again.
 * Bytes that no mapping holds are left alone. Any thread. */
void as_map_release(const void *at, size_t size);

/* Fails (AS_ESTATE) when the path no longer leads to the file as it was opened: device, inode, size
 * and mtime. */
AS_MUST_CHECK bool as_map_check(const as_map *m, as_error *err);

/* Reading a mapped page that the file no longer has raises SIGBUS. From this call on, for the whole
 * process, that prints "assay: FILE: shrank while it was in use" to stderr and ends the process
 * with status 1. The one place where this library may print and exit, so only a program's own start
 * calls it; without it SIGBUS keeps its usual effect. Other causes of SIGBUS keep theirs too. */
AS_MUST_CHECK bool as_map_guard(as_error *err);

#endif
