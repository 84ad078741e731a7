/* Pages of keys and values with counted references, and the states of delta layers. A page is made
 * when a row grows into it and goes to a list of its size when nobody holds it any more. One thread
 * at a time uses the rows of a cache. */
#include "engine/model/cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/model/step_internal.h"

enum { LINE = 64, LINE_FLOATS = LINE / 4 };

/* Stands on the cache line before a page's floats. */
typedef struct page {
    void *memory;
    struct page *next; /* in its free list */
    size_t refs;
} page;
_Static_assert(sizeof(page) <= LINE, "a page's head fits a line");

/* Where a layer's memory lies. */
typedef struct {
    size_t table;       /* attention: which of a row's tables it reads */
    bool is_owner;      /* attention: it makes what is in that table */
    size_t page_floats; /* of an owner */
    size_t window;      /* of an owner: the longest window of its readers; 0: all positions */
    size_t list;        /* of an owner: free list of its page size */
    size_t state, conv; /* delta: offsets in a row's states */
    size_t state_floats, conv_floats;
} place;

struct as_cache {
    size_t n_layers, n_tables, n_states; /* n_states: floats a row */
    place *place;                        /* (n_layers) */
    page **list;                         /* (n_layers at most) free pages */
    size_t n_rows, bytes;
};

struct as_cache_row {
    as_cache *cache;
    size_t capacity, length;
    size_t room;   /* pages in a table */
    size_t reach;  /* entries from here on are NULL in every table */
    float **table; /* (n_tables, room) */
    float *states; /* 64-byte aligned, in memory */
    void *memory;
    size_t bytes;
};

static size_t pages_for(size_t tokens)
{
    return tokens / AS_PAGE + (tokens % AS_PAGE != 0);
}

static float *aligned(void *memory)
{
    uintptr_t at = (uintptr_t)memory;
    return (float *)((unsigned char *)memory + (LINE - at % LINE) % LINE);
}

/* ---- cache ---- */

static size_t round_line(size_t floats)
{
    return (floats + LINE_FLOATS - 1) / LINE_FLOATS * LINE_FLOATS;
}

static void place_delta(as_cache *c, const as_layer_shape *l, place *p)
{
    size_t channels = 2 * l->key_heads * l->key_dim + l->heads * l->head_dim;
    p->state_floats = l->heads * l->key_dim * l->head_dim;
    p->conv_floats = (l->kernel - 1) * channels;
    p->state = c->n_states;
    p->conv = p->state + round_line(p->state_floats);
    c->n_states = p->conv + round_line(p->conv_floats);
}

static void place_pages(as_cache *c, const as_config *config, size_t layer)
{
    const as_layer_shape *l = &config->layer[layer];
    place *p = &c->place[layer], *owner = &c->place[l->kv_layer];
    if (owner == p) {
        p->is_owner = true;
        p->table = c->n_tables++;
        p->window = l->window;
        p->page_floats = as_page_floats(l->key_heads, l->head_dim);
        p->list = layer; /* the list of the first layer with this size */
        for (size_t i = layer; i-- > 0;)
            if (c->place[i].is_owner && c->place[i].page_floats == p->page_floats) p->list = i;
        return;
    }
    AS_CHECK(l->kv_layer < layer && owner->is_owner);
    p->table = owner->table;
    if (l->window == 0) owner->window = 0;
    if (owner->window != 0 && l->window > owner->window) owner->window = l->window;
}

as_cache *as_cache_new(const as_config *config, as_error *err)
{
    as_cache *c = as_new(1, sizeof *c, err);
    if (!c) return NULL;
    c->n_layers = config->n_layers;
    c->place = as_new(c->n_layers, sizeof *c->place, err);
    if (!c->place) goto failed;
    c->list = as_new(c->n_layers, sizeof(page *), err);
    if (!c->list) goto failed;
    for (size_t l = 0; l < c->n_layers; l++) {
        if (config->layer[l].mixer == AS_MIX_DELTA)
            place_delta(c, &config->layer[l], &c->place[l]);
        else
            place_pages(c, config, l);
    }
    return c;
failed:
    as_cache_free(c);
    return NULL;
}

