/* An optimiser that can be stopped early, to show what an unconverged fit reports. Results never
 * come from here when the converged fit of logistic.c will do. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "lab/stats/blas_internal.h"
#include "lab/stats/logistic.h"

#define MEMORY 10
#define MAX_TRIALS 20

typedef struct {
    const double *x; /* (n, d) */
    const uint8_t *y;
    size_t n, d;
    double c;
    double *residual; /* (n) scratch */
} problem;

/* F and its gradient g (d + 1) at u = (w, b). */
static double loss(const problem *q, const double *u, double *g)
{
    double b = u[q->d], sum = as_blas_dot(u, u, q->d) / (2 * q->c), g_b = 0;
    as_blas_times(q->residual, q->x, u, q->n, q->d);
    for (size_t i = 0; i < q->n; i++) {
        double margin = q->y[i] ? q->residual[i] + b : -(q->residual[i] + b);
        double miss = as_sigmoid(-margin);
        sum += fmax(-margin, 0) + log1p(exp(-fabs(margin)));
        q->residual[i] = q->y[i] ? miss : -miss;
        g_b -= q->residual[i];
    }
    as_blas_transposed(g, q->x, q->residual, q->n, q->d);
    for (size_t j = 0; j < q->d; j++) g[j] = u[j] / q->c - g[j];
    g[q->d] = g_b;
    return sum;
}

static double largest(const double *g, size_t m)
{
    double most = 0;
    for (size_t j = 0; j < m; j++) most = fmax(most, fabs(g[j]));
    return most;
}

/* --- More & Thuente 1994, section 4: the next trial --------------------------------------------
 */

typedef struct {
    double t, f, g; /* place, value, slope */
} sample;

typedef struct {
    sample x, y; /* the best so far, and the other end */
    bool is_bracket;
    double low, high; /* where the next trial must lie */
} bracket;

/* Minimiser of the cubic through a and b, as a multiple of (b - a) counted from `from` = b.
 * `floor0` keeps the root's argument from falling below 0, for cubics that need not have a
 * minimiser. */
static double cubic(sample from, sample to, bool floor0, double *gamma)
{
    double theta = 3 * (to.f - from.f) / (from.t - to.t) + to.g + from.g;
    double s = fmax(fabs(theta), fmax(fabs(to.g), fabs(from.g)));
    double square = (theta / s) * (theta / s) - (to.g / s) * (from.g / s);
    *gamma = s * sqrt(floor0 ? fmax(0, square) : square);
    return theta;
}

/* Higher value: the minimum is bracketed. */
static double trial_higher(sample x, sample s)
{
    double gamma, theta = cubic(s, x, false, &gamma);
    if (s.t < x.t) gamma = -gamma;
    double r = (gamma - x.g + theta) / (gamma - x.g + gamma + s.g);
    double by_cubic = x.t + r * (s.t - x.t);
    double by_square = x.t + x.g / ((x.f - s.f) / (s.t - x.t) + x.g) / 2 * (s.t - x.t);
    if (fabs(by_cubic - x.t) < fabs(by_square - x.t)) return by_cubic;
    return by_cubic + (by_square - by_cubic) / 2;
}

/* Lower value, slope of the other sign: bracketed. */
static double trial_turned(sample x, sample s)
{
    double gamma, theta = cubic(s, x, false, &gamma);
    if (s.t > x.t) gamma = -gamma;
    double r = (gamma - s.g + theta) / (gamma - s.g + gamma + x.g);
    double by_cubic = s.t + r * (x.t - s.t);
    double by_secant = s.t + s.g / (s.g - x.g) * (x.t - s.t);
    return fabs(by_cubic - s.t) > fabs(by_secant - s.t) ? by_cubic : by_secant;
}

/* Lower value, same sign of a slope that shrinks. */
static double trial_flatter(const bracket *b, sample s)
{
    sample x = b->x;
    double gamma, theta = cubic(s, x, true, &gamma);
    if (s.t > x.t) gamma = -gamma;
    double r = (gamma - s.g + theta) / (gamma + (x.g - s.g) + gamma);
    double by_cubic = s.t > x.t ? b->high : b->low;
    if (r < 0 && gamma != 0) by_cubic = s.t + r * (x.t - s.t);
    double by_secant = s.t + s.g / (s.g - x.g) * (x.t - s.t);
    bool nearer = fabs(by_cubic - s.t) < fabs(by_secant - s.t);
    if (!b->is_bracket) return fmin(b->high, fmax(b->low, nearer ? by_secant : by_cubic));
    double t = nearer ? by_cubic : by_secant, limit = s.t + 0.66 * (b->y.t - s.t);
    return s.t > x.t ? fmin(limit, t) : fmax(limit, t);
}

