/* Hidden states of the embedded study: four models, of which one has a direction of correctness
 * that holds on fresh prompts, one knows its topics and nothing else, one is noise, and one has
 * nine right answers to be judged by. */
#include <math.h>
#include <stdlib.h>

#include "lab/experiment/synth_internal.h"
#include "lab/stats/auc.h"
#include "lab/stats/distribution.h"
#include "lab/stats/logistic.h"
#include "lab/stats/scaler.h"

/* --- matrices -------------------------------------------------------------------------------- */

typedef struct {
    size_t n, d;
    float *x; /* (n, d) */
} states;

/* A unit vector (d) in out. */
static void direction(const as_synth *s, const char *purpose, uint64_t index, double *out, size_t d)
{
    as_rng r = as_synth_rng(s, purpose, index);
    double square = 0;
    for (size_t k = 0; k < d; k++) {
        out[k] = as_rng_normal(&r);
        square += out[k] * out[k];
    }
    for (size_t k = 0; k < d; k++) out[k] /= sqrt(square);
}

/* Rows of independent normals with standard deviation sd. */
static bool noise(const as_synth *s, const char *purpose, states *m, size_t n, size_t d, double sd,
                  as_error *err)
{
    *m = (states){n, d, as_new(n * d, sizeof *m->x, err)};
    for (size_t i = 0; m->x && i < n; i++) {
        as_rng r = as_synth_rng(s, purpose, i);
        for (size_t k = 0; k < d; k++) m->x[i * d + k] = (float)(sd * as_rng_normal(&r));
    }
    return m->x != NULL;
}

/* Adds `by` along u to a row. */
static void move(states *m, size_t row, const double *u, double by)
{
    for (size_t k = 0; k < m->d; k++) m->x[row * m->d + k] += (float)(by * u[k]);
}

/* Rounded to 1/1024, so that the bytes do not depend on the last bit of a libm. */
static void settle(states *m)
{
    for (size_t i = 0; i < m->n * m->d; i++) m->x[i] = nearbyintf(m->x[i] * 1024) / 1024;
}

/* X and, when it is not NULL, coverage (m->n). */
static bool write(as_synth *s, const char *name, states *m, const float *coverage, as_error *err)
{
    settle(m);
    const as_npz_source arrays[2] = {
        {{.name = "X", .type = AS_NPZ_F4, .n_dims = 2, .dim = {m->n, m->d}}, m->x},
        {{.name = "coverage", .type = AS_NPZ_F4, .n_dims = 1, .dim = {m->n}}, coverage}};
    return as_synth_npz(s, name, arrays, coverage ? 2 : 1, err);
}

/* --- labels ---------------------------------------------------------------------------------- */

static void cover(const as_synth *s, const char *purpose, const bool *right, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) {
        as_rng r = as_synth_rng(s, purpose, i);
        out[i] = (float)as_synth_coverage(&r, right[i]);
    }
}

/* {"coverage": [...], "labels": [...]}. */
static bool write_gold(as_synth *s, const char *name, const bool *right, size_t n, as_error *err)
{
    json_t *coverage = json_array(), *labels = json_array();
    for (size_t i = 0; i < n; i++) {
        as_rng r = as_synth_rng(s, name, i);
        as_synth_push(&coverage, as_synth_real(as_synth_coverage(&r, right[i]), 4));
        as_synth_push(&labels, json_integer(right[i]));
    }
    return as_synth_json(s, name, json_pack("{s:o,s:o}", "coverage", coverage, "labels", labels),
                         err);
}

/* --- a direction that holds ------------------------------------------------------------------ */

#define SIGNAL_DIM 48
#define SIGNAL_SHIFT 2.4 /* between right and wrong answers, in standard deviations */

static bool make_signal(as_synth *s, as_error *err)
{
    double u[SIGNAL_DIM];
    float coverage[AS_SYNTH_EVAL];
    states train = {0}, test = {0};
    bool ok = false;
    direction(s, "e2b direction", 0, u, SIGNAL_DIM);
    if (!noise(s, "e2b evaluation states", &train, AS_SYNTH_EVAL, SIGNAL_DIM, 1, err) ||
        !noise(s, "e2b fresh states", &test, AS_SYNTH_FRESH, SIGNAL_DIM, 1, err))
        goto out;
    for (size_t i = 0; i < train.n; i++) move(&train, i, u, s->eval[i] ? SIGNAL_SHIFT : 0);
    for (size_t i = 0; i < test.n; i++) move(&test, i, u, s->fresh[i] ? SIGNAL_SHIFT : 0);
    cover(s, "e2b evaluation coverage", s->eval, AS_SYNTH_EVAL, coverage);
    ok = write(s, "e2b_step16_features.npz", &train, coverage, err) &&
         write(s, "e2b_fresh_features.npz", &test, NULL, err) &&
         write_gold(s, "v1_full_fresh_judged_gold.json", s->fresh, AS_SYNTH_FRESH, err);
out:
    free(train.x);
    free(test.x);
    return ok;
}

