/* Any bytes as tokenizer.json are an error with a message, or a tokenizer that encodes and decodes.
 * A second part after a NUL is the text; without one the file is its own text. */
#include <string.h>

#include "engine/text/detok.h"
#include "replay.h"

enum { MOST = 1 << 16 };

static void use(const as_tokenizer *t, const char *text, size_t size, as_text_kind kind)
{
    as_error err = {0};
    as_ids ids = {0};
    as_buf whole = {0}, stream = {0};
    as_detok d;
    bool ok = as_tokenizer_encode(t, text, size, kind, &ids, &err);
    AS_CHECK(ok == (err.class_ == AS_OK) && (ok || (err.class_ == AS_EFORMAT && ids.n == 0)));
    as_detok_init(&d, t, false);
    for (size_t i = 0; i < ids.n; i++) {
        AS_CHECK(ids.id[i] < as_tokenizer_size(t));
        as_detok_push(&d, ids.id[i], &stream);
    }
    as_detok_end(&d, &stream);
    as_tokenizer_decode(t, ids.id, ids.n, false, &whole);
    AS_CHECK(as_utf8_valid(as_buf_text(&whole), whole.size, NULL));
    AS_CHECK(whole.size == stream.size);
    AS_CHECK(whole.size == 0 || memcmp(whole.data, stream.data, whole.size) == 0);
    as_ids_clear(&ids);
    as_buf_clear(&whole);
    as_buf_clear(&stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_error err = {0};
    const char *json = (const char *)data;
    const char *nul = size ? memchr(json, '\0', size) : NULL;
    size_t json_size = nul ? (size_t)(nul - json) : size;
    const char *text = nul ? nul + 1 : json;
    size_t text_size = nul ? size - json_size - 1 : size;
    as_tokenizer *t = as_tokenizer_parse("fuzz", json, json_size, NULL, 0, &err);
    if (!t) {
        AS_CHECK(err.class_ == AS_EFORMAT || err.class_ == AS_ELIMIT);
        AS_CHECK(err.where[0] && err.what[0] && as_utf8_valid(err.what, strlen(err.what), NULL));
        return 0;
    }
    if (text_size > MOST) text_size = MOST;
    use(t, text, text_size, AS_TEXT_PLAIN);
    use(t, text, text_size, AS_TEXT_MARKED);
    as_tokenizer_free(t);
    return 0;
}
