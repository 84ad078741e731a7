/* Rows of training in the store: in and out, in order, one row a step, timings beside them; and a
 * store of version 1, which has no tables for them, brought up to date. */
#include "store_rows.h"

#include "base/jsonl.h"
#include "lab/store/store_internal.h"

static as_training make_training(const char *name, uint64_t seed)
{
    as_training r = {.name = name,
                     .kind = "dpo",
                     .plan = "{\"schema\":\"assay.train/1\"}",
                     .inputs = "{\"data\":\"00\"}",
                     .code = "assay 0.1.0",
                     .seed = seed};
    must(as_training_key(&r, &err));
    return r;
}

static as_training_step make_step(const as_training *t, uint64_t step, const char *values)
{
    as_training_step r = {.step = step, .of = 12, .values = values};
    memcpy(r.training, t->key, sizeof r.training);
    must(as_training_step_key(&r, &err));
    return r;
}

static as_timing make_timing(const as_training *t, uint64_t step, double seconds)
{
    as_timing r = {.step = step, .seconds = seconds, .tokens_per_second = NAN};
    memcpy(r.training, t->key, sizeof r.training);
    return r;
}

/* A training with n steps, last first, and their timings. */
static as_training fill_training(as_store *s, const char *name, uint64_t seed, uint64_t n)
{
    char values[80];
    as_training t = make_training(name, seed);
    must(as_store_begin(s, &err) && as_store_put_training(s, &t, &err));
    for (uint64_t i = n; i-- > 0;) {
        (void)snprintf(values, sizeof values, "{\"loss\":%d.5}", (int)(n - i));
        as_training_step r = make_step(&t, i, values);
        as_timing time = make_timing(&t, i, 0.25 * (double)i);
        must(as_store_put_training_step(s, &r, &err) && as_store_put_timing(s, &time, &err));
    }
    must(as_store_commit(s, &err));
    return t;
}

/* --- keys ------------------------------------------------------------------------------------- */

/* Each field moves the key, and the key is the hash of what docs/formats.md says it is. */
static void keys(void)
{
    static const char said[] = "[\"training\",\"a\",\"dpo\",\"{\\\"schema\\\":\\\"assay.train/"
                               "1\\\"}\",\"{\\\"data\\\":\\\"00\\\"}\",\"assay 0.1.0\",7]";
    as_training t = make_training("a", 7), other[6];
    as_key expected;
    char text[256];
    must(as_sha256_of(said, sizeof said - 1, expected, &err));
    CHECK_TEXT(t.key, expected);
    for (int i = 0; i < 6; i++) other[i] = t;
    other[0].name = "b", other[1].kind = "sft", other[2].plan = "{}", other[3].inputs = "{}";
    other[4].code = "assay 0.1.1", other[5].seed = 8;
    for (int i = 0; i < 6; i++) {
        must(as_training_key(&other[i], &err));
        CHECK(strcmp(other[i].key, t.key) != 0);
    }
    as_training_step r = make_step(&t, 3, "{\"loss\":0.5}"), changed = r;
    (void)snprintf(text, sizeof text, "[\"training_step\",\"%s\",3,12,\"{\\\"loss\\\":0.5}\"]",
                   t.key);
    must(as_sha256_of(text, strlen(text), expected, &err));
    CHECK_TEXT(r.key, expected);
    changed.of = 13;
    must(as_training_step_key(&changed, &err));
    CHECK(strcmp(changed.key, r.key) != 0);
    t.name = "\xff";
    CHECK(!as_training_key(&t, &err) && says(AS_EFORMAT, "training.name"));
}

/* --- in and out ------------------------------------------------------------------------------- */

