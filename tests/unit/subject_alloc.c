/* A subject opened, asked and trained with allocations refused in turn, once and from there on: an
 * error, nothing leaked. */
#include "subject_case.h"

#include "fail_alloc.h"
#include "lab/subject/answer.h"
#include "lab/treatment/training.h"

static as_exec ex;
static as_local local;
static const char *folder;
static size_t every; /* so many allocations are passed over between refusals */

/* Runs `what` with each k-th allocation refused until it needs fewer. */
static void each(bool (*what)(as_error *err))
{
    for (int from_on = 0; from_on < 2; from_on++) {
        bool refused = true;
        for (size_t k = 1; refused; k += every) {
            as_error err = {0};
            size_t before = fail_alloc_live();
            fail_alloc_at(k, from_on == 1);
            bool ok = what(&err);
            refused = fail_alloc_hit();
            fail_alloc_at(0, false);
            CHECK(ok == !refused);
            CHECK(err.class_ == (refused ? AS_EMEM : AS_OK));
            CHECK(fail_alloc_live() == before);
            if (check_bad) {
                printf("allocation %zu%s: %s\n", k, from_on ? " and on" : "", err.what);
                return;
            }
        }
    }
}

static bool open_once(as_error *err)
{
    const as_local_options o = {0};
    as_local l;
    if (!as_local_open(&l, folder, &ex, &o, NULL, err)) return false;
    as_local_close(&l);
    return true;
}

static void opening(void)
{
    every = 97;
    each(open_once);
}

static bool keep(void *context, const as_question_row *q, const as_answer_row *a, as_error *err)
{
    (void)context, (void)q, (void)err;
    return a->text != NULL;
}

static bool answer_once(as_error *err)
{
    static const size_t ladder[] = {2};
    const as_subject_arm arms[] = {{"base", NULL, NULL}, {"half", "temper: 3.1=0.25", "Be brief."}};
    const as_question_row rows[] = {{.prompt = "tea?", .max_tokens = 3},
                                    {.prompt = "hot?", .arm = 1, .stored = "It is hot."},
                                    {.prompt = "tea?", .arm = 1, .max_tokens = 3}};
    const as_answer_sink sink = {NULL, keep};
    as_arena *a = as_arena_new(err);
    const as_probe *probe[2] = {NULL, NULL};
    if (a) probe[0] = as_probe_parse("h_last", as_model_config(local.model), a, err);
    if (probe[0]) probe[1] = as_probe_parse("heads: 2", as_model_config(local.model), a, err);
    const as_answer_options o = {.decoding = as_decoding_greedy,
                                 .thinking = -1,
                                 .probes = probe,
                                 .n_probes = 2,
                                 .ladder = ladder,
                                 .n_ladder = 1};
    bool ok = probe[1] && as_answer_all(&local, &ex, arms, 2, rows, 3, &o, &sink, err);
    as_arena_free(a);
    return ok;
}

static void answering(void)
{
    every = 1;
    each(answer_once);
}

static bool learn_once(as_error *err)
{
    static const char rows[] =
        "{\"messages\": [{\"role\": \"user\", \"content\": \"Hot?\"}, {\"role\": "
        "\"assistant\", \"content\": \"Yes.\"}]}\n"
        "{\"messages\": [{\"role\": \"user\", \"content\": \"Cold?\"}, {\"role\": "
        "\"assistant\", \"content\": \"No.\"}]}\n";
    const as_train_plan plan = {.data = "rows",
                                .held_share = 0.5,
                                .dataset = {.mask = AS_MASK_COMPLETION, .thinking = -1},
                                .adapter = {.rank = 2, .alpha = 4, .target = "attention"},
                                .train = {.batch = 2, .epochs = 1, .optimiser = {.name = "adamw"}}};
    const as_learning_options o = {.plan = &plan,
                                   .name = "hot",
                                   .local = &local,
                                   .ex = &ex,
                                   .rows = rows,
                                   .n_rows_bytes = sizeof rows - 1};
    as_learning *t = as_learning_open(&o, err);
    as_learning_close(t);
    return t;
}

static void learning(void)
{
    every = 7;
    each(learn_once);
}

int main(void)
{
    as_error err = {0};
    const as_local_options o = {0};
    check_name = "main";
    fail_alloc_init();
    subject_begin();
    must(as_exec_init(&ex, "auto", 1, &err), &err);
    folder = subject_make("m", "tiny-qwen3");
    must(as_local_open(&local, folder, &ex, &o, NULL, &err), &err);
    RUN(opening);
    RUN(answering);
    RUN(learning);
    as_local_close(&local);
    as_exec_clear(&ex);
    subject_end();
    return check_end();
}
