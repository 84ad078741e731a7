/* Values by hash, tensor by tensor, into a checkpoint file. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "engine/format/safetensors.h"
#include "engine/model/synth_internal.h"

/* A tensor to make, in the order of the file. */
typedef struct {
    struct maker *maker;
    char name[AS_TENSOR_NAME_SIZE]; /* in the file */
    as_dtype dtype;
    uint64_t hash;
    float scale, center;
    size_t width;        /* elements of a row */
    size_t *rows, *cols; /* of the checkpoint, at row or column i of the file; NULL: i. Owned */
    enum { AS_IS, PLUS_ONE, MINUS_EXP, ROPE_FREQS } change;
    bool is_fresh; /* then the values are: */
    as_fresh fresh;
    size_t n_turned; /* ROPE_FREQS */
} piece;

typedef struct maker {
    const as_synth_row *row; /* NULL: fresh */
    const as_config *config;
    const as_family *family;
    uint64_t seed;
    as_dtype dtype;
    bool is_gguf;
    piece *piece; /* (n) */
    as_tensor_source *source;
    size_t n, room;
    size_t bytes, total; /* written, of all */
    as_progress *progress;
} maker;

/* ---- values ---- */

static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint64_t fnv1a(const char *text)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *text; text++) h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    return h;
}

static float value_at(const piece *p, size_t i)
{
    if (p->is_fresh) return as_fresh_at(&p->fresh, i);
    uint64_t z = mix(p->hash + (uint64_t)(i + 1) * 0x9e3779b97f4a7c15u);
    float u = (float)(int32_t)(z >> 40) * 0x1p-23f - 1.0f;
    return u * p->scale + p->center;
}

/* Elements first .. first + n - 1 of the file. */
static void fill(const piece *p, float *x, size_t first, size_t n)
{
    if (!p->rows && !p->cols) {
        for (size_t i = 0; i < n; i++) x[i] = value_at(p, first + i);
    } else {
        for (size_t i = 0; i < n; i++) {
            size_t r = (first + i) / p->width, c = (first + i) % p->width;
            x[i] = value_at(p, (p->rows ? p->rows[r] : r) * p->width + (p->cols ? p->cols[c] : c));
        }
    }
    for (size_t i = 0; i < n && p->change != AS_IS; i++) {
        if (p->change == PLUS_ONE) x[i] += 1;
        if (p->change == MINUS_EXP) x[i] = (float)-exp((double)x[i]);
        if (p->change == ROPE_FREQS) x[i] = first + i < p->n_turned ? 1 : 1e30f;
    }
}

static bool make(void *context, size_t at, void *out, size_t size, as_error *err)
{
    enum { CHUNK = 4096 };
    float x[CHUNK];
    const piece *p = context;
    size_t block = as_dtype_block(p->dtype), bytes = as_dtype_block_bytes(p->dtype);
    size_t i = at / bytes * block, end = (at + size) / bytes * block;
    unsigned char *to = out;
    (void)err; /* nothing to ask for */
    for (; i < end; i += CHUNK) {
        size_t n = end - i < CHUNK ? end - i : CHUNK;
        fill(p, x, i, n);
        bool done = as_quantise(p->dtype, to, x, n);
        AS_CHECK(done);
        to += n / block * bytes;
    }
    p->maker->bytes += size;
    as_progress_set(p->maker->progress,
                    (size_t)(100.0 * (double)p->maker->bytes / (double)p->maker->total), p->name);
    return true;
}

/* ---- kinds of tensors ---- */

/* Scale and center by name, first match. Linear maps and embeddings of full shapes have a standard
 * deviation of 0.02, as models are initialised; the tiny ones are wilder, to show mistakes. */
static void set_range(piece *p, const maker *m, const char *name)
{
    static const struct {
        const char *family, *part;
        float scale, center, full;
    } kinds[] = {
        {NULL, "A_log", 1.5f, 0.5f, 1.5f},
        {NULL, "dt_bias", 1, 0, 1},
        {NULL, "conv1d.weight", 0.5f, 0, 0.5f},
        {NULL, "layer_scalar", 0.25f, 0.75f, 0.25f},
        {NULL, "embed_tokens.weight", 0.25f, 0, 0.034641016f},
        {"gemma4", "k_norm.weight", 0.03125f, 0.125f, 0.03125f},
        {NULL, "linear_attn.norm.weight", 0.25f, 1, 0.25f},
        {"qwen35", "norm.weight", 0.25f, 0, 0.25f},
        {NULL, "norm.weight", 0.25f, 1, 0.25f},
        {NULL, "", 0.125f, 0, 0.034641016f},
    };
    size_t i = 0;
    while (!strstr(name, kinds[i].part) ||
           (kinds[i].family && strcmp(kinds[i].family, m->config->family) != 0))
        i++;
    p->scale = m->row->is_tiny ? kinds[i].scale : kinds[i].full;
    p->center = kinds[i].center;
}

