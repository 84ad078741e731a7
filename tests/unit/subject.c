/* lab/subject: a model opened with what belongs to it, prompts, and answers: that they depend on
 * their row alone, that a stored answer reads as the answer it is of, and what is refused before
 * any work. */
#include "subject_case.h"

#include "lab/subject/answer.h"

enum { MOST = 96, ROOM = 1024 };

static as_exec ex;
static as_local local;
static as_arena *arena;

/* ---- opening ---- */

static void opened(void)
{
    as_error err = {0};
    as_local text;
    uint32_t eos;
    CHECK(local.model && local.tokenizer && local.chat && local.has_thinking);
    CHECK_TEXT(local.path, in_root("m"));
    CHECK_TEXT(local.eos, "<|im_end|>");
    CHECK(!local.bos);
    CHECK(as_tokenizer_eos(local.tokenizer, &eos));
    CHECK(local.n_stop == 2 && local.stop[0] == 2 && local.stop[1] == eos);
    json_t *o = as_local_record(&local);
    CHECK_TEXT(json_string_value(json_object_get(o, "family")), "qwen3");
    CHECK_TEXT(json_string_value(json_object_get(o, "dtype")), "F32");
    CHECK_TEXT(json_string_value(json_object_get(o, "template")), local.chat_digest);
    CHECK_TEXT(json_string_value(json_object_get(o, "weights")), as_model_digest(local.model));
    json_decref(o);
    CHECK(as_local_open_text(&text, in_root("m"), NULL, NULL, &err));
    CHECK(!text.model && text.n_stop == 1 && text.stop[0] == eos);
    CHECK_TEXT(text.chat_digest, local.chat_digest);
    as_local_close(&text);
    as_local_close(&text);
}

static void opening_fails(void)
{
    as_error err = {0};
    as_local l;
    const as_local_options o = {0};
    const char *note = "left";
    char text[2048];
    CHECK(!as_local_open(&l, in_root("none"), &ex, &o, &note, &err));
    CHECK(err.class_ == AS_EUSAGE && !note && !l.arena);
    (void)subject_make("big", "tiny-qwen3");
    copy_file("tests/golden/tokenizer/qwen35.json", in_root("big/tokenizer.json"));
    err = (as_error){0};
    CHECK(!as_local_open(&l, in_root("big"), &ex, &o, NULL, &err) && !l.model && !l.tokenizer);
    CHECK(err.class_ == AS_EFORMAT);
    CHECK(strstr(as_error_text(&err, text, sizeof text), "tokenizer and embedding disagree"));
}

static void from_gguf(void)
{
    as_error err = {0};
    as_local l, text;
    const as_local_options o = {0};
    char path[160];
    must(as_synth_model(in_root("q.gguf"), "tiny-gemma4", 0, AS_F32, NULL, &err), &err);
    (void)snprintf(path, sizeof path, "%s", in_root("q.gguf"));
    CHECK(as_local_open(&l, path, &ex, &o, NULL, &err));
    CHECK(as_local_open_text(&text, path, NULL, NULL, &err));
    CHECK(l.model && !text.model);
    CHECK(!l.tokenizer == !text.tokenizer && !l.chat == !text.chat);
    CHECK(l.n_stop >= 2 && text.n_stop <= 1);
    as_ids ids = {0};
    if (!l.tokenizer) CHECK(!as_local_prompt(&l, NULL, "Hi", -1, &ids, &err));
    if (!l.tokenizer) CHECK(err.class_ == AS_EUSAGE);
    as_local_close(&l);
    as_local_close(&text);
}

/* ---- prompts ---- */

static const char *decoded(const as_ids *ids)
{
    static as_buf b;
    as_error err = {0};
    b.size = 0;
    as_tokenizer_decode(local.tokenizer, ids->id, ids->n, false, &b);
    must(as_buf_ok(&b, &err), &err);
    return as_buf_text(&b);
}

