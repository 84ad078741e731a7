/* assay bench: speeds of a model on this machine, as shares of what the machine can do at most,
 * measured in the same run: F, the multiply-add peak of the threads used, and B, their read
 * bandwidth. Every figure is the median of several runs, between which the ceilings are measured
 * again, because machines are shared. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "app/cli/bench.h"
#include "engine/tensor/ceiling.h"

static const as_option options[] = {
    AS_MODEL_OPTIONS,
    AS_ARM_OPTIONS,
    {"runs", 0, "N", "runs of each workload (default: 5)", false},
    {"tokens", 0, "N", "tokens generated in a timed run (default: 16)", false},
    {"only", 0, "LIST", "numbers of workloads, as listed (default: all)", false},
    {"training", 0, NULL, "steps of training instead, with adapters of rank 16 or of all weights",
     false},
    {"memory", 0, "GIB", "with --training: memory that may be used (default: 8)", false},
    {"checkpoints", 0, "DIR", "with --training: where checkpoints are written and removed again",
     false},
    {0},
};

typedef struct {
    const char *name;
    size_t rows, prompt; /* rows side by side, prompt tokens of each */
    bool prefill;        /* time the prompt, not the reply */
    bool taps;           /* h_last and every o_proj input are read */
    bool arms;           /* rows / n_arms of each arm given, instead of base */
    bool one_prompt;     /* all rows have the same, as the arms of an experiment do */
} workload;

static const workload workloads[] = {
    {"prefill 512", 1, 512, true, false, false, false},
    {"generate, 1 row", 1, 16, false, false, false, false},
    {"generate, 4 rows", 4, 16, false, false, false, false},
    {"generate, 16 rows", 16, 16, false, false, false, false},
    {"generate, 64 rows", 64, 16, false, false, false, false},
    {"64 rows, all arms", 64, 16, false, false, true, false},
    {"16 rows, taps", 16, 16, false, true, false, false},
    {"16 rows of a prompt of 128", 16, 128, false, false, false, true},
    {"16 rows of a prompt of 2048", 16, 2048, false, false, false, true},
    {"16 prompts of 2048", 16, 2048, false, false, false, false},
};
enum { N_WORKLOADS = sizeof workloads / sizeof *workloads };

typedef struct {
    as_engine *engine;
    const workload *w;
    size_t tokens, next;
    uint32_t *prompt; /* (rows, prompt) */
    as_tap *tap;
    size_t n_taps;
} bench;

static bool next(void *context, as_request *q, bool *has, as_error *err)
{
    bench *b = context;
    (void)err;
    *has = b->next < b->w->rows;
    if (!*has) return true;
    size_t i = b->next++;
    *q = (as_request){.arm = b->w->arms ? i % b->engine->n_arms : 0,
                      .ids = b->prompt + (b->w->one_prompt ? 0 : i * b->w->prompt),
                      .n = b->w->prompt,
                      .decoding = as_decoding_greedy,
                      .max_tokens = b->tokens,
                      .taps = b->tap,
                      .n_taps = b->w->taps ? b->n_taps : 0};
    return true;
}

static bool done(void *context, const as_request *q, const as_reply *r, as_error *err)
{
    (void)context, (void)q, (void)r, (void)err;
    return true;
}

