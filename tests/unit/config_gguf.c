/* The configuration of a GGUF file: what its metadata says, and one refusal a rule. */
#include "check.h"

#include <stdlib.h>
#include <unistd.h>

#include "engine/format/gguf.h"
#include "engine/model/config.h"

enum kind { NONE, U32, F32, TEXT, ARRAY, BOOLS };
typedef struct {
    const char *key;
    enum kind kind;
    double number;
    const char *text;
} entry;

static const entry llama_keys[] = {
    {"general.architecture", TEXT, 0, "llama"},
    {"llama.block_count", U32, 2, NULL},
    {"llama.context_length", U32, 512, NULL},
    {"llama.embedding_length", U32, 64, NULL},
    {"llama.feed_forward_length", U32, 128, NULL},
    {"llama.attention.head_count", U32, 4, NULL},
    {"llama.attention.head_count_kv", ARRAY, 2, NULL},
    {"llama.attention.layer_norm_rms_epsilon", F32, 1e-5, NULL},
    {"llama.rope.freq_base", F32, 130000, NULL},
    {"llama.rope.dimension_count", U32, 16, NULL},
    {"tokenizer.ggml.eos_token_id", U32, 2, NULL},
    {NULL, NONE, 0, NULL},
};
static const entry gemma_keys[] = {
    {"general.architecture", TEXT, 0, "gemma4"},
    {"gemma4.block_count", U32, 2, NULL},
    {"gemma4.context_length", U32, 512, NULL},
    {"gemma4.embedding_length", U32, 64, NULL},
    {"gemma4.feed_forward_length", ARRAY, 96, NULL},
    {"gemma4.attention.head_count", U32, 4, NULL},
    {"gemma4.attention.head_count_kv", U32, 1, NULL},
    {"gemma4.attention.key_length", U32, 32, NULL},
    {"gemma4.attention.key_length_swa", U32, 16, NULL},
    {"gemma4.attention.layer_norm_rms_epsilon", F32, 1e-6, NULL},
    {"gemma4.rope.freq_base", F32, 1e6, NULL},
    {"gemma4.rope.freq_base_swa", F32, 1e4, NULL},
    {"gemma4.attention.sliding_window", U32, 16, NULL},
    {"gemma4.attention.sliding_window_pattern", BOOLS, 1, NULL},
    {"gemma4.attention.shared_kv_layers", U32, 0, NULL},
    {"gemma4.embedding_length_per_layer_input", U32, 8, NULL},
    {NULL, NONE, 0, NULL},
};
static const entry qwen_keys[] = {
    {"general.architecture", TEXT, 0, "qwen35"},
    {"qwen35.block_count", U32, 5, NULL},
    {"qwen35.nextn_predict_layers", U32, 1, NULL},
    {"qwen35.context_length", U32, 512, NULL},
    {"qwen35.embedding_length", U32, 64, NULL},
    {"qwen35.feed_forward_length", U32, 128, NULL},
    {"qwen35.attention.head_count", U32, 4, NULL},
    {"qwen35.attention.head_count_kv", U32, 2, NULL},
    {"qwen35.attention.key_length", U32, 32, NULL},
    {"qwen35.attention.layer_norm_rms_epsilon", F32, 1e-6, NULL},
    {"qwen35.rope.freq_base", F32, 1e7, NULL},
    {"qwen35.rope.dimension_count", U32, 8, NULL},
    {"qwen35.full_attention_interval", U32, 4, NULL},
    {"qwen35.ssm.conv_kernel", U32, 4, NULL},
    {"qwen35.ssm.state_size", U32, 16, NULL},
    {"qwen35.ssm.group_count", U32, 2, NULL},
    {"qwen35.ssm.time_step_rank", U32, 4, NULL},
    {"qwen35.ssm.inner_size", U32, 128, NULL},
    {NULL, NONE, 0, NULL},
};

static void put(as_gguf_out *out, const entry *e)
{
    const int32_t both[] = {(int32_t)e->number, (int32_t)e->number};
    const unsigned char pattern[] = {1, e->number == 2}; /* 2: the last one slides too */
    if (e->kind == U32) as_gguf_put_u32(out, e->key, (uint32_t)e->number);
    if (e->kind == F32) as_gguf_put_f32(out, e->key, (float)e->number);
    if (e->kind == TEXT) as_gguf_put_text(out, e->key, e->text, strlen(e->text));
    if (e->kind == ARRAY) as_gguf_put_array(out, e->key, AS_GGUF_I32, both, 2);
    if (e->kind == BOOLS) as_gguf_put_array(out, e->key, AS_GGUF_BOOL, pattern, 2);
}

