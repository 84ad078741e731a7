/* lab/stats: intervals, tests, resampling, multiplicity, equivalence, power and agreement, against
 * tests/golden/stats_tests.json and by properties. */
#include <float.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/json.h"
#include "check.h"
#include "lab/stats/agreement.h"
#include "lab/stats/distribution.h"
#include "lab/stats/equivalence.h"
#include "lab/stats/interval.h"
#include "lab/stats/multiple.h"
#include "lab/stats/paired.h"
#include "lab/stats/power.h"
#include "lab/stats/resample.h"

#define GOLDEN "tests/golden/stats_tests.json"
#define MOST 160

/* --- fixtures -----------------------------------------------------------------------------------
 */

/* One case: scalar arguments, two arrays, and the counts that x holds. */
typedef struct {
    double a[8], x[MOST], y[MOST];
    size_t k[8], table[MOST];
    size_t n_a, n_x, n_y;
    as_error err;
} given;

static const as_resample alone = {.draws = 500, .seed = 7, .purpose = "stats-tests"};

static size_t put_interval(double *out, as_interval i)
{
    out[0] = i.lo, out[1] = i.hi;
    return 2;
}

static size_t put_estimate(double *out, as_estimate e)
{
    double all[] = {e.estimate, e.se, e.statistic, e.df, e.p, e.interval.lo, e.interval.hi};
    memcpy(out, all, sizeof all);
    return 7;
}

static size_t put_equivalence(double *out, as_equivalence e)
{
    double all[] = {e.p_lo, e.p_hi, e.p, e.interval.lo, e.interval.hi, e.is_equivalent};
    memcpy(out, all, sizeof all);
    return 6;
}

