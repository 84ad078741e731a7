/* The texts of the embedded study: prompts in three voices and answers to them, from a grammar of
 * a few sentences about classical cookery. The words of a topic are rare elsewhere, and the three
 * voices share no sentence, so that a shifted join and a leaked prompt can be told from chance. */
#include <string.h>

#include "lab/experiment/synth_internal.h"

static const char *const foods[AS_SYNTH_FOODS] = {
    "turbot",    "brill",      "skate",    "monkfish",    "halibut", "langoustine",
    "lobster",   "scallop",    "oyster",   "sturgeon",    "pike",    "perch",
    "partridge", "pheasant",   "woodcock", "guinea fowl", "capon",   "duckling",
    "pigeon",    "venison",    "hare",     "rabbit",      "mutton",  "sweetbread",
    "oxtail",    "veal shank", "ham",      "tongue",      "kidney",  "artichoke",
    "chicory",   "salsify",    "fennel",   "celeriac",    "leek",    "chestnut"};

static const char *const ways[AS_SYNTH_WAYS] = {
    "braised",    "poached", "grilled", "roasted", "steamed", "smoked",    "stuffed",  "glazed",
    "gratinated", "fried",   "potted",  "jellied", "larded",  "marinated", "devilled", "breaded",
    "fricasseed", "jugged",  "stewed",  "baked",   "seared",  "cured",     "creamed",  "truffled"};

/* The terms of a checklist, one list a place. */
#define N_TERM 12
static const char *const terms[AS_SYNTH_TERMS][N_TERM] = {
    {"béarnaise", "bordelaise", "velouté", "espagnole", "soubise", "mornay", "périgueux", "choron",
     "ravigote", "gribiche", "poivrade", "nantua"},
    {"copper sauteuse", "earthenware terrine", "fish kettle", "oval cocotte", "iron griddle",
     "conical strainer", "bain-marie", "salamander", "braising pan", "tinned mould",
     "wooden skimmer", "marble slab"},
    {"clarified butter", "goose fat", "olive oil", "bone marrow", "beef dripping", "hazelnut oil",
     "double cream", "leaf lard", "brown butter", "chicken fat", "walnut oil", "crayfish butter"},
    {"chervil", "tarragon", "bay leaf", "juniper", "nutmeg", "saffron", "thyme", "mace", "sorrel",
     "caraway", "lovage", "savory"},
    {"glazed onions", "turned carrots", "morels", "pike quenelles", "fried parsley", "white grapes",
     "straw potatoes", "braised lettuce", "stoned olives", "marrow toasts", "peeled walnuts",
     "sauerkraut"},
    {"dry sherry", "white vermouth", "Madeira", "red Burgundy", "brown ale", "calvados", "verjuice",
     "lemon juice", "tarragon vinegar", "game stock", "fish fumet", "veal glaze"}};

as_dish as_synth_dish(const as_synth *s, size_t place)
{
    size_t k = s->dish[place % AS_SYNTH_DISHES];
    as_rng r = as_synth_rng(s, "checklist", k);
    as_dish d = {.food = foods[k % AS_SYNTH_FOODS], .way = ways[k / AS_SYNTH_FOODS]};
    for (size_t t = 0; t < AS_SYNTH_TERMS; t++) d.term[t] = terms[t][as_rng_below(&r, N_TERM)];
    return d;
}

/* Appends a sentence: @f food, @w way, @1..@6 terms, @n a number from 2 to 29. */
static void expand(as_buf *out, const char *sentence, const as_dish *d, as_rng *r)
{
    for (const char *p = sentence; *p; p++) {
        if (*p != '@') {
            as_buf_add(out, p, 1);
            continue;
        }
        p++;
        if (*p == 'f')
            as_buf_puts(out, d->food);
        else if (*p == 'w')
            as_buf_puts(out, d->way);
        else if (*p == 'n')
            as_buf_printf(out, "%d", 2 + (int)as_rng_below(r, 28));
        else
            as_buf_puts(out, d->term[(size_t)(*p - '1')]);
    }
}

static json_t *take(as_buf *b)
{
    json_t *text = b->failed ? NULL : json_stringn(as_buf_text(b), b->size);
    as_buf_clear(b);
    return text;
}

json_t *as_synth_topic(const as_dish *d)
{
    as_buf b = {0};
    as_buf_printf(&b, "%s, %s, %s", d->food, d->way, d->term[0]);
    return take(&b);
}

