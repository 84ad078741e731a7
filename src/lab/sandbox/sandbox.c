/* The caller's side: finds a tier that holds, keeps the supervisors, hands out programs and
 * collects verdicts. */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "lab/sandbox/sandbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/confine.h"

enum { TICK_MS = 100, PROGRAM_MAX = (1 << 20) - 4096, NONE = -1 };

typedef struct {
    pid_t pid; /* 0: none */
    int fd;
    as_place place;
    bool is_busy;
    size_t job; /* which program */
} slot;

struct as_sandbox {
    as_box box;
    as_arena *arena;
    const volatile sig_atomic_t *stop;
    slot slot[AS_SANDBOX_SLOTS];
    char version[200];
};

const char *as_sandbox_tier_name(as_sandbox_tier t)
{
    static const char *const names[] = {"any", "namespaces", "own user"};
    return (unsigned)t < AS_TIERS ? names[t] : "?";
}

const char *as_run_outcome_name(as_run_outcome o)
{
    static const char *const names[] = {"pass",   "wrong",  "error",        "timeout",
                                        "memory", "output", "sandbox-kill", "not-run"};
    return (unsigned)o < AS_RUN_OUTCOMES ? names[o] : "?";
}

const char *as_sandbox_name(const as_sandbox *s)
{
    return as_sandbox_tier_name(s->box.tier);
}

const char *as_sandbox_version(const as_sandbox *s)
{
    return s->version;
}

/* --- supervisors -------------------------------------------------------------------------------
 */

