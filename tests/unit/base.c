/* base: errors, sizes and texts, arena, SHA-256, random numbers, threads, plan trees. */
#include "check.h"

#include <float.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/jsonl.h"
#include "base/pool.h"
#include "base/rng.h"
#include "base/tree.h"

/* --- errors -------------------------------------------------------------------------------- */

static void error_reads_outside_in(void)
{
    char text[256];
    as_error err = {0};
    as_error_at(&err, "nowhere"); /* no cause yet: nothing happens */
    CHECK_TEXT(as_error_text(&err, text, sizeof text), "");
    CHECK(!as_fail(&err, AS_ELIMIT, "shape (found %d, expected %d)", 2, 3));
    as_error_at(&err, "tensor \"%s\"", "w");
    as_error_at(&err, "a.npz");
    CHECK(!as_fail(&err, AS_EIO, "second"));
    CHECK(err.class_ == AS_ELIMIT);
    CHECK_TEXT(as_error_text(&err, text, sizeof text),
               "a.npz: tensor \"w\": shape (found 2, expected 3)");
    as_error_hint(&err, "try %s", "this");
    CHECK_TEXT(err.hint, "try this");
    CHECK_TEXT(as_error_text(&err, text, 12), "a.npz: t...");
    CHECK_TEXT(as_class_name(AS_EUSAGE), "AS_EUSAGE");
    CHECK_TEXT(as_class_name(AS_EFORMAT), "AS_EFORMAT");
    CHECK_TEXT(as_class_name((as_class)99), "AS_?");
}

static void error_is_cut_at_a_character(void)
{
    as_error err = {0};
    char big[2000];
    for (size_t i = 0; i + 1 < sizeof big; i++) big[i] = i % 2 ? '\xa9' : '\xc3';
    big[sizeof big - 1] = '\0';
    (void)as_fail(&err, AS_EFORMAT, "x%s", big);
    for (int i = 0; i < 3; i++) as_error_at(&err, "%s", big);
    CHECK(as_utf8_valid(err.what, strlen(err.what), NULL));
    CHECK(as_utf8_valid(err.where, strlen(err.where), NULL));
    CHECK(strlen(err.what) > sizeof err.what - 8);
    CHECK_TEXT(err.what + strlen(err.what) - 3, "...");
    CHECK_TEXT(err.where + strlen(err.where) - 3, "...");
}

/* --- bytes --------------------------------------------------------------------------------- */

static void sizes_do_not_wrap(void)
{
    as_error err = {0};
    size_t x = 0;
    CHECK(as_size_mul(SIZE_MAX / 2, 2, &x, &err) && x == SIZE_MAX - 1);
    CHECK(as_size_mul(0, SIZE_MAX, &x, &err) && x == 0);
    CHECK(as_size_add(SIZE_MAX - 1, 1, &x, &err) && x == SIZE_MAX);
    CHECK(!as_size_mul(SIZE_MAX / 2 + 1, 2, &x, &err) && err.class_ == AS_ELIMIT);
    err = (as_error){0};
    CHECK(!as_size_add(SIZE_MAX, 1, &x, &err) && err.class_ == AS_ELIMIT);
    err = (as_error){0};
    CHECK(!as_new(SIZE_MAX / 4, 8, &err) && err.class_ == AS_ELIMIT);
    err = (as_error){0};
    void *p = as_new(0, 8, &err);
    CHECK(p);
    free(p);
}

static void buffer_grows(void)
{
    as_error err = {0};
    as_buf b = {0};
    CHECK_TEXT(as_buf_text(&b), "");
    as_buf_add(&b, "", 0);
    CHECK(b.size == 0 && as_buf_ok(&b, &err));
    for (int i = 0; i < 1000; i++) as_buf_printf(&b, "%d,", i);
    CHECK(b.size == 10 * 2 + 90 * 3 + 900 * 4 && b.data[b.size] == '\0');
    CHECK(strncmp(b.data, "0,1,2,", 6) == 0);
    CHECK(!as_buf_reserve(&b, SIZE_MAX - 3));
    as_buf_puts(&b, "lost");
    CHECK(!as_buf_ok(&b, &err) && err.class_ == AS_EMEM);
    as_buf_clear(&b);
    CHECK(b.size == 0 && !b.failed && !b.data);
}

