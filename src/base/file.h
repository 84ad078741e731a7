/* Durable files (reliability: a file is replaced whole or not at all). */
#ifndef AS_BASE_FILE_H
#define AS_BASE_FILE_H

#include "base/bytes.h"

/* The whole of a regular file, at most `limit` bytes (AS_ELIMIT). Appended to out. */
AS_MUST_CHECK bool as_file_read(const char *path, size_t limit, as_buf *out, as_error *err);

/* Replaces path: NAME.tmp.PID beside it, written, synced, closed, renamed, directory synced. On any
 * failure the temporary file is removed and the old file stands. Mode 0644 & ~umask. Refuses a path
 * that is a device, a pipe or a folder. */
AS_MUST_CHECK bool as_file_replace(const char *path, const void *bytes, size_t size, as_error *err);

/* The same, the bytes handed over in pieces: fill writes them with as_file_put, in order. A false
 * from fill (err set) leaves the old file. */
typedef struct as_file_out as_file_out;
typedef bool as_file_fill(void *context, as_file_out *out, as_error *err);
AS_MUST_CHECK bool as_file_put(as_file_out *out, const void *bytes, size_t size, as_error *err);
AS_MUST_CHECK bool as_file_replace_by(const char *path, as_file_fill *fill, void *context,
                                      as_error *err);

/* mkdir -p, mode 0755. */
AS_MUST_CHECK bool as_dir_make(const char *path, as_error *err);
bool as_file_exists(const char *path);

/* DIR/NAME into out; refuses (AS_EFORMAT) a name that is empty, absolute, holds "..", a backslash
 * or a NUL, or is over 255 bytes: names that come from plans and archives go through here. */
AS_MUST_CHECK bool as_path_join(as_buf *out, const char *dir, const char *name, as_error *err);

/* An flock on path with pid and start time inside; AS_ESTATE at once when another process has it.
 */
typedef struct as_lock as_lock;
AS_MUST_CHECK as_lock *as_lock_take(const char *path, as_error *err);
void as_lock_release(as_lock *l);

#endif
