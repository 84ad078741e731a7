/* Values as text: str() and repr() as Python writes them, and JSON as json.dumps does. */
#include "engine/text/template_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers ---- */

/* repr(float): the shortest digits that read back, with an exponent below 1e-4 and from 1e16 on. */
static const char *real_text(double x, bool is_json, char out[48])
{
    char shortest[32], digits[32];
    int n = 0, point = 0, exponent = 0;
    bool seen_point = false;
    if (isnan(x)) return is_json ? "NaN" : "nan";
    if (isinf(x)) return is_json ? (x > 0 ? "Infinity" : "-Infinity") : x > 0 ? "inf" : "-inf";
    const char *p = as_double_text(fabs(x), shortest);
    for (; *p && *p != 'e'; p++) {
        if (*p == '.') {
            seen_point = true;
            continue;
        }
        if (n == 0 && *p == '0') { /* leading zeros only move the point */
            if (seen_point) point--;
            continue;
        }
        digits[n++] = *p;
        if (!seen_point) point++;
    }
    if (*p == 'e') exponent = (int)strtol(p + 1, NULL, 10);
    point += exponent; /* value is 0.DIGITS x 10^point */
    while (n > 1 && digits[n - 1] == '0') n--;
    const char *sign = signbit(x) ? "-" : "";
    if (n == 0) {
        (void)snprintf(out, 48, "%s0.0", sign);
    } else if (point > 16 || point < -3) {
        (void)snprintf(out, 48, "%s%c%s%.*se%+03d", sign, digits[0], n > 1 ? "." : "", n - 1,
                       digits + 1, point - 1);
    } else if (point <= 0) {
        (void)snprintf(out, 48, "%s0.%.*s%.*s", sign, -point, "0000", n, digits);
    } else if (point >= n) {
        (void)snprintf(out, 48, "%s%.*s%.*s.0", sign, n, digits, point - n, "0000000000000000");
    } else {
        (void)snprintf(out, 48, "%s%.*s.%.*s", sign, point, digits, n - point, digits + point);
    }
    return out;
}

static bool put_int(tpl_run *r, tpl_rope *rope, int64_t i)
{
    char out[24];
    int n = snprintf(out, sizeof out, "%" PRId64, i);
    return as_tpl_rope_copy(r, rope, out, (size_t)n, false);
}

static bool put_real(tpl_run *r, tpl_rope *rope, double x, bool is_json)
{
    char out[48];
    const char *text = real_text(x, is_json, out);
    return as_tpl_rope_copy(r, rope, text, strlen(text), false);
}

/* ---- quoted strings ---- */

/* The escape of one character in out, its length; 0 when it stands for itself. */
typedef size_t escape(uint32_t cp, char mark, char out[16]);

static size_t repr_escape(uint32_t cp, char quote, char out[16])
{
    const char *c = cp == '\n' ? "\\n" : cp == '\r' ? "\\r" : cp == '\t' ? "\\t" : NULL;
    int n = 0;
    if (c || cp == '\\' || cp == (unsigned char)quote)
        n = c ? snprintf(out, 16, "%s", c) : snprintf(out, 16, "\\%c", (char)cp);
    else if (!as_tpl_is_printable(cp))
        n = cp < 0x100     ? snprintf(out, 16, "\\x%02x", (unsigned)cp)
            : cp < 0x10000 ? snprintf(out, 16, "\\u%04x", (unsigned)cp)
                           : snprintf(out, 16, "\\U%08x", (unsigned)cp);
    return (size_t)n;
}

/* `mark` is 'a' when only ASCII may stand. */
static size_t json_escape(uint32_t cp, char mark, char out[16])
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *known = cp && cp < 0x80 ? strchr(from, (int)cp) : NULL;
    int n = 0;
    if (known)
        n = snprintf(out, 16, "\\%c", to[known - from]);
    else if (cp < 0x20 || (mark == 'a' && cp >= 0x7f && cp < 0x10000))
        n = snprintf(out, 16, "\\u%04x", (unsigned)cp);
    else if (cp >= 0x10000 && mark == 'a')
        n = snprintf(out, 16, "\\u%04x\\u%04x", 0xd800 + (unsigned)((cp - 0x10000) >> 10),
                     0xdc00 + (unsigned)((cp - 0x10000) & 0x3ff));
    return (size_t)n;
}

