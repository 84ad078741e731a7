/* Are two tables joined row by row really about the same rows? Texts that should be identical are
 * compared by content, not by position. */
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lab/audit/instrument_internal.h"

static const as_param params[] = {
    {"a", AS_PARAM_COLUMN, NULL, "texts of one table", NULL},
    {"b", AS_PARAM_COLUMN, NULL, "texts that should be the same", NULL},
    {"index", AS_PARAM_COLUMN, "", "row of b, from 0, for each row of a; without it the same row",
     NULL},
    AS_INSTRUMENT_PARAMS_END};

/* (n) digests; "" for a missing text. */
static as_key *digests(as_audit *a, const as_column *c, as_error *err)
{
    as_key *key = as_arena_push(a->arena, c->n + 1, sizeof *key, err);
    for (size_t i = 0; key && i < c->n; i++)
        if (c->text[i] && !as_sha256_of(c->text[i], strlen(c->text[i]), key[i], err)) return NULL;
    return key;
}

static int by_key(const void *x, const void *y)
{
    return strcmp(x, y);
}

/* The row of b for row k of a: SIZE_MAX when its index is missing. */
static bool partner(const as_audit *a, const as_column *index, size_t k, size_t n_b, size_t *row,
                    as_error *err)
{
    double x = index ? index->number[k] : (double)k;
    *row = SIZE_MAX;
    if (isnan(x)) return true;
    if (!(x >= 0 && x < (double)n_b) || x != floor(x))
        return as_audit_fail(a, "index", err, "row %zu: index (found %g, expected 0 to %.0f)", k, x,
                             (double)n_b - 1);
    *row = (size_t)x;
    return true;
}

typedef struct {
    size_t n, same, elsewhere;
    size_t first; /* row of a that differs first, SIZE_MAX when none does */
} tally;

static bool compare(as_audit *a, const as_column *x, const as_column *y, tally *t, as_error *err)
{
    const as_column *index = as_arg_column(a, "index");
    as_key *kx = digests(a, x, err), *ky = kx ? digests(a, y, err) : NULL;
    as_key *sorted = ky ? as_arena_push(a->arena, y->n + 1, sizeof *sorted, err) : NULL;
    if (!sorted) return false;
    if (y->n) memcpy(sorted, ky, y->n * sizeof *sorted);
    qsort(sorted, y->n, sizeof *sorted, by_key);
    *t = (tally){.first = SIZE_MAX};
    for (size_t k = 0; k < x->n; k++) {
        size_t row = 0;
        if (!partner(a, index, k, y->n, &row, err)) return false;
        if (row == SIZE_MAX || !x->text[k] || !y->text[row]) continue;
        t->n++;
        if (strcmp(kx[k], ky[row]) == 0) {
            t->same++;
            continue;
        }
        if (t->first == SIZE_MAX) t->first = k;
        t->elsewhere += bsearch(kx[k], sorted, y->n, sizeof *sorted, by_key) != NULL;
    }
    return true;
}

static bool measure(as_audit *a, as_error *err)
{
    const as_column *x = as_arg_column(a, "a"), *y = as_arg_column(a, "b");
    bool indexed = as_arg_column(a, "index") != NULL;
    tally t;
    if (!as_need_kind(a, "a", AS_COLUMN_TEXT, err) || !as_need_kind(a, "b", AS_COLUMN_TEXT, err))
        return false;
    if (indexed && !as_need_kind(a, "index", AS_COLUMN_NUMBER, err)) return false;
    if (!as_need_same_rows(a, "a", indexed ? "index" : "b", err)) return false;
    if (!compare(a, x, y, &t, err)) return false;
    as_statistic *s = as_emit(a, "same", "", "share of rows with equal SHA-256 [Join]", err);
    if (!s) return false;
    as_stat_share(s, t.same, t.n, x->n - t.n);
    json_t *detail = json_object();
    as_json_put_size(&detail, "count", t.same);
    as_json_put(&detail, "first_different",
                t.first == SIZE_MAX ? json_null() : json_integer((json_int_t)t.first));
    as_json_put_size(&detail, "found_elsewhere", t.elsewhere);
    return as_emit_detail(a, s, detail, err);
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    const as_statistic *s = as_stat_need(a, "same", "", err);
    if (!s) return false;
    if (s->n == 0)
        return as_leaf_set(a, leaf, AS_UNKNOWN, "evidence missing", err, "no row has both texts");
    double same = as_stat_detail(s, "/count");
    if (s->estimate >= 1)
        return as_leaf_set(a, leaf, AS_HOLDS, "", err, "all %" PRIu64 " joined texts are the same",
                           s->n);
    return as_leaf_set(a, leaf, AS_FAILS, "index join of different prompts", err,
                       "%.0f of %" PRIu64 " joined texts are the same; row %.0f is the first that "
                       "differs, and %.0f of those that differ stand at another row",
                       same, s->n, as_stat_detail(s, "/first_different"),
                       as_stat_detail(s, "/found_elsewhere"));
}

const as_check as_check_join = {"join",
                                "do rows joined by position or index hold the same text",
                                "two files joined by row number after one of them changed",
                                params,
                                measure,
                                decide};
