/* From a plan to what as_train takes, and from its updates to rows of the store. */
#include "lab/treatment/training.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "engine/operator/adapter.h"

struct as_learning {
    as_learning_options options;
    as_train_plan plan; /* with what it does not give filled in */
    as_arena *arena;
    as_dataset data, held;
    bool has_held;
    as_adapter *adapter, *reference;
    as_weights *weights;
    json_t *identity;
    as_training row;
    /* of the run under way */
    as_store *store;
    const as_learning_watch *watch;
    bool is_stored;
};

const as_dataset *as_learning_data(const as_learning *t)
{
    return &t->data;
}

const as_dataset *as_learning_held(const as_learning *t)
{
    return t->has_held ? &t->held : NULL;
}

const as_training *as_learning_row(const as_learning *t)
{
    return &t->row;
}

const json_t *as_learning_identity(const as_learning *t)
{
    return t->identity;
}

const char *as_learning_result(const as_learning *t)
{
    return t->adapter ? "adapter" : "model";
}

static const as_parameter *params_of(const as_learning *t, size_t *n)
{
    return t->adapter ? as_adapter_params(t->adapter, n) : as_weights_params(t->weights, n);
}

size_t as_learning_trainable(const as_learning *t)
{
    size_t n, count = 0;
    const as_parameter *p = params_of(t, &n);
    for (size_t i = 0; i < n; i++) count += p[i].rows * p[i].cols;
    return count;
}

size_t as_learning_steps(const as_learning *t)
{
    const as_train_options *o = &t->plan.train;
    return o->steps ? o->steps : (t->data.n + o->batch - 1) / o->batch * o->epochs;
}

/* ---- data, and what is trained ---- */

static bool check_length(as_learning *t, as_error *err)
{
    const size_t positions = as_model_config(t->options.local->model)->max_positions;
    as_dataset_options *o = &t->plan.dataset;
    if (o->max_length == 0) o->max_length = positions < 1024 ? positions : 1024;
    return o->max_length <= positions ||
           as_fail(err, AS_EUSAGE, "max_length (found %zu, expected at most %zu, the model's)",
                   o->max_length, positions);
}

static bool read_data(as_learning *t, as_error *err)
{
    const as_local *l = t->options.local;
    const as_train_plan *p = &t->plan;
    const size_t vocab = as_model_config(l->model)->vocab;
    if (!l->tokenizer)
        return as_fail(err, AS_EFORMAT, "%s: no tokenizer, which training data needs", l->path);
    if (p->dataset.thinking >= 0 && !l->has_thinking)
        return as_fail(err, AS_EUSAGE, "thinking: the template of %s has no such switch", l->path);
    if (!check_length(t, err)) return false;
    bool ok = t->options.rows ? as_dataset_parse(&t->data, p->data, t->options.rows,
                                                 t->options.n_rows_bytes, &p->dataset, l->tokenizer,
                                                 l->chat, l->stop, l->n_stop, vocab, err)
                              : as_dataset_open(&t->data, p->data, &p->dataset, l->tokenizer,
                                                l->chat, l->stop, l->n_stop, vocab, err);
    if (!ok) return false;
    t->has_held = p->held || p->held_share > 0;
    if (p->held)
        return as_dataset_open(&t->held, p->held, &p->dataset, l->tokenizer, l->chat, l->stop,
                               l->n_stop, vocab, err);
    return p->held_share == 0 ||
           as_dataset_split(&t->data, &t->held, p->held_share, p->train.seed, err);
}

static bool make_trained(as_learning *t, as_error *err)
{
    as_model *m = t->options.local->model;
    const as_exec *ex = t->options.ex;
    const as_train_plan *p = &t->plan;
    if (p->all_weights) {
        t->weights = as_weights_new(m, ex, err);
        return t->weights != NULL;
    }
    t->adapter = p->start ? as_adapter_open(m, ex, p->start, p->train.seed, err)
                          : as_adapter_new(m, ex, &p->adapter, err);
    if (!t->adapter || !p->from_start) return t->adapter != NULL;
    t->reference = as_adapter_open(m, ex, p->start, p->train.seed, err);
    return t->reference != NULL;
}

