/* Texts to counted pieces, and what was learned from them (bpe_learn.c) to a tokenizer.json. */
#include "engine/text/bpe_train_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "engine/text/added.h"
#include "engine/text/detok.h"
#include "engine/text/normalise.h"
#include "engine/text/split.h"

enum { MOST_PIECE_BYTES = 1 << 30, MOST_VOCAB = 1 << 30 };

/* --- pipelines ------------------------------------------------------------------------------- */

#define QWEN_BYTES                                                                                 \
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":false,"                   \
    "\"use_regex\":false}"
#define SMOLLM_BYTES                                                                               \
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":true,\"use_regex\":true}"

/* The components as the published checkpoints of these families write them. The expression of
 * as_split_pattern stands in the middle of pre_tokenizer where there is one. */
typedef struct {
    const char *name;
    as_split_kind split;
    bool has_nfc;
    const char *pre[2];
    const char *post, *decoder;
} pipeline;

static const pipeline pipelines[] = {
    {"qwen3",
     AS_SPLIT_QWEN3,
     true,
     {"{\"type\":\"Split\",\"pattern\":{\"Regex\":",
      "},\"behavior\":\"Isolated\",\"invert\":false}," QWEN_BYTES},
     QWEN_BYTES,
     QWEN_BYTES},
    {"qwen35",
     AS_SPLIT_QWEN35,
     true,
     {"{\"type\":\"Split\",\"pattern\":{\"Regex\":",
      "},\"behavior\":\"Isolated\",\"invert\":false}," QWEN_BYTES},
     QWEN_BYTES,
     QWEN_BYTES},
    {"smollm",
     AS_SPLIT_GPT2_DIGITS,
     false,
     {"{\"type\":\"Digits\",\"individual_digits\":true},",
      "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,"
      "\"use_regex\":true}"},
     "null",
     SMOLLM_BYTES},
};

static const pipeline *find_pipeline(const char *name, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    for (size_t i = 0; i < sizeof pipelines / sizeof pipelines[0]; i++)
        if (strcmp(name, pipelines[i].name) == 0) return &pipelines[i];
    (void)as_fail(err, AS_EUSAGE, "pipeline (found %s, expected qwen3, qwen35 or smollm)",
                  as_escape(name, strlen(name), shown));
    return NULL;
}

/* --- pieces ---------------------------------------------------------------------------------- */

static uint64_t hash(const char *text, size_t size)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a 64, mixed */
    for (size_t i = 0; i < size; i++) h = (h ^ (unsigned char)text[i]) * 0x100000001b3u;
    return h ^ h >> 32;
}

/* Where the text stands in slot[], or where it would. */
static size_t slot_of(const as_pieces *p, const char *text, size_t size)
{
    size_t i = (size_t)hash(text, size) & (p->n_slots - 1);
    for (; p->slot[i]; i = (i + 1) & (p->n_slots - 1)) {
        uint32_t k = p->slot[i] - 1;
        size_t start = k ? p->end[k - 1] : 0;
        if (p->end[k] - start == size && memcmp(p->bytes.data + start, text, size) == 0) break;
    }
    return i;
}

static bool widen_slots(as_pieces *p, as_error *err)
{
    size_t n = p->n_slots ? 2 * p->n_slots : 1024;
    uint32_t *slot = as_new(n, sizeof *slot, err);
    if (!slot) return false;
    free(p->slot);
    p->slot = slot;
    p->n_slots = n;
    for (size_t k = 0, start = 0; k < p->n; start = p->end[k++])
        slot[slot_of(p, p->bytes.data + start, p->end[k] - start)] = (uint32_t)k + 1;
    return true;
}

static bool widen(as_pieces *p, as_error *err)
{
    size_t room = p->room ? 2 * p->room : 512;
    size_t *end = realloc(p->end, room * sizeof *end);
    if (end) p->end = end;
    uint64_t *count = end ? realloc(p->count, room * sizeof *count) : NULL;
    if (!count) return as_fail(err, AS_EMEM, "out of memory for %zu pieces of text", room);
    p->count = count;
    p->room = room;
    return true;
}

