/* The keys of rows: SHA-256 of a canonical JSON array, written here field by field in the order of
 * the structs. Unknown text and NaN are null; a number that is infinite has no place in a row. */
#include "lab/record.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

typedef struct {
    const char *kind;
    as_buf text;
    as_error *err;
} key_writer;

static void start(key_writer *w, const char *kind, as_error *err)
{
    *w = (key_writer){.kind = kind, .err = err};
    as_buf_printf(&w->text, "[\"%s\"", kind);
}

/* A text, or null. Text that is not UTF-8 has no JSON form and is an error. */
static void add_text(key_writer *w, const char *field, const char *text)
{
    as_buf_puts(&w->text, ",");
    if (!text) {
        as_buf_puts(&w->text, "null");
        return;
    }
    size_t bad_at;
    if (!as_utf8_valid(text, strlen(text), &bad_at)) {
        (void)as_fail(w->err, AS_EFORMAT,
                      "%s.%s: text (found byte \\x%02x at %zu, expected valid UTF-8)", w->kind,
                      field, (unsigned)(unsigned char)text[bad_at], bad_at);
        return;
    }
    json_t *value = json_string_nocheck(text);
    if (value) {
        as_json_write(&w->text, value);
    } else {
        w->text.failed = true;
    }
    json_decref(value);
}

/* A parent's key; "" is null. */
static void add_key(key_writer *w, const char *field, const as_key key)
{
    add_text(w, field, key[0] ? key : NULL);
}

static void add_count(key_writer *w, uint64_t n)
{
    as_buf_printf(&w->text, ",%" PRIu64, n);
}

/* A number in its shortest form; -0 is 0, because a store may not keep the sign. */
static void add_number(key_writer *w, const char *field, double x)
{
    char number[32];
    if (isinf(x)) {
        (void)as_fail(w->err, AS_ENUMERIC,
                      "%s.%s: number (found %sinfinity, expected a finite one)", w->kind, field,
                      x < 0 ? "-" : "");
    }
    as_buf_puts(&w->text, ",");
    as_buf_puts(&w->text, as_double_text(x + 0.0, number));
}

/* Closes the array and hashes it into key. */
static bool finish(key_writer *w, as_key key)
{
    as_buf_puts(&w->text, "]");
    bool ok = w->err->class_ == AS_OK && as_buf_ok(&w->text, w->err) &&
              as_sha256_of(w->text.data, w->text.size, key, w->err);
    as_buf_clear(&w->text);
    if (!ok) key[0] = '\0';
    return ok;
}

bool as_design_key(as_design *r, as_error *err)
{
    key_writer w;
    start(&w, "design", err);
    add_text(&w, "name", r->name);
    add_text(&w, "plan", r->plan);
    add_text(&w, "inputs", r->inputs);
    add_text(&w, "code", r->code);
    add_count(&w, r->seed);
    return finish(&w, r->key);
}

bool as_prompt_key(as_prompt *r, as_error *err)
{
    key_writer w;
    start(&w, "prompt", err);
    add_key(&w, "design", r->design);
    add_text(&w, "set", r->set);
    add_count(&w, r->position);
    add_text(&w, "text", r->text);
    add_text(&w, "cluster", r->cluster);
    return finish(&w, r->key);
}

bool as_generation_key(as_generation *r, as_error *err)
{
    key_writer w;
    start(&w, "generation", err);
    add_key(&w, "prompt", r->prompt);
    add_text(&w, "arm", r->arm);
    add_text(&w, "text", r->text);
    add_text(&w, "finish", r->finish);
    add_text(&w, "subject", r->subject);
    add_count(&w, r->seed);
    return finish(&w, r->key);
}

