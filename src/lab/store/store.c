/* The store as a whole: opening, closing, groups, and the check of the file. Rows go in and out in
 * put.c and read.c. */
#include "lab/store/store_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *as_store_engine(void)
{
    return sqlite3_libversion();
}

const char *as_store_path(const as_store *s)
{
    return s->path;
}

const char *as_store_notice(const as_store *s)
{
    return s->notice;
}

bool as_store_fail_at(const as_store *s, const kind *k, const char *key, as_error *err)
{
    char text[AS_ESCAPE_SIZE];
    if (k) as_error_at(err, "%s %s", k->name, as_escape(key, strnlen(key, 64), text));
    as_store_at_path(err, s->path);
    return false;
}

bool as_store_quick_check(sqlite3 *db, as_error *err)
{
    char escaped[AS_ESCAPE_SIZE];
    char *text = as_sql_text(db, "PRAGMA quick_check(1)", err);
    bool ok = text && strcmp(text, "ok") == 0;
    if (text && !ok)
        (void)as_fail(err, AS_EFORMAT, "quick_check: %s", as_escape(text, strlen(text), escaped));
    free(text);
    return ok;
}

bool as_store_check(as_store *s, as_error *err)
{
    return as_store_quick_check(s->db, err) || as_store_fail_at(s, NULL, NULL, err);
}

/* --- opening -------------------------------------------------------------------------------- */

/* PATH + suffix. Gives: free(). */
static char *name_beside(const char *path, const char *suffix, as_error *err)
{
    size_t a = strlen(path), b = strlen(suffix);
    char *name = as_new(a + b + 1, 1, err);
    if (!name) return NULL;
    memcpy(name, path, a);
    memcpy(name + a, suffix, b);
    return name;
}

/* *size is -1 when there is nothing of that name. */
static bool size_beside(const char *path, const char *suffix, int64_t *size, as_error *err)
{
    struct stat st;
    char *name = name_beside(path, suffix, err);
    if (!name) return false;
    bool there = lstat(name, &st) == 0;
    bool ok = there || errno == ENOENT || as_sys_fail(err, "open");
    *size = there ? (int64_t)st.st_size : -1;
    free(name);
    return ok;
}

/* A log left without its database would be played into the new one. */
static bool may_create(const char *path, as_error *err)
{
    static const char *const logs[] = {"-wal", "-journal"};
    int64_t size;
    for (size_t i = 0; i < 2; i++) {
        if (!size_beside(path, logs[i], &size, err)) return false;
        if (size > 0)
            return as_fail(err, AS_ESTATE, "%s is there without its store (move it away first)",
                           logs[i]);
    }
    return true;
}

static bool create_if_absent(const schema *sc, const char *path, as_error *err)
{
    int64_t size = 0;
    bool ok = size_beside(path, "", &size, err) && (size >= 0 || may_create(path, err));
    if (ok) return size >= 0 || as_schema_create(sc, path, err);
    as_store_at_path(err, path);
    return false;
}

static bool set_notice(as_store *s, const char *text, as_error *err)
{
    char *old = s->notice;
    as_buf b = {0};
    if (old) as_buf_printf(&b, "%s; ", old);
    as_buf_puts(&b, text);
    bool ok = as_buf_ok(&b, err);
    if (ok)
        s->notice = b.data;
    else
        as_buf_clear(&b);
    if (ok) free(old);
    return ok;
}

/* Sets the journal mode and reads it back: SQLite refuses in silence. */
static bool set_journal(sqlite3 *db, const char *mode, as_error *err)
{
    char sql[64];
    (void)snprintf(sql, sizeof sql, "PRAGMA journal_mode=%s", mode);
    char *found = as_sql_text(db, sql, err);
    if (!found) return false;
    bool ok = strcmp(found, mode) == 0 ||
              as_fail(err, AS_EIO, "journal mode (found %s, expected %s)", found, mode);
    free(found);
    return ok;
}

/* A file up to this size is checked whenever a writer opens it (a quarter of a second at most), a
 * larger one only after an unclean end. */
#define CHECK_ALWAYS_BYTES ((uint64_t)256 << 20)

/* Nothing is written before the file is known to be whole, ours, and not too new. Without shared
 * memory (is_remote) the log of an earlier WAL can only be read by someone alone with the file. */
static bool prepare_writer(as_store *s, const schema *sc, bool check, bool is_remote, as_error *err)
{
    int version = 0;
    if (is_remote && !as_sql_run(s->db, "PRAGMA locking_mode=EXCLUSIVE", err)) return false;
    if (!as_store_settle(s->db, err)) return false;
    if (check && !as_store_quick_check(s->db, err)) return false;
    if (!as_schema_version(sc, s->db, &version, err) || !as_schema_same(sc, s->db, version, err) ||
        !as_sql_run(s->db, "PRAGMA synchronous=FULL; PRAGMA recursive_triggers=ON", err) ||
        !as_schema_migrate(sc, s->db, s->path, version, err) ||
        !set_journal(s->db, is_remote ? "delete" : "wal", err))
        return false;
    if (is_remote &&
        !as_sql_run(s->db, "PRAGMA locking_mode=NORMAL; SELECT count(*) FROM sqlite_schema", err))
        return false;
    if (!as_sql_run(s->db, "PRAGMA journal_size_limit=67108864", err)) return false;
    return sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL) == SQLITE_OK ||
           as_sql_fail(s->db, err, "opening");
}

