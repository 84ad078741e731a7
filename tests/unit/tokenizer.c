/* Tokenizers: the reference library's ids and texts for four pipelines, text that looks like
 * control tokens, decoding as a stream, broken UTF-8, linear time, GGUF. The fixtures are
 * made by tools/golden/tokenizer.py. */
#include "check.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/jsonl.h"
#include "base/pool.h"
#include "base/rng.h"
#include "engine/format/gguf.h"
#include "engine/text/detok.h"

#define GOLDEN "tests/golden/tokenizer/"

static const char *const families[] = {"qwen3", "qwen35", "smollm2", "gemma4", "unknown"};
enum { N_FAMILIES = 5 };

static json_t *read_json(const char *name)
{
    char path[128];
    as_error err = {0};
    (void)snprintf(path, sizeof path, GOLDEN "%s.json", name);
    json_t *v = as_json_read(path, &err);
    CHECK(v);
    return v;
}

static as_tokenizer *read_family(const char *name)
{
    char path[128];
    as_error err = {0};
    as_buf json = {0};
    (void)snprintf(path, sizeof path, GOLDEN "%s.json", name);
    as_tokenizer *t = as_file_read(path, (size_t)1 << 24, &json, &err)
                          ? as_tokenizer_parse(path, json.data, json.size, NULL, 0, &err)
                          : NULL;
    CHECK(t);
    if (!t) printf("%s: %s\n", err.where, err.what);
    as_buf_clear(&json);
    return t;
}

static as_jsonl *open_rows(const char *name)
{
    char path[128];
    as_error err = {0};
    (void)snprintf(path, sizeof path, GOLDEN "%s.jsonl", name);
    as_jsonl *r = as_jsonl_open(path, &err);
    CHECK(r);
    return r;
}

static json_t *next_row(as_jsonl *r)
{
    as_error err = {0};
    json_t *row = NULL;
    CHECK(r && as_jsonl_next(r, &row, &err));
    return row;
}

static bool encode(const as_tokenizer *t, const char *text, size_t size, as_text_kind kind,
                   as_ids *ids)
{
    as_error err = {0};
    ids->n = 0;
    bool ok = as_tokenizer_encode(t, text, size, kind, ids, &err);
    if (!ok) printf("%s\n", err.what);
    return ok;
}

static bool same_ids(const as_ids *ids, const json_t *expected)
{
    if (ids->n != json_array_size(expected)) return false;
    for (size_t i = 0; i < ids->n; i++)
        if (ids->id[i] != (uint32_t)json_integer_value(json_array_get(expected, i))) return false;
    return true;
}

/* --- the reference --------------------------------------------------------------------------- */

/* One text: ids of both kinds and the decoded text, whole and as a stream. */
static bool as_reference(const as_tokenizer *t, const json_t *text, const json_t *row)
{
    as_ids ids = {0};
    as_buf whole = {0}, stream = {0};
    as_detok d;
    const char *s = json_string_value(text);
    const json_t *expected = json_object_get(row, "ids"), *plain = json_object_get(row, "plain");
    const json_t *decoded = json_object_get(row, "decoded");
    if (!decoded) decoded = text;
    bool ok = encode(t, s, json_string_length(text), AS_TEXT_PLAIN, &ids) &&
              same_ids(&ids, plain ? plain : expected) &&
              encode(t, s, json_string_length(text), AS_TEXT_MARKED, &ids) &&
              same_ids(&ids, expected);
    as_tokenizer_decode(t, ids.id, ids.n, false, &whole);
    as_detok_init(&d, t, false);
    for (size_t i = 0; i < ids.n; i++) {
        as_detok_push(&d, ids.id[i], &stream);
        ok = ok && as_utf8_valid(as_buf_text(&stream), stream.size, NULL);
    }
    as_detok_end(&d, &stream);
    ok = ok && strcmp(as_buf_text(&whole), json_string_value(decoded)) == 0 &&
         strcmp(as_buf_text(&stream), json_string_value(decoded)) == 0;
    as_ids_clear(&ids);
    as_buf_clear(&whole);
    as_buf_clear(&stream);
    return ok;
}

