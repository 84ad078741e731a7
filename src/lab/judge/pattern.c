/* Endings, lengths, word lists and topic words of a text. */
#include "lab/judge/pattern.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

/* --- characters ---------------------------------------------------------------------- */

/* The character at *p, which moves past it. */
static uint32_t next_char(const char **p, const char *end)
{
    uint32_t cp = 0;
    size_t size = as_utf8_next(*p, (size_t)(end - *p), &cp);
    *p += size ? size : 1;
    return size ? cp : 0xFFFD;
}

typedef struct {
    uint32_t first, last;
} char_range;

static bool in_ranges(const char_range *range, size_t n, uint32_t cp)
{
    for (size_t i = 0; i < n; i++)
        if (cp >= range[i].first && cp <= range[i].last) return true;
    return false;
}

/* Unicode's White_Space, and characters that leave no mark: zero-width, joiners, selectors. */
static bool is_space(uint32_t cp)
{
    static const char_range blank[] = {{0x85, 0x85},     {0xA0, 0xA0},     {0x1680, 0x1680},
                                       {0x2000, 0x200F}, {0x2028, 0x202F}, {0x205F, 0x2064},
                                       {0x3000, 0x3000}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}};
    if (cp <= 0x20) return cp == 0x20 || (cp >= 0x09 && cp <= 0x0D) || (cp >= 0x1C && cp <= 0x1F);
    return in_ranges(blank, sizeof blank / sizeof blank[0], cp);
}

/* Above U+00BF everything is taken for a letter except what is known to be none. */
static bool is_word(uint32_t cp)
{
    static const char_range none[] = {
        {0xD7, 0xD7},     {0xF7, 0xF7},     {0x1680, 0x1680}, {0x2000, 0x2BFF},  {0x2E00, 0x2E7F},
        {0x3000, 0x303F}, {0xD800, 0xF8FF}, {0xFE00, 0xFE6F}, {0xFEFF, 0xFF0F},  {0xFF1A, 0xFF20},
        {0xFF3B, 0xFF40}, {0xFF5B, 0xFF65}, {0xFFE0, 0xFFFF}, {0x1F000, 0x1FAFF}};
    if (cp < 0x80)
        return (cp >= '0' && cp <= '9') || (cp >= 'A' && cp <= 'Z') || (cp >= 'a' && cp <= 'z');
    if (cp < 0xC0) return cp == 0xAA || cp == 0xB5 || cp == 0xBA;
    return !in_ranges(none, sizeof none / sizeof none[0], cp);
}

static bool is_apostrophe(uint32_t cp)
{
    return cp == '\'' || cp == 0x2019;
}

/* Simple lower case of Latin (to U+017F), Greek and Cyrillic. Never longer in UTF-8. */
static uint32_t lower(uint32_t cp)
{
    if (cp < 0x80) return cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
    if (cp < 0x100) return cp >= 0xC0 && cp <= 0xDE && cp != 0xD7 ? cp + 32 : cp;
    if (cp == 0x130) return 'i';
    if (cp == 0x178) return 0xFF;
    if ((cp >= 0x139 && cp <= 0x148) || (cp >= 0x179 && cp <= 0x17E)) return cp + (cp & 1);
    if (cp < 0x178) return cp == 0x138 ? cp : cp | 1;
    if (cp >= 0x391 && cp <= 0x3A9 && cp != 0x3A2) return cp + 32;
    if (cp >= 0x400 && cp <= 0x40F) return cp + 80;
    if (cp >= 0x410 && cp <= 0x42F) return cp + 32;
    return cp;
}

/* a-z for a letter that is one, with or without an accent; 0 for every other character. */
static char base_letter(uint32_t cp)
{
    static const char base[] = "aaaaaa.ceeeeiiii.nooooo..uuuuy..aaaaaa.ceeeeiiii.nooooo..uuuuy.y"
                               "aaaaaaccccccccdd..eeeeeeeeeegggggggghh..iiiiiiiii...jjkk.llllll."
                               "...nnnnnn...oooooo..rrrrrrsssssssstttt..uuuuuuuuuuuuwwyyyzzzzzz.";
    _Static_assert(sizeof base == 0x180 - 0xC0 + 1, "one letter for each of U+00C0..U+017F");
    cp = lower(cp);
    if (cp >= 'a' && cp <= 'z') return (char)cp;
    if (cp < 0xC0 || cp >= 0x180 || base[cp - 0xC0] == '.') return 0;
    return base[cp - 0xC0];
}

/* --- endings and lengths ------------------------------------------------------------- */

