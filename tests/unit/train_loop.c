/* The pieces of the training loop: that cutting a batch changes no bit of its gradients, on the
 * four families, for completions and for pairs, with adapters and with all weights; and the losses
 * against plain computations in double precision. */
#include "tiny_models.h"

#include "engine/model/weights.h"
#include "engine/train/train_internal.h"

enum { N = 8, LONGEST = 30, STEP = 5 };

/* ---- examples ---- */

typedef struct {
    as_dataset d;
    as_example example[N];
    uint32_t ids[N][2][LONGEST];
    unsigned char label[N][2][LONGEST];
    char id[N][16];
} examples;

/* labels: of each sequence; 0: any number from 1. */
static examples *examples_new(size_t sides, size_t labels, size_t vocab)
{
    examples *x = room(1, sizeof *x);
    as_rng rng = as_rng_at(7, "examples", sides);
    x->d = (as_dataset){.example = x->example, .n = N, .n_sides = sides};
    for (size_t i = 0; i < N; i++) {
        as_example *e = &x->example[i];
        (void)snprintf(x->id[i], sizeof x->id[i], "e%zu", i);
        *e = (as_example){.id = x->id[i], .line = i + 1, .key = as_rng_u64(&rng)};
        for (size_t s = 0; s < sides; s++) {
            as_sequence *q = &e->sequence[s];
            const size_t n = 6 + (size_t)(as_rng_u64(&rng) % (LONGEST - 6));
            const size_t n_labels = labels ? labels : 1 + (size_t)(as_rng_u64(&rng) % (n - 2));
            *q = (as_sequence){.ids = x->ids[i][s],
                               .label = x->label[i][s],
                               .n = n,
                               .n_prompt = n - n_labels,
                               .n_labels = n_labels};
            for (size_t k = 0; k < n; k++) {
                q->ids[k] = (uint32_t)(as_rng_u64(&rng) % vocab);
                q->label[k] = k >= n - n_labels;
            }
            x->d.n_tokens += n;
            x->d.n_labels += n_labels;
        }
    }
    return x;
}

static const size_t in_order[N] = {0, 1, 2, 3, 4, 5, 6, 7};

/* ---- what is trained ---- */

typedef struct {
    as_exec ex;
    as_model *m;
    as_adapter *adapter;
    as_weights *weights;
    as_trainee what;
    const as_parameter *param;
    size_t n_params;
    examples *x;
    double logp[2 * N]; /* made up */
} bench;

static bench *bench_new(const char *name, bool all, const char *kernels, size_t threads,
                        as_adapter_init init, examples *x)
{
    as_error err = {0};
    bench *b = room(1, sizeof *b);
    must(as_exec_init(&b->ex, kernels, threads, &err), &err);
    b->m = tiny_open(name, &b->ex, &err);
    must(b->m != NULL, &err);
    const as_adapter_options o = {
        .rank = 4, .alpha = 8, .dropout = 0.2, .target = "all-linear", .init = init, .seed = 3};
    if (all)
        b->weights = as_weights_new(b->m, &b->ex, &err);
    else
        b->adapter = as_adapter_new(b->m, &b->ex, &o, &err);
    must(b->weights || b->adapter, &err);
    b->param = all ? as_weights_params(b->weights, &b->n_params)
                   : as_adapter_params(b->adapter, &b->n_params);
    b->what =
        (as_trainee){.model = b->m, .ex = &b->ex, .adapter = b->adapter, .weights = b->weights};
    b->x = x;
    for (size_t i = 0; i < 2 * N; i++) b->logp[i] = -20 - (double)(i * 5 % 7);
    return b;
}

static void bench_free(bench *b)
{
    as_adapter_close(b->adapter);
    as_weights_free(b->weights);
    as_model_close(b->m);
    as_exec_clear(&b->ex);
    free(b);
}

static as_train_options options(const examples *x, size_t pack, size_t micro)
{
    return (as_train_options){.is_dpo = x->d.n_sides == 2,
                              .beta = 0.1,
                              .smoothing = 0.1,
                              .batch = N,
                              .pack = pack,
                              .micro = micro,
                              .memory = (size_t)1 << 32};
}

