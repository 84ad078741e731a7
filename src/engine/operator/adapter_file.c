/* Adapters in PEFT folders, there and back, and what an adapter is in figures. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "engine/format/safetensors.h"
#include "engine/operator/adapter_internal.h"

/* ---- which modules, as PEFT says it ---- */

/* The maps that are adapted, as a set. */
typedef struct {
    const as_config *config;
    const bool *used; /* (n_layers, AS_N_PROJ) */
    bool proj[AS_N_PROJ];
    bool is_every_layer; /* every map of an adapted kind is adapted */
    bool is_product;     /* every such map of every layer that has an adapted one */
} map_set;

static bool layer_used(const map_set *s, size_t layer)
{
    for (as_proj p = 0; p < AS_N_PROJ; p++)
        if (s->used[layer * AS_N_PROJ + p]) return true;
    return false;
}

static bool set_of(map_set *s, const as_adapter *a, as_error *err)
{
    size_t out, in;
    bool *used = as_arena_push(a->arena, a->config->n_layers, AS_N_PROJ * sizeof *used, err);
    if (!used) return false;
    *s = (map_set){.config = a->config, .used = used, .is_every_layer = true, .is_product = true};
    for (size_t i = 0; i < a->n; i++) {
        used[a->map[i].layer * AS_N_PROJ + a->map[i].proj] = true;
        s->proj[a->map[i].proj] = true;
    }
    for (size_t l = 0; l < a->config->n_layers; l++)
        for (as_proj p = 0; p < AS_N_PROJ; p++) {
            if (!s->proj[p] || used[l * AS_N_PROJ + p]) continue;
            if (!as_proj_shape(a->config, l, p, &out, &in)) continue;
            s->is_every_layer = false;
            if (layer_used(s, l)) s->is_product = false;
        }
    return true;
}

/* "self_attn.q_proj" as a regular expression. */
static void put_quoted(as_buf *b, const char *name)
{
    for (; *name; name++) {
        if (*name == '.') as_buf_puts(b, "\\");
        as_buf_add(b, name, 1);
    }
}

/* The towers of multimodal checkpoints have modules of the same names, so that only the whole path
 * tells what is meant; the path in their text-only classes lacks the infix. */
static void put_expression(as_buf *b, const map_set *s)
{
    bool first = true;
    as_buf_puts(b, "model\\.");
    if (strstr(s->config->prefix, "language_model.")) as_buf_puts(b, "(language_model\\.)?");
    as_buf_puts(b, s->is_every_layer ? "layers\\.[0-9]+\\.(" : "layers\\.(");
    for (size_t l = 0; !s->is_every_layer && l < s->config->n_layers; l++) {
        if (!layer_used(s, l)) continue;
        for (as_proj p = 0; p < AS_N_PROJ; p++) {
            if (!s->used[l * AS_N_PROJ + p]) continue;
            as_buf_printf(b, "%s%zu", first ? "" : "|", l);
            first = false;
            if (s->is_product) break;
            as_buf_puts(b, "\\.");
            put_quoted(b, as_proj_name(p));
        }
    }
    if (s->is_product && !s->is_every_layer) as_buf_puts(b, ")\\.(");
    first = true;
    for (as_proj p = 0; s->is_product && p < AS_N_PROJ; p++) {
        if (!s->proj[p]) continue;
        if (!first) as_buf_puts(b, "|");
        put_quoted(b, as_proj_name(p));
        first = false;
    }
    as_buf_puts(b, ")");
}

static json_t *target_list(const map_set *s)
{
    json_t *list = json_array();
    for (as_proj p = 0; p < AS_N_PROJ; p++) {
        const char *name = as_proj_name(p), *dot = strrchr(name, '.');
        if (s->proj[p]) as_json_append(&list, json_string(dot ? dot + 1 : name));
    }
    return list;
}

static json_t *layer_list(const map_set *s)
{
    json_t *list = json_array();
    for (size_t l = 0; l < s->config->n_layers; l++)
        if (layer_used(s, l)) as_json_append(&list, json_integer((json_int_t)l));
    return list;
}

/* target_modules and layers_to_transform. */
static bool put_targets(json_t **o, const as_adapter *a, as_error *err)
{
    map_set s;
    if (!set_of(&s, a, err)) return false;
    bool is_list = s.is_product && strcmp(a->config->prefix, "model.") == 0;
    as_json_put(o, "layers_to_transform",
                is_list && !s.is_every_layer ? layer_list(&s) : json_null());
    if (is_list) {
        as_json_put(o, "target_modules", target_list(&s));
        return true;
    }
    as_buf b = {0};
    put_expression(&b, &s);
    bool ok = as_buf_ok(&b, err);
    if (ok) as_json_put_text(o, "target_modules", as_buf_text(&b));
    as_buf_clear(&b);
    return ok;
}

