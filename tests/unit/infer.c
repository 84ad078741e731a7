/* The token loop and operators on tiny models: replies, ends, readings, sharing, and what is
 * refused. The byte-for-byte matrix over batches, threads and pieces is `assay doctor invariance`,
 * run by tests/cli/engine.sh. */
#include "engine/infer/infer.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "check.h"
#include "engine/format/gguf.h"
#include "engine/format/npz.h"
#include "engine/model/synth.h"

enum { MOST = 16, ROOM = 64 };

static char folder[] = "/tmp/assay-infer-XXXXXX";
static as_exec ex;
static as_model *model; /* of the family under test */
static const char *const families[] = {"tiny-llama", "tiny-qwen3", "tiny-qwen35", "tiny-gemma4"};

/* What came of each request, by its number. */
typedef struct {
    size_t n_every; /* states kept by the first reading */
    as_key every;   /* their digest */
    uint32_t ids[ROOM];
    double logprob[ROOM];
    size_t n, width;
    as_finish finish;
    bool has;
    float x[512];
} outcome;

typedef struct {
    as_request request[MOST];
    outcome out[MOST];
    size_t n, next, n_logits;
} job;

static bool next(void *context, as_request *q, bool *has, as_error *err)
{
    job *j = context;
    (void)err;
    *has = j->next < j->n;
    if (*has) {
        *q = j->request[j->next];
        q->user = &j->out[j->next++];
    }
    return true;
}

static bool done(void *context, const as_request *q, const as_reply *r, as_error *err)
{
    outcome *o = q->user;
    (void)context, (void)err;
    o->n = r->n;
    o->finish = r->finish;
    memcpy(o->ids, r->ids, r->n * sizeof *r->ids);
    memcpy(o->logprob, r->logprob, r->n * sizeof *r->logprob);
    if (q->n_taps) {
        o->width = r->readings[0].width;
        const as_tap_row *t = &r->readings[0];
        o->has = as_tap_row_value(t, o->x);
        o->n_every = t->n_every;
        if (t->every &&
            !as_sha256_of(t->every, t->n_every * t->width * sizeof(float), o->every, err))
            return false;
    }
    return true;
}

static bool count_logits(void *context, const as_request *q, size_t position, const float *row,
                         as_error *err)
{
    job *j = context;
    (void)q, (void)position, (void)err;
    j->n_logits += row != NULL;
    return true;
}

static bool run(job *j, as_arm *const *arms, size_t n_arms, const as_infer_options *options,
                as_infer_count *count, as_error *err)
{
    as_sink sink = {.context = j, .next = next, .done = done, .logits = count_logits};
    j->next = 0;
    return as_infer(model, &ex, NULL, arms, n_arms, options, &sink, count, err);
}

static as_request plain(const uint32_t *ids, size_t n, size_t max_tokens)
{
    return (as_request){
        .ids = ids, .n = n, .decoding = as_decoding_greedy, .max_tokens = max_tokens, .seed = 1};
}

static as_arm *arm_of(const char *text, bool as_published)
{
    as_error err = {0};
    as_arm_options o = {as_published};
    as_arm *arm = as_arm_open(text, model, &ex, &o, &err);
    if (!arm) printf("%s: %s\n", err.where, err.what);
    return arm;
}

static const uint32_t prompt[] = {5, 9, 300, 41, 7, 7, 128, 2, 77, 19};

/* First attention layer, and one in the upper half. */
static size_t attention_layer(bool upper)
{
    const as_config *c = as_model_config(model);
    size_t l = upper ? c->n_layers / 2 : 0;
    while (c->layer[l].mixer != AS_MIX_ATTENTION) l++;
    return l;
}

/* ---- ends of replies ---- */

static void ends(void)
{
    static job j;
    as_error err = {0};
    as_arm *base = arm_of("base", false);
    memset(&j, 0, sizeof j);
    j.n = 1;
    j.request[0] = plain(prompt, 10, 8);
    CHECK(run(&j, &base, 1, NULL, NULL, &err));
    CHECK(j.out[0].n == 8 && j.out[0].finish == AS_FINISH_LENGTH);
    outcome whole = j.out[0];
    j.request[0].stop = &whole.ids[3];
    j.request[0].n_stop = 1;
    size_t first = 0;
    while (whole.ids[first] != whole.ids[3]) first++;
    CHECK(run(&j, &base, 1, NULL, NULL, &err));
    CHECK(j.out[0].n == first + 1 && j.out[0].finish == AS_FINISH_STOP);
    CHECK(memcmp(j.out[0].logprob, whole.logprob, (first + 1) * sizeof(double)) == 0);
    for (size_t i = 0; i < whole.n; i++) CHECK(whole.logprob[i] < 0);
    as_arm_close(base);
}

