/* Making adapters: what is adapted, what is refused, what the factors begin as, and the figures
 * that say what an adapter is. */
#include "adapter_case.h"

static as_exec ex;
static as_model *model; /* tiny-qwen3 */

static as_adapter *make(const as_model *m, as_adapter_options o)
{
    as_error err = {0};
    if (!o.rank) o.rank = 4;
    if (o.alpha == 0) o.alpha = 8;
    as_adapter *a = as_adapter_new(m, &ex, &o, &err);
    must(a != NULL, &err);
    return a;
}

static bool same(const float *a, const float *b, size_t n)
{
    return memcmp(a, b, n * sizeof(float)) == 0;
}

/* ---- what is adapted ---- */

static size_t count(const char *family, as_adapter_options o)
{
    size_t n;
    as_model *m = tiny(family, "", AS_F32, &ex);
    as_adapter *a = make(m, o);
    (void)as_adapter_params(a, &n);
    CHECK(as_adapter_hooks(a)->n == n / 2);
    as_adapter_close(a);
    as_model_close(m);
    return n / 2;
}

static void targets(void)
{
    static const char *const names[] = {"self_attn.q_proj", "mlp.up_proj"};
    static const char *const fewer[] = {"gate_proj", "self_attn.k_proj"};
    static const size_t layers[] = {3, 1};
    const as_adapter_options every = {.target = "all-linear"}, attention = {.target = "attention"};
    CHECK(count("tiny-qwen3", every) == 4 * 7);
    CHECK(count("tiny-qwen3", attention) == 4 * 4);
    CHECK(count("tiny-qwen3",
                (as_adapter_options){
                    .targets = names, .n_targets = 2, .layers = layers, .n_layers = 2}) == 4);
    CHECK(count("tiny-qwen3",
                (as_adapter_options){.target = "all-linear", .exclude = fewer, .n_exclude = 2}) ==
          4 * 5);
    CHECK(count("tiny-qwen3", (as_adapter_options){
                                  .target = "model\\.layers\\.[02]\\..*(q_proj|down_proj)"}) == 4);
    /* three delta layers (5 maps) to one of attention; per-layer maps and borrowed keys */
    as_model *m = tiny("tiny-qwen35", "", AS_F32, &ex);
    size_t want = 0, out, in;
    const as_config *c = as_model_config(m);
    for (size_t l = 0; l < c->n_layers; l++)
        for (as_proj p = 0; p < AS_N_PROJ; p++) want += as_proj_shape(c, l, p, &out, &in);
    CHECK(count("tiny-qwen35", every) == want);
    as_model_close(m);
    m = tiny("tiny-gemma4", "", AS_F32, &ex);
    c = as_model_config(m);
    want = 0;
    for (size_t l = 0; l < c->n_layers; l++) want += c->layer[l].kv_layer == l ? 9 : 7;
    CHECK(count("tiny-gemma4", every) == want && want < 9 * c->n_layers);
    as_model_close(m);
}

static void names_and_order(void)
{
    size_t n;
    as_adapter *a = make(model, (as_adapter_options){.target = "attention"});
    const as_parameter *p = as_adapter_params(a, &n);
    CHECK_TEXT(p[0].name, "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight");
    CHECK_TEXT(p[1].name, "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight");
    CHECK_TEXT(p[n - 1].name, "base_model.model.model.layers.3.self_attn.o_proj.lora_B.weight");
    CHECK(p[0].rows == 4 && p[0].cols == 64 && p[1].cols == 4 && p[0].decays);
    as_adapter_close(a);
    as_model *m = tiny("tiny-gemma4", "", AS_F32, &ex);
    a = make(m, (as_adapter_options){.target = "all-linear"});
    p = as_adapter_params(a, &n);
    CHECK_TEXT(p[0].name,
               "base_model.model.model.language_model.layers.0.self_attn.q_proj.lora_A.weight");
    as_adapter_close(a);
    as_model_close(m);
}

static void patterns(void)
{
    static const as_adapter_pattern ranks[] = {{"layers\\.1\\..*", 6}, {"q_proj", 2}};
    static const as_adapter_pattern alphas[] = {{"(q|k)_proj", 3}};
    as_error err = {0};
    as_adapter_options o = {.rank = 4,
                            .alpha = 8,
                            .target = "attention",
                            .ranks = ranks,
                            .n_ranks = 2,
                            .alphas = alphas,
                            .n_alphas = 1};
    as_adapter *a = as_adapter_new(model, &ex, &o, &err);
    must(a != NULL, &err);
    json_t *report = as_adapter_report(a, false, &err);
    const json_t *maps = json_object_get(report, "maps");
    static const double expected[][3] = {
        {2, 3, 1.5}, {4, 3, 0.75}, {4, 8, 2}, {4, 8, 2}, {6, 3, 0.5}};
    for (size_t i = 0; i < 5; i++) {
        const json_t *m = json_array_get(maps, i);
        CHECK(json_number_value(json_object_get(m, "rank")) == expected[i][0]);
        CHECK(json_number_value(json_object_get(m, "alpha")) == expected[i][1]);
        CHECK(json_number_value(json_object_get(m, "scale")) == expected[i][2]);
    }
    CHECK(json_integer_value(json_object_get(report, "n_maps")) == 16);
    json_decref(report);
    as_adapter_close(a);
}

