/* Judged answers and profiles of the embedded study: a rubric judge that agrees with the checklist
 * on fresh prompts and does not on evaluation prompts, a certainty pass with one answer, and the
 * tables of correct by asserted, of which one belongs to other prompts. */
#include <math.h>
#include <stdlib.h>

#include "lab/experiment/synth_internal.h"

/* --- judged answers --------------------------------------------------------------------------- */

static json_t *params_of(void)
{
    return json_pack("{s:s,s:s,s:s,s:i,s:s,s:s,s:i,s:s}", "judge_model", "umbra/rubric-judge",
                     "claim_judge", "tabula/checklist-judge", "rubric_version", "two_pass_v4_5axis",
                     "temperature", 0, "selector", "last token of the answer", "finish_reason",
                     "stop", "token_budget", 512, "decoding", "greedy");
}

/* A score of 1..5 that is at least 4 when high. */
static int score(as_rng *r, bool high)
{
    return high ? 4 + (int)as_rng_below(r, 2) : 1 + (int)as_rng_below(r, 3);
}

static json_t *scores_of(as_rng *r, bool factual, unsigned hedges)
{
    int hedging = 1 + (int)hedges + (int)as_rng_below(r, 2);
    return json_pack("{s:i,s:i,s:i,s:i,s:i}", "factual_accuracy", score(r, factual),
                     "hedging_appropriateness", hedging, "pedagogical_framing",
                     1 + (int)as_rng_below(r, 5), "self_verification", 1 + (int)as_rng_below(r, 4),
                     "completeness", 2 + (int)as_rng_below(r, 4));
}

/* The rubric judge says the opposite of the checklist on n_against items. */
static bool *rubric(const as_synth *s, const char *purpose, const bool *right, size_t n,
                    size_t n_against, as_error *err)
{
    bool *says = as_new(n, sizeof *says, err);
    if (!says) return NULL;
    as_synth_choose(s, purpose, says, n, n_against);
    for (size_t i = 0; i < n; i++) says[i] = says[i] != right[i];
    return says;
}

static json_t *answer_to(const as_dish *d, unsigned hedges, as_rng *r)
{
    const as_answer_form form = {.n_left = as_rng_below(r, 3), .n_hedges = hedges};
    return as_synth_answer(d, &form, r);
}

static bool write_evaluation(as_synth *s, as_error *err)
{
    json_t *items = json_array();
    bool *says =
        rubric(s, "rubric on evaluation", s->eval, AS_SYNTH_EVAL, AS_SYNTH_EVAL * 2 / 5, err);
    if (!says) {
        json_decref(items);
        return false;
    }
    for (size_t i = 0; i < AS_SYNTH_EVAL; i++) {
        as_rng of_prompt = as_synth_rng(s, "evaluation prompt", i),
               of_answer = as_synth_rng(s, "evaluation answer", i),
               of_judge = as_synth_rng(s, "evaluation judge", i),
               of_coverage = as_synth_rng(s, "e2b evaluation coverage", i);
        as_dish d = as_synth_dish(s, i);
        unsigned hedges = (unsigned)as_rng_below(&of_answer, 3);
        as_synth_push(
            &items, json_pack("{s:I,s:o,s:o,s:o,s:b,s:s,s:s,s:o}", "i", (json_int_t)i, "prompt",
                              as_synth_prompt(&d, AS_VOICE_EVALUATION, &of_prompt), "response",
                              answer_to(&d, hedges, &of_answer), "coverage",
                              as_synth_real(as_synth_coverage(&of_coverage, s->eval[i]), 4),
                              "correct", s->eval[i], "verbal", hedges > 1 ? "hedge" : "assert",
                              "cert", "CERTAIN", "scores", scores_of(&of_judge, says[i], hedges)));
    }
    free(says);
    return as_synth_json(s, "judge_v4_step16.json",
                         json_pack("{s:o,s:{s:i},s:o}", "params", params_of(), "cert_distribution",
                                   "CERTAIN", AS_SYNTH_EVAL, "items", items),
                         err);
}

