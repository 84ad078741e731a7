/* Connections to SQLite: what is looked at before it may open a file, how it is told to trust
 * nothing, and how its errors become ours. */
#include "lab/store/store_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define HEADER_SIZE 100
#define BUSY_WAIT_MS 5000

/* --- errors --------------------------------------------------------------------------------- */

static as_class class_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_ERROR: /* our own SQL is right: it is the file that is not */
    case SQLITE_MISMATCH:
        return AS_EFORMAT;
    case SQLITE_NOMEM:
        return AS_EMEM;
    case SQLITE_TOOBIG:
        return AS_ELIMIT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_SCHEMA:
    case SQLITE_CONSTRAINT:
        return AS_ESTATE;
    default:
        return AS_EIO;
    }
}

bool as_sys_fail(as_error *err, const char *doing)
{
    int number = errno;
    char reason[128];
    if (strerror_r(number, reason, sizeof reason) != 0)
        (void)snprintf(reason, sizeof reason, "error %d", number);
    return as_fail(err, AS_EIO, "%s: %s", doing, reason);
}

void as_store_at_path(as_error *err, const char *path)
{
    char text[AS_ESCAPE_SIZE];
    as_error_at(err, "%s", as_escape(path, strlen(path), text));
}

bool as_sql_fail(sqlite3 *db, as_error *err, const char *doing)
{
    char text[AS_ESCAPE_SIZE];
    const char *message = sqlite3_errmsg(db);
    int code = sqlite3_extended_errcode(db), system = sqlite3_system_errno(db);
    bool has_cause =
        (code & 0xff) == SQLITE_IOERR && system != 0; /* "disk I/O error" says little */
    return as_fail(err, class_of(code), "%s: %s%s%s", doing,
                   as_escape(message, strlen(message), text), has_cause ? ": " : "",
                   has_cause ? strerror(system) : "");
}

bool as_sql_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **st, as_error *err)
{
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, st, NULL) == SQLITE_OK)
        return true;
    return as_sql_fail(db, err, "preparing");
}

bool as_sql_step(sqlite3 *db, sqlite3_stmt *st, bool *row, as_error *err)
{
    int rc = sqlite3_step(st);
    *row = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE || as_sql_fail(db, err, "SQLite");
}

bool as_sql_run(sqlite3 *db, const char *sql, as_error *err)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK || as_sql_fail(db, err, "SQLite");
}

char *as_sql_text(sqlite3 *db, const char *sql, as_error *err)
{
    char *out = NULL;
    bool row = false;
    sqlite3_stmt *st = NULL;
    if (!as_sql_prepare(db, sql, &st, err) || !as_sql_step(db, st, &row, err)) goto out;
    const char *text = row ? (const char *)sqlite3_column_text(st, 0) : "";
    out = as_new(text ? strlen(text) + 1 : 1, 1, err);
    if (out && text) memcpy(out, text, strlen(text));
out:
    sqlite3_finalize(st);
    return out;
}

/* --- the file, before SQLite sees it --------------------------------------------------------- */

static uint32_t be32(const unsigned char *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | (uint32_t)b[3];
}

/* https://www.sqlite.org/fileformat2.html, 1.3: the fields that have one right value, and ours. */
static bool check_header(const unsigned char *h, uint64_t size, bool dirty, as_error *err)
{
    uint32_t page = (uint32_t)h[16] << 8 | h[17];
    if (page == 1) page = 65536;
    if (memcmp(h, "SQLite format 3", 16) != 0)
        return as_fail(err, AS_EFORMAT, "byte 0: is not an SQLite database");
    if (page < 512 || (page & (page - 1)))
        return as_fail(err, AS_EFORMAT,
                       "byte 16: page size (found %u, expected a power of two from 512)", page);
    if (h[18] < 1 || h[18] > 2 || h[18] != h[19])
        return as_fail(err, AS_EFORMAT,
                       "byte 18: file format (found %u and %u, expected both 1 or 2)", h[18],
                       h[19]);
    if (h[20] || h[21] != 64 || h[22] != 32 || h[23] != 32)
        return as_fail(err, AS_EFORMAT, "byte 20: (found %u %u %u %u, expected 0 64 32 32)", h[20],
                       h[21], h[22], h[23]);
    if (be32(h + 44) != 4)
        return as_fail(err, AS_EFORMAT, "byte 44: schema format (found %u, expected 4)",
                       be32(h + 44));
    if (be32(h + 68) != STORE_APPLICATION_ID)
        return as_fail(
            err, AS_ESTATE,
            "byte 68: belongs to another program (application id: found 0x%08x, expected 0x%08x)",
            be32(h + 68), STORE_APPLICATION_ID);
    if (be32(h + 56) != 1)
        return as_fail(err, AS_EFORMAT, "byte 56: text encoding (found %u, expected 1)",
                       be32(h + 56));
    if (dirty) return true; /* the log may hold the newer page 1 */
    if (size % page || (be32(h + 24) == be32(h + 92) && (uint64_t)be32(h + 28) * page != size))
        return as_fail(err, AS_EFORMAT, "size (found %llu bytes, expected %u pages of %u)",
                       (unsigned long long)size, be32(h + 28), page);
    return true;
}

