/* The columns of the tables, once: everything that binds, reads, checks or exports a row
 * walks this table. Order of the columns = order of the fields = order in the key. */
#include "lab/store/store_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NO_NUMBER "the figure could not be computed; method and detail say why"
#define NO_INTERVAL "no interval was made"
#define NO_NULL "no null distribution was drawn"

static const column design_columns[] = {
    {"key", COLUMN_KEY, offsetof(as_design, key), 0, NULL},
    {"name", COLUMN_TEXT, offsetof(as_design, name), 0, NULL},
    {"plan", COLUMN_TEXT, offsetof(as_design, plan), 0, NULL},
    {"inputs", COLUMN_TEXT, offsetof(as_design, inputs), 0, NULL},
    {"code", COLUMN_TEXT, offsetof(as_design, code), 0, NULL},
    {"seed", COLUMN_SEED, offsetof(as_design, seed), 0, NULL},
};

static const column prompt_columns[] = {
    {"key", COLUMN_KEY, offsetof(as_prompt, key), 0, NULL},
    {"design", COLUMN_KEY, offsetof(as_prompt, design), 0, NULL},
    {"set", COLUMN_TEXT, offsetof(as_prompt, set), 0, NULL},
    {"position", COLUMN_COUNT, offsetof(as_prompt, position), 0, NULL},
    {"text", COLUMN_TEXT, offsetof(as_prompt, text), 0, "what was asked is not known"},
    {"cluster", COLUMN_TEXT, offsetof(as_prompt, cluster), 0, "the item is its own cluster"},
};

static const column generation_columns[] = {
    {"key", COLUMN_KEY, offsetof(as_generation, key), 0, NULL},
    {"prompt", COLUMN_KEY, offsetof(as_generation, prompt), 0, NULL},
    {"arm", COLUMN_TEXT, offsetof(as_generation, arm), 0, NULL},
    {"text", COLUMN_TEXT, offsetof(as_generation, text), 0, "the answer is not known"},
    {"finish", COLUMN_TEXT, offsetof(as_generation, finish), 0, "how it ended is not known"},
    {"subject", COLUMN_TEXT, offsetof(as_generation, subject), 0, "who answered is not known"},
    {"seed", COLUMN_SEED, offsetof(as_generation, seed), 0, NULL},
};

static const column judgement_columns[] = {
    {"key", COLUMN_KEY, offsetof(as_judgement, key), 0, NULL},
    {"generation", COLUMN_KEY, offsetof(as_judgement, generation), 0, NULL},
    {"axis", COLUMN_TEXT, offsetof(as_judgement, axis), 0, NULL},
    {"score", COLUMN_REAL, offsetof(as_judgement, score), 0, "not a score; see label, missing"},
    {"label", COLUMN_TEXT, offsetof(as_judgement, label), 0, "not a label; see score, missing"},
    {"missing", COLUMN_TEXT, offsetof(as_judgement, missing), 0, "nothing is missing"},
    {"judge", COLUMN_TEXT, offsetof(as_judgement, judge), 0, "who judged is not known"},
};

static const column reading_columns[] = {
    {"key", COLUMN_KEY, offsetof(as_reading, key), 0, NULL},
    {"generation", COLUMN_KEY, offsetof(as_reading, generation), 0, NULL},
    {"site", COLUMN_TEXT, offsetof(as_reading, site), 0, NULL},
    {"selector", COLUMN_TEXT, offsetof(as_reading, selector), 0, "the token is not known"},
    {"values", COLUMN_FLOATS, offsetof(as_reading, values), offsetof(as_reading, dim), NULL},
    {"dim", COLUMN_COUNT, offsetof(as_reading, dim), offsetof(as_reading, dim), NULL},
};

