/* Opening models: what is laid out, from folders and from GGUF files, and what is refused. */
#include "check.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/format/safetensors.h"
#include "engine/model/model_internal.h"
#include "engine/model/synth.h"

static as_exec ex;
static char root[] = "/tmp/assay-open-XXXXXX";

/* What fails here is the test's own affair: say so and stop. */
static void must(bool ok, const as_error *err)
{
    char text[2048];
    if (ok) return;
    printf("%s: %s\n", check_name, as_error_text(err, text, sizeof text));
    exit(1);
}

/* root/NAME; two at a time. */
static const char *path_of(const char *name)
{
    static char path[2][256];
    static int turn;
    turn = !turn;
    (void)snprintf(path[turn], sizeof path[turn], "%s/%s", root, name);
    return path[turn];
}

static const char *made(const char *like, const char *name, as_dtype dtype)
{
    as_error err = {0};
    must(as_synth_model(path_of(name), like, 0, dtype, NULL, &err), &err);
    return path_of(name);
}

static as_model *open_path(const char *path, as_error *err)
{
    as_model_options options = {0};
    return as_model_open(path, &ex, &options, err);
}

static as_model *opened(const char *like, const char *name, as_dtype dtype)
{
    as_error err = {0};
    as_model *m = open_path(made(like, name, dtype), &err);
    must(m != NULL, &err);
    return m;
}

/* ---- what is laid out ---- */

static const float *row_of(const as_weight *w, size_t o)
{
    static float x[4096];
    as_weight_row(&ex, w, o, x);
    return x;
}

/* Values of the generator, computed elsewhere. */
static void known_values(void)
{
    as_model *m = opened("tiny-llama", "known", AS_F32);
    const float *e = row_of(&m->embed, 0);
    CHECK(e[0] == -0.0643547773f && e[1] == -0.0899909139f && e[2] == 0.00664260983f);
    CHECK(e[3] == -0.125779003f);
    const float *q = row_of(&m->layer[0].proj[AS_Q_PROJ], 0);
    CHECK(q[0] == -0.0201746672f && q[1] == -0.108264759f && q[2] == 0.0891468674f);
    as_model_close(m);
    m = opened("tiny-qwen35", "known", AS_F32);
    CHECK(m->layer[0].decay[0] == (float)-exp((double)1.80354106f));
    CHECK(m->layer[0].decay[2] == (float)-exp((double)-0.586456299f));
    as_model_close(m);
}

static void what_a_model_says(void)
{
    as_model *m = opened("tiny-llama", "says", AS_BF16);
    size_t weights = 4 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 128 * 64) + 512 * 64;
    CHECK_TEXT(as_model_config(m)->family, "llama");
    CHECK_TEXT(as_model_dtype(m), "BF16");
    CHECK(strlen(as_model_digest(m)) == 64);
    CHECK(as_model_flops(m) == 2 * weights && as_model_step_bytes(m) == 2 * weights);
    CHECK(as_model_bytes(m) == 2 * weights && as_model_tensors(m) != NULL);
    CHECK(m->head.panels == NULL && m->layer[0].norm_q == NULL && m->layer[0].scalar == 1);
    as_model_close(m);
    as_error err = {0};
    as_model_options options = {.no_digest = true};
    m = as_model_open(path_of("says"), &ex, &options, &err);
    must(m != NULL, &err);
    CHECK_TEXT(as_model_digest(m), "");
    as_model_close(m);
}

static void gemma_parts(void)
{
    as_model *m = opened("tiny-gemma4", "gemma", AS_F32);
    const as_layer *l = &m->layer[7];
    CHECK(m->ple_table.dim[0] == 512 && m->ple_table.dim[1] == 64 && m->ple_model.out == 64);
    CHECK(m->norm_ple && l->norm_ple && l->norm_attn_out && l->norm_mlp_out && l->norm_q);
    CHECK(!l->norm_k && !l->proj[AS_K_PROJ].panels && m->layer[3].norm_k);
    CHECK(l->scalar >= 0.5f && l->scalar < 1 && l->proj[AS_GATE_PROJ].out == 192);
    as_model_close(m);
}

/* ---- the same model from a folder and from GGUF ---- */

static void same_floats(const float *a, const float *b, size_t n, float add)
{
    CHECK((a == NULL) == (b == NULL));
    for (size_t i = 0; a && b && i < n; i++) CHECK(a[i] + add == b[i]);
}

