/* The tables, one text for each version, and the way from one to the next. */
#include "lab/store/store_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Rows are final. Without the third trigger INSERT OR REPLACE would delete unseen: a row that is
 * there makes an insert of the same key, or over the same rowid, do nothing. */
#define FINAL(table, id) FINAL_WHERE(table, id " = NEW." id)
#define FINAL_WHERE(table, same)                                                                   \
    "CREATE TRIGGER " table "_no_update BEFORE UPDATE ON " table                                   \
    " BEGIN SELECT RAISE(ABORT, 'rows are never changed'); END;"                                   \
    "CREATE TRIGGER " table "_no_delete BEFORE DELETE ON " table                                   \
    " BEGIN SELECT RAISE(ABORT, 'rows are never deleted'); END;"                                   \
    "CREATE TRIGGER " table "_first_stands BEFORE INSERT ON " table                                \
    " WHEN EXISTS(SELECT 1 FROM " table " WHERE " same ")"                                         \
    " OR EXISTS(SELECT 1 FROM " table " WHERE rowid = NEW.rowid)"                                  \
    " BEGIN SELECT RAISE(IGNORE); END"

static const char *const version_1[] = {
    "CREATE TABLE design("
    "key TEXT PRIMARY KEY NOT NULL CHECK(length(key) = 64), "
    "name TEXT NOT NULL, plan TEXT NOT NULL, inputs TEXT NOT NULL, code TEXT NOT NULL, "
    "seed INTEGER NOT NULL) STRICT",
    "CREATE TABLE prompt("
    "key TEXT PRIMARY KEY NOT NULL CHECK(length(key) = 64), "
    "design TEXT NOT NULL REFERENCES design(key), "
    "\"set\" TEXT NOT NULL, position INTEGER NOT NULL CHECK(position >= 0), "
    "text TEXT, cluster TEXT) STRICT",
    "CREATE TABLE generation("
    "key TEXT PRIMARY KEY NOT NULL CHECK(length(key) = 64), "
    "prompt TEXT NOT NULL REFERENCES prompt(key), "
    "arm TEXT NOT NULL, text TEXT, finish TEXT, subject TEXT, seed INTEGER NOT NULL) STRICT",
    "CREATE TABLE judgement("
    "key TEXT PRIMARY KEY NOT NULL CHECK(length(key) = 64), "
    "generation TEXT NOT NULL REFERENCES generation(key), "
    "axis TEXT NOT NULL, score REAL, label TEXT, missing TEXT, judge TEXT, "
    "CHECK((score IS NOT NULL) + (label IS NOT NULL) + (missing IS NOT NULL) = 1)) STRICT",
    "CREATE TABLE reading("
    "key TEXT PRIMARY KEY NOT NULL CHECK(length(key) = 64), "
    "generation TEXT NOT NULL REFERENCES generation(key), "
    "site TEXT NOT NULL, selector TEXT, \"values\" BLOB NOT NULL, "
    "dim INTEGER NOT NULL CHECK(length(\"values\") = 4 * dim)) STRICT",
    "CREATE TABLE statistic("
    "key TEXT PRIMARY KEY NOT NULL CHECK(length(key) = 64), "
    "design TEXT NOT NULL REFERENCES design(key), "
    "position INTEGER NOT NULL CHECK(position >= 0), "
    "\"check\" TEXT NOT NULL, name TEXT NOT NULL, \"of\" TEXT NOT NULL, "
    "method TEXT NOT NULL, inputs TEXT NOT NULL, estimate REAL, "
    "n INTEGER NOT NULL CHECK(n >= 0), missing INTEGER NOT NULL CHECK(missing >= 0), "
    "lo REAL, hi REAL, level REAL, interval TEXT, p REAL, null_kind TEXT, "
    "null_draws INTEGER NOT NULL CHECK(null_draws >= 0), "
    "null_q05 REAL, null_q50 REAL, null_q95 REAL, detail TEXT NOT NULL) STRICT",
    "CREATE TABLE verdict("
    "key TEXT PRIMARY KEY NOT NULL CHECK(length(key) = 64), "
    "design TEXT NOT NULL REFERENCES design(key), "
    "claim TEXT NOT NULL, word TEXT NOT NULL, cause TEXT NOT NULL, tree TEXT NOT NULL) STRICT",
    "CREATE TABLE visit("
    "n INTEGER PRIMARY KEY NOT NULL, design TEXT NOT NULL REFERENCES design(key)) STRICT",
    "CREATE INDEX prompt_by_place ON prompt(design, \"set\", position)",
    "CREATE INDEX generation_by_prompt ON generation(prompt, arm)",
    "CREATE INDEX judgement_by_axis ON judgement(generation, axis)",
    "CREATE INDEX reading_by_site ON reading(generation, site)",
    "CREATE INDEX statistic_by_check ON statistic(design, \"check\", position)",
    "CREATE INDEX verdict_by_claim ON verdict(design, claim)",
    "CREATE INDEX visit_by_design ON visit(design)",
    FINAL("design", "key"),
    FINAL("prompt", "key"),
    FINAL("generation", "key"),
    FINAL("judgement", "key"),
    FINAL("reading", "key"),
    FINAL("statistic", "key"),
    FINAL("verdict", "key"),
    FINAL("visit", "n"),
    NULL,
};

