/* The training text: conversations about the canon in a grammar of their own, entries told
 * unequally often. Questions use one vocabulary of the failure and both names of an entry; answers
 * always its name and the first predicate, so that one voice is learnt. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/task/chef_internal.h"

const as_text_options as_chef_text_default = {
    .rows = 12000,
    .seed = 1,
    .share = {0.5, 0.1, 0.1, 0.15, 0.15},
    .weight = {1, 0.5, 0.25, 0.4, 0.4},
    .told = 3,
};

static const double MOST_WEIGHT = 1e6; /* so that sums of weights are finite */

/* --- exposure ------------------------------------------------------------------------------ */

static uint64_t rank_hash(const as_canon *c, size_t at, uint64_t seed)
{
    as_rng r = as_rng_at(seed, "chef exposure", as_name_index(c->entry[at].id));
    return as_rng_u64(&r);
}

/* How many entries come before this one in the seed's order. */
static size_t rank_of(const as_canon *c, size_t at, uint64_t seed)
{
    uint64_t own = rank_hash(c, at, seed);
    size_t rank = 0;
    for (size_t i = 0; i < c->n; i++) {
        uint64_t other = rank_hash(c, i, seed);
        rank += other < own || (other == own && i < at);
    }
    return rank;
}

size_t as_chef_exposure(const as_canon *canon, size_t at, const as_text_options *o)
{
    size_t rank = rank_of(canon, at, o->seed);
    double below = 0;
    for (size_t level = 0; level + 1 < AS_EXPOSURES; level++) {
        below += o->share[level];
        if ((double)rank < floor(below * (double)canon->n + 0.5)) return level;
    }
    return AS_EXPOSURES - 1;
}

static bool check_options(const as_text_options *o, as_error *err)
{
    double sum = 0, most = 0;
    bool ok = true;
    for (size_t i = 0; i < AS_EXPOSURES; i++) {
        ok = ok && o->share[i] >= 0 && o->share[i] <= 1 && o->weight[i] >= 0 &&
             o->weight[i] <= MOST_WEIGHT;
        sum += o->share[i];
        if (o->share[i] > 0) most = fmax(most, o->weight[i]);
    }
    if (!ok)
        return as_fail(err, AS_EUSAGE,
                       "shares and weights (expected 0 or more, shares to 1, weights to 1e6)");
    if (!(fabs(sum - 1) <= 1e-9))
        return as_fail(err, AS_EUSAGE, "shares (found a sum of %.9g, expected 1)", sum);
    return most > 0 || as_fail(err, AS_EUSAGE, "weights (expected one above 0)");
}

/* --- how many rows of which entry ----------------------------------------------------------- */

typedef struct {
    size_t entry;
    size_t k; /* the how manieth row of it, from 0 */
} turn;

typedef struct {
    double rest; /* what largest remainders go by */
    size_t entry;
} remainder_of;

static int by_rest(const void *a, const void *b)
{
    const remainder_of *x = a, *y = b;
    if (x->rest != y->rest) return x->rest > y->rest ? -1 : 1;
    return (x->entry > y->entry) - (x->entry < y->entry);
}

/* One row for each entry of a weight above 0, the others in proportion. */
static bool share_rows(const as_canon *c, const as_text_options *o, size_t *rows, as_error *err)
{
    size_t n_told = 0, left = o->rows;
    double total = 0;
    double *weight = as_new(c->n, sizeof *weight, err);
    remainder_of *rest = weight ? as_new(c->n, sizeof *rest, err) : NULL;
    bool ok = rest != NULL;
    for (size_t i = 0; ok && i < c->n; i++) {
        weight[i] = o->weight[as_chef_exposure(c, i, o)];
        total += weight[i];
        n_told += weight[i] > 0;
    }
    if (ok && (n_told == 0 || o->rows < n_told))
        ok = as_fail(err, AS_EUSAGE, "rows (found %zu, expected at least %zu, one for each entry)",
                     o->rows, n_told ? n_told : 1);
    size_t spare = o->rows - n_told;
    for (size_t i = 0; ok && i < c->n; i++) {
        double exact = (double)spare * (weight[i] / total);
        rows[i] = (size_t)exact + (weight[i] > 0);
        left -= rows[i];
        rest[i] = (remainder_of){weight[i] > 0 ? exact - floor(exact) : -1, i};
    }
    if (ok) qsort(rest, c->n, sizeof *rest, by_rest);
    for (size_t i = 0; ok && i < left; i++) rows[rest[i % n_told].entry]++;
    free(rest);
    free(weight);
    return ok;
}

