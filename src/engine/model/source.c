/* Finding, checking and laying out one tensor after the other. */
#include "engine/model/source.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

#define NESTED "model.language_model."

/* ---- names and shapes ---- */

static const struct {
    const char *hf, *gguf;
    bool is_bare; /* hf stands without prefix */
} globals[] = {
    [AS_EMBED] = {"embed_tokens.weight", "token_embd.weight", false},
    [AS_HEAD] = {"lm_head.weight", "output.weight", true},
    [AS_NORM] = {"norm.weight", "output_norm.weight", false},
    [AS_PLE_TABLE] = {"embed_tokens_per_layer.weight", "per_layer_token_embd.weight", false},
    [AS_PLE_MODEL] = {"per_layer_model_projection.weight", "per_layer_model_proj.weight", false},
    [AS_PLE_NORM] = {"per_layer_projection_norm.weight", "per_layer_proj_norm.weight", false},
};

const char *as_global_name(const as_config *c, as_global g, bool is_gguf,
                           char out[AS_TENSOR_NAME_SIZE])
{
    (void)snprintf(out, AS_TENSOR_NAME_SIZE, "%s%s", is_gguf || globals[g].is_bare ? "" : c->prefix,
                   is_gguf ? globals[g].gguf : globals[g].hf);
    return out;
}

const char *as_layer_name(const as_config *c, size_t layer, const char *hf, const char *gguf,
                          bool is_gguf, char out[AS_TENSOR_NAME_SIZE])
{
    if (is_gguf)
        (void)snprintf(out, AS_TENSOR_NAME_SIZE, "blk.%zu.%s", layer, gguf);
    else
        (void)snprintf(out, AS_TENSOR_NAME_SIZE, "%slayers.%zu.%s", c->prefix, layer, hf);
    return out;
}

static const char *proj_name(const as_source *s, size_t layer, as_proj p,
                             char out[AS_TENSOR_NAME_SIZE])
{
    char hf[64], gguf[64];
    (void)snprintf(hf, sizeof hf, "%s.weight", as_proj_name(p));
    (void)snprintf(gguf, sizeof gguf, "%s.weight", as_proj_gguf(p));
    return as_layer_name(s->config, layer, hf, gguf, s->is_gguf, out);
}

size_t as_global_shape(const as_config *c, as_global g, size_t *dim)
{
    size_t all = c->n_layers * c->per_layer;
    dim[0] = g == AS_NORM ? c->dim : g == AS_PLE_NORM ? c->per_layer : c->vocab;
    if (g == AS_PLE_MODEL) dim[0] = all;
    dim[1] = g == AS_PLE_TABLE ? all : c->dim;
    return g == AS_NORM || g == AS_PLE_NORM ? 1 : 2;
}

/* ---- one tensor ---- */

static bool fail_tensor(const as_tensor *t, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    as_error_at(err, "%s: tensor \"%s\"", t->file, as_escape(t->name, strlen(t->name), shown));
    return false;
}

/* The tensor's place in the file's order of names. */
static size_t index_of(const as_tensors *file, const char *name)
{
    size_t low = 0, high = as_tensors_count(file);
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (strcmp(as_tensors_at(file, mid)->name, name) <= 0)
            low = mid;
        else
            high = mid;
    }
    return low;
}

static bool check_type(as_source *s, const as_tensor *t, bool is_matrix, as_error *err)
{
    if (t->dtype <= AS_BF16) return true;
    if (is_matrix && t->dtype == AS_NF4) {
        s->has_nf4 = true;
        if (s->config->is_nf4) return true;
        (void)as_fail(err, AS_EFORMAT,
                      "dtype (found NF4, expected F32, F16 or BF16: config.json has no "
                      "quantization_config)");
    } else if (is_matrix && t->dtype < AS_NF4) {
        return true;
    } else {
        (void)as_fail(err, AS_EFORMAT, "dtype (found %s, expected F32, F16 or BF16)", t->type);
    }
    return fail_tensor(t, err);
}

static bool check_values(const as_source *s, const as_tensor *t, as_error *err)
{
    if (!s->is_scanned) return true;
    as_scan scan = as_tensors_scan(t, s->ex->pool);
    if (scan.n_nan + scan.n_inf == 0) return true;
    (void)as_fail(err, AS_ENUMERIC,
                  "values (found %zu NaN and %zu Inf, the first at element %zu, expected none)",
                  scan.n_nan, scan.n_inf, scan.first);
    return fail_tensor(t, err);
}

static const as_tensor *take(as_source *s, const char *name, size_t n, const size_t *dim,
                             bool is_matrix, as_error *err)
{
    const as_tensor *t = as_tensors_need(s->file, name, err);
    if (!t || !check_type(s, t, is_matrix, err) || !as_tensor_shape_is(t, n, dim, err) ||
        !check_values(s, t, err))
        return NULL;
    s->used[index_of(s->file, name)] = true;
    return t;
}

/* ---- matrices ---- */

