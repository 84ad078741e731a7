/* Expressions of templates, by recursive descent over two tokens. Precedence as in jinja2 3.1, from
 * loose to tight: if-else, or, and, not, comparisons, + -, ~, * / // %, **, sign, then attributes,
 * subscripts, calls, filters and tests. */
#include "engine/text/template_internal.h"

#include <string.h>

/* n as kind `kind` over a and b. */
static tpl_node *join(tpl_parser *p, tpl_node_kind kind, int op, size_t line, tpl_node *a,
                      tpl_node *b)
{
    tpl_node *n = a && b ? as_tpl_node(p, kind, line) : NULL;
    if (!n) return NULL;
    n->op = op;
    n->a = a;
    n->b = b;
    return as_tpl_close(p, n);
}

static tpl_node *over(tpl_parser *p, tpl_node_kind kind, int op, size_t line, tpl_node *a)
{
    tpl_node *n = a ? as_tpl_node(p, kind, line) : NULL;
    if (!n) return NULL;
    n->op = op;
    n->a = a;
    return as_tpl_close(p, n);
}

static bool skip_op(tpl_parser *p, int op, bool *ok)
{
    if (!as_tpl_is_op(p, op)) return false;
    *ok = as_tpl_advance(p);
    return true;
}

/* ---- literals ---- */

static tpl_node *parse_const(tpl_parser *p, tpl_value v)
{
    tpl_node *n = as_tpl_node(p, TPL_CONST, p->now.line);
    if (!n) return NULL;
    n->value = v;
    return as_tpl_advance(p) ? as_tpl_close(p, n) : NULL;
}

/* Strings that stand next to each other are one. */
static tpl_node *parse_string(tpl_parser *p)
{
    as_buf all = {0};
    size_t line = p->now.line;
    bool ok = true;
    while (ok && p->now.kind == TPL_T_TEXT) {
        as_buf_add(&all, p->now.bytes, p->now.size);
        ok = as_tpl_advance(p);
    }
    tpl_node *n = ok && as_buf_ok(&all, p->err) ? as_tpl_node(p, TPL_CONST, line) : NULL;
    char *copy = n ? as_arena_copy(p->arena, as_buf_text(&all), all.size, p->err) : NULL;
    const tpl_text *t = copy ? as_tpl_text(p->arena, copy, all.size, false, p->err) : NULL;
    as_buf_clear(&all);
    if (!t) return NULL;
    n->value = as_tpl_of_text(t);
    return as_tpl_close(p, n);
}

static tpl_node *parse_list(tpl_parser *p, bool is_dict)
{
    int end = is_dict ? '}' : ']';
    tpl_node *n = as_tpl_node(p, is_dict ? TPL_MAKE_DICT : TPL_MAKE_LIST, p->now.line);
    if (!n || !as_tpl_advance(p)) return NULL;
    while (!as_tpl_is_op(p, end)) {
        if (n->n > 0 && !as_tpl_expect_op(p, ',', ",")) return NULL;
        if (as_tpl_is_op(p, end)) break;
        tpl_node *item = as_tpl_parse_expr(p);
        if (!item || !as_tpl_add_item(p, n, item)) return NULL;
        if (!is_dict) continue;
        if (!as_tpl_expect_op(p, ':', ":")) return NULL;
        item = as_tpl_parse_expr(p);
        if (!item || !as_tpl_add_item(p, n, item)) return NULL;
    }
    return as_tpl_advance(p) ? as_tpl_close(p, n) : NULL;
}

/* name.attribute as a target of {% set %}. */
static tpl_node *parse_field(tpl_parser *p, tpl_node *n)
{
    uint64_t hash;
    if (!as_tpl_advance(p)) return NULL;
    n->kind = TPL_FIELD;
    n->key = as_arena_push(p->arena, 1, sizeof *n->key, p->err);
    if (!n->key) return NULL;
    n->key[0] = as_tpl_parse_name(p, &hash);
    return n->key[0] ? as_tpl_close(p, n) : NULL;
}

