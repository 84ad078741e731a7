/* Evaluating expressions. */
#include "engine/text/template_internal.h"

#include <string.h>

void as_tpl_place(tpl_run *r, const tpl_node *n)
{
    if (r->is_placed || r->err->class_ == AS_EMEM) return;
    as_error_at(r->err, "%zu", n->line);
    r->is_placed = true;
}

/* ---- names, attributes, subscripts ---- */

static bool eval_name(tpl_run *r, const tpl_node *n, tpl_value *out)
{
    size_t seen = 0;
    for (const tpl_scope *s = r->scope; s; s = s->up) {
        for (const tpl_bind *b = s->first; b; b = b->next, seen++) {
            if (b->hash != n->hash || !as_tpl_same_text(b->name, n->name)) continue;
            *out = b->value;
            return as_tpl_step(r, seen / 16);
        }
    }
    const tpl_builtin *f = as_tpl_find_function(n->name);
    *out = f ? (tpl_value){.kind = TPL_FUNCTION, .function = f} : as_tpl_undefined(n->name);
    return as_tpl_step(r, seen / 16);
}

static bool bind_method(tpl_run *r, const tpl_value *self, const tpl_builtin *f, tpl_value *out)
{
    tpl_method *m = as_tpl_new(r, 1, sizeof *m);
    if (!m) return false;
    *m = (tpl_method){.self = *self, .function = f};
    *out = (tpl_value){.kind = TPL_METHOD, .method = m};
    return true;
}

static bool find_entry(tpl_run *r, const tpl_value *v, const tpl_value *key, uint64_t hash,
                       bool *found, tpl_value *out)
{
    tpl_entry *entry = NULL;
    if (!as_tpl_find(r, v->dict, key, hash, &entry)) return false;
    *found = entry != NULL;
    if (entry) *out = entry->value;
    return true;
}

static bool is_hidden(const tpl_text *name)
{
    return name->size >= 2 && name->bytes[0] == '_' && name->bytes[1] == '_';
}

/* The attribute proper: a method, or a part of a namespace or loop; *found tells. */
static bool own_attr(tpl_run *r, const tpl_value *v, const tpl_text *name, uint64_t hash,
                     bool *found, tpl_value *out)
{
    const tpl_builtin *f = NULL;
    tpl_value key = as_tpl_of_text(name);
    *found = false;
    if (!as_tpl_defined(r, v)) return false;
    if (is_hidden(name)) return as_tpl_fail_name(r, "attribute", name, "is not safe");
    switch (v->kind) {
    case TPL_SPACE:
        return find_entry(r, v, &key, hash, found, out);
    case TPL_LOOP:
        *found = true;
        return as_tpl_loop_attr(r, v->loop, name, out);
    case TPL_MACRO:
    case TPL_FUNCTION:
    case TPL_METHOD:
        return as_tpl_fail_name(r, "attribute", name, "of a function is not supported");
    default:
        if (!as_tpl_find_method(r, v, name, &f)) return false;
        *found = f != NULL;
        return !f || bind_method(r, v, f, out);
    }
}

bool as_tpl_attr(tpl_run *r, const tpl_value *v, const tpl_text *name, uint64_t hash,
                 tpl_value *out)
{
    bool found;
    tpl_value key = as_tpl_of_text(name);
    if (!own_attr(r, v, name, hash, &found, out)) return false;
    if (!found && v->kind == TPL_DICT && !find_entry(r, v, &key, hash, &found, out)) return false;
    if (!found) *out = as_tpl_undefined(name);
    return true;
}

/* The item at key of something with places; undefined when there is none. */
static bool item_at(tpl_run *r, const tpl_value *v, int64_t i, bool *found, tpl_value *out)
{
    size_t n = v->kind == TPL_TEXT ? v->text->n : v->list->n;
    if (i < 0) i += (int64_t)n;
    *found = i >= 0 && (size_t)i < n;
    if (!*found) return true;
    if (v->kind != TPL_TEXT) {
        if (v->list->seen) *v->list->seen = true;
        *out = v->list->item[i];
        return true;
    }
    if (v->text->is_safe)
        return as_fail(r->err, AS_EFORMAT,
                       "a subscript of a text from 'safe' or 'escape' is not supported");
    size_t start, end;
    if (!as_tpl_offset(r, v->text, (size_t)i, &start)) return false;
    for (end = start + 1; end < v->text->size; end++)
        if (((unsigned char)v->text->bytes[end] & 0xc0) != 0x80) break;
    const tpl_text *t = as_tpl_slice(r, v->text, start, end);
    *out = as_tpl_of_text(t);
    return t != NULL;
}

