/* Reading a plan's tree: every reader names the file, the place and the key when it refuses. */
#include "base/tree.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 64 }; /* longer words are not compared with known names */

/* --- places -------------------------------------------------------------------------------- */

void as_tree_path(const as_tree *t, as_buf *out)
{
    if (!t || !t->parent) return;
    as_tree_path(t->parent, out);
    if (t->parent->kind == AS_TREE_LIST) {
        size_t i = 0;
        while (i < t->parent->n && t->parent->child[i] != t) i++;
        as_buf_printf(out, "[%zu]", i);
        return;
    }
    if (out->size) as_buf_puts(out, ".");
    if (t->key) as_buf_escape(out, t->key, strlen(t->key));
}

bool as_tree_fail(const as_tree *t, as_error *err, const char *fmt, ...)
{
    if (err->class_ != AS_OK) return false;
    va_list args;
    char what[sizeof err->what], escaped[AS_ESCAPE_SIZE];
    as_buf path = {0};
    va_start(args, fmt);
    (void)vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    (void)as_fail(err, AS_EUSAGE, "%s", what);
    if (!t) return false;
    as_tree_path(t, &path);
    if (path.size && !path.failed) as_error_at(err, "%s", path.data);
    as_buf_clear(&path);
    const char *file = t->file ? t->file : "plan";
    as_escape(file, strlen(file), escaped);
    if (t->line)
        as_error_at(err, "%s:%zu:%zu", escaped, t->line, t->column);
    else
        as_error_at(err, "%s", escaped); /* not from a file */
    return false;
}

const as_tree *as_tree_find(const as_tree *t, const char *key)
{
    if (!t || t->kind != AS_TREE_MAP) return NULL;
    for (size_t i = 0; i < t->n; i++) {
        if (t->child[i]->key && strcmp(t->child[i]->key, key) == 0) return t->child[i];
    }
    return NULL;
}

/* --- typed readers -------------------------------------------------------------------------- */

static const char *kind_name(as_tree_kind kind)
{
    return kind == AS_TREE_TEXT ? "a value" : kind == AS_TREE_LIST ? "a list" : "a mapping";
}

bool as_tree_kind_is(const as_tree *t, as_tree_kind kind, as_error *err)
{
    if (!t) return as_fail(err, AS_EUSAGE, "missing (expected %s)", kind_name(kind));
    if (t->kind == kind) return true;
    return as_tree_fail(t, err, "kind (found %s, expected %s)", kind_name(t->kind),
                        kind_name(kind));
}

static bool fail_text(const as_tree *t, as_error *err, const char *what, const char *expected)
{
    char escaped[AS_ESCAPE_SIZE];
    return as_tree_fail(t, err, "%s (found \"%s\", expected %s)", what,
                        as_escape(t->text, strlen(t->text), escaped), expected);
}

bool as_tree_text(const as_tree *t, const char **out, as_error *err)
{
    if (!as_tree_kind_is(t, AS_TREE_TEXT, err)) return false;
    *out = t->text;
    return true;
}

static const char *skip_digits(const char *p)
{
    while (*p >= '0' && *p <= '9') p++;
    return p;
}

/* The decimal number at p, which strtod alone would read too freely (hex, inf, blanks). Returns the
 * end, or NULL. */
static const char *read_decimal(const char *p, double *out)
{
    const char *start = p, *digits;
    if (*p == '+' || *p == '-') p++;
    digits = p;
    p = skip_digits(p);
    bool any = p > digits;
    if (*p == '.') {
        digits = ++p;
        p = skip_digits(p);
        any = any || p > digits;
    }
    if (!any) return NULL;
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '+' || *p == '-') p++;
        digits = p;
        p = skip_digits(p);
        if (p == digits) return NULL;
    }
    *out = strtod(start, NULL);
    return p;
}

bool as_tree_double(const as_tree *t, double *out, as_error *err)
{
    double x = 0, below = 1;
    if (!as_tree_kind_is(t, AS_TREE_TEXT, err)) return false;
    const char *p = read_decimal(t->text, &x);
    if (p && *p == '/') p = read_decimal(p + 1, &below);
    if (!p || *p) return fail_text(t, err, "number", "a number such as 0.5, -1e-3 or 1/2");
    x /= below;
    if (!isfinite(x)) return fail_text(t, err, "number", "a finite number");
    *out = x;
    return true;
}

bool as_tree_size(const as_tree *t, size_t *out, as_error *err)
{
    if (!as_tree_kind_is(t, AS_TREE_TEXT, err)) return false;
    size_t x = 0;
    const char *p = t->text;
    for (; *p >= '0' && *p <= '9'; p++) {
        size_t d = (size_t)(*p - '0');
        if (x > (SIZE_MAX - d) / 10) return fail_text(t, err, "count", "one of 64 bits");
        x = x * 10 + d;
    }
    if (*p || p == t->text) return fail_text(t, err, "count", "a whole number, digits only");
    *out = x;
    return true;
}

