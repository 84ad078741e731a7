/* Judges and teachers when the k-th allocation fails, for every k: an error or the same result, and
 * nothing left behind. */
#include "lab/distil/distil.h"

#include "check.h"
#include "fail_alloc.h"
#include "judge_case.h"

static bool one_item(as_error *err)
{
    as_arena *a = as_arena_new(err);
    const as_tools tools = {NULL, a};
    const as_distil_options o = {as_judge_find("claims"), AS_VOICE_CALIBRATED, 0, 3};
    as_distil_count count = {0};
    as_buf rows = {0};
    json_t *out = a ? json_array() : NULL;
    bool ok = out && as_distil(&o, &tools, &sauce, "Your hollandaise has split because of it.", out,
                               &count, err);
    ok = ok && as_distil(&o, &tools, &town, NULL, out, &count, err) &&
         as_distil_rows(out, false, &rows, err) && as_distil_rows(out, true, &rows, err);
    ok = ok && json_array_size(out) == 4;
    if (a && !out) (void)as_fail(err, AS_EMEM, "out of memory");
    as_buf_clear(&rows);
    json_decref(out);
    as_arena_free(a);
    return ok;
}

static bool every_judge(as_error *err)
{
    static const char *const names[] = {"claims", "delivery", "certainty", "rubric"};
    const as_item list[] = {sauce, town, what};
    const as_items items = {.item = list, .n = 3};
    as_gate_count c;
    bool ok = true;
    for (size_t i = 0; ok && i < 4; i++)
        ok = as_judge_gate(as_judge_find(names[i]), NULL, &items, &c, err);
    return ok;
}

/* Runs the work with the k-th allocation failing, until none is left to fail. */
static void each(bool (*work)(as_error *), size_t step)
{
    size_t k = 1;
    for (bool hit = true; hit; k += step) {
        as_error err = {0};
        fail_alloc_at(0, false);
        size_t before = fail_alloc_live();
        fail_alloc_at(k, false);
        bool ok = work(&err);
        hit = fail_alloc_hit();
        fail_alloc_at(0, false);
        CHECK(ok ? !hit : hit && err.class_ == AS_EMEM);
        CHECK(fail_alloc_live() == before);
        if (ok == hit || (!ok && err.class_ != AS_EMEM))
            printf("allocation %zu: %s: %s\n", k, err.where, err.what);
    }
    CHECK(k > 100);
}

static void distilling(void)
{
    each(one_item, 3);
}

static void judging(void)
{
    each(every_judge, 17);
}

int main(void)
{
    fail_alloc_init();
    RUN(distilling);
    RUN(judging);
    return check_end();
}
