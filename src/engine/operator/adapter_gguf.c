/* Adapters as GGUF files, there and back. The factors take the orders of rows and columns that a
 * GGUF file of the base has: B's rows those of the map's outputs, A's columns those of its inputs.
 * Beside what other readers need, the file carries the whole adapter_config.json, so that the way
 * back loses nothing. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/format/gguf.h"
#include "engine/model/source.h"
#include "engine/operator/adapter_internal.h"

#define ALPHA "adapter.lora.alpha"
#define CONFIG "assay.adapter_config" /* JSON; other programs ignore it */

/* "blk.0.attn_q.weight.lora_a" */
static void tensor_name(char out[AS_TENSOR_NAME_SIZE], size_t layer, as_proj proj, char factor)
{
    (void)snprintf(out, AS_TENSOR_NAME_SIZE, "blk.%zu.%s.weight.lora_%c", layer, as_proj_gguf(proj),
                   factor);
}

/* y (rows, cols): row i of x stands at rows_at[i], its column k at cols_at[k]; back when is_back.
 * NULL: where it was. */
static void reorder(float *y, const float *x, size_t rows, size_t cols, const size_t *rows_at,
                    const size_t *cols_at, bool is_back)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < cols; k++) {
            size_t file = (rows_at ? rows_at[i] : i) * cols + (cols_at ? cols_at[k] : k);
            if (is_back)
                y[i * cols + k] = x[file];
            else
                y[file] = x[i * cols + k];
        }
}

/* The order of A's columns or of B's rows. Gives: free(). */
static bool order_of(const as_config *c, size_t layer, as_proj proj, bool is_a, size_t **order,
                     as_error *err)
{
    return is_a ? as_gguf_col_order(c, layer, proj, order, err)
                : as_gguf_row_order(c, layer, proj, order, err);
}

/* ---- writing ---- */

/* What readers divide by r: alpha, or alpha sqrt(r) for rslora, as the file's float. */
static float file_alpha(double alpha, size_t rank, bool is_rslora)
{
    return (float)(is_rslora ? alpha * sqrt((double)rank) : alpha);
}

static bool common_alpha(const as_adapter *a, float *alpha, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    *alpha = file_alpha(a->map[0].alpha, a->map[0].rank, a->is_rslora);
    for (size_t i = 1; i < a->n; i++) {
        const as_adapter_map *m = &a->map[i];
        float own = file_alpha(m->alpha, m->rank, a->is_rslora);
        if (own == *alpha) continue;
        return as_fail(err, AS_EUSAGE,
                       "%s: scale times rank (found %g, expected %g as in the others: a GGUF "
                       "adapter holds one alpha)",
                       as_escape(m->module, strlen(m->module), shown), (double)own, (double)*alpha);
    }
    return true;
}

/* The factor in the file's order: the parameter's own values, or a copy into the arena. */
static const float *ordered(const as_adapter *a, size_t i, as_arena *arena, as_error *err)
{
    const as_adapter_map *m = &a->map[i / 2];
    const as_parameter *p = &a->param[i];
    size_t *order;
    const bool is_a = i % 2 == 0;
    if (!order_of(a->config, m->layer, m->proj, is_a, &order, err)) return NULL;
    if (!order) return p->value;
    float *copy = as_arena_push(arena, p->rows * p->cols, sizeof *copy, err);
    if (copy)
        reorder(copy, p->value, p->rows, p->cols, is_a ? NULL : order, is_a ? order : NULL, false);
    free(order);
    return copy;
}

static bool fill_tensors(const as_adapter *a, as_tensor_source *t, as_arena *arena, as_error *err)
{
    for (size_t i = 0; i < 2 * a->n; i++) {
        const as_parameter *p = &a->param[i];
        const as_adapter_map *m = &a->map[i / 2];
        char name[AS_TENSOR_NAME_SIZE];
        tensor_name(name, m->layer, m->proj, i % 2 ? 'b' : 'a');
        t[i] = (as_tensor_source){
            .dtype = AS_F32, .n_dims = 2, .dim = {p->rows, p->cols}, .data = NULL};
        t[i].name = as_arena_text(arena, name, err);
        t[i].data = t[i].name ? ordered(a, i, arena, err) : NULL;
        if (!t[i].data) return false;
        if (a->ex->kernels->is_finite(p->value, p->rows * p->cols)) continue;
        return as_fail(err, AS_ENUMERIC, "tensor \"%s\": a value is not finite", name);
    }
    return true;
}

