/* From a check's entry in the plan to typed arguments. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/audit/audit.h"

typedef struct {
    const as_check *check;
    const as_tree *entry;
    const as_scope *scope;
    as_arena *arena;
    const char **absent;
    as_error *err;
} binding;

/* One written value: a scalar of the plan, or a word of a fallback (then at is the entry). */
typedef struct {
    const char *text;
    const as_tree *at;
} written;

static bool push(const binding *b, void *out, size_t n, size_t size)
{
    void *p = as_arena_push(b->arena, n ? n : 1, size, b->err);
    if (!p) return false;
    memcpy(out, &p, sizeof p);
    return true;
}

static const as_table *find_table(const as_scope *scope, const char *name, size_t size)
{
    for (size_t i = 0; i < scope->n_tables; i++)
        if (strlen(scope->table[i].name) == size && memcmp(scope->table[i].name, name, size) == 0)
            return &scope->table[i];
    return NULL;
}

static bool unknown_table(const binding *b, const written *w, size_t size)
{
    char shown[AS_ESCAPE_SIZE];
    const char **names = NULL;
    if (!push(b, &names, b->scope->n_tables + 1, sizeof *names)) return false;
    for (size_t i = 0; i < b->scope->n_tables; i++) names[i] = b->scope->table[i].name;
    char *word = as_arena_copy(b->arena, w->text, size, b->err);
    if (!word) return false;
    const char *near = as_nearest(word, names);
    return as_tree_fail(w->at, b->err, "table (found %s, expected one under tables%s%s)",
                        as_escape(word, size, shown), near ? "; nearest: " : "", near ? near : "");
}

static bool read_table(const binding *b, const written *w, const as_table **out)
{
    *out = find_table(b->scope, w->text, strlen(w->text));
    if (!*out) return unknown_table(b, w, strlen(w->text));
    if ((*out)->absent && !*b->absent) *b->absent = (*out)->absent;
    return true;
}

static bool read_column(const binding *b, const written *w, const as_column **out)
{
    char shown[AS_ESCAPE_SIZE];
    const char *dot = strchr(w->text, '.');
    if (!dot)
        return as_tree_fail(w->at, b->err, "column (found %s, expected TABLE.COLUMN)",
                            as_escape(w->text, strlen(w->text), shown));
    const as_table *t = find_table(b->scope, w->text, (size_t)(dot - w->text));
    if (!t) return unknown_table(b, w, (size_t)(dot - w->text));
    if (t->absent) {
        if (!*b->absent) *b->absent = t->absent;
        *out = NULL;
        return true;
    }
    *out = as_column_find(t, dot + 1);
    if (*out) return true;
    const char **names = NULL;
    if (!push(b, &names, t->n_columns + 1, sizeof *names)) return false;
    for (size_t i = 0; i < t->n_columns; i++) names[i] = t->column[i].name;
    const char *near = as_nearest(dot + 1, names);
    return as_tree_fail(w->at, b->err, "column (found %s, expected a column of table %s%s%s)",
                        as_escape(dot + 1, strlen(dot + 1), shown), t->name,
                        near ? "; nearest: " : "", near ? near : "");
}

/* Is x inside p's range, if it has one? */
static bool in_range(const as_param *p, double x)
{
    char *end = NULL;
    if (!p->choices) return true;
    double lo = strtod(p->choices, &end), hi = strtod(end + 4, NULL); /* "LO to HI", ours */
    return x >= lo && x <= hi;
}

/* Numbers are read through as_tree_double; a fallback's word or a fact borrows a node for it. */
static bool parse_number(const binding *b, const as_param *p, const written *w, double *out)
{
    as_tree word = {.kind = AS_TREE_TEXT,
                    .key = p->name,
                    .text = w->text,
                    .parent = b->entry,
                    .file = w->at->file,
                    .line = w->at->line,
                    .column = w->at->column};
    const as_tree *node = w->text == w->at->text ? w->at : &word;
    size_t size = 0;
    bool flag = false;
    switch (p->type) {
    case AS_PARAM_SIZE:
        if (!as_tree_size(node, &size, b->err)) return false;
        *out = (double)size;
        return true;
    case AS_PARAM_FLAG:
        if (!as_tree_bool(node, &flag, b->err)) return false;
        *out = flag;
        return true;
    default:
        return as_tree_double(node, out, b->err);
    }
}

