/* YAML events into a tree of texts. libyaml does the grammar; the limits, the places, aliases,
 * includes and overrides are here. libyaml never sees a NUL (it would end the text there) nor bytes
 * that are not UTF-8. */
#include "app/cli/plan_yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <yaml.h>

#include "base/file.h"

/* A file being read, and the one that included it. */
typedef struct frame {
    const char *path;
    const struct frame *up; /* NULL for the plan itself */
    size_t depth;           /* includes on the way down */
} frame;

/* What all files of one plan share. */
typedef struct {
    as_arena *arena;
    as_error *err;
    size_t n_nodes, n_bytes;
} loader;

typedef struct anchor {
    const char *name;
    const as_tree *node; /* NULL while it is being read */
    struct anchor *next;
} anchor;

/* One document. */
typedef struct {
    loader *l;
    const char *file;  /* in the arena */
    const char *shown; /* the same, escaped */
    const char *bytes; /* the whole text */
    yaml_parser_t parser;
    anchor *anchors;
} document;

static bool fail_at(const document *d, yaml_mark_t mark, as_class c, const char *fmt, ...)
    AS_PRINTF(4, 5);
static bool fail_at(const document *d, yaml_mark_t mark, as_class c, const char *fmt, ...)
{
    char what[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    as_fail(d->l->err, c, "%s", what);
    as_error_at(d->l->err, "%s:%zu:%zu", d->shown, mark.line + 1, mark.column + 1);
    return false;
}

/* Line and column of byte `at`, from 0, columns in characters. */
static yaml_mark_t mark_of(const char *text, size_t at)
{
    yaml_mark_t m = {.index = at};
    for (size_t i = 0; i < at; i++) {
        if (text[i] == '\n') {
            m.line++;
            m.column = 0;
        } else if (((unsigned char)text[i] & 0xC0) != 0x80) {
            m.column++;
        }
    }
    return m;
}

/* The next event, which the caller deletes. */
static bool next_event(document *d, yaml_event_t *e)
{
    yaml_parser_t *p = &d->parser;
    char shown[AS_ESCAPE_SIZE];
    if (yaml_parser_parse(p, e)) return true;
    if (p->error == YAML_MEMORY_ERROR) return as_fail(d->l->err, AS_EMEM, "out of memory");
    const char *what = p->problem ? p->problem : "malformed YAML";
    as_escape(what, strlen(what), shown);
    if (p->error == YAML_READER_ERROR)
        return fail_at(d, mark_of(d->bytes, p->problem_offset), AS_EFORMAT, "%s", shown);
    if (p->context)
        return fail_at(d, p->problem_mark, AS_EFORMAT, "%s, %s (which began at line %zu)",
                       p->context, shown, p->context_mark.line + 1);
    return fail_at(d, p->problem_mark, AS_EFORMAT, "%s", shown);
}

/* ---- nodes ---- */

static as_tree *new_node(document *d, yaml_mark_t mark, as_tree_kind kind, const as_tree *parent,
                         size_t depth)
{
    loader *l = d->l;
    if (kind != AS_TREE_TEXT && depth > AS_PLAN_MAX_DEPTH) {
        fail_at(d, mark, AS_ELIMIT, "nesting (found over %zu levels)", AS_PLAN_MAX_DEPTH);
        return NULL;
    }
    if (l->n_nodes == AS_PLAN_MAX_NODES) {
        fail_at(d, mark, AS_ELIMIT, "plan with aliases expanded has over %zu nodes",
                AS_PLAN_MAX_NODES);
        return NULL;
    }
    as_tree *t = as_arena_push(l->arena, 1, sizeof *t, l->err);
    if (!t) return NULL;
    l->n_nodes++;
    t->kind = kind;
    t->parent = parent;
    t->file = d->file;
    t->line = mark.line + 1;
    t->column = mark.column + 1;
    return t;
}

/* Room for the children doubles: at 0, 4, 8, 16, ... they move to an array of twice the size. */
static bool add_child(as_arena *a, as_tree *t, as_tree *child, as_error *err)
{
    if (t->n == 0 || (t->n >= 4 && (t->n & (t->n - 1)) == 0)) {
        as_tree **more = as_arena_push(a, t->n ? 2 * t->n : 4, sizeof(as_tree *), err);
        if (!more) return false;
        if (t->n) memcpy(more, t->child, t->n * sizeof *more);
        t->child = more;
    }
    t->child[t->n++] = child;
    return true;
}

static as_tree *find_child(const as_tree *t, const char *key)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->child[i]->key, key) == 0) return t->child[i];
    return NULL;
}

