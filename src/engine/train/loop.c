/* The loop over steps: data order, rate, clipping, update, evaluation, early stop, and everything
 * that makes an interrupted run go on to the same bytes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "engine/tensor/ceiling.h"
#include "engine/train/checkpoint.h"
#include "engine/train/record.h"
#include "engine/train/train_internal.h"

typedef struct {
    const as_train_options *o;
    const as_trainee *what;
    const as_dataset *data, *held;
    const as_train_sink *sink;
    const char *folder;
    as_batches batches;
    as_optimiser *optimiser;
    const as_parameter *param;
    size_t n_params;
    float **best;  /* (n_params) values of the best evaluation, with patience */
    as_part *part; /* of checkpoints */
    size_t n_parts;
    double *ref, *held_ref; /* (2 n) pairs */
    size_t *order;          /* (n) of the present epoch */
    size_t order_epoch;     /* whose order it is; SIZE_MAX: none */
    size_t per_epoch, total, warm;
    size_t step; /* done */
    double best_loss;
    size_t best_step, n_worse;
    bool has_moved, was_early, is_stopped;
    as_saver *saver;
    as_record record;
    double started;
} loop;

/* ---- setting up ---- */

static bool count_steps(loop *l, as_error *err)
{
    const as_train_options *o = l->o;
    if (l->n_params == 0)
        return as_fail(err, AS_EUSAGE, "nothing to train (found no trainable tensor)");
    l->per_epoch = (l->data->n + o->batch - 1) / o->batch;
    l->total = o->steps;
    if (l->total == 0 && !as_size_mul(l->per_epoch, o->epochs, &l->total, err)) return false;
    l->warm = (size_t)ceil(o->warm_share * (double)l->total);
    return l->total > 0 || as_fail(err, AS_EUSAGE, "steps (found 0, expected at least 1)");
}

static void free_copies(const loop *l, float **copy)
{
    for (size_t i = 0; copy && i < l->n_params; i++) free(copy[i]);
    free(copy);
}

static float **copy_values(const loop *l, as_error *err)
{
    float **copy = as_new(l->n_params, sizeof *copy, err);
    for (size_t i = 0; copy && i < l->n_params; i++) {
        const size_t n = l->param[i].rows * l->param[i].cols;
        copy[i] = as_new(n, sizeof(float), err);
        if (!copy[i]) {
            free_copies(l, copy);
            return NULL;
        }
        memcpy(copy[i], l->param[i].value, n * sizeof(float));
    }
    return copy;
}

/* Values, the best ones, and the optimiser's state. */
static bool list_parts(loop *l, as_error *err)
{
    size_t n_state;
    const as_part *state = as_optimiser_parts(l->optimiser, &n_state);
    l->part = as_new(2 * l->n_params + n_state, sizeof *l->part, err);
    if (!l->part) return false;
    for (size_t i = 0; i < l->n_params; i++) {
        const as_parameter *p = &l->param[i];
        const size_t bytes = p->rows * p->cols * sizeof(float);
        l->part[l->n_parts++] = (as_part){p->name, p->value, bytes};
    }
    for (size_t i = 0; l->best && i < l->n_params; i++)
        l->part[l->n_parts++] = (as_part){"best", l->best[i], l->part[i].bytes};
    for (size_t i = 0; i < n_state; i++) l->part[l->n_parts++] = state[i];
    return true;
}

/* Of what is trained and its state: all parts, their copy that is being written, the gradients, and
 * the values as they were before the first step. */
static size_t kept_bytes(const loop *l)
{
    size_t bytes = 0;
    for (size_t i = 0; i < l->n_parts; i++) bytes += 2 * l->part[i].bytes;
    for (size_t i = 0; i < l->n_params; i++) bytes += 2 * l->part[i].bytes;
    return bytes;
}

static bool stops(loop *l)
{
    l->is_stopped = l->is_stopped || (l->sink->stops && l->sink->stops(l->sink->context));
    return l->is_stopped;
}