static void same_training(as_store *s, const as_training *t, as_arena *a, size_t n)
{
    bool found = false;
    size_t n_steps = 0, n_timings = 0;
    as_training got = {0};
    as_training_step *row = NULL, one = {0};
    as_timing *time = NULL;
    CHECK(as_store_find_training(s, t->key, a, &got, &found, &err) && found);
    CHECK_TEXT(got.name, t->name);
    CHECK_TEXT(got.kind, "dpo");
    CHECK_TEXT(got.plan, t->plan);
    CHECK_TEXT(got.inputs, t->inputs);
    CHECK(strcmp(got.code, t->code) == 0 && got.seed == t->seed && strcmp(got.key, t->key) == 0);
    CHECK(as_store_training_steps(s, t->key, a, &row, &n_steps, &err) && n_steps == n);
    for (size_t i = 0; i < n_steps; i++)
        CHECK(row[i].step == i && row[i].of == 12 && strcmp(row[i].training, t->key) == 0);
    CHECK(n_steps && as_store_find_training_step(s, row[0].key, a, &one, &found, &err) && found);
    CHECK(n_steps && strcmp(one.values, row[0].values) == 0);
    CHECK(as_store_timings(s, t->key, a, &time, &n_timings, &err) && n_timings == n);
    for (size_t i = 0; i < n_timings; i++)
        CHECK(time[i].step == i && time[i].seconds == 0.25 * (double)i &&
              isnan(time[i].tokens_per_second));
    CHECK(as_store_training_steps(s, "none", a, &row, &n_steps, &err) && n_steps == 0);
    CHECK(as_store_timings(s, "none", a, &time, &n_timings, &err) && n_timings == 0);
}

static void round_trips(void)
{
    uint64_t n = 0;
    as_store_tally tally;
    fresh();
    as_arena *a = as_arena_new(&err);
    as_store *s = open_store(AS_STORE_WRITE);
    if (!s || !a) abort();
    as_training t = fill_training(s, "d\xc3\xa9 '\"; DROP TABLE training; --", UINT64_MAX, 12);
    (void)fill_training(s, t.name, UINT64_MAX, 12); /* nothing happens */
    (void)fill_training(s, "other", 1, 3);
    same_training(s, &t, a, 12);
    as_store_close(s);
    s = open_store(AS_STORE_READ);
    if (!s) abort();
    same_training(s, &t, a, 12);
    CHECK(as_store_count(s, AS_ROW_TRAINING, &n, &err) && n == 2);
    CHECK(as_store_count(s, AS_ROW_TRAINING_STEP, &n, &err) && n == 15);
    CHECK(as_store_verify(s, NULL, &tally, NULL, NULL, &err) && tally.bad == 0);
    CHECK(tally.rows[AS_ROW_TRAINING] == 2 && tally.rows[AS_ROW_TRAINING_STEP] == 15);
    CHECK(as_store_verify(s, t.key, &tally, NULL, NULL, &err) && tally.bad == 0);
    CHECK(tally.rows[AS_ROW_TRAINING] == 1 && tally.rows[AS_ROW_TRAINING_STEP] == 12);
    as_store_close(s);
    as_arena_free(a);
}

static void refuses(void)
{
    bool found = true;
    fresh();
    as_arena *a = as_arena_new(&err);
    as_store *s = open_store(AS_STORE_WRITE);
    if (!s || !a) abort();
    as_training t = make_training("t", 1), wrong = t;
    as_training_step r = make_step(&t, 1, "{\"loss\":1}"), other = make_step(&t, 1, "{\"loss\":2}");
    as_timing time = make_timing(&t, 1, 1);
    CHECK(!as_store_put_training_step(s, &r, &err) && says(AS_ESTATE, "is not in the store"));
    CHECK(!as_store_put_timing(s, &time, &err) && says(AS_ESTATE, "is not in the store"));
    wrong.seed = 2;
    CHECK(!as_store_put_training(s, &wrong, &err) && says(AS_ESTATE, "key is not the row's"));
    CHECK(as_store_latest_training(s, NULL, a, &wrong, &found, &err) && !found);
    wrong = t, wrong.plan = NULL;
    CHECK(!as_store_put_training(s, &wrong, &err) && says(AS_EFORMAT, "plan: found null"));
    must(as_store_begin(s, &err) && as_store_put_training(s, &t, &err));
    must(as_store_put_training_step(s, &r, &err));
    CHECK(!as_store_put_training_step(s, &other, &err) &&
          says(AS_ESTATE, "insert: that step is there with other numbers"));
    CHECK(as_store_put_training_step(s, &r, &err)); /* the group goes on */
    CHECK(as_store_commit(s, &err));
    time.seconds = INFINITY;
    CHECK(!as_store_put_timing(s, &time, &err) && says(AS_ENUMERIC, "seconds: is infinite"));
    time.seconds = 1, time.step = (uint64_t)INT64_MAX + 1;
    CHECK(!as_store_put_timing(s, &time, &err) && says(AS_ELIMIT, "step"));
    time.step = 1;
    CHECK(as_store_put_timing(s, &time, &err));
    as_store_close(s);
    s = open_store(AS_STORE_READ);
    if (!s) abort();
    CHECK(!as_store_put_training(s, &t, &err) && says(AS_ESTATE, "reading only"));
    CHECK(!as_store_put_timing(s, &time, &err) && says(AS_ESTATE, "reading only"));
    as_store_close(s);
    as_arena_free(a);
}

