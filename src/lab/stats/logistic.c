/* Logistic regression as the caller sees it: chooses the unknowns, and reports in terms of w. */
#include "lab/stats/logistic.h"

#include <math.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "lab/stats/blas_internal.h"
#include "lab/stats/newton_internal.h"

double as_sigmoid(double t)
{
    if (t >= 0) return 1 / (1 + exp(-t));
    double e = exp(t);
    return e / (1 + e);
}

bool as_logistic_fit_gram(as_logistic *out, double *a, const double *k, const uint8_t *y, size_t n,
                          double c, double *work, as_error *err)
{
    return as_newton_fit(out, a, k, y, n, n, true, c, work, err);
}

void as_logistic_predict_gram(double *p, const double *k, size_t m, size_t n, const double *a,
                              double b)
{
    as_blas_times(p, k, a, m, n);
    for (size_t i = 0; i < m; i++) p[i] = as_sigmoid(p[i] + b);
}

void as_logistic_predict(double *p, const double *x, size_t m, size_t d, const double *w, double b)
{
    as_blas_times(p, x, w, m, d);
    for (size_t i = 0; i < m; i++) p[i] = as_sigmoid(p[i] + b);
}

/* --- with the columns at hand ---------------------------------------------------------------- */

/* Gradient norm in (w, b) from residuals y - p (n): g_w = w/C - X^T residual. g (d) is scratch. */
static double gradient_norm(double *g, const double *x, const double *w, const double *residual,
                            size_t n, size_t d, double c)
{
    double g_b = 0;
    as_blas_transposed(g, x, residual, n, d);
    for (size_t j = 0; j < d; j++) g[j] = w[j] / c - g[j];
    for (size_t i = 0; i < n; i++) g_b -= residual[i];
    return sqrt(as_blas_dot(g, g, d) + g_b * g_b);
}

/* Rewrites what the row space found in terms of w, so that what is reported is true of w itself.
 * v (n) and g (d) are scratch. */
static void report_in_columns(as_logistic *out, const double *w, const double *x, const uint8_t *y,
                              size_t n, size_t d, double c, double *v, double *g)
{
    double n_pos = 0, loss = 0, square = as_blas_dot(w, w, d);
    for (size_t i = 0; i < n; i++) n_pos += y[i];
    for (size_t i = 0; i < n; i++) v[i] = y[i] - n_pos / (double)n;
    as_blas_transposed(g, x, v, n, d);
    double start = sqrt(as_blas_dot(g, g, d));
    as_blas_times(v, x, w, n, d);
    for (size_t i = 0; i < n; i++) {
        double margin = v[i] + out->b;
        loss += as_softplus(y[i] ? -margin : margin);
        v[i] = y[i] ? as_sigmoid(-margin) : -as_sigmoid(margin);
    }
    out->w_norm = sqrt(square);
    out->objective = loss + square / (2 * c);
    out->gradient = gradient_norm(g, x, w, v, n, d, c);
    out->is_converged = out->gradient <= AS_LOGISTIC_GOAL * fmax(1, start);
}

static bool fit_by_rows(as_logistic *out, double *w, const double *x, const uint8_t *y, size_t n,
                        size_t d, double c, as_error *err)
{
    bool ok = false;
    double *k = as_new(n * n, sizeof *k, err), *a = as_new(n, sizeof *a, err);
    double *work = as_new(as_logistic_work(n), sizeof *work, err), *g = as_new(d, sizeof *g, err);
    if (!k || !a || !work || !g) goto out;
    as_blas_gram(k, x, n, d);
    if (!as_logistic_fit_gram(out, a, k, y, n, c, work, err)) goto out;
    as_blas_transposed(w, x, a, n, d);
    report_in_columns(out, w, x, y, n, d, c, work, g);
    ok = true;
out:
    free(k);
    free(a);
    free(work);
    free(g);
    return ok;
}

bool as_logistic_fit(as_logistic *out, double *w, const double *x, const uint8_t *y, size_t n,
                     size_t d, double c, as_error *err)
{
    *out = (as_logistic){NAN, NAN, NAN, NAN, 0, false};
    as_blas_check();
    for (size_t i = 0; i < n * d; i++)
        if (!isfinite(x[i]))
            return as_fail(err, AS_ENUMERIC, "row %zu, column %zu (found %g, expected a number)",
                           i / d, i % d, x[i]);
    if (n > AS_LOGISTIC_MAX && d > AS_LOGISTIC_MAX)
        return as_fail(err, AS_ELIMIT, "table to fit (found %zu x %zu, expected one below %d)", n,
                       d, AS_LOGISTIC_MAX);
    bool ok = false;
    double *work = NULL, *own = w ? NULL : as_new(d, sizeof *own, err);
    if (!w && !own) return false;
    if (!w) w = own;
    if (n <= d) {
        ok = fit_by_rows(out, w, x, y, n, d, c, err);
    } else {
        work = as_new(as_newton_work(n, d, false), sizeof *work, err);
        ok = work && as_newton_fit(out, w, x, y, n, d, false, c, work, err);
    }
    free(work);
    free(own);
    return ok;
}