/* Lower value, slope of the same sign and no smaller. */
static double trial_steeper(const bracket *b, sample s)
{
    if (!b->is_bracket) return s.t > b->x.t ? b->high : b->low;
    double gamma, theta = cubic(s, b->y, false, &gamma);
    if (s.t > b->y.t) gamma = -gamma;
    double r = (gamma - s.g + theta) / (gamma - s.g + gamma + b->y.g);
    return s.t + r * (b->y.t - s.t);
}

/* Takes sample s in and returns the next place to try. */
static double bracket_next(bracket *b, sample s)
{
    double next, sign = s.g * (b->x.g / fabs(b->x.g));
    if (s.f > b->x.f) {
        next = trial_higher(b->x, s);
        b->is_bracket = true;
    } else if (sign < 0) {
        next = trial_turned(b->x, s);
        b->is_bracket = true;
    } else if (fabs(s.g) < fabs(b->x.g)) {
        next = trial_flatter(b, s);
    } else {
        next = trial_steeper(b, s);
    }
    if (s.f > b->x.f) {
        b->y = s;
    } else {
        if (sign < 0) b->y = b->x;
        b->x = s;
    }
    return next;
}

/* --- the search along a direction --------------------------------------------------------------
 */

typedef struct {
    const problem *q;
    const double *from, *along; /* (d + 1) */
    double *u, *g;              /* (d + 1) the trial and its gradient */
} line;

static sample try_at(const line *l, double t)
{
    size_t m = l->q->d + 1;
    for (size_t j = 0; j < m; j++) l->u[j] = l->from[j] + t * l->along[j];
    double f = loss(l->q, l->u, l->g);
    return (sample){t, f, as_blas_dot(l->g, l->along, m)};
}

/* Shrinks a bracket that got stuck, and sets the limits of the next trial. */
static double bracket_limit(bracket *b, double t, double width[2])
{
    if (b->is_bracket) {
        if (fabs(b->y.t - b->x.t) >= 0.66 * width[1]) t = b->x.t + 0.5 * (b->y.t - b->x.t);
        width[1] = width[0];
        width[0] = fabs(b->y.t - b->x.t);
        b->low = fmin(b->x.t, b->y.t);
        b->high = fmax(b->x.t, b->y.t);
    } else {
        b->low = t + 1.1 * (t - b->x.t);
        b->high = t + 4 * (t - b->x.t);
    }
    t = fmin(1e10, fmax(0, t));
    bool is_stuck = t <= b->low || t >= b->high || b->high - b->low <= 0.1 * b->high;
    return b->is_bracket && is_stuck ? b->x.t : t;
}

/* A step with F(t) <= F(0) + 1e-3 t F'(0) and |F'(t)| <= 0.9 |F'(0)|; l->u and l->g hold it.
 * False when MAX_TRIALS do not find one. *f is F there. */
static bool search(const line *l, sample zero, double t, double *f)
{
    bracket b = {.x = zero, .y = zero, .low = 0, .high = 5 * t};
    double width[2] = {1e10, 2e10}, promised = 1e-3 * zero.g;
    bool is_first_stage = true;
    for (int i = 0; i < MAX_TRIALS; i++) {
        sample s = try_at(l, t);
        double allowed = zero.f + t * promised;
        *f = s.f;
        if (s.f <= allowed && fabs(s.g) <= -0.9 * zero.g) return true;
        if (is_first_stage && s.f <= allowed && s.g >= 0) is_first_stage = false;
        if (is_first_stage && s.f <= b.x.f && s.f > allowed) { /* work on F(t) - t promised */
            s.f -= s.t * promised, s.g -= promised;
            b.x.f -= b.x.t * promised, b.x.g -= promised;
            b.y.f -= b.y.t * promised, b.y.g -= promised;
            t = bracket_next(&b, s);
            b.x.f += b.x.t * promised, b.x.g += promised;
            b.y.f += b.y.t * promised, b.y.g += promised;
        } else {
            t = bracket_next(&b, s);
        }
        t = bracket_limit(&b, t, width);
        if (!isfinite(t)) return false;
    }
    return false;
}

/* --- limited memory ----------------------------------------------------------------------------
 */

typedef struct {
    size_t m, count; /* length of a vector; pairs ever stored */
    double *s, *v;   /* (MEMORY, m) steps and gradient changes, in a ring */
    double rho[MEMORY];
    double scale; /* s.v / v.v of the last pair */
} history;