static const column statistic_columns[] = {
    {"key", COLUMN_KEY, offsetof(as_statistic, key), 0, NULL},
    {"design", COLUMN_KEY, offsetof(as_statistic, design), 0, NULL},
    {"position", COLUMN_COUNT, offsetof(as_statistic, position), 0, NULL},
    {"check", COLUMN_TEXT, offsetof(as_statistic, check), 0, NULL},
    {"name", COLUMN_TEXT, offsetof(as_statistic, name), 0, NULL},
    {"of", COLUMN_TEXT, offsetof(as_statistic, of), 0, NULL},
    {"method", COLUMN_TEXT, offsetof(as_statistic, method), 0, NULL},
    {"inputs", COLUMN_TEXT, offsetof(as_statistic, inputs), 0, NULL},
    {"estimate", COLUMN_REAL, offsetof(as_statistic, estimate), 0, NO_NUMBER},
    {"n", COLUMN_COUNT, offsetof(as_statistic, n), 0, NULL},
    {"missing", COLUMN_COUNT, offsetof(as_statistic, missing), 0, NULL},
    {"lo", COLUMN_REAL, offsetof(as_statistic, lo), 0, NO_INTERVAL},
    {"hi", COLUMN_REAL, offsetof(as_statistic, hi), 0, NO_INTERVAL},
    {"level", COLUMN_REAL, offsetof(as_statistic, level), 0, NO_INTERVAL},
    {"interval", COLUMN_TEXT, offsetof(as_statistic, interval), 0, NO_INTERVAL},
    {"p", COLUMN_REAL, offsetof(as_statistic, p), 0, "no test was made"},
    {"null_kind", COLUMN_TEXT, offsetof(as_statistic, null_kind), 0, NO_NULL},
    {"null_draws", COLUMN_COUNT, offsetof(as_statistic, null_draws), 0, NULL},
    {"null_q05", COLUMN_REAL, offsetof(as_statistic, null_q05), 0, NO_NULL},
    {"null_q50", COLUMN_REAL, offsetof(as_statistic, null_q50), 0, NO_NULL},
    {"null_q95", COLUMN_REAL, offsetof(as_statistic, null_q95), 0, NO_NULL},
    {"detail", COLUMN_TEXT, offsetof(as_statistic, detail), 0, NULL},
};

static const column verdict_columns[] = {
    {"key", COLUMN_KEY, offsetof(as_verdict, key), 0, NULL},
    {"design", COLUMN_KEY, offsetof(as_verdict, design), 0, NULL},
    {"claim", COLUMN_TEXT, offsetof(as_verdict, claim), 0, NULL},
    {"word", COLUMN_TEXT, offsetof(as_verdict, word), 0, NULL},
    {"cause", COLUMN_TEXT, offsetof(as_verdict, cause), 0, NULL},
    {"tree", COLUMN_TEXT, offsetof(as_verdict, tree), 0, NULL},
};

static const column training_columns[] = {
    {"key", COLUMN_KEY, offsetof(as_training, key), 0, NULL},
    {"name", COLUMN_TEXT, offsetof(as_training, name), 0, NULL},
    {"objective", COLUMN_TEXT, offsetof(as_training, kind), 0, NULL}, /* "kind" is the row's own */
    {"plan", COLUMN_TEXT, offsetof(as_training, plan), 0, NULL},
    {"inputs", COLUMN_TEXT, offsetof(as_training, inputs), 0, NULL},
    {"code", COLUMN_TEXT, offsetof(as_training, code), 0, NULL},
    {"seed", COLUMN_SEED, offsetof(as_training, seed), 0, NULL},
};

static const column training_step_columns[] = {
    {"key", COLUMN_KEY, offsetof(as_training_step, key), 0, NULL},
    {"training", COLUMN_KEY, offsetof(as_training_step, training), 0, NULL},
    {"step", COLUMN_COUNT, offsetof(as_training_step, step), 0, NULL},
    {"of", COLUMN_COUNT, offsetof(as_training_step, of), 0, NULL},
    {"values", COLUMN_TEXT, offsetof(as_training_step, values), 0, NULL},
};

static const column timing_columns[] = {
    {"training", COLUMN_KEY, offsetof(as_timing, training), 0, NULL},
    {"step", COLUMN_COUNT, offsetof(as_timing, step), 0, NULL},
    {"seconds", COLUMN_REAL, offsetof(as_timing, seconds), 0, "was not measured"},
    {"tokens_per_second", COLUMN_REAL, offsetof(as_timing, tokens_per_second), 0,
     "was not measured"},
};

static bool rekey_design(void *row, as_error *err)
{
    return as_design_key(row, err);
}

static bool rekey_prompt(void *row, as_error *err)
{
    return as_prompt_key(row, err);
}

static bool rekey_generation(void *row, as_error *err)
{
    return as_generation_key(row, err);
}

static bool rekey_judgement(void *row, as_error *err)
{
    return as_judgement_key(row, err);
}

static bool rekey_reading(void *row, as_error *err)
{
    return as_reading_key(row, err);
}

static bool rekey_statistic(void *row, as_error *err)
{
    return as_statistic_key(row, err);
}

static bool rekey_verdict(void *row, as_error *err)
{
    return as_verdict_key(row, err);
}

static bool rekey_training(void *row, as_error *err)
{
    return as_training_key(row, err);
}

