/* Which claims of the checklist an answer makes, by their keys. A claim counts as made when the
 * words of one of its keys stand together in a sentence; a sentence that denies them counts too,
 * and so does a paraphrase in other words not: the keys are the instrument, and the gate measures
 * them. Coverage and the claims of the study: arXiv:2604.11867, section on metrics. */
#include <math.h>

#include "lab/judge/judge_internal.h"

#define N_CLAIMS 5

static const char *const axes[] = {"coverage", "claim.1", "claim.2", "claim.3",
                                   "claim.4",  "claim.5", NULL};

static bool judge(const as_tools *tools, const as_answer *a, as_ruling *out, as_error *err)
{
    (void)tools;
    const as_item *item = a->item;
    size_t yes = 0;
    if (item->n_claims > N_CLAIMS)
        return as_fail(err, AS_ELIMIT, "claims: item %s (found %zu claims, expected at most %d)",
                       item->id, item->n_claims, N_CLAIMS);
    as_ruling_none(&as_judge_claims, 0, "the item has no claims", out);
    for (size_t i = 0; i < item->n_claims; i++) {
        bool said;
        if (!as_canon_said(&item->claim[i].keys, a->text, &said, err)) return false;
        out[1 + i] = (as_ruling){axes[1 + i], NAN, said ? "YES" : "NO", NULL};
        yes += said;
    }
    if (item->n_claims == 0) return true;
    as_ruling_none(&as_judge_claims, 1 + item->n_claims, "the item has fewer claims", out);
    out[0] = (as_ruling){axes[0], (double)yes / (double)item->n_claims, NULL, NULL};
    return true;
}

static bool pair(const as_item *item, size_t k, as_arena *a, const char **good, const char **bad,
                 as_error *err)
{
    if (k >= AS_STYLES) return false;
    return as_gate_text(item, false, k, a, good, err) && *good &&
           as_gate_text(item, true, (k + 2) % AS_STYLES, a, bad, err) && *bad;
}

const as_judge as_judge_claims = {
    .name = "claims",
    .summary = "which claims of the checklist are made, and their share",
    .version = "1",
    .axes = axes,
    .judge = judge,
    .pair = pair,
};
