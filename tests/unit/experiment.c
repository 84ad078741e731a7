/* lab/experiment: files to rows and back to tables, with everything a plan can derive; runs that go
 * on where they stopped; verdicts that are decided again. */
#include "experiment_files.h"

#include "base/rng.h"
#include "lab/experiment/planted.h"
#include "lab/stats/blas.h"

static as_arena *arena;

/* --- one table from files to rows and back ---------------------------------------------------- */

static const char items[] =
    "{\"model\": \"m-1\", \"budget\": 512, \"items\": ["
    "{\"q\": \"a?\", \"r\": \"It may work. Maybe.\", \"share\": 0.6667, \"s\": {\"x\": 3}, \"ok\": "
    "true},"
    "{\"q\": \"b?\", \"r\": \"No\", \"share\": 0.5, \"s\": {\"x\": null}, \"ok\": false},"
    "{\"q\": \"c?\", \"r\": null, \"share\": null, \"s\": {}, \"ok\": true},"
    "{\"q\": \"d?\", \"r\": \"\\u00e9t\\u00e9!\", \"share\": 1, \"s\": {\"x\": [1]}, \"ok\": "
    "false}]}";
static const char other[] =
    "{\"q\": \"d?\", \"v\": 4}\n{\"q\": \"a?\", \"v\": 1.5}\n{\"q\": \"z?\", \"v\": 9}\n";
static const float vectors[8] = {1, 2, 3, 4, 5, 6, 7, 8};
static const int64_t order[4] = {10, 11, 12, 13};

#define HEAD "schema: assay.plan/1\nname: p\n"
#define NO_CHECKS "checks: {}\n"

static const char items_plan[] = HEAD
    "lexicons: {hedges: [may, maybe]}\n"
    "tables:\n"
    "  t:\n"
    "    about: four items\n"
    "    rows: a.json#/items/*\n"
    "    prompt: q\n"
    "    answer: r\n"
    "    cluster: ok\n"
    "    columns:\n"
    "      q: q\n"
    "      r: r\n"
    "      ok: ok\n"
    "      share: {path: share, as: fraction}\n"
    "      x: s/x\n"
    "      at: '@index'\n"
    "      v: {file: b.jsonl#/*/v, match: b.jsonl#/*/q, on: q}\n"
    "      h: {file: c.npz#h}\n"
    "      n: {file: c.npz#n}\n"
    "      all: {value: '7'}\n"
    "      every: {value: [one, '', two, '3rd']}\n"
    "      high: {from: share, rule: '>', cut: 1/2}\n"
    "      least: {from: share, rule: '<=', cut: 2/3}\n"
    "      same: {from: every, equals: two}\n"
    "      is10: {from: n, equals: '10'}\n"
    "      chars: {from: r, measure: characters}\n"
    "      bytes: {from: r, measure: bytes}\n"
    "      words: {from: r, measure: words}\n"
    "      hedged: {from: r, lexicon: hedges}\n"
    "      ends: {from: r, ending: strict}\n"
    "      less: {from: n, minus: share}\n"
    "    facts: {model: {file: a.json#/model}, budget: {file: a.json#/budget}, note: by hand}\n";

static const char *whole_items_plan(void)
{
    as_error err = {0};
    return as_arena_printf(arena, &err, "%s" NO_CHECKS, items_plan);
}

static bool put_items(void)
{
    const as_npz_source arrays[] = {
        {{.name = "h", .type = AS_NPZ_F4, .n_dims = 2, .dim = {4, 2}}, vectors},
        {{.name = "n", .type = AS_NPZ_I8, .n_dims = 1, .dim = {4}}, order}};
    as_error err = {0};
    CHECK(files_text("a.json", items) && files_text("b.jsonl", other));
    CHECK(as_npz_write(files_path("c.npz"), arrays, 2, &err));
    return !check_bad;
}

