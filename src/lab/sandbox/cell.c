/* Starts one confined interpreter. The new process is a copy of the supervisor and turns into
 * Python step by step: control group, session, namespaces or folder, user, Landlock, seccomp,
 * limits, execution. A step that fails ends it, and its name and reason go back; none is optional.
 */
#define _GNU_SOURCE /* clone flags, close_range, setgroups */
#include "lab/sandbox/sandbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/confine.h"

enum { STEP_MAX = 200, START_MS = 20000, HIGH = 200 /* above every descriptor of a cell */ };

static const char *limit(int what, uint64_t value, const char *name)
{
    struct rlimit r = {.rlim_cur = (rlim_t)value, .rlim_max = (rlim_t)value};
    return setrlimit(what, &r) == 0 ? NULL : name;
}

static const char *set_limits(const as_box *box)
{
    const as_sandbox_limits *l = &box->limits;
    const struct {
        int what;
        uint64_t value;
        const char *name;
        unsigned weak;
    } all[] = {{RLIMIT_CPU, l->cpu_s, "limit of processor time", AS_WEAK_LIMITS},
               {RLIMIT_NPROC, l->processes, "limit of processes", AS_WEAK_PROCESSES},
               {RLIMIT_NOFILE, l->descriptors, "limit of descriptors", AS_WEAK_LIMITS},
               {RLIMIT_FSIZE, l->file, "limit of file size", AS_WEAK_LIMITS},
               {RLIMIT_CORE, 0, "limit of core files", AS_WEAK_LIMITS},
               {RLIMIT_MEMLOCK, 0, "limit of locked memory", AS_WEAK_LIMITS},
               {RLIMIT_MSGQUEUE, 0, "limit of message queues", AS_WEAK_LIMITS},
               {RLIMIT_AS, l->memory, "limit of memory", AS_WEAK_MEMORY}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (box->weak & all[i].weak) continue;
        const char *failed = limit(all[i].what, all[i].value, all[i].name);
        if (failed) return failed;
    }
    return NULL;
}

/* The descriptors of the plan become 0, 1, ...; the way back becomes the next, closed by execution;
 * nothing else stays open. */
static bool place_descriptors(const as_box *box, const as_cell_plan *plan, int *back)
{
    int at[AS_CELL_FDS + 1] = {0}, n = plan->n_fd;
    for (int i = 0; i <= n; i++) {
        at[i] = fcntl(i < n ? plan->fd[i] : *back, F_DUPFD_CLOEXEC, HIGH);
        if (at[i] < 0) return false;
    }
    *back = at[n];
    for (int i = 0; i <= n; i++) {
        if (dup3(at[i], i, i < n ? 0 : O_CLOEXEC) < 0) return false;
    }
    if (box->weak & AS_WEAK_DESCRIPTORS) return dup2(0, n + 1) >= 0;
    *back = n;
    return syscall(SYS_close_range, (unsigned)n + 1, ~0U, 0) == 0;
}

static const char *become_user(const as_box *box, uid_t uid)
{
    if (box->is_root && !(box->weak & AS_WEAK_USER)) {
        if (setgroups(0, NULL) != 0) return "groups dropped";
        if (setresgid(uid, uid, uid) != 0) return "a group of its own";
        if (setresuid(uid, uid, uid) != 0) return "a user of its own";
    }
    /* Ends with its supervisor. After the change of user, which clears it. */
    return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 ? NULL : "end with the supervisor";
}

static const char *confine(const as_box *box, const char *scratch)
{
    as_error err = {0};
    const char *read[AS_PYTHON_FOLDERS + 4], *write[3];
    size_t n = 0;
    if (box->weak & (AS_WEAK_LANDLOCK | AS_WEAK_FILES)) return NULL;
    for (; n < box->python.n_folders; n++) read[n] = box->python.folder[n];
    read[n++] = box->python.exec;
    if (box->python.loader) read[n++] = box->python.loader;
    read[n++] = "/dev/urandom";
    read[n++] = "/dev/zero";
    write[0] = scratch;
    write[1] = "/dev/null";
    errno = EACCES;
    if (!as_confine(read, n, write, 2, &err)) return "Landlock";
    return as_confine_alone(&err) ? NULL : "Landlock, network and signals";
}

