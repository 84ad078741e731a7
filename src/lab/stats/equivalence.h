/* Two one-sided tests: the only ground on which "no difference" or "preserved" may be said.
 * Schuirmann 1987, J. Pharmacokinetics Biopharm. 15:657-680.
 *
 * The difference is equivalent to zero within (lo, hi) when both "difference <= lo" and "difference
 * >= hi" are rejected at alpha, which is the same as the 1 - 2 alpha interval lying strictly
 * inside. */
#ifndef AS_LAB_STATS_EQUIVALENCE_H
#define AS_LAB_STATS_EQUIVALENCE_H

#include <stdbool.h>

#include "lab/stats/interval.h"

typedef struct {
    size_t n;
    double estimate, se, df; /* df infinite: normal */
    double margin_lo, margin_hi, alpha;
    double p_lo, p_hi;    /* of "difference <= margin_lo" and of "difference >= margin_hi" */
    double p;             /* the larger of the two */
    as_interval interval; /* 1 - 2 alpha */
    bool is_equivalent;   /* p < alpha; false when p is NaN */
} as_equivalence;

/* From an estimate, its SE and degrees of freedom (INFINITY: normal). A standard error of 0 is a
 * sample too poor to show any variation, not certainty: p is NaN and is_equivalent false. So are
 * NaN input, margin_lo >= margin_hi and alpha outside (0, 0.5). n is stored as given. */
as_equivalence as_tost(double estimate, double se, double df, size_t n, double margin_lo,
                       double margin_hi, double alpha);

/* k1/n1 - k2/n2 within -+margin, normal, unpooled SE. */
as_equivalence as_tost_proportions(size_t k1, size_t n1, size_t k2, size_t n2, double margin,
                                   double alpha);

/* mean(x - y) within -+margin, Student's t on n - 1 df. y may be NULL. */
as_equivalence as_tost_paired(const double *x, const double *y, size_t n, double margin,
                              double alpha);

/* Equivalence of two independent or of paired proportions by Newcombe's score interval of level
 * 1 - 2 alpha lying strictly inside -+margin. Has an answer where the SE is 0 (20/20 against
 * 20/20). se, df and the p values are NaN. Newcombe 1998 as in interval.h. */
as_equivalence as_equivalent_score(size_t k1, size_t n1, size_t k2, size_t n2, double margin,
                                   double alpha);
as_equivalence as_equivalent_score_paired(size_t both, size_t first, size_t second, size_t neither,
                                          double margin, double alpha);

#endif