static bool prepare_reader(as_store *s, const schema *sc, as_error *err)
{
    int version = 0;
    if (!as_store_settle(s->db, err) || !as_sql_run(s->db, "PRAGMA query_only=ON", err) ||
        !as_schema_version(sc, s->db, &version, err) || !as_schema_same(sc, s->db, version, err))
        return false;
    if (version == sc->version) return true;
    (void)as_fail(err, AS_ESTATE, "schema: is older than this program (found %d, expected %d)",
                  version, sc->version);
    as_error_hint(err, "any command that writes to the store brings it up to date");
    return false;
}

static bool prepare(as_store *s, const schema *sc, bool is_remote, as_error *err)
{
    bool dirty = false;
    uint64_t size = 0;
    if (!as_store_peek(s->db, s->path, &dirty, &size, err)) return false;
    if (s->mode == AS_STORE_READ) return prepare_reader(s, sc, err);
    if (!prepare_writer(s, sc, dirty || size <= CHECK_ALWAYS_BYTES, is_remote, err)) return false;
    return !dirty ||
           set_notice(s, "the last writer did not end well; the file was checked and is whole",
                      err);
}

static bool open_steps(as_store *s, const char *path, const schema *sc, bool is_remote,
                       as_error *err)
{
    bool ok = false;
    char *lock = name_beside(path, ".lock", err);
    s->path = name_beside(path, "", err);
    if (!lock || !s->path) goto out;
    if (s->mode == AS_STORE_WRITE) {
        s->lock = as_lock_take(lock, err);
        if (!s->lock) goto out;
    }
    if (s->mode == AS_STORE_WRITE && !create_if_absent(sc, path, err)) goto out;
    s->db = as_store_connect(path, s->mode == AS_STORE_WRITE, err);
    ok = s->db && prepare(s, sc, is_remote, err);
    if (!ok) as_store_at_path(err, path);
out:
    free(lock);
    return ok;
}

as_store *as_store_open_as(const char *path, as_store_mode mode, const schema *sc, bool is_remote,
                           as_error *err)
{
    as_store *s = as_new(1, sizeof *s, err);
    if (!s) return NULL;
    s->mode = mode;
    if (open_steps(s, path, sc, is_remote, err)) return s;
    if (err->class_ == AS_EFORMAT && !err->hint[0])
        as_error_hint(err, "what is readable can be saved with: assay recover");
    as_store_close(s);
    return NULL;
}

as_store *as_store_open(const char *path, as_store_mode mode, as_error *err)
{
    bool is_remote = false;
    const char *name = NULL;
    as_buf text = {0};
    if (!as_store_is_remote(path, &is_remote, &name, err)) {
        as_store_at_path(err, path);
        return NULL;
    }
    as_store *s = as_store_open_as(path, mode, &as_store_schema, is_remote, err);
    if (!s || !is_remote) return s;
    as_buf_printf(&text,
                  "lies on %s, where shared memory cannot be trusted: kept with a rollback "
                  "journal, slower",
                  name);
    if (!as_buf_ok(&text, err) || !set_notice(s, as_buf_text(&text), err)) {
        as_store_close(s);
        s = NULL;
    }
    as_buf_clear(&text);
    return s;
}

void as_store_close(as_store *s)
{
    if (!s) return;
    as_store_rollback(s);
    for (size_t i = 0; i < AS_ROW_KINDS; i++) {
        (void)sqlite3_finalize(s->insert[i]);
        (void)sqlite3_finalize(s->find[i]);
        (void)sqlite3_finalize(s->has[i]);
    }
    (void)sqlite3_finalize(s->insert_timing);
    (void)sqlite3_finalize(s->visit);
    (void)sqlite3_finalize(s->visit_training);
    if (s->damaged) (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    AS_CHECK(sqlite3_close(s->db) == SQLITE_OK); /* BUSY: a statement of ours was not finalized */
    as_lock_release(s->lock);
    free(s->notice);
    free(s->path);
    free(s);
}

/* --- groups --------------------------------------------------------------------------------- */

bool as_store_begin(as_store *s, as_error *err)
{
    AS_CHECK(!s->in_group);
    const char *sql =
        s->mode == AS_STORE_WRITE
            ? "BEGIN IMMEDIATE"
            : "BEGIN; SELECT count(*) FROM sqlite_schema"; /* the read pins the state */
    s->in_group = as_sql_run(s->db, sql, err);
    if (!s->in_group) (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return s->in_group || as_store_fail_at(s, NULL, NULL, err);
}

bool as_store_commit(as_store *s, as_error *err)
{
    AS_CHECK(s->in_group);
    bool ok = !sqlite3_get_autocommit(s->db) ||
              as_fail(err, AS_EIO, "commit: the group was undone by an earlier failure");
    ok = ok && as_sql_run(s->db, "COMMIT", err);
    if (err->class_ == AS_EFORMAT) s->damaged = true;
    if (!ok) as_store_rollback(s);
    s->in_group = false;
    return ok || as_store_fail_at(s, NULL, NULL, err);
}

void as_store_rollback(as_store *s)
{
    if (s->in_group && !sqlite3_get_autocommit(s->db))
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    s->in_group = false;
}
