/* The insides of the template interpreter: tokens, tree, values, and the machine that walks them.
 * Everything lives in one of two arenas: the template's (tree and constants, never changed after
 * parsing) or the run's. Strings know which of their bytes came from the chat. */
#ifndef AS_ENGINE_TEXT_TEMPLATE_INTERNAL_H
#define AS_ENGINE_TEXT_TEMPLATE_INTERNAL_H

#include "base/arena.h"
#include "engine/text/template.h"

enum {
    TPL_HEIGHT = 400, /* of the tree, which chains of operators make higher than they are nested */
    TPL_DEPTH = 2500, /* nodes being evaluated inside each other: the C stack */
    TPL_SLOTS = 5     /* most parameters of a built-in */
};

/* ---- values ---- */

/* UTF-8 bytes, borrowed from the arena or from what the arena outlives. */
typedef struct {
    const char *bytes;
    size_t size, n;               /* bytes, code points */
    const as_template_span *span; /* bytes from the chat: in order, not empty, not touching */
    size_t n_spans;
    as_template_span one; /* where `span` points when there is one */
    bool is_safe;         /* came from `safe` or `escape`: Markup, which most operations refuse */
} tpl_text;

typedef enum {
    TPL_MISSING, /* an argument not given; never a value */
    TPL_UNDEFINED,
    TPL_NONE,
    TPL_BOOL,
    TPL_INT,
    TPL_REAL,
    TPL_TEXT,
    TPL_LIST,
    TPL_TUPLE,
    TPL_RANGE, /* a list that cannot be printed */
    TPL_VIEW,  /* keys, values, items of a mapping: has a length, no elements to pick */
    TPL_ITER,  /* can be walked once */
    TPL_DICT,
    TPL_SPACE, /* namespace(): the one thing that can change */
    TPL_LOOP,
    TPL_MACRO,
    TPL_FUNCTION,
    TPL_METHOD
} tpl_kind;

typedef struct tpl_value tpl_value;
typedef struct tpl_list tpl_list;
typedef struct tpl_dict tpl_dict;
typedef struct tpl_loop tpl_loop;
typedef struct tpl_node tpl_node;
typedef struct tpl_builtin tpl_builtin;
typedef struct tpl_macro tpl_macro;
typedef struct tpl_method tpl_method;
typedef struct tpl_run tpl_run;

struct tpl_value {
    tpl_kind kind;
    union {
        bool b;
        int64_t i;
        double f;
        const tpl_text *text; /* TPL_TEXT; TPL_UNDEFINED: what was looked for, may be NULL */
        tpl_list *list;       /* LIST TUPLE RANGE VIEW ITER */
        tpl_dict *dict;       /* DICT SPACE */
        tpl_loop *loop;
        const tpl_macro *macro;
        const tpl_builtin *function;
        const tpl_method *method;
    };
};

struct tpl_list {
    tpl_value *item;
    size_t n;
    size_t next; /* ITER: items already walked */
    bool *seen;  /* set when walked or indexed; NULL when nobody asks */
};

typedef struct {
    tpl_value key, value;
    uint64_t hash;
} tpl_entry;

struct tpl_dict { /* in order of insertion */
    tpl_entry *entry;
    size_t n, room;
};

struct tpl_method {
    tpl_value self;
    const tpl_builtin *function;
};

/* Arguments of a call, evaluated. */
typedef struct {
    const tpl_value *pos;
    size_t n;
    const tpl_text *const *key;
    const tpl_value *named;
    size_t n_named;
} tpl_args;

/* A filter, method or global function. With `params` ("old new count?", ? optional) arguments are
 * bound to slots, TPL_MISSING where not given; without, fn reads args itself. `in` is the filtered
 * value or the method's object. */
struct tpl_builtin {
    const char *name, *params;
    bool (*fn)(tpl_run *r, const tpl_value *in, const tpl_value *slot, const tpl_args *args,
               tpl_value *out);
};

typedef struct {
    const char *name;
    size_t n_args;
    bool (*fn)(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out);
} tpl_test;

/* ---- tree ---- */

