/* Statements of templates: what stands between {% and %}, and the text around it. */
#include "engine/text/template_internal.h"

#include <string.h>

/* ---- tokens ---- */

bool as_tpl_advance(tpl_parser *p)
{
    p->now = p->ahead;
    return as_tpl_lex(&p->lex, &p->ahead);
}

bool as_tpl_is_op(const tpl_parser *p, int op)
{
    return p->now.kind == TPL_T_OP && p->now.op == op;
}

bool as_tpl_is_name(const tpl_parser *p, const char *name)
{
    return p->now.kind == TPL_T_NAME && p->now.size == strlen(name) &&
           memcmp(p->now.bytes, name, p->now.size) == 0;
}

bool as_tpl_unexpected(tpl_parser *p, const char *expected)
{
    char shown[AS_ESCAPE_SIZE];
    return as_fail(p->err, AS_EFORMAT, "syntax (found %s, expected %s)",
                   as_tpl_token_text(&p->now, shown), expected);
}

bool as_tpl_expect_op(tpl_parser *p, int op, const char *shown)
{
    return as_tpl_is_op(p, op) ? as_tpl_advance(p) : as_tpl_unexpected(p, shown);
}

static bool expect_kind(tpl_parser *p, tpl_token_kind kind, const char *shown)
{
    return p->now.kind == kind ? as_tpl_advance(p) : as_tpl_unexpected(p, shown);
}

const tpl_text *as_tpl_parse_name(tpl_parser *p, uint64_t *hash)
{
    if (p->now.kind != TPL_T_NAME) {
        (void)as_tpl_unexpected(p, "a name");
        return NULL;
    }
    char *copy = as_arena_copy(p->arena, p->now.bytes, p->now.size, p->err);
    const tpl_text *t = copy ? as_tpl_text(p->arena, copy, p->now.size, false, p->err) : NULL;
    if (!t) return NULL;
    *hash = as_tpl_hash_text(t->bytes, t->size);
    return as_tpl_advance(p) ? t : NULL;
}

/* ---- nodes ---- */

static bool fail_nesting(tpl_parser *p, int most)
{
    return as_fail(p->err, AS_ELIMIT, "nesting (found more than %d levels)", most);
}

/* A level of brackets goes through parse_expr, parse_unary and parse_primary; a block counts as
 * four, so that 100 of either fit. */
enum { LEVEL = 4 };

bool as_tpl_enter(tpl_parser *p)
{
    if (p->nesting >= LEVEL * AS_TEMPLATE_NESTING) return fail_nesting(p, AS_TEMPLATE_NESTING);
    p->nesting++;
    return true;
}

tpl_node *as_tpl_node(tpl_parser *p, tpl_node_kind kind, size_t line)
{
    tpl_node *n = as_arena_push(p->arena, 1, sizeof *n, p->err);
    if (n) {
        n->kind = kind;
        n->line = line;
        n->height = 1;
    }
    return n;
}

bool as_tpl_add_item(tpl_parser *p, tpl_node *n, tpl_node *child)
{
    bool is_full = n->n == 0 || (n->n >= 4 && (n->n & (n->n - 1)) == 0);
    if (is_full) {
        tpl_node **item = as_arena_push(p->arena, n->n ? n->n * 2 : 4, sizeof *item, p->err);
        if (!item) return false;
        if (n->n) memcpy(item, n->item, n->n * sizeof *item);
        n->item = item;
    }
    n->item[n->n++] = child;
    return true;
}

static void lift(tpl_node *n, const tpl_node *child)
{
    if (child && child->height >= n->height) n->height = child->height + 1;
}

tpl_node *as_tpl_close(tpl_parser *p, tpl_node *n)
{
    if (!n) return NULL;
    lift(n, n->a), lift(n, n->b), lift(n, n->c), lift(n, n->d);
    for (size_t i = 0; i < n->n; i++) lift(n, n->item[i]);
    for (size_t i = 0; n->named && i < n->n_named; i++) lift(n, n->named[i]);
    if (n->height <= TPL_HEIGHT) return n;
    (void)fail_nesting(p, TPL_HEIGHT);
    return NULL;
}