/* Some pairs at a time, so that an interruption is heard of; what is half done is thrown away. */
static bool refer(loop *l, const as_dataset *d, double *ref, as_error *err)
{
    enum { PAIRS = 16 };
    for (size_t i = 0; i < d->n && !stops(l); i += PAIRS) {
        const size_t n = d->n - i < PAIRS ? d->n - i : PAIRS;
        if (!as_batches_reference(&l->batches, d, i, n, l->what->reference, ref, err)) return false;
    }
    return true;
}

static bool make_references(loop *l, as_error *err)
{
    if (!l->o->is_dpo) return true;
    const size_t n_held = l->held ? l->held->n : 0;
    l->ref = as_new(2 * (l->data->n + n_held), sizeof *l->ref, err);
    if (!l->ref) return false;
    l->held_ref = l->ref + 2 * l->data->n;
    l->batches.logp = l->ref;
    bool found = false;
    if (!as_record_reference(&l->record, l->ref, 2 * (l->data->n + n_held), &found, err))
        return false;
    if (found) return true;
    if (!refer(l, l->data, l->ref, err) || (l->held && !refer(l, l->held, l->held_ref, err))) {
        as_error_at(err, "reference");
        return false;
    }
    return l->is_stopped ||
           as_record_keep_reference(&l->record, l->ref, 2 * (l->data->n + n_held), err);
}

static bool open_loop(loop *l, const json_t *identity, size_t *n_kept, as_error *err)
{
    const as_trainee *w = l->what;
    l->param = w->adapter ? as_adapter_params(w->adapter, &l->n_params)
                          : as_weights_params(w->weights, &l->n_params);
    l->order_epoch = SIZE_MAX;
    l->best_loss = INFINITY;
    if (!count_steps(l, err)) return false;
    l->optimiser = as_optimiser_new(&l->o->optimiser, l->param, l->n_params, err);
    l->order = l->optimiser ? as_new(l->data->n, sizeof *l->order, err) : NULL;
    if (!l->order || (l->o->patience > 0 && !(l->best = copy_values(l, err))) ||
        !list_parts(l, err))
        return false;
    if (!as_batches_init(&l->batches, l->o, w, l->data, l->held, kept_bytes(l), n_kept, err))
        return false;
    /* last: what cannot begin leaves no run that a mended plan would differ from */
    return as_record_open(&l->record, l->folder, identity, err) && make_references(l, err);
}

static void close_loop(loop *l)
{
    as_saver_free(l->saver);
    as_record_close(&l->record);
    as_batches_clear(&l->batches);
    as_optimiser_free(l->optimiser);
    free_copies(l, l->best);
    free(l->part);
    free(l->ref);
    free(l->order);
}

static void refresh(const loop *l)
{
    if (l->what->adapter)
        as_adapter_refresh(l->what->adapter);
    else
        as_weights_refresh(l->what->weights);
}

/* ---- going on ---- */

static json_t *state_of(const loop *l)
{
    json_t *state = json_object();
    as_json_put_text(&state, "run", l->record.digest);
    as_json_put_size(&state, "step", l->step);
    as_json_put_size(&state, "rows", l->record.n_rows);
    as_json_put_text(&state, "log", l->record.chain);
    as_json_put_real(&state, "best_loss", l->best_loss);
    as_json_put_size(&state, "best_step", l->best_step);
    as_json_put_size(&state, "n_worse", l->n_worse);
    as_json_put(&state, "has_moved", json_boolean(l->has_moved));
    as_json_put(&state, "was_early", json_boolean(l->was_early));
    return state;
}

static size_t size_at(const json_t *state, const char *name)
{
    return (size_t)json_integer_value(json_object_get(state, name));
}

