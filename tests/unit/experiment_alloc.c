/* lab/experiment: a whole tiny run with allocations refused, once and from there on. It ends in a
 * clean AS_EMEM, leaks nothing, and leaves a store that is whole and goes on. */
#include "experiment_files.h"
#include "fail_alloc.h"

#include "lab/stats/blas.h"

/* Every STEPth allocation; LONG_RUN=1 in the environment: every one. */
enum { STEP = 20 };

static const char plan_text[] =
    "schema: assay.plan/1\nname: p\ndraws: {permutations: 5, bootstrap: 5, cv_repeats: 1}\n"
    "lexicons: {l: [a, b]}\n"
    "tables:\n"
    "  t:\n"
    "    rows: a.json#/*\n"
    "    prompt: q\n"
    "    columns:\n"
    "      q: q\n"
    "      y: y\n"
    "      z: {file: a.json#/*/y, match: a.json#/*/q, on: q}\n"
    "      h: {file: x.npz#h}\n"
    "      n: {from: q, lexicon: l}\n"
    "      s: {path: s, as: fraction}\n"
    "      <from>_<seed>: {each: {from: [q, h], seed: [1]}, from: <from>, planted: <seed>}\n"
    "    where: [{column: y, is: present}]\n"
    "    facts: {m: {file: a.json#/0/q}}\n"
    "  f: {rows: [{v: 1/2}, {v: ''}], columns: {v: v}}\n"
    "  gone: {optional: true, rows: none.json#/*, columns: {v: v}}\n"
    "checks:\n"
    "  inside: {check: bound, values: f.v, max: 1, why: outside}\n"
    "  moved: {check: paired-binary, a: t.y, b: t.z}\n"
    "  arms: {check: instrument, arms: t, needs: m}\n"
    "  lost: {check: bound, values: gone.v, max: 1, why: outside}\n"
    "  read: {check: within-cv, features: t.h, label: t.y, C: 1, n_folds: 2}\n"
    "claims:\n"
    "  c: {says: s, must_hold: inside, instrument: [arms, lost]}\n"
    "  d: {says: s, steps: [{name: n, checks: [inside, read]}]}\n";

static bool put_files(void)
{
    static const float h[16] = {1, 5, 2, 3, 4, 1, 7, 7, 2, 8, 9, 9, 1, 2, 3, 1};
    const as_npz_source array = {{.name = "h", .type = AS_NPZ_F4, .n_dims = 2, .dim = {8, 2}}, h};
    as_error err = {0};
    bool ok = as_npz_write(files_path("x.npz"), &array, 1, &err);
    CHECK(ok);
    return ok && files_text("a.json",
                            "[{\"q\":\"a\",\"y\":1,\"s\":0.3333},{\"q\":\"b\",\"y\":0,\"s\":null},"
                            "{\"q\":\"c\",\"y\":1,\"s\":1},{\"q\":\"d\",\"y\":0,\"s\":0},"
                            "{\"q\":\"e\",\"y\":1,\"s\":0},{\"q\":\"f\",\"y\":0,\"s\":0},"
                            "{\"q\":\"g\",\"y\":1,\"s\":0},{\"q\":\"h\",\"y\":0,\"s\":0}]");
}

/* The run, from the plan's bytes to the verdicts, decided again. Releases all it took. */
static bool run(as_error *err)
{
    as_design d = {0};
    as_store *s = NULL;
    bool ok = false;
    as_arena *a = as_arena_new(err);
    const as_tree *plan =
        a ? as_plan_read_over("p.yaml", plan_text, sizeof plan_text - 1, a, err) : NULL;
    if (!plan) goto out;
    s = as_store_open(files_path("s.db"), AS_STORE_WRITE, err);
    if (!s) goto out;
    const as_run_options o = {.data = files_dir, .store = s};
    ok = as_reaudit(plan, &o, a, &d, err) && as_redecide(plan, &d, &o, a, err);
out:
    as_store_close(s);
    as_arena_free(a);
    return ok;
}

