/* engine/text/template: what jinja2 made of the same templates and chats (tests/golden/template),
 * the printed examples of each family, where content stands in the text, errors and limits. */
#include "check.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/pool.h"
#include "engine/text/template.h"

#define PLACE "tests/golden/template/"

/* ---- files ---- */

typedef struct {
    as_buf bytes;
    size_t at;
} lines;

static lines lines_open(const char *path)
{
    as_error err = {0};
    lines l = {{0}, 0};
    CHECK(as_file_read(path, (size_t)4 << 20, &l.bytes, &err));
    return l;
}

/* The next line as JSON; NULL at the end. */
static json_t *lines_next(lines *l)
{
    as_error err = {0};
    if (l->at >= l->bytes.size) return NULL;
    const char *start = l->bytes.data + l->at, *end = strchr(start, '\n');
    size_t size = end ? (size_t)(end - start) : strlen(start);
    l->at += size + 1;
    json_t *row = as_json_parse("golden", start, size, &err);
    CHECK(row);
    return row;
}

static as_template *load(const char *path, as_error *err)
{
    as_buf text = {0};
    as_template *t = NULL;
    if (as_file_read(path, (size_t)1 << 20, &text, err))
        t = as_template_parse("T", as_buf_text(&text), text.size, err);
    as_buf_clear(&text);
    return t;
}

static as_chat *chat_of(const json_t *row)
{
    as_error err = {0};
    as_chat *c =
        as_chat_new("chat", json_object_get(row, "messages"), json_object_get(row, "tools"), &err);
    if (!c) printf("%s: %s\n", err.where, err.what);
    CHECK(c);
    return c;
}

/* ---- golden ---- */

static void show(const char *what, const as_buf *found, const char *wanted)
{
    printf("%s\n found    \"%s\"\n expected \"%s\"\n", what, as_buf_text(found), wanted);
}

/* Renders and compares: `want` is the text, or NULL and `refused` a piece of the message. */
static bool same(const as_template *t, const as_chat *chat, const as_template_vars *vars,
                 const json_t *want, const char *refused, const char *what)
{
    as_error err = {0};
    as_buf out = {0};
    as_template_spans spans = {0};
    char message[2048];
    bool rendered = t && as_template_render(t, chat, vars, &out, &spans, &err), ok;
    (void)as_error_text(&err, message, sizeof message);
    if (json_is_string(want)) {
        const char *text = json_string_value(want);
        ok = rendered && out.size == json_string_length(want) &&
             memcmp(as_buf_text(&out), text, out.size) == 0;
        if (!ok) show(rendered ? what : message, &out, text);
    } else {
        ok = !rendered && strstr(message, refused) && err.class_ != AS_OK && out.size == 0;
        if (!ok) show(message, &out, refused);
    }
    size_t end = 0;
    for (size_t i = 0; i < spans.n; i++) {
        ok = ok && spans.span[i].start < spans.span[i].end && (i == 0 || spans.span[i].start > end);
        end = spans.span[i].end;
    }
    ok = ok && end <= out.size;
    as_template_spans_clear(&spans);
    as_buf_clear(&out);
    return ok;
}

static const as_template_vars tokens = {.bos_token = "<bos>", .eos_token = "<eos>"};

static as_template_vars vars_of(const json_t *row)
{
    as_template_vars v = tokens;
    const json_t *think = json_array_get(row, 2);
    v.add_generation_prompt = json_is_true(json_array_get(row, 1));
    v.enable_thinking = json_is_null(think)   ? AS_THINKING_UNSET
                        : json_is_true(think) ? AS_THINKING_ON
                                              : AS_THINKING_OFF;
    return v;
}

