/* What a run leaves in its folder: whose it is, its logs, the reference, the result. */
#include "checkpoint_case.h"

#include <math.h>
#include <sys/wait.h>

#include "base/hash.h"
#include "engine/model/synth.h"
#include "engine/train/measure.h"
#include "engine/train/record.h"

static as_exec ex;

static json_t *parsed(const char *text)
{
    as_error err = {0};
    json_t *v = as_json_parse("test", text, strlen(text), &err);
    must(v != NULL, &err);
    return v;
}

/* ---- measures ---- */

/* A third of the measures, chosen by the step, with values of it. */
static as_update update_of(size_t step)
{
    as_rng r = as_rng_at(3, "measures", step);
    as_update u = {.step = step, .of = 100, .seconds = 0.25, .tokens_per_second = 1e3};
    for (size_t m = 0; m < AS_N_MEASURES; m++)
        u.value[m] = m % 3 == step % 3 ? as_rng_normal(&r) * 1e-3 : NAN;
    u.value[AS_M_TOKENS] = 1024;
    u.seconds += (double)step;
    return u;
}

static bool same_numbers(double a, double b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

static bool same_updates(const as_update *a, const as_update *b)
{
    bool same = a->step == b->step && a->of == b->of && same_numbers(a->seconds, b->seconds) &&
                same_numbers(a->tokens_per_second, b->tokens_per_second);
    for (size_t m = 0; m < AS_N_MEASURES; m++)
        same = same && same_numbers(a->value[m], b->value[m]);
    return same;
}

static void names_differ(void)
{
    for (as_measure a = 0; a < AS_N_MEASURES; a++)
        for (as_measure b = 0; b < a; b++)
            CHECK(strcmp(as_measure_name(a), as_measure_name(b)) != 0);
    CHECK_TEXT(as_measure_name(AS_M_LOSS), "loss");
    CHECK_TEXT(as_measure_name(AS_M_GRADIENT), "gradient_norm");
    CHECK_TEXT(as_measure_name(AS_M_HELD_ACCURACY), "held_accuracy");
}

static void rows_come_back(void)
{
    for (size_t step = 0; step < 50; step++) {
        as_error err = {0};
        as_buf text = {0};
        as_update u = update_of(step), back, times = {0};
        json_t *row = as_update_row(&u, &err), *timing = as_update_timing(&u, &err);
        must(row && timing, &err);
        as_json_write(&text, row);
        json_decref(row);
        row = parsed(as_buf_text(&text));
        CHECK(as_update_read(&back, row, &err) && as_update_read_timing(&times, timing, &err));
        CHECK(isnan(back.seconds) && times.step == step);
        back.seconds = times.seconds;
        back.tokens_per_second = times.tokens_per_second;
        CHECK(same_updates(&u, &back));
        json_decref(row);
        json_decref(timing);
        as_buf_clear(&text);
    }
}

static void one_row_by_hand(void)
{
    as_error err = {0};
    as_buf text = {0};
    as_update u = {.step = 3, .of = 8, .seconds = 0.5, .tokens_per_second = NAN};
    for (size_t m = 0; m < AS_N_MEASURES; m++) u.value[m] = NAN;
    u.value[AS_M_LOSS] = 2.5;
    u.value[AS_M_TARGETS] = 17;
    json_t *row = as_update_row(&u, &err);
    as_json_write(&text, row);
    json_decref(row);
    row = as_update_timing(&u, &err);
    as_json_write(&text, row);
    json_decref(row);
    CHECK_TEXT(as_buf_text(&text), "{\"loss\":2.5,\"of\":8,\"step\":3,\"targets\":17}"
                                   "{\"seconds\":0.5,\"step\":3,\"tokens_per_second\":null}");
    as_buf_clear(&text);
    u.value[AS_M_HELD_KL] = INFINITY;
    CHECK(!as_update_row(&u, &err));
    must_say(&err, AS_ENUMERIC, "step 3: held_kl (found an infinity, expected a number)");
}

static void bad_rows(void)
{
    static const char *const cases[][2] = {
        {"{}", "step (found nothing, expected a whole number, not negative)"},
        {"{\"step\":-1,\"of\":2}", "step (found -1, "},
        {"{\"step\":1.5,\"of\":2}", "step (found 1.5, "},
        {"{\"step\":1}", "of (found nothing, "},
        {"{\"step\":1,\"of\":2,\"loss\":\"x\"}", "loss (found \"x\", expected a number)"},
        {"{\"step\":1,\"of\":2,\"loss\":null}", "loss (found null, expected a number)"},
        {"{\"step\":1,\"of\":2,\"los\":1}", "fields (found 3, expected the 2 that are known)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        as_error err = {0};
        as_update u;
        json_t *row = parsed(cases[i][0]);
        CHECK(!as_update_read(&u, row, &err));
        must_say(&err, AS_EFORMAT, cases[i][1]);
        json_decref(row);
    }
}

/* ---- whose run it is ---- */

static bool opens(const char *folder, const char *identity, as_error *err)
{
    as_record r;
    json_t *v = parsed(identity);
    bool ok = as_record_open(&r, folder, v, err);
    json_decref(v);
    as_record_close(&r);
    return ok;
}

#define OLD "{\"a\":{\"list\":[1,{\"x\":2}],\"rate\":1.0,\"s\":\"t\"},\"version\":\"1\"}"

static void one_identity(void)
{
    static const char *const cases[][2] = {
        {"{\"a\":{\"list\":[1,{\"x\":3}],\"rate\":1,\"s\":\"t\"},\"version\":\"1\"}",
         "run.json: a.list[1].x: not what this run was begun with (found 2, expected 3)"},
        {"{\"a\":{\"list\":[1],\"rate\":1,\"s\":\"t\"},\"version\":\"1\"}",
         "a.list[1]: not what this run was begun with (found {\"x\":2}, expected nothing)"},
        {"{\"a\":{\"list\":[1,{\"x\":2}],\"rate\":1,\"s\":\"u\"},\"version\":\"2\"}",
         "a.s: not what this run was begun with (found \"t\", expected \"u\")"},
        {"{\"a\":{\"list\":[1,{\"x\":2}],\"s\":\"t\"},\"version\":\"1\"}",
         "a.rate: not what this run was begun with (found 1, expected nothing)"},
        {"{\"a\":{\"list\":[1,{\"x\":2}],\"rate\":1,\"s\":\"t\"},\"version\":\"1\",\"w\":null}",
         "w: not what this run was begun with (found nothing, expected null)"},
        {"{\"a\":[],\"version\":\"1\"}", "run.json: a: not what this run was begun with"},
    };
    const char *folder = place("run");
    as_error err = {0};
    CHECK(opens(folder, OLD, &err) && opens(folder, OLD, &err));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err = (as_error){0};
        CHECK(!opens(folder, cases[i][0], &err));
        must_say(&err, AS_ESTATE, cases[i][1]);
    }
    err = (as_error){0};
    put(place("run/run.json.tmp.999999"), "left by the dead");
    CHECK(opens(folder, OLD, &err) && !as_file_exists(place("run/run.json.tmp.999999")));
    put(place("run/run.json"), "{\"a\"");
    CHECK(!opens(folder, OLD, &err));
    must_say(&err, AS_EFORMAT, "run.json: 1:5: ");
    err = (as_error){0};
    CHECK(unlink(place("run/run.json")) == 0);
    CHECK(!opens(folder, OLD, &err)); /* what is there belongs to no one knows what */
    must_say(&err, AS_ESTATE, "run.json: missing (found a checkpoints beside it");
}

static as_record record_of(const char *folder)
{
    as_error err = {0};
    as_record r;
    json_t *identity = parsed(OLD);
    must(as_record_open(&r, folder, identity, &err), &err);
    json_decref(identity);
    return r;
}

static void one_process(void)
{
    as_error err = {0};
    int status = -1;
    as_record r = record_of(place("locked"));
    pid_t child = fork();
    if (child == 0) _exit(!opens(place("locked"), OLD, &err) && err.class_ == AS_ESTATE ? 0 : 1);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    as_record_close(&r);
    CHECK(opens(place("locked"), OLD, &err));
}

/* ---- going on ---- */

typedef struct {
    as_update seen[16];
    size_t n;
    bool fails;
} witness;

static bool see(void *context, const as_update *u, bool is_old, as_error *err)
{
    witness *w = context;
    CHECK(is_old && w->n < 16);
    if (w->fails) return as_fail(err, AS_ESTATE, "the sink fails");
    if (w->n < 16) w->seen[w->n++] = *u;
    return true;
}

/* The run `name` with rows for steps 1 .. n, closed. */
static const char *run_of(const char *name, size_t n)
{
    const char *folder = place(name);
    as_error err = {0};
    as_record r = record_of(folder);
    const as_train_sink sink = {0};
    must(as_record_resume(&r, 0, "", "", &sink, &err), &err);
    CHECK(r.n_rows == 0);
    for (size_t step = 1; step <= n; step++) {
        as_update u = update_of(step);
        must(as_record_add(&r, &u, &err), &err);
    }
    CHECK(r.n_rows == n);
    as_record_close(&r);
    return folder;
}

static char *text_of(const char *folder, const char *name)
{
    char path[256];
    as_error err = {0};
    as_buf b = {0};
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    must(as_file_read(path, 1 << 20, &b, &err), &err);
    return b.data;
}

/* Rows 1 .. 6 and a torn one, gone on with after row 4: told as they were, then the same bytes. */
static void goes_on(void)
{
    const char *folder = run_of("on", 6);
    as_error err = {0};
    witness w = {0};
    const as_train_sink sink = {.context = &w, .update = see};
    char *log = text_of(folder, "log.jsonl"), *timing = text_of(folder, "timing.jsonl");
    FILE *f = fopen(place("on/log.jsonl"), "a");
    CHECK(f && fputs("{\"lo", f) >= 0 && fclose(f) == 0);
    as_record r = record_of(folder);
    CHECK(as_record_resume(&r, 4, chain_of(&r, 4), "", &sink, &err) && w.n == 4 && r.n_rows == 4);
    for (size_t i = 0; i < w.n; i++) {
        as_update u = update_of(i + 1);
        CHECK(same_updates(&w.seen[i], &u));
    }
    for (size_t step = 5; step <= 6; step++) {
        as_update u = update_of(step);
        CHECK(as_record_add(&r, &u, &err));
    }
    as_record_close(&r);
    CHECK(holds(place("on/log.jsonl"), log) && holds(place("on/timing.jsonl"), timing));
    CHECK(!as_file_exists(place("on/notices.jsonl")));
    free(log);
    free(timing);
}

static void sink_may_fail(void)
{
    const char *folder = run_of("sink", 2);
    as_error err = {0};
    witness w = {.fails = true};
    const as_train_sink sink = {.context = &w, .update = see};
    as_record r = record_of(folder);
    CHECK(!as_record_resume(&r, 2, chain_of(&r, 2), "", &sink, &err));
    must_say(&err, AS_ESTATE, "the sink fails");
    as_record_close(&r);
}

/* What became of timing.jsonl changes no row of the log; n: its rows afterwards. */
static void with_timing(const char *name, const char *timing, size_t n)
{
    char path[256];
    const char *folder = run_of(name, 5);
    as_error err = {0};
    as_buf after = {0};
    witness w = {0};
    const as_train_sink sink = {.context = &w, .update = see};
    (void)snprintf(path, sizeof path, "%s/timing.jsonl", folder);
    if (timing)
        put(path, timing);
    else
        CHECK(unlink(path) == 0);
    as_record r = record_of(folder);
    CHECK(as_record_resume(&r, 4, chain_of(&r, 4), "", &sink, &err) && w.n == 4);
    as_record_close(&r);
    must(as_file_read(path, 1 << 20, &after, &err), &err);
    size_t lines = 0;
    for (size_t i = 0; i < after.size; i++) lines += after.data[i] == '\n';
    CHECK(lines == n);
    for (size_t i = 0; i < w.n; i++) {
        as_update u = update_of(i + 1);
        const bool has_time = i == 1 && n > 0;
        u.seconds = has_time ? 9 : NAN;
        u.tokens_per_second = has_time ? 8 : NAN;
        CHECK(same_updates(&w.seen[i], &u));
    }
    as_buf_clear(&after);
}

static void timing_may_be_short(void)
{
#define ROW2 "{\"seconds\":9,\"step\":2,\"tokens_per_second\":8}\n"
    with_timing("timing-gone", NULL, 0);
    with_timing("timing-empty", "", 0);
    with_timing("timing-one", ROW2, 1);
    with_timing("timing-torn", ROW2 "{\"seconds\":9,\"st", 1);
    with_timing("timing-bad", ROW2 "nonsense\n" ROW2, 1);
    with_timing("timing-beyond", ROW2 "{\"seconds\":9,\"step\":5,\"tokens_per_second\":8}\n", 1);
}

static void log_must_be_whole(void)
{
    const char *folder = run_of("short", 3);
    as_error err = {0};
    const as_train_sink sink = {0};
    as_record r = record_of(folder);
    CHECK(!as_record_resume(&r, 4, chain_of(&r, 4), "", &sink, &err));
    must_say(&err, AS_ESTATE, "log.jsonl: whole lines (found 3, expected at least 4)");
    as_record_close(&r);
    put(place("short/log.jsonl"), "{\"of\":1,\"step\":1}\n{\"of\":1,\"stop\":1}\n");
    r = record_of(folder);
    err = (as_error){0};
    CHECK(!as_record_resume(&r, 2, chain_of(&r, 2), "", &sink, &err));
    must_say(&err, AS_EFORMAT, "log.jsonl: 2: step (found nothing, ");
    as_record_close(&r);
}

static void log_must_be_its_own(void)
{
    const char *folder = run_of("changed", 3);
    as_error err = {0};
    char chain[65];
    const as_train_sink sink = {0};
    as_record r = record_of(folder);
    (void)snprintf(chain, sizeof chain, "%s", chain_of(&r, 3));
    CHECK(as_record_resume(&r, 3, chain, "", &sink, &err) && strcmp(r.chain, chain) == 0);
    as_record_close(&r);
    as_buf text = {0};
    must(as_file_read(place("changed/log.jsonl"), 1 << 20, &text, &err), &err);
    char *step = strstr(text.data, "\"step\":2");
    CHECK(step);
    if (step) step[7] = '3';
    put(place("changed/log.jsonl"), text.data);
    as_buf_clear(&text);
    r = record_of(folder);
    CHECK(!as_record_resume(&r, 3, chain, "", &sink, &err));
    must_say(&err, AS_ESTATE,
             "log.jsonl: rows (found changed ones, expected those of the checkpoint)");
    as_record_close(&r);
}

static void notices_stay(void)
{
    const char *folder = run_of("notice", 1);
    as_error err = {0};
    const as_train_sink sink = {0};
    for (int i = 0; i < 2; i++) {
        as_record r = record_of(folder);
        CHECK(as_record_resume(&r, 1, chain_of(&r, 1), i ? "second" : "first\n\"part\"", &sink,
                               &err));
        as_record_close(&r);
    }
    CHECK(holds(place("notice/notices.jsonl"), "{\"notice\":\"first\\n\\\"part\\\"\",\"rows\":1}\n"
                                               "{\"notice\":\"second\",\"rows\":1}\n"));
}

/* ---- the reference ---- */

static void reference(void)
{
    enum { N = 300 };
    const char *folder = run_of("reference", 0);
    double x[N], y[N];
    bool found = true;
    as_error err = {0};
    as_record r = record_of(folder);
    as_rng rng = as_rng_at(5, "reference", 0);
    for (size_t i = 0; i < N; i++) x[i] = -100 * as_rng_uniform(&rng);
    x[7] = -3; /* written as a whole number */
    CHECK(as_record_reference(&r, y, N, &found, &err) && !found);
    CHECK(as_record_keep_reference(&r, x, N, &err));
    CHECK(as_record_reference(&r, y, N, &found, &err) && found && memcmp(x, y, sizeof x) == 0);
    CHECK(!as_record_reference(&r, y, N - 1, &found, &err));
    must_say(&err, AS_ESTATE, "reference.json: values (found 300, expected 299)");
    err = (as_error){0};
    x[3] = NAN;
    CHECK(!as_record_keep_reference(&r, x, N, &err));
    must_say(&err, AS_ENUMERIC, "reference log-probability 3 (found nan");
    as_record_close(&r);
}

static void damaged_reference(void)
{
    const char *folder = run_of("damaged", 0), *path = place("damaged/reference.json");
    const double x[3] = {-1.5, -2.25, -1e-7};
    double y[3] = {0};
    bool found;
    as_error err = {0};
    as_record r = record_of(folder);
    CHECK(as_record_keep_reference(&r, x, 3, &err));
    char *text = text_of(folder, "reference.json");
    for (size_t i = 0; text[i]; i++) {
        const char was = text[i];
        text[i] ^= 1;
        put(path, text);
        err = (as_error){0};
        /* blanks between values are free; everything else is noticed */
        const bool ok = as_record_reference(&r, y, 3, &found, &err);
        CHECK(ok ? memcmp(x, y, sizeof x) == 0 : err.class_ == AS_EFORMAT);
        text[i] = was;
    }
    as_key digest;
    char forged[256];
    CHECK(as_sha256_of("[-1,\"x\",-2]", 11, digest, &err));
    (void)snprintf(forged, sizeof forged,
                   "{\"format\":\"assay.reference/1\",\"sha256\":\"%s\",\"values\":[-1,\"x\",-2]}",
                   digest);
    put(path, forged);
    err = (as_error){0};
    CHECK(!as_record_reference(&r, y, 3, &found, &err));
    must_say(&err, AS_EFORMAT, "reference.json: values[1] (found \"x\", expected a number)");
    put(path, "{}");
    err = (as_error){0};
    CHECK(!as_record_reference(&r, y, 3, &found, &err));
    must_say(&err, AS_EFORMAT,
             "reference.json: format (found nothing, expected \"assay.reference/1\")");
    CHECK(err.hint[0]);
    free(text);
    as_record_close(&r);
}

/* ---- the result ---- */

static as_model *tiny(void)
{
    as_error err = {0};
    const as_model_options options = {.no_digest = true};
    if (!as_file_exists(place("tiny")))
        must(as_synth_model(place("tiny"), "tiny-qwen3", 0, AS_F32, NULL, &err), &err);
    as_model *m = as_model_open(place("tiny"), &ex, &options, &err);
    must(m != NULL, &err);
    return m;
}

static void adapter_result(void)
{
    as_error err = {0};
    as_model *model = tiny();
    as_adapter_options options = {.rank = 2, .alpha = 4, .target = "attention", .seed = 1};
    as_adapter *still = as_adapter_new(model, &ex, &options, &err);
    options.init = AS_INIT_RANDOM;
    as_adapter *moved = as_adapter_new(model, &ex, &options, &err);
    must(still && moved, &err);
    as_record r = record_of(run_of("adapter-run", 0));
    as_trainee what = {.model = model, .ex = &ex, .adapter = still, .model_path = place("tiny")};
    CHECK(!as_record_result(&r, &what, &err) && err.class_ == AS_ESTATE);
    CHECK(!as_file_exists(place("adapter-run/adapter")));
    err = (as_error){0};
    what.adapter = moved;
    must(as_dir_make(place("adapter-run/adapter"), &err), &err);
    put(place("adapter-run/adapter/adapter_model.safetensors.tmp.999999"), "left by the dead");
    CHECK(as_record_result(&r, &what, &err));
    CHECK(n_named(place("adapter-run/adapter"), "") == 2);
    json_t *report = as_json_read(place("adapter-run/report.json"), &err);
    json_t *config = as_json_read(place("adapter-run/adapter/adapter_config.json"), &err);
    must(report && config, &err);
    CHECK(json_integer_value(json_object_get(report, "n_maps")) > 0);
    CHECK_TEXT(json_string_value(json_object_get(config, "base_model_name_or_path")),
               place("tiny"));
    json_decref(report);
    json_decref(config);
    as_adapter *back = as_adapter_open(model, &ex, place("adapter-run/adapter"), 0, &err);
    must(back != NULL, &err);
    size_t n, m;
    const as_parameter *a = as_adapter_params(moved, &n), *b = as_adapter_params(back, &m);
    CHECK(n == m && memcmp(a[n - 1].value, b[n - 1].value,
                           a[n - 1].rows * a[n - 1].cols * sizeof(float)) == 0);
    as_adapter_close(back);
    as_adapter_close(still);
    as_adapter_close(moved);
    as_record_close(&r);
    as_model_close(model);
}

static void weights_result(void)
{
    as_error err = {0};
    as_model *model = tiny();
    put(place("tiny/tokenizer.json"), "{\"any\": 1}");
    put(place("tiny/chat_template.jinja"), "");
    as_weights *weights = as_weights_new(model, &ex, &err);
    must(weights != NULL, &err);
    size_t n;
    const as_parameter *p = as_weights_params(weights, &n);
    p[0].value[5] = 42;
    as_weights_refresh(weights);
    as_record r = record_of(run_of("model-run", 0));
    const as_trainee what = {
        .model = model, .ex = &ex, .weights = weights, .model_path = place("tiny")};
    CHECK(as_record_result(&r, &what, &err));
    CHECK(n_named(place("model-run/model"), "") == 5);
    CHECK(holds(place("model-run/model/tokenizer.json"), "{\"any\": 1}"));
    CHECK(holds(place("model-run/model/chat_template.jinja"), ""));
    CHECK(as_file_exists(place("model-run/model/generation_config.json")));
    as_weights_free(weights);
    as_model_close(model);
    as_model *back =
        as_model_open(place("model-run/model"), &ex, &(as_model_options){.no_digest = true}, &err);
    must(back != NULL, &err);
    weights = as_weights_new(back, &ex, &err);
    must(weights != NULL, &err);
    CHECK(as_weights_params(weights, &n)[0].value[5] == 42);
    as_weights_free(weights);
    as_model_close(back);
    as_record_close(&r);
}

int main(void)
{
    as_error err = {0};
    if (!mkdtemp(root) || !as_exec_init(&ex, "auto", 1, &err)) return 1;
    RUN(names_differ);
    RUN(rows_come_back);
    RUN(one_row_by_hand);
    RUN(bad_rows);
    RUN(one_identity);
    RUN(one_process);
    RUN(goes_on);
    RUN(sink_may_fail);
    RUN(timing_may_be_short);
    RUN(log_must_be_whole);
    RUN(log_must_be_its_own);
    RUN(notices_stay);
    RUN(reference);
    RUN(damaged_reference);
    RUN(adapter_result);
    RUN(weights_result);
    as_exec_clear(&ex);
    remove_all(root);
    return check_end();
}
