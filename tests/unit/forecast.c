/* lab/experiment/forecast: that it counts what the run does, that its sums are those of its parts,
 * and that it refuses what the run refuses. How near its seconds come is measured by hand
 * (docs/method.md, "Forecast"): a test would measure the machine's other work. */
#include "subject_case.h"

#include "app/cli/plan_yaml.h"
#include "lab/experiment/forecast.h"
#include "lab/experiment/study.h"
#include "lab/stats/blas.h"

static as_exec ex;
static as_arena *arena;

static const char plan_text[] =
    "schema: assay.plan/1\nname: p\nseed: 3\n"
    "draws: {permutations: 50, bootstrap: 50, cv_repeats: 2}\n"
    "models: {m: models/llama}\n"
    "sets:\n"
    "  S: {task: chef, data: data/chef, set: S, n: 6}\n"
    "  F: {task: chef, data: data/chef, set: F, n: 30}\n"
    "steps:\n"
    "  ask: {do: answer, model: m, set: S, judges: [claims, delivery], read: h_last, budget: 12,\n"
    "    arms: {base: base, asked: {system: Be brief., treats: [system]}}}\n"
    "  fresh: {do: answer, model: m, set: F, judges: [claims, delivery], read: [h_last, heads],\n"
    "    ladder: [4], budget: 8, arms: {base: base, half: 'temper: 0.0=0.5'}}\n"
    "  gold: {do: distil, from: ask.base, voice: calibrated, types: [1]}\n"
    "  pairs: {do: distil, from: ask.base, voice: plain, types: [3]}\n"
    "  top: {do: heads, from: fresh.base, k: 1, placebos: 1}\n"
    "  sft: {do: train, model: m, data: gold, seeds: [1, 2], settings: {\n"
    "    lora: {targets: attention, rank: 2, alpha: 2}, mask: assistant, epochs: 3,\n"
    "    batch: {examples: 4}, optimiser: {rate: 0.001}}}\n"
    "  dpo: {do: train, model: m, with: dpo, data: pairs, seeds: [1, 2], start: sft, settings: {\n"
    "    epochs: 1, batch: {examples: 4}, optimiser: {rate: 0.001}}}\n"
    "  last: {do: answer, model: m, set: S, judges: claims, budget: 8,\n"
    "    arms: {base: base, sft: 'lora: {sft.1}', top: 'temper: 0.1=0.5'}}\n"
    "  pasted: {do: transplant, from: ask.asked, onto: ask.base}\n"
    "tables:\n"
    "  base: {answers: fresh.base, cluster: cluster, columns: &c {\n"
    "    right: {from: coverage, rule: '>=', cut: 1/2}, asserts: {from: verbal, equals: ASSERT}}}\n"
    "  half: {answers: fresh.half, columns: *c}\n"
    "  rung: {answers: fresh.base@4}\n"
    "checks:\n"
    "  cells: {check: cells, correct: base.right, assert: base.asserts}\n"
    "  alike: {check: instrument, arms: [base, half], needs: [instrument]}\n"
    "  kept: {check: preserved, a: base.coverage, b: half.coverage, margin: 0.1,\n"
    "    cluster: base.cluster}\n"
    "  more: {check: asymmetry-change, correct_a: base.right, asserts_a: base.asserts,\n"
    "    correct_b: half.right, asserts_b: half.asserts}\n"
    "  topics: {check: grouped-cv, features: base.h_last, label: base.right,\n"
    "    group: base.cluster, gate: 0.6}\n"
    "  ends: {check: truncation, texts: [base.answer, rung.answer]}\n";

/* The plan with `from` replaced by `to`; from NULL: as it is. */
static const as_tree *tree_of(const char *from, const char *to)
{
    as_error err = {0};
    as_buf text = {0};
    const char *at = from ? strstr(plan_text, from) : plan_text + sizeof plan_text - 1;
    CHECK(at != NULL);
    as_buf_add(&text, plan_text, (size_t)(at - plan_text));
    if (from) as_buf_puts(&text, to);
    as_buf_puts(&text, at + (from ? strlen(from) : 0));
    const as_tree *tree = as_plan_read_over(
        "p.yaml", as_arena_text(arena, as_buf_text(&text), &err), text.size, arena, &err);
    as_buf_clear(&text);
    CHECK(tree != NULL);
    return tree;
}