static size_t n_values(const bench *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n_params; i++) n += b->param[i].rows * b->param[i].cols;
    return n;
}

/* All gradients behind one another. Gives: free. */
static float *gradients(const bench *b)
{
    float *all = room(n_values(b), sizeof *all), *at = all;
    for (size_t i = 0; i < b->n_params; i++) {
        const size_t n = b->param[i].rows * b->param[i].cols;
        memcpy(at, b->param[i].grad, n * sizeof *at);
        at += n;
    }
    return all;
}

static as_batches open_batches(const bench *b, const as_train_options *o, size_t *n_kept)
{
    as_error err = {0};
    as_batches batches;
    must(as_batches_init(&batches, o, &b->what, &b->x->d, NULL, 0, n_kept, &err), &err);
    batches.logp = b->logp;
    return batches;
}

/* The gradients of one step over everything. Gives: free. */
static float *step_of(const bench *b, const as_train_options *o, as_sums *sums, size_t *n_kept)
{
    as_error err = {0};
    as_batches batches = open_batches(b, o, n_kept);
    as_gradient_zero(&b->ex, b->param, b->n_params);
    must(as_batches_step(&batches, &b->x->d, in_order, N, STEP, sums, &err), &err);
    as_batches_clear(&batches);
    return gradients(b);
}

static bool is_zero(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (x[i] != 0) return false;
    return true;
}

/* ---- how a batch is cut ---- */

/* The least memory that is enough, by what is said when it is not. */
static size_t least_memory(const bench *b, as_train_options o)
{
    as_error err = {0};
    as_batches batches;
    size_t n_kept;
    char text[2048];
    o.memory = 1;
    CHECK(!as_batches_init(&batches, &o, &b->what, &b->x->d, NULL, 0, &n_kept, &err));
    CHECK(err.class_ == AS_ELIMIT);
    const char *at = strstr(as_error_text(&err, text, sizeof text), "at least ");
    CHECK(at != NULL);
    return at ? (size_t)strtoull(at + strlen("at least "), NULL, 10) : 0;
}

static void cut_of(const char *name, bool all, size_t sides)
{
    static const size_t cuts[][2] = {{1 << 12, 1}, {1 << 12, 3}, {1 << 12, 4}, {2, 0}, {64, 0}};
    examples *x = examples_new(sides, 0, 512);
    bench *b = bench_new(name, all, "auto", 2, AS_INIT_RANDOM, x);
    as_sums sums, other;
    size_t n_kept, n_layers = as_model_config(b->m)->n_layers;
    as_train_options o = options(x, 1 << 12, 0);
    float *whole = step_of(b, &o, &sums, &n_kept);
    CHECK(n_kept == n_layers && !is_zero(whole, n_values(b)));
    CHECK(sums.n_tokens == x->d.n_tokens && sums.n_targets == x->d.n_labels);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        o = options(x, cuts[i][0], cuts[i][1]);
        float *found = step_of(b, &o, &other, &n_kept);
        const bool same = memcmp(found, whole, n_values(b) * sizeof *whole) == 0 &&
                          memcmp(&other, &sums, sizeof sums) == 0;
        CHECK(same);
        if (!same) printf("  %s, pack %zu, micro %zu\n", name, cuts[i][0], cuts[i][1]);
        free(found);
    }
    o = options(x, 64, 0);
    o.memory = least_memory(b, o);
    float *again = step_of(b, &o, &other, &n_kept);
    CHECK(n_kept == 0 && memcmp(again, whole, n_values(b) * sizeof *whole) == 0);
    free(again);
    free(whole);
    bench_free(b);
    free(x);
}

static void cuts(void)
{
    for (size_t i = 0; i < N_TINY; i++) {
        cut_of(tiny_names[i], false, 1);
        cut_of(tiny_names[i], false, 2);
        cut_of(tiny_names[i], true, 1);
    }
}

