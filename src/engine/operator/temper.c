/* Head tempering: the slice of one attention head is multiplied by lambda where heads still have
 * columns of their own, at the input of the output projection, for every position
 * (arXiv:2604.11867). The slice is the layer's own head width; with as_published it is that of the
 * first attention layer, which in Gemma's wide layers is half a head. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/operator/operator_internal.h"

typedef struct {
    size_t from, width;
    float lambda;
} slice;

static void temper_forward(const as_hook *h, const as_exec *ex, const as_site_rows *runs,
                           size_t n_runs)
{
    const slice *s = h->state;
    for (size_t i = 0; i < n_runs; i++)
        for (size_t r = 0; r < runs[i].rows; r++) {
            float *x = runs[i].y + r * runs[i].ldy + s->from;
            ex->kernels->scale(x, x, s->lambda, s->width);
        }
}

typedef struct {
    as_arm *arm;
    const as_config *config;
    const as_arm_options *options;
    json_t *heads; /* for the record */
} tempering;

static size_t first_attention(const as_config *c)
{
    size_t l = 0;
    while (l < c->n_layers && c->layer[l].mixer != AS_MIX_ATTENTION) l++;
    return l;
}

static bool add_head(tempering *t, size_t layer, size_t head, double lambda, as_error *err)
{
    const as_config *c = t->config;
    if (layer >= c->n_layers)
        return as_fail(err, AS_EUSAGE, "layer (found %zu, expected 0 to %zu)", layer,
                       c->n_layers - 1);
    if (c->layer[layer].mixer != AS_MIX_ATTENTION)
        return as_fail(err, AS_EUSAGE, "layer %zu: not an attention layer", layer);
    if (head >= c->layer[layer].heads)
        return as_fail(err, AS_EUSAGE, "layer %zu: head (found %zu, expected 0 to %zu)", layer,
                       head, c->layer[layer].heads - 1);
    size_t width = as_head_width(c, t->options->as_published ? first_attention(c) : layer);
    json_t *row = json_object();
    as_json_put_size(&row, "layer", layer);
    as_json_put_size(&row, "head", head);
    as_json_put_real(&row, "lambda", lambda);
    as_json_put_size(&row, "from", head * width);
    as_json_put_size(&row, "width", width);
    as_json_append(&t->heads, row);
    if (!t->heads) return as_fail(err, AS_EMEM, "out of memory");
    if (lambda == 1) return true;
    slice *s = as_arena_push(as_arm_arena(t->arm), 1, sizeof *s, err);
    as_hook *h = s ? as_arm_add(t->arm, err) : NULL;
    if (!h) return false;
    *s = (slice){head * width, width, (float)lambda};
    *h = (as_hook){.site = AS_SITE_INPUT, .layer = layer, .proj = AS_O_PROJ};
    h->forward = temper_forward;
    h->state = s;
    return true;
}

/* "L.H,L.H,...=LAMBDA", several groups apart by blanks. */
static bool parse_groups(tempering *t, const char *text, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const char *p = text;
    while (*p) {
        const char *equals = strchr(p, '=');
        char *end = NULL;
        if (!equals) goto bad;
        double lambda = strtod(equals + 1, &end);
        if (end == equals + 1 || !isfinite(lambda) || (*end && *end != ' ')) goto bad;
        while (p < equals) {
            if (*p < '0' || *p > '9') goto bad;
            unsigned long layer = strtoul(p, (char **)&p, 10), head;
            if (*p != '.' || p[1] < '0' || p[1] > '9') goto bad;
            head = strtoul(p + 1, (char **)&p, 10);
            if (*p != ',' && *p != '=') goto bad;
            p += *p == ',';
            if (!add_head(t, layer, head, lambda, err)) return false;
        }
        for (p = end; *p == ' ';) p++;
    }
    if (p != text) return true;
bad:
    return as_fail(err, AS_EUSAGE, "heads (found \"%s\", expected LAYER.HEAD[,LAYER.HEAD]=LAMBDA)",
                   as_escape(text, strlen(text), shown));
}

static bool parse_size(const json_t *row, const char *key, size_t *out, as_error *err)
{
    const json_t *v = json_object_get(row, key);
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return as_fail(err, AS_EFORMAT, "%s (expected an integer from 0)", key);
    *out = (size_t)json_integer_value(v);
    return true;
}

/* A file {"schema": "assay.temper/1", "heads": [{"layer", "head", "lambda"}]}. */
static bool parse_file(tempering *t, const char *path, as_error *err)
{
    bool ok = false;
    json_t *file = as_json_read(path, err);
    if (!file) return false;
    const char *schema = json_string_value(json_object_get(file, "schema"));
    const json_t *heads = json_object_get(file, "heads");
    if (!schema || strcmp(schema, "assay.temper/1") != 0) {
        as_fail(err, AS_EFORMAT, "schema (expected \"assay.temper/1\")");
        goto out;
    }
    if (!json_is_array(heads) || !json_array_size(heads)) {
        as_fail(err, AS_EFORMAT, "heads (expected a list of {layer, head, lambda})");
        goto out;
    }
    for (size_t i = 0; i < json_array_size(heads); i++) {
        const json_t *row = json_array_get(heads, i), *lambda = json_object_get(row, "lambda");
        size_t layer, head;
        bool good = parse_size(row, "layer", &layer, err) && parse_size(row, "head", &head, err) &&
                    (json_is_number(lambda) || as_fail(err, AS_EFORMAT, "lambda")) &&
                    add_head(t, layer, head, json_number_value(lambda), err);
        if (!good) {
            as_error_at(err, "heads[%zu]", i);
            goto out;
        }
    }
    ok = true;
out:
    if (!ok) as_error_at(err, "%s", path);
    json_decref(file);
    return ok;
}

static bool temper_open(as_arm *arm, const char *argument, const as_model *m, const as_exec *ex,
                        const as_arm_options *options, as_error *err)
{
    (void)ex;
    tempering t = {arm, as_model_config(m), options, json_array()};
    size_t n = strlen(argument);
    bool is_file = n > 5 && strcmp(argument + n - 5, ".json") == 0;
    if (!(is_file ? parse_file(&t, argument, err) : parse_groups(&t, argument, err))) {
        json_decref(t.heads);
        return false;
    }
    json_t *what = json_object();
    as_json_put_text(&what, "operator", "temper");
    as_json_put(&what, "as_published", json_boolean(options->as_published));
    as_json_put(&what, "heads", t.heads);
    return as_arm_note(arm, what, err);
}

const as_operator as_operator_temper = {
    "temper",
    "temper: LAYER.HEAD[,LAYER.HEAD]=LAMBDA [...], or FILE.json",
    "attention heads scaled at the input of the output projection",
    temper_open,
};
