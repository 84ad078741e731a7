/* Cross-validation: every fold's tables once, then a fit per labelling. */
#include "lab/stats/crossval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "lab/stats/blas_internal.h"
#include "lab/stats/fold.h"
#include "lab/stats/newton_internal.h"
#include "lab/stats/scaler.h"
#include "lab/stats/tasks_internal.h"

typedef struct {
    size_t n_train, n_test;
    size_t *rows;         /* (n) training rows, then test rows, each in order */
    bool by_rows;         /* fewer training rows than columns */
    size_t m;             /* n_train by rows, d by columns */
    double *train, *test; /* (n_train, m), (n_test, m): what newton_internal.h calls the table */
} part;

struct as_crossval {
    size_t n, k, most_m, most_work;
    uint8_t *fold; /* (n) */
    part *parts;   /* (k) */
};

void as_crossval_free(as_crossval *cv)
{
    if (!cv) return;
    for (size_t f = 0; cv->parts && f < cv->k; f++) {
        free(cv->parts[f].rows);
        free(cv->parts[f].train);
        free(cv->parts[f].test);
    }
    free(cv->parts);
    free(cv->fold);
    free(cv);
}

size_t as_crossval_rows(const as_crossval *cv)
{
    return cv->n;
}

size_t as_crossval_folds(const as_crossval *cv)
{
    return cv->k;
}

const uint8_t *as_crossval_fold(const as_crossval *cv)
{
    return cv->fold;
}

/* --- building -------------------------------------------------------------------------------- */

static bool part_rows(part *p, const uint8_t *fold, size_t n, size_t f, as_error *err)
{
    p->rows = as_new(n, sizeof *p->rows, err);
    if (!p->rows) return false;
    for (size_t i = 0; i < n; i++)
        if (fold[i] != f) p->rows[p->n_train++] = i;
    for (size_t i = 0; i < n; i++)
        if (fold[i] == f) p->rows[p->n_train + p->n_test++] = i;
    return true;
}

/* z (n, d): the rows in the part's order, standardised on the training part. */
static bool part_standardise(const part *p, double *z, const double *x, size_t d, as_error *err)
{
    as_scaler scaler;
    size_t n = p->n_train + p->n_test;
    if (!as_scaler_fit(&scaler, x, n, d, p->rows, p->n_train, err)) return false;
    for (size_t i = 0; i < n; i++) as_scaler_apply(&scaler, z + i * d, x + p->rows[i] * d, 1);
    as_scaler_clear(&scaler);
    return true;
}

/* z (n_train + n_test, d), standardised, becomes the tables of the part. */
static bool part_tables(part *p, const double *z, size_t d, as_error *err)
{
    size_t train, test;
    const double *z_test = z + p->n_train * d;
    p->by_rows = p->n_train <= d;
    p->m = p->by_rows ? p->n_train : d;
    if (!as_size_mul(p->n_train, p->m, &train, err)) return false;
    if (!as_size_mul(p->n_test, p->m, &test, err)) return false;
    p->train = as_new(train, sizeof *p->train, err);
    p->test = as_new(test, sizeof *p->test, err);
    if (!p->train || !p->test) return false;
    if (p->by_rows) {
        as_blas_gram(p->train, z, p->n_train, d);
        as_blas_rows(p->test, z_test, p->n_test, z, p->n_train, d);
    } else {
        memcpy(p->train, z, train * sizeof *z);
        memcpy(p->test, z_test, test * sizeof *z);
    }
    for (size_t i = 0; i < test; i++)
        if (!isfinite(p->test[i])) return as_fail(err, AS_ENUMERIC, "a held-out row is not finite");
    return true;
}

static bool part_fill(part *p, const double *x, size_t d, as_error *err)
{
    size_t size;
    if (!as_size_mul(p->n_train + p->n_test, d, &size, err)) return false;
    double *z = as_new(size, sizeof *z, err);
    bool ok = z && part_standardise(p, z, x, d, err) && part_tables(p, z, d, err);
    free(z);
    return ok;
}

typedef struct {
    as_crossval *cv;
    const double *x;
    size_t d;
} build;

static bool build_part(void *ctx, size_t f, size_t worker, as_error *err)
{
    const build *b = ctx;
    part *p = &b->cv->parts[f];
    (void)worker;
    if (part_rows(p, b->cv->fold, b->cv->n, f, err) && part_fill(p, b->x, b->d, err)) return true;
    as_error_at(err, "fold %zu", f);
    return false;
}

as_crossval *as_crossval_new(const double *x, size_t n, size_t d, const uint8_t *fold, size_t k,
                             as_pool *pool, as_error *err)
{
    bool ok = false;
    as_blas_check();
    if (!as_fold_check(fold, n, k, err)) return NULL;
    as_crossval *cv = as_new(1, sizeof *cv, err);
    if (!cv) return NULL;
    cv->n = n;
    cv->k = k;
    cv->parts = as_new(k, sizeof *cv->parts, err);
    cv->fold = as_new(n, sizeof *cv->fold, err);
    if (!cv->parts || !cv->fold) goto out;
    for (size_t i = 0; i < n; i++) cv->fold[i] = fold[i];
    build b = {cv, x, d};
    if (!as_tasks_run(pool, k, build_part, &b, err)) goto out;
    for (size_t f = 0; f < k; f++) {
        const part *p = &cv->parts[f];
        size_t work = as_newton_work(p->n_train, p->m, p->by_rows);
        if (work > cv->most_work) cv->most_work = work;
        if (p->m > cv->most_m) cv->most_m = p->m;
    }
    ok = true;
out:
    if (ok) return cv;
    as_crossval_free(cv);
    return NULL;
}

