/* The store when the file, the disk or the last writer was not well. Whatever happens to the bytes:
 * a clean error that names the file, or rows whose keys are theirs; and a damaged file stays as it
 * was found. */
#define STORE_IN_MEMORY
#include "store_rows.h"

#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include "base/jsonl.h"

static as_buf good, now; /* the bytes of a small store, and what is on disk */

/* --- what a damaged store may do -----------------------------------------------------------------
 */

typedef struct {
    size_t refused, whole, caught; /* at opening; not at all; when reading */
} outcome;

/* Reads everything there is; true when every row was whole. */
static bool read_everything(as_store *s, const char *design)
{
    as_error first = {0};
    as_arena *a = as_arena_new(&first);
    as_design *d;
    size_t n;
    as_prompt_list p;
    as_generation_list g;
    as_judgement_list j;
    as_reading_list r;
    as_statistic *st;
    as_verdict *v;
    as_store_where w = {.design = design};
    bool ok = a && as_store_designs(s, a, &d, &n, &first);
    ok = ok && as_store_prompts(s, &w, a, &p, &first) && as_store_generations(s, &w, a, &g, &first);
    ok = ok && as_store_judgements(s, &w, a, &j, &first) && as_store_readings(s, &w, a, &r, &first);
    ok = ok && as_store_statistics(s, design, NULL, a, &st, &n, &first);
    ok = ok && as_store_verdicts(s, design, NULL, a, &v, &n, &first);
    ok = ok && as_store_check(s, &first) && as_store_verify(s, NULL, NULL, NULL, NULL, &first);
    if (ok)
        CHECK(p.n == 40 && g.n == 40 && j.n == 40 && r.n == 40 && n == 1);
    else
        CHECK(first.class_ != AS_OK && strstr(first.where, path) && first.what[0]);
    as_arena_free(a);
    return ok;
}

static bool unchanged(const char *bytes, size_t size)
{
    read_all(path, &now);
    return now.size == size && memcmp(now.data, bytes, size) == 0;
}

/* Opens bytes as a store both ways and reads what can be read. */
static void try_bytes(const char *bytes, size_t size, const char *design, outcome *o)
{
    for (int mode = 0; mode < 2; mode++) {
        fresh();
        write_all(path, bytes, size);
        as_store *s = as_store_open(path, (as_store_mode)mode, &err);
        if (!s) {
            CHECK(err.class_ != AS_OK && strstr(err.where, path) && err.what[0]);
            CHECK(unchanged(bytes, size));
            err = (as_error){0};
            o->refused++;
            continue;
        }
        if (read_everything(s, design))
            o->whole++;
        else
            o->caught++;
        as_store_close(s);
    }
}

/* --- the corpus
 * ------------------------------------------------------------------------------------ */

typedef struct {
    const char *name;
    size_t at, size; /* overwritten with bytes; size 0: cut at `at` */
    const char *bytes;
    as_class class_;
    const char *message; /* after "PATH: " */
} broken;

