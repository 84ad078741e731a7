/* Rows out: by key, and in lists whose order is always said. */
#include "lab/store/store_internal.h"

#include <stdlib.h>
#include <string.h>

/* --- one row --------------------------------------------------------------------------------- */

static bool bind_text(sqlite3_stmt *st, int at, const char *text, as_error *err)
{
    return sqlite3_bind_text64(st, at, text, strlen(text), NULL, SQLITE_UTF8) == SQLITE_OK ||
           as_sql_fail(sqlite3_db_handle(st), err, "bind");
}

/* The current row and its key's proof; the error says which row. */
static bool take(as_store *s, sqlite3_stmt *st, const kind *k, as_arena *a, void *row,
                 as_error *err)
{
    if (as_store_unbind(st, k, a, row, err) && as_store_key_check(k, row, AS_EFORMAT, err))
        return true;
    const char *key = (const char *)sqlite3_column_text(st, 0);
    return as_store_fail_at(s, k, key ? key : "", err);
}

/* SELECT what FROM kind WHERE key = ?1, kept in *st. */
static bool prepare_by_key(as_store *s, const kind *k, bool columns, sqlite3_stmt **st,
                           as_error *err)
{
    as_buf sql = {0};
    if (*st) return true;
    as_buf_puts(&sql, "SELECT ");
    if (columns)
        as_store_columns(&sql, k);
    else
        as_buf_puts(&sql, "1");
    as_buf_printf(&sql, " FROM %s t WHERE t.key = ?1", k->name);
    bool ok = as_buf_ok(&sql, err) && as_sql_prepare(s->db, as_buf_text(&sql), st, err);
    as_buf_clear(&sql);
    return ok;
}

bool as_store_has(as_store *s, as_row_kind which, const char *key, bool *found, as_error *err)
{
    const kind *k = as_store_kind(which);
    *found = false;
    bool ok = prepare_by_key(s, k, false, &s->has[which], err) &&
              bind_text(s->has[which], 1, key, err) &&
              as_sql_step(s->db, s->has[which], found, err);
    (void)sqlite3_reset(s->has[which]);
    return ok || as_store_fail_at(s, k, key, err);
}

static bool find(as_store *s, as_row_kind which, const char *key, as_arena *a, void *out,
                 bool *found, as_error *err)
{
    const kind *k = as_store_kind(which);
    *found = false;
    sqlite3_stmt **st = &s->find[which];
    bool ok = (prepare_by_key(s, k, true, st, err) && bind_text(*st, 1, key, err) &&
               as_sql_step(s->db, *st, found, err)) ||
              as_store_fail_at(s, k, key, err);
    if (ok && *found) ok = take(s, *st, k, a, out, err);
    (void)sqlite3_reset(*st);
    return ok;
}

bool as_store_find_design(as_store *s, const char *key, as_arena *a, as_design *out, bool *found,
                          as_error *err)
{
    return find(s, AS_ROW_DESIGN, key, a, out, found, err);
}

bool as_store_find_prompt(as_store *s, const char *key, as_arena *a, as_prompt *out, bool *found,
                          as_error *err)
{
    return find(s, AS_ROW_PROMPT, key, a, out, found, err);
}

bool as_store_find_generation(as_store *s, const char *key, as_arena *a, as_generation *out,
                              bool *found, as_error *err)
{
    return find(s, AS_ROW_GENERATION, key, a, out, found, err);
}

bool as_store_find_judgement(as_store *s, const char *key, as_arena *a, as_judgement *out,
                             bool *found, as_error *err)
{
    return find(s, AS_ROW_JUDGEMENT, key, a, out, found, err);
}

bool as_store_find_reading(as_store *s, const char *key, as_arena *a, as_reading *out, bool *found,
                           as_error *err)
{
    return find(s, AS_ROW_READING, key, a, out, found, err);
}

bool as_store_find_statistic(as_store *s, const char *key, as_arena *a, as_statistic *out,
                             bool *found, as_error *err)
{
    return find(s, AS_ROW_STATISTIC, key, a, out, found, err);
}

