/* Steering: a vector, times a strength, is added to the residual stream entering one layer, at
 * every position (Turner et al. 2023, arXiv:2308.10248). Vectors come from an array of a .npz file,
 * or as a GGUF control vector, whose direction.N is added to what leaves layer N. */
#include <stdlib.h>
#include <string.h>

#include "engine/format/gguf.h"
#include "engine/format/npz.h"
#include "engine/operator/operator_internal.h"

typedef struct {
    const float *v;
    float strength;
    size_t dim;
} push_state;

static void steer_forward(const as_hook *h, const as_exec *ex, const as_site_rows *runs,
                          size_t n_runs)
{
    const push_state *s = h->state;
    for (size_t i = 0; i < n_runs; i++)
        for (size_t r = 0; r < runs[i].rows; r++)
            ex->kernels->axpy(runs[i].y + r * runs[i].ldy, s->v, s->strength, s->dim);
}

typedef struct {
    as_arm *arm;
    const as_config *config;
    const as_exec *ex;
    double strength;
    as_sha256 *sum; /* over layer and vector of each */
} steering;

/* v (dim) lives in the arm's arena. */
static bool add_vector(steering *t, size_t layer, const float *v, as_error *err)
{
    const as_config *c = t->config;
    as_arm *arm = t->arm;
    uint64_t number = layer;
    if (!t->ex->kernels->is_finite(v, c->dim))
        return as_fail(err, AS_ENUMERIC, "NaN or Inf in the vector");
    if (!as_sha256_add(t->sum, &number, sizeof number, err) ||
        !as_sha256_add(t->sum, v, c->dim * sizeof *v, err))
        return false;
    bool zero = t->strength == 0;
    if (!zero) {
        zero = true;
        for (size_t i = 0; i < c->dim && zero; i++) zero = v[i] == 0;
    }
    if (zero) return true;
    push_state *s = as_arena_push(as_arm_arena(arm), 1, sizeof *s, err);
    as_hook *h = s ? as_arm_add(arm, err) : NULL;
    if (!h) return false;
    *s = (push_state){v, (float)t->strength, c->dim};
    *h = (as_hook){.site = AS_SITE_RESIDUAL, .layer = layer, .forward = steer_forward};
    h->state = s;
    return true;
}

/* "FILE.npz#ARRAY@LAYER". */
static bool open_npz(steering *t, char *text, as_error *err)
{
    const as_config *c = t->config;
    char shown[AS_ESCAPE_SIZE], *hash = strrchr(text, '#'), *at = strrchr(text, '@'), *end = NULL;
    if (!hash || !at || at < hash || at[1] < '0' || at[1] > '9')
        return as_fail(err, AS_EUSAGE, "vector (found \"%s\", expected FILE.npz#ARRAY@LAYER)",
                       as_escape(text, strlen(text), shown));
    unsigned long layer = strtoul(at + 1, &end, 10);
    if (*end) return as_fail(err, AS_EUSAGE, "layer (expected digits after \"@\")");
    if (layer >= c->n_layers)
        return as_fail(err, AS_EUSAGE, "layer (found %lu, expected 0 to %zu)", layer,
                       c->n_layers - 1);
    *hash = *at = 0;
    size_t i;
    bool ok = false;
    as_npz_scan scan;
    as_npz *file = as_npz_open(text, err);
    if (!file) return false;
    float *v = as_arena_push(as_arm_arena(t->arm), c->dim, sizeof *v, err);
    if (!v || !as_npz_need(file, hash + 1, &i, err)) goto out;
    if (as_npz_at(file, i)->count != c->dim) {
        as_fail(err, AS_EFORMAT, "%s: %s: elements (found %zu, expected %zu)", text, hash + 1,
                as_npz_at(file, i)->count, c->dim);
        goto out;
    }
    ok = as_npz_read_f32(file, i, v, c->dim, &scan, err) && add_vector(t, layer, v, err);
out:
    as_npz_close(file);
    return ok;
}

