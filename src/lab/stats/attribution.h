/* Which of many heads tells two cohorts apart, by a number (its norm) or by a direction (its mean
 * vector)? Each answer comes with what shuffled labels give: the largest of hundreds of effects is
 * far from zero when none of them is real, and a direction looks strong on the rows that made it.
 *
 * Everywhere here: y (n) holds 0 or 1 (AS_EFORMAT otherwise), a value that is not finite is
 * AS_ENUMERIC by row and column, and a quantity that needs a class which is absent is NaN. Shuffles
 * of draw i come from stream (how->seed, how->purpose, i) and are the same for every head, so the
 * maximum over heads keeps their correlation; same bytes for any number of threads. */
#ifndef AS_LAB_STATS_ATTRIBUTION_H
#define AS_LAB_STATS_ATTRIBUTION_H

#include <stdint.h>

#include "lab/stats/resample.h"

typedef enum {
    AS_EFFECT_SIGNED,  /* the largest d: more in class 1 */
    AS_EFFECT_ABSOLUTE /* the largest |d| */
} as_effect_side;

/* The strongest head, and the p of the maximum: (1 + draws whose maximum is at least as large) /
 * (1 + draws). Westfall & Young 1993, Resampling-Based Multiple Testing, 2.3. */
typedef struct {
    size_t n_pos, n_neg;
    size_t head;    /* the first one in the order */
    double maximum; /* its d, or |d| */
    double p;
} as_attribution;

/* Cohen's d of class 1 against class 0 for every head (as_cohens_d of paired.h), and the
 * permutation null of their maximum: labels shuffled among all rows.
 *
 *   d      (heads)       out
 *   order  (heads)       out: heads by d or |d|, falling; equal ones by number
 *   null   (how->draws)  out: the maximum of each draw; NaN when a class is empty
 *   x      (n, heads)    one number for each row and head
 *
 * Borrows all. */
AS_MUST_CHECK bool as_attribution_of(as_attribution *out, double *d, size_t *order, double *null,
                                     const double *x, size_t n, size_t heads, const uint8_t *y,
                                     as_effect_side side, const as_resample *how, as_error *err);

/* The difference of the cohorts' means as a direction. With mu_c the mean of class c:
 *
 *   u = (mu_1 - mu_0) / |mu_1 - mu_0|,   s_i = u . (x_i - (mu_0 + mu_1)/2),
 *
 * and d is as_cohens_d of s. In sample, u is made of the rows it is judged by, and d grows with the
 * number of columns whatever the labels mean. Cross-fitted, u and the midpoint for the rows of a
 * fold come from the other folds. A difference not above 1e-8 has no direction: s is 0 and so is
 * d. */
typedef struct {
    double distance;  /* |mu_1 - mu_0| */
    double cosine;    /* of the angle between mu_0 and mu_1; NaN when one of them is 0 */
    double in_sample; /* d */
    double crossfit;  /* d; NaN when some fold leaves the others without a class */
    double p;         /* of crossfit, one-sided */
    double p_max;     /* the same, against the largest crossfit over heads in each draw */
} as_direction;

/* One direction for each head; heads 1 for a single matrix. Labels are shuffled inside folds, so
 * each fold keeps its class counts; everything is computed anew in each draw.
 *
 *   out       (heads)
 *   unit      (heads, dim)         out: u from all rows, 0 where there is none; may be NULL
 *   in_sample (how->draws, heads)  out: the d of each draw; may be NULL
 *   crossfit  (how->draws, heads)  out
 *   x         (n, heads, dim)
 *   fold      (n)                  of 0..k-1; stratified, by as_fold_stratified
 *
 * Rows enter through their inner products when n <= dim. Borrows all. Needs as_stats_init. */
AS_MUST_CHECK bool as_direction_of(as_direction *out, double *unit, double *in_sample,
                                   double *crossfit, const double *x, size_t n, size_t heads,
                                   size_t dim, const uint8_t *y, const uint8_t *fold, size_t k,
                                   const as_resample *how, as_error *err);

#endif
