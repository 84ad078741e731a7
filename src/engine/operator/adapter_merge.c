/* Folding an adapter into its base: W + s B A for each adapted W, everything else as it was. The
 * weights go from file to file a piece at a time. config.json is written last, so that a folder in
 * which the work was cut off is no checkpoint. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/format/safetensors.h"
#include "engine/model/source.h"
#include "engine/operator/adapter_internal.h"

enum { TASK = 2048 /* elements of one task */ };

#define MOST_SIDE ((size_t)256 << 20) /* bytes of a file beside the weights */

static const char weights[] = "model.safetensors", config_file[] = "config.json";

/* Files beside the weights that a checkpoint may have. */
static const char *const sides[] = {"generation_config.json",
                                    "tokenizer.json",
                                    "tokenizer_config.json",
                                    "tokenizer.model",
                                    "special_tokens_map.json",
                                    "added_tokens.json",
                                    "vocab.json",
                                    "merges.txt",
                                    "chat_template.jinja",
                                    "chat_template.json",
                                    "preprocessor_config.json",
                                    "processor_config.json"};
enum { N_SIDES = sizeof sides / sizeof *sides };

/* ---- one weight ---- */

/* A tensor on its way: widened where it is stored otherwise than it will be, and moved where it is
 * adapted. */
typedef struct {
    const as_exec *ex;
    const as_tensor *base;
    as_dtype dtype;
    const as_peft_pair *pair; /* NULL: as it is */
    float *a, *b;             /* while it is being written */
    float *values;            /* of a piece */
    size_t room;
} moved;

typedef struct {
    const moved *w;
    size_t first, n;
} piece;

/* values[i] = W + s B A of TASK elements, in runs of one row. */
static void move_some(void *context, size_t task, size_t worker)
{
    const piece *p = context;
    const moved *w = p->w;
    double sum[TASK];
    size_t begin = task * TASK, end = begin + TASK < p->n ? begin + TASK : p->n;
    (void)worker;
    bool done = as_dequantise(w->base->dtype, w->base->nf4, w->values + begin, w->base->data,
                              p->first + begin, end - begin);
    AS_CHECK(done); /* its type was checked */
    const size_t in = w->base->dim[1], rank = w->pair ? w->pair->rank : 0;
    for (size_t at = begin, n; w->pair && at < end; at += n) {
        size_t row = (p->first + at) / in, col = (p->first + at) % in;
        n = in - col < end - at ? in - col : end - at;
        for (size_t k = 0; k < n; k++) sum[k] = 0;
        for (size_t j = 0; j < rank; j++) {
            const double b = w->b[row * rank + j];
            const float *a = w->a + j * in + col;
            for (size_t k = 0; k < n; k++) sum[k] += b * a[k];
        }
        for (size_t k = 0; k < n; k++) w->values[at + k] += (float)(w->pair->scale * sum[k]);
    }
    for (size_t i = begin; i < end; i++) w->values[i] = as_round_to(w->dtype, w->values[i]);
}

static bool begin_weight(moved *w, as_error *err)
{
    if (!w->pair) return true;
    w->a = as_peft_factor(w->pair->a, w->ex->pool, err);
    w->b = w->a ? as_peft_factor(w->pair->b, w->ex->pool, err) : NULL;
    return w->b;
}

static void end_weight(moved *w)
{
    free(w->a);
    free(w->b);
    free(w->values);
    w->a = w->b = w->values = NULL;
    w->room = 0;
}

static bool make_piece(void *context, size_t at, void *out, size_t size, as_error *err)
{
    moved *w = context;
    char shown[AS_ESCAPE_SIZE];
    const size_t unit = as_dtype_block_bytes(w->dtype);
    piece p = {w, at / unit, size / unit};
    if (at == 0 && !begin_weight(w, err)) return false;
    if (p.n > w->room) {
        free(w->values);
        w->values = as_new(p.n, sizeof *w->values, err);
        w->room = w->values ? p.n : 0;
        if (!w->values) return false;
    }
    as_pool_run(w->ex->pool, (p.n + TASK - 1) / TASK, move_some, &p);
    if (!w->ex->kernels->is_finite(w->values, p.n))
        return as_fail(err, AS_ENUMERIC, "%s: tensor \"%s\": a merged value does not fit %s",
                       w->base->file, as_escape(w->base->name, strlen(w->base->name), shown),
                       as_dtype_name(w->dtype));
    bool ok = as_quantise(w->dtype, out, w->values, p.n);
    AS_CHECK(ok);
    if (p.first + p.n == as_tensor_count(w->base)) end_weight(w);
    return true;
}

