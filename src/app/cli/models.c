/* assay models: what a checkpoint is, without running it. */
#include <stdlib.h>
#include <string.h>

#include "app/cli/command.h"
#include "base/file.h"
#include "base/map.h"
#include "engine/format/gguf.h"
#include "engine/format/hub.h"
#include "lab/subject/local.h"

static const as_option options[] = {
    {"tensors", 0, NULL, "list every tensor", false},
    {"digest", 0, NULL, "hash the weights", false},
    {0},
};

typedef struct {
    const char *path;
    as_local local; /* tokenizer and template */
    as_tensors *tensors;
    as_config *config;
    json_t *generation; /* generation_config.json: the vendor's defaults, shown and never applied */
} found;

static json_t *read_optional(const char *dir, const char *name, bool *ok, as_error *err)
{
    as_buf path = {0};
    json_t *o = NULL;
    as_buf_printf(&path, "%s/%s", dir, name);
    *ok = as_buf_ok(&path, err);
    if (*ok && as_file_exists(as_buf_text(&path))) {
        o = as_json_read(as_buf_text(&path), err);
        *ok = o;
    }
    as_buf_clear(&path);
    return o;
}

static bool open_folder(found *f, const as_cli *c, as_error *err)
{
    bool ok;
    json_t *config = read_optional(f->path, "config.json", &ok, err);
    if (ok && !config) ok = as_fail(err, AS_EFORMAT, "%s: no config.json", f->path);
    if (ok) f->generation = read_optional(f->path, "generation_config.json", &ok, err);
    const char *name = as_arena_printf(c->arena, err, "%s/config.json", f->path);
    ok = ok && name;
    f->config = ok ? as_config_read(c->arena, name, config, f->generation, err) : NULL;
    json_decref(config);
    return f->config;
}

static bool open_found(found *f, const as_cli *c, as_error *err)
{
    as_buf path = {0};
    bool ok = as_map_guard(err) && as_hub_resolve(c->operand[1], &path, err);
    f->path = ok ? as_arena_text(c->arena, as_buf_text(&path), err) : NULL;
    as_buf_clear(&path);
    f->tensors = f->path ? as_tensors_open(f->path, err) : NULL;
    if (!f->tensors) return false;
    if (as_tensors_gguf(f->tensors))
        f->config = as_config_gguf(c->arena, f->tensors, err);
    else if (!open_folder(f, c, err))
        return false;
    return f->config && as_local_open_text(&f->local, f->path, f->tensors, NULL, err);
}

static size_t count_layers(const as_config *c, as_mixer mixer, bool windowed)
{
    size_t n = 0;
    for (size_t l = 0; l < c->n_layers; l++)
        n += c->layer[l].mixer == mixer &&
             (mixer == AS_MIX_DELTA || !!c->layer[l].window == windowed);
    return n;
}

static json_t *describe(const found *f)
{
    const as_config *c = f->config;
    json_t *o = json_object(), *stop = json_array();
    size_t bytes = 0, elements = 0;
    for (size_t i = 0; i < as_tensors_count(f->tensors); i++) {
        bytes += as_tensors_at(f->tensors, i)->bytes;
        elements += as_tensor_count(as_tensors_at(f->tensors, i));
    }
    as_json_put_text(&o, "schema", "assay.model/1");
    as_json_put_text(&o, "path", f->path);
    as_json_put_text(&o, "family", c->family);
    as_json_put_size(&o, "layers", c->n_layers);
    as_json_put_size(&o, "attention_layers", count_layers(c, AS_MIX_ATTENTION, false));
    as_json_put_size(&o, "sliding_layers", count_layers(c, AS_MIX_ATTENTION, true));
    as_json_put_size(&o, "delta_layers", count_layers(c, AS_MIX_DELTA, false));
    as_json_put_size(&o, "dim", c->dim);
    as_json_put_size(&o, "vocab", c->vocab);
    as_json_put_size(&o, "positions", c->max_positions);
    as_json_put(&o, "tied_head", json_boolean(c->is_tied));
    as_json_put_size(&o, "tensors", as_tensors_count(f->tensors));
    as_json_put_size(&o, "elements", elements);
    as_json_put_size(&o, "bytes", bytes);
    for (size_t i = 0; i < c->n_stop; i++) as_json_append(&stop, json_integer(c->stop[i]));
    as_json_put(&o, "stop", stop);
    as_json_put_text(&o, "tokenizer",
                     f->local.tokenizer ? as_tokenizer_digest(f->local.tokenizer) : NULL);
    as_json_put_text(&o, "template", f->local.chat ? f->local.chat_digest : NULL);
    as_json_put(&o, "vendor_sampling", f->generation ? json_incref(f->generation) : json_null());
    return o;
}

