/* Running statements: output, conditions, loops, names and macros. */
#include "engine/text/template_internal.h"

#include <string.h>

typedef enum { FAILED, WENT_ON, BROKE, CONTINUED } went;

static went exec(tpl_run *r, const tpl_node *n);

/* ---- names ---- */

bool as_tpl_bind_name(tpl_run *r, tpl_scope *s, const tpl_text *name, uint64_t hash,
                      const tpl_value *v)
{
    size_t seen = 0;
    for (tpl_bind *b = s->first; b; b = b->next, seen++) {
        if (b->hash != hash || !as_tpl_same_text(b->name, name)) continue;
        b->value = *v;
        return as_tpl_step(r, seen / 16);
    }
    tpl_bind *b = as_tpl_new(r, 1, sizeof *b);
    if (!b) return false;
    *b = (tpl_bind){.name = name, .hash = hash, .value = *v, .next = s->first};
    s->first = b;
    return as_tpl_step(r, seen / 16);
}

static bool push_scope(tpl_run *r, tpl_scope *up)
{
    tpl_scope *s = as_tpl_new(r, 1, sizeof *s);
    if (!s) return false;
    s->up = up;
    r->scope = s;
    return true;
}

static bool set_field(tpl_run *r, const tpl_node *target, const tpl_value *v)
{
    tpl_value space, key = as_tpl_of_text(target->key[0]);
    tpl_node name = {.kind = TPL_NAME, .name = target->name, .hash = target->hash};
    name.line = target->line;
    if (!as_tpl_eval(r, &name, &space)) return false;
    if (space.kind != TPL_SPACE)
        return as_tpl_fail_kind(r, "attribute as a target", &space, "a namespace");
    if (key.text->bytes[0] == '_')
        return as_tpl_fail_name(r, "attribute", key.text, "of a namespace starts with _");
    return as_tpl_put(r, space.dict, &key, v);
}

static bool assign(tpl_run *r, const tpl_node *target, const tpl_value *v)
{
    tpl_list *items;
    if (target->kind == TPL_NAME)
        return as_tpl_bind_name(r, r->scope, target->name, target->hash, v);
    if (target->kind == TPL_FIELD) return set_field(r, target, v);
    if (!as_tpl_items(r, v, &items)) return false;
    if (items->n != target->n)
        return as_fail(r->err, AS_EFORMAT, "unpacking (found %zu values, expected %zu)", items->n,
                       target->n);
    for (size_t i = 0; i < target->n; i++)
        if (!assign(r, target->item[i], &items->item[i])) return false;
    return true;
}

/* ---- loops ---- */

/* The next item that meets the loop's condition, straight from the list. */
static bool pull(tpl_run *r, tpl_loop *loop, bool *has, tpl_value *out)
{
    *has = false;
    while (!*has && *loop->next < loop->list->n) {
        tpl_value test;
        tpl_scope *scope = r->scope;
        *out = loop->list->item[(*loop->next)++];
        *has = true;
        if (!loop->node->c) break;
        bool ok = push_scope(r, loop->scope) && assign(r, loop->node->a, out) &&
                  as_tpl_eval(r, loop->node->c, &test) && as_tpl_truth(r, &test, has);
        r->scope = scope;
        if (!ok) return false;
    }
    return true;
}

static bool peek(tpl_run *r, tpl_loop *loop)
{
    return loop->has_after || pull(r, loop, &loop->has_after, &loop->after);
}

/* On to the next item; *has is false at the end. */
static bool step(tpl_run *r, tpl_loop *loop, bool *has)
{
    if (!peek(r, loop)) return false;
    *has = loop->has_after;
    if (!*has) return true;
    if (loop->has_current) {
        loop->before = loop->current;
        loop->index0++;
    }
    loop->current = loop->after;
    loop->has_current = true;
    loop->has_after = false;
    return true;
}

/* Of a filtered loop or an iterator the rest is taken at once, as jinja2 does. */
bool as_tpl_loop_length(tpl_run *r, tpl_loop *loop, size_t *out)
{
    if (!loop->has_length && !loop->node->c && loop->next == &loop->own_next) {
        loop->length = loop->list->n;
        loop->has_length = true;
    }
    if (!loop->has_length) {
        tpl_value rest;
        size_t n = 0;
        if (!as_tpl_list_new(r, TPL_LIST, loop->list->n - *loop->next, &rest)) return false;
        for (bool has = true; has;) {
            tpl_value v;
            if (!pull(r, loop, &has, &v)) return false;
            if (has) rest.list->item[n++] = v;
        }
        rest.list->n = n;
        loop->length = n + loop->index0 + 1 + loop->has_after;
        loop->has_length = true;
        tpl_node *plain = as_tpl_new(r, 1, sizeof *plain); /* the same loop, already filtered */
        if (!plain) return false;
        *plain = *loop->node;
        plain->c = NULL;
        loop->node = plain;
        loop->list = rest.list;
        loop->own_next = 0;
        loop->next = &loop->own_next;
    }
    *out = loop->length;
    return true;
}

