/* base: files replaced whole, safe names, the lock, messages and progress. */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/pool.h"
#include "base/progress.h"

/* A directory of our own, made by main; `at` names a file in it. */
static char dir[] = "/tmp/assay-file-XXXXXX";

static const char *at(const char *name, char out[128])
{
    (void)snprintf(out, 128, "%s/%s", dir, name);
    return out;
}

static size_t n_entries(void)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    CHECK(d);
    if (!d) return 0;
    for (struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.';
    (void)closedir(d);
    return n;
}

static bool holds(const char *path, const char *text)
{
    as_error err = {0};
    as_buf b = {0};
    bool same = as_file_read(path, 1 << 20, &b, &err) && strcmp(as_buf_text(&b), text) == 0;
    as_buf_clear(&b);
    return same;
}

/* --- reading and replacing ------------------------------------------------------------------ */

static void replace_and_read(void)
{
    char p[128], q[128];
    struct stat st;
    as_error err = {0};
    as_buf b = {0};
    mode_t mask = umask(022);
    CHECK(as_file_replace(at("a", p), "one", 3, &err) && holds(p, "one"));
    CHECK(as_file_replace(p, "", 0, &err) && holds(p, ""));
    CHECK(as_file_replace(p, "two", 3, &err) && holds(p, "two"));
    CHECK(stat(p, &st) == 0 && (st.st_mode & 0777) == 0644);
    CHECK(n_entries() == 1);
    as_buf_puts(&b, "before ");
    CHECK(as_file_read(p, 3, &b, &err));
    CHECK_TEXT(as_buf_text(&b), "before two");
    CHECK(!as_file_read(p, 2, &b, &err) && err.class_ == AS_ELIMIT);
    CHECK_TEXT(as_buf_text(&b), "before two");
    CHECK_TEXT(err.what, "size (found 3 bytes, expected at most 2)");
    err = (as_error){0};
    CHECK(!as_file_read(dir, 9, &b, &err) && err.class_ == AS_EIO);
    err = (as_error){0};
    CHECK(mkfifo(at("pipe", q), 0600) == 0);
    CHECK(!as_file_read(q, 9, &b, &err) && err.class_ == AS_EIO); /* and does not wait */
    CHECK(unlink(q) == 0);
    err = (as_error){0};
    CHECK(!as_file_read(at("none", q), 9, &b, &err) && err.class_ == AS_EIO);
    CHECK_TEXT(err.what, "cannot open: No such file or directory");
    CHECK(as_file_exists(p) && !as_file_exists(q) && as_file_exists(dir));
    as_buf_clear(&b);
    (void)umask(mask);
    CHECK(unlink(p) == 0);
}

static void relative_paths(void)
{
    as_error err = {0};
    char before[1024];
    CHECK(getcwd(before, sizeof before) && chdir(dir) == 0);
    CHECK(as_file_replace("here", "x", 1, &err) && holds("here", "x"));
    CHECK(unlink("here") == 0 && chdir(before) == 0);
}

/* A full disk: the limit on file sizes lets a first part through, as a full disk does. */
static void full_disk_leaves_the_old_file(void)
{
    char p[128];
    as_error err = {0};
    struct rlimit old, small = {0};
    static char big[100000];
    CHECK(as_file_replace(at("old", p), "old", 3, &err));
    CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0);
    small = old, small.rlim_cur = 5000;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    CHECK(!as_file_replace(p, big, sizeof big, &err));
    CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
    (void)signal(SIGXFSZ, handler);
    CHECK(err.class_ == AS_EIO && strncmp(err.what, "cannot write: ", 14) == 0);
    CHECK_TEXT(err.where, p);
    CHECK(holds(p, "old") && n_entries() == 1);
    err = (as_error){0};
    CHECK(as_file_replace(p, big, sizeof big, &err)); /* room again */
    CHECK(unlink(p) == 0);
}

static void failures_leave_nothing(void)
{
    char p[128], q[128];
    as_error err = {0};
    CHECK(!as_file_replace(at("no/such", p), "x", 1, &err) && err.class_ == AS_EIO);
    err = (as_error){0};
    CHECK(mkdir(at("sub", p), 0755) == 0 && as_file_replace(at("sub/f", q), "x", 1, &err));
    CHECK(!as_file_replace(p, "x", 1, &err) && err.class_ == AS_EIO); /* onto a directory */
    CHECK(strcmp(err.what, "not a regular file") == 0 && n_entries() == 1);
    CHECK(unlink(q) == 0 && rmdir(p) == 0);
}

