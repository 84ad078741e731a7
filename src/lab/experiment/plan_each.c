/* One entry that stands for several: the tree is copied once, and placeholders are filled in on the
 * way. Nothing else of a plan is looked at here. */
#include "lab/experiment/plan_each.h"

#include <string.h>

typedef struct {
    as_arena *a;
    as_error *err;
    size_t n_nodes, n_bytes;
} expander;

/* The value that a name has in the entry being copied; those of entries around it follow. */
typedef struct binding {
    const char *mark; /* "<NAME>" */
    const as_tree *values;
    const char *value;
    size_t at; /* of the values */
    const struct binding *outer;
} binding;

static as_tree *copy(expander *x, const as_tree *from, const binding *env, const as_tree *parent,
                     const char *key);

/* --- placeholders --- */

static size_t name_size(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyz_");
}

/* Bytes of the placeholder that text begins with; 0 when it begins with none. */
static size_t mark_size(const char *text)
{
    size_t n = text[0] == '<' ? name_size(text + 1) : 0;
    return n && text[n + 1] == '>' ? n + 2 : 0;
}

static const binding *bound(const binding *env, const char *mark, size_t size)
{
    while (env && (strncmp(env->mark, mark, size) != 0 || env->mark[size])) env = env->outer;
    return env;
}

/* The text with all placeholders filled in; the text itself outside of every `each`. */
static bool fill(expander *x, const as_tree *at, const char *text, const binding *env,
                 const char **out)
{
    as_buf b = {0};
    bool ok = true;
    *out = text;
    if (!env) return true;
    for (const char *p = text; ok && *p;) {
        const size_t size = mark_size(p);
        const binding *found = size ? bound(env, p, size) : NULL;
        const size_t n = size ? (found ? strlen(found->value) : 0) : 1;
        if (size && !found)
            ok = as_tree_fail(at, x->err, "placeholder (found %.*s, expected a name of each)",
                              (int)(size < 64 ? size : 64), p);
        else if (n > AS_EACH_MAX_BYTES - x->n_bytes)
            ok = as_tree_fail(at, x->err, "texts with each expanded (expected at most %zu bytes)",
                              AS_EACH_MAX_BYTES);
        else
            as_buf_add(&b, found ? found->value : p, n);
        x->n_bytes += ok ? n : 0;
        p += size ? size : 1;
    }
    *out = ok && as_buf_ok(&b, x->err) ? as_arena_text(x->a, as_buf_text(&b), x->err) : NULL;
    as_buf_clear(&b);
    return *out != NULL;
}

/* Does a text or key below t hold the mark? */
static bool mentions(const as_tree *t, const char *mark)
{
    if (t->kind == AS_TREE_TEXT) return strstr(t->text, mark) != NULL;
    for (size_t i = 0; i < t->n; i++)
        if ((t->child[i]->key && strstr(t->child[i]->key, mark)) || mentions(t->child[i], mark))
            return true;
    return false;
}

/* --- entries --- */

static bool read_values(expander *x, const as_tree *entry, const as_tree *name, const binding *env,
                        binding *out)
{
    char shown[AS_ESCAPE_SIZE];
    const size_t size = strlen(name->key);
    if (!size || name_size(name->key) != size)
        return as_tree_fail(name, x->err, "name (found %s, expected small letters and _)",
                            as_escape(name->key, size, shown));
    out->mark = as_arena_printf(x->a, x->err, "<%s>", name->key);
    if (!out->mark) return false;
    if (bound(env, out->mark, size + 2))
        return as_tree_fail(name, x->err, "name (found also in an entry around this one)");
    if (!as_tree_kind_is(name, AS_TREE_LIST, x->err)) return false;
    if (!name->n) return as_tree_fail(name, x->err, "values (found none, expected at least one)");
    for (size_t i = 0; i < name->n; i++)
        if (!as_tree_kind_is(name->child[i], AS_TREE_TEXT, x->err)) return false;
    if (!strstr(entry->key, out->mark))
        return as_tree_fail(entry, x->err, "key (found no %s, expected every name of each)",
                            out->mark);
    out->values = name;
    out->outer = env;
    return true;
}

static bool add(as_tree *t, expander *x, as_tree *child)
{
    if (!child) return false;
    if (t->n == 0 || (t->n >= 4 && (t->n & (t->n - 1)) == 0)) { /* 0, 4, 8, ...: twice the room */
        as_tree **more = as_arena_push(x->a, t->n ? 2 * t->n : 4, sizeof *more, x->err);
        if (!more) return false;
        if (t->n) memcpy(more, t->child, t->n * sizeof *more);
        t->child = more;
    }
    t->child[t->n++] = child;
    return true;
}

