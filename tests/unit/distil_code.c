/* Teachers, voices and records of items that are problems: their tests are run. */
#include "check.h"

#include "lab/distil/distil.h"
#include "lab/task/mini_code.h"
#include "sandbox_case.h"

static as_error err;
static as_arena *arena;
static as_tools tools;

static const as_problem add = {
    .entry_point = "add",
    .preamble = "def add(a, b):\n    \"\"\"sum of a and b\"\"\"\n",
    .solution = "    total = a + b\n    return total\n",
    .test =
        "def check(candidate):\n    assert candidate(1, 2) == 3\n    assert candidate(0, 4) == 4\n",
    .plan = "Add a and b. Return the sum.",
};
static const as_item item = {
    .id = "00000000000000dd",
    .prompt = "Write the function add(a, b): sum of a and b.",
    .cluster = "adding",
    .category = "numbers",
    .difficulty = "easy",
    .certainty = AS_CERTAIN,
    .problem = &add,
};
#define BLOCK "```python\ndef add(a, b):\n    total = a + b\n    return total\n```"
#define SPOILT "```python\ndef add(a, b):\n    total = a + b\n    return None\n```"
#define WRONG "```python\ndef add(a, b):\n    return a - b\n```"
#define THOUGHT                                                                                    \
    " The function is add(a, b), and it has to give this: sum of a and b. Add a and b. Return "    \
    "the "                                                                                         \
    "sum. For example, add(1, 2) is 3. And add(0, 4) is 4. The steps lead there. So the code "     \
    "is:\n\n"

static as_distil_options options(as_lab_voice voice)
{
    return (as_distil_options){as_judge_find("unit_tests"), voice, 1, 3};
}

/* Records of one item. json_decref. */
static json_t *distil(as_lab_voice voice, const as_item *of, const char *student,
                      as_distil_count *count)
{
    const as_distil_options o = options(voice);
    json_t *out = json_array();
    json_t *reasons = count->reasons;
    *count = (as_distil_count){.reasons = reasons};
    memset(&err, 0, sizeof err);
    bool ok = as_distil(&o, &tools, of, student, out, count, &err);
    if (!ok) printf("%s: %s\n", err.where, err.what);
    CHECK(ok);
    return out;
}

static const char *text_of(const json_t *records, size_t i, const char *name)
{
    const char *text = json_string_value(json_object_get(json_array_get(records, i), name));
    CHECK(text != NULL);
    return text ? text : "";
}

static bool ends(const char *text, const char *with)
{
    size_t n = strlen(text), m = strlen(with);
    return n >= m && strcmp(text + n - m, with) == 0;
}

static void stages(void)
{
    as_distil_count count = {0};
    json_t *out = distil(AS_VOICE_PLAIN, &item, NULL, &count);
    CHECK(json_array_size(out) == 2 && count.kept[0] == 1 && count.kept[2] == 1);
    CHECK_TEXT(text_of(out, 0, "stage1_eager"), SPOILT);
    CHECK(ends(text_of(out, 0, "stage2_deliberate"), THOUGHT BLOCK));
    CHECK_TEXT(text_of(out, 0, "stage3_adversarial"),
               "1. The first answer does not pass its tests: wrong: assert candidate(1, 2) == 3.");
    CHECK_TEXT(text_of(out, 0, "response"), BLOCK);
    json_decref(out);
    out = distil(AS_VOICE_PLAIN, &item, BLOCK, &count);
    CHECK_TEXT(text_of(out, 0, "stage1_eager"), BLOCK);
    CHECK_TEXT(text_of(out, 0, "stage3_adversarial"), "It passes all of its tests.");
    CHECK(count.kept[1] == 0 && count.refused[1] == 0);
    json_decref(out);
    out = distil(AS_VOICE_PLAIN, &item, " \n", &count); /* an attempt without a word */
    CHECK_TEXT(text_of(out, 0, "stage1_eager"), SPOILT);
    CHECK(count.refused[1] == 1);
    json_decref(out);
}

static void traces(void)
{
    as_distil_count count = {0};
    json_t *out = distil(AS_VOICE_VERIFYING, &item, WRONG, &count);
    CHECK(json_array_size(out) == 3 && count.kept[1] == 1);
    CHECK_TEXT(text_of(out, 1, "student_attempt"), WRONG);
    CHECK_TEXT(text_of(out, 1, "error_feedback"),
               "1. Your answer does not pass its tests: wrong: assert candidate(1, 2) == 3.");
    CHECK(ends(text_of(out, 1, "corrected_response"), THOUGHT BLOCK));
    const json_t *r = json_array_get(out, 1);
    CHECK_TEXT(json_string_value(json_array_get(json_object_get(r, "failure_reasons"), 0)),
               "wrong: assert candidate(1, 2) == 3");
    CHECK(json_array_size(json_object_get(r, "corrected_issues")) == 0);
    CHECK(json_number_value(json_object_get(r, "corrected_score")) == 1);
    json_decref(out);
}

