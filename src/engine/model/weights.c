/* Every weight as a trainable tensor: row-major float32 beside the layout that products read. */
#include "engine/model/weights.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "engine/format/safetensors.h"
#include "engine/model/source.h"
#include "engine/model/step_internal.h"

/* ---- collecting ---- */

static size_t count_params(const as_config *c)
{
    const as_family *family = as_family_find(c->family);
    size_t n = 6; /* outside the layers, at most */
    return n + c->n_layers * (AS_N_PROJ + family->n_vectors);
}

/* A parameter of shape dim (n_dims) with room for its gradient; value is what it holds. */
static float *add(as_weights *w, const char *name, const size_t *dim, size_t n_dims, float *value,
                  as_error *err)
{
    size_t n = 1;
    for (size_t i = 0; i < n_dims; i++) n *= dim[i]; /* as large as what was opened */
    float *grad = as_arena_push(w->arena, n, sizeof *grad, err);
    char *own = grad ? as_arena_text(w->arena, name, err) : NULL;
    if (!own) return NULL;
    const bool is_matrix = n_dims == 2;
    w->param[w->n_params] = (as_parameter){.name = own,
                                           .value = value,
                                           .grad = grad,
                                           .rows = is_matrix ? dim[0] : 1,
                                           .cols = is_matrix ? dim[1] : n,
                                           .decays = is_matrix};
    as_tensor_source *t = &w->tensor[w->n_params++];
    *t = (as_tensor_source){.name = own, .dtype = AS_F32, .n_dims = n_dims, .data = value};
    memcpy(t->dim, dim, n_dims * sizeof *dim);
    return grad;
}

/* The weight's rows, widened; from now on it is laid out as float32. */
static float *widen(as_weights *w, as_weight *weight, as_error *err)
{
    const size_t out = weight->out, in = weight->in;
    float *value = as_arena_push(w->arena, out * in, sizeof *value, err);
    if (!value) return NULL;
    for (size_t o = 0; o < out; o++) as_weight_row(w->ex, weight, o, value + o * in);
    if (weight->type == AS_F32) return value;
    as_weight wide;
    const as_weight_source source = {.type = AS_F32, .out = out, .in = in, .data = value};
    if (!as_weight_pack(w->ex, &wide, &source, err)) return NULL;
    w->m->bytes += as_weight_bytes(&wide) - as_weight_bytes(weight);
    as_weight_clear(weight);
    *weight = wide;
    return value;
}

static bool add_weight(as_weights *w, const char *name, as_weight *weight, float **value,
                       float **grad, as_error *err)
{
    const size_t dim[] = {weight->out, weight->in};
    *value = widen(w, weight, err);
    *grad = *value ? add(w, name, dim, 2, *value, err) : NULL;
    return *grad != NULL;
}

/* The per-layer table: no longer mapped. */
static bool add_table(as_weights *w, as_error *err)
{
    as_tensor *t = &w->m->ple_table;
    const size_t n = as_tensor_count(t);
    char name[AS_TENSOR_NAME_SIZE];
    w->ple_table = as_arena_push(w->m->arena, n, sizeof(float), err);
    if (!w->ple_table) return false;
    bool ok = as_dequantise(t->dtype, t->nf4, w->ple_table, t->data, 0, n);
    AS_CHECK(ok); /* its type was checked when the model was opened */
    *t = (as_tensor){.name = t->name,
                     .dtype = AS_F32,
                     .type = "F32",
                     .n_dims = 2,
                     .dim = {t->dim[0], t->dim[1]},
                     .data = w->ple_table,
                     .bytes = n * sizeof(float),
                     .file = t->file};
    w->d_ple_table = add(w, as_global_name(w->m->config, AS_PLE_TABLE, false, name), t->dim, 2,
                         w->ple_table, err);
    return w->d_ple_table != NULL;
}