static bool rekey_training_step(void *row, as_error *err)
{
    return as_training_step_key(row, err);
}

#define COLUMNS(c) (c), sizeof(c) / sizeof(c)[0]

static const kind kinds[AS_ROW_KINDS] = {
    {"design", NULL, AS_ROW_DESIGN, 1, sizeof(as_design), COLUMNS(design_columns), rekey_design},
    {"prompt", "design", AS_ROW_DESIGN, 1, sizeof(as_prompt), COLUMNS(prompt_columns),
     rekey_prompt},
    {"generation", "prompt", AS_ROW_PROMPT, 1, sizeof(as_generation), COLUMNS(generation_columns),
     rekey_generation},
    {"judgement", "generation", AS_ROW_GENERATION, 1, sizeof(as_judgement),
     COLUMNS(judgement_columns), rekey_judgement},
    {"reading", "generation", AS_ROW_GENERATION, 1, sizeof(as_reading), COLUMNS(reading_columns),
     rekey_reading},
    {"statistic", "design", AS_ROW_DESIGN, 1, sizeof(as_statistic), COLUMNS(statistic_columns),
     rekey_statistic},
    {"verdict", "design", AS_ROW_DESIGN, 1, sizeof(as_verdict), COLUMNS(verdict_columns),
     rekey_verdict},
    {"training", NULL, AS_ROW_TRAINING, 2, sizeof(as_training), COLUMNS(training_columns),
     rekey_training},
    {"training_step", "training", AS_ROW_TRAINING, 2, sizeof(as_training_step),
     COLUMNS(training_step_columns), rekey_training_step},
};

const kind as_store_timing = {
    "timing", "training", AS_ROW_TRAINING, 2, sizeof(as_timing), COLUMNS(timing_columns), NULL,
};

_Static_assert(sizeof(as_statistic) <= ROW_SIZE_MAX, "the widest row");
_Static_assert(sizeof(as_verdict) <= ROW_SIZE_MAX && sizeof(as_generation) <= ROW_SIZE_MAX, "rows");
_Static_assert(sizeof(float) == 4, "float32");

const kind *as_store_kind(as_row_kind k)
{
    AS_CHECK((size_t)k < AS_ROW_KINDS);
    return &kinds[k];
}

const char *as_store_parent(const kind *k, const void *row)
{
    return (const char *)row + k->columns[k->rekey ? 1 : 0].at;
}

const char *as_row_kind_name(as_row_kind k)
{
    return as_store_kind(k)->name;
}

void as_store_columns(as_buf *sql, const kind *k)
{
    for (size_t i = 0; i < k->n_columns; i++)
        as_buf_printf(sql, "%st.\"%s\"", i ? "," : "", k->columns[i].name);
}

/* --- fields of a struct by their place ------------------------------------------------------ */

static const char *text_at(const void *row, size_t at)
{
    const char *p;
    memcpy(&p, (const char *)row + at, sizeof p);
    return p;
}

static uint64_t count_at(const void *row, size_t at)
{
    uint64_t x;
    memcpy(&x, (const char *)row + at, sizeof x);
    return x;
}

static double real_at(const void *row, size_t at)
{
    double x;
    memcpy(&x, (const char *)row + at, sizeof x);
    return x;
}

static const float *floats_at(const void *row, size_t at)
{
    const float *p;
    memcpy(&p, (const char *)row + at, sizeof p);
    return p;
}

/* --- into the store ------------------------------------------------------------------------- */

