/* What the files of the task chef share. */
#ifndef AS_LAB_TASK_CHEF_INTERNAL_H
#define AS_LAB_TASK_CHEF_INTERNAL_H

#include "base/rng.h"
#include "lab/task/task.h"

/* The items of a set while they are made. */
typedef struct {
    const as_canon *canon;
    const as_canon_grammar *grammar;
    uint64_t seed;
    as_arena *arena;
    as_item *item; /* room for all; n made so far */
    size_t n;
} as_chef_set;

/* Member i of a cycle through 0..n-1 in which everyone comes once before anyone comes again; each
 * round in an order of its own. Purpose names the cycle; (seed, purpose, round) decides. order is
 * room for n, kept between calls of rising i. */
size_t as_chef_turn(uint64_t seed, const char *purpose, size_t i, size_t *order, size_t n);

/* Puts the prompt in place s->n, unless an item has it: then *is_new is false. */
AS_MUST_CHECK bool as_chef_prompt(as_chef_set *s, const char *prompt, bool *is_new, as_error *err);

/* The questions without one right answer (UNCERTAIN) and those that cannot be answered as they are
 * (AMBIGUOUS), in turn. */
AS_MUST_CHECK bool as_chef_open_items(as_chef_set *s, size_t n, as_error *err);

#endif
