/* config.json: what each family's configuration says, in both spellings, and one
 * refusal a rule. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "config_bad.h"
#include "engine/model/config.h"
#include "engine/model/synth.h"

static const as_synth_row *row_of(const char *name)
{
    size_t n;
    const as_synth_row *row = as_synth_names(&n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(row[i].name, name) == 0) return &row[i];
    return NULL;
}

static json_t *parse(const char *text)
{
    as_error err = {0};
    json_t *value = as_json_parse("test", text, strlen(text), &err);
    if (!value) printf("%s\n", err.what);
    return value;
}

/* ---- what is read ---- */

typedef struct {
    as_arena *arena;
    as_config *c;
} opened;

static opened open_row(const char *name)
{
    as_error err = {0};
    const as_synth_row *row = row_of(name);
    opened o = {.arena = as_arena_new(&err)};
    json_t *config = parse(row->config), *generation = parse(row->generation);
    if (o.arena && config) o.c = as_config_read(o.arena, "config.json", config, generation, &err);
    if (!o.c) printf("%s: %s: %s\n", name, err.where, err.what);
    CHECK(o.c != NULL);
    json_decref(config);
    json_decref(generation);
    return o;
}

static size_t shape_out, shape_in;
static bool shape(const as_config *c, size_t l, as_proj p)
{
    return as_proj_shape(c, l, p, &shape_out, &shape_in);
}
#define CHECK_PROJ(c, l, p, o, i)                                                                  \
    CHECK(shape(c, l, p) && shape_out == (size_t)(o) && shape_in == (size_t)(i))

static void reads_llama(void)
{
    opened o = open_row("smollm2-1.7b");
    const as_config *c = o.c;
    if (!c) return;
    CHECK_TEXT(c->family, "llama");
    CHECK_TEXT(c->prefix, "model.");
    CHECK(c->vocab == 49152 && c->dim == 2048 && c->n_layers == 24 && c->max_positions == 8192);
    CHECK(c->layer[23].heads == 32 && c->layer[23].key_heads == 32 && c->layer[23].head_dim == 64);
    CHECK(c->layer[0].mlp == 8192 && c->layer[0].window == 0 && c->layer[7].kv_layer == 7);
    CHECK(c->eps == 1e-5f && c->norm_offset == 0 && c->embed_scale == 1 && c->score_scale == 0);
    CHECK(c->is_tied && !c->has_qk_norm && !c->has_gate && !c->has_post_norms && !c->has_v_norm);
    CHECK(c->n_stop == 1 && c->stop[0] == 2 && c->softcap == 0 && c->per_layer == 0);
    CHECK(c->n_ropes == 1 && c->rope[0].half == 32 && c->rope[0].inv_freq[0] == 1);
    CHECK_NEAR((double)c->rope[0].inv_freq[31], pow(130000, -62.0 / 64), 1e-9);
    CHECK_PROJ(c, 0, AS_Q_PROJ, 2048, 2048);
    CHECK_PROJ(c, 0, AS_DOWN_PROJ, 2048, 8192);
    CHECK(!shape(c, 0, AS_IN_QKV) && !shape(c, 0, AS_PLE_GATE) && as_head_width(c, 0) == 64);
    as_arena_free(o.arena);
}

static void reads_qwen3(void)
{
    opened o = open_row("qwen3-0.6b");
    const as_config *c = o.c;
    if (!c) return;
    CHECK_TEXT(c->family, "qwen3");
    CHECK(c->vocab == 151936 && c->dim == 1024 && c->n_layers == 28 && c->has_qk_norm);
    CHECK(c->n_stop == 2 && c->stop[0] == 151643 && c->stop[1] == 151645);
    CHECK(c->rope[0].half == 64 && c->eps == 1e-6f && c->activation == AS_ACT_SILU);
    CHECK_PROJ(c, 3, AS_Q_PROJ, 2048, 1024);
    CHECK_PROJ(c, 3, AS_K_PROJ, 1024, 1024);
    CHECK_PROJ(c, 3, AS_O_PROJ, 1024, 2048);
    CHECK_PROJ(c, 3, AS_GATE_PROJ, 3072, 1024);
    as_arena_free(o.arena);
}