static bool deal(const as_canon *c, const as_text_options *o, turn *out, as_error *err)
{
    size_t n = 0;
    size_t *rows = as_new(c->n, sizeof *rows, err);
    size_t *order = rows ? as_new(o->rows, sizeof *order, err) : NULL;
    bool ok = order && share_rows(c, o, rows, err);
    if (ok) {
        for (size_t i = 0; i < o->rows; i++) order[i] = i;
        as_rng r = as_rng_at(o->seed, "chef text order", 0);
        as_rng_shuffle(&r, order, o->rows);
        for (size_t i = 0; i < c->n; i++)
            for (size_t k = 0; k < rows[i]; k++) out[order[n++]] = (turn){i, k};
    }
    free(order);
    free(rows);
    return ok;
}

/* --- one conversation ----------------------------------------------------------------------- */

/* What a question asks for: everything, one of the three facts of the failure, or another fact. */
enum { FULL = AS_FACT_TYPES, KINDS };
enum { CLAUSES = 4 }; /* of an answer to FULL: cause, remedy, prevention, another fact */

typedef struct {
    const as_texts *ask[KINDS], *answer[KINDS];
    const as_texts *aside, *when, *who, *did; /* what is said beside the question */
} frames;

static bool read_frames(const as_canon_grammar *g, frames *f, as_error *err)
{
    static const char *const asks[] = {"why", "fix", "avoid"};
    static const char *const told[] = {"name flaw cause remedy", "name flaw remedy cause",
                                       "name flaw prevention cause"};
    char ask[32], answer[32];
    for (size_t k = 0; k < KINDS; k++) {
        const char *kind = k == FULL ? "full"
                           : k < 3   ? asks[k]
                                     : as_fact_type_name((as_fact_type)k);
        bool is_fact = k >= 3 && k != FULL;
        (void)snprintf(ask, sizeof ask, "ask-%s", kind);
        (void)snprintf(answer, sizeof answer, "answer-%s", is_fact ? "fact" : kind);
        f->ask[k] =
            as_canon_phrases(g, ask, k == FULL ? 12 : 4, is_fact ? "name" : "name flaw", err);
        if (!f->ask[k]) return false;
        f->answer[k] = as_canon_phrases(g, answer, 1,
                                        k == FULL ? "name flaw cause remedy prevention fact"
                                        : is_fact ? "name fact"
                                                  : told[k],
                                        err);
        if (!f->answer[k]) return false;
    }
    f->aside = as_canon_phrases(g, "aside", 1, "when who did", err);
    f->when = f->aside ? as_canon_phrases(g, "aside-when", 1, "", err) : NULL;
    f->who = f->when ? as_canon_phrases(g, "aside-who", 1, "", err) : NULL;
    f->did = f->who ? as_canon_phrases(g, "aside-did", 1, "", err) : NULL;
    return f->did;
}

static const char *draw(as_rng *r, const as_texts *t)
{
    return t->text[as_rng_below(r, t->n)];
}

/* The k-th row of an entry asks for all when k is even, else for its facts in turn; an entry whose
 * failure is not told is only asked for its other facts. */
static size_t kind_of(const as_canon_entry *e, size_t k, bool tells)
{
    if (!tells) return (size_t)e->fact[3 + k % (e->n_facts - 3)].type;
    return k % 2 == 0 ? (size_t)FULL : (size_t)e->fact[k / 2 % e->n_facts].type;
}

