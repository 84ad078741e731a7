/* `assay sql`: somebody else's query on our rows. Three fences: the connection is read-only, SQLite
 * must call the statement a pure read, and an authorizer lets through only what reading needs. */
#include "lab/store/store_internal.h"

#include <stdlib.h>
#include <string.h>

static bool is_in(const char *word, const char *const *words)
{
    for (; word && *words; words++)
        if (sqlite3_stricmp(word, *words) == 0) return true;
    return false;
}

/* SQLITE_OK or SQLITE_DENY; a is the PRAGMA's or table's name, b its argument or the column. */
static int allow(void *ctx, int action, const char *a, const char *b, const char *db,
                 const char *trigger)
{
    static const char *const with_name[] = {"table_info", "table_xinfo",       "index_list",
                                            "index_info", "index_xinfo",       "foreign_key_list",
                                            "table_list", "foreign_key_check", NULL};
    static const char *const bare[] = {"application_id",  "user_version",    "schema_version",
                                       "page_count",      "page_size",       "freelist_count",
                                       "encoding",        "journal_mode",    "quick_check",
                                       "compile_options", "integrity_check", NULL};
    (void)ctx, (void)db, (void)trigger;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_FUNCTION:
        return b && sqlite3_stricmp(b, "load_extension") ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_PRAGMA:
        if (is_in(a, with_name) || (!b && is_in(a, bare))) return SQLITE_OK;
        return SQLITE_DENY;
    default:
        return SQLITE_DENY;
    }
}

/* What SQLite refused: the query's fault, or the file's. */
static bool query_fail(sqlite3 *db, as_error *err)
{
    char text[AS_ESCAPE_SIZE];
    const char *message = sqlite3_errmsg(db);
    int code = sqlite3_errcode(db) & 0xff;
    if (code != SQLITE_ERROR && code != SQLITE_AUTH && code != SQLITE_TOOBIG)
        return as_sql_fail(db, err, "query");
    return as_fail(err, AS_EUSAGE, "query: %s", as_escape(message, strlen(message), text));
}

/* Blanks and comments alone are no second statement; SQLite itself decides what those are. */
static bool nothing_after(sqlite3 *db, const char *tail, as_error *err)
{
    sqlite3_stmt *more = NULL;
    int rc = SQLITE_OK;
    while (*tail && rc == SQLITE_OK && !more) rc = sqlite3_prepare_v2(db, tail, -1, &more, &tail);
    sqlite3_finalize(more);
    return (rc == SQLITE_OK && !more) || as_fail(err, AS_EUSAGE, "more than one statement");
}

static void read_cell(sqlite3_stmt *st, int at, as_cell *c)
{
    *c = (as_cell){.kind = AS_CELL_NULL};
    switch (sqlite3_column_type(st, at)) {
    case SQLITE_INTEGER:
        c->kind = AS_CELL_INTEGER;
        c->integer = sqlite3_column_int64(st, at);
        break;
    case SQLITE_FLOAT:
        c->kind = AS_CELL_REAL;
        c->real = sqlite3_column_double(st, at);
        break;
    case SQLITE_TEXT:
        c->kind = AS_CELL_TEXT;
        c->bytes = (const char *)sqlite3_column_text(st, at);
        c->size = c->bytes ? (size_t)sqlite3_column_bytes(st, at) : 0;
        break;
    case SQLITE_BLOB:
        c->kind = AS_CELL_BLOB;
        c->bytes = sqlite3_column_blob(st, at);
        c->size = c->bytes ? (size_t)sqlite3_column_bytes(st, at) : 0;
        break;
    default:
        break;
    }
}

static bool walk(as_store *s, sqlite3_stmt *st, as_store_row *row, void *ctx, as_error *err)
{
    bool ok = false;
    int rc = SQLITE_DONE;
    size_t n = (size_t)sqlite3_column_count(st);
    as_cell *cells = as_new(n, sizeof *cells, err);
    const char **names = as_new(n, sizeof *names, err);
    if (!cells || !names) goto out;
    for (size_t i = 0; i < n; i++) {
        names[i] = sqlite3_column_name(st, (int)i);
        if (!names[i]) names[i] = "";
    }
    if (!row(ctx, n, names, NULL, err)) goto out;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        for (size_t i = 0; i < n; i++) read_cell(st, (int)i, &cells[i]);
        if (!row(ctx, n, names, cells, err)) goto out;
    }
    ok = rc == SQLITE_DONE || query_fail(s->db, err);
out:
    free(cells);
    free(names);
    return ok;
}

bool as_store_sql(as_store *s, const char *query, as_store_row *row, void *ctx, as_error *err)
{
    bool ok = false;
    const char *tail = "";
    sqlite3_stmt *st = NULL;
    if (s->mode != AS_STORE_READ) {
        (void)as_fail(err, AS_EUSAGE, "queries need a store opened for reading");
        goto out;
    }
    (void)sqlite3_set_authorizer(s->db, allow, NULL);
    if (sqlite3_prepare_v2(s->db, query, -1, &st, &tail) != SQLITE_OK) {
        (void)query_fail(s->db, err);
        goto out;
    }
    if (!st)
        (void)as_fail(err, AS_EUSAGE, "query: is empty");
    else if (!sqlite3_stmt_readonly(st))
        (void)as_fail(err, AS_EUSAGE, "query: would write");
    else
        ok = nothing_after(s->db, tail, err) && walk(s, st, row, ctx, err);
out:
    sqlite3_finalize(st);
    (void)sqlite3_set_authorizer(s->db, NULL, NULL);
    return ok || as_store_fail_at(s, NULL, NULL, err);
}
