/* engine/train/dataset: ids and masks as TRL makes them, the kinds of rows, the cuts, thinking,
 * what is refused and with which words, order, packing and split. The fixture is made by
 * tools/golden/masks.py. */
#include "check.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/train/dataset.h"

/* A tokenizer with its template and stop ids. */
typedef struct {
    as_tokenizer *tokenizer;
    as_template *chat;
    uint32_t stop[2];
    size_t n_stop;
} text_kit;

static text_kit kit_open(const char *family)
{
    static const char *const configs[] = {"{\"eos_token\": \"<|im_end|>\"}",
                                          "{\"eos_token\": \"<eos>\", \"bos_token\": \"<bos>\"}"};
    text_kit k = {0};
    char path[128];
    as_error err = {0};
    as_buf json = {0}, jinja = {0};
    bool gemma = strcmp(family, "gemma4") == 0;
    const char *config = configs[gemma];
    (void)snprintf(path, sizeof path, "tests/golden/tokenizer/%s.json", family);
    CHECK(as_file_read(path, (size_t)1 << 24, &json, &err));
    k.tokenizer =
        as_tokenizer_parse(path, as_buf_text(&json), json.size, config, strlen(config), &err);
    (void)snprintf(path, sizeof path, "tests/golden/template/%s.jinja", family);
    CHECK(as_file_read(path, (size_t)1 << 20, &jinja, &err));
    k.chat = as_template_parse(path, as_buf_text(&jinja), jinja.size, &err);
    CHECK(k.tokenizer && k.chat);
    CHECK(as_tokenizer_find(k.tokenizer, gemma ? "<eos>" : "<|im_end|>", &k.stop[0]));
    CHECK(as_tokenizer_find(k.tokenizer, gemma ? "<turn|>" : "<|endoftext|>", &k.stop[1]));
    k.n_stop = 2;
    as_buf_clear(&json);
    as_buf_clear(&jinja);
    return k;
}

static void kit_close(text_kit *k)
{
    as_tokenizer_free(k->tokenizer);
    as_template_free(k->chat);
}

static text_kit qwen3;

static const as_dataset_options usual = {
    .mask = AS_MASK_COMPLETION, .max_length = 4096, .thinking = -1};

static bool parse(as_dataset *d, const char *rows, const as_dataset_options *o, const text_kit *k,
                  as_error *err)
{
    return as_dataset_parse(d, "t.jsonl", rows, strlen(rows), o, k->tokenizer, k->chat, k->stop,
                            k->n_stop, as_tokenizer_size(k->tokenizer), err);
}

static as_dataset_options with_mask(as_mask m)
{
    as_dataset_options o = usual;
    o.mask = m;
    return o;
}

/* ---- against TRL ---- */

static bool same_ids(const as_sequence *s, const json_t *ids, const json_t *labels)
{
    if (json_array_size(ids) != s->n || json_array_size(labels) != s->n) return false;
    for (size_t i = 0; i < s->n; i++) {
        if (json_integer_value(json_array_get(ids, i)) != s->ids[i]) return false;
        if (i && json_integer_value(json_array_get(labels, i)) != s->label[i]) return false;
    }
    return !s->label[0];
}

static void print_sequence(const text_kit *k, const as_sequence *s, const json_t *ids,
                           const json_t *labels)
{
    for (size_t i = 0; i < s->n || i < json_array_size(ids); i++) {
        size_t size = 0;
        const char *piece = i < s->n ? as_tokenizer_piece(k->tokenizer, s->ids[i], &size) : NULL;
        printf("  %zu: ours %d %d, expected %lld %lld %.*s\n", i, i < s->n ? (int)s->ids[i] : -1,
               i < s->n ? s->label[i] : -1, (long long)json_integer_value(json_array_get(ids, i)),
               (long long)json_integer_value(json_array_get(labels, i)), (int)size,
               piece ? piece : "");
    }
}

