/* A supervisor: one process, one program at a time. It starts the worker and the driver, reads with
 * deadlines and never "until the end of file" of something a candidate holds, takes the driver's
 * verdict, kills whatever is left, and makes sure that nothing is. It ends with its control socket.
 */
#define _GNU_SOURCE /* pipe2, memfd_create */
#include "lab/sandbox/sandbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { VERDICT_MAX = 256, TICK_MS = 100, END_MS = 50, REAP_MS = 10000 };
typedef struct {
    const as_box *box;
    as_place *place;
    int control, null;
    uid_t uid[AS_CELLS];
} slot;

/* What a run has open: ends in pairs, read then write. */
enum { REQUEST, REPLY = 2, VERDICT = 4, PRINTED = 6, COMPLAINT = 8, JOB = 10, N_FDS };

typedef struct {
    int fd[N_FDS];
    as_cell cell[AS_CELLS];
    int status[AS_CELLS]; /* as waitpid gives it */
    double cpu_s[AS_CELLS];
    uint64_t kills[AS_CELLS]; /* of the group, before */
    double start, deadline;
    unsigned char verdict[VERDICT_MAX];
    size_t verdict_size;
    char complaint[160]; /* the driver's last words */
    size_t complaint_size;
    uint64_t printed;
    enum { BY_VERDICT, BY_DEADLINE, BY_SCRATCH, BY_CALLER, BY_START } end;
} run;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static void close_one(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static bool open_channels(run *r, as_error *err)
{
    for (int i = 0; i < JOB; i += 2) {
        if (pipe2(&r->fd[i], O_CLOEXEC) != 0)
            return as_fail(err, AS_ESANDBOX, "a pipe: %s", strerror(errno));
    }
    /* The supervisor's own ends never block. */
    const int own[] = {VERDICT, PRINTED, COMPLAINT};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        fcntl(r->fd[own[i]], F_SETFL, O_NONBLOCK);
    return true;
}

static bool start_cells(slot *s, run *r, as_error *err)
{
    const as_box *box = s->box;
    as_cell_plan worker = {
        .program = box->worker,
        .fd = {s->null, r->fd[PRINTED + 1], r->fd[PRINTED + 1], r->fd[REQUEST], r->fd[REPLY + 1]},
        .n_fd = 5};
    as_cell_plan driver = {.program = box->driver,
                           .fd = {s->null, r->fd[COMPLAINT + 1], r->fd[COMPLAINT + 1], r->fd[JOB],
                                  r->fd[VERDICT + 1], r->fd[REQUEST + 1], r->fd[REPLY]},
                           .n_fd = 7};
    as_cell_plan *plans[AS_CELLS] = {&worker, &driver};
    for (int i = 0; i < AS_CELLS; i++) {
        plans[i]->uid = s->uid[i];
        plans[i]->group = &s->place->group[i];
        plans[i]->scratch = s->place->scratch[i];
        r->kills[i] = as_group_kills(&s->place->group[i]);
        if (s->place->base[0] && !as_scratch_make(s->place->scratch[i], s->uid[i], err))
            return false;
    }
    for (int i = 0; i < AS_CELLS; i++) {
        if (!as_cell_start(&r->cell[i], box, plans[i], err)) return false;
    }
    const int theirs[] = {REQUEST,     REQUEST + 1, REPLY,         REPLY + 1,
                          VERDICT + 1, PRINTED + 1, COMPLAINT + 1, JOB};
    for (size_t i = 0; i < sizeof theirs / sizeof theirs[0]; i++) close_one(&r->fd[theirs[i]]);
    bool ok = as_cell_started(&r->cell[AS_DRIVER], err);
    return as_cell_started(&r->cell[AS_WORKER], err) && ok;
}

/* What is there to read is read and dropped, but for the first bytes. At the end it is closed. */
static void drain(int *fd, char *keep, size_t keep_max, size_t *kept, uint64_t *total)
{
    char piece[65536];
    ssize_t n = read(*fd, piece, sizeof piece);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) close_one(fd);
    if (n <= 0) return;
    if (total) *total += (uint64_t)n;
    size_t take = keep_max - *kept < (size_t)n ? keep_max - *kept : (size_t)n;
    if (take) memcpy(keep + *kept, piece, take);
    *kept += take;
}

