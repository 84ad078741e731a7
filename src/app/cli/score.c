/* assay score: given text under the model, with what went on inside on demand: log-probabilities of
 * every token, chosen rows of logits, hidden states and what enters the output projections. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/cli/engine.h"

static const as_option options[] = {
    AS_MODEL_OPTIONS,
    AS_ARM_OPTIONS,
    AS_PROMPT_OPTIONS,
    {"at", 0, "LIST", "positions to print from (0,15-17 or all), with --json", false},
    {"logits", 0, NULL, "print the logits at these positions", false},
    {"hidden", 0, "LIST", "print hidden states 0 to LAYERS there; LAYERS is after the final norm",
     false},
    {"heads", 0, "LIST", "print what enters the output projections of these layers there", false},
    AS_ROWS_OPTIONS,
    {0},
};

typedef struct {
    const as_question *question;
    size_t arm;
    json_t *row, *logits;
} item;

typedef struct {
    const as_cli *cli;
    as_engine *engine;
    as_questions questions;
    size_t *at, n_at, *hidden, n_hidden, *heads, n_heads;
    bool logits;
    as_tap *tap;
    size_t n_taps;
    item *item;
    size_t n_items, next;
} job;

static bool read_wants(job *j, as_error *err)
{
    const as_config *c = as_model_config(j->engine->local.model);
    j->logits = as_cli_flag(j->cli, "logits");
    if (!as_cli_list(j->cli, "at", c->max_positions, &j->at, &j->n_at, err) ||
        !as_cli_list(j->cli, "hidden", c->n_layers + 1, &j->hidden, &j->n_hidden, err) ||
        !as_cli_list(j->cli, "heads", c->n_layers, &j->heads, &j->n_heads, err))
        return false;
    if (!j->n_at != !(j->logits || j->n_hidden || j->n_heads))
        return as_fail(err, AS_EUSAGE, "--at goes with --logits, --hidden or --heads");
    if (j->n_at && !j->cli->json) return as_fail(err, AS_EUSAGE, "--at needs --json");
    j->tap = as_arena_push(j->cli->arena, j->n_hidden + j->n_heads, sizeof *j->tap, err);
    if (!j->tap) return false;
    for (size_t i = 0; i < j->n_hidden; i++)
        j->tap[j->n_taps++] = (as_tap){AS_READ_HIDDEN, j->hidden[i], 1, AS_EVERY};
    for (size_t i = 0; i < j->n_heads; i++)
        j->tap[j->n_taps++] = (as_tap){AS_READ_HEADS, j->heads[i], 1, AS_EVERY};
    return true;
}

static bool is_wanted(const job *j, size_t position)
{
    for (size_t i = 0; i < j->n_at; i++)
        if (j->at[i] == position) return true;
    return false;
}

static json_t *numbers(const float *x, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) as_json_append(&list, as_json_real((double)x[i]));
    return list;
}

/* Rows that came without a reply are scored from their second token on. */
static bool next(void *context, as_request *q, bool *has, as_error *err)
{
    static const uint32_t none[1];
    job *j = context;
    (void)err;
    *has = j->next < j->n_items;
    if (!*has) return true;
    item *it = &j->item[j->next++];
    const as_question *p = it->question;
    bool split = p->has_reply;
    *q = (as_request){.arm = it->arm,
                      .ids = p->ids.id,
                      .n = split ? p->ids.n : 1,
                      .reply = split ? p->reply.id : p->ids.id + 1,
                      .n_reply = split ? p->reply.n : p->ids.n - 1,
                      .decoding = as_decoding_greedy,
                      .taps = j->tap,
                      .n_taps = j->n_taps,
                      .every_logits = j->logits,
                      .user = it};
    if (!q->reply) q->reply = none;
    return true;
}

static bool take_logits(void *context, const as_request *q, size_t position, const float *row,
                        as_error *err)
{
    job *j = context;
    item *it = q->user;
    if (!is_wanted(j, position)) return true;
    if (!it->logits) it->logits = json_array();
    as_json_append(&it->logits, numbers(row, as_model_config(j->engine->local.model)->vocab));
    return it->logits || as_fail(err, AS_EMEM, "out of memory");
}

/* {"LAYER": [[...], ...]} of the taps of one site. */
static json_t *readings(const job *j, const as_request *q, const as_reply *r, as_reading_site site)
{
    json_t *o = json_object();
    for (size_t i = 0; i < q->n_taps; i++) {
        const as_tap_row *t = &r->readings[i];
        char layer[24];
        json_t *list = json_array();
        if (t->tap.site != site) {
            json_decref(list);
            continue;
        }
        for (size_t k = 0; k < j->n_at; k++)
            if (j->at[k] < t->n_every)
                as_json_append(&list, numbers(t->every + j->at[k] * t->width, t->width));
        snprintf(layer, sizeof layer, "%zu", t->tap.layer);
        as_json_put(&o, layer, list);
    }
    return o;
}

static json_t *positions(const job *j, size_t n)
{
    json_t *list = json_array();
    for (size_t k = 0; k < j->n_at && j->at[k] < n; k++)
        as_json_append(&list, json_integer((json_int_t)j->at[k]));
    return list;
}

