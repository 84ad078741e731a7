/* The rows of record.h in one SQLite file: append only, keyed by content, one writer.
 *
 * The store computes nothing: it checks that a row's key is the one its content gives, keeps the
 * row, and hands it back after checking the key again. Layout and rules: docs/formats.md.
 *
 * A store belongs to one thread at a time. Errors read "FILE: WHERE: WHAT"; classes:
 *   AS_EFORMAT   damaged, or not a store             AS_EIO    the system refused
 *   AS_ESTATE    locked, foreign, newer, key or parent wrong  AS_ENUMERIC  Inf, or NaN out of place
 *   AS_ELIMIT    a count above 2^63 - 1, text above 1e9 bytes */
#ifndef AS_LAB_STORE_STORE_H
#define AS_LAB_STORE_STORE_H

#include "base/arena.h"
#include "lab/record.h"

typedef struct as_store as_store;

typedef enum { AS_STORE_READ, AS_STORE_WRITE } as_store_mode;

/* The nine kinds of rows, parents before children. */
typedef enum {
    AS_ROW_DESIGN,
    AS_ROW_PROMPT,
    AS_ROW_GENERATION,
    AS_ROW_JUDGEMENT,
    AS_ROW_READING,
    AS_ROW_STATISTIC,
    AS_ROW_VERDICT,
    AS_ROW_TRAINING,
    AS_ROW_TRAINING_STEP
} as_row_kind;
#define AS_ROW_KINDS 9

/* "design", "prompt", ... (also the table's name). */
const char *as_row_kind_name(as_row_kind kind);

/* Version of the SQLite library that is linked, "3.40.1". */
const char *as_store_engine(void);

/* Opens the store at path. AS_STORE_WRITE makes it when there is no file, takes PATH.lock
 * (AS_ESTATE at once when another process writes), brings an older schema up to date after a copy
 * to PATH.before-vN, and has SQLite check a file of up to 256 MiB, or of any size when the last
 * writer did not end well, before anything is written. AS_STORE_READ never changes the file (SQLite
 * may leave an empty PATH-wal and a PATH-shm). A file that is not a whole store of this or an older
 * version is refused and left as it is. */
AS_MUST_CHECK as_store *as_store_open(const char *path, as_store_mode mode, as_error *err);
/* Rolls back an open transaction. Accepts NULL. */
void as_store_close(as_store *s);

const char *as_store_path(const as_store *s);
/* What the user should know about how the file is kept (network file system, checked after an
 * unclean end); NULL when nothing. Borrowed until close. */
const char *as_store_notice(const as_store *s);

/* A group of puts that are kept together or not at all: durable when commit returns true. A put
 * outside a group is a group of its own. On a store opened for reading, begin to commit see one
 * unchanging state. A failed commit rolls back. Groups do not nest. */
AS_MUST_CHECK bool as_store_begin(as_store *s, as_error *err);
AS_MUST_CHECK bool as_store_commit(as_store *s, as_error *err);
void as_store_rollback(as_store *s); /* no-op without an open group */

/* Keeps one row; borrows it for the call. A row that is already there is left alone and true is
 * returned. AS_ESTATE: the key is not the row's, the parent is not there, or s was opened for
 * reading. After a failed put, the rows of the group before it still stand. */
AS_MUST_CHECK bool as_store_put_design(as_store *s, const as_design *r, as_error *err);
AS_MUST_CHECK bool as_store_put_prompt(as_store *s, const as_prompt *r, as_error *err);
AS_MUST_CHECK bool as_store_put_generation(as_store *s, const as_generation *r, as_error *err);
AS_MUST_CHECK bool as_store_put_judgement(as_store *s, const as_judgement *r, as_error *err);
AS_MUST_CHECK bool as_store_put_reading(as_store *s, const as_reading *r, as_error *err);
AS_MUST_CHECK bool as_store_put_statistic(as_store *s, const as_statistic *r, as_error *err);
AS_MUST_CHECK bool as_store_put_verdict(as_store *s, const as_verdict *r, as_error *err);
AS_MUST_CHECK bool as_store_put_training(as_store *s, const as_training *r, as_error *err);
/* Also AS_ESTATE when that step of the training is there with other numbers: the same plan, inputs
 * and code have to give the same ones. */