bool as_pieces_add(as_pieces *p, const char *text, size_t size, uint32_t *which, as_error *err)
{
    if (2 * (p->n + 1) > p->n_slots && !widen_slots(p, err)) return false;
    size_t i = slot_of(p, text, size);
    if (!p->slot[i]) {
        if (p->n == p->room && !widen(p, err)) return false;
        if (size + 1 > MOST_PIECE_BYTES - p->bytes.size - p->n)
            return as_fail(err, AS_ELIMIT, "over %d bytes of different pieces of text",
                           MOST_PIECE_BYTES);
        as_buf_add(&p->bytes, text, size);
        if (!as_buf_ok(&p->bytes, err)) return false;
        p->end[p->n] = p->bytes.size;
        p->count[p->n++] = 0;
        p->slot[i] = (uint32_t)p->n;
    }
    *which = p->slot[i] - 1;
    p->count[*which]++;
    return true;
}

void as_pieces_clear(as_pieces *p)
{
    as_buf_clear(&p->bytes);
    free(p->end);
    free(p->count);
    free(p->slot);
    *p = (as_pieces){0};
}

/* --- cutting texts --------------------------------------------------------------------------- */

typedef struct {
    as_added *special;
    as_split *split;
    as_split_scratch *scratch;
    as_nfc *nfc; /* NULL without */
    as_buf normal, mended;
    as_pieces pieces;
    as_progress *progress;
    size_t done, total; /* bytes */
} cutter;

static bool cut_gap(cutter *c, const char *text, size_t size, as_error *err)
{
    bool is_same = true;
    uint32_t which;
    size_t given = size;
    c->normal.size = 0;
    if (size > 0 && c->nfc && !as_nfc_apply(c->nfc, text, size, &c->normal, &is_same, err))
        return false;
    if (!is_same) {
        if (!as_buf_ok(&c->normal, err)) return false;
        text = as_buf_text(&c->normal);
        size = c->normal.size;
    }
    for (size_t at = 0, end, n = 0; at < size; at = end, n++) {
        if (!as_split_next(c->split, c->scratch, text, size, at, &end, err) ||
            !as_pieces_add(&c->pieces, text + at, end - at, &which, err))
            return false;
        if (n % 4096 == 0)
            as_progress_set(
                c->progress,
                (size_t)(30.0 * (double)(c->done + (at < given ? at : given)) / (double)c->total),
                "counting pieces");
    }
    c->done += given;
    return true;
}

static bool cut_text(cutter *c, const char *text, size_t size, as_error *err)
{
    size_t at = 0, gap = 0, length;
    uint32_t id;
    if (!as_utf8_valid(text, size, NULL)) {
        as_mend mend = {0};
        c->mended.size = 0;
        as_mend_push(&mend, text, size, &c->mended);
        as_mend_end(&mend, &c->mended);
        if (!as_buf_ok(&c->mended, err)) return false;
        text = as_buf_text(&c->mended);
        size = c->mended.size;
    }
    for (; as_added_next(c->special, text, size, &at, &length, &id); gap = at) {
        if (!cut_gap(c, text + gap, at - gap, err)) return false;
        at += length;
    }
    return cut_gap(c, text + gap, size - gap, err);
}

static bool cut_all(cutter *c, const pipeline *p, const char *const *text, const size_t *size,
                    size_t n, as_error *err)
{
    c->split = as_split_new(p->split, err);
    c->scratch = c->split ? as_split_scratch_new(err) : NULL;
    if (!c->scratch) return false;
    if (p->has_nfc && !(c->nfc = as_nfc_new(err))) return false;
    c->total = 1;
    for (size_t i = 0; i < n; i++)
        if (!as_size_add(c->total, size[i], &c->total, err)) return false;
    for (size_t i = 0; i < n; i++) {
        if (cut_text(c, text[i], size[i], err)) continue;
        as_error_at(err, "text %zu", i);
        return false;
    }
    return true;
}

