/* Rows of one training to assay.training/1: the rows as they are, and of each measure its first,
 * last, least and greatest value with the step. */
#include "app/report/report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "app/report/page.h"

const as_training_measure as_training_measures[] = {
    {"loss", "loss", false},
    {"held_loss", "held-out loss", false},
    {"rate", "learning rate", false},
    {"gradient_norm", "gradient norm", false},
    {"epoch", "epochs", false},
    {"tokens", "tokens", true},
    {"targets", "targets", true},
    {"margin", "margin", false},
    {"held_margin", "held-out margin", false},
    {"accuracy", "accuracy", false},
    {"held_accuracy", "held-out accuracy", false},
    {"reward_chosen", "reward of chosen", false},
    {"reward_rejected", "reward of rejected", false},
    {"drift_chosen", "drift of chosen", false},
    {"drift_rejected", "drift of rejected", false},
    {"length_delta", "length delta", false},
    {"held_kl", "KL to base", false},
};
const size_t as_n_training_measures = sizeof as_training_measures / sizeof as_training_measures[0];

/* --- rows ------------------------------------------------------------------------------------ */

static json_t *parse(const char *what, const char *text, as_error *err)
{
    return as_json_parse(what, text, strlen(text), err);
}

static json_t *step_object(const as_training_step *row, const as_timing *time, as_error *err)
{
    json_t *o = json_object(), *values = parse("values", row->values, err);
    as_json_put_size(&o, "step", row->step);
    as_json_put_size(&o, "of", row->of);
    as_json_put(&o, "values", values);
    as_json_put_real(&o, "seconds", time ? time->seconds : NAN);
    as_json_put_real(&o, "tokens_per_second", time ? time->tokens_per_second : NAN);
    as_json_put_text(&o, "key", row->key);
    return o;
}

/* Both lists are by step, so one walk joins them. */
static json_t *steps(as_store *store, const char *training, as_error *err)
{
    as_training_step *row = NULL;
    as_timing *time = NULL;
    size_t n = 0, n_times = 0, at = 0;
    json_t *list = json_array();
    as_arena *a = as_arena_new(err);
    bool ok = a && as_store_training_steps(store, training, a, &row, &n, err) &&
              as_store_timings(store, training, a, &time, &n_times, err);
    for (size_t i = 0; ok && i < n; i++) {
        while (at < n_times && time[at].step < row[i].step) at++;
        bool timed = at < n_times && time[at].step == row[i].step;
        as_json_append(&list, step_object(&row[i], timed ? &time[at] : NULL, err));
        ok = list && err->class_ == AS_OK;
        if (err->class_ != AS_OK) as_error_at(err, "training_step %s", row[i].key);
    }
    as_arena_free(a);
    if (!ok) json_decref(list);
    return ok ? list : NULL;
}

/* --- summary --------------------------------------------------------------------------------- */

static json_t *at_step(const json_t *step, double value)
{
    json_t *o = json_object();
    as_json_put(&o, "step", json_incref(json_object_get(step, "step")));
    as_json_put_real(&o, "value", value);
    return o;
}

/* First, last, least and greatest of a measure; NULL when no step knows it. */
static json_t *ends_of(const json_t *list, const char *key)
{
    const json_t *end[4] = {0};
    double value[4] = {0};
    static const char *const names[4] = {"first", "last", "least", "greatest"};
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *step = json_array_get(list, i);
        double x = as_html_number_of(json_object_get(step, "values"), key);
        if (!isfinite(x)) continue;
        for (size_t k = 0; k < 4; k++)
            if (!end[k] || k == 1 || (k == 2 && x < value[k]) || (k == 3 && x > value[k]))
                end[k] = step, value[k] = x;
    }
    if (!end[0]) return NULL;
    json_t *o = json_object();
    for (size_t k = 0; k < 4; k++) as_json_put(&o, names[k], at_step(end[k], value[k]));
    return o;
}

/* Sum over the steps of a count; NaN when no step has it. */
static double sum_of(const json_t *list, const char *key)
{
    double sum = NAN;
    for (size_t i = 0; i < json_array_size(list); i++) {
        double x = as_html_number_of(json_object_get(json_array_get(list, i), "values"), key);
        if (isfinite(x)) sum = isnan(sum) ? x : sum + x;
    }
    return sum;
}

static json_t *summary(const json_t *list)
{
    const json_t *last = json_array_get(list, json_array_size(list) - 1);
    json_t *o = json_object(), *measures = json_object();
    for (size_t i = 0; i < as_n_training_measures; i++) {
        json_t *ends = ends_of(list, as_training_measures[i].key);
        if (ends) as_json_put(&measures, as_training_measures[i].key, ends);
    }
    as_json_put_real(&o, "steps", as_html_number_of(last, "step"));
    as_json_put_real(&o, "of", as_html_number_of(last, "of"));
    as_json_put_real(&o, "tokens", sum_of(list, "tokens"));
    as_json_put_real(&o, "targets", sum_of(list, "targets"));
    as_json_put(&o, "measures", measures);
    return o;
}

/* --- sentences ------------------------------------------------------------------------------- */

typedef struct {
    const json_t *summary;
    json_t *list;
} speech;

