/* assay features: one vector a row, under a position contract, into a .npz file. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/cli/engine.h"
#include "base/progress.h"
#include "engine/format/npz.h"

static const as_option options[] = {
    AS_MODEL_OPTIONS,
    AS_ARM_OPTIONS,
    AS_PROMPT_OPTIONS,
    {"site", 0, "SITE", "hidden (states) or heads (input of an output projection)", false},
    {"layer", 0, "N", "0 to LAYERS; LAYERS is after the final norm (default: LAYERS)", false},
    {"selector", 0, "NAME",
     "last_prompt, last_content, end_of_turn, mean_content, mean_last_layers:K", false},
    {"max-tokens", 'n', "N", "budget of a reply, where none is given (default: 256)", false},
    {"out", 'o', "FILE", "the .npz to write", false},
    AS_ROWS_OPTIONS,
    {0},
};

typedef struct {
    const as_cli *cli;
    as_engine *engine;
    as_questions questions;
    as_request common;
    as_tap tap;
    size_t width, n_items, next, n_done;
    float *x;         /* (n_items, width) */
    int64_t *has;     /* (n_items) 1: the selector's token was there */
    int64_t *finish;  /* (n_items) as_finish */
    int64_t *n_reply; /* (n_items) */
    int64_t *arm;     /* (n_items) */
    as_progress *progress;
} job;

static bool read_tap(job *j, as_error *err)
{
    const as_config *c = as_model_config(j->engine->local.model);
    const char *site = as_cli_value(j->cli, "site", "hidden");
    const char *selector = as_cli_value(j->cli, "selector", "last_content");
    char shown[AS_ESCAPE_SIZE];
    bool heads = strcmp(site, "heads") == 0;
    if (!heads && strcmp(site, "hidden") != 0)
        return as_fail(err, AS_EUSAGE, "--site (found %s, expected hidden or heads)",
                       as_escape(site, strlen(site), shown));
    j->tap = (as_tap){heads ? AS_READ_HEADS : AS_READ_HIDDEN, 0, 1, AS_LAST_CONTENT};
    if (!as_cli_size(j->cli, "layer", heads ? c->n_layers - 1 : c->n_layers, &j->tap.layer, err) ||
        !as_tap_parse(&j->tap, selector, c, err))
        return false;
    if (j->tap.selector == AS_EVERY)
        return as_fail(err, AS_EUSAGE, "--selector every is not one vector a row");
    if (j->tap.n_layers > 1 && (heads || as_cli_value(j->cli, "layer", NULL)))
        return as_fail(err, AS_EUSAGE, "mean_last_layers:K goes with --site hidden and no --layer");
    as_tap_row probe; /* checks the layer, and says how wide it is */
    bool ok = as_tap_row_init(&probe, &j->tap, c, 1, 1, err);
    j->width = probe.width;
    as_tap_row_clear(&probe);
    return ok;
}

/* A stored reply without tokens is still a reply: it is scored, and has no content to read. */
static bool next(void *context, as_request *q, bool *has, as_error *err)
{
    static const uint32_t none[1];
    job *j = context;
    (void)err;
    *has = j->next < j->n_items;
    if (!*has) return true;
    size_t i = j->next++;
    const as_question *p = &j->questions.question[i / j->engine->n_arms];
    *q = j->common;
    q->arm = i % j->engine->n_arms;
    q->ids = p->ids.id;
    q->n = p->ids.n;
    q->reply = !p->has_reply ? NULL : p->reply.n ? p->reply.id : none;
    q->n_reply = p->reply.n;
    q->user = j->has + i;
    return true;
}

static bool done(void *context, const as_request *q, const as_reply *r, as_error *err)
{
    job *j = context;
    size_t i = (size_t)((int64_t *)q->user - j->has);
    (void)err;
    j->has[i] = as_tap_row_value(&r->readings[0], j->x + i * j->width);
    for (size_t k = 0; !j->has[i] && k < j->width; k++) j->x[i * j->width + k] = NAN;
    j->finish[i] = r->finish;
    j->n_reply[i] = (int64_t)r->n;
    j->arm[i] = (int64_t)q->arm;
    as_progress_set(j->progress, ++j->n_done, NULL);
    return true;
}

static bool make_arrays(job *j, as_error *err)
{
    size_t floats;
    if (!as_size_mul(j->questions.n, j->engine->n_arms, &j->n_items, err) ||
        !as_size_mul(j->n_items, j->width, &floats, err))
        return false;
    j->x = as_new(floats, sizeof *j->x, err);
    j->has = j->x ? as_new(j->n_items, sizeof *j->has, err) : NULL;
    j->finish = j->has ? as_new(j->n_items, sizeof *j->finish, err) : NULL;
    j->n_reply = j->finish ? as_new(j->n_items, sizeof *j->n_reply, err) : NULL;
    j->arm = j->n_reply ? as_new(j->n_items, sizeof *j->arm, err) : NULL;
    return j->arm;
}