static void reference_ids(void)
{
    size_t n = 0;
    for (size_t f = 0; f < N_FAMILIES; f++) {
        as_tokenizer *t = read_family(families[f]);
        as_jsonl *texts = open_rows("texts"), *rows = open_rows(families[f]);
        json_t *text, *row;
        while (t && (text = next_row(texts)) && (row = next_row(rows))) {
            bool ok = as_reference(t, json_object_get(text, "text"), row);
            CHECK(ok);
            if (!ok) printf("%s, line %zu\n", families[f], as_jsonl_line(rows));
            json_decref(text);
            json_decref(row);
            n++;
        }
        as_jsonl_close(texts);
        as_jsonl_close(rows);
        as_tokenizer_free(t);
    }
    CHECK(n == (size_t)800 * N_FAMILIES);
}

/* --- asking ---------------------------------------------------------------------------------- */

static void asking(void)
{
    static const char config[] =
        "{\"bos_token\":null,\"eos_token\":{\"content\":\"<|im_end|>\"},\"model_max_length\":"
        "1000000000000000019884624838656,"
        "\"added_tokens_decoder\":{\"711\":{\"content\":\"<late>\",\"special\":true},"
        "\"2\":{\"content\":\"#\",\"special\":false}},"
        "\"chat_template\":[{\"name\":\"tools\",\"template\":\"no\"},"
        "{\"name\":\"default\",\"template\":\"yes\"}]}";
    as_error err = {0};
    as_buf json = {0};
    as_ids ids = {0};
    as_key key;
    uint32_t id = 0;
    size_t size = 0;
    CHECK(as_file_read(GOLDEN "qwen35.json", 1 << 24, &json, &err));
    as_tokenizer *t =
        as_tokenizer_parse("q", json.data, json.size, config, sizeof config - 1, &err);
    CHECK(t);
    if (!t) printf("%s: %s\n", err.where, err.what);
    if (!t) return;
    CHECK(as_tokenizer_size(t) == 712);
    CHECK(as_tokenizer_find(t, "<late>", &id) && id == 711 && as_tokenizer_is_special(t, 711));
    CHECK(as_tokenizer_find(t, "<think>", &id) && !as_tokenizer_is_special(t, id));
    CHECK(as_tokenizer_find(t, " ", &id) && as_tokenizer_piece(t, id, &size) && size == 1);
    CHECK(!as_tokenizer_find(t, "no such token", &id) && !as_tokenizer_is_special(t, 99999));
    CHECK(!as_tokenizer_piece(t, 99999, &size) && !as_tokenizer_piece(t, 710, &size));
    CHECK(!as_tokenizer_bos(t, &id));
    CHECK(as_tokenizer_eos(t, &id) && as_tokenizer_piece(t, id, &size) && size == 10);
    CHECK_TEXT(as_tokenizer_template(t), "yes");
    CHECK(as_sha256_of(json.data, json.size, key, &err));
    CHECK_TEXT(as_tokenizer_digest(t), key);
    CHECK(encode(t, "a<late>", 7, AS_TEXT_MARKED, &ids) && ids.n == 2 && ids.id[1] == 711);
    CHECK(encode(t, "#", 1, AS_TEXT_MARKED, &ids) && ids.n == 1 && ids.id[0] == 2);
    as_ids_clear(&ids);
    as_buf_clear(&json);
    as_tokenizer_free(t);
}

static void folder(void)
{
    as_error err = {0};
    as_buf json = {0};
    char dir[64], path[96];
    (void)snprintf(dir, sizeof dir, "/tmp/assay-tokenizer-%ld", (long)getpid());
    CHECK(!as_tokenizer_exists(dir) && !as_tokenizer_open(dir, &err) && err.class_ == AS_EIO);
    err = (as_error){0};
    CHECK(as_dir_make(dir, &err) && as_file_read(GOLDEN "gemma4.json", 1 << 24, &json, &err));
    (void)snprintf(path, sizeof path, "%s/tokenizer.json", dir);
    CHECK(as_file_replace(path, json.data, json.size, &err) && as_tokenizer_exists(dir));
    as_tokenizer *t = as_tokenizer_open(dir, &err);
    CHECK(t && !as_tokenizer_template(t));
    as_tokenizer_free(t);
    char config[96];
    (void)snprintf(config, sizeof config, "%s/tokenizer_config.json", dir);
    CHECK(as_file_replace(config, "{\"bos_token\":\"<bos>\",\"chat_template\":\"hi\"}", 42, &err));
    uint32_t id = 0;
    t = as_tokenizer_open(dir, &err);
    CHECK(t && as_tokenizer_bos(t, &id) && id == 2);
    if (t) CHECK_TEXT(as_tokenizer_template(t), "hi");
    as_tokenizer_free(t);
    as_buf_clear(&json);
    (void)unlink(config);
    (void)unlink(path);
    (void)rmdir(dir);
}

