/* Do two judges, or one judge twice, say the same? Agreement, chance-corrected agreement,
 * intraclass correlation, and the entropy of a set of labels. Nothing here can fail; undefined is
 * NaN. */
#ifndef AS_LAB_STATS_AGREEMENT_H
#define AS_LAB_STATS_AGREEMENT_H

#include <stddef.h>

#include "lab/stats/interval.h"

/* Share of the n items with a[i] == b[i]; NaN when n is 0. */
double as_raw_agreement(const int *a, const int *b, size_t n);

typedef enum { AS_KAPPA_PLAIN, AS_KAPPA_LINEAR, AS_KAPPA_QUADRATIC } as_kappa_weights;

typedef struct {
    size_t n;
    double observed; /* (weighted) agreement */
    double expected; /* the same under independence of the margins */
    double kappa;    /* (observed - expected)/(1 - expected); NaN when expected is 1 */
    double se;       /* of kappa, for the interval */
    double se0;      /* under kappa = 0, for the test */
    double z, p;     /* kappa/se0, two-sided */
    as_interval interval;
} as_kappa;

/* Cohen's kappa of a k x k table of counts, row-major: rows are the first judge's label, columns
 * the second's. Weights 1 - |i-j|/(k-1) or 1 - (i-j)^2/(k-1)^2, or 1 on the diagonal only. Cohen
 * 1960, Educ. Psychol. Meas. 20:37-46 and 1968, Psychol. Bull. 70:213-220; both standard errors
 * from Fleiss, Cohen & Everitt 1969, Psychol. Bull. 72:323-327. k < 2 or no
 * counts: NaN. Cost k^3. */
as_kappa as_cohens_kappa(const size_t *table, size_t k, as_kappa_weights weights, double level);

/* Counts pairs of labels into table (k, k), which is zeroed first. Labels outside 0..k-1 are left
 * out; returns the number of pairs counted. */
size_t as_label_table(size_t *table, size_t k, const int *a, const int *b, size_t n);

typedef enum {
    AS_ICC_1, /* (1,1): each target rated by other judges; one-way random effects */
    AS_ICC_2, /* (2,1): the same random judges for all targets, absolute agreement */
    AS_ICC_3  /* (3,1): these judges only, consistency */
} as_icc_kind;

typedef struct {
    size_t n_targets, n_judges;
    double icc;
    double f, df1, df2, p; /* of "no target differs from another" */
    as_interval interval;  /* of the ICC */
} as_icc_result;

/* Intraclass correlation of single ratings x (targets, judges), row-major, from the mean squares of
 * the two-way analysis of variance. Shrout & Fleiss 1979, Psychol. Bull. 86:420-428; intervals from
 * there and McGraw & Wong 1996, Psychol. Methods 1:30-46, table 7 (that of (2,1) by Satterthwaite's
 * df). Fewer than two targets or judges, a NaN rating, or no variation at all: NaN. No residual
 * variation: icc and f as the formulas give them, interval NaN. */
as_icc_result as_icc(const double *x, size_t n_targets, size_t n_judges, as_icc_kind kind,
                     double level);

/* Shannon entropy of counts in bits, -sum p log2 p; 0 for a single label, NaN when there are none.
 * Plug-in estimate. Shannon 1948, Bell System Technical Journal 27:379-423. */
double as_entropy_bits(const size_t *count, size_t k);

#endif
