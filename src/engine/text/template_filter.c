/* Filters on one value, and how every built-in gets its arguments. Those that go through lists
 * stand in template_select.c. */
#include "engine/text/template_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- arguments ---- */

/* The i-th word of "old new count?", its length without '?'; NULL at the end. */
static const char *parameter(const char *params, size_t i, size_t *size, bool *is_optional)
{
    for (; *params; i--) {
        size_t n = strcspn(params, " ");
        if (i == 0) {
            *is_optional = params[n - 1] == '?';
            *size = n - *is_optional;
            return params;
        }
        params += n + (params[n] == ' ');
    }
    return NULL;
}

static bool bind(tpl_run *r, const tpl_builtin *f, const tpl_args *args, tpl_value *slot)
{
    const char *name;
    size_t size, n = 0, used = 0;
    bool is_optional;
    while ((name = parameter(f->params, n, &size, &is_optional))) {
        slot[n] = (tpl_value){.kind = TPL_MISSING};
        for (size_t i = 0; i < args->n_named; i++) {
            if (args->key[i]->size != size || memcmp(args->key[i]->bytes, name, size) != 0)
                continue;
            slot[n] = args->named[i];
            used++;
        }
        bool by_name = slot[n].kind != TPL_MISSING;
        if (n < args->n && by_name)
            return as_fail(r->err, AS_EFORMAT, "argument of %s given twice", f->name);
        if (n < args->n) slot[n] = args->pos[n];
        if (slot[n].kind == TPL_MISSING && !is_optional)
            return as_fail(r->err, AS_EFORMAT, "argument of %s (found none, expected '%.*s')",
                           f->name, (int)size, name);
        n++;
    }
    if (args->n <= n && used == args->n_named) return true;
    return as_fail(r->err, AS_EFORMAT,
                   "arguments of %s (found %zu and %zu by name, expected at most %zu: %s)", f->name,
                   args->n, args->n_named, n, *f->params ? f->params : "none");
}

bool as_tpl_call(tpl_run *r, const tpl_builtin *f, const tpl_value *in, const tpl_args *args,
                 tpl_value *out)
{
    tpl_value slot[TPL_SLOTS];
    if (!f->params) return f->fn(r, in, NULL, args, out);
    return bind(r, f, args, slot) && f->fn(r, in, slot, args, out);
}

/* ---- text ---- */

/* The text a filter works on: str() of anything; not one that came from `safe` or `escape`, on
 * which jinja2 would work in another way. */
static bool plain(tpl_run *r, const tpl_value *v, const tpl_text **out)
{
    if (!as_tpl_to_text(r, v, out)) return false;
    return !(*out)->is_safe ||
           as_fail(r->err, AS_EFORMAT,
                   "a text from 'safe' or 'escape' is only supported as output");
}

static bool f_trim(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                   tpl_value *out)
{
    const tpl_text *t;
    (void)args;
    return plain(r, in, &t) && as_tpl_strip(r, t, &slot[0], true, true, out);
}

static bool change_case(tpl_run *r, const tpl_value *in, tpl_case how, tpl_value *out)
{
    const tpl_text *t;
    return plain(r, in, &t) && as_tpl_case(r, t, how, out);
}

static bool f_upper(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                    tpl_value *out)
{
    (void)slot, (void)args;
    return change_case(r, in, TPL_UPPER, out);
}

static bool f_lower(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                    tpl_value *out)
{
    (void)slot, (void)args;
    return change_case(r, in, TPL_LOWER, out);
}

static bool f_capitalize(tpl_run *r, const tpl_value *in, const tpl_value *slot,
                         const tpl_args *args, tpl_value *out)
{
    (void)slot, (void)args;
    return change_case(r, in, TPL_CAPITALIZE, out);
}

static bool f_title(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                    tpl_value *out)
{
    (void)slot, (void)args;
    return change_case(r, in, TPL_TITLE_WORDS, out);
}

static bool f_string(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                     tpl_value *out)
{
    const tpl_text *t;
    (void)slot, (void)args;
    if (!as_tpl_to_text(r, in, &t)) return false;
    *out = as_tpl_of_text(t);
    return true;
}

