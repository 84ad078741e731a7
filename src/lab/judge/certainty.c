/* How certain the answer to a question can be, by the form of the question alone: no answer is
 * looked at, so every arm gets the same label.
 *
 *   AMBIGUOUS   it speaks of a thing before any has been named: a pronoun is its subject ("it has
 *               split"), or a general word is all the name there is ("the sauce")
 *   UNCERTAIN   otherwise, where it tells of no failure to be put right, it asks yes or no of a
 * custom
 *               ("does a quiche take cheese?"), or for a preference, an origin or a right that is
 *               disputed
 *   CERTAIN     every other question */
#include <math.h>
#include <string.h>

#include "lab/judge/judge_internal.h"
#include "lab/judge/pattern.h"

static const char *const axes[] = {"certainty", NULL};

/* Asked of what can be argued about. */
static const char *const contested[] = {
    "the best",    "better",       "finest",     "greater",      "greatest",      "prefer*",
    "favourite",   "favorite",     "who first",  "who invented", "who created",   "who made",
    "who set",     "who gave",     "who cooked", "who was",      "who has",       "who is right",
    "where was",   "where did",    "what year",  "which town",   "which city",    "which country",
    "which house", "which region", "may claim",  "can claim",    "authentic",     "the real",
    "true",        "truly",        "really",     "original",     "the right",     "is right",
    "healthy",     "allowed",      "permitted",  "acceptable",   "should a",      "should one",
    "should be",   "should there", "ought",      "must be",      "opinion",       "settle*",
    "famous",      "secret",       "be needed",  "moment to",    "last thoughts",
};

/* Told of what went wrong, or asked of how to put it right. */
static const char *const failure[] = {
    "error",      "errors",
    "correct",    "correction*",
    "corrected",  "precaution*",
    "diagnos*",   "rescue*",
    "remedy",     "save",
    "saves",      "salvage",
    "recover*",   "repair*",
    "emergency",  "blunder*",
    "cure",       "what happened",
    "went wrong", "explanation",
    "complaint",  "verdict",
    "advise",     "comfort",
    "the fault",  "my mistake",
    "orders",     "which slip",
    "we fail",    "next time",
    "the cause",  "the reason",
    "undo",       "best play",
    "how come",   "react",
    "comment",    "everything useful",
    "answer her", "judge",
};

/* --- the words of a prompt ----------------------------------------------------------- */

typedef struct {
    const char *at;
    size_t size;
} word;

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '\'' || (unsigned char)c >= 0x80;
}

/* Where a word stands: at the start of a sentence, after a colon, or after a comma. */
typedef enum { WITHIN, AFTER_COMMA, AFTER_COLON, AT_START } place;

static place later(place a, char c)
{
    place b = strchr(".!?\n", c) ? AT_START
              : c == ':'         ? AFTER_COLON
              : strchr(",;", c)  ? AFTER_COMMA
                                 : WITHIN;
    return b > a ? b : a;
}

static bool next_word(const char **p, word *w, place *where)
{
    *where = w->size == 0 ? AT_START : WITHIN;
    while (**p && !is_letter(**p)) *where = later(*where, *(*p)++);
    w->at = *p;
    while (is_letter(**p)) ++*p;
    w->size = (size_t)(*p - w->at);
    return w->size > 0;
}

static bool is_one_of(word w, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < w.size && list[i][k] &&
               (w.at[k] >= 'A' && w.at[k] <= 'Z' ? w.at[k] + 32 : w.at[k]) == list[i][k])
            k++;
        if (k == w.size && list[i][k] == '\0') return true;
    }
    return false;
}
#define IS_ONE_OF(w, list) is_one_of(w, list, sizeof(list) / sizeof((list)[0]))

/* --- what stands without a name ------------------------------------------------------ */

static const char *const owners[] = {"my", "our", "your", "the", "this", "that"};
static const char *const determiners[] = {"my",   "our", "your", "the", "this",  "that",
                                          "a",    "an",  "his",  "her", "their", "every",
                                          "each", "one", "some", "any"};
static const char *const prepositions[] = {
    "in",  "on",    "at", "into",   "onto",  "from",   "of",    "over", "with", "to",
    "for", "under", "by", "before", "after", "during", "about", "like", "as",   "through"};
static const char *const linking[] = {"is", "was",   "are",    "were",
                                      "be", "looks", "became", "turned"};
static const char *const pronouns[] = {"it",   "mine",       "hers",      "theirs",
                                       "they", "everything", "something", "whatever"};
static const char *const before_subject[] = {"so", "then", "and",     "but",   "that", "when",
                                             "if", "why",  "because", "since", "says", "said"};
