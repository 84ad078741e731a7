/* Opening a model: configuration, tensors, and the weights laid out. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/map.h"
#include "engine/model/source.h"

/* ---- configuration ---- */

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* DIR/NAME as JSON; *out stays NULL when may_lack and there is no such file. */
static bool read_json(const char *dir, const char *name, bool may_lack, as_buf *path, json_t **out,
                      as_error *err)
{
    *out = NULL;
    if (!as_path_join(path, dir, name, err)) return false;
    if (may_lack && !as_name_exists(as_buf_text(path))) return true;
    *out = as_json_read(as_buf_text(path), err);
    return *out != NULL;
}

static as_config *config_of_folder(as_arena *arena, const char *dir, as_error *err)
{
    as_config *c = NULL;
    as_buf path = {0}, other = {0};
    json_t *config = NULL, *generation = NULL;
    char shown[AS_ESCAPE_SIZE];
    if (!read_json(dir, "config.json", false, &path, &config, err) ||
        !read_json(dir, "generation_config.json", true, &other, &generation, err))
        goto out;
    c = as_config_read(arena, as_escape(as_buf_text(&path), path.size, shown), config, generation,
                       err);
out:
    json_decref(config);
    json_decref(generation);
    as_buf_clear(&path);
    as_buf_clear(&other);
    return c;
}

as_config *as_model_config_of(const char *path, const as_tensors *file, as_arena *a, as_error *err)
{
    return is_folder(path) ? config_of_folder(a, path, err) : as_config_gguf(a, file, err);
}

/* Configuration first: an unknown family is said before its tensors are looked at. */
static bool open_files(as_model *m, const char *path, as_error *err)
{
    bool folder = is_folder(path);
    if (folder) m->config = config_of_folder(m->arena, path, err);
    if (folder && !m->config) return false;
    m->tensors = as_tensors_open(path, err);
    if (!m->tensors) return false;
    if (!folder && !as_tensors_gguf(m->tensors)) {
        (void)as_fail(err, AS_EFORMAT,
                      "no model by itself (found a file without configuration, "
                      "expected a folder with config.json, or a GGUF file)");
        as_error_at(err, "%s", as_tensors_name(m->tensors));
        return false;
    }
    if (folder && as_tensors_gguf(m->tensors)) /* a folder's configuration is config.json */
        return as_fail(err, AS_EFORMAT, "%s: a GGUF file in a model folder; open it by its name",
                       as_tensors_name(m->tensors));
    if (!folder) m->config = as_config_gguf(m->arena, m->tensors, err);
    return m->config != NULL;
}

/* ---- weights ---- */

static void count(as_model *m, const as_weight *w, bool is_read)
{
    m->bytes += as_weight_bytes(w);
    if (!is_read || !w->panels) return;
    m->step_bytes += as_weight_bytes(w);
    m->flops += 2 * w->out * w->in;
}

static bool load_globals(as_model *m, as_source *s, as_error *err)
{
    const as_config *c = m->config;
    if (!as_source_global(s, AS_EMBED, &m->embed, err)) return false;
    count(m, &m->embed, c->is_tied); /* else one row of it is looked up */
    if (!c->is_tied && !as_source_global(s, AS_HEAD, &m->head, err)) return false;
    count(m, &m->head, true);
    if (!as_source_floats(s, AS_NORM, m->arena, &m->norm_final, err)) return false;
    if (c->per_layer == 0) return true;
    if (!as_source_table(s, AS_PLE_TABLE, &m->ple_table, err)) return false;
    as_map_release(m->ple_table.data, m->ple_table.bytes); /* a row at a time from now on */
    if (!as_source_global(s, AS_PLE_MODEL, &m->ple_model, err)) return false;
    count(m, &m->ple_model, true);
    return as_source_floats(s, AS_PLE_NORM, m->arena, &m->norm_ple, err);
}

static bool load_layer(as_model *m, as_source *s, size_t l, as_error *err)
{
    as_layer *layer = &m->layer[l];
    layer->scalar = 1;
    for (size_t i = 0; i < s->family->n_vectors; i++)
        if (!as_source_vector(s, l, &s->family->vectors[i], m->arena, layer, err)) return false;
    for (int p = 0; p < AS_N_PROJ; p++) {
        if (!as_source_proj(s, l, (as_proj)p, &layer->proj[p], err)) return false;
        count(m, &layer->proj[p], true);
    }
    return true;
}

static bool load(as_model *m, as_source *s, as_error *err)
{
    m->layer = as_arena_push(m->arena, m->config->n_layers, sizeof *m->layer, err);
    if (!m->layer || !load_globals(m, s, err)) return false;
    for (size_t l = 0; l < m->config->n_layers; l++)
        if (!load_layer(m, s, l, err)) return false;
    return as_source_rest(s, err);
}

/* It reads every byte; the pages are let go of before the weights are laid out beside them. */
static bool take_digest(as_model *m, const char *cache, as_error *err)
{
    if (!as_tensors_digest_in(m->tensors, cache, m->digest, err)) return false;
    for (size_t i = 0; i < as_tensors_count(m->tensors); i++) {
        const as_tensor *t = as_tensors_at(m->tensors, i);
        as_map_release(t->data, t->bytes);
    }
    return true;
}

as_model *as_model_open(const char *path, const as_exec *ex, const as_model_options *options,
                        as_error *err)
{
    bool ok = false;
    as_source s = {0};
    as_model *m = as_new(1, sizeof *m, err);
    if (!m) return NULL;
    m->arena = as_arena_new(err);
    if (!m->arena || !open_files(m, path, err)) goto out;
    if (!as_source_init(&s, m->tensors, m->config, ex, !options->no_scan, err)) goto out;
    if (!options->no_digest && !take_digest(m, options->cache, err)) goto out;
    /* What was laid out must be what was hashed. */
    ok = load(m, &s, err) && as_tensors_check(m->tensors, err);
out:
    as_source_clear(&s);
    if (ok) return m;
    as_model_close(m);
    return NULL;
}

void as_model_close(as_model *m)
{
    if (!m) return;
    for (size_t l = 0; m->layer && l < m->config->n_layers; l++)
        for (size_t p = 0; p < AS_N_PROJ; p++) as_weight_clear(&m->layer[l].proj[p]);
    as_weight_clear(&m->embed);
    as_weight_clear(&m->head);
    as_weight_clear(&m->ple_model);
    as_tensors_close(m->tensors);
    as_arena_free(m->arena);
    free(m);
}

/* ---- what a model says of itself ---- */

const as_config *as_model_config(const as_model *m)
{
    return m->config;
}

const char *as_model_digest(const as_model *m)
{
    return m->digest;
}

const char *as_model_dtype(const as_model *m)
{
    char name[AS_TENSOR_NAME_SIZE];
    const bool is_gguf = as_tensors_gguf(m->tensors) != NULL;
    const as_tensor *t =
        as_tensors_find(m->tensors, as_layer_name(m->config, 0, "mlp.down_proj.weight",
                                                  "ffn_down.weight", is_gguf, name));
    return as_dtype_name(t->dtype); /* there: it was laid out */
}

size_t as_model_bytes(const as_model *m)
{
    return m->bytes;
}

size_t as_model_step_bytes(const as_model *m)
{
    return m->step_bytes;
}

size_t as_model_flops(const as_model *m)
{
    return m->flops;
}

const as_tensors *as_model_tensors(const as_model *m)
{
    return m->tensors;
}