/* ---- what the run is ---- */

/* What an adapter that is gone on from says of itself: its scale and dropout decide bytes too. Not
 * where its base model lay. */
static bool add_start(const as_learning *t, as_sha256 *h, as_error *err)
{
    as_buf text = {0};
    const char *path = as_arena_printf(t->arena, err, "%s/adapter_config.json", t->plan.start);
    json_t *config = path ? as_json_read(path, err) : NULL;
    if (!config) return false;
    json_object_del(config, "base_model_name_or_path");
    as_json_write(&text, config);
    bool ok = as_buf_ok(&text, err) && as_sha256_add(h, as_buf_text(&text), text.size, err);
    as_buf_clear(&text);
    json_decref(config);
    return ok;
}

/* SHA-256 of everything that is trained, as it stands before the first step, and how it is scaled.
 */
static bool digest_start(const as_learning *t, as_key out, as_error *err)
{
    size_t n;
    const as_parameter *p = params_of(t, &n);
    as_sha256 *h = as_sha256_new(err);
    bool ok = h && (!t->plan.start || add_start(t, h, err));
    for (size_t i = 0; ok && i < n; i++)
        ok = as_sha256_add(h, p[i].name, strlen(p[i].name) + 1, err) &&
             as_sha256_add(h, p[i].value, p[i].rows * p[i].cols * sizeof(float), err);
    if (ok) return as_sha256_end(h, out, err);
    as_sha256_free(h);
    return false;
}

/* Canonical text of a value, whose reference is taken; in the arena. */
static char *canonical(as_arena *arena, json_t *value, as_error *err)
{
    as_buf b = {0};
    char *text = NULL;
    if (value) {
        as_json_write(&b, value);
        if (as_buf_ok(&b, err)) text = as_arena_copy(arena, b.data, b.size, err);
    } else {
        (void)as_fail(err, AS_EMEM, "out of memory");
    }
    as_buf_clear(&b);
    json_decref(value);
    return text;
}

static json_t *inputs_of(const as_learning *t, const char *start, const char *config)
{
    const as_local *l = t->options.local;
    json_t *inputs = json_object();
    as_json_put_text(&inputs, "model", as_model_digest(l->model));
    as_json_put_text(&inputs, "config", config);
    as_json_put_text(&inputs, "tokenizer", as_tokenizer_digest(l->tokenizer));
    as_json_put_text(&inputs, "template", l->chat ? l->chat_digest : NULL);
    as_json_put_text(&inputs, "data", t->data.digest);
    as_json_put_text(&inputs, "held", t->has_held ? t->held.digest : NULL);
    as_json_put_text(&inputs, "start", start);
    return inputs;
}

static bool identify(as_learning *t, as_error *err)
{
    as_key start, config;
    if (!digest_start(t, start, err) ||
        !as_config_digest(as_model_config(t->options.local->model), config, err))
        return false;
    json_t *plan = as_train_plan_json(&t->plan), *inputs = inputs_of(t, start, config);
    t->identity = json_object();
    as_json_put_text(&t->identity, "schema", "assay.run/1");
    as_json_put_text(&t->identity, "code", "assay " AS_VERSION);
    as_json_put(&t->identity, "plan", json_incref(plan));
    /* after the plan, whose values say more */
    as_json_put(&t->identity, "sources", json_incref(inputs));
    t->row = (as_training){.name = as_arena_text(t->arena, t->options.name, err),
                           .kind = as_train_kind_name(t->plan.kind),
                           .code = "assay " AS_VERSION,
                           .seed = t->plan.train.seed};
    t->row.plan = canonical(t->arena, plan, err);
    t->row.inputs = canonical(t->arena, inputs, err);
    if (!t->identity) (void)as_fail(err, AS_EMEM, "out of memory");
    return t->identity && t->row.name && t->row.plan && t->row.inputs &&
           as_training_key(&t->row, err);
}

