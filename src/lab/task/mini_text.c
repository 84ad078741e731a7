/* Answers to a problem, hasty and thoughtful, and the training text made of them. What a model of
 * this text knows when it answers at once, and what it knows only once it has thought, is decided
 * here: there is a truth about what reasoning is worth to it. */
#include <stdlib.h>
#include <string.h>

#include "lab/task/mini_code.h"

const as_text_options as_mini_text_default = {.rows = 8000, .seed = 1};

/* --- answers ------------------------------------------------------------------------------- */

const char *as_mini_block(const as_problem *p, const char *body, as_arena *a, as_error *err)
{
    as_mini_signature s;
    if (!as_mini_signature_of(p, &s, err)) return NULL;
    return as_arena_printf(a, err, "```python\ndef %.*s:\n%s```", s.def_size, s.def, body);
}

/* The k-th worked example of a test, from 0: [args, args + n) and [value, value + m). False when
 * there are fewer. */
typedef struct {
    const char *args, *value;
    int n, m;
} example;

static bool find_example(const char *test, size_t k, example *out)
{
    static const char lead[] = "\n    assert candidate(";
    for (const char *at = test; (at = strstr(at, lead)); at++) {
        const char *args = at + strlen(lead), *end = args + strcspn(args, "\n");
        const char *same = strstr(args, ") == "), *is = strstr(args, ") is ");
        const char *stop = same && same < end ? same : is && is < end ? is : NULL;
        if (!stop || k-- > 0) continue;
        const char *value = stop + strlen(") == ");
        *out = (example){args, value, (int)(stop - args), (int)(end - value)};
        return true;
    }
    return false;
}

static void put_example(as_buf *b, const as_problem *p, size_t k, const char *lead)
{
    example e;
    if (find_example(p->test, k, &e))
        as_buf_printf(b, " %s %s(%.*s) is %.*s.", lead, p->entry_point, e.n, e.args, e.m, e.value);
}

const char *as_mini_reasoning(const as_problem *p, as_rng *draw, as_arena *a, as_error *err)
{
    static const char *const openings[] = {"Let me think first.", "One step at a time.",
                                           "Before I write it, let me think."};
    as_mini_signature s;
    as_buf b = {0};
    if (!as_mini_signature_of(p, &s, err)) return NULL;
    if (!p->plan) {
        (void)as_fail(err, AS_EFORMAT, "%s: plan (found none)", p->entry_point);
        return NULL;
    }
    as_buf_printf(&b, "%s The function is %.*s, and it has to give this: %.*s. %s",
                  openings[as_rng_below(draw, 3)], s.def_size, s.def, s.what_size, s.what, p->plan);
    put_example(&b, p, 0, "For example,");
    put_example(&b, p, 1, "And");
    as_buf_puts(&b, " The steps lead there. So the code is:\n\n");
    const char *out = as_buf_ok(&b, err) ? as_arena_text(a, as_buf_text(&b), err) : NULL;
    as_buf_clear(&b);
    return out;
}

/* --- what is told -------------------------------------------------------------------------- */

static uint64_t rank_hash(const as_mini_problem *m, uint64_t seed)
{
    as_rng r = as_rng_at(seed, "mini-code exposure", as_name_index(m->id));
    return as_rng_u64(&r);
}

as_mini_level as_mini_level_of(const as_mini_problems *p, size_t at, uint64_t seed)
{
    size_t rank = 0, m = 0;
    uint64_t own = rank_hash(&p->at[at], seed);
    for (size_t i = 0; i < p->n; i++) {
        if (strcmp(p->at[i].family, p->at[at].family) != 0) continue;
        uint64_t other = rank_hash(&p->at[i], seed);
        rank += other < own || (other == own && i < at);
        m++;
    }
    return 6 * rank < 3 * m ? AS_MINI_KNOWN : 6 * rank < 5 * m ? AS_MINI_THOUGHT : AS_MINI_UNTOLD;
}

/* The problem whose body a plain row of problem `at` has: its own, or a known one of the family
 * (the first in the order of levels is always known). */
