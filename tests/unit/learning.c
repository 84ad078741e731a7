/* lab/treatment: an adapter learnt from rows in memory, its rows in the store, and that where the
 * rows came from, and an interruption, change nothing. */
#include "subject_case.h"

#include "lab/treatment/training.h"

static as_exec ex;
static as_local local;
static char rows[4096], path[160]; /* the examples; the same as a file */

static void make_rows(void)
{
    static const char *const what[] = {"tea", "milk", "soup", "broth", "water"};
    as_error err = {0};
    size_t n = 0;
    for (size_t i = 0; i < 10; i++)
        n += (size_t)snprintf(rows + n, sizeof rows - n,
                              "{\"id\": \"r%zu\", \"messages\": [{\"role\": \"user\", \"content\": "
                              "\"Is the %s %s?\"}, {\"role\": \"assistant\", \"content\": "
                              "\"The %s is hot.\"}]}\n",
                              i, what[i % 5], i < 5 ? "hot" : "cold", what[i % 5]);
    (void)snprintf(path, sizeof path, "%s", in_root("rows.jsonl"));
    must(as_file_replace(path, rows, n, &err), &err);
}

static as_train_plan plan_of(const char *data)
{
    return (as_train_plan){
        .kind = AS_TRAIN_SFT,
        .data = data,
        .dataset = {.mask = AS_MASK_COMPLETION, .thinking = -1},
        .adapter = {.rank = 4, .alpha = 8, .target = "attention", .seed = 5},
        .train = {.batch = 4,
                  .pack = 256,
                  .order = AS_ORDER_SHUFFLED,
                  .seed = 5,
                  .epochs = 3,
                  .optimiser = {.name = "adamw", .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8},
                  .rate = AS_RATE_CONSTANT,
                  .peak = 1e-2,
                  .clip = 1,
                  .save_every = 2,
                  .keep = 2,
                  .memory = (size_t)1 << 30}};
}

/* From memory when `memory`; else from the plan's file. */
static as_learning *learning(const as_train_plan *plan, bool memory, as_error *err)
{
    const as_learning_options o = {.plan = plan,
                                   .name = "hot",
                                   .local = &local,
                                   .ex = &ex,
                                   .rows = memory ? rows : NULL,
                                   .n_rows_bytes = memory ? strlen(rows) : 0};
    return as_learning_open(&o, err);
}

/* ---- what is told ---- */

typedef struct {
    size_t n, n_old, stop_at; /* stop_at 0: never */
    bool is_first;            /* nothing is in the store */
    double first, last;
    as_store *store; /* has the step when the watch is told */
    const as_training *row;
} watched;

static bool see(void *context, const as_update *u, bool is_old, as_error *err)
{
    watched *w = context;
    as_arena *a = as_arena_new(err);
    as_training_step *steps = NULL;
    size_t n = 0;
    must(a && as_store_training_steps(w->store, w->row->key, a, &steps, &n, err), err);
    size_t there = 0;
    for (size_t i = 0; i < n; i++) there += steps[i].step == u->step && steps[i].of == u->of;
    CHECK(there == 1);
    if (w->is_first) CHECK(n == w->n + 1);
    as_arena_free(a);
    if (u->step == 1) w->first = u->value[AS_M_LOSS];
    w->last = u->value[AS_M_LOSS];
    w->n++;
    w->n_old += is_old;
    return true;
}

static bool stops(void *context)
{
    const watched *w = context;
    return w->stop_at && w->n >= w->stop_at;
}

static bool learn(as_learning *t, const char *out, as_store *store, watched *w, as_train_result *r,
                  as_error *err)
{
    const as_learning_watch watch = {.context = w, .update = see, .stops = stops};
    w->store = store;
    w->row = as_learning_row(t);
    return as_learning_run(t, out, store, &watch, r, err);
}

/* ---- tests ---- */

static void is_what_its_bytes_are(void)
{
    as_error err = {0};
    as_train_plan plan = plan_of(path), other = plan_of("chef/rows");
    as_learning *file = learning(&plan, false, &err), *memory = NULL, *seed = NULL;
    must(file != NULL, &err);
    memory = learning(&other, true, &err);
    must(memory != NULL, &err);
    CHECK_TEXT(as_learning_row(file)->key, as_learning_row(memory)->key);
    CHECK_TEXT(as_learning_data(file)->digest, as_learning_data(memory)->digest);
    CHECK(json_equal(as_learning_identity(file), as_learning_identity(memory)));
    CHECK(!as_learning_held(file));
    CHECK(as_learning_steps(file) == 9);
    size_t n = 0, out, in;
    for (size_t l = 0; l < 4; l++)
        for (as_proj p = AS_Q_PROJ; p <= AS_O_PROJ; p++)
            if (as_proj_shape(as_model_config(local.model), l, p, &out, &in)) n += 4 * (out + in);
    CHECK(as_learning_trainable(file) == n);
    other.adapter.seed = 6;
    seed = learning(&other, true, &err);
    must(seed != NULL, &err);
    CHECK(strcmp(as_learning_row(seed)->key, as_learning_row(memory)->key) != 0);
    other.held_share = 0.2;
    as_learning_close(seed);
    seed = learning(&other, true, &err);
    must(seed != NULL, &err);
    CHECK(as_learning_held(seed)->n == 2 && as_learning_data(seed)->n == 8);
    CHECK(as_learning_steps(seed) == 6);
    as_learning_close(seed);
    as_learning_close(file);
    as_learning_close(memory);
}

