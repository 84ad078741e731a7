/* A process that saves, stopped at each of its system calls that touches files: killed there, or
 * told that the call failed. On x86-64, whose registers this reads. */
#include "checkpoint_case.h"

#if defined __x86_64__ && defined __linux__

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

enum { SIZE = 30000, MOST_THREADS = 8, MOST_CALLS = 1000 };

/* ---- the process that saves ---- */

/* Ends with 0: saved; 10 + class of the error otherwise. The second stop says: from here on. */
static void save_one(const char *folder, size_t step)
{
    as_error err = {0};
    values v = values_new(SIZE);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(1);
    (void)raise(SIGSTOP);
    as_saver *s = as_saver_new(folder, 2, &err);
    if (!s) _exit(2);
    (void)raise(SIGSTOP);
    const bool ok = save(s, &v, step, &err);
    if (!ok && !err.what[0]) _exit(3);
    _exit(ok ? 0 : 10 + (int)err.class_);
}

/* ---- the one that watches ---- */

/* k-th call from the second stop on; what happens there. */
typedef struct {
    size_t k;
    int fail_with; /* 0: killed instead */
    bool after;    /* killed when the call is done, not before */
} plan;

typedef struct {
    pid_t pid; /* a thread */
    bool in_call, is_failing;
} tracee;

typedef struct {
    pid_t child;
    plan plan;
    tracee thread[MOST_THREADS];
    size_t n_threads, n_calls, n_stops;
    unsigned long long call[MOST_CALLS]; /* the first of n_calls, in order */
    int status;                          /* of the child, once it is gone */
    bool is_hit, is_gone;
} watch;

static bool touches_files(unsigned long long call)
{
    static const long calls[] = {SYS_open,      SYS_openat,    SYS_write, SYS_fsync, SYS_close,
                                 SYS_fdatasync, SYS_rename,    SYS_mkdir, SYS_rmdir, SYS_getdents64,
                                 SYS_unlink,    SYS_ftruncate, SYS_read,  SYS_statfs};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if ((unsigned long long)calls[i] == call) return true;
    return false;
}

static tracee *thread_of(watch *w, pid_t pid)
{
    for (size_t i = 0; i < w->n_threads; i++)
        if (w->thread[i].pid == pid) return &w->thread[i];
    if (w->n_threads == MOST_THREADS) exit(1);
    w->thread[w->n_threads] = (tracee){.pid = pid};
    return &w->thread[w->n_threads++];
}

/* A thread enters or leaves a system call. */
static void at_call(watch *w, tracee *t)
{
    struct user_regs_struct r;
    t->in_call = !t->in_call;
    if (w->n_stops < 2 || ptrace(PTRACE_GETREGS, t->pid, NULL, &r) != 0) return;
    if (t->is_failing) {
        r.rax = (unsigned long long)-w->plan.fail_with;
        t->is_failing = false;
        (void)ptrace(PTRACE_SETREGS, t->pid, NULL, &r);
        return;
    }
    if (!touches_files(r.orig_rax)) return;
    if (t->in_call && w->n_calls++ < MOST_CALLS) w->call[w->n_calls - 1] = r.orig_rax;
    if (w->n_calls != w->plan.k || w->is_hit) return;
    if (w->plan.fail_with == 0) {
        if (t->in_call == w->plan.after) return;
        w->is_hit = true;
        (void)kill(w->child, SIGKILL);
    } else if (t->in_call) {
        w->is_hit = t->is_failing = true;
        r.orig_rax = (unsigned long long)-1; /* no call of that number: nothing is done */
        (void)ptrace(PTRACE_SETREGS, t->pid, NULL, &r);
    }
}

/* One stop of one thread; returns the signal to hand on. */
static int at_stop(watch *w, pid_t pid, int status)
{
    const int signal = WSTOPSIG(status);
    tracee *t = thread_of(w, pid);
    if (signal == (SIGTRAP | 0x80)) {
        at_call(w, t);
        return 0;
    }
    if (signal == SIGTRAP) return 0; /* a thread was made */
    if (signal != SIGSTOP) return signal;
    if (pid != w->child) return 0; /* a new thread's first */
    w->n_stops++;
    if (w->n_stops == 1)
        (void)ptrace(PTRACE_SETOPTIONS, pid, NULL,
                     (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL));
    return 0;
}

/* Lets a process save `step` under the plan. False where processes may not be watched. */
static bool save_watched(watch *w, const char *folder, size_t step)
{
    w->child = fork();
    if (w->child == 0) save_one(folder, step);
    while (!w->is_gone) {
        int status;
        const pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0) return false;
        if (WIFSTOPPED(status)) {
            const long signal = at_stop(w, pid, status);
            (void)ptrace(PTRACE_SYSCALL, pid, NULL, (void *)signal);
        } else if (pid == w->child) {
            w->status = status;
            w->is_gone = true;
        }
    }
    return !(WIFEXITED(w->status) && WEXITSTATUS(w->status) == 1);
}

/* ---- tests ---- */

/* Step `found` and the one before, if there must be one, are whole. */
static void check_whole(const char *folder, size_t found)
{
    as_error err = {0};
    values v = values_new(SIZE);
    CHECK(reads(folder, &v, found, &err));
    CHECK(reads(folder, &v, found - 1, &err));
    if (check_bad) printf("step %zu: %s\n", found, err.what);
    values_free(&v);
}