bool as_tree_bool(const as_tree *t, bool *out, as_error *err)
{
    if (!as_tree_kind_is(t, AS_TREE_TEXT, err)) return false;
    *out = strcmp(t->text, "true") == 0;
    return *out || strcmp(t->text, "false") == 0 || fail_text(t, err, "switch", "true or false");
}

/* --- names --------------------------------------------------------------------------------- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Damerau-Levenshtein distance in its restricted form (no piece is edited twice), by bytes; three
 * rows of the table suffice. Both words have at most NAME_MAX_BYTES bytes. */
static size_t distance(const char *a, size_t na, const char *b, size_t nb)
{
    size_t rows[3][NAME_MAX_BYTES + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= nb; j++) last[j] = j, before[j] = 0;
    for (size_t i = 1; i <= na; i++) {
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t d = last[j - 1] + (a[i - 1] != b[j - 1]);
            d = least(d, least(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                d = least(d, before[j - 2] + 1);
            }
            row[j] = d;
        }
        size_t *free_ = before;
        before = last, last = row, row = free_;
    }
    return last[nb];
}

const char *as_nearest(const char *word, const char *const *names)
{
    const char *best = NULL;
    size_t size = strlen(word), best_distance = size / 2 + 1;
    if (size > NAME_MAX_BYTES) return NULL;
    for (; *names; names++) {
        size_t n = strlen(*names);
        if (n > NAME_MAX_BYTES) continue;
        size_t d = distance(word, size, *names, n);
        if (d < best_distance) best = *names, best_distance = d;
    }
    return best;
}

bool as_tree_text_or(const as_tree *t, const char *key, const char **out, as_error *err)
{
    const as_tree *node = as_tree_find(t, key);
    return !node || as_tree_text(node, out, err);
}

bool as_tree_double_or(const as_tree *t, const char *key, double *out, as_error *err)
{
    const as_tree *node = as_tree_find(t, key);
    return !node || as_tree_double(node, out, err);
}

bool as_tree_size_or(const as_tree *t, const char *key, size_t *out, as_error *err)
{
    const as_tree *node = as_tree_find(t, key);
    return !node || as_tree_size(node, out, err);
}

bool as_tree_keys(const as_tree *t, const char *const *names, as_error *err)
{
    if (!as_tree_kind_is(t, AS_TREE_MAP, err)) return false;
    for (size_t i = 0; i < t->n; i++) {
        const as_tree *c = t->child[i];
        const char *const *known = names;
        while (*known && (!c->key || strcmp(*known, c->key) != 0)) known++;
        if (*known) continue;
        const char *near = c->key ? as_nearest(c->key, names) : NULL;
        if (near) return as_tree_fail(c, err, "unknown key (did you mean \"%s\"?)", near);
        as_buf all = {0};
        for (known = names; *known; known++) {
            as_buf_printf(&all, "%s%s", known > names ? ", " : "", *known);
        }
        (void)as_tree_fail(c, err, "unknown key (expected one of: %s)", as_buf_text(&all));
        as_buf_clear(&all);
        return false;
    }
    return true;
}

/* --- as JSON ------------------------------------------------------------------------------- */

static json_t *to_json(const as_tree *t, size_t depth, as_error *err);

static json_t *text_json(const as_tree *t, as_error *err)
{
    if (!as_utf8_valid(t->text, strlen(t->text), NULL)) {
        (void)fail_text(t, err, "text", "valid UTF-8");
        return NULL;
    }
    json_t *v = json_string_nocheck(t->text);
    if (!v) (void)as_fail(err, AS_EMEM, "out of memory");
    return v;
}

/* Adds child c (its JSON is owned) to the list or mapping v. */
static bool add_child(json_t *v, const as_tree *c, json_t *child, as_error *err)
{
    if (json_is_array(v)) {
        return json_array_append_new(v, child) == 0 || as_fail(err, AS_EMEM, "out of memory");
    }
    if (!c->key || !as_utf8_valid(c->key, strlen(c->key), NULL) || json_object_get(v, c->key)) {
        json_decref(child);
        return as_tree_fail(c, err, "key (found one twice or not UTF-8, expected it once)");
    }
    return json_object_set_new_nocheck(v, c->key, child) == 0 ||
           as_fail(err, AS_EMEM, "out of memory");
}

static json_t *to_json(const as_tree *t, size_t depth, as_error *err)
{
    if (t->kind == AS_TREE_TEXT) return text_json(t, err);
    if (depth == AS_JSON_DEPTH) {
        (void)as_tree_fail(t, err, "nesting (found more than %d levels, expected at most %d)",
                           AS_JSON_DEPTH, AS_JSON_DEPTH);
        return NULL;
    }
    json_t *v = t->kind == AS_TREE_LIST ? json_array() : json_object();
    if (!v) (void)as_fail(err, AS_EMEM, "out of memory");
    for (size_t i = 0; v && i < t->n; i++) {
        json_t *child = to_json(t->child[i], depth + 1, err);
        if (child && add_child(v, t->child[i], child, err)) continue;
        json_decref(v);
        v = NULL;
    }
    return v;
}

json_t *as_tree_json(const as_tree *t, as_error *err)
{
    return to_json(t, 0, err);
}
