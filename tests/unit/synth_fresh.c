/* Models made for training: every tensor follows the law of its kind, a value depends on seed, name
 * and place alone, and the model opens. */
#include "check.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "base/rng.h"
#include "engine/model/model.h"
#include "engine/model/synth.h"

static char root[] = "/tmp/assay-fresh-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void clean(const char *name)
{
    static const char *const files[] = {"config.json", "model.safetensors"};
    char path[512];
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof path, "%s/%s/%s", root, name, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(path_of(name));
}

static json_t *config_of(const char *like)
{
    size_t n;
    as_error err = {0};
    const as_synth_row *row = as_synth_names(&n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(row[i].name, like) == 0)
            return as_json_parse(like, row[i].config, strlen(row[i].config), &err);
    return NULL;
}

static as_tensors *made(const char *like, const char *folder, uint64_t seed, as_dtype dtype)
{
    as_error err = {0};
    char text[1024];
    json_t *config = config_of(like);
    as_tensors *t = NULL;
    if (as_synth_fresh(path_of(folder), like, config, seed, dtype, NULL, &err))
        t = as_tensors_open(path_of(folder), &err);
    if (!t) printf("%s: %s\n", like, as_error_text(&err, text, sizeof text));
    json_decref(config);
    return t;
}

/* ---- the laws ---- */

typedef struct {
    double mean, deviation, least, most;
} figures;

static figures figures_of(const as_tensor *t)
{
    const float *x = t->data;
    size_t n = as_tensor_count(t);
    double sum = 0, square = 0;
    figures f = {.least = INFINITY, .most = -INFINITY};
    for (size_t i = 0; i < n; i++) {
        double v = (double)x[i];
        sum += v;
        square += v * v;
        f.least = fmin(f.least, v);
        f.most = fmax(f.most, v);
    }
    f.mean = sum / (double)n;
    f.deviation = sqrt(square / (double)n - f.mean * f.mean);
    return f;
}

/* Five standard errors of the deviation and of the mean of n normal values. */
static void check_normal(const as_tensor *t, const figures *f, double deviation)
{
    double n = (double)as_tensor_count(t);
    CHECK(fabs(f->deviation / deviation - 1) < 5 / sqrt(2 * n));
    CHECK(fabs(f->mean) < 5 * deviation / sqrt(n));
    CHECK(f->most < 6.5 * deviation && f->least > -6.5 * deviation);
}

static bool ends(const char *name, const char *end)
{
    size_t n = strlen(name), k = strlen(end);
    return n >= k && strcmp(name + n - k, end) == 0;
}

static void check_law(const as_tensor *t, bool zero_centred, size_t n_layers)
{
    figures f = figures_of(t);
    const char *name = t->name;
    if (ends(name, "norm.weight")) {
        double gain = zero_centred && !ends(name, "linear_attn.norm.weight") ? 0 : 1;
        CHECK(f.least == gain && f.most == gain);
    } else if (ends(name, "layer_scalar")) {
        CHECK(f.least == 1 && f.most == 1);
    } else if (ends(name, "A_log")) {
        CHECK(f.least >= 0 && f.most <= log(16) && f.most > f.least);
    } else if (ends(name, "dt_bias")) {
        CHECK(log1p(exp(f.least)) >= 0.000999 && log1p(exp(f.most)) <= 0.1001);
        CHECK(f.most > f.least);
    } else if (ends(name, "conv1d.weight")) { /* 4 long */
        CHECK(f.least >= -0.5 && f.most <= 0.5 && f.most > 0.45 && f.least < -0.45);
        CHECK(fabs(f.mean) < 0.1);
    } else if (ends(name, ".o_proj.weight") || ends(name, ".out_proj.weight") ||
               ends(name, ".down_proj.weight") || ends(name, ".per_layer_projection.weight")) {
        check_normal(t, &f, 0.02 / sqrt(2.0 * (double)n_layers));
    } else {
        CHECK(t->n_dims == 2);
        check_normal(t, &f, 0.02);
    }
    if (check_bad) printf("%s: mean %g deviation %g\n", name, f.mean, f.deviation);
}

