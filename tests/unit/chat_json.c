/* engine/text/chat_json: what a conversation may hold, and what each refusal says. */
#include "check.h"

#include "engine/text/chat_json.h"

static as_chat *read_chat(const char *messages, const char *tools, as_error *err)
{
    json_t *m = as_json_parse("m", messages, strlen(messages), err);
    json_t *t = tools ? as_json_parse("t", tools, strlen(tools), err) : NULL;
    as_chat *c = err->class_ ? NULL : as_chat_new("data.jsonl:12", m, t, err);
    json_decref(m);
    json_decref(t);
    return c;
}

static void refused(const char *messages, const char *tools, const char *message)
{
    as_error err = {0};
    char text[2048];
    as_chat *c = read_chat(messages, tools, &err);
    CHECK(!c && err.class_ == AS_EFORMAT);
    CHECK_TEXT(as_error_text(&err, text, sizeof text), message);
    as_chat_free(c);
}

static void accepted(const char *messages, const char *tools, const char *canonical)
{
    as_error err = {0};
    as_buf b = {0};
    as_chat *c = read_chat(messages, tools, &err);
    CHECK(c);
    if (!c) printf("%s: %s\n", err.where, err.what);
    if (c) as_json_write(&b, as_chat_messages(c));
    if (c && as_chat_tools(c)) as_json_write(&b, as_chat_tools(c));
    CHECK_TEXT(as_buf_text(&b), canonical);
    as_buf_clear(&b);
    as_chat_free(c);
}

static void whole_chats(void)
{
    accepted("[{\"role\":\"user\",\"content\":\"a\"}]", NULL,
             "[{\"content\":\"a\",\"role\":\"user\"}]");
    accepted("[{\"role\":\"user\",\"content\":\"\"}]", "null",
             "[{\"content\":\"\",\"role\":\"user\"}]");
    accepted("[{\"role\":\"user\",\"content\":\"a\",\"name\":\"n\",\"reasoning_content\":null,"
             "\"reasoning\":\"r\",\"tool_call_id\":\"c\"}]",
             "[]",
             "[{\"content\":\"a\",\"name\":\"n\",\"reasoning\":\"r\",\"reasoning_content\":null,"
             "\"role\":\"user\",\"tool_call_id\":\"c\"}][]");
    accepted("[{\"role\":\"assistant\",\"tool_calls\":[{\"x\":1}]},"
             "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{}]},"
             "{\"role\":\"tool\",\"content\":\"t\",\"tool_calls\":null}]",
             "[{\"name\":\"f\"}]",
             "[{\"role\":\"assistant\",\"tool_calls\":[{\"x\":1}]},"
             "{\"content\":null,\"role\":\"assistant\",\"tool_calls\":[{}]},"
             "{\"content\":\"t\",\"role\":\"tool\",\"tool_calls\":null}][{\"name\":\"f\"}]");
}

static void parts(void)
{
    accepted("[{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"one\"}]}]", NULL,
             "[{\"content\":\"one\",\"role\":\"system\"}]");
    accepted(
        "[{\"role\":\"developer\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
        "{\"text\":\"b\",\"type\":\"text\"}]}]",
        NULL,
        "[{\"content\":[{\"text\":\"a\",\"type\":\"text\"},{\"text\":\"b\",\"type\":\"text\"}],"
        "\"role\":\"developer\"}]");
}

#define AT "data.jsonl:12: "
#define U "\"role\":\"user\""