static size_t on_normal(given *c, double *out)
{
    out[0] = as_normal_cdf(c->a[0]), out[1] = as_normal_upper(c->a[0]);
    return 2;
}
static size_t on_normal_quantile(given *c, double *out)
{
    out[0] = as_normal_quantile(c->a[0]);
    return 1;
}
static size_t on_t(given *c, double *out)
{
    out[0] = as_t_cdf(c->a[0], c->a[1]), out[1] = as_t_two_sided(c->a[0], c->a[1]);
    return 2;
}
static size_t on_t_quantile(given *c, double *out)
{
    out[0] = as_t_quantile(c->a[0], c->a[1]);
    return 1;
}
static size_t on_chi2(given *c, double *out)
{
    out[0] = as_chi2_cdf(c->a[0], c->a[1]), out[1] = as_chi2_upper(c->a[0], c->a[1]);
    return 2;
}
static size_t on_chi2_quantile(given *c, double *out)
{
    out[0] = as_chi2_quantile(c->a[0], c->a[1]);
    return 1;
}
static size_t on_f(given *c, double *out)
{
    out[0] = as_f_cdf(c->a[0], c->a[1], c->a[2]), out[1] = as_f_upper(c->a[0], c->a[1], c->a[2]);
    return 2;
}
static size_t on_f_quantile(given *c, double *out)
{
    out[0] = as_f_quantile(c->a[0], c->a[1], c->a[2]);
    return 1;
}
static size_t on_beta_inc(given *c, double *out)
{
    out[0] = as_beta_inc(c->a[0], c->a[1], c->a[2]);
    return 1;
}
static size_t on_beta_quantile(given *c, double *out)
{
    out[0] = as_beta_quantile(c->a[0], c->a[1], c->a[2]);
    return 1;
}
static size_t on_gamma_inc(given *c, double *out)
{
    out[0] = as_gamma_inc(c->a[0], c->a[1]), out[1] = as_gamma_inc_upper(c->a[0], c->a[1]);
    return 2;
}
static size_t on_binomial(given *c, double *out)
{
    out[0] = as_binomial_pmf(c->k[0], c->k[1], c->a[2]);
    out[1] = as_binomial_cdf(c->k[0], c->k[1], c->a[2]);
    out[2] = as_binomial_upper(c->k[0], c->k[1], c->a[2]);
    return 3;
}
static size_t on_hypergeometric(given *c, double *out)
{
    out[0] = as_hypergeometric_pmf(c->k[0], c->k[1], c->k[2], c->k[3]);
    out[1] = as_hypergeometric_cdf(c->k[0], c->k[1], c->k[2], c->k[3]);
    out[2] = as_hypergeometric_upper(c->k[0], c->k[1], c->k[2], c->k[3]);
    return 3;
}
static size_t on_wilson(given *c, double *out)
{
    return put_interval(out, as_wilson(c->k[0], c->k[1], c->a[2]));
}
static size_t on_clopper_pearson(given *c, double *out)
{
    return put_interval(out, as_clopper_pearson(c->k[0], c->k[1], c->a[2]));
}
static size_t on_newcombe_difference(given *c, double *out)
{
    const size_t *k = c->k;
    return put_interval(out, as_newcombe_difference(k[0], k[1], k[2], k[3], c->a[4]));
}
static size_t on_newcombe_paired(given *c, double *out)
{
    const size_t *k = c->k;
    return put_interval(out, as_newcombe_paired(k[0], k[1], k[2], k[3], c->a[4]));
}
static size_t on_mcnemar(given *c, double *out)
{
    out[0] = as_mcnemar_exact(c->k[0], c->k[1]);
    return 1;
}
static size_t on_fisher(given *c, double *out)
{
    out[0] = as_fisher_exact(c->k[0], c->k[1], c->k[2], c->k[3]);
    return 1;
}
static size_t on_two_proportions(given *c, double *out)
{
    as_estimate e = as_two_proportions(c->k[0], c->k[1], c->k[2], c->k[3], c->a[4]);
    double all[] = {e.estimate, e.se, e.statistic, e.p, e.interval.lo, e.interval.hi};
    memcpy(out, all, sizeof all);
    return 6;
}
static size_t on_contingency(given *c, double *out)
{
    as_chi_square x = as_contingency(c->table, c->k[0], c->k[1]);
    double all[] = {x.statistic, x.df, x.p, x.min_expected, x.cramers_v};
    memcpy(out, all, sizeof all);
    return 5;
}
static size_t on_paired_mean(given *c, double *out)
{
    return put_estimate(out, as_paired_mean(c->x, c->y, c->n_x, c->a[0]));
}
static size_t on_cohens_d(given *c, double *out)
{
    out[0] = as_cohens_d(c->x, c->n_x, c->y, c->n_y);
    return 1;
}
static size_t on_pearson(given *c, double *out)
{
    return put_estimate(out, as_pearson(c->x, c->y, c->n_x, c->a[0]));
}
static size_t on_spearman(given *c, double *out)
{
    as_estimate e;
    if (!as_spearman(c->x, c->y, c->n_x, c->a[0], &e, &c->err)) return 0;
    return put_estimate(out, e);
}
static size_t put_permutation(double *out, as_permutation p)
{
    out[0] = p.estimate, out[1] = p.p, out[2] = (double)p.draws;
    return p.is_exact ? 3 : 0;
}
static size_t on_sign_flip(given *c, double *out)
{
    as_permutation p;
    if (!as_sign_flip(&alone, c->x, NULL, c->n_x, &p, &c->err)) return 0;
    return put_permutation(out, p);
}
static size_t on_permute_means(given *c, double *out)
{
    as_permutation p;
    if (!as_permute_means(&alone, c->x, c->n_x, c->y, c->n_y, &p, &c->err)) return 0;
    return put_permutation(out, p);
}
static size_t on_bootstrap_summary(given *c, double *out)
{
    as_bootstrap b = as_bootstrap_summary(c->x, c->n_x, c->y, c->n_y, c->a[0], c->a[1]);
    put_interval(out, b.bca);
    put_interval(out + 2, b.percentile);
    out[4] = b.se, out[5] = b.bias;
    return 6;
}
static size_t on_quantiles(given *c, double *out)
{
    return as_quantiles(c->x, c->n_x, c->a, c->n_a, out, &c->err) ? c->n_a : 0;
}
static size_t on_mid_ranks(given *c, double *out)
{
    return as_mid_ranks(out, c->x, c->n_x, &c->err) ? c->n_x : 0;
}
static size_t on_holm(given *c, double *out)
{
    return as_holm(out, c->x, c->n_x, &c->err) ? c->n_x : 0;
}
static size_t on_benjamini_hochberg(given *c, double *out)
{
    return as_benjamini_hochberg(out, c->x, c->n_x, &c->err) ? c->n_x : 0;
}
static size_t on_max_t(given *c, double *out)
{
    as_max_t(out, c->y, c->x, c->k[0], c->k[1], (as_tail)c->k[2]);
    return c->k[1];
}
static size_t on_null_p(given *c, double *out)
{
    out[0] = as_null_p(c->x, c->n_x, c->a[1], (as_tail)c->k[0]);
    return 1;
}
static size_t on_tost_paired(given *c, double *out)
{
    return put_equivalence(out, as_tost_paired(c->x, c->y, c->n_x, c->a[0], c->a[1]));
}
static size_t on_tost_proportions(given *c, double *out)
{
    const size_t *k = c->k;
    return put_equivalence(out, as_tost_proportions(k[0], k[1], k[2], k[3], c->a[4], c->a[5]));
}
static size_t on_power_proportions(given *c, double *out)
{
    out[0] = as_power_proportions(c->a[0], c->k[1], c->a[2], c->k[3], c->a[4], (int)c->a[5],
                                  c->a[6] != 0);
    return 1;
}
static size_t on_power_auc(given *c, double *out)
{
    out[0] = as_power_auc(c->a[0], c->a[1], c->k[2], c->k[3], c->a[4], (int)c->a[5]);
    return 1;
}
static size_t on_power_paired(given *c, double *out)
{
    out[0] = as_power_paired(c->a[0], c->a[1], c->k[2], c->a[3], (int)c->a[4],
                             (as_paired_method)c->k[5]);
    return 1;
}
static size_t on_kappa(given *c, double *out)
{
    as_kappa k = as_cohens_kappa(c->table, c->k[0], (as_kappa_weights)c->k[1], c->a[2]);
    double all[] = {k.kappa, k.se, k.se0, k.interval.lo, k.interval.hi, k.p};
    memcpy(out, all, sizeof all);
    return 6;
}
static size_t on_icc(given *c, double *out)
{
    as_icc_result r = as_icc(c->x, c->k[0], c->k[1], (as_icc_kind)c->k[2], c->a[3]);
    double all[] = {r.icc, r.f, r.df1, r.df2, r.p, r.interval.lo, r.interval.hi};
    memcpy(out, all, sizeof all);
    return 7;
}
static size_t on_entropy(given *c, double *out)
{
    out[0] = as_entropy_bits(c->table, c->n_x);
    return 1;
}

/* |found - expected| <= tol max(|expected|, floor). floor 0: relative down to the smallest numbers,
 * for what is computed without subtraction. floor 1: results that are differences of numbers
 * near 1. */
typedef struct {
    const char *name;
    size_t (*call)(given *c, double *out);
    double tol, floor;
} row;