static bool check_run(const loop *l, const json_t *state, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const json_t *run = json_object_get(state, "run");
    const char *text = json_string_value(run);
    if (text && strcmp(text, l->record.digest) == 0) return true;
    (void)as_fail(err, AS_ESTATE, "run (found %s, expected %s)", as_json_shown(run, shown),
                  l->record.digest);
    as_error_at(err, "checkpoint of step %zu", l->step);
    as_error_hint(err, "it belongs to another run");
    return false;
}

static bool resume(loop *l, as_error *err)
{
    bool found = false;
    size_t rows = 0;
    as_buf notice = {0};
    json_t *state = NULL;
    const char *checkpoints = l->record.checkpoints;
    bool ok =
        as_checkpoint_find(checkpoints, &found, &l->step, &notice, err) &&
        (!found || as_checkpoint_read(checkpoints, l->step, l->part, l->n_parts, &state, err));
    if (ok && found) ok = check_run(l, state, err);
    if (ok && found) {
        const json_t *best = json_object_get(state, "best_loss");
        rows = size_at(state, "rows");
        l->best_loss = json_is_number(best) ? json_number_value(best) : INFINITY;
        l->best_step = size_at(state, "best_step");
        l->n_worse = size_at(state, "n_worse");
        l->has_moved = json_is_true(json_object_get(state, "has_moved"));
        l->was_early = json_is_true(json_object_get(state, "was_early"));
        as_optimiser_resume(l->optimiser, l->step);
        refresh(l);
    }
    if (ok && *as_buf_text(&notice) && l->sink->notice)
        l->sink->notice(l->sink->context, as_buf_text(&notice));
    const char *chain = json_string_value(json_object_get(state, "log"));
    ok = ok &&
         as_record_resume(&l->record, rows, chain ? chain : "", as_buf_text(&notice), l->sink, err);
    json_decref(state);
    as_buf_clear(&notice);
    return ok;
}

static bool save(loop *l, as_error *err)
{
    json_t *state = state_of(l);
    if (!state) return as_fail(err, AS_EMEM, "out of memory");
    bool ok = as_saver_begin(l->saver, l->step, l->part, l->n_parts, state, err);
    json_decref(state);
    return ok;
}

/* From where a run that failed can go on. What is wrong with its numbers is wrong there again. */
static void hint(const loop *l, as_error *err)
{
    const bool repeats = err->class_ == AS_ENUMERIC || err->class_ == AS_ESTATE;
    as_error why = {0};
    as_buf notice = {0};
    bool found = false;
    size_t step = 0;
    if (!as_saver_wait(l->saver, &why)) why = (as_error){0}; /* its folder is not whole */
    if (!as_checkpoint_find(l->record.checkpoints, &found, &step, &notice, &why)) found = false;
    as_buf_clear(&notice);
    if (found)
        as_error_hint(err, "the last checkpoint is step-%zu%s", step,
                      repeats ? "" : "; the same command goes on from there");
    else
        as_error_hint(err, "there is no checkpoint yet%s",
                      repeats ? "" : "; the same command begins again");
}

/* ---- a step ---- */

/* Examples of step `step` (from 0): a stretch of its epoch's order. */
static bool examples_of(loop *l, size_t step, const size_t **order, size_t *n, as_error *err)
{
    const size_t epoch = step / l->per_epoch, first = step % l->per_epoch * l->o->batch;
    if (epoch != l->order_epoch &&
        !as_dataset_order(l->data, l->o->order, l->o->seed, epoch, l->o->batch, l->order, err))
        return false;
    l->order_epoch = epoch;
    *order = l->order + first;
    *n = l->data->n - first < l->o->batch ? l->data->n - first : l->o->batch;
    return true;
}

