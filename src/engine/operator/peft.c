/* Reading PEFT's two files. The tensors in the file decide what is adapted; the configuration
 * decides their scale, and must agree with their shapes. */
#include "engine/operator/peft.h"

#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_PATTERN = 512 /* bytes */ };

/* ---- values of adapter_config.json ---- */

static bool config_number(const as_peft *p, const char *key, double fallback, double *out,
                          as_error *err)
{
    const json_t *v = json_object_get(p->json, key);
    *out = fallback;
    if (!v || json_is_null(v)) return true;
    *out = json_number_value(v);
    if (json_is_number(v) && *out > 0) return true;
    return as_fail(err, AS_EFORMAT, "%s: %s (expected a number above 0)", p->file, key);
}

static bool config_dropout(as_peft *p, as_error *err)
{
    const json_t *v = json_object_get(p->json, "lora_dropout");
    p->dropout = 0;
    if (!v || json_is_null(v)) return true;
    p->dropout = json_number_value(v);
    if (json_is_number(v) && p->dropout >= 0 && p->dropout < 1) return true;
    return as_fail(err, AS_EFORMAT, "%s: lora_dropout (expected a number from 0 to below 1)",
                   p->file);
}

/* How many rows a factor has: a whole number. */
static bool check_rank(const as_peft *p, const char *key, double rank, as_error *err)
{
    if (rank >= 1 && rank <= AS_MOST_RANK && rank == floor(rank)) return true;
    return as_fail(err, AS_EFORMAT, "%s: %s (found %g, expected a whole number from 1 to %d)",
                   p->file, key, rank, (int)AS_MOST_RANK);
}

/* Is the value what switches a feature off? */
static bool is_off(const json_t *v)
{
    return json_is_null(v) || json_is_false(v) || (json_is_array(v) && !json_array_size(v)) ||
           (json_is_object(v) && !json_object_size(v));
}

/* A key that is not among those that are read, or do not matter to the mathematics, must be off:
 * what it switches on could change them. */
static bool config_known(const as_peft *p, as_error *err)
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
    json_object_foreach(p->json, key, v)
    {
        bool is_known = false;
        for (size_t i = 0; i < sizeof known / sizeof *known && !is_known; i++)
            is_known = strcmp(key, known[i]) == 0;
        if (!is_known && !is_off(v))
            return as_fail(err, AS_EFORMAT, "%s: %s is not supported", p->file,
                           as_escape(key, strlen(key), shown));
    }
    return true;
}

static bool config_text(const as_peft *p, const char *key, const char *expected, as_error *err)
{
    const json_t *v = json_object_get(p->json, key);
    if (!v || json_is_null(v)) return true;
    const char *found = json_string_value(v);
    char shown[AS_ESCAPE_SIZE];
    if (found && strcmp(found, expected) == 0) return true;
    return as_fail(err, AS_EFORMAT, "%s: %s (found %s, expected \"%s\")", p->file, key,
                   found ? as_escape(found, strlen(found), shown) : "another type", expected);
}

bool as_peft_configure(as_peft *p, const char *file, json_t *json, as_error *err)
{
    p->file = file;
    p->json = json;
    if (!json_is_object(json)) return as_fail(err, AS_EFORMAT, "%s: expected an object", file);
    const char *type = json_string_value(json_object_get(json, "peft_type"));
    if (!type) return as_fail(err, AS_EFORMAT, "%s: peft_type is missing", file);
    if (!config_text(p, "peft_type", "LORA", err) || !config_text(p, "bias", "none", err) ||
        !config_text(p, "task_type", "CAUSAL_LM", err) || !config_known(p, err))
        return false;
    const char *word = json_string_value(json_object_get(json, "init_lora_weights"));
    const json_t *rslora = json_object_get(json, "use_rslora");
    char shown[AS_ESCAPE_SIZE];
    if (word && (strncmp(word, "pissa", 5) == 0 || strcmp(word, "olora") == 0 ||
                 strcmp(word, "corda") == 0 || strcmp(word, "loftq") == 0))
        return as_fail(err, AS_EFORMAT, "%s: init_lora_weights %s also changes the base weights",
                       file, as_escape(word, strlen(word), shown));
    if (rslora && !json_is_boolean(rslora) && !json_is_null(rslora))
        return as_fail(err, AS_EFORMAT, "%s: use_rslora (expected true or false)", file);
    p->is_rslora = json_is_true(rslora);
    return config_number(p, "r", 8, &p->rank, err) && check_rank(p, "r", p->rank, err) &&
           config_number(p, "lora_alpha", 8, &p->alpha, err) && config_dropout(p, err);
}

/* ---- patterns ---- */

/* Does POSIX read the pattern as PEFT's language does? Not where a count is in braces, an escape is
 * not "\.", a question mark makes a count lazy, a class is named inside brackets, or parentheses
 * do not pair up and would end the group that the pattern is put in. */
