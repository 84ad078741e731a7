/* The orders in which GGUF converters leave rows and columns. Two occur: llama's q and k rows are
 * ordered for rotation of neighbours, and delta's value heads stand in tiles, one head of each key
 * head's group after the other. */
#include <stdlib.h>

#include "engine/model/source.h"

/* Row h d + s d/2 + i stands at h d + 2 i + s. */
static bool interleaved(size_t heads, size_t d, size_t **order, as_error *err)
{
    size_t *at = *order = as_new(heads * d, sizeof *at, err);
    if (!at) return false;
    for (size_t h = 0; h < heads; h++)
        for (size_t s = 0; s < 2; s++)
            for (size_t i = 0; i < d / 2; i++) at[h * d + s * (d / 2) + i] = h * d + 2 * i + s;
    return true;
}

/* Value head i (Hv/Hk) + j stands at j Hk + i; each is `width` rows, after `first` that stay. */
static bool tiled(const as_layer_shape *l, size_t first, size_t width, size_t **order,
                  as_error *err)
{
    size_t group = l->heads / l->key_heads;
    if (group == 1) return true; /* as it is */
    size_t *at = *order = as_new(first + l->heads * width, sizeof *at, err);
    if (!at) return false;
    for (size_t r = 0; r < first; r++) at[r] = r;
    for (size_t h = 0; h < l->heads; h++) {
        size_t to = h % group * l->key_heads + h / group;
        for (size_t e = 0; e < width; e++) at[first + h * width + e] = first + to * width + e;
    }
    return true;
}

bool as_gguf_row_order(const as_config *c, size_t layer, as_proj p, size_t **order, as_error *err)
{
    const as_layer_shape *l = &c->layer[layer];
    *order = NULL;
    if (l->mixer == AS_MIX_ATTENTION) {
        if (!as_family_find(c->family)->gguf_interleaves) return true;
        if (p != AS_Q_PROJ && p != AS_K_PROJ) return true;
        return interleaved(p == AS_Q_PROJ ? l->heads : l->key_heads, l->head_dim, order, err);
    }
    if (p == AS_IN_QKV) return tiled(l, 2 * l->key_heads * l->key_dim, l->head_dim, order, err);
    if (p == AS_IN_Z) return tiled(l, 0, l->head_dim, order, err);
    if (p == AS_IN_A || p == AS_IN_B) return tiled(l, 0, 1, order, err);
    return true;
}

bool as_gguf_col_order(const as_config *c, size_t layer, as_proj p, size_t **order, as_error *err)
{
    const as_layer_shape *l = &c->layer[layer];
    *order = NULL;
    if (l->mixer != AS_MIX_DELTA || p != AS_OUT_PROJ) return true;
    return tiled(l, 0, l->head_dim, order, err);
}

bool as_gguf_vector_order(const as_config *c, size_t layer, const as_vector_row *row,
                          size_t **order, as_error *err)
{
    const as_layer_shape *l = &c->layer[layer];
    *order = NULL;
    if (l->mixer != AS_MIX_DELTA) return true;
    if (row->extent[0] == AS_EXTENT_HEADS) return tiled(l, 0, 1, order, err);
    if (row->extent[0] == AS_EXTENT_CHANNELS)
        return tiled(l, 2 * l->key_heads * l->key_dim, l->head_dim, order, err);
    return true;
}
