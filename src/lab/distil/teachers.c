/* Four teachers by rule, one a stage. They know the claims of the item and its wrong statements,
 * and play their parts: the eager one is quick, warm and sometimes wrong; the deliberate one goes
 * through every point; the adversarial one says what is false or left out; the synthesizer keeps
 * what the deliberate answer holds, in the voice of the training text. */
#include <stdlib.h>
#include <string.h>

#include "lab/distil/distil_internal.h"
#include "lab/judge/pattern.h"

static const char *const stages[AS_STAGES] = {"eager", "deliberate", "adversarial", "synthesis"};

const char *as_stage_name(as_stage s)
{
    return stages[s];
}

/* --- sentences ----------------------------------------------------------------------- */

/* A sentence of its own, with a capital. */
static void put_statement(as_buf *out, const char *says)
{
    char first = *says >= 'a' && *says <= 'z' ? (char)(*says - ('a' - 'A')) : *says;
    as_buf_add(out, &first, *says ? 1 : 0);
    as_buf_printf(out, "%s.", *says ? says + 1 : "");
}

void as_claim_sentence(as_buf *out, const as_claim *c, const char *says, const char *because,
                       bool is_first)
{
    static const struct {
        const char *kind, *lead;
    } leads[] = {
        {"remedy", "To save it, "},
        {"prevention", "Next time, "},
    };
    const char *lead = "Remember that ";
    for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++)
        if (strcmp(c->kind, leads[i].kind) == 0) lead = leads[i].lead;
    if (strcmp(c->kind, "cause") == 0) lead = because ? because : "It happened because ";
    if (strcmp(c->kind, "position") == 0) lead = is_first ? "Some say: " : "Others say: ";
    if (out->size) as_buf_puts(out, " ");
    if (strcmp(c->kind, "open") == 0 || strcmp(c->kind, "missing") == 0)
        put_statement(out, says);
    else
        as_buf_printf(out, "%s%s.", lead, says);
}

/* --- the student's words ------------------------------------------------------------- */

/* The next sentence of *p without the blanks around it, in one; *p moves past it. */
static bool next_sentence(const char **p, as_buf *one, as_error *err)
{
    as_buf_clear(one);
    while (**p == ' ' || **p == '\n') ++*p;
    size_t size = as_sentence_size(*p);
    as_buf_add(one, *p, size);
    while (one->size > 0 && strchr(" \n", one->data[one->size - 1])) one->data[--one->size] = '\0';
    *p += size;
    return as_buf_ok(one, err);
}

bool as_lesson_because(const as_lesson *l, as_arena *a, const char **because, as_error *err)
{
    static const char mark[] = " because ";
    as_buf one = {0};
    bool ok = true, names = false;
    *because = NULL;
    char *key = as_arena_text(a, l->item->cluster ? l->item->cluster : "", err);
    if (!key) return false;
    for (char *c = key; *c; c++) *c = *c == '-' ? ' ' : *c;
    const as_texts keys = {(const char *const *)&key, *key ? 1 : 0};
    for (const char *p = l->student; ok && p && *p && !*because;) {
        ok = next_sentence(&p, &one, err);
        char *at = one.size ? strstr(one.data, mark) : NULL;
        if (!ok || !at || (strncmp(one.data, "Your ", 5) != 0 && strncmp(one.data, "The ", 4) != 0))
            continue;
        at[sizeof mark - 1] = '\0';
        ok = as_canon_said(&keys, one.data, &names, err) &&
             (!names || (*because = as_arena_text(a, one.data, err)));
    }
    as_buf_clear(&one);
    return ok;
}

/* --- wrong statements ---------------------------------------------------------------- */

bool as_claim_wrong(const as_claim *c, const char *text, size_t *which, as_error *err)
{
    for (*which = 0; *which < c->wrong.n; ++*which) {
        size_t n, words;
        as_lexicon *l = as_lexicon_new(&c->wrong.text[*which], 1, err);
        bool ok = l && as_lexicon_count(l, text, &n, &words, err);
        as_lexicon_free(l);
        if (!ok) return false;
        if (n > 0) return true;
    }
    return true;
}

/* Gives what b holds to the arena, and clears b. */
static bool hand_over(as_buf *b, as_arena *a, const char **reply, as_error *err)
{
    bool ok = as_buf_ok(b, err) && (*reply = as_arena_text(a, as_buf_text(b), err)) != NULL;
    as_buf_clear(b);
    return ok;
}

bool as_lesson_needs(const as_lesson *l, as_stage s, as_error *err)
{
    if (l->reply[s]) return true;
    return as_fail(err, AS_EUSAGE, "item %s: the answer of the %s stage is missing", l->item->id,
                   as_stage_name(s));
}

bool as_lesson_is_correction(const as_lesson *l)
{
    return l->student && l->reply[AS_STAGE_SYNTHESIS];
}

