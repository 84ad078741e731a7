/* A run of training with allocations refused in turn, once and from there on: an error, nothing
 * leaked, and the same command afterwards goes on to the bytes of an undisturbed run. */
#include "tiny_models.h"

#include <dirent.h>
#include <sys/stat.h>

#include "base/file.h"
#include "engine/train/train.h"
#include "fail_alloc.h"

enum { STEP = 13 }; /* every so many allocations */

static as_exec ex;
static as_model *model;
/* in memory where that can be: a run makes hundreds of files durable */
static char in_memory[] = "/dev/shm/assay-train-alloc-XXXXXX";
static char on_disk[] = "/tmp/assay-train-alloc-XXXXXX";
static const char *folder;

static const as_train_options options = {
    .batch = 2,
    .pack = 16,
    .epochs = 1,
    .optimiser = {.name = "adamw", .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8},
    .rate = AS_RATE_CONSTANT,
    .peak = 1e-2,
    .clip = 1,
    .patience = 3,
    .save_every = 1,
    .keep = 2,
    .memory = (size_t)1 << 30,
};

static const char *place(const char *name)
{
    static char text[2][256];
    static size_t i;
    i = !i;
    (void)snprintf(text[i], sizeof text[i], "%s/%s", folder, name);
    return text[i];
}

/* rm -r of what a run makes: two storeys of folders. */
static void clear_folder(const char *path)
{
    char inner[512];
    DIR *d = opendir(path);
    const struct dirent *e;
    while (d && (e = readdir(d))) {
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        (void)snprintf(inner, sizeof inner, "%s/%s", path, e->d_name);
        if (lstat(inner, &st) == 0 && S_ISDIR(st.st_mode)) clear_folder(inner);
        (void)unlink(inner);
    }
    if (d) (void)closedir(d);
    (void)rmdir(path);
}

/* Four examples of six tokens, three of them targets. */
static uint32_t ids[4][6];
static unsigned char label[6] = {0, 0, 0, 1, 1, 1};
static as_example example[4];
static char name[4][8];

static as_dataset examples(void)
{
    as_dataset d = {.example = example, .n = 4, .n_sides = 1, .n_tokens = 24, .n_labels = 12};
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(name[i], sizeof name[i], "e%zu", i);
        for (size_t k = 0; k < 6; k++) ids[i][k] = (uint32_t)(37 * i + 11 * k + 5);
        example[i] = (as_example){.id = name[i], .line = i + 1, .key = i};
        example[i].sequence[0] =
            (as_sequence){.ids = ids[i], .label = label, .n = 6, .n_prompt = 3, .n_labels = 3};
    }
    return d;
}

static bool attempt(const char *out, as_error *err)
{
    const as_adapter_options lora = {.rank = 2, .alpha = 4, .target = "attention", .seed = 7};
    const as_dataset d = examples();
    const as_train_sink sink = {0};
    as_train_result result;
    json_t *identity = json_pack("{s:i}", "run", 1);
    as_adapter *a = identity ? as_adapter_new(model, &ex, &lora, err) : NULL;
    const as_trainee what = {.model = model, .ex = &ex, .adapter = a, .model_path = "base"};
    bool ok = a && as_train(&options, &what, &d, &d, out, identity, &sink, &result, err);
    as_adapter_close(a);
    json_decref(identity);
    return ok || (!identity && as_fail(err, AS_EMEM, "out of memory"));
}

static void read_result(const char *out, as_buf *bytes)
{
    as_error err = {0};
    char path[512];
    static const char *const files[] = {"log.jsonl", "adapter/adapter_model.safetensors"};
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", out, files[i]);
        must(as_file_read(path, 1 << 24, bytes, &err), &err);
    }
}

static bool is_right(const char *out, const as_buf *expected)
{
    as_buf found = {0};
    read_result(out, &found);
    bool same = found.size == expected->size && memcmp(found.data, expected->data, found.size) == 0;
    as_buf_clear(&found);
    return same;
}

static void refused(void)
{
    as_error err = {0};
    as_buf expected = {0};
    must(attempt(place("whole"), &err), &err);
    read_result(place("whole"), &expected);
    size_t tried = 0;
    for (int from_on = 0; from_on < 2; from_on++) {
        bool hit = true;
        for (size_t k = 1 + (size_t)from_on; hit; k += STEP, tried++) {
            const char *out = place("run");
            err = (as_error){0};
            size_t before = fail_alloc_live();
            fail_alloc_at(k, from_on);
            bool ok = attempt(out, &err);
            hit = fail_alloc_hit();
            fail_alloc_at(0, false);
            CHECK(fail_alloc_live() <= before);
            CHECK(ok == !err.class_ && (ok || err.class_ == AS_EMEM || err.class_ == AS_EIO));
            if (!ok && tried % 8 == 0) {
                err = (as_error){0};
                must(attempt(out, &err), &err); /* the same command goes on */
                ok = true;
            }
            if (ok && !is_right(out, &expected)) {
                CHECK(false);
                printf("allocation %zu%s\n", k, from_on ? " and on" : "");
            }
            clear_folder(out);
        }
    }
    CHECK(tried > 20);
    as_buf_clear(&expected);
}

int main(void)
{
    as_error err = {0};
    fail_alloc_init();
    folder = mkdtemp(in_memory) ? in_memory : mkdtemp(on_disk);
    if (!folder) return 1;
    must(as_exec_init(&ex, "auto", 1, &err), &err);
    model = tiny_open("qwen3", &ex, &err);
    must(model != NULL, &err);
    RUN(refused);
    as_model_close(model);
    as_exec_clear(&ex);
    clear_folder(folder);
    return check_end();
}
