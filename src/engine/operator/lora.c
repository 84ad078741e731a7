/* LoRA adapters as PEFT writes them (Hu et al. 2021, arXiv:2106.09685): y = W x + s B (A x), with
 * s = strength * alpha / r, or alpha / sqrt(r) when use_rslora. The tensors in the file decide what
 * is adapted; every one of them must find its map, and the configured rank must be theirs. A pair
 * whose product is zero is left out, so that an adapter of zeros has the bits of the base model. */
#include <math.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "engine/operator/operator_internal.h"

enum {
    CHUNK = 64,           /* rows of one pass through the adapter's buffer */
    MOST_RANK = 65536,    /* of an adapter */
    LONGEST_PATTERN = 512 /* bytes */
};

typedef struct {
    const as_weight *a, *b; /* (r, in), (out, r) */
    float scale;
    const as_arm *arm; /* whose buffer: CHUNK x (r + out) floats */
} pair_state;

static void lora_forward(const as_hook *h, const as_exec *ex, const as_site_rows *runs,
                         size_t n_runs)
{
    const pair_state *s = h->state;
    size_t rows = 0, r = s->a->out, out = s->b->out;
    for (size_t i = 0; i < n_runs; i++) rows += runs[i].rows;
    float *low = as_arm_buffer(s->arm), *delta = low + CHUNK * r;
    for (size_t at = 0; at < rows; at += CHUNK) {
        size_t n = rows - at < CHUNK ? rows - at : CHUNK;
        as_product down = {s->a, low, r}, up = {s->b, delta, out};
        as_linear(ex, &down, 1, runs[0].x + at * runs[0].ldx, runs[0].ldx, n);
        as_linear(ex, &up, 1, low, r, n);
        for (size_t i = 0; i < n; i++)
            ex->kernels->axpy(runs[0].y + (at + i) * runs[0].ldy, delta + i * out, s->scale, out);
    }
}

/* ---- adapter_config.json ---- */

typedef struct {
    const char *file; /* for messages */
    json_t *json;
    double rank, alpha;
    bool rslora;
} peft_config;

static bool config_number(const peft_config *c, const char *key, double fallback, double *out,
                          as_error *err)
{
    const json_t *v = json_object_get(c->json, key);
    *out = fallback;
    if (!v || json_is_null(v)) return true;
    *out = json_number_value(v);
    if (json_is_number(v) && *out > 0) return true;
    return as_fail(err, AS_EFORMAT, "%s: %s (expected a number above 0)", c->file, key);
}

/* How many rows a factor has: a whole number. */
static bool check_rank(const peft_config *c, const char *key, double rank, as_error *err)
{
    if (rank >= 1 && rank <= MOST_RANK && rank == floor(rank)) return true;
    return as_fail(err, AS_EFORMAT, "%s: %s (found %g, expected a whole number from 1 to %d)",
                   c->file, key, rank, MOST_RANK);
}

/* Is the value what switches a feature off? */
static bool is_off(const json_t *v)
{
    return json_is_null(v) || json_is_false(v) || (json_is_array(v) && !json_array_size(v)) ||
           (json_is_object(v) && !json_object_size(v));
}

/* A key that is not among those that are read, or do not matter at inference, must be off: what it
 * switches on could change the mathematics. */
static bool config_known(const peft_config *c, as_error *err)
{
    static const char *const known[] = {"alpha_pattern",
                                        "base_model_name_or_path",
                                        "bias",
                                        "corda_config",
                                        "eva_config",
                                        "exclude_modules",
                                        "inference_mode",
                                        "init_lora_weights",
                                        "layers_pattern",
                                        "layers_to_transform",
                                        "lora_alpha",
                                        "lora_dropout",
                                        "lora_ga_config",
                                        "megatron_core",
                                        "peft_type",
                                        "peft_version",
                                        "qalora_group_size",
                                        "r",
                                        "rank_pattern",
                                        "revision",
                                        "target_modules",
                                        "task_type",
                                        "use_rslora"};
    const char *key;
    const json_t *v;
    char shown[AS_ESCAPE_SIZE];
    json_object_foreach(c->json, key, v)
    {
        bool is_known = false;
        for (size_t i = 0; i < sizeof known / sizeof *known && !is_known; i++)
            is_known = strcmp(key, known[i]) == 0;
        if (!is_known && !is_off(v))
            return as_fail(err, AS_EFORMAT, "%s: %s is not supported", c->file,
                           as_escape(key, strlen(key), shown));
    }
    return true;
}