static tpl_node *parse_name(tpl_parser *p, int how)
{
    if (as_tpl_is_name(p, "true") || as_tpl_is_name(p, "True"))
        return parse_const(p, as_tpl_bool(true));
    if (as_tpl_is_name(p, "false") || as_tpl_is_name(p, "False"))
        return parse_const(p, as_tpl_bool(false));
    if (as_tpl_is_name(p, "none") || as_tpl_is_name(p, "None"))
        return parse_const(p, (tpl_value){.kind = TPL_NONE});
    static const char *const hidden[] = {"varargs", "kwargs", "caller", NULL};
    for (const char *const *h = hidden; p->macro && *h; h++)
        if (as_tpl_is_name(p, *h)) {
            (void)as_fail(p->err, AS_EFORMAT, "'%s' in a macro is not supported", *h);
            return NULL;
        }
    tpl_node *n = as_tpl_node(p, TPL_NAME, p->now.line);
    if (!n) return NULL;
    n->name = as_tpl_parse_name(p, &n->hash);
    if (!n->name) return NULL;
    if ((how & TPL_TARGET) && as_tpl_is_op(p, '.')) return parse_field(p, n);
    return as_tpl_close(p, n);
}

static tpl_node *parse_primary(tpl_parser *p, int how)
{
    tpl_node *n = NULL;
    if (!as_tpl_enter(p)) return NULL;
    if (p->now.kind == TPL_T_NAME) {
        n = parse_name(p, how);
    } else if (p->now.kind == TPL_T_TEXT) {
        n = parse_string(p);
    } else if (p->now.kind == TPL_T_INT) {
        n = parse_const(p, as_tpl_int(p->now.i));
    } else if (p->now.kind == TPL_T_REAL) {
        n = parse_const(p, (tpl_value){.kind = TPL_REAL, .f = p->now.f});
    } else if (as_tpl_is_op(p, '(')) {
        n = as_tpl_advance(p) ? as_tpl_parse_tuple(p, TPL_EMPTY_OK) : NULL;
        if (n && !as_tpl_expect_op(p, ')', ")")) n = NULL;
    } else if (as_tpl_is_op(p, '[') || as_tpl_is_op(p, '{')) {
        n = parse_list(p, as_tpl_is_op(p, '{'));
    } else {
        (void)as_tpl_unexpected(p, "an expression");
    }
    p->nesting--;
    return n;
}

/* ---- calls ---- */

static bool add_named(tpl_parser *p, tpl_node *n, const tpl_text *key, tpl_node *value)
{
    if (n->n_named % 8 == 0) {
        const tpl_text **keys = as_arena_push(p->arena, n->n_named + 8, sizeof *keys, p->err);
        tpl_node **named = as_arena_push(p->arena, n->n_named + 8, sizeof *named, p->err);
        if (!keys || !named) return false;
        for (size_t i = 0; i < n->n_named; i++) {
            keys[i] = n->key[i];
            named[i] = n->named[i];
        }
        n->key = keys;
        n->named = named;
    }
    for (size_t i = 0; i < n->n_named; i++)
        if (as_tpl_same_text(n->key[i], key))
            return as_fail(p->err, AS_EFORMAT, "argument '%s' given twice", key->bytes);
    if (n->n_named == 64)
        return as_fail(p->err, AS_ELIMIT, "keyword arguments (found more than 64)");
    n->key[n->n_named] = key;
    n->named[n->n_named++] = value;
    return true;
}

