/* assay doctor invariance: a row's bytes depend on nothing but the row. The promise is tried on the
 * checkpoint at hand: every request is first decoded alone, then in every other way, and tokens,
 * log-probabilities and readings are compared by their SHA-256. */
#include <stdlib.h>
#include <string.h>

#include "app/cli/engine.h"
#include "app/cli/trials.h"

enum { N_PROMPTS = 8, N_TAPS = 3, N_TOKENS = 12, LONGEST = 97 };

typedef struct {
    as_key digest;
    uint32_t ids[N_TOKENS];
    size_t n;
} outcome;

typedef struct {
    as_engine *engine;
    const as_exec *exec;
    as_arm *const *arm;
    uint32_t prompt[N_PROMPTS][LONGEST];
    size_t length[N_PROMPTS];
    as_tap tap[N_TAPS];
    outcome *alone, *now; /* (n) */
    size_t n, next;
    bool backwards, replay;
} trials;

/* Request i: prompt i / arms, arm i % arms; every other prompt is sampled. */
static void fill(const trials *t, size_t i, as_request *q)
{
    size_t p = i / t->engine->n_arms;
    *q = (as_request){.arm = i % t->engine->n_arms,
                      .ids = t->prompt[p],
                      .n = t->length[p],
                      .decoding = as_decoding_greedy,
                      .seed = i,
                      .max_tokens = N_TOKENS,
                      .taps = t->tap,
                      .n_taps = N_TAPS};
    if (p % 2) q->decoding = (as_decoding){0.8, 20, 0.95, 0.01, 1.1};
    if (!t->replay) return;
    q->reply = t->alone[i].ids;
    q->n_reply = t->alone[i].n;
}

static bool next(void *context, as_request *q, bool *has, as_error *err)
{
    trials *t = context;
    (void)err;
    *has = t->next < t->n;
    if (!*has) return true;
    size_t i = t->backwards ? t->n - 1 - t->next : t->next;
    t->next++;
    fill(t, i, q);
    q->user = &t->now[i];
    return true;
}

static bool done(void *context, const as_request *q, const as_reply *r, as_error *err)
{
    outcome *o = q->user;
    (void)context;
    o->n = r->n;
    memcpy(o->ids, r->ids, r->n * sizeof *r->ids);
    as_sha256 *h = as_sha256_new(err);
    bool ok = h && as_sha256_add(h, r->ids, r->n * sizeof *r->ids, err) &&
              as_sha256_add(h, r->logprob, r->n * sizeof *r->logprob, err);
    for (size_t i = 0; ok && i < q->n_taps; i++) {
        float *x = as_new(r->readings[i].width, sizeof *x, err);
        ok = x &&
             (as_tap_row_value(&r->readings[i], x) ||
              as_fail(err, AS_ENUMERIC, "a reading is missing")) &&
             as_sha256_add(h, x, r->readings[i].width * sizeof *x, err);
        free(x);
    }
    if (ok) return as_sha256_end(h, o->digest, err);
    as_sha256_free(h);
    return false;
}

static bool run_once(trials *t, const as_infer_options *options, as_error *err)
{
    as_sink sink = {.context = t, .next = next, .done = done, .stop = t->engine->cli->stop};
    t->next = 0;
    return as_infer(t->engine->local.model, t->exec, NULL, t->arm, t->engine->n_arms, options,
                    &sink, NULL, err);
}

/* One way: how many requests came out otherwise than alone. */
static bool way(trials *t, const as_infer_options *options, const char *name, size_t *bad,
                as_buf *out, as_error *err)
{
    size_t differ = 0;
    if (!run_once(t, options, err)) {
        as_error_at(err, "%s", name);
        return false;
    }
    for (size_t i = 0; i < t->n; i++) differ += strcmp(t->alone[i].digest, t->now[i].digest) != 0;
    *bad += differ;
    as_buf_printf(out, "%-24s %zu of %zu same\n", name, t->n - differ, t->n);
    return true;
}

static bool ways_of_steps(trials *t, size_t *bad, as_buf *out, as_error *err)
{
    static const size_t batch[] = {1, 2, 7, 16}, piece[] = {1, 17, 64};
    char name[64];
    for (size_t i = 0; i < sizeof batch / sizeof *batch; i++) {
        as_infer_options o = {.rows = batch[i]};
        snprintf(name, sizeof name, "batch %zu", batch[i]);
        if (!way(t, &o, name, bad, out, err)) return false;
    }
    for (size_t i = 0; i < sizeof piece / sizeof *piece; i++) {
        as_infer_options o = {.rows = 7, .piece = piece[i]};
        snprintf(name, sizeof name, "pieces of %zu", piece[i]);
        if (!way(t, &o, name, bad, out, err)) return false;
    }
    as_infer_options o = {.rows = 16, .no_sharing = true};
    if (!way(t, &o, "prompts not shared", bad, out, err)) return false;
    o = (as_infer_options){.rows = 7};
    t->backwards = true;
    if (!way(t, &o, "other order", bad, out, err)) return false;
    t->backwards = false;
    t->replay = true;
    if (!way(t, &o, "replay", bad, out, err)) return false;
    t->replay = false;
    return true;
}

