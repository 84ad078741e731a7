/* Adapters merged into their base: the logits of base and adapter, the values, the types, and what
 * is refused without leaving anything behind. */
#include "adapter_case.h"

#include <signal.h>
#include <sys/resource.h>

#include "engine/format/safetensors.h"

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

/* Of STEP tokens. */
static void logits_with(const as_model *m, const as_adapter *a, float *logits)
{
    run_logits(m, &ex, a ? as_adapter_hooks(a) : NULL, logits);
}

/* The largest difference between the merged model and the base with its adapter; and that the
 * adapter does something. */
static double merged_off(const char *like, as_dtype stored, as_dtype dtype, const char *out)
{
    static float base[STEP * VOCAB], with[STEP * VOCAB], merged[STEP * VOCAB];
    as_error err = {0};
    char suffix[32];
    (void)snprintf(suffix, sizeof suffix, "-%s", as_dtype_name(stored));
    as_model *m = tiny(like, suffix, stored, &ex);
    as_adapter *a = make(m, (as_adapter_options){0});
    char folder[64];
    (void)snprintf(folder, sizeof folder, "%s%s", like, suffix);
    save(a, place("adapter"));
    must(as_adapter_merge(m, &ex, place(folder), place("adapter"), place(out), dtype, &err), &err);
    logits_with(m, NULL, base);
    logits_with(m, a, with);
    as_model *n = as_model_open(place(out), &ex, &(as_model_options){0}, &err);
    must(n != NULL, &err);
    logits_with(n, NULL, merged);
    CHECK(largest_difference(base, with) > 1e-3);
    as_model_close(n);
    as_adapter_close(a);
    as_model_close(m);
    return largest_difference(with, merged);
}

static void merged_models(void)
{
    static const char *const all[] = {"tiny-qwen3", "tiny-llama", "tiny-qwen35", "tiny-gemma4"};
    for (size_t i = 0; i < 4; i++) {
        double off = merged_off(all[i], AS_F32, (as_dtype)AS_N_DTYPES, "merged");
        CHECK(off < 1e-4);
        if (!(off < 1e-4)) printf("  %s: off by %g\n", all[i], off);
        char config[64], side[64];
        (void)snprintf(config, sizeof config, "%s-F32/config.json", all[i]);
        (void)snprintf(side, sizeof side, "%s-F32/generation_config.json", all[i]);
        CHECK(same_files(place(config), place("merged/config.json")));
        CHECK(!as_file_exists(place(side)) ||
              same_files(place(side), place("merged/generation_config.json")));
        remove_all(place("merged"));
    }
    CHECK(merged_off("tiny-qwen3", AS_BF16, AS_F32, "widened") < 1e-4);
}

/* In its own type; and what is not adapted has its bytes. */
static void merged_types(void)
{
    as_error err = {0};
    CHECK(merged_off("tiny-qwen3", AS_BF16, (as_dtype)AS_N_DTYPES, "bf16") < 0.5);
    as_tensors *t = as_tensors_open(place("bf16"), &err),
               *base = as_tensors_open(place("tiny-qwen3-BF16"), &err);
    must(t && base, &err);
    CHECK(as_tensors_count(t) == as_tensors_count(base));
    size_t n_same = 0;
    for (size_t i = 0; i < as_tensors_count(t); i++) {
        const as_tensor *x = as_tensors_at(t, i), *y = as_tensors_at(base, i);
        CHECK_TEXT(x->name, y->name);
        CHECK(x->dtype == y->dtype && x->bytes == y->bytes);
        n_same += memcmp(x->data, y->data, y->bytes) == 0;
    }
    CHECK(n_same == as_tensors_count(t) - 4 * 7);
    as_tensors_close(t);
    as_tensors_close(base);
    CHECK(merged_off("tiny-qwen3", AS_F32, AS_F16, "f16") < 0.05);
}