static bool parse_argument(tpl_parser *p, tpl_node *n)
{
    uint64_t hash;
    if (as_tpl_is_op(p, '*') || as_tpl_is_op(p, TPL_OP2('*', '*')))
        return as_fail(p->err, AS_EFORMAT, "'*' arguments are not supported");
    if (p->now.kind == TPL_T_NAME && p->ahead.kind == TPL_T_OP && p->ahead.op == '=') {
        const tpl_text *key = as_tpl_parse_name(p, &hash);
        tpl_node *value = key && as_tpl_advance(p) ? as_tpl_parse_expr(p) : NULL;
        return value && add_named(p, n, key, value);
    }
    if (n->n_named > 0) return as_tpl_unexpected(p, "a keyword argument");
    tpl_node *value = as_tpl_parse_expr(p);
    return value && as_tpl_add_item(p, n, value);
}

/* "(a, b, c=d)" into n. */
static bool parse_arguments(tpl_parser *p, tpl_node *n)
{
    if (!as_tpl_advance(p)) return false;
    bool is_first = true;
    while (!as_tpl_is_op(p, ')')) {
        if (!is_first && !as_tpl_expect_op(p, ',', ",")) return false;
        if (!is_first && as_tpl_is_op(p, ')')) break;
        if (!parse_argument(p, n)) return false;
        is_first = false;
    }
    return as_tpl_advance(p);
}

static tpl_node *parse_call(tpl_parser *p, tpl_node *callee)
{
    tpl_node *n = as_tpl_node(p, TPL_CALL, p->now.line);
    if (!n) return NULL;
    n->a = callee;
    return parse_arguments(p, n) ? as_tpl_close(p, n) : NULL;
}

/* ---- attributes and subscripts ---- */

static tpl_node *parse_attribute(tpl_parser *p, tpl_node *of)
{
    size_t line = p->now.line;
    if (!as_tpl_advance(p)) return NULL;
    if (p->now.kind == TPL_T_INT) {
        tpl_node *key = parse_const(p, as_tpl_int(p->now.i));
        return join(p, TPL_ITEM, 0, line, of, key);
    }
    tpl_node *n = as_tpl_node(p, TPL_ATTR, line);
    if (!n) return NULL;
    n->a = of;
    n->name = as_tpl_parse_name(p, &n->hash);
    return n->name ? as_tpl_close(p, n) : NULL;
}

/* One end of a slice, when there is one. */
static bool parse_bound(tpl_parser *p, tpl_node **out)
{
    if (as_tpl_is_op(p, ':') || as_tpl_is_op(p, ']') || as_tpl_is_op(p, ',')) return true;
    *out = as_tpl_parse_expr(p);
    return *out != NULL;
}

static tpl_node *parse_subscript(tpl_parser *p, tpl_node *of)
{
    bool ok = true, is_slice = false;
    tpl_node *n = as_tpl_node(p, TPL_ITEM, p->now.line);
    if (!n || !as_tpl_advance(p)) return NULL;
    n->a = of;
    if (as_tpl_is_op(p, ']')) {
        (void)as_tpl_unexpected(p, "an expression");
        return NULL;
    }
    if (!parse_bound(p, &n->b)) return NULL;
    if (skip_op(p, ':', &ok)) {
        is_slice = true;
        if (!ok || !parse_bound(p, &n->c)) return NULL;
        if (skip_op(p, ':', &ok) && (!ok || !parse_bound(p, &n->d))) return NULL;
    }
    if (is_slice) n->kind = TPL_SLICE;
    if (as_tpl_is_op(p, ',')) {
        (void)as_fail(p->err, AS_EFORMAT, "subscripts with ',' are not supported");
        return NULL;
    }
    return as_tpl_expect_op(p, ']', "]") ? as_tpl_close(p, n) : NULL;
}

static tpl_node *parse_postfix(tpl_parser *p, tpl_node *n)
{
    while (n) {
        if (as_tpl_is_op(p, '.'))
            n = parse_attribute(p, n);
        else if (as_tpl_is_op(p, '['))
            n = parse_subscript(p, n);
        else if (as_tpl_is_op(p, '('))
            n = parse_call(p, n);
        else
            break;
    }
    return n;
}

/* ---- filters and tests ---- */