static const broken corpus[] = {
    {"empty file", 0, 0, NULL, AS_EFORMAT, "size (found 0 bytes, expected at least 100)"},
    {"one byte", 1, 0, NULL, AS_EFORMAT, "size (found 1 bytes"},
    {"half a header", 50, 0, NULL, AS_EFORMAT, "size (found 50 bytes"},
    {"header alone", 100, 0, NULL, AS_EFORMAT, "size (found 100 bytes, expected"},
    {"one page", 4096, 0, NULL, AS_EFORMAT, "size (found 4096 bytes, expected"},
    {"a page and a bit", 5000, 0, NULL, AS_EFORMAT, "size (found 5000 bytes, expected"},
    {"magic", 0, 6, "sqlite", AS_EFORMAT, "byte 0: is not an SQLite database"},
    {"magic without its NUL", 15, 1, "4", AS_EFORMAT, "byte 0: is not an SQLite database"},
    {"text", 0, 16, "key,design,text\n", AS_EFORMAT, "byte 0: is not an SQLite database"},
    {"page size 0", 16, 2, "\0\0", AS_EFORMAT, "byte 16: page size (found 0"},
    {"page size 3", 16, 2, "\0\3", AS_EFORMAT, "byte 16: page size (found 3"},
    {"page size 256", 16, 2, "\1\0", AS_EFORMAT, "byte 16: page size (found 256"},
    {"page size 4097", 16, 2, "\x10\1", AS_EFORMAT, "byte 16: page size (found 4097"},
    {"other page size", 16, 2, "\x02\0", AS_EFORMAT, "size (found"},
    {"format 3", 18, 2, "\3\3", AS_EFORMAT, "byte 18: file format (found 3 and 3"},
    {"formats differ", 18, 2, "\1\2", AS_EFORMAT, "byte 18: file format (found 1 and 2"},
    {"reserved bytes", 20, 1, "\7", AS_EFORMAT, "byte 20:"},
    {"payload fraction", 21, 1, "\x41", AS_EFORMAT, "byte 20:"},
    {"minimum fraction", 22, 1, "\0", AS_EFORMAT, "byte 20:"},
    {"leaf fraction", 23, 1, "\xff", AS_EFORMAT, "byte 20:"},
    {"fewer pages", 28, 4, "\0\0\0\3", AS_EFORMAT, "expected 3 pages of 4096"},
    {"many pages", 28, 4, "\x7f\xff\xff\xff", AS_EFORMAT, "expected 2147483647 pages"},
    {"schema format 9", 44, 4, "\0\0\0\x09", AS_EFORMAT, "byte 44: schema format (found 9"},
    {"UTF-16", 56, 4, "\0\0\0\2", AS_EFORMAT, "byte 56: text encoding (found 2, expected 1)"},
    {"version 0", 60, 4, "\0\0\0\0", AS_EFORMAT, "schema: version (found 0"},
    {"newer version", 60, 4, "\0\0\1\0", AS_ESTATE,
     "schema: is newer than this program (found 256"},
    {"negative version", 60, 4, "\xff\xff\xff\xff", AS_EFORMAT, "schema: version (found -1"},
    {"no program", 68, 4, "\0\0\0\0", AS_ESTATE, "byte 68: belongs to another program"},
    {"another program", 68, 4, "GPKG", AS_ESTATE, "found 0x47504b47, expected 0x41535359"},
    {"page 1 no leaf", 100, 1, "\x63", AS_EFORMAT, ""},
    {"page 1 too many cells", 103, 2, "\xff\xff", AS_EFORMAT, ""},
    {"schema gone", 103, 2, "\0\0", AS_EFORMAT, ""},
};

static void malformed(void)
{
    for (size_t i = 0; i < sizeof corpus / sizeof corpus[0]; i++)
        for (int mode = 0; mode < 2; mode++) {
            const broken *b = &corpus[i];
            size_t size = b->size ? good.size : b->at;
            char *bytes = malloc(good.size);
            if (!bytes) abort();
            memcpy(bytes, good.data, good.size);
            if (b->size) memcpy(bytes + b->at, b->bytes, b->size);
            fresh();
            write_all(path, bytes, size);
            as_store *s = as_store_open(path, (as_store_mode)mode, &err);
            bool ok = !s && strstr(err.where, path) && says(b->class_, b->message);
            CHECK(ok && unchanged(bytes, size));
            if (!ok) printf("  %s\n", b->name);
            as_store_close(s);
            free(bytes);
        }
}