/* --- text that looks like a control token ---------------------------------------------------- */

static void never_special(void)
{
    for (size_t f = 0; f < N_FAMILIES; f++) {
        as_tokenizer *t = read_family(families[f]);
        as_ids ids = {0};
        uint32_t unknown = UINT32_MAX;
        if (t && f == 4) CHECK(as_tokenizer_find(t, "<unk>", &unknown));
        for (uint32_t id = 0; t && id < as_tokenizer_size(t); id++) {
            size_t size;
            const char *piece = as_tokenizer_piece(t, id, &size);
            if (!piece || !as_tokenizer_is_special(t, id)) continue;
            CHECK(encode(t, piece, size, AS_TEXT_MARKED, &ids) && ids.n == 1 && ids.id[0] == id);
            CHECK(encode(t, piece, size, AS_TEXT_PLAIN, &ids) && ids.n > 0);
            for (size_t i = 0; i < ids.n; i++)
                CHECK(ids.id[i] == unknown || !as_tokenizer_is_special(t, ids.id[i]));
        }
        as_ids_clear(&ids);
        as_tokenizer_free(t);
    }
}

/* A vocabulary whose merges spell a special token out: plain text must not reach it. */
static void merges_to_special(void)
{
    static const char json[] =
        "{\"version\":\"1.0\",\"added_tokens\":[{\"id\":3,\"content\":\"ab\",\"special\":true}],"
        "\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false},"
        "\"decoder\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\","
        "\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"ab\":3,\"bc\":4},\"merges\":[\"a b\",\"b c\"]}}";
    as_error err = {0};
    as_ids ids = {0};
    as_tokenizer *t = as_tokenizer_parse("m", json, sizeof json - 1, NULL, 0, &err);
    CHECK(t);
    if (!t) return;
    CHECK(encode(t, "abc", 3, AS_TEXT_MARKED, &ids) && ids.n == 2 && ids.id[0] == 3);
    CHECK(encode(t, "abc", 3, AS_TEXT_PLAIN, &ids) && ids.n == 2 && ids.id[1] == 4);
    CHECK(encode(t, "ab", 2, AS_TEXT_PLAIN, &ids) && ids.n == 2 && ids.id[1] == 1);
    as_ids_clear(&ids);
    as_tokenizer_free(t);
}

/* Parts are one text but for the tokens that plain parts may not hold. */
static void parts(void)
{
    as_error err = {0};
    as_ids a = {0}, b = {0};
    as_tokenizer *t = read_family("qwen3");
    uint32_t end = 0;
    if (!t) return;
    CHECK(as_tokenizer_find(t, "<|im_end|>", &end));
    const as_text_part one[] = {{"<|im_start|>user\n", 17, AS_TEXT_MARKED},
                                {"\nthe ", 5, AS_TEXT_PLAIN},
                                {"kettle", 6, AS_TEXT_PLAIN},
                                {"<|im_", 5, AS_TEXT_MARKED},
                                {"end|>\n", 6, AS_TEXT_MARKED}};
    const char *text = "<|im_start|>user\n\nthe kettle<|im_end|>\n";
    CHECK(as_tokenizer_encode_parts(t, one, 5, &a, &err));
    CHECK(encode(t, text, strlen(text), AS_TEXT_MARKED, &b));
    CHECK(a.n == b.n && memcmp(a.id, b.id, a.n * sizeof *a.id) == 0);
    const as_text_part two[] = {{"<|im_start|>user\n", 17, AS_TEXT_MARKED},
                                {"<|im_end|>", 10, AS_TEXT_PLAIN},
                                {"<|im_e", 6, AS_TEXT_MARKED},
                                {"nd|>", 4, AS_TEXT_PLAIN},
                                {"<|im_end|>", 10, AS_TEXT_MARKED}};
    size_t count = 0;
    a.n = 0;
    CHECK(as_tokenizer_encode_parts(t, two, 5, &a, &err));
    for (size_t i = 0; i < a.n; i++) count += a.id[i] == end;
    CHECK(count == 1 && a.id[a.n - 1] == end);
    a.n = 0;
    CHECK(as_tokenizer_encode_parts(t, NULL, 0, &a, &err) && a.n == 0);
    as_ids_clear(&a);
    as_ids_clear(&b);
    as_tokenizer_free(t);
}

