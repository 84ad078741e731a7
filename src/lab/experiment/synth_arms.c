/* Arms of the embedded study that are compared with each other: exercises solved, answers scored,
 * reflection graded; and edits: heads, tempering, mixing. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/experiment/synth_internal.h"
#include "lab/stats/distribution.h"
#include "lab/stats/paired.h"

/* --- exercises -------------------------------------------------------------------------------- */

#define EXERCISES 164

/* Solved by both arms, by one of them; counts are planted, places drawn. */
typedef struct {
    const char *purpose;
    size_t both, only_base, only_tuned;
} solved;

static void solve(const as_synth *s, const solved *p, bool *base, bool *tuned)
{
    size_t place[EXERCISES];
    as_rng r = as_synth_rng(s, p->purpose, 0);
    for (size_t i = 0; i < EXERCISES; i++) place[i] = i;
    as_rng_shuffle(&r, place, EXERCISES);
    for (size_t i = 0; i < EXERCISES; i++) {
        base[place[i]] = i < p->both + p->only_base;
        tuned[place[i]] = i < p->both || (i >= p->both + p->only_base &&
                                          i < p->both + p->only_base + p->only_tuned);
    }
}

static json_t *exercise_rows(const bool *passed)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < EXERCISES; i++) {
        char id[32];
        snprintf(id, sizeof id, "Exercise/%zu", i);
        as_synth_push(&rows, json_pack("{s:s,s:b}", "task_id", id, "passed", passed[i]));
    }
    return rows;
}

/* The same rows beside the facts of the instrument they were measured with. */
static json_t *recorded(const bool *passed, const char *weights)
{
    return json_pack("{s:{s:s,s:i,s:s,s:s,s:s,s:s,s:s},s:o}", "instrument", "finish_reason",
                     "stop in all answers", "token_budget", 4096, "extractor", "last fenced block",
                     "prompt_ids", "3b1f0c77", "template", "plain, no system turn", "decoding",
                     "greedy", "weights", weights, "rows", exercise_rows(passed));
}

static bool write_exercises(as_synth *s, as_error *err)
{
    static const solved bare = {"exercises", 26, 7, 32}, full = {"recorded exercises", 48, 9, 36};
    bool base[EXERCISES], tuned[EXERCISES];
    solve(s, &bare, base, tuned);
    if (!as_synth_json(s, "humaneval_baseline.json", exercise_rows(base), err) ||
        !as_synth_json(s, "humaneval_dd_fp16.json", exercise_rows(tuned), err))
        return false;
    solve(s, &full, base, tuned);
    return as_synth_json(s, "humaneval_recorded_baseline.json", recorded(base, "base"), err) &&
           as_synth_json(s, "humaneval_recorded_dd_fp16.json", recorded(tuned, "distilled"), err);
}

/* --- verifier scores -------------------------------------------------------------------------- */

/* The verifier counts checklist words. Both arms use as many of them, but the base model's answers
 * were cut at a budget, and the words behind the cut with them. */
#define CUT 240

static bool write_verified(as_synth *s, const char *file, const char *arm, size_t cut,
                           as_error *err)
{
    json_t *rows = json_array();
    double sum = 0;
    for (size_t i = 0; i < AS_SYNTH_EVAL; i++) {
        as_rng of_prompt = as_synth_rng(s, "evaluation prompt", i), r = as_synth_rng(s, file, i);
        as_dish d = as_synth_dish(s, i);
        const as_answer_form form = {.n_left = as_rng_below(&r, 3), .cut = cut};
        json_t *answer = as_synth_answer(&d, &form, &r);
        double found = as_synth_terms_found(&d, answer);
        sum += found;
        as_synth_push(&rows,
                      json_pack("{s:I,s:o,s:o,s:o,s:b,s:I}", "i", (json_int_t)i + 1, "prompt",
                                as_synth_prompt(&d, AS_VOICE_EVALUATION, &of_prompt), "response",
                                answer, "score", as_synth_real(found, 4), "passed", found >= 0.75,
                                "invented_count", (json_int_t)as_rng_below(&r, 6)));
    }
    return as_synth_json(s, file,
                         json_pack("{s:{s:s,s:i,s:o},s:o}", "summary", "condition", arm, "n",
                                   AS_SYNTH_EVAL, "avg_score",
                                   as_synth_real(sum / AS_SYNTH_EVAL, 4), "rows", rows),
                         err);
}

/* --- reflection ------------------------------------------------------------------------------- */

/* Grades of 0, 1 and 2. The trained style raises them where there is something to reflect on, and
 * nearly as much where there is not. */
#define REFLECTED 400