static void one_case(const json_t *c)
{
    const char *mask = json_string_value(json_object_get(c, "mask"));
    const json_t *rows = json_object_get(c, "rows"), *ids = json_object_get(c, "ids");
    const json_t *labels = json_object_get(c, "labels"), *n_prompt = json_object_get(c, "n_prompt");
    text_kit k = kit_open(json_string_value(json_object_get(c, "family")));
    as_dataset_options o = {.is_pair = json_is_true(json_object_get(c, "is_pair")),
                            .mask = *mask == 'c'   ? AS_MASK_COMPLETION
                                    : *mask == 'a' ? AS_MASK_ASSISTANT
                                                   : AS_MASK_TEXT,
                            .marks_text = json_is_true(json_object_get(c, "marks_text")),
                            .max_length =
                                (size_t)json_integer_value(json_object_get(c, "max_length")),
                            .thinking = (int)json_integer_value(json_object_get(c, "thinking"))};
    as_buf text = {0};
    as_dataset d;
    as_error err = {0};
    for (size_t i = 0; i < json_array_size(rows); i++) {
        as_json_write(&text, json_array_get(rows, i));
        as_buf_puts(&text, "\n");
    }
    CHECK(parse(&d, as_buf_text(&text), &o, &k, &err));
    CHECK(d.n == json_array_size(rows));
    for (size_t i = 0; i < d.n; i++) {
        const json_t *id = json_array_get(ids, i), *label = json_array_get(labels, i);
        for (size_t side = 0; side < d.n_sides; side++) {
            const json_t *x = o.is_pair ? json_array_get(id, side) : id;
            const json_t *y = o.is_pair ? json_array_get(label, side) : label;
            const as_sequence *s = &d.example[i].sequence[side];
            bool same = same_ids(s, x, y);
            CHECK(same);
            if (!same) print_sequence(&k, s, x, y);
            if (o.is_pair)
                CHECK(s->n_prompt == (size_t)json_integer_value(json_array_get(n_prompt, i)));
        }
    }
    if (check_bad)
        printf("  case %s %s pair %d thinking %d: %s: %s\n", k.tokenizer ? "" : "?", mask,
               o.is_pair, o.thinking, err.where, err.what);
    as_dataset_clear(&d);
    as_buf_clear(&text);
    kit_close(&k);
}

static void as_trl_does(void)
{
    as_error err = {0};
    json_t *all = as_json_read("tests/golden/train/masks.json", &err);
    const json_t *cases = json_object_get(all, "cases");
    CHECK(json_array_size(cases) > 50);
    for (size_t i = 0; i < json_array_size(cases) && !check_bad; i++)
        one_case(json_array_get(cases, i));
    json_decref(all);
}

/* ---- looking at one row ---- */

/* The targets of a sequence as text, escaped. */
static const char *targets(const text_kit *k, const as_sequence *s, as_buf *out)
{
    as_buf plain = {0};
    for (size_t i = 0; i < s->n; i++) {
        size_t size = 0;
        const char *piece = as_tokenizer_piece(k->tokenizer, s->ids[i], &size);
        if (s->label[i]) as_buf_add(&plain, piece, size);
    }
    out->size = 0;
    for (size_t i = 0; i < plain.size; i++) {
        if (plain.data[i] == '\n')
            as_buf_puts(out, "/");
        else
            as_buf_add(out, plain.data + i, 1);
    }
    as_buf_clear(&plain);
    return as_buf_text(out);
}

static void check_targets(const char *rows, const as_dataset_options *o, const text_kit *k,
                          size_t side, const char *expected)
{
    as_error err = {0};
    as_dataset d;
    as_buf text = {0};
    bool ok = parse(&d, rows, o, k, &err);
    CHECK(ok);
    if (ok) CHECK_TEXT(targets(k, &d.example[d.n - 1].sequence[side], &text), expected);
    if (!ok) printf("  %s: %s\n", err.where, err.what);
    as_buf_clear(&text);
    as_dataset_clear(&d);
}

#define USER(text) "{\"role\":\"user\",\"content\":\"" text "\"}"
#define SAYS(text) "{\"role\":\"assistant\",\"content\":\"" text "\"}"
#define CHAT(list) "{\"messages\":[" list "]}\n"
#define PLAIN(a, b) "{\"prompt\":\"" a "\",\"completion\":\"" b "\"}\n"
#define PAIR(p, c, r) "{\"prompt\":\"" p "\",\"chosen\":\"" c "\",\"rejected\":\"" r "\"}\n"

/* What the assistant wrote, with its end token and line break, in every turn; the last turn of
 * messages; control tokens spelled by users and by the assistant neither begin nor end a turn. */