bool as_store_find_verdict(as_store *s, const char *key, as_arena *a, as_verdict *out, bool *found,
                           as_error *err)
{
    return find(s, AS_ROW_VERDICT, key, a, out, found, err);
}

bool as_store_find_training(as_store *s, const char *key, as_arena *a, as_training *out,
                            bool *found, as_error *err)
{
    return find(s, AS_ROW_TRAINING, key, a, out, found, err);
}

bool as_store_find_training_step(as_store *s, const char *key, as_arena *a, as_training_step *out,
                                 bool *found, as_error *err)
{
    return find(s, AS_ROW_TRAINING_STEP, key, a, out, found, err);
}

bool as_store_count(as_store *s, as_row_kind which, uint64_t *n, as_error *err)
{
    char sql[64];
    bool row = false;
    sqlite3_stmt *st = NULL;
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", as_row_kind_name(which));
    bool ok = as_sql_prepare(s->db, sql, &st, err) && as_sql_step(s->db, st, &row, err);
    *n = ok && row ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
    sqlite3_finalize(st);
    return ok || as_store_fail_at(s, NULL, NULL, err);
}

/* --- which rows ------------------------------------------------------------------------------ */

/* CROSS JOIN keeps SQLite from turning the walk round: prompts in order, then what hangs on them.
 */
static const struct {
    const char *from, *design, *set, *arm, *what, *position;
} selects[AS_ROW_KINDS] = {
    {"design t", "t.key", NULL, NULL, NULL, "0"},
    {"prompt t", "t.design", "t.\"set\"", NULL, NULL, "t.position"},
    {"prompt p CROSS JOIN generation t ON t.prompt = p.key", "p.design", "p.\"set\"", "t.arm", NULL,
     "p.position"},
    {"prompt p CROSS JOIN generation g ON g.prompt = p.key"
     " CROSS JOIN judgement t ON t.generation = g.key",
     "p.design", "p.\"set\"", "g.arm", "t.axis", "p.position"},
    {"prompt p CROSS JOIN generation g ON g.prompt = p.key"
     " CROSS JOIN reading t ON t.generation = g.key",
     "p.design", "p.\"set\"", "g.arm", "t.site", "p.position"},
    {"statistic t", "t.design", NULL, NULL, "t.\"check\"", "0"},
    {"verdict t", "t.design", NULL, NULL, "t.claim", "0"},
    {"training t", "t.key", NULL, NULL, NULL, "0"},
    {"training_step t", "t.training", NULL, NULL, NULL, "0"},
};

void as_store_select(as_buf *sql, as_row_kind which, const as_store_where *w)
{
    const kind *k = as_store_kind(which);
    as_buf_puts(sql, "SELECT ");
    as_store_columns(sql, k);
    if (!w->design) {
        as_buf_printf(sql, ",0 FROM %s t", k->name);
        return;
    }
    as_buf_printf(sql, ",%s FROM %s WHERE %s = ?1", selects[which].position, selects[which].from,
                  selects[which].design);
    if (w->set && selects[which].set) as_buf_printf(sql, " AND %s = ?2", selects[which].set);
    if (w->arm && selects[which].arm) as_buf_printf(sql, " AND %s = ?3", selects[which].arm);
    if (w->what && selects[which].what) as_buf_printf(sql, " AND %s = ?4", selects[which].what);
}

bool as_store_bind_where(sqlite3_stmt *st, const as_store_where *w, as_error *err)
{
    const char *const values[] = {w->design, w->set, w->arm, w->what};
    int n = sqlite3_bind_parameter_count(st);
    for (int i = 0; i < n && i < 4; i++)
        if (values[i] && !bind_text(st, i + 1, values[i], err)) return false;
    return true;
}

/* --- lists ----------------------------------------------------------------------------------- */

/* Moves a buffer's bytes into the arena. */
static void *settle(as_buf *b, size_t n, size_t size, as_arena *a, as_error *err)
{
    if (!as_buf_ok(b, err)) return NULL;
    void *p = as_arena_push(a, n ? n : 1, size, err);
    if (p && n) memcpy(p, b->data, n * size);
    return p;
}

