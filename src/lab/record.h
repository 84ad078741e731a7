/* The rows that travel: design -> prompt -> generation -> judgement, reading -> statistic ->
 * verdict; and training -> training_step. Plain structs; the text and arrays they point to are
 * borrowed from whoever filled them in (the store's arena, after a load).
 *
 * A row's key is the SHA-256 of its content and its parents' keys: the canonical JSON
 * ["KIND", parent keys..., fields in the order below], where a field that is unknown is null. The
 * key is never chosen by the caller; as_*_key (record.c) computes it, the store checks it. Unknown
 * text is NULL, an unknown number NaN; neither is ever replaced by a default. */
#ifndef AS_LAB_RECORD_H
#define AS_LAB_RECORD_H

#include <stdint.h>

#include "base/hash.h"
#include "base/json.h"

/* What was decided before anything was measured. */
typedef struct {
    as_key key;
    const char *name;   /* of the plan */
    const char *plan;   /* effective plan, canonical JSON */
    const char *inputs; /* canonical JSON {file: sha256} of everything read */
    const char *code;   /* "assay VERSION" */
    uint64_t seed;
} as_design;

/* One thing that was asked; in a re-audit, one item of an imported table. */
typedef struct {
    as_key key, design;
    const char *set;   /* table */
    uint64_t position; /* 0-based, before any filter */
    const char *text;
    const char *cluster; /* grouping for the bootstrap; NULL: the item is its own */
} as_prompt;

/* One answer to it. */
typedef struct {
    as_key key, prompt;
    const char *arm;
    const char *text;
    const char *finish;  /* "stop", "length", ...; NULL unknown */
    const char *subject; /* who answered: "import", "local", ... */
    uint64_t seed;
} as_generation;

/* What one instrument said of an answer. Exactly one of score, label, missing is known. */
typedef struct {
    as_key key, generation;
    const char *axis;    /* column */
    double score;        /* NaN: none */
    const char *label;   /* NULL: none */
    const char *missing; /* reason; NULL when present */
    const char *judge;   /* who judged; "import" */
} as_judgement;

/* A hidden state read at one place. */
typedef struct {
    as_key key, generation;
    const char *site;     /* column, or "h_last" */
    const char *selector; /* "last_content", ...; NULL unknown */
    const float *values;  /* dim */
    uint64_t dim;
} as_reading;

/* One number and what it rests on. Also an imported, already aggregated figure (method "import").
 */
typedef struct {
    as_key key, design;
    uint64_t position;  /* 0-based, within its check */
    const char *check;  /* id of the check in the plan; "table/NAME" for an imported table */
    const char *name;   /* within the check: "auc", "asym" */
    const char *of;     /* which variant: "C=0.1", "self_verification"; "" when there is only one */
    const char *method; /* how, with the heading of docs/method.md that explains it */
    const char
        *inputs; /* canonical JSON array of "table.column" and of the digests of their rows */
    double estimate;
    uint64_t n, missing;
    double lo, hi, level;  /* interval; NaN: none */
    const char *interval;  /* its method; NULL: none */
    double p;              /* two-sided unless the method says otherwise; NaN: none */
    const char *null_kind; /* "permutation", "monte carlo"; NULL: none */
    uint64_t null_draws;
    double null_q05, null_q50, null_q95;
    const char *detail; /* canonical JSON object with everything else; "{}" */
} as_statistic;

/* What a claim came to. */
typedef struct {
    as_key key, design;
    const char *claim;
    const char *word;  /* "supported", "refuted", "inconclusive" */
    const char *cause; /* "", "no effect", "artefact: alignment", "under-powered", ... */
    const char *tree;  /* canonical JSON: leaves with outcome, sentence, statistics, rows */
} as_verdict;

/* One run of training: everything that decides its numbers. */
typedef struct {
    as_key key;
    const char *name;
    const char *kind;   /* "sft", "dpo", "lm"; the column is called objective */
    const char *plan;   /* effective plan, canonical JSON */
    const char *inputs; /* canonical JSON: digests of model, tokenizer, template, data, held */
    const char *code;   /* "assay VERSION" */
    uint64_t seed;
} as_training;

/* What was measured at one step of it. Units and formulas of the measures: docs/formats.md. */
typedef struct {
    as_key key, training;
    uint64_t step;      /* 0: the evaluation before training */
    uint64_t of;        /* steps planned */
    const char *values; /* canonical JSON {"loss": number, ...}; what is not known is not in it */
} as_training_step;

/* How long a step took. No part of any key: it differs from run to run, and the first one kept
 * stands. */
typedef struct {
    as_key training;
    uint64_t step;
    double seconds, tokens_per_second; /* NaN: not known */
} as_timing;

/* Each writes the row's own key from its content and its parents' keys. */
AS_MUST_CHECK bool as_design_key(as_design *r, as_error *err);
AS_MUST_CHECK bool as_prompt_key(as_prompt *r, as_error *err);
AS_MUST_CHECK bool as_generation_key(as_generation *r, as_error *err);
AS_MUST_CHECK bool as_judgement_key(as_judgement *r, as_error *err);
AS_MUST_CHECK bool as_reading_key(as_reading *r, as_error *err);
AS_MUST_CHECK bool as_statistic_key(as_statistic *r, as_error *err);
AS_MUST_CHECK bool as_verdict_key(as_verdict *r, as_error *err);
AS_MUST_CHECK bool as_training_key(as_training *r, as_error *err);
AS_MUST_CHECK bool as_training_step_key(as_training_step *r, as_error *err);

#endif
