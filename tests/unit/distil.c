/* Teachers, voices, records and their gate. */
#include "lab/distil/distil.h"

#include <stdlib.h>

#include "check.h"
#include "judge_case.h"

#define DATA "data/chef"

static as_error err;
static as_arena *arena;
static as_tools tools;

static as_distil_options options(as_lab_voice voice)
{
    as_distil_options o = {as_judge_find("claims"), voice, 0.5, 3};
    return o;
}

/* Records of one item; count may be NULL. json_decref. */
static json_t *distil(const as_distil_options *o, const as_item *item, const char *student,
                      as_distil_count *count)
{
    as_distil_count mine = {0};
    json_t *out = json_array();
    memset(&err, 0, sizeof err);
    bool ok = as_distil(o, &tools, item, student, out, count ? count : &mine, &err);
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

static as_ruling ask(const char *judge, size_t axis, const as_item *item, const char *text)
{
    as_ruling all[AS_JUDGE_AXES];
    as_answer a = {item, text, NULL};
    CHECK(as_judge_find(judge)->judge(&tools, &a, all, &err));
    return all[axis];
}

static bool hedges(const as_item *item, const char *text)
{
    const char *label = ask("delivery", 0, item, text).label;
    return label && strcmp(label, "HEDGE") == 0;
}

static as_items load(const char *set)
{
    as_items items = {0};
    memset(&err, 0, sizeof err);
    CHECK(as_task_find("chef")->items(DATA, set, 0, 5, arena, &items, &err));
    return items;
}

/* --- teachers ------------------------------------------------------------------------ */

static void teachers_stand_in_order(void)
{
    size_t n;
    const as_teacher *const *t = as_teachers(&n);
    CHECK(n == AS_STAGES);
    for (size_t i = 0; i < n; i++) {
        CHECK(t[i]->stage == (as_stage)i && as_teacher_find(t[i]->name) == t[i]);
        CHECK(t[i]->licence && t[i]->summary && as_stage_name(t[i]->stage));
    }
    CHECK(!as_teacher_find("eage"));
    for (int v = 0; v < AS_VOICES; v++) CHECK(as_lab_voice_name((as_lab_voice)v) != NULL);
}

static void later_stages_need_earlier_ones(void)
{
    const as_lesson lesson = {.item = &sauce, .student_score = NAN, .seed = 1};
    static const char *const names[] = {"deliberate", "adversarial", "synthesizer"};
    for (size_t i = 0; i < 3; i++) {
        const char *reply;
        memset(&err, 0, sizeof err);
        CHECK(!as_teacher_find(names[i])->teach(&lesson, arena, &reply, &err));
        CHECK(err.class_ == AS_EUSAGE);
    }
}

static void adversary_finds_what_is_wrong(void)
{
    as_lesson lesson = {.item = &sauce, .student_score = NAN, .seed = 1};
    lesson.reply[AS_STAGE_EAGER] = "It happened because the pan was too wide. To save it, whisk it "
                                   "into a fresh yolk.";
    lesson.reply[AS_STAGE_DELIBERATE] = SAUCE_GOLD;
    const char *reply = "";
    memset(&err, 0, sizeof err);
    CHECK(as_teacher_find("adversarial")->teach(&lesson, arena, &reply, &err));
    CHECK_TEXT(reply,
               "1. The first answer says \"the pan was too wide\", which is false.\n"
               "2. The first answer leaves out the prevention: add the butter by the "
               "spoonful.\n"
               "3. The first answer leaves out the temperature: hollandaise is held at about "
               "60 °C.");
    lesson.reply[AS_STAGE_EAGER] = SAUCE_GOLD;
    CHECK(as_teacher_find("adversarial")->teach(&lesson, arena, &reply, &err));
    CHECK_TEXT(reply, "Nothing in it is false, and nothing that was asked is left out.");
}

/* What the deliberate answer does not hold, the synthesis does not say. */
static void synthesis_rests_on_the_stages(void)
{
    as_lesson lesson = {.item = &sauce, .student_score = NAN, .seed = 1};
    lesson.reply[AS_STAGE_EAGER] = lesson.reply[AS_STAGE_ADVERSARIAL] = "x";
    lesson.reply[AS_STAGE_DELIBERATE] = "Hold it at 60 °C.";
    const char *reply = "";
    memset(&err, 0, sizeof err);
    CHECK(as_teacher_find("synthesizer")->teach(&lesson, arena, &reply, &err));
    CHECK_TEXT(reply, "Remember that hollandaise is held at about 60 °C.");
    lesson.reply[AS_STAGE_DELIBERATE] = "Cook with love.";
    CHECK(!as_teacher_find("synthesizer")->teach(&lesson, arena, &reply, &err));
    CHECK(err.class_ == AS_EFORMAT);
}

/* --- records of one item ------------------------------------------------------------- */

static void gold_is_in_the_training_voice(void)
{
    as_distil_options o = options(AS_VOICE_PLAIN);
    as_distil_count count = {0};
    json_t *out = distil(&o, &sauce, NULL, &count);
    CHECK(json_array_size(out) == 2 && count.kept[0] == 1 && count.kept[2] == 1);
    CHECK_TEXT(text_of(out, 0, "response"), SAUCE_GOLD);
    CHECK(!json_object_get(json_array_get(out, 0), "type"));
    CHECK_TEXT(text_of(out, 1, "chosen"), SAUCE_GOLD);
    json_decref(out);
    out = distil(&o, &sauce, "The hollandaise turned thin because it was cold.", NULL);
    CHECK_TEXT(text_of(out, 0, "response"),
               "The hollandaise turned thin because the butter went in too fast. To save it, whisk "
               "the broken sauce slowly into a fresh yolk. Next time, add the butter by the "
               "spoonful. Remember that hollandaise is held at about 60 °C.");
    json_decref(out);
    out = distil(&o, &sauce, "Your soup turned thin because it was cold.", NULL); /* another dish */
    CHECK_TEXT(text_of(out, 0, "response"), SAUCE_GOLD);
    json_decref(out);
}

static void traces_correct_failures_only(void)
{
    as_distil_options o = options(AS_VOICE_PLAIN);
    as_distil_count count = {0};
    json_t *out = distil(&o, &sauce,
                         "Your hollandaise has split because the pan was too wide. Hold it "
                         "at 60 °C, my friend. Next time, pray.",
                         &count);
    CHECK(json_array_size(out) == 3 && count.kept[1] == 1);
    CHECK_TEXT(text_of(out, 1, "type"), "type2_failure_trace");
    CHECK_TEXT(
        text_of(out, 1, "corrected_response"),
        "Your hollandaise has split because the butter went in too fast. To save it, whisk the "
        "broken sauce slowly into a fresh yolk. Next time, add the butter by the spoonful. "
        "Hold it at 60 °C, my friend.");
    CHECK_TEXT(text_of(out, 1, "error_feedback"),
               "1. Your answer says \"the pan was too wide\", which is false.\n"
               "2. Your answer leaves out the remedy: whisk the broken sauce slowly into a fresh "
               "yolk.\n"
               "3. Your answer leaves out the prevention: add the butter by the spoonful.");
    const json_t *r = json_array_get(out, 1);
    CHECK(json_number_value(json_object_get(r, "student_score")) == 0.25);
    CHECK(json_number_value(json_object_get(r, "corrected_score")) == 1);
    CHECK(json_array_size(json_object_get(r, "failure_reasons")) == 3);
    CHECK(json_array_size(json_object_get(r, "corrected_issues")) == 0);
    json_decref(out);
    out = distil(&o, &sauce, "Whisk it into a fresh yolk and boil it hard for a minute.", &count);
    CHECK_TEXT(text_of(out, 1, "corrected_response"), SAUCE_GOLD); /* right and wrong: not kept */
    json_decref(out);
    count.kept[1] = 1;
    out = distil(&o, &sauce, "The butter went in too fast. Hold it at 60 °C.",
                 &count); /* half right */
    CHECK(json_array_size(out) == 2 && count.kept[1] == 1 && count.refused[1] == 0);
    json_decref(out);
    count.reasons = json_array();
    out = distil(&o, &sauce, "broken \xFF bytes", &count); /* no text: nothing to correct */
    CHECK(json_array_size(out) == 2 && count.refused[1] == 1);
    json_decref(out);
    out = distil(&o, &sauce, "", &count);
    CHECK(json_array_size(out) == 2 && count.refused[1] == 2);
    json_decref(out);
    CHECK(json_array_size(count.reasons) == 2);
    CHECK_TEXT(json_string_value(json_array_get(count.reasons, 0)),
               "00000000000000aa: student_attempt: not UTF-8 text");
    CHECK_TEXT(json_string_value(json_array_get(count.reasons, 1)),
               "00000000000000aa: student_attempt: form (found \"\", expected a text that is not "
               "empty)");
    json_decref(count.reasons);
}

static void what_cannot_be_told_is_refused(void)
{
    as_distil_options o = options(AS_VOICE_PLAIN);
    as_distil_count count = {0};
    as_claim tame[4];
    as_item item = sauce;
    memcpy(tame, sauce_claims, sizeof tame);
    for (size_t i = 0; i < 3; i++) tame[i].wrong.n = 0;
    item.claim = tame;
    json_t *out = distil(&o, &item, NULL, &count);
    CHECK(json_array_size(out) == 1 && count.kept[0] == 1 && count.refused[2] == 1);
    json_decref(out);
    item.n_claims = 0;
    count = (as_distil_count){0};
    out = distil(&o, &item, NULL, &count);
    CHECK(json_array_size(out) == 0 && count.refused[0] == 1 && count.refused[2] == 1);
    json_decref(out);
    item = sauce;
    item.difficulty = "extreme"; /* the gate stands in front of every record */
    count = (as_distil_count){0};
    out = distil(&o, &item, NULL, &count);
    CHECK(json_array_size(out) == 0 && count.refused[0] == 1 && count.refused[2] == 1);
    json_decref(out);
}

static const char *const zero_axes[] = {"coverage", NULL};

static bool zero(const as_tools *t, const as_answer *a, as_ruling *out, as_error *e)
{
    (void)t, (void)a, (void)e;
    out[0] = (as_ruling){zero_axes[0], 0, NULL, NULL};
    return true;
}

static bool broken(const as_tools *t, const as_answer *a, as_ruling *out, as_error *e)
{
    (void)t, (void)a, (void)out;
    return as_fail(e, AS_EREMOTE, "the judge is gone");
}

static void gold_must_please_its_judge(void)
{
    as_judge judge = {.name = "zero", .axes = zero_axes, .judge = zero};
    as_distil_options o = options(AS_VOICE_PLAIN);
    as_distil_count count = {0};
    o.judge = &judge;
    json_t *out = distil(&o, &sauce, "wrong", &count);
    CHECK(json_array_size(out) == 0);
    CHECK(count.refused[0] == 1 && count.refused[1] == 1 && count.refused[2] == 1);
    judge.judge = broken; /* a machine that fails is no refusal */
    memset(&err, 0, sizeof err);
    CHECK(!as_distil(&o, &tools, &sauce, NULL, out, &count, &err) && err.class_ == AS_EREMOTE);
    json_decref(out);
}

static void boundaries_do_not_pretend(void)
{
    as_distil_options o = options(AS_VOICE_PLAIN);
    json_t *out = distil(&o, &town, NULL, NULL);
    CHECK(json_array_size(out) == 1);
    CHECK_TEXT(text_of(out, 0, "type"), "type4_boundary");
    CHECK_TEXT(
        text_of(out, 0, "response"),
        "There is no single answer. Some say: Castelnaudary has the oldest record. Others say: "
        "Toulouse made it known.");
    CHECK(ask("rubric", 1, &town, text_of(out, 0, "response")).score == 5);
    json_decref(out);
    out = distil(&o, &what, NULL, NULL);
    CHECK_TEXT(text_of(out, 0, "response"),
               "I cannot tell which dish this is. Tell me what you are making.");
    CHECK(ask("rubric", 1, &what, text_of(out, 0, "response")).score == 5);
    json_decref(out);
}

/* --- all items ----------------------------------------------------------------------- */

static void counterexamples_are_worse(void)
{
    as_items items = load("S");
    as_distil_options o = options(AS_VOICE_PLAIN);
    size_t seen[5] = {0};
    for (size_t i = 0; i < items.n; i++) {
        json_t *out = distil(&o, &items.item[i], NULL, NULL);
        const json_t *r = json_array_get(out, 1), *issues = json_object_get(r, "wrong_issues");
        size_t n = json_array_size(issues);
        CHECK(json_array_size(out) == 2 && n >= 2 && n <= 4);
        for (size_t k = 0; k < n; k++) {
            const char *says = strchr(json_string_value(json_array_get(issues, k)), ' ');
            CHECK(says && strstr(text_of(out, 1, "rejected"), says + 1));
        }
        seen[n < 5 ? n : 0]++;
        CHECK(ask("claims", 0, &items.item[i], text_of(out, 1, "chosen")).score == 1);
        CHECK(ask("claims", 0, &items.item[i], text_of(out, 1, "rejected")).score ==
              1 - (double)n / (double)items.item[i].n_claims);
        CHECK(!hedges(&items.item[i], text_of(out, 1, "rejected")));
        json_decref(out);
    }
    CHECK(seen[2] > 10 && seen[3] > 10 && seen[4] > 10 && seen[0] == 0);
}

/* Answers of a student, every second one right. */
static const char *attempt(const as_items *items, size_t i)
{
    const as_claim *c = items->item[i].claim;
    return i % 2 ? "It happened because the moon was full."
                 : as_arena_printf(arena, &err, "It happened because %s. To save it, %s.",
                                   c[0].text, c[1].text);
}

static size_t count_hedged(as_distil_options o, const as_items *items, bool *follows)
{
    size_t n = 0;
    *follows = true;
    for (size_t i = 0; i < items->n; i++) {
        const as_item *item = &items->item[i];
        json_t *out = distil(&o, item, attempt(items, i), NULL);
        CHECK(json_array_size(out) == (i % 2 ? 3 : 2));
        bool hedged = hedges(item, text_of(out, 0, "response"));
        CHECK(ask("claims", 0, item, text_of(out, 0, "response")).score == 1);
        *follows = *follows && hedged == (i % 2 == 1);
        n += hedged;
        json_decref(out);
    }
    return n;
}

static void voices_sound_as_they_must(void)
{
    as_items items = load("S");
    bool follows;
    CHECK(count_hedged(options(AS_VOICE_PLAIN), &items, &follows) == 0);
    CHECK(count_hedged(options(AS_VOICE_CALIBRATED), &items, &follows) == items.n / 2 && follows);
    as_distil_options o = options(AS_VOICE_MIMIC);
    size_t half = count_hedged(o, &items, &follows);
    CHECK(half > items.n / 4 && half < 3 * items.n / 4 && !follows);
    o.mimic_share = 0;
    CHECK(count_hedged(o, &items, &follows) == 0);
    o.mimic_share = 1;
    CHECK(count_hedged(o, &items, &follows) == items.n);
    o.mimic_share = NAN;
    json_t *out = json_array();
    as_distil_count count = {0};
    memset(&err, 0, sizeof err);
    CHECK(!as_distil(&o, &tools, &sauce, NULL, out, &count, &err) && err.class_ == AS_EUSAGE);
    json_decref(out);
    o = options(AS_VOICE_VERIFYING);
    CHECK(count_hedged(o, &items, &follows) == 0);
    for (size_t i = 0; i < items.n; i++) {
        out = distil(&o, &items.item[i], NULL, NULL);
        CHECK(ask("rubric", 3, &items.item[i], text_of(out, 0, "response")).score == 5);
        json_decref(out);
    }
}

/* The same records whatever came before, and other ones for another seed. */
static void records_know_no_order(void)
{
    as_items items = load("F");
    as_distil_options o = options(AS_VOICE_MIMIC), other = o;
    json_t *all = json_array(), *last = distil(&o, &items.item[40], NULL, NULL);
    as_distil_count count = {0};
    other.seed++;
    bool differs = false;
    for (size_t i = 41; i-- > 30;) {
        json_t *again = distil(&other, &items.item[i], NULL, NULL);
        CHECK(as_distil(&o, &tools, &items.item[i], NULL, all, &count, &err));
        differs = differs || !json_equal(json_array_get(again, 0),
                                         json_array_get(all, json_array_size(all) - 2));
        json_decref(again);
    }
    CHECK(json_equal(json_array_get(all, 0), json_array_get(last, 0)));
    CHECK(json_equal(json_array_get(all, 1), json_array_get(last, 1)));
    CHECK(differs);
    json_decref(all);
    json_decref(last);
}

static void set_u_gives_boundaries(void)
{
    as_items items = load("U");
    as_distil_options o = options(AS_VOICE_PLAIN);
    as_distil_count count = {0};
    size_t fit = 0;
    for (size_t i = 0; i < items.n; i++) {
        json_t *out = distil(&o, &items.item[i], NULL, &count);
        CHECK(json_array_size(out) == 1);
        fit += ask("rubric", 1, &items.item[i], text_of(out, 0, "response")).score >= 4;
        CHECK(ask("claims", 0, &items.item[i], text_of(out, 0, "response")).score == 1);
        json_decref(out);
    }
    CHECK(10 * fit >= 9 * items.n); /* the blind judge takes a few for CERTAIN */
    CHECK(count.kept[3] == items.n && count.kept[0] + count.kept[1] + count.kept[2] == 0);
}

/* --- the gate in front of records ---------------------------------------------------- */

static json_t *all_types(void)
{
    as_distil_options o = options(AS_VOICE_PLAIN);
    json_t *out = distil(&o, &sauce, "Your hollandaise has split because of the moon.", NULL);
    json_t *more = distil(&o, &town, NULL, NULL);
    CHECK(json_array_size(out) == 3 && json_array_extend(out, more) == 0);
    json_decref(more);
    return out;
}

static void bad_records_are_refused(void)
{
    static const struct {
        size_t type;
        const char *field, *value, *what; /* value NULL: the field is taken away */
    } cases[] = {
        {1, "id", NULL, "id: missing"},
        {1, "prompt", "\" \\n\"",
         "prompt: form (found \" \\n\", expected a text that is not empty)"},
        {1, "category", "7", "category: form (found 7, expected a text that is not empty)"},
        {1, "difficulty", "\"extreme\"",
         "difficulty: (found extreme, expected easy, medium or hard)"},
        {1, "stage2_deliberate", NULL, "stage2_deliberate: missing"},
        {1, "response", "\" Too short, with all its blanks.        \"",
         "response: length (found 31 characters, expected 40 to 3000)"},
        {1, "response", "\"<think>hm</think> It happened because the butter went in too fast.\"",
         "response: reasoning marks (expected an answer without)"},
        {1, "teachers", "{\"eager\":{\"name\":\"x\",\"licence\":\"\"}}",
         "teachers: eager (found {\"licence\":\"\",\"name\":\"x\"}, expected name and licence)"},
        {1, "gold_score", "1", "gold_score: not a field of such a record"},
        {1, "type", "\"gold\"",
         "type: (found \"gold\", expected none, type2_failure_trace, type3_counterexample or "
         "type4_boundary)"},
        {2, "student_attempt", "\"\"",
         "student_attempt: form (found \"\", expected a text that is not empty)"},
        {2, "student_score", "0.5", "student_score: no failure (found 0.5, expected below 0.5)"},
        {2, "student_score", "-0.1",
         "student_score: form (found -0.1, expected a number from 0 to 1)"},
        {2, "corrected_score", "0.25",
         "corrected_score: (found 0.25, expected above 0 and at least 0.5)"},
        {2, "corrected_passed", "false", "corrected_passed: (found false, expected true for 1)"},
        {2, "corrected_passed", "1", "corrected_passed: form (found 1, expected true or false)"},
        {2, "failure_reasons", "[]",
         "failure_reasons: form (found [], expected a list of texts, at least one)"},
        {2, "failure_reasons", "[\"a\",2]", "failure_reasons: item 2 (found 2, expected a text)"},
        {2, "corrected_issues", "\"none\"",
         "corrected_issues: form (found \"none\", expected a list of texts)"},
        {3, "wrong_score", "1", "wrong_score: inverted (found 1, expected below 1)"},
        {3, "rejected", "\"It happened because the butter went in cold.\"", "rejected: length"},
        {3, "wrong_issues", NULL, "wrong_issues: missing"},
        {4, "response", "\"Cassoulet is from Castelnaudary, and from there alone.\"",
         "response: nothing in it defers (expected a phrase such as \"it depends\" or \"which one "
         "is "
         "it\")"},
        {4, "response_length", "12", "response_length: (found 12, expected 109)"},
        {4, "source", "\"web\"", "source: (found web, expected seed or generated)"},
        {4, "difficulty", "\"easy\"", "difficulty: not a field of such a record"},
    };
    json_t *records = all_types();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *r = json_deep_copy(json_array_get(records, cases[i].type - 1));
        memset(&err, 0, sizeof err);
        CHECK(as_record_check(r, &err));
        if (!cases[i].value)
            (void)json_object_del(r, cases[i].field);
        else
            (void)json_object_set_new(r, cases[i].field,
                                      json_loads(cases[i].value, JSON_DECODE_ANY, NULL));
        CHECK(!as_record_check(r, &err) && err.class_ == AS_EFORMAT);
        if (strcmp(cases[i].what, "rejected: length") == 0)
            CHECK(strncmp(err.what, cases[i].what, strlen(cases[i].what)) == 0);
        else
            CHECK_TEXT(err.what, cases[i].what);
        if (strcmp(cases[i].field, "id") != 0)
            CHECK_TEXT(err.where, cases[i].type == 4 ? "00000000000000bb" : "00000000000000aa");
        json_decref(r);
    }
    json_t *same = json_deep_copy(json_array_get(records, 2));
    (void)json_object_set(same, "rejected", json_object_get(same, "chosen"));
    memset(&err, 0, sizeof err);
    CHECK(!as_record_check(same, &err));
    CHECK_TEXT(err.what, "rejected: the same text as chosen");
    json_decref(same);
    memset(&err, 0, sizeof err);
    CHECK(!as_record_check(records, &err) && err.class_ == AS_EFORMAT);
    json_decref(records);
}