static bool put_escaped(tpl_run *r, tpl_rope *rope, const tpl_text *t, escape *f, char mark)
{
    for (size_t at = 0; at < t->size;) {
        bool is_content;
        size_t end = as_tpl_stretch(t, at, &is_content);
        while (at < end) {
            char out[16];
            uint32_t cp = 0;
            size_t n = as_utf8_next(t->bytes + at, t->size - at, &cp), m = f(cp, mark, out);
            if (m ? !as_tpl_rope_copy(r, rope, out, m, is_content)
                  : !as_tpl_rope_add(r, rope, t->bytes + at, n, is_content))
                return false;
            at += n;
        }
    }
    return true;
}

/* In single quotes, or in double ones when only single ones are inside. */
static bool put_repr(tpl_run *r, tpl_rope *rope, const tpl_text *t)
{
    bool has_single = memchr(t->bytes, '\'', t->size), has_double = memchr(t->bytes, '"', t->size);
    const char *quote = has_single && !has_double ? "\"" : "'";
    if (t->is_safe)
        return as_fail(r->err, AS_EFORMAT,
                       "a text from 'safe' or 'escape' inside a list is not supported");
    return as_tpl_rope_puts(r, rope, quote) && put_escaped(r, rope, t, repr_escape, quote[0]) &&
           as_tpl_rope_puts(r, rope, quote);
}

/* ---- str() ---- */

static bool print(tpl_run *r, tpl_rope *rope, const tpl_value *v, bool is_inside);

static bool print_list(tpl_run *r, tpl_rope *rope, const tpl_value *v)
{
    bool is_tuple = v->kind == TPL_TUPLE;
    const tpl_list *list = v->list;
    if (list->seen) *list->seen = true;
    if (!as_tpl_rope_puts(r, rope, is_tuple ? "(" : "[")) return false;
    for (size_t i = 0; i < list->n; i++) {
        if (i && !as_tpl_rope_puts(r, rope, ", ")) return false;
        if (!print(r, rope, &list->item[i], true)) return false;
    }
    if (is_tuple && list->n == 1 && !as_tpl_rope_puts(r, rope, ",")) return false;
    return as_tpl_rope_puts(r, rope, is_tuple ? ")" : "]");
}

static bool print_dict(tpl_run *r, tpl_rope *rope, const tpl_dict *d)
{
    if (!as_tpl_rope_puts(r, rope, "{")) return false;
    for (size_t i = 0; i < d->n; i++) {
        if (i && !as_tpl_rope_puts(r, rope, ", ")) return false;
        if (!print(r, rope, &d->entry[i].key, true) || !as_tpl_rope_puts(r, rope, ": ") ||
            !print(r, rope, &d->entry[i].value, true))
            return false;
    }
    return as_tpl_rope_puts(r, rope, "}");
}

static bool print_kind(tpl_run *r, tpl_rope *rope, const tpl_value *v, bool is_inside)
{
    switch (v->kind) {
    case TPL_UNDEFINED:
        return is_inside ? as_tpl_rope_puts(r, rope, "Undefined") : true;
    case TPL_NONE:
        return as_tpl_rope_puts(r, rope, "None");
    case TPL_BOOL:
        return as_tpl_rope_puts(r, rope, v->b ? "True" : "False");
    case TPL_INT:
        return put_int(r, rope, v->i);
    case TPL_REAL:
        return put_real(r, rope, v->f, false);
    case TPL_TEXT:
        return is_inside ? put_repr(r, rope, v->text) : as_tpl_rope_text(r, rope, v->text);
    case TPL_LIST:
    case TPL_TUPLE:
        return print_list(r, rope, v);
    case TPL_DICT:
        return print_dict(r, rope, v->dict);
    default:
        return as_tpl_fail_kind(r, "text of a value", v, "one that can be written out");
    }
}