/* ---- adapter_config.json ---- */

static json_t *number(double x)
{
    return x == floor(x) && fabs(x) < 1e15 ? json_integer((json_int_t)x) : json_real(x);
}

static json_t *numbers(const json_t *object)
{
    json_t *o = json_object();
    const char *key;
    const json_t *v;
    json_object_foreach((json_t *)object, key, v)
        as_json_put(&o, key, number(json_number_value(v)));
    return o;
}

json_t *as_adapter_describe(const as_adapter *a, size_t rank, double alpha, const json_t *ranks,
                            const json_t *alphas, as_error *err)
{
    static const char *const off[] = {"fan_in_fan_out", "lora_bias", "use_dora"};
    static const char *const none[] = {"exclude_modules", "layers_pattern", "modules_to_save",
                                       "revision", "base_model_name_or_path"};
    json_t *o = json_object();
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) as_json_put(&o, off[i], json_false());
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) as_json_put(&o, none[i], json_null());
    as_json_put_text(&o, "peft_type", "LORA");
    as_json_put_text(&o, "task_type", "CAUSAL_LM");
    as_json_put_text(&o, "bias", "none");
    as_json_put(&o, "inference_mode", json_true());
    as_json_put(&o, "init_lora_weights", json_true());
    as_json_put_size(&o, "r", rank);
    as_json_put(&o, "lora_alpha", number(alpha));
    as_json_put(&o, "lora_dropout", json_real(a->dropout));
    as_json_put(&o, "use_rslora", json_boolean(a->is_rslora));
    as_json_put(&o, "rank_pattern", numbers(ranks));
    as_json_put(&o, "alpha_pattern", numbers(alphas));
    if (!put_targets(&o, a, err)) {
        json_decref(o);
        return NULL;
    }
    if (!o) (void)as_fail(err, AS_EMEM, "out of memory");
    return o;
}

/* ---- opening ---- */

static bool read_factor(float *to, const as_tensor *t, as_pool *pool, as_error *err)
{
    float *x = as_peft_factor(t, pool, err);
    if (!x) return false;
    memcpy(to, x, as_tensor_count(t) * sizeof *x);
    free(x);
    return true;
}

static bool take_pair(as_adapter *a, const as_peft_pair *p, as_error *err)
{
    const char *module = as_arena_text(a->arena, p->module, err);
    as_adapter_map *m =
        module ? as_adapter_add(a, module, p->layer, p->proj, p->rank, p->alpha, err) : NULL;
    return m && read_factor(m->a, p->a, a->ex->pool, err) &&
           read_factor(m->b, p->b, a->ex->pool, err);
}

as_adapter *as_adapter_open(const as_model *m, const as_exec *ex, const char *folder, uint64_t seed,
                            as_error *err)
{
    as_peft p = {0};
    as_adapter *a = NULL;
    bool ok = as_peft_open(&p, folder, as_model_config(m), err);
    if (!ok) goto out;
    a = as_adapter_begin(m, ex, p.n, err);
    ok = a;
    if (!ok) goto out;
    a->is_rslora = p.is_rslora;
    a->dropout = p.dropout;
    a->seed = seed;
    a->peft = json_incref(p.json);
    for (size_t i = 0; ok && i < p.n; i++) ok = take_pair(a, &p.pair[i], err);
    ok = ok && as_adapter_finish(a, err);
    if (ok) as_adapter_refresh(a);
out:
    as_peft_clear(&p);
    if (ok) return a;
    as_adapter_close(a);
    return NULL;
}

/* ---- saving ---- */

static bool check_finite(const as_adapter *a, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    for (size_t i = 0; i < 2 * a->n; i++) {
        const as_parameter *p = &a->param[i];
        if (a->ex->kernels->is_finite(p->value, p->rows * p->cols)) continue;
        return as_fail(err, AS_ENUMERIC, "tensor \"%s\": a value is not finite",
                       as_escape(p->name, strlen(p->name), shown));
    }
    return true;
}

static bool write_tensors(const as_adapter *a, const char *path, as_error *err)
{
    const as_safetensors_pair format = {"format", "pt"};
    as_tensor_source *t = as_new(2 * a->n, sizeof *t, err);
    if (!t) return false;
    for (size_t i = 0; i < 2 * a->n; i++) {
        const as_parameter *p = &a->param[i];
        t[i] = (as_tensor_source){.name = p->name,
                                  .dtype = AS_F32,
                                  .n_dims = 2,
                                  .dim = {p->rows, p->cols},
                                  .data = p->value};
    }
    bool ok = as_safetensors_write(path, t, 2 * a->n, &format, 1, err);
    free(t);
    return ok;
}

