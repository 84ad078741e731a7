/* What one answer is worth, and why. A judge never sees the arm: as_answer has no place for it.
 * Same answer, same judgement. Judges by rule and judges that ask a model stand behind the same
 * face.
 *
 * New judge: one file lab/judge/NAME.c with a `const as_judge as_judge_NAME`, one row in judges[]
 * (judge.c), one entry in docs/method.md, one test. */
#ifndef AS_LAB_JUDGE_H
#define AS_LAB_JUDGE_H

#include "lab/sandbox/sandbox.h"
#include "lab/task/task.h"

typedef struct {
    const as_item *item;
    const char *text;   /* the answer */
    const char *finish; /* how it ended; NULL unknown */
} as_answer;

/* What one axis came to: exactly one of score, label, missing is known. */
typedef struct {
    const char *axis;
    double score;        /* NaN: none */
    const char *label;   /* NULL: none */
    const char *missing; /* reason */
} as_ruling;

/* Tools a judge may ask; each may be NULL where no judge in use needs it. */
typedef struct {
    as_sandbox *sandbox;
    as_arena *arena; /* texts of rulings that are not literals */
} as_tools;

#define AS_JUDGE_AXES 16

typedef struct {
    const char *name, *summary;
    const char *version;     /* changes whenever a ruling could */
    const char *const *axes; /* ends with NULL */
    size_t cut;     /* characters of an answer that it reads; 0: all. Part of the instrument */
    bool runs_code; /* needs tools->sandbox */
    bool is_blind;  /* reads the prompt alone: the same ruling for every answer to it */
    /* One ruling for each axis, in order. False is for failures of the machine, never for an answer
     * it cannot read: that is a ruling "missing" with its reason. */
    bool (*judge)(const as_tools *tools, const as_answer *a, as_ruling *out, as_error *err);
    /* Known-good and known-bad answers to an item, for the gate; pair k of n_pairs, false when
     * there are fewer. NULL: the judge has no gate (is_blind judges are gated by the item's
     * certainty). */
    bool (*pair)(const as_item *item, size_t k, as_arena *a, const char **good, const char **bad,
                 as_error *err);
} as_judge;

const as_judge *const *as_judges(size_t *n);
const as_judge *as_judge_find(const char *name);

/* The gate: of the pairs made from the items, how many the judge ranks good above bad on its first
 * axis (a label axis: good and bad get the labels they must). */
typedef struct {
    size_t n, right, missing;
} as_gate_count;
#define AS_GATE_SHARE 0.9
AS_MUST_CHECK bool as_judge_gate(const as_judge *j, const as_tools *tools, const as_items *items,
                                 as_gate_count *out, as_error *err);

#endif
