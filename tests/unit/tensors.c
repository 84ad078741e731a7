/* The common face: folders, shards and their index, what is refused there, the scan for values that
 * are not finite, the digest. */
#include "unit/format_case.h"

#include "engine/format/safetensors.h"

static char dir[] = "/tmp/assay-tensors-XXXXXX";

/* DIR/NAME. */
static const char *in(const char *name)
{
    static char path[2][256];
    static size_t next;
    next = 1 - next;
    (void)snprintf(path[next], sizeof path[next], "%s/%s", dir, name);
    return path[next];
}

static void folder(const char *name)
{
    as_error err = {0};
    if (!as_dir_make(in(name), &err)) exit(1);
}

/* A file with F32 tensors of two elements: the letters of `names`. */
static void part(const char *file, const char *names)
{
    static const float x[] = {1.5f, -2.0f};
    as_error err = {0};
    as_tensor_source t[8] = {0};
    char name[8][2] = {{0}};
    size_t n = strlen(names);
    for (size_t i = 0; i < n; i++) {
        name[i][0] = names[i];
        t[i] = (as_tensor_source){
            .name = name[i], .dtype = AS_F32, .n_dims = 1, .dim = {2}, .data = x};
    }
    if (!as_safetensors_write(in(file), t, n, NULL, 0, &err)) exit(1);
}

static void text(const char *file, const char *bytes)
{
    save(in(file), bytes, strlen(bytes));
}

/* Opening DIR/NAME fails with this message, DIR/ left out of it. */
static void refused(const char *name, as_class class_, const char *expected)
{
    as_error err = {0};
    char found[2048], *at;
    CHECK(as_tensors_open(in(name), &err) == NULL);
    (void)as_error_text(&err, found, sizeof found);
    while ((at = strstr(found, dir))) memmove(at, at + strlen(dir) + 1, strlen(at + strlen(dir)));
    CHECK_TEXT(found, expected);
    CHECK(err.class_ == class_);
}

#define INDEX "model.safetensors.index.json"

static void folders(void)
{
    as_error err = {0};
    folder("one");
    refused("one", AS_EFORMAT,
            "one: weights (found none, expected model.safetensors or " INDEX ")");
    text("one/pytorch_model.bin", "PK");
    refused("one", AS_EFORMAT,
            "one: weights (found pytorch_model.bin, expected model.safetensors or " INDEX ")");
    CHECK(as_tensors_open(in("one"), &err) == NULL && strstr(err.hint, "convert"));
    part("one/model.safetensors", "ba");
    err = (as_error){0};
    as_tensors *t = as_tensors_open(in("one"), &err);
    CHECK(t && as_tensors_count(t) == 2);
    if (t) {
        CHECK_TEXT(as_tensors_at(t, 0)->name, "a");
        CHECK(as_tensors_find(t, "b") == as_tensors_at(t, 1) && !as_tensors_find(t, "c"));
        CHECK(!as_tensors_note(t) && !as_tensors_gguf(t));
        CHECK_TEXT(as_tensors_name(t), in("one/model.safetensors"));
    }
    as_tensors_close(t);
    refused("none", AS_EIO, "none: cannot open: No such file or directory");
}

static void formats_by_name_and_bytes(void)
{
    as_error err = {0};
    size_t n;
    const as_format *const *rows = as_formats(&n);
    CHECK(n == 2);
    CHECK_TEXT(rows[0]->name, "safetensors");
    part("plain", "a");
    as_tensors *t = as_tensors_open(in("plain"), &err);
    CHECK(t != NULL);
    as_tensors_close(t);
    as_buf b = bytes_of("tests/golden/quant/small.gguf");
    save(in("model"), b.data, b.size);
    t = as_tensors_open(in("model"), &err);
    CHECK(t && as_tensors_gguf(t));
    as_tensors_close(t);
    save(in("x.safetensors"), b.data, b.size);
    refused("x.safetensors", AS_ELIMIT,
            "x.safetensors: byte 0: header length (found 14064895815, expected at most 100000000)");
    as_buf_clear(&b);
    text("x.bin", "\x80\x02}q");
    refused(
        "x.bin", AS_EFORMAT,
        "x.bin: byte 0: format (found \"\\x80\\x02}q\", a pickle, expected safetensors or GGUF)");
    text("x.pt", "PK\3\4");
    refused(
        "x.pt", AS_EFORMAT,
        "x.pt: byte 0: format (found \"PK\\x03\\x04\", a pickle, expected safetensors or GGUF)");
    text("empty", "");
    refused("empty", AS_EFORMAT,
            "empty: byte 0: format (found \"\", expected safetensors or GGUF)");
}

