/* Checkpoints with made-up weights, to test and measure with: tiny ones whose results are known,
 * and the full shapes of published models; and fresh ones of any shape, to train. Every value is a
 * function of (seed, tensor name, index), so a model is the same bytes wherever it is made. No
 * tokenizer files are written. */
#ifndef AS_ENGINE_MODEL_SYNTH_H
#define AS_ENGINE_MODEL_SYNTH_H

#include "base/json.h"
#include "base/progress.h"
#include "engine/tensor/quant.h"

typedef struct {
    const char *name, *summary;
    const char *family;
    const char *config, *generation; /* config.json and generation_config.json, as published */
    bool is_tiny;
} as_synth_row;
/* "tiny-qwen3", ..., "qwen3-0.6b", ...: n rows. */
const as_synth_row *as_synth_names(size_t *n);

/* Writes the model `like` a row: into folder `path` (made when it is not there) config.json,
 * generation_config.json and model.safetensors; or, when path ends in ".gguf", that file alone.
 *
 * Value i of tensor NAME: h = FNV-1a 64 of NAME (xor mix(seed)), z = mix(h + (i + 1) golden), with
 * mix the finaliser of SplitMix64 (Steele, Lea & Flood 2014) and golden 0x9e3779b97f4a7c15;
 * u = top 24 bits of z / 2^23 - 1; value = float(float(u s) + c), where s and c go by the kind of
 * tensor; then rounded to dtype.
 *
 *   dtype     F32, F16 or BF16; in a GGUF file also Q8_0 or Q4_0 (F32 for vectors, and for matrices
 *             whose rows are no whole blocks)
 *   progress  counts to 100; may be NULL
 *
 * Errors: unknown name (with those known), dtype that the format lacks, writing. */
AS_MUST_CHECK bool as_synth_model(const char *path, const char *like, uint64_t seed, as_dtype dtype,
                                  as_progress *progress, as_error *err);

/* Writes into folder `dir` (made when it is not there) config.json, with its dtype set, and
 * model.safetensors with weights to train from. N(0, s): normal, standard deviation s; L: layers.
 *
 *   maps that write into the stream (o_proj, out_proj, down_proj, per_layer_projection)
 *                        N(0, 0.02 / sqrt(2 L))   Radford et al. 2019, 2.3
 *   other maps, embeddings  N(0, 0.02)
 *   gains of norms       1, or 0 where 1 is added to what is stored
 *   A_log, dt_bias       log of U(1, 16); the x of which log(1 + e^x) is e^U(log 0.001, log 0.1):
 *                        Gu & Dao 2023 (arXiv:2312.00752), Yang, Kautz & Hatamizadeh 2024
 *   convolution          U(-1/sqrt(K), 1/sqrt(K)), K its length
 *   layer_scalar         1
 *
 * Value i of tensor NAME is drawn from stream (seed, NAME, i) of base/rng.h; so it does not depend
 * on the other tensors.
 *
 *   name      where messages about config say it stands, escaped
 *   config    the object of a config.json
 *   dtype     F32, F16 or BF16
 *   progress  counts to 100; may be NULL
 *
 * Errors: those of as_config_read, a config of quantised weights, dtype, writing. */
AS_MUST_CHECK bool as_synth_fresh(const char *dir, const char *name, const json_t *config,
                                  uint64_t seed, as_dtype dtype, as_progress *progress,
                                  as_error *err);

#endif
