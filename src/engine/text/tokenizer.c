/* Encoding from end to end, and what there is to ask of a tokenizer. Where it comes from:
 * tokenizer_json.c, tokenizer_gguf.c. Decoding: detok.c. */
#include "engine/text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "engine/text/detok.h"
#include "engine/text/tokenizer_internal.h"

/* --- encoding ------------------------------------------------------------------------------ */

/* One call's memory. */
typedef struct {
    const as_tokenizer *t;
    as_ids *ids;
    as_bpe_scratch bpe;
    as_split_scratch *split;
    as_buf normal; /* the gap at work in its normal form */
} job;

/* Appends text with every U+2581 turned into a space; false (nothing appended) when it has none. */
static bool add_unspaced(as_buf *out, const char *text, size_t size)
{
    static const char mark[] = "\xe2\x96\x81";
    size_t start = 0;
    bool found = false;
    for (size_t at = 0; at < size; at++) {
        const char *p = memchr(text + at, mark[0], size - at);
        if (!p) break;
        at = (size_t)(p - text);
        if (size - at < 3 || memcmp(p, mark, 3) != 0) continue;
        as_buf_add(out, text + start, at - start);
        as_buf_add(out, " ", 1);
        found = true;
        at += 2;
        start = at + 1;
    }
    if (found) as_buf_add(out, text + start, size - start);
    return found;
}

/* The normal form of a gap: *text and *size are moved to it where it differs. */
static bool normalise(job *j, const char **text, size_t *size, as_error *err)
{
    bool is_same = true;
    j->normal.size = 0;
    if (j->t->recipe.is_spaced)
        is_same = !add_unspaced(&j->normal, *text, *size);
    else if (j->t->nfc && !as_nfc_apply(j->t->nfc, *text, *size, &j->normal, &is_same, err))
        return false;
    if (is_same) return true;
    *text = as_buf_text(&j->normal);
    *size = j->normal.size;
    return as_buf_ok(&j->normal, err);
}

/* Text between added tokens. */
static bool encode_gap(job *j, const char *text, size_t size, as_error *err)
{
    if (size == 0) return true;
    if (!normalise(j, &text, &size, err)) return false;
    if (j->t->recipe.is_spaced) return as_bpe_encode(j->t->bpe, &j->bpe, text, size, j->ids, err);
    for (size_t at = 0, end; at < size; at = end) {
        if (!as_split_next(j->t->split, j->split, text, size, at, &end, err)) return false;
        if (!as_bpe_encode(j->t->bpe, &j->bpe, text + at, end - at, j->ids, err)) return false;
    }
    return true;
}

/* A stretch of text, bytes from..to of the whole, in which added tokens may be found. */
typedef struct {
    size_t from, to;
} stretch;

/* text is valid; the stretches are in order. */
static bool encode_text(job *j, const char *text, size_t size, const stretch *marked, size_t n,
                        as_error *err)
{
    size_t gap = 0, length;
    uint32_t id;
    if (j->t->split && !(j->split = as_split_scratch_new(err))) return false;
    for (size_t i = 0; i < n; i++) {
        size_t at = marked[i].from;
        for (; as_added_next(j->t->added, text, marked[i].to, &at, &length, &id); gap = at) {
            if (!encode_gap(j, text + gap, at - gap, err)) return false;
            if (!as_ids_add(j->ids, id, err)) return false;
            at += length;
        }
    }
    return encode_gap(j, text + gap, size - gap, err);
}

/* Joins the parts, mended, and notes the marked stretches (room for n). */
static bool join_parts(const as_text_part *part, size_t n, as_buf *text, stretch *marked,
                       size_t *n_marked, as_error *err)
{
    *n_marked = 0;
    for (size_t i = 0; i < n; i++) {
        as_mend mend = {0};
        size_t from = text->size;
        as_mend_push(&mend, part[i].text, part[i].size, text);
        as_mend_end(&mend, text);
        if (part[i].kind != AS_TEXT_MARKED) continue;
        if (*n_marked > 0 && marked[*n_marked - 1].to == from)
            marked[*n_marked - 1].to = text->size;
        else
            marked[(*n_marked)++] = (stretch){from, text->size};
    }
    return as_buf_ok(text, err);
}

static void job_clear(job *j)
{
    as_bpe_scratch_clear(&j->bpe);
    as_split_scratch_free(j->split);
    as_buf_clear(&j->normal);
}

bool as_tokenizer_encode_parts(const as_tokenizer *t, const as_text_part *part, size_t n,
                               as_ids *ids, as_error *err)
{
    job j = {.t = t, .ids = ids};
    as_buf text = {0};
    size_t n_marked, before = ids->n;
    stretch one, *marked = n > 1 ? as_new(n, sizeof *marked, err) : &one;
    bool ok = false;
    if (!marked) return false;
    if (n == 1 && as_utf8_valid(part->text, part->size, NULL)) {
        one = (stretch){0, part->size};
        ok = encode_text(&j, part->text, part->size, &one, part->kind == AS_TEXT_MARKED, err);
    } else if (join_parts(part, n, &text, marked, &n_marked, err)) {
        ok = encode_text(&j, as_buf_text(&text), text.size, marked, n_marked, err);
    }
    if (!ok) ids->n = before;
    job_clear(&j);
    as_buf_clear(&text);
    if (marked != &one) free(marked);
    return ok;
}

bool as_tokenizer_encode(const as_tokenizer *t, const char *text, size_t size, as_text_kind kind,
                         as_ids *ids, as_error *err)
{
    as_text_part part = {text, size, kind};
    return as_tokenizer_encode_parts(t, &part, 1, ids, err);
}

/* --- asking -------------------------------------------------------------------------------- */

size_t as_tokenizer_size(const as_tokenizer *t)
{
    return t->n;
}

bool as_tokenizer_find(const as_tokenizer *t, const char *text, uint32_t *id)
{
    return as_added_find(t->added, text, strlen(text), id) ||
           as_bpe_find(t->bpe, text, strlen(text), id);
}

const char *as_tokenizer_piece(const as_tokenizer *t, uint32_t id, size_t *size)
{
    if (id >= t->n || !t->token[id].text) return NULL;
    *size = t->token[id].size;
    return t->token[id].text;
}

bool as_tokenizer_is_special(const as_tokenizer *t, uint32_t id)
{
    return id < t->n && t->token[id].is_special;
}

bool as_tokenizer_bos(const as_tokenizer *t, uint32_t *id)
{
    *id = t->bos;
    return t->has_bos;
}

bool as_tokenizer_eos(const as_tokenizer *t, uint32_t *id)
{
    *id = t->eos;
    return t->has_eos;
}

const char *as_tokenizer_template(const as_tokenizer *t)
{
    return t->chat;
}

const char *as_tokenizer_digest(const as_tokenizer *t)
{
    return t->digest;
}
