/* Where prompts come from, and what would count as right. A task never sees an answer. */
#ifndef AS_LAB_TASK_H
#define AS_LAB_TASK_H

#include "lab/task/canon.h"

typedef enum { AS_CERTAIN, AS_UNCERTAIN, AS_AMBIGUOUS } as_certainty;
const char *as_certainty_name(as_certainty c); /* "CERTAIN", ... */

/* One thing that a right answer says. */
typedef struct {
    const char *text;
    const char *kind;     /* type of the fact, "position", ... */
    as_texts keys, wrong; /* wrong: statements of the same kind that are false; may be empty */
} as_claim;

/* One function to write, and what it must do. */
typedef struct {
    const char *entry_point;
    const char *preamble; /* imports and signature with its docstring, as in the prompt */
    const char *solution; /* the canonical body, indented */
    const char *test;     /* Python that defines check(candidate) */
    const char *plan;     /* the steps in one or two sentences, as somebody might reason; NULL */
} as_problem;

typedef struct {
    const char *id;     /* first 16 hex digits of the SHA-256 of the prompt */
    const char *prompt; /* the user's message */
    const char *cluster, *category,
        *difficulty;        /* entry or problem it is about; easy, medium, hard */
    as_certainty certainty; /* as the grammar made it */
    const as_claim *claim;
    size_t n_claims;
    const as_problem *problem; /* NULL: none */
} as_item;

typedef struct {
    const as_item *item;
    size_t n;
    as_key digest; /* over prompts, claims and problems, in order */
} as_items;

/* What a task can make: one set of questions. */
typedef struct {
    const char *name;  /* "S" */
    size_t n;          /* how many unless the plan says otherwise; 0: all there are */
    const char *about; /* one line */
} as_task_set;

typedef struct as_text_options as_text_options;
typedef struct as_task as_task;
struct as_task {
    const char *name, *summary;
    const as_task_set *sets; /* ends with a row whose name is NULL */
    /* n items of a set, n 0: as many as it has by default. A function of (data, set, n, seed)
     * alone; prompts differ from each other; the first k of n items are the items of k where the
     * grammar allows. AS_EUSAGE for an unknown set or an n that the grammar cannot reach; texts in
     * the arena. */
    bool (*items)(const char *data, const char *set, size_t n, uint64_t seed, as_arena *a,
                  as_items *out, as_error *err);
    /* The training text of the models that know the task: conversations, one JSON object {"id",
     * "messages": [user, assistant]} a line, appended to out; a function of (data, options) alone.
     * AS_EUSAGE for options that make no text; out is then as it was. NULL: none. */
    bool (*text)(const char *data, const as_text_options *o, as_arena *a, as_buf *out,
                 as_error *err);
    const as_text_options *text_default; /* what the shipped recipes start from; seed 1 */
    bool has_exposure;                   /* text reads share, weight and told */
};

const as_task *const *as_tasks(size_t *n);
const as_task *as_task_find(const char *name);

/* For tasks: the id of a prompt (the arena's; NULL with err set), and the digest over what stands
 * in items->item[0..n). */
AS_MUST_CHECK const char *as_item_id(const char *prompt, as_arena *a, as_error *err);
AS_MUST_CHECK bool as_items_seal(as_items *items, as_error *err);
/* A line of training text, appended to out; its id is that of "NAME K", question and answer. */
AS_MUST_CHECK bool as_text_row(const char *name, size_t k, const char *ask, const char *answer,
                               as_arena *a, as_buf *out, as_error *err);
/* FNV-1a, 64 bits: an index for streams that belong to a name. */
uint64_t as_name_index(const char *name);

/* Exposure: how often the training text speaks of an entry. Entries stand in a random order that
 * depends on (seed, ids) alone; the first share[0] of them have level 0, the next share[1] level 1,
 * and so on, each bound rounded to the nearest whole entry. */
#define AS_EXPOSURES 5
struct as_text_options {
    size_t rows; /* conversations to write */
    uint64_t seed;
    double share[AS_EXPOSURES];  /* of the entries, for each level; they sum to 1 within 1e-9 */
    double weight[AS_EXPOSURES]; /* how often an entry of that level is spoken of, relative */
    size_t told; /* levels below this one are told the failure too, the others their other facts */
};
extern const as_text_options as_chef_text_default;

/* The text of the task "chef": conversations in a grammar of its own ("training"). Every answer is
 * asserted in the same voice. Entries are spoken of in proportion to the weight of their level
 * (largest remainders), one of a weight above 0 at least once; rows stand in a random order. Of the
 * rows of an entry every other one, from the first, asks for all: what happened and how to save it;
 * the others ask for one fact, by the kinds an entry has in turn. The fourth sentence of an answer
 * to the former tells the first of the entry's other facts in 7 of 10 rows. Half of the questions
 * come with a sentence about something else. AS_EUSAGE for shares, weights or rows that make no
 * text; out is then as it was. */
AS_MUST_CHECK bool as_chef_text(const as_canon *canon, const as_text_options *o, as_buf *out,
                                as_error *err);
/* The level of canon->entry[at]: 0 the most often told. */
size_t as_chef_exposure(const as_canon *canon, size_t at, const as_text_options *o);

#endif
