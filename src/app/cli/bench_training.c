/* assay bench --training: steps of training on made-up tokens, put together of the pieces that the
 * loop of engine/train is made of: no data, no tokenizer. A share of F counts 4 operations for each
 * weight in a product and token when an adapter is trained, 6 for all weights, and the head's only
 * where a token is a target; what is computed twice to save memory, attention and the adapter's own
 * products do not count. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "app/cli/bench.h"
#include "base/file.h"
#include "base/rng.h"
#include "engine/model/weights.h"
#include "engine/operator/adapter.h"
#include "engine/tensor/ceiling.h"
#include "engine/train/checkpoint.h"
#include "engine/train/loss.h"
#include "engine/train/optimiser.h"

enum { TOKENS = 4096, LENGTH = 1024, RANK = 16 };

typedef struct {
    const char *name;
    size_t length;  /* of a sequence; a pass takes LENGTH tokens */
    size_t targets; /* one in so many tokens, the last of each sequence */
    bool is_dpo, is_whole;
} workload;

static const workload workloads[] = {
    {"adapter, all tokens", LENGTH, 1, false, false},
    {"adapter, a quarter", LENGTH, 4, false, false},
    {"adapter, preferences", LENGTH / 2, 1, true, false},
    {"checkpoint", LENGTH, 1, false, false},
    /* These last: the model is another one then. */
    {"all weights", LENGTH, 1, false, true},
    {"all weights, short", LENGTH / 4, 1, false, true},
};
enum { N_WORKLOADS = sizeof workloads / sizeof *workloads, CHECKPOINT = 3 };

typedef struct {
    const as_engine *engine;
    const as_cli *cli;
    const as_config *config;
    size_t runs, memory;
    const char *folder;
    uint32_t ids[TOKENS];

    const workload *w;                      /* the present one, and all that it needs */
    size_t length, pass, n_kept, n_targets; /* pass: tokens taken together */
    as_adapter *adapter;
    as_weights *weights;
    const as_parameter *param;
    size_t n_params;
    as_optimiser *optimiser;
    as_tape *tape;
    as_loss *loss;
    float *d_final; /* (pass, dim) */
    double *nll;    /* (pass) */
    as_target *target;
    as_tape_run *run;

    json_t *rows;
    as_buf text;
    double peak;
} bench;

/* ---- what is trained ---- */

static bool make_trained(bench *b, as_error *err)
{
    const as_engine *e = b->engine;
    const as_adapter_options o = {
        .rank = RANK, .alpha = 2 * RANK, .target = "all-linear", .init = AS_INIT_KAIMING};
    const as_optimiser_options adamw = {.name = "adamw", .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
    if (b->w->is_whole) {
        b->weights = as_weights_new(e->local.model, &e->exec, err);
        if (b->weights) b->param = as_weights_params(b->weights, &b->n_params);
    } else {
        b->adapter = as_adapter_new(e->local.model, &e->exec, &o, err);
        if (b->adapter) b->param = as_adapter_params(b->adapter, &b->n_params);
    }
    if (!b->param) return false;
    b->optimiser = as_optimiser_new(&adamw, b->param, b->n_params, err);
    return b->optimiser != NULL;
}

/* As many layers kept whole as fit, as the loop chooses them. */
static bool fit(bench *b, as_tape_options *o, bool *fits, as_error *err)
{
    const as_model *m = b->engine->local.model;
    size_t fixed = as_model_bytes(m) + as_loss_bytes(m, b->pass), bytes = 0;
    for (size_t i = 0; i < b->n_params; i++)
        fixed += 6 * b->param[i].rows * b->param[i].cols * sizeof(float);
    for (o->n_kept = b->config->n_layers;; o->n_kept--) {
        if (!as_tape_bytes(m, o, &bytes, err)) return false;
        *fits = bytes <= b->memory && fixed <= b->memory - bytes;
        if (*fits || o->n_kept == 0) return true;
    }
}

static bool make_room(bench *b, bool *fits, as_error *err)
{
    const as_engine *e = b->engine;
    as_tape_options o = {.max_tokens = b->pass, .longest = b->length};
    if (!fit(b, &o, fits, err)) return false;
    if (!*fits) return true;
    b->n_kept = o.n_kept;
    b->tape = as_tape_new(e->local.model, &e->exec, b->weights, &o, err);
    b->loss = b->tape ? as_loss_new(e->local.model, &e->exec, b->tape, b->pass, err) : NULL;
    b->d_final = b->loss ? as_new(b->pass * b->config->dim, sizeof(float), err) : NULL;
    b->nll = b->d_final ? as_new(b->pass, sizeof *b->nll, err) : NULL;
    b->target = b->nll ? as_new(b->pass, sizeof *b->target, err) : NULL;
    b->run = b->target ? as_new(b->pass, sizeof *b->run, err) : NULL;
    return b->run != NULL;
}

static void clear(bench *b)
{
    free(b->run);
    free(b->target);
    free(b->nll);
    free(b->d_final);
    as_loss_free(b->loss);
    as_tape_free(b->tape);
    as_optimiser_free(b->optimiser);
    as_weights_free(b->weights);
    as_adapter_close(b->adapter);
    b->run = NULL, b->target = NULL, b->nll = NULL, b->d_final = NULL;
    b->loss = NULL, b->tape = NULL, b->optimiser = NULL, b->weights = NULL, b->adapter = NULL;
    b->param = NULL, b->n_params = 0;
}

/* ---- a step ---- */

/* Time that has passed, and the operations that the ceiling, measured again after each pass, would
 * have allowed in it: a step takes long, and machines are shared. */
typedef struct {
    double start, seconds, room;
} meter;

static void read_meter(bench *b, meter *m)
{
    const double took = as_seconds() - m->start;
    const double flops = as_ceiling_flops(&b->engine->exec, 0.05);
    if (flops > b->peak) b->peak = flops;
    m->seconds += took;
    m->room += took * flops;
    m->start = as_seconds();
}

static double sum(const double *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++) s += x[i];
    return s;
}