static void context_is_an_end(void)
{
    static job j;
    as_error err = {0};
    as_arm *base = arm_of("base", false);
    size_t positions = as_model_config(model)->max_positions;
    uint32_t *ids = calloc(positions + 1, sizeof *ids);
    memset(&j, 0, sizeof j);
    j.n = 1;
    j.request[0] = plain(ids, positions - 3, 50);
    CHECK(run(&j, &base, 1, NULL, NULL, &err));
    CHECK(j.out[0].n == 3 && j.out[0].finish == AS_FINISH_CONTEXT);
    j.request[0] = plain(ids, positions, 50);
    CHECK(!run(&j, &base, 1, NULL, NULL, &err));
    CHECK(err.class_ == AS_ELIMIT && strstr(err.what, "no room for a reply"));
    free(ids);
    as_arm_close(base);
}

/* ---- readings ---- */

static void readings_and_replay(void)
{
    static job j;
    as_error err = {0};
    as_arm *base = arm_of("base", false);
    size_t top = as_model_config(model)->n_layers;
    as_tap taps[] = {{AS_READ_HIDDEN, top, 1, AS_LAST_CONTENT},
                     {AS_READ_HIDDEN, 1, 1, AS_MEAN_CONTENT},
                     {AS_READ_HIDDEN, top, 1, AS_LAST_PROMPT},
                     {AS_READ_HIDDEN, top - 1, 2, AS_LAST_CONTENT},
                     {AS_READ_HIDDEN, top, 1, AS_END_OF_TURN}};
    memset(&j, 0, sizeof j);
    j.n = 5;
    for (size_t i = 0; i < 5; i++) {
        j.request[i] = plain(prompt, 10, 6);
        j.request[i].taps = &taps[i];
        j.request[i].n_taps = 1;
    }
    CHECK(run(&j, &base, 1, NULL, NULL, &err));
    static job again;
    again = j;
    for (size_t i = 0; i < 5; i++) {
        again.request[i].reply = j.out[i].ids;
        again.request[i].n_reply = j.out[i].n;
    }
    CHECK(run(&again, &base, 1, NULL, NULL, &err));
    for (size_t i = 0; i < 5; i++) {
        CHECK(j.out[i].has == (i < 4)); /* cut by length: there is no end of turn */
        CHECK(again.out[i].finish == AS_FINISH_GIVEN && again.out[i].has == j.out[i].has);
        CHECK(memcmp(again.out[i].logprob, j.out[i].logprob, 6 * sizeof(double)) == 0);
        if (i < 4) CHECK(memcmp(again.out[i].x, j.out[i].x, j.out[i].width * sizeof(float)) == 0);
    }
    CHECK(memcmp(j.out[0].x, j.out[2].x, j.out[0].width * sizeof(float)) != 0);
    for (size_t i = 0; i < 5; i++) { /* ended by its last token: that token is the end of turn */
        j.request[i].stop = &j.out[i].ids[5];
        j.request[i].n_stop = 1;
    }
    CHECK(run(&j, &base, 1, NULL, NULL, &err));
    CHECK(j.out[4].has && j.out[4].finish == AS_FINISH_STOP);
    as_arm_close(base);
}

/* A reading below the layer where a row leaves its leader sees every token once, too. */
static void followers_read_all_layers(void)
{
    static job j, alone;
    as_error err = {0};
    char text[64];
    snprintf(text, sizeof text, "temper: %zu.1=0.25", attention_layer(true));
    as_arm *arms[] = {arm_of("base", false), arm_of(text, false)};
    size_t top = as_model_config(model)->n_layers;
    for (size_t layer = 0; layer <= top; layer++) {
        as_tap tap = {AS_READ_HIDDEN, layer, 1, AS_EVERY};
        memset(&j, 0, sizeof j);
        j.n = 3;
        for (size_t i = 0; i < 3; i++) {
            j.request[i] = plain(prompt, 10, 3);
            j.request[i].arm = i / 2;
            j.request[i].taps = &tap;
            j.request[i].n_taps = 1;
        }
        alone = j;
        CHECK(run(&j, arms, 2, &(as_infer_options){.rows = 3, .piece = 4}, NULL, &err));
        CHECK(run(&alone, arms, 2, &(as_infer_options){.rows = 1, .no_sharing = true}, NULL, &err));
        for (size_t i = 0; i < 3; i++) {
            CHECK(j.out[i].n_every == 13 && alone.out[i].n_every == 13);
            CHECK_TEXT(j.out[i].every, alone.out[i].every);
        }
    }
    as_arm_close(arms[0]);
    as_arm_close(arms[1]);
}