/* Imports table `name` of a plan into a fresh store and loads it again. */
static bool round_trip(const char *plan_text, const char *name, as_table *out, as_error *err)
{
    as_plan *plan = as_arena_push(arena, 1, sizeof *plan, err);
    as_design *d = as_arena_push(arena, 1, sizeof *d, err);
    const as_tree *tree = files_plan(plan_text, arena);
    bool ok = false;
    if (!plan || !d || !tree || !as_plan_parse(tree, arena, plan, err)) return false;
    *d = (as_design){.name = "p", .plan = "{}", .inputs = "{}", .code = "test", .seed = 1};
    as_sources *sources = as_sources_open(files_dir, err);
    (void)unlink(files_path("s.db"));
    as_store *store = sources ? as_store_open(files_path("s.db"), AS_STORE_WRITE, err) : NULL;
    const as_table_spec *spec = as_plan_table(plan, name);
    ok = store && spec && as_design_key(d, err) && as_store_put_design(store, d, err) &&
         as_import_table(store, d, spec, sources, arena, err) &&
         as_import_table(store, d, spec, sources, arena, err) && /* the second finds it there */
         as_load_table(store, d, plan, spec, arena, out, err);
    as_sources_close(sources);
    as_store_close(store);
    return ok;
}

/* Column `name` is these numbers; NaN is missing. */
static void numbers(const as_table *t, const char *name, size_t n, const double *x)
{
    const as_column *c = as_column_find(t, name);
    size_t missing = 0;
    CHECK(c && c->kind == AS_COLUMN_NUMBER && c->n == n && c->table == t);
    for (size_t i = 0; c && c->number && i < n; i++) {
        missing += isnan(x[i]);
        CHECK(isnan(x[i]) ? isnan(c->number[i]) && c->why[i] : c->number[i] == x[i]);
        if (check_bad) printf("column %s item %zu: %.17g\n", name, i, c->number[i]);
    }
    CHECK(c && c->n_missing == missing && (missing > 0) == (c->why != NULL));
}

static void texts(const as_table *t, const char *name, size_t n, const char *const *x)
{
    const as_column *c = as_column_find(t, name);
    CHECK(c && c->kind == AS_COLUMN_TEXT && c->n == n);
    for (size_t i = 0; c && c->text && i < n; i++)
        if (x[i])
            CHECK_TEXT(c->text[i], x[i]);
        else
            CHECK(!c->text[i] && c->why[i]);
}

static void items_come_back(void)
{
    as_error err = {0};
    as_table t;
    if (!put_items()) return;
    CHECK(round_trip(whole_items_plan(), "t", &t, &err));
    CHECK_TEXT(err.what, "");
    if (check_bad) return;
    CHECK(t.n == 4 && t.n_all == 4 && !t.absent && t.position[3] == 3);
    texts(&t, "q", 4, (const char *const[]){"a?", "b?", "c?", "d?"});
    texts(&t, "r", 4,
          (const char *const[]){"It may work. Maybe.", "No", NULL, "\xc3\xa9t\xc3\xa9!"});
    texts(&t, "every", 4, (const char *const[]){"one", NULL, "two", "3rd"});
    numbers(&t, "ok", 4, (const double[]){1, 0, 1, 0});
    numbers(&t, "share", 4, (const double[]){2.0 / 3, 0.5, NAN, 1});
    numbers(&t, "x", 4, (const double[]){3, NAN, NAN, NAN});
    numbers(&t, "at", 4, (const double[]){0, 1, 2, 3});
    numbers(&t, "v", 4, (const double[]){1.5, NAN, NAN, 4});
    numbers(&t, "n", 4, (const double[]){10, 11, 12, 13});
    numbers(&t, "all", 4, (const double[]){7, 7, 7, 7});
    numbers(&t, "high", 4, (const double[]){1, 0, NAN, 1});
    numbers(&t, "least", 4, (const double[]){1, 1, NAN, 0});
    numbers(&t, "same", 4, (const double[]){0, NAN, 1, 0});
    numbers(&t, "is10", 4, (const double[]){1, 0, 0, 0});
    numbers(&t, "chars", 4, (const double[]){19, 2, NAN, 4});
    numbers(&t, "bytes", 4, (const double[]){19, 2, NAN, 6});
    numbers(&t, "words", 4, (const double[]){4, 1, NAN, 1});
    numbers(&t, "hedged", 4, (const double[]){50, 0, NAN, 0});
    numbers(&t, "ends", 4, (const double[]){1, 0, NAN, 1});
    numbers(&t, "less", 4, (const double[]){10 - 2.0 / 3, 10.5, NAN, 12});
    const as_column *h = as_column_find(&t, "h");
    CHECK(h && h->kind == AS_COLUMN_MATRIX && h->dim == 2 && h->n == 4);
    CHECK(h && memcmp(h->matrix, vectors, sizeof vectors) == 0);
    CHECK_TEXT(as_fact_find(&t, "model"), "m-1");
    CHECK_TEXT(as_fact_find(&t, "budget"), "512");
    CHECK_TEXT(as_fact_find(&t, "note"), "by hand");
}