/* What was measured of a step first stands, whatever a second run says. */
static void first_timing_stands(void)
{
    size_t n = 0;
    as_timing *row = NULL;
    fresh();
    as_arena *a = as_arena_new(&err);
    as_store *s = open_store(AS_STORE_WRITE);
    if (!s || !a) abort();
    as_training t = fill_training(s, "t", 1, 3);
    as_timing again = make_timing(&t, 2, 99);
    CHECK(as_store_put_timing(s, &again, &err));
    CHECK(as_store_timings(s, t.key, a, &row, &n, &err) && n == 3 && row[2].seconds == 0.5);
    as_store_close(s);
    as_arena_free(a);
}

static void order_of_runs(void)
{
    bool found = false;
    size_t n = 0;
    as_training out, *all = NULL;
    fresh();
    as_arena *a = as_arena_new(&err);
    as_store *s = open_store(AS_STORE_WRITE);
    if (!s || !a) abort();
    as_training two = make_training("d", 2), one = make_training("d", 1);
    as_training e = make_training("e", 3);
    must(as_store_put_training(s, &two, &err) && as_store_put_training(s, &one, &err));
    must(as_store_put_training(s, &e, &err) && as_store_put_training(s, &e, &err));
    CHECK(as_store_latest_training(s, "d", a, &out, &found, &err) && found && out.seed == 1);
    CHECK(as_store_latest_training(s, NULL, a, &out, &found, &err) && found && out.seed == 3);
    must(as_store_put_training(s, &two, &err)); /* resumed */
    CHECK(as_store_latest_training(s, "d", a, &out, &found, &err) && found && out.seed == 2);
    CHECK(as_store_latest_training(s, "f", a, &out, &found, &err) && !found);
    CHECK(as_store_trainings(s, a, &all, &n, &err) && n == 3);
    CHECK(n == 3 && all[0].seed == 2 && all[1].seed == 1 && all[2].seed == 3);
    CHECK(raw("SELECT 1 FROM training_visit WHERE n = 4") == SQLITE_OK);
    as_store_close(s);
    as_arena_free(a);
}

static void append_only(void)
{
    static const char *const refused[] = {
        "UPDATE training SET name = 'x'",
        "DELETE FROM training",
        "UPDATE training_step SET step = 9",
        "DELETE FROM training_step",
        "UPDATE timing SET seconds = 9",
        "UPDATE OR REPLACE timing SET seconds = 9",
        "DELETE FROM timing",
        "DELETE FROM training_visit",
        "INSERT OR REPLACE INTO training_step SELECT printf('%064d', 1), training, step, \"of\","
        " '{}' FROM training_step LIMIT 1",
        "INSERT INTO training_step SELECT printf('%064d', 1), training, -1, 1, '{}'"
        " FROM training_step LIMIT 1",
    };
    static const char *const nothing[] = {
        "INSERT OR REPLACE INTO training SELECT key, 'x', objective, plan, inputs, code, 9"
        " FROM training",
        "INSERT OR REPLACE INTO timing SELECT training, step, 77, 77 FROM timing",
        "REPLACE INTO timing(rowid, training, step, seconds) SELECT rowid, training, step + 100, 77"
        " FROM timing",
        "INSERT INTO timing SELECT training, step, 77, 77 FROM timing WHERE 1"
        " ON CONFLICT DO UPDATE SET seconds = 77",
    };
    size_t n = 0;
    as_timing *row = NULL;
    fresh();
    as_arena *a = as_arena_new(&err);
    as_store *s = open_store(AS_STORE_WRITE);
    if (!s || !a) abort();
    as_training t = fill_training(s, "t", 1, 3);
    as_store_close(s);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        bool ok = (raw(refused[i]) & 0xff) == SQLITE_CONSTRAINT;
        CHECK(ok);
        if (!ok) printf("  %s\n", refused[i]);
    }
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++) (void)raw(nothing[i]);
    s = open_store(AS_STORE_READ);
    CHECK(s && as_store_verify(s, NULL, NULL, NULL, NULL, &err));
    CHECK(s && as_store_timings(s, t.key, a, &row, &n, &err) && n == 3);
    for (size_t i = 0; i < n; i++) CHECK(row[i].seconds < 1);
    as_store_close(s);
    as_arena_free(a);
}

