/* Power, and the smallest effect a design can see. Planning formulas: normal approximations unless
 * a name says exact. `sides` is 1 or 2; z = Phi^-1(1 - alpha/sides). The far tail of a two-sided
 * test is counted. Impossible input gives NaN; an effect that no possible value reaches gives NaN
 * as well. */
#ifndef AS_LAB_STATS_POWER_H
#define AS_LAB_STATS_POWER_H

#include <stdbool.h>
#include <stddef.h>

/* Test of two independent proportions p1 (n1) and p2 (n2):
 * Phi((|p1-p2| - z s0)/s1), plus the far tail when two-sided, s1^2 = p1(1-p1)/n1 + p2(1-p2)/n2.
 * s0 = s1 for the unpooled z of as_two_proportions; is_pooled takes s0^2 = p(1-p)(1/n1 + 1/n2) with
 * p = (n1 p1 + n2 p2)/(n1 + n2), the score test. Fleiss, Levin & Paik 2003, Statistical Methods for
 * Rates and Proportions, 4.2. s1 = 0: 1 when |p1-p2| > z s0, else 0. */
double as_power_proportions(double p1, size_t n1, double p2, size_t n2, double alpha, int sides,
                            bool is_pooled);
/* Smallest d > 0 such that p1 = base + sign d (sign 1 or -1) against p2 = base is seen with the
 * power. */
double as_mde_proportions(double base, int sign, size_t n1, size_t n2, double alpha, int sides,
                          double power, bool is_pooled);

typedef enum {
    AS_PAIRED_SIMPLE, /* variance discordance/n under both hypotheses */
    AS_PAIRED_CONNOR, /* under the alternative (discordance - difference^2)/n */
    AS_PAIRED_EXACT   /* as_mcnemar_exact, averaged over the number of discordant pairs */
} as_paired_method;

/* Paired proportions: n pairs, a share `discordance` of them discordant, true difference
 * `difference`. SIMPLE gives the mde (z + z_power) sqrt(discordance/n). Connor 1987, Biometrics
 * 43:207-211. EXACT with one side spends alpha on the tail in the direction of the difference. */
double as_power_paired(double difference, double discordance, size_t n, double alpha, int sides,
                       as_paired_method method);
double as_mde_paired(double discordance, size_t n, double alpha, int sides, double power,
                     as_paired_method method);

/* Power to tell an area under the ROC curve of auc from auc_null: Phi((|auc-auc_null| - z s0)/s1),
 * plus the far tail when two-sided; s0 and s1 are as_hanley_se (auc.h) at auc_null and at auc. A
 * gate ("at least 0.63") is a one-sided question. Hanley & McNeil 1982, Radiology 143:29-36. */
double as_power_auc(double auc, double auc_null, size_t n_pos, size_t n_neg, double alpha,
                    int sides);
/* Smallest auc above auc_null that is seen with the power. */
double as_mde_auc(double auc_null, size_t n_pos, size_t n_neg, double alpha, int sides,
                  double power);

/* Assertion asymmetry, P(assert | wrong) - P(assert | correct), in cohorts of n_wrong and n_correct
 * items: as_power_proportions, pooled, with P(assert | correct) = base and P(assert | wrong) =
 * base + asymmetry. */
double as_power_asymmetry(double asymmetry, double base, size_t n_wrong, size_t n_correct,
                          double alpha, int sides);
/* Smallest d > 0 such that an asymmetry of -d is seen with the power. */
double as_mde_asymmetry(double base, size_t n_wrong, size_t n_correct, double alpha, int sides,
                        double power);

/* Power of a t test of a paired mean: n pairs, standardised effect d = mean/SD, normal
 * approximation to the non-central t: Phi(|d| sqrt(n) - t) with t the Student quantile; the far
 * tail when two-sided. */
double as_power_paired_mean(double d, size_t n, double alpha, int sides);

#endif