static void reasons_come_back(void)
{
    as_error err = {0};
    as_table t;
    if (!put_items() || !round_trip(whole_items_plan(), "t", &t, &err)) {
        CHECK_TEXT(err.what, "");
        return;
    }
    const as_column *x = as_column_find(&t, "x");
    CHECK_TEXT(x->why[1], "null");
    CHECK_TEXT(x->why[2], "no such field");
    CHECK_TEXT(x->why[3], "not a scalar");
    CHECK_TEXT(as_column_find(&t, "v")->why[1], "no matching item");
    CHECK_TEXT(as_column_find(&t, "every")->why[1], "not given");
    CHECK_TEXT(as_column_find(&t, "high")->why[2], "null"); /* what is derived keeps the reason */
}

/* The rows that a filter keeps, in every kind of column, and where they stood. */
static void filters(void)
{
    static const struct {
        const char *where;
        size_t n;
        uint64_t first, last;
    } cases[] = {
        {"{column: share, is: present}", 3, 0, 3},
        {"{column: share, is: missing}", 1, 2, 2},
        {"{column: r, is: missing}", 1, 2, 2},
        {"{column: h, is: present}", 4, 0, 3},
        {"{column: q, equals: 'b?'}", 1, 1, 1},
        {"{column: n, equals: '12'}", 1, 2, 2},
        {"{column: n, rule: '>=', cut: 12}", 2, 2, 3},
        {"{column: n, rule: '<', cut: 12}", 2, 0, 1},
        {"{column: hedged, rule: '>', cut: 0}", 1, 0, 0},
        {"{column: n, rule: '>', cut: 10}, {column: share, rule: '<=', cut: 1/2}", 1, 1, 1},
    };
    if (!put_items()) return;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char plan[4096];
        as_error err = {0};
        as_table t;
        (void)snprintf(plan, sizeof plan, "%s    where: [%s]\n" NO_CHECKS, items_plan,
                       cases[i].where);
        CHECK(round_trip(plan, "t", &t, &err));
        CHECK_TEXT(err.what, "");
        if (check_bad) return;
        CHECK(t.n == cases[i].n && t.n_all == 4);
        CHECK(t.position[0] == cases[i].first && t.position[t.n - 1] == cases[i].last);
        const as_column *n = as_column_find(&t, "n"), *h = as_column_find(&t, "h");
        CHECK(n->n == t.n && n->number[t.n - 1] == 10 + (double)cases[i].last);
        CHECK(h->matrix[2 * (t.n - 1)] == vectors[2 * cases[i].last]);
        if (check_bad) printf("where: %s\n", cases[i].where);
    }
}

/* The 64ths and thirds, as four decimals and in single precision. */
static void fractions(void)
{
    for (int q = 1; q <= 64; q++) {
        as_error err = {0};
        as_table t;
        as_buf text = {0};
        as_buf_puts(&text, "[");
        for (int p = 0; p <= q; p++)
            as_buf_printf(&text, "%s%.4f,%.9g", p ? "," : "", (double)p / q,
                          (double)((float)p / (float)q));
        as_buf_puts(&text, "]");
        CHECK(files_text("f.json", as_buf_text(&text)));
        as_buf_clear(&text);
        CHECK(round_trip(HEAD "tables: {t: {rows: 'f.json#/*', columns: {x: {path: ., as: "
                              "fraction}}}}\n" NO_CHECKS,
                         "t", &t, &err));
        CHECK_TEXT(err.what, "");
        for (int p = 0; !check_bad && p <= q; p++) {
            CHECK(t.column[0].number[2 * p] == (double)p / q);
            CHECK(t.column[0].number[2 * p + 1] == (double)p / q);
        }
    }
}

/* --- planted labels --- */

enum { N_PLANTED = 300, PLANTED_DIM = 4 };