static void every_logits_are_shown(void)
{
    static job j;
    as_error err = {0};
    as_arm *base = arm_of("base", false);
    memset(&j, 0, sizeof j);
    j.n = 1;
    j.request[0] = plain(prompt, 1, 0);
    j.request[0].reply = prompt + 1;
    j.request[0].n_reply = 9;
    j.request[0].every_logits = true;
    CHECK(run(&j, &base, 1, &(as_infer_options){.piece = 3}, NULL, &err));
    CHECK(j.n_logits == 10 && j.out[0].n == 9);
    as_arm_close(base);
}

/* ---- operators ---- */

static void arms_share_and_differ(void)
{
    static job j, alone;
    as_error err = {0};
    char text[64];
    as_infer_count shared, apart;
    snprintf(text, sizeof text, "half = temper: %zu.1=0.25", attention_layer(true));
    as_arm *arms[] = {arm_of("base", false), arm_of(text, false), arm_of("base2 = base", false)};
    CHECK_TEXT(as_arm_name(arms[1]), "half");
    memset(&j, 0, sizeof j);
    j.n = 3;
    for (size_t i = 0; i < 3; i++) {
        j.request[i] = plain(prompt, 10, 6);
        j.request[i].arm = i;
    }
    alone = j;
    CHECK(run(&j, arms, 3, &(as_infer_options){.rows = 3}, &shared, &err));
    CHECK(run(&alone, arms, 3, &(as_infer_options){.rows = 1, .no_sharing = true}, &apart, &err));
    for (size_t i = 0; i < 3; i++) {
        CHECK(memcmp(j.out[i].ids, alone.out[i].ids, 6 * sizeof(uint32_t)) == 0);
        CHECK(memcmp(j.out[i].logprob, alone.out[i].logprob, 6 * sizeof(double)) == 0);
    }
    CHECK(memcmp(j.out[0].logprob, j.out[2].logprob, 6 * sizeof(double)) == 0);
    CHECK(memcmp(j.out[0].logprob, j.out[1].logprob, 6 * sizeof(double)) != 0);
    CHECK(shared.n_computed < apart.n_computed);
    for (size_t i = 0; i < 3; i++) as_arm_close(arms[i]);
}

static void steering_moves_and_zero_does_not(void)
{
    static job j;
    as_error err = {0};
    char path[64], text[160];
    float v[64], zero[64] = {0};
    for (int i = 0; i < 64; i++) v[i] = (float)(i % 7) - 3;
    snprintf(path, sizeof path, "%s/v.npz", folder);
    as_npz_source arrays[] = {{{.name = "v", .type = AS_NPZ_F4, .n_dims = 1, .dim = {64}}, v},
                              {{.name = "z", .type = AS_NPZ_F4, .n_dims = 1, .dim = {64}}, zero}};
    CHECK(as_npz_write(path, arrays, 2, &err));
    as_arm *arms[4];
    arms[0] = arm_of("base", false);
    snprintf(text, sizeof text, "steer: %s#v@2 * 0.5", path);
    arms[1] = arm_of(text, false);
    snprintf(text, sizeof text, "steer: %s#z@2", path);
    arms[2] = arm_of(text, false);
    snprintf(text, sizeof text, "steer: %s#v@2 * 0", path);
    arms[3] = arm_of(text, false);
    memset(&j, 0, sizeof j);
    j.n = 4;
    for (size_t i = 0; i < 4; i++) {
        j.request[i] = plain(prompt, 10, 4);
        j.request[i].arm = i;
    }
    CHECK(run(&j, arms, 4, NULL, NULL, &err));
    CHECK(memcmp(j.out[0].logprob, j.out[1].logprob, 4 * sizeof(double)) != 0);
    for (size_t i = 2; i < 4; i++)
        CHECK(memcmp(j.out[0].logprob, j.out[i].logprob, 4 * sizeof(double)) == 0);
    for (size_t i = 0; i < 4; i++) as_arm_close(arms[i]);
}

