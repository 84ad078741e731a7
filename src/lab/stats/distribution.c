/* Distributions from two pieces: the binomial and Poisson masses by saddle-point expansion, which
 * stay accurate for large counts, and the incomplete beta and gamma functions, which use those
 * masses as their leading factor. lgamma() is not used: it may write a global. */
#include "lab/stats/distribution.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#define TWO_PI 6.283185307179586476925
#define SQRT_HALF 0.707106781186547524401
#define TINY 1e-300        /* stands in for a zero denominator in Lentz's method */
#define LEAST_LOG (-700.0) /* of the smallest x that the beta function is evaluated at */
#define CF_STEPS 2000000   /* enough for shape parameters near 1e12 */

/* log Gamma(x+1) - (x + 1/2) log x + x - log(2 pi)/2, x > 0: Stirling's series from x >= 16 on,
 * reached from below by s(x) = s(x+1) + (x + 1/2) log(1 + 1/x) - 1. */
static double stirling_error(double x)
{
    double sum = 0;
    for (; x < 16; x += 1) sum += (x + 0.5) * log1p(1 / x) - 1;
    double y = 1 / (x * x);
    double series = 1.0 / 1188 - y * (691.0 / 360360 - y / 156);
    series = 1.0 / 1260 - y * (1.0 / 1680 - y * series);
    series = 1.0 / 12 - y * (1.0 / 360 - y * series);
    return sum + series / x;
}

/* x log(x/m) + m - x without cancellation near x = m: Loader's D0. With v = (x-m)/(x+m),
 * log(x/m) = 2 (v + v^3/3 + v^5/5 + ...). */
static double deviance(double x, double m)
{
    double v = (x - m) / (x + m);
    if (!(fabs(v) < 0.1)) return x * log(x / m) + m - x;
    double sum = (x - m) * v, term = 2 * x * v;
    for (int j = 3;; j += 2) {
        term *= v * v;
        double next = sum + term / j;
        if (next == sum) return sum;
        sum = next;
    }
}

/* Gamma(n+1) / (Gamma(x+1) Gamma(r+1)) p^x q^r for real x, r >= 0, with n = x + r and q = 1 - p. */
static double binomial_mass(double x, double r, double p, double q)
{
    if (p == 0) return x == 0;
    if (q == 0) return r == 0;
    if (x == 0) return exp(r * (p < 0.5 ? log1p(-p) : log(q)));
    if (r == 0) return exp(x * (q < 0.5 ? log1p(-q) : log(p)));
    double n = x + r, e = stirling_error(n) - stirling_error(x) - stirling_error(r);
    e -= deviance(x, n * p) + deviance(r, n * q);
    return exp(e) * sqrt(n / (TWO_PI * x * r));
}

/* m^x e^-m / Gamma(x+1) for real x >= 0, m > 0. */
static double poisson_mass(double x, double m)
{
    if (x == 0) return exp(-m);
    return exp(-stirling_error(x) - deviance(x, m)) / sqrt(TWO_PI * x);
}

/* --- incomplete beta ---------------------------------------------------------------------------
 */

/* x^a y^b / (B(a,b) I_x(a,b)) for x below the mean: DiDonato & Morris 1992, eq. 9, the contraction
 * of A&S 26.5.8 in which x and y = 1 - x stand side by side. */
static double beta_fraction(double a, double b, double x, double y)
{
    double f = a * (a * y - b * x + 1) / (a + 1), c = f, d = 0;
    for (int i = 1; i <= CF_STEPS; i++) {
        double m = i, e = a + 2 * m - 1;
        double top = (a + m - 1) / e * ((a + b + m - 1) / e) * m * (b - m) * x * x;
        double add =
            m + m * (b - m) * x / e + (a + m) * (a * y - b * x + 1 + m * (1 + y)) / (e + 2);
        d = top * d + add, c = add + top / c;
        if (fabs(d) < TINY) d = TINY;
        if (fabs(c) < TINY) c = TINY;
        d = 1 / d;
        f *= d * c;
        if (fabs(d * c - 1) <= DBL_EPSILON) return f;
    }
    return NAN;
}

/* I_x(a, b) with y = 1 - x given, so that neither is lost when the other is near 1. */
static double beta_split(double a, double b, double x, double y)
{
    if (!(a > 0 && b > 0 && x >= 0 && y >= 0)) return NAN;
    if (isinf(a) || isinf(b)) return NAN;
    if (x == 0) return 0;
    if (y == 0) return 1;
    double mass = binomial_mass(a, b, x, y); /* x^a y^b / B(a,b) = mass a b / (a+b) */
    double scale = mass * (a * (b / (a + b)));
    if (x <= (a + 1) / (a + b + 2)) return scale / beta_fraction(a, b, x, y);
    return 1 - scale / beta_fraction(b, a, y, x);
}

