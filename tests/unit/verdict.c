/* lab/audit/verdict: every row of the table of precedence, alone and against each row below it; and
 * steps. */
#include "check.h"

#include "lab/audit/verdict.h"

static as_arena *arena;

static as_leaf leaf(as_outcome outcome, const char *cause)
{
    return (as_leaf){outcome, cause, outcome == AS_HOLDS ? "It holds." : "It does not."};
}

static as_judged judge(const as_branch *b, size_t n)
{
    as_error err = {0};
    as_judged out = {0};
    CHECK(as_verdict_of(b, n, arena, &out, &err));
    CHECK(err.class_ == AS_OK);
    return out;
}

/* The table, highest first: what one branch of that role and outcome comes to. */
static const struct {
    as_role role;
    as_outcome outcome;
    const char *word, *cause; /* with the leaf's cause "why" */
} table[] = {
    {AS_ARTEFACT, AS_FAILS, "refuted", "artefact: why"},
    {AS_INSTRUMENT, AS_FAILS, "inconclusive", "instrument refuted: why"},
    {AS_MUST_HOLD, AS_FAILS, "refuted", "why"},
    {AS_MUST_FAIL, AS_HOLDS, "refuted", "the opposite holds: why"},
    {AS_INSTRUMENT, AS_UNKNOWN, "inconclusive", "instrument unverified: why"},
    {AS_ARTEFACT, AS_UNKNOWN, "inconclusive", "artefact not ruled out: why"},
    {AS_MUST_HOLD, AS_UNKNOWN, "inconclusive", "why"},
    {AS_MUST_FAIL, AS_UNKNOWN, "inconclusive", "why"},
    {AS_MUST_HOLD, AS_SHOWN, "inconclusive", "decides nothing: why"},
    {AS_MUST_FAIL, AS_SHOWN, "inconclusive", "decides nothing: why"},
};
enum { N_TABLE = sizeof table / sizeof table[0] };

static as_branch row(size_t i, const char *cause)
{
    return (as_branch){.role = table[i].role, .check = "c", .leaf = leaf(table[i].outcome, cause)};
}

static void each_row_alone(void)
{
    for (size_t i = 0; i < N_TABLE; i++) {
        as_branch b = row(i, "why");
        as_judged v = judge(&b, 1);
        CHECK_TEXT(v.word, table[i].word);
        CHECK_TEXT(v.cause, table[i].cause);
        CHECK_TEXT(v.sentence, b.leaf.sentence);
        CHECK(v.stopped_at == 0);
    }
}

/* What was found is said before what is wrong with the instrument, and not twice. */
static void capped_says_the_effect(void)
{
    as_branch b[2] = {{.role = AS_MUST_HOLD, .check = "e", .leaf = leaf(AS_HOLDS, "")},
                      {.role = AS_INSTRUMENT, .check = "i", .leaf = leaf(AS_FAILS, "why")}};
    b[0].leaf.sentence = "It rose.";
    b[1].leaf.sentence = "The budget differs.";
    CHECK_TEXT(judge(b, 2).sentence, "It rose. But: The budget differs.");
    b[0].leaf.sentence = b[1].leaf.sentence;
    CHECK_TEXT(judge(b, 2).sentence, "The budget differs.");
}

/* Of two rows the higher one decides, in either order, and among many holding branches. */
static void higher_row_decides(void)
{
    for (size_t i = 0; i < N_TABLE; i++)
        for (size_t k = i + 1; k < N_TABLE; k++)
            for (size_t place = 0; place < 4; place++) {
                as_branch b[4];
                for (size_t j = 0; j < 4; j++)
                    b[j] =
                        (as_branch){.role = AS_MUST_HOLD, .check = "h", .leaf = leaf(AS_HOLDS, "")};
                b[place] = row(i, "why");
                b[(place + 2) % 4] = row(k, "other");
                as_judged v = judge(b, 4);
                CHECK_TEXT(v.word, table[i].word);
                CHECK_TEXT(v.cause, table[i].cause);
            }
}

/* Two leaves of one rank: the first in the plan's order speaks. */
static void first_of_one_rank_speaks(void)
{
    for (size_t i = 0; i < N_TABLE; i++) {
        as_branch b[2] = {row(i, "why"), row(i, "other")};
        CHECK_TEXT(judge(b, 2).cause, table[i].cause);
    }
}

static void support(void)
{
    const as_branch b[] = {
        {.role = AS_CONTEXT, .check = "a", .leaf = {AS_FAILS, "ignored", "Context."}},
        {.role = AS_MUST_HOLD, .check = "b", .leaf = {AS_HOLDS, "", "One."}},
        {.role = AS_INSTRUMENT, .check = "c", .leaf = {AS_HOLDS, "", "Clean."}},
        {.role = AS_ARTEFACT, .check = "d", .leaf = {AS_HOLDS, "", "Ruled out."}},
        {.role = AS_MUST_FAIL, .check = "e", .leaf = {AS_FAILS, "no effect", "Two."}},
        {.role = AS_MUST_HOLD, .check = "f", .leaf = {AS_HOLDS, "", "Three."}},
    };
    as_judged v = judge(b, 6);
    CHECK_TEXT(v.word, "supported");
    CHECK_TEXT(v.cause, "");
    CHECK_TEXT(v.sentence, "One. Two. Three.");
}