/* Four value heads of two key heads stand in the file as 0, 2, 1, 3: swaps the middle two. */
static void swap_heads(float *x, size_t n)
{
    for (size_t i = n / 4; i < n / 2; i++) {
        float t = x[i];
        x[i] = x[i + n / 4];
        x[i + n / 4] = t;
    }
}

/* Rows of a folder's weight, rounded as the GGUF file's type rounds them where they stand. */
static void same_weight(const as_weight *a, const as_weight *b, as_dtype dtype, bool is_tiled)
{
    float x[512], blocks[512];
    CHECK(a->out == b->out && a->in == b->in);
    if (a->in % as_dtype_block(dtype) != 0) dtype = AS_F32;
    for (size_t o = 0; o < a->out; o++) {
        as_weight_row(&ex, a, o, x);
        if (is_tiled) swap_heads(x, a->in);
        if (dtype != AS_F32)
            CHECK(as_quantise(dtype, blocks, x, a->in) &&
                  as_dequantise(dtype, NULL, x, blocks, 0, a->in));
        if (is_tiled) swap_heads(x, a->in);
        if (memcmp(x, row_of(b, o), a->in * sizeof *x) == 0) continue;
        printf("row %zu of %zux%zu in %s\n", o, a->out, a->in, as_dtype_name(dtype));
        CHECK(false);
        return;
    }
}

static void same_models(const char *like, as_dtype dtype)
{
    as_model *a = opened(like, like, AS_F32), *b = opened(like, "same.gguf", dtype);
    const as_config *c = a->config;
    float add = c->norm_offset;
    CHECK(b->config->norm_offset == 0 && b->config->eps == c->eps);
    CHECK(b->config->n_stop == c->n_stop && b->config->stop[0] == c->stop[0]);
    for (size_t r = 0; r < c->n_ropes; r++)
        same_floats(c->rope[r].inv_freq, b->config->rope[r].inv_freq, c->rope[r].half, 0);
    same_weight(&a->embed, &b->embed, dtype, false);
    same_floats(a->norm_final, b->norm_final, c->dim, add);
    for (size_t l = 0; l < c->n_layers; l++) {
        const as_layer *x = &a->layer[l], *y = &b->layer[l];
        const as_layer_shape *s = &c->layer[l];
        CHECK(memcmp(s, &b->config->layer[l], sizeof *s) == 0 && x->scalar == y->scalar);
        same_floats(x->norm_in, y->norm_in, c->dim, add);
        same_floats(x->norm_attn_out, y->norm_attn_out, c->dim, add);
        same_floats(x->norm_mlp_in, y->norm_mlp_in, c->dim, add);
        same_floats(x->norm_q, y->norm_q, s->head_dim, add);
        same_floats(x->norm_delta, y->norm_delta, s->head_dim, 0);
        same_floats(x->decay, y->decay, s->heads, 0);
        same_floats(x->dt_bias, y->dt_bias, s->heads, 0);
        same_floats(x->conv, y->conv,
                    (2 * s->key_heads * s->key_dim + s->heads * s->head_dim) * s->kernel, 0);
        for (size_t p = 0; p < AS_N_PROJ; p++)
            same_weight(&x->proj[p], &y->proj[p], dtype, p == AS_OUT_PROJ);
    }
    as_model_close(a);
    as_model_close(b);
}

static const char *const gguf_rows[] = {"tiny-llama", "tiny-qwen3", "tiny-qwen35-even",
                                        "tiny-qwen35-wide", "tiny-gemma4"};
enum { N_GGUF = sizeof gguf_rows / sizeof gguf_rows[0] };

static void gguf_is_the_same(void)
{
    for (size_t i = 0; i < N_GGUF; i++) same_models(gguf_rows[i], AS_F32);
}

static void gguf_quantised(void)
{
    for (size_t i = 0; i < N_GGUF; i++) {
        same_models(gguf_rows[i], AS_Q8_0);
        same_models(gguf_rows[i], AS_Q4_0);
    }
}

/* Where rows stand in the file, by formulas of this test's own: row h d + s d/2 + i of llama's q at
 * h d + 2 i + s; value head i 2 + j of qwen35 at j 2 + i. */
