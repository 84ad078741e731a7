/* Does the code of an answer do what the problem's tests ask? The tests are run in the sandbox,
 * with the preamble of the prompt before the code whatever the answer repeats of it. */
#include "lab/judge/unit_tests.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/judge/judge_internal.h"

/* --- the code of an answer --------------------------------------------------------------- */

static void strip_think(const char *text, as_buf *out)
{
    static const char opens[] = "<think>", closes[] = "</think>";
    size_t start = out->size;
    for (const char *p = text; p;) {
        const char *open = strstr(p, opens), *close = strstr(p, closes);
        if (close && (!open || close < open)) { /* opened in the prompt: all before is thought */
            if (out->data) out->data[start] = '\0';
            out->size = start;
            p = close + strlen(closes);
        } else if (open) {
            as_buf_add(out, p, (size_t)(open - p));
            p = close ? close + strlen(closes) : NULL;
        } else {
            as_buf_puts(out, p);
            p = NULL;
        }
    }
}

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');
    return end ? end + 1 : line + strlen(line);
}

/* Backticks at the start of a line, after blanks: at least three make a fence. */
static size_t fence(const char *line, const char **after)
{
    line += strspn(line, " \t");
    size_t n = strspn(line, "`");
    *after = line + n;
    return n >= 3 ? n : 0;
}

/* Nothing but blanks up to the end of the line. */
static bool is_blank(const char *p)
{
    p += strspn(p, " \t\r");
    return *p == '\n' || *p == '\0';
}

static bool is_python(const char *tag)
{
    static const char *const names[] = {"python", "python3", "py"};
    tag += strspn(tag, " \t");
    size_t n = strcspn(tag, " \t\r\n");
    bool found = n == 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        found = found || (strlen(names[i]) == n && strncmp(tag, names[i], n) == 0);
    return found;
}

/* The next fenced block from `from` on: [*begin, *end), and where to look on. */
static bool find_block(const char *from, const char **begin, const char **end, const char **tag,
                       const char **rest)
{
    for (const char *line = from; *line; line = next_line(line)) {
        size_t n = fence(line, tag);
        if (n == 0 || memchr(*tag, '`', (size_t)(next_line(line) - *tag))) continue;
        *begin = next_line(line);
        for (line = *begin; *line; line = next_line(line)) {
            const char *after;
            if (fence(line, &after) >= n && is_blank(after)) break;
        }
        *end = line;
        *rest = next_line(line);
        return true;
    }
    return false;
}

bool as_code_extract(const char *answer, as_buf *out, as_error *err)
{
    as_buf text = {0};
    const char *begin, *end, *tag, *rest, *from, *first = NULL, *first_end = NULL;
    strip_think(answer, &text);
    from = as_buf_text(&text);
    if (strncmp(from, "\xEF\xBB\xBF", 3) == 0) from += 3;
    for (rest = from; find_block(rest, &begin, &end, &tag, &rest);) {
        bool takes = is_python(tag);
        if (first && !takes) continue;
        first = begin;
        first_end = end;
        if (takes) break;
    }
    if (first)
        as_buf_add(out, first, (size_t)(first_end - first));
    else
        as_buf_puts(out, from);
    bool ok = as_buf_ok(&text, err) && as_buf_ok(out, err);
    as_buf_clear(&text);
    return ok;
}

/* --- programs ---------------------------------------------------------------------------- */

bool as_unit_tests_program(const as_problem *problem, const char *answer, as_arena *a,
                           as_program *out, as_error *err)
{
    as_buf b = {0};
    size_t n = strlen(problem->preamble);
    as_buf_puts(&b, problem->preamble);
    if (n && problem->preamble[n - 1] != '\n') as_buf_puts(&b, "\n");
    bool ok = as_code_extract(answer, &b, err);
    as_buf_puts(&b, "\n");
    const char *program =
        ok && as_buf_ok(&b, err) ? as_arena_copy(a, as_buf_text(&b), b.size, err) : NULL;
    as_buf_clear(&b);
    *out = (as_program){.program = program,
                        .preamble = problem->preamble,
                        .entry_point = problem->entry_point,
                        .test = problem->test};
    return program != NULL;
}

static const char *const axes[] = {"passed", "outcome", NULL};

bool as_unit_tests_rule(const as_run_result *run, as_arena *a, as_ruling out[2], as_error *err)
{
    if (run->outcome == AS_RUN_NOT_RUN) {
        const char *why = a ? as_arena_printf(a, err, "not run: %s", run->why) : "not run";
        for (size_t i = 0; i < 2; i++) out[i] = (as_ruling){axes[i], NAN, NULL, why};
        return why != NULL;
    }
    out[0] = (as_ruling){axes[0], run->outcome == AS_RUN_PASS, NULL, NULL};
    out[1] = (as_ruling){axes[1], NAN, as_run_outcome_name(run->outcome), NULL};
    return true;
}

static bool run_answer(const as_tools *tools, const as_problem *problem, const char *answer,
                       as_run_result *run, as_error *err)
{
    as_program program;
    if (!tools->sandbox) return as_fail(err, AS_ESANDBOX, "unit tests need a sandbox");
    as_arena *a = as_arena_new(err);
    bool ok = a && as_unit_tests_program(problem, answer, a, &program, err) &&
              as_sandbox_run(tools->sandbox, &program, run, err);
    as_arena_free(a);
    return ok;
}

