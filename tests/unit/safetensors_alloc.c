/* safetensors and the common face: every allocation refused in turn, once and from there on; and
 * the memory that reading a header may take. */
#include "unit/format_case.h"

#include "engine/format/hub.h"
#include "engine/format/safetensors.h"
#include "fail_alloc.h"
#include "unit/refuse_each.h"

static char dir[] = "/tmp/assay-stalloc-XXXXXX";
static char path[64], cache_name[] = "o/n";

static bool open_path(const char *name, as_error *err)
{
    as_key key;
    as_tensors *t = as_tensors_open(name, err);
    bool ok = t && as_tensors_digest(t, key, err);
    for (size_t i = 0; ok && i < as_tensors_count(t); i++) {
        const as_tensor *x = as_tensors_need(t, as_tensors_at(t, i)->name, err);
        ok = x && as_tensors_scan(x, NULL).n_inf < 2;
    }
    as_tensors_close(t);
    return ok;
}

static bool open_packed(as_error *err)
{
    return open_path("tests/golden/quant/nf4.safetensors", err);
}

static bool open_metadata(as_error *err)
{
    return open_path("tests/fuzz/corpus/safetensors/good-metadata.safetensors", err);
}

static bool open_shards(as_error *err)
{
    return open_path(dir, err);
}

static bool write_file(as_error *err)
{
    static const float x[4];
    const as_tensor_source t[] = {
        {.name = "b", .dtype = AS_F32, .n_dims = 1, .dim = {4}, .data = x},
        {.name = "a", .dtype = AS_BF16, .n_dims = 2, .dim = {2, 2}, .data = x},
        {.name = "x", .dtype = AS_U8, .n_dims = 1, .dim = {1}, .data = x},
    };
    const as_safetensors_pair pair = {"format", "pt"};
    return as_safetensors_write(path, t, 3, &pair, 1, err);
}

static bool resolve(as_error *err)
{
    as_buf out = {0};
    bool ok = as_hub_resolve(cache_name, &out, err);
    as_buf_clear(&out);
    return ok;
}

static void make_shards(void)
{
    as_error err = {0};
    char name[128];
    static const float x[4];
    as_tensor_source t = {.name = "a", .dtype = AS_F32, .n_dims = 1, .dim = {4}, .data = x};
    (void)snprintf(name, sizeof name, "%s/m1", dir);
    CHECK(as_safetensors_write(name, &t, 1, NULL, 0, &err));
    as_tensor_source both[] = {t, t};
    both[0].name = "b", both[1].name = "left out";
    (void)snprintf(name, sizeof name, "%s/m2", dir);
    CHECK(as_safetensors_write(name, both, 2, NULL, 0, &err));
    (void)snprintf(name, sizeof name, "%s/model.safetensors.index.json", dir);
    static const char index[] = "{\"weight_map\":{\"a\":\"m1\",\"b\":\"m2\"}}";
    save(name, index, sizeof index - 1);
}

static void make_cache(void)
{
    static const char commit[] = "0123456789abcdef0123456789abcdef01234567";
    as_error err = {0};
    char name[256];
    (void)snprintf(name, sizeof name, "%s/models--o--n/refs", dir);
    CHECK(as_dir_make(name, &err));
    (void)snprintf(name, sizeof name, "%s/models--o--n/refs/main", dir);
    save(name, commit, 40);
    (void)snprintf(name, sizeof name, "%s/models--o--n/snapshots/%s", dir, commit);
    CHECK(as_dir_make(name, &err) && setenv("HF_HUB_CACHE", dir, 1) == 0);
}

static void packed(void)
{
    refuse_each(open_packed);
}

static void metadata(void)
{
    refuse_each(open_metadata);
}

static void shards(void)
{
    make_shards();
    refuse_each(open_shards);
}

static void writing(void)
{
    (void)snprintf(path, sizeof path, "%s/written", dir);
    refuse_each(write_file);
}

static void hub(void)
{
    make_cache();
    refuse_each(resolve);
}

/* ---- the memory rule: at most 8 times the file and 64 MiB ---- */

/* Opens a header of about 12 MB made of `n` pieces; %06x is where a number goes. */
static void opens_within(const char *piece, size_t n, bool expected)
{
    as_error err = {0};
    as_buf b = {0};
    as_buf_add(&b, "\0\0\0\0\0\0\0\0{", 9);
    const char *number = strstr(piece, "%06x");
    for (size_t i = 0; i < n; i++) {
        if (i) as_buf_puts(&b, ",");
        if (!number) {
            as_buf_puts(&b, piece);
            continue;
        }
        as_buf_add(&b, piece, (size_t)(number - piece));
        as_buf_printf(&b, "%06zx", i);
        as_buf_puts(&b, number + 4);
    }
    as_buf_puts(&b, "}");
    uint64_t length = b.size - 8;
    memcpy(b.data, &length, 8);
    size_t before = fail_alloc_live();
    fail_alloc_at(0, false);
    as_tensors *t = as_tensors_over("x.safetensors", b.data, b.size, &err);
    size_t peak = fail_alloc_peak() - before;
    CHECK((t != NULL) == expected);
    CHECK(peak <= 8 * b.size + ((size_t)64 << 20));
    if (t) CHECK(peak <= 8 * b.size && as_tensors_count(t) == n);
    as_tensors_close(t);
    CHECK(fail_alloc_live() == before);
    as_buf_clear(&b);
}

static void memory_of_headers(void)
{
    opens_within("\"%06x\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,0]}", 1000, false);
    opens_within("\"%06x\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}", 50000, true);
    opens_within("\"\":{}", 2000000, false);
}

/* Names and texts of one letter, over 4 MB of them: more than the tree may take. */
static void memory_of_metadata(void)
{
    as_error err = {0};
    as_buf b = {0};
    as_buf_add(&b, "\0\0\0\0\0\0\0\0", 8);
    as_buf_puts(&b, "{\"__metadata__\":{");
    for (size_t i = 0; i < 500000; i++) as_buf_printf(&b, "%s\"%zx\":\"\"", i ? "," : "", i);
    as_buf_puts(&b, "}}");
    uint64_t length = b.size - 8;
    memcpy(b.data, &length, 8);
    size_t before = fail_alloc_live();
    fail_alloc_at(0, false);
    CHECK(as_tensors_over("x.safetensors", b.data, b.size, &err) == NULL);
    CHECK(err.class_ == AS_ELIMIT && strstr(err.what, "too many small values"));
    CHECK(fail_alloc_peak() - before <= 8 * b.size + ((size_t)64 << 20));
    as_buf_clear(&b);
}

int main(void)
{
    fail_alloc_init();
    if (!mkdtemp(dir)) return 1;
    RUN(packed);
    RUN(metadata);
    RUN(shards);
    RUN(writing);
    RUN(hub);
    RUN(memory_of_headers);
    RUN(memory_of_metadata);
    empty_folder(dir);
    return check_end();
}
