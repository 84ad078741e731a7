/* Durable files: read whole, replaced whole or not at all; directories, safe names, the lock. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

bool as_fail_system(as_error *err, const char *verb)
{
    int number = errno;
    char reason[128];
    if (strerror_r(number, reason, sizeof reason) != 0) {
        (void)snprintf(reason, sizeof reason, "error %d", number);
    }
    return as_fail(err, number == ENOMEM ? AS_EMEM : AS_EIO, "cannot %s: %s", verb, reason);
}

static void at_path(as_error *err, const char *path)
{
    char escaped[AS_ESCAPE_SIZE];
    as_error_at(err, "%s", as_escape(path, strlen(path), escaped));
}

static int open_again(const char *path, int flags, mode_t mode)
{
    int fd;
    do {
        fd = open(path, flags, mode);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

/* --- reading ------------------------------------------------------------------------------- */

/* Appends what is left of fd, refusing to pass `limit` bytes. */
static bool read_rest(int fd, size_t limit, as_buf *out, as_error *err)
{
    size_t got = 0;
    for (;;) {
        if (out->room - out->size < 2 && !as_buf_reserve(out, 64 << 10)) return as_buf_ok(out, err);
        size_t room = out->room - out->size - 1;
        ssize_t n = read(fd, out->data + out->size, room < SSIZE_MAX ? room : SSIZE_MAX);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return as_fail_system(err, "read");
        if (n == 0) return true;
        if ((size_t)n > limit - got) {
            return as_fail(err, AS_ELIMIT, "size (found more than %zu bytes, expected at most %zu)",
                           limit, limit);
        }
        got += (size_t)n;
        out->size += (size_t)n;
        out->data[out->size] = '\0';
    }
}