static bool print(tpl_run *r, tpl_rope *rope, const tpl_value *v, bool is_inside)
{
    if (r->depth >= TPL_DEPTH)
        return as_fail(r->err, AS_ELIMIT,
                       "nesting (found calls or values more than %d levels deep)", TPL_DEPTH);
    if (!as_tpl_step(r, 1)) return false;
    r->depth++;
    bool ok = print_kind(r, rope, v, is_inside);
    r->depth--;
    return ok;
}

bool as_tpl_print(tpl_run *r, tpl_rope *rope, const tpl_value *v)
{
    return print(r, rope, v, false);
}

bool as_tpl_to_text(tpl_run *r, const tpl_value *v, const tpl_text **out)
{
    tpl_rope rope = {0};
    tpl_value text;
    if (v->kind == TPL_TEXT) {
        *out = v->text;
        return true;
    }
    if (!as_tpl_print(r, &rope, v) || !as_tpl_rope_value(r, &rope, &text)) return false;
    *out = text.text;
    return true;
}

/* ---- JSON ---- */

typedef struct {
    tpl_rope *rope;
    bool is_ascii, is_sorted, has_indent;
    const tpl_text *indent;     /* of one level */
    const tpl_text *item, *key; /* separators; NULL: the usual ones */
} json_style;

static bool put_json(tpl_run *r, const json_style *s, const tpl_value *v, size_t level);

static bool new_line(tpl_run *r, const json_style *s, size_t level)
{
    if (!s->has_indent) return true;
    if (!as_tpl_rope_puts(r, s->rope, "\n")) return false;
    for (size_t i = 0; i < level; i++)
        if (!as_tpl_rope_text(r, s->rope, s->indent)) return false;
    return true;
}

static bool between(tpl_run *r, const json_style *s, size_t i, size_t level)
{
    bool ok = i == 0    ? true
              : s->item ? as_tpl_rope_text(r, s->rope, s->item)
                        : as_tpl_rope_puts(r, s->rope, s->has_indent ? "," : ", ");
    return ok && new_line(r, s, level);
}

static bool json_list(tpl_run *r, const json_style *s, const tpl_list *list, size_t level)
{
    if (list->n == 0) return as_tpl_rope_puts(r, s->rope, "[]");
    if (list->seen) *list->seen = true;
    if (!as_tpl_rope_puts(r, s->rope, "[")) return false;
    for (size_t i = 0; i < list->n; i++)
        if (!between(r, s, i, level + 1) || !put_json(r, s, &list->item[i], level + 1))
            return false;
    return new_line(r, s, level) && as_tpl_rope_puts(r, s->rope, "]");
}

/* Names that are numbers, booleans or none are written as text. */
static bool json_key(tpl_run *r, const json_style *s, const tpl_value *key)
{
    if (key->kind == TPL_TEXT) return put_json(r, s, key, 0);
    return as_tpl_rope_puts(r, s->rope, "\"") && put_json(r, s, key, 0) &&
           as_tpl_rope_puts(r, s->rope, "\"");
}

static int by_key(const void *a, const void *b)
{
    const tpl_text *x = ((const tpl_entry *)a)->key.text, *y = ((const tpl_entry *)b)->key.text;
    size_t n = x->size < y->size ? x->size : y->size;
    int c = n ? memcmp(x->bytes, y->bytes, n) : 0;
    return c ? c : (x->size > y->size) - (x->size < y->size);
}

static const tpl_entry *sorted(tpl_run *r, const tpl_dict *d)
{
    tpl_entry *entry = as_tpl_new(r, d->n, sizeof *entry);
    for (size_t i = 0; entry && i < d->n; i++) {
        entry[i] = d->entry[i];
        if (entry[i].key.kind == TPL_TEXT) continue;
        (void)as_tpl_fail_kind(r, "sorted key", &entry[i].key, "text");
        return NULL;
    }
    if (!entry || !as_tpl_step(r, d->n)) return NULL;
    if (d->n) qsort(entry, d->n, sizeof *entry, by_key);
    return entry;
}