static const char planted_plan[] = HEAD
    "tables:\n"
    "  t: &t\n"
    "    rows: p.jsonl#/*\n"
    "    columns:\n"
    "      k: k\n"
    "      v: {file: p.npz#v}\n"
    "      coin_<seed>: {each: &s {seed: [7, 8]}, from: k, planted: <seed>}\n"
    "      side_<seed>: {each: *s, from: v, planted: <seed>}\n"
    "  some:\n"
    "    rows: p.jsonl#/*\n"
    "    columns: {k: k, v: {file: p.npz#v}, coin: {from: k, planted: 7}, side: {from: v, planted: "
    "7}}\n"
    "    where: [{column: coin, equals: 1}]\n" NO_CHECKS;

/* 50 texts, of which one is missing, and 300 vectors. */
static void put_planted(float *v)
{
    as_error err = {0};
    as_buf b = {0};
    for (size_t i = 0; i < N_PLANTED; i++) {
        as_rng r = as_rng_at(5, "test", i);
        for (size_t k = 0; k < PLANTED_DIM; k++)
            v[i * PLANTED_DIM + k] = (float)as_rng_normal(&r) + (float)k;
        if (i == 9)
            as_buf_puts(&b, "{\"k\": null}\n");
        else
            as_buf_printf(&b, "{\"k\": \"%c%zu\"}\n", 'a', i % 50);
    }
    const as_npz_source array = {
        {.name = "v", .type = AS_NPZ_F4, .n_dims = 2, .dim = {N_PLANTED, PLANTED_DIM}}, v};
    CHECK(files_text("p.jsonl", as_buf_text(&b)));
    CHECK(as_npz_write(files_path("p.npz"), &array, 1, &err));
    as_buf_clear(&b);
}

static uint64_t head_of(const void *bytes, size_t size)
{
    as_error err = {0};
    as_key key;
    CHECK(as_sha256_of(bytes, size, key, &err));
    key[16] = '\0';
    return strtoull(key, NULL, 16);
}

/* A coin for each text, whatever its row; SHA-256 of "a0" begins with 8 bytes known beforehand. */
static void planted_texts(void)
{
    static float v[N_PLANTED * PLANTED_DIM];
    as_error err = {0};
    as_table t;
    size_t ones = 0, differ = 0;
    put_planted(v);
    CHECK(round_trip(planted_plan, "t", &t, &err));
    CHECK_TEXT(err.what, "");
    if (check_bad) return;
    const as_column *k = as_column_find(&t, "k"), *a = as_column_find(&t, "coin_7"),
                    *b = as_column_find(&t, "coin_8");
    as_rng coin = as_rng_at(7, "planted", 0x4e1195df020de59e);
    CHECK(a->number[0] == (double)as_rng_below(&coin, 2));
    CHECK(a->n_missing == 1 && isnan(a->number[9]));
    CHECK_TEXT(a->why[9], "null");
    for (size_t i = 0; i < N_PLANTED; i++) {
        if (i == 9) continue;
        coin = as_rng_at(8, "planted", head_of(k->text[i], strlen(k->text[i])));
        CHECK(b->number[i] == (double)as_rng_below(&coin, 2));
        CHECK(i % 50 == 9 || a->number[i] == a->number[i % 50]);
        ones += i < 50 && a->number[i] == 1;
        differ += i < 50 && a->number[i] != b->number[i];
    }
    CHECK(ones > 12 && ones < 38 && differ > 12 && differ < 38);
}

