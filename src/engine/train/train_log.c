/* Logs that outlive the process: a row is on disk when as_train_log_add returns, or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/train/checkpoint.h"

enum { CHUNK = 64 << 10 };

struct as_train_log {
    int fd;
    char *path;
    off_t size;     /* of the whole lines */
    bool is_broken; /* what is on disk is not known any more */
    as_buf line;
};

static void at_log(const as_train_log *l, as_error *err)
{
    char escaped[AS_ESCAPE_SIZE];
    as_error_at(err, "%s", as_escape(l->path, strlen(l->path), escaped));
}

/* Bytes of the first `lines` lines. */
static bool measure(const as_train_log *l, size_t lines, off_t *size, as_error *err)
{
    char chunk[CHUNK];
    size_t found = 0;
    *size = 0;
    while (found < lines) {
        ssize_t n = pread(l->fd, chunk, sizeof chunk, *size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return as_fail_system(err, "read");
        const char *p = chunk, *end = chunk + n;
        while (found < lines && (p = memchr(p, '\n', (size_t)(end - p)))) {
            found++;
            p++;
        }
        if (n == 0)
            return as_fail(err, AS_ESTATE, "whole lines (found %zu, expected at least %zu)", found,
                           lines);
        *size += found == lines ? p - chunk : n;
    }
    return true;
}

static bool cut(const as_train_log *l, off_t size, as_error *err)
{
    int failed;
    do {
        failed = ftruncate(l->fd, size);
    } while (failed != 0 && errno == EINTR);
    return failed == 0 || as_fail_system(err, "cut");
}

static bool open_file(as_train_log *l, as_error *err)
{
    struct stat st;
    const int flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
    do {
        l->fd = open(l->path, flags, 0644);
    } while (l->fd < 0 && errno == EINTR);
    if (l->fd < 0) return as_fail_system(err, "open");
    if (fstat(l->fd, &st) != 0) return as_fail_system(err, "look at the file");
    return S_ISREG(st.st_mode) || as_fail(err, AS_EIO, "not a regular file");
}

as_train_log *as_train_log_open(const char *path, size_t lines, as_error *err)
{
    as_train_log *l = as_new(1, sizeof *l, err);
    if (!l) return NULL;
    l->fd = -1;
    l->path = as_new(strlen(path) + 1, 1, err);
    if (!l->path) goto out;
    memcpy(l->path, path, strlen(path));
    if (open_file(l, err) && measure(l, lines, &l->size, err) && cut(l, l->size, err) &&
        (fsync(l->fd) == 0 || as_fail_system(err, "sync")) && as_name_sync(path, err))
        return l;
    at_log(l, err);
out:
    as_train_log_close(l);
    return NULL;
}

/* One write; the rest in more only when the system took less. */
static bool append(const as_train_log *l, as_error *err)
{
    for (size_t at = 0; at < l->line.size;) {
        ssize_t n = write(l->fd, l->line.data + at, l->line.size - at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            if (n == 0) errno = EIO;
            return as_fail_system(err, "write");
        }
        at += (size_t)n;
    }
    return true;
}

bool as_train_log_add(as_train_log *l, const json_t *row, as_error *err)
{
    bool ok = false;
    l->line.size = 0;
    as_json_write(&l->line, row);
    as_buf_puts(&l->line, "\n");
    if (!as_buf_ok(&l->line, err)) {
        as_buf_clear(&l->line); /* a later row may find memory again */
        goto out;
    }
    if (l->is_broken) {
        (void)as_fail(err, AS_EIO, "an earlier row could not be made durable");
        goto out;
    }
    ok = append(l, err);
    if (!ok) { /* no half row stays */
        as_error ignored = {0};
        l->is_broken = !cut(l, l->size, &ignored);
    } else if (fdatasync(l->fd) != 0) {
        l->is_broken = true;
        ok = as_fail_system(err, "sync");
    } else {
        l->size += (off_t)l->line.size;
    }
out:
    if (!ok) at_log(l, err);
    return ok;
}

void as_train_log_close(as_train_log *l)
{
    if (!l) return;
    if (l->fd >= 0) (void)close(l->fd);
    as_buf_clear(&l->line);
    free(l->path);
    free(l);
}
