/* lab/experiment: files whose content is not what the plan says, seen through an import; each with
 * the exact message, and with nothing left in the store. */
#include "experiment_files.h"

static as_arena *arena;

/* One table `t` over the files; DIR in `says` is the data folder. The npz file holds
 *   x (4, 2) finite, nan (4, 2) with a NaN at 5, inf (4) with -Inf at 2, two (2), cube (1, 2, 2),
 *   zero (0), one () and big (1) = 2^60 + 1. */
static const struct {
    const char *name, *content; /* a file; NULL: only b.json and x.npz */
    const char *table;
    as_class class_;
    bool of_files; /* false: found only when the rows are loaded again */
    const char *says;
} cases[] = {
#define B "rows: b.json#/rows/*"
    /* malformed files */
    {"a.json", "", "rows: a.json#/*", AS_EFORMAT, true,
     "DIR/a.json: 1:1: value (found end of text, expected a value)"},
    {"a.json", "{\"a\": 1", "rows: a.json#/*", AS_EFORMAT, true,
     "DIR/a.json: 1:8: object (found end of text, expected ',' or '}')"},
    {"a.json", "[1,]", "rows: a.json#/*", AS_EFORMAT, true,
     "DIR/a.json: 1:4: value (found ']', expected a value)"},
    {"a.json", "{\"a\": 1, \"a\": 2}", "rows: a.json#/*", AS_EFORMAT, true,
     "DIR/a.json: 1:10: name given twice (found \"a\" again, expected it once)"},
    {"a.json", "[NaN]", "rows: a.json#/*", AS_EFORMAT, true,
     "DIR/a.json: 1:2: word (found NaN, expected true, false, null, or a quoted string)"},
    {"a.json", "[\"\xff\"]", "rows: a.json#/*", AS_EFORMAT, true,
     "DIR/a.json: 1:3: string (found byte \\xff, expected valid UTF-8)"},
    {"a.json", "[\"\\ud800\"]", "rows: a.json#/*", AS_EFORMAT, true,
     "DIR/a.json: 1:3: surrogate (found \\ud800 alone, expected a pair)"},
    {"a.json", "[1] 2", "rows: a.json#/*", AS_EFORMAT, true,
     "DIR/a.json: 1:5: text after the value (found '2', expected end of text)"},
    {"a.jsonl", "{\"x\": 1}\n[2]\n", "rows: a.jsonl#/*", AS_EFORMAT, true,
     "DIR/a.jsonl:2: row (found an array, expected an object)"},
    {"a.jsonl", "{\"x\": 1}\n{\"x\": 2", "rows: a.jsonl#/*", AS_EFORMAT, true,
     "DIR/a.jsonl:2: last line is cut, 1 whole row before it: column 8: object (found end of text, "
     "expected ',' or '}')"},
    {"a.jsonl", "{\"x\": 1}\n\n{\"x\": 2}\n", "rows: a.jsonl#/*", AS_EFORMAT, true,
     "DIR/a.jsonl:2: blank line (found no row, expected an object)"},
    {"a.npz", "PK\3\4", "columns: {x: {file: 'a.npz#x'}}", AS_EFORMAT, true,
     "DIR/a.npz: not a ZIP archive (found 4 bytes, expected at least 22)"},
    {"a.npz", "", "columns: {x: {file: 'a.npz#x'}}", AS_EFORMAT, true,
     "DIR/a.npz: not a ZIP archive (found 0 bytes, expected at least 22)"},
    {"a.csv", "x\n1\n", "rows: a.csv#/*", AS_EUSAGE, true,
     "p.yaml:4:13: tables.t.rows: file type (expected .json, .jsonl or .npz)"},
    /* files that are not there, or not to be opened */
    {NULL, NULL, "rows: none.json#/*", AS_EFORMAT, true,
     "p.yaml:4:3: tables.t: file none.json (found none in the data folder)"},
    {NULL, NULL, B ", columns: {x: {file: 'none.npz#x'}}", AS_EFORMAT, true,
     "p.yaml:4:3: tables.t: file none.npz (found none in the data folder)"},
    {NULL, NULL, B ", columns: {k: k, x: {file: 'b.json#/rows/*', match: 'none.json#/*', on: k}}",
     AS_EFORMAT, true, "p.yaml:4:3: tables.t: file none.json (found none in the data folder)"},
    {NULL, NULL, B ", columns: {k: k}, facts: {m: {file: none.json#/m}}", AS_EFORMAT, true,
     "p.yaml:4:64: tables.t.facts.m.file: file (found none in the data folder)"},
    {NULL, NULL, "rows: ../b.json#/*", AS_EUSAGE, true,
     "p.yaml:4:13: tables.t.rows: \"../b.json\": unsafe name (found \"..\", expected a plain "
     "relative name)"},
    {NULL, NULL, "rows: /etc/b.json#/*", AS_EUSAGE, true,
     "p.yaml:4:13: tables.t.rows: \"/etc/b.json\": unsafe name (found an absolute path, expected a "
     "plain relative name)"},
    /* places that are not there */
    {NULL, NULL, "rows: b.json#rows/*", AS_EFORMAT, true,
     "p.yaml:4:13: tables.t.rows: JSON pointer (expected \"\" or a leading /)"},
    {NULL, NULL, "rows: b.json#/row/*", AS_EFORMAT, true,
     "DIR/b.json: /row: place (found nothing, expected an array or object)"},
    {NULL, NULL, "rows: b.json#/name/*", AS_EFORMAT, true,
     "DIR/b.json: /name: place (found a scalar, expected an array or object)"},
    {NULL, NULL, "rows: b.json#/empty/*", AS_EFORMAT, true,
     "p.yaml:4:3: tables.t: items (found none)"},
    {NULL, NULL, B ", columns: {x: {file: 'b.json#/rows/*/k/*'}}", AS_EFORMAT, true,
     "DIR/b.json: /k: place (found a scalar, expected an array or object)"},
    {NULL, NULL, "columns: {x: {file: 'x.npz#y'}}", AS_EFORMAT, true,
     "DIR/x.npz: no array \"y\" (found x, nan, inf, two, cube, zero, one, big)"},
    {NULL, NULL, "rows: x.npz#x", AS_EFORMAT, true,
     "p.yaml:4:3: tables.t: rows (found an array, expected a JSON file)"},
    {NULL, NULL, "columns: {x: {value: 1}}", AS_EFORMAT, true,
     "p.yaml:4:3: tables.t: table (found neither rows nor a column from a file)"},
    {NULL, NULL, "columns: {x: k, y: {file: 'x.npz#x'}}", AS_EFORMAT, true,
     "p.yaml:4:20: tables.t.columns.x: column (expected a file: the table has no rows)"},
    /* values */
    {NULL, NULL, B ", columns: {x: mixed}", AS_EFORMAT, true,
     "p.yaml:4:42: tables.t.columns.x: item 2: value (found a text, expected a number as in the "
     "other items)"},
    {NULL, NULL, B ", columns: {x: nothing}", AS_EFORMAT, true,
     "p.yaml:4:42: tables.t.columns.x: item 0: column (found no such field, expected a value in at "
     "least one item)"},
    {NULL, NULL, B ", columns: {x: none}", AS_EFORMAT, true,
     "p.yaml:4:42: tables.t.columns.x: item 0: column (found null, expected a value in at least "
     "one item)"},
    {NULL, NULL, B ", columns: {x: list}", AS_EFORMAT, true,
     "p.yaml:4:42: tables.t.columns.x: item 0: column (found not a scalar, expected a value in at "
     "least one item)"},
    {NULL, NULL, B ", columns: {x: '@key'}", AS_EFORMAT, true,
     "p.yaml:4:42: tables.t.columns.x: item 0: column (found an array has no keys, expected a "
     "value in at least one item)"},
    {NULL, NULL, B ", columns: {x: {value: [1, 2, 3]}}", AS_EFORMAT, true,
     "p.yaml:4:43: tables.t.columns.x.value: values (found 3, expected 4)"},
    {NULL, NULL, B ", columns: {x: {value: [1, b, 3, 4]}}", AS_EFORMAT, true,
     "p.yaml:4:39: tables.t.columns.x: item 1: value (found a text, expected a number as in the "
     "other items)"},
    {NULL, NULL, B ", columns: {x: {value: ''}}", AS_EFORMAT, true,
     "p.yaml:4:39: tables.t.columns.x: item 0: column (found not given, expected a value in at "
     "least one item)"},
    {NULL, NULL, B ", columns: {x: {value: [1, [2], 3, 4]}}", AS_EFORMAT, true,
     "p.yaml:4:54: tables.t.columns.x.value[1]: kind (found a list, expected a value)"},
    {NULL, NULL, B ", columns: {x: {path: odd, as: fraction}}", AS_EFORMAT, false,
     "p.yaml:4:39: tables.t.columns.x: item 1: value (found 0.123456, expected a fraction with a "
     "denominator up to 64)"},
    {NULL, NULL, B ", columns: {x: {path: k, as: fraction}}", AS_EFORMAT, false,
     "p.yaml:4:39: tables.t.columns.x: as (fraction needs a column of numbers)"},
    {NULL, NULL, B ", answer: n, columns: {n: n}", AS_EFORMAT, true,
     "p.yaml:4:53: tables.t.columns.n: answer (found numbers, expected texts)"},
    {NULL, NULL, B ", prompt: x, columns: {x: {file: 'x.npz#x'}}", AS_EFORMAT, true,
     "p.yaml:4:50: tables.t.columns.x: role (found vectors, expected texts or numbers)"},
    {NULL, NULL, B ", columns: {k: k}, facts: {m: {file: b.json#/rows}}", AS_EFORMAT, true,
     "p.yaml:4:64: tables.t.facts.m.file: fact (expected one text or number)"},
    {NULL, NULL, B ", columns: {k: k}, facts: {m: {file: b.json#/rows/*/n}}", AS_EFORMAT, true,
     "p.yaml:4:64: tables.t.facts.m.file: fact (expected one text or number)"},
    {NULL, NULL, B ", columns: {k: k}, facts: {m: {file: b.json#/none}}", AS_EFORMAT, true,
     "p.yaml:4:64: tables.t.facts.m.file: fact (expected one text or number)"},
    {NULL, NULL, "rows: [{x: 1}, {x: a}], columns: {x: x}", AS_EFORMAT, true,
     "p.yaml:4:44: tables.t.columns.x: item 1: value (found a text, expected a number as in the "
     "other items)"},
    {NULL, NULL, "rows: [{x: 1}], columns: {x: y}", AS_EFORMAT, true,
     "p.yaml:4:36: tables.t.columns.x: item 0: column (found no such field, expected a value in at "
     "least one item)"},
    {NULL, NULL, "rows: [], columns: {x: y}", AS_EFORMAT, true,
     "p.yaml:4:3: tables.t: items (found none)"},
    /* counts */
    {NULL, NULL, B ", columns: {x: {file: 'x.npz#two'}}", AS_EFORMAT, true,
     "p.yaml:4:39: tables.t.columns.x: items in x.npz (found 2, expected 4)"},
    {NULL, NULL, B ", columns: {x: {file: 'b.json#/short/*'}}", AS_EFORMAT, true,
     "p.yaml:4:39: tables.t.columns.x: items in b.json (found 2, expected 4)"},
    {NULL, NULL, "columns: {x: {file: 'x.npz#x'}, y: {file: 'x.npz#two'}}", AS_EFORMAT, true,
     "p.yaml:4:39: tables.t.columns.y: items in x.npz (found 2, expected 4)"},
    {NULL, NULL, "columns: {x: {file: 'x.npz#zero'}}", AS_EFORMAT, true,
     "p.yaml:4:3: tables.t: items (found none)"},
    /* arrays */
    {NULL, NULL, "columns: {x: {file: 'x.npz#nan'}}", AS_ENUMERIC, true,
     "DIR/x.npz: nan: element 5 (found 2 NaN and 0 Inf, expected finite numbers)"},
    {NULL, NULL, "columns: {x: {file: 'x.npz#inf'}}", AS_ENUMERIC, true,
     "DIR/x.npz: inf: element 2 (found 0 NaN and 1 Inf, expected finite numbers)"},
    {NULL, NULL, "columns: {x: {file: 'x.npz#cube'}}", AS_EFORMAT, true,
     "DIR/x.npz: cube: dimensions (found 3, expected 1 or 2)"},
    {NULL, NULL, "columns: {x: {file: 'x.npz#one'}}", AS_EFORMAT, true,
     "DIR/x.npz: one: dimensions (found 0, expected 1 or 2)"},
    {NULL, NULL, "columns: {x: {file: 'x.npz#big'}}", AS_ENUMERIC, true,
     "DIR/x.npz: big.npy: element 0: 1152921504606846977 cannot be held exactly in 64-bit floating "
     "point"},
    {NULL, NULL, "kind: figures, columns: {x: {file: 'x.npz#x'}}", AS_EFORMAT, true,
     "p.yaml:4:32: tables.t.columns.x: figures (expected no vectors)"},
    /* matches */
    {NULL, NULL,
     B ", columns: {k: k, x: {file: 'b.json#/rows/*/n', match: 'b.json#/twice/*', on: k}}",
     AS_EFORMAT, true, "p.yaml:4:45: tables.t.columns.x: match (found a twice, expected it once)"},
    {NULL, NULL,
     B ", columns: {k: k, x: {file: 'b.json#/short/*', match: 'b.json#/rows/*/k', on: k}}",
     AS_EFORMAT, true,
     "p.yaml:4:45: tables.t.columns.x: match (found 4 items, expected the 2 of file)"},
    {NULL, NULL,
     B ", columns: {k: k, x: {file: 'b.json#/rows/*/n', match: 'b.json#/short/*', on: k}}",
     AS_EFORMAT, true,
     "p.yaml:4:45: tables.t.columns.x: match (found 2 items, expected the 4 of file)"},
    {NULL, NULL, B ", columns: {k: k, x: {file: 'b.json#/rows/*/n', match: 'x.npz#x', on: k}}",
     AS_EFORMAT, true,
     "p.yaml:4:45: tables.t.columns.x: match (found an array, expected a JSON file)"},
    {NULL, NULL, B ", columns: {k: k, x: {file: 'x.npz#x', match: 'b.json#/rows/*/k', on: k}}",
     AS_EFORMAT, true, "p.yaml:4:45: tables.t.columns.x: vectors (expected to go by position)"},
    {NULL, NULL,
     B ", columns: {n: n, x: {file: 'b.json#/rows/*/n', match: 'b.json#/rows/*/k', on: n}}",
     AS_EFORMAT, true, "p.yaml:4:45: tables.t.columns.x: on (expected an earlier column of texts)"},
    {NULL, NULL,
     B ", columns: {x: {file: 'b.json#/rows/*/n', match: 'b.json#/rows/*/k', on: k}, k: k}",
     AS_EFORMAT, true, "p.yaml:4:39: tables.t.columns.x: on (expected an earlier column of texts)"},
    {NULL, NULL,
     B ", columns: {k: k, x: {file: 'b.json#/rows/*/n', match: 'b.json#/others/*', on: k}}",
     AS_EFORMAT, true,
     "p.yaml:4:45: tables.t.columns.x: item 0: column (found no matching item, expected a value in "
     "at least one item)"},
    /* what only the derived columns and the filters see */
    {NULL, NULL, B ", columns: {n: n, x: {from: n, measure: words}}", AS_EFORMAT, false,
     "p.yaml:4:45: tables.t.columns.x: from (found a column of numbers or vectors, expected "
     "texts)"},
    {NULL, NULL, B ", columns: {k: k, x: {from: k, rule: '>', cut: 1}}", AS_EFORMAT, false,
     "p.yaml:4:45: tables.t.columns.x: from (found a column of texts, expected numbers)"},
    {NULL, NULL, B ", columns: {v: {file: 'x.npz#x'}, x: {from: v, equals: 1}}", AS_EFORMAT, false,
     "p.yaml:4:61: tables.t.columns.x: from (found a column of numbers or vectors, expected "
     "numbers)"},
    {NULL, NULL, B ", columns: {n: n, x: {from: n, planted: 1}}", AS_EFORMAT, false,
     "p.yaml:4:45: tables.t.columns.x: from (found a column of numbers, expected texts or "
     "vectors)"},
    {NULL, NULL, B ", columns: {n: n, k: k, x: {from: n, minus: k}}", AS_EFORMAT, false,
     "p.yaml:4:51: tables.t.columns.x: minus (expected numbers)"},
    {NULL, NULL, B ", columns: {n: n, x: {from: n, minus: y}, y: {from: n, minus: n}}", AS_EFORMAT,
     false, "p.yaml:4:45: tables.t.columns.x: minus (expected numbers)"},
    {NULL, NULL, B ", columns: {n: n, x: {from: x, minus: n}}", AS_EFORMAT, false,
     "p.yaml:4:45: tables.t.columns.x: from (expected an earlier column)"},
    {NULL, NULL, B ", columns: {n: n}, where: [{column: n, rule: '>', cut: 9}]", AS_EFORMAT, false,
     "p.yaml:4:3: tables.t: where (keeps none of 4 items)"},
    {NULL, NULL, B ", columns: {k: k}, where: [{column: k, rule: '>', cut: 0}]", AS_EFORMAT, false,
     "p.yaml:4:3: tables.t: where (keeps none of 4 items)"},
    {NULL, NULL, B ", columns: {v: {file: 'x.npz#x'}}, where: [{column: v, is: missing}]",
     AS_EFORMAT, false, "p.yaml:4:3: tables.t: where (keeps none of 4 items)"},
};

