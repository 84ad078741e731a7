/* base: JSON, JSON Lines, and the keys of rows that are made from them. The malformed texts, their
 * messages and the valid texts with their canonical forms are made by tools/golden/corpus.py. */
#include "check.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/jsonl.h"
#include "base/rng.h"
#include "lab/record.h"

/* --- cases --------------------------------------------------------------------------------- */

/* Calls check(expected, is_message, bytes) for each row of tests/golden/KIND_cases.jsonl; returns
 * how many malformed ones there were. */
typedef void case_check(const char *file, const json_t *expected, bool is_message, const as_buf *b);

static size_t each_case(const char *kind, case_check *check)
{
    as_error err = {0};
    json_t *row = NULL;
    size_t malformed = 0;
    char path[256];
    (void)snprintf(path, sizeof path, "tests/golden/%s_cases.jsonl", kind);
    as_jsonl *in = as_jsonl_open(path, &err);
    CHECK(in);
    while (in && as_jsonl_next(in, &row, &err) && row) {
        as_buf bytes = {0};
        const char *file = json_string_value(as_json_at(row, "/file"));
        const json_t *message = as_json_at(row, "/message");
        (void)snprintf(path, sizeof path, "tests/fuzz/corpus/%s/%s", kind, file);
        CHECK(as_file_read(path, 1 << 20, &bytes, &err));
        check(file, message ? message : as_json_at(row, "/canonical"), message != NULL, &bytes);
        malformed += message != NULL;
        as_buf_clear(&bytes);
        json_decref(row);
    }
    CHECK(err.class_ == AS_OK);
    as_jsonl_close(in);
    return malformed;
}

static void same_text(const char *file, const char *found, const char *expected)
{
    if (strcmp(found, expected) == 0) return;
    check_bad = 1;
    printf("%s: %s: found\n  \"%s\", expected\n  \"%s\"\n", check_name, file, found, expected);
}

static void check_json(const char *file, const json_t *expected, bool is_message, const as_buf *b)
{
    as_error err = {0};
    as_buf out = {0};
    char text[2048];
    json_t *v = as_json_parse("in", as_buf_text(b), b->size, &err);
    if (v) as_json_write(&out, v);
    CHECK((v == NULL) == is_message);
    as_error_text(&err, text, sizeof text);
    CHECK(v || strncmp(text, "in: ", 4) == 0);
    same_text(file, v ? as_buf_text(&out) : text + 4, json_string_value(expected));
    json_decref(v);
    as_buf_clear(&out);
}

static void json_cases(void)
{
    CHECK(each_case("json", check_json) >= 25);
}

/* All rows of a reader as one text, a line a row; the message instead when it fails. */
static void rows_text(as_jsonl *r, as_buf *out)
{
    as_error err = {0};
    json_t *row = NULL;
    char text[2048];
    while (as_jsonl_next(r, &row, &err) && row) {
        as_json_write(out, row);
        as_buf_puts(out, "\n");
        json_decref(row);
    }
    if (err.class_ == AS_OK) return;
    out->size = 0;
    as_buf_puts(out, as_error_text(&err, text, sizeof text));
}

static void check_jsonl(const char *file, const json_t *expected, bool is_message, const as_buf *b)
{
    as_error err = {0};
    as_buf out = {0}, want = {0}, path = {0}, from_file = {0};
    as_jsonl *r = as_jsonl_over("", as_buf_text(b), b->size, &err);
    CHECK(r);
    if (is_message) as_buf_puts(&want, ":"); /* NAME: is empty */
    if (is_message) as_buf_puts(&want, json_string_value(expected));
    for (size_t i = 0; !is_message && i < json_array_size(expected); i++) {
        as_buf_puts(&want, json_string_value(json_array_get(expected, i)));
        as_buf_puts(&want, "\n");
    }
    rows_text(r, &out);
    same_text(file, as_buf_text(&out), as_buf_text(&want));
    as_jsonl_close(r);

    as_buf_printf(&path, "tests/fuzz/corpus/jsonl/%s", file);
    r = as_jsonl_open(path.data, &err);
    CHECK(r);
    rows_text(r, &from_file);
    same_text(file, as_buf_text(&from_file) + (is_message ? path.size : 0), as_buf_text(&want));
    as_jsonl_close(r);
    as_buf_clear(&out), as_buf_clear(&want), as_buf_clear(&path), as_buf_clear(&from_file);
}

static void jsonl_cases(void)
{
    CHECK(each_case("jsonl", check_jsonl) >= 25);
}