/* Neighbouring sequences are pairs whose reference gives either side the same. */
static void scale_pairs(const bench *b, size_t n_runs, size_t per_run, double *loss)
{
    const as_kernels *k = b->engine->exec.kernels;
    const size_t n = b->length * b->config->dim;
    for (size_t r = 0; r + 1 < n_runs; r += 2) {
        const double *nll = b->nll + r * per_run;
        const as_pair_logps p = {-sum(nll, per_run), -sum(nll + per_run, per_run), 0, 0};
        double slope;
        *loss += as_dpo(&p, 0.1, 0, &slope);
        for (size_t side = 0; side < 2; side++) {
            float *d = b->d_final + (r + side) * n;
            k->scale(d, d, (float)(side ? slope : -slope), n);
        }
    }
}

static bool pass(bench *b, size_t at, double *loss, as_error *err)
{
    const size_t n_runs = b->pass / b->length, least = b->length - b->length / b->w->targets;
    const as_hooks *hooks = b->adapter ? as_adapter_hooks(b->adapter) : NULL;
    const float *final;
    size_t n = 0;
    for (size_t r = 0; r < n_runs; r++) {
        const uint32_t *ids = b->ids + at + r * b->length;
        b->run[r] = (as_tape_run){ids, b->length, hooks};
        for (size_t i = least > 0 ? least : 1; i < b->length; i++)
            b->target[n++] = (as_target){r * b->length + i - 1, ids[i]};
    }
    if (!as_tape_forward(b->tape, b->run, n_runs, false, &final, err)) return false;
    memset(b->d_final, 0, b->pass * b->config->dim * sizeof *b->d_final);
    as_loss_nll(b->loss, final, b->target, n, b->nll, b->d_final,
                b->w->is_dpo ? 1 : 1 / (float)TOKENS);
    if (b->w->is_dpo)
        scale_pairs(b, n_runs, n / n_runs, loss);
    else
        *loss += sum(b->nll, n);
    as_tape_backward(b->tape, b->d_final);
    b->n_targets += n;
    return true;
}

static bool step(bench *b, meter *m, as_error *err)
{
    const as_exec *ex = &b->engine->exec;
    double loss = 0;
    b->n_targets = 0;
    *m = (meter){.start = as_seconds()};
    as_gradient_zero(ex, b->param, b->n_params);
    for (size_t at = 0; at < TOKENS; at += b->pass) {
        if (!pass(b, at, &loss, err)) return false;
        read_meter(b, m);
    }
    if (!isfinite(loss)) return as_fail(err, AS_ENUMERIC, "loss (found %g, expected finite)", loss);
    const double norm = as_gradient_norm(ex, b->param, b->n_params);
    if (norm > 1) as_gradient_scale(ex, b->param, b->n_params, (float)(1 / norm));
    if (!as_optimiser_step(b->optimiser, ex, 1e-5, err)) return false;
    if (b->adapter)
        as_adapter_refresh(b->adapter);
    else
        as_weights_refresh(b->weights);
    read_meter(b, m);
    return true;
}

/* ---- measuring ---- */

static double useful_flops(const bench *b)
{
    const double head = 2.0 * (double)b->config->vocab * (double)b->config->dim;
    const double body = (double)as_model_flops(b->engine->local.model) - head;
    return (b->w->is_whole ? 3 : 2) * (TOKENS * body + (double)b->n_targets * head);
}