static bool fail_unknown(tpl_parser *p, const char *what, const tpl_text *name)
{
    char shown[AS_ESCAPE_SIZE];
    return as_fail(p->err, AS_EFORMAT, "%s '%s' is not supported", what,
                   as_escape(name->bytes, name->size, shown));
}

/* One filter over `input`; now at its name. */
static tpl_node *parse_filter(tpl_parser *p, tpl_node *input)
{
    uint64_t hash;
    tpl_node *n = as_tpl_node(p, TPL_FILTER, p->now.line);
    const tpl_text *name = n ? as_tpl_parse_name(p, &hash) : NULL;
    if (!name) return NULL;
    n->a = input;
    n->builtin = as_tpl_find_filter(name->bytes, name->size);
    if (!n->builtin) {
        (void)fail_unknown(p, "filter", name);
        return NULL;
    }
    if (as_tpl_is_op(p, '(') && !parse_arguments(p, n)) return NULL;
    return as_tpl_close(p, n);
}

tpl_node *as_tpl_parse_filters(tpl_parser *p, tpl_node *n)
{
    while (n && as_tpl_is_op(p, '|')) n = as_tpl_advance(p) ? parse_filter(p, n) : NULL;
    return n;
}

/* A test's argument may stand without brackets: "x is divisibleby 3". */
static bool has_bare_argument(const tpl_parser *p)
{
    if (p->now.kind == TPL_T_NAME)
        return !as_tpl_is_name(p, "else") && !as_tpl_is_name(p, "or") && !as_tpl_is_name(p, "and");
    return p->now.kind == TPL_T_TEXT || p->now.kind == TPL_T_INT || p->now.kind == TPL_T_REAL ||
           as_tpl_is_op(p, '[') || as_tpl_is_op(p, '{');
}

static bool parse_test_arguments(tpl_parser *p, tpl_node *n)
{
    if (as_tpl_is_op(p, '(')) return parse_arguments(p, n);
    if (!has_bare_argument(p)) return true;
    if (as_tpl_is_name(p, "is")) return as_tpl_unexpected(p, "one test at a time");
    tpl_node *arg = parse_postfix(p, parse_primary(p, 0));
    return arg && as_tpl_add_item(p, n, arg);
}

static tpl_node *parse_test(tpl_parser *p, tpl_node *of)
{
    uint64_t hash;
    tpl_node *n = as_tpl_node(p, TPL_IS, p->now.line);
    if (!n || !as_tpl_advance(p)) return NULL;
    n->a = of;
    if (as_tpl_is_name(p, "not")) {
        n->op = 1;
        if (!as_tpl_advance(p)) return NULL;
    }
    const tpl_text *name = as_tpl_parse_name(p, &hash);
    if (!name) return NULL;
    n->test = as_tpl_find_test(name->bytes, name->size);
    if (!n->test) {
        (void)fail_unknown(p, "test", name);
        return NULL;
    }
    if (!parse_test_arguments(p, n)) return NULL;
    if (n->n != n->test->n_args || n->n_named > 0) {
        (void)as_fail(p->err, AS_EFORMAT, "arguments of test '%s' (found %zu, expected %zu)",
                      n->test->name, n->n + n->n_named, n->test->n_args);
        return NULL;
    }
    return as_tpl_close(p, n);
}

static tpl_node *parse_filter_chain(tpl_parser *p, tpl_node *n)
{
    while (n) {
        if (as_tpl_is_op(p, '|'))
            n = as_tpl_parse_filters(p, n);
        else if (as_tpl_is_name(p, "is"))
            n = parse_test(p, n);
        else if (as_tpl_is_op(p, '('))
            n = parse_call(p, n);
        else
            break;
    }
    return n;
}

/* ---- operators ---- */