static void put_text(as_gguf_out *o, const char *key, const char *text)
{
    as_gguf_put_text(o, key, text, strlen(text));
}

bool as_adapter_write_gguf(const as_adapter *a, const char *path, as_error *err)
{
    float alpha;
    as_gguf_out o = {0};
    as_buf config = {0};
    as_arena *arena = as_arena_new(err);
    as_tensor_source *t = arena ? as_arena_push(arena, 2 * a->n, sizeof *t, err) : NULL;
    bool ok = t && common_alpha(a, &alpha, err) && fill_tensors(a, t, arena, err);
    if (!ok) goto out;
    as_json_write(&config, a->peft);
    ok = as_buf_ok(&config, err);
    if (!ok) goto out;
    put_text(&o, "general.architecture", a->config->family);
    put_text(&o, "general.type", "adapter");
    put_text(&o, "adapter.type", "lora");
    as_gguf_put_f32(&o, ALPHA, alpha);
    put_text(&o, CONFIG, as_buf_text(&config));
    ok = as_gguf_write(path, &o, t, 2 * a->n, err);
out:
    as_gguf_out_clear(&o);
    as_buf_clear(&config);
    as_arena_free(arena);
    return ok;
}

/* ---- reading ---- */

/* A file on its way in. */
typedef struct {
    as_gguf *file;
    const as_model *model;
    const as_exec *ex;
    as_adapter *adapter;
    float alpha;
    size_t *rank; /* (n_layers, AS_N_PROJ), 0: not adapted */
    size_t n_maps;
} incoming;

static bool text_is(const incoming *in, const char *key, const char *expected, as_error *err)
{
    const char *text;
    size_t size;
    char shown[AS_ESCAPE_SIZE];
    if (!as_gguf_text(in->file, key, &text, &size, err)) return false;
    if (size == strlen(expected) && memcmp(text, expected, size) == 0) return true;
    return as_fail(err, AS_EFORMAT, "%s: key \"%s\": value (found %s, expected %s)",
                   as_gguf_name(in->file), key, as_escape(text, size, shown), expected);
}