void as_cache_free(as_cache *c)
{
    if (!c) return;
    AS_CHECK(c->n_rows == 0);
    for (size_t i = 0; c->list && i < c->n_layers; i++) {
        for (page *p = c->list[i], *next; p; p = next) {
            next = p->next;
            free(p->memory);
        }
    }
    free(c->list);
    free(c->place);
    free(c);
}

void as_cache_pages_only(as_cache *c)
{
    AS_CHECK(c->n_rows == 0);
    c->n_states = 0;
}

size_t as_cache_bytes(const as_cache *c)
{
    return c->bytes;
}

/* ---- pages ---- */

static page *head_of(float *floats)
{
    return (page *)(void *)(floats - LINE_FLOATS);
}

static float *take_page(as_cache *c, const place *p, as_error *err)
{
    page *head = c->list[p->list];
    if (head) {
        c->list[p->list] = head->next;
    } else {
        size_t bytes = p->page_floats * sizeof(float) + 2 * (size_t)LINE;
        void *memory = as_new(1, bytes, err);
        if (!memory) return NULL;
        head = (page *)(void *)aligned(memory);
        head->memory = memory;
        c->bytes += bytes;
    }
    head->next = NULL;
    head->refs = 1;
    return (float *)(void *)head + LINE_FLOATS;
}

/* *entry becomes NULL. */
static void drop_page(as_cache *c, const place *p, float **entry)
{
    if (!*entry) return;
    page *head = head_of(*entry);
    *entry = NULL;
    if (--head->refs > 0) return;
    head->next = c->list[p->list];
    c->list[p->list] = head;
}

static void share_page(as_cache *c, const place *p, float **entry, float *floats)
{
    if (*entry == floats) return;
    drop_page(c, p, entry);
    *entry = floats;
    if (floats) head_of(floats)->refs++;
}

/* *entry is held by this row alone, with what it held before. */
static bool own_page(as_cache *c, const place *p, float **entry, as_error *err)
{
    if (*entry && head_of(*entry)->refs == 1) return true;
    float *floats = take_page(c, p, err);
    if (!floats) return false;
    if (*entry) memcpy(floats, *entry, p->page_floats * sizeof(float));
    drop_page(c, p, entry);
    *entry = floats;
    return true;
}

/* ---- rows ---- */

static bool row_memory(as_cache_row *r, as_error *err)
{
    const as_cache *c = r->cache;
    size_t n, states, tables;
    if (!as_size_mul(c->n_tables, r->room, &n, err)) return false;
    r->table = as_new(n, sizeof(float *), err);
    if (!r->table) return false;
    if (!as_size_mul(c->n_states, sizeof(float), &states, err)) return false;
    if (!as_size_add(states, LINE, &states, err)) return false;
    r->memory = as_new(1, states, err);
    if (!r->memory) return false;
    r->states = aligned(r->memory);
    if (!as_size_mul(n, sizeof(float *), &tables, err)) return false;
    return as_size_add(tables, states, &r->bytes, err);
}

as_cache_row *as_cache_row_new(as_cache *c, size_t capacity, as_error *err)
{
    as_cache_row *r = as_new(1, sizeof *r, err);
    if (!r) return NULL;
    r->cache = c;
    r->capacity = capacity;
    r->room = pages_for(capacity);
    c->n_rows++;
    bool ok = row_memory(r, err);
    if (ok) c->bytes += r->bytes;
    if (ok) return r;
    r->bytes = 0;
    as_cache_row_free(r);
    return NULL;
}

/* Drops a row's entries first, first + 1, ... of every layer. */
static void drop_from(as_cache_row *r, size_t first)
{
    as_cache *c = r->cache;
    for (size_t l = 0; l < c->n_layers; l++) {
        const place *p = &c->place[l];
        if (!p->is_owner) continue;
        for (size_t i = first; i < r->reach; i++)
            drop_page(c, p, &r->table[p->table * r->room + i]);
    }
    if (r->reach > first) r->reach = first;
}

void as_cache_row_free(as_cache_row *r)
{
    if (!r) return;
    drop_from(r, 0);
    r->cache->n_rows--;
    r->cache->bytes -= r->bytes;
    free(r->table);
    free(r->memory);
    free(r);
}

size_t as_cache_row_length(const as_cache_row *r)
{
    return r->length;
}

size_t as_cache_row_capacity(const as_cache_row *r)
{
    return r->capacity;
}

