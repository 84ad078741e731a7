/* engine/train/dataset: every allocation refused in turn, once and from there on. */
#include "check.h"

#include "base/file.h"
#include "engine/train/dataset.h"
#include "fail_alloc.h"

static as_tokenizer *tokenizer;
static as_template *chat;
static uint32_t stop;

typedef struct {
    const char *rows;
    as_dataset_options o;
} scenario;

static const scenario all[] = {
    {"{\"id\":1,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},"
     "{\"role\":\"assistant\",\"content\":\"<think>a</think>b\"}]}\n"
     "{\"messages\":[{\"role\":\"user\",\"content\":\"Bye\"},"
     "{\"role\":\"assistant\",\"content\":\"b\"}]}\n",
     {.mask = AS_MASK_ASSISTANT, .max_length = 99, .masks_think = true, .thinking = -1}},
    {"{\"prompt\":\"Q:\",\"chosen\":\" a\",\"rejected\":\" b\"}\n"
     "{\"prompt\":\"R:\",\"chosen\":\" a\",\"rejected\":\" b\"}\n",
     {.is_pair = true, .max_length = 99, .thinking = -1}},
    {"{\"prompt\":[{\"role\":\"user\",\"content\":\"Hi\"}],"
     "\"completion\":[{\"role\":\"assistant\",\"content\":\"b\"}]}\n"
     "{\"prompt\":[{\"role\":\"user\",\"content\":\"Ho\"}],"
     "\"completion\":[{\"role\":\"assistant\",\"content\":\"b\"}]}\n",
     {.max_length = 99, .thinking = -1}},
};

/* Opens, splits and orders. */
static bool run(const scenario *s, as_error *err)
{
    as_dataset d = {0}, held = {0};
    size_t order[2];
    bool ok = as_dataset_parse(&d, "t", s->rows, strlen(s->rows), &s->o, tokenizer, chat, &stop, 1,
                               as_tokenizer_size(tokenizer), err);
    CHECK(ok || (!d.n && !d.arena && !d.example));
    ok = ok && as_dataset_order(&d, AS_ORDER_BUCKETED, 1, 0, 1, order, err);
    if (ok && !as_dataset_split(&d, &held, 0.5, 1, err)) {
        ok = false;
        CHECK(d.n == 2 && !held.n && !held.arena);
    }
    CHECK(!ok || (d.n == 1 && held.n == 1));
    as_dataset_clear(&d);
    as_dataset_clear(&held);
    return ok;
}

static void refuse_each(void)
{
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        for (int from_on = 0; from_on < 2; from_on++) {
            size_t k = 1;
            for (bool refused = true; refused && !check_bad; k++) {
                as_error err = {0};
                size_t before = fail_alloc_live();
                fail_alloc_at(k, from_on == 1);
                bool ok = run(&all[i], &err);
                refused = fail_alloc_hit();
                fail_alloc_at(0, false);
                CHECK(ok == !refused);
                CHECK(err.class_ == (refused ? AS_EMEM : AS_OK));
                CHECK(fail_alloc_live() == before);
                if (check_bad)
                    printf("scenario %zu, allocation %zu: %s: %s\n", i, k, err.where, err.what);
            }
            CHECK(k > 40);
        }
    }
}

int main(void)
{
    static const char config[] = "{\"eos_token\": \"<|im_end|>\"}";
    as_error err = {0};
    as_buf json = {0}, jinja = {0};
    fail_alloc_init();
    if (!as_file_read("tests/golden/tokenizer/small.json", (size_t)1 << 20, &json, &err) ||
        !as_file_read("tests/golden/template/qwen3.jinja", (size_t)1 << 20, &jinja, &err))
        return 1;
    tokenizer = as_tokenizer_parse("T", json.data, json.size, config, sizeof config - 1, &err);
    chat = as_template_parse("C", jinja.data, jinja.size, &err);
    if (!tokenizer || !chat || !as_tokenizer_eos(tokenizer, &stop)) return 1;
    RUN(refuse_each);
    as_tokenizer_free(tokenizer);
    as_template_free(chat);
    as_buf_clear(&json);
    as_buf_clear(&jinja);
    return check_end();
}