/* Words that stand for a thing without telling which, and people, who are no dish. */
static const char *const general[] = {
    "sauce", "dish",  "dough", "pastry",  "batter",  "cream", "filling", "mixture",   "thing",
    "stuff", "batch", "pan",   "pot",     "tray",    "meat",  "food",    "result",    "flame",
    "heat",  "oven",  "stove", "attempt", "kitchen", "plate", "course",  "one",       "soup",
    "roast", "stew",  "cake",  "fish",    "bird",    "joint", "bread",   "vegetables"};
static const char *const people[] = {"neighbour", "neighbor", "mother", "father",
                                     "friend",    "guest",    "sister", "brother",
                                     "wife",      "husband",  "uncle",  "aunt"};

static bool is_possessive(word w)
{
    return w.size > 2 && w.at[w.size - 2] == '\'' && w.at[w.size - 1] == 's';
}

/* Is w a pronoun that is the subject of what follows? Not in "over it", nor in "is it better". */
static bool is_subject(word w, word last, place where)
{
    static const char *const one[] = {"one"}, *const which[] = {"that", "this"};
    if (where == WITHIN && IS_ONE_OF(w, one)) return IS_ONE_OF(last, which);
    return IS_ONE_OF(w, pronouns) && (where != WITHIN || IS_ONE_OF(last, before_subject));
}

/* Does what stands at p, after a general word, name the thing after all: "sauce Robert", "pastry
 * cream", "plate of beans"? */
static bool goes_on(const char *p)
{
    static const char *const of[] = {"of"};
    word next = {p, 1};
    place where;
    if (!next_word(&p, &next, &where) || where != WITHIN) return false;
    return IS_ONE_OF(next, of) || IS_ONE_OF(next, general) ||
           (next.at[0] >= 'A' && next.at[0] <= 'Z' && next.size > 1);
}

/* Does the prompt speak of a thing before it has named it (*subject), or of none that has a name? A
 * name is what follows a determiner, a possessive or a colon, unless it is general, a person, or
 * part of a predicate or a place ("is a lump", "in the bowl"). */
static bool lacks_a_name(const char *prompt, bool *subject)
{
    place where;
    bool named = false, unnamed = false;
    word w = {prompt, 0}, last = w, second = w;
    *subject = false;
    for (const char *p = prompt; next_word(&p, &w, &where); second = last, last = w) {
        if (where == AT_START) last = second = (word){prompt, 0};
        *subject |= !named && is_subject(w, last, where);
        bool is_owned = IS_ONE_OF(last, determiners) || is_possessive(last);
        if (where == AFTER_COLON) is_owned = !IS_ONE_OF(w, pronouns);
        if (!is_owned || is_possessive(w) || IS_ONE_OF(w, people)) continue;
        if (IS_ONE_OF(w, general) && !goes_on(p))
            unnamed |= IS_ONE_OF(last, owners);
        else
            named |= where == AFTER_COLON ||
                     (!IS_ONE_OF(second, prepositions) && !IS_ONE_OF(second, linking));
    }
    return unnamed && !named;
}

/* Does a sentence begin as a question that yes or no would answer? */
static bool asks_yes_or_no(const char *prompt)
{
    static const char *const auxiliaries[] = {"is",   "are",   "was", "were",   "do",
                                              "does", "did",   "may", "should", "can",
                                              "must", "ought", "has", "have"};
    place where;
    word w = {prompt, 0};
    for (const char *p = prompt; next_word(&p, &w, &where);)
        if (where == AT_START && IS_ONE_OF(w, auxiliaries)) return true;
    return false;
}

static bool speaks(const char *prompt, as_phrases list, bool *found, as_error *err)
{
    size_t n = 0, words;
    as_lexicon *l = as_lexicon_new(list.entry, list.n, err);
    bool ok = l && as_lexicon_count(l, prompt, &n, &words, err);
    as_lexicon_free(l);
    *found = n > 0;
    return ok;
}

bool as_certainty_read(const char *prompt, as_certainty *out, as_error *err)
{
    bool argues, fails, subject, unnamed = lacks_a_name(prompt, &subject);
    if (!speaks(prompt, AS_PHRASES(contested), &argues, err) ||
        !speaks(prompt, AS_PHRASES(failure), &fails, err))
        return false;
    *out = AS_CERTAIN;
    if (subject || (unnamed && !fails))
        *out = AS_AMBIGUOUS;
    else if (!fails && (argues || asks_yes_or_no(prompt)))
        *out = AS_UNCERTAIN;
    return true;
}

static bool judge(const as_tools *tools, const as_answer *a, as_ruling *out, as_error *err)
{
    (void)tools;
    as_certainty c;
    if (!as_certainty_read(a->item->prompt, &c, err)) return false;
    out[0] = (as_ruling){axes[0], NAN, as_certainty_name(c), NULL};
    return true;
}

const as_judge as_judge_certainty = {
    .name = "certainty",
    .summary = "CERTAIN, UNCERTAIN or AMBIGUOUS, from the prompt alone",
    .version = "1",
    .axes = axes,
    .is_blind = true,
    .judge = judge,
};