static void not_a_file(void)
{
    for (int mode = 0; mode < 2; mode++) {
        fresh();
        CHECK(mkdir(path, 0755) == 0);
        CHECK(!as_store_open(path, (as_store_mode)mode, &err) && says(AS_EFORMAT, "regular file"));
        CHECK(rmdir(path) == 0 && mkfifo(path, 0644) == 0);
        CHECK(!as_store_open(path, (as_store_mode)mode, &err) && says(AS_EFORMAT, "regular file"));
        CHECK(unlink(path) == 0 && symlink("nowhere", path) == 0);
        CHECK(!as_store_open(path, (as_store_mode)mode, &err) && says(AS_EIO, path));
        fresh();
        fill(1);
        char wal[320];
        (void)snprintf(wal, sizeof wal, "%s-wal", path);
        CHECK(mkdir(wal, 0755) == 0);
        CHECK(!as_store_open(path, (as_store_mode)mode, &err) && says(AS_EFORMAT, "-wal"));
        CHECK(rmdir(wal) == 0);
    }
    CHECK(!as_store_open("/nonexistent/assay.db", AS_STORE_WRITE, &err) &&
          says(AS_EIO, "/nonexistent"));
}

/* As somebody who may not write in the directory: 0 when all went as it must. */
static int as_a_stranger(bool may_read)
{
    as_error e = {0};
    if (geteuid() == 0 && setuid(65534) != 0) return 9;
    as_store *s = as_store_open(path, AS_STORE_READ, &e);
    if (may_read) {
        bool ok = s && as_store_verify(s, NULL, NULL, NULL, NULL, &e);
        as_store_close(s);
        return ok ? 0 : 1;
    }
    if (s || e.class_ != AS_EIO || !strstr(e.what, "Permission denied")) return 2;
    e = (as_error){0};
    s = as_store_open(path, AS_STORE_WRITE, &e);
    return !s && e.class_ == AS_EIO && strstr(e.where, path) ? 0 : 3;
}

static void permissions(void)
{
    char name[320];
    for (int may_read = 0; may_read < 2; may_read++) {
        fresh();
        fill(3);
        (void)snprintf(name, sizeof name, "%s-shm", path);
        CHECK(!as_file_exists(name)); /* so the reader has nothing to share */
        CHECK(chmod(path, may_read ? 0444 : 0) == 0 && chmod(dir, 0555) == 0);
        int status = 1;
        pid_t child = fork();
        if (child == 0) _exit(as_a_stranger(may_read));
        CHECK(waitpid(child, &status, 0) == child && status == 0);
        CHECK(chmod(dir, 0755) == 0 && !as_file_exists(name));
    }
}

static void header_bytes(void)
{
    as_design d = make_design("small", 1);
    outcome o = {0};
    for (size_t at = 0; at < 100; at++) {
        const char was = good.data[at];
        const char values[] = {0, 0x7f, (char)0x80, (char)0xff, (char)(was + 1), (char)(was - 1)};
        for (size_t v = 0; v < sizeof values; v++) {
            if (values[v] == was) continue;
            good.data[at] = values[v];
            try_bytes(good.data, good.size, d.key, &o);
        }
        good.data[at] = was;
    }
    /* change counter, freelist, cookie, cache size, vacuum fields, version number: harmless or
     * SQLite's */
    CHECK(o.refused > 400 && o.whole + o.caught > 100);
}

static void cut(void)
{
    as_design d = make_design("small", 1);
    outcome o = {0};
    for (size_t size = 0; size < good.size; size += size < 200 ? 7 : 1361)
        try_bytes(good.data, size, d.key, &o);
    CHECK(o.whole == 0 && o.caught == 0 && o.refused > 100);
}

/* Bits turned all over every page. Where no row, key or structure is touched all may be whole. */
static void flipped(void)
{
    as_design d = make_design("small", 1);
    outcome o = {0};
    char *bytes = malloc(good.size);
    if (!bytes) abort();
    for (size_t page = 0; page < good.size / 4096; page++)
        for (size_t k = 0; k < 6; k++) {
            size_t at =
                page * 4096 + (k < 2 ? k * 5 + (page ? 0 : 100) : (k * 683 + page * 37) % 4060);
            memcpy(bytes, good.data, good.size);
            for (size_t i = 0; i < (k == 2 ? 32 : 1); i++)
                bytes[at + i] = (char)(bytes[at + i] ^ 0x15);
            try_bytes(bytes, good.size, d.key, &o);
        }
    for (size_t page = 1; page < good.size / 4096; page++) {
        memcpy(bytes, good.data, good.size);
        memset(bytes + page * 4096, 0, 4096);
        try_bytes(bytes, good.size, d.key, &o);
    }
    CHECK(o.refused > 50 && o.caught > 20);
    printf("store_damage: flipped: %zu refused, %zu caught, %zu whole\n", o.refused, o.caught,
           o.whole);
    free(bytes);
}

