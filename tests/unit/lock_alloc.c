/* What a study has fixed, and where it differs from a lock, when the k-th allocation fails, for
 * every k: an error or the same result, and nothing left behind. */
#include "check.h"
#include "fail_alloc.h"

#include <stdlib.h>

#include "app/cli/plan_yaml.h"
#include "lab/experiment/lock.h"

static const char text[] =
    "schema: assay.plan/1\nname: p\nmodels: {m: model}\nassume: {sd: {coverage: 0.3}}\n"
    "sets: {F: {task: chef, data: data/chef, set: F, n: 20}}\n"
    "steps:\n  ask: {do: answer, model: m, set: F, judges: [claims, delivery], arms: {a: base, b: "
    "{system: Say so., treats: [system]}}}\n"
    "tables:\n  a: {answers: ask.a, cluster: cluster}\n  b: {answers: ask.b}\n"
    "checks:\n  kept: {check: preserved, a: a.coverage, b: b.coverage, margin: 0.05, cluster: "
    "a.cluster, effect: 0.1}\n"
    "  alike: {check: instrument, arms: [a, b], needs: [system]}\n"
    "claims:\n  c: {says: So., must_hold: [kept], instrument: [alike]}\n"
    "  d: {says: So., steps: [{name: first, checks: [kept]}]}\n";

static as_plan plan;
static const as_items *items;

static bool work(as_error *err)
{
    as_arena *a = as_arena_new(err);
    as_power *power = NULL;
    json_t *lock = NULL, *now = NULL, *changes = NULL;
    bool ok = a && as_power_of(&plan, items, a, &power, err);
    const as_study_facts f = {&plan, items, power};
    ok = ok && (lock = as_lock_json(&f, "{}", NULL, a, err)) && (now = as_study_json(&f, a, err));
    if (ok) json_object_del(now, "claims");
    if (ok) as_json_put(&now, "seed", json_integer(2));
    if (ok) as_json_put(&now, "arms", json_array());
    if (ok && !now) ok = as_fail(err, AS_EMEM, "out of memory");
    ok = ok && (changes = as_lock_changes(lock, now, err));
    if (ok) CHECK(json_array_size(changes) == 2 && power[0].is_below);
    json_decref(lock);
    json_decref(now);
    json_decref(changes);
    as_arena_free(a);
    return ok;
}

static void each(void)
{
    as_error err = {0};
    as_arena *a = as_arena_new(&err);
    const as_tree *tree = as_plan_read_over("p.yaml", text, sizeof text - 1, a, &err);
    CHECK(tree && as_plan_parse(tree, a, &plan, &err) && as_power_items(&plan, a, &items, &err));
    plan.n_models = 0; /* files are not what this is about */
    if (items) {
        size_t k = 1;
        for (bool hit = true; hit; k++) {
            as_error why = {0};
            fail_alloc_at(0, false);
            size_t before = fail_alloc_live();
            fail_alloc_at(k, false);
            bool ok = work(&why);
            hit = fail_alloc_hit();
            fail_alloc_at(0, false);
            CHECK(ok ? !hit : hit && why.class_ == AS_EMEM);
            CHECK(fail_alloc_live() == before);
            if (ok == hit) printf("allocation %zu: %s: %s\n", k, why.where, why.what);
        }
        CHECK(k > 100);
    }
    as_arena_free(a);
}

int main(void)
{
    fail_alloc_init();
    RUN(each);
    return check_end();
}
