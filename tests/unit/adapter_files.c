/* Adapters as files: PEFT folders there and back, GGUF there and back. */
#include "adapter_case.h"

#include "engine/format/gguf.h"
#include "engine/format/safetensors.h"
#include "engine/model/families.h"

static as_exec ex;

static as_adapter *make(const as_model *m, as_adapter_options o)
{
    as_error err = {0};
    if (!o.rank) o.rank = 3;
    if (o.alpha == 0) o.alpha = 6;
    if (!o.target && !o.targets) o.target = "all-linear";
    o.init = AS_INIT_RANDOM;
    as_adapter *a = as_adapter_new(m, &ex, &o, &err);
    must(a != NULL, &err);
    return a;
}

static as_adapter *reopen(const as_model *m, const char *folder)
{
    as_error err = {0};
    as_adapter *a = as_adapter_open(m, &ex, folder, 0, &err);
    must(a != NULL, &err);
    return a;
}

static void check_same(const as_adapter *a, const as_adapter *b)
{
    size_t n, k;
    const as_parameter *p = as_adapter_params(a, &n), *q = as_adapter_params(b, &k);
    CHECK(n == k);
    for (size_t i = 0; i < n && n == k; i++) {
        CHECK_TEXT(q[i].name, p[i].name);
        CHECK(p[i].rows == q[i].rows && p[i].cols == q[i].cols);
        CHECK(memcmp(p[i].value, q[i].value, p[i].rows * p[i].cols * sizeof(float)) == 0);
    }
}

/* ---- PEFT ---- */

static json_t *config_of(const as_model *m, as_adapter_options o)
{
    as_error err = {0};
    as_adapter *a = make(m, o);
    save(a, place("peft"));
    json_t *config = as_json_read(place("peft/adapter_config.json"), &err);
    must(config != NULL, &err);
    as_adapter *b = reopen(m, place("peft"));
    check_same(a, b);
    save(b, place("again")); /* saved again, it is the same */
    CHECK(same_files(place("peft/adapter_config.json"), place("again/adapter_config.json")));
    CHECK(same_files(place("peft/adapter_model.safetensors"),
                     place("again/adapter_model.safetensors")));
    as_adapter_close(a);
    as_adapter_close(b);
    return config;
}

static void check_json(const json_t *object, const char *key, const char *expected)
{
    as_buf text = {0};
    as_json_write(&text, json_object_get(object, key));
    CHECK_TEXT(as_buf_text(&text), expected);
    as_buf_clear(&text);
}

static void peft_folder(void)
{
    as_model *m = tiny("tiny-qwen3", "", AS_F32, &ex);
    json_t *c = config_of(m, (as_adapter_options){.alpha = 2.5, .dropout = 0.05});
    check_json(c, "target_modules",
               "[\"q_proj\",\"k_proj\",\"v_proj\",\"o_proj\",\"gate_proj\",\"up_proj\","
               "\"down_proj\"]");
    check_json(c, "peft_type", "\"LORA\"");
    check_json(c, "task_type", "\"CAUSAL_LM\"");
    check_json(c, "base_model_name_or_path", "\"some/base\"");
    check_json(c, "r", "3");
    check_json(c, "lora_alpha", "2.5");
    check_json(c, "lora_dropout", "0.05");
    check_json(c, "layers_to_transform", "null");
    check_json(c, "inference_mode", "true");
    json_decref(c);
    as_tensors *t;
    as_error err = {0};
    t = as_tensors_open(place("peft/adapter_model.safetensors"), &err);
    must(t != NULL, &err);
    CHECK_TEXT(as_tensors_metadata(t, "format"), "pt");
    CHECK(as_tensors_count(t) == 4 * 7 * 2);
    as_tensors_close(t);
    as_model_close(m);
}

