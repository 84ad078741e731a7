/* What the files of the model maker share; never leaves the room. */
#ifndef AS_ENGINE_MODEL_SYNTH_INTERNAL_H
#define AS_ENGINE_MODEL_SYNTH_INTERNAL_H

#include "engine/format/gguf.h"
#include "engine/model/source.h"
#include "engine/model/synth.h"

extern const as_synth_row as_synth_rows[];
extern const size_t as_synth_n_rows;

/* The metadata that a converter would write for this configuration. config: the parsed config.json.
 */
AS_MUST_CHECK bool as_synth_metadata(as_gguf_out *out, const as_config *c, const json_t *config,
                                     as_dtype dtype, as_error *err);

#endif