/* ---- shards ---- */

static void shards_open(void)
{
    as_error err = {0};
    char key[2][65];
    folder("two");
    part("two/m-1.safetensors", "ac");
    part("two/m-2.safetensors", "bdx");
    part("two/model.safetensors", "z"); /* the index is preferred */
    text("two/" INDEX,
         "{\"metadata\":{\"total_size\":-1},\"weight_map\":{\"d\":\"m-2.safetensors\","
         "\"a\":\"m-1.safetensors\",\"c\":\"m-1.safetensors\","
         "\"b\":\"m-2.safetensors\"}}");
    as_tensors *t = as_tensors_open(in("two"), &err);
    CHECK(t && as_tensors_count(t) == 4);
    if (!t) return;
    for (size_t i = 0; i < 4; i++) CHECK(as_tensors_at(t, i)->name[0] == (char)('a' + (int)i));
    CHECK(strstr(as_tensors_find(t, "d")->file, "two/m-2.safetensors"));
    const char *note = as_tensors_note(t);
    CHECK_TEXT(
        note ? strstr(note, "two/") : NULL,
        "two/m-2.safetensors: 1 tensors that the index does not list are left out (the first: "
        "\"x\")");
    CHECK(as_tensors_digest(t, key[0], &err));
    as_tensors_close(t);

    part("whole.safetensors", "dcba"); /* the same tensors in one file */
    t = as_tensors_open(in("whole.safetensors"), &err);
    CHECK(t && as_tensors_digest(t, key[1], &err));
    as_tensors_close(t);
    CHECK_TEXT(key[0], key[1]);
}

static void shards_refused(void)
{
    static const struct {
        const char *index, *text;
        as_class class_;
    } rows[] = {
        {"[", "two/" INDEX ": 1:2: value (found end of text, expected a value or ']')", AS_EFORMAT},
        {"{}", "two/" INDEX ": weight_map (found none, expected an object)", AS_EFORMAT},
        {"{\"weight_map\":[]}",
         "two/" INDEX ": weight_map (found another value, expected an object)", AS_EFORMAT},
        {"{\"weight_map\":{\"a\":1}}",
         "two/" INDEX ": weight_map \"a\": file (found no text, expected a plain name)",
         AS_EFORMAT},
        {"{\"weight_map\":{\"a\":\"../one/model.safetensors\"}}",
         "two/" INDEX
         ": weight_map \"a\": file (found ../one/model.safetensors, expected a plain name)",
         AS_EFORMAT},
        {"{\"weight_map\":{\"a\":\"/etc/passwd\"}}",
         "two/" INDEX ": weight_map \"a\": file (found /etc/passwd, expected a plain name)",
         AS_EFORMAT},
        {"{\"weight_map\":{\"a\":\"m\\\\1\"}}",
         "two/" INDEX ": weight_map \"a\": file (found m\\1, expected a plain name)", AS_EFORMAT},
        {"{\"weight_map\":{\"a\":\"..\"}}",
         "two/" INDEX ": weight_map \"a\": file (found .., expected a plain name)", AS_EFORMAT},
        {"{\"weight_map\":{\"a\":\".\"}}",
         "two/" INDEX ": weight_map \"a\": file (found ., expected a plain name)", AS_EFORMAT},
        {"{\"weight_map\":{\"a\":\"\"}}",
         "two/" INDEX ": weight_map \"a\": file (found , expected a plain name)", AS_EFORMAT},
        {"{\"weight_map\":{\"a\":\"m-1.safetensors\",\"a\":\"m-2.safetensors\"}}",
         "two/" INDEX ": 1:38: name given twice (found \"a\" again, expected it once)", AS_EFORMAT},
        {"{\"weight_map\":{\"a\":\"m-3.safetensors\"}}",
         "two/m-3.safetensors: cannot open: No such file or directory", AS_EIO},
        {"{\"weight_map\":{\"a\":\"m-1.safetensors\",\"e\":\"m-2.safetensors\"}}",
         "two/" INDEX
         ": weight_map \"e\": tensor (found none of that name in m-2.safetensors, expected it)",
         AS_EFORMAT},
        {"{\"weight_map\":{\"a\":\"m-2.safetensors\",\"c\":\"m-1.safetensors\"}}",
         "two/m-1.safetensors: tensor \"a\": file (found this one, expected m-2.safetensors by the "
         "index)",
         AS_EFORMAT},
        {"{\"weight_map\":{\"a\":\"" INDEX "\"}}",
         "two/" INDEX ": byte 0: header length (found 8388068008349082235, expected at most "
         "100000000)",
         AS_ELIMIT},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        text("two/" INDEX, rows[i].index);
        refused("two", rows[i].class_, rows[i].text);
    }
}