static void doubles_read_back(void)
{
    char t[32];
    CHECK_TEXT(as_double_text(0.1, t), "0.1");
    CHECK_TEXT(as_double_text(-3, t), "-3");
    CHECK_TEXT(as_double_text(1e-7, t), "1e-07");
    CHECK_TEXT(as_double_text(0.1 + 0.2, t), "0.30000000000000004");
    CHECK_TEXT(as_double_text(5e-324, t), "5e-324");
    CHECK_TEXT(as_double_text(1e23, t), "1e+23");
    CHECK_TEXT(as_double_text(9007199254740993.0, t), "9007199254740992");
    CHECK_TEXT(as_double_text(DBL_MAX, t), "1.7976931348623157e+308");
    CHECK_TEXT(as_double_text(NAN, t), "null");
    CHECK_TEXT(as_double_text(-INFINITY, t), "null");
    as_rng r = as_rng_at(1, "doubles", 0);
    size_t wrong = 0, finite = 0, below_normal = 0;
    for (int i = 0; i < 100000; i++) {
        uint64_t u = as_rng_u64(&r);
        if (i % 10 == 0) u &= UINT64_C(0x800fffffffffffff);
        double x, y;
        memcpy(&x, &u, sizeof x);
        if (!isfinite(x)) continue;
        y = strtod(as_double_text(x, t), NULL);
        wrong += memcmp(&x, &y, sizeof x) != 0;
        finite++;
        below_normal += fpclassify(x) == FP_SUBNORMAL;
    }
    CHECK(wrong == 0 && finite > 99000 && below_normal > 9000);
}

static size_t utf8(const char *s)
{
    uint32_t cp;
    return as_utf8_next(s, strlen(s), &cp);
}

static void utf8_is_strict(void)
{
    uint32_t cp = 0;
    size_t bad = 99;
    CHECK(as_utf8_next("A", 1, &cp) == 1 && cp == 'A');
    CHECK(as_utf8_next("\0", 1, &cp) == 1 && cp == 0);
    CHECK(as_utf8_next("\xc2\x80", 2, &cp) == 2 && cp == 0x80);
    CHECK(as_utf8_next("\xef\xbf\xbf", 3, &cp) == 3 && cp == 0xffff);
    CHECK(as_utf8_next("\xf4\x8f\xbf\xbf", 4, &cp) == 4 && cp == 0x10ffff);
    CHECK(as_utf8_next("", 0, &cp) == 0);
    CHECK(utf8("\x80") == 0 && utf8("\xc0\x80") == 0 && utf8("\xc1\xbf") == 0);
    CHECK(utf8("\xe0\x9f\xbf") == 0 && utf8("\xf0\x8f\xbf\xbf") == 0); /* overlong */
    CHECK(utf8("\xed\xa0\x80") == 0 && utf8("\xed\xbf\xbf") == 0);     /* surrogates */
    CHECK(utf8("\xf4\x90\x80\x80") == 0 && utf8("\xf5\x80\x80\x80") == 0);
    CHECK(utf8("\xc2") == 0 && utf8("\xe2\x82") == 0 &&
          utf8("\xc2"
               "A") == 0);
    CHECK(!as_utf8_valid("ab\xff", 3, &bad) && bad == 2);
    CHECK(as_utf8_valid("", 0, NULL) && as_utf8_valid("\xc3\xa9x", 3, &bad));
    size_t n = 0; /* every code point once, written and read back */
    for (uint32_t c = 0x10000; c <= 0x10ffff; c++) {
        char u[4] = {(char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 63)),
                     (char)(0x80 | (c >> 6 & 63)), (char)(0x80 | (c & 63))};
        n += as_utf8_next(u, 4, &cp) == 4 && cp == c;
    }
    CHECK(n == 0x100000);
}

static const char *escape(const char *s, char out[AS_ESCAPE_SIZE])
{
    return as_escape(s, strlen(s), out);
}