bool as_tpl_item(tpl_run *r, const tpl_value *v, const tpl_value *key, tpl_value *out)
{
    bool found = false;
    uint64_t hash = 0;
    int64_t i = 0;
    bool has_places =
        v->kind == TPL_TEXT || v->kind == TPL_LIST || v->kind == TPL_TUPLE || v->kind == TPL_RANGE;
    bool is_key = key->kind == TPL_TEXT || key->kind == TPL_NONE || key->kind == TPL_REAL ||
                  as_tpl_is_number(key, &i);
    if (!as_tpl_defined(r, v)) return false;
    if (has_places && as_tpl_is_number(key, &i)) {
        if (!item_at(r, v, i, &found, out)) return false;
    } else if (is_key && v->kind == TPL_DICT) {
        if (!as_tpl_hash(r, key, &hash) || !find_entry(r, v, key, hash, &found, out)) return false;
    }
    if (!found && key->kind == TPL_TEXT) {
        hash = as_tpl_hash_text(key->text->bytes, key->text->size);
        if (!own_attr(r, v, key->text, hash, &found, out)) return false;
    }
    if (!found) *out = as_tpl_undefined(key->kind == TPL_TEXT ? key->text : NULL);
    return true;
}

static bool eval_subscript(tpl_run *r, const tpl_node *n, tpl_value *out)
{
    tpl_value v, part[3] = {{0}, {0}, {0}};
    const tpl_node *bound[3] = {n->b, n->c, n->d};
    if (!as_tpl_eval(r, n->a, &v)) return false;
    for (size_t i = 0; i < 3; i++)
        if (bound[i] && !as_tpl_eval(r, bound[i], &part[i])) return false;
    return n->kind == TPL_SLICE ? as_tpl_cut(r, &v, part, out) : as_tpl_item(r, &v, &part[0], out);
}

/* ---- operators ---- */

static bool eval_unary(tpl_run *r, const tpl_node *n, tpl_value *out)
{
    tpl_value v;
    bool b;
    int64_t i = 0;
    if (!as_tpl_eval(r, n->a, &v)) return false;
    if (n->op == '!') {
        if (!as_tpl_truth(r, &v, &b)) return false;
        *out = as_tpl_bool(!b);
        return true;
    }
    if (v.kind == TPL_REAL) {
        *out = v;
        if (n->op == '-') out->f = -v.f;
        return true;
    }
    if (!as_tpl_is_number(&v, &i)) return as_tpl_fail_kind(r, "sign", &v, "a number");
    if (n->op == '-' && i == INT64_MIN)
        return as_fail(r->err, AS_ELIMIT, "integer (found more than 64 bits)");
    *out = as_tpl_int(n->op == '-' ? -i : i);
    return true;
}

static bool eval_binary(tpl_run *r, const tpl_node *n, tpl_value *out)
{
    tpl_value a, b;
    return as_tpl_eval(r, n->a, &a) && as_tpl_eval(r, n->b, &b) &&
           as_tpl_binary(r, n->op, &a, &b, out);
}

/* `and` gives its first false operand, `or` its first true one. */
static bool eval_logic(tpl_run *r, const tpl_node *n, tpl_value *out)
{
    bool b;
    if (!as_tpl_eval(r, n->a, out) || !as_tpl_truth(r, out, &b)) return false;
    return b == (n->kind == TPL_OR) || as_tpl_eval(r, n->b, out);
}

/* a < b < c: each operand once, up to the first comparison that does not hold. */
static bool eval_compare(tpl_run *r, const tpl_node *n, tpl_value *out)
{
    tpl_value left, right;
    bool holds = true;
    if (!as_tpl_eval(r, n->a, &left)) return false;
    for (size_t i = 0; holds && i < n->n; i++) {
        if (!as_tpl_eval(r, n->item[i]->a, &right)) return false;
        if (!as_tpl_compare(r, n->item[i]->op, &left, &right, &holds)) return false;
        left = right;
    }
    *out = as_tpl_bool(holds);
    return true;
}

static bool eval_concat(tpl_run *r, const tpl_node *n, tpl_value *out)
{
    tpl_rope rope = {0};
    tpl_value v;
    for (size_t i = 0; i < n->n; i++)
        if (!as_tpl_eval(r, n->item[i], &v) || !as_tpl_print(r, &rope, &v)) return false;
    return as_tpl_rope_value(r, &rope, out);
}

static bool eval_choice(tpl_run *r, const tpl_node *n, tpl_value *out)
{
    tpl_value test;
    bool b;
    if (!as_tpl_eval(r, n->b, &test) || !as_tpl_truth(r, &test, &b)) return false;
    if (b) return as_tpl_eval(r, n->a, out);
    if (n->c) return as_tpl_eval(r, n->c, out);
    *out = as_tpl_undefined(NULL);
    return true;
}

static bool eval_list(tpl_run *r, const tpl_node *n, tpl_value *out)
{
    tpl_kind kind = n->kind == TPL_MAKE_LIST ? TPL_LIST : TPL_TUPLE;
    if (!as_tpl_list_new(r, kind, n->n, out)) return false;
    for (size_t i = 0; i < n->n; i++)
        if (!as_tpl_eval(r, n->item[i], &out->list->item[i])) return false;
    return true;
}