/* ---- all of them ---- */

typedef struct {
    const as_model *model;
    const as_exec *ex;
    const as_tensors *base;
    const as_peft *adapter;
    as_dtype dtype;
    as_tensor_source *source;
    moved *moved; /* (tensors of the base) */
    size_t n_met;
    bool was_nf4;
} merge;

static const as_peft_pair *pair_of(const merge *g, const char *name)
{
    char hf[AS_TENSOR_NAME_SIZE], own[AS_TENSOR_NAME_SIZE];
    for (size_t i = 0; i < g->adapter->n; i++) {
        const as_peft_pair *p = &g->adapter->pair[i];
        (void)snprintf(hf, sizeof hf, "%s.weight", as_proj_name(p->proj));
        if (strcmp(name, as_layer_name(as_model_config(g->model), p->layer, hf, "", false, own)) ==
            0)
            return p;
    }
    return NULL;
}

static bool plan_tensor(merge *g, size_t i, as_error *err)
{
    const as_tensor *t = as_tensors_at(g->base, i);
    const as_peft_pair *pair = pair_of(g, t->name);
    as_tensor_source *s = &g->source[i];
    char shown[AS_ESCAPE_SIZE];
    bool is_plain = t->dtype == AS_F32 || t->dtype == AS_F16 || t->dtype == AS_BF16;
    *s = (as_tensor_source){.name = t->name, .dtype = t->dtype, .n_dims = t->n_dims};
    memcpy(s->dim, t->dim, sizeof s->dim);
    s->data = t->data;
    if (pair) g->n_met++;
    if (t->dtype == AS_NF4) g->was_nf4 = true;
    if (!pair && (is_plain || t->dtype == AS_U8)) return true;
    if (!is_plain && t->dtype != AS_NF4)
        return as_fail(err, AS_EFORMAT,
                       "%s: tensor \"%s\": dtype (found %s, expected F32, F16, BF16 or NF4)",
                       t->file, as_escape(t->name, strlen(t->name), shown), t->type);
    if (g->dtype != (as_dtype)AS_N_DTYPES) s->dtype = g->dtype;
    if (s->dtype == AS_NF4)
        return as_fail(err, AS_EUSAGE,
                       "%s: tensor \"%s\": is quantised (expected a dtype for what is merged)",
                       t->file, as_escape(t->name, strlen(t->name), shown));
    g->moved[i] = (moved){.ex = g->ex, .base = t, .dtype = s->dtype, .pair = pair};
    s->data = NULL;
    s->make = make_piece;
    s->context = &g->moved[i];
    return true;
}

static bool write_weights(merge *g, const char *path, as_error *err)
{
    const as_safetensors_pair format = {"format", "pt"};
    size_t n = as_tensors_count(g->base);
    g->source = as_new(n, sizeof *g->source, err);
    g->moved = g->source ? as_new(n, sizeof *g->moved, err) : NULL;
    bool ok = g->moved;
    for (size_t i = 0; ok && i < n; i++) ok = plan_tensor(g, i, err);
    AS_CHECK(!ok || g->n_met == g->adapter->n); /* a model that was opened has its maps */
    ok = ok && as_safetensors_write(path, g->source, n, &format, 1, err) &&
         as_tensors_check(g->base, err);
    for (size_t i = 0; g->moved && i < n; i++) end_weight(&g->moved[i]);
    free(g->source);
    free(g->moved);
    return ok;
}

/* ---- the folder ---- */

/* It must be new, or empty. */
static bool make_folder(const char *folder, bool *is_new, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    *is_new = false;
    DIR *d = opendir(folder);
    if (!d && errno == ENOENT) {
        *is_new = as_dir_make(folder, err);
        return *is_new;
    }
    if (!d)
        return as_fail(err, AS_EIO, "%s: %s", as_escape(folder, strlen(folder), shown),
                       strerror(errno));
    size_t n = 0;
    for (struct dirent *e; (e = readdir(d));)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    (void)closedir(d);
    return n == 0 ||
           as_fail(err, AS_ESTATE, "%s: is not empty", as_escape(folder, strlen(folder), shown));
}