static bool read_number(const binding *b, const as_param *p, const written *w, double *out)
{
    char shown[AS_ESCAPE_SIZE];
    if (!parse_number(b, p, w, out)) return false;
    if (in_range(p, *out)) return true;
    return as_tree_fail(w->at, b->err, "%s%svalue (found %s, expected %s)",
                        w->at == b->entry ? p->name : "", w->at == b->entry ? ": " : "",
                        as_escape(w->text, strlen(w->text), shown), p->choices);
}

static bool is_choice(const char *choices, const char *word)
{
    size_t size = strlen(word);
    for (const char *c = choices; c && *c;) {
        const char *bar = strchr(c, '|');
        size_t len = bar ? (size_t)(bar - c) : strlen(c);
        if (len == size && memcmp(c, word, size) == 0) return true;
        c = bar ? bar + 1 : NULL;
    }
    return false;
}

static bool read_check(const binding *b, const written *w, as_arg *arg)
{
    char shown[AS_ESCAPE_SIZE];
    for (size_t i = 0; i < b->scope->n_done; i++) {
        const as_audit *d = &b->scope->done[i];
        if (strcmp(d->id, w->text) != 0) continue;
        if (d->n_stats == 0 && !*b->absent) {
            *b->absent = as_arena_printf(b->arena, b->err, "check %s was not measured", d->id);
            if (!*b->absent) return false;
        }
        arg->statistics = d->stats;
        arg->n = d->n_stats;
        return true;
    }
    return as_tree_fail(w->at, b->err, "check (found %s, expected the id of an earlier check)",
                        as_escape(w->text, strlen(w->text), shown));
}

static bool fill(const binding *b, const as_param *p, const written *w, size_t n, as_arg *arg)
{
    const as_column **column = NULL;
    const as_table **table = NULL;
    double *number = NULL;
    const char **text = NULL;
    arg->given = true;
    arg->n = n;
    switch (p->type) {
    case AS_PARAM_COLUMN:
    case AS_PARAM_COLUMNS:
        if (!push(b, &column, n, sizeof *column)) return false;
        for (size_t i = 0; i < n; i++)
            if (!read_column(b, &w[i], &column[i])) return false;
        arg->column = column;
        return true;
    case AS_PARAM_TABLES:
        if (!push(b, &table, n, sizeof *table)) return false;
        for (size_t i = 0; i < n; i++)
            if (!read_table(b, &w[i], &table[i])) return false;
        arg->table = table;
        return true;
    case AS_PARAM_NUMBER:
    case AS_PARAM_NUMBERS:
    case AS_PARAM_SIZE:
    case AS_PARAM_FLAG:
        if (!push(b, &number, n, sizeof *number)) return false;
        for (size_t i = 0; i < n; i++)
            if (!read_number(b, p, &w[i], &number[i])) return false;
        arg->number = number;
        return true;
    case AS_PARAM_CHECK:
        return read_check(b, &w[0], arg);
    case AS_PARAM_CHOICE:
        if (!is_choice(p->choices, w[0].text)) {
            char shown[AS_ESCAPE_SIZE];
            return as_tree_fail(w[0].at, b->err, "value (found %s, expected one of %s)",
                                as_escape(w[0].text, strlen(w[0].text), shown), p->choices);
        }
        break;
    case AS_PARAM_TEXT:
    case AS_PARAM_TEXTS:
    case AS_PARAM_MAP:
        break;
    }
    if (!push(b, &text, n, sizeof *text)) return false;
    for (size_t i = 0; i < n; i++) text[i] = w[i].text;
    arg->text = text;
    return true;
}

static bool takes_list(as_param_type type)
{
    return type == AS_PARAM_COLUMNS || type == AS_PARAM_TABLES || type == AS_PARAM_NUMBERS ||
           type == AS_PARAM_TEXTS;
}

/* A scalar's text, or the fact that "@TABLE.FACT" names. */
static bool read_text_or_fact(const binding *b, const as_tree *node, const char **out)
{
    char shown[AS_ESCAPE_SIZE];
    if (!as_tree_text(node, out, b->err)) return false;
    if ((*out)[0] != '@') return true;
    const char *dot = strchr(*out, '.');
    const as_table *t = dot ? find_table(b->scope, *out + 1, (size_t)(dot - *out - 1)) : NULL;
    const char *value = t ? as_fact_find(t, dot + 1) : NULL;
    if (t && t->absent && !*b->absent) *b->absent = t->absent;
    if (!value && !(t && t->absent))
        return as_tree_fail(node, b->err, "fact (found %s, expected @TABLE.FACT of this plan)",
                            as_escape(*out, strlen(*out), shown));
    *out = value ? value : "0"; /* absent: the check is not measured */
    return true;
}

