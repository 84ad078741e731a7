/* Filters that go through lists and mappings: pick, choose, map, sort, join. */
#include "engine/text/template_internal.h"

#include <string.h>

/* ---- one end ---- */

static bool f_list(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                   tpl_value *out)
{
    tpl_list *items;
    (void)slot, (void)args;
    if (!as_tpl_items(r, in, &items) || !as_tpl_list_new(r, TPL_LIST, items->n, out)) return false;
    if (items->n) memcpy(out->list->item, items->item, items->n * sizeof *items->item);
    return true;
}

static bool f_first(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                    tpl_value *out)
{
    tpl_list *items;
    (void)slot, (void)args;
    if (in->kind == TPL_ITER) { /* takes one */
        bool has = in->list->next < in->list->n;
        *out = has ? in->list->item[in->list->next++] : as_tpl_undefined(NULL);
        return true;
    }
    if (!as_tpl_items(r, in, &items)) return false;
    *out = items->n ? items->item[0] : as_tpl_undefined(NULL);
    return true;
}

static bool f_last(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                   tpl_value *out)
{
    tpl_list *items;
    (void)slot, (void)args;
    if (in->kind == TPL_ITER) return as_tpl_fail_kind(r, "last", in, "a list; use |list before it");
    if (!as_tpl_items(r, in, &items)) return false;
    *out = items->n ? items->item[items->n - 1] : as_tpl_undefined(NULL);
    return true;
}

static bool f_items(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                    tpl_value *out)
{
    (void)slot, (void)args;
    if (in->kind == TPL_UNDEFINED) return as_tpl_list_new(r, TPL_ITER, 0, out);
    if (in->kind != TPL_DICT) return as_tpl_fail_kind(r, "items", in, "a mapping");
    if (!as_tpl_list_new(r, TPL_ITER, in->dict->n, out)) return false;
    for (size_t i = 0; i < in->dict->n; i++) {
        tpl_value *pair = &out->list->item[i];
        if (!as_tpl_list_new(r, TPL_TUPLE, 2, pair)) return false;
        pair->list->item[0] = in->dict->entry[i].key;
        pair->list->item[1] = in->dict->entry[i].value;
    }
    return true;
}

static bool f_reverse(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                      tpl_value *out)
{
    tpl_list *items;
    (void)slot, (void)args;
    if (in->kind == TPL_TEXT) {
        const tpl_value back[3] = {{0}, {0}, as_tpl_int(-1)};
        return as_tpl_cut(r, in, back, out);
    }
    if (!as_tpl_items(r, in, &items)) return false;
    /* a generator cannot be walked backwards: jinja2 makes a list of it */
    if (!as_tpl_list_new(r, in->kind == TPL_ITER ? TPL_LIST : TPL_ITER, items->n, out))
        return false;
    for (size_t i = 0; i < items->n; i++) out->list->item[i] = items->item[items->n - 1 - i];
    return true;
}

/* ---- attributes of items ---- */

/* The value at a path like "a.b.0" in v; v itself without a path. */
static bool get_path(tpl_run *r, const tpl_value *v, const tpl_value *path, tpl_value *out)
{
    *out = *v;
    if (path->kind == TPL_MISSING || path->kind == TPL_NONE) return true;
    if (path->kind == TPL_INT) return as_tpl_item(r, v, path, out);
    if (path->kind != TPL_TEXT) return as_tpl_fail_kind(r, "attribute", path, "text or an integer");
    const tpl_text *t = path->text;
    for (size_t start = 0, end; start <= t->size; start = end + 1) {
        const char *dot = t->size > start ? memchr(t->bytes + start, '.', t->size - start) : NULL;
        end = dot ? (size_t)(dot - t->bytes) : t->size;
        const tpl_text *part = as_tpl_slice(r, t, start, end);
        if (!part) return false;
        tpl_value key = as_tpl_of_text(part), from = *out;
        size_t digits = 0;
        while (digits < part->size && part->bytes[digits] >= '0' && part->bytes[digits] <= '9')
            digits++;
        if (digits > 0 && digits == part->size && digits < 18) {
            key = as_tpl_int(0);
            for (size_t i = 0; i < digits; i++) key.i = key.i * 10 + (part->bytes[i] - '0');
        }
        if (!as_tpl_item(r, &from, &key, out)) return false;
    }
    return true;
}

