/* What holds of values: truth, equality, order, membership, length, and what can be walked. The
 * rules are Python's; what Python raises is an error here. */
#include "engine/text/template_internal.h"

#include <math.h>
#include <string.h>

/* ---- failing ---- */

const char *as_tpl_kind_name(tpl_kind kind)
{
    static const char *const names[] = {"nothing", "undefined", "none",    "boolean",   "integer",
                                        "float",   "text",      "list",    "tuple",     "range",
                                        "view",    "iterator",  "mapping", "namespace", "loop",
                                        "macro",   "function",  "method"};
    return names[kind];
}

bool as_tpl_fail_kind(tpl_run *r, const char *what, const tpl_value *v, const char *expected)
{
    char shown[AS_ESCAPE_SIZE];
    if (v->kind == TPL_UNDEFINED && v->text)
        return as_fail(r->err, AS_EFORMAT, "'%s' is undefined (%s: expected %s)",
                       as_escape(v->text->bytes, v->text->size, shown), what, expected);
    return as_fail(r->err, AS_EFORMAT, "%s (found %s, expected %s)", what,
                   as_tpl_kind_name(v->kind), expected);
}

bool as_tpl_fail_name(tpl_run *r, const char *what, const tpl_text *name, const char *expected)
{
    char shown[AS_ESCAPE_SIZE];
    return as_fail(r->err, AS_EFORMAT, "%s '%s' %s", what,
                   as_escape(name->bytes, name->size, shown), expected);
}

bool as_tpl_defined(tpl_run *r, const tpl_value *v)
{
    return v->kind != TPL_UNDEFINED || as_tpl_fail_kind(r, "value", v, "one that is defined");
}

/* ---- length and walking ---- */

bool as_tpl_length(tpl_run *r, const tpl_value *v, size_t *out)
{
    switch (v->kind) {
    case TPL_UNDEFINED:
        *out = 0;
        return true;
    case TPL_TEXT:
        *out = v->text->n;
        return true;
    case TPL_LIST:
    case TPL_TUPLE:
    case TPL_RANGE:
    case TPL_VIEW:
        *out = v->list->n;
        return true;
    case TPL_DICT:
        *out = v->dict->n;
        return true;
    case TPL_LOOP:
        return as_tpl_loop_length(r, v->loop, out);
    default:
        return as_tpl_fail_kind(r, "length", v, "something that has one");
    }
}

static bool characters(tpl_run *r, const tpl_text *t, tpl_list **out)
{
    tpl_value list;
    if (!as_tpl_step(r, t->n) || !as_tpl_list_new(r, TPL_LIST, t->n, &list)) return false;
    for (size_t i = 0, at = 0; i < t->n; i++) {
        uint32_t cp;
        size_t end = at + as_utf8_next(t->bytes + at, t->size - at, &cp);
        const tpl_text *c = as_tpl_slice(r, t, at, end);
        if (!c) return false;
        list.list->item[i] = as_tpl_of_text(c);
        at = end;
    }
    *out = list.list;
    return true;
}

bool as_tpl_items(tpl_run *r, const tpl_value *v, tpl_list **out)
{
    tpl_value list;
    tpl_list *from;
    switch (v->kind) {
    case TPL_TEXT:
        return characters(r, v->text, out);
    case TPL_LIST:
    case TPL_TUPLE:
    case TPL_RANGE:
    case TPL_VIEW:
        *out = v->list;
        if (v->list->seen) *v->list->seen = true;
        return true;
    case TPL_ITER:
        from = v->list;
        if (!as_tpl_list_new(r, TPL_LIST, 0, &list)) return false;
        *list.list = (tpl_list){.item = from->item + from->next, .n = from->n - from->next};
        from->next = from->n;
        break;
    case TPL_DICT:
        if (!as_tpl_list_new(r, TPL_LIST, v->dict->n, &list)) return false;
        for (size_t i = 0; i < v->dict->n; i++) list.list->item[i] = v->dict->entry[i].key;
        break;
    case TPL_UNDEFINED:
        if (!as_tpl_list_new(r, TPL_LIST, 0, &list)) return false;
        break;
    default:
        return as_tpl_fail_kind(r, "loop or list", v, "something that can be walked");
    }
    *out = list.list;
    return true;
}