static double resident(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss * 1024;
}

static bool measure_steps(bench *b, as_error *err)
{
    double seconds[AS_BENCH_RUNS], share[AS_BENCH_RUNS];
    meter m;
    if (!step(b, &m, err)) return false; /* touches all memory */
    for (size_t i = 0; i < b->runs; i++) {
        if (!step(b, &m, err)) return false;
        seconds[i] = m.seconds;
        share[i] = useful_flops(b) / m.room;
    }
    const double middle = as_bench_median(seconds, b->runs);
    const double of_flops = as_bench_median(share, b->runs);
    json_t *o = json_object();
    as_json_put_text(&o, "workload", b->w->name);
    as_json_put_real(&o, "seconds", middle);
    as_json_put_real(&o, "least", seconds[0]);
    as_json_put_real(&o, "most", seconds[b->runs - 1]);
    as_json_put_real(&o, "tokens_per_second", TOKENS / middle);
    as_json_put_size(&o, "targets", b->n_targets);
    as_json_put_real(&o, "useful_flops", useful_flops(b));
    as_json_put_real(&o, "share_of_flops", of_flops);
    as_json_put_size(&o, "layers_kept", b->n_kept);
    as_json_put_real(&o, "resident_bytes", resident());
    as_json_append(&b->rows, o);
    as_buf_printf(&b->text,
                  "%-22s %8.3f s (%.3f to %.3f)  %8.1f tok/s  %5.2f F  %zu of %zu layers kept, "
                  "%.0f MiB\n",
                  b->w->name, middle, seconds[0], seconds[b->runs - 1], TOKENS / middle, of_flops,
                  b->n_kept, b->config->n_layers, resident() / 1048576);
    return true;
}

/* A folder of our own in the one given: what stands there stays. */
static bool make_folder(const bench *b, as_buf *path, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    as_buf_printf(path, "%s/assay-bench", b->folder);
    if (!as_buf_ok(path, err)) return false;
    if (!as_file_exists(path->data)) return as_dir_make(path->data, err);
    return as_fail(err, AS_ESTATE, "%s (found it there already, expected to make it)",
                   as_escape(path->data, path->size, shown));
}

static bool remove_folder(const bench *b, as_buf *path, as_error *err)
{
    bool ok = true;
    const size_t whole = path->size;
    for (size_t i = 1; ok && i <= b->runs; i++) {
        path->size = whole;
        as_buf_printf(path, "/step-%zu", i);
        ok = as_buf_ok(path, err) && as_dir_remove(path->data, err);
    }
    path->data[path->size = whole] = '\0';
    return ok && as_dir_remove(path->data, err);
}

/* Values and the optimiser's state, as the loop has them. */
static as_part *list_parts(const bench *b, size_t *n, size_t *bytes, as_error *err)
{
    size_t n_state;
    const as_part *state = as_optimiser_parts(b->optimiser, &n_state);
    as_part *part = as_new(b->n_params + n_state, sizeof *part, err);
    if (!part) return NULL;
    for (*n = 0; *n < b->n_params; ++*n) {
        const as_parameter *p = &b->param[*n];
        part[*n] = (as_part){p->name, p->value, p->rows * p->cols * sizeof(float)};
    }
    for (size_t i = 0; i < n_state; i++) part[(*n)++] = state[i];
    *bytes = 0;
    for (size_t i = 0; i < *n; i++) *bytes += part[i].bytes;
    return part;
}

static bool time_saver(const bench *b, as_saver *saver, const as_part *part, size_t n, double *took,
                       double *wrote, as_error *err)
{
    bool ok = true;
    json_t *state = json_object();
    for (size_t i = 0; ok && i < b->runs; i++) {
        const double start = as_seconds();
        ok = as_saver_begin(saver, i + 1, part, n, state, err);
        took[i] = as_seconds() - start;
        ok = ok && as_saver_wait(saver, err);
        wrote[i] = as_seconds() - start;
    }
    json_decref(state);
    return ok;
}