static void cutter_clear(cutter *c)
{
    as_added_free(c->special);
    as_split_free(c->split);
    as_split_scratch_free(c->scratch);
    as_nfc_free(c->nfc);
    as_buf_clear(&c->normal);
    as_buf_clear(&c->mended);
    as_pieces_clear(&c->pieces);
}

/* --- the file -------------------------------------------------------------------------------- */

/* The byte alphabet (GPT-2's encoder): bytes that print stand for themselves, the others are the
 * characters from U+0100 on. */
static bool is_printing(unsigned byte)
{
    return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad);
}

static uint32_t character_of(unsigned byte)
{
    uint32_t n = 0x100;
    if (is_printing(byte)) return byte;
    for (unsigned b = 0; b < byte; b++) n += !is_printing(b);
    return n;
}

/* Bytes in the order of their characters. */
static void fill_alphabet(unsigned char alphabet[256])
{
    size_t n = 0;
    for (unsigned b = 0; b < 256; b++)
        if (is_printing(b)) alphabet[n++] = (unsigned char)b;
    for (unsigned b = 0; b < 256; b++)
        if (!is_printing(b)) alphabet[n++] = (unsigned char)b;
}

/* A token's text in the byte alphabet; of a JSON text: with what JSON wants escaped. */
static void put_characters(as_buf *out, const as_pieces *token, uint32_t id, bool is_json)
{
    for (size_t i = id ? token->end[id - 1] : 0; i < token->end[id]; i++) {
        uint32_t cp = character_of((unsigned char)token->bytes.data[i]);
        char two[2] = {(char)(0xc0 | cp >> 6), (char)(0x80 | (cp & 0x3f))}, one = (char)cp;
        if (is_json && (cp == '"' || cp == '\\')) as_buf_puts(out, "\\");
        as_buf_add(out, cp < 0x80 ? &one : two, cp < 0x80 ? 1 : 2);
    }
}

static void put_token(as_buf *out, const as_pieces *token, uint32_t id)
{
    as_buf_puts(out, "\"");
    put_characters(out, token, id, true);
    as_buf_puts(out, "\"");
}

static bool put_text(as_buf *out, const char *text, as_error *err)
{
    json_t *v = json_string(text);
    if (!v) return as_fail(err, AS_EMEM, "out of memory while writing JSON");
    as_json_write(out, v);
    json_decref(v);
    return true;
}

static bool write_head(as_buf *out, const as_bpe_train_options *o, const pipeline *p, size_t first,
                       as_error *err)
{
    as_buf_puts(out, "{\n\"version\":\"1.0\",\n\"truncation\":null,\n\"padding\":null,\n"
                     "\"added_tokens\":[");
    for (size_t i = 0; i < o->n_special; i++) {
        as_buf_printf(out, "%s\n{\"id\":%zu,\"content\":", i ? "," : "", first + i);
        if (!put_text(out, o->special[i], err)) return false;
        as_buf_puts(out, ",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"
                         "\"normalized\":false,\"special\":true}");
    }
    as_buf_printf(out, "],\n\"normalizer\":%s,\n\"pre_tokenizer\":",
                  p->has_nfc ? "{\"type\":\"NFC\"}" : "null");
    as_buf_printf(out, "{\"type\":\"Sequence\",\"pretokenizers\":[%s", p->pre[0]);
    const char *pattern = as_split_pattern(p->split);
    if (pattern && !put_text(out, pattern, err)) return false;
    as_buf_printf(out, "%s]},\n\"post_processor\":%s,\n\"decoder\":%s,\n", p->pre[1], p->post,
                  p->decoder);
    as_buf_puts(out, "\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":null,"
                     "\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null,"
                     "\"fuse_unk\":false,\"byte_fallback\":false,\"ignore_merges\":false,\n");
    return true;
}

