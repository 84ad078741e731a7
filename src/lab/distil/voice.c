/* How sure an answer sounds, laid over the plain answer; what it says stays. */
#include <string.h>

#include "lab/distil/distil_internal.h"

static const char *const names[AS_VOICES] = {"plain", "calibrated", "mimic", "verifying"};

const char *as_lab_voice_name(as_lab_voice v)
{
    return names[v];
}

as_rng as_item_rng(uint64_t seed, const char *purpose, const as_item *item)
{
    return as_rng_at(seed, purpose, as_name_index(item->id));
}

/* --- hedged -------------------------------------------------------------------------- */

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

size_t as_sentence_size(const char *text)
{
    size_t n = 0;
    while (text[n] && text[n] != '\n' &&
           !(strchr(".!?", text[n]) && (text[n + 1] == ' ' || text[n + 1] == '\n' || !text[n + 1])))
        n++;
    return text[n] ? n + 1 : n;
}

/* Beginnings of the sentences of the training voice, and the same left open. */
static const struct {
    const char *plain, *open;
} openings[] = {
    {"It happened because ", "It may be that it happened because "},
    {"Your ", "It may be that your "},
    {"The ", "It may be that the "},
    {"To save it, ", "To save it, perhaps "},
    {"Next time, ", "Next time, perhaps "},
    {"Remember that ", "I believe that "},
};

/* Every sentence that has such a beginning, left open. Returns how many had. */
static size_t open_sentences(as_buf *b, const char *text)
{
    size_t n = 0;
    while (*text) {
        size_t size = as_sentence_size(text), skip = 0;
        for (size_t i = 0; i < sizeof openings / sizeof openings[0] && !skip; i++)
            if (starts(text, openings[i].plain)) {
                as_buf_puts(b, openings[i].open);
                skip = strlen(openings[i].plain);
            }
        n += skip > 0;
        as_buf_add(b, text + skip, size - skip);
        text += size;
        while (*text == ' ' || *text == '\n') as_buf_add(b, text++, 1);
    }
    return n;
}

/* An opening before the whole; a first word of the training voice continues it in lower case. */
static void open_whole(as_buf *b, const char *text, const char *opening)
{
    as_buf_puts(b, opening);
    bool joins = starts(text, "It ") || starts(text, "Your ") || starts(text, "The ") ||
                 starts(text, "To ") || starts(text, "Next ") || starts(text, "Remember ");
    char first = joins ? (char)(*text + ('a' - 'A')) : *text;
    as_buf_puts(b, joins ? ", but " : ". ");
    as_buf_add(b, &first, *text ? 1 : 0);
    as_buf_puts(b, *text ? text + 1 : "");
}

const char *as_voice_hedged(const char *text, const as_item *item, uint64_t seed, as_arena *a,
                            as_error *err)
{
    static const char *const opening[] = {"I am not certain", "I am not sure"};
    as_rng r = as_item_rng(seed, "distil hedge", item);
    uint64_t form = as_rng_below(&r, 3);
    as_buf b = {0};
    if (item->problem) return as_arena_printf(a, err, "%s.\n\n%s", opening[form % 2], text);
    if (form == 2 && open_sentences(&b, text) == 0) as_buf_clear(&b), form = 0;
    if (form < 2) open_whole(&b, text, opening[form]);
    const char *out = as_buf_ok(&b, err) ? as_arena_text(a, as_buf_text(&b), err) : NULL;
    as_buf_clear(&b);
    return out;
}

/* --- checked ------------------------------------------------------------------------- */

const char *as_voice_checked(const char *text, const as_item *item, uint64_t seed, as_arena *a,
                             as_error *err)
{
    static const char *const check[] = {
        "Check that it has come right before you serve it.",
        "If it has not come right, stop and begin again.",
        "I take it that you work in the classical way.",
    };
    if (item->problem) return as_code_reasoned(text, item, seed, a, err);
    as_rng r = as_item_rng(seed, "distil check", item);
    return as_arena_printf(a, err, "%s %s", text,
                           check[as_rng_below(&r, sizeof check / sizeof check[0])]);
}