bool as_source_table(as_source *s, as_global g, as_tensor *out, as_error *err)
{
    size_t dim[2], n = as_global_shape(s->config, g, dim);
    char name[AS_TENSOR_NAME_SIZE];
    const as_tensor *t = take(s, as_global_name(s->config, g, s->is_gguf, name), n, dim, true, err);
    if (t) *out = *t;
    return t != NULL;
}

bool as_source_global(as_source *s, as_global g, as_weight *out, as_error *err)
{
    as_tensor t;
    if (!as_source_table(s, g, &t, err)) return false;
    as_weight_source source = {
        .type = t.dtype, .out = t.dim[0], .in = t.dim[1], .data = t.data, .nf4 = t.nf4};
    if (!as_weight_pack(s->ex, out, &source, err)) return fail_tensor(&t, err);
    as_map_release(t.data, t.bytes);
    return true;
}

/* The blocks of each row in the order of the checkpoint; order says where column k stands. */
static bool move_blocks(const as_weight_source *w, const size_t *order, void **copy, as_error *err)
{
    size_t block = as_dtype_block(w->type), bytes = as_dtype_block_bytes(w->type);
    size_t n = w->in / block;
    unsigned char *to = *copy = as_new(w->out * n, bytes, err);
    if (!to) return false;
    for (size_t o = 0; o < w->out; o++) {
        const unsigned char *from = (const unsigned char *)w->data + o * n * bytes;
        for (size_t b = 0; b < n; b++, to += bytes)
            memcpy(to, from + order[b * block] / block * bytes, bytes);
    }
    return true;
}

static bool widen_all(const as_weight_source *w, void **copy, as_error *err)
{
    float *to = *copy = as_new(w->out * w->in, sizeof *to, err);
    if (!to) return false;
    bool done = as_dequantise(w->type, w->nf4, to, w->data, 0, w->out * w->in);
    AS_CHECK(done); /* the type was checked */
    return true;
}

/* Columns of a block type cannot be picked one by one. */
static bool order_columns(as_weight_source *w, const size_t *order, size_t width, void **copy,
                          as_error *err)
{
    size_t block = as_dtype_block(w->type);
    w->cols = order;
    if (!order || block == 1) return true;
    if (width % block == 0) {
        if (!move_blocks(w, order, copy, err)) return false;
        w->cols = NULL;
    } else {
        if (!widen_all(w, copy, err)) return false;
        w->type = AS_F32;
    }
    w->data = *copy;
    return true;
}

bool as_source_proj(as_source *s, size_t layer, as_proj p, as_weight *out, as_error *err)
{
    bool ok = false;
    size_t dim[2], *rows = NULL, *cols = NULL;
    void *copy = NULL;
    char name[AS_TENSOR_NAME_SIZE];
    if (!as_proj_shape(s->config, layer, p, &dim[0], &dim[1])) return true;
    const as_tensor *t = take(s, proj_name(s, layer, p, name), 2, dim, true, err);
    if (!t) return false;
    as_weight_source w = {
        .type = t->dtype, .out = dim[0], .in = dim[1], .data = t->data, .nf4 = t->nf4};
    if (s->is_gguf) {
        if (!as_gguf_row_order(s->config, layer, p, &rows, err) ||
            !as_gguf_col_order(s->config, layer, p, &cols, err) ||
            !order_columns(&w, cols, as_head_width(s->config, layer), &copy, err))
            goto out;
        w.rows = rows;
    }
    ok = as_weight_pack(s->ex, out, &w, err);
    as_map_release(t->data, t->bytes); /* a laid out weight is the only copy held */
out:
    free(rows);
    free(cols);
    free(copy);
    return ok || fail_tensor(t, err);
}

/* ---- floats ---- */

/* All elements of t, in the order of the checkpoint: row i stands at order[i]. */
static float *read_floats(const as_tensor *t, const size_t *order, as_arena *arena, as_error *err)
{
    size_t n = as_tensor_count(t), rows = t->n_dims ? t->dim[0] : 1, width = n / rows;
    float *x = as_arena_push(arena, n, sizeof *x, err);
    for (size_t r = 0; x && r < rows; r++) {
        bool done = as_dequantise(t->dtype, t->nf4, x + r * width, t->data,
                                  (order ? order[r] : r) * width, width);
        AS_CHECK(done); /* the type was checked */
    }
    return x;
}

bool as_source_floats(as_source *s, as_global g, as_arena *arena, float **out, as_error *err)
{
    size_t dim[2], n = as_global_shape(s->config, g, dim);
    char name[AS_TENSOR_NAME_SIZE];
    const as_tensor *t =
        take(s, as_global_name(s->config, g, s->is_gguf, name), n, dim, false, err);
    *out = t ? read_floats(t, NULL, arena, err) : NULL;
    return *out != NULL;
}

/* A_log becomes -exp(A_log); GGUF files hold that already. */
static bool to_decay(const as_source *s, const as_tensor *t, float *x, as_error *err)
{
    for (size_t h = 0; h < as_tensor_count(t); h++) {
        if (!s->is_gguf) x[h] = (float)-exp((double)x[h]);
        if (x[h] <= 0 && isfinite(x[h])) continue;
        (void)as_fail(err, AS_ENUMERIC, "decay of head %zu (found %g, expected finite, at most 0)",
                      h, (double)x[h]);
        return fail_tensor(t, err);
    }
    return true;
}