/* One element against its formula. */
static void merged_value(void)
{
    as_error err = {0};
    as_model *m = tiny("tiny-qwen3", "-F32", AS_F32, &ex);
    as_adapter *a = make(m, (as_adapter_options){0});
    size_t n;
    const as_parameter *p = as_adapter_params(a, &n) + 12;
    const char *name = "model.layers.0.mlp.down_proj.weight";
    save(a, place("adapter"));
    must(as_adapter_merge(m, &ex, place("tiny-qwen3-F32"), place("adapter"), place("value"), AS_F32,
                          &err),
         &err);
    as_tensors *t = as_tensors_open(place("value"), &err);
    const as_tensor *x = t ? as_tensors_need(t, name, &err) : NULL,
                    *w = x ? as_tensors_need(as_model_tensors(m), name, &err) : NULL;
    must(w != NULL, &err);
    const size_t in = x->dim[1], at = 5 * in + 77;
    CHECK(p[0].cols == in);
    float got, was;
    double sum = 0;
    CHECK(as_dequantise(AS_F32, NULL, &got, x->data, at, 1) &&
          as_dequantise(AS_F32, NULL, &was, w->data, at, 1));
    for (size_t j = 0; j < 3; j++)
        sum += (double)p[1].value[5 * 3 + j] * (double)p[0].value[j * in + 77];
    CHECK(got == was + (float)(2 * sum));
    as_tensors_close(t);
    as_adapter_close(a);
    as_model_close(m);
}

/* Weights that are written in several pieces, which end inside rows: the mlp of tiny-qwen3 made
 * WIDE. */
enum { WIDE = 5003 };

static void write_wide(const char *folder)
{
    as_error err = {0};
    json_t *config = as_json_read(place("tiny-qwen3-F32/config.json"), &err);
    as_tensors *t = as_tensors_open(place("tiny-qwen3-F32"), &err);
    must(config && t, &err);
    as_json_put_size(&config, "intermediate_size", WIDE);
    as_buf text = {0};
    as_json_write(&text, config);
    static as_tensor_source s[128];
    static float x[WIDE * 64];
    const size_t n = as_tensors_count(t);
    CHECK(n <= 128);
    for (size_t i = 0; i < WIDE * 64; i++) x[i] = (float)(i * 7 % 101) / 5000 - 0.01f;
    for (size_t i = 0; i < n; i++) {
        const as_tensor *own = as_tensors_at(t, i);
        s[i] = (as_tensor_source){.name = own->name, .dtype = AS_F32, .n_dims = own->n_dims};
        memcpy(s[i].dim, own->dim, sizeof s[i].dim);
        s[i].data = own->data;
        if (!strstr(own->name, ".mlp.")) continue;
        s[i].dim[strstr(own->name, "down_proj") ? 1 : 0] = WIDE;
        s[i].data = x;
    }
    char path[160];
    (void)snprintf(path, sizeof path, "%s/config.json", folder);
    must(as_dir_make(folder, &err) && as_file_replace(path, text.data, text.size, &err), &err);
    (void)snprintf(path, sizeof path, "%s/model.safetensors", folder);
    must(as_safetensors_write(path, s, n, NULL, 0, &err), &err);
    as_buf_clear(&text);
    as_tensors_close(t);
    json_decref(config);
}

static void merged_pieces(void)
{
    static float with[STEP * VOCAB], merged[STEP * VOCAB];
    static const char *const mlp[] = {"down_proj", "up_proj"};
    as_error err = {0};
    as_model_close(tiny("tiny-qwen3", "-F32", AS_F32, &ex));
    write_wide(place("wide"));
    as_model *m = as_model_open(place("wide"), &ex, &(as_model_options){0}, &err);
    must(m != NULL, &err);
    as_adapter *a = make(m, (as_adapter_options){.targets = mlp, .n_targets = 2});
    save(a, place("adapter"));
    must(as_adapter_merge(m, &ex, place("wide"), place("adapter"), place("wider"),
                          (as_dtype)AS_N_DTYPES, &err),
         &err);
    as_model *n = as_model_open(place("wider"), &ex, &(as_model_options){0}, &err);
    must(n != NULL, &err);
    run_logits(m, &ex, as_adapter_hooks(a), with);
    run_logits(n, &ex, NULL, merged);
    CHECK(largest_difference(with, merged) < 1e-4);
    run_logits(m, &ex, NULL, merged);
    CHECK(largest_difference(with, merged) > 1e-2);
    as_model_close(n);
    as_adapter_close(a);
    as_model_close(m);
}

