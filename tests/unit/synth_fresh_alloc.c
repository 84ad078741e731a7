/* A model made for training: every allocation refused in turn, once and from there on. */
#include "check.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "engine/model/synth.h"
#include "fail_alloc.h"

static char root[] = "/tmp/assay-fresh-alloc-XXXXXX";
static json_t *config;

static void refuse_each(bool from_on)
{
    size_t k = 1;
    for (bool refused = true; refused && !check_bad; k++) {
        as_error err = {0};
        size_t before = fail_alloc_live();
        fail_alloc_at(k, from_on);
        bool ok = as_synth_fresh(root, "config", config, 1, AS_F16, NULL, &err);
        refused = fail_alloc_hit();
        fail_alloc_at(0, false);
        CHECK(ok == !refused);
        CHECK(err.class_ == (refused ? AS_EMEM : AS_OK));
        CHECK(fail_alloc_live() == before);
        if (check_bad) printf("allocation %zu: %s\n", k, err.what);
    }
    CHECK(k > 20);
}

static void once(void)
{
    refuse_each(false);
}

static void from_on(void)
{
    refuse_each(true);
}

int main(void)
{
    size_t n;
    char path[64];
    as_error err = {0};
    fail_alloc_init();
    const as_synth_row *row = as_synth_names(&n);
    while (n > 0 && strcmp(row->name, "tiny-llama") != 0) row++, n--;
    if (n == 0 || !mkdtemp(root)) return 1;
    config = as_json_parse(row->name, row->config, strlen(row->config), &err);
    /* small, so that making it often is quick */
    if (!config || json_object_set_new(config, "hidden_size", json_integer(16)) ||
        json_object_set_new(config, "intermediate_size", json_integer(16)) ||
        json_object_set_new(config, "vocab_size", json_integer(32)))
        return 1;
    RUN(once);
    RUN(from_on);
    json_decref(config);
    (void)snprintf(path, sizeof path, "%s/config.json", root);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/model.safetensors", root);
    (void)unlink(path);
    (void)rmdir(root);
    return check_end();
}
