/* Values of templates: strings that know which of their bytes are content, text in the making,
 * lists, mappings. Work is charged to the run's steps: one for each 64 bytes or 16 entries touched,
 * so that steps bound time and memory alike. */
#include "engine/text/template_internal.h"

#include <string.h>

bool as_tpl_step(tpl_run *r, size_t n)
{
    r->steps += n;
    if (r->steps <= AS_TEMPLATE_STEPS) return true;
    return as_fail(r->err, AS_ELIMIT, "steps (found more than %d, expected at most that many)",
                   AS_TEMPLATE_STEPS);
}

void *as_tpl_new(tpl_run *r, size_t n, size_t size)
{
    if (!as_tpl_step(r, 1 + n * size / 64)) return NULL;
    return as_arena_push(r->arena, n ? n : 1, size, r->err);
}

/* ---- text ---- */

uint64_t as_tpl_hash_text(const char *bytes, size_t size)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < size; i++) h = (h ^ (unsigned char)bytes[i]) * 0x100000001b3u;
    return h;
}

bool as_tpl_text_is(const tpl_text *t, const char *word)
{
    return t->size == strlen(word) && memcmp(t->bytes, word, t->size) == 0;
}

bool as_tpl_same_text(const tpl_text *a, const tpl_text *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

static size_t count_characters(const char *bytes, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < size; i++) n += ((unsigned char)bytes[i] & 0xc0) != 0x80;
    return n;
}

const tpl_text *as_tpl_text(as_arena *a, const char *bytes, size_t size, bool is_content,
                            as_error *err)
{
    if (size > AS_TEMPLATE_TEXT) {
        (void)as_fail(err, AS_ELIMIT, "string (found %zu bytes, expected at most %zu)", size,
                      AS_TEMPLATE_TEXT);
        return NULL;
    }
    tpl_text *t = as_arena_push(a, 1, sizeof *t, err);
    if (!t) return NULL;
    t->bytes = bytes;
    t->size = size;
    t->n = count_characters(bytes, size);
    t->one = (as_template_span){0, size};
    t->span = &t->one;
    t->n_spans = is_content && size > 0;
    return t;
}

