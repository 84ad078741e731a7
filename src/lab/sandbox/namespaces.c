/* Tier "namespaces": a process in namespaces of its own (files, processes, network, IPC, host name,
 * control groups; for a plain user also users) builds a root that holds the interpreter's folders,
 * read-only, three devices and an empty scratch of limited size, and forgets the old one. There is
 * no /proc. Everything here runs in the new process and uses system calls only. */
#define _GNU_SOURCE /* unshare, namespaces */
#include "lab/sandbox/sandbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/mount.h>

#define BASE "/tmp" /* any folder: the new root is mounted over it */

static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/urandom"};
enum {
    N_DEVICES = sizeof devices / sizeof devices[0],
    SOURCES = AS_PYTHON_FOLDERS + 2 + N_DEVICES
};

/* What the new root shows: the same path as outside, or another. */
typedef struct {
    const char *from, *to;
    bool is_device;
    int fd;
} view;

int as_namespaces_flags(const as_box *box)
{
    if (box->tier != AS_TIER_NAMESPACES || (box->weak & AS_WEAK_NAMESPACES)) return 0;
    return CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
           (box->is_root ? 0 : CLONE_NEWUSER);
}

static bool put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n = write(fd, text, strlen(text));
    int why = errno;
    close(fd);
    errno = why;
    return n == (ssize_t)strlen(text);
}

/* One user, one group; the process has every right over the new namespaces until it executes. */
static bool map_user(uid_t uid, gid_t gid)
{
    char line[64];
    /* A process that gave root up may not open its own map; this one is about to be replaced. */
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) return false;
    snprintf(line, sizeof line, "%d %u 1", AS_CELL_UID, (unsigned)uid);
    if (!put("/proc/self/uid_map", line) || !put("/proc/self/setgroups", "deny")) return false;
    snprintf(line, sizeof line, "%d %u 1", AS_CELL_UID, (unsigned)gid);
    return put("/proc/self/gid_map", line);
}

static bool attributes(const char *path, uint64_t set, unsigned flags)
{
    struct mount_attr attr = {.attr_set = set};
    return syscall(SYS_mount_setattr, AT_FDCWD, path, flags, &attr, sizeof attr) == 0;
}

/* mkdir -p of what stands before the last slash of a relative path. */
static bool make_parents(const char *path)
{
    char part[1024];
    size_t n = strlen(path);
    if (n >= sizeof part) return (errno = ENAMETOOLONG, false);
    for (size_t i = 1; i < n; i++) {
        if (path[i] != '/') continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST) return false;
    }
    return true;
}

/* Binds one view below the current folder, which is the new root. */
static bool show(const view *v)
{
    char from[40];
    struct stat st;
    const char *to = v->to + 1;
    if (fstat(v->fd, &st) != 0 || !make_parents(to)) return false;
    if (S_ISDIR(st.st_mode)) {
        if (mkdir(to, 0755) != 0) return false;
    } else {
        int fd = open(to, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
        if (fd < 0) return false;
        close(fd);
    }
    snprintf(from, sizeof from, "/proc/self/fd/%d", v->fd);
    if (mount(from, to, NULL, MS_BIND | MS_REC, NULL) != 0) return false;
    uint64_t set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
                   (v->is_device ? MOUNT_ATTR_NOEXEC : MOUNT_ATTR_NODEV);
    return attributes(to, set, AT_RECURSIVE);
}

static size_t list_views(const as_box *box, view *out)
{
    size_t n = 0;
    const as_python *p = &box->python;
    for (size_t i = 0; i < p->n_folders; i++)
        out[n++] = (view){.from = p->folder[i], .to = p->folder[i]};
    out[n++] = (view){.from = p->exec, .to = p->exec};
    if (p->loader) out[n++] = (view){.from = p->loader_real, .to = p->loader};
    for (size_t i = 0; i < N_DEVICES; i++)
        out[n++] = (view){.from = devices[i], .to = devices[i], .is_device = true};
    return n;
}

/* Is a file within one of the folders already shown? */
static bool is_shown(const as_python *p, const char *path)
{
    for (size_t i = 0; i < p->n_folders; i++) {
        size_t n = strlen(p->folder[i]);
        if (strncmp(path, p->folder[i], n) == 0 && path[n] == '/') return true;
    }
    return false;
}

static const char *build_root(const as_box *box, uid_t uid)
{
    char options[128];
    view views[SOURCES];
    size_t n = list_views(box, views);
    if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) != 0) return "mounts made private";
    for (size_t i = 0; i < n; i++) {
        views[i].fd = open(views[i].from, O_PATH | O_CLOEXEC);
        if (views[i].fd < 0) return views[i].from;
    }
    if (mount("tmpfs", BASE, "tmpfs", MS_NOSUID | MS_NODEV, "size=256k,nr_inodes=256,mode=0755") !=
        0)
        return "a root in memory";
    if (chdir(BASE) != 0) return "the new root";
    for (size_t i = 0; i < n; i++) {
        if (!views[i].is_device && i >= box->python.n_folders &&
            is_shown(&box->python, views[i].to))
            continue;
        if (!show(&views[i])) return views[i].to;
    }
    if (mkdir(&AS_CELL_SCRATCH[1], 0755) != 0) return "the scratch folder";
    snprintf(options, sizeof options, "size=%llu,nr_inodes=%u,mode=0700,uid=%u,gid=%u",
             (unsigned long long)box->limits.scratch, box->limits.inodes, (unsigned)uid,
             (unsigned)uid);
    if (mount("tmpfs", &AS_CELL_SCRATCH[1], "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) !=
        0)
        return "the scratch";
    return NULL;
}

const char *as_namespaces_enter(const as_box *box, uid_t uid)
{
    if (!box->is_root) {
        if (!map_user(geteuid(), getegid())) return "the map of users";
        uid = AS_CELL_UID;
    }
    if (unshare(CLONE_NEWCGROUP) != 0) return "a control group namespace";
    if (sethostname("sandbox", strlen("sandbox")) != 0) return "the host name";
    if (box->weak & AS_WEAK_FILES) return NULL;
    umask(022);
    const char *failed = build_root(box, uid);
    if (failed) return failed;
    /* The old root stands on top of the new one for a moment; then it is gone for good. */
    if (syscall(SYS_pivot_root, ".", ".") != 0) return "the change of root";
    if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) return "the old root let go";
    if (!attributes("/", MOUNT_ATTR_RDONLY, 0)) return "a root that is read-only";
    return NULL;
}
