/* Set U of the task chef: what a cook should not simply assert. Items alternate: a dispute
 * (UNCERTAIN), then a question that lacks its subject (AMBIGUOUS): "it" with a failure but no dish,
 * or a thing ("the sauce") of which neither name nor state is told. The latter name no entry.
 * Categories: dispute, referent, state.
 *
 * Difficulty: a subject that is missing is easy to notice; a dispute is medium with two positions
 * and hard with more. */
#include <stdlib.h>
#include <string.h>

#include "lab/task/canon_internal.h"
#include "lab/task/chef_internal.h"

enum { LEAST_SKELETONS = 8 };

/* The lists of grammar U. */
typedef struct {
    const as_texts *dispute, *referent, *state, *noun; /* skeletons, and things without a name */
    const as_texts *open, *open_keys;                  /* said of every dispute */
    const as_texts *missing[2], *missing_keys[2];      /* said of a missing referent, state */
    size_t *order[3];
} phrases;

static bool read_phrases(const as_canon_grammar *g, phrases *p, as_error *err)
{
    static const char *const lists[][2] = {{"referent-claims", "referent-keys"},
                                           {"state-claims", "state-keys"}};
    if (!(p->dispute = as_canon_phrases(g, "dispute", LEAST_SKELETONS, "asked", err)) ||
        !(p->referent = as_canon_phrases(g, "referent", LEAST_SKELETONS, "flaw", err)) ||
        !(p->state = as_canon_phrases(g, "state", LEAST_SKELETONS, "noun", err)) ||
        !(p->noun = as_canon_phrases(g, "nouns", 8, "", err)) ||
        !(p->open = as_canon_phrases(g, "open-claim", 1, "", err)) ||
        !(p->open_keys = as_canon_phrases(g, "open-keys", 1, "", err)))
        return false;
    for (size_t i = 0; i < 2; i++) {
        p->missing[i] = as_canon_phrases(g, lists[i][0], 3, "", err);
        p->missing_keys[i] = p->missing[i] ? as_canon_phrases(g, lists[i][1], 3, "", err) : NULL;
        if (!p->missing_keys[i]) return false;
        if (p->missing[i]->n != p->missing_keys[i]->n || p->missing[i]->n > 5)
            return as_fail(err, AS_EFORMAT,
                           "grammar %s: %s: number (found %zu, expected %zu as %s)", g->name,
                           lists[i][1], p->missing_keys[i]->n, p->missing[i]->n, lists[i][0]);
        if (!as_form_keys(p->missing_keys[i], err)) return false;
    }
    return as_form_keys(p->open_keys, err);
}

/* --- disputes ----------------------------------------------------------------------------- */

/* The claims: each position, and last that there is no single answer. */
static bool put_positions(const as_chef_set *s, const phrases *p, const as_canon_dispute *d,
                          as_item *out, as_error *err)
{
    as_claim *claim = as_arena_push(s->arena, d->positions.n + 1, sizeof *claim, err);
    if (!claim) return false;
    for (size_t i = 0; i < d->positions.n; i++)
        claim[i] = (as_claim){
            .text = d->positions.text[i], .kind = "position", .keys = {&d->keys.text[i], 1}};
    claim[d->positions.n] =
        (as_claim){.text = p->open->text[0], .kind = "open", .keys = *p->open_keys};
    out->claim = claim;
    out->n_claims = d->positions.n + 1;
    return true;
}

static bool put_dispute(as_chef_set *s, const phrases *p, size_t i, as_error *err)
{
    const as_canon_dispute *d =
        &s->canon
             ->dispute[as_chef_turn(s->seed, "U dispute", i, p->order[0], s->canon->n_disputes)];
    as_rng r = as_rng_at(s->seed, "U asked", i);
    size_t n = d->asked.n * p->dispute->n, at = (size_t)as_rng_below(&r, n);
    bool is_new = false;
    for (size_t tried = 0; tried < n && !is_new; tried++, at++) {
        const as_filling f = {"asked", d->asked.text[at % d->asked.n]};
        const char *prompt =
            as_canon_fill(p->dispute->text[at / d->asked.n % p->dispute->n], &f, 1, s->arena, err);
        if (!prompt || !as_chef_prompt(s, prompt, &is_new, err)) return false;
    }
    if (!is_new)
        return as_fail(err, AS_EUSAGE, "set U (found more items asked for than questions about %s)",
                       d->id);
    as_item *item = &s->item[s->n++];
    item->cluster = d->id;
    item->category = "dispute";
    item->certainty = AS_UNCERTAIN;
    item->difficulty = d->positions.n > 2 ? "hard" : "medium";
    return put_positions(s, p, d, item, err);
}

/* --- what is missing ----------------------------------------------------------------------- */

