/* The merges of a byte pair encoding, most frequent pair first, with counts kept up to date: every
 * pair knows where it stands, and a merge touches only those places and their neighbours.
 *
 * What a stretch of text is cut into after some merges depends on its own bytes alone, as long as
 * no symbol crosses its ends: occurrences of a pair overlap only in a run of one symbol, which is
 * paired from its left end, and a pair across the stretch's end would cross it. So a text becomes a
 * token in one way only, all occurrences of a token are made by one merge, and all places of a pair
 * are known after the merge that made the later of its two tokens. */
#include "engine/text/bpe_train_internal.h"

#include <stdlib.h>
#include <string.h>

#include "engine/text/bpe.h"

#define NONE UINT32_MAX

/* Two neighbours. */
typedef struct {
    uint64_t key;   /* left << 32 | right */
    uint64_t count; /* of occurrences, weighted by their pieces */
    uint32_t n_new; /* places found during this merge, */
    uint32_t next;  /* and where in `place` the next of them goes */
} pair;

/* A pair in the queue with the places where it was found, ascending, and its count then. */
typedef struct {
    uint64_t count, key;
    uint32_t pair, first, n; /* of `place` */
} batch;

typedef struct {
    uint32_t pair, at;
} found;

/* The pieces lie one after the other, one element a byte, with NONE before, between and after.
 * The first and the last byte of each symbol hold its token; a byte that was first or last in a
 * symbol now merged holds NONE, unless it still is. So a symbol's neighbours are found without
 * links, and what stands at a noted place tells whether the place is still good. */
typedef struct {
    as_learned *out;
    uint32_t *at;    /* (size) */
    uint32_t *owner; /* (size) the piece */
    const uint64_t *weight;
    size_t size;
    pair *pairs;
    size_t n_pairs, pair_room;
    uint32_t *slot; /* (n_slots) by hash: number of the pair + 1, 0 for none */
    size_t n_slots;
    batch *queue; /* a heap, most urgent first */
    size_t n_queue, queue_room;
    uint32_t *place;
    size_t n_places, place_room;
    found *fresh; /* places found during this merge */
    size_t n_fresh, fresh_room;
    size_t merge_room;
    as_buf text; /* of the token being made */
} learner;

/* Room for one element more at the end of *list, doubling. */
static bool grow(void *list, size_t n, size_t *room, size_t more, size_t size, as_error *err)
{
    void **p = list;
    size_t wanted, bytes;
    if (n + more <= *room) return true;
    if (!as_size_mul(*room, 2, &wanted, err)) return false;
    if (wanted < n + more) wanted = n + more;
    if (wanted < 256) wanted = 256;
    if (!as_size_mul(wanted, size, &bytes, err)) return false;
    void *bigger = realloc(*p, bytes);
    if (!bigger) return as_fail(err, AS_EMEM, "out of memory for %zu bytes", bytes);
    *p = bigger;
    *room = wanted;
    return true;
}

static size_t length(const learner *l, uint32_t token)
{
    return l->out->token.end[token] - (token ? l->out->token.end[token - 1] : 0);
}

/* --- pairs ----------------------------------------------------------------------------------- */

static size_t pair_slot(const learner *l, uint64_t key)
{
    uint64_t h = (key ^ key >> 29) * 0xbf58476d1ce4e5b9u;
    size_t i = (size_t)(h ^ h >> 32) & (l->n_slots - 1);
    while (l->slot[i] && l->pairs[l->slot[i] - 1].key != key) i = (i + 1) & (l->n_slots - 1);
    return i;
}

static bool widen_slots(learner *l, as_error *err)
{
    if (2 * (l->n_pairs + 1) <= l->n_slots) return true;
    size_t n = l->n_slots ? 2 * l->n_slots : 1024;
    uint32_t *slot = as_new(n, sizeof *slot, err);
    if (!slot) return false;
    free(l->slot);
    l->slot = slot;
    l->n_slots = n;
    for (size_t i = 0; i < l->n_pairs; i++) slot[pair_slot(l, l->pairs[i].key)] = (uint32_t)i + 1;
    return true;
}