static bool f_replace(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                      tpl_value *out)
{
    const tpl_text *t, *old, *new_;
    int64_t count = -1;
    bool has_count = slot[2].kind != TPL_MISSING && slot[2].kind != TPL_NONE;
    (void)args;
    if (has_count && !as_tpl_is_number(&slot[2], &count))
        return as_tpl_fail_kind(r, "count", &slot[2], "an integer");
    return plain(r, in, &t) && plain(r, &slot[0], &old) && plain(r, &slot[1], &new_) &&
           as_tpl_replace(r, t, old, new_, count, out);
}

static bool mark_safe(tpl_run *r, const tpl_text *t, tpl_value *out)
{
    tpl_text *safe = as_tpl_new(r, 1, sizeof *safe);
    if (!safe) return false;
    *safe = *t;
    safe->is_safe = true;
    if (t->span == &t->one) safe->span = &safe->one;
    *out = as_tpl_of_text(safe);
    return true;
}

static bool f_safe(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                   tpl_value *out)
{
    const tpl_text *t;
    (void)slot, (void)args;
    return as_tpl_to_text(r, in, &t) && mark_safe(r, t, out);
}

static bool f_escape(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                     tpl_value *out)
{
    static const char from[] = "&<>'\"";
    static const char *const to[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
    const tpl_text *t;
    tpl_rope rope = {0};
    tpl_value v;
    (void)slot, (void)args;
    if (!as_tpl_to_text(r, in, &t)) return false;
    for (size_t at = 0; !t->is_safe && at < t->size;) {
        bool is_content;
        size_t end = as_tpl_stretch(t, at, &is_content);
        for (; at < end; at++) {
            const char *c = t->bytes[at] ? strchr(from, t->bytes[at]) : NULL;
            const char *bytes = c ? to[c - from] : t->bytes + at;
            if (!as_tpl_rope_add(r, &rope, bytes, c ? strlen(bytes) : 1, is_content)) return false;
        }
    }
    if (t->is_safe) return mark_safe(r, t, out);
    return as_tpl_rope_value(r, &rope, &v) && mark_safe(r, v.text, out);
}

/* Each line of t after `indent`; the first only when asked, empty ones only when asked. */
static bool indent_lines(tpl_run *r, const tpl_text *t, const tpl_text *indent, bool first,
                         bool blank, tpl_value *out)
{
    tpl_rope rope = {0};
    tpl_value lines;
    if (!as_tpl_lines(r, t, false, &lines)) return false;
    for (size_t i = 0; i < lines.list->n; i++) {
        const tpl_text *line = lines.list->item[i].text;
        bool is_in = i == 0 ? first : blank || line->size > 0;
        if (i && !as_tpl_rope_puts(r, &rope, "\n")) return false;
        if (is_in && !as_tpl_rope_text(r, &rope, indent)) return false;
        if (!as_tpl_rope_text(r, &rope, line)) return false;
    }
    return as_tpl_rope_value(r, &rope, out);
}

/* jinja2 adds a line end, so that splitlines gives a last empty line where one was. */
static bool f_indent(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                     tpl_value *out)
{
    static const tpl_text end = {.bytes = "\n", .size = 1, .n = 1};
    tpl_value indent = as_tpl_of_text(as_tpl_text(r->arena, " ", 1, false, r->err)), whole;
    int64_t width = 4;
    bool first = false, blank = false;
    const tpl_value newline = as_tpl_of_text(&end);
    (void)args;
    if (!indent.text) return false;
    if (in->kind != TPL_TEXT || in->text->is_safe)
        return as_tpl_fail_kind(r, "indent", in, "plain text");
    if (slot[0].kind == TPL_TEXT) {
        indent = slot[0];
    } else {
        if (slot[0].kind != TPL_MISSING && !as_tpl_is_number(&slot[0], &width))
            return as_tpl_fail_kind(r, "width", &slot[0], "an integer or text");
        tpl_value n = as_tpl_int(width), one = indent;
        if (!as_tpl_binary(r, '*', &one, &n, &indent)) return false;
    }
    if (slot[1].kind != TPL_MISSING && !as_tpl_truth(r, &slot[1], &first)) return false;
    if (slot[2].kind != TPL_MISSING && !as_tpl_truth(r, &slot[2], &blank)) return false;
    return as_tpl_binary(r, '+', in, &newline, &whole) &&
           indent_lines(r, whole.text, indent.text, first, blank, out);
}

/* ---- numbers ---- */

/* Copies ASCII t without blanks around and without '_' between digits; false when it has other
 * characters than a number can have, or more than fit. */
static bool number_text(const tpl_text *t, char out[64])
{
    size_t start = 0, end = t->size, n = 0;
    while (start < end && as_tpl_is_blank((unsigned char)t->bytes[start])) start++;
    while (end > start && as_tpl_is_blank((unsigned char)t->bytes[end - 1])) end--;
    for (size_t i = start; i < end; i++) {
        char c = t->bytes[i];
        bool is_digit = c >= '0' && c <= '9';
        bool joins = c == '_' && n > 0 && out[n - 1] >= '0' && out[n - 1] <= '9' && i + 1 < end &&
                     t->bytes[i + 1] >= '0' && t->bytes[i + 1] <= '9' && t->bytes[i - 1] != '_';
        if (joins) continue;
        if ((!is_digit && !strchr("+-.eE", c)) || c == '\0' || n == 63) return false;
        out[n++] = c;
    }
    out[n] = '\0';
    return n > 0;
}

/* [sign] digits [. digits] [e [sign] digits], with a digit before the exponent. */
static bool is_decimal(const char *p, bool *is_whole)
{
    static const char digits[] = "0123456789";
    if (*p == '+' || *p == '-') p++;
    size_t a = strspn(p, digits), b = 0;
    p += a;
    *is_whole = a > 0 && *p == '\0';
    if (*p == '.') {
        b = strspn(p + 1, digits);
        p += b + 1;
    }
    if (a + b == 0) return false;
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '+' || *p == '-') p++;
        a = strspn(p, digits);
        if (a == 0) return false;
        p += a;
    }
    return *p == '\0';
}