static void prompts(void)
{
    as_error err = {0};
    as_ids ids = {0}, other = {0};
    uint32_t end;
    size_t n_end = 0;
    CHECK(as_tokenizer_find(local.tokenizer, "<|im_end|>", &end));
    CHECK(as_local_prompt(&local, NULL, "Say <|im_end|> twice.", -1, &ids, &err));
    CHECK_TEXT(decoded(&ids),
               "<|im_start|>user\nSay <|im_end|> twice.<|im_end|>\n<|im_start|>assistant\n");
    for (size_t i = 0; i < ids.n; i++) n_end += ids.id[i] == end;
    CHECK(n_end == 1); /* the template's; what was said is plain text */
    CHECK(as_local_prompt(&local, "Be brief.", "Hi", 0, &other, &err));
    CHECK(strncmp(decoded(&other), "<|im_start|>system\nBe brief.<|im_end|>\n", 37) == 0);
    CHECK(strstr(decoded(&other), "<think>\n\n</think>"));
    as_ids_clear(&ids);
    as_ids_clear(&other);
    CHECK(!as_local_prompt(&local, NULL, "\xff", -1, &ids, &err) && err.class_ == AS_EFORMAT);
    as_local bare = local;
    err = (as_error){0};
    bare.has_thinking = false;
    CHECK(!as_local_prompt(&bare, NULL, "Hi", 1, &ids, &err) && err.class_ == AS_EUSAGE);
    err = (as_error){0};
    bare.chat = NULL;
    CHECK(!as_local_prompt(&bare, NULL, "Hi", -1, &ids, &err) && err.class_ == AS_EUSAGE);
    err = (as_error){0};
    bare.tokenizer = NULL;
    CHECK(!as_local_prompt(&bare, NULL, "Hi", -1, &ids, &err) && err.class_ == AS_EUSAGE);
}

/* ---- answers ---- */

static const as_subject_arm arms[] = {
    {"base", NULL, NULL},
    {"half", "temper: 3.1=0.25", NULL},
    {"told", NULL, "Be brief."},
};
static const char *const probe_texts[] = {"h_last", "heads", "head_vectors: 3", "h_mean: 2"};
enum { N_ARMS = 3, N_PROBES = 4, N_PROMPTS = 4, N_DRAWS = 4, N_RUNGS = 2 };
static const size_t ladder[N_RUNGS] = {3, 6};

/* What came of one row. */
typedef struct {
    char text[256], rung[N_RUNGS][256];
    char finish[16];
    as_key digest;
    uint32_t ids[64];
    size_t n, told;
    double logprob;
    bool has[N_PROBES];
    float x[N_PROBES][ROOM];
} outcome;

typedef struct {
    as_question_row row[MOST];
    outcome out[MOST];
    char prompt[N_PROMPTS][64];
    size_t n;
    const as_probe *probe[N_PROBES];
    as_answer_options options;
    sig_atomic_t stop;
    size_t stop_after, fail_after, n_told;
} job;

static bool keep(void *context, const as_question_row *q, const as_answer_row *a, as_error *err)
{
    job *j = context;
    outcome *o = q->user;
    o->told++;
    (void)snprintf(o->text, sizeof o->text, "%s", a->text);
    (void)snprintf(o->finish, sizeof o->finish, "%s", a->finish);
    memcpy(o->digest, a->ids_digest, sizeof o->digest);
    o->n = a->n;
    CHECK(a->n <= 64);
    if (a->n) memcpy(o->ids, a->ids, a->n * sizeof *a->ids);
    o->logprob = a->mean_logprob;
    for (size_t i = 0; i < j->options.n_ladder; i++)
        (void)snprintf(o->rung[i], sizeof o->rung[i], "%s", a->rung_text[i]);
    for (size_t p = 0; p < j->options.n_probes; p++) {
        o->has[p] = a->reading[p];
        CHECK(j->probe[p]->dim <= ROOM);
        if (o->has[p]) memcpy(o->x[p], a->reading[p], j->probe[p]->dim * sizeof(float));
    }
    if (++j->n_told == j->stop_after) j->stop = 1;
    return j->n_told != j->fail_after || as_fail(err, AS_EIO, "no room");
}

