/* What the files of the forecast share: the few answers that were made. Never leaves the room. */
#ifndef AS_LAB_EXPERIMENT_FORECAST_INTERNAL_H
#define AS_LAB_EXPERIMENT_FORECAST_INTERNAL_H

#include "lab/experiment/forecast.h"
#include "lab/experiment/study.h"

/* Answers to some questions of a step, in the order they ended. */
typedef struct {
    size_t n;
    size_t *position;    /* (n) of the item */
    const char **text;   /* (n) */
    const char **finish; /* (n) */
    float **reading;     /* of each of the step's readings (n, dim); NULL: none */
    size_t *dim;
    double tokens;  /* of all together */
    double judging; /* seconds for one answer, by the step's judges */
} as_tasting;

/* What a step that distils would hand on. */
typedef struct {
    as_buf rows[2];   /* of the sample: for SFT, for DPO */
    double n_rows[2]; /* expected, of the whole set */
} as_lesson_rows;

typedef struct {
    const as_plan *plan;
    const as_run_options *o;
    as_arena *a;
    as_forecast *out;
    as_items *items;        /* of each set */
    as_tasting *sample;     /* of each step that answers, and of one that edits them */
    as_lesson_rows *lesson; /* of each step that distils */
    as_local local;
    const as_model_spec *opened;
} as_forecaster;

/* "interrupted", when it was. */
AS_MUST_CHECK bool as_forecast_goes_on(const as_forecaster *f, as_error *err);

/* Seconds of all checks, and those that cannot be told, into f->out. */
AS_MUST_CHECK bool as_forecast_checks(as_forecaster *f, as_error *err);

#endif