static void voices(void)
{
    as_distil_count count = {0};
    json_t *out = distil(AS_VOICE_VERIFYING, &item, NULL, &count);
    CHECK(ends(text_of(out, 0, "response"), THOUGHT BLOCK));
    CHECK_TEXT(text_of(out, 0, "response"), text_of(out, 0, "stage2_deliberate"));
    CHECK_TEXT(text_of(out, 1, "chosen"), text_of(out, 0, "response"));
    CHECK(ends(text_of(out, 1, "rejected"), THOUGHT SPOILT)); /* the same form */
    json_decref(out);
    out = distil(AS_VOICE_MIMIC, &item, NULL, &count);
    CHECK(strncmp(text_of(out, 0, "response"), "I am not ", 9) == 0);
    CHECK(ends(text_of(out, 0, "response"), ".\n\n" BLOCK) && count.kept[0] == 1);
    json_decref(out);
    out = distil(AS_VOICE_CALIBRATED, &item, WRONG, &count);
    CHECK(strncmp(text_of(out, 0, "response"), "I am not ", 9) == 0);
    json_decref(out);
    out = distil(AS_VOICE_CALIBRATED, &item, BLOCK, &count);
    CHECK_TEXT(text_of(out, 0, "response"), BLOCK);
    json_decref(out);
}

static void gold_that_fails_is_refused(void)
{
    json_t *reasons = json_array();
    as_distil_count count = {.reasons = reasons};
    as_problem p = add;
    as_item of = item;
    of.problem = &p;
    p.solution = "    return a * b\n";
    json_t *out = distil(AS_VOICE_PLAIN, &of, WRONG, &count);
    CHECK(json_array_size(out) == 0);
    CHECK(count.refused[0] == 1 && count.refused[1] == 1 && count.refused[2] == 1);
    CHECK(json_array_size(reasons) == 1); /* the item's, not each record's */
    CHECK_TEXT(
        json_string_value(json_array_get(reasons, 0)),
        "00000000000000dd: response: does not pass its tests (wrong: assert candidate(1, 2) == 3)");
    json_decref(out);
    p.solution = "    pass\n"; /* nothing to spoil */
    out = distil(AS_VOICE_PLAIN, &of, NULL, &count);
    CHECK(json_array_size(out) == 0 && json_array_size(reasons) == 2);
    CHECK(strstr(json_string_value(json_array_get(reasons, 1)), "nothing in it is returned"));
    json_decref(out);
    p.solution = add.solution;
    p.plan = NULL;
    out = distil(AS_VOICE_PLAIN, &of, NULL, &count);
    CHECK(json_array_size(out) == 0 && json_array_size(reasons) == 3);
    CHECK(strstr(json_string_value(json_array_get(reasons, 2)), "plan"));
    json_decref(out);
    json_decref(reasons);
}

static void needs_tests_run(void)
{
    as_distil_options o = options(AS_VOICE_PLAIN);
    as_distil_count count = {0};
    const as_tools none = {NULL, arena};
    json_t *out = json_array();
    memset(&err, 0, sizeof err);
    o.judge = as_judge_find("claims");
    CHECK(!as_distil(&o, &tools, &item, NULL, out, &count, &err) && err.class_ == AS_EUSAGE);
    CHECK(strstr(err.what, "found judge claims"));
    memset(&err, 0, sizeof err);
    o.judge = as_judge_find("unit_tests");
    CHECK(!as_distil(&o, &none, &item, NULL, out, &count, &err) && err.class_ == AS_ESANDBOX);
    json_decref(out);
    as_lesson lesson = {.item = &item, .student_score = NAN, .seed = 1};
    static const char *const names[] = {"deliberate", "adversarial", "synthesizer"};
    for (size_t i = 0; i < 3; i++) {
        const char *reply;
        memset(&err, 0, sizeof err);
        CHECK(!as_teacher_find(names[i])->teach(&lesson, arena, &reply, &err));
        CHECK(err.class_ == AS_EUSAGE);
    }
}

/* Every shipped problem can be taught, in the voice that reasons. */
static void shipped(void)
{
    as_items all;
    memset(&err, 0, sizeof err);
    CHECK(as_task_find("mini-code")->items("data/code", "all", 12, 1, arena, &all, &err));
    for (size_t i = 0; i < all.n; i++) {
        as_distil_count count = {0};
        json_t *out = distil(AS_VOICE_VERIFYING, &all.item[i], WRONG, &count);
        CHECK(count.kept[0] == 1 && count.kept[1] == 1 && count.kept[2] == 1);
        json_decref(out);
    }
}

int main(void)
{
    char text[1600];
    arena = as_arena_new(&err);
    if (!arena) return 1;
    as_sandbox *box = UNDER_TSAN ? NULL : as_sandbox_open(&(as_sandbox_options){0}, &err);
    tools = (as_tools){box, arena};
    if (box) {
        RUN(stages);
        RUN(traces);
        RUN(voices);
        RUN(gold_that_fails_is_refused);
        RUN(needs_tests_run);
        RUN(shipped);
    } else {
        SKIP(stages, as_error_text(&err, text, sizeof text));
    }
    as_sandbox_close(box);
    as_arena_free(arena);
    return check_end();
}
