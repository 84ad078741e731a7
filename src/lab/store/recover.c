/* What is readable of a damaged store, as JSON lines. The file is only read, through SQLite's own
 * reading of each table: in order from the front as far as it goes, then, past the first page
 * that cannot be read, one rowid after the other. */
#include "lab/store/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    sqlite3 *db;
    int fd;
    as_buf line;
    as_store_tally *tally;
    uint64_t most_rows; /* no table can hold more: the file's size over the smallest row */
} rescue;

#define SMALLEST_ROW 64 /* its key alone */
#define FLUSH_AT ((size_t)1 << 20)

static bool flush(rescue *r, as_error *err)
{
    const char *p = r->line.data;
    size_t left = r->line.size;
    if (!as_buf_ok(&r->line, err)) return false;
    while (left) {
        ssize_t n = write(r->fd, p, left);
        if (n < 0 && errno == EINTR) continue;
        if (n == 0) errno = EIO;
        if (n <= 0) return as_sys_fail(err, "write");
        p += n, left -= (size_t)n;
    }
    as_buf_clear(&r->line);
    return true;
}

/* --- one row as JSON -------------------------------------------------------------------------- */

static void write_text(as_buf *out, const char *text)
{
    json_t *v = text ? json_string(text) : json_null();
    if (v)
        as_json_write(out, v);
    else
        out->failed = true;
    json_decref(v);
}

static void write_floats(as_buf *out, const float *x, uint64_t n)
{
    char text[32];
    as_buf_puts(out, "[");
    for (uint64_t i = 0; i < n; i++)
        as_buf_printf(out, "%s%s", i ? "," : "", as_double_text((double)x[i], text));
    as_buf_puts(out, "]");
}

static void write_field(as_buf *out, const column *c, const char *row)
{
    const char *text;
    const float *floats;
    uint64_t count;
    double real;
    char number[32];
    switch (c->type) {
    case COLUMN_KEY:
        write_text(out, row + c->at);
        break;
    case COLUMN_TEXT:
        memcpy(&text, row + c->at, sizeof text);
        write_text(out, text);
        break;
    case COLUMN_COUNT:
    case COLUMN_SEED:
        memcpy(&count, row + c->at, sizeof count);
        as_buf_printf(out, "%" PRIu64, count);
        break;
    case COLUMN_REAL:
        memcpy(&real, row + c->at, sizeof real);
        as_buf_puts(out, as_double_text(real, number));
        break;
    case COLUMN_FLOATS:
        memcpy(&floats, row + c->at, sizeof floats);
        memcpy(&count, row + c->count_at, sizeof count);
        write_floats(out, floats, count);
        break;
    }
}

/* A table to be saved, and where its rows are counted. */
typedef struct {
    const kind *kind;
    uint64_t *rows;
} table;

/* The row under st, when its fields can be read at all. */
static bool save_row(rescue *r, sqlite3_stmt *st, const table *t, as_error *err)
{
    union {
        as_design align;
        char bytes[ROW_SIZE_MAX];
    } row;
    const kind *k = t->kind;
    as_error one = {0};
    as_arena *a = as_arena_new(err);
    if (!a) return false;
    bool readable = as_store_unbind(st, k, a, row.bytes, &one);
    if (readable) {
        bool intact = as_store_key_check(k, row.bytes, AS_EFORMAT, &one);
        as_buf_printf(&r->line, "{\"kind\":\"%s\"", k->name);
        for (size_t i = 0; i < k->n_columns; i++) {
            as_buf_printf(&r->line, ",\"%s\":", k->columns[i].name);
            write_field(&r->line, &k->columns[i], row.bytes);
        }
        if (k->rekey) as_buf_printf(&r->line, ",\"intact\":%s", intact ? "true" : "false");
        as_buf_puts(&r->line, "}\n");
        ++*t->rows;
        if (!intact) r->tally->bad++;
    } else {
        r->tally->bad++;
    }
    as_arena_free(a);
    return r->line.size < FLUSH_AT || flush(r, err);
}

/* --- one table -------------------------------------------------------------------------------- */

static bool prepare(rescue *r, const kind *k, const char *rest, sqlite3_stmt **st)
{
    as_error one = {0};
    as_buf sql = {0};
    as_buf_puts(&sql, "SELECT ");
    as_store_columns(&sql, k);
    as_buf_printf(&sql, ",t.rowid FROM %s t NOT INDEXED %s", k->name, rest);
    bool ok = as_buf_ok(&sql, &one) && as_sql_prepare(r->db, as_buf_text(&sql), st, &one);
    as_buf_clear(&sql);
    return ok;
}

