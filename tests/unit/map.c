/* Mapped files: bytes, stamps, and what happens when a file shrinks under its readers. */
#include "unit/format_case.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/map.h"

static char path[] = "/tmp/assay-map-XXXXXX";

static void maps_bytes(void)
{
    as_error err = {0};
    save(path, "hello", 5);
    as_map *m = as_map_open(path, &err);
    CHECK(m && as_map_size(m) == 5 && memcmp(as_map_bytes(m), "hello", 5) == 0);
    if (!m) return;
    CHECK_TEXT(as_map_name(m), path);
    CHECK(as_map_seen(m).size == 5 && as_map_seen(m).inode > 0);
    CHECK(as_map_check(m, &err));
    save(path, "other", 5); /* another file of that name; the mapping stays the old one */
    CHECK(memcmp(as_map_bytes(m), "hello", 5) == 0);
    CHECK(!as_map_check(m, &err) && err.class_ == AS_ESTATE);
    CHECK(strcmp(err.where, path) == 0);
    as_map_close(m);
    save(path, "", 0);
    m = as_map_open(path, &err);
    CHECK(m && as_map_size(m) == 0 && as_map_bytes(m));
    as_map_close(m);
    as_map_close(NULL);
}

static void checks_a_file_that_went_away(void)
{
    as_error err = {0};
    save(path, "hello", 5);
    as_map *m = as_map_open(path, &err);
    CHECK(remove(path) == 0);
    CHECK(m && !as_map_check(m, &err) && err.class_ == AS_EIO);
    as_map_close(m);
}

/* What a child did that ran `act`: its status, and what it wrote to stderr. */
static int in_child(void (*act)(void), char *out, size_t size)
{
    int pipes[2], status = -1;
    if (pipe(pipes) != 0) exit(1);
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        (void)dup2(pipes[1], STDERR_FILENO);
        act();
        _exit(0);
    }
    (void)close(pipes[1]);
    size_t n = 0;
    for (ssize_t got; n < size - 1 && (got = read(pipes[0], out + n, size - 1 - n)) > 0;)
        n += (size_t)got;
    out[n] = '\0';
    (void)close(pipes[0]);
    (void)waitpid(child, &status, 0);
    return status;
}

enum { PAGES = 8 * 65536 };

/* Touches the last page of a mapping whose file was cut to one byte, among others open. */
static void shrink(void)
{
    as_error err = {0};
    char *zeros = calloc(PAGES, 1);
    if (!zeros) _exit(2);
    save(path, zeros, PAGES);
    as_map *other = as_map_open("Makefile", &err), *m = as_map_open(path, &err);
    as_map *closed = as_map_open("Makefile", &err);
    if (!m || !other || !closed || !as_map_guard(&err)) _exit(2);
    as_map_close(closed);
    if (truncate(path, 1) != 0) _exit(2);
    volatile const unsigned char *bytes = as_map_bytes(m);
    if (bytes[0] == 0 && bytes[PAGES - 1] == 0) _exit(3);
    _exit(4);
}

static void names_the_file_that_shrank(void)
{
    char out[1024], want[1024];
    int status = in_child(shrink, out, sizeof out);
    (void)snprintf(want, sizeof want, "assay: %s: shrank while it was in use\n", path);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    CHECK_TEXT(out, want);
}

static void other_bus_error(void)
{
    as_error err = {0};
    if (!as_map_guard(&err)) _exit(2);
    (void)raise(SIGBUS);
    _exit(3);
}

static void leaves_other_bus_errors_alone(void)
{
    char out[1024];
    int status = in_child(other_bus_error, out, sizeof out);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

int main(void)
{
    int fd = mkstemp(path);
    if (fd < 0) return 1;
    (void)close(fd);
    RUN(maps_bytes);
    RUN(checks_a_file_that_went_away);
    RUN(names_the_file_that_shrank);
    RUN(leaves_other_bus_errors_alone);
    (void)remove(path);
    return check_end();
}
