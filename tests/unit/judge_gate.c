/* The gate and the control rows, over the questions that the lab asks. */
#include "lab/judge/judge.h"

#include <stdlib.h>

#include "check.h"
#include "judge_case.h"
#include "lab/judge/control.h"

#define DATA "data/chef"
#define SEED 11

static as_error err;
static as_arena *arena;
static as_tools tools;

static as_items load(const char *set)
{
    as_items items = {0};
    const as_task *t = as_task_find("chef");
    memset(&err, 0, sizeof err);
    bool ok = t && t->items(DATA, set, 0, SEED, arena, &items, &err);
    if (!ok) printf("%s: %s: %s\n", set, err.where, err.what);
    CHECK(ok);
    return items;
}

static double share(const char *name, const char *set, size_t least)
{
    as_items items = load(set);
    as_gate_count c = {0};
    const as_judge *j = as_judge_find(name);
    CHECK(j && as_judge_gate(j, &tools, &items, &c, &err));
    CHECK(c.n >= least && c.missing == 0 && c.right <= c.n);
    return c.n ? (double)c.right / (double)c.n : 0;
}

static void claims_pass(void)
{
    CHECK(share("claims", "S", 500) >= AS_GATE_SHARE);
    CHECK(share("claims", "F", 965) >= AS_GATE_SHARE);
}

static void delivery_passes(void)
{
    CHECK(share("delivery", "S", 1000) >= AS_GATE_SHARE);
    CHECK(share("delivery", "F", 1930) >= AS_GATE_SHARE);
}

static void rubric_passes(void)
{
    CHECK(share("rubric", "S", 500) >= AS_GATE_SHARE);
    CHECK(share("rubric", "F", 965) >= AS_GATE_SHARE);
}

static void certainty_passes(void)
{
    static const char *const sets[] = {"S", "F", "U", "H"};
    for (size_t i = 0; i < 4; i++) CHECK(share("certainty", sets[i], 80) >= AS_GATE_SHARE);
}

/* --- instruments that must not pass -------------------------------------------------- */

static const char *const score_axes[] = {"coverage", NULL}, *const label_axes[] = {"verbal", NULL},
                         *const odd_axes[] = {"mood", NULL};

static bool by_length(const as_tools *t, const as_answer *a, as_ruling *out, as_error *e)
{
    (void)t, (void)e;
    out[0] = (as_ruling){score_axes[0], (double)strlen(a->text), NULL, NULL};
    return true;
}

static bool always(const as_tools *t, const as_answer *a, as_ruling *out, as_error *e)
{
    (void)t, (void)a, (void)e;
    out[0] = (as_ruling){label_axes[0], NAN, "ASSERT", NULL};
    return true;
}

static bool flat(const as_tools *t, const as_answer *a, as_ruling *out, as_error *e)
{
    (void)t, (void)a, (void)e;
    out[0] = (as_ruling){score_axes[0], 1, NULL, NULL};
    return true;
}

static bool never(const as_tools *t, const as_answer *a, as_ruling *out, as_error *e)
{
    (void)t, (void)a, (void)e;
    out[0] = (as_ruling){score_axes[0], NAN, NULL, "asleep"};
    return true;
}

static bool broken(const as_tools *t, const as_answer *a, as_ruling *out, as_error *e)
{
    (void)t, (void)a, (void)out;
    return as_fail(e, AS_EIO, "the machine is broken");
}

static bool two_pairs(const as_item *item, size_t k, as_arena *a, const char **good,
                      const char **bad, as_error *e)
{
    (void)item, (void)a, (void)e;
    *good = k ? "ab" : "a";
    *bad = k ? "a" : "ab";
    return k < 2;
}

static bool bad_pair(const as_item *item, size_t k, as_arena *a, const char **good,
                     const char **bad, as_error *e)
{
    (void)item, (void)k, (void)a, (void)good, (void)bad;
    return as_fail(e, AS_EMEM, "no memory for a pair");
}

static void gate_counts(void)
{
    const as_item list[] = {sauce, town};
    const as_items items = {.item = list, .n = 2};
    as_judge j = {.name = "odd", .axes = score_axes, .judge = by_length, .pair = two_pairs};
    as_gate_count c;
    memset(&err, 0, sizeof err);
    CHECK(as_judge_gate(&j, NULL, &items, &c, &err) && c.n == 4 && c.right == 2 && c.missing == 0);
    j.judge = flat; /* as good is not better */
    CHECK(as_judge_gate(&j, NULL, &items, &c, &err) && c.n == 4 && c.right == 0 && c.missing == 0);
    j.judge = never;
    CHECK(as_judge_gate(&j, NULL, &items, &c, &err) && c.n == 4 && c.right == 0 && c.missing == 4);
    j.judge = always, j.axes = label_axes;
    CHECK(as_judge_gate(&j, NULL, &items, &c, &err) && c.n == 4 && c.right == 0 && c.missing == 0);
    j = *as_judge_find("delivery");
    CHECK(as_judge_gate(&j, NULL, &items, &c, &err) && c.n == 10 && c.right == 10);
}

