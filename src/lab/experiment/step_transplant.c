/* do: transplant. The surface markers of one arm's answers pasted onto another arm's answers to the
 * same questions, whose content stays as it is. What a judge credits to these is credit for markers
 * alone. A marker is the opening clause of an answer, up to its first comma, when the delivery
 * judge calls that clause alone hedged. */
#include <math.h>
#include <string.h>

#include "lab/experiment/study.h"

typedef struct {
    const as_step_spec *onto;
    const char *onto_arm;
} own;

static const char *const keys[] = {"from", "onto", "judges", NULL};

static bool parse(const as_plan *p, as_step_spec *s, as_arena *a, as_error *err)
{
    own *o = as_arena_push(a, 1, sizeof *o, err);
    const as_tree *onto = as_tree_find(s->at, "onto");
    if (!o) return false;
    s->own = o;
    if (!s->from || !onto)
        return as_tree_fail(s->at, err, "transplant (expected from and onto: STEP.ARM)");
    if (!as_study_source(p, onto, &o->onto, &o->onto_arm, a, err)) return false;
    if (o->onto->set != s->set)
        return as_tree_fail(onto, err, "onto (expected answers to the same set)");
    if (!s->n_judges) {
        s->judge = o->onto->judge;
        s->n_judges = o->onto->n_judges;
    }
    s->arm = as_arena_push(a, 2, sizeof *s->arm, err);
    if (!s->arm) return false;
    s->arm[0] = (as_arm_spec){.name = "pasted", .at = s->at};
    s->n_arms = 1;
    return true;
}

/* The opening clause with its comma and blank, "" when it is no marker. */
static const char *marker_of(as_study *st, const as_item *item, const char *text, as_error *err)
{
    const as_judge *delivery = as_judge_find("delivery");
    const as_tools tools = {st->o->sandbox, st->a};
    as_ruling ruling[AS_JUDGE_AXES] = {{0}};
    const char *comma = strchr(text, ',');
    if (!comma || strcspn(text, ".!?\n") < (size_t)(comma - text)) return "";
    const size_t n = (size_t)(comma - text);
    const char *clause = as_arena_printf(st->a, err, "%.*s.", (int)n, text);
    const as_answer answer = {item, clause, NULL};
    if (!clause || !delivery->judge(&tools, &answer, ruling, err)) return NULL;
    if (!ruling[0].label || strcmp(ruling[0].label, "HEDGE") != 0) return "";
    return as_arena_printf(st->a, err, "%.*s, ", (int)n, text);
}

static bool paste_all(as_study *st, const as_step_spec *s, const as_key *prompt,
                      const as_items *items, const char *subject, as_error *err)
{
    const own *o = s->own;
    as_table marked, plain;
    size_t n_marked = 0;
    if (!as_study_table(st, s->from, s->from_arm, &marked, err) ||
        !as_study_table(st, o->onto, o->onto_arm, &plain, err))
        return false;
    const as_column *with = as_column_find(&marked, "answer");
    const as_column *text = as_column_find(&plain, "answer");
    AS_CHECK(marked.n == plain.n);
    for (size_t i = 0; i < plain.n; i++) {
        const as_item *item = &items->item[plain.position[i]];
        const char *marker = marker_of(st, item, with->text[i], err);
        as_study_answer a = {.position = plain.position[i],
                             .arm = "pasted",
                             .subject = subject,
                             .tokens = NAN,
                             .logprob = NAN};
        if (!marker) return false;
        n_marked += *marker != '\0';
        a.text = as_arena_printf(st->a, err, "%s%s", marker, text->text[i]);
        if (!a.text || !as_study_keep(st, s, &prompt[a.position], &a, err)) return false;
    }
    return as_study_note(st, s, "marked", "", (double)n_marked, plain.n, 0, json_object(), err);
}

static bool run(as_study *st, const as_step_spec *s, as_error *err)
{
    const as_key *prompt = NULL;
    const char *subject = "transplant/1";
    const as_items *items = as_study_items(st, s->set, err);
    bool *answered = items ? as_arena_push(st->a, items->n + 1, sizeof *answered, err) : NULL;
    if (!answered || !as_study_ask(st, s->set, &prompt, err) ||
        !as_study_answered(st, s, "pasted", subject, answered, err))
        return false;
    if (!answered[0]) {
        if (!as_store_begin(st->o->store, err)) return false;
        if (!paste_all(st, s, prompt, items, subject, err)) {
            as_store_rollback(st->o->store);
            return false;
        }
        if (!as_store_commit(st->o->store, err)) return false;
    }
    const own *o = s->own;
    return as_study_judge_edited(st, s, o->onto, o->onto_arm, subject, err);
}

const as_step_kind as_step_transplant = {
    "transplant", "the markers of one arm's answers on the answers of another", keys, parse, run};