/* order says where row i of the checkpoint stands; the file is made the other way round. */
static bool invert(size_t **order, size_t n, as_error *err)
{
    if (!*order) return true;
    size_t *back = as_new(n, sizeof *back, err);
    if (!back) return false;
    for (size_t i = 0; i < n; i++) back[(*order)[i]] = i;
    free(*order);
    *order = back;
    return true;
}

/* Adds the tensor `name` of the checkpoint, called p->name in the file. */
static piece *add(maker *m, const char *name, size_t n, const size_t *dim, bool is_matrix)
{
    piece *p = &m->piece[m->n];
    as_tensor_source *s = &m->source[m->n++];
    AS_CHECK(m->n <= m->room);
    p->maker = m;
    p->hash = fnv1a(name) ^ mix(m->seed);
    p->width = 1;
    p->dtype = !is_matrix && m->is_gguf ? AS_F32 : m->dtype;
    for (size_t i = 1; i < n; i++) p->width *= dim[i];
    if (p->width % as_dtype_block(p->dtype) != 0) p->dtype = AS_F32;
    p->is_fresh = !m->row;
    if (p->is_fresh)
        p->fresh = as_fresh_of(m->config, name, dim[n - 1], m->seed);
    else
        set_range(p, m, name);
    *s = (as_tensor_source){.dtype = p->dtype, .n_dims = n, .make = make, .context = p};
    size_t count = 1;
    for (size_t i = 0; i < n; i++) {
        s->dim[i] = dim[i];
        count *= dim[i];
    }
    s->name = p->name;
    m->total += count / as_dtype_block(p->dtype) * as_dtype_block_bytes(p->dtype);
    return p;
}

/* ---- the tensors of a model ---- */

static bool is_zero_centred(const maker *m, const char *name)
{
    return m->is_gguf && strcmp(m->config->family, "qwen35") == 0 && strstr(name, "norm.weight") &&
           !strstr(name, "linear_attn.norm");
}

static void add_global(maker *m, as_global g)
{
    size_t dim[2], n = as_global_shape(m->config, g, dim);
    char name[AS_TENSOR_NAME_SIZE];
    piece *p = add(m, as_global_name(m->config, g, false, name), n, dim, n == 2);
    as_global_name(m->config, g, m->is_gguf, p->name);
    if (is_zero_centred(m, name)) p->change = PLUS_ONE;
}

static bool add_vector(maker *m, size_t l, const as_vector_row *row, as_error *err)
{
    size_t dim[3], n;
    char name[AS_TENSOR_NAME_SIZE];
    if (!as_vector_shape(m->config, row, l, dim, &n)) return true;
    if (m->is_gguf && n == 3) dim[1] = dim[--n];
    as_layer_name(m->config, l, row->hf, row->gguf, false, name);
    piece *p = add(m, name, n, dim, false);
    as_layer_name(m->config, l, row->hf, row->gguf, m->is_gguf, p->name);
    if (!m->is_gguf) return true;
    if (is_zero_centred(m, name)) p->change = PLUS_ONE;
    if (row->field == offsetof(as_layer, decay)) p->change = MINUS_EXP;
    return as_gguf_vector_order(m->config, l, row, &p->rows, err) && invert(&p->rows, dim[0], err);
}