/* Every prompt under every arm, in several draws; prompts of one text are not neighbours. */
static job *job_new(double temperature)
{
    as_error err = {0};
    job *j = as_new(1, sizeof *j, &err);
    must(j != NULL, &err);
    for (size_t i = 0; i < N_PROMPTS; i++)
        (void)snprintf(j->prompt[i], sizeof j->prompt[i], "How hot is %s %zu?",
                       i % 2 ? "a kettle of tea" : "tea", i);
    for (size_t d = 0; d < N_DRAWS; d++)
        for (size_t a = 0; a < N_ARMS; a++)
            for (size_t i = 0; i < N_PROMPTS; i++) {
                j->row[j->n] = (as_question_row){.prompt = j->prompt[i],
                                                 .arm = a,
                                                 .seed = 10 * i + d,
                                                 .max_tokens = 4 + i,
                                                 .user = &j->out[j->n]};
                j->n++;
            }
    for (size_t p = 0; p < N_PROBES; p++) {
        j->probe[p] = as_probe_parse(probe_texts[p], as_model_config(local.model), arena, &err);
        must(j->probe[p] != NULL, &err);
    }
    j->options =
        (as_answer_options){.decoding = {.temperature = temperature, .top_p = 1, .penalty = 1},
                            .thinking = 0,
                            .probes = j->probe,
                            .n_probes = N_PROBES,
                            .ladder = ladder,
                            .n_ladder = N_RUNGS};
    return j;
}

static bool answer(job *j, const as_local *l, const as_exec *with, as_error *err)
{
    const as_answer_sink sink = {j, keep};
    j->n_told = 0;
    for (size_t i = 0; i < j->n; i++) j->out[i] = (outcome){0};
    return as_answer_all(l, with, arms, N_ARMS, j->row, j->n, &j->options, &sink, err);
}

static bool same_reading(const job *j, const outcome *a, const outcome *b)
{
    for (size_t p = 0; p < N_PROBES; p++)
        if (a->has[p] != b->has[p] ||
            (a->has[p] && memcmp(a->x[p], b->x[p], j->probe[p]->dim * sizeof(float)) != 0))
            return false;
    return true;
}

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static bool same(const job *j, const outcome *a, const outcome *b)
{
    return a->told == 1 && b->told == 1 && a->n == b->n && strcmp(a->text, b->text) == 0 &&
           strcmp(a->finish, b->finish) == 0 && strcmp(a->digest, b->digest) == 0 &&
           memcmp(a->ids, b->ids, sizeof a->ids) == 0 && same_bits(a->logprob, b->logprob) &&
           strcmp(a->rung[0], b->rung[0]) == 0 && same_reading(j, a, b);
}

static void told_once_each(void)
{
    as_error err = {0};
    job *j = job_new(1);
    CHECK(answer(j, &local, &ex, &err));
    CHECK(j->n_told == j->n);
    for (size_t i = 0; i < j->n; i++) {
        const outcome *o = &j->out[i];
        CHECK(o->told == 1 && o->n >= 1 && o->n <= j->row[i].max_tokens && o->logprob < 0);
        CHECK(o->has[0] == (strcmp(o->finish, "stop") != 0 || o->n > 1));
        as_ids ids = {0};
        as_key digest;
        CHECK(as_local_prompt(&local, arms[j->row[i].arm].system, j->row[i].prompt, 0, &ids, &err));
        CHECK(as_sha256_of(ids.id, ids.n * sizeof *ids.id, digest, &err));
        CHECK_TEXT(o->digest, digest);
        as_ids_clear(&ids);
    }
    free(j);
}