typedef enum {
    /* expressions */
    TPL_CONST,  /* value */
    TPL_NAME,   /* name */
    TPL_ATTR,   /* a.name */
    TPL_ITEM,   /* a[b] */
    TPL_SLICE,  /* a[b:c:d], parts may be NULL */
    TPL_CALL,   /* a(args) */
    TPL_FILTER, /* a|builtin(args) */
    TPL_IS,     /* a is test(args); op: negated */
    TPL_UNARY,  /* op a: '-' '+' '!' */
    TPL_BINARY, /* a op b */
    TPL_AND,
    TPL_OR,
    TPL_COMPARE, /* a (op child)...: item[i] is a TPL_OPERAND */
    TPL_OPERAND, /* op a */
    TPL_CONCAT,  /* item ~ item ... */
    TPL_CHOICE,  /* a if b else c (c may be NULL) */
    TPL_MAKE_LIST,
    TPL_MAKE_TUPLE,
    TPL_MAKE_DICT, /* item: key, value, key, value ... */
    TPL_INPUT,     /* what {% set %} captured, at the root of its filters */
    TPL_FIELD,     /* name.key[0] as a target: an attribute of a namespace */
    /* statements */
    TPL_BLOCK,   /* item */
    TPL_OUTPUT,  /* a */
    TPL_IF,      /* item: TPL_ARM ...; b: else, may be NULL */
    TPL_ARM,     /* a: condition, b: body */
    TPL_FOR,     /* a: target, b: iterable, c: condition or NULL, d: body, item[0]: else, if any */
    TPL_SET,     /* a: target, b: value */
    TPL_CAPTURE, /* a: target, b: filters over TPL_INPUT, or NULL, c: body */
    TPL_DEFINE,  /* macro name; key: parameters, item: defaults of the last ones; a: body */
    TPL_SCOPE,   /* a: body, with names of its own */
    TPL_BREAK,
    TPL_CONTINUE
} tpl_node_kind;

/* Operators of two characters. */
#define TPL_OP2(a, b) ((a) << 8 | (b))
enum { TPL_OP_IN = 256 * 256, TPL_OP_NOT_IN };

struct tpl_node {
    tpl_node_kind kind;
    int op;
    size_t line, height;
    tpl_node *a, *b, *c, *d;
    tpl_node **item; /* parts; positional arguments */
    size_t n;
    const tpl_text **key; /* names of keyword arguments or of parameters */
    tpl_node **named;     /* values of keyword arguments */
    size_t n_named;
    const tpl_text *name;
    uint64_t hash; /* of name */
    tpl_value value;
    const tpl_builtin *builtin;
    const tpl_test *test;
};

struct as_template {
    as_arena *arena;
    const char *name; /* escaped, for messages */
    tpl_node *root;
};

/* ---- tokens (template_lex.c) ---- */

typedef enum {
    TPL_T_END,
    TPL_T_DATA,
    TPL_T_PRINT_OPEN,
    TPL_T_PRINT_CLOSE,
    TPL_T_TAG_OPEN,
    TPL_T_TAG_CLOSE,
    TPL_T_NAME,
    TPL_T_TEXT, /* decoded */
    TPL_T_INT,
    TPL_T_REAL,
    TPL_T_OP
} tpl_token_kind;

typedef struct {
    tpl_token_kind kind;
    int op;
    size_t line;
    const char *bytes; /* DATA NAME TEXT */
    size_t size;
    int64_t i;
    double f;
} tpl_token;

typedef struct {
    const char *text; /* newlines are \n */
    size_t size, at;
    size_t line, line_at; /* line of the byte at line_at */
    enum { TPL_IN_DATA, TPL_IN_PRINT, TPL_IN_TAG } state;
    bool is_line_start, has_ahead;
    tpl_token ahead; /* the tag that ended the last data */
    char closer[AS_TEMPLATE_NESTING];
    size_t n_open;
    as_arena *arena;
    as_error *err;
} tpl_lexer;

/* `text` is valid UTF-8 without NUL; copied. */
AS_MUST_CHECK bool as_tpl_lexer_init(tpl_lexer *x, as_arena *a, const char *text, size_t size,
                                     as_error *err);