static tpl_node *parse_unary(tpl_parser *p, bool with_filters)
{
    tpl_node *n = NULL;
    size_t line = p->now.line;
    if (!as_tpl_enter(p)) return NULL;
    if (as_tpl_is_op(p, '-') || as_tpl_is_op(p, '+')) {
        int op = p->now.op;
        n = as_tpl_advance(p) ? over(p, TPL_UNARY, op, line, parse_unary(p, false)) : NULL;
    } else {
        n = parse_primary(p, 0);
    }
    n = parse_postfix(p, n);
    if (with_filters) n = parse_filter_chain(p, n);
    p->nesting--;
    return n;
}

static tpl_node *parse_power(tpl_parser *p)
{
    tpl_node *n = parse_unary(p, true);
    while (n && as_tpl_is_op(p, TPL_OP2('*', '*'))) {
        size_t line = p->now.line;
        tpl_node *right = as_tpl_advance(p) ? parse_unary(p, true) : NULL;
        n = join(p, TPL_BINARY, TPL_OP2('*', '*'), line, n, right);
    }
    return n;
}

static tpl_node *parse_product(tpl_parser *p)
{
    tpl_node *n = parse_power(p);
    while (n && (as_tpl_is_op(p, '*') || as_tpl_is_op(p, '/') || as_tpl_is_op(p, '%') ||
                 as_tpl_is_op(p, TPL_OP2('/', '/')))) {
        int op = p->now.op;
        size_t line = p->now.line;
        tpl_node *right = as_tpl_advance(p) ? parse_power(p) : NULL;
        n = join(p, TPL_BINARY, op, line, n, right);
    }
    return n;
}

static tpl_node *parse_concat(tpl_parser *p)
{
    size_t line = p->now.line;
    tpl_node *first = parse_product(p);
    if (!first || !as_tpl_is_op(p, '~')) return first;
    tpl_node *n = as_tpl_node(p, TPL_CONCAT, line);
    if (!n || !as_tpl_add_item(p, n, first)) return NULL;
    while (as_tpl_is_op(p, '~')) {
        tpl_node *next = as_tpl_advance(p) ? parse_product(p) : NULL;
        if (!next || !as_tpl_add_item(p, n, next)) return NULL;
    }
    return as_tpl_close(p, n);
}

static tpl_node *parse_sum(tpl_parser *p)
{
    tpl_node *n = parse_concat(p);
    while (n && (as_tpl_is_op(p, '+') || as_tpl_is_op(p, '-'))) {
        int op = p->now.op;
        size_t line = p->now.line;
        tpl_node *right = as_tpl_advance(p) ? parse_concat(p) : NULL;
        n = join(p, TPL_BINARY, op, line, n, right);
    }
    return n;
}

/* The comparison that stands here, skipped; 0 when there is none. */
static int take_comparison(tpl_parser *p, bool *ok)
{
    static const int ops[] = {
        TPL_OP2('=', '='), TPL_OP2('!', '='), TPL_OP2('<', '='), TPL_OP2('>', '='), '<', '>'};
    int op = 0;
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        if (as_tpl_is_op(p, ops[i])) op = ops[i];
    if (as_tpl_is_name(p, "in")) op = TPL_OP_IN;
    if (as_tpl_is_name(p, "not") && p->ahead.kind == TPL_T_NAME && p->ahead.size == 2 &&
        memcmp(p->ahead.bytes, "in", 2) == 0) {
        op = TPL_OP_NOT_IN;
        *ok = as_tpl_advance(p);
    }
    if (op && *ok) *ok = as_tpl_advance(p);
    return op;
}

static tpl_node *parse_compare(tpl_parser *p)
{
    bool ok = true;
    size_t line = p->now.line;
    tpl_node *n = parse_sum(p), *chain = NULL;
    for (int op; n && (op = take_comparison(p, &ok)) != 0;) {
        tpl_node *right = ok ? parse_sum(p) : NULL;
        if (!chain) {
            chain = as_tpl_node(p, TPL_COMPARE, line);
            if (chain) chain->a = n;
        }
        right = chain ? over(p, TPL_OPERAND, op, line, right) : NULL;
        if (!right || !as_tpl_add_item(p, chain, right)) return NULL;
    }
    return chain && n ? as_tpl_close(p, chain) : n;
}