/* Beyond the median along the direction, but for the flips; the median is that of all rows. */
static void planted_vectors(void)
{
    static float v[N_PLANTED * PLANTED_DIM];
    as_error err = {0};
    as_table t, some;
    double along[N_PLANTED] = {0};
    size_t flips = 0;
    put_planted(v);
    CHECK(round_trip(planted_plan, "t", &t, &err) && round_trip(planted_plan, "some", &some, &err));
    CHECK_TEXT(err.what, "");
    if (check_bad) return;
    const as_column *c = as_column_find(&t, "side_7"), *part = as_column_find(&some, "side");
    for (size_t k = 0; k < PLANTED_DIM; k++) {
        as_rng r = as_rng_at(7, "planted direction", k);
        const double u = as_rng_normal(&r);
        for (size_t i = 0; i < N_PLANTED; i++) along[i] += u * v[i * PLANTED_DIM + k];
    }
    for (size_t i = 0; i < N_PLANTED; i++) {
        as_rng r =
            as_rng_at(7, "planted flip", head_of(v + i * PLANTED_DIM, PLANTED_DIM * sizeof *v));
        size_t below = 0;
        for (size_t j = 0; j < N_PLANTED; j++) below += along[j] < along[i];
        const bool flipped = as_rng_uniform(&r) < 0.1;
        flips += flipped;
        CHECK(c->number[i] == ((below >= N_PLANTED / 2) != flipped));
    }
    CHECK(flips > 15 && flips < 45);
    double all[N_PLANTED], there[N_PLANTED]; /* what is missing moves no median */
    for (size_t i = 0; i < 100 * PLANTED_DIM; i++) v[i] = NAN;
    CHECK(as_planted_vectors(7, all, v, N_PLANTED, PLANTED_DIM, &err));
    CHECK(as_planted_vectors(7, there, v + 100 * PLANTED_DIM, N_PLANTED - 100, PLANTED_DIM, &err));
    for (size_t i = 0; i < N_PLANTED; i++)
        CHECK(i < 100 ? isnan(all[i]) : all[i] == there[i - 100]);
    CHECK(some.n < t.n);
    for (size_t i = 0; i < some.n; i++) CHECK(part->number[i] == c->number[some.position[i]]);
}

static void figures(void)
{
    as_error err = {0};
    as_table t;
    if (!put_items()) return;
    CHECK(files_text("f.json",
                     "{\"one\": {\"x\": 1, \"n\": \"a\"}, \"two\": {\"x\": null, \"n\": \"b\"}}"));
    CHECK(round_trip(HEAD "tables:\n  t:\n    kind: figures\n    rows: f.json#/*\n"
                          "    columns: {x: x, n: n, key: '@key', k: {value: [3, 4]},\n"
                          "              twice: {from: k, minus: k}}\n" NO_CHECKS,
                     "t", &t, &err));
    CHECK_TEXT(err.what, "");
    if (check_bad) return;
    numbers(&t, "x", 2, (const double[]){1, NAN});
    numbers(&t, "k", 2, (const double[]){3, 4});
    numbers(&t, "twice", 2, (const double[]){0, 0});
    texts(&t, "n", 2, (const char *const[]){"a", "b"});
    texts(&t, "key", 2, (const char *const[]){"one", "two"});
    CHECK_TEXT(as_column_find(&t, "x")->why[1], "null");
    CHECK(round_trip(HEAD "tables: {t: {rows: [{a: 1/3, b: x}, {a: 2, b: y}, {b: z}],\n"
                          "  columns: {a: a, b: b, c: {value: 1}}}}\n" NO_CHECKS,
                     "t", &t, &err));
    CHECK_TEXT(err.what, "");
    if (check_bad) return;
    numbers(&t, "a", 3, (const double[]){1.0 / 3, 2, NAN});
    texts(&t, "b", 3, (const char *const[]){"x", "y", "z"});
    CHECK_TEXT(as_column_find(&t, "a")->why[2], "no such field");
    CHECK(round_trip(HEAD
                     "tables: {t: {kind: figures, columns: {n: {file: 'c.npz#n'}}}}\n" NO_CHECKS,
                     "t", &t, &err));
    CHECK_TEXT(err.what, "");
    if (!check_bad) numbers(&t, "n", 4, (const double[]){10, 11, 12, 13});
}

static void absent_tables(void)
{
    as_error err = {0};
    as_table t;
    if (!put_items()) return;
    CHECK(round_trip(
        HEAD "tables: {t: {optional: true, rows: 'none.json#/*', columns: {x: x}}}\n" NO_CHECKS,
        "t", &t, &err));
    CHECK_TEXT(t.absent, "none.json is not in the data folder");
    CHECK(round_trip(
        HEAD "tables: {t: {optional: true, rows: 'a.json#/items/*', columns: {x: q,\n"
             "  y: {file: 'a.json#/items/*/q', match: 'gone.json#/*', on: x}}}}\n" NO_CHECKS,
        "t", &t, &err));
    CHECK_TEXT(t.absent, "gone.json is not in the data folder");
}