static bool config_text(const peft_config *c, const char *key, const char *expected, as_error *err)
{
    const json_t *v = json_object_get(c->json, key);
    if (!v || json_is_null(v)) return true;
    const char *found = json_string_value(v);
    char shown[AS_ESCAPE_SIZE];
    if (found && strcmp(found, expected) == 0) return true;
    return as_fail(err, AS_EFORMAT, "%s: %s (found %s, expected \"%s\")", c->file, key,
                   found ? as_escape(found, strlen(found), shown) : "another type", expected);
}

static bool config_check(peft_config *c, as_error *err)
{
    if (!json_is_object(c->json))
        return as_fail(err, AS_EFORMAT, "%s: expected an object", c->file);
    const char *type = json_string_value(json_object_get(c->json, "peft_type"));
    if (!type) return as_fail(err, AS_EFORMAT, "%s: peft_type is missing", c->file);
    if (!config_text(c, "peft_type", "LORA", err) || !config_text(c, "bias", "none", err) ||
        !config_text(c, "task_type", "CAUSAL_LM", err) || !config_known(c, err))
        return false;
    const json_t *init = json_object_get(c->json, "init_lora_weights");
    const char *word = json_string_value(init);
    const json_t *rslora = json_object_get(c->json, "use_rslora");
    char shown[AS_ESCAPE_SIZE];
    if (word && (strncmp(word, "pissa", 5) == 0 || strcmp(word, "olora") == 0 ||
                 strcmp(word, "corda") == 0 || strcmp(word, "loftq") == 0))
        return as_fail(err, AS_EFORMAT, "%s: init_lora_weights %s also changes the base weights",
                       c->file, as_escape(word, strlen(word), shown));
    if (rslora && !json_is_boolean(rslora) && !json_is_null(rslora))
        return as_fail(err, AS_EFORMAT, "%s: use_rslora (expected true or false)", c->file);
    c->rslora = json_is_true(rslora);
    return config_number(c, "r", 8, &c->rank, err) && check_rank(c, "r", c->rank, err) &&
           config_number(c, "lora_alpha", 8, &c->alpha, err);
}

/* Does the pattern, as PEFT reads it, name this module path? Its regular expressions are taken in
 * the POSIX extended form; an escape other than "\." could mean something else and is refused, and
 * so is a count in braces, because nested ones can take any memory. */
static bool pattern_names(const peft_config *c, const char *pattern, const char *path, bool *yes,
                          as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    regex_t regex;
    as_buf text = {0};
    bool known = !strchr(pattern, '{') && strlen(pattern) <= LONGEST_PATTERN;
    for (const char *p = pattern; known && (p = strchr(p, '\\')); p += 2) known = p[1] == '.';
    if (!known)
        return as_fail(err, AS_EFORMAT, "%s: pattern \"%s\" is not supported", c->file,
                       as_escape(pattern, strlen(pattern), shown));
    as_buf_printf(&text, "^(.*\\.)?(%s)$", pattern);
    if (!as_buf_ok(&text, err)) return false;
    int status = regcomp(&regex, as_buf_text(&text), REG_EXTENDED | REG_NOSUB);
    as_buf_clear(&text);
    if (status)
        return as_fail(err, AS_EFORMAT, "%s: pattern \"%s\" is not a regular expression", c->file,
                       as_escape(pattern, strlen(pattern), shown));
    *yes = regexec(&regex, path, 0, NULL, 0) == 0;
    regfree(&regex);
    return true;
}