/* Reads until the driver closes its verdict or something else ends the run. */
static void watch(slot *s, run *r)
{
    double next_look = now() + TICK_MS / 1e3;
    size_t none = 0;
    while (r->fd[VERDICT] >= 0) {
        double t = now();
        if (t >= r->deadline) r->end = BY_DEADLINE;
        if (s->place->base[0] && t >= next_look) {
            next_look = t + TICK_MS / 1e3;
            for (int i = 0; i < AS_CELLS; i++) {
                if (!as_scratch_fits(s->place->scratch[i], &s->box->limits)) r->end = BY_SCRATCH;
            }
        }
        if (r->end != BY_VERDICT) return;
        struct pollfd p[] = {{.fd = s->control, .events = POLLIN},
                             {.fd = r->fd[VERDICT], .events = POLLIN},
                             {.fd = r->fd[PRINTED], .events = POLLIN},
                             {.fd = r->fd[COMPLAINT], .events = POLLIN}};
        double left = (r->deadline - t) * 1e3;
        (void)poll(p, 4, left < TICK_MS ? (int)left + 1 : TICK_MS);
        if (p[0].revents) {
            r->end = BY_CALLER;
            return;
        }
        if (p[2].revents) drain(&r->fd[PRINTED], NULL, 0, &none, &r->printed);
        if (p[3].revents)
            drain(&r->fd[COMPLAINT], r->complaint, sizeof r->complaint - 1, &r->complaint_size,
                  NULL);
        if (p[1].revents)
            drain(&r->fd[VERDICT], (char *)r->verdict, sizeof r->verdict, &r->verdict_size, NULL);
    }
}

/* Remembers how a cell ended; true when pid is one. */
static void note_end(run *r, pid_t pid, int status, const struct rusage *use)
{
    for (int i = 0; i < AS_CELLS; i++) {
        if (r->cell[i].pid != pid) continue;
        r->cell[i].pid = 0;
        r->status[i] = status;
        r->cpu_s[i] = (double)(use->ru_utime.tv_sec + use->ru_stime.tv_sec) +
                      1e-6 * (double)(use->ru_utime.tv_usec + use->ru_stime.tv_usec);
    }
}

/* Waits for one end, at most until t. False: there is no child left, or none ended in time. */
static bool reap(run *r, double t, bool *is_empty)
{
    for (;;) {
        int status;
        struct rusage use;
        pid_t pid = wait4(-1, &status, WNOHANG, &use);
        *is_empty = pid < 0 && errno == ECHILD;
        if (pid > 0) note_end(r, pid, status, &use);
        if (pid > 0) return true;
        if (*is_empty || now() >= t) return false;
        sleep_ms(1);
    }
}

/* Ends everything that the run started. False when something stays: this slot is then no good. */
static bool clean_up(slot *s, run *r)
{
    bool is_empty = false;
    double t = now() + REAP_MS / 1e3;
    for (int i = 0; i < AS_CELLS; i++) {
        if (r->cell[i].pid) kill(r->cell[i].pid, SIGKILL);
        close_one(&r->cell[i].status);
    }
    for (int i = 0; i < AS_CELLS && s->place->base[0]; i++) as_user_kill(s->uid[i]);
    while (reap(r, t, &is_empty)) continue;
    for (int i = 0; i < N_FDS; i++) close_one(&r->fd[i]);
    bool ok = is_empty;
    for (int i = 0; i < AS_CELLS && s->place->base[0]; i++) {
        ok = as_scratch_empty(s->place->scratch[i]) && ok;
        if (rmdir(s->place->scratch[i]) != 0 && errno != ENOENT) ok = false;
    }
    return ok;
}