static void reads_qwen35(void)
{
    opened o = open_row("qwen3.5-0.8b");
    const as_config *c = o.c;
    if (!c) return;
    CHECK_TEXT(c->family, "qwen35");
    CHECK_TEXT(c->prefix, "model.language_model.");
    CHECK(c->n_layers == 24 && c->layer[0].mixer == AS_MIX_DELTA);
    CHECK(c->layer[3].mixer == AS_MIX_ATTENTION && c->layer[3].head_dim == 256);
    CHECK(c->layer[0].heads == 16 && c->layer[0].key_heads == 16 && c->layer[0].key_dim == 128);
    CHECK(c->layer[0].head_dim == 128 && c->layer[0].kernel == 4 && c->norm_offset == 1);
    CHECK(c->has_gate && c->has_qk_norm && c->rope[0].half == 32 && c->max_positions == 262144);
    CHECK_NEAR((double)c->rope[0].inv_freq[31], pow(1e7, -62.0 / 64), 1e-12);
    CHECK(c->n_stop == 2 && c->stop[0] == 248044 && c->stop[1] == 248046);
    CHECK_PROJ(c, 3, AS_Q_PROJ, 2 * 8 * 256, 1024);
    CHECK_PROJ(c, 3, AS_V_PROJ, 512, 1024);
    CHECK_PROJ(c, 0, AS_IN_QKV, 6144, 1024);
    CHECK_PROJ(c, 0, AS_IN_A, 16, 1024);
    CHECK_PROJ(c, 0, AS_OUT_PROJ, 1024, 2048);
    CHECK(!shape(c, 0, AS_Q_PROJ) && !shape(c, 3, AS_IN_Z) && as_head_width(c, 0) == 128);
    as_arena_free(o.arena);
}

static void reads_gemma4(void)
{
    opened o = open_row("gemma4-e2b");
    const as_config *c = o.c;
    if (!c) return;
    CHECK_TEXT(c->family, "gemma4");
    CHECK(c->n_layers == 35 && c->per_layer == 256 && c->softcap == 30 && c->score_scale == 1);
    CHECK_NEAR((double)c->embed_scale, 39.19183588, 1e-7);
    CHECK(c->activation == AS_ACT_GELU && c->has_v_norm);
    CHECK(c->layer[0].window == 512 && c->layer[4].window == 0 && c->layer[4].head_dim == 512);
    CHECK(c->layer[0].head_dim == 256 && c->layer[0].rope == 0 && c->layer[4].rope == 1);
    CHECK(c->layer[14].mlp == 6144 && c->layer[15].mlp == 12288);
    CHECK(c->layer[14].kv_layer == 14 && c->layer[15].kv_layer == 13);
    CHECK(c->layer[19].kv_layer == 14 && c->layer[34].kv_layer == 14 &&
          c->layer[33].kv_layer == 13);
    CHECK(c->n_ropes == 2 && c->rope[0].half == 128 && c->rope[1].half == 256);
    CHECK_NEAR((double)c->rope[0].inv_freq[127], pow(1e4, -254.0 / 256), 1e-9);
    CHECK_NEAR((double)c->rope[1].inv_freq[63], pow(1e6, -126.0 / 512), 1e-8);
    CHECK(c->rope[1].inv_freq[64] == 0 && c->rope[1].inv_freq[255] == 0);
    CHECK(c->n_stop == 3 && c->stop[0] == 1 && c->stop[1] == 50 && c->stop[2] == 106);
    CHECK_PROJ(c, 4, AS_Q_PROJ, 4096, 1536);
    CHECK_PROJ(c, 4, AS_K_PROJ, 512, 1536);
    CHECK_PROJ(c, 0, AS_PLE_GATE, 256, 1536);
    CHECK_PROJ(c, 20, AS_DOWN_PROJ, 1536, 12288);
    CHECK(!shape(c, 15, AS_K_PROJ) && !shape(c, 34, AS_V_PROJ) && shape(c, 15, AS_Q_PROJ));
    as_arena_free(o.arena);
}

static void names_of_maps(void)
{
    CHECK_TEXT(as_proj_name(AS_Q_PROJ), "self_attn.q_proj");
    CHECK_TEXT(as_proj_name(AS_DOWN_PROJ), "mlp.down_proj");
    CHECK_TEXT(as_proj_name(AS_IN_QKV), "linear_attn.in_proj_qkv");
    CHECK_TEXT(as_proj_name(AS_PLE_PROJ), "per_layer_projection");
}

/* ---- edits ---- */

