/* safetensors: what is read, what is refused with which message, hostile variations of good files,
 * and the writer. */
#include "unit/format_case.h"

#include "engine/format/safetensors.h"
#include "unit/safetensors_bad.h"

#define CORPUS "tests/fuzz/corpus/safetensors/"
static char dir[] = "/tmp/assay-safetensors-XXXXXX";
static char path[256];

static as_safetensors *open_good(const char *name, as_buf *bytes)
{
    as_error err = {0};
    char file[256];
    (void)snprintf(file, sizeof file, CORPUS "good-%s.safetensors", name);
    *bytes = bytes_of(file);
    as_safetensors *s = as_safetensors_over(name, bytes->data, bytes->size, &err);
    CHECK(s != NULL);
    if (!s) printf("%s: %s\n", err.where, err.what);
    return s;
}

static void bad_files(void)
{
    for (size_t i = 0; i < COUNT(bad_safetensors); i++) {
        as_error err = {0};
        char text[2048], file[256];
        (void)snprintf(file, sizeof file, CORPUS "%s", bad_safetensors[i].file);
        CHECK(as_tensors_open(file, &err) == NULL);
        CHECK_TEXT(message(&err, text, sizeof text), bad_safetensors[i].text);
        CHECK(err.class_ == bad_safetensors[i].class_);
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

/* Every byte belongs to the header or to a tensor, so no cut file is whole. */
static void cut_file(const char *name, const as_buf *bytes)
{
    for (size_t cut = 0; cut < bytes->size; cut++) CHECK(!opens(name, bytes->data, cut));
}

static void cut_files(void)
{
    for_files(CORPUS, "good-", cut_file);
}

static void spoil_file(const char *name, const as_buf *bytes)
{
    spoil_bytes(name, bytes, 400);
}

static void spoiled_files(void)
{
    for_files(CORPUS, "good-", spoil_file);
}

/* ---- what is read ---- */

static void reads_one(void)
{
    as_buf b;
    as_safetensors *s = open_good("plain", &b);
    if (!s) return;
    CHECK(as_safetensors_count(s) == 1);
    const as_tensor *t = as_safetensors_at(s, 0);
    float x[2];
    CHECK_TEXT(t->name, "a");
    CHECK_TEXT(t->type, "F32");
    CHECK_TEXT(t->file, "plain");
    CHECK(t->dtype == AS_F32 && t->n_dims == 1 && t->dim[0] == 2 && t->bytes == 8 && !t->nf4);
    CHECK(as_dequantise(t->dtype, NULL, x, t->data, 0, 2) && x[0] == 1.5f && x[1] == -2.0f);
    CHECK(as_safetensors_metadata(s, "format") == NULL);
    as_safetensors_close(s);
    as_buf_clear(&b);
}

static void reads_shapes_and_types(void)
{
    as_buf b;
    as_safetensors *s = open_good("order", &b);
    if (!s) return;
    const as_tensor *t = as_safetensors_at(s, 0), *u = as_safetensors_at(s, 1);
    CHECK(t->dtype == AS_BF16 && u->dtype == AS_F16);
    CHECK((const char *)t->data == b.data + b.size - 4 &&
          (const char *)u->data == b.data + b.size - 8);
    CHECK(u->n_dims == 2 && u->dim[0] == 1 && u->dim[1] == 2);
    as_safetensors_close(s);
    as_buf_clear(&b);

    s = open_good("types", &b);
    if (!s) return;
    CHECK(as_safetensors_count(s) == 3);
    CHECK_TEXT(as_safetensors_at(s, 0)->type, "C64"); /* in order of names */
    CHECK(as_safetensors_at(s, 2)->dtype == AS_OTHER && as_safetensors_at(s, 2)->bytes == 64);
    as_safetensors_close(s);
    as_buf_clear(&b);

    s = open_good("scalar", &b);
    if (!s) return;
    CHECK(as_safetensors_at(s, 0)->n_dims == 0 && as_tensor_count(as_safetensors_at(s, 0)) == 1);
    as_safetensors_close(s);
    as_buf_clear(&b);

    s = open_good("zero", &b);
    if (!s) return;
    CHECK(as_tensor_count(as_safetensors_at(s, 0)) == 0 && as_safetensors_at(s, 0)->bytes == 0);
    as_safetensors_close(s);
    as_buf_clear(&b);
}

static void reads_names_and_metadata(void)
{
    as_buf b;
    as_safetensors *s = open_good("escape", &b);
    if (!s) return;
    CHECK_TEXT(as_safetensors_at(s, 0)->name, "a\xc3\xa9\xf0\x9f\x98\x80\"");
    as_safetensors_close(s);
    as_buf_clear(&b);

    s = open_good("metadata", &b);
    if (!s) return;
    CHECK_TEXT(as_safetensors_metadata(s, "format"), "pt");
    CHECK_TEXT(as_safetensors_metadata(s, "a"), "");
    CHECK(as_safetensors_metadata(s, "b") == NULL && as_safetensors_count(s) == 1);
    as_safetensors_close(s);
    as_buf_clear(&b);
}

/* 5 GiB in two tensors, most of them holes on the disk: mapped, not read. */
static void reads_large(void)
{
    as_error err = {0};
    static const char header[] =
        "{\"a\":{\"dtype\":\"BF16\",\"shape\":[1,2147483648],\"data_offsets\":[0,4294967296]},"
        "\"b\":{\"dtype\":\"F32\",\"shape\":[268435456],\"data_offsets\":[4294967296,5368709120]}}";
    unsigned char length[8] = {sizeof header - 1};
    (void)snprintf(path, sizeof path, "%s/large.safetensors", dir);
    FILE *f = fopen(path, "wb");
    if (!f) exit(1);
    (void)fwrite(length, 1, 8, f);
    (void)fwrite(header, 1, sizeof header - 1, f);
    (void)fclose(f);
    off_t end = (off_t)(8 + sizeof header - 1) + 5368709120;
    if (truncate(path, end) != 0) {
        printf("no room for a large file\n");
        (void)remove(path);
        return;
    }
    as_safetensors *s = as_safetensors_open(path, &err);
    CHECK(s != NULL);
    if (s) {
        const as_tensor *t = as_safetensors_at(s, 1);
        float last = 1.0f;
        CHECK(t->bytes == 1073741824);
        CHECK(as_dequantise(t->dtype, NULL, &last, t->data, 268435455, 1) && last == 0.0f);
        CHECK(as_tensor_count(as_safetensors_at(s, 0)) == 2147483648);
    }
    as_safetensors_close(s);
    (void)remove(path);
}

static void refuses_what_is_no_file(void)
{
    as_error err = {0};
    char text[1024];
    CHECK(as_safetensors_open("/nonexistent.safetensors", &err) == NULL);
    CHECK_TEXT(as_error_text(&err, text, sizeof text),
               "/nonexistent.safetensors: cannot open: No such file or directory");
    err = (as_error){0};
    CHECK(as_safetensors_open(dir, &err) == NULL);
    CHECK_TEXT(message(&err, text, sizeof text),
               "cannot map (found a directory, expected a regular file)");
    err = (as_error){0};
    CHECK(as_safetensors_open("/dev/null", &err) == NULL);
    CHECK_TEXT(message(&err, text, sizeof text),
               "cannot map (found a special file, expected a regular file)");
}

/* ---- the writer ---- */

static bool make_bytes(void *context, size_t at, void *out, size_t size, as_error *err)
{
    (void)err;
    size_t *asked = context;
    CHECK(*asked == at);
    *asked = at + size;
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)out)[i] = (unsigned char)((at + i) * 7 >> 3);
    return true;
}