static const row rows[] = {
    {"normal", on_normal, 1e-13, 0},
    {"normal_quantile", on_normal_quantile, 2e-15, 0},
    {"t", on_t, 1e-12, 0},
    {"t_quantile", on_t_quantile, 1e-12, 0},
    {"chi2", on_chi2, 1e-12, 0},
    {"chi2_quantile", on_chi2_quantile, 1e-12, 0},
    {"f", on_f, 1e-12, 0},
    {"f_quantile", on_f_quantile, 1e-12, 0},
    {"beta_inc", on_beta_inc, 1e-12, 0},
    {"beta_quantile", on_beta_quantile, 1e-12, 0},
    {"gamma_inc", on_gamma_inc, 1e-12, 0},
    {"binomial", on_binomial, 1e-13, 0},
    {"hypergeometric", on_hypergeometric, 1e-12, 0},
    {"wilson", on_wilson, 1e-13, 0},
    {"clopper_pearson", on_clopper_pearson, 1e-13, 0},
    {"newcombe_difference", on_newcombe_difference, 1e-13, 1},
    {"newcombe_paired", on_newcombe_paired, 1e-13, 1},
    {"mcnemar", on_mcnemar, 1e-13, 0},
    {"fisher", on_fisher, 1e-12, 0},
    {"two_proportions", on_two_proportions, 1e-12, 1e-2},
    {"contingency", on_contingency, 1e-12, 0},
    {"paired_mean", on_paired_mean, 1e-12, 1e-2},
    {"cohens_d", on_cohens_d, 1e-12, 1e-2},
    {"pearson", on_pearson, 1e-12, 1e-2},
    {"spearman", on_spearman, 1e-12, 1e-2},
    {"sign_flip", on_sign_flip, 1e-13, 1e-2},
    {"permute_means", on_permute_means, 1e-13, 1e-2},
    {"bootstrap_summary", on_bootstrap_summary, 1e-12, 1e-2},
    {"quantiles", on_quantiles, 1e-14, 1e-2},
    {"mid_ranks", on_mid_ranks, 0, 0},
    {"holm", on_holm, 1e-14, 0},
    {"benjamini_hochberg", on_benjamini_hochberg, 1e-14, 0},
    {"max_t", on_max_t, 1e-15, 0},
    {"null_p", on_null_p, 1e-15, 0},
    {"tost_paired", on_tost_paired, 1e-12, 1e-2},
    {"tost_proportions", on_tost_proportions, 1e-12, 1e-2},
    {"power_proportions", on_power_proportions, 1e-12, 1e-2},
    {"power_auc", on_power_auc, 1e-12, 1e-2},
    {"power_paired", on_power_paired, 1e-12, 1e-2},
    {"kappa", on_kappa, 1e-12, 1e-2},
    {"icc", on_icc, 1e-12, 1e-2},
    {"entropy", on_entropy, 1e-14, 0},
};
#define N_ROWS (sizeof rows / sizeof rows[0])

static double read_number(const json_t *v)
{
    if (json_is_number(v)) return json_number_value(v);
    if (json_is_string(v)) return json_string_value(v)[0] == '-' ? -INFINITY : INFINITY;
    return NAN;
}

static size_t read_array(const json_t *c, const char *name, double *out, size_t most)
{
    const json_t *list = json_object_get(c, name);
    size_t n = json_array_size(list);
    if (n > most) return 0;
    for (size_t i = 0; i < n; i++) out[i] = read_number(json_array_get(list, i));
    return n;
}

static void read_counts(size_t *out, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = x[i] >= 0 && x[i] < 1e15 ? (size_t)x[i] : 0;
}

static bool close_to(double found, double expected, const row *r)
{
    if (isnan(expected)) return isnan(found);
    if (isinf(expected)) return found == expected;
    return fabs(found - expected) <= r->tol * fmax(fabs(expected), r->floor);
}

static void run_case(const row *r, const json_t *json, size_t at)
{
    static given c; /* a case is too large for the stack of one function */
    double out[MOST], expected[MOST];
    memset(&c, 0, sizeof c);
    c.n_a = read_array(json, "a", c.a, 8);
    c.n_x = read_array(json, "x", c.x, MOST);
    c.n_y = read_array(json, "y", c.y, MOST);
    read_counts(c.k, c.a, c.n_a);
    read_counts(c.table, c.x, c.n_x);
    size_t n = read_array(json, "out", expected, MOST);
    size_t found = r->call(&c, out);
    CHECK(found == n);
    for (size_t i = 0; i < n && i < found; i++) {
        if (close_to(out[i], expected[i], r)) continue;
        check_bad = 1;
        printf("%s case %zu, result %zu: found %.17g, expected %.17g (relative %.3g)\n", r->name,
               at, i, out[i], expected[i], fabs(out[i] / expected[i] - 1));
    }
}

static void golden(void)
{
    as_error err = {0};
    json_t *root = as_json_read(GOLDEN, &err);
    CHECK(root != NULL);
    if (!root) return;
    size_t done[N_ROWS] = {0};
    const json_t *cases = json_object_get(root, "cases");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i);
        const char *name = json_string_value(json_object_get(c, "f"));
        size_t j = 0;
        while (name && j < N_ROWS && strcmp(rows[j].name, name) != 0) j++;
        CHECK(name && j < N_ROWS);
        if (!name || j == N_ROWS) continue;
        done[j]++;
        run_case(&rows[j], c, i);
    }
    for (size_t j = 0; j < N_ROWS; j++) {
        if (done[j] < 20) printf("%s: only %zu cases\n", rows[j].name, done[j]);
        CHECK(done[j] >= 20);
    }
    json_decref(root);
}

/* --- published figures --------------------------------------------------------------------------
 */

static bool inside(double x, double lo, double hi)
{
    return x >= lo && x <= hi;
}

/* Worked examples as printed, to the digits printed. */
static void printed_examples(void)
{
    as_interval i =
        as_newcombe_difference(56, 70, 48, 80, 0.95); /* Newcombe 1998, independent samples */
    CHECK_NEAR(i.lo, 0.0524, 5e-5);
    CHECK_NEAR(i.hi, 0.3339, 5e-5);
    i = as_newcombe_difference(9, 10, 3, 10, 0.95);
    CHECK_NEAR(i.lo, 0.1705, 5e-5);
    CHECK_NEAR(i.hi, 0.8090, 5e-5);
    i = as_newcombe_difference(5, 56, 0, 29, 0.95);
    CHECK_NEAR(i.lo, -0.0381, 5e-5);
    CHECK_NEAR(i.hi, 0.1926, 5e-5);
    i = as_newcombe_paired(36, 12, 2, 0, 0.95); /* Newcombe 1998, pairs */
    CHECK_NEAR(i.lo, 0.0569, 5e-5);
    CHECK_NEAR(i.hi, 0.3404, 5e-5);
    i = as_newcombe_paired(1, 1, 7, 12, 0.95); /* Fagerland, Lydersen & Laake 2014 */
    CHECK_NEAR(i.lo, -0.507, 5e-4);
    CHECK_NEAR(i.hi, -0.026, 5e-4);
    static const double ratings[] = {9, 2, 5, 8, 6,  1, 3, 2, 8, 4, 6, 8,
                                     7, 1, 2, 6, 10, 5, 6, 9, 6, 2, 4, 7};
    static const double icc[] = {0.17, 0.29, 0.71}; /* Shrout & Fleiss 1979 */
    for (int k = 0; k < 3; k++)
        CHECK_NEAR(as_icc(ratings, 6, 4, (as_icc_kind)k, 0.95).icc, icc[k], 5e-3);
    CHECK_NEAR(as_mcnemar_exact(35, 6), 4.8736e-6, 1e-10);
    CHECK_NEAR(as_fisher_exact(3, 1, 1, 3), 0.4857, 5e-5); /* the lady tasting tea, two-sided */
    CHECK_NEAR(as_hypergeometric_upper(3, 8, 4, 4), 17.0 / 70, 1e-15);
}