static const as_tensor *find(const as_gguf *g, const char *name)
{
    size_t low = 0, high = as_gguf_count(g);
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(as_gguf_at(g, mid)->name, name);
        if (order == 0) return as_gguf_at(g, mid);
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

/* The pair of one map, when the file has it: its rank and the checks of its shapes. */
static bool look_up(incoming *in, size_t layer, as_proj proj, as_error *err)
{
    char name_a[AS_TENSOR_NAME_SIZE], name_b[AS_TENSOR_NAME_SIZE];
    size_t out, width;
    if (!as_proj_shape(as_model_config(in->model), layer, proj, &out, &width)) return true;
    tensor_name(name_a, layer, proj, 'a');
    tensor_name(name_b, layer, proj, 'b');
    const as_tensor *a = find(in->file, name_a), *b = find(in->file, name_b);
    if (!a && !b) return true;
    if (!a || !b)
        return as_fail(err, AS_EFORMAT, "%s: tensor \"%s\": missing", as_gguf_name(in->file),
                       a ? name_b : name_a);
    size_t rank = a->dim[0], want_a[] = {rank, width}, want_b[] = {out, rank};
    if (!as_tensor_shape_is(a, 2, want_a, err) || !as_tensor_shape_is(b, 2, want_b, err))
        return false;
    if (rank < 1 || rank > AS_MOST_RANK)
        return as_fail(err, AS_EFORMAT, "%s: tensor \"%s\": rank (found %zu, expected 1 to %d)",
                       as_gguf_name(in->file), name_a, rank, (int)AS_MOST_RANK);
    in->rank[layer * AS_N_PROJ + (size_t)proj] = rank;
    in->n_maps++;
    return true;
}

/* Some tensor of the file that is no factor of a map. */
static bool fail_unknown(const incoming *in, as_error *err)
{
    char shown[AS_ESCAPE_SIZE], name[AS_TENSOR_NAME_SIZE];
    const size_t n_slots = as_model_config(in->model)->n_layers * AS_N_PROJ;
    for (size_t i = 0; i < as_gguf_count(in->file); i++) {
        const char *own = as_gguf_at(in->file, i)->name;
        bool known = false;
        for (size_t k = 0; k < 2 * n_slots && !known; k++) {
            if (!in->rank[k / 2]) continue;
            tensor_name(name, k / 2 / AS_N_PROJ, (as_proj)(k / 2 % AS_N_PROJ), k % 2 ? 'b' : 'a');
            known = strcmp(own, name) == 0;
        }
        if (known) continue;
        return as_fail(err, AS_EFORMAT, "%s: tensor \"%s\": no such map in this model",
                       as_gguf_name(in->file), as_escape(own, strlen(own), shown));
    }
    return as_fail(err, AS_EFORMAT, "%s: no tensors", as_gguf_name(in->file));
}

static bool read_head(incoming *in, as_error *err)
{
    const as_config *c = as_model_config(in->model);
    if (!text_is(in, "general.type", "adapter", err) || !text_is(in, "adapter.type", "lora", err) ||
        !text_is(in, "general.architecture", c->family, err) ||
        !as_gguf_f32(in->file, ALPHA, &in->alpha, err))
        return false;
    if (!(in->alpha > 0) || !isfinite(in->alpha))
        return as_fail(err, AS_EFORMAT, "%s: key \"" ALPHA "\": value (found %g, expected above 0)",
                       as_gguf_name(in->file), (double)in->alpha);
    for (size_t l = 0; l < c->n_layers; l++)
        for (as_proj p = 0; p < AS_N_PROJ; p++)
            if (!look_up(in, l, p, err)) return false;
    if (in->n_maps > 0 && as_gguf_count(in->file) == 2 * in->n_maps) return true;
    return fail_unknown(in, err);
}

static bool read_values(const incoming *in, const as_adapter_map *m, bool is_a, as_error *err)
{
    char name[AS_TENSOR_NAME_SIZE];
    size_t *order = NULL;
    tensor_name(name, m->layer, m->proj, is_a ? 'a' : 'b');
    float *x = as_peft_factor(find(in->file, name), in->ex->pool, err);
    bool ok = x && order_of(as_model_config(in->model), m->layer, m->proj, is_a, &order, err);
    if (ok && is_a) reorder(m->a, x, m->rank, m->in, NULL, order, true);
    if (ok && !is_a) reorder(m->b, x, m->out, m->rank, order, NULL, true);
    free(order);
    free(x);
    return ok;
}

/* ---- the configuration ---- */

/* The shortest decimal that reads back as this float, as a double: 0.1 for 0.1f. */
static double shortest(float x)
{
    char text[32];
    for (int digits = 1; digits <= 9; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, (double)x);
        if (strtof(text, NULL) == x) break;
    }
    return strtod(text, NULL);
}

/* rank_pattern for the maps whose rank is not that of the first one. Gives. */
static json_t *rank_pattern(const as_adapter *a)
{
    json_t *o = json_object();
    for (size_t i = 0; i < a->n; i++) {
        as_buf quoted = {0};
        if (a->map[i].rank == a->map[0].rank) continue;
        for (const char *c = a->map[i].module; *c; c++) {
            if (*c == '.') as_buf_puts(&quoted, "\\");
            as_buf_add(&quoted, c, 1);
        }
        if (quoted.failed)
            as_json_put(&o, "", NULL);
        else
            as_json_put_size(&o, as_buf_text(&quoted), a->map[i].rank);
        as_buf_clear(&quoted);
    }
    return o;
}