AS_MUST_CHECK bool as_store_put_training_step(as_store *s, const as_training_step *r,
                                              as_error *err);
/* The training has to be there, the step not. What was put first for a step stands. */
AS_MUST_CHECK bool as_store_put_timing(as_store *s, const as_timing *r, as_error *err);

/* *found: a row of that kind with that key is there. */
AS_MUST_CHECK bool as_store_has(as_store *s, as_row_kind kind, const char *key, bool *found,
                                as_error *err);
/* *n: how many rows of that kind the store holds (a full scan). */
AS_MUST_CHECK bool as_store_count(as_store *s, as_row_kind kind, uint64_t *n, as_error *err);

/* The row with that key into *out, its text into the arena; *found false when there is none. */
AS_MUST_CHECK bool as_store_find_design(as_store *s, const char *key, as_arena *a, as_design *out,
                                        bool *found, as_error *err);
AS_MUST_CHECK bool as_store_find_prompt(as_store *s, const char *key, as_arena *a, as_prompt *out,
                                        bool *found, as_error *err);
AS_MUST_CHECK bool as_store_find_generation(as_store *s, const char *key, as_arena *a,
                                            as_generation *out, bool *found, as_error *err);
AS_MUST_CHECK bool as_store_find_judgement(as_store *s, const char *key, as_arena *a,
                                           as_judgement *out, bool *found, as_error *err);
AS_MUST_CHECK bool as_store_find_reading(as_store *s, const char *key, as_arena *a, as_reading *out,
                                         bool *found, as_error *err);
AS_MUST_CHECK bool as_store_find_statistic(as_store *s, const char *key, as_arena *a,
                                           as_statistic *out, bool *found, as_error *err);
AS_MUST_CHECK bool as_store_find_verdict(as_store *s, const char *key, as_arena *a, as_verdict *out,
                                         bool *found, as_error *err);

AS_MUST_CHECK bool as_store_find_training(as_store *s, const char *key, as_arena *a,
                                          as_training *out, bool *found, as_error *err);
AS_MUST_CHECK bool as_store_find_training_step(as_store *s, const char *key, as_arena *a,
                                               as_training_step *out, bool *found, as_error *err);

/* The design of that name (NULL: any) that was put last; putting an older one again makes it the
 * last. *found false when there is none. */
AS_MUST_CHECK bool as_store_latest_design(as_store *s, const char *name, as_arena *a,
                                          as_design *out, bool *found, as_error *err);
/* The same for trainings. */
AS_MUST_CHECK bool as_store_latest_training(as_store *s, const char *name, as_arena *a,
                                            as_training *out, bool *found, as_error *err);

/* Lists. Rows, texts and arrays live in the arena; every row's key is checked. Order:
 *   designs trainings             as they first came
 *   prompts                       set, position, key
 *   generations judgements readings  set, position of the prompt, key
 *   statistics                    check, position, key
 *   verdicts                      claim, key
 *   training steps, timings       step */
typedef struct {
    const char *design; /* key; never NULL */
    const char *set;    /* NULL: every set */
    const char *arm;    /* generations, judgements, readings; NULL: every arm */
    const char *what;   /* axis of judgements, site of readings; NULL: all */
} as_store_where;

typedef struct {
    as_prompt *rows;
    size_t n;
} as_prompt_list;
typedef struct {
    as_generation *rows;
    uint64_t *position; /* n; of the prompt of each row */
    size_t n;
} as_generation_list;
typedef struct {
    as_judgement *rows;
    uint64_t *position;
    size_t n;
} as_judgement_list;
typedef struct {
    as_reading *rows;
    uint64_t *position;
    size_t n;
} as_reading_list;

AS_MUST_CHECK bool as_store_designs(as_store *s, as_arena *a, as_design **rows, size_t *n,
                                    as_error *err);
