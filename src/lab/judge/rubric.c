/* Five axes from 1 to 5, by rule, after the fourth rubric of the study (arXiv:2604.11867): what an
 * answer does decides, never its length or its layout. Certainty comes from the prompt alone,
 * before the answer is looked at. Levels that no rule describes are not given.
 *
 *   factual_accuracy          5 every concrete claim right, 4 one wrong against three right, 3 one
 *                             wrong against fewer, 2 one wrong and none right, or several wrong
 *                             against as many right, or nothing concrete said, 1 mostly wrong
 *   hedging_appropriateness   CERTAIN: 5 direct, 4 and 3 qualified here and there, 2 hedged, 1
 * evades; UNCERTAIN: 5 several positions weighed, 4 several listed, 3 open but without them, 1
 * false certainty; AMBIGUOUS: 5 asks or says what it assumes, 3 open, 1 answers anyway
 *   pedagogical_framing       5 a definition and a reason, 4 one of them in an order of steps, 3
 * one of the three, 1 bare prescription self_verification         5 a condition, a stated
 * assumption or a check to make, 3 a caveat, 1 none completeness              share of what was
 * asked that is taken up, right or wrong, in fifths; to an AMBIGUOUS prompt 5 for asking back, else
 * 1
 *
 * A claim is taken up when its keys are met, or when a sentence that meets no claim's keys has the
 * mark of its kind (a "because" for a cause, degrees for a temperature); in the second case it is
 * taken up wrongly, as it is when one of its wrong statements stands in the answer word for word.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/judge/judge_internal.h"

static const char *const axes[] = {"factual_accuracy",    "hedging_appropriateness",
                                   "pedagogical_framing", "self_verification",
                                   "completeness",        NULL};

/* --- phrases ------------------------------------------------------------------------- */

static const char *const cause[] = {"because",          "the reason", "the cause",
                                    "caused by",        "due to",     "owing to",
                                    "what happened is", "comes from", "came from"};
static const char *const remedy[] = {"to save",    "to rescue",    "to mend",       "mend it",
                                     "to fix",     "to repair",    "bring it back", "to recover",
                                     "the remedy", "you can still"};
static const char *const prevention[] = {"next time",    "in future",          "in the future",
                                         "from now on",  "to avoid",           "to prevent",
                                         "another time", "so that it does not"};
static const char *const degrees[] = {"c", "degrees", "celsius"};
static const char *const spans[] = {"second*", "minute*", "hour*", "day*", "week*"};
static const char *const amounts[] = {"part*", "gram*", "g", "per", "ratio", "times", "litre*"};
static const char *const terms[] = {"called", "known as", "the term", "the name", "named"};
static const char *const origins[] = {"comes from",   "came from", "named after", "born in",
                                      "goes back to", "created",   "invented",    "hails from",
                                      "belongs to",   "dish of",   "speciality"};

static const char *const reasons[] = {"because",     "since",      "so that",   "therefore",
                                      "as a result", "due to",     "owing to",  "which is why",
                                      "that is why", "the reason", "the cause", "caused by"};
static const char *const definitions[] = {
    "called",  "known as",  "the term",   "the name for", "means",
    "meaning", "refers to", "defined as", "is a kind of", "that is to say"};
static const char *const order[] = {"first",      "firstly",    "then",    "next",
                                    "after that", "afterwards", "finally", "lastly"};
static const char *const checks[] = {
    "if it",     "if the",       "if your",       "if you",        "if they",      "if there",
    "if that",   "if this",      "unless",        "in case",       "otherwise",    "check that",
    "check the", "check it",     "check whether", "check your",    "double check", "make sure",
    "taste it",  "taste before", "test it",       "test a",        "verify",       "assuming",
    "i assume",  "i take it",    "supposing",     "provided that",
};
static const char *const caveats[] = {"be careful", "take care",    "may vary",    "can vary",
                                      "varies",     "depending on", "with caution"};
static const char *const assumes[] = {"assuming",  "i assume", "i take it",  "if you mean",
                                      "supposing", "tell me",  "let me know"};
static const char *const asks[] = {"you", "your", "which"};

