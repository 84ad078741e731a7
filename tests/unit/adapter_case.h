/* Tiny models in folders of their own, and one step of a model under a list of hooks: what the
 * tests of adapters share. */
#ifndef ADAPTER_CASE_H
#define ADAPTER_CASE_H

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "check.h"
#include "engine/model/synth.h"
#include "engine/operator/adapter.h"

static char root[] = "/tmp/assay-adapter-XXXXXX";

/* "ROOT/NAME", one of a few that are in use at a time. */
static inline const char *place(const char *name)
{
    static char path[8][160];
    static unsigned next;
    char *p = path[next++ % 8];
    (void)snprintf(p, sizeof path[0], "%s/%s", root, name);
    return p;
}

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

/* The tiny model `like`, made in ROOT/like (with the suffix, in a file) when it is not there. */
static inline as_model *tiny(const char *like, const char *suffix, as_dtype dtype,
                             const as_exec *ex)
{
    char name[64];
    as_error err = {0};
    (void)snprintf(name, sizeof name, "%s%s", like, suffix);
    const char *path = place(name);
    if (!as_file_exists(path)) must(as_synth_model(path, like, 0, dtype, NULL, &err), &err);
    as_model *m = as_model_open(path, ex, &(as_model_options){.no_digest = true}, &err);
    must(m != NULL, &err);
    return m;
}

enum { STEP = 40, VOCAB = 512 };

/* Logits of STEP tokens; room for (STEP, VOCAB). */
static inline void run_logits(const as_model *m, const as_exec *ex, const as_hooks *hooks,
                              float *logits)
{
    as_error err = {0};
    uint32_t ids[STEP];
    const size_t dim = as_model_config(m)->dim, vocab = as_model_config(m)->vocab;
    CHECK(vocab <= VOCAB);
    for (size_t i = 0; i < STEP; i++) ids[i] = (uint32_t)((i * 73 + 11) % vocab);
    as_cache *cache = as_cache_new(as_model_config(m), &err);
    must(cache != NULL, &err);
    as_cache_row *row = as_cache_row_new(cache, STEP, &err);
    as_work *work = as_work_new(m, STEP, &err);
    float *final = as_new(STEP * dim, sizeof *final, &err);
    must(row && work && final, &err);
    as_run run = {.ids = ids,
                  .n = STEP,
                  .cache = row,
                  .hooks = hooks,
                  .n_final = STEP,
                  .parent = AS_NO_PARENT};
    must(as_model_step(m, ex, work, &run, 1, final, &err), &err);
    as_model_head(m, ex, logits, final, STEP);
    free(final);
    as_work_free(work);
    as_cache_row_free(row);
    as_cache_free(cache);
}

/* Of STEP x VOCAB logits. */
static inline double largest_difference(const float *a, const float *b)
{
    double worst = 0;
    for (size_t i = 0; i < STEP * VOCAB; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= worst)) worst = d;
    }
    return worst;
}

static inline void save(const as_adapter *a, const char *folder)
{
    as_error err = {0};
    must(as_adapter_save(a, folder, "some/base", &err), &err);
}

static inline bool same_files(const char *a, const char *b)
{
    as_error err = {0};
    as_buf x = {0}, y = {0};
    must(as_file_read(a, 1 << 26, &x, &err) && as_file_read(b, 1 << 26, &y, &err), &err);
    bool same = x.size == y.size && memcmp(x.data, y.data, x.size) == 0;
    as_buf_clear(&x);
    as_buf_clear(&y);
    return same;
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

#endif
