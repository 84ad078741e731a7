/* One item through the four stages, and the records that come of it. */
#include "lab/distil/distil.h"

#include <math.h>
#include <string.h>

#include "lab/distil/distil_internal.h"
#include "lab/judge/pattern.h"
#include "lab/judge/unit_tests.h"

/* --- one run ------------------------------------------------------------------------- */

typedef struct {
    const as_distil_options *o;
    const as_tools *tools;
    as_lesson lesson;
    const as_teacher *teacher[AS_STAGES];
    const char *gold; /* the synthesis in the voice asked for; NULL: refused */
    double gold_score;
} run;

/* What the content of an item refuses is counted; what the machine refuses is passed on. */
static bool is_refusal(as_distil_count *count, as_error *err)
{
    char why[1600];
    if (err->class_ != AS_EFORMAT) return false;
    (void)as_error_text(err, why, sizeof why);
    *err = (as_error){0};
    return !count->reasons || json_array_append_new(count->reasons, json_string(why)) == 0 ||
           as_fail(err, AS_EMEM, "out of memory for a reason");
}

/* NaN where the judge has none. */
static bool score(const run *r, const char *text, double *out, as_error *err)
{
    as_ruling ruling[AS_JUDGE_AXES];
    as_answer answer = {r->lesson.item, text, NULL};
    if (!r->o->judge->judge(r->tools, &answer, ruling, err)) return false;
    *out = ruling[0].missing || ruling[0].label ? NAN : ruling[0].score;
    return true;
}

static bool teach_all(run *r, as_error *err)
{
    for (int s = 0; s < AS_STAGES; s++) {
        const char **reply = &r->lesson.reply[s];
        if (!r->teacher[s]->teach(&r->lesson, r->tools->arena, reply, err)) {
            *reply = NULL;
            as_error_at(err, "%s", r->teacher[s]->name);
            return false;
        }
    }
    return true;
}

/* What the voice adds to a synthesis. The calibrated voice is the synthesizer's own doing. */
static bool speak(const run *r, const char **text, as_error *err)
{
    const as_distil_options *o = r->o;
    const as_item *item = r->lesson.item;
    if (o->voice == AS_VOICE_VERIFYING)
        *text = as_voice_checked(*text, item, o->seed, r->tools->arena, err);
    as_rng draw = as_item_rng(o->seed, "distil mimic", item);
    if (o->voice == AS_VOICE_MIMIC && as_rng_uniform(&draw) < o->mimic_share)
        *text = as_voice_hedged(*text, item, o->seed, r->tools->arena, err);
    return *text != NULL;
}

/* --- parts of records ---------------------------------------------------------------- */

static void put_teacher(json_t **list, const char *stage, const char *name, const char *licence)
{
    json_t *one = json_object();
    as_json_put_text(&one, "name", name);
    as_json_put_text(&one, "licence", licence);
    as_json_put(list, stage, one);
}

/* With the fields that every record has. */
static json_t *record_new(const run *r, const char *type, bool has_difficulty)
{
    const as_item *item = r->lesson.item;
    json_t *out = json_object(), *who = json_object();
    as_json_put_text(&out, "id", item->id);
    as_json_put_text(&out, "prompt", item->prompt);
    as_json_put_text(&out, "category", item->category);
    if (has_difficulty) as_json_put_text(&out, "difficulty", item->difficulty);
    if (type) as_json_put_text(&out, "type", type);
    for (int s = 0; s < AS_STAGES; s++)
        put_teacher(&who, as_stage_name((as_stage)s), r->teacher[s]->name, r->teacher[s]->licence);
    as_json_put(&out, "teachers", who);
    return out;
}

/* Checks the record and appends it, or counts it as refused. Takes the reference. */
static bool keep(json_t *out, json_t *record, as_distil_count *count, size_t type, as_error *err)
{
    if (!record) return as_fail(err, AS_EMEM, "out of memory for a record");
    if (!as_record_check(record, err)) {
        json_decref(record);
        count->refused[type]++;
        return is_refusal(count, err);
    }
    if (json_array_append_new(out, record) != 0)
        return as_fail(err, AS_EMEM, "out of memory for a record");
    count->kept[type]++;
    return true;
}