/* Every row of sql into *rows (n structs) and, when wanted, its last column into *position. */
static bool load(as_store *s, const kind *k, const char *sql, const as_store_where *w, as_arena *a,
                 void **rows, uint64_t **position, size_t *n, as_error *err)
{
    union {
        as_design align;
        char bytes[ROW_SIZE_MAX];
    } row;
    bool ok = false, more = false;
    as_buf all = {0}, places = {0};
    sqlite3_stmt *st = NULL;
    *n = 0;
    if (!as_sql_prepare(s->db, sql, &st, err) || !as_store_bind_where(st, w, err)) goto out;
    for (;;) {
        if (!as_sql_step(s->db, st, &more, err)) goto out;
        if (!more) break;
        if (!take(s, st, k, a, row.bytes, err)) goto done;
        uint64_t place = position ? (uint64_t)sqlite3_column_int64(st, (int)k->n_columns) : 0;
        as_buf_add(&all, row.bytes, k->size);
        if (position) as_buf_add(&places, &place, sizeof place);
        ++*n;
    }
    *rows = settle(&all, *n, k->size, a, err);
    ok = *rows != NULL;
    if (ok && position) ok = (*position = settle(&places, *n, sizeof **position, a, err)) != NULL;
out:
    if (!ok) (void)as_store_fail_at(s, NULL, NULL, err);
done:
    sqlite3_finalize(st);
    as_buf_clear(&all);
    as_buf_clear(&places);
    return ok;
}

static bool list(as_store *s, as_row_kind which, const as_store_where *w, const char *order,
                 as_arena *a, void **rows, uint64_t **position, size_t *n, as_error *err)
{
    as_buf sql = {0};
    as_store_select(&sql, which, w);
    as_buf_printf(&sql, " ORDER BY %s", order);
    bool ok = as_buf_ok(&sql, err) &&
              load(s, as_store_kind(which), as_buf_text(&sql), w, a, rows, position, n, err);
    as_buf_clear(&sql);
    return ok;
}

bool as_store_prompts(as_store *s, const as_store_where *w, as_arena *a, as_prompt_list *out,
                      as_error *err)
{
    void *rows = NULL;
    bool ok =
        list(s, AS_ROW_PROMPT, w, "t.\"set\", t.position, t.key", a, &rows, NULL, &out->n, err);
    out->rows = rows;
    return ok;
}

#define BY_PLACE "p.\"set\", p.position, t.key"

bool as_store_generations(as_store *s, const as_store_where *w, as_arena *a,
                          as_generation_list *out, as_error *err)
{
    void *rows = NULL;
    bool ok = list(s, AS_ROW_GENERATION, w, BY_PLACE, a, &rows, &out->position, &out->n, err);
    out->rows = rows;
    return ok;
}

bool as_store_judgements(as_store *s, const as_store_where *w, as_arena *a, as_judgement_list *out,
                         as_error *err)
{
    void *rows = NULL;
    bool ok = list(s, AS_ROW_JUDGEMENT, w, BY_PLACE, a, &rows, &out->position, &out->n, err);
    out->rows = rows;
    return ok;
}

bool as_store_readings(as_store *s, const as_store_where *w, as_arena *a, as_reading_list *out,
                       as_error *err)
{
    void *rows = NULL;
    bool ok = list(s, AS_ROW_READING, w, BY_PLACE, a, &rows, &out->position, &out->n, err);
    out->rows = rows;
    return ok;
}

bool as_store_statistics(as_store *s, const char *design, const char *check, as_arena *a,
                         as_statistic **rows, size_t *n, as_error *err)
{
    void *p = NULL;
    as_store_where w = {.design = design, .what = check};
    bool ok = list(s, AS_ROW_STATISTIC, &w, "t.\"check\", t.position, t.key", a, &p, NULL, n, err);
    *rows = p;
    return ok;
}

