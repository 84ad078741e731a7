/* A model's tensors by the names of the Hugging Face checkpoint, out of safetensors or GGUF files.
 * What GGUF converters change (names, order of rows, sums taken) is undone here and nowhere else.
 * Never leaves the room. */
#ifndef AS_ENGINE_MODEL_SOURCE_H
#define AS_ENGINE_MODEL_SOURCE_H

#include "engine/model/families.h"

typedef struct {
    const as_tensors *file;
    const as_config *config;
    const as_family *family;
    const as_exec *ex;
    bool is_gguf, is_scanned;
    bool has_nf4; /* one of the tensors asked for was */
    bool *used;   /* (as_tensors_count) asked for so far */
} as_source;

/* Finds where the text model's tensors stand and sets config->prefix; two such places are refused.
 * Borrows all. Gives: as_source_clear. */
AS_MUST_CHECK bool as_source_init(as_source *s, const as_tensors *file, as_config *config,
                                  const as_exec *ex, bool is_scanned, as_error *err);
void as_source_clear(as_source *s);

/* Tensors outside the layers. */
typedef enum {
    AS_EMBED,     /* (vocab, dim) */
    AS_HEAD,      /* (vocab, dim) */
    AS_NORM,      /* (dim) */
    AS_PLE_TABLE, /* (vocab, n_layers * per_layer) */
    AS_PLE_MODEL, /* (n_layers * per_layer, dim) */
    AS_PLE_NORM   /* (per_layer) */
} as_global;
#define AS_TENSOR_NAME_SIZE 128
/* Name in the file, and shape; dim (2). Returns the number of dimensions. */
size_t as_global_shape(const as_config *c, as_global g, size_t *dim);
const char *as_global_name(const as_config *c, as_global g, bool is_gguf,
                           char out[AS_TENSOR_NAME_SIZE]);
const char *as_layer_name(const as_config *c, size_t layer, const char *hf, const char *gguf,
                          bool is_gguf, char out[AS_TENSOR_NAME_SIZE]);

/* Each of these checks presence, shape, type and (unless not wanted) that all values are finite;
 * messages name file and tensor. */

/* Stays mapped: *out borrows from the file. */
AS_MUST_CHECK bool as_source_table(as_source *s, as_global g, as_tensor *out, as_error *err);
AS_MUST_CHECK bool as_source_global(as_source *s, as_global g, as_weight *out, as_error *err);
/* A column order that falls inside blocks of a quantised type leaves no such block whole: that
 * weight is laid out as the floats it decodes to. Products are the same bits either way. */
AS_MUST_CHECK bool as_source_proj(as_source *s, size_t layer, as_proj p, as_weight *out,
                                  as_error *err);
/* Floats into the arena. */
AS_MUST_CHECK bool as_source_floats(as_source *s, as_global g, as_arena *arena, float **out,
                                    as_error *err);
AS_MUST_CHECK bool as_source_vector(as_source *s, size_t layer, const as_vector_row *row,
                                    as_arena *arena, as_layer *out, as_error *err);

/* Every tensor of the file has been asked for or is one that the family does without. Lets go of
 * the file's pages. */
AS_MUST_CHECK bool as_source_rest(const as_source *s, as_error *err);

/* ---- orders ---- */

/* Where row (or column) i of the checkpoint stands in a GGUF file, n of them; *order is NULL when
 * nothing moves. Gives: free(). */
AS_MUST_CHECK bool as_gguf_row_order(const as_config *c, size_t layer, as_proj p, size_t **order,
                                     as_error *err);
AS_MUST_CHECK bool as_gguf_col_order(const as_config *c, size_t layer, as_proj p, size_t **order,
                                     as_error *err);
AS_MUST_CHECK bool as_gguf_vector_order(const as_config *c, size_t layer, const as_vector_row *row,
                                        size_t **order, as_error *err);

#endif