/* --- rows that lie -------------------------------------------------------------------------------
 */

/* A change made behind the triggers, which are put back as they were. */
static void forge(const char *trigger, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    char drop[128], find[160], *made = NULL;
    (void)snprintf(find, sizeof find, "SELECT sql FROM sqlite_schema WHERE name = '%s'", trigger);
    (void)snprintf(drop, sizeof drop, "DROP TRIGGER %s", trigger);
    if (sqlite3_open(path, &db) != SQLITE_OK) abort();
    if (sqlite3_prepare_v2(db, find, -1, &st, NULL) != SQLITE_OK || sqlite3_step(st) != SQLITE_ROW)
        abort();
    made = sqlite3_mprintf("%s", sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    if (sqlite3_exec(db, "PRAGMA ignore_check_constraints=1", NULL, NULL, NULL) != SQLITE_OK)
        abort();
    if (sqlite3_exec(db, drop, NULL, NULL, NULL) != SQLITE_OK) abort();
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        printf("  %s\n", sqlite3_errmsg(db)), abort();
    if (sqlite3_exec(db, made, NULL, NULL, NULL) != SQLITE_OK) abort();
    sqlite3_free(made);
    (void)sqlite3_close(db);
}

static bool count_bad(void *ctx, as_row_kind k, const char *key, const char *what)
{
    size_t *n = ctx;
    CHECK(strlen(key) == 64 && what[0] && k < AS_ROW_KINDS);
    ++*n;
    return true;
}

static void forged(void)
{
    static const struct {
        const char *trigger, *sql, *message;
    } cases[] = {
        {"prompt_no_update", "UPDATE prompt SET text = 'other' WHERE position = 1", "key is not"},
        {"prompt_no_update", "UPDATE prompt SET position = 7 WHERE position = 1", "key is not"},
        {"judgement_no_update", "UPDATE judgement SET score = score + 1e-12", "key is not"},
        {"judgement_no_update", "UPDATE judgement SET score = 9e999", "score: is not finite"},
        {"judgement_no_update", "UPDATE judgement SET label = 'x'", "judgement"},
        {"statistic_no_update", "UPDATE statistic SET estimate = 0.95", "key is not"},
        {"statistic_no_update", "UPDATE statistic SET n = -1", "n: found -1"},
        {"verdict_no_update", "UPDATE verdict SET word = 'supported'", "key is not"},
        {"verdict_no_update", "UPDATE verdict SET tree = CAST(x'7b00' AS TEXT)",
         "tree: holds a NUL"},
        {"verdict_no_update", "UPDATE verdict SET tree = CAST(x'ff' AS TEXT)", "not valid UTF-8"},
        {"design_no_update", "UPDATE design SET seed = 5", "key is not"},
        {"generation_no_update", "UPDATE generation SET finish = 'stop'", "key is not"},
        {"reading_no_update", "UPDATE reading SET dim = 1000000000", "dim: found 1000000000"},
        {"reading_no_update", "UPDATE reading SET \"values\" = x'01'", "values: 1 bytes"},
        {"reading_no_update", "UPDATE reading SET \"values\" = x'', dim = 0", "key is not"},
        {"prompt_no_delete", "DELETE FROM prompt WHERE position = 2", "is not in the store"},
        {"design_no_delete", "DELETE FROM design", "is not in the store"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        as_store_tally t;
        size_t n = 0;
        fresh();
        fill(4);
        forge(cases[i].trigger, cases[i].sql);
        as_store *s = open_store(AS_STORE_READ);
        if (!s) abort();
        bool ok = !as_store_verify(s, NULL, &t, NULL, NULL, &err) && t.bad == 1;
        ok = ok && strstr(err.where, path) && says(AS_EFORMAT, cases[i].message);
        CHECK(ok);
        if (!ok) printf("  %s\n", cases[i].sql);
        err = (as_error){0};
        CHECK(!as_store_verify(s, NULL, &t, count_bad, &n, &err) && n == t.bad && n > 0);
        err = (as_error){0};
        as_store_close(s);
    }
    fresh();
    as_design d = fill(4);
    forge("judgement_no_update", "UPDATE judgement SET score = 1");
    as_store *s = open_store(AS_STORE_READ);
    as_arena *a = as_arena_new(&err);
    as_judgement_list j;
    if (!s || !a) abort();
    CHECK(!as_store_judgements(s, &(as_store_where){.design = d.key}, a, &j, &err));
    CHECK(says(AS_EFORMAT, "judgement"));
    as_store_close(s);
    as_arena_free(a);
}

/* --- writers that die ----------------------------------------------------------------------------
 */

#define GROUP 7

/* Puts groups of GROUP prompts for ever; tells how many are durable after each put. */
static void write_until_killed(int out)
{
    char text[300];
    as_error e = {0};
    as_store *s = as_store_open(path, AS_STORE_WRITE, &e);
    as_design d = make_design("killed", 1);
    uint64_t durable = 0;
    memset(text, 'k', sizeof text - 1);
    text[sizeof text - 1] = 0;
    if (!s || !as_store_put_design(s, &d, &e)) _exit(2);
    for (uint64_t i = 0;; i++) {
        as_prompt p = make_prompt(&d, "t", i, text);
        if (i % GROUP == 0 && !as_store_begin(s, &e)) _exit(3);
        if (!as_store_put_prompt(s, &p, &e)) _exit(4);
        if (i % GROUP == GROUP - 1) {
            if (!as_store_commit(s, &e)) _exit(5);
            durable = i + 1;
        }
        if (write(out, &durable, sizeof durable) != sizeof durable) _exit(6);
    }
}

/* Kills a writer after it told `tells` times (and us microseconds more); what it last said. */
static uint64_t kill_writer(size_t tells, long us)
{
    int ends[2];
    uint64_t durable = 0;
    if (pipe(ends) != 0) abort();
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        write_until_killed(ends[1]);
    }
    (void)close(ends[1]);
    for (size_t i = 0; i < tells; i++)
        if (read(ends[0], &durable, sizeof durable) != sizeof durable) abort();
    struct timespec wait = {0, us * 1000};
    (void)nanosleep(&wait, NULL);
    int status = 0;
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    uint64_t said;
    while (read(ends[0], &said, sizeof said) == sizeof said) durable = said;
    (void)close(ends[0]);
    return durable;
}

static void killed_writers(void)
{
    static const size_t tells[] = {1, 3, 7, 8, 13, 50, 200, 701, 2000, 5};
    for (size_t i = 0; i < sizeof tells / sizeof tells[0]; i++) {
        fresh();
        uint64_t durable = kill_writer(tells[i], (long)i * 137), n = 0;
        as_store *s = open_store(AS_STORE_WRITE);
        CHECK(s && as_store_notice(s) && strstr(as_store_notice(s), "did not end well"));
        if (!s) continue;
        /* a commit may have been durable before it could be told */
        CHECK(as_store_count(s, AS_ROW_PROMPT, &n, &err));
        CHECK(n % GROUP == 0 && n >= durable && n <= durable + GROUP);
        CHECK(as_store_verify(s, NULL, NULL, NULL, NULL, &err));
        as_design d = make_design("killed", 1);
        as_prompt p = make_prompt(&d, "t", n, "goes on");
        CHECK(as_store_put_prompt(s, &p, &err));
        as_store_close(s);
        s = open_store(AS_STORE_WRITE);
        CHECK(s && !as_store_notice(s) && as_store_count(s, AS_ROW_PROMPT, &durable, &err));
        CHECK(durable == n + 1);
        as_store_close(s);
    }
}

/* A killed writer's log beside a file that was damaged since. */
static void damaged_after_a_kill(void)
{
    char wal[320];
    as_buf log = {0}, log_now = {0};
    fresh();
    fill(200);
    (void)kill_writer(30, 0);
    (void)snprintf(wal, sizeof wal, "%s-wal", path);
    read_all(path, &now);
    read_all(wal, &log);
    CHECK(log.size > 0);
    as_buf bytes = now;
    now = (as_buf){0};
    memset(bytes.data + 30 * 4096 + 3, 0xff, 4); /* a page the log does not hold */
    write_all(path, bytes.data, bytes.size);
    CHECK(!as_store_open(path, AS_STORE_WRITE, &err) && says(AS_EFORMAT, path));
    CHECK(unchanged(bytes.data, bytes.size));
    read_all(wal, &log_now);
    CHECK(log_now.size == log.size && memcmp(log_now.data, log.data, log.size) == 0);
    as_buf_clear(&bytes);
    as_buf_clear(&log);
    as_buf_clear(&log_now);
}

static void log_without_store(void)
{
    fresh();
    (void)kill_writer(20, 0);
    CHECK(unlink(path) == 0);
    CHECK(!as_store_open(path, AS_STORE_WRITE, &err) && says(AS_ESTATE, "without its store"));
    CHECK(!as_file_exists(path));
}

/* Runs into a limit on the file's size, as on a full disk: 0 when that ended cleanly. */
static int write_until_full(rlim_t limit)
{
    char text[300];
    bool ok = true, committed = false;
    as_error e = {0};
    struct rlimit r = {limit, limit};
    as_design d = make_design("full", 1);
    memset(text, 'f', sizeof text - 1);
    text[sizeof text - 1] = 0;
    (void)signal(SIGXFSZ, SIG_IGN);
    as_store *s = as_store_open(path, AS_STORE_WRITE, &e);
    if (!s || setrlimit(RLIMIT_FSIZE, &r) != 0) return 1;
    ok = as_store_put_design(s, &d, &e);
    for (uint64_t i = 0; ok && i < 20000; i++) {
        as_prompt p = make_prompt(&d, "t", i, text);
        if (i % 100 == 0) ok = as_store_begin(s, &e);
        ok = ok && as_store_put_prompt(s, &p, &e);
        if (ok && i % 100 == 99) ok = as_store_commit(s, &e), committed = committed || ok;
    }
    if (ok || e.class_ != AS_EIO || !strstr(e.where, path) || !committed) return 2;
    as_store_close(s);
    return 0;
}

static void full_disk(void)
{
    static const rlim_t limits[] = {300000, 1000000, 5000000};
    for (size_t i = 0; i < 3; i++) {
        fresh();
        fill(40);
        int status = 1;
        pid_t child = fork();
        if (child == 0) _exit(write_until_full(limits[i]));
        CHECK(waitpid(child, &status, 0) == child && status == 0);
        uint64_t n = 0;
        as_store *s = open_store(AS_STORE_WRITE);
        CHECK(s && as_store_verify(s, NULL, NULL, NULL, NULL, &err));
        CHECK(s && as_store_count(s, AS_ROW_PROMPT, &n, &err) && n > 40 && n % 100 == 40);
        as_store_close(s);
    }
}

/* --- saving what is left
 * --------------------------------------------------------------------------- */

/* How many lines say so. */
static size_t lines(const char *from, const char *kind, bool intact)
{
    size_t n = 0;
    json_t *row = NULL;
    as_jsonl *r = as_jsonl_open(from, &err);
    must(r != NULL);
    for (;;) {
        must(as_jsonl_next(r, &row, &err));
        if (!row) break;
        const json_t *k = as_json_at(row, "/kind"), *i = as_json_at(row, "/intact");
        if (strcmp(json_string_value(k), kind) == 0 && json_is_true(i) == intact) n++;
        json_decref(row);
    }
    as_jsonl_close(r);
    return n;
}

static void recovers(void)
{
    char out[320];
    as_store_tally t;
    fresh();
    fill(400);
    (void)snprintf(out, sizeof out, "%s.jsonl", path);
    CHECK(as_store_recover(path, out, &t, &err) && t.bad == 0 && t.rows[AS_ROW_READING] == 400);
    CHECK(lines(out, "prompt", true) == 400 && lines(out, "reading", true) == 400);
    CHECK(lines(out, "statistic", true) == 1 && lines(out, "design", false) == 0);
    CHECK(!as_store_recover(path, out, &t, &err) && says(AS_ESTATE, "is there already"));
    (void)unlink(out);
    forge("prompt_no_update", "UPDATE prompt SET text = 'other' WHERE position = 1");
    CHECK(as_store_recover(path, out, &t, &err) && t.bad == 1 && t.rows[AS_ROW_PROMPT] == 400);
    CHECK(lines(out, "prompt", false) == 1);
    read_all(path, &now);
    size_t pages = now.size / 4096, lost = 0;
    for (size_t page = 1; page < pages; page += 7) { /* each seventh page becomes noise */
        memset(now.data + page * 4096, 0xa5, 4096);
        lost++;
    }
    write_all(path, now.data, now.size);
    (void)unlink(out);
    bool ok = as_store_recover(path, out, &t, &err);
    CHECK(ok || says(AS_EFORMAT, "no table can be read"));
    memset(now.data + 100, 0xa5, 300);
    write_all(path, now.data, now.size);
    (void)unlink(out);
    CHECK(!as_store_recover(path, out, &t, &err) && says(AS_EFORMAT, path) && !as_file_exists(out));
}

/* One leaf in the middle of a table is lost: only the rows on it are. */
static void recovers_around_a_page(void)
{
    char out[320];
    size_t saved = 0;
    as_store_tally t;
    fresh();
    fill(400);
    (void)snprintf(out, sizeof out, "%s.jsonl", path);
    read_all(path, &now);
    const char *at = NULL;
    for (size_t i = 0; i + 20 < now.size && !at; i++)
        if (memcmp(now.data + i, "question number 200,", 20) == 0) at = now.data + i;
    if (!at) abort();
    size_t page = (size_t)(at - now.data) / 4096;
    memset(now.data + page * 4096, 0xa5, 4096);
    write_all(path, now.data, now.size);
    CHECK(!as_store_open(path, AS_STORE_WRITE, &err) && says(AS_EFORMAT, "quick_check"));
    CHECK(as_store_recover(path, out, &t, &err) && t.bad > 0);
    saved = lines(out, "prompt", true);
    CHECK(saved >= 360 && saved < 400 && lines(out, "generation", true) == 400);
    CHECK(lines(out, "verdict", true) == 1);
}

static void recover_never_crashes(void)
{
    char out[320];
    for (size_t page = 0; page < good.size / 4096; page++)
        for (size_t k = 0; k < 4; k++) {
            fresh();
            write_all(path, good.data, good.size);
            (void)snprintf(out, sizeof out, "%s.jsonl", path);
            read_all(path, &now);
            memset(now.data + page * 4096 + (k * 1021 + page * 61) % 4000, (int)(0x3f + 64 * k),
                   40);
            write_all(path, now.data, now.size);
            bool ok = as_store_recover(path, out, NULL, &err);
            CHECK(ok ? as_file_exists(out) : err.class_ != AS_OK && !as_file_exists(out));
        }
}

int main(void)
{
    fresh();
    fill(40);
    read_all(path, &good);
    RUN(malformed);
    RUN(not_a_file);
    RUN(permissions);
    RUN(header_bytes);
    RUN(cut);
    RUN(flipped);
    RUN(forged);
    RUN(killed_writers);
    RUN(damaged_after_a_kill);
    RUN(log_without_store);
    RUN(full_disk);
    RUN(recovers);
    RUN(recovers_around_a_page);
    RUN(recover_never_crashes);
    as_buf_clear(&good);
    as_buf_clear(&now);
    tidy();
    return check_end();
}