/* What marks a sentence that makes a claim of that kind. */
static const struct {
    const char *kind;
    as_phrases mark;
    bool needs_number;
} kinds[] = {
    {"cause", {cause, sizeof cause / sizeof cause[0]}, false},
    {"remedy", {remedy, sizeof remedy / sizeof remedy[0]}, false},
    {"prevention", {prevention, sizeof prevention / sizeof prevention[0]}, false},
    {"temperature", {degrees, sizeof degrees / sizeof degrees[0]}, true},
    {"time", {spans, sizeof spans / sizeof spans[0]}, true},
    {"ratio", {amounts, sizeof amounts / sizeof amounts[0]}, true},
    {"term", {terms, sizeof terms / sizeof terms[0]}, false},
    {"origin", {origins, sizeof origins / sizeof origins[0]}, false},
};

/* --- what an answer does ------------------------------------------------------------- */

typedef struct {
    as_sentences s;
    bool *marked, *keyed; /* s.n each: scratch; some claim's keys are met */
    size_t n_claims, right, wrong, taken_up;
    size_t n_unsure;
    bool disclaims; /* at its beginning */
    bool reasons, defines, orders, checks, caveats, asks;
} reading;

static void reading_clear(reading *r)
{
    as_sentences_clear(&r->s);
    free(r->marked);
    free(r->keyed);
}

static bool any(reading *r, as_phrases p, bool *found, as_error *err)
{
    size_t n = 0;
    bool ok = as_phrases_mark(&p, &r->s, r->marked, &n, err);
    *found = n > 0;
    return ok;
}

static bool has_number(const char *sentence)
{
    return strpbrk(sentence, "0123456789") != NULL;
}

/* Is one of the wrong statements in a sentence that does not meet the claim's own keys? */
static bool says_wrong(reading *r, const as_claim *c, bool *found, as_error *err)
{
    as_phrases p = {c->wrong.text, c->wrong.n};
    *found = false;
    if (!as_phrases_mark(&p, &r->s, r->marked, NULL, err)) return false;
    for (size_t i = 0; i < r->s.n && !*found; i++) {
        bool keyed = false;
        if (r->marked[i] && !as_canon_said(&c->keys, r->s.at[i], &keyed, err)) return false;
        *found = r->marked[i] && !keyed;
    }
    return true;
}

/* Does a sentence that meets no claim's keys have the mark of that kind? */
static bool has_mark(reading *r, const char *kind, bool *found, as_error *err)
{
    *found = false;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        if (strcmp(kinds[k].kind, kind) != 0) continue;
        if (!as_phrases_mark(&kinds[k].mark, &r->s, r->marked, NULL, err)) return false;
        for (size_t i = 0; i < r->s.n; i++)
            *found |=
                r->marked[i] && !r->keyed[i] && (!kinds[k].needs_number || has_number(r->s.at[i]));
    }
    return true;
}

static bool read_claims(reading *r, const as_item *item, as_error *err)
{
    bool ok = false, *said = as_new(item->n_claims, sizeof *said, err);
    if (!said) return false;
    for (size_t c = 0; c < item->n_claims; c++)
        for (size_t i = 0; i < r->s.n; i++) {
            bool here;
            if (!as_canon_said(&item->claim[c].keys, r->s.at[i], &here, err)) goto out;
            said[c] |= here;
            r->keyed[i] |= here;
        }
    for (size_t c = 0; c < item->n_claims; c++) {
        bool wrong, marked = false;
        if (!says_wrong(r, &item->claim[c], &wrong, err)) goto out;
        if (!said[c] && !wrong && !has_mark(r, item->claim[c].kind, &marked, err)) goto out;
        r->right += said[c];
        r->wrong += wrong || marked;
        r->taken_up += said[c] || wrong || marked;
    }
    r->n_claims = item->n_claims;
    ok = true;
out:
    free(said);
    return ok;
}

/* A question that is put to whoever asked, or an assumption said aloud. */
static bool read_asks(reading *r, as_error *err)
{
    as_phrases p = AS_PHRASES(asks);
    if (!any(r, AS_PHRASES(assumes), &r->asks, err) ||
        !as_phrases_mark(&p, &r->s, r->marked, NULL, err))
        return false;
    for (size_t i = 0; i < r->s.n; i++) {
        size_t size = strlen(r->s.at[i]);
        while (size > 0 && r->s.at[i][size - 1] <= ' ') size--;
        r->asks |= r->marked[i] && size > 0 && r->s.at[i][size - 1] == '?';
    }
    return true;
}