static bool fold(tpl_run *r, const tpl_value *v, tpl_value *out)
{
    *out = *v;
    return v->kind != TPL_TEXT || as_tpl_case(r, v->text, TPL_LOWER, out);
}

/* ---- map ---- */

static const tpl_value *named_arg(const tpl_args *args, const char *name)
{
    for (size_t i = 0; i < args->n_named; i++)
        if (as_tpl_text_is(args->key[i], name)) return &args->named[i];
    return NULL;
}

static bool map_attribute(tpl_run *r, const tpl_list *items, const tpl_args *args, tpl_value *out)
{
    const tpl_value *path = named_arg(args, "attribute"), *other = named_arg(args, "default");
    if (!path || args->n_named != 1u + (other != NULL))
        return as_fail(r->err, AS_EFORMAT,
                       "arguments of map (expected a filter's name, or attribute and default)");
    for (size_t i = 0; i < items->n; i++) {
        tpl_value *v = &out->list->item[i];
        if (!get_path(r, &items->item[i], path, v)) return false;
        if (other && other->kind != TPL_NONE && v->kind == TPL_UNDEFINED) *v = *other;
    }
    return true;
}

static bool f_map(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                  tpl_value *out)
{
    tpl_list *items;
    bool holds;
    (void)slot;
    if (!as_tpl_truth(r, in, &holds)) return false;
    if (!holds) return as_tpl_list_new(r, TPL_ITER, 0, out);
    if (!as_tpl_items(r, in, &items) || !as_tpl_list_new(r, TPL_ITER, items->n, out)) return false;
    if (args->n == 0) return map_attribute(r, items, args, out);
    const tpl_value *name = &args->pos[0];
    if (name->kind != TPL_TEXT) return as_tpl_fail_kind(r, "filter of map", name, "its name");
    const tpl_builtin *f = as_tpl_find_filter(name->text->bytes, name->text->size);
    if (!f) return as_tpl_fail_name(r, "filter", name->text, "is not supported");
    const tpl_args rest = {args->pos + 1, args->n - 1, args->key, args->named, args->n_named};
    if (r->depth >= TPL_DEPTH)
        return as_fail(r->err, AS_ELIMIT,
                       "nesting (found calls or values more than %d levels deep)", TPL_DEPTH);
    r->depth++;
    for (size_t i = 0; i < items->n; i++)
        if (!as_tpl_step(r, 1) || !as_tpl_call(r, f, &items->item[i], &rest, &out->list->item[i]))
            return false;
    r->depth--;
    return true;
}

/* ---- select and reject ---- */

static bool pick(tpl_run *r, const tpl_value *in, const tpl_args *args, bool by_attribute,
                 bool keep, tpl_value *out)
{
    tpl_list *items;
    bool holds;
    size_t used = by_attribute, n = 0;
    const tpl_test *test = NULL;
    if (args->n < used || args->n_named > 0)
        return as_fail(r->err, AS_EFORMAT, "arguments of select or reject (expected %s)",
                       by_attribute ? "an attribute first" : "no names");
    if (args->n > used) {
        const tpl_value *name = &args->pos[used++];
        if (name->kind != TPL_TEXT) return as_tpl_fail_kind(r, "test", name, "its name");
        test = as_tpl_find_test(name->text->bytes, name->text->size);
        if (!test) return as_tpl_fail_name(r, "test", name->text, "is not supported");
        if (args->n - used != test->n_args)
            return as_fail(r->err, AS_EFORMAT, "arguments of test '%s' (found %zu, expected %zu)",
                           test->name, args->n - used, test->n_args);
    }
    if (!as_tpl_truth(r, in, &holds)) return false;
    if (!holds) return as_tpl_list_new(r, TPL_ITER, 0, out);
    if (!as_tpl_items(r, in, &items) || !as_tpl_list_new(r, TPL_ITER, items->n, out)) return false;
    const tpl_value no_path = {.kind = TPL_MISSING};
    for (size_t i = 0; i < items->n; i++) {
        tpl_value v;
        if (!as_tpl_step(r, 1) ||
            !get_path(r, &items->item[i], by_attribute ? &args->pos[0] : &no_path, &v))
            return false;
        if (test ? !test->fn(r, &v, args->pos + used, &holds) : !as_tpl_truth(r, &v, &holds))
            return false;
        if (holds == keep) out->list->item[n++] = items->item[i];
    }
    out->list->n = n;
    return true;
}