/* --- prompts --------------------------------------------------------------------------------- */

#define N_OPEN 7
#define N_CLOSE 5
static const char *const openings[3][N_OPEN] = {
    {"Set out the order of work for @w @f under @1, made with @6.",
     "Explain how @w @f stays moist beside @5 while @1 is held.",
     "Compare two ways of finishing @w @f, one with @5 and one with @1.",
     "A menu lists @w @f, @1 and @5; describe what the cook tastes for.",
     "State why @1 suits @w @f, and whether @4 would replace @3.",
     "Where does @w @f fail, given one @2 and a brigade of @n?",
     "Which cuts are chosen for @w @f with @6, and what becomes of @3?"},
    {"My @1 broke just as the @w @f came out of the oven, and table @n has been waiting.",
     "The supplier sent twice the @f I ordered; tonight it goes out @w, and I am out of @5.",
     "Two guests at table @n say the @w @f tastes flat although I put in enough @4.",
     "Our only @2 is cracked and the @w @f has to be on the plates in @n minutes.",
     "I salted the liquor twice by mistake, the @f is already @w, and there is no more @6.",
     "Somebody left the @1 on the stove overnight; the @f for tomorrow is @w and cold.",
     "The new commis used @3 by accident, so now @n portions of @w @f look greasy."},
    {"Write a short card for the cold larder: @f, @w, together with @5 and @1.",
     "Teach an apprentice to recognise a @1 that is ready for @w @f.",
     "List everything that has to be weighed before @f can be @w in one @2 for @n.",
     "Tell the story of a service during which @w @f had to stand in for another dish.",
     "Turn these notes into a recipe: @f; @w; @n minutes; @2; @3; @4.",
     "Correct one sentence from an old manual on @w @f and its use of @6.",
     "Draft the answer of a head cook who is asked about @w @f and @4 by a newspaper."}};

#define N_MIDDLE 8
static const char *const middles[3][N_MIDDLE] = {
    {"Take @3 and @6 as given.", "A @2 is at hand, and @4 in plenty.",
     "Assume @n covers, @5 on the side.", "The larder holds @6, @4 and @5.",
     "Neither @3 nor @4 is to be spared.", "Judge it for @n guests who expect @5.",
     "Work from a @2; moisten with @6.", "Say where @4 belongs, and where @3."},
    {"There is still some @6, and half a jar of @4.", "We had @5 planned beside it.",
     "It was cooked in @3, in the @2.", "All I can find is @4 and @6.",
     "The chef wants @5 on it no matter what.", "I already threw away the @3.",
     "The @2 is the only clean thing left here.", "It smells of @6 and too much @4."},
    {"Mention @4 and @6.", "Have the @2 washed first.", "Bring in @5 and, in passing, @3.",
     "The reader knows @6 already.", "Explain why @3 is preferred.", "Warn of too much @4.",
     "Put @5 last.", "Describe the @2 in half a line, then @6."}};

static const char *const closings[3][N_CLOSE] = {
    {"Give times in minutes.", "Say what is checked by touch and what by thermometer.",
     "Keep to what one person can do alone.", "Put the mise en place in order.",
     "Close by naming the commonest mistake."},
    {"What can still be saved?", "Do I start again or mend it?", "Which step do I drop first?",
     "How would you explain it in the dining room?", "Is it safe to serve?"},
    {"Use at most ninety words.", "Write for somebody in their first week.",
     "Leave out all quantities.", "Answer as a dialogue.", "Add one line of history."}};

json_t *as_synth_prompt(const as_dish *d, as_voice voice, as_rng *r)
{
    as_buf b = {0};
    expand(&b, openings[voice][as_rng_below(r, N_OPEN)], d, r);
    as_buf_puts(&b, " ");
    expand(&b, middles[voice][as_rng_below(r, N_MIDDLE)], d, r);
    as_buf_puts(&b, " ");
    expand(&b, closings[voice][as_rng_below(r, N_CLOSE)], d, r);
    return take(&b);
}

/* --- answers --------------------------------------------------------------------------------- */

#define N_START 4
static const char *const starts[N_START] = {
    "For @w @f the work begins on the board: trim, wipe dry, and weigh what is left.",
    "Good @w @f is decided before the fire is lit, by even size and a dry surface.",
    "Take the @f out an hour ahead; @w, it wants a calm start and a hot finish.",
    "The @f is portioned first, because @w pieces of two sizes are never ready together."};