static bool write_fresh(as_synth *s, as_error *err)
{
    json_t *items = json_array();
    bool *says = rubric(s, "rubric on fresh", s->fresh, AS_SYNTH_FRESH, AS_SYNTH_FRESH / 10, err);
    if (!says) {
        json_decref(items);
        return false;
    }
    for (size_t i = 0; i < AS_SYNTH_FRESH; i++) {
        as_rng of_prompt = as_synth_rng(s, "fresh prompt", i),
               of_answer = as_synth_rng(s, "fresh answer", i),
               of_judge = as_synth_rng(s, "fresh judge", i);
        as_dish d = as_synth_dish(s, AS_SYNTH_EVAL + i);
        unsigned hedges = (unsigned)as_rng_below(&of_answer, 4);
        as_synth_push(&items, json_pack("{s:o,s:o,s:s,s:o}", "prompt",
                                        as_synth_prompt(&d, AS_VOICE_FRESH, &of_prompt), "response",
                                        answer_to(&d, hedges, &of_answer), "cert", "CERTAIN",
                                        "scores", scores_of(&of_judge, says[i], hedges)));
    }
    free(says);
    return as_synth_json(s, "judge_v4_fresh.json",
                         json_pack("{s:o,s:{s:i},s:o}", "params", params_of(), "cert_distribution",
                                   "CERTAIN", AS_SYNTH_FRESH, "items", items),
                         err);
}

/* The distilled model on the evaluation prompts, many of which it was trained on: of the wrong
 * answers of the base model 50 have become right, of the right ones 10 wrong. */
static bool write_distilled(as_synth *s, as_error *err)
{
    json_t *items = json_array();
    bool gained[AS_SYNTH_EVAL], lost[AS_SYNTH_EVAL];
    size_t n_wrong = 0, n_right = 0;
    as_synth_choose(s, "distilled gains", gained, AS_SYNTH_EVAL - AS_SYNTH_EVAL_RIGHT, 50);
    as_synth_choose(s, "distilled losses", lost, AS_SYNTH_EVAL_RIGHT, 10);
    for (size_t i = 0; i < AS_SYNTH_EVAL; i++) {
        as_rng of_prompt = as_synth_rng(s, "evaluation prompt", i),
               of_answer = as_synth_rng(s, "distilled answer", i),
               of_coverage = as_synth_rng(s, "distilled coverage", i);
        as_dish d = as_synth_dish(s, i);
        bool right = s->eval[i] ? !lost[n_right++] : gained[n_wrong++];
        as_synth_push(&items, json_pack("{s:I,s:o,s:o,s:o,s:b}", "i", (json_int_t)i, "prompt",
                                        as_synth_prompt(&d, AS_VOICE_EVALUATION, &of_prompt),
                                        "response", answer_to(&d, 0, &of_answer), "coverage",
                                        as_synth_real(as_synth_coverage(&of_coverage, right), 4),
                                        "correct", right));
    }
    return as_synth_json(s, "judge_v4_step16_dd.json",
                         json_pack("{s:o,s:o}", "params", params_of(), "items", items), err);
}

/* The distillation data: 360 prompts of its own and 40 of the evaluation. */
#define GOLD_N 400
#define GOLD_LEAKED 40

static bool write_training(as_synth *s, as_error *err)
{
    json_t *rows = json_array();
    bool leaked[GOLD_N];
    size_t next = 0;
    as_synth_choose(s, "leaked prompts", leaked, GOLD_N, GOLD_LEAKED);
    for (size_t i = 0; i < GOLD_N; i++) {
        size_t k = next * (AS_SYNTH_EVAL / GOLD_LEAKED); /* of the evaluation, when leaked */
        as_dish d = as_synth_dish(s, leaked[i] ? k : AS_SYNTH_EVAL + AS_SYNTH_FRESH + i);
        as_rng of_prompt = leaked[i] ? as_synth_rng(s, "evaluation prompt", k)
                                     : as_synth_rng(s, "training prompt", i),
               of_answer = as_synth_rng(s, "training answer", i);
        json_t *prompt =
            as_synth_prompt(&d, leaked[i] ? AS_VOICE_EVALUATION : AS_VOICE_TRAINING, &of_prompt);
        as_synth_push(&rows, json_pack("{s:o,s:o}", "prompt", prompt, "response",
                                       answer_to(&d, 1, &of_answer)));
        next += leaked[i];
    }
    return as_synth_jsonl(s, "chef_gold.jsonl", rows, err);
}

bool as_synth_judged(as_synth *s, as_error *err)
{
    return write_evaluation(s, err) && write_fresh(s, err) && write_distilled(s, err) &&
           write_training(s, err);
}

/* --- profiles --------------------------------------------------------------------------------- */

/* A table of correct by asserted, with counts that are planted up to a few items. */
typedef struct {
    const char *file, *model;
    size_t prompts, samples;       /* of each prompt */
    size_t right, right_asserted;  /* of all samples */
    size_t wrong_asserted, jitter; /* added to both, 0..jitter */
    size_t shift;                  /* the text belongs to the prompt so many places later */
} profile;