/* Sets (or, with value NULL, removes) a key of the object at a pointer. */
static json_t *edited(const char *name, const char *at, const char *key, const char *value)
{
    json_t *config = parse(row_of(name)->config);
    json_t *object = (json_t *)(uintptr_t)as_json_at(config, at);
    CHECK(object != NULL);
    if (value)
        CHECK(json_object_set_new(object, key, parse(value)) == 0);
    else
        CHECK(json_object_del(object, key) == 0);
    return config;
}

static bool read_edited(json_t *config, const char *generation, as_error *err)
{
    as_error memory = {0};
    json_t *more = generation ? parse(generation) : NULL;
    as_arena *arena = as_arena_new(&memory);
    bool ok = arena && as_config_read(arena, "DIR/config.json", config, more, err);
    as_arena_free(arena);
    json_decref(more);
    json_decref(config);
    return ok;
}

static void refuses(void)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const edit *e = &refused[i];
        as_error err = {0};
        char text[2048], expected[1024];
        CHECK(!read_edited(edited(e->row, e->at, e->key, e->value), NULL, &err));
        CHECK(err.class_ == AS_EFORMAT || err.class_ == AS_ELIMIT);
        (void)snprintf(expected, sizeof expected, "DIR/config.json: %s", e->message);
        CHECK_TEXT(as_error_text(&err, text, sizeof text), expected);
    }
}

static void refuses_other_files(void)
{
    as_error err = {0};
    char text[2048];
    CHECK(!read_edited(parse("[1]"), NULL, &err));
    CHECK_TEXT(as_error_text(&err, text, sizeof text),
               "DIR/config.json: value (found a list, expected an object)");
    err = (as_error){0};
    CHECK(!read_edited(parse(row_of("tiny-llama")->config), "null", &err));
    CHECK_TEXT(as_error_text(&err, text, sizeof text),
               "DIR/generation_config.json: value (found null, expected an object)");
    err = (as_error){0};
    CHECK(!read_edited(parse(row_of("tiny-llama")->config), "{\"eos_token_id\":[2,600]}", &err));
    CHECK_TEXT(as_error_text(&err, text, sizeof text),
               "DIR/generation_config.json: eos_token_id: value (found 600, expected 0 to 511 (the "
               "vocabulary))");
}

/* Edits that change nothing, or a value in a known way. */
static void accepts(void)
{
    static const edit fine[] = {
        {"tiny-llama", "", "rope_theta", "1.3e5", NULL},
        {"tiny-llama", "", "rope_theta", NULL, NULL},
        {"tiny-llama", "", "rms_norm_eps", NULL, NULL},
        {"tiny-llama", "", "num_key_value_heads", NULL, NULL},
        {"tiny-llama", "", "tie_word_embeddings", NULL, NULL},
        {"tiny-llama", "", "rope_parameters", "{\"rope_type\":\"default\",\"rope_theta\":130000}",
         NULL},
        {"tiny-llama", "", "eos_token_id", "null", NULL},
        {"tiny-llama", "", "head_dim", "null", NULL},
        {"tiny-llama", "", "attention_dropout", "0.1", NULL},
        {"tiny-llama", "", "something_else", "{\"a\":1}", NULL},
        {"tiny-qwen3", "", "rope_scaling", "{\"type\":\"default\"}", NULL},
        {"tiny-qwen3", "", "head_dim", NULL, NULL},
        {"tiny-qwen3", "", "layer_types",
         "[\"full_attention\",\"full_attention\",\"full_attention\",\"full_attention\"]", NULL},
        {"tiny-qwen35", T, "mlp_only_layers", "[]", NULL},
        {"tiny-qwen35", T, "num_experts", "0", NULL},
        {"tiny-qwen35", TROPE, "partial_rotary_factor", NULL, NULL},
        {"tiny-qwen35", T, "tie_word_embeddings", NULL, NULL},
        {"tiny-gemma4", T, "use_bidirectional_attention", "\"vision\"", NULL},
        {"tiny-gemma4", T, "final_logit_softcapping", "null", NULL},
        {"tiny-gemma4", T, "rope_parameters", NULL, NULL},
        {"tiny-gemma4", T, "num_kv_shared_layers", "0", NULL},
        {"tiny-gemma4", T, "per_layer_config", "{\"1\":{\"head_dim\":32},\"3\":{\"head_dim\":32}}",
         NULL},
        {"tiny-gemma4", "", "tie_word_embeddings", NULL, NULL},
        {"tiny-llama", "", "quantization_config",
         "{\"quant_method\":\"bitsandbytes\",\"load_in_4bit\":true,"
         "\"bnb_4bit_quant_type\":\"nf4\",\"bnb_4bit_use_double_quant\":true}",
         NULL},
    };
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++) {
        as_error err = {0};
        bool ok =
            read_edited(edited(fine[i].row, fine[i].at, fine[i].key, fine[i].value), NULL, &err);
        CHECK(ok);
        if (!ok) printf("edit %zu: %s: %s\n", i, err.where, err.what);
    }
}