AS_MUST_CHECK bool as_tpl_lex(tpl_lexer *x, tpl_token *out);
const char *as_tpl_token_text(const tpl_token *t, char out[AS_ESCAPE_SIZE]); /* for messages */

/* ---- parser (template_parse.c, template_parse_expr.c) ---- */

typedef struct {
    tpl_lexer lex;
    tpl_token now, ahead; /* the token being looked at, and the next one */
    size_t nesting, loops;
    const tpl_text *macro; /* being defined; NULL outside */
    as_arena *arena;
    as_error *err;
} tpl_parser;

AS_MUST_CHECK bool as_tpl_advance(tpl_parser *p);
bool as_tpl_is_op(const tpl_parser *p, int op);
bool as_tpl_is_name(const tpl_parser *p, const char *name);
AS_MUST_CHECK bool as_tpl_expect_op(tpl_parser *p, int op, const char *shown);
bool as_tpl_unexpected(tpl_parser *p, const char *expected); /* fails, returns false */
AS_MUST_CHECK bool as_tpl_enter(tpl_parser *p);              /* one level deeper; p->nesting-- */
tpl_node *as_tpl_node(tpl_parser *p, tpl_node_kind kind, size_t line);
AS_MUST_CHECK bool as_tpl_add_item(tpl_parser *p, tpl_node *n, tpl_node *child);
/* n with its height set from its children; NULL when too high, or n is NULL. */
tpl_node *as_tpl_close(tpl_parser *p, tpl_node *n);
const tpl_text *as_tpl_parse_name(tpl_parser *p, uint64_t *hash);

typedef enum { TPL_NO_CHOICE = 1, TPL_STOP_AT_IN = 2, TPL_EMPTY_OK = 4, TPL_TARGET = 8 } tpl_how;

tpl_node *as_tpl_parse_expr(tpl_parser *p);
/* Expressions with commas between make a tuple; `how` is a set of tpl_how. */
tpl_node *as_tpl_parse_tuple(tpl_parser *p, int how);
tpl_node *as_tpl_parse_filters(tpl_parser *p, tpl_node *input);
tpl_node *as_tpl_parse_body(tpl_parser *p);

/* ---- machine ---- */

typedef struct tpl_bind {
    const tpl_text *name;
    uint64_t hash;
    tpl_value value;
    struct tpl_bind *next;
} tpl_bind;

typedef struct tpl_scope {
    struct tpl_scope *up;
    tpl_bind *first;
} tpl_scope;

struct tpl_macro {
    const tpl_node *node;
    tpl_scope *scope; /* where it was defined */
};

/* Text in the making: pieces in order. */
typedef struct tpl_piece {
    const char *bytes;
    size_t size;
    bool is_content;
    struct tpl_piece *next;
} tpl_piece;

typedef struct {
    tpl_piece *first, *last;
    size_t size;
    bool is_output; /* the limit of the output instead of that of strings */
} tpl_rope;

struct tpl_run {
    as_arena *arena;
    as_error *err;
    size_t steps, depth, calls;
    tpl_scope *scope;
    tpl_rope *out;
    tpl_value input; /* of TPL_INPUT */
    bool is_placed;  /* the error knows its line */
};

struct tpl_loop {
    tpl_list *list;
    size_t own_next, *next; /* items taken; of an iterator, its own count */
    const tpl_node *node;
    tpl_scope *scope; /* around the loop, for its condition */
    bool has_current, has_after, has_length, has_ended_round;
    tpl_value current, before, after;
    size_t index0, length;
};

/* Evaluates n. template_expr.c */
AS_MUST_CHECK bool as_tpl_eval(tpl_run *r, const tpl_node *n, tpl_value *out);
AS_MUST_CHECK bool as_tpl_attr(tpl_run *r, const tpl_value *v, const tpl_text *name, uint64_t hash,
                               tpl_value *out);
AS_MUST_CHECK bool as_tpl_item(tpl_run *r, const tpl_value *v, const tpl_value *key,
                               tpl_value *out);
AS_MUST_CHECK bool as_tpl_binary(tpl_run *r, int op, const tpl_value *a, const tpl_value *b,
                                 tpl_value *out); /* template_number.c */