bool as_tpl_truth(tpl_run *r, const tpl_value *v, bool *out)
{
    size_t n = 1;
    bool ok = true;
    switch (v->kind) {
    case TPL_NONE:
        n = 0;
        break;
    case TPL_BOOL:
        n = v->b;
        break;
    case TPL_INT:
        n = v->i != 0;
        break;
    case TPL_REAL:
        n = v->f != 0;
        break;
    case TPL_UNDEFINED:
    case TPL_TEXT:
    case TPL_LIST:
    case TPL_TUPLE:
    case TPL_RANGE:
    case TPL_VIEW:
    case TPL_DICT:
    case TPL_LOOP:
        ok = as_tpl_length(r, v, &n);
        break;
    default:
        break;
    }
    *out = n > 0;
    return ok;
}

/* ---- equality and order ---- */

bool as_tpl_is_number(const tpl_value *v, int64_t *i)
{
    if (v->kind != TPL_INT && v->kind != TPL_BOOL) return false;
    *i = v->kind == TPL_INT ? v->i : v->b;
    return true;
}

static bool is_numeric(const tpl_value *v)
{
    return v->kind == TPL_INT || v->kind == TPL_BOOL || v->kind == TPL_REAL;
}

/* -1, 0, 1, or 2 when one is NaN. A long double holds every int64 and double. */
static int order_numbers(const tpl_value *a, const tpl_value *b)
{
    int64_t i = 0, j = 0;
    long double x = as_tpl_is_number(a, &i) ? (long double)i : (long double)a->f;
    long double y = as_tpl_is_number(b, &j) ? (long double)j : (long double)b->f;
    if (isnan(x) || isnan(y)) return 2;
    return (x > y) - (x < y);
}

/* By code points, which is by bytes in UTF-8. */
static bool order_texts(tpl_run *r, const tpl_text *a, const tpl_text *b, int *out)
{
    size_t n = a->size < b->size ? a->size : b->size;
    int c = n ? memcmp(a->bytes, b->bytes, n) : 0;
    *out = c ? (c > 0) - (c < 0) : (a->size > b->size) - (a->size < b->size);
    return as_tpl_step(r, n / 64);
}

static bool enter(tpl_run *r)
{
    if (r->depth >= TPL_DEPTH)
        return as_fail(r->err, AS_ELIMIT,
                       "nesting (found values or calls more than %d levels deep)", TPL_DEPTH);
    r->depth++;
    return as_tpl_step(r, 1);
}

static bool equal_lists(tpl_run *r, const tpl_list *a, const tpl_list *b, bool *out)
{
    *out = a->n == b->n;
    for (size_t i = 0; *out && i < a->n; i++)
        if (!as_tpl_equal(r, &a->item[i], &b->item[i], out)) return false;
    return true;
}

static bool equal_dicts(tpl_run *r, const tpl_dict *a, const tpl_dict *b, bool *out)
{
    *out = a->n == b->n;
    for (size_t i = 0; *out && i < a->n; i++) {
        tpl_entry *other;
        if (!as_tpl_find(r, b, &a->entry[i].key, a->entry[i].hash, &other)) return false;
        *out = other != NULL;
        if (other && !as_tpl_equal(r, &a->entry[i].value, &other->value, out)) return false;
    }
    return true;
}

static bool equal_kinds(tpl_run *r, const tpl_value *a, const tpl_value *b, bool *out)
{
    int order = 1;
    *out = false;
    if (is_numeric(a) && is_numeric(b)) {
        *out = order_numbers(a, b) == 0;
        return true;
    }
    if (a->kind != b->kind) return true;
    switch (a->kind) {
    case TPL_UNDEFINED:
    case TPL_NONE:
        *out = true;
        return true;
    case TPL_TEXT:
        if (a->text->size != b->text->size) return true;
        if (!order_texts(r, a->text, b->text, &order)) return false;
        *out = order == 0;
        return true;
    case TPL_LIST:
    case TPL_TUPLE:
    case TPL_RANGE:
        return equal_lists(r, a->list, b->list, out);
    case TPL_DICT:
        return equal_dicts(r, a->dict, b->dict, out);
    case TPL_VIEW:
        return as_fail(r->err, AS_EFORMAT, "comparing views of mappings is not supported");
    default:
        *out = a->list == b->list; /* the same thing */
        return true;
    }
}

