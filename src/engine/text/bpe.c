/* Three tables and one loop. Texts to ids (with a mark on those that the merges build from their
 * own letters: a whole piece among them needs no merging), pairs to ranks, and, for characters, the
 * pairs of characters across which some merge reaches: a text is cut at all others first. The loop
 * keeps the rank of every adjacent pair under a tree of minima with 16 children a node, so the
 * leftmost lowest one is found in a step a level, and short pieces need only the one level. */
#include "engine/text/bpe.h"

#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
enum { FAN = 16, JOIN_BITS = 20, MAX_LEVELS = 8, MAX_PIECE = 1 << 28 };

typedef struct {
    uint64_t head; /* the first 8 bytes, zeros after the end */
    uint32_t id;
    uint16_t size; /* 0: an empty slot */
    bool is_hidden, is_whole;
} text_slot;

typedef struct {
    uint32_t left, right; /* NONE: an empty slot */
    uint32_t rank, id;
} pair_slot;

struct as_bpe {
    as_bpe_unit unit;
    text_slot *text;
    size_t text_mask;
    const char **text_of; /* [id], NULL for ids without one */
    size_t n_ids, n_tokens, most_tokens;
    pair_slot *pair;
    size_t pair_mask;
    uint8_t *filter; /* bits, four for each slot of pair */
    uint64_t filter_mask;
    uint32_t n_merges;
    size_t most_merges;
    uint32_t first[256]; /* the symbol of a byte, or of an ASCII character; NONE */
    uint32_t fall_back[256], least_fall_back, most_fall_back;
    uint32_t unknown; /* NONE */
    bool has_fall_back, is_fused, is_ready;
    uint8_t *joined; /* bits: a merge may reach across these two characters */
};

/* --- tables -------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t x)
{
    x *= 0x9e3779b97f4a7c15u;
    return x ^ x >> 29;
}

/* The first 8 bytes, or all with zeros after. */
static uint64_t head_of(const char *text, size_t size)
{
    uint64_t head = 0;
    uint32_t low, high;
    if (size >= 8) {
        memcpy(&head, text, 8);
    } else if (size >= 4) {
        memcpy(&low, text, 4);
        memcpy(&high, text + size - 4, 4);
        head = (uint64_t)high << 8 * (size - 4) | low;
    } else {
        for (size_t i = 0; i < size; i++) head |= (uint64_t)(unsigned char)text[i] << 8 * i;
    }
    return head;
}

static uint64_t hash_text(const char *text, size_t size, uint64_t head)
{
    uint64_t h = mix(head ^ size);
    for (; size > 16; size -= 8, text += 8) h = mix(h ^ head_of(text + 8, 8));
    if (size > 8) h = mix(h ^ head_of(text + size - 8, 8));
    return mix(h);
}

/* The text's slot, or the empty one where it would go. */
static text_slot *text_at(const as_bpe *b, const char *text, size_t size)
{
    uint64_t head = head_of(text, size);
    for (size_t i = hash_text(text, size, head) & b->text_mask;; i = (i + 1) & b->text_mask) {
        text_slot *s = &b->text[i];
        if (s->size == 0) return s;
        if (s->head == head && s->size == size &&
            (size <= 8 || memcmp(b->text_of[s->id] + 8, text + 8, size - 8) == 0))
            return s;
    }
}

static uint64_t hash_pair(uint32_t left, uint32_t right)
{
    return mix(mix((uint64_t)left << 32 | right));
}

/* False: the pair of this hash is in no merge. Answers most lookups from a table that is a 32nd of
 * the other one and so stays in a near cache. */
static bool may_merge(const as_bpe *b, uint64_t hash)
{
    uint64_t bit = hash >> 20 & b->filter_mask;
    return b->filter[bit >> 3] >> (bit & 7) & 1;
}

static pair_slot *pair_at(const as_bpe *b, uint64_t hash, uint32_t left, uint32_t right)
{
    size_t i = hash & b->pair_mask;
    while (b->pair[i].left != NONE && (b->pair[i].left != left || b->pair[i].right != right))
        i = (i + 1) & b->pair_mask;
    return &b->pair[i];
}

static size_t join_bit(uint32_t a, uint32_t b)
{
    return (size_t)((mix((uint64_t)a << 32 | b) >> 16) & ((1u << JOIN_BITS) - 1));
}