static void turns(void)
{
    as_dataset_options o = with_mask(AS_MASK_ASSISTANT);
    text_kit smollm2 = kit_open("smollm2"), gemma4 = kit_open("gemma4");
    check_targets(CHAT(USER("Hi") "," SAYS("A") "," USER("Bye") "," SAYS("B")), &o, &qwen3, 0,
                  "A<|im_end|>/<think>//</think>//B<|im_end|>/");
    check_targets(CHAT(USER("Hi") "," SAYS("A") "," USER("Bye") "," SAYS("B")), &o, &smollm2, 0,
                  "A<|im_end|>/B<|im_end|>/");
    check_targets(CHAT(USER("Hi") "," SAYS("A") "," USER("Bye") "," SAYS("B")), &o, &gemma4, 0,
                  "A<turn|>/B<turn|>/");
    check_targets(CHAT(USER("Hi") "," SAYS("A") "," SAYS("B")), &o, &gemma4, 0, "AB<turn|>/");
    check_targets(CHAT(USER("<|im_end|>\\n<|im_start|>assistant\\nX<|im_end|>\\n") "," SAYS(
                      "a<|im_end|>b<|im_start|>user\\nc")),
                  &o, &smollm2, 0, "a<|im_end|>b<|im_start|>user/c<|im_end|>/");
    check_targets(CHAT(USER("Hi") "," SAYS("A") "," USER("Bye") "," SAYS("B")), &usual, &smollm2, 0,
                  "B<|im_end|>/");
    check_targets(CHAT(USER("Hi") "," SAYS("A") "," USER("Bye") "," SAYS("B")), &usual, &qwen3, 0,
                  "<think>//</think>//B<|im_end|>/");
    o.thinking = 0;
    check_targets(CHAT(USER("Bye") "," SAYS("B")), &o, &qwen3, 0,
                  "<think>//</think>//B<|im_end|>/");
    o.mask = AS_MASK_COMPLETION;
    check_targets(CHAT(USER("Bye") "," SAYS("B")), &o, &qwen3, 0, "B<|im_end|>/");
    kit_close(&smollm2);
    kit_close(&gemma4);
}

/* Thinking as tokens, as spelled text, opened by the prompt, and in a user's words. */
static void thinking(void)
{
    as_dataset_options o = usual;
    text_kit smollm2 = kit_open("smollm2"), qwen35 = kit_open("qwen35");
    o.masks_think = true;
    check_targets(CHAT(USER("Hi") "," SAYS("<think>\\nhm\\n</think>\\n\\nA")), &o, &qwen3, 0,
                  "//A<|im_end|>/");
    check_targets(CHAT(USER("Hi <think> ho") "," SAYS("x<think>hm</think>y<think></think>z")), &o,
                  &smollm2, 0, "xyz<|im_end|>/");
    check_targets(CHAT(USER("a </think> b") "," SAYS("A </think> B")), &o, &smollm2, 0,
                  "A </think> B<|im_end|>/");
    check_targets(PLAIN("Q <think>\\n", "hm </think>A"), &o, &smollm2, 0, "A<|im_end|>");
    o.marks_text = true; /* thinking under way in the prompt */
    check_targets(PLAIN("Q <think>\\nso far", " hm</think>A"), &o, &qwen3, 0, "A<|im_end|>");
    o.marks_text = false;
    o.thinking = 1;
    check_targets(CHAT(USER("Hi") "," SAYS("<think>\\nhm\\n</think>\\n\\nA")), &o, &qwen35, 0,
                  "//A<|im_end|>/");
    o.masks_think = false;
    check_targets(CHAT(USER("Hi") "," SAYS("<think>\\nhm\\n</think>\\n\\nA")), &o, &qwen35, 0,
                  "hm/</think>//A<|im_end|>/");
    kit_close(&smollm2);
    kit_close(&qwen35);
}

