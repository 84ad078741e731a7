/* What of a configuration decides numbers, as one digest: the weights' own says nothing of it. */
#include "base/hash.h"
#include "engine/model/config.h"

static void put_layer(as_buf *b, const as_layer_shape *l)
{
    as_buf_printf(b, "layer %d %zu %zu %zu %zu %zu %zu %zu %zu %zu\n", (int)l->mixer, l->heads,
                  l->key_heads, l->head_dim, l->key_dim, l->kernel, l->window, l->kv_layer, l->rope,
                  l->mlp);
}

bool as_config_digest(const as_config *c, as_key out, as_error *err)
{
    as_buf b = {0};
    as_buf_printf(&b, "%s %zu %zu %zu %zu\n", c->family, c->vocab, c->dim, c->n_layers,
                  c->per_layer);
    as_buf_printf(&b, "%a %a %a %a %a\n", (double)c->eps, (double)c->norm_offset,
                  (double)c->embed_scale, (double)c->score_scale, (double)c->softcap);
    as_buf_printf(&b, "%d %d %d %d %d %d %d\n", (int)c->activation, c->is_tied, c->has_qk_norm,
                  c->has_v_norm, c->has_gate, c->has_post_norms, c->is_nf4);
    for (size_t i = 0; i < c->n_layers; i++) put_layer(&b, &c->layer[i]);
    for (size_t r = 0; r < c->n_ropes; r++) {
        as_buf_printf(&b, "rope %zu", c->rope[r].half);
        for (size_t i = 0; i < c->rope[r].half; i++)
            as_buf_printf(&b, " %a", (double)c->rope[r].inv_freq[i]);
        as_buf_puts(&b, "\n");
    }
    bool ok = as_buf_ok(&b, err) && as_sha256_of(b.data, b.size, out, err);
    as_buf_clear(&b);
    return ok;
}
