/* Rows of texts to one batch of requests, and replies back to texts and readings. */
#include "lab/subject/answer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { USUAL_ROWS = 64 };
#define READING_BYTES ((size_t)2 << 30) /* of all rows side by side */

/* A prompt as the model sees it; rows with the same text and system message share one. */
typedef struct {
    const char *text, *system;
    as_ids ids;
    as_key digest;
} rendered;

/* A row on its way. */
typedef struct {
    const as_question_row *question;
    size_t number; /* of the row, as given */
    rendered *prompt;
    as_ids reply; /* of a replay */
} item;

typedef struct {
    const as_local *local;
    const as_exec *ex;
    const as_subject_arm *arms;
    size_t n_arms;
    const as_answer_options *options;
    const as_answer_sink *sink;
    as_arm **arm;
    item *item; /* (n) in the order of requests */
    size_t n, next;
    rendered *prompt;
    size_t n_prompts;
    as_tap *tap; /* of all probes, one after the other */
    size_t n_taps;
    float *values; /* the probes' vectors of one answer */
    const float **reading;
    as_buf text, *rung; /* (n_ladder) */
    const char **rung_text;
} job;

/* ---- text of a reply ---- */

/* Where the first of the stop texts begins; the end when there is none. */
static size_t first_stop(const as_request *q, const as_buf *text)
{
    for (size_t at = 0; at < text->size; at++)
        for (size_t i = 0; i < q->n_stop_text; i++) {
            size_t size = strlen(q->stop_text[i]);
            if (size <= text->size - at && memcmp(text->data + at, q->stop_text[i], size) == 0)
                return at;
        }
    return text->size;
}

bool as_reply_text(const as_tokenizer *t, const as_request *q, const as_reply *r, as_buf *out,
                   as_error *err)
{
    size_t n = r->n - (r->finish == AS_FINISH_STOP);
    as_buf whole = {0};
    as_tokenizer_decode(t, r->ids, n, true, &whole);
    size_t size = r->finish == AS_FINISH_TEXT ? first_stop(q, &whole) : whole.size;
    for (size_t i = 0; i < size; i++) {
        if (whole.data[i])
            as_buf_add(out, whole.data + i, 1);
        else
            as_buf_puts(out, "\xef\xbf\xbd");
    }
    bool ok = as_buf_ok(&whole, err) && as_buf_ok(out, err);
    as_buf_clear(&whole);
    return ok;
}

/* ---- arms and probes ---- */

static bool open_arms(job *j, as_error *err)
{
    const as_arm_options plain = {false};
    j->arm = as_new(j->n_arms, sizeof *j->arm, err);
    if (!j->arm) return false;
    for (size_t i = 0; i < j->n_arms; i++) {
        const as_subject_arm *a = &j->arms[i];
        char shown[AS_ESCAPE_SIZE];
        j->arm[i] =
            as_arm_open(a->operators ? a->operators : "base", j->local->model, j->ex, &plain, err);
        if (j->arm[i]) continue;
        as_error_at(err, "arm \"%s\"", as_escape(a->name, strlen(a->name), shown));
        return false;
    }
    return true;
}

static bool make_room(job *j, as_error *err)
{
    const as_answer_options *o = j->options;
    size_t dim = 0, at = 0;
    for (size_t p = 0; p < o->n_probes; p++) {
        j->n_taps += o->probes[p]->n_taps;
        if (!as_size_add(dim, o->probes[p]->dim, &dim, err)) return false;
    }
    j->tap = as_new(j->n_taps, sizeof *j->tap, err);
    j->values = j->tap ? as_new(dim, sizeof *j->values, err) : NULL;
    j->reading = j->values ? as_new(o->n_probes, sizeof *j->reading, err) : NULL;
    j->rung = j->reading ? as_new(o->n_ladder, sizeof *j->rung, err) : NULL;
    j->rung_text = j->rung ? as_new(o->n_ladder, sizeof *j->rung_text, err) : NULL;
    if (!j->rung_text) return false;
    for (size_t p = 0; p < o->n_probes; at += o->probes[p++]->n_taps)
        memcpy(j->tap + at, o->probes[p]->tap, o->probes[p]->n_taps * sizeof *j->tap);
    return true;
}

/* ---- prompts and stored answers ---- */