/* rank_pattern or alpha_pattern: the first key that names the path. */
static bool config_pattern(const peft_config *c, const char *key, const char *path, double *value,
                           as_error *err)
{
    const json_t *object = json_object_get(c->json, key), *v;
    if (!object || json_is_null(object)) return true;
    if (!json_is_object(object)) return as_fail(err, AS_EFORMAT, "%s: %s", c->file, key);
    const char *pattern;
    json_object_foreach((json_t *)object, pattern, v)
    {
        bool yes = false;
        if (!pattern_names(c, pattern, path, &yes, err)) return false;
        if (!yes) continue;
        *value = json_number_value(v);
        if (json_is_number(v) && *value > 0) return true;
        return as_fail(err, AS_EFORMAT, "%s: %s: expected numbers above 0", c->file, key);
    }
    return true;
}

/* ---- names ---- */

/* "base_model.model.[model.][language_model.]layers.L.PATH.lora_A[.default].weight" to layer and
 * projection; `path` gets what PEFT calls the module: without "base_model.model.". */
static bool parse_name(const as_tensor *t, const as_config *config, char factor, as_buf *path,
                       size_t *layer, as_proj *proj, as_error *err)
{
    char shown[AS_ESCAPE_SIZE], tail[40];
    const char *name = t->name, *head = "base_model.model.";
    snprintf(tail, sizeof tail, ".lora_%c.", factor);
    const char *end = strstr(name, tail);
    if (strncmp(name, head, strlen(head)) != 0 || !end) goto unknown;
    const char *rest = end + strlen(tail);
    if (strcmp(rest, "weight") != 0 && strcmp(rest, "default.weight") != 0) goto unknown;
    as_buf_add(path, name + strlen(head), (size_t)(end - name) - strlen(head));
    if (!as_buf_ok(path, err)) return false;
    const char *p = as_buf_text(path);
    if (strncmp(p, "model.", 6) == 0) p += 6;
    if (strncmp(p, "language_model.", 15) == 0) p += 15;
    if (strncmp(p, "layers.", 7) != 0) goto unknown;
    char *after = NULL;
    unsigned long l = p[7] >= '0' && p[7] <= '9' ? strtoul(p + 7, &after, 10) : 0;
    if (!after || *after != '.' || l >= config->n_layers) goto unknown;
    for (as_proj i = 0; i < AS_N_PROJ; i++) {
        size_t out, in;
        if (strcmp(after + 1, as_proj_name(i)) != 0) continue;
        if (!as_proj_shape(config, l, i, &out, &in)) break;
        *layer = l;
        *proj = i;
        return true;
    }
unknown:
    return as_fail(err, AS_EFORMAT, "%s: tensor \"%s\": no such map in this model", t->file,
                   as_escape(name, strlen(name), shown));
}

/* The other factor of a pair: the same name with A and B changed. */
static const as_tensor *partner(const as_tensors *file, const as_tensor *t, as_error *err)
{
    as_buf name = {0};
    const as_tensor *found = NULL;
    as_buf_puts(&name, t->name);
    if (as_buf_ok(&name, err)) {
        char *mark = strstr(name.data, ".lora_A.");
        if (mark) mark[6] = 'B';
        found = as_tensors_need(file, name.data, err);
    }
    as_buf_clear(&name);
    return found;
}

static bool factor_pack(const as_exec *ex, as_weight *w, const as_tensor *t, bool *zero,
                        as_error *err)
{
    as_weight_source source = {AS_F32, t->dim[0], t->dim[1], NULL, NULL, NULL, NULL};
    size_t n = as_tensor_count(t);
    char shown[AS_ESCAPE_SIZE];
    as_scan scan = as_tensors_scan(t, ex->pool);
    if (scan.n_nan + scan.n_inf)
        return as_fail(err, AS_ENUMERIC, "%s: tensor \"%s\": %zu NaN, %zu Inf, first at %zu",
                       t->file, as_escape(t->name, strlen(t->name), shown), scan.n_nan, scan.n_inf,
                       scan.first);
    float *x = as_new(n, sizeof *x, err);
    if (!x) return false;
    bool ok = as_dequantise(t->dtype, t->nf4, x, t->data, 0, n) ||
              as_fail(err, AS_EFORMAT, "%s: tensor \"%s\": type %s", t->file,
                      as_escape(t->name, strlen(t->name), shown), t->type);
    *zero = true;
    for (size_t i = 0; ok && i < n && *zero; i++) *zero = x[i] == 0;
    source.data = x;
    ok = ok && as_weight_pack(ex, w, &source, err);
    free(x);
    return ok;
}