/* Seconds of one run with a budget of `tokens`. */
static bool timed(bench *b, size_t tokens, double *seconds, as_error *err)
{
    as_infer_options o = {.rows = b->w->rows};
    as_sink sink = {.context = b, .next = next, .done = done, .stop = b->engine->cli->stop};
    as_engine *e = b->engine;
    b->next = 0;
    b->tokens = tokens;
    double start = as_seconds();
    bool ok = as_infer(e->local.model, &e->exec, NULL, e->arm, e->n_arms, &o, &sink, NULL, err);
    *seconds = as_seconds() - start;
    return ok;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double as_bench_median(double *x, size_t n)
{
    qsort(x, n, sizeof *x, by_size);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

bool as_bench_wants(const as_cli *c, size_t limit, bool *wanted, as_error *err)
{
    size_t *only, n;
    if (!as_cli_list(c, "only", limit, &only, &n, err)) return false;
    for (size_t i = 0; i < limit; i++) wanted[i] = n == 0;
    for (size_t k = 0; k < n; k++) wanted[only[k]] = true;
    return true;
}

typedef struct {
    double rate, least, most;  /* tokens a second: median and spread */
    double of_flops, of_bytes; /* medians of the shares */
} figure;

/* Operations of one token; of a prompt only the last position goes through the head. */
static double token_flops(const bench *b)
{
    const as_config *c = as_model_config(b->engine->local.model);
    double all = (double)as_model_flops(b->engine->local.model);
    double head = 2.0 * (double)c->vocab * (double)c->dim;
    return b->w->prefill ? all - head * (1 - 1 / (double)b->w->prompt) : all;
}

/* Everything of one workload. */
static bool measure(bench *b, size_t runs, size_t tokens, const void *big, size_t big_bytes,
                    double *peak, double *band, figure *out, as_error *err)
{
    double rate[AS_BENCH_RUNS], f[AS_BENCH_RUNS], m[AS_BENCH_RUNS], whole, first = 0;
    const as_model *model = b->engine->local.model;
    double rows = (double)b->w->rows;
    for (size_t i = 0; i < runs; i++) {
        double flops = as_ceiling_flops(&b->engine->exec, 0.1);
        double bytes = as_ceiling_bytes(&b->engine->exec, big, big_bytes);
        double count = b->w->prefill ? rows * (double)b->w->prompt : rows * (double)tokens;
        if (!timed(b, 1, &first, err)) return false;
        if (!b->w->prefill && !timed(b, tokens + 1, &whole, err)) return false;
        double seconds = b->w->prefill ? first : whole - first;
        double steps = count / rows;
        rate[i] = count / seconds;
        f[i] = rate[i] * token_flops(b) / flops;
        m[i] = steps / seconds * (double)as_model_step_bytes(model) / bytes;
        *peak = flops > *peak ? flops : *peak;
        *band = bytes > *band ? bytes : *band;
    }
    out->rate = as_bench_median(rate, runs);
    out->least = rate[0];
    out->most = rate[runs - 1];
    out->of_flops = as_bench_median(f, runs);
    out->of_bytes = as_bench_median(m, runs);
    return true;
}

static bool make_prompts(bench *b, as_error *err)
{
    size_t n = b->w->rows * b->w->prompt, vocab = as_model_config(b->engine->local.model)->vocab;
    free(b->prompt);
    b->prompt = as_new(n, sizeof *b->prompt, err);
    if (!b->prompt) return false;
    as_rng rng = as_rng_at(1, "bench", b->w->rows);
    for (size_t i = 0; i < n; i++) b->prompt[i] = (uint32_t)as_rng_below(&rng, vocab);
    return true;
}

static bool make_taps(bench *b, as_error *err)
{
    const as_config *c = as_model_config(b->engine->local.model);
    b->tap = as_new(c->n_layers + 1, sizeof *b->tap, err);
    if (!b->tap) return false;
    for (size_t l = 0; l < c->n_layers; l++)
        b->tap[b->n_taps++] = (as_tap){AS_READ_HEADS, l, 1, AS_MEAN_CONTENT};
    b->tap[b->n_taps++] = (as_tap){AS_READ_HIDDEN, c->n_layers, 1, AS_LAST_CONTENT};
    return true;
}

static json_t *row_of(const workload *w, const figure *f)
{
    json_t *o = json_object();
    as_json_put_text(&o, "workload", w->name);
    as_json_put_real(&o, "tokens_per_second", f->rate);
    as_json_put_real(&o, "least", f->least);
    as_json_put_real(&o, "most", f->most);
    as_json_put_real(&o, "share_of_flops", f->of_flops);
    as_json_put_real(&o, "share_of_bandwidth", f->of_bytes);
    return o;
}

typedef struct {
    double load, peak, band;
    json_t *rows;
    as_buf text;
} result;

static bool run_all(bench *b, const as_cli *c, result *r, as_error *err)
{
    size_t runs, tokens, big_bytes = (size_t)1536 << 20;
    bool wanted[N_WORKLOADS];
    if (!as_cli_size(c, "runs", 5, &runs, err) || !as_cli_size(c, "tokens", 16, &tokens, err) ||
        !as_bench_wants(c, N_WORKLOADS, wanted, err) || !make_taps(b, err))
        return false;
    if (!runs || runs > AS_BENCH_RUNS || !tokens)
        return as_fail(err, AS_EUSAGE, "--runs (expected 1 to %d), --tokens (expected 1 or more)",
                       AS_BENCH_RUNS);
    void *big = as_new(big_bytes, 1, err);
    if (!big) return false;
    memset(big, 1, big_bytes);
    bool ok = true;
    for (size_t i = 0; ok && i < N_WORKLOADS; i++) {
        figure f;
        b->w = &workloads[i];
        if (!wanted[i]) continue;
        size_t positions = as_model_config(b->engine->local.model)->max_positions;
        if (tokens >= positions || b->w->prompt >= positions - tokens) {
            as_log_warn(c->log, "%s: left out, the model has %zu positions", b->w->name, positions);
            continue;
        }
        ok = make_prompts(b, err) &&
             measure(b, runs, tokens, big, big_bytes, &r->peak, &r->band, &f, err);
        if (!ok) break;
        as_json_append(&r->rows, row_of(b->w, &f));
        as_buf_printf(&r->text, "%-28s %8.1f tok/s (%.1f to %.1f)  %5.2f F  %5.2f B\n", b->w->name,
                      f.rate, f.least, f.most, f.of_flops, f.of_bytes);
        as_log_say(c->log, "%s: %.1f tok/s", b->w->name, f.rate);
    }
    free(big);
    return ok;
}

static bool print_all(const bench *b, const as_cli *c, const result *r, as_error *err)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    if (c->json) {
        json_t *o = json_object();
        as_json_put_text(&o, "schema", "assay.bench/1");
        as_json_put_text(&o, "kernels", b->engine->exec.kernels->name);
        as_json_put_size(&o, "threads", as_pool_size(b->engine->exec.pool));
        as_json_put(&o, "model", as_engine_record(b->engine));
        as_json_put_real(&o, "peak_flops", r->peak);
        as_json_put_real(&o, "peak_bandwidth", r->band);
        as_json_put_real(&o, "load_seconds", r->load);
        as_json_put_size(&o, "weight_bytes", as_model_bytes(b->engine->local.model));
        as_json_put_size(&o, "resident_bytes", (size_t)usage.ru_maxrss * 1024);
        as_json_put(&o, "rows", json_incref(r->rows));
        return as_print_json(o, err);
    }
    as_buf t = {0};
    as_buf_printf(&t, "kernels %s, %zu threads; F %.1f GFLOP/s, B %.1f GB/s (best seen)\n",
                  b->engine->exec.kernels->name, as_pool_size(b->engine->exec.pool), r->peak / 1e9,
                  r->band / 1e9);
    as_buf_printf(&t,
                  "weights %.0f MiB, loaded in %.2f s; resident at most %.0f MiB, of which "
                  "1536 MiB measure the bandwidth\n",
                  (double)as_model_bytes(b->engine->local.model) / 1048576, r->load,
                  (double)usage.ru_maxrss / 1024);
    as_buf_puts(&t, as_buf_text(&r->text));
    bool ok = as_print(&t, err);
    as_buf_clear(&t);
    return ok;
}

static int run(as_cli *c, as_error *err)
{
    as_engine e = {0};
    bench b = {.engine = &e};
    result r = {.rows = json_array()};
    double start = as_seconds();
    bool ok = as_engine_open(&e, c, err);
    r.load = as_seconds() - start;
    if (ok && as_cli_flag(c, "training"))
        ok = as_bench_training(&e, c, r.load, err);
    else
        ok = ok && run_all(&b, c, &r, err) && print_all(&b, c, &r, err);
    free(b.prompt);
    free(b.tap);
    json_decref(r.rows);
    as_buf_clear(&r.text);
    as_engine_close(&e);
    return ok ? AS_EXIT_DONE : AS_EXIT_FAILED;
}

const as_command as_command_bench = {
    "bench",
    "speeds of a model here, as shares of what the machine can do",
    "",
    0,
    0,
    "Times prefill and generation of random prompts. F is the multiply-add peak of the threads "
    "used, B their read bandwidth, both measured between the runs; a share of F counts the "
    "products of "
    "every token, a share of B the bytes of all weights once a step. With --training, steps of "
    "4,096 tokens in rows of 1,024: adapters (4 operations for each weight and token; the head "
    "where a token is a target), preferences, all weights (6 operations), and checkpoints.",
    options,
    {"assay bench --model DIR --runs 3 --only 0,1 --json",
     "assay bench --model DIR --training --memory 8 --checkpoints DIR"},
    run,
};
