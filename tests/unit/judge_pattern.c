/* lab/judge: endings, lengths, word lists and topic words of a text. */
#include "check.h"

#include <stdlib.h>

#include "lab/judge/pattern.h"

static void endings(void)
{
    static const struct {
        const char *text;
        bool strict, lenient;
    } cases[] = {
        {"", false, false},
        {" \n\t", false, false},
        {"\xC2\xA0\xE2\x80\x8B\xEF\xBB\xBF", false, false}, /* no-break, zero-width, BOM */
        {"Done.", true, true},
        {"Done.\r\n ", true, true},
        {"Done!\xE3\x80\x80", true, true}, /* ideographic blank */
        {"Done?\xEF\xB8\x8F", true, true}, /* variation selector */
        {"and then", false, false},
        {"and then,", false, false},
        {"**Done**", false, true},
        {"(done)", false, true},
        {"[1]", false, true},
        {"as follows:", false, true},
        {"\"done\"", false, true},
        {"\xC2\xAB"
         "done\xC2\xBB",
         false, true},
        {"\xE2\x80\x9C"
         "done\xE2\x80\x9D",
         false, true},
        {"and so on\xE2\x80\xA6", false, true},
        {"\xE5\xAE\x8C\xE3\x80\x82", false, true}, /* ideographic full stop */
        {"\xEF\xBC\x81", false, true},             /* fullwidth ! */
        {"\xEF\xBC\x9F", false, true},             /* fullwidth ? */
        {"heat to 54\xC2\xB0", false, false},
        {"step -", false, false},
        {"it's'", false, false},
        {".", true, true},
        {".\x80", false, false}, /* a stray byte is no full stop */
        {"\x80.", true, true},
        {"a\xE2\x80", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK(as_text_ends_strict(cases[i].text) == cases[i].strict);
        CHECK(as_text_ends_lenient(cases[i].text) == cases[i].lenient);
    }
}

static void lengths(void)
{
    CHECK(as_text_chars("") == 0);
    CHECK(as_text_chars("saut\xC3\xA9") == 5);
    CHECK(as_text_chars("\xF0\x9F\x92\xA1!") == 2);
    CHECK(as_text_chars("a\xFF\xC3") == 3); /* each invalid byte is one */
    CHECK(as_text_words("") == 0);
    CHECK(as_text_words(" ... -- ") == 0);
    CHECK(as_text_words("Don't stop; it\xE2\x80\x99s well-known, 54\xC2\xB0"
                        "C") == 7);
    CHECK(as_text_words("'quoted' words'") == 2);
    CHECK(as_text_words("\xD1\x81\xD0\xBE\xD1\x83\xD1\x81 \xF0\x9F\x8D\xB3 \xE2\x80\x94 x2") == 2);
}

static void folding(void)
{
    static const uint32_t want[] = {'a', ' ', 0xE9, 'b', ' ', 'c'};
    uint32_t got[16];
    const char *text = " A \n\t \xC3\x89"
                       "B\xC2\xA0"
                       "C \n";
    size_t n = as_text_fold(text, got);
    CHECK(n == 6 && n <= as_text_chars(text));
    CHECK(memcmp(got, want, sizeof want) == 0);
    CHECK(as_text_fold("", got) == 0);
    CHECK(as_text_fold("  ", got) == 0);
}

static size_t count(const as_lexicon *l, const char *text)
{
    as_error err = {0};
    size_t matches = 999, n = 0;
    CHECK(as_lexicon_count(l, text, &matches, &n, &err));
    CHECK(n == as_text_words(text));
    return matches;
}

static void lexicon(void)
{
    static const char *const entries[] = {"may",        "not sure",    "sure",
                                          "uncertain*", "\xC3\x89tre", "i'm not cert*"};
    as_error err = {0};
    as_lexicon *l = as_lexicon_new(entries, 6, &err);
    CHECK(l != NULL);
    if (!l) return;
    CHECK(count(l, "") == 0);
    CHECK(count(l, "May, MAY; may.") == 3);
    CHECK(count(l, "maybe dismay may-be") == 1);     /* whole words; a hyphen separates */
    CHECK(count(l, "I am not sure, but sure") == 2); /* the longer entry wins, no overlap */
    CHECK(count(l, "not, sure") == 1);               /* punctuation does not separate a phrase */
    CHECK(count(l, "uncertain uncertainty certain") == 2);
    CHECK(count(l, "\xC3\xAATRE \xC3\xA9tre \xC3\x89TRE") == 2);
    CHECK(count(l, "I\xE2\x80\x99m not certain") == 1); /* the other apostrophe */
    CHECK(count(l, "I'm not") == 0);
    double rate = 0;
    CHECK(as_lexicon_rate(l, "it may be so", &rate, &err));
    CHECK_NEAR(rate, 25, 1e-15);
    CHECK(as_lexicon_rate(l, " - ", &rate, &err));
    CHECK(isnan(rate));
    as_lexicon_free(l);
    as_lexicon_free(NULL);
}

static void bad_entries(void)
{
    static const char *const bad[] = {"", " ", "*", "may *", "m*y", "--", "may**"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        as_error err = {0};
        const char *entries[] = {"may", bad[i]};
        CHECK(as_lexicon_new(entries, 2, &err) == NULL);
        CHECK(err.class_ == AS_EUSAGE);
    }
    as_error err = {0};
    as_lexicon *none = as_lexicon_new(NULL, 0, &err);
    CHECK(none != NULL);
    if (none) CHECK(count(none, "may be") == 0);
    as_lexicon_free(none);
}

static double overlap(const char *topic, const char *text)
{
    as_error err = {0};
    double share = -1;
    CHECK(as_topic_overlap(topic, text, &share, &err));
    return share;
}

static void topics(void)
{
    CHECK(isnan(overlap("", "anything")));
    CHECK(isnan(overlap("too hot, 1234", "too hot"))); /* no word of four letters */
    CHECK(overlap("Hollandaise", "") == 0);
    CHECK(overlap("Hollandaise split", "the HOLLANDAISE sauce") == 0.5);
    CHECK(overlap("salt salt SALT pepper", "salt") == 0.5); /* distinct words */
    CHECK(overlap("Cr\xC3\xA8me Br\xC3\xBBl\xC3\xA9"
                  "e grainy",
                  "creme brulee is grainy") == 1);
    CHECK(overlap("creme", "cre\xCC\x80me") == 1); /* a combining accent */
    CHECK(overlap("creme", "cremes") == 0);        /* whole words */
    CHECK(overlap("demi-glace", "glace2demi") == 1);
    CHECK(overlap("bouill", "b\xC5\x93uill bouill") == 1);
    CHECK(overlap("uill", "b\xC5\x93uill") == 1); /* oe joined ends a run */
    CHECK(overlap("\xC4\xB0zmir", "izmir") == 1); /* capital I with dot */
    CHECK(overlap("\xC5\xBDi\xC5\xBEky", "zizky") == 1);
    CHECK(overlap("dice", "\xC3\xB0ice dice\xFF") == 1);
}

/* The share never leaves [0, 1], and a text holds all of its own words. */
static void topic_properties(void)
{
    uint32_t state = 12345;
    for (int round = 0; round < 300; round++) {
        char a[40], b[40];
        for (int i = 0; i < 39; i++) {
            state = state * 1664525 + 1013904223;
            a[i] = (char)(1 + (state >> 24) % 255);
            state = state * 1664525 + 1013904223;
            b[i] = "abcd \xC3\xA9"[(state >> 24) % 7];
        }
        a[39] = b[39] = '\0';
        double ab = overlap(b, a), bb = overlap(b, b);
        CHECK(isnan(ab) || (ab >= 0 && ab <= 1));
        CHECK(isnan(bb) || bb == 1);
        CHECK(isnan(ab) == isnan(bb));
        CHECK(as_text_chars(a) <= 39 && as_text_words(a) <= 20);
    }
}

int main(void)
{
    RUN(endings);
    RUN(lengths);
    RUN(folding);
    RUN(lexicon);
    RUN(bad_entries);
    RUN(topics);
    RUN(topic_properties);
    return check_end();
}
