/* What the makers of the embedded study share: where files go, its dishes and its texts. */
#ifndef AS_LAB_EXPERIMENT_SYNTH_INTERNAL_H
#define AS_LAB_EXPERIMENT_SYNTH_INTERNAL_H

#include "base/json.h"
#include "base/rng.h"
#include "engine/format/npz.h"
#include "lab/experiment/synth.h"

#define AS_SYNTH_FOODS 36
#define AS_SYNTH_WAYS 24
#define AS_SYNTH_DISHES (AS_SYNTH_FOODS * AS_SYNTH_WAYS)

/* How many items the sets of prompts have, and how many of each are right. */
#define AS_SYNTH_EVAL 200
#define AS_SYNTH_EVAL_RIGHT 100
#define AS_SYNTH_FRESH 240
#define AS_SYNTH_FRESH_RIGHT 80

typedef struct {
    const char *dir;
    uint64_t seed;
    json_t *files;                   /* of study.json, in the order of writing */
    size_t dish[AS_SYNTH_DISHES];    /* all dishes in a seeded order: each prompt has its own */
    bool eval[AS_SYNTH_EVAL];        /* is the evaluation answer right? */
    bool fresh[AS_SYNTH_FRESH];      /* is the fresh answer right? */
    unsigned hedges[AS_SYNTH_FRESH]; /* hedged sentences in it */
} as_synth;

as_rng as_synth_rng(const as_synth *s, const char *purpose, uint64_t index);

/* n truth values of which exactly n_true are true, at random places. */
void as_synth_choose(const as_synth *s, const char *purpose, bool *out, size_t n, size_t n_true);
/* A share k/5 of met claims: at least half when right. */
double as_synth_coverage(as_rng *r, bool right);

/* --- files ----------------------------------------------------------------------------------- */

/* Writes NAME and lists it; json_t values are taken, NULL is AS_EMEM. Rows of a .jsonl are the
 * items of the array. */
AS_MUST_CHECK bool as_synth_json(as_synth *s, const char *name, json_t *value, as_error *err);
AS_MUST_CHECK bool as_synth_jsonl(as_synth *s, const char *name, json_t *rows, as_error *err);
AS_MUST_CHECK bool as_synth_npz(as_synth *s, const char *name, const as_npz_source *arrays,
                                size_t n, as_error *err);

/* Puts item at the end of *list, taking its reference. When that fails *list becomes NULL, which
 * the writers report. */
void as_synth_push(json_t **list, json_t *item);
/* x rounded to that many decimals, so that files do not depend on the last bit of a libm. */
json_t *as_synth_real(double x, int decimals);

/* --- texts ----------------------------------------------------------------------------------- */

typedef enum { AS_VOICE_EVALUATION, AS_VOICE_FRESH, AS_VOICE_TRAINING } as_voice;

/* What one answer is about: a dish and the words of its checklist, drawn for that dish. */
#define AS_SYNTH_TERMS 6
typedef struct {
    const char *food, *way, *term[AS_SYNTH_TERMS];
} as_dish;

as_dish as_synth_dish(const as_synth *s, size_t place); /* place in s->dish, any number */

/* json strings, NULL when out of memory. */
json_t *as_synth_topic(const as_dish *d);
json_t *as_synth_prompt(const as_dish *d, as_voice voice, as_rng *r);

/* An answer about d: an opening with its food and way, a sentence for each term (of which n_left
 * speak of something else), hedged remarks, a close. cut: keep that many characters, 0: all. */
typedef struct {
    size_t n_left, n_hedges, cut;
    bool is_short; /* three terms only */
} as_answer_form;
json_t *as_synth_answer(const as_dish *d, const as_answer_form *form, as_rng *r);
/* The share of d's terms that occur in an answer, exactly k/6. */
double as_synth_terms_found(const as_dish *d, const json_t *answer);

/* --- makers: one file or a few each ---------------------------------------------------------- */

AS_MUST_CHECK bool as_synth_probes(as_synth *s, as_error *err);   /* synth_probe.c */
AS_MUST_CHECK bool as_synth_judged(as_synth *s, as_error *err);   /* synth_judge.c */
AS_MUST_CHECK bool as_synth_profiles(as_synth *s, as_error *err); /* synth_judge.c */
AS_MUST_CHECK bool as_synth_paired(as_synth *s, as_error *err);   /* synth_arms.c */
AS_MUST_CHECK bool as_synth_edits(as_synth *s, as_error *err);    /* synth_arms.c */

#endif