static bool write_reflection(as_synth *s, as_error *err)
{
    json_t *prompts = json_array(), *base = json_array(), *tuned = json_array();
    bool rises[2][REFLECTED / 2];
    as_synth_choose(s, "tricky rises", rises[0], REFLECTED / 2, 130);
    as_synth_choose(s, "straightforward rises", rises[1], REFLECTED / 2, 90);
    for (size_t i = 0; i < REFLECTED; i++) {
        as_rng r = as_synth_rng(s, "reflection", i);
        as_dish d = as_synth_dish(s, AS_SYNTH_EVAL + AS_SYNTH_FRESH + i);
        int before = (int)as_rng_below(&r, 2),
            after = before + rises[i % 2][i / 2] -
                    (!rises[i % 2][i / 2] && before && as_rng_below(&r, 8) == 0);
        as_synth_push(&base, json_integer(before));
        as_synth_push(&tuned, json_integer(after));
        as_synth_push(&prompts,
                      json_pack("{s:o,s:s}", "prompt", as_synth_prompt(&d, AS_VOICE_TRAINING, &r),
                                "type", i % 2 ? "straightforward" : "tricky"));
    }
    return as_synth_json(s, "mcas_details.json",
                         json_pack("{s:o,s:o,s:o}", "baseline_scores", base, "dd_fp16_scores",
                                   tuned, "prompts", prompts),
                         err);
}

/* Percentages as published: a rate at its ceiling, and a first pass that the files do not give. */
static bool write_percentages(as_synth *s, as_error *err)
{
    as_rng r = as_synth_rng(s, "percentages", 0);
    double base = 95 + 0.1 * (double)as_rng_below(&r, 40),
           tuned = 95 + 0.1 * (double)as_rng_below(&r, 40);
    return as_synth_json(s, "eval_results.json",
                         json_pack("{s:o,s:o,s:o,s:o}", "baseline_svr", as_synth_real(base, 1),
                                   "dd_fp16_svr", as_synth_real(tuned, 1), "baseline_humaneval",
                                   as_synth_real(23.2, 1), "dd_fp16_humaneval",
                                   as_synth_real(35.4, 1)),
                         err);
}

bool as_synth_paired(as_synth *s, as_error *err)
{
    return write_exercises(s, err) &&
           write_verified(s, "eval_baseline.json", "baseline", CUT, err) &&
           write_verified(s, "eval_full_ddv2.json", "full_ddv2", 0, err) &&
           write_reflection(s, err) && write_percentages(s, err);
}

/* --- heads ------------------------------------------------------------------------------------ */

typedef struct {
    const char *file, *model;
    size_t layers, heads, n_wrong, n_right; /* of the confident cohorts */
    double planted;                         /* d of one head, 0: none */
} attribution;

typedef struct {
    size_t layer, head;
    double mean, d;
} measured;

static int by_d(const void *a, const void *b)
{
    const measured *x = a, *y = b;
    if (x->d != y->d) return x->d < y->d ? 1 : -1;
    return (x->layer > y->layer) - (x->layer < y->layer);
}

/* Cohen's d of heads that do nothing, without luck: head number k, in a drawn order, takes a value
 * from the middle half of the k-th of n equal slices of d's distribution under the null. */
static void idle_heads(const as_synth *s, const attribution *p, measured *h)
{
    size_t n = p->layers * p->heads, slice[512];
    as_rng r = as_synth_rng(s, p->file, 0);
    double df = (double)(p->n_wrong + p->n_right - 2),
           unit = sqrt(1 / (double)p->n_wrong + 1 / (double)p->n_right);
    for (size_t k = 0; k < n; k++) slice[k] = k;
    as_rng_shuffle(&r, slice, n);
    for (size_t k = 0; k < n; k++) {
        double q = ((double)slice[k] + 0.25 + 0.5 * as_rng_uniform(&r)) / (double)n;
        h[k] = (measured){k / p->heads, k % p->heads, 2 + 4 * as_rng_uniform(&r),
                          unit * as_t_quantile(q, df)};
    }
    if (p->planted > 0) h[as_rng_below(&r, n)].d = p->planted + 0.1 * as_rng_uniform(&r);
    qsort(h, n, sizeof *h, by_d);
}

static bool write_heads(as_synth *s, const attribution *p, as_error *err)
{
    measured h[512];
    json_t *list = json_array();
    size_t n = p->layers * p->heads;
    AS_CHECK(n <= sizeof h / sizeof h[0]);
    idle_heads(s, p, h);
    for (size_t k = 0; k < n; k++) {
        double gap = 0.6 * h[k].d; /* the spread of a head's norms is 0.6 */
        as_synth_push(&list, json_pack("{s:I,s:I,s:o,s:o,s:o,s:o}", "layer", (json_int_t)h[k].layer,
                                       "head", (json_int_t)h[k].head, "mean_cw",
                                       as_synth_real(h[k].mean + gap, 6), "mean_cr",
                                       as_synth_real(h[k].mean, 6), "overconf_score",
                                       as_synth_real(gap, 6), "cohen_d", as_synth_real(h[k].d, 6)));
    }
    return as_synth_json(s, p->file,
                         json_pack("{s:s,s:{s:I,s:I,s:i},s:{s:I,s:I},s:i,s:o}", "model_id",
                                   p->model, "arch", "n_layers", (json_int_t)p->layers, "n_heads",
                                   (json_int_t)p->heads, "head_dim", 64, "cohorts", "cr",
                                   (json_int_t)p->n_right, "cw", (json_int_t)p->n_wrong,
                                   "last_n_tokens", 32, "all_heads_ranked_by_cohen_d", list),
                         err);
}