/* Two sentences for each term. */
static const char *const about_term[AS_SYNTH_TERMS][2] = {
    {"The sauce is a @1, made while the pan is still warm and kept off the boil.",
     "Mount the @1 in small additions and stop as soon as it coats a spoon."},
    {"A @2 holds the heat evenly, so nothing needs to be moved in the first ten minutes.",
     "Everything goes into the @2 in one layer, with room between the pieces."},
    {"Start in @3 over a moderate flame and baste twice.",
     "A spoonful of @3 is enough; more would fry where it should only colour."},
    {"Add @4 near the end, because its scent does not survive a long boil.",
     "The seasoning is salt, white pepper and a little @4, tasted before the reduction."},
    {"Serve it with @5, warmed apart and drained on a cloth.",
     "The garnish of @5 is arranged at the pass and not a minute sooner."},
    {"Deglaze with @6 and reduce by a half before straining.",
     "Moisten with @6 to a third of the height and cover with buttered paper."}};

#define N_ELSE 6
static const char *const elsewhere[N_ELSE] = {
    "Keep the plates in a warm cupboard and wipe each rim before it leaves.",
    "Skim as the foam rises and leave the liquid alone in between.",
    "Let it rest on a rack for as long as the fire took to colour it.",
    "A clean cloth over the board saves a second washing.",
    "Strain through muslin without pressing, then taste again for salt.",
    "Call the time aloud, so that the whole line finishes together."};

#define N_HEDGE 6
static const char *const hedged[N_HEDGE] = {
    "It may need a little longer, perhaps five minutes, depending on the oven.",
    "This could possibly be done a day ahead, though I am not sure it gains by it.",
    "The colour might seem pale at first; usually it deepens later.",
    "Roughly a ladle per guest is probably right, but it depends on the appetite.",
    "Sometimes the liquid appears thin, and it is likely that more reduction helps.",
    "Maybe the older books are somewhat too generous with the salt here."};

#define N_END 4
static const char *const ends[N_END] = {
    "Send it at once.", "Taste, correct, and send it to the table.",
    "Serve on hot plates without delay.", "Finish with a turn of the mill and let it go."};

/* The first n characters of b. */
static void cut_at(as_buf *b, size_t n)
{
    size_t at = 0;
    for (uint32_t cp; n > 0 && at < b->size; n--) {
        size_t size = as_utf8_next(b->data + at, b->size - at, &cp);
        at += size ? size : 1;
    }
    if (at >= b->size) return;
    b->size = at;
    b->data[at] = '\0';
}

json_t *as_synth_answer(const as_dish *d, const as_answer_form *form, as_rng *r)
{
    as_buf b = {0};
    size_t order[AS_SYNTH_TERMS], n = form->is_short ? 3 : AS_SYNTH_TERMS, hedges = form->n_hedges;
    for (size_t t = 0; t < AS_SYNTH_TERMS; t++) order[t] = t;
    as_rng_shuffle(r, order, AS_SYNTH_TERMS);
    expand(&b, starts[as_rng_below(r, N_START)], d, r);
    for (size_t t = 0, left = form->n_left; t < AS_SYNTH_TERMS && n > 0; t++) {
        as_buf_puts(&b, " ");
        if (as_rng_below(r, AS_SYNTH_TERMS - t) < left) {
            expand(&b, elsewhere[as_rng_below(r, N_ELSE)], d, r);
            left--;
        } else {
            expand(&b, about_term[order[t]][as_rng_below(r, 2)], d, r);
        }
        n--;
        if (hedges == 0) continue;
        as_buf_puts(&b, " ");
        expand(&b, hedged[as_rng_below(r, N_HEDGE)], d, r);
        hedges--;
    }
    as_buf_puts(&b, " ");
    expand(&b, ends[as_rng_below(r, N_END)], d, r);
    if (form->cut && !b.failed) cut_at(&b, form->cut);
    return take(&b);
}

double as_synth_terms_found(const as_dish *d, const json_t *answer)
{
    const char *text = json_string_value(answer);
    size_t n = 0;
    for (size_t t = 0; text && t < AS_SYNTH_TERMS; t++) n += strstr(text, d->term[t]) != NULL;
    return (double)n / AS_SYNTH_TERMS;
}
