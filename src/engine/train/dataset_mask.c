/* Which tokens are targets: the turns of the assistant, thinking, and what must not be a target or
 * must be one. Everything here works on token ids, because a message cannot write a control token,
 * whatever its text. */
#include <stdlib.h>
#include <string.h>

#include "engine/train/dataset_internal.h"

static const char *const think_open[AS_THINK_KINDS] = {"<think>", "<|channel>"};
static const char *const think_close[AS_THINK_KINDS] = {"</think>", "<channel|>"};

/* ---- what a token is ---- */

/* *is: no message can write this token. Asks the tokenizer once for each id. */
static bool is_control(as_row_reader *r, uint32_t id, bool *is, as_error *err)
{
    size_t size = 0;
    *is = id < r->n_ids && r->id_is[id] & AS_ID_CONTROL;
    if (id >= r->n_ids || r->id_is[id] & AS_ID_KNOWN) return true;
    const char *piece = as_tokenizer_piece(r->tokenizer, id, &size);
    if (!piece) return true;
    *is = as_tokenizer_is_special(r->tokenizer, id);
    if (!*is) {
        if (!as_row_encode(r, piece, size, AS_TEXT_PLAIN, &r->one, err)) return false;
        *is = r->one.n != 1 || r->one.id[0] != id;
    }
    r->id_is[id] |= AS_ID_KNOWN | (*is ? AS_ID_CONTROL : 0);
    return true;
}

static bool is_made_of(const char *piece, size_t size, const char *set)
{
    for (size_t i = 0; i < size; i++)
        if (!piece[i] || !strchr(set, piece[i])) return false;
    return size > 0;
}

bool as_mask_start(as_row_reader *r, const uint32_t *stop, size_t n_stop, as_error *err)
{
    r->n_ids = as_tokenizer_size(r->tokenizer);
    r->id_is = as_new(r->n_ids, 1, err);
    if (!r->id_is) return false;
    for (size_t id = 0; id < r->n_ids; id++) {
        size_t size = 0;
        const char *piece = as_tokenizer_piece(r->tokenizer, (uint32_t)id, &size);
        if (!piece || !is_made_of(piece, size, " \t\r\n")) continue;
        r->id_is[id] = AS_ID_BLANK | (is_made_of(piece, size, "\r\n") ? AS_ID_BREAK : 0);
    }
    for (size_t i = 0; i < n_stop; i++) {
        bool is;
        if (stop[i] < r->n_ids) r->id_is[stop[i]] |= AS_ID_STOP;
        if (!is_control(r, stop[i], &is, err)) return false;
    }
    for (size_t k = 0; k < AS_THINK_KINDS; k++) {
        bool opens = false, closes = false;
        if (!as_tokenizer_find(r->tokenizer, think_open[k], &r->think_open[k]) ||
            !as_tokenizer_find(r->tokenizer, think_close[k], &r->think_close[k]))
            continue;
        if (!is_control(r, r->think_open[k], &opens, err) ||
            !is_control(r, r->think_close[k], &closes, err))
            return false;
        r->has_think[k] = opens && closes;
    }
    return true;
}

static bool is_think_mark(const as_row_reader *r, uint32_t id)
{
    for (size_t k = 0; k < AS_THINK_KINDS; k++)
        if (r->has_think[k] && (id == r->think_open[k] || id == r->think_close[k])) return true;
    return false;
}

/* ---- turns of the assistant ---- */

/* The header's first token must be out of reach of messages. */
static bool check_header(as_row_reader *r, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    bool is = false;
    size_t size = 0;
    if (!r->header.n)
        return as_fail(err, AS_EFORMAT,
                       "mask assistant: the generation prompt begins with thinking");
    if (!is_control(r, r->header.id[0], &is, err)) return false;
    const char *piece = as_tokenizer_piece(r->tokenizer, r->header.id[0], &size);
    return is || as_fail(err, AS_EFORMAT,
                         "mask assistant: turns cannot be told from text (found \"%s\" before "
                         "them, expected a control token)",
                         piece ? as_escape(piece, size, shown) : "");
}