static bool may_join(const as_bpe *b, uint32_t left, uint32_t right)
{
    size_t bit = join_bit(left, right);
    return b->joined[bit >> 3] >> (bit & 7) & 1;
}

/* A power of two of at least twice n. */
static size_t table_size(size_t n)
{
    size_t size = 16;
    while (size / 2 < n && size <= SIZE_MAX / 4) size *= 2;
    return size;
}

as_bpe *as_bpe_new(as_bpe_unit unit, size_t n_ids, size_t n_tokens, size_t n_merges, as_error *err)
{
    as_bpe *b = as_new(1, sizeof *b, err);
    if (!b) return NULL;
    *b = (as_bpe){.unit = unit,
                  .n_ids = n_ids,
                  .most_tokens = n_tokens,
                  .most_merges = n_merges,
                  .text_mask = table_size(n_tokens) - 1,
                  .pair_mask = table_size(n_merges) - 1,
                  .unknown = NONE};
    memset(b->first, 0xff, sizeof b->first);
    if (n_ids >= NONE || n_merges >= NONE) {
        (void)as_fail(err, AS_ELIMIT, "size (found %zu ids and %zu merges, expected below 2^32-1)",
                      n_ids, n_merges);
        goto fail;
    }
    b->text = as_new(b->text_mask + 1, sizeof *b->text, err);
    b->text_of = b->text ? as_new(n_ids, sizeof *b->text_of, err) : NULL;
    b->pair = b->text_of ? as_new(b->pair_mask + 1, sizeof *b->pair, err) : NULL;
    b->filter_mask = (uint64_t)(b->pair_mask + 1) * 4 - 1;
    b->filter = b->pair ? as_new((b->pair_mask + 1) / 2, 1, err) : NULL;
    b->joined = b->filter ? as_new(1u << (JOIN_BITS - 3), 1, err) : NULL;
    if (!b->joined) goto fail;
    memset(b->pair, 0xff, (b->pair_mask + 1) * sizeof *b->pair);
    return b;
fail:
    as_bpe_free(b);
    return NULL;
}

void as_bpe_free(as_bpe *b)
{
    if (!b) return;
    free(b->text);
    free(b->text_of);
    free(b->pair);
    free(b->filter);
    free(b->joined);
    free(b);
}

bool as_bpe_token(as_bpe *b, uint32_t id, const char *text, size_t size, bool is_hidden,
                  as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    AS_CHECK(id < b->n_ids && b->n_tokens < b->most_tokens);
    if (size == 0) return as_fail(err, AS_EFORMAT, "token %u has no text", (unsigned)id);
    if (size > AS_BPE_MAX_TOKEN)
        return as_fail(err, AS_ELIMIT, "token %u (found %zu bytes, expected at most %d)",
                       (unsigned)id, size, AS_BPE_MAX_TOKEN);
    text_slot *s = text_at(b, text, size);
    if (s->size || b->text_of[id])
        return as_fail(err, AS_EFORMAT, "token \"%s\": %s given twice (id %u and id %u)",
                       as_escape(text, size, shown), s->size ? "text" : "id", (unsigned)id,
                       (unsigned)(s->size ? s->id : id));
    *s = (text_slot){
        .head = head_of(text, size), .id = id, .size = (uint16_t)size, .is_hidden = is_hidden};
    b->text_of[id] = text;
    b->n_tokens++;
    return true;
}

bool as_bpe_find(const as_bpe *b, const char *text, size_t size, uint32_t *id)
{
    const text_slot *s = size ? text_at(b, text, size) : NULL;
    if (!s || s->size == 0) return false;
    *id = s->id;
    return true;
}

void as_bpe_fall_back(as_bpe *b, const uint32_t id[256])
{
    memcpy(b->fall_back, id, sizeof b->fall_back);
    b->has_fall_back = true;
    b->least_fall_back = b->most_fall_back = id[0];
    for (size_t i = 1; i < 256; i++) {
        if (id[i] < b->least_fall_back) b->least_fall_back = id[i];
        if (id[i] > b->most_fall_back) b->most_fall_back = id[i];
    }
}

void as_bpe_unknown(as_bpe *b, uint32_t id, bool is_fused)
{
    b->unknown = id;
    b->is_fused = is_fused;
}