/* A quantised base: everything is widened, and config.json says so. */
static void merged_nf4(void)
{
    static float with[STEP * VOCAB], merged[STEP * VOCAB];
    const char *folder = "tests/golden/engine/llama_nf4";
    as_error err = {0};
    as_model *m = as_model_open(folder, &ex, &(as_model_options){0}, &err);
    must(m != NULL, &err);
    as_adapter *a = make(m, (as_adapter_options){0});
    save(a, place("adapter"));
    CHECK(!as_adapter_merge(m, &ex, folder, place("adapter"), place("nf4"), (as_dtype)AS_N_DTYPES,
                            &err));
    must_say(&err, AS_EUSAGE, "is quantised (expected a dtype for what is merged)");
    CHECK(!as_file_exists(place("nf4")));
    err = (as_error){0};
    must(as_adapter_merge(m, &ex, folder, place("adapter"), place("nf4"), AS_F32, &err), &err);
    as_model *n = as_model_open(place("nf4"), &ex, &(as_model_options){0}, &err);
    must(n != NULL, &err);
    CHECK(!as_model_config(n)->is_nf4);
    logits_with(m, a, with);
    logits_with(n, NULL, merged);
    CHECK(largest_difference(with, merged) < 1e-4);
    as_model_close(n);
    as_adapter_close(a);
    as_model_close(m);
}

static void merge_refuses(void)
{
    as_error err = {0};
    as_model *m = tiny("tiny-qwen3", "-F32", AS_F32, &ex);
    as_adapter *a = make(m, (as_adapter_options){0});
    size_t n;
    const as_parameter *p = as_adapter_params(a, &n);
    const char *base = place("tiny-qwen3-F32");
    save(a, place("adapter"));
    CHECK(!as_adapter_merge(m, &ex, base, place("adapter"), base, AS_F32, &err));
    must_say(&err, AS_ESTATE, "tiny-qwen3-F32: is not empty");
    err = (as_error){0};
    CHECK(!as_adapter_merge(m, &ex, base, place("adapter"), place("x"), AS_Q8_0, &err));
    must_say(&err, AS_EUSAGE, "dtype (found Q8_0, expected F32, F16 or BF16)");
    /* beyond what the type holds: nothing is left, an empty folder of the user's stays */
    for (size_t i = 0; i < 8; i++) p[i].value[0] = 1e4f;
    save(a, place("adapter"));
    err = (as_error){0};
    CHECK(!as_adapter_merge(m, &ex, base, place("adapter"), place("x"), AS_F16, &err));
    must_say(&err, AS_ENUMERIC, "self_attn.k_proj.weight\": a merged value does not fit F16");
    CHECK(!as_file_exists(place("x")));
    err = (as_error){0};
    must(as_dir_make(place("x"), &err), &err);
    CHECK(!as_adapter_merge(m, &ex, base, place("adapter"), place("x"), AS_F16, &err));
    CHECK(rmdir(place("x")) == 0);
    /* no room on the disk */
    struct rlimit was, small = {1 << 16, RLIM_INFINITY};
    CHECK(getrlimit(RLIMIT_FSIZE, &was) == 0);
    small.rlim_max = was.rlim_max;
    (void)signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    err = (as_error){0};
    CHECK(!as_adapter_merge(m, &ex, base, place("adapter"), place("full"), AS_F32, &err));
    CHECK(err.class_ == AS_EIO && setrlimit(RLIMIT_FSIZE, &was) == 0);
    CHECK(!as_file_exists(place("full")));
    as_adapter_close(a);
    as_model_close(m);
}

int main(void)
{
    as_error err = {0};
    if (!mkdtemp(root) || !as_exec_init(&ex, "auto", 2, &err)) return 1;
    RUN(merged_models);
    RUN(merged_types);
    RUN(merged_value);
    RUN(merged_pieces);
    RUN(merged_nf4);
    RUN(merge_refuses);
    as_exec_clear(&ex);
    remove_all(root);
    return check_end();
}