static bool loop_neighbour(tpl_run *r, tpl_loop *loop, bool is_next, tpl_value *out)
{
    if (is_next && !peek(r, loop)) return false;
    *out = as_tpl_undefined(NULL);
    if (is_next && loop->has_after) *out = loop->after;
    if (!is_next && loop->index0 > 0) *out = loop->before;
    return true;
}

bool as_tpl_loop_attr(tpl_run *r, tpl_loop *loop, const tpl_text *name, tpl_value *out)
{
    size_t length = 0;
    int64_t i = (int64_t)loop->index0;
    if (as_tpl_text_is(name, "index"))
        *out = as_tpl_int(i + 1);
    else if (as_tpl_text_is(name, "index0"))
        *out = as_tpl_int(i);
    else if (as_tpl_text_is(name, "first"))
        *out = as_tpl_bool(i == 0);
    else if (as_tpl_text_is(name, "depth"))
        *out = as_tpl_int(1);
    else if (as_tpl_text_is(name, "depth0"))
        *out = as_tpl_int(0);
    else if (as_tpl_text_is(name, "previtem"))
        return loop_neighbour(r, loop, false, out);
    else if (as_tpl_text_is(name, "nextitem"))
        return loop_neighbour(r, loop, true, out);
    else if (as_tpl_text_is(name, "last")) {
        if (!peek(r, loop)) return false;
        *out = as_tpl_bool(!loop->has_after);
    } else if (as_tpl_text_is(name, "length") || as_tpl_text_is(name, "revindex") ||
               as_tpl_text_is(name, "revindex0")) {
        if (!as_tpl_loop_length(r, loop, &length)) return false;
        int64_t back = name->size == 6 ? 0 : name->size == 8 ? i : i + 1;
        *out = as_tpl_int((int64_t)length - back);
    } else {
        return as_tpl_fail_name(r, "attribute", name, "of a loop is not supported");
    }
    return true;
}

static went run_rounds(tpl_run *r, const tpl_node *n, tpl_loop *loop)
{
    static const tpl_text name = {.bytes = "loop", .size = 4, .n = 4};
    const uint64_t hash = as_tpl_hash_text(name.bytes, name.size);
    const tpl_value v = {.kind = TPL_LOOP, .loop = loop};
    for (;;) {
        bool has = false;
        if (!as_tpl_step(r, 1) || !step(r, loop, &has)) return FAILED;
        if (!has) return WENT_ON;
        if (!push_scope(r, loop->scope) || !as_tpl_bind_name(r, r->scope, &name, hash, &v) ||
            !assign(r, n->a, &loop->current))
            return FAILED;
        went w = exec(r, n->d);
        r->scope = loop->scope;
        if (w == FAILED) return FAILED;
        if (w == BROKE) return WENT_ON;
        if (w == WENT_ON) loop->has_ended_round = true;
    }
}

static went exec_for(tpl_run *r, const tpl_node *n)
{
    tpl_value v;
    tpl_loop *loop = as_tpl_new(r, 1, sizeof *loop);
    if (!loop || !as_tpl_eval(r, n->b, &v)) return FAILED;
    loop->node = n;
    loop->scope = r->scope;
    loop->next = &loop->own_next;
    if (v.kind == TPL_ITER) {
        loop->list = v.list;
        loop->next = &v.list->next;
    } else if (!as_tpl_items(r, &v, &loop->list)) {
        return FAILED;
    }
    went w = run_rounds(r, n, loop);
    r->scope = loop->scope;
    /* jinja2 runs `else` unless a round went on to its end */
    if (w != WENT_ON || loop->has_ended_round || n->n == 0) return w;
    if (!push_scope(r, loop->scope)) return FAILED;
    w = exec(r, n->item[0]);
    r->scope = loop->scope;
    return w;
}

/* ---- macros and captured text ---- */

/* Runs a body into a text. */
static bool capture(tpl_run *r, const tpl_node *body, tpl_value *out)
{
    tpl_rope rope = {0}, *outer = r->out;
    r->out = &rope;
    went w = exec(r, body);
    r->out = outer;
    return w != FAILED && as_tpl_rope_value(r, &rope, out);
}

