/* Building a tokenizer from its parts, with every check that does not depend on where they come
 * from; and undoing the alphabets that vocabularies are written in. */
#include "engine/text/tokenizer_internal.h"

#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define SPACE "\xe2\x96\x81" /* U+2581 */

/* The byte that character cp stands for in the byte alphabet; -1 for others. Bytes 21-7E, A1-AC and
 * AE-FF stand for themselves, the other 68 are U+0100, U+0101, ... in order. */
static int byte_of(uint32_t cp)
{
    if ((cp >= 0x21 && cp <= 0x7e) || (cp >= 0xa1 && cp <= 0xac) || (cp >= 0xae && cp <= 0xff))
        return (int)cp;
    if (cp < 0x100 || cp > 0x143) return -1;
    if (cp < 0x121) return (int)(cp - 0x100);
    return cp < 0x143 ? (int)(cp - 0x121 + 0x7f) : 0xad;
}

/* The byte of "<0xHH>"; -1 for other texts. */
static int byte_token(const char *text, size_t size)
{
    static const char digits[] = "0123456789ABCDEF";
    if (size != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>') return -1;
    const char *high = text[3] ? strchr(digits, text[3]) : NULL;
    const char *low = text[4] ? strchr(digits, text[4]) : NULL;
    return high && low ? (int)((high - digits) * 16 + (low - digits)) : -1;
}

/* Appends text with every U+2581 turned into a space. */
static void add_spaced(as_buf *out, const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        bool is = size - at >= 3 && memcmp(text + at, SPACE, 3) == 0;
        as_buf_add(out, is ? " " : text + at, 1);
        at += is ? 3 : 1;
    }
}

/* Appends the bytes that a text of the vocabulary stands for. False (no error) when it is outside
 * the alphabet; running out of memory shows in out. */
static bool undo_alphabet(const as_recipe *r, as_buf *out, const char *text, size_t size)
{
    if (r->is_spaced) {
        if (memchr(text, ' ', size)) return false;
        add_spaced(out, text, size);
        return true;
    }
    for (size_t at = 0; at < size;) {
        uint32_t cp = 0;
        size_t step = as_utf8_next(text + at, size - at, &cp);
        int byte = step ? byte_of(cp) : -1;
        if (byte < 0) return false;
        char c = (char)byte;
        as_buf_add(out, &c, 1);
        at += step;
    }
    return true;
}

as_tokenizer *as_build_new(const as_recipe *recipe, uint64_t n_ids, size_t n_vocab, size_t n_added,
                           size_t n_merges, as_error *err)
{
    size_t n, most;
    if (!as_size_add(n_vocab, n_added, &n, err) || !as_size_mul(n, 4, &most, err)) return NULL;
    if (n_vocab == 0) {
        (void)as_fail(err, AS_EFORMAT, "no tokens");
        return NULL;
    }
    if (n_ids > most) {
        (void)as_fail(err, AS_EFORMAT, "largest id (found %llu, expected below 4 x %zu tokens)",
                      (unsigned long long)(n_ids - 1), n);
        return NULL;
    }
    as_tokenizer *t = as_new(1, sizeof *t, err);
    if (!t) return NULL;
    t->recipe = *recipe;
    t->n = (size_t)n_ids;
    t->arena = as_arena_new(err);
    t->token = t->arena ? as_new(t->n, sizeof *t->token, err) : NULL;
    t->added = t->token ? as_added_new(err) : NULL;
    if (t->added)
        t->bpe = as_bpe_new(recipe->is_spaced ? AS_BPE_CHARS : AS_BPE_BYTES, t->n, n_vocab,
                            n_merges, err);
    if (t->bpe) return t;
    as_tokenizer_free(t);
    return NULL;
}

/* Keeps the bytes of token id. */
static bool keep(as_tokenizer *t, uint64_t id, const char *text, size_t size, as_error *err)
{
    as_token *k = &t->token[id];
    if (size > AS_BPE_MAX_TOKEN)
        return as_fail(err, AS_ELIMIT, "token %llu (found %zu bytes, expected at most %d)",
                       (unsigned long long)id, size, AS_BPE_MAX_TOKEN);
    k->text = as_arena_copy(t->arena, text, size, err);
    k->size = (uint32_t)size;
    return k->text != NULL;
}