bool as_mask_learn(as_row_reader *r, const as_encoded *with, const as_encoded *without,
                   as_error *err)
{
    const as_buf *a = &without->text, *b = &with->text;
    if (b->size <= a->size || memcmp(as_buf_text(a), as_buf_text(b), a->size) != 0)
        return as_fail(err, AS_EFORMAT,
                       "template (found no generation prompt at the end, expected one: what it "
                       "writes before a reply would be a target)");
    size_t opening = without->spans.n ? without->spans.span[0].start : a->size;
    if (!as_row_encode(r, as_buf_text(a), opening, AS_TEXT_MARKED, &r->header, err)) return false;
    for (size_t i = 0; i < r->header.n; i++) {
        uint32_t id = r->header.id[i];
        bool is;
        if (!is_control(r, id, &is, err)) return false;
        if (is && !(r->id_is[id] & AS_ID_STOP) && !is_think_mark(r, id))
            r->id_is[id] |= AS_ID_OPENING;
    }
    if (!as_row_encode(r, as_buf_text(b) + a->size, b->size - a->size, AS_TEXT_MARKED, &r->header,
                       err))
        return false;
    size_t n = 0;
    while (n < r->header.n && !is_think_mark(r, r->header.id[n])) n++;
    r->header.n = n;
    if (r->options->mask == AS_MASK_ASSISTANT && !check_header(r, err)) return false;
    r->has_learnt = true;
    return true;
}

/* A stop token that no message can write. */
static bool ends_turn(const as_row_reader *r, uint32_t id)
{
    const unsigned char both = AS_ID_STOP | AS_ID_CONTROL;
    return (r->id_is[id] & both) == both;
}

/* Does the header stand at i? */
static bool header_at(const as_row_reader *r, const as_ids *ids, size_t i)
{
    size_t n = r->header.n;
    return n <= ids->n - i && memcmp(ids->id + i, r->header.id, n * sizeof *ids->id) == 0;
}

bool as_mask_turns(const as_row_reader *r, as_encoded *e, size_t n_said, size_t n_runs,
                   as_error *err)
{
    const as_ids *ids = &e->ids;
    size_t n_found = 0;
    for (size_t i = 0; i < ids->n; i++) {
        if (ids->id[i] != r->header.id[0] || !header_at(r, ids, i)) continue;
        size_t at = i += r->header.n;
        while (i < ids->n && !ends_turn(r, ids->id[i]) && !header_at(r, ids, i)) i++;
        if (i == ids->n || header_at(r, ids, i))
            return as_fail(err, AS_EFORMAT,
                           "turn %zu of the assistant (found no stop token after it)", n_found);
        if (i == at)
            return as_fail(err, AS_EFORMAT, "turn %zu of the assistant (found no words in it)",
                           n_found);
        if (i + 1 < ids->n && r->id_is[ids->id[i + 1]] & AS_ID_BREAK) i++;
        memset(e->label + at, 1, i + 1 - at);
        n_found++;
    }
    if (n_found == n_said || n_found == n_runs) return true;
    (void)as_fail(err, AS_EFORMAT,
                  "turns of the assistant (found %zu in the rendered text, expected %zu)", n_found,
                  n_said);
    as_error_hint(err, "a reply that begins with line breaks, or goes on after a tool's answer, "
                       "may hide its turn's beginning");
    return false;
}

/* ---- thinking ---- */

/* Marks that are control tokens: from each opening one to its closing one, wherever they stand. */
static bool think_tokens(const as_row_reader *r, as_encoded *e, as_error *err)
{
    size_t inside = AS_THINK_KINDS, since = 0;
    for (size_t i = 0; i < e->ids.n; i++) {
        uint32_t id = e->ids.id[i];
        for (size_t k = 0; inside == AS_THINK_KINDS && k < AS_THINK_KINDS; k++)
            if (r->has_think[k] && id == r->think_open[k]) inside = k, since = i;
        if (inside == AS_THINK_KINDS) continue;
        e->label[i] = 0;
        if (id == r->think_close[inside]) inside = AS_THINK_KINDS;
    }
    return inside == AS_THINK_KINDS ||
           as_fail(err, AS_EFORMAT, "thinking (found %s at token %zu, expected %s after it)",
                   think_open[inside], since, think_close[inside]);
}

/* Does text hold `word` at p? */
static bool word_at(const char *p, const char *end, const char *word)
{
    size_t n = strlen(word);
    return n <= (size_t)(end - p) && memcmp(p, word, n) == 0;
}

/* The text of tokens [from, to) into r->joined. */
static bool join_pieces(as_row_reader *r, const as_ids *ids, size_t from, size_t to, as_error *err)
{
    r->joined.size = 0;
    for (size_t i = from; i < to; i++) {
        size_t size = 0;
        const char *piece = as_tokenizer_piece(r->tokenizer, ids->id[i], &size);
        if (piece) as_buf_add(&r->joined, piece, size);
    }
    return as_buf_ok(&r->joined, err);
}

