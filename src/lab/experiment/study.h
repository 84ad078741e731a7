/* The steps of a study: what a plan does before there are tables to check. Each step puts its rows
 * into the store, or makes something that later steps name, and finds both when they are there.
 *
 * New kind of step: one file step_NAME.c with a `const as_step_kind as_step_NAME`, one row in
 * kinds[] (study_plan.c), one entry in docs/formats.md, one test. */
#ifndef AS_LAB_EXPERIMENT_STUDY_H
#define AS_LAB_EXPERIMENT_STUDY_H

#include "lab/distil/distil.h"
#include "lab/experiment/run.h"
#include "lab/subject/answer.h"
#include "lab/treatment/train_plan.h"

/* What a step made, as text: the operators of an adapter, a list of heads, a classifier as JSON. */
typedef struct {
    const char *name; /* "STEP.NAME" */
    const char *text;
} as_product;

typedef struct as_study {
    const as_plan *plan;
    const as_design *design;
    const as_run_options *o;
    as_arena *a;
    const as_canon *canon;
    as_local local; /* the model in use; path NULL: none */
    const as_model_spec *opened;
    as_product *product;
    size_t n_products, room;
    as_items *items;          /* one for each set of the plan, made when first asked for */
    const as_step_spec *step; /* under way */
    const char **lacking;     /* for each step: why it made nothing; NULL: it did, or is to come */
} as_study;

struct as_step_kind {
    const char *name, *summary;
    const char *const *keys; /* beside do and about; ends with NULL */
    bool (*parse)(const as_plan *p, as_step_spec *s, as_arena *a, as_error *err);
    bool (*run)(as_study *st, const as_step_spec *s, as_error *err);
};
extern const as_step_kind as_step_answer, as_step_distil, as_step_train, as_step_heads,
    as_step_direction, as_step_probe, as_step_gate, as_step_transplant;
const as_step_kind *const *as_step_kinds(size_t *n);

/* --- reading a plan's steps (study_plan.c) ------------------------------------------------------
 */

/* models, sets and steps of the plan into p, before its tables are read. */
AS_MUST_CHECK bool as_study_parse(as_plan *p, const as_tree *root, as_arena *a, as_error *err);
/* The columns that a table of STEP.ARM has of itself: prompt, answer, cluster, category, certainty,
 * finish, tokens, logprob, the axes of the step's judges, and its readings. Appends to names (room
 * for as many as AS_STEP_COLUMNS). */
#define AS_STEP_COLUMNS 96
size_t as_step_columns(const as_step_spec *s, const char **names);
/* Does the step make a product of that name (size bytes)? AS_EUSAGE at node with what it makes. */
AS_MUST_CHECK bool as_step_makes(const as_step_spec *s, const char *name, size_t size,
                                 const as_tree *node, as_error *err);
/* "STEP.ARM" split; both have to be there. */
AS_MUST_CHECK bool as_study_source(const as_plan *p, const as_tree *node, const as_step_spec **step,
                                   const char **arm, as_arena *a, as_error *err);

/* --- for the steps (study.c) ---------------------------------------------------------------------
 */

/* Walks the steps of the plan. */
AS_MUST_CHECK bool as_study_run(as_study *st, as_error *err);
void as_study_clear(as_study *st);

AS_MUST_CHECK bool as_study_open(as_study *st, const as_model_spec *m, as_error *err);
AS_MUST_CHECK const as_items *as_study_items(as_study *st, const as_set_spec *set, as_error *err);
AS_MUST_CHECK bool as_study_make(as_study *st, const as_step_spec *s, const char *name,
                                 const char *text, as_error *err);
/* text with every {STEP.NAME} replaced by what that step made; in the arena. Fails as_study_lack
 * for what a step lacks. */
AS_MUST_CHECK const char *as_study_fill(as_study *st, const char *text, as_error *err);
const char *as_study_product(const as_study *st, const char *name); /* NULL: none */

