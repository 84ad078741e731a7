/* assay train: a plan and a file of examples to an adapter, or to a whole model. The same command
 * again goes on where it stopped. */
#include <string.h>

#include "app/cli/engine.h"
#include "app/cli/plan_yaml.h"
#include "base/file.h"
#include "base/progress.h"
#include "lab/treatment/training.h"

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
    as_learning *learning;
    as_store *store;
    as_progress *progress;
    as_update last, first;
    bool has_first, is_under_way;
} job;

/* ---- plan and places ---- */

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

static const char *name_of(const job *j, as_error *err)
{
    const char *path = j->cli->operand[1], *slash = strrchr(path, '/');
    if (j->plan.name) return j->plan.name;
    const char *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
    return as_arena_copy(j->cli->arena, base,
                         dot && dot > base ? (size_t)(dot - base) : strlen(base), err);
}

static bool open_learning(job *j, as_error *err)
{
    const as_learning_options o = {.plan = &j->plan,
                                   .name = name_of(j, err),
                                   .local = &j->engine.local,
                                   .ex = &j->engine.exec};
    j->learning = o.name ? as_learning_open(&o, err) : NULL;
    return j->learning;
}

/* ---- on the way ---- */

static bool see(void *context, const as_update *u, bool is_old, as_error *err)
{
    job *j = context;
    as_buf doing = {0};
    (void)err;
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
    const as_training *training = as_learning_row(j->learning);
    const as_dataset *held = as_learning_held(j->learning);
    as_json_put_text(&o, "schema", schema);
    as_json_put_text(&o, "name", training->name);
    as_json_put_text(&o, "training", training->key);
    as_json_put(&o, "run", json_incref((json_t *)(uintptr_t)as_learning_identity(j->learning)));
    as_json_put(&o, "data", describe_data(as_learning_data(j->learning)));
    if (held) as_json_put(&o, "held", describe_data(held));
    as_json_put_size(&o, "trainable", as_learning_trainable(j->learning));
    as_json_put_size(&o, "total_steps", as_learning_steps(j->learning));
    return o;
}

static void say_data(const job *j, as_buf *b)
{
    const as_dataset *d = as_learning_data(j->learning), *held = as_learning_held(j->learning);
    as_buf_printf(b, "%zu examples, %zu tokens, %zu of them targets; longest %zu", d->n,
                  d->n_tokens, d->n_labels, d->longest);
    if (d->n_cut) as_buf_printf(b, "; %zu cut", d->n_cut);
    if (d->n_prompt_cut) as_buf_printf(b, "; %zu prompts cut", d->n_prompt_cut);
    if (d->n_cut_chosen + d->n_cut_rejected)
        as_buf_printf(b, " (%zu chosen, %zu rejected)", d->n_cut_chosen, d->n_cut_rejected);
    if (held) as_buf_printf(b, "; %zu held out", held->n);
}

static bool show_plan(job *j, as_error *err)
{
    if (j->cli->json) return as_print_json(describe(j, "assay.train_plan/1"), err);
    as_buf b = {0};
    char shown[AS_ESCAPE_SIZE];
    const char *name = as_learning_row(j->learning)->name;
    as_buf_printf(&b, "%s: ", as_escape(name, strlen(name), shown));
    say_data(j, &b);
    as_buf_printf(&b, "; %zu steps\n", as_learning_steps(j->learning));
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
    const char *name = as_learning_row(j->learning)->name;
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
    as_buf_printf(&b, "%s: ", as_escape(name, strlen(name), shown));
    say_data(j, &b);
    as_buf_printf(&b, "\n%zu of %zu steps%s, loss %.4f to %.4f", r->steps,
                  as_learning_steps(j->learning), r->was_early ? " (the held-out loss rose)" : "",
                  j->first.value[AS_M_LOSS], j->last.value[AS_M_LOSS]);
    if (j->last.value[AS_M_HELD_LOSS] == j->last.value[AS_M_HELD_LOSS])
        as_buf_printf(&b, ", held out %.4f", j->last.value[AS_M_HELD_LOSS]);
    if (j->plan.kind == AS_TRAIN_DPO)
        as_buf_printf(&b, ", margin %.4f, accuracy %.2f", j->last.value[AS_M_MARGIN],
                      j->last.value[AS_M_ACCURACY]);
    as_buf_printf(&b, "\n%s/%s\n", out, as_learning_result(j->learning));
    bool ok = as_print(&b, err);
    as_buf_clear(&b);
    return ok;
}

/* ---- the whole ---- */

static bool train(job *j, as_train_result *result, as_error *err)
{
    const as_learning_watch watch = {j, see, stops, notice};
    j->progress = as_progress_new(j->cli->log, "steps", as_learning_steps(j->learning), err);
    if (!j->progress) return false;
    bool ok = as_learning_run(j->learning, j->out, j->store, &watch, result, err);
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
    if (!as_engine_load(&j->engine, c, j->plan.model, err) || !open_learning(j, err)) goto out;
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
                      as_learning_steps(j->learning));
        as_error_hint(err, "the same command goes on from there");
        goto out;
    }
    if (show_result(j, &result, err)) status = AS_EXIT_DONE;
out:
    as_learning_close(j->learning);
    as_engine_close(&j->engine);
    as_store_close(j->store);
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
