/* Adapters written by peft against its own numbers, and adapters that must be refused. */
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "check.h"
#include "engine/format/safetensors.h"
#include "engine/infer/infer.h"
#include "engine/model/synth.h"

static char folder[] = "/tmp/assay-lora-XXXXXX";
static as_exec ex;
static as_model *model;

/* Last row of logits under one arm. */
typedef struct {
    const uint32_t *ids;
    size_t n;
    bool given;
    float last[512];
} forward;

static bool next(void *context, as_request *q, bool *has, as_error *err)
{
    forward *f = context;
    (void)err;
    *has = !f->given;
    f->given = true;
    *q = (as_request){.ids = f->ids,
                      .n = 1,
                      .reply = f->ids + 1,
                      .n_reply = f->n - 1,
                      .decoding = as_decoding_greedy,
                      .every_logits = true};
    return true;
}

static bool done(void *context, const as_request *q, const as_reply *r, as_error *err)
{
    (void)context, (void)q, (void)r, (void)err;
    return true;
}

static bool keep(void *context, const as_request *q, size_t position, const float *row,
                 as_error *err)
{
    forward *f = context;
    (void)q, (void)err;
    if (position + 1 == f->n) memcpy(f->last, row, sizeof f->last);
    return true;
}

static bool run(forward *f, const char *arm_text, const uint32_t *ids, size_t n)
{
    as_error err = {0};
    *f = (forward){.ids = ids, .n = n};
    as_sink sink = {.context = f, .next = next, .done = done, .logits = keep};
    as_arm *arm = as_arm_open(arm_text, model, &ex, NULL, &err);
    bool ok = arm && as_infer(model, &ex, NULL, &arm, 1, NULL, &sink, NULL, &err);
    if (!ok) printf("%s: %s\n", err.where, err.what);
    as_arm_close(arm);
    return ok;
}

static void matches(const char *name)
{
    as_error err = {0};
    char path[128];
    uint32_t ids[512];
    forward f;
    double worst = 0;
    snprintf(path, sizeof path, "tests/golden/engine/%s.json", name);
    json_t *golden = as_json_read(path, &err);
    const json_t *list = json_object_get(golden, "ids"),
                 *last = json_object_get(golden, "logits_last");
    size_t n = json_array_size(list);
    CHECK(n > 1 && n <= 512);
    for (size_t i = 0; i < n; i++) ids[i] = (uint32_t)json_integer_value(json_array_get(list, i));
    snprintf(path, sizeof path, "lora: tests/golden/engine/%s", name);
    CHECK(run(&f, path, ids, n));
    for (size_t i = 0; i < 512; i++) {
        double d = fabs((double)f.last[i] - json_number_value(json_array_get(last, i)));
        if (!(d <= worst)) worst = d;
    }
    CHECK(worst <= 1e-4);
    if (!(worst <= 1e-4)) printf("  largest difference %g\n", worst);
    json_decref(golden);
}

static void peft_adapter(void)
{
    matches("qwen3_lora");
}

static void peft_patterns_and_rslora(void)
{
    matches("qwen3_lora_pattern");
}

/* ---- made-up adapters ---- */

static const char head[] = "base_model.model.model.layers.1.self_attn.";

/* Writes an adapter of one pair on `map` with this configuration. */
static void write_adapter(const char *config, const char *a_name, size_t a_rows, size_t in,
                          const char *b_name, size_t out, float value)
{
    as_error err = {0};
    char path[128];
    static float a[64 * 256], b[64 * 256];
    for (size_t i = 0; i < 64 * 256; i++) a[i] = 0.01f * (float)(i % 13), b[i] = value;
    as_tensor_source t[2] = {
        {.name = a_name, .dtype = AS_F32, .n_dims = 2, .dim = {a_rows, in}, .data = a},
        {.name = b_name, .dtype = AS_F32, .n_dims = 2, .dim = {out, a_rows}, .data = b}};
    snprintf(path, sizeof path, "%s/adapter_model.safetensors", folder);
    CHECK(as_safetensors_write(path, t, b_name ? 2 : 1, NULL, 0, &err));
    snprintf(path, sizeof path, "%s/adapter_config.json", folder);
    CHECK(as_file_replace(path, config, strlen(config), &err));
}