/* What the manual says about planning. */
static void planning_figures(void)
{
    CHECK_NEAR(as_mde_paired(0.2, 164, 0.05, 2, 0.8, AS_PAIRED_SIMPLE), 0.0978, 5e-5);
    CHECK_NEAR(as_mde_paired(0.1, 164, 0.05, 2, 0.8, AS_PAIRED_SIMPLE), 0.0692, 5e-5);
    CHECK_NEAR(as_mde_paired(0.2, 164, 0.05, 2, 0.8, AS_PAIRED_CONNOR), 0.0971, 5e-5);
    double exact = as_mde_paired(0.2, 164, 0.05, 2, 0.8, AS_PAIRED_EXACT);
    CHECK(inside(exact, 0.1, 0.11)); /* the exact test is conservative */
    CHECK_NEAR(as_power_paired(exact, 0.2, 164, 0.05, 2, AS_PAIRED_EXACT), 0.8, 1e-9);
    CHECK_NEAR(as_mde_auc(0.5, 9, 184, 0.05, 1, 0.8), 0.7436, 5e-5);
    CHECK_NEAR(as_mde_auc(0.5, 9, 184, 0.05, 2, 0.8), 0.7723, 5e-5);
    CHECK_NEAR(as_power_auc(0.63, 0.5, 55, 138, 0.05, 1), 0.8808, 5e-5);
    CHECK_NEAR(as_power_asymmetry(-0.15, 53.0 / 58, 42, 58, 0.05, 1), 0.6612, 5e-5);
    double d = as_mde_asymmetry(53.0 / 58, 42, 58, 0.05, 1, 0.8);
    CHECK_NEAR(as_power_asymmetry(-d, 53.0 / 58, 42, 58, 0.05, 1), 0.8, 1e-9);
    d = as_mde_proportions(0.3, 1, 100, 120, 0.05, 2, 0.9, false);
    CHECK_NEAR(as_power_proportions(0.3 + d, 100, 0.3, 120, 0.05, 2, false), 0.9, 1e-9);
    CHECK(isnan(as_mde_proportions(0.1, -1, 10, 10, 0.05, 2, 0.8, false))); /* out of reach */
    CHECK(isnan(as_mde_auc(0.95, 3, 3, 0.05, 2, 0.8)));
    CHECK(isnan(as_power_auc(0.6, 0.5, 0, 3, 0.05, 2)));
    CHECK_NEAR(as_power_paired_mean(0, 30, 0.05, 2), 0.05, 1e-2); /* no effect: the level */
    CHECK(as_power_paired_mean(0.5, 34, 0.05, 2) > 0.79);
}

/* --- identities ---------------------------------------------------------------------------------
 */

static void inverse_functions(void)
{
    as_rng r = as_rng_at(11, "stats-tests inverse", 0);
    for (int i = 0; i < 300; i++) {
        double p = as_rng_uniform(&r), a = exp(8 * as_rng_uniform(&r) - 2);
        double b = exp(8 * as_rng_uniform(&r) - 2);
        if (i % 10 == 0) p = exp(-600 * p);
        CHECK_NEAR(as_normal_cdf(as_normal_quantile(p)) / p, 1, 1e-12);
        /* where the quantile, or its square, is still an ordinary double */
        double x = as_t_quantile(p, a);
        if (fabs(x) < 1e150) CHECK_NEAR(as_t_cdf(x, a) / p, 1, 1e-11);
        x = as_chi2_quantile(p, a);
        if (x > 1e-290) CHECK_NEAR(as_chi2_cdf(x, a) / p, 1, 1e-11);
        x = as_beta_quantile(p, a, b); /* near 1 it cannot say more than its own bits */
        if (x > 1e-290 && x < 0.999) CHECK_NEAR(as_beta_inc(a, b, x) / p, 1, 1e-11);
        x = as_f_quantile(p, a, b);
        if (x > 1e-290 && x < 1e6) CHECK_NEAR(as_f_cdf(x, a, b) / p, 1, 1e-10);
        if (p > 0.001) CHECK_NEAR(as_beta_inc(a, b, p) + as_beta_inc(b, a, 1 - p), 1, 1e-12);
        CHECK_NEAR(as_gamma_inc(a, 40 * p) + as_gamma_inc_upper(a, 40 * p), 1, 1e-13);
    }
    CHECK(isnan(as_t_cdf(NAN, 3)) && isnan(as_t_cdf(1, 0)) && isnan(as_t_quantile(2, 3)));
    CHECK(as_t_quantile(0, 3) == -INFINITY && as_t_quantile(1, 3) == INFINITY);
    CHECK_NEAR(as_t_cdf(1e200, 0.05), 1 - 0.5 * as_t_two_sided(1e200, 0.05), 0);
    CHECK(as_t_two_sided(1e300, 40) == 0 && as_t_two_sided(INFINITY, 2) == 0);
    CHECK(isnan(as_beta_quantile(0.5, 0, 1)) && isnan(as_beta_quantile(NAN, 1, 1)));
    CHECK(isnan(as_gamma_inc(-1, 1)) && isnan(as_chi2_quantile(0.5, 0)));
    CHECK(isnan(as_f_quantile(0.5, 0, 1)) && as_f_quantile(0, 2, 2) == 0);
}