static bool make_nothing(void *context, size_t at, void *out, size_t size, as_error *err)
{
    (void)context, (void)out, (void)size;
    return at == 0 || as_fail(err, AS_ENUMERIC, "made to fail at %zu", at);
}

static void writes_exact_bytes(void)
{
    as_error err = {0};
    static const float f[2] = {1.0f, 2.0f};
    static const uint16_t h[3] = {0x3f80, 0x4000, 0x4040};
    const as_tensor_source t[] = {
        {.name = "u", .dtype = AS_U8, .n_dims = 1, .dim = {1}, .data = "x"},
        {.name = "b", .dtype = AS_BF16, .n_dims = 2, .dim = {1, 3}, .data = h},
        {.name = "q\"\n", .dtype = AS_F32, .n_dims = 1, .dim = {2}, .data = f},
        {.name = "a", .dtype = AS_F16, .n_dims = 1, .dim = {0}, .data = h},
    };
    const as_safetensors_pair metadata[] = {{"format", "pt"}};
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"pt\"},"
        "\"q\\\"\\n\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
        "\"a\":{\"dtype\":\"F16\",\"shape\":[0],\"data_offsets\":[8,8]},"
        "\"b\":{\"dtype\":\"BF16\",\"shape\":[1,3],\"data_offsets\":[8,14]},"
        "\"u\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[14,15]}}";
    (void)snprintf(path, sizeof path, "%s/exact.safetensors", dir);
    CHECK(as_safetensors_write(path, t, 4, metadata, 1, &err));
    as_buf b = bytes_of(path);
    size_t n = sizeof header - 1, padded = (n + 7) / 8 * 8;
    CHECK(b.size == 8 + padded + 15 && (unsigned char)b.data[0] + 256 * b.data[1] == (int)padded);
    CHECK(memcmp(b.data + 8, header, n) == 0);
    for (size_t i = n; i < padded; i++) CHECK(b.data[8 + i] == ' ');
    CHECK(memcmp(b.data + 8 + padded, f, 8) == 0 && memcmp(b.data + 16 + padded, h, 6) == 0);
    CHECK(b.data[b.size - 1] == 'x');
    as_buf_clear(&b);
    as_safetensors *s = as_safetensors_open(path, &err);
    CHECK(s && as_safetensors_count(s) == 4);
    if (s) CHECK_TEXT(as_safetensors_metadata(s, "format"), "pt");
    as_safetensors_close(s);
    CHECK(as_safetensors_write(path, NULL, 0, NULL, 0, &err));
    b = bytes_of(path);
    CHECK(b.size == 16 && memcmp(b.data + 8, "{}      ", 8) == 0);
    as_buf_clear(&b);
}

