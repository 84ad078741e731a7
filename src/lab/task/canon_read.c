/* One file of the canon: its entries, and the rules that need no other file. */
#include <string.h>

#include "lab/task/canon_internal.h"

static const char *const type_names[AS_FACT_TYPES] = {
    "cause", "remedy", "prevention", "temperature", "time", "ratio", "term", "origin",
};

const char *as_fact_type_name(as_fact_type t)
{
    return type_names[t];
}

/* --- facts ------------------------------------------------------------------------------- */

enum { MIN_FACTS = 5, MAX_FACTS = 6, FIXED_FACTS = 3 };

static bool read_type(const json_t *fact, size_t i, as_canon_fact *out, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const json_t *type = json_object_get(fact, "type");
    const char *name = json_is_string(type) ? json_string_value(type) : "";
    size_t t = 0;
    while (t < AS_FACT_TYPES && strcmp(type_names[t], name) != 0) t++;
    out->type = (as_fact_type)t;
    if (i < FIXED_FACTS && t != i)
        return as_fail(err, AS_EFORMAT, "type (found %s, expected \"%s\" in place %zu)",
                       as_json_shown(type, shown), type_names[i], i + 1);
    if (t < AS_FACT_TYPES && (i < FIXED_FACTS || t >= FIXED_FACTS)) return true;
    return as_fail(err, AS_EFORMAT,
                   "type (found %s, expected one of: temperature, time, ratio, term, origin)",
                   as_json_shown(type, shown));
}

/* Wordings or wrong statements. */
static bool check_statements(const as_texts *t, const char *list, bool is_clause, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    for (size_t i = 0; i < t->n; i++) {
        const char *s = t->text[i];
        bool ok = as_form_phrase(s, 2, 14, err);
        if (ok && is_clause && s[0] >= 'A' && s[0] <= 'Z')
            ok = as_fail(err, AS_EFORMAT, "form (found \"%s\", expected lower case at the start)",
                         as_escape(s, strlen(s), shown));
        if (ok) continue;
        as_error_at(err, "%s %zu", list, i + 1);
        return false;
    }
    return true;
}

static bool read_fact(const json_t *fact, size_t i, as_arena *a, as_canon_fact *out, as_error *err)
{
    static const char *const known[] = {"type", "says", "keys", "wrong", NULL};
    bool ok = as_field_known(fact, known, err) && read_type(fact, i, out, err);
    if (!ok) {
        as_error_at(err, "facts %zu", i + 1);
        return false;
    }
    bool is_clause = i < FIXED_FACTS;
    ok = as_field_texts(fact, "says", 3, a, &out->says, err) &&
         as_field_texts(fact, "keys", 1, a, &out->keys, err) &&
         as_field_texts(fact, "wrong", 3, a, &out->wrong, err) &&
         check_statements(&out->says, "says", is_clause, err) &&
         check_statements(&out->wrong, "wrong", is_clause, err) && as_form_keys(&out->keys, err);
    if (!ok) as_error_at(err, "%s", type_names[out->type]);
    return ok;
}

static bool read_facts(const json_t *entry, as_arena *a, as_canon_entry *out, as_error *err)
{
    const json_t *list;
    if (!as_field_list(entry, "facts", MAX_FACTS, &list, err)) return false;
    size_t n = json_array_size(list);
    if (n < MIN_FACTS)
        return as_fail(err, AS_EFORMAT, "facts: number (found %zu, expected %d or %d)", n,
                       MIN_FACTS, MAX_FACTS);
    as_canon_fact *fact = as_arena_push(a, n, sizeof *fact, err);
    if (!fact) return false;
    for (size_t i = 0; i < n; i++) {
        if (!read_fact(json_array_get(list, i), i, a, &fact[i], err)) return false;
        for (size_t k = FIXED_FACTS; k < i; k++)
            if (fact[k].type == fact[i].type)
                return as_fail(err, AS_EFORMAT, "%s: type twice", type_names[fact[i].type]);
    }
    out->fact = fact;
    out->n_facts = n;
    return true;
}

/* --- keys against wordings ---------------------------------------------------------------- */

/* One statement against the keys of all facts of its entry: own is the fact it belongs to, and
 * is_right whether it is a wording of it. */
static bool check_keys(const as_canon_entry *e, size_t own, const char *text, bool is_right,
                       as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    bool ok = true, said;
    as_escape(text, strlen(text), shown);
    for (size_t k = 0; ok && k < e->n_facts; k++) {
        if (k != own && !is_right) continue; /* what is false here may be said elsewhere */
        if (!as_canon_said(&e->fact[k].keys, text, &said, err)) return false;
        if (said == (k == own && is_right)) continue;
        if (k != own)
            ok = as_fail(err, AS_EFORMAT, "\"%s\" also meets the keys of %s", shown,
                         type_names[e->fact[k].type]);
        else
            ok = as_fail(err, AS_EFORMAT, "\"%s\" %s the keys", shown,
                         is_right ? "does not meet" : "is wrong, yet meets");
    }
    return ok;
}

static bool check_fact(const as_canon_entry *e, size_t own, as_error *err)
{
    const as_canon_fact *f = &e->fact[own];
    for (size_t i = 0; i < f->says.n; i++) {
        if (check_keys(e, own, f->says.text[i], true, err)) continue;
        as_error_at(err, "says %zu", i + 1);
        return false;
    }
    for (size_t i = 0; i < f->wrong.n; i++) {
        if (check_keys(e, own, f->wrong.text[i], false, err)) continue;
        as_error_at(err, "wrong %zu", i + 1);
        return false;
    }
    return true;
}