/* Threads and tables of kernels. */
static void workers(void)
{
    static const struct {
        const char *kernels;
        size_t threads;
    } how[] = {{"auto", 2}, {"auto", 7}, {"scalar", 1}, {"avx2", 1}, {"avx512", 1}};
    for (size_t sides = 1; sides <= 2; sides++)
        for (size_t f = 0; f < N_TINY; f++) {
            examples *x = examples_new(sides, 0, 512);
            const as_train_options o = options(x, 64, 0);
            float *first = NULL;
            as_sums sums = {0};
            for (size_t i = 0; i <= sizeof how / sizeof *how; i++) {
                const char *kernels = i ? how[i - 1].kernels : "auto";
                as_error err = {0};
                as_exec probe;
                as_sums other;
                size_t n_kept;
                if (!as_exec_init(&probe, kernels, 1, &err)) continue; /* not on this machine */
                as_exec_clear(&probe);
                bench *b = bench_new(tiny_names[f], false, kernels, i ? how[i - 1].threads : 1,
                                     AS_INIT_RANDOM, x);
                float *found = step_of(b, &o, i ? &other : &sums, &n_kept);
                if (i) {
                    CHECK(memcmp(found, first, n_values(b) * sizeof *found) == 0);
                    CHECK(memcmp(&other, &sums, sizeof sums) == 0);
                    free(found);
                } else {
                    first = found;
                }
                bench_free(b);
            }
            free(first);
            free(x);
        }
}

/* With as many targets in each of 2^k examples, the scale of one alone is 2^k times that of the
 * batch, so that no product rounds differently: the examples one after the other, nothing put to
 * zero between, give 2^k times the batch's gradient bit for bit. */
static void one_by_one(void)
{
    for (size_t f = 0; f < N_TINY; f++)
        for (size_t sides = 1; sides <= 2; sides++) {
            as_error err = {0};
            examples *x = examples_new(sides, 4, 512);
            bench *b = bench_new(tiny_names[f], false, "auto", 2, AS_INIT_RANDOM, x);
            const as_train_options o = options(x, 1 << 12, 0);
            as_sums sums, one, all = {0};
            size_t n_kept;
            float *whole = step_of(b, &o, &sums, &n_kept);
            as_batches batches = open_batches(b, &o, &n_kept);
            as_gradient_zero(&b->ex, b->param, b->n_params);
            for (size_t i = 0; i < N; i++) {
                must(as_batches_step(&batches, &x->d, in_order + i, 1, STEP, &one, &err), &err);
                all.loss += one.loss;
                all.margin += one.margin;
                all.n_tokens += one.n_tokens;
            }
            as_batches_clear(&batches);
            as_gradient_scale(&b->ex, b->param, b->n_params, 1.0f / N);
            float *found = gradients(b);
            CHECK(memcmp(found, whole, n_values(b) * sizeof *found) == 0);
            CHECK(all.loss == sums.loss && all.margin == sums.margin);
            CHECK(all.n_tokens == sums.n_tokens);
            free(found);
            free(whole);
            bench_free(b);
            free(x);
        }
}

/* Each micro-batch's mean counts alike: the loss is the mean of the means of single examples. */
static void by_micro(void)
{
    as_error err = {0};
    examples *x = examples_new(1, 0, 512);
    bench *b = bench_new("llama", false, "auto", 2, AS_INIT_RANDOM, x);
    as_train_options o = options(x, 1 << 12, 1);
    as_sums sums, one, whole;
    size_t n_kept;
    double mean = 0;
    free(step_of(b, &o, &whole, &n_kept));
    as_batches batches = open_batches(b, &o, &n_kept);
    for (size_t i = 0; i < N; i++) {
        must(as_batches_step(&batches, &x->d, in_order + i, 1, STEP, &one, &err), &err);
        mean += one.loss / (double)one.n_units / N;
    }
    as_batches_clear(&batches);
    o.by_micro = true;
    free(step_of(b, &o, &sums, &n_kept));
    CHECK_NEAR(sums.loss / (double)sums.n_units, mean, 1e-12);
    CHECK(fabs(whole.loss / (double)whole.n_units - mean) > 1e-6); /* and not that of the targets */
    bench_free(b);
    free(x);
}