/* Kinds and keys of all rows, hashed. */
static bool digest(as_key out, as_error *err)
{
    as_store_tally tally = {0};
    as_arena *a = as_arena_new(err);
    as_store *s = a ? as_store_open(files_path("s.db"), AS_STORE_READ, err) : NULL;
    as_design d;
    as_verdict *v = NULL;
    as_statistic *st = NULL;
    size_t n = 0, n_st = 0;
    bool found = false;
    as_buf b = {0};
    bool ok = s && as_store_verify(s, NULL, &tally, NULL, NULL, err) &&
              as_store_latest_design(s, "p", a, &d, &found, err) && found &&
              as_store_verdicts(s, d.key, NULL, a, &v, &n, err) &&
              as_store_statistics(s, d.key, NULL, a, &st, &n_st, err);
    for (size_t i = 0; ok && i < n; i++) as_buf_puts(&b, v[i].key);
    for (size_t i = 0; ok && i < n_st; i++) as_buf_puts(&b, st[i].key);
    ok = ok && as_sha256_of(b.data, b.size, out, err);
    as_buf_clear(&b);
    as_store_close(s);
    as_arena_free(a);
    return ok;
}

static bool store_is_whole(void)
{
    as_error err = {0};
    as_store_tally tally = {0};
    if (!as_file_exists(files_path("s.db"))) return true;
    as_store *s = as_store_open(files_path("s.db"), AS_STORE_READ, &err);
    bool ok = s && as_store_verify(s, NULL, &tally, NULL, NULL, &err) && tally.bad == 0;
    as_store_close(s);
    if (!ok) printf("store: %s: %s\n", err.where, err.what);
    return ok;
}

static void remove_store(void)
{
    static const char *const names[] = {"s.db", "s.db-wal", "s.db-shm", "s.db.lock"};
    for (size_t i = 0; i < 4; i++) (void)unlink(files_path(names[i]));
}

/* One run in which allocation k is refused. Returns whether one was. */
static bool refuse(size_t k, bool from_on, const as_key whole)
{
    as_error err = {0}, later = {0};
    as_key now = "";
    remove_store();
    size_t before = fail_alloc_live();
    fail_alloc_at(k, from_on);
    bool ok = run(&err);
    bool refused = fail_alloc_hit();
    fail_alloc_at(0, false);
    /* What only served a message that is not shown may be missing: then all must be as it was. */
    CHECK(ok ? err.class_ == AS_OK : refused && err.class_ == AS_EMEM);
    CHECK(fail_alloc_live() <= before); /* less: what a library took was given back here */
    if (ok && refused) CHECK(digest(now, &later) && strcmp(now, whole) == 0);
    CHECK(store_is_whole());
    if (k / STEP % 16 == 0) { /* and it goes on from there */
        CHECK(run(&later));
        CHECK(digest(now, &later));
        CHECK_TEXT(later.what, "");
        CHECK_TEXT(now, whole);
    }
    if (check_bad) printf("allocation %zu%s: %s\n", k, from_on ? " and on" : "", err.what);
    return refused;
}

static void each_allocation(bool from_on)
{
    as_error err = {0};
    as_key whole = "";
    size_t step = getenv("LONG_RUN") ? 1 : STEP, k = 1;
    remove_store();
    if (!put_files()) return;
    CHECK(run(&err)); /* also fills what libraries keep for good */
    CHECK_TEXT(err.what, "");
    CHECK(digest(whole, &err));
    while (!check_bad && refuse(k, from_on, whole)) k += step;
    CHECK(k > 1000); /* something was refused at all */
}

static void once(void)
{
    each_allocation(false);
}

static void from_there_on(void)
{
    each_allocation(true);
}

int main(void)
{
    fail_alloc_init();
    as_stats_init();
    if (!files_begin()) return 1;
    RUN(once);
    RUN(from_there_on);
    files_clear(true);
    return check_end();
}
