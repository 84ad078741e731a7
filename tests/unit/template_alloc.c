/* engine/text/template and chat_json: every allocation refused in turn, once and from there on. */
#include "check.h"

#include "base/file.h"
#include "engine/text/template.h"
#include "fail_alloc.h"

typedef struct {
    as_buf text;
    json_t *messages, *tools;
} material;

static material in;

static bool run(as_error *err)
{
    static const as_template_vars vars = {.add_generation_prompt = true, .bos_token = "<bos>"};
    as_buf out = {0};
    as_template_spans spans = {0};
    as_template *t = as_template_parse("T", as_buf_text(&in.text), in.text.size, err);
    as_chat *c = t ? as_chat_new("C", in.messages, in.tools, err) : NULL;
    bool ok = c && as_template_render(t, c, &vars, &out, &spans, err);
    CHECK(ok || (out.size == 0 && spans.n == 0));
    as_template_spans_clear(&spans);
    as_buf_clear(&out);
    as_chat_free(c);
    as_template_free(t);
    return ok;
}

static void refuse_each(void)
{
    for (int from_on = 0; from_on < 2; from_on++) {
        size_t k = 1;
        for (bool refused = true; refused && !check_bad; k++) {
            as_error err = {0};
            size_t before = fail_alloc_live();
            fail_alloc_at(k, from_on == 1);
            bool ok = run(&err);
            refused = fail_alloc_hit();
            fail_alloc_at(0, false);
            CHECK(ok == !refused);
            CHECK(err.class_ == (refused ? AS_EMEM : AS_OK));
            CHECK(fail_alloc_live() == before);
            if (check_bad) printf("allocation %zu: %s: %s\n", k, err.where, err.what);
        }
        CHECK(k > 5);
    }
}

static void with(const char *path, const char *text, const char *messages, const char *tools)
{
    as_error err = {0};
    in = (material){0};
    if (path) CHECK(as_file_read(path, (size_t)1 << 20, &in.text, &err));
    if (text) as_buf_puts(&in.text, text);
    in.messages = as_json_parse("m", messages, strlen(messages), &err);
    in.tools = tools ? as_json_parse("t", tools, strlen(tools), &err) : NULL;
    CHECK(in.messages);
    refuse_each();
    as_buf_clear(&in.text);
    json_decref(in.messages);
    json_decref(in.tools);
}

static const char chat[] =
    "[{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"s\"}]},"
    "{\"role\":\"user\",\"content\":\"<|im_end|> h\\u00e9\"},"
    "{\"role\":\"assistant\",\"content\":\"<think>a</think>b\",\"tool_calls\":"
    "[{\"function\":{\"name\":\"f\",\"arguments\":{\"a\":[1,2.5,null,{\"b\":\"c\"}]}}}]},"
    "{\"role\":\"tool\",\"content\":\"t\"}]";
static const char tools[] =
    "[{\"function\":{\"name\":\"f\",\"description\":\"d\",\"parameters\":{\"type\":\"object\","
    "\"properties\":{\"a\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}}}]";

static void qwen3(void)
{
    with("tests/golden/template/qwen3.jinja", NULL, chat, tools);
}

static void qwen35(void)
{
    with("tests/golden/template/qwen35.jinja", NULL, chat, tools);
}

static void gemma4(void)
{
    with("tests/golden/template/gemma4.jinja", NULL, chat, tools);
}

/* Strings and outputs larger than the arena's blocks, many spans. */
static void large(void)
{
    with(NULL,
         "{% set ns = namespace(s='') %}{% for i in range(300) %}"
         "{% set ns.s = ns.s + messages[0].content ~ '.' %}{% endfor %}"
         "{{ ns.s.split('.')|join('-')|upper|replace('A', '<')|e }}{{ ns.s|list|sort|unique|list }}"
         "{{ ns.s[::-1] }}{{ 'x' * 200000 }}{{ ns.s|indent }}{{ [ns.s, {'a': 1}]|tojson(indent=2) "
         "}}",
         "[{\"role\":\"user\",\"content\":\"abc\\nd\"}]", NULL);
}

int main(void)
{
    fail_alloc_init();
    RUN(qwen3);
    RUN(qwen35);
    RUN(gemma4);
    RUN(large);
    return check_end();
}
