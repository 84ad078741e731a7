/* Methods of strings and mappings, and the global functions. */
#include "engine/text/template_internal.h"

#include <string.h>

/* ---- strings ---- */

static bool text_arg(tpl_run *r, const tpl_value *v, const char *what, const tpl_text **out)
{
    if (v->kind != TPL_TEXT) return as_tpl_fail_kind(r, what, v, "text");
    *out = v->text;
    return true;
}

static bool count_arg(tpl_run *r, const tpl_value *v, const char *what, int64_t *out)
{
    return v->kind == TPL_MISSING || as_tpl_is_number(v, out) ||
           as_tpl_fail_kind(r, what, v, "an integer");
}

static bool m_strip(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                    tpl_value *out)
{
    (void)args;
    return as_tpl_strip(r, in->text, &slot[0], true, true, out);
}

static bool m_lstrip(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                     tpl_value *out)
{
    (void)args;
    return as_tpl_strip(r, in->text, &slot[0], true, false, out);
}

static bool m_rstrip(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                     tpl_value *out)
{
    (void)args;
    return as_tpl_strip(r, in->text, &slot[0], false, true, out);
}

static bool split(tpl_run *r, const tpl_value *in, const tpl_value *slot, bool from_right,
                  tpl_value *out)
{
    const tpl_text *sep = NULL;
    int64_t most = -1;
    bool has_sep = slot[0].kind != TPL_MISSING && slot[0].kind != TPL_NONE;
    if (has_sep && !text_arg(r, &slot[0], "separator", &sep)) return false;
    if (!count_arg(r, &slot[1], "maxsplit", &most)) return false;
    return as_tpl_split(r, in->text, sep, most, from_right, out);
}

static bool m_split(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                    tpl_value *out)
{
    (void)args;
    return split(r, in, slot, false, out);
}

static bool m_rsplit(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                     tpl_value *out)
{
    (void)args;
    return split(r, in, slot, true, out);
}

static bool m_splitlines(tpl_run *r, const tpl_value *in, const tpl_value *slot,
                         const tpl_args *args, tpl_value *out)
{
    bool keep = false;
    (void)args;
    if (slot[0].kind != TPL_MISSING && !as_tpl_truth(r, &slot[0], &keep)) return false;
    return as_tpl_lines(r, in->text, keep, out);
}

static bool has_end(const tpl_text *t, const tpl_text *part, bool at_start)
{
    if (part->size > t->size) return false;
    return memcmp(t->bytes + (at_start ? 0 : t->size - part->size), part->bytes, part->size) == 0;
}

/* One text, or any of a tuple of them. */
static bool ends(tpl_run *r, const tpl_value *in, const tpl_value *v, bool at_start, tpl_value *out)
{
    const tpl_text *part = NULL;
    bool holds = false;
    if (v->kind != TPL_TUPLE) {
        if (!text_arg(r, v, at_start ? "startswith" : "endswith", &part)) return false;
        holds = has_end(in->text, part, at_start);
    }
    for (size_t i = 0; v->kind == TPL_TUPLE && !holds && i < v->list->n; i++) {
        if (!text_arg(r, &v->list->item[i], "item of a tuple", &part)) return false;
        holds = has_end(in->text, part, at_start);
    }
    *out = as_tpl_bool(holds);
    return true;
}

static bool m_startswith(tpl_run *r, const tpl_value *in, const tpl_value *slot,
                         const tpl_args *args, tpl_value *out)
{
    (void)args;
    return ends(r, in, &slot[0], true, out);
}

static bool m_endswith(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                       tpl_value *out)
{
    (void)args;
    return ends(r, in, &slot[0], false, out);
}

static bool m_removeprefix(tpl_run *r, const tpl_value *in, const tpl_value *slot,
                           const tpl_args *args, tpl_value *out)
{
    const tpl_text *part = NULL, *t = in->text;
    (void)args;
    if (!text_arg(r, &slot[0], "prefix", &part)) return false;
    if (has_end(t, part, true)) t = as_tpl_slice(r, t, part->size, t->size);
    *out = as_tpl_of_text(t);
    return t != NULL;
}

