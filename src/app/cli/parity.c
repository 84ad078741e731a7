/* assay doctor parity: the model's numbers against the scalar kernels' and against those of another
 * implementation. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/cli/engine.h"
#include "app/cli/trials.h"

enum { N_TOKENS = 32 };

/* Logits of a sequence: (n, vocab). */
typedef struct {
    float *logits;
    size_t vocab;
    const uint32_t *ids;
    size_t n;
    bool given;
} forward;

static bool next(void *context, as_request *q, bool *has, as_error *err)
{
    static const uint32_t none[1];
    forward *f = context;
    (void)err;
    *has = !f->given;
    f->given = true;
    if (!*has) return true;
    *q = (as_request){.ids = f->ids,
                      .n = 1,
                      .reply = f->n > 1 ? f->ids + 1 : none,
                      .n_reply = f->n - 1,
                      .decoding = as_decoding_greedy,
                      .every_logits = true};
    return true;
}

static bool done(void *context, const as_request *q, const as_reply *r, as_error *err)
{
    (void)context, (void)q, (void)r, (void)err;
    return true;
}

static bool take(void *context, const as_request *q, size_t position, const float *row,
                 as_error *err)
{
    forward *f = context;
    (void)q, (void)err;
    memcpy(f->logits + position * f->vocab, row, f->vocab * sizeof *row);
    return true;
}

/* Gives: free(f->logits). */
static bool run_forward(forward *f, as_engine *e, const as_exec *ex, const uint32_t *ids, size_t n,
                        as_error *err)
{
    size_t floats;
    *f = (forward){.vocab = as_model_config(e->local.model)->vocab, .ids = ids, .n = n};
    if (!as_size_mul(n, f->vocab, &floats, err)) return false;
    f->logits = as_new(floats, sizeof *f->logits, err);
    as_sink sink = {.context = f, .next = next, .done = done, .logits = take, .stop = e->cli->stop};
    return f->logits && as_infer(e->local.model, ex, NULL, e->arm, 1, NULL, &sink, NULL, err);
}

static bool against_scalar(as_engine *e, as_buf *out, size_t *bad, as_error *err)
{
    uint32_t ids[N_TOKENS];
    forward truth = {0};
    as_exec scalar;
    size_t n = 0;
    const as_kernels *const *table = as_kernels_all(&n);
    for (size_t i = 0; i < N_TOKENS; i++) {
        as_rng rng = as_rng_at(1, "parity", i);
        ids[i] = (uint32_t)as_rng_below(&rng, as_model_config(e->local.model)->vocab);
    }
    if (!as_exec_init(&scalar, "scalar", as_pool_size(e->exec.pool), err)) return false;
    bool ok = run_forward(&truth, e, &scalar, ids, N_TOKENS, err);
    as_exec_clear(&scalar);
    for (size_t i = 0; ok && i < n; i++) {
        forward f = {0};
        as_exec ex;
        if (strcmp(table[i]->name, "scalar") == 0) continue;
        if (!table[i]->is_supported()) {
            as_buf_printf(out, "kernels %-8s not on this processor\n", table[i]->name);
            continue;
        }
        ok = as_exec_init(&ex, table[i]->name, as_pool_size(e->exec.pool), err);
        if (!ok) break;
        ok = run_forward(&f, e, &ex, ids, N_TOKENS, err);
        bool same =
            ok && memcmp(f.logits, truth.logits, N_TOKENS * f.vocab * sizeof *f.logits) == 0;
        *bad += !same;
        as_buf_printf(out, "kernels %-8s %s the bits of scalar (%d positions)\n", table[i]->name,
                      same ? "has" : "HAS NOT", N_TOKENS);
        free(f.logits);
        as_exec_clear(&ex);
    }
    free(truth.logits);
    return ok;
}

static const char *bad_row(const json_t *row, size_t vocab, size_t k, size_t *position)
{
    const json_t *at = json_array_get(json_object_get(row, "at"), k);
    const json_t *logits = json_array_get(json_object_get(row, "logits"), k);
    if (!json_is_integer(at) || json_integer_value(at) < 0) return "at (expected positions)";
    *position = (size_t)json_integer_value(at);
    if (*position >= json_array_size(json_object_get(row, "ids"))) return "at: beyond ids";
    if (json_array_size(logits) != vocab) return "logits (expected a number for each token id)";
    for (size_t i = 0; i < vocab; i++)
        if (!json_is_number(json_array_get(logits, i))) return "logits (expected numbers)";
    return NULL;
}