static bool add_proj(maker *m, size_t l, as_proj proj, as_error *err)
{
    size_t dim[2];
    as_buf hf = {0}, gguf = {0};
    char name[AS_TENSOR_NAME_SIZE];
    if (!as_proj_shape(m->config, l, proj, &dim[0], &dim[1])) return true;
    as_buf_printf(&hf, "%s.weight", as_proj_name(proj));
    as_buf_printf(&gguf, "%s.weight", as_proj_gguf(proj));
    bool ok = as_buf_ok(&hf, err) && as_buf_ok(&gguf, err);
    if (ok) {
        piece *p =
            add(m, as_layer_name(m->config, l, hf.data, gguf.data, false, name), 2, dim, true);
        as_layer_name(m->config, l, hf.data, gguf.data, m->is_gguf, p->name);
        ok = !m->is_gguf || (as_gguf_row_order(m->config, l, proj, &p->rows, err) &&
                             invert(&p->rows, dim[0], err) &&
                             as_gguf_col_order(m->config, l, proj, &p->cols, err) &&
                             invert(&p->cols, dim[1], err));
    }
    as_buf_clear(&hf);
    as_buf_clear(&gguf);
    return ok;
}

/* Converters say proportional rotation by factors that stop the pairs that do not turn. */
static void add_rope_freqs(maker *m)
{
    const as_rope_shape *r = &m->config->rope[1];
    piece *p = add(m, "rope_freqs.weight", 1, &r->half, false);
    (void)memcpy(p->name, "rope_freqs.weight", sizeof "rope_freqs.weight");
    p->change = ROPE_FREQS;
    while (p->n_turned < r->half && r->inv_freq[p->n_turned] != 0) p->n_turned++;
}

static bool add_all(maker *m, as_error *err)
{
    const as_config *c = m->config;
    m->room = 8 + c->n_layers * (m->family->n_vectors + AS_N_PROJ);
    m->piece = as_new(m->room, sizeof *m->piece, err);
    m->source = as_new(m->room, sizeof *m->source, err);
    if (!m->piece || !m->source) return false;
    add_global(m, AS_EMBED);
    add_global(m, AS_NORM);
    if (!c->is_tied) add_global(m, AS_HEAD);
    if (c->per_layer > 0) {
        add_global(m, AS_PLE_TABLE);
        add_global(m, AS_PLE_MODEL);
        add_global(m, AS_PLE_NORM);
    }
    if (m->is_gguf && c->n_ropes == 2) add_rope_freqs(m);
    for (size_t l = 0; l < c->n_layers; l++) {
        for (size_t i = 0; i < m->family->n_vectors; i++)
            if (!add_vector(m, l, &m->family->vectors[i], err)) return false;
        for (int p = 0; p < AS_N_PROJ; p++)
            if (!add_proj(m, l, (as_proj)p, err)) return false;
    }
    return true;
}

static void maker_clear(maker *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->piece[i].rows);
        free(m->piece[i].cols);
    }
    free(m->piece);
    free(m->source);
}

/* ---- files ---- */

/* Reals stay reals: transformers refuses "final_logit_softcapping": 30 for 30.0. */
static bool write_json(const char *dir, const char *name, const json_t *value, as_error *err)
{
    as_buf path = {0}, text = {0};
    bool ok = as_json_write_typed(&text, value) || as_fail(err, AS_EMEM, "out of memory");
    ok = ok && as_path_join(&path, dir, name, err) &&
         as_file_replace(as_buf_text(&path), text.data, text.size, err);
    as_buf_clear(&path);
    as_buf_clear(&text);
    return ok;
}

/* Says the dtype wherever the configuration names one. */
static bool set_dtype(json_t *config, as_dtype dtype, as_error *err)
{
    static const char *const keys[] = {"torch_dtype", "dtype"};
    const char *name = dtype == AS_BF16 ? "bfloat16" : dtype == AS_F16 ? "float16" : "float32";
    json_t *text = json_object_get(config, "text_config");
    for (size_t i = 0; i < 4; i++) {
        json_t *object = i < 2 ? config : text;
        if (!object || !json_object_get(object, keys[i % 2])) continue;
        if (json_object_set_new(object, keys[i % 2], json_string(name)) != 0)
            return as_fail(err, AS_EMEM, "out of memory while writing JSON");
    }
    return true;
}

static bool write_folder(maker *m, const char *dir, json_t *config, const json_t *generation,
                         as_error *err)
{
    static const as_safetensors_pair metadata[] = {{"format", "pt"}};
    as_buf path = {0};
    bool ok = set_dtype(config, m->dtype, err) && as_dir_make(dir, err) &&
              as_path_join(&path, dir, "model.safetensors", err) &&
              as_safetensors_write(as_buf_text(&path), m->source, m->n, metadata, 1, err) &&
              write_json(dir, "config.json", config, err) &&
              (!generation || write_json(dir, "generation_config.json", generation, err));
    as_buf_clear(&path);
    return ok;
}