static void gguf_places(void)
{
    as_model *m = opened("tiny-llama", "same.gguf", AS_F32);
    const as_tensor *t = as_tensors_find(as_model_tensors(m), "blk.3.attn_q.weight");
    const float *x = t->data;
    for (size_t r = 0; r < 64; r++) {
        size_t h = r / 16, half = r % 16 / 8, i = r % 8;
        CHECK(memcmp(row_of(&m->layer[3].proj[AS_Q_PROJ], r), x + (h * 16 + 2 * i + half) * 64,
                     64 * sizeof *x) == 0);
    }
    as_model_close(m);
    m = opened("tiny-qwen35-even", "same.gguf", AS_F32);
    t = as_tensors_find(as_model_tensors(m), "blk.1.ssm_beta.weight");
    x = t->data;
    for (size_t h = 0; h < 4; h++)
        CHECK(memcmp(row_of(&m->layer[1].proj[AS_IN_B], h), x + (h % 2 * 2 + h / 2) * 64,
                     64 * sizeof *x) == 0);
    as_model_close(m);
}

/* ---- changed checkpoints ---- */

/* A folder's tensors, to be changed and written to another. */
typedef struct {
    as_tensors *file;
    as_tensor_source t[256];
    size_t n;
} changed;

static void change_open(changed *c, const char *like)
{
    as_error err = {0};
    c->file = as_tensors_open(made(like, "base", AS_F32), &err);
    must(c->file != NULL, &err);
    c->n = as_tensors_count(c->file);
    for (size_t i = 0; i < c->n; i++) {
        const as_tensor *t = as_tensors_at(c->file, i);
        c->t[i] = (as_tensor_source){
            .name = t->name, .dtype = t->dtype, .n_dims = t->n_dims, .data = t->data};
        memcpy(c->t[i].dim, t->dim, sizeof t->dim);
    }
}

static as_tensor_source *named(changed *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->t[i].name, name) == 0) return &c->t[i];
    printf("no tensor %s\n", name);
    exit(1);
}

/* One more tensor, of zeros. */
static void add(changed *c, const char *name, size_t rows, size_t cols)
{
    static const float zeros[1 << 16];
    c->t[c->n++] = (as_tensor_source){
        .name = name, .dtype = AS_F32, .n_dims = 2, .dim = {rows, cols}, .data = zeros};
}

/* Writes it beside base's config.json, opens it with these options, and closes all. */
static bool change_opens(changed *c, const as_model_options *options, as_error *err)
{
    as_error own = {0};
    as_buf text = {0};
    must(as_dir_make(path_of("new"), &own), &own);
    must(as_safetensors_write(path_of("new/model.safetensors"), c->t, c->n, NULL, 0, &own), &own);
    must(as_file_read(path_of("base/config.json"), 1 << 20, &text, &own), &own);
    must(as_file_replace(path_of("new/config.json"), text.data, text.size, &own), &own);
    as_buf_clear(&text);
    as_tensors_close(c->file);
    as_model *m = as_model_open(path_of("new"), &ex, options, err);
    as_model_close(m);
    return m != NULL;
}

/* The message less the folder it begins with. */
static void refused_as(changed *c, as_class class_, const char *expected)
{
    as_error err = {0};
    as_model_options options = {0};
    char text[2048];
    CHECK(!change_opens(c, &options, &err));
    CHECK(err.class_ == class_);
    as_error_text(&err, text, sizeof text);
    CHECK(strncmp(text, root, strlen(root)) == 0);
    const char *tail = strlen(text) > strlen(root) ? text + strlen(root) : text;
    CHECK_TEXT(tail, expected);
}

