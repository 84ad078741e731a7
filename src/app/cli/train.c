/* assay train: a plan and a file of examples to an adapter, or to a whole model. The same command
 * again goes on where it stopped. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/cli/engine.h"
#include "app/cli/plan_yaml.h"
#include "app/cli/train_plan.h"
#include "base/file.h"
#include "base/map.h"
#include "base/progress.h"

static const as_option options[] = {
    {"out", 0, "DIR", "folder of the run (default: the plan's out)", false},
    {"db", 0, "FILE", "store of the training log (default: the nearest assay.db)", false},
    {"set", 'o', "KEY.PATH=VALUE", "change the plan for this run; may be repeated", true},
    {"dry-run", 0, NULL, "read plan, model and data, say what would be done, train nothing", false},
    {"kernels", 0, "NAME", "auto, scalar, avx2 or avx512: same bits, other speed", false},
    {"threads", 0, "N", "threads (default: ASSAY_THREADS, else all processors)", false},
    {"no-scan", 0, NULL, "do not look for NaN and Inf in the weights", false},
    {0},
};

typedef struct {
    const as_cli *cli;
    as_train_plan plan;
    const char *out; /* folder of the run */
    as_engine engine;
    as_dataset data, held;
    bool has_held;
    as_adapter *adapter, *reference;
    as_weights *weights;
    json_t *identity;
    as_store *store;
    as_training training;
    as_progress *progress;
    as_update last, first;
    bool has_first, is_stored, is_under_way;
} job;

/* ---- plan, model and data ---- */

static bool read_plan(job *j, as_error *err)
{
    const as_cli *c = j->cli;
    char shown[AS_ESCAPE_SIZE];
    const char *word = c->operand[0];
    as_train_kind kind = AS_TRAIN_SFT;
    for (; kind <= AS_TRAIN_LM && strcmp(word, as_train_kind_name(kind)) != 0; kind++) {
    }
    if (kind > AS_TRAIN_LM)
        return as_fail(err, AS_EUSAGE, "train: what (found %s, expected sft, dpo or lm)",
                       as_escape(word, strlen(word), shown));
    as_tree *tree = as_plan_read(c->operand[1], c->arena, err);
    for (size_t i = 0; tree && i < c->n_given; i++)
        if (strcmp(c->given_name[i], "set") == 0 &&
            !as_plan_set(tree, c->given_value[i], c->arena, err))
            return false;
    if (!tree || !as_train_plan_read(tree, kind, c->arena, &j->plan, err)) return false;
    j->out = as_cli_value(c, "out", j->plan.out);
    return j->out ||
           as_fail(err, AS_EUSAGE, "train: folder (found neither --out nor out in the plan)");
}

/* From here on only the run's folder, the store's and the cache are written to. */
static bool open_places(job *j, as_error *err)
{
    const as_cli *c = j->cli;
    const char *folder[2] = {j->out, NULL};
    if (as_cli_flag(c, "dry-run")) {
        as_cli_write_only(c, NULL, 0, as_cli_cache(c, err));
        return true;
    }
    const char *store = as_cli_store_path(c, err);
    folder[1] = store ? as_cli_folder_of(c, store, err) : NULL;
    if (!folder[1] || !as_dir_make(j->out, err)) return false;
    as_cli_write_only(c, folder, 2, as_cli_cache(c, err));
    j->store = as_store_open(store, AS_STORE_WRITE, err);
    if (j->store && as_store_notice(j->store))
        as_log_warn(c->log, "%s: %s", store, as_store_notice(j->store));
    return j->store != NULL;
}