static bool eval_dict(tpl_run *r, const tpl_node *n, tpl_value *out)
{
    tpl_value key, v;
    tpl_dict *d = as_tpl_dict_new(r);
    if (!d) return false;
    for (size_t i = 0; i + 1 < n->n; i += 2) {
        if (!as_tpl_eval(r, n->item[i], &key) || !as_tpl_eval(r, n->item[i + 1], &v)) return false;
        if (!as_tpl_put(r, d, &key, &v)) return false;
    }
    *out = (tpl_value){.kind = TPL_DICT, .dict = d};
    return true;
}

/* ---- calls ---- */

static bool eval_args(tpl_run *r, const tpl_node *n, tpl_args *out)
{
    tpl_value *pos = n->n ? as_tpl_new(r, n->n, sizeof *pos) : NULL;
    tpl_value *named = n->n_named ? as_tpl_new(r, n->n_named, sizeof *named) : NULL;
    if ((n->n && !pos) || (n->n_named && !named)) return false;
    for (size_t i = 0; i < n->n; i++)
        if (!as_tpl_eval(r, n->item[i], &pos[i])) return false;
    for (size_t i = 0; i < n->n_named; i++)
        if (!as_tpl_eval(r, n->named[i], &named[i])) return false;
    *out = (tpl_args){pos, n->n, n->key, named, n->n_named};
    return true;
}

static bool eval_call(tpl_run *r, const tpl_node *n, tpl_value *out)
{
    tpl_value callee, none = {.kind = TPL_NONE};
    tpl_args args;
    if (!as_tpl_eval(r, n->a, &callee) || !eval_args(r, n, &args)) return false;
    switch (callee.kind) {
    case TPL_MACRO:
        return as_tpl_call_macro(r, callee.macro, &args, out);
    case TPL_FUNCTION:
        return as_tpl_call(r, callee.function, &none, &args, out);
    case TPL_METHOD:
        return as_tpl_call(r, callee.method->function, &callee.method->self, &args, out);
    default:
        return as_tpl_fail_kind(r, "call", &callee, "a macro, function or method");
    }
}

static bool eval_filter(tpl_run *r, const tpl_node *n, tpl_value *out)
{
    tpl_value in;
    tpl_args args;
    return as_tpl_eval(r, n->a, &in) && eval_args(r, n, &args) &&
           as_tpl_call(r, n->builtin, &in, &args, out);
}

static bool eval_test(tpl_run *r, const tpl_node *n, tpl_value *out)
{
    tpl_value v;
    tpl_args args;
    bool b;
    if (!as_tpl_eval(r, n->a, &v) || !eval_args(r, n, &args)) return false;
    if (!n->test->fn(r, &v, args.pos, &b)) return false;
    *out = as_tpl_bool(b != (n->op == 1));
    return true;
}

/* ---- all of them ---- */

static bool eval_kind(tpl_run *r, const tpl_node *n, tpl_value *out)
{
    tpl_value v;
    switch (n->kind) {
    case TPL_CONST:
        *out = n->value;
        return true;
    case TPL_NAME:
        return eval_name(r, n, out);
    case TPL_ATTR:
        return as_tpl_eval(r, n->a, &v) && as_tpl_attr(r, &v, n->name, n->hash, out);
    case TPL_ITEM:
    case TPL_SLICE:
        return eval_subscript(r, n, out);
    case TPL_CALL:
        return eval_call(r, n, out);
    case TPL_FILTER:
        return eval_filter(r, n, out);
    case TPL_IS:
        return eval_test(r, n, out);
    case TPL_UNARY:
        return eval_unary(r, n, out);
    case TPL_BINARY:
        return eval_binary(r, n, out);
    case TPL_AND:
    case TPL_OR:
        return eval_logic(r, n, out);
    case TPL_COMPARE:
        return eval_compare(r, n, out);
    case TPL_CONCAT:
        return eval_concat(r, n, out);
    case TPL_CHOICE:
        return eval_choice(r, n, out);
    case TPL_MAKE_LIST:
    case TPL_MAKE_TUPLE:
        return eval_list(r, n, out);
    case TPL_MAKE_DICT:
        return eval_dict(r, n, out);
    case TPL_INPUT:
        *out = r->input;
        return true;
    default:
        AS_CHECK(n->kind < TPL_BLOCK); /* no statement stands where a value is wanted */
        return false;
    }
}

bool as_tpl_eval(tpl_run *r, const tpl_node *n, tpl_value *out)
{
    bool ok = false;
    *out = (tpl_value){.kind = TPL_UNDEFINED};
    if (r->depth >= TPL_DEPTH)
        (void)as_fail(r->err, AS_ELIMIT, "nesting (found calls or values more than %d levels deep)",
                      TPL_DEPTH);
    else if (as_tpl_step(r, 1)) {
        r->depth++;
        ok = eval_kind(r, n, out);
        r->depth--;
    }
    if (!ok) as_tpl_place(r, n);
    return ok;
}