/* --- the failure -------------------------------------------------------------------------- */

static bool check_flaw(const as_texts *list, const char *name, const as_texts *before,
                       size_t n_before, as_error *err)
{
    for (size_t i = 0; i < list->n; i++) {
        bool ok = as_form_phrase(list->text[i], 2, 10, err);
        for (size_t k = 0; ok && k < n_before; k++)
            if (as_texts_have(&before[k], list->text[i]))
                ok = as_fail(err, AS_EFORMAT, "the same text in two vocabularies (\"%s\")",
                             list->text[i]);
        if (ok) continue;
        as_error_at(err, "%s %zu", name, i + 1);
        return false;
    }
    return true;
}

static bool read_flaw(const json_t *entry, as_arena *a, as_canon_entry *out, as_error *err)
{
    static const char *const known[] = {"told", "asked", "service", NULL};
    const json_t *flaw = json_object_get(entry, "flaw");
    as_texts list[3] = {{0}};
    bool ok = as_field_known(flaw, known, err);
    for (size_t i = 0; ok && i < 3; i++)
        ok = as_field_texts(flaw, known[i], i == 0 ? 3 : 2, a, &list[i], err) &&
             check_flaw(&list[i], known[i], list, i, err);
    if (!ok) as_error_at(err, "flaw");
    out->told = list[0], out->asked = list[1], out->service = list[2];
    return ok;
}

/* --- entries ------------------------------------------------------------------------------ */

static bool check_name(const char *text, const char *which, as_error *err)
{
    static const char *const articles[] = {"a ", "an ", "the "};
    bool ok = as_form_phrase(text, 1, 5, err);
    for (size_t i = 0; ok && i < 3; i++)
        if (strncmp(text, articles[i], strlen(articles[i])) == 0)
            ok = as_fail(err, AS_EFORMAT, "form (found \"%s\", expected no article)", text);
    if (!ok) as_error_at(err, "%s", which);
    return ok;
}

static bool check_works(const as_texts *t, const as_canon *works, as_error *err)
{
    for (size_t i = 0; i < t->n; i++) {
        char shown[AS_ESCAPE_SIZE];
        size_t k = 0;
        while (k < works->n_works && strcmp(works->work[k].id, t->text[i]) != 0) k++;
        if (k < works->n_works) continue;
        return as_fail(err, AS_EFORMAT, "works %zu: unknown work (found \"%s\", see works.json)",
                       i + 1, as_escape(t->text[i], strlen(t->text[i]), shown));
    }
    return true;
}

static bool read_entry(const json_t *entry, const as_canon *works, as_arena *a, as_canon_entry *out,
                       as_error *err)
{
    static const char *const known[] = {"id", "name", "alias", "works", "flaw", "facts", NULL};
    bool ok = as_field_texts(entry, "works", 1, a, &out->works, err) &&
              as_field_known(entry, known, err) && check_works(&out->works, works, err) &&
              as_field_text(entry, "name", a, &out->name, err) &&
              check_name(out->name, "name", err) &&
              as_field_text(entry, "alias", a, &out->alias, err) &&
              check_name(out->alias, "alias", err) && read_flaw(entry, a, out, err) &&
              read_facts(entry, a, out, err);
    for (size_t i = 0; ok && i < out->n_facts; i++) {
        ok = check_fact(out, i, err);
        if (!ok) as_error_at(err, "%s", type_names[out->fact[i].type]);
    }
    return ok;
}

/* The name under which messages speak of an element; before that its place. */
static bool read_id(const json_t *value, size_t i, as_arena *a, const char **id, as_error *err)
{
    if (as_field_text(value, "id", a, id, err)) {
        if (as_form_id(*id, err)) return true;
        as_error_at(err, "id");
    }
    as_error_at(err, "entries %zu", i + 1);
    return false;
}

static bool read_category(const json_t *file, as_arena *a, const char **out, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    if (!as_field_text(file, "category", a, out, err)) return false;
    if ((*out)[strspn(*out, "abcdefghijklmnopqrstuvwxyz_")] == '\0') return true;
    return as_fail(err, AS_EFORMAT, "category (found \"%s\", expected words of a-z with _ between)",
                   as_escape(*out, strlen(*out), shown));
}

bool as_canon_read_entries(const json_t *file, const as_canon *works, as_arena *a,
                           as_canon_entry *out, size_t *n, as_error *err)
{
    static const char *const known[] = {"schema", "category", "entries", NULL};
    const char *category = NULL;
    const json_t *list;
    if (!as_field_known(file, known, err) || !as_field_schema(file, "assay.canon/1", err) ||
        !read_category(file, a, &category, err) ||
        !as_field_list(file, "entries", AS_CANON_MAX_ENTRIES - *n, &list, err))
        return false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        as_canon_entry e = {.category = category};
        if (!read_id(entry, i, a, &e.id, err)) return false;
        if (!read_entry(entry, works, a, &e, err)) {
            as_error_at(err, "%s", e.id);
            return false;
        }
        out[(*n)++] = e;
    }
    return true;
}
