/* Byte pair encoding against the definition: random vocabularies, random texts, the merge found by
 * looking at every pair every time. And the cutting out of added tokens. */
#include "check.h"

#include <stdlib.h>

#include "base/rng.h"
#include "engine/text/added.h"
#include "engine/text/bpe.h"

enum { MOST_TOKENS = 96, MOST_MERGES = 160, MOST_TEXT = 700, TOKEN_ROOM = 48 };
#define NONE UINT32_MAX

typedef struct {
    char text[MOST_TOKENS][TOKEN_ROOM]; /* id is the place */
    bool hidden[MOST_TOKENS];
    size_t n;
    struct {
        uint32_t left, right, result;
    } merge[MOST_MERGES];
    size_t n_merges;
    as_bpe_unit unit;
    uint32_t unknown; /* NONE */
    bool is_fused, has_bytes;
} table;

static uint32_t id_of(const table *t, const char *text, size_t size)
{
    for (uint32_t i = 0; i < t->n; i++)
        if (strlen(t->text[i]) == size && memcmp(t->text[i], text, size) == 0) return i;
    return NONE;
}

static void add_text(table *t, const char *text)
{
    if (t->n < MOST_TOKENS && id_of(t, text, strlen(text)) == NONE)
        (void)snprintf(t->text[t->n++], TOKEN_ROOM, "%s", text);
}

/* Joins of random tokens, then merges in random order, so that a token may be wanted before its
 * parts can exist and may be reached in several ways. */
static void make_table(table *t, as_rng *rng, as_bpe_unit unit)
{
    static const char *const letters[] = {"a", "b", "c", " ", "\xc3\xa9", "\xe4\xbd\xa0", "d"};
    *t = (table){.unit = unit, .unknown = NONE};
    size_t n_letters = unit == AS_BPE_BYTES ? 4 : 2 + as_rng_below(rng, 5);
    if (unit == AS_BPE_CHARS) add_text(t, "<unk>");
    for (size_t i = 0; i < n_letters; i++) add_text(t, letters[i]);
    size_t first = unit == AS_BPE_CHARS, base = t->n, wanted = as_rng_below(rng, MOST_TOKENS);
    for (size_t i = 0; i < wanted; i++) {
        char joined[2 * TOKEN_ROOM];
        const char *l = t->text[first + as_rng_below(rng, t->n - first)];
        const char *r = t->text[first + as_rng_below(rng, t->n - first)];
        (void)snprintf(joined, sizeof joined, "%s%s", l, r);
        if (strlen(joined) < 16) add_text(t, joined);
    }
    for (size_t k = 0; k < 4000 && t->n_merges < MOST_MERGES; k++) {
        uint32_t l = (uint32_t)(first + as_rng_below(rng, t->n - first));
        uint32_t r = (uint32_t)(first + as_rng_below(rng, t->n - first));
        char joined[2 * TOKEN_ROOM];
        (void)snprintf(joined, sizeof joined, "%s%s", t->text[l], t->text[r]);
        uint32_t result = id_of(t, joined, strlen(joined));
        bool known = result == NONE;
        for (size_t m = 0; m < t->n_merges; m++)
            known |= t->merge[m].left == l && t->merge[m].right == r;
        if (known) continue;
        t->merge[t->n_merges].left = l;
        t->merge[t->n_merges].right = r;
        t->merge[t->n_merges++].result = result;
    }
    for (size_t i = base; i < t->n; i++) t->hidden[i] = as_rng_below(rng, 12) == 0;
    if (unit == AS_BPE_CHARS) {
        t->unknown = 0;
        t->hidden[0] = true;
        t->is_fused = as_rng_below(rng, 2) == 0;
        t->has_bytes = as_rng_below(rng, 2) == 0;
    }
}