static const char rows[] =
    "{\"name\": \"b\", \"empty\": [], \"short\": [1, 2], \"twice\": [\"a\", \"b\", \"a\", \"d\"],\n"
    " \"others\": [\"w\", \"x\", \"y\", \"z\"], \"rows\": [\n"
    "  {\"k\": \"a\", \"n\": 1, \"mixed\": 1, \"none\": null, \"list\": [1], \"odd\": 0.5},\n"
    "  {\"k\": \"b\", \"n\": 2, \"mixed\": null, \"none\": null, \"list\": {}, \"odd\": "
    "0.123456},\n"
    "  {\"k\": \"c\", \"n\": 3, \"mixed\": \"x\", \"none\": null, \"list\": [], \"odd\": 1},\n"
    "  {\"k\": \"d\", \"n\": 4, \"mixed\": 4, \"none\": null, \"list\": [2], \"odd\": 0}]}\n";

static bool put_files(void)
{
    const float x[8] = {1, 2, 3, 4, 5, 6, 7, 8}, nan[8] = {1, 2, 3, 4, 5, NAN, 7, NAN};
    const double inf[4] = {1, 2, -INFINITY, 4};
    const int64_t big[1] = {((int64_t)1 << 60) + 1};
    const as_npz_source arrays[] = {
        {{.name = "x", .type = AS_NPZ_F4, .n_dims = 2, .dim = {4, 2}}, x},
        {{.name = "nan", .type = AS_NPZ_F4, .n_dims = 2, .dim = {4, 2}}, nan},
        {{.name = "inf", .type = AS_NPZ_F8, .n_dims = 1, .dim = {4}}, inf},
        {{.name = "two", .type = AS_NPZ_F4, .n_dims = 1, .dim = {2}}, x},
        {{.name = "cube", .type = AS_NPZ_F4, .n_dims = 3, .dim = {1, 2, 2}}, x},
        {{.name = "zero", .type = AS_NPZ_F4, .n_dims = 1, .dim = {0}}, x},
        {{.name = "one", .type = AS_NPZ_F4, .n_dims = 0}, x},
        {{.name = "big", .type = AS_NPZ_I8, .n_dims = 1, .dim = {1}}, big},
    };
    as_error err = {0};
    bool ok = as_npz_write(files_path("x.npz"), arrays, sizeof arrays / sizeof arrays[0], &err);
    CHECK(ok);
    return ok && files_text("b.json", rows);
}