bool as_judgement_key(as_judgement *r, as_error *err)
{
    key_writer w;
    int known = !isnan(r->score) + (r->label != NULL) + (r->missing != NULL);
    start(&w, "judgement", err);
    if (known != 1) {
        (void)as_fail(err, AS_EFORMAT,
                      "judgement: value (found %d of score, label and missing, expected 1)", known);
    }
    add_key(&w, "generation", r->generation);
    add_text(&w, "axis", r->axis);
    add_number(&w, "score", r->score);
    add_text(&w, "label", r->label);
    add_text(&w, "missing", r->missing);
    add_text(&w, "judge", r->judge);
    return finish(&w, r->key);
}

/* SHA-256 of the values as little-endian binary32, whatever the machine's order. */
static bool values_digest(const float *values, uint64_t dim, as_key out, as_error *err)
{
    enum { CHUNK = 256 };
    _Static_assert(sizeof(float) == 4, "float is IEEE 754 binary32");
    as_sha256 *h = as_sha256_new(err);
    if (!h) return false;
    for (uint64_t at = 0; at < dim;) {
        unsigned char bytes[4 * CHUNK];
        size_t n = 0;
        for (; n < CHUNK && at < dim; n++, at++) {
            uint32_t u;
            memcpy(&u, &values[at], sizeof u);
            for (size_t k = 0; k < 4; k++) bytes[4 * n + k] = (unsigned char)(u >> (8 * k));
        }
        if (!as_sha256_add(h, bytes, 4 * n, err)) {
            as_sha256_free(h);
            return false;
        }
    }
    return as_sha256_end(h, out, err);
}

bool as_reading_key(as_reading *r, as_error *err)
{
    key_writer w;
    as_key digest;
    start(&w, "reading", err);
    add_key(&w, "generation", r->generation);
    add_text(&w, "site", r->site);
    add_text(&w, "selector", r->selector);
    if (values_digest(r->values, r->dim, digest, err)) add_text(&w, "values", digest);
    add_count(&w, r->dim);
    return finish(&w, r->key);
}

bool as_statistic_key(as_statistic *r, as_error *err)
{
    key_writer w;
    start(&w, "statistic", err);
    add_key(&w, "design", r->design);
    add_count(&w, r->position);
    add_text(&w, "check", r->check);
    add_text(&w, "name", r->name);
    add_text(&w, "of", r->of);
    add_text(&w, "method", r->method);
    add_text(&w, "inputs", r->inputs);
    add_number(&w, "estimate", r->estimate);
    add_count(&w, r->n);
    add_count(&w, r->missing);
    add_number(&w, "lo", r->lo);
    add_number(&w, "hi", r->hi);
    add_number(&w, "level", r->level);
    add_text(&w, "interval", r->interval);
    add_number(&w, "p", r->p);
    add_text(&w, "null_kind", r->null_kind);
    add_count(&w, r->null_draws);
    add_number(&w, "null_q05", r->null_q05);
    add_number(&w, "null_q50", r->null_q50);
    add_number(&w, "null_q95", r->null_q95);
    add_text(&w, "detail", r->detail);
    return finish(&w, r->key);
}

bool as_verdict_key(as_verdict *r, as_error *err)
{
    key_writer w;
    start(&w, "verdict", err);
    add_key(&w, "design", r->design);
    add_text(&w, "claim", r->claim);
    add_text(&w, "word", r->word);
    add_text(&w, "cause", r->cause);
    add_text(&w, "tree", r->tree);
    return finish(&w, r->key);
}

bool as_training_key(as_training *r, as_error *err)
{
    key_writer w;
    start(&w, "training", err);
    add_text(&w, "name", r->name);
    add_text(&w, "objective", r->kind);
    add_text(&w, "plan", r->plan);
    add_text(&w, "inputs", r->inputs);
    add_text(&w, "code", r->code);
    add_count(&w, r->seed);
    return finish(&w, r->key);
}

bool as_training_step_key(as_training_step *r, as_error *err)
{
    key_writer w;
    start(&w, "training_step", err);
    add_key(&w, "training", r->training);
    add_count(&w, r->step);
    add_count(&w, r->of);
    add_text(&w, "values", r->values);
    return finish(&w, r->key);
}