/* An as_store_bad that counts. */
static bool hear(void *ctx, as_row_kind which, const char *key, const char *what)
{
    CHECK(strlen(key) == 64 && what[0]);
    CHECK(which == AS_ROW_TRAINING || which == AS_ROW_TRAINING_STEP);
    ++*(uint64_t *)ctx;
    return true;
}

/* Runs sql without that trigger, and puts it back as it was, or the file would not open at all. */
static void forge(const char *trigger, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    as_buf text = {0}, drop = {0};
    must(sqlite3_open(path, &db) == SQLITE_OK);
    must(sqlite3_prepare_v2(db, "SELECT sql FROM sqlite_schema WHERE name = ?1", -1, &st, NULL) ==
         SQLITE_OK);
    must(sqlite3_bind_text(st, 1, trigger, -1, NULL) == SQLITE_OK);
    must(sqlite3_step(st) == SQLITE_ROW);
    as_buf_puts(&text, (const char *)sqlite3_column_text(st, 0));
    as_buf_printf(&drop, "PRAGMA foreign_keys=0; DROP TRIGGER %s", trigger);
    must(sqlite3_finalize(st) == SQLITE_OK);
    must(sqlite3_exec(db, as_buf_text(&drop), NULL, NULL, NULL) == SQLITE_OK);
    must(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
    must(sqlite3_exec(db, as_buf_text(&text), NULL, NULL, NULL) == SQLITE_OK);
    must(sqlite3_close(db) == SQLITE_OK);
    as_buf_clear(&text);
    as_buf_clear(&drop);
}

/* Rows forged behind the store's back are found by verify. */
static void forged(void)
{
    static const struct {
        const char *trigger, *sql;
        uint64_t bad; /* rows told of */
    } cases[] = {
        {"training_no_update", "UPDATE training SET name = 'u'", 1},
        {"training_step_no_update", "UPDATE training_step SET \"values\" = '{}'", 3},
        {"training_no_delete", "DELETE FROM training", 6},
        {"timing_first_stands", "INSERT INTO timing VALUES(printf('%064d', 0), 1, 1, 1)", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        as_store_tally tally = {0};
        uint64_t told = 0;
        fresh();
        as_store *s = open_store(AS_STORE_WRITE);
        if (!s) abort();
        (void)fill_training(s, "t", 1, 3);
        as_store_close(s);
        forge(cases[i].trigger, cases[i].sql);
        s = open_store(AS_STORE_READ);
        CHECK(s && !as_store_verify(s, NULL, &tally, hear, &told, &err) && says(AS_EFORMAT, path));
        CHECK(tally.bad == cases[i].bad && told == cases[i].bad);
        as_store_close(s);
    }
}

/* --- recover ---------------------------------------------------------------------------------- */

/* Lines of a kind in a file of JSON lines; *marked: those that have "intact". */
static size_t lines(const char *from, const char *what, size_t *marked)
{
    size_t n = 0;
    json_t *row = NULL;
    as_jsonl *r = as_jsonl_open(from, &err);
    must(r != NULL);
    *marked = 0;
    for (;;) {
        must(as_jsonl_next(r, &row, &err));
        if (!row) break;
        bool same = strcmp(json_string_value(as_json_at(row, "/kind")), what) == 0;
        n += same;
        *marked += same && as_json_at(row, "/intact");
        json_decref(row);
    }
    as_jsonl_close(r);
    return n;
}

static void recovers(void)
{
    char out[320];
    size_t marked = 0;
    as_store_tally tally;
    fresh();
    as_store *s = open_store(AS_STORE_WRITE);
    if (!s) abort();
    (void)fill_training(s, "t", 1, 12);
    as_store_close(s);
    (void)snprintf(out, sizeof out, "%s.jsonl", path);
    CHECK(as_store_recover(path, out, &tally, &err) && tally.bad == 0);
    CHECK(tally.rows[AS_ROW_TRAINING] == 1 && tally.rows[AS_ROW_TRAINING_STEP] == 12);
    CHECK(lines(out, "training", &marked) == 1 && marked == 1);
    CHECK(lines(out, "training_step", &marked) == 12 && marked == 12);
    CHECK(lines(out, "timing", &marked) == 12 && marked == 0);
}

/* --- a store of version 1 --------------------------------------------------------------------- */

static as_store *open_one(const char *at, as_store_mode mode)
{
    const schema one = {as_store_schema.migrations, 1};
    return as_store_open_as(at, mode, &one, false, &err);
}

/* One design in a store as the first release made it. */
static as_design fill_one(void)
{
    fresh();
    as_store *s = open_one(path, AS_STORE_WRITE);
    if (!s) abort();
    as_design d = make_design("old", 1);
    as_prompt p = make_prompt(&d, "t", 0, "q");
    must(as_store_put_design(s, &d, &err) && as_store_put_prompt(s, &p, &err));
    as_store_close(s);
    return d;
}

/* The text of version 1 is for ever: stores of it are compared with it character by character. */
static void version_1_stands(void)
{
    static const char expected[] =
        "146f7f42a44fdb4f2cdb6f34e501a5897475ff065ab4027075c5f4292a995b2b";
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    as_buf all = {0};
    as_key digest;
    (void)fill_one();
    must(sqlite3_open(path, &db) == SQLITE_OK);
    must(sqlite3_prepare_v2(db,
                            "SELECT coalesce(sql, '') FROM sqlite_schema"
                            " WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
                            -1, &st, NULL) == SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW)
        as_buf_printf(&all, "%s\n", (const char *)sqlite3_column_text(st, 0));
    must(sqlite3_finalize(st) == SQLITE_OK && sqlite3_close(db) == SQLITE_OK);
    must(as_sha256_of(all.data, all.size, digest, &err));
    CHECK_TEXT(digest, expected);
    as_buf_clear(&all);
}

static void migrates(void)
{
    char copy[320];
    bool found = false;
    as_design d = fill_one(), last = {0};
    as_arena *a = as_arena_new(&err);
    (void)snprintf(copy, sizeof copy, "%s.before-v2", path);
    CHECK(!as_store_open(path, AS_STORE_READ, &err) && says(AS_ESTATE, "is older"));
    CHECK(!as_file_exists(copy));
    as_store *s = open_store(AS_STORE_WRITE);
    if (!s || !a) abort();
    CHECK(as_file_exists(copy));
    CHECK(as_store_latest_design(s, "old", a, &last, &found, &err) && found);
    CHECK_TEXT(last.key, d.key);
    as_training t = fill_training(s, "new", 1, 12);
    CHECK(as_store_verify(s, NULL, NULL, NULL, NULL, &err));
    as_store_close(s);
    s = open_store(AS_STORE_READ);
    if (!s) abort();
    same_training(s, &t, a, 12);
    as_store_close(s);
    CHECK(!open_one(path, AS_STORE_READ) && says(AS_ESTATE, "newer"));
    s = open_one(copy, AS_STORE_READ); /* as it was */
    CHECK(s && as_store_has(s, AS_ROW_DESIGN, d.key, &found, &err) && found);
    as_store_close(s);
    as_arena_free(a);
}

/* Recovering an old store looks for no table that its version does not have. */
static void recovers_version_1(void)
{
    char out[320];
    as_store_tally tally;
    (void)fill_one();
    (void)snprintf(out, sizeof out, "%s.jsonl", path);
    CHECK(as_store_recover(path, out, &tally, &err) && tally.bad == 0);
    CHECK(tally.rows[AS_ROW_DESIGN] == 1 && tally.rows[AS_ROW_PROMPT] == 1);
}

int main(void)
{
    RUN(keys);
    RUN(round_trips);
    RUN(refuses);
    RUN(first_timing_stands);
    RUN(order_of_runs);
    RUN(append_only);
    RUN(forged);
    RUN(recovers);
    RUN(version_1_stands);
    RUN(migrates);
    RUN(recovers_version_1);
    tidy();
    return check_end();
}