static int compare_texts(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

static const char *system_of(const job *j, const item *it)
{
    return j->arms[it->question->arm].system;
}

/* What sorting looks at; a copy, since qsort takes no context. */
typedef struct {
    const char *prompt, *system;
    size_t number;
    size_t first; /* row of the same prompt that came first */
} order;

static int by_text(const void *a, const void *b)
{
    const order *x = a, *y = b;
    int c = compare_texts(x->prompt, y->prompt);
    if (!c) c = compare_texts(x->system, y->system);
    return c ? c : (x->number > y->number) - (x->number < y->number);
}

static int by_first(const void *a, const void *b)
{
    const order *x = a, *y = b;
    if (x->first != y->first) return x->first < y->first ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static bool render(job *j, rendered *r, size_t number, as_error *err)
{
    if (as_local_prompt(j->local, r->system, r->text, j->options->thinking, &r->ids, err) &&
        as_sha256_of(r->ids.id, r->ids.n * sizeof *r->ids.id, r->digest, err))
        return true;
    as_error_at(err, "row %zu", number);
    return false;
}

/* Rows of one prompt become neighbours, in the order in which prompts first came; each prompt is
 * rendered once. */
static bool arrange(job *j, const as_question_row *rows, as_error *err)
{
    bool ok = true;
    order *list = as_new(j->n, sizeof *list, err);
    if (!list) return false;
    for (size_t i = 0; i < j->n; i++)
        list[i] = (order){rows[i].prompt, j->arms[rows[i].arm].system, i, i};
    qsort(list, j->n, sizeof *list, by_text);
    for (size_t i = 1; i < j->n; i++)
        if (compare_texts(list[i].prompt, list[i - 1].prompt) == 0 &&
            compare_texts(list[i].system, list[i - 1].system) == 0)
            list[i].first = list[i - 1].first;
    qsort(list, j->n, sizeof *list, by_first);
    for (size_t i = 0; ok && i < j->n; i++) {
        item *it = &j->item[i];
        it->number = list[i].number;
        it->question = &rows[it->number];
        if (i == 0 || list[i].first != list[i - 1].first) {
            rendered *r = &j->prompt[j->n_prompts++];
            r->text = it->question->prompt;
            r->system = system_of(j, it);
            ok = render(j, r, it->number, err);
        }
        it->prompt = &j->prompt[j->n_prompts - 1];
    }
    free(list);
    return ok;
}

static bool encode_stored(const job *j, item *it, as_error *err)
{
    const char *text = it->question->stored;
    size_t at, size = strlen(text);
    if (!as_utf8_valid(text, size, &at))
        return as_fail(err, AS_EFORMAT, "stored answer: not UTF-8 at byte %zu", at);
    return as_tokenizer_encode(j->local->tokenizer, text, size, AS_TEXT_PLAIN, &it->reply, err);
}

/* Encodes what is stored, and asks whether the row fits the model. */
static bool prepare(const job *j, item *it, as_error *err)
{
    const size_t most = as_model_config(j->local->model)->max_positions;
    bool is_replay = it->question->stored;
    bool ok = !is_replay || encode_stored(j, it, err);
    size_t n = it->prompt->ids.n + (is_replay ? it->reply.n : 1);
    if (ok && n > most)
        ok = as_fail(err, AS_ELIMIT,
                     "tokens of prompt and answer (found %zu, expected at most %zu)", n, most);
    if (!ok) as_error_at(err, "row %zu", it->number);
    return ok;
}

/* ---- the batch ---- */

/* An answer without tokens is still an answer: it is read, and has no content. */
static bool next(void *context, as_request *q, bool *has, as_error *err)
{
    static const uint32_t none[1];
    job *j = context;
    (void)err;
    *has = j->next < j->n;
    if (!*has) return true;
    item *it = &j->item[j->next++];
    bool is_replay = it->question->stored;
    *q = (as_request){.arm = it->question->arm,
                      .ids = it->prompt->ids.id,
                      .n = it->prompt->ids.n,
                      .reply = !is_replay    ? NULL
                               : it->reply.n ? it->reply.id
                                             : none,
                      .n_reply = it->reply.n,
                      .decoding = j->options->decoding,
                      .seed = it->question->seed,
                      .max_tokens = it->question->max_tokens,
                      .stop = j->local->stop,
                      .n_stop = j->local->n_stop,
                      .taps = j->tap,
                      .n_taps = j->n_taps,
                      .user = it};
    return true;
}

static double mean_of(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    return n ? sum / (double)n : NAN;
}

static void take_readings(job *j, const as_tap_row *taps)
{
    float *out = j->values;
    for (size_t p = 0; p < j->options->n_probes; p++) {
        const as_probe *probe = j->options->probes[p];
        j->reading[p] = probe->reduce(probe, taps, out) ? out : NULL;
        taps += probe->n_taps;
        out += probe->dim;
    }
}

/* The buffer empty, its memory kept. */
static void restart(as_buf *b)
{
    b->size = 0;
    if (b->data) *b->data = '\0';
}

/* What the reply says within each budget of the ladder. */
static bool take_rungs(job *j, const as_request *q, const as_reply *r, const char *whole,
                       as_error *err)
{
    for (size_t i = 0; i < j->options->n_ladder; i++) {
        as_reply cut = *r;
        j->rung_text[i] = whole;
        if (r->n <= j->options->ladder[i]) continue;
        cut.n = j->options->ladder[i];
        cut.finish = AS_FINISH_LENGTH;
        restart(&j->rung[i]);
        if (!as_reply_text(j->local->tokenizer, q, &cut, &j->rung[i], err)) return false;
        j->rung_text[i] = as_buf_text(&j->rung[i]);
    }
    return true;
}

static bool done(void *context, const as_request *q, const as_reply *r, as_error *err)
{
    job *j = context;
    item *it = q->user;
    const char *text = it->question->stored;
    restart(&j->text);
    if (!text && !as_reply_text(j->local->tokenizer, q, r, &j->text, err)) return false;
    if (!text) text = as_buf_text(&j->text);
    if (!take_rungs(j, q, r, text, err)) return false;
    take_readings(j, r->readings);
    const as_answer_row answer = {.text = text,
                                  .finish = as_finish_name(r->finish),
                                  .ids = r->ids,
                                  .n = r->n,
                                  .mean_logprob = mean_of(r->logprob, r->n),
                                  .rung_text = j->rung_text,
                                  .reading = j->reading,
                                  .ids_digest = it->prompt->digest};
    bool ok = j->sink->done(j->sink->context, it->question, &answer, err);
    as_ids_clear(&it->reply);
    return ok;
}

/* Floats that a tap keeps for each position of a row; 0 when it keeps one state. */
static size_t floats_of(const as_tap *t, const as_config *c)
{
    if (t->selector != AS_EVERY) return 0;
    return t->site == AS_READ_HEADS ? c->layer[t->layer].heads * as_head_width(c, t->layer)
                                    : c->dim;
}

/* As many rows as asked for, fewer where what the taps keep would not have room. */
static size_t side_by_side(const job *j)
{
    const as_config *c = as_model_config(j->local->model);
    size_t rows = j->options->rows ? j->options->rows : USUAL_ROWS, floats = 0, longest = 0;
    for (size_t i = 0; i < j->n_taps; i++) floats += floats_of(&j->tap[i], c);
    for (size_t i = 0; i < j->n; i++) {
        const item *it = &j->item[i];
        size_t more = it->question->stored ? it->reply.n : it->question->max_tokens;
        size_t room = c->max_positions - it->prompt->ids.n;
        size_t all = it->prompt->ids.n + (more < room ? more : room);
        if (all > longest) longest = all;
    }
    if (!floats || !longest) return rows;
    size_t fit = READING_BYTES / sizeof(float) / floats / longest;
    return fit < 1 ? 1 : fit < rows ? fit : rows;
}

/* ---- the whole ---- */

static bool check(const job *j, const as_question_row *rows, as_error *err)
{
    const as_answer_options *o = j->options;
    if (!j->local->model) return as_fail(err, AS_EUSAGE, "%s: no weights", j->local->path);
    for (size_t i = 0; i < j->n; i++) {
        if (rows[i].arm >= j->n_arms)
            return as_fail(err, AS_EUSAGE, "row %zu: arm (found %zu, expected below %zu)", i,
                           rows[i].arm, j->n_arms);
        if (!rows[i].stored && !rows[i].max_tokens)
            return as_fail(err, AS_EUSAGE, "row %zu: max_tokens (found 0, expected at least 1)", i);
    }
    for (size_t i = 0; i < o->n_ladder; i++)
        if (!o->ladder[i])
            return as_fail(err, AS_EUSAGE, "ladder (found a budget of 0, expected at least 1)");
    if (o->rows > AS_INFER_MOST)
        return as_fail(err, AS_EUSAGE, "rows side by side (found %zu, expected at most %zu)",
                       o->rows, AS_INFER_MOST);
    return as_decoding_check(&o->decoding, err);
}

static bool make(job *j, const as_question_row *rows, as_error *err)
{
    if (!check(j, rows, err) || !open_arms(j, err) || !make_room(j, err)) return false;
    j->item = as_new(j->n, sizeof *j->item, err);
    j->prompt = j->item ? as_new(j->n, sizeof *j->prompt, err) : NULL;
    if (!j->prompt || !arrange(j, rows, err)) return false;
    for (size_t i = 0; i < j->n; i++)
        if (!prepare(j, &j->item[i], err)) return false;
    return true;
}

static void clear(job *j)
{
    for (size_t i = 0; j->item && i < j->n; i++) as_ids_clear(&j->item[i].reply);
    for (size_t i = 0; i < j->n_prompts; i++) as_ids_clear(&j->prompt[i].ids);
    for (size_t i = 0; j->arm && i < j->n_arms; i++) as_arm_close(j->arm[i]);
    free(j->arm);
    free(j->item);
    free(j->prompt);
    free(j->tap);
    free(j->values);
    free(j->reading);
    for (size_t i = 0; j->rung && i < j->options->n_ladder; i++) as_buf_clear(&j->rung[i]);
    free(j->rung);
    free(j->rung_text);
    as_buf_clear(&j->text);
}

bool as_answer_all(const as_local *l, const as_exec *ex, const as_subject_arm *arms, size_t n_arms,
                   const as_question_row *rows, size_t n, const as_answer_options *o,
                   const as_answer_sink *sink, as_error *err)
{
    job j = {
        .local = l, .ex = ex, .arms = arms, .n_arms = n_arms, .options = o, .sink = sink, .n = n};
    bool ok = make(&j, rows, err);
    if (ok) {
        const as_infer_options options = {.rows = side_by_side(&j)};
        const as_sink infer = {.context = &j, .next = next, .done = done, .stop = o->stop};
        ok = as_infer(l->model, ex, l->tokenizer, j.arm, n_arms, &options, &infer, NULL, err);
    }
    clear(&j);
    return ok;
}