/* ---- evaluation ---- */

/* A new adapter is the base: no divergence; under its own reference no pair has a margin. */
static void start(void)
{
    for (size_t f = 0; f < N_TINY; f++)
        for (size_t sides = 1; sides <= 2; sides++) {
            as_error err = {0};
            as_sums sums, other;
            size_t n_kept;
            double ref[2 * N];
            examples *x = examples_new(sides, 0, 512);
            bench *b = bench_new(tiny_names[f], false, "auto", 2, AS_INIT_KAIMING, x);
            as_train_options o = options(x, 1 << 12, 0);
            as_batches batches = open_batches(b, &o, &n_kept);
            if (sides == 2)
                must(as_batches_reference(&batches, &x->d, 0, x->d.n, NULL, ref, &err), &err);
            must(as_batches_evaluate(&batches, &x->d, ref, &sums, &err), &err);
            as_batches_clear(&batches);
            CHECK(sums.kl == 0 && sums.margin == 0 && sums.accuracy == 0);
            if (sides == 2) CHECK_NEAR(sums.loss / N, log(2), 1e-15);
            o.pack = 2;
            batches = open_batches(b, &o, &n_kept);
            must(as_batches_evaluate(&batches, &x->d, ref, &other, &err), &err);
            as_batches_clear(&batches);
            CHECK(memcmp(&sums, &other, sizeof sums) == 0);
            bench_free(b);
            free(x);
        }
}

/* Log-probabilities of the logits, plainly. */
static void normalise(double *x, const float *logits, size_t n)
{
    double top = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++) top = fmax(top, (double)logits[i]);
    for (size_t i = 0; i < n; i++) sum += exp((double)logits[i] - top);
    for (size_t i = 0; i < n; i++) x[i] = (double)logits[i] - top - log(sum);
}

/* Log-probability of the targets of one sequence. */
static double plain_logp(const bench *b, const as_batches *batches, const as_sequence *q)
{
    as_error err = {0};
    const as_config *c = as_model_config(b->m);
    const as_tape_run run = {q->ids, q->n, as_adapter_hooks(b->adapter)};
    const float *final;
    float *logits = room(q->n * c->vocab, sizeof *logits);
    double *logp = room(c->vocab, sizeof *logp), sum = 0;
    must(as_tape_forward(batches->tape, &run, 1, true, &final, &err), &err);
    as_model_head(b->m, &b->ex, logits, final, q->n);
    for (size_t i = 1; i < q->n; i++) {
        normalise(logp, logits + (i - 1) * c->vocab, c->vocab);
        if (q->label[i]) sum += logp[q->ids[i]];
    }
    free(logp);
    free(logits);
    return sum;
}

/* What is computed for all together, against one sequence after the other; and no dropout in it,
 * also after a step that had some. */
static void evaluation(void)
{
    for (size_t f = 0; f < N_TINY; f++)
        for (size_t sides = 1; sides <= 2; sides++) {
            as_error err = {0};
            as_sums sums, other, step;
            size_t n_kept;
            double loss = 0, margin = 0, slope;
            examples *x = examples_new(sides, 0, 512);
            bench *b = bench_new(tiny_names[f], false, "auto", 2, AS_INIT_RANDOM, x);
            as_train_options o = options(x, 100, 0);
            as_batches batches = open_batches(b, &o, &n_kept);
            for (size_t i = 0; i < N; i++) {
                const as_sequence *q = x->example[i].sequence;
                as_pair_logps p = {plain_logp(b, &batches, &q[0]), 0, b->logp[2 * i],
                                   b->logp[2 * i + 1]};
                if (sides == 2) p.rejected = plain_logp(b, &batches, &q[1]);
                loss += sides == 2 ? as_dpo(&p, o.beta, o.smoothing, &slope) : -p.chosen;
                margin += o.beta * (p.chosen - p.ref_chosen - p.rejected + p.ref_rejected);
            }
            must(as_batches_evaluate(&batches, &x->d, b->logp, &sums, &err), &err);
            CHECK_NEAR(sums.loss, loss, 1e-7);
            if (sides == 2) CHECK_NEAR(sums.margin, margin, 1e-6);
            CHECK(sums.n_units == (sides == 2 ? N : x->d.n_labels) && sums.kl > 0);
            must(as_batches_step(&batches, &x->d, in_order, N, STEP, &step, &err), &err);
            CHECK(step.loss != sums.loss);
            must(as_batches_evaluate(&batches, &x->d, b->logp, &other, &err), &err);
            CHECK(memcmp(&other, &sums, sizeof sums) == 0);
            as_batches_clear(&batches);
            bench_free(b);
            free(x);
        }
}