static bool foretell(const as_tree *tree, volatile sig_atomic_t *stop, as_plan *plan,
                     as_forecast *out, as_error *err)
{
    const as_run_options o = {.ex = &ex, .stop = stop};
    return as_plan_parse(tree, arena, plan, err) && as_forecast_make(plan, &o, arena, out, err);
}

static const as_forecast_step *step_of(const as_forecast *f, const char *id)
{
    return &f->step[as_plan_step(f->plan, id)->place];
}

/* --- sums --------------------------------------------------------------------------------------
 */

static void adds_up(const as_forecast *f)
{
    double sum = f->before + f->checks;
    for (size_t i = 0; i < f->plan->n_steps; i++) {
        const as_forecast_step *s = &f->step[i];
        CHECK(s->step == &f->plan->step[i]);
        if (s->step->kind == &as_step_heads) {
            CHECK(isnan(s->seconds)); /* not predicted, and says so */
            continue;
        }
        CHECK(s->seconds > 0);
        sum += s->seconds;
    }
    CHECK(f->before > 0 && f->checks > 0);
    CHECK_NEAR(f->seconds, sum, 1e-12);
    CHECK(f->n_unknown == 0 && f->threads == 1);
}

static bool has_all(const json_t *object, const json_t *schema)
{
    size_t n = 0, i;
    const json_t *name;
    json_array_foreach(json_object_get(schema, "required"), i, name)
    {
        n += json_object_get(object, json_string_value(name)) != NULL;
    }
    return n == json_object_size(object) &&
           n == json_array_size(json_object_get(schema, "required"));
}

/* The object has what the schema says it has, and nothing else. */
static void object(const as_forecast *f)
{
    as_error err = {0};
    json_t *o = as_forecast_json(f),
           *schema = as_json_read("docs/schemas/assay.forecast.1.json", &err);
    const json_t *props = json_object_get(schema, "properties");
    const json_t *steps = json_object_get(o, "steps");
    CHECK(o && schema && has_all(o, schema));
    CHECK(has_all(json_object_get(o, "checks"), json_object_get(props, "checks")));
    CHECK(has_all(json_object_get(o, "measured"), json_object_get(props, "measured")));
    CHECK(json_array_size(steps) == f->plan->n_steps);
    for (size_t i = 0; i < json_array_size(steps); i++)
        CHECK(has_all(json_array_get(steps, i), as_json_at(props, "/steps/items")));
    CHECK_TEXT(json_string_value(json_object_get(o, "schema")), "assay.forecast/1");
    CHECK(json_is_null(as_json_at(o, "/steps/4/seconds"))); /* heads */
    CHECK(json_is_null(as_json_at(o, "/steps/2/answers")));
    CHECK(json_integer_value(as_json_at(o, "/steps/1/answers")) == 60);
    CHECK(json_integer_value(as_json_at(o, "/measured/answers")) == (json_int_t)f->answers);
    json_decref(schema);
    json_decref(o);
}

/* --- against the run ---------------------------------------------------------------------------
 */

static size_t count(as_store *store, const as_design *d, const as_step_spec *s, const char *set)
{
    as_error err = {0};
    size_t n = 0;
    for (size_t i = 0; i < s->n_arms; i++) {
        as_generation_list list = {0};
        as_store_where w = {.design = d->key, .set = set};
        w.arm = as_arena_printf(arena, &err, "%s.%s", s->id, s->arm[i].name);
        CHECK(as_store_generations(store, &w, arena, &list, &err));
        n += list.n;
    }
    return n;
}

static size_t updates(as_store *store, const as_design *d, const char *check)
{
    as_error err = {0};
    as_statistic *rows = NULL;
    size_t n = 0, sum = 0;
    CHECK(as_store_statistics(store, d->key, check, arena, &rows, &n, &err));
    for (size_t i = 0; i < n; i++) {
        json_t *o = as_json_parse("detail", rows[i].detail, strlen(rows[i].detail), &err);
        sum += (size_t)json_integer_value(json_object_get(o, "steps"));
        json_decref(o);
    }
    return sum;
}