/* The size of PATH + suffix, 0 when there is none. */
static bool beside(const char *path, const char *suffix, uint64_t *size, bool *there, as_error *err)
{
    struct stat st;
    as_buf name = {0};
    as_buf_printf(&name, "%s%s", path, suffix);
    bool ok = as_buf_ok(&name, err);
    *there = ok && lstat(as_buf_text(&name), &st) == 0;
    *size = *there ? (uint64_t)st.st_size : 0;
    if (*there && !S_ISREG(st.st_mode))
        ok = as_fail(err, AS_EFORMAT, "%s: is not a regular file", suffix);
    as_buf_clear(&name);
    return ok;
}

/* Through SQLite's own handle: closing another descriptor of the file would drop the locks that
 * this process holds on it (https://www.sqlite.org/howtocorrupt.html, 2.2). */
static bool read_header(sqlite3 *db, const char *path, unsigned char *header, uint64_t *size,
                        as_error *err)
{
    struct stat st;
    sqlite3_file *f = NULL;
    if (stat(path, &st) != 0) return as_sys_fail(err, "open");
    *size = (uint64_t)st.st_size;
    if (*size < HEADER_SIZE)
        return as_fail(err, AS_EFORMAT, "size (found %llu bytes, expected at least %d)",
                       (unsigned long long)*size, HEADER_SIZE);
    return (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &f) == SQLITE_OK && f &&
            f->pMethods && f->pMethods->xRead(f, header, HEADER_SIZE, 0) == SQLITE_OK) ||
           as_fail(err, AS_EIO, "cannot read the header");
}

bool as_store_peek(sqlite3 *db, const char *path, bool *dirty, uint64_t *size, as_error *err)
{
    unsigned char header[HEADER_SIZE] = {0};
    uint64_t wal, journal;
    bool there;
    if (!beside(path, "-wal", &wal, &there, err)) return false;
    if (!beside(path, "-journal", &journal, &there, err)) return false;
    *dirty = wal > 0 || journal > 0;
    return read_header(db, path, header, size, err) && check_header(header, *size, *dirty, err);
}

/* --- opening -------------------------------------------------------------------------------- */

/* A URI, so that no name ("", ":memory:", "file:x", "//x") means anything but a file. */
static void add_uri(as_buf *uri, const char *path, const char *mode, bool immutable)
{
    as_buf_puts(uri, "file:");
    if (path[0] != '/') as_buf_puts(uri, "./");
    for (const char *p = path; *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                     (*p >= '0' && *p <= '9') || strchr("._-", *p);
        if (plain || (*p == '/' && (p == path || p[-1] != '/')))
            as_buf_add(uri, p, 1);
        else
            as_buf_printf(uri, "%%%02X", (unsigned char)*p);
    }
    as_buf_printf(uri, "?mode=%s%s", mode, immutable ? "&immutable=1" : "");
}

static bool add_directory(as_buf *out, const char *path, as_error *err)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        as_buf_puts(out, ".");
    else
        as_buf_add(out, path, slash == path ? 1 : (size_t)(slash - path));
    return as_buf_ok(out, err);
}