static void writes_in_pieces(void)
{
    as_error err = {0};
    size_t asked = 0;
    as_tensor_source t = {.name = "w",
                          .dtype = AS_F32,
                          .n_dims = 2,
                          .dim = {700, 1001},
                          .make = make_bytes,
                          .context = &asked};
    (void)snprintf(path, sizeof path, "%s/pieces.safetensors", dir);
    CHECK(as_safetensors_write(path, &t, 1, NULL, 0, &err));
    CHECK(asked == 700 * 1001 * 4);
    as_safetensors *s = as_safetensors_open(path, &err);
    CHECK(s != NULL);
    if (s) {
        const unsigned char *p = as_safetensors_at(s, 0)->data;
        bool same = true;
        for (size_t i = 0; i < asked; i++) same = same && p[i] == (unsigned char)(i * 7 >> 3);
        CHECK(same);
    }
    as_safetensors_close(s);

    as_buf before = bytes_of(path);
    t.make = make_nothing;
    CHECK(!as_safetensors_write(path, &t, 1, NULL, 0, &err));
    CHECK(err.class_ == AS_ENUMERIC);
    as_buf after = bytes_of(path); /* the old file stands */
    CHECK(before.size == after.size && memcmp(before.data, after.data, after.size) == 0);
    as_buf_clear(&before);
    as_buf_clear(&after);
}