/* Every prefix is a value or an error with a place and a message, in a block of just its size. */
static void check_cuts(const char *file, const json_t *expected, bool is_message, const as_buf *b)
{
    (void)expected, (void)is_message;
    for (size_t cut = 0; cut <= b->size; cut++) {
        as_error err = {0}, lines_err = {0};
        as_buf rows = {0};
        char *bytes = malloc(cut ? cut : 1);
        if (!bytes) abort();
        if (cut) memcpy(bytes, b->data, cut);
        json_t *v = as_json_parse(file, bytes, cut, &err);
        CHECK(v ? err.class_ == AS_OK : err.class_ != AS_OK && err.where[0] && err.what[0]);
        json_decref(v);
        as_jsonl *r = as_jsonl_over(file, bytes, cut, &lines_err);
        CHECK(r);
        rows_text(r, &rows);
        as_jsonl_close(r);
        as_buf_clear(&rows);
        free(bytes);
    }
}

static void cut_at_every_byte(void)
{
    (void)each_case("json", check_cuts);
    (void)each_case("jsonl", check_cuts);
}

/* --- limits -------------------------------------------------------------------------------- */

static void memory_is_bounded(void)
{
    static const struct {
        const char *item;
        size_t n;
        bool fits;
    } cases[] = {
        {"{},", 100000, true},     {"{},", 1000000, false}, {"1,", 1000000, true},
        {"1,", 4000000, false},    {"[],", 2000000, false}, {"0.123456789012345678,", 500000, true},
        {"\"\",", 3000000, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        as_error err = {0};
        as_buf b = {0};
        as_buf_puts(&b, "[");
        for (size_t k = 0; k < cases[i].n; k++) as_buf_puts(&b, cases[i].item);
        as_buf_puts(&b, "0]");
        CHECK(as_buf_ok(&b, &err));
        json_t *v = as_json_parse("big", b.data, b.size, &err);
        CHECK((v != NULL) == cases[i].fits);
        CHECK(cases[i].fits || err.class_ == AS_ELIMIT);
        json_decref(v);
        as_buf_clear(&b);
    }
}

static void jsonl_line_limit(void)
{
    as_error err = {0};
    as_buf b = {0};
    json_t *row = NULL;
    CHECK(as_buf_reserve(&b, AS_JSONL_MAX_LINE + 64));
    as_buf_puts(&b, "{\"a\":1}\n{\"a\":\"");
    size_t start = b.size - 6;
    memset(b.data + b.size, 'x', AS_JSONL_MAX_LINE);
    b.size = start + AS_JSONL_MAX_LINE - 2;
    as_buf_puts(&b, "\"}\n");
    as_jsonl *r = as_jsonl_over("big", b.data, b.size, &err); /* just fits */
    CHECK(r && as_jsonl_next(r, &row, &err) && row);
    json_decref(row);
    CHECK(as_jsonl_next(r, &row, &err) && row && as_jsonl_line(r) == 2);
    json_decref(row);
    CHECK(as_jsonl_next(r, &row, &err) && !row);
    as_jsonl_close(r);
    b.size -= 3;
    as_buf_puts(&b, "y\"}\n"); /* one byte more does not */
    r = as_jsonl_over("big", b.data, b.size, &err);
    CHECK(r && as_jsonl_next(r, &row, &err) && row);
    json_decref(row);
    CHECK(!as_jsonl_next(r, &row, &err) && !row && err.class_ == AS_ELIMIT);
    CHECK_TEXT(err.where, "big:2");
    err = (as_error){0};
    CHECK(!as_jsonl_next(r, &row, &err) && err.class_ == AS_ESTATE); /* and stays broken */
    as_jsonl_close(r);
    as_buf_clear(&b);
}

/* Rows of random lengths, so that lines cross the chunks in which a file is read. */
static void jsonl_file_is_the_memory(void)
{
    as_error err = {0};
    as_buf b = {0}, one = {0}, two = {0};
    as_rng rng = as_rng_at(5, "jsonl", 0);
    char dir[] = "/tmp/assay-json-XXXXXX", path[64];
    CHECK(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/rows.jsonl", dir);
    for (int i = 0; i < 200; i++) {
        as_buf_printf(&b, "{\"i\":%d,\"t\":\"", i);
        uint64_t n = as_rng_below(&rng, i % 40 == 0 ? 700000 : 5000);
        for (uint64_t k = 0; k < n; k++) as_buf_puts(&b, "é");
        as_buf_puts(&b, i % 3 ? "\"}\n" : "\"}\r\n");
    }
    CHECK(as_file_replace(path, b.data, b.size, &err));
    as_jsonl *memory = as_jsonl_over("m", b.data, b.size, &err), *file = as_jsonl_open(path, &err);
    CHECK(memory && file);
    if (memory && file) rows_text(memory, &one), rows_text(file, &two);
    CHECK(one.size > 1000000 && one.size == two.size && memcmp(one.data, two.data, one.size) == 0);
    as_jsonl_close(memory), as_jsonl_close(file);
    CHECK(!as_jsonl_open(dir, &err) && err.class_ == AS_EIO);
    err = (as_error){0};
    CHECK(unlink(path) == 0 && rmdir(dir) == 0);
    CHECK(!as_jsonl_open(path, &err) && err.class_ == AS_EIO);
    as_buf_clear(&b), as_buf_clear(&one), as_buf_clear(&two);
}

/* --- writing and finding -------------------------------------------------------------------- */

/* Of the canonical form, whatever the order of the names in the text. */
static void hashes(void)
{
    static const char text[] = "{ \"b\": [\"x\"], \"a\": 1.50 }";
    as_error err = {0};
    as_key key = "";
    json_t *v = as_json_parse("t", text, strlen(text), &err);
    CHECK(v && as_json_hash(v, key, &err));
    CHECK_TEXT(key, "c781af406e3e99a445d388b5c5ae081c"
                    "556b9264cfbd11538d1b18f44e59eeda");
    json_decref(v);
    CHECK(!as_json_hash(NULL, key, &err) && err.class_ == AS_EMEM);
}

static void pretty_form(void)
{
    as_error err = {0};
    as_buf b = {0};
    const char *in = "{\"b\":[1,{},[]],\"a\":{\"x\":\"y\"}}";
    json_t *v = as_json_parse("in", in, strlen(in), &err);
    CHECK(v);
    as_json_write_pretty(&b, v);
    CHECK_TEXT(as_buf_text(&b),
               "{\n  \"a\": {\n    \"x\": \"y\"\n  },\n  \"b\": [\n    1,\n    {},\n"
               "    []\n  ]\n}\n");
    as_buf_clear(&b);
    json_decref(v);
    v = json_pack("[o,o,o]", as_json_real(NAN), as_json_real(-INFINITY), as_json_real(0.25));
    CHECK(v);
    as_json_write(&b, v);
    CHECK_TEXT(as_buf_text(&b), "[null,null,0.25]");
    json_decref(v);
    as_buf_clear(&b);
}

/* The document and the pointers of RFC 6901, section 5, and some that lead nowhere. */
static void pointers(void)
{
    static const char *const nothing[] = {"foo",
                                          "/foo/2",
                                          "/foo/-",
                                          "/foo/00",
                                          "/foo/01",
                                          "/nope",
                                          "/m~2",
                                          "/m~",
                                          "/foo/0/",
                                          "/foo/ 1",
                                          "/foo/99999999999999999999",
                                          "//",
                                          "/k"};
    const char *in = "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,"
                     "\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,\"m~n\":8}";
    static const char *const at[] = {"/",     "/a~1b", "/c%d", "/e^f", "/g|h",
                                     "/i\\j", "/k\"l", "/ ",   "/m~0n"};
    as_error err = {0};
    json_t *v = as_json_parse("in", in, strlen(in), &err);
    CHECK(v && as_json_at(v, "") == v);
    CHECK_TEXT(json_string_value(as_json_at(v, "/foo/0")), "bar");
    CHECK_TEXT(json_string_value(as_json_at(v, "/foo/1")), "baz");
    for (size_t i = 0; i < 9; i++) {
        const json_t *x = as_json_at(v, at[i]);
        CHECK(x && json_is_integer(x) && (size_t)json_integer_value(x) == i);
    }
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++)
        CHECK(!as_json_at(v, nothing[i]));
    CHECK(!as_json_at(NULL, "/a"));
    json_decref(v);
}

static void place_in_a_file(void)
{
    as_error err = {0};
    CHECK(!as_json_read("tests/fuzz/corpus/json/name_twice", &err));
    CHECK_TEXT(err.where, "tests/fuzz/corpus/json/name_twice: 2:9");
    err = (as_error){0};
    CHECK(!as_json_read("tests/no\nsuch", &err) && err.class_ == AS_EIO);
    CHECK_TEXT(err.where, "tests/no\\x0asuch");
}

/* --- keys of rows --------------------------------------------------------------------------- */

static void hash_of(const char *text, as_key out)
{
    as_error err = {0};
    CHECK(as_sha256_of(text, strlen(text), out, &err));
}

static void keys_are_the_hash_of_their_json(void)
{
    as_error err = {0};
    as_key want;
    as_design d = {
        .name = "n", .plan = "{\"a\":1}", .inputs = "{}", .code = "assay 0", .seed = UINT64_MAX};
    CHECK(as_design_key(&d, &err));
    hash_of("[\"design\",\"n\",\"{\\\"a\\\":1}\",\"{}\",\"assay 0\",18446744073709551615]", want);
    CHECK_TEXT(d.key, want);

    as_prompt p = {.design = "d", .set = "s", .position = 3, .text = "q\n"};
    CHECK(as_prompt_key(&p, &err));
    hash_of("[\"prompt\",\"d\",\"s\",3,\"q\\n\",null]", want);
    CHECK_TEXT(p.key, want);

    as_generation g = {.prompt = "p", .arm = "base", .text = "é", .subject = "import"};
    CHECK(as_generation_key(&g, &err));
    hash_of("[\"generation\",\"p\",\"base\",\"é\",null,\"import\",0]", want);
    CHECK_TEXT(g.key, want);

    as_judgement j = {.generation = "g", .axis = "x", .score = 0.1, .judge = "import"};
    CHECK(as_judgement_key(&j, &err));
    hash_of("[\"judgement\",\"g\",\"x\",0.1,null,null,\"import\"]", want);
    CHECK_TEXT(j.key, want);

    const float values[] = {1.0f, -2.5f}; /* 0000803f 000020c0 */
    as_reading r = {.generation = "g", .site = "h_last", .values = values, .dim = 2};
    CHECK(as_reading_key(&r, &err));
    as_key digest;
    char text[256];
    CHECK(as_sha256_of("\x00\x00\x80\x3f\x00\x00\x20\xc0", 8, digest, &err));
    (void)snprintf(text, sizeof text, "[\"reading\",\"g\",\"h_last\",null,\"%s\",2]", digest);
    hash_of(text, want);
    CHECK_TEXT(r.key, want);

    as_statistic s = {.design = "d",
                      .check = "c",
                      .name = "auc",
                      .of = "",
                      .method = "m",
                      .inputs = "[]",
                      .estimate = 0.75,
                      .n = 9,
                      .missing = 1,
                      .lo = NAN,
                      .hi = NAN,
                      .level = NAN,
                      .p = 1e-9,
                      .null_q05 = NAN,
                      .null_q50 = -0.0,
                      .null_q95 = 1,
                      .detail = "{}"};
    CHECK(as_statistic_key(&s, &err));
    hash_of(
        "[\"statistic\",\"d\",0,\"c\",\"auc\",\"\",\"m\",\"[]\",0.75,9,1,null,null,null,null,1e-09,"
        "null,0,null,0,1,\"{}\"]",
        want);
    CHECK_TEXT(s.key, want);

    as_verdict v = {.claim = "c", .word = "refuted", .cause = "", .tree = "{}"};
    CHECK(as_verdict_key(&v, &err));
    hash_of("[\"verdict\",null,\"c\",\"refuted\",\"\",\"{}\"]", want);
    CHECK_TEXT(v.key, want);
    CHECK(err.class_ == AS_OK);
}

static void rows_without_a_key(void)
{
    as_error err = {0};
    as_judgement j = {.generation = "g", .axis = "x", .score = NAN, .judge = "import"};
    CHECK(!as_judgement_key(&j, &err) && err.class_ == AS_EFORMAT && !j.key[0]);
    err = (as_error){0};
    j.missing = "cut", j.label = "a";
    CHECK(!as_judgement_key(&j, &err) && err.class_ == AS_EFORMAT);
    err = (as_error){0};
    j.label = NULL;
    CHECK(as_judgement_key(&j, &err) && strlen(j.key) == 64);
    as_statistic s = {.hi = INFINITY};
    CHECK(!as_statistic_key(&s, &err) && err.class_ == AS_ENUMERIC);
    CHECK_TEXT(err.what, "statistic.hi: number (found infinity, expected a finite one)");
    err = (as_error){0};
    as_prompt p = {.text = "a\xff"};
    CHECK(!as_prompt_key(&p, &err) && err.class_ == AS_EFORMAT);
    CHECK_TEXT(err.what, "prompt.text: text (found byte \\xff at 1, expected valid UTF-8)");
}

int main(void)
{
    RUN(json_cases);
    RUN(jsonl_cases);
    RUN(cut_at_every_byte);
    RUN(memory_is_bounded);
    RUN(jsonl_line_limit);
    RUN(jsonl_file_is_the_memory);
    RUN(hashes);
    RUN(pretty_form);
    RUN(pointers);
    RUN(place_in_a_file);
    RUN(keys_are_the_hash_of_their_json);
    RUN(rows_without_a_key);
    return check_end();
}
