/* The life of a row: admitted, prefilled, decoded or scored, fed to the last token its readings
 * need, done. */
#include "engine/infer/row.h"

#include <stdlib.h>
#include <string.h>

static const char *const finishes[] = {"stop", "stop_text", "length", "context", "given"};

const char *as_finish_name(as_finish f)
{
    return finishes[f];
}

static bool in_set(const uint32_t *set, size_t n, uint32_t id)
{
    for (size_t i = 0; i < n; i++)
        if (set[i] == id) return true;
    return false;
}

static bool check_ids(const char *what, const uint32_t *ids, size_t n, const as_config *c,
                      as_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] >= c->vocab)
            return as_fail(err, AS_EFORMAT, "%s: token %zu (found id %u, expected below %zu)", what,
                           i, (unsigned)ids[i], c->vocab);
    return true;
}

static bool check(const as_row_world *w, const as_request *q, as_error *err)
{
    const as_config *c = as_model_config(w->model);
    if (!q->n) return as_fail(err, AS_EFORMAT, "prompt without tokens");
    if (q->arm >= w->n_arms) return as_fail(err, AS_EUSAGE, "no arm %zu", q->arm);
    if (!check_ids("prompt", q->ids, q->n, c, err) ||
        !check_ids("reply", q->reply, q->reply ? q->n_reply : 0, c, err))
        return false;
    if (q->n_stop_text && !w->tokenizer)
        return as_fail(err, AS_EUSAGE, "stop texts need a tokenizer");
    for (size_t i = 0; i < q->n_stop_text; i++)
        if (!*q->stop_text[i]) return as_fail(err, AS_EUSAGE, "stop text without characters");
    if (q->n > c->max_positions || (q->reply && q->n_reply > c->max_positions - q->n))
        return as_fail(err, AS_ELIMIT, "tokens (found %zu, expected at most %zu positions)",
                       q->n + (q->reply ? q->n_reply : 0), c->max_positions);
    if (!q->reply && (!q->max_tokens || q->n == c->max_positions))
        return as_fail(err, AS_ELIMIT,
                       "no room for a reply (prompt %zu, budget %zu, positions %zu)", q->n,
                       q->max_tokens, c->max_positions);
    return as_decoding_check(&q->decoding, err);
}

/* Tokens the row can come to hold. */
static size_t capacity_of(const as_request *q, const as_config *c)
{
    size_t more = q->reply ? q->n_reply : q->max_tokens;
    return more < c->max_positions - q->n ? q->n + more : c->max_positions;
}

static bool make_taps(as_row *r, const as_row_world *w, size_t capacity, as_error *err)
{
    const as_request *q = &r->request;
    const as_hooks *arm = as_arm_hooks(w->arms[q->arm]);
    size_t n = arm->n;
    r->tap = as_new(q->n_taps, sizeof *r->tap, err);
    if (!r->tap) return false;
    for (size_t i = 0; i < q->n_taps; i++) {
        if (!as_tap_row_init(&r->tap[i], &q->taps[i], as_model_config(w->model), q->n, capacity,
                             err))
            return false;
        n += q->taps[i].n_layers;
    }
    r->hook = as_new(n, sizeof *r->hook, err);
    if (!r->hook) return false;
    if (arm->n) memcpy(r->hook, arm->hook, arm->n * sizeof *r->hook);
    r->hooks = (as_hooks){r->hook, arm->n};
    for (size_t i = 0; i < q->n_taps; i++)
        for (size_t j = 0; j < q->taps[i].n_layers; j++) r->hook[r->hooks.n++] = &r->tap[i].hook[j];
    return true;
}

as_row *as_row_new(const as_row_world *world, const as_request *request, size_t number,
                   as_error *err)
{
    as_row *r = NULL;
    if (!check(world, request, err)) goto out;
    r = as_new(1, sizeof *r, err);
    if (!r) goto out;
    const as_request *q = request;
    size_t capacity = capacity_of(q, as_model_config(world->model));
    r->request = *q;
    r->number = number;
    r->is_scoring = q->reply;
    r->ids = as_new(capacity, sizeof *r->ids, err);
    r->logprob = r->ids ? as_new(capacity - q->n, sizeof *r->logprob, err) : NULL;
    r->cache = r->logprob ? as_cache_row_new(world->cache, capacity, err) : NULL;
    if (!r->cache || !make_taps(r, world, capacity, err)) {
        as_row_free(r);
        r = NULL;
        goto out;
    }
    memcpy(r->ids, q->ids, q->n * sizeof *r->ids);
    if (q->reply) {
        if (q->n_reply) memcpy(r->ids + q->n, q->reply, q->n_reply * sizeof *r->ids);
        r->n_reply = q->n_reply;
        r->is_ended = true;
        r->finish = AS_FINISH_GIVEN;
        if (r->n_reply && in_set(q->stop, q->n_stop, q->reply[q->n_reply - 1]))
            for (size_t i = 0; i < q->n_taps; i++) r->tap[i].stop_at = q->n + q->n_reply - 1;
    }
    if (world->tokenizer) as_detok_init(&r->detok, world->tokenizer, true);
out:
    if (!r) as_error_at(err, "request %zu", number);
    return r;
}

