/* LoRA adapters as PEFT writes them (Hu et al. 2021, arXiv:2106.09685): y = W x + s B (A x), with
 * s = strength * alpha / r, or alpha / sqrt(r) when use_rslora. A pair whose product is zero is
 * left out, so that an adapter of zeros has the bits of the base model. */
#include <stdlib.h>

#include "engine/operator/operator_internal.h"
#include "engine/operator/peft.h"

enum { CHUNK = 64 /* rows of one pass through the adapter's buffer */ };

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

/* ---- opening ---- */

static bool factor_pack(const as_exec *ex, as_weight *w, const as_tensor *t, bool *zero,
                        as_error *err)
{
    as_weight_source source = {AS_F32, t->dim[0], t->dim[1], NULL, NULL, NULL, NULL};
    float *x = as_peft_factor(t, ex->pool, err);
    if (!x) return false;
    *zero = true;
    for (size_t i = 0; i < as_tensor_count(t) && *zero; i++) *zero = x[i] == 0;
    source.data = x;
    bool ok = as_weight_pack(ex, w, &source, err);
    free(x);
    return ok;
}

static bool add_hook(as_arm *arm, const as_peft_pair *p, const as_weight *a, const as_weight *b,
                     double scale, as_error *err)
{
    pair_state *s = as_arena_push(as_arm_arena(arm), 1, sizeof *s, err);
    as_hook *h = s ? as_arm_add(arm, err) : NULL;
    if (!h || !as_arm_need(arm, CHUNK * (a->out + b->out), err)) return false;
    *s = (pair_state){a, b, (float)scale, arm};
    *h = (as_hook){
        .site = AS_SITE_OUTPUT, .layer = p->layer, .proj = p->proj, .forward = lora_forward};
    h->state = s;
    return true;
}

static bool add_pair(as_arm *arm, const as_exec *ex, const as_peft_pair *p, double scale,
                     as_error *err)
{
    bool zero_a, zero_b;
    as_weight *a = as_arm_weight(arm, err), *b = a ? as_arm_weight(arm, err) : NULL;
    return b && factor_pack(ex, a, p->a, &zero_a, err) && factor_pack(ex, b, p->b, &zero_b, err) &&
           (zero_a || zero_b || scale == 0 || add_hook(arm, p, a, b, scale, err));
}

/* The configuration decides the scale, so it is as much of the arm as the tensors are; where the
 * base model lay when the adapter was saved decides nothing. */
static bool note(as_arm *arm, const as_peft *p, const char *folder, double strength, as_error *err)
{
    as_key digest, config;
    json_t *decides = json_copy(p->json);
    if (!decides || json_object_size(decides) != json_object_size(p->json)) {
        json_decref(decides);
        return as_fail(err, AS_EMEM, "out of memory");
    }
    json_object_del(decides, "base_model_name_or_path");
    bool ok = as_json_hash(decides, config, err);
    json_decref(decides);
    if (!ok || !as_tensors_digest(p->tensors, digest, err)) return false;
    json_t *what = json_object();
    as_json_put_text(&what, "operator", "lora");
    as_json_put_text(&what, "path", folder);
    as_json_put_text(&what, "digest", digest);
    as_json_put_text(&what, "config", config);
    as_json_put_size(&what, "pairs", p->n);
    as_json_put_real(&what, "strength", strength);
    return as_arm_note(arm, what, err);
}

static bool lora_open(as_arm *arm, const char *argument, const as_model *m, const as_exec *ex,
                      const as_arm_options *options, as_error *err)
{
    (void)options;
    as_peft p = {0};
    double strength;
    char *folder = as_arena_text(as_arm_arena(arm), argument, err);
    bool ok = folder && as_argument_strength(folder, &strength, err) &&
              as_peft_open(&p, folder, as_model_config(m), err);
    for (size_t i = 0; ok && i < p.n; i++) {
        const as_peft_pair *pair = &p.pair[i];
        double scale = as_peft_scale(strength * pair->alpha, pair->rank, p.is_rslora);
        ok = add_pair(arm, ex, pair, scale, err);
    }
    ok = ok && note(arm, &p, folder, strength, err);
    as_peft_clear(&p);
    return ok;
}

const as_operator as_operator_lora = {
    "lora",
    "lora: FOLDER [* STRENGTH]",
    "a LoRA adapter as PEFT saves it (adapter_config.json, adapter_model.safetensors)",
    lora_open,
};
