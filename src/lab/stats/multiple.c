/* Adjusted p values. Holm and Benjamini-Hochberg share the sorting; ties keep their order of
 * arrival, so the numbers do not depend on the sort. */
#include "lab/stats/multiple.h"

#include <math.h>
#include <stdlib.h>

#include "base/bytes.h"

typedef struct {
    double p;
    size_t at;
} ranked;

static int by_p(const void *x, const void *y)
{
    const ranked *a = x, *b = y;
    if (a->p != b->p) return a->p < b->p ? -1 : 1;
    return (a->at > b->at) - (a->at < b->at);
}

/* The tests that were done, sorted by p; copies NaN to adjusted for the others. Gives: free(). */
static ranked *rank_tests(double *adjusted, const double *p, size_t n, size_t *m, as_error *err)
{
    ranked *r = as_new(n, sizeof *r, err);
    if (!r) return NULL;
    *m = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(p[i]))
            adjusted[i] = NAN;
        else
            r[(*m)++] = (ranked){p[i], i};
    }
    if (*m) qsort(r, *m, sizeof *r, by_p);
    return r;
}

bool as_holm(double *adjusted, const double *p, size_t n, as_error *err)
{
    size_t m;
    ranked *r = rank_tests(adjusted, p, n, &m, err);
    if (!r) return false;
    double top = 0;
    for (size_t i = 0; i < m; i++) {
        top = fmax(top, fmin(1, (double)(m - i) * r[i].p));
        adjusted[r[i].at] = top;
    }
    free(r);
    return true;
}

bool as_benjamini_hochberg(double *adjusted, const double *p, size_t n, as_error *err)
{
    size_t m;
    ranked *r = rank_tests(adjusted, p, n, &m, err);
    if (!r) return false;
    double low = 1;
    for (size_t i = m; i-- > 0;) {
        low = fmin(low, r[i].p * ((double)m / (double)(i + 1)));
        adjusted[r[i].at] = low;
    }
    free(r);
    return true;
}

/* A statistic turned so that larger is more extreme. */
static double turned(double x, as_tail tail)
{
    if (tail == AS_TAIL_LOWER) return -x;
    return tail == AS_TAIL_BOTH ? fabs(x) : x;
}

/* x >= y up to rounding; false for NaN. */
static bool reaches(double x, double y)
{
    return x >= y || x >= y - 1e-12 * fabs(y);
}

void as_max_t(double *adjusted, const double *observed, const double *null, size_t draws,
              size_t tests, as_tail tail)
{
    for (size_t j = 0; j < tests; j++)
        adjusted[j] = isnan(observed[j]) || draws == 0 ? NAN : 1; /* counts, for the moment */
    for (size_t i = 0; i < draws; i++) {
        double top = -INFINITY;
        for (size_t j = 0; j < tests; j++) {
            double x = null[i * tests + j];
            if (!isnan(observed[j])) top = fmax(top, isnan(x) ? INFINITY : turned(x, tail));
        }
        for (size_t j = 0; j < tests; j++)
            if (reaches(top, turned(observed[j], tail))) adjusted[j] += 1;
    }
    for (size_t j = 0; j < tests; j++) adjusted[j] /= (double)(draws + 1);
}
