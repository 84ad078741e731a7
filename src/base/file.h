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

/* rename(2) within a file system, made durable in the directory where `to` stands. */
AS_MUST_CHECK bool as_file_move(const char *from, const char *to, as_error *err);

/* Makes the name `path` durable: syncs the directory where it stands. */
AS_MUST_CHECK bool as_name_sync(const char *path, as_error *err);

/* mkdir -p, mode 0755; each new name is made durable. */
AS_MUST_CHECK bool as_dir_make(const char *path, as_error *err);
bool as_file_exists(const char *path);
/* Something stands there, also a link that leads nowhere. */
bool as_name_exists(const char *path);

/* Hands over every name in the directory but "." and "..", in no order; take may remove it. A false
 * from take (err set) ends the walk. A directory that is not there has no names. */
typedef bool as_dir_take(void *context, const char *name, as_error *err);
AS_MUST_CHECK bool as_dir_each(const char *path, as_dir_take *take, void *context, as_error *err);
/* Removes the files in the directory, and then it; one that is not there is fine, one with a
 * directory inside is AS_EIO. */
AS_MUST_CHECK bool as_dir_remove(const char *path, as_error *err);
/* Removes what processes that died within as_file_replace left in the directory: regular files
 * NAME.tmp.PID that nobody holds. */
AS_MUST_CHECK bool as_dir_sweep(const char *path, as_error *err);
/* Bytes that may still be written to the file system of path. */
AS_MUST_CHECK bool as_disk_room(const char *path, uint64_t *bytes, as_error *err);

/* "cannot VERB: REASON" with errno's text: AS_EMEM for ENOMEM, else AS_EIO. Returns false. */
bool as_fail_system(as_error *err, const char *verb);

/* DIR/NAME into out; refuses (AS_EFORMAT) a name that is empty, absolute, holds "..", a backslash
 * or a NUL, or is over 255 bytes: names that come from plans and archives go through here. */
AS_MUST_CHECK bool as_path_join(as_buf *out, const char *dir, const char *name, as_error *err);

/* An flock on path with pid and start time inside; AS_ESTATE at once when another process has it.
 */
typedef struct as_lock as_lock;
AS_MUST_CHECK as_lock *as_lock_take(const char *path, as_error *err);
void as_lock_release(as_lock *l);

#endif
