/* Learning a vocabulary: every allocation refused in turn, once and from there on. */
#include "check.h"

#include "engine/text/bpe_train.h"
#include "fail_alloc.h"

/* Marks for the normal form, a broken byte for the mending, special tokens for the cutting, enough
 * different pieces and pairs for every table to widen. */
static bool run(const char *pipeline, as_error *err)
{
    static const char *const special[] = {"<x>", "<|end|>"};
    static const char marks[] = "e\xcc\x81<x>\xff ab abc abcabc <|end|> it's ab";
    char many[5000];
    size_t n = 0, n_merges = 0;
    for (size_t i = 0; n + 16 < sizeof many; i++)
        n += (size_t)snprintf(many + n, 16, " %c%c%c%zx", 'a' + (int)(i % 26),
                              'a' + (int)(i / 7 % 26), 'z' - (int)(i / 3 % 26), i % 64);
    const char *const text[] = {marks, many};
    const size_t size[] = {sizeof marks - 1, n};
    as_buf json = {0};
    as_bpe_train_options o = {
        .pipeline = pipeline, .vocab = 330, .least = 1, .special = special, .n_special = 2};
    bool ok = as_bpe_train(&o, text, size, 2, NULL, &json, &n_merges, err);
    CHECK(!ok || n_merges == 330 - 256 - 2);
    as_buf_clear(&json);
    return ok;
}

static void refuse_each(const char *pipeline, bool from_on)
{
    size_t k = 1;
    for (bool refused = true; refused && !check_bad; k++) {
        as_error err = {0};
        size_t before = fail_alloc_live();
        fail_alloc_at(k, from_on);
        bool ok = run(pipeline, &err);
        refused = fail_alloc_hit();
        fail_alloc_at(0, false);
        CHECK(ok == !refused);
        CHECK(err.class_ == (refused ? AS_EMEM : AS_OK));
        CHECK(fail_alloc_live() == before);
        if (check_bad) printf("allocation %zu: %s\n", k, err.what);
    }
    CHECK(k > 30);
}

static void once(void)
{
    refuse_each("qwen3", false);
}

static void from_on(void)
{
    refuse_each("smollm", true);
}

int main(void)
{
    fail_alloc_init();
    RUN(once);
    RUN(from_on);
    return check_end();
}