/* --- whole runs ------------------------------------------------------------------------------- */

static const char run_plan[] = HEAD
    "seed: 3\ndraws: {permutations: 50, bootstrap: 50, cv_repeats: 2}\n"
    "tables:\n"
    "  first: {rows: 'run.json#/*', prompt: q, columns: {q: q, a: a, b: b, x: {file: 'x.npz#x'}}}\n"
    "  second: {rows: [{v: 0.25}, {v: 0.75}], columns: {v: v}}\n"
    "  third: {optional: true, rows: 'none.json#/*', columns: {x: x}}\n"
    "checks:\n"
    "  gain: {check: paired-binary, a: first.a, b: first.b, expect: positive}\n"
    "  inside: {check: bound, values: second.v, min: 0, max: 1, why: outside}\n"
    "  read: {check: within-cv, features: first.x, label: first.b, C: 1}\n"
    "  lost: {check: bound, values: third.x, min: 0, why: outside}\n"
    "claims:\n"
    "  gains: {says: more, must_hold: gain, artefact: inside}\n"
    "  reads: {says: reads, must_hold: read, instrument: lost}\n"
    "  both: {says: both, steps: [{name: gain, checks: gain}, {name: read, checks: [read, "
    "lost]}]}\n";

static bool put_run(void)
{
    as_buf text = {0};
    float x[60];
    const as_npz_source array = {{.name = "x", .type = AS_NPZ_F4, .n_dims = 2, .dim = {30, 2}}, x};
    as_error err = {0};
    for (size_t i = 0; i < 30; i++) {
        as_buf_printf(&text, "%s{\"q\":\"%zu\",\"a\":%d,\"b\":%d}", i ? "," : "[", i, i % 7 == 0,
                      i % 3 != 0);
        x[2 * i] = (float)(i % 3);
        x[2 * i + 1] = (float)(i * i % 11);
    }
    as_buf_puts(&text, "]");
    CHECK(files_text("run.json", as_buf_text(&text)));
    CHECK(as_npz_write(files_path("x.npz"), &array, 1, &err));
    as_buf_clear(&text);
    return !check_bad;
}

/* The keys of all verdicts of a design in one text; statistics are behind them by way of the
 * sentences, and are listed too. */
static const char *outcome(as_store *s, const as_design *d)
{
    as_error err = {0};
    as_verdict *v = NULL;
    as_statistic *st = NULL;
    size_t n = 0, n_st = 0;
    as_buf b = {0};
    CHECK(as_store_verdicts(s, d->key, NULL, arena, &v, &n, &err));
    CHECK(as_store_statistics(s, d->key, NULL, arena, &st, &n_st, &err));
    for (size_t i = 0; i < n; i++) as_buf_printf(&b, "%s %s\n", v[i].claim, v[i].key);
    for (size_t i = 0; i < n_st; i++) as_buf_printf(&b, "%s %s\n", st[i].check, st[i].key);
    const char *text = as_arena_text(arena, as_buf_text(&b), &err);
    as_buf_clear(&b);
    return text;
}

static as_store *fresh(const char *name)
{
    as_error err = {0};
    (void)unlink(files_path(name));
    as_store *s = as_store_open(files_path(name), AS_STORE_WRITE, &err);
    CHECK_TEXT(err.what, "");
    return s;
}

static void runs_agree(void)
{
    const as_tree *plan = files_plan(run_plan, arena);
    const char *expected = NULL;
    static const size_t threads[] = {1, 2, 7, 0};
    if (!put_run()) return;
    for (size_t i = 0; i < 4; i++) {
        as_error err = {0};
        as_design d;
        as_store *s = fresh("run.db");
        as_pool *pool = threads[i] ? as_pool_new(threads[i], &err) : NULL;
        const as_run_options o = {.data = files_dir, .store = s, .pool = pool};
        CHECK(as_reaudit(plan, &o, arena, &d, &err));
        CHECK_TEXT(err.what, "");
        const char *got = outcome(s, &d);
        if (expected) CHECK_TEXT(got, expected);
        expected = got;
        CHECK(strstr(got, "gains ") && strstr(got, "check/lost ") && strstr(got, "table/third "));
        CHECK(as_reaudit(plan, &o, arena, &d, &err)); /* again: nothing new */
        CHECK_TEXT(outcome(s, &d), expected);
        as_store_close(s);
        as_pool_free(pool);
    }
}