static void set(as_run_result *out, as_run_outcome outcome, const char *why, size_t size)
{
    char shown[AS_ESCAPE_SIZE];
    out->outcome = outcome;
    as_escape(why, size, shown);
    size_t n = strlen(shown);
    if (n >= sizeof out->why) n = sizeof out->why - 1;
    memcpy(out->why, shown, n);
    out->why[n] = '\0';
}

static void set_text(as_run_result *out, as_run_outcome outcome, const char *why)
{
    set(out, outcome, why, strlen(why));
}

/* Why a cell ended by itself, where the kernel had a part in it. */
static bool set_by_kernel(const slot *s, const run *r, int i, as_run_result *out)
{
    if (as_group_kills(&s->place->group[i]) > r->kills[i]) {
        set_text(out, AS_RUN_MEMORY, "killed for want of memory");
        return true;
    }
    if (!WIFSIGNALED(r->status[i])) return false;
    int signal_ = WTERMSIG(r->status[i]);
    if (signal_ == SIGSYS) {
        set_text(out, AS_RUN_KILLED, "a system call that nothing honest needs");
        return true;
    }
    /* The limit counts clock ticks, which may come to more than the time used. */
    if (signal_ == SIGXCPU || (signal_ == SIGKILL && r->cpu_s[i] >= s->box->limits.cpu_s / 2.0)) {
        set_text(out, AS_RUN_TIMEOUT, "processor time used up");
        return true;
    }
    return false;
}

static void set_worker_end(const slot *s, const run *r, as_run_result *out)
{
    char why[80];
    if (set_by_kernel(s, r, AS_WORKER, out)) return;
    if (WIFEXITED(r->status[AS_WORKER]))
        snprintf(why, sizeof why, "the candidate ended (status %d)",
                 WEXITSTATUS(r->status[AS_WORKER]));
    else
        snprintf(why, sizeof why, "the candidate ended (signal %d)",
                 WTERMSIG(r->status[AS_WORKER]));
    set_text(out, AS_RUN_ERROR, why);
}

/* The letter of the verdict, which counts only when it is whole: a size and as many bytes, then the
 * end. '\0': none. */
static char verdict_of(const run *r, const char **why, size_t *size)
{
    const unsigned char *v = r->verdict;
    if (r->end != BY_VERDICT || r->verdict_size < 5 || v[0] || v[1] || v[2]) return '\0';
    if (r->verdict_size != 4 + (size_t)v[3]) return '\0';
    *why = (const char *)v + 5;
    *size = r->verdict_size - 5;
    return (char)v[4];
}

static void conclude(const slot *s, const run *r, as_run_result *out)
{
    static const char letters[] = "PWEMON";
    static const as_run_outcome outcomes[] = {AS_RUN_PASS,   AS_RUN_WRONG,  AS_RUN_ERROR,
                                              AS_RUN_MEMORY, AS_RUN_OUTPUT, AS_RUN_NOT_RUN};
    const char *why = "";
    size_t size = 0;
    char verdict = verdict_of(r, &why, &size);
    const char *letter = verdict ? strchr(letters, verdict) : NULL;
    if (r->end == BY_CALLER) {
        set_text(out, AS_RUN_NOT_RUN, "interrupted");
    } else if (r->end == BY_DEADLINE) {
        set_text(out, AS_RUN_TIMEOUT, "wall time used up");
    } else if (r->end == BY_SCRATCH) {
        set_text(out, AS_RUN_OUTPUT, "more in the scratch folder than it takes");
    } else if (verdict == 'G') {
        set_worker_end(s, r, out);
    } else if (letter) {
        set(out, outcomes[letter - letters], why, size);
    } else if (!set_by_kernel(s, r, AS_DRIVER, out)) {
        char text[200];
        snprintf(text, sizeof text, "the driver ended without a verdict: %s", r->complaint);
        set_text(out, AS_RUN_NOT_RUN, text);
    }
}

