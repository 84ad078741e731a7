/* Tests of two conditions against each other: paired and unpaired, exact and by permutation, and
 * the effect sizes that go with them. The value to be tested is never re-defined here: a NaN among
 * the observations makes the result NaN, so missing pairs are left out, and counted, by the caller.
 */
#ifndef AS_LAB_STATS_PAIRED_H
#define AS_LAB_STATS_PAIRED_H

#include "base/error.h"
#include "lab/stats/interval.h"
#include "lab/stats/resample.h"

/* Two-sided exact McNemar test of b against c discordant pairs: min(1, 2 P(X <= min(b, c))) with X
 * binomial(b + c, 1/2); 1 when there are none. McNemar 1947, Psychometrika 12:153-157; exact form
 * as in Agresti 2013, Categorical Data Analysis, 11.1.1. */
double as_mcnemar_exact(size_t b, size_t c);

/* Two-sided Fisher exact test of the table [a b; c d]: the total probability of the tables with the
 * same margins that are no more probable than the observed one, a relative 1e-7 allowed for
 * rounding; 1 when a margin is zero. Fisher 1935; the rule is Freeman & Halton 1951. */
double as_fisher_exact(size_t a, size_t b, size_t c, size_t d);

/* Mean of x[i] - y[i] (y NULL: of x[i]) with SE s/sqrt(n), Student's t on n - 1 degrees of freedom
 * and its interval. n < 2: se, statistic, p and interval are NaN. All differences equal up to
 * rounding: se = 0 and statistic, p are NaN, the interval is the point. Student 1908, Biometrika
 * 6:1-25. */
as_estimate as_paired_mean(const double *x, const double *y, size_t n, double level);

/* Difference of two independent proportions, k1/n1 - k2/n2, with unpooled SE
 * sqrt(p1(1-p1)/n1 + p2(1-p2)/n2), z = difference/SE, Wald interval. SE = 0: statistic and p are
 * NaN. estimate.n = n1 + n2. Agresti 2013, 3.1.1. */
as_estimate as_two_proportions(size_t k1, size_t n1, size_t k2, size_t n2, double level);

/* Pearson's correlation; p from t = r sqrt((n-2)/(1-r^2)) on n - 2 df; interval tanh(atanh r -+ z /
 * sqrt(n-3)); se is (1-r^2)/sqrt(n-1). n < 3 or a constant variable: NaN; n = 3: no interval;
 * |r| = 1: statistic infinite, p = 0, interval the point. Fisher 1921, Metron 1:3-32. */
as_estimate as_pearson(const double *x, const double *y, size_t n, double level);

/* Spearman's rank correlation: Pearson's on mid-ranks, same t; Fisher-z interval and se with the
 * variance (1 + r^2/2)/(n-3) of Bonett & Wright 2000, Psychometrika 65:23-28. Fails for memory
 * only. */
AS_MUST_CHECK bool as_spearman(const double *x, const double *y, size_t n, double level,
                               as_estimate *out, as_error *err);

/* rank[i] = mid-rank of x[i], from 1. A NaN in x makes every rank NaN. Fails for memory only. */
AS_MUST_CHECK bool as_mid_ranks(double *rank, const double *x, size_t n, as_error *err);

/* Cohen's d, (mean a - mean b)/s_p with s_p^2 = ((na-1)va + (nb-1)vb)/max(na+nb-2, 1), v the sample
 * variance. 0 when s_p <= 1e-8: two constant groups have no scale to measure their distance with.
 * NaN when a group is empty. Cohen 1988, Statistical Power Analysis, 2.2. */
double as_cohens_d(const double *a, size_t na, const double *b, size_t nb);

/* Pearson's chi-square of a rows x cols table of counts, row-major, without continuity correction.
 * Rows and columns that are empty carry no information and are left out, also of df; fewer than two
 * left on a side: statistic, p and V are NaN. V = sqrt(statistic / (n min(rows-1, cols-1))),
 * Cramer. */
typedef struct {
    size_t n;
    double statistic, df, p, cramers_v;
    double min_expected; /* the approximation is doubtful below 5 (Cochran 1954) */
} as_chi_square;
as_chi_square as_contingency(const size_t *table, size_t rows, size_t cols);

/* What a permutation test says. */
typedef struct {
    double estimate; /* the observed mean (difference) */
    double p;        /* two-sided; NaN when undefined */
    size_t draws;    /* arrangements looked at */
    bool is_exact;   /* all of them: p is a plain share; else p = (1 + count)/(1 + draws) */
} as_permutation;

/* Sign-flip test that the paired differences x[i] - y[i] (y NULL: x[i]) are symmetric about 0; the
 * statistic is |mean|. All 2^n arrangements when n <= 20, else how->draws random ones (Fisher 1935;
 * the +1: Phipson & Smyth 2010). "At least as extreme" allows for rounding: 1e-12 of the sum of |x|
 * and |y|. */
AS_MUST_CHECK bool as_sign_flip(const as_resample *how, const double *x, const double *y, size_t n,
                                as_permutation *out, as_error *err);

/* Two-sample permutation test of mean a - mean b, statistic |difference|: all choices of na out of
 * na + nb when there are at most 200,000, else how->draws random ones. Pitman 1937. */
AS_MUST_CHECK bool as_permute_means(const as_resample *how, const double *a, size_t na,
                                    const double *b, size_t nb, as_permutation *out, as_error *err);

#endif