static bool write_file(as_buf *out, const as_bpe_train_options *o, const pipeline *p,
                       const as_learned *l, as_error *err)
{
    if (!write_head(out, o, p, l->token.n, err)) return false;
    as_buf_puts(out, "\"vocab\":{");
    for (uint32_t id = 0; id < l->token.n; id++) {
        as_buf_puts(out, id ? ",\n" : "\n");
        put_token(out, &l->token, id);
        as_buf_printf(out, ":%u", (unsigned)id);
    }
    as_buf_puts(out, "},\n\"merges\":[");
    for (size_t i = 0; i < l->n_merges; i++) {
        as_buf_puts(out, i ? ",\n[" : "\n[");
        put_token(out, &l->token, l->merge[i].left);
        as_buf_puts(out, ",");
        put_token(out, &l->token, l->merge[i].right);
        as_buf_puts(out, "]");
    }
    as_buf_puts(out, "]}\n}\n");
    return as_buf_ok(out, err);
}

/* --- the whole ------------------------------------------------------------------------------- */

static bool put_specials(as_added *a, const as_bpe_train_options *o, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    uint32_t id;
    for (size_t i = 0; i < o->n_special; i++) {
        const char *text = o->special[i];
        size_t size = strlen(text);
        const char *wrong = size == 0                           ? "empty"
                            : size > AS_ADDED_MAX_TEXT          ? "too long"
                            : !as_utf8_valid(text, size, NULL)  ? "no UTF-8"
                            : as_added_find(a, text, size, &id) ? "there twice"
                                                                : NULL;
        if (wrong)
            return as_fail(err, AS_EUSAGE, "special token %zu: \"%s\" is %s", i,
                           as_escape(text, size, shown), wrong);
        if (!as_added_put(a, text, size, (uint32_t)i, err)) return false;
    }
    return true;
}

/* One text, one id. */
static bool check_specials(const as_bpe_train_options *o, const as_learned *l, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    as_buf text = {0};
    bool ok = true;
    for (uint32_t id = 0; ok && id < l->token.n; id++) {
        text.size = 0;
        put_characters(&text, &l->token, id, false);
        ok = as_buf_ok(&text, err);
        for (size_t i = 0; ok && i < o->n_special; i++)
            if (strcmp(o->special[i], as_buf_text(&text)) == 0)
                ok = as_fail(err, AS_EUSAGE,
                             "special token %zu: \"%s\" is also how token %u is written", i,
                             as_escape(o->special[i], strlen(o->special[i]), shown), (unsigned)id);
    }
    as_buf_clear(&text);
    return ok;
}

bool as_bpe_train(const as_bpe_train_options *o, const char *const *text, const size_t *size,
                  size_t n, as_progress *progress, as_buf *json, size_t *n_merges, as_error *err)
{
    bool ok = false;
    unsigned char alphabet[256];
    as_learned learned = {0};
    cutter c = {.progress = progress};
    const pipeline *p = find_pipeline(o->pipeline, err);
    if (!p) return false;
    if (o->vocab > MOST_VOCAB || o->vocab < 256 || o->vocab - 256 < o->n_special)
        return as_fail(err, AS_EUSAGE, "vocabulary (found %zu, expected %zu to %d)", o->vocab,
                       256 + o->n_special, MOST_VOCAB);
    c.special = as_added_new(err);
    if (!c.special || !put_specials(c.special, o, err)) goto out;
    if (!cut_all(&c, p, text, size, n, err)) goto out;
    fill_alphabet(alphabet);
    if (!as_bpe_learn(&c.pieces, alphabet, o->vocab - o->n_special, o->least, progress, &learned,
                      err) ||
        !check_specials(o, &learned, err))
        goto out;
    *n_merges = learned.n_merges;
    ok = write_file(json, o, p, &learned, err);
out:
    cutter_clear(&c);
    as_learned_clear(&learned);
    return ok;
}
