/* Control groups: the memory and the number of processes of a whole cell. Version 2 where its
 * controllers can be had, else version 1; often neither, as a plain user or in a container, and
 * then only the limits of each process hold. */
#include "lab/sandbox/sandbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static bool put(const char *folder, const char *name, const char *value)
{
    char path[320];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n = write(fd, value, strlen(value));
    close(fd);
    return n == (ssize_t)strlen(value);
}

static bool put_number(const char *folder, const char *name, uint64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return put(folder, name, text);
}

static size_t read_some(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, out, size - 1);
    if (fd >= 0) close(fd);
    out[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

/* The group this process is in, below its hierarchy: "/" when unknown. controller "" is version 2.
 */
static void own_path(const char *controller, char out[160])
{
    char text[4096];
    read_some("/proc/self/cgroup", text, sizeof text);
    snprintf(out, 160, "/");
    for (char *line = text, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next) *next++ = '\0';
        char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
        if (!path) continue;
        *path++ = '\0';
        if (strcmp(names + 1, controller) == 0 && strlen(path) < 150 && !strstr(path, ".."))
            snprintf(out, 160, "%s", path);
    }
}

/* Makes PARENT/assay-PID-K, the first K that is free. */
static bool make_folder(const char *parent, char *out, size_t size)
{
    for (int k = 0; k < 1000; k++) {
        int n = snprintf(out, size, "%s/assay-%ld-%d", parent, (long)getpid(), k);
        if (n < 0 || (size_t)n >= size) return false;
        if (mkdir(out, 0755) == 0) return true;
        if (errno != EEXIST) return false;
    }
    return false;
}

/* Makes a group below this process's own, or at the top of the hierarchy, with the limit set. */
static bool make(as_group *g, int which, const char *hierarchy, const char *controller,
                 const char *file, uint64_t limit)
{
    char own[160], parent[200];
    own_path(controller, own);
    for (int i = 0; i < 2; i++) {
        snprintf(parent, sizeof parent, "%s%s", hierarchy, i || own[1] == '\0' ? "" : own);
        if (!make_folder(parent, g->folder[which], sizeof g->folder[0])) continue;
        if (put_number(g->folder[which], file, limit)) return true;
        rmdir(g->folder[which]);
    }
    g->folder[which][0] = '\0';
    return false;
}

void as_group_open(as_group *g, const as_sandbox_limits *l)
{
    *g = (as_group){0};
    if (make(g, 0, "/sys/fs/cgroup", "", "memory.max", l->memory)) {
        put(g->folder[0], "memory.swap.max", "0");
        put_number(g->folder[0], "pids.max", l->processes);
        snprintf(g->events, sizeof g->events, "%s/memory.events", g->folder[0]);
        g->kind = "cgroup v2";
        return;
    }
    if (!make(g, 0, "/sys/fs/cgroup/memory", "memory", "memory.limit_in_bytes", l->memory)) return;
    put_number(g->folder[0], "memory.memsw.limit_in_bytes", l->memory);
    snprintf(g->events, sizeof g->events, "%s/memory.oom_control", g->folder[0]);
    g->kind = "cgroup v1";
    (void)make(g, 1, "/sys/fs/cgroup/pids", "pids", "pids.max", l->processes);
}

void as_group_close(as_group *g)
{
    for (int i = 0; i < 2; i++) {
        if (g->folder[i][0] == '\0') continue;
        /* The last process leaves its group a moment after it was waited for. */
        for (int k = 0; k < 200 && rmdir(g->folder[i]) != 0 && errno == EBUSY; k++)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    *g = (as_group){0};
}

bool as_group_join(const as_group *g)
{
    for (int i = 0; i < 2; i++) {
        if (g->folder[i][0] && !put(g->folder[i], "cgroup.procs", "0")) return false;
    }
    return true;
}

uint64_t as_group_kills(const as_group *g)
{
    char text[1024];
    if (!g->kind || read_some(g->events, text, sizeof text) == 0) return 0;
    const char *at = strstr(text, "oom_kill ");
    return at ? strtoull(at + strlen("oom_kill "), NULL, 10) : 0;
}