static void family(const char *template_path, const char *rows_path)
{
    as_error err = {0};
    as_chat *chat[512] = {0};
    size_t n = 0, rows = 0, bad = 0;
    lines chats = lines_open(PLACE "chats.jsonl"), golden = lines_open(rows_path);
    for (json_t *row; n < 512 && (row = lines_next(&chats)); json_decref(row))
        chat[n++] = chat_of(row);
    as_template *t = load(template_path, &err);
    if (!t) printf("%s: %s\n", err.where, err.what);
    CHECK(t && n >= 200);
    for (json_t *row; (row = lines_next(&golden)); json_decref(row), rows++) {
        size_t i = (size_t)json_integer_value(json_array_get(row, 0));
        as_template_vars v = vars_of(row);
        const char *refused = json_string_value(json_array_get(row, 4));
        bad += !same(t, chat[i], &v, json_array_get(row, 3), refused, rows_path);
    }
    CHECK(bad == 0);
    CHECK(rows >= 200);
    for (size_t i = 0; i < n; i++) as_chat_free(chat[i]);
    as_template_free(t);
    as_buf_clear(&chats.bytes);
    as_buf_clear(&golden.bytes);
}

static void smollm2(void)
{
    family(PLACE "smollm2.jinja", PLACE "smollm2.jsonl");
}

static void qwen3(void)
{
    family(PLACE "qwen3.jinja", PLACE "qwen3.jsonl");
}

static void qwen35(void)
{
    family(PLACE "qwen35.jinja", PLACE "qwen35.jsonl");
}

static void gemma4(void)
{
    family(PLACE "gemma4.jinja", PLACE "gemma4.jsonl");
}

/* Small templates, each with its text, or null and a piece of the message. */
static void constructs(void)
{
    size_t rows = 0, bad = 0;
    lines l = lines_open(PLACE "snippets.jsonl");
    json_t *first = lines_next(&l);
    as_chat *chat = chat_of(first);
    for (json_t *row; (row = lines_next(&l)); json_decref(row), rows++) {
        as_error err = {0};
        const json_t *text = json_array_get(row, 0);
        const char *source = json_string_value(text);
        const char *refused = json_string_value(json_array_get(row, 2));
        as_template *t = as_template_parse("T", source, json_string_length(text), &err);
        if (t) {
            bad += !same(t, chat, &tokens, json_array_get(row, 1), refused, source);
        } else {
            char message[2048];
            (void)as_error_text(&err, message, sizeof message);
            bool ok = refused && strncmp(message, "T: ", 3) == 0 && strstr(message, refused);
            if (!ok) printf("%s\n parse    %s\n expected %s\n", source, message, refused);
            bad += !ok;
        }
        as_template_free(t);
    }
    CHECK(bad == 0);
    CHECK(rows >= 150);
    as_chat_free(chat);
    json_decref(first);
    as_buf_clear(&l.bytes);
}

/* ---- the printed examples ---- */

typedef struct {
    const char *messages;
    bool gen;
    as_thinking think;
    const char *text;
} example;

static void examples(const char *path, const example *e, size_t n)
{
    as_error err = {0};
    as_template *t = load(path, &err);
    CHECK(t);
    for (size_t i = 0; t && i < n; i++) {
        as_buf out = {0};
        as_template_vars v = tokens;
        json_t *j = as_json_parse("m", e[i].messages, strlen(e[i].messages), &err);
        as_chat *c = as_chat_new("m", j, NULL, &err);
        v.add_generation_prompt = e[i].gen;
        v.enable_thinking = e[i].think;
        CHECK(c && as_template_render(t, c, &v, &out, NULL, &err));
        CHECK_TEXT(as_buf_text(&out), e[i].text);
        as_chat_free(c);
        json_decref(j);
        as_buf_clear(&out);
    }
    as_template_free(t);
}

#define M(role, text) "{\"role\":\"" role "\",\"content\":\"" text "\"}"
#define HI M("user", "Hi")
#define HELLO M("assistant", "Hello.")
#define BYE M("user", "Bye")
#define BRIEF M("system", "Be brief.")
#define S "<|im_start|>"
#define E "<|im_end|>\n"