/* Each combination of values; the last name turns fastest. */
static bool add_all(expander *x, as_tree *t, const as_tree *entry, binding *names, size_t n,
                    const binding *env)
{
    for (;;) {
        const char *key;
        for (size_t i = 0; i < n; i++) {
            const as_tree *value = names[i].values->child[names[i].at];
            if (!fill(x, value, value->text, env, &names[i].value)) return false;
        }
        if (!fill(x, entry, entry->key, &names[n - 1], &key) ||
            !add(t, x, copy(x, entry, &names[n - 1], t, key)))
            return false;
        size_t i = n;
        while (i > 0 && ++names[i - 1].at == names[i - 1].values->n) names[--i].at = 0;
        if (i == 0) return true;
    }
}

static bool expand(expander *x, as_tree *t, const as_tree *entry, const as_tree *each,
                   const binding *env)
{
    if (!as_tree_kind_is(each, AS_TREE_MAP, x->err)) return false;
    if (!each->n) return as_tree_fail(each, x->err, "names (found none, expected at least one)");
    binding *names = as_arena_push(x->a, each->n, sizeof *names, x->err);
    if (!names) return false;
    for (size_t i = 0; i < each->n; i++) {
        bool is_used = false;
        if (!read_values(x, entry, each->child[i], i ? &names[i - 1] : env, &names[i]))
            return false;
        for (size_t k = 0; k < entry->n; k++)
            if (entry->child[k] != each)
                is_used = is_used || strstr(entry->child[k]->key, names[i].mark) ||
                          mentions(entry->child[k], names[i].mark);
        if (!is_used)
            return as_tree_fail(each->child[i], x->err, "name (found %s in the key alone)",
                                names[i].mark);
    }
    return add_all(x, t, entry, names, each->n, env);
}

/* The key as written of the entry that t was made of. */
static const char *written_key(const as_tree *from, const as_tree *t)
{
    for (size_t i = 0; i < from->n; i++)
        if (from->child[i]->file == t->file && from->child[i]->line == t->line &&
            from->child[i]->column == t->column)
            return from->child[i]->key;
    return t->key;
}

/* One of the two is set by -o, which sees the plan as written: it adds to the end. */
static bool fail_twice(const expander *x, const as_tree *from, const as_tree *t,
                       const as_tree *first)
{
    char shown[2][AS_ESCAPE_SIZE];
    const char *key = written_key(from, first);
    as_escape(t->key, strlen(t->key), shown[0]);
    if (t->line || !first->line)
        return as_tree_fail(t, x->err, "key (found %s twice, with each expanded)", shown[0]);
    return as_tree_fail(t, x->err,
                        "key (found %s, which each makes, expected %s, the entry as written)",
                        shown[0], as_escape(key, strlen(key), shown[1]));
}

static bool no_key_twice(const expander *x, const as_tree *t, const as_tree *from)
{
    for (size_t i = 1; i < t->n; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(t->child[i]->key, t->child[k]->key) == 0)
                return fail_twice(x, from, t->child[i], t->child[k]);
    return true;
}

static bool copy_children(expander *x, as_tree *t, const as_tree *from, const binding *env)
{
    bool has_each = false;
    const bool is_entry = from->kind == AS_TREE_MAP && from->parent; /* the top level's are not */
    const as_tree *own = from->key && from->parent && from->parent->parent
                             ? as_tree_find(from, "each")
                             : NULL; /* that of `from` itself, which is being expanded */
    for (size_t i = 0; i < from->n; i++) {
        const as_tree *child = from->child[i],
                      *each = is_entry ? as_tree_find(child, "each") : NULL;
        const char *key = child->key;
        if (child == own) continue;
        has_each = has_each || each || env;
        if (each ? !expand(x, t, child, each, env)
                 : (key && !fill(x, child, key, env, &key)) ||
                       !add(t, x, copy(x, child, env, t, key)))
            return false;
    }
    return from->kind != AS_TREE_MAP || !has_each || no_key_twice(x, t, from);
}

static as_tree *copy(expander *x, const as_tree *from, const binding *env, const as_tree *parent,
                     const char *key)
{
    if (x->n_nodes++ == AS_EACH_MAX_NODES) {
        as_tree_fail(from, x->err, "plan with each expanded (expected at most %zu nodes)",
                     AS_EACH_MAX_NODES);
        return NULL;
    }
    as_tree *t = as_arena_push(x->a, 1, sizeof *t, x->err);
    if (!t) return NULL;
    *t = *from;
    t->key = key;
    t->parent = parent;
    t->n = 0;
    t->child = NULL;
    bool ok = from->kind == AS_TREE_TEXT ? fill(x, from, from->text, env, &t->text)
                                         : copy_children(x, t, from, env);
    return ok ? t : NULL;
}

as_tree *as_plan_each(const as_tree *root, as_arena *a, as_error *err)
{
    expander x = {a, err, 0, 0};
    return copy(&x, root, NULL, NULL, NULL);
}
