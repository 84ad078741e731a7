/* Column means and standard deviations in two passes, rows in order. */
#include "lab/stats/scaler.h"

#include <math.h>
#include <stdlib.h>

#include "base/bytes.h"

void as_scaler_clear(as_scaler *s)
{
    free(s->mean);
    free(s->scale);
    *s = (as_scaler){0};
}

static size_t row_at(const size_t *rows, size_t i)
{
    return rows ? rows[i] : i;
}

static bool column_is_constant(const double *x, size_t d, const size_t *rows, size_t m, size_t j)
{
    double first = x[row_at(rows, 0) * d + j];
    for (size_t i = 1; i < m; i++)
        if (x[row_at(rows, i) * d + j] != first) return false;
    return true;
}

static bool fit_mean(as_scaler *s, const double *x, const size_t *rows, size_t m, as_error *err)
{
    for (size_t i = 0; i < m; i++) {
        const double *row = x + row_at(rows, i) * s->d;
        for (size_t j = 0; j < s->d; j++) {
            if (!isfinite(row[j]))
                return as_fail(err, AS_ENUMERIC,
                               "row %zu, column %zu (found %g, expected a number)", row_at(rows, i),
                               j, row[j]);
            s->mean[j] += row[j];
        }
    }
    for (size_t j = 0; j < s->d; j++) s->mean[j] /= (double)m;
    return true;
}

static bool fit_scale(as_scaler *s, const double *x, const size_t *rows, size_t m, as_error *err)
{
    for (size_t i = 0; i < m; i++) {
        const double *row = x + row_at(rows, i) * s->d;
        for (size_t j = 0; j < s->d; j++) {
            double away = row[j] - s->mean[j];
            s->scale[j] += away * away;
        }
    }
    for (size_t j = 0; j < s->d; j++) {
        s->scale[j] = sqrt(s->scale[j] / (double)m);
        if (!isfinite(s->scale[j]))
            return as_fail(err, AS_ENUMERIC, "column %zu is too large to standardise", j);
        /* The mean of equal numbers need not be that number, so a small deviation is looked at. */
        if (s->scale[j] <= 1e-6 * fabs(s->mean[j]) || s->scale[j] == 0) {
            if (!column_is_constant(x, s->d, rows, m, j)) {
                if (s->scale[j] > 0) continue;
                return as_fail(err, AS_ENUMERIC, "column %zu varies too little to standardise", j);
            }
            s->mean[j] = x[row_at(rows, 0) * s->d + j];
            s->scale[j] = 1;
        }
    }
    return true;
}

bool as_scaler_fit(as_scaler *s, const double *x, size_t n, size_t d, const size_t *rows,
                   size_t n_rows, as_error *err)
{
    *s = (as_scaler){.d = d};
    size_t m = rows ? n_rows : n;
    if (!m || !d) return as_fail(err, AS_EUSAGE, "nothing to standardise (%zu x %zu)", m, d);
    for (size_t i = 0; rows && i < m; i++) AS_CHECK(rows[i] < n);
    s->mean = as_new(d, sizeof *s->mean, err);
    s->scale = as_new(d, sizeof *s->scale, err);
    if (s->mean && s->scale && fit_mean(s, x, rows, m, err) && fit_scale(s, x, rows, m, err))
        return true;
    as_scaler_clear(s);
    return false;
}

void as_scaler_apply(const as_scaler *s, double *out, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < s->d; j++)
            out[i * s->d + j] = (x[i * s->d + j] - s->mean[j]) / s->scale[j];
}