static bool read_data(job *j, as_error *err)
{
    const as_engine *e = &j->engine;
    const as_config *config = as_model_config(e->model);
    as_train_plan *p = &j->plan;
    const uint32_t *stop;
    size_t n_stop;
    if (!e->tokenizer)
        return as_fail(err, AS_EFORMAT, "%s: no tokenizer, which training data needs", e->path);
    if (p->dataset.thinking >= 0 && !e->has_thinking)
        return as_fail(err, AS_EUSAGE, "thinking: the template of %s has no such switch", e->path);
    if (p->dataset.max_length == 0)
        p->dataset.max_length = config->max_positions < 1024 ? config->max_positions : 1024;
    if (p->dataset.max_length > config->max_positions)
        return as_fail(err, AS_EUSAGE, "max_length (found %zu, expected at most %zu, the model's)",
                       p->dataset.max_length, config->max_positions);
    if (!as_engine_stops(e, &stop, &n_stop, err) ||
        !as_dataset_open(&j->data, p->data, &p->dataset, e->tokenizer, e->chat, stop, n_stop,
                         config->vocab, err))
        return false;
    j->has_held = p->held || p->held_share > 0;
    if (p->held)
        return as_dataset_open(&j->held, p->held, &p->dataset, e->tokenizer, e->chat, stop, n_stop,
                               config->vocab, err);
    return p->held_share == 0 ||
           as_dataset_split(&j->data, &j->held, p->held_share, p->train.seed, err);
}

static bool make_trained(job *j, as_error *err)
{
    as_engine *e = &j->engine;
    const as_train_plan *p = &j->plan;
    if (p->all_weights) {
        j->weights = as_weights_new(e->model, &e->exec, err);
        return j->weights != NULL;
    }
    j->adapter = p->start ? as_adapter_open(e->model, &e->exec, p->start, p->train.seed, err)
                          : as_adapter_new(e->model, &e->exec, &p->adapter, err);
    if (!j->adapter || !p->from_start) return j->adapter != NULL;
    j->reference = as_adapter_open(e->model, &e->exec, p->start, p->train.seed, err);
    return j->reference != NULL;
}

/* ---- what the run is ---- */

/* What an adapter that is gone on from says of itself: its scale and dropout decide bytes too. */
static bool add_start(const job *j, as_sha256 *h, as_error *err)
{
    as_buf text = {0};
    const char *path = as_arena_printf(j->cli->arena, err, "%s/adapter_config.json", j->plan.start);
    bool ok = path && as_file_read(path, AS_JSON_MAX_BYTES, &text, err) &&
              as_sha256_add(h, as_buf_text(&text), text.size, err);
    as_buf_clear(&text);
    return ok;
}

static char *canonical(const job *j, json_t *value, as_error *err)
{
    as_buf b = {0};
    char *text = NULL;
    if (value) {
        as_json_write(&b, value);
        if (as_buf_ok(&b, err)) text = as_arena_copy(j->cli->arena, b.data, b.size, err);
    } else {
        (void)as_fail(err, AS_EMEM, "out of memory");
    }
    as_buf_clear(&b);
    json_decref(value);
    return text;
}

/* SHA-256 of everything that is trained, as it stands before the first step, and how it is scaled.
 */
static bool digest_start(const job *j, as_key out, as_error *err)
{
    size_t n;
    const as_param *p =
        j->adapter ? as_adapter_params(j->adapter, &n) : as_weights_params(j->weights, &n);
    as_sha256 *h = as_sha256_new(err);
    bool ok = h && (!j->plan.start || add_start(j, h, err));
    for (size_t i = 0; ok && i < n; i++)
        ok = as_sha256_add(h, p[i].name, strlen(p[i].name) + 1, err) &&
             as_sha256_add(h, p[i].value, p[i].rows * p[i].cols * sizeof(float), err);
    if (ok) return as_sha256_end(h, out, err);
    as_sha256_free(h);
    return false;
}

static const char *name_of(const job *j, as_error *err)
{
    const char *path = j->cli->operand[1], *slash = strrchr(path, '/');
    if (j->plan.name) return j->plan.name;
    const char *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
    return as_arena_copy(j->cli->arena, base,
                         dot && dot > base ? (size_t)(dot - base) : strlen(base), err);
}