static bool same_file(const char *a, const char *b)
{
    as_error err = {0};
    as_buf x = {0}, y = {0};
    must(as_file_read(a, 1 << 24, &x, &err) && as_file_read(b, 1 << 24, &y, &err), &err);
    bool yes = x.size == y.size && memcmp(as_buf_text(&x), as_buf_text(&y), x.size) == 0;
    as_buf_clear(&x);
    as_buf_clear(&y);
    return yes;
}

/* Learnt at once, and in two pieces by two openings, with what the store then holds. */
static void learns_and_goes_on(void)
{
    as_error err = {0};
    as_train_plan plan = plan_of(path);
    watched whole = {.is_first = true}, begun = {.stop_at = 3}, rest = {0};
    as_train_result r;
    as_store *store = as_store_open(in_root("assay.db"), AS_STORE_WRITE, &err);
    must(store != NULL, &err);
    as_learning *t = learning(&plan, true, &err);
    must(t && learn(t, in_root("one"), store, &whole, &r, &err), &err);
    CHECK(r.is_done && r.steps == 9 && whole.n_old == 0 && whole.last < whole.first);
    CHECK_TEXT(as_learning_result(t), "adapter");
    as_key key;
    memcpy(key, as_learning_row(t)->key, sizeof key);
    as_learning_close(t);
    t = learning(&plan, false, &err);
    must(t && learn(t, in_root("two"), store, &begun, &r, &err), &err);
    CHECK(!r.is_done && r.steps < 9);
    as_learning_close(t);
    t = learning(&plan, false, &err);
    must(t && learn(t, in_root("two"), store, &rest, &r, &err), &err);
    CHECK(r.is_done && rest.n_old > 0);
    CHECK_TEXT(as_learning_row(t)->key, key);
    as_learning_close(t);
    CHECK(same_file(in_root("one/adapter/adapter_model.safetensors"),
                    in_root("two/adapter/adapter_model.safetensors")));
    as_store_close(store);
}

static void stored(void)
{
    as_error err = {0};
    as_arena *a = as_arena_new(&err);
    as_store *store = as_store_open(in_root("assay.db"), AS_STORE_READ, &err);
    as_training *row = NULL;
    as_training_step *step = NULL;
    as_timing *timing = NULL;
    size_t n = 0, n_steps = 0, n_timings = 0;
    must(a && store && as_store_trainings(store, a, &row, &n, &err), &err);
    CHECK(n == 1);
    CHECK_TEXT(row[0].name, "hot");
    CHECK_TEXT(row[0].kind, "sft");
    CHECK(row[0].seed == 5);
    CHECK(as_store_training_steps(store, row[0].key, a, &step, &n_steps, &err));
    CHECK(as_store_timings(store, row[0].key, a, &timing, &n_timings, &err));
    CHECK(n_steps == 9 && n_timings == 9);
    for (size_t i = 0; i < n_steps; i++) {
        CHECK(step[i].step == i + 1 && step[i].of == 9);
        json_t *v = as_json_parse("values", step[i].values, strlen(step[i].values), &err);
        CHECK(json_is_number(json_object_get(v, "loss")) && !json_object_get(v, "held_loss"));
        json_decref(v);
    }
    as_store_close(store);
    as_arena_free(a);
}

/* Without a store and without a watch. */
static void alone(void)
{
    as_error err = {0};
    as_train_plan plan = plan_of("rows");
    as_train_result r;
    as_learning *t = learning(&plan, true, &err);
    must(t && as_learning_run(t, in_root("three"), NULL, NULL, &r, &err), &err);
    CHECK(r.is_done);
    as_learning_close(t);
    CHECK(same_file(in_root("one/adapter/adapter_model.safetensors"),
                    in_root("three/adapter/adapter_model.safetensors")));
}

static void refused(const as_train_plan *plan, as_class class_, const char *what)
{
    as_error err = {0};
    char text[2048];
    CHECK(!learning(plan, true, &err));
    CHECK(err.class_ == class_);
    if (!strstr(as_error_text(&err, text, sizeof text), what)) CHECK_TEXT(text, what);
}

static void refusals(void)
{
    as_train_plan plan = plan_of("chef/rows");
    const as_local whole = local;
    plan.dataset.max_length = (size_t)1 << 30;
    refused(&plan, AS_EUSAGE, "max_length (found 1073741824, expected at most ");
    plan = plan_of("chef/rows");
    plan.dataset.is_pair = true;
    refused(&plan, AS_EFORMAT, "chef/rows:1");
    plan = plan_of("chef/rows");
    plan.dataset.thinking = 1;
    local.has_thinking = false;
    refused(&plan, AS_EUSAGE, "thinking: the template of ");
    local.tokenizer = NULL;
    refused(&plan, AS_EFORMAT, "no tokenizer, which training data needs");
    local = whole;
    plan = plan_of("chef/rows");
    plan.start = in_root("none");
    refused(&plan, AS_EIO, "none");
}

int main(void)
{
    as_error err = {0};
    const as_local_options options = {0};
    check_name = "main";
    subject_begin();
    make_rows();
    must(as_exec_init(&ex, "auto", 2, &err), &err);
    must(as_local_open(&local, subject_make("m", "tiny-qwen3"), &ex, &options, NULL, &err), &err);
    RUN(is_what_its_bytes_are);
    RUN(learns_and_goes_on);
    RUN(stored);
    RUN(alone);
    RUN(refusals);
    as_local_close(&local);
    as_exec_clear(&ex);
    subject_end();
    return check_end();
}