static void foreign_text_is_escaped(void)
{
    char e[AS_ESCAPE_SIZE], big[400];
    CHECK_TEXT(escape("plain é \xf0\x9f\x98\x80 \\", e), "plain é \xf0\x9f\x98\x80 \\");
    CHECK_TEXT(escape("a\n\x1b[2J\x7f", e), "a\\x0a\\x1b[2J\\x7f");
    CHECK_TEXT(escape("\xc2\x9b", e), "\\xc2\\x9b"); /* C1: one-byte CSI */
    CHECK_TEXT(escape("\xff\xe2\x82", e), "\\xff\\xe2\\x82");
    const char *marks[] = {"\xd8\x9c",     "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xaa",
                           "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa9", "\xe2\x80\xa8",
                           "\xe2\x80\xa9", "\xc2\x85"};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        CHECK(escape(marks[i], e)[0] == '\\');
    }
    CHECK_TEXT(escape("\xe2\x80\x90\xe2\x81\xaa", e), "\xe2\x80\x90\xe2\x81\xaa"); /* neighbours */
    CHECK_TEXT(as_escape("a\0b", 3, e), "a\\x00b");
    memset(big, 1, sizeof big);
    CHECK(strlen(as_escape(big, 200, e)) == 800);
    CHECK(strlen(as_escape(big, 201, e)) == 803 && strcmp(e + 800, "...") == 0);
    memset(big, 'x', sizeof big);
    memcpy(big + 199, "\xc3\xa9", 2); /* the cut would split it */
    as_escape(big, 300, e);
    CHECK(strlen(e) == 202 && strcmp(e + 198, "x...") == 0);
    as_buf b = {0};
    as_buf_escape(&b, big, sizeof big);
    CHECK(b.size == sizeof big);
    as_buf_clear(&b);
}

/* --- arena --------------------------------------------------------------------------------- */

static void arena_gives_zeroed_aligned_memory(void)
{
    as_error err = {0};
    as_arena *a = as_arena_new(&err);
    as_rng r = as_rng_at(2, "arena", 0);
    unsigned char *block[300];
    size_t size[300], wrong = 0;
    CHECK(a);
    for (size_t i = 0; i < 300; i++) {
        size[i] = (size_t)as_rng_below(&r, i % 50 == 0 ? 300000 : 3000);
        block[i] = as_arena_push(a, size[i], 1, &err);
        wrong += !block[i] || (uintptr_t)block[i] % _Alignof(max_align_t) != 0;
        for (size_t k = 0; k < size[i]; k++) wrong += block[i][k] != 0;
        memset(block[i], (int)i, size[i]);
    }
    for (size_t i = 0; i < 300; i++) {
        for (size_t k = 0; k < size[i]; k++) wrong += block[i][k] != (unsigned char)i;
    }
    CHECK(wrong == 0);
    CHECK_TEXT(as_arena_copy(a, "abcdef", 3, &err), "abc");
    CHECK_TEXT(as_arena_copy(a, NULL, 0, &err), "");
    CHECK_TEXT(as_arena_text(a, "whole", &err), "whole");
    CHECK_TEXT(as_arena_printf(a, &err, "%s-%d", "x", 7), "x-7");
    CHECK(as_arena_push(a, 0, 8, &err));
    CHECK(!as_arena_push(a, SIZE_MAX / 2, 4, &err) && err.class_ == AS_ELIMIT);
    err = (as_error){0};
    CHECK(!as_arena_push(a, SIZE_MAX, 1, &err) && err.class_ == AS_ELIMIT);
    as_arena_free(a);
    as_arena_free(NULL);
}

/* --- SHA-256 (FIPS 180-4, examples of NIST) -------------------------------------------------- */

