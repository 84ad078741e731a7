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
    const as_model *model;
    const as_config *config;
    const as_arm_options *options;
    json_t *heads;   /* for the record */
    as_class class_; /* of what is wrong with the heads: the text's or the file's */
} tempering;

static size_t first_attention(const as_config *c)
{
    size_t l = 0;
    while (l < c->n_layers && c->layer[l].mixer != AS_MIX_ATTENTION) l++;
    return l;
}

/* Is the head there, and named for the first time? */
static bool check_head(const tempering *t, size_t layer, size_t head, as_error *err)
{
    const as_config *c = t->config;
    if (layer >= c->n_layers)
        return as_fail(err, t->class_, "layer (found %zu, expected 0 to %zu)", layer,
                       c->n_layers - 1);
    if (c->layer[layer].mixer != AS_MIX_ATTENTION)
        return as_fail(err, t->class_, "layer %zu: not an attention layer", layer);
    if (head >= c->layer[layer].heads)
        return as_fail(err, t->class_, "layer %zu: head (found %zu, expected 0 to %zu)", layer,
                       head, c->layer[layer].heads - 1);
    for (size_t i = 0; i < json_array_size(t->heads); i++) {
        const json_t *row = json_array_get(t->heads, i);
        if ((size_t)json_integer_value(json_object_get(row, "layer")) == layer &&
            (size_t)json_integer_value(json_object_get(row, "head")) == head)
            return as_fail(err, t->class_, "layer %zu: head %zu twice", layer, head);
    }
    return true;
}

static bool add_head(tempering *t, size_t layer, size_t head, double lambda, as_error *err)
{
    const as_config *c = t->config;
    if (!check_head(t, layer, head, err)) return false;
    size_t width = as_head_width(c, t->options->as_published ? first_attention(c) : layer);
    if ((head + 1) * width > c->layer[layer].heads * as_head_width(c, layer))
        return as_fail(err, t->class_,
                       "layer %zu: head %zu has no columns of the first layer's "
                       "width",
                       layer, head);
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
        for (bool more = true; more; p += more) {
            if (*p < '0' || *p > '9') goto bad;
            unsigned long layer = strtoul(p, (char **)&p, 10), head;
            if (*p != '.' || p[1] < '0' || p[1] > '9') goto bad;
            head = strtoul(p + 1, (char **)&p, 10);
            more = *p == ',';
            if (!more && p != equals) goto bad;
            if (!add_head(t, layer, head, lambda, err)) return false;
        }
        for (p = end; *p == ' ';) p++;
    }
    if (p != text) return true;
bad:
    return as_fail(err, AS_EUSAGE, "heads (found \"%s\", expected LAYER.HEAD[,LAYER.HEAD]=LAMBDA)",
                   as_escape(text, strlen(text), shown));
}

/* Nothing that the file says is passed over. */
static bool check_keys(const json_t *object, const char *const *known, as_error *err)
{
    const char *key;
    const json_t *v;
    char shown[AS_ESCAPE_SIZE];
    json_object_foreach((json_t *)object, key, v)
    {
        bool is_known = false;
        for (size_t i = 0; known[i] && !is_known; i++) is_known = strcmp(key, known[i]) == 0;
        if (!is_known)
            return as_fail(err, AS_EFORMAT, "%s: unknown key", as_escape(key, strlen(key), shown));
    }
    return true;
}

/* "model", when it is there, is the digest of the weights that the heads were found in. */
static bool check_model(const tempering *t, const json_t *file, as_error *err)
{
    const json_t *v = json_object_get(file, "model");
    const char *digest = json_string_value(v);
    char shown[AS_ESCAPE_SIZE];
    if (!v) return true;
    if (!digest) return as_fail(err, AS_EFORMAT, "model (expected the digest of the weights)");
    if (strcmp(digest, as_model_digest(t->model)) == 0) return true;
    return as_fail(err, AS_EFORMAT, "model (found weights %s, expected %s)",
                   as_model_digest(t->model), as_escape(digest, strlen(digest), shown));
}

static bool parse_size(const json_t *row, const char *key, size_t *out, as_error *err)
{
    const json_t *v = json_object_get(row, key);
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return as_fail(err, AS_EFORMAT, "%s (expected an integer from 0)", key);
    *out = (size_t)json_integer_value(v);
    return true;
}

/* A file {"schema": "assay.temper/1", "heads": [{"layer", "head", "lambda"}]}, with "model". */
static bool parse_file(tempering *t, const char *path, as_error *err)
{
    static const char *const keys[] = {"schema", "model", "heads", NULL}, *const row_keys[] = {
                                                                              "layer", "head",
                                                                              "lambda", NULL};
    bool ok = false;
    t->class_ = AS_EFORMAT;
    char shown[AS_ESCAPE_SIZE];
    json_t *file = as_json_read(path, err);
    if (!file) return false;
    const char *schema = json_string_value(json_object_get(file, "schema"));
    const json_t *heads = json_object_get(file, "heads");
    if (!schema || strcmp(schema, "assay.temper/1") != 0) {
        as_fail(err, AS_EFORMAT, "schema (expected \"assay.temper/1\")");
        goto out;
    }
    if (!check_keys(file, keys, err) || !check_model(t, file, err)) goto out;
    if (!json_is_array(heads) || !json_array_size(heads)) {
        as_fail(err, AS_EFORMAT, "heads (expected a list of {layer, head, lambda})");
        goto out;
    }
    for (size_t i = 0; i < json_array_size(heads); i++) {
        const json_t *row = json_array_get(heads, i), *lambda = json_object_get(row, "lambda");
        size_t layer, head;
        bool good =
            check_keys(row, row_keys, err) && parse_size(row, "layer", &layer, err) &&
            parse_size(row, "head", &head, err) &&
            (json_is_number(lambda) || as_fail(err, AS_EFORMAT, "lambda (expected a number)")) &&
            add_head(t, layer, head, json_number_value(lambda), err);
        if (!good) {
            as_error_at(err, "heads[%zu]", i);
            goto out;
        }
    }
    ok = true;
out:
    if (!ok) as_error_at(err, "%s", as_escape(path, strlen(path), shown));
    json_decref(file);
    return ok;
}

static bool temper_open(as_arm *arm, const char *argument, const as_model *m, const as_exec *ex,
                        const as_arm_options *options, as_error *err)
{
    (void)ex;
    tempering t = {arm, m, as_model_config(m), options, json_array(), AS_EUSAGE};
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