static void peft_targets(void)
{
    static const size_t layers[] = {1, 3};
    static const as_adapter_pattern ranks[] = {{"layers\\.1\\..*", 5}};
    as_model *m = tiny("tiny-qwen3", "", AS_F32, &ex);
    json_t *c = config_of(m, (as_adapter_options){.target = "attention",
                                                  .layers = layers,
                                                  .n_layers = 2,
                                                  .ranks = ranks,
                                                  .n_ranks = 1,
                                                  .is_rslora = true});
    check_json(c, "target_modules", "[\"q_proj\",\"k_proj\",\"v_proj\",\"o_proj\"]");
    check_json(c, "layers_to_transform", "[1,3]");
    check_json(c, "rank_pattern", "{\"layers\\\\.1\\\\..*\":5}");
    check_json(c, "use_rslora", "true");
    json_decref(c);
    c = config_of(m, (as_adapter_options){.target = ".*(0.*q_proj|3.*up_proj)"});
    check_json(c, "target_modules",
               "\"model\\\\.layers\\\\.(0\\\\.self_attn\\\\.q_proj|3\\\\.mlp\\\\.up_proj)\"");
    json_decref(c);
    as_model_close(m);
    m = tiny("tiny-gemma4", "", AS_F32, &ex);
    c = config_of(m, (as_adapter_options){.target = "attention"});
    check_json(c, "target_modules",
               "\"model\\\\.(language_model\\\\.)?layers\\\\.[0-9]+\\\\.(self_attn\\\\.q_proj|"
               "self_attn\\\\.k_proj|self_attn\\\\.v_proj|self_attn\\\\.o_proj)\"");
    json_decref(c);
    c = config_of(m, (as_adapter_options){.target = "attention", .layers = layers, .n_layers = 2});
    check_json(c, "target_modules",
               "\"model\\\\.(language_model\\\\.)?layers\\\\.(1|3)\\\\.(self_attn\\\\.q_proj|"
               "self_attn\\\\.k_proj|self_attn\\\\.v_proj|self_attn\\\\.o_proj)\"");
    json_decref(c);
    as_model_close(m);
}

static void peft_refuses(void)
{
    size_t n;
    as_error err = {0};
    as_model *m = tiny("tiny-qwen3", "", AS_F32, &ex);
    as_adapter *a = make(m, (as_adapter_options){0});
    as_adapter_params(a, &n)[3].value[7] = NAN;
    CHECK(!as_adapter_save(a, place("nan"), NULL, &err));
    must_say(&err, AS_ENUMERIC,
             "tensor \"base_model.model.model.layers.0.self_attn.k_proj.lora_B.weight\": a value");
    CHECK(!as_file_exists(place("nan")));
    as_adapter_close(a);
    err = (as_error){0};
    CHECK(!as_adapter_open(m, &ex, place("nan"), 0, &err));
    must_say(&err, AS_EIO, "adapter_config.json");
    /* one map under two names */
    static float x[2 * 64], y[64 * 2];
    const char *flat = "base_model.model.model.layers.0.self_attn.v_proj",
               *nested = "base_model.model.model.language_model.layers.0.self_attn.v_proj";
    char name[4][128];
    as_tensor_source t[4];
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(name[i], sizeof name[i], "%s.lora_%c.weight", i / 2 ? nested : flat,
                       i % 2 ? 'B' : 'A');
        t[i] = (as_tensor_source){.name = name[i], .dtype = AS_F32, .n_dims = 2};
        t[i].dim[0] = i % 2 ? 64 : 2, t[i].dim[1] = i % 2 ? 2 : 64, t[i].data = i % 2 ? y : x;
    }
    const char *config = "{\"peft_type\":\"LORA\",\"r\":2}";
    err = (as_error){0};
    must(as_dir_make(place("twice"), &err) &&
             as_safetensors_write(place("twice/adapter_model.safetensors"), t, 4, NULL, 0, &err) &&
             as_file_replace(place("twice/adapter_config.json"), config, strlen(config), &err),
         &err);
    CHECK(!as_adapter_open(m, &ex, place("twice"), 0, &err));
    must_say(&err, AS_EFORMAT, "its map is adapted twice");
    as_model_close(m);
}

/* ---- GGUF ---- */