/* Largest difference over one row of the file. */
static bool compare_row(as_engine *e, const json_t *row, size_t number, double *worst,
                        as_error *err)
{
    const json_t *list = json_object_get(row, "ids");
    size_t n = json_array_size(list), vocab = as_model_config(e->local.model)->vocab;
    forward f = {0};
    bool ok = n || as_fail(err, AS_EFORMAT, "rows[%zu].ids (expected token ids)", number);
    uint32_t *ids = ok ? as_new(n, sizeof *ids, err) : NULL;
    ok = ids;
    for (size_t i = 0; ok && i < n; i++) {
        json_int_t id = json_integer_value(json_array_get(list, i));
        ok = (json_is_integer(json_array_get(list, i)) && id >= 0 && (size_t)id < vocab) ||
             as_fail(err, AS_EFORMAT, "rows[%zu].ids[%zu] (expected an id below %zu)", number, i,
                     vocab);
        ids[i] = (uint32_t)id;
    }
    if (ok && !json_array_size(json_object_get(row, "at")))
        ok = as_fail(err, AS_EFORMAT, "rows[%zu].at (expected positions with logits)", number);
    ok = ok && run_forward(&f, e, &e->exec, ids, n, err);
    for (size_t k = 0; ok && k < json_array_size(json_object_get(row, "at")); k++) {
        size_t position = 0;
        const char *bad = bad_row(row, vocab, k, &position);
        const json_t *want = json_array_get(json_object_get(row, "logits"), k);
        ok = !bad || as_fail(err, AS_EFORMAT, "rows[%zu].%s", number, bad);
        for (size_t i = 0; ok && i < vocab; i++) {
            double d = fabs(json_number_value(json_array_get(want, i)) -
                            (double)f.logits[position * vocab + i]);
            if (!(d <= *worst)) *worst = d;
        }
    }
    free(f.logits);
    free(ids);
    return ok;
}

static bool against_file(as_engine *e, const char *path, as_buf *out, size_t *bad, as_error *err)
{
    double tolerance, worst = 0;
    char shown[AS_ESCAPE_SIZE];
    if (!as_cli_real(e->cli, "tolerance", 1e-4, &tolerance, err)) return false;
    if (!(tolerance >= 0)) return as_fail(err, AS_EUSAGE, "--tolerance (expected 0 or more)");
    json_t *file = as_json_read(path, err);
    if (!file) return false;
    const json_t *rows = json_object_get(file, "rows");
    bool ok = (json_is_array(rows) && json_array_size(rows)) ||
              as_fail(err, AS_EFORMAT, "rows (expected a list)");
    for (size_t i = 0; ok && i < json_array_size(rows); i++)
        ok = compare_row(e, json_array_get(rows, i), i, &worst, err);
    (void)as_escape(path, strlen(path), shown);
    if (!ok) as_error_at(err, "%s", shown);
    *bad += !(worst <= tolerance);
    if (ok)
        as_buf_printf(out, "%s: largest difference of logits %.3g (tolerance %g)\n", shown, worst,
                      tolerance);
    json_decref(file);
    return ok;
}

bool as_trial_parity(as_cli *c, as_error *err)
{
    as_engine e = {0};
    as_buf out = {0};
    size_t bad = 0;
    const char *against = as_cli_value(c, "against", NULL);
    bool ok = as_engine_open(&e, c, err) &&
              (e.n_arms == 1 || as_fail(err, AS_EUSAGE, "parity takes one --arm")) &&
              against_scalar(&e, &out, &bad, err) &&
              (!against || against_file(&e, against, &out, &bad, err));
    if (ok && c->json) {
        json_t *o = json_object();
        as_json_put_text(&o, "schema", "assay.parity/1");
        as_json_put_size(&o, "different", bad);
        as_json_put_text(&o, "text", as_buf_text(&out));
        ok = as_print_json(o, err);
    } else if (ok) {
        ok = as_print(&out, err);
    }
    if (ok && bad) /* JSON has said it */
        ok = !c->json && as_fail(err, AS_ENUMERIC, "%s: numbers differ", e.local.path);
    as_buf_clear(&out);
    as_engine_close(&e);
    return ok;
}