/* The largest rowid, or as many rows as the file could hold beyond `last` when that too is lost. */
static int64_t last_rowid(rescue *r, const kind *k, int64_t last)
{
    char sql[80];
    sqlite3_stmt *st = NULL;
    int64_t max = 0;
    (void)snprintf(sql, sizeof sql, "SELECT max(rowid) FROM %s", k->name);
    bool ok = sqlite3_prepare_v2(r->db, sql, -1, &st, NULL) == SQLITE_OK &&
              sqlite3_step(st) == SQLITE_ROW;
    if (ok) max = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    int64_t limit = (int64_t)r->most_rows + 1;
    if (!ok || max < last || max - last > limit)
        max = last <= INT64_MAX - limit ? last + limit : last;
    return max;
}

/* Rows after rowid `last`, each asked for by itself. */
static bool probe(rescue *r, const table *t, int64_t last, as_error *err)
{
    bool ok = true, in_gap = false;
    sqlite3_stmt *st = NULL;
    if (!prepare(r, t->kind, "WHERE t.rowid = ?1", &st)) return true;
    int64_t max = last_rowid(r, t->kind, last);
    for (int64_t id = last; ok && id < max; id++) {
        (void)sqlite3_bind_int64(st, 1, id + 1);
        int rc = sqlite3_step(st);
        if (rc == SQLITE_ROW) ok = save_row(r, st, t, err);
        bool lost = rc != SQLITE_ROW && rc != SQLITE_DONE;
        if (lost && !in_gap) r->tally->bad++;
        in_gap = lost;
        (void)sqlite3_reset(st);
    }
    sqlite3_finalize(st);
    return ok;
}

/* *readable: the table could be asked at all. */
static bool save_table(rescue *r, const table *t, bool *readable, as_error *err)
{
    bool ok = true;
    int rc;
    int64_t last = 0;
    sqlite3_stmt *st = NULL;
    if (!prepare(r, t->kind, "ORDER BY t.rowid", &st)) {
        r->tally->bad++;
        return true;
    }
    *readable = true;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW && ok) {
        last = sqlite3_column_int64(st, (int)t->kind->n_columns);
        ok = save_row(r, st, t, err);
    }
    sqlite3_finalize(st);
    if (rc == SQLITE_NOMEM) return as_fail(err, AS_EMEM, "out of memory");
    return ok && (rc == SQLITE_DONE || probe(r, t, last, err));
}

/* Which tables are to be looked for: what the file says, or all of them. */
static int version_of(rescue *r)
{
    as_error one = {0};
    char *text = as_sql_text(r->db, "PRAGMA user_version", &one);
    int version = text ? (int)strtol(text, NULL, 10) : 0;
    free(text);
    return version >= 1 && version < as_store_schema.version ? version : as_store_schema.version;
}

static bool save_all(rescue *r, as_error *err)
{
    bool readable = false;
    int version = version_of(r);
    uint64_t timings = 0;
    for (int i = 0; i <= AS_ROW_KINDS; i++) {
        table t = {&as_store_timing, &timings};
        if (i < AS_ROW_KINDS) t = (table){as_store_kind((as_row_kind)i), &r->tally->rows[i]};
        if (t.kind->since <= version && !save_table(r, &t, &readable, err)) return false;
    }
    if (!readable) return as_fail(err, AS_EFORMAT, "no table can be read");
    if (!flush(r, err)) return false;
    return fsync(r->fd) == 0 || as_sys_fail(err, "sync");
}

/* --- the files -------------------------------------------------------------------------------- */

static bool open_store(rescue *r, const char *path, as_error *err)
{
    struct stat st;
    if (stat(path, &st) != 0) return as_sys_fail(err, "open");
    r->most_rows = (uint64_t)st.st_size / SMALLEST_ROW;
    r->db = as_store_connect(path, false, err);
    if (!r->db) return false;
    /* half a page is better than none here */
    return as_store_settle(r->db, err) &&
           as_sql_run(r->db, "PRAGMA query_only=ON; PRAGMA cell_size_check=OFF", err);
}

static bool open_out(const char *path, int *fd, as_error *err)
{
    *fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (*fd >= 0) return true;
    if (errno == EEXIST) return as_fail(err, AS_ESTATE, "is there already");
    return as_sys_fail(err, "open");
}

bool as_store_recover(const char *path, const char *out_path, as_store_tally *tally, as_error *err)
{
    as_store_tally own;
    const char *place = path;
    rescue r = {.fd = -1, .tally = tally ? tally : &own};
    *r.tally = (as_store_tally){0};
    bool ok = open_store(&r, path, err);
    if (ok) {
        place = out_path;
        ok = open_out(out_path, &r.fd, err);
    }
    if (ok) {
        ok = save_all(&r, err);
        if (!ok && err->class_ == AS_EFORMAT) place = path;
        if (close(r.fd) != 0 && ok) ok = as_sys_fail(err, "close");
        if (!ok) (void)unlink(out_path);
    }
    if (!ok) as_store_at_path(err, place);
    (void)sqlite3_close(r.db);
    as_buf_clear(&r.line);
    return ok;
}