/* 0 when there is none. */
static uint32_t last_visible(const char *text)
{
    const char *end = text + strlen(text);
    for (const char *p = end; p > text;) {
        const char *at = p - 1;
        while (at > text && p - at < 4 && ((unsigned char)*at & 0xC0) == 0x80) at--;
        const char *after = at;
        uint32_t cp = next_char(&after, end);
        if (after != p) { /* stray bytes */
            at = p - 1;
            cp = 0xFFFD;
        }
        if (!is_space(cp)) return cp;
        p = at;
    }
    return 0;
}

bool as_text_ends_strict(const char *text)
{
    uint32_t cp = last_visible(text);
    return cp == '.' || cp == '!' || cp == '?';
}

bool as_text_ends_lenient(const char *text)
{
    static const uint32_t closing[] = {'.', '!', '?',    0x2026, ':',    '*',    ')',
                                       ']', '"', 0x201D, 0xBB,   0x3002, 0xFF01, 0xFF1F};
    uint32_t cp = last_visible(text);
    for (size_t i = 0; i < sizeof closing / sizeof closing[0]; i++)
        if (cp == closing[i]) return true;
    return false;
}

size_t as_text_chars(const char *text)
{
    const char *end = text + strlen(text);
    size_t n = 0;
    for (const char *p = text; p < end; n++) (void)next_char(&p, end);
    return n;
}

size_t as_text_fold(const char *text, uint32_t *points)
{
    const char *end = text + strlen(text);
    size_t n = 0;
    bool gap = false;
    for (const char *p = text; p < end;) {
        uint32_t cp = next_char(&p, end);
        if (is_space(cp)) {
            gap = n > 0;
            continue;
        }
        if (gap) points[n++] = ' ';
        gap = false;
        points[n++] = lower(cp);
    }
    return n;
}

/* --- words --------------------------------------------------------------------------- */

/* The next word from *p on: *word and *size; *p moves past it. False when there is none. */
static bool next_word(const char **p, const char *end, const char **word, size_t *size)
{
    const char *start = NULL, *stop = NULL;
    while (*p < end) {
        const char *at = *p;
        uint32_t cp = next_char(p, end);
        if (is_word(cp)) {
            if (!start) start = at;
            stop = *p;
        } else if (start) {
            const char *ahead = *p;
            if (!is_apostrophe(cp) || ahead >= end || !is_word(next_char(&ahead, end))) break;
        }
    }
    if (!start) return false;
    *word = start;
    *size = (size_t)(stop - start);
    return true;
}

size_t as_text_words(const char *text)
{
    const char *end = text + strlen(text), *word;
    size_t n = 0, size;
    for (const char *p = text; next_word(&p, end, &word, &size);) n++;
    return n;
}

/* Words of one text, each NUL-terminated in data. */
typedef struct {
    char *data;
    const char **word;
    size_t n;
} words;

static void words_clear(words *w)
{
    free(w->data);
    free(w->word);
    *w = (words){0};
}

/* Room for every word of a text of `size` bytes: folding never lengthens, and between two words
 * there is a byte for the NUL. */
static bool words_room(words *w, size_t size, as_error *err)
{
    *w = (words){0};
    w->data = as_new(size + 1, 1, err);
    w->word = as_new(size / 2 + 1, sizeof *w->word, err);
    if (w->data && w->word) return true;
    words_clear(w);
    return false;
}

/* Writes cp's lower case; at, after are its bytes in the text. Returns the end of what it wrote. */
static char *put_folded(char *out, uint32_t cp, const char *at, const char *after)
{
    uint32_t low = is_apostrophe(cp) ? '\'' : lower(cp);
    if (low < 0x80) {
        *out++ = (char)low;
    } else if (low == cp) {
        while (at < after) *out++ = *at++;
    } else { /* every letter that lower() changes is below U+0800 */
        *out++ = (char)(0xC0 | (low >> 6));
        *out++ = (char)(0x80 | (low & 0x3F));
    }
    return out;
}

/* The first `size` bytes of text as folded words. words_clear() afterwards. */
static bool split_words(words *w, const char *text, size_t size, as_error *err)
{
    if (!words_room(w, size, err)) return false;
    const char *end = text + size, *word;
    char *out = w->data;
    for (const char *p = text; next_word(&p, end, &word, &size);) {
        w->word[w->n++] = out;
        for (const char *at = word; at < word + size;) {
            const char *from = at;
            uint32_t cp = next_char(&at, end);
            out = put_folded(out, cp, from, at);
        }
        *out++ = '\0';
    }
    return true;
}

/* --- word lists ---------------------------------------------------------------------- */

typedef struct {
    words w;
    bool is_prefix; /* of the last word */
} entry;