/* PEFT to GGUF and back, in these families and orders of heads: the same bytes. */
static void gguf_and_back(void)
{
    static const char *const all[] = {"tiny-qwen3", "tiny-llama", "tiny-qwen35", "tiny-qwen35-wide",
                                      "tiny-gemma4"};
    for (size_t i = 0; i < 5; i++) {
        as_error err = {0};
        as_model *m = tiny(all[i], "", AS_F32, &ex);
        as_adapter *a = make(m, (as_adapter_options){.is_rslora = i % 2, .dropout = 0.1});
        save(a, place("adapter"));
        must(as_adapter_write_gguf(a, place("a.gguf"), &err), &err);
        as_adapter_close(a);
        a = reopen(m, place("adapter"));
        must(as_adapter_write_gguf(a, place("b.gguf"), &err), &err);
        must(as_adapter_from_gguf(m, &ex, place("b.gguf"), place("back"), &err), &err);
        CHECK(same_files(place("adapter/adapter_model.safetensors"),
                         place("back/adapter_model.safetensors")));
        CHECK(same_files(place("adapter/adapter_config.json"), place("back/adapter_config.json")));
        as_adapter_close(a);
        as_model_close(m);
    }
}

/* Elements of a matrix as floats, row-major. Gives: free(). */
static float *elements(const as_tensor *t)
{
    as_error err = {0};
    float *x = as_new(as_tensor_count(t), sizeof *x, &err);
    must(x && as_dequantise(t->dtype, t->nf4, x, t->data, 0, as_tensor_count(t)), &err);
    return x;
}

/* The base's own GGUF file says where its rows and columns went: B's rows and A's columns must have
 * gone there too. */
static void check_orders(const as_tensor *w, const as_tensor *moved, const as_parameter *p,
                         const as_tensor *a, const as_tensor *b)
{
    float *x = elements(w), *y = elements(moved), *ga = elements(a), *gb = elements(b);
    size_t out = w->dim[0], in = w->dim[1], rank = p[0].rows;
    bool turned = memcmp(x, y, out * in * sizeof *x) != 0;
    for (size_t o = 0; o < out; o++) {
        size_t to = 0; /* the row that holds the same values, in whatever order */
        double sum = 0, other;
        for (size_t k = 0; k < in; k++) sum += (double)x[o * in + k];
        for (; to < out; to++) {
            other = 0;
            for (size_t k = 0; k < in; k++) other += (double)y[to * in + k];
            if (fabs(other - sum) < 1e-9) break;
        }
        CHECK(to < out && (turned || to == o));
        for (size_t j = 0; j < rank && to < out; j++)
            CHECK(gb[to * rank + j] == p[1].value[o * rank + j]);
        for (size_t k = 0; o == 0 && k < in && to < out; k++) {
            size_t col = 0;
            while (col < in && y[to * in + col] != x[k]) col++;
            for (size_t j = 0; j < rank && col < in; j++)
                CHECK(ga[j * in + col] == p[0].value[j * in + k]);
        }
    }
    free(x), free(y), free(ga), free(gb);
}