/* The gradient of a step against the loss along it, whose slope is |g|^2: from four points, because
 * these models bend sharply, with steps that move a loss by a few thousandths. Its noise, some
 * 1e-6, is then about one in a thousand. */
static double along(bench *b, const as_train_options *o, const float *g, double h)
{
    size_t at = 0, n_kept;
    as_sums sums;
    for (size_t i = 0; i < b->n_params; i++)
        for (size_t k = 0; k < b->param[i].rows * b->param[i].cols; k++)
            b->param[i].value[k] += (float)(h * (double)g[at++]);
    b->adapter ? as_adapter_refresh(b->adapter) : as_weights_refresh(b->weights);
    free(step_of(b, o, &sums, &n_kept));
    return sums.loss / (double)sums.n_units;
}

static void slopes(void)
{
    for (size_t f = 0; f < N_TINY; f++)
        for (size_t sides = 0; sides <= 2; sides++) { /* 0: all weights, completions */
            examples *x = examples_new(sides ? sides : 1, 0, 512);
            bench *b = bench_new(tiny_names[f], sides == 0, "auto", 2, AS_INIT_RANDOM, x);
            const as_train_options o = options(x, 64, 0);
            as_sums sums;
            size_t n_kept;
            double square = 0;
            float *g = step_of(b, &o, &sums, &n_kept);
            for (size_t i = 0; i < n_values(b); i++) square += (double)g[i] * (double)g[i];
            const double h = 1e-3 / square;
            const double p2 = along(b, &o, g, 2 * h), p1 = along(b, &o, g, -h),
                         m1 = along(b, &o, g, -2 * h), m2 = along(b, &o, g, -h);
            const double slope = (8 * (p1 - m1) - (p2 - m2)) / (12 * h);
            if (!(fabs(slope / square - 1) < 3e-3))
                printf("  %s, %zu: |g|^2 %g, slope %g\n", tiny_names[f], sides, square, slope);
            CHECK(fabs(slope / square - 1) < 3e-3);
            free(g);
            bench_free(b);
            free(x);
        }
}

/* ---- losses ---- */

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void dpo(void)
{
    static const double betas[] = {0.01, 0.1, 1, 5}, smooths[] = {0, 0.1, 0.49};
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 3; k++)
            for (double delta = -30; delta <= 30; delta += 3.75) {
                const double beta = betas[i], e = smooths[k], h = 1e-4, x = beta * delta;
                as_pair_logps p = {delta - 12, -5, -13, -6};
                double slope, unused;
                const double loss = as_dpo(&p, beta, e, &slope);
                if (fabs(x) < 30)
                    CHECK_NEAR(loss, -(1 - e) * log(sigmoid(x)) - e * log(sigmoid(-x)), 1e-12);
                as_pair_logps up = p, down = p;
                up.chosen += h;
                down.rejected += h;
                CHECK_NEAR((as_dpo(&up, beta, e, &unused) - as_dpo(&down, beta, e, &unused)) /
                               (2 * h),
                           slope, 1e-7);
            }
    as_pair_logps far = {-1e6, 0, 0, -1e6};
    double slope;
    CHECK(as_dpo(&far, 1, 0, &slope) == 2e6 && slope == -1);
    far = (as_pair_logps){0, -1e6, -1e6, 0};
    CHECK(as_dpo(&far, 1, 0, &slope) == 0 && slope == 0);
    const as_pair_logps equal = {-3, -4, -3, -4};
    CHECK_NEAR(as_dpo(&equal, 0.1, 0.2, &slope), log(2), 1e-15);
    far.chosen = INFINITY;
    CHECK(!isfinite(as_dpo(&far, 0.1, 0, &slope)));
    far.chosen = NAN;
    CHECK(!isfinite(as_dpo(&far, 0.1, 0, &slope)));
}