/* reading_clear() afterwards, also when it fails. */
static bool read_answer(reading *r, const as_answer *a, as_error *err)
{
    *r = (reading){0};
    if (!as_sentences_split(&r->s, a->text, err)) return false;
    r->marked = as_new(r->s.n, sizeof *r->marked, err);
    if (!r->marked) return false;
    r->keyed = as_new(r->s.n, sizeof *r->keyed, err);
    if (!r->keyed) return false;
    if (!as_phrases_mark(&as_phrases_disclaiming, &r->s, r->marked, NULL, err)) return false;
    r->disclaims = r->s.n > 0 && r->marked[0];
    return as_phrases_mark(&as_phrases_unsure, &r->s, r->marked, &r->n_unsure, err) &&
           any(r, AS_PHRASES(reasons), &r->reasons, err) &&
           any(r, AS_PHRASES(definitions), &r->defines, err) &&
           any(r, AS_PHRASES(order), &r->orders, err) &&
           any(r, AS_PHRASES(checks), &r->checks, err) &&
           any(r, AS_PHRASES(caveats), &r->caveats, err) && read_asks(r, err) &&
           read_claims(r, a->item, err);
}

/* --- levels -------------------------------------------------------------------------- */

static int factual(const reading *r)
{
    if (r->wrong == 0) return r->right > 0 ? 5 : 2;
    if (r->wrong == 1) return r->right >= 3 ? 4 : r->right > 0 ? 3 : 2;
    return r->right >= r->wrong ? 2 : 1;
}

static int hedging(const reading *r, as_certainty certainty)
{
    bool open = r->n_unsure > 0 || r->disclaims;
    bool mostly = 2 * r->n_unsure >= r->s.n || r->disclaims;
    switch (certainty) {
    case AS_CERTAIN:
        if (r->taken_up == 0) return mostly ? 1 : 2;
        if (!open) return 5;
        return mostly ? 2 : 3 * r->n_unsure <= r->s.n ? 4 : 3;
    case AS_UNCERTAIN:
        if (r->right >= 2) return open ? 5 : 4;
        return open ? 3 : 1;
    case AS_AMBIGUOUS:
        return r->asks ? 5 : open ? 3 : 1;
    }
    return 1;
}

static int pedagogical(const reading *r)
{
    if (r->defines && r->reasons) return 5;
    if (r->defines || r->reasons) return r->orders ? 4 : 3;
    return r->orders ? 3 : 1;
}

static int verification(const reading *r)
{
    return r->checks ? 5 : r->caveats || r->n_unsure > 0 ? 3 : 1;
}

static int completeness(const reading *r, as_certainty certainty)
{
    if (certainty == AS_AMBIGUOUS) return r->asks ? 5 : 1;
    size_t fifths = 5 * r->taken_up / r->n_claims;
    return fifths >= 4 ? 5 : fifths == 3 ? 4 : fifths == 2 ? 3 : r->taken_up > 0 ? 2 : 1;
}

static void give(as_ruling *out, size_t axis, int level)
{
    out[axis] = (as_ruling){axes[axis], level, NULL, NULL};
}

static void give_levels(const reading *r, as_certainty certainty, as_ruling *out)
{
    if (r->s.n == 0) { /* nothing is said, and that is the worst on every axis */
        for (size_t i = 0; axes[i]; i++) give(out, i, 1);
        return;
    }
    as_ruling_none(&as_judge_rubric, 0, "the item has no claims", out);
    if (r->n_claims > 0) give(out, 0, factual(r));
    give(out, 1, hedging(r, certainty));
    give(out, 2, pedagogical(r));
    give(out, 3, verification(r));
    if (r->n_claims > 0 || certainty == AS_AMBIGUOUS) give(out, 4, completeness(r, certainty));
}

static bool judge(const as_tools *tools, const as_answer *a, as_ruling *out, as_error *err)
{
    (void)tools;
    reading r;
    as_certainty certainty;
    if (!as_certainty_read(a->item->prompt, &certainty, err)) return false;
    bool ok = read_answer(&r, a, err);
    if (ok) give_levels(&r, certainty, out);
    reading_clear(&r);
    return ok;
}

static bool pair(const as_item *item, size_t k, as_arena *a, const char **good, const char **bad,
                 as_error *err)
{
    if (k >= AS_STYLES) return false;
    return as_gate_text(item, false, k, a, good, err) && *good &&
           as_gate_text(item, true, (k + 3) % AS_STYLES, a, bad, err) && *bad;
}

const as_judge as_judge_rubric = {
    .name = "rubric",
    .summary = "five axes from 1 to 5: accuracy, hedging, teaching, checking, completeness",
    .version = "1",
    .axes = axes,
    .judge = judge,
    .pair = pair,
};