/* ---- opening ---- */

typedef struct {
    as_arm *arm;
    const as_exec *ex;
    const as_config *config;
    const peft_config *peft;
    const as_tensors *file;
    double strength;
    size_t n_pairs;
} opening;

static bool add_hook(opening *o, size_t layer, as_proj proj, const as_weight *a, const as_weight *b,
                     double scale, as_error *err)
{
    pair_state *s = as_arena_push(as_arm_arena(o->arm), 1, sizeof *s, err);
    as_hook *h = s ? as_arm_add(o->arm, err) : NULL;
    if (!h || !as_arm_need(o->arm, CHUNK * (a->out + b->out), err)) return false;
    *s = (pair_state){a, b, (float)scale, o->arm};
    *h = (as_hook){.site = AS_SITE_OUTPUT, .layer = layer, .proj = proj, .forward = lora_forward};
    h->state = s;
    return true;
}

/* The pair of one lora_A tensor. */
static bool add_pair(opening *o, const as_tensor *a, as_error *err)
{
    as_buf path = {0};
    size_t layer = 0, out = 0, in = 0;
    as_proj proj = 0;
    bool ok = false, zero_a, zero_b;
    double rank = o->peft->rank, alpha = o->peft->alpha;
    const as_tensor *b = NULL;
    if (!parse_name(a, o->config, 'A', &path, &layer, &proj, err) ||
        !config_pattern(o->peft, "rank_pattern", as_buf_text(&path), &rank, err) ||
        !config_pattern(o->peft, "alpha_pattern", as_buf_text(&path), &alpha, err))
        goto out;
    if (!check_rank(o->peft, "rank_pattern", rank, err)) goto out;
    b = partner(o->file, a, err);
    if (!b) goto out;
    if (!as_proj_shape(o->config, layer, proj, &out, &in)) goto out;
    size_t want_a[] = {(size_t)rank, in}, want_b[] = {out, (size_t)rank};
    if (!as_tensor_shape_is(a, 2, want_a, err) || !as_tensor_shape_is(b, 2, want_b, err)) goto out;
    as_weight *wa = as_arm_weight(o->arm, err), *wb = wa ? as_arm_weight(o->arm, err) : NULL;
    if (!wb || !factor_pack(o->ex, wa, a, &zero_a, err) || !factor_pack(o->ex, wb, b, &zero_b, err))
        goto out;
    double scale = o->strength * alpha / (o->peft->rslora ? sqrt(rank) : rank);
    o->n_pairs++;
    ok = zero_a || zero_b || scale == 0 || add_hook(o, layer, proj, wa, wb, scale, err);
out:
    as_buf_clear(&path);
    return ok;
}

static bool add_pairs(opening *o, as_error *err)
{
    size_t n_b = 0;
    for (size_t i = 0; i < as_tensors_count(o->file); i++) {
        const as_tensor *t = as_tensors_at(o->file, i);
        if (strstr(t->name, ".lora_A.")) {
            if (!add_pair(o, t, err)) return false;
        } else if (strstr(t->name, ".lora_B.")) {
            n_b++;
        } else {
            char shown[AS_ESCAPE_SIZE];
            return as_fail(err, AS_EFORMAT, "%s: tensor \"%s\": neither lora_A nor lora_B", t->file,
                           as_escape(t->name, strlen(t->name), shown));
        }
    }
    if (!o->n_pairs) return as_fail(err, AS_EFORMAT, "%s: no tensors", as_tensors_name(o->file));
    return n_b == o->n_pairs || as_fail(err, AS_EFORMAT, "%s: %zu lora_B for %zu lora_A",
                                        as_tensors_name(o->file), n_b, o->n_pairs);
}

