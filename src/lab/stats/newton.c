/* Newton's method for logistic regression, in the space of the rows or of the columns. */
#include "lab/stats/newton_internal.h"

#include <math.h>
#include <string.h>

#include "lab/stats/blas_internal.h"

#define MAX_STEPS 200

double as_softplus(double t)
{
    return fmax(t, 0) + log1p(exp(-fabs(t)));
}

/* --- one state of the iteration -------------------------------------------------------------- */

typedef struct {
    size_t n, m;
    bool by_rows;
    double c;
    const double *table; /* (n, m) */
    const uint8_t *y;
    double b, objective, gradient, g_b;
    double *u;              /* (m) */
    double *g;              /* (m) gradient along u: dF/dw . dw = g . du */
    double *r;              /* (n) by rows: a/C - (y - p); by columns: y - p */
    double *f, *root;       /* (n) table u; sqrt(p (1 - p)) */
    double *step, *f_step;  /* (m), (n) direction of u, and what it does to f */
    double *kept;           /* (m) */
    double *sides, *matrix; /* right-hand sides; the matrix to factor */
    double *scaled;         /* by columns: (n, m) root * X */
} newton;

size_t as_newton_work(size_t n, size_t m, bool by_rows)
{
    return 4 * n + 3 * m + (by_rows ? 2 * n + n * n : (m + 1) * (m + 2) + n * m);
}

size_t as_logistic_work(size_t n)
{
    return as_newton_work(n, n, true);
}

static void share_out(newton *s, double *work)
{
    double **by_n[] = {&s->r, &s->f, &s->root, &s->f_step}, **by_m[] = {&s->g, &s->step, &s->kept};
    for (size_t i = 0; i < 4; i++, work += s->n) *by_n[i] = work;
    for (size_t i = 0; i < 3; i++, work += s->m) *by_m[i] = work;
    s->sides = work;
    s->matrix = work + (s->by_rows ? 2 * s->n : s->m + 1);
    s->scaled = s->matrix + (s->m + 1) * (s->m + 1);
}

/* f = table u for any u: values at the rows. */
static void values(const newton *s, double *f, const double *u)
{
    if (s->by_rows)
        as_blas_symv(f, s->table, u, s->n);
    else
        as_blas_times(f, s->table, u, s->n, s->m);
}

/* F, its gradient and the curvature at (u, b). The residual y - p is formed without cancellation.
 */
static void evaluate(newton *s)
{
    double loss = 0, square;
    values(s, s->f, s->u);
    s->g_b = 0;
    for (size_t i = 0; i < s->n; i++) {
        double t = s->f[i] + s->b, e = exp(-fabs(t)), near = 1 / (1 + e), far = e * near;
        bool is_right = (t >= 0) == (s->y[i] != 0);
        double miss = is_right ? far : near; /* |y - p| */
        double residual = s->y[i] ? miss : -miss;
        loss += log1p(e) + (is_right ? 0 : fabs(t));
        s->root[i] = sqrt(near * far);
        s->r[i] = s->by_rows ? s->u[i] / s->c - residual : residual;
        s->g_b -= residual;
    }
    if (s->by_rows) {
        as_blas_symv(s->g, s->table, s->r, s->n);
        square = fmax(0, as_blas_dot(s->r, s->g, s->n));
    } else {
        as_blas_transposed(s->g, s->table, s->r, s->n, s->m);
        for (size_t j = 0; j < s->m; j++) s->g[j] = s->u[j] / s->c - s->g[j];
        square = as_blas_dot(s->g, s->g, s->m);
    }
    s->objective = loss + as_blas_dot(s->u, s->by_rows ? s->f : s->u, s->m) / (2 * s->c);
    s->gradient = sqrt(square + s->g_b * s->g_b);
    if (isnan(s->g[0] + s->objective)) s->gradient = NAN; /* fmax drops a NaN */
}

/* The Newton direction by rows: step (n) of a; returns that of b. With B = I + C S K S,
 * S = diag(root), z1 = B^-1 S K r and z2 = B^-1 S 1:
 *   da = C (C S z1 - r - db S z2),  and the equation for b gives
 *   db = (C 1.S z1 - g_b) / (1.S z2). */
static double direction_by_rows(newton *s)
{
    size_t n = s->n;
    double *z1 = s->sides, *z2 = s->sides + n;
    for (size_t i = 0; i < n; i++) {
        double scale = s->c * s->root[i];
        for (size_t j = 0; j <= i; j++)
            s->matrix[i * n + j] = scale * s->root[j] * s->table[i * n + j];
        s->matrix[i * n + i] += 1;
        z1[i] = s->root[i] * s->g[i];
        z2[i] = s->root[i];
    }
    if (!as_blas_solve(s->matrix, s->sides, n, 2)) return NAN;
    double db = (s->c * as_blas_dot(s->root, z1, n) - s->g_b) / as_blas_dot(s->root, z2, n);
    for (size_t i = 0; i < n; i++)
        s->step[i] = s->c * (s->root[i] * (s->c * z1[i] - db * z2[i]) - s->r[i]);
    return db;
}

/* The same by columns, from the Hessian of (w, b): [I/C + X^T V X, X^T v; v^T X, 1.v], v = root^2.
 */