/* What the arm says is scaled: where the slice starts and how wide it is. */
static void slice_of(const char *text, bool as_published, json_int_t *from, json_int_t *width)
{
    as_arm *arm = arm_of(text, as_published);
    const json_t *head = as_json_at(as_arm_record(arm), "/0/heads/0");
    *from = json_integer_value(json_object_get(head, "from"));
    *width = json_integer_value(json_object_get(head, "width"));
    as_arm_close(arm);
}

static void published_width_is_that_of_the_first_layer(void)
{
    json_int_t from, width;
    char text[64];
    const as_config *c = as_model_config(model);
    size_t l = attention_layer(false), first = as_head_width(c, l);
    for (; l < c->n_layers; l++) {
        if (c->layer[l].mixer != AS_MIX_ATTENTION) continue;
        snprintf(text, sizeof text, "temper: %zu.1=0.5", l);
        slice_of(text, false, &from, &width);
        CHECK(width == (json_int_t)as_head_width(c, l) && from == width);
        slice_of(text, true, &from, &width);
        CHECK(width == (json_int_t)first && from == width);
    }
}

static void bad_arms(void)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"temper: 99.0=0.5", "arm \"temper: 99.0=0.5\": temper: layer (found 99, expected 0 to "},
        {"temper: ", "heads (found \"\", expected LAYER.HEAD[,LAYER.HEAD]=LAMBDA)"},
        {"temper: =0.5", "heads (found \"=0.5\", expected LAYER.HEAD"},
        {"base: x", "base takes no argument (found \" x\")"},
        {"lora: \xff", "not UTF-8"},
        {"temper: 1.1=x", "heads (found \"1.1=x\", expected LAYER.HEAD[,LAYER.HEAD]=LAMBDA)"},
        {"tempr: 1.1=0.5", "operator (found \"tempr\", expected base, lora: , temper: or steer: )"},
        {"lora: /nowhere", "/nowhere/adapter_config.json"},
        {"steer: v.npz", "vector (found \"v.npz\", expected FILE.npz#ARRAY@LAYER)"},
        {"steer: v.npz#a@1 * q", "strength (found \" q\", expected a number after \"*\")"},
        {"", "operator (found \"\", expected base"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        as_error err = {0};
        char all[2048];
        CHECK(!as_arm_open(bad[i].text, model, &ex, NULL, &err));
        as_error_text(&err, all, sizeof all);
        CHECK(strstr(all, bad[i].message));
        if (!strstr(all, bad[i].message)) printf("  got: %s\n", all);
    }
    as_error err = {0};
    char text[64];
    const as_config *c = as_model_config(model);
    snprintf(text, sizeof text, "temper: %zu.%zu=0.5", attention_layer(false),
             c->layer[attention_layer(false)].heads);
    CHECK(!as_arm_open(text, model, &ex, NULL, &err) && strstr(err.what, "head (found"));
    for (size_t i = 0; i < 2; i++) {
        as_error twice = {0};
        snprintf(text, sizeof text, i ? "temper: %zu.1,%zu.1=0.5" : "temper: %zu.1,%zu=0.5",
                 attention_layer(false), attention_layer(false));
        CHECK(!as_arm_open(text, model, &ex, NULL, &twice) && twice.class_ == AS_EUSAGE);
        CHECK(strstr(twice.what, i ? "head 1 twice" : "heads (found"));
    }
}

/* ---- files of operators ---- */

static void write_text(char path[64], const char *name, const char *text)
{
    as_error err = {0};
    snprintf(path, 64, "%s/%s", folder, name);
    CHECK(as_file_replace(path, text, strlen(text), &err));
}

