/* The judges by name, and the gate each must pass before it is believed. */
#include "lab/judge/judge_internal.h"

#include <string.h>

/* --- the table ----------------------------------------------------------------------- */

static const as_judge *const judges[] = {
    &as_judge_claims, &as_judge_delivery,   &as_judge_certainty,
    &as_judge_rubric, &as_judge_unit_tests,
};

const as_judge *const *as_judges(size_t *n)
{
    *n = sizeof judges / sizeof judges[0];
    return judges;
}

const as_judge *as_judge_find(const char *name)
{
    for (size_t i = 0; i < sizeof judges / sizeof judges[0]; i++)
        if (strcmp(judges[i]->name, name) == 0) return judges[i];
    return NULL;
}

/* --- the gate ------------------------------------------------------------------------ */

/* The labels that a good and a bad answer of a pair must get. */
static const struct {
    const char *axis, *good, *bad;
} must_be[] = {
    {"verbal", "ASSERT", "HEDGE"},
};

static bool rule(const as_judge *j, const as_tools *tools, const as_item *item, const char *text,
                 as_ruling *out, as_error *err)
{
    as_ruling all[AS_JUDGE_AXES] = {0};
    as_answer answer = {item, text, NULL};
    if (!j->judge(tools, &answer, all, err)) return false;
    *out = all[0];
    return true;
}

/* Adds one pair to *out. */
static bool rank(const as_judge *j, const as_ruling *good, const as_ruling *bad, as_gate_count *out,
                 as_error *err)
{
    out->n++;
    if (good->missing || bad->missing) {
        out->missing++;
        return true;
    }
    if (!good->label) {
        out->right += good->score > bad->score;
        return true;
    }
    for (size_t i = 0; i < sizeof must_be / sizeof must_be[0]; i++)
        if (strcmp(must_be[i].axis, j->axes[0]) == 0) {
            out->right += strcmp(good->label, must_be[i].good) == 0 &&
                          strcmp(bad->label, must_be[i].bad) == 0;
            return true;
        }
    return as_fail(err, AS_EUSAGE,
                   "judge %s: gate (axis %s has labels, none of which is known "
                   "to be the good one)",
                   j->name, j->axes[0]);
}

static bool gate_item(const as_judge *j, const as_tools *tools, const as_item *item, as_arena *a,
                      as_gate_count *out, as_error *err)
{
    for (size_t k = 0;; k++) {
        const char *good, *bad;
        as_ruling g, b;
        if (!j->pair(item, k, a, &good, &bad, err)) return err->class_ == AS_OK;
        if (!rule(j, tools, item, good, &g, err) || !rule(j, tools, item, bad, &b, err) ||
            !rank(j, &g, &b, out, err))
            return false;
    }
}

/* A blind judge is right where it says what the grammar made. */
static bool gate_blind(const as_judge *j, const as_tools *tools, const as_item *item,
                       as_gate_count *out, as_error *err)
{
    as_ruling r;
    if (!rule(j, tools, item, "", &r, err)) return false;
    out->n++;
    out->missing += r.missing != NULL;
    out->right += r.label && strcmp(r.label, as_certainty_name(item->certainty)) == 0;
    return true;
}

bool as_judge_gate(const as_judge *j, const as_tools *tools, const as_items *items,
                   as_gate_count *out, as_error *err)
{
    *out = (as_gate_count){0};
    if (!j->is_blind && !j->pair)
        return as_fail(err, AS_EUSAGE, "judge %s: gate (it has no pairs to be tried on)", j->name);
    as_arena *a = as_arena_new(err);
    bool ok = a != NULL;
    as_tools mine = {tools ? tools->sandbox : NULL, a};
    *err = ok ? (as_error){0} : *err; /* a pair that does not exist leaves no cause */
    for (size_t i = 0; ok && i < items->n; i++)
        ok = j->is_blind ? gate_blind(j, &mine, &items->item[i], out, err)
                         : gate_item(j, &mine, &items->item[i], a, out, err);
    as_arena_free(a);
    return ok;
}