static json_t *text_new(const char *text)
{
    return json_string(text);
}

/* --- type 1 and 4 -------------------------------------------------------------------- */

static bool keep_gold(run *r, json_t *out, as_distil_count *count, as_error *err)
{
    json_t *record = record_new(r, NULL, true);
    as_json_put_text(&record, "stage1_eager", r->lesson.reply[AS_STAGE_EAGER]);
    as_json_put_text(&record, "stage2_deliberate", r->lesson.reply[AS_STAGE_DELIBERATE]);
    as_json_put_text(&record, "stage3_adversarial", r->lesson.reply[AS_STAGE_ADVERSARIAL]);
    as_json_put_text(&record, "response", r->gold);
    return keep(out, record, count, 0, err);
}

static bool keep_boundary(run *r, json_t *out, as_distil_count *count, as_error *err)
{
    json_t *record = record_new(r, "type4_boundary", false);
    as_json_put_text(&record, "response", r->gold);
    as_json_put_size(&record, "response_length", as_text_chars(r->gold));
    as_json_put_text(&record, "source", "generated");
    return keep(out, record, count, 3, err);
}

/* --- type 2 -------------------------------------------------------------------------- */

/* What of the claims an answer has wrong, or does not say; of a problem, what fails. */
static bool find_issues(const run *r, const char *answer, json_t **list, as_error *err)
{
    const as_item *item = r->lesson.item;
    if (item->problem) {
        const char *why;
        if (!as_unit_tests_why(r->tools, item->problem, answer, &why, err)) return false;
        if (why) as_json_append(list, text_new(why));
        return true;
    }
    for (size_t i = 0; i < item->n_claims; i++) {
        const as_claim *c = &item->claim[i];
        as_buf b = {0};
        size_t wrong;
        bool said;
        if (!as_claim_wrong(c, answer, &wrong, err) || !as_canon_said(&c->keys, answer, &said, err))
            return false;
        if (wrong < c->wrong.n)
            as_buf_printf(&b, "%s false: %s", c->kind, c->wrong.text[wrong]);
        else if (!said)
            as_buf_printf(&b, "%s missing: %s", c->kind, c->text);
        if (b.size > 0) as_json_append(list, text_new(b.data));
        bool ok = as_buf_ok(&b, err);
        as_buf_clear(&b);
        if (!ok) return false;
    }
    return true;
}

/* The correction: the student's right sentences, and the synthesis of what lacks. */
static bool correct(const run *r, const char **feedback, const char **correction, as_error *err)
{
    as_lesson l = r->lesson;
    as_arena *a = r->tools->arena;
    if (!r->teacher[AS_STAGE_ADVERSARIAL]->teach(&l, a, feedback, err)) return false;
    l.reply[AS_STAGE_ADVERSARIAL] = *feedback;
    return r->teacher[AS_STAGE_SYNTHESIS]->teach(&l, a, correction, err) &&
           speak(r, correction, err);
}

/* An attempt that is no text, or an empty one, has nothing to correct. */
static bool keep_trace(run *r, json_t *out, as_distil_count *count, as_error *err)
{
    if (!r->lesson.student) {
        (void)as_fail(err, AS_EFORMAT, "%s: student_attempt: not UTF-8 text", r->lesson.item->id);
        count->refused[1]++;
        return is_refusal(count, err);
    }
    const char *feedback, *correction, *student = r->lesson.student;
    double corrected;
    json_t *reasons = json_array(), *issues = json_array(), *record = NULL;
    if (!correct(r, &feedback, &correction, err) || !score(r, correction, &corrected, err) ||
        !find_issues(r, student, &reasons, err) || !find_issues(r, correction, &issues, err)) {
        json_decref(reasons);
        json_decref(issues);
        count->refused[1]++;
        return is_refusal(count, err);
    }
    record = record_new(r, "type2_failure_trace", true);
    as_json_put_text(&record, "student_attempt", student);
    as_json_put_text(&record, "error_feedback", feedback);
    as_json_put_text(&record, "corrected_response", correction);
    as_json_put_real(&record, "student_score", r->lesson.student_score);
    as_json_put_real(&record, "gold_score", r->gold_score);
    as_json_put_real(&record, "corrected_score", corrected);
    as_json_put(&record, "failure_reasons", reasons);
    as_json_put(&record, "corrected_passed", json_boolean(corrected >= 0.5));
    as_json_put(&record, "corrected_issues", issues);
    return keep(out, record, count, 1, err);
}