static bool send_all(int fd, const void *bytes, size_t size)
{
    for (const char *at = bytes; size;) {
        ssize_t n = send(fd, at, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

static bool receive_result(int fd, as_run_result *out)
{
    for (size_t have = 0; have < sizeof *out;) {
        ssize_t n = recv(fd, (char *)out + have, sizeof *out - have, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        have += (size_t)n;
    }
    out->why[sizeof out->why - 1] = '\0';
    return (unsigned)out->outcome < AS_RUN_OUTCOMES;
}

static void slot_stop(slot *t)
{
    int status = 0;
    if (t->pid == 0) return;
    close(t->fd);
    while (waitpid(t->pid, &status, 0) < 0 && errno == EINTR) continue;
    /* One that was killed left its cells: the first processes end with it, others may not. */
    for (int i = 0; i < AS_CELLS && t->place.base[0] && !WIFEXITED(status); i++)
        as_user_kill(as_place_user(t->pid, i));
    as_place_close(&t->place);
    *t = (slot){.fd = NONE};
}

/* memory: what holds it, out. */
static bool slot_start(slot *t, const as_box *box, char memory[32], as_error *err)
{
    int ends[2];
    as_run_result hello;
    *t = (slot){.fd = NONE};
    if (!as_place_open(&t->place, box, err)) return false;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        as_place_close(&t->place);
        return as_fail(err, AS_ESANDBOX, "the supervisor's socket: %s", strerror(errno));
    }
    pid_t pid = fork();
    if (pid == 0) as_supervise(box, &t->place, ends[1]);
    int why = errno;
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        as_place_close(&t->place);
        return as_fail(err, AS_ESANDBOX, "the supervisor: %s", strerror(why));
    }
    t->pid = pid;
    t->fd = ends[0];
    bool ok = receive_result(t->fd, &hello);
    if (ok && hello.outcome == AS_RUN_PASS) {
        snprintf(memory, 32, "%.30s", hello.why);
        return true;
    }
    slot_stop(t);
    return as_fail(err, AS_ESANDBOX, "the supervisor: %s", ok ? hello.why : "it ended");
}

/* --- jobs --------------------------------------------------------------------------------------
 */

static void add_sized(as_buf *b, const char *text)
{
    size_t n = strlen(text);
    const unsigned char size[4] = {(unsigned char)(n >> 24), (unsigned char)(n >> 16),
                                   (unsigned char)(n >> 8), (unsigned char)n};
    as_buf_add(b, size, sizeof size);
    as_buf_add(b, text, n);
}

static bool send_job(slot *t, const as_program *p, as_error *err)
{
    as_buf body = {0}, whole = {0};
    unsigned char seed[8];
    for (int i = 0; i < 8; i++) seed[i] = (unsigned char)(p->seed >> (56 - 8 * i));
    as_buf_add(&body, seed, sizeof seed);
    add_sized(&body, p->program);
    add_sized(&body, p->preamble);
    add_sized(&body, p->entry_point);
    add_sized(&body, p->test);
    size_t n = body.size;
    const unsigned char size[4] = {(unsigned char)(n >> 24), (unsigned char)(n >> 16),
                                   (unsigned char)(n >> 8), (unsigned char)n};
    as_buf_add(&whole, size, sizeof size);
    if (body.data) as_buf_add(&whole, body.data, body.size);
    bool ok = as_buf_ok(&body, err) && as_buf_ok(&whole, err);
    if (ok && (t->pid == 0 || !send_all(t->fd, whole.data, whole.size)))
        ok = as_fail(err, AS_ESANDBOX, "the supervisor ended");
    as_buf_clear(&body);
    as_buf_clear(&whole);
    return ok;
}

static bool fits(const as_program *p, as_run_result *out, bool *runs, as_error *err)
{
    const char *const ours[] = {p->preamble, p->entry_point, p->test};
    *out = (as_run_result){.outcome = AS_RUN_NOT_RUN};
    *runs = true;
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        if (strlen(ours[i]) > AS_SANDBOX_TEXT)
            return as_fail(err, AS_ELIMIT, "a test program of %zu bytes (at most %zu)",
                           strlen(ours[i]), AS_SANDBOX_TEXT);
    }
    if (strlen(p->program) <= PROGRAM_MAX) return true;
    *runs = false;
    out->outcome = AS_RUN_OUTPUT;
    snprintf(out->why, sizeof out->why, "a program of %zu bytes", strlen(p->program));
    return true;
}

/* Waits for answers of busy slots; each goes to its place. */
static bool collect(as_sandbox *s, as_run_result *out, as_error *err)
{
    struct pollfd p[AS_SANDBOX_SLOTS];
    for (size_t i = 0; i < AS_SANDBOX_SLOTS; i++)
        p[i] = (struct pollfd){.fd = s->slot[i].is_busy ? s->slot[i].fd : NONE, .events = POLLIN};
    if (poll(p, AS_SANDBOX_SLOTS, TICK_MS) <= 0) return true;
    for (size_t i = 0; i < AS_SANDBOX_SLOTS; i++) {
        slot *t = &s->slot[i];
        if (!t->is_busy || !p[i].revents) continue;
        t->is_busy = false;
        if (receive_result(t->fd, &out[t->job])) continue;
        out[t->job] = (as_run_result){.outcome = AS_RUN_NOT_RUN};
        slot_stop(t);
        return as_fail(err, AS_ESANDBOX, "the supervisor ended");
    }
    return true;
}

static bool any_busy(const as_sandbox *s)
{
    bool busy = false;
    for (size_t i = 0; i < AS_SANDBOX_SLOTS; i++) busy = busy || s->slot[i].is_busy;
    return busy;
}

/* After a failure or a stop: what runs is ended and its results are not-run. */
static void recall(as_sandbox *s, as_run_result *out)
{
    const unsigned char stop = AS_JOB_STOP;
    as_error ignored = {0};
    for (size_t i = 0; i < AS_SANDBOX_SLOTS; i++) {
        if (s->slot[i].is_busy && !send_all(s->slot[i].fd, &stop, 1)) s->slot[i].is_busy = false;
    }
    while (any_busy(s)) {
        if (!collect(s, out, &ignored)) ignored = (as_error){0};
    }
}

/* Runs those of the n programs that `again` selects (NULL: all), on at most n_slots. */
static bool run_some(as_sandbox *s, const as_program *p, size_t n, const bool *again,
                     size_t n_slots, as_run_result *out, as_error *err)
{
    size_t next = 0;
    bool ok = true;
    while (ok && (next < n || any_busy(s))) {
        for (size_t i = 0; ok && i < n_slots; i++) {
            while (next < n && again && !again[next]) next++;
            if (s->slot[i].is_busy || next == n) continue;
            bool runs;
            ok = fits(&p[next], &out[next], &runs, err) &&
                 (!runs || send_job(&s->slot[i], &p[next], err));
            s->slot[i].is_busy = ok && runs;
            s->slot[i].job = next++;
        }
        if (ok && any_busy(s)) ok = collect(s, out, err);
        if (ok && s->stop && *s->stop) ok = as_fail(err, AS_ESTATE, "interrupted");
    }
    if (!ok) recall(s, out);
    return ok;
}

bool as_sandbox_run_all(as_sandbox *s, const as_program *p, size_t n, as_run_result *out,
                        as_error *err)
{
    bool ok = false, any = false;
    for (size_t i = 0; i < n; i++) out[i] = (as_run_result){.outcome = AS_RUN_NOT_RUN};
    bool *again = as_new(n, sizeof *again, err);
    if (!again) goto out;
    if (!run_some(s, p, n, NULL, AS_SANDBOX_SLOTS, out, err)) goto out;
    for (size_t i = 0; i < n; i++) {
        again[i] = out[i].outcome == AS_RUN_TIMEOUT;
        any = any || again[i];
    }
    if (any && !run_some(s, p, n, again, 1, out, err)) goto out;
    ok = true;
out:
    free(again);
    return ok;
}

bool as_sandbox_run(as_sandbox *s, const as_program *p, as_run_result *out, as_error *err)
{
    return as_sandbox_run_all(s, p, 1, out, err);
}

/* --- opening -----------------------------------------------------------------------------------
 */

static bool add_facts(as_buf *test, const as_box *box, const char *file)
{
    const as_sandbox_limits *l = &box->limits;
    as_buf_printf(test,
                  "FACTS = {'file': '%s', 'pid': %ld, 'memory': %llu, 'file size': %llu, "
                  "'descriptors': %u, 'processes': %u, 'cpu': %u, 'namespaces': %s, 'root': %s, "
                  "'folders': ['/tmp', '/var/tmp', '/dev/shm', '/run', '/']}\n",
                  file, (long)getpid(), (unsigned long long)l->memory, (unsigned long long)l->file,
                  l->descriptors, l->processes, l->cpu_s,
                  box->tier == AS_TIER_NAMESPACES ? "True" : "False",
                  box->is_root ? "True" : "False");
    as_python_text(test, as_python_probe_test);
    return !test->failed;
}

/* Runs the probe in the first slot. It gets a file that everybody may read, to be kept from it. */
static bool probe(as_sandbox *s, as_error *err)
{
    bool ok = false;
    as_run_result r;
    as_buf program = {0}, test = {0};
    char file[] = "/tmp/assay-probe-XXXXXX";
    int fd = mkstemp(file);
    if (fd < 0 || fchmod(fd, 0644) != 0) {
        as_fail(err, AS_ESANDBOX, "a file for the probe: %s", strerror(errno));
        goto out;
    }
    as_python_text(&program, as_python_probe);
    if (!add_facts(&test, &s->box, file) || !as_buf_ok(&program, err)) {
        as_fail(err, AS_EMEM, "the probe");
        goto out;
    }
    as_program p = {
        .program = program.data, .preamble = "", .entry_point = "probe", .test = test.data};
    if (!run_some(s, &p, 1, NULL, 1, &r, err)) goto out;
    ok = r.outcome == AS_RUN_PASS;
    if (r.outcome == AS_RUN_WRONG)
        as_fail(err, AS_ESANDBOX, "does not hold: a program inside reached %s", r.why);
    else if (!ok)
        as_fail(err, AS_ESANDBOX, "%s (%s)", r.why, as_run_outcome_name(r.outcome));
out:
    if (fd >= 0) {
        unlink(file);
        close(fd);
    }
    as_buf_clear(&program);
    as_buf_clear(&test);
    return ok;
}

static bool may_try(const as_box *box, as_error *err)
{
    int landlock = as_confine_version(), least = box->tier == AS_TIER_OWN_USER ? 4 : 1;
    if (box->tier == AS_TIER_OWN_USER && !box->is_root)
        return as_fail(err, AS_ESANDBOX, "only root can run a program as another user");
    if (landlock >= least) return true;
    return as_fail(err, AS_ESANDBOX,
                   "the kernel's Landlock (found version %d, expected %d or later)", landlock,
                   least);
}

static bool try_tier(as_sandbox *s, as_sandbox_tier tier, as_error *err)
{
    char memory[32] = "", seccomp[16];
    struct utsname u;
    s->box.tier = tier;
    bool ok =
        may_try(&s->box, err) && slot_start(&s->slot[0], &s->box, memory, err) && probe(s, err);
    for (size_t i = 1; ok && i < AS_SANDBOX_SLOTS; i++)
        ok = slot_start(&s->slot[i], &s->box, memory, err);
    if (!ok) {
        for (size_t i = 0; i < AS_SANDBOX_SLOTS; i++) slot_stop(&s->slot[i]);
        as_error_at(err, "%s", as_sandbox_tier_name(tier));
        return false;
    }
    snprintf(s->version, sizeof s->version,
             "%s, Python %s, Linux %.40s, Landlock %d, libseccomp %s, memory by %s",
             as_sandbox_tier_name(tier), s->box.python.version, uname(&u) == 0 ? u.release : "?",
             as_confine_version(), as_filter_version(seccomp), memory);
    return true;
}

static char *script(const char *const *first, const char *const *second, as_arena *a, as_error *err)
{
    as_buf b = {0};
    as_python_text(&b, first);
    as_python_text(&b, second);
    char *text = as_buf_ok(&b, err) ? as_arena_copy(a, as_buf_text(&b), b.size, err) : NULL;
    as_buf_clear(&b);
    return text;
}

static void fill_limits(as_sandbox_limits *l)
{
    if (!l->cpu_s) l->cpu_s = AS_SANDBOX_CPU_S;
    if (!l->wall_s) l->wall_s = AS_SANDBOX_WALL_S;
    if (!l->memory) l->memory = AS_SANDBOX_MEMORY;
    if (!l->processes) l->processes = AS_SANDBOX_PROCESSES;
    if (!l->descriptors) l->descriptors = AS_SANDBOX_DESCRIPTORS;
    if (!l->file) l->file = AS_SANDBOX_FILE;
    if (!l->scratch) l->scratch = AS_SANDBOX_SCRATCH;
    if (!l->inodes) l->inodes = AS_SANDBOX_INODES;
}

static bool prepare(as_sandbox *s, const as_sandbox_options *o, unsigned weak, as_error *err)
{
    as_box *b = &s->box;
    for (size_t i = 0; i < AS_SANDBOX_SLOTS; i++) s->slot[i].fd = NONE;
    s->stop = o->stop;
    b->is_root = geteuid() == 0;
    b->weak = weak;
    b->limits = o->limits;
    fill_limits(&b->limits);
    s->arena = as_arena_new(err);
    if (!s->arena) return false;
    if (!as_python_find(&b->python, o->python, s->arena, err)) {
        as_error_hint(err, "install python3, or name an interpreter");
        return false;
    }
    if (!as_filter_build(&b->filter, &b->filter_size, s->arena, err)) return false;
    b->driver = script(as_python_value, as_python_driver, s->arena, err);
    b->worker = b->driver ? script(as_python_value, as_python_worker, s->arena, err) : NULL;
    return b->worker != NULL;
}

/* The tiers asked for, in order; when none holds the reasons of all stand in one message. */
static bool choose_tier(as_sandbox *s, as_sandbox_tier asked, as_error *err)
{
    char reasons[700] = "", text[300];
    for (as_sandbox_tier t = AS_TIER_NAMESPACES; t < AS_TIERS; t++) {
        as_error why = {0};
        if (asked != AS_TIER_ANY && asked != t) continue;
        if (try_tier(s, t, &why)) return true;
        if (why.class_ != AS_ESANDBOX) {
            *err = why;
            return false;
        }
        size_t n = strlen(reasons);
        snprintf(reasons + n, sizeof reasons - n, "%s%s", n ? "; " : "",
                 as_error_text(&why, text, sizeof text));
    }
    as_fail(err, AS_ESANDBOX, "no way to run untrusted code: %s", reasons);
    as_error_hint(err, "run as root, or where user namespaces are allowed (sysctl "
                       "kernel.unprivileged_userns_clone, user.max_user_namespaces)");
    return false;
}

as_sandbox *as_sandbox_open_weak(const as_sandbox_options *o, unsigned weak, as_error *err)
{
    as_sandbox *s = as_new(1, sizeof *s, err);
    if (!s) return NULL;
    if (prepare(s, o, weak, err) && choose_tier(s, o->tier, err)) return s;
    as_sandbox_close(s);
    return NULL;
}

as_sandbox *as_sandbox_open(const as_sandbox_options *o, as_error *err)
{
    return as_sandbox_open_weak(o, 0, err);
}

void as_sandbox_close(as_sandbox *s)
{
    if (!s) return;
    for (size_t i = 0; i < AS_SANDBOX_SLOTS; i++) slot_stop(&s->slot[i]);
    as_arena_free(s->arena);
    free(s);
}