/* The keys, one of them (or one more) replaced; a 512 x 64 embedding; a rope_freqs of 4 turned
 * pairs of 16, whose tenth value is `tenth`. */
static as_config *read_gguf(as_arena *arena, const entry *keys, const entry *other, float tenth,
                            as_error *err)
{
    static const float zeros[512 * 64];
    float freqs[16];
    char path[] = "/tmp/assay-config-XXXXXX";
    as_gguf_out out = {0};
    as_config *c = NULL;
    for (size_t i = 0; i < 16; i++) freqs[i] = i < 4 ? 1 : 1e30f;
    freqs[10] = tenth;
    const as_tensor_source t[] = {
        {.name = "token_embd.weight", .n_dims = 2, .dim = {512, 64}, .data = zeros},
        {.name = "rope_freqs.weight", .n_dims = 1, .dim = {16}, .data = freqs}};
    for (; keys->key; keys++)
        if (!other || strcmp(keys->key, other->key) != 0) put(&out, keys);
    if (other) put(&out, other);
    int fd = mkstemp(path);
    if (fd >= 0 && as_gguf_write(path, &out, t, 2, err)) {
        as_tensors *file = as_tensors_open(path, err);
        if (file) c = as_config_gguf(arena, file, err);
        as_tensors_close(file);
    }
    if (fd >= 0) (void)close(fd);
    (void)unlink(path);
    as_gguf_out_clear(&out);
    return c;
}

static void reads_gguf(void)
{
    as_error err = {0};
    as_arena *arena = as_arena_new(&err);
    const as_config *c = read_gguf(arena, llama_keys, NULL, 1e30f, &err);
    CHECK(c != NULL);
    if (c) {
        CHECK_TEXT(c->family, "llama");
        CHECK(c->vocab == 512 && c->layer[1].key_heads == 2 && c->layer[0].head_dim == 16);
        CHECK(c->n_stop == 1 && c->stop[0] == 2 && c->is_tied && c->eps == 1e-5f);
    }
    c = read_gguf(arena, qwen_keys, NULL, 1e30f, &err);
    CHECK(c != NULL);
    if (c) {
        CHECK(c->n_layers == 4 && c->layer[3].mixer == AS_MIX_ATTENTION && c->norm_offset == 0);
        CHECK(c->layer[0].head_dim == 32 && c->layer[0].key_dim == 16 && c->rope[0].half == 4);
    }
    c = read_gguf(arena, gemma_keys, NULL, 1e30f, &err);
    CHECK(c != NULL);
    if (c) {
        CHECK(c->layer[0].head_dim == 16 && c->layer[1].head_dim == 32 && c->per_layer == 8);
        CHECK(c->layer[0].window == 16 && c->layer[1].window == 0 && c->softcap == 0);
        CHECK(c->rope[1].half == 16 && c->rope[1].inv_freq[3] > 0 && c->rope[1].inv_freq[4] == 0);
    }
    if (err.class_ != AS_OK) printf("%s: %s\n", err.where, err.what);
    as_arena_free(arena);
}

typedef struct {
    const entry *keys;
    entry other;
    const char *message;
} gguf_edit;

