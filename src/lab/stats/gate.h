/* A gate asserts an answer when its predicted P(correct) passes a threshold. y = 1: truly correct.
 *   p_c(t) = share of correct rows asserted,  p_w(t) = share of wrong rows asserted,
 *   asym(t) = p_w - p_c; negative is the calibrated direction, -1 the best there is.
 * An empty class gives NaN. All in double, comparisons as written. */
#ifndef AS_LAB_STATS_GATE_H
#define AS_LAB_STATS_GATE_H

#include <stdint.h>

#include "base/error.h"

typedef enum {
    AS_GATE_ABOVE,   /* assert when p > t */
    AS_GATE_AT_LEAST /* assert when p >= t */
} as_gate_rule;

/* t_k = lo + k * ((hi - lo) / (n - 1)), k = 0..n-1, in double and in this order of operations. */
typedef struct {
    double lo, hi;
    size_t n; /* 1 to AS_GATE_MAX */
} as_gate_grid;

#define AS_GATE_MAX 65535
#define AS_GATE_STANDARD ((as_gate_grid){0.05, 0.95, 91})

double as_gate_threshold(as_gate_grid grid, size_t k);

typedef struct {
    double t;
    size_t c, w; /* correct and wrong rows asserted */
    double p_c, p_w, asym;
} as_gate_point;

/* One threshold; also applies a threshold chosen on other data. p (n). Cannot fail: a NaN in p is
 * not asserted. */
as_gate_point as_gate_at(const double *p, const uint8_t *y, size_t n, double t, as_gate_rule rule);

/* Every threshold: points (grid.n) out. AS_ENUMERIC for a NaN in p, AS_EUSAGE for a grid that does
 * not rise. */
AS_MUST_CHECK bool as_gate_scan(as_gate_point *points, const double *p, const uint8_t *y, size_t n,
                                as_gate_grid grid, as_gate_rule rule, as_error *err);

/* Scans upward and replaces only on a strictly smaller asym. found is false when no point
 * qualifies (or asym is undefined); then k is 0 and at is all NaN and 0. */
typedef struct {
    bool found;
    size_t k;
    as_gate_point at;
} as_gate_best;

/* The smallest asym of all. */
as_gate_best as_gate_min(const as_gate_point *points, size_t n);
/* The smallest asym among points with p_c >= coverage ("balanced asymmetry"). */
as_gate_best as_gate_balanced(const as_gate_point *points, size_t n, double coverage);

/* For permutations of y over fixed p: bin_i = how many thresholds of the grid assert row i (they
 * are the first ones). */
AS_MUST_CHECK bool as_gate_bins(uint16_t *bin, const double *p, size_t n, as_gate_grid grid,
                                as_gate_rule rule, as_error *err);
/* The balanced asymmetry from bins, NaN when no threshold qualifies; *k (may be NULL) the index.
 * coverage <= 0 gives the plain minimum. count: 2 (n_grid + 1) numbers of scratch. */
double as_gate_balanced_bins(const uint16_t *bin, const uint8_t *y, size_t n, size_t n_grid,
                             double coverage, size_t *k, uint32_t *count);

#endif
