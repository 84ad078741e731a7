/* Any bytes are an error with a message, or a configuration whose parts fit together. */
#include <math.h>
#include <string.h>

#include "engine/model/config.h"
#include "replay.h"

static void check_layer(const as_config *c, size_t l)
{
    size_t out, in;
    const as_layer_shape *s = &c->layer[l];
    AS_CHECK(s->heads > 0 && s->key_heads > 0 && s->heads % s->key_heads == 0);
    AS_CHECK(s->head_dim > 0 && s->mlp > 0 && s->kv_layer <= l);
    AS_CHECK(c->layer[s->kv_layer].kv_layer == s->kv_layer);
    AS_CHECK(c->layer[s->kv_layer].head_dim == s->head_dim);
    if (s->mixer == AS_MIX_ATTENTION)
        AS_CHECK(s->rope < c->n_ropes && 2 * c->rope[s->rope].half <= s->head_dim);
    else
        AS_CHECK(s->key_dim > 0 && s->kernel >= 2 && s->kernel <= 8);
    for (int p = 0; p < AS_N_PROJ; p++)
        AS_CHECK(!as_proj_shape(c, l, (as_proj)p, &out, &in) || (out > 0 && in > 0));
}

static void check_config(const as_config *c)
{
    AS_CHECK(c->family && c->prefix && c->vocab > 0 && c->dim > 0 && c->n_layers > 0);
    AS_CHECK(c->eps > 0 && c->n_ropes >= 1 && c->n_ropes <= 2);
    for (size_t i = 0; i < c->n_stop; i++)
        AS_CHECK(c->stop[i] < c->vocab && (i == 0 || c->stop[i] > c->stop[i - 1]));
    for (size_t r = 0; r < c->n_ropes; r++)
        for (size_t i = 0; i < c->rope[r].half; i++) AS_CHECK(isfinite(c->rope[r].inv_freq[i]));
    for (size_t l = 0; l < c->n_layers; l++) check_layer(c, l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_error err = {0}, memory = {0};
    json_t *config = as_json_parse("fuzz", (const char *)data, size, &err);
    as_arena *arena = as_arena_new(&memory);
    if (config && arena) {
        const as_config *c = as_config_read(arena, "fuzz", config, config, &err);
        if (c) check_config(c);
        AS_CHECK((c != NULL) == (err.class_ == AS_OK));
        AS_CHECK(c ||
                 (err.where[0] && err.what[0] && as_utf8_valid(err.what, strlen(err.what), NULL)));
    }
    as_arena_free(arena);
    json_decref(config);
    return 0;
}