/* Is the token one that stands for what has none? Its text says nothing about what it joins. */
static bool is_stand_in(const as_bpe *b, uint32_t id)
{
    if (id == b->unknown) return true;
    if (!b->has_fall_back || id < b->least_fall_back || id > b->most_fall_back) return false;
    for (size_t i = 0; i < 256; i++)
        if (b->fall_back[i] == id) return true;
    return false;
}

/* Notes that a merge reaches from the last character of left to the first one of right. */
static void note_join(as_bpe *b, const char *left, size_t left_size, const char *right,
                      size_t right_size)
{
    uint32_t last = 0, next = 0;
    size_t at = left_size - 1;
    while (at > 0 && ((unsigned char)left[at] & 0xc0) == 0x80) at--;
    (void)as_utf8_next(left + at, left_size - at, &last);
    (void)as_utf8_next(right, right_size, &next);
    size_t bit = join_bit(last, next);
    b->joined[bit >> 3] = (uint8_t)(b->joined[bit >> 3] | 1u << (bit & 7));
}

bool as_bpe_merge(as_bpe *b, const char *left, size_t left_size, const char *right,
                  size_t right_size, as_error *err)
{
    char shown[AS_ESCAPE_SIZE], joined[2 * AS_BPE_MAX_TOKEN];
    uint32_t l, r;
    AS_CHECK(b->n_merges < b->most_merges);
    if (!as_bpe_find(b, left, left_size, &l))
        return as_fail(err, AS_EFORMAT, "left part \"%s\" is no token",
                       as_escape(left, left_size, shown));
    if (!as_bpe_find(b, right, right_size, &r))
        return as_fail(err, AS_EFORMAT, "right part \"%s\" is no token",
                       as_escape(right, right_size, shown));
    if (is_stand_in(b, l) || is_stand_in(b, r))
        return as_fail(err, AS_EFORMAT, "part \"%s\" stands for a byte or for the unknown",
                       as_escape(is_stand_in(b, l) ? left : right,
                                 is_stand_in(b, l) ? left_size : right_size, shown));
    memcpy(joined, left, left_size);
    memcpy(joined + left_size, right, right_size);
    const text_slot *s = text_at(b, joined, left_size + right_size);
    if (s->size == 0)
        return as_fail(err, AS_EFORMAT, "result \"%s\" is no token",
                       as_escape(joined, left_size + right_size, shown));
    uint64_t hash = hash_pair(l, r), bit = hash >> 20 & b->filter_mask;
    pair_slot *p = pair_at(b, hash, l, r);
    if (p->left != NONE)
        return as_fail(err, AS_EFORMAT, "pair given twice (first as merge %u)", (unsigned)p->rank);
    uint32_t rank = b->n_merges++;
    if (s->is_hidden) return true; /* its rank stays unused */
    *p = (pair_slot){.left = l, .right = r, .rank = rank, .id = s->id};
    b->filter[bit >> 3] = (uint8_t)(b->filter[bit >> 3] | 1u << (bit & 7));
    if (b->unit == AS_BPE_CHARS) note_join(b, left, left_size, right, right_size);
    return true;
}

/* --- merging ------------------------------------------------------------------------------- */

/* A piece under work: symbol i stands at its first byte's place in the row; the merged ones are
 * unlinked and have rank NONE. level[0][i] is the rank of the pair (i, next[i]), level[k + 1][j]
 * the least of level[k][16 j .. 16 j + 15]. */
typedef struct {
    const as_bpe *b;
    size_t n, n_levels;
    uint32_t *id, *merged, *prev, *next;
    uint32_t *level[MAX_LEVELS];
    size_t width[MAX_LEVELS];
} row;

void as_bpe_scratch_clear(as_bpe_scratch *s)
{
    free(s->word);
    *s = (as_bpe_scratch){0};
}

/* Room for n symbols: five words each, and the levels above. */
static bool reserve(as_bpe_scratch *s, size_t n, as_error *err)
{
    if (n <= s->room) return true;
    if (n > MAX_PIECE)
        return as_fail(err, AS_ELIMIT, "a piece to encode (found %zu bytes, expected at most %d)",
                       n, MAX_PIECE);
    size_t room = n < 128 ? 128 : n + n / 4;
    as_bpe_scratch_clear(s);
    s->word = as_new(room * 5 + room / (FAN - 1) + 2 * MAX_LEVELS, sizeof *s->word, err);
    s->room = s->word ? room : 0;
    return s->word != NULL;
}