static void refusals(void)
{
    refused("{}", NULL, AT "messages: kind (found an object, expected a list of messages)");
    refused("[]", NULL, AT "messages: empty list (expected at least one message)");
    refused("[1]", NULL, AT "messages[0]: kind (found a number, expected an object)");
    refused("[{}]", NULL, AT "messages[0].role: kind (found nothing, expected text)");
    refused("[{\"role\":1}]", NULL, AT "messages[0].role: kind (found a number, expected text)");
    refused("[{\"role\":\"us\\ner\",\"content\":\"\"}]", NULL,
            AT "messages[0].role: unknown role (found \"us\\x0aer\", expected system, developer, "
               "user, assistant or tool)");
    refused("[{" U ",\"content\":\"a\"},{" U "}]", NULL,
            AT "messages[1].content: kind (found nothing, expected text or a list of text parts)");
    refused("[{" U ",\"content\":null}]", NULL,
            AT "messages[0].content: kind (found null, expected text or a list of text parts)");
    refused("[{" U ",\"content\":null,\"tool_calls\":[]}]", NULL,
            AT "messages[0].content: kind (found null, expected text or a list of text parts)");
    refused("[{" U ",\"content\":{}}]", NULL,
            AT
            "messages[0].content: kind (found an object, expected text or a list of text parts)");
    refused("[{" U ",\"content\":[]}]", NULL,
            AT "messages[0].content: content (found an empty list, expected text parts)");
    refused("[{" U ",\"content\":[\"a\"]}]", NULL,
            AT "messages[0].content[0]: kind (found text, expected an object)");
    refused("[{" U ",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"text\":\"a\"}]}]", NULL,
            AT "messages[0].content[1].type: kind (found nothing, expected \"text\")");
    refused("[{" U ",\"content\":[{\"type\":\"image\",\"image\":\"x\"}]}]", NULL,
            AT
            "messages[0].content[0].type: content part (found \"image\", expected \"text\"; only "
            "text is supported)");
    refused("[{" U ",\"content\":[{\"type\":\"text\",\"text\":1}]}]", NULL,
            AT "messages[0].content[0].text: kind (found a number, expected text)");
    refused("[{" U ",\"content\":[{\"type\":\"text\",\"text\":\"\",\"x\":1}]}]", NULL,
            AT
            "messages[0].content[0]: content part (found 3 fields, expected type and text only)");
    refused("[{" U ",\"content\":\"\",\"name\":true}]", NULL,
            AT "messages[0].name: kind (found a boolean, expected text or null)");
    refused("[{" U ",\"content\":[{\"type\":\"text\",\"text\":\"\"}],\"name\":1}]", NULL,
            AT "messages[0].name: kind (found a number, expected text or null)");
    refused("[{" U ",\"content\":\"\",\"tool_calls\":[{}],\"name\":1}]", NULL,
            AT "messages[0].name: kind (found a number, expected text or null)");
    refused("[{" U ",\"content\":\"\",\"tool_calls\":{}}]", NULL,
            AT "messages[0].tool_calls: kind (found an object, expected a list)");
    refused("[{" U ",\"content\":\"\",\"tool_calls\":[{},[]]}]", NULL,
            AT "messages[0].tool_calls[1]: kind (found a list, expected an object)");
    refused("[{" U ",\"content\":\"\",\"wei\\u202eght\":1}]", NULL,
            AT "messages[0].wei\\xe2\\x80\\xaeght: unknown field (expected role, content, "
               "reasoning_content, reasoning, name, tool_calls or tool_call_id)");
    refused("[{" U ",\"content\":\"\"}]", "{}",
            AT "tools: kind (found an object, expected a list of tools)");
    refused("[{" U ",\"content\":\"\"}]", "[{},1]",
            AT "tools[1]: kind (found a number, expected an object)");
}

/* The chat holds on to what it was made from. */
static void lifetime(void)
{
    as_error err = {0};
    as_chat *c = read_chat("[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}]",
                           "[{\"n\":1}]", &err);
    CHECK(c && json_array_size(as_chat_messages(c)) == 1);
    CHECK(json_integer_value(as_json_at(as_chat_tools(c), "/0/n")) == 1);
    as_chat_free(c);
    as_chat_free(NULL);
}

int main(void)
{
    RUN(whole_chats);
    RUN(parts);
    RUN(refusals);
    RUN(lifetime);
    return check_end();
}