bool as_build_added(as_tokenizer *t, uint64_t id, const char *text, size_t size, bool is_special,
                    as_error *err)
{
    uint32_t known;
    char shown[AS_ESCAPE_SIZE];
    AS_CHECK(id < t->n);
    bool has_text = as_added_find(t->added, text, size, &known);
    if (has_text && known == id) return true;
    if (has_text || t->token[id].text)
        return as_fail(err, AS_EFORMAT, "added token \"%s\": %s given twice with different %s",
                       as_escape(text, size, shown), has_text ? "text" : "id",
                       has_text ? "ids" : "texts");
    if (!as_added_put(t->added, text, size, (uint32_t)id, err)) return false;
    as_buf bytes = {0};
    if (t->recipe.is_spaced) /* the decoder's replacement reaches added tokens too */
        add_spaced(&bytes, text, size);
    else
        as_buf_add(&bytes, text, size);
    bool ok = as_buf_ok(&bytes, err) && keep(t, id, as_buf_text(&bytes), bytes.size, err);
    t->token[id].is_added = true;
    t->token[id].is_special = is_special;
    as_buf_clear(&bytes);
    return ok;
}

/* A token that is new to t, or known as an added one. */
static bool add_token(as_tokenizer *t, uint64_t id, const char *raw, size_t raw_size,
                      const as_buf *bytes, as_error *err)
{
    as_token *k = &t->token[id];
    int byte = t->recipe.has_fall_back ? byte_token(raw, raw_size) : -1;
    char one = (char)byte;
    const char *key;
    if (byte >= 0) {
        key = as_arena_copy(t->arena, raw, raw_size, err);
        if (!key || (!k->text && !keep(t, id, &one, 1, err))) return false;
    } else {
        if (!k->text && !keep(t, id, as_buf_text(bytes), bytes->size, err)) return false;
        key = k->text;
    }
    return as_bpe_token(t->bpe, (uint32_t)id, key, byte >= 0 ? raw_size : k->size, k->is_special,
                        err);
}

bool as_build_token(as_tokenizer *t, uint64_t id, const char *text, size_t size, as_error *err)
{
    uint32_t known = NONE;
    char shown[AS_ESCAPE_SIZE];
    as_buf bytes = {0};
    AS_CHECK(id < t->n);
    bool is_added = as_added_find(t->added, text, size, &known), ok = false;
    as_escape(text, size, shown);
    if (is_added && known != id) {
        (void)as_fail(err, AS_EFORMAT, "token \"%s\": id (found %llu, expected %u as added token)",
                      shown, (unsigned long long)id, (unsigned)known);
    } else if (!is_added && t->token[id].text) {
        (void)as_fail(err, AS_EFORMAT, "token \"%s\": id %llu given twice", shown,
                      (unsigned long long)id);
    } else if (undo_alphabet(&t->recipe, &bytes, text, size)) {
        ok = as_buf_ok(&bytes, err) && add_token(t, id, text, size, &bytes, err);
    } else if (is_added) {
        ok = as_buf_ok(&bytes, err); /* nothing that is encoded to can spell it */
    } else {
        (void)as_fail(err, AS_EFORMAT, "token \"%s\": a character outside the %s", shown,
                      t->recipe.is_spaced ? "vocabulary's alphabet (a space)" : "byte alphabet");
    }
    as_buf_clear(&bytes);
    return ok;
}

bool as_build_knows(const as_tokenizer *t, const char *text, size_t size, bool *knows,
                    as_error *err)
{
    uint32_t id;
    as_buf bytes = {0};
    bool is_written = undo_alphabet(&t->recipe, &bytes, text, size), ok = as_buf_ok(&bytes, err);
    *knows = ok && is_written && as_bpe_find(t->bpe, as_buf_text(&bytes), bytes.size, &id);
    as_buf_clear(&bytes);
    return ok;
}