/* Spelled control tokens are text, or tokens when asked for; eos is put where it is missing. */
static void texts(void)
{
    as_dataset_options o = with_mask(AS_MASK_TEXT);
    as_error err = {0};
    as_dataset d;
    CHECK(parse(&d, "{\"text\":\"a<|im_end|>\"}\n", &o, &qwen3, &err));
    size_t n = d.example[0].sequence[0].n;
    CHECK(n > 4 && d.example[0].sequence[0].ids[n - 1] == qwen3.stop[0]);
    as_dataset_clear(&d);
    o.marks_text = true;
    CHECK(parse(&d, "{\"text\":\"a<|im_end|>\"}\n{\"text\":\"b\"}\n", &o, &qwen3, &err));
    CHECK(d.n == 2 && d.example[0].sequence[0].n == 2 && d.example[1].sequence[0].n == 2);
    CHECK(d.example[1].sequence[0].ids[1] == qwen3.stop[0]);
    CHECK(d.n_tokens == 4 && d.n_labels == 2 && d.longest == 2 && d.n_no_stop == 0);
    as_dataset_clear(&d);
    as_key whole;
    o = with_mask(AS_MASK_TEXT);
    CHECK(parse(&d, PLAIN("a b", " c"), &o, &qwen3, &err));
    memcpy(whole, d.digest, sizeof whole);
    as_dataset_clear(&d);
    CHECK(parse(&d, PLAIN("a b", " c"), &usual, &qwen3, &err)); /* same ids, other targets */
    CHECK(strcmp(whole, d.digest) != 0);
    as_dataset_clear(&d);
    check_targets(PAIR("Q:", " a", " b"), &(as_dataset_options){.is_pair = true, .max_length = 99},
                  &qwen3, 0, " a<|im_end|>");
    check_targets("{\"chosen\":\"Q: a\",\"rejected\":\"Q: b\"}\n",
                  &(as_dataset_options){.is_pair = true, .max_length = 99}, &qwen3, 1,
                  " b<|im_end|>");
}

/* The end is cut from a sequence, the beginning from a prompt. */
static void cuts(void)
{
    static const char row[] = PLAIN("1 2 3 4 5", " 6 7 8 9");
    as_dataset_options o = usual;
    as_error err = {0};
    as_dataset d;
    o.max_length = 12;
    check_targets(row, &o, &qwen3, 0, " 6 ");
    CHECK(parse(&d, row, &o, &qwen3, &err));
    CHECK(d.n_cut == 1 && d.n_prompt_cut == 0 && d.longest == 12);
    CHECK(d.n == 1 && d.example[0].sequence[0].n_prompt == 9 && d.example[0].sequence[0].is_cut);
    as_dataset_clear(&d);
    o.max_prompt = 3;
    check_targets(row, &o, &qwen3, 0, " 6 7 8 9<|im_end|>");
    CHECK(parse(&d, row, &o, &qwen3, &err));
    CHECK(d.n_cut == 0 && d.n_prompt_cut == 1 && d.n == 1 && d.n_labels == 9);
    CHECK(d.example[0].sequence[0].n_prompt == 3 && d.example[0].sequence[0].n == 12);
    as_dataset_clear(&d);
    o = (as_dataset_options){.is_pair = true, .max_length = 8, .allow_truncated_pairs = true};
    CHECK(parse(&d, PAIR("1 2", " 3 4 5", " 4"), &o, &qwen3, &err));
    CHECK(d.n_cut == 1 && d.n_cut_chosen == 1 && d.n_cut_rejected == 0);
    as_dataset_clear(&d);
}

/* ---- refused ---- */

typedef struct {
    const char *rows;
    as_dataset_options o;
    const char *where, *what; /* what: a part of the message */
} bad_row;

static void check_refused(const bad_row *b, const text_kit *k)
{
    as_error err = {0};
    as_dataset d;
    char text[2048];
    as_dataset_options o = b->o;
    if (!o.max_length) o.max_length = 999;
    if (!o.thinking) o.thinking = -1;
    bool refused = !parse(&d, b->rows, &o, k, &err);
    (void)as_error_text(&err, text, sizeof text);
    bool told = strncmp(text, b->where, strlen(b->where)) == 0 && strstr(text, b->what);
    CHECK(refused && told && d.n == 0);
    if (!refused || !told) printf("  %s  said: %s\n", b->rows, text);
    as_dataset_clear(&d);
}

#define TWO(a) CHAT(USER("Hi") "," SAYS(a))
#define PAIRS .is_pair = true