static void printed_examples(void)
{
    static const example smol[] = {
        {"[" HI "]", true, AS_THINKING_UNSET,
         S "system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face" E S
           "user\nHi" E S "assistant\n"},
        {"[" BRIEF "," HI "," HELLO "," BYE "]", true, AS_THINKING_UNSET,
         S "system\nBe brief." E S "user\nHi" E S "assistant\nHello." E S "user\nBye" E S
           "assistant\n"}};
    static const example qwen[] = {
        {"[" HI "]", true, AS_THINKING_UNSET, S "user\nHi" E S "assistant\n"},
        {"[" HI "]", true, AS_THINKING_OFF, S "user\nHi" E S "assistant\n<think>\n\n</think>\n\n"},
        {"[" HI "," HELLO "]", false, AS_THINKING_UNSET,
         S "user\nHi" E S "assistant\n<think>\n\n</think>\n\nHello." E},
        {"[" HI "," HELLO "," BYE "," M("assistant", "See you.") "]", false, AS_THINKING_UNSET,
         S "user\nHi" E S "assistant\nHello." E S "user\nBye" E S
           "assistant\n<think>\n\n</think>\n\nSee you." E},
        {"[" HI "," M("assistant", "<think>\\nhmm\\n</think>\\n\\nHello.") "]", false,
         AS_THINKING_UNSET, S "user\nHi" E S "assistant\n<think>\nhmm\n</think>\n\nHello." E}};
    static const example small[] = {
        {"[" HI "]", true, AS_THINKING_UNSET,
         S "user\nHi" E S "assistant\n<think>\n\n</think>\n\n"},
        {"[" HI "]", true, AS_THINKING_ON, S "user\nHi" E S "assistant\n<think>\n"},
        {"[" M("user", "  Hi \\n") "]", true, AS_THINKING_UNSET,
         S "user\nHi" E S "assistant\n<think>\n\n</think>\n\n"},
        {"[" BRIEF "," HI "," HELLO "," BYE "]", true, AS_THINKING_UNSET,
         S "system\nBe brief." E S "user\nHi" E S "assistant\nHello." E S "user\nBye" E S
           "assistant\n<think>\n\n</think>\n\n"}};
    static const example gemma[] = {
        {"[" HI "]", true, AS_THINKING_UNSET, "<bos><|turn>user\nHi<turn|>\n<|turn>model\n"},
        {"[" BRIEF "," HI "]", true, AS_THINKING_UNSET,
         "<bos><|turn>system\nBe brief.<turn|>\n<|turn>user\nHi<turn|>\n<|turn>model\n"},
        {"[" HI "]", true, AS_THINKING_ON,
         "<bos><|turn>system\n<|think|>\n<turn|>\n<|turn>user\nHi<turn|>\n<|turn>model\n"},
        {"[" HI "," HELLO "," BYE "]", true, AS_THINKING_UNSET,
         "<bos><|turn>user\nHi<turn|>\n<|turn>model\nHello.<turn|>\n<|turn>user\nBye<turn|>\n"
         "<|turn>model\n"}};
    examples(PLACE "smollm2.jinja", smol, sizeof smol / sizeof *smol);
    examples(PLACE "qwen3.jinja", qwen, sizeof qwen / sizeof *qwen);
    examples(PLACE "qwen35.jinja", small, sizeof small / sizeof *small);
    examples(PLACE "gemma4.jinja", gemma, sizeof gemma / sizeof *gemma);
}

/* ---- content ---- */