static as_bpe *build(const table *t, as_error *err)
{
    static char bytes[256][7];
    uint32_t fall_back[256];
    size_t n = t->n + (t->has_bytes ? 256 : 0);
    as_bpe *b = as_bpe_new(t->unit, n, n, t->n_merges, err);
    bool ok = b;
    for (uint32_t i = 0; ok && i < t->n; i++)
        ok = as_bpe_token(b, i, t->text[i], strlen(t->text[i]), t->hidden[i], err);
    for (uint32_t i = 0; ok && t->has_bytes && i < 256; i++) {
        fall_back[i] = (uint32_t)t->n + i;
        (void)snprintf(bytes[i], 7, "<0x%02X>", (unsigned)i);
        ok = as_bpe_token(b, fall_back[i], bytes[i], 6, false, err);
    }
    if (ok && t->has_bytes) as_bpe_fall_back(b, fall_back);
    if (ok && t->unknown != NONE) as_bpe_unknown(b, t->unknown, t->is_fused);
    for (size_t m = 0; ok && m < t->n_merges; m++) {
        const char *l = t->text[t->merge[m].left], *r = t->text[t->merge[m].right];
        ok = as_bpe_merge(b, l, strlen(l), r, strlen(r), err);
    }
    if (ok && as_bpe_ready(b, err)) return b;
    as_bpe_free(b);
    return NULL;
}

/* The definition, step by step. */
static size_t define(const table *t, const char *text, size_t size, uint32_t *id)
{
    size_t n = 0;
    bool after_unknown = false;
    for (size_t at = 0, step; at < size; at += step) {
        uint32_t cp;
        step = t->unit == AS_BPE_BYTES ? 1 : as_utf8_next(text + at, size - at, &cp);
        uint32_t symbol = id_of(t, text + at, step);
        if (symbol != NONE && t->hidden[symbol]) symbol = NONE;
        bool is_unknown = symbol == NONE && !t->has_bytes;
        if (symbol != NONE)
            id[n++] = symbol;
        else if (t->has_bytes)
            for (size_t i = 0; i < step; i++)
                id[n++] = (uint32_t)t->n + (unsigned char)text[at + i];
        else if (!(after_unknown && t->is_fused))
            id[n++] = t->unknown;
        after_unknown = is_unknown;
    }
    for (;;) {
        size_t best = NONE, where = 0;
        for (size_t i = 0; i + 1 < n; i++)
            for (size_t m = 0; m < t->n_merges && m < best; m++)
                if (t->merge[m].left == id[i] && t->merge[m].right == id[i + 1] &&
                    !t->hidden[t->merge[m].result]) {
                    best = m;
                    where = i;
                }
        if (best == NONE) return n;
        id[where] = t->merge[best].result;
        memmove(id + where + 1, id + where + 2, (n - where - 2) * sizeof *id);
        n--;
    }
}

static size_t random_text(const table *t, as_rng *rng, char *text, size_t most)
{
    static const char *const strange[] = {"z", "\xc3\xa9", "\xf0\x9f\x99\x82", "<", "\xe2\x96\x81"};
    size_t size = 0, want = as_rng_below(rng, most);
    bool one = as_rng_below(rng, 6) == 0; /* a run of one token */
    size_t token = as_rng_below(rng, t->n);
    while (size < want) {
        const char *p = t->text[one ? token : as_rng_below(rng, t->n)];
        if (t->unit == AS_BPE_CHARS && as_rng_below(rng, 8) == 0) p = strange[as_rng_below(rng, 5)];
        size_t n = strlen(p);
        if (size + n > MOST_TEXT) break;
        memcpy(text + size, p, n);
        size += n;
    }
    return size;
}

static void random_tables(as_bpe_unit unit, const char *purpose, size_t n_tables)
{
    static uint32_t expected[4 * MOST_TEXT];
    char text[MOST_TEXT];
    for (size_t k = 0; k < n_tables; k++) {
        as_error err = {0};
        as_rng rng = as_rng_at(3, purpose, k);
        table t;
        as_bpe_scratch scratch = {0};
        make_table(&t, &rng, unit);
        as_bpe *b = build(&t, &err);
        CHECK(b);
        for (size_t i = 0; b && i < 20; i++) {
            as_ids ids = {0};
            size_t size = random_text(&t, &rng, text, i < 19 ? 60 : MOST_TEXT);
            size_t n = define(&t, text, size, expected);
            CHECK(as_bpe_encode(b, &scratch, text, size, &ids, &err));
            CHECK(ids.n == n && (n == 0 || memcmp(ids.id, expected, n * sizeof *expected) == 0));
            as_ids_clear(&ids);
            if (check_bad) printf("table %zu, text %zu: %s\n", k, i, err.what);
            if (check_bad) break;
        }
        as_bpe_scratch_clear(&scratch);
        as_bpe_free(b);
        if (check_bad) return;
    }
}