static bool describe(as_adapter *a, as_error *err)
{
    json_t *ranks = rank_pattern(a);
    if (!ranks) return as_fail(err, AS_EMEM, "out of memory");
    a->peft = as_adapter_describe(a, a->map[0].rank, a->map[0].alpha, ranks, NULL, err);
    json_decref(ranks);
    return a->peft;
}

/* Does the configuration that came along say what the file says? Another program may have changed
 * one of them. */
static bool agrees(const incoming *in, const as_peft *p, as_error *err)
{
    const as_config *c = as_model_config(in->model);
    for (size_t i = 0; i < c->n_layers * AS_N_PROJ; i++) {
        size_t rank;
        double alpha;
        if (!in->rank[i]) continue;
        const char *module =
            as_adapter_module(in->adapter->arena, c, i / AS_N_PROJ, (as_proj)(i % AS_N_PROJ), err);
        if (!module || !as_peft_module(p, module, &rank, &alpha, err)) return false;
        float own = file_alpha(alpha, rank, p->is_rslora);
        if (rank == in->rank[i] && own == in->alpha) continue;
        return as_fail(err, AS_EFORMAT,
                       "%s: key \"" CONFIG "\": %s (found rank %zu and alpha %g, expected %zu and "
                       "%g as in the file)",
                       as_gguf_name(in->file), module, rank, (double)own, in->rank[i],
                       (double)in->alpha);
    }
    return true;
}

/* Gives the configuration that came along. */
static bool read_config(const incoming *in, as_peft *p, as_error *err)
{
    const char *text;
    size_t size;
    if (!as_gguf_text(in->file, CONFIG, &text, &size, err)) return false;
    json_t *json = as_json_parse(as_gguf_name(in->file), text, size, err);
    return json && as_peft_configure(p, as_gguf_name(in->file), json, err) && agrees(in, p, err);
}

static bool add_maps(incoming *in, const as_peft *own, as_error *err)
{
    const as_config *c = as_model_config(in->model);
    as_adapter *a = in->adapter;
    for (size_t i = 0; i < c->n_layers * AS_N_PROJ; i++) {
        size_t layer = i / AS_N_PROJ, rank;
        as_proj proj = (as_proj)(i % AS_N_PROJ);
        double alpha = shortest(in->alpha);
        if (!in->rank[i]) continue;
        const char *module = as_adapter_module(a->arena, c, layer, proj, err);
        if (!module || (own->json && !as_peft_module(own, module, &rank, &alpha, err)))
            return false;
        as_adapter_map *m = as_adapter_add(a, module, layer, proj, in->rank[i], alpha, err);
        if (!m || !read_values(in, m, true, err) || !read_values(in, m, false, err)) return false;
    }
    if (!as_adapter_finish(a, err)) return false;
    if (!own->json) return describe(a, err);
    a->peft = json_incref(own->json);
    return true;
}

bool as_adapter_from_gguf(const as_model *m, const as_exec *ex, const char *path,
                          const char *folder, as_error *err)
{
    incoming in = {.model = m, .ex = ex, .file = as_gguf_open(path, err)};
    as_peft own = {0};
    bool ok = in.file;
    if (!ok) goto out;
    in.rank = as_new(as_model_config(m)->n_layers, AS_N_PROJ * sizeof *in.rank, err);
    ok = in.rank && read_head(&in, err);
    if (!ok) goto out;
    in.adapter = as_adapter_begin(m, ex, in.n_maps, err);
    ok = in.adapter && (!as_gguf_has(in.file, CONFIG) || read_config(&in, &own, err));
    if (!ok) goto out;
    in.adapter->is_rslora = own.is_rslora;
    in.adapter->dropout = own.dropout;
    ok = add_maps(&in, &own, err) && as_adapter_save(in.adapter, folder, NULL, err);
out:
    as_adapter_close(in.adapter);
    as_peft_clear(&own);
    free(in.rank);
    as_gguf_close(in.file);
    return ok;
}