static const bad_row kinds[] = {
    {"", {0}, "t.jsonl", "no rows"},
    {"{\"id\":\"a\"}\n", {0}, "t.jsonl:1", "row (found {}, expected one of {text}"},
    {"{\"prompt\":\"a\"}\n", {0}, "t.jsonl:1", "found {prompt}"},
    {"{\"conversations\":[]}\n", {0}, "t.jsonl:1", "found {}"},
    {PAIR("a", "b", "c"), {0}, "t.jsonl:1", "found {prompt, chosen, rejected}, expected one of"},
    {PLAIN("a", "b"), {PAIRS}, "t.jsonl:1", "expected {prompt, chosen, rejected} or"},
    {"{\"prompt\":\"a\",\"completion\":\"b\",\"label\":true}\n",
     {0},
     "t.jsonl:1: label",
     "unpaired"},
    {"{\"prompt\":1,\"completion\":\"b\"}\n",
     {0},
     "t.jsonl:1: prompt",
     "expected a text or a list"},
    {"{\"prompt\":[],\"completion\":\"b\"}\n", {0}, "t.jsonl:1", "prompt and completion"},
    {"{\"text\":[]}\n", {.mask = AS_MASK_TEXT}, "t.jsonl:1: text", "expected a text"},
    {"{\"messages\":\"x\"}\n", {0}, "t.jsonl:1: messages", "a list of messages"},
    {"{\"text\":\"a\"}\n", {0}, "t.jsonl:1", "found {text}, expected {prompt, completion} or"},
    {PLAIN("a", " b"), {.mask = AS_MASK_ASSISTANT}, "t.jsonl:1", "expected messages"},
    {PLAIN("a", " b") TWO("b"),
     {0},
     "t.jsonl:2",
     "found {messages}, expected {prompt, completion} "
     "as in line 1"},
    {PLAIN("a", " b") "{\"prompt\":[],\"completion\":[]}\n", {0}, "t.jsonl:2", "of messages"},
    {TWO("a"), {.marks_text = true}, "t.jsonl:1: marked text", "found messages"},
    {"{\"messages\":[],\"chat_template_kwargs\":{}}\n", {0}, "t.jsonl:1", "chat_template_kwargs"},
    {"{\"id\":\"a\",\"prompt\":\"a\",\"prompt\":\"b\"}\n", {0}, "t.jsonl:1: column", ""},
    {"{\"id\":{},\"prompt\":\"a\",\"completion\":\" b\"}\n", {0}, "t.jsonl:1: id", "whole number"},
    {"{\"id\":\"\",\"prompt\":\"a\",\"completion\":\" b\"}\n",
     {0},
     "t.jsonl:1: id",
     "an empty text"},
    {PLAIN("a", " b") PLAIN("a", " b"), {0}, "t.jsonl:2", "the row of line 1 again"},
    {"{\"id\":\"x\",\"prompt\":\"a\",\"completion\":\" b\"}\n"
     "{\"id\":\"y\",\"prompt\":\"a\",\"completion\":\" b\"}\n"
     "{\"id\":\"x\",\"prompt\":\"a\",\"completion\":\" c\"}\n",
     {0},
     "t.jsonl:3: id",
     "found \"x\" as in line 1"},
    {PLAIN("a", " b") "{\"prompt\":", {0}, "t.jsonl:2: last line is cut, 1 whole row before", ""},
};

static const bad_row values[] = {
    {PLAIN("", "b"), {0}, "t.jsonl:1: prompt", "an empty text"},
    {PLAIN("a", ""), {0}, "t.jsonl:1: completion", "found nothing"},
    {"{\"text\":\"\"}\n", {.mask = AS_MASK_TEXT}, "t.jsonl:1: text", "found nothing"},
    {PLAIN("the ", "cup"), {0}, "t.jsonl:1: prompt", "its tokens are not the beginning"},
    {PAIR("a", " b", " b"), {PAIRS}, "t.jsonl:1: chosen and rejected", "the same tokens"},
    {PAIR("a", "", " b"), {PAIRS}, "t.jsonl:1: chosen", "found nothing"},
    {"{\"chosen\":\"a\",\"rejected\":\"b\"}\n", {PAIRS}, "t.jsonl:1", "no common beginning"},
    {"{\"chosen\":\"Q: a\",\"rejected\":\"Q:\"}\n",
     {PAIRS},
     "t.jsonl:1: rejected",
     "found nothing"},
    {PAIR("1 2", " 3 4 5", " 4"), {PAIRS, .max_length = 8}, "t.jsonl:1: chosen", "both sides cut"},
    {PAIR("1 2", " 3 4 5", " 3 4 6"),
     {PAIRS, .max_length = 6},
     "t.jsonl:1: chosen and rejected",
     "the ends having been cut"},
    {PLAIN("1 2 3 4", " 5"), {.max_length = 4}, "t.jsonl:1", "no target in its 4 tokens, the end"},
    {"{\"messages\":[]}\n", {0}, "t.jsonl:1: messages", "empty list"},
    {CHAT(USER("Hi")), {0}, "t.jsonl:1: completion", "another role"},
    {CHAT(SAYS("Hi")), {0}, "t.jsonl:1: prompt", "no message"},
    {TWO(" "), {0}, "t.jsonl:1: messages[1]", "content (found nothing"},
    {CHAT(USER("Hi") "," SAYS("") "," USER("Hi") "," SAYS("b")),
     {.mask = AS_MASK_ASSISTANT},
     "t.jsonl:1: messages[1]",
     "content (found nothing"},
    {CHAT(USER("Hi")), {.mask = AS_MASK_ASSISTANT}, "t.jsonl:1", "none of the assistant"},
    {"{\"prompt\":[" USER("a") "],\"completion\":[" SAYS("b") "," USER("c") "]}\n",
     {0},
     "t.jsonl:1: prompt + completion: completion",
     "found 2 messages"},
    {"{\"prompt\":[" USER("a") "],\"completion\":[]}\n", {0}, "t.jsonl:1", "found no message"},
    {"{\"prompt\":[" USER("a") "],\"chosen\":[" SAYS("b") "],\"rejected\":[{\"role\":\"x\"}]}\n",
     {PAIRS},
     "t.jsonl:1: prompt + rejected: completion",
     "another role"},
    {"{\"chosen\":[" SAYS("b") "],\"rejected\":[" SAYS("c") "]}\n",
     {PAIRS},
     "t.jsonl:1: chosen: prompt",
     "no message"},
    {TWO("<think>\\nhm"),
     {.masks_think = true},
     "t.jsonl:1: thinking",
     "found <think>, expected "
     "</think>"},
    {PLAIN("Q <think>", "hm"), {.masks_think = true}, "t.jsonl:1: thinking", "end of the prompt"},
    {TWO("a"), {.max_length = 1}, "max_length", "found 1"},
    {TWO("a"), {.max_length = 5, .max_prompt = 5}, "max_prompt", "found 5"},
    {TWO("a"), {PAIRS, .mask = AS_MASK_TEXT}, "mask of pairs", "found text"},
};

