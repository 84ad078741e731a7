/* The hard gate in front of every record: what is not exactly as it must be is not written. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/distil/distil_internal.h"
#include "lab/judge/pattern.h"

/* --- fields -------------------------------------------------------------------------- */

typedef enum { TEXT, ANSWER, SCORE, TEXTS, SOME_TEXTS, FLAG, COUNT, TEACHERS } form;

typedef struct {
    const char *name;
    form form;
} field;

#define COMMON                                                                                     \
    {"id", TEXT}, {"prompt", TEXT}, {"category", TEXT},                                            \
    {                                                                                              \
        "teachers", TEACHERS                                                                       \
    }

static const field gold[] = {COMMON,
                             {"difficulty", TEXT},
                             {"stage1_eager", TEXT},
                             {"stage2_deliberate", TEXT},
                             {"stage3_adversarial", TEXT},
                             {"response", ANSWER},
                             {NULL, TEXT}};
static const field trace[] = {COMMON,
                              {"difficulty", TEXT},
                              {"type", TEXT},
                              {"student_attempt", TEXT},
                              {"error_feedback", TEXT},
                              {"corrected_response", ANSWER},
                              {"student_score", SCORE},
                              {"gold_score", SCORE},
                              {"corrected_score", SCORE},
                              {"failure_reasons", SOME_TEXTS},
                              {"corrected_passed", FLAG},
                              {"corrected_issues", TEXTS},
                              {NULL, TEXT}};
static const field counterexample[] = {COMMON,
                                       {"difficulty", TEXT},
                                       {"type", TEXT},
                                       {"chosen", ANSWER},
                                       {"rejected", ANSWER},
                                       {"gold_score", SCORE},
                                       {"wrong_score", SCORE},
                                       {"wrong_issues", SOME_TEXTS},
                                       {"quality_notes", TEXTS},
                                       {NULL, TEXT}};
static const field boundary[] = {
    COMMON,           {"type", TEXT}, {"response", ANSWER}, {"response_length", COUNT},
    {"source", TEXT}, {NULL, TEXT}};

static bool is_text(const json_t *v)
{
    const char *text = json_string_value(v);
    return text && text[strspn(text, " \t\r\n")] != '\0';
}

/* Code points without the white space around them. */
static size_t trimmed(const char *text)
{
    size_t n = as_text_chars(text), size = strlen(text);
    for (const char *p = text; *p && strchr(" \t\r\n", *p); p++) n--, size--;
    for (const char *p = text + strlen(text); size > 0 && strchr(" \t\r\n", p[-1]); p--)
        n--, size--;
    return n;
}

static bool check_answer(const char *name, const char *text, as_error *err)
{
    size_t n = trimmed(text);
    if (n < AS_RECORD_LEAST || n > AS_RECORD_MOST)
        return as_fail(err, AS_EFORMAT, "%s: length (found %zu characters, expected %d to %d)",
                       name, n, AS_RECORD_LEAST, AS_RECORD_MOST);
    if (strstr(text, "<think") || strstr(text, "</think"))
        return as_fail(err, AS_EFORMAT, "%s: reasoning marks (expected an answer without)", name);
    return true;
}

static bool check_texts(const field *f, const json_t *v, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    for (size_t i = 0; i < json_array_size(v); i++)
        if (!is_text(json_array_get(v, i)))
            return as_fail(err, AS_EFORMAT, "%s: item %zu (found %s, expected a text)", f->name,
                           i + 1, as_json_shown(json_array_get(v, i), shown));
    if (json_is_array(v) && (f->form == TEXTS || json_array_size(v) > 0)) return true;
    return as_fail(err, AS_EFORMAT, "%s: form (found %s, expected a list of texts%s)", f->name,
                   as_json_shown(v, shown), f->form == TEXTS ? "" : ", at least one");
}