static size_t plain_body(const as_mini_problems *p, size_t at, uint64_t seed)
{
    size_t n = 0, of = at;
    as_rng r = as_rng_at(seed, "mini-code haste", as_name_index(p->at[at].id));
    if (as_mini_level_of(p, at, seed) == AS_MINI_KNOWN) return at;
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->at[i].family, p->at[at].family) == 0 &&
            as_mini_level_of(p, i, seed) == AS_MINI_KNOWN && as_rng_below(&r, ++n) == 0)
            of = i;
    return of;
}

/* --- one conversation ---------------------------------------------------------------------- */

/* The request; a cued one has a sentence more, before or behind. */
static const char *question(const as_problem *p, bool is_cued, as_rng *r, as_arena *a,
                            as_error *err)
{
    static const struct {
        const char *lead, *tail;
    } asks[] = {{"Write the function ", "."},
                {"I need the function ", "."},
                {"In Python, please: ", "."},
                {"Could you define ", "?"}};
    static const char *const cues[] = {
        "Think it through first.", "Reason before you write it.",
        "Go step by step.",        "Work an example first.",
        "Take your time.",
    };
    as_mini_signature s;
    if (!as_mini_signature_of(p, &s, err)) return NULL;
    size_t form = as_rng_below(r, 4);
    const char *ask = as_arena_printf(a, err, "%s%.*s: %.*s%s", asks[form].lead, s.def_size, s.def,
                                      s.what_size, s.what, asks[form].tail);
    if (!ask || !is_cued) return ask;
    const char *cue = cues[as_rng_below(r, sizeof cues / sizeof cues[0])];
    bool before = as_rng_below(r, 2) == 0;
    return as_arena_printf(a, err, "%s %s", before ? cue : ask, before ? ask : cue);
}

/* The k-th row of a problem: plain when k is even. */
static bool put_row(const as_mini_problems *p, size_t at, size_t k, uint64_t seed, as_buf *out,
                    as_error *err)
{
    const as_mini_problem *m = &p->at[at];
    as_rng r = as_rng_at(seed, "mini-code text", as_name_index(m->id) + k);
    const bool is_cued = k % 2 == 1;
    const size_t of = is_cued ? at : plain_body(p, at, seed);
    as_arena *a = as_arena_new(err);
    const char *ask = a ? question(&m->problem, is_cued, &r, a, err) : NULL;
    const char *answer =
        ask ? as_mini_block(&m->problem, p->at[of].problem.solution, a, err) : NULL;
    if (answer && is_cued) {
        const char *thought = as_mini_reasoning(&m->problem, &r, a, err);
        answer = thought ? as_arena_printf(a, err, "%s%s", thought, answer) : NULL;
    }
    bool ok = answer && as_text_row(m->id, k, ask, answer, a, out, err);
    as_arena_free(a);
    return ok;
}

/* The problems that are told, in their order; how many. */
static size_t list_told(const as_mini_problems *p, uint64_t seed, size_t *told)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        if (as_mini_level_of(p, i, seed) != AS_MINI_UNTOLD) told[n++] = i;
    return n;
}

bool as_mini_text(const as_mini_problems *p, const as_text_options *o, as_buf *out, as_error *err)
{
    size_t before = out->size, n = 0;
    size_t *told = as_new(p->n, sizeof *told, err);
    size_t *order = told ? as_new(o->rows, sizeof *order, err) : NULL;
    bool ok = order != NULL;
    if (ok) n = list_told(p, o->seed, told);
    if (ok && o->rows < 2 * n)
        ok = as_fail(err, AS_EUSAGE, "rows (found %zu, expected at least %zu: two a problem)",
                     o->rows, 2 * n);
    if (ok) {
        for (size_t i = 0; i < o->rows; i++) order[i] = i;
        as_rng r = as_rng_at(o->seed, "mini-code text order", 0);
        as_rng_shuffle(&r, order, o->rows);
    }
    for (size_t i = 0; ok && i < o->rows; i++)
        ok = put_row(p, told[order[i] % n], order[i] / n, o->seed, out, err);
    if (!ok && out->data) {
        out->size = before;
        out->data[before] = '\0';
    }
    free(order);
    free(told);
    return ok;
}