/* ---- statements ---- */

/* After a tag's name and head: closes it and parses the body up to one of the tags in `ends`, at
 * whose name it stops. */
static tpl_node *parse_until(tpl_parser *p, const char *const *ends)
{
    if (as_tpl_is_op(p, ':') && !as_tpl_advance(p)) return NULL;
    if (!expect_kind(p, TPL_T_TAG_CLOSE, "%}")) return NULL;
    size_t line = p->now.line;
    tpl_node *body = as_tpl_parse_body(p);
    if (!body) return NULL;
    for (const char *const *e = ends; p->now.kind == TPL_T_NAME && *e; e++)
        if (as_tpl_is_name(p, *e)) return body;
    (void)as_fail(p->err, AS_EFORMAT, "block from line %zu (expected {%% %s %%} after it)", line,
                  ends[0]);
    return NULL;
}

static tpl_node *parse_block(tpl_parser *p, const char *end)
{
    const char *const ends[] = {end, NULL};
    tpl_node *body = parse_until(p, ends);
    return body && as_tpl_advance(p) ? body : NULL;
}

static tpl_node *parse_if(tpl_parser *p)
{
    static const char *const ends[] = {"endif", "elif", "else", NULL};
    tpl_node *n = as_tpl_node(p, TPL_IF, p->now.line);
    while (n) {
        tpl_node *arm = as_tpl_node(p, TPL_ARM, p->now.line);
        if (!arm || !as_tpl_advance(p)) return NULL;
        arm->a = as_tpl_parse_tuple(p, TPL_NO_CHOICE);
        arm->b = arm->a ? parse_until(p, ends) : NULL;
        if (!arm->b || !as_tpl_close(p, arm) || !as_tpl_add_item(p, n, arm)) return NULL;
        if (as_tpl_is_name(p, "elif")) continue;
        bool has_else = as_tpl_is_name(p, "else");
        if (!as_tpl_advance(p)) return NULL;
        if (!has_else) break;
        n->b = parse_block(p, "endif");
        if (!n->b) return NULL;
        break;
    }
    return as_tpl_close(p, n);
}

/* Does a target bind `loop`, which is the loop's own? */
static bool takes_loop(const tpl_node *target)
{
    if (target->kind == TPL_NAME) return as_tpl_text_is(target->name, "loop");
    for (size_t i = 0; i < target->n; i++)
        if (takes_loop(target->item[i])) return true;
    return false;
}

static tpl_node *parse_for(tpl_parser *p)
{
    static const char *const ends[] = {"endfor", "else", NULL};
    tpl_node *n = as_tpl_node(p, TPL_FOR, p->now.line);
    if (!n || !as_tpl_advance(p)) return NULL;
    n->a = as_tpl_parse_tuple(p, TPL_TARGET | TPL_STOP_AT_IN);
    if (!n->a) return NULL;
    if (takes_loop(n->a)) {
        (void)as_fail(p->err, AS_EFORMAT, "target of a loop (found loop, expected another name)");
        return NULL;
    }
    if (!as_tpl_is_name(p, "in")) {
        (void)as_tpl_unexpected(p, "in");
        return NULL;
    }
    if (!as_tpl_advance(p)) return NULL;
    n->b = as_tpl_parse_tuple(p, TPL_NO_CHOICE);
    if (!n->b) return NULL;
    if (as_tpl_is_name(p, "if")) {
        n->c = as_tpl_advance(p) ? as_tpl_parse_expr(p) : NULL;
        if (!n->c) return NULL;
    }
    if (as_tpl_is_name(p, "recursive")) {
        (void)as_fail(p->err, AS_EFORMAT, "'recursive' loops are not supported");
        return NULL;
    }
    p->loops++;
    n->d = parse_until(p, ends);
    p->loops--;
    if (!n->d) return NULL;
    bool has_else = as_tpl_is_name(p, "else");
    if (!as_tpl_advance(p)) return NULL;
    if (has_else) {
        tpl_node *other = parse_block(p, "endfor");
        if (!other || !as_tpl_add_item(p, n, other)) return NULL;
    }
    return as_tpl_close(p, n);
}