AS_MUST_CHECK bool as_store_prompts(as_store *s, const as_store_where *w, as_arena *a,
                                    as_prompt_list *out, as_error *err);
AS_MUST_CHECK bool as_store_generations(as_store *s, const as_store_where *w, as_arena *a,
                                        as_generation_list *out, as_error *err);
AS_MUST_CHECK bool as_store_judgements(as_store *s, const as_store_where *w, as_arena *a,
                                       as_judgement_list *out, as_error *err);
AS_MUST_CHECK bool as_store_readings(as_store *s, const as_store_where *w, as_arena *a,
                                     as_reading_list *out, as_error *err);
/* check, claim: NULL for all of the design. */
AS_MUST_CHECK bool as_store_statistics(as_store *s, const char *design, const char *check,
                                       as_arena *a, as_statistic **rows, size_t *n, as_error *err);
AS_MUST_CHECK bool as_store_verdicts(as_store *s, const char *design, const char *claim,
                                     as_arena *a, as_verdict **rows, size_t *n, as_error *err);
AS_MUST_CHECK bool as_store_trainings(as_store *s, as_arena *a, as_training **rows, size_t *n,
                                      as_error *err);
/* training: key; never NULL. */
AS_MUST_CHECK bool as_store_training_steps(as_store *s, const char *training, as_arena *a,
                                           as_training_step **rows, size_t *n, as_error *err);
/* Timings rest on no key of their own: only their form is checked. */
AS_MUST_CHECK bool as_store_timings(as_store *s, const char *training, as_arena *a,
                                    as_timing **rows, size_t *n, as_error *err);

/* One query in SQL, on a store opened for reading. Refused (AS_EUSAGE): more than one statement,
 * anything that is not a pure read, ATTACH, every PRAGMA but those that describe the tables. */
typedef enum {
    AS_CELL_NULL,
    AS_CELL_INTEGER,
    AS_CELL_REAL,
    AS_CELL_TEXT,
    AS_CELL_BLOB
} as_cell_kind;
typedef struct {
    as_cell_kind kind;
    int64_t integer;
    double real;
    const char
        *bytes; /* text (UTF-8 not promised) or blob; not NUL-terminated; borrowed for the call */
    size_t size;
} as_cell;
/* Told first the n names with cells NULL, then once for each row. False (err set) stops. */
typedef bool as_store_row(void *ctx, size_t n, const char *const *names, const as_cell *cells,
                          as_error *err);
AS_MUST_CHECK bool as_store_sql(as_store *s, const char *query, as_store_row *row, void *ctx,
                                as_error *err);

/* SQLite's own structural check (quick_check) of the whole file. */
AS_MUST_CHECK bool as_store_check(as_store *s, as_error *err);

/* Rows seen, by kind; and how many of them were not whole. */
typedef struct {
    uint64_t rows[AS_ROW_KINDS];
    uint64_t bad;
} as_store_tally;
/* Told of each row that is not whole; false stops. */
typedef bool as_store_bad(void *ctx, as_row_kind kind, const char *key, const char *what);
/* Has SQLite compare every index with its table (integrity_check), recomputes the key of each row
 * of the design or training with key `root` (NULL: of every row) and looks up its parent. Fails
 * with the first bad row; goes on to the others only when `bad` (may be NULL) wants to hear of
 * them. */
AS_MUST_CHECK bool as_store_verify(as_store *s, const char *root, as_store_tally *tally,
                                   as_store_bad *bad, void *ctx, as_error *err);

/* Saves what is readable of a damaged store into out_path, one JSON object a line: "kind", the
 * row's fields, and "intact" (the key is the row's; timings have none). out_path must not exist
 * yet. The store is only read. tally->bad counts rows with "intact": false and stretches that could
 * not be read. Fails when no table can be read at all. */
AS_MUST_CHECK bool as_store_recover(const char *path, const char *out_path, as_store_tally *tally,
                                    as_error *err);

#endif