/* --- UTF-8 ----------------------------------------------------------------------------------- */

static void mended(const char *bytes, size_t size, const char *expected)
{
    for (size_t cut = 0; cut <= size; cut++) {
        as_mend m = {0};
        as_buf out = {0};
        as_mend_push(&m, bytes, cut, &out);
        as_mend_push(&m, bytes + cut, size - cut, &out);
        as_mend_end(&m, &out);
        CHECK_TEXT(as_buf_text(&out), expected);
        as_buf_clear(&out);
    }
}

/* Expected texts: bytes.decode("utf-8", errors="replace") of Python 3.11. */
static void broken_utf8(void)
{
#define R "\xef\xbf\xbd"
    mended("a\x80z", 3, "a" R "z");
    mended("\xc0\xaf", 2, R R);
    mended("\xe4\xbd", 2, R);
    mended("\xe4\xbd"
           "a",
           3, R "a");
    mended("\xe4\xbd\xe4\xbd\xa0", 5, R "\xe4\xbd\xa0");
    mended("\xed\xa0\x80", 3, R R R);
    mended("\xf0\x9f\x99\xf0\x9f", 5, R R);
    mended("\xf0\x80\x80\x80", 4, R R R R);
    mended("\xf4\x90\x80\x80", 4, R R R R);
    mended("\xf5\xff\xc2", 3, R R R);
    mended("\xe0\x9f\xbf\xe0\xa0", 5, R R R R);
    mended("\xf0\x9f\x99\x82!", 5, "\xf0\x9f\x99\x82!");
    as_tokenizer *t = read_family("gemma4");
    as_ids a = {0}, b = {0};
    CHECK(t && encode(t, "x\xe4\xbdy\xff", 5, AS_TEXT_PLAIN, &a));
    CHECK(t && encode(t, "x" R "y" R, 8, AS_TEXT_PLAIN, &b));
    CHECK(a.n == b.n && memcmp(a.id, b.id, a.n * sizeof *a.id) == 0);
    as_ids_clear(&a);
    as_ids_clear(&b);
    as_tokenizer_free(t);
#undef R
}

/* Random ids: the stream is the whole, and valid at every step. */
static void streams(void)
{
    for (size_t f = 0; f < N_FAMILIES; f++) {
        as_tokenizer *t = read_family(families[f]);
        for (uint64_t k = 0; t && k < 200; k++) {
            as_rng rng = as_rng_at(5, "streams", k);
            uint32_t id[40];
            as_buf whole = {0}, stream = {0};
            as_detok d;
            bool skip = k % 2;
            as_detok_init(&d, t, skip);
            for (size_t i = 0; i < 40; i++) {
                id[i] = (uint32_t)as_rng_below(&rng, as_tokenizer_size(t) + 5);
                as_detok_push(&d, id[i], &stream);
                CHECK(as_utf8_valid(as_buf_text(&stream), stream.size, NULL));
            }
            as_detok_end(&d, &stream);
            as_tokenizer_decode(t, id, 40, skip, &whole);
            CHECK(whole.size == stream.size &&
                  memcmp(as_buf_text(&whole), as_buf_text(&stream), whole.size) == 0);
            as_buf_clear(&whole);
            as_buf_clear(&stream);
        }
        as_tokenizer_free(t);
    }
}

/* --- time and threads ------------------------------------------------------------------------ */

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Sanitizers take several times the time; what is not linear takes thousands of times. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOWER 20
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOWER 20
#endif
#endif
#ifndef SLOWER
#define SLOWER 1
#endif

