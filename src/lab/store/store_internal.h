/* What the files of this room share: the open connection, the table of columns, and statements
 * made from it. sqlite3.h is seen nowhere else. */
#ifndef AS_LAB_STORE_INTERNAL_H
#define AS_LAB_STORE_INTERNAL_H

#include <sqlite3.h>

#include "base/file.h"
#include "lab/store/store.h"

/* --- columns (columns.c) ------------------------------------------------------------------- */

typedef enum {
    COLUMN_KEY,    /* as_key: TEXT, 64 lower-case hex digits */
    COLUMN_TEXT,   /* const char *: TEXT */
    COLUMN_COUNT,  /* uint64_t up to 2^63 - 1: INTEGER */
    COLUMN_SEED,   /* any uint64_t: INTEGER of the same bits */
    COLUMN_REAL,   /* double: REAL */
    COLUMN_FLOATS, /* const float * and its count: BLOB, little-endian float32 */
} column_type;

typedef struct {
    const char *name;
    column_type type;
    size_t at; /* in the struct */
    size_t
        count_at; /* of the count of a COLUMN_FLOATS; in the count itself: already read with them */
    const char *null_means; /* why the column may be NULL; NULL: it may not */
} column;

typedef struct {
    const char *name;   /* of the kind and of its table */
    const char *parent; /* table its parent is in, NULL for a root */
    as_row_kind parent_kind;
    int since;   /* version of the tables that has it */
    size_t size; /* of the struct */
    const column *columns;
    size_t n_columns;
    bool (*rekey)(void *row, as_error *err); /* NULL: a row without a key of its own */
} kind;

#define ROW_SIZE_MAX 512 /* of any row's struct */
const kind *as_store_kind(as_row_kind k);
extern const kind as_store_timing; /* the one kind whose rows have no key */

/* The parent's key in a row of k: its second column, or the first when the row has no key. */
const char *as_store_parent(const kind *k, const void *row);

/* Every column of k, as `t."name", ...`. */
void as_store_columns(as_buf *sql, const kind *k);

/* The row's keys have the form of keys, its numbers are finite, and no text is missing where one is
 * needed. (UTF-8 is the business of the key.) */
AS_MUST_CHECK bool as_store_row_check(const kind *k, const void *row, as_error *err);
/* The row's key is the one its content gives; class_ when it is not. True for a kind without. */
AS_MUST_CHECK bool as_store_key_check(const kind *k, const void *row, as_class class_,
                                      as_error *err);

/* Binds every column of row to ?1, ?2, ... The one place where doubles are bound: infinities are
 * refused, NaN becomes NULL only in a column that says what NULL means. Texts are borrowed until
 * the statement is reset. */
AS_MUST_CHECK bool as_store_bind(sqlite3_stmt *st, const kind *k, const void *row, as_error *err);

/* The first n_columns columns of the current row into the struct, texts into the arena. Checks
 * types, lengths, UTF-8; not the key. */
AS_MUST_CHECK bool as_store_unbind(sqlite3_stmt *st, const kind *k, as_arena *a, void *row,
                                   as_error *err);

/* --- connections (connect.c) --------------------------------------------------------------- */

/* A hardened connection to a regular file; a read-only one is opened as immutable when nothing
 * beside the file can be written. Reads nothing yet, and never writes by itself, not even at close.
 * Gives: sqlite3_close. */
AS_MUST_CHECK sqlite3 *as_store_connect(const char *path, bool can_write, as_error *err);

/* Looks at the file before SQLite reads it: a whole header, ours. *dirty: a log of an unclean end
 * (or of a writer at work) lies beside it. */
AS_MUST_CHECK bool as_store_peek(sqlite3 *db, const char *path, bool *dirty, uint64_t *size,
                                 as_error *err);
/* The settings for which SQLite reads the file. */
AS_MUST_CHECK bool as_store_settle(sqlite3 *db, as_error *err);

