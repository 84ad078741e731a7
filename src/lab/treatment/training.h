/* A treatment that is learnt: a plan and rows of examples to an adapter, or to a whole model, with
 * a row of the store for every step. What `assay train` does, and what a study does on the way. */
#ifndef AS_LAB_TREATMENT_TRAINING_H
#define AS_LAB_TREATMENT_TRAINING_H

#include "engine/train/train.h"
#include "lab/store/store.h"
#include "lab/subject/local.h"
#include "lab/treatment/train_plan.h"

typedef struct as_learning as_learning;

/* Everything is borrowed until close. */
typedef struct {
    const as_train_plan *plan; /* model and out of it are not looked at */
    const char *name;          /* of the training in the store */
    const as_local *local;     /* with weights */
    const as_exec *ex;
    const char *rows; /* examples in memory (JSON Lines); NULL: read plan->data, which otherwise
                         only is their name in messages */
    size_t n_rows_bytes;
} as_learning_options;

/* Reads the data, makes what is trained, and what the run is called and identified by; trains
 * nothing yet and writes nothing. max_length that the plan does not give is 1024 tokens, or the
 * model's positions when they are fewer. What a run is depends on the bytes of the examples, not on
 * where they came from. Gives: as_learning_close. */
AS_MUST_CHECK as_learning *as_learning_open(const as_learning_options *o, as_error *err);
void as_learning_close(as_learning *t); /* accepts NULL */

const as_dataset *as_learning_data(const as_learning *t);
const as_dataset *as_learning_held(const as_learning *t); /* NULL: none */
const as_training *as_learning_row(const as_learning *t);
const json_t *as_learning_identity(const as_learning *t); /* what run.json keeps; borrowed */
size_t as_learning_trainable(const as_learning *t);       /* numbers */
size_t as_learning_steps(const as_learning *t);           /* planned */
/* Folder or file inside `out` that holds what was trained: "adapter" or "model". */
const char *as_learning_result(const as_learning *t);

/* Each may be NULL. As in as_train_sink. */
typedef struct {
    void *context;
    bool (*update)(void *context, const as_update *u, bool is_old, as_error *err);
    bool (*stops)(void *context);
    void (*notice)(void *context, const char *text);
} as_learning_watch;

/* Trains in the folder `out`, or goes on with the run that is there; each step's row and timing go
 * into the store before the watch is told. The store (NULL: none) has no open group. Errors are
 * as_train's and the store's; result->is_done is false when the watch stopped it. Once for each
 * as_learning: what is trained has then changed. */
AS_MUST_CHECK bool as_learning_run(as_learning *t, const char *out, as_store *store,
                                   const as_learning_watch *watch, as_train_result *result,
                                   as_error *err);

/* What as_learning_run would cost, by as_train_try of `steps` steps. What is trained has then
 * changed, as after a run. */
AS_MUST_CHECK bool as_learning_try(as_learning *t, size_t steps, as_train_cost *out, as_error *err);

#endif