static void gate_fails_aloud(void)
{
    const as_items items = {.item = &sauce, .n = 1};
    as_judge j = {.name = "odd", .axes = odd_axes, .judge = always, .pair = two_pairs};
    as_gate_count c;
    memset(&err, 0, sizeof err);
    CHECK(!as_judge_gate(&j, NULL, &items, &c, &err) && err.class_ == AS_EUSAGE);
    CHECK_TEXT(err.what,
               "judge odd: gate (axis mood has labels, none of which is known to be the good one)");
    j.pair = NULL;
    memset(&err, 0, sizeof err);
    CHECK(!as_judge_gate(&j, NULL, &items, &c, &err) && err.class_ == AS_EUSAGE);
    CHECK_TEXT(err.what, "judge odd: gate (it has no pairs to be tried on)");
    j.pair = bad_pair;
    memset(&err, 0, sizeof err);
    CHECK(!as_judge_gate(&j, NULL, &items, &c, &err) && err.class_ == AS_EMEM);
    j.pair = two_pairs, j.judge = broken;
    memset(&err, 0, sizeof err);
    CHECK(!as_judge_gate(&j, NULL, &items, &c, &err) && err.class_ == AS_EIO);
}

/* --- control rows -------------------------------------------------------------------- */

/* The right answer of an item, as its claims in a row. */
static const char *answer(const as_item *item)
{
    as_buf b = {0};
    for (size_t i = 0; i < item->n_claims; i++)
        as_buf_printf(&b, "%s%s%s.", b.size ? " " : "",
                      i == 0   ? "It happened because "
                      : i == 1 ? "To save it, "
                      : i == 2 ? "Next time, "
                               : "Remember that ",
                      item->claim[i].text);
    const char *out = as_arena_text(arena, as_buf_text(&b), &err);
    as_buf_clear(&b);
    CHECK(out != NULL);
    return out ? out : "";
}

/* Rulings of one axis of all items; control AS_CONTROLS: the real answers. */
static as_ruling *rulings(const as_judge *j, size_t axis, const as_items *items, as_control control)
{
    as_ruling *out = calloc(items->n, sizeof *out), all[AS_JUDGE_AXES];
    for (size_t i = 0; out && i < items->n; i++) {
        const char *text = answer(&items->item[i]);
        const char *other = answer(&items->item[(i + items->n / 2) % items->n]);
        bool ok =
            control == AS_CONTROLS || as_control_answer(control, text, other, arena, &text, &err);
        as_answer a = {&items->item[i], text, NULL};
        ok = ok && j->judge(&tools, &a, all, &err);
        CHECK(ok);
        if (ok) out[i] = all[axis];
    }
    return out;
}

/* How many of the bounds on the judge's axes hold; *n: how many there are. */
static size_t held(const as_judge *j, const as_items *items, size_t *n, bool tells)
{
    size_t n_bounds, holding = 0;
    const as_control_bound *b = as_control_bounds(&n_bounds);
    *n = 0;
    for (size_t i = 0; i < n_bounds; i++)
        for (size_t axis = 0; j->axes[axis]; axis++) {
            if (strcmp(j->axes[axis], b[i].axis) != 0) continue;
            as_ruling *real = rulings(j, axis, items, AS_CONTROLS);
            as_ruling *control = rulings(j, axis, items, b[i].control);
            as_control_result r = as_control_hold(&b[i], real, control, items->n);
            if (!r.holds && tells)
                printf("%s, %s: %g, at most %g\n", b[i].axis, as_control_name(b[i].control),
                       r.found, r.highest);
            holding += r.holds;
            ++*n;
            free(real);
            free(control);
        }
    return holding;
}

static void judges_hold_against_controls(void)
{
    static const char *const names[] = {"claims", "delivery", "rubric"};
    static const char *const sets[] = {"S", "F"};
    for (size_t s = 0; s < 2; s++) {
        as_items items = load(sets[s]);
        for (size_t i = 0; i < 3; i++) {
            size_t n;
            size_t good = held(as_judge_find(names[i]), &items, &n, true);
            CHECK(n >= 3 && good == n);
        }
    }
}

/* A judge that likes length gives a constant answer its due, and falls. */
static void bad_judges_are_refuted(void)
{
    as_items items = load("S");
    size_t n;
    as_judge j = {.name = "odd", .axes = score_axes, .judge = by_length};
    size_t good = held(&j, &items, &n, false);
    CHECK(n == 6 && good == 1); /* only the empty answer has no length */
    j.axes = label_axes, j.judge = always;
    good = held(&j, &items, &n, false);
    CHECK(n == 3 && good == 1); /* it labels what says nothing */
}

int main(void)
{
    as_error open = {0};
    arena = as_arena_new(&open);
    tools.arena = arena;
    if (!arena) return 1;
    RUN(claims_pass);
    RUN(delivery_passes);
    RUN(rubric_passes);
    RUN(certainty_passes);
    RUN(gate_counts);
    RUN(gate_fails_aloud);
    RUN(judges_hold_against_controls);
    RUN(bad_judges_are_refuted);
    as_arena_free(arena);
    return check_end();
}