static double direction_by_columns(newton *s)
{
    size_t m = s->m, side = m + 1;
    double *last = s->matrix + m * side;
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = 0; j < m; j++) s->scaled[i * m + j] = s->root[i] * s->table[i * m + j];
    as_blas_gram_columns(s->matrix, side, s->scaled, s->n, m);
    as_blas_transposed(last, s->scaled, s->root, s->n, m);
    last[m] = as_blas_dot(s->root, s->root, s->n);
    for (size_t j = 0; j < m; j++) {
        s->matrix[j * side + j] += 1 / s->c;
        s->sides[j] = -s->g[j];
    }
    s->sides[m] = -s->g_b;
    if (!as_blas_solve(s->matrix, s->sides, side, 1)) return NAN;
    memcpy(s->step, s->sides, m * sizeof *s->step);
    return s->sides[m];
}

/* --- the descent ----------------------------------------------------------------------------- */

/* F at (u + t step, b + t db), from the products already known. */
static double objective_at(const newton *s, double db, double t)
{
    double loss = 0, norm = 0;
    for (size_t i = 0; i < s->n; i++) {
        double f = s->f[i] + t * s->f_step[i], margin = f + s->b + t * db;
        if (s->by_rows) norm += (s->u[i] + t * s->step[i]) * f;
        loss += as_softplus(s->y[i] ? -margin : margin);
    }
    for (size_t j = 0; j < s->m && !s->by_rows; j++) {
        double w = s->u[j] + t * s->step[j];
        norm += w * w;
    }
    return loss + norm / (2 * s->c);
}

/* The largest of 1, 1/2, 1/4, .. for which F falls by 1e-4 of what the slope promises, rounding
 * aside; 0 when none does. */
static double damping(newton *s, double db)
{
    values(s, s->f_step, s->step);
    double slope = as_blas_dot(s->g, s->step, s->m) + s->g_b * db;
    double noise = 1e-14 * (double)s->n * fmax(1, fabs(s->objective));
    for (double t = 1; t > 1e-12; t /= 2)
        if (objective_at(s, db, t) <= s->objective + 1e-4 * t * slope + noise) return t;
    return 0;
}

/* Steps until the gradient is at the goal or no longer falls near the bottom; returns the steps. */
static size_t descend(newton *s, double start)
{
    size_t n_iter = 0;
    while (n_iter < MAX_STEPS && s->gradient > AS_LOGISTIC_GOAL) {
        double db = s->by_rows ? direction_by_rows(s) : direction_by_columns(s);
        double t = isnan(db) ? 0 : damping(s, db);
        if (!(t > 0)) break;
        double before = s->gradient, b = s->b;
        memcpy(s->kept, s->u, s->m * sizeof *s->u);
        for (size_t j = 0; j < s->m; j++) s->u[j] += t * s->step[j];
        s->b += t * db;
        evaluate(s);
        n_iter++;
        if (s->gradient < 0.5 * before || before > 1e-8 * fmax(1, start) || t < 1) continue;
        if (!(s->gradient < before)) { /* rounding is all that is left */
            memcpy(s->u, s->kept, s->m * sizeof *s->u);
            s->b = b;
            evaluate(s);
        }
        break;
    }
    return n_iter;
}

static bool check_fit(const uint8_t *y, size_t n, size_t m, double c, as_error *err)
{
    size_t n_pos = 0;
    if (!(c > 0) || !isfinite(c))
        return as_fail(err, AS_EUSAGE, "C (found %g, expected above 0)", c);
    if (m > AS_LOGISTIC_MAX)
        return as_fail(err, AS_ELIMIT, "unknowns to fit (found %zu, expected at most %d)", m,
                       AS_LOGISTIC_MAX);
    for (size_t i = 0; i < n; i++) {
        if (y[i] > 1)
            return as_fail(err, AS_EFORMAT, "label of row %zu (found %u, expected 0 or 1)", i,
                           (unsigned)y[i]);
        n_pos += y[i];
    }
    if (n_pos == 0 || n_pos == n)
        return as_fail(err, AS_ENUMERIC, "labels are all the same (%zu rows, %zu positive)", n,
                       n_pos);
    if (!m) return as_fail(err, AS_EUSAGE, "columns to fit (found none)");
    return true;
}

bool as_newton_fit(as_logistic *out, double *u, const double *table, const uint8_t *y, size_t n,
                   size_t m, bool by_rows, double c, double *work, as_error *err)
{
    *out = (as_logistic){NAN, NAN, NAN, NAN, 0, false};
    as_blas_check();
    if (!check_fit(y, n, m, c, err)) return false;
    newton s = {.n = n, .m = m, .by_rows = by_rows, .c = c, .table = table, .y = y, .u = u};
    share_out(&s, work);
    size_t n_pos = 0;
    for (size_t i = 0; i < n; i++) n_pos += y[i];
    for (size_t j = 0; j < m; j++) u[j] = 0;
    s.b = log((double)n_pos / (double)(n - n_pos));
    evaluate(&s);
    double start = s.gradient;
    size_t n_iter = descend(&s, start);
    if (!isfinite(s.gradient) || !isfinite(s.objective))
        return as_fail(err, AS_ENUMERIC, "the fit left the finite numbers after %zu steps", n_iter);
    *out = (as_logistic){.b = s.b,
                         .w_norm = sqrt(fmax(0, as_blas_dot(u, by_rows ? s.f : u, m))),
                         .objective = s.objective,
                         .gradient = s.gradient,
                         .n_iter = n_iter,
                         .is_converged = s.gradient <= AS_LOGISTIC_GOAL * fmax(1, start)};
    return true;
}