static bool copy_side(const char *from, const char *to, const char *name, as_error *err)
{
    as_buf source = {0}, target = {0}, bytes = {0};
    as_buf_printf(&source, "%s/%s", from, name);
    as_buf_printf(&target, "%s/%s", to, name);
    bool ok = as_buf_ok(&source, err) && as_buf_ok(&target, err);
    if (ok && as_file_exists(as_buf_text(&source)))
        ok = as_file_read(as_buf_text(&source), MOST_SIDE, &bytes, err) &&
             as_file_replace(as_buf_text(&target), as_buf_text(&bytes), bytes.size, err);
    as_buf_clear(&source);
    as_buf_clear(&target);
    as_buf_clear(&bytes);
    return ok;
}

/* What was quantised no longer is. */
static bool write_plain_config(const char *from, const char *to, as_error *err)
{
    as_buf source = {0}, target = {0}, text = {0};
    json_t *o = NULL;
    as_buf_printf(&source, "%s/%s", from, config_file);
    as_buf_printf(&target, "%s/%s", to, config_file);
    bool ok = as_buf_ok(&source, err) && as_buf_ok(&target, err) &&
              (o = as_json_read(as_buf_text(&source), err));
    if (ok) {
        (void)json_object_del(o, "quantization_config");
        as_json_write_pretty(&text, o);
        ok = as_buf_ok(&text, err) &&
             as_file_replace(as_buf_text(&target), text.data, text.size, err);
    }
    as_buf_clear(&source);
    as_buf_clear(&target);
    as_buf_clear(&text);
    json_decref(o);
    return ok;
}

/* After a failure, of memory too: nothing of ours stays. */
static void take_back(const char *folder, bool is_new)
{
    int dir = open(folder, O_RDONLY | O_DIRECTORY);
    if (dir >= 0) {
        for (size_t i = 0; i < N_SIDES; i++) (void)unlinkat(dir, sides[i], 0);
        (void)unlinkat(dir, weights, 0);
        (void)unlinkat(dir, config_file, 0);
        (void)close(dir);
    }
    if (is_new) (void)rmdir(folder);
}

static bool write_folder(merge *g, const char *from, const char *to, as_error *err)
{
    as_buf path = {0};
    as_buf_printf(&path, "%s/%s", to, weights);
    bool ok = as_buf_ok(&path, err) && write_weights(g, as_buf_text(&path), err);
    as_buf_clear(&path);
    for (size_t i = 0; ok && i < N_SIDES; i++) ok = copy_side(from, to, sides[i], err);
    if (!ok) return false;
    return g->was_nf4 ? write_plain_config(from, to, err) : copy_side(from, to, config_file, err);
}

bool as_adapter_merge(const as_model *m, const as_exec *ex, const char *model_folder,
                      const char *adapter_folder, const char *out_folder, as_dtype dtype,
                      as_error *err)
{
    as_peft p = {0};
    bool is_new = false;
    merge g = {.model = m, .ex = ex, .adapter = &p, .dtype = dtype};
    g.base = as_model_tensors(m);
    if (dtype != AS_F32 && dtype != AS_F16 && dtype != AS_BF16 && dtype != (as_dtype)AS_N_DTYPES)
        return as_fail(err, AS_EUSAGE, "merge: dtype (found %s, expected F32, F16 or BF16)",
                       as_dtype_name(dtype));
    if (as_tensors_gguf(g.base))
        return as_fail(err, AS_EUSAGE, "%s: is a GGUF file (expected the folder of a checkpoint)",
                       as_tensors_name(g.base));
    bool ok = as_peft_open(&p, adapter_folder, as_model_config(m), err);
    if (ok) {
        ok = make_folder(out_folder, &is_new, err);
        bool is_ours = ok;
        ok = ok && write_folder(&g, model_folder, out_folder, err);
        if (is_ours && !ok) take_back(out_folder, is_new);
    }
    as_peft_clear(&p);
    return ok;
}