static bool identify(job *j, as_error *err)
{
    const as_engine *e = &j->engine;
    as_key start, config;
    if (!digest_start(j, start, err) || !as_config_digest(as_model_config(e->model), config, err))
        return false;
    json_t *inputs = json_object();
    as_json_put_text(&inputs, "model", as_model_digest(e->model));
    as_json_put_text(&inputs, "config", config);
    as_json_put_text(&inputs, "tokenizer", as_tokenizer_digest(e->tokenizer));
    as_json_put_text(&inputs, "template", e->chat ? e->chat_digest : NULL);
    as_json_put_text(&inputs, "data", j->data.digest);
    as_json_put_text(&inputs, "held", j->has_held ? j->held.digest : NULL);
    as_json_put_text(&inputs, "start", start);
    json_t *plan = as_train_plan_json(&j->plan);
    j->identity = json_object();
    as_json_put_text(&j->identity, "schema", "assay.run/1");
    as_json_put_text(&j->identity, "code", "assay " AS_VERSION);
    as_json_put(&j->identity, "plan", json_incref(plan));
    as_json_put(&j->identity, "sources",
                json_incref(inputs)); /* after the plan, whose values say more */
    j->training = (as_training){.name = name_of(j, err),
                                .kind = as_train_kind_name(j->plan.kind),
                                .code = "assay " AS_VERSION,
                                .seed = j->plan.train.seed};
    j->training.plan = canonical(j, plan, err);
    j->training.inputs = canonical(j, inputs, err);
    return j->identity && j->training.name && j->training.plan && j->training.inputs &&
           as_training_key(&j->training, err);
}

/* ---- the sink ---- */

static char *values_of(const job *j, const as_update *u, as_error *err)
{
    json_t *values = json_object();
    for (size_t m = 0; m < AS_N_MEASURES; m++)
        if (u->value[m] == u->value[m])
            as_json_put_real(&values, as_measure_name((as_measure)m), u->value[m]);
    return canonical(j, values, err);
}

static bool store_step(job *j, const as_update *u, as_error *err)
{
    as_training_step row = {.step = u->step, .of = u->of};
    as_timing timing = {
        .step = u->step, .seconds = u->seconds, .tokens_per_second = u->tokens_per_second};
    memcpy(row.training, j->training.key, sizeof row.training);
    memcpy(timing.training, j->training.key, sizeof timing.training);
    row.values = values_of(j, u, err);
    if (!row.values || !as_training_step_key(&row, err) || !as_store_begin(j->store, err))
        return false;
    bool ok = (j->is_stored || as_store_put_training(j->store, &j->training, err)) &&
              as_store_put_training_step(j->store, &row, err) &&
              as_store_put_timing(j->store, &timing, err) && as_store_commit(j->store, err);
    if (!ok) {
        as_error_at(err, "step %" PRIu64, row.step);
        as_store_rollback(j->store);
    }
    j->is_stored = j->is_stored || ok;
    return ok;
}

static bool see(void *context, const as_update *u, bool is_old, as_error *err)
{
    job *j = context;
    as_buf doing = {0};
    if (!store_step(j, u, err)) return false;
    if (!j->has_first && u->step > 0) {
        j->has_first = true;
        j->first = *u;
    }
    j->last = *u;
    as_buf_printf(&doing, "loss %.4g", u->value[AS_M_LOSS]);
    if (u->value[AS_M_HELD_LOSS] == u->value[AS_M_HELD_LOSS])
        as_buf_printf(&doing, ", held out %.4g", u->value[AS_M_HELD_LOSS]);
    if (u->tokens_per_second > 0) as_buf_printf(&doing, ", %.0f tokens/s", u->tokens_per_second);
    /* what came before the first step of this process is not of its pace */
    if (is_old || !j->is_under_way) as_progress_skip(j->progress, u->step);
    j->is_under_way = !is_old && u->step > 0;
    as_progress_set(j->progress, u->step, as_buf_text(&doing));
    as_buf_clear(&doing);
    return true;
}

static bool stops(void *context)
{
    const job *j = context;
    return *j->cli->stop != 0;
}

static void notice(void *context, const char *text)
{
    const job *j = context;
    as_log_warn(j->cli->log, "%s", text);
}

/* ---- what is said ---- */

static size_t total_steps(const job *j)
{
    const as_train_options *o = &j->plan.train;
    return o->steps ? o->steps : (j->data.n + o->batch - 1) / o->batch * o->epochs;
}

