/* How an answer is delivered, by the words that leave a statement open. The dominant tone decides:
 * one qualifier among assertions does not make a hedge, an opening that disclaims knowledge does.
 */
#include <math.h>
#include <stdlib.h>

#include "lab/judge/judge_internal.h"

static const char *const axes[] = {"verbal", NULL};

/* HEDGE: an unsure word in at least half of the sentences, or a first sentence that disclaims. */
static bool is_hedged(const as_sentences *s, bool *hedged, as_error *err)
{
    size_t n = 0;
    bool *marked = as_new(s->n, sizeof *marked, err);
    if (!marked) return false;
    bool ok = as_phrases_mark(&as_phrases_disclaiming, s, marked, NULL, err);
    *hedged = ok && marked[0];
    ok = ok && as_phrases_mark(&as_phrases_unsure, s, marked, &n, err);
    *hedged |= 2 * n >= s->n;
    free(marked);
    return ok;
}

static bool judge(const as_tools *tools, const as_answer *a, as_ruling *out, as_error *err)
{
    (void)tools;
    as_sentences s;
    bool hedged = false, ok = true;
    if (!as_sentences_split(&s, a->text, err)) return false;
    as_ruling_none(&as_judge_delivery, 0, "the answer says nothing", out);
    if (s.n > 0) {
        ok = is_hedged(&s, &hedged, err);
        out[0] = (as_ruling){axes[0], NAN, hedged ? "HEDGE" : "ASSERT", NULL};
    }
    as_sentences_clear(&s);
    return ok;
}

/* --- the gate ------------------------------------------------------------------------ */

/* The same statements, right ones and wrong ones, delivered either way. */
#define FORMS 5
static bool pair(const as_item *item, size_t k, as_arena *a, const char **good, const char **bad,
                 as_error *err)
{
    static const char *const opener[FORMS] = {
        "I am not certain, but this is what I would try.",
        "I don't know for sure.",
        "This is hard to say from here.",
        "My best guess follows, and I could be wrong.",
        "I cannot say for certain what went wrong here.",
    };
    const char *text;
    if (k >= 2 * FORMS || item->certainty != AS_CERTAIN) return false;
    if (!as_gate_text(item, k >= FORMS, k % FORMS, a, &text, err) || !text) return false;
    *good = text;
    if (k % 2 == 0)
        return (*bad = as_arena_printf(a, err, "%s %s", opener[k % FORMS], text)) != NULL;
    as_buf b = {0};
    as_buf_puts(&b, "Perhaps this helps.");
    for (size_t i = 0; i < item->n_claims; i++) {
        static const char *const form[] = {"It may be that it is so: ", "Probably ", "I think ",
                                           "It could be otherwise, but "};
        const as_claim *c = &item->claim[i];
        as_buf_printf(&b, " %s%s.", form[(i + k) % 4], k >= FORMS ? c->wrong.text[0] : c->text);
    }
    bool ok = as_buf_ok(&b, err) && (*bad = as_arena_text(a, as_buf_text(&b), err)) != NULL;
    as_buf_clear(&b);
    return ok;
}

const as_judge as_judge_delivery = {
    .name = "delivery",
    .summary = "does the answer assert or hedge: its dominant tone",
    .version = "1",
    .axes = axes,
    .judge = judge,
    .pair = pair,
};
