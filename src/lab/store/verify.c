/* Every row again: is its key the hash of what it says, and is what it rests on there. */
#include "lab/store/store_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    as_store *store;
    const as_store_where *where;
    as_store_tally *tally;
    as_store_bad *bad;
    void *ctx;
    bool stopped; /* bad wants to hear no more */
} walk;

/* The table the walk is in. */
typedef struct {
    const kind *kind;
    as_row_kind named; /* under which a bad row is told: a timing under its training */
    uint64_t *rows;
} table;

/* A walk frees its texts after this many rows. */
#define ROWS_A_BATCH 256

static bool check_row(walk *w, sqlite3_stmt *st, const kind *k, as_arena *a, as_error *err)
{
    union {
        as_design align;
        char bytes[ROW_SIZE_MAX];
    } row;
    bool found = false;
    if (!as_store_unbind(st, k, a, row.bytes, err)) return false;
    if (!as_store_key_check(k, row.bytes, AS_EFORMAT, err)) return false;
    if (!k->parent) return true;
    const char *parent = as_store_parent(k, row.bytes);
    if (!as_store_has(w->store, k->parent_kind, parent, &found, err)) return false;
    return found || as_fail(err, AS_EFORMAT, "%s: %s is not in the store", k->parent, parent);
}

/* Counts the row that failed with `one`; the first is kept in err. False: the walk ends here. */
static bool note_bad(walk *w, sqlite3_stmt *st, const table *t, as_error *one, as_error *err)
{
    char text[sizeof one->where + sizeof one->what];
    const char *key = (const char *)sqlite3_column_text(st, 0);
    if (one->class_ == AS_EMEM) {
        *err = *one;
        return false;
    }
    w->tally->bad++;
    (void)as_error_text(one, text, sizeof text);
    if (err->class_ == AS_OK) {
        *err = *one;
        (void)as_store_fail_at(w->store, t->kind, key ? key : "", err);
    }
    w->stopped = !w->bad || !w->bad(w->ctx, t->named, key ? key : "", text);
    return !w->stopped;
}

/* Up to ROWS_A_BATCH rows; *more when there are others. */
static bool walk_batch(walk *w, sqlite3_stmt *st, const table *t, bool *more, as_error *err)
{
    bool ok = false;
    as_arena *a = as_arena_new(err);
    if (!a) return false;
    for (size_t i = 0; i < ROWS_A_BATCH; i++) {
        as_error one = {0};
        if (!as_sql_step(w->store->db, st, more,
                         &one)) { /* err may hold a bad row's cause already */
            as_error_at(&one, "%s", t->kind->name);
            as_store_at_path(&one, w->store->path);
            if (err->class_ == AS_OK) *err = one;
            goto out;
        }
        if (!*more) break;
        ++*t->rows;
        if (!check_row(w, st, t->kind, a, &one) && !note_bad(w, st, t, &one, err)) goto out;
    }
    ok = true;
out:
    as_arena_free(a);
    return ok;
}

/* Timings that hang on the root, or all. */
static void select_timings(as_buf *sql, const as_store_where *w)
{
    as_buf_puts(sql, "SELECT ");
    as_store_columns(sql, &as_store_timing);
    as_buf_printf(sql, " FROM timing t%s", w->design ? " WHERE t.training = ?1" : "");
}

static bool walk_table(walk *w, const table *t, as_error *err)
{
    bool ok = false, more = true;
    as_buf sql = {0};
    sqlite3_stmt *st = NULL;
    if (t->kind == &as_store_timing)
        select_timings(&sql, w->where);
    else
        as_store_select(&sql, t->named, w->where);
    if (!as_buf_ok(&sql, err) || !as_sql_prepare(w->store->db, as_buf_text(&sql), &st, err) ||
        !as_store_bind_where(st, w->where, err)) {
        (void)as_store_fail_at(w->store, NULL, NULL, err);
        goto out;
    }
    while (more)
        if (!walk_batch(w, st, t, &more, err)) goto out;
    ok = true;
out:
    sqlite3_finalize(st);
    as_buf_clear(&sql);
    return ok;
}

/* A row that an index has lost would be missing from every list, in silence. */
static bool indexes_agree(as_store *s, as_error *err)
{
    char escaped[AS_ESCAPE_SIZE];
    char *text = as_sql_text(s->db, "PRAGMA integrity_check(1)", err);
    bool ok = text && strcmp(text, "ok") == 0;
    if (text && !ok)
        (void)as_fail(err, AS_EFORMAT, "integrity_check: %s",
                      as_escape(text, strlen(text), escaped));
    free(text);
    return ok || as_store_fail_at(s, NULL, NULL, err);
}

bool as_store_verify(as_store *s, const char *root, as_store_tally *tally, as_store_bad *bad,
                     void *ctx, as_error *err)
{
    as_store_tally own;
    as_store_where where = {.design = root};
    walk w = {s, &where, tally ? tally : &own, bad, ctx, false};
    bool found = true;
    *w.tally = (as_store_tally){0};
    if (root && !as_store_has(s, AS_ROW_DESIGN, root, &found, err)) return false;
    if (!found && !as_store_has(s, AS_ROW_TRAINING, root, &found, err)) return false;
    if (!found) {
        (void)as_fail(err, AS_ESTATE, "is not in the store");
        return as_store_fail_at(s, as_store_kind(AS_ROW_DESIGN), root, err);
    }
    if (!indexes_agree(s, err)) return false;
    uint64_t timings = 0;
    for (int i = 0; i <= AS_ROW_KINDS; i++) {
        table t = {&as_store_timing, AS_ROW_TRAINING, &timings};
        if (i < AS_ROW_KINDS)
            t = (table){as_store_kind((as_row_kind)i), (as_row_kind)i, &w.tally->rows[i]};
        if (!walk_table(&w, &t, err)) return false;
    }
    return w.tally->bad == 0;
}