static bool add_globals(as_weights *w, as_error *err)
{
    as_model *m = w->m;
    const as_config *c = m->config;
    char name[AS_TENSOR_NAME_SIZE];
    if (!add_weight(w, as_global_name(c, AS_EMBED, false, name), &m->embed, &w->embed, &w->d_embed,
                    err))
        return false;
    if (!c->is_tied && !add_weight(w, as_global_name(c, AS_HEAD, false, name), &m->head, &w->head,
                                   &w->d_head, err))
        return false;
    if (c->is_tied) {
        w->d_head = as_arena_push(w->arena, c->vocab * c->dim, sizeof *w->d_head, err);
        if (!w->d_head) return false;
    }
    w->d_norm_final =
        add(w, as_global_name(c, AS_NORM, false, name), &c->dim, 1, m->norm_final, err);
    if (!w->d_norm_final || c->per_layer == 0) return w->d_norm_final != NULL;
    w->d_norm_ple =
        add(w, as_global_name(c, AS_PLE_NORM, false, name), &c->per_layer, 1, m->norm_ple, err);
    return w->d_norm_ple && add_table(w, err) &&
           add_weight(w, as_global_name(c, AS_PLE_MODEL, false, name), &m->ple_model, &w->ple_model,
                      &w->d_ple_model, err);
}

/* A_log, of which the decay is made. */
static float *logs_of(as_weights *w, size_t l, const float *decay, size_t n, as_error *err)
{
    float *a_log = as_arena_push(w->arena, n, sizeof *a_log, err);
    for (size_t h = 0; a_log && h < n; h++) a_log[h] = (float)log(-(double)decay[h]);
    w->a_log[l] = a_log;
    return a_log;
}

static bool add_vector(as_weights *w, size_t l, const as_vector_row *row, as_error *err)
{
    as_layer *layer = &w->m->layer[l], *grads = &w->grad[l];
    size_t dim[3], n;
    float *value, *grad;
    char name[AS_TENSOR_NAME_SIZE];
    if (!as_vector_shape(w->m->config, row, l, dim, &n)) return true;
    (void)as_layer_name(w->m->config, l, row->hf, row->gguf, false, name);
    if (row->field == offsetof(as_layer, scalar)) {
        if (!add(w, name, dim, n, &layer->scalar, err)) return false;
        w->param[w->n_params - 1].grad = &grads->scalar;
        return true;
    }
    memcpy(&value, (char *)layer + row->field, sizeof value);
    if (row->field == offsetof(as_layer, decay)) value = logs_of(w, l, value, dim[0], err);
    grad = value ? add(w, name, dim, n, value, err) : NULL;
    memcpy((char *)grads + row->field, &grad, sizeof grad);
    return grad != NULL;
}

static bool add_layer(as_weights *w, size_t l, as_error *err)
{
    const as_config *c = w->m->config;
    const as_family *family = as_family_find(c->family);
    char hf[64], name[AS_TENSOR_NAME_SIZE];
    for (size_t i = 0; i < family->n_vectors; i++)
        if (!add_vector(w, l, &family->vectors[i], err)) return false;
    for (as_proj p = 0; p < AS_N_PROJ; p++) {
        as_weight *weight = &w->m->layer[l].proj[p];
        if (!weight->panels) continue;
        (void)snprintf(hf, sizeof hf, "%s.weight", as_proj_name(p));
        (void)as_layer_name(c, l, hf, "", false, name);
        if (!add_weight(w, name, weight, &w->proj[l][p], &w->d_proj[l][p], err)) return false;
    }
    return true;
}

/* ---- life ---- */

