/* Sentences of an answer, phrases in them, and the statements that gates are made of. */
#include "lab/judge/judge_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/judge/pattern.h"

/* --- sentences ----------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == '\0' || c == ' ' || (c >= '\t' && c <= '\r');
}

/* Of A to Z, or the first byte of a character above U+00BF that is none of U+2000..U+2FFF, which
 * are marks and symbols. */
static bool is_letter(char c)
{
    unsigned char byte = (unsigned char)c;
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (byte >= 0xC3 && byte != 0xE2);
}

/* Is p the last byte of its sentence? */
static bool ends_here(const char *p)
{
    if (*p == '\n' || *p == '\r' || *p == '\0') return true;
    return (*p == '.' || *p == '!' || *p == '?') && is_blank(p[1]);
}

/* Cuts s->text (`size` bytes) into s->at. */
static void cut(as_sentences *s, const char *text, size_t size)
{
    char *out = s->text, *start = out;
    bool letters = false;
    for (size_t i = 0; i <= size; i++) {
        if (text[i] != '\0') *out++ = text[i];
        letters |= is_letter(text[i]);
        if (!ends_here(text + i)) continue;
        if (letters) {
            *out++ = '\0';
            s->at[s->n++] = start;
        }
        if (!letters) out = start;
        start = out;
        letters = false;
    }
}

static const char *const to_the_judge[] = {
    "to the judge",
    "dear judge",
    "the judge",
    "attention judge",
    "to the grader",
    "dear grader",
    "the grader",
    "the evaluator",
    "the rubric",
    "full marks",
    "highest score",
    "maximum score",
    "top score",
    "score of 5",
    "ignore your",
    "ignore all previous",
    "ignore previous",
    "ignore the rules",
    "previous instructions",
};

void as_sentences_clear(as_sentences *s)
{
    free(s->text);
    free(s->at);
    *s = (as_sentences){0};
}

bool as_sentences_split(as_sentences *s, const char *text, as_error *err)
{
    static const as_phrases foreign = {to_the_judge, sizeof to_the_judge / sizeof to_the_judge[0]};
    bool ok = false, *drop = NULL;
    size_t size = strlen(text), n = 0;
    *s = (as_sentences){0};
    s->text = as_new(size + size / 2 + 2, 1, err); /* a NUL after every sentence of two bytes */
    if (!s->text) goto out;
    s->at = as_new(size / 2 + 1, sizeof *s->at, err);
    if (!s->at) goto out;
    cut(s, text, size);
    drop = as_new(s->n, sizeof *drop, err);
    if (!drop || !as_phrases_mark(&foreign, s, drop, NULL, err)) goto out;
    for (size_t i = 0; i < s->n; i++)
        if (!drop[i]) s->at[n++] = s->at[i];
    s->n = n;
    ok = true;
out:
    free(drop);
    if (!ok) as_sentences_clear(s);
    return ok;
}

/* --- phrases ------------------------------------------------------------------------- */

static const char *const unsure[] = {
    "perhaps",          "maybe",
    "possibly",         "probably",
    "presumably",       "conceivably",
    "likely",           "unlikely",
    "arguably",         "might",
    "may be",           "may have",
    "may not be",       "could be",
    "could have",       "it seems",
    "it appears",       "seems to",
    "appears to",       "i think",
    "i believe",        "i guess",
    "i suppose",        "i suspect",
    "my best guess",    "my guess",
    "not sure",         "not certain",
    "not convinced",    "unsure",
    "uncertain*",       "unclear",
    "cannot be sure",   "can't be sure",
    "cannot say",       "can't say",
    "cannot tell",      "can't tell",
    "cannot confirm",   "can't confirm",
    "hard to say",      "hard to know",
    "do not know",      "don't know",
    "no idea",          "if i recall",
    "if i remember",    "as far as i know",
    "to my knowledge",  "i could be wrong",
    "i may be wrong",   "i might be wrong",
    "in doubt",         "doubtful",
    "it depends",       "depends on",
    "some say",         "some hold",
    "some cooks",       "others say",
    "others hold",      "other cooks",
    "opinions differ",  "opinions are divided",
    "sources differ",   "disputed",
    "debated",          "contested",
    "no single answer", "no one answer",
    "do you mean",      "did you mean",
    "tell me which",    "tell me what",
    "could you tell",   "can you tell",
    "need to know",     "would need to see",
};
const as_phrases as_phrases_unsure = {unsure, sizeof unsure / sizeof unsure[0]};

