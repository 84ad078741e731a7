/* The culinary canon: entries of classical cookery with typed facts, read from the JSON files of a
 * folder (docs/formats.md, assay.canon/1). Everything the embedded lab asks, teaches and judges
 * comes from it. An entry has one classical failure; its facts are the failure's cause, remedy and
 * prevention, and two or three more of other types. A fact has wordings that are right, statements
 * of the same type that are wrong, and keys that tell one from the other. */
#ifndef AS_LAB_TASK_CANON_H
#define AS_LAB_TASK_CANON_H

#include "base/arena.h"
#include "base/hash.h"

typedef enum {
    AS_FACT_CAUSE,       /* clause after "because" */
    AS_FACT_REMEDY,      /* imperative */
    AS_FACT_PREVENTION,  /* imperative */
    AS_FACT_TEMPERATURE, /* this and the next: whole clauses that name their subject */
    AS_FACT_TIME,
    AS_FACT_RATIO,
    AS_FACT_TERM,
    AS_FACT_ORIGIN,
    AS_FACT_TYPES
} as_fact_type;
const char *as_fact_type_name(as_fact_type t); /* "cause", ... */

typedef struct {
    const char *const *text;
    size_t n;
} as_texts;

typedef struct {
    as_fact_type type;
    as_texts says, keys, wrong;
} as_canon_fact;

typedef struct {
    const char *id, *name, *alias, *category;
    as_texts works;                /* reference works, by their ids in works.json */
    as_texts told, asked, service; /* predicates of the failure, in three vocabularies */
    const as_canon_fact *fact;     /* cause, remedy, prevention, then the others */
    size_t n_facts;
} as_canon_entry;

/* A question without one right answer: the positions that a good answer names. */
typedef struct {
    const char *id, *question; /* "which region may claim cassoulet" */
    as_texts asked;            /* whole questions, at least two */
    as_texts positions, keys;  /* parallel: what can be held, and when it is said */
} as_canon_dispute;

/* A reference work in which entries are commonly given. */
typedef struct {
    const char *id, *title, *author;
    size_t year;
} as_canon_work;

/* One way of speaking: lists of phrases under their names. A phrase may hold slots such as {name};
 * whoever uses a list says which slots it must hold (as_canon_phrases). */
typedef struct {
    const char *name;
    as_texts text;
} as_canon_list;

typedef struct {
    const char *name;       /* "training", or the set it asks */
    const char *about;      /* one line */
    const char *vocabulary; /* of the failure: "told", "asked" or "service" */
    double alias;           /* share of questions that use the other name of an entry */
    const as_canon_list *list;
    size_t n_lists;
} as_canon_grammar;

typedef struct {
    const as_canon_entry *entry; /* in the order of ids */
    size_t n;
    const as_canon_dispute *dispute; /* in the order of ids */
    size_t n_disputes;
    const as_canon_work *work; /* as in works.json */
    size_t n_works;
    as_texts files;                  /* NAME of each canon/NAME.json, as in works.json */
    const as_canon_grammar *grammar; /* in the order of their files' names; may be none */
    size_t n_grammars;
    as_key digest; /* over name and content of all files in the order of their names */
} as_canon;

/* Reads works.json, disputes.json, canon/NAME.json (at least one) and grammar/NAME.json (may be
 * none: then nothing can be asked or taught) below `folder`, and checks every rule that
 * docs/formats.md states: the files of the canon that works.json names and no others, known keys
 * only, names and ids used once, numbers of wordings, every wording meets the keys of its fact and
 * of no other fact of its entry, no wrong statement meets them, no two entries with the same cause
 * and remedy. AS_EFORMAT "FILE: ID: FACT: WHAT". Texts in the arena. */
AS_MUST_CHECK bool as_canon_open(as_canon *c, const char *folder, as_arena *a, as_error *err);

/* NULL when there is none. */
const as_canon_entry *as_canon_find(const as_canon *c, const char *id);
/* The predicates of an entry's failure in one vocabulary: "told", "asked", "service". */
const as_texts *as_canon_flaw(const as_canon_entry *e, const char *vocabulary);

/* The grammar of that name; AS_EUSAGE when the folder has none. */
AS_MUST_CHECK const as_canon_grammar *as_canon_grammar_find(const as_canon *c, const char *name,
                                                            as_error *err);
/* A list of a grammar: at least `least` phrases, each with every one of `slots` (words separated by
 * blanks, "" none) exactly once and no other. AS_EFORMAT "grammar NAME: LIST: ..." */
AS_MUST_CHECK const as_texts *as_canon_phrases(const as_canon_grammar *g, const char *list,
                                               size_t least, const char *slots, as_error *err);

/* What stands in a slot. */
typedef struct {
    const char *slot, *value;
} as_filling;
/* The phrase with its slots filled, and a capital at the start of every sentence. The arena's. */
AS_MUST_CHECK const char *as_canon_fill(const char *phrase, const as_filling *f, size_t n,
                                        as_arena *a, as_error *err);

/* Does a sentence of the text meet one of the keys? A key is a list of words, all of which occur in
 * one sentence, in any order; a word may give alternatives (fast|quickly) and end in * (whisk*).
 * Words are runs of a-z and 0-9 after lower case and without accents (Latin letters to U+017F;
 * combining marks U+0300..U+036F are dropped; ae, oe and ss are read from their ligatures). A
 * sentence ends at . ! ? before white space or the end, or at a line break. Fails for memory only.
 */
AS_MUST_CHECK bool as_canon_said(const as_texts *keys, const char *text, bool *said, as_error *err);

#endif