static void laws(void)
{
    static const struct {
        const char *like;
        bool zero_centred;
        size_t n_layers, least_tensors;
    } rows[] = {{"tiny-llama", false, 4, 38},
                {"tiny-qwen3", false, 4, 46},
                {"tiny-qwen35", true, 5, 60},
                {"tiny-gemma4", false, 8, 120}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        as_tensors *t = made(rows[i].like, "law", 1, AS_F32);
        CHECK(t && as_tensors_count(t) >= rows[i].least_tensors);
        for (size_t k = 0; t && k < as_tensors_count(t) && !check_bad; k++)
            check_law(as_tensors_at(t, k), rows[i].zero_centred, rows[i].n_layers);
        as_tensors_close(t);
        clean("law");
    }
}

/* ---- what a value depends on ---- */

static void by_seed_name_place(void)
{
    static const char name[] = "model.layers.1.mlp.up_proj.weight";
    as_error err = {0};
    as_key one, again, other;
    as_tensors *t = made("tiny-qwen3", "one", 9, AS_F32);
    const as_tensor *up = t ? as_tensors_find(t, name) : NULL;
    CHECK(up && as_tensor_count(up) == 160 * 64);
    for (size_t i = 0; up && i < 160 * 64; i++) {
        as_rng r = as_rng_at(9, name, i);
        CHECK(((const float *)up->data)[i] == (float)(as_rng_normal(&r) * (double)0.02f));
    }
    CHECK(t && as_tensors_digest(t, one, &err));
    as_tensors_close(t);
    t = made("tiny-qwen3", "one", 9, AS_F32);
    CHECK(t && as_tensors_digest(t, again, &err) && strcmp(one, again) == 0);
    as_tensors_close(t);
    t = made("tiny-qwen3", "one", 10, AS_F32);
    CHECK(t && as_tensors_digest(t, other, &err) && strcmp(one, other) != 0);
    as_tensors_close(t);
    clean("one");
}

/* In 16 bits the values are the rounded ones, config.json says the type, and the model opens. */
static void types(void)
{
    as_error err = {0};
    as_exec ex;
    if (!as_exec_init(&ex, "auto", 1, &err)) return;
    as_tensors *t = made("tiny-gemma4", "half", 2, AS_BF16);
    const as_tensor *x = t ? as_tensors_find(t, "model.language_model.norm.weight") : NULL;
    if (t && !x) x = as_tensors_find(t, "model.norm.weight");
    CHECK(x && x->dtype == AS_BF16);
    as_tensors_close(t);
    as_model_options options = {0};
    as_model *m = as_model_open(path_of("half"), &ex, &options, &err);
    CHECK(m);
    CHECK_TEXT(m ? as_model_dtype(m) : NULL, "BF16");
    as_model_close(m);
    char path[300];
    (void)snprintf(path, sizeof path, "%s/config.json", path_of("half"));
    json_t *config = as_json_read(path, &err);
    CHECK_TEXT(json_string_value(as_json_at(config, "/text_config/dtype")), "bfloat16");
    json_decref(config);
    as_exec_clear(&ex);
    clean("half");
}

static void refused(void)
{
    as_error err = {0};
    char text[1024];
    json_t *config = config_of("tiny-qwen3");
    CHECK(!as_synth_fresh(path_of("x"), "c", config, 1, AS_Q8_0, NULL, &err));
    CHECK(err.class_ == AS_EUSAGE);
    err = (as_error){0};
    CHECK(json_object_set_new(config, "hidden_size", json_integer(-1)) == 0);
    CHECK(!as_synth_fresh(path_of("x"), "c", config, 1, AS_F32, NULL, &err));
    CHECK(err.class_ == AS_EFORMAT &&
          strstr(as_error_text(&err, text, sizeof text), "hidden_size"));
    CHECK(access(path_of("x"), F_OK) != 0);
    json_decref(config);
}

int main(void)
{
    if (!mkdtemp(root)) {
        SKIP(all, "no folder for the test can be made");
        return check_end();
    }
    RUN(laws);
    RUN(by_seed_name_place);
    RUN(types);
    RUN(refused);
    (void)rmdir(root);
    return check_end();
}