/* A run over the table. When it is the files that are bad, nothing of them is kept. */
static void run_bad(const char *table, bool of_files, as_error *err)
{
    char plan[1024];
    as_design d = {0};
    (void)snprintf(plan, sizeof plan,
                   "schema: assay.plan/1\nname: p\ntables:\n  t: {%s}\nchecks: {}\n", table);
    (void)unlink(files_path("s.db"));
    as_store *s = as_store_open(files_path("s.db"), AS_STORE_WRITE, err);
    const as_tree *tree = files_plan(plan, arena);
    const as_run_options o = {.data = files_dir, .store = s};
    CHECK(s && tree && !as_reaudit(tree, &o, arena, &d, err));
    for (int kind = AS_ROW_PROMPT; s && kind < AS_ROW_KINDS; kind++) {
        as_error ignored = {0};
        uint64_t n = 0;
        CHECK(as_store_count(s, (as_row_kind)kind, &n, &ignored));
        CHECK(n == 0 || !of_files);
    }
    as_store_close(s);
}

static void shown(const as_error *err, char *out, size_t size)
{
    char text[2048];
    (void)as_error_text(err, text, sizeof text);
    const char *at = strstr(text, files_dir);
    if (at)
        (void)snprintf(out, size, "%.*sDIR%s", (int)(at - text), text, at + strlen(files_dir));
    else
        (void)snprintf(out, size, "%s", text);
}