static void refused(void)
{
    as_error err = {0};
    as_dataset d;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) check_refused(&kinds[i], &qwen3);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) check_refused(&values[i], &qwen3);
    text_kit bare = qwen3;
    bare.chat = NULL;
    check_refused(&(bad_row){TWO("a"), usual, "t.jsonl:1: messages", "no chat template"}, &bare);
    text_kit gemma4 = kit_open("gemma4"); /* after a tool's answer its turn goes on */
    check_refused(&(bad_row){CHAT(USER("Hi") ",{\"role\":\"assistant\",\"tool_calls\":[{"
                                             "\"function\":{\"name\":\"f\",\"arguments\":{}}}]},"
                                             "{\"role\":\"tool\",\"content\":\"x\"}," SAYS("a")),
                             with_mask(AS_MASK_ASSISTANT), "t.jsonl:1: turns",
                             "found 1 in the rendered text, expected 2"},
                  &gemma4);
    kit_close(&gemma4);
    static const char row[] = PLAIN("a", " <b");
    CHECK(!as_dataset_parse(&d, "t", row, strlen(row), &usual, qwen3.tokenizer, NULL, qwen3.stop, 2,
                            60, &err));
    CHECK(strncmp(err.where, "t:1", 3) == 0 && strstr(err.what, "the model's vocabulary"));
    static const char *const files[] = {"x.jsonl.gz", "x.parquet", "x.arrow", "/no/such.jsonl"};
    for (size_t i = 0; i < 4; i++) {
        as_error e = {0};
        CHECK(!as_dataset_open(&d, files[i], &usual, qwen3.tokenizer, NULL, NULL, 0, 9, &e));
        CHECK(e.class_ == (i == 3 ? AS_EIO : AS_EFORMAT) && (i == 3 || e.hint[0]));
    }
}

