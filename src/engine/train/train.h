/* The training loop: examples to updates, with everything that a run leaves behind in one folder.
 *
 * run.json says what the run is and is compared when it is resumed.
 *
 * log.jsonl has a row for each step, of numbers that are the same whenever and wherever it runs;
 * timing.jsonl its seconds and speed; notices.jsonl, what was passed over to go on.
 *
 * reference.json keeps the log-probabilities of pairs under the reference (DPO), computed once.
 *
 * checkpoints/ is that of checkpoint.h; adapter/ (with report.json beside it) or model/ is what was
 * trained, when it is done.
 *
 * The bytes of log, checkpoints and results depend on model, data and options alone: not on
 * threads, kernels, where the run was interrupted, or (without by_micro) how a step was cut. */
#ifndef AS_ENGINE_TRAIN_TRAIN_H
#define AS_ENGINE_TRAIN_TRAIN_H

#include "engine/model/weights.h"
#include "engine/operator/adapter.h"
#include "engine/train/dataset.h"
#include "engine/train/optimiser.h"

typedef struct {
    bool is_dpo;
    double beta, smoothing; /* DPO */

    size_t batch;  /* examples of a step */
    size_t micro;  /* examples taken together at most; 0: as many as fit */
    size_t pack;   /* tokens taken together at most; a longer example stands alone */
    bool by_micro; /* each micro-batch's mean counts alike, instead of each target token */
    as_order order;
    uint64_t seed;
    size_t epochs, steps; /* steps 0: as many as `epochs` have */

    as_optimiser_options optimiser;
    as_rate rate;
    double peak;       /* learning rate */
    double warm_share; /* of all steps, rounded up */
    double clip;       /* global norm; 0: no clipping */

    size_t evaluate_every;   /* steps; 0: at the start and the end only */
    size_t patience;         /* evaluations without a lower held-out loss that end the run; 0: none.
                                The best evaluation's values are then the result */
    size_t save_every, keep; /* checkpoints */
    size_t memory;           /* bytes the process may take: decides how many layers are run twice */
} as_train_options;

/* What is trained: exactly one of adapter and weights. */
typedef struct {
    const as_model *model;
    const as_exec *ex;
    as_adapter *adapter;
    as_weights *weights;
    const as_hooks *reference; /* DPO: of the reference policy; NULL: the base model */
    const char *model_path; /* for base_model_name_or_path, and for the files beside the weights */
} as_trainee;

/* Numbers of a step; NaN where a run has no such thing. */
typedef enum {
    AS_M_LOSS,
    AS_M_RATE,
    AS_M_GRADIENT, /* norm before clipping */
    AS_M_EPOCH,    /* share of an epoch done, 1 after the first */
    AS_M_TOKENS,
    AS_M_TARGETS,
    AS_M_MARGIN,        /* DPO, means over pairs: beta delta */
    AS_M_ACCURACY,      /* pairs with chosen reward above rejected */
    AS_M_REWARD_CHOSEN, /* beta (log-probability - reference) */
    AS_M_REWARD_REJECTED,
    AS_M_DRIFT_CHOSEN, /* log-probability - reference, of the whole completion */
    AS_M_DRIFT_REJECTED,
    AS_M_LENGTH_DELTA, /* tokens of chosen - rejected completions */
    AS_M_HELD_LOSS,    /* on the held-out examples */
    AS_M_HELD_KL,      /* mean over their targets of KL(policy || base), nats; exact over tokens */
    AS_M_HELD_MARGIN,
    AS_M_HELD_ACCURACY,
    AS_N_MEASURES
} as_measure;
const char *as_measure_name(as_measure m); /* "loss", "rate", "gradient_norm", ... */

typedef struct {
    size_t step, of; /* step 0 is the evaluation before training */
    double value[AS_N_MEASURES];
    double seconds, tokens_per_second;
} as_update;

typedef struct {
    void *context;
    /* After each step, when its row is durable. Also for the rows a resumed run finds: is_old. */
    bool (*update)(void *context, const as_update *u, bool is_old, as_error *err);
    bool (*stops)(void *context); /* asked after each step: save and end here */
    /* What was passed over to go on: a checkpoint that is damaged. NULL: not asked for. */
    void (*notice)(void *context, const char *text);
} as_train_sink;

typedef struct {
    bool is_begun;                   /* false: refused before anything was trained or read */
    bool is_done;                    /* false: stopped by the sink; the same call goes on */
    bool was_early;                  /* patience ran out */
    size_t steps, best_step, n_kept; /* n_kept: layers of which everything was kept */
    size_t resumed_at;               /* 0: from the start */
    double seconds;
} as_train_result;

/* Trains, or goes on with the run that is in `folder`. identity: object of everything that decides
 * the run's bytes (plan, digests of model, tokenizer, template, data; version); a folder whose
 * run.json says otherwise is refused (AS_ESTATE, naming the first difference). held  examples for
 * evaluation, or NULL Fails (AS_ENUMERIC) for a loss, gradient or value that is not finite, naming
 * tensor or example, its line, the step and the last checkpoint; AS_ESTATE when no value has
 * changed after the first step whose rate is above 0, or when the delta of a map is zero at the
 * end; AS_ELIMIT for memory. */
AS_MUST_CHECK bool as_train(const as_train_options *o, const as_trainee *what,
                            const as_dataset *data, const as_dataset *held, const char *folder,
                            const json_t *identity, const as_train_sink *sink,
                            as_train_result *result, as_error *err);

/* Seconds, measured on this machine. */
typedef struct {
    double steps;      /* of the steps that were measured, together */
    size_t tokens;     /* of those steps */
    double reference;  /* DPO: the reference's log-probabilities of all that was given; else 0 */
    double evaluation; /* of everything held out, once; 0: none */
} as_train_cost;

/* What a run would cost: takes its first step, which is not counted, and `steps` more, and leaves
 * nothing behind but what they changed in the trainee. Errors are those of as_train. */
AS_MUST_CHECK bool as_train_try(const as_train_options *o, const as_trainee *what,
                                const as_dataset *data, const as_dataset *held, size_t steps,
                                as_train_cost *out, as_error *err);

#endif