/* Puts one statistic of step s with `detail` (takes the reference). of: "" or an arm. */
AS_MUST_CHECK bool as_study_note(as_study *st, const as_step_spec *s, const char *name,
                                 const char *of, double estimate, size_t n, size_t missing,
                                 json_t *detail, as_error *err);

/* The step under way cannot be done with the answers there are, and says why: it makes nothing, the
 * arms of it are absent, and whatever needs either is lacking too, for the same reason. The study
 * goes on: a model that is nearly always right is a finding, not a failure. Returns false with err
 * AS_ENUMERIC, for `run` to pass on. */
AS_MUST_CHECK bool as_study_lack(as_study *st, as_error *err, const char *fmt, ...) AS_PRINTF(3, 4);
/* Why nothing can stand for a {STEP.NAME} of the text; NULL: all can, or there is none. */
const char *as_study_lacks(const as_study *st, const char *text);
/* An arm of the step is absent: its rows are closed as such, with the reason. */
AS_MUST_CHECK bool as_study_absent(as_study *st, const as_step_spec *s, const char *arm,
                                   const char *why, as_error *err);

/* One answer on its way into the store, with what was read of it. */
typedef struct {
    size_t position; /* of its prompt */
    const char *arm; /* without the step */
    const char *text, *finish, *subject;
    uint64_t seed;
    double tokens, logprob;      /* NaN: unknown */
    const float *const *reading; /* these three (n_readings of the step); reading NULL: none */
    const size_t *dim;
    const char *const *selector;
} as_study_answer;

/* Prompts of a set into the store, once. keys (n items) of their rows. */
AS_MUST_CHECK bool as_study_ask(as_study *st, const as_set_spec *set, const as_key **keys,
                                as_error *err);
AS_MUST_CHECK bool as_study_keep(as_study *st, const as_step_spec *s, const as_key *prompt,
                                 const as_study_answer *a, as_error *err);
/* answered[position]: an answer of that arm by that subject is in the store. */
AS_MUST_CHECK bool as_study_answered(as_study *st, const as_step_spec *s, const char *arm,
                                     const char *subject, bool *answered, as_error *err);
/* Judges every answer of the step that is not judged yet, and closes its arms: after that tables
 * can be loaded of them. facts (takes the reference) stand beside each arm. */
AS_MUST_CHECK bool as_study_judge(as_study *st, const as_step_spec *s, const char *arm, size_t cut,
                                  json_t *facts, as_error *err);
/* The same for the one arm of a step that edits answers of another: facts and cut are those of the
 * answers it edits. */
AS_MUST_CHECK bool as_study_judge_edited(as_study *st, const as_step_spec *s,
                                         const as_step_spec *from, const char *from_arm,
                                         const char *subject, as_error *err);
/* What the arm is by itself into the store: accuracy, rates, asymmetry, coverage, cut rate. */
AS_MUST_CHECK bool as_study_summarise(as_study *st, const as_step_spec *s, const char *arm,
                                      as_error *err);
/* One arm of a step as a table with its own columns. Fails as_study_lack for an arm that lacks. */
AS_MUST_CHECK bool as_study_table(as_study *st, const as_step_spec *step, const char *arm,
                                  as_table *out, as_error *err);

/* --- what a step would do (step_NAME.c), for a forecast ------------------------------------------
 */

/* Decoding, thinking and ladder of a step that answers. */
void as_step_answer_how(const as_step_spec *s, as_answer_options *out);
/* How a step trains, but for its seeds. */
const as_train_plan *as_step_train_how(const as_step_spec *s, size_t *n_seeds);
/* The records of one item, as as_distil; and of all those that the step keeps. */
AS_MUST_CHECK bool as_step_distil_one(const as_step_spec *s, const as_tools *tools,
                                      const as_item *item, const char *answer, json_t *records,
                                      as_distil_count *count, as_error *err);
AS_MUST_CHECK bool as_step_distil_keep(const as_step_spec *s, json_t *records, as_error *err);

#endif