static bool f_select(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                     tpl_value *out)
{
    (void)slot;
    return pick(r, in, args, false, true, out);
}

static bool f_reject(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                     tpl_value *out)
{
    (void)slot;
    return pick(r, in, args, false, false, out);
}

static bool f_selectattr(tpl_run *r, const tpl_value *in, const tpl_value *slot,
                         const tpl_args *args, tpl_value *out)
{
    (void)slot;
    return pick(r, in, args, true, true, out);
}

static bool f_rejectattr(tpl_run *r, const tpl_value *in, const tpl_value *slot,
                         const tpl_args *args, tpl_value *out)
{
    (void)slot;
    return pick(r, in, args, true, false, out);
}

/* ---- order ---- */

typedef struct {
    tpl_value key, value;
} keyed;

/* A stable merge sort; `reverse` keeps equal items in their order, as Python does. */
static bool merge_sort(tpl_run *r, keyed *a, size_t n, bool reverse)
{
    keyed *b = as_tpl_new(r, n, sizeof *b);
    if (!b) return false;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t start = 0; start < n; start += 2 * width) {
            size_t mid = start + width < n ? start + width : n;
            size_t end = mid + width < n ? mid + width : n;
            for (size_t i = start, j = mid, k = start; k < end; k++) {
                bool takes_right = i == mid;
                if (i < mid && j < end &&
                    !as_tpl_compare(r, '<', reverse ? &a[i].key : &a[j].key,
                                    reverse ? &a[j].key : &a[i].key, &takes_right))
                    return false;
                b[k] = takes_right ? a[j++] : a[i++];
            }
        }
        memcpy(a, b, n * sizeof *a);
        if (!as_tpl_step(r, n)) return false;
    }
    return true;
}

static bool read_flag(tpl_run *r, const tpl_value *v, bool *out)
{
    return v->kind == TPL_MISSING || as_tpl_truth(r, v, out);
}

static bool f_sort(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                   tpl_value *out)
{
    tpl_list *items;
    bool reverse = false, by_case = false;
    (void)args;
    if (!read_flag(r, &slot[0], &reverse) || !read_flag(r, &slot[1], &by_case)) return false;
    if (slot[2].kind == TPL_TEXT && memchr(slot[2].text->bytes, ',', slot[2].text->size))
        return as_fail(r->err, AS_EFORMAT, "sort by several attributes is not supported");
    if (!as_tpl_items(r, in, &items) || !as_tpl_list_new(r, TPL_LIST, items->n, out)) return false;
    keyed *all = as_tpl_new(r, items->n, sizeof *all);
    if (!all) return false;
    for (size_t i = 0; i < items->n; i++) {
        tpl_value key;
        all[i].value = items->item[i];
        if (!get_path(r, &items->item[i], &slot[2], &key)) return false;
        all[i].key = key;
        if (!by_case && !fold(r, &key, &all[i].key)) return false;
    }
    if (!merge_sort(r, all, items->n, reverse)) return false;
    for (size_t i = 0; i < items->n; i++) out->list->item[i] = all[i].value;
    return true;
}

