/* The parts of the sandbox to each other. A sandbox has slots; a slot is a supervisor process; for
 * each program it starts two cells, confined Python processes: the worker with the candidate, the
 * driver with the tests. */
#ifndef AS_LAB_SANDBOX_INTERNAL_H
#define AS_LAB_SANDBOX_INTERNAL_H

#include <sys/types.h>

#include "base/arena.h"
#include "lab/sandbox/sandbox.h"

/* --- the interpreter (interpreter.c) -----------------------------------------------------------
 */

#define AS_PYTHON_FOLDERS 16
typedef struct {
    const char *exec;   /* the program, no link */
    const char *loader; /* the program that loads it, as the file names it; NULL: static */
    const char *loader_real;
    const char *folder[AS_PYTHON_FOLDERS]; /* what it reads: modules, shared objects */
    size_t n_folders;
    const char *version; /* "3.11.2" */
} as_python;

/* Asks the interpreter itself. AS_ESANDBOX when there is none or it does not answer. Texts in the
 * arena. */
AS_MUST_CHECK bool as_python_find(as_python *p, const char *path, as_arena *a, as_error *err);

/* The programs that Python runs (python_*.c): pieces, which stand one after the other; NULL ends.
 */
extern const char *const as_python_value[];  /* the value channel, first in both */
extern const char *const as_python_driver[]; /* runs the tests */
extern const char *const as_python_worker[]; /* runs the candidate */
extern const char *const as_python_probe[];  /* a candidate that tries what must not work */
extern const char *const as_python_probe_test[];
extern const char *const as_python_about[]; /* says what the interpreter needs */
/* Appends the pieces. */
void as_python_text(as_buf *out, const char *const *pieces);

/* --- the filter of system calls (filter.c) -----------------------------------------------------
 */

/* A program for the kernel's seccomp: a list of calls that are allowed, some that kill, and
 * "not permitted" for the rest. In the arena. */
AS_MUST_CHECK bool as_filter_build(const void **program, size_t *size, as_arena *a, as_error *err);
/* Puts it on this process for good. NULL, or what failed with errno set. */
const char *as_filter_enter(const void *program, size_t size);
const char *as_filter_version(char out[16]);

/* --- a control group for memory and processes (group.c) ----------------------------------------
 */

typedef struct {
    char folder[2][256]; /* "" unused; removed by as_group_close */
    char events[288];    /* where kills for want of memory are counted */
    const char *kind;    /* "cgroup v2", "cgroup v1"; NULL: none */
} as_group;

/* A new group with the limits. kind stays NULL where this process may not make one. */
void as_group_open(as_group *g, const as_sandbox_limits *l);
void as_group_close(as_group *g);           /* also after another process did */
bool as_group_join(const as_group *g);      /* this process; errno */
uint64_t as_group_kills(const as_group *g); /* so far */

/* --- cells (cell.c, namespaces.c) --------------------------------------------------------------
 */

/* Protections that a test may leave out, to see that the probe notices. */
enum {
    AS_WEAK_NAMESPACES = 1,
    AS_WEAK_FILES = 2, /* no own root and no Landlock */
    AS_WEAK_LANDLOCK = 4,
    AS_WEAK_SECCOMP = 8,
    AS_WEAK_USER = 16,
    AS_WEAK_DESCRIPTORS = 32,
    AS_WEAK_ENVIRONMENT = 64,
    AS_WEAK_MEMORY = 128,
    AS_WEAK_PROCESSES = 256,
    AS_WEAK_LIMITS = 512, /* files, descriptors, processor time, core */
    AS_WEAK_ALL = 1023
};

/* What is the same for every cell. */
typedef struct {
    as_sandbox_tier tier;
    bool is_root;
    unsigned weak;
    as_sandbox_limits limits;
    as_python python;
    const void *filter;
    size_t filter_size;
    const char *driver, *worker; /* Python */
} as_box;

#define AS_CELL_FDS 7
typedef struct {
    const char *program; /* Python */
    int fd[AS_CELL_FDS]; /* become 0, 1, ... */
    int n_fd;
    uid_t uid;           /* as root: whom it runs as */
    const char *scratch; /* own user: its folder; namespaces: ignored, it has its own */
    const as_group *group;
} as_cell_plan;

typedef struct {
    pid_t pid;  /* 0: none */
    int status; /* says why the start failed; end of file when it succeeded */
} as_cell;

/* Where the scratch of a cell with namespaces stands, inside. */
#define AS_CELL_SCRATCH "/scratch"
/* The user inside a user namespace. */
#define AS_CELL_UID 1000

AS_MUST_CHECK bool as_cell_start(as_cell *c, const as_box *box, const as_cell_plan *plan,
                                 as_error *err);
/* Waits until the interpreter runs; AS_ESANDBOX "STEP: REASON" when a step failed. */
AS_MUST_CHECK bool as_cell_started(as_cell *c, as_error *err);

/* Ends every process of a user, at once: the kernel goes through them while none can be made. */
void as_user_kill(uid_t uid);

/* Within the new process, in its new namespaces: a root of its own. NULL, or what failed with errno
 * set. */
const char *as_namespaces_enter(const as_box *box, uid_t uid);
int as_namespaces_flags(const as_box *box);

/* --- scratch folders of tier "own user" (scratch.c) --------------------------------------------
 */

/* Makes base/name, owned by uid, empty. */
AS_MUST_CHECK bool as_scratch_make(const char *path, uid_t uid, as_error *err);
/* Whether what is in it is within the limits. */
bool as_scratch_fits(const char *path, const as_sandbox_limits *l);
/* Empties it, whatever modes, links and depth it has; false when something is left. */
bool as_scratch_empty(const char *path);

/* --- where a supervisor's cells stand (place.c) ------------------------------------------------
 */

enum { AS_WORKER, AS_DRIVER, AS_CELLS };
typedef struct {
    as_group group[AS_CELLS];
    char base[64]; /* tier "own user": a folder that holds the scratches; "" */
    char scratch[AS_CELLS][80];
} as_place;
/* Made by the caller before the supervisor is, and removed by whoever lives longer: both do. */
AS_MUST_CHECK bool as_place_open(as_place *p, const as_box *box, as_error *err);
void as_place_close(as_place *p);
/* Two users that no other supervisor has. */
uid_t as_place_user(pid_t supervisor, int cell);

/* --- the supervisor (supervise.c) --------------------------------------------------------------
 */

/* A job on the control socket: its size (4 bytes, big-endian), then seed (8 bytes) and program,
 * preamble, entry point, test, each a size (4 bytes) and its bytes. The same bytes go to the
 * driver. The answer is an as_run_result. A single byte AS_JOB_STOP while a job runs ends it:
 * not-run. The first word is the supervisor's: a result "pass" whose why says what holds the
 * memory. */
#define AS_JOB_MAX (4 * AS_SANDBOX_TEXT + 64)
#define AS_JOB_STOP 0xff /* no size begins with it */
AS_NORETURN void as_supervise(const as_box *box, as_place *place, int control);

/* --- opening with protections left out, for tests (sandbox.c) ----------------------------------
 */
AS_MUST_CHECK as_sandbox *as_sandbox_open_weak(const as_sandbox_options *o, unsigned weak,
                                               as_error *err);

#endif