static const char *begun(const char *name)
{
    const char *folder = place(name);
    as_error err = {0};
    values v = values_new(SIZE);
    as_saver *s = as_saver_new(folder, 2, &err);
    must(s && save(s, &v, 1, &err) && save(s, &v, 2, &err), &err);
    as_saver_free(s);
    values_free(&v);
    return folder;
}

/* Killed before and after each call while a third checkpoint is written and the first goes. */
static void killed_at_every_call(void)
{
    const char *folder = begun("killed");
    size_t last = 2, n_hits = 0;
    for (int after = 0; after < 2; after++) {
        bool is_hit = true;
        for (size_t k = 1; is_hit && !check_bad; k++) {
            watch w = {.plan = {.k = k, .after = after == 1}};
            CHECK(save_watched(&w, folder, last + 1));
            is_hit = w.is_hit;
            n_hits += is_hit;
            CHECK(is_hit ? WIFSIGNALED(w.status)
                         : WIFEXITED(w.status) && WEXITSTATUS(w.status) == 0);
            const size_t found = newest_quietly(folder);
            CHECK(found == last || found == last + 1);
            CHECK(is_hit || found == last + 1);
            check_whole(folder, found);
            if (check_bad) printf("killed %s call %zu\n", after ? "after" : "before", k);
            last = found;
        }
    }
    CHECK(n_hits > 60);
    CHECK(n_named(folder, ".tmp") == 0); /* the last was not killed */
}

/* For the day the power fails: nothing is renamed before what was written, made or renamed is
 * synced, and nothing removed while a rename is not. */
static void synced_in_order(void)
{
    watch w = {0};
    bool is_written = false, is_named = false; /* since the last sync */
    size_t n_renames = 0, n_removed = 0;
    CHECK(save_watched(&w, begun("order"), 3));
    CHECK(w.n_calls > 30 && w.n_calls <= MOST_CALLS);
    for (size_t i = 0; i < w.n_calls && i < MOST_CALLS; i++) {
        const unsigned long long call = w.call[i];
        if (call == SYS_rename) {
            CHECK(!is_written && !is_named);
            n_renames++;
        }
        if (call == SYS_unlink) {
            CHECK(!is_named);
            n_removed++;
        }
        is_written = (is_written || call == SYS_write) && call != SYS_fsync;
        is_named = (is_named || call == SYS_rename || call == SYS_mkdir) && call != SYS_fsync;
    }
    CHECK(n_renames == 5 && n_removed == 3 && !is_named); /* three files, the folder, the old one */
}

/* Each call refused: said, nothing lost, and what was not finished is gone. */
static void refused_at_every_call(int number)
{
    const char *folder = begun(number == EIO ? "EIO" : number == ENOSPC ? "ENOSPC" : "EINTR");
    size_t last = 2, n_hits = 0, n_failed = 0;
    bool is_hit = true;
    for (size_t k = 1; is_hit && !check_bad; k++) {
        watch w = {.plan = {.k = k, .fail_with = number}};
        CHECK(save_watched(&w, folder, last + 1));
        is_hit = w.is_hit;
        n_hits += is_hit;
        const int code = WIFEXITED(w.status) ? WEXITSTATUS(w.status) : -1;
        CHECK(code == 0 || (is_hit && code == 10 + (int)AS_EIO));
        n_failed += code != 0;
        const size_t found = newest_quietly(folder);
        CHECK(found == last || found == last + 1);
        CHECK(code != 0 || found == last + 1);
        CHECK(found == last + 1 || n_named(folder, ".tmp") == 0);
        check_whole(folder, found);
        if (check_bad) printf("call %zu: status %d\n", k, code);
        last = found;
    }
    CHECK(n_hits > 30);
    CHECK(number == EINTR ? n_failed < n_hits / 2 : n_failed > n_hits / 2);
}

static void refused_with_eio(void)
{
    refused_at_every_call(EIO);
}

static void refused_with_enospc(void)
{
    refused_at_every_call(ENOSPC);
}

/* Of these, opening, reading and writing are tried again. */
static void interrupted(void)
{
    refused_at_every_call(EINTR);
}

static bool may_watch(void)
{
    watch w = {0};
    begun("probe");
    return save_watched(&w, place("probe"), 3) && w.n_calls > 0;
}

int main(void)
{
    if (!mkdtemp(root)) {
        perror(root);
        return 1;
    }
    if (may_watch()) {
        RUN(killed_at_every_call);
        RUN(synced_in_order);
        RUN(refused_with_eio);
        RUN(refused_with_enospc);
        RUN(interrupted);
    } else {
        SKIP(killed_at_every_call, "processes may not be watched here");
        SKIP(synced_in_order, "processes may not be watched here");
        SKIP(refused_with_eio, "processes may not be watched here");
        SKIP(refused_with_enospc, "processes may not be watched here");
        SKIP(interrupted, "processes may not be watched here");
    }
    remove_all(root);
    return check_end();
}

#else

int main(void)
{
    SKIP(crash_points, "written for x86-64 Linux");
    return check_end();
}

#endif