/* A name and a licence for each stage. Others may stand beside them. */
static bool check_teachers(const json_t *v, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    for (int s = 0; s < AS_STAGES; s++) {
        const json_t *one = json_object_get(v, as_stage_name((as_stage)s));
        if (!is_text(json_object_get(one, "name")) || !is_text(json_object_get(one, "licence")))
            return as_fail(err, AS_EFORMAT, "teachers: %s (found %s, expected name and licence)",
                           as_stage_name((as_stage)s), as_json_shown(one, shown));
    }
    return true;
}

static bool check_field(const field *f, const json_t *v, as_error *err)
{
    static const char *const wanted[] = {
        [TEXT] = "a text that is not empty", [ANSWER] = "a text that is not empty",
        [SCORE] = "a number from 0 to 1",    [FLAG] = "true or false",
        [COUNT] = "a whole number",
    };
    char shown[AS_ESCAPE_SIZE];
    bool ok = false;
    if (!v) return as_fail(err, AS_EFORMAT, "%s: missing", f->name);
    switch (f->form) {
    case TEXTS:
    case SOME_TEXTS:
        return check_texts(f, v, err);
    case TEACHERS:
        return check_teachers(v, err);
    case TEXT:
    case ANSWER:
        ok = is_text(v);
        break;
    case SCORE:
        ok = json_is_number(v) && json_number_value(v) >= 0 && json_number_value(v) <= 1;
        break;
    case FLAG:
        ok = json_is_boolean(v);
        break;
    case COUNT:
        ok = json_is_integer(v) && json_integer_value(v) >= 0;
        break;
    }
    if (!ok)
        return as_fail(err, AS_EFORMAT, "%s: form (found %s, expected %s)", f->name,
                       as_json_shown(v, shown), wanted[f->form]);
    return f->form != ANSWER || check_answer(f->name, json_string_value(v), err);
}

static bool check_fields(const field *list, const json_t *record, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const char *name;
    json_t *value;
    for (const field *f = list; f->name; f++)
        if (!check_field(f, json_object_get(record, f->name), err)) return false;
    json_object_foreach((json_t *)(uintptr_t)record, name, value)
    {
        const field *f = list;
        while (f->name && strcmp(f->name, name) != 0) f++;
        if (!f->name)
            return as_fail(err, AS_EFORMAT, "%s: not a field of such a record",
                           as_escape(name, strlen(name), shown));
    }
    return true;
}

/* --- rules of each type -------------------------------------------------------------- */

static double number(const json_t *record, const char *name)
{
    return json_number_value(json_object_get(record, name));
}

static const char *text(const json_t *record, const char *name)
{
    return json_string_value(json_object_get(record, name));
}

static bool check_difficulty(const json_t *record, as_error *err)
{
    static const char *const known[] = {"easy", "medium", "hard"};
    char shown[AS_ESCAPE_SIZE];
    const char *d = text(record, "difficulty");
    for (size_t i = 0; i < 3; i++)
        if (strcmp(d, known[i]) == 0) return true;
    return as_fail(err, AS_EFORMAT, "difficulty: (found %s, expected easy, medium or hard)",
                   as_escape(d, strlen(d), shown));
}

/* A correction must be right, and better than what it corrects. */
static bool check_trace(const json_t *r, as_error *err)
{
    double was = number(r, "student_score"), is = number(r, "corrected_score");
    if (!check_difficulty(r, err)) return false;
    if (was >= 0.5)
        return as_fail(err, AS_EFORMAT, "student_score: no failure (found %g, expected below 0.5)",
                       was);
    if (is <= was || is < 0.5)
        return as_fail(err, AS_EFORMAT,
                       "corrected_score: (found %g, expected above %g and at least "
                       "0.5)",
                       is, was);
    if (json_is_true(json_object_get(r, "corrected_passed"))) return true;
    return as_fail(err, AS_EFORMAT, "corrected_passed: (found false, expected true for %g)", is);
}

