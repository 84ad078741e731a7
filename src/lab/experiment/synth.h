/* A study with planted truths: a folder of files in the schema of a released one, made by a seeded
 * generator, in which every effect, every artefact and every gap was put there on purpose. What an
 * audit says of it can be compared with what is so. docs/formats.md has the files;
 * plans/embedded-study.yaml audits them.
 *
 * Texts come from a small grammar about classical cookery; nothing is taken from a model or from
 * another study. Effects are planted as counts or as shifts, far enough from their bars that the
 * seed does not decide. */
#ifndef AS_LAB_EXPERIMENT_SYNTH_H
#define AS_LAB_EXPERIMENT_SYNTH_H

#include <stdint.h>

#include "base/error.h"

#define AS_STUDY_SCHEMA "assay.study/1"
#define AS_STUDY_VERSION 1 /* of the generator: the same seed and version give the same bytes */

/* What is so of one claim of the plan, and what an audit that is right says of it. */
typedef struct {
    const char *id;    /* the claim's */
    const char *truth; /* "supported", "refuted", "inconclusive" */
    const char *cause; /* the verdict's; "" when supported */
} as_planted;

const as_planted *as_planted_truths(size_t *n);

/* Writes the study into dir, which is made when it is not there. Each file is replaced whole;
 * study.json (schema, version, seed, files with size and SHA-256, planted truths) comes last, so a
 * folder that has it is complete. A folder that is neither empty nor a study, whole or begun, is
 * AS_ESTATE and left as it is. */
AS_MUST_CHECK bool as_synth_study(const char *dir, uint64_t seed, as_error *err);

#endif
