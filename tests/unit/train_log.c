/* Logs: rows that are there whole, or not at all. */
#include "checkpoint_case.h"

#include <signal.h>
#include <sys/resource.h>

static bool add_number(as_train_log *l, size_t x, as_error *err)
{
    json_t *row = json_object();
    as_json_put_size(&row, "x", x);
    bool ok = as_train_log_add(l, row, err);
    json_decref(row);
    return ok;
}

static void log_keeps_lines(void)
{
    const char *path = place("log");
    as_error err = {0};
    as_train_log *l = as_train_log_open(path, 0, &err);
    for (size_t x = 0; x < 3; x++) CHECK(add_number(l, x, &err));
    as_train_log_close(l);
    CHECK(holds(path, "{\"x\":0}\n{\"x\":1}\n{\"x\":2}\n"));
    l = as_train_log_open(path, 2, &err);
    CHECK(l && add_number(l, 7, &err));
    as_train_log_close(l);
    CHECK(holds(path, "{\"x\":0}\n{\"x\":1}\n{\"x\":7}\n"));
    put(path, "{\"x\":0}\n{\"x\":1}\n{\"x\"");
    CHECK(!as_train_log_open(path, 3, &err));
    must_say(&err, AS_ESTATE, "whole lines (found 2, expected at least 3)");
    CHECK(holds(path, "{\"x\":0}\n{\"x\":1}\n{\"x\"")); /* refused: left alone */
    err = (as_error){0};
    l = as_train_log_open(path, 2, &err);
    CHECK(l && holds(path, "{\"x\":0}\n{\"x\":1}\n"));
    as_train_log_close(l);
    l = as_train_log_open(path, 0, &err);
    CHECK(l && holds(path, ""));
    as_train_log_close(l);
    as_train_log_close(NULL);
    CHECK(!as_train_log_open(root, 0, &err) && err.class_ == AS_EIO);
}

/* Lines across the pieces in which a log is read. */
static void long_log(void)
{
    const char *path = place("long");
    as_error err = {0};
    as_buf text = {0};
    for (size_t i = 0; i < 20000; i++) as_buf_printf(&text, "{\"x\":%zu}\n", i);
    must(as_file_replace(path, text.data, text.size, &err), &err);
    for (size_t lines = 20000; lines > 0; lines = lines * 2 / 3) {
        struct stat st;
        as_train_log *l = as_train_log_open(path, lines, &err);
        CHECK(l);
        as_train_log_close(l);
        size_t at = 0;
        for (size_t i = 0; i < lines; i++)
            at = (size_t)(strchr(text.data + at, '\n') - text.data) + 1;
        CHECK(stat(path, &st) == 0 && (size_t)st.st_size == at);
    }
    as_buf_clear(&text);
}

/* A row that does not fit leaves nothing of itself, and the next one may. */
static void full_disk(void)
{
    const char *path = place("full");
    as_error err = {0};
    struct rlimit old, small;
    as_train_log *l = as_train_log_open(path, 0, &err);
    CHECK(add_number(l, 1, &err));
    CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0);
    small = old, small.rlim_cur = 12;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    CHECK(!add_number(l, 2, &err));
    CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
    (void)signal(SIGXFSZ, handler);
    must_say(&err, AS_EIO, "full: cannot write: File too large");
    CHECK(holds(path, "{\"x\":1}\n"));
    err = (as_error){0};
    CHECK(add_number(l, 3, &err) && holds(path, "{\"x\":1}\n{\"x\":3}\n"));
    as_train_log_close(l);
}

int main(void)
{
    if (!mkdtemp(root)) {
        perror(root);
        return 1;
    }
    RUN(log_keeps_lines);
    RUN(long_log);
    RUN(full_disk);
    remove_all(root);
    return check_end();
}