static bool write_npz(const job *j, const char *path, as_error *err)
{
    as_npz_source a[] = {
        {{.name = "x", .type = AS_NPZ_F4, .n_dims = 2, .dim = {j->n_items, j->width}}, j->x},
        {{.name = "present", .type = AS_NPZ_I8, .n_dims = 1, .dim = {j->n_items}}, j->has},
        {{.name = "arm", .type = AS_NPZ_I8, .n_dims = 1, .dim = {j->n_items}}, j->arm},
        {{.name = "finish", .type = AS_NPZ_I8, .n_dims = 1, .dim = {j->n_items}}, j->finish},
        {{.name = "n_reply", .type = AS_NPZ_I8, .n_dims = 1, .dim = {j->n_items}}, j->n_reply},
    };
    return as_npz_write(path, a, sizeof a / sizeof *a, err);
}

/* What the file holds, for people and as JSON: the contract its rows stand under. */
static bool print_all(const job *j, const char *path, as_error *err)
{
    size_t missing = 0, count[5] = {0};
    for (size_t i = 0; i < j->n_items; i++) {
        missing += !j->has[i];
        count[j->finish[i]]++;
    }
    if (!j->cli->json) {
        as_buf b = {0};
        as_buf_printf(&b, "%s: %zu rows of %zu, %s layer %zu, %s, %zu missing\n", path, j->n_items,
                      j->width, as_reading_site_name(j->tap.site), j->tap.layer,
                      as_cli_value(j->cli, "selector", "last_content"), missing);
        bool ok = as_print(&b, err);
        as_buf_clear(&b);
        return ok;
    }
    json_t *o = json_object(), *ids = json_array(), *finish = json_object();
    as_json_put_text(&o, "schema", "assay.features/1");
    as_json_put(&o, "model", as_engine_record(j->engine));
    as_json_put_text(&o, "file", path);
    as_json_put_text(&o, "site", as_reading_site_name(j->tap.site));
    as_json_put_size(&o, "layer", j->tap.layer);
    as_json_put_size(&o, "n_layers", j->tap.n_layers);
    as_json_put_text(&o, "selector", as_selector_name(j->tap.selector));
    as_json_put_size(&o, "width", j->width);
    as_json_put_size(&o, "missing", missing);
    for (size_t f = 0; f < 5; f++)
        as_json_put_size(&finish, as_finish_name((as_finish)f), count[f]);
    for (size_t i = 0; i < j->questions.n; i++)
        as_json_append(&ids, json_string(j->questions.question[i].id));
    as_json_put(&o, "finish", finish);
    as_json_put(&o, "ids", ids);
    return as_print_json(o, err);
}

static bool run_all(job *j, const char *path, as_error *err)
{
    as_infer_options o = {0};
    as_sink sink = {.context = j, .next = next, .done = done, .stop = j->cli->stop};
    j->common.decoding = as_decoding_greedy;
    j->common.taps = &j->tap;
    j->common.n_taps = 1;
    if (!path) return as_fail(err, AS_EUSAGE, "features needs --out FILE.npz");
    if (!as_cli_can_write(path, err) || !as_engine_rows(j->cli, &o, err) ||
        !as_cli_size(j->cli, "max-tokens", 256, &j->common.max_tokens, err) ||
        !as_engine_open(j->engine, j->cli, err) || !read_tap(j, err) ||
        !as_questions_read(&j->questions, j->engine, err) || !make_arrays(j, err))
        return false;
    j->common.stop = j->engine->local.stop;
    j->common.n_stop = j->engine->local.n_stop;
    j->progress = as_progress_new(j->cli->log, "rows", j->n_items, err);
    bool ok = j->progress &&
              as_infer(j->engine->local.model, &j->engine->exec, j->engine->local.tokenizer,
                       j->engine->arm, j->engine->n_arms, &o, &sink, NULL, err);
    as_progress_end(j->progress);
    return ok && write_npz(j, path, err) && print_all(j, path, err);
}

static int run(as_cli *c, as_error *err)
{
    as_engine e = {0};
    job j = {.cli = c, .engine = &e};
    bool ok = run_all(&j, as_cli_value(c, "out", NULL), err);
    free(j.x);
    free(j.has);
    free(j.finish);
    free(j.n_reply);
    free(j.arm);
    as_questions_clear(&j.questions);
    as_engine_close(&e);
    return ok ? AS_EXIT_DONE : AS_EXIT_FAILED;
}

const as_command as_command_features = {
    "features",
    "hidden states of replies, one vector a row, as .npz",
    "",
    0,
    0,
    "Answers each prompt (or reads the reply that is given) and keeps the state at the token that "
    "the selector names. The file holds x (rows, width), present (0 where the reply has no such "
    "token; its vector is NaN), arm, finish and n_reply; rows are prompt by prompt, arms within.",
    options,
    {"assay features --model DIR --prompts FILE.jsonl -o h_last.npz",
     "assay features --model DIR --prompts FILE.jsonl --selector mean_last_layers:4 -o mean.npz"},
    run,
};
