/* Is the strongest of many heads stronger than the strongest of as many heads that do nothing? With
 * n heads and two cohorts, the largest Cohen's d of pure noise is far from zero.
 *
 * Under the null every head's values are independent normals, alike in both cohorts, so each d is
 * t sqrt(1/n_a + 1/n_b) with t of Student's distribution on n_a + n_b - 2 degrees of freedom.
 * Correlated heads have a lower maximum than independent ones, so the p value is on the safe side
 * of a claim. */
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lab/audit/instrument_internal.h"
#include "lab/stats/distribution.h"
#include "lab/stats/resample.h"

#define TOP 10
#define MIN_DRAWS 10000

static const as_param params[] = {{"effect", AS_PARAM_COLUMN, NULL, "Cohen's d of each head", NULL},
                                  {"layer", AS_PARAM_COLUMN, "", "its layer", NULL},
                                  {"head", AS_PARAM_COLUMN, "", "its head", NULL},
                                  {"n_a", AS_PARAM_SIZE, NULL, "items in one cohort", NULL},
                                  {"n_b", AS_PARAM_SIZE, NULL, "items in the other", NULL},
                                  {"sided", AS_PARAM_CHOICE, "signed",
                                   "is the largest d sought or the largest |d|", "signed|absolute"},
                                  {"looked_at", AS_PARAM_SIZE, "",
                                   "how many heads were ranked, when only the first are known",
                                   NULL},
                                  AS_INSTRUMENT_PARAMS_END};

/* --- the null -------------------------------------------------------------------------------- */

typedef struct {
    size_t n_heads;
    double df, scale; /* d = t scale */
    bool absolute;
} noise;

/* Gamma(shape, 1), shape >= 1/2: Marsaglia & Tsang 2000, ACM Trans. Math. Software 26:363-372. */
static double draw_gamma(as_rng *rng, double shape)
{
    double boost = 1;
    if (shape < 1) {
        boost = pow(1 - as_rng_uniform(rng), 1 / shape);
        shape += 1;
    }
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = as_rng_normal(rng), v = 1 + c * x;
        if (v <= 0) continue;
        v = v * v * v;
        double u = 1 - as_rng_uniform(rng); /* (0, 1] */
        if (log(u) < 0.5 * x * x + d - d * v + d * log(v)) return boost * d * v;
    }
}

static void draw_maximum(void *ctx, as_rng *rng, size_t draw, size_t worker, double *row)
{
    const noise *z = ctx;
    double top = -INFINITY;
    (void)draw, (void)worker;
    for (size_t i = 0; i < z->n_heads; i++) {
        double chi2 = 2 * draw_gamma(rng, z->df / 2);
        double t = as_rng_normal(rng) / sqrt(chi2 / z->df);
        top = fmax(top, z->absolute ? fabs(t) : t);
    }
    row[0] = top * z->scale;
}

/* The q quantile of the maximum of n independent heads is the q^(1/n) quantile of one. */
static double exact_quantile(const noise *z, double q)
{
    double one = pow(q, 1 / (double)z->n_heads);
    return z->scale * as_t_quantile(z->absolute ? (1 + one) / 2 : one, z->df);
}

static double exact_p(const noise *z, double observed)
{
    double t = observed / z->scale;
    double tail = z->absolute ? as_t_two_sided(t, z->df) : as_t_cdf(-t, z->df);
    return -expm1((double)z->n_heads * log1p(-tail));
}

/* --- the observed heads ---------------------------------------------------------------------- */

typedef struct {
    double d, size; /* size: what is sought, d or |d| */
    size_t row;
} head;

