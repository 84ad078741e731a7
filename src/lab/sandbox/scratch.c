/* The scratch folder of a cell that has no file system of its own. What an untrusted program left
 * in it is walked by descriptors and never through a link; depth costs no more than breadth,
 * because folders are moved up before they are removed. */
#define _GNU_SOURCE /* O_PATH */
#include "lab/sandbox/sandbox_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, DEPTH_MAX = 64 };

bool as_scratch_make(const char *path, uid_t uid, as_error *err)
{
    if (mkdir(path, 0700) != 0 || chown(path, uid, uid) != 0)
        return as_fail(err, AS_ESANDBOX, "the scratch folder: %s", strerror(errno));
    return true;
}

static bool is_entry(const struct dirent *e)
{
    return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

/* Adds what is below fd (taken over); false once it is more than the limits, or too deep to tell.
 */
static bool count(int fd, const as_sandbox_limits *l, uint64_t *bytes, unsigned *inodes, int depth)
{
    DIR *d = fd >= 0 && depth < DEPTH_MAX ? fdopendir(fd) : NULL;
    if (!d) {
        if (fd >= 0) close(fd);
        return depth < DEPTH_MAX; /* one that vanished is no excess */
    }
    bool fits = true;
    for (struct dirent *e; fits && (e = readdir(d));) {
        struct stat st;
        if (!is_entry(e) || fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
        *bytes += (uint64_t)st.st_blocks * 512;
        fits = ++*inodes <= l->inodes && *bytes <= l->scratch;
        if (fits && S_ISDIR(st.st_mode))
            fits = count(openat(fd, e->d_name, FOLDER), l, bytes, inodes, depth + 1);
    }
    closedir(d);
    return fits;
}

bool as_scratch_fits(const char *path, const as_sandbox_limits *l)
{
    uint64_t bytes = 0;
    unsigned inodes = 0;
    return count(open(path, FOLDER), l, &bytes, &inodes, 0);
}

/* Moves the folders within top/name into top under new names and removes the rest. */
static bool flatten(int top, const char *name, unsigned long *serial)
{
    int fd = openat(top, name, FOLDER);
    if (fd < 0) return false;
    (void)fchmod(fd, 0700);
    DIR *d = fdopendir(fd);
    if (!d) return (close(fd), false);
    bool ok = true;
    for (struct dirent *e; ok && (e = readdir(d));) {
        char fresh[40];
        if (!is_entry(e) || unlinkat(fd, e->d_name, 0) == 0) continue;
        snprintf(fresh, sizeof fresh, ".%lx", ++*serial);
        while (faccessat(top, fresh, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            snprintf(fresh, sizeof fresh, ".%lx", ++*serial);
        ok = renameat(fd, e->d_name, top, fresh) == 0;
    }
    closedir(d);
    return ok && unlinkat(top, name, AT_REMOVEDIR) == 0;
}

bool as_scratch_empty(const char *path)
{
    unsigned long serial = 0;
    bool ok = true, again = true;
    while (ok && again) {
        int fd = open(path, FOLDER);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);
        if (!d) return (fd < 0 ? errno == ENOENT : (close(fd), false));
        again = false;
        for (struct dirent *e; ok && (e = readdir(d));) {
            if (!is_entry(e) || unlinkat(fd, e->d_name, 0) == 0) continue;
            again = true;
            ok = unlinkat(fd, e->d_name, AT_REMOVEDIR) == 0 || flatten(fd, e->d_name, &serial);
        }
        closedir(d);
    }
    return ok;
}