static void counts(void)
{
    as_error err = {0};
    as_design design = {0};
    as_plan plan;
    as_forecast f;
    bool refused = false;
    char said[2048];
    const as_tree *tree = tree_of(NULL, NULL);
    if (!foretell(tree, NULL, &plan, &f, &err))
        printf("%s\n", as_error_text(&err, said, sizeof said));
    CHECK(err.class_ == AS_OK);
    if (err.class_ != AS_OK) return;
    adds_up(&f);
    object(&f);
    as_store *store = as_store_open(in_root("a.db"), AS_STORE_WRITE, &err);
    as_run_options o = {.ex = &ex, .work = in_root("work"), .refused = &refused, .store = store};
    bool ok = store && as_reaudit(tree, &o, arena, &design, &err);
    if (!ok) printf("%s\n", as_error_text(&err, said, sizeof said));
    CHECK(ok);
    for (size_t i = 0; ok && i < plan.n_steps; i++) {
        const as_step_spec *s = &plan.step[i];
        const char *check = as_arena_printf(arena, &err, "step/%s", s->id);
        CHECK(f.step[i].answers == (s->set ? count(store, &design, s, s->set->name) : 0));
        CHECK(f.step[i].updates ==
              (s->kind == &as_step_train ? updates(store, &design, check) : 0));
    }
    CHECK(step_of(&f, "ask")->answers == 12 && step_of(&f, "fresh")->answers == 60);
    CHECK(step_of(&f, "sft")->updates == 12); /* 6 rows, 4 at a time, 3 epochs, 2 seeds */
    CHECK(f.answers == 12 + 16 + 16 && f.updates == 4);
    as_store_close(store);
}

/* --- refusals ----------------------------------------------------------------------------------
 */

static void refuses(void)
{
    static const struct {
        const char *from, *to;
        as_class class_;
        const char *says;
    } cases[] = {
        {"models/llama", "/nowhere", AS_EUSAGE, "step ask: \"/nowhere\": no such file"},
        {"data/chef, set: S", "/nowhere, set: S", AS_EIO, "set S: /nowhere"},
        {"read: h_last", "read: h_mean", AS_EUSAGE,
         "steps.ask.read: layer (found nothing, expected 0 to"},
        {"system: Be brief., treats: [system]", "system: Be brief.", AS_ESTATE, "arms differ"},
        {"'temper: 0.0=0.5'", "'temper: 99.0=0.5'", AS_EUSAGE, "step fresh: arm \"half\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        as_error err = {0};
        as_plan plan;
        as_forecast f;
        char said[2048];
        CHECK(!foretell(tree_of(cases[i].from, cases[i].to), NULL, &plan, &f, &err));
        const char *text = as_error_text(&err, said, sizeof said);
        CHECK(err.class_ == cases[i].class_ && strstr(text, cases[i].says));
        if (err.class_ != cases[i].class_ || !strstr(text, cases[i].says)) printf("%s\n", text);
    }
}

static void stops(void)
{
    as_error err = {0};
    as_plan plan;
    as_forecast f;
    volatile sig_atomic_t stop = 1;
    CHECK(!foretell(tree_of(NULL, NULL), &stop, &plan, &f, &err));
    CHECK(err.class_ == AS_ESTATE);
    CHECK_TEXT(err.what, "interrupted");
}

/* A check of a table of files is not told, and named. */
static void unknown(void)
{
    as_error err = {0};
    as_plan plan;
    as_forecast f;
    const as_tree *tree = tree_of(
        "  rung: {answers: fresh.base@4}\n",
        "  rung: {rows: 'a.json#/*', prompt: q, answer: answer, columns: {q: q, answer: r}}\n");
    CHECK(foretell(tree, NULL, &plan, &f, &err));
    CHECK(err.class_ == AS_OK && f.n_unknown == 1);
    if (f.n_unknown) CHECK_TEXT(f.unknown[0], "ends");
}

int main(void)
{
    as_error err = {0};
    arena = as_arena_new(&err);
    if (!arena || !as_exec_init(&ex, "auto", 1, &err)) return 1;
    as_stats_init();
    subject_begin();
    RUN(counts);
    RUN(refuses);
    RUN(stops);
    RUN(unknown);
    as_exec_clear(&ex);
    as_arena_free(arena);
    subject_end();
    return check_end();
}
