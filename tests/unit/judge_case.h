/* Items made by hand for the tests of judges and teachers. */
#ifndef JUDGE_CASE_H
#define JUDGE_CASE_H

#include "lab/task/task.h"

#define TEXTS(...)                                                                                 \
    {                                                                                              \
        (const char *const[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *) \
    }

static const as_claim sauce_claims[] = {
    {"the butter went in too fast", "cause", TEXTS("butter fast|quickly|once"),
     TEXTS("the egg yolks were too fresh", "the pan was too wide", "the lemon came first")},
    {"whisk the broken sauce slowly into a fresh yolk", "remedy",
     TEXTS("whisk*|beat* fresh|new yolk*"),
     TEXTS("boil it hard for a minute", "add a spoonful of flour", "leave it in the cold")},
    {"add the butter by the spoonful", "prevention", TEXTS("spoonful|gradually"),
     TEXTS("use a wider pan", "beat the yolks cold", "salt the water first")},
    {"hollandaise is held at about 60 °C", "temperature", TEXTS("60"),
     TEXTS("hollandaise is held at about 85 °C", "hollandaise is held at about 40 °C",
           "hollandaise is held at about 20 °C")},
};
static const as_item sauce = {
    .id = "00000000000000aa",
    .prompt = "My hollandaise has split. What happened and how do I save it?",
    .cluster = "hollandaise",
    .category = "mother_sauce",
    .difficulty = "easy",
    .certainty = AS_CERTAIN,
    .claim = sauce_claims,
    .n_claims = 4,
};
#define SAUCE_GOLD                                                                                 \
    "It happened because the butter went in too fast. To save it, whisk the broken sauce slowly "  \
    "into a fresh yolk. Next time, add the butter by the spoonful. Remember that hollandaise is "  \
    "held at about 60 °C."

static const as_claim town_claims[] = {
    {"Castelnaudary has the oldest record", "position", TEXTS("castelnaudary"), {NULL, 0}},
    {"Toulouse made it known", "position", TEXTS("toulouse"), {NULL, 0}},
    {"there is no single answer", "open", TEXTS("no single answer", "depends"), {NULL, 0}},
};
static const as_item town = {
    .id = "00000000000000bb",
    .prompt = "Which town is cassoulet really from?",
    .cluster = "cassoulet-town",
    .category = "dispute",
    .difficulty = "medium",
    .certainty = AS_UNCERTAIN,
    .claim = town_claims,
    .n_claims = 3,
};

static const as_claim what_claims[] = {
    {"I cannot tell which dish this is", "missing", TEXTS("which|what dish"), {NULL, 0}},
    {"tell me what you are making", "missing", TEXTS("what making|cooking"), {NULL, 0}},
};
static const as_item what = {
    .id = "00000000000000cc",
    .prompt = "It has split. What now?",
    .cluster = "hollandaise",
    .category = "referent",
    .difficulty = "easy",
    .certainty = AS_AMBIGUOUS,
    .claim = what_claims,
    .n_claims = 2,
};

#endif