static json_t *describe_data(const as_dataset *d)
{
    json_t *o = json_object();
    as_json_put_size(&o, "examples", d->n);
    as_json_put_size(&o, "tokens", d->n_tokens);
    as_json_put_size(&o, "targets", d->n_labels);
    as_json_put_size(&o, "longest", d->longest);
    as_json_put_size(&o, "cut", d->n_cut);
    as_json_put_size(&o, "prompts_cut", d->n_prompt_cut);
    as_json_put_size(&o, "cut_chosen", d->n_cut_chosen);
    as_json_put_size(&o, "cut_rejected", d->n_cut_rejected);
    return o;
}

static json_t *describe(const job *j, const char *schema)
{
    json_t *o = json_object();
    size_t n, count = 0;
    const as_param *p =
        j->adapter ? as_adapter_params(j->adapter, &n) : as_weights_params(j->weights, &n);
    for (size_t i = 0; i < n; i++) count += p[i].rows * p[i].cols;
    as_json_put_text(&o, "schema", schema);
    as_json_put_text(&o, "name", j->training.name);
    as_json_put_text(&o, "training", j->training.key);
    as_json_put(&o, "run", json_incref(j->identity));
    as_json_put(&o, "data", describe_data(&j->data));
    if (j->has_held) as_json_put(&o, "held", describe_data(&j->held));
    as_json_put_size(&o, "trainable", count);
    as_json_put_size(&o, "total_steps", total_steps(j));
    return o;
}

static void say_data(const job *j, as_buf *b)
{
    const as_dataset *d = &j->data;
    as_buf_printf(b, "%zu examples, %zu tokens, %zu of them targets; longest %zu", d->n,
                  d->n_tokens, d->n_labels, d->longest);
    if (d->n_cut) as_buf_printf(b, "; %zu cut", d->n_cut);
    if (d->n_prompt_cut) as_buf_printf(b, "; %zu prompts cut", d->n_prompt_cut);
    if (d->n_cut_chosen + d->n_cut_rejected)
        as_buf_printf(b, " (%zu chosen, %zu rejected)", d->n_cut_chosen, d->n_cut_rejected);
    if (j->has_held) as_buf_printf(b, "; %zu held out", j->held.n);
}

static bool show_plan(job *j, as_error *err)
{
    if (j->cli->json) return as_print_json(describe(j, "assay.train_plan/1"), err);
    as_buf b = {0};
    char shown[AS_ESCAPE_SIZE];
    as_buf_printf(&b, "%s: ", as_escape(j->training.name, strlen(j->training.name), shown));
    say_data(j, &b);
    as_buf_printf(&b, "; %zu steps\n", total_steps(j));
    bool ok = as_print(&b, err);
    as_buf_clear(&b);
    return ok;
}

static json_t *measures(const as_update *u)
{
    json_t *o = json_object();
    as_json_put_size(&o, "step", u->step);
    for (size_t m = 0; m < AS_N_MEASURES; m++)
        if (u->value[m] == u->value[m])
            as_json_put_real(&o, as_measure_name((as_measure)m), u->value[m]);
    return o;
}

