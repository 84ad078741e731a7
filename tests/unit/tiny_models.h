/* The four tiny models of the engine's tests, with weights made from their tensors' names, and the
 * hooks that tests hang in. */
#ifndef TINY_MODELS_H
#define TINY_MODELS_H

#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"
#include "check.h"
#include "engine/model/model.h"
#include "engine/model/synth.h"

static const char *const tiny_names[] = {"qwen3", "llama", "qwen35", "gemma4"};
enum { N_TINY = sizeof tiny_names / sizeof *tiny_names };

/* What fails here is the test's own affair: say so and stop. */
static inline void must(bool ok, const as_error *err)
{
    char text[2048];
    if (ok) return;
    printf("%s: %s\n", check_name, as_error_text(err, text, sizeof text));
    exit(1);
}

static inline void *room(size_t n, size_t size)
{
    as_error err = {0};
    void *p = as_new(n, size, &err);
    must(p != NULL, &err);
    return p;
}

/* "qwen3": written to a folder of its own, opened, and the folder removed. Gives: as_model_close.
 */
static inline as_model *tiny_open(const char *name, const as_exec *ex, as_error *err)
{
    static const char *const files[] = {"config.json", "generation_config.json",
                                        "model.safetensors"};
    char folder[] = "/tmp/assay-tiny-XXXXXX", like[32], path[64];
    const as_model_options options = {.no_digest = true};
    as_model *m = NULL;
    if (!mkdtemp(folder)) {
        (void)as_fail(err, AS_EIO, "%s: cannot be made", folder);
        return NULL;
    }
    (void)snprintf(like, sizeof like, "tiny-%s", name);
    if (as_synth_model(folder, like, 0, AS_F32, NULL, err))
        m = as_model_open(folder, ex, &options, err);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
    return m;
}

/* ---- a tap that keeps what it sees, by position ---- */

typedef struct {
    float *at; /* (positions, width) */
    size_t width;
    size_t rows; /* seen so far */
} kept;

static inline void keep_rows(const as_hook *h, const as_exec *ex, const as_site_rows *runs,
                             size_t n_runs)
{
    kept *k = h->state;
    (void)ex;
    for (size_t r = 0; r < n_runs; r++) {
        const as_site_rows *p = &runs[r];
        CHECK(p->width == k->width);
        for (size_t i = 0; i < p->rows; i++)
            memcpy(k->at + (p->first + i) * k->width, p->y + i * p->ldy, k->width * sizeof(float));
        k->rows += p->rows;
    }
}

static inline as_hook tap(as_site site, size_t layer, as_proj proj, kept *k)
{
    return (as_hook){.site = site,
                     .layer = layer,
                     .proj = proj,
                     .forward = keep_rows,
                     .state = k,
                     .reads_only = true};
}

/* ---- an operator: the columns [first, end) times `times`, plus `plus` ---- */

typedef struct {
    size_t first, end;
    float times, plus;
} change;

static inline void change_rows(const as_hook *h, const as_exec *ex, const as_site_rows *runs,
                               size_t n_runs)
{
    const change *c = h->state;
    (void)ex;
    for (size_t r = 0; r < n_runs; r++)
        for (size_t i = 0; i < runs[r].rows; i++) {
            float *y = runs[r].y + i * runs[r].ldy;
            for (size_t j = c->first; j < c->end && j < runs[r].width; j++)
                y[j] = y[j] * c->times + c->plus;
        }
}

/* The map whose input holds the heads. */
static inline as_proj head_map(const as_config *c, size_t layer)
{
    return c->layer[layer].mixer == AS_MIX_DELTA ? AS_OUT_PROJ : AS_O_PROJ;
}

static inline size_t head_columns(const as_config *c, size_t layer)
{
    return c->layer[layer].heads * c->layer[layer].head_dim;
}

#endif
