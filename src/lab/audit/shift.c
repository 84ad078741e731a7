/* shift: are two sets of rows one distribution? A classifier that tells them apart out of fold
 * (Lopez-Paz & Oquab 2017, "Revisiting classifier two-sample tests") and the rates of their labels.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/audit/probe_internal.h"
#include "lab/stats/fold.h"
#include "lab/stats/interval.h"
#include "lab/stats/paired.h"

static const as_param params[] = {
    {"a", AS_PARAM_COLUMN, "", "rows of features of the first set", NULL},
    {"b", AS_PARAM_COLUMN, "", "and of the second", NULL},
    {"label_a", AS_PARAM_COLUMN, "", "0 or 1 for each row of the first set", NULL},
    {"label_b", AS_PARAM_COLUMN, "", "and of the second", NULL},
    {"value_a", AS_PARAM_COLUMN, "", "a number for each row of the first set", NULL},
    {"value_b", AS_PARAM_COLUMN, "", "and of the second", NULL},
    {"C", AS_PARAM_NUMBERS, "0.1", "inverse strength of the L2 penalty", "1e-9 to 1e9"},
    {"n_folds", AS_PARAM_SIZE, "5", "folds, 2 to 10", "2 to 10"},
    AS_PROBE_PARAMS_END,
};

/* Both columns given, or neither. */
static bool both(const as_audit *a, const char *first, const char *second, bool *given,
                 as_error *err)
{
    *given = as_arg_column(a, first) && as_arg_column(a, second);
    if (as_arg_of(a, first)->given == as_arg_of(a, second)->given) return true;
    return as_audit_fail(a, first, err, "column (found one of %s and %s, expected both or none)",
                         first, second);
}

/* The rows of both sets, one after the other; y says which. */
static void stack(const as_column *a, const as_column *b, double *x, uint8_t *y)
{
    size_t n_a = a->n * a->dim, n_b = b->n * b->dim;
    for (size_t i = 0; i < n_a; i++) x[i] = (double)a->matrix[i];
    for (size_t i = 0; i < n_b; i++) x[n_a + i] = (double)b->matrix[i];
    for (size_t i = 0; i < a->n + b->n; i++) y[i] = i >= a->n;
}

static bool emit_domain(as_audit *a, const double *p, const uint8_t *y, size_t n, size_t missing,
                        size_t k, double c, as_error *err)
{
    as_statistic *out;
    json_t *o;
    as_probe_scores s = {.of = "", .c = c, .p = p, .y = y, .n = n, .missing = missing};
    if (!as_probe_emit_auc(a, "domain_auc",
                           "out-of-fold AUC of a classifier of the two sets [Distribution shift]",
                           &s, &out, &o, err))
        return false;
    as_json_put_real(&o, "C", c);
    as_json_put_size(&o, "n_folds", k);
    return as_emit_detail(a, out, o, err);
}

/* A set with fewer rows than folds: the AUC stays unknown. */
static bool emit_no_domain(as_audit *a, size_t n, as_error *err)
{
    as_statistic *s =
        as_emit(a, "domain_auc", "", "too few rows to be folded [Distribution shift]", err);
    if (!s) return false;
    s->n = n;
    return true;
}

/* The rows of the column that have a vector. */
static bool whole(as_audit *a, const as_column **c, as_error *err)
{
    const size_t *at;
    size_t n;
    return as_complete_rows(a, c, 1, &at, &n, err) && (*c = as_column_at(a, *c, at, n, err));
}

static bool measure_domain(as_audit *a, as_error *err)
{
    bool ok = false;
    const as_column *first = as_arg_column(a, "a"), *second = as_arg_column(a, "b");
    uint64_t seed;
    size_t k = as_arg_size(a, "n_folds"), n, values;
    double *x = NULL, *p = NULL, c = as_arg_number(a, "C");
    uint8_t *y = NULL, *fold = NULL;
    if (!as_need_kind(a, "a", AS_COLUMN_MATRIX, err) ||
        !as_need_kind(a, "b", AS_COLUMN_MATRIX, err) || !whole(a, &first, err) ||
        !whole(a, &second, err))
        return false;
    if (first->dim != second->dim)
        return as_audit_fail(a, "b", err, "numbers in a row (found %zu, expected %zu)", second->dim,
                             first->dim);
    if (k < 2 || k > 10)
        return as_audit_fail(a, "n_folds", err, "folds (found %zu, expected 2 to 10)", k);
    if (!as_probe_c_check(a, err) || !as_probe_seed(a, "folds", &seed, err) ||
        !as_size_add(first->n, second->n, &n, err) || !as_size_mul(n, first->dim, &values, err))
        return false;
    if (first->n < k || second->n < k) return emit_no_domain(a, n, err);
    x = as_new(values, sizeof *x, err);
    p = as_new(n, sizeof *p, err);
    y = as_new(n, 1, err);
    fold = as_new(n, 1, err);
    if (!x || !p || !y || !fold) goto out;
    stack(first, second, x, y);
    ok = as_fold_stratified(fold, y, n, k, seed, 0, err) &&
         as_crossval_once(p, NULL, x, n, first->dim, y, fold, k, c, a->pool, err) &&
         emit_domain(a, p, y, n, first->n_missing + second->n_missing, k, c, err);
out:
    free(x);
    free(p);
    free(y);
    free(fold);
    return ok;
}

