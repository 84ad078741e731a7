/* train: every allocation of an optimiser refused in turn. */
#include "check.h"

#include "engine/train/optimiser.h"
#include "fail_alloc.h"

static void refuse_each(const char *rule)
{
    static float value[96 * 70], grad[96 * 70];
    const as_parameter params[] = {{"matrix", value, grad, 96, 70, true},
                                   {"wide", value, grad, 3, 1500, true},
                                   {"gain", value, grad, 1, 40, false}};
    const as_optimiser_options by = {rule, 0.9, 0.999, 1e-8, 0, 1, 128, 200};
    bool refused = true;
    for (size_t k = 1; refused && !check_bad; k++) {
        as_error err = {0};
        size_t before = fail_alloc_live();
        fail_alloc_at(k, false);
        as_optimiser *o = as_optimiser_new(&by, params, 3, &err);
        refused = fail_alloc_hit();
        fail_alloc_at(0, false);
        CHECK((o != NULL) == !refused && err.class_ == (refused ? AS_EMEM : AS_OK));
        as_optimiser_free(o);
        CHECK(fail_alloc_live() == before);
        CHECK(refused || k > 3);
    }
}

static void making_survives(void)
{
    size_t n;
    const as_optimiser_rule *rules = as_optimiser_rules(&n);
    for (size_t i = 0; i < n; i++) refuse_each(rules[i].name);
}

int main(void)
{
    fail_alloc_init();
    RUN(making_survives);
    return check_end();
}