bool as_build_spare(as_tokenizer *t, uint64_t id, const char *text, size_t size, as_error *err)
{
    as_buf bytes = {0};
    AS_CHECK(id < t->n && !t->token[id].text);
    bool ok = undo_alphabet(&t->recipe, &bytes, text, size) ||
              as_fail(err, AS_EFORMAT, "token %llu: a character outside the vocabulary's alphabet",
                      (unsigned long long)id);
    ok = ok && as_buf_ok(&bytes, err) && keep(t, id, as_buf_text(&bytes), bytes.size, err);
    as_buf_clear(&bytes);
    return ok;
}

bool as_build_fall_back(as_tokenizer *t, as_error *err)
{
    uint32_t id[256], unknown;
    char text[7], shown[AS_ESCAPE_SIZE];
    static const char digits[] = "0123456789ABCDEF";
    size_t n = 0, missing = 0;
    for (size_t b = 0; t->recipe.has_fall_back && b < 256; b++) {
        memcpy(text, "<0x..>", 7);
        text[3] = digits[b >> 4];
        text[4] = digits[b & 15];
        if (as_bpe_find(t->bpe, text, 6, &id[b]))
            n++;
        else
            missing = b;
    }
    if (n > 0 && n < 256)
        return as_fail(err, AS_EFORMAT, "byte tokens (found %zu, <0x%02zX> not, expected 256)", n,
                       missing);
    if (n == 256) as_bpe_fall_back(t->bpe, id);
    const char *name = t->recipe.unknown;
    if (!name) return true;
    if (!as_tokenizer_find(t, name, &unknown))
        return as_fail(err, AS_EFORMAT, "unk_token: \"%s\" is no token",
                       as_escape(name, strlen(name), shown));
    as_bpe_unknown(t->bpe, unknown, t->recipe.is_fused);
    return true;
}

bool as_build_merge(as_tokenizer *t, const char *left, size_t left_size, const char *right,
                    size_t right_size, as_error *err)
{
    as_buf l = {0}, r = {0};
    char shown[AS_ESCAPE_SIZE];
    bool ok = false;
    if (!undo_alphabet(&t->recipe, &l, left, left_size))
        (void)as_fail(err, AS_EFORMAT, "left part \"%s\" is outside the vocabulary's alphabet",
                      as_escape(left, left_size, shown));
    else if (!undo_alphabet(&t->recipe, &r, right, right_size))
        (void)as_fail(err, AS_EFORMAT, "right part \"%s\" is outside the vocabulary's alphabet",
                      as_escape(right, right_size, shown));
    else
        ok = as_buf_ok(&l, err) && as_buf_ok(&r, err) &&
             as_bpe_merge(t->bpe, as_buf_text(&l), l.size, as_buf_text(&r), r.size, err);
    as_buf_clear(&l);
    as_buf_clear(&r);
    return ok;
}

bool as_build_merge_text(as_tokenizer *t, const char *text, size_t size, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const char *space = size ? memchr(text, ' ', size) : NULL;
    size_t left = space ? (size_t)(space - text) : 0;
    if (!space || memchr(space + 1, ' ', size - left - 1))
        return as_fail(err, AS_EFORMAT, "\"%s\" (expected two parts with one space between)",
                       as_escape(text, size, shown));
    return as_build_merge(t, text, left, space + 1, size - left - 1, err);
}

bool as_build_end(as_tokenizer *t, as_error *err)
{
    t->recipe.unknown = NULL; /* was borrowed */
    if (!as_bpe_ready(t->bpe, err)) return false;
    if (t->recipe.is_spaced) return true;
    t->split = as_split_new(t->recipe.split, err);
    if (!t->split) return false;
    t->nfc = t->recipe.has_nfc ? as_nfc_new(err) : NULL;
    return t->nfc || !t->recipe.has_nfc;
}

void as_tokenizer_free(as_tokenizer *t)
{
    if (!t) return;
    as_arena_free(t->arena);
    free(t->token);
    as_added_free(t->added);
    as_bpe_free(t->bpe);
    as_split_free(t->split);
    as_nfc_free(t->nfc);
    free(t);
}