static bool is_read_alike(const char *pattern)
{
    size_t depth = 0;
    bool in_set = false;
    if (strlen(pattern) > LONGEST_PATTERN || strpbrk(pattern, "{}")) return false;
    for (const char *p = pattern; *p; p++) {
        if (*p == '\\' && *++p != '.') return false;
        if (*p == '[' && in_set) return false;
        if (*p == '[' || *p == ']') in_set = *p == '[';
        if (p[1] == '?' && strchr("*+?", *p)) return false;
        if (*p == '(') depth++;
        if (*p == ')' && depth-- == 0) return false;
    }
    return depth == 0;
}

bool as_peft_matches(const char *pattern, const char *path, bool is_whole, bool *yes, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    regex_t regex;
    as_buf text = {0};
    if (!is_read_alike(pattern))
        return as_fail(err, AS_EFORMAT, "pattern \"%s\" is not supported",
                       as_escape(pattern, strlen(pattern), shown));
    as_buf_printf(&text, is_whole ? "^(%s)$" : "^(.*\\.)?(%s)$", pattern);
    if (!as_buf_ok(&text, err)) return false;
    int status = regcomp(&regex, as_buf_text(&text), REG_EXTENDED | REG_NOSUB);
    as_buf_clear(&text);
    if (status)
        return as_fail(err, AS_EFORMAT, "pattern \"%s\" is not a regular expression",
                       as_escape(pattern, strlen(pattern), shown));
    *yes = regexec(&regex, path, 0, NULL, 0) == 0;
    regfree(&regex);
    return true;
}

bool as_peft_ends(const char *path, const char *name)
{
    size_t n = strlen(path), k = strlen(name);
    return n >= k && strcmp(path + n - k, name) == 0 && (n == k || path[n - k - 1] == '.');
}

/* rank_pattern or alpha_pattern: the first key that names the path. */
static bool config_pattern(const as_peft *p, const char *key, const char *path, double *value,
                           as_error *err)
{
    const json_t *object = json_object_get(p->json, key), *v;
    if (!object || json_is_null(object)) return true;
    if (!json_is_object(object)) return as_fail(err, AS_EFORMAT, "%s: %s", p->file, key);
    const char *pattern;
    json_object_foreach((json_t *)object, pattern, v)
    {
        bool yes = false;
        if (!as_peft_matches(pattern, path, false, &yes, err)) {
            as_error_at(err, "%s", p->file);
            return false;
        }
        if (!yes) continue;
        *value = json_number_value(v);
        if (json_is_number(v) && *value > 0) return true;
        return as_fail(err, AS_EFORMAT, "%s: %s: expected numbers above 0", p->file, key);
    }
    return true;
}

bool as_peft_module(const as_peft *p, const char *module, size_t *rank, double *alpha,
                    as_error *err)
{
    double r = p->rank;
    *alpha = p->alpha;
    if (!config_pattern(p, "rank_pattern", module, &r, err) ||
        !config_pattern(p, "alpha_pattern", module, alpha, err) ||
        !check_rank(p, "rank_pattern", r, err))
        return false;
    *rank = (size_t)r;
    return true;
}

double as_peft_scale(double alpha, size_t rank, bool is_rslora)
{
    return alpha / (is_rslora ? sqrt((double)rank) : (double)rank);
}

/* ---- tensors ---- */

/* "base_model.model.[model.][language_model.]layers.L.PATH.lora_A[.default].weight" to layer and
 * projection; `module` gets what PEFT calls it: without "base_model.model.". */