static void gguf_orders(void)
{
    static const char *const all[] = {"tiny-llama", "tiny-qwen35-wide", "tiny-gemma4"};
    for (size_t i = 0; i < 3; i++) {
        as_error err = {0};
        size_t n, n_turned = 0;
        as_model *m = tiny(all[i], "", AS_F32, &ex), *g = tiny(all[i], ".gguf", AS_F32, &ex);
        as_adapter *a = make(m, (as_adapter_options){0});
        must(as_adapter_write_gguf(a, place("a.gguf"), &err), &err);
        as_gguf *file = as_gguf_open(place("a.gguf"), &err);
        must(file != NULL, &err);
        const as_parameter *p = as_adapter_params(a, &n);
        CHECK(as_gguf_count(file) == n);
        for (size_t k = 0; k < n; k += 2) {
            char hf[160], base[160], factor[2][160];
            size_t layer = strtoul(strstr(p[k].name, "layers.") + 7, NULL, 10);
            const as_tensor *t[2] = {NULL, NULL};
            (void)snprintf(hf, sizeof hf, "%.*s.weight",
                           (int)(strstr(p[k].name, ".lora_A") - p[k].name - 17), p[k].name + 17);
            for (as_proj q = 0; q < AS_N_PROJ; q++)
                if (strstr(hf, as_proj_name(q)))
                    (void)snprintf(base, sizeof base, "blk.%zu.%s.weight", layer, as_proj_gguf(q));
            for (size_t f = 0; f < 2; f++) {
                (void)snprintf(factor[f], sizeof factor[f], "%.140s.lora_%c", base, f ? 'b' : 'a');
                for (size_t s = 0; s < n; s++)
                    if (strcmp(as_gguf_at(file, s)->name, factor[f]) == 0)
                        t[f] = as_gguf_at(file, s);
            }
            const as_tensor *w = as_tensors_need(as_model_tensors(m), hf, &err),
                            *moved = as_tensors_need(as_model_tensors(g), base, &err);
            must(w && moved, &err);
            CHECK(t[0] && t[1]);
            if (!t[0] || !t[1]) break;
            n_turned += memcmp(w->data, moved->data, w->bytes) != 0;
            check_orders(w, moved, p + k, t[0], t[1]);
        }
        CHECK((n_turned > 0) == (i < 2));
        as_gguf_close(file);
        as_adapter_close(a);
        as_model_close(m);
        as_model_close(g);
    }
}

/* A file of another program: no configuration, and another type. */
static void write_foreign(const as_adapter *a, const char *path, float alpha, const char *type,
                          const char *architecture, size_t n_tensors)
{
    as_error err = {0};
    as_gguf_out o = {0};
    size_t n;
    static char name[64][64];
    static uint16_t half[64][128 * 8];
    as_tensor_source t[64];
    const as_parameter *p = as_adapter_params(a, &n);
    CHECK(n <= 64);
    for (size_t i = 0; i < n; i++) {
        size_t count = p[i].rows * p[i].cols;
        CHECK(count <= 128 * 8);
        (void)snprintf(name[i], sizeof name[i], "blk.%s.weight.lora_%c",
                       i / 2 ? "1.ffn_down" : "0.ffn_down", i % 2 ? 'b' : 'a');
        CHECK(as_quantise(AS_F16, half[i], p[i].value, count));
        t[i] = (as_tensor_source){.name = name[i], .dtype = AS_F16, .n_dims = 2};
        t[i].dim[0] = p[i].rows, t[i].dim[1] = p[i].cols, t[i].data = half[i];
    }
    as_gguf_put_text(&o, "general.architecture", architecture, strlen(architecture));
    as_gguf_put_text(&o, "general.type", "adapter", 7);
    as_gguf_put_text(&o, "adapter.type", type, strlen(type));
    as_gguf_put_f32(&o, "adapter.lora.alpha", alpha);
    must(as_gguf_write(path, &o, t, n_tensors, &err), &err);
    as_gguf_out_clear(&o);
}

