/* Metadata of a made-up GGUF file, as converters name it. */
#include <stdio.h>
#include <string.h>

#include "engine/model/synth_internal.h"

typedef struct {
    as_gguf_out *out;
    const char *arch;
    char key[96];
} writer;

static const char *key(writer *w, const char *name)
{
    (void)snprintf(w->key, sizeof w->key, "%s.%s", w->arch, name);
    return w->key;
}

static void put(writer *w, const char *name, size_t x)
{
    as_gguf_put_u32(w->out, key(w, name), (uint32_t)x);
}

static void put_real(writer *w, const char *name, double x)
{
    as_gguf_put_f32(w->out, key(w, name), (float)x);
}

/* A number of the text part of config.json. */
static double number(const json_t *config, const char *pointer)
{
    const json_t *text = json_object_get(config, "text_config");
    return json_number_value(as_json_at(text ? text : config, pointer));
}

static void put_attention(writer *w, const as_config *c, const json_t *config)
{
    const as_layer_shape *last = &c->layer[c->n_layers - 1]; /* full attention in every family */
    put(w, "attention.head_count", last->heads);
    put(w, "attention.head_count_kv", last->key_heads);
    put(w, "attention.key_length", last->head_dim);
    put(w, "attention.value_length", last->head_dim);
    put(w, "rope.dimension_count", 2 * c->rope[last->rope].half);
    double theta = number(config, "/rope_theta");
    if (theta == 0) theta = number(config, "/rope_parameters/rope_theta");
    if (theta == 0) theta = number(config, "/rope_parameters/full_attention/rope_theta");
    put_real(w, "rope.freq_base", theta);
}

static void put_delta(writer *w, const as_config *c)
{
    const as_layer_shape *d = c->layer;
    put(w, "ssm.conv_kernel", d->kernel);
    put(w, "ssm.state_size", d->key_dim);
    put(w, "ssm.group_count", d->key_heads);
    put(w, "ssm.time_step_rank", d->heads);
    put(w, "ssm.inner_size", d->heads * d->head_dim);
}

static void put_sliding(writer *w, const as_config *c, const json_t *config)
{
    unsigned char sliding[AS_MAX_LAYERS];
    int32_t mlp[AS_MAX_LAYERS];
    size_t shared = 0;
    for (size_t l = 0; l < c->n_layers; l++) {
        sliding[l] = c->layer[l].window > 0;
        mlp[l] = (int32_t)c->layer[l].mlp;
        shared += c->layer[l].kv_layer != l;
    }
    as_gguf_put_array(w->out, key(w, "feed_forward_length"), AS_GGUF_I32, mlp, c->n_layers);
    as_gguf_put_array(w->out, key(w, "attention.sliding_window_pattern"), AS_GGUF_BOOL, sliding,
                      c->n_layers);
    put(w, "attention.sliding_window", c->layer[0].window);
    put(w, "attention.key_length_swa", c->layer[0].head_dim);
    put(w, "attention.value_length_swa", c->layer[0].head_dim);
    put(w, "rope.dimension_count_swa", c->layer[0].head_dim);
    put_real(w, "rope.freq_base_swa",
             number(config, "/rope_parameters/sliding_attention/rope_theta"));
    put(w, "attention.shared_kv_layers", shared);
    put(w, "embedding_length_per_layer_input", c->per_layer);
    put_real(w, "final_logit_softcapping", (double)c->softcap);
}

/* The interval of full layers; 0 when they follow none, which such a file cannot say. */
static size_t full_interval(const as_config *c)
{
    size_t first = 0;
    while (first + 1 < c->n_layers && c->layer[first].mixer == AS_MIX_DELTA) first++;
    for (size_t l = 0; l < c->n_layers; l++)
        if ((c->layer[l].mixer == AS_MIX_DELTA) == ((l + 1) % (first + 1) == 0)) return 0;
    return first + 1;
}

bool as_synth_metadata(as_gguf_out *out, const as_config *c, const json_t *config, as_dtype dtype,
                       as_error *err)
{
    static const char *const stops[] = {"tokenizer.ggml.eos_token_id",
                                        "tokenizer.ggml.eot_token_id",
                                        "tokenizer.ggml.eom_token_id"};
    writer w = {.out = out, .arch = c->family};
    uint32_t type = dtype == AS_Q8_0 ? 7 : dtype == AS_Q4_0 ? 2 : dtype == AS_BF16 ? 32 : 0;
    as_gguf_put_text(out, "general.architecture", c->family, strlen(c->family));
    as_gguf_put_u32(out, "general.quantization_version", 2);
    as_gguf_put_u32(out, "general.file_type", dtype == AS_F16 ? 1 : type);
    put(&w, "block_count", c->n_layers);
    put(&w, "context_length", c->max_positions);
    put(&w, "embedding_length", c->dim);
    put(&w, "vocab_size", c->vocab);
    put_real(&w, "attention.layer_norm_rms_epsilon", (double)c->eps);
    put_attention(&w, c, config);
    if (c->has_post_norms) {
        put_sliding(&w, c, config);
    } else {
        put(&w, "feed_forward_length", c->layer[0].mlp);
    }
    if (c->has_gate) {
        put_delta(&w, c);
        size_t interval = full_interval(c);
        if (interval == 0)
            return as_fail(err, AS_EUSAGE,
                           "layer kinds (found an irregular order, expected every "
                           "n-th layer full in a GGUF file)");
        put(&w, "full_attention_interval", interval);
    }
    for (size_t i = 0; i < c->n_stop && i < 3; i++) as_gguf_put_u32(out, stops[i], c->stop[i]);
    return true;
}
