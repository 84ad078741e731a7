/* GGUF: metadata and tensors read, what is refused with which message, hostile variations of good
 * files, and the writer. */
#include "unit/format_case.h"

#include "engine/format/gguf.h"
#include "unit/gguf_bad.h"

#define CORPUS "tests/fuzz/corpus/gguf/"
static char dir[] = "/tmp/assay-gguf-XXXXXX";
static char path[256];

static void bad_files(void)
{
    for (size_t i = 0; i < COUNT(bad_gguf); i++) {
        as_error err = {0};
        char text[2048], file[256];
        (void)snprintf(file, sizeof file, CORPUS "%s", bad_gguf[i].file);
        CHECK(as_tensors_open(file, &err) == NULL);
        CHECK_TEXT(message(&err, text, sizeof text), bad_gguf[i].text);
        CHECK(err.class_ == bad_gguf[i].class_);
        CHECK(strncmp(err.where, file, strlen(file)) == 0);
    }
}

static void good_file(const char *name, const as_buf *bytes)
{
    CHECK(opens(name, bytes->data, bytes->size));
}

static void good_files(void)
{
    for_files(CORPUS, "good-", good_file);
}

/* A file cut anywhere before the end of its last tensor is refused; what may be cut off is padding.
 */
static void cut_file(const char *name, const as_buf *bytes)
{
    as_error err = {0};
    size_t end = 24;
    as_gguf *g = as_gguf_over(name, bytes->data, bytes->size, &err);
    CHECK(g != NULL);
    for (size_t i = 0; g && i < as_gguf_count(g); i++) {
        const as_tensor *t = as_gguf_at(g, i);
        size_t last = (size_t)((const char *)t->data - bytes->data) + t->bytes;
        if (t->bytes > 0 && last > end) end = last;
    }
    as_gguf_close(g);
    bool opened = false;
    for (size_t cut = 0; cut <= bytes->size; cut++) {
        bool now = opens(name, bytes->data, cut);
        CHECK(now || !opened);
        CHECK(!now || cut >= end);
        opened = now;
    }
    CHECK(opened);
}

static void cut_files(void)
{
    for_files(CORPUS, "good-", cut_file);
}

static void spoil_file(const char *name, const as_buf *bytes)
{
    spoil_bytes(name, bytes, 600);
}

static void spoiled_files(void)
{
    for_files(CORPUS, "good-", spoil_file);
}

/* A key one byte longer than allowed, and one as long. */
static void limits_keys(void)
{
    for (size_t size = AS_GGUF_MAX_KEY; size <= AS_GGUF_MAX_KEY + 1; size++) {
        as_error err = {0};
        char text[1024];
        as_gguf_out o = {0};
        char *key = malloc(size + 1);
        if (!key) abort();
        memset(key, 'k', size);
        key[size] = '\0';
        as_gguf_put_u32(&o, key, 7);
        (void)snprintf(path, sizeof path, "%s/key.gguf", dir);
        CHECK(as_gguf_write(path, &o, NULL, 0, &err));
        as_gguf *g = as_gguf_open(path, &err);
        if (size == AS_GGUF_MAX_KEY) {
            uint32_t x = 0;
            CHECK(g && as_gguf_u32(g, key, &x, &err) && x == 7);
        } else {
            CHECK(g == NULL);
            CHECK_TEXT(message(&err, text, sizeof text),
                       "byte 24: key (found 65536 bytes, expected at most 65535)");
        }
        as_gguf_close(g);
        as_gguf_out_clear(&o);
        free(key);
    }
}

/* ---- what is read ---- */

