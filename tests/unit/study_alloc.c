/* lab/experiment/study: allocations refused in turn while a plan's steps are read, and while a tiny
 * study is walked: an error, nothing leaked, and what was kept is found again. */
#include "app/cli/plan_yaml.h"
#include "lab/experiment/study.h"
#include "refuse_each.h"
#include "study_bad.h"
#include "subject_case.h"

static as_exec ex;

static bool read_study(const char *text, as_plan *p, as_arena *a, as_error *err)
{
    const as_tree *tree = as_plan_read_over(in_root("p.yaml"), text, strlen(text), a, err);
    *p = (as_plan){.name = "p", .root = tree, .seed = 7, .permutations = 10};
    return tree && as_study_parse(p, tree, a, err);
}

static bool parse_once(as_error *err)
{
    as_plan p;
    as_arena *a = as_arena_new(err);
    const bool ok = a && read_study(study_good, &p, a, err);
    as_arena_free(a);
    return ok;
}

static void parsing(void)
{
    refuse_each(parse_once);
}

/* Steps that train nothing; the last ones lack, for a tiny model is never right. */
static const char walked[] =
    "models: {m: tiny}\n"
    "sets: {S: {task: file, data: gold.jsonl, set: all}}\n"
    "steps:\n"
    "  ask: {do: answer, model: m, set: S, judges: [claims, delivery], read: [h_last, heads], "
    "ladder: [2], budget: 3, arms: {base: base, told: {system: be brief, treats: [system]}}}\n"
    "  paste: {do: transplant, from: ask.told, onto: ask.base}\n"
    "  gold: {do: distil, from: ask.base, voice: calibrated}\n"
    "  top: {do: heads, from: ask.base, k: 1, placebos: 1}\n"
    "  then: {do: answer, model: m, set: S, judges: claims, budget: 3, arms: {base: base, half: "
    "'temper: {top.placebo-1}=0.5'}}\n";

static bool walk_once(as_error *err)
{
    as_plan p;
    bool refused = false;
    as_arena *a = as_arena_new(err);
    as_design design = {.name = "p", .code = "c", .plan = walked, .inputs = "{}", .seed = 7};
    as_store *store = a ? as_store_open(in_root("a.db"), AS_STORE_WRITE, err) : NULL;
    const char *work = store ? as_arena_text(a, in_root("work"), err) : NULL;
    const as_run_options o = {
        .ex = &ex, .refused = &refused, .store = store, .pool = ex.pool, .work = work};
    as_study st = {.plan = &p, .design = &design, .o = &o, .a = a};
    const bool ok = work && read_study(walked, &p, a, err) && as_design_key(&design, err) &&
                    as_store_put_design(store, &design, err) && as_study_run(&st, err);
    as_study_clear(&st);
    as_store_close(store);
    as_arena_free(a);
    return ok;
}

/* How many statistics there are, and how many of them say that something lacks. */
static void count_rows(size_t *n, size_t *n_lacking)
{
    as_error err = {0};
    as_arena *a = as_arena_new(&err);
    as_store *store = as_store_open(in_root("a.db"), AS_STORE_READ, &err);
    as_design design = {.name = "p", .code = "c", .plan = walked, .inputs = "{}", .seed = 7};
    as_statistic *rows = NULL;
    *n_lacking = 0;
    must(store && as_design_key(&design, &err) &&
             as_store_statistics(store, design.key, NULL, a, &rows, n, &err),
         &err);
    for (size_t i = 0; i < *n; i++) *n_lacking += strcmp(rows[i].name, "lacking") == 0;
    as_store_close(store);
    as_arena_free(a);
}

/* Each refusal stops the walk somewhere, and the next one goes on from what was kept. */
static void walking(void)
{
    as_error err = {0};
    size_t whole, n, n_lacking, n_stopped = 0;
    must(walk_once(&err), &err);
    count_rows(&whole, &n_lacking);
    CHECK(n_lacking == 2); /* top, then.half */
    (void)unlink(in_root("a.db"));
    bool refused = true;
    for (size_t k = 1; refused; k += 1 + k / 32) {
        size_t before = fail_alloc_live();
        err = (as_error){0};
        fail_alloc_at(k, k % 2);
        const bool ok = walk_once(&err);
        refused = fail_alloc_hit();
        fail_alloc_at(0, false);
        CHECK(ok == !refused);
        CHECK(err.class_ == (refused ? AS_EMEM : AS_OK));
        CHECK(fail_alloc_live() == before);
        if (check_bad) printf("allocation %zu: %s: %s\n", k, err.where, err.what);
        if (check_bad) return;
        n_stopped += refused;
        if (refused && n_stopped % 3 == 0) (void)unlink(in_root("a.db")); /* from the beginning */
    }
    CHECK(n_stopped > 20);
    count_rows(&n, &n_lacking);
    CHECK(n == whole && n_lacking == 2);
}

int main(void)
{
    static const char gold[] =
        "{\"prompt\": \"Why?\", \"claims\": [{\"text\": \"it was hot\", \"keys\": [\"hot\"], "
        "\"wrong\": [\"it was cold\"]}]}\n"
        "{\"prompt\": \"How?\", \"claims\": [{\"text\": \"use a whisk\", \"keys\": [\"whisk\"], "
        "\"wrong\": [\"use a fork\"]}]}\n";
    as_error err = {0};
    fail_alloc_init();
    subject_begin();
    must(as_exec_init(&ex, "auto", 1, &err), &err);
    subject_make("tiny", "tiny-llama");
    must(as_file_replace(in_root("gold.jsonl"), gold, sizeof gold - 1, &err), &err);
    RUN(parsing);
    RUN(walking);
    as_exec_clear(&ex);
    subject_end();
    return check_end();
}