double as_beta_inc(double a, double b, double x)
{
    return beta_split(a, b, x, 1 - x);
}

/* x^(a-1) y^(b-1) / B(a,b) times x: the slope of I against log x. */
static double beta_slope(double a, double b, double x, double y)
{
    return binomial_mass(a, b, x, y) * (a * b / (a + b)) / y;
}

/* Solves log I_x(a,b) = log p for u = log x, in the lower half of the distribution. The curve is
 * concave with slope at most a, so Newton's steps from the left never pass the root. Gives x; *y is
 * 1 - x. */
static double beta_solve(double p, double a, double b, double *y)
{
    double lo = LEAST_LOG, hi = 0, u = log(a / (a + b));
    if (!(u > lo)) u = lo;
    for (int i = 0; i < 200; i++) {
        double x = exp(u), rest = -expm1(u), value = beta_split(a, b, x, rest);
        double step = log(value / p) / (beta_slope(a, b, x, rest) / value);
        if (value > p)
            hi = u;
        else
            lo = u;
        if (value > p &&
            u <= LEAST_LOG) { /* there the curve is straight: I is x^a times a constant */
            u -= step;
            break;
        }
        double next = u - step;
        if (!(next >= lo && next < hi)) next = next < lo ? lo : 0.5 * (lo + hi); /* or NaN */
        if (fabs(next - u) <= 2 * DBL_EPSILON * fabs(u)) break;
        u = next;
    }
    *y = -expm1(u);
    return exp(u);
}

/* x with I_x(a,b) = p and y = 1 - x, each to full relative accuracy; q = 1 - p. */
static double beta_inverse(double p, double q, double a, double b, double *y)
{
    if (!(a > 0 && b > 0 && p >= 0 && q >= 0) || isinf(a) || isinf(b)) return *y = NAN;
    if (p == 0 || q == 0) return *y = q == 0 ? 0 : 1, p == 0 ? 0 : 1;
    double middle = beta_split(a, b, a / (a + b), b / (a + b));
    if (p <= middle) return beta_solve(p, a, b, y);
    double x;
    *y = beta_solve(q, b, a, &x);
    return x;
}

double as_beta_quantile(double p, double a, double b)
{
    double y;
    return beta_inverse(p, 1 - p, a, b, &y);
}

/* --- incomplete gamma --------------------------------------------------------------------------
 */

/* Sum over n of x^n / ((a+1)...(a+n)): P(a,x) Gamma(a+1) e^x x^-a, A&S 6.5.29. */
static double gamma_series(double a, double x)
{
    double term = 1, sum = 1;
    for (int i = 1; i <= CF_STEPS; i++) {
        term *= x / (a + i);
        sum += term;
        if (term <= DBL_EPSILON / 4 * sum) return sum;
    }
    return NAN;
}

/* Gamma(a,x) e^x x^-a, A&S 6.5.31 in its even form. */
static double gamma_fraction(double a, double x)
{
    double b = x + 1 - a, c = 1 / TINY, d = 1 / b, h = d;
    for (int i = 1; i <= CF_STEPS; i++) {
        double an = -i * (i - a);
        b += 2;
        d = an * d + b, c = b + an / c;
        if (fabs(d) < TINY) d = TINY;
        if (fabs(c) < TINY) c = TINY;
        d = 1 / d;
        h *= d * c;
        if (fabs(d * c - 1) <= DBL_EPSILON) return h;
    }
    return NAN;
}

/* P or, when upper, Q. */
static double gamma_either(double a, double x, bool upper)
{
    if (!(a > 0 && x >= 0) || isinf(a)) return NAN;
    if (x == 0) return upper ? 1 : 0;
    if (isinf(x)) return upper ? 0 : 1;
    double mass = poisson_mass(a, x); /* x^a e^-x / Gamma(a+1) */
    if (x < a + 1) {
        double p = mass * gamma_series(a, x);
        return upper ? 1 - p : p;
    }
    double q = mass * a * gamma_fraction(a, x);
    return upper ? q : 1 - q;
}

double as_gamma_inc(double a, double x)
{
    return gamma_either(a, x, false);
}

double as_gamma_inc_upper(double a, double x)
{
    return gamma_either(a, x, true);
}

/* --- normal ------------------------------------------------------------------------------------
 */

double as_normal_cdf(double x)
{
    return 0.5 * erfc(-x * SQRT_HALF);
}