static json_t *list_layers(const as_config *c)
{
    json_t *list = json_array();
    for (size_t l = 0; l < c->n_layers; l++) {
        const as_layer_shape *s = &c->layer[l];
        json_t *o = json_object();
        as_json_put_text(&o, "mixer",
                         s->mixer == AS_MIX_DELTA ? "delta"
                         : s->window              ? "sliding"
                                                  : "attention");
        as_json_put_size(&o, "heads", s->heads);
        as_json_put_size(&o, "key_heads", s->key_heads);
        as_json_put_size(&o, "head_width", as_head_width(c, l));
        if (s->window) as_json_put_size(&o, "window", s->window);
        if (s->mixer == AS_MIX_ATTENTION && s->kv_layer != l)
            as_json_put_size(&o, "reads_layer", s->kv_layer);
        as_json_put_size(&o, "mlp", s->mlp);
        as_json_append(&list, o);
    }
    return list;
}

static json_t *list_tensors(const as_tensors *t)
{
    json_t *list = json_array();
    for (size_t i = 0; i < as_tensors_count(t); i++) {
        const as_tensor *x = as_tensors_at(t, i);
        json_t *o = json_object(), *shape = json_array();
        for (size_t d = 0; d < x->n_dims; d++)
            as_json_append(&shape, json_integer((json_int_t)x->dim[d]));
        as_json_put_text(&o, "name", x->name);
        as_json_put_text(&o, "type", x->type);
        as_json_put(&o, "shape", shape);
        as_json_put_size(&o, "bytes", x->bytes);
        as_json_append(&list, o);
    }
    return list;
}

/* JSON for a terminal. */
static void put_json(as_buf *b, const json_t *v)
{
    as_buf text = {0};
    as_json_write(&text, v);
    as_buf_escape(b, as_buf_text(&text), text.size);
    b->failed = b->failed || text.failed;
    as_buf_clear(&text);
}

/* "key  value" lines; lists and objects in their JSON form. */
static void put_object(as_buf *b, const json_t *o)
{
    const char *key;
    const json_t *v;
    json_object_foreach((json_t *)o, key, v)
    {
        if (json_is_array(v) && json_array_size(v) && json_is_object(json_array_get(v, 0))) {
            as_buf_printf(b, "%s\n", key);
            for (size_t i = 0; i < json_array_size(v); i++) {
                as_buf_printf(b, "%6zu  ", i);
                put_json(b, json_array_get(v, i));
                as_buf_puts(b, "\n");
            }
            continue;
        }
        as_buf_printf(b, "%-18s ", key);
        if (json_is_string(v))
            as_buf_escape(b, json_string_value(v), json_string_length(v));
        else
            put_json(b, v);
        as_buf_puts(b, "\n");
    }
}

static bool print_found(const as_cli *c, const found *f, as_error *err)
{
    as_key digest = "";
    if (as_cli_flag(c, "digest") &&
        !as_tensors_digest_in(f->tensors, as_cli_cache(c, err), digest, err))
        return false;
    json_t *o = describe(f);
    if (digest[0]) as_json_put_text(&o, "weights", digest);
    as_json_put(&o, "layer", list_layers(f->config));
    if (as_cli_flag(c, "tensors")) as_json_put(&o, "tensor", list_tensors(f->tensors));
    if (c->json || !o) return as_print_json(o, err);
    as_buf b = {0};
    put_object(&b, o);
    bool ok = as_print(&b, err);
    as_buf_clear(&b);
    json_decref(o);
    return ok;
}

static int run(as_cli *c, as_error *err)
{
    found f = {0};
    char shown[AS_ESCAPE_SIZE];
    if (strcmp(c->operand[0], "inspect") != 0) {
        as_fail(err, AS_EUSAGE, "models: what (found %s, expected inspect)",
                as_escape(c->operand[0], strlen(c->operand[0]), shown));
        return AS_EXIT_USAGE;
    }
    bool ok = open_found(&f, c, err) && print_found(c, &f, err);
    as_tensors_close(f.tensors);
    json_decref(f.generation);
    as_local_close(&f.local);
    return ok ? AS_EXIT_DONE : AS_EXIT_FAILED;
}

const as_command as_command_models = {
    "models",
    "what a checkpoint is, without running it",
    "inspect MODEL",
    2,
    2,
    "Reads the configuration, the tensors' names and shapes, tokenizer and template of a folder, a "
    "GGUF file or a name in the local cache. The vendor's sampling defaults are shown and never "
    "applied.",
    options,
    {"assay models inspect DIR", "assay models inspect FILE.gguf --tensors --json"},
    run,
};