static bool done(void *context, const as_request *q, const as_reply *r, as_error *err)
{
    job *j = context;
    item *it = q->user;
    double sum = 0;
    json_t *row = json_object(), *ids = json_array(), *logprobs = json_array();
    as_json_put_text(&row, "id", it->question->id);
    as_json_put_text(&row, "arm", as_arm_name(j->engine->arm[it->arm]));
    as_json_put_size(&row, "n_prompt", q->n);
    for (size_t i = 0; i < q->n; i++) {
        as_json_append(&ids, json_integer(q->ids[i]));
        as_json_append(&logprobs, json_null());
    }
    for (size_t i = 0; i < r->n; i++) {
        as_json_append(&ids, json_integer(r->ids[i]));
        as_json_append(&logprobs, as_json_real(r->logprob[i]));
        sum += r->logprob[i];
    }
    as_json_put(&row, "ids", ids);
    as_json_put(&row, "logprobs", logprobs);
    as_json_put_size(&row, "n_scored", r->n);
    as_json_put_real(&row, "sum", r->n ? sum : NAN);
    if (j->n_at) as_json_put(&row, "at", positions(j, q->n + r->n));
    if (j->logits) as_json_put(&row, "logits", it->logits ? it->logits : json_array());
    it->logits = NULL;
    if (j->n_hidden) as_json_put(&row, "hidden", readings(j, q, r, AS_READ_HIDDEN));
    if (j->n_heads) as_json_put(&row, "heads", readings(j, q, r, AS_READ_HEADS));
    it->row = row;
    return row || as_fail(err, AS_EMEM, "out of memory");
}

static bool make_items(job *j, as_error *err)
{
    if (!as_size_mul(j->questions.n, j->engine->n_arms, &j->n_items, err)) return false;
    j->item = as_new(j->n_items, sizeof *j->item, err);
    for (size_t i = 0; j->item && i < j->n_items; i++)
        j->item[i] = (item){&j->questions.question[i / j->engine->n_arms], i % j->engine->n_arms,
                            NULL, NULL};
    return j->item;
}

/* Text in a column of `width` characters. */
static void put_cell(as_buf *b, const char *text, size_t width)
{
    as_buf shown = {0};
    size_t at = 0, n = 0;
    uint32_t cp;
    as_buf_escape(&shown, text, strlen(text));
    for (; n < width && at < shown.size; n++)
        at += as_utf8_next(shown.data + at, shown.size - at, &cp);
    as_buf_add(b, as_buf_text(&shown), at);
    as_buf_printf(b, "%*s ", (int)(width - n), "");
    b->failed = b->failed || shown.failed;
    as_buf_clear(&shown);
}

static bool print_all(job *j, as_error *err)
{
    if (j->cli->json) {
        json_t *o = json_object(), *rows = json_array();
        as_json_put_text(&o, "schema", "assay.score/1");
        as_json_put_text(&o, "kernels", j->engine->exec.kernels->name);
        as_json_put(&o, "model", as_engine_record(j->engine));
        for (size_t i = 0; i < j->n_items; i++) as_json_append(&rows, json_incref(j->item[i].row));
        as_json_put(&o, "rows", rows);
        return as_print_json(o, err);
    }
    as_buf b = {0};
    as_buf_puts(&b,
                "id                   arm                  tokens   sum of log p   mean log p\n");
    for (size_t i = 0; i < j->n_items; i++) {
        const json_t *row = j->item[i].row;
        double sum = json_number_value(json_object_get(row, "sum"));
        long long n = json_integer_value(json_object_get(row, "n_scored"));
        put_cell(&b, j->item[i].question->id, 20);
        put_cell(&b, as_arm_name(j->engine->arm[j->item[i].arm]), 20);
        as_buf_printf(&b, "%6lld   ", n);
        if (n)
            as_buf_printf(&b, "%12.4f   %10.4f\n", sum, sum / (double)n);
        else
            as_buf_puts(&b, "           -            -\n");
    }
    bool ok = as_print(&b, err);
    as_buf_clear(&b);
    return ok;
}

static int run(as_cli *c, as_error *err)
{
    as_engine e = {0};
    job j = {.cli = c, .engine = &e};
    as_infer_options o = {0};
    as_sink sink = {
        .context = &j, .next = next, .done = done, .logits = take_logits, .stop = c->stop};
    bool ok = as_engine_rows(c, &o, err) && as_engine_open(&e, c, err) && read_wants(&j, err) &&
              as_questions_read(&j.questions, &e, err) && make_items(&j, err) &&
              as_infer(e.local.model, &e.exec, e.local.tokenizer, e.arm, e.n_arms, &o, &sink, NULL,
                       err) &&
              print_all(&j, err);
    for (size_t i = 0; j.item && i < j.n_items; i++) {
        json_decref(j.item[i].row);
        json_decref(j.item[i].logits);
    }
    free(j.item);
    as_questions_clear(&j.questions);
    as_engine_close(&e);
    return ok ? AS_EXIT_DONE : AS_EXIT_FAILED;
}

const as_command as_command_score = {
    "score",
    "log-probabilities of given text, and what went on inside",
    "",
    0,
    0,
    "Scores stored replies (reply, completion or reply_ids beside the prompt), or else every token "
    "of a row after its first. The numbers have the bits that generating the same tokens gives. "
    "With --json also logits, hidden states and inputs of output projections at chosen positions.",
    options,
    {"assay score --model DIR --prompts FILE.jsonl",
     "assay score --model DIR --ids 1,2,3 --at all --logits --hidden all --json"},
    run,
};
