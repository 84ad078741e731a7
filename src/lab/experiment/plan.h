/* A plan of a re-audit, read from its tree: which files hold what, which checks look at it, which
 * claims rest on the checks. Nothing is opened here; every name is checked. The language is
 * documented in docs/formats.md. All memory is the arena's. */
#ifndef AS_LAB_EXPERIMENT_PLAN_H
#define AS_LAB_EXPERIMENT_PLAN_H

#include "lab/audit/audit.h"
#include "lab/judge/judge.h"

/* FILE#FRAGMENT: an array's name in .npz, a JSON pointer with * for "each" in .json and .jsonl. */
typedef struct {
    const char *file, *fragment;
    const as_tree *at;
} as_ref;

typedef enum {
    AS_FROM_ROW,  /* pointer into the row */
    AS_FROM_FILE, /* another file, by position or matched by content */
    AS_FROM_PLAN, /* written in the plan: one value for all items, or a list by position */
    AS_FROM_STEP, /* what a step of the plan put into the store */
    AS_DERIVED    /* computed from another column of the table */
} as_origin;

typedef enum {
    AS_DERIVE_RULE,    /* 1 where value RULE cut, else 0 */
    AS_DERIVE_EQUALS,  /* 1 where the text is equal, else 0 */
    AS_DERIVE_MEASURE, /* characters, words or bytes of a text */
    AS_DERIVE_LEXICON, /* lexicon matches for each 100 words */
    AS_DERIVE_ENDING,  /* 1 where the text is finished, strict or lenient */
    AS_DERIVE_MINUS,   /* difference of two columns */
    AS_DERIVE_PLANTED  /* a label made of a seed, from texts or vectors */
} as_derive;

typedef struct {
    const char *name;
    const as_tree *at;
    as_origin origin;
    const char *pointer; /* AS_FROM_ROW: JSON pointer below the row; "@key", "@index" */
    as_ref ref;          /* AS_FROM_FILE */
    as_ref match; /* values in the other file to match with column `on`; file NULL: by position */
    const char *on;
    const as_tree *value; /* AS_FROM_PLAN: scalar or list of scalars; "" is missing */
    bool is_fraction;     /* nearest p/q with q <= 64 within 1e-4; anything else is an error */
    as_derive derive;
    const char *from; /* AS_DERIVED: column */
    const char *word; /* rule (>=, >, <=, <), text to equal, measure, lexicon, ending, other column,
                       * or seed */
    double cut;
    uint64_t seed; /* AS_DERIVE_PLANTED */
} as_column_spec;

typedef struct {
    const char *column;
    const char *test; /* "present", "missing", "equals", or a rule */
    const char *text;
    double cut;
} as_where;

typedef struct {
    const char *name;
    const char *value; /* NULL: read from ref */
    as_ref ref;
} as_fact_spec;

typedef struct {
    const char *name, *about;
    const as_tree *at;
    bool is_figures;       /* already aggregated figures, not answers */
    bool is_optional;      /* may be absent from the folder */
    as_ref rows;           /* file NULL: typed in, or only columns of other files */
    const as_tree *typed;  /* list of mappings in the plan */
    const char *set, *arm; /* rows of a step: set of its prompts, "STEP.ARM"; NULL: rows of files */
    const char *prompt, *answer, *cluster; /* columns with those roles; NULL */
    as_column_spec *column;
    size_t n_columns;
    as_where *where;
    size_t n_where;
    as_fact_spec *fact;
    size_t n_facts;
} as_table_spec;

typedef struct {
    const char *name;
    const char *const *word;
    size_t n;
} as_lexicon_spec;

typedef struct {
    const char *id, *about;
    const as_check *check;
    const as_tree *at;
    double effect;      /* the smallest that the study is meant to see; NaN: not said */
    const as_arg *args; /* bound to tables that have names and no rows */
} as_check_spec;

typedef struct {
    const char *name;
    const char *const *check; /* ids */
    size_t n;
} as_id_list;