/* One tensor of a control vector. What leaves the last layer has no site of its own. */
static bool add_direction(steering *t, const as_tensor *x, as_error *err)
{
    const as_config *c = t->config;
    const char *number = x->name + 10;
    char *end = NULL;
    if (strncmp(x->name, "direction.", 10) != 0 || *number < '1' || *number > '9')
        return as_fail(err, AS_EFORMAT, "name (expected direction.N, N from 1)");
    unsigned long layer = strtoul(number, &end, 10);
    if (*end || layer >= c->n_layers)
        return as_fail(err, AS_EFORMAT, "layer (expected 1 to %zu)", c->n_layers - 1);
    if (layer + 1 == c->n_layers)
        return as_fail(err, AS_EFORMAT, "adding to what leaves the last layer is not supported");
    float *v = as_arena_push(as_arm_arena(t->arm), c->dim, sizeof *v, err);
    if (!v || !as_tensor_shape_is(x, 1, &c->dim, err)) return false;
    if (!as_dequantise(x->dtype, x->nf4, v, x->data, 0, c->dim))
        return as_fail(err, AS_EFORMAT, "type %s", x->type);
    return add_vector(t, layer + 1, v, err);
}

/* Every direction.N of a control vector. */
static bool open_gguf(steering *t, const char *path, as_error *err)
{
    bool ok = false;
    char shown[AS_ESCAPE_SIZE];
    as_gguf *file = as_gguf_open(path, err);
    const char *type = NULL;
    size_t size = 0;
    if (!file) return false;
    if (!as_gguf_text(file, "general.architecture", &type, &size, err)) goto out;
    if (size != 13 || memcmp(type, "controlvector", 13) != 0) {
        as_fail(err, AS_EFORMAT, "%s: general.architecture (expected \"controlvector\")",
                as_gguf_name(file));
        goto out;
    }
    ok = as_gguf_count(file) ||
         as_fail(err, AS_EFORMAT, "%s: no direction.N tensor", as_gguf_name(file));
    for (size_t i = 0; ok && i < as_gguf_count(file); i++) {
        const as_tensor *x = as_gguf_at(file, i);
        ok = add_direction(t, x, err);
        if (ok || strstr(err->what, x->name)) continue;
        as_error_at(err, "%s: tensor \"%s\"", as_gguf_name(file),
                    as_escape(x->name, strlen(x->name), shown));
    }
out:
    as_gguf_close(file);
    return ok;
}

static bool steer_open(as_arm *arm, const char *argument, const as_model *m, const as_exec *ex,
                       const as_arm_options *options, as_error *err)
{
    (void)options;
    steering t = {.arm = arm, .config = as_model_config(m), .ex = ex};
    as_key digest;
    char *text = as_arena_text(as_arm_arena(arm), argument, err);
    json_t *what = json_object();
    as_json_put_text(&what, "operator", "steer");
    as_json_put_text(&what, "vector", argument);
    bool ok = text && as_argument_strength(text, &t.strength, err);
    t.sum = ok ? as_sha256_new(err) : NULL;
    ok = t.sum;
    if (ok) {
        size_t n = strlen(text);
        bool is_gguf = n > 5 && strcmp(text + n - 5, ".gguf") == 0;
        as_json_put_real(&what, "strength", t.strength);
        ok = is_gguf ? open_gguf(&t, text, err) : open_npz(&t, text, err);
    }
    if (ok)
        ok = as_sha256_end(t.sum, digest, err);
    else
        as_sha256_free(t.sum);
    as_json_put_text(&what, "digest", ok ? digest : NULL);
    if (ok) return as_arm_note(arm, what, err);
    json_decref(what);
    return false;
}

const as_operator as_operator_steer = {
    "steer",
    "steer: FILE.npz#ARRAY@LAYER [* STRENGTH], or FILE.gguf [* STRENGTH]",
    "a vector added to the residual stream entering a layer",
    steer_open,
};
