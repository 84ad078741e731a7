/* Grammars: lists of phrases with slots, and their filling. */
#include <math.h>
#include <string.h>

#include "lab/task/canon_internal.h"

/* --- reading ------------------------------------------------------------------------------ */

static bool read_lists(const json_t *lists, as_arena *a, as_canon_grammar *out, as_error *err)
{
    const char *name;
    json_t *value;
    char shown[AS_ESCAPE_SIZE];
    size_t n = json_object_size(lists);
    if (!json_is_object(lists) || n == 0 || n > 64)
        return as_fail(err, AS_EFORMAT, "kind (found %s, expected an object of 1 to 64 lists)",
                       as_json_shown(lists, shown));
    as_canon_list *list = as_arena_push(a, n, sizeof *list, err);
    if (!list) return false;
    out->list = list;
    json_object_foreach((json_t *)lists, name, value)
    {
        as_canon_list *l = &list[out->n_lists++];
        bool ok = as_form_id(name, err) && as_field_texts(lists, name, 1, a, &l->text, err);
        l->name = ok ? as_arena_text(a, name, err) : NULL;
        if (!l->name) return false;
        for (size_t i = 0; i < l->text.n; i++) {
            if (as_form_skeleton(l->text.text[i], err)) continue;
            as_error_at(err, "%s %zu", name, i + 1);
            return false;
        }
    }
    return true;
}

static bool read_share(const json_t *value, double *out, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    *out = json_number_value(value);
    if (json_is_number(value) && *out >= 0 && *out <= 1) return true;
    return as_fail(err, AS_EFORMAT, "alias (found %s, expected 0 to 1)",
                   as_json_shown(value, shown));
}

bool as_canon_read_grammar(const json_t *file, as_arena *a, as_canon_grammar *out, as_error *err)
{
    static const char *const known[] = {"schema", "name",  "about", "vocabulary",
                                        "alias",  "lists", NULL};
    static const char *const vocabularies[] = {"told", "asked", "service"};
    char shown[AS_ESCAPE_SIZE];
    if (!as_field_known(file, known, err) || !as_field_schema(file, "assay.grammar/1", err) ||
        !as_field_text(file, "name", a, &out->name, err) ||
        !as_field_text(file, "about", a, &out->about, err) ||
        !as_field_text(file, "vocabulary", a, &out->vocabulary, err) ||
        !read_share(json_object_get(file, "alias"), &out->alias, err))
        return false;
    size_t i = 0;
    while (i < 3 && strcmp(vocabularies[i], out->vocabulary) != 0) i++;
    if (i == 3)
        return as_fail(err, AS_EFORMAT,
                       "vocabulary (found \"%s\", expected told, asked or service)",
                       as_escape(out->vocabulary, strlen(out->vocabulary), shown));
    if (read_lists(json_object_get(file, "lists"), a, out, err)) return true;
    as_error_at(err, "lists");
    return false;
}

/* --- use ---------------------------------------------------------------------------------- */

const as_canon_grammar *as_canon_grammar_find(const as_canon *c, const char *name, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    for (size_t i = 0; i < c->n_grammars; i++)
        if (strcmp(c->grammar[i].name, name) == 0) return &c->grammar[i];
    (void)as_fail(err, AS_EUSAGE, "grammar (found none of name \"%s\" among %zu)",
                  as_escape(name, strlen(name), shown), c->n_grammars);
    return NULL;
}

/* Is the word of that many letters among those of the list? */
static bool among(const char *words, const char *word, size_t n)
{
    for (const char *p = words; *p;) {
        size_t size = strcspn(p, " ");
        if (size == n && memcmp(p, word, n) == 0) return true;
        p += size + strspn(p + size, " ");
    }
    return false;
}

static size_t count_slot(const char *phrase, const char *slot, size_t n)
{
    size_t count = 0;
    for (const char *p = phrase; (p = strchr(p, '{')); p++)
        count += memcmp(p + 1, slot, n) == 0 && p[1 + n] == '}';
    return count;
}

static bool check_slots(const char *phrase, const char *slots, as_error *err)
{
    for (const char *p = phrase; (p = strchr(p, '{')); p++) {
        size_t n = strcspn(p + 1, "}");
        if (among(slots, p + 1, n)) continue;
        return as_fail(err, AS_EFORMAT, "slot (found {%.*s}, expected %s)", (int)n, p + 1,
                       *slots ? slots : "none");
    }
    for (const char *s = slots; *s;) {
        size_t size = strcspn(s, " "), count = count_slot(phrase, s, size);
        if (count != 1)
            return as_fail(err, AS_EFORMAT, "slot (found {%.*s} %zu times, expected once)",
                           (int)size, s, count);
        s += size + strspn(s + size, " ");
    }
    return true;
}

const as_texts *as_canon_phrases(const as_canon_grammar *g, const char *list, size_t least,
                                 const char *slots, as_error *err)
{
    const as_texts *t = NULL;
    for (size_t i = 0; i < g->n_lists; i++)
        if (strcmp(g->list[i].name, list) == 0) t = &g->list[i].text;
    bool ok = t != NULL || as_fail(err, AS_EFORMAT, "no such list");
    if (ok && t->n < least)
        ok = as_fail(err, AS_EFORMAT, "number (found %zu, expected at least %zu)", t->n, least);
    for (size_t i = 0; ok && i < t->n; i++) {
        ok = check_slots(t->text[i], slots, err);
        if (!ok) as_error_at(err, "%zu", i + 1);
    }
    if (ok) return t;
    as_error_at(err, "grammar %s: %s", g->name, list);
    return NULL;
}

/* Capitals at the start and after . ! ? and a blank; letters with accents too (U+00E0..U+00FE). */
static void capitalise(char *text)
{
    bool starts = true;
    for (char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (starts && c >= 'a' && c <= 'z') *p = (char)(c - ('a' - 'A'));
        if (starts && c == 0xC3 && (unsigned char)p[1] >= 0xA0 && (unsigned char)p[1] != 0xB7)
            p[1] = (char)((unsigned char)p[1] - 0x20);
        starts = c == ' ' && p > text && strchr(".!?", p[-1]);
    }
}

const char *as_canon_fill(const char *phrase, const as_filling *f, size_t n, as_arena *a,
                          as_error *err)
{
    as_buf out = {0};
    char *text = NULL;
    for (const char *p = phrase; *p;) {
        size_t plain = strcspn(p, "{"), i = 0;
        as_buf_add(&out, p, plain);
        p += plain;
        if (!*p) break;
        size_t size = strcspn(p, "}");
        while (i < n && !(strlen(f[i].slot) == size - 1 && memcmp(f[i].slot, p + 1, size - 1) == 0))
            i++;
        AS_CHECK(i < n); /* as_canon_phrases saw to it */
        as_buf_puts(&out, f[i].value);
        p += size + 1;
    }
    if (as_buf_ok(&out, err)) text = as_arena_copy(a, as_buf_text(&out), out.size, err);
    if (text) capitalise(text);
    as_buf_clear(&out);
    return text;
}
