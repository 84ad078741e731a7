/* The tree of a claim: its branches, and what they come to. */
#include "lab/audit/verdict.h"

#include <string.h>

static const char *const role_names[] = {"must_hold", "must_fail", "instrument",
                                         "artefact",  "context",   "step"};
static const char *const outcome_names[] = {"holds", "fails", "unknown", "shown"};

#define AS_DECIDES_NOTHING "decides nothing"

const char *as_role_name(as_role r)
{
    return role_names[r];
}

const char *as_outcome_name(as_outcome o)
{
    return outcome_names[o];
}

/* What was found of the effect itself, before what is wrong with the instrument. */
static bool say_effect(const as_branch *b, size_t n, as_arena *a, as_judged *out, as_error *err)
{
    for (size_t i = n; i-- > 0;) {
        if (b[i].role != AS_MUST_HOLD && b[i].role != AS_MUST_FAIL) continue;
        if (strcmp(b[i].leaf.sentence, out->sentence) == 0) continue;
        out->sentence = as_arena_printf(a, err, "%s But: %s", b[i].leaf.sentence, out->sentence);
        if (!out->sentence) return false;
        break;
    }
    return true;
}

static bool set(as_judged *out, as_arena *a, as_error *err, const char *word, const char *label,
                const as_branch *b)
{
    bool says_more = b->leaf.cause[0] && strcmp(label, b->leaf.cause) != 0;
    out->word = word;
    out->cause = as_arena_printf(a, err, "%s%s%s", label, label[0] && says_more ? ": " : "",
                                 says_more ? b->leaf.cause : "");
    out->sentence = as_arena_text(a, b->leaf.sentence, err);
    return out->cause && out->sentence;
}

/* The first branch with that role and outcome, NULL when there is none. */
static const as_branch *first(const as_branch *b, size_t n, as_role role, as_outcome outcome)
{
    for (size_t i = 0; i < n; i++)
        if (b[i].role == role && b[i].leaf.outcome == outcome) return &b[i];
    return NULL;
}

static bool judge_steps(const as_branch *b, size_t n, as_arena *a, as_judged *out, bool *stopped,
                        as_error *err)
{
    const as_branch *stop = NULL;
    for (size_t i = 0; i < n; i++) { /* a failing leaf speaks for its step before an unknown one */
        if (b[i].role != AS_STEP || b[i].leaf.outcome == AS_HOLDS) continue;
        if (!stop || b[i].step < stop->step ||
            (b[i].step == stop->step && b[i].leaf.outcome < stop->leaf.outcome))
            stop = &b[i];
    }
    *stopped = stop != NULL;
    if (!stop) return true;
    out->stopped_at = stop->step;
    out->word = stop->leaf.outcome == AS_FAILS ? "refuted" : "inconclusive";
    out->cause =
        as_arena_printf(a, err, "stops at step %zu: %s", stop->step,
                        stop->leaf.outcome == AS_SHOWN ? AS_DECIDES_NOTHING : stop->leaf.cause);
    out->sentence = as_arena_printf(a, err, "Stops at step %zu, %s. %s", stop->step,
                                    stop->step_name, stop->leaf.sentence);
    return out->cause && out->sentence;
}

/* All that holds, in one sentence after the other. */
static bool say_support(const as_branch *b, size_t n, as_arena *a, as_judged *out, as_error *err)
{
    as_buf text = {0};
    bool ok = false;
    for (size_t i = 0; i < n; i++) {
        if (b[i].role != AS_MUST_HOLD && b[i].role != AS_MUST_FAIL && b[i].role != AS_STEP)
            continue;
        if (text.size) as_buf_puts(&text, " ");
        as_buf_puts(&text, b[i].leaf.sentence);
    }
    if (as_buf_ok(&text, err)) {
        out->word = "supported";
        out->cause = "";
        out->sentence = as_arena_text(a, as_buf_text(&text), err);
        ok = out->sentence != NULL;
    }
    as_buf_clear(&text);
    return ok;
}

bool as_verdict_of(const as_branch *branch, size_t n, as_arena *a, as_judged *out, as_error *err)
{
    const struct {
        as_role role;
        as_outcome outcome;
        const char *word, *label;
    } order[] = {
        {AS_ARTEFACT, AS_FAILS, "refuted", "artefact"},
        {AS_INSTRUMENT, AS_FAILS, "inconclusive", "instrument refuted"},
        {AS_MUST_HOLD, AS_FAILS, "refuted", ""},
        {AS_MUST_FAIL, AS_HOLDS, "refuted", "the opposite holds"},
        {AS_INSTRUMENT, AS_UNKNOWN, "inconclusive", "instrument unverified"},
        {AS_ARTEFACT, AS_UNKNOWN, "inconclusive", "artefact not ruled out"},
        {AS_MUST_HOLD, AS_UNKNOWN, "inconclusive", ""},
        {AS_MUST_FAIL, AS_UNKNOWN, "inconclusive", ""},
        {AS_MUST_HOLD, AS_SHOWN, "inconclusive", AS_DECIDES_NOTHING},
        {AS_MUST_FAIL, AS_SHOWN, "inconclusive", AS_DECIDES_NOTHING},
    };
    bool stopped = false;
    *out = (as_judged){0};
    if (!judge_steps(branch, n, a, out, &stopped, err)) return false;
    if (stopped) return true;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        const as_branch *b = first(branch, n, order[i].role, order[i].outcome);
        if (!b) continue;
        bool is_tool = b->role == AS_INSTRUMENT || b->role == AS_ARTEFACT;
        return set(out, a, err, order[i].word, order[i].label, b) &&
               (!is_tool || say_effect(branch, n, a, out, err));
    }
    return say_support(branch, n, a, out, err);
}