static const gguf_edit gguf_refused[] = {
    {llama_keys,
     {"general.architecture", TEXT, 0, "phi3"},
     "key \"general.architecture\": value (found \"phi3\", expected one of llama, qwen3, qwen35, "
     "gemma4)"},
    {llama_keys,
     {"general.architecture", NONE, 0, NULL},
     "key \"general.architecture\": value (found none, expected text)"},
    {llama_keys,
     {"llama.block_count", NONE, 0, NULL},
     "key \"llama.block_count\": missing (found nothing, expected 1 to 1024)"},
    {llama_keys,
     {"llama.block_count", U32, 0, NULL},
     "key \"llama.block_count\": value (found 0, expected 1 to 1024)"},
    {llama_keys,
     {"llama.block_count", F32, 2, NULL},
     "key \"llama.block_count\": value (found f32, expected u32)"},
    {llama_keys,
     {"llama.attention.head_count_kv", U32, 3, NULL},
     "key \"llama.attention.head_count_kv\": value (found 3, expected a divisor of 4 heads)"},
    {llama_keys,
     {"llama.attention.layer_norm_rms_epsilon", NONE, 0, NULL},
     "key \"llama.attention.layer_norm_rms_epsilon\": missing (found nothing, expected above 0 and "
     "below 0.01)"},
    {llama_keys,
     {"llama.rope.scaling.type", TEXT, 0, "linear"},
     "key \"llama.rope.scaling.type\": value (found \"linear\", expected \"none\")"},
    {llama_keys,
     {"llama.rope.scaling.factor", F32, 2, NULL},
     "key \"llama.rope.scaling.factor\": value (found 2, expected above 0.999999 and below "
     "1.000001)"},
    {llama_keys,
     {"llama.rope.dimension_count", U32, 8, NULL},
     "key \"llama.rope.dimension_count\": value (found 8, expected 16, the head's width)"},
    {llama_keys,
     {"llama.attention.value_length", U32, 8, NULL},
     "key \"llama.attention.value_length\": value (found 8, expected 16, as "
     "attention.key_length)"},
    {llama_keys,
     {"llama.vocab_size", U32, 0, NULL},
     "key \"llama.vocab_size\": value (found 0, expected 1 to 16777216)"},
    {llama_keys,
     {"tokenizer.ggml.eos_token_id", U32, 512, NULL},
     "key \"tokenizer.ggml.eos_token_id\": value (found 512, expected 0 to 511 (the "
     "vocabulary))"},
    {qwen_keys,
     {"qwen35.nextn_predict_layers", U32, 5, NULL},
     "key \"qwen35.nextn_predict_layers\": value (found 5, expected 0 to 4)"},
    {llama_keys,
     {"llama.nextn_predict_layers", U32, 1, NULL},
     "key \"llama.nextn_predict_layers\": value (found 1, expected 0 to 0)"},
    {llama_keys,
     {"llama.block_count", U32, 3, NULL},
     "key \"llama.attention.head_count_kv\": array (found 2 elements, expected 3)"},
    {llama_keys,
     {"llama.block_count", ARRAY, 2, NULL},
     "key \"llama.block_count\": value (found array, expected u32)"},
    {qwen_keys,
     {"qwen35.ssm.inner_size", U32, 130, NULL},
     "key \"qwen35.ssm.inner_size\": value (found 130, expected a multiple of 4 heads, to 2560)"},
    {qwen_keys,
     {"qwen35.rope.dimension_count", U32, 7, NULL},
     "key \"qwen35.rope.dimension_count\": value (found 7, expected an even number of rotated "
     "elements of 32)"},
    {gemma_keys,
     {"gemma4.attention.sliding_window_pattern", BOOLS, 2, NULL},
     "key \"gemma4.attention.sliding_window_pattern\": last layer (found sliding_attention, "
     "expected full_attention)"},
    {gemma_keys,
     {"gemma4.feed_forward_length", ARRAY, -1, NULL},
     "key \"gemma4.feed_forward_length\": element 0 (found -1, expected 1 to 1048576)"},
    {gemma_keys,
     {"gemma4.rope.dimension_count_swa", U32, 8, NULL},
     "key \"gemma4.rope.dimension_count_swa\": value (found 8, expected 16, the head's width)"},
    {gemma_keys,
     {"gemma4.attention.key_length", U32, 64, NULL},
     "tensor \"rope_freqs.weight\": shape (found 16, expected 32)"},
};

static void refuses_gguf(void)
{
    char text[2048];
    as_error memory = {0};
    as_arena *arena = as_arena_new(&memory);
    for (size_t i = 0; i < sizeof gguf_refused / sizeof gguf_refused[0]; i++) {
        as_error err = {0};
        const gguf_edit *e = &gguf_refused[i];
        CHECK(!read_gguf(arena, e->keys, &e->other, 1e30f, &err));
        CHECK(err.class_ == AS_EFORMAT || err.class_ == AS_ELIMIT);
        as_error_text(&err, text, sizeof text);
        const char *tail = strstr(text, ": "); /* after the file's name */
        CHECK_TEXT(tail ? tail + 2 : text, e->message);
    }
    as_error err = {0};
    CHECK(!read_gguf(arena, gemma_keys, NULL, 1, &err));
    CHECK_TEXT(err.what, "value 10 (found 1, expected ones, then 1e30)");
    as_arena_free(arena);
}

int main(void)
{
    RUN(reads_gguf);
    RUN(refuses_gguf);
    return check_end();
}