static int by_size(const void *a, const void *b)
{
    const head *x = a, *y = b;
    if (x->size != y->size) return x->size < y->size ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

typedef struct {
    size_t n, n_half, n_four_tenths, n_positive;
    double mean;
    bool is_sorted;
} shape;

static head *heads_of(as_audit *a, const as_instrument_rows *rows, bool absolute, shape *out,
                      as_error *err)
{
    const as_column *effect = as_arg_column(a, "effect");
    head *h = as_arena_push(a->arena, rows->n + 1, sizeof *h, err);
    if (!h) return NULL;
    *out = (shape){.n = rows->n, .is_sorted = true};
    double sum = 0;
    for (size_t i = 0; i < rows->n; i++) {
        double d = effect->number[rows->row[i]];
        h[i] = (head){d, absolute ? fabs(d) : d, rows->row[i]};
        out->n_half += h[i].size >= 0.5;
        out->n_four_tenths += h[i].size >= 0.4;
        out->n_positive += d > 0;
        if (i > 0 && !(h[i].size < h[i - 1].size)) out->is_sorted = false;
        sum += d;
    }
    out->mean = rows->n ? sum / (double)rows->n : NAN;
    qsort(h, rows->n, sizeof *h, by_size);
    return h;
}

/* The value of an optional column at a row, null when it is not there. */
static json_t *place(const as_column *c, size_t row)
{
    if (!c) return json_null();
    if (c->kind == AS_COLUMN_TEXT) return c->text[row] ? json_string(c->text[row]) : json_null();
    return as_json_real(c->number[row]);
}

static bool emit_maximum(as_audit *a, const noise *z, const head *h, const shape *seen,
                         as_statistic *s, as_error *err)
{
    const as_column *layer = as_arg_column(a, "layer"), *number = as_arg_column(a, "head");
    json_t *detail = json_object(), *top = json_array(), *exact = json_object();
    for (size_t i = 0; i < seen->n && i < TOP; i++) {
        json_t *one = json_object();
        as_json_put(&one, "layer", place(layer, h[i].row));
        as_json_put(&one, "head", place(number, h[i].row));
        as_json_put_real(&one, "d", h[i].d);
        as_json_append(&top, one);
    }
    as_json_put(&detail, "layer", seen->n ? place(layer, h[0].row) : json_null());
    as_json_put(&detail, "head", seen->n ? place(number, h[0].row) : json_null());
    as_json_put(&detail, "top", top);
    as_json_put_size(&detail, "n_ge_0.5", seen->n_half);
    as_json_put_size(&detail, "n_ge_0.4", seen->n_four_tenths);
    as_json_put_size(&detail, "n_positive", seen->n_positive);
    as_json_put_real(&detail, "mean_d", seen->mean);
    as_json_put(&detail, "is_sorted", json_boolean(seen->is_sorted));
    as_json_put_real(&exact, "p", seen->n ? exact_p(z, s->estimate) : NAN);
    as_json_put_real(&exact, "q05", seen->n ? exact_quantile(z, 0.05) : NAN);
    as_json_put_real(&exact, "q50", seen->n ? exact_quantile(z, 0.5) : NAN);
    as_json_put_real(&exact, "q95", seen->n ? exact_quantile(z, 0.95) : NAN);
    as_json_put(&detail, "exact", exact);
    return as_emit_detail(a, s, detail, err);
}

/* --- the check ------------------------------------------------------------------------------- */

static bool fill_null(as_audit *a, const noise *z, as_statistic *s, as_error *err)
{
    static const double q[3] = {0.05, 0.5, 0.95};
    double at[3];
    bool ok = false;
    size_t draws = a->bootstrap > MIN_DRAWS ? a->bootstrap : MIN_DRAWS;
    const char *purpose = as_instrument_purpose(a, "maximum", err);
    double *values = purpose ? as_new(draws, sizeof *values, err) : NULL;
    if (!values) return false;
    noise copy = *z;
    as_resample how = {draws, a->seed, purpose, a->pool};
    as_null_draws(&how, 1, draw_maximum, &copy, values);
    s->p = as_null_p(values, draws, s->estimate, AS_TAIL_UPPER);
    if (!as_quantiles(values, draws, q, 3, at, err)) goto out;
    s->null_kind = "monte carlo";
    s->null_draws = draws;
    s->null_q05 = at[0];
    s->null_q50 = at[1];
    s->null_q95 = at[2];
    ok = true;
out:
    free(values);
    return ok;
}

static bool measure(as_audit *a, as_error *err)
{
    as_instrument_rows rows;
    shape seen;
    size_t n_a = as_arg_size(a, "n_a"), n_b = as_arg_size(a, "n_b");
    bool absolute = strcmp(as_arg_text(a, "sided"), "absolute") == 0;
    if (!as_instrument_rows_of(a, "effect", NULL, AS_COLUMN_NUMBER, &rows, err) ||
        !as_need_same_rows(a, "effect", "layer", err) ||
        !as_need_same_rows(a, "effect", "head", err))
        return false;
    for (size_t i = 0; i < 2; i++) {
        static const char *const name[2] = {"layer", "head"};
        const as_column *c = as_arg_column(a, name[i]);
        if (c && c->kind == AS_COLUMN_MATRIX)
            return as_audit_fail(a, name[i], err, "column (found vectors, expected names)");
    }
    if (n_a < 1 || n_b < 1 || n_a + n_b < 3)
        return as_audit_fail(a, "n_a", err,
                             "cohorts (found %zu and %zu, expected both at least 1 "
                             "and 3 together)",
                             n_a, n_b);
    size_t looked_at = as_arg_of(a, "looked_at")->given ? as_arg_size(a, "looked_at") : rows.n;
    if (looked_at < rows.n)
        return as_audit_fail(a, "looked_at", err,
                             "heads (found %zu, expected at least the %zu listed)", looked_at,
                             rows.n);
    noise z = {looked_at, (double)n_a + (double)n_b - 2, sqrt(1 / (double)n_a + 1 / (double)n_b),
               absolute};
    const head *h = heads_of(a, &rows, absolute, &seen, err);
    if (!h) return false;
    as_statistic *s = as_emit(a, "maximum", "",
                              absolute ? "largest |d| over heads; one-sided p from as many "
                                         "independent heads of noise [Maximum of many]"
                                       : "largest d over heads; one-sided p from as many "
                                         "independent heads of noise [Maximum of many]",
                              err);
    if (!s) return false;
    s->n = rows.n ? looked_at : 0;
    s->missing = rows.n_missing;
    s->estimate = rows.n ? h[0].size : NAN;
    if (rows.n > 0 && !fill_null(a, &z, s, err)) return false;
    return emit_maximum(a, &z, h, &seen, s, err);
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    const as_statistic *s = as_stat_need(a, "maximum", "", err);
    if (!s) return false;
    if (s->n == 0)
        return as_leaf_set(a, leaf, AS_UNKNOWN, "evidence missing", err, "no head has an effect");
    as_outcome outcome = s->p <= 0.01                 ? AS_HOLDS
                         : s->estimate <= s->null_q95 ? AS_FAILS
                                                      : AS_UNKNOWN;
    const char *cause = outcome == AS_HOLDS   ? ""
                        : outcome == AS_FAILS ? "maximum of noise"
                                              : "under-powered";
    char p[AS_P_TEXT_SIZE];
    bool absolute = strcmp(as_arg_text(a, "sided"), "absolute") == 0;
    return as_leaf_set(a, leaf, outcome, cause, err,
                       "the largest %s of %" PRIu64 " heads is %.3f; noise alone gives %.3f in the "
                       "median and %.3f to %.3f in nine of ten cases (%s)",
                       absolute ? "|d|" : "d", s->n, s->estimate, s->null_q50, s->null_q05,
                       s->null_q95, as_p_text(s->p, p));
}

const as_check as_check_attribution_null = {
    "attribution-null",
    "is the strongest of many heads stronger than the strongest of noise",
    "the best of hundreds of heads reported without a null",
    params,
    measure,
    decide};