typedef struct {
    const char *id, *says, *settles, *credit;
    const as_tree *published; /* mapping or NULL */
    const as_tree *at;
    as_id_list must_hold, must_fail, instrument, artefact, context;
    as_id_list *step; /* an ordered pipeline; its verdict is where it stops */
    size_t n_steps;
} as_claim_spec;

/* --- what a plan that runs models says; docs/formats.md, "Studies" -------------------------------
 */

typedef struct {
    const char *name, *path; /* as --model takes it; a relative folder is beside the plan */
} as_model_spec;

typedef struct {
    const char *name;
    const as_task *task;
    const char *data, *set;
    size_t n; /* 0: as many as the set has */
    uint64_t seed;
} as_set_spec;

/* One arm of a step that answers. Whatever differs between arms beside the operators has to be
 * named under treats. */
typedef struct {
    const char *name;
    const char *operators; /* as --arm takes it, with {STEP.NAME} for what an earlier step made */
    const char *system;    /* NULL: none */
    size_t budget;         /* tokens; 0: the step's */
    size_t cut;            /* characters that the judges see; 0: the step's */
    uint64_t seed;
    const as_tree *at;
} as_arm_spec;

typedef struct as_step_kind as_step_kind;

typedef struct as_step_spec as_step_spec;
struct as_step_spec {
    const char *id, *about;
    const as_step_kind *kind;
    const as_tree *at;
    size_t place;               /* among the steps */
    const as_model_spec *model; /* of kinds that run one */
    const as_set_spec *set;     /* whose prompts it speaks of */
    const as_step_spec *from;   /* step and arm whose answers it takes; NULL: none */
    const char *from_arm;
    as_arm_spec *arm; /* arms that it puts into the store */
    size_t n_arms;
    const as_judge *const *judge;
    size_t n_judges;
    const char *const *reading; /* probes, as as_probe_parse reads them */
    size_t n_readings;
    const size_t *ladder; /* budgets at which every answer is judged too, as arms ARM@BUDGET */
    size_t n_ladder;
    const char *const *makes; /* its products, ends with NULL; NULL: none */
    const char *numbered;     /* and PREFIX1 to PREFIXn; NULL: none */
    size_t n_numbered;
    const void *own; /* what its kind read beside that */
};

/* What is assumed before anything is asked; docs/method.md, "Power before the run". */
typedef struct {
    double accuracy, assertion; /* shares of the answers: right, asserted */
    double discordance;         /* share of items on which two arms differ; NaN: arms unrelated */
    double kept;                /* share of the items that filters keep; NaN: not said */
    double seeds;               /* SD of the effect over training seeds */
    const as_tree *sd;          /* COLUMN: SD of an item's change; NULL: not said */
} as_assume;

typedef struct {
    const char *name, *title, *source, *about;
    const as_tree *root; /* with each expanded (plan_each.h), so what is kept names every entry */
    as_model_spec *model;
    size_t n_models;
    as_set_spec *set;
    size_t n_sets;
    as_step_spec *step;
    size_t n_steps;
    as_assume assume;
    uint64_t seed;
    size_t permutations, bootstrap, cv_repeats;
    double alpha;
    as_lexicon_spec *lexicon;
    size_t n_lexicons;
    as_table_spec *table;
    size_t n_tables;
    as_check_spec *check;
    size_t n_checks;
    as_claim_spec *claim;
    size_t n_claims;
} as_plan;

/* Borrows the tree and the arena for as long as the plan is used. Errors are AS_EUSAGE
 * "FILE:LINE:COL: key.path: WHAT". */
AS_MUST_CHECK bool as_plan_parse(const as_tree *root, as_arena *arena, as_plan *out, as_error *err);

/* NULL when there is none. */
const as_step_spec *as_plan_step(const as_plan *p, const char *id);
const as_table_spec *as_plan_table(const as_plan *p, const char *name);
const as_lexicon_spec *as_plan_lexicon(const as_plan *p, const char *name);

#endif