struct as_lexicon {
    size_t n;
    entry *e;
};

static bool entry_read(entry *e, const char *text, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    size_t size = strlen(text);
    while (size > 0 && is_space((unsigned char)text[size - 1])) size--;
    e->is_prefix = size > 0 && text[size - 1] == '*';
    if (e->is_prefix) size--;
    if (!memchr(text, '*', size)) {
        if (!split_words(&e->w, text, size, err)) return false;
        bool touches = size > 0 && (is_word((unsigned char)text[size - 1]) ||
                                    (unsigned char)text[size - 1] >= 0x80);
        if (e->w.n > 0 && (!e->is_prefix || touches)) return true;
    }
    return as_fail(err, AS_EUSAGE,
                   "word list: entry (found \"%s\", expected words, the last one "
                   "with or without a * at its end)",
                   as_escape(text, strlen(text), shown));
}

as_lexicon *as_lexicon_new(const char *const *entries, size_t n, as_error *err)
{
    as_lexicon *l = as_new(1, sizeof *l, err);
    if (!l) return NULL;
    l->e = as_new(n, sizeof *l->e, err);
    if (!l->e) goto out;
    for (l->n = 0; l->n < n; l->n++)
        if (!entry_read(&l->e[l->n], entries[l->n], err)) {
            l->n++;
            goto out;
        }
    return l;
out:
    as_lexicon_free(l);
    return NULL;
}

void as_lexicon_free(as_lexicon *l)
{
    if (!l) return;
    for (size_t i = 0; i < l->n; i++) words_clear(&l->e[i].w);
    free(l->e);
    free(l);
}

static bool fits(const entry *e, const words *text, size_t at)
{
    if (e->w.n > text->n - at) return false;
    for (size_t i = 0; i < e->w.n; i++) {
        const char *want = e->w.word[i], *have = text->word[at + i];
        bool prefix = e->is_prefix && i + 1 == e->w.n;
        if (prefix ? strncmp(want, have, strlen(want)) != 0 : strcmp(want, have) != 0) return false;
    }
    return true;
}

bool as_lexicon_count(const as_lexicon *l, const char *text, size_t *n_matches, size_t *n_words,
                      as_error *err)
{
    words w;
    if (!split_words(&w, text, strlen(text), err)) return false;
    *n_matches = 0;
    *n_words = w.n;
    for (size_t at = 0; at < w.n;) {
        size_t longest = 0;
        for (size_t i = 0; i < l->n; i++)
            if (l->e[i].w.n > longest && fits(&l->e[i], &w, at)) longest = l->e[i].w.n;
        *n_matches += longest > 0;
        at += longest ? longest : 1;
    }
    words_clear(&w);
    return true;
}

bool as_lexicon_rate(const as_lexicon *l, const char *text, double *rate, as_error *err)
{
    size_t matches, n;
    if (!as_lexicon_count(l, text, &matches, &n, err)) return false;
    *rate = n ? 100.0 * (double)matches / (double)n : NAN;
    return true;
}

/* --- topics -------------------------------------------------------------------------- */

#define TOPIC_LETTERS 4

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The distinct topic words of text, sorted. words_clear() afterwards. */
static bool split_topic(words *w, const char *text, as_error *err)
{
    size_t size = strlen(text), n = 0;
    if (!words_room(w, size, err)) return false;
    const char *end = text + size;
    char *out = w->data, *start = out;
    for (const char *p = text; p <= end;) {
        uint32_t cp = p < end ? next_char(&p, end) : (p++, 0);
        char letter = base_letter(cp);
        if (letter) {
            *out++ = letter;
        } else if (cp < 0x300 || cp > 0x36F) {
            bool keep = out - start >= TOPIC_LETTERS;
            if (keep) {
                w->word[n++] = start;
                *out++ = '\0';
            }
            out = start = keep ? out : start;
        }
    }
    qsort(w->word, n, sizeof *w->word, by_text);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(w->word[i], w->word[w->n - 1]) != 0) w->word[w->n++] = w->word[i];
    return true;
}

bool as_topic_overlap(const char *topic, const char *text, double *share, as_error *err)
{
    words t = {0}, r = {0};
    size_t found = 0;
    bool ok = split_topic(&t, topic, err) && split_topic(&r, text, err);
    for (size_t i = 0, j = 0; ok && i < t.n && j < r.n;) {
        int order = strcmp(t.word[i], r.word[j]);
        found += order == 0;
        i += order <= 0;
        j += order >= 0;
    }
    if (ok) *share = t.n ? (double)found / (double)t.n : NAN;
    words_clear(&t);
    words_clear(&r);
    return ok;
}