bool as_tpl_equal(tpl_run *r, const tpl_value *a, const tpl_value *b, bool *out)
{
    if (!enter(r)) return false;
    bool ok = equal_kinds(r, a, b, out);
    r->depth--;
    return ok;
}

static bool order(tpl_run *r, const tpl_value *a, const tpl_value *b, int *out);

/* The first items that differ decide. */
static bool order_lists(tpl_run *r, const tpl_list *a, const tpl_list *b, int *out)
{
    size_t n = a->n < b->n ? a->n : b->n;
    for (size_t i = 0; i < n; i++) {
        bool is_same;
        if (!as_tpl_equal(r, &a->item[i], &b->item[i], &is_same)) return false;
        if (!is_same) return order(r, &a->item[i], &b->item[i], out);
    }
    *out = (a->n > b->n) - (a->n < b->n);
    return true;
}

static bool order(tpl_run *r, const tpl_value *a, const tpl_value *b, int *out)
{
    if (is_numeric(a) && is_numeric(b)) {
        *out = order_numbers(a, b);
        return true;
    }
    if (!as_tpl_defined(r, a) || !as_tpl_defined(r, b)) return false;
    if (a->kind == TPL_TEXT && b->kind == TPL_TEXT) return order_texts(r, a->text, b->text, out);
    if (a->kind == b->kind && (a->kind == TPL_LIST || a->kind == TPL_TUPLE)) {
        if (!enter(r)) return false;
        bool ok = order_lists(r, a->list, b->list, out);
        r->depth--;
        return ok;
    }
    return as_fail(r->err, AS_EFORMAT, "order (found %s and %s, which have none)",
                   as_tpl_kind_name(a->kind), as_tpl_kind_name(b->kind));
}

/* ---- membership ---- */

static bool among(tpl_run *r, const tpl_value *v, const tpl_value *in, bool *out)
{
    tpl_list *list;
    *out = false;
    if (!as_tpl_items(r, in, &list)) return false;
    for (size_t i = 0; !*out && i < list->n; i++)
        if (!as_tpl_equal(r, &list->item[i], v, out)) return false;
    return true;
}

static bool contains(tpl_run *r, const tpl_value *v, const tpl_value *in, bool *out)
{
    uint64_t hash;
    tpl_entry *entry;
    size_t at;
    switch (in->kind) {
    case TPL_TEXT:
        if (v->kind != TPL_TEXT) return as_tpl_fail_kind(r, "'in' a text", v, "text");
        if (!as_tpl_search(r, in->text, v->text, 0, &at)) return false;
        *out = at != SIZE_MAX;
        return true;
    case TPL_DICT:
        if (v->kind == TPL_UNDEFINED) {
            *out = false;
            return true;
        }
        if (!as_tpl_hash(r, v, &hash) || !as_tpl_find(r, in->dict, v, hash, &entry)) return false;
        *out = entry != NULL;
        return true;
    default:
        return among(r, v, in, out);
    }
}

bool as_tpl_compare(tpl_run *r, int op, const tpl_value *a, const tpl_value *b, bool *out)
{
    int way = 0;
    bool ok;
    *out = false;
    switch (op) {
    case TPL_OP_IN:
        return contains(r, a, b, out);
    case TPL_OP_NOT_IN:
        ok = contains(r, a, b, out);
        *out = !*out;
        return ok;
    case TPL_OP2('=', '='):
        return as_tpl_equal(r, a, b, out);
    case TPL_OP2('!', '='):
        ok = as_tpl_equal(r, a, b, out);
        *out = !*out;
        return ok;
    default:
        ok = order(r, a, b, &way);
    }
    *out = op == '<'                 ? way == -1
           : op == '>'               ? way == 1
           : op == TPL_OP2('<', '=') ? way == -1 || way == 0
                                     : way == 1 || way == 0;
    return ok;
}
