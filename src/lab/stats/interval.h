/* Confidence intervals of proportions and of their differences, and the two structs that every
 * other part of this room hands back. Counts in, two numbers out; nothing here can fail.
 *
 * `level` is the two-sided coverage, 0.95 for "95 %". Undefined input (n == 0, k > n, level not
 * strictly between 0 and 1) gives {NaN, NaN}. */
#ifndef AS_LAB_STATS_INTERVAL_H
#define AS_LAB_STATS_INTERVAL_H

#include <stddef.h>

typedef struct {
    double lo, hi;
} as_interval;

/* What a test of one number says. A field that has no meaning for a method is NaN; df is infinite
 * for methods that use the normal distribution. p is two-sided. */
typedef struct {
    size_t n;        /* observations or pairs used */
    double estimate; /* the effect itself, in its own unit */
    double se;       /* standard error of estimate */
    double statistic;
    double df;
    double p;
    as_interval interval;
} as_estimate;

/* Both limits NaN. */
as_interval as_interval_none(void);

/* Score interval of k of n. With p = k/n and z the normal quantile of (1+level)/2:
 * (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n); 0 and 1 are exact at k = 0 and k = n.
 * Wilson 1927, JASA 22:209-212. */
as_interval as_wilson(size_t k, size_t n, double level);

/* Exact interval of k of n: lo = B(a; k, n-k+1), hi = B(1-a; k+1, n-k), B the beta quantile and
 * a = (1-level)/2; lo = 0 at k = 0, hi = 1 at k = n. Clopper & Pearson 1934, Biometrika 26:404-413.
 */
as_interval as_clopper_pearson(size_t k, size_t n, double level);

/* Hybrid score interval of k1/n1 - k2/n2 for two independent samples. With Wilson limits (l1,u1),
 * (l2,u2) and D = p1 - p2: lo = D - sqrt((p1-l1)^2 + (u2-p2)^2), hi = D + sqrt((u1-p1)^2 +
 * (p2-l2)^2). Newcombe 1998, Statistics in Medicine 17:873-890, method 10. */
as_interval as_newcombe_difference(size_t k1, size_t n1, size_t k2, size_t n2, double level);

/* Score interval of the paired difference (a+b)/n - (a+c)/n = (b-c)/n, where of the n = a+b+c+d
 * pairs `both` (a) succeed twice, `first` (b) only in the first condition, `second` (c) only in the
 * second, `neither` (d) in none. Wilson limits of the two margins are joined with their
 * correlation: lo = D - sqrt(dl1^2 - 2 phi dl1 du2 + du2^2), dl1 = p1 - l1, du2 = u2 - p2 hi = D +
 * sqrt(du1^2 - 2 phi du1 dl2 + dl2^2) phi = C / sqrt of the product of the four margins; with Q =
 * ad - bc the numerator C is max(Q - n/2, 0) for Q > 0 and Q otherwise; phi = 0 when a margin is
 * zero. Newcombe 1998, Statistics in Medicine 17:2635-2650, method 10. */
as_interval as_newcombe_paired(size_t both, size_t first, size_t second, size_t neither,
                               double level);

/* estimate -+ z se, z from the normal distribution. NaN in, NaN out. */
as_interval as_normal_interval(double estimate, double se, double level);
/* estimate -+ t se with df degrees of freedom; df may be infinite. */
as_interval as_t_interval(double estimate, double se, double df, double level);

#endif
