/* The only file that includes LAPACKE and CBLAS. */
#include "lab/stats/blas.h"

#include <cblas.h>
#include <lapacke.h>
#include <limits.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "lab/stats/blas_internal.h"

void as_stats_init(void)
{
    openblas_set_num_threads(1);
}

void as_blas_check(void)
{
    AS_CHECK(openblas_get_num_threads() == 1);
}

/* The library counts in int. */
static int narrow(size_t n)
{
    AS_CHECK(n <= INT_MAX);
    return (int)n;
}

void as_blas_gram(double *k, const double *x, size_t n, size_t d)
{
    as_blas_check();
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, narrow(n), narrow(d), 1, x, narrow(d), 0,
                k, narrow(n));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) k[j * n + i] = k[i * n + j];
}

void as_blas_gram_columns(double *k, size_t stride, const double *x, size_t n, size_t d)
{
    as_blas_check();
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, narrow(d), narrow(n), 1, x, narrow(d), 0, k,
                narrow(stride));
}

void as_blas_rows(double *out, const double *a, size_t m, const double *b, size_t n, size_t d)
{
    as_blas_check();
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, narrow(m), narrow(n), narrow(d), 1, a,
                narrow(d), b, narrow(d), 0, out, narrow(n));
}

void as_blas_symv(double *y, const double *a, const double *x, size_t n)
{
    cblas_dgemv(CblasColMajor, CblasNoTrans, narrow(n), narrow(n), 1, a, narrow(n), x, 1, 0, y, 1);
}

void as_blas_times(double *y, const double *a, const double *x, size_t n, size_t d)
{
    cblas_dgemv(CblasRowMajor, CblasNoTrans, narrow(n), narrow(d), 1, a, narrow(d), x, 1, 0, y, 1);
}

void as_blas_transposed(double *y, const double *a, const double *x, size_t n, size_t d)
{
    cblas_dgemv(CblasRowMajor, CblasTrans, narrow(n), narrow(d), 1, a, narrow(d), x, 1, 0, y, 1);
}

double as_blas_dot(const double *a, const double *b, size_t n)
{
    return cblas_ddot(narrow(n), a, 1, b, 1);
}

/* Column-major upper is row-major lower: no copy is made. */
bool as_blas_solve(double *a, double *b, size_t n, size_t n_rhs)
{
    as_blas_check();
    int order = narrow(n);
    if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', order, a, order) != 0) return false;
    return LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, 'U', order, narrow(n_rhs), a, order, b, order) ==
           0;
}

/* Row-major X is column-major X^T = U S V^T, and U by columns is what we call vt by rows. */
bool as_blas_svd(double *x, size_t n, size_t d, double *s, double *vt, as_error *err)
{
    as_blas_check();
    size_t r = n < d ? n : d, size;
    if (!as_size_mul(r, n, &size, err)) return false;
    double *rest = as_new(size, sizeof *rest, err);
    if (!rest) return false;
    int info = LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'S', narrow(d), narrow(n), x, narrow(d), s, vt,
                              narrow(d), rest, narrow(r));
    free(rest);
    if (info == 0) return true;
    return as_fail(err, AS_ENUMERIC, "singular values did not converge (dgesdd info %d)", info);
}