static bool write_config(const as_adapter *a, const char *path, const char *base, as_error *err)
{
    as_buf text = {0};
    json_t *o = json_object(), *v; /* json_copy would lose keys for want of memory */
    const char *key;
    json_object_foreach(a->peft, key, v) as_json_put(&o, key, json_incref(v));
    if (base) as_json_put_text(&o, "base_model_name_or_path", base);
    as_json_put(&o, "inference_mode", json_true());
    if (o) as_json_write_pretty(&text, o);
    bool ok = (o || as_fail(err, AS_EMEM, "out of memory")) && as_buf_ok(&text, err) &&
              as_file_replace(path, text.data, text.size, err);
    as_buf_clear(&text);
    json_decref(o);
    return ok;
}

bool as_adapter_save(const as_adapter *a, const char *folder, const char *base, as_error *err)
{
    as_buf tensors = {0}, config = {0};
    as_buf_printf(&tensors, "%s/adapter_model.safetensors", folder);
    as_buf_printf(&config, "%s/adapter_config.json", folder);
    bool ok = as_buf_ok(&tensors, err) && as_buf_ok(&config, err) && check_finite(a, err) &&
              as_dir_make(folder, err) && write_tensors(a, as_buf_text(&tensors), err) &&
              write_config(a, as_buf_text(&config), base, err);
    as_buf_clear(&tensors);
    as_buf_clear(&config);
    return ok;
}

/* ---- figures ---- */

static double sum_of_squares(const float *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++) s += (double)x[i] * x[i];
    return s;
}

/* ||B A||^2 = sum over i, j < r of (A A^T)_ij (B^T B)_ij. */
static double product_square(const as_adapter_map *m)
{
    double sum = 0;
    for (size_t i = 0; i < m->rank; i++)
        for (size_t j = 0; j <= i; j++) {
            double a = 0, b = 0;
            for (size_t k = 0; k < m->in; k++)
                a += (double)m->a[i * m->in + k] * m->a[j * m->in + k];
            for (size_t o = 0; o < m->out; o++)
                b += (double)m->b[o * m->rank + i] * m->b[o * m->rank + j];
            sum += (i == j ? 1 : 2) * a * b;
        }
    return sum > 0 ? sum : 0;
}

static json_t *map_report(const as_adapter_map *m, double *delta)
{
    json_t *o = json_object();
    *delta = fabs(m->scale) * sqrt(product_square(m));
    as_json_put_text(&o, "module", m->module);
    as_json_put_size(&o, "rank", m->rank);
    as_json_put_real(&o, "alpha", m->alpha);
    as_json_put_real(&o, "scale", m->scale);
    as_json_put_real(&o, "norm_a", sqrt(sum_of_squares(m->a, m->rank * m->in)));
    as_json_put_real(&o, "norm_b", sqrt(sum_of_squares(m->b, m->out * m->rank)));
    as_json_put_real(&o, "norm_delta", *delta);
    return o;
}

json_t *as_adapter_report(const as_adapter *a, bool must_move, as_error *err)
{
    as_buf still = {0};
    char shown[AS_ESCAPE_SIZE];
    json_t *o = json_object(), *maps = json_array();
    size_t n_parameters = 0, n_still = 0;
    double delta;
    for (size_t i = 0; i < a->n; i++) {
        const as_adapter_map *m = &a->map[i];
        as_json_append(&maps, map_report(m, &delta));
        n_parameters += m->rank * (m->in + m->out);
        if (delta > 0) continue;
        as_buf_printf(&still, "%s%s", n_still++ ? ", " : "",
                      as_escape(m->module, strlen(m->module), shown));
    }
    as_json_put(&o, "maps", maps);
    as_json_put_size(&o, "n_maps", a->n);
    as_json_put_size(&o, "n_parameters", n_parameters);
    as_json_put_real(&o, "dropout", a->dropout);
    bool ok = as_buf_ok(&still, err) && (o || as_fail(err, AS_EMEM, "out of memory"));
    if (ok && must_move && n_still)
        ok = as_fail(err, AS_ESTATE, "adapter: %zu of %zu maps have not moved: %s", n_still, a->n,
                     as_buf_text(&still));
    as_buf_clear(&still);
    if (ok) return o;
    json_decref(o);
    return NULL;
}
