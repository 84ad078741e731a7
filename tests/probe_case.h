/* What the tests of the probe checks share: a plan entry written as pairs of words, bound and run,
 * and seeded tables with a signal planted in them. Included by one test program at a time. */
#ifndef PROBE_CASE_H
#define PROBE_CASE_H

#include "base/rng.h"
#include "check.h"
#include "lab/audit/audit.h"
#include "lab/stats/blas.h"

#define SEED 20240517u

static as_error err;
static as_arena *arena;

/* --- a plan entry, bound and run ------------------------------------------------------------- */

typedef struct {
    const char *key, *text; /* several numbers: a list, separated by blanks */
} entry;

typedef struct {
    as_table table[4];
    size_t n;
} world;

static inline void *push(size_t n, size_t size)
{
    void *p = as_arena_push(arena, n ? n : 1, size, &err);
    AS_CHECK(p);
    return p;
}

static inline as_tree *leaf_node(const char *key, const char *text, const as_tree *parent)
{
    as_tree *t = push(1, sizeof *t);
    *t =
        (as_tree){.kind = AS_TREE_TEXT, .key = key, .text = text, .parent = parent, .file = "plan"};
    return t;
}

/* Only C is ever given as a list here. */
static inline as_tree *node_of(const entry *e, const as_tree *parent)
{
    if (strcmp(e->key, "C") != 0 || !strchr(e->text, ' '))
        return leaf_node(e->key, e->text, parent);
    as_tree *t = push(1, sizeof *t);
    *t = (as_tree){.kind = AS_TREE_LIST, .key = e->key, .parent = parent, .file = "plan"};
    t->child = push(8, sizeof *t->child);
    for (const char *at = e->text; *at; at += strspn(at, " ")) {
        size_t size = strcspn(at, " ");
        t->child[t->n++] = leaf_node(NULL, as_arena_copy(arena, at, size, &err), t);
        at += size;
    }
    return t;
}

typedef struct {
    size_t permutations, threads;
    const as_audit *done; /* earlier checks */
    size_t n_done;
} how;

static const how quick = {.permutations = 200, .threads = 2};

/* Binds, measures and decides; false with err set when any of them fails. */
static inline bool run(as_audit *a, as_leaf *leaf, const char *check, const world *w,
                       const entry *e, size_t n, how h)
{
    const char *absent;
    as_tree root = {.kind = AS_TREE_MAP, .n = n, .file = "plan"};
    as_scope scope = {w->table, w->n, h.done, h.n_done};
    err = (as_error){0};
    *a = (as_audit){.check = as_check_find(check),
                    .id = check,
                    .arena = arena,
                    .seed = SEED,
                    .permutations = h.permutations,
                    .bootstrap = 200,
                    .cv_repeats = 4,
                    .alpha = 0.05};
    AS_CHECK(a->check);
    root.child = push(n, sizeof *root.child);
    for (size_t i = 0; i < n; i++) root.child[i] = node_of(&e[i], &root);
    if (!as_args_bind(a->check, &root, &scope, arena, &a->args, &absent, &err)) return false;
    a->pool = as_pool_new(h.threads, &err);
    bool ok = a->pool && a->check->measure(a, &err) && a->check->decide(a, leaf, &err);
    as_pool_free(a->pool);
    a->pool = NULL;
    return ok;
}

#define RUN_CHECK(a, leaf, check, w, h, ...)                                                       \
    run((a), (leaf), (check), (w), (const entry[]){__VA_ARGS__},                                   \
        sizeof((const entry[]){__VA_ARGS__}) / sizeof(entry), (h))

static inline double estimate(const as_audit *a, const char *name, const char *of)
{
    const as_statistic *s = as_stat_find(a, name, of);
    return s ? s->estimate : NAN;
}

static inline double detail(const as_audit *a, const char *name, const char *of,
                            const char *pointer)
{
    const as_statistic *s = as_stat_find(a, name, of);
    return s ? as_stat_detail(s, pointer) : NAN;
}

/* --- seeded worlds --------------------------------------------------------------------------- */

static inline void add_column(as_table *t, as_column c)
{
    as_column *wider = push(t->n_columns + 1, sizeof *wider);
    for (size_t i = 0; i < t->n_columns; i++) wider[i] = t->column[i];
    c.table = t;
    wider[t->n_columns++] = c;
    t->column = wider;
}

static inline as_table *add_table(world *w, const char *name, size_t n)
{
    as_table *t = &w->table[w->n++];
    *t = (as_table){.name = name, .about = "", .n = n, .n_all = n};
    return t;
}

static inline void add_numbers(as_table *t, const char *name, const double *x)
{
    as_column c = {.name = name, .kind = AS_COLUMN_NUMBER, .n = t->n, .number = x};
    for (size_t i = 0; i < t->n; i++) c.n_missing += isnan(x[i]);
    add_column(t, c);
}

/* n rows of d normals, the first n_pos labelled 1 and moved by `signal` along three directions;
 * all rows moved by `place` along the last one. */
static inline as_table *plant(world *w, const char *name, size_t n, size_t n_pos, size_t d,
                              double signal, double place)
{
    as_table *t = add_table(w, name, n);
    float *x = push(n * d, sizeof *x);
    double *y = push(n, sizeof *y);
    for (size_t i = 0; i < n; i++) {
        as_rng r = as_rng_at(SEED, name, i);
        y[i] = i < n_pos;
        for (size_t j = 0; j < d; j++) {
            double v = as_rng_normal(&r);
            if (j < 3) v += signal * y[i];
            if (j == d - 1) v += place;
            x[i * d + j] = (float)v;
        }
    }
    add_numbers(t, "y", y);
    add_column(t,
               (as_column){.name = "x", .kind = AS_COLUMN_MATRIX, .n = n, .matrix = x, .dim = d});
    return t;
}

static inline void begin(void)
{
    as_stats_init();
    arena = as_arena_new(&err);
    AS_CHECK(arena);
}

#endif
