/* APOLLO-Mini (Zhu et al. 2024, arXiv:2412.05270, algorithm 1 with rank 1 and one factor for each
 * tensor), in the order of its released software. For a matrix with gradient G (rows, cols), in
 * step k = 1, 2, ...:
 *
 *   R = G P for rows >= cols, else P^T G: max(rows, cols) entries; P is a vector of standard normal
 *       numbers, drawn again every `period` steps from (seed, "apollo", tensor 2^32 + draw)
 *   m, v = moments of R as in Adam, not reset when P is drawn again
 *   s = |m / (sqrt(v) + eps)| / (|R| + 1e-8)
 *   s = min(s, 1.01 n / |G|), where n is the last |s G| above 0, if there was one: the limit on
 *       growth of Chen et al. 2024 (arXiv:2410.01623)
 *   p = p - lr decay p;  p = p - lr (sqrt(1 - beta2^k) / (1 - beta1^k)) sqrt(scale) s G
 *
 * So the corrections of bias multiply the rate and are not in s: the limit sees moments without
 * them. The released software adds 1e-8 to n too; a matrix whose first gradient is 0, as a LoRA
 * factor's is beside a zero one, would then stand still for a thousand steps, so here only steps
 * that move set the limit. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "engine/train/optimiser_internal.h"

enum { LANES = 8, COLUMNS = 64 };
static const double GROWTH = 1.01, NORM_FLOOR = 1e-8;

static bool is_right(const as_parameter *p)
{
    return p->rows >= p->cols;
}

static bool begin(as_optimiser *o, as_slot *s, as_error *err)
{
    const as_parameter *p = s->param;
    const size_t n_short = is_right(p) ? p->cols : p->rows;
    s->n_low = is_right(p) ? p->rows : p->cols;
    s->drawn = SIZE_MAX;
    s->m = as_state_push(o, s, "m", s->n_low, sizeof *s->m, err);
    if (!s->m) return false;
    s->v = as_state_push(o, s, "v", s->n_low, sizeof *s->v, err);
    if (!s->v) return false;
    s->norm = as_state_push(o, s, "norm", 1, sizeof *s->norm, err);
    if (!s->norm) return false;
    s->projector = as_arena_push(o->arena, n_short, sizeof *s->projector, err);
    if (!s->projector) return false;
    s->low = as_arena_push(o->arena, s->n_low, 3 * sizeof *s->low, err);
    if (!s->low) return false;
    s->new_m = s->low + s->n_low;
    s->new_v = s->new_m + s->n_low;
    return true;
}

/* ---- the projected gradient ---- */

/* Returns x . y; adds x . x to *square. Products are exact, sums in double lanes. */
static double products(const float *x, const float *y, size_t n, double *square)
{
    double dot[LANES] = {0}, own[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t l = 0; l < LANES; l++) {
            double g = x[i + l];
            dot[l] += g * (double)y[i + l];
            own[l] += g * g;
        }
    }
    for (size_t l = 0; i < n; i++, l++) {
        dot[l] += (double)x[i] * (double)y[i];
        own[l] += (double)x[i] * (double)x[i];
    }
    *square += as_tree_sum(own, LANES);
    return as_tree_sum(dot, LANES);
}

/* Entries [at, at + n) of P^T G, n <= COLUMNS: rows in order. Returns the sum of squares. */
static double project_columns(const as_slot *s, size_t at, size_t n)
{
    const as_parameter *p = s->param;
    double low[COLUMNS] = {0}, own[COLUMNS] = {0};
    for (size_t r = 0; r < p->rows; r++) {
        const float *g = p->grad + r * p->cols + at;
        const double by = s->projector[r];
        for (size_t c = 0; c < n; c++) {
            low[c] += by * (double)g[c];
            own[c] += (double)g[c] * (double)g[c];
        }
    }
    for (size_t c = 0; c < n; c++) s->low[at + c] = (float)low[c];
    return as_tree_sum(own, n);
}

static void project_piece(void *ctx, size_t task, size_t worker)
{
    (void)worker;
    as_optimiser *o = ctx;
    const as_piece *piece = &o->low_pieces[task];
    const as_slot *s = &o->slots[piece->slot];
    const size_t end = piece->at + piece->n, cols = s->param->cols;
    double square = 0.0;
    if (is_right(s->param)) {
        for (size_t r = piece->at; r < end; r++)
            s->low[r] = (float)products(s->param->grad + r * cols, s->projector, cols, &square);
    } else {
        for (size_t c = piece->at; c < end; c += COLUMNS)
            square += project_columns(s, c, end - c < COLUMNS ? end - c : COLUMNS);
    }
    o->squares[task] = square;
}