void as_row_free(as_row *r)
{
    if (!r) return;
    for (size_t i = 0; r->tap && i < r->request.n_taps; i++) as_tap_row_clear(&r->tap[i]);
    as_cache_row_free(r->cache);
    as_buf_clear(&r->text);
    free(r->tap);
    free(r->hook);
    free(r->ids);
    free(r->logprob);
    free(r);
}

/* The first layer that the row's arm changes; n_layers when it changes none. */
static size_t first_change(const as_row *r, const as_config *config)
{
    size_t first = as_hooks_first(&r->hooks, config->n_layers);
    return first < config->n_layers ? first : config->n_layers;
}

void as_row_link(as_row *const *rows, size_t n, const as_config *config)
{
    as_row *lead = rows[0];
    for (size_t i = 1; i < n; i++) {
        as_row *r = rows[i];
        size_t a = first_change(lead, config), b = first_change(r, config);
        r->leader = lead;
        r->from_layer = r->request.arm == lead->request.arm ? config->n_layers : a < b ? a : b;
    }
    lead->n_followers = n - 1;
}

size_t as_row_pending(const as_row *r)
{
    size_t known = r->request.n + r->n_reply;
    /* A follower's prompt is fed with its leader's, and nothing else before it is over. */
    if (r->fed < r->request.n && (r->leader || r->n_followers)) known = r->request.n;
    return known - r->fed;
}

bool as_row_predicts(const as_row *r, size_t position)
{
    if (position + 1 < r->request.n) return false;
    return r->is_scoring ? position + 1 < r->request.n + r->n_reply : !r->is_ended;
}

size_t as_row_finals(const as_row *r, size_t n)
{
    const as_request *q = &r->request;
    if (q->every_logits) return n;
    for (size_t i = 0; i < q->n_taps; i++)
        if (q->taps[i].selector == AS_EVERY) return n;
    size_t end = r->fed + n;
    if (end < q->n) return 0;
    size_t from = r->fed > q->n - 1 ? r->fed : q->n - 1;
    return end - from;
}

/* The reply ends with this token; a reading of the last token needs it fed. */
static void end(as_row *r, as_finish finish)
{
    r->is_ended = true;
    r->finish = finish;
    if (finish != AS_FINISH_STOP) return;
    for (size_t i = 0; i < r->request.n_taps; i++)
        r->tap[i].stop_at = r->request.n + r->n_reply - 1;
}

/* Does `text` (n bytes) hold `word`? */
static bool holds(const char *text, size_t n, const char *word)
{
    size_t size = strlen(word);
    for (size_t i = 0; i + size <= n; i++)
        if (memcmp(text + i, word, size) == 0) return true;
    return false;
}

/* Did this token complete a stop text? Only what is new, and enough before it, is searched. */
static bool completes_stop(as_row *r, uint32_t id, bool *yes, as_error *err)
{
    const as_request *q = &r->request;
    size_t before = r->text.size;
    as_detok_push(&r->detok, id, &r->text);
    if (!as_buf_ok(&r->text, err)) return false;
    for (size_t i = 0; i < q->n_stop_text && !*yes; i++) {
        size_t size = strlen(q->stop_text[i]), from = before > size ? before - size : 0;
        *yes = holds(as_buf_text(&r->text) + from, r->text.size - from, q->stop_text[i]);
    }
    return true;
}

bool as_row_take(as_row *r, const as_row_world *world, uint32_t id, double logprob, as_error *err)
{
    const as_request *q = &r->request;
    bool stops = false;
    if (r->is_scoring) return true;
    r->ids[q->n + r->n_reply] = id;
    r->logprob[r->n_reply++] = logprob;
    if (q->n_stop_text && !completes_stop(r, id, &stops, err)) return false;
    if (in_set(q->stop, q->n_stop, id))
        end(r, AS_FINISH_STOP);
    else if (stops)
        end(r, AS_FINISH_TEXT);
    else if (r->n_reply == q->max_tokens)
        end(r, AS_FINISH_LENGTH);
    else if (q->n + r->n_reply == as_model_config(world->model)->max_positions)
        end(r, AS_FINISH_CONTEXT);
    return true;
}

/* Does a reading need the state of the reply's last token, which no token follows? */
static bool needs_last(const as_row *r)
{
    if (r->request.every_logits) return true;
    for (size_t i = 0; i < r->request.n_taps; i++) {
        as_selector s = r->request.taps[i].selector;
        if (s == AS_EVERY ||
            s == (r->finish == AS_FINISH_STOP ? AS_END_OF_TURN : AS_LAST_CONTENT) ||
            (s == AS_MEAN_CONTENT && r->finish != AS_FINISH_STOP))
            return true;
        if (r->is_scoring && s != AS_LAST_PROMPT) return true;
    }
    return false;
}

bool as_row_fed(as_row *r, size_t n)
{
    r->fed += n;
    if (r->fed >= r->request.n) {
        r->leader = NULL;
        r->n_followers = 0;
    }
    if (!r->is_ended) return false;
    size_t all = r->request.n + r->n_reply;
    return r->fed + (needs_last(r) || !r->n_reply ? 0 : 1) >= all;
}