double as_normal_upper(double x)
{
    return 0.5 * erfc(x * SQRT_HALF);
}

/* Polynomial of degree 7, coefficients from the constant on. */
static double poly7(const double *c, double x)
{
    double y = c[7];
    for (int i = 6; i >= 0; i--) y = y * x + c[i];
    return y;
}

double as_normal_quantile(double p)
{
    static const double a[] = {3.3871328727963666080,    1.3314166789178437745e+2,
                               1.9715909503065514427e+3, 1.3731693765509461125e+4,
                               4.5921953931549871457e+4, 6.7265770927008700853e+4,
                               3.3430575583588128105e+4, 2.5090809287301226727e+3};
    static const double b[] = {1,
                               4.2313330701600911252e+1,
                               6.8718700749205790830e+2,
                               5.3941960214247511077e+3,
                               2.1213794301586595867e+4,
                               3.9307895800092710610e+4,
                               2.8729085735721942674e+4,
                               5.2264952788528545610e+3};
    static const double c[] = {1.42343711074968357734,    4.63033784615654529590,
                               5.76949722146069140550,    3.64784832476320460504,
                               1.27045825245236838258,    2.41780725177450611770e-1,
                               2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[] = {1,
                               2.05319162663775882187,
                               1.67638483018380384940,
                               6.89767334985100004550e-1,
                               1.48103976427480074590e-1,
                               1.51986665636164571966e-2,
                               5.47593808499534494600e-4,
                               1.05075007164441684324e-9};
    static const double e[] = {6.65790464350110377720,    5.46378491116411436990,
                               1.78482653991729133580,    2.96560571828504891230e-1,
                               2.65321895265761230930e-2, 1.24266094738807843860e-3,
                               2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[] = {1,
                               5.99832206555887937690e-1,
                               1.36929880922735805310e-1,
                               1.48753612908506148525e-2,
                               7.86869131145613259100e-4,
                               1.84631831751005468180e-5,
                               1.42151175831644588870e-7,
                               2.04426310338993978564e-15};
    if (!(p >= 0 && p <= 1)) return NAN;
    if (p == 0) return -INFINITY;
    if (p == 1) return INFINITY;
    double q = p - 0.5;
    if (fabs(q) <= 0.425) {
        double r = 0.180625 - q * q;
        return q * poly7(a, r) / poly7(b, r);
    }
    double r = sqrt(-log(q < 0 ? p : 1 - p)), x;
    if (r <= 5)
        x = poly7(c, r - 1.6) / poly7(d, r - 1.6);
    else
        x = poly7(e, r - 5) / poly7(f, r - 5);
    return q < 0 ? -x : x;
}

/* --- t, chi-square, F --------------------------------------------------------------------------
 */

double as_t_two_sided(double t, double df)
{
    if (isnan(t) || !(df > 0)) return NAN;
    t = fabs(t);
    if (isinf(df)) return fmin(1, 2 * as_normal_upper(t));
    if (t * t < df) return beta_split(df / 2, 0.5, df / (df + t * t), t * t / (df + t * t));
    double u = sqrt(df) / t; /* t * t may be too large for a double */
    return beta_split(df / 2, 0.5, u * u / (1 + u * u), 1 / (1 + u * u));
}

double as_t_cdf(double t, double df)
{
    double half = 0.5 * as_t_two_sided(t, df);
    return t > 0 ? 1 - half : half;
}

double as_t_quantile(double p, double df)
{
    if (!(p >= 0 && p <= 1) || !(df > 0)) return NAN;
    if (isinf(df)) return as_normal_quantile(p);
    if (p == 0 || p == 1) return p == 0 ? -INFINITY : INFINITY;
    double tail = fmin(p, 1 - p), x, y;
    /* P(|T| > t) = I_x(df/2, 1/2); 1 - 2 tail is exact where it is small (Sterbenz) */
    x = beta_inverse(2 * tail, 1 - 2 * tail, df / 2, 0.5, &y);
    double t = sqrt(df * y / x);
    return p < 0.5 ? -t : t;
}

double as_chi2_cdf(double x, double df)
{
    return as_gamma_inc(df / 2, x / 2);
}

double as_chi2_upper(double x, double df)
{
    return as_gamma_inc_upper(df / 2, x / 2);
}

double as_chi2_quantile(double p, double df)
{
    if (!(p >= 0 && p <= 1) || !(df > 0) || isinf(df)) return NAN;
    if (p == 0 || p == 1) return p == 0 ? 0 : INFINITY;
    /* Newton in log x on log P below the median, on log Q above, so that the smaller tail is exact
     */
    double a = df / 2, lo = -INFINITY, hi = INFINITY, u = log(a);
    bool upper = p > as_gamma_inc(a, a);
    double target = upper ? 1 - p : p;
    for (int i = 0; i < 500; i++) {
        double x = exp(u), value = gamma_either(a, x, upper);
        if ((value > target) == !upper)
            hi = u;
        else
            lo = u;
        double slope = poisson_mass(a, x) * a / value * (upper ? -1 : 1);
        double next = u - log(value / target) / slope;
        if (!(next > lo && next < hi)) {
            if (isinf(lo))
                next = hi - 1;
            else
                next = isinf(hi) ? lo + 1 : 0.5 * (lo + hi);
        }
        if (fabs(next - u) <= 2 * DBL_EPSILON * fmax(1, fabs(u)) || next < -745) {
            u = next;
            break;
        }
        u = next;
    }
    return 2 * exp(u);
}

double as_f_cdf(double x, double df1, double df2)
{
    if (!(x >= 0 && df1 > 0 && df2 > 0)) return NAN;
    if (isinf(x)) return 1;
    double s = df1 * x + df2;
    return beta_split(df1 / 2, df2 / 2, df1 * x / s, df2 / s);
}

double as_f_upper(double x, double df1, double df2)
{
    if (!(x >= 0 && df1 > 0 && df2 > 0)) return NAN;
    if (isinf(x)) return 0;
    double s = df1 * x + df2;
    return beta_split(df2 / 2, df1 / 2, df2 / s, df1 * x / s);
}

double as_f_quantile(double p, double df1, double df2)
{
    double x, y;
    x = beta_inverse(p, 1 - p, df1 / 2, df2 / 2, &y);
    return df2 * x / (df1 * y);
}

/* --- counts ------------------------------------------------------------------------------------
 */

double as_binomial_pmf(size_t k, size_t n, double p)
{
    if (!(p >= 0 && p <= 1)) return NAN;
    if (k > n) return 0;
    return binomial_mass((double)k, (double)(n - k), p, 1 - p);
}

double as_binomial_cdf(size_t k, size_t n, double p)
{
    if (!(p >= 0 && p <= 1)) return NAN;
    if (k >= n) return 1;
    return beta_split((double)(n - k), (double)k + 1, 1 - p, p);
}

double as_binomial_upper(size_t k, size_t n, double p)
{
    if (!(p >= 0 && p <= 1)) return NAN;
    if (k == 0) return 1;
    if (k > n) return 0;
    return beta_split((double)k, (double)(n - k) + 1, p, 1 - p);
}

double as_hypergeometric_pmf(size_t k, size_t total, size_t good, size_t drawn)
{
    if (good > total || drawn > total) return NAN;
    size_t bad = total - good;
    if (k > good || k > drawn || drawn - k > bad) return 0;
    if (drawn == 0) return 1;
    /* any common p cancels in the ratio; drawn/total keeps all three masses near their modes */
    double p = (double)drawn / (double)total, q = (double)(total - drawn) / (double)total;
    double from_good = binomial_mass((double)k, (double)(good - k), p, q);
    double from_bad = binomial_mass((double)(drawn - k), (double)(bad - (drawn - k)), p, q);
    return from_good * from_bad / binomial_mass((double)drawn, (double)(total - drawn), p, q);
}

/* Sum of the masses lo..hi, outermost (smallest) first when the sum runs from a tail inwards. */
static double hypergeometric_sum(size_t lo, size_t hi, bool from_hi, size_t total, size_t good,
                                 size_t drawn)
{
    double sum = 0;
    for (size_t i = lo; i <= hi; i++)
        sum += as_hypergeometric_pmf(from_hi ? hi - (i - lo) : i, total, good, drawn);
    return fmin(sum, 1);
}

double as_hypergeometric_cdf(size_t k, size_t total, size_t good, size_t drawn)
{
    if (good > total || drawn > total) return NAN;
    size_t bad = total - good, lo = drawn > bad ? drawn - bad : 0;
    size_t hi = good < drawn ? good : drawn;
    if (k < lo) return 0;
    if (k >= hi) return 1;
    return hypergeometric_sum(lo, k, false, total, good, drawn);
}

double as_hypergeometric_upper(size_t k, size_t total, size_t good, size_t drawn)
{
    if (good > total || drawn > total) return NAN;
    size_t bad = total - good, lo = drawn > bad ? drawn - bad : 0;
    size_t hi = good < drawn ? good : drawn;
    if (k <= lo) return 1;
    if (k > hi) return 0;
    return hypergeometric_sum(k, hi, true, total, good, drawn);
}