static void mirror_images(void)
{
    as_rng r = as_rng_at(12, "stats-tests mirror", 0);
    for (int i = 0; i < 200; i++) {
        size_t c[4], n = 1 + (size_t)as_rng_below(&r, 80), k = (size_t)as_rng_below(&r, n + 1);
        for (int j = 0; j < 4; j++) c[j] = (size_t)as_rng_below(&r, 30);
        as_interval x = as_wilson(k, n, 0.9), y = as_wilson(n - k, n, 0.9);
        CHECK_NEAR(x.lo, 1 - y.hi, 1e-14);
        CHECK(x.lo >= 0 && x.hi <= 1 && x.lo <= (double)k / (double)n);
        x = as_clopper_pearson(k, n, 0.9), y = as_clopper_pearson(n - k, n, 0.9);
        CHECK_NEAR(x.hi, 1 - y.lo, 1e-13);
        x = as_newcombe_difference(c[0], 30, c[1], 31, 0.95);
        y = as_newcombe_difference(c[1], 31, c[0], 30, 0.95);
        CHECK_NEAR(x.lo, -y.hi, 1e-15);
        CHECK(x.lo >= -1 && x.hi <= 1);
        if (c[0] + c[1] + c[2] + c[3] == 0) continue;
        x = as_newcombe_paired(c[0], c[1], c[2], c[3], 0.95);
        y = as_newcombe_paired(c[0], c[2], c[1], c[3], 0.95);
        CHECK_NEAR(x.lo, -y.hi, 1e-15);
        CHECK(as_mcnemar_exact(c[0], c[1]) == as_mcnemar_exact(c[1], c[0]));
        double p = as_fisher_exact(c[0], c[1], c[2], c[3]);
        CHECK_NEAR(as_fisher_exact(c[0], c[2], c[1], c[3]), p, 1e-12);
        CHECK_NEAR(as_fisher_exact(c[3], c[2], c[1], c[0]), p, 1e-12);
        size_t flat[] = {c[0], c[1], c[2], c[3]}, turned[] = {c[0], c[2], c[1], c[3]};
        as_kappa u = as_cohens_kappa(flat, 2, AS_KAPPA_PLAIN, 0.95);
        as_kappa v = as_cohens_kappa(turned, 2, AS_KAPPA_PLAIN, 0.95);
        as_kappa w = as_cohens_kappa(flat, 2, AS_KAPPA_QUADRATIC, 0.95); /* two labels: the same */
        if (!isnan(u.kappa)) CHECK_NEAR(u.kappa, v.kappa, 1e-13);
        if (!isnan(u.kappa)) CHECK_NEAR(u.se, w.se, 1e-13);
    }
}

/* The exact chance, at share p, that the interval of n trials holds p. */
static double coverage(as_interval (*method)(size_t, size_t, double), size_t n, double p)
{
    double sum = 0;
    for (size_t k = 0; k <= n; k++) {
        as_interval i = method(k, n, 0.95);
        if (i.lo <= p && p <= i.hi) sum += as_binomial_pmf(k, n, p);
    }
    return sum;
}

static void interval_coverage(void)
{
    double wilson = 0;
    for (int i = 1; i < 100; i++) {
        double p = i / 100.0;
        CHECK(coverage(as_clopper_pearson, 40, p) >= 0.95); /* guaranteed */
        wilson += coverage(as_wilson, 40, p) / 99;
    }
    CHECK(inside(wilson, 0.945, 0.96)); /* on average */
    size_t held = 0, n_paired = 0;
    as_rng r = as_rng_at(13, "stats-tests coverage", 0);
    for (int i = 0; i < 2000; i++) { /* paired cells .5 .2 .1 .2, difference .1; and independent */
        size_t c[4] = {0}, k1 = 0, k2 = 0;
        for (int j = 0; j < 60; j++) {
            double u = as_rng_uniform(&r);
            c[u < 0.5 ? 0 : u < 0.7 ? 1 : u < 0.8 ? 2 : 3]++;
            k1 += as_rng_uniform(&r) < 0.8, k2 += as_rng_uniform(&r) < 0.6;
        }
        as_interval x = as_newcombe_paired(c[0], c[1], c[2], c[3], 0.95);
        n_paired += x.lo <= 0.1 && 0.1 <= x.hi;
        x = as_newcombe_difference(k1, 60, k2, 60, 0.95);
        held += x.lo <= 0.2 && 0.2 <= x.hi;
    }
    CHECK(inside((double)held / 2000, 0.935, 0.97)); /* SE .005 */
    CHECK(inside((double)n_paired / 2000, 0.935, 0.975));
}

/* --- resampling ---------------------------------------------------------------------------------
 */

static void fill(double *x, size_t n, const char *purpose, uint64_t index)
{
    as_rng r = as_rng_at(5, purpose, index);
    for (size_t i = 0; i < n; i++) x[i] = as_rng_normal(&r);
}

/* A statistic that uses its worker's own scratch. */
typedef struct {
    const double *x;
    double scratch[8][64];
} medians;

static double median_stat(void *ctx, const size_t *index, size_t n, size_t worker)
{
    medians *m = ctx;
    for (size_t i = 0; i < n; i++) m->scratch[worker][i] = m->x[index[i]];
    as_sort(m->scratch[worker], n);
    return as_quantile(m->scratch[worker], n, 0.5);
}

static void null_row(void *ctx, as_rng *rng, size_t draw, size_t worker, double *out)
{
    (void)ctx, (void)worker;
    for (int j = 0; j < 3; j++) out[j] = as_rng_normal(rng) + (double)draw * 1e-9;
}

typedef struct {
    as_bootstrap mean, median, cluster;
    as_permutation flip, means;
    double null[3 * 1301];
} everything;