/* --- eager --------------------------------------------------------------------------- */

/* The first half of the claims; in one lesson of two the last of them wrong. */
static bool teach_eager(const as_lesson *l, as_arena *a, const char **reply, as_error *err)
{
    static const char *const warm[] = {
        "Do not worry, every cook has stood there.",
        "What a fine thing to be making.",
        "Take heart, the kitchen still smells of butter and all is not lost.",
    };
    if (l->item->problem) return as_code_eager(l, a, reply, err);
    as_rng r = as_item_rng(l->seed, "distil eager", l->item);
    as_buf b = {0};
    as_buf_puts(&b, warm[as_rng_below(&r, sizeof warm / sizeof warm[0])]);
    bool slips = as_rng_below(&r, 2) == 1;
    size_t half = (l->item->n_claims + 1) / 2;
    for (size_t i = 0; i < half; i++) {
        const as_claim *c = &l->item->claim[i];
        bool wrong = slips && i + 1 == half && c->wrong.n > 0;
        as_claim_sentence(&b, c, wrong ? c->wrong.text[as_rng_below(&r, c->wrong.n)] : c->text,
                          NULL, i == 0);
    }
    as_buf_puts(&b, " You will see how good it is in the end!");
    return hand_over(&b, a, reply, err);
}

static const as_teacher eager = {
    .name = "eager",
    .summary = "a warm first answer: half of the claims, now and then one wrong",
    .licence = AS_SCRIPT_LICENCE,
    .stage = AS_STAGE_EAGER,
    .teach = teach_eager,
};

/* --- deliberate ---------------------------------------------------------------------- */

static bool teach_deliberate(const as_lesson *l, as_arena *a, const char **reply, as_error *err)
{
    as_buf b = {0};
    if (l->item->problem) return as_code_deliberate(l, a, reply, err);
    if (!as_lesson_needs(l, AS_STAGE_EAGER, err)) return false;
    as_buf_puts(&b, "One point at a time.");
    for (size_t i = 0; i < l->item->n_claims; i++)
        as_claim_sentence(&b, &l->item->claim[i], l->item->claim[i].text, NULL, i == 0);
    if (l->item->certainty == AS_UNCERTAIN) as_buf_puts(&b, " Both can be argued.");
    if (l->item->certainty == AS_AMBIGUOUS)
        as_buf_puts(&b, " The question does not name its dish.");
    as_buf_puts(&b, " I have gone over each of these twice.");
    return hand_over(&b, a, reply, err);
}

static const as_teacher deliberate = {
    .name = "deliberate",
    .summary = "every claim in turn",
    .licence = AS_SCRIPT_LICENCE,
    .stage = AS_STAGE_DELIBERATE,
    .teach = teach_deliberate,
};

/* --- adversarial --------------------------------------------------------------------- */

/* What is false or missing in one answer, as numbered lines. */
static bool attack(as_buf *b, const as_item *item, const char *answer, const char *called,
                   size_t *n, as_error *err)
{
    for (size_t i = 0; i < item->n_claims; i++) {
        const as_claim *c = &item->claim[i];
        size_t wrong;
        bool said;
        if (!as_claim_wrong(c, answer, &wrong, err) || !as_canon_said(&c->keys, answer, &said, err))
            return false;
        if (wrong < c->wrong.n)
            as_buf_printf(b, "%s%zu. %s says \"%s\", which is false.", b->size ? "\n" : "", ++*n,
                          called, c->wrong.text[wrong]);
        else if (!said)
            as_buf_printf(b, "%s%zu. %s leaves out the %s: %s.", b->size ? "\n" : "", ++*n, called,
                          c->kind, c->text);
    }
    return true;
}

static bool teach_adversarial(const as_lesson *l, as_arena *a, const char **reply, as_error *err)
{
    static const struct {
        as_stage stage;
        const char *called;
    } of[] = {{AS_STAGE_EAGER, "The first answer"}, {AS_STAGE_DELIBERATE, "The second answer"}};
    as_buf b = {0};
    size_t n = 0;
    bool ok = true;
    if (l->item->problem) return as_code_adversarial(l, a, reply, err);
    if (as_lesson_is_correction(l)) {
        ok = attack(&b, l->item, l->student, "Your answer", &n, err);
    } else {
        for (size_t i = 0; ok && i < 2; i++)
            ok = as_lesson_needs(l, of[i].stage, err) &&
                 attack(&b, l->item, l->reply[of[i].stage], of[i].called, &n, err);
    }
    if (n == 0) as_buf_puts(&b, "Nothing in it is false, and nothing that was asked is left out.");
    if (ok) return hand_over(&b, a, reply, err);
    as_buf_clear(&b);
    return false;
}

