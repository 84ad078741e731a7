/* Rows in: checked, bound, inserted once. */
#include "lab/store/store_internal.h"

#include <string.h>

static bool prepare_insert(as_store *s, const kind *k, sqlite3_stmt **st, as_error *err)
{
    as_buf sql = {0};
    if (*st) return true;
    as_buf_printf(&sql, "INSERT INTO %s VALUES(", k->name);
    for (size_t i = 0; i < k->n_columns; i++) as_buf_printf(&sql, "%s?%zu", i ? "," : "", i + 1);
    as_buf_puts(&sql, ")");
    bool ok = as_buf_ok(&sql, err) && as_sql_prepare(s->db, as_buf_text(&sql), st, err);
    as_buf_clear(&sql);
    return ok;
}

/* One step of a statement that writes. */
static bool run(as_store *s, sqlite3_stmt *st, const kind *k, const void *row, as_error *err)
{
    int rc = sqlite3_step(st);
    if (rc == SQLITE_DONE) return true;
    int code = sqlite3_extended_errcode(s->db);
    if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB) s->damaged = true;
    if (code != SQLITE_CONSTRAINT_FOREIGNKEY) return as_sql_fail(s->db, err, "insert");
    return as_fail(err, AS_ESTATE, "%s: %.64s is not in the store", k->parent,
                   as_store_parent(k, row));
}

static bool insert(as_store *s, const kind *k, sqlite3_stmt **prepared, const void *row,
                   as_error *err)
{
    if (!prepare_insert(s, k, prepared, err)) return false;
    sqlite3_stmt *st = *prepared;
    bool ok = as_store_bind(st, k, row, err) && run(s, st, k, row, err);
    (void)sqlite3_reset(st);
    (void)sqlite3_clear_bindings(st);
    return ok;
}

static bool may_write(const as_store *s, as_error *err)
{
    if (s->mode != AS_STORE_WRITE) return as_fail(err, AS_ESTATE, "is open for reading only");
    if (s->damaged) return as_fail(err, AS_EFORMAT, "is damaged: nothing more is written to it");
    if (s->in_group && sqlite3_get_autocommit(s->db))
        return as_fail(err, AS_EIO, "the group was undone by an earlier failure");
    return true;
}

static bool put_as(as_store *s, const kind *k, sqlite3_stmt **st, const void *row, as_error *err)
{
    return (may_write(s, err) && as_store_row_check(k, row, err) &&
            as_store_key_check(k, row, AS_ESTATE, err) && insert(s, k, st, row, err)) ||
           as_store_fail_at(s, k, row, err);
}

static bool put(as_store *s, as_row_kind which, const void *row, as_error *err)
{
    return put_as(s, as_store_kind(which), &s->insert[which], row, err);
}

/* Runs sql, which notes that the root with that key was put last, unless it already is the last. */
static bool visit(as_store *s, sqlite3_stmt **st, const char *sql, as_row_kind which,
                  const char *key, as_error *err)
{
    if (!*st && !as_sql_prepare(s->db, sql, st, err)) return false;
    if (sqlite3_bind_text(*st, 1, key, 64, NULL) != SQLITE_OK)
        return as_sql_fail(s->db, err, "visit");
    bool ok = run(s, *st, as_store_kind(which), key, err);
    (void)sqlite3_reset(*st);
    (void)sqlite3_clear_bindings(*st);
    return ok;
}

/* A root and its visit, both or neither. */
static bool put_root(as_store *s, as_row_kind which, const void *row, sqlite3_stmt **st,
                     const char *sql, as_error *err)
{
    if (!may_write(s, err) || !as_sql_run(s->db, "SAVEPOINT root", err))
        return as_store_fail_at(s, NULL, NULL, err);
    bool ok = put(s, which, row, err) && (visit(s, st, sql, which, row, err) ||
                                          as_store_fail_at(s, as_store_kind(which), row, err));
    if (!ok) (void)sqlite3_exec(s->db, "ROLLBACK TO root", NULL, NULL, NULL);
    if (!ok) (void)sqlite3_exec(s->db, "RELEASE root", NULL, NULL, NULL);
    return ok && (as_sql_run(s->db, "RELEASE root", err) || as_store_fail_at(s, NULL, NULL, err));
}

bool as_store_put_design(as_store *s, const as_design *r, as_error *err)
{
    static const char sql[] = "INSERT INTO visit(design) SELECT ?1 WHERE ?1 IS NOT"
                              " (SELECT design FROM visit ORDER BY n DESC LIMIT 1)";
    return put_root(s, AS_ROW_DESIGN, r, &s->visit, sql, err);
}

bool as_store_put_training(as_store *s, const as_training *r, as_error *err)
{
    static const char sql[] = "INSERT INTO training_visit(training) SELECT ?1 WHERE ?1 IS NOT"
                              " (SELECT training FROM training_visit ORDER BY n DESC LIMIT 1)";
    return put_root(s, AS_ROW_TRAINING, r, &s->visit_training, sql, err);
}

bool as_store_put_training_step(as_store *s, const as_training_step *r, as_error *err)
{
    return put(s, AS_ROW_TRAINING_STEP, r, err);
}

bool as_store_put_timing(as_store *s, const as_timing *r, as_error *err)
{
    return put_as(s, &as_store_timing, &s->insert_timing, r, err);
}

bool as_store_put_prompt(as_store *s, const as_prompt *r, as_error *err)
{
    return put(s, AS_ROW_PROMPT, r, err);
}

bool as_store_put_generation(as_store *s, const as_generation *r, as_error *err)
{
    return put(s, AS_ROW_GENERATION, r, err);
}

bool as_store_put_judgement(as_store *s, const as_judgement *r, as_error *err)
{
    return put(s, AS_ROW_JUDGEMENT, r, err);
}

bool as_store_put_reading(as_store *s, const as_reading *r, as_error *err)
{
    return put(s, AS_ROW_READING, r, err);
}

bool as_store_put_statistic(as_store *s, const as_statistic *r, as_error *err)
{
    return put(s, AS_ROW_STATISTIC, r, err);
}

bool as_store_put_verdict(as_store *s, const as_verdict *r, as_error *err)
{
    return put(s, AS_ROW_VERDICT, r, err);
}