/* Reads a number from text; *kind is TPL_MISSING when there is none. */
static bool read_number(tpl_run *r, const tpl_text *t, tpl_value *out)
{
    char digits[64];
    bool is_whole = false;
    *out = (tpl_value){.kind = TPL_MISSING};
    if (t->n != t->size)
        for (size_t i = 0; i < t->size; i++)
            if ((unsigned char)t->bytes[i] >= 0x80)
                return as_fail(r->err, AS_EFORMAT,
                               "number (found characters beyond ASCII, which are not supported)");
    if (t->size > 63) return as_fail(r->err, AS_ELIMIT, "number (found more than 63 characters)");
    if (!number_text(t, digits) || !is_decimal(digits, &is_whole)) {
        char first = '\0'; /* "inf", "nan", "infinity": numbers for Python */
        for (size_t i = 0; i < t->size && !first; i++)
            if (!strchr(" \t\n\r\v\f+-", t->bytes[i])) first = (char)(t->bytes[i] | 0x20);
        if (first != 'i' && first != 'n') return true;
        return as_fail(r->err, AS_EFORMAT, "number (found a word, which is not supported)");
    }
    errno = 0;
    if (is_whole) {
        long long i = strtoll(digits, NULL, 10);
        *out = as_tpl_int(i);
        if (errno == ERANGE) return as_fail(r->err, AS_ELIMIT, "integer (found more than 64 bits)");
        return true;
    }
    *out = (tpl_value){.kind = TPL_REAL, .f = strtod(digits, NULL)};
    return true;
}

/* The number v is or holds; MISSING when none. */
static bool number_of(tpl_run *r, const tpl_value *v, tpl_value *out)
{
    int64_t i = 0;
    *out = *v;
    if (!as_tpl_defined(r, v)) return false;
    if (v->kind == TPL_TEXT) return read_number(r, v->text, out);
    if (as_tpl_is_number(v, &i))
        *out = as_tpl_int(i);
    else if (v->kind != TPL_REAL)
        out->kind = TPL_MISSING;
    return true;
}