static void check_arrays(const as_gguf *g)
{
    as_error err = {0};
    as_gguf_array a;
    size_t size;
    CHECK(as_gguf_array_of(g, "tokenizer.ggml.tokens", AS_GGUF_TEXT, 4, &a, &err));
    const char *text = as_gguf_array_text(&a, 0, &size);
    CHECK(size == 1 && text[0] == 'a');
    (void)as_gguf_array_text(&a, 1, &size);
    CHECK(size == 0);
    text = as_gguf_array_text(&a, 2, &size);
    CHECK(size == 5 && memcmp(text, "\xc4\xa0the", 5) == 0);
    text = as_gguf_array_text(&a, 3, &size);
    CHECK(size == 100 && memcmp(text + 95, "long ", 5) == 0);
    CHECK(as_gguf_array_of(g, "tokenizer.ggml.token_type", AS_GGUF_I32, AS_GGUF_ANY, &a, &err));
    CHECK(a.n == 3 && as_gguf_array_i32(&a, 0) == 1 && as_gguf_array_i32(&a, 2) == -1);
    CHECK(as_gguf_array_of(g, "tokenizer.ggml.scores", AS_GGUF_F32, 2, &a, &err));
    CHECK(as_gguf_array_f32(&a, 0) == 0.5f && as_gguf_array_f32(&a, 1) == -1.25f);
    const char *pattern = "qwen3.attention.sliding_window_pattern";
    CHECK(as_gguf_array_of(g, pattern, AS_GGUF_BOOL, 3, &a, &err));
    CHECK(as_gguf_array_bool(&a, 0) && !as_gguf_array_bool(&a, 1) && as_gguf_array_bool(&a, 2));
    CHECK(as_gguf_is_array(g, pattern) && !as_gguf_is_array(g, "qwen3.block_count"));
}

/* Each wrong use of an accessor. */
static void check_refusals(const as_gguf *g)
{
    static const char *const texts[] = {
        "key \"qwen3.block_count\": value (found u32, expected f32)",
        "key \"none\\x0a\": value (found none, expected u32)",
        "key \"general.architecture\": value (found text, expected bool)",
        "key \"test.u64\": value (found u64, expected text)",
        "key \"test.i8\": value (found i8, expected array)",
        "key \"tokenizer.ggml.scores\": array (found elements of f32, expected text)",
        "key \"tokenizer.ggml.scores\": array (found 2 elements, expected 3)",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        as_error err = {0};
        char out[1024];
        uint32_t u;
        float f;
        bool b;
        const char *text;
        size_t size;
        as_gguf_array a;
        const char *scores = "tokenizer.ggml.scores";
        CHECK(!(i == 0   ? as_gguf_f32(g, "qwen3.block_count", &f, &err)
                : i == 1 ? as_gguf_u32(g, "none\n", &u, &err)
                : i == 2 ? as_gguf_bool(g, "general.architecture", &b, &err)
                : i == 3 ? as_gguf_text(g, "test.u64", &text, &size, &err)
                : i == 4 ? as_gguf_array_of(g, "test.i8", AS_GGUF_I32, AS_GGUF_ANY, &a, &err)
                : i == 5 ? as_gguf_array_of(g, scores, AS_GGUF_TEXT, AS_GGUF_ANY, &a, &err)
                         : as_gguf_array_of(g, scores, AS_GGUF_F32, 3, &a, &err)));
        CHECK_TEXT(message(&err, out, sizeof out), texts[i]);
        CHECK(err.class_ == AS_EFORMAT);
    }
}