/* Only the tags that change nothing: text, list and mapping on their own kind. */
static bool check_tag(const document *d, yaml_mark_t mark, const yaml_char_t *tag, const char *own)
{
    char shown[AS_ESCAPE_SIZE];
    const char *text = (const char *)tag;
    if (!tag || strcmp(text, own) == 0) return true;
    as_escape(text, strlen(text), shown);
    return fail_at(d, mark, AS_EFORMAT, "tag (found %s, expected none: the schema gives the type)",
                   shown);
}

/* A scalar's text in the arena. */
static char *copy_scalar(document *d, const yaml_event_t *e)
{
    const char *text = (const char *)e->data.scalar.value;
    size_t size = e->data.scalar.length;
    if (!check_tag(d, e->start_mark, e->data.scalar.tag, YAML_STR_TAG)) return NULL;
    if (memchr(text, 0, size)) {
        fail_at(d, e->start_mark, AS_EFORMAT, "text holds a NUL");
        return NULL;
    }
    return as_arena_copy(d->l->arena, text, size, d->l->err);
}

/* ---- anchors and aliases ---- */

static anchor *find_anchor(const document *d, const char *name)
{
    for (anchor *a = d->anchors; a; a = a->next)
        if (strcmp(a->name, name) == 0) return a;
    return NULL;
}

/* Notes an anchor whose node is about to be read. */
static bool open_anchor(document *d, yaml_mark_t mark, const yaml_char_t *name, anchor **out)
{
    char shown[AS_ESCAPE_SIZE];
    const char *text = (const char *)name;
    *out = NULL;
    if (!name) return true;
    if (find_anchor(d, text))
        return fail_at(d, mark, AS_EFORMAT, "anchor &%s twice",
                       as_escape(text, strlen(text), shown));
    anchor *a = as_arena_push(d->l->arena, 1, sizeof *a, d->l->err);
    if (!a) return false;
    a->name = as_arena_text(d->l->arena, text, d->l->err);
    if (!a->name) return false;
    a->next = d->anchors;
    *out = d->anchors = a;
    return true;
}

/* A copy of what an anchor named, with the places of the original; texts are shared. */
static as_tree *copy_node(document *d, yaml_mark_t mark, const as_tree *from, const as_tree *parent,
                          size_t depth)
{
    as_tree *t = new_node(d, mark, from->kind, parent, depth);
    if (!t) return NULL;
    t->text = from->text;
    t->line = from->line;
    t->column = from->column;
    for (size_t i = 0; i < from->n; i++) {
        as_tree *child = copy_node(d, mark, from->child[i], t, depth + 1);
        if (!child || !add_child(d->l->arena, t, child, d->l->err)) return NULL;
        child->key = from->child[i]->key;
    }
    return t;
}

static as_tree *build_alias(document *d, const yaml_event_t *e, const as_tree *parent, size_t depth)
{
    char shown[AS_ESCAPE_SIZE];
    const char *name = (const char *)e->data.alias.anchor;
    const anchor *a = find_anchor(d, name);
    if (a && a->node) return copy_node(d, e->start_mark, a->node, parent, depth);
    fail_at(d, e->start_mark, AS_EFORMAT, a ? "alias *%s inside its own anchor" : "no anchor &%s",
            as_escape(name, strlen(name), shown));
    return NULL;
}

/* ---- events to nodes ---- */

static as_tree *build(document *d, const yaml_event_t *e, const as_tree *parent, size_t depth);