/* A device must not be renamed over, not even by root. */
static void only_regular_files_are_replaced(void)
{
    char p[256];
    struct stat st;
    as_error err = {0};
    CHECK(mkfifo(at("pipe", p), 0600) == 0);
    CHECK(!as_file_replace(p, "x", 1, &err));
    CHECK_TEXT(err.what, "not a regular file");
    CHECK(stat(p, &st) == 0 && S_ISFIFO(st.st_mode));
    CHECK(unlink(p) == 0);
}

static void stale_temporary_file(void)
{
    char p[128], name[64], q[128], link[128];
    as_error err = {0};
    (void)snprintf(name, sizeof name, "f.tmp.%ld", (long)getpid());
    CHECK(as_file_replace(at(name, q), "left by the dead", 16, &err));
    CHECK(as_file_replace(at("f", p), "new", 3, &err) && holds(p, "new") && n_entries() == 1);
    /* A link planted under that name is not followed. */
    CHECK(as_file_replace(at("target", link), "safe", 4, &err) && symlink(link, q) == 0);
    CHECK(!as_file_replace(p, "newer", 5, &err) && err.class_ == AS_EIO);
    CHECK(holds(link, "safe") && holds(p, "new"));
    CHECK(unlink(q) == 0 && unlink(link) == 0 && unlink(p) == 0);
}

static void directories(void)
{
    char p[128], q[128];
    as_error err = {0};
    CHECK(as_dir_make(at("x/y//z/", p), &err) && as_file_exists(p));
    CHECK(as_dir_make(p, &err) && as_dir_make("/", &err) && as_dir_make(".", &err));
    CHECK(as_file_replace(at("x/file", q), "", 0, &err));
    CHECK(!as_dir_make(q, &err) && err.class_ == AS_EIO);
    err = (as_error){0};
    CHECK(!as_dir_make(at("x/file/below", p), &err) && err.class_ == AS_EIO);
    err = (as_error){0};
    CHECK(!as_dir_make("", &err));
    CHECK(unlink(q) == 0 && rmdir(at("x/y/z", p)) == 0 && rmdir(at("x/y", p)) == 0);
    CHECK(rmdir(at("x", p)) == 0);
}

static void joined_names(void)
{
    static const char *const bad[] = {"", "/etc/passwd", "..", "a/../b", "..\\x", "a\\b"};
    char big[300];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        as_error err = {0};
        as_buf b = {0};
        CHECK(!as_path_join(&b, "d", bad[i], &err) && err.class_ == AS_EFORMAT && b.size == 0);
        as_buf_clear(&b);
    }
    as_error err = {0};
    as_buf b = {0};
    CHECK(as_path_join(&b, "d", "a/b.npz", &err));
    CHECK_TEXT(as_buf_text(&b), "d/a/b.npz");
    as_buf_clear(&b);
    CHECK(as_path_join(&b, "/", "a", &err));
    CHECK_TEXT(as_buf_text(&b), "/a");
    as_buf_clear(&b);
    memset(big, 'n', sizeof big);
    big[256] = '\0';
    CHECK(!as_path_join(&b, "d", big, &err));
    err = (as_error){0};
    big[255] = '\0';
    CHECK(as_path_join(&b, "d", big, &err) && b.size == 257);
    as_buf_clear(&b);
}

/* --- the lock ------------------------------------------------------------------------------ */

static void lock_is_for_one(void)
{
    char p[128], expected[64];
    as_error err = {0};
    as_lock *first = as_lock_take(at("lock", p), &err);
    CHECK(first);
    CHECK(!as_lock_take(p, &err) && err.class_ == AS_ESTATE);
    (void)snprintf(expected, sizeof expected, "locked by another process (found pid %ld since ",
                   (long)getpid());
    CHECK(strncmp(err.what, expected, strlen(expected)) == 0);
    pid_t child = fork();
    if (child == 0) {
        as_error in_child = {0};
        _exit(as_lock_take(p, &in_child) == NULL && in_child.class_ == AS_ESTATE ? 0 : 1);
    }
    int status = -1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    as_lock_release(first);
    err = (as_error){0};
    first = as_lock_take(p, &err);
    CHECK(first);
    as_lock_release(first);
    as_lock_release(NULL);
    CHECK(!as_lock_take(at("no/lock", p), &err) && err.class_ == AS_EIO);
    CHECK(unlink(at("lock", p)) == 0);
}

