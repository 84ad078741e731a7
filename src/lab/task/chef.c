/* The task chef: questions about the canon, each set in a grammar of its own. Sets S, F and H ask
 * about an entry's failure and have one right answer; U has none (chef_open.c).
 *
 * Difficulty counts what makes an answer less likely: the entry stands in fewer than three
 * reference works; the question uses its other name; the fourth claim is a number. None is easy,
 * one medium, more hard. */
#include <stdlib.h>
#include <string.h>

#include "lab/task/chef_internal.h"

static const as_task_set sets[] = {
    {"S", 100, "diagnose and correct an error: a student asks"},
    {"F", 193, "an emergency during service: another grammar and vocabulary"},
    {"U", 80, "questions without one right answer, and questions that lack what they are about"},
    {"H", 0, "held out for validation: the failure in the words of training, asked otherwise"},
    {NULL, 0, NULL},
};

enum { CLAIMS = 4, LEAST_SKELETONS = 8 };

/* --- drawing ------------------------------------------------------------------------------ */

size_t as_chef_turn(uint64_t seed, const char *purpose, size_t i, size_t *order, size_t n)
{
    if (i % n == 0) {
        as_rng r = as_rng_at(seed, purpose, i / n);
        for (size_t k = 0; k < n; k++) order[k] = k;
        as_rng_shuffle(&r, order, n);
    }
    return order[i % n];
}

bool as_chef_prompt(as_chef_set *s, const char *prompt, bool *is_new, as_error *err)
{
    *is_new = false;
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->item[i].prompt, prompt) == 0) return true;
    *is_new = true;
    s->item[s->n].prompt = prompt;
    s->item[s->n].id = as_item_id(prompt, s->arena, err);
    return s->item[s->n].id != NULL;
}

/* --- items with one right answer ---------------------------------------------------------- */

static bool is_number(as_fact_type t)
{
    return t == AS_FACT_TEMPERATURE || t == AS_FACT_TIME || t == AS_FACT_RATIO;
}

static const char *difficulty(const as_canon_entry *e, bool is_alias)
{
    static const char *const names[] = {"easy", "medium", "hard", "hard"};
    return names[(e->works.n < 3) + is_alias + is_number(e->fact[CLAIMS - 1].type)];
}

static bool put_claims(const as_canon_entry *e, as_arena *a, as_item *out, as_error *err)
{
    as_claim *claim = as_arena_push(a, CLAIMS, sizeof *claim, err);
    if (!claim) return false;
    for (size_t i = 0; i < CLAIMS; i++) {
        const as_canon_fact *f = &e->fact[i];
        claim[i] = (as_claim){f->says.text[0], as_fact_type_name(f->type), f->keys, f->wrong};
    }
    out->claim = claim;
    out->n_claims = CLAIMS;
    return true;
}

/* The next item, about e: of all its questions (skeleton, predicate, name) one drawn, or the first
 * after it that was not asked yet. */
static bool put_item(as_chef_set *s, const as_texts *skeleton, const as_canon_entry *e,
                     as_error *err)
{
    const as_texts *flaw = as_canon_flaw(e, s->grammar->vocabulary);
    as_rng r = as_rng_at(s->seed, s->grammar->name, s->n);
    bool is_alias = as_rng_uniform(&r) < s->grammar->alias, is_new = false;
    size_t n = skeleton->n * flaw->n, at = (size_t)as_rng_below(&r, n);
    size_t n_names = s->grammar->alias > 0 && s->grammar->alias < 1 ? 2 : 1;
    for (size_t tried = 0; tried < n * n_names && !is_new; tried++, at++) {
        if (tried == n) is_alias = !is_alias;
        const as_filling f[] = {{"name", is_alias ? e->alias : e->name},
                                {"flaw", flaw->text[at % flaw->n]}};
        const char *prompt =
            as_canon_fill(skeleton->text[at / flaw->n % skeleton->n], f, 2, s->arena, err);
        if (!prompt || !as_chef_prompt(s, prompt, &is_new, err)) return false;
    }
    if (!is_new)
        return as_fail(err, AS_EUSAGE,
                       "set %s (found more items asked for than questions about %s)",
                       s->grammar->name, e->id);
    as_item *item = &s->item[s->n++];
    item->cluster = e->id;
    item->category = e->category;
    item->certainty = AS_CERTAIN;
    item->difficulty = difficulty(e, is_alias);
    return put_claims(e, s->arena, item, err);
}

static bool certain_items(as_chef_set *s, size_t n, as_error *err)
{
    const as_texts *skeleton =
        as_canon_phrases(s->grammar, "ask", LEAST_SKELETONS, "name flaw", err);
    size_t *order = skeleton ? as_new(s->canon->n, sizeof *order, err) : NULL;
    bool ok = order != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        size_t at = as_chef_turn(s->seed, s->grammar->name, i, order, s->canon->n);
        ok = put_item(s, skeleton, &s->canon->entry[at], err);
    }
    free(order);
    return ok;
}

/* --- the task ----------------------------------------------------------------------------- */

static bool chef_items(const char *data, const char *set, size_t n, uint64_t seed, as_arena *a,
                       as_items *out, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const as_task_set *row = sets;
    as_canon canon;
    while (row->name && strcmp(row->name, set) != 0) row++;
    if (!row->name)
        return as_fail(err, AS_EUSAGE, "set (found \"%s\", expected S, F, U or H)",
                       as_escape(set, strlen(set), shown));
    if (!as_canon_open(&canon, data, a, err)) return false;
    if (n == 0) n = row->n ? row->n : canon.n;
    as_chef_set s = {.canon = &canon, .seed = seed, .arena = a};
    s.grammar = as_canon_grammar_find(&canon, set, err);
    if (s.grammar) s.item = as_arena_push(a, n, sizeof *s.item, err);
    if (!s.item) return false;
    bool is_open = set[0] == 'U';
    if (!(is_open ? as_chef_open_items(&s, n, err) : certain_items(&s, n, err))) return false;
    *out = (as_items){.item = s.item, .n = s.n};
    return as_items_seal(out, err);
}

static bool chef_text(const char *data, const as_text_options *o, as_arena *a, as_buf *out,
                      as_error *err)
{
    as_canon canon;
    return as_canon_open(&canon, data, a, err) && as_chef_text(&canon, o, out, err);
}

const as_task as_task_chef = {
    .name = "chef",
    .summary = "questions about the culinary canon",
    .sets = sets,
    .items = chef_items,
    .text = chef_text,
    .text_default = &as_chef_text_default,
    .has_exposure = true,
};
