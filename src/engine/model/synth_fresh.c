/* The laws by which the weights of a model that is to be trained are drawn (synth.h says which). */
#include <math.h>
#include <string.h>

#include "engine/model/synth_internal.h"

/* Does the name end in this module's weight? */
static bool is_map(const char *name, const char *module)
{
    size_t n = strlen(name), k = strlen(module), tail = sizeof ".weight" - 1;
    return n > k + tail && strcmp(name + n - tail, ".weight") == 0 &&
           memcmp(name + n - tail - k, module, k) == 0 && name[n - tail - k - 1] == '.';
}

static bool writes_into_stream(const char *name)
{
    return is_map(name, "o_proj") || is_map(name, "out_proj") || is_map(name, "down_proj") ||
           is_map(name, "per_layer_projection");
}

as_fresh as_fresh_of(const as_config *c, const char *name, size_t kernel, uint64_t seed)
{
    as_fresh f = {.law = AS_FRESH_NORMAL, .scale = 0.02f, .rng = as_rng_at(seed, name, 0)};
    if (strstr(name, "norm.weight")) {
        bool is_added = c->norm_offset != 0 && !strstr(name, "linear_attn.norm.weight");
        f.law = AS_FRESH_CONSTANT;
        f.scale = is_added ? 0 : 1;
    } else if (strstr(name, "layer_scalar")) {
        f.law = AS_FRESH_CONSTANT;
        f.scale = 1;
    } else if (strstr(name, "A_log")) {
        f.law = AS_FRESH_DECAY;
    } else if (strstr(name, "dt_bias")) {
        f.law = AS_FRESH_STEP;
    } else if (strstr(name, "conv1d.weight")) {
        f.law = AS_FRESH_UNIFORM;
        f.scale = (float)(1 / sqrt((double)kernel));
    } else if (writes_into_stream(name)) {
        f.scale = (float)(0.02 / sqrt(2.0 * (double)c->n_layers));
    }
    return f;
}

float as_fresh_at(const as_fresh *f, size_t i)
{
    as_rng r = f->rng; /* the stream of index i: only the counter's upper half differs */
    r.counter[2] = (uint32_t)i;
    r.counter[3] = (uint32_t)((uint64_t)i >> 32);
    switch (f->law) {
    case AS_FRESH_CONSTANT:
        return f->scale;
    case AS_FRESH_NORMAL:
        return (float)(as_rng_normal(&r) * (double)f->scale);
    case AS_FRESH_UNIFORM:
        return (float)((2 * as_rng_uniform(&r) - 1) * (double)f->scale);
    case AS_FRESH_DECAY:
        return (float)log(1 + 15 * as_rng_uniform(&r));
    case AS_FRESH_STEP:
        break;
    }
    double step = exp(log(0.001) + log(0.1 / 0.001) * as_rng_uniform(&r));
    return (float)(step + log(-expm1(-step)));
}