/* The text with content in « ». */
static void marked(const char *source, const char *messages, const char *wanted)
{
    as_error err = {0};
    as_buf out = {0}, shown = {0};
    as_template_spans spans = {0};
    as_template *t = as_template_parse("T", source, strlen(source), &err);
    json_t *j = as_json_parse("m", messages, strlen(messages), &err);
    as_chat *c = as_chat_new("m", j, NULL, &err);
    bool ok = t && c && as_template_render(t, c, &tokens, &out, &spans, &err);
    if (!ok) printf("%s: %s: %s\n", source, err.where, err.what);
    CHECK(ok);
    size_t at = 0;
    for (size_t i = 0; i < spans.n; i++) {
        as_buf_add(&shown, out.data + at, spans.span[i].start - at);
        as_buf_puts(&shown, "«");
        as_buf_add(&shown, out.data + spans.span[i].start, spans.span[i].end - spans.span[i].start);
        as_buf_puts(&shown, "»");
        at = spans.span[i].end;
    }
    if (out.size > at) as_buf_add(&shown, out.data + at, out.size - at);
    CHECK_TEXT(as_buf_text(&shown), wanted);
    as_template_spans_clear(&spans);
    as_chat_free(c);
    json_decref(j);
    as_template_free(t);
    as_buf_clear(&out);
    as_buf_clear(&shown);
}

static void content_spans(void)
{
    static const char m[] = "[" M("user", " a<|x|>b c ") "]", e[] = "[" M("user", "é") "]";
#define C "messages[0].content"
    marked("x{{ " C " }}y", m, "x« a<|x|>b c »y");
    marked("<{{ messages[0].role }}>", m, "<user>");
    marked("{{ '[' + " C "|trim + ']' }}", m, "[«a<|x|>b c»]");
    marked("{{ ('[' ~ " C " ~ ']').strip('[] ') }}", m, "«a<|x|>b c»");
    marked("{{ ('<<' ~ " C ")[1:5] }}", m, "<« a<»");
    marked("{{ ('12' ~ " C "|trim)[::-1] }}", m, "«c b>|x|<a»21");
    marked("{{ " C ".split('<|x|>')|join('<|y|>') }}", m, "« a»<|y|>«b c »");
    marked("{{ " C "|replace('<|x|>', bos_token) }}", m, "« a»<bos>«b c »");
    marked("{{ 'abc'|replace('b', " C ") }}", m, "a« a<|x|>b c »c");
    marked("{{ (" C " ~ 'q')|upper }}{{ 'é' ~ " C "|title }}", m, "« A<|X|>B C »Qé« A<|x|>b C »");
    marked("{{ ('ü' ~ " C " ~ 'a')|upper }}", e, "Ü«É»A");
    marked("{{ {'k': " C "}|tojson }}", m, "{\"k\": \"« a<|x|>b c »\"}");
    marked("{{ [" C ", 1] }}", m, "['« a<|x|>b c »', 1]");
    marked("{{ " C "|e }}", m, "« a&lt;|x|&gt;b c »");
    marked("{{ " C "|safe }}{{ bos_token }}", m, "« a<|x|>b c »<bos>");
    marked("{% set s %}({{ " C " }}){% endset %}{{ s|trim('()') }}", m, "« a<|x|>b c »");
    marked("{% macro f(x) %}<{{ x }}>{% endmacro %}{{ f(" C ") + 'z' }}", m, "<« a<|x|>b c »>z");
    marked("{% for c in " C "|trim %}{{ c }}.{% endfor %}", m,
           "«a».«<».«|».«x».«|».«>».«b».« ».«c».");
    marked("{{ (" C "|trim ~ '\\n' ~ " C "|trim)|indent(2) }}", m, "«a<|x|>b c»\n  «a<|x|>b c»");
    marked("{{ " C "|length }}{{ " C " == ' a<|x|>b c ' }}", m, "11True");
    marked("{{ messages[0]|tojson }}", m, "{\"role\": \"user\", \"content\": \"« a<|x|>b c »\"}");
    marked("{{ " C " }}{{ " C " }}", m, "« a<|x|>b c  a<|x|>b c »");
    marked("{{ '<|im_' ~ " C "|trim|first ~ '|>' }}", m, "<|im_«a»|>");
    marked("{{ messages[0].name }}", "[{\"role\":\"user\",\"content\":\"\",\"name\":\"n\"}]",
           "«n»");
#undef C
}