static bool is_key(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static bool check_column(const column *c, const void *row, as_error *err)
{
    if (c->type == COLUMN_KEY) {
        const char *key = (const char *)row + c->at;
        if (!memchr(key, 0, sizeof(as_key)) || !is_key(key))
            return as_fail(err, AS_ESTATE, "%s: is not 64 lower-case hex digits", c->name);
    } else if (c->type == COLUMN_TEXT) {
        if (!text_at(row, c->at) && !c->null_means)
            return as_fail(err, AS_EFORMAT, "%s: found null, expected text", c->name);
    } else if (c->type == COLUMN_FLOATS) {
        uint64_t n = count_at(row, c->count_at);
        const float *x = floats_at(row, c->at);
        if (n && !x) return as_fail(err, AS_EFORMAT, "%s: found null, expected numbers", c->name);
        for (uint64_t i = 0; i < n; i++)
            if (!isfinite(x[i]))
                return as_fail(err, AS_ENUMERIC, "%s[%llu]: is not finite", c->name,
                               (unsigned long long)i);
    }
    return true;
}

bool as_store_row_check(const kind *k, const void *row, as_error *err)
{
    for (size_t i = 0; i < k->n_columns; i++)
        if (!check_column(&k->columns[i], row, err)) return false;
    return true;
}

bool as_store_key_check(const kind *k, const void *row, as_class class_, as_error *err)
{
    union {
        as_design align;
        char bytes[ROW_SIZE_MAX];
    } copy;
    const char *key = row;
    if (!k->rekey) return true;
    memcpy(copy.bytes, row, k->size);
    if (!k->rekey(copy.bytes, err)) return false;
    if (memcmp(copy.bytes, key, 64) == 0) return true;
    return as_fail(err, class_, "key is not the row's (found %.64s, expected %.64s)", key,
                   copy.bytes);
}

static bool bind_count(sqlite3_stmt *st, int at, uint64_t x, int *rc, as_error *err)
{
    if (x > INT64_MAX)
        return as_fail(err, AS_ELIMIT, "found %llu, expected at most %lld", (unsigned long long)x,
                       (long long)INT64_MAX);
    *rc = sqlite3_bind_int64(st, at, (int64_t)x);
    return true;
}

static bool bind_real(sqlite3_stmt *st, int at, double x, const char *null_means, int *rc,
                      as_error *err)
{
    if (isinf(x)) return as_fail(err, AS_ENUMERIC, "is infinite");
    if (isnan(x) && !null_means) return as_fail(err, AS_ENUMERIC, "is not a number");
    *rc = isnan(x) ? sqlite3_bind_null(st, at) : sqlite3_bind_double(st, at, x);
    return true;
}

/* Little-endian float32 whatever the machine; SQLite frees the copy. */
static bool bind_floats(sqlite3_stmt *st, int at, const float *x, uint64_t n, int *rc,
                        as_error *err)
{
    if (n > INT32_MAX / 4)
        return as_fail(err, AS_ELIMIT, "found %llu numbers, expected at most %d",
                       (unsigned long long)n, INT32_MAX / 4);
    if (!n) {
        *rc = sqlite3_bind_zeroblob(st, at, 0);
        return true;
    }
    unsigned char *bytes = as_new(n, 4, err);
    if (!bytes) return false;
    for (uint64_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, &x[i], 4);
        for (unsigned b = 0; b < 4; b++) bytes[4 * i + b] = (unsigned char)(u >> (8 * b));
    }
    *rc = sqlite3_bind_blob64(st, at, bytes, n * 4, free);
    return true;
}

static bool bind_column(sqlite3_stmt *st, int at, const column *c, const void *row, int *rc,
                        as_error *err)
{
    switch (c->type) {
    case COLUMN_KEY:
        *rc = sqlite3_bind_text(st, at, (const char *)row + c->at, 64, NULL);
        break;
    case COLUMN_TEXT: {
        const char *text = text_at(row, c->at);
        *rc = text ? sqlite3_bind_text64(st, at, text, strlen(text), NULL, SQLITE_UTF8)
                   : sqlite3_bind_null(st, at);
        break;
    }
    case COLUMN_SEED:
        *rc = sqlite3_bind_int64(st, at, (int64_t)count_at(row, c->at));
        break;
    case COLUMN_COUNT:
        return bind_count(st, at, count_at(row, c->at), rc, err);
    case COLUMN_REAL:
        return bind_real(st, at, real_at(row, c->at), c->null_means, rc, err);
    case COLUMN_FLOATS:
        return bind_floats(st, at, floats_at(row, c->at), count_at(row, c->count_at), rc, err);
    }
    return true;
}

bool as_store_bind(sqlite3_stmt *st, const kind *k, const void *row, as_error *err)
{
    for (size_t i = 0; i < k->n_columns; i++) {
        int rc = SQLITE_OK;
        if (!bind_column(st, (int)i + 1, &k->columns[i], row, &rc, err)) {
            as_error_at(err, "%s", k->columns[i].name);
            return false;
        }
        if (rc == SQLITE_TOOBIG)
            return as_fail(err, AS_ELIMIT, "%s: is over 1,000,000,000 bytes", k->columns[i].name);
        if (rc != SQLITE_OK) return as_sql_fail(sqlite3_db_handle(st), err, k->columns[i].name);
    }
    return true;
}

/* --- out of the store ----------------------------------------------------------------------- */

static const char *type_name(int type)
{
    static const char *const names[] = {"?", "integer", "real", "text", "blob", "null"};
    return type >= 1 && type <= 5 ? names[type] : names[0];
}

