/* Runs code nobody trusts and brings back a verdict that the code never could write. The driver
 * (the tests, ours) and the candidate never share an interpreter: the driver calls the candidate
 * through a pipe, arguments and results cross as plain values (none, bool, int, float, complex,
 * str, bytes, list, tuple, set, frozenset, dict, Fraction, Decimal; subclasses become their base),
 * and the verdict is written by the driver on a descriptor that the candidate's process never had.
 * What the candidate prints, leaves behind or ends with means nothing. Both run confined, each on
 * its own.
 *
 * The cells are started by supervisors, processes of their own which as_sandbox_open forks and
 * as_sandbox_close ends. Open the sandbox before the process makes threads, and before it confines
 * itself (base/confine.h): a supervisor could not build a cell afterwards. One caller at a time. */
#ifndef AS_LAB_SANDBOX_H
#define AS_LAB_SANDBOX_H

#include <signal.h>
#include <stdint.h>

#include "base/error.h"

typedef struct as_sandbox as_sandbox;

typedef enum {
    AS_TIER_ANY,        /* the first of these that holds */
    AS_TIER_NAMESPACES, /* own user or root's namespaces, then Landlock and seccomp */
    AS_TIER_OWN_USER,   /* root only: a user of its own, Landlock and seccomp */
    AS_TIERS
} as_sandbox_tier;
const char *as_sandbox_tier_name(as_sandbox_tier t); /* "any", "namespaces", "own user" */

#define AS_SANDBOX_SLOTS 2 /* programs at a time */

/* What one program may use. The driver has the same, beside it. 0: the default. */
#define AS_SANDBOX_CPU_S 10
#define AS_SANDBOX_WALL_S 15
#define AS_SANDBOX_MEMORY ((uint64_t)1 << 30)
#define AS_SANDBOX_PROCESSES 32
#define AS_SANDBOX_DESCRIPTORS 64
#define AS_SANDBOX_FILE ((uint64_t)16 << 20)
#define AS_SANDBOX_SCRATCH ((uint64_t)64 << 20)
#define AS_SANDBOX_INODES 10000
#define AS_SANDBOX_TEXT ((size_t)1 << 20) /* of a program, and of a value that crosses; fixed */
typedef struct {
    unsigned cpu_s;  /* of one process */
    unsigned wall_s; /* of all, from the start of the interpreters */
    uint64_t memory; /* address space of one process and, where there are control groups, all */
    unsigned processes, descriptors;
    uint64_t file, scratch; /* bytes of one file, of all files */
    unsigned inodes;
} as_sandbox_limits;

typedef struct {
    as_sandbox_tier tier;
    const char *python; /* NULL: python3 of the system */
    as_sandbox_limits limits;
    const volatile sig_atomic_t *stop; /* not 0: come back soon; may be NULL */
} as_sandbox_options;

typedef enum {
    AS_RUN_PASS,
    AS_RUN_WRONG,   /* a test did not hold */
    AS_RUN_ERROR,   /* the candidate raised, ended, gave no plain value, or is not a program */
    AS_RUN_TIMEOUT, /* wall or processor time, twice */
    AS_RUN_MEMORY,
    AS_RUN_OUTPUT,  /* more than a channel or the scratch takes */
    AS_RUN_KILLED,  /* stopped for a system call that nothing honest needs */
    AS_RUN_NOT_RUN, /* the tests or the machine failed; never counted as wrong */
    AS_RUN_OUTCOMES
} as_run_outcome;
const char *as_run_outcome_name(as_run_outcome o); /* "pass", "wrong", ... */

typedef struct {
    const char *program;  /* of the candidate, whole: what defines entry_point */
    const char *preamble; /* run in the driver before the test: imports and helpers of the prompt */
    const char *entry_point;
    const char *test; /* defines check(candidate) */
    uint64_t seed;    /* of `random` in the driver */
} as_program;

typedef struct {
    as_run_outcome outcome;
    char why[200];    /* of the first failure, escaped; "" when it passed */
    uint64_t printed; /* bytes that the candidate printed; they are read and dropped */
    double seconds;   /* of the run that counted */
} as_run_result;

/* Probes the tiers with a program that tries what must not work. AS_ESANDBOX naming what is
 * missing, and how to get it, when none holds; there is no way to run without. Gives:
 * as_sandbox_close. */
AS_MUST_CHECK as_sandbox *as_sandbox_open(const as_sandbox_options *o, as_error *err);
void as_sandbox_close(as_sandbox *s);             /* accepts NULL */
const char *as_sandbox_name(const as_sandbox *s); /* "namespaces", "own user" */
/* What stands beside every verdict: tier, versions of interpreter, kernel and libraries, and how
 * memory is held. */
const char *as_sandbox_version(const as_sandbox *s);

/* One program, one verdict. A timeout is run once more before it counts. False: the run itself
 * could not be tried (AS_ESANDBOX), a text of ours is too long (AS_ELIMIT), or it was interrupted
 * (AS_ESTATE); out is then not-run. */
AS_MUST_CHECK bool as_sandbox_run(as_sandbox *s, const as_program *p, as_run_result *out,
                                  as_error *err);

/* n programs, AS_SANDBOX_SLOTS at a time; out (n) in the order of p. Timeouts are run once more,
 * alone, after the others. */
AS_MUST_CHECK bool as_sandbox_run_all(as_sandbox *s, const as_program *p, size_t n,
                                      as_run_result *out, as_error *err);

#endif