static const as_teacher adversarial = {
    .name = "adversarial",
    .summary = "what is false in an answer, and what it leaves out",
    .licence = AS_SCRIPT_LICENCE,
    .stage = AS_STAGE_ADVERSARIAL,
    .teach = teach_adversarial,
};

/* --- synthesis ----------------------------------------------------------------------- */

/* A sentence that makes the claim and says nothing wrong: appended, unless it is there already. */
static bool keep_sentence(as_buf *b, const as_item *item, const as_claim *c, const char *sentence,
                          bool *kept, as_error *err)
{
    if (!as_canon_said(&c->keys, sentence, kept, err)) return false;
    for (size_t i = 0; *kept && i < item->n_claims; i++) {
        size_t wrong;
        if (!as_claim_wrong(&item->claim[i], sentence, &wrong, err)) return false;
        *kept = wrong == item->claim[i].wrong.n;
    }
    if (!*kept || strstr(as_buf_text(b), sentence)) return true;
    bool is_closed = strchr(".!?", sentence[strlen(sentence) - 1]) != NULL;
    as_buf_printf(b, "%s%s%s", b->size ? " " : "", sentence, is_closed ? "" : ".");
    return true;
}

/* The claim in the student's own words, where it has any. */
static bool keep_words(as_buf *b, const as_lesson *l, const as_claim *c, bool *kept, as_error *err)
{
    as_buf one = {0};
    bool ok = true;
    *kept = false;
    for (const char *p = l->student; ok && p && *p && !*kept;)
        ok = next_sentence(&p, &one, err) &&
             (one.size == 0 || keep_sentence(b, l->item, c, one.data, kept, err));
    as_buf_clear(&one);
    return ok;
}

/* The claims of that sort (open ones, or all others) that the deliberate answer makes; in a
 * correction in the student's words where those are right. */
static bool gather(as_buf *b, const as_lesson *l, bool open, as_arena *a, as_error *err)
{
    const char *because;
    bool said, kept = false;
    if (!as_lesson_because(l, a, &because, err)) return false;
    for (size_t i = 0; i < l->item->n_claims; i++) {
        const as_claim *c = &l->item->claim[i];
        if ((strcmp(c->kind, "open") == 0) != open) continue;
        if (!as_canon_said(&c->keys, l->reply[AS_STAGE_DELIBERATE], &said, err)) return false;
        if (!said) continue;
        if (as_lesson_is_correction(l) && !keep_words(b, l, c, &kept, err)) return false;
        if (!kept) as_claim_sentence(b, c, c->text, because, i == 0);
    }
    return true;
}

/* What the deliberate answer holds of the claims. */
static bool synthesize(const as_lesson *l, as_arena *a, const char **reply, as_error *err)
{
    as_buf b = {0};
    bool ok = as_lesson_needs(l, AS_STAGE_EAGER, err) &&
              as_lesson_needs(l, AS_STAGE_DELIBERATE, err) &&
              as_lesson_needs(l, AS_STAGE_ADVERSARIAL, err);
    if (!ok) return false;
    ok = gather(&b, l, true, a, err) && gather(&b, l, false, a, err);
    if (l->item->certainty != AS_CERTAIN && l->item->n_claims == 0)
        as_buf_puts(&b, "I cannot tell which one you mean. Which one is it, and what has it done?");
    if (ok && b.size == 0 && !b.failed)
        ok = as_fail(err, AS_EFORMAT,
                     "%s: synthesis: the deliberate answer holds none of the claims", l->item->id);
    if (ok) return hand_over(&b, a, reply, err);
    as_buf_clear(&b);
    return false;
}

static bool teach_synthesis(const as_lesson *l, as_arena *a, const char **reply, as_error *err)
{
    if (!(l->item->problem ? as_code_synthesis : synthesize)(l, a, reply, err)) return false;
    if (l->item->certainty == AS_CERTAIN && l->knows_student && l->student_score < 0.5)
        *reply = as_voice_hedged(*reply, l->item, l->seed, a, err);
    return *reply != NULL;
}

static const as_teacher synthesizer = {
    .name = "synthesizer",
    .summary = "what the deliberate answer holds, in one voice",
    .licence = AS_SCRIPT_LICENCE,
    .stage = AS_STAGE_SYNTHESIS,
    .teach = teach_synthesis,
};

/* --- the table ----------------------------------------------------------------------- */

static const as_teacher *const teachers[] = {&eager, &deliberate, &adversarial, &synthesizer};

const as_teacher *const *as_teachers(size_t *n)
{
    *n = sizeof teachers / sizeof teachers[0];
    return teachers;
}

const as_teacher *as_teacher_find(const char *name)
{
    for (size_t i = 0; i < sizeof teachers / sizeof teachers[0]; i++)
        if (strcmp(teachers[i]->name, name) == 0) return teachers[i];
    return NULL;
}