/* --- topics and nothing else ------------------------------------------------------------------ */

/* Each topic has its place among the states. Of the evaluation topics half are easy (nine of ten
 * answers right) and half hard (one of ten); of each fresh topic four answers of ten are right. A
 * probe that knows its topics is good on the first and blind on the second. */
#define TOPIC_DIM 40
#define TOPIC_SIZE 10
#define TOPICS 24
#define TOPICS_FRESH 36

static bool topic_states(const as_synth *s, const char *purpose, size_t topics, states *m,
                         as_error *err)
{
    double u[TOPIC_DIM];
    if (!noise(s, purpose, m, topics * TOPIC_SIZE, TOPIC_DIM, 0.5, err)) return false;
    for (size_t t = 0; t < topics; t++) {
        direction(s, purpose, UINT64_C(1) << 32 | t, u, TOPIC_DIM);
        for (size_t i = 0; i < TOPIC_SIZE; i++) move(m, t * TOPIC_SIZE + i, u, 6);
    }
    return true;
}

/* In each topic n_right(topic) of ten, at drawn places. */
static void topic_labels(const as_synth *s, const char *purpose, size_t topics, size_t easy,
                         size_t hard, bool *right)
{
    for (size_t t = 0; t < topics; t++) {
        as_rng r = as_synth_rng(s, purpose, t);
        size_t left = t % 2 ? hard : easy;
        for (size_t i = 0; i < TOPIC_SIZE; i++) {
            right[t * TOPIC_SIZE + i] = as_rng_below(&r, TOPIC_SIZE - i) < left;
            left -= right[t * TOPIC_SIZE + i];
        }
    }
}

static bool make_topic_bound(as_synth *s, as_error *err)
{
    bool right[TOPICS * TOPIC_SIZE], fresh[TOPICS_FRESH * TOPIC_SIZE];
    float coverage[TOPICS * TOPIC_SIZE];
    states train = {0}, test = {0};
    bool ok = false;
    topic_labels(s, "qwen evaluation labels", TOPICS, 9, 1, right);
    topic_labels(s, "qwen fresh labels", TOPICS_FRESH, 4, 4, fresh);
    cover(s, "qwen evaluation coverage", right, TOPICS * TOPIC_SIZE, coverage);
    ok = topic_states(s, "qwen evaluation states", TOPICS, &train, err) &&
         topic_states(s, "qwen fresh states", TOPICS_FRESH, &test, err) &&
         write(s, "qwen_step16_features.npz", &train, coverage, err) &&
         write(s, "qwen_fresh_features.npz", &test, NULL, err) &&
         write_gold(s, "qwen_fresh_judged_gold.json", fresh, TOPICS_FRESH * TOPIC_SIZE, err);
    free(train.x);
    free(test.x);
    return ok;
}

/* --- noise ----------------------------------------------------------------------------------- */

#define NOISE_N 480
#define NOISE_DIM 32

static bool make_noise(as_synth *s, as_error *err)
{
    bool right[NOISE_N];
    float coverage[NOISE_N];
    states m = {0};
    as_synth_choose(s, "noise labels", right, NOISE_N, NOISE_N / 2);
    cover(s, "noise coverage", right, NOISE_N, coverage);
    bool ok = noise(s, "noise states", &m, NOISE_N, NOISE_DIM, 1, err) &&
              write(s, "noise_step16_features.npz", &m, coverage, err);
    free(m.x);
    return ok;
}

/* --- nine positives -------------------------------------------------------------------------- */

/* The evaluation side has a clear direction. On the fresh side the wrong answers lie evenly along
 * it, seven of the nine right ones evenly above its 42nd percentile and two far below: with seven
 * of nine asserted the balanced asymmetry is near -0.2, and the AUC near one half. */
#define FEW_TRAIN 200
#define FEW_FRESH 200
#define FEW_RIGHT 9
#define FEW_DIM 24

static double place_of_right(size_t k)
{
    return k < 7 ? 0.42 + 0.56 * ((double)k + 0.5) / 7 : k == 7 ? 0.03 : 0.10;
}

static void place_few(const as_synth *s, const bool *right, const double *u, states *m)
{
    size_t n_right = 0, n_wrong = 0, wrong[FEW_FRESH];
    as_rng r = as_synth_rng(s, "smollm fresh places", 0);
    for (size_t i = 0; i < FEW_FRESH - FEW_RIGHT; i++) wrong[i] = i;
    as_rng_shuffle(&r, wrong, FEW_FRESH - FEW_RIGHT);
    for (size_t i = 0; i < FEW_FRESH; i++) {
        double q = right[i] ? place_of_right(n_right++)
                            : ((double)wrong[n_wrong++] + 0.5) / (FEW_FRESH - FEW_RIGHT);
        move(m, i, u, 1.5 + 1.2 * as_normal_quantile(q));
    }
}