static void bytes_as_defined(void)
{
    random_tables(AS_BPE_BYTES, "bytes", 120);
}

static void characters_as_defined(void)
{
    random_tables(AS_BPE_CHARS, "characters", 200);
}

/* One step of building that must fail, with its message. */
static void refused_merge(const char *l, const char *r, const char *what)
{
    as_error err = {0};
    as_bpe *b = as_bpe_new(AS_BPE_BYTES, 3, 3, 2, &err);
    CHECK(b && as_bpe_token(b, 0, "a", 1, false, &err) && as_bpe_token(b, 1, "b", 1, false, &err) &&
          as_bpe_token(b, 2, "ab", 2, false, &err) && as_bpe_merge(b, "a", 1, "b", 1, &err));
    CHECK(b && !as_bpe_merge(b, l, strlen(l), r, strlen(r), &err));
    CHECK(err.class_ == AS_EFORMAT);
    CHECK_TEXT(err.what, what);
    as_bpe_free(b);
}

static void refused(void)
{
    refused_merge("x", "b", "left part \"x\" is no token");
    refused_merge("a", "x", "right part \"x\" is no token");
    refused_merge("b", "a", "result \"ba\" is no token");
    refused_merge("a", "b", "pair given twice (first as merge 0)");
    as_error err = {0};
    as_bpe_scratch s = {0};
    as_ids ids = {0};
    as_bpe *b = as_bpe_new(AS_BPE_BYTES, 3, 2, 0, &err);
    CHECK(b && as_bpe_token(b, 0, "a", 1, false, &err));
    CHECK(b && !as_bpe_token(b, 1, "a", 1, false, &err) && err.class_ == AS_EFORMAT);
    CHECK_TEXT(err.what, "token \"a\": text given twice (id 1 and id 0)");
    err = (as_error){0};
    CHECK(b && !as_bpe_token(b, 1, "", 0, false, &err) && err.class_ == AS_EFORMAT);
    err = (as_error){0};
    CHECK(b && as_bpe_ready(b, &err) && as_bpe_encode(b, &s, "aa", 2, &ids, &err) && ids.n == 2);
    CHECK(b && !as_bpe_encode(b, &s, "a\xff", 2, &ids, &err) && err.class_ == AS_EFORMAT);
    CHECK_TEXT(err.what, "no token for byte \"\\xff\", and none for what is unknown");
    as_bpe_scratch_clear(&s);
    as_ids_clear(&ids);
    as_bpe_free(b);
}

static void added_tokens(void)
{
    static const char *const texts[] = {"<a>", "<a>b", "b<c", "<", "\xc3\xa9"};
    static const struct {
        size_t at, length;
        uint32_t id;
    } expected[] = {{1, 4, 1}, {5, 2, 4}, {7, 1, 3}, {9, 3, 2}, {13, 3, 0}};
    const char *text = "x<a>b\xc3\xa9<ab<cb<a>";
    as_error err = {0};
    as_added *a = as_added_new(&err);
    uint32_t id;
    for (uint32_t i = 0; a && i < 5; i++)
        CHECK(as_added_put(a, texts[i], strlen(texts[i]), i, &err));
    CHECK(a && as_added_find(a, "<a>", 3, &id) && id == 0);
    CHECK(a && !as_added_find(a, "<a", 2, &id) && !as_added_find(a, "", 0, &id));
    size_t at = 0, length, k = 0;
    while (a && k < 5 && as_added_next(a, text, strlen(text), &at, &length, &id)) {
        CHECK(at == expected[k].at && length == expected[k].length && id == expected[k].id);
        at += length;
        k++;
    }
    CHECK(k == 5 && a && !as_added_next(a, text, strlen(text), &at, &length, &id));
    CHECK(a && !as_added_put(a, "<", 1, 9, &err) && err.class_ == AS_EFORMAT);
    CHECK_TEXT(err.what, "added token \"<\": text given twice (id 3 and id 9)");
    as_added_free(a);
}

int main(void)
{
    RUN(bytes_as_defined);
    RUN(characters_as_defined);
    RUN(refused);
    RUN(added_tokens);
    return check_end();
}