static uint32_t least(const uint32_t *x, size_t n)
{
    uint32_t m = x[0];
    for (size_t i = 1; i < n; i++) m = x[i] < m ? x[i] : m;
    return m;
}

static size_t group_size(const row *r, size_t k, size_t group)
{
    size_t left = r->width[k] - group * FAN;
    return left < FAN ? left : FAN;
}

/* Looks up the pair that starts at i. */
static uint32_t rank_at(row *r, size_t i)
{
    if (r->next[i] >= r->n) return NONE;
    uint32_t left = r->id[i], right = r->id[r->next[i]];
    uint64_t hash = hash_pair(left, right);
    if (!may_merge(r->b, hash)) return NONE;
    const pair_slot *p = pair_at(r->b, hash, left, right);
    r->merged[i] = p->id;
    return p->rank; /* NONE in an empty slot */
}

static void lay_out(row *r, const as_bpe *b, as_bpe_scratch *s, size_t n)
{
    uint32_t *w = s->word;
    size_t room = s->room;
    *r = (row){.b = b, .n = n, .id = w, .merged = w + room, .prev = w + 2 * room};
    r->next = w + 3 * room;
    r->level[0] = w + 4 * room;
    r->width[0] = n;
    for (size_t i = 0; i < n; i++) {
        r->prev[i] = (uint32_t)i - 1; /* NONE before the first */
        r->next[i] = (uint32_t)i + 1;
    }
    for (size_t i = 0; i < n; i++) r->level[0][i] = rank_at(r, i);
    size_t k = 0;
    for (; r->width[k] > FAN; k++) {
        AS_CHECK(k + 1 < MAX_LEVELS); /* 16^8 symbols */
        r->level[k + 1] = r->level[k] + r->width[k];
        r->width[k + 1] = (r->width[k] + FAN - 1) / FAN;
        for (size_t j = 0; j < r->width[k + 1]; j++)
            r->level[k + 1][j] = least(r->level[k] + j * FAN, group_size(r, k, j));
    }
    r->n_levels = k + 1;
}

static void set_rank(row *r, size_t i, uint32_t rank)
{
    r->level[0][i] = rank;
    for (size_t k = 0; k + 1 < r->n_levels; k++) {
        i /= FAN;
        uint32_t m = least(r->level[k] + i * FAN, group_size(r, k, i));
        if (m == r->level[k + 1][i]) return;
        r->level[k + 1][i] = m;
    }
}

/* The place of the leftmost pair of lowest rank; false when no pair is left. */
static bool find_lowest(const row *r, size_t *at)
{
    size_t k = r->n_levels - 1, i = 0;
    uint32_t rank = least(r->level[k], r->width[k]);
    if (rank == NONE) return false;
    for (;; k--, i *= FAN) {
        while (r->level[k][i] != rank) i++;
        if (k == 0) break;
    }
    *at = i;
    return true;
}

/* Merges until nothing is left to merge and appends the symbols. */
static void merge_all(row *r, as_ids *out)
{
    size_t i;
    while (find_lowest(r, &i)) {
        size_t gone = r->next[i];
        r->id[i] = r->merged[i];
        r->next[i] = r->next[gone];
        if (r->next[i] < r->n) r->prev[r->next[i]] = (uint32_t)i;
        set_rank(r, gone, NONE);
        set_rank(r, i, rank_at(r, i));
        if (i > 0) set_rank(r, r->prev[i], rank_at(r, r->prev[i]));
    }
    for (i = 0; i < r->n; i = r->next[i]) out->id[out->n++] = r->id[i];
}

/* --- symbols ------------------------------------------------------------------------------- */

/* The symbol of the byte or character (of `size` bytes) at text, NONE when it has no token. */
static uint32_t symbol_at(const as_bpe *b, const char *text, size_t size)
{
    if (size == 1) return b->first[(unsigned char)*text];
    const text_slot *s = text_at(b, text, size);
    return s->size && !s->is_hidden ? s->id : NONE;
}

