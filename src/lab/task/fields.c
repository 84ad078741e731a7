/* Fields of the lab's data files, and the forms that their texts must have. */
#include <string.h>

#include "lab/task/canon_internal.h"

enum { MAX_TEXT = 400, MAX_TEXTS = 256 };

/* --- values ------------------------------------------------------------------------------ */

bool as_field_known(const json_t *object, const char *const *known, as_error *err)
{
    const char *key;
    json_t *value;
    char shown[AS_ESCAPE_SIZE];
    if (!json_is_object(object))
        return as_fail(err, AS_EFORMAT, "kind (found %s, expected an object)",
                       as_json_shown(object, shown));
    json_object_foreach((json_t *)object, key, value)
    {
        size_t i = 0;
        while (known[i] && strcmp(known[i], key) != 0) i++;
        if (known[i]) continue;
        as_buf list = {0};
        for (i = 0; known[i]; i++) as_buf_printf(&list, "%s%s", i ? ", " : "", known[i]);
        if (!as_buf_ok(&list, err)) return false;
        (void)as_fail(err, AS_EFORMAT, "%s: unknown key (expected one of: %s)",
                      as_escape(key, strlen(key), shown), as_buf_text(&list));
        as_buf_clear(&list);
        return false;
    }
    return true;
}

bool as_field_schema(const json_t *object, const char *schema, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const json_t *found = json_object_get(object, "schema");
    if (json_is_string(found) && strcmp(json_string_value(found), schema) == 0) return true;
    return as_fail(err, AS_EFORMAT, "schema (found %s, expected \"%s\")",
                   as_json_shown(found, shown), schema);
}

static bool copy_text(const json_t *value, as_arena *a, const char **out, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    size_t size = json_string_length(value);
    if (!json_is_string(value))
        return as_fail(err, AS_EFORMAT, "kind (found %s, expected a text)",
                       as_json_shown(value, shown));
    if (size == 0 || size > MAX_TEXT)
        return as_fail(err, AS_EFORMAT, "length (found %zu bytes, expected 1 to %d)", size,
                       MAX_TEXT);
    *out = as_arena_copy(a, json_string_value(value), size, err);
    return *out != NULL;
}

bool as_field_text(const json_t *object, const char *name, as_arena *a, const char **out,
                   as_error *err)
{
    if (copy_text(json_object_get(object, name), a, out, err)) return true;
    as_error_at(err, "%s", name);
    return false;
}

bool as_field_list(const json_t *object, const char *name, size_t most, const json_t **out,
                   as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    *out = json_object_get(object, name);
    size_t n = json_array_size(*out);
    if (!json_is_array(*out))
        return as_fail(err, AS_EFORMAT, "%s: kind (found %s, expected a list)", name,
                       as_json_shown(*out, shown));
    if (n > 0 && n <= most) return true;
    return as_fail(err, n ? AS_ELIMIT : AS_EFORMAT, "%s: number (found %zu, expected 1 to %zu)",
                   name, n, most);
}

bool as_texts_have(const as_texts *t, const char *text)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->text[i], text) == 0) return true;
    return false;
}

bool as_field_texts(const json_t *object, const char *name, size_t least, as_arena *a,
                    as_texts *out, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const json_t *list = json_object_get(object, name);
    size_t n = json_array_size(list);
    if (!json_is_array(list))
        return as_fail(err, AS_EFORMAT, "%s: kind (found %s, expected a list)", name,
                       as_json_shown(list, shown));
    if (n < least || n > MAX_TEXTS)
        return as_fail(err, AS_EFORMAT, "%s: number (found %zu, expected at least %zu)", name, n,
                       least);
    const char **text = as_arena_push(a, n, sizeof *text, err);
    if (!text) return false;
    *out = (as_texts){text, 0};
    for (size_t i = 0; i < n; i++) {
        const char *one = NULL;
        bool ok = copy_text(json_array_get(list, i), a, &one, err);
        if (ok && as_texts_have(out, one))
            ok = as_fail(err, AS_EFORMAT, "the same text again (\"%s\")",
                         as_escape(one, strlen(one), shown));
        if (!ok) {
            as_error_at(err, "%s %zu", name, i + 1);
            return false;
        }
        text[out->n++] = one;
    }
    return true;
}

/* --- forms ------------------------------------------------------------------------------- */

size_t as_field_words(const char *text)
{
    size_t n = 0;
    for (const char *p = text; *p; p++) n += *p != ' ' && (p == text || p[-1] == ' ');
    return n;
}

static bool fail_form(const char *text, const char *what, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    return as_fail(err, AS_EFORMAT, "form (found \"%s\", expected %s)",
                   as_escape(text, strlen(text), shown), what);
}

bool as_form_id(const char *id, as_error *err)
{
    size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (id[n] == '\0' && n <= 64 && id[0] != '-' && id[n - 1] != '-') return true;
    return fail_form(id, "at most 64 of a-z, 0-9 and - between them", err);
}

/* Single blanks inside, and characters that every font and tokenizer of the lab has. */
static bool plain(const char *text, const char *refused, as_error *err)
{
    size_t left = strlen(text);
    char letters[3];
    if (text[0] == ' ' || (left && text[left - 1] == ' ') || strstr(text, "  "))
        return fail_form(text, "single blanks between words", err);
    for (const char *p = text; left > 0;) {
        uint32_t cp;
        size_t size = as_utf8_next(p, left, &cp);
        if (cp < 0x20 || cp == 0x7F || (cp < 0x80 && strchr(refused, (int)cp)))
            return as_fail(err, AS_EFORMAT, "character (found U+%04X, expected none of %s)",
                           (unsigned)cp, refused);
        bool is_letter = as_said_letters(cp, letters)[0] && !letters[1];
        if (cp >= 0x80 && cp != 0xB0 && !is_letter)
            return as_fail(
                err, AS_EFORMAT,
                "character (found U+%04X, expected ASCII, letters with accents or U+00B0)",
                (unsigned)cp);
        p += size;
        left -= size;
    }
    return true;
}

bool as_form_phrase(const char *text, size_t least, size_t most, as_error *err)
{
    size_t n = as_field_words(text);
    if (!plain(text, "\"();{}", err)) return false;
    if (strchr(".!?,:", text[strlen(text) - 1])) return fail_form(text, "no stop at the end", err);
    if (n >= least && n <= most) return true;
    return as_fail(err, AS_EFORMAT, "words (found %zu, expected %zu to %zu)", n, least, most);
}

bool as_form_question(const char *text, as_error *err)
{
    if (!plain(text, "\"();{}", err)) return false;
    return text[strlen(text) - 1] == '?' || fail_form(text, "a question mark at the end", err);
}

bool as_form_skeleton(const char *text, as_error *err)
{
    if (!plain(text, "\"()", err)) return false;
    for (const char *p = text; (p = strpbrk(p, "{}")); p++) {
        size_t n = strspn(p + 1, "abcdefghijklmnopqrstuvwxyz");
        if (*p != '{' || n == 0 || p[n + 1] != '}') return fail_form(text, "slots as {name}", err);
        p += n + 1;
    }
    return true;
}

bool as_form_keys(const as_texts *keys, as_error *err)
{
    for (size_t i = 0; i < keys->n; i++) {
        if (as_said_is_key(keys->text[i])) continue;
        (void)fail_form(keys->text[i], "words of a-z and 0-9, with | between and * after", err);
        as_error_at(err, "keys %zu", i + 1);
        return false;
    }
    return true;
}
