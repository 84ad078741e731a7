/* Tokenizers: every allocation refused in turn, once and from there on, while one is made from
 * JSON, from GGUF, and used. */
#include "check.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/format/gguf.h"
#include "engine/text/detok.h"
#include "fail_alloc.h"

typedef bool scenario(as_error *err);

static void refuse_each(scenario *run)
{
    for (int from_on = 0; from_on < 2; from_on++) {
        size_t k = 1;
        for (bool refused = true; refused; k++) {
            as_error err = {0};
            size_t before = fail_alloc_live();
            fail_alloc_at(k, from_on == 1);
            bool ok = run(&err);
            refused = fail_alloc_hit();
            fail_alloc_at(0, false);
            CHECK(ok == !refused);
            CHECK(err.class_ == (refused ? AS_EMEM : AS_OK));
            CHECK(fail_alloc_live() == before);
            if (check_bad) {
                printf("allocation %zu%s: %s\n", k, from_on ? " and on" : "", err.what);
                return;
            }
        }
        CHECK(k > 2);
    }
}

#define COMMON                                                                                     \
    "{\"version\":\"1.0\",\"added_tokens\":[{\"id\":5,\"content\":\"<x>\",\"special\":true}],"
static const char bytes[] =
    COMMON "\"normalizer\":{\"type\":\"NFC\"},"
           "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false},"
           "\"decoder\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\",\"unk_token\":\"<x>\","
           "\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"\\u0120\":3,\"\\u0120ab\":4},"
           "\"merges\":[\"a b\",\"\\u0120 ab\"]}}";
static const char spaced[] =
    COMMON "\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},"
           "\"content\":\"\\u2581\"},\"pre_tokenizer\":null,"
           "\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\","
           "\"pattern\":{\"String\":\"\\u2581\"},\"content\":\" \"},{\"type\":\"ByteFallback\"},"
           "{\"type\":\"Fuse\"}]},\"model\":{\"type\":\"BPE\",\"unk_token\":\"<x>\","
           "\"fuse_unk\":true,\"byte_fallback\":true,"
           "\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"\\u2581\":3,\"\\u2581ab\":4},"
           "\"merges\":[[\"a\",\"b\"],[\"\\u2581\",\"ab\"]]}}";
static const char config[] =
    "{\"eos_token\":\"<x>\",\"chat_template\":\"{{ x }}\","
    "\"added_tokens_decoder\":{\"6\":{\"content\":\"<y>\",\"special\":false}}}";

/* Encodes and decodes; releases t. */
static bool use(as_tokenizer *t, as_error *err)
{
    /* marks for the sorting of long runs, a broken byte for the mending */
    static const char text[] = "ab <x>ab\xff e\xcc\x81\xcc\xa3 <y> \xe2\x96\x81"
                               "ab\xcc\x81\xcc\xa3\xcc\x81\xcc\xa3\xcc\x81\xcc\xa3\xcc\x81\xcc\xa3"
                               "\xcc\x81\xcc\xa3\xcc\x81\xcc\xa3\xcc\x81\xcc\xa3\xcc\x81\xcc\xa3"
                               "\xcc\x81\xcc\xa3\xcc\x81\xcc\xa3\xcc\x81\xcc\xa3\xcc\x81\xcc\xa3"
                               "\xcc\x81\xcc\xa3\xcc\x81\xcc\xa3\xcc\x81\xcc\xa3\xcc\x81\xcc\xa3";
    as_ids ids = {0};
    as_buf out = {0};
    const as_text_part part[] = {{text, sizeof text - 1, AS_TEXT_PLAIN},
                                 {text, sizeof text - 1, AS_TEXT_MARKED}};
    bool ok = t && as_tokenizer_encode_parts(t, part, 2, &ids, err) &&
              as_tokenizer_encode(t, " ab", 3, AS_TEXT_MARKED, &ids, err);
    if (ok) as_tokenizer_decode(t, ids.id, ids.n, true, &out);
    ok = ok && as_buf_ok(&out, err);
    as_ids_clear(&ids);
    as_buf_clear(&out);
    as_tokenizer_free(t);
    return ok;
}

static bool of_bytes(as_error *err)
{
    return use(as_tokenizer_parse("b", bytes, sizeof bytes - 1, config, sizeof config - 1, err),
               err);
}

static bool of_characters(as_error *err)
{
    return use(as_tokenizer_parse("s", spaced, sizeof spaced - 1, config, sizeof config - 1, err),
               err);
}

static char dir[64];

static bool of_a_folder(as_error *err)
{
    return use(as_tokenizer_open(dir, err), err);
}

static as_gguf *file;

static bool of_gguf(as_error *err)
{
    return use(as_tokenizer_gguf(file, err), err);
}

/* Two ids share a text. */
static bool write_gguf(const char *path)
{
    static const char *const tokens[] = {"<x>", "a", "b", "ab", "\xe2\x96\x81", "a", "<y>"};
    static const char *const merges[] = {"a b"};
    static const int32_t types[] = {2, 1, 1, 1, 1, 1, 4};
    as_error err = {0};
    as_gguf_out o = {0};
    as_gguf_put_text(&o, "tokenizer.ggml.model", "gemma4", 6);
    as_gguf_put_texts(&o, "tokenizer.ggml.tokens", tokens, 7);
    as_gguf_put_array(&o, "tokenizer.ggml.token_type", AS_GGUF_I32, types, 7);
    as_gguf_put_texts(&o, "tokenizer.ggml.merges", merges, 1);
    as_gguf_put_text(&o, "tokenizer.chat_template", "hello", 5);
    bool ok = as_gguf_write(path, &o, NULL, 0, &err);
    as_gguf_out_clear(&o);
    return ok;
}

/* The last id of a text is the one encoded to, and both decode. */
static void shared_text(void)
{
    as_error err = {0};
    as_ids ids = {0};
    size_t size = 0;
    as_tokenizer *t = as_tokenizer_gguf(file, &err);
    CHECK(t && as_tokenizer_encode(t, "aab", 3, AS_TEXT_PLAIN, &ids, &err));
    CHECK(ids.n == 2 && ids.id[0] == 5 && ids.id[1] == 3);
    CHECK(t && as_tokenizer_piece(t, 1, &size) && size == 1);
    as_ids_clear(&ids);
    as_tokenizer_free(t);
}

int main(void)
{
    char path[96], other[96];
    as_error err = {0};
    fail_alloc_init();
    (void)snprintf(dir, sizeof dir, "/tmp/assay-tokenizer-alloc-%ld", (long)getpid());
    (void)snprintf(path, sizeof path, "%s/tokenizer.json", dir);
    (void)snprintf(other, sizeof other, "%s/x.gguf", dir);
    if (!as_dir_make(dir, &err) || !as_file_replace(path, bytes, sizeof bytes - 1, &err)) return 1;
    if (!write_gguf(other) || !(file = as_gguf_open(other, &err))) return 1;
    RUN(shared_text);
    check_name = "refuse_each";
    for (size_t i = 0; i < 4; i++) {
        static scenario *const all[] = {of_bytes, of_characters, of_a_folder, of_gguf};
        check_bad = 0;
        refuse_each(all[i]);
        check_bad ? check_failed++ : check_passed++;
    }
    as_gguf_close(file);
    (void)unlink(path);
    (void)unlink(other);
    (void)rmdir(dir);
    return check_end();
}
