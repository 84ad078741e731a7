/* Rows, files and errors that both programs of the store's tests use. */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include <dirent.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "check.h"
#include "lab/store/store.h"

static char dir[256];  /* of this run */
static char path[300]; /* a store in it */
static as_error err;

/* Memory, when the program says that thousands of syncs are not its subject. */
static inline const char *base_dir(void)
{
    const char *base = getenv("TMPDIR");
#ifdef STORE_IN_MEMORY
    if (!base && access("/dev/shm", W_OK) == 0) base = "/dev/shm";
#endif
    return base ? base : "/tmp";
}

/* A new, empty directory; what was in it is gone. */
static inline void fresh(void)
{
    char name[600];
    if (!dir[0]) {
        (void)snprintf(dir, sizeof dir, "%s/assay-store-XXXXXX", base_dir());
        if (!mkdtemp(dir)) abort();
        (void)snprintf(path, sizeof path, "%s/assay.db", dir);
    }
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        (void)snprintf(name, sizeof name, "%s/%s", dir, e->d_name);
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) (void)remove(name);
    }
    (void)closedir(d);
    err = (as_error){0};
}

static inline void tidy(void)
{
    fresh();
    (void)rmdir(dir);
}

/* "CLASS: WHERE: WHAT" holds all of the pieces up to NULL. */
static inline int says(as_class class_, const char *piece)
{
    char text[2048];
    int ok = err.class_ == class_ && strstr(as_error_text(&err, text, sizeof text), piece);
    if (!ok)
        printf("  error is %s: %s\n", as_class_name(err.class_),
               as_error_text(&err, text, sizeof text));
    err = (as_error){0};
    return ok;
}

static inline as_store *open_store(as_store_mode mode)
{
    char text[2048];
    err = (as_error){0};
    as_store *s = as_store_open(path, mode, &err);
    if (!s) printf("  open: %s\n", as_error_text(&err, text, sizeof text));
    return s;
}

static inline void must(bool ok)
{
    char text[2048];
    if (ok) return;
    printf("  %s\n", as_error_text(&err, text, sizeof text));
    abort();
}

static inline as_design make_design(const char *name, uint64_t seed)
{
    as_design r = {.name = name,
                   .plan = "{\"schema\":\"assay.plan/1\"}",
                   .inputs = "{}",
                   .code = "assay 0.1.0",
                   .seed = seed};
    must(as_design_key(&r, &err));
    return r;
}

static inline as_prompt make_prompt(const as_design *d, const char *set, uint64_t position,
                                    const char *text)
{
    as_prompt r = {.set = set, .position = position, .text = text};
    memcpy(r.design, d->key, sizeof r.design);
    must(as_prompt_key(&r, &err));
    return r;
}

static inline as_generation make_generation(const as_prompt *p, const char *arm, const char *text)
{
    as_generation r = {.arm = arm, .text = text, .subject = "import"};
    memcpy(r.prompt, p->key, sizeof r.prompt);
    must(as_generation_key(&r, &err));
    return r;
}

static inline as_judgement make_judgement(const as_generation *g, const char *axis, double score)
{
    as_judgement r = {.axis = axis, .score = score, .judge = "import"};
    memcpy(r.generation, g->key, sizeof r.generation);
    must(as_judgement_key(&r, &err));
    return r;
}

static inline as_reading make_reading(const as_generation *g, const float *values, uint64_t dim)
{
    as_reading r = {.site = "h_last", .values = values, .dim = dim};
    memcpy(r.generation, g->key, sizeof r.generation);
    must(as_reading_key(&r, &err));
    return r;
}

static inline as_statistic make_statistic(const as_design *d, const char *check, const char *name,
                                          double estimate)
{
    as_statistic r = {.check = check,
                      .name = name,
                      .of = "",
                      .method = "mean",
                      .inputs = "[\"t.x\"]",
                      .estimate = estimate,
                      .n = 100,
                      .lo = NAN,
                      .hi = NAN,
                      .level = NAN,
                      .p = NAN,
                      .null_q05 = NAN,
                      .null_q50 = NAN,
                      .null_q95 = NAN,
                      .detail = "{}"};
    memcpy(r.design, d->key, sizeof r.design);
    must(as_statistic_key(&r, &err));
    return r;
}

static inline as_verdict make_verdict(const as_design *d, const char *claim)
{
    as_verdict r = {.claim = claim, .word = "refuted", .cause = "no effect", .tree = "{}"};
    memcpy(r.design, d->key, sizeof r.design);
    must(as_verdict_key(&r, &err));
    return r;
}

/* A store at path with one design, n prompts, each with one answer, one score, one vector of 3, and
 * a statistic and a verdict. Closed again. */
static inline as_design fill(size_t n)
{
    char text[64], reply[64];
    const float values[3] = {0.5f, -1, 3e-8f};
    as_store *s = as_store_open(path, AS_STORE_WRITE, &err);
    must(s != NULL);
    as_design d = make_design("small", 1);
    as_statistic st = make_statistic(&d, "auc", "auc", 0.75);
    as_verdict v = make_verdict(&d, "c1");
    must(as_store_begin(s, &err) && as_store_put_design(s, &d, &err));
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(text, sizeof text, "question number %zu, with some words after it", i);
        as_prompt p = make_prompt(&d, "items", i, text);
        (void)snprintf(reply, sizeof reply, "answer number %zu, with some words after it", i);
        as_generation g = make_generation(&p, "a", reply);
        as_judgement j = make_judgement(&g, "score", (double)i / 7);
        as_reading r = make_reading(&g, values, 3);
        must(as_store_put_prompt(s, &p, &err) && as_store_put_generation(s, &g, &err));
        must(as_store_put_judgement(s, &j, &err) && as_store_put_reading(s, &r, &err));
    }
    must(as_store_put_statistic(s, &st, &err) && as_store_put_verdict(s, &v, &err));
    must(as_store_commit(s, &err));
    as_store_close(s);
    return d;
}

/* SQL on the file behind the store's back; SQLite's result code. */
static inline int raw(const char *sql)
{
    sqlite3 *db = NULL;
    int rc = sqlite3_open(path, &db);
    if (rc == SQLITE_OK) rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    (void)sqlite3_close(db);
    return rc;
}

static inline void read_all(const char *from, as_buf *out)
{
    out->size = 0;
    must(as_file_read(from, (size_t)1 << 30, out, &err));
}

static inline void write_all(const char *to, const void *bytes, size_t size)
{
    FILE *f = fopen(to, "wb");
    if (!f || (size && fwrite(bytes, 1, size, f) != size) || fclose(f) != 0) abort();
}

#endif
