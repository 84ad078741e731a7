/* Any bytes are rows of training data that keep every promise of the header, or an error that names
 * a line. Input: settings, longest sequence, JSON Lines. Reads the tokenizer and the template of
 * tests/golden, so it is run from the repository's root. */
#include <string.h>

#include "base/file.h"
#include "engine/train/dataset.h"
#include "replay.h"

typedef struct {
    as_tokenizer *tokenizer;
    as_template *chat;
    uint32_t stop;
} text_kit;

static void kit_open(text_kit *k)
{
    static const char config[] = "{\"eos_token\": \"<|im_end|>\"}";
    as_error err = {0};
    as_buf json = {0}, jinja = {0};
    AS_CHECK(as_file_read("tests/golden/tokenizer/small.json", (size_t)1 << 20, &json, &err));
    AS_CHECK(as_file_read("tests/golden/template/qwen3.jinja", (size_t)1 << 20, &jinja, &err));
    k->tokenizer = as_tokenizer_parse("T", json.data, json.size, config, sizeof config - 1, &err);
    k->chat = as_template_parse("C", jinja.data, jinja.size, &err);
    AS_CHECK(k->tokenizer && k->chat && as_tokenizer_eos(k->tokenizer, &k->stop));
    as_buf_clear(&json);
    as_buf_clear(&jinja);
}

static void check_sequence(const as_sequence *s, const as_dataset_options *o, const text_kit *k)
{
    size_t n = 0;
    AS_CHECK(s->n >= 2 && s->n <= o->max_length && s->n_prompt <= s->n && !s->label[0]);
    for (size_t i = 0; i < s->n; i++) {
        AS_CHECK(s->ids[i] < as_tokenizer_size(k->tokenizer) && s->label[i] <= 1);
        if (o->mask == AS_MASK_COMPLETION) AS_CHECK(!s->label[i] || i >= s->n_prompt);
        n += s->label[i];
    }
    AS_CHECK(n == s->n_labels && n);
}

static void check_rows(as_dataset *d, const as_dataset_options *o, const text_kit *k)
{
    as_dataset held;
    as_error err = {0};
    size_t tokens = 0;
    AS_CHECK(d->n && d->n_no_stop == 0);
    for (size_t i = 0; i < d->n; i++) {
        const as_example *e = &d->example[i];
        AS_CHECK(e->id[0] && e->line && json_is_object(e->row));
        for (size_t side = 0; side < d->n_sides; side++) {
            check_sequence(&e->sequence[side], o, k);
            tokens += e->sequence[side].n;
        }
    }
    AS_CHECK(tokens == d->n_tokens);
    if (d->n > 1) {
        size_t all = d->n;
        AS_CHECK(as_dataset_split(d, &held, 0.5, 1, &err) && held.n + d->n == all);
        as_dataset_clear(&held);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static text_kit k; /* made once */
    if (!k.tokenizer) kit_open(&k);
    if (size < 2) return 0;
    as_dataset d, again;
    as_error err = {0}, second = {0};
    as_dataset_options o = {.is_pair = data[0] & 1,
                            .mask = (as_mask)((data[0] >> 1) % 3),
                            .masks_think = data[0] & 8,
                            .marks_text = data[0] & 16,
                            .allow_truncated_pairs = data[0] & 32,
                            .thinking = (data[0] >> 6) % 3 - 1,
                            .max_length = 2 + (size_t)data[1] * 4,
                            .max_prompt = data[1] % 4 ? 0 : 3};
    if (o.max_prompt >= o.max_length) o.max_prompt = 0;
    if (o.is_pair) o.mask = AS_MASK_COMPLETION;
    const char *rows = (const char *)data + 2;
    size_t vocab = as_tokenizer_size(k.tokenizer);
    bool ok = as_dataset_parse(&d, "fuzz", rows, size - 2, &o, k.tokenizer, k.chat, &k.stop, 1,
                               vocab, &err);
    bool same = as_dataset_parse(&again, "fuzz", rows, size - 2, &o, k.tokenizer, k.chat, &k.stop,
                                 1, vocab, &second);
    AS_CHECK(ok == same && strcmp(d.digest, again.digest) == 0);
    if (ok) {
        check_rows(&d, &o, &k);
    } else {
        char text[2048];
        AS_CHECK(strncmp(as_error_text(&err, text, sizeof text), "fuzz", 4) == 0 && err.what[0]);
        AS_CHECK(as_utf8_valid(err.what, strlen(err.what), NULL) && !d.n && !d.arena);
    }
    as_dataset_clear(&d);
    as_dataset_clear(&again);
    return 0;
}