static void put_sums(const loop *l, as_update *u, const as_sums *s)
{
    const double n = (double)s->n_units;
    u->value[AS_M_LOSS] = s->loss / n;
    u->value[AS_M_TOKENS] = (double)s->n_tokens;
    u->value[AS_M_TARGETS] = (double)s->n_targets;
    if (!l->o->is_dpo) return;
    u->value[AS_M_MARGIN] = s->margin / n;
    u->value[AS_M_ACCURACY] = s->accuracy / n;
    u->value[AS_M_REWARD_CHOSEN] = s->reward_chosen / n;
    u->value[AS_M_REWARD_REJECTED] = s->reward_rejected / n;
    u->value[AS_M_DRIFT_CHOSEN] = s->drift_chosen / n;
    u->value[AS_M_DRIFT_REJECTED] = s->drift_rejected / n;
    u->value[AS_M_LENGTH_DELTA] = s->length_delta / n;
}

static as_update empty_update(const loop *l)
{
    as_update u = {.step = l->step, .of = l->total, .tokens_per_second = NAN};
    for (size_t i = 0; i < AS_N_MEASURES; i++) u.value[i] = NAN;
    return u;
}

/* Copies of the values before the first step that can move them, to see that one did. */
static bool check_moved(loop *l, double rate, float *const *before, as_error *err)
{
    if (rate == 0) return true;
    for (size_t i = 0; i < l->n_params && !l->has_moved; i++)
        l->has_moved = memcmp(before[i], l->param[i].value,
                              l->param[i].rows * l->param[i].cols * sizeof(float)) != 0;
    return l->has_moved || as_fail(err, AS_ESTATE,
                                   "no value has changed (found a rate of %g, expected some "
                                   "trainable tensor to move)",
                                   rate);
}

static bool apply(loop *l, double rate, as_error *err)
{
    float **before = NULL;
    bool ok = false;
    if (!l->has_moved && !(before = copy_values(l, err))) return false;
    if (as_optimiser_step(l->optimiser, l->what->ex, rate, err))
        ok = l->has_moved || check_moved(l, rate, before, err);
    free_copies(l, before);
    return ok;
}

static bool update(loop *l, as_update *u, as_error *err)
{
    const as_exec *ex = l->what->ex;
    const size_t *order;
    size_t n;
    as_sums sums;
    const double since = as_seconds();
    const double rate = as_rate_at(l->o->rate, l->o->peak, l->step, l->warm, l->total);
    if (!examples_of(l, l->step, &order, &n, err)) return false;
    as_gradient_zero(ex, l->param, l->n_params);
    if (!as_batches_step(&l->batches, l->data, order, n, l->step, &sums, err)) return false;
    const double norm = as_gradient_norm(ex, l->param, l->n_params);
    if (l->o->clip > 0 && norm > l->o->clip && isfinite(norm))
        as_gradient_scale(ex, l->param, l->n_params, (float)(l->o->clip / (norm + 1e-6)));
    if (!apply(l, rate, err)) return false;
    refresh(l);
    l->step++;
    *u = empty_update(l);
    put_sums(l, u, &sums);
    u->value[AS_M_RATE] = rate;
    u->value[AS_M_GRADIENT] = norm;
    u->value[AS_M_EPOCH] = (double)l->step / (double)l->per_epoch;
    u->tokens_per_second = (double)sums.n_tokens / (as_seconds() - since);
    return true;
}

/* ---- evaluation ---- */

static void note_best(loop *l, double loss)
{
    if (l->o->patience == 0) return;
    if (loss < l->best_loss) {
        l->best_loss = loss;
        l->best_step = l->step;
        l->n_worse = 0;
        for (size_t i = 0; i < l->n_params; i++)
            memcpy(l->best[i], l->param[i].value, l->part[i].bytes);
        return;
    }
    l->was_early = ++l->n_worse >= l->o->patience;
}