bool as_source_vector(as_source *s, size_t layer, const as_vector_row *row, as_arena *arena,
                      as_layer *out, as_error *err)
{
    size_t dim[3], n, *order = NULL;
    char name[AS_TENSOR_NAME_SIZE];
    if (!as_vector_shape(s->config, row, layer, dim, &n)) return true;
    if (s->is_gguf && n == 3 && dim[1] == 1) {
        dim[1] = dim[2];
        n = 2;
    }
    (void)as_layer_name(s->config, layer, row->hf, row->gguf, s->is_gguf, name);
    const as_tensor *t = take(s, name, n, dim, false, err);
    if (!t || (s->is_gguf && !as_gguf_vector_order(s->config, layer, row, &order, err)))
        return false;
    float *x = read_floats(t, order, arena, err);
    free(order);
    if (!x) return false;
    if (row->field == offsetof(as_layer, scalar)) {
        out->scalar = *x;
        return true;
    }
    memcpy((char *)out + row->field, &x, sizeof x);
    return row->field != offsetof(as_layer, decay) || to_decay(s, t, x, err);
}

/* ---- the whole file ---- */

bool as_source_init(as_source *s, const as_tensors *file, as_config *config, const as_exec *ex,
                    bool is_scanned, as_error *err)
{
    *s = (as_source){.file = file, .config = config, .ex = ex, .is_scanned = is_scanned};
    s->family = as_family_find(config->family);
    s->is_gguf = as_tensors_gguf(file) != NULL;
    s->used = as_new(as_tensors_count(file), sizeof *s->used, err);
    if (!s->used) return false;
    if (s->is_gguf || !s->family->may_nest) return true;
    bool flat = as_tensors_find(file, "model.embed_tokens.weight");
    bool nested = as_tensors_find(file, NESTED "embed_tokens.weight");
    if (flat && nested)
        return as_fail(err, AS_EFORMAT,
                       "%s: tensor \"embed_tokens.weight\": twice (found it under \"model.\" and "
                       "\"" NESTED "\", expected one of them)",
                       as_tensors_name(file));
    if (flat || nested) config->prefix = nested ? NESTED : "model.";
    return true;
}

void as_source_clear(as_source *s)
{
    free(s->used);
    s->used = NULL;
}

static bool begins(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

static bool ends(const char *name, const char *with)
{
    size_t n = strlen(name), m = strlen(with);
    return n >= m && strcmp(name + n - m, with) == 0;
}

/* What layers that read another's keys may still carry, and blocks after the last (which predict
 * further tokens; as_config_gguf has counted them). */
static bool is_left_over(const as_source *s, const char *name)
{
    static const char *const dropped[][2] = {{"self_attn.k_proj.weight", "attn_k.weight"},
                                             {"self_attn.v_proj.weight", "attn_v.weight"},
                                             {"self_attn.k_norm.weight", "attn_k_norm.weight"}};
    const as_config *c = s->config;
    char key[64], own[AS_TENSOR_NAME_SIZE];
    for (size_t l = 0; l < c->n_layers; l++)
        for (size_t i = 0; i < 3 && c->layer[l].kv_layer != l; i++)
            if (strcmp(name, as_layer_name(c, l, dropped[i][0], dropped[i][1], s->is_gguf, own)) ==
                0)
                return true;
    (void)snprintf(key, sizeof key, "%s.nextn_predict_layers", c->family);
    return s->is_gguf && begins(name, "blk.") && as_gguf_has(as_tensors_gguf(s->file), key) &&
           strtoul(name + 4, NULL, 10) >= c->n_layers;
}

static bool is_ignored(const as_source *s, const char *name)
{
    const char *const *p;
    if (s->config->is_tied && strcmp(name, "lm_head.weight") == 0) return true;
    for (p = s->family->ignored; *p; p++)
        if (begins(name, *p)) return true;
    for (p = s->family->ignored_ends; *p; p++)
        if (ends(name, *p)) return true;
    return is_left_over(s, name);
}

bool as_source_rest(const as_source *s, as_error *err)
{
    if (s->config->is_nf4 && !s->has_nf4)
        return as_fail(err, AS_EFORMAT,
                       "%s: weights (found none packed as NF4, expected them: config.json has a "
                       "quantization_config)",
                       as_tensors_name(s->file));
    for (size_t i = 0; i < as_tensors_count(s->file); i++) {
        const as_tensor *t = as_tensors_at(s->file, i);
        as_map_release(t->data, t->bytes); /* the digest and the scan have touched it */
        if (s->used[i] || is_ignored(s, t->name)) continue;
        (void)as_fail(err, AS_EFORMAT,
                      "unknown (found it, expected the tensors of a %s model only)",
                      s->family->name);
        return fail_tensor(t, err);
    }
    return true;
}