as_weights *as_weights_new(as_model *m, const as_exec *ex, as_error *err)
{
    bool ok = false;
    const size_t n_layers = m->config->n_layers, n = count_params(m->config);
    if (as_tensors_gguf(m->tensors)) {
        (void)as_fail(err, AS_EUSAGE,
                      "%s: training all weights (found a GGUF file, expected a "
                      "checkpoint folder)",
                      as_tensors_name(m->tensors));
        return NULL;
    }
    if (m->config->is_nf4) {
        (void)as_fail(err, AS_EUSAGE,
                      "%s: training all weights (found NF4, expected F32, F16 or BF16)",
                      as_tensors_name(m->tensors));
        return NULL;
    }
    as_weights *w = as_new(1, sizeof *w, err);
    if (!w) return NULL;
    w->m = m;
    w->ex = ex;
    w->arena = as_arena_new(err);
    if (!w->arena) goto out;
    w->param = as_arena_push(w->arena, n, sizeof *w->param, err);
    w->tensor = w->param ? as_arena_push(w->arena, n, sizeof *w->tensor, err) : NULL;
    w->grad = w->tensor ? as_arena_push(w->arena, n_layers, sizeof *w->grad, err) : NULL;
    w->proj = w->grad ? as_arena_push(w->arena, n_layers, sizeof *w->proj, err) : NULL;
    w->d_proj = w->proj ? as_arena_push(w->arena, n_layers, sizeof *w->d_proj, err) : NULL;
    w->a_log = w->d_proj ? as_arena_push(w->arena, n_layers, sizeof *w->a_log, err) : NULL;
    ok = w->a_log && add_globals(w, err);
    for (size_t l = 0; ok && l < n_layers; l++) ok = add_layer(w, l, err);
out:
    if (ok) return w;
    as_weights_free(w);
    return NULL;
}

void as_weights_free(as_weights *w)
{
    if (!w) return;
    as_arena_free(w->arena);
    free(w);
}

const as_parameter *as_weights_params(const as_weights *w, size_t *n)
{
    *n = w->n_params;
    return w->param;
}

void as_weights_gather(as_weights *w)
{
    const as_config *c = w->m->config;
    const size_t n = c->vocab * c->dim;
    if (!c->is_tied) return;
    as_add(w->ex, w->d_embed, w->d_embed, w->d_head, c->vocab, c->dim);
    memset(w->d_head, 0, n * sizeof *w->d_head);
}

void as_weights_refresh(as_weights *w)
{
    as_model *m = w->m;
    as_weight_refill(w->ex, &m->embed, w->embed);
    if (w->head) as_weight_refill(w->ex, &m->head, w->head);
    if (w->ple_model) as_weight_refill(w->ex, &m->ple_model, w->ple_model);
    for (size_t l = 0; l < m->config->n_layers; l++) {
        as_layer *layer = &m->layer[l];
        for (size_t p = 0; p < AS_N_PROJ; p++)
            if (w->proj[l][p]) as_weight_refill(w->ex, &layer->proj[p], w->proj[l][p]);
        for (size_t h = 0; w->a_log[l] && h < m->config->layer[l].heads; h++)
            layer->decay[h] = (float)-exp((double)w->a_log[l][h]);
    }
}

/* ---- file ---- */

static bool narrow(void *context, size_t at, void *out, size_t size, as_error *err)
{
    const as_tensor_source *t = context; /* of the values as they are */
    const size_t block = as_dtype_block_bytes(t->dtype);
    (void)err;
    bool ok = as_quantise(t->dtype, out, (const float *)t->data + at / block, size / block);
    AS_CHECK(ok); /* one of three that quantise a value at a time */
    return true;
}

bool as_weights_save(const as_weights *w, const char *path, as_dtype dtype, as_error *err)
{
    AS_CHECK(dtype <= AS_BF16);
    if (dtype == AS_F32)
        return as_safetensors_write(path, w->tensor, w->n_params,
                                    &(as_safetensors_pair){"format", "pt"}, 1, err);
    as_tensor_source *own = as_new(2 * w->n_params, sizeof *own, err);
    if (!own) return false;
    for (size_t i = 0; i < w->n_params; i++) {
        as_tensor_source *from = &own[w->n_params + i];
        *from = w->tensor[i];
        from->dtype = dtype;
        own[i] = *from;
        own[i].data = NULL;
        own[i].make = narrow;
        own[i].context = from;
    }
    bool ok = as_safetensors_write(path, own, w->n_params, &(as_safetensors_pair){"format", "pt"},
                                   1, err);
    free(own);
    return ok;
}