static tpl_node *parse_not(tpl_parser *p)
{
    if (!as_tpl_is_name(p, "not")) return parse_compare(p);
    size_t line = p->now.line;
    if (!as_tpl_enter(p)) return NULL;
    tpl_node *n = as_tpl_advance(p) ? over(p, TPL_UNARY, '!', line, parse_not(p)) : NULL;
    p->nesting--;
    return n;
}

static tpl_node *parse_and(tpl_parser *p)
{
    tpl_node *n = parse_not(p);
    while (n && as_tpl_is_name(p, "and")) {
        size_t line = p->now.line;
        tpl_node *right = as_tpl_advance(p) ? parse_not(p) : NULL;
        n = join(p, TPL_AND, 0, line, n, right);
    }
    return n;
}

static tpl_node *parse_or(tpl_parser *p)
{
    tpl_node *n = parse_and(p);
    while (n && as_tpl_is_name(p, "or")) {
        size_t line = p->now.line;
        tpl_node *right = as_tpl_advance(p) ? parse_and(p) : NULL;
        n = join(p, TPL_OR, 0, line, n, right);
    }
    return n;
}

tpl_node *as_tpl_parse_expr(tpl_parser *p)
{
    if (!as_tpl_enter(p)) return NULL;
    tpl_node *n = parse_or(p);
    while (n && as_tpl_is_name(p, "if")) {
        size_t line = p->now.line;
        tpl_node *test = as_tpl_advance(p) ? parse_or(p) : NULL;
        tpl_node *choice = test ? as_tpl_node(p, TPL_CHOICE, line) : NULL;
        if (choice) {
            choice->a = n;
            choice->b = test;
        }
        if (choice && as_tpl_is_name(p, "else")) {
            choice->c = as_tpl_advance(p) ? as_tpl_parse_expr(p) : NULL;
            if (!choice->c) choice = NULL;
        }
        n = as_tpl_close(p, choice);
    }
    p->nesting--;
    return n;
}

/* ---- tuples and targets ---- */

static bool is_tuple_end(const tpl_parser *p, int how)
{
    return p->now.kind == TPL_T_PRINT_CLOSE || p->now.kind == TPL_T_TAG_CLOSE ||
           as_tpl_is_op(p, ')') || ((how & TPL_STOP_AT_IN) && as_tpl_is_name(p, "in"));
}

static tpl_node *parse_member(tpl_parser *p, int how)
{
    if (!(how & TPL_TARGET)) return how & TPL_NO_CHOICE ? parse_or(p) : as_tpl_parse_expr(p);
    tpl_node *n = parse_primary(p, how & TPL_STOP_AT_IN ? 0 : TPL_TARGET);
    if (!n || n->kind == TPL_NAME || n->kind == TPL_FIELD || n->kind == TPL_MAKE_TUPLE) return n;
    (void)as_fail(p->err, AS_EFORMAT, "target (expected names)");
    return NULL;
}

tpl_node *as_tpl_parse_tuple(tpl_parser *p, int how)
{
    tpl_node *tuple = as_tpl_node(p, TPL_MAKE_TUPLE, p->now.line), *first = NULL;
    if (!tuple) return NULL;
    bool is_tuple = false;
    for (;;) {
        if (tuple->n > 0 && !as_tpl_expect_op(p, ',', ",")) return NULL;
        if (is_tuple_end(p, how)) break;
        tpl_node *item = parse_member(p, how);
        if (!item || !as_tpl_add_item(p, tuple, item)) return NULL;
        if (!first) first = item;
        if (!as_tpl_is_op(p, ',')) break;
        is_tuple = true;
    }
    if (!is_tuple && first) return first;
    if (!is_tuple && !(how & TPL_EMPTY_OK)) {
        (void)as_tpl_unexpected(p, "an expression");
        return NULL;
    }
    return as_tpl_close(p, tuple);
}
