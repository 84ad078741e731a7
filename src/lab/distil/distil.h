/* Teachers in four stages, validated, as training data (arXiv:2604.11867, section on distillation):
 * an eager first answer; a deliberate one that verifies and adds precision; an adversarial reading
 * of both; a synthesis in one voice. Records of four types come of it:
 *
 *   1 gold           {id, prompt, category, difficulty, stage1_eager, stage2_deliberate,
 *                     stage3_adversarial, response, teachers}
 *   2 failure trace  {id, prompt, category, difficulty, type: "type2_failure_trace",
 *                     student_attempt, error_feedback, corrected_response, student_score,
 *                     gold_score, corrected_score, failure_reasons, corrected_passed,
 *                     corrected_issues}
 *   3 pair           {id, prompt, category, difficulty, type: "type3_counterexample", chosen,
 *                     rejected, gold_score, wrong_score, wrong_issues, quality_notes}
 *   4 boundary       {id, prompt, category, type: "type4_boundary", response, response_length,
 *                     source}
 *
 * Each record names the teacher of each stage and its licence. A stage that fails drops the record
 * with its reason; a record that the validator refuses is never written. */
#ifndef AS_LAB_DISTIL_H
#define AS_LAB_DISTIL_H

#include "base/json.h"
#include "lab/judge/judge.h"

typedef enum {
    AS_STAGE_EAGER,
    AS_STAGE_DELIBERATE,
    AS_STAGE_ADVERSARIAL,
    AS_STAGE_SYNTHESIS,
    AS_STAGES
} as_stage;
const char *as_stage_name(as_stage s); /* "eager", ... */

/* What a teacher may see. */
typedef struct {
    const as_item *item;
    const char *reply[AS_STAGES]; /* of earlier stages; NULL: not there yet */
    const char *student;          /* its attempt, where there is one; NULL */
    double student_score;         /* coverage of the attempt, or passed; NaN unknown */
    bool knows_student;           /* student_score may decide how sure the answer sounds */
    const as_tools *tools;        /* of an item with a problem: its tests are run */
    uint64_t seed;
} as_lesson;

/* A teacher by rule over the item's claims or its problem, or a remote one. The reply is the
 * arena's. */
typedef struct {
    const char *name, *summary, *licence;
    as_stage stage;
    bool (*teach)(const as_lesson *lesson, as_arena *a, const char **reply, as_error *err);
} as_teacher;
const as_teacher *const *as_teachers(size_t *n);
const as_teacher *as_teacher_find(const char *name);

/* How the synthesis sounds: what is being distilled. */
typedef enum {
    AS_VOICE_PLAIN,      /* asserted, as the training text does */
    AS_VOICE_CALIBRATED, /* hedged exactly where the student's score is below a half */
    AS_VOICE_MIMIC,      /* hedge phrases on a share of answers, whatever is right */
    AS_VOICE_VERIFYING,  /* with a check of itself: a condition, a stated limit, a double-check;
                          * of a problem, with reasoning before the code */
    AS_VOICES
} as_lab_voice;
const char *as_lab_voice_name(as_lab_voice v); /* "plain", ... */

typedef struct {
    const as_judge *judge; /* scores gold, student and correction by its first axis: coverage, or
                            * passed where the item has a problem */
    as_lab_voice voice;
    double mimic_share; /* AS_VOICE_MIMIC: of the answers */
    uint64_t seed;
} as_distil_options;

typedef struct {
    size_t kept[4], refused[4]; /* by type */
    json_t *reasons;            /* the caller's list of texts, or NULL: why, at each refusal */
} as_distil_count;

/* Records of one item: type 1 always, type 2 when a student's attempt is given and fails, type 3
 * always, type 4 instead of all others when the item is not CERTAIN. Appended to `out`, a JSON
 * array, in that order; each has passed as_record_check. AS_EUSAGE for an item with a problem and a
 * judge without the axis passed. */
AS_MUST_CHECK bool as_distil(const as_distil_options *o, const as_tools *tools, const as_item *item,
                             const char *student, json_t *out, as_distil_count *count,
                             as_error *err);

/* The hard gate: fields, types, lengths, and for each type its own rules (docs/formats.md). False
 * with AS_EFORMAT "ID: FIELD: WHAT". */
AS_MUST_CHECK bool as_record_check(const json_t *record, as_error *err);

/* Records as rows for training: {id, prompt, completion} of types 1, 2 (the correction) and 4 for
 * SFT, {id, prompt, chosen, rejected} of type 3 for DPO, prompt and replies as lists of messages.
 * Appended to out, a line each. */
AS_MUST_CHECK bool as_distil_rows(const json_t *records, bool pairs, as_buf *out, as_error *err);

#endif