static bool judge(const as_tools *tools, const as_answer *a, as_ruling *out, as_error *err)
{
    as_run_result run;
    as_ruling_none(&as_judge_unit_tests, 0, "the item has no tests", out);
    if (!a->item->problem) return true;
    return run_answer(tools, a->item->problem, a->text, &run, err) &&
           as_unit_tests_rule(&run, tools->arena, out, err);
}

bool as_unit_tests_why(const as_tools *tools, const as_problem *problem, const char *answer,
                       const char **why, as_error *err)
{
    as_run_result run;
    *why = NULL;
    if (!run_answer(tools, problem, answer, &run, err)) return false;
    if (run.outcome == AS_RUN_PASS) return true;
    *why = as_arena_printf(tools->arena, err, "%s: %s", as_run_outcome_name(run.outcome), run.why);
    return *why != NULL;
}

/* --- self-test and gate ------------------------------------------------------------------ */

/* "    return None\n" and the canonical body: what must not pass, and what must. */
static const char nothing[] = "    return None\n";

const char *as_unit_tests_answer(const as_problem *p, as_answer_form form, const char *body,
                                 as_arena *a, as_error *err)
{
    const char *whole = as_arena_printf(a, err, "%s%s", p->preamble, body);
    if (!whole) return NULL;
    switch (form) {
    case AS_FORM_FENCED:
        return as_arena_printf(a, err, "Here it is:\n\n```python\n%s```\n\nThat is all.", whole);
    case AS_FORM_BARE:
        return whole;
    case AS_FORM_THINK:
        return as_arena_printf(a, err,
                               "<think>\nFirst a try:\n```python\ndef %s(*x):\n    return 0\n"
                               "```\nNo.</think>\n\n```\n%s```",
                               p->entry_point, whole);
    case AS_FORM_BODY:
        return body;
    case AS_FORM_FENCED_BODY:
        return as_arena_printf(a, err, "```py\n%s```", body);
    default:
        return NULL;
    }
}

/* One pair for each item, the forms in turn by the item's id. */
static bool pair(const as_item *item, size_t k, as_arena *a, const char **good, const char **bad,
                 as_error *err)
{
    if (k > 0 || !item->problem) return false;
    as_answer_form form = (as_answer_form)((unsigned char)item->id[0] % AS_FORMS);
    *good = as_unit_tests_answer(item->problem, form, item->problem->solution, a, err);
    *bad = *good ? as_unit_tests_answer(item->problem, form, nothing, a, err) : NULL;
    return *bad != NULL;
}

const as_judge as_judge_unit_tests = {
    .runs_code = true,
    .name = "unit_tests",
    .summary = "does the code pass the problem's tests, run in the sandbox",
    .version = "1",
    .axes = axes,
    .judge = judge,
    .pair = pair,
};

typedef struct {
    as_program *program;
    const as_item **item;
    bool *must_pass;
    size_t n;
} trials;

/* Adds the program of an answer, unless the same one is there for this item (from `first` on). */
static bool add_trial(trials *t, size_t first, const as_item *item, const char *answer,
                      bool must_pass, as_arena *a, as_error *err)
{
    as_program p;
    if (!answer || !as_unit_tests_program(item->problem, answer, a, &p, err)) return false;
    for (size_t i = first; i < t->n; i++)
        if (t->must_pass[i] == must_pass && strcmp(t->program[i].program, p.program) == 0)
            return true;
    t->program[t->n] = p;
    t->item[t->n] = item;
    t->must_pass[t->n++] = must_pass;
    return true;
}

static bool make_trials(trials *t, const as_items *items, as_arena *a, as_error *err)
{
    size_t room;
    if (!as_size_mul(items->n, 2 * AS_FORMS, &room, err)) return false;
    t->program = as_arena_push(a, room, sizeof *t->program, err);
    t->item = t->program ? as_arena_push(a, room, sizeof *t->item, err) : NULL;
    t->must_pass = t->item ? as_arena_push(a, room, sizeof *t->must_pass, err) : NULL;
    if (!t->must_pass) return false;
    for (size_t i = 0; i < items->n; i++) {
        const as_item *item = &items->item[i];
        if (!item->problem) continue;
        for (size_t f = 0, first = t->n; f < 2 * AS_FORMS; f++) {
            bool is_good = f < AS_FORMS;
            const char *answer =
                as_unit_tests_answer(item->problem, (as_answer_form)(f % AS_FORMS),
                                     is_good ? item->problem->solution : nothing, a, err);
            if (!add_trial(t, first, item, answer, is_good, a, err)) return false;
        }
    }
    return true;
}

bool as_unit_tests_self_test(as_sandbox *s, const as_items *items, as_error *err)
{
    bool ok = false;
    trials t = {0};
    as_run_result *run = NULL;
    as_arena *a = as_arena_new(err);
    if (!a || !make_trials(&t, items, a, err)) goto out;
    run = as_arena_push(a, t.n, sizeof *run, err);
    if (!run || !as_sandbox_run_all(s, t.program, t.n, run, err)) goto out;
    for (size_t i = 0; i < t.n; i++) {
        if ((run[i].outcome == AS_RUN_PASS) == t.must_pass[i] && run[i].outcome != AS_RUN_NOT_RUN)
            continue;
        as_fail(err, AS_ESANDBOX, "self-test: %s: %s (found %s: %s)",
                t.item[i]->problem->entry_point,
                t.must_pass[i] ? "the canonical solution must pass" : "return None must not pass",
                as_run_outcome_name(run[i].outcome), run[i].why);
        goto out;
    }
    ok = true;
out:
    as_arena_free(a);
    return ok;
}