static void gguf_of_another_program(void)
{
    static const char *const down[] = {"down_proj"};
    static const size_t layers[] = {0, 1};
    static const as_adapter_pattern ranks[] = {{"layers\\.1\\..*", 5}};
    size_t n, k;
    as_error err = {0};
    as_model *m = tiny("tiny-qwen3", "", AS_F32, &ex);
    as_adapter *a = make(m, (as_adapter_options){.targets = down,
                                                 .n_targets = 1,
                                                 .layers = layers,
                                                 .n_layers = 2,
                                                 .ranks = ranks,
                                                 .n_ranks = 1});
    write_foreign(a, place("f.gguf"), 0.1f, "lora", "qwen3", 4);
    must(as_adapter_from_gguf(m, &ex, place("f.gguf"), place("foreign"), &err), &err);
    as_adapter *b = reopen(m, place("foreign"));
    const as_parameter *p = as_adapter_params(a, &n), *q = as_adapter_params(b, &k);
    CHECK(n == k);
    for (size_t i = 0; i < n; i++)
        for (size_t e = 0; e < p[i].rows * p[i].cols; e++)
            CHECK(q[i].value[e] == as_f32_of_f16(as_f16_of_f32(p[i].value[e])));
    json_t *c = as_json_read(place("foreign/adapter_config.json"), &err);
    check_json(c, "lora_alpha", "0.1");
    check_json(c, "r", "3");
    check_json(c, "rank_pattern", "{\"model\\\\.layers\\\\.1\\\\.mlp\\\\.down_proj\":5}");
    check_json(c, "layers_to_transform", "[0,1]");
    json_decref(c);
    as_adapter_close(b);
    static const struct {
        const char *type, *architecture, *message;
        float alpha;
        size_t n;
    } bad[] = {
        {"dora", "qwen3", "key \"adapter.type\": value (found dora, expected lora)", 1, 4},
        {"lora", "llama", "key \"general.architecture\": value (found llama, expected qwen3)", 1,
         4},
        {"lora", "qwen3", "key \"adapter.lora.alpha\": value (found 0, expected above 0)", 0, 4},
        {"lora", "qwen3", "tensor \"blk.1.ffn_down.weight.lora_b\": missing", 1, 3},
        {"lora", "qwen3", "no tensors", 1, 0},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err = (as_error){0};
        write_foreign(a, place("f.gguf"), bad[i].alpha, bad[i].type, bad[i].architecture, bad[i].n);
        CHECK(!as_adapter_from_gguf(m, &ex, place("f.gguf"), place("none"), &err));
        must_say(&err, AS_EFORMAT, bad[i].message);
        CHECK(!as_file_exists(place("none")));
    }
    as_adapter_close(a);
    as_model_close(m);
}

static void gguf_refuses(void)
{
    static const as_adapter_pattern ranks[] = {{"q_proj", 5}}, alphas[] = {{"q_proj", 5}};
    as_error err = {0};
    as_model *m = tiny("tiny-qwen3", "", AS_F32, &ex);
    as_adapter *a = make(m, (as_adapter_options){.ranks = ranks, .n_ranks = 1});
    must(as_adapter_write_gguf(a, place("ranks.gguf"), &err), &err); /* alpha is one */
    as_adapter_close(a);
    a = make(m, (as_adapter_options){.ranks = ranks, .n_ranks = 1, .is_rslora = true});
    CHECK(!as_adapter_write_gguf(a, place("none.gguf"), &err));
    must_say(&err, AS_EUSAGE,
             "model.layers.0.self_attn.k_proj: scale times rank (found 10.3923, expected 13.4164");
    as_adapter_close(a);
    err = (as_error){0};
    a = make(m, (as_adapter_options){.alphas = alphas, .n_alphas = 1});
    CHECK(!as_adapter_write_gguf(a, place("none.gguf"), &err));
    must_say(&err, AS_EUSAGE, "a GGUF adapter holds one alpha");
    CHECK(!as_file_exists(place("none.gguf")));
    as_adapter_close(a);
    as_model *other = tiny("tiny-llama", "", AS_F32, &ex);
    err = (as_error){0};
    CHECK(!as_adapter_from_gguf(other, &ex, place("ranks.gguf"), place("none"), &err));
    must_say(&err, AS_EFORMAT, "\"general.architecture\": value (found qwen3, expected llama)");
    err = (as_error){0};
    as_model_close(other);
    other = tiny("tiny-llama", ".gguf", AS_F32, &ex);
    CHECK(!as_adapter_merge(other, &ex, "x", place("adapter"), place("none"), AS_F32, &err));
    must_say(&err, AS_EUSAGE, "is a GGUF file");
    as_model_close(other);
    as_model_close(m);
}

int main(void)
{
    as_error err = {0};
    if (!mkdtemp(root) || !as_exec_init(&ex, "auto", 2, &err)) return 1;
    RUN(peft_folder);
    RUN(peft_targets);
    RUN(peft_refuses);
    RUN(gguf_and_back);
    RUN(gguf_orders);
    RUN(gguf_of_another_program);
    RUN(gguf_refuses);
    as_exec_clear(&ex);
    remove_all(root);
    return check_end();
}