static bool json_dict(tpl_run *r, const json_style *s, const tpl_dict *d, size_t level)
{
    if (d->n == 0) return as_tpl_rope_puts(r, s->rope, "{}");
    const tpl_entry *entry = s->is_sorted ? sorted(r, d) : d->entry;
    if (!entry || !as_tpl_rope_puts(r, s->rope, "{")) return false;
    for (size_t i = 0; i < d->n; i++) {
        if (!between(r, s, i, level + 1) || !json_key(r, s, &entry[i].key)) return false;
        if (s->key ? !as_tpl_rope_text(r, s->rope, s->key) : !as_tpl_rope_puts(r, s->rope, ": "))
            return false;
        if (!put_json(r, s, &entry[i].value, level + 1)) return false;
    }
    return new_line(r, s, level) && as_tpl_rope_puts(r, s->rope, "}");
}

static bool json_kind(tpl_run *r, const json_style *s, const tpl_value *v, size_t level)
{
    switch (v->kind) {
    case TPL_NONE:
        return as_tpl_rope_puts(r, s->rope, "null");
    case TPL_BOOL:
        return as_tpl_rope_puts(r, s->rope, v->b ? "true" : "false");
    case TPL_INT:
        return put_int(r, s->rope, v->i);
    case TPL_REAL:
        return put_real(r, s->rope, v->f, true);
    case TPL_TEXT:
        return as_tpl_rope_puts(r, s->rope, "\"") &&
               put_escaped(r, s->rope, v->text, json_escape, s->is_ascii ? 'a' : 'u') &&
               as_tpl_rope_puts(r, s->rope, "\"");
    case TPL_LIST:
    case TPL_TUPLE:
        return json_list(r, s, v->list, level);
    case TPL_DICT:
        return json_dict(r, s, v->dict, level);
    default:
        return as_tpl_fail_kind(r, "tojson", v, "something JSON can hold");
    }
}

static bool put_json(tpl_run *r, const json_style *s, const tpl_value *v, size_t level)
{
    if (level > AS_TEMPLATE_NESTING)
        return as_fail(r->err, AS_ELIMIT, "nesting (found values more than %d levels deep)",
                       AS_TEMPLATE_NESTING);
    return as_tpl_step(r, 1) && json_kind(r, s, v, level);
}

/* indent=N, indent="text" or none. */
static bool read_indent(tpl_run *r, const tpl_value *v, json_style *s)
{
    int64_t n = 0;
    tpl_value text, space;
    if (v->kind == TPL_MISSING || v->kind == TPL_NONE) return true;
    s->has_indent = true;
    if (v->kind == TPL_TEXT) {
        s->indent = v->text;
        return true;
    }
    if (!as_tpl_is_number(v, &n)) return as_tpl_fail_kind(r, "indent", v, "a number or text");
    space = as_tpl_of_text(as_tpl_text(r->arena, " ", 1, false, r->err));
    if (!space.text || !as_tpl_binary(r, '*', &space, &(tpl_value){.kind = TPL_INT, .i = n}, &text))
        return false;
    s->indent = text.text;
    return true;
}

static bool read_flag(tpl_run *r, const tpl_value *v, bool *out)
{
    return v->kind == TPL_MISSING || as_tpl_truth(r, v, out);
}

static bool read_separators(tpl_run *r, const tpl_value *v, json_style *s)
{
    if (v->kind == TPL_MISSING || v->kind == TPL_NONE) return true;
    bool ok = (v->kind == TPL_LIST || v->kind == TPL_TUPLE) && v->list->n == 2 &&
              v->list->item[0].kind == TPL_TEXT && v->list->item[1].kind == TPL_TEXT;
    if (!ok) return as_tpl_fail_kind(r, "separators", v, "two texts");
    s->item = v->list->item[0].text;
    s->key = v->list->item[1].text;
    return true;
}

bool as_tpl_json(tpl_run *r, const tpl_value *v, const tpl_value *slot, tpl_value *out)
{
    tpl_rope rope = {0};
    json_style s = {.rope = &rope};
    return read_flag(r, &slot[0], &s.is_ascii) && read_indent(r, &slot[1], &s) &&
           read_separators(r, &slot[2], &s) && read_flag(r, &slot[3], &s.is_sorted) &&
           put_json(r, &s, v, 0) && as_tpl_rope_value(r, &rope, out);
}
