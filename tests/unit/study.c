/* lab/experiment/study: the steps of a plan as they are read, what steps make for each other, and
 * what counts as the instrument of an arm. */
#include "lab/experiment/study.h"
#include "app/cli/plan_yaml.h"
#include "study_bad.h"
#include "subject_case.h"

static as_exec ex;

static bool read_study(const char *name, const char *text, as_plan *p, as_arena *a, as_error *err)
{
    const as_tree *tree = as_plan_read_over(name, text, strlen(text), a, err);
    *p = (as_plan){.name = "p", .root = tree, .seed = 7, .permutations = 10};
    return tree && as_study_parse(p, tree, a, err);
}

/* --- plans --------------------------------------------------------------------------------------
 */

static void bad_studies(void)
{
    for (size_t i = 0; i < sizeof study_cases / sizeof study_cases[0]; i++) {
        const study_case *c = &study_cases[i];
        as_error err = {0};
        as_arena *a = as_arena_new(&err);
        const char *at = strstr(study_good, c->from);
        as_buf text = {0};
        as_plan p;
        char said[2048];
        CHECK(at != NULL);
        if (!at) printf("%s\n", c->from);
        as_buf_add(&text, study_good, at ? (size_t)(at - study_good) : 0);
        as_buf_puts(&text, c->to);
        as_buf_puts(&text, at ? at + strlen(c->from) : "");
        CHECK(!read_study("p.yaml", as_buf_text(&text), &p, a, &err));
        /* Unequal arms are refused before work; everything else is a plan that says nothing. */
        CHECK(err.class_ == (strstr(c->says, "arms differ") ? AS_ESTATE : AS_EUSAGE));
        CHECK_TEXT(as_error_text(&err, said, sizeof said), c->says);
        as_buf_clear(&text);
        as_arena_free(a);
    }
}

static void a_name_that_is_no_folder(void)
{
    as_error err = {0};
    as_arena *a = as_arena_new(&err);
    static const char text[] = "name: ../p\nsteps: {}\n";
    const as_tree *tree = as_plan_read_over("p.yaml", text, sizeof text - 1, a, &err);
    as_plan p = {.name = "../p", .root = tree};
    char said[2048];
    CHECK(tree && !as_study_parse(&p, tree, a, &err));
    CHECK_TEXT(as_error_text(&err, said, sizeof said),
               "p.yaml:1:7: name: name (expected letters, digits, - and _)");
    as_arena_free(a);
}

static void good_study(void)
{
    as_error err = {0};
    as_arena *a = as_arena_new(&err);
    as_plan p;
    must(read_study("there/p.yaml", study_good, &p, a, &err), &err);
    CHECK(p.n_models == 1 && p.n_sets == 2 && p.n_steps == 10);
    CHECK_TEXT(p.model[0].path, "model"); /* nothing beside the plan is called so */
    CHECK_TEXT(p.set[0].data, "/data");
    CHECK_TEXT(p.set[1].data, "there/data");
    CHECK(p.set[0].n == 3 && p.set[0].seed == 7 && p.set[1].seed == 4);
    CHECK(p.set[1].n == 0); /* all there are */
    const as_step_spec *ask = as_plan_step(&p, "ask"), *then = as_plan_step(&p, "then");
    CHECK(ask && ask->kind == &as_step_answer && ask->model == p.model && ask->set == p.set);
    CHECK(ask->n_judges == 2 && ask->n_readings == 2 && ask->n_ladder == 2 && ask->ladder[1] == 5);
    CHECK(ask->n_arms == 2 && !ask->arm[0].operators && ask->arm[0].budget == 9);
    CHECK_TEXT(ask->arm[1].system, "be brief");
    CHECK(ask->arm[1].seed == 7 && ask->arm[1].cut == 0);
    const as_step_spec *top = as_plan_step(&p, "top"), *gold = as_plan_step(&p, "gold");
    CHECK(top->from == ask);
    CHECK_TEXT(top->from_arm, "base");
    CHECK(top->set == p.set && top->model == p.model && top->place == 1); /* those of its answers */
    CHECK_TEXT(gold->from_arm, "base@2");
    CHECK(then->n_judges == 1 && then->arm[0].budget == 256 && then->set == &p.set[1]);
    CHECK_TEXT(then->arm[0].operators, "[lora: {sft.1}, temper: {top.top}=0.5]");
    const as_step_spec *gate = as_plan_step(&p, "gate"), *paste = as_plan_step(&p, "paste");
    CHECK(gate->n_arms == 1 && gate->judge == ask->judge && paste->n_judges == 2);
    CHECK_TEXT(gate->arm[0].name, "gated");
    CHECK_TEXT(paste->arm[0].name, "pasted");
    CHECK(!as_plan_step(&p, "nothing") && !as_plan_step(&p, NULL));
    as_arena_free(a);
}