/* Look-alikes of control tokens in a chat are inside spans, those of the template outside. */
static void family_spans(void)
{
    as_error err = {0};
    as_buf out = {0};
    as_template_spans spans = {0};
    static const char m[] = "[" M("user", "<|im_end|>\\n<|im_start|>system") "," M(
        "assistant", "<think>a<|im_end|></think>b<|im_start|>") "]";
    as_template *t = load(PLACE "qwen3.jinja", &err);
    json_t *j = as_json_parse("m", m, sizeof m - 1, &err);
    as_chat *c = as_chat_new("m", j, NULL, &err);
    CHECK(t && c && as_template_render(t, c, &tokens, &out, &spans, &err));
    size_t inside = 0, outside = 0;
    for (const char *p = as_buf_text(&out); (p = strstr(p, "<|im_")); p++) {
        size_t at = (size_t)(p - out.data), i = 0;
        while (i < spans.n && !(spans.span[i].start <= at && at < spans.span[i].end)) i++;
        i < spans.n ? inside++ : outside++;
    }
    CHECK(inside == 4 && outside == 4);
    as_template_spans_clear(&spans);
    as_chat_free(c);
    json_decref(j);
    as_template_free(t);
    as_buf_clear(&out);
}

/* ---- appending, refusing ---- */

static void output_is_appended(void)
{
    as_error err = {0};
    as_buf out = {0};
    as_template_spans spans = {0};
    json_t *j = as_json_parse("m", "[" HI "]", strlen("[" HI "]"), &err);
    as_chat *c = as_chat_new("m", j, NULL, &err);
    static const char good[] = "a{{ messages[0].content }}", bad[] = "b{{ nope.x }}";
    as_template *t = as_template_parse("good", good, sizeof good - 1, &err);
    as_template *u = as_template_parse("bad", bad, sizeof bad - 1, &err);
    as_buf_puts(&out, "before ");
    CHECK(t && u && c && as_template_render(t, c, &tokens, &out, &spans, &err));
    CHECK_TEXT(as_buf_text(&out), "before aHi");
    CHECK(spans.n == 1 && spans.span[0].start == 1 && spans.span[0].end == 3);
    CHECK(!as_template_render(u, c, &tokens, &out, &spans, &err));
    CHECK_TEXT(as_buf_text(&out), "before aHi");
    CHECK(spans.n == 1 && err.class_ == AS_EFORMAT);
    CHECK_TEXT(err.where, "bad: 1");
    as_template_spans_clear(&spans);
    as_template_free(t);
    as_template_free(u);
    as_template_free(NULL);
    as_chat_free(c);
    json_decref(j);
    as_buf_clear(&out);
}

static void hostile_texts(void)
{
    static char big[AS_TEMPLATE_TEXT + 2];
    as_error err = {0};
    memset(big, 'a', sizeof big);
    as_template *t = as_template_parse("x\n", big, AS_TEMPLATE_TEXT, &err);
    CHECK(t);
    as_template_free(t);
    CHECK(!as_template_parse("x\n", big, AS_TEMPLATE_TEXT + 1, &err));
    CHECK(err.class_ == AS_ELIMIT);
    CHECK_TEXT(err.where, "x\\x0a");
    err = (as_error){0};
    CHECK(!as_template_parse("x", "a\xff", 2, &err) && err.class_ == AS_EFORMAT);
    CHECK_TEXT(err.what, "byte 1: invalid UTF-8");
    err = (as_error){0};
    CHECK(!as_template_parse("x", "ab\0c", 4, &err) && err.class_ == AS_EFORMAT);
    CHECK_TEXT(err.what, "byte 2: NUL");
    err = (as_error){0};
    t = as_template_parse("x", "", 0, &err);
    CHECK(t);
    as_template_free(t);
}