static void refuses_tensors(void)
{
    static changed c;
    change_open(&c, "tiny-llama");
    *named(&c, "model.layers.2.mlp.up_proj.weight") = c.t[c.n - 1];
    c.n--;
    refused_as(&c, AS_EFORMAT,
               "/new/model.safetensors: tensor \"model.layers.2.mlp.up_proj.weight\": missing "
               "(found none; the nearest is \"model.layers.0.mlp.up_proj.weight\")");

    change_open(&c, "tiny-llama");
    named(&c, "model.layers.1.self_attn.o_proj.weight")->dim[0] = 32;
    named(&c, "model.layers.1.self_attn.o_proj.weight")->dim[1] = 128;
    refused_as(&c, AS_EFORMAT,
               "/new/model.safetensors: tensor \"model.layers.1.self_attn.o_proj.weight\": shape "
               "(found 32x128, expected 64x64)");

    change_open(&c, "tiny-llama");
    named(&c, "model.norm.weight")->dtype = AS_U8;
    refused_as(&c, AS_EFORMAT,
               "/new/model.safetensors: tensor \"model.norm.weight\": dtype (found U8, expected "
               "F32, F16 or BF16)");

    change_open(&c, "tiny-llama");
    add(&c, "model.layers.0.self_attn.q_proj.bias", 1, 64);
    refused_as(&c, AS_EFORMAT,
               "/new/model.safetensors: tensor \"model.layers.0.self_attn.q_proj.bias\": unknown "
               "(found it, expected the tensors of a llama model only)");

    change_open(&c, "tiny-llama");
    named(&c, "model.embed_tokens.weight")->dim[0] = 500;
    refused_as(&c, AS_EFORMAT,
               "/new/model.safetensors: tensor \"model.embed_tokens.weight\": shape (found 500x64, "
               "expected 512x64)");

    change_open(&c, "tiny-qwen35");
    add(&c, "model.embed_tokens.weight", 512, 64);
    refused_as(&c, AS_EFORMAT,
               "/new/model.safetensors: tensor \"embed_tokens.weight\": twice (found it under "
               "\"model.\" and \"model.language_model.\", expected one of them)");

    change_open(&c, "tiny-llama");
    add(&c, "model.layers.4.input_layernorm.weight", 1, 64);
    refused_as(&c, AS_EFORMAT,
               "/new/model.safetensors: tensor \"model.layers.4.input_layernorm.weight\": unknown "
               "(found it, expected the tensors of a llama model only)");
}

static void refuses_values(void)
{
    static changed c;
    static float x[8192];
    as_error err = {0};
    as_model_options options = {.no_scan = true};
    const char *name = "model.layers.3.mlp.down_proj.weight";
    change_open(&c, "tiny-llama");
    memcpy(x, named(&c, name)->data, sizeof x);
    named(&c, name)->data = x;
    x[17] = (float)NAN;
    x[4000] = (float)INFINITY;
    refused_as(&c, AS_ENUMERIC,
               "/new/model.safetensors: tensor \"model.layers.3.mlp.down_proj.weight\": values "
               "(found 1 NaN and 1 Inf, the first at element 17, expected none)");
    change_open(&c, "tiny-llama");
    named(&c, name)->data = x;
    CHECK(change_opens(&c, &options, &err));

    static const float decay[4] = {0, 0, 100, 0};
    change_open(&c, "tiny-qwen35");
    named(&c, "model.language_model.layers.1.linear_attn.A_log")->data = decay;
    refused_as(
        &c, AS_ENUMERIC,
        "/new/model.safetensors: tensor \"model.language_model.layers.1.linear_attn.A_log\": "
        "decay of head 2 (found -inf, expected finite, at most 0)");
}

/* Tensors that text does not need. */
static void ignores(void)
{
    static changed c;
    as_error err = {0};
    as_model_options options = {0};
    change_open(&c, "tiny-llama");
    add(&c, "lm_head.weight", 512, 64);
    add(&c, "model.layers.0.self_attn.rotary_emb.inv_freq", 1, 8);
    CHECK(change_opens(&c, &options, &err));
    change_open(&c, "tiny-qwen35");
    add(&c, "model.visual.patch_embed.proj.weight", 8, 8);
    add(&c, "visual.pos_embed.weight", 8, 8);
    add(&c, "mtp.fc.weight", 8, 8);
    add(&c, "model.mtp.norm.weight", 1, 8);
    CHECK(change_opens(&c, &options, &err));
    change_open(&c, "tiny-gemma4");
    add(&c, "model.vision_tower.x", 8, 8);
    add(&c, "model.audio_tower.x", 8, 8);
    add(&c, "model.embed_vision.x", 8, 8);
    add(&c, "model.embed_audio.x", 8, 8);
    add(&c, "model.language_model.layers.7.self_attn.k_proj.weight", 32, 64);
    add(&c, "model.language_model.layers.4.self_attn.v_proj.weight", 16, 64);
    add(&c, "model.language_model.layers.5.self_attn.k_norm.weight", 1, 16);
    CHECK(change_opens(&c, &options, &err));
    if (err.class_ != AS_OK) printf("%s: %s\n", err.where, err.what);
    change_open(&c, "tiny-gemma4");
    add(&c, "model.language_model.layers.4.self_attn.k_proj.bias", 1, 16);
    refused_as(&c, AS_EFORMAT,
               "/new/model.safetensors: tensor "
               "\"model.language_model.layers.4.self_attn.k_proj.bias\": unknown (found it, "
               "expected the tensors of a gemma4 model only)");
}