/* One byte more than a name on disk may have. */
static void shards_of_long_names(void)
{
    char index[512], name[257] = "", expected[512];
    memset(name, 'x', 256);
    (void)snprintf(index, sizeof index, "{\"weight_map\":{\"a\":\"%s\"}}", name);
    (void)snprintf(expected, sizeof expected,
                   "two/" INDEX ": weight_map \"a\": file (found %.200s..., expected a plain name)",
                   name);
    text("two/" INDEX, index);
    refused("two", AS_EFORMAT, expected);
}

/* A link that leads nowhere is no absent file: what it stood for must not be passed over. */
static void links_to_nothing(void)
{
    folder("torn");
    CHECK(symlink("gone", in("torn/model.safetensors")) == 0);
    refused("torn", AS_EIO, "torn/model.safetensors: cannot open: No such file or directory");
    CHECK(remove(in("torn/model.safetensors")) == 0);
    part("torn/model.safetensors", "a");
    CHECK(symlink("gone", in("torn/" INDEX)) == 0);
    refused("torn", AS_EIO, "torn/" INDEX ": cannot open: No such file or directory");
}

/* Links stay in the model's folder, or go from a snapshot of the hub's cache to its blobs. */
static void shards_and_links(void)
{
    as_error err = {0};
    static const char index[] = "{\"weight_map\":{\"a\":\"m\"}}";
    folder("linked");
    part("outside.safetensors", "a");
    text("linked/" INDEX, index);
    CHECK(symlink("../outside.safetensors", in("linked/m")) == 0);
    refused(
        "linked", AS_EFORMAT,
        "linked/m: link (found it leading to outside.safetensors, expected a file of the model)");
    CHECK(remove(in("linked/m")) == 0 && symlink("n", in("linked/m")) == 0);
    part("linked/n", "a");
    as_tensors *t = as_tensors_open(in("linked"), &err);
    CHECK(t != NULL);
    as_tensors_close(t);

    folder("models--o--n/blobs");
    folder("models--o--n/snapshots/c0");
    part("models--o--n/blobs/b0", "a");
    text("models--o--n/snapshots/c0/" INDEX, index);
    CHECK(symlink("../../blobs/b0", in("models--o--n/snapshots/c0/m")) == 0);
    t = as_tensors_open(in("models--o--n/snapshots/c0"), &err);
    CHECK(t != NULL);
    as_tensors_close(t);
    CHECK(remove(in("models--o--n/snapshots/c0/m")) == 0);
    part("models--o--n/beside", "a");
    CHECK(symlink("../../beside", in("models--o--n/snapshots/c0/m")) == 0);
    refused(
        "models--o--n/snapshots/c0", AS_EFORMAT,
        "models--o--n/snapshots/c0/m: link (found it leading to models--o--n/beside, expected a "
        "file of the model)");
    CHECK(remove(in("models--o--n/snapshots/c0/m")) == 0);
    CHECK(symlink("../../../outside.safetensors", in("models--o--n/snapshots/c0/m")) == 0);
    refused(
        "models--o--n/snapshots/c0", AS_EFORMAT,
        "models--o--n/snapshots/c0/m: link (found it leading to outside.safetensors, expected a "
        "file of the model)");
}

