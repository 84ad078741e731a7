/* The teachers' parts where the item is a problem: the eager one hands over what the student tried,
 * the deliberate one thinks before it writes, the adversarial one runs the tests, the synthesizer
 * keeps the code. */
#include <string.h>

#include "lab/distil/distil_internal.h"
#include "lab/judge/unit_tests.h"
#include "lab/task/mini_code.h"

const char *as_code_spoilt(const as_item *item, as_arena *a, as_error *err)
{
    const char *body = item->problem->solution, *last = NULL;
    for (const char *line = body; *line; line = strchr(line, '\n') + 1) {
        const char *word = line + strspn(line, " ");
        if (strncmp(word, "return ", 7) == 0) last = word;
    }
    if (!last) {
        (void)as_fail(err, AS_EFORMAT, "%s: solution: nothing in it is returned", item->id);
        return NULL;
    }
    const char *spoilt = as_arena_printf(a, err, "%.*sreturn None\n%s", (int)(last - body), body,
                                         strchr(last, '\n') + 1);
    return spoilt ? as_mini_block(item->problem, spoilt, a, err) : NULL;
}

const char *as_code_reasoned(const char *block, const as_item *item, uint64_t seed, as_arena *a,
                             as_error *err)
{
    as_rng r = as_item_rng(seed, "distil reasoning", item);
    const char *thought = as_mini_reasoning(item->problem, &r, a, err);
    return thought ? as_arena_printf(a, err, "%s%s", thought, block) : NULL;
}

bool as_code_eager(const as_lesson *l, as_arena *a, const char **reply, as_error *err)
{
    bool tried = l->student && l->student[strspn(l->student, " \t\r\n")] != '\0';
    *reply = tried ? as_arena_text(a, l->student, err) : as_code_spoilt(l->item, a, err);
    return *reply != NULL;
}

bool as_code_deliberate(const as_lesson *l, as_arena *a, const char **reply, as_error *err)
{
    if (!as_lesson_needs(l, AS_STAGE_EAGER, err)) return false;
    const char *block = as_mini_block(l->item->problem, l->item->problem->solution, a, err);
    *reply = block ? as_code_reasoned(block, l->item, l->seed, a, err) : NULL;
    return *reply != NULL;
}

static bool attack(as_buf *b, const as_lesson *l, const char *answer, const char *called, size_t *n,
                   as_error *err)
{
    const char *why;
    if (!l->tools) return as_fail(err, AS_EUSAGE, "item %s: no tools to run it with", l->item->id);
    if (!as_unit_tests_why(l->tools, l->item->problem, answer, &why, err)) return false;
    if (why)
        as_buf_printf(b, "%s%zu. %s does not pass its tests: %s.", b->size ? "\n" : "", ++*n,
                      called, why);
    return true;
}

bool as_code_adversarial(const as_lesson *l, as_arena *a, const char **reply, as_error *err)
{
    as_buf b = {0};
    size_t n = 0;
    bool ok;
    if (as_lesson_is_correction(l))
        ok = attack(&b, l, l->student, "Your answer", &n, err);
    else
        ok = as_lesson_needs(l, AS_STAGE_EAGER, err) &&
             as_lesson_needs(l, AS_STAGE_DELIBERATE, err) &&
             attack(&b, l, l->reply[AS_STAGE_EAGER], "The first answer", &n, err) &&
             attack(&b, l, l->reply[AS_STAGE_DELIBERATE], "The second answer", &n, err);
    if (n == 0) as_buf_puts(&b, "It passes all of its tests.");
    ok = ok && as_buf_ok(&b, err) && (*reply = as_arena_text(a, as_buf_text(&b), err)) != NULL;
    as_buf_clear(&b);
    return ok;
}

bool as_code_synthesis(const as_lesson *l, as_arena *a, const char **reply, as_error *err)
{
    as_buf b = {0};
    if (!as_lesson_needs(l, AS_STAGE_EAGER, err) || !as_lesson_needs(l, AS_STAGE_DELIBERATE, err) ||
        !as_lesson_needs(l, AS_STAGE_ADVERSARIAL, err))
        return false;
    as_buf_puts(&b, "```python\n");
    bool ok = as_code_extract(l->reply[AS_STAGE_DELIBERATE], &b, err);
    as_buf_puts(&b, "```");
    ok = ok && as_buf_ok(&b, err) && (*reply = as_arena_text(a, as_buf_text(&b), err)) != NULL;
    as_buf_clear(&b);
    return ok;
}