/* The same answers for any order, any number side by side, and any number of threads; a row alone
 * is the row in company. */
static void neighbours_change_nothing(void)
{
    static const size_t side[] = {1, 5, 64, 0};
    as_error err = {0};
    job *j = job_new(1.5), *k = job_new(1.5);
    CHECK(answer(j, &local, &ex, &err));
    for (size_t s = 0; s < sizeof side / sizeof *side; s++) {
        as_rng rng = as_rng_at(s, "rows", 0);
        size_t place[MOST];
        as_exec with;
        must(as_exec_init(&with, s % 2 ? "auto" : "scalar",
                          s == 1   ? 1
                          : s == 2 ? 7
                                   : 2,
                          &err),
             &err);
        for (size_t i = 0; i < j->n; i++) place[i] = i;
        if (s) as_rng_shuffle(&rng, place, j->n);
        k->n = s == 3 ? 7 : j->n;
        for (size_t i = 0; i < k->n; i++) {
            k->row[i] = j->row[place[i]];
            k->row[i].user = &k->out[i];
        }
        k->options.rows = side[s];
        CHECK(answer(k, &local, &with, &err));
        for (size_t i = 0; i < k->n; i++) CHECK(same(j, &k->out[i], &j->out[place[i]]));
        as_exec_clear(&with);
    }
    free(j);
    free(k);
}

static void arms_matter(void)
{
    as_error err = {0};
    job *j = job_new(1);
    size_t other = 0;
    CHECK(answer(j, &local, &ex, &err));
    for (size_t i = 0; i < N_PROMPTS; i++) {
        const outcome *base = &j->out[i], *half = &j->out[N_PROMPTS + i],
                      *told = &j->out[2 * N_PROMPTS + i];
        CHECK_TEXT(base->digest, half->digest);
        CHECK(strcmp(base->digest, told->digest) != 0);
        other += !same_bits(base->logprob, half->logprob);
    }
    CHECK(other == N_PROMPTS);
    free(j);
}

/* Each vector is that of its probe asked for alone, as long as the probe says. */
static void probes_stand_apart(void)
{
    as_error err = {0};
    job *j = job_new(1), *k = job_new(1);
    CHECK(answer(j, &local, &ex, &err));
    for (size_t p = 0; p < N_PROBES; p++) {
        const size_t bytes = j->probe[p]->dim * sizeof(float);
        k->options.probes = &j->probe[p];
        k->options.n_probes = 1;
        k->probe[0] = j->probe[p];
        CHECK(answer(k, &local, &ex, &err));
        for (size_t i = 0; i < j->n; i++) {
            CHECK(k->out[i].has[0] == j->out[i].has[p]);
            CHECK(memcmp(k->out[i].x[0], j->out[i].x[p], bytes) == 0);
        }
    }
    free(j);
    free(k);
}

/* A rung is what that budget gives. */
static void rungs(void)
{
    as_error err = {0};
    job *j = job_new(1), *k = job_new(1);
    size_t shorter = 0;
    CHECK(answer(j, &local, &ex, &err));
    for (size_t r = 0; r < N_RUNGS; r++) {
        for (size_t i = 0; i < k->n; i++)
            if (j->row[i].max_tokens > ladder[r]) k->row[i].max_tokens = ladder[r];
        k->options.n_ladder = 0;
        CHECK(answer(k, &local, &ex, &err));
        for (size_t i = 0; i < k->n; i++) {
            CHECK_TEXT(j->out[i].rung[r], k->out[i].text);
            shorter += strcmp(j->out[i].rung[r], j->out[i].text) != 0;
        }
        for (size_t i = 0; i < k->n; i++) k->row[i].max_tokens = j->row[i].max_tokens;
    }
    CHECK(shorter > N_PROMPTS);
    free(j);
    free(k);
}

/* ---- replay ---- */