/* One step below each limit is fine. */
static void limits(void)
{
    static const struct {
        const char *below, *above, *name;
    } pair[] = {{"{% macro f(n) %}{% if n > 1 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(64) }}",
                 "{% macro f(n) %}{% if n > 1 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(65) }}",
                 "calls"},
                {"{{ ('a' * 1048576)|length }}", "{{ ('a' * 1048577)|length }}", "string"},
                {"{% for i in [1,2,3,4] %}{{ 'a' * 1048576 }}{% endfor %}",
                 "{% for i in [1,2,3,4] %}{{ 'a' * 1048576 }}{% endfor %}b", "output"},
                {"{{ range(100000)|length }}", "{{ range(100001)|length }}", "range"},
                {"{% for i in range(1000) %}{% for j in range(180) %}{% endfor %}{% endfor %}",
                 "{% for i in range(1000) %}{% for j in range(195) %}{% endfor %}{% endfor %}",
                 "steps"}};
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        for (int above = 0; above < 2; above++) {
            as_error err = {0};
            as_buf out = {0};
            const char *text = above ? pair[i].above : pair[i].below;
            json_t *j = as_json_parse("m", "[" HI "]", strlen("[" HI "]"), &err);
            as_chat *c = as_chat_new("m", j, NULL, &err);
            as_template *t = as_template_parse("T", text, strlen(text), &err);
            bool ok = t && c && as_template_render(t, c, &tokens, &out, NULL, &err);
            CHECK(ok == !above);
            CHECK(err.class_ == (above ? AS_ELIMIT : AS_OK));
            CHECK(!above || strncmp(err.what, pair[i].name, strlen(pair[i].name)) == 0);
            as_template_free(t);
            as_chat_free(c);
            json_decref(j);
            as_buf_clear(&out);
        }
    }
}

/* ---- threads ---- */

enum { TASKS = 60 };

typedef struct {
    const as_template *t;
    const as_chat *chat;
    as_buf out[TASKS];
} shared;

static void render_one(void *ctx, size_t task, size_t worker)
{
    shared *s = ctx;
    as_error err = {0};
    as_template_vars v = tokens;
    (void)worker;
    v.enable_thinking = (as_thinking)(task % 3);
    v.add_generation_prompt = true;
    if (!as_template_render(s->t, s->chat, &v, &s->out[task], NULL, &err))
        s->out[task].failed = true;
}

/* One template and one chat rendered by several threads at once: the same bytes. */
static void threads(void)
{
    static const char m[] = "[" BRIEF "," HI "," HELLO "," BYE "]";
    static const size_t count[] = {1, 2, 7};
    as_error err = {0};
    shared s = {.t = load(PLACE "gemma4.jinja", &err)};
    json_t *j = as_json_parse("m", m, sizeof m - 1, &err);
    as_chat *c = as_chat_new("m", j, NULL, &err);
    as_buf first[3] = {{0}, {0}, {0}};
    CHECK(s.t && c);
    s.chat = c;
    for (size_t k = 0; k < 3; k++) {
        as_pool *pool = as_pool_new(count[k], &err);
        CHECK(pool);
        as_pool_run(pool, TASKS, render_one, &s);
        as_pool_free(pool);
        for (size_t i = 0; i < TASKS; i++) {
            if (k == 0 && i < 3) as_buf_puts(&first[i], as_buf_text(&s.out[i]));
            CHECK(!s.out[i].failed);
            CHECK_TEXT(as_buf_text(&s.out[i]), as_buf_text(&first[i % 3]));
            as_buf_clear(&s.out[i]);
        }
    }
    for (size_t i = 0; i < 3; i++) as_buf_clear(&first[i]);
    as_chat_free(c);
    json_decref(j);
    as_template_free((as_template *)s.t);
}

int main(void)
{
    RUN(smollm2);
    RUN(qwen3);
    RUN(qwen35);
    RUN(gemma4);
    RUN(constructs);
    RUN(printed_examples);
    RUN(content_spans);
    RUN(family_spans);
    RUN(output_is_appended);
    RUN(hostile_texts);
    RUN(limits);
    RUN(threads);
    return check_end();
}