/* Which thinking the text before token n ends in the opening mark of; AS_THINK_KINDS: none. */
static bool opened_before(as_row_reader *r, const as_ids *ids, size_t n, size_t *kind,
                          as_error *err)
{
    *kind = AS_THINK_KINDS;
    if (!join_pieces(r, ids, n > 32 ? n - 32 : 0, n, err)) return false;
    const char *text = as_buf_text(&r->joined);
    size_t size = r->joined.size;
    while (size && strchr(" \t\r\n", text[size - 1])) size--;
    for (size_t k = 0; k < AS_THINK_KINDS; k++) {
        size_t m = strlen(think_open[k]);
        if (size >= m && memcmp(text + size - m, think_open[k], m) == 0) *kind = k;
    }
    return true;
}

/* Takes the tokens of [from, to) that touch bytes [start, end) of their text out of the labels; *at
 * and *byte, where the last call stopped, only move on. */
static void unlabel(const as_row_reader *r, as_encoded *e, size_t to, size_t start, size_t end,
                    size_t *at, size_t *byte)
{
    for (; *at < to && *byte < end; ++*at) {
        size_t size = 0;
        (void)as_tokenizer_piece(r->tokenizer, e->ids.id[*at], &size);
        if (*byte + size > start) e->label[*at] = 0;
        if (*byte + size > end) return; /* it may touch the next stretch too */
        *byte += size;
    }
}

/* Marks as spelled in the text of one run of targets, [from, to). */
static bool think_text(as_row_reader *r, as_encoded *e, size_t from, size_t to, as_error *err)
{
    size_t inside, at = from, byte = 0, since = 0;
    if (!opened_before(r, &e->ids, from, &inside, err) || !join_pieces(r, &e->ids, from, to, err))
        return false;
    const char *text = as_buf_text(&r->joined), *end = text + r->joined.size;
    bool is_ours = inside == AS_THINK_KINDS; /* opened within the run */
    for (const char *p = text; p && (p = memchr(p, '<', (size_t)(end - p))); p++) {
        for (size_t k = 0; inside == AS_THINK_KINDS && k < AS_THINK_KINDS; k++)
            if (word_at(p, end, think_open[k])) inside = k, since = (size_t)(p - text);
        if (inside == AS_THINK_KINDS || !word_at(p, end, think_close[inside])) continue;
        unlabel(r, e, to, since, (size_t)(p - text) + strlen(think_close[inside]), &at, &byte);
        inside = AS_THINK_KINDS;
        is_ours = true;
    }
    if (inside == AS_THINK_KINDS) return true;
    return as_fail(err, AS_EFORMAT, "thinking (found %s%s, expected %s after it)",
                   think_open[inside], is_ours ? "" : " at the end of the prompt",
                   think_close[inside]);
}

bool as_mask_think(as_row_reader *r, as_encoded *e, as_error *err)
{
    if (!think_tokens(r, e, err)) return false;
    for (size_t i = 0; i < e->ids.n; i++) {
        size_t from = i;
        while (i < e->ids.n && e->label[i]) i++;
        if (i > from && !think_text(r, e, from, i, err)) return false;
    }
    return true;
}

/* ---- over the whole file ---- */

void as_mask_count(as_row_reader *r, const as_sequence *s, size_t line)
{
    size_t end = s->n;
    while (end && r->id_is[s->ids[end - 1]] & AS_ID_BLANK &&
           !(r->id_is[s->ids[end - 1]] & AS_ID_STOP))
        end--;
    bool stops = end && s->label[end - 1] && r->id_is[s->ids[end - 1]] & AS_ID_STOP;
    if (!s->is_cut && !stops && !r->n_no_stop++) r->no_stop_line = line;
    if (r->options->mask == AS_MASK_TEXT) return;
    for (size_t i = 0; i < s->n; i++) {
        if (!s->label[i] || !(r->id_is[s->ids[i]] & AS_ID_OPENING)) continue;
        if (!r->n_opening++) r->opening_line = line, r->opening_id = s->ids[i];
        return;
    }
}

bool as_mask_finish(const as_row_reader *r, const char *path, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    size_t size = 0;
    if (r->n_no_stop)
        return as_fail(err, AS_EFORMAT,
                       "%s:%zu: sequence (found no stop token as its last target, expected one "
                       "where nothing was cut; %zu such in the file)",
                       path, r->no_stop_line, r->n_no_stop);
    if (!r->n_opening) return true;
    const char *piece = as_tokenizer_piece(r->tokenizer, r->opening_id, &size);
    return as_fail(err, AS_EFORMAT,
                   "%s:%zu: sequence (found \"%s\", which the template writes before a turn, as a "
                   "target; %zu such in the file)",
                   path, r->opening_line, piece ? as_escape(piece, size, shown) : "", r->n_opening);
}