/* States of random numbers; a block of fewer rows than there are targets. */
static void against_plain(void)
{
    enum { ROWS = 9, TARGETS = 6 };
    static const size_t row[TARGETS] = {0, 1, 3, 4, 7, 8};
    for (size_t f = 0; f < N_TINY; f++) {
        as_error err = {0};
        examples *x = examples_new(1, 0, 512);
        bench *b = bench_new(tiny_names[f], false, "auto", 2, AS_INIT_RANDOM, x);
        const as_config *c = as_model_config(b->m);
        const size_t dim = c->dim, vocab = c->vocab;
        as_rng rng = as_rng_at(f, "states", 0);
        float *p = room(ROWS * dim, sizeof *p), *q = room(ROWS * dim, sizeof *q),
              *lp = room(ROWS * vocab, sizeof *lp), *lq = room(ROWS * vocab, sizeof *lq);
        double *log_p = room(vocab, sizeof *log_p), *log_q = room(vocab, sizeof *log_q);
        double kl[TARGETS], nll[TARGETS], same[TARGETS];
        as_target target[TARGETS];
        for (size_t i = 0; i < ROWS * dim; i++) {
            p[i] = (float)(4 * as_rng_uniform(&rng) - 2);
            q[i] = p[i] + (float)(as_rng_uniform(&rng) - 0.5);
        }
        for (size_t i = 0; i < TARGETS; i++)
            target[i] = (as_target){row[i], (uint32_t)(as_rng_u64(&rng) % vocab)};
        as_model_head(b->m, &b->ex, lp, p, ROWS);
        as_model_head(b->m, &b->ex, lq, q, ROWS);
        as_loss *l = as_loss_new(b->m, &b->ex, NULL, 4, &err);
        must(l != NULL, &err);
        as_loss_kl(l, p, q, target, TARGETS, kl);
        as_loss_kl(l, p, p, target, TARGETS, same);
        as_loss_nll(l, p, target, TARGETS, nll, NULL, 0);
        for (size_t i = 0; i < TARGETS; i++) {
            double sum = 0;
            normalise(log_p, lp + row[i] * vocab, vocab);
            normalise(log_q, lq + row[i] * vocab, vocab);
            for (size_t v = 0; v < vocab; v++) sum += exp(log_p[v]) * (log_p[v] - log_q[v]);
            CHECK_NEAR(kl[i], sum, 1e-9);
            CHECK(kl[i] > 1e-4 && same[i] == 0);
            CHECK_NEAR(nll[i], -log_p[target[i].id], 1e-7); /* exponentials in float */
        }
        q[row[2] * dim] = NAN;
        as_loss_kl(l, p, q, target, TARGETS, kl);
        CHECK(isnan(kl[2]) && isfinite(kl[1]) && isfinite(kl[3]));
        as_loss_free(l);
        free(log_q);
        free(log_p);
        free(lq);
        free(lp);
        free(q);
        free(p);
        bench_free(b);
        free(x);
    }
}

int main(void)
{
    RUN(dpo);
    RUN(against_plain);
    RUN(cuts);
    RUN(workers);
    RUN(one_by_one);
    RUN(by_micro);
    RUN(start);
    RUN(evaluation);
    RUN(slopes);
    return check_end();
}