/* A store that holds the design and the first table only, as after a kill in between. */
static void half_a_run_goes_on(void)
{
    as_error err = {0};
    as_design d, again;
    as_plan p;
    const as_tree *plan = files_plan(run_plan, arena);
    if (!put_run()) return;
    as_store *whole = fresh("whole.db"), *half = fresh("half.db");
    as_run_options o = {.data = files_dir, .store = whole};
    CHECK(as_reaudit(plan, &o, arena, &d, &err) && as_plan_parse(plan, arena, &p, &err));
    as_sources *sources = as_sources_open(files_dir, &err);
    for (size_t n = 1; n <= 3 && !check_bad; n++) {
        CHECK(as_store_put_design(half, &d, &err));
        for (size_t i = 0; i < n; i++)
            CHECK(as_import_table(half, &d, &p.table[i], sources, arena, &err));
        o.store = half;
        CHECK(as_reaudit(plan, &o, arena, &again, &err));
        CHECK_TEXT(again.key, d.key);
        CHECK_TEXT(outcome(half, &d), outcome(whole, &d));
        as_store_close(half);
        half = fresh("half.db");
    }
    as_sources_close(sources);
    as_store_close(half);
    as_store_close(whole);
}

static void stops_when_asked(void)
{
    as_error err = {0};
    as_design d;
    const volatile sig_atomic_t stop = 1;
    const as_tree *plan = files_plan(run_plan, arena);
    if (!put_run()) return;
    as_store *s = fresh("stop.db"), *whole = fresh("whole.db");
    as_run_options o = {.data = files_dir, .store = s, .stop = &stop};
    CHECK(!as_reaudit(plan, &o, arena, &d, &err));
    CHECK(err.class_ == AS_ESTATE);
    CHECK_TEXT(err.what, "interrupted after 0 of 4 checks");
    CHECK_TEXT(err.hint, "the same command goes on from there");
    err = (as_error){0};
    o.stop = NULL;
    CHECK(as_reaudit(plan, &o, arena, &d, &err));
    o.store = whole;
    CHECK(as_reaudit(plan, &o, arena, &d, &err));
    CHECK_TEXT(outcome(s, &d), outcome(whole, &d));
    as_store_close(s);
    as_store_close(whole);
}

/* Another byte in a file, another seed, another code: another design. */
static void designs_differ(void)
{
    as_error err = {0};
    as_design a, b, c;
    if (!put_run()) return;
    as_store *s = fresh("run.db");
    const as_run_options o = {.data = files_dir, .store = s};
    CHECK(as_reaudit(files_plan(run_plan, arena), &o, arena, &a, &err));
    as_tree *other_seed = as_plan_read_over("p.yaml", run_plan, strlen(run_plan), arena, &err);
    CHECK(as_plan_set(other_seed, "seed=4", arena, &err));
    CHECK(as_reaudit(other_seed, &o, arena, &b, &err));
    as_buf text = {0};
    CHECK(as_file_read(files_path("run.json"), 1 << 20, &text, &err));
    as_buf_puts(&text, "\n");
    CHECK(files_put("run.json", text.data, text.size));
    as_buf_clear(&text);
    CHECK(as_reaudit(files_plan(run_plan, arena), &o, arena, &c, &err));
    CHECK_TEXT(err.what, "");
    CHECK(strcmp(a.key, b.key) && strcmp(a.key, c.key) && strcmp(b.key, c.key));
    as_store_close(s);
}