float *const *as_cache_pages(const as_cache_row *r, size_t layer)
{
    return r->table + r->cache->place[layer].table * r->room;
}

float *as_cache_state(const as_cache_row *r, size_t layer)
{
    return r->states + r->cache->place[layer].state;
}

float *as_cache_conv(const as_cache_row *r, size_t layer)
{
    return r->states + r->cache->place[layer].conv;
}

/* ---- sharing ---- */

bool as_cache_share_pages(as_cache_row *r, const as_cache_row *parent, size_t from_layer,
                          as_error *err)
{
    as_cache *c = r->cache;
    AS_CHECK(parent->cache == c);
    if (parent->reach > r->room)
        return as_fail(err, AS_ELIMIT, "cache row (found %zu tokens, expected at most %zu)",
                       parent->length, r->capacity);
    size_t reach = r->reach > parent->reach ? r->reach : parent->reach;
    for (size_t l = 0; l < from_layer; l++) {
        const place *p = &c->place[l];
        if (!p->is_owner) continue;
        float **to = r->table + p->table * r->room;
        float *const *from = parent->table + p->table * parent->room;
        for (size_t i = 0; i < reach; i++)
            share_page(c, p, &to[i], i < parent->reach ? from[i] : NULL);
    }
    r->reach = reach;
    return true;
}

bool as_cache_share(as_cache_row *r, const as_cache_row *parent, size_t from_layer, as_error *err)
{
    if (!as_cache_share_pages(r, parent, from_layer, err)) return false;
    for (size_t l = 0; l < from_layer; l++) {
        const place *p = &r->cache->place[l];
        if (p->state_floats == 0) continue;
        memcpy(r->states + p->state, parent->states + p->state, p->state_floats * sizeof(float));
        memcpy(r->states + p->conv, parent->states + p->conv, p->conv_floats * sizeof(float));
    }
    return true;
}

bool as_cache_row_copy(as_cache_row *to, const as_cache_row *from, as_error *err)
{
    if (to == from) return true;
    if (from->length > to->capacity)
        return as_fail(err, AS_ELIMIT, "cache row (found %zu tokens, expected at most %zu)",
                       from->length, to->capacity);
    if (!as_cache_share(to, from, to->cache->n_layers, err)) return false;
    to->length = from->length;
    return true;
}

void as_cache_release(as_cache_row *r, size_t from_layer)
{
    as_cache *c = r->cache;
    size_t i = r->length / AS_PAGE;
    if (r->length % AS_PAGE == 0) return;
    for (size_t l = 0; l < from_layer; l++) {
        const place *p = &c->place[l];
        if (p->is_owner) drop_page(c, p, &r->table[p->table * r->room + i]);
    }
}

/* ---- growing ---- */

void as_cache_trim(as_cache_row *r)
{
    drop_from(r, pages_for(r->length));
}

bool as_cache_grow(as_cache_row *r, size_t n, size_t from_layer, as_error *err)
{
    as_cache *c = r->cache;
    if (n > r->capacity - r->length)
        return as_fail(err, AS_ELIMIT,
                       "cache row (found %zu tokens and %zu more, expected at most %zu)", r->length,
                       n, r->capacity);
    size_t first = r->length / AS_PAGE, end = pages_for(r->length + n);
    if (r->reach < end) r->reach = end;
    for (size_t l = from_layer; l < c->n_layers; l++) {
        const place *p = &c->place[l];
        if (!p->is_owner) continue;
        for (size_t i = first; i < end; i++) {
            if (own_page(c, p, &r->table[p->table * r->room + i], err)) continue;
            as_cache_trim(r);
            return false;
        }
    }
    return true;
}

/* The next query stands at position length and sees what lies after length - window. */
void as_cache_advance(as_cache_row *r, size_t n)
{
    as_cache *c = r->cache;
    AS_CHECK(n <= r->capacity - r->length);
    r->length += n;
    for (size_t l = 0; l < c->n_layers; l++) {
        const place *p = &c->place[l];
        if (!p->is_owner || p->window == 0 || r->length + 1 < p->window) continue;
        float **table = r->table + p->table * r->room;
        for (size_t i = (r->length + 1 - p->window) / AS_PAGE; i > 0 && table[i - 1]; i--)
            drop_page(c, p, &table[i - 1]);
    }
}