static const char *const disclaiming[] = {
    "i am not certain",
    "i'm not certain",
    "i am not sure",
    "i'm not sure",
    "not sure",
    "i am unsure",
    "i'm unsure",
    "i do not know",
    "i don't know",
    "no idea",
    "i cannot say",
    "i can't say",
    "i cannot tell",
    "i can't tell",
    "i cannot be sure",
    "i can't be sure",
    "i cannot confirm",
    "i can't confirm",
    "hard to say",
    "hard to know",
    "i could be wrong",
    "i may be wrong",
    "i might be wrong",
    "my best guess",
    "only guess",
    "only a guess",
    "beyond what i know",
    "outside what i know",
    "no single answer",
    "no one answer",
    "nobody knows",
    "opinions differ",
    "opinions are divided",
};
const as_phrases as_phrases_disclaiming = {disclaiming, sizeof disclaiming / sizeof disclaiming[0]};

bool as_phrases_mark(const as_phrases *p, const as_sentences *s, bool *marked, size_t *n_marked,
                     as_error *err)
{
    size_t n = 0;
    as_lexicon *l = as_lexicon_new(p->entry, p->n, err);
    bool ok = l != NULL;
    for (size_t i = 0; ok && i < s->n; i++) {
        size_t matches, words;
        ok = as_lexicon_count(l, s->at[i], &matches, &words, err);
        if (ok) n += marked[i] = matches > 0;
    }
    as_lexicon_free(l);
    if (n_marked) *n_marked = n;
    return ok;
}

/* --- rulings ------------------------------------------------------------------------- */

void as_ruling_none(const as_judge *j, size_t first, const char *why, as_ruling *out)
{
    for (size_t i = first; j->axes[i]; i++) out[i] = (as_ruling){j->axes[i], NAN, NULL, why};
}

/* --- statements for the gates -------------------------------------------------------- */

/* The sentence that a claim of that kind stands in; styles differ in these, in order, and in what
 * stands around them. */
static const char *lead(const char *kind, size_t style)
{
    static const struct {
        const char *kind, *text[AS_STYLES];
    } leads[] = {
        {"cause",
         {"It happened because ", "The reason is that ", "It went wrong because ",
          "This comes about because ", "What happened is that "}},
        {"remedy",
         {"To save it, ", "To rescue it, ", "You can mend it: ", "To bring it back, ",
          "The remedy: "}},
        {"prevention",
         {"Next time, ", "In future, ", "To avoid it, ", "From now on, ", "Another time, "}},
        {"position",
         {"Some say: ", "One view: ", "Many say: ", "Opinions differ: ",
          "There are those who say: "}},
        {NULL, {"Remember that ", "Bear in mind that ", "Know that ", "Note that ", "After all, "}},
    };
    size_t i = 0;
    while (leads[i].kind && strcmp(leads[i].kind, kind) != 0) i++;
    return leads[i].text[style];
}

bool as_gate_text(const as_item *item, bool wrong, size_t style, as_arena *a, const char **text,
                  as_error *err)
{
    static const char *const opener[AS_STYLES] = {
        "", "", "Do not worry, this happens to every cook.\n\n", "", "Good question! "};
    static const char *const closing[AS_STYLES] = {
        "", "", "", " Take your time and work in a clean kitchen with good light.", ""};
    as_buf b = {0};
    bool whole = item->n_claims > 0;
    *text = NULL;
    as_buf_puts(&b, opener[style]);
    for (size_t i = 0; whole && i < item->n_claims; i++) {
        const as_claim *c = &item->claim[style == 3 ? item->n_claims - 1 - i : i];
        if (wrong && c->wrong.n == 0) whole = false;
        if (!whole) break;
        const char *says = wrong ? c->wrong.text[style % c->wrong.n] : c->text;
        if (style == 1) as_buf_puts(&b, "- ");
        as_buf_printf(&b, "%s%s.%s", lead(c->kind, style), says,
                      i + 1 == item->n_claims ? ""
                      : style == 1            ? "\n"
                                              : " ");
    }
    as_buf_puts(&b, closing[style]);
    bool ok = as_buf_ok(&b, err);
    if (ok && whole) ok = (*text = as_arena_text(a, as_buf_text(&b), err)) != NULL;
    as_buf_clear(&b);
    return ok;
}
