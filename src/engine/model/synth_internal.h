/* What the files of the model maker share; never leaves the room. */
#ifndef AS_ENGINE_MODEL_SYNTH_INTERNAL_H
#define AS_ENGINE_MODEL_SYNTH_INTERNAL_H

#include "base/rng.h"
#include "engine/format/gguf.h"
#include "engine/model/source.h"
#include "engine/model/synth.h"

extern const as_synth_row as_synth_rows[];
extern const size_t as_synth_n_rows;

/* The metadata that a converter would write for this configuration. config: the parsed config.json.
 */
AS_MUST_CHECK bool as_synth_metadata(as_gguf_out *out, const as_config *c, const json_t *config,
                                     as_dtype dtype, as_error *err);

/* How the values of a tensor are drawn in a model made for training. */
typedef struct {
    enum {
        AS_FRESH_CONSTANT,
        AS_FRESH_NORMAL,
        AS_FRESH_UNIFORM,
        AS_FRESH_DECAY,
        AS_FRESH_STEP
    } law;
    float scale; /* the constant; standard deviation; largest value */
    as_rng rng;  /* of (seed, name) */
} as_fresh;
/* name: of the checkpoint. kernel: length of the convolution, where there is one. */
as_fresh as_fresh_of(const as_config *c, const char *name, size_t kernel, uint64_t seed);
float as_fresh_at(const as_fresh *f, size_t i);

#endif
