/* Any template text on any messages is an error with a message, or text whose spans are in order
 * and inside it; the same input gives the same bytes. Input: template, NUL, settings, NUL, JSON. */
#include <string.h>

#include "engine/text/template.h"
#include "replay.h"

static void check_error(const as_error *err)
{
    AS_CHECK(err->class_ == AS_EFORMAT || err->class_ == AS_ELIMIT);
    AS_CHECK(err->where[0] && err->what[0] && as_utf8_valid(err->what, strlen(err->what), NULL));
}

static void check_text(const as_buf *out, const as_template_spans *spans)
{
    size_t end = 0;
    AS_CHECK(out->size <= AS_TEMPLATE_OUTPUT && as_utf8_valid(as_buf_text(out), out->size, NULL));
    for (size_t i = 0; i < spans->n; i++) {
        AS_CHECK(spans->span[i].start < spans->span[i].end);
        AS_CHECK(i == 0 || spans->span[i].start > end);
        end = spans->span[i].end;
    }
    AS_CHECK(end <= out->size);
}

static void render(const as_template *t, const as_chat *c, uint8_t settings)
{
    const as_template_vars vars = {.add_generation_prompt = settings & 1,
                                   .enable_thinking = (as_thinking)((settings >> 1) % 3),
                                   .bos_token = settings & 8 ? "<bos>" : NULL,
                                   .eos_token = "<eos>"};
    as_error err = {0}, again = {0};
    as_buf out = {0}, second = {0};
    as_template_spans spans = {0};
    bool ok = as_template_render(t, c, &vars, &out, &spans, &err);
    AS_CHECK(as_template_render(t, c, &vars, &second, NULL, &again) == ok);
    if (ok)
        check_text(&out, &spans);
    else
        check_error(&err);
    AS_CHECK(out.size == second.size && strcmp(err.what, again.what) == 0);
    AS_CHECK(!out.size || memcmp(out.data, second.data, out.size) == 0);
    as_template_spans_clear(&spans);
    as_buf_clear(&out);
    as_buf_clear(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char hi[] = "[{\"role\":\"user\",\"content\":\"Hi <|x|> \\u00e9\"}]";
    as_error err = {0}, ignored = {0};
    const uint8_t *cut = size ? memchr(data, 0, size) : NULL;
    size_t n = cut ? (size_t)(cut - data) : size;
    bool has_rest = cut && size - n > 3 && cut[2] == 0;
    uint8_t settings = has_rest ? cut[1] : 1;
    as_template *t = as_template_parse("fuzz", (const char *)data, n, &err);
    if (!t) {
        check_error(&err);
        return 0;
    }
    json_t *j = has_rest ? as_json_parse("m", (const char *)cut + 3, size - n - 3, &ignored) : NULL;
    if (!j) j = as_json_parse("m", hi, sizeof hi - 1, &err);
    as_chat *c = as_chat_new("m:1", j, NULL, &err);
    if (c)
        render(t, c, settings);
    else
        check_error(&err);
    as_chat_free(c);
    json_decref(j);
    as_template_free(t);
    return 0;
}
