/* The problems of the task "mini-code", with what training data is made of. */
#ifndef AS_LAB_TASK_MINI_CODE_H
#define AS_LAB_TASK_MINI_CODE_H

#include "lab/task/task.h"

typedef struct {
    const char *id, *family, *category, *difficulty;
    const char *prompt; /* "Write the function NAME(ARGUMENTS): WHAT." */
    const char *plan;   /* the steps in one or two sentences, as somebody might reason */
    as_problem problem;
} as_mini_problem;

typedef struct {
    const as_mini_problem *at; /* in the order of the file, which is that of the ids */
    size_t n;
} as_mini_problems;

/* Reads problems.json of the folder (docs/formats.md, assay.problems/1) and checks it: known keys
 * only; ids ascending; a preamble that ends in the one-line signature of the entry point and a
 * docstring of one line, which together make the prompt; a solution of indented lines; a test that
 * defines check(candidate) with five assertions or more. AS_EFORMAT "FILE: ID: KEY: WHAT". Texts in
 * the arena. */
AS_MUST_CHECK bool as_mini_code_open(as_mini_problems *p, const char *folder, as_arena *a,
                                     as_error *err);

#endif