typedef struct {
    size_t n_pos, n, missing;
} counts;

static bool emit_rate(as_audit *a, const char *name, const char *label, counts *c, as_error *err)
{
    uint8_t *y;
    const size_t *rows;
    *c = (counts){0};
    if (!as_probe_labels(a, label, &y, &rows, &c->n, err)) return false;
    for (size_t i = 0; i < c->n; i++) c->n_pos += y[i];
    c->missing = as_arg_column(a, label)->n - c->n;
    return as_probe_emit_rate(a, name, "", c->n_pos, c->n, c->missing, err);
}

static bool measure_rates(as_audit *a, as_error *err)
{
    counts u, v;
    if (!emit_rate(a, "rate_a", "label_a", &u, err) || !emit_rate(a, "rate_b", "label_b", &v, err))
        return false;
    as_statistic *s = as_emit(a, "rate_difference", "",
                              "second rate less first; Fisher's exact p [Distribution shift]", err);
    if (!s) return false;
    s->n = u.n + v.n;
    s->missing = u.missing + v.missing;
    if (u.n && v.n) {
        as_interval i = as_newcombe_difference(v.n_pos, v.n, u.n_pos, u.n, AS_LEVEL);
        s->estimate = (double)v.n_pos / (double)v.n - (double)u.n_pos / (double)u.n;
        s->p = as_fisher_exact(u.n_pos, u.n - u.n_pos, v.n_pos, v.n - v.n_pos);
        as_stat_interval(s, (as_interval){i.lo, i.hi}, AS_LEVEL, "Newcombe");
    }
    return true;
}

static bool emit_mean(as_audit *a, const char *name, const char *value, as_error *err)
{
    const as_column *column = as_arg_column(a, value);
    const size_t *rows;
    size_t n;
    if (!as_need_kind(a, value, AS_COLUMN_NUMBER, err) ||
        !as_complete_rows(a, &column, 1, &rows, &n, err))
        return false;
    double *x = as_arena_push(a->arena, n + 1, sizeof *x, err);
    as_statistic *s = as_emit(a, name, "", "mean of the values [Mean]", err);
    if (!x || !s) return false;
    for (size_t i = 0; i < n; i++) x[i] = column->number[rows[i]];
    as_estimate e = as_paired_mean(x, NULL, n, AS_LEVEL);
    s->estimate = e.estimate;
    s->n = n;
    s->missing = column->n - n;
    as_stat_interval(s, (as_interval){e.interval.lo, e.interval.hi}, AS_LEVEL, "t");
    return true;
}

static bool measure(as_audit *a, as_error *err)
{
    bool features, labels, values;
    if (!both(a, "a", "b", &features, err) || !both(a, "label_a", "label_b", &labels, err) ||
        !both(a, "value_a", "value_b", &values, err))
        return false;
    if (!features && !labels)
        return as_audit_fail(a, "a", err,
                             "columns (found none, expected a and b, or label_a and label_b)");
    return (!features || measure_domain(a, err)) && (!labels || measure_rates(a, err)) &&
           (!values ||
            (emit_mean(a, "mean_a", "value_a", err) && emit_mean(a, "mean_b", "value_b", err)));
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    const as_statistic *domain = as_stat_find(a, "domain_auc", ""),
                       *diff = as_stat_find(a, "rate_difference", ""),
                       *first = as_stat_find(a, "rate_a", ""),
                       *second = as_stat_find(a, "rate_b", "");
    char p[AS_P_TEXT_SIZE];
    const char *apart = "", *rates = "";
    bool told = domain && domain->lo > 0.5, differ = diff && diff->p <= a->alpha;
    bool known = (domain && !isnan(domain->lo)) || (diff && !isnan(diff->p));
    if (domain && !isnan(domain->estimate))
        apart =
            as_arena_printf(a->arena, err,
                            "A classifier tells the two sets apart with out-of-fold AUC %.3f "
                            "(95 %% interval %.3f to %.3f, n = %" PRIu64 ").%s",
                            domain->estimate, domain->lo, domain->hi, domain->n, diff ? " " : "");
    if (diff && first && second)
        rates = as_arena_printf(a->arena, err,
                                "The positive rate goes from %.3f (n = %" PRIu64
                                ") to %.3f (n = %" PRIu64 "), Fisher %s.",
                                first->estimate, first->n, second->estimate, second->n,
                                as_p_text(diff->p, p));
    if (!apart || !rates) return false;
    if (!known)
        return as_leaf_set(a, leaf, AS_UNKNOWN, "under-powered", err,
                           "Too few rows to compare the two sets.");
    return as_leaf_set(a, leaf, told || differ ? AS_FAILS : AS_HOLDS,
                       told || differ ? "distribution shift" : "", err, "%s%s", apart, rates);
}

const as_check as_check_shift = {
    .name = "shift",
    .summary = "whether a classifier or the label rate tells two sets of rows apart",
    .catches = "\"same distribution\" taken on trust",
    .params = params,
    .measure = measure,
    .decide = decide,
};