static void temper_files(void)
{
    as_error err = {0};
    size_t l = attention_layer(false);
    char path[64], arm_text[80], text[256], in_text[80];
    struct {
        const char *head, *more, *message;
    } bad[] = {{"\"layer\": 99, \"head\": 0, \"lambda\": 2", "", "heads[0]: layer (found 99"},
               {"\"layer\": 0, \"head\": 0, \"lambda\": \"2\"", "", "lambda (expected a number)"},
               {"\"layer\": 0, \"head\": 0, \"lamda\": 2", "", "lamda: unknown key"},
               {"\"layer\": 0, \"head\": 0, \"lambda\": 2", ", \"scope\": \"prompt\"",
                "scope: unknown key"},
               {"\"layer\": 0, \"head\": 0, \"lambda\": 2", ", \"model\": \"00\"",
                "model (found weights "}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        as_error why = {0};
        char all[2048];
        snprintf(text, sizeof text, "{\"schema\": \"assay.temper/1\", \"heads\": [{%s}]%s}",
                 bad[i].head, bad[i].more);
        write_text(path, "t.json", text);
        snprintf(arm_text, sizeof arm_text, "temper: %s", path);
        CHECK(!as_arm_open(arm_text, model, &ex, NULL, &why) && why.class_ == AS_EFORMAT);
        CHECK(strstr(as_error_text(&why, all, sizeof all), bad[i].message));
        if (!strstr(all, bad[i].message)) printf("  got: %s\n", all);
    }
    snprintf(text, sizeof text,
             "{\"schema\": \"assay.temper/1\", \"model\": \"%s\", \"heads\": [{\"layer\": %zu, "
             "\"head\": 1, \"lambda\": 0.5}]}",
             as_model_digest(model), l);
    write_text(path, "t.json", text);
    as_arm *from_file = as_arm_open(arm_text, model, &ex, NULL, &err);
    snprintf(in_text, sizeof in_text, "temper: %zu.1=0.5", l);
    as_arm *from_text = as_arm_open(in_text, model, &ex, NULL, &err);
    CHECK(from_file && from_text && json_equal(as_arm_record(from_file), as_arm_record(from_text)));
    as_arm_close(from_file);
    as_arm_close(from_text);
}

static bool write_control(const char *path, const char *const *name, size_t n, float value)
{
    as_error err = {0};
    as_gguf_out out = {0};
    float v[64];
    as_tensor_source t[4];
    for (size_t i = 0; i < 64; i++) v[i] = value * (float)(i % 5);
    as_gguf_put_text(&out, "general.architecture", "controlvector", 13);
    for (size_t i = 0; i < n; i++)
        t[i] = (as_tensor_source){
            .name = name[i], .dtype = AS_F32, .n_dims = 1, .dim = {64}, .data = v};
    bool ok = as_gguf_write(path, &out, t, n, &err);
    as_gguf_out_clear(&out);
    return ok;
}

/* The digest in the record of `steer: PATH`, "" when it was refused with err. */
static void steer_digest(const char *argument, char digest[65], as_error *err)
{
    char text[96];
    snprintf(text, sizeof text, "steer: %s", argument);
    as_arm *arm = as_arm_open(text, model, &ex, NULL, err);
    const char *s = arm ? json_string_value(as_json_at(as_arm_record(arm), "/0/digest")) : NULL;
    snprintf(digest, 65, "%s", s ? s : "");
    as_arm_close(arm);
}