/* The file lies where shared memory between processes cannot be trusted. name: the file system's.
 */
AS_MUST_CHECK bool as_store_is_remote(const char *path, bool *is_remote, const char **name,
                                      as_error *err);

/* --- schema (schema.c) --------------------------------------------------------------------- */

#define STORE_APPLICATION_ID 0x41535359 /* "ASSY" */

/* migrations[v - 1] brings version v - 1 to v; the first makes everything. */
typedef struct {
    const char *const *const *migrations; /* each a list of statements, closed by NULL */
    int version;                          /* how many there are */
} schema;
extern const schema as_store_schema;

/* A new store's bytes, replacing path. */
AS_MUST_CHECK bool as_schema_create(const schema *sc, const char *path, as_error *err);
/* Of the open file. AS_ESTATE when it is newer than sc. */
AS_MUST_CHECK bool as_schema_version(const schema *sc, sqlite3 *db, int *version, as_error *err);
/* The tables, indexes and triggers are those of that version, and nothing else. */
AS_MUST_CHECK bool as_schema_same(const schema *sc, sqlite3 *db, int version, as_error *err);
/* Copies the file to PATH.before-vN, then runs what is missing in one transaction. */
AS_MUST_CHECK bool as_schema_migrate(const schema *sc, sqlite3 *db, const char *path, int version,
                                     as_error *err);

/* --- the store (store.c) ------------------------------------------------------------------- */

struct as_store {
    char *path;
    sqlite3 *db;
    as_lock *lock; /* writer only */
    as_store_mode mode;
    char *notice;
    bool in_group;
    bool damaged; /* SQLite found damage while writing: no more writes */
    sqlite3_stmt *insert[AS_ROW_KINDS], *find[AS_ROW_KINDS], *has[AS_ROW_KINDS];
    sqlite3_stmt *insert_timing, *visit, *visit_training;
};

/* as_store_open with everything said: which schema, and whether to avoid shared memory. */
AS_MUST_CHECK as_store *as_store_open_as(const char *path, as_store_mode mode, const schema *sc,
                                         bool is_remote, as_error *err);

/* SQLite's quick_check says "ok". */
AS_MUST_CHECK bool as_store_quick_check(sqlite3 *db, as_error *err);

/* Adds "FILE" and "KIND KEY" to an error; returns false. */
bool as_store_fail_at(const as_store *s, const kind *k, const char *key, as_error *err);

/* --- reading (read.c) ---------------------------------------------------------------------- */

/* SELECT columns[, position] FROM ... WHERE ..., for the rows of kind k that w asks for; ?1 to ?4
 * are w's fields (design: key of the root, so of a training where the kind hangs on one). Without
 * order. */
void as_store_select(as_buf *sql, as_row_kind which, const as_store_where *w);
AS_MUST_CHECK bool as_store_bind_where(sqlite3_stmt *st, const as_store_where *w, as_error *err);

/* --- SQL (connect.c) ----------------------------------------------------------------------- */

/* "DOING: REASON" with errno's text, AS_EIO; returns false. */
bool as_sys_fail(as_error *err, const char *doing);
/* Prepends the path, escaped. */
void as_store_at_path(as_error *err, const char *path);

/* Records what SQLite says went wrong with db, classed; returns false. */
bool as_sql_fail(sqlite3 *db, as_error *err, const char *doing);
/* Prepares / runs SQL text of ours. */
AS_MUST_CHECK bool as_sql_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **st, as_error *err);
AS_MUST_CHECK bool as_sql_run(sqlite3 *db, const char *sql, as_error *err);
/* The first column of the first row, as text. Gives: free(). */
AS_MUST_CHECK char *as_sql_text(sqlite3 *db, const char *sql, as_error *err);
/* Steps: *row true on a row, false at the end. */
AS_MUST_CHECK bool as_sql_step(sqlite3 *db, sqlite3_stmt *st, bool *row, as_error *err);

#endif