/* The pair's number; made when it is new. */
static bool find_pair(learner *l, uint32_t left, uint32_t right, uint32_t *out, as_error *err)
{
    uint64_t key = (uint64_t)left << 32 | right;
    if (!widen_slots(l, err)) return false;
    size_t i = pair_slot(l, key);
    if (!l->slot[i]) {
        if (!grow(&l->pairs, l->n_pairs, &l->pair_room, 1, sizeof *l->pairs, err)) return false;
        l->pairs[l->n_pairs++] = (pair){.key = key};
        l->slot[i] = (uint32_t)l->n_pairs;
    }
    *out = l->slot[i] - 1;
    return true;
}

static bool lose(learner *l, uint32_t left, uint32_t right, uint64_t weight, as_error *err)
{
    uint32_t p = 0;
    if (!find_pair(l, left, right, &p, err)) return false;
    l->pairs[p].count -= weight;
    return true;
}

static bool gain(learner *l, uint32_t left, uint32_t right, size_t at, uint64_t weight,
                 as_error *err)
{
    uint32_t p = 0;
    if (!find_pair(l, left, right, &p, err) ||
        !grow(&l->fresh, l->n_fresh, &l->fresh_room, 1, sizeof *l->fresh, err))
        return false;
    l->pairs[p].count += weight;
    l->pairs[p].n_new++;
    l->fresh[l->n_fresh++] = (found){p, (uint32_t)at};
    return true;
}

/* --- the queue ------------------------------------------------------------------------------- */

static bool is_before(const batch *a, const batch *b)
{
    if (a->count != b->count) return a->count > b->count;
    return a->key < b->key;
}

static void swap(batch *a, batch *b)
{
    batch t = *a;
    *a = *b;
    *b = t;
}

