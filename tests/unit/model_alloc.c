/* Opening a model with every allocation refused in turn, once and from there on. */
#include "check.h"

#include <stdlib.h>
#include <unistd.h>

#include "engine/model/model.h"
#include "engine/model/synth.h"
#include "fail_alloc.h"

static as_exec ex;
static char root[] = "/tmp/assay-alloc-XXXXXX";
static char path[64];

static void open_each(const char *like, const char *name, as_dtype dtype)
{
    as_error made = {0};
    as_model_options options = {0};
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    CHECK(as_synth_model(path, like, 0, dtype, NULL, &made));
    for (int from_on = 0; from_on < 2; from_on++) {
        bool refused = true;
        for (size_t k = 1; refused; k++) {
            as_error err = {0};
            size_t before = fail_alloc_live();
            fail_alloc_at(k, from_on == 1);
            as_model *m = as_model_open(path, &ex, &options, &err);
            refused = fail_alloc_hit();
            fail_alloc_at(0, false);
            CHECK((m != NULL) == !refused);
            CHECK(err.class_ == (refused ? AS_EMEM : AS_OK));
            as_model_close(m);
            CHECK(fail_alloc_live() == before);
            if (check_bad) {
                printf("allocation %zu%s: %s\n", k, from_on ? " and on" : "", err.what);
                return;
            }
        }
    }
}

static void folder(void)
{
    open_each("tiny-gemma4", "m", AS_BF16);
}

/* Orders and moved blocks besides. */
static void gguf(void)
{
    open_each("tiny-qwen35-wide", "wide.gguf", AS_Q8_0);
}

static void widened(void)
{
    open_each("tiny-qwen35-even", "even.gguf", AS_Q8_0);
}

/* The maker itself. */
static void made(void)
{
    bool refused = true;
    (void)snprintf(path, sizeof path, "%s/made.gguf", root);
    for (size_t k = 1; refused; k++) {
        as_error err = {0};
        size_t before = fail_alloc_live();
        fail_alloc_at(k, false);
        bool ok = as_synth_model(path, "tiny-llama", 0, AS_Q8_0, NULL, &err);
        refused = fail_alloc_hit();
        fail_alloc_at(0, false);
        CHECK(ok == !refused && err.class_ == (refused ? AS_EMEM : AS_OK));
        CHECK(fail_alloc_live() == before);
        if (check_bad) {
            printf("allocation %zu: %s\n", k, err.what);
            return;
        }
    }
}

static void clean(void)
{
    static const char *const names[] = {"m/config.json",       "m/generation_config.json",
                                        "m/model.safetensors", "wide.gguf",
                                        "even.gguf",           "made.gguf"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", root, names[i]);
        CHECK(unlink(path) == 0);
    }
    (void)snprintf(path, sizeof path, "%s/m", root);
    CHECK(rmdir(path) == 0 && rmdir(root) == 0);
}

int main(void)
{
    as_error err = {0};
    fail_alloc_init();
    if (!mkdtemp(root) || !as_exec_init(&ex, "auto", 1, &err)) return 1;
    RUN(folder);
    RUN(gguf);
    RUN(widened);
    RUN(made);
    RUN(clean);
    as_exec_clear(&ex);
    return check_end();
}