static void decides_again(void)
{
    static const struct {
        const char *set, *what;
    } changed[] = {
        {"checks.inside.max=0.5",
         "check/inside: verdict (decided again: fails outside; the store says otherwise)"},
        {"claims.gains.must_hold=inside",
         "gains: verdict (decided again: supported ; the store says otherwise)"},
        {"checks.gain.expect=negative",
         "check/gain: verdict (decided again: fails opposite sign; the store says otherwise)"},
    };
    as_error err = {0};
    as_design d;
    char expected[1024];
    if (!put_run()) return;
    as_store *s = fresh("run.db");
    as_run_options o = {.data = files_dir, .store = s};
    CHECK(as_reaudit(files_plan(run_plan, arena), &o, arena, &d, &err));
    o.data = NULL; /* no file is needed any more */
    CHECK(as_redecide(files_plan(run_plan, arena), &d, &o, arena, &err));
    CHECK(as_redecide(files_plan(d.plan, arena), &d, &o, arena, &err)); /* the stored plan */
    CHECK_TEXT(err.what, "");
    for (size_t i = 0; i < sizeof changed / sizeof changed[0]; i++) {
        as_tree *t = as_plan_read_over("p.yaml", run_plan, strlen(run_plan), arena, &err);
        CHECK(t && as_plan_set(t, changed[i].set, arena, &err));
        CHECK(!as_redecide(t, &d, &o, arena, &err));
        CHECK(err.class_ == AS_ESTATE);
        (void)snprintf(expected, sizeof expected, "%s: %s", files_path("run.db"), changed[i].what);
        CHECK_TEXT(err.what, expected);
        err = (as_error){0};
    }
    as_store_close(s);

    s = fresh("empty.db"); /* the design alone */
    o.store = s;
    CHECK(as_store_put_design(s, &d, &err));
    CHECK(!as_redecide(files_plan(run_plan, arena), &d, &o, arena, &err));
    (void)snprintf(expected, sizeof expected, "%s: table first: rows (found none)",
                   files_path("empty.db"));
    CHECK_TEXT(err.what, expected);
    as_store_close(s);
}

/* Texts with every kind of character survive the way into the design and back to a plan. */
static void plan_texts_survive(void)
{
    static const char plan[] =
        HEAD "about: \"tab \\t quote \\\" back \\\\ nl \\n del \\x7f nel \\x85 ls \\L ps \\P bom "
             "\\uFEFF nbsp \\_ c1 \\x9b astral \\U0001F600 bidi \\u202e\"\n"
             "tables: {second: {rows: [{v: 1}], columns: {v: v}}}\n"
             "checks: {'a \\u2028 \"b': {check: bound, values: second.v, min: 0, why: \"\\x7f\"}}\n"
             "claims: {c: {says: \"\\x01 \\e[31m\", must_hold: 'a \\u2028 \"b'}}\n";
    as_error err = {0};
    as_design d;
    as_store *s = fresh("text.db");
    const as_run_options o = {.data = files_dir, .store = s};
    const as_tree *tree = files_plan(plan, arena);
    CHECK(as_reaudit(tree, &o, arena, &d, &err));
    CHECK_TEXT(err.what, "");
    const as_tree *back = files_plan(d.plan, arena);
    if (back) {
        CHECK_TEXT(as_tree_find(back, "about")->text, as_tree_find(tree, "about")->text);
        CHECK(as_redecide(back, &d, &o, arena, &err));
        CHECK_TEXT(err.what, "");
    }
    as_store_close(s);
}

static void statistics_keep_their_order(void)
{
    as_error err = {0};
    as_design d;
    const as_statistic **list = NULL;
    size_t n = 0;
    if (!put_run()) return;
    as_store *s = fresh("run.db");
    const as_run_options o = {.data = files_dir, .store = s};
    CHECK(as_reaudit(files_plan(run_plan, arena), &o, arena, &d, &err));
    CHECK(as_statistics_of(s, &d, "gain", arena, &list, &n, &err));
    CHECK(n > 3);
    for (size_t i = 0; i < n; i++) CHECK(list[i]->position == i);
    as_store_close(s);
}

int main(void)
{
    as_error err = {0};
    arena = as_arena_new(&err);
    as_stats_init();
    if (!arena || !files_begin()) return 1;
    RUN(items_come_back);
    RUN(reasons_come_back);
    RUN(filters);
    RUN(fractions);
    RUN(planted_texts);
    RUN(planted_vectors);
    RUN(figures);
    RUN(absent_tables);
    RUN(runs_agree);
    RUN(half_a_run_goes_on);
    RUN(stops_when_asked);
    RUN(designs_differ);
    RUN(decides_again);
    RUN(plan_texts_survive);
    RUN(statistics_keep_their_order);
    files_clear(true);
    as_arena_free(arena);
    return check_end();
}