static bool show_result(job *j, const as_train_result *r, as_error *err)
{
    char shown[AS_ESCAPE_SIZE], out[AS_ESCAPE_SIZE];
    if (j->cli->json) {
        json_t *o = describe(j, "assay.trained/1");
        as_json_put(&o, "is_done", json_boolean(r->is_done));
        as_json_put(&o, "was_early", json_boolean(r->was_early));
        as_json_put_size(&o, "steps", r->steps);
        as_json_put_size(&o, "best_step", r->best_step);
        as_json_put_size(&o, "resumed_at", r->resumed_at);
        as_json_put_size(&o, "layers_kept", r->n_kept);
        as_json_put_real(&o, "seconds", r->seconds);
        if (j->has_first) as_json_put(&o, "first", measures(&j->first));
        as_json_put(&o, "last", measures(&j->last));
        as_json_put_text(&o, "out", j->out);
        return as_print_json(o, err);
    }
    as_buf b = {0};
    (void)as_escape(j->out, strlen(j->out), out);
    as_buf_printf(&b, "%s: ", as_escape(j->training.name, strlen(j->training.name), shown));
    say_data(j, &b);
    as_buf_printf(&b, "\n%zu of %zu steps%s, loss %.4f to %.4f", r->steps, total_steps(j),
                  r->was_early ? " (the held-out loss rose)" : "", j->first.value[AS_M_LOSS],
                  j->last.value[AS_M_LOSS]);
    if (j->last.value[AS_M_HELD_LOSS] == j->last.value[AS_M_HELD_LOSS])
        as_buf_printf(&b, ", held out %.4f", j->last.value[AS_M_HELD_LOSS]);
    if (j->plan.kind == AS_TRAIN_DPO)
        as_buf_printf(&b, ", margin %.4f, accuracy %.2f", j->last.value[AS_M_MARGIN],
                      j->last.value[AS_M_ACCURACY]);
    as_buf_printf(&b, "\n%s/%s\n", out, j->adapter ? "adapter" : "model");
    bool ok = as_print(&b, err);
    as_buf_clear(&b);
    return ok;
}

/* ---- the whole ---- */

static bool train(job *j, as_train_result *result, as_error *err)
{
    const as_engine *e = &j->engine;
    const as_trainee what = {.model = e->model,
                             .ex = &e->exec,
                             .adapter = j->adapter,
                             .weights = j->weights,
                             .reference = j->reference ? as_adapter_hooks(j->reference) : NULL,
                             .model_path = e->path};
    const as_train_sink sink = {j, see, stops, notice};
    j->progress = as_progress_new(j->cli->log, "steps", total_steps(j), err);
    if (!j->progress) return false;
    bool ok = as_train(&j->plan.train, &what, &j->data, j->has_held ? &j->held : NULL, j->out,
                       j->identity, &sink, result, err);
    as_progress_end(j->progress);
    j->progress = NULL;
    return ok;
}

static int run(as_cli *c, as_error *err)
{
    int status = AS_EXIT_FAILED;
    as_train_result result;
    job *j = as_arena_push(c->arena, 1, sizeof *j, err);
    if (!j) return status;
    j->cli = c;
    if (!read_plan(j, err) || !open_places(j, err)) goto out;
    if (!as_engine_load(&j->engine, c, j->plan.model, err) || !read_data(j, err) ||
        !make_trained(j, err) || !identify(j, err))
        goto out;
    if (as_cli_flag(c, "dry-run")) {
        if (show_plan(j, err)) status = AS_EXIT_DONE;
        goto out;
    }
    if (!train(j, &result, err)) {
        if (err->class_ == AS_ESTATE && !result.is_begun) status = AS_EXIT_REFUSED;
        goto out;
    }
    if (!result.is_done) {
        (void)as_fail(err, AS_ESTATE, "interrupted after step %zu of %zu", result.steps,
                      total_steps(j));
        as_error_hint(err, "the same command goes on from there");
        goto out;
    }
    if (show_result(j, &result, err)) status = AS_EXIT_DONE;
out:
    as_adapter_close(j->reference);
    as_adapter_close(j->adapter);
    as_weights_free(j->weights);
    as_dataset_clear(&j->data);
    as_dataset_clear(&j->held);
    as_engine_close(&j->engine);
    as_store_close(j->store);
    json_decref(j->identity);
    return status;
}

const as_command as_command_train = {
    "train",
    "train an adapter or a small model",
    "sft|dpo|lm PLAN",
    2,
    2,
    "Trains as the plan says, an adapter or all weights of a small model: sft on completions or "
    "conversations, dpo on preference pairs (an adapter), lm on whole texts. The same command "
    "again goes on where the last one stopped, to the same bytes. A row for every step goes into "
    "the store; `assay report --training` draws it.",
    options,
    {"assay train sft plan.yaml --out run", "assay train dpo plan.yaml -o dpo.beta=0.2 --dry-run"},
    run,
};