/* The same plan said in another way: nothing is refused. */
static void other_words(void)
{
    static const char *const other[][2] = {
        {"told: {system: be brief, treats: [system]}",
         "told: {system: be brief, budget: 9, cut: 0, seed: 7, treats: [system]}"},
        {"told: {system: be brief, treats: [system]}", "told: {budget: 9, treats: [budget]}"},
        {", lora: {rank: 2}}}\n  then", "}}\n  then"},
        {"{beta: 0.2}, lora: {rank: 2}}}\n  then", "{reference: start}}}\n  then"},
        {"{top.top}=0.5", "{top.placebo-3}=0.5"}};
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        as_error err = {0};
        as_arena *a = as_arena_new(&err);
        const char *at = strstr(study_good, other[i][0]);
        as_buf text = {0};
        as_plan p;
        if (!at) exit(1);
        as_buf_add(&text, study_good, (size_t)(at - study_good));
        as_buf_puts(&text, other[i][1]);
        as_buf_puts(&text, at + strlen(other[i][0]));
        const bool ok = read_study("p.yaml", as_buf_text(&text), &p, a, &err);
        if (!ok) printf("%zu: %s\n", i, err.what);
        CHECK(ok && p.n_steps == 10);
        as_buf_clear(&text);
        as_arena_free(a);
    }
}

static bool has(const as_step_spec *s, const char *name)
{
    const char *names[AS_STEP_COLUMNS];
    const size_t n = as_step_columns(s, names);
    size_t found = 0;
    for (size_t i = 0; i < n; i++) found += strcmp(names[i], name) == 0;
    CHECK(found < 2 && n <= AS_STEP_COLUMNS);
    return found == 1;
}

static void columns(void)
{
    static const char *const each[] = {"prompt",   "answer",         "finish", "cluster",
                                       "category", "item_certainty", "tokens", "logprob"};
    static const char text[] = "arm: ask.told\nrung: ask.told@5\nnone: ask.told@3\n";
    as_error err = {0};
    as_arena *a = as_arena_new(&err);
    const as_step_spec *step = NULL;
    const char *arm = NULL, *names[AS_STEP_COLUMNS];
    as_plan p;
    must(read_study("p.yaml", study_good, &p, a, &err), &err);
    const as_tree *t = as_plan_read_over("t.yaml", text, sizeof text - 1, a, &err);
    must(t && as_study_source(&p, as_tree_find(t, "arm"), &step, &arm, a, &err), &err);
    CHECK_TEXT(arm, "told");
    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++) CHECK(has(step, each[i]));
    CHECK(has(step, "coverage") && has(step, "claim.1") && has(step, "verbal"));
    CHECK(has(step, "h_last") && has(step, "heads") && !has(step, "passed"));
    const size_t n = as_step_columns(step, names);
    must(as_study_source(&p, as_tree_find(t, "rung"), &step, &arm, a, &err), &err);
    CHECK_TEXT(arm, "told@5");
    CHECK(has(step, "verbal") && !has(step, "h_last") && !has(step, "heads")); /* not read */
    CHECK(as_step_columns(step, names) == n - 2);
    CHECK(as_plan_step(&p, "ask")->n_readings == 2); /* the step itself is as it was */
    CHECK(!as_study_source(&p, as_tree_find(t, "none"), &step, &arm, a, &err));
    CHECK(err.class_ == AS_EUSAGE);
    as_arena_free(a);
}

/* --- products -----------------------------------------------------------------------------------
 */

