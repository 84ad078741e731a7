/* pca: how many directions the rows use, and where they lie on the first two. A description: it
 * decides nothing. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lab/audit/probe_internal.h"
#include "lab/stats/pca.h"

#define N_SHARES 20

static const as_param params[] = {
    {"features", AS_PARAM_COLUMN, NULL, "rows of features", NULL},
    {"standardise", AS_PARAM_FLAG, "true", "divide each column by its standard deviation", NULL},
    {"label", AS_PARAM_COLUMN, "", "0 or 1 for each row, to colour it by", NULL},
    {"project", AS_PARAM_COLUMN, "", "other rows to place on the same components", NULL},
    AS_PROBE_PARAMS_END,
};

static double *widen(const as_column *c, as_error *err)
{
    size_t n;
    if (!as_size_mul(c->n, c->dim, &n, err)) return NULL;
    double *x = as_new(n, sizeof *x, err);
    for (size_t i = 0; x && i < n; i++) x[i] = (double)c->matrix[i];
    return x;
}

static bool emit_shares(as_audit *a, const as_pca *p, as_error *err)
{
    for (size_t i = 0; i < p->r && i < N_SHARES; i++) {
        char of[32];
        snprintf(of, sizeof of, "PC%zu", i + 1);
        as_statistic *s = as_emit(a, "explained_variance", of,
                                  "share of the variance, s_i^2 / sum of s^2 [PCA]", err);
        if (!s) return false;
        s->estimate = p->share[i];
        s->n = p->n;
    }
    return true;
}

static bool emit_ranks(as_audit *a, const as_pca *p, as_error *err)
{
    static const double level[] = {0.50, 0.80, 0.90, 0.95, 0.99};
    static const char *const name[] = {"50%", "80%", "90%", "95%", "99%"};
    for (int i = 0; i < 5; i++) {
        as_statistic *s = as_emit(a, "rank", name[i],
                                  "components needed for that share of the variance [PCA]", err);
        if (!s) return false;
        size_t rank = as_pca_rank(p, level[i]);
        s->estimate = rank ? (double)rank : NAN;
        s->n = p->n;
    }
    return true;
}

/* One list of a component: every second number of scores (n, 2). */
static json_t *component(const double *scores, size_t n, size_t which)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < n; i++)
        if (json_array_append_new(list, as_json_real(scores[2 * i + which]))) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

static json_t *label_list(const as_column *label)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < label->n; i++)
        if (json_array_append_new(list, as_json_real(label->number[i]))) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

/* Where rows lie on the first two components. */
static bool emit_scores(as_audit *a, const as_pca *p, const char *of, const as_column *rows,
                        const double *x, const as_column *label, as_error *err)
{
    bool ok = false;
    double total = 0;
    size_t n_comp = p->r < 2 ? p->r : 2;
    double *scores = as_new(rows->n * 2, sizeof *scores, err);
    double *raw = as_new(rows->n * 2, sizeof *raw, err);
    if (!scores || !raw || !as_pca_project(raw, p, x, rows->n, n_comp, err)) goto out;
    for (size_t i = 0; i < rows->n; i++)
        for (size_t j = 0; j < 2; j++) scores[2 * i + j] = j < n_comp ? raw[i * n_comp + j] : NAN;
    as_statistic *s =
        as_emit(a, "scores", of, "rows on the first two principal components [PCA]", err);
    if (!s) goto out;
    s->n = rows->n;
    s->missing = rows->n_missing;
    for (size_t i = 0; i < p->r; i++) total += p->singular[i] * p->singular[i];
    json_t *o = json_object();
    as_json_put(&o, "pc1", component(scores, rows->n, 0));
    as_json_put(&o, "pc2", component(scores, rows->n, 1));
    as_json_put(&o, "label", label ? label_list(label) : json_null());
    as_json_put_real(&o, "total_variance", total / (double)p->n);
    ok = as_emit_detail(a, s, o, err);
out:
    free(scores);
    free(raw);
    return ok;
}

static bool check_columns(const as_audit *a, as_error *err)
{
    const as_column *f = as_arg_column(a, "features"), *other = as_arg_column(a, "project");
    const as_column *label = as_arg_column(a, "label");
    if (!as_need_kind(a, "features", AS_COLUMN_MATRIX, err)) return false;
    if (f->n < 2) return as_audit_fail(a, "features", err, "rows (found %zu, expected 2)", f->n);
    if (label && (!as_need_kind(a, "label", AS_COLUMN_NUMBER, err) ||
                  !as_need_same_rows(a, "features", "label", err)))
        return false;
    if (!other) return true;
    if (!as_need_kind(a, "project", AS_COLUMN_MATRIX, err)) return false;
    return other->dim == f->dim ||
           as_audit_fail(a, "project", err, "numbers in a row (found %zu, expected %zu)",
                         other->dim, f->dim);
}

/* The column's rows, and the label's beside them, where there is a vector. */
static bool whole(as_audit *a, const as_column **rows, const as_column **label, as_error *err)
{
    const size_t *at;
    size_t n;
    if (!as_complete_rows(a, rows, 1, &at, &n, err) ||
        !(*rows = as_column_at(a, *rows, at, n, err)))
        return false;
    if (label && *label && !(*label = as_column_at(a, *label, at, n, err))) return false;
    return true;
}

static bool measure(as_audit *a, as_error *err)
{
    bool ok = false;
    as_pca p = {0};
    double *x = NULL, *y = NULL;
    const as_column *f = as_arg_column(a, "features"), *other = as_arg_column(a, "project");
    const as_column *label = as_arg_column(a, "label");
    if (!check_columns(a, err) || !whole(a, &f, &label, err) ||
        (other && !whole(a, &other, NULL, err)))
        goto out;
    x = widen(f, err);
    if (!x || !as_pca_fit(&p, x, f->n, f->dim, as_arg_flag(a, "standardise"), err)) goto out;
    if (!emit_shares(a, &p, err) || !emit_ranks(a, &p, err) ||
        !emit_scores(a, &p, "", f, x, label, err))
        goto out;
    if (other) {
        y = widen(other, err);
        if (!y || !emit_scores(a, &p, "project", other, y, NULL, err)) goto out;
    }
    ok = true;
out:
    as_pca_clear(&p);
    free(x);
    free(y);
    return ok;
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    const as_statistic *one = as_stat_find(a, "explained_variance", "PC1"),
                       *two = as_stat_find(a, "explained_variance", "PC2"),
                       *rank = as_stat_find(a, "rank", "90%");
    return as_leaf_set(a, leaf, AS_SHOWN, "", err,
                       "The first two components carry %.3f and %.3f of the variance; %.0f carry "
                       "90 %% of it (n = %" PRIu64 ").",
                       one ? one->estimate : NAN, two ? two->estimate : NAN,
                       rank ? rank->estimate : NAN, rank ? rank->n : 0);
}

const as_check as_check_pca = {
    .name = "pca",
    .summary = "how many directions a set of feature rows uses",
    .catches = "a picture of two components taken for the whole",
    .params = params,
    .measure = measure,
    .decide = decide,
};