static bool m_removesuffix(tpl_run *r, const tpl_value *in, const tpl_value *slot,
                           const tpl_args *args, tpl_value *out)
{
    const tpl_text *part = NULL, *t = in->text;
    (void)args;
    if (!text_arg(r, &slot[0], "suffix", &part)) return false;
    if (has_end(t, part, false)) t = as_tpl_slice(r, t, 0, t->size - part->size);
    *out = as_tpl_of_text(t);
    return t != NULL;
}

static bool m_upper(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                    tpl_value *out)
{
    (void)slot, (void)args;
    return as_tpl_case(r, in->text, TPL_UPPER, out);
}

static bool m_lower(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                    tpl_value *out)
{
    (void)slot, (void)args;
    return as_tpl_case(r, in->text, TPL_LOWER, out);
}

static bool m_title(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                    tpl_value *out)
{
    (void)slot, (void)args;
    return as_tpl_case(r, in->text, TPL_TITLE, out);
}

static bool m_capitalize(tpl_run *r, const tpl_value *in, const tpl_value *slot,
                         const tpl_args *args, tpl_value *out)
{
    (void)slot, (void)args;
    return as_tpl_case(r, in->text, TPL_CAPITALIZE, out);
}

static bool m_replace(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                      tpl_value *out)
{
    const tpl_text *old = NULL, *new_ = NULL;
    int64_t count = -1;
    (void)args;
    return text_arg(r, &slot[0], "text to replace", &old) &&
           text_arg(r, &slot[1], "replacement", &new_) && count_arg(r, &slot[2], "count", &count) &&
           as_tpl_replace(r, in->text, old, new_, count, out);
}

/* Where the part starts, counted in characters; -1 when nowhere. */
static bool m_find(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                   tpl_value *out)
{
    const tpl_text *part = NULL, *before;
    size_t at;
    (void)args;
    *out = as_tpl_int(-1);
    if (!text_arg(r, &slot[0], "text to find", &part)) return false;
    if (!as_tpl_search(r, in->text, part, 0, &at)) return false;
    if (at == SIZE_MAX) return true;
    before = as_tpl_slice(r, in->text, 0, at);
    if (before) *out = as_tpl_int((int64_t)before->n);
    return before != NULL;
}

static bool m_count(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                    tpl_value *out)
{
    const tpl_text *part = NULL;
    size_t at = 0;
    int64_t n = 0;
    (void)args;
    if (!text_arg(r, &slot[0], "text to count", &part)) return false;
    if (part->size == 0) n = (int64_t)in->text->n + 1;
    for (; part->size > 0; n++, at += part->size) {
        if (!as_tpl_search(r, in->text, part, at, &at)) return false;
        if (at == SIZE_MAX) break;
    }
    *out = as_tpl_int(n);
    return true;
}

static bool m_join(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                   tpl_value *out)
{
    tpl_list *items;
    (void)args;
    return as_tpl_items(r, &slot[0], &items) && as_tpl_join(r, in->text, items, true, out);
}

/* ---- mappings ---- */

static bool m_get(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                  tpl_value *out)
{
    uint64_t hash;
    tpl_entry *entry = NULL;
    (void)args;
    if (slot[0].kind != TPL_UNDEFINED &&
        (!as_tpl_hash(r, &slot[0], &hash) || !as_tpl_find(r, in->dict, &slot[0], hash, &entry)))
        return false;
    *out = entry ? entry->value : slot[1];
    if (out->kind == TPL_MISSING) *out = (tpl_value){.kind = TPL_NONE};
    return true;
}

static bool m_keys(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                   tpl_value *out)
{
    (void)slot, (void)args;
    if (!as_tpl_list_new(r, TPL_VIEW, in->dict->n, out)) return false;
    for (size_t i = 0; i < in->dict->n; i++) out->list->item[i] = in->dict->entry[i].key;
    return true;
}

static bool m_values(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                     tpl_value *out)
{
    (void)slot, (void)args;
    if (!as_tpl_list_new(r, TPL_VIEW, in->dict->n, out)) return false;
    for (size_t i = 0; i < in->dict->n; i++) out->list->item[i] = in->dict->entry[i].value;
    return true;
}

static bool m_items(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                    tpl_value *out)
{
    (void)slot, (void)args;
    const tpl_builtin *items = as_tpl_find_filter("items", 5);
    if (!items->fn(r, in, NULL, args, out)) return false;
    out->kind = TPL_VIEW;
    return true;
}