static void products(void)
{
    as_error err = {0};
    as_arena *a = as_arena_new(&err);
    const as_plan none = {.name = "none"};
    as_study st = {.plan = &none, .a = a};
    const as_step_spec one = {.id = "one"}, two = {.id = "two"};
    char text[64] = "first";
    must(as_study_make(&st, &one, "a", text, &err), &err);
    text[0] = 'F'; /* it keeps its own */
    must(as_study_make(&st, &two, "a", "{one.a}", &err), &err);
    CHECK_TEXT(as_study_product(&st, "one.a"), "first");
    CHECK(!as_study_product(&st, "one.b") && !as_study_product(&st, "one"));
    CHECK_TEXT(as_study_fill(&st, "", &err), "");
    CHECK_TEXT(as_study_fill(&st, "plain", &err), "plain");
    CHECK_TEXT(as_study_fill(&st, "{one.a}", &err), "first");
    CHECK_TEXT(as_study_fill(&st, "x {one.a}{one.a} y", &err), "x firstfirst y");
    CHECK_TEXT(as_study_fill(&st, "{two.a}", &err), "{one.a}"); /* once, not again */
    CHECK(err.class_ == AS_OK);
    CHECK(!as_study_fill(&st, "{one.a} {one.b}", &err));
    CHECK(err.class_ == AS_EUSAGE);
    CHECK_TEXT(err.what, "{one.b} (found nothing of that name)");
    for (size_t i = 0; i < 200; i++) { /* more than there is room for at first */
        as_error again = {0};
        (void)snprintf(text, sizeof text, "%zu", i);
        must(as_study_make(&st, &one, text, text, &again), &again);
    }
    CHECK(st.n_products == 202);
    CHECK_TEXT(as_study_product(&st, "one.199"), "199");
    CHECK_TEXT(as_study_product(&st, "one.a"), "first");
    as_arena_free(a);
}

/* --- the instrument -----------------------------------------------------------------------------
 */

static const char asking[] =
    "models: {m: tiny}\n"
    "sets: {S: {task: chef, data: DATA, set: S, n: 1}}\n"
    "steps: {ask: {do: answer, model: m, set: S, judges: claims, read: [h_last], cut: 0, seed: 1,\n"
    "  budget: 3, decoding: {top_k: 0}, thinking: false, arms: {arm: base}}}\n";

typedef struct {
    char instrument[80], subject[80];
} identity;

/* Runs the study with one replacement, and says what its arm was measured with. */
static identity identity_of(const char *from, const char *to, const as_judge *judge)
{
    as_error err = {0};
    as_arena *a = as_arena_new(&err);
    as_buf text = {0};
    const char *at = strstr(asking, from), *data = strstr(asking, "DATA");
    char folder[4096], path[256];
    identity out = {{0}, {0}};
    as_plan p;
    bool refused = false;
    if (!at || !data || !getcwd(folder, sizeof folder)) exit(1);
    for (const char *c = asking; *c;) {
        if (c == at && *from) {
            as_buf_puts(&text, to);
            c += strlen(from);
        } else if (c == data) {
            as_buf_printf(&text, "%s/data/chef", folder);
            c += 4;
        } else {
            as_buf_add(&text, c++, 1);
        }
    }
    must(read_study(in_root("p.yaml"), as_buf_text(&text), &p, a, &err), &err);
    if (judge) p.step[0].judge = &judge;
    (void)snprintf(path, sizeof path, "%s", in_root("a.db"));
    (void)unlink(path);
    as_design design = {
        .name = "p", .code = "c", .plan = as_buf_text(&text), .inputs = "{}", .seed = 7};
    as_store *store = as_store_open(path, AS_STORE_WRITE, &err);
    const as_run_options o = {.ex = &ex, .refused = &refused, .store = store, .pool = ex.pool};
    as_study st = {.plan = &p, .design = &design, .o = &o, .a = a};
    must(store && as_design_key(&design, &err) && as_store_put_design(store, &design, &err) &&
             as_study_run(&st, &err),
         &err);
    as_statistic *rows = NULL;
    size_t n = 0;
    must(as_store_statistics(store, design.key, "answers/ask.arm", a, &rows, &n, &err), &err);
    CHECK(n == 1 && !refused);
    json_t *detail = n ? json_loads(rows[0].detail, 0, NULL) : NULL;
    const json_t *facts = json_object_get(detail, "facts");
    const char *instrument = json_string_value(json_object_get(facts, "instrument"));
    const char *subject = json_string_value(json_object_get(facts, "subject"));
    CHECK(instrument && strlen(instrument) == 64 && subject && strlen(subject) == 22);
    (void)snprintf(out.instrument, sizeof out.instrument, "%s", instrument ? instrument : "");
    (void)snprintf(out.subject, sizeof out.subject, "%s", subject ? subject : "");
    json_decref(detail);
    as_study_clear(&st);
    as_store_close(store);
    as_buf_clear(&text);
    as_arena_free(a);
    return out;
}

