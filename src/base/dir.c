/* Directories as a whole: their names, their removal, the room on their disk. */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"

static void at_path(as_error *err, const char *path)
{
    char escaped[AS_ESCAPE_SIZE];
    as_error_at(err, "%s", as_escape(path, strlen(path), escaped));
}

bool as_dir_each(const char *path, as_dir_take *take, void *context, as_error *err)
{
    bool ok = true;
    DIR *d = opendir(path);
    if (!d && errno == ENOENT) return true;
    if (!d) {
        (void)as_fail_system(err, "open the directory");
        at_path(err, path);
        return false;
    }
    while (ok) {
        errno = 0;
        const struct dirent *e = readdir(d);
        if (!e && errno != 0) {
            ok = as_fail_system(err, "read the directory");
            at_path(err, path);
        }
        if (!e) break;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        ok = take(context, e->d_name, err);
    }
    (void)closedir(d);
    return ok;
}

static bool remove_one(void *context, const char *name, as_error *err)
{
    as_buf path = {0};
    as_buf_printf(&path, "%s/%s", (const char *)context, name);
    bool ok = as_buf_ok(&path, err);
    if (ok && unlink(path.data) != 0 && errno != ENOENT) {
        ok = as_fail_system(err, "remove");
        at_path(err, path.data);
    }
    as_buf_clear(&path);
    return ok;
}

bool as_dir_remove(const char *path, as_error *err)
{
    struct stat st;
    if (lstat(path, &st) == 0 && !S_ISDIR(st.st_mode)) { /* a link is not followed */
        (void)as_fail(err, AS_EIO, "cannot remove (found no directory)");
        at_path(err, path);
        return false;
    }
    if (!as_dir_each(path, remove_one, (void *)path, err)) return false;
    if (rmdir(path) == 0 || errno == ENOENT) return true;
    (void)as_fail_system(err, "remove");
    at_path(err, path);
    return false;
}

bool as_disk_room(const char *path, uint64_t *bytes, as_error *err)
{
    struct statvfs st;
    int failed;
    do {
        failed = statvfs(path, &st);
    } while (failed != 0 && errno == EINTR);
    if (failed != 0) {
        (void)as_fail_system(err, "look at the disk");
        at_path(err, path);
        return false;
    }
    const uint64_t unit = st.f_frsize, n = st.f_bavail;
    *bytes = unit > 0 && n > UINT64_MAX / unit ? UINT64_MAX : unit * n;
    return true;
}