static bool write_gguf(maker *m, const char *path, const json_t *config, as_error *err)
{
    as_gguf_out out = {0};
    bool ok = as_synth_metadata(&out, m->config, config, m->dtype, err) &&
              as_gguf_write(path, &out, m->source, m->n, err);
    as_gguf_out_clear(&out);
    return ok;
}

const as_synth_row *as_synth_names(size_t *n)
{
    *n = as_synth_n_rows;
    return as_synth_rows;
}

static const as_synth_row *find_row(const char *like, as_error *err)
{
    as_buf known = {0};
    char shown[AS_ESCAPE_SIZE];
    for (size_t i = 0; i < as_synth_n_rows; i++) {
        if (strcmp(like, as_synth_rows[i].name) == 0) {
            as_buf_clear(&known);
            return &as_synth_rows[i];
        }
        as_buf_printf(&known, "%s%s", i ? ", " : "", as_synth_rows[i].name);
    }
    if (as_buf_ok(&known, err))
        (void)as_fail(err, AS_EUSAGE, "model shape (found \"%s\", expected one of %s)",
                      as_escape(like, strlen(like), shown), as_buf_text(&known));
    as_buf_clear(&known);
    return NULL;
}

static bool check_dtype(const maker *m, as_error *err)
{
    if (m->dtype <= AS_BF16) return true;
    if (!m->is_gguf)
        return as_fail(err, AS_EUSAGE,
                       "dtype (found %s, expected F32, F16 or BF16; others in a "
                       "file NAME.gguf)",
                       as_dtype_name(m->dtype));
    return m->dtype == AS_Q8_0 || m->dtype == AS_Q4_0 ||
           as_fail(err, AS_EUSAGE, "dtype (found %s, expected F32, F16, BF16, Q8_0 or Q4_0)",
                   as_dtype_name(m->dtype));
}

bool as_synth_model(const char *path, const char *like, uint64_t seed, as_dtype dtype,
                    as_progress *progress, as_error *err)
{
    bool ok = false;
    size_t size = strlen(path);
    json_t *config = NULL, *generation = NULL;
    as_arena *arena = NULL;
    maker m = {.seed = seed, .dtype = dtype, .progress = progress};
    m.is_gguf = size > 5 && strcmp(path + size - 5, ".gguf") == 0;
    m.row = find_row(like, err);
    if (!m.row || !check_dtype(&m, err)) goto out;
    config = as_json_parse(like, m.row->config, strlen(m.row->config), err);
    generation = as_json_parse(like, m.row->generation, strlen(m.row->generation), err);
    arena = as_arena_new(err);
    if (!config || !generation || !arena) goto out;
    m.config = as_config_read(arena, like, config, generation, err);
    if (!m.config) goto out;
    m.family = as_family_find(m.config->family);
    if (!add_all(&m, err)) goto out;
    ok = m.is_gguf ? write_gguf(&m, path, config, err)
                   : write_folder(&m, path, config, generation, err);
out:
    maker_clear(&m);
    json_decref(config);
    json_decref(generation);
    as_arena_free(arena);
    return ok;
}

bool as_synth_fresh(const char *dir, const char *name, const json_t *config, uint64_t seed,
                    as_dtype dtype, as_progress *progress, as_error *err)
{
    bool ok = false;
    maker m = {.seed = seed, .dtype = dtype, .progress = progress};
    as_arena *arena = as_arena_new(err);
    json_t *own = json_deep_copy(config);
    if (!arena || !check_dtype(&m, err)) goto out;
    if (!own) {
        (void)as_fail(err, AS_EMEM, "out of memory for a configuration");
        goto out;
    }
    m.config = as_config_read(arena, name, own, NULL, err);
    if (!m.config) goto out;
    if (m.config->is_nf4) {
        (void)as_fail(err, AS_EFORMAT, "%s: quantization_config (found one, expected none)", name);
        goto out;
    }
    m.family = as_family_find(m.config->family);
    ok = add_all(&m, err) && write_folder(&m, dir, own, NULL, err);
out:
    maker_clear(&m);
    json_decref(own);
    as_arena_free(arena);
    return ok;
}
