/* Rows in: checked, bound, inserted once. */
#include "lab/store/store_internal.h"

#include <string.h>

static bool prepare_insert(as_store *s, as_row_kind which, as_error *err)
{
    const kind *k = as_store_kind(which);
    as_buf sql = {0};
    if (s->insert[which]) return true;
    as_buf_printf(&sql, "INSERT INTO %s VALUES(", k->name);
    for (size_t i = 0; i < k->n_columns; i++) as_buf_printf(&sql, "%s?%zu", i ? "," : "", i + 1);
    as_buf_puts(&sql, ")");
    bool ok =
        as_buf_ok(&sql, err) && as_sql_prepare(s->db, as_buf_text(&sql), &s->insert[which], err);
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
    /* the second column is the parent's key */
    return as_fail(err, AS_ESTATE, "%s: %.64s is not in the store", k->parent,
                   (const char *)row + k->columns[1].at);
}

static bool insert(as_store *s, as_row_kind which, const void *row, as_error *err)
{
    const kind *k = as_store_kind(which);
    if (!prepare_insert(s, which, err)) return false;
    sqlite3_stmt *st = s->insert[which];
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

static bool put(as_store *s, as_row_kind which, const void *row, as_error *err)
{
    const kind *k = as_store_kind(which);
    return (may_write(s, err) && as_store_row_check(k, row, err) &&
            as_store_key_check(k, row, AS_ESTATE, err) && insert(s, which, row, err)) ||
           as_store_fail_at(s, k, row, err);
}

/* Notes that the design was put last, unless it already is the last. */
static bool visit(as_store *s, const as_design *r, as_error *err)
{
    static const char sql[] = "INSERT INTO visit(design) SELECT ?1 WHERE ?1 IS NOT"
                              " (SELECT design FROM visit ORDER BY n DESC LIMIT 1)";
    if (!s->visit && !as_sql_prepare(s->db, sql, &s->visit, err)) return false;
    if (sqlite3_bind_text(s->visit, 1, r->key, 64, NULL) != SQLITE_OK)
        return as_sql_fail(s->db, err, "visit");
    bool ok = run(s, s->visit, as_store_kind(AS_ROW_DESIGN), r, err);
    (void)sqlite3_reset(s->visit);
    (void)sqlite3_clear_bindings(s->visit);
    return ok;
}

bool as_store_put_design(as_store *s, const as_design *r, as_error *err)
{
    if (!may_write(s, err) || !as_sql_run(s->db, "SAVEPOINT design", err))
        return as_store_fail_at(s, NULL, NULL, err);
    bool ok = put(s, AS_ROW_DESIGN, r, err) &&
              (visit(s, r, err) || as_store_fail_at(s, as_store_kind(AS_ROW_DESIGN), r->key, err));
    if (!ok) (void)sqlite3_exec(s->db, "ROLLBACK TO design", NULL, NULL, NULL);
    if (!ok) (void)sqlite3_exec(s->db, "RELEASE design", NULL, NULL, NULL);
    return ok && (as_sql_run(s->db, "RELEASE design", err) || as_store_fail_at(s, NULL, NULL, err));
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