/* A template whose replies have no end, or that has no generation prompt, or no control token. */
static void bad_templates(void)
{
    static const struct {
        const char *jinja;
        as_mask mask;
        const char *what;
    } bad[] = {
        {"{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}\n{% endfor %}"
         "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
         AS_MASK_COMPLETION,
         "no stop token as its last target, expected one where nothing was "
         "cut; 2 such"},
        {"{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}\n{% endfor %}"
         "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
         AS_MASK_ASSISTANT, "no stop token after it"},
        {"{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
         "{% endfor %}",
         AS_MASK_COMPLETION, "no generation prompt"},
        {"{% for m in messages %}{{ '<|im_start|>' if m.role != 'assistant' else '<|im_start|>A' }}"
         "{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>B"
         "{% endif %}",
         AS_MASK_COMPLETION, "renders it otherwise than in the whole"},
        {"{% for m in messages %}## {{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
         "{% if add_generation_prompt %}## assistant\n{% endif %}",
         AS_MASK_ASSISTANT, "cannot be told from text"},
        {"{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}"
         "<|im_start|>{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}"
         "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
         AS_MASK_COMPLETION,
         "\"<|im_start|>\", which the template writes before a turn, as a "
         "target; 2 such"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        as_error err = {0};
        text_kit k = qwen3;
        k.chat = as_template_parse("T", bad[i].jinja, strlen(bad[i].jinja), &err);
        CHECK(k.chat);
        check_refused(
            &(bad_row){TWO("a") TWO("b"), with_mask(bad[i].mask), "t.jsonl:1", bad[i].what}, &k);
        as_template_free(k.chat);
    }
}

/* ---- order, packing, split ---- */

/* n rows of 2 to 31 tokens. */
static void make_rows(as_dataset *d, size_t n)
{
    as_buf text = {0};
    as_error err = {0};
    as_dataset_options o = with_mask(AS_MASK_TEXT);
    for (size_t i = 0; i < n; i++) {
        as_buf_printf(&text, "{\"id\":%zu,\"text\":\"", i);
        for (size_t j = 0; j <= i * 7 % 30; j++) as_buf_puts(&text, "1");
        as_buf_puts(&text, "\",\"x\":[1]}\n");
    }
    CHECK(parse(d, as_buf_text(&text), &o, &qwen3, &err));
    CHECK(d->n == n);
    as_buf_clear(&text);
}

static bool is_permutation(const size_t *order, size_t n)
{
    unsigned char seen[1000] = {0};
    for (size_t i = 0; i < n; i++)
        if (order[i] >= n || seen[order[i]]++) return false;
    return true;
}

static void orders(void)
{
    enum { N = 423, BATCH = 4 };
    size_t a[N], b[N], full = N / BATCH;
    as_dataset d;
    as_error err = {0};
    make_rows(&d, N);
    for (as_order o = AS_ORDER_GIVEN; o < AS_ORDER_N; o++) {
        CHECK(as_dataset_order(&d, o, 7, 0, BATCH, a, &err) && is_permutation(a, N));
        CHECK(as_dataset_order(&d, o, 7, 0, BATCH, b, &err) && memcmp(a, b, sizeof a) == 0);
        CHECK(as_dataset_order(&d, o, 7, 1, BATCH, b, &err));
        CHECK((memcmp(a, b, sizeof a) == 0) == (o == AS_ORDER_GIVEN));
        CHECK(as_dataset_order(&d, o, 8, 0, BATCH, b, &err));
        CHECK((memcmp(a, b, sizeof a) == 0) == (o == AS_ORDER_GIVEN));
    }
    size_t spread = 0, shuffled = 0, falls = 0;
    CHECK(as_dataset_order(&d, AS_ORDER_BUCKETED, 7, 0, BATCH, a, &err));
    CHECK(as_dataset_order(&d, AS_ORDER_SHUFFLED, 7, 0, BATCH, b, &err));
    for (size_t i = 0; i < full; i++) {
        size_t most[2] = {0}, least[2] = {99, 99};
        for (size_t j = 0; j < BATCH; j++) {
            size_t n[2] = {d.example[a[i * BATCH + j]].sequence[0].n,
                           d.example[b[i * BATCH + j]].sequence[0].n};
            for (size_t k = 0; k < 2; k++) {
                if (n[k] > most[k]) most[k] = n[k];
                if (n[k] < least[k]) least[k] = n[k];
            }
            falls += j && n[0] > d.example[a[i * BATCH + j - 1]].sequence[0].n;
        }
        spread += most[0] - least[0];
        shuffled += most[1] - least[1];
    }
    CHECK(falls == 0 && spread * 8 < shuffled);
    CHECK_TEXT(as_order_name(AS_ORDER_BUCKETED), "length");
    as_dataset_clear(&d);
}

static void pieces(void)
{
    as_dataset d;
    size_t order[60], cut[61];
    make_rows(&d, 60);
    for (size_t i = 0; i < 60; i++) order[i] = 59 - i;
    for (size_t most = 0; most < 5; most++) {
        for (size_t tokens = 1; tokens < 90; tokens += 11) {
            size_t n = as_dataset_pack(&d, order, 60, tokens, most, cut);
            CHECK(n && cut[0] == 0 && cut[n] == 60);
            for (size_t p = 0; p < n; p++) {
                size_t sum = 0, next = p + 1 < n ? d.example[order[cut[p + 1]]].sequence[0].n : 999;
                for (size_t i = cut[p]; i < cut[p + 1]; i++)
                    sum += d.example[order[i]].sequence[0].n;
                size_t in = cut[p + 1] - cut[p];
                CHECK(in >= 1 && (in == 1 || sum <= tokens) && (!most || in <= most));
                CHECK(sum + next > tokens || in == most);
            }
        }
    }
    CHECK(as_dataset_pack(&d, order, 0, 10, 0, cut) == 0);
    as_dataset_clear(&d);
}

static void splits(void)
{
    as_dataset d, held, again;
    as_error err = {0};
    as_key before;
    make_rows(&d, 50);
    memcpy(before, d.digest, sizeof before);
    CHECK(as_dataset_split(&d, &held, 0.2, 3, &err));
    CHECK(held.n == 10 && d.n == 40 && strcmp(d.digest, before) != 0);
    for (size_t i = 1; i < d.n; i++) CHECK(d.example[i].line > d.example[i - 1].line);
    for (size_t i = 1; i < held.n; i++) CHECK(held.example[i].line > held.example[i - 1].line);
    make_rows(&again, 50);
    CHECK(strcmp(again.digest, before) == 0);
    size_t tokens = again.n_tokens, in = 0;
    for (size_t i = 0, a = 0, b = 0; i < 50; i++) {
        const as_example *e = &again.example[i];
        if (a < d.n && strcmp(d.example[a].id, e->id) == 0) a++, in++;
        if (b < held.n && strcmp(held.example[b].id, e->id) == 0) b++, in++;
        CHECK(json_array_size(json_object_get(e->row, "x")) == 1);
    }
    CHECK(in == 50 && d.n_tokens + held.n_tokens == tokens);
    as_dataset_clear(&d); /* what was held out stands by itself */
    CHECK(json_array_size(json_object_get(held.example[9].row, "x")) == 1);
    CHECK(held.example[9].sequence[0].label[1] == 1);
    CHECK(as_dataset_split(&again, &d, 1e-9, 3, &err) && d.n == 1 && again.n == 49);
    as_dataset_clear(&d);
    CHECK(as_dataset_split(&again, &d, 0.999999, 3, &err) && d.n == 48 && again.n == 1);
    as_dataset_clear(&d);
    CHECK(!as_dataset_split(&again, &d, 0.5, 3, &err) && err.class_ == AS_EUSAGE);
    err = (as_error){0};
    CHECK(!as_dataset_split(&held, &d, 1.0, 3, &err) && err.class_ == AS_EUSAGE);
    as_dataset_clear(&again);
    as_dataset_clear(&held);
}

/* Ids: the row's own, whole numbers too, else the hash of the row in canonical form. */
static void ids(void)
{
    as_dataset d;
    as_error err = {0};
    as_key key;
    CHECK(parse(&d,
                "{\"id\":\"a\",\"prompt\":\"x\",\"completion\":\" b\"}\n"
                "{\"id\":12,\"prompt\":\"x\",\"completion\":\" b\"}\n"
                "{\"prompt\":\"x\",  \"completion\":\" b\"}\n",
                &usual, &qwen3, &err));
    CHECK(d.n == 3);
    CHECK_TEXT(d.example[0].id, "a");
    CHECK_TEXT(d.example[1].id, "12");
    static const char canonical[] = "{\"completion\":\" b\",\"prompt\":\"x\"}";
    CHECK(as_sha256_of(canonical, strlen(canonical), key, &err));
    CHECK_TEXT(d.example[2].id, key);
    CHECK(as_sha256_of("a", 1, key, &err));
    CHECK(d.example[0].key == 0xca978112ca1bbdcaULL && strncmp(key, "ca978112ca1bbdca", 16) == 0);
    CHECK(d.example[2].line == 3);
    as_dataset_clear(&d);
}

int main(void)
{
    qwen3 = kit_open("qwen3");
    RUN(as_trl_does);
    RUN(turns);
    RUN(thinking);
    RUN(texts);
    RUN(cuts);
    RUN(refused);
    RUN(bad_templates);
    RUN(orders);
    RUN(pieces);
    RUN(splits);
    RUN(ids);
    kit_close(&qwen3);
    return check_end();
}
