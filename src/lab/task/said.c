/* When a text says a fact: keys against the words of its sentences. */
#include <stdlib.h>
#include <string.h>

#include "lab/task/canon_internal.h"

/* --- folding ----------------------------------------------------------------------------- */

const char *as_said_letters(uint32_t cp, char out[3])
{
    static const char base[] = "aaaaaa.ceeeeiiii.nooooo.ouuuuy..aaaaaa.ceeeeiiii.nooooo.ouuuuy.y"
                               "aaaaaaccccccccdd..eeeeeeeeeegggggggghh..iiiiiiiii...jjkk.llllll."
                               ".llnnnnnn...oooooo..rrrrrrsssssssstttt..uuuuuuuuuuuuwwyyyzzzzzz.";
    _Static_assert(sizeof base == 0x180 - 0xC0 + 1, "one letter for each of U+00C0..U+017F");
    out[0] = out[1] = out[2] = '\0';
    if (cp >= 'A' && cp <= 'Z') cp += 'a' - 'A';
    if ((cp >= 'a' && cp <= 'z') || (cp >= '0' && cp <= '9')) {
        out[0] = (char)cp;
    } else if (cp == 0xC6 || cp == 0xE6) {
        out[0] = 'a', out[1] = 'e';
    } else if (cp == 0x152 || cp == 0x153) {
        out[0] = 'o', out[1] = 'e';
    } else if (cp == 0xDF) {
        out[0] = out[1] = 's';
    } else if (cp >= 0xC0 && cp < 0x180 && base[cp - 0xC0] != '.') {
        out[0] = base[cp - 0xC0];
    }
    return out;
}

/* The end of the text, a blank, a tab, a line break, or a blank that does not break (U+00A0). */
static bool is_gap(const char *p)
{
    return *p == '\0' || *p == ' ' || (*p >= '\t' && *p <= '\r') ||
           ((unsigned char)p[0] == 0xC2 && (unsigned char)p[1] == 0xA0);
}

static bool ends_sentence(uint32_t cp, const char *after)
{
    if (cp == '\n' || cp == '\r') return true;
    return (cp == '.' || cp == '!' || cp == '?') && is_gap(after);
}

char *as_said_fold(const char *text, as_error *err)
{
    size_t left = strlen(text), n = 0;
    char letters[3];
    char *out = as_new(left + 1, 1, err); /* a character gives no more bytes than it has */
    if (!out) return NULL;
    while (left > 0) {
        uint32_t cp;
        size_t size = as_utf8_next(text, left, &cp);
        if (size == 0) size = 1, cp = 0xFFFD;
        text += size;
        left -= size;
        if (cp >= 0x300 && cp < 0x370) continue;
        (void)as_said_letters(cp, letters);
        if (letters[0]) {
            for (const char *l = letters; *l; l++) out[n++] = *l;
        } else if (ends_sentence(cp, text)) {
            if (n > 0 && out[n - 1] == ' ') n--;
            if (n > 0 && out[n - 1] != '\n') out[n++] = '\n';
        } else if (n > 0 && out[n - 1] != ' ' && out[n - 1] != '\n') {
            out[n++] = ' ';
        }
    }
    while (n > 0 && (out[n - 1] == ' ' || out[n - 1] == '\n')) n--;
    out[n] = '\0';
    return out;
}

/* --- matching ---------------------------------------------------------------------------- */

/* The length of what stands before the mark or the end. */
static size_t until(const char *p, const char *end, char mark)
{
    const char *at = memchr(p, mark, (size_t)(end - p));
    return (size_t)((at ? at : end) - p);
}

/* One alternative, perhaps with * at its end, against one word. */
static bool fits(const char *form, size_t n, const char *word, size_t size)
{
    bool is_prefix = n > 0 && form[n - 1] == '*';
    if (is_prefix) n--;
    return (is_prefix ? size >= n : size == n) && memcmp(form, word, n) == 0;
}

/* A word of a key (its alternatives) in a sentence. */
static bool has_word(const char *key, const char *key_end, const char *p, const char *end)
{
    while (p < end) {
        size_t size = until(p, end, ' ');
        for (const char *k = key; k < key_end;) {
            size_t n = until(k, key_end, '|');
            if (fits(k, n, p, size)) return true;
            k += n + 1;
        }
        p += size + 1;
    }
    return false;
}

static bool meets(const char *key, const char *sentence, const char *end)
{
    const char *key_end = key + strlen(key);
    while (key < key_end) {
        size_t n = until(key, key_end, ' ');
        if (!has_word(key, key + n, sentence, end)) return false;
        key += n + 1;
    }
    return true;
}

bool as_said_in(const as_texts *keys, const char *folded)
{
    const char *end = folded + strlen(folded);
    while (folded < end) {
        size_t size = until(folded, end, '\n');
        for (size_t i = 0; i < keys->n; i++)
            if (meets(keys->text[i], folded, folded + size)) return true;
        folded += size + 1;
    }
    return false;
}

bool as_said_is_key(const char *key)
{
    size_t in_word = 0; /* letters since the last blank or | */
    for (const char *p = key;; p++) {
        if ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9')) {
            in_word++;
        } else if (*p == '*') {
            if (in_word == 0 || (p[1] && p[1] != ' ' && p[1] != '|')) return false;
        } else if (*p == ' ' || *p == '|' || *p == '\0') {
            if (in_word == 0) return false;
            if (*p == '\0') return true;
            in_word = 0;
        } else {
            return false;
        }
    }
}

bool as_canon_said(const as_texts *keys, const char *text, bool *said, as_error *err)
{
    char *folded = as_said_fold(text, err);
    if (!folded) return false;
    *said = as_said_in(keys, folded);
    free(folded);
    return true;
}