static bool read_text(sqlite3_stmt *st, int at, as_arena *a, char *key, void *field, as_error *err)
{
    const char *text = (const char *)sqlite3_column_text(st, at);
    size_t size = (size_t)sqlite3_column_bytes(st, at), bad;
    if (!text) return as_sql_fail(sqlite3_db_handle(st), err, "reading a text");
    if (memchr(text, 0, size)) return as_fail(err, AS_EFORMAT, "holds a NUL");
    if (!as_utf8_valid(text, size, &bad))
        return as_fail(err, AS_EFORMAT, "is not valid UTF-8 (byte %zu)", bad);
    if (key) {
        if (!is_key(text)) return as_fail(err, AS_EFORMAT, "is not 64 lower-case hex digits");
        memcpy(key, text, sizeof(as_key));
        return true;
    }
    const char *copy = as_arena_copy(a, text, size, err);
    if (copy) memcpy(field, &copy, sizeof copy);
    return copy != NULL;
}

static bool read_floats(sqlite3_stmt *st, int at, as_arena *a, void *field, void *count,
                        as_error *err)
{
    const unsigned char *bytes = sqlite3_column_blob(st, at);
    size_t size = (size_t)sqlite3_column_bytes(st, at), n = size / 4;
    if (size % 4) return as_fail(err, AS_EFORMAT, "%zu bytes are not whole numbers of 4", size);
    if (n && !bytes) return as_sql_fail(sqlite3_db_handle(st), err, "reading a blob");
    float *x = as_arena_push(a, n ? n : 1, sizeof *x, err);
    if (!x) return false;
    for (size_t i = 0; i < n; i++) {
        const unsigned char *b = bytes + 4 * i;
        uint32_t u =
            (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
        memcpy(&x[i], &u, 4);
    }
    uint64_t n64 = n;
    memcpy(field, &x, sizeof x);
    memcpy(count, &n64, sizeof n64);
    return true;
}

static bool read_count(sqlite3_stmt *st, int at, const column *c, void *field, as_error *err)
{
    int64_t x = sqlite3_column_int64(st, at);
    uint64_t old;
    if (x < 0 && c->type == COLUMN_COUNT)
        return as_fail(err, AS_EFORMAT, "found %lld, expected 0 or more", (long long)x);
    memcpy(&old, field, sizeof old);
    if (c->count_at && old != (uint64_t)x)
        return as_fail(err, AS_EFORMAT, "found %lld, expected %llu", (long long)x,
                       (unsigned long long)old);
    memcpy(field, &x, sizeof x);
    return true;
}

static bool read_column(sqlite3_stmt *st, int at, const column *c, as_arena *a, char *row,
                        as_error *err)
{
    static const int expected[] = {SQLITE_TEXT,    SQLITE_TEXT,  SQLITE_INTEGER,
                                   SQLITE_INTEGER, SQLITE_FLOAT, SQLITE_BLOB};
    double x;
    int found = sqlite3_column_type(st, at), wanted = expected[c->type];
    if (found == SQLITE_NULL && c->null_means) {
        x = NAN;
        if (c->type == COLUMN_REAL) memcpy(row + c->at, &x, sizeof x);
        return true; /* a text stays NULL */
    }
    if (found != wanted)
        return as_fail(err, AS_EFORMAT, "found %s, expected %s", type_name(found),
                       type_name(wanted));
    switch (c->type) {
    case COLUMN_KEY:
        return read_text(st, at, a, row + c->at, NULL, err);
    case COLUMN_TEXT:
        return read_text(st, at, a, NULL, row + c->at, err);
    case COLUMN_COUNT:
    case COLUMN_SEED:
        return read_count(st, at, c, row + c->at, err);
    case COLUMN_FLOATS:
        return read_floats(st, at, a, row + c->at, row + c->count_at, err);
    case COLUMN_REAL:
        x = sqlite3_column_double(st, at);
        memcpy(row + c->at, &x, sizeof x);
        return isfinite(x) || as_fail(err, AS_EFORMAT, "is not finite");
    }
    return true;
}

bool as_store_unbind(sqlite3_stmt *st, const kind *k, as_arena *a, void *row, as_error *err)
{
    memset(row, 0, k->size);
    for (size_t i = 0; i < k->n_columns; i++) {
        if (read_column(st, (int)i, &k->columns[i], a, row, err)) continue;
        as_error_at(err, "%s", k->columns[i].name);
        return false;
    }
    return true;
}