static bool put_missing(const as_chef_set *s, const as_texts *text, const as_texts *keys,
                        as_item *out, as_error *err)
{
    as_claim *claim = as_arena_push(s->arena, text->n, sizeof *claim, err);
    if (!claim) return false;
    for (size_t i = 0; i < text->n; i++)
        claim[i] =
            (as_claim){.text = text->text[i], .kind = "missing", .keys = {&keys->text[i], 1}};
    out->claim = claim;
    out->n_claims = text->n;
    out->certainty = AS_AMBIGUOUS;
    out->difficulty = "easy";
    return true;
}

/* Does the text name an entry, by name or alias, as whole words in a row? */
static bool names_entry(const as_canon *c, const char *text, bool *names, as_error *err)
{
    as_buf within = {0};
    char *folded = as_said_fold(text, err), *name = NULL;
    bool ok = folded != NULL;
    for (char *p = folded; ok && (p = strchr(p, '\n'));) *p = ' '; /* ends of sentences */
    if (ok) as_buf_printf(&within, " %s ", folded);
    *names = false;
    for (size_t i = 0; ok && !*names && i < 2 * c->n; i++) {
        as_buf words = {0};
        name = as_said_fold(i % 2 ? c->entry[i / 2].alias : c->entry[i / 2].name, err);
        if (name) as_buf_printf(&words, " %s ", name);
        ok = name && as_buf_ok(&words, err) && as_buf_ok(&within, err);
        if (ok) *names = strstr(as_buf_text(&within), as_buf_text(&words)) != NULL;
        as_buf_clear(&words);
        free(name);
    }
    as_buf_clear(&within);
    free(folded);
    return ok;
}

/* "It has split. What now?" */
static bool put_referent(as_chef_set *s, const phrases *p, size_t i, as_error *err)
{
    const as_canon_entry *e =
        &s->canon->entry[as_chef_turn(s->seed, "U referent", i, p->order[1], s->canon->n)];
    const as_texts *flaw = as_canon_flaw(e, s->grammar->vocabulary);
    as_rng r = as_rng_at(s->seed, "U flaw", i);
    size_t n = p->referent->n * flaw->n, at = (size_t)as_rng_below(&r, n);
    bool is_new = false;
    for (size_t tried = 0; tried < n && !is_new; tried++, at++) {
        const as_filling f = {"flaw", flaw->text[at % flaw->n]};
        bool names;
        const char *prompt =
            as_canon_fill(p->referent->text[at / flaw->n % p->referent->n], &f, 1, s->arena, err);
        if (!prompt || !names_entry(s->canon, prompt, &names, err)) return false;
        if (!names && !as_chef_prompt(s, prompt, &is_new, err)) return false;
    }
    if (!is_new)
        return as_fail(err, AS_EUSAGE,
                       "set U (found no more questions from the failure of %s that do not name it)",
                       e->id);
    as_item *item = &s->item[s->n++];
    item->cluster = e->id;
    item->category = "referent";
    return put_missing(s, p->missing[0], p->missing_keys[0], item, err);
}

/* "Is the sauce ready now?" */
static bool put_state(as_chef_set *s, const phrases *p, size_t i, as_error *err)
{
    size_t n = p->state->n * p->noun->n;
    bool is_new = false, names;
    if (i >= n)
        return as_fail(err, AS_EUSAGE, "set U (found more items asked for than %zu of this kind)",
                       n);
    size_t at = as_chef_turn(s->seed, "U state", i, p->order[2], n);
    const char *noun = p->noun->text[at % p->noun->n];
    const as_filling f = {"noun", noun};
    const char *prompt = as_canon_fill(p->state->text[at / p->noun->n], &f, 1, s->arena, err);
    if (!prompt || !names_entry(s->canon, prompt, &names, err) ||
        !as_chef_prompt(s, prompt, &is_new, err))
        return false;
    if (names || !is_new)
        return as_fail(err, AS_EFORMAT,
                       "grammar U: nouns: \"%s\" (found %s, expected a thing of no entry, once)",
                       noun, names ? "the name of an entry" : "a question twice");
    as_item *item = &s->item[s->n++];
    item->cluster = noun;
    item->category = "state";
    return put_missing(s, p->missing[1], p->missing_keys[1], item, err);
}

/* --- the set ------------------------------------------------------------------------------ */

bool as_chef_open_items(as_chef_set *s, size_t n, as_error *err)
{
    phrases p = {0};
    if (!read_phrases(s->grammar, &p, err)) return false;
    size_t room[] = {s->canon->n_disputes, s->canon->n, p.state->n * p.noun->n};
    for (size_t i = 0; i < 3; i++) {
        p.order[i] = as_arena_push(s->arena, room[i], sizeof(size_t), err);
        if (!p.order[i]) return false;
    }
    for (size_t i = 0; i < n; i++) {
        bool ok = i % 2 == 0   ? put_dispute(s, &p, i / 2, err)
                  : i % 4 == 1 ? put_referent(s, &p, i / 4, err)
                               : put_state(s, &p, i / 4, err);
        if (!ok) return false;
    }
    return true;
}