/* --- messages ------------------------------------------------------------------------------ */

static int scratch_fd(char p[128])
{
    int fd = open(at("log", p), O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
    CHECK(fd >= 0);
    return fd;
}

static void messages(void)
{
    char p[128];
    as_error err = {0};
    int fd = scratch_fd(p);
    for (int loudness = AS_QUIET; loudness <= AS_VERBOSE; loudness++) {
        as_log *log = as_log_new(fd, (as_loudness)loudness, false, loudness == AS_VERBOSE, &err);
        CHECK(log);
        as_log_note(log, "note %d", loudness);
        as_log_say(log, "say %d\nand\x1b[2J", loudness);
        as_log_warn(log, "warn %d", loudness);
        as_log_free(log);
    }
    as_log_say(NULL, "silence");
    as_log_free(NULL);
    CHECK(holds(p, "warning: warn -1\n"
                   "say 0\nand\\x1b[2J\nwarning: warn 0\n"
                   "note 1\nsay 1\nand\\x1b[2J\n\x1b[33mwarning\x1b[0m: warn 1\n"));
    CHECK(close(fd) == 0 && unlink(p) == 0);
}

static void report(void *ctx, size_t task, size_t worker)
{
    (void)worker;
    as_progress_set(ctx, task, task % 2 ? "odd" : NULL);
}

static void progress(void)
{
    char p[128];
    as_error err = {0};
    int fd = scratch_fd(p);
    as_log *log = as_log_new(fd, AS_NORMAL, false, false, &err);
    as_progress *g = as_progress_new(log, "checks", 10, &err);
    for (size_t i = 0; i < 10; i++) as_progress_set(g, i, "x");
    as_progress_end(g);
    CHECK(holds(p, "")); /* not a terminal, less than 30 s */
    as_log_free(log);

    log = as_log_new(fd, AS_NORMAL, true, false, &err);
    g = as_progress_new(log, "checks", 1000, &err);
    CHECK(nanosleep(&(struct timespec){.tv_nsec = 150000000}, NULL) == 0);
    as_progress_set(g, 7, "a\nb");
    as_progress_set(g, 8, "too soon");
    as_log_say(log, "between");
    as_buf b = {0};
    CHECK(as_file_read(p, 9999, &b, &err));
    CHECK(strncmp(as_buf_text(&b), "\r\x1b[Kchecks 7/1000  ", 19) == 0);
    CHECK(strstr(as_buf_text(&b), " left  a\\x0ab\r\x1b[Kbetween\nchecks 7/1000"));
    CHECK(!strstr(as_buf_text(&b), "soon"));
    as_pool *pool = as_pool_new(7, &err);
    as_pool_run(pool, 1000, report, g);
    as_pool_free(pool);
    as_progress_end(g);
    b.size = 0;
    CHECK(as_file_read(p, 9999, &b, &err));
    CHECK(b.size > 4 && strcmp(b.data + b.size - 4, "\r\x1b[K") == 0);
    as_buf_clear(&b);
    as_log_free(log);
    g = as_progress_new(NULL, "silent", 3, &err);
    as_progress_set(g, 1, NULL);
    as_progress_end(g);
    as_progress_end(NULL);
    CHECK(close(fd) == 0 && unlink(p) == 0);
}

int main(void)
{
    if (!mkdtemp(dir)) {
        perror(dir);
        return 1;
    }
    RUN(replace_and_read);
    RUN(relative_paths);
    RUN(full_disk_leaves_the_old_file);
    RUN(failures_leave_nothing);
    RUN(only_regular_files_are_replaced);
    RUN(stale_temporary_file);
    RUN(directories);
    RUN(joined_names);
    RUN(lock_is_for_one);
    RUN(messages);
    RUN(progress);
    if (rmdir(dir) != 0) {
        perror(dir);
        return 1;
    }
    return check_end();
}