/* --- type 3 -------------------------------------------------------------------------- */

#define WRONG_LEAST 2
#define WRONG_MOST 4

/* Which claims are to be said wrong: 2 to 4 of those that have something wrong to say, by the item.
 * False when there are fewer. */
static bool choose_wrong(const as_item *item, uint64_t seed, bool is_wrong[], size_t *n)
{
    size_t which[AS_JUDGE_AXES], n_which = 0;
    as_rng r = as_item_rng(seed, "distil counterexample", item);
    for (size_t i = 0; i < item->n_claims && i < AS_JUDGE_AXES; i++) {
        is_wrong[i] = false;
        if (item->claim[i].wrong.n > 0) which[n_which++] = i;
    }
    if (n_which < WRONG_LEAST) return false;
    size_t most = n_which < WRONG_MOST ? n_which : WRONG_MOST;
    *n = WRONG_LEAST + as_rng_below(&r, most - WRONG_LEAST + 1);
    as_rng_shuffle(&r, which, n_which);
    for (size_t i = 0; i < *n; i++) is_wrong[which[i]] = true;
    return true;
}

/* One of the claim's wrong statements, drawn; the next one where it would make another claim of the
 * item. */
static bool draw_wrong(const as_item *item, const as_claim *c, as_rng *draw, const char **says,
                       as_error *err)
{
    size_t at = as_rng_below(draw, c->wrong.n);
    bool makes = true;
    for (size_t tried = 0; makes && tried < c->wrong.n; tried++, at++) {
        *says = c->wrong.text[at % c->wrong.n];
        makes = false;
        for (size_t i = 0; i < item->n_claims && !makes; i++)
            if (!as_canon_said(&item->claim[i].keys, *says, &makes, err)) return false;
    }
    return true;
}

/* A confident answer in the same form, with wrong statements in it; they are listed in issues. */
static bool misstate(const run *r, const char **text, json_t **issues, as_error *err)
{
    const as_item *item = r->lesson.item;
    bool is_wrong[AS_JUDGE_AXES];
    size_t n;
    as_buf b = {0};
    const char *because;
    if (!as_lesson_because(&r->lesson, r->tools->arena, &because, err)) return false;
    if (item->n_claims > AS_JUDGE_AXES || !choose_wrong(item, r->o->seed, is_wrong, &n))
        return as_fail(err, AS_EFORMAT, "%s: rejected: fewer than %d claims can be said wrong",
                       item->id, WRONG_LEAST);
    as_rng draw = as_item_rng(r->o->seed, "distil wrong statement", item);
    for (size_t i = 0; i < item->n_claims; i++) {
        const as_claim *c = &item->claim[i];
        const char *says = c->text;
        if (is_wrong[i]) {
            char *line = draw_wrong(item, c, &draw, &says, err)
                             ? as_arena_printf(r->tools->arena, err, "%s: %s", c->kind, says)
                             : NULL;
            if (line) as_json_append(issues, text_new(line));
        }
        as_claim_sentence(&b, c, says, because, i == 0);
    }
    bool ok = as_buf_ok(&b, err) && err->class_ == AS_OK &&
              (*text = as_arena_text(r->tools->arena, as_buf_text(&b), err)) != NULL;
    as_buf_clear(&b);
    return ok;
}

/* The same of a problem: the solution that gives nothing back, in the voice of the gold. */
static bool counterfeit(const run *r, const char **text, json_t **issues, as_error *err)
{
    if (!r->lesson.item->problem) return misstate(r, text, issues, err);
    *text = as_code_spoilt(r->lesson.item, r->tools->arena, err);
    return *text && speak(r, text, err) && find_issues(r, *text, issues, err);
}

