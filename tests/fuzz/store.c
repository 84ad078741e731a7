/* Any file is refused with a message, or a store whose rows read and verify. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/store/store.h"
#include "replay.h"

/* One file a process, in memory where that can be. */
static const char *place(void)
{
    static char path[64];
    if (!path[0])
        snprintf(path, sizeof path, "%s/assay-fuzz-%ld.db",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (long)getpid());
    return path;
}

static void sweep(void)
{
    static const char *const ending[] = {"", "-wal", "-shm", "-journal", ".lock"};
    char name[96];
    for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++) {
        snprintf(name, sizeof name, "%s%s", place(), ending[i]);
        (void)unlink(name);
    }
}

static void read_all(as_store *s, as_arena *a)
{
    as_design *d = NULL;
    as_statistic *t = NULL;
    as_verdict *v = NULL;
    as_prompt_list prompts = {0};
    as_reading_list readings = {0};
    as_store_tally tally;
    size_t n = 0, n_rows = 0;
    as_error list = {0}, rows = {0}, whole = {0};
    bool ok = as_store_designs(s, a, &d, &n, &list);
    for (size_t i = 0; ok && i < n; i++) {
        as_store_where w = {.design = d[i].key};
        ok = as_store_statistics(s, d[i].key, NULL, a, &t, &n_rows, &rows) &&
             as_store_verdicts(s, d[i].key, NULL, a, &v, &n_rows, &rows) &&
             as_store_prompts(s, &w, a, &prompts, &rows) &&
             as_store_readings(s, &w, a, &readings, &rows);
    }
    AS_CHECK(ok || list.class_ || rows.class_);
    AS_CHECK(as_store_verify(s, NULL, &tally, NULL, NULL, &whole) == (whole.class_ == AS_OK));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_error err = {0}, memory = {0};
    sweep();
    int fd = open(place(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    AS_CHECK(fd >= 0);
    AS_CHECK(write(fd, data, size) == (ssize_t)size);
    AS_CHECK(close(fd) == 0);
    as_arena *a = as_arena_new(&memory);
    AS_CHECK(a);
    as_store *s = as_store_open(place(), AS_STORE_READ, &err);
    AS_CHECK((s != NULL) == (err.class_ == AS_OK));
    AS_CHECK(s || err.what[0]);
    if (s) read_all(s, a);
    as_store_close(s);
    as_arena_free(a);
    sweep();
    return 0;
}
