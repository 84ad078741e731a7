/* Read-only mappings, and the one signal handler that a shrinking file needs. */
#define _DEFAULT_SOURCE /* madvise */
#include "base/map.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct as_map {
    const unsigned char *bytes;
    size_t size;
    as_map_stamp stamp;
    char *path;
    char name[AS_ESCAPE_SIZE];
    _Atomic(struct as_map *) next; /* in the list of all open mappings */
};

/* What the handler may look at. It belongs to the process, as the signal does: written under the
 * mutex, walked by the handler without it. */
static pthread_mutex_t list_mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(as_map *) list_first;

static bool fail_system(as_error *err, const char *verb)
{
    int number = errno;
    char reason[128];
    if (strerror_r(number, reason, sizeof reason) != 0) {
        (void)snprintf(reason, sizeof reason, "error %d", number);
    }
    return as_fail(err, number == ENOMEM ? AS_EMEM : AS_EIO, "cannot %s: %s", verb, reason);
}

static as_map_stamp stamp_of(const struct stat *st)
{
    return (as_map_stamp){.device = (uint64_t)st->st_dev,
                          .inode = (uint64_t)st->st_ino,
                          .size = (uint64_t)st->st_size,
                          .mtime_s = (int64_t)st->st_mtim.tv_sec,
                          .mtime_ns = (int64_t)st->st_mtim.tv_nsec,
                          .ctime_s = (int64_t)st->st_ctim.tv_sec,
                          .ctime_ns = (int64_t)st->st_ctim.tv_nsec,
                          .seen_s = (int64_t)time(NULL)};
}

static void list_add(as_map *m)
{
    (void)pthread_mutex_lock(&list_mutex);
    atomic_store(&m->next, atomic_load(&list_first));
    atomic_store(&list_first, m);
    (void)pthread_mutex_unlock(&list_mutex);
}

static void list_remove(as_map *m)
{
    (void)pthread_mutex_lock(&list_mutex);
    _Atomic(as_map *) *at = &list_first;
    while (atomic_load(at) && atomic_load(at) != m) at = &atomic_load(at)->next;
    if (atomic_load(at)) atomic_store(at, atomic_load(&m->next));
    (void)pthread_mutex_unlock(&list_mutex);
}

static bool map_file(as_map *m, int fd, as_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) return fail_system(err, "look at the file");
    if (!S_ISREG(st.st_mode))
        return as_fail(err, AS_EIO, "cannot map (found %s, expected a regular file)",
                       S_ISDIR(st.st_mode) ? "a directory" : "a special file");
    m->stamp = stamp_of(&st);
    if (m->stamp.size > SIZE_MAX / 2)
        return as_fail(err, AS_ELIMIT, "size (found %llu bytes, expected at most %zu)",
                       (unsigned long long)m->stamp.size, SIZE_MAX / 2);
    if (m->stamp.size == 0) {
        m->bytes = (const unsigned char *)"";
        return true;
    }
    void *p = mmap(NULL, (size_t)m->stamp.size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) return fail_system(err, "map the file");
    m->bytes = p;
    m->size = (size_t)m->stamp.size;
    return true;
}

as_map *as_map_open(const char *path, as_error *err)
{
    bool ok = false;
    char shown[AS_ESCAPE_SIZE];
    int fd = -1;
    size_t path_size = strlen(path);
    as_map *m = as_new(1, sizeof *m, err);
    if (!m) goto out;
    (void)as_escape(path, path_size, m->name);
    m->path = as_new(path_size + 1, 1, err);
    if (!m->path) goto out;
    memcpy(m->path, path, path_size);
    do { /* O_NONBLOCK: a pipe without a writer must be refused, not waited for */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    } while (fd < 0 && errno == EINTR);
    ok = fd >= 0 ? map_file(m, fd, err) : fail_system(err, "open");
out:
    if (fd >= 0) (void)close(fd);
    if (ok) {
        list_add(m);
        return m;
    }
    if (m) free(m->path);
    free(m);
    as_error_at(err, "%s", as_escape(path, path_size, shown));
    return NULL;
}

void as_map_close(as_map *m)
{
    if (!m) return;
    list_remove(m);
    if (m->size > 0) (void)munmap((void *)(uintptr_t)m->bytes, m->size);
    free(m->path);
    free(m);
}

const unsigned char *as_map_bytes(const as_map *m)
{
    return m->bytes;
}

size_t as_map_size(const as_map *m)
{
    return m->size;
}

const char *as_map_name(const as_map *m)
{
    return m->name;
}

const char *as_map_path(const as_map *m)
{
    return m->path;
}

as_map_stamp as_map_seen(const as_map *m)
{
    return m->stamp;
}

void as_map_release(const void *at, size_t size)
{
    long unit = sysconf(_SC_PAGESIZE);
    uintptr_t first = (uintptr_t)at, end = first + size, page = unit > 0 ? (uintptr_t)unit : 4096;
    (void)pthread_mutex_lock(&list_mutex);
    for (as_map *m = atomic_load(&list_first); m; m = atomic_load(&m->next)) {
        uintptr_t start = (uintptr_t)m->bytes;
        if (first < start || first - start > m->size || size > m->size - (first - start)) continue;
        first += (page - first % page) % page;
        end -= end % page;
        if (first < end) (void)madvise((void *)first, end - first, MADV_DONTNEED); /* advice only */
        break;
    }
    (void)pthread_mutex_unlock(&list_mutex);
}

bool as_map_check(const as_map *m, as_error *err)
{
    struct stat st;
    bool ok;
    if (stat(m->path, &st) != 0) {
        ok = fail_system(err, "look at the file");
    } else {
        as_map_stamp now = stamp_of(&st), then = m->stamp;
        bool same = now.device == then.device && now.inode == then.inode && now.size == then.size &&
                    now.mtime_s == then.mtime_s && now.mtime_ns == then.mtime_ns;
        ok = same ||
             as_fail(err, AS_ESTATE,
                     "changed while it was in use (found %llu bytes, expected the %llu bytes "
                     "that were opened, untouched)",
                     (unsigned long long)now.size, (unsigned long long)then.size);
    }
    if (!ok) as_error_at(err, "%s", m->name);
    return ok;
}

/* ---- SIGBUS ---- */

static void say(const char *text)
{
    size_t size = strlen(text);
    while (size > 0) {
        ssize_t n = write(STDERR_FILENO, text, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        text += n;
        size -= (size_t)n;
    }
}

static void on_bus_error(int number, siginfo_t *info, void *context)
{
    (void)context;
    uintptr_t at = (uintptr_t)info->si_addr;
    for (as_map *m = atomic_load(&list_first); m; m = atomic_load(&m->next)) {
        uintptr_t start = (uintptr_t)m->bytes;
        if (at < start || at - start >= m->size) continue;
        say("assay: ");
        say(m->name);
        say(": shrank while it was in use\n");
        _exit(1);
    }
    (void)signal(number, SIG_DFL);
    (void)raise(number); /* waits until this handler has returned */
}

bool as_map_guard(as_error *err)
{
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
    (void)sigemptyset(&action.sa_mask);
    return sigaction(SIGBUS, &action, NULL) == 0 || fail_system(err, "handle SIGBUS");
}