static bool f_int(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                  tpl_value *out)
{
    (void)args;
    if (slot[1].kind != TPL_MISSING)
        return as_fail(r->err, AS_EFORMAT, "argument 'base' of int is not supported");
    if (!number_of(r, in, out)) return false;
    if (out->kind == TPL_MISSING) {
        *out = slot[0].kind == TPL_MISSING ? as_tpl_int(0) : slot[0];
    } else if (out->kind == TPL_REAL) {
        if (!(fabs(out->f) < 9.2e18))
            return as_fail(r->err, AS_ELIMIT, "integer (found more than 64 bits)");
        *out = as_tpl_int((int64_t)out->f);
    }
    return true;
}

static bool f_float(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                    tpl_value *out)
{
    (void)args;
    if (!number_of(r, in, out)) return false;
    if (out->kind == TPL_MISSING && slot[0].kind != TPL_MISSING)
        *out = slot[0];
    else if (out->kind != TPL_REAL)
        *out = (tpl_value){.kind = TPL_REAL, .f = out->kind == TPL_INT ? (double)out->i : 0};
    return true;
}

static bool f_abs(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                  tpl_value *out)
{
    int64_t i = 0;
    (void)slot, (void)args;
    *out = *in;
    if (in->kind == TPL_REAL) {
        out->f = fabs(in->f);
        return true;
    }
    if (!as_tpl_is_number(in, &i)) return as_tpl_fail_kind(r, "abs", in, "a number");
    if (i == INT64_MIN) return as_fail(r->err, AS_ELIMIT, "integer (found more than 64 bits)");
    *out = as_tpl_int(i < 0 ? -i : i);
    return true;
}

/* ---- any value ---- */

static bool f_default(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                      tpl_value *out)
{
    bool by_truth = false, holds = true;
    (void)args;
    if (slot[1].kind != TPL_MISSING && !as_tpl_truth(r, &slot[1], &by_truth)) return false;
    if (by_truth && !as_tpl_truth(r, in, &holds)) return false;
    *out = *in;
    if (in->kind != TPL_UNDEFINED && holds) return true;
    *out = slot[0];
    if (slot[0].kind != TPL_MISSING) return true;
    *out = as_tpl_of_text(as_tpl_text(r->arena, "", 0, false, r->err));
    return out->text != NULL;
}

static bool f_length(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                     tpl_value *out)
{
    size_t n = 0;
    (void)slot, (void)args;
    if (!as_tpl_length(r, in, &n)) return false;
    *out = as_tpl_int((int64_t)n);
    return true;
}

static bool f_tojson(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                     tpl_value *out)
{
    (void)args;
    return as_tpl_json(r, in, slot, out);
}

static const tpl_builtin filters[] = {
    {"trim", "chars?", f_trim},
    {"upper", "", f_upper},
    {"lower", "", f_lower},
    {"capitalize", "", f_capitalize},
    {"title", "", f_title},
    {"string", "", f_string},
    {"replace", "old new count?", f_replace},
    {"safe", "", f_safe},
    {"escape", "", f_escape},
    {"e", "", f_escape},
    {"indent", "width? first? blank?", f_indent},
    {"int", "default? base?", f_int},
    {"float", "default?", f_float},
    {"abs", "", f_abs},
    {"default", "default_value? boolean?", f_default},
    {"d", "default_value? boolean?", f_default},
    {"length", "", f_length},
    {"count", "", f_length},
    {"tojson", "ensure_ascii? indent? separators? sort_keys?", f_tojson},
};

static bool is_called(const tpl_builtin *f, const char *name, size_t size)
{
    return strlen(f->name) == size && memcmp(f->name, name, size) == 0;
}

const tpl_builtin *as_tpl_find_filter(const char *name, size_t size)
{
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
        if (is_called(&filters[i], name, size)) return &filters[i];
    for (const tpl_builtin *f = as_tpl_selections; f->name; f++)
        if (is_called(f, name, size)) return f;
    return NULL;
}
