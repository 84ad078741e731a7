/* Rows left out, rows grouped, rows folded. */
#include "lab/audit/rows_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/stats/fold.h"
#include "lab/stats/grouped.h"

/* --- leaving rows out ------------------------------------------------------------------------ */

/* Keeps the rows with keep[i]; the caller counts the others. */
static void compact(as_probe_rows *r, const bool *keep)
{
    size_t n = 0;
    r->n_pos = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (!keep[i]) continue;
        memmove(r->x + n * r->d, r->x + i * r->d, r->d * sizeof *r->x);
        r->y[n] = r->y[i];
        r->row[n] = r->row[i];
        r->n_pos += r->y[n++];
    }
    r->n = n;
}

static bool need_items(const as_probe_rows *r, const as_audit *a, const char *param,
                       const as_column *c, as_error *err)
{
    if (c->n == r->n_items) return true;
    return as_audit_fail(a, param, err, "%s.%s: rows (found %zu, expected %zu)", c->table->name,
                         c->name, c->n, r->n_items);
}

bool as_rows_complete(as_probe_rows *r, as_audit *a, const char *param, as_error *err)
{
    const as_arg *g = as_arg_of(a, param);
    size_t before = r->n;
    if (!g->given) return true;
    bool *keep = as_new(r->n, sizeof *keep, err);
    if (!keep) return false;
    for (size_t i = 0; i < r->n; i++) keep[i] = true;
    for (size_t k = 0; k < g->n; k++) {
        if (!need_items(r, a, param, g->column[k], err)) {
            free(keep);
            return false;
        }
        for (size_t i = 0; i < r->n; i++)
            if (as_column_lacks(g->column[k], r->row[i])) keep[i] = false;
    }
    compact(r, keep);
    r->n_missing += before - r->n;
    free(keep);
    return true;
}

bool as_rows_only(as_probe_rows *r, size_t *n_left, as_audit *a, const char *param, as_error *err)
{
    bool ok = false;
    const as_arg *g = as_arg_of(a, param);
    *n_left = 0;
    if (!as_need_kind(a, param, AS_COLUMN_NUMBER, err) || !as_rows_complete(r, a, param, err))
        return false;
    size_t before = r->n;
    bool *keep = as_new(r->n, sizeof *keep, err);
    if (!keep) return false;
    for (size_t i = 0; i < r->n; i++) keep[i] = true;
    for (size_t k = 0; g->given && k < g->n; k++)
        for (size_t i = 0; i < r->n; i++) {
            double value = g->column[k]->number[r->row[i]];
            if (value != 0 && value != 1) {
                as_audit_fail(a, param, err, "item %zu: value (found %g, expected 0 or 1)",
                              r->row[i], value);
                goto out;
            }
            keep[i] = keep[i] && value == 1;
        }
    compact(r, keep);
    *n_left = before - r->n;
    ok = true;
out:
    free(keep);
    return ok;
}

const double *as_rows_numbers(const as_probe_rows *r, as_audit *a, const as_column *column,
                              as_error *err)
{
    double *out = as_arena_push(a->arena, r->n + 1, sizeof *out, err);
    for (size_t i = 0; out && i < r->n; i++) out[i] = column->number[r->row[i]];
    return out;
}

/* --- groups ---------------------------------------------------------------------------------- */

typedef struct {
    const char *text;
    size_t row;
} named;

static int by_text(const void *a, const void *b)
{
    const named *p = a, *q = b;
    int order = strcmp(p->text, q->text);
    return order ? order : (p->row > q->row) - (p->row < q->row);
}

bool as_rows_groups(const as_probe_rows *r, as_audit *a, const char *param, const uint64_t **group,
                    size_t *n_groups, as_error *err)
{
    const as_column *c = as_arg_column(a, param);
    *group = NULL;
    *n_groups = 0;
    if (!c) return true;
    if (!as_need_kind(a, param, AS_COLUMN_TEXT, err) || !need_items(r, a, param, c, err))
        return false;
    uint64_t *number = as_arena_push(a->arena, r->n + 1, sizeof *number, err);
    named *list = as_new(r->n, sizeof *list, err);
    if (!number || !list) {
        free(list);
        return false;
    }
    for (size_t i = 0; i < r->n; i++) list[i] = (named){c->text[r->row[i]], i};
    if (r->n > 1) qsort(list, r->n, sizeof *list, by_text);
    for (size_t i = 0; i < r->n; i++) {
        *n_groups += i == 0 || strcmp(list[i].text, list[i - 1].text) != 0;
        number[list[i].row] = *n_groups - 1;
    }
    free(list);
    *group = number;
    return true;
}