/* Appends the symbols of what has no token of its own: bytes, or the unknown token. */
static bool add_unknown(const as_bpe *b, const char *text, size_t size, uint32_t *id, size_t *n,
                        bool *after_unknown, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    if (b->has_fall_back) {
        for (size_t i = 0; i < size; i++) id[(*n)++] = b->fall_back[(unsigned char)text[i]];
        *after_unknown = false;
        return true;
    }
    if (b->unknown == NONE)
        return as_fail(err, AS_EFORMAT, "no token for %s \"%s\", and none for what is unknown",
                       b->unit == AS_BPE_BYTES ? "byte" : "character",
                       as_escape(text, size, shown));
    if (!(*after_unknown && b->is_fused)) id[(*n)++] = b->unknown;
    *after_unknown = true;
    return true;
}

/* The symbols that text starts as. */
static bool symbols(const as_bpe *b, const char *text, size_t size, uint32_t *id, size_t *n,
                    as_error *err)
{
    bool after_unknown = false;
    *n = 0;
    for (size_t at = 0, step; at < size; at += step) {
        uint32_t cp;
        step = b->unit == AS_BPE_BYTES ? 1 : as_utf8_next(text + at, size - at, &cp);
        AS_CHECK(step > 0);
        uint32_t symbol = symbol_at(b, text + at, step);
        if (symbol != NONE) {
            id[(*n)++] = symbol;
            after_unknown = false;
        } else if (!add_unknown(b, text + at, step, id, n, &after_unknown, err)) {
            return false;
        }
    }
    return true;
}

static bool encode_piece(const as_bpe *b, as_bpe_scratch *s, const char *text, size_t size,
                         as_ids *out, as_error *err)
{
    row r;
    size_t n;
    if (b->is_ready && size <= AS_BPE_MAX_TOKEN) {
        const text_slot *whole = text_at(b, text, size);
        if (whole->is_whole) return as_ids_add(out, whole->id, err);
    }
    if (!reserve(s, size, err) || !as_ids_reserve(out, size, err)) return false;
    if (!symbols(b, text, size, s->word, &n, err)) return false;
    lay_out(&r, b, s, n);
    merge_all(&r, out);
    return true;
}

/* Characters: cuts where no merge reaches across. What has no token joins its like, so that an
 * unknown token is shared; whether it does costs nothing but a longer piece. */
static bool encode_chars(const as_bpe *b, as_bpe_scratch *s, const char *text, size_t size,
                         as_ids *out, as_error *err)
{
    uint32_t before = 0, cp = 0;
    size_t start = 0;
    bool is_strange, was_strange = false;
    for (size_t at = 0, step; at < size; at += step, before = cp, was_strange = is_strange) {
        step = as_utf8_next(text + at, size - at, &cp);
        AS_CHECK(step > 0);
        is_strange = symbol_at(b, text + at, step) == NONE;
        if (at == start || may_join(b, before, cp) || (is_strange && was_strange)) continue;
        if (!encode_piece(b, s, text + start, at - start, out, err)) return false;
        start = at;
    }
    return start == size || encode_piece(b, s, text + start, size - start, out, err);
}

bool as_bpe_encode(const as_bpe *b, as_bpe_scratch *s, const char *text, size_t size, as_ids *out,
                   as_error *err)
{
    if (size == 0) return true;
    if (b->unit == AS_BPE_CHARS) return encode_chars(b, s, text, size, out, err);
    return encode_piece(b, s, text, size, out, err);
}

bool as_bpe_ready(as_bpe *b, as_error *err)
{
    as_bpe_scratch s = {0};
    as_ids ids = {0};
    bool ok = true;
    for (size_t c = 0; c < (b->unit == AS_BPE_BYTES ? 256 : 128); c++) {
        char byte = (char)c;
        const text_slot *t = text_at(b, &byte, 1);
        b->first[c] = t->size && !t->is_hidden ? t->id : NONE;
    }
    for (size_t i = 0; ok && i <= b->text_mask; i++) {
        text_slot *t = &b->text[i];
        as_error none = {0}; /* a letter of it has no token: it is not built */
        if (t->size == 0 || t->is_hidden) continue;
        ids.n = 0;
        bool built = encode_piece(b, &s, b->text_of[t->id], t->size, &ids, &none);
        t->is_whole = built && ids.n == 1 && ids.id[0] == t->id;
        ok = none.class_ != AS_EMEM || as_fail(err, AS_EMEM, "%s", none.what);
    }
    b->is_ready = true;
    as_bpe_scratch_clear(&s);
    as_ids_clear(&ids);
    return ok;
}