/* along = -H g by the two-loop recursion (Nocedal 1980). */
static void history_direction(const history *h, const double *g, double *along)
{
    double alpha[MEMORY];
    size_t kept = h->count < MEMORY ? h->count : MEMORY;
    for (size_t j = 0; j < h->m; j++) along[j] = -g[j];
    for (size_t i = 0; i < kept; i++) {
        size_t at = (h->count - 1 - i) % MEMORY;
        alpha[at] = h->rho[at] * as_blas_dot(h->s + at * h->m, along, h->m);
        for (size_t j = 0; j < h->m; j++) along[j] -= alpha[at] * h->v[at * h->m + j];
    }
    for (size_t j = 0; j < h->m; j++) along[j] *= h->scale;
    for (size_t i = kept; i-- > 0;) {
        size_t at = (h->count - 1 - i) % MEMORY;
        double beta = h->rho[at] * as_blas_dot(h->v + at * h->m, along, h->m);
        for (size_t j = 0; j < h->m; j++) along[j] += (alpha[at] - beta) * h->s[at * h->m + j];
    }
}

static void history_add(history *h, const double *u0, const double *g0, const double *u1,
                        const double *g1)
{
    size_t at = h->count % MEMORY;
    double *s = h->s + at * h->m, *v = h->v + at * h->m;
    for (size_t j = 0; j < h->m; j++) {
        s[j] = u1[j] - u0[j];
        v[j] = g1[j] - g0[j];
    }
    double product = as_blas_dot(s, v, h->m), square = as_blas_dot(v, v, h->m);
    if (!(product > 2.2e-16 * square)) return; /* no curvature to learn from */
    h->rho[at] = 1 / product;
    h->scale = product / square;
    h->count++;
}

/* From u = 0; vectors: u, g, u_new, g_new, along, each m long, then the history. */
static bool minimise(as_logistic *out, const problem *q, double *room, double tol, size_t max_iter,
                     as_error *err)
{
    size_t m = q->d + 1;
    double *u = room, *g = u + m, *u_new = g + m, *g_new = u_new + m, *along = g_new + m;
    history h = {.m = m, .s = along + m, .v = along + m + MEMORY * m, .scale = 1};
    double f = loss(q, u, g);
    while (largest(g, m) > tol && out->n_iter < max_iter) {
        history_direction(&h, g, along);
        sample zero = {0, f, as_blas_dot(g, along, m)};
        double first = h.count ? 1 : 1 / sqrt(as_blas_dot(along, along, m));
        line l = {q, u, along, u_new, g_new};
        if (!(zero.g < 0) || !search(&l, zero, first, &f)) {
            if (!h.count || !isfinite(f)) break;
            h.count = 0, h.scale = 1; /* forget, and go down the gradient once more */
            f = zero.f;
            out->n_iter++;
            continue;
        }
        history_add(&h, u, g, u_new, g_new);
        memcpy(u, u_new, m * sizeof *u);
        memcpy(g, g_new, m * sizeof *g);
        out->n_iter++;
    }
    f = loss(q, u, g);
    if (!isfinite(f)) return as_fail(err, AS_ENUMERIC, "the fit left the finite numbers");
    out->b = u[q->d];
    out->w_norm = sqrt(as_blas_dot(u, u, q->d));
    out->objective = f;
    out->gradient = sqrt(as_blas_dot(g, g, m));
    out->is_converged = largest(g, m) <= tol;
    return true;
}

bool as_logistic_lbfgs(as_logistic *out, double *w, const double *x, const uint8_t *y, size_t n,
                       size_t d, double c, double tol, size_t max_iter, as_error *err)
{
    bool ok = false;
    size_t n_pos = 0, size;
    *out = (as_logistic){.b = NAN};
    as_blas_check();
    if (!d) return as_fail(err, AS_EUSAGE, "columns to fit (found none)");
    if (!(c > 0) || !isfinite(c) || !(tol >= 0))
        return as_fail(err, AS_EUSAGE, "C and tolerance (found %g, %g)", c, tol);
    for (size_t i = 0; i < n; i++) {
        if (y[i] > 1) return as_fail(err, AS_EFORMAT, "label of row %zu is not 0 or 1", i);
        n_pos += y[i];
    }
    if (n_pos == 0 || n_pos == n) return as_fail(err, AS_ENUMERIC, "labels are all the same");
    if (!as_size_mul(d + 1, 5 + 2 * MEMORY, &size, err)) return false;
    double *room = as_new(size, sizeof *room, err);
    problem q = {x, y, n, d, c, as_new(n, sizeof *q.residual, err)};
    if (!room || !q.residual) goto out;
    if (!minimise(out, &q, room, tol, max_iter, err)) goto out;
    memcpy(w, room, d * sizeof *w);
    ok = true;
out:
    free(room);
    free(q.residual);
    return ok;
}