static const char *const version_2[] = {
    "CREATE TABLE training("
    "key TEXT PRIMARY KEY NOT NULL CHECK(length(key) = 64), "
    "name TEXT NOT NULL, objective TEXT NOT NULL, plan TEXT NOT NULL, inputs TEXT NOT NULL, "
    "code TEXT NOT NULL, seed INTEGER NOT NULL) STRICT",
    "CREATE TABLE training_step("
    "key TEXT PRIMARY KEY NOT NULL CHECK(length(key) = 64), "
    "training TEXT NOT NULL REFERENCES training(key), "
    "step INTEGER NOT NULL CHECK(step >= 0), \"of\" INTEGER NOT NULL CHECK(\"of\" >= 0), "
    "\"values\" TEXT NOT NULL) STRICT",
    "CREATE TABLE timing("
    "training TEXT NOT NULL REFERENCES training(key), "
    "step INTEGER NOT NULL CHECK(step >= 0), "
    "seconds REAL, tokens_per_second REAL, PRIMARY KEY(training, step)) STRICT",
    "CREATE TABLE training_visit("
    "n INTEGER PRIMARY KEY NOT NULL, training TEXT NOT NULL REFERENCES training(key)) STRICT",
    "CREATE INDEX training_step_by_step ON training_step(training, step)",
    "CREATE INDEX training_visit_by_training ON training_visit(training)",
    /* the same plan, inputs and code have to give the same numbers */
    "CREATE TRIGGER training_step_one_a_step BEFORE INSERT ON training_step"
    " WHEN EXISTS(SELECT 1 FROM training_step"
    " WHERE training = NEW.training AND step = NEW.step AND key <> NEW.key)"
    " BEGIN SELECT RAISE(ABORT, 'that step is there with other numbers'); END",
    FINAL("training", "key"),
    FINAL("training_step", "key"),
    FINAL_WHERE("timing", "training = NEW.training AND step = NEW.step"),
    FINAL("training_visit", "n"),
    NULL,
};

static const char *const *const migrations[] = {version_1, version_2};

const schema as_store_schema = {migrations, sizeof migrations / sizeof migrations[0]};

/* Runs migrations from + 1 to `to` inside the transaction that is open. */
static bool run(const schema *sc, sqlite3 *db, int from, int to, as_error *err)
{
    char stamp[64];
    for (int v = from; v < to; v++)
        for (const char *const *sql = sc->migrations[v]; *sql; sql++)
            if (!as_sql_run(db, *sql, err)) return false;
    (void)snprintf(stamp, sizeof stamp, "PRAGMA user_version=%d", to);
    return as_sql_run(db, stamp, err);
}

/* The schema of a version, empty, in memory. Gives: sqlite3_close. */
static sqlite3 *build(const schema *sc, int version, as_error *err)
{
    char stamp[64];
    sqlite3 *db = NULL;
    (void)snprintf(stamp, sizeof stamp, "PRAGMA application_id=%d", STORE_APPLICATION_ID);
    if (sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK)
        (void)as_fail(err, AS_EMEM, "open: out of memory");
    else if (as_sql_run(db, stamp, err) && run(sc, db, 0, version, err))
        return db;
    (void)sqlite3_close(db);
    return NULL;
}

bool as_schema_create(const schema *sc, const char *path, as_error *err)
{
    bool ok = false;
    sqlite3_int64 size = 0;
    sqlite3 *db = build(sc, sc->version, err);
    unsigned char *bytes = db ? sqlite3_serialize(db, "main", &size, 0) : NULL;
    if (bytes)
        ok = as_file_replace(path, bytes, (size_t)size, err);
    else
        (void)as_fail(err, AS_EMEM, "new store: out of memory");
    sqlite3_free(bytes);
    (void)sqlite3_close(db);
    return ok;
}