/* ---- refused ---- */

static void refused(void)
{
    static const char *const unknown[] = {"q_proj", "w_proj"}, *const delta[] = {"in_proj_z"};
    static const char *const all[] = {"q_proj", "k_proj", "v_proj", "o_proj"};
    static const char *const part[] = {"proj"}, *const inner[] = {"self_attn"};
    static const size_t none[] = {1, 4}, first[] = {0};
    static const as_adapter_pattern half[] = {{"q_proj", 2.5}}, lost[] = {{"up_proj", 2}},
                                    crossed[] = {{"self_attn.*", 2}, {"q_proj", 3}},
                                    braces[] = {{"q{2}", 2}};
#define BASE .rank = 4, .alpha = 8
    const struct {
        as_adapter_options o;
        const char *message;
    } bad[] = {
        {{.rank = 0, .alpha = 8, .target = "attention"}, "rank (found 0"},
        {{.rank = 65537, .alpha = 8, .target = "attention"}, "rank (found 65537"},
        {{.rank = 4, .alpha = 0, .target = "attention"}, "alpha (found 0"},
        {{BASE, .target = "attention", .dropout = 1}, "dropout (found 1"},
        {{BASE, .target = "attention", .dropout = NAN}, "dropout (found nan"},
        {{BASE, .targets = unknown, .n_targets = 2},
         "target (found \"w_proj\", which meets nothing; there are self_attn.q_proj, "
         "self_attn.k_proj, self_attn.v_proj, self_attn.o_proj, mlp.gate_proj, mlp.up_proj, "
         "mlp.down_proj)"},
        {{BASE, .targets = part, .n_targets = 1}, "target (found \"proj\""},
        {{BASE, .targets = inner, .n_targets = 1}, "target (found \"self_attn\""},
        {{BASE, .targets = delta, .n_targets = 1}, "target (found \"in_proj_z\""},
        {{BASE, .target = "q_proj"}, "targets (found \"q_proj\", which meets nothing"},
        {{BASE, .target = "(a"}, "pattern \"(a\" is not supported"},
        {{BASE, .target = "layers\\d"}, "pattern \"layers\\d\" is not supported"},
        {{BASE, .target = "attention", .exclude = unknown, .n_exclude = 2},
         "exclude (found \"w_proj\""},
        {{BASE, .target = "attention", .exclude = all, .n_exclude = 4}, "targets (found"},
        {{BASE, .target = "attention", .layers = none, .n_layers = 2},
         "layer (found 4, expected 0 to 3)"},
        {{BASE, .target = "attention", .layers = first, .n_layers = 0}, "targets (found"},
        {{BASE, .target = "attention", .ranks = half, .n_ranks = 1}, "rank (found 2.5"},
        {{BASE, .target = "attention", .ranks = lost, .n_ranks = 1},
         "rank pattern (found \"up_proj\""},
        {{BASE, .target = "attention", .alphas = lost, .n_alphas = 1},
         "alpha pattern (found \"up_proj\""},
        {{BASE, .target = "attention", .ranks = crossed, .n_ranks = 2},
         "both name model.layers.0.self_attn.q_proj"},
        {{BASE, .target = "attention", .ranks = braces, .n_ranks = 1}, "is not supported"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        as_error err = {0};
        CHECK(!as_adapter_new(model, &ex, &bad[i].o, &err));
        must_say(&err, AS_EUSAGE, bad[i].message);
    }
}

/* ---- first values ---- */

static void first_values(void)
{
    size_t n;
    const as_adapter_options o = {.rank = 16, .target = "attention", .seed = 3};
    as_adapter *a = make(model, o), *b = make(model, o);
    const as_parameter *p = as_adapter_params(a, &n), *q = as_adapter_params(b, &n);
    double sum = 0, square = 0;
    for (size_t i = 0; i < n; i++) {
        CHECK(same(p[i].value, q[i].value, p[i].rows * p[i].cols));
        for (size_t k = 0; k < p[i].rows * p[i].cols; k++) {
            if (i % 2) CHECK(p[i].value[k] == 0);
            CHECK(fabs((double)p[i].value[k]) <= 1 / sqrt((double)p[i].cols));
        }
    }
    for (size_t k = 0; k < 1023; k++) CHECK(p[0].value[k] != p[0].value[k + 1]);
    for (size_t k = 0; k < 1024; k++) {
        double u = (double)p[0].value[k] * 8;
        sum += u, square += u * u;
    }
    CHECK(fabs(sum / 1024) < 0.08 && fabs(square / 1024 - 1.0 / 3) < 0.04);
    CHECK(!same(p[0].value, p[2].value, 64) && !same(p[0].value, p[0].value + 64, 64));
    as_adapter_close(b);
    /* one value alone, whatever else is adapted; another seed, another value */
    static const char *const o_proj[] = {"o_proj"};
    b = make(model, (as_adapter_options){.rank = 16, .targets = o_proj, .n_targets = 1, .seed = 3});
    q = as_adapter_params(b, &n);
    CHECK(same(q[0].value, p[6].value, 16 * q[0].cols));
    as_adapter_close(b);
    b = make(model, (as_adapter_options){.rank = 16, .target = "attention", .seed = 4});
    CHECK(!same(as_adapter_params(b, &n)[0].value, p[0].value, 16));
    as_adapter_close(b);
    as_adapter_close(a);
}

static void first_values_gaussian_and_random(void)
{
    size_t n;
    as_adapter *a = make(
        model, (as_adapter_options){.rank = 16, .target = "attention", .init = AS_INIT_GAUSSIAN});
    const as_parameter *p = as_adapter_params(a, &n);
    double square = 0;
    for (size_t k = 0; k < 1024; k++) square += (double)p[0].value[k] * (double)p[0].value[k];
    CHECK_NEAR(sqrt(square / 1024) * 16, 1, 0.08);
    for (size_t k = 0; k < 64; k++) CHECK(p[1].value[k] == 0);
    as_adapter_close(a);
    a = make(model,
             (as_adapter_options){.rank = 16, .target = "attention", .init = AS_INIT_RANDOM});
    p = as_adapter_params(a, &n);
    for (size_t k = 0; k < 1024; k++) CHECK(p[1].value[k] != 0 && fabsf(p[1].value[k]) <= 0.25f);
    as_adapter_close(a);
}

/* ---- figures ---- */

static void report(void)
{
    size_t n;
    as_error err = {0};
    static const char *const only_v[] = {"v_proj"};
    static const size_t layer[] = {1};
    as_adapter *a = make(model, (as_adapter_options){.rank = 5,
                                                     .alpha = 10,
                                                     .targets = only_v,
                                                     .n_targets = 1,
                                                     .layers = layer,
                                                     .n_layers = 1,
                                                     .init = AS_INIT_RANDOM});
    const as_parameter *p = as_adapter_params(a, &n);
    double square = 0;
    for (size_t o = 0; o < p[1].rows; o++)
        for (size_t k = 0; k < p[0].cols; k++) {
            double w = 0;
            for (size_t j = 0; j < 5; j++)
                w += (double)p[1].value[o * 5 + j] * (double)p[0].value[j * p[0].cols + k];
            square += w * w;
        }
    json_t *r = as_adapter_report(a, true, &err);
    must(r != NULL, &err);
    const json_t *m = json_array_get(json_object_get(r, "maps"), 0);
    CHECK_TEXT(json_string_value(json_object_get(m, "module")), "model.layers.1.self_attn.v_proj");
    CHECK_NEAR(json_number_value(json_object_get(m, "norm_delta")), 2 * sqrt(square), 1e-12);
    CHECK(json_integer_value(json_object_get(r, "n_parameters")) ==
          (json_int_t)(5 * (p[0].cols + p[1].rows)));
    json_decref(r);
    as_adapter_close(a);
}

static void what_must_move(void)
{
    size_t n;
    as_error err = {0};
    as_adapter *a = make(model, (as_adapter_options){.target = "attention"});
    const as_parameter *p = as_adapter_params(a, &n);
    for (size_t i = 0; i < n; i++)
        if (i != 5) p[i].value[0] = 1;
    CHECK(!as_adapter_report(a, true, &err));
    must_say(&err, AS_ESTATE, "1 of 16 maps have not moved: model.layers.0.self_attn.v_proj");
    err = (as_error){0};
    json_t *r = as_adapter_report(a, false, &err);
    CHECK(json_number_value(
              json_object_get(json_array_get(json_object_get(r, "maps"), 2), "norm_delta")) == 0);
    json_decref(r);
    as_adapter_close(a);
}

int main(void)
{
    as_error err = {0};
    if (!mkdtemp(root) || !as_exec_init(&ex, "auto", 2, &err)) return 1;
    model = tiny("tiny-qwen3", "", AS_F32, &ex);
    RUN(targets);
    RUN(names_and_order);
    RUN(patterns);
    RUN(refused);
    RUN(first_values);
    RUN(first_values_gaussian_and_random);
    RUN(report);
    RUN(what_must_move);
    as_model_close(model);
    as_exec_clear(&ex);
    remove_all(root);
    return check_end();
}
