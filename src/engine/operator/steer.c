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

/* v (dim) lives in the arm's arena. */
static bool add_vector(as_arm *arm, const as_config *c, size_t layer, const float *v,
                       double strength, as_error *err)
{
    bool zero = strength == 0;
    if (layer >= c->n_layers)
        return as_fail(err, AS_EUSAGE, "layer (found %zu, expected 0 to %zu)", layer,
                       c->n_layers - 1);
    if (!zero) {
        zero = true;
        for (size_t i = 0; i < c->dim && zero; i++) zero = v[i] == 0;
    }
    if (zero) return true;
    push_state *s = as_arena_push(as_arm_arena(arm), 1, sizeof *s, err);
    as_hook *h = s ? as_arm_add(arm, err) : NULL;
    if (!h) return false;
    *s = (push_state){v, (float)strength, c->dim};
    *h = (as_hook){.site = AS_SITE_RESIDUAL, .layer = layer, .forward = steer_forward};
    h->state = s;
    return true;
}

static bool check_finite(const as_exec *ex, const float *v, size_t n, as_error *err)
{
    return ex->kernels->is_finite(v, n) || as_fail(err, AS_ENUMERIC, "NaN or Inf in the vector");
}

/* "FILE.npz#ARRAY@LAYER". */
static bool open_npz(as_arm *arm, char *text, const as_config *c, const as_exec *ex,
                     double strength, as_error *err)
{
    char shown[AS_ESCAPE_SIZE], *hash = strrchr(text, '#'), *at = strrchr(text, '@'), *end = NULL;
    if (!hash || !at || at < hash || at[1] < '0' || at[1] > '9')
        return as_fail(err, AS_EUSAGE, "vector (found \"%s\", expected FILE.npz#ARRAY@LAYER)",
                       as_escape(text, strlen(text), shown));
    unsigned long layer = strtoul(at + 1, &end, 10);
    if (*end) return as_fail(err, AS_EUSAGE, "layer (expected digits after \"@\")");
    *hash = *at = 0;
    size_t i;
    bool ok = false;
    as_npz_scan scan;
    as_npz *file = as_npz_open(text, err);
    if (!file) return false;
    float *v = as_arena_push(as_arm_arena(arm), c->dim, sizeof *v, err);
    if (!v || !as_npz_need(file, hash + 1, &i, err)) goto out;
    if (as_npz_at(file, i)->count != c->dim) {
        as_fail(err, AS_EFORMAT, "%s: %s: elements (found %zu, expected %zu)", text, hash + 1,
                as_npz_at(file, i)->count, c->dim);
        goto out;
    }
    ok = as_npz_read_f32(file, i, v, c->dim, &scan, err) && check_finite(ex, v, c->dim, err) &&
         add_vector(arm, c, layer, v, strength, err);
out:
    as_npz_close(file);
    return ok;
}

/* Every direction.N of a control vector. */
static bool open_gguf(as_arm *arm, const char *path, const as_config *c, const as_exec *ex,
                      double strength, as_error *err)
{
    bool ok = false;
    as_gguf *file = as_gguf_open(path, err);
    const char *type = NULL;
    size_t size = 0, n = 0;
    if (!file) return false;
    if (!as_gguf_text(file, "general.architecture", &type, &size, err)) goto out;
    if (size != 13 || memcmp(type, "controlvector", 13) != 0) {
        as_fail(err, AS_EFORMAT, "%s: general.architecture (expected \"controlvector\")", path);
        goto out;
    }
    for (size_t i = 0; i < as_gguf_count(file); i++) {
        const as_tensor *t = as_gguf_at(file, i);
        if (strncmp(t->name, "direction.", 10) != 0) continue;
        unsigned long layer = strtoul(t->name + 10, NULL, 10) + 1;
        float *v = as_arena_push(as_arm_arena(arm), c->dim, sizeof *v, err);
        if (!v || !as_tensor_shape_is(t, 1, &c->dim, err)) goto out;
        if (!as_dequantise(t->dtype, t->nf4, v, t->data, 0, c->dim)) {
            as_fail(err, AS_EFORMAT, "%s: %s: type %s", path, t->name, t->type);
            goto out;
        }
        if (!check_finite(ex, v, c->dim, err) || !add_vector(arm, c, layer, v, strength, err))
            goto out;
        n++;
    }
    ok = n || as_fail(err, AS_EFORMAT, "%s: no direction.N tensor", path);
out:
    as_gguf_close(file);
    return ok;
}

static bool steer_open(as_arm *arm, const char *argument, const as_model *m, const as_exec *ex,
                       const as_arm_options *options, as_error *err)
{
    (void)options;
    const as_config *c = as_model_config(m);
    double strength;
    char *text = as_arena_text(as_arm_arena(arm), argument, err);
    json_t *what = json_object();
    as_json_put_text(&what, "operator", "steer");
    as_json_put_text(&what, "vector", argument);
    bool ok = text && as_argument_strength(text, &strength, err);
    if (ok) {
        size_t n = strlen(text);
        bool is_gguf = n > 5 && strcmp(text + n - 5, ".gguf") == 0;
        as_json_put_real(&what, "strength", strength);
        ok = is_gguf ? open_gguf(arm, text, c, ex, strength, err)
                     : open_npz(arm, text, c, ex, strength, err);
    }
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