/* ---- which there are ---- */

static const tpl_builtin text_methods[] = {
    {"strip", "chars?", m_strip},
    {"lstrip", "chars?", m_lstrip},
    {"rstrip", "chars?", m_rstrip},
    {"split", "sep? maxsplit?", m_split},
    {"rsplit", "sep? maxsplit?", m_rsplit},
    {"splitlines", "keepends?", m_splitlines},
    {"startswith", "prefix", m_startswith},
    {"endswith", "suffix", m_endswith},
    {"removeprefix", "prefix", m_removeprefix},
    {"removesuffix", "suffix", m_removesuffix},
    {"upper", "", m_upper},
    {"lower", "", m_lower},
    {"title", "", m_title},
    {"capitalize", "", m_capitalize},
    {"replace", "old new count?", m_replace},
    {"find", "sub", m_find},
    {"count", "sub", m_count},
    {"join", "iterable", m_join},
    {NULL, NULL, NULL},
};

static const tpl_builtin dict_methods[] = {
    {"get", "key default?", m_get}, {"keys", "", m_keys}, {"values", "", m_values},
    {"items", "", m_items},         {NULL, NULL, NULL},
};

/* What Python has and this does not: refused rather than undefined. */
static const char *const other_text[] = {
    "casefold",     "center",     "encode",    "expandtabs",  "format",    "format_map",
    "index",        "isalnum",    "isalpha",   "isascii",     "isdecimal", "isdigit",
    "isidentifier", "islower",    "isnumeric", "isprintable", "isspace",   "istitle",
    "isupper",      "ljust",      "maketrans", "partition",   "rfind",     "rindex",
    "rjust",        "rpartition", "swapcase",  "translate",   "zfill",     NULL};
static const char *const other_dict[] = {"clear",   "copy",       "fromkeys", "pop",
                                         "popitem", "setdefault", "update",   NULL};
static const char *const other_list[] = {
    "append", "clear",   "copy",  "count",   "extend",   "index",      "insert",       "pop",
    "remove", "reverse", "sort",  "start",   "stop",     "step",       "isdisjoint",   "mapping",
    "send",   "throw",   "close", "gi_code", "gi_frame", "gi_running", "gi_yieldfrom", NULL};
static const char *const other_number[] = {
    "as_integer_ratio", "bit_count", "bit_length", "conjugate", "denominator",
    "from_bytes",       "fromhex",   "hex",        "imag",      "is_integer",
    "numerator",        "real",      "to_bytes",   NULL};

static bool refuse(tpl_run *r, const tpl_text *name, const char *const *names, const char *why)
{
    for (; *names; names++)
        if (as_tpl_text_is(name, *names)) return as_tpl_fail_name(r, "method", name, why);
    return true;
}

static const tpl_builtin *among(const tpl_builtin *list, const tpl_text *name)
{
    for (; list->name; list++)
        if (as_tpl_text_is(name, list->name)) return list;
    return NULL;
}

bool as_tpl_find_method(tpl_run *r, const tpl_value *v, const tpl_text *name,
                        const tpl_builtin **out)
{
    *out = NULL;
    switch (v->kind) {
    case TPL_TEXT:
        *out = among(text_methods, name);
        if (*out && v->text->is_safe)
            return as_tpl_fail_name(r, "method", name,
                                    "of a text from 'safe' or 'escape' is not supported");
        return *out || refuse(r, name, other_text, "of a text is not supported");
    case TPL_DICT:
        *out = among(dict_methods, name);
        return *out || refuse(r, name, other_dict, "of a mapping is not safe or not supported");
    case TPL_LIST:
    case TPL_TUPLE:
    case TPL_RANGE:
    case TPL_VIEW:
    case TPL_ITER:
        return refuse(r, name, other_list, "of a list is not safe or not supported");
    case TPL_INT:
    case TPL_REAL:
    case TPL_BOOL:
        return refuse(r, name, other_number, "of a number is not supported");
    default:
        return true;
    }
}

/* ---- functions ---- */

static bool g_raise(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                    tpl_value *out)
{
    const tpl_text *t;
    char shown[AS_ESCAPE_SIZE];
    (void)in, (void)args, (void)out;
    if (!as_tpl_to_text(r, &slot[0], &t)) return false;
    return as_fail(r->err, AS_EFORMAT, "the template refuses: %s",
                   as_escape(t->bytes, t->size, shown));
}