/* ---- other files ---- */

/* Replaces a piece of text in a file of root. */
static void replace(const char *name, const char *from, const char *to)
{
    as_error err = {0};
    as_buf text = {0}, out = {0};
    must(as_file_read(path_of(name), 1 << 20, &text, &err), &err);
    const char *at = strstr(as_buf_text(&text), from);
    if (!at) {
        printf("%s: no %s\n", name, from);
        exit(1);
    }
    as_buf_add(&out, text.data, (size_t)(at - text.data));
    as_buf_puts(&out, to);
    as_buf_puts(&out, at + strlen(from));
    must(as_buf_ok(&out, &err) && as_file_replace(path_of(name), out.data, out.size, &err), &err);
    as_buf_clear(&text);
    as_buf_clear(&out);
}

static void path_refused(const char *name, as_class class_, const char *expected)
{
    as_error err = {0};
    char text[2048];
    as_model *m = open_path(path_of(name), &err);
    CHECK(m == NULL && err.class_ == class_);
    as_model_close(m);
    as_error_text(&err, text, sizeof text);
    if (strstr(text, expected)) return;
    CHECK_TEXT(text, expected);
}

static void refuses_files(void)
{
    path_refused("nothing", AS_EIO, "nothing: cannot open");
    (void)made("tiny-llama", "files", AS_F32);
    path_refused("files/model.safetensors", AS_EFORMAT,
                 "files/model.safetensors: no model by itself (found a file without configuration, "
                 "expected a folder with config.json, or a GGUF file)");
    replace("files/config.json", "\"llama\"", "\"mamba\"");
    path_refused("files", AS_EFORMAT, "files/config.json: model_type: value (found \"mamba\"");
    replace("files/config.json", "\"mamba\"", "\"llama\"");
    replace("files/config.json", "\"vocab_size\": 512", "\"vocab_size\": 600");
    path_refused("files", AS_EFORMAT,
                 "tensor \"model.embed_tokens.weight\": shape (found 512x64, expected 600x64)");
    replace("files/config.json", "\"vocab_size\": 600", "\"vocab_size\": 512");
    replace("files/config.json", "\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false");
    path_refused("files", AS_EFORMAT, "tensor \"lm_head.weight\": missing");
    replace("files/config.json", "\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true");
    replace("files/generation_config.json", "{", "[");
    path_refused("files", AS_EFORMAT, "files/generation_config.json");
    CHECK(unlink(path_of("files/generation_config.json")) == 0);
    as_error err = {0};
    as_model *m = open_path(path_of("files"), &err);
    CHECK(m != NULL); /* that file may lack */
    as_model_close(m);
    CHECK(symlink("elsewhere", path_of("files/generation_config.json")) == 0);
    path_refused("files", AS_EIO, "files/generation_config.json: cannot open"); /* but is there */
    CHECK(unlink(path_of("files/generation_config.json")) == 0);
    CHECK(truncate(path_of("files/model.safetensors"), 100000) == 0);
    path_refused("files", AS_EFORMAT, "files/model.safetensors");
    CHECK(unlink(path_of("files/config.json")) == 0);
    path_refused("files", AS_EIO, "files/config.json: cannot open");
}

