/* How long a study will take, on this machine and now: every model of the plan answers a few of its
 * questions, every training takes a few steps, judges and teachers read those answers, and checks
 * measure made-up tables with few draws. Nothing is kept: there is no store and no work folder. The
 * method is in docs/method.md, "Forecast". */
#ifndef AS_LAB_EXPERIMENT_FORECAST_H
#define AS_LAB_EXPERIMENT_FORECAST_H

#include "lab/experiment/run.h"

typedef struct {
    const as_step_spec *step;
    size_t answers; /* that it puts into the store, without rungs of its ladder */
    size_t updates; /* of a training: steps of all its seeds */
    double tokens;  /* that models write or learn from; NaN: none */
    double seconds; /* NaN: not predicted */
} as_forecast_step;

typedef struct {
    const as_plan *plan;
    as_forecast_step *step; /* (plan->n_steps) */
    double before;          /* seconds before the first step: items, and judges on trial */
    double checks;          /* seconds of those that could be measured */
    const char **unknown;   /* (n_unknown) ids of the others */
    size_t n_unknown;
    double seconds;          /* the sum of everything that is known */
    size_t answers, updates; /* measured on so many */
    size_t threads;
} as_forecast;

/* Of a run from its beginning: what the store holds already is not asked. Uses of the options what
 * a run uses, but for the store and the work folder. Fails where the run would for the plan's data,
 * models, readings and prompts; AS_ESTATE "interrupted". *out borrows plan and arena. */
AS_MUST_CHECK bool as_forecast_make(const as_plan *plan, const as_run_options *options, as_arena *a,
                                    as_forecast *out, as_error *err);

/* assay.forecast/1. Gives: json_decref; NULL when out of memory. */
json_t *as_forecast_json(const as_forecast *f);

#endif