/* Context never decides, whatever it says; a description stands in nobody's way. */
static void what_decides_nothing(void)
{
    static const as_outcome outcomes[] = {AS_HOLDS, AS_FAILS, AS_UNKNOWN, AS_SHOWN};
    for (size_t i = 0; i < 4; i++) {
        const as_branch b[] = {
            {.role = AS_MUST_HOLD, .check = "a", .leaf = leaf(AS_HOLDS, "")},
            {.role = AS_CONTEXT, .check = "b", .leaf = leaf(outcomes[i], "why")}};
        CHECK_TEXT(judge(b, 2).word, "supported");
    }
    static const as_role roles[] = {AS_INSTRUMENT, AS_ARTEFACT};
    for (size_t i = 0; i < 2; i++) {
        const as_branch b[] = {{.role = AS_MUST_HOLD, .check = "a", .leaf = leaf(AS_HOLDS, "")},
                               {.role = roles[i], .check = "b", .leaf = leaf(AS_SHOWN, "")}};
        CHECK_TEXT(judge(b, 2).word, "supported");
    }
}

/* A label does not stand twice, nor with a colon and nothing after it. */
static void causes_read_well(void)
{
    as_branch b = row(1, "instrument refuted");
    CHECK_TEXT(judge(&b, 1).cause, "instrument refuted");
    b = row(0, "");
    CHECK_TEXT(judge(&b, 1).cause, "artefact");
    b = row(3, "");
    CHECK_TEXT(judge(&b, 1).cause, "the opposite holds");
    b = row(2, "");
    CHECK_TEXT(judge(&b, 1).cause, "");
}

static as_branch step(size_t number, as_outcome outcome, const char *cause)
{
    static const char *const names[] = {"", "read", "move", "keep"};
    return (as_branch){AS_STEP, number, names[number], "c", leaf(outcome, cause)};
}

static void steps_that_hold(void)
{
    const as_branch b[] = {step(1, AS_HOLDS, ""), step(1, AS_HOLDS, ""), step(2, AS_HOLDS, "")};
    as_judged v = judge(b, 3);
    CHECK_TEXT(v.word, "supported");
    CHECK_TEXT(v.cause, "");
    CHECK(v.stopped_at == 0);
    CHECK_TEXT(v.sentence, "It holds. It holds. It holds.");
}

static void steps_that_stop(void)
{
    const as_branch fails[] = {step(1, AS_HOLDS, ""), step(2, AS_FAILS, "no effect"),
                               step(3, AS_FAILS, "later")};
    as_judged v = judge(fails, 3);
    CHECK_TEXT(v.word, "refuted");
    CHECK_TEXT(v.cause, "stops at step 2: no effect");
    CHECK_TEXT(v.sentence, "Stops at step 2, move. It does not.");
    CHECK(v.stopped_at == 2);

    /* The first step that does not hold decides, also when a later one is refuted. */
    const as_branch unknown[] = {step(3, AS_FAILS, "later"), step(2, AS_UNKNOWN, "few items"),
                                 step(1, AS_HOLDS, "")};
    v = judge(unknown, 3);
    CHECK_TEXT(v.word, "inconclusive");
    CHECK_TEXT(v.cause, "stops at step 2: few items");
    CHECK(v.stopped_at == 2);

    /* Within a step a failing leaf speaks before an unknown one, in either order. */
    const as_branch both[] = {step(1, AS_UNKNOWN, "few items"), step(1, AS_FAILS, "no effect")};
    const as_branch turned[] = {both[1], both[0]};
    CHECK_TEXT(judge(both, 2).cause, "stops at step 1: no effect");
    CHECK_TEXT(judge(turned, 2).cause, "stops at step 1: no effect");
    const as_branch shown[] = {step(2, AS_SHOWN, ""), step(2, AS_HOLDS, "")};
    CHECK_TEXT(judge(shown, 2).word, "inconclusive");
    CHECK_TEXT(judge(shown, 2).cause, "stops at step 2: decides nothing");
    const as_branch beside[] = {step(2, AS_SHOWN, ""), step(2, AS_UNKNOWN, "few items")};
    CHECK_TEXT(judge(beside, 2).cause, "stops at step 2: few items");
    const as_branch two[] = {step(1, AS_FAILS, "first"), step(1, AS_FAILS, "second")};
    CHECK_TEXT(judge(two, 2).cause, "stops at step 1: first");
}

/* Instruments and artefacts cap the support of steps, and do not undo where they stop. */
static void steps_under_instruments(void)
{
    for (size_t i = 0; i < N_TABLE; i++) {
        if (table[i].role != AS_INSTRUMENT && table[i].role != AS_ARTEFACT) continue;
        const as_branch held[] = {step(1, AS_HOLDS, ""), row(i, "why")};
        const as_branch stopped[] = {row(i, "why"), step(1, AS_FAILS, "no effect")};
        CHECK_TEXT(judge(held, 2).cause, table[i].cause);
        CHECK(strcmp(judge(held, 2).word, "supported") != 0);
        CHECK_TEXT(judge(stopped, 2).cause, "stops at step 1: no effect");
    }
}

static void names(void)
{
    static const char *const roles[] = {"must_hold", "must_fail", "instrument",
                                        "artefact",  "context",   "step"};
    static const char *const outcomes[] = {"holds", "fails", "unknown", "shown"};
    for (int i = 0; i < 6; i++) CHECK_TEXT(as_role_name((as_role)i), roles[i]);
    for (int i = 0; i < 4; i++) CHECK_TEXT(as_outcome_name((as_outcome)i), outcomes[i]);
}

int main(void)
{
    as_error err = {0};
    arena = as_arena_new(&err);
    if (!arena) return 1;
    RUN(each_row_alone);
    RUN(capped_says_the_effect);
    RUN(higher_row_decides);
    RUN(first_of_one_rank_speaks);
    RUN(support);
    RUN(what_decides_nothing);
    RUN(causes_read_well);
    RUN(steps_that_hold);
    RUN(steps_that_stop);
    RUN(steps_under_instruments);
    RUN(names);
    as_arena_free(arena);
    return check_end();
}
