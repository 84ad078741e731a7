/* The numbers of a step: their names, and rows of them. */
#include "engine/train/measure.h"

#include <math.h>
#include <string.h>

static const char *const names[AS_N_MEASURES] = {
    [AS_M_LOSS] = "loss",
    [AS_M_RATE] = "rate",
    [AS_M_GRADIENT] = "gradient_norm",
    [AS_M_EPOCH] = "epoch",
    [AS_M_TOKENS] = "tokens",
    [AS_M_TARGETS] = "targets",
    [AS_M_MARGIN] = "margin",
    [AS_M_ACCURACY] = "accuracy",
    [AS_M_REWARD_CHOSEN] = "reward_chosen",
    [AS_M_REWARD_REJECTED] = "reward_rejected",
    [AS_M_DRIFT_CHOSEN] = "drift_chosen",
    [AS_M_DRIFT_REJECTED] = "drift_rejected",
    [AS_M_LENGTH_DELTA] = "length_delta",
    [AS_M_HELD_LOSS] = "held_loss",
    [AS_M_HELD_KL] = "held_kl",
    [AS_M_HELD_MARGIN] = "held_margin",
    [AS_M_HELD_ACCURACY] = "held_accuracy",
};

const char *as_measure_name(as_measure m)
{
    AS_CHECK(m < AS_N_MEASURES);
    return names[m];
}

/* ---- writing ---- */

static json_t *made(json_t *row, as_error *err)
{
    if (!row) (void)as_fail(err, AS_EMEM, "out of memory");
    return row;
}

json_t *as_update_row(const as_update *u, as_error *err)
{
    json_t *row = json_object();
    as_json_put_size(&row, "step", u->step);
    as_json_put_size(&row, "of", u->of);
    for (size_t i = 0; i < AS_N_MEASURES; i++) {
        if (isnan(u->value[i])) continue;
        if (isinf(u->value[i])) {
            (void)as_fail(err, AS_ENUMERIC, "step %zu: %s (found an infinity, expected a number)",
                          u->step, names[i]);
            json_decref(row);
            return NULL;
        }
        as_json_put_real(&row, names[i], u->value[i]);
    }
    return made(row, err);
}

json_t *as_update_timing(const as_update *u, as_error *err)
{
    json_t *row = json_object();
    as_json_put_size(&row, "step", u->step);
    as_json_put_real(&row, "seconds", u->seconds);
    as_json_put_real(&row, "tokens_per_second", u->tokens_per_second);
    return made(row, err);
}

/* ---- reading ---- */

static bool fail_field(as_error *err, const char *name, const json_t *found, const char *expected)
{
    char a[AS_ESCAPE_SIZE], b[AS_ESCAPE_SIZE];
    return as_fail(err, AS_EFORMAT, "%s (found %s, expected %s)", as_escape(name, strlen(name), a),
                   as_json_shown(found, b), expected);
}

static bool read_count(const json_t *row, const char *name, size_t *out, as_error *err)
{
    const json_t *v = json_object_get(row, name);
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return fail_field(err, name, v, "a whole number, not negative");
    *out = (size_t)json_integer_value(v);
    return true;
}

/* A time; null stands for one that is not finite. */
static bool read_time(const json_t *row, const char *name, double *out, as_error *err)
{
    const json_t *v = json_object_get(row, name);
    if (!json_is_number(v) && !json_is_null(v)) return fail_field(err, name, v, "a number or null");
    *out = json_is_null(v) ? NAN : json_number_value(v);
    return true;
}

bool as_update_read(as_update *u, const json_t *row, as_error *err)
{
    size_t n_known = 2;
    *u = (as_update){.seconds = NAN, .tokens_per_second = NAN};
    if (!read_count(row, "step", &u->step, err) || !read_count(row, "of", &u->of, err))
        return false;
    for (size_t i = 0; i < AS_N_MEASURES; i++) {
        const json_t *v = json_object_get(row, names[i]);
        if (v && !json_is_number(v)) return fail_field(err, names[i], v, "a number");
        u->value[i] = v ? json_number_value(v) : NAN;
        n_known += v != NULL;
    }
    return json_object_size(row) == n_known ||
           as_fail(err, AS_EFORMAT, "fields (found %zu, expected the %zu that are known)",
                   json_object_size(row), n_known);
}

bool as_update_read_timing(as_update *u, const json_t *row, as_error *err)
{
    return read_count(row, "step", &u->step, err) && read_time(row, "seconds", &u->seconds, err) &&
           read_time(row, "tokens_per_second", &u->tokens_per_second, err);
}