static bool bind_map(const binding *b, const as_tree *node, as_arg *arg)
{
    const char **name = NULL, **text = NULL;
    if (!as_tree_kind_is(node, AS_TREE_MAP, b->err)) return false;
    if (!push(b, &name, node->n, sizeof *name) || !push(b, &text, node->n, sizeof *text))
        return false;
    for (size_t i = 0; i < node->n; i++) {
        name[i] = node->child[i]->key;
        if (!read_text_or_fact(b, node->child[i], &text[i])) return false;
    }
    *arg = (as_arg){.given = true, .name = name, .text = text, .n = node->n};
    return true;
}

static bool bind_node(const binding *b, const as_param *p, const as_tree *node, as_arg *arg)
{
    written *w = NULL;
    if (p->type == AS_PARAM_MAP) return bind_map(b, node, arg);
    if (node->kind == AS_TREE_LIST && takes_list(p->type)) {
        if (node->n == 0)
            return as_tree_fail(node, b->err, "list (found none, expected at least one)");
        if (!push(b, &w, node->n, sizeof *w)) return false;
        for (size_t i = 0; i < node->n; i++) {
            w[i].at = node->child[i];
            if (!read_text_or_fact(b, node->child[i], &w[i].text)) return false;
        }
        return fill(b, p, w, node->n, arg);
    }
    written one = {.at = node};
    if (!read_text_or_fact(b, node, &one.text)) return false;
    return fill(b, p, &one, 1, arg);
}

static bool bind_fallback(const binding *b, const as_param *p, as_arg *arg)
{
    if (!p->fallback)
        return as_tree_fail(b->entry, b->err, "%s (found nothing, expected %s)", p->name, p->help);
    if (p->fallback[0] == '\0') return true;
    written w[16];
    size_t n = 0;
    for (const char *at = p->fallback; *at && n < 16;) {
        size_t size = takes_list(p->type) ? strcspn(at, " ") : strlen(at);
        w[n].text = as_arena_copy(b->arena, at, size, b->err);
        w[n].at = b->entry;
        if (!w[n++].text) return false;
        at += size;
        at += strspn(at, " ");
    }
    return fill(b, p, w, n, arg);
}

bool as_args_bind(const as_check *check, const as_tree *entry, const as_scope *scope,
                  as_arena *arena, const as_arg **args, const char **absent, as_error *err)
{
    binding b = {check, entry, scope, arena, absent, err};
    size_t n = 0;
    *absent = NULL;
    while (check->params[n].name) n++;
    const char **names = NULL;
    as_arg *arg = NULL;
    if (!push(&b, &names, n + 4, sizeof *names) || !push(&b, &arg, n, sizeof *arg)) return false;
    for (size_t i = 0; i < n; i++) names[i] = check->params[i].name;
    names[n] = "check";
    names[n + 1] = "about";
    names[n + 2] = "effect";
    if (!as_tree_keys(entry, names, err)) return false;
    for (size_t i = 0; i < n; i++) {
        const as_tree *node = as_tree_find(entry, check->params[i].name);
        if (node ? !bind_node(&b, &check->params[i], node, &arg[i])
                 : !bind_fallback(&b, &check->params[i], &arg[i]))
            return false;
    }
    *args = arg;
    return true;
}

/* A fallback as a plan would have it: a list where the parameter takes one. */
static json_t *fallback_json(const as_param *p)
{
    if (!takes_list(p->type)) return json_string(p->fallback);
    json_t *list = json_array();
    for (const char *at = p->fallback; *at;) {
        size_t size = strcspn(at, " ");
        as_json_append(&list, json_stringn(at, size));
        at += size;
        at += strspn(at, " ");
    }
    return list;
}

json_t *as_args_json(const as_check *check, const as_tree *entry, as_error *err)
{
    json_t *out = json_object();
    for (const as_param *p = check->params; p->name; p++) {
        const as_tree *node = as_tree_find(entry, p->name);
        if (node)
            as_json_put(&out, p->name, as_tree_json(node, err));
        else if (p->fallback && p->fallback[0])
            as_json_put(&out, p->name, fallback_json(p));
    }
    if (!out) as_fail(err, AS_EMEM, "out of memory");
    return out;
}