/* Correct and asserted for each of n samples. */
static bool deal(const as_synth *s, const profile *p, bool **right, bool **asserted, as_error *err)
{
    size_t n = p->prompts * p->samples, k[2] = {0};
    *right = as_new(n, sizeof **right, err);
    *asserted = as_new(n, sizeof **asserted, err);
    if (!*right || !*asserted) return false;
    as_rng r = as_synth_rng(s, p->file, UINT64_MAX);
    size_t among_right = p->right_asserted + as_rng_below(&r, p->jitter + 1),
           among_wrong = p->wrong_asserted + as_rng_below(&r, p->jitter + 1);
    as_synth_choose(s, p->file, *right, n, p->right);
    for (size_t i = 0; i < n; i++) { /* selection sampling among the right and among the wrong */
        size_t *left = (*right)[i] ? &among_right : &among_wrong;
        size_t of = (*right)[i] ? p->right - k[1]++ : n - p->right - k[0]++;
        (*asserted)[i] = as_rng_below(&r, of) < *left;
        *left -= (*asserted)[i];
    }
    return true;
}

static json_t *summary_of(const profile *p, const bool *right, const bool *asserted)
{
    size_t n = p->prompts * p->samples, cell[2][2] = {{0}};
    for (size_t i = 0; i < n; i++) cell[right[i]][asserted[i]]++;
    double in_right = (double)cell[1][1] / (double)p->right,
           in_wrong = (double)cell[0][1] / (double)(n - p->right);
    return json_pack("{s:s,s:I,s:{s:I,s:I,s:I,s:I},s:{s:o,s:o}}", "model_id", p->model, "n_samples",
                     (json_int_t)n, "cells", "confident_right", (json_int_t)cell[1][1],
                     "hedged_right", (json_int_t)cell[1][0], "confident_wrong",
                     (json_int_t)cell[0][1], "hedged_wrong", (json_int_t)cell[0][0], "rates",
                     "accuracy", as_synth_real((double)p->right / (double)n, 4),
                     "assertion_asymmetry", as_synth_real(in_wrong - in_right, 4));
}

static bool write_profile(as_synth *s, const profile *p, as_error *err)
{
    json_t *samples = json_array();
    bool *right = NULL, *asserted = NULL, ok = false;
    if (!deal(s, p, &right, &asserted, err)) goto out;
    for (size_t i = 0; i < p->prompts * p->samples; i++) {
        as_rng r = as_synth_rng(s, p->file, i);
        size_t place = i / p->samples;
        as_dish asked = as_synth_dish(s, place),
                told = as_synth_dish(s, (place + p->shift) % p->prompts);
        const as_answer_form form = {
            .is_short = true, .n_left = 1, .n_hedges = asserted[i] ? 0 : 2};
        as_synth_push(&samples,
                      json_pack("{s:I,s:o,s:I,s:o,s:b,s:o,s:s}", "prompt_i", (json_int_t)place,
                                "topic", as_synth_topic(&asked), "sample_idx",
                                (json_int_t)(i % p->samples), "coverage",
                                as_synth_real(as_synth_coverage(&r, right[i]), 4), "correct",
                                right[i], "text", as_synth_answer(&told, &form, &r), "verbal",
                                asserted[i] ? "assert" : "hedge"));
    }
    ok = as_synth_json(
        s, p->file,
        json_pack("{s:o,s:o}", "summary", summary_of(p, right, asserted), "samples", samples), err);
    samples = NULL;
out:
    json_decref(samples);
    free(right);
    free(asserted);
    return ok;
}

bool as_synth_profiles(as_synth *s, as_error *err)
{
    static const profile profiles[] = {
        /* as often asserted when wrong (0.90 of 440) as when right (0.90 of 560) */
        {"baseline_smollm_v2_disposition_profile.json", "synthetic-small", 200, 5, 560, 502, 394, 4,
         0},
        /* 0.89 against 0.81: less when wrong, but only 26 are wrong */
        {"baseline_qwen35_0.8b_v2_disposition_profile.json", "synthetic-medium", 100, 1, 74, 65, 20,
         2, 0},
        /* a clear asymmetry of answers to other prompts */
        {"baseline_disposition_profile.json", "synthetic-large", 100, 8, 300, 290, 400, 4, 37}};
    for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++)
        if (!write_profile(s, &profiles[i], err)) return false;
    return true;
}