static bool measure_checkpoint(bench *b, as_error *err)
{
    double took[AS_BENCH_RUNS], wrote[AS_BENCH_RUNS];
    size_t n, bytes;
    as_buf path = {0};
    as_saver *saver = NULL;
    as_part *part = list_parts(b, &n, &bytes, err);
    if (part && make_folder(b, &path, err)) saver = as_saver_new(path.data, 2, err);
    bool ok = saver && time_saver(b, saver, part, n, took, wrote, err);
    as_saver_free(saver);
    free(part);
    ok = ok && remove_folder(b, &path, err);
    as_buf_clear(&path);
    if (!ok) return false;
    const double taken = as_bench_median(took, b->runs), written = as_bench_median(wrote, b->runs);
    json_t *o = json_object();
    as_json_put_text(&o, "workload", b->w->name);
    as_json_put_size(&o, "bytes", bytes);
    as_json_put_real(&o, "seconds_taken", taken);
    as_json_put_real(&o, "seconds_written", written);
    as_json_put_real(&o, "least", wrote[0]);
    as_json_put_real(&o, "most", wrote[b->runs - 1]);
    as_json_append(&b->rows, o);
    as_buf_printf(&b->text,
                  "%-22s %8.3f s until training goes on, %.3f s (%.3f to %.3f) until it "
                  "is written; %.1f MB\n",
                  b->w->name, taken, written, wrote[0], wrote[b->runs - 1], (double)bytes / 1e6);
    return true;
}

static bool measure(bench *b, as_error *err)
{
    const workload *w = b->w;
    bool fits = true, ok;
    const size_t positions = b->config->max_positions;
    for (b->pass = LENGTH, b->length = w->length; b->length > positions;) b->length /= 2;
    if (w == &workloads[CHECKPOINT]) {
        if (!b->folder) return true;
        return make_trained(b, err) && measure_checkpoint(b, err);
    }
    if (w->is_whole && 7 * as_model_bytes(b->engine->local.model) > b->memory)
        fits =
            false; /* values, gradients and moments of at least two bytes for each of the model's */
    ok = !fits || (make_trained(b, err) && make_room(b, &fits, err));
    if (ok && !fits)
        as_log_warn(b->cli->log, "%s: left out, it does not fit into %zu GiB", w->name,
                    b->memory >> 30);
    return ok && (!fits || measure_steps(b, err));
}

static bool print_all(const bench *b, double load, as_error *err)
{
    const as_exec *ex = &b->engine->exec;
    if (b->cli->json) {
        json_t *o = json_object();
        as_json_put_text(&o, "schema", "assay.bench_training/1");
        as_json_put_text(&o, "kernels", ex->kernels->name);
        as_json_put_size(&o, "threads", as_pool_size(ex->pool));
        as_json_put(&o, "model", as_engine_record(b->engine));
        as_json_put_real(&o, "peak_flops", b->peak);
        as_json_put_real(&o, "load_seconds", load);
        as_json_put_size(&o, "memory", b->memory);
        as_json_put(&o, "rows", json_incref(b->rows));
        return as_print_json(o, err);
    }
    as_buf t = {0};
    as_buf_printf(&t, "kernels %s, %zu threads; F %.1f GFLOP/s (best seen); %d tokens a step\n",
                  ex->kernels->name, as_pool_size(ex->pool), b->peak / 1e9, TOKENS);
    as_buf_puts(&t, as_buf_text(&b->text));
    bool ok = as_print(&t, err);
    as_buf_clear(&t);
    return ok;
}

static bool read_options(bench *b, as_error *err)
{
    if (!as_cli_size(b->cli, "runs", 5, &b->runs, err) ||
        !as_cli_size(b->cli, "memory", 8, &b->memory, err))
        return false;
    if (b->runs == 0 || b->runs > AS_BENCH_RUNS || b->memory == 0 || b->memory > 1 << 20)
        return as_fail(err, AS_EUSAGE, "--runs (expected 1 to %d), --memory (expected 1 or more)",
                       AS_BENCH_RUNS);
    b->memory <<= 30;
    b->folder = as_cli_value(b->cli, "checkpoints", NULL);
    as_rng rng = as_rng_at(1, "bench training", 0);
    for (size_t i = 0; i < TOKENS; i++) b->ids[i] = (uint32_t)as_rng_below(&rng, b->config->vocab);
    return true;
}

bool as_bench_training(const as_engine *e, const as_cli *c, double load_seconds, as_error *err)
{
    bool wanted[N_WORKLOADS];
    bench *b = as_new(1, sizeof *b, err);
    if (!b) return false;
    *b = (bench){.engine = e, .cli = c, .config = as_model_config(e->local.model)};
    b->rows = json_array();
    bool ok = as_bench_wants(c, N_WORKLOADS, wanted, err) && read_options(b, err);
    for (size_t i = 0; ok && i < N_WORKLOADS; i++) {
        if (!wanted[i]) continue;
        b->w = &workloads[i];
        as_log_say(c->log, "%s", b->w->name);
        ok = measure(b, err);
        clear(b);
    }
    ok = ok && print_all(b, load_seconds, err);
    json_decref(b->rows);
    as_buf_clear(&b->text);
    free(b);
    return ok;
}