/* --- tempering -------------------------------------------------------------------------------- */

typedef struct {
    size_t cr, hr, cw, hw;
} cells;

/* Cells of 100 answers, 30 right, with an asymmetry whose two-sided p lies in [lo, hi] and which is
 * negative: drawn until they do. */
static cells draw_cells(as_rng *r, double lo, double hi)
{
    for (;;) {
        cells c = {.cr = 22 + as_rng_below(r, 9), .cw = 30 + as_rng_below(r, 41)};
        c.hr = 30 - c.cr;
        c.hw = 70 - c.cw;
        as_estimate e = as_two_proportions(c.cw, 70, c.cr, 30, 0.95);
        if (e.estimate < 0 && e.p >= lo && e.p <= hi) return c;
    }
}

static json_t *dose_row(double dose, const char *run, cells c)
{
    return json_pack("{s:f,s:s,s:I,s:I,s:I,s:I}", "dose", dose, "run", run, "cr", (json_int_t)c.cr,
                     "hr", (json_int_t)c.hr, "cw", (json_int_t)c.cw, "hw", (json_int_t)c.hw);
}

/* Four doses; the baseline, 1, has next to no asymmetry, that of 0.5 a p between lo and hi, the
 * others and the replication none. */
static bool write_sweep(as_synth *s, const char *file, double lo, double hi, as_error *err)
{
    static const double dose[] = {1.0, 0.9, 0.8};
    json_t *rows = json_array();
    as_rng r = as_synth_rng(s, file, 0);
    for (size_t i = 0; i < 3; i++)
        as_synth_push(&rows, dose_row(dose[i], "main", draw_cells(&r, i ? 0.3 : 0.8, 0.99)));
    as_synth_push(&rows, dose_row(0.5, "main", draw_cells(&r, lo, hi)));
    as_synth_push(&rows, dose_row(0.5, "replication", draw_cells(&r, 0.3, 0.95)));
    return as_synth_json(s, file, rows, err);
}

/* --- mixing ----------------------------------------------------------------------------------- */

#define MIXED 12
#define TOKENS 16

/* A divergence that grows with the mixing weight and falls with the base's confidence. */
static json_t *telemetry(as_rng *r, double alpha)
{
    json_t *list = json_array();
    for (size_t t = 0; t < TOKENS; t++) {
        double top = 0.1 + 0.9 * as_rng_uniform(r), kl = alpha * (1.05 - top) * as_rng_uniform(r);
        as_synth_push(&list, json_pack("{s:I,s:o,s:o,s:o}", "t", (json_int_t)t, "base_top1",
                                       as_synth_real(top, 4), "margin", as_synth_real(top / 2, 4),
                                       "kl", as_synth_real(kl, 5)));
    }
    return list;
}

/* Each item says which evaluation prompt it is; one prompt was dropped from the list after it had
 * been numbered, so the text is that of the next. */
static bool write_mixing(as_synth *s, as_error *err)
{
    static const double alpha[] = {0, 0.5, 1};
    json_t *items = json_array();
    for (size_t i = 0; i < MIXED; i++) {
        size_t place = 3 + 16 * i;
        as_rng of_prompt = as_synth_rng(s, "evaluation prompt", place + 1);
        as_dish d = as_synth_dish(s, place + 1);
        json_t *by_alpha = json_object();
        for (size_t k = 0; k < sizeof alpha / sizeof alpha[0]; k++) {
            char key[32];
            as_rng r = as_synth_rng(s, "mixing", 8 * i + k);
            const as_answer_form form = {.is_short = true};
            json_t *text = as_synth_answer(&d, &form, &r);
            snprintf(key, sizeof key, "%.1f", alpha[k]);
            if (by_alpha &&
                json_object_set_new(by_alpha, key,
                                    json_pack("{s:o,s:o,s:i}", "text", text, "telemetry",
                                              telemetry(&r, alpha[k]), "n_tok", TOKENS)) != 0) {
                json_decref(by_alpha);
                by_alpha = NULL;
            }
        }
        as_synth_push(&items, json_pack("{s:I,s:o,s:o}", "eval_i", (json_int_t)place, "prompt",
                                        as_synth_prompt(&d, AS_VOICE_EVALUATION, &of_prompt),
                                        "by_alpha", by_alpha));
    }
    return as_synth_json(
        s, "alpha_sweep.json",
        json_pack("{s:[f,f,f],s:o}", "alphas", alpha[0], alpha[1], alpha[2], "items", items), err);
}

bool as_synth_edits(as_synth *s, as_error *err)
{
    static const attribution
        real = {"path_b_attribution_gemma4.json", "synthetic-large", 35, 8, 120, 160, 0.9},
        idle = {"path_b_attribution_qwen35_0.8b.json", "synthetic-medium", 6, 8, 18, 64, 0};
    return write_heads(s, &real, err) && write_heads(s, &idle, err) &&
           write_sweep(s, "tempering_sweep_qwen35_0.8b.json", 0.02, 0.04, err) &&
           write_sweep(s, "tempering_sweep_gemma4.json", 1e-9, 1e-5, err) && write_mixing(s, err);
}