/* An answer that is too short for a reading has none; its row says so, and is whole otherwise. */
static void short_answers(void)
{
    static const char text[] =
        "models: {m: tiny}\nsets: {S: {task: chef, data: DATA, set: S, n: 3}}\nsteps:\n"
        "  ask: {do: answer, model: m, set: S, judges: claims, read: [h_last], arms: {arm: "
        "base}}\n";
    as_error err = {0};
    as_arena *a = as_arena_new(&err);
    char folder[4096], path[256];
    as_plan p;
    as_table t;
    const as_key *prompt = NULL;
    if (!getcwd(folder, sizeof folder)) exit(1);
    must(read_study(in_root("p.yaml"), text, &p, a, &err), &err);
    p.set[0].data = as_arena_printf(a, &err, "%s/data/chef", folder);
    (void)snprintf(path, sizeof path, "%s", in_root("short.db"));
    as_design design = {.name = "p", .code = "c", .plan = text, .inputs = "{}", .seed = 7};
    as_store *store = as_store_open(path, AS_STORE_WRITE, &err);
    const as_run_options o = {.ex = &ex, .store = store, .pool = ex.pool};
    const char *lacking[1] = {NULL};
    as_items items = {0};
    as_study st = {.plan = &p, .design = &design, .o = &o, .a = a, .items = &items};
    st.lacking = lacking;
    st.step = &p.step[0];
    must(store && as_design_key(&design, &err) && as_store_put_design(store, &design, &err) &&
             as_study_ask(&st, &p.set[0], &prompt, &err),
         &err);
    for (size_t i = 0; i < 3; i++) {
        const float values[] = {(float)i, 2}, *reading[] = {i == 1 ? NULL : values};
        static const char *const selector[] = {"last_content"};
        static const size_t dim[] = {2};
        const as_study_answer answer = {.position = i,
                                        .arm = "arm",
                                        .text = i == 1 ? "" : "The pan was crowded.",
                                        .finish = "stop",
                                        .subject = "s",
                                        .tokens = 1,
                                        .logprob = -1,
                                        .reading = reading,
                                        .dim = dim,
                                        .selector = selector};
        must(as_study_keep(&st, &p.step[0], &prompt[i], &answer, &err), &err);
    }
    must(as_study_judge(&st, &p.step[0], "arm", 0, json_object(), &err) &&
             as_study_table(&st, &p.step[0], "arm", &t, &err),
         &err);
    const as_column *x = as_column_find(&t, "h_last");
    CHECK(t.n == 3 && x && x->kind == AS_COLUMN_MATRIX && x->n == 3 && x->n_missing == 1);
    for (size_t i = 0; i < 3; i++) CHECK(as_column_lacks(x, i) == (i == 1));
    CHECK(x->matrix[0] == 0 && x->matrix[1] == 2 && x->matrix[4] == 2 && isnan(x->matrix[2]));
    CHECK_TEXT(x->why[1], "too short");
    CHECK(!as_column_lacks(as_column_find(&t, "answer"), 1));
    as_store_close(store);
    as_arena_free(a);
}

static void instruments(void)
{
    static const char *const measures[][2] = {
        {"top_k: 0", "temperature: 1"},
        {"top_k: 0", "top_k: 5"},
        {"budget: 3", "budget: 4"},
        {"cut: 0", "cut: 2"},
        {"thinking: false", "thinking: true"},
        {"arm: base", "arm: {system: be brief, treats: [system]}"},
        {"n: 1", "n: 2"},
        {"n: 1", "n: 1, seed: 8"},
        {"set: S, n", "set: H, n"},
        {"judges: claims", "judges: delivery"},
        {"judges: claims", "judges: [claims, delivery]"},
        {"read: [h_last]", "read: [heads]"},
        {"m: tiny", "m: other"}};
    const identity base = identity_of("", "", NULL), again = identity_of("", "", NULL);
    CHECK_TEXT(again.instrument, base.instrument);
    CHECK_TEXT(again.subject, base.subject);
    for (size_t i = 0; i < sizeof measures / sizeof measures[0]; i++) {
        const identity other = identity_of(measures[i][0], measures[i][1], NULL);
        if (strcmp(other.instrument, base.instrument) == 0) printf("%s\n", measures[i][1]);
        CHECK(strcmp(other.instrument, base.instrument) != 0);
        CHECK(strcmp(other.subject, base.subject) != 0);
    }
    as_judge judge = *as_judge_find("claims");
    CHECK_TEXT(identity_of("", "", &judge).instrument, base.instrument);
    judge.version = "next";
    CHECK(strcmp(identity_of("", "", &judge).instrument, base.instrument) != 0);
}

/* --- the gate of a judge ------------------------------------------------------------------------
 */

static size_t n_rulings;

static bool counted(const as_tools *tools, const as_answer *a, as_ruling *out, as_error *err)
{
    n_rulings++;
    return as_judge_find("claims")->judge(tools, a, out, err);
}