as_learning *as_learning_open(const as_learning_options *o, as_error *err)
{
    as_learning *t = as_new(1, sizeof *t, err);
    if (!t) return NULL;
    t->options = *o;
    t->plan = *o->plan;
    t->arena = as_arena_new(err);
    if (t->arena && read_data(t, err) && make_trained(t, err) && identify(t, err)) return t;
    as_learning_close(t);
    return NULL;
}

void as_learning_close(as_learning *t)
{
    if (!t) return;
    as_adapter_close(t->reference);
    as_adapter_close(t->adapter);
    as_weights_free(t->weights);
    as_dataset_clear(&t->data);
    as_dataset_clear(&t->held);
    json_decref(t->identity);
    as_arena_free(t->arena);
    free(t);
}

/* ---- the run ---- */

/* The numbers a step has, canonical; in the arena. */
static char *values_of(as_arena *arena, const as_update *u, as_error *err)
{
    json_t *values = json_object();
    for (size_t m = 0; m < AS_N_MEASURES; m++)
        if (u->value[m] == u->value[m])
            as_json_put_real(&values, as_measure_name((as_measure)m), u->value[m]);
    return canonical(arena, values, err);
}

static bool put_step(as_learning *t, const as_training_step *row, const as_timing *timing,
                     as_error *err)
{
    if (!as_store_begin(t->store, err)) return false;
    bool ok = (t->is_stored || as_store_put_training(t->store, &t->row, err)) &&
              as_store_put_training_step(t->store, row, err) &&
              as_store_put_timing(t->store, timing, err) && as_store_commit(t->store, err);
    if (!ok) {
        as_error_at(err, "step %" PRIu64, row->step);
        as_store_rollback(t->store);
    }
    t->is_stored = t->is_stored || ok;
    return ok;
}

static bool update(void *context, const as_update *u, bool is_old, as_error *err)
{
    as_learning *t = context;
    as_training_step row = {.step = u->step, .of = u->of};
    as_timing timing = {
        .step = u->step, .seconds = u->seconds, .tokens_per_second = u->tokens_per_second};
    bool ok = true;
    if (t->store) {
        as_arena *arena = as_arena_new(err); /* for this step only: a run has many */
        memcpy(row.training, t->row.key, sizeof row.training);
        memcpy(timing.training, t->row.key, sizeof timing.training);
        row.values = arena ? values_of(arena, u, err) : NULL;
        ok = row.values && as_training_step_key(&row, err) && put_step(t, &row, &timing, err);
        as_arena_free(arena);
    }
    return ok &&
           (!t->watch || !t->watch->update || t->watch->update(t->watch->context, u, is_old, err));
}

static bool stops(void *context)
{
    const as_learning *t = context;
    return t->watch && t->watch->stops && t->watch->stops(t->watch->context);
}

static void notice(void *context, const char *text)
{
    const as_learning *t = context;
    if (t->watch && t->watch->notice) t->watch->notice(t->watch->context, text);
}

static as_trainee trainee_of(const as_learning *t)
{
    return (as_trainee){.model = t->options.local->model,
                        .ex = t->options.ex,
                        .adapter = t->adapter,
                        .weights = t->weights,
                        .reference = t->reference ? as_adapter_hooks(t->reference) : NULL,
                        .model_path = t->options.local->path};
}

bool as_learning_run(as_learning *t, const char *out, as_store *store,
                     const as_learning_watch *watch, as_train_result *result, as_error *err)
{
    const as_trainee what = trainee_of(t);
    const as_train_sink sink = {t, update, stops, notice};
    t->store = store;
    t->watch = watch;
    bool ok = as_train(&t->plan.train, &what, &t->data, as_learning_held(t), out, t->identity,
                       &sink, result, err);
    t->store = NULL;
    t->watch = NULL;
    return ok;
}

bool as_learning_try(as_learning *t, size_t steps, as_train_cost *out, as_error *err)
{
    const as_trainee what = trainee_of(t);
    return as_train_try(&t->plan.train, &what, &t->data, as_learning_held(t), steps, out, err);
}