/* ---- one factor for each tensor ---- */

/* New moments of the projected gradient; returns |m / (sqrt(v) + eps)| / (|R| + 1e-8). */
static double factor(const as_optimiser *o, as_slot *s)
{
    const double of_m = 1.0 - o->options.beta1, of_v = 1.0 - o->options.beta2;
    double ratio[LANES] = {0}, own[LANES] = {0};
    for (size_t i = 0; i < s->n_low; i++) {
        const double r = s->low[i];
        s->new_m[i] = (float)(s->m[i] + of_m * (r - s->m[i]));
        s->new_v[i] = (float)(s->v[i] + of_v * (r * r - s->v[i]));
        double x = s->new_m[i] / (sqrt((double)s->new_v[i]) + o->options.eps);
        ratio[i % LANES] += isfinite(s->new_v[i]) ? x * x : NAN;
        own[i % LANES] += r * r;
    }
    return sqrt(as_tree_sum(ratio, LANES)) / (sqrt(as_tree_sum(own, LANES)) + NORM_FLOOR);
}

static void set_rate(void *ctx, size_t task, size_t worker)
{
    (void)worker;
    as_optimiser *o = ctx;
    as_slot *s = &o->slots[task];
    if (s->keeper != &as_keeper_apollo) return;
    double by = factor(o, s);
    double length = sqrt(as_tree_sum(o->squares + s->first_low, s->n_low_pieces));
    double most = GROWTH * *s->norm;
    if (*s->norm > 0.0 && by * length > most) by = most / length;
    s->new_norm = by * length > 0.0 ? by * length : *s->norm;
    s->rate = (float)(o->lr * o->correction * sqrt(o->options.scale) * by);
}

static void draw(void *ctx, size_t task, size_t worker)
{
    (void)worker;
    as_optimiser *o = ctx;
    as_slot *s = &o->slots[task];
    const size_t number = o->steps / o->options.period;
    if (s->keeper != &as_keeper_apollo || s->drawn == number) return;
    as_rng r = as_rng_at(o->options.seed, "apollo", (uint64_t)s->number << 32 | (uint32_t)number);
    const size_t n = is_right(s->param) ? s->param->cols : s->param->rows;
    for (size_t i = 0; i < n; i++) s->projector[i] = (float)as_rng_normal(&r);
    s->drawn = number;
}

void as_apollo_prepare(as_optimiser *o, const as_exec *ex)
{
    as_pool_run(ex->pool, o->n, draw, o);
    as_pool_run(ex->pool, o->n_low_pieces, project_piece, o);
    as_pool_run(ex->pool, o->n, set_rate, o);
}

/* ---- the keeper ---- */

/* The new values of one piece, in out. */
static void move(const as_optimiser *o, const as_exec *ex, const as_slot *s, const as_piece *p,
                 float *out)
{
    const float *g = s->param->grad + p->at;
    const float decay = o->adamw[s->param->decays].decay;
    if (decay > 0.0f) ex->kernels->axpy(out, out, -decay, p->n);
    ex->kernels->axpy(out, g, -s->rate, p->n);
}

static bool step(const as_optimiser *o, const as_exec *ex, as_slot *s, const as_piece *p,
                 size_t worker, bool is_trial)
{
    float *value = s->param->value + p->at;
    if (!is_trial) {
        move(o, ex, s, p, value);
        return true;
    }
    float *trial = as_exec_scratch(ex, worker);
    memcpy(trial, value, p->n * sizeof *trial);
    move(o, ex, s, p, trial);
    return ex->kernels->is_finite(trial, p->n);
}

const as_keeper as_keeper_apollo = {begin, step};

void as_apollo_commit(as_optimiser *o)
{
    for (size_t t = 0; t < o->n; t++) {
        as_slot *s = &o->slots[t];
        if (s->keeper != &as_keeper_apollo) continue;
        memcpy(s->m, s->new_m, s->n_low * sizeof *s->m);
        memcpy(s->v, s->new_v, s->n_low * sizeof *s->v);
        *s->norm = s->new_norm;
    }
}