/* A probe (C = 1) of the standardised training rows, its optimiser stopped at tolerance, on the
 * fresh rows. */
static bool stopped_auc(const states *train, const bool *right, const states *test,
                        const bool *fresh, double tolerance, as_auc *out, as_error *err)
{
    size_t n = train->n * FEW_DIM, m = test->n * FEW_DIM;
    double *x = as_new(n + m, sizeof *x, err), w[FEW_DIM], p[FEW_FRESH];
    uint8_t y[FEW_TRAIN], y_test[FEW_FRESH];
    as_scaler scaler = {0};
    as_logistic fit;
    bool ok = false;
    if (!x) return false;
    for (size_t i = 0; i < n; i++) x[i] = train->x[i];
    for (size_t i = 0; i < m; i++) x[n + i] = test->x[i];
    for (size_t i = 0; i < FEW_TRAIN; i++) y[i] = right[i];
    for (size_t i = 0; i < FEW_FRESH; i++) y_test[i] = fresh[i];
    if (!as_scaler_fit(&scaler, x, train->n, FEW_DIM, NULL, 0, err)) goto out;
    as_scaler_apply(&scaler, x, x, train->n);
    as_scaler_apply(&scaler, x + n, x + n, test->n);
    if (!as_logistic_lbfgs(&fit, w, x, y, train->n, FEW_DIM, 1, tolerance, 10000, err)) goto out;
    as_logistic_predict(p, x + n, test->n, FEW_DIM, w, fit.b);
    ok = as_auc_of(out, p, y_test, test->n, err);
out:
    as_scaler_clear(&scaler);
    free(x);
    return ok;
}

/* {"model", ..., "results": {"C=1.0": {"auc", "tolerance"}}}: the figure as published, of an
 * optimiser stopped at the first of ever looser tolerances that moves a pair. */
static bool write_published(as_synth *s, const states *train, const bool *right, const states *test,
                            const bool *fresh, as_error *err)
{
    as_auc solved, stopped;
    double tolerance = 1e-10;
    if (!stopped_auc(train, right, test, fresh, tolerance, &solved, err)) return false;
    for (tolerance = 0.01; tolerance < 100; tolerance *= 10) {
        if (!stopped_auc(train, right, test, fresh, tolerance, &stopped, err)) return false;
        if (stopped.wins != solved.wins) break;
    }
    return as_synth_json(s, "smollm_factual_probe.json",
                         json_pack("{s:s,s:i,s:i,s:i,s:i,s:{s:{s:o,s:o}}}", "model",
                                   "synthetic-small", "step16_n", FEW_TRAIN, "step16_pos",
                                   FEW_TRAIN / 2, "fresh_n", FEW_FRESH, "fresh_pos", FEW_RIGHT,
                                   "results", "C=1.0", "auc", as_synth_real(stopped.auc, 6),
                                   "tolerance", as_json_real(tolerance)),
                         err);
}

static bool make_few(as_synth *s, as_error *err)
{
    double u[FEW_DIM];
    bool right[FEW_TRAIN], fresh[FEW_FRESH];
    float coverage[FEW_TRAIN];
    states train = {0}, test = {0};
    bool ok = false;
    direction(s, "smollm direction", 0, u, FEW_DIM);
    as_synth_choose(s, "smollm evaluation labels", right, FEW_TRAIN, FEW_TRAIN / 2);
    as_synth_choose(s, "smollm fresh labels", fresh, FEW_FRESH, FEW_RIGHT);
    cover(s, "smollm evaluation coverage", right, FEW_TRAIN, coverage);
    if (!noise(s, "smollm evaluation states", &train, FEW_TRAIN, FEW_DIM, 1, err) ||
        !noise(s, "smollm fresh states", &test, FEW_FRESH, FEW_DIM, 0.1, err))
        goto out;
    for (size_t i = 0; i < FEW_TRAIN; i++) move(&train, i, u, right[i] ? 3 : 0);
    place_few(s, fresh, u, &test);
    ok = write(s, "smollm_step16_features.npz", &train, coverage, err) &&
         write(s, "smollm_fresh_features.npz", &test, NULL, err) &&
         write_gold(s, "smollm_fresh_judged_gold.json", fresh, FEW_FRESH, err) &&
         write_published(s, &train, right, &test, fresh, err);
out:
    free(train.x);
    free(test.x);
    return ok;
}

bool as_synth_probes(as_synth *s, as_error *err)
{
    return make_signal(s, err) && make_topic_bound(s, err) && make_noise(s, err) &&
           make_few(s, err);
}