/* The driver says that the candidate ended: its own end, which tells why, is about to come. */
static void await_worker(run *r)
{
    const char *why;
    size_t size;
    bool is_empty = false;
    double t = now() + END_MS / 1e3;
    while (verdict_of(r, &why, &size) == 'G' && r->cell[AS_WORKER].pid && reap(r, t, &is_empty))
        continue;
}

/* Takes the job, a file. */
static bool run_job(slot *s, int job, as_run_result *out)
{
    as_error err = {0};
    run r = {.start = now(), .cell = {{.status = -1}, {.status = -1}}};
    for (int i = 0; i < N_FDS; i++) r.fd[i] = -1;
    r.fd[JOB] = job;
    r.deadline = r.start + s->box->limits.wall_s;
    *out = (as_run_result){.outcome = AS_RUN_NOT_RUN};
    bool started = open_channels(&r, &err) && start_cells(s, &r, &err);
    if (started) watch(s, &r);
    out->seconds = now() - r.start;
    if (started) await_worker(&r);
    bool is_clean = clean_up(s, &r);
    out->printed = r.printed;
    if (started) conclude(s, &r, out);
    if (!started) set_text(out, AS_RUN_NOT_RUN, err.what);
    return is_clean;
}

/* Exactly size bytes; false at the end of file. */
static bool receive(int fd, void *out, size_t size)
{
    for (char *at = out; size;) {
        ssize_t n = recv(fd, at, size, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

/* A job from the socket as a file in memory; -1 at the end of the socket. */
static int receive_job(int control)
{
    char piece[16384];
    unsigned char head[4];
    do {
        if (!receive(control, head, 1)) return -1;
    } while (head[0] == AS_JOB_STOP); /* came after the end of its job */
    if (!receive(control, head + 1, 3)) return -1;
    size_t left = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    int fd = left <= AS_JOB_MAX ? memfd_create("job", MFD_CLOEXEC) : -1;
    while (fd >= 0 && left > 0) {
        size_t n = left < sizeof piece ? left : sizeof piece;
        if (!receive(control, piece, n) || write(fd, piece, n) != (ssize_t)n) close_one(&fd);
        left -= n;
    }
    return fd;
}

/* Jobs one after the other until the socket ends. */
static void serve(slot *s)
{
    int job;
    bool ok = true;
    while (ok && (job = receive_job(s->control)) >= 0) {
        as_run_result result;
        ok = run_job(s, job, &result);
        if (send(s->control, &result, sizeof result, MSG_NOSIGNAL) != (ssize_t)sizeof result)
            return;
    }
}

void as_supervise(const as_box *box, as_place *place, int control)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    setsid();
    if (dup2(control, 3) < 0 || syscall(SYS_close_range, 4U, ~0U, 0) != 0) _exit(1);
    slot s = {
        .box = box, .place = place, .control = 3, .null = open("/dev/null", O_RDWR | O_CLOEXEC)};
    bool ok = s.null >= 0 && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
    for (int i = 0; i < AS_CELLS; i++) s.uid[i] = as_place_user(getpid(), i);
    for (int i = 0; ok && i < 3; i++) ok = dup2(s.null, i) >= 0;
    as_run_result hello = {.outcome = ok ? AS_RUN_PASS : AS_RUN_NOT_RUN};
    const char *kind = place->group[AS_WORKER].kind ? place->group[AS_WORKER].kind : "process";
    set_text(&hello, hello.outcome, ok ? kind : strerror(errno));
    if (send(3, &hello, sizeof hello, MSG_NOSIGNAL) == (ssize_t)sizeof hello && ok) serve(&s);
    as_place_close(place);
    _exit(ok ? 0 : 1);
}
