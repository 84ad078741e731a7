/* Finds the interpreter and asks it, before anything hostile runs, what it reads: its modules, its
 * shared objects, the program that loads it. A cell sees these and nothing else of the machine. */
#include "lab/sandbox/sandbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_MAX = 64 << 10, ANSWER_MS = 20000 };

void as_python_text(as_buf *out, const char *const *pieces)
{
    for (; *pieces; pieces++) as_buf_puts(out, *pieces);
}

static void run_python(const char *path, const char *script, int out)
{
    char *const argv[] = {(char *)(uintptr_t)path, (char *)(uintptr_t) "-sSB",
                          (char *)(uintptr_t) "-c", (char *)(uintptr_t)script, NULL};
    char *const none[] = {NULL};
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(null, 2) < 0) _exit(126);
    execve(path, argv, none);
    _exit(127);
}

/* All that comes before the end of file; false when it takes too long or is too much. */
static bool drain(int fd, as_buf *out)
{
    char piece[4096];
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = poll(&p, 1, ANSWER_MS);
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0 || out->size > ANSWER_MAX) return false;
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n == 0;
        as_buf_add(out, piece, (size_t)n);
    }
}

static bool ask(const char *path, const char *script, as_buf *answer, as_error *err)
{
    int ends[2], status = 0;
    char shown[AS_ESCAPE_SIZE];
    as_escape(path, strlen(path), shown);
    if (access(path, X_OK) != 0)
        return as_fail(err, AS_ESANDBOX, "%s: no such interpreter (%s)", shown, strerror(errno));
    if (pipe(ends) != 0) return as_fail(err, AS_ESANDBOX, "%s: no pipe", shown);
    pid_t pid = fork();
    if (pid == 0) run_python(path, script, ends[1]);
    close(ends[1]);
    bool ok = pid > 0 && drain(ends[0], answer);
    close(ends[0]);
    if (pid > 0 && !ok) kill(pid, SIGKILL);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    if (ok && WIFEXITED(status) && WEXITSTATUS(status) == 0) return as_buf_ok(answer, err);
    return as_fail(err, AS_ESANDBOX, "%s: does not run as Python 3 (status %d)", shown, status);
}

/* One line "NAME VALUE" of the answer. */
static bool take(as_python *p, const char *line, as_arena *a, as_error *err)
{
    static const char *const names[] = {"version ", "exec ", "loader ", "loader_real ", "folder "};
    const char **const at[] = {&p->version, &p->exec, &p->loader, &p->loader_real, NULL};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n = strlen(names[i]);
        if (strncmp(line, names[i], n) != 0) continue;
        char *text = as_arena_text(a, line + n, err);
        if (!text) return false;
        if (i > 0 && (text[0] != '/' || strstr(text, "/..") || text[1] == '\0'))
            return as_fail(err, AS_ESANDBOX, "the interpreter stands at an odd place");
        if (at[i]) {
            *at[i] = text;
            return true;
        }
        if (p->n_folders == AS_PYTHON_FOLDERS)
            return as_fail(err, AS_ESANDBOX, "the interpreter reads more than %d folders",
                           AS_PYTHON_FOLDERS);
        p->folder[p->n_folders++] = text;
        return true;
    }
    return as_fail(err, AS_ESANDBOX, "the interpreter gave an answer that is not ours");
}

bool as_python_find(as_python *p, const char *path, as_arena *a, as_error *err)
{
    bool ok = false;
    as_buf script = {0}, answer = {0};
    if (!path) path = "/usr/bin/python3";
    *p = (as_python){0};
    as_python_text(&script, as_python_about);
    if (!as_buf_ok(&script, err)) goto out;
    if (!ask(path, as_buf_text(&script), &answer, err)) goto out;
    for (char *line = answer.data, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next) *next++ = '\0';
        if (!take(p, line, a, err)) goto out;
    }
    if (!p->version || strlen(p->version) > 16 || !p->exec || p->n_folders == 0 ||
        !p->loader != !p->loader_real) {
        as_fail(err, AS_ESANDBOX, "the interpreter's answer lacks a part");
        goto out;
    }
    ok = true;
out:
    as_buf_clear(&script);
    as_buf_clear(&answer);
    return ok;
}