static void refuses_to_write(void)
{
    static const float x[2];
    as_tensor_source t[2] = {
        {.name = "a", .dtype = AS_F32, .n_dims = 1, .dim = {1}, .data = x},
        {.name = "a", .dtype = AS_U8, .n_dims = 1, .dim = {1}, .data = x},
    };
    as_error err = {0};
    char text[1024];
    (void)snprintf(path, sizeof path, "%s/none.safetensors", dir);
    CHECK(!as_safetensors_write(path, t, 2, NULL, 0, &err));
    CHECK_TEXT(message(&err, text, sizeof text),
               "tensor \"a\": name to write (found twice, expected once)");
    err = (as_error){0};
    t[1].name = "b", t[1].dtype = AS_Q8_0;
    CHECK(!as_safetensors_write(path, t, 2, NULL, 0, &err));
    CHECK_TEXT(message(&err, text, sizeof text),
               "tensor \"b\": type to write (found Q8_0, expected F32, F16, BF16 or U8)");
    err = (as_error){0};
    t[1].name = "\xff", t[1].dtype = AS_U8;
    CHECK(!as_safetensors_write(path, t, 2, NULL, 0, &err));
    CHECK_TEXT(message(&err, text, sizeof text),
               "tensor \"\\xff\": name to write (found invalid UTF-8)");
    err = (as_error){0};
    t[1].name = "__metadata__";
    CHECK(!as_safetensors_write(path, t, 2, NULL, 0, &err));
    err = (as_error){0};
    const as_safetensors_pair pair = {"k", "\xff"};
    CHECK(!as_safetensors_write(path, t, 1, &pair, 1, &err) && err.class_ == AS_EUSAGE);
    err = (as_error){0};
    t[0].n_dims = 2, t[0].dim[0] = t[0].dim[1] = (size_t)1 << 40;
    CHECK(!as_safetensors_write(path, t, 1, NULL, 0, &err) && err.class_ == AS_ELIMIT);
    CHECK(!as_file_exists(path));
}

/* What the library of the format writes comes out of our writer again: types, shapes, bytes. */
static void agrees_with_the_library(void)
{
    as_error err = {0};
    as_safetensors *s = as_safetensors_open("tests/golden/quant/nf4.safetensors", &err);
    CHECK(s && as_safetensors_count(s) == 28);
    if (!s) return;
    CHECK_TEXT(as_safetensors_metadata(s, "format"), "pt");
    size_t n = as_safetensors_count(s);
    as_tensor_source *t = calloc(n, sizeof *t);
    if (!t) abort();
    for (size_t i = 0; i < n; i++) {
        const as_tensor *x = as_safetensors_at(s, i);
        t[i] = (as_tensor_source){
            .name = x->name, .dtype = x->dtype, .n_dims = x->n_dims, .data = x->data};
        memcpy(t[i].dim, x->dim, sizeof x->dim);
    }
    const as_safetensors_pair pair = {"format", "pt"};
    (void)snprintf(path, sizeof path, "%s/again.safetensors", dir);
    CHECK(as_safetensors_write(path, t, n, &pair, 1, &err));
    as_buf ours = bytes_of(path), theirs = bytes_of("tests/golden/quant/nf4.safetensors");
    CHECK(ours.size == theirs.size && memcmp(ours.data, theirs.data, ours.size) == 0);
    as_buf_clear(&ours);
    as_buf_clear(&theirs);
    free(t);
    as_safetensors_close(s);
}

int main(void)
{
    if (!mkdtemp(dir)) return 1;
    RUN(bad_files);
    RUN(good_files);
    RUN(cut_files);
    RUN(spoiled_files);
    RUN(reads_one);
    RUN(reads_shapes_and_types);
    RUN(reads_names_and_metadata);
    RUN(reads_large);
    RUN(refuses_what_is_no_file);
    RUN(writes_exact_bytes);
    RUN(writes_in_pieces);
    RUN(refuses_to_write);
    RUN(agrees_with_the_library);
    empty_folder(dir);
    return check_end();
}