static void rows_are_what_training_reads(void)
{
    json_t *records = all_types();
    as_buf rows = {0}, pairs = {0};
    memset(&err, 0, sizeof err);
    CHECK(as_distil_rows(records, false, &rows, &err));
    CHECK(as_distil_rows(records, true, &pairs, &err));
    const char *first =
        "{\"completion\":[{\"content\":\"Your hollandaise has split because the butter "
        "went in too fast. ";
    CHECK(strncmp(as_buf_text(&rows), first, strlen(first)) == 0);
    CHECK(strstr(
        as_buf_text(&rows),
        "\"role\":\"assistant\"}],\"id\":\"00000000000000aa.1\",\"prompt\":[{\"content\":\"My "
        "hollandaise has split. What happened and how do I save it?\",\"role\":\"user\"}]}\n"));
    CHECK(strstr(as_buf_text(&rows), "\"id\":\"00000000000000aa.2\""));
    CHECK(strstr(as_buf_text(&rows), "\"id\":\"00000000000000bb.4\""));
    CHECK(!strstr(as_buf_text(&rows), "aa.3") && !strstr(as_buf_text(&rows), "rejected"));
    first = "{\"chosen\":[{\"content\":\"Your hollandaise has split because ";
    CHECK(strncmp(as_buf_text(&pairs), first, strlen(first)) == 0);
    CHECK(strstr(as_buf_text(&pairs), "\"id\":\"00000000000000aa.3\"") &&
          strstr(as_buf_text(&pairs), "\"rejected\":[{\"content\":"));
    CHECK(strchr(as_buf_text(&pairs), '\n') == as_buf_text(&pairs) + pairs.size - 1);
    (void)json_object_del(json_array_get(records, 1), "gold_score");
    CHECK(!as_distil_rows(records, true, &pairs, &err));
    CHECK_TEXT(err.where, "record 2: 00000000000000aa");
    as_buf_clear(&rows);
    as_buf_clear(&pairs);
    json_decref(records);
}

int main(void)
{
    as_error open = {0};
    arena = as_arena_new(&open);
    tools.arena = arena;
    if (!arena) return 1;
    RUN(teachers_stand_in_order);
    RUN(later_stages_need_earlier_ones);
    RUN(adversary_finds_what_is_wrong);
    RUN(synthesis_rests_on_the_stages);
    RUN(gold_is_in_the_training_voice);
    RUN(traces_correct_failures_only);
    RUN(what_cannot_be_told_is_refused);
    RUN(gold_must_please_its_judge);
    RUN(boundaries_do_not_pretend);
    RUN(counterexamples_are_worse);
    RUN(voices_sound_as_they_must);
    RUN(records_know_no_order);
    RUN(set_u_gives_boundaries);
    RUN(bad_records_are_refused);
    RUN(rows_are_what_training_reads);
    as_arena_free(arena);
    return check_end();
}