/* Does the text become the tokens that were generated, but for the stop token? */
static bool is_canonical(const outcome *o)
{
    as_error err = {0};
    as_ids ids = {0};
    size_t n = o->n - (strcmp(o->finish, "stop") == 0);
    must(as_tokenizer_encode(local.tokenizer, o->text, strlen(o->text), AS_TEXT_PLAIN, &ids, &err),
         &err);
    bool yes = ids.n == n && (!n || memcmp(ids.id, o->ids, n * sizeof *o->ids) == 0);
    as_ids_clear(&ids);
    return yes;
}

/* How many answers were compared: ended by a stop token, cut, with a window of tokens. */
typedef struct {
    size_t stopped, cut, windows;
} tally;

static void replay(const as_local *l, uint64_t seed, tally *t)
{
    as_error err = {0};
    job *j = job_new(3), *k = job_new(3);
    for (size_t i = 0; i < j->n; i++) {
        j->row[i].seed += seed;
        j->row[i].max_tokens = 2 + i % 4;
    }
    CHECK(answer(j, l, &ex, &err));
    for (size_t i = 0; i < j->n; i++) {
        k->row[i] = j->row[i];
        k->row[i].user = &k->out[i];
        k->row[i].stored = j->out[i].text;
        k->row[i].max_tokens = 0;
    }
    CHECK(answer(k, l, &ex, &err));
    for (size_t i = 0; i < j->n; i++) {
        const outcome *a = &j->out[i], *b = &k->out[i];
        CHECK_TEXT(b->finish, "given");
        CHECK_TEXT(b->text, a->text);
        CHECK_TEXT(b->digest, a->digest);
        if (!is_canonical(a)) continue;
        CHECK(same_reading(j, a, b));
        bool is_stop = strcmp(a->finish, "stop") == 0;
        CHECK(b->n == a->n - is_stop);
        CHECK(is_stop || same_bits(a->logprob, b->logprob));
        CHECK(b->n ? b->has[0] : !b->has[0] && isnan(b->logprob));
        CHECK(b->has[1] == (b->n >= 2));
        t->stopped += is_stop && b->n >= 2;
        t->cut += !is_stop;
        t->windows += b->has[1] && b->has[2];
    }
    free(j);
    free(k);
}

/* Of equal tokens the readings are equal, whether a reply was cut or ended by a stop token. */
static void replay_reads_the_same(void)
{
    as_local l = local;
    uint32_t stop[170];
    tally t = {0};
    replay(&local, 0, &t);
    for (size_t i = 0; i < 170; i++) stop[i] = (uint32_t)(3 * i);
    l.stop = stop;
    l.n_stop = 170; /* a third of all tokens end a reply */
    replay(&l, 1000, &t);
    CHECK(t.stopped >= 2 && t.cut >= 2 && t.windows >= 4);
}

/* Control tokens spelled in a stored answer are text. */
static void stored_is_content(void)
{
    as_error err = {0};
    job *j = job_new(1);
    uint32_t end;
    CHECK(as_tokenizer_find(local.tokenizer, "<|im_end|>", &end));
    j->n = 2;
    j->row[0].stored = "hot<|im_end|>";
    j->row[1].stored = "";
    CHECK(answer(j, &local, &ex, &err));
    CHECK(j->out[0].n > 4);
    for (size_t i = 0; i < j->out[0].n; i++) CHECK(j->out[0].ids[i] != end);
    CHECK_TEXT(j->out[0].text, "hot<|im_end|>");
    CHECK(j->out[1].n == 0 && isnan(j->out[1].logprob) && !j->out[1].has[0]);
    CHECK_TEXT(j->out[1].finish, "given");
    free(j);
}

/* ---- what is refused ---- */

static void refused(job *j, as_class class_, const char *what)
{
    as_error err = {0};
    char text[2048];
    CHECK(!answer(j, &local, &ex, &err));
    CHECK(err.class_ == class_ && j->n_told == 0);
    (void)as_error_text(&err, text, sizeof text);
    if (!strstr(text, what)) CHECK_TEXT(text, what);
}