static bool check_pair(const json_t *r, as_error *err)
{
    const char *chosen = text(r, "chosen"), *rejected = text(r, "rejected");
    double good = number(r, "gold_score"), bad = number(r, "wrong_score");
    double share = (double)trimmed(rejected) / (double)trimmed(chosen);
    if (!check_difficulty(r, err)) return false;
    if (strcmp(chosen, rejected) == 0)
        return as_fail(err, AS_EFORMAT, "rejected: the same text as chosen");
    if (share < AS_RECORD_RATIO)
        return as_fail(err, AS_EFORMAT,
                       "rejected: length (found %g of the chosen one's, expected at "
                       "least %g)",
                       share, AS_RECORD_RATIO);
    if (bad < good) return true;
    return as_fail(err, AS_EFORMAT, "wrong_score: inverted (found %g, expected below %g)", bad,
                   good);
}

/* Phrases of an answer that does not pretend to know. */
static const char *const deferring[] = {
    "not sure",       "not certain",    "cannot tell",     "can't tell",       "cannot say",
    "can't say",      "cannot confirm", "do not know",     "don't know",       "uncertain*",
    "no single",      "no one answer",  "no right answer", "no consensus",     "depends on",
    "it depends",     "some say",       "others say",      "disputed",         "debated",
    "contested",      "subjective",     "personal taste",  "matter of taste",  "which one is it",
    "do you mean",    "could you tell", "need to know",    "more information", "clarify",
    "consult a",      "consult your",   "ask a doctor",    "ask your doctor",  "may be wrong",
    "might be wrong", "would verify",   "grain of salt",   "defer to",         "never published",
};

static bool check_boundary(const json_t *r, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const char *response = text(r, "response"), *source = text(r, "source");
    size_t n = 0, words, length = as_text_chars(response);
    as_lexicon *l = as_lexicon_new(deferring, sizeof deferring / sizeof deferring[0], err);
    bool ok = l && as_lexicon_count(l, response, &n, &words, err);
    as_lexicon_free(l);
    if (!ok) return false;
    if (n == 0)
        return as_fail(err, AS_EFORMAT,
                       "response: nothing in it defers (expected a phrase "
                       "such as \"it depends\" or \"which one is it\")");
    if ((json_int_t)length != json_integer_value(json_object_get(r, "response_length")))
        return as_fail(err, AS_EFORMAT, "response_length: (found %lld, expected %zu)",
                       (long long)json_integer_value(json_object_get(r, "response_length")),
                       length);
    if (strcmp(source, "seed") == 0 || strcmp(source, "generated") == 0) return true;
    return as_fail(err, AS_EFORMAT, "source: (found %s, expected seed or generated)",
                   as_escape(source, strlen(source), shown));
}

/* --- records ------------------------------------------------------------------------- */

static const struct {
    const char *type; /* NULL: the field is not there */
    const field *fields;
    bool (*rules)(const json_t *record, as_error *err);
} types[] = {
    {NULL, gold, check_difficulty},
    {"type2_failure_trace", trace, check_trace},
    {"type3_counterexample", counterexample, check_pair},
    {"type4_boundary", boundary, check_boundary},
};

size_t as_record_type(const json_t *record)
{
    const json_t *type = json_object_get(record, "type");
    const char *name = json_string_value(type);
    for (size_t i = 0; i < 4; i++)
        if (types[i].type ? name && strcmp(name, types[i].type) == 0 : !type) return i + 1;
    return 0;
}

bool as_record_check(const json_t *record, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const json_t *id = json_object_get(record, "id");
    size_t t = as_record_type(record);
    bool ok = false;
    if (!json_is_object(record))
        return as_fail(err, AS_EFORMAT, "record (found %s, expected an object)",
                       as_json_shown(record, shown));
    if (t == 0)
        (void)as_fail(err, AS_EFORMAT,
                      "type: (found %s, expected none, type2_failure_trace, "
                      "type3_counterexample or type4_boundary)",
                      as_json_shown(json_object_get(record, "type"), shown));
    else
        ok = check_fields(types[t - 1].fields, record, err) && types[t - 1].rules(record, err);
    if (!ok && is_text(id))
        as_error_at(err, "%s", as_escape(json_string_value(id), json_string_length(id), shown));
    return ok;
}