static bool parse_name(const as_tensor *t, const as_config *config, as_arena *arena,
                       as_peft_pair *pair, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const char *name = t->name, *head = "base_model.model.", *tail = ".lora_A.";
    const char *end = strstr(name, tail);
    if (strncmp(name, head, strlen(head)) != 0 || !end) goto unknown;
    const char *rest = end + strlen(tail);
    if (strcmp(rest, "weight") != 0 && strcmp(rest, "default.weight") != 0) goto unknown;
    const char *p = name + strlen(head);
    if (end < p) goto unknown;
    p = pair->module = as_arena_copy(arena, p, (size_t)(end - p), err);
    if (!p) return false;
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
        pair->layer = l;
        pair->proj = i;
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

/* The pair of one lora_A tensor. */
static bool add_pair(as_peft *p, const as_config *c, const as_tensor *a, as_error *err)
{
    as_peft_pair *pair = &p->pair[p->n];
    size_t out, in;
    char shown[AS_ESCAPE_SIZE];
    if (!parse_name(a, c, p->arena, pair, err) ||
        !as_peft_module(p, pair->module, &pair->rank, &pair->alpha, err))
        return false;
    pair->a = a;
    pair->b = partner(p->tensors, a, err);
    if (!pair->b || !as_proj_shape(c, pair->layer, pair->proj, &out, &in)) return false;
    size_t want_a[] = {pair->rank, in}, want_b[] = {out, pair->rank};
    if (!as_tensor_shape_is(a, 2, want_a, err) || !as_tensor_shape_is(pair->b, 2, want_b, err))
        return false;
    for (size_t i = 0; i < p->n; i++)
        if (p->pair[i].layer == pair->layer && p->pair[i].proj == pair->proj)
            return as_fail(err, AS_EFORMAT, "%s: tensor \"%s\": its map is adapted twice", a->file,
                           as_escape(a->name, strlen(a->name), shown));
    pair->scale = as_peft_scale(pair->alpha, pair->rank, p->is_rslora);
    p->n++;
    return true;
}

static bool add_pairs(as_peft *p, const as_config *c, as_error *err)
{
    size_t n_b = 0, n = as_tensors_count(p->tensors);
    p->pair = as_arena_push(p->arena, n ? n : 1, sizeof *p->pair, err);
    for (size_t i = 0; p->pair && i < n; i++) {
        const as_tensor *t = as_tensors_at(p->tensors, i);
        if (strstr(t->name, ".lora_A.")) {
            if (!add_pair(p, c, t, err)) return false;
        } else if (strstr(t->name, ".lora_B.")) {
            n_b++;
        } else {
            char shown[AS_ESCAPE_SIZE];
            return as_fail(err, AS_EFORMAT, "%s: tensor \"%s\": neither lora_A nor lora_B", t->file,
                           as_escape(t->name, strlen(t->name), shown));
        }
    }
    if (!p->pair) return false;
    if (!p->n) return as_fail(err, AS_EFORMAT, "%s: no tensors", as_tensors_name(p->tensors));
    return n_b == p->n || as_fail(err, AS_EFORMAT, "%s: %zu lora_B for %zu lora_A",
                                  as_tensors_name(p->tensors), n_b, p->n);
}

/* ---- targets ---- */

/* Does the model have a map whose path ends with this name? */
static bool names_map(const as_config *c, const char *target)
{
    for (as_proj i = 0; i < AS_N_PROJ; i++) {
        size_t out, in;
        if (!as_peft_ends(as_proj_name(i), target)) continue;
        for (size_t l = 0; l < c->n_layers; l++)
            if (as_proj_shape(c, l, i, &out, &in)) return true;
    }
    return false;
}

/* Every name in a target_modules list that the model has must have met a tensor. */
static bool check_targets(const as_peft *p, const as_config *c, as_error *err)
{
    const json_t *list = json_object_get(p->json, "target_modules");
    char shown[AS_ESCAPE_SIZE];
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *target = json_string_value(json_array_get(list, i));
        bool met = false;
        if (!target)
            return as_fail(err, AS_EFORMAT, "%s: target_modules[%zu] (expected text)", p->file, i);
        for (size_t k = 0; k < p->n && !met; k++) met = as_peft_ends(p->pair[k].module, target);
        if (!met && names_map(c, target))
            return as_fail(err, AS_EFORMAT, "%s: target_modules names %s, which no tensor adapts",
                           p->file, as_escape(target, strlen(target), shown));
    }
    return true;
}

/* ---- opening ---- */

bool as_peft_open(as_peft *p, const char *folder, const as_config *c, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    *p = (as_peft){.arena = as_arena_new(err)};
    if (!p->arena) return false;
    const char *config = as_arena_printf(p->arena, err, "%s/adapter_config.json", folder);
    const char *file = as_arena_printf(p->arena, err, "%s/adapter_model.safetensors", folder);
    if (!config || !file) return false;
    json_t *json = as_json_read(config, err);
    if (!json) return false;
    const char *name = as_arena_text(p->arena, as_escape(config, strlen(config), shown), err);
    if (!as_peft_configure(p, name ? name : "", json, err)) return false;
    p->tensors = name ? as_tensors_open(file, err) : NULL;
    return p->tensors && add_pairs(p, c, err) && check_targets(p, c, err);
}

void as_peft_clear(as_peft *p)
{
    as_tensors_close(p->tensors);
    json_decref(p->json);
    as_arena_free(p->arena);
    *p = (as_peft){0};
}

float *as_peft_factor(const as_tensor *t, as_pool *pool, as_error *err)
{
    size_t n = as_tensor_count(t);
    char shown[AS_ESCAPE_SIZE];
    as_scan scan = as_tensors_scan(t, pool);
    if (scan.n_nan + scan.n_inf)
        return as_fail(err, AS_ENUMERIC, "%s: tensor \"%s\": %zu NaN, %zu Inf, first at %zu",
                       t->file, as_escape(t->name, strlen(t->name), shown), scan.n_nan, scan.n_inf,
                       scan.first),
               NULL;
    float *x = as_new(n, sizeof *x, err);
    if (!x || as_dequantise(t->dtype, t->nf4, x, t->data, 0, n)) return x;
    as_fail(err, AS_EFORMAT, "%s: tensor \"%s\": type %s", t->file,
            as_escape(t->name, strlen(t->name), shown), t->type);
    free(x);
    return NULL;
}