/* A file replaced while it is open is told by its path. */
static void changes_are_told(void)
{
    as_error err = {0};
    folder("live");
    part("live/model.safetensors", "a");
    as_tensors *t = as_tensors_open(in("live"), &err);
    CHECK(t && as_tensors_check(t, &err));
    part("live/model.safetensors", "ab");
    CHECK(t && !as_tensors_check(t, &err) && err.class_ == AS_ESTATE);
    CHECK(strncmp(err.what, "changed while it was in use", 27) == 0);
    as_tensors_close(t);
}

/* ---- shapes, need ---- */

static void need_and_shape(void)
{
    as_error err = {0};
    char found[1024];
    const size_t want[] = {3, 1};
    as_tensors *t = as_tensors_open("tests/fuzz/corpus/safetensors/good-types.safetensors", &err);
    CHECK(t && as_tensors_need(t, "I64", &err) == NULL);
    CHECK_TEXT(message(&err, found, sizeof found),
               "tensor \"I64\": type (found I64, expected one that Assay reads)");
    err = (as_error){0};
    CHECK(t && as_tensors_need(t, "nothing like it", &err) == NULL);
    CHECK_TEXT(message(&err, found, sizeof found),
               "tensor \"nothing like it\": missing (found none of that name)");
    err = (as_error){0};
    CHECK(t && !as_tensor_shape_is(as_tensors_find(t, "I64"), 2, want, &err));
    CHECK_TEXT(message(&err, found, sizeof found), "tensor \"I64\": shape (found 8, expected 3x1)");
    as_tensors_close(t);
}

/* ---- scan ---- */

/* A million elements with three bad ones, by 1, 2 and 7 threads. */
static void scans_with_any_threads(void)
{
    enum { N = 1000003 };
    static const as_dtype types[] = {AS_F32, AS_F16, AS_BF16};
    float *x = calloc(N, sizeof *x);
    unsigned char *bytes = malloc(4 * N + 1);
    if (!x || !bytes) abort();
    x[700001] = NAN, x[400002] = -INFINITY, x[N - 1] = NAN;
    for (size_t i = 0; i < COUNT(types); i++) {
        as_error err = {0};
        as_tensor t = {.name = "x",
                       .dtype = types[i],
                       .n_dims = 1,
                       .dim = {N},
                       .data = bytes + 1,
                       .bytes = N * as_dtype_block_bytes(types[i]),
                       .file = "f"};
        CHECK(as_quantise(types[i], bytes + 1, x, N));
        for (size_t n = 0; n <= 7; n += n < 2 ? 1 : 5) {
            as_pool *pool = n ? as_pool_new(n, &err) : NULL;
            as_scan s = as_tensors_scan(&t, pool);
            CHECK(s.n_nan == 2 && s.n_inf == 1 && s.first == 400002);
            as_pool_free(pool);
        }
    }
    free(x);
    free(bytes);
}