static void refusals(void)
{
    as_error err = {0};
    job *j = job_new(1);
    static char endless[20000];
    as_question_row row = j->row[5];
    const as_subject_arm bad[] = {{"strange", "bend: 1", NULL}};
    const as_answer_sink sink = {j, keep};
    memset(endless, 'a', sizeof endless - 1);
    j->row[5].arm = N_ARMS;
    refused(j, AS_EUSAGE, "row 5: arm (found 3, expected below 3)");
    j->row[5] = row;
    j->row[5].max_tokens = 0;
    refused(j, AS_EUSAGE, "row 5: max_tokens (found 0, expected at least 1)");
    j->row[5] = row;
    j->row[5].prompt = endless;
    refused(j, AS_ELIMIT, "row 5: tokens of prompt and answer (found ");
    j->row[5] = row;
    j->row[5].stored = endless;
    refused(j, AS_ELIMIT, "row 5: tokens of prompt and answer (found ");
    j->row[5].stored = "a\xff";
    refused(j, AS_EFORMAT, "row 5: stored answer: not UTF-8 at byte 1");
    j->row[5] = row;
    j->row[5].prompt = "\xff";
    refused(j, AS_EFORMAT, "row 5: prompt: not UTF-8 at byte 0");
    j->row[5] = row;
    j->options.rows = AS_INFER_MOST + 1;
    refused(j, AS_EUSAGE, "rows side by side");
    j->options.rows = 0;
    j->options.decoding.top_p = 2;
    refused(j, AS_EUSAGE, "top");
    j->n = 1;
    CHECK(!as_answer_all(&local, &ex, bad, 1, j->row, 1, &j->options, &sink, &err));
    j->options.decoding.top_p = 1;
    err = (as_error){0};
    CHECK(!as_answer_all(&local, &ex, bad, 1, j->row, 1, &j->options, &sink, &err));
    CHECK(err.class_ == AS_EUSAGE && strstr(err.where, "arm \"strange\""));
    err = (as_error){0};
    CHECK(as_answer_all(&local, &ex, arms, N_ARMS, NULL, 0, &j->options, &sink, &err));
    free(j);
}

static void interrupted_and_failing(void)
{
    as_error err = {0};
    job *j = job_new(1);
    char text[2048];
    j->options.stop = &j->stop;
    j->options.rows = 2;
    j->stop_after = 3;
    CHECK(!answer(j, &local, &ex, &err));
    CHECK(err.class_ == AS_ESTATE && j->n_told >= 3 && j->n_told < j->n);
    CHECK_TEXT(as_error_text(&err, text, sizeof text), "interrupted");
    j->stop = 0;
    j->stop_after = 0;
    j->fail_after = 4;
    err = (as_error){0};
    CHECK(!answer(j, &local, &ex, &err));
    CHECK(err.class_ == AS_EIO && j->n_told == 4);
    free(j);
}

int main(void)
{
    as_error err = {0};
    const as_local_options options = {0};
    const char *note = "left";
    check_name = "main";
    subject_begin();
    must(as_exec_init(&ex, "auto", 2, &err), &err);
    arena = as_arena_new(&err);
    must(arena &&
             as_local_open(&local, subject_make("m", "tiny-qwen3"), &ex, &options, &note, &err),
         &err);
    if (note) exit(1);
    RUN(opened);
    RUN(opening_fails);
    RUN(from_gguf);
    RUN(prompts);
    RUN(told_once_each);
    RUN(neighbours_change_nothing);
    RUN(arms_matter);
    RUN(probes_stand_apart);
    RUN(rungs);
    RUN(replay_reads_the_same);
    RUN(stored_is_content);
    RUN(refusals);
    RUN(interrupted_and_failing);
    as_local_close(&local);
    as_arena_free(arena);
    as_exec_clear(&ex);
    subject_end();
    return check_end();
}