/* Does the model have a map whose path ends with this name? */
static bool names_map(const as_config *c, const char *target)
{
    for (as_proj p = 0; p < AS_N_PROJ; p++) {
        const char *name = as_proj_name(p);
        size_t n = strlen(name), k = strlen(target), out, in;
        bool ends = n >= k && strcmp(name + n - k, target) == 0;
        if (!ends || (n > k && name[n - k - 1] != '.')) continue;
        for (size_t l = 0; l < c->n_layers; l++)
            if (as_proj_shape(c, l, p, &out, &in)) return true;
    }
    return false;
}

/* Every name in a target_modules list that the model has must have met a tensor. */
static bool check_targets(const opening *o, as_error *err)
{
    const json_t *list = json_object_get(o->peft->json, "target_modules");
    char shown[AS_ESCAPE_SIZE];
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *target = json_string_value(json_array_get(list, i));
        bool met = false;
        if (!target)
            return as_fail(err, AS_EFORMAT, "%s: target_modules[%zu] (expected text)",
                           o->peft->file, i);
        for (size_t k = 0; k < as_tensors_count(o->file) && !met; k++) {
            const char *name = as_tensors_at(o->file, k)->name, *at = name;
            size_t n = strlen(target);
            while (!met && (at = strstr(at, target))) {
                met = at > name && at[-1] == '.' && strncmp(at + n, ".lora_", 6) == 0;
                at++;
            }
        }
        if (!met && names_map(o->config, target))
            return as_fail(err, AS_EFORMAT, "%s: target_modules names %s, which no tensor adapts",
                           o->peft->file, as_escape(target, strlen(target), shown));
    }
    return true;
}

/* The configuration decides the scale, so it is as much of the arm as the tensors are. */
static bool note(opening *o, const char *folder, as_error *err)
{
    as_key digest, config;
    as_buf text = {0};
    as_json_write(&text, o->peft->json);
    bool ok = as_buf_ok(&text, err) && as_sha256_of(text.data, text.size, config, err);
    as_buf_clear(&text);
    if (!ok || !as_tensors_digest(o->file, digest, err)) return false;
    json_t *what = json_object();
    as_json_put_text(&what, "operator", "lora");
    as_json_put_text(&what, "path", folder);
    as_json_put_text(&what, "digest", digest);
    as_json_put_text(&what, "config", config);
    as_json_put_size(&what, "pairs", o->n_pairs);
    as_json_put_real(&what, "strength", o->strength);
    return as_arm_note(o->arm, what, err);
}

static bool lora_open(as_arm *arm, const char *argument, const as_model *m, const as_exec *ex,
                      const as_arm_options *options, as_error *err)
{
    (void)options;
    bool ok = false;
    as_tensors *file = NULL;
    as_buf config_path = {0}, path = {0};
    peft_config peft = {0};
    opening o = {.arm = arm, .ex = ex, .config = as_model_config(m), .peft = &peft};
    char *folder = as_arena_text(as_arm_arena(arm), argument, err);
    if (!folder || !as_argument_strength(folder, &o.strength, err)) goto out;
    as_buf_printf(&config_path, "%s/adapter_config.json", folder);
    as_buf_printf(&path, "%s/adapter_model.safetensors", folder);
    if (!as_buf_ok(&config_path, err) || !as_buf_ok(&path, err)) goto out;
    peft.file = as_buf_text(&config_path);
    peft.json = as_json_read(peft.file, err);
    if (!peft.json || !config_check(&peft, err)) goto out;
    file = as_tensors_open(as_buf_text(&path), err);
    if (!file) goto out;
    o.file = file;
    ok = add_pairs(&o, err) && check_targets(&o, err) && note(&o, folder, err);
out:
    as_tensors_close(file);
    json_decref(peft.json);
    as_buf_clear(&config_path);
    as_buf_clear(&path);
    return ok;
}

const as_operator as_operator_lora = {
    "lora",
    "lora: FOLDER [* STRENGTH]",
    "a LoRA adapter as PEFT saves it (adapter_config.json, adapter_model.safetensors)",
    lora_open,
};