static bool f_dictsort(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                       tpl_value *out)
{
    bool reverse = false, by_case = false, by_value = false;
    (void)args;
    if (in->kind != TPL_DICT) return as_tpl_fail_kind(r, "dictsort", in, "a mapping");
    if (slot[1].kind == TPL_TEXT && as_tpl_text_is(slot[1].text, "value"))
        by_value = true;
    else if (slot[1].kind != TPL_MISSING &&
             !(slot[1].kind == TPL_TEXT && as_tpl_text_is(slot[1].text, "key")))
        return as_fail(r->err, AS_EFORMAT, "argument 'by' of dictsort (expected key or value)");
    if (!read_flag(r, &slot[0], &by_case) || !read_flag(r, &slot[2], &reverse)) return false;
    size_t n = in->dict->n;
    keyed *all = as_tpl_new(r, n, sizeof *all);
    if (!all || !as_tpl_list_new(r, TPL_LIST, n, out)) return false;
    for (size_t i = 0; i < n; i++) {
        const tpl_entry *e = &in->dict->entry[i];
        if (!as_tpl_list_new(r, TPL_TUPLE, 2, &all[i].value)) return false;
        all[i].value.list->item[0] = e->key;
        all[i].value.list->item[1] = e->value;
        all[i].key = by_value ? e->value : e->key;
        if (!by_case && !fold(r, by_value ? &e->value : &e->key, &all[i].key)) return false;
    }
    if (!merge_sort(r, all, n, reverse)) return false;
    for (size_t i = 0; i < n; i++) out->list->item[i] = all[i].value;
    return true;
}

/* The first of each kind; texts that differ in case are the same unless case_sensitive. */
static bool f_unique(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                     tpl_value *out)
{
    tpl_list *items;
    bool by_case = false;
    size_t n = 0;
    tpl_dict *seen = as_tpl_dict_new(r);
    (void)args;
    if (!seen || !read_flag(r, &slot[0], &by_case) || !as_tpl_items(r, in, &items) ||
        !as_tpl_list_new(r, TPL_ITER, items->n, out))
        return false;
    for (size_t i = 0; i < items->n; i++) {
        tpl_value at, key;
        size_t before = seen->n;
        if (!get_path(r, &items->item[i], &slot[1], &at)) return false;
        key = at;
        if (!by_case && !fold(r, &at, &key)) return false;
        if (!as_tpl_put(r, seen, &key, &key)) return false;
        if (seen->n > before) out->list->item[n++] = items->item[i];
    }
    out->list->n = n;
    return true;
}

/* ---- join ---- */

static bool f_join(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
                   tpl_value *out)
{
    static const tpl_text nothing = {.bytes = ""};
    const tpl_text *sep = &nothing;
    tpl_list *items;
    tpl_value parts;
    (void)args;
    if (slot[0].kind != TPL_MISSING && !as_tpl_to_text(r, &slot[0], &sep)) return false;
    if (!as_tpl_items(r, in, &items) || !as_tpl_list_new(r, TPL_LIST, items->n, &parts))
        return false;
    for (size_t i = 0; i < items->n; i++)
        if (!get_path(r, &items->item[i], &slot[1], &parts.list->item[i])) return false;
    return as_tpl_join(r, sep, parts.list, false, out);
}

const tpl_builtin as_tpl_selections[] = {
    {"list", "", f_list},
    {"first", "", f_first},
    {"last", "", f_last},
    {"items", "", f_items},
    {"reverse", "", f_reverse},
    {"map", NULL, f_map},
    {"select", NULL, f_select},
    {"reject", NULL, f_reject},
    {"selectattr", NULL, f_selectattr},
    {"rejectattr", NULL, f_rejectattr},
    {"sort", "reverse? case_sensitive? attribute?", f_sort},
    {"dictsort", "case_sensitive? by? reverse?", f_dictsort},
    {"unique", "case_sensitive? attribute?", f_unique},
    {"join", "d? attribute?", f_join},
    {NULL, NULL, NULL},
};
