/* What the steps of a run cost, measured on a few of them: the loop's work without its records. */
#include <stdlib.h>

#include "engine/tensor/ceiling.h"
#include "engine/train/train_internal.h"

typedef struct {
    const as_train_options *o;
    const as_trainee *what;
    const as_dataset *data, *held;
    as_batches batches;
    as_optimiser *optimiser;
    const as_parameter *param;
    size_t n_params;
    size_t *order; /* (data->n) */
    double *ref;   /* (2 n) of data, then of held */
} trial;

/* As the loop counts it: every part and its copy, the gradients, and the values of before. */
static size_t kept_bytes(const trial *t)
{
    size_t n = 0, bytes = 0;
    const as_part *part = as_optimiser_parts(t->optimiser, &n);
    for (size_t i = 0; i < n; i++) bytes += 2 * part[i].bytes;
    for (size_t i = 0; i < t->n_params; i++)
        bytes += 4 * t->param[i].rows * t->param[i].cols * sizeof(float);
    return bytes;
}

static bool open_trial(trial *t, as_error *err)
{
    const as_trainee *w = t->what;
    size_t n_kept = 0;
    t->param = w->adapter ? as_adapter_params(w->adapter, &t->n_params)
                          : as_weights_params(w->weights, &t->n_params);
    t->optimiser = as_optimiser_new(&t->o->optimiser, t->param, t->n_params, err);
    t->order = t->optimiser ? as_new(t->data->n, sizeof *t->order, err) : NULL;
    return t->order &&
           as_batches_init(&t->batches, t->o, w, t->data, t->held, kept_bytes(t), &n_kept, err);
}

static bool refer(trial *t, as_train_cost *out, as_error *err)
{
    const double since = as_seconds();
    const size_t n_held = t->held ? t->held->n : 0;
    if (!t->o->is_dpo) return true;
    t->ref = as_new(2 * (t->data->n + n_held), sizeof *t->ref, err);
    if (!t->ref) return false;
    t->batches.logp = t->ref;
    const as_hooks *hooks = t->what->reference;
    bool ok = as_batches_reference(&t->batches, t->data, 0, t->data->n, hooks, t->ref, err) &&
              (n_held == 0 || as_batches_reference(&t->batches, t->held, 0, n_held, hooks,
                                                   t->ref + 2 * t->data->n, err));
    out->reference = as_seconds() - since;
    return ok;
}

static bool take_step(trial *t, size_t step, size_t *tokens, as_error *err)
{
    const as_train_options *o = t->o;
    const as_exec *ex = t->what->ex;
    const size_t per_epoch = (t->data->n + o->batch - 1) / o->batch;
    const size_t first = step % per_epoch * o->batch, left = t->data->n - first;
    as_sums sums;
    if (!as_dataset_order(t->data, o->order, o->seed, step / per_epoch, o->batch, t->order, err))
        return false;
    as_gradient_zero(ex, t->param, t->n_params);
    if (!as_batches_step(&t->batches, t->data, t->order + first, left < o->batch ? left : o->batch,
                         step, &sums, err))
        return false;
    const double norm = as_gradient_norm(ex, t->param, t->n_params);
    if (o->clip > 0 && norm > o->clip)
        as_gradient_scale(ex, t->param, t->n_params, (float)(o->clip / (norm + 1e-6)));
    if (!as_optimiser_step(t->optimiser, ex, o->peak, err)) return false;
    if (t->what->adapter)
        as_adapter_refresh(t->what->adapter);
    else
        as_weights_refresh(t->what->weights);
    *tokens = sums.n_tokens;
    return true;
}

static bool take_steps(trial *t, size_t steps, as_train_cost *out, as_error *err)
{
    for (size_t i = 0; i <= steps; i++) {
        const double since = as_seconds();
        size_t tokens = 0;
        if (!take_step(t, i, &tokens, err)) return false;
        if (i == 0) continue; /* touches all memory for the first time */
        out->steps += as_seconds() - since;
        out->tokens += tokens;
    }
    return true;
}

static bool look(trial *t, as_train_cost *out, as_error *err)
{
    const double since = as_seconds();
    as_sums sums;
    if (!t->held) return true;
    if (!as_batches_evaluate(&t->batches, t->held, t->ref ? t->ref + 2 * t->data->n : NULL, &sums,
                             err))
        return false;
    out->evaluation = as_seconds() - since;
    return true;
}

bool as_train_try(const as_train_options *o, const as_trainee *what, const as_dataset *data,
                  const as_dataset *held, size_t steps, as_train_cost *out, as_error *err)
{
    trial t = {.o = o, .what = what, .data = data, .held = held};
    *out = (as_train_cost){0};
    bool ok = open_trial(&t, err) && refer(&t, out, err) && take_steps(&t, steps, out, err) &&
              look(&t, out, err);
    as_batches_clear(&t.batches);
    as_optimiser_free(t.optimiser);
    free(t.order);
    free(t.ref);
    return ok;
}