static bool build_list(document *d, as_tree *list, size_t depth)
{
    for (;;) {
        yaml_event_t e;
        if (!next_event(d, &e)) return false;
        bool end = e.type == YAML_SEQUENCE_END_EVENT;
        as_tree *child = end ? NULL : build(d, &e, list, depth + 1);
        yaml_event_delete(&e);
        if (end) return true;
        if (!child || !add_child(d->l->arena, list, child, d->l->err)) return false;
    }
}

/* The text of a mapping's key, new in `map`. */
static char *build_key(document *d, const as_tree *map, const yaml_event_t *e)
{
    char shown[AS_ESCAPE_SIZE];
    if (e->type != YAML_SCALAR_EVENT) {
        fail_at(d, e->start_mark, AS_EFORMAT, "key (found %s, expected text)",
                e->type == YAML_ALIAS_EVENT            ? "an alias"
                : e->type == YAML_SEQUENCE_START_EVENT ? "a list"
                                                       : "a mapping");
        return NULL;
    }
    if (e->data.scalar.anchor) {
        fail_at(d, e->start_mark, AS_EFORMAT, "anchor on a key");
        return NULL;
    }
    char *key = copy_scalar(d, e);
    if (!key) return NULL;
    const as_tree *first = find_child(map, key);
    as_escape(key, strlen(key), shown);
    if (first)
        fail_at(d, e->start_mark, AS_EFORMAT, "key \"%s\" twice (first at line %zu)", shown,
                first->line);
    else if (key[0] == 0)
        fail_at(d, e->start_mark, AS_EFORMAT, "empty key");
    else if (strcmp(key, "<<") == 0 && e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        fail_at(d, e->start_mark, AS_EFORMAT, "merge key << (expected the keys themselves)");
    else
        return key;
    return NULL;
}

static bool build_map(document *d, as_tree *map, size_t depth)
{
    for (;;) {
        yaml_event_t e;
        if (!next_event(d, &e)) return false;
        bool end = e.type == YAML_MAPPING_END_EVENT;
        yaml_mark_t mark = e.start_mark;
        char *key = end ? NULL : build_key(d, map, &e);
        yaml_event_delete(&e);
        if (end) return true;
        if (!key || !next_event(d, &e)) return false;
        bool is_alias = e.type == YAML_ALIAS_EVENT;
        as_tree *child = build(d, &e, map, depth + 1);
        yaml_event_delete(&e);
        if (!child || !add_child(d->l->arena, map, child, d->l->err)) return false;
        child->key = key;
        if (child->kind != AS_TREE_TEXT && !is_alias) {
            child->line = mark.line + 1;
            child->column = mark.column + 1;
        }
    }
}

static as_tree *build_collection(document *d, const yaml_event_t *e, const as_tree *parent,
                                 size_t depth)
{
    bool is_map = e->type == YAML_MAPPING_START_EVENT;
    const yaml_char_t *tag = is_map ? e->data.mapping_start.tag : e->data.sequence_start.tag;
    const yaml_char_t *name = is_map ? e->data.mapping_start.anchor : e->data.sequence_start.anchor;
    anchor *a;
    if (!check_tag(d, e->start_mark, tag, is_map ? YAML_MAP_TAG : YAML_SEQ_TAG) ||
        !open_anchor(d, e->start_mark, name, &a))
        return NULL;
    as_tree *t = new_node(d, e->start_mark, is_map ? AS_TREE_MAP : AS_TREE_LIST, parent, depth);
    if (!t || !(is_map ? build_map(d, t, depth) : build_list(d, t, depth))) return NULL;
    if (a) a->node = t;
    return t;
}

/* The node that begins with event e; the depth of recursion is bounded by new_node. */
static as_tree *build(document *d, const yaml_event_t *e, const as_tree *parent, size_t depth)
{
    anchor *a;
    if (e->type == YAML_ALIAS_EVENT) return build_alias(d, e, parent, depth);
    if (e->type != YAML_SCALAR_EVENT) return build_collection(d, e, parent, depth);
    if (!open_anchor(d, e->start_mark, e->data.scalar.anchor, &a)) return NULL;
    as_tree *t = new_node(d, e->start_mark, AS_TREE_TEXT, parent, depth);
    if (!t) return NULL;
    t->text = copy_scalar(d, e);
    if (!t->text) return NULL;
    if (a) a->node = t;
    return t;
}

/* ---- documents ---- */

/* The only document of the stream: its root. */
static as_tree *build_document(document *d)
{
    yaml_event_t e;
    as_tree *root = NULL;
    while (!root) {
        if (!next_event(d, &e)) return NULL;
        yaml_event_type_t type = e.type;
        bool is_empty = type == YAML_STREAM_END_EVENT ||
                        (type == YAML_SCALAR_EVENT && e.data.scalar.length == 0 &&
                         e.data.scalar.style == YAML_PLAIN_SCALAR_STYLE);
        bool is_node = type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_START_EVENT;
        if (is_empty)
            fail_at(d, e.start_mark, AS_EFORMAT, "empty document (expected a mapping)");
        else if (is_node && type != YAML_MAPPING_START_EVENT)
            fail_at(d, e.start_mark, AS_EFORMAT, "top level (found %s, expected a mapping)",
                    type == YAML_SEQUENCE_START_EVENT ? "a list" : "text");
        else if (is_node)
            root = build(d, &e, NULL, 1);
        yaml_event_delete(&e);
        if (is_node && !root) return NULL;
    }
    for (int k = 0; k < 2; k++) { /* the document's end, then the stream's */
        if (!next_event(d, &e)) return NULL;
        bool is_second = e.type == YAML_DOCUMENT_START_EVENT;
        if (is_second) fail_at(d, e.start_mark, AS_EFORMAT, "second document (expected one)");
        yaml_event_delete(&e);
        if (is_second) return NULL;
    }
    return root;
}

static as_tree *read_document(loader *l, const char *file, const char *bytes, size_t size)
{
    size_t bad;
    char shown[AS_ESCAPE_SIZE];
    as_escape(file, strlen(file), shown);
    document d = {
        .l = l, .file = as_arena_text(l->arena, file, l->err), .shown = shown, .bytes = bytes};
    if (!d.file) return NULL;
    if (size > AS_PLAN_MAX_BYTES - l->n_bytes) {
        as_fail(l->err, AS_ELIMIT, "%s: plan with its includes is over %zu bytes", shown,
                AS_PLAN_MAX_BYTES);
        return NULL;
    }
    l->n_bytes += size;
    const char *nul = size ? memchr(bytes, 0, size) : NULL;
    if (!as_utf8_valid(bytes, size, &bad)) {
        fail_at(&d, mark_of(bytes, bad), AS_EFORMAT, "invalid UTF-8 (byte 0x%02X)",
                (unsigned)(unsigned char)bytes[bad]);
        return NULL;
    }
    if (nul) {
        fail_at(&d, mark_of(bytes, (size_t)(nul - bytes)), AS_EFORMAT, "text holds a NUL");
        return NULL;
    }
    if (!yaml_parser_initialize(&d.parser)) {
        as_fail(l->err, AS_EMEM, "out of memory");
        return NULL;
    }
    yaml_parser_set_encoding(&d.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&d.parser, (const unsigned char *)bytes, size);
    as_tree *root = build_document(&d);
    yaml_parser_delete(&d.parser);
    return root;
}

/* ---- includes ---- */

static as_tree *read_file(loader *l, const char *path, const frame *up, const as_tree *item);

/* Adds to `root`, which had n_own keys of its own, what it lacks; later files win. */
static bool merge(loader *l, as_tree *root, size_t n_own, const as_tree *from)
{
    for (size_t i = 0; i < from->n; i++) {
        as_tree *child = from->child[i];
        size_t k = 0;
        while (k < root->n && strcmp(root->child[k]->key, child->key) != 0) k++;
        if (k < n_own) continue;
        child->parent = root;
        if (k < root->n)
            root->child[k] = child;
        else if (!add_child(l->arena, root, child, l->err))
            return false;
    }
    return true;
}

/* The path of the file that `item` names, beside at->path; not in a file being read already. */
static bool include_path(const as_tree *item, const frame *at, as_buf *out, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const char *path = at->path, *slash = strrchr(path, '/');
    as_buf dir = {0};
    bool ok = false;
    if (item->kind != AS_TREE_TEXT) {
        as_fail(err, AS_EFORMAT, "include (expected a list of file names)");
        goto out;
    }
    as_buf_add(&dir, path, slash ? (size_t)(slash - path) + 1 : 0);
    if (!as_buf_ok(&dir, err)) goto out;
    if (!as_path_join(out, as_buf_text(&dir), item->text, err)) goto out;
    for (const frame *f = at; f; f = f->up)
        if (strcmp(f->path, as_buf_text(out)) == 0) {
            as_fail(err, AS_EFORMAT, "include leads back to %s",
                    as_escape(f->path, strlen(f->path), shown));
            goto out;
        }
    if (at->depth == AS_PLAN_MAX_INCLUDES) {
        as_fail(err, AS_ELIMIT, "include (found over %zu files on the way down)",
                AS_PLAN_MAX_INCLUDES);
        goto out;
    }
    ok = true;
out:
    as_buf_clear(&dir);
    return ok;
}

static bool fail_item(const as_tree *item, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    as_error_at(err, "%s:%zu:%zu", as_escape(item->file, strlen(item->file), shown), item->line,
                item->column);
    return false;
}

/* Takes `include` out of root and merges the files it names; at is the file root came from, NULL
 * for memory. */
static bool include_files(loader *l, as_tree *root, const frame *at)
{
    as_tree *names = find_child(root, "include");
    if (!names) return true;
    if (!at) {
        as_fail(l->err, AS_EFORMAT, "include (expected a plan in a file, to look beside it)");
        return fail_item(names, l->err);
    }
    if (names->kind != AS_TREE_LIST) {
        as_fail(l->err, AS_EFORMAT, "include (expected a list of file names)");
        return fail_item(names, l->err);
    }
    size_t k = 0;
    while (root->child[k] != names) k++;
    memmove(root->child + k, root->child + k + 1, (root->n - k - 1) * sizeof *root->child);
    const size_t n_own = --root->n;
    for (size_t i = 0; i < names->n; i++) {
        as_buf path = {0};
        as_tree *from = NULL;
        if (include_path(names->child[i], at, &path, l->err))
            from = read_file(l, as_buf_text(&path), at, names->child[i]);
        else
            fail_item(names->child[i], l->err);
        as_buf_clear(&path);
        if (!from || !merge(l, root, n_own, from)) return false;
    }
    return true;
}

/* up and item: the file that includes this one and where it does; NULL for the plan itself. */
static as_tree *read_file(loader *l, const char *path, const frame *up, const as_tree *item)
{
    as_buf text = {0};
    as_tree *root = NULL;
    frame at = {path, up, up ? up->depth + 1 : 0};
    if (as_file_read(path, AS_PLAN_MAX_BYTES - l->n_bytes, &text, l->err))
        root = read_document(l, path, as_buf_text(&text), text.size);
    else if (item)
        fail_item(item, l->err);
    as_buf_clear(&text);
    return root && include_files(l, root, &at) ? root : NULL;
}

as_tree *as_plan_read(const char *path, as_arena *a, as_error *err)
{
    loader l = {.arena = a, .err = err};
    return read_file(&l, path, NULL, NULL);
}

as_tree *as_plan_read_over(const char *name, const void *bytes, size_t size, as_arena *a,
                           as_error *err)
{
    loader l = {.arena = a, .err = err};
    as_tree *root = read_document(&l, name, bytes, size);
    return root && include_files(&l, root, NULL) ? root : NULL;
}

/* ---- overrides ---- */

/* Where an assignment stands: the node reached, and the rest of its path up to `end`. */
typedef struct {
    as_arena *arena;
    as_error *err;
    const char *text, *at, *end; /* the whole, the next step, the '=' */
    as_tree *node;
    size_t depth;
} cursor;

static bool fail_set(const cursor *c, const char *what)
{
    char shown[AS_ESCAPE_SIZE];
    as_fail(c->err, AS_EUSAGE, "%s: %s", as_escape(c->text, (size_t)(c->at - c->text), shown),
            what);
    return false;
}

/* [N] */
static bool step_index(cursor *c)
{
    const char *p = c->at + 1;
    size_t i = 0;
    for (; p < c->end && *p >= '0' && *p <= '9'; p++)
        if (i <= AS_PLAN_MAX_NODES) i = 10 * i + (size_t)(*p - '0');
    bool whole = p < c->end && *p == ']' && p > c->at + 1;
    c->at = p + whole;
    if (!whole) return fail_set(c, "malformed list index (expected [N])");
    if (c->node->kind != AS_TREE_LIST) return fail_set(c, "not a list");
    if (i >= c->node->n) return fail_set(c, "the list has no such item");
    c->node = c->node->child[i];
    return true;
}

/* The child under the next key; a new one when there is none. */
static bool step_key(cursor *c)
{
    const char *key = c->at;
    while (c->at < c->end && *c->at != '.' && *c->at != '[') c->at++;
    size_t size = (size_t)(c->at - key);
    if (size == 0) return fail_set(c, "empty key");
    if (c->node->kind != AS_TREE_MAP) return fail_set(c, "not below a mapping");
    for (size_t i = 0; i < c->node->n; i++) {
        as_tree *child = c->node->child[i];
        if (strlen(child->key) != size || memcmp(child->key, key, size) != 0) continue;
        c->node = child;
        return true;
    }
    if (c->at < c->end && *c->at == '[') return fail_set(c, "no such list");
    as_tree *t = as_arena_push(c->arena, 1, sizeof *t, c->err);
    if (!t) return false;
    t->kind = c->at < c->end ? AS_TREE_MAP : AS_TREE_TEXT;
    t->key = as_arena_copy(c->arena, key, size, c->err);
    t->parent = c->node;
    t->file = "command line";
    if (!t->key || !add_child(c->arena, c->node, t, c->err)) return false;
    c->node = t;
    return true;
}

static bool set(cursor *c)
{
    while (c->at < c->end) {
        bool is_first = c->at == c->text;
        if (++c->depth > AS_PLAN_MAX_DEPTH) return fail_set(c, "nested too deep");
        if (*c->at == '[' && !is_first) {
            if (!step_index(c)) return false;
            continue;
        }
        if (!is_first && *c->at++ != '.') return fail_set(c, "expected '.' or '['");
        if (!step_key(c)) return false;
    }
    if (c->node->kind != AS_TREE_TEXT)
        return fail_set(c, c->node->kind == AS_TREE_MAP ? "a mapping (expected a scalar to replace)"
                                                        : "a list (expected a scalar to replace)");
    c->node->text = as_arena_text(c->arena, c->end + 1, c->err);
    c->node->file = "command line";
    c->node->line = c->node->column = 0;
    return c->node->text;
}

bool as_plan_set(as_tree *root, const char *assignment, as_arena *a, as_error *err)
{
    cursor c = {a, err, assignment, assignment, strchr(assignment, '='), root, 0};
    char shown[AS_ESCAPE_SIZE];
    size_t size = strlen(assignment);
    bool ok = false;
    as_escape(assignment, size, shown);
    if (!c.end || c.end == assignment)
        as_fail(err, AS_EUSAGE, "\"%s\" (expected KEY.PATH=VALUE)", shown);
    else if (!as_utf8_valid(assignment, size, NULL))
        as_fail(err, AS_EUSAGE, "\"%s\" is not UTF-8", shown);
    else
        ok = set(&c);
    if (!ok) as_error_at(err, "command line");
    return ok;
}