/* size bytes of `unit` over and over, closed by an x. */
static void encodes_in_time(const as_tokenizer *t, const char *name, const char *unit, size_t size)
{
    as_ids ids = {0};
    size_t n = strlen(unit);
    char *text = malloc(size + 1);
    CHECK(text);
    if (!text) return;
    for (size_t i = 0; i < size; i++) text[i] = unit[i % n];
    text[size] = 'x';
    double start = seconds();
    CHECK(encode(t, text, size + 1, AS_TEXT_MARKED, &ids));
    double took = seconds() - start;
    bool in_time = took < SLOWER * 5.0 * (double)size / (10 << 20) + 0.2;
    CHECK(in_time);
    if (!in_time) printf("%s: %.2f s for \"%s\"...\n", name, took, unit);
    as_ids_clear(&ids);
    free(text);
}

/* 5 s for 10 MiB is the bound; 1 MiB here, in proportion. */
static void linear_time(void)
{
    static const char *const units[] = {"a",
                                        " ",
                                        "\n",
                                        "1",
                                        "!",
                                        "\xcc\x81\xcc\xa3",
                                        "\xff",
                                        "<",
                                        "<|im_",
                                        "\xe4\xbd\xa0",
                                        " \n",
                                        "\xe2\x96\x81",
                                        "\xf0\x9f\x91\xa9\xe2\x80\x8d",
                                        "e\xcc\x81",
                                        "ab"};
    for (size_t f = 0; f < N_FAMILIES; f++) {
        as_tokenizer *t = read_family(families[f]);
        for (size_t i = 0; t && i < sizeof units / sizeof units[0]; i++)
            encodes_in_time(t, families[f], units[i], 1 << 20);
        as_tokenizer_free(t);
    }
}

typedef struct {
    const as_tokenizer *t;
    as_ids ids[8];
} crowd;

static void encode_one(void *context, size_t task, size_t worker)
{
    static const char text[] = "The kettle sings e\xcc\x81  123 <|im_start|> before the cook.\n\n";
    crowd *c = context;
    as_error err = {0};
    (void)worker;
    for (size_t k = 0; k < 20; k++)
        if (!as_tokenizer_encode(c->t, text, sizeof text - 1, AS_TEXT_MARKED, &c->ids[task], &err))
            return;
}

static void threads(void)
{
    as_error err = {0};
    for (size_t f = 0; f < N_FAMILIES; f++) {
        crowd c = {.t = read_family(families[f])};
        as_pool *pool = as_pool_new(3, &err);
        if (c.t && pool) as_pool_run(pool, 8, encode_one, &c);
        for (size_t i = 0; i < 8; i++) {
            CHECK(c.ids[i].n > 0 && c.ids[i].n == c.ids[0].n &&
                  memcmp(c.ids[i].id, c.ids[0].id, c.ids[0].n * sizeof(uint32_t)) == 0);
            if (i > 0) as_ids_clear(&c.ids[i]);
        }
        as_ids_clear(&c.ids[0]);
        as_pool_free(pool);
        as_tokenizer_free((as_tokenizer *)(uintptr_t)c.t);
    }
}

/* --- GGUF ------------------------------------------------------------------------------------ */

enum { MOST = 4096 };