/* A body that break and continue do not leave. */
static tpl_node *parse_closed(tpl_parser *p, const char *end)
{
    size_t loops = p->loops;
    p->loops = 0;
    tpl_node *body = parse_block(p, end);
    p->loops = loops;
    return body;
}

static tpl_node *parse_set(tpl_parser *p)
{
    tpl_node *n = as_tpl_node(p, TPL_SET, p->now.line);
    if (!n || !as_tpl_advance(p)) return NULL;
    n->a = as_tpl_parse_tuple(p, TPL_TARGET);
    if (!n->a) return NULL;
    if (as_tpl_is_op(p, '=')) {
        n->b = as_tpl_advance(p) ? as_tpl_parse_tuple(p, 0) : NULL;
        return n->b ? as_tpl_close(p, n) : NULL;
    }
    n->kind = TPL_CAPTURE;
    if (as_tpl_is_op(p, '|')) {
        n->b = as_tpl_parse_filters(p, as_tpl_node(p, TPL_INPUT, p->now.line));
        if (!n->b) return NULL;
    }
    n->c = parse_closed(p, "endset");
    return n->c ? as_tpl_close(p, n) : NULL;
}

/* "(a, b, c=1)": names into n->key, defaults of the last ones into n->item. */
static bool parse_parameters(tpl_parser *p, tpl_node *n)
{
    enum { MOST = 64 };
    uint64_t hash;
    n->key = as_arena_push(p->arena, MOST, sizeof *n->key, p->err);
    if (!n->key || !as_tpl_expect_op(p, '(', "(")) return false;
    while (!as_tpl_is_op(p, ')')) {
        if (n->n_named > 0 && !as_tpl_expect_op(p, ',', ",")) return false;
        if (n->n_named == MOST)
            return as_fail(p->err, AS_ELIMIT, "parameters (found more than %d)", MOST);
        const tpl_text *name = as_tpl_parse_name(p, &hash);
        if (!name) return false;
        for (size_t i = 0; i < n->n_named; i++)
            if (as_tpl_same_text(n->key[i], name))
                return as_fail(p->err, AS_EFORMAT, "parameter '%s' given twice", name->bytes);
        n->key[n->n_named++] = name;
        if (as_tpl_is_op(p, '=')) {
            tpl_node *value = as_tpl_advance(p) ? as_tpl_parse_expr(p) : NULL;
            if (!value || !as_tpl_add_item(p, n, value)) return false;
        } else if (n->n > 0) {
            return as_fail(p->err, AS_EFORMAT, "parameter without a default after one with");
        }
    }
    return as_tpl_advance(p);
}

static tpl_node *parse_macro(tpl_parser *p)
{
    tpl_node *n = as_tpl_node(p, TPL_DEFINE, p->now.line);
    const tpl_text *outer = p->macro;
    if (!n || !as_tpl_advance(p)) return NULL;
    n->name = as_tpl_parse_name(p, &n->hash);
    if (!n->name) return NULL;
    p->macro = n->name;
    n->a = parse_parameters(p, n) ? parse_closed(p, "endmacro") : NULL;
    p->macro = outer;
    return n->a ? as_tpl_close(p, n) : NULL;
}

/* {% generation %} only marks what the assistant says; its names are its own. */
static tpl_node *parse_generation(tpl_parser *p)
{
    tpl_node *n = as_tpl_node(p, TPL_SCOPE, p->now.line);
    if (!n || !as_tpl_advance(p)) return NULL;
    n->a = parse_closed(p, "endgeneration");
    return n->a ? as_tpl_close(p, n) : NULL;
}