static void sha256_known_answers(void)
{
    as_error err = {0};
    as_key k;
    CHECK(as_sha256_of("", 0, k, &err));
    CHECK_TEXT(k, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(as_sha256_of("abc", 3, k, &err));
    CHECK_TEXT(k, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const char *two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    CHECK(as_sha256_of(two, strlen(two), k, &err));
    CHECK_TEXT(k, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    as_sha256 *h = as_sha256_new(&err);
    CHECK(h);
    char a[1000];
    memset(a, 'a', sizeof a);
    for (int i = 0; i < 1000; i++) CHECK(as_sha256_add(h, a, sizeof a, &err));
    CHECK(as_sha256_end(h, k, &err));
    CHECK_TEXT(k, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    as_sha256_free(as_sha256_new(&err));
    as_sha256_free(NULL);
}

/* --- random numbers ------------------------------------------------------------------------- */

/* The known answers of Random123 for Philox4x32-10. */
static void philox_known_answers(void)
{
    static const uint32_t v[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d,
         0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
         0x94fdcceb, 0x5001e420, 0x24126ea1}};
    for (size_t i = 0; i < 3; i++) {
        as_rng r = {
            .key = {v[i][4], v[i][5]}, .counter = {v[i][0], v[i][1], v[i][2], v[i][3]}, .used = 4};
        CHECK(as_rng_u64(&r) == (v[i][6] | (uint64_t)v[i][7] << 32));
        CHECK(as_rng_u64(&r) == (v[i][8] | (uint64_t)v[i][9] << 32));
        CHECK(r.counter[2] == v[i][2] && r.counter[3] == v[i][3]);
    }
}

static uint64_t hex_of(const json_t *v)
{
    return strtoull(json_string_value(v), NULL, 16);
}

static void check_stream(const json_t *row)
{
    const json_t *x;
    uint64_t seed = hex_of(as_json_at(row, "/seed")), index = hex_of(as_json_at(row, "/index"));
    as_rng start = as_rng_at(seed, json_string_value(as_json_at(row, "/purpose")), index), r;
    r = start, x = as_json_at(row, "/u64");
    for (size_t i = 0; i < 7; i++) CHECK(as_rng_u64(&r) == hex_of(json_array_get(x, i)));
    r = start, x = as_json_at(row, "/uniform");
    for (size_t i = 0; i < 5; i++) {
        double expected = json_number_value(json_array_get(x, i)), got = as_rng_uniform(&r);
        CHECK(memcmp(&got, &expected, sizeof got) == 0);
    }
    r = start, x = as_json_at(row, "/below10");
    for (size_t i = 0; i < 20; i++) {
        CHECK(as_rng_below(&r, 10) == (uint64_t)json_integer_value(json_array_get(x, i)));
    }
    r = start, x = as_json_at(row, "/below_big");
    for (size_t i = 0; i < 8; i++) {
        CHECK(as_rng_below(&r, (UINT64_C(1) << 63) + 1) == hex_of(json_array_get(x, i)));
    }
    r = start, x = as_json_at(row, "/normal"); /* a few units in the last place between libraries */
    for (size_t i = 0; i < 6; i++) {
        CHECK_NEAR(as_rng_normal(&r), json_number_value(json_array_get(x, i)), 1e-14);
    }
    size_t order[12];
    for (size_t i = 0; i < 12; i++) order[i] = i;
    r = start, x = as_json_at(row, "/shuffle");
    as_rng_shuffle(&r, order, 12);
    for (size_t i = 0; i < 12; i++) {
        CHECK(order[i] == (size_t)json_integer_value(json_array_get(x, i)));
    }
}

static void streams_are_the_reference(void)
{
    as_error err = {0};
    json_t *row = NULL;
    size_t rows = 0;
    as_jsonl *in = as_jsonl_open("tests/golden/rng_cases.jsonl", &err);
    CHECK(in);
    while (in && as_jsonl_next(in, &row, &err) && row) {
        check_stream(row);
        json_decref(row);
        rows++;
    }
    as_jsonl_close(in);
    CHECK(rows == 5 && err.class_ == AS_OK);
}

static void draws_have_their_moments(void)
{
    as_rng r = as_rng_at(3, "moments", 0);
    enum { N = 200000 };
    double sum = 0, squares = 0, uniform = 0;
    size_t count[7] = {0}, outside = 0;
    for (int i = 0; i < N; i++) {
        double z = as_rng_normal(&r), u = as_rng_uniform(&r);
        sum += z, squares += z * z, uniform += u;
        outside += !(u >= 0 && u < 1) || !isfinite(z);
        count[as_rng_below(&r, 7)]++;
    }
    CHECK(outside == 0); /* the rest within five standard errors */
    CHECK(fabs(sum / N) < 5 / sqrt(N) && fabs(squares / N - 1) < 5 * sqrt(2.0 / N));
    CHECK(fabs(uniform / N - 0.5) < 5 * sqrt(1.0 / 12 / N));
    for (size_t i = 0; i < 7; i++) {
        CHECK(fabs((double)count[i] - N / 7.0) < 5 * sqrt(N / 7.0 * 6 / 7));
    }
    CHECK(as_rng_below(&r, 1) == 0);
}

/* --- threads ------------------------------------------------------------------------------- */

typedef struct {
    double out[1000];
    int calls[1000];
    size_t size;
    bool bad_worker;
} job;

static void work(void *ctx, size_t task, size_t worker)
{
    job *j = ctx;
    as_rng r = as_rng_at(4, "pool", task);
    j->calls[task]++;
    for (int i = 0; i < 20; i++) j->out[task] += as_rng_normal(&r);
    if (worker >= j->size) j->bad_worker = true;
}

static void pool_gives_the_same_bytes(void)
{
    as_error err = {0};
    job *alone = calloc(1, sizeof *alone), *many = calloc(1, sizeof *many);
    CHECK(alone && many);
    alone->size = as_pool_size(NULL);
    as_pool_run(NULL, 1000, work, alone);
    for (size_t n = 1; n <= 7; n += n == 1 ? 1 : 5) {
        as_pool *p = as_pool_new(n, &err);
        CHECK(p && as_pool_size(p) == n);
        for (int round = 0; round < 20; round++) {
            *many = (job){.size = n};
            as_pool_run(p, 1000, work, many);
            CHECK(memcmp(alone->out, many->out, sizeof alone->out) == 0);
            for (size_t i = 0; i < 1000; i++) CHECK(many->calls[i] == 1);
            CHECK(!many->bad_worker);
        }
        as_pool_run(p, 0, work, many);
        as_pool_free(p);
    }
    as_pool *p = as_pool_new(0, &err);
    CHECK(p && as_pool_size(p) >= 1);
    as_pool_free(p);
    as_pool_free(NULL);
    CHECK(!as_pool_new(100000, &err) && err.class_ == AS_ELIMIT);
    free(alone);
    free(many);
}

/* --- plan trees ---------------------------------------------------------------------------- */

static as_tree text_node(const char *key, const char *text, size_t line)
{
    return (as_tree){.kind = AS_TREE_TEXT,
                     .key = key,
                     .text = text,
                     .file = "p.yaml",
                     .line = line,
                     .column = 3};
}

/* {n: TEXT} with the reader's result for n. */
static bool read_double(const char *text, double *x, as_error *err)
{
    as_tree t = text_node("n", text, 1);
    return as_tree_double(&t, x, err);
}

static void tree_numbers(void)
{
    static const struct {
        const char *text;
        double value;
    } good[] = {{"0.5", 0.5}, {"-1e-3", -1e-3}, {"1/2", 0.5},    {"3", 3},     {".5", 0.5},
                {"2.", 2},    {"+4", 4},        {"-1/4", -0.25}, {"1e2/4", 25}};
    static const char *const bad[] = {"",   " 1", "1 ",    "nan", "inf", "0x10", "1/0",   "1/",
                                      "/2", "1e", "1e999", "1,5", "one", "--1",  "1/2/3", "."};
    double x = 0;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        as_error err = {0};
        CHECK(read_double(good[i].text, &x, &err) && x == good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        as_error err = {0};
        CHECK(!read_double(bad[i], &x, &err) && err.class_ == AS_EUSAGE);
    }
    size_t n = 0;
    bool b = false;
    as_error err = {0};
    as_tree t = text_node("n", "18446744073709551615", 1);
    CHECK(as_tree_size(&t, &n, &err) && n == SIZE_MAX);
    static const char *const bad_sizes[] = {"18446744073709551616", "-1", "1.0", "", "1e3", "+1"};
    for (size_t i = 0; i < 6; i++) {
        err = (as_error){0};
        t.text = bad_sizes[i];
        CHECK(!as_tree_size(&t, &n, &err));
    }
    err = (as_error){0};
    t.text = "true";
    CHECK(as_tree_bool(&t, &b, &err) && b);
    t.text = "false";
    CHECK(as_tree_bool(&t, &b, &err) && !b);
    t.text = "no";
    CHECK(!as_tree_bool(&t, &b, &err));
    CHECK_TEXT(err.what, "switch (found \"no\", expected true or false)");
}

/* {seed: 7, checks: [{id: auc, level: many}]} */
static void tree_places_and_keys(void)
{
    char text[512];
    as_tree seed = text_node("seed", "7", 1), id = text_node("id", "auc", 3),
            level = text_node("level", "many", 4);
    as_tree *in_item[] = {&id, &level}, *in_list[1], *in_root[2];
    as_tree item = {
        .kind = AS_TREE_MAP, .n = 2, .child = in_item, .file = "p.yaml", .line = 3, .column = 5};
    as_tree list = {.kind = AS_TREE_LIST,
                    .key = "checks",
                    .n = 1,
                    .child = in_list,
                    .file = "p.yaml",
                    .line = 2,
                    .column = 1};
    as_tree root = {
        .kind = AS_TREE_MAP, .n = 2, .child = in_root, .file = "p.yaml", .line = 1, .column = 1};
    in_list[0] = &item, in_root[0] = &seed, in_root[1] = &list;
    id.parent = level.parent = &item, item.parent = &list, list.parent = seed.parent = &root;

    as_error err = {0};
    double x;
    const char *s = NULL;
    CHECK(as_tree_find(&root, "seed") == &seed && !as_tree_find(&root, "x"));
    CHECK(!as_tree_find(NULL, "seed") && !as_tree_find(&seed, "seed"));
    CHECK(as_tree_text(&id, &s, &err) && strcmp(s, "auc") == 0);
    CHECK(!as_tree_double(&level, &x, &err));
    CHECK_TEXT(
        as_error_text(&err, text, sizeof text),
        "p.yaml:4:3: checks[0].level: number (found \"many\", expected a number such as 0.5, "
        "-1e-3 or 1/2)");
    err = (as_error){0};
    CHECK(!as_tree_text(&list, &s, &err));
    CHECK_TEXT(as_error_text(&err, text, sizeof text),
               "p.yaml:2:1: checks: kind (found a list, expected a value)");
    err = (as_error){0};
    CHECK(!as_tree_text(NULL, &s, &err) && err.class_ == AS_EUSAGE);
    static const char *const names[] = {"id", "levels", "kind", NULL}, *const all[] = {
                                                                           "id", "level", NULL};
    err = (as_error){0};
    CHECK(as_tree_keys(&item, all, &err));
    CHECK(!as_tree_keys(&item, names, &err));
    CHECK_TEXT(as_error_text(&err, text, sizeof text),
               "p.yaml:4:3: checks[0].level: unknown key (did you mean \"levels\"?)");
    err = (as_error){0};
    level.key = "zebra";
    CHECK(!as_tree_keys(&item, names, &err));
    CHECK_TEXT(err.what, "unknown key (expected one of: id, levels, kind)");
    as_buf b = {0};
    err = (as_error){0};
    json_t *json = as_tree_json(&root, &err);
    CHECK(json);
    as_json_write(&b, json);
    CHECK_TEXT(as_buf_text(&b),
               "{\"checks\":[{\"id\":\"auc\",\"zebra\":\"many\"}],\"seed\":\"7\"}");
    json_decref(json);
    as_buf_clear(&b);
    level.key = "id";
    CHECK(!as_tree_json(&root, &err) && err.class_ == AS_EUSAGE);
    err = (as_error){0};
    level.key = "level", level.text = "\xff";
    CHECK(!as_tree_json(&root, &err) && err.class_ == AS_EUSAGE);
}

static void tree_depth(void)
{
    as_tree list[66], *child[66];
    for (size_t i = 0; i < 66; i++) {
        child[i] = i < 65 ? &list[i + 1] : NULL;
        list[i] = (as_tree){.kind = AS_TREE_LIST,
                            .n = i<65, .child = &child[i], .parent = i> 0 ? &list[i - 1] : NULL,
                            .file = "p.yaml"};
    }
    as_error err = {0};
    json_t *v = as_tree_json(&list[2], &err); /* 64 levels */
    CHECK(v && err.class_ == AS_OK);
    json_decref(v);
    CHECK(!as_tree_json(&list[1], &err) && err.class_ == AS_EUSAGE);
    CHECK_TEXT(err.what, "nesting (found more than 64 levels, expected at most 64)");
}

static void nearest_name(void)
{
    static const char *const names[] = {"bootstrap", "level", "label", "seed", "n", "id", NULL};
    CHECK_TEXT(as_nearest("di", names), "id"); /* two letters exchanged are one edit */
    CHECK_TEXT(as_nearest("levle", names), "level");
    CHECK_TEXT(as_nearest("bootsrtap", names), "bootstrap");
    CHECK_TEXT(as_nearest("lebel", names), "level"); /* a tie: the first */
    CHECK_TEXT(as_nearest("sed", names), "seed");
    CHECK_TEXT(as_nearest("seed", names), "seed");
    CHECK(!as_nearest("quixotic", names) && !as_nearest("", names) && !as_nearest("x", names));
    char big[4000];
    memset(big, 'a', sizeof big);
    big[sizeof big - 1] = '\0';
    CHECK(!as_nearest(big, names));
}

int main(void)
{
    RUN(error_reads_outside_in);
    RUN(error_is_cut_at_a_character);
    RUN(sizes_do_not_wrap);
    RUN(buffer_grows);
    RUN(doubles_read_back);
    RUN(utf8_is_strict);
    RUN(foreign_text_is_escaped);
    RUN(arena_gives_zeroed_aligned_memory);
    RUN(sha256_known_answers);
    RUN(philox_known_answers);
    RUN(streams_are_the_reference);
    RUN(draws_have_their_moments);
    RUN(pool_gives_the_same_bytes);
    RUN(tree_numbers);
    RUN(tree_places_and_keys);
    RUN(tree_depth);
    RUN(nearest_name);
    return check_end();
}