/* --- cross-validation ------------------------------------------------------------------------ */

static int by_number(const void *a, const void *b)
{
    uint64_t p = *(const uint64_t *)a, q = *(const uint64_t *)b;
    return (p > q) - (p < q);
}

static bool count_groups(size_t *count, const uint64_t *group, size_t n, as_error *err)
{
    uint64_t *sorted = as_new(n, sizeof *sorted, err);
    if (!sorted) return false;
    memcpy(sorted, group, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_number);
    *count = 0;
    for (size_t i = 0; i < n; i++) *count += i == 0 || sorted[i] != sorted[i - 1];
    free(sorted);
    return true;
}

bool as_rows_fold(uint8_t *fold, bool *found, const as_probe_rows *r, const uint64_t *group,
                  size_t k, uint64_t seed, uint64_t repeat, as_error *err)
{
    size_t parts = as_probe_smaller_class(r);
    *found = false;
    if (r->n == 0) return true;
    if (group && !count_groups(&parts, group, r->n, err)) return false;
    if (parts < k) return true;
    if (group ? !as_fold_grouped(fold, group, r->n, k, seed, repeat, err)
              : !as_fold_stratified(fold, r->y, r->n, k, seed, repeat, err))
        return false;
    *found = as_fold_trains(fold, r->y, r->n, k);
    return true;
}

bool as_rows_hold_out(const as_rows_cv *q, const as_audit *a, double *margin, double *null,
                      uint64_t seed, as_error *err)
{
    bool ok = false;
    double *work = NULL;
    as_logistic *fits = as_new(q->k, sizeof *fits, err);
    as_crossval *cv = as_crossval_new(q->x, q->n, q->d, q->fold, q->k, a->pool, err);
    if (!cv || !fits) goto out;
    work = as_new(as_crossval_work(cv), sizeof *work, err);
    if (!work) goto out;
    for (size_t j = 0; j < q->n_c; j++)
        if (!as_crossval_margins(cv, margin + j * q->n, fits, q->y, q->c[j], work, err)) goto out;
    ok = !null || as_null_grouped(null, cv, q->y, q->group, q->c, q->n_c, seed, a->permutations,
                                  a->pool, err);
out:
    free(work);
    free(fits);
    as_crossval_free(cv);
    return ok;
}

bool as_rows_emit_auc(as_audit *a, const char *name, const char *method, const as_probe_scores *s,
                      const uint64_t *group, as_statistic **out, as_error *err)
{
    json_t *o;
    if (!as_probe_emit_auc(a, name, method, s, out, &o, err)) return false;
    if (!as_emit_detail(a, *out, o, err)) return false;
    if (!group) return true;
    as_bootstrap b;
    uint64_t seed;
    if (!as_probe_seed(a, "groups drawn", &seed, err)) return false;
    as_resample how = {a->bootstrap, seed, "rows/groups", a->pool};
    if (!as_bootstrap_auc(&how, group, s->p, NULL, s->y, s->n, AS_LEVEL, &b, err)) return false;
    (*out)->lo = (*out)->hi = (*out)->level = NAN;
    as_stat_interval(*out, b.percentile, AS_LEVEL, "bootstrap of groups, percentile");
    return true;
}

bool as_rows_set_null(as_statistic *s, const as_audit *a, const double *null, size_t width,
                      size_t j, double p, as_error *err)
{
    double *column = as_new(a->permutations, sizeof *column, err);
    if (!column) return false;
    for (size_t i = 0; i < a->permutations; i++) column[i] = null[i * width + j];
    bool ok = as_probe_null(s, column, a->permutations, err);
    s->p = p;
    free(column);
    return ok;
}
