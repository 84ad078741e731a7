/* Area under the ROC curve as an exact pair count, with its standard errors.
 *
 * Everywhere in this room: score (n) is the number that should be high for positives, y (n) holds
 * 0 or 1. A NaN score is AS_ENUMERIC, another label AS_EFORMAT. A quantity that needs a class which
 * is absent is NaN, not an error. */
#ifndef AS_LAB_STATS_AUC_H
#define AS_LAB_STATS_AUC_H

#include <stdint.h>

#include "base/error.h"

/* wins = pairs (positive, negative) with score_pos > score_neg, ties = pairs with equal scores;
 * auc = (wins + ties/2) / (n_pos n_neg). Bamber 1975; Mann & Whitney 1947 (mid-ranks). */
typedef struct {
    size_t n_pos, n_neg;
    uint64_t wins, ties;
    double auc; /* NaN when a class is empty */
} as_auc;

AS_MUST_CHECK bool as_auc_of(as_auc *out, const double *score, const uint8_t *y, size_t n,
                             as_error *err);

/* Twice the mid-rank (1-based, so 2..2n) of each score: a tie group from sorted place i to j gets
 * i + j + 2. For permutations: 2 wins + ties = sum of rank2 over positives - n_pos (n_pos + 1). */
AS_MUST_CHECK bool as_auc_ranks(uint32_t *rank2, const double *score, size_t n, as_error *err);
/* The AUC from those ranks, NaN when a class is empty. Labels other than 0 count as 1. */
double as_auc_from_ranks(const uint32_t *rank2, const uint8_t *y, size_t n);

/* The curve: points[0] = (+inf, 0, 0), then one point per distinct score, falling; a row counts as
 * called when score >= threshold. Shares are tp / n_pos and fp / n_neg. */
typedef struct {
    double threshold;
    size_t tp, fp;
} as_roc_point;

/* points has room for n + 1; *n_points says how many were written. */
AS_MUST_CHECK bool as_roc_points(as_roc_point *points, size_t *n_points, const double *score,
                                 const uint8_t *y, size_t n, as_error *err);

/* DeLong, DeLong & Clarke-Pearson 1988, components from mid-ranks (Sun & Xu 2014):
 *   var = S10 / n_pos + S01 / n_neg,   S with divisors n_pos - 1 and n_neg - 1.
 * low, high: auc -+ z se, cut to [0, 1]; level is the coverage, 0.95. se and limits are NaN when a
 * class has fewer than two rows. A perfect AUC has se 0: the interval says nothing then. */
typedef struct {
    double auc, se, low, high;
} as_delong;

AS_MUST_CHECK bool as_delong_of(as_delong *out, const double *score, const uint8_t *y, size_t n,
                                double level, as_error *err);

/* Two scores of the same rows: difference = auc_a - auc_b, its se with the covariance of the
 * components, z = difference / se and the two-sided normal p. se 0 (the same order): z and p are
 * NaN unless the difference is 0, then z = 0 and p = 1. */
typedef struct {
    double auc_a, auc_b, difference, se, low, high, z, p;
} as_delong_pair;

AS_MUST_CHECK bool as_delong_compare(as_delong_pair *out, const double *a, const double *b,
                                     const uint8_t *y, size_t n, double level, as_error *err);

/* Hanley & McNeil 1982, with Q1 = A / (2 - A) and Q2 = 2 A^2 / (1 + A):
 *   se^2 = (A (1 - A) + (n_pos - 1)(Q1 - A^2) + (n_neg - 1)(Q2 - A^2)) / (n_pos n_neg).
 * NaN when A is outside [0, 1] or a class is empty. */
double as_hanley_se(double auc, size_t n_pos, size_t n_neg);
/* At A = 1/2: sqrt((n_pos + n_neg + 1) / (12 n_pos n_neg)). */
double as_hanley_null_se(size_t n_pos, size_t n_neg);

/* Is a published AUC possible? It must be a whole count of pairs, or of half pairs when scores tie,
 * over n_pos n_neg, once rounding to `decimals` places (at most 17) is allowed for. */
typedef struct {
    uint64_t pairs;      /* n_pos n_neg */
    uint64_t half_pairs; /* nearest 2 wins + ties; even when is_whole */
    double auc;          /* half_pairs / (2 pairs) */
    double gap;          /* published - auc */
    bool is_whole;       /* a count without ties reads as the published digits */
    bool is_half;        /* only a count with an odd number of ties does */
    double chance;       /* share of all numbers with so many decimals that would pass as is_whole;
                            near 1 the check says nothing */
} as_auc_count;

/* Cannot fail on numbers in range; AS_EUSAGE for an AUC outside [0, 1] or an empty class. */
AS_MUST_CHECK bool as_auc_published(as_auc_count *out, double auc, unsigned decimals, size_t n_pos,
                                    size_t n_neg, as_error *err);

#endif