static void defaults(void)
{
    as_error err = {0};
    as_arena *arena = as_arena_new(&err);
    static const char *const absent[] = {"rope_theta", "rms_norm_eps", "num_key_value_heads",
                                         "tie_word_embeddings"};
    json_t *config = parse(row_of("tiny-llama")->config);
    for (size_t i = 0; i < 4; i++) CHECK(json_object_del(config, absent[i]) == 0);
    const as_config *c = as_config_read(arena, "c", config, NULL, &err);
    CHECK(c != NULL);
    if (c) {
        CHECK(c->eps == 1e-6f && c->layer[0].key_heads == 4 && !c->is_tied);
        CHECK_NEAR((double)c->rope[0].inv_freq[1], pow(1e4, -2.0 / 16), 1e-7);
    }
    json_decref(config);
    config = edited("tiny-qwen3", "", "head_dim", NULL);
    c = as_config_read(arena, "c", config, NULL, &err);
    CHECK(c && c->layer[0].head_dim == 128);
    json_decref(config);
    as_arena_free(arena);
}

/* per_layer_config in place of global_head_dim, and every sixth layer full. */
static void newer_gemma4(void)
{
    as_error err = {0};
    as_arena *arena = as_arena_new(&err);
    json_t *config = edited("tiny-gemma4", T, "global_head_dim", NULL);
    json_t *text = json_object_get(config, "text_config");
    CHECK(json_object_del(text, "layer_types") == 0);
    CHECK(json_object_set_new(text, "num_hidden_layers", json_integer(12)) == 0);
    CHECK(json_object_set_new(text, "per_layer_config",
                              parse("{\"5\":{\"head_dim\":48},\"11\":{\"head_dim\":48}}")) == 0);
    const as_config *c = as_config_read(arena, "c", config, NULL, &err);
    CHECK(c != NULL);
    if (c) {
        CHECK(c->layer[5].head_dim == 48 && c->layer[4].head_dim == 16 && c->layer[5].window == 0);
        CHECK(c->layer[11].kv_layer == 5 && c->layer[10].kv_layer == 7 && c->rope[1].half == 24);
        CHECK(c->layer[8].mlp == 192 && c->layer[7].mlp == 96);
    } else {
        printf("%s: %s\n", err.where, err.what);
    }
    json_decref(config);
    as_arena_free(arena);
}

/* The tiny rows are those of the golden files. */
static void golden_configs(void)
{
    static const char *const files[][2] = {
        {"tiny-llama", "tests/golden/engine/tiny_smollm2.json"},
        {"tiny-qwen3", "tests/golden/engine/tiny_qwen3.json"},
        {"tiny-qwen35", "tests/golden/engine/tiny_qwen35.json"},
        {"tiny-gemma4", "tests/golden/engine/tiny_gemma4.json"},
    };
    for (size_t i = 0; i < 4; i++) {
        as_error err = {0};
        json_t *golden = as_json_read(files[i][1], &err),
               *mine = parse(row_of(files[i][0])->config);
        CHECK(golden && json_equal(json_object_get(golden, "config"), mine));
        json_decref(golden);
        json_decref(mine);
    }
}

int main(void)
{
    RUN(reads_llama);
    RUN(reads_qwen3);
    RUN(reads_qwen35);
    RUN(reads_gemma4);
    RUN(names_of_maps);
    RUN(refuses);
    RUN(refuses_other_files);
    RUN(accepts);
    RUN(defaults);
    RUN(newer_gemma4);
    if (as_file_exists("tests/golden/engine/tiny_qwen3.json"))
        RUN(golden_configs);
    else
        SKIP(golden_configs, "no golden files");
    return check_end();
}
