/* How operators build an arm; never leaves the room. */
#ifndef AS_ENGINE_OPERATOR_OPERATOR_INTERNAL_H
#define AS_ENGINE_OPERATOR_OPERATOR_INTERNAL_H

#include "engine/operator/operator.h"
#include "engine/tensor/linear.h"

/* Adds a zeroed hook to the arm, for the operator to fill in. The pointer holds until the arm is
 * closed. */
AS_MUST_CHECK as_hook *as_arm_add(as_arm *arm, as_error *err);
as_arena *as_arm_arena(as_arm *arm);
/* A weight the arm clears when it is closed. */
AS_MUST_CHECK as_weight *as_arm_weight(as_arm *arm, as_error *err);
/* At least n floats shared by the hooks of the arm, which run one after the other. */
AS_MUST_CHECK bool as_arm_need(as_arm *arm, size_t n, as_error *err);
float *as_arm_buffer(const as_arm *arm);
/* Appends to the arm's record; takes the reference. */
AS_MUST_CHECK bool as_arm_note(as_arm *arm, json_t *what, as_error *err);

/* The number after the last '*' of an argument, which is cut there; 1 without. Finite. */
AS_MUST_CHECK bool as_argument_strength(char *argument, double *strength, as_error *err);

extern const as_operator as_operator_lora, as_operator_temper, as_operator_steer;

#endif