static void compute(everything *e, as_pool *pool)
{
    static medians m;
    double x[60], y[60];
    size_t cluster[60];
    as_error err = {0};
    memset(e, 0, sizeof *e);
    fill(x, 60, "stats-tests x", 0), fill(y, 60, "stats-tests y", 0);
    for (size_t i = 0; i < 60; i++) cluster[i] = i * i % 11 * 1000;
    as_resample how = {1301, 42, "stats-tests threads", pool};
    m.x = x;
    CHECK(as_bootstrap_mean(&how, x, y, 60, 0.95, &e->mean, &err));
    CHECK(as_bootstrap_stat(&how, 60, median_stat, &m, 0.95, &e->median, &err));
    CHECK(as_bootstrap_cluster_mean(&how, cluster, x, NULL, 60, 0.95, &e->cluster, &err));
    CHECK(as_sign_flip(&how, x, y, 60, &e->flip, &err));
    CHECK(as_permute_means(&how, x, 60, y, 50, &e->means, &err));
    as_null_draws(&how, 3, null_row, NULL, e->null);
}

static void same_bytes_for_any_threads(void)
{
    static everything one, more;
    compute(&one, NULL);
    CHECK(one.mean.se > 0 && one.cluster.n == 6 && !one.flip.is_exact && !one.means.is_exact);
    for (size_t threads = 1; threads <= 7; threads += threads == 1 ? 1 : 5) {
        as_error err = {0};
        as_pool *pool = as_pool_new(threads, &err);
        CHECK(pool != NULL);
        compute(&more, pool);
        CHECK(memcmp(&one, &more, sizeof one) == 0);
        as_pool_free(pool);
    }
}

static void bootstrap_properties(void)
{
    double x[48], y[48];
    size_t own[48], four[48];
    as_bootstrap a, b;
    as_error err = {0};
    fill(x, 48, "stats-tests boot", 0);
    as_resample how = {400, 3, "stats-tests boot", NULL};
    for (size_t i = 0; i < 48; i++) own[i] = 100 + i, four[i] = i / 4, y[i] = x[i / 4];
    CHECK(as_bootstrap_mean(&how, x, NULL, 48, 0.95, &a, &err));
    CHECK(as_bootstrap_cluster_mean(&how, own, x, NULL, 48, 0.95, &b, &err));
    CHECK(memcmp(&a, &b, sizeof a) == 0); /* clusters of one are no clusters */
    CHECK(as_bootstrap_mean(&how, x, NULL, 12, 0.95, &a, &err));
    CHECK(as_bootstrap_cluster_mean(&how, four, y, NULL, 48, 0.95, &b, &err));
    CHECK_NEAR(a.se, b.se, 1e-12); /* copies add no knowledge */
    CHECK_NEAR(a.bca.lo, b.bca.lo, 1e-12);
    as_estimate t = as_paired_mean(x, NULL, 12, 0.95);
    CHECK_NEAR(a.se / t.se, sqrt(11.0 / 12), 0.12); /* SE of an SD from 400 draws is 0.035 */
    for (size_t i = 0; i < 48; i++) y[i] = x[i] + 3;
    CHECK(as_bootstrap_mean(&how, y, NULL, 48, 0.95, &b, &err));
    CHECK(as_bootstrap_mean(&how, x, NULL, 48, 0.95, &a, &err));
    CHECK_NEAR(b.bca.lo, a.bca.lo + 3, 1e-12); /* shifts with the data */
    for (size_t i = 0; i < 48; i++) y[i] = 0.1;
    CHECK(as_bootstrap_cluster_mean(&how, four, y, NULL, 47, 0.95, &b, &err));
    CHECK_NEAR(b.bca.lo, 0.1, 1e-15);
    CHECK_NEAR(b.percentile.hi, 0.1, 1e-15);
    CHECK(as_bootstrap_mean(&how, x, NULL, 1, 0.95, &b, &err));
    CHECK(b.estimate == x[0] && isnan(b.se) && isnan(b.bca.lo));
    CHECK(as_bootstrap_mean(&how, x, NULL, 0, 0.95, &b, &err));
    CHECK(isnan(b.estimate) && isnan(b.percentile.lo));
    x[3] = NAN;
    CHECK(as_bootstrap_mean(&how, x, NULL, 5, 0.95, &b, &err));
    CHECK(isnan(b.estimate) && isnan(b.percentile.lo) && b.n_undefined > 0);
    double draws[] = {NAN, 1, 2, NAN, 3}, loo[] = {1, 2, 3};
    b = as_bootstrap_summary(draws, 5, loo, 3, 2, 0.5);
    CHECK(b.n_undefined == 2 && b.percentile.lo == 1.5 && b.percentile.hi == 2.5);
}

/* Share of 95 % intervals of the mean of 25 exponentials that hold 1. */
static void bootstrap_coverage(void)
{
    size_t percentile = 0, bca = 0;
    for (size_t i = 0; i < 400; i++) {
        double x[25];
        as_rng r = as_rng_at(17, "stats-tests exponential", i);
        for (int j = 0; j < 25; j++) x[j] = -log(1 - as_rng_uniform(&r));
        as_resample how = {300, i, "stats-tests boot coverage", NULL};
        as_bootstrap b;
        as_error err = {0};
        CHECK(as_bootstrap_mean(&how, x, NULL, 25, 0.95, &b, &err));
        percentile += b.percentile.lo <= 1 && 1 <= b.percentile.hi;
        bca += b.bca.lo <= 1 && 1 <= b.bca.hi;
    }
    CHECK(inside((double)percentile / 400, 0.87, 0.96)); /* skewed: a little under 0.95 */
    CHECK(inside((double)bca / 400, 0.88, 0.97));
}