bool as_store_verdicts(as_store *s, const char *design, const char *claim, as_arena *a,
                       as_verdict **rows, size_t *n, as_error *err)
{
    void *p = NULL;
    as_store_where w = {.design = design, .what = claim};
    bool ok = list(s, AS_ROW_VERDICT, &w, "t.claim, t.key", a, &p, NULL, n, err);
    *rows = p;
    return ok;
}

/* Every row of a kind that `rest` picks; ?1 is `value`. */
static void *pick(as_store *s, const kind *k, const char *value, const char *rest, as_arena *a,
                  size_t *n, as_error *err)
{
    void *rows = NULL;
    as_buf sql = {0};
    as_store_where w = {.design = value}; /* ?1 */
    as_buf_puts(&sql, "SELECT ");
    as_store_columns(&sql, k);
    as_buf_printf(&sql, " FROM %s t %s", k->name, rest);
    bool ok = as_buf_ok(&sql, err) && load(s, k, as_buf_text(&sql), &w, a, &rows, NULL, n, err);
    as_buf_clear(&sql);
    return ok ? rows : NULL;
}

bool as_store_training_steps(as_store *s, const char *training, as_arena *a,
                             as_training_step **rows, size_t *n, as_error *err)
{
    *rows = pick(s, as_store_kind(AS_ROW_TRAINING_STEP), training,
                 "WHERE t.training = ?1 ORDER BY t.step", a, n, err);
    return *rows != NULL;
}

bool as_store_timings(as_store *s, const char *training, as_arena *a, as_timing **rows, size_t *n,
                      as_error *err)
{
    *rows = pick(s, &as_store_timing, training, "WHERE t.training = ?1 ORDER BY t.step", a, n, err);
    return *rows != NULL;
}

/* --- roots ----------------------------------------------------------------------------------- */

bool as_store_designs(as_store *s, as_arena *a, as_design **rows, size_t *n, as_error *err)
{
    *rows = pick(s, as_store_kind(AS_ROW_DESIGN), NULL,
                 "ORDER BY (SELECT min(n) FROM visit v WHERE v.design = t.key), t.key", a, n, err);
    return *rows != NULL;
}

bool as_store_trainings(as_store *s, as_arena *a, as_training **rows, size_t *n, as_error *err)
{
    *rows = pick(s, as_store_kind(AS_ROW_TRAINING), NULL,
                 "ORDER BY (SELECT min(n) FROM training_visit v WHERE v.training = t.key), t.key",
                 a, n, err);
    return *rows != NULL;
}

/* The root of that name that was visited last. */
static const void *latest(as_store *s, as_row_kind which, const char *name, as_arena *a,
                          bool *found, as_error *err)
{
    const char *rest[2][2] = {{"JOIN visit v ON v.design = t.key ORDER BY v.n DESC LIMIT 1",
                               "JOIN visit v ON v.design = t.key WHERE t.name = ?1"
                               " ORDER BY v.n DESC LIMIT 1"},
                              {"JOIN training_visit v ON v.training = t.key"
                               " ORDER BY v.n DESC LIMIT 1",
                               "JOIN training_visit v ON v.training = t.key WHERE t.name = ?1"
                               " ORDER BY v.n DESC LIMIT 1"}};
    size_t n = 0;
    const void *rows = pick(s, as_store_kind(which), name,
                            rest[which == AS_ROW_TRAINING][name != NULL], a, &n, err);
    *found = n > 0;
    return rows;
}

bool as_store_latest_design(as_store *s, const char *name, as_arena *a, as_design *out, bool *found,
                            as_error *err)
{
    const as_design *row = latest(s, AS_ROW_DESIGN, name, a, found, err);
    if (row && *found) *out = *row;
    return row != NULL;
}

bool as_store_latest_training(as_store *s, const char *name, as_arena *a, as_training *out,
                              bool *found, as_error *err)
{
    const as_training *row = latest(s, AS_ROW_TRAINING, name, a, found, err);
    if (row && *found) *out = *row;
    return row != NULL;
}