/* The limits come last: what stands before may need more memory than the interpreter gets. */
static const char *execute(const as_box *box, const char *program, const char *scratch)
{
    char home[128], temporary[128];
    snprintf(home, sizeof home, "HOME=%s", scratch);
    snprintf(temporary, sizeof temporary, "TMPDIR=%s", scratch);
    const char *env[] = {"PYTHONHASHSEED=0",
                         "PYTHONUTF8=1",
                         home,
                         temporary,
                         box->weak & AS_WEAK_ENVIRONMENT ? "CANARY=1" : NULL,
                         NULL};
    const char *argv[] = {box->python.exec, "-sSB", "-c", program, NULL};
    const char *failed = set_limits(box);
    if (failed) return failed;
    execve(box->python.exec, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
    return "the interpreter";
}

/* All steps; comes back only when one failed. */
static const char *turn(const as_box *box, const as_cell_plan *plan, int *back)
{
    const char *failed = NULL, *scratch = plan->scratch;
    bool has_root = box->tier == AS_TIER_NAMESPACES && !(box->weak & AS_WEAK_NAMESPACES);
    if (!(box->weak & (AS_WEAK_MEMORY | AS_WEAK_PROCESSES)) && !as_group_join(plan->group))
        return "the control group";
    if (!place_descriptors(box, plan, back)) return "descriptors";
    if (setsid() < 0) return "a session of its own";
    if (has_root) failed = as_namespaces_enter(box, plan->uid);
    if (box->tier == AS_TIER_NAMESPACES)
        scratch = box->weak & (AS_WEAK_FILES | AS_WEAK_NAMESPACES) ? "/tmp" : AS_CELL_SCRATCH;
    if (!failed && chdir(scratch) != 0) failed = "the scratch folder";
    umask(077);
    if (!failed) failed = become_user(box, plan->uid);
    if (!failed) failed = confine(box, scratch);
    if (!failed && !(box->weak & AS_WEAK_SECCOMP))
        failed = as_filter_enter(box->filter, box->filter_size);
    return failed ? failed : execute(box, plan->program, scratch);
}

AS_NORETURN static void become(const as_box *box, const as_cell_plan *plan, int back)
{
    char text[STEP_MAX];
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    const char *failed = turn(box, plan, &back);
    int n = snprintf(text, sizeof text, "%s: %s", failed, strerror(errno));
    (void)!write(back, text, (size_t)(n < STEP_MAX ? n : STEP_MAX - 1));
    _exit(127);
}

bool as_cell_start(as_cell *c, const as_box *box, const as_cell_plan *plan, as_error *err)
{
    int ends[2];
    *c = (as_cell){.status = -1};
    if (pipe2(ends, O_CLOEXEC) != 0) return as_fail(err, AS_ESANDBOX, "no pipe");
    long pid = syscall(SYS_clone, (unsigned long)(as_namespaces_flags(box) | SIGCHLD), NULL, NULL,
                       NULL, 0UL);
    if (pid == 0) become(box, plan, ends[1]);
    int why = errno;
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return as_fail(err, AS_ESANDBOX, "%s: %s",
                       as_namespaces_flags(box) ? "new namespaces" : "new process", strerror(why));
    }
    c->pid = (pid_t)pid;
    c->status = ends[0];
    return true;
}

bool as_cell_started(as_cell *c, as_error *err)
{
    char text[STEP_MAX];
    struct pollfd p = {.fd = c->status, .events = POLLIN};
    ssize_t n = -1;
    int ready;
    do ready = poll(&p, 1, START_MS);
    while (ready < 0 && errno == EINTR);
    if (ready > 0) n = read(c->status, text, sizeof text - 1);
    close(c->status);
    c->status = -1;
    if (n == 0) return true;
    text[n > 0 ? n : 0] = '\0';
    return as_fail(err, AS_ESANDBOX, "%s", n > 0 ? text : "no word from the new process");
}

void as_user_kill(uid_t uid)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (setresuid(uid, uid, uid) == 0) kill(-1, SIGKILL);
        _exit(0);
    }
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
}