bool as_file_read(const char *path, size_t limit, as_buf *out, as_error *err)
{
    bool ok = false;
    struct stat st;
    size_t before = out->size;
    /* O_NONBLOCK: a pipe without a writer must be refused, not waited for. */
    int fd = open_again(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
    if (fd < 0) {
        (void)as_fail_system(err, "open");
        goto out;
    }
    if (fstat(fd, &st) != 0) {
        (void)as_fail_system(err, "look at the file");
        goto out;
    }
    if (!S_ISREG(st.st_mode)) {
        (void)as_fail(err, AS_EIO, "cannot read (found %s, expected a regular file)",
                      S_ISDIR(st.st_mode) ? "a directory" : "a special file");
        goto out;
    }
    if ((uintmax_t)st.st_size > limit) {
        (void)as_fail(err, AS_ELIMIT, "size (found %" PRIuMAX " bytes, expected at most %zu)",
                      (uintmax_t)st.st_size, limit);
        goto out;
    }
    /* One more than the size, so that the end is seen without growing. */
    (void)as_buf_reserve(out, (size_t)st.st_size + 1);
    ok = as_buf_ok(out, err) && read_rest(fd, limit, out, err);
out:
    if (fd >= 0) (void)close(fd);
    if (ok) return true;
    out->size = before;
    if (out->data) out->data[before] = '\0';
    at_path(err, path);
    return false;
}

/* --- replacing ----------------------------------------------------------------------------- */

static bool write_all(int fd, const char *bytes, size_t size, as_error *err)
{
    while (size > 0) {
        ssize_t n = write(fd, bytes, size < SSIZE_MAX ? size : SSIZE_MAX);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            if (n == 0) errno = EIO;
            return as_fail_system(err, "write");
        }
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

/* Is the temporary file one that a dead process with our number left? Its writer holds a lock. */
static bool is_stale(const char *temp)
{
    int fd = open_again(temp, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd < 0) return false;
    bool free_ = flock(fd, LOCK_EX | LOCK_NB) == 0;
    (void)close(fd);
    return free_;
}

static int temp_open(const char *temp, as_error *err)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = open_again(temp, flags, 0644);
    if (fd < 0 && errno == EEXIST && is_stale(temp) && unlink(temp) == 0) {
        fd = open_again(temp, flags, 0644);
    }
    if (fd < 0) {
        (void)as_fail_system(err, "create the temporary file");
        at_path(err, temp);
        return -1;
    }
    (void)flock(fd, LOCK_EX | LOCK_NB);
    return fd;
}

/* The directory where path stands, opened; -1 with err set. */
static int open_parent(const char *path, as_error *err)
{
    int fd = -1;
    as_buf dir = {0};
    const char *slash = strrchr(path, '/');
    if (!slash) {
        as_buf_puts(&dir, ".");
    } else {
        as_buf_add(&dir, path, slash == path ? 1 : (size_t)(slash - path));
    }
    if (as_buf_ok(&dir, err)) {
        fd = open_again(dir.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        if (fd < 0) (void)as_fail_system(err, "open the directory");
    }
    as_buf_clear(&dir);
    return fd;
}

static bool sync_directory(int fd, as_error *err)
{
    /* EINVAL: this kind of file system knows no such thing. */
    return fsync(fd) == 0 || errno == EINVAL || as_fail_system(err, "sync the directory");
}

bool as_name_sync(const char *path, as_error *err)
{
    int fd = open_parent(path, err);
    if (fd < 0) return false;
    bool ok = sync_directory(fd, err);
    (void)close(fd);
    return ok;
}

struct as_file_out {
    int fd;
};

bool as_file_put(as_file_out *out, const void *bytes, size_t size, as_error *err)
{
    return write_all(out->fd, bytes, size, err);
}

/* The new file, whole and on disk, under its temporary name; nothing is left of it on failure. */
static bool temp_write(const char *temp, as_file_fill *fill, void *context, as_error *err)
{
    int fd = temp_open(temp, err);
    if (fd < 0) return false;
    as_file_out out = {fd};
    bool ok = fill(context, &out, err);
    if (ok && fsync(fd) != 0) ok = as_fail_system(err, "sync");
    /* EINTR: the descriptor is gone all the same, and the bytes were synced. */
    if (close(fd) != 0 && errno != EINTR && ok) ok = as_fail_system(err, "close");
    if (!ok) (void)unlink(temp);
    return ok;
}

bool as_file_replace_by(const char *path, as_file_fill *fill, void *context, as_error *err)
{
    bool ok = false;
    int parent = -1;
    as_buf temp = {0};
    struct stat there;
    /* a device or a folder must not be renamed over */
    if (lstat(path, &there) == 0 && !S_ISREG(there.st_mode) && !S_ISLNK(there.st_mode)) {
        (void)as_fail(err, AS_EIO, "not a regular file");
        goto out;
    }
    as_buf_printf(&temp, "%s.tmp.%ld", path, (long)getpid());
    if (!as_buf_ok(&temp, err)) goto out;
    /* before the rename, after which nothing may fail for want of memory or descriptors */
    parent = open_parent(path, err);
    if (parent < 0 || !temp_write(temp.data, fill, context, err)) goto out;
    if (rename(temp.data, path) != 0) {
        (void)as_fail_system(err, "rename the temporary file");
        (void)unlink(temp.data);
        goto out;
    }
    ok = sync_directory(parent, err);
out:
    if (parent >= 0) (void)close(parent);
    as_buf_clear(&temp);
    if (!ok) at_path(err, path);
    return ok;
}

typedef struct {
    const void *bytes;
    size_t size;
} whole;

static bool fill_whole(void *context, as_file_out *out, as_error *err)
{
    const whole *w = context;
    return as_file_put(out, w->bytes, w->size, err);
}

bool as_file_replace(const char *path, const void *bytes, size_t size, as_error *err)
{
    whole w = {bytes, size};
    return as_file_replace_by(path, fill_whole, &w, err);
}

bool as_file_move(const char *from, const char *to, as_error *err)
{
    if (rename(from, to) != 0) {
        (void)as_fail_system(err, "rename");
        at_path(err, from);
        return false;
    }
    if (as_name_sync(to, err)) return true;
    at_path(err, to);
    return false;
}

/* NAME.tmp.PID */
static bool is_temp(const char *name)
{
    const char *dot = strrchr(name, '.');
    if (!dot || dot - name < 5 || strncmp(dot - 4, ".tmp", 4) != 0 || !dot[1]) return false;
    return dot[1 + strspn(dot + 1, "0123456789")] == '\0';
}

static bool sweep_one(void *context, const char *name, as_error *err)
{
    bool ok = false;
    as_buf path = {0};
    struct stat st;
    if (!is_temp(name)) return true;
    as_buf_printf(&path, "%s/%s", (const char *)context, name);
    if (!as_buf_ok(&path, err)) goto out;
    ok = lstat(path.data, &st) != 0 || !S_ISREG(st.st_mode) || !is_stale(path.data) ||
         unlink(path.data) == 0 || as_fail_system(err, "remove a leftover");
    if (!ok) at_path(err, path.data);
out:
    as_buf_clear(&path);
    return ok;
}

bool as_dir_sweep(const char *path, as_error *err)
{
    return as_dir_each(path, sweep_one, (void *)path, err);
}

/* --- directories and names ------------------------------------------------------------------ */

static bool make_one(const char *path, as_error *err)
{
    struct stat st;
    bool ok = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    if (ok) return true;
    int parent = open_parent(path, err);
    if (parent >= 0) {
        ok = mkdir(path, 0755) == 0;
        if (ok && !sync_directory(parent, err)) {
            (void)rmdir(path);
            ok = false;
        } else if (!ok && errno == EEXIST) { /* or another process has made it meanwhile */
            ok = (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) ||
                 as_fail(err, AS_EIO, "cannot make a directory (found a file of that name)");
        } else if (!ok) {
            (void)as_fail_system(err, "make a directory");
        }
        (void)close(parent);
    }
    if (!ok) at_path(err, path);
    return ok;
}

bool as_dir_make(const char *path, as_error *err)
{
    bool ok = false;
    as_buf p = {0};
    as_buf_puts(&p, path);
    if (!as_buf_ok(&p, err)) goto out;
    for (size_t i = 1; i < p.size; i++) {
        if (p.data[i] != '/' || p.data[i - 1] == '/') continue;
        p.data[i] = '\0';
        if (!make_one(p.data, err)) goto out;
        p.data[i] = '/';
    }
    ok = make_one(as_buf_text(&p), err);
out:
    as_buf_clear(&p);
    return ok;
}

bool as_file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

bool as_name_exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

bool as_path_join(as_buf *out, const char *dir, const char *name, as_error *err)
{
    size_t size = strlen(name);
    const char *why = size == 0            ? "an empty name"
                      : size > 255         ? "a name of more than 255 bytes"
                      : name[0] == '/'     ? "an absolute path"
                      : strstr(name, "..") ? "\"..\""
                      : strchr(name, '\\') ? "a backslash"
                                           : NULL;
    if (why) {
        char escaped[AS_ESCAPE_SIZE];
        (void)as_fail(err, AS_EFORMAT, "unsafe name (found %s, expected a plain relative name)",
                      why);
        as_error_at(err, "\"%s\"", as_escape(name, size, escaped));
        return false;
    }
    size_t dir_size = strlen(dir);
    as_buf_add(out, dir, dir_size);
    if (dir_size && dir[dir_size - 1] != '/') as_buf_puts(out, "/");
    as_buf_add(out, name, size);
    return as_buf_ok(out, err);
}

/* --- the lock ------------------------------------------------------------------------------ */

struct as_lock {
    int fd;
};

static bool fail_locked(int fd, as_error *err)
{
    char text[64], escaped[AS_ESCAPE_SIZE];
    ssize_t n = pread(fd, text, sizeof text, 0);
    size_t size = n > 0 ? (size_t)n : 0;
    if (size && text[size - 1] == '\n') size--;
    return as_fail(err, AS_ESTATE, "locked by another process (found %s, expected none)",
                   size ? as_escape(text, size, escaped) : "an unnamed one");
}

/* "pid 123 since 2024-01-31T12:00:00Z" */
static bool write_owner(int fd, as_error *err)
{
    char text[96], when[32];
    struct tm utc;
    time_t now = time(NULL);
    if (!gmtime_r(&now, &utc) || strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0) {
        (void)snprintf(when, sizeof when, "unknown");
    }
    int n = snprintf(text, sizeof text, "pid %ld since %s\n", (long)getpid(), when);
    if (ftruncate(fd, 0) != 0) return as_fail_system(err, "empty the lock file");
    return write_all(fd, text, (size_t)n, err);
}

as_lock *as_lock_take(const char *path, as_error *err)
{
    as_lock *l = as_new(1, sizeof *l, err);
    if (!l) return NULL;
    l->fd = open_again(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    if (l->fd < 0) {
        (void)as_fail_system(err, "open the lock file");
        goto out;
    }
    int locked;
    do {
        locked = flock(l->fd, LOCK_EX | LOCK_NB);
    } while (locked != 0 && errno == EINTR);
    if (locked != 0) {
        (void)(errno == EWOULDBLOCK ? fail_locked(l->fd, err) : as_fail_system(err, "lock"));
        goto out;
    }
    if (write_owner(l->fd, err)) return l;
out:
    at_path(err, path);
    as_lock_release(l);
    return NULL;
}

void as_lock_release(as_lock *l)
{
    if (!l) return;
    if (l->fd >= 0) (void)close(l->fd); /* the lock goes with the descriptor */
    free(l);
}
