/* Principal components through the thin SVD of the centred table. */
#include "lab/stats/pca.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "lab/stats/blas_internal.h"

void as_pca_clear(as_pca *p)
{
    as_scaler_clear(&p->scaler);
    free(p->singular);
    free(p->share);
    free(p->loading);
    *p = (as_pca){0};
}

static void fix_signs(as_pca *p)
{
    for (size_t i = 0; i < p->r; i++) {
        double *row = p->loading + i * p->d;
        size_t most = 0;
        for (size_t j = 1; j < p->d; j++)
            if (fabs(row[j]) > fabs(row[most])) most = j;
        if (row[most] >= 0) continue;
        for (size_t j = 0; j < p->d; j++) row[j] = -row[j];
    }
}

static void fill_shares(as_pca *p)
{
    double sum = 0;
    for (size_t i = 0; i < p->r; i++) sum += p->singular[i] * p->singular[i];
    for (size_t i = 0; i < p->r; i++)
        p->share[i] = sum > 0 ? p->singular[i] * p->singular[i] / sum : NAN;
}

bool as_pca_fit(as_pca *p, const double *x, size_t n, size_t d, bool standardise, as_error *err)
{
    bool ok = false;
    size_t size;
    double *z = NULL;
    *p = (as_pca){.n = n, .d = d, .r = n < d ? n : d};
    if (n < 2 || !d)
        return as_fail(err, AS_EUSAGE, "components need a table (found %zu x %zu)", n, d);
    if (!as_scaler_fit(&p->scaler, x, n, d, NULL, 0, err)) goto out;
    for (size_t j = 0; j < d && !standardise; j++) p->scaler.scale[j] = 1;
    if (!as_size_mul(n, d, &size, err)) goto out;
    z = as_new(size, sizeof *z, err);
    p->singular = as_new(p->r, sizeof *p->singular, err);
    p->share = as_new(p->r, sizeof *p->share, err);
    p->loading = as_new(p->r * d, sizeof *p->loading, err);
    if (!z || !p->singular || !p->share || !p->loading) goto out;
    as_scaler_apply(&p->scaler, z, x, n);
    if (!as_blas_svd(z, n, d, p->singular, p->loading, err)) goto out;
    fix_signs(p);
    fill_shares(p);
    ok = true;
out:
    free(z);
    if (!ok) as_pca_clear(p);
    return ok;
}

size_t as_pca_rank(const as_pca *p, double level)
{
    double sum = 0;
    if (!p->r || isnan(p->share[0])) return 0;
    for (size_t i = 0; i < p->r; i++) {
        sum += p->share[i];
        if (sum >= level) return i + 1;
    }
    return p->r;
}

bool as_pca_project(double *out, const as_pca *p, const double *x, size_t m, size_t n_comp,
                    as_error *err)
{
    size_t size;
    if (n_comp > p->r)
        return as_fail(err, AS_EUSAGE, "components (found %zu, expected at most %zu)", n_comp,
                       p->r);
    if (!m || !n_comp) return true;
    if (!as_size_mul(m, p->d, &size, err)) return false;
    double *z = as_new(size, sizeof *z, err);
    if (!z) return false;
    as_scaler_apply(&p->scaler, z, x, m);
    as_blas_rows(out, z, m, p->loading, n_comp, p->d);
    free(z);
    return true;
}