/* --- fitting --------------------------------------------------------------------------------- */

/* The fit's work, its unknowns, predictions of one fold, and its training labels. */
size_t as_crossval_work(const as_crossval *cv)
{
    size_t label_doubles = (cv->n + sizeof(double) - 1) / sizeof(double);
    return cv->most_work + cv->most_m + cv->n + label_doubles;
}

bool as_crossval_predict(const as_crossval *cv, double *p, as_logistic *fits, const uint8_t *y,
                         double c, double *work, as_error *err)
{
    double *u = work + cv->most_work, *test = u + cv->most_m;
    uint8_t *labels = (uint8_t *)(test + cv->n);
    for (size_t f = 0; f < cv->k; f++) {
        const part *q = &cv->parts[f];
        as_logistic fit;
        for (size_t i = 0; i < q->n_train; i++) labels[i] = y[q->rows[i]];
        if (!as_newton_fit(&fit, u, q->train, labels, q->n_train, q->m, q->by_rows, c, work, err)) {
            as_error_at(err, "fold %zu", f);
            return false;
        }
        if (!fits && !fit.is_converged)
            return as_fail(err, AS_ENUMERIC,
                           "fold %zu did not converge (gradient %g after %zu steps)", f,
                           fit.gradient, fit.n_iter);
        if (fits) fits[f] = fit;
        as_logistic_predict_gram(test, q->test, q->n_test, q->m, u, fit.b);
        for (size_t i = 0; i < q->n_test; i++) p[q->rows[q->n_train + i]] = test[i];
    }
    return true;
}

bool as_crossval_once(double *p, as_logistic *fits, const double *x, size_t n, size_t d,
                      const uint8_t *y, const uint8_t *fold, size_t k, double c, as_pool *pool,
                      as_error *err)
{
    bool ok = false;
    double *work = NULL;
    as_crossval *cv = as_crossval_new(x, n, d, fold, k, pool, err);
    if (!cv) goto out;
    work = as_new(as_crossval_work(cv), sizeof *work, err);
    ok = work && as_crossval_predict(cv, p, fits, y, c, work, err);
out:
    free(work);
    as_crossval_free(cv);
    return ok;
}

/* --- judging --------------------------------------------------------------------------------- */

bool as_gate_score_of(as_gate_score *out, const double *p, const uint8_t *y, size_t n,
                      as_gate_terms terms, as_error *err)
{
    bool ok = false;
    as_auc auc;
    *out = (as_gate_score){NAN, NAN};
    uint16_t *bin = as_new(n, sizeof *bin, err);
    uint32_t *count = as_new(2 * (terms.grid.n + 1), sizeof *count, err);
    if (!bin || !count) goto out;
    if (!as_auc_of(&auc, p, y, n, err)) goto out;
    if (!as_gate_bins(bin, p, n, terms.grid, terms.rule, err)) goto out;
    out->auc = auc.auc;
    out->asym = as_gate_balanced_bins(bin, y, n, terms.grid.n, terms.coverage, NULL, count);
    ok = true;
out:
    free(bin);
    free(count);
    return ok;
}

typedef struct {
    as_gate_score *out;
    const double *x;
    size_t n, d, k;
    const uint8_t *y;
    double c;
    as_gate_terms terms;
    uint64_t seed;
} repeat;

static bool repeat_one(void *ctx, size_t r, size_t worker, as_error *err)
{
    const repeat *q = ctx;
    bool ok = false;
    (void)worker;
    uint8_t *fold = as_new(q->n, sizeof *fold, err);
    double *p = as_new(q->n, sizeof *p, err);
    if (!fold || !p) goto out;
    if (!as_fold_stratified(fold, q->y, q->n, q->k, q->seed, r, err)) goto out;
    if (!as_crossval_once(p, NULL, q->x, q->n, q->d, q->y, fold, q->k, q->c, NULL, err)) goto out;
    ok = as_gate_score_of(&q->out[r], p, q->y, q->n, q->terms, err);
out:
    free(fold);
    free(p);
    if (!ok) as_error_at(err, "repeat %zu", r);
    return ok;
}

bool as_crossval_repeat(as_gate_score *out, const double *x, size_t n, size_t d, const uint8_t *y,
                        size_t k, double c, as_gate_terms terms, uint64_t seed, size_t n_repeats,
                        as_pool *pool, as_error *err)
{
    repeat q = {out, x, n, d, k, y, c, terms, seed};
    as_blas_check();
    return as_tasks_run(pool, n_repeats, repeat_one, &q, err);
}

bool as_crossval_fold_auc(double *auc, const double *p, const uint8_t *y, const uint8_t *fold,
                          size_t n, size_t k, as_error *err)
{
    bool ok = false;
    double *score = as_new(n, sizeof *score, err);
    uint8_t *label = as_new(n, sizeof *label, err);
    if (!score || !label) goto out;
    for (size_t f = 0; f < k; f++) {
        size_t m = 0;
        as_auc a;
        for (size_t i = 0; i < n; i++)
            if (fold[i] == f) score[m] = p[i], label[m++] = y[i];
        if (!as_auc_of(&a, score, label, m, err)) goto out;
        auc[f] = a.auc;
    }
    ok = true;
out:
    free(score);
    free(label);
    return ok;
}