static bool keep_pair(run *r, json_t *out, as_distil_count *count, as_error *err)
{
    const char *rejected = NULL;
    double wrong;
    json_t *issues = json_array();
    if (!counterfeit(r, &rejected, &issues, err) || !score(r, rejected, &wrong, err)) {
        json_decref(issues);
        count->refused[2]++;
        return is_refusal(count, err);
    }
    json_t *record = record_new(r, "type3_counterexample", true), *notes = json_array();
    as_json_put_text(&record, "chosen", r->gold);
    as_json_put_text(&record, "rejected", rejected);
    as_json_put_real(&record, "gold_score", r->gold_score);
    as_json_put_real(&record, "wrong_score", wrong);
    as_json_put(&record, "wrong_issues", issues);
    as_json_append(&notes, text_new(r->lesson.item->problem
                                        ? "rejected: the code gives nothing back, by rule"
                                        : "rejected: the claims' wrong statements, by rule"));
    as_json_put(&record, "quality_notes", notes);
    return keep(out, record, count, 2, err);
}

/* --- one item ------------------------------------------------------------------------ */

static bool run_init(run *r, const as_distil_options *o, const as_tools *tools, const as_item *item,
                     const char *student, as_error *err)
{
    size_t n;
    const as_teacher *const *t = as_teachers(&n);
    if (!o->judge || !tools || !tools->arena)
        return as_fail(err, AS_EUSAGE, "distillation: needs a judge and an arena");
    if (o->voice == AS_VOICE_MIMIC && !(o->mimic_share >= 0 && o->mimic_share <= 1))
        return as_fail(err, AS_EUSAGE, "distillation: mimic_share (found %g, expected 0 to 1)",
                       o->mimic_share);
    if (item->problem && strcmp(o->judge->axes[0], "passed") != 0)
        return as_fail(err, AS_EUSAGE,
                       "item %s: a problem (found judge %s, expected one that says passed)",
                       item->id, o->judge->name);
    *r = (run){.o = o, .tools = tools, .gold_score = NAN};
    r->lesson = (as_lesson){
        .item = item, .student = student, .student_score = NAN, .tools = tools, .seed = o->seed};
    if (student && !as_utf8_valid(student, strlen(student), NULL)) r->lesson.student = NULL;
    r->lesson.knows_student = o->voice == AS_VOICE_CALIBRATED;
    for (size_t i = n; i > 0; i--) r->teacher[t[i - 1]->stage] = t[i - 1];
    return !student || score(r, student, &r->lesson.student_score, err);
}

static bool refuse_gold(const run *r, const char *text, as_error *err)
{
    const as_item *item = r->lesson.item;
    const char *why;
    if (!item->problem)
        return as_fail(err, AS_EFORMAT, "%s: response: score (found %g, expected at least 0.5)",
                       item->id, r->gold_score);
    if (!as_unit_tests_why(r->tools, item->problem, text, &why, err)) return false;
    return as_fail(err, AS_EFORMAT, "%s: response: does not pass its tests (%s)", item->id,
                   why ? why : "at another time it did");
}

/* The four stages and the voice. A gold answer that its own judge finds wrong teaches nothing. */
static bool make_gold(run *r, as_error *err)
{
    const char *text;
    if (!teach_all(r, err)) return false;
    text = r->lesson.reply[AS_STAGE_SYNTHESIS];
    if (r->lesson.item->certainty == AS_CERTAIN) {
        if (!speak(r, &text, err) || !score(r, text, &r->gold_score, err)) return false;
        if (!(r->gold_score >= 0.5)) return refuse_gold(r, text, err);
    }
    r->gold = text;
    return true;
}

bool as_distil(const as_distil_options *o, const as_tools *tools, const as_item *item,
               const char *student, json_t *out, as_distil_count *count, as_error *err)
{
    run r;
    bool is_certain = item->certainty == AS_CERTAIN;
    if (!run_init(&r, o, tools, item, student, err)) return false;
    bool failed = student && r.lesson.student_score < 0.5;
    if (!make_gold(&r, err)) {
        count->refused[is_certain ? 0 : 3]++;
        count->refused[1] += is_certain && failed;
        count->refused[2] += is_certain;
        return is_refusal(count, err);
    }
    if (!is_certain) return keep_boundary(&r, out, count, err);
    if (!keep_gold(&r, out, count, err)) return false;
    return (!failed || keep_trace(&r, out, count, err)) && keep_pair(&r, out, count, err);
}