static bool give_arguments(tpl_run *r, const tpl_node *n, const tpl_args *args)
{
    if (args->n > n->n_named)
        return as_fail(r->err, AS_EFORMAT, "arguments of macro '%s' (found %zu, expected %zu)",
                       n->name->bytes, args->n, n->n_named);
    for (size_t i = 0; i < args->n_named; i++) {
        size_t k = 0;
        while (k < n->n_named && !as_tpl_same_text(n->key[k], args->key[i])) k++;
        if (k == n->n_named || k < args->n)
            return as_tpl_fail_name(r, "argument", args->key[i],
                                    "is given twice or not a parameter of the macro");
    }
    for (size_t k = 0; k < n->n_named; k++) {
        size_t first_default = n->n_named - n->n, i = 0;
        tpl_value v = as_tpl_undefined(n->key[k]);
        while (i < args->n_named && !as_tpl_same_text(n->key[k], args->key[i])) i++;
        if (k < args->n)
            v = args->pos[k];
        else if (i < args->n_named)
            v = args->named[i];
        else if (k >= first_default && !as_tpl_eval(r, n->item[k - first_default], &v))
            return false;
        uint64_t hash = as_tpl_hash_text(n->key[k]->bytes, n->key[k]->size);
        if (!as_tpl_bind_name(r, r->scope, n->key[k], hash, &v)) return false;
    }
    return true;
}

bool as_tpl_call_macro(tpl_run *r, const tpl_macro *m, const tpl_args *args, tpl_value *out)
{
    tpl_scope *scope = r->scope;
    if (r->calls == AS_TEMPLATE_CALLS)
        return as_fail(r->err, AS_ELIMIT, "calls (found macros more than %d levels deep)",
                       AS_TEMPLATE_CALLS);
    r->calls++;
    bool ok =
        push_scope(r, m->scope) && give_arguments(r, m->node, args) && capture(r, m->node->a, out);
    r->calls--;
    r->scope = scope;
    return ok;
}

static bool define(tpl_run *r, const tpl_node *n)
{
    tpl_macro *m = as_tpl_new(r, 1, sizeof *m);
    if (!m) return false;
    *m = (tpl_macro){.node = n, .scope = r->scope};
    return as_tpl_bind_name(r, r->scope, n->name, n->hash,
                            &(tpl_value){.kind = TPL_MACRO, .macro = m});
}

/* The body of {% set x %} has names of its own. */
static bool exec_capture(tpl_run *r, const tpl_node *n)
{
    tpl_value v, before = r->input;
    tpl_scope *scope = r->scope;
    bool ok = push_scope(r, scope) && capture(r, n->c, &v);
    r->scope = scope;
    if (!ok) return false;
    if (n->b) {
        r->input = v;
        if (!as_tpl_eval(r, n->b, &v)) return false;
        r->input = before;
    }
    return assign(r, n->a, &v);
}

/* ---- the others ---- */

static went exec_if(tpl_run *r, const tpl_node *n)
{
    for (size_t i = 0; i < n->n; i++) {
        tpl_value v;
        bool b;
        if (!as_tpl_eval(r, n->item[i]->a, &v) || !as_tpl_truth(r, &v, &b)) return FAILED;
        if (b) return exec(r, n->item[i]->b);
    }
    return n->b ? exec(r, n->b) : WENT_ON;
}

static went exec_scope(tpl_run *r, const tpl_node *n)
{
    tpl_scope *scope = r->scope;
    if (!push_scope(r, scope)) return FAILED;
    went w = exec(r, n->a);
    r->scope = scope;
    return w;
}

static went exec_block(tpl_run *r, const tpl_node *n)
{
    went w = WENT_ON;
    for (size_t i = 0; w == WENT_ON && i < n->n; i++) w = exec(r, n->item[i]);
    return w;
}

static went exec_kind(tpl_run *r, const tpl_node *n)
{
    tpl_value v;
    bool ok = false;
    switch (n->kind) {
    case TPL_BLOCK:
        return exec_block(r, n);
    case TPL_IF:
        return exec_if(r, n);
    case TPL_FOR:
        return exec_for(r, n);
    case TPL_SCOPE:
        return exec_scope(r, n);
    case TPL_BREAK:
        return BROKE;
    case TPL_CONTINUE:
        return CONTINUED;
    case TPL_OUTPUT:
        ok = as_tpl_eval(r, n->a, &v) && as_tpl_print(r, r->out, &v);
        break;
    case TPL_SET:
        ok = as_tpl_eval(r, n->b, &v) && assign(r, n->a, &v);
        break;
    case TPL_CAPTURE:
        ok = exec_capture(r, n);
        break;
    case TPL_DEFINE:
        ok = define(r, n);
        break;
    default:
        AS_CHECK(n->kind >= TPL_BLOCK); /* no value stands where a statement is wanted */
    }
    return ok ? WENT_ON : FAILED;
}

static went exec(tpl_run *r, const tpl_node *n)
{
    went w = FAILED;
    if (r->depth >= TPL_DEPTH)
        (void)as_fail(r->err, AS_ELIMIT, "nesting (found calls or values more than %d levels deep)",
                      TPL_DEPTH);
    else if (as_tpl_step(r, 1)) {
        r->depth++;
        w = exec_kind(r, n);
        r->depth--;
    }
    if (w == FAILED) as_tpl_place(r, n);
    return w;
}

bool as_tpl_exec_root(tpl_run *r, const tpl_node *root)
{
    return exec(r, root) == WENT_ON;
}