static bool evaluate(loop *l, as_update *u, as_error *err)
{
    as_sums s;
    if (!as_batches_evaluate(&l->batches, l->held, l->held_ref, &s, err)) {
        as_error_at(err, "held-out examples");
        return false;
    }
    const double n = (double)s.n_units;
    u->value[AS_M_HELD_LOSS] = s.loss / n;
    if (l->what->adapter) u->value[AS_M_HELD_KL] = s.kl / (double)s.n_targets;
    if (l->o->is_dpo) {
        u->value[AS_M_HELD_MARGIN] = s.margin / n;
        u->value[AS_M_HELD_ACCURACY] = s.accuracy / n;
    }
    note_best(l, s.loss / n);
    return true;
}

static bool is_evaluated(const loop *l)
{
    if (!l->held) return false;
    if (l->step == 0 || l->step == l->total) return true;
    return l->o->evaluate_every > 0 && l->step % l->o->evaluate_every == 0;
}

/* Speed is that of the update; seconds are of all that was done. */
static bool tell(loop *l, as_update *u, double since, as_error *err)
{
    u->seconds = as_seconds() - since;
    if (!as_record_add(&l->record, u, err)) return false;
    return !l->sink->update || l->sink->update(l->sink->context, u, false, err);
}

/* Before the first step: how good the model is at what it will be trained on. */
static bool look_before(loop *l, as_error *err)
{
    if (l->step > 0 || l->record.n_rows > 0 || !is_evaluated(l)) return true;
    const double since = as_seconds();
    as_update u = empty_update(l);
    return evaluate(l, &u, err) && tell(l, &u, since, err);
}

/* One step with all that belongs to it. */
static bool advance(loop *l, as_error *err)
{
    const double since = as_seconds();
    const size_t step = l->step + 1;
    as_update u;
    if (!update(l, &u, err) || (is_evaluated(l) && !evaluate(l, &u, err))) {
        as_error_at(err, "step %zu", step);
        return false;
    }
    if (!tell(l, &u, since, err)) return false;
    const bool is_last = l->step == l->total || l->was_early;
    return is_last || l->o->save_every == 0 || l->step % l->o->save_every != 0 || save(l, err);
}

static bool walk(loop *l, as_train_result *result, as_error *err)
{
    if (stops(l)) return true; /* there is nothing new to save */
    if (!look_before(l, err)) return false;
    while (l->step < l->total && !l->was_early && !stops(l)) {
        if (!advance(l, err)) return false;
    }
    result->is_done = l->step == l->total || l->was_early;
    return save(l, err) && as_saver_wait(l->saver, err);
}

/* ---- the end ---- */

static bool finish(loop *l, as_error *err)
{
    const bool has_best = l->o->patience > 0;
    if (has_best && l->best_step == 0)
        return as_fail(err, AS_ESTATE,
                       "held-out loss (found none below the %g before training, expected one)",
                       l->best_loss);
    for (size_t i = 0; i < l->n_params && has_best; i++)
        memcpy(l->param[i].value, l->best[i], l->part[i].bytes);
    refresh(l);
    return as_record_result(&l->record, l->what, err);
}

bool as_train(const as_train_options *o, const as_trainee *what, const as_dataset *data,
              const as_dataset *held, const char *folder, const json_t *identity,
              const as_train_sink *sink, as_train_result *result, as_error *err)
{
    loop l = {.o = o, .what = what, .data = data, .held = held, .sink = sink, .folder = folder};
    AS_CHECK(!what->adapter != !what->weights && !(o->is_dpo && what->weights));
    *result = (as_train_result){0};
    l.started = as_seconds();
    bool ok = open_loop(&l, identity, &result->n_kept, err) && resume(&l, err);
    result->is_begun = ok;
    result->resumed_at = l.step;
    if (ok) l.saver = as_saver_new(l.record.checkpoints, o->keep, err);
    if (ok && l.saver && !(walk(&l, result, err) && (!result->is_done || finish(&l, err)))) {
        hint(&l, err);
        ok = false;
    }
    ok = ok && l.saver;
    result->steps = l.step;
    result->best_step = l.best_step;
    result->was_early = l.was_early;
    result->seconds = as_seconds() - l.started;
    close_loop(&l);
    return ok;
}