/* A file of the reference writer. */
static void reads_the_reference(void)
{
    as_error err = {0};
    uint32_t u = 0;
    float f = 0;
    bool b = true;
    const char *text = "";
    size_t size = 0;
    as_gguf *g = as_gguf_open("tests/golden/quant/small.gguf", &err);
    CHECK(g != NULL);
    if (!g) return;
    CHECK(as_gguf_u32(g, "qwen3.block_count", &u, &err) && u == 2);
    CHECK(as_gguf_f32(g, "qwen3.attention.layer_norm_rms_epsilon", &f, &err) && f == 1e-6f);
    CHECK(as_gguf_bool(g, "tokenizer.ggml.add_bos_token", &b, &err) && !b);
    CHECK(as_gguf_text(g, "general.architecture", &text, &size, &err));
    CHECK(size == 5 && memcmp(text, "qwen3", 5) == 0);
    CHECK(as_gguf_has(g, "test.f64") && !as_gguf_has(g, "test.f65") && !as_gguf_has(g, ""));
    check_arrays(g);
    check_refusals(g);

    CHECK(as_gguf_count(g) == 4);
    const as_tensor *t = as_gguf_at(g, 3);
    float x[12];
    CHECK_TEXT(t->name, "token_embd.weight");
    CHECK(t->dtype == AS_F32 && t->n_dims == 2 && t->dim[0] == 3 && t->dim[1] == 4);
    CHECK(as_dequantise(t->dtype, NULL, x, t->data, 0, 12) && x[0] == 0.0f && x[11] == 11.0f);
    t = as_gguf_at(g, 0);
    CHECK_TEXT(t->name, "blk.0.half");
    CHECK(as_dequantise(t->dtype, NULL, x, t->data, 0, 2) && x[0] == 1.5f && x[1] == -2.0f);
    t = as_gguf_at(g, 1);
    CHECK_TEXT(t->type, "Q6_K");
    CHECK(t->dtype == AS_Q6_K && t->dim[0] == 2 && t->dim[1] == 256 && t->bytes == 420);
    as_gguf_close(g);
}

static void reads_through_the_common_face(void)
{
    as_error err = {0};
    char text[1024];
    as_tensors *t = as_tensors_open("tests/golden/quant/small.gguf", &err);
    CHECK(t != NULL);
    if (!t) return;
    CHECK(as_tensors_gguf(t) && as_gguf_has(as_tensors_gguf(t), "general.architecture"));
    CHECK(as_tensors_count(t) == 4 && as_tensors_find(t, "blk.0.q8_0"));
    CHECK(as_tensors_metadata(t, "general.architecture") == NULL);
    CHECK(as_tensors_need(t, "blk.0.q8_1", &err) == NULL);
    CHECK_TEXT(as_error_text(&err, text, sizeof text),
               "tests/golden/quant/small.gguf: tensor \"blk.0.q8_1\": missing (found none; the "
               "nearest is \"blk.0.q8_0\")");
    as_tensors_close(t);

    err = (as_error){0};
    t = as_tensors_open(CORPUS "good-blocks.gguf", &err);
    CHECK(t && as_tensors_need(t, "q5k", &err) && !as_tensors_need(t, "q5_0", &err));
    CHECK_TEXT(
        as_error_text(&err, text, sizeof text), CORPUS
        "good-blocks.gguf: tensor \"q5_0\": type (found Q5_0, expected one that Assay reads)");
    as_tensors_close(t);
}

/* ---- the writer ---- */