static const char gating[] =
    "models: {m: tiny}\n"
    "sets: {S: {task: file, data: gold.jsonl, set: all}}\n"
    "steps:\n"
    "  ask: {do: answer, model: m, set: S, judges: claims, budget: 2, arms: {arm: base}}\n"
    "  again: {do: answer, model: m, set: S, judges: claims, budget: 2, arms: {arm: base}}\n";

/* Walks the study with a judge that counts. Returns how many rulings that took. */
static size_t rulings_of(const char *version, const char *gold, bool *ok, as_error *err)
{
    as_arena *a = as_arena_new(err);
    as_plan p;
    bool refused = false;
    as_design design = {.name = "p", .code = "c", .plan = gating, .inputs = "{}", .seed = 7};
    as_judge judge = *as_judge_find("claims");
    const as_judge *const judges[] = {&judge};
    judge.judge = counted;
    judge.version = version;
    n_rulings = 0;
    must(as_file_replace(in_root("gold.jsonl"), gold, strlen(gold), err) &&
             read_study(in_root("p.yaml"), gating, &p, a, err),
         err);
    for (size_t i = 0; i < 2; i++) p.step[i].judge = judges;
    as_store *store = as_store_open(in_root("gate.db"), AS_STORE_WRITE, err);
    const as_run_options o = {.ex = &ex, .refused = &refused, .store = store, .pool = ex.pool};
    as_study st = {.plan = &p, .design = &design, .o = &o, .a = a};
    must(store && as_design_key(&design, err) && as_store_put_design(store, &design, err), err);
    *ok = as_study_run(&st, err);
    as_study_clear(&st);
    as_store_close(store);
    as_arena_free(a);
    return n_rulings;
}

/* Two items with five pairs each: twenty answers for the gate, four of the model. */
static void gates(void)
{
    static const char gold[] =
        "{\"prompt\": \"Why?\", \"claims\": [{\"text\": \"it was hot\", \"keys\": [\"hot\"], "
        "\"wrong\": [\"it was cold\", \"it was old\"]}]}\n"
        "{\"prompt\": \"How?\", \"claims\": [{\"text\": \"use a whisk\", \"keys\": [\"whisk\"], "
        "\"wrong\": [\"use a fork\", \"use a spoon\"]}]}\n";
    as_error err = {0};
    char other[sizeof gold];
    bool ok = false;
    const size_t first = rulings_of("1", gold, &ok, &err);
    CHECK(ok && first == 20 + 4);
    const size_t gate = 20; /* of both steps together */
    CHECK(rulings_of("1", gold, &ok, &err) == 0 && ok);
    /* another judge, other keys: tried again, and what was answered is by another instrument */
    CHECK(rulings_of("2", gold, &ok, &err) == gate && !ok && err.class_ == AS_ESTATE);
    CHECK(strstr(err.what, "another instrument") != NULL);
    memcpy(other, gold, sizeof gold);
    memcpy(strstr(other, "fork"), "pork", 4);
    err = (as_error){0};
    CHECK(rulings_of("1", other, &ok, &err) == gate && !ok && err.class_ == AS_ESTATE);
    err = (as_error){0};
    CHECK(rulings_of("1", gold, &ok, &err) == 0 && ok);
}

/* What is done to the model, and the seed of its draws, are no part of what measures. */
static void treatments(void)
{
    static const char *const treats[][2] = {{"arm: base", "arm: 'temper: 0.1=0.5'"},
                                            {"arm: base", "arm: 'temper: 1.0=0.5'"},
                                            {"seed: 1", "seed: 2"}};
    const identity base = identity_of("", "", NULL);
    for (size_t i = 0; i < sizeof treats / sizeof treats[0]; i++) {
        const identity other = identity_of(treats[i][0], treats[i][1], NULL);
        CHECK_TEXT(other.instrument, base.instrument);
        CHECK(strcmp(other.subject, base.subject) != 0);
    }
    CHECK(strcmp(identity_of("arm: base", "arm: 'temper: 0.1=0.5'", NULL).subject,
                 identity_of("arm: base", "arm: 'temper: 1.0=0.5'", NULL).subject) != 0);
}

int main(void)
{
    as_error err = {0};
    subject_begin();
    must(as_exec_init(&ex, "auto", 2, &err), &err);
    subject_make("tiny", "tiny-llama");
    subject_make("other", "tiny-qwen3");
    RUN(bad_studies);
    RUN(a_name_that_is_no_folder);
    RUN(good_study);
    RUN(other_words);
    RUN(columns);
    RUN(products);
    RUN(short_answers);
    RUN(instruments);
    RUN(treatments);
    RUN(gates);
    as_exec_clear(&ex);
    subject_end();
    return check_end();
}
