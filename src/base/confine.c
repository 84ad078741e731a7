/* Landlock: a rule set of folders, then the process restricts itself for good. */
#define _GNU_SOURCE /* syscall, O_PATH */
#include "base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/landlock.h>

#define RIGHTS_READ                                                                                \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_WRITE                                                                               \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                               \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |   \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
#define TRUNCATE ((uint64_t)1 << 14) /* version 3; older headers lack its name */

/* What makes sense for a file that is not a folder. */
#define RIGHTS_FILE                                                                                \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |   \
     TRUNCATE)

/* The kernel's struct since version 6; older headers have its first field alone. */
struct rules {
    uint64_t files, net, scoped;
};
#define NET_TCP ((uint64_t)3)      /* bind, connect */
#define SCOPED_REACH ((uint64_t)3) /* abstract sockets, signals */

int as_confine_version(void)
{
    long v = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return v > 0 ? (int)v : 0;
}

static bool allow(int rules, const char *path, uint64_t rights, as_error *err)
{
    struct stat st;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return true;
    if (fd < 0) return as_fail(err, AS_ESTATE, "confinement: a path: %s", strerror(errno));
    if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode)) rights &= RIGHTS_FILE;
    struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
    long bad = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    int why = errno;
    close(fd);
    return bad == 0 || as_fail(err, AS_ESTATE, "confinement: a rule: %s", strerror(why));
}

bool as_confine(const char *const *read, size_t n_read, const char *const *write, size_t n_write,
                as_error *err)
{
    int version = as_confine_version();
    if (version == 0) return as_fail(err, AS_ESTATE, "confinement: this kernel has no Landlock");
    uint64_t all = RIGHTS_READ | RIGHTS_WRITE | (version >= 3 ? TRUNCATE : 0);
    struct landlock_ruleset_attr attr = {.handled_access_fs = all};
    int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (rules < 0) return as_fail(err, AS_ESTATE, "confinement: %s", strerror(errno));
    bool ok = true;
    for (size_t i = 0; ok && i < n_read; i++) ok = allow(rules, read[i], RIGHTS_READ, err);
    for (size_t i = 0; ok && i < n_write; i++) ok = allow(rules, write[i], all, err);
    if (ok && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
               syscall(SYS_landlock_restrict_self, rules, 0) != 0))
        ok = as_fail(err, AS_ESTATE, "confinement: %s", strerror(errno));
    close(rules);
    return ok;
}

bool as_confine_alone(as_error *err)
{
    int version = as_confine_version();
    if (version == 0) return as_fail(err, AS_ESTATE, "confinement: this kernel has no Landlock");
    if (version < 4) return true;
    struct rules attr = {.net = NET_TCP, .scoped = version >= 6 ? SCOPED_REACH : 0};
    size_t known = version >= 6 ? sizeof attr : offsetof(struct rules, scoped);
    int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, known, 0);
    if (rules < 0) return as_fail(err, AS_ESTATE, "confinement: %s", strerror(errno));
    bool ok = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
              syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    if (!ok) as_fail(err, AS_ESTATE, "confinement: %s", strerror(errno));
    close(rules);
    return ok;
}