static bool ways_of_machines(trials *t, size_t *bad, as_buf *out, as_error *err)
{
    static const size_t threads[] = {1, 2, 7};
    const as_exec *own = t->exec;
    as_infer_options o = {.rows = 7};
    char name[64];
    size_t n = 0;
    bool ok = true;
    const as_kernels *const *table = as_kernels_all(&n);
    for (size_t i = 0; ok && i < 3 + n; i++) {
        as_exec other;
        if (i >= 3 && !table[i - 3]->is_supported()) continue;
        snprintf(name, sizeof name, i < 3 ? "threads %zu" : "kernels ", i < 3 ? threads[i] : 0);
        if (i >= 3) snprintf(name, sizeof name, "kernels %s", table[i - 3]->name);
        if (!as_exec_init(&other, i < 3 ? own->kernels->name : table[i - 3]->name,
                          i < 3 ? threads[i] : 0, err))
            return false;
        t->exec = &other;
        ok = way(t, &o, name, bad, out, err);
        t->exec = own;
        as_exec_clear(&other);
    }
    return ok;
}

/* Arms to which something neutral was added. */
static bool way_neutral(trials *t, size_t *bad, as_buf *out, as_error *err)
{
    const as_config *c = as_model_config(t->engine->local.model);
    as_arm *const *own = t->arm;
    as_infer_options o = {.rows = 7};
    as_arm_options same = {.as_published = as_cli_flag(t->engine->cli, "as-published")};
    size_t l = 0, n = t->engine->n_arms;
    while (l < c->n_layers && c->layer[l].mixer != AS_MIX_ATTENTION) l++;
    as_arm **arm = as_new(n, sizeof *arm, err);
    bool ok = arm;
    for (size_t i = 0; ok && i < n; i++) {
        as_buf text = {0};
        as_buf_printf(&text, "%s; temper: %zu.0=1", as_arm_text(own[i]), l);
        ok = as_buf_ok(&text, err);
        arm[i] = ok ? as_arm_open(as_buf_text(&text), t->engine->local.model, t->exec, &same, err)
                    : NULL;
        ok = arm[i];
        as_buf_clear(&text);
    }
    t->arm = arm;
    ok = ok && way(t, &o, "neutral operator", bad, out, err);
    t->arm = own;
    for (size_t i = 0; arm && i < n; i++) as_arm_close(arm[i]);
    free(arm);
    return ok;
}

static bool prepare(trials *t, as_error *err)
{
    static const size_t length[N_PROMPTS] = {1, 2, 5, 17, 33, 64, 80, LONGEST};
    const as_config *c = as_model_config(t->engine->local.model);
    size_t last = c->n_layers;
    while (last-- > 0 && c->layer[last].mixer != AS_MIX_ATTENTION) continue;
    t->tap[0] = (as_tap){AS_READ_HIDDEN, c->n_layers, 1, AS_LAST_CONTENT};
    t->tap[1] = (as_tap){AS_READ_HIDDEN, c->n_layers / 2, 1, AS_MEAN_CONTENT};
    t->tap[2] = (as_tap){AS_READ_HEADS, last, 1, AS_LAST_PROMPT};
    for (size_t p = 0; p < N_PROMPTS; p++) {
        t->length[p] = length[p];
        for (size_t i = 0; i < length[p]; i++) {
            as_rng rng = as_rng_at(1, "doctor", p * LONGEST + i);
            t->prompt[p][i] = (uint32_t)as_rng_below(&rng, c->vocab);
        }
    }
    t->n = N_PROMPTS * t->engine->n_arms;
    t->alone = as_new(t->n, sizeof *t->alone, err);
    t->now = t->alone ? as_new(t->n, sizeof *t->now, err) : NULL;
    return t->now;
}

static bool run_ways(trials *t, size_t *bad, as_buf *out, as_error *err)
{
    as_infer_options alone = {.rows = 1, .no_sharing = true};
    if (!run_once(t, &alone, err)) return false;
    memcpy(t->alone, t->now, t->n * sizeof *t->now);
    return ways_of_steps(t, bad, out, err) && ways_of_machines(t, bad, out, err) &&
           way_neutral(t, bad, out, err);
}

static bool print_json(const as_buf *lines, size_t n, size_t bad, as_error *err)
{
    json_t *o = json_object(), *list = json_array();
    const char *s = as_buf_text(lines);
    while (*s) {
        const char *end = strchr(s, '\n');
        as_json_append(&list, json_stringn(s, (size_t)(end - s)));
        s = end + 1;
    }
    as_json_put_text(&o, "schema", "assay.invariance/1");
    as_json_put_size(&o, "requests", n);
    as_json_put_size(&o, "different", bad);
    as_json_put(&o, "ways", list);
    return as_print_json(o, err);
}

bool as_trial_invariance(as_cli *c, as_error *err)
{
    as_engine e = {0};
    as_buf out = {0};
    size_t bad = 0;
    trials *t = as_new(1, sizeof *t, err);
    bool ok = t && as_engine_open(&e, c, err);
    if (ok) {
        t->engine = &e;
        t->exec = &e.exec;
        t->arm = e.arm;
        ok = prepare(t, err) && run_ways(t, &bad, &out, err);
    }
    if (ok) ok = c->json ? print_json(&out, t->n, bad, err) : as_print(&out, err);
    if (ok && bad) /* JSON has said it */
        ok = !c->json && as_fail(err, AS_ENUMERIC, "%s: %zu outcomes depend on more than the row",
                                 e.local.path, bad);
    if (t) {
        free(t->alone);
        free(t->now);
    }
    free(t);
    as_buf_clear(&out);
    as_engine_close(&e);
    return ok;
}