static void say(speech *s, as_buf *text)
{
    as_json_append(&s->list, text->failed ? NULL : json_string(as_buf_text(text)));
    as_buf_clear(text);
}

/* The value and the step of an end of a measure; false when the run has no such thing. */
static bool end_of(const speech *s, const char *key, const char *end, double *value, double *step)
{
    const json_t *measures = json_object_get(s->summary, "measures");
    const json_t *o = json_object_get(json_object_get(measures, key), end);
    *value = as_html_number_of(o, "value");
    *step = as_html_number_of(o, "step");
    return isfinite(*value);
}

static void say_size(speech *s)
{
    as_buf b = {0};
    double epochs, at, tokens = as_html_number_of(s->summary, "tokens");
    double targets = as_html_number_of(s->summary, "targets");
    double done = as_html_number_of(s->summary, "steps");
    if (!isfinite(done)) {
        as_buf_puts(&b, "No step is in the store.");
        say(s, &b);
        return;
    }
    as_buf_printf(&b, "%.0f of %.0f steps", done, as_html_number_of(s->summary, "of"));
    if (end_of(s, "epoch", "last", &epochs, &at))
        as_buf_printf(&b, ", %.4g epoch%s", epochs, epochs == 1 ? "" : "s");
    if (isfinite(tokens)) as_buf_printf(&b, ", %.0f tokens", tokens);
    if (isfinite(targets)) as_buf_printf(&b, ", %.0f targets", targets);
    as_buf_puts(&b, ".");
    say(s, &b);
}

/* "NAME: A at step 1, B at step 12; least C at step 9." */
static void say_course(speech *s, const char *key, const char *name, const char *best)
{
    as_buf b = {0};
    double first, last, end, at[3];
    if (!end_of(s, key, "first", &first, &at[0]) || !end_of(s, key, "last", &last, &at[1]) ||
        !end_of(s, key, best, &end, &at[2]))
        return;
    as_buf_printf(&b, "%s: %.4g at step %.0f", name, first, at[0]);
    if (at[1] > at[0]) as_buf_printf(&b, ", %.4g at step %.0f", last, at[1]);
    if (at[1] > at[0] && end != last) as_buf_printf(&b, "; %s %.4g at step %.0f", best, end, at[2]);
    as_buf_puts(&b, ".");
    say(s, &b);
}

static void say_drift(speech *s)
{
    as_buf b = {0};
    double chosen, rejected, at;
    if (!end_of(s, "drift_chosen", "last", &chosen, &at) ||
        !end_of(s, "drift_rejected", "last", &rejected, &at))
        return;
    as_buf_printf(&b,
                  "Drift from the reference at step %.0f: %+.4g nats for chosen completions, "
                  "%+.4g for rejected ones.",
                  at, chosen, rejected);
    say(s, &b);
}

static json_t *sentences(const json_t *sum)
{
    speech s = {sum, json_array()};
    say_size(&s);
    say_course(&s, "loss", "Loss", "least");
    say_course(&s, "held_loss", "Held-out loss", "least");
    say_course(&s, "accuracy", "Accuracy", "greatest");
    say_course(&s, "held_accuracy", "Held-out accuracy", "greatest");
    say_drift(&s);
    say_course(&s, "held_kl", "KL to the base model on held-out targets, nats a token", "greatest");
    return s.list;
}

/* --- the object ------------------------------------------------------------------------------ */

static json_t *training_object(const as_training *t, as_error *err)
{
    as_key hash;
    json_t *plan = parse("plan", t->plan, err);
    json_t *inputs = plan ? parse("inputs", t->inputs, err) : NULL, *o = NULL;
    if (inputs && as_sha256_of(t->plan, strlen(t->plan), hash, err)) {
        o = json_object();
        as_json_put_text(&o, "name", t->name);
        as_json_put_text(&o, "objective", t->kind);
        as_json_put_size(&o, "seed", t->seed);
        as_json_put_text(&o, "plan_sha256", hash);
        as_json_put(&o, "inputs", json_incref(inputs));
        as_json_put(&o, "plan", json_incref(plan));
        as_json_put_text(&o, "key", t->key);
    } else {
        as_error_at(err, "training %s", t->key);
    }
    json_decref(plan);
    json_decref(inputs);
    return o;
}

json_t *as_training_json(as_store *store, const as_training *training, const char *time,
                         as_error *err)
{
    json_t *head = training_object(training, err);
    json_t *list = head ? steps(store, training->key, err) : NULL;
    json_t *o = NULL;
    if (list) {
        json_t *sum = summary(list), *made_by = json_object();
        as_json_put_text(&made_by, "assay", training->code);
        as_json_put_text(&made_by, "time", time);
        o = json_object();
        as_json_put_text(&o, "schema", "assay.training/1");
        as_json_put(&o, "made_by", made_by);
        as_json_put(&o, "training", json_incref(head));
        as_json_put(&o, "sentences", sentences(sum));
        as_json_put(&o, "summary", sum);
        as_json_put(&o, "steps", json_incref(list));
    }
    if (!o && err->class_ == AS_OK) as_fail(err, AS_EMEM, "out of memory");
    json_decref(head);
    json_decref(list);
    return o;
}
