/* Everything about adapters that asks for memory, with every allocation refused in turn, once and
 * from there on: an error, nothing leaked, nothing half-written. */
#include "adapter_case.h"

#include "engine/operator/operator.h"
#include "fail_alloc.h"

static as_exec ex;
static as_model *model; /* tiny-qwen35-wide: orders of rows and columns besides */

static const char *const names[] = {"in_proj_z", "out_proj", "q_proj"};
static const as_adapter_pattern ranks[] = {{"layers\\.0\\..*", 3}};
static const as_adapter_options options = {.rank = 2,
                                           .alpha = 4,
                                           .dropout = 0.5,
                                           .targets = names,
                                           .n_targets = 2,
                                           .exclude = names + 2,
                                           .n_exclude = 1,
                                           .ranks = ranks,
                                           .n_ranks = 1,
                                           .init = AS_INIT_RANDOM};
static as_adapter *made;

static bool try_new(as_error *err)
{
    as_adapter *a = as_adapter_new(model, &ex, &options, err);
    as_adapter_close(a);
    return a;
}

static bool try_save(as_error *err)
{
    return as_adapter_save(made, place("saved"), "base", err);
}

static bool try_open(as_error *err)
{
    as_adapter *a = as_adapter_open(model, &ex, place("adapter"), 0, err);
    as_adapter_close(a);
    return a;
}

static bool try_operator(as_error *err)
{
    char text[192];
    (void)snprintf(text, sizeof text, "lora: %s", place("adapter"));
    as_arm *arm = as_arm_open(text, model, &ex, NULL, err);
    as_arm_close(arm);
    return arm;
}

static bool try_report(as_error *err)
{
    json_t *r = as_adapter_report(made, true, err);
    json_decref(r);
    return r;
}

static bool try_merge(as_error *err)
{
    bool ok = as_adapter_merge(model, &ex, place("tiny-qwen35-wide"), place("adapter"),
                               place("merged"), AS_F32, err);
    CHECK(ok || !as_file_exists(place("merged")));
    return ok;
}

static bool try_write_gguf(as_error *err)
{
    return as_adapter_write_gguf(made, place("a.gguf"), err);
}

static bool try_from_gguf(as_error *err)
{
    return as_adapter_from_gguf(model, &ex, place("a.gguf"), place("back"), err);
}

static void each(bool (*try)(as_error *err), const char *what)
{
    for (int from_on = 0; from_on < 2; from_on++) {
        bool refused = true;
        for (size_t k = 1; refused; k++) {
            as_error err = {0};
            remove_all(place("merged"));
            size_t before = fail_alloc_live();
            fail_alloc_at(k, from_on == 1);
            bool ok = try(&err);
            refused = fail_alloc_hit();
            fail_alloc_at(0, false);
            CHECK(ok == !refused);
            CHECK(err.class_ == (refused ? AS_EMEM : AS_OK));
            CHECK(fail_alloc_live() == before);
            if (check_bad) {
                printf("%s, allocation %zu%s: %s\n", what, k, from_on ? " and on" : "", err.what);
                return;
            }
        }
    }
}

static void making(void)
{
    each(try_new, "new");
    each(try_report, "report");
}

static void folders(void)
{
    each(try_save, "save");
    each(try_open, "open");
    each(try_operator, "operator");
}

static void merging(void)
{
    each(try_merge, "merge");
}

static void gguf(void)
{
    each(try_write_gguf, "write");
    each(try_from_gguf, "read");
}

int main(void)
{
    as_error err = {0};
    fail_alloc_init();
    if (!mkdtemp(root) || !as_exec_init(&ex, "auto", 1, &err)) return 1;
    model = tiny("tiny-qwen35-wide", "", AS_F32, &ex);
    made = as_adapter_new(model, &ex, &options, &err);
    must(made && as_adapter_save(made, place("adapter"), "base", &err), &err);
    RUN(making);
    RUN(folders);
    RUN(merging);
    RUN(gguf);
    as_adapter_close(made);
    as_model_close(model);
    as_exec_clear(&ex);
    remove_all(root);
    return check_end();
}