static void writes_what_it_reads(void)
{
    as_error err = {0};
    static const float f[64] = {1.0f, -0.5f, 0.25f};
    unsigned char q8[68], q4[36];
    CHECK(as_quantise(AS_Q8_0, q8, f, 64) && as_quantise(AS_Q4_0, q4, f, 64));
    const as_tensor_source t[] = {
        {.name = "z", .dtype = AS_F32, .n_dims = 2, .dim = {3, 5}, .data = f},
        {.name = "q8", .dtype = AS_Q8_0, .n_dims = 2, .dim = {2, 32}, .data = q8},
        {.name = "q4", .dtype = AS_Q4_0, .n_dims = 1, .dim = {64}, .data = q4},
        {.name = "h", .dtype = AS_F16, .n_dims = 4, .dim = {1, 2, 3, 1}, .data = f},
        {.name = "b", .dtype = AS_BF16, .n_dims = 0, .data = f},
    };
    static const char *const texts[] = {"x", "", "y z"};
    static const uint32_t u[] = {7, 0xffffffff};
    static const unsigned char flags[] = {0, 1};
    as_gguf_out o = {0};
    as_gguf_put_text(&o, "general.architecture", "llama", 5);
    as_gguf_put_u32(&o, "u", 3000000000u);
    as_gguf_put_f32(&o, "f", -0.75f);
    as_gguf_put_bool(&o, "b", true);
    as_gguf_put_texts(&o, "texts", texts, 3);
    as_gguf_put_array(&o, "us", AS_GGUF_U32, u, 2);
    as_gguf_put_array(&o, "fs", AS_GGUF_F32, f, 3);
    as_gguf_put_array(&o, "flags", AS_GGUF_BOOL, flags, 2);
    (void)snprintf(path, sizeof path, "%s/written.gguf", dir);
    CHECK(as_gguf_write(path, &o, t, COUNT(t), &err));
    as_gguf_out_clear(&o);

    as_gguf *g = as_gguf_open(path, &err);
    CHECK(g && as_gguf_count(g) == 5);
    if (!g) return;
    uint32_t x = 0;
    as_gguf_array a;
    size_t size;
    CHECK(as_gguf_u32(g, "u", &x, &err) && x == 3000000000u);
    CHECK(as_gguf_array_of(g, "us", AS_GGUF_U32, 2, &a, &err) && as_gguf_array_u32(&a, 1) == u[1]);
    CHECK(as_gguf_array_of(g, "flags", AS_GGUF_BOOL, 2, &a, &err) && as_gguf_array_bool(&a, 1));
    CHECK(as_gguf_array_of(g, "texts", AS_GGUF_TEXT, 3, &a, &err));
    CHECK(memcmp(as_gguf_array_text(&a, 2, &size), "y z", 3) == 0 && size == 3);
    for (size_t i = 0; i < 5; i++) {
        const as_tensor *r = as_gguf_at(g, i);
        size_t k = 0;
        while (k < 4 && strcmp(t[k].name, r->name) != 0) k++;
        CHECK(r->dtype == t[k].dtype && r->n_dims == t[k].n_dims);
        CHECK(memcmp(r->dim, t[k].dim, sizeof r->dim) == 0);
        CHECK(memcmp(r->data, t[k].data, r->bytes) == 0 && r->bytes > 0);
    }
    as_gguf_close(g);
}

static void refuses_to_write(void)
{
    static const float x[64];
    static const char *const texts[] = {
        "tensor \"a\": shape to write (found rows of 33, expected a multiple of 32 for Q8_0)",
        "tensor \"a\": type to write (found Q4_K, expected F32, F16, BF16, Q8_0 or Q4_0)",
        "tensor \"a\": shape to write (found 5 dimensions, expected at most 4)",
    };
    as_tensor_source t[] = {
        {.name = "a", .dtype = AS_Q8_0, .n_dims = 1, .dim = {33}, .data = x},
        {.name = "a", .dtype = AS_Q4_K, .n_dims = 1, .dim = {256}, .data = x},
        {.name = "a", .dtype = AS_F32, .n_dims = 5, .dim = {1, 1, 1, 1, 1}, .data = x},
    };
    as_gguf_out none = {0};
    (void)snprintf(path, sizeof path, "%s/none.gguf", dir);
    for (size_t i = 0; i < COUNT(t); i++) {
        as_error err = {0};
        char text[1024];
        CHECK(!as_gguf_write(path, &none, &t[i], 1, &err));
        CHECK_TEXT(message(&err, text, sizeof text), texts[i]);
        CHECK(!as_file_exists(path));
    }
}

int main(void)
{
    if (!mkdtemp(dir)) return 1;
    RUN(bad_files);
    RUN(good_files);
    RUN(cut_files);
    RUN(spoiled_files);
    RUN(limits_keys);
    RUN(reads_the_reference);
    RUN(reads_through_the_common_face);
    RUN(writes_what_it_reads);
    RUN(refuses_to_write);
    empty_folder(dir);
    return check_end();
}