static tpl_node *parse_jump(tpl_parser *p)
{
    tpl_node *n =
        as_tpl_node(p, as_tpl_is_name(p, "break") ? TPL_BREAK : TPL_CONTINUE, p->now.line);
    if (p->loops > 0) return n && as_tpl_advance(p) ? n : NULL;
    (void)as_fail(p->err, AS_EFORMAT, "break or continue outside of a loop");
    return NULL;
}

typedef struct {
    const char *name;
    tpl_node *(*parse)(tpl_parser *p); /* NULL: known and refused */
} tag;

static tpl_node *parse_statement(tpl_parser *p)
{
    static const tag tags[] = {{"if", parse_if},
                               {"for", parse_for},
                               {"set", parse_set},
                               {"macro", parse_macro},
                               {"generation", parse_generation},
                               {"break", parse_jump},
                               {"continue", parse_jump},
                               {"call", NULL},
                               {"filter", NULL},
                               {"with", NULL},
                               {"print", NULL},
                               {"block", NULL},
                               {"extends", NULL},
                               {"include", NULL},
                               {"import", NULL},
                               {"from", NULL},
                               {"autoescape", NULL}};
    char shown[AS_ESCAPE_SIZE];
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        if (!as_tpl_is_name(p, tags[i].name)) continue;
        if (tags[i].parse) return tags[i].parse(p);
        (void)as_fail(p->err, AS_EFORMAT, "tag '%s' is not supported", tags[i].name);
        return NULL;
    }
    if (p->now.kind == TPL_T_NAME)
        (void)as_fail(p->err, AS_EFORMAT, "unknown tag '%s'", as_tpl_token_text(&p->now, shown));
    else
        (void)as_tpl_unexpected(p, "the name of a tag");
    return NULL;
}

/* Does the tag that opens here close or continue a block? */
static bool is_block_end(const tpl_parser *p)
{
    static const char *const ends[] = {"endif",  "elif",     "else",          "endfor",
                                       "endset", "endmacro", "endgeneration", NULL};
    for (const char *const *e = ends; *e; e++)
        if (as_tpl_is_name(p, *e)) return true;
    return false;
}

static tpl_node *parse_data(tpl_parser *p)
{
    tpl_node *n = as_tpl_node(p, TPL_OUTPUT, p->now.line);
    tpl_node *value = n ? as_tpl_node(p, TPL_CONST, p->now.line) : NULL;
    const tpl_text *t =
        value ? as_tpl_text(p->arena, p->now.bytes, p->now.size, false, p->err) : NULL;
    if (!t) return NULL;
    value->value = as_tpl_of_text(t);
    n->a = value;
    return as_tpl_advance(p) ? as_tpl_close(p, n) : NULL;
}

static tpl_node *parse_print(tpl_parser *p)
{
    tpl_node *n = as_tpl_node(p, TPL_OUTPUT, p->now.line);
    if (!n || !as_tpl_advance(p)) return NULL;
    n->a = as_tpl_parse_tuple(p, 0);
    if (!n->a || !expect_kind(p, TPL_T_PRINT_CLOSE, "}}")) return NULL;
    return as_tpl_close(p, n);
}

/* Up to the end of the template, or to the name of a tag that ends a block. */
tpl_node *as_tpl_parse_body(tpl_parser *p)
{
    tpl_node *n = as_tpl_node(p, TPL_BLOCK, p->now.line), *part = n;
    if (!n || !as_tpl_enter(p)) return NULL;
    p->nesting += LEVEL - 1;
    while (part && p->now.kind != TPL_T_END) {
        if (p->now.kind == TPL_T_DATA) {
            part = parse_data(p);
        } else if (p->now.kind == TPL_T_PRINT_OPEN) {
            part = parse_print(p);
        } else {
            if (!as_tpl_advance(p)) return NULL;
            if (is_block_end(p)) break;
            part = parse_statement(p);
            if (part && !expect_kind(p, TPL_T_TAG_CLOSE, "%}")) return NULL;
        }
        if (part && !as_tpl_add_item(p, n, part)) return NULL;
    }
    p->nesting -= LEVEL;
    return part ? as_tpl_close(p, n) : NULL;
}