static void permutation_properties(void)
{
    double x[40], exact = 0;
    as_permutation p, q;
    as_error err = {0};
    as_resample how = {4000, 9, "stats-tests perm", NULL};
    fill(x, 40, "stats-tests perm", 1);
    for (size_t i = 0; i < 40; i++) x[i] += i < 20 ? 0.45 : 0;
    CHECK(as_sign_flip(&how, x, NULL, 20, &p, &err) && p.is_exact);
    x[20] = 0; /* a zero changes no arrangement, but now there are too many for all */
    CHECK(as_sign_flip(&how, x, NULL, 21, &q, &err) && !q.is_exact && q.draws == 4000);
    exact = p.p;
    CHECK_NEAR(q.p, exact, 4 * sqrt(exact / 4000) + 1e-3);
    CHECK(as_permute_means(&how, x, 7, x + 10, 9, &p, &err) && p.is_exact && p.draws == 11440);
    CHECK(as_permute_means(&how, x, 14, x + 20, 15, &q, &err) && !q.is_exact);
    CHECK(q.p > 1.0 / 4001 && q.p <= 1);
    double same[] = {1e6, 1e6, 1e6, 1e6};
    CHECK(as_permute_means(&how, same, 2, same + 2, 2, &p, &err) && p.p == 1);
    double big[] = {1e6 + 1, 1e6, 1e6 + 1, 1e6, 1e6 + 1, 1e6};
    CHECK(as_permute_means(&how, big, 3, big + 3, 3, &p, &err) && p.p == 1);
    for (size_t i = 0; i < 60; i++) { /* two of one kind against one, whichever way round */
        for (size_t j = 0; j < 6; j++) big[j] = 1e9 / (double)(i + 3) + (double)((i + j) % 2) / 7;
        CHECK(as_permute_means(&how, big, 3, big + 3, 3, &p, &err) && p.p == 1);
    }
    for (size_t i = 0; i < 30; i++) x[i] = 3 + x[i] / 10;
    CHECK(as_sign_flip(&how, x, NULL, 30, &p, &err) && p.p == 1.0 / 4001); /* never 0 */
    CHECK(as_sign_flip(&how, x, NULL, 0, &p, &err) && isnan(p.p));
    CHECK(as_permute_means(&how, x, 0, x, 3, &p, &err) && isnan(p.p));
    x[0] = NAN;
    CHECK(as_sign_flip(&how, x, NULL, 5, &p, &err) && isnan(p.p));
    how.draws = 0;
    CHECK(as_sign_flip(&how, x + 1, NULL, 30, &p, &err) && isnan(p.p));
    size_t rejected = 0; /* under the null p <= 0.1 comes up one time in ten */
    how.draws = 99;
    for (uint64_t i = 0; i < 600; i++) {
        fill(x, 24, "stats-tests null", i);
        how.seed = i;
        CHECK(as_sign_flip(&how, x, NULL, 24, &p, &err));
        rejected += p.p <= 0.1;
    }
    CHECK(inside((double)rejected / 600, 0.06, 0.14)); /* SE .012 */
}

/* --- multiplicity, equivalence, agreement -------------------------------------------------------
 */

static void adjusted_p_values(void)
{
    double p[50], holm[50], bh[50], null[50 * 40], obs[50], max_t[50];
    as_error err = {0};
    as_rng r = as_rng_at(21, "stats-tests adjust", 0);
    for (size_t i = 0; i < 50; i++) p[i] = as_rng_uniform(&r) * 0.05;
    CHECK(as_holm(holm, p, 50, &err) && as_benjamini_hochberg(bh, p, 50, &err));
    for (size_t i = 0; i < 50; i++) {
        CHECK(p[i] <= bh[i] && bh[i] <= holm[i] && holm[i] <= fmin(1, 50 * p[i]));
        for (size_t j = 0; j < 50; j++) CHECK(p[i] > p[j] || holm[i] <= holm[j]);
    }
    CHECK(as_holm(p, p, 50, &err) && memcmp(p, holm, sizeof p) == 0); /* in place */
    CHECK(as_holm(p, p, 0, &err));
    fill(null, 50 * 40, "stats-tests null matrix", 0), fill(obs, 50, "stats-tests obs", 0);
    as_max_t(max_t, obs, null, 40, 50, AS_TAIL_BOTH);
    for (size_t j = 0; j < 50; j++) {
        double column[40];
        for (size_t i = 0; i < 40; i++) column[i] = null[i * 50 + j];
        CHECK(max_t[j] >= as_null_p(column, 40, obs[j], AS_TAIL_BOTH));
    }
    null[7] = NAN; /* an undefined draw helps nobody */
    obs[0] = INFINITY;
    as_max_t(max_t, obs, null, 40, 50, AS_TAIL_UPPER);
    CHECK_NEAR(max_t[0], 2.0 / 41, 1e-15);
    CHECK(isnan(as_null_p(null, 0, 1, AS_TAIL_BOTH)) && isnan(as_null_p(null, 9, NAN, 0)));
    double ties[] = {0.1 + 0.2, 0.3, -0.3};
    CHECK(as_null_p(ties, 3, 0.3, AS_TAIL_UPPER) == 0.75);
    CHECK(as_null_p(ties, 3, 0.1 + 0.2, AS_TAIL_BOTH) == 1);
    CHECK(as_null_p(ties, 3, -0.3, AS_TAIL_LOWER) == 0.5);
    ties[2] = NAN;
    CHECK(as_null_p(ties, 3, 1, AS_TAIL_UPPER) == 0.5);
}

static void equivalence_properties(void)
{
    as_rng r = as_rng_at(22, "stats-tests tost", 0);
    for (int i = 0; i < 300; i++) {
        double est = as_rng_normal(&r) * 0.1, se = 0.01 + 0.1 * as_rng_uniform(&r);
        as_equivalence e = as_tost(est, se, 5 + i, 7, -0.1, 0.12, 0.05);
        CHECK(e.is_equivalent == (e.interval.lo > -0.1 && e.interval.hi < 0.12));
    }
    CHECK(!as_tost(0, 0, INFINITY, 9, -0.1, 0.1, 0.05).is_equivalent);
    CHECK(isnan(as_tost(0, 0.01, INFINITY, 9, 0.1, -0.1, 0.05).p));
    CHECK(isnan(as_tost(NAN, 0.01, INFINITY, 9, -0.1, 0.1, 0.05).p));
    CHECK(!as_equivalent_score(20, 20, 20, 20, 0.1, 0.05).is_equivalent);
    CHECK(as_equivalent_score(200, 200, 200, 200, 0.1, 0.05).is_equivalent);
    CHECK(as_equivalent_score_paired(90, 1, 1, 90, 0.05, 0.05).is_equivalent);
    CHECK(!as_equivalent_score_paired(9, 1, 1, 9, 0.05, 0.05).is_equivalent);
    CHECK(!as_equivalent_score(100, 200, 80, 200, 0.1, 0.05).is_equivalent);
    CHECK(!as_equivalent_score(80, 200, 100, 200, 0.1, 0.05).is_equivalent);
    CHECK(!as_equivalent_score(0, 0, 3, 5, 0.1, 0.05).is_equivalent);
    CHECK(!as_equivalent_score_paired(0, 0, 0, 0, 0.1, 0.05).is_equivalent);
    /* a difference of -0.009 with 90 % interval -0.105 to 0.087: 0.15 holds, 0.10 does not */
    CHECK(as_tost(-0.009, 0.0584, INFINITY, 100, -0.15, 0.15, 0.05).is_equivalent);
    CHECK(!as_tost(-0.009, 0.0584, INFINITY, 100, -0.1, 0.1, 0.05).is_equivalent);
}