static void control_vectors(void)
{
    char path[64], last[32], first[65], second[65];
    size_t top = as_model_config(model)->n_layers - 1;
    as_error err = {0};
    snprintf(path, sizeof path, "%s/c.gguf", folder);
    snprintf(last, sizeof last, "direction.%zu", top);
    CHECK(write_control(path, (const char *const[]){"direction.1"}, 1, 0.5f));
    steer_digest(path, first, &err);
    CHECK(write_control(path, (const char *const[]){"direction.1"}, 1, 0.25f));
    steer_digest(path, second, &err);
    CHECK(strlen(first) == 64 && strlen(second) == 64 && strcmp(first, second) != 0);
    const struct {
        const char *name, *what;
    } bad[] = {{"direction.0", "expected direction.N, N from 1"},
               {"direction.x", "expected direction.N, N from 1"},
               {"bias.1", "expected direction.N, N from 1"},
               {"direction.18446744073709551615", "layer (expected 1 to "},
               {last, "what leaves the last layer is not supported"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        as_error why = {0};
        CHECK(write_control(path, &bad[i].name, 1, 0.5f));
        steer_digest(path, first, &why);
        CHECK(why.class_ == AS_EFORMAT && strstr(why.what, bad[i].what));
        CHECK(strstr(why.where, bad[i].name) && strstr(why.where, path));
    }
}

/* A vector that changed under its name is seen in the record. */
static void steering_is_known_by_its_numbers(void)
{
    char path[64], text[96], digest[2][65];
    float v[64] = {0};
    snprintf(path, sizeof path, "%s/w.npz", folder);
    snprintf(text, sizeof text, "%s#v@1", path);
    for (size_t i = 0; i < 2; i++) {
        as_error err = {0};
        v[3] = (float)i + 1;
        as_npz_source a = {{.name = "v", .type = AS_NPZ_F4, .n_dims = 1, .dim = {64}}, v};
        CHECK(as_npz_write(path, &a, 1, &err));
        steer_digest(text, digest[i], &err);
        CHECK(strlen(digest[i]) == 64);
    }
    CHECK(strcmp(digest[0], digest[1]) != 0);
}

static void too_many_rows(void)
{
    static job j;
    as_arm *base = arm_of("base", false);
    as_infer_options bad[] = {{.rows = AS_INFER_MOST + 1}, {.step_tokens = SIZE_MAX / 2}};
    memset(&j, 0, sizeof j);
    for (size_t i = 0; i < 2; i++) {
        as_error err = {0};
        CHECK(!run(&j, &base, 1, &bad[i], NULL, &err) && err.class_ == AS_EUSAGE);
    }
    as_arm_close(base);
}

/* Groups larger than a step, beside rows that decode: all end, with the bits of rows alone. */
static void groups_larger_than_a_step(void)
{
    static job j, alone;
    as_error err = {0};
    as_arm *base = arm_of("base", false);
    memset(&j, 0, sizeof j);
    j.n = MOST;
    for (size_t i = 0; i < MOST; i++) j.request[i] = plain(prompt, i < 4 ? 3 : 10, 1 + i % 5);
    alone = j;
    CHECK(run(&j, &base, 1, &(as_infer_options){.rows = 12, .step_tokens = 12}, NULL, &err));
    CHECK(run(&alone, &base, 1, &(as_infer_options){.rows = 1, .no_sharing = true}, NULL, &err));
    for (size_t i = 0; i < MOST; i++) {
        CHECK(j.out[i].n == 1 + i % 5 && alone.out[i].n == j.out[i].n);
        CHECK(memcmp(j.out[i].logprob, alone.out[i].logprob, j.out[i].n * sizeof(double)) == 0);
    }
    as_arm_close(base);
}

static void bad_requests(void)
{
    static job j;
    as_arm *base = arm_of("base", false);
    uint32_t large[] = {512};
    const char *const stop[] = {"x"};
    struct {
        as_request q;
        const char *what;
    } bad[] = {{plain(prompt, 0, 4), "prompt without tokens"},
               {plain(large, 1, 4), "prompt: token 0 (found id 512, expected below 512)"},
               {plain(prompt, 2, 0), "no room for a reply (prompt 2, budget 0, positions "},
               {plain(prompt, 2, 4), "stop texts need a tokenizer"},
               {plain(prompt, 2, 4), "no arm 3"},
               {plain(prompt, 2, 4), "top-p (found 2"}};
    bad[3].q.stop_text = stop;
    bad[3].q.n_stop_text = 1;
    bad[4].q.arm = 3;
    bad[5].q.decoding.top_p = 2;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        as_error err = {0};
        memset(&j, 0, sizeof j);
        j.n = 1;
        j.request[0] = bad[i].q;
        CHECK(!run(&j, &base, 1, NULL, NULL, &err));
        CHECK(strstr(err.what, bad[i].what) && strstr(err.where, "request 0"));
        if (!strstr(err.what, bad[i].what)) printf("  got: %s: %s\n", err.where, err.what);
    }
    as_arm_close(base);
}

int main(void)
{
    as_error err = {0};
    char path[64];
    if (!mkdtemp(folder) || !as_exec_init(&ex, "auto", 2, &err)) return 1;
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, families[i]);
        if (!as_synth_model(path, families[i], 3, AS_F32, NULL, &err)) break;
        model = as_model_open(path, &ex, &(as_model_options){0}, &err);
        if (!model) break;
        RUN(ends);
        RUN(context_is_an_end);
        RUN(readings_and_replay);
        RUN(followers_read_all_layers);
        RUN(every_logits_are_shown);
        RUN(arms_share_and_differ);
        RUN(steering_moves_and_zero_does_not);
        RUN(published_width_is_that_of_the_first_layer);
        RUN(bad_arms);
        RUN(temper_files);
        RUN(control_vectors);
        RUN(steering_is_known_by_its_numbers);
        RUN(too_many_rows);
        RUN(groups_larger_than_a_step);
        RUN(bad_requests);
        as_model_close(model);
    }
    if (err.class_) printf("%s: %s\n", err.where, err.what);
    as_exec_clear(&ex);
    return check_end() || err.class_;
}