/* The first span that ends after byte `at`. */
static size_t span_after(const tpl_text *t, size_t at)
{
    size_t low = 0, high = t->n_spans;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (t->span[mid].end > at)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

size_t as_tpl_stretch(const tpl_text *t, size_t at, bool *is_content)
{
    size_t i = span_after(t, at);
    *is_content = i < t->n_spans && t->span[i].start <= at;
    if (*is_content) return t->span[i].end;
    return i < t->n_spans ? t->span[i].start : t->size;
}

const tpl_text *as_tpl_slice(tpl_run *r, const tpl_text *t, size_t start, size_t end)
{
    if (start == 0 && end == t->size) return t;
    if (!as_tpl_step(r, (end - start) / 64)) return NULL;
    tpl_text *s = as_tpl_new(r, 1, sizeof *s);
    if (!s) return NULL;
    s->bytes = t->bytes + start;
    s->size = end - start;
    s->n = t->n == t->size ? s->size : count_characters(s->bytes, s->size);
    size_t first = span_after(t, start), last = first;
    while (last < t->n_spans && t->span[last].start < end) last++;
    s->n_spans = last - first;
    as_template_span *span = &s->one;
    if (s->n_spans > 1) {
        span = as_tpl_new(r, s->n_spans, sizeof *span);
        if (!span) return NULL;
    }
    for (size_t i = 0; i < s->n_spans; i++) {
        as_template_span from = t->span[first + i];
        span[i].start = (from.start > start ? from.start : start) - start;
        span[i].end = (from.end < end ? from.end : end) - start;
    }
    s->span = span;
    return s;
}

bool as_tpl_offset(tpl_run *r, const tpl_text *t, size_t i, size_t *out)
{
    if (i >= t->n || t->n == t->size) {
        *out = i >= t->n ? t->size : i;
        return true;
    }
    size_t at = 0;
    for (size_t n = 0;; at++) {
        if (((unsigned char)t->bytes[at] & 0xc0) == 0x80) continue;
        if (n++ == i) break;
    }
    *out = at;
    return as_tpl_step(r, at / 64);
}

/* ---- text in the making ---- */

bool as_tpl_rope_add(tpl_run *r, tpl_rope *rope, const char *bytes, size_t size, bool is_content)
{
    size_t most = rope->is_output ? AS_TEMPLATE_OUTPUT : AS_TEMPLATE_TEXT;
    if (size == 0) return true;
    if (size > most - rope->size)
        return as_fail(r->err, AS_ELIMIT, "%s (found more than %zu bytes)",
                       rope->is_output ? "output" : "string", most);
    rope->size += size;
    if (!as_tpl_step(r, size / 64)) return false;
    tpl_piece *last = rope->last;
    if (last && last->is_content == is_content && last->bytes + last->size == bytes) {
        last->size += size;
        return true;
    }
    tpl_piece *piece = as_tpl_new(r, 1, sizeof *piece);
    if (!piece) return false;
    *piece = (tpl_piece){.bytes = bytes, .size = size, .is_content = is_content};
    if (last)
        last->next = piece;
    else
        rope->first = piece;
    rope->last = piece;
    return true;
}

bool as_tpl_rope_puts(tpl_run *r, tpl_rope *rope, const char *text)
{
    return as_tpl_rope_add(r, rope, text, strlen(text), false);
}

bool as_tpl_rope_copy(tpl_run *r, tpl_rope *rope, const char *bytes, size_t size, bool is_content)
{
    char *copy = as_tpl_new(r, size, 1);
    if (!copy) return false;
    if (size) memcpy(copy, bytes, size);
    return as_tpl_rope_add(r, rope, copy, size, is_content);
}

bool as_tpl_rope_text(tpl_run *r, tpl_rope *rope, const tpl_text *t)
{
    for (size_t at = 0; at < t->size;) {
        bool is_content;
        size_t end = as_tpl_stretch(t, at, &is_content);
        if (!as_tpl_rope_add(r, rope, t->bytes + at, end - at, is_content)) return false;
        at = end;
    }
    return true;
}

/* The spans of content in a rope, touching ones made one. Returns how many; writes when out is not
 * NULL. */
static size_t rope_spans(const tpl_rope *rope, as_template_span *out)
{
    size_t n = 0, at = 0;
    bool was_content = false;
    for (const tpl_piece *p = rope->first; p; p = p->next) {
        if (p->is_content && !was_content) n++;
        if (p->is_content && out) {
            if (!was_content) out[n - 1].start = at;
            out[n - 1].end = at + p->size;
        }
        was_content = p->is_content;
        at += p->size;
    }
    return n;
}

bool as_tpl_rope_value(tpl_run *r, const tpl_rope *rope, tpl_value *out)
{
    const tpl_piece *only = rope->first;
    if (!only || !only->next) {
        const tpl_text *t = as_tpl_text(r->arena, only ? only->bytes : "", only ? only->size : 0,
                                        only && only->is_content, r->err);
        *out = as_tpl_of_text(t);
        return t != NULL;
    }
    char *bytes = as_tpl_new(r, rope->size, 1);
    tpl_text *t = bytes ? as_tpl_new(r, 1, sizeof *t) : NULL;
    if (!t) return false;
    size_t at = 0;
    for (const tpl_piece *p = rope->first; p; p = p->next) {
        memcpy(bytes + at, p->bytes, p->size);
        at += p->size;
    }
    t->bytes = bytes;
    t->size = at;
    t->n = count_characters(bytes, at);
    t->n_spans = rope_spans(rope, NULL);
    as_template_span *span = t->n_spans > 1 ? as_tpl_new(r, t->n_spans, sizeof *span) : &t->one;
    if (!span) return false;
    (void)rope_spans(rope, span);
    t->span = span;
    *out = as_tpl_of_text(t);
    return true;
}

/* ---- constructors ---- */

tpl_value as_tpl_bool(bool b)
{
    return (tpl_value){.kind = TPL_BOOL, .b = b};
}

tpl_value as_tpl_int(int64_t i)
{
    return (tpl_value){.kind = TPL_INT, .i = i};
}

tpl_value as_tpl_of_text(const tpl_text *t)
{
    return (tpl_value){.kind = TPL_TEXT, .text = t};
}

tpl_value as_tpl_undefined(const tpl_text *name)
{
    return (tpl_value){.kind = TPL_UNDEFINED, .text = name};
}

bool as_tpl_list_new(tpl_run *r, tpl_kind kind, size_t n, tpl_value *out)
{
    tpl_list *list = as_tpl_new(r, 1, sizeof *list);
    if (!list) return false;
    list->item = as_tpl_new(r, n, sizeof *list->item);
    list->n = n;
    *out = (tpl_value){.kind = kind, .list = list};
    return list->item != NULL;
}

/* ---- mappings ---- */

tpl_dict *as_tpl_dict_new(tpl_run *r)
{
    return as_tpl_new(r, 1, sizeof(tpl_dict));
}

bool as_tpl_hash(tpl_run *r, const tpl_value *key, uint64_t *out)
{
    double x = key->kind == TPL_BOOL ? key->b : key->kind == TPL_INT ? (double)key->i : key->f;
    *out = 1;
    switch (key->kind) {
    case TPL_TEXT:
        *out = as_tpl_hash_text(key->text->bytes, key->text->size);
        return as_tpl_step(r, key->text->size / 64);
    case TPL_BOOL:
    case TPL_INT:
    case TPL_REAL: /* 1, 1.0 and true are one key */
        x += 0.0;
        *out = as_tpl_hash_text((const char *)&x, sizeof x);
        return true;
    case TPL_NONE:
        return true;
    default:
        return as_tpl_fail_kind(r, "key of a mapping", key, "text, a number or none");
    }
}

bool as_tpl_find(tpl_run *r, const tpl_dict *d, const tpl_value *key, uint64_t hash,
                 tpl_entry **out)
{
    *out = NULL;
    for (size_t i = 0; i < d->n; i++) {
        bool is_same = false;
        if (d->entry[i].hash != hash) continue;
        if (!as_tpl_equal(r, &d->entry[i].key, key, &is_same)) return false;
        if (!is_same) continue;
        *out = &d->entry[i];
        return as_tpl_step(r, i / 16);
    }
    return as_tpl_step(r, d->n / 16);
}

bool as_tpl_put(tpl_run *r, tpl_dict *d, const tpl_value *key, const tpl_value *value)
{
    uint64_t hash;
    tpl_entry *known;
    if (!as_tpl_hash(r, key, &hash) || !as_tpl_find(r, d, key, hash, &known)) return false;
    if (known) {
        known->value = *value;
        return true;
    }
    if (d->n == d->room) {
        size_t room = d->room ? 2 * d->room : 4;
        tpl_entry *entry = as_tpl_new(r, room, sizeof *entry);
        if (!entry) return false;
        if (d->n) memcpy(entry, d->entry, d->n * sizeof *entry);
        d->entry = entry;
        d->room = room;
    }
    d->entry[d->n++] = (tpl_entry){.key = *key, .value = *value, .hash = hash};
    return true;
}
