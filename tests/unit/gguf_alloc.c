/* GGUF: every allocation refused in turn, once and from there on; and the memory that reading may
 * take. */
#include "unit/format_case.h"

#include "engine/format/gguf.h"
#include "fail_alloc.h"
#include "unit/refuse_each.h"

static char dir[] = "/tmp/assay-ggufalloc-XXXXXX";
static char path[64];

static bool open_file(as_error *err)
{
    as_tensors *t = as_tensors_open("tests/golden/quant/small.gguf", err);
    bool ok = t && as_tensors_need(t, "token_embd.weight", err);
    as_tensors_close(t);
    return ok;
}

static bool write_file(as_error *err)
{
    static const float x[4];
    static const char *const texts[] = {"a", "b"};
    const as_tensor_source t = {.name = "b", .dtype = AS_F32, .n_dims = 1, .dim = {4}, .data = x};
    as_gguf_out o = {0};
    as_gguf_put_texts(&o, "texts", texts, 2);
    as_gguf_put_u32(&o, "u", 1);
    bool ok = as_gguf_write(path, &o, &t, 1, err);
    as_gguf_out_clear(&o);
    return ok;
}

static void reading(void)
{
    refuse_each(open_file);
}

static void writing(void)
{
    (void)snprintf(path, sizeof path, "%s/written.gguf", dir);
    refuse_each(write_file);
}

static void put_number(as_buf *b, uint64_t x, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++, x >>= 8) {
        char c = (char)(unsigned char)x;
        as_buf_add(b, &c, 1);
    }
}

static void put_head(as_buf *b, size_t n_tensors, size_t n_entries)
{
    as_buf_puts(b, "GGUF");
    put_number(b, 3, 4);
    put_number(b, n_tensors, 8);
    put_number(b, n_entries, 8);
}

/* Opens, and takes no more than 8 times the file. */
static void opens_within(as_buf *b)
{
    as_error err = {0};
    size_t before = fail_alloc_live();
    fail_alloc_at(0, false);
    as_tensors *t = as_tensors_over("x.gguf", b->data, b->size, &err);
    CHECK(t != NULL);
    CHECK(fail_alloc_peak() - before <= 8 * b->size);
    as_tensors_close(t);
    CHECK(fail_alloc_live() == before);
    as_buf_clear(b);
}

enum { N = 200000 };

/* The smallest entries and rows there are, with names of four bytes. */
static void memory_of_small_things(void)
{
    as_buf b = {0};
    put_head(&b, 0, N);
    for (size_t i = 0; i < N; i++) {
        put_number(&b, 4, 8);
        put_number(&b, 0x21212121 + (i & 63) + ((i >> 6 & 63) << 8) + ((i >> 12) << 16), 4);
        put_number(&b, AS_GGUF_U8, 4);
        put_number(&b, 1, 1);
    }
    opens_within(&b);

    put_head(&b, N, 0);
    for (size_t i = 0; i < N; i++) {
        put_number(&b, 4, 8);
        put_number(&b, 0x21212121 + (i & 63) + ((i >> 6 & 63) << 8) + ((i >> 12) << 16), 4);
        put_number(&b, 1, 4); /* one dimension of length 0 */
        put_number(&b, 0, 8);
        put_number(&b, 0, 4);
        put_number(&b, 0, 8);
    }
    opens_within(&b);

    put_head(&b, 0, 1); /* one array of empty texts */
    put_number(&b, 1, 8);
    as_buf_puts(&b, "a");
    put_number(&b, AS_GGUF_ARRAY, 4);
    put_number(&b, AS_GGUF_TEXT, 4);
    put_number(&b, N, 8);
    for (size_t i = 0; i < N; i++) put_number(&b, 0, 8);
    opens_within(&b);
}

int main(void)
{
    fail_alloc_init();
    if (!mkdtemp(dir)) return 1;
    RUN(reading);
    RUN(writing);
    RUN(memory_of_small_things);
    empty_folder(dir);
    return check_end();
}
