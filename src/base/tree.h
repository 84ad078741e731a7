/* A plan as read: mappings, sequences and scalars, each with its place in the file. Scalars stay
 * text; whoever asks for a number parses it whole. Built by app/cli/plan (YAML), read by lab. */
#ifndef AS_BASE_TREE_H
#define AS_BASE_TREE_H

#include "base/arena.h"
#include "base/json.h"

typedef enum { AS_TREE_TEXT, AS_TREE_LIST, AS_TREE_MAP } as_tree_kind;

typedef struct as_tree {
    as_tree_kind kind;
    const char *key;  /* in its mapping; NULL elsewhere */
    const char *text; /* a scalar's text, UTF-8; NULL for others */
    size_t n;         /* children of a list or mapping, in file order */
    struct as_tree **child;
    const struct as_tree *parent; /* NULL at the root */
    const char *file;             /* for messages */
    size_t line, column;          /* 1-based; 0: not from a file, whose name says from where */
} as_tree;

/* "a.b[2].c" of a node, appended to out. */
void as_tree_path(const as_tree *t, as_buf *out);

/* Fails with "FILE:LINE:COL: key.path: WHAT", class AS_EUSAGE. */
bool as_tree_fail(const as_tree *t, as_error *err, const char *fmt, ...) AS_PRINTF(3, 4);

/* The child under key, NULL when absent. t may be NULL. */
const as_tree *as_tree_find(const as_tree *t, const char *key);

/* Typed readers; each fails with what was found and what was expected. */
AS_MUST_CHECK bool as_tree_text(const as_tree *t, const char **out, as_error *err);
AS_MUST_CHECK bool as_tree_double(const as_tree *t, double *out,
                                  as_error *err); /* 0.5, -1e-3, 1/2; finite */
AS_MUST_CHECK bool as_tree_size(const as_tree *t, size_t *out, as_error *err); /* digits only */
AS_MUST_CHECK bool as_tree_bool(const as_tree *t, bool *out, as_error *err);   /* true or false */
AS_MUST_CHECK bool as_tree_kind_is(const as_tree *t, as_tree_kind kind, as_error *err);

/* The same for the value under key of mapping t: *out stays as it is when there is none. */
AS_MUST_CHECK bool as_tree_text_or(const as_tree *t, const char *key, const char **out,
                                   as_error *err);
AS_MUST_CHECK bool as_tree_double_or(const as_tree *t, const char *key, double *out, as_error *err);
AS_MUST_CHECK bool as_tree_size_or(const as_tree *t, const char *key, size_t *out, as_error *err);

/* Every key of mapping t is one of names (NULL-terminated); an unknown key fails naming the nearest
 * valid one. */
AS_MUST_CHECK bool as_tree_keys(const as_tree *t, const char *const *names, as_error *err);

/* The name nearest to word by edit distance (Damerau-Levenshtein) among names, NULL when none is
 * within half its length. */
const char *as_nearest(const char *word, const char *const *names);

/* The tree as JSON, every scalar a string. Gives: json_decref. */
json_t *as_tree_json(const as_tree *t, as_error *err);

#endif
