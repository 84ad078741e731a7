/* The canon's smaller files: reference works, questions without one right answer, grammars. */
#include <string.h>

#include "lab/task/canon_internal.h"

/* --- works -------------------------------------------------------------------------------- */

static bool read_year(const json_t *value, size_t *out, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    json_int_t year = json_integer_value(value);
    *out = (size_t)year;
    if (json_is_integer(value) && year >= 1000 && year <= 2100) return true;
    return as_fail(err, AS_EFORMAT, "year (found %s, expected 1000 to 2100)",
                   as_json_shown(value, shown));
}

static bool read_work(const json_t *value, as_arena *a, as_canon_work *out, as_error *err)
{
    static const char *const known[] = {"id", "title", "author", "year", NULL};
    if (!as_field_known(value, known, err) || !as_field_text(value, "id", a, &out->id, err))
        return false;
    bool ok = as_form_id(out->id, err) && as_field_text(value, "title", a, &out->title, err) &&
              as_field_text(value, "author", a, &out->author, err) &&
              read_year(json_object_get(value, "year"), &out->year, err);
    if (!ok) as_error_at(err, "%s", out->id);
    return ok;
}

bool as_canon_read_works(const json_t *file, as_arena *a, as_canon *c, as_error *err)
{
    static const char *const known[] = {"schema", "canon", "works", NULL};
    const json_t *list;
    if (!as_field_known(file, known, err) || !as_field_schema(file, "assay.works/1", err) ||
        !as_field_texts(file, "canon", 1, a, &c->files, err) ||
        !as_field_list(file, "works", 256, &list, err))
        return false;
    size_t n = json_array_size(list);
    as_canon_work *work = as_arena_push(a, n, sizeof *work, err);
    if (!work) return false;
    for (size_t i = 0; i < n; i++) {
        if (!read_work(json_array_get(list, i), a, &work[i], err)) {
            as_error_at(err, "works %zu", i + 1);
            return false;
        }
        for (size_t k = 0; k < i; k++)
            if (strcmp(work[k].id, work[i].id) == 0)
                return as_fail(err, AS_EFORMAT, "%s: id twice", work[i].id);
    }
    c->work = work;
    c->n_works = n;
    return true;
}

/* --- disputes ----------------------------------------------------------------------------- */

static bool check_asked(const as_texts *t, as_error *err)
{
    for (size_t i = 0; i < t->n; i++) {
        if (as_form_question(t->text[i], err)) continue;
        as_error_at(err, "asked %zu", i + 1);
        return false;
    }
    return true;
}

/* Each position meets its own keys and no other's. */
static bool check_positions(const as_canon_dispute *d, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    for (size_t i = 0; i < d->positions.n; i++) {
        const char *text = d->positions.text[i];
        bool ok = as_form_phrase(text, 1, 14, err);
        as_escape(text, strlen(text), shown);
        for (size_t k = 0; ok && k < d->keys.n; k++) {
            as_texts one = {&d->keys.text[k], 1};
            bool said;
            if (!as_canon_said(&one, text, &said, err)) return false;
            if (said == (k == i)) continue;
            ok = k == i ? as_fail(err, AS_EFORMAT, "\"%s\" does not meet its key", shown)
                        : as_fail(err, AS_EFORMAT, "\"%s\" also meets key %zu", shown, k + 1);
        }
        if (ok) continue;
        as_error_at(err, "positions %zu", i + 1);
        return false;
    }
    return true;
}

static bool read_dispute(const json_t *value, as_arena *a, as_canon_dispute *out, as_error *err)
{
    static const char *const known[] = {"id", "question", "asked", "positions", "keys", NULL};
    if (!as_field_known(value, known, err) ||
        !as_field_text(value, "question", a, &out->question, err) ||
        !as_field_texts(value, "asked", 2, a, &out->asked, err) || !check_asked(&out->asked, err) ||
        !as_field_texts(value, "positions", 2, a, &out->positions, err) ||
        !as_field_texts(value, "keys", 2, a, &out->keys, err) || !as_form_keys(&out->keys, err))
        return false;
    if (!as_form_phrase(out->question, 2, 16, err)) {
        as_error_at(err, "question");
        return false;
    }
    if (out->positions.n > 4)
        return as_fail(err, AS_EFORMAT, "positions: number (found %zu, expected 2 to 4)",
                       out->positions.n);
    if (out->keys.n != out->positions.n)
        return as_fail(err, AS_EFORMAT, "keys: number (found %zu, expected %zu as positions)",
                       out->keys.n, out->positions.n);
    return check_positions(out, err);
}

bool as_canon_read_disputes(const json_t *file, as_arena *a, as_canon *c, as_error *err)
{
    static const char *const known[] = {"schema", "disputes", NULL};
    const json_t *list;
    if (!as_field_known(file, known, err) || !as_field_schema(file, "assay.disputes/1", err) ||
        !as_field_list(file, "disputes", AS_CANON_MAX_ENTRIES, &list, err))
        return false;
    size_t n = json_array_size(list);
    as_canon_dispute *d = as_arena_push(a, n, sizeof *d, err);
    if (!d) return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_array_get(list, i);
        bool ok = as_field_text(value, "id", a, &d[i].id, err) && as_form_id(d[i].id, err);
        if (!ok) {
            as_error_at(err, "disputes %zu", i + 1);
            return false;
        }
        if (!read_dispute(value, a, &d[i], err)) {
            as_error_at(err, "%s", d[i].id);
            return false;
        }
    }
    c->dispute = d;
    c->n_disputes = n;
    return true;
}