static void nf4_needs_its_key(void)
{
    as_error err = {0};
    as_buf text = {0};
    must(as_dir_make(path_of("nf4"), &err), &err);
    must(as_file_read("tests/golden/engine/llama_nf4/model.safetensors", 1 << 26, &text, &err),
         &err);
    must(as_file_replace(path_of("nf4/model.safetensors"), text.data, text.size, &err), &err);
    as_buf_clear(&text);
    must(as_file_read("tests/golden/engine/llama_nf4/config.json", 1 << 20, &text, &err), &err);
    must(as_file_replace(path_of("nf4/config.json"), text.data, text.size, &err), &err);
    as_buf_clear(&text);
    as_model *m = open_path(path_of("nf4"), &err);
    must(m != NULL, &err);
    CHECK_TEXT(as_model_dtype(m), "NF4");
    CHECK(as_model_config(m)->is_nf4);
    as_model_close(m);
    replace("nf4/config.json", "\"quantization_config\"", "\"no_quantization\"");
    path_refused("nf4", AS_EFORMAT,
                 "dtype (found NF4, expected F32, F16 or BF16: config.json has no "
                 "quantization_config)");

    (void)made("tiny-llama", "nf4", AS_F32);
    replace("nf4/config.json", "{",
            "{\"quantization_config\": {\"quant_method\": \"bitsandbytes\", "
            "\"load_in_4bit\": true, \"bnb_4bit_quant_type\": \"nf4\"},");
    path_refused("nf4", AS_EFORMAT,
                 "nf4/model.safetensors: weights (found none packed as NF4, expected them: "
                 "config.json has a quantization_config)");
}

static void makes_models(void)
{
    as_error err = {0};
    char text[2048];
    as_key one, two;
    CHECK(!as_synth_model(path_of("x"), "gpt-5", 0, AS_F32, NULL, &err));
    CHECK(err.class_ == AS_EUSAGE && strstr(err.what, "tiny-llama, tiny-qwen3, tiny-qwen35"));
    err = (as_error){0};
    CHECK(!as_synth_model(path_of("x"), "tiny-llama", 0, AS_Q8_0, NULL, &err));
    CHECK_TEXT(as_error_text(&err, text, sizeof text),
               "dtype (found Q8_0, expected F32, F16 or BF16; others in a file NAME.gguf)");
    err = (as_error){0};
    CHECK(!as_synth_model(path_of("x.gguf"), "tiny-llama", 0, AS_Q6_K, NULL, &err));
    CHECK(err.class_ == AS_EUSAGE);
    err = (as_error){0};
    CHECK(!as_synth_model(path_of("x.gguf"), "tiny-qwen35", 0, AS_F32, NULL, &err));
    CHECK(err.class_ == AS_EUSAGE && strstr(err.what, "layer kinds"));
    err = (as_error){0};
    as_model *m = opened("tiny-qwen3", "seeded", AS_F16);
    memcpy(one, as_model_digest(m), sizeof one);
    as_model_close(m);
    must(as_synth_model(path_of("seeded"), "tiny-qwen3", 7, AS_F16, NULL, &err), &err);
    m = open_path(path_of("seeded"), &err);
    must(m != NULL, &err);
    memcpy(two, as_model_digest(m), sizeof two);
    CHECK(strcmp(one, two) != 0);
    CHECK_TEXT(as_model_dtype(m), "F16");
    as_model_close(m);
}

/* Removes what the tests wrote: a folder deep. */
static void clean(void)
{
    static const char *const folders[] = {"known",
                                          "says",
                                          "gemma",
                                          "base",
                                          "new",
                                          "files",
                                          "nf4",
                                          "seeded",
                                          "tiny-llama",
                                          "tiny-qwen3",
                                          "tiny-qwen35-even",
                                          "tiny-qwen35-wide",
                                          "tiny-gemma4"};
    static const char *const files[] = {"config.json", "generation_config.json",
                                        "model.safetensors"};
    char path[512];
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        for (size_t j = 0; j < 3; j++) {
            (void)snprintf(path, sizeof path, "%s/%s/%s", root, folders[i], files[j]);
            (void)unlink(path);
        }
        (void)rmdir(path_of(folders[i]));
    }
    (void)unlink(path_of("same.gguf"));
    CHECK(rmdir(root) == 0);
}

int main(void)
{
    as_error err = {0};
    if (!mkdtemp(root) || !as_exec_init(&ex, "auto", 2, &err)) return 1;
    RUN(known_values);
    RUN(what_a_model_says);
    RUN(gemma_parts);
    RUN(gguf_is_the_same);
    RUN(gguf_quantised);
    RUN(gguf_places);
    RUN(refuses_tensors);
    RUN(refuses_values);
    RUN(ignores);
    RUN(refuses_files);
    RUN(nf4_needs_its_key);
    RUN(makes_models);
    RUN(clean);
    as_exec_clear(&ex);
    return check_end();
}
