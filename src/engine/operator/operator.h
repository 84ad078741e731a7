/* What is done to a model at inference: a list of operators makes an arm. An operator becomes hooks
 * (engine/model/hook.h) and is shared, read-only, by all rows of its arm. A neutral operator (an
 * adapter of zeros, lambda 1, strength 0) becomes no hook at all, so its arm has the bits of the
 * base model. */
#ifndef AS_ENGINE_OPERATOR_OPERATOR_H
#define AS_ENGINE_OPERATOR_OPERATOR_H

#include "base/arena.h"
#include "engine/model/model.h"

typedef struct as_arm as_arm;

typedef struct {
    /* Head tempering uses the head width of the model's first attention layer in every layer, as
     * the scripts published with arXiv:2604.11867 do: in Gemma's wide layers "head h" is then half
     * of head h / 2. */
    bool as_published;
} as_arm_options;

/* One kind of operator: a row of operators[]. */
typedef struct {
    const char *name;    /* "lora" */
    const char *syntax;  /* "lora: FOLDER [* STRENGTH]" */
    const char *summary; /* one line */
    bool (*open)(as_arm *arm, const char *argument, const as_model *m, const as_exec *ex,
                 const as_arm_options *options, as_error *err);
} as_operator;
const as_operator *const *as_operators(size_t *n);

/* An arm from text: "base", or "[NAME = ] OPERATOR: ARGUMENT [; OPERATOR: ARGUMENT]...", applied in
 * that order. The name is the text itself when none is given. The model is borrowed until close.
 * AS_EUSAGE for the text, AS_EFORMAT for files it names. */
AS_MUST_CHECK as_arm *as_arm_open(const char *text, const as_model *m, const as_exec *ex,
                                  const as_arm_options *options, as_error *err);
void as_arm_close(as_arm *a);

const char *as_arm_name(const as_arm *a);
const char *as_arm_text(const as_arm *a); /* as given */
const as_hooks *as_arm_hooks(const as_arm *a);
/* What the arm is, for the record: list of {operator, ...} with digests of files. Borrowed. */
const json_t *as_arm_record(const as_arm *a);

#endif