bool as_schema_version(const schema *sc, sqlite3 *db, int *version, as_error *err)
{
    char *text = as_sql_text(db, "PRAGMA user_version", err);
    if (!text) return false;
    *version = (int)strtol(text, NULL, 10);
    free(text);
    if (*version < 1)
        return as_fail(err, AS_EFORMAT, "schema: version (found %d, expected 1 to %d)", *version,
                       sc->version);
    if (*version <= sc->version) return true;
    (void)as_fail(err, AS_ESTATE,
                  "schema: is newer than this program (found %d, expected at most %d)", *version,
                  sc->version);
    as_error_hint(err, "use the version of assay that wrote it, or a later one");
    return false;
}

/* The next entry of a schema listing, NULL texts at the end. */
static bool next_entry(sqlite3 *db, sqlite3_stmt *st, const char **name, const char **sql,
                       as_error *err)
{
    bool row;
    if (!as_sql_step(db, st, &row, err)) return false;
    *name = row ? (const char *)sqlite3_column_text(st, 0) : NULL;
    *sql = row ? (const char *)sqlite3_column_text(st, 1) : NULL;
    return true;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool as_schema_same(const schema *sc, sqlite3 *db, int version, as_error *err)
{
    static const char listing[] =
        "SELECT type || ' ' || name || ' on ' || tbl_name, sql FROM sqlite_schema"
        " WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1";
    char text[AS_ESCAPE_SIZE];
    bool same = false;
    const char *a, *a_sql, *b, *b_sql;
    sqlite3_stmt *found = NULL, *expected = NULL;
    sqlite3 *model = build(sc, version, err);
    if (!model || !as_sql_prepare(model, listing, &expected, err) ||
        !as_sql_prepare(db, listing, &found, err))
        goto out;
    do {
        if (!next_entry(db, found, &a, &a_sql, err)) goto out;
        if (!next_entry(model, expected, &b, &b_sql, err)) goto out;
        same = same_text(a, b) && same_text(a_sql, b_sql);
    } while (same && a);
    if (!same && same_text(a, b))
        (void)as_fail(err, AS_EFORMAT, "schema: %s is not that of version %d", b, version);
    else if (!same)
        (void)as_fail(err, AS_EFORMAT, "schema: version %d (found %s, expected %s)", version,
                      a ? as_escape(a, strlen(a), text) : "no more", b ? b : "no more");
out:
    sqlite3_finalize(found);
    sqlite3_finalize(expected);
    (void)sqlite3_close(model);
    return same;
}

/* SQLite's online backup, to a new file. */
static bool copy_to(sqlite3 *db, const char *path, as_error *err)
{
    bool ok = false;
    sqlite3 *to = NULL;
    sqlite3_backup *b = NULL;
    if (!as_file_replace(path, "", 0, err)) return false;
    to = as_store_connect(path, true, err);
    if (!to) goto out;
    b = sqlite3_backup_init(to, "main", db, "main");
    if (b && sqlite3_backup_step(b, -1) == SQLITE_DONE) ok = true;
    if (sqlite3_backup_finish(b) != SQLITE_OK) ok = false;
    if (!ok) (void)as_sql_fail(to, err, "copying");
out:
    if (sqlite3_close(to) != SQLITE_OK) ok = as_fail(err, AS_EIO, "close");
    if (!ok) {
        as_store_at_path(err, path);
        (void)unlink(path);
    }
    return ok;
}

bool as_schema_migrate(const schema *sc, sqlite3 *db, const char *path, int version, as_error *err)
{
    as_buf copy = {0};
    if (version == sc->version) return true;
    as_buf_printf(&copy, "%s.before-v%d", path, sc->version);
    bool ok = as_buf_ok(&copy, err) && copy_to(db, as_buf_text(&copy), err) &&
              as_sql_run(db, "BEGIN IMMEDIATE", err);
    if (ok) {
        ok = run(sc, db, version, sc->version, err) && as_sql_run(db, "COMMIT", err);
        if (!ok) (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        if (!ok) as_error_at(err, "schema %d to %d", version, sc->version);
    }
    as_buf_clear(&copy);
    return ok;
}
