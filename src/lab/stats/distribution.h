/* Probability distributions and the special functions under them. All in double; accurate to about
 * 1e-13 relative where the value itself is well conditioned. Nothing here can fail: an argument
 * outside its domain, or NaN, gives NaN.
 *
 * `_cdf` is P(X <= x), `_upper` is the other tail computed without the subtraction (P(X > x); for
 * the counts P(X >= k)), `_quantile` the inverse of `_cdf`. */
#ifndef AS_LAB_STATS_DISTRIBUTION_H
#define AS_LAB_STATS_DISTRIBUTION_H

#include <stddef.h>

/* Standard normal: Phi(x) = erfc(-x / sqrt 2) / 2. */
double as_normal_cdf(double x);
double as_normal_upper(double x);
/* Wichura 1988, Applied Statistics 37:477-484, algorithm AS 241 (PPND16); -+infinity at 0 and 1. */
double as_normal_quantile(double p);

/* Student's t with df > 0 (infinite df is the normal): P(|T| > t) = I_x(df/2, 1/2) with
 * x = df/(df+t^2). Abramowitz & Stegun 26.7.1; the quantile inverts the beta function. */
double as_t_cdf(double t, double df);
double as_t_quantile(double p, double df);
/* P(|T| >= |t|). */
double as_t_two_sided(double t, double df);

/* Chi-square with df > 0: P(df/2, x/2). Abramowitz & Stegun 26.4.19. */
double as_chi2_cdf(double x, double df);
double as_chi2_upper(double x, double df);
double as_chi2_quantile(double p, double df);

/* F with df1, df2 > 0: I_y(df1/2, df2/2), y = df1 x / (df1 x + df2). Abramowitz & Stegun 26.6.2. */
double as_f_cdf(double x, double df1, double df2);
double as_f_upper(double x, double df1, double df2);
double as_f_quantile(double p, double df1, double df2);

/* Binomial(n, p). The mass by saddle-point expansion (Loader 2000, "Fast and accurate computation
 * of binomial probabilities"), the tails by the incomplete beta function (Abramowitz &
 * Stegun 26.5.24). as_binomial_upper is P(X >= k). */
double as_binomial_pmf(size_t k, size_t n, double p);
double as_binomial_cdf(size_t k, size_t n, double p);
double as_binomial_upper(size_t k, size_t n, double p);

/* Hypergeometric: k good ones among `drawn` taken without replacement from `total`, of which `good`
 * are good. NaN when good or drawn exceeds total. The mass as a ratio of three binomial masses
 * (Loader 2000); the tails by summing the mass from the far end. as_hypergeometric_upper is P(X >=
 * k). */
double as_hypergeometric_pmf(size_t k, size_t total, size_t good, size_t drawn);
double as_hypergeometric_cdf(size_t k, size_t total, size_t good, size_t drawn);
double as_hypergeometric_upper(size_t k, size_t total, size_t good, size_t drawn);

/* Regularised incomplete beta function I_x(a, b), a, b > 0, 0 <= x <= 1: continued fraction of
 * DiDonato & Morris 1992, ACM TOMS 18:360-373, by Lentz's method (Lentz 1976, Applied Optics
 * 15:668-671; Thompson & Barnett 1986, J. Comput. Phys. 64:490-509), on the side of the mean where
 * it converges fast. */
double as_beta_inc(double a, double b, double x);
/* x with I_x(a, b) = p: Newton's method in log x, kept inside a shrinking bracket. */
double as_beta_quantile(double p, double a, double b);

/* Regularised incomplete gamma functions P(a, x) and Q(a, x) = 1 - P, a > 0, x >= 0: series
 * (Abramowitz & Stegun 6.5.29) below a + 1, Lentz continued fraction (6.5.31) above. */
double as_gamma_inc(double a, double x);
double as_gamma_inc_upper(double a, double x);

#endif