static void sift_up(batch *q, size_t i)
{
    for (; i > 0 && is_before(&q[i], &q[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&q[i], &q[(i - 1) / 2]);
}

static void sift_down(batch *q, size_t n)
{
    for (size_t i = 0, k; (k = 2 * i + 1) < n; i = k) {
        if (k + 1 < n && is_before(&q[k + 1], &q[k])) k++;
        if (!is_before(&q[k], &q[i])) return;
        swap(&q[i], &q[k]);
    }
}

/* The places found during a merge become a batch for each pair. */
static bool queue_fresh(learner *l, as_error *err)
{
    if (!grow(&l->place, l->n_places, &l->place_room, l->n_fresh, sizeof *l->place, err))
        return false;
    for (size_t i = 0; i < l->n_fresh; i++) {
        pair *p = &l->pairs[l->fresh[i].pair];
        if (p->n_new > 0) {
            batch b = {p->count, p->key, l->fresh[i].pair, (uint32_t)l->n_places, p->n_new};
            p->next = b.first;
            l->n_places += p->n_new;
            p->n_new = 0;
            if (p->count > 0) {
                if (!grow(&l->queue, l->n_queue, &l->queue_room, 1, sizeof b, err)) return false;
                l->queue[l->n_queue] = b;
                sift_up(l->queue, l->n_queue++);
            }
        }
        l->place[p->next++] = l->fresh[i].at;
    }
    l->n_fresh = 0;
    return true;
}

/* --- merging --------------------------------------------------------------------------------- */

/* Merges left and right at p if they stand there. */
static bool merge_at(learner *l, size_t p, uint32_t left, uint32_t right, uint32_t made,
                     as_error *err)
{
    uint32_t *at = l->at;
    if (at[p] != left) return true;
    size_t q = p + length(l, left);
    if (at[q] != right) return true;
    size_t end = q + length(l, right);
    uint32_t before = at[p - 1], after = at[end];
    uint64_t weight = l->weight[l->owner[p]];
    at[q - 1] = at[q] = NONE;
    at[p] = at[end - 1] = made;
    if (before != NONE && (!lose(l, before, left, weight, err) ||
                           !gain(l, before, made, p - length(l, before), weight, err)))
        return false;
    return after == NONE ||
           (lose(l, right, after, weight, err) && gain(l, made, after, p, weight, err));
}

static bool merge_batch(learner *l, const batch *b, uint32_t made, as_error *err)
{
    uint32_t left = (uint32_t)(b->key >> 32), right = (uint32_t)b->key;
    for (size_t i = 0; i < b->n; i++)
        if (!merge_at(l, l->place[b->first + i], left, right, made, err)) return false;
    return queue_fresh(l, err);
}

/* The token of a pair's two texts together. */
static bool join(learner *l, uint64_t key, uint32_t *made, as_error *err)
{
    as_pieces *token = &l->out->token;
    size_t before = token->n;
    l->text.size = 0;
    for (int side = 0; side < 2; side++) {
        uint32_t id = side ? (uint32_t)key : (uint32_t)(key >> 32);
        as_buf_add(&l->text, token->bytes.data + token->end[id] - length(l, id), length(l, id));
    }
    if (!as_buf_ok(&l->text, err) || !as_pieces_add(token, l->text.data, l->text.size, made, err))
        return false;
    AS_CHECK(*made == before); /* a text becomes a token in one way only */
    return true;
}

static bool merge_best(learner *l, size_t least, bool *is_over, as_error *err)
{
    batch *top = l->queue, b = *top;
    const pair *p = &l->pairs[b.pair];
    *is_over = false;
    if (b.count != p->count) { /* it has fallen since */
        top->count = p->count;
        sift_down(l->queue, l->n_queue);
        return true;
    }
    *is_over = b.count < least || b.count == 0;
    if (*is_over) return true;
    *top = l->queue[--l->n_queue];
    sift_down(l->queue, l->n_queue);
    if (length(l, (uint32_t)(b.key >> 32)) + length(l, (uint32_t)b.key) > AS_BPE_MAX_TOKEN)
        return true;
    uint32_t made = 0;
    as_learned *out = l->out;
    if (!join(l, b.key, &made, err) ||
        !grow(&out->merge, out->n_merges, &l->merge_room, 1, sizeof *out->merge, err))
        return false;
    out->merge[out->n_merges++] = (as_merge_pair){(uint32_t)(b.key >> 32), (uint32_t)b.key};
    return merge_batch(l, &b, made, err);
}

/* --- the whole ------------------------------------------------------------------------------- */

static bool lay_out(learner *l, const as_pieces *p, const unsigned char *alphabet, as_error *err)
{
    uint32_t id[256];
    for (uint32_t i = 0; i < 256; i++) {
        char byte = (char)alphabet[i];
        uint32_t which;
        id[alphabet[i]] = i;
        if (!as_pieces_add(&l->out->token, &byte, 1, &which, err)) return false;
    }
    l->weight = p->count;
    l->at = as_new(p->bytes.size + p->n + 1, sizeof *l->at, err);
    l->owner = as_new(p->bytes.size + p->n + 1, sizeof *l->owner, err);
    if (!l->at || !l->owner) return false;
    l->at[l->size++] = NONE;
    for (size_t k = 0, i = 0; k < p->n; k++) {
        for (; i < p->end[k]; i++) {
            l->owner[l->size] = (uint32_t)k;
            l->at[l->size++] = id[(unsigned char)p->bytes.data[i]];
        }
        l->at[l->size++] = NONE;
    }
    for (size_t i = 0; i + 1 < l->size; i++)
        if (l->at[i] != NONE && l->at[i + 1] != NONE &&
            !gain(l, l->at[i], l->at[i + 1], i, l->weight[l->owner[i]], err))
            return false;
    return queue_fresh(l, err);
}

bool as_bpe_learn(const as_pieces *p, const unsigned char alphabet[256], size_t most, size_t least,
                  as_progress *progress, as_learned *out, as_error *err)
{
    learner l = {.out = out};
    bool is_over = false, ok = lay_out(&l, p, alphabet, err);
    while (ok && !is_over && out->token.n < most && l.n_queue > 0) {
        ok = merge_best(&l, least, &is_over, err);
        as_progress_set(progress, 30 + 70 * (out->token.n - 256) / (most - 256), "merging pairs");
    }
    free(l.at);
    free(l.owner);
    free(l.pairs);
    free(l.slot);
    free(l.queue);
    free(l.place);
    free(l.fresh);
    as_buf_clear(&l.text);
    return ok;
}

void as_learned_clear(as_learned *l)
{
    as_pieces_clear(&l->token);
    free(l->merge);
    *l = (as_learned){0};
}
