/* A folder of checkpoints whose every value is a function of the step, so that a mixture of two
 * steps is seen. */
#ifndef CHECKPOINT_CASE_H
#define CHECKPOINT_CASE_H

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/jsonl.h"
#include "base/rng.h"
#include "check.h"
#include "engine/train/record.h"

static char root[] = "/tmp/assay-checkpoint-XXXXXX";

/* What fails here is the test's own affair: say so and stop. */
static inline void must(bool ok, const as_error *err)
{
    char text[2048];
    if (ok) return;
    printf("%s: %s\n", check_name, as_error_text(err, text, sizeof text));
    exit(1);
}

static inline void must_say(const as_error *err, as_class class_, const char *message)
{
    char text[2048];
    as_error_text(err, text, sizeof text);
    CHECK(err->class_ == class_);
    CHECK(strstr(text, message));
    if (!strstr(text, message)) printf("  got: %s\n  expected: %s\n", text, message);
}

/* "ROOT/NAME", one of a few that are in use at a time. */
static inline const char *place(const char *name)
{
    static char path[32][192];
    static unsigned next;
    char *p = path[next++ % 32];
    (void)snprintf(p, sizeof path[0], "%s/%s", root, name);
    return p;
}

/* The folder and everything in it. */
static inline void remove_all(const char *folder)
{
    DIR *d = opendir(folder);
    if (!d) return;
    for (struct dirent *e; (e = readdir(d));) {
        as_buf path = {0};
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        as_buf_printf(&path, "%s/%s", folder, e->d_name);
        if (unlink(as_buf_text(&path)) != 0) remove_all(as_buf_text(&path));
        as_buf_clear(&path);
    }
    (void)closedir(d);
    (void)rmdir(folder);
}

static inline bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static inline bool holds(const char *path, const char *text)
{
    as_error err = {0};
    as_buf b = {0};
    must(as_file_read(path, 1 << 20, &b, &err), &err);
    const bool same = strcmp(as_buf_text(&b), text) == 0;
    if (!same) printf("%s holds\n%s", path, as_buf_text(&b));
    as_buf_clear(&b);
    return same;
}

static inline void put(const char *path, const char *text)
{
    as_error err = {0};
    must(as_file_replace(path, text, strlen(text), &err), &err);
}

/* Entries of a folder whose names hold `what`. */
static inline size_t n_named(const char *folder, const char *what)
{
    size_t n = 0;
    DIR *d = opendir(folder);
    if (!d) return 0;
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.' && strstr(e->d_name, what) != NULL;
    (void)closedir(d);
    return n;
}

/* Three parts, one of them empty, of `size` bytes in all. */
typedef struct {
    as_part part[3];
    size_t size;
} values;

static inline values values_new(size_t size)
{
    values v = {.size = size};
    unsigned char *bytes = calloc(1, size + 1);
    if (!bytes) exit(1);
    v.part[0] = (as_part){"layers.0.q.A", bytes, size / 3};
    v.part[1] = (as_part){"empty", bytes, 0};
    v.part[2] = (as_part){"best", bytes + size / 3, size - size / 3};
    return v;
}

static inline void values_free(values *v)
{
    free(v->part[0].data);
}

static inline void values_fill(values *v, size_t step)
{
    unsigned char *bytes = v->part[0].data;
    as_rng r = as_rng_at(7, "checkpoint test", step);
    for (size_t i = 0; i < v->size; i++) bytes[i] = (unsigned char)as_rng_u64(&r);
}

static inline bool values_are(values *v, size_t step)
{
    values other = values_new(v->size);
    values_fill(&other, step);
    bool same = memcmp(v->part[0].data, other.part[0].data, v->size) == 0;
    values_free(&other);
    return same;
}

static inline json_t *state_of(size_t step)
{
    json_t *state = json_object();
    as_json_put_size(&state, "step", step);
    as_json_put_text(&state, "text", "\xc3\xa9\n");
    return state;
}

static inline bool begin(as_saver *s, values *v, size_t step, as_error *err)
{
    json_t *state = state_of(step);
    values_fill(v, step);
    bool ok = as_saver_begin(s, step, v->part, 3, state, err);
    json_decref(state);
    return ok;
}

static inline bool save(as_saver *s, values *v, size_t step, as_error *err)
{
    return begin(s, v, step, err) && as_saver_wait(s, err);
}

/* Is step `step` there, whole, and of one piece? */
static inline bool reads(const char *folder, values *v, size_t step, as_error *err)
{
    json_t *state = NULL, *expected = state_of(step);
    bool ok = as_checkpoint_read(folder, step, v->part, 3, &state, err) && values_are(v, step) &&
              json_equal(state, expected);
    json_decref(state);
    json_decref(expected);
    return ok;
}

/* The newest step; 0: none. */
static inline size_t newest(const char *folder, as_buf *notice)
{
    as_error err = {0};
    bool found = false;
    size_t step = 0;
    must(as_checkpoint_find(folder, &found, &step, notice, &err), &err);
    return found ? step : 0;
}

static inline size_t newest_quietly(const char *folder)
{
    as_buf notice = {0};
    const size_t step = newest(folder, &notice);
    as_buf_clear(&notice);
    return step;
}

/* The chain of the first n rows of a record's log, as its checkpoint would say. */
static inline const char *chain_of(const as_record *r, size_t n)
{
    static as_key chain;
    as_error err = {0};
    char path[512];
    json_t *row = NULL;
    chain[0] = 0;
    (void)snprintf(path, sizeof path, "%s/log.jsonl", r->folder);
    as_jsonl *log = as_jsonl_open(path, &err);
    for (size_t i = 0; log && i < n && as_jsonl_next(log, &row, &err) && row; i++) {
        as_buf text = {0};
        as_buf_puts(&text, chain);
        as_json_write(&text, row);
        bool ok = as_sha256_of(text.data, text.size, chain, &err);
        if (!ok) chain[0] = 0;
        as_buf_clear(&text);
        json_decref(row);
    }
    as_jsonl_close(log);
    return chain;
}

#endif