static void scans_scales(void)
{
    static const as_dtype types[] = {AS_Q8_0, AS_Q4_0, AS_Q4_K, AS_Q5_K, AS_Q6_K};
    static const size_t at[] = {0, 0, 2, 0, 208};
    unsigned char bytes[4 * 256];
    for (size_t i = 0; i < COUNT(types); i++) {
        size_t size = as_dtype_block_bytes(types[i]), block = as_dtype_block(types[i]);
        as_tensor t = {
            .dtype = types[i], .n_dims = 1, .dim = {4 * block}, .data = bytes, .bytes = 4 * size};
        memset(bytes, 0x11, sizeof bytes);
        as_scan s = as_tensors_scan(&t, NULL);
        CHECK(s.n_nan == 0 && s.n_inf == 0);
        bytes[2 * size + at[i] + 1] = 0xfd; /* a NaN: 0xfd11 */
        bytes[3 * size + at[i]] = 0x00, bytes[3 * size + at[i] + 1] = 0x7c;
        s = as_tensors_scan(&t, NULL);
        CHECK(s.n_nan == 1 && s.n_inf == 1 && s.first == 2 * block);
    }
    float absmax[3] = {1.0f, INFINITY, 1.0f};
    as_nf4 nf4 = {.absmax = absmax, .n_blocks = 3, .round_to = AS_BF16};
    as_tensor t = {
        .dtype = AS_NF4, .n_dims = 1, .dim = {130}, .data = bytes, .bytes = 65, .nf4 = &nf4};
    as_scan s = as_tensors_scan(&t, NULL);
    CHECK(s.n_nan == 0 && s.n_inf == 1 && s.first == 64);
    t = (as_tensor){.dtype = AS_U8, .n_dims = 1, .dim = {8}, .data = bytes, .bytes = 8};
    s = as_tensors_scan(&t, NULL);
    CHECK(s.n_nan == 0 && s.n_inf == 0);
}

/* ---- digest ---- */

static void digest_is_as_described(void)
{
    as_error err = {0};
    as_key got, want;
    as_buf b = {0};
    part("d.safetensors", "ba");
    as_tensors *t = as_tensors_open(in("d.safetensors"), &err);
    CHECK(t && as_tensors_digest(t, got, &err));
    as_tensors_close(t);
    for (size_t i = 0; i < 2; i++) {
        static const float x[] = {1.5f, -2.0f};
        as_buf_add(&b, i ? "b\0F32\0002\0\10\0\0\0\0\0\0\0" : "a\0F32\0002\0\10\0\0\0\0\0\0\0", 16);
        as_buf_add(&b, x, 8);
    }
    CHECK(as_sha256_of(b.data, b.size, want, &err));
    CHECK_TEXT(got, want);
    as_buf_clear(&b);
}

/* A change of any piece of an NF4 weight changes it. */
static void digest_sees_hidden_pieces(void)
{
    as_error err = {0};
    as_key first, now;
    as_buf b = bytes_of("tests/fuzz/corpus/safetensors/good-nf4.safetensors");
    as_tensors *t = as_tensors_over("x", b.data, b.size, &err);
    CHECK(t && as_tensors_count(t) == 1 && as_tensors_digest(t, first, &err));
    as_tensors_close(t);
    for (size_t back = 200; back < 1300; back += 100) {
        b.data[b.size - back] ^= 1;
        t = as_tensors_over("x", b.data, b.size, &err);
        CHECK(t && as_tensors_digest(t, now, &err) && strcmp(first, now) != 0);
        as_tensors_close(t);
        b.data[b.size - back] ^= 1;
    }
    as_buf_clear(&b);
}

int main(void)
{
    if (!mkdtemp(dir)) return 1;
    RUN(folders);
    RUN(formats_by_name_and_bytes);
    RUN(shards_open);
    RUN(shards_refused);
    RUN(shards_of_long_names);
    RUN(links_to_nothing);
    RUN(shards_and_links);
    RUN(changes_are_told);
    RUN(need_and_shape);
    RUN(scans_with_any_threads);
    RUN(scans_scales);
    RUN(digest_is_as_described);
    RUN(digest_sees_hidden_pieces);
    empty_folder(dir);
    return check_end();
}
