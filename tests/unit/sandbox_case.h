/* What the tests of the sandbox share: opening a tier, running one program, and seeing that nothing
 * of it is left. */
#ifndef SANDBOX_CASE_H
#define SANDBOX_CASE_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/sandbox/sandbox_internal.h"

/* Small enough that what runs into a limit does it soon. */
static const as_sandbox_limits small = {.cpu_s = 1,
                                        .wall_s = 3,
                                        .memory = (uint64_t)256 << 20,
                                        .processes = 12,
                                        .scratch = 4 << 20,
                                        .file = 2 << 20,
                                        .inodes = 200};

static inline as_sandbox *open_tier(as_sandbox_tier tier, const as_sandbox_limits *limits)
{
    as_error err = {0};
    char text[1600];
    as_sandbox *s = as_sandbox_open(
        &(as_sandbox_options){.tier = tier, .limits = limits ? *limits : (as_sandbox_limits){0}},
        &err);
    if (!s) printf("%s: %s\n", as_sandbox_tier_name(tier), as_error_text(&err, text, sizeof text));
    return s;
}

/* f() of the program, held against the test. */
static inline as_run_result run_test(as_sandbox *s, const char *program, const char *test)
{
    as_error err = {0};
    as_run_result r;
    as_program p = {.program = program, .preamble = "", .entry_point = "f", .test = test};
    if (!as_sandbox_run(s, &p, &r, &err)) {
        r = (as_run_result){.outcome = AS_RUN_OUTCOMES};
        snprintf(r.why, sizeof r.why, "%.190s", err.what);
    }
    return r;
}

/* Processes below the supervisors of this process; -1 when the kernel does not tell. */
static inline int children_of(long pid, int depth)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", pid, pid);
    FILE *f = fopen(path, "r");
    if (!f) return -1;
    size_t size = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[size] = '\0';
    int n = 0;
    for (char *at = text, *end; (pid = strtol(at, &end, 10)) > 0; at = end)
        n += depth ? children_of(pid, depth - 1) : 1;
    return n;
}

static inline int leftovers(void)
{
    return children_of((long)getpid(), 1);
}

/* Names in folder that begin so. */
static inline int count_names(const char *folder, const char *begin)
{
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));)
        n += strncmp(e->d_name, begin, strlen(begin)) == 0;
    if (d) closedir(d);
    return n;
}

/* Folders for scratches of this program. */
static inline int count_places(void)
{
    char begin[40];
    snprintf(begin, sizeof begin, "assay-cells-%ld-", (long)getpid());
    return count_names("/tmp", begin);
}

/* Control groups of this program, beside the one that this call makes and removes. */
static inline int count_groups(void)
{
    as_group g;
    char begin[32];
    as_group_open(&g, &(as_sandbox_limits){.memory = 1 << 30, .processes = 32});
    char *slash = strrchr(g.folder[0], '/');
    snprintf(begin, sizeof begin, "assay-%ld-", (long)getpid());
    if (slash) *slash = '\0';
    int n = slash ? count_names(g.folder[0], begin) - 1 : 0;
    if (slash) *slash = '/';
    as_group_close(&g);
    return n;
}

/* The thread sanitizer's own thread does not survive the way in which cells are made; nothing here
 * shares memory between threads. */
#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif

#endif