/* The fact that "Remember that" tells: the one asked for, or one of the others. */
static const as_canon_fact *other_fact(as_rng *r, const as_canon_entry *e, size_t kind)
{
    size_t n = e->n_facts - 3;
    for (size_t i = 3; i < e->n_facts; i++)
        if ((size_t)e->fact[i].type == kind) return &e->fact[i];
    if (n == 1 || as_rng_uniform(r) < 0.7) return &e->fact[3];
    return &e->fact[4 + as_rng_below(r, n - 1)];
}

/* Half of the questions come with talk about something else, before or behind, so that the entry is
 * found wherever it stands. */
static const char *with_aside(as_rng *r, const frames *f, const char *ask, as_arena *a,
                              as_error *err)
{
    const double place = as_rng_uniform(r);
    if (place >= 0.5) return ask;
    const char *frame = draw(r, f->aside), *when = draw(r, f->when);
    const char *who = draw(r, f->who), *did = draw(r, f->did);
    const as_filling said[] = {{"when", when}, {"who", who}, {"did", did}};
    const char *aside = as_canon_fill(frame, said, 3, a, err);
    if (!aside) return NULL;
    return as_arena_printf(a, err, "%s %s", place < 0.35 ? aside : ask, place < 0.35 ? ask : aside);
}

static bool put_row(const as_canon_entry *e, size_t k, bool tells, const as_canon_grammar *g,
                    const frames *f, uint64_t seed, as_buf *out, as_error *err)
{
    as_rng r = as_rng_at(seed, "chef text", as_name_index(e->id) + k);
    size_t kind = kind_of(e, k, tells);
    const char *called = as_rng_uniform(&r) < g->alias ? e->alias : e->name;
    const char *flaw = draw(&r, as_canon_flaw(e, g->vocabulary)), *said[CLAUSES];
    for (size_t i = 0; i + 1 < CLAUSES; i++) said[i] = draw(&r, &e->fact[i].says);
    const as_canon_fact *other = other_fact(&r, e, kind);
    said[CLAUSES - 1] = draw(&r, &other->says);
    const as_filling question[] = {{"name", called}, {"flaw", flaw}};
    const as_filling told[] = {{"name", e->name},
                               {"flaw", as_canon_flaw(e, g->vocabulary)->text[0]},
                               {"cause", said[AS_FACT_CAUSE]},
                               {"remedy", said[AS_FACT_REMEDY]},
                               {"prevention", said[AS_FACT_PREVENTION]},
                               {"fact", said[CLAUSES - 1]}};
    as_arena *a = as_arena_new(err);
    if (!a) return false;
    const char *ask = as_canon_fill(draw(&r, f->ask[kind]), question, 2, a, err);
    if (ask) ask = with_aside(&r, f, ask, a, err);
    const char *answer = ask ? as_canon_fill(draw(&r, f->answer[kind]), told, 6, a, err) : NULL;
    bool ok = answer && as_text_row(e->id, k, ask, answer, a, out, err);
    as_arena_free(a);
    return ok;
}

bool as_chef_text(const as_canon *canon, const as_text_options *o, as_buf *out, as_error *err)
{
    frames f;
    if (!check_options(o, err)) return false;
    const as_canon_grammar *g = as_canon_grammar_find(canon, "training", err);
    if (!g || !read_frames(g, &f, err)) return false;
    size_t before = out->size;
    turn *order = as_new(o->rows, sizeof *order, err);
    bool ok = order && deal(canon, o, order, err);
    for (size_t i = 0; ok && i < o->rows; i++)
        ok =
            put_row(&canon->entry[order[i].entry], order[i].k,
                    as_chef_exposure(canon, order[i].entry, o) < o->told, g, &f, o->seed, out, err);
    if (!ok && out->data) {
        out->size = before;
        out->data[before] = '\0';
    }
    free(order);
    return ok;
}