static bool g_range(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                    tpl_value *out)
{
    int64_t a = 0, b = 0, step = 1;
    (void)in, (void)args;
    bool has_end = slot[1].kind != TPL_MISSING;
    if (!count_arg(r, &slot[0], "range", has_end ? &a : &b) ||
        !count_arg(r, &slot[1], "range", &b) || !count_arg(r, &slot[2], "range", &step))
        return false;
    if (step == 0) return as_fail(r->err, AS_EFORMAT, "range (found a step of 0)");
    bool is_up = step > 0;
    uint64_t span = (is_up ? a < b : a > b)
                        ? (is_up ? (uint64_t)b - (uint64_t)a : (uint64_t)a - (uint64_t)b)
                        : 0;
    uint64_t stride = is_up ? (uint64_t)step : 0 - (uint64_t)step;
    uint64_t n = span / stride + (span % stride != 0);
    if (n > AS_TEMPLATE_RANGE)
        return as_fail(r->err, AS_ELIMIT, "range (found more than %d numbers)", AS_TEMPLATE_RANGE);
    if (!as_tpl_list_new(r, TPL_RANGE, (size_t)n, out)) return false;
    for (size_t i = 0; i < n; i++)
        out->list->item[i] = as_tpl_int((int64_t)((uint64_t)a + i * (uint64_t)step));
    return true;
}

/* dict(a, b=c) and namespace(a, b=c): what a mapping a holds, then the names. */
static bool fill(tpl_run *r, const tpl_args *args, bool is_space, tpl_value *out)
{
    tpl_dict *d = as_tpl_dict_new(r);
    if (!d) return false;
    if (args->n > 1) return as_fail(r->err, AS_EFORMAT, "mapping (found more than one argument)");
    if (args->n == 1 && args->pos[0].kind != TPL_DICT)
        return as_tpl_fail_kind(r, "argument of dict or namespace", &args->pos[0], "a mapping");
    for (size_t i = 0; args->n == 1 && i < args->pos[0].dict->n; i++) {
        const tpl_entry *e = &args->pos[0].dict->entry[i];
        if (!as_tpl_put(r, d, &e->key, &e->value)) return false;
    }
    for (size_t i = 0; i < args->n_named; i++) {
        tpl_value key = as_tpl_of_text(args->key[i]);
        if (!as_tpl_put(r, d, &key, &args->named[i])) return false;
    }
    for (size_t i = 0; is_space && i < d->n; i++) {
        const tpl_value *key = &d->entry[i].key;
        if (key->kind == TPL_TEXT && key->text->size && key->text->bytes[0] == '_')
            return as_tpl_fail_name(r, "attribute", key->text, "of a namespace starts with _");
    }
    *out = (tpl_value){.kind = is_space ? TPL_SPACE : TPL_DICT, .dict = d};
    return true;
}

static bool g_namespace(tpl_run *r, const tpl_value *in, const tpl_value *slot,
                        const tpl_args *args, tpl_value *out)
{
    (void)in, (void)slot;
    return fill(r, args, true, out);
}

static bool g_dict(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                   tpl_value *out)
{
    (void)in, (void)slot;
    return fill(r, args, false, out);
}

static bool g_strftime(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                       tpl_value *out)
{
    (void)in, (void)slot, (void)args, (void)out;
    return as_fail(r->err, AS_EFORMAT,
                   "function 'strftime_now' is not supported: the same prompt would differ from "
                   "day to day");
}

static bool g_refused(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                      tpl_value *out)
{
    (void)in, (void)slot, (void)args, (void)out;
    return as_fail(r->err, AS_EFORMAT, "functions lipsum, cycler and joiner are not supported");
}

static const tpl_builtin functions[] = {
    {"raise_exception", "message", g_raise},
    {"namespace", NULL, g_namespace},
    {"range", "start stop? step?", g_range},
    {"dict", NULL, g_dict},
    {"strftime_now", NULL, g_strftime},
    {"lipsum", NULL, g_refused},
    {"cycler", NULL, g_refused},
    {"joiner", NULL, g_refused},
    {NULL, NULL, NULL},
};

const tpl_builtin *as_tpl_find_function(const tpl_text *name)
{
    return among(functions, name);
}