/* template_run.c */
AS_MUST_CHECK bool as_tpl_exec_root(tpl_run *r, const tpl_node *root);
AS_MUST_CHECK bool as_tpl_call_macro(tpl_run *r, const tpl_macro *m, const tpl_args *args,
                                     tpl_value *out);
AS_MUST_CHECK bool as_tpl_bind_name(tpl_run *r, tpl_scope *s, const tpl_text *name, uint64_t hash,
                                    const tpl_value *v);
AS_MUST_CHECK bool as_tpl_loop_attr(tpl_run *r, tpl_loop *loop, const tpl_text *name,
                                    tpl_value *out);
AS_MUST_CHECK bool as_tpl_loop_length(tpl_run *r, tpl_loop *loop, size_t *out);
/* Remembers where an error is, once. */
void as_tpl_place(tpl_run *r, const tpl_node *n);

/* ---- values (template_value.c) ---- */

AS_MUST_CHECK bool as_tpl_step(tpl_run *r, size_t n);
void *as_tpl_new(tpl_run *r, size_t n, size_t size);

uint64_t as_tpl_hash_text(const char *bytes, size_t size);
bool as_tpl_text_is(const tpl_text *t, const char *word);
bool as_tpl_same_text(const tpl_text *a, const tpl_text *b);
/* Borrows bytes. NULL on error. */
const tpl_text *as_tpl_text(as_arena *a, const char *bytes, size_t size, bool is_content,
                            as_error *err);
/* Bytes [start, end) of t, at character borders. */
const tpl_text *as_tpl_slice(tpl_run *r, const tpl_text *t, size_t start, size_t end);
/* The byte where code point i starts; t->size for i >= t->n. */
AS_MUST_CHECK bool as_tpl_offset(tpl_run *r, const tpl_text *t, size_t i, size_t *out);
/* The longest stretch from `at` on that is all content or all not. Returns its end. */
size_t as_tpl_stretch(const tpl_text *t, size_t at, bool *is_content);

AS_MUST_CHECK bool as_tpl_rope_add(tpl_run *r, tpl_rope *rope, const char *bytes, size_t size,
                                   bool is_content);
AS_MUST_CHECK bool as_tpl_rope_puts(tpl_run *r, tpl_rope *rope, const char *text);
AS_MUST_CHECK bool as_tpl_rope_text(tpl_run *r, tpl_rope *rope, const tpl_text *t);
/* Bytes made on the spot: copied. */
AS_MUST_CHECK bool as_tpl_rope_copy(tpl_run *r, tpl_rope *rope, const char *bytes, size_t size,
                                    bool is_content);
AS_MUST_CHECK bool as_tpl_rope_value(tpl_run *r, const tpl_rope *rope, tpl_value *out);

tpl_value as_tpl_bool(bool b);
tpl_value as_tpl_int(int64_t i);
tpl_value as_tpl_of_text(const tpl_text *t);
tpl_value as_tpl_undefined(const tpl_text *name);
AS_MUST_CHECK bool as_tpl_list_new(tpl_run *r, tpl_kind kind, size_t n, tpl_value *out);
tpl_dict *as_tpl_dict_new(tpl_run *r);
AS_MUST_CHECK bool as_tpl_hash(tpl_run *r, const tpl_value *key, uint64_t *out);
/* *out is NULL when there is none. */
AS_MUST_CHECK bool as_tpl_find(tpl_run *r, const tpl_dict *d, const tpl_value *key, uint64_t hash,
                               tpl_entry **out);
AS_MUST_CHECK bool as_tpl_put(tpl_run *r, tpl_dict *d, const tpl_value *key,
                              const tpl_value *value);

/* ---- what holds of values (template_compare.c) ---- */

const char *as_tpl_kind_name(tpl_kind kind);
bool as_tpl_fail_kind(tpl_run *r, const char *what, const tpl_value *v, const char *expected);
bool as_tpl_fail_name(tpl_run *r, const char *what, const tpl_text *name, const char *expected);
/* Fails when v is undefined, naming it. */
AS_MUST_CHECK bool as_tpl_defined(tpl_run *r, const tpl_value *v);
AS_MUST_CHECK bool as_tpl_truth(tpl_run *r, const tpl_value *v, bool *out);
AS_MUST_CHECK bool as_tpl_equal(tpl_run *r, const tpl_value *a, const tpl_value *b, bool *out);
/* a op b for == != < <= > >=, in, not in. */
AS_MUST_CHECK bool as_tpl_compare(tpl_run *r, int op, const tpl_value *a, const tpl_value *b,
                                  bool *out);