/* Reading a WAL file needs its -shm file; where neither can be made nor is there, nobody writes. */
static bool is_immutable(const char *path, bool *immutable, as_error *err)
{
    uint64_t size;
    bool wal, shm;
    as_buf dir = {0};
    bool ok = beside(path, "-wal", &size, &wal, err) && beside(path, "-shm", &size, &shm, err) &&
              add_directory(&dir, path, err);
    *immutable = ok && !wal && !shm && access(as_buf_text(&dir), W_OK) != 0;
    as_buf_clear(&dir);
    return ok;
}

/* https://www.sqlite.org/security.html: nothing in the file can call, load or reach anything. */
static bool harden(sqlite3 *db, as_error *err)
{
    static const struct {
        int option, value;
    } options[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},   {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_DQS_DDL, 0},     {SQLITE_DBCONFIG_DQS_DML, 0},
        {SQLITE_DBCONFIG_ENABLE_VIEW, 0}, {SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1},
        {SQLITE_DBCONFIG_ENABLE_FKEY, 1}, {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (sqlite3_db_config(db, options[i].option, options[i].value, NULL) != SQLITE_OK)
            return as_sql_fail(db, err, "hardening");
    (void)sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    (void)sqlite3_busy_timeout(db, BUSY_WAIT_MS);
    return true;
}

bool as_store_settle(sqlite3 *db, as_error *err)
{
    return as_sql_run(db,
                      "PRAGMA mmap_size=0; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;"
                      "PRAGMA cache_size=-65536",
                      err);
}

static bool is_regular(const char *path, as_error *err)
{
    struct stat st;
    if (stat(path, &st) != 0) return as_sys_fail(err, "open");
    return S_ISREG(st.st_mode) || as_fail(err, AS_EFORMAT, "is not a regular file");
}

static bool open_fail(sqlite3 *db, as_error *err)
{
    if (!db) return as_fail(err, AS_EMEM, "open: out of memory");
    errno = sqlite3_system_errno(db);
    return errno ? as_sys_fail(err, "open") : as_sql_fail(db, err, "open");
}

sqlite3 *as_store_connect(const char *path, bool can_write, as_error *err)
{
    bool ok = false, immutable = false;
    sqlite3 *db = NULL;
    as_buf uri = {0};
    int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX |
                (can_write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
    if (!is_regular(path, err)) goto out;
    if (!can_write && !is_immutable(path, &immutable, err)) goto out;
    add_uri(&uri, path, can_write ? "rw" : "ro", immutable);
    if (!as_buf_ok(&uri, err)) goto out;
    if (sqlite3_open_v2(as_buf_text(&uri), &db, flags, NULL) != SQLITE_OK) {
        (void)open_fail(db, err);
        goto out;
    }
    ok = harden(db, err);
out:
    as_buf_clear(&uri);
    if (ok) return db;
    (void)sqlite3_close(db);
    return NULL;
}

/* --- where the file lies ---------------------------------------------------------------------- */

bool as_store_is_remote(const char *path, bool *is_remote, const char **name, as_error *err)
{
    /* linux/magic.h and the file systems' own documents */
    static const struct {
        uint32_t magic;
        const char *name;
    } remote[] = {
        {0x6969, "NFS"},       {0x517B, "SMB"},      {0xFF534D42, "CIFS"},     {0xFE534D42, "SMB2"},
        {0x01021997, "9p"},    {0x65735546, "FUSE"}, {0x6A656A63, "virtiofs"}, {0x5346414F, "AFS"},
        {0x00C36400, "Ceph"},  {0x73757245, "Coda"}, {0x0BD00BD0, "Lustre"},   {0x47504653, "GPFS"},
        {0x7461636F, "OCFS2"}, {0x01161970, "GFS2"}, {0x19830326, "BeeGFS"},
    };
    struct statfs fs;
    as_buf dir = {0};
    bool ok = add_directory(&dir, path, err);
    *is_remote = false;
    *name = NULL;
    if (ok && statfs(path, &fs) != 0 && statfs(as_buf_text(&dir), &fs) != 0)
        ok = as_sys_fail(err, "statfs");
    for (size_t i = 0; ok && i < sizeof remote / sizeof remote[0]; i++)
        if ((uint32_t)fs.f_type == remote[i].magic) *is_remote = true, *name = remote[i].name;
    as_buf_clear(&dir);
    return ok;
}
