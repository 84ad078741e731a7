/* A training plan: a tree to the structs that engine/train takes. Every key is known or an error.
 * The format stands in docs/formats.md. */
#ifndef AS_LAB_TREATMENT_TRAIN_PLAN_H
#define AS_LAB_TREATMENT_TRAIN_PLAN_H

#include "base/file.h"
#include "base/tree.h"
#include "engine/train/train.h"

typedef enum { AS_TRAIN_SFT, AS_TRAIN_DPO, AS_TRAIN_LM } as_train_kind;
const char *as_train_kind_name(as_train_kind k); /* "sft", "dpo", "lm" */

typedef struct {
    as_train_kind kind;
    const char *name;              /* NULL: not given */
    const char *model;             /* as `--model` takes it; a relative folder is beside the plan */
    const char *data, *held, *out; /* files and a folder, likewise; held, out: may be NULL */
    double held_share;             /* 0: none */
    bool all_weights;              /* no adapter */
    const char *start;             /* PEFT folder to go on from; NULL: a new adapter */
    bool from_start;               /* DPO: the reference is that adapter as it is at the start */
    as_dataset_options dataset;    /* max_length 0: not given */
    as_adapter_options adapter;
    as_train_options train;
} as_train_plan;

/* Strings and lists in the arena. AS_EUSAGE with the place. */
AS_MUST_CHECK bool as_train_plan_read(const as_tree *tree, as_train_kind kind, as_arena *arena,
                                      as_train_plan *out, as_error *err);

/* Every value that decides the bytes of a run, defaults included, as sections of keys; what does
 * not (places, names, memory, checkpoints, and how a batch is cut) is left out. Gives: json_decref;
 * NULL when out of memory. */
json_t *as_train_plan_json(const as_train_plan *p);

#endif