static void bad_files(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        as_error err = {0};
        char said[2048];
        if (!put_files()) return;
        if (cases[i].name && !files_text(cases[i].name, cases[i].content)) return;
        run_bad(cases[i].table, cases[i].of_files, &err);
        shown(&err, said, sizeof said);
        CHECK(err.class_ == cases[i].class_);
        CHECK_TEXT(said, cases[i].says);
        if (check_bad) printf("case %zu: %s\n", i, as_class_name(err.class_));
        files_clear(false);
    }
}

/* Each byte of a good archive and text cut off: an error of the file, never a crash. */
static void cut_files(void)
{
    static const char *const names[] = {"b.json", "x.npz"};
    static const char *const tables[] = {"rows: b.json#/rows/*, columns: {k: k}",
                                         "columns: {x: {file: 'x.npz#x'}}"};
    for (size_t f = 0; f < 2; f++) {
        as_buf whole = {0};
        as_error err = {0};
        if (!put_files() || !as_file_read(files_path(names[f]), 1 << 20, &whole, &err)) return;
        for (size_t cut = 0; cut + 1 < whole.size; cut += 37) {
            as_error bad = {0};
            if (!files_put(names[f], whole.data, cut)) break;
            run_bad(tables[f], true, &bad);
            CHECK(bad.class_ == AS_EFORMAT);
            if (check_bad) printf("%s cut at %zu: %s\n", names[f], cut, bad.what);
        }
        as_buf_clear(&whole);
        files_clear(false);
    }
}

int main(void)
{
    as_error err = {0};
    arena = as_arena_new(&err);
    if (!arena || !files_begin()) return 1;
    RUN(bad_files);
    RUN(cut_files);
    files_clear(true);
    as_arena_free(arena);
    return check_end();
}