/* The metadata a converter would write for a fixture. */
static void put_metadata(as_gguf_out *o, const json_t *d, const char *model, const char *pre)
{
    static const char *texts[MOST];
    static char merge_text[MOST][256];
    static int32_t types[MOST];
    json_t *v, *vocab = json_object_get(json_object_get(d, "model"), "vocab");
    const json_t *merges = json_object_get(json_object_get(d, "model"), "merges");
    const char *text,
        *unknown = json_string_value(json_object_get(json_object_get(d, "model"), "unk_token"));
    size_t i, n = 0, n_merges = json_array_size(merges);
    json_object_foreach(vocab, text, v)
    {
        size_t id = (size_t)json_integer_value(v);
        CHECK(id < MOST);
        texts[id] = text;
        bool is_byte = strncmp(text, "<0x", 3) == 0 && strlen(text) == 6;
        types[id] = unknown && strcmp(text, unknown) == 0 ? 2 : is_byte ? 6 : 1;
        if (id >= n) n = id + 1;
    }
    json_array_foreach(json_object_get(d, "added_tokens"), i, v)
    {
        size_t id = (size_t)json_integer_value(json_object_get(v, "id"));
        texts[id] = json_string_value(json_object_get(v, "content"));
        if (types[id] != 2 || id >= n)
            types[id] = json_is_true(json_object_get(v, "special")) ? 3 : 4;
        if (id >= n) n = id + 1;
    }
    as_gguf_put_text(o, "tokenizer.ggml.model", model, strlen(model));
    if (pre) as_gguf_put_text(o, "tokenizer.ggml.pre", pre, strlen(pre));
    as_gguf_put_texts(o, "tokenizer.ggml.tokens", texts, n);
    as_gguf_put_array(o, "tokenizer.ggml.token_type", AS_GGUF_I32, types, n);
    for (i = 0; i < n_merges && i < MOST; i++) {
        const json_t *m = json_array_get(merges, i);
        (void)snprintf(merge_text[i], sizeof merge_text[i], "%s %s",
                       json_string_value(json_array_get(m, 0)),
                       json_string_value(json_array_get(m, 1)));
        texts[i] = merge_text[i];
    }
    as_gguf_put_texts(o, "tokenizer.ggml.merges", texts, n_merges);
    as_gguf_put_u32(o, "tokenizer.ggml.eos_token_id", 1);
    as_gguf_put_text(o, "tokenizer.chat_template", "hello", 5);
}

static as_tokenizer *through_gguf(const char *path, const char *family, const char *model,
                                  const char *pre, as_error *err)
{
    as_gguf_out o = {0};
    json_t *d = read_json(family);
    as_tokenizer *t = NULL;
    if (d) put_metadata(&o, d, model, pre);
    CHECK(as_gguf_write(path, &o, NULL, 0, err));
    as_gguf *g = as_gguf_open(path, err);
    CHECK(g);
    if (g) t = as_tokenizer_gguf(g, err);
    as_gguf_close(g);
    as_gguf_out_clear(&o);
    json_decref(d);
    (void)unlink(path);
    return t;
}

static void gguf(void)
{
    static const char *const rows[4][3] = {{"qwen3", "gpt2", "qwen2"},
                                           {"qwen35", "gpt2", "qwen35"},
                                           {"smollm2", "gpt2", "smollm"},
                                           {"gemma4", "gemma4", NULL}};
    char path[64];
    (void)snprintf(path, sizeof path, "/tmp/assay-tokenizer-%ld.gguf", (long)getpid());
    for (size_t k = 0; k < 4; k++) {
        as_error err = {0};
        uint32_t eos = 0;
        as_tokenizer *t = through_gguf(path, rows[k][0], rows[k][1], rows[k][2], &err);
        as_jsonl *texts = open_rows("texts"), *expected = open_rows(rows[k][0]);
        json_t *text, *row;
        CHECK(t);
        if (!t) printf("%s: %s\n", err.where, err.what);
        while (t && (text = next_row(texts)) && (row = next_row(expected))) {
            CHECK(as_reference(t, json_object_get(text, "text"), row));
            json_decref(text);
            json_decref(row);
        }
        if (t) CHECK(as_tokenizer_eos(t, &eos) && eos == 1 && strlen(as_tokenizer_digest(t)) == 64);
        if (t) CHECK_TEXT(as_tokenizer_template(t), "hello");
        as_jsonl_close(texts);
        as_jsonl_close(expected);
        as_tokenizer_free(t);
    }
    as_error err = {0};
    CHECK(!through_gguf(path, "qwen3", "gpt2", "llama-bpe", &err) && err.class_ == AS_EFORMAT);
    CHECK(strstr(err.what, "\"gpt2\" and \"llama-bpe\""));
}

int main(void)
{
    RUN(reference_ids);
    RUN(asking);
    RUN(folder);
    RUN(never_special);
    RUN(merges_to_special);
    RUN(parts);
    RUN(broken_utf8);
    RUN(streams);
    RUN(linear_time);
    RUN(threads);
    RUN(gguf);
    return check_end();
}
