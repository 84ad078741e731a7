/* Which system calls a cell may make, through libseccomp. What an interpreter needs is allowed;
 * what only an attack needs kills the process; all the rest is "not permitted", so that odd but
 * honest programs get an exception. */
#define _GNU_SOURCE /* memfd_create */
#include "lab/sandbox/sandbox_internal.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>

static const char *const allowed[] = {
    /* descriptors and files; which files is Landlock's business */
    "read", "readv", "pread64", "preadv", "write", "writev", "pwrite64", "pwritev", "open",
    "openat", "creat", "close", "close_range", "lseek", "stat", "fstat", "lstat", "newfstatat",
    "statx", "access", "faccessat", "faccessat2", "statfs", "fstatfs", "fcntl", "flock", "dup",
    "dup2", "dup3", "pipe", "pipe2", "ftruncate", "truncate", "fallocate", "fadvise64", "fsync",
    "fdatasync", "copy_file_range", "sendfile", "getdents", "getdents64", "getcwd", "chdir",
    "fchdir", "mkdir", "mkdirat", "rmdir", "rename", "renameat", "renameat2", "link", "linkat",
    "unlink", "unlinkat", "symlink", "symlinkat", "readlink", "readlinkat", "chmod", "fchmod",
    "fchmodat", "utime", "utimes", "utimensat", "futimesat", "umask", "poll", "ppoll", "select",
    "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
    "eventfd", "eventfd2",
    /* memory */
    "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "mincore", "membarrier",
    /* processes, threads and signals; which processes exist is the tier's business */
    "fork", "vfork", "execve", "exit", "exit_group", "wait4", "waitid", "kill", "tkill", "tgkill",
    "pause", "getpid", "getppid", "gettid", "getpgid", "setpgid", "getpgrp", "getsid", "setsid",
    "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "futex",
    "set_robust_list", "get_robust_list", "set_tid_address", "rseq", "arch_prctl", "sched_yield",
    "sched_getaffinity", "sched_getparam", "sched_getscheduler", "getpriority", "rt_sigaction",
    "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigsuspend", "rt_sigtimedwait",
    "rt_sigqueueinfo", "sigaltstack", "restart_syscall", "prlimit64", "getrlimit", "setrlimit",
    "getrusage", "times", "uname", "sysinfo", "getrandom",
    /* time */
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
    "alarm", "setitimer", "getitimer", "timer_create", "timer_settime", "timer_gettime",
    "timer_delete"};

static const char *const deadly[] = {"ptrace",
                                     "process_vm_readv",
                                     "process_vm_writev",
                                     "pidfd_getfd",
                                     "kcmp",
                                     "mount",
                                     "umount2",
                                     "pivot_root",
                                     "open_tree",
                                     "move_mount",
                                     "fsopen",
                                     "fsmount",
                                     "fsconfig",
                                     "mount_setattr",
                                     "unshare",
                                     "setns",
                                     "add_key",
                                     "request_key",
                                     "keyctl",
                                     "bpf",
                                     "perf_event_open",
                                     "userfaultfd",
                                     "io_uring_setup",
                                     "io_uring_enter",
                                     "io_uring_register",
                                     "personality",
                                     "kexec_load",
                                     "init_module",
                                     "finit_module",
                                     "delete_module",
                                     "open_by_handle_at",
                                     "modify_ldt",
                                     "iopl",
                                     "ioperm",
                                     "swapon",
                                     "reboot"};

/* A name that this machine or this libseccomp does not know cannot be called either way. */
static bool add(scmp_filter_ctx ctx, uint32_t action, const char *name)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR || number < 0) return true;
    return seccomp_rule_add(ctx, action, number, 0) == 0;
}

static bool add_rules(scmp_filter_ctx ctx)
{
    const uint64_t spaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
                            CLONE_NEWUTS | CLONE_NEWUSER | CLONE_NEWCGROUP;
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        if (!add(ctx, SCMP_ACT_ALLOW, allowed[i])) return false;
    }
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++) {
        if (!add(ctx, SCMP_ACT_KILL_PROCESS, deadly[i])) return false;
    }
    /* clone3 takes its flags where no filter sees them: absent, so libraries use clone. */
    if (seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) != 0) return false;
    if (seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                         SCMP_A0(SCMP_CMP_MASKED_EQ, spaces, 0)) != 0)
        return false;
    static const unsigned long terminals[] = {
        FIONBIO, FIONREAD, FIOCLEX, FIONCLEX, 0x5401 /* TCGETS */, TIOCGWINSZ};
    for (size_t i = 0; i < sizeof terminals / sizeof terminals[0]; i++) {
        if (seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                             SCMP_A1(SCMP_CMP_EQ, terminals[i], 0)) != 0)
            return false;
    }
    static const int names[] = {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_CAPBSET_READ};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                             SCMP_A0(SCMP_CMP_EQ, (uint64_t)names[i], 0)) != 0)
            return false;
    }
    return true;
}

/* libseccomp writes to a descriptor only. */
static bool export_to(scmp_filter_ctx ctx, const void **program, size_t *size, as_arena *a,
                      as_error *err)
{
    bool ok = false;
    int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0) return as_fail(err, AS_ESANDBOX, "seccomp filter: no memory file");
    off_t n = seccomp_export_bpf(ctx, fd) == 0 ? lseek(fd, 0, SEEK_CUR) : 0;
    if (n <= 0 || n % (off_t)sizeof(struct sock_filter) != 0) {
        as_fail(err, AS_ESANDBOX, "seccomp filter: cannot be written");
        goto out;
    }
    char *bytes = as_arena_push(a, (size_t)n, 1, err);
    if (!bytes) goto out;
    if (pread(fd, bytes, (size_t)n, 0) != n) {
        as_fail(err, AS_ESANDBOX, "seccomp filter: cannot be read back");
        goto out;
    }
    *program = bytes;
    *size = (size_t)n;
    ok = true;
out:
    close(fd);
    return ok;
}

bool as_filter_build(const void **program, size_t *size, as_arena *a, as_error *err)
{
    bool ok = false;
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!ctx) return as_fail(err, AS_EMEM, "seccomp filter");
    if (seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) != 0 ||
        seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) != 0 || !add_rules(ctx))
        as_fail(err, AS_ESANDBOX, "seccomp filter: a rule was refused");
    else
        ok = export_to(ctx, program, size, a, err);
    seccomp_release(ctx);
    return ok;
}

const char *as_filter_enter(const void *program, size_t size)
{
    struct sock_filter *code = (struct sock_filter *)(uintptr_t)program;
    struct sock_fprog f = {.len = (unsigned short)(size / sizeof *code), .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return "no new privileges";
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &f, 0, 0) == 0 ? NULL : "seccomp filter";
}

const char *as_filter_version(char out[16])
{
    const struct scmp_version *v = seccomp_version();
    snprintf(out, 16, "%u.%u.%u", v->major % 1000, v->minor % 1000, v->micro % 1000);
    return out;
}