/* The items of anything that can be walked; walks an iterator to its end. */
AS_MUST_CHECK bool as_tpl_items(tpl_run *r, const tpl_value *v, tpl_list **out);
AS_MUST_CHECK bool as_tpl_length(tpl_run *r, const tpl_value *v, size_t *out);
bool as_tpl_is_number(const tpl_value *v, int64_t *i); /* bool or int */

/* ---- values as text (template_print.c, template_case.c) ---- */

/* str(v) as Python writes it. */
AS_MUST_CHECK bool as_tpl_print(tpl_run *r, tpl_rope *rope, const tpl_value *v);
AS_MUST_CHECK bool as_tpl_to_text(tpl_run *r, const tpl_value *v, const tpl_text **out);
AS_MUST_CHECK bool as_tpl_json(tpl_run *r, const tpl_value *v, const tpl_value *slot,
                               tpl_value *out); /* slots of the tojson filter */

typedef enum { TPL_LOWER, TPL_UPPER, TPL_CAPITALIZE, TPL_TITLE, TPL_TITLE_WORDS } tpl_case;
/* TPL_TITLE is Python's title(), TPL_TITLE_WORDS the filter's. */
AS_MUST_CHECK bool as_tpl_case(tpl_run *r, const tpl_text *t, tpl_case how, tpl_value *out);
bool as_tpl_is_blank(uint32_t cp);     /* str.isspace */
bool as_tpl_is_line_end(uint32_t cp);  /* ends a line for str.splitlines */
bool as_tpl_is_printable(uint32_t cp); /* str.isprintable */

/* ---- built-ins (template_filter.c, template_select.c, template_test.c, template_method.c) ---- */

AS_MUST_CHECK bool as_tpl_call(tpl_run *r, const tpl_builtin *f, const tpl_value *in,
                               const tpl_args *args, tpl_value *out);
const tpl_builtin *as_tpl_find_filter(const char *name, size_t size);
const tpl_test *as_tpl_find_test(const char *name, size_t size);
const tpl_builtin *as_tpl_find_function(const tpl_text *name);
extern const tpl_builtin as_tpl_selections[]; /* the filters of template_select.c, closed by {0} */
/* The method of v called `name`: NULL when v has none. Fails for one that exists but is not
 * supported or not safe. */
AS_MUST_CHECK bool as_tpl_find_method(tpl_run *r, const tpl_value *v, const tpl_text *name,
                                      const tpl_builtin **out);

/* Pieces shared by filters and methods (template_words.c). */
AS_MUST_CHECK bool as_tpl_strip(tpl_run *r, const tpl_text *t, const tpl_value *chars, bool left,
                                bool right, tpl_value *out);
AS_MUST_CHECK bool as_tpl_replace(tpl_run *r, const tpl_text *t, const tpl_text *old,
                                  const tpl_text *new_, int64_t count, tpl_value *out);
AS_MUST_CHECK bool as_tpl_split(tpl_run *r, const tpl_text *t, const tpl_text *sep, int64_t most,
                                bool from_right, tpl_value *out); /* sep NULL: blanks */
AS_MUST_CHECK bool as_tpl_lines(tpl_run *r, const tpl_text *t, bool keep_ends, tpl_value *out);
AS_MUST_CHECK bool as_tpl_join(tpl_run *r, const tpl_text *sep, const tpl_list *items, bool strict,
                               tpl_value *out); /* strict: texts only */
/* The byte where `part` starts in t at or after `from`; SIZE_MAX when nowhere. */
AS_MUST_CHECK bool as_tpl_search(tpl_run *r, const tpl_text *t, const tpl_text *part, size_t from,
                                 size_t *out);
AS_MUST_CHECK bool as_tpl_cut(tpl_run *r, const tpl_value *v, const tpl_value part[3],
                              tpl_value *out); /* v[a:b:c] */

#endif