static void zero_and_strength_zero_are_neutral(void)
{
    static const uint32_t ids[] = {3, 1, 4, 1, 5, 9};
    char a[128], b[128], text[128];
    forward base, arm;
    snprintf(a, sizeof a, "%sv_proj.lora_A.weight", head);
    snprintf(b, sizeof b, "%sv_proj.lora_B.weight", head);
    CHECK(run(&base, "base", ids, 6));
    write_adapter("{\"peft_type\":\"LORA\",\"r\":2,\"lora_alpha\":4}", a, 2, 64, b, 64, 0);
    snprintf(text, sizeof text, "lora: %s", folder);
    CHECK(run(&arm, text, ids, 6) && memcmp(base.last, arm.last, sizeof base.last) == 0);
    write_adapter("{\"peft_type\":\"LORA\",\"r\":2,\"lora_alpha\":4}", a, 2, 64, b, 64, 0.5f);
    CHECK(run(&arm, text, ids, 6) && memcmp(base.last, arm.last, sizeof base.last) != 0);
    snprintf(text, sizeof text, "lora: %s * 0", folder);
    CHECK(run(&arm, text, ids, 6) && memcmp(base.last, arm.last, sizeof base.last) == 0);
}

static void refused(void)
{
#define OK_CONFIG "{\"peft_type\":\"LORA\",\"r\":2}"
    static const struct {
        const char *config, *a, *b;
        size_t rows, in, out;
        const char *message;
    } bad[] = {
        {"{\"r\":2}", "v_proj.lora_A.weight", "v_proj.lora_B.weight", 2, 64, 64,
         "peft_type is missing"},
        {"{\"peft_type\":\"IA3\"}", "v_proj.lora_A.weight", "v_proj.lora_B.weight", 2, 64, 64,
         "peft_type (found IA3, expected \"LORA\")"},
        {"{\"peft_type\":\"LORA\",\"use_dora\":true}", "v_proj.lora_A.weight",
         "v_proj.lora_B.weight", 2, 64, 64, "use_dora is not supported"},
        {"{\"peft_type\":\"LORA\",\"modules_to_save\":[\"lm_head\"]}", "v_proj.lora_A.weight",
         "v_proj.lora_B.weight", 2, 64, 64, "modules_to_save is not supported"},
        {"{\"peft_type\":\"LORA\",\"next_years_variant\":{\"x\":1}}", "v_proj.lora_A.weight",
         "v_proj.lora_B.weight", 2, 64, 64, "next_years_variant is not supported"},
        {"{\"peft_type\":\"LORA\",\"bias\":\"all\"}", "v_proj.lora_A.weight",
         "v_proj.lora_B.weight", 2, 64, 64, "bias (found all, expected \"none\")"},
        {"{\"peft_type\":\"LORA\",\"r\":0}", "v_proj.lora_A.weight", "v_proj.lora_B.weight", 2, 64,
         64, "r (expected a number above 0)"},
        {"{\"peft_type\":\"LORA\",\"r\":2.5}", "v_proj.lora_A.weight", "v_proj.lora_B.weight", 2,
         64, 64, "r (found 2.5, expected a whole number from 1 to 65536)"},
        {"{\"peft_type\":\"LORA\",\"r\":1e300}", "v_proj.lora_A.weight", "v_proj.lora_B.weight", 2,
         64, 64, "r (found 1e+300, expected a whole number from 1 to 65536)"},
        {"{\"peft_type\":\"LORA\",\"r\":2,\"use_rslora\":\"true\"}", "v_proj.lora_A.weight",
         "v_proj.lora_B.weight", 2, 64, 64, "use_rslora (expected true or false)"},
        {"{\"peft_type\":\"LORA\",\"r\":2,\"rank_pattern\":{\"((x{1,255}){1,255}){1,255}\":3}}",
         "v_proj.lora_A.weight", "v_proj.lora_B.weight", 2, 64, 64,
         "pattern \"((x{1,255}){1,255}){1,255}\" is not supported"},
        {"{\"peft_type\":\"LORA\",\"r\":2,\"rank_pattern\":{\"v_proj\":2.5}}",
         "v_proj.lora_A.weight", "v_proj.lora_B.weight", 2, 64, 64,
         "rank_pattern (found 2.5, expected a whole number"},
        {"{\"peft_type\":\"LORA\",\"r\":2,\"init_lora_weights\":\"pissa_niter_16\"}",
         "v_proj.lora_A.weight", "v_proj.lora_B.weight", 2, 64, 64,
         "init_lora_weights pissa_niter_16 also changes the base weights"},
        {"{\"peft_type\":\"LORA\",\"r\":2,\"target_modules\":[\"v_proj\",\"q_proj\"]}",
         "v_proj.lora_A.weight", "v_proj.lora_B.weight", 2, 64, 64,
         "target_modules names q_proj, which no tensor adapts"},
        {OK_CONFIG, "v_proj.lora_A.weight", "v_proj.lora_B.weight", 4, 64, 64,
         "shape (found 4x64, expected 2x64)"},
        {OK_CONFIG, "v_proj.lora_A.weight", "v_proj.lora_B.weight", 2, 64, 128,
         "shape (found 128x2, expected 64x2)"},
        {OK_CONFIG, "v_proj.lora_A.weight", "k_proj.lora_B.weight", 2, 64, 64, "v_proj.lora_B"},
        {OK_CONFIG, "v_proj.lora_embedding_A", "v_proj.lora_B.weight", 2, 64, 64,
         "neither lora_A nor lora_B"},
        {OK_CONFIG, "w_proj.lora_A.weight", "w_proj.lora_B.weight", 2, 64, 64,
         "no such map in this model"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        as_error err = {0};
        char a[128], b[128], text[128], all[2048];
        snprintf(a, sizeof a, "%s%s", head, bad[i].a);
        snprintf(b, sizeof b, "%s%s", head, bad[i].b);
        write_adapter(bad[i].config, a, bad[i].rows, bad[i].in, b, bad[i].out, 1);
        snprintf(text, sizeof text, "lora: %s", folder);
        CHECK(!as_arm_open(text, model, &ex, NULL, &err));
        as_error_text(&err, all, sizeof all);
        CHECK(strstr(all, bad[i].message));
        if (!strstr(all, bad[i].message)) printf("  got: %s\n", all);
    }
}

/* ---- forms of an adapter ---- */

/* The same pair under another name, type or rank: the logits of the arm. */
static bool logits_of(const char *prefix, as_dtype dtype, size_t rank, const char *config,
                      forward *out)
{
    static const uint32_t ids[] = {3, 1, 4, 1, 5, 9};
    static float a[128 * 64], b[128 * 64];
    static uint16_t short_a[128 * 64], short_b[128 * 64];
    as_error err = {0};
    char path[128], a_name[160], b_name[160], text[128];
    for (size_t i = 0; i < rank * 64; i++) { /* exact in bfloat16 */
        a[i] = (float)((i * 5 + 3) % 17) / 16 - 0.5f;
        b[i] = (float)((i * 7 + 1) % 13) / 16 - 0.375f;
        uint32_t bits[2];
        memcpy(&bits[0], &a[i], 4), memcpy(&bits[1], &b[i], 4);
        short_a[i] = (uint16_t)(bits[0] >> 16), short_b[i] = (uint16_t)(bits[1] >> 16);
    }
    snprintf(a_name, sizeof a_name, "%slayers.1.self_attn.v_proj.lora_A.weight", prefix);
    snprintf(b_name, sizeof b_name, "%slayers.1.self_attn.v_proj.lora_B.weight", prefix);
    as_tensor_source t[2] = {{.name = a_name,
                              .dtype = dtype,
                              .n_dims = 2,
                              .dim = {rank, 64},
                              .data = dtype == AS_F32 ? (void *)a : short_a},
                             {.name = b_name,
                              .dtype = dtype,
                              .n_dims = 2,
                              .dim = {64, rank},
                              .data = dtype == AS_F32 ? (void *)b : short_b}};
    snprintf(path, sizeof path, "%s/adapter_model.safetensors", folder);
    CHECK(as_safetensors_write(path, t, 2, NULL, 0, &err));
    snprintf(path, sizeof path, "%s/adapter_config.json", folder);
    CHECK(as_file_replace(path, config, strlen(config), &err));
    snprintf(text, sizeof text, "lora: %s", folder);
    return run(out, text, ids, 6);
}

static void names_and_types_are_forms_of_one(void)
{
    static const char *const prefix[] = {"base_model.model.model.language_model.",
                                         "base_model.model."};
    const char *config = "{\"peft_type\":\"LORA\",\"r\":4}";
    forward truth, f;
    CHECK(logits_of("base_model.model.model.", AS_F32, 4, config, &truth));
    for (size_t i = 0; i < 2; i++) {
        CHECK(logits_of(prefix[i], AS_F32, 4, config, &f));
        CHECK(memcmp(f.last, truth.last, sizeof f.last) == 0);
    }
    CHECK(logits_of("base_model.model.model.", AS_BF16, 4, config, &f));
    CHECK(memcmp(f.last, truth.last, sizeof f.last) == 0);
}

static void ranks_beyond_a_chunk(void)
{
    forward base, f;
    static const uint32_t ids[] = {3, 1, 4, 1, 5, 9};
    CHECK(run(&base, "base", ids, 6));
    CHECK(logits_of("base_model.model.model.", AS_F32, 100, "{\"peft_type\":\"LORA\",\"r\":100}",
                    &f));
    CHECK(memcmp(f.last, base.last, sizeof f.last) != 0);
    for (size_t i = 0; i < 512; i++) CHECK(isfinite(f.last[i]));
}

/* What the arm does depends on alpha as much as on the tensors. */
static void the_record_tells_configurations_apart(void)
{
    char a[128], b[128], text[128], digest[2][65], config[2][65];
    snprintf(a, sizeof a, "%sv_proj.lora_A.weight", head);
    snprintf(b, sizeof b, "%sv_proj.lora_B.weight", head);
    snprintf(text, sizeof text, "lora: %s", folder);
    for (size_t i = 0; i < 2; i++) {
        as_error err = {0};
        write_adapter(i ? "{\"peft_type\":\"LORA\",\"r\":2,\"lora_alpha\":4}"
                        : "{\"peft_type\":\"LORA\",\"r\":2,\"lora_alpha\":8}",
                      a, 2, 64, b, 64, 0.5f);
        as_arm *arm = as_arm_open(text, model, &ex, NULL, &err);
        const json_t *o = arm ? json_array_get(as_arm_record(arm), 0) : NULL;
        const char *d = json_string_value(json_object_get(o, "digest")),
                   *c = json_string_value(json_object_get(o, "config"));
        CHECK(d && c);
        snprintf(digest[i], 65, "%s", d ? d : "");
        snprintf(config[i], 65, "%s", c ? c : "");
        as_arm_close(arm);
    }
    CHECK_TEXT(digest[0], digest[1]);
    CHECK(strcmp(config[0], config[1]) != 0);
}

static void layers_without_the_map(void)
{
    as_error err = {0};
    char path[64], text[128], all[2048];
    as_model *own = model;
    snprintf(path, sizeof path, "%s/gemma", folder);
    CHECK(as_synth_model(path, "tiny-gemma4", 0, AS_F32, NULL, &err));
    model = as_model_open(path, &ex, &(as_model_options){0}, &err);
    CHECK(model);
    write_adapter(
        "{\"peft_type\":\"LORA\",\"r\":2}",
        "base_model.model.model.language_model.layers.6.self_attn.v_proj.lora_A.weight", 2, 64,
        "base_model.model.model.language_model.layers.6.self_attn.v_proj.lora_B.weight", 16, 1);
    snprintf(text, sizeof text, "lora: %s", folder);
    CHECK(!as_arm_open(text, model, &ex, NULL, &err)); /* it reads another layer's values */
    CHECK(strstr(as_error_text(&err, all, sizeof all), "no such map in this model"));
    as_model_close(model);
    model = own;
}

static void nan_is_named(void)
{
    as_error err = {0};
    char a[128], b[128], text[128];
    snprintf(a, sizeof a, "%sv_proj.lora_A.weight", head);
    snprintf(b, sizeof b, "%sv_proj.lora_B.weight", head);
    write_adapter(OK_CONFIG, a, 2, 64, b, 64, NAN);
    snprintf(text, sizeof text, "lora: %s", folder);
    CHECK(!as_arm_open(text, model, &ex, NULL, &err));
    CHECK(err.class_ == AS_ENUMERIC && strstr(err.what, "128 NaN"));
}

int main(void)
{
    as_error err = {0};
    char path[64];
    if (!mkdtemp(folder) || !as_exec_init(&ex, "auto", 2, &err)) return 1;
    snprintf(path, sizeof path, "%s/model", folder);
    if (as_synth_model(path, "tiny-qwen3", 0, AS_F32, NULL, &err))
        model = as_model_open(path, &ex, &(as_model_options){0}, &err);
    if (model) {
        RUN(peft_adapter);
        RUN(peft_patterns_and_rslora);
        RUN(zero_and_strength_zero_are_neutral);
        RUN(refused);
        RUN(names_and_types_are_forms_of_one);
        RUN(ranks_beyond_a_chunk);
        RUN(the_record_tells_configurations_apart);
        RUN(layers_without_the_map);
        RUN(nan_is_named);
    } else {
        printf("%s: %s\n", err.where, err.what);
    }
    as_model_close(model);
    as_exec_clear(&ex);
    return check_end();
}