static void agreement_properties(void)
{
    int a[] = {0, 1, 2, 2, 1, 0, 2, 7, 0, -1}, b[] = {0, 1, 2, 1, 1, 2, 2, -1, 4, 0};
    size_t table[9];
    CHECK(as_label_table(table, 3, a, b, 10) == 7);
    CHECK(table[0] == 1 && table[2] == 1 && table[7] == 1 && table[8] == 2);
    CHECK_NEAR(as_raw_agreement(a, b, 7), 5.0 / 7, 1e-15);
    CHECK(isnan(as_raw_agreement(a, b, 0)));
    as_kappa k = as_cohens_kappa(table, 3, AS_KAPPA_PLAIN, 0.95);
    CHECK_NEAR(k.observed, 5.0 / 7, 1e-15);
    CHECK(k.interval.lo < k.kappa && k.kappa < k.interval.hi);
    size_t perfect[] = {4, 0, 0, 5};
    CHECK_NEAR(as_cohens_kappa(perfect, 2, AS_KAPPA_PLAIN, 0.95).kappa, 1, 1e-15);
    CHECK(isnan(as_cohens_kappa(perfect, 1, AS_KAPPA_PLAIN, 0.95).kappa));
    double flat[] = {2, 2, 2, 2, 2, 2}, added[] = {1, 2, 3, 4, 5, 6};
    CHECK(isnan(as_icc(flat, 3, 2, AS_ICC_2, 0.95).icc));
    CHECK(isnan(as_icc(added, 1, 6, AS_ICC_1, 0.95).icc));
    as_icc_result r = as_icc(added, 3, 2, AS_ICC_3, 0.95); /* judges differ by a constant */
    CHECK_NEAR(r.icc, 1, 1e-15);
    CHECK(r.p == 0 && isnan(r.interval.lo));
    for (size_t i = 0; i < 6; i++) added[i] = (double)(i / 2) / 3 + 0.1 * (double)(i % 2);
    r = as_icc(added, 3, 2, AS_ICC_3, 0.95);
    CHECK_NEAR(r.icc, 1, 1e-15);
    CHECK(isinf(r.f) && isnan(r.interval.lo));
    added[4] = NAN;
    CHECK(isnan(as_icc(added, 3, 2, AS_ICC_2, 0.95).icc));
    size_t even[] = {5, 5, 5, 5};
    CHECK_NEAR(as_entropy_bits(even, 4), 2, 1e-15);
}

/* Undefined input gives NaN and nothing worse. */
static void undefined_input(void)
{
    double x[] = {1, 2, NAN, 4, 5}, y[] = {2, 1, 4, 3, 5}, rank[5];
    as_error err = {0};
    as_estimate e;
    CHECK(isnan(as_paired_mean(x, y, 5, 0.95).estimate) && isnan(as_paired_mean(x, y, 5, 0.95).p));
    CHECK(isnan(as_paired_mean(x, y, 0, 0.95).estimate));
    CHECK(isnan(as_pearson(x, y, 5, 0.95).estimate) && isnan(as_pearson(x, y, 0, 0.95).p));
    CHECK(as_spearman(x, y, 5, 0.95, &e, &err) && isnan(e.estimate));
    CHECK(as_spearman(x, y, 0, 0.95, &e, &err) && isnan(e.estimate));
    CHECK(as_mid_ranks(rank, x, 5, &err) && isnan(rank[0]) && isnan(rank[4]));
    CHECK(isnan(as_cohens_d(x, 5, y, 5)) && isnan(as_cohens_d(x, 2, y, 0)));
    CHECK(isnan(as_two_proportions(1, 0, 1, 2, 0.95).p));
    CHECK(isnan(as_two_proportions(0, 4, 0, 5, 0.95).p)); /* no variation in either */
    CHECK(as_two_proportions(0, 4, 0, 5, 0.95).estimate == 0);
    double left[] = {0.3, 0.2, 0.9}, right[] = {0.2, 0.1, 0.8}; /* alike but for rounding */
    CHECK(as_paired_mean(left, right, 3, 0.95).se == 0);
    CHECK(isnan(as_paired_mean(left, right, 3, 0.95).p));
    size_t none[] = {0, 0, 0, 0};
    CHECK(isnan(as_contingency(none, 2, 2).p) && as_contingency(none, 0, 0).n == 0);
    CHECK(isnan(as_paired_mean(y, NULL, 5, 1.5).interval.lo));
    CHECK(isnan(as_power_proportions(0.5, 10, 0.6, 10, 0.05, 3, false)));
    CHECK(isnan(as_power_paired(0.3, 0.2, 10, 0.05, 2, AS_PAIRED_EXACT)));
    CHECK(as_power_paired(0.1, 0.2, 1, 0.05, 2, AS_PAIRED_EXACT) == 0); /* can never reject */
    CHECK(isnan(as_power_paired_mean(0.5, 1, 0.05, 2)));
}

int main(void)
{
    RUN(golden);
    RUN(printed_examples);
    RUN(planning_figures);
    RUN(inverse_functions);
    RUN(mirror_images);
    RUN(interval_coverage);
    RUN(same_bytes_for_any_threads);
    RUN(bootstrap_properties);
    RUN(bootstrap_coverage);
    RUN(permutation_properties);
    RUN(adjusted_p_values);
    RUN(equivalence_properties);
    RUN(agreement_properties);
    RUN(undefined_input);
    return check_end();
}
